"""The door of this room: one operation's bytes to params and back, in one protocol.

A codec is compiled when its operation is first called in that protocol, and kept. ``detect`` tells from a request alone
which protocol it speaks and which operation it names.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.kernel.record import changed
from kumoniwa.wire import constraints
from kumoniwa.wire.query import action_of, version_of

if TYPE_CHECKING:
    from kumoniwa.aws.models import Operation
    from kumoniwa.wire.message import Request, Response

DECOMPRESSED_BYTES_MAX = 16 << 20
PROTOCOLS = {
    "json": "json",
    "query": "query",
    "ec2": "ec2",
    "rest-json": "rest_json",
    "rest-xml": "rest_xml",
    "smithy-rpc-v2-cbor": "cbor",
    "json-cbor": "json_cbor",
}
"""The module of this room that speaks a protocol; imported, like a service, when it is first spoken."""

FAMILIES = {"json-cbor": "json"}
"""Protocols that are another one but for their encoding."""

CBOR_OF_JSON = "application/x-amz-cbor-1.1"


def unpacked(request: Request) -> bytes:
    """The body without the compression that its client applied."""
    if not request.headers.get("content-encoding", "").lower().endswith("gzip"):
        return request.body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(request.body, DECOMPRESSED_BYTES_MAX)
    except zlib.error:
        raise SerializationException("The body is not valid gzip") from None
    if not unpacker.eof:
        raise SerializationException("The body is incomplete or too large")
    return body


def _decompressing(read: Callable[..., dict]) -> Callable[..., dict]:
    """A reader that first undoes the compression which the model allows a client to apply."""

    def read_compressed(request: Request, labels: dict | None = None) -> dict:
        body = unpacked(request)
        return read(request if body is request.body else changed(request, body=body), labels)

    return read_compressed


class InternalServerError(AwsError):
    status = 500
    message = "Internal server error"


UNDOES_CODINGS = frozenset({"dynamodb"})
"""Services that take any request compressed, whatever their model says."""
_CODINGS = {"gzip": 31, "deflate": 15}


def _plain(body: bytes, coding: str) -> bytes:
    """A body without its coding. What cannot be undone, or becomes too large, AWS answers with a failure of its own; pieces compressed one by
    one are read as one. Source: scylladb/scylladb, test_compressed_request.py."""
    if coding == "identity":
        return body
    wbits, found, left = _CODINGS.get(coding), b"", body
    while wbits is not None:
        unpacker = zlib.decompressobj(wbits=wbits)
        try:
            found += unpacker.decompress(left, DECOMPRESSED_BYTES_MAX + 1 - len(found))
        except zlib.error:
            break
        if not unpacker.eof or len(found) > DECOMPRESSED_BYTES_MAX:
            break
        left = unpacker.unused_data
        if coding == "deflate" or not left.startswith(b"\x1f\x8b"):
            return found
    raise InternalServerError


def _undoing_codings(read: Callable[..., dict]) -> Callable[..., dict]:
    """A reader that first undoes what Content-Encoding names."""

    def read_coded(request: Request, labels: dict | None = None) -> dict:
        coding = request.headers.get("content-encoding")
        return read(request if coding is None else changed(request, body=_plain(request.body, coding.strip().lower())), labels)

    return read_coded


class UnknownOperationException(AwsError):
    status = 404


class Codec:
    """Reads, checks, writes and refuses for one operation. Each part is compiled when first used."""

    def __init__(self, operation: Operation, protocol: str) -> None:
        if protocol not in PROTOCOLS:
            raise KeyError(protocol)
        own = operation.service.protocol
        if own.startswith("rest-") and protocol != own:
            # Without its method and path an operation of a REST service has lost half of its parameters.
            raise UnknownOperationException(f"{operation.service.name} is not spoken to in the {protocol} protocol.")
        self.operation = operation
        self.protocol = FAMILIES.get(protocol, protocol)
        self._module = importlib.import_module(f"kumoniwa.wire.{PROTOCOLS[protocol]}")
        payload = operation.input.members.get(operation.input.payload or "") if operation.input else None
        self.is_streaming_input = payload is not None and (
            payload.is_streaming or payload.shape.is_event_stream
        )
        """Whether a request may be read while its body is still a `Stream`; otherwise gather the body first."""

    @cached_property
    def read(self) -> Callable[..., dict]:
        """``read(request, labels=None) -> params`` with AWS's names; raises `AwsError` for what cannot be read."""
        read = self._module.reader(self.operation)
        if self.operation.service.name in UNDOES_CODINGS:
            return _undoing_codings(read)
        return _decompressing(read) if "gzip" in self.operation.request_encodings else read

    @cached_property
    def check(self) -> Callable[[dict[str, Any]], None]:
        """``check(params)``: raises `AwsError` in AWS's words if a constraint of the model is broken."""
        return constraints.checker(self.operation, self.protocol)

    @cached_property
    def write(self) -> Callable[[dict | None, str], Response]:
        """``write(reply, request_id) -> Response``."""
        return self._module.writer(self.operation)

    @cached_property
    def refuse(self) -> Callable[[AwsError, str], Response]:
        """``refuse(error, request_id) -> Response``."""
        return self._module.refuser(self.operation)


@cache
def codec(operation: Operation, protocol: str) -> Codec:
    """The operation's codec in that protocol; ``KeyError`` for a protocol that does not exist. Kept like the model."""
    return Codec(operation, protocol)


def detect(request: Request) -> tuple[str, str | None, str | None]:
    """``(protocol, service, operation)`` as the request says: the protocol's name (``rest`` where only the service can
    tell), the target prefix or service id it names, the operation it names."""
    headers = request.headers
    target = headers.get("x-amz-target")
    if target:
        service, _, operation = target.rpartition(".")
        return "json-cbor" if headers.get("content-type") == CBOR_OF_JSON else "json", service or None, operation
    if headers.get("smithy-protocol") == "rpc-v2-cbor" or "/operation/" in request.path:
        parts = request.path.split("/")
        if len(parts) >= 5 and parts[-4] == "service" and parts[-2] == "operation":
            return "smithy-rpc-v2-cbor", parts[-3], parts[-1]
    kind = headers.get("content-type", "")
    form = request.query if "Action=" in request.query else ""
    if request.method == "POST" and kind.startswith("application/x-www-form-urlencoded"):
        head = unpacked(request)[:65536]
        form = head.decode("utf-8", "replace") if b"Action=" in head else form
    if form:
        action = action_of(form)
        if action is not None and (request.method == "POST" or version_of(form) is not None):
            return "query", None, action
    return "rest", None, None
