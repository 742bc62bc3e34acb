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


def _changed(body: str) -> str:
    """The same application with another timeout, a variable and a queue more."""
    template = json.loads(body)
    template["Resources"]["Later"] = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 90}}
    for entry in template["Resources"].values():
        if entry["Type"] == "AWS::Serverless::Function":
            entry["Properties"]["Timeout"] = 17
            entry["Properties"].setdefault("Environment", {}).setdefault("Variables", {})["LATER"] = {
                "Ref": "Later"
            }
    return json.dumps(template)


FAILING = {
    "Type": "AWS::SQS::Queue",
    "DependsOn": "Later",
    "Properties": {
        "RedrivePolicy": {
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:nowhere",
            "maxReceiveCount": 3,
        }
    },
}


@pytest.mark.parametrize("is_failing", [False, True])
@pytest.mark.parametrize("ticks", [5, 15, 30, 45, 60, 80, 100, 130, 160, 200])
def test_an_update_of_the_user_api_killed_anywhere_goes_on_or_rolls_back(make_cloud, ticks, is_failing):
    cloud = make_cloud("us-east-1", "aws-global")
    _deploy(cloud, "us-east-1")
    before = settled(cloud, "users")
    assert before["StackStatus"] == "CREATE_COMPLETE"
    template = _changed(_packaged_again(cloud))
    if is_failing:
        template = json.loads(template)
        template["Resources"]["Failing"] = FAILING
        template = json.dumps(template)
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(
        StackName="users",
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloud.run(_ticks(ticks))
    cloud.restart("us-east-1", kill=True)
    cloud.run(_ticks(ticks // 3))
    cloud.restart("us-east-1", kill=True)
    stack = settled(cloud, "users")
    assert stack["StackStatus"] == ("UPDATE_ROLLBACK_COMPLETE" if is_failing else "UPDATE_COMPLETE")
    assert outputs(stack) == outputs(before)
    assert _left(cloud, "us-east-1") == {"tables": 1, "functions": 1, "apis": 1}
    assert len(cloud.client("sqs").list_queues().get("QueueUrls", [])) == (0 if is_failing else 1)
    (function,) = cloud.client("lambda").list_functions()["Functions"]
    assert (function["Timeout"] == 17) is not is_failing
    assert ("LATER" in function.get("Environment", {}).get("Variables", {})) is not is_failing
    cloudformation.detect_stack_drift(StackName="users")
    drifts = cloudformation.describe_stack_resource_drifts(StackName="users")["StackResourceDrifts"]
    assert {
        d["LogicalResourceId"]: d["PropertyDifferences"] for d in drifts if d["PropertyDifferences"]
    } == {}


def _packaged_again(cloud) -> str:
    """The template as it was deployed."""
    body = cloud.client("cloudformation").get_template(StackName="users")["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body)
