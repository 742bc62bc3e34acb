"""Load balancers for tests, and servers behind them that say who they are."""

from __future__ import annotations

import json
from typing import Any

from services.lambda_workshop import make


def network(cloud, region: str = "us-east-1") -> tuple[str, list[str]]:
    """The default VPC, and two of its subnets."""
    found = cloud.client("ec2", region).describe_subnets()["Subnets"][:2]
    return found[0]["VpcId"], [each["SubnetId"] for each in found]


def balancer(cloud, client, name: str = "web", **more: Any) -> dict:
    """One that is there."""
    made = client.create_load_balancer(**{"Name": name, "Subnets": network(cloud)[1]} | more)["LoadBalancers"][0]
    cloud.sleep(2)
    return made


def fixed(text: str = "hello", status: str = "200") -> list[dict]:
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "MessageBody": text, "ContentType": "text/plain"}}]


def forward(*groups: str, sticky_s: int = 0, weights: tuple[int, ...] = ()) -> list[dict]:
    config: dict[str, Any] = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, weights or (1,) * len(groups))]}
    if sticky_s:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky_s}
    return [{"Type": "forward", "ForwardConfig": config}]


def listener(client, made: dict, actions: list[dict], **more: Any) -> str:
    values = {"Protocol": "HTTP", "Port": 80} | more
    return client.create_listener(LoadBalancerArn=made["LoadBalancerArn"], DefaultActions=actions, **values)["Listeners"][0]["ListenerArn"]


def servers(client, *endpoints: Any, name: str = "servers", port: int = 0, **more: Any) -> str:
    """A target group of HTTP servers of this machine, in the network of the first balancer."""
    vpc = client.describe_load_balancers()["LoadBalancers"][0]["VpcId"]
    values = {"Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", "HealthCheckPath": "/health"} | more
    arn = client.create_target_group(Name=name, **values)["TargetGroups"][0]["TargetGroupArn"]
    if endpoints or port:
        client.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": port}] if port else [target(each) for each in endpoints])
    return arn


def target(endpoint: Any) -> dict:
    return {"Id": "127.0.0.1", "Port": endpoint.server.server_port}


def function(cloud, client, source: str, name: str = "f", **more: Any) -> str:
    """A target group of a function that lets the balancer call it."""
    arn = make(cloud, source, name)["FunctionArn"]
    group = client.create_target_group(Name=f"{name}-group", TargetType="lambda", **more)["TargetGroups"][0]["TargetGroupArn"]
    allow(cloud, name, group)
    client.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    return group


def allow(cloud, name: str, group: str) -> None:
    cloud.client("lambda").add_permission(
        FunctionName=name, StatementId="elb", Action="lambda:InvokeFunction", Principal="elasticloadbalancing.amazonaws.com", SourceArn=group
    )


class Visitor:
    """Whoever comes to one balancer."""

    def __init__(self, cloud, made: dict) -> None:
        self.cloud, self.host = cloud, f"{made['DNSName']}:4566"

    def __call__(self, path: str = "/", verb: str = "GET", **more: Any):
        status, headers, body = self.cloud.http(verb, path, **({"host": self.host} | more))
        return status, {name.lower(): value for name, value in headers.items()}, body

    def text(self, path: str = "/", **more: Any) -> str:
        return self(path, **more)[2].decode()

    def json(self, path: str = "/", **more: Any) -> Any:
        return json.loads(self(path, **more)[2])


def health(client, group: str) -> list[tuple]:
    found = client.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return [(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in found]
