"""What CloudWatch refuses with."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError, ValidationException


class InvalidParameterValueException(AwsError): ...


class InvalidParameterCombinationException(AwsError): ...


class MissingRequiredParameterException(AwsError): ...


class InvalidFormatFault(AwsError): ...


class InvalidNextToken(AwsError):
    message = "Request parameter NextToken is invalid"


class LimitExceededFault(AwsError): ...


class ResourceNotFound(AwsError): ...


class ResourceNotFoundException(AwsError):
    message = "Unknown"


class DashboardInvalidInputError(AwsError): ...


class DashboardNotFoundError(AwsError): ...


__all__ = [
    "DashboardInvalidInputError", "DashboardNotFoundError", "InvalidFormatFault", "InvalidNextToken", "InvalidParameterCombinationException",
    "InvalidParameterValueException", "LimitExceededFault", "MissingRequiredParameterException", "ResourceNotFound", "ResourceNotFoundException",
    "ValidationException",
]  # fmt: skip
