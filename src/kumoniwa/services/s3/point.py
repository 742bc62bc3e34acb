"""What is asked of a bucket by an access point: which operations, and what both the point and the bucket must permit.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

from __future__ import annotations

from kumoniwa.gate.access_point import AccessPoint, points, through
from kumoniwa.gate.authorize import AccessDenied
from kumoniwa.gate.multi_region import MultiRegionPoint, multi_region_points
from kumoniwa.gate.public_access import PublicAccess
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.policy_public import is_public

SUPPORTED = frozenset((
    "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjectTagging",
    "DeleteObjects", "GetBucketAcl", "GetBucketCors", "GetBucketLocation", "GetBucketNotificationConfiguration", "GetBucketPolicy",
    "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "HeadBucket",
    "HeadObject", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "PutObject", "PutObjectAcl",
    "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject", "UploadPart", "UploadPartCopy",
))  # fmt: skip
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-service-api-support.html"""


SUPPORTED_IN_MANY_REGIONS = frozenset((
    "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjectTagging",
    "GetObject", "GetObjectAcl", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "HeadObject", "ListMultipartUploads",
    "ListObjectsV2", "ListParts", "PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging",
    "RestoreObject", "UploadPart", "UploadPartCopy",
))  # fmt: skip
"""By a Multi-Region Access Point, which is no source of a copy:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/MrapOperations.html#mrap-operations-support"""


class NotByAccessPoint(AwsError):
    """The status is recorded, of GetBucketLocation by a Multi-Region Access Point: https://github.com/iterate-ch/cyberduck/issues/14044"""

    code = "MethodNotAllowed"
    status = 405
    message = "The specified method is not allowed against this resource."


class BucketHasAccessPointsAttached(AwsError):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

    status = 400
    message = (
        "The bucket you are attempting to delete has access points attached to it. Delete your access points before deleting the bucket."
    )


def check(call: Call, operation: str) -> None:
    """That an operation which is not supported is not asked for by a point, and that nobody comes unsigned where AWS lets nobody."""
    by = through(call)
    if by is None:
        return
    is_multi_region = isinstance(by, MultiRegionPoint)
    if operation not in (SUPPORTED_IN_MANY_REGIONS if is_multi_region else SUPPORTED):
        raise NotByAccessPoint(Method=call.request.method, ResourceType="ACCESSPOINT")
    if is_multi_region and call.principal.kind == "anonymous":
        # "Multi-Region Access Points don't support anonymous requests": MultiRegionAccessPointRestrictions, AWS's guide. Its code is not said.
        raise AccessDenied


def check_none(call: Call, bucket: str) -> None:
    """That nothing leads to a bucket any more."""
    by_name = (point.bucket for point in points(call.home).values())
    by_many = (name for point in multi_region_points(call.home).values() for name in point.buckets.values())
    if bucket in (*by_name, *by_many):
        raise BucketHasAccessPointsAttached(BucketName=bucket)


def conditions(point: AccessPoint | MultiRegionPoint) -> dict[str, str]:
    """Condition keys that only requests by an access point have."""
    return {
        "s3:dataaccesspointarn": point.arn, "s3:dataaccesspointaccount": point.account, "s3:accesspointnetworkorigin": "Internet",
    }  # fmt: skip


def arn_by(point: AccessPoint | MultiRegionPoint, arn: str) -> str:
    """What a bucket's or an object's ARN is by an access point."""
    _, slash, key = arn.partition(":::")[2].partition("/")
    return point.arn_of(key if slash else None)


def needs(point: AccessPoint | MultiRegionPoint, wanted: str | list) -> list:
    """What the caller needs of the bucket, and as much of the point."""
    wanted = [wanted] if isinstance(wanted, str) else wanted
    also = [(need[0], arn_by(point, need[1])) if isinstance(need, tuple) else arn_by(point, need) for need in wanted]
    return [*also, *wanted]


def policy_at(call: Call, point: AccessPoint | MultiRegionPoint) -> str | None:
    """The point's policy as it counts for a caller: one that is public lets no stranger in where public access is restricted."""
    principal, document = call.principal, point.policy or None
    is_own = principal.account == point.account
    if document and not is_own and principal.kind != "service" and point.access.RestrictPublicBuckets and is_public(document):
        return None
    return document


def access_by(call: Call, own: PublicAccess | None) -> PublicAccess | None:
    """What of public access a bucket blocks, and the point by which it is asked: what one of them blocks is blocked.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-bpa-settings.html"""
    point = through(call)
    if point is None:
        return own
    if own is None:
        return point.access
    return PublicAccess(**{name: value or getattr(own, name) for name, value in point.access.told().items()})
