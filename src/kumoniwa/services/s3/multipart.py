"""Multipart uploads: what one begins with, and its parts, each of which is a file of its own until ``completion`` or an end without."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import managed_key, storage
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, canonical_id, found
from kumoniwa.services.s3.customer_key import check_chooses_nothing, check_continues, key_to_write
from kumoniwa.services.s3.lifecycle import abort_told
from kumoniwa.services.s3.locking import Wish, lock_of
from kumoniwa.services.s3.storage import Blob, Head
from kumoniwa.services.s3.upload import (
    check_key,
    encryption_told,
    head_of,
    object_grants,
    storage_class,
)
from kumoniwa.wire import checksum as checksums

PARTS_MAX = 10_000
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html


class NoSuchUpload(AwsError):
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."


class Upload(Record):
    """What was said when an upload began."""

    head: Head
    storage: str
    algorithm: str = ""
    """Empty if the client chose none: then the parts are summed with ours, and it is not told before the end."""
    is_composite: bool = False
    initiator: str = ""
    """The ARN of who began it; empty if its account did."""
    is_outrun: bool = False
    """Whether what stood under its key was deleted after it began."""

    @property
    def told_initiator(self) -> dict[str, str]:
        """Users and sessions still have names: localstack's test_list_parts_pagination, recorded in February 2026 without one of
        the owner; https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""
        if not self.initiator:
            return {"ID": canonical_id(self.head.owner)}
        return {"ID": self.initiator, "DisplayName": self.initiator.partition("/")[2]}

    @property
    def kind(self) -> str:
        return "COMPOSITE" if self.is_composite else "FULL_OBJECT"

    @property
    def summed_with(self) -> str:
        return self.algorithm or bodies.DEFAULT_ALGORITHM


def CreateMultipartUpload(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ACL: str | None = None,
    CacheControl: str | None = None,
    ChecksumAlgorithm: str | None = None,
    ChecksumType: str | None = None,
    ContentDisposition: str | None = None,
    ContentEncoding: str | None = None,
    ContentLanguage: str | None = None,
    ContentType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    Expires: Any = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWriteACP: str | None = None,
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
) -> Any:
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
    customer = key_to_write(bucket, SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5, ServerSideEncryption)
    grants = object_grants(call, bucket, ACL, granted)
    lock = lock_of(call, bucket, Wish(ObjectLockMode, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus))
    head = head_of(call, bucket, headers, Metadata, Tagging, grants, ServerSideEncryption, customer, lock)
    algorithm, is_composite = _checksum_type(ChecksumAlgorithm, ChecksumType)
    upload = Upload(
        head=head, storage=storage_class(StorageClass), algorithm=algorithm, is_composite=is_composite,
        initiator=call.principal.arn if call.principal.kind in ("user", "role", "federated") else "",
    )  # fmt: skip
    wish = managed_key.Wish(SSEKMSKeyId, SSEKMSEncryptionContext, BucketKeyEnabled)
    if head.encryption == managed_key.KMS or wish != managed_key.NOTHING:
        managed_key.check(call, head.encryption, wish)
        return _begun_under_managed_key(call, bucket, Key, upload, wish)
    return _begun(call, bucket, Key, upload)


async def _begun_under_managed_key(call: Call, bucket: Bucket, key: str, upload: Upload, wish: managed_key.Wish) -> dict:
    head, _ = await managed_key.sealed(call, bucket, key, upload.head, wish)
    return call.atomically(lambda: _begun(call, found(call, bucket.name), key, changed(upload, head=head)))


def _begun(call: Call, bucket: Bucket, key: str, upload: Upload) -> dict:
    now = call.now()
    # The id begins with the time, so that uploads of one key are listed in the order in which they began.
    id = f"{milliseconds(now):012x}{call.ids.secret(84)}".translate({ord("+"): "_", ord("/"): "."})
    call.rows(storage.UPLOADS).run(
        "insert into s3_upload values (?,?,?,?,?)", bucket.id, key, id, now, pack(upload)
    )
    reply = {"Bucket": bucket.name, "Key": key, "UploadId": id}
    if upload.algorithm:
        reply |= {
            "ChecksumAlgorithm": upload.algorithm,
            "ChecksumType": upload.kind,
        }
    return reply | encryption_told(upload.head) | abort_told(bucket, key, now)


def _checksum_type(algorithm: str | None, kind: str | None) -> tuple[str, bool]:
    """Algorithm and whether the whole's checksum is one of the parts' checksums.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"""
    if algorithm is None:
        if kind is not None:
            raise bodies.InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", False
    named = algorithm.upper()
    if named not in checksums.ALGORITHMS:
        raise bodies.InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    if kind not in (None, "COMPOSITE", "FULL_OBJECT"):
        raise bodies.InvalidRequest("Value for x-amz-checksum-type header is invalid.")
    if kind == "FULL_OBJECT" and named not in checksums.CRCS or kind == "COMPOSITE" and named == "CRC64NVME":
        raise bodies.InvalidRequest(
            f"The {kind} checksum type cannot be used with the {named.lower()} checksum algorithm."
        )
    return named, (kind or ("FULL_OBJECT" if named == "CRC64NVME" else "COMPOSITE")) == "COMPOSITE"


def upload_of(call: Call, bucket: Bucket, key: str, id: str) -> tuple[Upload, float]:
    row = call.rows(storage.UPLOADS).one(
        "select head, initiated from s3_upload where bucket = ? and key = ? and upload = ?",
        bucket.id,
        key,
        id,
    )
    if row is None:
        raise NoSuchUpload(UploadId=id[:1024])
    return unpack(row[0], Upload), row[1]


def check_number(number: int) -> None:
    if not 1 <= number <= PARTS_MAX:
        raise InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=number,
        )


def UploadPart(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    PartNumber: int,
    UploadId: str,
    Body: Any = b"",
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
    ContentLength: int | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
):
    bucket = found(call, Bucket)
    check_chooses_nothing(call)
    check_number(PartNumber)
    upload, _ = upload_of(call, bucket, Key, UploadId)
    customer = key_to_write(bucket, SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    check_continues(upload.head, customer)
    given = {
        "CRC32": ChecksumCRC32, "CRC32C": ChecksumCRC32C, "CRC64NVME": ChecksumCRC64NVME, "SHA1": ChecksumSHA1, "SHA256": ChecksumSHA256,
        "SHA512": ChecksumSHA512, "MD5": ChecksumMD5, "XXHASH64": ChecksumXXHASH64, "XXHASH3": ChecksumXXHASH3, "XXHASH128": ChecksumXXHASH128,
    }  # fmt: skip
    claims = bodies.claims_of(call, ContentMD5, ChecksumAlgorithm, given, upload.summed_with)
    if upload.algorithm and claims.algorithm != upload.algorithm:
        raise bodies.InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum Type: {claims.algorithm.lower()}"
        )
    bodies.check_length(call, Body)
    if upload.head.data_key is not None:
        return _part_under_managed_key(call, Bucket, Key, UploadId, PartNumber, claims, upload, Body)
    draft = bodies.Draft(
        call,
        claims,
        encrypts=bool(upload.head.encryption),
        secret=customer.secret,
        is_part=True,
        summed_with=upload.summed_with,
    )
    if not isinstance(Body, (bytes, str)):
        return _part_arrived(call, Bucket, Key, UploadId, PartNumber, draft, Body)
    try:
        draft.write(Body if isinstance(Body, bytes) else Body.encode())
        kept = draft.kept()
    finally:
        draft.discard()
    return part_stored(call, UploadId, PartNumber, kept, upload.head)


async def _part_under_managed_key(
    call: Call, name: str, key: str, id: str, number: int, claims: bodies.Claims, upload: Upload, body: Any
) -> dict:
    secret = await managed_key.secret_of(call, upload.head)
    draft = bodies.Draft(call, claims, secret=secret, is_part=True, summed_with=upload.summed_with)
    return await _part_arrived(call, name, key, id, number, draft, bodies.arriving(body))


async def _part_arrived(
    call: Call, name: str, key: str, id: str, number: int, draft: bodies.Draft, body: Any
) -> dict:
    await bodies.poured(draft, body)
    try:
        # The upload may have been aborted while the part arrived.
        upload, _ = upload_of(call, found(call, name), key, id)
        kept = draft.kept()
    finally:
        draft.discard()
    return part_stored(call, id, number, kept, upload.head)


def part_stored(call: Call, id: str, number: int, kept: bodies.Kept, head: Head) -> dict:
    """Remember a part, in place of an earlier one of its number."""
    rows = call.rows(storage.PARTS)
    old = rows.one("select blob from s3_part where upload = ? and number = ?", id, number)
    row = (id, number, kept.size, kept.etag, call.now(), kept.summed, pack(kept.blob))
    rows.run("replace into s3_part values (?,?,?,?,?,?,?)", *row)
    if old is not None:
        storage.drop(call, [unpack(old[0], Blob).name])
    reply = {"ETag": f'"{kept.etag}"', "Checksum" + kept.algorithm: kept.checksum}
    return reply | encryption_told(head)


def outrun(call: Call, bucket: Bucket, key: str) -> None:
    """Let the uploads of a key know that what stood there is gone."""
    rows = call.rows(storage.UPLOADS)
    for id, packed in rows.all("select upload, head from s3_upload where bucket = ? and key = ?", bucket.id, key):
        upload = changed(unpack(packed, Upload), is_outrun=True)
        rows.run("update s3_upload set head = ? where bucket = ? and key = ? and upload = ?", pack(upload), bucket.id, key, id)


def AbortMultipartUpload(
    call: Call, *, Bucket: str, Key: str, UploadId: str, ExpectedBucketOwner: str | None = None, RequestPayer: str | None = None
) -> None:
    """Whoever aborts what was completed or aborted is told of it only after a day, so that a clean-up may come late: boto3's test_s3_multipart,
    https://github.com/minio/minio/issues/2250 and https://github.com/beyondstorage/go-storage/issues/963"""
    bucket = found(call, Bucket)
    if storage.has_ended(call, bucket.id, Key, UploadId):
        return
    upload_of(call, bucket, Key, UploadId)
    storage.forget_upload(call, bucket.id, Key, UploadId)
