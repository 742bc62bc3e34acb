"""Questions that come by other ways than a packet: the resolver door, TestDNSAnswer, and names that health checks probe.

All of them are answered by the decisions that the name servers answer by.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from kumoniwa.aws.regions import loopback
from kumoniwa.gate.place import Client
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.answer import NXDOMAIN, REFUSED, SERVFAIL, Decision, Reply
from kumoniwa.services.route53.edge import Edge

CODES = {0: "NOERROR", SERVFAIL: "SERVFAIL", NXDOMAIN: "NXDOMAIN", REFUSED: "REFUSED"}
RESOLVERS_REGION = "us-east-1"
"""Where TestDNSAnswer asks from unless told.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_TestDNSAnswer.html"""
SUBNET_BITS = {4: 24, 6: 64}


def _rolled(edge: Edge, decision: Decision) -> Reply:
    dice, at = edge.home.ids.random.random(), 0.0
    for reply in decision.replies:
        at += reply.chance
        if dice < at:
            return reply
    return decision.replies[-1]


def resolve(home: Any, name: str, kind: str = "A", subnet: str = "") -> dict[str, Any]:
    """What a client in a subnet gets for a name. Raises ValueError for what is no name or subnet.

    ``code`` is the DNS's, or TIMEOUT where the servers are made to be silent. ``chain`` names the record sets that were chosen, each
    with its health; ``health`` is the state of every check among them.
    """
    edge, asked = Edge.of(home), names.parse(name)
    client = _of_subnet(edge, subnet) if subnet else edge.client("127.0.0.1")
    resolver = str(client.address)
    fault = edge.failing(asked, resolver)
    if fault == "timeout":
        return {"name": name, "code": "TIMEOUT", "addresses": [], "port": None, "ttl": 0, "chain": [], "health": {}}
    if fault == "SERVFAIL":
        reply = Reply(1.0, SERVFAIL, False)
    else:
        reply = _rolled(edge, edge.stale(asked, kind, client) if fault == "stale" else edge.decide(asked, kind, client))
    found = [each for each in reply.answer if each.type == kind]
    checks = {step.record.check for step in reply.steps if step.record.check}
    return {
        "name": name,
        "code": CODES[reply.code],
        "addresses": [value for each in found for value in each.values],
        "port": int(home.settings.endpoint.rpartition(":")[2]),
        "ttl": min((each.ttl for each in reply.answer), default=0),
        "chain": [
            {
                "name": names.shown(step.record.name),
                "type": step.record.type,
                "set_id": step.record.set_id,
                "policy": step.record.policy or "Simple",
                "healthy": step.is_healthy,
                "check": step.record.check,
            }
            for step in reply.steps
        ],
        "health": {check: "healthy" if edge.verdicts.is_healthy(check) else "unhealthy" for check in sorted(checks)},
    }


def _of_subnet(edge: Edge, subnet: str) -> Client:
    network = ipaddress.ip_network(subnet, strict=False)
    return edge.places.client(network.network_address, network.prefixlen)


def test(edge: Edge, account: str, message: dict[str, Any]) -> dict[str, Any]:
    """TestDNSAnswer, seen from the resolver or the client's network that it names."""
    if message.get("subnet"):
        client = _of_subnet(edge, message["subnet"])
    else:
        client = edge.client(message.get("resolver") or loopback(RESOLVERS_REGION))
    reply = _rolled(edge, edge.decide(names.parse(message["name"]), message["type"], client, message["zone"]))
    return {"code": CODES[reply.code], "data": [value for each in reply.answer for value in each.values]}


def address(edge: Edge, name: str) -> str | None:
    """Where a health check finds a name: an address, an empty text if our servers know of none, None if the name is not ours."""
    try:
        decision = edge.decide(names.parse(name), "A", edge.client("127.0.0.1"))
    except names.Unnameable:
        return ""
    reply = _rolled(edge, decision)
    if reply.code == REFUSED:
        return None
    return next((value for each in reply.answer if each.type == "A" for value in each.values), "")
