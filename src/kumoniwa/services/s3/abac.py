"""Whether policies are told of a bucket's tags: each bucket has it from its owner, and begins without.

A bucket whose tags decide who may touch it is tagged by S3 Control's TagResource and UntagResource alone, which are rights of their own.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import Bucket as BucketRecord
from kumoniwa.services.s3.bucket import InvalidRequest, arn, found
from kumoniwa.wire.xml import MalformedXML

ENABLED, DISABLED = "Enabled", "Disabled"


def PutBucketAbac(
    call: Call, *, Bucket: str, AbacStatus: dict[str, Any] | None = None, ChecksumAlgorithm: str | None = None, ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:  # fmt: skip
    bucket = found(call, Bucket)
    bodies.check_document(call)
    status = (AbacStatus or {}).get("Status")
    if status not in (ENABLED, DISABLED):
        raise MalformedXML
    call.shelf(BucketRecord)[Bucket] = changed(bucket, is_told_by_tags=status == ENABLED)


def GetBucketAbac(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"AbacStatus": {"Status": ENABLED if found(call, Bucket).is_told_by_tags else DISABLED}}


def check_old_way(call: Call, bucket: BucketRecord) -> None:
    """That the bucket may still be tagged by S3's own operations. How AWS refuses it was not found."""
    is_s3_itself = call.request is None and call.principal.kind == "root" and not call.principal.key_id
    if bucket.is_told_by_tags and not is_s3_itself:
        raise InvalidRequest("The tags of a bucket with ABAC enabled are changed by TagResource and UntagResource.")


def policy_of(call: Call, arn: str) -> str | None:
    """What a bucket's policy says of its being tagged."""
    bucket = call.shelf(BucketRecord).get(arn.partition(":s3:::")[2])
    return (bucket.policy or None) if bucket is not None else None


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """A bucket's tags are those of its objects, too, for policies."""
    bucket = call.shelf(BucketRecord).get(arn.rpartition(":::")[2].partition("/")[0])
    return bucket.tags if bucket is not None and bucket.is_told_by_tags else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn(call, name), each.tags) for name, each in call.shelf(BucketRecord).items()]
