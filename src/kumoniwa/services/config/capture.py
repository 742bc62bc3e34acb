"""Capture: what is called is followed, what may have changed by it is looked at, and what has is written down.

Every management call of an account is in the record of calls already (``gate.trail``); the recorder reads on from where it was, so that a
region which was killed misses nothing. What changes without a call, such as a table that becomes active, is looked at again until it has
settled; and everything is looked at when recording begins, when the region comes back, and once an hour.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from functools import partial
from math import inf

import orjson

from kumoniwa.aws import events
from kumoniwa.gate.trail import TRAIL
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.config import (
    bill,
    channel,
    delivery,
    evaluation,
    item,
    recorder,
    resource_build,
    resource_disk,
    resource_edge,
    resource_identity,
    resource_s3,
    resource_service,
)
from kumoniwa.services.config.recorder import Recorder
from kumoniwa.services.config.resource import Found, Kind, Reader, Unseen

KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (*resource_s3.KINDS, *resource_service.KINDS, *resource_edge.KINDS, *resource_build.KINDS, *resource_disk.KINDS, *resource_identity.KINDS)
}
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
        self.failures: dict[str, tuple[str, str]] = {}
        """Why a type could not be seen when it was looked at last."""

    def again(self, key: tuple[str, str | None], now: float) -> None:
        rest = min(self.due.get(key, (0.0, AGAIN_S_MIN / 2))[1] * 2, AGAIN_S_MAX)
        self.due[key] = (now + rest, rest)

    def failed(self, type_: str, now: float, code: str, text: str) -> None:
        self.failures[type_] = (code, text)
        self.due[(type_, None)] = (now + UNSEEN_AGAIN_S, AGAIN_S_MIN)

    def keep_only(self, types: set[str]) -> None:
        self.due = {key: when for key, when in self.due.items() if key[0] in types}
        self.failures = {type_: why for type_, why in self.failures.items() if type_ in types}

    def marks(self, kinds: list[Kind], now: float) -> set[tuple[str, str | None]]:
        types = {kind.type for kind in kinds}
        return {key for key, (due, _) in self.due.items() if due <= now and key[0] in types}

    def next(self, kinds: list[Kind]) -> float:
        types = {kind.type for kind in kinds}
        return min((due for key, (due, _) in self.due.items() if key[0] in types), default=inf)


def attend(call: Call, types: Iterable[str]) -> None:
    """Look at all resources of these types."""
    attention = call.memory(Attention)
    for type_ in types:
        attention.due[(type_, None)] = (call.now(), AGAIN_S_MIN)
    recorder.put_before(call)


async def follow(call: Call) -> float:
    """Take the items that are to be taken now. Answers until when there is nothing to do, if nothing happens."""
    held, attention, now = recorder.running(call), call.memory(Attention), call.now()
    if held is None:
        attention.keep_only(set())
        attention.is_new = True
        return now + SWEPT_EVERY_S
    recorded = [kind for type_, kind in KINDS.items() if held.records(type_)]
    attention.keep_only({kind.type for kind in recorded})
    if attention.is_new or now >= held.swept + SWEPT_EVERY_S:
        attention.is_new = False
        attend(call, [kind.type for kind in recorded])
        held = recorder.change(call, held, swept=now)
    ours = [kind for kind in recorded if not kind.is_global]
    marks, since, seen = _touched(call, held, ours)
    marks |= attention.marks(ours, now)
    if marks:
        await look(call, held, ours, marks)
    if (since, seen) != (held.since, held.seen):
        recorder.change(call, held, since=since, seen=seen)
        if len(seen) >= EVENTS_AT_ONCE:
            return now
    return min(attention.next(ours), held.swept + SWEPT_EVERY_S)


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


async def look(call: Call, held: Recorder, kinds: list[Kind], marks: set[tuple[str, str | None]]) -> None:
    attention = call.memory(Attention)
    try:
        reader = Reader(channel.as_role(call, held.role))
    except AwsError as error:
        for type_ in {type_ for type_, _ in marks}:
            attention.failed(type_, call.now(), error.code, error.text)
        _note(call, held)
        return
    for kind in kinds:
        ids = sorted({id_ for type_, id_ in marks if type_ == kind.type and id_ is not None})
        is_all = (kind.type, None) in marks
        if not is_all and not ids:
            continue
        if is_all:
            attention.due.pop((kind.type, None), None)
        try:
            found = await kind.look(reader, None if is_all else ids)
        except Unseen as unseen:
            attention.failed(kind.type, call.now(), unseen.error.code, f"{unseen.operation}: {unseen.error.text}")
            continue
        except Exception as error:
            # A defect of ours hides one type, and no other.
            traceback.print_exception(error)
            attention.failed(kind.type, call.now(), "InternalError", f"{kind.type} cannot be recorded.")
            continue
        if is_all:
            attention.failures.pop(kind.type, None)
            found = {**dict.fromkeys(item.known_ids(call, kind.type)), **found}
        call.atomically(partial(_write, call, kind, found))
    _note(call, held)


def _note(call: Call, held: Recorder) -> None:
    for code, text in call.memory(Attention).failures.values():
        return recorder.note(call, held, "FAILURE", code, text)
    return recorder.note(call, held, "SUCCESS")


def _write(call: Call, kind: Kind, found: dict[str, Found | None]) -> None:
    attention = call.memory(Attention)
    for id_, each in found.items():
        if each is not None and not each.is_settled:
            attention.again((kind.type, id_), call.now())
        else:
            attention.due.pop((kind.type, id_), None)
        news = item.keep(call, kind.type, id_, each)
        if news is not None:
            bill.recorded(call, news.type)
            delivery.tell_change(call, news)
            evaluation.changed(call, news)


