"""What the second API refuses with, and which of the first one's refusals each of them stands for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ses import errors as first


class NotFoundException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class BadRequestException(AwsError): ...


class TooManyRequestsException(AwsError): ...


class SendingPausedException(AwsError): ...


class LimitExceededException(AwsError): ...


class ConflictException(AwsError): ...


_THEIRS: dict[type[AwsError], type[AwsError]] = {
    first.AccountSendingPausedException: SendingPausedException,
    first.AlreadyExistsException: AlreadyExistsException,
    first.ConfigurationSetAlreadyExistsException: AlreadyExistsException,
    first.ConfigurationSetDoesNotExistException: NotFoundException,
    first.ConfigurationSetSendingPausedException: SendingPausedException,
    first.EventDestinationAlreadyExistsException: AlreadyExistsException,
    first.EventDestinationDoesNotExistException: NotFoundException,
    first.InvalidConfigurationSetException: BadRequestException,
    first.InvalidParameterValue: BadRequestException,
    first.InvalidPolicyException: BadRequestException,
    first.InvalidRenderingParameterException: BadRequestException,
    first.InvalidSNSDestinationException: BadRequestException,
    first.InvalidTemplateException: BadRequestException,
    first.LimitExceededException: LimitExceededException,
    first.MissingRenderingAttributeException: BadRequestException,
    first.TemplateDoesNotExistException: NotFoundException,
    first.Throttling: TooManyRequestsException,
}


@contextmanager
def in_own_words() -> Iterator[None]:
    """Refuse as this API does what is refused within."""
    try:
        yield
    except AwsError as error:
        theirs = _THEIRS.get(type(error))
        if theirs is None:
            raise
        raise theirs(error.text, hint=error.hint) from None
