"""Retentions and legal holds of single versions, put and told."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import replication
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, arn, found, require
from kumoniwa.services.s3.download import wanted
from kumoniwa.services.s3.lock import MODES, ObjectProtected
from kumoniwa.services.s3.storage import Head, Version
from kumoniwa.wire import timestamps
from kumoniwa.wire.xml import MalformedXML


class NoSuchObjectLockConfiguration(AwsError):
    status = 404
    message = "The specified object does not have a ObjectLock configuration"


def locked_version(call: Call, bucket: Bucket, key: str, version_id: str | None) -> Version:
    if not bucket.lock:
        raise bodies.InvalidRequest("Bucket is missing Object Lock Configuration")
    return wanted(call, bucket, key, version_id)


def PutObjectRetention(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    Retention: dict[str, Any] | None = None,
    BypassGovernanceRetention: bool | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    """An empty retention takes away one that is governed."""
    bucket = found(call, Bucket)
    said = Retention
    if said is None:
        raise MalformedXML
    bodies.check_document(call)
    version = locked_version(call, bucket, Key, VersionId)
    for member in ("EventHold", "EventHoldDuration"):
        if member in said:
            raise NotImplementedHere(f"{member} of s3:PutObjectRetention")
    mode, until = said.get("Mode"), said.get("RetainUntilDate")
    if (mode is None) != (until is None) or (mode is not None and mode not in MODES):
        raise MalformedXML
    if until is not None and until <= call.now():
        raise InvalidArgument(
            "The retain until date must be in the future!", ArgumentName="RetainUntilDate", ArgumentValue=timestamps.pacific(until)
        )
    head = version.head
    _check_may_change(call, bucket, version, head, mode, until, bool(BypassGovernanceRetention))
    lock = changed(head.lock, mode=mode or "", until=until or 0.0)
    replication.touch(call, bucket, version, lock=lock)
    return {}


def _check_may_change(
    call: Call, bucket: Bucket, version: Version, head: Head, mode: str | None, until: float | None, bypasses: bool
) -> None:
    """A retention may always be made longer; shorter or looser only where it is governed, by who may bypass that."""
    lock = head.lock
    if not lock.retains(call.now()):
        return
    if until is not None and until >= lock.until and mode == lock.mode:
        return
    if lock.mode == "COMPLIANCE" or not bypasses:
        raise ObjectProtected
    require(call, "s3:BypassGovernanceRetention", arn(call, bucket.name, version.key))


def GetObjectRetention(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    lock = locked_version(call, bucket, Key, VersionId).head.lock
    if not lock.mode:
        raise NoSuchObjectLockConfiguration
    return {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until}}


def PutObjectLegalHold(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    LegalHold: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    if LegalHold is None:
        raise MalformedXML  # recorded: localstack's test_put_object_legal_hold_exc
    bodies.check_document(call)
    version = locked_version(call, bucket, Key, VersionId)
    status = LegalHold.get("Status")
    if status not in ("ON", "OFF"):
        raise MalformedXML
    replication.touch(call, bucket, version, lock=changed(version.head.lock, hold=status))
    return {}


def GetObjectLegalHold(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    lock = locked_version(call, bucket, Key, VersionId).head.lock
    if not lock.hold:
        raise NoSuchObjectLockConfiguration
    return {"LegalHold": {"Status": lock.hold}}
