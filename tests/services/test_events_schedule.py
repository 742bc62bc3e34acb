"""EventBridge: rules that fire by the clock, what services tell, and deliveries that are tried again."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from services.lambda_workshop import put_role
from services.test_events_rules import ACCOUNT, PATTERN, put, queue, received, rule

from kumoniwa.kernel import principal as principals


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events")


def fires(cloud, events, expression: str, **target) -> None:
    arn = queue(cloud)
    events.put_rule(Name="r", ScheduleExpression=expression)
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn, **target}])


def test_a_rate_fires_again_and_again(cloud, events):
    # tests_schedule_rate_target_sqs
    fires(cloud, events, "rate(1 minute)")
    cloud.sleep(59)
    assert not received(cloud)
    cloud.sleep(2)
    body = json.loads(received(cloud)[0]["Body"])
    assert (body["detail-type"], body["source"], body["detail"]) == ("Scheduled Event", "aws.events", {})
    assert body["resources"] == [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"]
    cloud.sleep(300)
    assert len(received(cloud)) == 5


def test_cron_fires_with_the_input_of_its_target(cloud, events):
    # tests_schedule_rate_custom_input_target_sqs
    fires(cloud, events, "cron(0/10 * * * ? *)", Input='{"custom-value": "x"}')
    cloud.sleep(3600)
    assert [each["Body"] for each in received(cloud)] == ['{"custom-value": "x"}'] * 6


def test_a_disabled_rule_is_silent_and_begins_anew(cloud, events):
    fires(cloud, events, "rate(5 minutes)")
    events.disable_rule(Name="r")
    cloud.sleep(1200)
    assert not received(cloud)
    events.enable_rule(Name="r")
    cloud.sleep(301)
    assert len(received(cloud)) == 1


def test_a_kill_neither_misses_nor_doubles_a_time(cloud, events):
    fires(cloud, events, "rate(1 minute)")
    cloud.sleep(90)
    cloud.restart(kill=True)
    cloud.sleep(60)
    cloud.restart(kill=True)
    cloud.sleep(60)
    times = [json.loads(each["Body"])["time"] for each in received(cloud)]
    assert len(times) == 3 and len(set(times)) == 3


def test_schedules_are_of_the_default_bus_and_in_aws_s_language(cloud, events):
    # tests_put_rule_with_schedule_custom_event_bus, tests_put_rule_with_invalid_schedule_cron
    events.create_event_bus(Name="b")
    for params, text in (
        ({"EventBusName": "b", "ScheduleExpression": "rate(1 minute)"}, "ScheduleExpression is supported only on the default event bus."),
        ({"ScheduleExpression": "cron(71 8 1 * ? *)"}, "Parameter ScheduleExpression is not valid."),
    ):
        with pytest.raises(ClientError) as refused:
            events.put_rule(Name="r", **params)
        assert refused.value.response["Error"]["Message"] == text


def test_what_a_service_tells_is_an_event_of_the_default_bus(cloud, events):
    rule(cloud, {"Id": "t", "Arn": queue(cloud)}, pattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": ["b"]}}}))
    region = cloud.region()

    async def tell() -> None:
        call = region.call("s3", ACCOUNT, principals.service("s3.amazonaws.com", ACCOUNT))
        call.tell("Object Created", {"version": "0", "bucket": {"name": "b"}, "object": {"key": "k"}})
        call.tell("Something Of Ours", {"bucket": {"name": "b"}})

    cloud.run(tell())
    cloud.sleep(1)
    bodies = [json.loads(each["Body"]) for each in received(cloud)]
    assert [(each["source"], each["detail-type"], each["resources"]) for each in bodies] == [("aws.s3", "Object Created", ["arn:aws:s3:::b"])]


def test_a_target_that_is_out_of_order_is_tried_again_with_growing_pauses(cloud, events):
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    fault = cloud.fault("service.down", {"service": "sqs"}, mode="503")
    event_id = put(cloud)["Entries"][0]["EventId"]
    cloud.sleep(600)
    cloud.heal(fault)
    cloud.sleep(900)
    assert [json.loads(each["Body"])["id"] for each in received(cloud)] == [event_id]


def test_a_target_that_stays_out_of_order_gives_its_events_to_the_dead_letter_queue(cloud, events):
    cloud.region("us-west-2")
    queue(cloud, "dead")
    far = f"arn:aws:events:us-west-2:{ACCOUNT}:event-bus/default"
    policy = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
    dead = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = put_role(cloud, "events:PutEvents", trust=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    rule(cloud, {"Id": "t", "Arn": far, "RoleArn": role, "RetryPolicy": policy, "DeadLetterConfig": {"Arn": dead}}, pattern=PATTERN)
    cloud.kill("us-west-2")
    put(cloud)
    cloud.sleep(600)
    facts = {name: value["StringValue"] for name, value in received(cloud, "dead")[0]["MessageAttributes"].items()}
    assert (facts["EXHAUSTED_RETRY_CONDITION"], facts["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "3")
