"""Objects that stand already, for those who work through a bucket: which there are, and replicating them after all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.s3 import replication, storage
from kumoniwa.services.s3.archive import ARCHIVED, archived_tier
from kumoniwa.services.s3.bucket import Bucket
from kumoniwa.services.s3.listing import all_versions, steps
from kumoniwa.services.s3.storage import Version


def bucket_of(call: Call, name: str) -> Bucket | None:
    return call.shelf(Bucket).get(name)


def versions(call: Call, name: str) -> Iterator[list[Version]]:
    """All versions of a bucket, delete markers among them, in steps."""
    bucket = call.shelf(Bucket).get(name)
    if bucket is not None:
        for step in steps(partial(all_versions, call, bucket, "", 0)):
            yield [version for row in step if (version := storage.version(call, bucket, row[0], row[1])) is not None]


def replication_state(call: Call, name: str, key: str, version_id: str) -> str:
    """``NONE``, ``PENDING``, ``COMPLETED``, ``FAILED`` or ``REPLICA``; empty if there is no such version."""
    bucket = call.shelf(Bucket).get(name)
    version = storage.version(call, bucket, key, version_id) if bucket is not None else None
    return replication.status_of(version.head).get("ReplicationStatus", "NONE") if version is not None else ""


def is_eligible(call: Call, name: str, version: Version) -> bool:
    """Whether the bucket's rules mean a version. A batch job replicates replicas, too."""
    bucket = call.shelf(Bucket).get(name)
    return bucket is not None and bool(_wanted(call, bucket, version).rules)


def _wanted(call: Call, bucket: Bucket, version: Version) -> replication.Wanted:
    if version.is_marker:
        return replication.of_marker(bucket, version.key)
    if version.storage in ARCHIVED or archived_tier(version.head, call.now()):
        return replication.NOTHING
    return replication.of_object(bucket, version.key, version.head, version.storage)


def replicate(call: Call, name: str, key: str, version_id: str) -> str:
    """Put a version among what waits to be replicated; answers why not, or nothing."""
    bucket = call.shelf(Bucket).get(name)
    version = storage.version(call, bucket, key, version_id) if bucket is not None else None
    if version is None and bucket is not None and version_id == "":
        version = storage.live(call, bucket, key)
    if bucket is None or version is None:
        return "The specified version does not exist."
    wanted = _wanted(call, bucket, version)
    if not wanted.rules:
        return "The object is not eligible for replication by the rules of its bucket."
    head: Any = version.head
    storage.change(call, version, replication.pending(head, wanted))
    replication.enqueue(call, bucket, key, version.version, wanted)
    return ""
