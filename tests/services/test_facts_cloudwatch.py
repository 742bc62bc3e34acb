"""CloudWatch tells EventBridge how alarms are configured, and what keeps their actions back when they change their state.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html, whose examples these are.
"""

from __future__ import annotations

import pytest
from fact_workshop import ACCOUNT, US, heard, hears
from test_cloudwatch_alarms import TERMS, alarm

SOURCE, CHANGE, STATE = "aws.cloudwatch", "CloudWatch Alarm Configuration Change", "CloudWatch Alarm State Change"
NONE = {"okActions": [], "alarmActions": [], "insufficientDataActions": []}
RULE = "ALARM(one) OR ALARM(two)"
AT = "2030-01-01T01:00:00.000+0000"


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    return cloud.client("cloudwatch")


def test_a_metric_alarm_tells_that_it_was_made_changed_and_deleted(cloud, watch):
    hears(cloud, SOURCE, CHANGE)
    alarm(watch, AlarmDescription="too much", TreatMissingData="ignore", Dimensions=[{"Name": "host", "Value": "a"}])
    (made,) = heard(cloud)
    assert (made["source"], made["resources"]) == (SOURCE, [f"arn:aws:cloudwatch:{US}:{ACCOUNT}:alarm:a"])
    detail = made["detail"]
    (metric,) = detail["configuration"]["metrics"]
    assert len(metric.pop("id")) == 36 and metric == {
        "metricStat": {"metric": {"namespace": "app", "name": "m", "dimensions": {"host": "a"}}, "period": 60, "stat": "Sum"}, "returnData": True,
    }  # fmt: skip
    assert detail == {
        "alarmName": "a", "operation": "create", "state": {"value": "INSUFFICIENT_DATA", "timestamp": AT},
        "configuration": {
            "evaluationPeriods": 1, "threshold": 5, "comparisonOperator": "GreaterThanThreshold", "treatMissingData": "ignore",
            "metrics": [metric], "alarmName": "a", "description": "too much", "actionsEnabled": True, "timestamp": AT, **NONE,
        },
    }  # fmt: skip
    assert isinstance(detail["configuration"]["threshold"], int)
    alarm(watch, Threshold=7.5, DatapointsToAlarm=1, AlarmActions=[f"arn:aws:sns:{US}:{ACCOUNT}:t"])
    (changed,) = [each["detail"] for each in heard(cloud)]
    assert changed["operation"] == "update" and changed["previousConfiguration"]["threshold"] == 5
    after = changed["configuration"]
    assert (after["threshold"], after["datapointsToAlarm"], after["alarmActions"]) == (7.5, 1, [f"arn:aws:sns:{US}:{ACCOUNT}:t"])
    assert after["timestamp"] == "2030-01-01T01:00:03.000+0000" and "description" not in after
    watch.delete_alarms(AlarmNames=["a", "nobody"])
    (gone,) = [each["detail"] for each in heard(cloud)]
    assert gone["operation"] == "delete" and gone["configuration"]["threshold"] == 7.5 and "previousConfiguration" not in gone


def test_actions_that_are_switched_change_the_configuration_once(cloud, watch):
    alarm(watch)
    hears(cloud, SOURCE, CHANGE)
    for _ in range(2):
        watch.disable_alarm_actions(AlarmNames=["a"])
    (detail,) = [each["detail"] for each in heard(cloud)]
    assert detail["operation"] == "update"
    assert (detail["configuration"]["actionsEnabled"], detail["previousConfiguration"]["actionsEnabled"]) == (False, True)


def test_an_alarm_on_an_expression_tells_its_queries(cloud, watch):
    hears(cloud, SOURCE, CHANGE)
    terms = {name: TERMS[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    metric = {"Metric": {"Namespace": "app", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "e", "Expression": "m * 2", "Label": "Twice"}, {"Id": "m", "MetricStat": metric, "ReturnData": False}]
    watch.put_metric_alarm(AlarmName="a", Metrics=queries, **terms)
    (detail,) = [each["detail"] for each in heard(cloud)]
    assert detail["configuration"]["metrics"] == [
        {"id": "e", "expression": "m * 2", "label": "Twice", "returnData": True},
        {"id": "m", "metricStat": {"metric": {"namespace": "app", "name": "m", "dimensions": {}}, "period": 60, "stat": "Sum"}, "returnData": False},
    ]


def composite(watch) -> None:
    for name in ("one", "two", "maintenance"):
        alarm(watch, name)
    watch.put_composite_alarm(
        AlarmName="c", AlarmRule=RULE, ActionsSuppressor="maintenance", ActionsSuppressorWaitPeriod=120, ActionsSuppressorExtensionPeriod=180,
    )  # fmt: skip


def test_a_composite_alarm_tells_its_rule_and_its_suppressor(cloud, watch):
    hears(cloud, SOURCE, CHANGE, {"alarmName": ["c"]})
    composite(watch)
    (detail,) = [each["detail"] for each in heard(cloud)]
    assert detail == {
        "alarmName": "c", "operation": "create", "state": {"value": "INSUFFICIENT_DATA", "timestamp": AT},
        "configuration": {
            "alarmRule": RULE, "actionsSuppressor": "maintenance", "actionsSuppressorWaitPeriod": 120, "actionsSuppressorExtensionPeriod": 180,
            "alarmName": "c", "actionsEnabled": True, "timestamp": AT, **NONE,
        },
    }  # fmt: skip
    watch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="x")
    watch.delete_alarms(AlarmNames=["c"])
    (gone,) = [each["detail"] for each in heard(cloud)]
    assert gone["state"] == {"value": "ALARM", "actionsSuppressedBy": "WaitPeriod", "timestamp": "2030-01-01T01:00:03.000+0000"}


def test_a_state_tells_what_suppresses_its_actions(cloud, watch):
    composite(watch)
    hears(cloud, SOURCE, STATE, {"alarmName": ["c"]})
    watch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="x")
    (detail,) = [each["detail"] for each in heard(cloud)]
    suppressed = {name: detail["state"].get(name) for name in ("value", "actionsSuppressedBy", "actionsSuppressedReason")}
    assert suppressed == {"value": "ALARM", "actionsSuppressedBy": "WaitPeriod", "actionsSuppressedReason": "Actions suppressed by WaitPeriod"}
    assert detail["previousState"]["value"] == "OK" and "actionsSuppressedBy" not in detail["previousState"] and "muteDetail" not in detail


def test_a_state_tells_which_rule_mutes_it_and_in_which_window(cloud, watch):
    alarm(watch)
    schedule = {"Expression": "cron(0 1 * * *)", "Duration": "PT2H"}
    watch.put_alarm_mute_rule(Name="night", Rule={"Schedule": schedule}, MuteTargets={"AlarmNames": ["a"]})
    hears(cloud, SOURCE, STATE)
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    (detail,) = [each["detail"] for each in heard(cloud)]
    assert detail["muteDetail"] == {
        "mutedByArn": f"arn:aws:cloudwatch:{US}:{ACCOUNT}:alarm-mute-rule:night",
        "muteWindowStart": "2030-01-01T01:00:00.000+0000", "muteWindowEnd": "2030-01-01T03:00:00.000+0000",
    }  # fmt: skip


def test_a_configuration_is_heard_of_after_a_kill(cloud, watch):
    hears(cloud, SOURCE, CHANGE)
    alarm(watch)
    cloud.restart(kill=True)
    assert [each["detail"]["operation"] for each in heard(cloud)] == ["create"]
