"""What the delivery channel gets: each change and each verdict as a notification, everything at once as a snapshot, and what has changed
as files of history. Each is promised in the commit of what it tells, and tried again while that may help.

https://docs.aws.amazon.com/config/latest/developerguide/notifications-for-AWS-Config.html
"""

from __future__ import annotations

import gzip
import time
from typing import Any

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.config import channel as channels
from kumoniwa.services.config import item as items
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.channel import Channel, Outcome
from kumoniwa.services.config.errors import NoRunningConfigurationRecorderException
from kumoniwa.services.config.item import DELETED, DISCOVERED, Item
from kumoniwa.wire import timestamps

SUBJECT_MAX = 100
RETRIES = {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3_600}
SNAPSHOT, HISTORY = "snapshot", "history"
STATUS_EVENTS = {SNAPSHOT: "Config Configuration Snapshot Delivery Status", HISTORY: "Config Configuration History Delivery Status"}
_NAMES = {SNAPSHOT: "Snapshot", HISTORY: "History"}


class Notice(msgspec.Struct, array_like=True):
    """A notification to the topic."""

    subject: str
    body: str


class File(msgspec.Struct, array_like=True):
    """A file that is to be written: all resources, or the items of one type from one to another."""

    kind: str
    id: str
    at: float
    type: str = ""
    after: int = 0
    until: int = 0


_encode = msgspec.msgpack.Encoder().encode
_notice, _file = msgspec.msgpack.Decoder(Notice).decode, msgspec.msgpack.Decoder(File).decode


# Telling -------------------------------------------------------------------------------------------


def notify(call: Call, subject: str, message: dict[str, Any]) -> None:
    """To the topic, if the channel has one."""
    held = channels.held(call)
    if held is None or held.topic is None:
        return
    subject = f"[AWS Config:{call.region}] {subject}"
    if len(subject) > SUBJECT_MAX:
        subject = f"{subject[: SUBJECT_MAX - 3]}..."
    NOTICES.put(call, _encode(Notice(subject, orjson.dumps(message).decode())), lane="topic")


def tell_change(call: Call, item: Item) -> None:
    """https://docs.aws.amazon.com/config/latest/developerguide/example-sns-notification.html"""
    kind = {DISCOVERED: "CREATE", DELETED: "DELETE"}.get(item.status, "UPDATE")
    before = items.before_last(call, item) if kind != "CREATE" else None
    message = {
        "configurationItemDiff": {"changedProperties": _diff(before, item) if before is not None else {}, "changeType": kind},
        "configurationItem": items.told(call, item),
        "notificationCreationTime": timestamps.to_millisecond(call.now()),
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": items.VERSION,
    }
    done = {"CREATE": "Created", "DELETE": "Deleted", "UPDATE": "Updated"}[kind]
    notify(call, f"{item.type} {item.name or item.id} {done} in Account {call.account}", message)
    call.tell("Config Configuration Item Change", {**message, "resources": [item.body["arn"]] if item.body["arn"] else []})


def _diff(before: Item, after: Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _compare("Configuration", before.configuration, after.configuration, found)
    _compare("SupplementaryConfiguration", before.supplementary, after.supplementary, found)
    _compare("Tags", before.tags, after.tags, found)
    _compare("Relationships", before.body["relationships"], after.body["relationships"], found)
    return found


def _compare(path: str, before: Any, after: Any, found: dict[str, Any]) -> None:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            _compare(f"{path}.{name}", before.get(name), after.get(name), found)
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            _compare(f"{path}.{at}", before[at] if at < len(before) else None, after[at] if at < len(after) else None, found)
    else:
        kind = "CREATE" if before is None else "DELETE" if after is None else "UPDATE"
        found[path] = {"previousValue": before, "updatedValue": after, "changeType": kind}


async def _publish(call: Call, delivery: Delivery) -> float | None:
    notice, recorder, channel = _notice(delivery.body), recorders.held(call), channels.held(call)
    if recorder is None or channel is None or channel.topic is None:
        return None
    try:
        await channels.reach(
            call, recorder.role, "sns:Publish", once=delivery.token, to_region=arns.parse(channel.topic).region, TopicArn=channel.topic,
            Subject=notice.subject, Message=notice.body,
        )  # fmt: skip
    except AwsError as error:
        channels.change(call, channel, stream=Outcome(status="Failure", code=error.code, error=error.text, attempted=call.now()))
        return _again(call, delivery, error)
    channels.change(call, channel, stream=Outcome(status="Success", attempted=call.now(), succeeded=call.now()))
    return None


def _again(call: Call, delivery: Delivery, error: AwsError) -> float | None:
    if not patience.is_passing(error):
        return None
    return patience.pause(RETRIES, delivery, call.now(), delivery.born, call.ids.random)[0] or None


NOTICES = Outbox("config", _publish, kind="notice")


# Files ---------------------------------------------------------------------------------------------


def DeliverConfigSnapshot(call: Call, *, deliveryChannelName: str) -> dict:
    channel = channels.existing(call, deliveryChannelName)
    recorders.must_exist(call)
    if recorders.running(call) is None:
        raise NoRunningConfigurationRecorderException("There is no configuration recorder running.")
    return {"configSnapshotId": _promise_snapshot(call, channel)}


def _promise_snapshot(call: Call, channel: Channel) -> str:
    id_ = call.new_id()
    told = {
        "configSnapshotId": id_, "notificationCreationTime": timestamps.to_millisecond(call.now()),
        "messageType": "ConfigurationSnapshotDeliveryStarted", "recordVersion": "1.1",
    }  # fmt: skip
    notify(call, f"Configuration Snapshot Delivery Started for Account {call.account}", told)
    call.tell(STATUS_EVENTS[SNAPSHOT], {**told, "resources": []})
    FILES.put(call, _encode(File(SNAPSHOT, id_, call.now())))
    return id_


def promise_due(call: Call) -> float:
    """Promise the files whose time has come. Answers when the next one has its."""
    channel, now = channels.held(call), call.now()
    if channel is None or recorders.running(call) is None:
        return now + channels.HISTORY_EVERY_S
    if channel.next_snapshot is not None and now >= channel.next_snapshot:
        _promise_snapshot(call, channel)
        channels.change(call, channel, next_snapshot=now + channels.FREQUENCIES_S[channel.frequency])
    if now >= channel.next_history:
        fresh = items.after(call, channel.history_since)
        until = fresh[-1].n if fresh else channel.history_since
        for type_ in sorted({each.type for each in fresh}):
            FILES.put(call, _encode(File(HISTORY, call.new_id(), now, type_, channel.history_since, until)))
        channels.change(call, channel, next_history=now + channels.HISTORY_EVERY_S, history_since=until)
    channel = channels.held(call)
    return min(channel.next_history, channel.next_snapshot or channel.next_history)


async def _write(call: Call, delivery: Delivery) -> float | None:
    file, recorder, channel = _file(delivery.body), recorders.held(call), channels.held(call)
    if recorder is None or channel is None:
        return None
    key, body = _content(call, channel, file)
    kind, now = file.kind, call.now()
    outcome: Outcome = getattr(channel, kind)
    try:
        await channels.put_file(call, recorder.role, channel, key, body, ContentType="application/json", ContentEncoding="gzip")
    except AwsError as error:
        channels.change(call, channel, **{kind: changed(outcome, status="Failure", code=error.code, error=error.text, attempted=now)})
        wait_s = _again(call, delivery, error)
        if wait_s is None:
            _tell_file(call, channel, file, key, "Failed")
        return wait_s
    channels.change(call, channel, **{kind: Outcome(status="Success", attempted=now, succeeded=now)})
    _tell_file(call, channel, file, key, "Completed")
    return None


def _content(call: Call, channel: Channel, file: File) -> tuple[str, bytes]:
    """Where it is written and what. Bytes of the same items are the same bytes."""
    moment, stamp = time.gmtime(file.at), _stamp(file.at)
    day = f"{moment.tm_year}/{moment.tm_mon}/{moment.tm_mday}"
    place = f"{channels.folder(call, channel)}/{call.region}/{day}/Config{_NAMES[file.kind]}/{call.account}_Config_{call.region}_Config{_NAMES[file.kind]}"
    if file.kind == SNAPSHOT:
        listed = list(items.standing(call))
        key, head = f"{place}_{stamp}_{file.id}.json.gz", {"fileVersion": "1.0", "configSnapshotId": file.id}
    else:
        listed = [each for each in items.after(call, file.after) if each.n <= file.until and each.type == file.type]
        first, last = (_stamp(each.captured) for each in (listed[0], listed[-1])) if listed else (stamp, stamp)
        key, head = f"{place}_{file.type}_{first}_{last}_1.json.gz", {"fileVersion": "1.0"}
    whole = orjson.dumps({**head, "configurationItems": [items.told(call, each) for each in listed]})
    return key, gzip.compress(whole, mtime=0)


def _stamp(at: float) -> str:
    return timestamps.to_second(at).replace("-", "").replace(":", "")


def _tell_file(call: Call, channel: Channel, file: File, key: str, outcome: str) -> None:
    told = {
        **({"configSnapshotId": file.id} if file.kind == SNAPSHOT else {}), "s3ObjectKey": key, "s3Bucket": channel.bucket,
        "notificationCreationTime": timestamps.to_millisecond(call.now()),
        "messageType": f"Configuration{_NAMES[file.kind]}Delivery{outcome}", "recordVersion": "1.1",
    }  # fmt: skip
    notify(call, f"Configuration {_NAMES[file.kind]} Delivery {outcome} for Account {call.account}", told)
    call.tell(STATUS_EVENTS[file.kind], {**told, "resources": []})


FILES = Outbox("config", _write, kind="file")
