"""Web ACLs before distributions, GraphQL APIs and user pools."""

from __future__ import annotations

import asyncio
import datetime
import json

import pytest
from appsync_workshop import Graph
from botocore.exceptions import ClientError
from cognito_workshop import Pool
from edge_workshop import Edge, items
from firewall_workshop import NONE, Wall, contains, rule, said
from refusals import refused_code

from kumoniwa.gate.address import GLOBAL, locate
from kumoniwa.wire.message import Request


@pytest.fixture
def edge(cloud) -> Edge:
    cloud.region(GLOBAL)
    return Edge(cloud)


# CloudFront -----------------------------------------------------------------------------------------------------


def test_an_attack_is_blocked_at_the_edge_with_cloudfronts_own_page(edge):
    edge.put("index.html", "hello")
    wall = Wall(edge.cloud, rule("evil", contains("evil", {"QueryString": {}})), scope="CLOUDFRONT")
    site = edge.site(WebACLId=wall.arn)
    assert (site.get("/").status, site.get("/").body) == (200, b"hello")
    blocked = site.get("/?evil")
    assert (blocked.status, blocked.cache) == (403, "Error") and blocked.headers["content-type"] == "text/html"
    assert b"<H1>403 ERROR</H1>" in blocked.body and b"Request blocked." in blocked.body
    wall.update(rule("other", contains("other", {"QueryString": {}})))
    assert (site.get("/?evil").status, site.get("/?other").status) == (200, 403)


def test_every_region_is_an_edge_that_blocks_and_all_tell_what_they_saw(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    edge = Edge(cloud)
    wall = Wall(cloud, rule("evil", contains("evil")), scope="CLOUDFRONT")
    site = edge.site(WebACLId=wall.arn)
    for region in ("us-east-1", "eu-west-1"):
        assert b"Request blocked" in cloud.run(_asked(cloud.regions[region], site.domain, "/evil")).body
    cloud.run(cloud.regions["eu-west-1"].exchange(GLOBAL, "wafv2", {"account": "000000000000", "samples": {"web_acl": "", "metric": "", "start": 0, "end": 1}}))
    now = datetime.datetime.fromtimestamp(cloud.regions["us-east-1"].clock.now() + 1, datetime.UTC)
    told = wall.client.get_sampled_requests(
        WebAclArn=wall.arn, RuleMetricName="evil", Scope="CLOUDFRONT", MaxItems=10,
        TimeWindow={"StartTime": now - datetime.timedelta(minutes=5), "EndTime": now},
    )  # fmt: skip
    assert told["PopulationSize"] == 2


async def _asked(region, host: str, path: str):
    """As by a connection to the region's own address: the name says none."""
    request = Request("GET", path, "", {"host": host})
    request.address = locate(request)
    answered = asyncio.get_running_loop().create_future()
    region.answer(request, answered.set_result)
    return await answered


def test_a_distribution_keeps_its_web_acl_and_takes_no_other_things(edge):
    wall = Wall(edge.cloud, rule("evil", contains("evil")), scope="CLOUDFRONT")
    site = edge.site(WebACLId=wall.arn)
    assert refused_code(wall.client.delete_web_acl, **wall.place, LockToken=wall.token) == "WAFAssociatedItemException"
    regional = Wall(edge.cloud, name="regional")
    for wrong in (regional.arn, wall.arn + "x", "nonsense"):
        assert refused_code(site.update, WebACLId=wrong) == "InvalidWebACLId"
    listed = edge.client.list_distributions_by_web_acl_id(WebACLId=wall.arn)["DistributionList"]
    assert [each["Id"] for each in listed["Items"]] == [site.id]
    site.update(WebACLId="")
    assert edge.client.list_distributions_by_web_acl_id(WebACLId=wall.arn)["DistributionList"]["Quantity"] == 0
    wall.client.delete_web_acl(**wall.place, LockToken=wall.token)
    assert site.get("/evil").status != 403 or b"Request blocked" not in site.get("/evil").body


def test_a_distributions_own_error_page_stands_for_a_block(edge):
    edge.put("index.html", "hello")
    edge.put("sorry.html", "sorry")
    wall = Wall(edge.cloud, rule("evil", contains("evil", {"QueryString": {}})), scope="CLOUDFRONT")
    answer = {"ErrorCode": 403, "ResponsePagePath": "/sorry.html", "ResponseCode": "200"}
    site = edge.site(WebACLId=wall.arn, CustomErrorResponses=items(answer))
    assert (site.get("/?evil").status, site.get("/?evil").body) == (200, b"sorry")


def test_an_edge_blocks_after_a_kill(edge):
    wall = Wall(edge.cloud, rule("evil", contains("evil")), scope="CLOUDFRONT")
    site = edge.site(WebACLId=wall.arn)
    edge.cloud.restart(kill=True)
    assert b"Request blocked" in site.get("/evil").body
    edge.cloud.restart(GLOBAL, kill=True)
    wall.update(rule("other", contains("other")))
    assert b"Request blocked" in site.get("/other").body and b"Request blocked" not in site.get("/evil").body


# AppSync --------------------------------------------------------------------------------------------------------


def test_a_graphql_api_is_guarded(cloud):
    graph = Graph(cloud)
    arn = graph.api["arn"]
    wall = Wall(cloud, rule("evil", contains("evil", {"JsonBody": {"MatchPattern": {"IncludedPaths": ["/query"]}, "MatchScope": "VALUE"}})))
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=arn)

    def ask(query: str):
        headers = {"x-api-key": graph.key, "content-type": "application/json"}
        return cloud.http("POST", "/graphql", host=graph.api["dns"]["GRAPHQL"], headers=headers, body=json.dumps({"query": query}).encode())

    status, headers, body = ask('{ echo(text: "evil") }')
    assert (status, said(body)) == (403, {"errors": [{"errorType": "WAFForbiddenException", "message": "403 Forbidden"}]})
    assert ask('{ echo(text: "good") }')[0] == 200
    assert graph.client.get_graphql_api(apiId=graph.id)["graphqlApi"]["wafWebAclArn"] == wall.arn
    graph.client.delete_graphql_api(apiId=graph.id)
    assert wall.client.list_resources_for_web_acl(WebACLArn=wall.arn, ResourceType="APPSYNC")["ResourceArns"] == []


def test_an_event_api_is_guarded_where_events_are_published_and_where_listeners_come_in(cloud):
    """https://docs.aws.amazon.com/appsync/latest/eventapi/using-waf-protect-apis.html"""
    client, keys = cloud.client("appsync"), [{"authType": "API_KEY"}]
    modes = {"authProviders": keys, "connectionAuthModes": keys, "defaultPublishAuthModes": keys, "defaultSubscribeAuthModes": keys}
    api = client.create_api(name="events", eventConfig=modes)["api"]
    client.create_channel_namespace(apiId=api["apiId"], name="default")
    key = client.create_api_key(apiId=api["apiId"])["apiKey"]["id"]
    attack = {"SqliMatchStatement": {"FieldToMatch": {"Body": {}}, "TextTransformations": NONE}}
    wall = Wall(cloud, rule("sql", attack), rule("evil", contains("evil", {"QueryString": {}}), priority=1))
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=api["apiArn"])
    assert client.get_api(apiId=api["apiId"])["api"]["wafWebAclArn"] == wall.arn
    assert wall.client.list_resources_for_web_acl(WebACLArn=wall.arn, ResourceType="APPSYNC")["ResourceArns"] == [api["apiArn"]]

    def publish(name: str) -> tuple[int, str]:
        body = json.dumps({"channel": "default/a", "events": [json.dumps({"name": name})]}).encode()
        headers = {"x-api-key": key, "content-type": "application/json"}
        status, _, answer = cloud.http("POST", "/event", host=api["dns"]["HTTP"], headers=headers, body=body)
        return status, (said(answer).get("errors") or [{}])[0].get("errorType", "")

    assert publish("O'Reilly") == (200, "") and publish("x' or 1=1 -- ") == (403, "WAFForbiddenException")
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert cloud.http("GET", "/event/realtime?evil", host=api["dns"]["REALTIME"], headers=upgrade)[0] == 403
    client.delete_api(apiId=api["apiId"])
    assert wall.client.list_resources_for_web_acl(WebACLArn=wall.arn, ResourceType="APPSYNC")["ResourceArns"] == []


# Cognito --------------------------------------------------------------------------------------------------------


def test_a_user_pool_is_guarded_where_people_come_in_and_not_where_administrators_do(cloud):
    pool = Pool(cloud)
    pool.add()
    arn = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Arn"]
    wall = Wall(cloud, rule("ann", contains('"ann"', {"Body": {}})))
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=arn)
    with pytest.raises(ClientError) as error:
        pool.sign_in()
    told = error.value.response
    assert (told["Error"]["Code"], told["Error"]["Message"]) == ("ForbiddenException", "Request not allowed due to WAF block.")
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert pool.get()["Username"] == "ann"
    wall.update()
    access = pool.sign_in()["AccessToken"]
    assert pool.idp.get_user(AccessToken=access)["Username"] == "ann"
    wall.update(rule("who", contains("GetUser", {"SingleHeader": {"Name": "X-Amz-Target"}})))
    assert refused_code(pool.idp.get_user, AccessToken=access) == "ForbiddenException"


def test_hosted_pages_are_guarded_without_their_bodies(cloud):
    pool = Pool(cloud)
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    arn = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Arn"]
    wall = Wall(cloud, rule("body", contains("evil", {"Body": {}})), rule("query", contains("evil", {"QueryString": {}}), priority=1))
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=arn)
    host = "shop.auth.us-east-1.localhost:4566"
    assert cloud.http("GET", "/login?evil", host=host)[0] == 403
    assert cloud.http("POST", "/login?client_id=x", host=host, body=b"username=evil")[0] != 403
