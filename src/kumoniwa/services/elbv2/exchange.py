"""What Route 53's name servers ask of a load balancer: whether it is well.

It is if each of its target groups has a target that is. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-alias.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel import principal as principals
from kumoniwa.services.elbv2 import hosts
from kumoniwa.services.elbv2.balancer import LoadBalancer
from kumoniwa.services.elbv2.live import HEALTHY, live
from kumoniwa.services.elbv2.rule_record import used_by
from kumoniwa.services.elbv2.target_group import TargetGroup


async def hear(home: Any, origin: str, message: dict[str, str]) -> bool:
    """``{"healthy": host name}``."""
    named = home.store.shelf(SHARED, HostName).get(message["healthy"])
    if named is None or named.service != hosts.SERVICE:
        return False
    call = home.call(hosts.SERVICE, named.account, principals.service(hosts.PRINCIPAL, named.account))
    balancer = call.shelf(LoadBalancer).get(named.target)
    if balancer is None or call.now() < balancer.active_at:
        return False
    known = live(home, named.account)
    for group in call.shelf(TargetGroup).values():
        if named.target in used_by(call, group.arn):
            targets = [each for each in group.targets if each.draining_until is None]
            if not targets or (group.check.is_on and not any(known.of(group, each).state == HEALTHY for each in targets)):
                return False
    return True
