"""What a topic is: a name, its attributes, its tags.

Attributes are kept as they are shown, as text, and only those that were set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.sns import delivery_policy, permission
from kumoniwa.services.sns.errors import (
    InvalidParameterException,
    NotFoundException,
    Refused,
    ResourceNotFoundException,
    TagLimitExceededException,
    checked_arn,
)
from kumoniwa.wire import timestamps

TAGS_MAX = 50
DISPLAY_NAME_MAX = 100
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
_FEEDBACK = re.compile(r"(Application|Firehose|HTTP|Lambda|SQS)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)")
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
OF_FIFO = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
ARCHIVED_DAYS_MAX = 365
MESSAGE_BYTES, MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX = 262_144, 1_024, 1_048_576
LARGE_PROTOCOLS, LARGE_SUBSCRIPTIONS_MAX = ("sqs", "lambda", "firehose"), 100
"""Who may hear topics with messages of more than 256 KiB: https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""


class Topic(Record, dict=True):
    """What follows from its attributes is read once from each record: who changes a topic makes another one."""

    name: str
    id: str
    """Ours: rows refer to it, so that a topic deleted and made again starts empty."""
    created: float
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    unsubscribed: int = 0
    """How many subscriptions were deleted."""
    archived_since: float = 0.0

    @cached_property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def is_deduplicated_by_content(self) -> bool:
        return self.attributes.get("ContentBasedDeduplication") == "true"

    @cached_property
    def master_key(self) -> str:
        """The key of KMS that its messages are encrypted under; empty without one."""
        return self.attributes.get("KmsMasterKeyId", "")

    @cached_property
    def is_logged(self) -> bool:
        """Whether somebody wants to know what becomes of messages on their way to queues."""
        return "SQSSuccessFeedbackRoleArn" in self.attributes or "SQSFailureFeedbackRoleArn" in self.attributes

    @cached_property
    def message_bytes_max(self) -> int:
        return int(self.attributes.get("MaximumMessageSize", MESSAGE_BYTES))

    @property
    def is_for_large_messages(self) -> bool:
        return self.message_bytes_max > MESSAGE_BYTES

    @property
    def delivery_policy(self) -> dict[str, Any] | None:
        text = self.attributes.get("DeliveryPolicy")
        return json.loads(text) if text else None


def policy_of(call: Call, arn: str) -> str | None:
    """A topic's policy. There is always one: the default lets the owner do everything."""
    parsed = arns.parse(arn)
    topic = call.shelf(Topic).get(parsed.resource) if parsed is not None else None
    return policy_text(call, topic) if topic is not None else None


def policy_text(call: Call, topic: Topic) -> str:
    return topic.attributes.get("Policy") or permission.default(call.arn(topic.name), call.account)


def named(call: Call, text: str, what: str = "TopicArn") -> Topic:
    """The topic of an ARN, in this region."""
    parts = checked_arn(text, what)
    if parts[3] != call.region or len(parts) != 6:
        raise InvalidParameterException.of(what)
    topic = call.shelf(Topic).get(parts[5]) if parts[4] == call.account else None
    if topic is None:
        raise NotFoundException("Topic does not exist")
    return topic


# Making and showing ----------------------------------------------------------------------------------


def CreateTopic(
    call: Call, *, Name: str, Attributes: dict[str, str] | None = None, Tags: list[dict[str, str]] | None = None
) -> dict:
    """Making a topic that exists answers its ARN, unless something is said of it that is not so."""
    said = Attributes or {}
    is_fifo = said.get("FifoTopic", "").lower() == "true"
    if not (_FIFO_NAME if is_fifo else _NAME).fullmatch(Name):
        raise InvalidParameterException.of("Topic Name")
    attributes = _checked(call, said, Name, is_new=True)
    tags = _tags_of(Tags or [])
    arn = call.arn(Name)
    held = call.shelf(Topic).get(Name)
    if held is not None:
        if any(_plain(held.attributes.get(name, _DEFAULTS.get(name))) != _plain(value) for name, value in attributes.items()):
            raise InvalidParameterException.of("Attributes", "Topic already exists with different attributes")
        if any(held.tags.get(key) != value for key, value in tags.items()):
            raise InvalidParameterException.of("Tags", "Topic already exists with different tags")
        return {"TopicArn": arn}
    _check_archive(attributes)
    if is_fifo:
        attributes = {"ContentBasedDeduplication": "false", **attributes}
    now = call.now()
    topic = Topic(
        name=Name,
        id=call.new_id(),
        created=now,
        attributes=attributes,
        tags=tags,
        archived_since=now if "ArchivePolicy" in attributes else 0.0,
    )
    call.shelf(Topic)[Name] = topic
    return {"TopicArn": arn}


_DEFAULTS = {"DisplayName": "", "SignatureVersion": "1", "TracingConfig": "PassThrough", "ContentBasedDeduplication": "false",
             "MaximumMessageSize": str(MESSAGE_BYTES)}  # fmt: skip


def _plain(text: str | None) -> Any:
    """An attribute for comparison: two documents that say the same are the same."""
    try:
        return json.loads(text) if text and text[0] == "{" else text
    except (ValueError, RecursionError):
        return text


def _checked(call: Call, said: dict[str, str], topic: str, *, is_new: bool) -> dict[str, str]:
    """The attributes that somebody sets, each one valid, as they are shown again."""
    told: dict[str, str] = {}
    for name, value in said.items():
        check = _CHECKS.get(name) or _feedback(name)
        if check is None or (name in OF_FIFO and not topic.endswith(".fifo") and name != "FifoTopic"):
            raise InvalidParameterException.of(*(("Attributes", f"Unknown attribute {name}") if is_new else ("AttributeName",)))
        try:
            told[name] = check(call, value, topic)
        except Refused as error:
            raise InvalidParameterException.of(*(("Attributes", str(error)) if is_new else (str(error),))) from None
    if is_new and told.get("FifoTopic") == "false":
        del told["FifoTopic"]
    return told


def _check_archive(attributes: dict[str, str]) -> None:
    if attributes.get("ArchivePolicy") and attributes.get("KmsMasterKeyId"):
        raise NotImplementedHere("archives of topics with KmsMasterKeyId")


def _display_name(call: Call, value: str, topic: str) -> str:
    if len(value) > DISPLAY_NAME_MAX:
        # Seen of AWS by cdk-preflight: pf-sns-topic-attribute-values.
        raise Refused("DisplayName")
    return value


def _one_of(name: str, *values: str):
    folded = {value.lower(): value for value in values}

    def check(call: Call, value: str, topic: str) -> str:
        if value.lower() not in folded:
            raise InvalidParameterException.of(f"{name}: Invalid value [{value}]. Must be {' or '.join(values)}.")
        return folded[value.lower()]

    return check


def _policy(call: Call, value: str, topic: str) -> str:
    return permission.checked(value) if value else ""


def _delivery_policy(call: Call, value: str, topic: str) -> str:
    return json.dumps(delivery_policy.of_topic(value), separators=(",", ":")) if value else ""


def _message_size(call: Call, value: str, topic: str) -> str:
    if not value.isdecimal() or not MESSAGE_BYTES_MIN <= int(value) <= MESSAGE_BYTES_MAX:
        raise InvalidParameterException.of(f"MaximumMessageSize: Invalid value [{value}]. Must be from {MESSAGE_BYTES_MIN} to {MESSAGE_BYTES_MAX}.")
    return value


def _archive_policy(call: Call, value: str, topic: str) -> str:
    """https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html"""
    if value in ("", "{}"):
        return ""
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or set(said) != {"MessageRetentionPeriod"}:
        raise InvalidParameterException.of("ArchivePolicy", "MessageRetentionPeriod must be specified")
    days = str(said["MessageRetentionPeriod"])
    if not days.isdecimal() or not 1 <= int(days) <= ARCHIVED_DAYS_MAX:
        # Seen of AWS by cdk-preflight: pf-sns-fifo-only-attributes.
        raise Refused("ArchivePolicy: MessageRetentionPeriod value is invalid")
    return json.dumps({"MessageRetentionPeriod": days}, separators=(",", ":"))


def _feedback(name: str) -> Callable[[Call, str, str], str] | None:
    """The check of an attribute about the logging of deliveries; None if it is another one.

    A rate without a role logs nothing, on AWS as here, and Terraform sets a rate of zero. No source states the texts for wrong ones.
    """

    def check(call: Call, value: str, topic: str) -> str:
        if value and not name.endswith("SampleRate"):
            if not _ROLE.fullmatch(value):
                raise InvalidParameterException.of(f"{name}: Invalid value [{value}]. Must be the ARN of a role.")
            call.require("iam:PassRole", value, **{"iam:PassedToService": "sns.amazonaws.com"})
            return value
        if value and not (value.isascii() and value.isdecimal() and int(value) <= 100):
            raise InvalidParameterException.of(f"{name}: Invalid value [{value}]. Must be from 0 to 100.")
        return value

    return check if _FEEDBACK.fullmatch(name) else None


_CHECKS = {
    "DisplayName": _display_name,
    "Policy": _policy,
    "DeliveryPolicy": _delivery_policy,
    "FifoTopic": _one_of("FifoTopic", "true", "false"),
    "ContentBasedDeduplication": _one_of("ContentBasedDeduplication", "true", "false"),
    "FifoThroughputScope": _one_of("FifoThroughputScope", "Topic", "MessageGroup"),
    "SignatureVersion": _one_of("SignatureVersion", "1", "2"),
    "TracingConfig": _one_of("TracingConfig", "PassThrough", "Active"),
    "ArchivePolicy": _archive_policy,
    "MaximumMessageSize": _message_size,
    "KmsMasterKeyId": lambda call, value, topic: value,
}


def SetTopicAttributes(call: Call, *, TopicArn: str, AttributeName: str, AttributeValue: str | None = None) -> None:
    topic = named(call, TopicArn)
    if AttributeName == "FifoTopic":
        raise InvalidParameterException.of("AttributeName")
    told = _checked(call, {AttributeName: AttributeValue or ""}, topic.name, is_new=False)
    attributes = {name: value for name, value in {**topic.attributes, **told}.items() if value or name == "DisplayName"}
    _check_archive(attributes)
    since = topic.archived_since
    if AttributeName == "ArchivePolicy":
        since = (since or call.now()) if told["ArchivePolicy"] else 0.0
    call.shelf(Topic)[topic.name] = changed(topic, attributes=attributes, archived_since=since)


def shown(call: Call, topic: Topic, confirmed: int, pending: int) -> dict[str, str]:
    said = dict(topic.attributes)
    effective = delivery_policy.effective_of_topic(topic.delivery_policy)
    told = {
        "TopicArn": call.arn(topic.name),
        "Owner": call.account,
        "DisplayName": said.pop("DisplayName", ""),
        "Policy": policy_text(call, topic),
        "EffectiveDeliveryPolicy": json.dumps(effective, separators=(",", ":")),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsPending": str(pending),
        "SubscriptionsDeleted": str(topic.unsubscribed),
        **said,
    }
    if topic.archived_since:
        told["BeginningArchiveTime"] = timestamps.to_millisecond(max(topic.archived_since, call.now() - archived_s(topic)))
    return told


def archived_s(topic: Topic) -> float:
    """For how long the topic's messages are kept."""
    return int(json.loads(topic.attributes["ArchivePolicy"])["MessageRetentionPeriod"]) * 86_400.0


def ListTopics(call: Call) -> dict:
    return {"Topics": [{"TopicArn": call.arn(name)} for name in sorted(call.shelf(Topic))]}


# Tags ----------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidParameterException.of("Tags", "aws: prefixed tag key names are not allowed for external use.")


def _tags_of(listed: list[dict[str, str]]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    if len(tags) < len(listed):
        raise InvalidParameterException.of("Duplicated keys are not allowed.")
    return _checked_tags(tags)


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TagLimitExceededException
    return tags


def _tagged(call: Call, arn: str) -> Topic:
    parsed = arns.parse(arn)
    is_here = parsed is not None and (parsed.service, parsed.region, parsed.account) == ("sns", call.region, call.account)
    topic = call.shelf(Topic).get(parsed.resource) if is_here else None
    if topic is None:
        raise ResourceNotFoundException
    return topic


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(name), each.tags) for name, each in call.shelf(Topic).items()]


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> dict:
    topic = _tagged(call, ResourceArn)
    call.shelf(Topic)[topic.name] = changed(topic, tags=_checked_tags({**topic.tags, **_tags_of(Tags)}))
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict:
    topic = _tagged(call, ResourceArn)
    call.shelf(Topic)[topic.name] = changed(topic, tags={key: value for key, value in topic.tags.items() if key not in TagKeys})
    return {}


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceArn).tags.items()]}


# Permissions ---------------------------------------------------------------------------------------


def AddPermission(call: Call, *, TopicArn: str, Label: str, AWSAccountId: list[str], ActionName: list[str]) -> None:
    topic = named(call, TopicArn)
    policy = permission.with_statement(policy_text(call, topic), TopicArn, Label, AWSAccountId, ActionName, call.home.partition)
    call.shelf(Topic)[topic.name] = changed(topic, attributes={**topic.attributes, "Policy": policy})


def RemovePermission(call: Call, *, TopicArn: str, Label: str) -> None:
    topic = named(call, TopicArn)
    policy = permission.without_statement(policy_text(call, topic), Label)
    attributes = {name: value for name, value in {**topic.attributes, "Policy": policy}.items() if value or name == "DisplayName"}
    call.shelf(Topic)[topic.name] = changed(topic, attributes=attributes)
