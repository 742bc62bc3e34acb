"""What the tokens of a user pool open: REST APIs by COGNITO_USER_POOLS authorizers, HTTP APIs by JWT authorizers, in every region."""

from __future__ import annotations

import json

import pytest
from api_workshop import mock, rest_api
from cognito_workshop import Pool
from http_workshop import Caller, endpoint
from http_workshop import http_api as make_http_api
from refusals import refused


@pytest.fixture
def pool(cloud) -> Pool:
    pool = Pool(cloud)
    pool.add(email="ann@example.com")
    return pool


def rest(cloud, pool: Pool, *scopes: str, **more) -> Caller:
    """A REST API that tells a caller his claims."""
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    arn = f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool.id}"
    made = gateway.create_authorizer(
        restApiId=api, name="people", type="COGNITO_USER_POOLS", providerARNs=[arn], identitySource="method.request.header.Authorization", **more
    )
    assert made["authType"] == "cognito_user_pools" and made["providerARNs"] == [arn]
    body = '{"sub": "$context.authorizer.claims.sub", "exp": "$context.authorizer.claims.exp"}'
    mock(
        gateway, api, root, body=body, authorizationType="COGNITO_USER_POOLS", authorizerId=made["id"], **({"authorizationScopes": list(scopes)} if scopes else {})
    )
    gateway.create_deployment(restApiId=api, stageName="prod")
    return Caller(cloud, api, "/prod")


def test_a_rest_api_lets_in_whoever_shows_an_id_token_of_its_pool(cloud, pool):
    caller, result = rest(cloud, pool), pool.sign_in()
    for text in (result["IdToken"], f"Bearer {result['IdToken']}"):
        status, _, body = caller("GET", "/", headers={"authorization": text})
        told = json.loads(body)
        assert status == 200 and told["sub"] and told["exp"].endswith("UTC 2030")
    other = Pool(cloud)
    other.add()
    forged = result["IdToken"][:-8] + "AAAAAAAA"
    for text in (result["AccessToken"], other.sign_in()["IdToken"], forged, "nonsense", ""):
        assert caller.message("GET", "/", headers={"authorization": text} if text else {}) == (401, "Unauthorized")
    cloud.sleep(3_601)
    assert caller.message("GET", "/", headers={"authorization": result["IdToken"]}) == (401, "The incoming token has expired")


def test_a_method_with_scopes_wants_an_access_token_that_has_one_of_them(cloud, pool):
    result = pool.sign_in()
    caller = rest(cloud, pool, "aws.cognito.signin.user.admin", "other/read")
    assert caller("GET", "/", headers={"authorization": result["AccessToken"]})[0] == 200
    assert caller("GET", "/", headers={"authorization": result["IdToken"]})[0] == 401
    strict = rest(cloud, pool, "other/read")
    assert strict("GET", "/", headers={"authorization": result["AccessToken"]})[0] == 401


def test_an_authorizer_of_a_pool_may_name_the_clients_it_takes(cloud, pool):
    text = pool.sign_in()["IdToken"]
    assert rest(cloud, pool, identityValidationExpression=pool.client)("GET", "/", headers={"authorization": text})[0] == 200
    assert rest(cloud, pool, identityValidationExpression="nobody")("GET", "/", headers={"authorization": text})[0] == 401


def test_an_authorizer_names_pools_and_a_method_an_authorizer_of_its_kind(cloud, pool):
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    what = {"restApiId": api, "name": "a", "type": "COGNITO_USER_POOLS"}
    assert refused(gateway.create_authorizer, **what)[0] == "BadRequestException"
    assert refused(gateway.create_authorizer, providerARNs=["arn:aws:sqs:us-east-1:000000000000:q"], **what)[0] == "BadRequestException"
    made = gateway.create_authorizer(providerARNs=[f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool.id}"], **what)
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    assert refused(gateway.put_method, authorizationType="CUSTOM", authorizerId=made["id"], **where)[0] == "BadRequestException"
    assert refused(gateway.put_method, authorizationType="NONE", authorizationScopes=["a"], **where)[0] == "BadRequestException"


def jwt_api(cloud, pool: Pool, region: str = "us-east-1") -> Caller:
    client = cloud.client("apigatewayv2", region)
    api = make_http_api(client, "ANY /open")
    authorizer = client.create_authorizer(
        ApiId=api, Name="people", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": pool.issuer, "Audience": [pool.client]},
    )["AuthorizerId"]  # fmt: skip
    target = endpoint(client, api, "http://127.0.0.1:9")
    client.create_route(ApiId=api, RouteKey="GET /", Target=target, AuthorizationType="JWT", AuthorizerId=authorizer)
    caller = Caller(cloud, api)
    caller.host = f"{api}.execute-api.{region}.localhost:4566"
    return caller


def test_an_http_api_proves_tokens_by_the_pools_own_keys_wherever_the_pool_is(make_cloud):
    """What lies behind the route answers nothing: whoever gets as far as that was let in."""
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    pool = Pool(cloud)
    pool.add()
    result = pool.sign_in()
    for region in ("us-east-1", "eu-west-1"):
        caller = jwt_api(cloud, pool, region)
        for text in (result["IdToken"], result["AccessToken"]):
            assert caller("GET", "/", headers={"authorization": f"Bearer {text}"})[0] == 503
            assert caller("GET", "/", headers={"authorization": f"Bearer {text[:-8]}AAAAAAAA"})[0] == 401
