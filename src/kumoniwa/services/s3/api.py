"""The operations of S3, gathered from the nouns they are about, and what the gate asks of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from kumoniwa.gate import tags
from kumoniwa.gate.access_point import through
from kumoniwa.gate.signature_asymmetric import ALGORITHM as ASYMMETRIC
from kumoniwa.kernel.call import Call
from kumoniwa.services.s3 import point, storage
from kumoniwa.services.s3.abac import GetBucketAbac, PutBucketAbac, all_tags, tags_of
from kumoniwa.services.s3.access_log import GetBucketLogging, PutBucketLogging
from kumoniwa.services.s3.acl import LOGGING, WRITING
from kumoniwa.services.s3.analysis import (
    DeleteBucketAnalyticsConfiguration,
    GetBucketAnalyticsConfiguration,
    ListBucketAnalyticsConfigurations,
    PutBucketAnalyticsConfiguration,
)
from kumoniwa.services.s3.bill import standing_of, uses_of
from kumoniwa.services.s3.bucket import (
    Bucket as BucketRecord,
)
from kumoniwa.services.s3.bucket import (
    CreateBucket,
    DeleteBucket,
    GetBucketLocation,
    HeadBucket,
    ListBuckets,
    canonical_user,
    location,
    owner_of,
)
from kumoniwa.services.s3.completion import CompleteMultipartUpload
from kumoniwa.services.s3.configuration import (
    DeleteBucketEncryption,
    DeleteBucketOwnershipControls,
    DeleteBucketTagging,
    DeleteObjectTagging,
    GetBucketAcl,
    GetBucketEncryption,
    GetBucketOwnershipControls,
    GetBucketTagging,
    GetBucketVersioning,
    GetObjectAcl,
    GetObjectTagging,
    PutBucketAcl,
    PutBucketEncryption,
    PutBucketOwnershipControls,
    PutBucketTagging,
    PutBucketVersioning,
    PutObjectAcl,
    PutObjectTagging,
)
from kumoniwa.services.s3.copying import CopyObject, UploadPartCopy
from kumoniwa.services.s3.cors import DeleteBucketCors, GetBucketCors, PutBucketCors, headers_of
from kumoniwa.services.s3.deletion import DeleteObject, DeleteObjects
from kumoniwa.services.s3.download import GetObject, GetObjectAttributes, HeadObject, denied
from kumoniwa.services.s3.inventory import (
    DeleteBucketInventoryConfiguration,
    GetBucketInventoryConfiguration,
    ListBucketInventoryConfigurations,
    PutBucketInventoryConfiguration,
)
from kumoniwa.services.s3.lifecycle import (
    DeleteBucketLifecycle,
    GetBucketLifecycleConfiguration,
    PutBucketLifecycleConfiguration,
)
from kumoniwa.services.s3.listing import ListObjects, ListObjectsV2, ListObjectVersions
from kumoniwa.services.s3.locking import GetObjectLockConfiguration, PutObjectLockConfiguration
from kumoniwa.services.s3.multipart import AbortMultipartUpload, CreateMultipartUpload, UploadPart
from kumoniwa.services.s3.multipart_list import ListMultipartUploads, ListParts
from kumoniwa.services.s3.notification import (
    GetBucketNotificationConfiguration,
    PutBucketNotificationConfiguration,
)
from kumoniwa.services.s3.payment import (
    GetBucketAccelerateConfiguration,
    GetBucketRequestPayment,
    PutBucketAccelerateConfiguration,
    PutBucketRequestPayment,
)
from kumoniwa.services.s3.policy import (
    DeleteBucketPolicy,
    DeletePublicAccessBlock,
    GetBucketPolicy,
    GetBucketPolicyStatus,
    GetPublicAccessBlock,
    PutBucketPolicy,
    PutPublicAccessBlock,
    policy_of,
)
from kumoniwa.services.s3.replication import (
    DeleteBucketReplication,
    GetBucketReplication,
    PutBucketReplication,
)
from kumoniwa.services.s3.request_metric import (
    DeleteBucketMetricsConfiguration,
    GetBucketMetricsConfiguration,
    ListBucketMetricsConfigurations,
    PutBucketMetricsConfiguration,
)
from kumoniwa.services.s3.restoring import RestoreObject
from kumoniwa.services.s3.retention import (
    GetObjectLegalHold,
    GetObjectRetention,
    PutObjectLegalHold,
    PutObjectRetention,
)
from kumoniwa.services.s3.tiering import (
    DeleteBucketIntelligentTieringConfiguration,
    GetBucketIntelligentTieringConfiguration,
    ListBucketIntelligentTieringConfigurations,
    PutBucketIntelligentTieringConfiguration,
)
from kumoniwa.services.s3.told import told_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.s3.upload import PutObject
from kumoniwa.services.s3.website import DeleteBucketWebsite, GetBucketWebsite, PutBucketWebsite
from kumoniwa.services.s3.witness import witness_of
from kumoniwa.wire.message import Request
from kumoniwa.wire.timestamps import iso8601

__all__ = [
    "GetBucketAbac", "PutBucketAbac", "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateBucket",
    "CreateMultipartUpload", "DeleteBucket",
    "DeleteBucketAnalyticsConfiguration", "DeleteBucketCors", "DeleteBucketEncryption", "DeleteBucketIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration", "DeleteBucketLifecycle", "DeleteBucketMetricsConfiguration",
    "DeleteBucketOwnershipControls", "DeleteBucketPolicy", "DeleteBucketReplication", "DeleteBucketTagging", "DeleteBucketWebsite",
    "DeleteObject", "DeleteObjectTagging", "DeleteObjects", "DeletePublicAccessBlock", "GetBucketAccelerateConfiguration",
    "GetBucketAcl", "GetBucketAnalyticsConfiguration", "GetBucketCors", "GetBucketEncryption", "GetBucketIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration", "GetBucketLifecycleConfiguration", "GetBucketLocation", "GetBucketLogging",
    "GetBucketMetricsConfiguration", "GetBucketNotificationConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy",
    "GetBucketPolicyStatus", "GetBucketReplication", "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning",
    "GetBucketWebsite", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectLockConfiguration",
    "GetObjectRetention", "GetObjectTagging", "GetPublicAccessBlock", "HeadBucket", "HeadObject",
    "ListBucketAnalyticsConfigurations", "ListBucketIntelligentTieringConfigurations", "ListBucketInventoryConfigurations",
    "ListBucketMetricsConfigurations",
    "ListBuckets", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "PutBucketAccelerateConfiguration",
    "PutBucketAcl", "PutBucketAnalyticsConfiguration", "PutBucketCors", "PutBucketEncryption", "PutBucketIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration", "PutBucketLifecycleConfiguration", "PutBucketLogging", "PutBucketMetricsConfiguration",
    "PutBucketNotificationConfiguration", "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketReplication",
    "PutBucketRequestPayment", "PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite", "PutObject", "PutObjectAcl",
    "PutObjectLegalHold", "PutObjectLockConfiguration", "PutObjectRetention", "PutObjectTagging", "PutPublicAccessBlock",
    "RestoreObject", "UploadPart", "UploadPartCopy", "all_tags", "conditions_of", "denied", "headers_of", "owner_of", "policy_of",
    "resource_of", "standing_of", "tags_of", "uses_of", "witness_of",
]  # fmt: skip

OF_VERSIONS = {
    "GetObject": "s3:GetObjectVersion",
    "HeadObject": "s3:GetObjectVersion",
    "DeleteObject": "s3:DeleteObjectVersion",
    "GetObjectAcl": "s3:GetObjectVersionAcl",
    "PutObjectAcl": "s3:PutObjectVersionAcl",
    "GetObjectTagging": "s3:GetObjectVersionTagging",
    "PutObjectTagging": "s3:PutObjectVersionTagging",
    "DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
}
"""The actions of operations that name a version."""
ACL_MEMBERS = {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list:
    """ARNs of S3 name no account: ``owner_of`` has said whose bucket it is. DeleteObjects asks for each key by itself. By an access
    point one needs as much of the point."""
    wanted, request = _resource_of(call, operation, params), call.request
    if request is None or request.address is None or not request.address.through:
        return wanted
    by = through(call)
    return wanted if by is None else point.needs(by, wanted)


def _resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list:
    name, key = params.get("Bucket", "*"), params.get("Key")
    arn = f"arn:{call.home.partition}:s3:::{name}"
    if operation == "CreateBucket" and isinstance(said := params.get("CreateBucketConfiguration"), dict) and said.get("Tags"):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: tags are a right of their own.
        return [arn, ("s3:TagResource", arn)]
    if key is None:
        return [] if operation == "DeleteObjects" else arn
    arn = f"{arn}/{key}"
    version = params.get("VersionId")
    if operation == "GetObjectAttributes":
        suffix = "Version" if version else ""
        return [(f"s3:GetObject{suffix}", arn), (f"s3:GetObject{suffix}Attributes", arn)]
    if version is not None and operation in OF_VERSIONS:
        return [(OF_VERSIONS[operation], arn)]
    if operation == "DeleteObject" and params.get("IfMatch") not in (None, "*"):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        return [("s3:DeleteObject", arn), ("s3:GetObject", arn)]
    if operation in WRITING:
        needs = [("s3:PutObject", arn)]
        if params.get("Tagging"):
            needs.append(("s3:PutObjectTagging", arn))
        if not ACL_MEMBERS.isdisjoint(params) and not _gives_as_told(call, params):
            needs.append(("s3:PutObjectAcl", arn))
        if params.get("ObjectLockMode") or params.get("ObjectLockRetainUntilDate"):
            needs.append(("s3:PutObjectRetention", arn))
        if params.get("ObjectLockLegalHoldStatus"):
            needs.append(("s3:PutObjectLegalHold", arn))
        return needs if len(needs) > 1 else arn
    return arn


def _gives_as_told(call: Call, params: dict[str, Any]) -> bool:
    """Services that write into customers' buckets leave what they write to the owner, for which AWS's own policies grant no PutObjectAcl:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html. Logs of accesses are given to
    whom the owner has told."""
    if call.principal.arn == LOGGING:
        return True
    said = [name for name in ACL_MEMBERS if params.get(name) is not None]
    return call.principal.kind == "service" and said == ["ACL"] and params["ACL"] == "bucket-owner-full-control"


TAG_CONDITIONS = ("s3:BucketTag",)
CONDITIONS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:versionid",
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "BucketNamespace": "s3:x-amz-bucket-namespace",
}
"""Condition keys that are parameters. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {
        key: params[name] for name, key in CONDITIONS.items() if params.get(name) is not None
    }
    keys["s3:resourceaccount"] = call.account
    if call.principal.account:
        keys["canonicaluser"] = canonical_user(call.principal)
    by = through(call)
    if by is not None:
        # What the access point itself is tagged with is not known here; the bucket behind it has a key of its own.
        keys |= point.conditions(by) | tags.of_resource(tags_of(call, f"arn:aws:s3:::{params.get('Bucket')}"), ("s3:buckettag/",))
    request = call.request
    if request is not None:
        is_old = request.headers.get("authorization", "").startswith("AWS ") or ("AWSAccessKeyId=" in request.query)
        keys["s3:signatureversion"] = "AWS" if is_old else ASYMMETRIC if ASYMMETRIC in _signed_how(request) else "AWS4-HMAC-SHA256"
        keys["s3:authtype"] = "REST-HEADER" if "authorization" in request.headers else "REST-QUERY-STRING"
        keys["s3:x-amz-content-sha256"] = request.headers.get("x-amz-content-sha256")
    keys.update(_lock_conditions(call, params))
    location_constraint = params.get("CreateBucketConfiguration")
    if location_constraint:
        keys["s3:locationconstraint"] = location_constraint.get("LocationConstraint")
        keys.update(tags.of_request(operation, location_constraint, ("Tags",)))
    keys.update(_requested_tags(params.get("Tagging")))
    key = params.get("Key")
    if key is not None and operation not in WRITING:
        keys.update(_existing_tags(call, params.get("Bucket", ""), key, params.get("VersionId")))
    return keys


def confided_of(operation: str, params: dict[str, Any]) -> tuple[str, ...]:
    """A device's code is no trail's business."""
    return (params["MFA"],) if "MFA" in params else ()


def _signed_how(request: Request) -> str:
    return request.headers.get("authorization") or request.query


def _lock_conditions(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """What a request says of a lock, in its headers or in a document."""
    retention, hold = params.get("Retention"), params.get("LegalHold")
    until = params.get("ObjectLockRetainUntilDate")
    keys: dict[str, Any] = {}
    if isinstance(retention, dict):
        keys["s3:object-lock-mode"] = retention.get("Mode")
        until = retention.get("RetainUntilDate")
    if isinstance(hold, dict):
        keys["s3:object-lock-legal-hold"] = hold.get("Status")
    if isinstance(until, float | int):
        keys["s3:object-lock-retain-until-date"] = iso8601(float(until))
        keys["s3:object-lock-remaining-retention-days"] = int((until - call.now()) // 86_400)
    return keys


def _requested_tags(tagging: str | dict | None) -> dict[str, Any]:
    """The tags that a request brings, whether in a header or in a document. What is malformed is refused later."""
    if isinstance(tagging, dict):
        tags = {each.get("Key") or "": each.get("Value") or "" for each in tagging.get("TagSet") or ()}
    else:
        tags = dict(parse_qsl(tagging, keep_blank_values=True, errors="replace")) if tagging else {}
    if not tags:
        return {}
    return {"s3:requestobjecttagkeys": list(tags)} | {
        f"s3:requestobjecttag/{tag.lower()}": tags[tag] for tag in tags
    }


def _existing_tags(call: Call, name: str, key: str, version_id: str | None) -> dict[str, str]:
    place = location(call.home, name)
    bucket = (
        call.shelf(BucketRecord).get(name) if place is not None and place.account == call.account else None
    )
    if bucket is None:
        return {}
    found = (
        storage.live(call, bucket, key)
        if version_id is None
        else storage.version(call, bucket, key, version_id)
    )
    return (
        {f"s3:existingobjecttag/{tag.lower()}": value for tag, value in found.head.tags.items()}
        if found is not None
        else {}
    )
