"""GetObject and HeadObject: which version, which bytes of it, and under which conditions."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec

from kumoniwa.gate import public_access
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, managed_key, metadata, point, replication, storage, tiering
from kumoniwa.services.s3.acl import AUTHENTICATED, EVERYBODY
from kumoniwa.services.s3.archive import archived_tier, check_at_hand, restore_told
from kumoniwa.services.s3.bucket import (
    AccessDenied,
    Bucket,
    InvalidArgument,
    InvalidRequest,
    arn,
    canonical_id,
    found,
    require,
)
from kumoniwa.services.s3.customer_key import check_chooses_nothing, check_opens, key_to_read
from kumoniwa.services.s3.lifecycle import expiration_told
from kumoniwa.services.s3.lock import UNLOCKED
from kumoniwa.services.s3.storage import Head, Version
from kumoniwa.services.s3.upload import encryption_told
from kumoniwa.wire import timestamps
from kumoniwa.wire.message import Answer

AS_STORED = (None,) * 6
RESPONSES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)


class NoSuchKey(AwsError):
    status = 404
    message = "The specified key does not exist."


class NoSuchVersion(AwsError):
    status = 404
    message = "The specified version does not exist."


class InvalidVersionId(AwsError):
    code = "InvalidArgument"
    status = 400
    message = "Invalid version id specified"


class MethodNotAllowed(AwsError):
    status = 405
    message = "The specified method is not allowed against this resource."


class InvalidRange(AwsError):
    status = 416
    message = "The requested range is not satisfiable"


class InvalidPartNumber(AwsError):
    status = 416
    message = "The requested partnumber is not satisfiable"


# Which version ---------------------------------------------------------------------------------------


REFUSED_TO_MARKERS = frozenset(("DeleteObjectTagging", "GetObjectTagging", "PutObjectAcl", "PutObjectTagging"))
"""What a key says to be no business of its delete marker's, where to others the key is merely not there: recorded by localstack's
test_object_tagging_versioned and test_put_object_acl_on_delete_marker."""


def wanted(call: Call, bucket: Bucket, key: str, version_id: str | None) -> Version:
    """The version that is asked for. Raises NoSuchKey, NoSuchVersion or MethodNotAllowed."""
    if version_id is None:
        version = storage.live(call, bucket, key)
        if version is None:
            _refuse_absent(call, bucket, key)
        return version
    version = storage.version(call, bucket, key, version_id)
    if version is None:
        if not storage.may_be_given(version_id):
            raise InvalidVersionId(ArgumentName="versionId", ArgumentValue=version_id[:1024])
        raise NoSuchVersion(Key=key, VersionId=version_id)
    if version.is_marker:
        error = MethodNotAllowed(
            Method=call.request.method if call.request else "GET", ResourceType="DeleteMarker"
        )
        modified = float(int(version.modified))
        error.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version, "Allow": "DELETE",
                         "Last-Modified": timestamps.rfc822(modified)}  # fmt: skip
        raise error
    return version


def check_own(call: Call, bucket: Bucket, head: Head, permission: str = "READ") -> None:
    """Where writers own their objects, the bucket's owner and its policy do not reach what another account wrote: only the
    object's own list of grants does. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html"""
    principal = call.principal
    if (
        not bucket.has_acls
        or head.owner in (call.account, principal.account)
        or call.home.settings.iam != "enforce"
    ):
        return
    ignores_public = public_access.blocks(call.home, call.account, point.access_by(call, bucket.access)).IgnorePublicAcls
    for grant in head.grants:
        is_named = principal.account and grant.grantee == canonical_id(principal.account)
        is_public = grant.grantee == EVERYBODY or (grant.grantee == AUTHENTICATED and principal.account)
        if grant.permission in (permission, "FULL_CONTROL") and (is_named or (is_public and not ignores_public)):
            return
    raise AccessDenied


def _refuse_absent(call: Call, bucket: Bucket, key: str) -> NoReturn:
    # Who may not list a bucket is not told what it does not hold.
    require(call, "s3:ListBucket", arn(call, bucket.name), **{"s3:prefix": key})
    error = NoSuchKey(Key=key)
    if bucket.versioning:
        hidden = storage.newest_hidden(call, bucket, key)
        if hidden is not None and hidden.is_marker:
            if call.operation in REFUSED_TO_MARKERS:
                raise MethodNotAllowed(Method=call.request.method if call.request else "GET", ResourceType="DeleteMarker")
            error.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": hidden.version}
    raise error


def denied(call: Call, operation: str, action: str, params: dict[str, Any]) -> None:
    """Who may not read an object, but may list its bucket, is told that it is not there; and who may not see a bucket, where it is.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Permissions;
    https://docs.aws.amazon.com/sdk-for-go/api/service/s3/s3manager/#GetBucketRegion, which asks without any key"""
    if operation == "HeadBucket":
        error = AccessDenied()
        error.headers = {"x-amz-bucket-region": call.region}
        raise error
    if operation not in ("GetObject", "HeadObject") or params.get("VersionId") is not None:
        return
    bucket = call.shelf(Bucket).get(params["Bucket"])
    if bucket is None or storage.live(call, bucket, params["Key"]) is not None:
        return
    try:
        require(call, "s3:ListBucket", arn(call, bucket.name), **{"s3:prefix": params["Key"]})
    except AwsError:
        return
    raise NoSuchKey(Key=params["Key"])


# Which bytes -----------------------------------------------------------------------------------------


class Stretch(msgspec.Struct, frozen=True):
    start: int
    length: int
    is_partial: bool


_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)


def stretch_of(size: int, text: str | None) -> Stretch:
    """The bytes a Range header means. Several ranges, or something else entirely, mean everything."""
    match = _RANGE.fullmatch(text) if text is not None and len(text) < 100 else None
    if match is None or match.groups() == ("", ""):
        return Stretch(0, size, False)
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
        if int(last) == 0:
            start = size
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return Stretch(0, size, False)
    if start >= size:
        raise InvalidRange(RangeRequested=text, ActualObjectSize=size)
    return Stretch(start, end - start + 1, True)


def _part(version: Version, head: Head, number: int) -> Stretch:
    if not 1 <= number <= 10_000:
        raise bodies.InvalidRequest("Part number must be an integer between 1 and 10000, inclusive")
    if not head.parts and number == 1:
        return Stretch(0, version.size, True)
    start = 0
    for count, part in enumerate(head.parts, 1):
        if count == number:
            return Stretch(start, part.size, True)
        start += part.size
    raise InvalidPartNumber(ActualPartCount=len(head.parts) or 1, PartNumberRequested=number)


# Operations ------------------------------------------------------------------------------------------


def GetObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ChecksumMode: str | None = None,
    ExpectedBucketOwner: str | None = None,
    IfMatch: str | None = None,
    IfModifiedSince: float | None = None,
    IfNoneMatch: str | None = None,
    IfUnmodifiedSince: float | None = None,
    PartNumber: int | None = None,
    Range: str | None = None,
    RequestPayer: str | None = None,
    ResponseCacheControl: str | None = None,
    ResponseContentDisposition: str | None = None,
    ResponseContentEncoding: str | None = None,
    ResponseContentLanguage: str | None = None,
    ResponseContentType: str | None = None,
    ResponseExpires: Any = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
    VersionId: str | None = None,
) -> Any:
    bucket = found(call, Bucket)
    check_chooses_nothing(call)
    version = wanted(call, bucket, Key, VersionId)
    if (
        IfMatch is not None
        or IfNoneMatch is not None
        or IfModifiedSince is not None
        or IfUnmodifiedSince is not None
    ):
        condition.check_read(version, IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince, call.now())
    head = version.head
    check_own(call, bucket, head)
    customer = key_to_read(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    check_opens(head, customer)
    check_at_hand(call, head, version.storage)
    if version.storage == tiering.CLASS:
        tiering.read(call, version, head)
    overrides = (
        ResponseCacheControl, ResponseContentDisposition, ResponseContentEncoding, ResponseContentLanguage, ResponseContentType, ResponseExpires,
    )  # fmt: skip
    reply, part = _described(call, bucket, version, head, ChecksumMode, Range, PartNumber, overrides, VersionId is not None)
    if head.data_key is not None:
        return _opened(call, version, head, reply, part)
    return _with_body(call, version, head, reply, part, customer.secret)


async def _opened(call: Call, version: Version, head: Head, reply: dict, part: Stretch) -> Any:
    return _with_body(call, version, head, reply, part, await managed_key.secret_of(call, head))


def _with_body(call: Call, version: Version, head: Head, reply: dict, part: Stretch, secret: bytes) -> Any:
    body = bodies.stretch(call, version, head, part.start, part.length, secret)
    reply["Body"] = body
    if not isinstance(body, bytes) and (head.encryption or head.customer_key):
        reply["ContentLength"] = part.length
    return Answer(206, reply) if part.is_partial else reply


def HeadObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ChecksumMode: str | None = None,
    ExpectedBucketOwner: str | None = None,
    IfMatch: str | None = None,
    IfModifiedSince: float | None = None,
    IfNoneMatch: str | None = None,
    IfUnmodifiedSince: float | None = None,
    PartNumber: int | None = None,
    Range: str | None = None,
    RequestPayer: str | None = None,
    ResponseCacheControl: str | None = None,
    ResponseContentDisposition: str | None = None,
    ResponseContentEncoding: str | None = None,
    ResponseContentLanguage: str | None = None,
    ResponseContentType: str | None = None,
    ResponseExpires: Any = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    check_chooses_nothing(call)
    version = wanted(call, bucket, Key, VersionId)
    condition.check_read(version, IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince, call.now())
    head = version.head
    check_own(call, bucket, head)
    customer = key_to_read(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    check_opens(head, customer)
    overrides = (
        ResponseCacheControl, ResponseContentDisposition, ResponseContentEncoding, ResponseContentLanguage, ResponseContentType, ResponseExpires,
    )  # fmt: skip
    reply, part = _described(call, bucket, version, head, ChecksumMode, Range, PartNumber, overrides, VersionId is not None)
    reply["ContentLength"] = part.length
    return Answer(206, reply) if part.is_partial else reply


def _described(
    call: Call,
    bucket: Bucket,
    version: Version,
    head: Head,
    checksum_mode: str | None,
    range_: str | None,
    number: int | None,
    overrides: tuple,
    is_named: bool,
) -> tuple[dict, Stretch]:
    """Everything but the body, and which bytes are meant. Of a version that was named (``is_named``) it is not told when it expires:
    localstack's test_bucket_lifecycle_configuration_object_expiry_versioned."""
    reply: dict[str, Any] = {
        "LastModified": float(int(version.modified)), "ETag": version.quoted, "AcceptRanges": "bytes", **head.headers
    }  # fmt: skip
    if "Expires" in reply:
        reply["Expires"] = float(reply["Expires"])
    if head.metadata:
        reply["Metadata"] = metadata.told(head.metadata)
    if number is not None:
        if range_ is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        part = _part(version, head, number)
        if head.parts:
            reply["PartsCount"] = len(head.parts)
    else:
        part = Stretch(0, version.size, False) if range_ is None else stretch_of(version.size, range_)
    if part.is_partial:
        last = part.start + part.length - 1
        if version.size:
            reply["ContentRange"] = f"bytes {part.start}-{last}/{version.size}"
        else:
            part = Stretch(0, 0, False)
    if bucket.versioning:
        reply["VersionId"] = version.version
    if bucket.lifecycle and version.is_live and not is_named:
        reply.update(expiration_told(bucket, version.key, version.size, head.tags, version.modified))
    if version.storage != "STANDARD":
        reply["StorageClass"] = version.storage
        reply.update(restore_told(head, call.now()))
        if tier := archived_tier(head, call.now()):
            reply["ArchiveStatus"] = tier
    reply.update(encryption_told(head))
    if head.is_replica or head.replicas:
        reply.update(replication.status_of(head))
    if head.lock is not UNLOCKED:
        reply.update(_lock_told(call, bucket, version, head))
    if head.tags:
        reply["TagCount"] = len(head.tags)
    if overrides != AS_STORED:
        if call.principal.kind == "anonymous":
            raise InvalidRequest(
                "Request specific response headers cannot be used for anonymous GET requests."
            )
        for name, value in zip(RESPONSES, overrides):
            if value is not None:
                _check_header(name, value)
                reply[name] = value
    if (
        checksum_mode is not None
        and checksum_mode.upper() == "ENABLED"
        and head.checksum
        and (not part.is_partial or part.length == version.size or (number is not None and head.is_composite))
    ):
        # Of one of several parts nothing is told where the whole was summed as one: localstack's test_get_object_part,
        # test_get_object_part_checksum, test_complete_multipart_parts_checksum_full_object.
        of_part = number is not None and head.is_composite
        reply["Checksum" + head.algorithm] = head.parts[number - 1].checksum if of_part else head.checksum
        reply["ChecksumType"] = "COMPOSITE" if head.is_composite else "FULL_OBJECT"
    return reply, part


def _check_header(name: str, value: Any) -> None:
    """Recorded: localstack's test_get_response_overrides_unicode_metadata_with_sig_s3."""
    if isinstance(value, str) and any(ord(letter) > 255 for letter in value):
        argument = "response-" + re.sub("(?<!^)(?=[A-Z])", "-", name).lower()
        raise InvalidArgument("Header value cannot be represented using ISO-8859-1.", ArgumentName=argument, ArgumentValue=value[:1024])


def _lock_told(call: Call, bucket: Bucket, version: Version, head: Head) -> dict[str, Any]:
    """What of a version's lock is told to the caller: each half only to those who may ask for it by itself."""
    told, place = dict(head.lock.told), arn(call, bucket.name, version.key)
    for action, prefix in (("s3:GetObjectRetention", ("ObjectLockM", "ObjectLockR")), ("s3:GetObjectLegalHold", "ObjectLockL")):
        try:
            require(call, action, place)
        except AwsError:
            told = {name: value for name, value in told.items() if not name.startswith(prefix)}
    return told


ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


def GetObjectAttributes(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ObjectAttributes: list[str],
    ExpectedBucketOwner: str | None = None,
    MaxParts: int | None = None,
    PartNumberMarker: int | None = None,
    RequestPayer: str | None = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    if not ObjectAttributes or any(name not in ATTRIBUTES for name in ObjectAttributes):
        raise bodies.InvalidRequest("Invalid attribute name specified.")
    version = wanted(call, bucket, Key, VersionId)
    head = version.head
    check_own(call, bucket, head)
    check_opens(head, key_to_read(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5))
    reply: dict[str, Any] = {"LastModified": float(int(version.modified))}
    if bucket.versioning:
        reply["VersionId"] = version.version
    if "ETag" in ObjectAttributes:
        reply["ETag"] = version.etag
    if "Checksum" in ObjectAttributes and head.checksum:
        # Without the number of parts that stands after it everywhere else: localstack's test_complete_multipart_parts_checksum_composite.
        reply["Checksum"] = {
            "Checksum" + head.algorithm: head.checksum.partition("-")[0],
            "ChecksumType": "COMPOSITE" if head.is_composite else "FULL_OBJECT",
        }
    if "ObjectParts" in ObjectAttributes and head.parts:
        reply["ObjectParts"] = _parts(head, MaxParts, PartNumberMarker)
    if "StorageClass" in ObjectAttributes:
        reply["StorageClass"] = version.storage
    if "ObjectSize" in ObjectAttributes:
        reply["ObjectSize"] = version.size
    return reply


def _parts(head: Head, most: int | None, marker: int | None) -> dict:
    """The parts themselves are told only where the client chose how they are summed, as AWS does."""
    shown: dict[str, Any] = {"TotalPartsCount": len(head.parts)}
    if not head.algorithm or not head.is_composite:
        return shown
    most, marker = 1000 if most is None else max(0, min(most, 1000)), marker or 0
    rest = [part for part in head.parts if part.number > marker]
    page = rest[:most]
    shown |= {"PartNumberMarker": marker, "MaxParts": most, "IsTruncated": len(rest) > len(page)}
    shown["NextPartNumberMarker"] = page[-1].number if page else 0
    shown["Parts"] = [
        {"PartNumber": part.number, "Size": part.size, "Checksum" + head.algorithm: part.checksum}
        for part in page
    ]
    return shown
