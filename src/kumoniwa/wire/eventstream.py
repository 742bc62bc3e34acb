"""AWS's event streams: frames of typed headers and a payload, each with two checksums.

Frame: total length, headers length, CRC32 of both; headers; payload; CRC32 of all before it.
Source: https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import orjson

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, SerializationException

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Shape

CONTENT_TYPE = "application/vnd.amazon.eventstream"
FRAME_BYTES_MAX = 24 << 20
HEADERS_BYTES_MAX = 128 << 10
_PRELUDE = struct.Struct(">III")


class Frame(NamedTuple):
    headers: dict[str, Any]
    payload: bytes


class Milliseconds(int):
    """A timestamp header, in milliseconds since 1970."""


def _header(name: str, value: Any) -> bytes:
    spelled = name.encode()
    if not 0 < len(spelled) < 256:
        raise ValueError("a header's name has 1 to 255 bytes")
    start = bytes((len(spelled),)) + spelled
    if isinstance(value, bool):
        return start + (b"\x00" if value else b"\x01")
    if isinstance(value, Milliseconds):
        return start + struct.pack(">Bq", 8, value)
    if isinstance(value, int):
        return start + (
            struct.pack(">Bi", 4, value) if -(1 << 31) <= value < 1 << 31 else struct.pack(">Bq", 5, value)
        )
    if isinstance(value, UUID):
        return start + b"\x09" + value.bytes
    data = value.encode() if isinstance(value, str) else bytes(value)
    return start + struct.pack(">BH", 7 if isinstance(value, str) else 6, len(data)) + data


def encoded(headers: dict[str, Any], payload: bytes = b"") -> bytes:
    """One frame."""
    block = b"".join([_header(name, value) for name, value in headers.items()])
    total = len(block) + len(payload) + 16
    lengths = struct.pack(">II", total, len(block))
    whole = b"".join((lengths, struct.pack(">I", zlib.crc32(lengths)), block, payload))
    return whole + struct.pack(">I", zlib.crc32(whole))


_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


def _headers(block: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    at = 0
    while at < len(block):
        size = block[at]
        name = block[at + 1 : at + 1 + size].decode()
        at += 1 + size
        kind = block[at]
        at += 1
        if kind in (0, 1):
            headers[name] = kind == 0
        elif kind in _FIXED:
            (value,) = struct.unpack_from(_FIXED[kind], block, at)
            headers[name] = Milliseconds(value) if kind == 8 else value
            at += struct.calcsize(_FIXED[kind])
        elif kind in (6, 7):
            (size,) = struct.unpack_from(">H", block, at)
            data = block[at + 2 : at + 2 + size]
            if len(data) != size:
                raise ValueError("unexpected end")
            headers[name] = data.decode() if kind == 7 else data
            at += 2 + size
        elif kind == 9:
            headers[name] = UUID(bytes=block[at : at + 16])
            at += 16
        else:
            raise ValueError("unknown header type")
    return headers


class FrameDecoder:
    """Takes bytes as they come, gives frames as they complete; `SerializationException` for what is no frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> list[Frame]:
        self._buffer += piece
        frames = []
        while len(self._buffer) >= 12:
            total, headers_length, prelude_crc = _PRELUDE.unpack_from(self._buffer)
            if zlib.crc32(self._buffer[:8]) != prelude_crc:
                raise SerializationException("Prelude checksum mismatch")
            if total > FRAME_BYTES_MAX or headers_length > HEADERS_BYTES_MAX or total < headers_length + 16:
                raise SerializationException("Invalid event stream message length")
            if len(self._buffer) < total:
                break
            frames.append(_frame(bytes(self._buffer[:total]), headers_length))
            del self._buffer[:total]
        return frames

    @property
    def is_empty(self) -> bool:
        """Whether everything fed has come out; False at the end means a cut-off frame."""
        return not self._buffer


def _frame(whole: bytes, headers_length: int) -> Frame:
    if zlib.crc32(whole[:-4]) != int.from_bytes(whole[-4:], "big"):
        raise SerializationException("Message checksum mismatch")
    try:
        headers = _headers(whole[12 : 12 + headers_length])
    except (ValueError, IndexError, struct.error):
        raise SerializationException("Invalid event stream headers") from None
    return Frame(headers, whole[12 + headers_length : -4])


# Events of a model ---------------------------------------------------------------------------------------------------

BodyWriter = Callable[["Shape"], Callable[[dict], bytes]]


def _header_value(member: Member, value: Any) -> Any:
    return Milliseconds(milliseconds(value)) if member.shape.type == "timestamp" else value


def event_writer(shape: Shape, body_of: BodyWriter, content_type: str) -> Callable[[dict], bytes]:
    """A writer of one event, given as ``{member of the stream's union: {…}}``."""
    writers = {
        name: _event(name, member.shape, body_of, content_type) for name, member in shape.members.items()
    }

    def write(event: dict) -> bytes:
        ((name, value),) = event.items()
        return writers[name](value)

    return write


def _event(name: str, shape: Shape, body_of: BodyWriter, content_type: str) -> Callable[[dict], bytes]:
    members = shape.members.values()
    in_headers = [member for member in members if member.is_event_header]
    payload = next((member for member in members if member.is_event_payload), None)
    fixed = {":event-type": name, ":message-type": "event"}
    kind = payload.shape.type if payload is not None else "structure"
    if kind == "blob":
        fixed[":content-type"] = "application/octet-stream"
    elif kind == "string":
        fixed[":content-type"] = "text/plain"
    elif payload is not None or len(in_headers) < len(shape.members):
        fixed[":content-type"] = content_type
    write_body = body_of(payload.shape if payload is not None else shape) if kind == "structure" else None
    bound = {member.name for member in in_headers}

    def write(value: dict) -> bytes:
        headers = dict(fixed)
        for member in in_headers:
            if value.get(member.name) is not None:
                headers[member.name] = _header_value(member, value[member.name])
        if payload is not None:
            content = value.get(payload.name)
            if content is None:
                body = b""
            elif write_body is not None:
                body = write_body(content)
            else:
                body = content.encode() if isinstance(content, str) else content
        elif ":content-type" in headers:
            body = write_body({key: item for key, item in value.items() if key not in bound})
        else:
            body = b""
        return encoded(headers, body)

    return write


def error_frame(code: str, message: str) -> bytes:
    """The frame that ends a stream with an error the model does not know."""
    return encoded({":message-type": "error", ":error-code": code, ":error-message": message})


async def framed(
    events: AsyncIterator[dict], write: Callable[[dict], bytes], initial: bytes | None = None
) -> AsyncIterator[bytes]:
    """The body of an event stream: the initial response (RPC protocols), then one frame per event. An `AwsError` that
    ends the events is said in a last frame, for the status has long left."""
    if initial is not None:
        yield initial
    try:
        async for event in events:
            yield write(event)
    except AwsError as error:
        headers = {
            ":message-type": "exception",
            ":exception-type": error.code,
            ":content-type": "application/json",
        }
        yield encoded(headers, orjson.dumps({"message": error.text}))
