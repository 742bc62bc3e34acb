"""RestoreObject: asking an archived version back for some days."""

from __future__ import annotations

from math import inf
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import bill, notification, storage, tiering
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.archive import (
    ARCHIVED,
    DAY_S,
    HOURS,
    TIERED,
    TIERS,
    InvalidObjectState,
    midnight_after,
)
from kumoniwa.services.s3.bucket import InvalidArgument, found
from kumoniwa.services.s3.download import wanted
from kumoniwa.wire.message import Answer
from kumoniwa.wire.timestamps import iso8601
from kumoniwa.wire.xml import MalformedXML


class RestoreAlreadyInProgress(AwsError):
    status = 409
    message = "Object restore is already in progress"


def RestoreObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    RestoreRequest: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    """202 says that a copy is on its way, 200 that one was at hand and stays until another date."""
    bucket = found(call, Bucket)
    bodies.check_document(call)
    version = wanted(call, bucket, Key, VersionId)
    said = RestoreRequest or {}
    for member in ("Type", "SelectParameters", "OutputLocation"):
        if member in said:
            raise NotImplementedHere(f"{member} of s3:RestoreObject")
    head, now = version.head, call.now()
    # A tier of intelligent tiering is restored for good, and as fast as the class that it performs like.
    kind = TIERED.get(head.tier, version.storage)
    days = said.get("Days")
    if (days is None and version.storage != tiering.CLASS) or (days is not None and head.tier):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-managing.html asks with nothing at all; what AWS
        # says to days of such an object is not recorded.
        raise MalformedXML
    if days is not None and days < 1:
        raise InvalidArgument("restoration days should be at least 1", ArgumentName="Days", ArgumentValue=days)
    tier = said.get("Tier") or (said.get("GlacierJobParameters") or {}).get("Tier") or "Standard"
    if tier not in TIERS:
        raise MalformedXML
    if kind not in ARCHIVED:
        raise InvalidObjectState("Restore is not allowed for the object's current storage class", StorageClass=version.storage)
    if (kind, tier) not in HOURS:
        raise InvalidArgument(
            f"{tier} retrieval tier is not available for the {kind} storage class.",
            ArgumentName="Tier", ArgumentValue=tier,
        )  # fmt: skip
    ready = now + HOURS[kind, tier] * 3600 if call.home.settings.pace == "real" else now
    was_at_hand = False
    if head.restored is not None and now < head.restored[1]:
        if now < head.restored[0]:
            raise RestoreAlreadyInProgress
        was_at_hand, ready = True, head.restored[0]
    until = midnight_after(max(now, ready) + days * DAY_S) if days is not None else inf
    storage.change(call, version, changed(head, restored=(ready, until)))
    if not was_at_hand:
        bill.restored(call, bucket, version, tier)
        told = {"version": version.version, "size": version.size, "etag": version.etag}
        source = {"source-storage-class": version.storage}
        notification.happened(call, bucket, "ObjectRestore:Post", Key, **told, detail=source)
        expiry = iso8601(until) if days is not None else ""
        data = ({"lifecycleRestorationExpiryTime": expiry} if expiry else {}) | {"lifecycleRestoreStorageClass": version.storage}
        notification.happened(
            call, bucket, "ObjectRestore:Completed", Key, **told, more={"glacierEventData": {"restoreEventData": data}},
            detail=source | ({"restore-expiry-time": expiry} if expiry else {}), after_s=ready - now,
        )  # fmt: skip
    return Answer(200 if was_at_hand else 202, {})
