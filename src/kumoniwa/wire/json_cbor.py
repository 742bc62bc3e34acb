"""JSON 1.1 written in CBOR, ``application/x-amz-cbor-1.1``: what AWS's SDKs for Java, and so its consumer library, speak to Kinesis.

Everything is as in JSON, but blobs are bytes and times are whole milliseconds under tag 1, which elsewhere are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kumoniwa.wire import cbor
from kumoniwa.wire.codec import CBOR_OF_JSON
from kumoniwa.wire.walk import walker

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation
    from kumoniwa.kernel.errors import AwsError
    from kumoniwa.wire.message import Request, Response

HEADERS = {"Content-Type": CBOR_OF_JSON}


def _seconds(milliseconds: float) -> float:
    return milliseconds / 1000


def _time_of(member: Member) -> Callable | None:
    return _seconds if member.shape.type == "timestamp" else None


def reader(operation: Operation) -> Callable[[Request, dict | None], dict]:
    read = cbor.reader(operation)
    change = walker(operation.input, _time_of, lambda member: (member.name, member.name)) if operation.input is not None else None
    return read if change is None else lambda request, labels=None: change(read(request, labels))


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    return cbor.writer(operation, HEADERS, cbor.Milliseconds)


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    return cbor.refuser(operation, HEADERS, cbor.Milliseconds)
