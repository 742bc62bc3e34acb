"""Change sets of stacks that stand in stacks: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

URL = "https://templates.s3.amazonaws.com/"


def topics(*names: str) -> dict:
    return {"Resources": {name: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name.lower()}} for name in names}}


def nesting(key: str, **properties) -> dict:
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": URL + key, **properties}}


def put(cloud, key: str, template: dict) -> None:
    cloud.client("s3").put_object(Bucket="templates", Key=key, Body=json.dumps(template))


@pytest.fixture
def outer(cloud) -> str:
    """A template of three storeys, the lowest with a topic whose name the middle one is told."""
    cloud.client("s3").create_bucket(Bucket="templates")
    inner = topics("Low") | {"Parameters": {"Shown": {"Type": "String"}}, "Outputs": {"Name": {"Value": {"Fn::GetAtt": "Low.TopicName"}}}}
    inner["Resources"]["Low"]["Properties"]["DisplayName"] = {"Ref": "Shown"}
    put(cloud, "inner", inner)
    middle = topics("Middle") | {"Parameters": {"Shown": {"Type": "String"}}}
    middle["Resources"]["Inner"] = nesting("inner", Parameters={"Shown": {"Ref": "Shown"}})
    put(cloud, "middle", middle)
    return json.dumps({
        "Parameters": {"Shown": {"Type": "String", "Default": "a"}},
        "Resources": topics("Top")["Resources"] | {"Inside": nesting("middle", Parameters={"Shown": {"Ref": "Shown"}})},
        "Outputs": {"Inside": {"Value": {"Ref": "Inside"}}},
    })  # fmt: skip


def review(cloud, name: str, template: str, kind: str, **more) -> dict:
    client = cloud.client("cloudformation")
    made = client.create_change_set(StackName="outer", ChangeSetName=name, ChangeSetType=kind, TemplateBody=template, IncludeNestedStacks=True, **more)
    return client.describe_change_set(ChangeSetName=made["Id"])


def changes(change_set: dict) -> dict[str, dict]:
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in change_set["Changes"]}


def below(cloud, change_set: dict, logical_id: str) -> dict:
    return cloud.client("cloudformation").describe_change_set(ChangeSetName=changes(change_set)[logical_id]["ChangeSetId"])


def test_a_change_set_tells_of_the_whole_hierarchy_and_makes_it(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    root = review(cloud, "first", outer, "CREATE")
    middle = below(cloud, root, "Inside")
    low = below(cloud, middle, "Inner")
    assert [sorted(changes(each)) for each in (root, middle, low)] == [["Inside", "Top"], ["Inner", "Middle"], ["Low"]]
    assert (middle["ParentChangeSetId"], middle["RootChangeSetId"]) == (root["ChangeSetId"],) * 2
    assert (low["ParentChangeSetId"], low["RootChangeSetId"]) == (middle["ChangeSetId"], root["ChangeSetId"])
    assert "ParentChangeSetId" not in root and middle["ChangeSetName"].startswith("first-Inside-")
    reviewed = {stack["StackName"]: stack for stack in cloudformation.describe_stacks()["Stacks"]}
    assert {stack["StackStatus"] for stack in reviewed.values()} == {"REVIEW_IN_PROGRESS"} and len(reviewed) == 3
    assert reviewed[low["StackName"]]["RootId"] == root["StackId"] and reviewed[low["StackName"]]["ParentId"] == middle["StackId"]
    cloudformation.execute_change_set(ChangeSetName=root["ChangeSetId"])
    stack = settled(cloud, "outer")
    assert stack["StackStatus"] == "CREATE_COMPLETE" and outputs(stack)["Inside"] == middle["StackId"]
    made = {each["StackName"]: each["StackStatus"] for each in cloudformation.describe_stacks()["Stacks"]}
    assert made == dict.fromkeys(reviewed, "CREATE_COMPLETE")
    assert len(cloud.client("sns").list_topics()["Topics"]) == 3
    assert cloudformation.describe_change_set(ChangeSetName=low["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_only_what_changes_has_a_change_set_and_what_only_the_deploy_knows_is_told_as_such(cloud, outer):
    create(cloud, "outer", outer)
    cloudformation = cloud.client("cloudformation")
    # Without nested stacks AWS cannot know whether their templates have changed: "Automatic", says
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    made = cloudformation.create_change_set(StackName="outer", ChangeSetName="blind", TemplateBody=outer)
    (change,) = cloudformation.describe_change_set(ChangeSetName=made["Id"])["Changes"]
    automatic = {"Target": {"Attribute": "Properties", "RequiresRecreation": "Never"}, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}
    assert change["ResourceChange"]["LogicalResourceId"] == "Inside" and change["ResourceChange"]["Details"] == [automatic]
    idle = review(cloud, "idle", outer, "UPDATE")
    assert (idle["Status"], idle["Changes"]) == ("FAILED", []) and idle["StatusReason"].startswith("The submitted information didn't contain changes.")
    root = review(cloud, "second", outer, "UPDATE", Parameters=[{"ParameterKey": "Shown", "ParameterValue": "b"}])
    assert list(changes(root)) == ["Inside"]
    low = below(cloud, below(cloud, root, "Inside"), "Inner")
    assert changes(low)["Low"]["Details"][0]["CausingEntity"] == "Shown"
    more = json.loads(outer)
    more["Resources"] |= topics("New")["Resources"]
    more["Resources"]["Inside"]["Properties"]["Parameters"] = {"Shown": {"Fn::GetAtt": "New.TopicName"}}
    unknown = below(cloud, review(cloud, "third", json.dumps(more), "UPDATE"), "Inside")
    assert unknown["Parameters"] == [{"ParameterKey": "Shown", "ParameterValue": "{{changeSet:KNOWN_AFTER_APPLY}}"}]
    cloudformation.execute_change_set(ChangeSetName="third", StackName="outer")
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_COMPLETE"
    arn = "arn:aws:sns:us-east-1:000000000000:low"
    assert cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "new"


def test_a_template_that_changed_where_it_lies_is_seen_by_the_next_update(cloud, outer):
    create(cloud, "outer", outer)
    put(cloud, "inner", topics("Low", "Lower") | {"Parameters": {"Shown": {"Type": "String"}}})
    low = below(cloud, below(cloud, review(cloud, "next", outer, "UPDATE"), "Inside"), "Inner")
    assert changes(low)["Lower"]["Action"] == "Add"
    cloud.client("cloudformation").update_stack(StackName="outer", TemplateBody=outer)
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_COMPLETE"
    assert len(cloud.client("sns").list_topics()["Topics"]) == 4


def failing(cloud, template: str) -> str:
    """The template with a resource that cannot be made once everything nested was updated."""
    cloud.client("sqs").create_queue(QueueName="taken")
    more = json.loads(template)
    more["Resources"]["Late"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "taken"}, "DependsOn": ["Inside"]}
    return json.dumps(more)


def names(cloud) -> list[str]:
    return sorted(each["TopicArn"].rpartition(":")[2] for each in cloud.client("sns").list_topics()["Topics"])


def nested(cloud, stack: str, logical_id: str) -> str:
    return cloud.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)["StackResourceDetail"]["PhysicalResourceId"]


def put_changed(cloud) -> dict:
    """Another template where the innermost lies."""
    other = topics("Low", "Lower") | {"Parameters": {"Shown": {"Type": "String"}}, "Outputs": {"Name": {"Value": "other"}}}
    put(cloud, "inner", other)
    return other


def test_what_an_update_is_taken_back_to_is_what_stood_whatever_lies_where_its_template_lay(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "outer", outer)
    inner = nested(cloud, nested(cloud, "outer", "Inside"), "Inner")
    template = cloudformation.get_template(StackName=inner)["TemplateBody"]
    put_changed(cloud)
    cloudformation.update_stack(StackName="outer", TemplateBody=failing(cloud, outer))
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(cloud) == ["low", "middle", "top"]
    assert cloudformation.get_template(StackName=inner)["TemplateBody"] == template
    assert outputs(cloudformation.describe_stacks(StackName=inner)["Stacks"][0]) == {"Name": "low"}
    told = [each for each in cloudformation.describe_stack_events(StackName=inner)["StackEvents"] if each["LogicalResourceId"] == "Lower"]
    assert [each["ResourceStatus"] for each in reversed(told)] == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    # What is there next is seen again, and what has come of it is what a later update is taken back to.
    cloudformation.update_stack(StackName="outer", TemplateBody=outer)
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_COMPLETE"
    assert names(cloud) == ["low", "lower", "middle", "top"]
    put(cloud, "inner", topics("Lowest") | {"Parameters": {"Shown": {"Type": "String"}}})
    changing = [{"ParameterKey": "Shown", "ParameterValue": "b"}]
    cloudformation.update_stack(StackName="outer", TemplateBody=failing(cloud, outer), Parameters=changing)
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(cloud) == ["low", "lower", "middle", "top"]
    assert outputs(cloudformation.describe_stacks(StackName=inner)["Stacks"][0]) == {"Name": "other"}


def test_a_failure_left_standing_is_taken_back_to_what_stood_before_every_attempt(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "outer", outer)
    broken = failing(cloud, outer)
    for key in ("Lower", "Lowest"):
        put(cloud, "inner", topics("Low", key) | {"Parameters": {"Shown": {"Type": "String"}}})
        cloudformation.update_stack(StackName="outer", TemplateBody=broken, DisableRollback=True)
        assert settled(cloud, "outer")["StackStatus"] == "UPDATE_FAILED"
    assert names(cloud) == ["low", "lowest", "middle", "top"]
    cloudformation.rollback_stack(StackName="outer")
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(cloud) == ["low", "middle", "top"]


def test_a_nested_stack_updated_by_itself_is_brought_back_by_itself(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "outer", outer)
    middle = nested(cloud, "outer", "Inside")
    other = put_changed(cloud)
    template = json.loads(cloud.client("s3").get_object(Bucket="templates", Key="middle")["Body"].read())
    parameters = [{"ParameterKey": "Shown", "ParameterValue": "b"}]
    cloudformation.update_stack(StackName=middle, TemplateBody=json.dumps(template), Parameters=parameters)
    assert settled(cloud, middle)["StackStatus"] == "UPDATE_COMPLETE"
    assert names(cloud) == ["low", "lower", "middle", "top"]
    cloud.client("sqs").create_queue(QueueName="taken")
    template["Resources"]["Late"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "taken"}, "DependsOn": ["Inner"]}
    put(cloud, "inner", topics("Low") | {key: other[key] for key in ("Parameters", "Outputs")})
    cloudformation.update_stack(StackName=middle, TemplateBody=json.dumps(template), Parameters=parameters)
    assert settled(cloud, middle)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(cloud) == ["low", "lower", "middle", "top"]


def test_a_region_that_is_killed_goes_on_bringing_back_what_stood(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "outer", outer)
    inner = nested(cloud, nested(cloud, "outer", "Inside"), "Inner")
    put_changed(cloud)
    cloudformation.update_stack(StackName="outer", TemplateBody=failing(cloud, outer))
    for _ in range(600):
        told = cloudformation.describe_stack_events(StackName="outer")["StackEvents"]
        if any(each["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS" for each in told):
            break
        cloud.sleep(0.01)
    cloud.restart(kill=True)
    assert settled(cloud, "outer")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(cloud) == ["low", "middle", "top"]
    assert outputs(cloud.client("cloudformation").describe_stacks(StackName=inner)["Stacks"][0]) == {"Name": "low"}


def test_a_nested_change_set_is_executed_and_deleted_with_its_root_alone(cloud, outer):
    cloudformation = cloud.client("cloudformation")
    root = review(cloud, "first", outer, "CREATE")
    low = below(cloud, below(cloud, root, "Inside"), "Inner")
    for operation in (cloudformation.execute_change_set, cloudformation.delete_change_set):
        assert refused(operation, ChangeSetName=low["ChangeSetId"])[0] == "InvalidChangeSetStatus"
    cloudformation.delete_change_set(ChangeSetName=root["ChangeSetId"])
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    assert refused(cloudformation.describe_change_set, ChangeSetName=low["ChangeSetId"])[0] == "ChangeSetNotFound"
    assert [stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]] == ["outer"]
    cloudformation.delete_stack(StackName="outer")
    with pytest.raises(ClientError):
        cloudformation.describe_stacks(StackName="outer")


def test_what_is_wrong_with_a_nested_template_fails_the_change_sets_above_it(cloud, outer):
    put(cloud, "inner", {"Resources": {"Odd": {"Type": "AWS::No::Such"}}})
    root = review(cloud, "first", outer, "CREATE")
    assert root["Status"] == "FAILED"
    # The form of the reason: https://github.com/aws/aws-cdk/issues/19044 and others quote it.
    assert root["StatusReason"].startswith("Nested change set arn:aws:cloudformation:") and "Currently in FAILED" in root["StatusReason"]
    assert refused(cloud.client("cloudformation").execute_change_set, ChangeSetName=root["ChangeSetId"])[0] == "InvalidChangeSetStatus"
    cloud.client("cloudformation").delete_stack(StackName="outer")
    assert cloud.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_region_that_is_killed_goes_on_with_what_a_whole_change_set_began(cloud, outer):
    root = review(cloud, "first", outer, "CREATE")
    cloud.client("cloudformation").execute_change_set(ChangeSetName=root["ChangeSetId"])
    cloud.restart(kill=True)
    assert settled(cloud, "outer")["StackStatus"] == "CREATE_COMPLETE"
    assert len(cloud.client("cloudformation").describe_stacks()["Stacks"]) == 3
