"""Stacks made, changed, replaced, refused and deleted, through real services and a real child that draws."""

from __future__ import annotations

import json
import uuid

import pytest
from refusals import refused

QUEUES = """
Parameters:
  Seconds: {Type: Number, Default: 60}
Conditions:
  IsLong: !Equals [!Ref Seconds, 600]
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
  Extra: {Type: AWS::SQS::Queue, Condition: IsLong}
Outputs:
  Url: {Value: !Ref Orders, Description: where the orders are}
  Name: {Value: !Sub "${Orders.QueueName}@${AWS::Region}", Export: {Name: !Sub "${AWS::StackName}-orders"}}
"""


def settled(cloud, name: str, region: str = "us-east-1") -> dict:
    """The stack, once it is at rest."""
    cloudformation = cloud.client("cloudformation", region)
    for _ in range(2000):
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        cloud.sleep(0.05)
    raise AssertionError(f"{name} stays {stack['StackStatus']}")


def create(cloud, name: str, template: str, **more) -> dict:
    arn = cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=template, **more)[
        "StackId"
    ]
    return settled(cloud, arn)


def outputs(stack: dict) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def test_a_template_becomes_queues_that_know_each_other(cloud):
    stack = create(cloud, "shop", QUEUES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sqs = cloud.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=outputs(stack)["Url"], AttributeNames=["All"])["Attributes"]
    dead = cloud.client("cloudformation").describe_stack_resource(StackName="shop", LogicalResourceId="Dead")
    name = dead["StackResourceDetail"]["PhysicalResourceId"].rpartition("/")[2]
    assert name.startswith("shop-Dead-")
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(name)
    assert outputs(stack)["Name"].endswith("@us-east-1")


def test_events_come_newest_first_and_tell_each_step(cloud):
    create(cloud, "shop", QUEUES, ClientRequestToken="once")
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    assert [e["ResourceStatus"] for e in events if e["LogicalResourceId"] == "shop"] == [
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]
    assert [e["ResourceStatus"] for e in events if e["LogicalResourceId"] == "Dead"] == [
        "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS",
    ]  # fmt: skip
    # Which events have which ids: recorded, localstack/localstack, test_change_set_fn_transform.snapshot.json and others.
    for e in events:
        is_of_stack = e["ResourceType"] == "AWS::CloudFormation::Stack"
        moment = e["Timestamp"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        id = f"{e['LogicalResourceId']}-{e['ResourceStatus']}-{moment}"
        assert uuid.UUID(e["EventId"]) if is_of_stack else e["EventId"] == id
    assert events[-1]["ResourceStatusReason"] == "User Initiated"
    assert {e["ClientRequestToken"] for e in events} == {"once"}


def test_a_deleted_stack_leaves_nothing_and_is_remembered_by_its_id(cloud):
    arn = create(cloud, "shop", QUEUES)["StackId"]
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="shop")
    gone = settled(cloud, arn)
    assert gone["StackStatus"] == "DELETE_COMPLETE" and "DeletionTime" in gone
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    assert refused(cloudformation.describe_stacks, StackName="shop") == (
        "ValidationError",
        "Stack with id shop does not exist",
    )
    assert {
        r["ResourceStatus"] for r in cloudformation.describe_stack_resources(StackName=arn)["StackResources"]
    } == {"DELETE_COMPLETE"}
    assert cloudformation.list_exports()["Exports"] == []


def test_an_update_changes_in_place_and_one_without_changes_is_refused(cloud):
    before = create(cloud, "shop", QUEUES)
    cloudformation = cloud.client("cloudformation")
    long = [{"ParameterKey": "Seconds", "ParameterValue": "600"}]
    cloudformation.update_stack(StackName="shop", UsePreviousTemplate=True, Parameters=long)
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    assert after["Parameters"] == [{"ParameterKey": "Seconds", "ParameterValue": "600"}]
    assert outputs(after) == outputs(before)
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 3
    again = {"StackName": "shop", "UsePreviousTemplate": True, "Parameters": long}
    assert refused(cloudformation.update_stack, **again) == (
        "ValidationError",
        "No updates are to be performed.",
    )


def test_a_new_queue_name_replaces_the_queue_and_deletes_the_old_one_afterwards(cloud):
    template = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}}\nOutputs: {Url: {Value: !Ref Queue}}"
    create(cloud, "shop", template % "first")
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=template % "second")
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and outputs(stack)["Url"].endswith("/second")
    assert [url.rpartition("/")[2] for url in cloud.client("sqs").list_queues()["QueueUrls"]] == ["second"]
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    assert "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" in [e["ResourceStatus"] for e in events]


BROKEN = """
Resources:
  First: {Type: AWS::SQS::Queue}
  Second: {Type: AWS::SQS::Queue, DependsOn: First, Properties: {QueueName: "not allowed"}}
"""


def test_a_creation_that_fails_rolls_back_and_says_why(cloud):
    stack = create(cloud, "shop", BROKEN)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    cloudformation = cloud.client("cloudformation")
    reasons = [
        e.get("ResourceStatusReason", "")
        for e in cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    ]
    assert "The following resource(s) failed to create: [Second]. Rollback requested by user." in reasons
    assert any(reason.startswith('Resource handler returned message: "') for reason in reasons)
    code, text = refused(cloudformation.update_stack, StackName="shop", TemplateBody=QUEUES)
    assert (code, text) == (
        "ValidationError",
        f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated.",
    )


@pytest.mark.parametrize(
    ("on_failure", "ends"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")]
)
def test_on_failure_decides_what_becomes_of_a_failed_creation(cloud, on_failure, ends):
    assert create(cloud, "shop", BROKEN, OnFailure=on_failure)["StackStatus"] == ends
    assert ("QueueUrls" in cloud.client("sqs").list_queues()) == (on_failure == "DO_NOTHING")


def test_an_update_that_fails_takes_back_everything_it_did(cloud):
    before = create(cloud, "shop", QUEUES)
    broken = QUEUES.replace("Default: 60", "Default: 90").replace(
        "Outputs:",
        '  Bad: {Type: AWS::SQS::Queue, DependsOn: Orders, Properties: {QueueName: "not allowed"}}\nOutputs:',
    )
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(StackName="shop", TemplateBody=broken)
    after = settled(cloud, "shop")
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (outputs(after), after["Parameters"]) == (outputs(before), before["Parameters"])
    found = cloud.client("sqs").get_queue_attributes(
        QueueUrl=outputs(after)["Url"], AttributeNames=["VisibilityTimeout"]
    )
    assert found["Attributes"] == {"VisibilityTimeout": "60"}
    assert cloudformation.get_template(StackName="shop")["TemplateBody"] == QUEUES


def test_what_is_not_implemented_is_refused_by_name(cloud):
    create_stack = cloud.client("cloudformation").create_stack
    unknown = "Resources: {Thing: {Type: AWS::Nowhere::Thing}}"
    assert "AWS::Nowhere::Thing" in refused(create_stack, StackName="shop", TemplateBody=unknown)[1]
    assert (
        "Stack with id shop does not exist"
        in refused(cloud.client("cloudformation").describe_stacks, StackName="shop")[1]
    )
    stack = create(cloud, "other", "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}")
    reason = cloud.client("cloudformation").describe_stack_events(StackName="other")["StackEvents"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE" and any(
        "Colour" in e.get("ResourceStatusReason", "") for e in reason
    )


def test_refusals_are_worded_as_awss(cloud):
    cloudformation = cloud.client("cloudformation")
    queue = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    create(cloud, "shop", queue)
    assert refused(cloudformation.create_stack, StackName="shop", TemplateBody=queue) == (
        "AlreadyExistsException", "Stack [shop] already exists",
    )  # fmt: skip
    assert refused(cloudformation.create_stack, StackName="a_b", TemplateBody=queue)[1] == (
        "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
    )
    assert (
        refused(cloudformation.update_stack, StackName="none", TemplateBody=queue)[1]
        == "Stack [none] does not exist"
    )
    assert (
        refused(cloudformation.create_stack, StackName="new")[1]
        == "Either Template URL or Template Body must be specified."
    )
    role = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}"
    assert refused(cloudformation.create_stack, StackName="new", TemplateBody=role) == (
        "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]",
    )  # fmt: skip
    missing = "Parameters: {Size: {Type: String}}\n" + queue
    assert (
        refused(cloudformation.create_stack, StackName="new", TemplateBody=missing)[1]
        == "Parameters: [Size] must have values"
    )
    cloudformation.delete_stack(StackName="none")


def test_a_protected_stack_is_not_deleted(cloud):
    create(cloud, "shop", "Resources: {Queue: {Type: AWS::SQS::Queue}}", EnableTerminationProtection=True)
    cloudformation = cloud.client("cloudformation")
    assert refused(cloudformation.delete_stack, StackName="shop")[1] == (
        "Stack [shop] cannot be deleted while TerminationProtection is enabled"
    )
    cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName="shop")
    cloud.sleep(1)
    assert cloudformation.describe_stacks()["Stacks"] == []


def test_a_request_repeated_with_its_token_is_taken_once(cloud):
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "TemplateBody": QUEUES, "ClientRequestToken": "abc"}
    first = cloudformation.create_stack(**asked)["StackId"]
    assert cloudformation.create_stack(**asked)["StackId"] == first
    settled(cloud, "shop")
    assert cloudformation.create_stack(**asked)["StackId"] == first
    assert len(cloudformation.list_stacks()["StackSummaries"]) == 1


EXPORTING = "Resources: {Queue: {Type: AWS::SQS::Queue}}\nOutputs: {Out: {Value: %s, Export: {Name: shared}}}"
IMPORTING = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue shared}}}"


def test_an_export_is_used_by_another_stack_and_stays_while_it_is(cloud):
    # https://github.com/aws/aws-cdk/issues/604: the deletion of an export in use is taken back with a reason and no FAILED status.
    cloudformation = cloud.client("cloudformation")
    create(cloud, "giving", EXPORTING % "named")
    create(cloud, "taking", IMPORTING)
    assert cloud.client("sqs").get_queue_url(QueueName="named")
    assert cloudformation.list_imports(ExportName="shared")["Imports"] == ["taking"]
    cloudformation.delete_stack(StackName="giving")
    stack = settled(cloud, "giving")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["StackStatusReason"] == "Export shared cannot be deleted as it is in use by taking"
    cloudformation.update_stack(StackName="giving", TemplateBody=EXPORTING % "other")
    assert settled(cloud, "giving")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloudformation.list_exports()["Exports"] == [
        {"ExportingStackId": stack["StackId"], "Name": "shared", "Value": "named"}
    ]
    third = create(cloud, "third", EXPORTING % "mine")
    assert third["StackStatus"] == "ROLLBACK_COMPLETE"
    cloudformation.delete_stack(StackName="taking")
    cloud.sleep(1)
    assert (
        refused(cloudformation.list_imports, ExportName="shared")[1]
        == "Export 'shared' is not imported by any stack."
    )
    cloudformation.delete_stack(StackName="giving")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_template_may_lie_in_s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a/shop.yaml", Body=QUEUES.encode())
    cloudformation = cloud.client("cloudformation")
    for number, url in enumerate(
        ("https://s3.amazonaws.com/templates/a/shop.yaml", "https://templates.s3.us-east-1.amazonaws.com/a/shop.yaml",
         "http://localhost:4566/templates/a/shop.yaml")
    ):  # fmt: skip
        cloudformation.create_stack(StackName=f"shop{number}", TemplateURL=url)
        assert settled(cloud, f"shop{number}")["StackStatus"] == "CREATE_COMPLETE"
    wrong = {"StackName": "shop9", "TemplateURL": "https://example.com/templates/a"}
    assert refused(cloudformation.create_stack, **wrong)[1] == "TemplateURL must be a supported URL."
    gone = {"StackName": "shop9", "TemplateURL": "https://s3.amazonaws.com/templates/none"}
    assert refused(cloudformation.create_stack, **gone)[1].startswith("S3 error: ")


def test_a_summary_tells_parameters_capabilities_and_types(cloud):
    cloudformation = cloud.client("cloudformation")
    found = cloudformation.get_template_summary(TemplateBody=QUEUES)
    assert found["ResourceTypes"] == ["AWS::SQS::Queue"]
    assert found["Parameters"] == [
        {
            "ParameterKey": "Seconds", "DefaultValue": "60", "ParameterType": "Number", "NoEcho": False,
            "ParameterConstraints": {},
        }
    ]  # fmt: skip
    assert cloudformation.validate_template(TemplateBody=QUEUES)["Parameters"] == [
        {"ParameterKey": "Seconds", "DefaultValue": "60", "NoEcho": False}
    ]
    assert refused(cloudformation.validate_template, TemplateBody="{")[0] == "ValidationError"


def test_what_the_cdk_says_of_its_libraries_is_a_resource_with_nothing_behind_it(cloud):
    cloudformation = cloud.client("cloudformation")
    template = "Resources: {Q: {Type: AWS::SQS::Queue}, CDKMetadata: {Type: AWS::CDK::Metadata, Properties: {Analytics: 'v2:deflate64:%s'}}}"
    assert create(cloud, "app", template % "one")["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.update_stack(StackName="app", TemplateBody=template % "two")
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
    shown = cloudformation.describe_stack_resource(StackName="app", LogicalResourceId="CDKMetadata")["StackResourceDetail"]
    assert uuid.UUID(shown["PhysicalResourceId"]) and shown["ResourceStatus"] == "UPDATE_COMPLETE"
    cloudformation.delete_stack(StackName="app")
    assert settled(cloud, shown["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_stacks_tags_reach_resources_that_keep_theirs_as_a_list_and_those_that_keep_them_as_a_map(cloud):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    template = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q, Tags: [{Key: own, Value: q}]}}
  Setting: {Type: AWS::SSM::Parameter, Properties: {Name: setting, Type: String, Value: v, Tags: {own: p, team: mine}}}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: web, ProtocolType: HTTP}}
  Vault: {Type: AWS::Backup::BackupVault, Properties: {BackupVaultName: vault}}
"""
    cloudformation, sqs, ssm = cloud.client("cloudformation"), cloud.client("sqs"), cloud.client("ssm")

    def told() -> list[dict[str, str]]:
        url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        (api,) = cloud.client("apigatewayv2").get_apis()["Items"]
        vault = cloud.client("backup").describe_backup_vault(BackupVaultName="vault")["BackupVaultArn"]
        parameter = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="setting")["TagList"]
        found = [
            sqs.list_queue_tags(QueueUrl=url)["Tags"], {tag["Key"]: tag["Value"] for tag in parameter},
            api.get("Tags", {}), cloud.client("backup").list_tags(ResourceArn=vault)["Tags"],
        ]  # fmt: skip
        return [{key: value for key, value in tags.items() if not key.startswith("aws:")} for tags in found]

    assert create(cloud, "app", template, Tags=[{"Key": "team", "Value": "a"}])["StackStatus"] == "CREATE_COMPLETE"
    assert told() == [{"own": "q", "team": "a"}, {"own": "p", "team": "mine"}, {"team": "a"}, {"team": "a"}]
    cloudformation.update_stack(StackName="app", UsePreviousTemplate=True, Tags=[{"Key": "stage", "Value": "b"}])
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
    assert told() == [{"own": "q", "stage": "b"}, {"own": "p", "team": "mine", "stage": "b"}, {"stage": "b"}, {"stage": "b"}]


def test_metadata_says_what_its_functions_come_to(cloud):
    """So do configuration helpers read it: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-init.html"""
    template = """
Parameters: {Note: {Type: String, Default: one}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Metadata: {note: !Ref Note, text: !Sub "${AWS::StackName} ${Other.QueueName}", gone: !Ref AWS::NoValue, arns: [!GetAtt Other.Arn]}}
  Other: {Type: AWS::SQS::Queue, Properties: {QueueName: other}}
"""
    cloudformation = cloud.client("cloudformation")

    def told() -> dict:
        return json.loads(cloudformation.describe_stack_resource(StackName="app", LogicalResourceId="Queue")["StackResourceDetail"]["Metadata"])

    create(cloud, "app", template)
    arn = "arn:aws:sqs:us-east-1:000000000000:other"
    assert told() == {"note": "one", "text": "app other", "arns": [arn]}
    made = cloudformation.create_change_set(StackName="app", ChangeSetName="same", TemplateBody=template)
    assert cloudformation.describe_change_set(ChangeSetName=made["Id"])["Status"] == "FAILED"
    cloudformation.update_stack(StackName="app", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Note", "ParameterValue": "two"}])
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE" and told()["note"] == "two"
    odd = template.replace("!Ref Note", "!Ref Nobody")
    assert refused(cloudformation.update_stack, StackName="app", TemplateBody=odd)[1] == (
        "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"
    )
