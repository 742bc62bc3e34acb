"""The smithy-rpc-v2-cbor protocol, and the small part of CBOR (RFC 8949) it speaks.

The decoder accepts every form a client may choose (indefinite lengths, half floats, tag 1 for time) and is bounded in
depth; the encoder writes lists and maps without saying how long they are, as AWS does (recorded: localstack's
test_basic_operations_multiple_protocols).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.wire import json, refusals
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.walk import walker

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Shape

DEPTH_MAX = 200
HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
_BREAK = object()


class Moment(NamedTuple):
    """A point in time on its way into tag 1."""

    seconds: float


class Milliseconds(NamedTuple):
    """The same, as AWS wrote it before there was a protocol for it: in whole milliseconds."""

    seconds: float


# Encoding ------------------------------------------------------------------------------------------------------------


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major << 5 | value,))
    if value < 1 << 8:
        return struct.pack(">BB", major << 5 | 24, value)
    if value < 1 << 16:
        return struct.pack(">BH", major << 5 | 25, value)
    if value < 1 << 32:
        return struct.pack(">BI", major << 5 | 26, value)
    return struct.pack(">BQ", major << 5 | 27, value)


def _integer(value: int) -> bytes:
    if not -(1 << 63) <= value < 1 << 64:
        raise OverflowError(f"{value} does not fit into 64 bits")
    return _head(0, value) if value >= 0 else _head(1, -1 - value)


def _text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return _head(3, len(encoded)) + encoded


def _mapping(value: dict) -> bytes:
    return b"\xbf" + b"".join([_text(str(name)) + dumps(item) for name, item in value.items()]) + b"\xff"


ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"\xf6",
    bool: lambda value: b"\xf5" if value else b"\xf4",
    int: _integer,
    float: lambda value: struct.pack(">Bd", 0xFB, value),
    str: _text,
    bytes: lambda value: _head(2, len(value)) + value,
    list: lambda value: b"\x9f" + b"".join([dumps(item) for item in value]) + b"\xff",
    dict: _mapping,
    Moment: lambda value: b"\xc1" + struct.pack(">Bd", 0xFB, milliseconds(value.seconds) / 1000),
    Milliseconds: lambda value: b"\xc1" + _integer(milliseconds(value.seconds)),
}
ENCODERS[tuple] = ENCODERS[list]


def dumps(value: Any) -> bytes:
    """A value as CBOR."""
    encode = ENCODERS.get(type(value))
    if encode is None:
        encode = next((made for kind, made in ENCODERS.items() if isinstance(value, kind)), None)
        if encode is None:
            raise TypeError(f"{type(value).__name__} has no place in a reply")
    return encode(value)


# Decoding ------------------------------------------------------------------------------------------------------------


class _Decoder:
    """One pass over a buffer; every read is checked against its end."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.body):
            raise ValueError("unexpected end")
        piece, self.at = self.body[self.at : end], end
        return piece

    def argument(self, low: int) -> int | None:
        """The number that follows an initial byte; None for indefinite length."""
        if low < 24:
            return low
        if low < 28:
            return int.from_bytes(self.take(1 << (low - 24)), "big")
        if low == 31:
            return None
        raise ValueError("reserved length")

    def value(self, depth: int = 0) -> Any:
        if depth > DEPTH_MAX:
            raise ValueError("nested too deeply")
        initial = self.take(1)[0]
        major, low = initial >> 5, initial & 31
        if major == 7:
            return self.simple(low)
        size = self.argument(low)
        if size is None and major in (0, 1, 6):
            raise ValueError("indefinite number")
        if major == 0:
            return size
        if major == 1:
            return -1 - size
        if major in (2, 3):
            whole = self.chunks(major) if size is None else self.take(size)
            return whole if major == 2 else whole.decode()
        if major == 4:
            return self.items(size, depth)
        if major == 5:
            return self.pairs(size, depth)
        return self.value(depth + 1)

    def chunks(self, major: int) -> bytes:
        pieces = []
        while (initial := self.take(1)[0]) != 0xFF:
            size = self.argument(initial & 31)
            if initial >> 5 != major or size is None:
                raise ValueError("a chunk of another kind")
            pieces.append(self.take(size))
        return b"".join(pieces)

    def items(self, size: int | None, depth: int) -> list:
        if size is None:
            items = []
            while (item := self.value(depth + 1)) is not _BREAK:
                items.append(item)
            return items
        if size > len(self.body) - self.at:
            raise ValueError("unexpected end")
        return [self.complete(depth) for _ in range(size)]

    def pairs(self, size: int | None, depth: int) -> dict:
        pairs = {}
        if size is not None and size > len(self.body) - self.at:
            raise ValueError("unexpected end")
        while size is None or size > 0:
            name = self.value(depth + 1)
            if name is _BREAK and size is None:
                break
            if not isinstance(name, str):
                raise ValueError("a key that is no text")
            pairs[name] = self.complete(depth)
            size = None if size is None else size - 1
        return pairs

    def complete(self, depth: int) -> Any:
        value = self.value(depth + 1)
        if value is _BREAK:
            raise ValueError("unexpected break")
        return value

    def simple(self, low: int) -> Any:
        if low in (20, 21):
            return low == 21
        if low in (22, 23):
            return None
        if low == 31:
            return _BREAK
        if low in (25, 26, 27):
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[low], self.take(1 << (low - 24)))[0]
        raise ValueError("unknown simple value")


def loads(body: bytes) -> Any:
    """The one value in ``body``; ``ValueError`` if it is not exactly one. Tags are looked through."""
    decoder = _Decoder(body)
    value = decoder.complete(0)
    if decoder.at != len(body):
        raise ValueError("something follows")
    return value


# The protocol --------------------------------------------------------------------------------------------------------


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    shape = operation.input
    if shape is None:
        return lambda request, labels=None: {}
    kind = json.decoded_type(shape, {}, json.member_name, lambda member: float)

    def read(request: Request, labels: dict | None = None) -> dict:
        if not request.body:
            return {}
        try:
            value = loads(request.body)
        except (ValueError, struct.error, RecursionError):
            raise SerializationException("Could not parse request body into cbor: not valid CBOR") from None
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError):
            pass
        try:
            return msgspec.convert(json.without_nulls(value, shape), kind)
        except (msgspec.ValidationError, RecursionError) as refused:
            raise SerializationException(str(refused)) from None

    return read


Time = type[Moment] | type[Milliseconds]


def body_writer(shape: Shape, time: Time = Moment) -> Callable[[dict], bytes]:
    def change_of(member: Member) -> Callable | None:
        kind = member.shape.type
        return time if kind == "timestamp" else float if kind in ("float", "double") else None

    change = walker(shape, change_of, lambda member: (member.name, member.name))

    def write(reply: dict) -> bytes:
        kept = json.without_nulls(reply, shape)
        return dumps(kept if change is None else change(kept))

    return write


def writer(operation: Operation, headers: dict[str, str] = HEADERS, time: Time = Moment) -> Callable[[dict | None, str], Response]:
    if operation.output is None:
        of_nothing = {name: value for name, value in headers.items() if name != "Content-Type"}
        return lambda reply, request_id: Response(200, b"", dict(of_nothing))
    write = body_writer(operation.output, time)
    stream = next((each for each in operation.output.members.values() if each.shape.is_event_stream), None)
    if stream is not None:
        return json.stream_writer(stream, write, partial(body_writer, time=time), headers["Content-Type"])
    return lambda reply, request_id: Response(200, write(reply or {}), dict(headers))


def refuser(operation: Operation, headers: dict[str, str] = HEADERS, time: Time = Moment) -> Callable[[AwsError, str], Response]:
    service = operation.service

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        content = {"__type": said.type_name} | refusals.members(said, error)
        write = body_writer(said.shape, time) if said.shape is not None else dumps
        return Response(said.status, write(content), headers | said.query_error_header())

    return refuse
