"""Capture: what is called is followed, what may have changed by it is looked at, and what has is written down.

Every management call of an account is in the record of calls already (``gate.trail``); the recorder reads on from where it was, so that a
region which was killed misses nothing. What changes without a call, such as a table that becomes active, is looked at again until it has
settled; and everything is looked at when recording begins, when the region comes back, and once an hour.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from functools import partial

import orjson

from kumoniwa.aws import events
from kumoniwa.gate.trail import TRAIL
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.config import (
    channel,
    delivery,
    evaluation,
    item,
    recorder,
    resource_identity,
    resource_s3,
    resource_service,
)
from kumoniwa.services.config.recorder import Recorder
from kumoniwa.services.config.resource import Found, Kind, Reader, Unseen

KINDS: dict[str, Kind] = {kind.type: kind for kind in (*resource_s3.KINDS, *resource_service.KINDS, *resource_identity.KINDS)}
SWEPT_EVERY_S = 3_600.0
AGAIN_S_MIN, AGAIN_S_MAX = 1.0, 300.0
UNSEEN_AGAIN_S = 60.0
EVENTS_AT_ONCE = 500


class Attention:
    """What the recorder of an account means to look at again, in this life of the region."""

    def __init__(self) -> None:
        self.due: dict[tuple[str, str | None], tuple[float, float]] = {}
        """When to look at a resource, or at all of a type; and after how long once more."""
        self.is_new = True

    def again(self, key: tuple[str, str | None], now: float) -> None:
        rest = min(self.due.get(key, (0.0, AGAIN_S_MIN / 2))[1] * 2, AGAIN_S_MAX)
        self.due[key] = (now + rest, rest)


def attend(call: Call, types: Iterable[str]) -> None:
    """Look at all resources of these types."""
    attention = call.memory(Attention)
    for type_ in types:
        attention.due[(type_, None)] = (call.now(), AGAIN_S_MIN)


async def follow(call: Call) -> float:
    """Take the items that are to be taken now. Answers until when there is nothing to do, if nothing happens."""
    held, attention, now = recorder.running(call), call.memory(Attention), call.now()
    if held is None:
        attention.due.clear()
        attention.is_new = True
        return now + SWEPT_EVERY_S
    recorded = [kind for type_, kind in KINDS.items() if held.records(type_)]
    if attention.is_new or now >= held.swept + SWEPT_EVERY_S:
        attention.is_new = False
        attend(call, [kind.type for kind in recorded])
        held = recorder.change(call, held, swept=now)
    marks, since, seen = _touched(call, held, recorded)
    marks |= {key for key, (due, _) in attention.due.items() if due <= now and key[0] in {kind.type for kind in recorded}}
    if marks:
        await _look(call, held, recorded, marks)
    if (since, seen) != (held.since, held.seen):
        recorder.change(call, held, since=since, seen=seen)
        if len(seen) >= EVENTS_AT_ONCE:
            return now
    dues = [due for due, _ in attention.due.values()]
    return min([*dues, held.swept + SWEPT_EVERY_S])


def _touched(call: Call, held: Recorder, kinds: list[Kind]) -> tuple[set[tuple[str, str | None]], float, tuple[str, ...]]:
    """What calls since the last look may have changed, and up to which of them that is."""
    of_service: dict[str, list[Kind]] = {}
    for kind in kinds:
        for service in kind.services:
            of_service.setdefault(service, []).append(kind)
    rows = call.rows(TRAIL).all(
        "select at, id, service, name, event from trail where at >= ? order by at limit ?", held.since, EVENTS_AT_ONCE + len(held.seen)
    )
    marks: set[tuple[str, str | None]] = set()
    since, seen = held.since, list(held.seen)
    for at, id_, service, name, body in rows:
        if at > since:
            since, seen = at, []
        elif id_ in seen:
            continue
        seen.append(id_)
        if service in of_service and not events.is_read_only(service, name):
            event = orjson.loads(body)
            if "errorCode" not in event:
                for kind in of_service[service]:
                    named = kind.named(event)
                    marks |= {(kind.type, each) for each in named} if named is not None else {(kind.type, None)}
    return marks, since, tuple(seen)


async def _look(call: Call, held: Recorder, recorded: list[Kind], marks: set[tuple[str, str | None]]) -> None:
    try:
        reader = Reader(channel.as_role(call, held.role))
    except AwsError as error:
        recorder.note(call, held, "FAILURE", error.code, error.text)
        for key in marks:
            call.memory(Attention).due[key] = (call.now() + UNSEEN_AGAIN_S, AGAIN_S_MIN)
        return
    failure: tuple[str, str] | None = None
    for kind in recorded:
        ids = sorted({id_ for type_, id_ in marks if type_ == kind.type and id_ is not None})
        is_all = (kind.type, None) in marks
        if not is_all and not ids:
            continue
        try:
            found = await kind.look(reader, None if is_all else ids)
        except Unseen as unseen:
            failure = failure or (unseen.error.code, f"{unseen.operation}: {unseen.error.text}")
            call.memory(Attention).due[(kind.type, None)] = (call.now() + UNSEEN_AGAIN_S, AGAIN_S_MIN)
            continue
        except Exception as error:
            # A defect of ours hides one type, and no other.
            traceback.print_exception(error)
            failure = failure or ("InternalError", f"{kind.type} cannot be recorded.")
            call.memory(Attention).due[(kind.type, None)] = (call.now() + UNSEEN_AGAIN_S, AGAIN_S_MIN)
            continue
        if is_all:
            found = {**dict.fromkeys(item.known_ids(call, kind.type)), **found}
            call.memory(Attention).due.pop((kind.type, None), None)
        call.atomically(partial(_write, call, kind, found))
    if failure is None:
        recorder.note(call, held, "SUCCESS")
    else:
        recorder.note(call, held, "FAILURE", *failure)


def _write(call: Call, kind: Kind, found: dict[str, Found | None]) -> None:
    attention = call.memory(Attention)
    for id_, each in found.items():
        if each is not None and not each.is_settled:
            attention.again((kind.type, id_), call.now())
        else:
            attention.due.pop((kind.type, id_), None)
        news = item.keep(call, kind.type, id_, each)
        if news is not None:
            delivery.tell_change(call, news)
            evaluation.changed(call, news)


