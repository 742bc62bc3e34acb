"""Web ACLs for tests, and a stage of a REST API that they guard."""

from __future__ import annotations

import json
from typing import Any

from services import api_workshop

ADMIN = "arn:aws:apigateway:us-east-1::/restapis/{}/stages/prod"
NONE = [{"Priority": 0, "Type": "NONE"}]


def visible(metric: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": metric}


def rule(name: str, statement: dict[str, Any], action: Any = None, *, priority: int = 0, **more: Any) -> dict[str, Any]:
    does = {"Action": {"Block": {}} if action is None else action}
    if "RuleGroupReferenceStatement" in statement:
        does = {"OverrideAction": {"None": {}} if action is None else action}
    return {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": visible(name), **does, **more}


def contains(text: str, field: dict[str, Any] | None = None, *, how: str = "CONTAINS", transforms: list | None = None) -> dict[str, Any]:
    """A ByteMatchStatement."""
    field = {"UriPath": {}} if field is None else field
    transforms = [{"Priority": at, "Type": kind} for at, kind in enumerate(transforms)] if transforms else NONE
    said = {"SearchString": text.encode(), "FieldToMatch": field, "TextTransformations": transforms, "PositionalConstraint": how}
    return {"ByteMatchStatement": said}


class Wall:
    """A web ACL that lets pass what no rule ends."""

    def __init__(self, cloud: Any, *rules: dict[str, Any], name: str = "wall", scope: str = "REGIONAL", **more: Any) -> None:
        self.client, self.name, self.scope = cloud.client("wafv2"), name, scope
        self.settings = {"DefaultAction": {"Allow": {}}, "VisibilityConfig": visible(name), **more}
        made = self.client.create_web_acl(Name=name, Scope=scope, Rules=list(rules), **self.settings)["Summary"]
        self.id, self.arn = made["Id"], made["ARN"]

    @property
    def place(self) -> dict[str, str]:
        return {"Name": self.name, "Scope": self.scope, "Id": self.id}

    @property
    def token(self) -> str:
        return self.client.get_web_acl(**self.place)["LockToken"]

    def update(self, *rules: dict[str, Any], **more: Any) -> str:
        said = {**self.settings, **more}
        return self.client.update_web_acl(**self.place, Rules=list(rules), LockToken=self.token, **said)["NextLockToken"]


class Shop:
    """A REST API with a mock at ``/``, at ``/{any}`` and below."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, client = cloud, cloud.client("apigateway")
        self.client = client
        self.api, root = api_workshop.rest_api(client)
        below = api_workshop.resource(client, self.api, root, "{proxy+}")
        for place in (root, below):
            api_workshop.mock(client, self.api, place, "ANY", body='{"hello": "you"}')
        api_workshop.deploy(client, self.api)
        self.arn = ADMIN.format(self.api)

    def guard(self, wall: Wall) -> None:
        wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=self.arn)

    def ask(self, path: str = "/", method: str = "GET", *, body: bytes = b"", **headers: str) -> tuple[int, dict, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        host = f"{self.api}.execute-api.us-east-1.amazonaws.com"
        return self.cloud.http(method, f"/prod{path}", host=host, headers=named, body=body)

    def status(self, path: str = "/", method: str = "GET", **more: Any) -> int:
        return self.ask(path, method, **more)[0]


def guarded(cloud: Any, *rules: dict[str, Any], **more: Any) -> tuple[Shop, Wall]:
    shop, wall = Shop(cloud), Wall(cloud, *rules, **more)
    shop.guard(wall)
    return shop, wall


def said(body: bytes) -> Any:
    return json.loads(body)
