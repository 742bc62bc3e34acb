"""What Access Analyzer refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError):
    @classmethod
    def of(cls, kind: str, name: str) -> ResourceNotFoundException:
        """``of("analyzer", ARN)``"""
        return cls(f"The {kind} {name} does not exist.", resourceId=name, resourceType=kind)


class ConflictException(AwsError):
    @classmethod
    def of(cls, kind: str, name: str, text: str) -> ConflictException:
        return cls(text, resourceId=name, resourceType=kind)


class ServiceQuotaExceededException(AwsError):
    @classmethod
    def of(cls, kind: str, name: str, text: str) -> ServiceQuotaExceededException:
        return cls(text, resourceId=name, resourceType=kind)


class ValidationException(AwsError):
    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text, hint=hint, reason="other")


class InvalidParameterException(AwsError): ...


class UnprocessableEntityException(AwsError): ...


class AccessDeniedException(AwsError): ...
