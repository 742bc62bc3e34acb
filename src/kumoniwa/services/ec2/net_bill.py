"""What AWS bills for networks by the hour: NAT gateways, interface endpoints in each zone, and public IPv4 addresses, used or not.

What goes through them is billed by its gigabytes, which nobody counts here. https://aws.amazon.com/vpc/pricing/
"""

from __future__ import annotations

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.network import Address, Endpoint, Interface, NatGateway


def standing(call: Call) -> list[Use]:
    found: list[Use] = [("ec2:nat_gateway", each.id, 1.0) for each in call.shelf(NatGateway).values() if each.is_kept]
    found += [("ec2:interface_endpoint", each.id, float(len(each.interfaces))) for each in call.shelf(Endpoint).values() if each.interfaces]
    found += [("ec2:public_ipv4", each.id, 1.0) for each in call.shelf(Address).values()]
    return found + [("ec2:public_ipv4", each.id, 1.0) for each in call.shelf(Interface).values() if each.public_ip]
