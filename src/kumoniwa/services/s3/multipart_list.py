"""Lists of what is under way: the uploads of a bucket, and the parts that one of them has so far."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import unpack
from kumoniwa.services.s3 import storage
from kumoniwa.services.s3.bucket import InvalidArgument, canonical_id, found
from kumoniwa.services.s3.customer_key import check_continues, customer_key
from kumoniwa.services.s3.lifecycle import abort_told
from kumoniwa.services.s3.listing import after, encoder, limit_of, rolled_up, version_page
from kumoniwa.services.s3.multipart import Upload, upload_of


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
    SSECustomerAlgorithm: str | None = None,
    SSECustomerKey: str | None = None,
    SSECustomerKeyMD5: str | None = None,
) -> dict:
    """A key that is brought must be the upload's; nothing is shown that only the key could open."""
    bucket = found(call, Bucket)
    upload, initiated = upload_of(call, bucket, Key, UploadId)
    customer = customer_key(SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5)
    if customer.md5:
        check_continues(upload.head, customer)
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
