"""Inventory lists: what is in a bucket, written into another with a manifest, whenever one is due.

Who dies in the middle makes the whole list again.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from time import gmtime, strftime
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import orjson

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import unpack
from kumoniwa.services.s3 import acl, lifecycle, replication, reporting, storage, tiering
from kumoniwa.services.s3.bucket import Bucket, canonical_id
from kumoniwa.services.s3.inventory import DEADLINES, OPTIONAL_FIELDS, destination, due_after
from kumoniwa.services.s3.listing import all_versions, live_keys, steps
from kumoniwa.services.s3.storage import Head
from kumoniwa.wire import timestamps

ROWS_PER_FILE_MAX = 1_000_000
GZIP = 31


class Row(NamedTuple):
    """A version as a list meets it; of one that is current without regard to others, there is no more to tell."""

    key: str
    version: str
    is_marker: int
    is_latest: bool
    modified: float
    size: int
    etag: str
    storage: str
    head: Head


# When ------------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    await DEADLINES.run(region, _made)


async def _made(call: Call, name: str, id: str) -> float | None:
    """Make one list; answers when the next is due."""
    bucket, began = call.shelf(Bucket).get(name), call.now()
    said = bucket.inventories.get(id) if bucket is not None else None
    if said is None:
        return None
    try:
        await _put_list(call, bucket, said, began)
    except AwsError as error:
        reporting.undelivered(call, destination(said), error)
    return due_after(began, said["Schedule"]["Frequency"])


# What ------------------------------------------------------------------------------------------------


async def _put_list(call: Call, bucket: Bucket, said: dict[str, Any], began: float) -> None:
    target = destination(said)
    place = reporting.folder(target, bucket, said["Id"])
    put = partial(reporting.put, call, bucket, target)
    files = []
    for body in _files(call, bucket, said):
        if body is None:
            await asyncio.sleep(0)
            continue
        key = f"{place}data/{call.new_id()}.csv.gz"
        await put(key, body, "application/x-gzip")
        files.append({"key": key, "size": len(body), "MD5checksum": _md5(body)})
    manifest = orjson.dumps({
        "sourceBucket": bucket.name, "destinationBucket": target["Bucket"], "version": "2016-11-30",
        "creationTimestamp": str(milliseconds(began)), "fileFormat": "CSV", "fileSchema": ", ".join(_columns(said)), "files": files,
    }, option=orjson.OPT_INDENT_2)  # fmt: skip
    there = arns.parse(target["Bucket"]).resource
    of_hive = "\n".join(f"s3://{there}/{file['key']}" for file in files)
    at = gmtime(began)
    await put(f"{place}hive/dt={strftime('%Y-%m-%d-%H-%M', at)}/symlink.txt", of_hive.encode(), "text/plain")
    folder = f"{place}{strftime('%Y-%m-%dT%H-%MZ', at)}/"
    await put(f"{folder}manifest.json", manifest, "application/json")
    # Who waits for a list waits for this: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-notification.html
    await put(f"{folder}manifest.checksum", _md5(manifest).encode(), "text/plain")


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _files(call: Call, bucket: Bucket, said: dict[str, Any]) -> Iterator[bytes | None]:
    """The compressed files of a list, and None after each step, so that others have their turn."""
    tells = [_COLUMNS[name] for name in _columns(said)]
    packer, count = zlib.compressobj(wbits=GZIP), 0
    parts: list[bytes] = []
    for rows in _rows(call, bucket, said):
        lines = [",".join(f'"{tell(call, bucket, row)}"' for tell in tells) for row in rows]
        parts.append(packer.compress("".join(f"{line}\n" for line in lines).encode()))
        count += len(rows)
        if count >= ROWS_PER_FILE_MAX:
            yield b"".join((*parts, packer.flush()))
            packer, parts, count = zlib.compressobj(wbits=GZIP), [], 0
        yield None
    if count:
        yield b"".join((*parts, packer.flush()))


def _rows(call: Call, bucket: Bucket, said: dict[str, Any]) -> Iterator[list[Row]]:
    prefix = (said.get("Filter") or {}).get("Prefix", "")
    if said["IncludedObjectVersions"] == "Current":
        for step in steps(partial(live_keys, call, bucket), prefix):
            yield [
                Row(key, "", 0, True, modified, size, etag, kind, unpack(packed, Head)) for key, modified, size, etag, kind, packed in step
            ]
        return
    for step in steps(partial(all_versions, call, bucket, "", 0), prefix):
        found, before = [], None
        for key, version, is_marker, _, modified, size, etag, kind, packed in step:
            found.append(Row(key, version, is_marker, key != before, modified, size, etag, kind, unpack(packed, Head)))
            before = key
        yield found


# Columns ---------------------------------------------------------------------------------------------


def _columns(said: dict[str, Any]) -> list[str]:
    of_versions = ["VersionId", "IsLatest", "IsDeleteMarker"] if said["IncludedObjectVersions"] == "All" else []
    asked = said.get("OptionalFields") or ()
    return ["Bucket", "Key", *of_versions, *(name for name in OPTIONAL_FIELDS if name in asked)]


def _claim(is_so: Any) -> str:
    return "true" if is_so else "false"


def _of_object(tell: Any) -> Any:
    """A column that says nothing of a delete marker. No source tells what AWS says there."""
    return lambda call, bucket, row: "" if row.is_marker else tell(call, bucket, row)


def _encryption(call: Call, bucket: Bucket, row: Row) -> str:
    if row.head.customer_key:
        return "SSE-C"
    return "SSE-KMS" if row.head.data_key is not None else "SSE-S3" if row.head.encryption else "NOT-SSE"


def _grants(call: Call, bucket: Bucket, row: Row) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/objectacl.html"""
    owner = canonical_id(row.head.owner if bucket.has_acls else call.account)
    listed = acl.shown(row.head.grants if bucket.has_acls else acl.CLOSED, owner)["Grants"]
    names = {"ID": "canonicalId", "URI": "uri", "Type": "type"}
    told = [
        {names[name]: value for name, value in each["Grantee"].items()} | {"permission": each["Permission"]} for each in listed
    ]
    return b64encode(orjson.dumps({"version": "2022-11-10", "status": "AVAILABLE", "grants": told})).decode()


def _expires(call: Call, bucket: Bucket, row: Row) -> str:
    """Of noncurrent versions no date is told, as they have none of their own."""
    rules = bucket.lifecycle if row.is_latest else ()
    ends = [
        at
        for rule in rules
        if lifecycle.fits(rule, row.key, row.size, row.head.tags) and (at := lifecycle.expires_at(rule, row.modified)) is not None
    ]
    return timestamps.to_millisecond(min(ends)) if ends else ""


_COLUMNS: dict[str, Any] = {
    "Bucket": lambda call, bucket, row: bucket.name,
    # "When using the CSV file format, the key name is URL-encoded": storage-inventory, AWS's guide.
    "Key": lambda call, bucket, row: quote_plus(row.key, safe="/"),
    # "mark any null-versioned objects with empty strings": inventory-configure-bops, AWS's guide.
    "VersionId": lambda call, bucket, row: "" if row.version == storage.NULL else row.version,
    "IsLatest": lambda call, bucket, row: _claim(row.is_latest),
    "IsDeleteMarker": lambda call, bucket, row: _claim(row.is_marker),
    "Size": _of_object(lambda call, bucket, row: row.size),
    "LastModifiedDate": lambda call, bucket, row: timestamps.to_millisecond(float(int(row.modified))),
    "ETag": lambda call, bucket, row: row.etag,
    "StorageClass": lambda call, bucket, row: row.storage,
    "IsMultipartUploaded": _of_object(lambda call, bucket, row: _claim(row.head.parts)),
    "ReplicationStatus": lambda call, bucket, row: replication.status_of(row.head).get("ReplicationStatus", ""),
    "EncryptionStatus": _of_object(_encryption),
    "ObjectLockRetainUntilDate": lambda call, bucket, row: timestamps.to_millisecond(row.head.lock.until) if row.head.lock.mode else "",
    "ObjectLockMode": lambda call, bucket, row: row.head.lock.mode.capitalize(),
    "ObjectLockLegalHoldStatus": _of_object(lambda call, bucket, row: "On" if row.head.lock.hold == "ON" else "Off"),
    "IntelligentTieringAccessTier": lambda call, bucket, row: tiering.tier(row.head, row.storage, row.size, row.modified, call.now()),
    "BucketKeyStatus": _of_object(lambda call, bucket, row: "ENABLED" if row.head.has_bucket_key else "DISABLED"),
    "ChecksumAlgorithm": lambda call, bucket, row: row.head.algorithm,
    "ObjectAccessControlList": _of_object(_grants),
    "ObjectOwner": lambda call, bucket, row: canonical_id(row.head.owner if bucket.has_acls else call.account),
    "LifecycleExpirationDate": _of_object(_expires),
}
"""What each column says of a row."""
