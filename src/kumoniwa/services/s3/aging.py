"""What lifecycle rules do: things expire, grow cold, are tidied away. Once a day, at midnight (UTC) by the region's clock.

A pass walks a bucket key by key in short steps, so that the region goes on answering, and each step is committed by
itself: a region that dies in the middle has done the beginning, and does the rest when it begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed, unpack
from kumoniwa.services.s3 import bill, notification, storage, tiering
from kumoniwa.services.s3.archive import DAY_S, midnight_after
from kumoniwa.services.s3.bucket import S3_ITSELF, Bucket
from kumoniwa.services.s3.lifecycle import (
    AGING,
    aborts,
    colder_class,
    coldest,
    due_at,
    expires_at,
    fits,
    is_moved,
)
from kumoniwa.services.s3.listing import all_versions, steps
from kumoniwa.services.s3.storage import Head

STEP_ROWS = 100


class Aged(NamedTuple):
    """A version as a pass meets it."""

    key: str
    version: str
    is_marker: int
    id: int
    modified: float
    size: int
    etag: str
    storage: str
    packed: bytes

    @property
    def head(self) -> Head:
        return unpack(self.packed, Head)


async def run(region: Any) -> None:
    """A pass when the region begins, at every midnight, and when rules were put (unless the pace is real)."""
    is_real = region.settings.pace == "real"
    while True:
        for call in region.calls("s3", S3_ITSELF):
            for name in call.shelf(Bucket):
                await _aged(call, name)
            # Tiers change and restored copies vanish at midnights, too.
            call.keeps_otherwise()
        midnight = midnight_after(region.clock.now())
        while await region.wait(AGING, midnight) and is_real:
            pass


async def _aged(call: Call, name: str) -> None:
    """One pass over a bucket, if it has rules."""
    bucket = call.shelf(Bucket).get(name)
    if bucket is None or not _has_rules(bucket):
        return
    for step in steps(partial(all_versions, call, bucket, "", 0), size=STEP_ROWS):
        # Rules may have changed since the last step.
        bucket = call.shelf(Bucket).get(name)
        if bucket is None or not _has_rules(bucket):
            return
        for _, versions in groupby(map(Aged._make, step), lambda row: row.key):
            _age(call, bucket, list(versions))
        await asyncio.sleep(0)
    bucket = call.shelf(Bucket).get(name)
    if bucket is not None and bucket.lifecycle:
        _abort(call, bucket)


def _has_rules(bucket: Bucket) -> bool:
    return bool(bucket.lifecycle or bucket.tiering)


def _age(call: Call, bucket: Bucket, versions: list[Aged]) -> None:
    """Everything that is due for one key; its versions are newest first."""
    current, now = versions[0], call.now()
    if current.is_marker:
        if len(versions) == 1 and _marker_is_expired(bucket, current, now):
            _remove(call, bucket, current)
    else:
        _age_current(call, bucket, current, now)
    for newer, (count, version) in zip(versions, enumerate(versions[1:])):
        # A version is noncurrent since the moment the next one came.
        _age_noncurrent(call, bucket, version, newer.modified, count, now)
    for version in versions if bucket.tiering else ():
        if version.storage == tiering.CLASS:
            _tier_down(call, bucket, version, now)


def _tier_down(call: Call, bucket: Bucket, version: Aged, now: float) -> None:
    """Archive what nobody has read, unless a rule has just taken it elsewhere."""
    found = storage.version(call, bucket, version.key, version.version)
    if found is None or found.storage != tiering.CLASS:
        return
    head = found.head
    tier = tiering.due_tier(bucket, found.key, head, found.size, found.modified, now)
    if tier:
        storage.change(call, found, changed(head, tier=tier, restored=None, accessed=tiering.unread_since(head, found.modified)))
        notification.happened(
            call, bucket, "IntelligentTiering", found.key, version=found.version, size=found.size, etag=found.etag,
            more={"intelligentTieringEventData": {"destinationAccessTier": tier}}, detail={"destination-access-tier": tier},
        )  # fmt: skip


def _meaning(bucket: Bucket, version: Aged) -> Iterator[dict[str, Any]]:
    tags = version.head.tags
    return (rule for rule in bucket.lifecycle if fits(rule, version.key, version.size, tags))


def _marker_is_expired(bucket: Bucket, marker: Aged, now: float) -> bool:
    """Of a marker that hides nothing any more. A rule that counts days removes such markers, too, when they are that old."""
    for rule in _meaning(bucket, marker):
        if (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker"):
            return True
        at = expires_at(rule, marker.modified)
        if at is not None and at <= now:
            return True
    return False


def _is_under_way(head: Head) -> bool:
    """What is not replicated yet, or could not be, stays as it is.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-and-other-features.html"""
    return any(state != "COMPLETED" for state in head.replicas.values())


def _age_current(call: Call, bucket: Bucket, version: Aged, now: float) -> None:
    if _is_under_way(version.head):
        return
    rules = list(_meaning(bucket, version))
    ends = [at for rule in rules if (at := expires_at(rule, version.modified)) is not None]
    if ends and min(ends) <= now:
        if bucket.versioning:
            marker = storage.put(call, bucket, version.key, Head(owner=call.account), 0, "", "", None, is_marker=True)
            notification.happened(
                call, bucket, "LifecycleExpiration:DeleteMarkerCreated", version.key, version=marker, reason="Lifecycle Expiration"
            )
        else:
            _remove(call, bucket, version)
        return
    _move(call, bucket, version, colder_class(bucket, rules, version.size, version.storage, version.modified, now))


def _age_noncurrent(call: Call, bucket: Bucket, version: Aged, since: float, newer: int, now: float) -> None:
    """``newer``: how many noncurrent versions of the key are newer than this one; a rule may keep some."""

    def is_due(action: dict[str, Any]) -> bool:
        return newer >= action.get("NewerNoncurrentVersions", 0) and due_at(action["NoncurrentDays"], since) <= now

    if _is_under_way(version.head):
        return
    due = []
    for rule in _meaning(bucket, version):
        expiration = rule.get("NoncurrentVersionExpiration")
        if expiration is not None and is_due(expiration):
            if not version.head.lock.holds(now):
                _remove(call, bucket, version)
            return
        due += [
            each["StorageClass"]
            for each in rule.get("NoncurrentVersionTransitions", ())
            if is_due(each) and is_moved(bucket, rule, version.size, each["StorageClass"])
        ]
    if not version.is_marker:
        _move(call, bucket, version, coldest(version.storage, due))


def _remove(call: Call, bucket: Bucket, version: Aged) -> None:
    found = storage.version(call, bucket, version.key, version.version)
    if found is not None:
        storage.remove(call, bucket, found)
        notification.happened(call, bucket, "LifecycleExpiration:Delete", version.key, version=version.version, reason="Lifecycle Expiration")


def _move(call: Call, bucket: Bucket, version: Aged, kind: str | None) -> None:
    if kind is not None:
        data = {"lifecycleEventData": {"transitionEventData": {"destinationStorageClass": kind}}}
        notification.happened(
            call, bucket, "LifecycleTransition", version.key, version=version.version, size=version.size, more=data,
            detail={"destination-storage-class": kind},
        )  # fmt: skip
        call.rows(storage.OBJECTS).run("update s3_object set storage = ? where id = ?", kind, version.id)
        bill.moved(call, bucket, kind)
        if kind == tiering.CLASS or version.storage == tiering.CLASS:
            # In its new class it begins anew, as something that was just read.
            storage.change(call, version, changed(version.head, tier="", restored=None, accessed=call.now()))


def _abort(call: Call, bucket: Bucket) -> None:
    """Uploads that nobody completed for too long."""
    rows, now = call.rows(storage.UPLOADS, storage.PARTS), call.now()
    found = rows.all("select key, upload, initiated from s3_upload where bucket = ? and initiated < ?", bucket.id, now - DAY_S)
    for key, upload, initiated in found:
        if any(at <= now for at, _ in aborts(bucket, key, initiated)):
            storage.forget_upload(call, bucket.id, key, upload)
