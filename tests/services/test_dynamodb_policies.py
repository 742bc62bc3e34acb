"""DynamoDB: resource policies of tables."""

from __future__ import annotations

import json

import pytest
from music import table
from refusals import refused

ARN = "arn:aws:dynamodb:us-east-1:111111111111:table/music"
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


def document(action="dynamodb:GetItem", account="222222222222"):
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def ddb(cloud):
    client = cloud.client("dynamodb", key="111111111111")
    table(client)
    client.put_item(TableName="music", Item=KEY)
    return client


def test_a_policy_lets_another_account_in_as_far_as_it_says(cloud, ddb):
    theirs = cloud.client("dynamodb", key="222222222222")
    assert refused(theirs.get_item, TableName=ARN, Key=KEY)[0] == "AccessDeniedException"
    ddb.put_resource_policy(ResourceArn=ARN, Policy=document())
    assert theirs.get_item(TableName=ARN, Key=KEY)["Item"] == KEY
    assert refused(theirs.delete_item, TableName=ARN, Key=KEY)[0] == "AccessDeniedException"
    ddb.delete_resource_policy(ResourceArn=ARN)
    assert refused(theirs.get_item, TableName=ARN, Key=KEY)[0] == "AccessDeniedException"


def test_a_policy_goes_with_its_table(ddb):
    ddb.put_resource_policy(ResourceArn=ARN, Policy=document())
    ddb.delete_table(TableName="music")
    table(ddb)
    assert refused(ddb.get_resource_policy, ResourceArn=ARN)[0] == "PolicyNotFoundException"
    ddb.delete_table(TableName="music")
    table(ddb, ResourcePolicy=document())
    assert json.loads(ddb.get_resource_policy(ResourceArn=ARN)["Policy"]) == json.loads(document())


def test_revisions_guard_a_policy(ddb):
    """Texts recorded from AWS by getmoto/moto, tests/test_dynamodb/test_dynamodb_resource_policy.py."""
    none = "Resource-based policy not found for the provided ResourceArn: "
    assert refused(ddb.get_resource_policy, ResourceArn=ARN) == ("PolicyNotFoundException", none + ARN)
    assert "RevisionId" not in ddb.delete_resource_policy(ResourceArn=ARN)
    put = {"ResourceArn": ARN, "Policy": document()}
    first = ddb.put_resource_policy(**put, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    assert ddb.put_resource_policy(**put)["RevisionId"] == first
    assert refused(ddb.put_resource_policy, **put, ExpectedRevisionId="NO_POLICY")[1] == (
        f"{none}Requested policy update expecting none to be present for table music, but a policy exists "
        f"with revision id {first}."
    )
    put["Policy"] = document("dynamodb:*")
    second = ddb.put_resource_policy(**put, ExpectedRevisionId=first)["RevisionId"]
    assert second > first
    stale = {"ResourceArn": ARN, "ExpectedRevisionId": first}
    assert refused(ddb.delete_resource_policy, **stale)[1] == (
        f"{none}Requested update for policy with revision id {first}, but the policy associated to target table music "
        f"has revision id {second}."
    )
    assert ddb.get_resource_policy(ResourceArn=ARN)["RevisionId"] == second


def test_a_policy_has_principals_and_a_size_as_cdk_preflight_saw_it_of_aws(ddb):
    """Its rules pf-dynamodb-resource-policy-principal and -size."""
    invalid = "One or more parameter values were invalid: "
    nobody = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}]}'
    for policy, text in (
        (nobody, "Invalid policy document: Missing required field Principal"),
        (document() + " " * 20_480, "Maximum policy size of 20480 bytes exceeded"),
    ):
        assert refused(ddb.put_resource_policy, ResourceArn=ARN, Policy=policy) == ("ValidationException", invalid + text)


def test_what_is_no_policy_or_no_table_is_refused(ddb):
    assert refused(ddb.put_resource_policy, ResourceArn=ARN, Policy="{")[0] == "ValidationException"
    assert refused(ddb.put_resource_policy, ResourceArn=ARN + "_", Policy=document()) == (
        "ResourceNotFoundException", "Requested resource not found: Table: music_ not found",
    )  # fmt: skip
    assert refused(ddb.put_resource_policy, ResourceArn=ARN + "/stream/x", Policy=document())[0] == "NotImplemented"


def test_continuous_backups_are_told_to_be_off(ddb):
    found = ddb.describe_continuous_backups(TableName="music")["ContinuousBackupsDescription"]
    assert found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert refused(ddb.describe_continuous_backups, TableName="none") == (
        "TableNotFoundException", "Table not found: none",
    )  # fmt: skip
