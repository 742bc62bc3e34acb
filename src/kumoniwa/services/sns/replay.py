"""The archive of a FIFO topic, and its messages told again to a subscription that asks for them.

A replay is part of its subscription: how far it has come is kept with what it promised, so a kill neither skips nor repeats anything.
A subscription that is told everything from some moment on hears what is published meanwhile when the replay comes to it.
https://docs.aws.amazon.com/sns/latest/dg/fifo-message-archiving-replay.html
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import delivery
from kumoniwa.services.sns import subscription as subscriptions
from kumoniwa.services.sns.errors import Refused
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.subscription import Replay, Subscription
from kumoniwa.services.sns.topic import Topic, archived_s
from kumoniwa.store.rows import Table

ARCHIVE = Table(
    "sns_archive",
    """create table if not exists sns_archive (seq integer primary key autoincrement, topic text, at real, message blob);
       create index if not exists sns_archive_topic on sns_archive (topic, seq);
       create index if not exists sns_archive_at on sns_archive (topic, at)""",
)
STEP_MESSAGES = 200
WAITING = ("sns", "replays")
IDLE_S = 3600.0

_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Message).decode


def archive(call: Call, topic: Topic, message: Message) -> None:
    rows = call.rows(ARCHIVE)
    rows.run("delete from sns_archive where topic = ? and at <= ?", topic.id, call.now() - archived_s(topic))
    rows.run("insert into sns_archive (topic, at, message) values (?,?,?)", topic.id, message.published, _encode(message))


def forget(call: Call, topic: Topic) -> None:
    call.rows(ARCHIVE).run("delete from sns_archive where topic = ?", topic.id)


# Asking for one ------------------------------------------------------------------------------------------


def begun(call: Call, topic: Topic, policy: str) -> Replay:
    """The replay that a subscription's policy asks for. Raises Refused."""
    said = json.loads(policy)
    start, end = _moment(said, "StartingPoint"), _moment(said, "EndingPoint")
    if said.get("PointType") != "Timestamp" or start is None:
        raise Refused("ReplayPolicy: PointType must be Timestamp, and StartingPoint must be specified")
    if "ArchivePolicy" not in topic.attributes:
        raise Refused("ReplayPolicy: the topic has no ArchivePolicy")
    if start < max(topic.archived_since, call.now() - archived_s(topic)) - 1:
        raise Refused("ReplayPolicy: StartingPoint must not be before the beginning of the archive")
    if end is not None and not start < end <= call.now() + 1:
        raise Refused("ReplayPolicy: EndingPoint must be after StartingPoint and not in the future")
    call.home.wake(WAITING)
    return Replay(id=call.new_id(), start=start, end=end)


def _moment(said: Any, name: str) -> float | None:
    text = said.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        raise Refused(f"ReplayPolicy: {name} must be a timestamp") from None


# Telling again -------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    """Replay what was asked for, a step at a time, until the region ends."""
    while True:
        is_busy = False
        for call in region.calls("sns", delivery.SERVICE):
            for subscription in call.shelf(Subscription).values():
                if subscription.is_replaying:
                    call.atomically(partial(_step, call, subscription))
                    is_busy = True
        if is_busy:
            await region.store.journal.settled()
        else:
            await region.wait(WAITING, region.clock.now() + IDLE_S)


def _step(call: Call, subscription: Subscription) -> None:
    replay, topic = subscription.replay, call.shelf(Topic).get(subscription.topic)
    if topic is None:
        subscriptions.keep(call, changed(subscription, replay=changed(replay, status="Failed")))
        return
    rows = call.rows(ARCHIVE).all(
        "select seq, message from sns_archive where topic = ? and seq > ? and at >= ? and at <= ? order by seq limit ?",
        topic.id, replay.seq, replay.start, call.now() if replay.end is None else replay.end, STEP_MESSAGES,
    )  # fmt: skip
    listener = subscriptions.listener(subscription)
    for _, body in rows:
        message = _decode(body)
        if subscriptions.is_wanted(listener, message.attributes, message.text_for("default")):
            # A queue that took the message less than five minutes ago would not take it again under the same id.
            again = hashlib.sha256(f"{replay.id} {message.id}".encode()).hexdigest()
            message.is_replayed, message.deduplication = True, again
            delivery.promise(call, message, subscription)
    status = "In progress" if len(rows) == STEP_MESSAGES else "Completed"
    subscriptions.keep(call, changed(subscription, replay=changed(replay, seq=rows[-1][0] if rows else replay.seq, status=status)))
