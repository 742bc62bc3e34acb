"""Multipart uploads: parts are files of their own, and completing only writes a row that names them in order.

No byte is copied when an upload completes, and a checksum of the whole follows from those of the parts.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, managed_key, notification, replication, storage
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, canonical_id, found
from kumoniwa.services.s3.customer_key import check_chooses_nothing, check_continues, customer_key
from kumoniwa.services.s3.lifecycle import abort_told, expiration_told
from kumoniwa.services.s3.listing import after, encoder, limit_of, rolled_up, version_page
from kumoniwa.services.s3.lock import with_default
from kumoniwa.services.s3.locking import Wish, lock_of
from kumoniwa.services.s3.storage import Blob, Head, Part
from kumoniwa.services.s3.upload import (
    check_key,
    encryption_told,
    head_of,
    object_grants,
    owner_of_new,
    storage_class,
)
from kumoniwa.wire import checksum as checksums
from kumoniwa.wire.xml import MalformedXML

PART_BYTES_MIN = 5 << 20
PARTS_MAX = 10_000
SIZE_BYTES_MAX = 50 << 40
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html


class NoSuchUpload(AwsError):
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."


class InvalidPart(AwsError):
    status = 400
    message = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    )


class InvalidPartOrder(AwsError):
    status = 400
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."


class EntityTooSmall(AwsError):
    status = 400
    message = "Your proposed upload is smaller than the minimum allowed size"


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
    customer = customer_key(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5, ServerSideEncryption)
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
    id = f"{int(now * 1000):012x}{call.ids.secret(84)}".translate({ord("+"): "_", ord("/"): "."})
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
    if kind == "FULL_OBJECT" and named.startswith("SHA") or kind == "COMPOSITE" and named == "CRC64NVME":
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
    customer = customer_key(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    check_continues(upload.head, customer)
    given = {
        "CRC32": ChecksumCRC32, "CRC32C": ChecksumCRC32C, "CRC64NVME": ChecksumCRC64NVME, "SHA1": ChecksumSHA1, "SHA256": ChecksumSHA256,
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


# Completing ------------------------------------------------------------------------------------------


def CompleteMultipartUpload(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    UploadId: str,
    MultipartUpload: dict[str, Any] | None = None,
    ChecksumCRC32: str | None = None,
    ChecksumCRC32C: str | None = None,
    ChecksumCRC64NVME: str | None = None,
    ChecksumSHA1: str | None = None,
    ChecksumSHA256: str | None = None,
    ChecksumType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    IfMatch: str | None = None,
    IfNoneMatch: str | None = None,
    MpuObjectSize: int | None = None,
    RequestPayer: str | None = None,
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
) -> dict:
    """Completing once more what stands succeeds again and does nothing, so that a lost answer may be asked for again."""
    bucket = found(call, Bucket)
    listed = (MultipartUpload or {}).get("Parts") or []
    if MultipartUpload is None:
        # Recorded in this order: localstack's test_multipart_no_such_upload, test_multipart_complete_multipart_too_small.
        upload_of(call, bucket, Key, UploadId)
        raise bodies.InvalidRequest("You must specify at least one part")
    if not 1 <= len(listed) <= PARTS_MAX:
        raise MalformedXML
    made = _made_before(call, bucket, Key, UploadId, listed)
    if made is not None:
        return _completed(call, bucket, made, made.head)
    upload, began = upload_of(call, bucket, Key, UploadId)
    check_chooses_nothing(call)
    customer = customer_key(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    # "needed only when the object was created using a checksum algorithm": the model, of SSECustomerKey.
    if customer.md5 or upload.algorithm:
        check_continues(upload.head, customer)
    existing = storage.live(call, bucket, Key)
    condition.check_write(existing, IfMatch, IfNoneMatch, Key)
    if upload.is_outrun and IfNoneMatch is not None:
        # Recorded: localstack's test_multipart_if_none_match_with_delete.
        raise condition.ConditionalRequestConflict(Condition="If-None-Match", Key=Key)
    condition.check_unchanged(existing, IfMatch, began, Key)
    kind = upload.kind if upload.algorithm else "null"
    if ChecksumType not in (None, kind):
        raise bodies.InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
        )
    rows = call.rows(storage.PARTS)
    have = {
        row[0]: row
        for row in rows.all(
            "select number, size, etag, checksum, blob from s3_part where upload = ?", UploadId
        )
    }
    chosen = _chosen(upload, UploadId, listed, have)
    size = sum(row[1] for row in chosen)
    if MpuObjectSize is not None and MpuObjectSize != size:
        raise bodies.InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {MpuObjectSize} does not match what was computed: {size}"
        )
    checksum = _whole_checksum(upload, chosen)
    said = {
        "CRC32": ChecksumCRC32, "CRC32C": ChecksumCRC32C, "CRC64NVME": ChecksumCRC64NVME, "SHA1": ChecksumSHA1, "SHA256": ChecksumSHA256,
    }  # fmt: skip
    _check_whole(upload, ChecksumType, {name: value for name, value in said.items() if value is not None}, checksum)
    # What a customer's key hides is summed only if the client says how: localstack's test_multipart_upload_sse_c.
    is_summed = bool(upload.algorithm) or not upload.head.customer_key
    head = changed(
        upload.head,
        owner=owner_of_new(call, bucket, upload.head),
        algorithm=upload.summed_with if is_summed else "",
        checksum=checksum if is_summed else "",
        is_composite=upload.is_composite,
        blobs=tuple(unpack(row[4], Blob) for row in chosen),
        parts=tuple(Part(number=row[0], size=row[1], checksum=row[3]) for row in chosen),
        upload=UploadId,
        lock=with_default(upload.head.lock, bucket.lock, call.now()) if bucket.lock else upload.head.lock,
    )
    kept = {blob.name for blob in head.blobs}
    left = [name for name in storage.forget_parts(call, UploadId) if name not in kept]
    call.rows(storage.UPLOADS).run(
        "delete from s3_upload where bucket = ? and key = ? and upload = ?", bucket.id, Key, UploadId
    )
    wanted = replication.of_object(bucket, Key, head, upload.storage)
    etag = _etag_of([row[2] for row in chosen])
    version = storage.put(call, bucket, Key, replication.pending(head, wanted), size, etag, upload.storage, None)
    replication.enqueue(call, bucket, Key, version, wanted)
    notification.created(call, bucket, Key, version, size, etag)
    storage.drop(call, left)
    return _completed(call, bucket, storage.live(call, bucket, Key), head)


def _etag_of(etags: list[str]) -> str:
    digests = b"".join(bytes.fromhex(each) for each in etags)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _made_before(call: Call, bucket: Bucket, key: str, id: str, listed: list[dict]) -> storage.Version | None:
    """The object that this upload has become already, if it still stands and the same parts are listed."""
    version = storage.live(call, bucket, key)
    if version is None or version.head.upload != id:
        return None
    try:
        etag = _etag_of([(each.get("ETag") or "").strip('"') for each in listed])
    except ValueError:
        return None
    return version if etag == version.etag else None


def _completed(call: Call, bucket: Bucket, made: storage.Version, head: Head) -> dict:
    host = call.request.host if call.request is not None else f"{bucket.name}.s3.{call.region}.amazonaws.com"
    reply = {
        "Location": f"http://{host}/{bucket.name}/{quote(made.key, safe='')}",
        "Bucket": bucket.name,
        "Key": made.key,
        "ETag": made.quoted,
    }
    if head.checksum and (head.data_key is None or head.algorithm != bodies.DEFAULT_ALGORITHM):
        # Under a key of KMS only a checksum that the client chose is told here: localstack's test_s3_multipart_upload_sse.
        reply["Checksum" + head.algorithm] = head.checksum
        reply["ChecksumType"] = "COMPOSITE" if head.is_composite else "FULL_OBJECT"
    if not head.customer_key:
        reply |= encryption_told(head)
    if bucket.lifecycle:
        reply |= expiration_told(bucket, made.key, made.size, head.tags, made.modified)
    if bucket.versioning == "Enabled":
        reply["VersionId"] = made.version
    return reply


def _chosen(upload: Upload, id: str, listed: list[dict], have: dict[int, tuple]) -> list[tuple]:
    """The rows of the parts a client lists, each the one it means. Recorded: localstack's
    test_multipart_parts_checksum_exceptions_composite, test_complete_multipart_parts_checksum_default."""
    chosen: list[tuple] = []
    before = 0
    for each in listed:
        number, etag = each.get("PartNumber"), each.get("ETag")
        if number is None or etag is None:
            raise MalformedXML
        if number <= before:
            raise InvalidPartOrder(UploadId=id)
        before = number
        row = have.get(number)
        said = {name[8:]: value for name, value in each.items() if name.startswith("Checksum")}
        told = said.pop(upload.algorithm, None)
        if row is None or etag.strip('"') != row[2] or told not in (None, row[3]) or (said and not upload.algorithm):
            raise InvalidPart(UploadId=id, PartNumber=number, ETag=etag.strip('"')[:1024])
        for name in said:
            raise bodies.BadDigest(f"The {name.lower()} you specified for part {number} did not match what we received.")
        if upload.is_composite and told is None:
            raise bodies.InvalidRequest(
                f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include the "
                f"checksum for each part. It was missing for part {number} in the request."
            )
        chosen.append(row)
    for number, size, etag, *_ in chosen[:-1]:
        if size < PART_BYTES_MIN:
            raise EntityTooSmall(
                ProposedSize=size, MinSizeAllowed=PART_BYTES_MIN, PartNumber=number, ETag=etag
            )
    size = sum(row[1] for row in chosen)
    if size > SIZE_BYTES_MAX:
        raise bodies.EntityTooLarge(ProposedSize=size, MaxSizeAllowed=SIZE_BYTES_MAX)
    return chosen


def _check_whole(upload: Upload, kind: str | None, said: dict[str, str], checksum: str) -> None:
    """The checksum of the whole that a client says, by algorithm. Without the upload's own type beside it, one of a full object is
    taken for a composite one, and one of another algorithm is never right; an upload that chose no algorithm asks for none. Recorded:
    localstack's test_multipart_parts_checksum_exceptions_full_object, test_complete_multipart_parts_checksum_default."""
    algorithm = upload.summed_with
    if not upload.algorithm:
        said = {name: value for name, value in said.items() if name == algorithm}
    is_right = said.get(algorithm, "").partition("-")[0] == checksum.partition("-")[0]
    if said and not (is_right and (upload.is_composite or not upload.algorithm or kind == upload.kind)):
        raise bodies.BadDigest(f"The {algorithm.lower()} you specified did not match the calculated checksum.")


def _whole_checksum(upload: Upload, chosen: list[tuple]) -> str:
    if upload.is_composite:
        return checksums.composite(upload.algorithm, [row[3] for row in chosen])
    return checksums.combined(upload.summed_with, [(row[3], row[1]) for row in chosen])


def outrun(call: Call, bucket: Bucket, key: str) -> None:
    """Let the uploads of a key know that what stood there is gone."""
    rows = call.rows(storage.UPLOADS)
    for id, packed in rows.all("select upload, head from s3_upload where bucket = ? and key = ?", bucket.id, key):
        upload = changed(unpack(packed, Upload), is_outrun=True)
        rows.run("update s3_upload set head = ? where bucket = ? and key = ? and upload = ?", pack(upload), bucket.id, key, id)


def AbortMultipartUpload(
    call: Call, *, Bucket: str, Key: str, UploadId: str, ExpectedBucketOwner: str | None = None, RequestPayer: str | None = None
) -> None:
    bucket = found(call, Bucket)
    upload_of(call, bucket, Key, UploadId)
    storage.forget_upload(call, bucket.id, Key, UploadId)


# Lists -----------------------------------------------------------------------------------------------


def ListParts(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    UploadId: str,
    ExpectedBucketOwner: str | None = None,
    MaxParts: int | None = None,
    PartNumberMarker: int | None = None,
    RequestPayer: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    upload, initiated = upload_of(call, bucket, Key, UploadId)
    most, marker = limit_of(MaxParts, "max-parts"), PartNumberMarker or 0
    if marker < 0:
        raise InvalidArgument(
            "Argument part-number-marker must be an integer between 0 and 2147483647",
            ArgumentName="part-number-marker",
            ArgumentValue=marker,
        )
    rows = call.rows(storage.PARTS).all(
        "select number, size, etag, modified, checksum from s3_part where upload = ? and number > ? order by number limit ?",
        UploadId,
        marker,
        most + 1,
    )
    page = rows[:most]
    reply: dict[str, Any] = {
        "Bucket": Bucket, "Key": Key, "UploadId": UploadId, "Initiator": upload.told_initiator, "Owner": {"ID": canonical_id(call.account)},
        "StorageClass": upload.storage, "PartNumberMarker": marker, "NextPartNumberMarker": page[-1][0] if page else 0,
        "MaxParts": most, "IsTruncated": len(rows) > most > 0,
    }  # fmt: skip
    reply |= abort_told(bucket, Key, initiated)
    if upload.algorithm:
        reply |= {
            "ChecksumAlgorithm": upload.algorithm,
            "ChecksumType": upload.kind,
        }
    parts = []
    for number, size, etag, modified, checksum in page:
        shown = {
            "PartNumber": number,
            "LastModified": float(int(modified)),
            "ETag": f'"{etag}"',
            "Size": size,
        }
        if upload.algorithm and checksum:
            shown["Checksum" + upload.algorithm] = checksum
        parts.append(shown)
    return {**reply, "Parts": parts} if parts else reply


def ListMultipartUploads(
    call: Call,
    *,
    Bucket: str,
    Delimiter: str | None = None,
    EncodingType: str | None = None,
    ExpectedBucketOwner: str | None = None,
    KeyMarker: str | None = None,
    MaxUploads: int | None = None,
    Prefix: str | None = None,
    RequestPayer: str | None = None,
    UploadIdMarker: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    most, encode = limit_of(MaxUploads, "max-uploads"), encoder(EncodingType)
    rows, marker, prefix = call.rows(storage.UPLOADS), KeyMarker or "", Prefix or ""
    after_id = UploadIdMarker if KeyMarker and UploadIdMarker else "\U0010ffff"

    def read(start: str, end: str | None, limit: int) -> list[tuple]:
        sql = "select key, upload, initiated, head from s3_upload where bucket = ? and key >= ? and (key > ? or upload > ?)"
        if end is not None:
            return rows.all(
                f"{sql} and key < ? order by key, upload limit ?",
                bucket.id,
                start,
                marker,
                after_id,
                end,
                limit,
            )
        return rows.all(f"{sql} order by key, upload limit ?", bucket.id, start, marker, after_id, limit)

    if rows.one("select 1 from s3_upload where bucket = ? and upload = ? and key <> ?", bucket.id, after_id, marker):
        raise InvalidArgument("Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=after_id)
    start = after(marker, prefix, Delimiter or "") if rolled_up(marker, prefix, Delimiter or "") else marker
    page = version_page(read, prefix, Delimiter or "", start, most)
    is_truncated = page.is_truncated and most > 0
    # AWS tells the last upload whether more follow or not, and none where a page ends with a common prefix: recorded by
    # localstack's test_list_multiparts_next_marker and test_list_multipart_uploads_marker_common_prefixes.
    last_key, last_id = page.rows[-1][:2] if page.rows else ("", "")
    reply: dict[str, Any] = {
        "Bucket": Bucket, "KeyMarker": encode(marker), "UploadIdMarker": UploadIdMarker or "" if KeyMarker else "",
        "NextKeyMarker": encode(last_key), "NextUploadIdMarker": last_id, "MaxUploads": most, "IsTruncated": is_truncated,
    }  # fmt: skip
    if prefix:
        reply["Prefix"] = encode(prefix)
    if Delimiter:
        reply["Delimiter"] = encode(Delimiter)
    if EncodingType:
        reply["EncodingType"] = EncodingType
    if page.rows:
        reply["Uploads"] = [
            _shown(call, encode(key), id, at, unpack(packed, Upload)) for key, id, at, packed in page.rows
        ]
    if page.prefixes:
        reply["CommonPrefixes"] = [{"Prefix": encode(common)} for common in page.prefixes]
    return reply


def _shown(call: Call, key: str, id: str, initiated: float, upload: Upload) -> dict:
    shown = {
        "UploadId": id, "Key": key, "Initiated": float(int(initiated)), "StorageClass": upload.storage,
        "Owner": {"ID": canonical_id(call.account)}, "Initiator": upload.told_initiator,
    }  # fmt: skip
    if upload.algorithm:
        shown |= {
            "ChecksumAlgorithm": upload.algorithm,
            "ChecksumType": upload.kind,
        }
    return shown
