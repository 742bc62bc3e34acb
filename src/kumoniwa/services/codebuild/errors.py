"""What CodeBuild refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidInputException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class ResourceAlreadyExistsException(AwsError): ...


class AccountLimitExceededException(AwsError): ...
