"""What Application Auto Scaling refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class ObjectNotFoundException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class TooManyTagsException(AwsError): ...


__all__ = ["ObjectNotFoundException", "ResourceNotFoundException", "TooManyTagsException", "ValidationException"]
