"""What ACM refuses with."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException


class ResourceNotFoundException(AwsError):
    @classmethod
    def of(cls, call: Call, arn: str) -> ResourceNotFoundException:
        return cls(f"Could not find certificate {arn} in account {call.account}.")


class ResourceInUseException(AwsError):
    @classmethod
    def of(cls, call: Call, arn: str) -> ResourceInUseException:
        """https://github.com/dfds/infrastructure-modules/issues/5"""
        return cls(f"Certificate {arn} in account {call.account} is in use.")


class InvalidArnException(AwsError): ...


class InvalidParameterException(AwsError): ...


class InvalidArgsException(AwsError): ...


class InvalidStateException(AwsError): ...


class InvalidTagException(AwsError): ...


class InvalidDomainValidationOptionsException(AwsError): ...


class LimitExceededException(AwsError): ...


class TooManyTagsException(AwsError): ...


class RequestInProgressException(AwsError): ...


class ConflictException(AwsError): ...


__all__ = ["ValidationException"]
