"""What AWS would bill for names, web ACLs and distributions."""

from __future__ import annotations

import pytest
from bill_workshop import used
from edge_workshop import Edge, behavior, items
from firewall_workshop import Shop, Wall, contains, rule
from route53_workshop import DOWN, Names, a, alias

from kumoniwa.aws import endpoints
from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.wire.message import Request

HOUR_S = 3_600
GB = 1 << 30


def stands(cloud, region: str = "us-east-1") -> dict[tuple[str, str], float]:
    """What stands now, apart from what is only used."""
    cloud.sleep(2)
    before = used(cloud, region)
    cloud.sleep(HOUR_S)
    found = {key: round(level - before.get(key, 0.0), 3) for key, level in used(cloud, region).items()}
    return {key: level for key, level in found.items() if level}


# Route 53: https://aws.amazon.com/route53/pricing/ -------------------------------------------------------------


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


def queries(names: Names) -> dict[str, float]:
    return {usage.removeprefix("route53:"): count for (usage, _), count in used(names.cloud, EDGE).items()}


def test_a_zone_stands_until_it_is_deleted(names):
    zone = names.zone()
    assert stands(names.cloud, GLOBAL) == {("route53:hosted_zone", "shop.example."): 1}
    names.client.delete_hosted_zone(Id=zone)
    assert stands(names.cloud, GLOBAL) == {}


def test_queries_are_billed_by_the_policy_of_the_record_that_they_meet(names):
    zone = names.zone()
    names.create(
        zone, a("www.shop.example", "192.0.2.1"), a("near.shop.example", "192.0.2.1", SetIdentifier="x", Region="us-east-1"),
        a("geo.shop.example", "192.0.2.1", SetIdentifier="x", GeoLocation={"CountryCode": "*"}), a("to.shop.example", "www.shop.example", kind="CNAME"),
    )  # fmt: skip
    for _ in range(3):
        names.ask("www.shop.example")
    names.ask("near.shop.example")
    names.ask("near.shop.example", subnet="198.51.100.0/24")
    names.ask("geo.shop.example")
    assert queries(names) == {"standard_queries": 3, "latency_queries": 2, "geo_queries": 1}
    names.ask("to.shop.example")
    names.ask("nothing.shop.example")
    names.ask("www.shop.example", "TXT")
    names.ask("www.elsewhere.test")
    names.client.test_dns_answer(HostedZoneId=zone, RecordName="www.shop.example", RecordType="A")
    assert queries(names) == {"standard_queries": 6, "latency_queries": 2, "geo_queries": 1}
    names.restart_edge(kill=False)
    assert queries(names)["standard_queries"] == 6


def test_queries_by_nearness_and_by_blocks_of_addresses_are_billed_by_their_policy(names):
    made = names.client.create_cidr_collection(Name="offices", CallerReference="c")["Collection"]["Id"]
    names.create(
        names.zone(), a("near.shop.example", "192.0.2.1", SetIdentifier="x", GeoProximityLocation={"AWSRegion": "us-east-1", "Bias": 0}),
        a("block.shop.example", "192.0.2.2", SetIdentifier="x", CidrRoutingConfig={"CollectionId": made, "LocationName": "*"}),
    )  # fmt: skip
    for name, count in (("near", 1), ("block", 2)):
        for _ in range(count):
            assert names.values(f"{name}.shop.example")
    assert queries(names) == {"geo_queries": 1, "ip_based_queries": 2}


def test_queries_for_aliases_of_aws_resources_are_free_and_for_those_of_records_are_not(names):
    zone = names.zone()
    target = "d-1234567890.execute-api.us-east-1.amazonaws.com"
    names.create(
        zone, alias("api.shop.example", target, endpoints.zone_of(target)), a("www.shop.example", "192.0.2.1"),
        alias("home.shop.example", "www.shop.example", zone), alias("far.shop.example", "api.shop.example", zone),
    )  # fmt: skip
    for _ in range(2):
        assert names.values("api.shop.example")
    assert queries(names) == {}
    assert names.values("home.shop.example") and names.values("far.shop.example")
    assert queries(names) == {"standard_queries": 2}


def test_what_is_answered_while_records_fail_over_is_billed_too(names):
    zone, check = names.zone(), names.check(IPAddress="127.0.0.9", Port=80)
    names.create(zone, *(a("www.shop.example", value, SetIdentifier=kind, Failover=kind, **more) for value, kind, more in (
        ("192.0.2.1", "PRIMARY", {"HealthCheckId": check}), ("192.0.2.2", "SECONDARY", {}),
    )))  # fmt: skip
    names.ask("www.shop.example")
    names.endpoints.down["127.0.0.9"] = DOWN
    names.cloud.sleep(120)
    assert names.values("www.shop.example") == ["192.0.2.2"]
    assert queries(names) == {"standard_queries": 2}


def test_who_is_told_that_name_servers_fail_pays_nothing(names):
    names.create(names.zone(), a("www.shop.example", "192.0.2.1"))
    fault = names.cloud.fault("dns.fail", {"record": "www.shop.example"}, mode="SERVFAIL")
    assert not names.values("www.shop.example") and queries(names) == {}
    names.cloud.heal(fault)
    assert names.values("www.shop.example") and queries(names) == {"standard_queries": 1}


def test_checks_are_billed_by_whose_endpoint_it_is_and_by_their_options(names):
    names.zone()
    checks = {
        names.check(IPAddress="127.0.0.9", Port=80, RequestInterval=30): ("aws", 0),
        names.check(FullyQualifiedDomainName="www.shop.example", RequestInterval=10): ("aws", 1),
        names.check(FullyQualifiedDomainName="www.elsewhere.test", RequestInterval=30): ("non_aws", 0),
        names.check(FullyQualifiedDomainName="www.elsewhere.test", Type="HTTPS_STR_MATCH", SearchString="x", RequestInterval=10, Disabled=True): ("non_aws", 3),
    }  # fmt: skip
    some = next(iter(checks))
    count = names.client.create_health_check(CallerReference="all", HealthCheckConfig={"Type": "CALCULATED", "ChildHealthChecks": [some], "HealthThreshold": 1})
    checks[count["HealthCheck"]["Id"]] = ("aws", 0)
    found = {key: level for key, level in stands(names.cloud, GLOBAL).items() if "health" in key[0]}
    wanted = {(f"route53:health_check_{whose}", check): 1 for check, (whose, _) in checks.items()}
    wanted |= {(f"route53:health_check_option{'' if whose == 'aws' else '_non_aws'}", check): count for check, (whose, count) in checks.items() if count}
    assert found == wanted


@pytest.mark.parametrize(
    ("endpoint", "usage"),
    [
        ({"IPAddress": "127.0.0.9"}, "aws"), ({"IPAddress": "8.8.8.8"}, "non_aws"), ({"FullyQualifiedDomainName": "sqs.us-east-1.amazonaws.com"}, "aws"),
        ({"FullyQualifiedDomainName": "api.localhost"}, "aws"), ({"FullyQualifiedDomainName": "deep.www.shop.example"}, "aws"),
        ({"FullyQualifiedDomainName": "wwwshop.example"}, "non_aws"), ({"FullyQualifiedDomainName": f"{'x' * 64}.shop.example"}, "non_aws"),
    ],
)  # fmt: skip
def test_an_endpoint_is_awss_at_this_machine_under_this_clouds_names_and_in_zones_of_the_account(names, endpoint, usage):
    names.zone()
    check = names.check(RequestInterval=30, Port=80, **endpoint)
    found = {key: level for key, level in stands(names.cloud, GLOBAL).items() if "health" in key[0]}
    assert found == {(f"route53:health_check_{usage}", check): 1}


# AWS WAF: https://aws.amazon.com/waf/pricing/ ------------------------------------------------------------------


def test_a_web_acl_stands_with_its_rules_and_each_request_that_it_meets_is_billed(cloud):
    shop, wall = Shop(cloud), Wall(cloud, rule("evil", contains("evil")), rule("bad", contains("bad"), priority=1))
    shop.guard(wall)
    assert [shop.status("/"), shop.status("/evil")] == [200, 403]
    assert used(cloud)["waf:requests", "wall"] == 2
    found = {key: level for key, level in stands(cloud).items() if key[0].startswith("waf")}
    assert found == {("waf:web_acl", "wall"): 1, ("waf:rule", "wall"): 2}
    wall.update(rule("evil", contains("evil")))
    assert stands(cloud)["waf:rule", "wall"] == 1


def test_a_rule_group_is_one_rule_of_who_refers_to_it_and_its_own_are_billed_once(cloud):
    client = cloud.client("wafv2")
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "g"}
    rules = [rule("one", contains("one")), rule("two", contains("two"), priority=1), rule("three", contains("three"), priority=2)]
    group = client.create_rule_group(Name="g", Scope="REGIONAL", Capacity=100, VisibilityConfig=seen, Rules=rules)["Summary"]["ARN"]
    for name in ("a", "b"):
        Wall(cloud, rule("group", {"RuleGroupReferenceStatement": {"ARN": group}}), name=name)
    found = stands(cloud)
    assert found == {("waf:web_acl", "a"): 1, ("waf:web_acl", "b"): 1, ("waf:rule", "a"): 1, ("waf:rule", "b"): 1, ("waf:rule", "rule group g"): 3}


def test_what_is_cloudfronts_stands_in_aws_global_alone_and_meets_requests_at_the_edge(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL)
    edge = Edge(cloud)
    edge.put("index.html", "hello")
    wall = Wall(cloud, rule("evil", contains("evil", {"QueryString": {}})), scope="CLOUDFRONT")
    site = edge.site(WebACLId=wall.arn)
    assert (site.get("/").status, site.get("/?evil").status) == (200, 403)
    assert used(cloud)["waf:requests", "wall"] == 2
    assert {key: level for key, level in stands(cloud, GLOBAL).items() if key[0].startswith("waf")} == {("waf:web_acl", "wall"): 1, ("waf:rule", "wall"): 1}
    assert not [usage for usage, _ in stands(cloud) if usage.startswith("waf")]


# CloudFront: https://aws.amazon.com/cloudfront/pricing/ --------------------------------------------------------


@pytest.fixture
def edge(cloud) -> Edge:
    cloud.region(GLOBAL)
    return Edge(cloud)


def test_requests_of_viewers_and_what_is_sent_to_them_are_billed_from_the_cache_or_not(cloud, edge):
    edge.put("index.html", "x" * 50_000)
    site = edge.site()
    sent = 0
    for _ in range(3):
        answer = site.get("/")
        assert answer.status == 200
        sent += len(answer.body)
    found = used(cloud)
    assert found["cloudfront:http_requests", site.id] == 3
    assert sent < found["cloudfront:egress", site.id] * GB < sent + 3 * 1_000
    assert found["s3:get_requests", "site"] == 1
    before = found["cloudfront:egress", site.id]
    assert site.get("/", "HEAD").status == 200
    found = used(cloud)
    assert found["cloudfront:http_requests", site.id] == 4 and (found["cloudfront:egress", site.id] - before) * GB < 1_000
    assert site.get("/none").status >= 400
    assert used(cloud)["cloudfront:http_requests", site.id] == 5


def test_requests_over_tls_are_billed_apart(cloud, edge):
    edge.put("index.html", "hello")
    site = edge.site()
    response, _ = cloud.run(cloud.deliver(Request("GET", "/", "", {"host": site.domain}, is_tls=True)))
    assert response.status == 200 and site.get("/").status == 200
    assert {usage: count for (usage, _), count in used(cloud).items() if "requests" in usage and usage.startswith("cloudfront")} == {
        "cloudfront:https_requests": 1, "cloudfront:http_requests": 1,
    }  # fmt: skip


def test_functions_are_billed_as_they_run_and_invalidations_by_their_paths(cloud, edge):
    edge.put("index.html", "hello")
    made = edge.client.create_function(
        Name="f", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=b"function handler(event) { return event.request; }"
    )
    edge.client.publish_function(Name="f", IfMatch=made["ETag"])
    arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    site = edge.site(default=behavior(FunctionAssociations=items({"FunctionARN": arn, "EventType": "viewer-request"})))
    for _ in range(2):
        assert site.get("/").status == 200
    assert used(cloud)["cloudfront:function_invocations", "f"] == 2
    batch = {"Paths": items("/a", "/b", "/c*"), "CallerReference": "once"}
    for _ in range(2):
        edge.client.create_invalidation(DistributionId=site.id, InvalidationBatch=batch)
    assert used(cloud, GLOBAL)["cloudfront:invalidation_paths", site.id] == 3
