"""What Application Signals refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ValidationException(AwsError): ...


class ResourceNotFoundException(AwsError):
    def __init__(self, kind: str, name: str, text: str) -> None:
        super().__init__(text, ResourceType=kind, ResourceId=name)


class ConflictException(AwsError): ...


class AccessDeniedException(AwsError): ...


class ServiceQuotaExceededException(AwsError): ...
