"""Spans as OpenTelemetry's exporters send them, and which of them X-Ray takes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines import telemetry
from kumoniwa.services.xray.errors import InvalidRequestException

BODY_BYTES_MAX = 5 * 1024 * 1024
SPANS_MAX = 10_000
SPAN_BYTES_MAX = 200 * 1024
PAST_S, FUTURE_S, GAP_S = 14 * 86_400.0, 2 * 3600.0, 86_400.0

PROTOBUF, JSON = "application/x-protobuf", "application/json"

_TRACE_ID, _SPAN_ID = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")


class Event(NamedTuple):
    name: str
    at_ns: int
    attributes: dict[str, Any]


class Link(NamedTuple):
    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class Span(NamedTuple):
    """Ids in hexadecimal digits; ``kind`` and ``status`` are words of ``KINDS`` and ``STATUSES``."""

    trace_id: str
    id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[Event]
    links: list[Link]
    status: str
    message: str
    flags: int
    resource: dict[str, Any]
    scope: dict[str, str]


class Malformed(ValueError):
    """Of a part of a request: what is wrong with it."""


def _bad(text: str) -> InvalidRequestException:
    return InvalidRequestException(text)


def unpacked(body: bytes, coding: str) -> bytes:
    """The body without its compression, never larger than what is taken."""
    if len(body) > BODY_BYTES_MAX:
        raise _bad(f"The request is larger than {BODY_BYTES_MAX} bytes.")
    if coding in ("", "identity", "none"):
        return body
    if coding != "gzip":
        raise _bad(f"The compression {coding} is not supported.")
    unpacking = zlib.decompressobj(31)
    try:
        plain = unpacking.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error:
        plain = b""
    if len(plain) > BODY_BYTES_MAX:
        raise _bad(f"The request is larger than {BODY_BYTES_MAX} bytes.")
    if not unpacking.eof:
        raise _bad("The request is not compressed as it says.")
    return plain


def read(body: bytes, kind: str) -> list[tuple[dict, dict, dict]]:
    """What a request holds: each span as it was sent, with its resource and its scope. Raises InvalidRequestException."""
    try:
        said = telemetry.traces(body) if kind == PROTOBUF else orjson.loads(body)
        found = [
            (span, of.get("resource") or {}, scope.get("scope") or {})
            for of in said.get("resourceSpans") or []
            for scope in of.get("scopeSpans") or []
            for span in scope.get("spans") or []
        ]
    except (telemetry.NotProtobuf, orjson.JSONDecodeError, AttributeError, TypeError):
        raise _bad("The request cannot be read as an export of traces.")
    if len(found) > SPANS_MAX:
        raise _bad(f"The request has more than {SPANS_MAX} spans.")
    return found


def spans(sent: list[tuple[dict, dict, dict]], now: float) -> Iterator[Span | str]:
    """Each span, or what is wrong with it."""
    resources: dict[int, dict[str, Any]] = {}
    for one, resource, scope in sent:
        try:
            held = resources.get(id(resource))
            if held is None:
                held = resources[id(resource)] = attributes_of(resource)
            yield _span(one, held, scope, now)
        except Malformed as error:
            yield str(error)
        except (AttributeError, TypeError, ValueError, KeyError, IndexError):
            yield "A span cannot be read."


def check_together(taken: list[Span]) -> None:
    if taken and max(span.end_ns for span in taken) - min(span.start_ns for span in taken) > GAP_S * 1e9:
        raise _bad("The spans of one request may be 24 hours apart at most.")


def _span(one: dict[str, Any], resource: dict[str, Any], scope: dict[str, Any], now: float) -> Span:
    trace, id_, parent = one.get("traceId", "").lower(), one.get("spanId", "").lower(), one.get("parentSpanId", "").lower()
    if not _TRACE_ID.fullmatch(trace):
        raise Malformed("A span has no valid trace id.")
    if not _SPAN_ID.fullmatch(id_) or (parent and not _SPAN_ID.fullmatch(parent)):
        raise Malformed("A span has no valid id.")
    start_ns, end_ns = int(one.get("startTimeUnixNano", 0)), int(one.get("endTimeUnixNano", 0))
    if not start_ns or end_ns < start_ns or start_ns < (now - PAST_S) * 1e9 or end_ns > (now + FUTURE_S) * 1e9:
        raise Malformed("A span's time is more than 14 days ago, more than two hours ahead, or ends before it begins.")
    status = one.get("status") or {}
    span = Span(
        trace_id=trace, id=id_, parent_id=parent, name=one.get("name", ""), kind=KINDS[one.get("kind", 0)], start_ns=start_ns, end_ns=end_ns,
        attributes=attributes_of(one),
        events=[Event(each.get("name", ""), int(each.get("timeUnixNano", 0)), attributes_of(each)) for each in one.get("events") or []],
        links=[Link(each["traceId"].lower(), each["spanId"].lower(), attributes_of(each)) for each in one.get("links") or []],
        status=STATUSES[status.get("code", 0)], message=status.get("message", ""), flags=one.get("flags", 0), resource=resource,
        scope={name: scope[name] for name in ("name", "version") if scope.get(name)},
    )  # fmt: skip
    if len(orjson.dumps(one)) > SPAN_BYTES_MAX:
        raise Malformed(f"A span is larger than {SPAN_BYTES_MAX} bytes.")
    return span


def attributes_of(holder: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: value(each.get("value") or {}) for each in holder.get("attributes") or []}


DEPTH_MAX = 20


def value(said: dict[str, Any], depth: int = 0) -> Any:
    """What an attribute's value says; None for one that is empty."""
    if depth > DEPTH_MAX:
        raise Malformed("An attribute of a span is nested too deeply.")
    for kind, held in said.items():
        if kind == "intValue":
            if not -(1 << 63) <= (number := int(held)) < 1 << 63:
                raise Malformed("A number of an attribute has more than 64 bits.")
            return number
        if kind == "arrayValue":
            return [value(each, depth + 1) for each in held.get("values") or []]
        if kind == "kvlistValue":
            return {each["key"]: value(each.get("value") or {}, depth + 1) for each in held.get("values") or []}
        if kind == "doubleValue":
            return float(held)
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return held
    return None
