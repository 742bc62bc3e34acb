"""Files that a query leaves in buckets, in the name of who asked for it: its results, and what its rows became."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.athena.failing import Failed
from kumoniwa.services.athena.reading import place_of, refused

WHOLE_BYTES_MAX = 64 << 20
PART_BYTES = 32 << 20


def _how(options: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultConfiguration.html"""
    how: dict[str, Any] = {}
    encryption = options.get("EncryptionConfiguration") or {}
    if encryption.get("EncryptionOption") == "SSE_S3":
        how["ServerSideEncryption"] = "AES256"
    elif encryption.get("EncryptionOption") == "SSE_KMS":
        how |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.get("KmsKey", "")}
    if options.get("AclConfiguration", {}).get("S3AclOption") == "BUCKET_OWNER_FULL_CONTROL":
        how["ACL"] = "bucket-owner-full-control"
    if options.get("ExpectedBucketOwner"):
        how["ExpectedBucketOwner"] = options["ExpectedBucketOwner"]
    return how


async def put(call: Call, location: str, body: bytes, options: dict[str, Any]) -> None:
    """Raises Failed."""
    bucket, key = place_of(location)
    try:
        await call.ask("s3:PutObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Key=key, Body=body,
                       ContentType="application/octet-stream", **_how(options))  # fmt: skip
    except AwsError as error:
        raise _unwritten(error, location) from None


def _unwritten(error: AwsError, location: str) -> Failed:
    found = refused(error, location)
    if found.code == "S3_PERMISSION":
        return Failed("RESULT", f"Access denied when writing output to url: {location} . Please ensure you are allowed to access the S3 bucket. "
                      "If specifying an expected bucket owner, confirm the bucket is owned by the expected account. If you are encrypting query results "
                      "with KMS key, please ensure you are allowed to access your KMS key")  # fmt: skip
    return found


async def put_file(call: Call, location: str, path: str, options: dict[str, Any]) -> None:
    """Raises Failed. What is large goes in parts, so that no more than one is in memory."""
    size = os.path.getsize(path)
    if size <= WHOLE_BYTES_MAX:
        await put(call, location, await asyncio.to_thread(_piece, path, 0, size), options)
        return
    bucket, key = place_of(location)
    where: dict[str, Any] = {"Bucket": bucket, "Key": key}
    region, owner = region_of_bucket(call.home, bucket), {name: value for name, value in _how(options).items() if name == "ExpectedBucketOwner"}
    upload = ""
    try:
        begun = await call.ask("s3:CreateMultipartUpload", to_region=region, **where, ContentType="application/octet-stream", **_how(options))
        upload, parts = begun["UploadId"], []
        for n, start in enumerate(range(0, size, PART_BYTES), 1):
            piece = await asyncio.to_thread(_piece, path, start, PART_BYTES)
            done = await call.ask("s3:UploadPart", to_region=region, **where, UploadId=upload, PartNumber=n, Body=piece, **owner)
            parts.append({"ETag": done["ETag"], "PartNumber": n})
        await call.ask("s3:CompleteMultipartUpload", to_region=region, **where, UploadId=upload, MultipartUpload={"Parts": parts}, **owner)
    except BaseException as error:
        if upload:
            await call.ask("s3:AbortMultipartUpload", to_region=region, **where, UploadId=upload)
        if isinstance(error, AwsError):
            raise _unwritten(error, location) from None
        raise


def _piece(path: str, start: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(size)
