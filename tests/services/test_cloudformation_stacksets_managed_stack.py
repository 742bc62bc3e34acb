"""AWS::CloudFormation::StackSet in templates, with permissions of an organization and with those of its owner."""

from __future__ import annotations

import json

import pytest
from organization_workshop import MASTER
from stackset_workshop import HERE, SERVICE, TEMPLATE, THERE, Estate


@pytest.fixture
def estate(cloud):
    return Estate(cloud)


def _template(**properties) -> str:
    said = {"StackSetName": "ours", "PermissionModel": "SERVICE_MANAGED", "AutoDeployment": {"Enabled": "true"}, "TemplateBody": TEMPLATE} | properties
    outputs = {"Id": {"Value": {"Ref": "Set"}}, "Same": {"Value": {"Fn::GetAtt": "Set.StackSetId"}}}
    return json.dumps({"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": said}}, "Outputs": outputs})


def _group(*units: str, regions: tuple[str, ...] = (HERE,), **more) -> dict:
    return {"DeploymentTargets": {"OrganizationalUnitIds": list(units)}, "Regions": list(regions), **more}


def _over(estate: Estate, client=None, name: str = "base") -> dict:
    client = client or estate.cfn
    for _ in range(900):
        found = client.describe_stacks(StackName=name)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        estate.cloud.sleep(0.2)
    raise AssertionError(found)


def _reason(estate: Estate, status: str) -> str:
    events = estate.cfn.describe_stack_events(StackName="base")["StackEvents"]
    return next(each["ResourceStatusReason"] for each in events if each["LogicalResourceId"] == "Set" and each["ResourceStatus"] == status)


def test_a_template_makes_changes_and_deletes_a_set_with_its_instances(estate):
    one, other = estate.member(estate.left), estate.member(estate.right)
    over = {"ParameterOverrides": [{"ParameterKey": "Seconds", "ParameterValue": 99}]}
    first = _template(StackInstancesGroup=[_group(estate.left, regions=(HERE, THERE))], Tags=[{"Key": "team", "Value": "a"}])
    estate.cfn.create_stack(StackName="base", TemplateBody=first)
    done = _over(estate)
    assert done["StackStatus"] == "CREATE_COMPLETE", _reason(estate, "CREATE_FAILED")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in done["Outputs"]}
    shown = estate.cfn.describe_stack_set(StackSetName="ours")["StackSet"]
    assert outputs == {"Id": shown["StackSetId"], "Same": shown["StackSetId"]} and shown["AutoDeployment"]["Enabled"] is True
    assert [estate.seconds(account, region) for account in (one, other) for region in (HERE, THERE)] == ["60", "60", None, None]
    changed = _template(
        StackInstancesGroup=[_group(estate.left, **over), _group(estate.right)], Parameters=[{"ParameterKey": "Seconds", "ParameterValue": 70}],
        OperationPreferences={"MaxConcurrentPercentage": "100", "FailureToleranceCount": "0"}, ManagedExecution={"Active": True},
    )  # fmt: skip
    estate.cfn.update_stack(StackName="base", TemplateBody=changed)
    assert _over(estate)["StackStatus"] == "UPDATE_COMPLETE"
    assert [estate.seconds(account, region) for account in (one, other) for region in (HERE, THERE)] == ["99", None, "70", None]
    assert [action for action, _ in estate.rest()] == ["CREATE", "DELETE", "UPDATE", "CREATE", "UPDATE"]
    assert estate.cfn.describe_stack_set(StackSetName="ours")["StackSet"]["Tags"] == []
    estate.cfn.delete_stack(StackName="base")
    estate.cloud.sleep(30)
    assert estate.cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == [] and estate.seconds(one) is None


def test_an_operation_that_fails_takes_the_set_back(estate):
    estate.member(estate.left)
    bad = _template(StackInstancesGroup=[_group(estate.left)], Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "99999999"}])
    estate.cfn.create_stack(StackName="base", TemplateBody=bad)
    assert _over(estate)["StackStatus"] == "ROLLBACK_COMPLETE"
    # In AWS's handler's words: BaseHandlerStd of AWS::CloudFormation::StackSet.
    assert "was unexpectedly stopped or failed" in _reason(estate, "CREATE_FAILED")
    assert estate.cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_delegated_administrator_says_so_in_the_template(estate):
    """aws-cloudformation/cloudformation-coverage-roadmap#799: without CallAs it is no administrator's."""
    member, target = estate.member(), estate.member(estate.left)
    estate.garden.api.register_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    theirs = estate.cloud.client("cloudformation", key=member)
    theirs.create_stack(StackName="base", TemplateBody=_template(StackInstancesGroup=[_group(estate.left)]))
    assert _over(estate, theirs)["StackStatus"] == "ROLLBACK_COMPLETE"
    theirs.delete_stack(StackName="base")
    estate.cloud.sleep(2)
    theirs.create_stack(StackName="base", TemplateBody=_template(StackInstancesGroup=[_group(estate.left)], CallAs="DELEGATED_ADMIN"))
    assert _over(estate, theirs)["StackStatus"] == "CREATE_COMPLETE" and estate.seconds(target) == "60"
    theirs.delete_stack(StackName="base")
    estate.cloud.sleep(20)
    assert estate.seconds(target) is None and estate.cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_set_with_roles_of_its_owner_names_accounts(estate):
    member, iam = estate.member(), estate.cloud.client("iam", key=MASTER)

    def trust(**who: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}})

    def may(what: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": what, "Resource": "*"}})

    admin = iam.create_role(RoleName="AWSCloudFormationStackSetAdministrationRole", AssumeRolePolicyDocument=trust(Service="cloudformation.amazonaws.com"))
    iam.put_role_policy(RoleName="AWSCloudFormationStackSetAdministrationRole", PolicyName="may", PolicyDocument=may("sts:AssumeRole"))
    theirs = estate.cloud.client("iam", key=member)
    theirs.create_role(RoleName="AWSCloudFormationStackSetExecutionRole", AssumeRolePolicyDocument=trust(AWS=admin["Role"]["Arn"]))
    theirs.put_role_policy(RoleName="AWSCloudFormationStackSetExecutionRole", PolicyName="may", PolicyDocument=may("*"))
    said = {"StackSetName": "own", "PermissionModel": "SELF_MANAGED", "TemplateBody": TEMPLATE, "Description": "a"}
    group = {"StackInstancesGroup": [{"DeploymentTargets": {"Accounts": [member]}, "Regions": [HERE]}]}

    def written(**more) -> str:
        return json.dumps({"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": {**said, **more}}}})

    estate.cfn.create_stack(StackName="base", TemplateBody=written(**group))
    assert _over(estate)["StackStatus"] == "CREATE_COMPLETE" and estate.seconds(member) == "60"
    estate.cfn.update_stack(StackName="base", TemplateBody=written(Description="b"))
    assert _over(estate)["StackStatus"] == "UPDATE_COMPLETE" and estate.seconds(member) is None
    assert estate.cfn.describe_stack_set(StackSetName="own")["StackSet"]["Description"] == "b"


@pytest.mark.parametrize("after_s", [0.1, 0.5, 1.5])
def test_a_stack_that_was_killed_makes_its_set_once(estate, after_s):
    member = estate.member(estate.left)
    estate.cfn.create_stack(StackName="base", TemplateBody=_template(StackInstancesGroup=[_group(estate.left, regions=(HERE, THERE))]))
    estate.cloud.sleep(after_s)
    estate.cloud.restart(HERE, kill=True)
    assert _over(estate)["StackStatus"] == "CREATE_COMPLETE"
    assert [estate.seconds(member, region) for region in (HERE, THERE)] == ["60", "60"]
    assert [action for action, _ in estate.rest()] == ["CREATE"] and len(estate.cfn.list_stack_sets()["Summaries"]) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"StackInstancesGroup": ["x"]}, {"StackInstancesGroup": "x"}, {"Parameters": "x"}, {"Parameters": [{"ParameterKey": ["a"]}]},
        {"StackInstancesGroup": [{"DeploymentTargets": "x", "Regions": [HERE]}]}, {"OperationPreferences": {"MaxConcurrentCount": "x"}},
        {"StackInstancesGroup": [{"DeploymentTargets": {"OrganizationalUnitIds": "x"}, "Regions": "y"}]}, {"AutoDeployment": []},
        {"StackInstancesGroup": [_group("ou-abcd-abcdefgh"), _group("ou-abcd-abcdefgh")]}, {"StackInstancesGroup": [{}]},
    ],
)  # fmt: skip
def test_what_is_malformed_fails_the_stack_and_leaves_nothing(estate, more):
    try:
        estate.cfn.create_stack(StackName="base", TemplateBody=_template(**more))
    except estate.cfn.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationError"
    else:
        assert _over(estate)["StackStatus"] == "ROLLBACK_COMPLETE" and "Internal Failure" not in _reason(estate, "CREATE_FAILED")
    assert estate.cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == []
