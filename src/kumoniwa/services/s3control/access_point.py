"""Access points: made, told, and given a policy of their own. S3 is reached by them as ``gate.access_point`` leads.

A point is here of the account that owns its bucket, and open to the whole network; one of another account, of a VPC or with a scope is
refused by name.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from kumoniwa.gate.access_point import (
    ALIASES_END,
    AccessPoint,
    Alias,
    NoSuchAccessPoint,
    aliases,
    label_of,
    points,
)
from kumoniwa.gate.authorize import AccessDenied
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.multi_region import MultiRegionPoint
from kumoniwa.gate.names import BucketName
from kumoniwa.gate.public_access import BLOCKED, PublicAccess, blocks
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.languages.policy_public import is_public
from kumoniwa.wire.message import Answer

POLICY_BYTES_MAX = 20_480
PAGE_MAX = 1000
_SPELLED = re.compile(r"[a-z0-9.-]{3,50}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
ALIAS_NAME_LETTERS, ALIAS_LETTERS = 20, 34
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html


class InvalidRequest(AwsError):
    status = 400


class InvalidURI(AwsError):
    """This and the next three recorded: localstack's TestS3ControlAccessPoint."""

    status = 400
    message = "Couldn't parse the specified URI."


class InvalidAccessPointName(InvalidRequest):
    """Of its code there is no record."""

    code = "InvalidRequest"
    message = "Your Amazon S3 AccessPoint name is invalid"


class NoBucketForAccessPoint(InvalidRequest):
    code = "InvalidRequest"
    message = "Amazon S3 AccessPoint can only be created for existing bucket"


class AccessPointAlreadyOwnedByYou(AwsError):
    status = 409
    message = "Your previous request to create the named accesspoint succeeded and you already own it."


class NoSuchAccessPointPolicy(AwsError):
    status = 404
    message = "The specified accesspoint policy does not exist"


class MalformedPolicy(AwsError):
    status = 400


class InvalidNextToken(InvalidRequest):
    code = "InvalidRequest"
    message = "The continuation token provided is incorrect"


def _found(call: Call, name: str) -> AccessPoint:
    point = points(call.home).get(label_of(name, call.account))
    if point is None:
        raise NoSuchAccessPoint(AccessPointName=name)
    return point


def CreateAccessPoint(
    call: Call,
    *,
    AccountId: str,
    Name: str,
    Bucket: str,
    BucketAccountId: str | None = None,
    PublicAccessBlockConfiguration: dict[str, bool] | None = None,
) -> dict:
    if not _SPELLED.fullmatch(Name):
        raise InvalidURI(URI=f"accesspoint/{Name}")
    if not _NAME.fullmatch(Name) or Name.endswith(ALIASES_END):
        raise InvalidAccessPointName
    if BucketAccountId not in (None, call.account):
        raise NotImplementedHere("access points for buckets of other accounts in s3control:CreateAccessPoint")
    held = call.home.store.shelf(SHARED, BucketName).get(Bucket)
    if held is None or (held.account, held.region) != (call.account, call.region):
        raise NoBucketForAccessPoint
    shelf, label = points(call.home), label_of(Name, call.account)
    if label in shelf:
        raise AccessPointAlreadyOwnedByYou
    letters = "".join(call.ids.random.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(ALIAS_LETTERS))
    said = PublicAccessBlockConfiguration
    point = AccessPoint(
        name=Name, account=call.account, region=call.region, partition=call.home.partition, bucket=Bucket, created=call.now(),
        alias=f"{Name[:ALIAS_NAME_LETTERS]}-{letters}{ALIASES_END}", access=BLOCKED if said is None else PublicAccess(**said),
    )  # fmt: skip
    shelf[label] = point
    aliases(call.home)[point.alias] = Alias(label=label)
    return {"AccessPointArn": point.arn, "Alias": point.alias}


def _told(point: AccessPoint) -> dict[str, Any]:
    return {"Name": point.name, "NetworkOrigin": "Internet", "Bucket": point.bucket, "AccessPointArn": point.arn, "Alias": point.alias,
            "BucketAccountId": point.account}  # fmt: skip


def GetAccessPoint(call: Call, *, AccountId: str, Name: str) -> dict:
    point = _found(call, Name)
    end = f"{call.region}.amazonaws.com{'.cn' if call.home.partition == 'aws-cn' else ''}"
    kinds = {"ipv4": "", "fips": "-fips", "fips_dualstack": "-fips.dualstack", "dualstack": ".dualstack"}
    return _told(point) | {
        "PublicAccessBlockConfiguration": point.access.told(), "CreationDate": point.created,
        "Endpoints": {kind: f"s3-accesspoint{more}.{end}" for kind, more in kinds.items()},
    }  # fmt: skip


def ListAccessPoints(
    call: Call, *, AccountId: str, Bucket: str | None = None, MaxResults: int | None = None, NextToken: str | None = None
) -> dict:
    """An account's points in this region, in the order of their names."""
    try:
        after = base64.urlsafe_b64decode(NextToken).decode() if NextToken else ""
    except (binascii.Error, ValueError):
        raise InvalidNextToken from None
    mine = [point for point in points(call.home).values() if point.account == call.account and Bucket in (None, point.bucket)]
    rest = sorted((point for point in mine if point.name > after), key=lambda point: point.name)
    page = rest[: PAGE_MAX if MaxResults is None else MaxResults]
    reply: dict[str, Any] = {"AccessPointList": [_told(point) for point in page]}
    if page and len(rest) > len(page):
        reply["NextToken"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
    return reply


def DeleteAccessPoint(call: Call, *, AccountId: str, Name: str) -> dict:
    point = _found(call, Name)
    del points(call.home)[point.label]
    del aliases(call.home)[point.alias]
    return Answer(204, {})


# Policies --------------------------------------------------------------------------------------------


def check_policy(call: Call, point: AccessPoint | MultiRegionPoint, document: str) -> None:
    """Raises MalformedPolicy, and AccessDenied where a public one is blocked."""
    if len(document.encode("utf-8", "replace")) > POLICY_BYTES_MAX:
        raise MalformedPolicy("Policies must not exceed 20480 bytes")
    if not document.startswith("{"):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    try:
        parsed = parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise MalformedPolicy(error.text)
    for statement in parsed.statements:
        named = statement.source.get("Resource", statement.source.get("NotResource"))
        for resource in [named] if isinstance(named, str) else named or ():
            if resource != point.arn and not resource.startswith(f"{point.arn}/object/"):
                raise MalformedPolicy("Policy has invalid resource")
    if blocks(call.home, call.account, point.access).BlockPublicPolicy and is_public(document):
        raise AccessDenied


def PutAccessPointPolicy(call: Call, *, AccountId: str, Name: str, Policy: str) -> dict:
    point = _found(call, Name)
    check_policy(call, point, Policy)
    points(call.home)[point.label] = changed(point, policy=Policy)
    return {}


def GetAccessPointPolicy(call: Call, *, AccountId: str, Name: str) -> dict:
    point = _found(call, Name)
    if not point.policy:
        raise NoSuchAccessPointPolicy(AccessPointName=Name)
    return {"Policy": point.policy}


def DeleteAccessPointPolicy(call: Call, *, AccountId: str, Name: str) -> dict:
    point = _found(call, Name)
    points(call.home)[point.label] = changed(point, policy="")
    return Answer(204, {})


def GetAccessPointPolicyStatus(call: Call, *, AccountId: str, Name: str) -> dict:
    point = _found(call, Name)
    if not point.policy:
        raise NoSuchAccessPointPolicy(AccessPointName=Name)
    return {"PolicyStatus": {"IsPublic": is_public(point.policy)}}
