"""Log groups: a name, how long its events are kept, and tags."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

RETENTIONS_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html

DAY_MS = 86_400_000


class ResourceNotFoundException(AwsError):
    message = "The specified log group does not exist."


class ResourceAlreadyExistsException(AwsError): ...


class InvalidParameterException(AwsError): ...


class ValidationException(AwsError): ...


class MetricFilter(Record):
    """Makes figures of what a group is written."""

    name: str
    pattern: str
    metric: str
    namespace: str
    value: str
    """A number, or where it stands in a message."""
    created_ms: int
    default: float | None = None
    is_of_transformed: bool = False
    unit: str | None = None
    dimensions: dict[str, str] = {}


class Group(Record):
    name: str
    number: int
    """What its streams name it by, so that a group made anew under an old name finds none of them."""
    created_ms: int
    retention_days: int = 0
    """Zero: for ever."""
    tags: dict[str, str] = {}
    subscriptions: dict[str, dict[str, Any]] = {}
    """Filters by name, as ``subscription.Filter``."""
    is_protected: bool = False
    """Against being deleted, with all its streams."""
    filters: tuple[MetricFilter, ...] = ()
    key: str = ""
    """The ARN of the key of KMS that what comes in is encrypted under; empty if it is not."""
    transformer: str = ""
    """How its events are transformed, as JSON."""
    transformer_ms: tuple[int, int] = (0, 0)
    """When that was first said, and last."""
    is_transformed: bool = False
    """Whether any of its events may be."""
    protection: str = ""
    """Its data protection policy."""
    protection_ms: int = 0
    protection_status: str = ""
    is_masked: bool = False
    """Whether any of its events may be."""
    is_sealed: bool = False
    """Whether any of its events may be."""


class Numbers(Record):
    """The next free number of a group, shelved under one key."""

    next: int


def next_number(call: Call) -> int:
    held = call.shelf(Numbers).get("group")
    number = held.next if held is not None else 1
    call.shelf(Numbers)["group"] = Numbers(next=number + 1)
    return number


def name_in(identifier: str) -> str:
    """The group's name in a name or an ARN, with or without ``:*`` behind it."""
    if identifier.startswith("arn:"):
        return identifier.partition(":log-group:")[2].removesuffix(":*")
    return identifier


def is_here(call: Call, identifier: str) -> bool:
    """Whether a group of this name, or of this ARN, would be one of this region."""
    if not identifier.startswith("arn:"):
        return True
    parsed = arns.parse(identifier)
    return parsed is not None and parsed.region == call.region


def identified(call: Call, identifier: str) -> Group:
    """The group of a name or an ARN; no region answers for another's."""
    if not is_here(call, identifier):
        raise ResourceNotFoundException
    return existing(call, name_in(identifier))


def existing(call: Call, name: str) -> Group:
    group = call.shelf(Group).get(name)
    if group is None:
        raise ResourceNotFoundException
    return group


def named(call: Call, name: str | None, identifier: str | None) -> Group:
    """The group of operations that take a name or an identifier, one of them.
    Recorded: localstack's TestLogsStreams::test_describe_log_streams_with_log_group_identifier."""
    if name is not None and identifier is not None:
        raise ValidationException("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise InvalidParameterException("Exactly one of [logGroupName, logGroupIdentifier] must be provided.")
    return existing(call, name) if name is not None else identified(call, identifier)


def unprotected(call: Call, name: str) -> Group:
    """A group of which something may be deleted."""
    group = existing(call, name)
    if group.is_protected:
        raise ValidationException(
            "The specified log group has deletion protection enabled.",
            hint="PutLogGroupDeletionProtection with deletionProtectionEnabled false.",
        )
    return group


def brief(call: Call, group: Group) -> dict[str, Any]:
    """A group as a search by pattern shows it.
    Recorded: localstack's TestLogsGroups::test_describe_log_groups_with_pattern."""
    arn = call.arn(f"log-group:{group.name}")
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": len(group.filters),
        "arn": f"{arn}:*",
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }


def shown(call: Call, group: Group, stored_bytes: int) -> dict[str, Any]:
    reply = brief(call, group) | {"storedBytes": stored_bytes, "deletionProtectionEnabled": group.is_protected}
    if group.retention_days:
        reply["retentionInDays"] = group.retention_days
    if group.key:
        reply["kmsKeyId"] = group.key
    if group.protection_status:
        reply["dataProtectionStatus"] = group.protection_status
    return reply
