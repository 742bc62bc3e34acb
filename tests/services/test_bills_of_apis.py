"""What AWS would bill for APIs: https://aws.amazon.com/api-gateway/pricing/"""

from __future__ import annotations

import pytest
from api_workshop import Function, deploy, mock, proxy, resource, rest_api, uri
from bill_workshop import used
from firewall_workshop import ADMIN, Wall, contains, rule
from http_workshop import Caller, function, http_api, websocket_api

REST, HTTP = ("apigateway:rest_api_requests", "shop"), ("apigateway:http_api_requests", "shop")
DENIAL = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "*"}
MESSAGES, MINUTES = ("apigateway:websocket_messages", "chat"), ("apigateway:websocket_connection", "chat")


@pytest.fixture
def shop(cloud):
    return Function(cloud.regions["us-east-1"])


def get(cloud, api: str, path: str = "/", verb: str = "GET", stage: str = "prod", **more) -> int:
    return cloud.http(verb, f"/restapis/{api}/{stage}/_user_request_{path}", **more)[0]


# REST APIs ------------------------------------------------------------------------------------------------------


def test_a_call_of_a_rest_api_is_billed_whatever_becomes_of_it_behind_the_stage(cloud, shop):
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    proxy(gateway, api, resource(gateway, api, root, "function"))
    deploy(gateway, api)
    assert REST not in used(cloud)
    assert get(cloud, api) == 200
    assert used(cloud)[REST] == 1
    shop.answer = b"nonsense"
    assert get(cloud, api, "/function") == 502
    assert used(cloud)[REST] == 2


def test_who_is_not_let_in_to_a_rest_api_costs_nothing(cloud):
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    mock(gateway, api, root, apiKeyRequired=True)
    mock(gateway, api, resource(gateway, api, root, "signed"), authorizationType="AWS_IAM")
    deploy(gateway, api)
    key = gateway.create_api_key(name="k", enabled=True)
    stages = [{"apiId": api, "stage": "prod"}]
    plan = gateway.create_usage_plan(name="p", apiStages=stages, quota={"limit": 2, "period": "DAY"})["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    assert get(cloud, api) == 403
    assert get(cloud, api, "/signed") == 403
    assert get(cloud, api, "/nowhere") == 403
    assert get(cloud, api, stage="none") == 403
    assert REST not in used(cloud)
    assert [get(cloud, api, headers={"x-api-key": key["value"]}) for _ in range(3)] == [200, 200, 429]
    assert used(cloud)[REST] == 2


def test_who_an_authorizer_a_web_acl_or_the_size_of_a_body_keeps_out_costs_nothing(cloud, shop):
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    guard = {"name": "guard", "type": "TOKEN", "authorizerUri": uri(), "identitySource": "method.request.header.Auth"}
    authorizer = gateway.create_authorizer(restApiId=api, **guard)["id"]
    mock(gateway, api, root, authorizationType="CUSTOM", authorizerId=authorizer)
    mock(gateway, api, resource(gateway, api, root, "open"), "POST")
    deploy(gateway, api)
    assert get(cloud, api) == 401
    assert get(cloud, api, headers={"Auth": "t"}) == 500  # what the function answers is no policy
    shop.answer = {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [DENIAL]}}
    assert get(cloud, api, headers={"Auth": "u"}) == 403
    assert get(cloud, api, "/open", "POST", body=b"x" * ((10 << 20) + 1)) == 413
    own = {"Block": {"CustomResponse": {"ResponseCode": 418}}}
    wall = Wall(cloud, rule("plain", contains("plain", {"QueryString": {}})), rule("own", contains("own", {"QueryString": {}}), own, priority=1))
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=ADMIN.format(api))
    assert [get(cloud, api, f"/open?{word}", "POST") for word in ("plain", "own")] == [403, 418]
    assert REST not in used(cloud)
    assert get(cloud, api, "/open", "POST", body=b"{}") == 200
    assert used(cloud)[REST] == 1


def test_a_body_that_does_not_validate_is_billed(cloud):
    """https://repost.aws/questions/QU5y4fo-e3RWyU5r4VmyPIzA/pricing-clarification-for-api-gateway"""
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    validator = gateway.create_request_validator(restApiId=api, name="v", validateRequestParameters=True)["id"]
    mock(gateway, api, root, requestValidatorId=validator, requestParameters={"method.request.querystring.q": True})
    deploy(gateway, api)
    assert get(cloud, api) == 400
    assert used(cloud)[REST] == 1


def test_a_cache_costs_by_the_hour_as_long_as_a_stage_has_it(cloud):
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api, cacheClusterEnabled=True, cacheClusterSize="1.6")
    usage = ("apigateway:cache_1.6_gb", "shop/prod")
    cloud.sleep(2)
    before = used(cloud)[usage]
    cloud.sleep(3 * 3_600)
    assert used(cloud)[usage] - before == pytest.approx(3)
    gateway.delete_rest_api(restApiId=api)
    cloud.sleep(2)
    after = used(cloud)[usage]
    cloud.sleep(3_600)
    assert used(cloud)[usage] == after


# HTTP APIs ------------------------------------------------------------------------------------------------------


def test_each_512_kb_of_a_call_of_an_http_api_is_one_more(cloud, shop):
    call = Caller(cloud, http_api(cloud.client("apigatewayv2"), "POST /orders"))
    assert call("POST", "/orders", body=b"x" * (512 << 10))[0] == 200
    assert used(cloud)[HTTP] == 1
    assert call("POST", "/orders", body=b"x" * ((512 << 10) + 1))[0] == 200
    assert used(cloud)[HTTP] == 3


def test_who_is_not_let_in_to_an_http_api_costs_nothing(cloud, shop):
    gateway = cloud.client("apigatewayv2")
    api = http_api(gateway, "GET /open", CorsConfiguration={"AllowOrigins": ["*"], "AllowMethods": ["GET"]})
    gateway.create_route(ApiId=api, RouteKey="GET /signed", Target=function(gateway, api), AuthorizationType="AWS_IAM")
    gateway.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings={"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1.0})
    call = Caller(cloud, api)
    assert call("GET", "/signed")[0] == 403
    assert call("GET", "/nowhere")[0] == 404
    assert call("OPTIONS", "/open", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"})[0] == 204
    assert HTTP not in used(cloud)
    assert [call("GET", "/open")[0] for _ in range(2)] == [200, 429]
    assert used(cloud)[HTTP] == 1


# WebSocket APIs -------------------------------------------------------------------------------------------------


def test_messages_count_both_ways_by_32_kb_and_connections_by_their_minutes(cloud, shop):
    gateway = cloud.client("apigatewayv2")
    api = websocket_api(gateway, "$connect", "$default", answered=("$default",))
    client = cloud.websocket("/prod", host=f"{api}.execute-api.us-east-1.localhost:4566")
    assert client.status == 101
    assert MESSAGES not in used(cloud)
    shop.answer = {"statusCode": 200, "body": "y" * ((32 << 10) + 1)}
    client.send("x")
    client.receive()
    assert used(cloud)[MESSAGES] == 3
    id_ = shop.events[0]["requestContext"]["connectionId"]
    cloud.client("apigatewaymanagementapi").post_to_connection(ConnectionId=id_, Data=b"z" * (64 << 10))
    client.receive()
    assert used(cloud)[MESSAGES] == 5
    cloud.sleep(90)
    assert MINUTES not in used(cloud)
    client.close()
    cloud.sleep(1)
    assert used(cloud)[MINUTES] == pytest.approx(1.5, abs=0.1)
