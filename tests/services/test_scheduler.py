"""EventBridge Scheduler. Recorded answers: localstack's test_scheduler.snapshot.json."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest
from refusals import refused
from services.lambda_workshop import put_role
from services.test_events_rules import ACCOUNT, queue, received

ROLE = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}})
OFF = {"Mode": "OFF"}


@pytest.fixture
def scheduler(cloud):
    cloud.region()
    put_role(cloud, "sqs:SendMessage", "sqs:PurgeQueue", "events:PutEvents", trust=TRUST, arn=ROLE)
    return cloud.client("scheduler")


def make(cloud, scheduler, expression: str, name: str = "s", target: dict | None = None, **more) -> str:
    said = {"Arn": queue(cloud, service=""), "RoleArn": ROLE, **(target or {})}
    return scheduler.create_schedule(Name=name, ScheduleExpression=expression, Target=said, **{"FlexibleTimeWindow": OFF, **more})["ScheduleArn"]


def bodies(cloud, name: str = "q") -> list[dict]:
    return [json.loads(each["Body"]) for each in received(cloud, name)]


def at(cloud, after_s: float) -> str:
    return datetime.fromtimestamp(cloud.now() + after_s, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")


WRONG = [
    "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)", "cron()",
    "rate(10 seconds)", "rate(10 years)", "rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)", "rate(-10 minutes)",
    "rate( 10 minutes )", " rate(10 minutes)", "at(2021-12-31T23:59:59Z)", "at(2021-12-31)",
]  # fmt: skip
RIGHT = [
    "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", "cron(30-30 13-13 ? * 2,4,6 *)", "cron(1-31/30 1-1 ? * 1,7 *)", "cron(0 18 ? * MON-FRI *)",
    "cron(*/15 * * * ? *)", "cron(0-59/10 0-23/2 ? * * *)", "at(2022-12-31T23:59:59)", "AT(2027-12-31T23:59)", "cron(0 10 * * ?)",
]  # fmt: skip


def test_which_expressions_are_schedules(cloud, scheduler):
    # tests_create_schedule_with_invalid_schedule_expression, test_create_schedule_with_valid_cron_expressions
    target = {"Arn": queue(cloud), "RoleArn": ROLE}
    for text in WRONG:
        said = refused(scheduler.create_schedule, Name="x", ScheduleExpression=text, Target=target, FlexibleTimeWindow=OFF)
        assert said == ("ValidationException", f"Invalid Schedule Expression {text}.")
    for number, text in enumerate(RIGHT):
        make(cloud, scheduler, text, name=f"s{number}")
    assert len(scheduler.list_schedules()["Schedules"]) == len(RIGHT)


def test_a_rate_begins_at_once_and_tells_that_it_fired(cloud, scheduler):
    arn = make(cloud, scheduler, "rate(5 minutes)")
    cloud.sleep(601)
    told = bodies(cloud)
    assert len(told) == 3
    assert (told[0]["source"], told[0]["detail-type"], told[0]["resources"], told[0]["detail"]) == ("aws.scheduler", "Scheduled Event", [arn], "{}")


def test_a_rate_begins_at_once_though_the_clock_goes_on_meanwhile(cloud, scheduler, monkeypatch):
    clock, ticks = cloud.region().clock, itertools.count()
    read = type(clock).now
    monkeypatch.setattr(type(clock), "now", lambda self: read(self) + next(ticks) * 1e-6)
    make(cloud, scheduler, "rate(5 minutes)")
    cloud.sleep(1)
    assert len(received(cloud)) == 1


def test_one_time_and_what_becomes_of_the_schedule_then(cloud, scheduler):
    make(cloud, scheduler, at(cloud, 60), target={"Input": '{"n": "<aws.scheduler.attempt-number>"}'}, ActionAfterCompletion="DELETE")
    make(cloud, scheduler, at(cloud, 60), name="stays", target={"Input": '{"n": 2}'})
    cloud.sleep(59)
    assert not received(cloud)
    cloud.sleep(3)
    assert sorted(bodies(cloud), key=str) == [{"n": "1"}, {"n": 2}]
    assert [each["Name"] for each in scheduler.list_schedules()["Schedules"]] == ["stays"]


def test_start_end_and_a_window(cloud, scheduler):
    now = cloud.now()
    make(cloud, scheduler, "rate(1 minute)", StartDate=now + 600, EndDate=now + 800)
    make(cloud, scheduler, "rate(1 hour)", name="w", target={"Input": '"w"'}, FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10})
    cloud.sleep(599)
    assert {"w"}.issuperset(bodies(cloud))
    cloud.sleep(3600)
    assert len([each for each in bodies(cloud) if each != "w"]) == 4


def test_a_window_and_dates_make_sense_and_the_default_group_stays(cloud, scheduler):
    """Measured by https://github.com/badmintoncryer/cdk-preflight (rules/scheduler)."""
    said = {"Name": "s", "ScheduleExpression": "rate(1 day)", "Target": {"Arn": queue(cloud), "RoleArn": ROLE}}
    off = {"Mode": "OFF", "MaximumWindowInMinutes": 4}
    assert refused(scheduler.create_schedule, FlexibleTimeWindow=off, **said) == (
        "ValidationException", "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.",
    )  # fmt: skip
    now = cloud.now()
    assert refused(scheduler.create_schedule, FlexibleTimeWindow=OFF, StartDate=now + 60, EndDate=now, **said) == (
        "ValidationException", "The StartDate you specify must come before the EndDate.",
    )  # fmt: skip
    for call in (scheduler.create_schedule_group, scheduler.delete_schedule_group):
        assert refused(call, Name="default") == ("ValidationException", "This operation cannot be performed on schedule group default.")


def test_what_recurs_may_not_have_begun_long_ago(cloud, scheduler):
    """The text was seen on AWS: https://github.com/getmoto/moto/pull/8172"""
    now = cloud.now()
    target = {"Arn": queue(cloud), "RoleArn": ROLE}
    said = refused(scheduler.create_schedule, Name="s", ScheduleExpression="rate(1 day)", Target=target, FlexibleTimeWindow=OFF, StartDate=now - 360)
    assert said == ("ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")
    make(cloud, scheduler, "rate(1 day)", StartDate=now - 240)
    cloud.sleep(600)
    change = {"Name": "s", "Target": target, "FlexibleTimeWindow": OFF, "ScheduleExpression": "rate(2 days)"}
    scheduler.update_schedule(StartDate=now - 240, **change)
    assert refused(scheduler.update_schedule, StartDate=now, **change)[0] == "ValidationException"


def test_what_happens_once_looks_at_no_dates(cloud, scheduler):
    # "EventBridge Scheduler ignores StartDate for one-time schedules", and EndDate:
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    now = cloud.now()
    make(cloud, scheduler, at(cloud, 60), StartDate=now + 600, EndDate=now + 700)
    make(cloud, scheduler, at(cloud, 60), name="o", StartDate=now - 600, EndDate=now + 30)
    cloud.sleep(62)
    assert len(bodies(cloud)) == 2


def test_a_new_schedule_was_last_changed_when_it_was_made(cloud, scheduler, monkeypatch):
    clock, ticks = cloud.region().clock, itertools.count()
    read = type(clock).now
    monkeypatch.setattr(type(clock), "now", lambda self: read(self) + next(ticks) * 1e-3)
    make(cloud, scheduler, "rate(5 minutes)")
    shown = scheduler.get_schedule(Name="s")
    assert shown["CreationDate"] == shown["LastModificationDate"]


def test_time_zones(cloud, scheduler):
    make(cloud, scheduler, "cron(30 9 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo")
    cloud.sleep(86_400)
    assert bodies(cloud)[0]["time"].endswith("T00:30:00Z")
    target = {"Arn": queue(cloud), "RoleArn": ROLE}
    said = refused(
        scheduler.create_schedule, Name="x", ScheduleExpression="rate(1 day)", Target=target, FlexibleTimeWindow=OFF,
        ScheduleExpressionTimezone="Mars/Olympus",
    )  # fmt: skip
    assert said[0] == "ValidationException"


def test_a_universal_target_calls_any_operation(cloud, scheduler):
    queue(cloud)
    url = cloud.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    said = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps({"QueueUrl": url, "MessageBody": '"<aws.scheduler.schedule-arn>"'})}
    arn = make(cloud, scheduler, at(cloud, 10), target=said)
    cloud.sleep(12)
    assert bodies(cloud) == [arn]
    for wrong in ("sqs:getQueueUrl", "sqs:nothing", "nothing:at"):
        target = {"Arn": f"arn:aws:scheduler:::aws-sdk:{wrong}", "RoleArn": ROLE, "Input": "{}"}
        assert refused(scheduler.create_schedule, Name="x", ScheduleExpression="rate(1 day)", Target=target, FlexibleTimeWindow=OFF)[0] == "ValidationException"
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "RoleArn": ROLE, "Input": "{}"}
    assert refused(scheduler.create_schedule, Name="x", ScheduleExpression="rate(1 day)", Target=target, FlexibleTimeWindow=OFF)[0] == "NotImplemented"


UNFIT = [
    ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"}, "You must provide an input to set this target for your schedule"),
    ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl", "Input": "{}"}, "getQueueUrl API is not supported"),
    ({"Arn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:aws-sdk:sqs:sendMessage", "Input": "{}"}, "scheduler is not a supported service for a target"),
    ({"Arn": "arn:aws:s3:::box"}, "s3 is not a supported service for a target"),
    ({"Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"}, "The target ARN provided does not match the current region us-east-1."),
    ({"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t", "SqsParameters": {"MessageGroupId": "g"}}, "Parameters SqsParameters not supported for the target"),
    ({"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"}, "Parameters SqsParameters must be specified"),
    ({"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "SqsParameters": {"MessageGroupId": "g"}}, "Parameters MessageGroupId not valid for the target"),
    ({"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "Input": "{"}, "JSON syntax error in input for the target"),
]


@pytest.mark.parametrize(("target", "text"), UNFIT)
def test_what_is_no_target_is_refused_as_aws_does(scheduler, target, text):
    """https://github.com/badmintoncryer/cdk-preflight measured it (rules/scheduler); "[service] is not a supported service for a
    target" stands in AWS's user guide, too."""
    said = refused(
        scheduler.create_schedule, Name="x", ScheduleExpression="rate(1 day)", Target={"RoleArn": ROLE, **target}, FlexibleTimeWindow=OFF
    )
    assert said == ("ValidationException", text)


def test_an_event_bus_as_a_target(cloud, scheduler):
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["mine"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": queue(cloud, "heard")}])
    bus = {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", "EventBridgeParameters": {"Source": "mine", "DetailType": "tick"}}
    make(cloud, scheduler, at(cloud, 10), target={**bus, "Input": '{"a": 1}'})
    cloud.sleep(12)
    assert [each["detail"] for each in bodies(cloud, "heard")] == [{"a": 1}]


def test_what_cannot_be_called_is_buried(cloud, scheduler):
    queue(cloud, "dead", service="")
    dead = {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}}
    arn = make(cloud, scheduler, at(cloud, 10), target={"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "Input": '"x"', **dead})
    cloud.sleep(12)
    buried = received(cloud, "dead")[0]
    facts = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert (buried["Body"], facts["SCHEDULE_ARN"], facts["RETRY_ATTEMPTS"], facts["ERROR_CODE"]) == ('"x"', arn, "0", "QueueDoesNotExist")


def test_a_kill_neither_misses_nor_doubles_a_time(cloud, scheduler):
    make(cloud, scheduler, "rate(1 minute)")
    for _ in range(3):
        cloud.sleep(50)
        cloud.restart(kill=True)
    cloud.sleep(40)
    times = [each["time"] for each in bodies(cloud)]
    assert len(times) == len(set(times)) == 4


def test_a_role_that_does_not_trust_is_refused(cloud, scheduler):
    # https://github.com/aws/aws-sdk-js-v3/issues/6494
    put_role(cloud, "sqs:SendMessage", arn=f"arn:aws:iam::{ACCOUNT}:role/other")
    target = {"Arn": queue(cloud), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/other"}
    said = refused(scheduler.create_schedule, Name="x", ScheduleExpression="rate(1 day)", Target=target, FlexibleTimeWindow=OFF)
    assert said == ("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")


def test_only_the_same_token_says_a_request_again(cloud, scheduler):
    # ClientToken: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    group = scheduler.create_schedule_group(Name="g", ClientToken="one")
    assert scheduler.create_schedule_group(Name="g", ClientToken="one")["ScheduleGroupArn"] == group["ScheduleGroupArn"]
    assert refused(scheduler.create_schedule_group, Name="g", ClientToken="other")[0] == "ConflictException"
    wish = {"Name": "s", "ScheduleExpression": "rate(1 day)", "Target": {"Arn": queue(cloud), "RoleArn": ROLE}, "FlexibleTimeWindow": OFF}
    made = scheduler.create_schedule(**wish, ClientToken="one")
    assert scheduler.create_schedule(**wish, ClientToken="one")["ScheduleArn"] == made["ScheduleArn"]
    assert refused(scheduler.create_schedule, **wish, ClientToken="other")[0] == "ConflictException"


def test_groups_and_schedules_are_made_changed_and_deleted(cloud, scheduler):
    group = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    assert refused(scheduler.create_schedule_group, Name="g")[0] == "ConflictException"
    make(cloud, scheduler, "rate(1 day)", GroupName="g")
    target = {"Arn": queue(cloud), "RoleArn": ROLE}
    same = {"Name": "s", "GroupName": "g", "Target": target, "FlexibleTimeWindow": OFF}
    assert refused(scheduler.create_schedule, ScheduleExpression="rate(2 days)", **same)[0] == "ConflictException"
    scheduler.update_schedule(ScheduleExpression="rate(2 days)", State="DISABLED", **same)
    shown = scheduler.get_schedule(Name="s", GroupName="g")
    assert (shown["ScheduleExpression"], shown["State"], shown["ScheduleExpressionTimezone"]) == ("rate(2 days)", "DISABLED", "UTC")
    assert refused(scheduler.get_schedule, Name="s") == ("ResourceNotFoundException", "Schedule s does not exist.")
    scheduler.untag_resource(ResourceArn=group, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == []
    scheduler.delete_schedule_group(Name="g")
    assert scheduler.list_schedules()["Schedules"] == []
    assert [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default"]
