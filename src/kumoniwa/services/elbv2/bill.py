"""What AWS bills for load balancers: each hour that one is there, and capacity units for what passes.

A unit is whatever is most of four: new and active connections, bytes, and rules that were looked at beyond ten. Bytes are what is counted here,
a gibibyte an hour of servers and 0.4 of functions, because connections end at a door that knows no balancers; so the units are the least that
AWS would bill. https://aws.amazon.com/elasticloadbalancing/pricing/
"""

from __future__ import annotations

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2.balancer import LoadBalancer
from kumoniwa.services.elbv2.visit import Visit

UNIT_BYTES, UNIT_BYTES_OF_FUNCTIONS = 1 << 30, 0.4 * (1 << 30)
HOURS, UNITS = "elb:application_load_balancer", "elb:application_capacity_units"


def standing_of(call: Call) -> list[Use]:
    return [(HOURS, each.name, 1.0) for each in call.shelf(LoadBalancer).values()]


def passed(visit: Visit, sent_bytes: int) -> None:
    unit = UNIT_BYTES_OF_FUNCTIONS if visit.group is not None and visit.group.kind == "lambda" else UNIT_BYTES
    visit.home.gate.ledger.use(visit.account, UNITS, visit.balancer.name, (visit.received_bytes + sent_bytes) / unit)
