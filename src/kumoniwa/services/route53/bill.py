"""What AWS bills for names: zones and health checks by the month, and queries as the name servers answer them.

A query is billed by the routing policy of the record that it meets, and one for what is not there as a standard one. It is free where that record
is an alias of an AWS resource, and not where it is an alias of another record:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html
Queries are counted in aws-edge, where they are answered, and the rest in aws-global. https://aws.amazon.com/route53/pricing/

AWS asks for a zone's whole month, on the day it is made and then on the first of each, and for nothing if it is gone within twelve hours; here it is
billed by the hour, as all is that stands. A check that is disabled is billed all the same. That checks of alarms and of other checks cost as much as one
of an AWS endpoint is not proven, and neither is that a query through canonical names, over several zones, is one. As AWS's count endpoints at this machine's
addresses, this cloud's own names, and names in zones of the account.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.answer import REFUSED, SERVFAIL, Reply
from kumoniwa.services.route53.catalog import Zone
from kumoniwa.services.route53.healthcheck import ENDPOINT_TYPES, HealthCheck
from kumoniwa.services.route53.zone import HostedZone

QUERIES = {
    "Region": "route53:latency_queries", "GeoLocation": "route53:geo_queries", "GeoProximityLocation": "route53:geo_queries",
    "CidrRoutingConfig": "route53:ip_based_queries",
}  # fmt: skip
FAST_S = 10


def query(zone: Zone | None, reply: Reply) -> tuple[str, str, str] | None:
    """Whom a reply is billed to, as what, and for which zone. None for what costs nothing, and for names that are nobody's here."""
    if zone is None or reply.code in (REFUSED, SERVFAIL):
        return None
    first = reply.steps[0].record if reply.steps else None
    if first is not None and first.alias is not None and first.alias.region is not None:
        return None
    return zone.account, QUERIES.get(first.policy if first is not None else "", "route53:standard_queries"), names.shown(zone.apex)


def _options(config: dict[str, Any]) -> int:
    """HTTPS, a text that is looked for, a fast interval: each is one."""
    kind = config["Type"]
    return kind.startswith("HTTPS") + kind.endswith("_STR_MATCH") + (config["RequestInterval"] == FAST_S)


def _is_of_aws(config: dict[str, Any], zones: list[names.Name]) -> bool:
    if config["Type"] not in ENDPOINT_TYPES:
        return True
    if "IPAddress" in config:
        return ipaddress.ip_address(config["IPAddress"]).is_loopback
    domain = config["FullyQualifiedDomainName"]
    if endpoints.region_of(domain) is not None or domain.rstrip(".").endswith("localhost"):
        return True
    try:
        asked = names.parse(domain)
    except names.Unnameable:
        return False
    return any(names.lies_in(asked, apex) for apex in zones)


def standing_of(call: Call) -> list[Use]:
    held = list(call.shelf(HostedZone).values())
    found: list[Use] = [("route53:hosted_zone", zone.name, 1.0) for zone in held]
    apexes = [names.parse(zone.name) for zone in held]
    for check in call.shelf(HealthCheck).values():
        whose = "" if (is_of_aws := _is_of_aws(check.config, apexes)) else "_non_aws"
        found.append(("route53:health_check_aws" if is_of_aws else "route53:health_check_non_aws", check.id, 1.0))
        if check.config["Type"] in ENDPOINT_TYPES and (count := _options(check.config)):
            found.append((f"route53:health_check_option{whose}", check.id, float(count)))
    return found
