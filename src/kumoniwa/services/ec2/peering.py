"""VPC peering: two VPCs of a region, of one account or of two, that reach each other if both say so in their route tables."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterValue, MissingParameter, OperationNotPermitted, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import PEERING, VPC, Peering, PeeringSide, Vpc, net

EXPIRES_S = 7 * 86_400.0
"""Who has not accepted within a week is not asked any more: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html"""
TEXTS = {
    "pending-acceptance": "Pending Acceptance by {}", "active": "Active", "rejected": "Inactive", "deleted": "Deleted by {}", "expired": "Expired",
    "failed": "Incorrect configuration: {}", "initiating-request": "Initiating Request to {}",
}  # fmt: skip


def show(call: Call, peering: Peering) -> dict[str, Any]:
    state, text = peering.state, peering.text
    if state == "pending-acceptance" and call.now() > peering.expires:
        state, text = "expired", TEXTS["expired"]
    shown: dict[str, Any] = {
        "VpcPeeringConnectionId": peering.id, "RequesterVpcInfo": _side(call, peering.requester, peering),
        "AccepterVpcInfo": _side(call, peering.accepter, peering), "Status": {"Code": state, "Message": text}, "Tags": tag.shown(peering.tags),
    }  # fmt: skip
    return shown | ({"ExpirationTime": peering.expires} if state == "pending-acceptance" else {})


def _side(call: Call, side: PeeringSide, peering: Peering) -> dict[str, Any]:
    shown: dict[str, Any] = {"OwnerId": side.account, "VpcId": side.vpc, "Region": call.region}
    if side.cidrs and (peering.state == "active" or side is peering.requester):
        options = {name: False for name in ("AllowDnsResolutionFromRemoteVpc", "AllowEgressFromLocalClassicLinkToRemoteVpc", "AllowEgressFromLocalVpcToRemoteClassicLink")}
        shown |= {"CidrBlock": side.cidrs[0], "CidrBlockSet": [{"CidrBlock": each} for each in side.cidrs], "PeeringOptions": options}
    return shown


def _put(call: Call, peering: Peering) -> Peering:
    """On the shelves of both accounts, each with its own tags. A kill may come between the two: whoever was not answered asks again, and both are put."""
    for account in {peering.requester.account, peering.accepter.account}:
        shelf = call.home.store.shelf(account, Peering)
        held = shelf.get(peering.id)
        shelf[peering.id] = changed(peering, tags=held.tags if held is not None else {} if account != call.account else peering.tags)
    for account in {peering.requester.account, peering.accepter.account} - {call.account}:
        call.home.wake((call.service, account, "network"))
    return call.shelf(Peering)[peering.id]


@may_be_dry
def CreateVpcPeeringConnection(
    call: Call, *, VpcId: str, PeerVpcId: str | None = None, PeerOwnerId: str | None = None, PeerRegion: str | None = None,
    TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    """One that cannot be, because its networks overlap or there is no such VPC, fails and says so for a while."""
    if PeerRegion not in (None, call.region):
        raise NotImplementedHere("VPC peering between regions")
    if not PeerVpcId:
        raise MissingParameter("The request must contain the parameter peerVpcId")
    vpc: Vpc = existing(call, VPC, VpcId)
    owner, id_ = PeerOwnerId or call.account, fresh(call, "pcx")
    if not (owner.isascii() and owner.isdigit() and len(owner) == 12):
        raise InvalidParameterValue(f"Value ({owner}) for parameter peerOwnerId is invalid.")
    known = owner == call.account or owner in call.home.store.accounts()
    peer = call.home.store.shelf(owner, Vpc).get(PeerVpcId) if known else None
    if owner == call.account and peer is None:
        existing(call, VPC, PeerVpcId)
    if (owner, PeerVpcId) == (call.account, VpcId):
        raise InvalidParameterValue("A VPC cannot be peered with itself")
    tags = tag.of_new(call, TagSpecifications, PEERING, id_)
    if peer is None:
        state, text = "failed", TEXTS["failed"].format("There is no such VPC")
    elif any(net(one).overlaps(net(other)) for one in vpc.cidrs for other in peer.cidrs):  # type: ignore[arg-type]
        state, text = "failed", TEXTS["failed"].format("Overlapping CIDR range")
    else:
        state, text = "pending-acceptance", TEXTS["pending-acceptance"].format(owner)
    made = Peering(
        id=id_, requester=PeeringSide(account=call.account, vpc=VpcId, cidrs=tuple(vpc.cidrs)),
        accepter=PeeringSide(account=owner, vpc=PeerVpcId, cidrs=tuple(peer.cidrs) if peer is not None else ()), state=state, text=text,
        expires=call.now() + EXPIRES_S, tags=tags,
    )  # fmt: skip
    kept = _put(call, made) if peer is not None else keep(call, made)
    shown = show(call, kept)
    if state == "pending-acceptance":
        shown["Status"] = {"Code": "initiating-request", "Message": TEXTS["initiating-request"].format(owner)}
    return {"VpcPeeringConnection": shown}


def _to_decide(call: Call, id_: str, what: str) -> Peering:
    found: Peering = existing(call, PEERING, id_)
    if found.accepter.account != call.account:
        raise OperationNotPermitted(f"User ({call.account}) cannot {what} peering {id_}")
    if found.state == "active" and what == "accept":
        return found
    if found.state != "pending-acceptance" or call.now() > found.expires:
        raise Refused("InvalidStateTransition", f"Invalid state transition for {id_}, attempted to transition from {show(call, found)['Status']['Code']} to {'active' if what == 'accept' else 'rejected'}")
    return found


@may_be_dry
def AcceptVpcPeeringConnection(call: Call, *, VpcPeeringConnectionId: str) -> dict:
    found = _to_decide(call, VpcPeeringConnectionId, "accept")
    return {"VpcPeeringConnection": show(call, _put(call, changed(found, state="active", text=TEXTS["active"])))}


@may_be_dry
def RejectVpcPeeringConnection(call: Call, *, VpcPeeringConnectionId: str) -> dict:
    found = _to_decide(call, VpcPeeringConnectionId, "reject")
    _put(call, changed(found, state="rejected", text=TEXTS["rejected"]))
    return {"Return": True}


@may_be_dry
def DeleteVpcPeeringConnection(call: Call, *, VpcPeeringConnectionId: str) -> dict:
    """Of either side; routes through it lead nowhere."""
    found: Peering = existing(call, PEERING, VpcPeeringConnectionId)
    if found.state in ("deleted", "rejected", "failed"):
        raise Refused("InvalidStateTransition", f"Invalid state transition for {found.id}, attempted to transition from {found.state} to deleting")
    _put(call, changed(found, state="deleted", text=TEXTS["deleted"].format(call.account)))
    return {"Return": True}


_NAMES: filters.Names = {
    "accepter-vpc-info.cidr-block": "AccepterVpcInfo.CidrBlock", "accepter-vpc-info.owner-id": "AccepterVpcInfo.OwnerId",
    "accepter-vpc-info.vpc-id": "AccepterVpcInfo.VpcId", "requester-vpc-info.cidr-block": "RequesterVpcInfo.CidrBlock",
    "requester-vpc-info.owner-id": "RequesterVpcInfo.OwnerId", "requester-vpc-info.vpc-id": "RequesterVpcInfo.VpcId", "status-code": "Status.Code",
    "status-message": "Status.Message", "vpc-peering-connection-id": "VpcPeeringConnectionId", "expiration-time": "ExpirationTime",
}  # fmt: skip


@may_be_dry
def DescribeVpcPeeringConnections(call: Call, *, VpcPeeringConnectionIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"VpcPeeringConnections": described(call, PEERING, VpcPeeringConnectionIds, Filters, _NAMES, show)}
