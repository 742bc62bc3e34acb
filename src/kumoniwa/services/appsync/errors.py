"""What AppSync refuses with, on both planes."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class BadRequestException(AwsError): ...


class NotFoundException(AwsError): ...


class UnauthorizedException(AwsError): ...


class AccessDeniedException(AwsError): ...


class LimitExceededException(AwsError): ...


class ApiKeyLimitExceededException(AwsError): ...


class ApiKeyValidityOutOfBoundsException(AwsError): ...


class ApiLimitExceededException(AwsError): ...


class ConcurrentModificationException(AwsError): ...


class ConflictException(AwsError): ...


class GraphQLSchemaException(AwsError): ...


class ServiceQuotaExceededException(AwsError): ...
