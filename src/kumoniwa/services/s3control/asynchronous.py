"""What is asked of a Multi-Region Access Point and done later: requests with a status, by which one knows when all regions have it.

Each is a row of an outbox, one after the other for each point, until ``aws-global`` has told the regions and ``aws-edge`` has forgotten the
routes of what is deleted. While one is in progress AWS was seen to say ``INPROGRESS``, and no details.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DescribeMultiRegionAccessPointOperation.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.gate import patience
from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.gate.multi_region import MultiRegionPoint
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed

AGAIN_S = 5.0
"""While it cannot be told to whom it must be."""
CREATE, DELETE, PUT_POLICY = "CreateMultiRegionAccessPoint", "DeleteMultiRegionAccessPoint", "PutMultiRegionAccessPointPolicy"
_IN_ARN = {CREATE: "create", DELETE: "delete", PUT_POLICY: "put-policy"}
TOKEN_LETTERS = 87


class NoSuchAsyncRequest(AwsError):
    """The code as clients know it; the text is not recorded."""

    status = 404
    message = "The specified async request does not exist"


class ClientTokenConflict(AwsError):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

    status = 409
    message = "Your Multi-Region Access Point idempotency token was already used for a different request."


class Kept(Record):
    """A point as the control plane knows it; shelved by its name."""

    point: MultiRegionPoint
    """With the policy that is in force."""
    status: str
    proposed: str = ""
    """The policy that was put last."""


class Request(Record):
    """Shelved by its ARN."""

    arn: str
    client_token: str
    operation: str
    created: float
    details: dict[str, Any]
    status: str = "INPROGRESS"
    regions: tuple[str, ...] = ()
    """Those that have it, once it is done."""


def begun(call: Call, operation: str, token: str, details: dict[str, Any]) -> Request | None:
    """What the same token has asked for already. Raises ClientTokenConflict if that was something else."""
    found = next((each for each in call.shelf(Request).values() if each.client_token == token), None)
    if found is not None and (found.operation, found.details) != (operation, details):
        raise ClientTokenConflict
    return found


def begin(call: Call, operation: str, token: str, details: dict[str, Any]) -> Request:
    """Promise it. What of the point is to be known already, the caller has kept."""
    letters = "".join(call.ids.random.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for _ in range(TOKEN_LETTERS))
    arn = call.arn(f"async-request/mrap/{_IN_ARN[operation]}/{letters}", "s3")
    request = call.shelf(Request)[arn] = Request(arn=arn, client_token=token, operation=operation, created=call.now(), details=details)
    OUTBOX.put(call, arn.encode(), lane=details["Name"])
    return request


def told(request: Request) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "CreationTime": request.created, "Operation": request.operation, "RequestTokenARN": request.arn,
        "RequestParameters": {f"{request.operation}Request": request.details}, "RequestStatus": request.status,
    }  # fmt: skip
    if request.regions:
        regions = [{"Name": name, "RequestStatus": request.status} for name in request.regions]
        shown["ResponseDetails"] = {"MultiRegionAccessPointDetails": {"Regions": regions}}
    return shown


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    request = call.shelf(Request)[delivery.body.decode()]
    point = _wanted(request, call.shelf(Kept)[request.details["Name"]].point)
    is_gone = request.operation == DELETE
    try:
        if is_gone:
            await call.home.exchange(EDGE, "s3control", {"do": "forget routes", "account": call.account, "alias": point.alias})
        published = None if is_gone else msgspec.to_builtins(point)
        await call.home.exchange(GLOBAL, "s3control", {"do": "publish", "alias": point.alias, "point": published})
    except AwsError as error:
        if patience.is_passing(error):
            return AGAIN_S
        raise
    call.atomically(lambda: _settle(call, delivery, request, point))
    return None


def _wanted(request: Request, point: MultiRegionPoint) -> MultiRegionPoint:
    return changed(point, policy=request.details["Policy"]) if request.operation == PUT_POLICY else point


def _settle(call: Call, delivery: Delivery, request: Request, point: MultiRegionPoint) -> None:
    shelf = call.shelf(Kept)
    if request.operation == DELETE:
        del shelf[point.name]
    else:
        shelf[point.name] = changed(shelf[point.name], point=point, status="READY")
    call.shelf(Request)[request.arn] = changed(request, status="SUCCEEDED", regions=tuple(point.buckets))
    OUTBOX.done(call, delivery)


OUTBOX = Outbox("s3control", _deliver, kind="multi_region_request")
