"""Lists of keys, versions and uploads: in the order of their bytes, in pages, with what a delimiter rolls up skipped over.

A common prefix costs one seek, however many keys it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from heapq import merge
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import unpack
from kumoniwa.services.s3 import storage
from kumoniwa.services.s3.archive import restore_status
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, canonical_id, found, token_of, token_text
from kumoniwa.services.s3.storage import Head
from kumoniwa.wire.message import Answer

PAGE_MAX = 1000
LAST_CHARACTER = "\U0010ffff"

Read = Callable[[str, str | None, int], list[tuple]]
"""``read(start, end, limit)``: rows whose first column is a key in [start, end), in order."""


def successor(prefix: str) -> str | None:
    """The first text behind everything that begins with ``prefix``; None if there is none."""
    stem = prefix.rstrip(LAST_CHARACTER)
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if code == 0xD800 else code)


class Page(NamedTuple):
    rows: list[tuple]
    prefixes: list[str]
    is_truncated: bool
    last: str
    """The last key or common prefix on the page."""
    goes_on_at: str
    """Where the next page starts."""


def page_of(read: Read, prefix: str, delimiter: str, start: str, most: int) -> Page:
    """One page of keys from ``start`` on (included)."""
    rows: list[tuple] = []
    prefixes: list[str] = []
    start, end, count, last = max(start, prefix), successor(prefix), 0, ""
    size = 1 if delimiter else most + 1
    while True:
        limit = min(size, most + 1 - count)
        chunk, skips_to = read(start, end, limit), None
        for row in chunk:
            key = row[0]
            if count >= most:
                return Page(rows, prefixes, True, last, key)
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            count += 1
            if at >= 0:
                last = key[: at + len(delimiter)]
                prefixes.append(last)
                skips_to = successor(last)
                break
            rows.append(row)
            last = key
        if skips_to is not None:
            # Where one prefix was rolled up the next key is likely to be of another.
            start, size = skips_to, 1
        elif len(chunk) < limit:
            return Page(rows, prefixes, False, last, "")
        else:
            start, size = chunk[-1][0] + "\0", size * 4


def limit_of(given: int | None, name: str) -> int:
    if given is None:
        return PAGE_MAX
    if given < 0:
        raise InvalidArgument(
            f"Argument {name} must be an integer between 0 and 2147483647",
            ArgumentName=name,
            ArgumentValue=given,
        )
    return min(given, PAGE_MAX)


def encoder(kind: str | None) -> Callable[[str], str]:
    """How keys are written: url-encoded for those who ask, because XML cannot say every character."""
    if kind is None:
        return str
    if kind != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=kind[:1024],
        )
    return partial(quote_plus, safe="/")


def rolled_up(marker: str, prefix: str, delimiter: str) -> str:
    """The common prefix that a marker is, or lies within; empty if none rolls it up."""
    at = marker.find(delimiter, len(prefix)) if delimiter and marker.startswith(prefix) else -1
    return marker[: at + len(delimiter)] if at >= 0 else ""


def after(marker: str, prefix: str, delimiter: str) -> str:
    """The first key behind a marker. One within a common prefix stands for all that it rolls up: recorded by localstack's
    test_list_objects_marker_common_prefixes."""
    rolled = rolled_up(marker, prefix, delimiter)
    return (successor(rolled) or LAST_CHARACTER * 4) if rolled else marker + "\0"


STEP_ROWS = 500


def steps(reading: Callable[[], Read], prefix: str = "", size: int = STEP_ROWS) -> Iterator[list[tuple]]:
    """Everything under a prefix, for those who work through a bucket: in steps of about ``size`` rows, in each of which the rows of
    a key are all together. ``reading`` makes what reads a step, anew for each, because the bucket goes on meanwhile."""
    start, end, limit = prefix, successor(prefix), size
    while True:
        chunk = reading()(start, end, limit)
        is_end = len(chunk) < limit
        if not is_end and chunk[0][0] == chunk[-1][0]:
            limit *= 4  # one key has more versions than a step takes
            continue
        # The rest of the last key's rows may lie in the next step.
        yield chunk if is_end else [row for row in chunk if row[0] != chunk[-1][0]]
        if is_end:
            return
        start, limit = chunk[-1][0], size


# Objects ---------------------------------------------------------------------------------------------

_KEYS = "select key, modified, size, etag, storage, head from s3_object where bucket = ? and key >= ? {end} and is_live = 1 order by key limit ?"
_KEYS_TO_END, _KEYS_BELOW = _KEYS.format(end=""), _KEYS.format(end="and key < ?")


def live_keys(call: Call, bucket: Bucket) -> Read:
    rows = call.rows(storage.OBJECTS)

    def read(start: str, end: str | None, limit: int) -> list[tuple]:
        if end is None:
            return rows.all(_KEYS_TO_END, bucket.id, start, limit)
        return rows.all(_KEYS_BELOW, bucket.id, start, end, limit)

    return read


class Telling(NamedTuple):
    """What a list says of each object beside what it always says."""

    owner: bool
    restore_at: float | None
    """The time by which an archived object is at hand or not, None for those who did not ask."""


def telling(call: Call, attributes: list[str] | None, *, owner: bool) -> Telling:
    for name in attributes or ():
        if name != "RestoreStatus":
            raise InvalidArgument(
                "Invalid attribute name specified", ArgumentName="x-amz-optional-object-attributes", ArgumentValue=name[:1024]
            )
    return Telling(owner, call.now() if attributes else None)


def _contents(page: Page, encode: Callable[[str], str], tells: Telling) -> list[dict]:
    listed = []
    for key, modified, size, etag, kind, packed in page.rows:
        head = unpack(packed, Head)
        shown = {"Key": encode(key), "LastModified": float(int(modified)), "ETag": f'"{etag}"'}
        if head.algorithm:
            shown["ChecksumAlgorithm"] = [head.algorithm]
            shown["ChecksumType"] = "COMPOSITE" if head.is_composite else "FULL_OBJECT"
        shown["Size"], shown["StorageClass"] = size, kind
        if tells.owner:
            shown["Owner"] = {"ID": canonical_id(head.owner)}
        if tells.restore_at is not None:
            shown |= restore_status(head, tells.restore_at)
        listed.append(shown)
    return listed


def ListObjects(
    call: Call,
    *,
    Bucket: str,
    Delimiter: str | None = None,
    EncodingType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    Marker: str | None = None,
    MaxKeys: int | None = None,
    OptionalObjectAttributes: list[str] | None = None,
    Prefix: str | None = None,
    RequestPayer: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    most, encode = limit_of(MaxKeys, "max-keys"), encoder(EncodingType)
    prefix, delimiter = Prefix or "", Delimiter or ""
    start = after(Marker, prefix, delimiter) if Marker else ""
    page = page_of(live_keys(call, bucket), prefix, delimiter, start, most)
    is_truncated = page.is_truncated and most > 0
    reply: dict[str, Any] = {
        "Name": Bucket,
        "Prefix": encode(prefix),
        "Marker": encode(Marker or ""),
        "MaxKeys": most,
        "IsTruncated": is_truncated,
    }
    if is_truncated and delimiter:
        # Without a delimiter the last key of the page says the same.
        reply["NextMarker"] = encode(page.last)
    reply |= _rest(page, encode, EncodingType, Delimiter, telling(call, OptionalObjectAttributes, owner=True))
    return _from_its_region(call, reply)


def ListObjectsV2(
    call: Call,
    *,
    Bucket: str,
    ContinuationToken: str | None = None,
    Delimiter: str | None = None,
    EncodingType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    FetchOwner: bool | None = None,
    MaxKeys: int | None = None,
    OptionalObjectAttributes: list[str] | None = None,
    Prefix: str | None = None,
    RequestPayer: str | None = None,
    StartAfter: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    most, encode = limit_of(MaxKeys, "max-keys"), encoder(EncodingType)
    prefix, delimiter = Prefix or "", Delimiter or ""
    if ContinuationToken is not None:
        start = token_text(ContinuationToken)
    else:
        start = after(StartAfter, prefix, delimiter) if StartAfter else ""
    page = page_of(live_keys(call, bucket), prefix, delimiter, start, most)
    is_truncated = page.is_truncated and most > 0
    reply: dict[str, Any] = {
        "Name": Bucket, "Prefix": encode(prefix), "MaxKeys": most, "KeyCount": len(page.rows) + len(page.prefixes), "IsTruncated": is_truncated,
    }  # fmt: skip
    if ContinuationToken is not None:
        reply["ContinuationToken"] = ContinuationToken
    if is_truncated:
        reply["NextContinuationToken"] = token_of(page.goes_on_at)
    if StartAfter is not None and ContinuationToken is None:
        reply["StartAfter"] = encode(StartAfter)
    reply |= _rest(page, encode, EncodingType, Delimiter, telling(call, OptionalObjectAttributes, owner=bool(FetchOwner)))
    return _from_its_region(call, reply)


def _from_its_region(call: Call, reply: dict) -> Answer:
    """Lists of objects name the bucket's region as HeadBucket does: localstack's test_region_header_exists_outside_us_east_1."""
    return Answer(200, reply, {"x-amz-bucket-region": call.region})


def _rest(
    page: Page, encode: Callable[[str], str], encoding: str | None, delimiter: str | None, tells: Telling
) -> dict:
    reply: dict[str, Any] = {}
    if delimiter:
        reply["Delimiter"] = encode(delimiter)
    if encoding:
        reply["EncodingType"] = encoding
    if page.rows:
        reply["Contents"] = _contents(page, encode, tells)
    if page.prefixes:
        reply["CommonPrefixes"] = [{"Prefix": encode(prefix)} for prefix in page.prefixes]
    return reply


# Versions --------------------------------------------------------------------------------------------

_VERSION_COLUMNS = "select key, version, is_marker, id, modified, size, etag, storage, head from s3_object where bucket = ? and is_live = "
_VERSIONS = {
    (
        is_live,
        is_bounded,
    ): f"{_VERSION_COLUMNS}{is_live} and key >= ? {'and key < ? ' if is_bounded else ''}order by key, id desc limit ?"
    for is_live in (0, 1)
    for is_bounded in (False, True)
}
_TOP = f"{_VERSION_COLUMNS}1 and key = ? and id < ?"
_OLDER = f"{_VERSION_COLUMNS}0 and key = ? and id < ? order by id desc limit ?"


def _newest_first(row: tuple) -> tuple[str, int]:
    return row[0], -row[3]


def _looking_ahead(rows: Any, bucket: Bucket, is_live: int) -> Read:
    """Rows of one kind within one page. Where a prefix was rolled up, those of the kind that lie beyond are known already."""
    read_from, read_limit, held = LAST_CHARACTER * 4, 0, []

    def read(start: str, end: str | None, limit: int) -> list[tuple]:
        nonlocal read_from, read_limit, held
        if start < read_from or limit > read_limit or (held and start > held[0][0]):
            bounds = (bucket.id, start) if end is None else (bucket.id, start, end)
            held = rows.all(_VERSIONS[is_live, end is not None], *bounds, limit)
            read_from, read_limit = start, limit
        return held[:limit]

    return read


def all_versions(call: Call, bucket: Bucket, first_key: str, below_id: int) -> Read:
    """Live and hidden versions merged, newest first within a key. Of ``first_key`` only those older than ``below_id``."""
    rows = call.rows(storage.OBJECTS)
    read_live, read_hidden = (_looking_ahead(rows, bucket, is_live) for is_live in (1, 0))

    def read(start: str, end: str | None, limit: int) -> list[tuple]:
        live, hidden = read_live(start, end, limit), read_hidden(start, end, limit)
        return list(merge(live, hidden, key=_newest_first))[:limit] if live and hidden else live or hidden

    def read_from_marker(start: str, end: str | None, limit: int) -> list[tuple]:
        if start != first_key:
            return read(start, end, limit)
        # Where the marker has been deleted since, the next older version may have become live.
        older = rows.all(_TOP, bucket.id, first_key, below_id)
        older += rows.all(_OLDER, bucket.id, first_key, below_id, limit - len(older))
        return older + read(first_key + "\0", end, limit - len(older)) if len(older) < limit else older

    return read_from_marker if below_id else read


def ListObjectVersions(
    call: Call,
    *,
    Bucket: str,
    Delimiter: str | None = None,
    EncodingType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    KeyMarker: str | None = None,
    MaxKeys: int | None = None,
    OptionalObjectAttributes: list[str] | None = None,
    Prefix: str | None = None,
    RequestPayer: str | None = None,
    VersionIdMarker: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    most, encode = limit_of(MaxKeys, "max-keys"), encoder(EncodingType)
    prefix, delimiter = Prefix or "", Delimiter or ""
    start, below_id = after(KeyMarker, prefix, delimiter) if KeyMarker else "", 0
    if VersionIdMarker:
        if not KeyMarker:
            raise InvalidArgument(
                "A version-id marker cannot be specified without a key marker.",
                ArgumentName="version-id-marker",
                ArgumentValue=VersionIdMarker[:1024],
            )
        try:
            start, below_id = KeyMarker, storage.id_before(call, bucket, KeyMarker, VersionIdMarker)
        except ValueError:
            raise InvalidArgument(
                "Invalid version id specified",
                ArgumentName="version-id-marker",
                ArgumentValue=VersionIdMarker[:1024],
            ) from None
    page = version_page(
        all_versions(call, bucket, KeyMarker or "", below_id), prefix, delimiter, start, most
    )
    is_truncated = page.is_truncated and most > 0
    reply: dict[str, Any] = {
        "Name": Bucket, "Prefix": encode(prefix), "KeyMarker": encode(KeyMarker or ""), "VersionIdMarker": VersionIdMarker or "",
        "MaxKeys": most, "IsTruncated": is_truncated,
    }  # fmt: skip
    if delimiter:
        reply["Delimiter"] = encode(delimiter)
    if EncodingType:
        reply["EncodingType"] = EncodingType
    if is_truncated:
        reply["NextKeyMarker"] = encode(page.last)
        if page.goes_on_at:
            reply["NextVersionIdMarker"] = page.goes_on_at
    before, tells = KeyMarker if below_id else None, telling(call, OptionalObjectAttributes, owner=True)
    # What was newer than the page's first version may have been deleted since the page before.
    live = storage.live(call, bucket, KeyMarker) if below_id else None
    for row in page.rows:
        key, version, is_marker, _, modified, size, etag, kind, packed = row
        head = unpack(packed, Head)
        shown = {
            "Key": encode(key),
            "VersionId": version,
            "IsLatest": key != before or (live is not None and live.version == version),
            "LastModified": float(int(modified)),
            "Owner": {"ID": canonical_id(head.owner)},
        }
        before = key
        if not is_marker:
            shown |= {"ETag": f'"{etag}"', "Size": size, "StorageClass": kind}
            if tells.restore_at is not None:
                shown |= restore_status(head, tells.restore_at)
            if head.algorithm:
                shown |= {
                    "ChecksumAlgorithm": [head.algorithm],
                    "ChecksumType": "COMPOSITE" if head.is_composite else "FULL_OBJECT",
                }
        reply.setdefault("DeleteMarkers" if is_marker else "Versions", []).append(shown)
    if page.prefixes:
        reply["CommonPrefixes"] = [{"Prefix": encode(common)} for common in page.prefixes]
    return reply


def version_page(read: Read, prefix: str, delimiter: str, start: str, most: int) -> Page:
    """As ``page_of`` where a key has several rows, told apart by their second column: a page may end within a key, and
    ``goes_on_at`` is then that row's."""
    rows: list[tuple] = []
    prefixes: list[str] = []
    start, end, last, last_version = max(start, prefix), successor(prefix), "", ""
    size = 2 if delimiter else most + 1
    while True:
        limit = most + 1 - len(rows) - len(prefixes)
        chunk, skips_to = read(start, end, min(limit, size)), None
        if len(chunk) == size < limit and not any(delimiter in row[0][len(prefix) :] for row in chunk):
            # A page may only go on at a key, and these rows may end within one: read them again with those behind.
            size *= 4
            continue
        for row in chunk:
            key = row[0]
            if len(rows) + len(prefixes) >= most:
                return Page(rows, prefixes, True, last, last_version)
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                last, last_version = key[: at + len(delimiter)], ""
                prefixes.append(last)
                skips_to = successor(last)
                break
            rows.append(row)
            last, last_version = key, row[1]
        if skips_to is None:
            return Page(rows, prefixes, False, last, "")
        start, size = skips_to, 2
