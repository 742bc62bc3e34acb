"""Change sets: what would change is told, and then done, or not."""

from __future__ import annotations

import json

from refusals import refused
from test_cloudformation_stack import QUEUES, create, outputs, settled

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table: {Type: AWS::Serverless::SimpleTable%s}
"""


def test_a_change_set_for_a_new_stack_waits_for_its_execution(cloud):
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=QUEUES
    )
    shown = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert (shown["Status"], shown["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert {(c["ResourceChange"]["Action"], c["ResourceChange"]["LogicalResourceId"]) for c in shown["Changes"]} == {
        ("Add", "Dead"), ("Add", "Orders"),
    }  # fmt: skip
    assert (
        cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    )
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    # https://github.com/cdklabs/awscdk-v1-stack-finder/issues/273; ``cdk deploy`` looks.
    assert "TemplateBody" not in cloudformation.get_template(StackName="shop")
    cloudformation.execute_change_set(ChangeSetName="first", StackName="shop")
    stack = settled(cloud, "shop")
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("CREATE_COMPLETE", made["Id"])
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 2
    assert (
        cloudformation.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    )
    assert refused(cloudformation.execute_change_set, ChangeSetName=made["Id"])[0] == "InvalidChangeSetStatus"


def test_a_stack_under_review_can_be_created_without_its_change_set(cloud):
    """Recorded: localstack/localstack, test_changesets.py, test_create_while_in_review."""
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=QUEUES
    )
    stack = create(cloud, "shop", QUEUES)
    assert (stack["StackStatus"], stack["StackId"]) == ("CREATE_COMPLETE", made["StackId"])
    assert cloudformation.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "OBSOLETE"
    assert refused(cloudformation.create_stack, StackName="shop", TemplateBody=QUEUES)[0] == "AlreadyExistsException"


def test_a_stack_without_nested_ones_may_be_asked_about_them(cloud):
    """``cdk deploy`` always asks for them."""
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "ChangeSetName": "first", "ChangeSetType": "CREATE", "IncludeNestedStacks": True}
    made = cloudformation.create_change_set(**asked, TemplateBody=QUEUES)
    assert cloudformation.describe_change_set(ChangeSetName=made["Id"])["IncludeNestedStacks"] is True


def test_a_change_set_can_be_deleted_when_its_execution_is_over(cloud):
    """Recorded: localstack/localstack, test_changesets.py, test_describe_changeset_after_delete."""
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=QUEUES
    )
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    assert refused(cloudformation.delete_change_set, ChangeSetName=made["Id"])[0] == "InvalidChangeSetStatus"
    settled(cloud, "shop")
    cloudformation.delete_change_set(StackName="shop", ChangeSetName="first")
    assert refused(cloudformation.describe_change_set, StackName="shop", ChangeSetName="first") == (
        "ChangeSetNotFound", "ChangeSet [first] does not exist",
    )  # fmt: skip


def test_what_a_change_set_promises_is_what_its_execution_does(cloud):
    before = create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    changed = QUEUES.replace("Default: 60", "Default: 90").replace(
        "  Dead: {Type: AWS::SQS::Queue}", "  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: grave}}"
    )
    cloudformation.create_change_set(StackName="shop", ChangeSetName="next", TemplateBody=changed)
    shown = cloudformation.describe_change_set(ChangeSetName="next", StackName="shop")
    found = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in shown["Changes"]}
    assert (found["Dead"]["Replacement"], found["Orders"]["Replacement"]) == ("True", "False")
    timeouts = [d for d in found["Orders"]["Details"] if d["Target"]["Name"] == "VisibilityTimeout"]
    # A default that changed is told as a parameter that changed: localstack/localstack,
    # test_change_set_parameters.snapshot.json, test_update_parameter_default_value.
    assert [d["ChangeSource"] for d in timeouts] == ["ParameterReference", "DirectModification"]
    assert {d["Target"]["RequiresRecreation"] for d in timeouts} == {"Never"}
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.execute_change_set(ChangeSetName="next", StackName="shop")
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_COMPLETE" and outputs(after)["Url"] == outputs(before)["Url"]
    names = {url.rpartition("/")[2] for url in cloud.client("sqs").list_queues()["QueueUrls"]}
    assert len(names) == 2 and "grave" in names


def test_a_change_set_without_changes_fails_and_says_so(cloud):
    create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(StackName="shop", ChangeSetName="same", TemplateBody=QUEUES)
    shown = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"] == NO_CHANGES
    assert refused(cloudformation.execute_change_set, ChangeSetName=made["Id"])[0] == "InvalidChangeSetStatus"
    cloudformation.delete_change_set(ChangeSetName=made["Id"])
    assert refused(cloudformation.describe_change_set, ChangeSetName="same", StackName="shop") == (
        "ChangeSetNotFound", "ChangeSet [same] does not exist",
    )  # fmt: skip


def test_a_change_set_that_was_overtaken_is_gone(cloud):
    create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    for name, seconds in (("one", "70"), ("two", "80")):
        parameters = [{"ParameterKey": "Seconds", "ParameterValue": seconds}]
        cloudformation.create_change_set(
            StackName="shop", ChangeSetName=name, UsePreviousTemplate=True, Parameters=parameters
        )
    assert [s["ChangeSetName"] for s in cloudformation.list_change_sets(StackName="shop")["Summaries"]]
    cloudformation.execute_change_set(ChangeSetName="two", StackName="shop")
    assert settled(cloud, "shop")["Parameters"] == [{"ParameterKey": "Seconds", "ParameterValue": "80"}]
    assert (
        refused(cloudformation.describe_change_set, ChangeSetName="one", StackName="shop")[0]
        == "ChangeSetNotFound"
    )


def test_what_a_transform_finds_wrong_is_told_by_the_change_set(cloud):
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=SAM % ", Properties: {Colour: red}",
    )
    shown = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert (
        shown["Status"] == "FAILED"
        and "Transform AWS::Serverless-2016-10-31 failed with" in shown["StatusReason"]
    )
    cloudformation.delete_stack(StackName="shop")
    cloud.sleep(1)
    assert cloudformation.describe_stacks()["Stacks"] == []


def test_a_template_with_a_transform_needs_leave_unless_it_was_reviewed(cloud):
    cloudformation = cloud.client("cloudformation")
    assert refused(cloudformation.create_stack, StackName="shop", TemplateBody=SAM % "") == (
        "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
    )  # fmt: skip
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=SAM % ""
    )
    cloudformation.execute_change_set(ChangeSetName="first", StackName="shop")
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    assert len(cloud.client("dynamodb").list_tables()["TableNames"]) == 1
    processed = cloudformation.get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["Table"]["Type"] == "AWS::DynamoDB::Table"
    original = cloudformation.get_template(StackName="shop")["TemplateBody"]
    assert original == SAM % ""


def test_an_update_makes_pending_change_sets_obsolete(cloud):
    create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "ChangeSetName": "next"}
    cloudformation.create_change_set(**asked, TemplateBody=QUEUES.replace("Default: 60", "Default: 90"))
    cloudformation.update_stack(StackName="shop", TemplateBody=QUEUES.replace("Default: 60", "Default: 120"))
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloudformation.describe_change_set(**asked)["ExecutionStatus"] == "OBSOLETE"
    code, text = refused(cloudformation.execute_change_set, **asked)
    assert code == "InvalidChangeSetStatus" and "[OBSOLETE]" in text


TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      %s
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: %s}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
Outputs: {Name: {Value: !Ref Table}}
"""


def test_a_key_of_another_type_needs_another_table(cloud):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html: "Replacement if
    # you edit an existing AttributeDefinition."
    before = create(cloud, "shop", TABLE % ("", "S"))["Outputs"]
    cloudformation, dynamodb = cloud.client("cloudformation"), cloud.client("dynamodb")
    cloudformation.create_change_set(StackName="shop", ChangeSetName="next", TemplateBody=TABLE % ("", "N"))
    (change,) = cloudformation.describe_change_set(StackName="shop", ChangeSetName="next")["Changes"]
    assert change["ResourceChange"]["Replacement"] == "True"
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="next")
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_COMPLETE" and after["Outputs"] != before
    table = dynamodb.describe_table(TableName=after["Outputs"][0]["OutputValue"])["Table"]
    assert {"AttributeName": "sk", "AttributeType": "N"} in table["AttributeDefinitions"]
    create(cloud, "named", TABLE % ("TableName: ours", "S"))
    cloudformation.update_stack(StackName="named", TemplateBody=TABLE % ("TableName: ours", "N"))
    assert settled(cloud, "named")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="named")["StackEvents"]
    assert any("custom-named resource requires replacing" in e.get("ResourceStatusReason", "") for e in events)


def test_naming_another_resource_is_a_change_although_no_value_is_known(cloud):
    template = """
Resources:
  One: {Type: AWS::SQS::Queue}
  Two: {Type: AWS::SQS::Queue}
  Main: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt %s.Arn, maxReceiveCount: 3}}}
Outputs: {Url: {Value: !Ref Main}}
"""
    stack, cloudformation = create(cloud, "shop", template % "One"), cloud.client("cloudformation")
    assert refused(cloudformation.update_stack, StackName="shop", TemplateBody=template % "One")[1] == "No updates are to be performed."
    cloudformation.update_stack(StackName="shop", TemplateBody=template % "Two")
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    url = outputs(stack)["Url"]
    policy = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    assert "shop-Two-" in policy


def test_metadata_alone_is_a_change(cloud):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html
    template = "Resources: {Queue: {Type: AWS::SQS::Queue, Metadata: {Note: %s}}}"
    create(cloud, "shop", template % "one")
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(StackName="shop", ChangeSetName="next", TemplateBody=template % "two")
    (change,) = cloudformation.describe_change_set(StackName="shop", ChangeSetName="next")["Changes"]
    assert (change["ResourceChange"]["Scope"], change["ResourceChange"]["Replacement"]) == (["Metadata"], "False")
    cloudformation.update_stack(StackName="shop", TemplateBody=template % "three")
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    shown = cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId="Queue")["StackResourceDetail"]
    assert json.loads(shown["Metadata"]) == {"Note": "three"}


PARAMETER = '{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}}'


def test_the_change_set_that_was_executed_outlives_its_stack(cloud):
    # Recorded: localstack/localstack, test_changesets.py, test_name_conflicts.
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "app", "ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateBody": PARAMETER}
    first = cloudformation.create_change_set(**asked)
    cloudformation.execute_change_set(ChangeSetName=first["Id"])
    settled(cloud, "app")
    pending = cloudformation.create_change_set(StackName="app", ChangeSetName="next", TemplateBody=PARAMETER.replace('"v"', '"w"'))
    cloudformation.delete_stack(StackName="app")
    settled(cloud, first["StackId"])
    cloud.restart(kill=True)
    cloudformation = cloud.client("cloudformation")
    shown = cloudformation.describe_change_set(ChangeSetName=first["Id"])
    assert (shown["ExecutionStatus"], shown["Changes"][0]["ResourceChange"]["Action"]) == ("EXECUTE_COMPLETE", "Add")
    assert refused(cloudformation.describe_change_set, ChangeSetName=pending["Id"])[0] == "ChangeSetNotFound"
    # Its name and that of the stack are free, and the new ones are others.
    again = cloudformation.create_change_set(**asked)
    assert again["Id"] != first["Id"] and again["StackId"] != first["StackId"]
    gone = f"Stack:{first['StackId']} is in DELETE_COMPLETE state and can not be updated."
    # Recorded: test_changeset_for_deleted_stack.
    asked = {"StackName": first["StackId"], "ChangeSetName": "third", "ChangeSetType": "UPDATE", "TemplateBody": PARAMETER}
    assert refused(cloudformation.create_change_set, **asked) == ("ValidationError", gone)


def test_a_change_set_without_changes_tells_what_was_acknowledged(cloud):
    # Recorded: test_changesets.py, test_empty_changeset.
    create(cloud, "app", PARAMETER)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(StackName="app", ChangeSetName="same", TemplateBody=PARAMETER, Capabilities=["CAPABILITY_IAM"])
    shown = cloudformation.describe_change_set(StackName="app", ChangeSetName="same")
    assert (shown["Status"], shown["Capabilities"]) == ("FAILED", ["CAPABILITY_IAM"])


def test_what_becomes_of_a_resource_that_is_dropped_is_something_to_update(cloud):
    # Recorded: test_update_stack.py, test_update_with_previous_parameter_value, whose templates differ in nothing else.
    kept = PARAMETER.replace('"Type": "AWS', '"UpdateReplacePolicy": "Delete", "Type": "AWS')
    create(cloud, "app", kept)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(StackName="app", ChangeSetName="c", TemplateBody=PARAMETER)
    (change,) = cloudformation.describe_change_set(StackName="app", ChangeSetName="c")["Changes"]
    assert (change["ResourceChange"]["Scope"], change["ResourceChange"]["Replacement"]) == (["UpdateReplacePolicy"], "False")
    cloudformation.update_stack(StackName="app", TemplateBody=PARAMETER)
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"


def test_the_summary_of_a_template_tells_version_and_metadata_as_aws_does(cloud):
    # Recorded: test_templates.py, test_get_template_summary and test_get_template_summary_failed_stack.
    cloudformation = cloud.client("cloudformation")
    assert cloudformation.get_template_summary(TemplateBody=PARAMETER)["Version"] == "2010-09-09"
    told = cloudformation.get_template_summary(TemplateBody=PARAMETER[:-1] + ', "Metadata": {"TopicName": "t"}}')
    assert told["Metadata"] == "{'TopicName': 't'}"
