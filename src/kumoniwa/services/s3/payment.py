"""Who pays for requests, and by which endpoint they may come: settings of a bucket that its every request meets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import InvalidRequest, found
from kumoniwa.services.s3.watched import look_again
from kumoniwa.wire.xml import MalformedXML


def PutBucketRequestPayment(
    call: Call,
    *,
    Bucket: str,
    RequestPaymentConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    payer = (RequestPaymentConfiguration or {}).get("Payer")
    if payer not in ("Requester", "BucketOwner"):
        raise MalformedXML
    call.shelf(type(bucket))[Bucket] = changed(bucket, payer=payer)
    look_again(call)


def GetBucketRequestPayment(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"Payer": found(call, Bucket).payer}


def PutBucketAccelerateConfiguration(
    call: Call,
    *,
    Bucket: str,
    AccelerateConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    """Enabled, the bucket answers at ``bucket.s3-accelerate``, too. There is no distance here that it could shorten."""
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if "." in Bucket:
        raise InvalidRequest("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
    status = (AccelerateConfiguration or {}).get("Status")
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML
    if status == "Enabled" or bucket.acceleration:
        call.shelf(type(bucket))[Bucket] = changed(bucket, acceleration=status)


def GetBucketAccelerateConfiguration(
    call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None, RequestPayer: str | None = None
) -> dict:
    status = found(call, Bucket).acceleration
    return {"Status": status} if status else {}
