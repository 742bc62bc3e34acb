"""Going back: RollbackStack, rollbacks by force, stacks that are watched, and what the events say of it all."""

from __future__ import annotations

import pytest
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %s}}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
  Late: {Type: AWS::SQS::Queue, DependsOn: [Queue, Named], Properties: {DelaySeconds: %s}}
Outputs: {Url: {Value: !Ref Queue}}
"""
GOOD, BAD = "0", "99999999"


def _update(cloud, template: str, **more) -> dict:
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=template, **more)
    return settled(cloud, "shop")


def _names(cloud) -> list[str]:
    return sorted(url.rpartition("/")[2] for url in cloud.client("sqs").list_queues().get("QueueUrls", []))


def _seconds(cloud, url: str) -> str:
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return found["Attributes"]["VisibilityTimeout"]


def test_an_update_that_failed_and_was_left_standing_is_rolled_back_on_request(cloud):
    stack = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    before = _names(cloud)
    assert _update(cloud, TEMPLATE % (90, "two", BAD), DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    # What was replaced waits for the decision.
    assert {"one", "two"} <= set(_names(cloud))
    answer = cloud.client("cloudformation").rollback_stack(StackName="shop")
    assert answer["StackId"] == stack["StackId"] and answer["OperationId"]
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _names(cloud) == before and _seconds(cloud, outputs(stack)["Url"]) == "60"
    template = cloud.client("cloudformation").get_template(StackName="shop")["TemplateBody"]
    assert template == TEMPLATE % (60, "one", GOOD)


def test_a_second_attempt_goes_back_to_what_stood_before_the_first(cloud):
    stack = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    before = _names(cloud)
    _update(cloud, TEMPLATE % (90, "two", BAD), DisableRollback=True)
    assert _update(cloud, TEMPLATE % (120, "three", BAD))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _names(cloud) == before and _seconds(cloud, outputs(stack)["Url"]) == "60"


def test_a_second_attempt_that_succeeds_leaves_nothing_of_the_first(cloud):
    create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    more = TEMPLATE.replace("Outputs", "  More: {Type: AWS::SQS::Queue, Properties: {QueueName: more}}\nOutputs")
    _update(cloud, more % (90, "two", BAD), DisableRollback=True)
    assert {"one", "two", "more"} <= set(_names(cloud))
    stack = _update(cloud, TEMPLATE % (120, "three", GOOD))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and _seconds(cloud, outputs(stack)["Url"]) == "120"
    assert len(_names(cloud)) == 3 and not {"one", "two", "more"} & set(_names(cloud))


def test_a_stack_deleted_after_a_failed_update_leaves_nothing(cloud):
    arn = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))["StackId"]
    _update(cloud, TEMPLATE % (90, "two", BAD), DisableRollback=True)
    cloud.client("cloudformation").delete_stack(StackName="shop")
    assert settled(cloud, arn)["StackStatus"] == "DELETE_COMPLETE" and _names(cloud) == []


def test_a_creation_left_standing_is_taken_back(cloud):
    failed = create(cloud, "shop", TEMPLATE % (60, "one", BAD), OnFailure="DO_NOTHING")
    assert failed["StackStatus"] == "CREATE_FAILED" and _names(cloud) != []
    cloudformation = cloud.client("cloudformation")
    answers = [cloudformation.rollback_stack(StackName="shop", ClientRequestToken="once") for _ in range(2)]
    assert answers[0]["OperationId"] == answers[1]["OperationId"]
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE" and _names(cloud) == []
    code, text = refused(cloudformation.rollback_stack, StackName="shop")
    assert code == "ValidationError" and "is in ROLLBACK_COMPLETE state and can not be rolled back" in text


@pytest.mark.parametrize("after_s", [0, 0.01, 0.03, 0.1, 0.3])
def test_a_rollback_that_was_killed_goes_on(cloud, after_s):
    stack = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    before = _names(cloud)
    _update(cloud, TEMPLATE % (90, "two", BAD), DisableRollback=True)
    cloud.client("cloudformation").rollback_stack(StackName="shop")
    cloud.sleep(after_s)
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _names(cloud) == before and _seconds(cloud, outputs(stack)["Url"]) == "60"


def test_by_force_a_rollback_leaves_behind_what_it_cannot_bring_back(cloud):
    stack = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    cloudformation, sqs = cloud.client("cloudformation"), cloud.client("sqs")
    _update(cloud, TEMPLATE % (90, "one", BAD), DisableRollback=True)
    sqs.delete_queue(QueueUrl=outputs(stack)["Url"])
    cloudformation.rollback_stack(StackName="shop")
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    both = {"ResourcesToSkip": ["Queue"], "ForceRollback": True}
    assert refused(cloudformation.continue_update_rollback, StackName="shop", **both)[0] == "ValidationError"
    cloudformation.continue_update_rollback(StackName="shop", ForceRollback=True)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_watched_stack_is_final_when_its_time_is_over_even_after_a_kill(cloud):
    cloudformation = cloud.client("cloudformation")
    watching = {"MonitoringTimeInMinutes": 10}
    cloudformation.create_stack(StackName="shop", TemplateBody=TEMPLATE % (60, "one", GOOD), RollbackConfiguration=watching)
    cloud.sleep(300)
    cloud.restart(kill=True)
    cloud.sleep(200)
    assert cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    cloud.sleep(120)
    stack = cloudformation.describe_stacks(StackName="shop")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["RollbackConfiguration"] == {"RollbackTriggers": [], "MonitoringTimeInMinutes": 10}
    cloudformation.update_stack(StackName="shop", TemplateBody=TEMPLATE % (90, "one", GOOD))
    cloud.sleep(60)
    cloudformation.cancel_update_stack(StackName="shop")
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _seconds(cloud, outputs(stack)["Url"]) == "60"


ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors"
WAITING = "Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle}, Wait: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: 900}}}"


def _alarm(cloud, state: str = "OK") -> dict:
    """A rollback configuration with an alarm in that state, and five minutes of watching."""
    asked = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1}
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="errors", ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore", **asked
    )
    _sound(cloud, state)
    return {"RollbackTriggers": [{"Arn": ALARM, "Type": "AWS::CloudWatch::Alarm"}], "MonitoringTimeInMinutes": 5}


def _sound(cloud, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")


def _reason(cloud, status: str) -> str:
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    return next(each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == status)


def test_an_alarm_that_sounds_while_a_stack_is_watched_takes_an_update_back_even_after_a_kill(cloud):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html"""
    stack = create(cloud, "shop", TEMPLATE % (60, "one", GOOD))
    watching = _alarm(cloud)
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(StackName="shop", TemplateBody=TEMPLATE % (90, "one", GOOD), RollbackConfiguration=watching)
    cloud.sleep(60)
    assert cloudformation.describe_stacks()["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS"
    assert _seconds(cloud, outputs(stack)["Url"]) == "90"
    cloud.restart(kill=True)
    _sound(cloud, "ALARM")
    cloud.sleep(30)
    shown = cloudformation.describe_stacks()["Stacks"][0]
    assert shown["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and shown["RollbackConfiguration"] == watching
    assert _seconds(cloud, outputs(stack)["Url"]) == "60"
    assert ALARM in _reason(cloud, "UPDATE_ROLLBACK_IN_PROGRESS")


def test_a_stack_whose_alarms_are_silent_is_final_when_its_time_is_over(cloud):
    stack = {"StackName": "shop", "TemplateBody": TEMPLATE % (60, "one", GOOD), "RollbackConfiguration": _alarm(cloud)}
    cloud.client("cloudformation").create_stack(**stack)
    cloud.sleep(290)
    assert cloud.client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    cloud.sleep(20)
    assert cloud.client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_an_alarm_that_sounds_takes_back_what_is_still_being_made(cloud):
    cloudformation, watching = cloud.client("cloudformation"), _alarm(cloud)
    cloudformation.create_stack(StackName="shop", TemplateBody=WAITING, RollbackConfiguration=watching)
    cloud.sleep(60)
    _sound(cloud, "ALARM")
    cloud.sleep(30)
    assert cloudformation.describe_stacks()["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ALARM in _reason(cloud, "ROLLBACK_IN_PROGRESS")


def test_a_stack_is_taken_back_at_once_if_its_alarm_sounds_already_or_is_not_there(cloud):
    watching = _alarm(cloud, "ALARM") | {"MonitoringTimeInMinutes": 0}
    assert create(cloud, "shop", TEMPLATE % (60, "one", GOOD), RollbackConfiguration=watching)["StackStatus"] == "ROLLBACK_COMPLETE"
    cloud.client("cloudwatch").delete_alarms(AlarmNames=["errors"])
    assert create(cloud, "more", TEMPLATE % (60, "two", GOOD), RollbackConfiguration=watching)["StackStatus"] == "ROLLBACK_COMPLETE"


STREAMS = "Resources: {Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks, ShardCount: %s}}%s}"
READER = ", Reader: {Type: AWS::Kinesis::StreamConsumer, Properties: {ConsumerName: r, StreamARN: !GetAtt Stream.Arn}}"
EXPRESS = {"DeploymentConfig": {"Mode": "EXPRESS"}}


def _stream(cloud) -> str:
    return cloud.client("kinesis").describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamStatus"]


def _at_rest(cloud) -> str:
    """The stack's status in the moment in which it is final."""
    while True:
        stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
        if not stacks or not stacks[0]["StackStatus"].endswith("_IN_PROGRESS"):
            return stacks[0]["StackStatus"] if stacks else "DELETE_COMPLETE"
        cloud.sleep(0.1)


def test_an_express_operation_does_not_wait_until_resources_are_ready(make_cloud):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-express-mode.html"""
    cloud = make_cloud(pace="real")
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="shop", TemplateBody=STREAMS % (1, ""), **EXPRESS)
    assert _at_rest(cloud) == "CREATE_COMPLETE"
    assert _stream(cloud) == "CREATING"
    assert cloudformation.describe_stacks()["Stacks"][0]["DeploymentConfig"] == {"Mode": "EXPRESS", "DisableRollback": False}
    cloud.sleep(20)
    cloudformation.update_stack(StackName="shop", TemplateBody=STREAMS % (2, ""), **EXPRESS)
    assert (_at_rest(cloud), _stream(cloud)) == ("UPDATE_COMPLETE", "UPDATING")
    cloud.sleep(20)
    cloudformation.delete_stack(StackName="shop", **EXPRESS)
    assert (_at_rest(cloud), _stream(cloud)) == ("DELETE_COMPLETE", "DELETING")


def test_an_operation_that_is_not_express_waits(make_cloud):
    cloud = make_cloud(pace="real")
    cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody=STREAMS % (1, ""))
    assert (_at_rest(cloud), _stream(cloud)) == ("CREATE_COMPLETE", "ACTIVE")


def test_what_another_resource_refers_to_is_ready_before_that_is_made_even_in_express_mode(make_cloud):
    cloud = make_cloud(pace="real")
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=STREAMS % (1, READER), **EXPRESS
    )
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="first")
    assert (_at_rest(cloud), _stream(cloud)) == ("CREATE_COMPLETE", "ACTIVE")
    arn = cloud.client("kinesis").describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    assert [each["ConsumerName"] for each in cloud.client("kinesis").list_stream_consumers(StreamARN=arn)["Consumers"]] == ["r"]


def test_a_failure_is_left_standing_by_the_deployment_configuration_too(cloud):
    config = {"Mode": "STANDARD", "DisableRollback": True}
    assert create(cloud, "shop", TEMPLATE % (60, "one", BAD), DeploymentConfig=config)["StackStatus"] == "CREATE_FAILED"


def test_events_are_grouped_by_what_was_done(cloud):
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_stack(StackName="shop", TemplateBody=TEMPLATE % (60, "one", GOOD))
    settled(cloud, "shop")
    updated = cloudformation.update_stack(StackName="shop", TemplateBody=TEMPLATE % (90, "one", BAD))
    settled(cloud, "shop")

    def told(**which) -> list[dict]:
        return cloudformation.describe_events(**which)["OperationEvents"]

    creation = told(OperationId=made["OperationId"])
    assert {event["OperationType"] for event in creation} == {"CREATE_STACK"}
    assert [creation[0]["OperationStatus"], creation[-1]["OperationStatus"]] == ["SUCCEEDED", "IN_PROGRESS"]
    failed = told(OperationId=updated["OperationId"], Filters={"FailedEvents": True})
    assert [(event["LogicalResourceId"], event["EventType"]) for event in failed] == [("Late", "PROVISIONING_ERROR")]
    every = told(StackName="shop")
    assert [kind for kind in dict.fromkeys(event["OperationType"] for event in every)] == [
        "ROLLBACK", "UPDATE_STACK", "CREATE_STACK",
    ]  # fmt: skip
    shown = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    assert [event["OperationId"] for event in shown] == [event["OperationId"] for event in every]
    # A stack is shown with the last operation: recorded, localstack/localstack, test_change_set_mappings.snapshot.json.
    last = [{"OperationType": "ROLLBACK", "OperationId": every[0]["OperationId"]}]
    assert cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["LastOperations"] == last
    assert cloudformation.list_stacks()["StackSummaries"][0]["LastOperations"] == last
    assert refused(cloudformation.describe_events, OperationId="none")[0] == "ValidationError"
    assert refused(cloudformation.describe_events)[0] == "ValidationError"


def test_an_account_is_told_its_limits(cloud):
    limits = cloud.client("cloudformation").describe_account_limits()["AccountLimits"]
    assert {limit["Name"]: limit["Value"] for limit in limits}["StackLimit"] == 2000


def test_a_change_set_has_no_hooks_where_none_can_be_registered(cloud):
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=TEMPLATE % (60, "one", GOOD)
    )
    found = cloudformation.describe_change_set_hooks(StackName="shop", ChangeSetName="first")
    assert (found["Hooks"], found["Status"], found["StackName"]) == ([], "PLANNED", "shop")
