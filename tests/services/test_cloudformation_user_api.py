"""The pattern that everything is for: a SAM application in two regions, made while one of them is killed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from test_cloudformation_stack import outputs, settled

from kumoniwa.deploy.packaging import package

TEMPLATE = Path(__file__).parents[2] / "patterns" / "user_api" / "template.yaml"
REGIONS = ("us-east-1", "eu-west-1")


def _packaged(cloud, region: str) -> str:
    s3, bucket = cloud.client("s3", region), f"artifacts-{region}"
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **place)

    async def ask(operation: str, **params: Any) -> None:
        uploads.append(params)

    uploads: list[dict[str, Any]] = []
    body = asyncio.run(package(TEMPLATE, ask, bucket))
    for params in uploads:
        s3.put_object(**params)
    return json.dumps(body, default=str)


def _deploy(cloud, region: str) -> None:
    cloud.client("cloudformation", region).create_stack(
        StackName="users",
        TemplateBody=_packaged(cloud, region),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )


async def _ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _left(cloud, region: str) -> dict[str, int]:
    return {
        "tables": len(cloud.client("dynamodb", region).list_tables()["TableNames"]),
        "functions": len(cloud.client("lambda", region).list_functions()["Functions"]),
        "apis": len(cloud.client("apigateway", region).get_rest_apis()["items"]),
    }


@pytest.mark.parametrize("ticks", [20, 60, 100, 200])
def test_the_user_api_stands_in_two_regions_although_one_was_killed_while_it_was_made(make_cloud, ticks):
    cloud = make_cloud(*REGIONS, "aws-global")
    for region in REGIONS:
        _deploy(cloud, region)
    cloud.run(_ticks(ticks))
    cloud.restart("us-east-1", kill=True)
    for region in REGIONS:
        stack = settled(cloud, "users", region)
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        host = outputs(stack)["ApiUrl"].removeprefix("https://").partition("/")[0]
        # The function itself would need a socket; patterns/user_api/demo.py calls it.
        assert cloud.http("OPTIONS", "/prod/users", host=host)[0] == 200
        assert cloud.http("GET", "/prod/elsewhere", host=host)[0] == 403
        assert _left(cloud, region) == {"tables": 1, "functions": 1, "apis": 1}
    assert len(cloud.client("iam").list_roles()["Roles"]) == 2
    for region in REGIONS:
        stack = settled(cloud, "users", region)
        cloud.client("cloudformation", region).delete_stack(StackName="users")
        assert settled(cloud, stack["StackId"], region)["StackStatus"] == "DELETE_COMPLETE"
        assert _left(cloud, region) == {"tables": 0, "functions": 0, "apis": 0}
    assert cloud.client("iam").list_roles()["Roles"] == []
