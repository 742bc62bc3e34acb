"""Where OpenTelemetry's spans come in: ``POST /v1/traces`` at X-Ray's own name, signed as every call is.

It is no operation of a model; IAM calls it ``xray:PutSpans``. Protobuf is answered in protobuf and JSON in JSON, refusals too, as
https://opentelemetry.io/docs/specs/otlp/#otlphttp-response says.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from kumoniwa.gate import identity, signature
from kumoniwa.gate.address import Address
from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.xray import destination, otlp, segment, span
from kumoniwa.services.xray.errors import InvalidRequestException, MissingAuthenticationToken
from kumoniwa.wire.message import Request, Response

TURN_SPANS = 100
"""How many spans are worked on before others have their turn on the loop."""


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        rejected, why = await _taken(home, request, kind, request_id)
        status, body = 200, _success(kind, rejected, why)
        headers = {}
    except NotImplementedHere:
        raise
    except AwsError as error:
        status, body, headers = error.status or 400, _status(kind, error.text), {"x-amzn-ErrorType": error.code}
        if error.hint:
            headers["x-kumoniwa-hint"] = error.hint
    headers |= {"Content-Type": kind if kind in (otlp.PROTOBUF, otlp.JSON) else otlp.JSON, "x-amzn-RequestId": request_id}
    return Response(status, body, headers)


async def _taken(home: Any, request: Request, kind: str, request_id: str) -> tuple[int, str]:
    """Keep what a request sends; answers how many spans were not taken, and why."""
    call = _call(home, request, request_id)
    call.require("xray:PutSpans", "*")
    held = destination.of(call)
    if held.name != destination.LOGS:
        raise InvalidRequestException(
            "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.",
            hint="xray:UpdateTraceSegmentDestination with the Destination CloudWatchLogs",
        )
    if request.method != "POST" or kind not in (otlp.PROTOBUF, otlp.JSON):
        raise InvalidRequestException(f"Traces are posted as {otlp.PROTOBUF} or {otlp.JSON}.")
    sent = otlp.read(otlp.unpacked(request.body, request.headers.get("content-encoding", "").strip().lower()), kind)
    taken, refused = [], []
    for number, one in enumerate(otlp.spans(sent, call.now())):
        (refused if isinstance(one, str) else taken).append(one)
        if number % TURN_SPANS == TURN_SPANS - 1:
            await asyncio.sleep(0)
    otlp.check_together(taken)
    await _keep(call, held, taken)
    return len(refused), refused[0] if refused else ""


def _call(home: Any, request: Request, request_id: str) -> Call:
    claim = signature.claim(request, "rest-json")
    if claim is None:
        raise MissingAuthenticationToken
    principal, secret = identity.identify(home, claim.access_key, claim.session_token, "rest-json")
    if secret is not None:
        signature.verify(request, claim, secret, home.clock.now(), "rest-json")
    return Call(home, principal.account, principal, "xray", "PutSpans", request_id, request)


async def _keep(call: Call, held: destination.Destination, taken: list[otlp.Span]) -> None:
    """The log first: what cannot be written there is refused whole."""
    lines = []
    for number, one in enumerate(taken):
        lines.append((one.end_ns / 1e9, span.line(one)))
        if number % TURN_SPANS == TURN_SPANS - 1:
            await asyncio.sleep(0)
    await destination.write(call, lines)
    if destination.is_told(call):
        destination.tell(call, [line for _, line in lines])
    indexed = [one for one in taken if destination.is_indexed(held, one.trace_id)]
    for at in range(0, len(indexed), TURN_SPANS):
        documents = [each for one in indexed[at : at + TURN_SPANS] for each in span.documents(one, lambda: call.ids.hex(16))]
        await opening(call, lambda documents=documents: segment.keep(call, documents))
        await asyncio.sleep(0)


# Answers -------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes in protobuf: https://protobuf.dev/programming-guides/encoding/"""
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _success(kind: str, rejected: int, why: str) -> bytes:
    if kind == otlp.JSON:
        return orjson.dumps({"partialSuccess": {"rejectedSpans": rejected, "errorMessage": why}} if rejected else {})
    return _field(1, b"\x08" + _varint(rejected) + _field(2, why.encode())) if rejected else b""


def _status(kind: str, text: str) -> bytes:
    """google.rpc.Status, whose second field is the message."""
    return _field(2, text.encode()) if kind == otlp.PROTOBUF else orjson.dumps({"message": text})
