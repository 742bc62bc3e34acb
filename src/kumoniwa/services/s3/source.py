"""The source of a copy: an object of this region or of another, whose bytes then come over the link, stretch by stretch.

Whoever copies must be allowed to read it. The region where it lies decides that, and opens what is encrypted there.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from kumoniwa.gate.access_point import ALIASES_END, AccessPoint, NoSuchAccessPoint, of_alias, of_arn
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import unpack
from kumoniwa.services.s3 import bill, condition, managed_key, point, tiering
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.archive import ObjectNotInActiveTierError, is_at_hand
from kumoniwa.services.s3.bucket import (
    AccessDenied,
    Bucket,
    InvalidArgument,
    NoSuchBucket,
    arn,
    found,
    location,
    require,
)
from kumoniwa.services.s3.customer_key import CustomerKey, check_opens
from kumoniwa.services.s3.download import check_own, wanted
from kumoniwa.services.s3.storage import Head, Version

STRETCH_BYTES = 4 << 20
ANSWERED_WITHIN_S = 60.0
"""How long a stretch may take over a narrow link."""


class OperationAborted(AwsError):
    status = 409
    message = "A conflicting conditional operation is currently in progress against this resource. Please try again."


class Here(msgspec.Struct, frozen=True):
    call: Call
    """In the account of the source."""
    bucket: Bucket
    version: Version
    head: Head
    secret: bytes
    """What opens it, if its client had it encrypted."""

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        opening = self.secret or await managed_key.secret_of(self.call, self.head)
        async for piece in bodies.pieces(self.call, self.version, self.head, start, length, opening):
            yield piece


class Afar(msgspec.Struct, frozen=True):
    call: Call
    """The copying one."""
    region: str
    asked: dict[str, Any]
    bucket: Bucket
    version: Version
    head: Head

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        end = start + length
        while start < end:
            count = min(STRETCH_BYTES, end - start)
            said = {**self.asked, "do": "read source", "id": self.version.id, "etag": self.version.etag, "start": start, "length": count}
            yield await self.call.home.exchange(self.region, "s3", said, ANSWERED_WITHIN_S)
            start += count


async def source_of(
    call: Call, text: str, conditions: tuple, expected_owner: str | None, customer: CustomerKey
) -> Here | Afar:
    """What a CopySource header names, if the caller may read it and the conditions hold."""
    name, *_, by = _named(call, text)
    place = location(call.home, name)
    if place is None:
        raise NoSuchBucket(BucketName=name)
    if by is not None and place.region != call.region:
        raise NotImplementedHere("access points of other regions as sources of copies")
    if place.region == call.region:
        return _here(call, text, conditions, expected_owner, customer)
    asked = {
        "do": "source", "principal": call.principal, "operation": call.operation, "request": call.request_id, "text": text,
        "conditions": conditions, "owner": expected_owner, "customer": customer,
    }  # fmt: skip
    bucket, version, head = await call.home.exchange(place.region, "s3", asked, ANSWERED_WITHIN_S)
    return Afar(call, place.region, asked, unpack(bucket, Bucket), msgspec.convert(version, Version), unpack(head, Head))


_HOST = re.compile("^https?://[^/]*")


_POINT = re.compile(r"(arn:[a-z-]+:s3:[a-z0-9-]+:\d{12}:accesspoint/[a-z0-9-]+)/object/(.+)", re.DOTALL | re.ASCII)


def _named(call: Call, text: str) -> tuple[str, str, str | None, AccessPoint | None]:
    """Bucket, key and version of a CopySource, and the access point by whose ARN or alias it is named. A blank may be a plus in it, and
    it may be a whole URL: localstack's test_copy_object_special_character_plus_for_space, test_response_structure."""
    path, _, query = _HOST.sub("", text).partition("?versionId=")
    whole = unquote_plus(path.removeprefix("/"))
    by_arn = _POINT.fullmatch(whole)
    if by_arn is not None:
        by = of_arn(call.home, by_arn[1])
        if by is None:
            raise NoSuchAccessPoint(AccessPointName=by_arn[1].rpartition("/")[2])
        return by.bucket, by_arn[2], unquote(query) or None, by
    name, slash, key = whole.partition("/")
    if not slash or not key or not name or name.startswith("arn:"):
        raise InvalidArgument(
            "Invalid copy source object key", ArgumentName="x-amz-copy-source", ArgumentValue="x-amz-copy-source"
        )
    by = of_alias(call.home, name) if name.endswith(ALIASES_END) else None
    return by.bucket if by is not None else name, key, unquote(query) or None, by


def _here(call: Call, text: str, conditions: tuple, expected_owner: str | None, customer: CustomerKey) -> Here:
    name, key, version_id, by = _named(call, text)
    place = location(call.home, name)
    if place is None or place.region != call.region:
        raise NoSuchBucket(BucketName=name)
    there = Call(call.home, place.account, call.principal, call.service, call.operation, call.request_id, call.request)
    if expected_owner is not None and expected_owner != there.account:
        raise AccessDenied
    bucket = found(there, name)
    action, context = "s3:GetObjectVersion" if version_id else "s3:GetObject", {}
    if by is not None:
        context = point.conditions(by)
        require(there, action, by.arn_of(key), **context)
    require(there, action, arn(call, name, key), **context)
    version = wanted(there, bucket, key, version_id)
    condition.check_source(version, *conditions, call.now())
    head = version.head
    check_own(there, bucket, head)
    check_opens(head, customer)
    if not is_at_hand(head, version.storage, call.now()):
        raise ObjectNotInActiveTierError
    if version.storage == tiering.CLASS:
        tiering.read(there, version, head)
    return Here(there, bucket, version, head, customer.secret)


# What the region of a source answers ------------------------------------------------------------------


async def told(home: Any, message: dict[str, Any]) -> Any:
    """``source``: bucket, version and head; ``read source``: a stretch of the same object's bytes."""
    principal = msgspec.convert(message["principal"], Principal)
    call = Call(home, principal.account, principal, "s3", message["operation"], message["request"])
    source = _here(call, message["text"], tuple(message["conditions"]), message["owner"], msgspec.convert(message["customer"], CustomerKey))
    if message["do"] == "source":
        packed = msgspec.msgpack.encode
        return packed(source.bucket), msgspec.structs.replace(source.version, body=None), packed(source.head)
    if (source.version.id, source.version.etag) != (message["id"], message["etag"]):
        raise OperationAborted(hint="The source was replaced while it was copied.")
    body = b"".join([piece async for piece in source.pieces(message["start"], message["length"])])
    bill.carried(source.call, source.bucket.name, len(body))
    return body
