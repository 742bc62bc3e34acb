"""Stacks that stand become instances of a stack set, and stay as they are."""

from __future__ import annotations

import pytest
from organization_workshop import MASTER
from refusals import refused
from stackset_workshop import HERE, TEMPLATE, Estate

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html and its pages on both kinds of permissions.


@pytest.fixture
def estate(cloud):
    return Estate(cloud)


def _stack(estate: Estate, account: str, text: str = TEMPLATE, **more) -> str:
    made = estate.cloud.client("cloudformation", key=account).create_stack(StackName="own", TemplateBody=text, **more)["StackId"]
    estate.cloud.sleep(3)
    return made


def test_stacks_become_instances_and_what_they_override_stays(estate):
    one, other = estate.member(estate.left), estate.member(estate.left)
    over = [{"ParameterKey": "Seconds", "ParameterValue": "99"}]
    first, second = _stack(estate, one), _stack(estate, other, Parameters=over)
    estate.make()
    asked = {"StackSetName": "ours", "StackIds": [first, second], "OrganizationalUnitIds": [estate.left], "OperationId": "once"}
    done = estate.over(estate.cfn.import_stacks_to_stack_set(**asked))
    assert estate.cfn.import_stacks_to_stack_set(**asked) and len(estate.rest()) == 1
    assert (done["Status"], done["Action"]) == ("SUCCEEDED", "CREATE")
    assert estate.instances() == {(account, HERE): ("CURRENT", estate.left) for account in (one, other)}
    told = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=other, StackInstanceRegion=HERE)["StackInstance"]
    assert (told["StackId"], told["ParameterOverrides"]) == (second, over)
    news = {"UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "Seconds", "ParameterValue": "70"}]}
    assert estate.over(estate.cfn.update_stack_set(StackSetName="ours", **news))["Status"] == "SUCCEEDED"
    assert [estate.seconds(one), estate.seconds(other)] == ["70", "99"]
    # The unit is deployed to from then on, but who was there already gets nothing by it.
    late = estate.member(estate.left)
    estate.cloud.sleep(3)
    estate.rest()
    assert estate.seconds(late) == "70"


def test_a_stack_that_is_another_is_not_imported_and_may_be_later(estate):
    member = estate.member(estate.left)
    id_ = _stack(estate, member, TEMPLATE.replace("60", "61"))
    estate.make()
    asked = {"StackSetName": "ours", "StackIds": [id_], "OrganizationalUnitIds": [estate.garden.root]}
    assert estate.over(estate.cfn.import_stacks_to_stack_set(**asked))["Status"] == "FAILED"
    told = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=member, StackInstanceRegion=HERE)["StackInstance"]
    assert (told["Status"], told["StackInstanceStatus"]) == ("INOPERABLE", {"DetailedStatus": "FAILED_IMPORT"}) and "StackId" not in told
    # "the operation can be retried once the failures are fixed"
    estate.cloud.client("cloudformation", key=member).update_stack(StackName="own", TemplateBody=TEMPLATE)
    estate.cloud.sleep(3)
    assert estate.over(estate.cfn.import_stacks_to_stack_set(**asked))["Status"] == "SUCCEEDED"
    estate.make("second")
    assert refused(estate.cfn.import_stacks_to_stack_set, **asked | {"StackSetName": "second"})[0] == "InvalidOperationException"
    everything = {"DeploymentTargets": {"OrganizationalUnitIds": [estate.garden.root]}, "Regions": [HERE]}
    estate.over(estate.cfn.delete_stack_instances(StackSetName="ours", RetainStacks=True, **everything))
    assert estate.seconds(member) == "60"


def test_a_set_is_made_of_a_stack_and_takes_it_in(estate):
    member = estate.member(estate.left)
    id_ = _stack(estate, member, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "77"}])
    auto = {"PermissionModel": "SERVICE_MANAGED", "AutoDeployment": {"Enabled": False}}
    estate.cfn.create_stack_set(StackSetName="ours", StackId=id_, **auto)
    shown = estate.cfn.describe_stack_set(StackSetName="ours")["StackSet"]
    assert (shown["TemplateBody"], shown["Parameters"]) == (TEMPLATE, [{"ParameterKey": "Seconds", "ParameterValue": "77"}])
    s3 = estate.cloud.client("s3", key=MASTER)
    s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key="stacks.txt", Body=f"{id_}\n".encode())
    asked = {"StackSetName": "ours", "StackIdsUrl": "s3://lists/stacks.txt", "OrganizationalUnitIds": [estate.left]}
    assert estate.over(estate.cfn.import_stacks_to_stack_set(**asked))["Status"] == "SUCCEEDED"
    (told,) = estate.cfn.list_stack_instances(StackSetName="ours")["Summaries"]
    assert told["StackId"] == id_


def test_what_is_wrong_with_an_import_is_said_at_once(estate):
    member = estate.member(estate.left)
    id_ = _stack(estate, member)
    estate.make()
    ask, base = estate.cfn.import_stacks_to_stack_set, {"StackSetName": "ours", "OrganizationalUnitIds": [estate.left]}
    assert refused(ask, StackSetName="ours", StackIds=[id_]) == ("ValidationError", "OrganizationalUnitIds are required")
    # "If a stack doesn't belong to an existing OU ID in the input list, then the AWS CLI will return the StackNotFoundException error"
    assert refused(ask, StackSetName="ours", StackIds=[id_], OrganizationalUnitIds=[estate.right])[0] == "StackNotFoundException"
    assert refused(ask, **base, StackIds=[id_.replace(member, MASTER)])[0] == "StackNotFoundException"
    for wrong in ({}, {"StackIds": ["own"]}, {"StackIds": [id_], "StackIdsUrl": "s3://a/b"}, {"StackIds": [f"arn:aws:sqs:{HERE}:{member}:q"]}):
        assert refused(ask, **base, **wrong)[0] == "ValidationError", wrong
    assert refused(ask, **base, StackIds=[f"{id_}{n}" for n in range(11)])[0] == "LimitExceededException"
    assert refused(ask, **base | {"StackSetName": "none"}, StackIds=[id_])[0] == "StackSetNotFoundException"
    assert estate.instances() == {} and estate.over(ask(**base, StackIds=[f"{id_}0"]))["Status"] == "FAILED"
    auto = {"PermissionModel": "SERVICE_MANAGED", "AutoDeployment": {"Enabled": False}}
    for wrong in ({"StackId": "own"}, {"StackId": f"{id_}0"}, {"StackId": id_, "TemplateBody": TEMPLATE}):
        assert refused(estate.cfn.create_stack_set, StackSetName="second", **auto, **wrong)[0] == "ValidationError", wrong
