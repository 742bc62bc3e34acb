"""One request to a function: which version answers, and what the caller gets to see of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kumoniwa.gate import tracing
from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import event, recursion, sandbox
from kumoniwa.services.lambda_.errors import (
    InvalidRequestContentException,
    ResourceConflictException,
)
from kumoniwa.services.lambda_.function import Alias, Version, found, not_found
from kumoniwa.services.lambda_.name import LATEST, arn, function_named
from kumoniwa.services.lambda_.response import Streaming

PAYLOAD_BYTES_MAX = 6_291_456
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


async def Invoke(
    call: Call,
    *,
    FunctionName: str,
    InvocationType: str | None = None,
    LogType: str | None = None,
    ClientContext: str | None = None,
    Payload: bytes | None = None,
    Qualifier: str | None = None,
) -> dict:
    version, qualifier = chosen(call, FunctionName, Qualifier)
    if InvocationType == "DryRun":
        return {"StatusCode": 204}
    payload = _checked(Payload, InvocationType)
    if InvocationType == "Event":
        event.put(call, version, qualifier, payload, trace_of(call))
        return {"StatusCode": 202}
    outcome = await sandbox.of(call.home).invoke(
        call, version, call.request_id, payload,
        arn=arn(call, version.function, qualifier),
        client_context=_context(ClientContext) if ClientContext else "",
        trace_id=recursion.stepped(call, version.function, trace_of(call)),
        wants_tail=LogType == "Tail",
    )  # fmt: skip
    reply: dict[str, Any] = {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": version.version}
    if outcome.function_error is not None:
        reply["FunctionError"] = outcome.function_error
    if outcome.log_tail is not None:
        reply["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return reply


def _checked(payload: bytes | None, kind: str | None) -> bytes:
    """What the function is sent: JSON of a size. Raises RequestEntityTooLargeException, InvalidRequestContentException."""
    payload = payload or b"{}"
    if len(payload) > PAYLOAD_BYTES_MAX and kind != "Event":
        raise event.too_large(payload, "RequestResponse", PAYLOAD_BYTES_MAX)
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestContentException(_unreadable(payload, error))
    return payload


async def InvokeWithResponseStream(
    call: Call,
    *,
    FunctionName: str,
    InvocationType: str | None = None,
    LogType: str | None = None,
    ClientContext: str | None = None,
    Payload: bytes | None = None,
    Qualifier: str | None = None,
) -> dict:
    """A function that does not stream answers in one chunk; one that fails says so when its stream is complete."""
    version, qualifier = chosen(call, FunctionName, Qualifier)
    reply: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": version.version}
    if InvocationType == "DryRun":
        return {"StatusCode": 204}
    streaming = Streaming(
        call, version, _checked(Payload, InvocationType),
        arn=arn(call, version.function, qualifier),
        client_context=_context(ClientContext) if ClientContext else "",
        trace_id=recursion.stepped(call, version.function, trace_of(call)),
        wants_tail=LogType == "Tail",
    )  # fmt: skip
    await streaming.begun()
    return reply | {"EventStream": _events(streaming)}


async def _events(streaming: Streaming) -> AsyncIterator[dict[str, Any]]:
    async for piece in streaming.pieces():
        yield {"PayloadChunk": {"Payload": piece}}
    outcome = await streaming.task
    complete: dict[str, Any] = {}
    if outcome.function_error is not None:
        complete = {"ErrorCode": outcome.function_error, "ErrorDetails": outcome.payload.decode("utf-8", "replace")}
    if outcome.log_tail is not None:
        complete["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    yield {"InvokeComplete": complete}


async def InvokeAsync(call: Call, *, FunctionName: str, InvokeArgs: bytes) -> dict:
    """Long deprecated, and an invocation of the type Event by another name."""
    return {"Status": (await Invoke(call, FunctionName=FunctionName, InvocationType="Event", Payload=InvokeArgs))["StatusCode"]}


def _context(text: str) -> str:
    """What the client says of itself: JSON in base64."""
    try:
        context = base64.b64decode(text, validate=True)
        orjson.loads(context)
    except (binascii.Error, ValueError):
        raise InvalidRequestContentException("Client context must be a valid Base64-encoded JSON object.")
    return context.decode()


def chosen(call: Call, text: str, qualifier: str | None) -> tuple[Version, str | None]:
    """The version that answers: an alias with weights draws it for each request."""
    name, qualifier = function_named(call, text, qualifier)
    if qualifier is None and f"{name}:{LATEST}" not in call.shelf(Version):
        # Recorded: test_invoke_exceptions.
        raise not_found(call, name, LATEST)
    version = found(call, name, qualifier)
    if qualifier is not None and version.version != qualifier:
        weights = call.shelf(Alias)[f"{name}:{qualifier}"].weights
        if weights:
            drawn = call.ids.random.random()
            for other, share in weights.items():
                drawn -= share
                if drawn < 0:
                    version = found(call, name, other)
                    break
    if version.settled > call.now() and version.is_new:
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )
    return version, qualifier


def trace_of(call: Call) -> str:
    """The trace a request belongs to: its caller's, or a new one of which nobody has said yet whether it is sampled."""
    return call.trace or f"Root={tracing.new_root(call)}"


_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def _unreadable(payload: bytes, error: orjson.JSONDecodeError) -> str:
    """In the words of AWS's JSON reader (recorded: test_lambda_invoke_payload_encoding_error)."""
    text = payload.decode("latin-1")
    at = min(error.pos, len(text))
    if not text.strip() or at >= len(text):
        what = "Unexpected end-of-input"
    elif text[at].isalpha() and text[at].isascii():
        end = at
        while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
            end += 1
        what = f"Unrecognized token '{text[at:end]}': was expecting {_VALUES}"
        at = end
    else:
        code = ord(text[at])
        named = f"'{text[at]}' (code {code})" if 32 < code < 127 else f"(CTRL-CHAR, code {code})"
        what = f"Unexpected character ({named}): expected a valid value {_VALUES}"
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return (
        f"Could not parse request body into json: Could not parse payload into json: {what}\n at [Source: REDACTED "
        f"(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    )
