"""Streams and their events, as rows.

Events lie together by stream and time, so writing at a stream's end and reading a stretch of it touch neighbouring
rows. An event's place is its time and its number in the stream; tokens spell places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from kumoniwa.aws.prices import GIB
from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.logs import account_policy, encryption, protection, subscription, transformer
from kumoniwa.services.logs.group import DAY_MS, Group, InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.logs.page import InvalidToken
from kumoniwa.store.rows import Table

STREAMS = Table(
    "log_stream",
    """create table if not exists log_stream (id integer primary key, grp integer, name text, created integer, first integer,
         last integer, ingested integer, count integer, bytes integer);
       create unique index if not exists log_stream_name on log_stream (grp, name)""",
)
EVENTS = Table(
    "log_event",
    """create table if not exists log_event (stream integer, at integer, seq integer, ingested integer, message text,
         primary key (stream, at, seq)) without rowid""",
    added=("link text", "transformed text", "original text"),
)
"""A message with a ``link`` lies under that data key, and so do what it was transformed to and, where it is masked, what came in."""

OVERHEAD_BYTES = 26
BATCH_BYTES_MAX = 1_048_576
OLD_MS = 14 * DAY_MS
NEW_MS = 2 * 3_600_000
SPAN_MS = DAY_MS
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

PAGE_BYTES_MAX = 1_048_576
PAGE_EVENTS_MAX = 10_000
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html


class Stream(NamedTuple):
    id: int
    name: str
    created_ms: int
    first_ms: int | None
    last_ms: int | None
    ingested_ms: int | None
    count: int
    bytes: int


class StreamNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "The specified log stream does not exist."


COLUMNS = "id, name, created, first, last, ingested, count, bytes"
_NAMED = f"select {COLUMNS} from log_stream where grp = ? and name = ?"


def stream_named(call: Call, group: Group, name: str) -> Stream:
    row = call.rows(STREAMS).one(_NAMED, group.number, name)
    if row is None:
        raise StreamNotFound
    return Stream(*row)


class Known:
    """Streams as they were left by the last batch: whoever writes one line after the other need not look each up again."""

    def __init__(self) -> None:
        self.streams: dict[tuple[int, str], Stream] = {}


KNOWN_MAX = 4096

Listener = Callable[[int, str, list[tuple[int, str]], int], None]
"""Told of a batch: the group's number, the stream's name, times and messages, and when they came in."""


class Listeners:
    """Who hears at once what is written, by session."""

    def __init__(self) -> None:
        self.open: dict[str, Listener] = {}


def stored_bytes(call: Call) -> dict[int, int]:
    """What has come in, by group."""
    return dict(call.rows(STREAMS).all("select grp, sum(bytes) from log_stream group by grp"))


# Writing -------------------------------------------------------------------------------------------


def put(call: Call, group_name: str, stream_name: str, events: list[dict]) -> tuple[dict, Group, list[tuple[int, str]], list[str | None]]:
    """Append a batch; answers which events of it were too old, too new or already expired, what was taken, and to what it was transformed."""
    group = call.shelf(Group).get(group_name)
    if group is None:
        raise ResourceNotFoundException
    known = call.memory(Known).streams
    key = (group.number, stream_name)
    stream = known.get(key) or stream_named(call, group, stream_name)
    now_ms = milliseconds(call.now())
    batch = [(event["timestamp"], event["message"]) for event in events]
    size = _checked_bytes(batch)
    rejected, batch = _sifted(batch, now_ms, group)
    if rejected and batch:
        size = _checked_bytes(batch)
    made: list[str | None] = []
    if batch:
        rows, number = call.rows(EVENTS), stream.count
        has_policies = bool(group.protection or group.transformer or call.shelf(account_policy.AccountPolicy))
        made = originals = [None] * len(batch)
        if has_policies:
            # From here on nobody sees what is masked.
            batch, originals = protection.masked(call, group, batch)
            if config := transformer.config_of(call, group):
                made = transformer.transformed(call, group, config, stream_name, batch)
        for (at_ms, message), *others in zip(batch, made, originals):
            number += 1
            link, kept = None, message
            if group.key:
                link, kept = encryption.sealed(call, group, message.encode())
                others = [each if each is None else encryption.sealed_also(call, group, link, each.encode()) for each in others]
            rows.append("insert into log_event values (?,?,?,?,?,?,?,?)", stream.id, at_ms, number, now_ms, kept, link, *others)
        first = batch[0][0] if stream.first_ms is None else min(stream.first_ms, batch[0][0])
        last = batch[-1][0] if stream.last_ms is None else max(stream.last_ms, batch[-1][0])
        rows.append(
            "update log_stream set first = ?, last = ?, ingested = ?, count = ?, bytes = bytes + ? where id = ?",
            first, last, now_ms, number, size, stream.id,
        )  # fmt: skip
        if len(known) >= KNOWN_MAX:
            known.clear()
        # Nothing below can fail, so what is remembered is what will be committed.
        known[key] = Stream(stream.id, stream_name, stream.created_ms, first, last, now_ms, number, stream.bytes + size)
        call.measure("AWS/Logs", "IncomingLogEvents", "LogGroupName", group_name, value=len(batch))
        call.measure("AWS/Logs", "IncomingBytes", "LogGroupName", group_name, value=size, unit="Bytes")
        call.bill("cloudwatch:logs_ingest", group_name, size / GIB)
        call.keeps_otherwise(is_managed=False)
        for tell in call.memory(Listeners).open.values():
            tell(group.number, stream_name, batch, now_ms)
        if group.subscriptions or (has_policies and account_policy.on(call, group, account_policy.SUBSCRIPTION) is not None):
            subscription.heard(call, group, stream_name, stream.id, stream.count + 1, batch, made)
    reply: dict = {"nextSequenceToken": sequence_token(stream.id, stream.count + len(batch))}
    if rejected:
        reply["rejectedLogEventsInfo"] = rejected
    return reply, group, batch, made


def sequence_token(stream: int, count: int) -> str:
    """AWS still gives one, and no longer asks for it."""
    return f"{49_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000 + (stream << 40) + count}"


def _checked_bytes(batch: list[tuple[int, str]]) -> int:
    size, before = 0, batch[0][0]
    for at_ms, message in batch:
        length = (len(message) if message.isascii() else len(message.encode())) + OVERHEAD_BYTES
        if length > BATCH_BYTES_MAX:
            raise InvalidParameterException(f"Log event too large: {length} bytes exceeds limit of {BATCH_BYTES_MAX}")
        size += length
        if at_ms < before:
            raise InvalidParameterException("Log events in a single PutLogEvents request must be in chronological order.")
        before = at_ms
    if size > BATCH_BYTES_MAX:
        raise InvalidParameterException(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
    if batch[-1][0] - batch[0][0] > SPAN_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return size


def _sifted(batch: list[tuple[int, str]], now_ms: int, group: Group) -> tuple[dict, list[tuple[int, str]]]:
    """What is wrong with the times of a batch, and what is left of it. The ends of what is too old are exclusive."""
    oldest_ms = now_ms - OLD_MS
    kept_ms = now_ms - group.retention_days * DAY_MS if group.retention_days else None
    if batch[0][0] >= max(oldest_ms, kept_ms or 0) and batch[-1][0] <= now_ms + NEW_MS:
        return {}, batch
    rejected = {}
    start, end = 0, len(batch)
    if kept_ms is not None and batch[0][0] < kept_ms:
        start = rejected["expiredLogEventEndIndex"] = sum(1 for at, _ in batch if at < kept_ms)
    if batch[0][0] < oldest_ms:
        rejected["tooOldLogEventEndIndex"] = sum(1 for at, _ in batch if at < oldest_ms)
        start = max(start, rejected["tooOldLogEventEndIndex"])
    if batch[-1][0] > now_ms + NEW_MS:
        end = rejected["tooNewLogEventStartIndex"] = sum(1 for at, _ in batch if at <= now_ms + NEW_MS)
    return rejected, batch[start:end]


# Reading -------------------------------------------------------------------------------------------


def text_of(group: Group, unmask: bool = False) -> str:
    """What to select of events so that ``readable`` can tell their messages, or what they were before they were masked."""
    message = "coalesce(original, message)" if unmask and group.is_masked else "message"
    return f"{message}, link" if group.is_sealed else message


def fields_of(group: Group) -> str:
    """The same, for where their fields are."""
    if not group.is_transformed:
        return text_of(group)
    return "coalesce(transformed, message), link" if group.is_sealed else "coalesce(transformed, message)"


def readable(call: Call, group: Group, rows: Iterable[tuple]) -> Iterable[tuple]:
    """Rows that end with ``text_of`` their group, which end with the messages as they came in."""
    return _opened(call, group, rows) if group.is_sealed else rows


def _opened(call: Call, group: Group, rows: Iterable[tuple]) -> Iterator[tuple]:
    for *row, message, link in rows:
        yield *row, message if link is None else encryption.opened(call, group.name, link, message).decode()


# Reading one stream --------------------------------------------------------------------------------


class Place(NamedTuple):
    """Between events: everything up to here has been seen, or for going back, everything from here on."""

    at_ms: int
    seq: int


_DIGITS, _SEQ_DIGITS = 56, 20


def token(direction: str, place: Place, is_end: bool) -> str:
    return f"{direction}/{place.at_ms:0{_DIGITS - _SEQ_DIGITS}d}{place.seq:0{_SEQ_DIGITS}d}/{'e' if is_end else 's'}"


def place_of(text: str) -> tuple[str, Place]:
    direction, _, rest = text.partition("/")
    digits = rest.partition("/")[0]
    if direction not in ("f", "b") or len(digits) != _DIGITS or not digits.isascii() or not digits.isdigit():
        raise InvalidToken
    at_ms, seq = int(digits[:-_SEQ_DIGITS]), int(digits[-_SEQ_DIGITS:])
    if at_ms > MOMENT_MAX or seq > MOMENT_MAX:
        raise InvalidToken
    return direction, Place(at_ms, seq)


MOMENT_MAX = (1 << 62) - 1


def page(
    call: Call, group: Group, stream: Stream, start_ms: int, end_ms: int, next_token: str | None, limit: int, is_from_head: bool,
    unmask: bool = False,
) -> dict:  # fmt: skip
    """A stretch of one stream in order of time, with tokens to go on in both directions from it."""
    rows = call.rows(EVENTS)
    between = f"select at, seq, ingested, {text_of(group, unmask)} from log_event where stream = ? and at >= ? and at < ?"
    values = (stream.id, start_ms, end_ms)
    direction, place = place_of(next_token) if next_token else ("f" if is_from_head else "b", None)
    if direction == "f":
        ahead = "" if place is None else f" and (at, seq) > ({place.at_ms}, {place.seq})"
        found = _fitting(readable(call, group, rows.each(f"{between}{ahead} order by at, seq limit ?", *values, limit)))
    else:
        behind = "" if place is None else f" and (at, seq) < ({place.at_ms}, {place.seq})"
        found = _fitting(readable(call, group, rows.each(f"{between}{behind} order by at desc, seq desc limit ?", *values, limit)))[::-1]
    if found:
        first, last = Place(found[0][0], found[0][1]), Place(found[-1][0], found[-1][1])
    elif place is not None:
        # Nothing more this way: the token that was given is given back, and the way back begins where it stands.
        first, last = (Place(place.at_ms, place.seq + 1), place) if direction == "f" else (place, Place(place.at_ms, place.seq - 1))
    else:
        first, last = Place(max(start_ms, 0), 0), Place(max(start_ms, 0), 0)
    return {
        "events": [{"timestamp": at, "message": message, "ingestionTime": ingested} for at, _, ingested, message in found],
        "nextForwardToken": token("f", Place(last.at_ms, max(last.seq, 0)), False),
        "nextBackwardToken": token("b", first, False),
    }


def _fitting(rows) -> list[tuple]:
    """As many as fit into one reply, but at least one."""
    found, size = [], 0
    for row in rows:
        size += len(row[-1]) + OVERHEAD_BYTES
        if found and size > PAGE_BYTES_MAX:
            break
        found.append(row)
    return found


# Expiry --------------------------------------------------------------------------------------------


def expire(call: Call, group: Group) -> None:
    """Drop what the group keeps no longer."""
    rows = call.rows(STREAMS, EVENTS)
    call.memory(Known).streams.clear()
    before_ms = milliseconds(call.now()) - group.retention_days * DAY_MS
    for (stream,) in rows.all("select id from log_stream where grp = ? and first < ?", group.number, before_ms):
        size = rows.one(
            "select sum(length(cast(message as blob)) + ? - (link is not null) * ?) from log_event where stream = ? and at < ?",
            OVERHEAD_BYTES, cipher.LONGER_BYTES, stream, before_ms,
        )[0]  # fmt: skip
        rows.run("delete from log_event where stream = ? and at < ?", stream, before_ms)
        oldest = rows.one("select min(at) from log_event where stream = ?", stream)[0]
        rows.run("update log_stream set first = ?, bytes = bytes - ? where id = ?", oldest, size or 0, stream)


def empty(call: Call, stream: int) -> None:
    rows = call.rows(STREAMS, EVENTS)
    call.memory(Known).streams.clear()
    rows.run("delete from log_event where stream = ?", stream)
    rows.run("delete from log_stream where id = ?", stream)
