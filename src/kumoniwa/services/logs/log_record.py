"""Single events with all their fields, and which fields the events of a group have."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.insights import discovery
from kumoniwa.languages.insights.expression import SYSTEM
from kumoniwa.languages.insights.value import spelled
from kumoniwa.services.logs.event import EVENTS, STREAMS, fields_of, readable, text_of
from kumoniwa.services.logs.group import Group, InvalidParameterException, ResourceNotFoundException, named

SAMPLE_MAX = 500
"""So many events tell which fields there are; AWS does not say how many it looks at."""
BEFORE_MS, AFTER_MS = 15 * 60_000, 8 * 60_000
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogGroupFields.html"""


class InvalidPointer(AwsError):
    code = "InvalidParameterException"
    message = "The specified log record pointer is invalid."


def read_pointer(text: str) -> tuple[str, int, int, int]:
    """The group as ``account:name``, the stream's number, the time and the number of the event in its stream."""
    try:
        group, stream, at_ms, seq = msgspec.json.decode(base64.b64decode(text, validate=True), type=tuple[str, int, int, int])
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidPointer from None
    if not all(abs(number) < 1 << 62 for number in (stream, at_ms, seq)):
        raise InvalidPointer
    return group, stream, at_ms, seq


def GetLogRecord(call: Call, *, logRecordPointer: str, unmask: bool | None = None) -> dict:
    place, stream, at_ms, seq = read_pointer(logRecordPointer)
    account, _, name = place.partition(":")
    group = call.shelf(Group).get(name) if account == call.account else None
    row = call.rows(STREAMS).one("select name, grp from log_stream where id = ?", stream)
    if group is None or row is None or row[1] != group.number:
        raise ResourceNotFoundException("The specified log record does not exist.")
    if unmask:
        call.require("logs:Unmask", call.arn(f"log-group:{name}:*"))
    rows = call.rows(EVENTS).all(
        f"select ingested, {text_of(group, bool(unmask))} from log_event where stream = ? and at = ? and seq = ?", stream, at_ms, seq
    )
    if not rows:
        raise ResourceNotFoundException("The specified log record does not exist.")
    ((ingested, message),) = readable(call, group, rows)
    record = {
        "@ingestionTime": str(ingested), "@log": place, "@logStream": row[0], "@message": message, "@ptr": logRecordPointer,
        "@timestamp": str(at_ms),
    }  # fmt: skip
    if group.is_transformed and not unmask:
        rows = call.rows(EVENTS).all(f"select {fields_of(group)} from log_event where stream = ? and at = ? and seq = ?", stream, at_ms, seq)
        ((message,),) = readable(call, group, rows)
    fields = discovery.all_fields(message, discovery.LAMBDA_STREAM.match(row[0]) is not None)
    return {"logRecord": record | {key: spelled(value) for key, value in fields.items()}}


def GetLogGroupFields(
    call: Call, *, logGroupName: str | None = None, logGroupIdentifier: str | None = None, time: int | None = None
) -> dict:
    group = named(call, logGroupName, logGroupIdentifier)
    if time is not None and time > call.now() + AFTER_MS:
        raise InvalidParameterException("The specified time is in the future.")
    now_ms = milliseconds(call.now())
    start_ms, end_ms = (time * 1000 - AFTER_MS, time * 1000 + AFTER_MS) if time is not None else (now_ms - BEFORE_MS, now_ms)
    streams = dict(call.rows(STREAMS).all("select id, name from log_stream where grp = ?", group.number))
    rows = call.rows(EVENTS).all(
        f"select stream, {fields_of(group)} from log_event where stream in ({','.join(map(str, streams))}) and at >= ? and at <= ? limit ?",
        min(start_ms, 1 << 62), min(end_ms, 1 << 62), SAMPLE_MAX,
    )  # fmt: skip
    counts: Counter[str] = Counter()
    for stream, message in readable(call, group, rows):
        counts.update(list(discovery.all_fields(message, discovery.LAMBDA_STREAM.match(streams[stream]) is not None)))
    found: list[dict[str, Any]] = [{"name": name, "percent": 100} for name in SYSTEM] if rows else []
    found += [{"name": name, "percent": round(100 * count / len(rows))} for name, count in counts.most_common()]
    return {"logGroupFields": found}
