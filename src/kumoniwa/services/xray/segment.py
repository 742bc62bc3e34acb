"""Segment documents as they come in: checked one by one, and kept as rows until their trace is asked for.

A document is a segment or a subsegment that is sent on its own; the same id again replaces what was sent before, which is how a request
that was in progress ends. https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

import orjson

from kumoniwa.gate.key_chain import Lock, forget
from kumoniwa.kernel.call import Call
from kumoniwa.services.xray import bill, destination, encryption, span
from kumoniwa.store.rows import Table

SEGMENTS = Table(
    "xray_segment",
    """create table if not exists xray_segment (trace text, id text, came real, ended real, is_dateless integer, body text,
         primary key (trace, id)) without rowid;
       create index if not exists xray_segment_came on xray_segment (came)""",
)

DOCUMENT_BYTES_MAX = 64 * 1024
KEPT_S = 30 * 86_400.0
NESTING_MAX = 100
"""Of objects and lists in a document, so that what belongs together can be written as one."""
NAME_LENGTH_MAX = 200

_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_ID = re.compile(r"[0-9a-fA-F]{16}")
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]+")


def PutTraceSegments(call: Call, *, TraceSegmentDocuments: list[str]) -> dict | Coroutine:
    unprocessed, logged, spans = [], [], []
    is_told = destination.is_told(call)
    rows, now, held, lock = call.rows(SEGMENTS), call.now(), destination.of(call), encryption.keeping(call)
    recent = call.memory(bill.Recent)
    for text in TraceSegmentDocuments:
        read, code = _read(text)
        for document in read:
            problem = code or _problem(document)
            if problem is None:
                if is_told and not document.get("in_progress"):
                    spans += [line for _, line in span.lines_of(document)]
                if held.name == destination.LOGS:
                    logged += span.lines_of(document)
                    if not destination.is_indexed(held, document["trace_id"]):
                        continue
                elif (trace := document["trace_id"].lower()) not in recent.traces:
                    bill.recorded(call, recent, trace, now, rows)
                _keep(rows, now, lock, document, text if len(read) == 1 and text.lstrip()[:1] == "{" else orjson.dumps(document).decode())
                continue
            # Recorded: https://github.com/humanmade/aws-xray/issues/29
            refused = {"ErrorCode": problem, "Message": f"Invalid segment. ErrorCode: {problem}"}
            if isinstance(document, dict) and isinstance(document.get("id"), str):
                refused = {"Id": document["id"]} | refused
            unprocessed.append(refused)
    destination.tell(call, spans)
    reply = {"UnprocessedTraceSegments": unprocessed}
    return _logged(call, logged, reply) if logged else reply


async def _logged(call: Call, lines: list[tuple[float, dict[str, Any]]], reply: dict) -> dict:
    await destination.write(call, lines)
    return reply


def keep(call: Call, documents: list[dict[str, Any]]) -> None:
    """Segments that were made here."""
    rows, now, lock = call.rows(SEGMENTS), call.now(), encryption.keeping(call)
    for document in documents:
        _keep(rows, now, lock, document, orjson.dumps(document).decode())


def _read(text: str) -> tuple[list[Any], str | None]:
    """The documents in one text, an object or a list of objects, and what is wrong with all of it."""
    if len(text) > DOCUMENT_BYTES_MAX or (not text.isascii() and len(text.encode()) > DOCUMENT_BYTES_MAX):
        return [None], "SegmentTooLarge"
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [None], "ParseError"
    if text.count("[") + text.count("{") > NESTING_MAX and _depth(read) > NESTING_MAX:
        return [None], "ParseError"
    if isinstance(read, list):
        # An empty list is a document without an id to AWS.
        return read or [{}], None
    return [read], None


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [held for one in level if isinstance(one, (dict, list)) for held in (one.values() if isinstance(one, dict) else one)]
    return depth


def _problem(document: Any) -> str | None:
    """AWS's code of what is wrong with a document, None if nothing is."""
    if not isinstance(document, dict):
        return "ParseError"
    id_, trace, name = document.get("id"), document.get("trace_id"), document.get("name")
    if not id_:
        return "MissingId"
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return "InvalidId"
    if not trace:
        return "MissingTraceId"
    if not isinstance(trace, str) or not _TRACE_ID.fullmatch(trace):
        return "InvalidTraceId"
    if not name:
        return "MissingName"
    if not isinstance(name, str) or len(name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        return "InvalidName"
    return _problem_inside(document)


def _problem_inside(document: dict) -> str | None:
    parent, kind = document.get("parent_id"), document.get("type")
    if kind == "subsegment" and not parent:
        return "MissingParentId"
    if parent is not None and (not isinstance(parent, str) or not _ID.fullmatch(parent)):
        return "InvalidParentId"
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            return "ParseError"
        for field in ("start_time", "end_time"):
            if field in one and not _is_moment(one[field]):
                return f"Invalid{'Start' if field == 'start_time' else 'End'}Time"
        if "start_time" not in one:
            return "MissingStartTime"
        if "end_time" not in one and one.get("in_progress") is not True:
            return "MissingEndTime"
        if any(field in one and not isinstance(one[field], kind) for field, kind in _KINDS):
            return "ParseError"
        waiting += one.get("subsegments") or []
    return None


_KINDS = (
    ("http", dict), ("annotations", dict), ("metadata", dict), ("aws", dict), ("subsegments", list), ("sql", dict), ("user", str),
    ("namespace", str), ("origin", str), ("name", str), ("id", str),
)  # fmt: skip


def _is_moment(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e11


def _keep(rows: Any, now: float, lock: Lock, document: dict, text: str) -> None:
    trace = document["trace_id"].lower()
    ended = document.get("end_time") or document["start_time"]
    is_dateless = not now - KEPT_S <= int(trace[2:10], 16) <= now + 86_400
    rows.run("insert or replace into xray_segment values (?,?,?,?,?,?)", trace, document["id"].lower(), now, ended, is_dateless, lock.shut_text(text))


# Reading -------------------------------------------------------------------------------------------


def documents(call: Call, trace: str) -> list[dict]:
    """What was sent of one trace, in the order of its beginning. Raises ``data_key.Shut`` until its key is open for the caller."""
    lock = encryption.looking(call)
    found = [
        orjson.loads(lock.open_text(held))
        for (held,) in call.rows(SEGMENTS).all("select body from xray_segment where trace = ?", trace.lower())
    ]
    return sorted(found, key=lambda document: document["start_time"])


def traces_between(call: Call, kind: str, start: float, end: float, after: str, limit: int) -> list[str]:
    """The ids of traces in a time, by the time in the id (of those that have none, by their arrival), by arrival, or by when one
    of their segments ended; those behind ``after`` in order."""
    rows = call.rows(SEGMENTS)
    if kind == "Service":
        sql = "select distinct trace from xray_segment where ended >= ? and ended < ? and trace > ? order by trace limit ?"
        return [trace for (trace,) in rows.all(sql, start, end, after, limit)]
    if kind == "Event":
        sql = "select distinct trace from xray_segment where came >= ? and came < ? and trace > ? order by trace limit ?"
        return [trace for (trace,) in rows.all(sql, start, end, after, limit)]
    dated = (_prefix(start), _prefix(end), after)
    sql = """select trace from xray_segment where trace >= ? and trace < ? and trace > ? and not is_dateless
             union select trace from xray_segment where came >= ? and came < ? and is_dateless and trace > ? order by trace limit ?"""
    return [trace for (trace,) in rows.all(sql, *dated, start, end, after, limit)]


def _prefix(moment: float) -> str:
    """Where the traces that began then or later begin in the order of ids."""
    whole = int(moment) + (moment > int(moment))
    return f"1-{min(max(whole, 0), 0xFFFFFFFF):08x}"


def expire(call: Call) -> None:
    """Drop what came thirty days ago."""
    call.rows(SEGMENTS).run("delete from xray_segment where came < ?", call.now() - KEPT_S)
    forget(call, encryption.OF, call.now() - KEPT_S)
