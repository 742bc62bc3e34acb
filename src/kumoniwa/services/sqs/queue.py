"""What a queue is: a name, its attributes, its tags.

Attributes are kept as AWS shows them, as text, and only those that were set; ``of`` fills in the defaults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

from kumoniwa.aws import regions
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import MalformedPolicyDocument, parse

MESSAGE_BYTES_MAX = 1_048_576
"""Since August 2025: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""


class QueueDoesNotExist(AwsError):
    message = "The specified queue does not exist."


class QueueNameExists(AwsError): ...


class InvalidAttributeName(AwsError): ...


class InvalidAttributeValue(AwsError): ...


class InvalidAddress(AwsError): ...


class InvalidParameterValue(AwsError):
    """Not in the model, but what SQS answers to most wrong values."""

    code = "InvalidParameterValueException"
    status = 400

    @classmethod
    def of(cls, name: str, value: Any, reason: str) -> InvalidParameterValue:
        return cls(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


class MissingParameter(AwsError):
    code = "MissingRequiredParameterException"
    status = 400

    @classmethod
    def of(cls, name: str) -> MissingParameter:
        return cls(f"The request must contain the parameter {name}.")


class Queue(Record, dict=True):
    """What follows from its attributes is read once from each record: who changes a queue makes another one."""

    name: str
    id: str
    """Ours: rows refer to it, so that a queue deleted and made again starts empty."""
    created: float
    modified: float
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    purged: float = 0.0

    @cached_property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    def of(self, attribute: str) -> str:
        return self.attributes.get(attribute) or DEFAULTS.get(attribute, "")

    def seconds(self, attribute: str) -> int:
        return int(self.attributes.get(attribute) or DEFAULTS.get(attribute) or REUSE_DEFAULT_S)

    @cached_property
    def message_bytes_max(self) -> int:
        return self.seconds("MaximumMessageSize")

    @cached_property
    def delay_s(self) -> int:
        return self.seconds("DelaySeconds")

    @cached_property
    def retention_s(self) -> int:
        return self.seconds("MessageRetentionPeriod")

    @cached_property
    def visibility_s(self) -> int:
        return self.seconds("VisibilityTimeout")

    @cached_property
    def wait_s(self) -> int:
        return self.seconds("ReceiveMessageWaitTimeSeconds")

    @cached_property
    def master_key(self) -> str:
        """The key of KMS that its messages are encrypted under; empty without one."""
        return self.attributes.get("KmsMasterKeyId", "")

    @cached_property
    def is_sealed(self) -> bool:
        """Whether SQS encrypts its messages under a key of its own."""
        return self.of("SqsManagedSseEnabled") == "true"

    @cached_property
    def dead_letter(self) -> tuple[str, int] | None:
        """The name of the dead-letter queue and the receives a message is allowed, if there is a redrive policy."""
        policy = self.attributes.get("RedrivePolicy")
        if not policy:
            return None
        said = json.loads(policy)
        return said["deadLetterTargetArn"].rpartition(":")[2], int(said["maxReceiveCount"])


DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": str(MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
RANGES = {
    "VisibilityTimeout": (0, 43_200),
    "MaximumMessageSize": (1_024, MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html

CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
    "FifoQueue": ("true", "false"),
}
CLAIMS = frozenset(name for name, values in CHOICES.items() if values == ("true", "false"))
REUSE_DEFAULT_S = "300"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NUMBER = re.compile(r"[0-9]{1,10}")


def check_name(name: str, *, is_fifo: bool) -> None:
    stem = name[:-5] if name.endswith(".fifo") else name
    if len(name) <= 80 and _NAME.fullmatch(stem) and is_fifo == name.endswith(".fifo"):
        return
    if is_fifo:
        raise InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
            ".fifo suffix and be 1 to 80 in length."
        )
    raise InvalidParameterValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")


def checked(
    call: Call, attributes: dict[str, str], *, is_fifo: bool, is_new: bool, before: dict[str, str] | None = None
) -> dict[str, str]:
    """The attributes a client sets, each one valid. Empty text takes an attribute back to its default; claims are
    taken however they are capitalized, and shown in small letters (localstack's validated FIFO tests say ``True``)."""
    attributes = {name: value.lower() if name in CLAIMS else value for name, value in attributes.items()}
    for name, value in attributes.items():
        if name == "KmsMasterKeyId":
            continue  # AWS, too, looks for the key only when it is used.
        if name in RANGES:
            low, high = RANGES[name]
            if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
                raise InvalidAttributeValue(f"Invalid value for the parameter {name}.")
        elif name in CHOICES:
            if name in ("DeduplicationScope", "FifoThroughputLimit") and not is_fifo:
                # Recorded: localstack's test_create_standard_queue_with_fifo_attribute_raises_error.
                raise InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")
            if name in FIFO_DEFAULTS and not is_fifo and not (name == "FifoQueue" and is_new):
                raise InvalidAttributeName(f"Unknown Attribute {name}.")
            if name == "FifoQueue" and is_new and value == "false":
                raise InvalidAttributeName(f"Unknown Attribute {name}.")
            if value not in CHOICES[name]:
                raise InvalidAttributeValue(f"Invalid value for the parameter {name}.")
            if name == "FifoQueue" and value == "false":
                # Recorded: localstack's test_set_unsupported_attribute_fifo.
                raise InvalidAttributeValue(f"Invalid value for the parameter {name}. Reason: Modifying queue type is not supported.")
        elif name in _DOCUMENTS:
            if value:
                _DOCUMENTS[name](call, value, is_fifo)
        else:
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
    if attributes.get("RedrivePolicy"):
        # AWS shows the count as a number, however it was sent.
        policy = json.loads(attributes["RedrivePolicy"])
        attributes = {**attributes, "RedrivePolicy": json.dumps({**policy, "maxReceiveCount": int(policy["maxReceiveCount"])}, separators=(",", ":"))}
    if attributes.get("KmsMasterKeyId"):
        if attributes.get("SqsManagedSseEnabled") == "true":
            raise InvalidAttributeValue(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
            )
        attributes = {**attributes, "SqsManagedSseEnabled": "false"}
    whole = {**(before or {}), **attributes}
    if whole.get("FifoThroughputLimit") == "perMessageGroupId" and whole.get("DeduplicationScope") != "messageGroup":
        # Seen of AWS by cdk-preflight: pf-sqs-high-throughput-pairing.
        reason = "To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup."
        raise InvalidAttributeValue(f"Invalid value for the parameter FifoThroughputLimit. Reason: {reason}")
    return attributes


def _policy(call: Call, text: str, is_fifo: bool) -> None:
    try:
        parse(text, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidAttributeValue("Invalid value for the parameter Policy.", hint=error.text)


def _redrive_policy(call: Call, text: str, is_fifo: bool) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    said = _object("RedrivePolicy", text)
    for part in ("deadLetterTargetArn", "maxReceiveCount"):
        if part not in said:
            raise InvalidParameterValue.of("RedrivePolicy", text, f"Redrive policy does not contain mandatory attribute: {part}.")
    for part in said:
        if part not in ("deadLetterTargetArn", "maxReceiveCount"):
            raise InvalidParameterValue.of("RedrivePolicy", text, "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].")
    count = str(said["maxReceiveCount"])
    if not _NUMBER.fullmatch(count) or not 1 <= int(count) <= 1000:
        raise InvalidParameterValue.of(
            "RedrivePolicy", text, "Invalid value for maxReceiveCount: " + count + ", valid values are from 1 to 1000 both inclusive."
        )
    target = arns.parse(str(said["deadLetterTargetArn"]))
    if target is None or target.service != "sqs":
        raise InvalidParameterValue.of("RedrivePolicy", text, "Invalid value for deadLetterTargetArn.")
    if target.region != call.region:
        # Seen of AWS by cdk-preflight: pf-sqs-redrive-arn-region.
        raise InvalidParameterValue.of("RedrivePolicy", text, "Dead-letter target must be in same region as the source.")
    queue = call.shelf(Queue).get(target.resource) if target.account == call.account else None
    if queue is None:
        raise InvalidParameterValue.of("RedrivePolicy", text, "Dead letter target does not exist.")
    if queue.is_fifo != is_fifo:
        # Seen of AWS with both its full stops: cdk-preflight's pf-sqs-dlq-same-type, https://github.com/byu-oit/handel/issues/253
        raise InvalidParameterValue.of("RedrivePolicy", text, "Dead-letter queue must be same type of queue as the source..")


def _redrive_allow_policy(call: Call, text: str, is_fifo: bool) -> None:
    said = _object("RedriveAllowPolicy", text)
    permission, sources = said.get("redrivePermission"), said.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise InvalidParameterValue.of(
            "RedriveAllowPolicy", text, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        )
    if permission == "byQueue":
        if not isinstance(sources, list) or not 1 <= len(sources) <= 10:
            raise InvalidParameterValue.of(
                "RedriveAllowPolicy", text, "Amazon SQS can't create the redrive allow policy. You must specify 1 to 10 sourceQueueArns."
            )
    elif sources:
        raise InvalidParameterValue.of(
            "RedriveAllowPolicy", text, "Amazon SQS can't create the redrive allow policy. sourceQueueArns is only allowed with byQueue."
        )


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidParameterValue.of(name, text, "Amazon SQS can't create the redrive policy, as it's in an unsupported format.")
    return said


_DOCUMENTS: dict[str, Callable[[Call, str, bool], None]] = {
    "Policy": _policy,
    "RedrivePolicy": _redrive_policy,
    "RedriveAllowPolicy": _redrive_allow_policy,
}


def accepts_dead_letters(target: Queue, source_arn: str) -> bool:
    """Whether a dead-letter queue lets this source redrive to it."""
    text = target.attributes.get("RedriveAllowPolicy")
    if not text:
        return True
    said = json.loads(text)
    return said["redrivePermission"] == "allowAll" or source_arn in said.get("sourceQueueArns", ())


def shown(call: Call, queue: Queue, counts: tuple[int, int, int]) -> dict[str, str]:
    """All attributes, as GetQueueAttributes answers them. ``counts``: visible, in flight, delayed. For how long data keys
    are reused is told of a queue that has a key (localstack's test_set_queue_attributes_default_values)."""
    said = {name: value for name, value in queue.attributes.items() if value}
    if queue.master_key:
        said.setdefault("KmsDataKeyReusePeriodSeconds", REUSE_DEFAULT_S)
    else:
        said.pop("KmsDataKeyReusePeriodSeconds", None)
    return {
        "QueueArn": call.arn(queue.name),
        "ApproximateNumberOfMessages": str(counts[0]),
        "ApproximateNumberOfMessagesNotVisible": str(counts[1]),
        "ApproximateNumberOfMessagesDelayed": str(counts[2]),
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
        **DEFAULTS,
        **(FIFO_DEFAULTS if queue.is_fifo else {}),
        **said,
    }


_OF_REGION = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.")
"""How the two forms of a queue's host name its region. The address of this machine, where a URL mostly leads, names none."""


@lru_cache(maxsize=4096)
def _named(url: str) -> tuple[str, str | None]:
    """The name of a queue in its URL, and the region, where its host says one."""
    found = _OF_REGION.match(url)
    region = found and (found[1] or found[2])
    return url.rpartition("/")[2], region if region and regions.is_region(region) else None


def of_url(call: Call, url: str) -> Queue:
    """The queue of a URL. One of another region does not exist here: https://github.com/danvk/mapsnap/pull/436 tells it."""
    name, region = _named(url)
    queue = call.shelf(Queue).get(name) if region is None or region == call.region else None
    if queue is not None:
        return queue
    if "/" not in url:
        raise InvalidAddress(f"The address {url} is not valid for this endpoint.")
    raise QueueDoesNotExist
