"""What Glue answers instead of a result. Where the words of a refusal are recorded nowhere they are ours, and a comment says so."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class EntityNotFoundException(AwsError): ...


class AlreadyExistsException(AwsError): ...


class InvalidInputException(AwsError): ...


class InvalidStateException(AwsError): ...


class ConcurrentModificationException(AwsError):
    # Recorded: https://github.com/floci-io/floci/issues/1205
    message = "Update table failed due to concurrent modifications."


class ConditionCheckFailureException(AwsError): ...


class ResourceNumberLimitExceededException(AwsError): ...


class ResourceNotReadyException(AwsError): ...


class CrawlerRunningException(AwsError): ...


class CrawlerNotRunningException(AwsError): ...


class CrawlerStoppingException(AwsError): ...


class SchedulerRunningException(AwsError): ...


class SchedulerNotRunningException(AwsError): ...


class NoScheduleException(AwsError): ...


def detail(error: AwsError) -> dict[str, str]:
    """One entry's refusal in a batch."""
    return {"ErrorCode": error.code, "ErrorMessage": error.text}
