"""Load balancers: what one is, how it is told, and what its account asks of it."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.elbv2 import attribute, hosts, network, tag
from kumoniwa.services.elbv2.errors import (
    AccessDenied,
    DuplicateLoadBalancerNameException,
    InvalidConfigurationRequestException,
    LoadBalancerNotFoundException,
    TooManyLoadBalancersException,
)
from kumoniwa.services.elbv2.limit import LIMITS
from kumoniwa.services.elbv2.network import Place

PREFIX = "elasticloadbalancing"
SERVICE = "elasticloadbalancing.amazonaws.com"
ROLE = LinkedRole(SERVICE, "AWSServiceRoleForElasticLoadBalancing")
MADE_AFTER_S = {"instant": 1.0, "real": 150.0}
_NAME = re.compile(r"[A-Za-z0-9-]+")


class LoadBalancer(Record):
    """Shelved by its ARN."""

    arn: str
    name: str
    scheme: str
    host: str
    created: float
    active_at: float
    """Until then it is provisioned, and nobody gets through."""
    place: Place
    ip_address_type: str = "ipv4"
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        """``app/NAME/ID``: what metrics and logs call it."""
        return self.arn.partition(":loadbalancer/")[2]

    def attribute(self, key: str) -> str:
        return self.attributes.get(key, attribute.OF_BALANCERS[key].default)

    def is_on(self, key: str) -> bool:
        return self.attribute(key) == "true"


def existing(call: Call, arn: str) -> LoadBalancer:
    held = call.shelf(LoadBalancer).get(arn)
    if held is None:
        if ":loadbalancer/" not in arn:
            raise ValidationError(f"'{arn}' is not a valid load balancer ARN")
        raise LoadBalancerNotFoundException(f"Load balancer '{arn}' not found")
    return held


def keep(call: Call, balancer: LoadBalancer, **changes: Any) -> LoadBalancer:
    held = call.shelf(LoadBalancer)[balancer.arn] = changed(balancer, **changes)
    return held


def shown(call: Call, balancer: LoadBalancer) -> dict[str, Any]:
    place = balancer.place
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.host,
        "CanonicalHostedZoneId": hosts.zone_of(call.region),
        "CreatedTime": balancer.created,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": place.vpc,
        "State": {"Code": "active" if call.now() >= balancer.active_at else "provisioning"},
        "Type": "application",
        "AvailabilityZones": place.shown(),
        "SecurityGroups": list(place.groups),
        "IpAddressType": balancer.ip_address_type,
    }


def _check_name(name: str) -> None:
    if len(name) > 32:
        raise ValidationError(f"The load balancer name '{name}' cannot be longer than '32' characters")
    if not _NAME.fullmatch(name):
        raise ValidationError(f"The load balancer name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)")
    if name.startswith("-") or name.endswith("-"):
        raise ValidationError(f"The load balancer name '{name}' cannot begin or end with hyphen(-)")
    if name.startswith("internal-"):
        raise ValidationError(f"The load balancer name '{name}' cannot begin with 'internal-'")


def _check_unsupported(kind: str | None, address_type: str | None) -> None:
    if kind not in (None, "application"):
        raise NotImplementedHere(f"{kind} load balancers")
    if address_type not in (None, "ipv4"):
        raise NotImplementedHere(f"load balancers of address type {address_type}")


async def CreateLoadBalancer(
    call: Call,
    *,
    Name: str,
    Subnets: list[str] | None = None,
    SubnetMappings: list[dict] | None = None,
    SecurityGroups: list[str] | None = None,
    Scheme: str | None = None,
    Tags: list[dict] | None = None,
    Type: str | None = None,
    IpAddressType: str | None = None,
) -> dict:
    """To make the same again is to be told of it. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"""
    _check_unsupported(Type, IpAddressType)
    _check_name(Name)
    tags, scheme = tag.checked(Tags), Scheme or "internet-facing"
    wanted = network.subnets_of(Subnets, SubnetMappings)
    await ROLE.ensure(call, AccessDenied)
    # What follows takes one turn of the loop, so that a balancer and its interfaces are kept together.
    place = network.placed(call, wanted, SecurityGroups)
    made = _made(call, Name, scheme, place, tags)
    if not made.place.interfaces:
        made = keep(call, made, place=network.moved(call, made.id, made.place, place))
        hosts.keep(call, made)
    return {"LoadBalancers": [shown(call, made)]}


def _made(call: Call, name: str, scheme: str, place: Place, tags: dict[str, str]) -> LoadBalancer:
    """The balancer of that name, if it is as it is wanted, or a new one that is not kept yet."""
    shelf = call.shelf(LoadBalancer)
    for each in shelf.values():
        if each.name == name:
            if (each.scheme, each.place.subnets, each.place.groups, each.tags) != (scheme, place.subnets, place.groups, tags):
                # As seen of AWS: https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2042
                raise DuplicateLoadBalancerNameException(
                    f"A load balancer with the same name '{name}' exists, but with different settings"
                )
            return each
    if len(shelf) >= LIMITS["application-load-balancers"]:
        raise TooManyLoadBalancersException("The maximum number of load balancers has been reached")
    arn, now = call.arn(f"loadbalancer/app/{name}/{call.ids.hex(16)}", PREFIX), call.now()
    return LoadBalancer(
        arn=arn, name=name, scheme=scheme, host=hosts.named(call, name, scheme), created=now, place=place, tags=tags,
        active_at=now + MADE_AFTER_S[call.home.settings.pace],
        attributes={"ipv6.deny_all_igw_traffic": "true"} if scheme == "internal" else {},
    )  # fmt: skip


def DescribeLoadBalancers(call: Call, *, LoadBalancerArns: list[str] | None = None, Names: list[str] | None = None) -> dict:
    held = call.shelf(LoadBalancer)
    if LoadBalancerArns and Names:
        raise ValidationError("Load balancer names and load balancer ARNs cannot be specified at the same time")
    if LoadBalancerArns:
        for arn in LoadBalancerArns:
            existing(call, arn)
        found = [held[arn] for arn in LoadBalancerArns]
    elif Names:
        by_name = {each.name: each for each in held.values()}
        missing = [name for name in Names if name not in by_name]
        if missing:
            # As seen of AWS's own client in several published transcripts.
            raise LoadBalancerNotFoundException(f"Load balancers '[{', '.join(missing)}]' not found")
        found = [by_name[name] for name in Names]
    else:
        found = sorted(held.values(), key=lambda each: (each.created, each.arn))
    return {"LoadBalancers": [shown(call, each) for each in found]}


def DescribeLoadBalancerAttributes(call: Call, *, LoadBalancerArn: str) -> dict:
    return {"Attributes": attribute.shown(attribute.OF_BALANCERS, existing(call, LoadBalancerArn).attributes)}


async def SetSubnets(
    call: Call, *, LoadBalancerArn: str, Subnets: list[str] | None = None, SubnetMappings: list[dict] | None = None, IpAddressType: str | None = None
) -> dict:
    _check_unsupported(None, IpAddressType)
    held = existing(call, LoadBalancerArn)
    place = network.placed(call, network.subnets_of(Subnets, SubnetMappings), list(held.place.groups), vpc=held.place.vpc)
    kept = keep(call, held, place=network.moved(call, held.id, held.place, place))
    return {"AvailabilityZones": kept.place.shown(), "IpAddressType": kept.ip_address_type}


async def SetSecurityGroups(call: Call, *, LoadBalancerArn: str, SecurityGroups: list[str]) -> dict:
    held = existing(call, LoadBalancerArn)
    if not SecurityGroups:
        raise ValidationError("At least one security group must be specified")
    place = changed(held.place, groups=network.checked_groups(call, SecurityGroups, held.place.vpc))
    kept = keep(call, held, place=network.moved(call, held.id, held.place, place))
    return {"SecurityGroupIds": list(kept.place.groups)}


def SetIpAddressType(call: Call, *, LoadBalancerArn: str, IpAddressType: str) -> dict:
    held = existing(call, LoadBalancerArn)
    if IpAddressType == "dualstack" and held.scheme == "internal":
        raise InvalidConfigurationRequestException("Internal load balancers cannot be dualstack")
    _check_unsupported(None, IpAddressType)
    return {"IpAddressType": keep(call, held, ip_address_type=IpAddressType).ip_address_type}
