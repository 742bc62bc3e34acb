"""Stack refactors: resources move between stacks and stay what they are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html, with the shapes of
https://aws.amazon.com/blogs/devops/introducing-aws-cloudformation-stack-refactoring/ and of aws/aws-cli's examples.
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import put_user
from refusals import refused
from test_cloudformation_stack import create, settled

from kumoniwa.gate.address import GLOBAL

TOPIC = "Topic: {Type: AWS::SNS::Topic, Properties: {Tags: [{Key: color, Value: red}]}}"
QUEUE = "Queue: {Type: AWS::SQS::Queue, Properties: {Tags: [{Key: topic, Value: %s}]}}"


def template(*resources: str, outputs: str = "") -> str:
    return "Resources:\n" + "".join(f"  {each}\n" for each in resources) + (f"Outputs:\n  {outputs}\n" if outputs else "")


BEFORE = template(TOPIC, QUEUE % "!Ref Topic", "Rest: {Type: AWS::SQS::Queue}")
EXPORT = "Arn: {Value: !Ref Topic, Export: {Name: topic-arn}}"
KEPT = template(QUEUE % "!ImportValue topic-arn", "Rest: {Type: AWS::SQS::Queue}")
MOVED = template(TOPIC, outputs=EXPORT)


@pytest.fixture
def cloudformation(cloud):
    return cloud.client("cloudformation")


def asked(cloudformation, *definitions: tuple[str, str], **more) -> dict:
    """A refactor, described."""
    given = [{"StackName": name, "TemplateBody": text} for name, text in definitions]
    id = cloudformation.create_stack_refactor(StackDefinitions=given, **more)["StackRefactorId"]
    return cloudformation.describe_stack_refactor(StackRefactorId=id)


def executed(cloud, refactor: dict) -> dict:
    cloudformation, id = cloud.client("cloudformation"), refactor["StackRefactorId"]
    cloudformation.execute_stack_refactor(StackRefactorId=id)
    for _ in range(200):
        found = cloudformation.describe_stack_refactor(StackRefactorId=id)
        if found["ExecutionStatus"] != "EXECUTE_IN_PROGRESS":
            return found
        cloud.sleep(0.05)
    raise AssertionError(f"{id} stays {found['ExecutionStatus']}")


def resources(cloudformation, stack: str) -> dict[str, str]:
    found = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def tags(cloud, topic: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in cloud.client("sns").list_tags_for_resource(ResourceArn=topic)["Tags"]}


def mapping(*places: str) -> dict:
    source, destination = (place.split("/") for place in places)
    return {
        "Source": {"StackName": source[0], "LogicalResourceId": source[1]},
        "Destination": {"StackName": destination[0], "LogicalResourceId": destination[1]},
    }


def test_a_resource_moves_into_a_new_stack_and_stays_the_same(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    before = resources(cloudformation, "shop")
    refactor = asked(cloudformation, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True, Description="apart")
    assert (refactor["Status"], refactor["ExecutionStatus"], refactor["Description"]) == ("CREATE_COMPLETE", "AVAILABLE", "apart")
    shop, news = refactor["StackIds"]
    assert (":stack/shop/" in shop, ":stack/news/" in news) == (True, True)
    move, creation = cloudformation.list_stack_refactor_actions(StackRefactorId=refactor["StackRefactorId"])["StackRefactorActions"]
    assert move == {
        "Action": "MOVE", "Entity": "RESOURCE", "PhysicalResourceId": before["Topic"], "Detection": "AUTO",
        "Description": "Resource configuration changes will be validated during refactor execution.",
        "TagResources": [
            {"Key": "aws:cloudformation:stack-name", "Value": "news"}, {"Key": "aws:cloudformation:stack-id", "Value": news},
        ],
        "UntagResources": ["aws:cloudformation:stack-name", "aws:cloudformation:stack-id"],
        "ResourceMapping": {
            "Source": {"StackName": shop, "LogicalResourceId": "Topic"}, "Destination": {"StackName": news, "LogicalResourceId": "Topic"},
        },
    }  # fmt: skip
    assert (creation["Action"], creation["Entity"], creation["Description"]) == ("CREATE", "STACK", f"Stack {news} created.")
    assert executed(cloud, refactor)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert resources(cloudformation, "shop") == {"Queue": before["Queue"], "Rest": before["Rest"]}
    assert resources(cloudformation, "news") == {"Topic": before["Topic"]}
    assert [settled(cloud, name)["StackStatus"] for name in ("shop", "news")] == ["UPDATE_COMPLETE", "CREATE_COMPLETE"]
    assert tags(cloud, before["Topic"]) == {
        "color": "red", "aws:cloudformation:stack-name": "news", "aws:cloudformation:logical-id": "Topic", "aws:cloudformation:stack-id": news,
    }  # fmt: skip
    assert cloudformation.list_imports(ExportName="topic-arn")["Imports"] == ["shop"]
    assert "ImportValue" in json.dumps(cloudformation.get_template(StackName="shop")["TemplateBody"])
    events = cloudformation.describe_stack_events(StackName="news")["StackEvents"]
    assert ("Topic", "IMPORT_COMPLETE") in [(each["LogicalResourceId"], each["ResourceStatus"]) for each in events]


def test_what_moved_belongs_to_its_new_stack_alone(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    topic = resources(cloudformation, "shop")["Topic"]
    executed(cloud, asked(cloudformation, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True))
    cloudformation.update_stack(StackName="news", TemplateBody=MOVED.replace("Value: red", "Value: blue"))
    assert settled(cloud, "news")["StackStatus"] == "UPDATE_COMPLETE" and tags(cloud, topic)["color"] == "blue"
    assert "No updates" in refused(cloudformation.update_stack, StackName="shop", TemplateBody=KEPT)[1]
    cloudformation.delete_stack(StackName="shop")
    cloud.sleep(5)
    assert topic in [each["TopicArn"] for each in cloud.client("sns").list_topics()["Topics"]]
    cloudformation.delete_stack(StackName="news")
    cloud.sleep(5)
    assert cloud.client("sns").list_topics()["Topics"] == []


def test_a_resource_gets_another_name_in_its_own_stack(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    before = resources(cloudformation, "shop")
    renamed = BEFORE.replace("  Topic:", "  News:").replace("!Ref Topic", "!Ref News")
    refactor = asked(cloudformation, ("shop", renamed), ResourceMappings=[mapping("shop/Topic", "shop/News")])
    (move,) = cloudformation.list_stack_refactor_actions(StackRefactorId=refactor["StackRefactorId"])["StackRefactorActions"]
    assert (move["Detection"], move["UntagResources"]) == ("MANUAL", ["aws:cloudformation:logical-id"])
    assert executed(cloud, refactor)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert resources(cloudformation, "shop") == {"News": before["Topic"], "Queue": before["Queue"], "Rest": before["Rest"]}
    assert tags(cloud, before["Topic"])["aws:cloudformation:logical-id"] == "News"


def test_what_has_no_tags_of_its_own_moves_without_any(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    create(cloud, "other", template("Mine: {Type: AWS::SQS::Queue}"))
    rest = resources(cloudformation, "shop")["Rest"]
    after = template("Mine: {Type: AWS::SQS::Queue}", "Rest: {Type: AWS::SQS::Queue}")
    refactor = asked(cloudformation, ("shop", template(TOPIC, QUEUE % "!Ref Topic")), ("other", after))
    (move,) = cloudformation.list_stack_refactor_actions(StackRefactorId=refactor["StackRefactorId"])["StackRefactorActions"]
    assert (move["Description"], move["TagResources"]) == ("No configuration changes detected.", [])
    executed(cloud, refactor)
    assert resources(cloudformation, "other")["Rest"] == rest


@pytest.mark.parametrize(
    ("shop", "news", "said"),
    [
        (KEPT, MOVED.replace("Value: red", "Value: blue"), "modifying resources: Tags of Topic"),
        (KEPT, template("Moved: {Type: AWS::SNS::Topic}", outputs=EXPORT.replace("Topic", "Moved")), "creating resources: [Moved]"),
        (template("Rest: {Type: AWS::SQS::Queue}"), MOVED, "deleting resources: [Queue]"),
        (BEFORE, MOVED, "creating resources: [Topic]"),
        (KEPT.replace("Resources:", "Parameters: {New: {Type: String, Default: a}}\nResources:"), MOVED, "changing or adding Parameters: [New]"),
        (KEPT.replace("topic-arn", "nobodys"), MOVED, "No export named nobodys found"),
        ("Resources: {}", MOVED, ""),
    ],
)
def test_a_refactor_that_is_more_than_a_move_fails_and_says_why(cloud, cloudformation, shop, news, said):
    create(cloud, "shop", BEFORE)
    refactor = asked(cloudformation, ("shop", shop), ("news", news), EnableStackCreation=True)
    assert (refactor["Status"], refactor["ExecutionStatus"]) == ("CREATE_FAILED", "UNAVAILABLE") and said in refactor["StatusReason"]
    code, text = refused(cloudformation.execute_stack_refactor, StackRefactorId=refactor["StackRefactorId"])
    assert (code, "UNAVAILABLE" in text) == ("ValidationError", True)
    assert [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]] == ["shop"]


def test_what_names_its_own_stack_cannot_move(cloud, cloudformation):
    named = "Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref AWS::StackName}}"
    create(cloud, "shop", template(named, "Rest: {Type: AWS::SQS::Queue}"))
    refactor = asked(cloudformation, ("shop", template("Rest: {Type: AWS::SQS::Queue}")), ("news", template(named)), EnableStackCreation=True)
    assert "DisplayName of Topic" in refactor["StatusReason"]


def test_a_stack_with_a_policy_and_a_type_that_is_not_fully_mutable_are_refused(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    policy = {"Statement": {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}}
    cloudformation.set_stack_policy(StackName="shop", StackPolicyBody=json.dumps(policy))
    refactor = asked(cloudformation, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True)
    assert "has a stack policy" in refactor["StatusReason"]
    handle = "Handle: {Type: AWS::CloudFormation::WaitConditionHandle}"
    create(cloud, "wait", template(handle, "Rest: {Type: AWS::SQS::Queue}"))
    refactor = asked(cloudformation, ("wait", template("Rest: {Type: AWS::SQS::Queue}")), ("more", template(handle)), EnableStackCreation=True)
    assert "AWS::CloudFormation::WaitConditionHandle of Handle is not supported" in refactor["StatusReason"]


def test_a_stack_is_created_by_a_refactor_that_says_so_alone(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    assert "Stack [news] does not exist" in asked(cloudformation, ("shop", KEPT), ("news", MOVED))["StatusReason"]
    assert refused(cloudformation.create_stack_refactor, StackDefinitions=[{"StackName": f"s{n}", "TemplateBody": KEPT} for n in range(6)])[0] == (
        "ValidationError"
    )
    assert refused(cloudformation.describe_stack_refactor, StackRefactorId="none")[0] == "StackRefactorNotFoundException"


def test_a_stack_that_changes_makes_a_refactor_obsolete(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    refactor = asked(cloudformation, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True)
    cloudformation.update_stack(StackName="shop", TemplateBody=BEFORE.replace("Value: red", "Value: blue"))
    settled(cloud, "shop")
    found = cloudformation.list_stack_refactors(ExecutionStatusFilter=["OBSOLETE"])["StackRefactorSummaries"]
    assert [each["StackRefactorId"] for each in found] == [refactor["StackRefactorId"]]
    assert cloudformation.list_stack_refactors(ExecutionStatusFilter=["AVAILABLE"])["StackRefactorSummaries"] == []
    assert "OBSOLETE" in refused(cloudformation.execute_stack_refactor, StackRefactorId=refactor["StackRefactorId"])[1]


def test_what_others_import_stays_exported_wherever_its_resource_goes(cloud, cloudformation):
    create(cloud, "shop", template(TOPIC, "Rest: {Type: AWS::SQS::Queue}", outputs=EXPORT))
    create(cloud, "user", template(QUEUE % "!ImportValue topic-arn"))
    rest = template("Rest: {Type: AWS::SQS::Queue}")
    refactor = asked(cloudformation, ("shop", rest), ("news", template(TOPIC)), EnableStackCreation=True)
    assert "Export topic-arn cannot be deleted as it is in use by user" in refactor["StatusReason"]
    refactor = asked(cloudformation, ("shop", rest), ("news", MOVED), EnableStackCreation=True)
    assert executed(cloud, refactor)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    (export,) = cloudformation.list_exports()["Exports"]
    assert (export["ExportingStackId"], export["Name"]) == (refactor["StackIds"][1], "topic-arn")
    assert cloudformation.list_imports(ExportName="topic-arn")["Imports"] == ["user"]


def test_a_refactor_goes_on_after_its_region_died(cloud, cloudformation):
    create(cloud, "shop", BEFORE)
    refactor = asked(cloudformation, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True)
    cloudformation.execute_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    cloud.restart(kill=True)
    cloud.sleep(2)
    found = cloud.client("cloudformation").describe_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    assert found["ExecutionStatus"] == "EXECUTE_COMPLETE" and "Topic" in resources(cloud.client("cloudformation"), "news")


def test_tags_that_may_not_be_changed_leave_everything_where_it_was(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL, iam="enforce")
    put_user(cloud, "mover", "AKIAMOVER", "cloudformation:*", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sqs:*")
    create(cloud, "shop", BEFORE)
    mover = cloud.client("cloudformation", key="AKIAMOVER", secret="secret")
    refactor = asked(mover, ("shop", KEPT), ("news", MOVED), EnableStackCreation=True)
    mover.execute_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    cloud.sleep(2)
    found = mover.describe_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    assert found["ExecutionStatus"] == "ROLLBACK_COMPLETE" and "sns:" in found["ExecutionStatusReason"]
    assert "Topic" in resources(mover, "shop") and tags(cloud, resources(mover, "shop")["Topic"])["aws:cloudformation:stack-name"] == "shop"


def test_parameters_keep_their_values(cloud, cloudformation):
    head = "Parameters: {Color: {Type: String}}\n"
    topic = TOPIC.replace("red", "!Ref Color")
    create(cloud, "shop", head + template(topic, "Rest: {Type: AWS::SQS::Queue}"), Parameters=[{"ParameterKey": "Color", "ParameterValue": "green"}])
    renamed = head + template(topic.replace("Topic:", "News:", 1), "Rest: {Type: AWS::SQS::Queue}")
    refactor = asked(cloudformation, ("shop", renamed), ResourceMappings=[mapping("shop/Topic", "shop/News")])
    assert executed(cloud, refactor)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    (parameter,) = settled(cloud, "shop")["Parameters"]
    assert parameter["ParameterValue"] == "green"


def test_a_parameter_that_is_gone_by_then_leaves_everything_where_it_was(cloud, cloudformation, capfd):
    cloud.client("ssm").put_parameter(Name="/colour", Value="red", Type="String")
    topic = TOPIC.replace("Value: red", 'Value: "{{resolve:ssm:/colour}}"')
    create(cloud, "shop", template(topic, "Rest: {Type: AWS::SQS::Queue}"))
    before = resources(cloudformation, "shop")
    refactor = asked(cloudformation, ("shop", template("Rest: {Type: AWS::SQS::Queue}")), ("news", template(topic)), EnableStackCreation=True)
    cloud.client("ssm").delete_parameter(Name="/colour")
    found = executed(cloud, refactor)
    assert (found["ExecutionStatus"], found["ExecutionStatusReason"]) == ("EXECUTE_FAILED", "ParameterNotFound")
    assert resources(cloudformation, "shop") == before and "failed" not in capfd.readouterr().err
