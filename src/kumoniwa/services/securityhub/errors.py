"""What Security Hub refuses with. Each of its errors tells its code once more beside the message."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import AwsError


class SecurityHubError(AwsError):
    def __init__(self, text: str | None = None, /, *, hint: str = "", **members: Any) -> None:
        super().__init__(text, hint=hint, Code=self.code, **members)


class AccessDeniedException(SecurityHubError): ...


class InvalidAccessException(SecurityHubError): ...


class InvalidInputException(SecurityHubError): ...


class LimitExceededException(SecurityHubError): ...


class ResourceConflictException(SecurityHubError): ...


class ResourceNotFoundException(SecurityHubError): ...
