"""What Athena answers instead of a result. Where the words of a refusal are recorded nowhere they are ours, and a comment says so."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidRequestException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class MetadataException(AwsError): ...


class TooManyRequestsException(AwsError): ...


def malformed(text: str) -> InvalidRequestException:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_InvalidRequestException.html"""
    return InvalidRequestException(text, AthenaErrorCode="MALFORMED_QUERY")


def invalid(text: str) -> InvalidRequestException:
    return InvalidRequestException(text, AthenaErrorCode="INVALID_INPUT")
