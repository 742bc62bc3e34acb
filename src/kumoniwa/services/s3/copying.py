"""CopyObject and UploadPartCopy: from an object to another, perhaps of another bucket, account or region.

A file is never changed, so a copy within an account is a second name for it; only what must be hashed or encrypted anew is read.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, managed_key, storage
from kumoniwa.services.s3.bucket import (
    Bucket,
    InvalidArgument,
    InvalidRequest,
    found,
)
from kumoniwa.services.s3.customer_key import CustomerKey, check_continues, customer_key, key_to_write
from kumoniwa.services.s3.locking import Wish, lock_of
from kumoniwa.services.s3.multipart import check_number, part_stored, upload_of
from kumoniwa.services.s3.source import Afar, Here, source_of
from kumoniwa.services.s3.storage import Head, Version
from kumoniwa.services.s3.tag import tags_in_header
from kumoniwa.services.s3.upload import (
    check_key,
    encryption_told,
    head_of,
    object_grants,
    storage_class,
    stored,
)
from kumoniwa.wire.checksum import ALGORITHMS

COPY_BYTES_MAX = 5 << 30


class InvalidCopy(AwsError):
    code = "InvalidRequest"
    status = 400


async def CopyObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    CopySource: str,
    ACL: str | None = None,
    CacheControl: str | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentDisposition: str | None = None,
    ContentEncoding: str | None = None,
    ContentLanguage: str | None = None,
    ContentType: str | None = None,
    CopySourceIfMatch: str | None = None,
    CopySourceIfModifiedSince: float | None = None,
    CopySourceIfNoneMatch: str | None = None,
    CopySourceIfUnmodifiedSince: float | None = None,
    CopySourceSSECustomerAlgorithm: str | None = None,
    CopySourceSSECustomerKey: str | None = None,
    CopySourceSSECustomerKeyMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    ExpectedSourceBucketOwner: str | None = None,
    Expires: Any = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWriteACP: str | None = None,
    IfMatch: str | None = None,
    IfNoneMatch: str | None = None,
    Metadata: dict[str, str] | None = None,
    MetadataDirective: str | None = None,
    ObjectLockLegalHoldStatus: str | None = None,
    ObjectLockMode: str | None = None,
    ObjectLockRetainUntilDate: float | None = None,
    RequestPayer: str | None = None,
    BucketKeyEnabled: bool | None = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
    SSEKMSEncryptionContext: str | None = None,
    SSEKMSKeyId: str | None = None,
    ServerSideEncryption: str | None = None,
    StorageClass: str | None = None,
    Tagging: str | None = None,
    TaggingDirective: str | None = None,
    WebsiteRedirectLocation: str | None = None,
):
    bucket = found(call, Bucket)
    check_key(Key)
    for name, directive in (("metadata", MetadataDirective), ("tagging", TaggingDirective)):
        if directive not in (None, "COPY", "REPLACE"):
            raise InvalidArgument(
                f"Unknown {name} directive.",
                ArgumentName=f"x-amz-{name}-directive",
                ArgumentValue=directive[:1024],
            )
    conditions = (
        CopySourceIfMatch,
        CopySourceIfNoneMatch,
        CopySourceIfModifiedSince,
        CopySourceIfUnmodifiedSince,
    )
    opening = customer_key(
        CopySourceSSECustomerAlgorithm, CopySourceSSECustomerKey, CopySourceSSECustomerKeyMD5
    )
    source = await source_of(call, CopySource, conditions, ExpectedSourceBucketOwner, opening)
    if source.version.size > COPY_BYTES_MAX:
        raise InvalidCopy(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {COPY_BYTES_MAX}"
        )
    algorithm = (
        ChecksumAlgorithm.upper() if ChecksumAlgorithm else source.head.algorithm or bodies.DEFAULT_ALGORITHM
    )
    if algorithm not in ALGORITHMS:
        raise InvalidCopy(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    replaces = MetadataDirective == "REPLACE"
    headers = {
        "CacheControl": CacheControl, "ContentDisposition": ContentDisposition, "ContentEncoding": ContentEncoding,
        "ContentLanguage": ContentLanguage, "ContentType": ContentType, "Expires": Expires,
    } if replaces else {name: text for name, text in source.head.headers.items() if name != "WebsiteRedirectLocation"}  # fmt: skip
    headers["WebsiteRedirectLocation"] = WebsiteRedirectLocation
    granted = {
        "FULL_CONTROL": GrantFullControl,
        "READ": GrantRead,
        "READ_ACP": GrantReadACP,
        "WRITE_ACP": GrantWriteACP,
    }
    customer = key_to_write(bucket, SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5, ServerSideEncryption)
    grants, metadata = (
        object_grants(call, bucket, ACL, granted),
        Metadata if replaces else source.head.metadata,
    )
    lock = lock_of(call, bucket, Wish(ObjectLockMode, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus))
    head = head_of(call, bucket, headers, metadata, None, grants, ServerSideEncryption, customer, lock)
    if TaggingDirective == "REPLACE":
        head = changed(head, tags=tags_in_header(Tagging) if Tagging else {})
    else:
        head = changed(head, tags=source.head.tags)
    is_itself = (source.bucket.name, source.version.key) == (Bucket, Key) and source.version.is_live
    # To bring a version back on top, or under the bucket's encryption, is change enough.
    is_itself = is_itself and "?versionId=" not in CopySource and not bucket.encryption
    if is_itself and not (
        replaces
        or TaggingDirective
        or StorageClass
        or ServerSideEncryption
        or customer.md5
        or WebsiteRedirectLocation
        or ChecksumAlgorithm
        or head.encryption != source.head.encryption
    ):
        raise InvalidCopy(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
            "storage class, website redirect location or encryption attributes."
        )
    kind = storage_class(StorageClass)
    condition.check_write(storage.live(call, bucket, Key), IfMatch, IfNoneMatch, Key)
    if _stays_as_it_is(call, source, head, algorithm):
        return _told(bucket, source, *_linked(call, bucket, Key, head, kind, source))
    wish = managed_key.Wish(SSEKMSKeyId, SSEKMSEncryptionContext, BucketKeyEnabled)
    managed_key.check(call, head.encryption, wish)
    return await _read_anew(call, Bucket, Key, head, kind, source, algorithm, customer, wish, (IfMatch, IfNoneMatch))


def _stays_as_it_is(call: Call, source: Here | Afar, head: Head, algorithm: str) -> bool:
    """Whether entity tag, checksum and bytes at rest of the copy are the source's."""
    was = source.head
    if isinstance(source, Afar):
        return False
    if was.customer_key or head.customer_key or was.data_key is not None or head.encryption == managed_key.KMS:
        return False
    if was.parts or was.algorithm != algorithm or was.encryption != head.encryption:
        return False
    return not was.encryption or source.call.account == call.account


def _linked(
    call: Call, bucket: Bucket, key: str, head: Head, kind: str, source: Here
) -> tuple[dict, Version]:
    was, version = source.head, source.version
    blobs = bodies.linked(call, source.call, was.blobs)
    kept = bodies.Kept(
        version.size,
        version.etag,
        was.algorithm,
        was.checksum,
        version.body,
        was.nonce,
        blobs[0] if blobs else None,
    )
    reply = stored(call, bucket, key, head, kind, kept)
    return reply, storage.live(call, bucket, key)


async def _read_anew(
    call: Call,
    name: str,
    key: str,
    head: Head,
    kind: str,
    source: Here | Afar,
    algorithm: str,
    customer: CustomerKey,
    wish: managed_key.Wish,
    conditions: tuple[str | None, str | None],
) -> dict:
    secret = customer.secret
    if head.encryption == managed_key.KMS:
        head, secret = await managed_key.sealed(call, found(call, name), key, head, wish)
    claims = bodies.Claims("", algorithm, "", "", False)
    draft = bodies.Draft(call, claims, encrypts=bool(head.encryption), secret=secret)
    await bodies.poured(draft, source.pieces(0, source.version.size))
    try:
        bucket = found(call, name)
        condition.check_write(storage.live(call, bucket, key), *conditions, key)
        kept = draft.kept()
    finally:
        draft.discard()
    reply = stored(call, bucket, key, head, kind, kept)
    return _told(bucket, source, reply, storage.live(call, bucket, key))


TOLD_BESIDE = (
    "VersionId", "Expiration", "ServerSideEncryption", "SSECustomerAlgorithm", "SSECustomerKeyMD5", "SSEKMSKeyId", "BucketKeyEnabled",
)  # fmt: skip


def _told(bucket: Bucket, source: Here | Afar, reply: dict, made: Version) -> dict:
    """What PutObject would answer, as CopyObject answers it."""
    result = {"LastModified": float(int(made.modified))}
    result |= {name: value for name, value in reply.items() if name == "ETag" or name.startswith("Checksum")}
    told: dict[str, Any] = {"CopyObjectResult": result}
    told |= {name: reply[name] for name in TOLD_BESIDE if name in reply} | _version_copied(source)
    if bucket.versioning:
        # Told where versions are suspended too, which PutObject does not: localstack's test_s3_copy_object_in_place_suspended_only.
        told["VersionId"] = made.version
    return told


def _version_copied(source: Here | Afar) -> dict[str, str]:
    """What has no id of its own is not named: localstack's test_s3_copy_object_in_place_versioned."""
    id = source.version.version
    return {"CopySourceVersionId": id} if source.bucket.versioning and id != storage.NULL else {}


_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})", re.ASCII)


async def UploadPartCopy(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    CopySource: str,
    PartNumber: int,
    UploadId: str,
    CopySourceIfMatch: str | None = None,
    CopySourceIfModifiedSince: float | None = None,
    CopySourceIfNoneMatch: str | None = None,
    CopySourceIfUnmodifiedSince: float | None = None,
    CopySourceRange: str | None = None,
    CopySourceSSECustomerAlgorithm: str | None = None,
    CopySourceSSECustomerKey: str | None = None,
    CopySourceSSECustomerKeyMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    ExpectedSourceBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    check_number(PartNumber)
    upload, _ = upload_of(call, bucket, Key, UploadId)
    customer = key_to_write(bucket, SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    check_continues(upload.head, customer)
    conditions = (
        CopySourceIfMatch,
        CopySourceIfNoneMatch,
        CopySourceIfModifiedSince,
        CopySourceIfUnmodifiedSince,
    )
    opening = customer_key(
        CopySourceSSECustomerAlgorithm, CopySourceSSECustomerKey, CopySourceSSECustomerKeyMD5
    )
    source = await source_of(call, CopySource, conditions, ExpectedSourceBucketOwner, opening)
    start, length = 0, source.version.size
    if CopySourceRange is not None:
        match = _RANGE.fullmatch(CopySourceRange)
        if match is None or int(match[1]) > int(match[2]):
            raise InvalidArgument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of "
                "the first and last bytes to copy",
                ArgumentName="x-amz-copy-source-range", ArgumentValue=CopySourceRange[:1024],
            )  # fmt: skip
        if int(match[1]) >= source.version.size:
            raise InvalidRequest("The specified copy range is invalid for the source object size")
        if int(match[2]) >= source.version.size:
            raise InvalidArgument(
                f"Range specified is not valid for source object of size: {source.version.size}",
                ArgumentName="x-amz-copy-source-range", ArgumentValue=CopySourceRange,
            )  # fmt: skip
        start, length = int(match[1]), int(match[2]) - int(match[1]) + 1
    if length > COPY_BYTES_MAX:
        raise InvalidCopy(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {COPY_BYTES_MAX}"
        )
    secret = customer.secret or await managed_key.secret_of(call, upload.head)
    claims = bodies.Claims("", upload.summed_with, "", "", False)
    draft = bodies.Draft(call, claims, encrypts=bool(upload.head.encryption), secret=secret, is_part=True)
    await bodies.poured(draft, source.pieces(start, length))
    try:
        upload, _ = upload_of(call, found(call, Bucket), Key, UploadId)
        kept = draft.kept()
    finally:
        draft.discard()
    reply = part_stored(call, UploadId, PartNumber, kept, upload.head)
    result = {"LastModified": float(int(call.now()))} | {
        n: v for n, v in reply.items() if n == "ETag" or (n.startswith("Checksum") and upload.algorithm)
    }
    return {"CopyPartResult": result, **encryption_told(upload.head), **_version_copied(source)}
