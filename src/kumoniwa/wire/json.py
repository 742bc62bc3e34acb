"""JSON bodies: the RPC protocol (json 1.0 and 1.1) and what REST's JSON shares with it.

Reading is one typed ``msgspec`` decode. Only when that refuses, the slow reader walks the body to find out whether it
is merely unusual (a null, a timestamp as text) or wrong, and then says so in AWS's words.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import orjson

from kumoniwa.aws.aliases import FRACTIONS
from kumoniwa.aws.models import Member, Operation, Shape
from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.wire import eventstream, json_dynamodb, refusals, timestamps
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.walk import walker

DEPTH_MAX = 200
SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
INTEGER_RANGES = {"integer": 1 << 31, "long": 1 << 63}
INT32 = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
INT64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


# Types for the fast reader -------------------------------------------------------------------------------------------


def typed_dict(name: str, required: frozenset[str] = frozenset()) -> type:
    """A TypedDict without annotations yet: msgspec looks at these attributes and nothing else, and made by hand such a
    class may refer to itself."""
    attributes = {"__total__": False, "__required_keys__": required, "__optional_keys__": frozenset()}
    made = type(name, (dict,), attributes)
    made.__annotations__ = {}
    return made


def decoded_type(
    member: Member | Shape,
    made: dict[int, Any],
    name_of: Callable[[Member], str],
    time_of: Callable[[Any], type],
) -> Any:
    """The msgspec type that accepts a shape's values as they stand on the wire."""
    shape = member.shape if isinstance(member, Member) else member
    if shape.is_document or shape.is_event_stream:
        return Any
    kind = shape.type
    if kind == "structure":
        found = made.get(id(shape))
        if found is None:
            found = made[id(shape)] = typed_dict(shape.name)
            for each in shape.members.values():
                found.__annotations__[name_of(each)] = decoded_type(each, made, name_of, time_of)
            found.__optional_keys__ = frozenset(found.__annotations__)
        return found
    if kind == "list":
        item = decoded_type(shape.element, made, name_of, time_of)
        return list[item | None] if shape.is_sparse and item is not Any else list[item]
    if kind == "map":
        item = decoded_type(shape.value, made, name_of, time_of)
        return dict[str, item | None] if shape.is_sparse and item is not Any else dict[str, item]
    if kind == "timestamp":
        return time_of(member)
    return {
        "boolean": bool,
        "integer": INT32,
        "long": INT64,
        "float": float,
        "double": float,
        "blob": bytes,
    }.get(kind, str)


_EPOCH = Annotated[float, msgspec.Meta(ge=timestamps.EARLIEST_S, lt=timestamps.LATEST_S)]


def _time_type(member: Member | Shape) -> Any:
    return _EPOCH if _timestamp_format(member) == "unixTimestamp" else str


def _timestamp_format(member: Member | Shape) -> str:
    return member.timestamp_format or "unixTimestamp"


def member_name(member: Member) -> str:
    """The RPC protocol knows no other names than the model's."""
    return member.name


# The slow reader -----------------------------------------------------------------------------------------------------

TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}
TYPES = {
    "string": "a String", "integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double",
    "boolean": "a Boolean", "blob": "a Blob", "timestamp": "a Timestamp",
}  # fmt: skip


def _not_convertible(value: Any, shape: Shape) -> SerializationException:
    """The words are those of AWS's RPC JSON services: https://github.com/async-aws/aws/issues/1667."""
    if isinstance(value, dict):
        return SerializationException("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return SerializationException("Start of list found where not expected")
    if shape.type in ("structure", "map", "list"):
        return SerializationException("Unexpected value type in payload")
    token = ("TRUE_VALUE" if value else "FALSE_VALUE") if isinstance(value, bool) else TOKENS[type(value)]
    return SerializationException(f"{token} can not be converted to {TYPES[shape.type]}")


def _not_a_string(value: Any) -> SerializationException:
    """Of a value in a map of strings, in the words of AWS's REST services (recorded: test_integration_response_invalid_responsetemplates,
    test_put_integration_request_parameter_bool_type)."""
    kind = "java.lang.Boolean" if isinstance(value, bool) else "com.amazon.coral.value.json.numbers.TruncatingBigNumber"
    return SerializationException(f"class {kind} can not be converted to an String")


def _read_scalar(value: Any, member: Member | Shape, shape: Shape) -> Any:
    kind = shape.type
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "timestamp" and isinstance(value, str | int | float):
        try:
            return timestamps.parsed(value)
        except ValueError:
            raise _not_convertible(value, shape) from None
    if kind in ("float", "double"):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and value in SPECIAL_FLOATS:
            return SPECIAL_FLOATS[value]
    if kind in INTEGER_RANGES and isinstance(value, int) and not isinstance(value, bool):
        if -INTEGER_RANGES[kind] <= value < INTEGER_RANGES[kind]:
            return value
    if isinstance(value, str):
        if kind == "string":
            return value
        if kind == "blob":
            try:
                return b64decode(value, validate=True)
            except (Base64Error, ValueError):
                raise SerializationException("Invalid base64 encoded blob") from None
    raise _not_convertible(value, shape)


def explained(value: Any, member: Member | Shape, name_of: Callable[[Member], str], depth: int = 0) -> Any:
    """An untyped JSON value as params with AWS's names, or the `SerializationException` that says what is wrong."""
    shape = member.shape if isinstance(member, Member) else member
    if shape.is_document or shape.is_event_stream:
        return value
    if depth > DEPTH_MAX:
        raise SerializationException("The request is nested too deeply.")
    if shape.type == "structure" and isinstance(value, dict):
        wire = {name_of(each): each for each in shape.members.values()}
        return {
            wire[name].name: explained(item, wire[name], name_of, depth + 1)
            for name, item in value.items()
            if item is not None and name in wire
        }
    if shape.type == "list" and isinstance(value, list):
        return [
            None if item is None else explained(item, shape.element, name_of, depth + 1)
            for item in value
            if item is not None or shape.is_sparse
        ]
    if shape.type == "map" and isinstance(value, dict):
        if name_of is not member_name and shape.value.shape.type == "string":
            for item in value.values():
                if isinstance(item, bool | int | float):
                    raise _not_a_string(item)
        return {
            name: None if item is None else explained(item, shape.value, name_of, depth + 1)
            for name, item in value.items()
            if item is not None or shape.is_sparse
        }
    return _read_scalar(value, member, shape)


# Both ways -----------------------------------------------------------------------------------------------------------


def loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError):
        raise SerializationException("Could not parse request body into json: not valid JSON") from None


def body_reader(shape: Shape, name_of: Callable[[Member], str] = member_name) -> Callable[[bytes], dict]:
    """A reader of JSON bodies of one shape."""
    decode = msgspec.json.Decoder(decoded_type(shape, {}, name_of, _time_type)).decode

    def from_text(member: Member) -> Callable | None:
        if member.shape.type == "timestamp" and _timestamp_format(member) != "unixTimestamp":
            return timestamps.parsed
        return None

    fix = walker(shape, from_text, lambda member: (name_of(member), member.name))

    def read(body: bytes) -> dict:
        if not body:
            return {}
        try:
            value = decode(body)
            return value if fix is None else fix(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            value = loads(body)
        return {} if value is None else explained(value, shape, name_of)

    return read


def _base64(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in a reply")


def _written_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def without_nulls(value: Any, shape: Shape) -> Any:
    """The value without the members a service left None; sparse lists and maps keep theirs."""
    if shape.is_document:
        return value
    if shape.type == "structure" and isinstance(value, dict):
        members = shape.members
        return {
            name: without_nulls(item, members[name].shape) if name in members else item
            for name, item in value.items()
            if item is not None
        }
    if shape.type == "list" and isinstance(value, list | tuple):
        return [
            without_nulls(item, shape.element.shape) for item in value if item is not None or shape.is_sparse
        ]
    if shape.type == "map" and isinstance(value, dict):
        return {
            name: without_nulls(item, shape.value.shape)
            for name, item in value.items()
            if item is not None or shape.is_sparse
        }
    return value


def body_writer(
    shape: Shape, name_of: Callable[[Member], str] = member_name, epoch: Callable[[float], int | float] = timestamps.epoch
) -> Callable[[dict], bytes]:
    """A writer of JSON bodies of one shape. Members that are None are left out, as AWS leaves them out."""
    formats = timestamps.FORMATS | {"unixTimestamp": epoch}

    def to_text(member: Member) -> Callable | None:
        kind = member.shape.type
        if kind == "timestamp":
            return formats[_timestamp_format(member)]
        return _written_float if kind in ("float", "double") else None

    change = walker(shape, to_text, lambda member: (member.name, name_of(member)))
    dumps = orjson.dumps

    def write(reply: dict) -> bytes:
        body = dumps(reply if change is None else change(reply), default=_base64)
        if b"null" in body:
            kept = without_nulls(reply, shape)
            body = dumps(kept if change is None else change(kept), default=_base64)
        return body

    return write


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    if operation.input is None:
        return lambda request, labels=None: {}
    read = body_reader(operation.input)
    if operation.service.name in json_dynamodb.SERVICES:
        read = _read_by_dynamodb(read, operation.input)
    return lambda request, labels=None: read(request.body)


def _read_by_dynamodb(read: Callable[[bytes], dict], shape: Shape) -> Callable[[bytes], dict]:
    """A reader that refuses in DynamoDB's words, and takes no ``null`` for a body: scylladb/scylladb, test_request_payload_must_be_object."""

    def read_strictly(body: bytes) -> dict:
        try:
            params = read(body)
        except SerializationException:
            try:
                value = loads(body)
            except SerializationException:
                raise SerializationException("") from None
            raise json_dynamodb.refusal(value, shape) from None
        if not params and body.strip() == b"null":
            raise SerializationException("")
        return params

    return read_strictly


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    content_type = f"application/x-amz-json-{operation.service.json_version}"
    if operation.output is None:
        # DynamoDB says nothing then: scylladb/scylladb, test_tags_return_empty_body.
        nothing = b"" if operation.service.name in json_dynamodb.SERVICES else b"{}"
        return lambda reply, request_id: Response(200, nothing, {"Content-Type": content_type})
    epoch = timestamps.epoch_with_fraction if operation.service.name in FRACTIONS else timestamps.epoch
    write = body_writer(operation.output, epoch=epoch)
    stream = next((each for each in operation.output.members.values() if each.shape.is_event_stream), None)
    if stream is not None:
        return stream_writer(stream, write, body_writer, content_type)
    return lambda reply, request_id: Response(
        200, write(reply) if reply else b"{}", {"Content-Type": content_type}
    )


def stream_writer(stream: Member, write: Callable, event_of: eventstream.BodyWriter, kind: str) -> Callable:
    """A writer of replies that hold an event stream: all other members travel in its first frame."""
    write_event = eventstream.event_writer(stream.shape, event_of, kind)
    opening = {":event-type": "initial-response", ":message-type": "event", ":content-type": kind}

    def write_stream(reply: dict, request_id: str) -> Response:
        initial = write({name: value for name, value in reply.items() if name != stream.name})
        body = eventstream.framed(reply[stream.name], write_event, eventstream.encoded(opening, initial))
        return Response(200, body, {"Content-Type": eventstream.CONTENT_TYPE})

    return write_stream


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    service = operation.service
    headers = {"Content-Type": f"application/x-amz-json-{service.json_version}"}

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        content = {"__type": said.type_name} | refusals.members(said, error)
        write = body_writer(said.shape) if said.shape is not None else orjson.dumps
        return Response(said.status, write(content), headers | said.query_error_header())

    return refuse
