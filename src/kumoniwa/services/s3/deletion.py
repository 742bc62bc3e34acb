"""DeleteObject and DeleteObjects: in a bucket that keeps versions a deletion only puts a marker on top."""

from __future__ import annotations

import hashlib
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, mfa_delete, notification, replication, storage
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, arn, found, require
from kumoniwa.services.s3.download import InvalidVersionId, NoSuchVersion
from kumoniwa.services.s3.locking import check_may_go
from kumoniwa.services.s3.multipart import outrun
from kumoniwa.services.s3.storage import Head
from kumoniwa.wire.xml import MalformedXML

KEYS_MAX = 1000
NOTHING_ETAG = hashlib.md5(usedforsecurity=False).hexdigest()
"""What events call the entity tag of a delete marker: recorded, test_object_created_put_versioned."""


def _check_bypass(bucket: Bucket, said: bool | None) -> None:
    """Recorded: localstack's test_delete_object_with_no_locking."""
    if said is not None and not bucket.lock:
        raise InvalidArgument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            ArgumentName="x-amz-bypass-governance-retention",
        )


def _may_be_given(call: Call, bucket: Bucket, key: str, version_id: str) -> bool:
    """An id that nobody can have been given is invalid and not merely unknown: recorded by localstack's test_delete_object_versioned.
    Those of older stores have no sum."""
    return storage.may_be_given(version_id) or storage.version(call, bucket, key, version_id) is not None


def DeleteObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    VersionId: str | None = None,
    BypassGovernanceRetention: bool | None = None,
    IfMatch: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    MFA: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    is_proven = mfa_delete.proves(call, MFA)
    if VersionId is not None and bucket.mfa_delete == "Enabled":
        mfa_delete.check(call, is_proven=is_proven)
    _check_bypass(bucket, BypassGovernanceRetention)
    if VersionId is not None and not _may_be_given(call, bucket, Key, VersionId):
        raise InvalidVersionId(ArgumentName="versionId", ArgumentValue=VersionId[:1024])
    return _deleted(call, bucket, Key, VersionId, IfMatch, bypasses=bool(BypassGovernanceRetention))


def _deleted(
    call: Call, bucket: Bucket, key: str, version_id: str | None, if_match: str | None = None, *, bypasses: bool = False,
    is_always_told: bool = False,
) -> dict:  # fmt: skip
    """Delete a key or one version of it; answers what DeleteObject answers. What is not there needs no deletion."""
    if if_match is not None:
        condition.check_deletion(storage.live(call, bucket, key), if_match, key, version_id)
    if version_id is not None:
        version = storage.version(call, bucket, key, version_id)
        reply: dict[str, Any] = {"VersionId": version_id}
        if version is not None:
            check_may_go(call, version.head.lock, arn(call, bucket.name, key), bypasses=bypasses)
            storage.remove(call, bucket, version)
            notification.happened(call, bucket, "ObjectRemoved:Delete", key, version=version_id, reason="DeleteObject")
            if version.is_marker:
                reply["DeleteMarker"] = True
        return reply
    if not bucket.versioning:
        version = storage.live(call, bucket, key)
        if version is not None:
            storage.remove(call, bucket, version)
            outrun(call, bucket, key)
        if version is not None or is_always_told:
            notification.happened(call, bucket, "ObjectRemoved:Delete", key, reason="DeleteObject")
        return {}
    wanted = replication.of_marker(bucket, key)
    head = replication.pending(Head(owner=call.principal.account or call.account), wanted)
    marker = storage.put(call, bucket, key, head, 0, "", "", None, is_marker=True)
    replication.enqueue(call, bucket, key, marker, wanted)
    notification.happened(
        call, bucket, "ObjectRemoved:DeleteMarkerCreated", key, version=marker, etag=NOTHING_ETAG, reason="DeleteObject"
    )
    return {"DeleteMarker": True, "VersionId": marker}


def DeleteObjects(
    call: Call,
    *,
    Bucket: str,
    Delete: dict[str, Any] | None = None,
    BypassGovernanceRetention: bool | None = None,
    ChecksumAlgorithm: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    MFA: str | None = None,
) -> dict:
    """Each key is judged by itself: what the caller may not delete is told among the errors. Notifications call every key
    removed, be there anything or not: recorded, localstack's test_delete_objects of queues. Where versions need the root user's device,
    nothing is deleted without: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
    bucket = found(call, Bucket)
    _check_bypass(bucket, BypassGovernanceRetention)
    bodies.check_document(call, is_required=True)
    listed = (Delete or {}).get("Objects") or []
    if not 1 <= len(listed) <= KEYS_MAX:
        raise MalformedXML
    is_proven = mfa_delete.proves(call, MFA)
    if bucket.mfa_delete == "Enabled" and any("VersionId" in each for each in listed):
        mfa_delete.check(call, is_proven=is_proven)
    deleted, errors = [], []
    for each in listed:
        key, version_id = each.get("Key"), each.get("VersionId")
        if not key:
            raise MalformedXML
        named = {"Key": key} if version_id is None else {"Key": key, "VersionId": version_id}
        try:
            require(call, "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion", arn(call, Bucket, key))
            if each.get("ETag") not in (None, "*"):
                require(call, "s3:GetObject", arn(call, Bucket, key))
            if version_id is not None and not _may_be_given(call, bucket, key, version_id):
                raise NoSuchVersion
            if "LastModifiedTime" in each or "Size" in each:
                # Only directory buckets know these conditions.
                raise condition.NotImplementedHeader
            reply = _deleted(
                call, bucket, key, version_id, each.get("ETag"), bypasses=bool(BypassGovernanceRetention), is_always_told=True
            )
        except AwsError as error:
            errors.append({**named, "Code": error.code, "Message": error.text})
            continue
        if reply.get("DeleteMarker"):
            named |= {"DeleteMarker": True, "DeleteMarkerVersionId": reply["VersionId"]}
        deleted.append(named)
    reply = {} if Delete.get("Quiet") else {"Deleted": deleted}
    return {**reply, "Errors": errors} if errors else reply
