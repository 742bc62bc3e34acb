"""An organization as a template says it."""

from __future__ import annotations

import json

import pytest
from organization_workshop import MASTER, SCP, deny
from refusals import refused

TEMPLATE = {
    "Resources": {
        "Whole": {"Type": "AWS::Organizations::Organization", "DeletionPolicy": "Retain"},
        "Unit": {"Type": "AWS::Organizations::OrganizationalUnit", "Properties": {"Name": "work", "ParentId": {"Fn::GetAtt": "Whole.RootId"}}},
        "Member": {
            "Type": "AWS::Organizations::Account",
            "Properties": {"AccountName": "ann", "Email": "ann@example.com", "ParentIds": [{"Ref": "Unit"}], "Tags": [{"Key": "a", "Value": "b"}]},
        },
    },
    "Outputs": {
        "Member": {"Value": {"Ref": "Member"}},
        "Root": {"Value": {"Fn::GetAtt": "Whole.RootId"}},
        "Path": {"Value": {"Fn::GetAtt": "Unit.Path"}},
        "Master": {"Value": {"Fn::GetAtt": "Whole.ManagementAccountId"}},
    },
}


@pytest.fixture
def stack(cloud):
    client = cloud.client("cloudformation", key=MASTER)

    def deploy(template: dict, name: str = "garden") -> dict[str, str]:
        known = {each["StackName"] for each in client.list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])["StackSummaries"]}
        act = client.update_stack if name in known else client.create_stack
        act(StackName=name, TemplateBody=json.dumps(template))
        cloud.sleep(60)
        found = client.describe_stacks(StackName=name)["Stacks"][0]
        events = [e.get("ResourceStatusReason") for e in client.describe_stack_events(StackName=name)["StackEvents"]]
        assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), [e for e in events if e]
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}

    deploy.client = client
    return deploy


def test_a_stack_makes_an_organization_with_a_member_in_its_unit(cloud, stack):
    told = stack(TEMPLATE)
    api = cloud.client("organizations", key=MASTER)
    assert told["Master"] == MASTER
    unit = api.list_parents(ChildId=told["Member"])["Parents"][0]["Id"]
    assert told["Path"] == f"{api.describe_organization()['Organization']['Id']}/{told['Root']}/{unit}/"
    assert api.list_tags_for_resource(ResourceId=told["Member"])["Tags"][0] == {"Key": "a", "Value": "b"}
    template = json.loads(json.dumps(TEMPLATE))
    del template["Resources"]["Member"]["Properties"]["ParentIds"]
    stack(template)
    assert api.list_parents(ChildId=told["Member"])["Parents"] == [{"Id": told["Root"], "Type": "ROOT"}]
    stack.client.delete_stack(StackName="garden")
    cloud.sleep(60)
    # "The default DeletionPolicy for resource AWS::Organizations::Account is Retain":
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-organizations-account.html
    assert api.describe_account(AccountId=told["Member"])["Account"]["State"] == "ACTIVE"
    assert refused(api.describe_organizational_unit, OrganizationalUnitId=unit)[0] == "OrganizationalUnitNotFoundException"


def test_an_account_that_is_to_be_deleted_is_closed(cloud, stack):
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Member"]["DeletionPolicy"] = "Delete"
    del template["Resources"]["Member"]["Properties"]["ParentIds"]
    member = stack(template)["Member"]
    stack.client.delete_stack(StackName="garden")
    cloud.sleep(60)
    assert cloud.client("organizations", key=MASTER).describe_account(AccountId=member)["Account"]["State"] == "SUSPENDED"


def test_policies_of_a_stack_hang_where_it_says(cloud, stack):
    told = stack(TEMPLATE)
    api = cloud.client("organizations", key=MASTER)
    api.enable_policy_type(RootId=told["Root"], PolicyType=SCP)
    guard = {"Type": "AWS::Organizations::Policy", "Properties": {"Name": "guard", "Type": SCP, "Content": json.loads(deny("s3:*")), "TargetIds": [told["Member"]]}}
    delegating = {
        "Type": "AWS::Organizations::ResourcePolicy",
        "Properties": {"Content": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": told["Member"]}, "Action": "organizations:ListAccounts", "Resource": "*"}]}},
    }
    rules = {"Resources": {"Guard": guard, "Delegating": delegating}, "Outputs": {"Guard": {"Value": {"Ref": "Guard"}}}}
    policy = stack(rules, "rules")["Guard"]
    s3, own = cloud.client("s3", key=told["Member"]), cloud.client("organizations", key=told["Member"])
    assert refused(s3.list_buckets)[1].endswith("in a service control policy")
    assert len(own.list_accounts()["Accounts"]) == 2
    guard["Properties"] |= {"TargetIds": [told["Root"]], "Content": json.loads(deny("sqs:*"))}
    stack(rules, "rules")
    assert [each["TargetId"] for each in api.list_targets_for_policy(PolicyId=policy)["Targets"]] == [told["Root"]]
    assert s3.list_buckets()["Buckets"] == []
    assert refused(cloud.client("sqs", key=told["Member"]).list_queues)[0] == "AccessDeniedException"
    stack.client.delete_stack(StackName="rules")
    cloud.sleep(60)
    assert refused(api.describe_policy, PolicyId=policy)[0] == "PolicyNotFoundException"
    assert refused(own.list_accounts)[0] == "AccessDeniedException"
