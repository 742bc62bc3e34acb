"""PutObject, and what every way of making an object says about it: headers, metadata, tags, grants, storage class.

A body that came whole is kept at once, atomically. One that is still arriving is written to a draft meanwhile, and only
then looked at again: who was overtaken by another writer, or whose bucket is gone, is told so.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import public_access
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, managed_key, notification, point, replication, storage
from kumoniwa.services.s3.acl import CLOSED, AccessControlListNotSupported, Grant, grants_of
from kumoniwa.services.s3.bucket import AccessDenied, Bucket, canonical_id, found
from kumoniwa.services.s3.customer_key import NONE, CustomerKey, key_to_write
from kumoniwa.services.s3.lifecycle import expiration_told
from kumoniwa.services.s3.lock import UNLOCKED, Lock, with_default
from kumoniwa.services.s3.locking import Wish, lock_of
from kumoniwa.services.s3.metadata import received
from kumoniwa.services.s3.storage import Head
from kumoniwa.services.s3.tag import tags_in_header

KEY_BYTES_MAX = 1024
STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
ELSEWHERE = ("SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP")
PLAIN_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)


class KeyTooLongError(AwsError):
    status = 400
    message = "Your key is too long"


class InvalidStorageClass(AwsError):
    status = 400
    message = "The storage class you specified is not valid"


class InvalidEncryption(AwsError):
    code = "InvalidArgument"
    status = 400
    message = "The encryption method specified is not supported"


class InvalidRedirectLocation(AwsError):
    status = 400
    message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


def check_key(key: str) -> None:
    size = len(key) if key.isascii() else len(key.encode("utf-8", "replace"))
    if size > KEY_BYTES_MAX:
        raise KeyTooLongError(Size=size, MaxSizeAllowed=KEY_BYTES_MAX)


def head_of(
    call: Call,
    bucket: Bucket,
    headers: dict[str, Any],
    metadata: dict[str, str] | None,
    tagging: str | None,
    grants: tuple[Grant, ...],
    encryption: str | None,
    customer: CustomerKey = NONE,
    lock: Lock = UNLOCKED,
) -> Head:
    """``headers`` by AWS's member names, absent ones as None. They are told byte for byte as they came: as the latin-1 that headers are."""
    kept = {name: str(value) for name, value in headers.items() if value is not None}
    coding = kept.get("ContentEncoding")
    if coding is not None and "aws-chunked" in coding:
        # How the body travelled is no property of the object.
        codings = [each.strip() for each in coding.split(",") if each.strip() != "aws-chunked"]
        del kept["ContentEncoding"]
        if codings:
            kept["ContentEncoding"] = ",".join(codings)
    if not kept.get("ContentType"):
        kept["ContentType"] = "binary/octet-stream"
    redirect = kept.get("WebsiteRedirectLocation")
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        raise InvalidRedirectLocation
    return Head(
        owner=call.principal.account or call.account,
        headers=kept,
        metadata=received(metadata, in_headers=call.request is not None) if metadata else {},
        tags=tags_in_header(tagging) if tagging else {},
        grants=grants,
        encryption="" if customer.md5 else encryption_for(bucket, encryption),
        customer_key=customer.md5,
        lock=lock,
    )


def encryption_for(bucket: Bucket, asked: str | None) -> str:
    """``AES256`` or ``aws:kms``. The bucket's configuration speaks for those who do not, and S3 for a bucket without one:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html"""
    if asked is None:
        return bucket.encryption[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] if bucket.encryption else "AES256"
    if asked in ("AES256", managed_key.KMS):
        return asked
    if asked in ("aws:kms:dsse", "aws:fsx"):
        raise NotImplementedHere(f"the server-side encryption {asked} of s3")
    raise InvalidEncryption(ArgumentName="x-amz-server-side-encryption", ArgumentValue=asked[:1024])


def encryption_told(head: Head) -> dict[str, str]:
    """How answers say that an object is encrypted."""
    if head.customer_key:
        return CustomerKey(md5=head.customer_key).told
    if head.data_key is not None:
        return managed_key.told(head)
    return {"ServerSideEncryption": head.encryption} if head.encryption else {}


def storage_class(name: str | None) -> str:
    if name is None or name in STORAGE_CLASSES:
        return name or "STANDARD"
    if name in ELSEWHERE:
        raise NotImplementedHere(f"the storage class {name} of s3")
    raise InvalidStorageClass(StorageClassRequested=name[:1024])


def object_grants(
    call: Call, bucket: Bucket, canned: str | None, headers: dict[str, str | None]
) -> tuple[Grant, ...]:
    """The grants a new object begins with."""
    if canned is None and not any(headers.values()):
        return CLOSED
    grants = grants_of(
        canned,
        headers,
        bucket_owner="" if call.principal.account == call.account else canonical_id(call.account),
    )
    if not bucket.has_acls and grants != CLOSED and canned != "bucket-owner-full-control":
        raise AccessControlListNotSupported
    if (
        any(grant.is_public for grant in grants or ())
        and public_access.blocks(call.home, call.account, point.access_by(call, bucket.access)).BlockPublicAcls
    ):
        raise AccessDenied
    return CLOSED if grants is None or not bucket.has_acls else grants


def PutObject(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    Body: Any = b"",
    ACL: str | None = None,
    CacheControl: str | None = None,
    ChecksumAlgorithm: str | None = None,
    ChecksumCRC32: str | None = None,
    ChecksumCRC32C: str | None = None,
    ChecksumCRC64NVME: str | None = None,
    ChecksumSHA1: str | None = None,
    ChecksumSHA256: str | None = None,
    ChecksumSHA512: str | None = None,
    ChecksumMD5: str | None = None,
    ChecksumXXHASH64: str | None = None,
    ChecksumXXHASH3: str | None = None,
    ChecksumXXHASH128: str | None = None,
    ContentDisposition: str | None = None,
    ContentEncoding: str | None = None,
    ContentLanguage: str | None = None,
    ContentLength: int | None = None,
    ContentMD5: str | None = None,
    ContentType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    Expires: Any = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWriteACP: str | None = None,
    IfMatch: str | None = None,
    IfNoneMatch: str | None = None,
    Metadata: dict[str, str] | None = None,
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
    WebsiteRedirectLocation: str | None = None,
):
    bucket = found(call, Bucket)
    check_key(Key)
    headers = {
        "CacheControl": CacheControl, "ContentDisposition": ContentDisposition, "ContentEncoding": ContentEncoding,
        "ContentLanguage": ContentLanguage, "ContentType": ContentType, "Expires": Expires,
        "WebsiteRedirectLocation": WebsiteRedirectLocation,
    }  # fmt: skip
    granted = {
        "FULL_CONTROL": GrantFullControl,
        "READ": GrantRead,
        "READ_ACP": GrantReadACP,
        "WRITE_ACP": GrantWriteACP,
    }
    grants = object_grants(call, bucket, ACL, granted)
    customer = key_to_write(bucket, SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5, ServerSideEncryption)
    lock = lock_of(call, bucket, Wish(ObjectLockMode, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus), is_put=True)
    head = head_of(call, bucket, headers, Metadata, Tagging, grants, ServerSideEncryption, customer, lock)
    checksums = {
        "CRC32": ChecksumCRC32, "CRC32C": ChecksumCRC32C, "CRC64NVME": ChecksumCRC64NVME, "SHA1": ChecksumSHA1, "SHA256": ChecksumSHA256,
        "SHA512": ChecksumSHA512, "MD5": ChecksumMD5, "XXHASH64": ChecksumXXHASH64, "XXHASH3": ChecksumXXHASH3, "XXHASH128": ChecksumXXHASH128,
    }  # fmt: skip
    claims = bodies.claims_of(call, ContentMD5, ChecksumAlgorithm, checksums)
    kind = storage_class(StorageClass)
    if IfMatch is not None or IfNoneMatch is not None:
        condition.check_write(storage.live(call, bucket, Key), IfMatch, IfNoneMatch, Key)
    bodies.check_length(call, Body)
    wish = managed_key.Wish(SSEKMSKeyId, SSEKMSEncryptionContext, BucketKeyEnabled)
    if head.encryption == managed_key.KMS or wish != managed_key.NOTHING:
        managed_key.check(call, head.encryption, wish)
        return _under_managed_key(call, Bucket, Key, head, kind, claims, wish, Body, (IfMatch, IfNoneMatch))
    draft = bodies.Draft(call, claims, encrypts=bool(head.encryption), secret=customer.secret)
    if not isinstance(Body, (bytes, str)):
        return _when_arrived(call, Bucket, Key, head, kind, draft, Body, (IfMatch, IfNoneMatch))
    try:
        draft.write(Body if isinstance(Body, bytes) else Body.encode())
        kept = draft.kept()
    finally:
        draft.discard()
    return stored(call, bucket, Key, head, kind, kept)


async def _under_managed_key(
    call: Call, name: str, key: str, head: Head, kind: str, claims: bodies.Claims, wish: managed_key.Wish, body: Any,
    conditions: tuple[str | None, str | None],
) -> dict:  # fmt: skip
    head, secret = await managed_key.sealed(call, found(call, name), key, head, wish)
    draft = bodies.Draft(call, claims, secret=secret)
    return await _when_arrived(call, name, key, head, kind, draft, bodies.arriving(body), conditions)


async def _when_arrived(
    call: Call,
    name: str,
    key: str,
    head: Head,
    kind: str,
    draft: bodies.Draft,
    body: Any,
    conditions: tuple[str | None, str | None],
) -> dict:
    await bodies.poured(draft, body)
    try:
        # The world may have changed while the body arrived.
        bucket = found(call, name)
        condition.check_write(storage.live(call, bucket, key), *conditions, key)
        kept = draft.kept()
    finally:
        draft.discard()
    return stored(call, bucket, key, head, kind, kept)


def owner_of_new(call: Call, bucket: Bucket, head: Head) -> str:
    """The account that owns what is written: the bucket's, unless its ownership controls leave it to the writer.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html"""
    given = Grant(grantee=canonical_id(call.account), permission="FULL_CONTROL")
    if not bucket.has_acls or (bucket.ownership == "BucketOwnerPreferred" and given in head.grants):
        return call.account
    return head.owner


def stored(call: Call, bucket: Bucket, key: str, head: Head, kind: str, kept: bodies.Kept) -> dict:
    """Put a kept body on the shelf; answers what PutObject answers."""
    head = changed(
        head,
        owner=owner_of_new(call, bucket, head),
        algorithm=kept.algorithm,
        checksum=kept.checksum,
        nonce=kept.nonce,
        blobs=(kept.blob,) if kept.blob is not None else (),
        lock=with_default(head.lock, bucket.lock, call.now()) if bucket.lock else head.lock,
    )
    wanted = replication.of_object(bucket, key, head, kind)
    version = storage.put(call, bucket, key, replication.pending(head, wanted), kept.size, kept.etag, kind, kept.body)
    replication.enqueue(call, bucket, key, version, wanted)
    notification.created(call, bucket, key, version, kept.size, kept.etag)
    reply = {
        "ETag": f'"{kept.etag}"',
        "Checksum" + kept.algorithm: kept.checksum,
        "ChecksumType": "FULL_OBJECT",
    }
    reply.update(encryption_told(head))
    if bucket.lifecycle:
        reply.update(expiration_told(bucket, key, kept.size, head.tags, call.now()))
    if bucket.versioning == "Enabled":
        reply["VersionId"] = version
    return reply
