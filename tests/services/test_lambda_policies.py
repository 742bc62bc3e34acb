"""Whole resource policies of functions, versions and aliases.

https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make
from refusals import refused

OTHER = "222222222222"


@pytest.fixture
def function(cloud) -> str:
    return make(cloud)["FunctionArn"]


@pytest.fixture
def client(cloud):
    return cloud.client("lambda")


def policy(arn: str, *, action: str = "lambda:InvokeFunction", effect: str = "Allow", **more) -> str:
    statement = {"Effect": effect, "Principal": {"AWS": OTHER}, "Action": action, "Resource": arn, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_lets_another_account_invoke_until_it_is_deleted(cloud, client, function):
    theirs = cloud.client("lambda", key=OTHER)
    assert refused(theirs.invoke, FunctionName=function)[0] == "AccessDeniedException"
    put = client.put_resource_policy(ResourceArn=function, Policy=policy(function))
    assert json.loads(put["Policy"]) == json.loads(policy(function)) and len(put["RevisionId"]) == 36
    assert theirs.invoke(FunctionName=function)["StatusCode"] == 200
    got = client.get_resource_policy(ResourceArn=function)
    assert (got["Policy"], got["RevisionId"]) == (put["Policy"], put["RevisionId"])
    client.delete_resource_policy(ResourceArn=function)
    assert refused(theirs.invoke, FunctionName=function)[0] == "AccessDeniedException"
    assert refused(client.get_resource_policy, ResourceArn=function)[0] == "ResourceNotFoundException"
    assert refused(client.delete_resource_policy, ResourceArn=function)[0] == "ResourceNotFoundException"


def test_a_policy_may_deny_and_ask_for_what_permissions_cannot(cloud, client, function):
    agent = {"StringLike": {"aws:UserAgent": "nobody*"}}
    client.put_resource_policy(ResourceArn=function, Policy=policy(function, Condition=agent))
    assert refused(cloud.client("lambda", key=OTHER).invoke, FunctionName=function)[0] == "AccessDeniedException"
    client.put_resource_policy(ResourceArn=function, Policy=policy(function, effect="Deny", Principal="*"))
    with pytest.raises(ClientError, match="AccessDenied"):
        invoke(cloud)


def test_a_policy_takes_the_place_of_permissions_which_may_add_to_it(client, function):
    client.add_permission(FunctionName="f", StatementId="old", Action="lambda:InvokeFunction", Principal=OTHER)
    whole = json.loads(policy(function, Sid="mine")) | {"Id": "ours"}
    client.put_resource_policy(ResourceArn=function, Policy=json.dumps(whole))
    client.add_permission(FunctionName="f", StatementId="new", Action="lambda:GetFunction", Principal=OTHER)
    told = json.loads(client.get_policy(FunctionName="f")["Policy"])
    assert (told["Id"], [each["Sid"] for each in told["Statement"]]) == ("ours", ["mine", "new"])
    client.remove_permission(FunctionName="f", StatementId="mine")
    assert [each["Sid"] for each in json.loads(client.get_resource_policy(ResourceArn=function)["Policy"])["Statement"]] == ["new"]


def test_a_revision_that_is_not_the_last_changes_nothing(client, function):
    first = client.put_resource_policy(ResourceArn=function, Policy=policy(function))["RevisionId"]
    second = client.put_resource_policy(ResourceArn=function, Policy=policy(function, Sid="b"), RevisionId=first)["RevisionId"]
    for call, more in ((client.put_resource_policy, {"Policy": policy(function)}), (client.delete_resource_policy, {})):
        assert refused(call, ResourceArn=function, RevisionId=first, **more)[0] == "PreconditionFailedException"
    client.delete_resource_policy(ResourceArn=function, RevisionId=second)


def test_an_alias_has_a_policy_of_its_own(cloud, client, function):
    version = client.publish_version(FunctionName="f")["Version"]
    alias = client.create_alias(FunctionName="f", Name="live", FunctionVersion=version)["AliasArn"]
    client.put_resource_policy(ResourceArn=alias, Policy=policy(alias))
    assert refused(client.get_resource_policy, ResourceArn=function)[0] == "ResourceNotFoundException"
    theirs = cloud.client("lambda", key=OTHER)
    assert theirs.invoke(FunctionName=alias)["StatusCode"] == 200
    assert refused(theirs.invoke, FunctionName=function)[0] == "AccessDeniedException"
    client.delete_alias(FunctionName="f", Name="live")
    assert refused(client.get_resource_policy, ResourceArn=alias)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("document", ["no JSON", "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}'])
def test_what_is_no_policy_is_refused(client, function, document):
    assert refused(client.put_resource_policy, ResourceArn=function, Policy=document)[0] == "InvalidParameterValueException"


def test_what_is_not_there_has_no_policy(client, function):
    for call, more in ((client.put_resource_policy, {"Policy": policy(function)}), (client.get_resource_policy, {})):
        assert refused(call, ResourceArn=function + "x", **more)[0] == "ResourceNotFoundException"
