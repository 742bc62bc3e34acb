"""What AWS bills for buckets: requests by their kind and class, what is stored by class and tier, what is fetched from cold classes.

PUT, COPY, POST and LIST have one price, GET and all others the other, DELETE and CANCEL none; the cold classes have prices of their own. Restores
and lifecycle transitions are requests of their class. https://aws.amazon.com/s3/pricing/
That settings of buckets count as PUT or GET by their verb is not said in words. Not counted are refusals that AWS bills, such as a 404
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html), what is left of a class's least days when something is deleted
before, and the bytes of keys and metadata. The bucket's account is billed, also where requesters pay; for replicas that of their bucket.
What is replicated or copied into another region is traffic of the region that it leaves; a region that reads by an AWS call is not counted.

What is stored is counted in steps: a small account at once, a large one while its region goes on answering, which is told when it is done.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import cache
from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, unpack
from kumoniwa.services.s3 import archive, tiering
from kumoniwa.services.s3.bucket import Bucket
from kumoniwa.services.s3.multipart import Upload
from kumoniwa.services.s3.storage import OBJECTS, PARTS, UPLOADS, Head, Version
from kumoniwa.wire.message import is_lying

NAMES = {
    "STANDARD": "standard", "STANDARD_IA": "standard_ia", "ONEZONE_IA": "one_zone_ia", "GLACIER_IR": "glacier_instant",
    "GLACIER": "glacier_flexible", "DEEP_ARCHIVE": "glacier_deep_archive", "INTELLIGENT_TIERING": "intelligent_tiering",
    "REDUCED_REDUNDANCY": "reduced_redundancy",
}  # fmt: skip
COLD = frozenset(("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", *archive.ARCHIVED))
"""Classes whose requests have prices of their own."""
LEAST_BYTES = 131_072
"""As so much a smaller object of these classes is billed: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html"""
LEAST = COLD - archive.ARCHIVED
ARCHIVE_BYTES, INDEX_BYTES = 32 << 10, 8 << 10
"""What each archived object takes beside its bytes: in its class, and in the standard class. Same page."""
STEP_ROWS = 1_000


# Requests --------------------------------------------------------------------------------------------


@cache
def _tier(operation: str) -> str:
    if operation.startswith(("Delete", "Abort")) or operation == "RestoreObject":
        return ""
    return "put_requests" if operation.startswith(("Put", "Create", "Complete", "Upload", "Copy", "List")) else "get_requests"


@cache
def _plain(operation: str) -> str:
    return f"s3:{_tier(operation)}"


def _fetched_bytes(result: dict[str, Any]) -> int:
    body = result["Body"]
    if isinstance(body, bytes):
        return len(body)
    if is_lying(body) and "ContentLength" not in result:
        return sum(file.length for file in (body if isinstance(body, tuple) else (body,)))
    return result["ContentLength"]


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    kind = params.get("StorageClass") or result.get("StorageClass")
    if not _tier(operation) or call.region == GLOBAL:  # where S3 itself keeps the names of buckets
        return ()
    name = params.get("Bucket", "")
    if kind not in COLD or operation.startswith("List"):
        return ((_plain(operation), name, 1.0),)
    found = ((f"s3:{NAMES[kind]}_{_tier(operation)}", name, 1.0),)
    if operation == "GetObject" and kind in LEAST:
        return (*found, (f"s3:{NAMES[kind]}_retrieval", name, _fetched_bytes(result) / GIB))
    return found


def restored(call: Call, bucket: Bucket, version: Version, tier: str) -> None:
    """An archived version was asked back; from the tiers of intelligent tiering that is free, but for haste, which is not counted."""
    if version.storage in archive.ARCHIVED:
        usage = f"s3:{NAMES[version.storage]}_{tier.lower()}"
        call.bill(f"{usage}_restore_requests", bucket.name)
        call.bill(f"{usage}_retrieval", bucket.name, version.size / GIB)


def moved(call: Call, bucket: Bucket, kind: str) -> None:
    """A rule took a version into another class."""
    call.bill(f"s3:{NAMES[kind]}_transition_requests", bucket.name)


def replicated(call: Call, bucket: Bucket, kind: str) -> None:
    """A replica came, by no request of anybody's."""
    call.bill(f"s3:{NAMES[kind]}_put_requests" if kind in COLD else "s3:put_requests", bucket.name)
    call.keeps_otherwise(is_managed=False)


def carried(call: Call, bucket: str, size_bytes: int) -> None:
    """So much of a bucket went into another region."""
    call.bill("network:inter_region_egress", bucket, size_bytes / GIB)


def in_time(call: Call, bucket: str, size_bytes: int) -> None:
    """So much was replicated under Replication Time Control."""
    call.bill("s3:replication_time_control", bucket, size_bytes / GIB)


# What is stored --------------------------------------------------------------------------------------

_STEP = f"""select bucket, storage, sum(size), sum(max(size, {LEAST_BYTES})), count(*), max(id) from
  (select id, bucket, storage, size from s3_object where id > ? order by id limit ?) group by bucket, storage"""
_HEADS = """select bucket, storage, size, modified, head from s3_object where id > ? and id <= ?
  and storage in ('INTELLIGENT_TIERING', 'GLACIER', 'DEEP_ARCHIVE')"""


class _Count:
    """Bytes by usage and bucket, as far as they were counted."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, str], float] = defaultdict(float)

    def step(self, call: Call, after: int) -> int | None:
        """Count the rows after one; answers the last of them, or None when there are no more."""
        names = {bucket.id: bucket.name for bucket in call.shelf(Bucket).values()}
        groups = call.rows(OBJECTS).all(_STEP, after, STEP_ROWS)
        for bucket, kind, size, at_least, count, _ in groups:
            if not kind or kind == tiering.CLASS:
                continue  # a delete marker, or something whose tier its head must tell
            self._add(kind, names[bucket], at_least if kind in LEAST else size)
            if kind in archive.ARCHIVED:
                self._add(kind, names[bucket], count * ARCHIVE_BYTES)
                self._add("STANDARD", names[bucket], count * INDEX_BYTES)
        last = max((row[5] for row in groups), default=after)
        if any(kind == tiering.CLASS or kind in archive.ARCHIVED for _, kind, *_ in groups):
            for bucket, kind, size, modified, packed in call.rows(OBJECTS).all(_HEADS, after, last):
                self._add_by_head(names[bucket], kind, size, modified, unpack(packed, Head), call.now())
        return last if sum(row[4] for row in groups) == STEP_ROWS else None

    def _add(self, kind: str, bucket: str, size_bytes: int) -> None:
        self.levels[f"s3:{NAMES[kind]}_storage", bucket] += size_bytes / GIB

    def _add_by_head(self, bucket: str, kind: str, size: int, modified: float, head: Head, now: float) -> None:
        if kind in archive.ARCHIVED:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html: the copy is paid for, too.
            if archive.is_at_hand(head, kind, now):
                self._add("STANDARD", bucket, size)
            return
        tier = tiering.tier(head, kind, size, modified, now).lower()
        self.levels[f"s3:intelligent_tiering_{tier}_storage", bucket] += size / GIB
        if size >= tiering.MONITORED_BYTES_MIN:
            self.levels["s3:intelligent_tiering_monitoring", bucket] += 1

    def parts(self, call: Call) -> None:
        """What uploads under way hold, of which archived classes keep theirs in the standard class until they are completed.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""
        names = {bucket.id: bucket.name for bucket in call.shelf(Bucket).values()}
        rows = call.rows(UPLOADS, PARTS)
        sizes = dict(rows.all("select upload, sum(size) from s3_part group by upload"))
        for bucket, upload, packed in rows.all("select bucket, upload, head from s3_upload") if sizes else ():
            kind = unpack(packed, Upload).storage
            self._add("STANDARD" if kind in archive.ARCHIVED else kind, names[bucket], sizes.get(upload, 0))


class Stored(Record):
    """What a large account's buckets held when they were last counted, for the next life of the region. Shelved under ``all``."""

    levels: tuple[tuple[str, str, float], ...]


class _Measured:
    """The same for this life, and for an account of any size."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, str], float] = {}
        self.is_under_way = self.is_news = False


def standing_of(call: Call) -> list[Use]:
    measured = call.memory(_Measured)
    if not measured.is_news and not measured.is_under_way:
        count = _Count()
        last = count.step(call, 0)
        if last is None:
            _keep(call, measured, count)
        else:
            measured.is_under_way = True
            if not measured.levels and (stored := call.shelf(Stored).get("all")) is not None:
                measured.levels = {(usage, bucket): level for usage, bucket, level in stored.levels}
            call.home.spawn(_count_on(call, measured, count, last))
    measured.is_news = False
    return [(usage, bucket, level) for (usage, bucket), level in measured.levels.items()]


async def _count_on(call: Call, measured: _Measured, count: _Count, last: int | None) -> None:
    try:
        while last is not None:
            await asyncio.sleep(0)
            last = count.step(call, last)
        _keep(call, measured, count)
        measured.is_news = True
        call.shelf(Stored)["all"] = Stored(levels=tuple((*key, level) for key, level in measured.levels.items()))
    finally:
        measured.is_under_way = False
    call.keeps_otherwise()


def _keep(call: Call, measured: _Measured, count: _Count) -> None:
    count.parts(call)
    measured.levels = count.levels
