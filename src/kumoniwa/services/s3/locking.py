"""Object Lock: how a bucket and the headers of a request put locks on versions, so that nobody takes them away.

A lock belongs to one version; a delete marker may always be put on top of it. What is governed can be taken away by
whoever may bypass governance and says so, what must comply by nobody, not even the account itself.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, found, require
from kumoniwa.services.s3.lock import MODES, UNLOCKED, Lock, ObjectProtected
from kumoniwa.wire.timestamps import iso8601
from kumoniwa.wire.xml import MalformedXML

DAYS_MAX, YEARS_MAX = 36_500, 100


class ObjectLockConfigurationNotFoundError(AwsError):
    status = 404
    message = "Object Lock configuration does not exist for this bucket"


class InvalidBucketState(AwsError):
    status = 409
    message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"


# The bucket's ----------------------------------------------------------------------------------------


def PutObjectLockConfiguration(
    call: Call,
    *,
    Bucket: str,
    ObjectLockConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
) -> dict:
    """What keeps versions can be given locks at any time; nothing can take them from it again."""
    bucket = found(call, Bucket)
    bodies.check_document(call)
    said = ObjectLockConfiguration or {}
    if said.get("ObjectLockEnabled") != "Enabled":
        raise MalformedXML
    kept: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if "Rule" in said:
        kept["Rule"] = {"DefaultRetention": _default_said(said["Rule"].get("DefaultRetention") or {})}
    if bucket.versioning != "Enabled":
        raise InvalidBucketState
    call.shelf(type(bucket))[Bucket] = changed(bucket, lock=kept)
    return {}


def _default_said(said: dict[str, Any]) -> dict[str, Any]:
    if "DefaultEventHold" in said:
        raise NotImplementedHere("event holds of s3:PutObjectLockConfiguration")
    if said.get("Mode") not in MODES or ("Days" in said) == ("Years" in said):
        raise MalformedXML
    unit, most = ("Days", DAYS_MAX) if "Days" in said else ("Years", YEARS_MAX)
    if said[unit] <= 0:
        # https://github.com/versity/versitygw/issues/1738 quotes AWS's answer
        raise InvalidArgument("Default retention period must be a positive integer value.", ArgumentName=unit)
    if said[unit] > most:
        raise InvalidArgument("Default retention period too large.", ArgumentName=unit)
    return {"Mode": said["Mode"], unit: said[unit]}


def GetObjectLockConfiguration(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.lock:
        raise ObjectLockConfigurationNotFoundError(BucketName=Bucket)
    return {"ObjectLockConfiguration": bucket.lock}


# A version's -----------------------------------------------------------------------------------------


class Wish(NamedTuple):
    """The lock that a request names for what it writes."""

    mode: str | None
    until: float | None
    hold: str | None


def lock_of(call: Call, bucket: Bucket, wish: Wish, *, is_put: bool = False) -> Lock:
    """The lock that the headers of a request put on a new version. What they leave open the bucket's default fills in
    when the version comes to be (``lock.with_default``)."""
    if wish == (None, None, None):
        return UNLOCKED
    if not bucket.lock:
        raise bodies.InvalidRequest("Bucket is missing Object Lock Configuration")
    if (wish.mode is None) != (wish.until is None):
        raise InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            ArgumentName="x-amz-object-lock-mode" if wish.mode is None else "x-amz-object-lock-retain-until-date",
        )
    if wish.mode is not None and wish.mode not in MODES:
        raise InvalidArgument(
            "Unknown wormMode directive.", ArgumentName="x-amz-object-lock-mode", ArgumentValue=wish.mode[:1024]
        )
    if wish.hold not in (None, "ON", "OFF"):
        raise InvalidArgument(
            "Legal Hold must be either of 'ON' or 'OFF'",
            ArgumentName="x-amz-object-lock-legal-hold", ArgumentValue=wish.hold[:1024],
        )  # fmt: skip
    if wish.until is not None and wish.until <= call.now():
        raise InvalidArgument(
            "The retain until date must be in the future!",
            ArgumentName="x-amz-object-lock-retain-until-date", ArgumentValue=iso8601(wish.until),
        )  # fmt: skip
    if is_put and call.request is not None and not _is_summed(call.request.headers):
        raise bodies.InvalidRequest(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        )
    return Lock(mode=wish.mode or "", until=wish.until or 0.0, hold=wish.hold or "")


def _is_summed(headers: dict[str, str]) -> bool:
    return any(name == "content-md5" or name.startswith(("x-amz-checksum-", "x-amz-trailer")) for name in headers)


def check_may_go(call: Call, lock: Lock, arn: str, *, bypasses: bool = False) -> None:
    """Raise ObjectProtected if a version with this lock may not be taken away by the caller."""
    if lock is UNLOCKED or not lock.holds(call.now()):
        return
    if lock.hold == "ON" or lock.mode == "COMPLIANCE" or not bypasses:
        raise ObjectProtected
    require(call, "s3:BypassGovernanceRetention", arn)
