"""Change sets: what would change is told, and then done, or not."""

from __future__ import annotations

from test_cloudformation_stack import QUEUES, create, outputs, refused, settled

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
    cloudformation.execute_change_set(ChangeSetName="first", StackName="shop")
    stack = settled(cloud, "shop")
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("CREATE_COMPLETE", made["Id"])
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 2
    assert (
        cloudformation.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    )
    assert refused(cloudformation.execute_change_set, ChangeSetName=made["Id"])[0] == "InvalidChangeSetStatus"


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
