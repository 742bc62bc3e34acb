"""Completing a multipart upload: which parts the client means, whether they are whole, and the object that they become.

No byte is copied: the object is a row that names the parts' files in order, and a checksum of the whole follows from those of the parts.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed, unpack
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import condition, notification, replication, storage
from kumoniwa.services.s3.bucket import Bucket, found
from kumoniwa.services.s3.customer_key import check_chooses_nothing, check_continues, customer_key
from kumoniwa.services.s3.lifecycle import expiration_told
from kumoniwa.services.s3.lock import with_default
from kumoniwa.services.s3.multipart import PARTS_MAX, Upload, upload_of
from kumoniwa.services.s3.storage import Blob, Head, Part
from kumoniwa.services.s3.upload import encryption_told, owner_of_new
from kumoniwa.wire import checksum as checksums
from kumoniwa.wire.xml import MalformedXML

PART_BYTES_MIN = 5 << 20
SIZE_BYTES_MAX = 50 << 40
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html


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
    ChecksumSHA512: str | None = None,
    ChecksumMD5: str | None = None,
    ChecksumXXHASH64: str | None = None,
    ChecksumXXHASH3: str | None = None,
    ChecksumXXHASH128: str | None = None,
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
        "SHA512": ChecksumSHA512, "MD5": ChecksumMD5, "XXHASH64": ChecksumXXHASH64, "XXHASH3": ChecksumXXHASH3, "XXHASH128": ChecksumXXHASH128,
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
    storage.end_upload(call, bucket.id, Key, UploadId)
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
