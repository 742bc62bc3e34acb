"""What a bucket tells others of: its configuration, the events, and their delivery to queues, topics and functions.

An event is promised in the commit of what it tells of, and delivered at least once by S3 itself, which the destination must allow.
To EventBridge go those it knows, as facts on the region's bus.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import orjson

from kumoniwa.aws import endpoints, models
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.ids import host_id
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3.bucket import S3_ITSELF, Bucket, InvalidArgument, arn, found
from kumoniwa.wire import timestamps
from kumoniwa.wire.xml import MalformedXML

KINDS = {
    "QueueConfigurations": ("QueueArn", "Queue", "sqs"),
    "TopicConfigurations": ("TopicArn", "Topic", "sns"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "CloudFunction", "lambda"),
}
"""Each list of a configuration: the member with the ARN, what refusals call it, and whose ARN it is."""

AGE_S_MAX = 86_400.0
RETRY_S_MAX = 300.0
"""How long is tried, and how often at the end. AWS tells neither."""

HERE = "127.0.0.1"
"""Where everybody calls from."""

POSTED = "s3:Posted"
"""In the context of a principal whose object came by a form."""

_CREATED = {
    "PutObject": ("ObjectCreated:Put", "PutObject"),
    "CopyObject": ("ObjectCreated:Copy", "CopyObject"),
    "CompleteMultipartUpload": ("ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload"),
}
_VERSIONS = {"Replication": "2.2", "ObjectAcl": "2.3", "ObjectTagging": "2.3", "LifecycleExpiration": "2.3", "LifecycleTransition": "2.3",
             "IntelligentTiering": "2.3"}  # fmt: skip
"""Of an event's form; 2.1 for all others."""
_UNSIZED = ("ObjectRemoved", "ObjectAcl", "ObjectTagging", "LifecycleExpiration")
_UNSEQUENCED = ("ObjectAcl", "ObjectTagging", "IntelligentTiering")

_DETAILS = {
    "ObjectCreated": ("Object Created", {}),
    "ObjectRemoved:Delete": ("Object Deleted", {"deletion-type": "Permanently Deleted"}),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", {"deletion-type": "Delete Marker Created"}),
    "LifecycleExpiration:Delete": ("Object Deleted", {"deletion-type": "Permanently Deleted"}),
    "LifecycleExpiration:DeleteMarkerCreated": ("Object Deleted", {"deletion-type": "Delete Marker Created"}),
    "LifecycleTransition": ("Object Storage Class Changed", {}),
    "IntelligentTiering": ("Object Access Tier Changed", {}),
    "ObjectRestore:Post": ("Object Restore Initiated", {}),
    "ObjectRestore:Completed": ("Object Restore Completed", {}),
    "ObjectTagging:Put": ("Object Tags Added", {}),
    "ObjectTagging:Delete": ("Object Tags Deleted", {}),
    "ObjectAcl": ("Object ACL Updated", {}),
}
"""What EventBridge calls an event and what it adds."""


# Configuration ---------------------------------------------------------------------------------------


async def PutBucketNotificationConfiguration(
    call: Call,
    *,
    Bucket: str,
    NotificationConfiguration: dict[str, Any],
    ExpectedBucketOwner: str | None = None,
    SkipDestinationValidation: bool | None = None,
) -> None:
    """Every destination hears a test message first, which it must take."""
    found(call, Bucket)
    said = NotificationConfiguration
    kept: dict[str, Any] = {name: [_checked(call, name, each) for each in said[name]] for name in KINDS if said.get(name)}
    if "EventBridgeConfiguration" in said:
        kept["EventBridgeConfiguration"] = {}
    every = [(*KINDS[name], each) for name in KINDS for each in kept.get(name, ())]
    _check_ids([each["Id"] for *_, each in every])
    _check_overlap([each for *_, each in every])
    if not SkipDestinationValidation:
        await _check_destinations(call, Bucket, [(kind, each[member]) for member, _, kind, each in every])
    bucket = found(call, Bucket)  # the world may have changed meanwhile
    call.shelf(type(bucket))[Bucket] = changed(bucket, notification=kept)


def GetBucketNotificationConfiguration(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    return found(call, Bucket).notification


_NO_QUEUES_IN_ORDER = "FIFO SQS queues are not supported."
_NO_TOPICS_IN_ORDER = (
    "The ARN failed to satisfy constraint: Member must satisfy regular expression pattern: "
    r"^arn:aws[\p{Alpha}\-]*:sns:[\p{Alnum}\-]+:[\p{Digit}]{12}:[\p{Alnum}\-_]{1,256}$"
)


@cache
def _known_events() -> frozenset[str]:
    configuration = models.service("s3").operation("PutBucketNotificationConfiguration").input.members["NotificationConfiguration"].shape
    return frozenset(configuration.members["QueueConfigurations"].shape.element.shape.members["Events"].shape.element.enum)


def _checked(call: Call, name: str, said: dict[str, Any]) -> dict[str, Any]:
    """A configuration as it is told again. Refusals recorded: test_invalid_sqs_arn, test_filter_rules_case_insensitive and others."""
    member, argument, kind = KINDS[name]
    target = arns.parse(said[member])
    if target is None or target.service != kind or not target.resource:
        raise InvalidArgument("The ARN could not be parsed", ArgumentName=argument, ArgumentValue=said[member])
    if target.region != call.region:
        raise InvalidArgument(
            "The notification destination service region is not valid for the bucket location constraint",
            ArgumentName=argument, ArgumentValue=said[member],
        )  # fmt: skip
    if kind != "lambda" and target.resource.endswith(".fifo"):
        # Seen of AWS by cdk-preflight: pf-s3-notification-fifo-queue and -fifo-topic.
        raise InvalidArgument(_NO_QUEUES_IN_ORDER if kind == "sqs" else _NO_TOPICS_IN_ORDER, ArgumentName=argument, ArgumentValue=said[member])
    for event in said["Events"]:
        if event not in _known_events():
            # Seen of AWS by cdk-preflight: pf-s3-notification-event-name.
            raise InvalidArgument("The event is not supported for notifications", ArgumentName="Event", ArgumentValue=event)
    if not said["Events"]:
        raise MalformedXML
    told = {"Id": said.get("Id") or base64.b64encode(call.ids.random.randbytes(36)).decode(), member: said[member], "Events": said["Events"]}
    rules = ((said.get("Filter") or {}).get("Key") or {}).get("FilterRules")
    if rules is not None:
        told["Filter"] = {"Key": {"FilterRules": [_rule(each) for each in rules]}}
        names = [each["Name"] for each in told["Filter"]["Key"]["FilterRules"]]
        for one in sorted(set(names)):
            if names.count(one) > 1:
                raise InvalidArgument(
                    f"Cannot specify more than one {one.lower()} rule in a filter.", ArgumentName="FilterRule.Name", ArgumentValue=one
                )
    return told


def _rule(said: dict[str, str]) -> dict[str, str]:
    if "Name" not in said or "Value" not in said:
        raise MalformedXML
    name = said["Name"]
    if name.lower() not in ("prefix", "suffix"):
        raise InvalidArgument("filter rule name must be either prefix or suffix", ArgumentName="FilterRule.Name", ArgumentValue=name)
    value = said["Value"]
    if len(value.encode()) > 1024:
        raise InvalidArgument(
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
            ArgumentName="FilterRule.Value",
            ArgumentValue=value,
        )
    return {"Name": name.capitalize(), "Value": value}


def _check_ids(ids: list[str]) -> None:
    for one in ids:
        if ids.count(one) > 1:
            raise InvalidArgument("Same ID used for multiple configurations. IDs must be unique", ArgumentName="Id", ArgumentValue=one)


def _check_overlap(configurations: list[dict[str, Any]]) -> None:
    """No event of an object may have two ways to go.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html"""
    for number, one in enumerate(configurations):
        for other in configurations[:number]:
            if any(_includes(a, b) or _includes(b, a) for a in one["Events"] for b in other["Events"]) and _may_meet(one, other):
                if any("Filter" in each for each in (one, other)):
                    # Seen of AWS by cdk-preflight: pf-s3-notification-overlapping-filters.
                    raise InvalidArgument(
                        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
                        "overlapping for the same event type."
                    )
                raise InvalidArgument(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type. : "
                    f"{', '.join(sorted(one['Events']))}",
                    ArgumentName="Events", ArgumentValue=", ".join(sorted(one["Events"])),
                )  # fmt: skip


def _includes(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))


def _filter(configuration: dict[str, Any]) -> tuple[str, str]:
    rules = ((configuration.get("Filter") or {}).get("Key") or {}).get("FilterRules", ())
    by_name = {each["Name"]: each["Value"] for each in rules}
    return by_name.get("Prefix", ""), by_name.get("Suffix", "")


def _may_meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether some key has both configurations' prefixes and suffixes."""
    (prefix, suffix), (prefix_2, suffix_2) = _filter(one), _filter(other)
    prefixes = prefix.startswith(prefix_2) or prefix_2.startswith(prefix)
    return prefixes and (suffix.endswith(suffix_2) or suffix_2.endswith(suffix))


async def _check_destinations(call: Call, bucket: str, destinations: list[tuple[str, str]]) -> None:
    test = {
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": timestamps.to_millisecond(call.now()), "Bucket": bucket,
        "RequestId": call.request_id, "HostId": host_id(call.request_id),
    }  # fmt: skip
    wrong: dict[str, str] = {}
    for kind, target in destinations:
        try:
            await _sent(call, bucket, kind, target, test, None, is_test=True)
        except AwsError:
            number = len(wrong) // 2 + 1
            wrong[f"ArgumentName{number}"] = target if kind != "lambda" else f"{target}, null"
            wrong[f"ArgumentValue{number}"] = await _reason(call, kind, target)
    if wrong:
        raise InvalidArgument("Unable to validate the following destination configurations", **wrong)


async def _reason(call: Call, kind: str, target: str) -> str:
    """Recorded: test_invalid_sqs_arn, test_invalid_lambda_arn."""
    if kind == "lambda":
        return f"Not authorized to invoke function [{target}]"
    place, noun = arns.parse(target), {"sqs": "queue", "sns": "topic"}[kind]
    owner = principals.root(place.account)
    try:
        if kind == "sqs":
            await call.home.ask(owner, "sqs:GetQueueUrl", {"QueueName": place.resource})
        else:
            await call.home.ask(owner, "sns:GetTopicAttributes", {"TopicArn": target})
    except AwsError:
        return f"The destination {noun} does not exist"
    return f"Permissions on the destination {noun} do not allow S3 to publish notifications from this bucket"


# Events ----------------------------------------------------------------------------------------------


class Sequencer:
    """Orders what happens to a key: a later event has a greater number, in hexadecimal digits."""

    def __init__(self) -> None:
        self.last = 0

    def next(self, call: Call) -> str:
        self.last = max(self.last + 1, int(call.now() * 1_000_000))
        return f"{self.last:018X}"


def created(call: Call, bucket: Bucket, key: str, version: str, size: int, etag: str) -> None:
    """An object was made by the operation that this call is."""
    if bucket.notification:
        event, reason = _CREATED.get(call.operation, _CREATED["PutObject"])
        if POSTED in call.principal.context:
            event, reason = "ObjectCreated:Post", "POST Object"
        happened(call, bucket, event, key, version=version, size=size, etag=etag, reason=reason)


def happened(
    call: Call, bucket: Bucket, event: str, key: str, *, version: str = "", size: int | None = None, etag: str = "", reason: str = "",
    more: dict[str, Any] | None = None, detail: dict[str, Any] | None = None, after_s: float = 0.0,
) -> None:  # fmt: skip
    """Promise to tell of something, perhaps later, to whoever wants to hear of it. ``more`` goes into notifications' records,
    ``detail`` into EventBridge's events."""
    wanted = bucket.notification
    if not wanted:
        return
    family = event.partition(":")[0]
    version = version if version != "null" else ""
    sequencer = call.memory(Sequencer).next(call) if family not in _UNSEQUENCED else ""
    size = None if family in _UNSIZED else size
    for name, (member, _, kind) in KINDS.items():
        for each in wanted.get(name, ()):
            if any(_includes(pattern, f"s3:{event}") for pattern in each["Events"]) and _is_meant(each, key):
                thing = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "versionId": version, "sequencer": sequencer}
                record = _record(call, bucket, event, each["Id"], thing) | (more or {})
                body = {"bucket": bucket.name, "kind": kind, "target": each[member], "message": {"Records": [record]}}
                if call.trace:
                    body["trace"] = call.trace
                OUTBOX.put(call, orjson.dumps(body), after_s=after_s)
    known = _DETAILS.get(event) or _DETAILS.get(family)
    if known is not None and "EventBridgeConfiguration" in wanted:
        # Recorded: test_restore_object. A restore has no place in the order of what happens to a key.
        thing = {"key": key, "size": size, "etag": etag, "version-id": version, "sequencer": "" if family == "ObjectRestore" else sequencer}
        told = _detail(call, bucket, event, thing, reason) | known[1] | (detail or {})
        OUTBOX.put(call, orjson.dumps({"kind": "events", "target": known[0], "message": told}), after_s=after_s)


def _is_meant(configuration: dict[str, Any], key: str) -> bool:
    prefix, suffix = _filter(configuration)
    return key.startswith(prefix) and key.endswith(suffix)


def _told(thing: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if value not in ("", None)}


def _record(call: Call, bucket: Bucket, event: str, configuration: str, thing: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    return {
        "eventVersion": _VERSIONS.get(event.partition(":")[0], "2.1"),
        "eventSource": "aws:s3",
        "awsRegion": call.region,
        "eventTime": timestamps.to_millisecond(call.now()),
        "eventName": event,
        "userIdentity": {"principalId": _who(call, event)},
        "requestParameters": {"sourceIPAddress": HERE},
        "responseElements": {"x-amz-request-id": call.request_id, "x-amz-id-2": host_id(call.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": _owner_id(call.account)}, "arn": arn(call, bucket.name)},
            "object": _told(thing),
        },
    }


def _who(call: Call, event: str) -> str:
    """Recorded: test_restore_object, whose end nobody in particular has brought about. The root user is the customer as such."""
    principal = call.principal
    if event == "ObjectRestore:Completed":
        return f"AmazonCustomer:{_owner_id(call.account)}"
    if principal.kind == "root":
        return _owner_id(principal.account)
    return principal.user_id if principal.kind == "service" else f"AWS:{principal.user_id}"


def _detail(call: Call, bucket: Bucket, event: str, thing: dict[str, Any], reason: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    requester = call.principal.arn if call.principal.kind == "service" else call.principal.account
    detail = {"version": "0", "bucket": {"name": bucket.name}, "object": _told(thing), "request-id": call.request_id, "requester": requester}
    if call.principal.kind != "service" and event != "ObjectRestore:Completed":
        detail["source-ip-address"] = HERE
    return detail | ({"reason": reason} if reason else {})


def _owner_id(account: str) -> str:
    """An account's owner as events name it: thirteen letters that tell nothing."""
    return "A" + base64.b32encode(hashlib.sha256(f"owner {account}".encode()).digest())[:13].decode()


# Delivery --------------------------------------------------------------------------------------------


async def _sent(
    call: Call, bucket: str, kind: str, target: str, message: dict[str, Any], once: str | None, *, is_test: bool = False, trace: str = ""
) -> None:
    """Raises what the destination answers."""
    ours = call.acting(S3_ITSELF, **{"aws:SourceArn": arn(call, bucket), "aws:SourceAccount": call.account}).traced(trace)
    body = orjson.dumps(message).decode()
    if kind == "sqs":
        place = arns.parse(target)
        url = endpoints.queue_url(place.region, place.account, place.resource)
        await ours.ask("sqs:SendMessage", QueueUrl=url, MessageBody=body, once=once)
    elif kind == "sns":
        await ours.ask("sns:Publish", TopicArn=target, Message=body, Subject="Amazon S3 Notification", once=once)
    else:
        await ours.ask("lambda:Invoke", FunctionName=target, InvocationType="DryRun" if is_test else "Event", Payload=body.encode(), once=once)


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    said = orjson.loads(delivery.body)
    if said["kind"] == "events":
        # "AWS opt-in data events" of https://aws.amazon.com/eventbridge/pricing/
        call.bill("eventbridge:opt_in_events", "default")
        call.tell(said["target"], said["message"])
        return None
    try:
        await _sent(call, said["bucket"], said["kind"], said["target"], said["message"], delivery.token, trace=said.get("trace", ""))
    except AwsError as error:
        if call.now() - delivery.born < AGE_S_MAX:
            return min(RETRY_S_MAX, 2.0**delivery.attempts)
        call.home.note("undelivered", service="s3", target=said["target"], code=error.code)
    return None


OUTBOX = Outbox("s3", _deliver)
