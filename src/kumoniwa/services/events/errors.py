"""What EventBridge refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class ResourceNotFoundException(AwsError): ...


class ResourceAlreadyExistsException(AwsError): ...


class InvalidEventPatternException(AwsError): ...


class LimitExceededException(AwsError):
    message = "The requested resource exceeds the maximum number allowed."


class ManagedRuleException(AwsError): ...


class PolicyLengthExceededException(AwsError): ...


__all__ = [
    "InvalidEventPatternException",
    "LimitExceededException",
    "ManagedRuleException",
    "PolicyLengthExceededException",
    "ResourceAlreadyExistsException",
    "ResourceNotFoundException",
    "ValidationException",
]
