"""Multi-Region Access Points: made, told, given a policy, and led from one region to another.

us-west-2 is their control plane, as on AWS: what it was told, ``asynchronous`` makes known to all regions. Which regions are active is
asked and said in five regions, and kept at the edge. Points for buckets of other accounts are refused by name. Of what InvalidRequest says here
there is no record.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/MrapOperations.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kumoniwa.gate.address import EDGE, MULTI_REGION
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.multi_region import (
    MultiRegionPoint,
    NoSuchMultiRegionAccessPoint,
    arn_of,
)
from kumoniwa.gate.names import BucketName
from kumoniwa.gate.public_access import BLOCKED, PublicAccess
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy_public import is_public
from kumoniwa.services.s3control.access_point import (
    PAGE_MAX,
    InvalidNextToken,
    InvalidRequest,
    NoBucketForAccessPoint,
    check_policy,
)
from kumoniwa.services.s3control.asynchronous import (
    CREATE,
    DELETE,
    PUT_POLICY,
    Kept,
    NoSuchAsyncRequest,
    Request,
    begin,
    begun,
    told,
)

HOME = "us-west-2"
ROUTED_IN = ("us-east-1", "us-west-2", "ap-southeast-2", "ap-northeast-1", "eu-west-1")
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_SubmitMultiRegionAccessPointRoutes.html"""
OF_ROUTES = ("GetMultiRegionAccessPointRoutes", "SubmitMultiRegionAccessPointRoutes")
POINTS_MAX, REGIONS_MAX = 100, 17
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPointRestrictions.html
ACTIVE, PASSIVE = 100, 0


class PermanentRedirect(AwsError):
    """Recorded: https://github.com/gruntwork-io/cloud-nuke/issues/667"""

    status = 301

    def __init__(self, *regions: str) -> None:
        super().__init__(
            f"This API operation is only available in the following Regions: {', '.join(regions)}. "
            "Make sure to send all future requests to a supported Region."
        )


class MultiRegionAccessPointAlreadyOwnedByYou(AwsError):
    """Of neither code nor text there is a record; the code of other access points is AccessPointAlreadyOwnedByYou."""

    code = "AccessPointAlreadyOwnedByYou"
    status = 409
    message = "Your previous request to create the named accesspoint succeeded and you already own it."


class TooManyMultiRegionAccessPoints(AwsError):
    """This and the next: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

    status = 400
    message = "You have attempted to create more Multi-Region Access Points than are allowed for an account."


class TooManyMultiRegionAccessPointregionsError(AwsError):
    status = 400
    message = "You have attempted to create a Multi-Region Access Point with more Regions than are allowed for an account."


class NoSuchMultiRegionAccessPointPolicy(AwsError):
    """The status follows from tools that await it where there is no policy; the text is not recorded."""

    status = 404
    message = "The specified multi-region access point policy does not exist"


class MethodNotAllowed(AwsError):
    """Of a point with one region: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mrap-failover-errors.html"""

    status = 405
    message = "The specified method is not allowed against this resource."


# What the gate asks ----------------------------------------------------------------------------------


def is_about(operation: str) -> bool:
    return "MultiRegionAccessPoint" in operation


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """Points are known by their aliases, which names of points do not tell: whoever names one that is not there asks for any.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    if operation == "ListMultiRegionAccessPoints":
        return "*"
    for member in ("RequestTokenARN", "Mrap"):
        if member in params:
            return _spelled_out(str(params[member]))
    details = params.get("Details")
    name = details.get("Name") if isinstance(details, dict) else params.get("Name")
    kept = call.shelf(Kept).get(name) if isinstance(name, str) else None
    return arn_of(call.home.partition, call.account, kept.point.alias if kept is not None else "*")


# How the model wants an ARN spelled where AWS takes one: without a slash.
_SLASH, _COLON = ":accesspoint/", ":accesspoint:"


def params_of(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """The model's pattern for a point's ARN leaves no room for its slash, which AWS takes all the same."""
    if operation in OF_ROUTES and "Mrap" in params:
        return {**params, "Mrap": params["Mrap"].replace(_SLASH, _COLON, 1)}
    return params


def _spelled_out(arn: str) -> str:
    return arn.replace(_COLON, _SLASH, 1)


# Points ----------------------------------------------------------------------------------------------


def _only_in(call: Call, *regions: str) -> None:
    if call.region not in regions:
        raise PermanentRedirect(*regions)


def _found(call: Call, name: str) -> Kept:
    kept = call.shelf(Kept).get(name)
    if kept is None:
        raise NoSuchMultiRegionAccessPoint(Name=name)
    return kept


def _manages(call: Call) -> None:
    """"You must grant the s3:ListAllMyBuckets permission to the user, role, or other IAM entity that makes a request to manage a
    Multi-Region Access Point": MrapOperations, AWS's guide."""
    _only_in(call, HOME)
    call.require("s3:ListAllMyBuckets", "*")


def _buckets(call: Call, regions: list[dict[str, str]]) -> dict[str, str]:
    names, buckets = call.home.store.shelf(SHARED, BucketName), {}
    for said in regions:
        if said.get("BucketAccountId") not in (None, call.account):
            raise NotImplementedHere("buckets of other accounts in s3control:CreateMultiRegionAccessPoint")
        held = names.get(said["Bucket"])
        if held is None or held.account != call.account:
            raise NoBucketForAccessPoint
        if held.region in buckets:
            raise InvalidRequest(f"A Multi-Region Access Point has one bucket in each Region: {held.region} was named twice.")
        buckets[held.region] = held.name
    return buckets


def CreateMultiRegionAccessPoint(call: Call, *, AccountId: str, ClientToken: str, Details: dict[str, Any]) -> dict:
    """What it is made of cannot be changed. Unless one says otherwise it blocks all public access."""
    _manages(call)
    access = BLOCKED if "PublicAccessBlock" not in Details else PublicAccess(**Details["PublicAccessBlock"])
    details = {**Details, "PublicAccessBlock": access.told()}
    if (done := begun(call, CREATE, ClientToken, details)) is not None:
        return {"RequestTokenARN": done.arn}
    shelf, name = call.shelf(Kept), Details["Name"]
    if name in shelf:
        raise MultiRegionAccessPointAlreadyOwnedByYou
    if len(shelf) >= POINTS_MAX:
        raise TooManyMultiRegionAccessPoints
    if not Details["Regions"]:
        raise InvalidRequest("A Multi-Region Access Point needs at least one Region.")
    if len(Details["Regions"]) > REGIONS_MAX:
        raise TooManyMultiRegionAccessPointregionsError
    alias = f"m{call.ids.lower(12)}{MULTI_REGION}"
    point = MultiRegionPoint(
        name=name, account=call.account, partition=call.home.partition, alias=alias, created=call.now(), access=access,
        buckets=_buckets(call, Details["Regions"]),
    )  # fmt: skip
    shelf[name] = Kept(point=point, status="CREATING")
    return {"RequestTokenARN": begin(call, CREATE, ClientToken, details).arn}


def DeleteMultiRegionAccessPoint(call: Call, *, AccountId: str, ClientToken: str, Details: dict[str, Any]) -> dict:
    _manages(call)
    if (done := begun(call, DELETE, ClientToken, Details)) is not None:
        return {"RequestTokenARN": done.arn}
    kept = _found(call, Details["Name"])
    if kept.status != "READY":
        # The reason is one that AWS gives InvalidRequest for: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
        raise InvalidRequest("The access point is not in a state where it can be deleted")
    call.shelf(Kept)[kept.point.name] = changed(kept, status="DELETING")
    return {"RequestTokenARN": begin(call, DELETE, ClientToken, Details).arn}


def DescribeMultiRegionAccessPointOperation(call: Call, *, AccountId: str, RequestTokenARN: str) -> dict:
    _only_in(call, HOME)
    request = call.shelf(Request).get(RequestTokenARN)
    if request is None:
        raise NoSuchAsyncRequest
    return {"AsyncOperation": told(request)}


def _report(kept: Kept) -> dict[str, Any]:
    point = kept.point
    return {
        "Name": point.name, "Alias": point.alias, "CreatedAt": point.created, "PublicAccessBlock": point.access.told(), "Status": kept.status,
        "Regions": [{"Bucket": bucket, "Region": region, "BucketAccountId": point.account} for region, bucket in point.buckets.items()],
    }  # fmt: skip


def GetMultiRegionAccessPoint(call: Call, *, AccountId: str, Name: str) -> dict:
    _only_in(call, HOME)
    return {"AccessPoint": _report(_found(call, Name))}


def ListMultiRegionAccessPoints(call: Call, *, AccountId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    _only_in(call, HOME)
    try:
        after = base64.urlsafe_b64decode(NextToken).decode() if NextToken else ""
    except (binascii.Error, ValueError):
        raise InvalidNextToken from None
    rest = sorted((kept for name, kept in call.shelf(Kept).items() if name > after), key=lambda kept: kept.point.name)
    page = rest[: MaxResults or PAGE_MAX]
    reply: dict[str, Any] = {"AccessPoints": [_report(kept) for kept in page]}
    if len(rest) > len(page):
        reply["NextToken"] = base64.urlsafe_b64encode(page[-1].point.name.encode()).decode()
    return reply


# Policies --------------------------------------------------------------------------------------------


def PutMultiRegionAccessPointPolicy(call: Call, *, AccountId: str, ClientToken: str, Details: dict[str, Any]) -> dict:
    """It is proposed at once, and established when all regions have it."""
    _manages(call)
    if (done := begun(call, PUT_POLICY, ClientToken, Details)) is not None:
        return {"RequestTokenARN": done.arn}
    kept = _found(call, Details["Name"])
    check_policy(call, kept.point, Details["Policy"])
    call.shelf(Kept)[kept.point.name] = changed(kept, proposed=Details["Policy"])
    return {"RequestTokenARN": begin(call, PUT_POLICY, ClientToken, Details).arn}


def GetMultiRegionAccessPointPolicy(call: Call, *, AccountId: str, Name: str) -> dict:
    _only_in(call, HOME)
    kept = _found(call, Name)
    if not kept.proposed:
        raise NoSuchMultiRegionAccessPointPolicy(Name=Name)
    policies = {"Established": kept.point.policy, "Proposed": kept.proposed}
    return {"Policy": {state: {"Policy": policy} for state, policy in policies.items() if policy}}


def GetMultiRegionAccessPointPolicyStatus(call: Call, *, AccountId: str, Name: str) -> dict:
    _only_in(call, HOME)
    kept = _found(call, Name)
    if not kept.point.policy:
        raise NoSuchMultiRegionAccessPointPolicy(Name=Name)
    return {"Established": {"IsPublic": is_public(kept.point.policy)}}


# Routes ----------------------------------------------------------------------------------------------


def _alias_of(call: Call, said: str) -> str:
    arn = _spelled_out(said)
    alias = arn.rpartition("/")[2]
    if arn != arn_of(call.home.partition, call.account, alias) or not alias.endswith(MULTI_REGION):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mrap-failover-errors.html says the status.
        raise InvalidRequest(
            "The Multi-Region Access Point must be named by its ARN: arn:aws:s3::account-id:accesspoint/MultiRegionAccessPoint_alias"
        )
    return alias


async def _routes(call: Call, said: str, updates: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    _only_in(call, *ROUTED_IN)
    asked = {"do": "routes", "account": call.account, "alias": _alias_of(call, said), "updates": updates}
    return await call.home.exchange(EDGE, "s3control", asked)


async def GetMultiRegionAccessPointRoutes(call: Call, *, AccountId: str, Mrap: str) -> dict:
    return {"Mrap": _spelled_out(Mrap), "Routes": await _routes(call, Mrap, None)}


async def SubmitMultiRegionAccessPointRoutes(call: Call, *, AccountId: str, Mrap: str, RouteUpdates: list[dict[str, Any]]) -> dict:
    """Make regions active or passive; those that are not named stay as they are. On AWS it may take two minutes to take effect."""
    await _routes(call, Mrap, RouteUpdates)
    return {}
