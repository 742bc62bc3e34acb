"""OpenTelemetry's export requests, read from protobuf with its own message classes into what its JSON form says.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere

_HEXADECIMAL = frozenset({"traceId", "spanId", "parentSpanId"})
"""Bytes that OTLP writes in hexadecimal digits, unlike protobuf's own JSON."""


class NotProtobuf(ValueError):
    """Bytes that are no message of the kind that was asked for."""


def traces(body: bytes) -> dict[str, Any]:
    """An ExportTraceServiceRequest as its JSON form, with whole numbers as such. Raises NotProtobuf."""
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415 (an extra)
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("spans in protobuf without the extra kumoniwa[otlp]")
    try:
        return _plain(ExportTraceServiceRequest.FromString(body))
    except DecodeError as error:
        raise NotProtobuf(str(error)) from None


def _plain(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        name = field.json_name
        if field.message_type is not None:
            # A lone message has fields of its own, a repeated one is a sequence of those.
            value = _plain(value) if hasattr(value, "ListFields") else [_plain(each) for each in value]
        elif isinstance(value, bytes):
            value = value.hex() if name in _HEXADECIMAL else base64.b64encode(value).decode()
        found[name] = value
    return found
