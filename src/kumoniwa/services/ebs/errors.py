"""What the EBS direct APIs refuse with: a kind, a reason that the model enumerates, and words that no source states, so that they are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kumoniwa.gate import patience
from kumoniwa.kernel.errors import AwsError


class ValidationException(AwsError): ...


class AccessDeniedException(AwsError): ...


class ResourceNotFoundException(AwsError): ...


class ConflictException(AwsError):
    message = "The request uses the same client token as a previous, but non-identical request."


class ConcurrentLimitExceededException(AwsError): ...


class InternalServerException(AwsError): ...


def invalid(text: str, reason: str = "INVALID_PARAMETER_VALUE") -> ValidationException:
    return ValidationException(text, Reason=reason)


def no_snapshot(id_: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The snapshot '{id_}' does not exist.", Reason="SNAPSHOT_NOT_FOUND")


@contextmanager
def in_words_of_ebs() -> Iterator[None]:
    """KMS's refusals, by the reasons that the model has for them."""
    try:
        yield
    except AwsError as error:
        if patience.is_passing(error):
            raise
        if error.code == "AccessDeniedException":
            raise AccessDeniedException(error.text, hint=error.hint, Reason="DEPENDENCY_ACCESS_DENIED") from None
        if error.code == "NotFoundException":
            raise ResourceNotFoundException(error.text, hint=error.hint, Reason="DEPENDENCY_RESOURCE_NOT_FOUND") from None
        raise ValidationException(error.text, hint=error.hint, Reason="INVALID_CUSTOMER_KEY") from None
