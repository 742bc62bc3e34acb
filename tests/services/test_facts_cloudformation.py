"""CloudFormation tells EventBridge how stacks, their resources, detections of drift, and stack sets stand.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/events-detail-reference.html
"""

from __future__ import annotations

import json

from fact_workshop import ACCOUNT, US, heard, hears
from test_cloudformation_nested import nesting, put, topics
from test_cloudformation_stack import create, settled
from test_cloudformation_stackset import ADMIN, HERE, OTHER, TEMPLATE, THERE, _over, two

__all__ = ["two"]
SOURCE = "aws.cloudformation"
STACK, RESOURCE = "CloudFormation Stack Status Change", "CloudFormation Resource Status Change"
DRIFT, INSTANCE = "CloudFormation Drift Detection Status Change", "CloudFormation StackSet StackInstance Status Change"
OPERATION = "CloudFormation StackSet Operation Status Change"
QUEUE = json.dumps({"Resources": {"Orders": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}}})


def statuses(events: list[dict], kind: str) -> list[str]:
    return [each["detail"]["status-details"]["status"] for each in events if each["detail-type"] == kind]


def test_a_stack_and_its_resources_tell_each_status(cloud):
    hears(cloud, SOURCE)
    stack = create(cloud, "shop", QUEUE, ClientRequestToken="Console-CreateStack-1")
    events = heard(cloud)
    assert {each["source"] for each in events} == {SOURCE} and {each["account"] for each in events} == {ACCOUNT}
    assert [each["resources"] for each in events] == [[stack["StackId"]]] * len(events)
    assert statuses(events, STACK) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert statuses(events, RESOURCE) == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert events[0]["detail"] == {
        "stack-id": stack["StackId"], "client-request-token": "Console-CreateStack-1",
        "status-details": {"status": "CREATE_IN_PROGRESS", "status-reason": "User Initiated"},
    }  # fmt: skip
    done = next(each for each in events if each["detail-type"] == RESOURCE and each["detail"]["status-details"]["status"] == "CREATE_COMPLETE")
    physical = done["detail"].pop("physical-resource-id")
    assert physical.endswith(f"/{ACCOUNT}/orders") and done["detail"] == {
        "stack-id": stack["StackId"], "logical-resource-id": "Orders", "resource-type": "AWS::SQS::Queue",
        "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""}, "client-request-token": "Console-CreateStack-1",
    }  # fmt: skip


def test_a_failure_is_told_with_its_reason_and_a_deletion_to_its_end(cloud):
    hears(cloud, SOURCE)
    cloud.client("sqs").create_queue(QueueName="orders", Attributes={"DelaySeconds": "5"})
    create(cloud, "shop", QUEUE)
    events = heard(cloud)
    assert statuses(events, STACK) == ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    (failed,) = [each["detail"] for each in events if each["detail"]["status-details"]["status"] == "CREATE_FAILED"]
    assert failed["logical-resource-id"] == "Orders" and "orders" in failed["status-details"]["status-reason"]
    assert failed["client-request-token"] == ""
    cloud.client("cloudformation").delete_stack(StackName="shop")
    assert statuses(heard(cloud), STACK) == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_a_nested_stack_tells_as_a_stack_and_as_a_resource_of_its_parent(cloud):
    cloud.client("s3").create_bucket(Bucket="templates")
    put(cloud, "inner", topics("Low"))
    hears(cloud, SOURCE)
    outer = create(cloud, "outer", json.dumps({"Resources": {"Inside": nesting("inner")}}))["StackId"]
    events = heard(cloud)
    (inner,) = {each["detail"]["stack-id"] for each in events} - {outer}
    assert inner.startswith(f"arn:aws:cloudformation:{US}:{ACCOUNT}:stack/outer-Inside-")
    assert statuses([each for each in events if each["resources"] == [inner]], STACK) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    nested = [each["detail"] for each in events if each["detail-type"] == RESOURCE and each["resources"] == [outer]]
    assert {each["resource-type"] for each in nested} == {"AWS::CloudFormation::Stack"} and nested[-1]["physical-resource-id"] == inner


def test_a_status_that_was_reached_before_a_kill_is_heard_of(cloud):
    hears(cloud, SOURCE, STACK)
    cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody=QUEUE)
    cloud.restart(kill=True)
    settled(cloud, "shop")
    assert statuses(heard(cloud), STACK) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_a_detection_of_drift_is_told_as_begun_and_as_ended(cloud):
    stack = create(cloud, "shop", json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "o", "DelaySeconds": 1}}}}))
    sqs = cloud.client("sqs")
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="o")["QueueUrl"], Attributes={"DelaySeconds": "9"})
    hears(cloud, SOURCE, DRIFT)
    id_ = cloud.client("cloudformation").detect_stack_drift(StackName="shop")["StackDriftDetectionId"]
    begun, ended = sorted((each["detail"] for each in heard(cloud)), key=lambda each: each["drift-detection-details"]["drifted-stack-resource-count"])
    assert begun == {
        "stack-id": stack["StackId"], "stack-drift-detection-id": id_, "drift-detection-details": {"drifted-stack-resource-count": -1},
        "status-details": {"stack-drift-status": "", "detection-status": "DETECTION_IN_PROGRESS"},
    }  # fmt: skip
    assert ended == {
        "stack-id": stack["StackId"], "stack-drift-detection-id": id_, "drift-detection-details": {"drifted-stack-resource-count": 1},
        "status-details": {"stack-drift-status": "DRIFTED", "detection-status": "DETECTION_COMPLETE"},
    }  # fmt: skip


def test_a_set_its_operations_and_its_instances_tell_where_the_set_lives_and_its_stacks_where_they_stand(two):
    hears(two, SOURCE)
    hears(two, SOURCE, STACK, region=THERE)
    client = two.client("cloudformation")
    id_ = client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)["StackSetId"]
    done = _over(two, client.create_stack_instances(StackSetName="ours", Accounts=[ADMIN], Regions=[THERE]))
    events, arn = heard(two), f"arn:aws:cloudformation:{HERE}:{ADMIN}:stackset/{id_}"
    assert {(*each["resources"], each["detail"]["stack-set-arn"]) for each in events} == {(arn, arn)}
    assert [each["detail"] for each in events if each["detail-type"] == "CloudFormation StackSet Status Change"] == [
        {"stack-set-arn": arn, "status-details": {"status": "ACTIVE"}}
    ]
    assert [each["detail"] for each in events if each["detail-type"] == OPERATION] == [
        {"stack-set-arn": arn, "stack-set-operation-id": done["OperationId"], "action": "CREATE", "status-details": {"status": status}}
        for status in ("RUNNING", "SUCCEEDED")
    ]
    instances = [each["detail"] for each in events if each["detail-type"] == INSTANCE]
    assert [each["status-details"] for each in instances] == [
        {"status": "OUTDATED", "status-reason": "User Initiated", "detailed-status": "PENDING"},
        {"status": "OUTDATED", "status-reason": "User Initiated", "detailed-status": "RUNNING"},
        {"status": "CURRENT", "status-reason": "", "detailed-status": "SUCCEEDED"},
    ]
    assert {each["action"] for each in instances} == {"CREATE"}
    there = heard(two, THERE)
    assert statuses(there, STACK) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"] and there[0]["resources"] == [instances[-1]["stack-id"]]
    _over(two, client.delete_stack_instances(StackSetName="ours", Accounts=[ADMIN], Regions=[THERE], RetainStacks=False))
    client.delete_stack_set(StackSetName="ours")
    assert statuses(heard(two), "CloudFormation StackSet Status Change") == ["DELETED"]


def test_an_instance_that_failed_says_why(two):
    hears(two, SOURCE, INSTANCE)
    two.client("iam", key=OTHER).delete_role_policy(RoleName="AWSCloudFormationStackSetExecutionRole", PolicyName="may")
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    assert _over(two, client.create_stack_instances(StackSetName="ours", Accounts=[OTHER], Regions=[HERE]))["Status"] == "FAILED"
    last = heard(two)[-1]["detail"]["status-details"]
    assert (last["status"], last["detailed-status"]) == ("OUTDATED", "FAILED") and "CreateStack" in last["status-reason"]
