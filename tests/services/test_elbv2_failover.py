"""Aliases to load balancers that ask how their target is: from one region to another, and back.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-simple-configs.html"""

from __future__ import annotations

import pytest
from route53_workshop import Names
from services.balancer_workshop import forward, listener, network, servers
from services.endpoint_workshop import Endpoint

from kumoniwa.aws.endpoints import address_of
from kumoniwa.aws.regions import loopback
from kumoniwa.gate.address import EDGE, GLOBAL

REGIONS = ("us-east-1", "eu-west-1")


class Place:
    """A balancer of a region, and the server behind it."""

    def __init__(self, cloud, region: str) -> None:
        self.cloud, self.region, self.endpoint = cloud, region, Endpoint()
        self.elb = cloud.client("elbv2", region)
        self.made = self.elb.create_load_balancer(Name="web", Subnets=network(cloud, region)[1])["LoadBalancers"][0]
        self.group = servers(self.elb, self.endpoint, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)
        listener(self.elb, self.made, forward(self.group))
        self.address = address_of(self.made["DNSName"])

    def alias(self, **more) -> dict:
        target = {"HostedZoneId": self.made["CanonicalHostedZoneId"], "DNSName": self.made["DNSName"], "EvaluateTargetHealth": True}
        return {"Name": "www.shop.example", "Type": "A", "AliasTarget": target, **more}


@pytest.fixture
def places(make_cloud):
    cloud = make_cloud(*REGIONS, GLOBAL, EDGE)
    held = [Place(cloud, region) for region in REGIONS]
    yield cloud, *held
    for each in held:
        each.endpoint.close()


def test_an_alias_leads_to_the_balancer_whose_targets_are_well(places):
    cloud, first, second = places
    names, addresses = Names(cloud), (first.address, second.address)
    assert first.address != second.address and loopback("us-east-1") not in addresses
    zone = names.zone()
    names.create(
        zone, first.alias(SetIdentifier="p", Failover="PRIMARY"), second.alias(SetIdentifier="s", Failover="SECONDARY")
    )  # fmt: skip
    cloud.sleep(3)
    assert names.values("www.shop.example") == [first.address]
    for _ in range(4):
        first.endpoint.will(500)
    cloud.sleep(25)
    assert names.values("www.shop.example") == [second.address]
    cloud.sleep(30)
    assert names.values("www.shop.example") == [first.address]
    # Of a region that is dark nobody says that it is well.
    cloud.kill("us-east-1")
    cloud.sleep(20)
    assert names.values("www.shop.example") == [second.address]
    cloud.region("us-east-1")
    cloud.sleep(20)
    assert names.values("www.shop.example") == [first.address]
    # A group without targets is not well either.
    first.elb.deregister_targets(TargetGroupArn=first.group, Targets=[{"Id": "127.0.0.1", "Port": first.endpoint.server.server_port}])
    cloud.sleep(12)
    assert names.values("www.shop.example") == [second.address]
