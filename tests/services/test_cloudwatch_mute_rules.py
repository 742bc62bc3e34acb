"""Mute rules: alarms that are muted change their states and do nothing, and do what is left to do when the window ends."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from notice_workshop import received, subscribed
from services.test_cloudwatch_alarms import TERMS, alarm, put, state
from services.test_cloudwatch_metrics import moment


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    return cloud.client("cloudwatch")


def rule(client, expression, duration="PT1H", name="r", alarms=("a",), zone=None, **more):
    schedule = {"Expression": expression, "Duration": duration} | ({"Timezone": zone} if zone else {})
    client.put_alarm_mute_rule(Name=name, Rule={"Schedule": schedule}, MuteTargets={"AlarmNames": list(alarms)}, **more)


def status(client, name="r"):
    return client.get_alarm_mute_rule(AlarmMuteRuleName=name)["Status"]


@pytest.fixture
def topic(cloud):
    arn = cloud.client("sns").create_topic(Name="t")["TopicArn"]
    subscribed(cloud, arn, "q")
    return arn


def heard(cloud):
    url = cloud.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    return [json.loads(json.loads(each["Body"])["Message"]) for each in received(cloud, url)]


def said(cloud):
    return [(told["NewStateValue"], told["OldStateValue"], told["ActionExecutedAfterMuteWindow"]) for told in heard(cloud)]


# The cloud of a test begins on Tuesday, the first of January 2030, and these tests at one in the morning.


def test_what_an_alarm_would_do_is_done_when_the_window_ends(cloud, watch, topic):
    alarm(watch, AlarmActions=[topic], OKActions=[topic], TreatMissingData="ignore")
    rule(watch, "at(2030-01-01T01:00)", "PT30M")
    assert (status(watch), watch.get_alarm_mute_rule(AlarmMuteRuleName="r")["MuteType"]) == ("ACTIVE", "ONE_TIME")
    put(watch, 9)
    cloud.sleep(120)
    assert state(watch)["StateValue"] == "ALARM" and said(cloud) == []
    cloud.sleep(28 * 60 + 2)
    assert said(cloud) == [("ALARM", "INSUFFICIENT_DATA", True)] and status(watch) == "EXPIRED"
    put(watch, 1)
    cloud.sleep(120)
    assert said(cloud) == [("OK", "ALARM", False)]


def test_an_alarm_that_is_again_as_it_was_does_nothing_when_the_window_ends(cloud, watch, topic):
    alarm(watch, AlarmActions=[topic], OKActions=[topic], TreatMissingData="notBreaching")
    cloud.sleep(120)
    assert said(cloud) == [("OK", "INSUFFICIENT_DATA", False)]
    rule(watch, "at(2030-01-01T01:00)", "PT30M")
    put(watch, 9)
    cloud.sleep(120)
    assert state(watch)["StateValue"] == "ALARM"
    cloud.sleep(40 * 60)
    assert state(watch)["StateValue"] == "OK" and said(cloud) == []


def test_an_alarm_acts_at_once_when_its_rule_is_deleted(cloud, watch, topic):
    alarm(watch, AlarmActions=[topic], TreatMissingData="ignore")
    rule(watch, "cron(* * * * *)", "P1D")
    put(watch, 9)
    cloud.sleep(120)
    assert said(cloud) == []
    watch.delete_alarm_mute_rule(AlarmMuteRuleName="r")
    cloud.sleep(1)
    assert said(cloud) == [("ALARM", "INSUFFICIENT_DATA", True)]
    watch.delete_alarm_mute_rule(AlarmMuteRuleName="r")


def test_two_rules_mute_until_the_later_one_ends_and_a_kill_changes_nothing(cloud, watch, topic):
    alarm(watch, AlarmActions=[topic], TreatMissingData="ignore")
    rule(watch, "at(2030-01-01T01:00)", "PT10M")
    rule(watch, "at(2030-01-01T01:05)", "PT30M", name="later")
    put(watch, 9)
    cloud.sleep(120)
    cloud.restart(kill=True)
    cloud.sleep(20 * 60)
    assert said(cloud) == []
    cloud.sleep(14 * 60)
    assert said(cloud) == [("ALARM", "INSUFFICIENT_DATA", True)]


def test_a_composite_alarm_is_muted_too(cloud, watch, topic):
    alarm(watch, TreatMissingData="ignore")
    watch.put_composite_alarm(AlarmName="c", AlarmRule="ALARM(a)", AlarmActions=[topic])
    rule(watch, "at(2030-01-01T01:00)", "PT30M", alarms=["c"])
    put(watch, 9)
    cloud.sleep(120)
    assert state(watch, "c", "Composite")["StateValue"] == "ALARM" and heard(cloud) == []
    cloud.sleep(30 * 60)
    assert len(heard(cloud)) == 1


@pytest.mark.parametrize(
    "expression, duration, zone, then, after_days",
    [
        ("cron(0 1 * * *)", "PT1H", None, "ACTIVE", 0), ("cron(0 2 * * *)", "PT1H", None, "SCHEDULED", 0), ("cron(0,30 0-2 * JAN TUE)", "PT20M", None, "ACTIVE", 0),
        ("cron(0 18 * * FRI)", "P2DT12H", None, "ACTIVE", 4.5), ("cron(0 18 * * 5)", "P2DT12H", None, "SCHEDULED", 6.5), ("cron(0 1 1 * *)", "PT1H", None, "ACTIVE", 31),
        ("cron(0 2 * * *)", "PT1H", "Europe/Berlin", "ACTIVE", 0), ("at(2029-12-31T20:00)", "PT1H", "America/New_York", "ACTIVE", 0), ("at(2029-12-31T20:00)", "PT1H", None, "EXPIRED", 0),
    ],
)  # fmt: skip
def test_windows_are_told_in_a_time_zone(cloud, watch, expression, duration, zone, then, after_days):
    alarm(watch)
    rule(watch, expression, duration, zone=zone)
    cloud.sleep(after_days * 86_400 + 60)
    assert status(watch) == then


def test_a_recurring_rule_begins_and_expires(cloud, watch):
    alarm(watch)
    now = cloud.now()
    rule(watch, "cron(* * * * *)", StartDate=moment(now + 600), ExpireDate=moment(now + 1200))
    found = []
    for _ in range(3):
        found.append(status(watch))
        cloud.sleep(600)
    assert found == ["SCHEDULED", "ACTIVE", "EXPIRED"]


def test_rules_are_listed_shown_tagged_and_replaced(cloud, watch):
    alarm(watch)
    alarm(watch, "b")
    rule(watch, "cron(0 2 * * *)", Description="nightly", Tags=[{"Key": "team", "Value": "x"}])
    rule(watch, "at(2030-01-01T01:00)", name="s", alarms=["b"])
    shown = watch.get_alarm_mute_rule(AlarmMuteRuleName="r")
    arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm-mute-rule:r"
    assert (shown["AlarmMuteRuleArn"], shown["Description"], shown["MuteType"], shown["MuteTargets"]) == (arn, "nightly", "RECURRING", {"AlarmNames": ["a"]})
    assert shown["Rule"] == {"Schedule": {"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}}
    listed = watch.list_alarm_mute_rules(AlarmName="a")["AlarmMuteRuleSummaries"]
    assert [(each["AlarmMuteRuleArn"], each["Status"]) for each in listed] == [(arn, "SCHEDULED")]
    assert [each["MuteType"] for each in watch.list_alarm_mute_rules(Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"]] == ["ONE_TIME"]
    first = watch.list_alarm_mute_rules(MaxRecords=1)
    assert len(first["AlarmMuteRuleSummaries"]) == 1 and len(watch.list_alarm_mute_rules(NextToken=first["NextToken"])["AlarmMuteRuleSummaries"]) == 1
    watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    rule(watch, "cron(0 3 * * *)")
    assert {tag["Key"] for tag in watch.list_tags_for_resource(ResourceARN=arn)["Tags"]} == {"team", "a"}
    assert "Description" not in watch.get_alarm_mute_rule(AlarmMuteRuleName="r")
    with pytest.raises(watch.exceptions.ResourceNotFoundException):
        watch.get_alarm_mute_rule(AlarmMuteRuleName="nobody")


@pytest.mark.parametrize(
    "expression, more, code",
    [
        ("cron(0 2 * *)", {}, "ValidationError"), ("cron(0 25 * * *)", {}, "ValidationError"), ("cron(0/5 * * * *)", {}, "ValidationError"), ("cron(0 2 * * 9)", {}, "ValidationError"),
        ("at(2030-13-01T00:00)", {}, "ValidationError"), ("rate(1 hour)", {}, "ValidationError"), ("cron(0 2 * * *)", {"duration": "PT30S"}, "ValidationError"),
        ("cron(0 2 * * *)", {"duration": "P16D"}, "ValidationError"), ("cron(0 2 * * *)", {"zone": "Atlantis"}, "ValidationError"), ("cron(0 2 * * *)", {"alarms": ["b"]}, "ValidationError"),
        ("at(2030-01-01T00:00)", {"ExpireDate": moment(2_000_000_000)}, "ValidationError"), ("cron(0 2 1 * SUN)", {}, "NotImplemented"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(watch, expression, more, code):
    alarm(watch)
    with pytest.raises(ClientError) as refusal:
        rule(watch, expression, **more)
    assert refusal.value.response["Error"]["Code"] == code and watch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"] == []


def test_whoever_mutes_must_be_allowed_to_mute_each_alarm(cloud, watch):
    watch.put_metric_alarm(AlarmName="a", **TERMS)
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    arns = [f"arn:aws:cloudwatch:us-east-1:000000000000:{what}" for what in ("alarm-mute-rule:*", "alarm:a")]
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("cloudwatch", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    for allowed in (arns[:1], arns):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "cloudwatch:PutAlarmMuteRule", "Resource": allowed}}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
        if allowed is not arns:
            with pytest.raises(ClientError, match="alarm:a"):
                rule(theirs, "cron(0 2 * * *)")
    rule(theirs, "cron(0 2 * * *)")


def test_a_stack_makes_a_mute_rule(cloud, watch):
    resources = {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {**TERMS, "AlarmName": "a"}},
        "Rule": {"Type": "AWS::CloudWatch::AlarmMuteRule", "Properties": {
            "Name": "r", "Rule": {"Schedule": {"Expression": "cron(0 1 * * *)", "Duration": "PT4H"}}, "MuteTargets": {"AlarmNames": [{"Ref": "Alarm"}]}}},
    }  # fmt: skip
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources, "Outputs": {"S": {"Value": {"Fn::GetAtt": ["Rule", "MuteType"]}}}}))
    cloud.sleep(30)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["Outputs"][0]["OutputValue"] == "RECURRING", stack
    assert status(watch) == "ACTIVE"
    stacks.delete_stack(StackName="s")
    cloud.sleep(30)
    assert watch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"] == []
