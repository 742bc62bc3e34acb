"""HTTP and WebSocket APIs for tests, with a function that stands for Lambda behind their routes."""

from __future__ import annotations

import json
from typing import Any

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:shop"
ASKED = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"


def http_api(client, *routes: str, stage: str = "$default", version: str = "2.0", uri: str = FUNCTION, **more: Any) -> str:
    """An HTTP API whose routes all lead to one function, shown by a stage that deploys by itself."""
    api = client.create_api(Name="shop", ProtocolType="HTTP", **more)["ApiId"]
    client.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
    target = function(client, api, version=version, uri=uri)
    for key in routes:
        client.create_route(ApiId=api, RouteKey=key, Target=target)
    return api


def function(client, api: str, *, version: str = "2.0", uri: str = FUNCTION, **more: Any) -> str:
    made = client.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri, PayloadFormatVersion=version, **more
    )
    return f"integrations/{made['IntegrationId']}"


def endpoint(client, api: str, uri: str, method: str = "ANY", **more: Any) -> str:
    made = client.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationUri=uri, IntegrationMethod=method, **more
    )
    return f"integrations/{made['IntegrationId']}"


class Caller:
    """Whoever calls one API."""

    def __init__(self, cloud, api: str, prefix: str = "") -> None:
        self.cloud, self.api, self.prefix = cloud, api, prefix
        self.host = f"{api}.execute-api.us-east-1.localhost:4566"

    def __call__(self, verb: str, path: str, **more: Any):
        status, headers, body = self.cloud.http(verb, self.prefix + path, host=self.host, **more)
        return status, {name.lower(): value for name, value in headers.items()}, body

    def message(self, verb: str, path: str, **more: Any) -> tuple[int, str]:
        status, _, body = self(verb, path, **more)
        return status, json.loads(body)["message"]


def websocket_api(client, *routes: str, answered: tuple[str, ...] = (), stage: str = "prod", **more: Any) -> str:
    """A WebSocket API whose routes lead to one function; those that are ``answered`` tell the client what it says."""
    api = client.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action", **more
    )["ApiId"]
    target = function(client, api, version="1.0", uri=ASKED)
    for key in routes:
        route = client.create_route(ApiId=api, RouteKey=key, Target=target)["RouteId"]
        if key in answered:
            client.create_route_response(ApiId=api, RouteId=route, RouteResponseKey="$default")
    if routes:
        client.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
    return api
