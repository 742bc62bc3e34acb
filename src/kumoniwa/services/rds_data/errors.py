"""What the Data API refuses with."""

from __future__ import annotations

from kumoniwa.engines.postgresql.session import Refused
from kumoniwa.kernel.errors import AwsError


class BadRequestException(AwsError): ...


class AccessDeniedException(AwsError): ...


class SecretsErrorException(AwsError): ...


class InvalidSecretException(AwsError): ...


class HttpEndpointNotEnabledException(AwsError): ...


class InvalidResourceStateException(AwsError): ...


class DatabaseNotFoundException(AwsError):
    message = "The DB cluster doesn't have a DB instance."


class DatabaseUnavailableException(AwsError):
    """It has no text."""


class DatabaseErrorException(AwsError):
    @classmethod
    def of(cls, refused: Refused) -> DatabaseErrorException:
        """The server's words as the Data API was seen to write them: no details, and where there is no such database, no ``FATAL``
        (aws/aws-cli#8577)."""
        said = refused.fields
        severity = "ERROR" if refused.state == "3D000" else said.get("V", "ERROR")
        parts = [f"{severity}: {said.get('M', '')}"]
        parts += [f"{word}: {said[letter]}" for word, letter in (("Hint", "H"), ("Position", "P")) if said.get(letter)]
        return cls("; ".join((*parts, f"SQLState: {refused.state}")))


class StatementTimeoutException(AwsError):
    message = "Request timed out"


class TransactionNotFoundException(AwsError): ...


class UnsupportedResultException(AwsError): ...


class InternalFailure(AwsError):
    """Not of our making: AWS has nothing else to say of a date that never comes."""

    status = 500
