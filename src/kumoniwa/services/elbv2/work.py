"""What load balancers do in their own time: they hear at ports of their own, ask their targets how they are, and file their access logs."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2 import accesslog, health, hosts, listener, port
from kumoniwa.services.elbv2.balancer import LoadBalancer


async def run(region: Any) -> None:
    for call in region.calls(hosts.SERVICE, hosts.PRINCIPAL):
        _agree(call)
    await port.run(region)
    await asyncio.gather(health.run(region), accesslog.run(region))


def _agree(call: Call) -> None:
    """Names lie beside what belongs to accounts, in another file: a kill may have come between the two."""
    for held in list(call.shelf(LoadBalancer).values()):
        listener.show(call, held)
    hosts.release_others(call, call.shelf(LoadBalancer))
