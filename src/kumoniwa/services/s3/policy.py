"""Bucket policies, what in them is public, and what of public access is blocked.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
import json
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.s3 import acl, storage
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import (
    S3_ITSELF,
    AccessDenied,
    Bucket,
    PublicAccess,
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
    blocks = bucket.blocks
    if (
        document
        and blocks.RestrictPublicBuckets
        and not is_own
        and principal.kind != "service"
        and is_public(document)
    ):
        return None
    if not bucket.has_acls or (is_own and principal.kind != "service"):
        return document
    granted = acl.statements(
        bucket.grants, _bucket_arn(arn), is_bucket=True, ignores_public=blocks.IgnorePublicAcls,
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
                ignores_public=blocks.IgnorePublicAcls,
                owner=canonical_id(head.owner) if head.owner != account else "",
            )
    if not granted:
        return document
    whole = json.loads(document) if document else {"Version": "2012-10-17", "Statement": []}
    statements = whole["Statement"] if isinstance(whole["Statement"], list) else [whole["Statement"]]
    return json.dumps({**whole, "Statement": [*statements, *granted]})


def _bucket_arn(arn: str) -> str:
    return arn.partition("/")[0]


def _in_account(call: Call, account: str) -> Call:
    return Call(
        call.home, account, call.principal, call.service, call.operation, call.request_id, call.request
    )


# What is public --------------------------------------------------------------------------------------

_FIXING = frozenset((
    "aws:principalorgid", "aws:principalorgpaths", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceaccount",
    "aws:sourceorgid", "aws:sourceowner", "aws:userid", "aws:principalarn", "aws:principalaccount", "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount", "aws:viaawsservice",
))  # fmt: skip


@lru_cache(maxsize=1024)
def is_public(document: str) -> bool:
    """Whether a policy lets in people who are not named: a wildcard principal, not narrowed by a fixed condition."""
    statements = json.loads(document)["Statement"]
    return any(_is_public(each) for each in (statements if isinstance(statements, list) else [statements]))


def _is_public(statement: dict[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = principal.get("AWS", ()) if isinstance(principal, dict) else principal
    if "*" not in ([named] if isinstance(named, str) else named or ()):
        return False
    for operator, keys in (statement.get("Condition") or {}).items():
        folded = operator.lower()
        if (
            not folded.startswith(("string", "arn", "ipaddress", "bool"))
            or "not" in folded
            or folded.endswith("ifexists")
        ):
            continue
        for key, values in keys.items():
            listed = [values] if not isinstance(values, list) else values
            if key.lower() in _FIXING and not any("*" in str(value) or "?" in str(value) for value in listed):
                return False
            if key.lower() == "aws:sourceip" and all(_is_narrow(str(value)) for value in listed):
                return False
    return True


def _is_narrow(text: str) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).prefixlen >= (32 if ":" in text else 8)
    except ValueError:
        return False


# Operations ------------------------------------------------------------------------------------------


def _is_about(resource: str, bucket_arn: str) -> bool:
    """Whether a policy's resource, wildcards and all, can mean the bucket or something in it."""
    if resource == "*":
        return True
    head, _, rest = resource.partition(":::")
    owner, _, bucket = bucket_arn.partition(":::")
    return head == owner and fnmatchcase(bucket, rest.partition("/")[0].replace("[", "[[]"))


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
        for resource in [named] if isinstance(named, str) else named or ():
            if not _is_about(resource, whole):
                raise MalformedPolicy("Policy has invalid resource")
    if bucket.blocks.BlockPublicPolicy and is_public(document):
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
        "PublicAccessBlockConfiguration": {name: getattr(access, name) for name in access.__struct_fields__}
    }


def DeletePublicAccessBlock(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, access=None)
