"""What EventBridge Pipes refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class NotFoundException(AwsError): ...


class ConflictException(AwsError): ...


class ServiceQuotaExceededException(AwsError): ...


__all__ = ["ConflictException", "NotFoundException", "ServiceQuotaExceededException", "ValidationException"]
