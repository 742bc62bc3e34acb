"""Who may call an API, how often, and with what: authorizers, signatures, policies, keys, quotas, validators."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from api_workshop import Function, deploy, mock, proxy, resource, rest_api, uri
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT = "000000000000"
GUARD = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:guard"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def function(cloud):
    return Function(cloud.region())


def verdict(effect: str = "Allow", resource: str = "*", **more) -> dict:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {
        "principalId": "me",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        **more,
    }


def guarded(
    gateway, *, kind: str = "TOKEN", source: str = "method.request.header.Auth", body: str = "in", **more
) -> str:
    """An API whose root and /other ask an authorizer."""
    api, root = rest_api(gateway)
    made = gateway.create_authorizer(
        restApiId=api, name="guard", type=kind, authorizerUri=uri(GUARD), identitySource=source, **more
    )
    for place in (root, resource(gateway, api, root, "other")):
        mock(gateway, api, place, body=body, authorizationType="CUSTOM", authorizerId=made["id"])
    deploy(gateway, api)
    return api


def get(cloud, api: str, path: str = "/", **headers):
    status, heads, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_{path}", headers=headers)
    return status, (json.loads(body) if body.startswith(b"{") else body), heads.get("x-amzn-ErrorType")


def test_a_token_authorizer_is_asked_once_and_its_policy_is_put_to_every_method(cloud, gateway, function):
    api = guarded(gateway)
    function.answer = verdict(resource=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api}/prod/GET/")
    assert get(cloud, api, Auth="t")[:2] == (200, b"in")
    assert function.events == [
        {
            "type": "TOKEN",
            "methodArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api}/prod/GET/",
            "authorizationToken": "t",
        }
    ]
    # The messages: https://dev.to/marcogrcr/api-gateway-lambda-authorizer-lambda-proxy-integration-failure-modes-52bc
    assert get(cloud, api, "/other", Auth="t") == (
        403,
        {"Message": "User is not authorized to access this resource"},
        "AccessDeniedException",
    )
    assert len(function.events) == 1
    cloud.sleep(301)
    get(cloud, api, Auth="t")
    assert len(function.events) == 2
    gateway.flush_stage_authorizers_cache(restApiId=api, stageName="prod")
    get(cloud, api, Auth="t")
    assert len(function.events) == 3


def test_a_denial_is_said_to_be_explicit(cloud, gateway, function):
    api = guarded(gateway)
    function.answer = verdict("Deny")
    assert get(cloud, api, Auth="t")[:2] == (
        403,
        {"Message": "User is not authorized to access this resource with an explicit deny"},
    )


def test_a_verdict_that_names_no_resource_lets_nobody_in(cloud, gateway, function):
    # So Chalice denies: https://aws.github.io/chalice/topics/authorizers.html, which shows this answer.
    api = guarded(gateway)
    function.answer = verdict(resource=[])
    assert get(cloud, api, Auth="t")[:2] == (403, {"Message": "User is not authorized to access this resource"})


@pytest.mark.parametrize("headers", [{}, {"Auth": ""}, {"Auth": "wrong"}])
def test_a_missing_or_ill_formed_token_never_reaches_the_authorizer(cloud, gateway, function, headers):
    api = guarded(gateway, identityValidationExpression="^good-.*")
    assert get(cloud, api, **headers) == (401, {"message": "Unauthorized"}, "UnauthorizedException")
    assert function.events == []


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        {},
        {"principalId": "me"},
        verdict() | {"policyDocument": {"Statement": 7}},
        verdict() | {"policyDocument": {"Version": "2012-10-17", "Statement": []}},
        verdict() | {"policyDocument": []},
        verdict(context={"a": {"b": 1}}),
    ],
)
def test_an_authorizer_that_answers_nonsense_is_misconfigured(cloud, gateway, function, answer):
    api = guarded(gateway)
    function.answer = answer
    assert get(cloud, api, Auth="t") == (500, {"message": None}, "AuthorizerConfigurationException")


def test_an_authorizer_that_fails_is_misconfigured_unless_it_says_unauthorized(cloud, gateway, function):
    api = guarded(gateway)
    function.is_failing, function.answer = True, {"errorMessage": "Unauthorized"}
    assert get(cloud, api, Auth="t")[0] == 401
    function.answer = {"errorMessage": "KeyError"}
    assert get(cloud, api, Auth="t")[:2] == (500, {"message": None})


def test_a_request_authorizer_hears_the_whole_request_and_tells_the_function(cloud, gateway, function):
    api, root = rest_api(gateway)
    made = gateway.create_authorizer(
        restApiId=api, name="guard", type="REQUEST", authorizerUri=uri(GUARD), authorizerResultTtlInSeconds=0,
        identitySource="method.request.querystring.who",
    )  # fmt: skip
    proxy(gateway, api, root, authorizationType="CUSTOM", authorizerId=made["id"])
    deploy(gateway, api)
    function.answer = lambda event: (
        verdict(context={"team": "a", "level": 3, "isBoss": True}) if "type" in event else {"body": "ok"}
    )
    assert get(cloud, api, "/?who=me")[:2] == (200, b"ok")
    asked, event = function.events
    assert (
        asked["type"] == "REQUEST" and asked["queryStringParameters"] == {"who": "me"} and "body" not in asked
    )
    told = event["requestContext"]["authorizer"]
    assert told.pop("integrationLatency") >= 0
    assert told == {"principalId": "me", "team": "a", "level": "3", "isBoss": "true"}
    get(cloud, api, "/?who=me")
    assert len(function.events) == 4  # nothing is remembered for 0 seconds


# IAM -----------------------------------------------------------------------------------------------


def user(cloud) -> Credentials:
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def signed(cloud, credentials: Credentials, path: str, *, host: str = "localhost:4566"):
    request = AWSRequest("GET", f"http://{host}{path}", headers={"host": host})
    now = cloud.region().clock.now()
    with patch(
        "botocore.auth.get_current_datetime",
        lambda **_: datetime.fromtimestamp(now, UTC).replace(tzinfo=None),
    ):
        SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    status, heads, body = cloud.http("GET", path, host=host, headers=dict(request.headers.items()))
    return status, (json.loads(body) if body.startswith(b"{") else body), heads.get("x-amzn-ErrorType")


def test_an_iam_method_wants_a_signature_and_a_permission(cloud, gateway, function):
    api, root = rest_api(gateway)
    proxy(gateway, api, root, authorizationType="AWS_IAM")
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    assert get(cloud, api) == (
        403,
        {"message": "Missing Authentication Token"},
        "MissingAuthenticationTokenException",
    )
    ann = user(cloud)
    arn = f"arn:aws:execute-api:us-east-1:********0000:{api}/prod/GET/"
    status, body, kind = signed(cloud, ann, path)
    assert (status, kind) == (403, "AccessDeniedException")
    assert body == {
        "Message": f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: execute-api:Invoke on resource: {arn}"
    }
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:*:*:{api}/prod/GET/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    assert signed(cloud, ann, path)[:2] == (200, b"hello")
    who = function.events[0]["requestContext"]["identity"]
    assert (who["userArn"], who["accessKey"], who["accountId"]) == (
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        ann.access_key,
        ACCOUNT,
    )
    assert who["principalOrgId"] is None
    garden = cloud.client("organizations").create_organization()["Organization"]["Id"]
    assert signed(cloud, ann, path)[0] == 200
    assert function.events[-1]["requestContext"]["identity"]["principalOrgId"] == garden
    forged = Credentials(ann.access_key, "x" * 40)
    assert (signed(cloud, forged, path)[0], signed(cloud, forged, path)[2]) == (
        403,
        "InvalidSignatureException",
    )


def test_an_integration_may_be_asked_for_in_the_name_of_the_caller(cloud, gateway):
    # https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html#apigw-PutIntegration-request-credentials
    cloud.client("sqs").create_queue(QueueName="orders")
    api, root = rest_api(gateway)
    for place, kind in ((root, "AWS_IAM"), (resource(gateway, api, root, "open"), "NONE")):
        at = {"restApiId": api, "resourceId": place, "httpMethod": "GET"}
        gateway.put_method(**at, authorizationType=kind)
        gateway.put_integration(
            **at, type="AWS", integrationHttpMethod="POST", uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/orders",
            credentials="arn:aws:iam::*:user/*", requestTemplates={"application/json": "Action=SendMessage&MessageBody=x"},
            requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        )  # fmt: skip
        gateway.put_method_response(**at, statusCode="200")
        gateway.put_integration_response(**at, statusCode="200")
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    ann = user(cloud)

    def allow(*actions):
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})
        cloud.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)

    allow("execute-api:Invoke")
    assert "AccessDenied" in json.dumps(signed(cloud, ann, path)[1])
    allow("execute-api:Invoke", "sqs:SendMessage")
    assert "MessageId" in json.dumps(signed(cloud, ann, path)[1])
    assert get(cloud, api, "/open")[0] == 500


def test_an_api_policy_must_allow_those_without_an_identity(cloud, gateway):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/prod/GET/open",
            },
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/prod/GET/shut",
            },
        ],
    }
    api, root = rest_api(gateway, policy=json.dumps(policy))
    for part in ("open", "shut", "other"):
        mock(gateway, api, resource(gateway, api, root, part), body=part)
    deploy(gateway, api)
    assert get(cloud, api, "/open")[0] == 200
    arn = f"arn:aws:execute-api:us-east-1:********0000:{api}/prod/GET"
    text = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
    assert get(cloud, api, "/other") == (403, {"Message": f"{text}{arn}/other"}, "AccessDeniedException")
    assert get(cloud, api, "/shut")[1] == {"Message": f"{text}{arn}/shut with an explicit deny"}
    shown = gateway.get_rest_api(restApiId=api)["policy"]
    assert json.loads(f'"{shown}"').startswith('{"Version"') and f"{api}\\/prod" in shown


# Keys ----------------------------------------------------------------------------------------------


def keyed(gateway, **plan) -> tuple[str, str, str]:
    """An API that wants a key; answers its id, the key's value and the plan's id."""
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="in", apiKeyRequired=True)
    deploy(gateway, api)
    key = gateway.create_api_key(name="k", enabled=True)
    made = gateway.create_usage_plan(name="p", apiStages=[{"apiId": api, "stage": "prod"}], **plan)
    gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key["id"], keyType="API_KEY")
    return api, key["value"], made["id"]


def test_a_method_that_wants_a_key_wants_one_of_a_plan_of_its_stage(cloud, gateway):
    api, key, plan = keyed(gateway)
    stranger = gateway.create_api_key(enabled=True)["value"]
    for headers in ({}, {"x-api-key": "unknown"}, {"x-api-key": stranger}):
        assert get(cloud, api, **headers) == (403, {"message": "Forbidden"}, "ForbiddenException")
    assert get(cloud, api, **{"x-api-key": key})[:2] == (200, b"in")
    known = gateway.get_usage_plan_keys(usagePlanId=plan)["items"][0]["id"]
    gateway.update_api_key(
        apiKey=known, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    assert get(cloud, api, **{"x-api-key": key})[0] == 403


def test_a_quota_is_counted_and_survives_a_kill(cloud, gateway):
    api, key, _ = keyed(gateway, quota={"limit": 2, "period": "DAY"})
    assert [get(cloud, api, **{"x-api-key": key})[0] for _ in range(2)] == [200, 200]
    cloud.restart(kill=True)
    assert get(cloud, api, **{"x-api-key": key}) == (
        429,
        {"message": "Limit Exceeded"},
        "LimitExceededException",
    )
    cloud.sleep(86_400)
    assert get(cloud, api, **{"x-api-key": key})[0] == 200


def test_a_plans_rate_is_kept(cloud, gateway):
    api, key, plan = keyed(gateway, throttle={"burstLimit": 2, "rateLimit": 1.0})
    assert [get(cloud, api, **{"x-api-key": key})[0] for _ in range(3)] == [200, 200, 429]
    assert get(cloud, api, **{"x-api-key": key})[1:] == (
        {"message": "Too Many Requests"},
        "TooManyRequestsException",
    )
    cloud.sleep(1.01)
    assert get(cloud, api, **{"x-api-key": key})[0] == 200
    operation = {"op": "replace", "path": "/throttle/burstLimit", "value": "50"}
    gateway.update_usage_plan(usagePlanId=plan, patchOperations=[operation])
    assert get(cloud, api, **{"x-api-key": key})[0] == 200


def test_a_stages_rate_is_kept_for_each_method(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root, body="a")
    mock(gateway, api, resource(gateway, api, root, "slow"), body="b")
    deploy(gateway, api)
    for path, value in (
        ("/~1slow/GET/throttling/rateLimit", "1"),
        ("/~1slow/GET/throttling/burstLimit", "1"),
    ):
        gateway.update_stage(
            restApiId=api, stageName="prod", patchOperations=[{"op": "replace", "path": path, "value": value}]
        )
    assert [get(cloud, api, "/slow")[0] for _ in range(2)] == [200, 429]
    assert [get(cloud, api, "/")[0] for _ in range(3)] == [200, 200, 200]


# Validators ------------------------------------------------------------------------------------------


def test_a_validator_insists_on_parameters_and_body(cloud, gateway):
    api, root = rest_api(gateway)
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}
    gateway.create_model(
        restApiId=api, name="testSchema", contentType="application/json", schema=json.dumps(schema)
    )
    made = gateway.create_request_validator(
        restApiId=api, name="v", validateRequestParameters=True, validateRequestBody=True
    )
    place = resource(gateway, api, root, "{issuer}")
    mock(
        gateway, api, place, "POST", body="fine", requestValidatorId=made["id"], requestModels={"application/json": "testSchema"},
        requestParameters={"method.request.querystring.qs1": True, "method.request.header.x-header-param": True,
                           "method.request.path.issuer": True, "method.request.querystring.other": False},
    )  # fmt: skip
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/me"
    # Recorded from AWS: test_api_gateway_request_validator.
    status, headers, body = cloud.http("POST", path, body=b'{"a": 1}')
    assert (status, json.loads(body)) == (
        400,
        {"message": "Missing required request parameters: [x-header-param, qs1]"},
    )
    assert headers["x-amzn-ErrorType"] == "BadRequestException"
    for body in (b"", b"{}", b'{"a": "1"}', b"no json", b"[" * 900 + b"]" * 900):
        status, _, answer = cloud.http("POST", path + "?qs1=x", headers={"x-header-param": "y"}, body=body)
        assert (status, json.loads(answer)) == (400, {"message": "Invalid request body"}), body
    assert (
        cloud.http("POST", path + "?qs1=x", headers={"x-header-param": "y"}, body=b'{"a": 1.5}')[2] == b"fine"
    )


def test_models_refer_to_each_other_even_in_circles(cloud, gateway):
    api, root = rest_api(gateway)
    url = f"https://apigateway.amazonaws.com/restapis/{api}/models/Node"
    schema = {
        "type": "object",
        "required": ["v"],
        "properties": {"v": {"type": "integer"}, "next": {"$ref": url}},
    }
    gateway.create_model(
        restApiId=api, name="Node", contentType="application/json", schema=json.dumps(schema)
    )
    made = gateway.create_request_validator(restApiId=api, name="v", validateRequestBody=True)
    mock(
        gateway,
        api,
        root,
        "POST",
        body="fine",
        requestValidatorId=made["id"],
        requestModels={"application/json": "Node"},
    )
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    assert cloud.http("POST", path, body=b'{"v": 1, "next": {"v": 2}}')[2] == b"fine"
    assert cloud.http("POST", path, body=b'{"v": 1, "next": {"v": "2"}}')[0] == 400
