"""What the tagging API refuses with. Where the words of AWS were not found they are ours, and name the parameter."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidParameterException(AwsError): ...


class PaginationTokenExpiredException(AwsError):
    message = "The pagination token has expired: it is valid for 15 minutes."


class InternalServiceException(AwsError): ...
