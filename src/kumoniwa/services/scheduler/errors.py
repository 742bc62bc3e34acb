"""What EventBridge Scheduler refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class ResourceNotFoundException(AwsError): ...


class ConflictException(AwsError): ...


class ServiceQuotaExceededException(AwsError): ...


__all__ = ["ConflictException", "ResourceNotFoundException", "ServiceQuotaExceededException", "ValidationException"]
