"""One request to a function: which version answers, and what the caller gets to see of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kumoniwa.gate import tracing
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.lambda_ import durable_begin, durable_execution, event, recursion, sandbox
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, InvalidRequestContentException
from kumoniwa.services.lambda_.function import Version, chosen
from kumoniwa.services.lambda_.name import arn
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
    DurableExecutionName: str | None = None,
    Payload: bytes | None = None,
    Qualifier: str | None = None,
) -> dict:
    version, qualifier = chosen(call, FunctionName, Qualifier)
    if version.durable is not None:
        durable_begin.check(version, qualifier, is_synchronous=InvocationType in (None, "RequestResponse"))
    elif DurableExecutionName is not None:
        # That AWS refuses it, and how, was found nowhere.
        raise InvalidParameterValueException("You cannot provide a durable execution name for a function with no durable configuration.")
    if InvocationType == "DryRun":
        return {"StatusCode": 204}
    payload = _checked(Payload, InvocationType)
    if version.durable is not None:
        return await _durable(call, version, qualifier, payload, DurableExecutionName, InvocationType, LogType)
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


async def _durable(
    call: Call, version: Version, qualifier: str, payload: bytes, name: str | None, kind: str | None, log_type: str | None
) -> dict:
    """An execution begins, or the one of that name is found. Whoever does not wait for it hears its ARN at once."""
    if log_type == "Tail":
        raise NotImplementedHere("the log (LogType) of an invocation of a durable function")
    trace = recursion.stepped(call, version.function, trace_of(call))
    is_event = kind == "Event"
    if is_event and len(payload) > event.PAYLOAD_BYTES_MAX:
        raise event.too_large(payload, "Event", event.PAYLOAD_BYTES_MAX)
    kept = durable_execution.ASYNCHRONOUS if is_event else durable_execution.SYNCHRONOUS
    execution = call.atomically(
        lambda: durable_begin.begin(call, version, qualifier, payload.decode(), kind=kept, name=name, trace=trace, request=call.request_id)
    )
    reply = {"DurableExecutionArn": durable_execution.arn_of(call, execution)}
    if is_event:
        return reply | {"StatusCode": 202}
    outcome = await durable_begin.ended(call, execution.id)
    reply |= {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": version.version}
    return reply | ({"FunctionError": outcome.function_error} if outcome.function_error is not None else {})


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
    if version.durable is not None:
        raise NotImplementedHere("lambda:InvokeWithResponseStream of a durable function")
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
