"""What Application Auto Scaling refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class AccessDeniedException(AwsError):
    """What IAM refused, in this protocol's words."""

    status = 400


class ObjectNotFoundException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class TooManyTagsException(AwsError): ...


__all__ = [
    "AccessDeniedException",
    "ObjectNotFoundException",
    "ResourceNotFoundException",
    "TooManyTagsException",
    "ValidationException",
]
