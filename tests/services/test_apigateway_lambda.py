"""API Gateway in front of real functions."""

from __future__ import annotations

import json

import pytest
from api_workshop import deploy, proxy, resource, rest_api
from lambda_workshop import make

SOURCE = """
import json

def handler(event, context):
    if event["path"] == "/fail":
        raise RuntimeError("no")
    seen = {"path": event["path"], "id": (event["pathParameters"] or {}).get("id"), "body": event["body"]}
    return {"statusCode": 201, "headers": {"X-Shop": "open"}, "body": json.dumps(seen)}
"""


@pytest.fixture
def api(cloud) -> str:
    """An API before a function that does not (yet) let API Gateway in."""
    made = make(cloud, SOURCE, "shop")
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    proxy(gateway, api, resource(gateway, api, root, "orders", "{id}"), function=made["FunctionArn"])
    proxy(gateway, api, resource(gateway, api, root, "fail"), function=made["FunctionArn"])
    deploy(gateway, api)
    return api


def let_in(cloud, api: str, pattern: str = "*/*/*") -> None:
    cloud.client("lambda").add_permission(
        FunctionName="shop", StatementId=f"s{len(pattern)}", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/{pattern}",
    )  # fmt: skip


def test_a_function_answers_through_the_api_once_its_policy_lets_the_api_in(cloud, api):
    path = f"/restapis/{api}/prod/_user_request_/orders/7"
    status, _, body = cloud.http("POST", path, body=b"x")
    assert (status, json.loads(body)) == (500, {"message": "Internal server error"})
    let_in(cloud, "other")
    assert cloud.http("POST", path, body=b"x")[0] == 500
    let_in(cloud, api, "prod/POST/orders/*")
    status, headers, body = cloud.http("POST", path, body=b"x")
    assert (status, headers["X-Shop"]) == (201, "open")
    assert json.loads(body) == {"path": "/orders/7", "id": "7", "body": "x"}
    assert cloud.http("GET", path)[0] == 500  # the policy says POST


def test_a_function_that_raises_is_a_502(cloud, api):
    let_in(cloud, api)
    status, _, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/fail")
    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})
