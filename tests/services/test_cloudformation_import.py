"""Resources that somebody else made, taken into a stack; and what change sets say of values."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: theirs}}
  Queue: {Type: AWS::SQS::Queue, DeletionPolicy: Delete, Properties: {VisibilityTimeout: 77}}
"""
OWN = "Resources: {Own: {Type: AWS::SQS::Queue}}\n"


def _wanted(cloud) -> list[dict]:
    """Make what is to be imported."""
    cloud.client("s3").create_bucket(Bucket="theirs")
    url = cloud.client("sqs").create_queue(QueueName="theirs")["QueueUrl"]
    return [
        {"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Bucket", "ResourceIdentifier": {"BucketName": "theirs"}},
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue", "ResourceIdentifier": {"QueueUrl": url}},
    ]


def _import(cloud, template: str, wanted: list[dict], name: str = "shop") -> dict:
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(
        StackName=name, ChangeSetName="in", ChangeSetType="IMPORT", TemplateBody=template, ResourcesToImport=wanted
    )
    found = cloudformation.describe_change_set(StackName=name, ChangeSetName="in")
    assert found["Status"] == "CREATE_COMPLETE", found
    assert {change["ResourceChange"]["Action"] for change in found["Changes"]} == {"Import"}
    cloudformation.execute_change_set(StackName=name, ChangeSetName="in")
    return settled(cloud, name)


def test_resources_are_taken_in_as_they_are_and_belong_to_the_stack_from_then_on(cloud):
    cloudformation, sqs = cloud.client("cloudformation"), cloud.client("sqs")
    wanted = _wanted(cloud)
    url = wanted[1]["ResourceIdentifier"]["QueueUrl"]
    assert _import(cloud, TEMPLATE, wanted)["StackStatus"] == "IMPORT_COMPLETE"
    # An import changes nothing; the next drift detection tells where template and resource differ.
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"] == "30"
    resources = cloudformation.describe_stack_resources(StackName="shop")["StackResources"]
    assert {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources} == {"Bucket": "theirs", "Queue": url}
    assert {r["ResourceStatus"] for r in resources} == {"IMPORT_COMPLETE"}
    cloudformation.detect_stack_drift(StackName="shop")
    drifts = cloudformation.describe_stack_resource_drifts(StackName="shop")["StackResourceDrifts"]
    assert {d["LogicalResourceId"]: d["StackResourceDriftStatus"] for d in drifts} == {"Bucket": "IN_SYNC", "Queue": "MODIFIED"}
    more = TEMPLATE.replace("77", "88") + "Outputs: {Url: {Value: !Ref Queue}, Arn: {Value: !GetAtt Bucket.Arn}}"
    cloudformation.update_stack(StackName="shop", TemplateBody=more)
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and outputs(stack) == {"Url": url, "Arn": "arn:aws:s3:::theirs"}
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"] == "88"
    cloudformation.delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in sqs.list_queues() and len(cloud.client("s3").list_buckets()["Buckets"]) == 1


def test_a_stack_that_stands_takes_in_more(cloud):
    create(cloud, "shop", OWN)
    wanted = _wanted(cloud)
    template = TEMPLATE + "  Own: {Type: AWS::SQS::Queue}\n"
    assert _import(cloud, template, wanted)["StackStatus"] == "IMPORT_COMPLETE"
    assert len(cloud.client("cloudformation").list_stack_resources(StackName="shop")["StackResourceSummaries"]) == 3


NAMED = """
Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: %s, Properties: {BucketName: theirs}}
  Fresh: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: fresh}}
  Queue: {Type: AWS::SQS::Queue, DependsOn: [Bucket, Fresh], Properties: {DelaySeconds: %s}}
"""


def _with_existing(cloud, template: str, kind: str = "CREATE") -> dict[str, str]:
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "ChangeSetName": "in", "ChangeSetType": kind}
    made = cloudformation.create_change_set(**asked, TemplateBody=template, ImportExistingResources=True)
    found = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert found["ImportExistingResources"] is True
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]["Action"] for c in found["Changes"]}
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    return changes


def test_a_change_set_takes_in_what_its_template_names_and_retains_and_makes_the_rest(cloud):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html"""
    cloud.client("s3").create_bucket(Bucket="theirs")
    assert _with_existing(cloud, NAMED % ("RetainExceptOnCreate", 0)) == {"Bucket": "Import", "Fresh": "Add", "Queue": "Add"}
    assert settled(cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    resources = cloud.client("cloudformation").describe_stack_resources(StackName="shop")["StackResources"]
    assert {r["LogicalResourceId"]: r["ResourceStatus"] for r in resources} == {
        "Bucket": "IMPORT_COMPLETE", "Fresh": "CREATE_COMPLETE", "Queue": "CREATE_COMPLETE",
    }  # fmt: skip


def test_what_is_not_to_be_retained_is_not_taken_in(cloud):
    cloud.client("s3").create_bucket(Bucket="theirs")
    assert _with_existing(cloud, NAMED % ("Delete", 0))["Bucket"] == "Add"
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize("standing", [False, True], ids=["a stack that is new", "a stack that stands"])
def test_what_was_taken_in_outlives_the_way_back(cloud, standing):
    """RetainExceptOnCreate deletes what the stack made itself, and nothing else."""
    cloud.client("s3").create_bucket(Bucket="theirs")
    if standing:
        create(cloud, "shop", OWN)
    _with_existing(cloud, NAMED % ("RetainExceptOnCreate", 99999999), "UPDATE" if standing else "CREATE")
    assert settled(cloud, "shop")["StackStatus"] == ("UPDATE_ROLLBACK_COMPLETE" if standing else "ROLLBACK_COMPLETE")
    assert "theirs" in [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


def test_what_belongs_to_another_stack_is_not_taken_in(cloud):
    create(cloud, "other", "Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: theirs}}}")
    asked = {"StackName": "shop", "ChangeSetName": "in", "ChangeSetType": "CREATE", "ImportExistingResources": True}
    code, text = refused(cloud.client("cloudformation").create_change_set, **asked, TemplateBody=NAMED % ("Retain", 0))
    assert code == "ValidationError" and text.startswith("theirs already exists in stack arn:aws:cloudformation:")


def test_what_is_not_there_cannot_be_taken_in_and_nothing_is_lost(cloud):
    create(cloud, "shop", OWN)
    wanted = _wanted(cloud)
    cloud.client("sqs").delete_queue(QueueUrl=wanted[1]["ResourceIdentifier"]["QueueUrl"])
    assert _import(cloud, TEMPLATE + "  Own: {Type: AWS::SQS::Queue}\n", wanted)["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE"
    cloudformation = cloud.client("cloudformation")
    resources = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    assert [r["LogicalResourceId"] for r in resources] == ["Own"]
    assert cloudformation.get_template(StackName="shop")["TemplateBody"] == OWN
    assert [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]] == ["theirs"]


@pytest.mark.parametrize("after_s", [0, 0.01, 0.05, 0.2])
def test_an_import_that_was_killed_goes_on(cloud, after_s):
    wanted = _wanted(cloud)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="in", ChangeSetType="IMPORT", TemplateBody=TEMPLATE, ResourcesToImport=wanted
    )
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="in")
    cloud.sleep(after_s)
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "IMPORT_COMPLETE"
    assert len(cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]) == 2


def test_an_import_that_would_do_more_than_import_is_refused(cloud):
    wanted = _wanted(cloud)
    cloudformation = cloud.client("cloudformation")

    def said(template: str = TEMPLATE, which: list[dict] = wanted, name: str = "shop") -> str:
        asked = {"StackName": name, "ChangeSetName": "in", "ChangeSetType": "IMPORT", "ResourcesToImport": which}
        code, text = refused(cloudformation.create_change_set, TemplateBody=template, **asked)
        assert code == "ValidationError"
        return text

    assert said(which=wanted[:1]) == "Resources [Queue] is missing from ResourceToImport list"
    loose = TEMPLATE.replace("DeletionPolicy: Delete, ", "")
    assert "[Queue] must have DeletionPolicy attribute specified in the template." in said(loose)
    assert said(TEMPLATE + "Outputs: {Url: {Value: !Ref Queue}}").endswith("you cannot modify or add [Outputs]")
    wrong = [wanted[0], {**wanted[1], "ResourceIdentifier": {"QueueName": "theirs"}}]
    assert "QueueUrl" in said(which=wrong)
    handle = TEMPLATE + "  Handle: {Type: AWS::CloudFormation::WaitConditionHandle, DeletionPolicy: Retain}\n"
    third = {"ResourceType": "AWS::CloudFormation::WaitConditionHandle", "LogicalResourceId": "Handle", "ResourceIdentifier": {"Id": "x"}}
    assert "are not supported for Import" in said(handle, [*wanted, third])
    create(cloud, "other", OWN)
    assert "modified resources [Own]" in said(TEMPLATE, name="other")
    assert _import(cloud, TEMPLATE, wanted)["StackStatus"] == "IMPORT_COMPLETE"
    assert "already exists in stack arn:aws:cloudformation" in said(name="second")


def test_a_summary_says_how_resources_could_be_identified(cloud):
    found = cloud.client("cloudformation").get_template_summary(TemplateBody=TEMPLATE)["ResourceIdentifierSummaries"]
    assert {each["ResourceType"]: each["ResourceIdentifiers"] for each in found} == {
        "AWS::S3::Bucket": ["BucketName"], "AWS::SQS::Queue": ["QueueUrl"],
    }  # fmt: skip


VALUES = """
Parameters:
  Seconds: {Type: Number}
  Secret: {Type: String, NoEcho: true}
Resources:
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Secret, VisibilityTimeout: !Ref Seconds}}
  Dead:
    Type: AWS::SQS::Queue
    Properties: {DelaySeconds: 5, RedrivePolicy: {deadLetterTargetArn: !GetAtt Named.Arn, maxReceiveCount: 3}}
"""


def _values(seconds: str, secret: str) -> list[dict]:
    return [{"ParameterKey": "Seconds", "ParameterValue": seconds}, {"ParameterKey": "Secret", "ParameterValue": secret}]


def _changes(cloud, **more) -> dict[str, dict]:
    found = cloud.client("cloudformation").describe_change_set(StackName="shop", ChangeSetName="next", **more)
    return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in found["Changes"]}


def test_a_change_set_says_what_causes_a_change_and_shows_values_on_request(cloud):
    # Recorded: localstack/localstack, test_change_sets.snapshot.json, test_parameter_changes and test_dynamic_update.
    cloudformation = cloud.client("cloudformation")
    create(cloud, "shop", VALUES, Parameters=_values("60", "one"))
    asked = {"StackName": "shop", "ChangeSetName": "next", "UsePreviousTemplate": True}
    cloudformation.create_change_set(**asked, Parameters=_values("90", "two"))
    plain = _changes(cloud)
    causes = {(d["Target"]["Name"], d["ChangeSource"], d["Evaluation"], d.get("CausingEntity")) for d in plain["Named"]["Details"]}
    assert causes == {
        ("QueueName", "ParameterReference", "Static", "Secret"), ("QueueName", "DirectModification", "Dynamic", None),
        ("VisibilityTimeout", "ParameterReference", "Static", "Seconds"), ("VisibilityTimeout", "DirectModification", "Dynamic", None),
    }  # fmt: skip
    (detail,) = plain["Dead"]["Details"]
    assert (detail["ChangeSource"], detail["CausingEntity"], detail["Evaluation"]) == ("ResourceAttribute", "Named.Arn", "Static")
    assert "BeforeContext" not in plain["Named"] and "Path" not in detail["Target"]
    shown = _changes(cloud, IncludePropertyValues=True)
    assert json.loads(shown["Named"]["BeforeContext"])["Properties"] == {"QueueName": "****", "VisibilityTimeout": 60}
    after = json.loads(shown["Dead"]["AfterContext"])["Properties"]
    assert after["RedrivePolicy"] == {"deadLetterTargetArn": "{{changeSet:KNOWN_AFTER_APPLY}}", "maxReceiveCount": 3}
    target = next(d["Target"] for d in shown["Named"]["Details"] if d["Target"]["Name"] == "VisibilityTimeout")
    assert (target["Path"], target["BeforeValue"], target["AfterValue"], target["AttributeChangeType"]) == (
        "/Properties/VisibilityTimeout", "60", "90", "Modify",
    )  # fmt: skip
    assert not any(secret in shown["Named"][context] for secret in ("one", "two") for context in ("BeforeContext", "AfterContext"))
