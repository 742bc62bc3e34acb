"""Load balancers as they are found in their networks: at the addresses of their interfaces and the ports of their listeners.

Where a connection goes then is on this machine: to the public door at the balancer's own address, or to the port of a listener's own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from kumoniwa.aws import endpoints, regions
from kumoniwa.gate.private_network import Listening
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2 import listener
from kumoniwa.services.elbv2.balancer import LoadBalancer


def listening_of(call: Call) -> list[Listening]:
    door, found = urlsplit(call.home.settings.endpoint).port or 4566, []
    for balancer in call.shelf(LoadBalancer).values():
        host = endpoints.address_of(balancer.host) or regions.LOOPBACK
        for each in listener.of_balancer(call, balancer.arn):
            at = door if each.is_public else each.port
            found += [Listening(balancer.host, one.address, each.port, each.port, host, at) for one in balancer.place.interfaces]
    return found
