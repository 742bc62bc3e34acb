"""Bucket policies and what of public access is blocked.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

from kumoniwa.gate import multi_region, public_access
from kumoniwa.gate.access_point import of_arn
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.public_access import PublicAccess
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.languages.policy_public import is_public
from kumoniwa.services.s3 import acl, point, storage
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import (
    S3_ITSELF,
    AccessDenied,
    Bucket,
    arn,
    canonical_id,
    found,
    location,
)
from kumoniwa.wire.message import Answer
from kumoniwa.wire.xml import MalformedXML

POLICY_BYTES_MAX = 20_480
OF_POLICIES = ("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy")


class NoSuchBucketPolicy(AwsError):
    status = 404
    message = "The bucket policy does not exist"


class MalformedPolicy(AwsError):
    status = 400


class NoSuchPublicAccessBlockConfiguration(AwsError):
    status = 404
    message = "The public access block configuration was not found"


# What the gate asks ----------------------------------------------------------------------------------

_REGISTRY = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": S3_ITSELF},
            "Action": ["s3:CreateBucket", "s3:DeleteBucket"],
            "Resource": "*",
        }
    }
)


def policy_of(call: Call, arn: str) -> str | None:
    """The bucket's policy; for buckets and objects with ACLs these too, as further statements."""
    if call.home.name == GLOBAL:
        return _REGISTRY
    if ":accesspoint/" in arn:
        by = (multi_region.of_arn if multi_region.is_multi_region(arn) else of_arn)(call.home, arn)
        return point.policy_at(call, by) if by is not None else None
    name, _, key = arn.partition(":::")[2].partition("/")
    account, bucket = call.account, call.shelf(Bucket).get(name)
    if bucket is None:
        # Another account's, such as the source of a copy.
        place = location(call.home, name)
        if place is None or place.region != call.home.name:
            return None
        account, bucket = place.account, call.home.store.shelf(place.account, Bucket).get(name)
        if bucket is None:
            return None
    principal, document = call.principal, bucket.policy or None
    is_own = principal.account == account
    if principal.kind == "root" and is_own:
        # The account itself cannot lock itself out of its bucket's policy.
        return None if call.operation in OF_POLICIES else document
    if (
        document
        and not is_own
        and principal.kind != "service"
        and public_access.blocks(call.home, account, point.access_by(call, bucket.access)).RestrictPublicBuckets
        and is_public(document)
    ):
        return None
    if not bucket.has_acls or (is_own and principal.kind != "service"):
        return document
    ignores_public = public_access.blocks(call.home, account, point.access_by(call, bucket.access)).IgnorePublicAcls
    granted = acl.statements(
        bucket.grants, _bucket_arn(arn), is_bucket=True, ignores_public=ignores_public,
        is_writing=call.operation in acl.WRITING,
    )  # fmt: skip
    if key:
        version = storage.live(_in_account(call, account), bucket, key)
        if version is not None:
            head = version.head
            granted += acl.statements(
                head.grants,
                arn,
                is_bucket=False,
                ignores_public=ignores_public,
                owner=canonical_id(head.owner) if head.owner != account else "",
            )
    if not granted:
        return document
    whole = json.loads(document) if document else {"Version": "2012-10-17", "Statement": []}
    return json.dumps({**whole, "Statement": [*statements_in(whole), *granted]})


def _bucket_arn(arn: str) -> str:
    return arn.partition("/")[0]


def _in_account(call: Call, account: str) -> Call:
    return Call(
        call.home, account, call.principal, call.service, call.operation, call.request_id, call.request
    )


# Operations ------------------------------------------------------------------------------------------


def _is_about(resource: str, bucket_arn: str) -> bool:
    """Whether a policy's resource, wildcards and all, can mean the bucket or something in it."""
    if resource == "*":
        return True
    head, _, rest = resource.partition(":::")
    owner, _, bucket = bucket_arn.partition(":::")
    return head == owner and fnmatchcase(bucket, rest.partition("/")[0].replace("[", "[[]"))


def _listed(said: str | list[str] | None) -> list[str]:
    return [said] if isinstance(said, str) else said or []


_OF_OBJECTS = re.compile(r"s3:(((Get|Put|Delete|Restore)Object)|AbortMultipartUpload$|ListMultipartUploadParts$)", re.IGNORECASE)
_OF_BUCKETS = re.compile(r"s3:(Get|Put|Delete|List)Bucket", re.IGNORECASE)


def _check_actions(actions: list[str], resources: list[str]) -> None:
    """What objects are needed for needs objects in the statement, and what needs the bucket, the bucket itself.

    Seen of AWS by cdk-preflight: pf-s3-bucket-policy-action-resource; of buckets: https://github.com/aws-amplify/docs/issues/7799
    """
    objects = any("/" in each or each.endswith("*") for each in resources)
    buckets = any("/" not in each for each in resources)
    for action in actions:
        if (_OF_OBJECTS.match(action) and not objects) or (_OF_BUCKETS.match(action) and not buckets):
            raise MalformedPolicy("Action does not apply to any resource(s) in statement")


def PutBucketPolicy(
    call: Call,
    *,
    Bucket: str,
    Policy: str | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> dict:
    bucket = found(call, Bucket)
    document = Policy or ""
    if not document:
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    bodies.check_document(call)
    if len(document.encode("utf-8", "replace")) > POLICY_BYTES_MAX:
        raise MalformedPolicy("Policies must not exceed 20480 bytes")
    if not document.startswith("{"):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    try:
        parsed = parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise MalformedPolicy(error.text)
    whole = arn(call, Bucket)
    for statement in parsed.statements:
        named = statement.source.get("Resource", statement.source.get("NotResource"))
        for resource in _listed(named):
            if not _is_about(resource, whole):
                raise MalformedPolicy("Policy has invalid resource")
        if "Resource" in statement.source:
            _check_actions(_listed(statement.source.get("Action")), _listed(named))
    if public_access.blocks(call.home, call.account, bucket.access).BlockPublicPolicy and is_public(document):
        raise AccessDenied(
            f'User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{whole}" '
            "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        )
    call.shelf(type(bucket))[Bucket] = changed(bucket, policy=document)
    return Answer(204, {})


def GetBucketPolicy(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.policy:
        raise NoSuchBucketPolicy(BucketName=Bucket)
    return {"Policy": bucket.policy}


def DeleteBucketPolicy(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, policy="")


def GetBucketPolicyStatus(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.policy:
        raise NoSuchBucketPolicy(BucketName=Bucket)
    return {"PolicyStatus": {"IsPublic": is_public(bucket.policy)}}


def PutPublicAccessBlock(
    call: Call,
    *,
    Bucket: str,
    PublicAccessBlockConfiguration: dict[str, bool] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if PublicAccessBlockConfiguration is None:
        raise MalformedXML
    known = {
        name: value
        for name, value in PublicAccessBlockConfiguration.items()
        if name in PublicAccess.__struct_fields__
    }
    call.shelf(type(bucket))[Bucket] = changed(bucket, access=PublicAccess(**known))


def GetPublicAccessBlock(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    access = found(call, Bucket).access
    if access is None:
        raise NoSuchPublicAccessBlockConfiguration(BucketName=Bucket)
    return {
        "PublicAccessBlockConfiguration": access.told()
    }


def DeletePublicAccessBlock(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, access=None)
