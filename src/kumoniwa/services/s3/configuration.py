"""What is configured for a bucket and told again: versioning, tags, ownership, encryption, grants; and tags and grants of objects."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import public_access
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import abac, acl, managed_key, mfa_delete, notification, point, replication
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.acl import ENFORCED, OWNERSHIPS, AccessControlListNotSupported, grants_in, grants_of
from kumoniwa.services.s3.bucket import (
    SSE_C,
    AccessDenied,
    Bucket,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    blocked_at_first,
    canonical_id,
    found,
)
from kumoniwa.services.s3.download import NoSuchKey, check_own, wanted
from kumoniwa.services.s3.locking import InvalidBucketState
from kumoniwa.services.s3.tag import check_removal, shown, tags_of_bucket, tags_of_object
from kumoniwa.wire.message import Answer
from kumoniwa.wire.xml import MalformedXML


class UnexpectedContent(AwsError):
    """A list of grants both in the body and in headers: recorded by localstack's test_s3_bucket_acl_exceptions."""

    status = 400
    message = "This request does not support content"


class NoSuchTagSet(AwsError):
    status = 404
    message = "The TagSet does not exist"


class OwnershipControlsNotFoundError(AwsError):
    status = 404
    message = "The bucket ownership controls were not found"


class IllegalVersioningConfigurationException(AwsError):
    status = 400
    message = "The Versioning element must be specified"


class MissingSecurityHeader(AwsError):
    status = 400
    message = "Your request was missing a required header"


BY_DEFAULT = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
"""What holds for a bucket for which nobody configured encryption, and is told of it."""


def _put(call: Call, bucket: Bucket, **changes: Any) -> None:
    call.shelf(Bucket)[bucket.name] = changed(bucket, **changes)


# Versioning ------------------------------------------------------------------------------------------


def PutBucketVersioning(
    call: Call,
    *,
    Bucket: str,
    VersioningConfiguration: dict[str, str] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    MFA: str | None = None,
) -> None:
    """Where MFA delete is on, any change needs the root user's device; that it is off anybody says who may change versioning, as Terraform does.
    What becomes of it if nothing is said of it was not found: it stays."""
    bucket = found(call, Bucket)
    bodies.check_document(call)
    is_proven = mfa_delete.proves(call, MFA)
    said = VersioningConfiguration or {}
    status, protection = said.get("Status"), said.get("MFADelete", bucket.mfa_delete)
    if status is None:
        raise IllegalVersioningConfigurationException
    if status not in ("Enabled", "Suspended") or protection not in ("", "Enabled", "Disabled"):
        raise MalformedXML
    if "Enabled" in (protection, bucket.mfa_delete):
        mfa_delete.check(call, is_proven=is_proven)
    if protection == "Enabled":
        mfa_delete.check_may_be_enabled(bucket)
    if bucket.lock and status != "Enabled":
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        )
    if bucket.replication and status != "Enabled":
        raise InvalidBucketState(
            "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the "
            "versioning state, first delete the replication configuration."
        )
    _put(call, bucket, versioning=status, mfa_delete=protection)


def GetBucketVersioning(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    told = {"Status": bucket.versioning, "MFADelete": bucket.mfa_delete}
    return {name: value for name, value in told.items() if value}


# Tags ------------------------------------------------------------------------------------------------


def PutBucketTagging(
    call: Call,
    *,
    Bucket: str,
    Tagging: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if Tagging is None:
        raise MalformedXML
    abac.check_old_way(call, bucket)
    _put(call, bucket, tags=tags_of_bucket(call, bucket.tags, Tagging))
    return Answer(204, {})


def GetBucketTagging(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.tags:
        raise NoSuchTagSet(BucketName=Bucket)
    return {"TagSet": shown(bucket.tags)}


def DeleteBucketTagging(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    """How AWS answers for reserved tags was not found: here as for a set of tags without them."""
    bucket = found(call, Bucket)
    abac.check_old_way(call, bucket)
    check_removal(call, bucket.tags)
    _put(call, bucket, tags={})


def PutObjectTagging(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    Tagging: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if Tagging is None:
        raise MalformedXML
    version = wanted(call, bucket, Key, VersionId)
    replication.touch(call, bucket, version, tags=tags_of_object(Tagging))
    notification.happened(call, bucket, "ObjectTagging:Put", Key, version=version.version, etag=version.etag)
    return {"VersionId": version.version} if bucket.versioning else {}


def GetObjectTagging(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    try:
        version = wanted(call, bucket, Key, VersionId)
    except NoSuchKey as error:
        # Only this operation names the key with its bucket: localstack's test_object_tagging_exc.
        error.members["Key"] = f"{Bucket}/{Key}"
        raise
    return {
        "TagSet": shown(version.head.tags),
        **({"VersionId": version.version} if bucket.versioning else {}),
    }


def DeleteObjectTagging(
    call: Call, *, Bucket: str, Key: str, ExpectedBucketOwner: str | None = None, VersionId: str | None = None
) -> dict:
    bucket = found(call, Bucket)
    version = wanted(call, bucket, Key, VersionId)
    replication.touch(call, bucket, version, tags={})
    notification.happened(call, bucket, "ObjectTagging:Delete", Key, version=version.version, etag=version.etag)
    return {"VersionId": version.version} if bucket.versioning else {}


# Ownership -------------------------------------------------------------------------------------------


def PutBucketOwnershipControls(
    call: Call,
    *,
    Bucket: str,
    OwnershipControls: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    rules = (OwnershipControls or {}).get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in OWNERSHIPS:
        raise MalformedXML
    ownership = rules[0]["ObjectOwnership"]
    if ownership == ENFORCED and bucket.grants != acl.CLOSED:
        raise InvalidBucketAclWithObjectOwnership
    _put(call, bucket, ownership=ownership)


def GetBucketOwnershipControls(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    ownership = found(call, Bucket).ownership
    if ownership is None:
        raise OwnershipControlsNotFoundError(BucketName=Bucket)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}


def DeleteBucketOwnershipControls(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    """Without ownership controls a bucket takes ACLs, as all did once."""
    _put(call, found(call, Bucket), ownership=None)


# Encryption ------------------------------------------------------------------------------------------


def PutBucketEncryption(
    call: Call,
    *,
    Bucket: str,
    ServerSideEncryptionConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    rules = (ServerSideEncryptionConfiguration or {}).get("Rules") or []
    if len(rules) != 1:
        raise MalformedXML
    rule = rules[0]
    # A rule that does not say leaves what holds: https://github.com/hashicorp/terraform-provider-aws/issues/47320
    blocked = (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType") or [bucket.blocked_encryption]
    if blocked not in (["NONE"], [SSE_C]):
        raise MalformedXML
    default = rule.get("ApplyServerSideEncryptionByDefault")
    if default is None and "BlockedEncryptionTypes" in rule:
        # What clients of the CDK send whose bucket names no algorithm: https://github.com/aws/aws-cdk/pull/37047
        _put(call, bucket, encryption=(), blocked_encryption=blocked[0])
        return
    default = default or {}
    algorithm = default.get("SSEAlgorithm")
    if algorithm in ("aws:kms:dsse", "aws:fsx"):
        raise NotImplementedHere(f"the server-side encryption {algorithm} of s3")
    if algorithm not in ("AES256", managed_key.KMS) or set(default) - {"SSEAlgorithm", "KMSMasterKeyID"}:
        raise MalformedXML
    if "KMSMasterKeyID" in default and algorithm != managed_key.KMS:
        raise InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )
    kept = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
    }
    _put(call, bucket, encryption=(kept,), blocked_encryption=blocked[0])


def GetBucketEncryption(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    (rule,) = bucket.encryption or (BY_DEFAULT,)
    blocked = {"EncryptionType": [bucket.blocked_encryption]}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule | {"BlockedEncryptionTypes": blocked}]}}


def DeleteBucketEncryption(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    """The bucket is as a new one in all that PutBucketEncryption says. That this goes for what it blocks too is not recorded."""
    _put(call, found(call, Bucket), encryption=(), blocked_encryption=blocked_at_first(call.region))


# Access control lists --------------------------------------------------------------------------------


def _grants_said(
    call: Call,
    bucket: Bucket,
    canned: str | None,
    policy: dict | None,
    headers: dict,
    owner: str,
    *,
    is_bucket: bool,
):
    """The grants that a Put…Acl request names, in one of three ways."""
    if policy is not None:
        bodies.check_document(call)
        if canned is not None or any(headers.values()):
            raise UnexpectedContent
        grants = grants_in(policy, owner)
    else:
        bucket_owner = "" if is_bucket or owner == canonical_id(call.account) else canonical_id(call.account)
        grants = grants_of(canned, headers, is_bucket=is_bucket, bucket_owner=bucket_owner)
    if grants is None:
        raise MissingSecurityHeader(MissingHeaderName="x-amz-acl")
    if not bucket.has_acls and grants != acl.CLOSED:
        raise AccessControlListNotSupported
    if public_access.blocks(call.home, call.account, point.access_by(call, bucket.access)).BlockPublicAcls and any(
        grant.is_public for grant in grants
    ):
        raise AccessDenied
    return grants


def PutBucketAcl(
    call: Call,
    *,
    Bucket: str,
    ACL: str | None = None,
    AccessControlPolicy: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWrite: str | None = None,
    GrantWriteACP: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    headers = {
        "FULL_CONTROL": GrantFullControl,
        "READ": GrantRead,
        "READ_ACP": GrantReadACP,
        "WRITE": GrantWrite,
        "WRITE_ACP": GrantWriteACP,
    }
    grants = _grants_said(
        call, bucket, ACL, AccessControlPolicy, headers, canonical_id(call.account), is_bucket=True
    )
    _put(call, bucket, grants=grants)


def GetBucketAcl(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    return acl.shown(found(call, Bucket).grants, canonical_id(call.account))


def PutObjectAcl(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ACL: str | None = None,
    AccessControlPolicy: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWrite: str | None = None,
    GrantWriteACP: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    version = wanted(call, bucket, Key, VersionId)
    head = version.head
    check_own(call, bucket, head, "WRITE_ACP")
    headers = {
        "FULL_CONTROL": GrantFullControl,
        "READ": GrantRead,
        "READ_ACP": GrantReadACP,
        "WRITE": GrantWrite,
        "WRITE_ACP": GrantWriteACP,
    }
    grants = _grants_said(
        call, bucket, ACL, AccessControlPolicy, headers, canonical_id(head.owner), is_bucket=False
    )
    replication.touch(call, bucket, version, grants=grants)
    notification.happened(call, bucket, "ObjectAcl:Put", Key, version=version.version, etag=version.etag)
    return {}


def GetObjectAcl(
    call: Call,
    *,
    Bucket: str,
    Key: str,
    ExpectedBucketOwner: str | None = None,
    RequestPayer: str | None = None,
    VersionId: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    head = wanted(call, bucket, Key, VersionId).head
    check_own(call, bucket, head, "READ_ACP")
    if not bucket.has_acls:
        # Whoever wrote it, the bucket's owner owns it.
        return acl.shown(acl.CLOSED, canonical_id(call.account))
    return acl.shown(head.grants, canonical_id(head.owner))
