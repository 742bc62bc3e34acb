"""What SNS refuses with."""

from __future__ import annotations

import re

from kumoniwa.kernel.errors import AwsError


class InvalidParameterException(AwsError):
    @classmethod
    def of(cls, what: str, reason: str = "") -> InvalidParameterException:
        return cls(f"Invalid parameter: {what} Reason: {reason}" if reason else f"Invalid parameter: {what}")


class InvalidParameterValueException(AwsError): ...


class InvalidStateException(AwsError): ...


class NotFoundException(AwsError): ...


class ResourceNotFoundException(AwsError):
    message = "Resource does not exist"


class AuthorizationErrorException(AwsError): ...


class FilterPolicyLimitExceededException(AwsError): ...


class SubscriptionLimitExceededException(AwsError):
    message = "The customer already owns the maximum allowed number of subscriptions."


class TagLimitExceededException(AwsError):
    message = "Could not complete request: tag quota of per resource exceeded"


class BatchEntryIdsNotDistinctException(AwsError):
    message = "Two or more batch entries in the request have the same Id."


class BatchRequestTooLongException(AwsError):
    message = "The length of all the messages put together is more than the limit."


class EmptyBatchRequestException(AwsError):
    message = "The batch request doesn't contain any entries."


class InvalidBatchEntryIdException(AwsError): ...


class TooManyEntriesInBatchRequestException(AwsError):
    message = "The batch request contains more entries than permissible."


class Refused(Exception):
    """A value of an attribute that SNS does not take, and why. What sets it says so in its own words."""


_PARSED = re.compile(r"arn:[^:]+:sns:[^:]+:\d{12}:[^:]+(:[^:]+)?")


def checked_arn(text: str, what: str) -> list[str]:
    """The parts of an ARN that SNS can read; which resource it names is another matter."""
    parts = text.split(":")
    if len(parts) < 6:
        raise InvalidParameterException.of(what, f"An ARN must have at least 6 elements, not {len(parts)}")
    if not _PARSED.fullmatch(text):
        raise InvalidParameterException.of(what)
    return parts
