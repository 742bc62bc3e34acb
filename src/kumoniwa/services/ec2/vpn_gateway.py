"""Virtual private gateways, of which there are none: nothing beyond this machine is connected. Who looks for a network's, as the CDK does when it
looks a VPC up, is told so; who makes one is refused by name.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import Refused

_NAMES: filters.Names = {
    "amazon-side-asn": "AmazonSideAsn", "attachment.state": "VpcAttachments.State", "attachment.vpc-id": "VpcAttachments.VpcId",
    "availability-zone": "AvailabilityZone", "state": "State", "type": "Type", "vpn-gateway-id": "VpnGatewayId",
}  # fmt: skip


@may_be_dry
def DescribeVpnGateways(call: Call, *, VpnGatewayIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    for id_ in VpnGatewayIds or ():
        raise Refused("InvalidVpnGatewayID.NotFound", f"The vpnGateway ID '{id_}' does not exist")
    return {"VpnGateways": filters.kept([], Filters, _NAMES)}
