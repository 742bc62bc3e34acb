"""Alarms: what they see in their metrics, what they say of it, and what they do."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from notice_workshop import received, subscribed
from refusals import refused
from services import lambda_workshop
from services.test_events_rules import ACCOUNT, queue
from services.test_events_rules import received as heard

APP = {"Namespace": "app", "MetricName": "m"}
TERMS = {**APP, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    return cloud.client("cloudwatch")


def put(client, value, name="m", **more):
    client.put_metric_data(Namespace="app", MetricData=[{"MetricName": name, "Value": float(value), **more}])


def alarm(client, name="a", **more):
    client.put_metric_alarm(AlarmName=name, **{**TERMS, **more})


def state(client, name="a", kind="Metric"):
    (found,) = client.describe_alarms(AlarmNames=[name], AlarmTypes=[f"{kind}Alarm"])[f"{kind}Alarms"]
    return found


def over_minutes(cloud, client, points, name="m"):
    """Put a value in each minute, or none where there is None; afterwards the last minute has just been evaluated."""
    cloud.sleep(60 - cloud.now() % 60)
    for value in points:
        if value is not None:
            put(client, value, name)
        cloud.sleep(60)
    cloud.sleep(1)


# What is kept ------------------------------------------------------------------------------------------------


def test_an_alarm_is_shown_as_it_was_put_and_has_no_data_yet(cloud, watch):
    # Recorded: localstack's test_describe_minimal_metric_alarm.
    alarm(watch)
    shown = state(watch)
    times = [shown.pop(name).timestamp() for name in ("AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp", "StateTransitionedTimestamp")]
    assert times == [cloud.now()] * 3
    assert shown == {
        "AlarmName": "a", "AlarmArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:a", "ActionsEnabled": True, "OKActions": [], "AlarmActions": [],
        "InsufficientDataActions": [], "StateValue": "INSUFFICIENT_DATA", "StateReason": "Unchecked: Initial alarm creation", "Dimensions": [], **TERMS,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change, code, text",
    [
        ({"MetricName": None}, "ValidationError", "MetricName must not be null"),
        # https://github.com/hashicorp/terraform/issues/24070
        ({"DatapointsToAlarm": 2}, "ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
        # getmoto/moto's test_put_metric_alarm_error_extended_statistic and …_evaluate_low_sample_count_percentile, verified against AWS.
        ({"Statistic": None, "ExtendedStatistic": "90"}, "InvalidParameterValue", "The value 90 for parameter ExtendedStatistic is not supported."),
        ({"EvaluateLowSampleCountPercentile": "unknown"}, "ValidationError", "Option unknown is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."),
        ({"AlarmActions": ["topic"]}, "ValidationError", "Invalid arn syntax: topic"),
        ({"ThresholdMetricId": "t"}, "ValidationError", "Threshold and ThresholdMetricId cannot both be set"),
        # https://github.com/aws-cloudformation/cfn-lint/pull/1306
        ({"Metrics": [{"Id": "e", "Expression": "1"}], "Unit": "Count", **dict.fromkeys(("MetricName", "Namespace", "Statistic", "Period"))}, "ValidationError", "Unit should not be set if list of Metrics is set."),
        ({"ComparisonOperator": "Above"}, "ValidationError", "1 validation error detected: Value 'Above' at 'comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: [GreaterThanUpperThreshold, LessThanLowerThreshold, GreaterThanThreshold, LessThanThreshold, LessThanOrEqualToThreshold, LessThanLowerOrGreaterThanUpperThreshold, GreaterThanOrEqualToThreshold]"),
    ],
)  # fmt: skip
def test_alarms_that_cannot_be_are_refused(watch, change, code, text):
    said = {name: value for name, value in {**TERMS, **change}.items() if value is not None}
    assert refused(watch.put_metric_alarm, AlarmName="a", **said) == (code, text)
    assert watch.describe_alarms()["MetricAlarms"] == []


@pytest.mark.parametrize(
    "change, what",
    [
        ({"AlarmActions": ["arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x:autoScalingGroupName/g:policyName/p"]}, "alarm actions of autoscaling"),
        ({"AlarmActions": ["arn:aws:ssm:us-east-1:000000000000:opsitem:3"]}, "alarm actions of ssm"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "alarm actions of automate"),
    ],
)  # fmt: skip
def test_what_would_do_nothing_is_refused_by_name(watch, change, what):
    with pytest.raises(ClientError) as refusal:
        alarm(watch, **change)
    assert refusal.value.response["Error"]["Code"] == "NotImplemented" and what in refusal.value.response["Error"]["Message"]


def test_to_put_again_changes_the_settings_and_keeps_state_and_tags(cloud, watch):
    alarm(watch, Tags=[{"Key": "k", "Value": "v"}])
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="because")
    cloud.sleep(10)
    alarm(watch, Threshold=7.0, Tags=[{"Key": "other", "Value": "w"}])
    shown = state(watch)
    assert (shown["Threshold"], shown["StateValue"], shown["AlarmConfigurationUpdatedTimestamp"].timestamp()) == (7.0, "ALARM", cloud.now())
    assert watch.list_tags_for_resource(ResourceARN=shown["AlarmArn"])["Tags"] == [{"Key": "k", "Value": "v"}]


def test_tags_come_and_go(watch):
    # Recorded: localstack's test_tagging_metric_alarm.
    alarm(watch, Tags=[{"Key": "Environment", "Value": "Production"}])
    arn = state(watch)["AlarmArn"]
    watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "tag1", "Value": "foo"}, {"Key": "tag2", "Value": "bar"}])
    watch.untag_resource(ResourceARN=arn, TagKeys=["tag1"])
    assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "Environment", "Value": "Production"}, {"Key": "tag2", "Value": "bar"}]
    watch.delete_alarms(AlarmNames=["a"])
    assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])


def test_alarms_are_found_by_name_state_action_and_metric(watch):
    alarm(watch, "web-cpu", AlarmActions=["arn:aws:sns:us-east-1:000000000000:t"])
    alarm(watch, "web-disk", Statistic="Average")
    alarm(watch, "db", Dimensions=[{"Name": "x", "Value": "1"}])
    watch.set_alarm_state(AlarmName="db", StateValue="OK", StateReason="fine")

    def names(**asked):
        return [each["AlarmName"] for each in watch.describe_alarms(**asked)["MetricAlarms"]]

    assert names(AlarmNamePrefix="web") == ["web-cpu", "web-disk"] and names(StateValue="OK") == ["db"] and names(ActionPrefix="arn:aws:sns") == ["web-cpu"]
    assert names(AlarmTypes=["CompositeAlarm"]) == []
    pages = [[each["AlarmName"] for each in page["MetricAlarms"]] for page in watch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})]
    assert pages == [["db", "web-cpu"], ["web-disk"]]
    found = watch.describe_alarms_for_metric(Namespace="app", MetricName="m", Statistic="Sum")["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == ["web-cpu"]
    assert refused(watch.describe_alarms, NextToken="x") == ("InvalidNextToken", "Request parameter NextToken is invalid")


def test_deleting_passes_over_names_that_nobody_bears(watch):
    alarm(watch)
    watch.delete_alarms(AlarmNames=["nobody", "a"])
    assert watch.describe_alarms()["MetricAlarms"] == []


def test_states_that_are_set_must_be_and_of_alarms_that_are(watch):
    # Recorded: localstack's test_set_alarm_invalid_input.
    alarm(watch)
    assert refused(watch.set_alarm_state, AlarmName="nobody", StateValue="OK", StateReason="x") == ("ResourceNotFound", "")
    with pytest.raises(ClientError, match="ValidationError.*Value 'INVALID' at 'stateValue'"):
        watch.set_alarm_state(AlarmName="a", StateValue="INVALID", StateReason="x")
    with pytest.raises(ClientError, match="InvalidFormat"):
        watch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="x", StateReasonData="{")


# Evaluation ----------------------------------------------------------------------------------------------------


def test_an_alarm_goes_off_when_its_minute_is_over_and_calms_down_again(cloud, watch):
    alarm(watch, Unit="Count")
    cloud.sleep(30)
    put(watch, 4, Unit="Count")
    put(watch, 5.5, Unit="Count")
    cloud.sleep(29)
    assert state(watch)["StateValue"] == "INSUFFICIENT_DATA"
    cloud.sleep(2)
    shown = state(watch)
    assert (shown["StateValue"], shown["StateReason"]) == (
        "ALARM", "Threshold Crossed: 1 datapoint [9.5 (01/01/30 01:00:00)] was greater than the threshold (5.0).",
    )  # fmt: skip
    # Recorded: localstack's test_put_metric_alarm.
    assert json.loads(shown["StateReasonData"]) == {
        "version": "1.0", "queryDate": "2030-01-01T01:01:00.000+0000", "startDate": "2030-01-01T01:00:00.000+0000", "unit": "Count", "statistic": "Sum",
        "period": 60, "recentDatapoints": [9.5], "threshold": 5.0,
        "evaluatedDatapoints": [{"timestamp": "2030-01-01T01:00:00.000+0000", "sampleCount": 2.0, "value": 9.5}],
    }  # fmt: skip
    put(watch, 1, Unit="Count")
    cloud.sleep(60)
    shown = state(watch)
    assert (shown["StateValue"], shown["StateReason"]) == (
        "OK", "Threshold Crossed: 1 datapoint [1.0 (01/01/30 01:01:00)] was not greater than the threshold (5.0).",
    )  # fmt: skip


X, O = 9, 1  # noqa: E741


@pytest.mark.parametrize(
    "needed, points, missing, ignored, breaching, not_breaching",
    [
        # The tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html, three periods each;
        # "stays" is INSUFFICIENT_DATA here, where every alarm begins.
        (3, [O, None, X, None, X], "OK", "OK", "OK", "OK"),
        (3, [None, None, None, None, O], "OK", "OK", "OK", "OK"),
        (3, [None, None, None, None, None], "INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "ALARM", "OK"),
        (3, [O, X, X, None, X], "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, [None, None, X, None, None], "ALARM", "INSUFFICIENT_DATA", "ALARM", "OK"),
        (2, [O, None, X, None, X], "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, [O, O, X, O, X], "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, [O, None, X, None, None], "OK", "OK", "ALARM", "OK"),
        (2, [None, None, None, None, O], "OK", "OK", "ALARM", "OK"),
        (2, [None, None, None, X, None], "ALARM", "INSUFFICIENT_DATA", "ALARM", "OK"),
    ],
)  # fmt: skip
def test_m_of_n_with_missing_points(cloud, watch, needed, points, missing, ignored, breaching, not_breaching):
    # The alarms are put in the last minute, so that they are evaluated once.
    over_minutes(cloud, watch, points[:-1])
    for treated in ("missing", "ignore", "breaching", "notBreaching"):
        alarm(watch, treated, EvaluationPeriods=3, DatapointsToAlarm=needed, TreatMissingData=treated)
    if points[-1] is not None:
        put(watch, points[-1])
    cloud.sleep(60)
    found = {each["AlarmName"]: each["StateValue"] for each in watch.describe_alarms()["MetricAlarms"]}
    assert found == {"missing": missing, "ignore": ignored, "breaching": breaching, "notBreaching": not_breaching}


@pytest.mark.parametrize(
    "change, points, reason",
    [
        ({"EvaluationPeriods": 2}, [6, 7], "Threshold Crossed: 2 datapoints [7.0 (01/01/30 01:02:00), 6.0 (01/01/30 01:01:00)] were greater than the threshold (5.0)."),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, [6, 1, 7], "Threshold Crossed: 2 out of the last 3 datapoints [7.0 (01/01/30 01:03:00), 6.0 (01/01/30 01:01:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."),
        # Recorded: localstack's test_breaching_alarm_actions.
        ({"EvaluationPeriods": 2, "TreatMissingData": "breaching"}, [None, None], "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]."),
        ({"TreatMissingData": "notBreaching"}, [None], "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."),
        ({"EvaluationPeriods": 3}, [None], "Insufficient Data: 3 datapoints were unknown."),
        ({"ComparisonOperator": "LessThanOrEqualToThreshold"}, [5], "Threshold Crossed: 1 datapoint [5.0 (01/01/30 01:01:00)] was less than or equal to the threshold (5.0)."),
    ],
)  # fmt: skip
def test_reasons_are_in_awss_words(cloud, watch, change, points, reason):
    cloud.sleep(30)
    alarm(watch, **change)
    over_minutes(cloud, watch, points)
    assert state(watch)["StateReason"] == reason


def test_a_short_period_is_evaluated_every_ten_seconds(cloud, watch):
    alarm(watch, Period=10)
    put(watch, 9, StorageResolution=1)
    cloud.sleep(11)
    assert state(watch)["StateValue"] == "ALARM"


def test_a_short_period_finds_the_point_of_a_metric_of_minutes(cloud, watch):
    # Recorded: localstack's test_put_metric_alarm.
    over_minutes(cloud, watch, [])
    cloud.sleep(40)
    alarm(watch, Period=10, TreatMissingData="ignore")
    put(watch, 9)
    cloud.sleep(11)
    assert state(watch)["StateValue"] == "ALARM"


def test_a_short_period_of_an_expression_without_metrics(cloud, watch):
    metrics = [{"Id": "e", "Expression": "TIME_SERIES(9)", "Period": 10}]
    none = dict.fromkeys(("MetricName", "Namespace", "Statistic", "Period"))
    watch.put_metric_alarm(AlarmName="a", Metrics=metrics, **{name: value for name, value in TERMS.items() if name not in none})
    cloud.sleep(61)
    assert state(watch)["StateValue"] == "ALARM"


def test_a_short_period_looks_no_further_back_where_points_are_of_seconds(cloud, watch):
    over_minutes(cloud, watch, [])
    cloud.sleep(1)
    put(watch, 9, StorageResolution=1)
    cloud.sleep(41)
    alarm(watch, Period=10)
    cloud.sleep(11)
    assert state(watch)["StateValue"] == "INSUFFICIENT_DATA"


def test_an_alarm_on_an_expression(cloud, watch):
    metrics = [
        {"Id": name, "ReturnData": False, "MetricStat": {"Metric": {"Namespace": "app", "MetricName": name}, "Period": 60, "Stat": "Sum"}}
        for name in ("errors", "calls")
    ]
    said = {name: TERMS[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    watch.put_metric_alarm(AlarmName="a", Metrics=[*metrics, {"Id": "rate", "Expression": "100 * errors / calls"}], **said)
    put(watch, 1, "errors")
    put(watch, 10, "calls")
    cloud.sleep(61)
    shown = state(watch)
    assert shown["StateValue"] == "ALARM" and "Dimensions" not in shown
    assert shown["StateReason"] == "Threshold Crossed: 1 datapoint [10.0 (01/01/30 01:00:00)] was greater than the threshold (5.0)."
    for expression, text in (("METRICS()", "must return a single time series"), ("SEARCH('x', 'Sum', 60)", "SEARCH is not supported on Metric Alarms.")):
        with pytest.raises(ClientError, match=text):
            watch.put_metric_alarm(AlarmName="b", Metrics=[*metrics, {"Id": "e", "Expression": expression}], **said)
    assert refused(watch.put_metric_alarm, AlarmName="b", Metrics=metrics, **said) == (
        "ValidationError", "Exactly one element of the metrics list should return data.",
    )  # fmt: skip


def test_percentiles_of_few_values_change_nothing_if_so_wished(cloud, watch):
    said = {**TERMS, "ExtendedStatistic": "p90", "Statistic": None}
    said = {name: value for name, value in said.items() if value is not None}
    watch.put_metric_alarm(AlarmName="wary", EvaluateLowSampleCountPercentile="ignore", **said)
    watch.put_metric_alarm(AlarmName="bold", EvaluateLowSampleCountPercentile="evaluate", **said)
    for _ in range(99):
        put(watch, 9)
    cloud.sleep(61)
    assert (state(watch, "wary")["StateValue"], state(watch, "bold")["StateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    for _ in range(100):
        put(watch, 9)
    cloud.sleep(60)
    assert state(watch, "wary")["StateValue"] == "ALARM"


def test_a_state_that_was_set_holds_until_the_next_evaluation(cloud, watch):
    alarm(watch)
    over_minutes(cloud, watch, [1])
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="drill", StateReasonData='{"who": "me"}')
    assert (state(watch)["StateValue"], state(watch)["StateReason"], state(watch)["StateReasonData"]) == ("ALARM", "drill", '{"who": "me"}')
    put(watch, 1)
    cloud.sleep(60)
    assert state(watch)["StateValue"] == "OK"


def test_alarms_are_evaluated_again_after_a_kill(cloud, watch):
    alarm(watch)
    cloud.restart(kill=True)
    cloud.sleep(60 - cloud.now() % 60)
    put(watch, 9)
    cloud.sleep(61)
    assert state(watch)["StateValue"] == "ALARM"


# History ---------------------------------------------------------------------------------------------------------


def test_history_tells_settings_states_and_actions_and_outlives_the_alarm(cloud, watch):
    alarm(watch)
    cloud.sleep(1)
    watch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="fine")
    cloud.sleep(1)
    watch.delete_alarms(AlarmNames=["a"])
    items = watch.describe_alarm_history(AlarmName="a")["AlarmHistoryItems"]
    assert [(each["HistoryItemType"], each["HistorySummary"]) for each in items] == [
        ("ConfigurationUpdate", 'Alarm "a" deleted'), ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
        ("ConfigurationUpdate", 'Alarm "a" created'),
    ]  # fmt: skip
    data = json.loads(items[1]["HistoryData"])
    assert data["oldState"] == {"stateValue": "INSUFFICIENT_DATA", "stateReason": "Unchecked: Initial alarm creation"}
    assert json.loads(items[2]["HistoryData"])["createdAlarm"]["threshold"] == 5.0
    only = watch.describe_alarm_history(HistoryItemType="StateUpdate", ScanBy="TimestampAscending", StartDate=datetime.fromtimestamp(cloud.now() - 1.5, UTC))
    assert [each["HistorySummary"] for each in only["AlarmHistoryItems"]] == ["Alarm updated from INSUFFICIENT_DATA to OK"]
    cloud.sleep(31 * 86400)
    assert watch.describe_alarm_history(AlarmName="a")["AlarmHistoryItems"] == []


# Actions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def topic(cloud):
    return cloud.client("sns").create_topic(Name="t")["TopicArn"]


def test_a_topic_is_told_in_awss_words(cloud, watch, topic):
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, AlarmActions=[topic], OKActions=[topic], AlarmDescription="too much", Dimensions=[{"Name": "InstanceId", "Value": "abc"}], TreatMissingData="ignore")
    put(watch, 21.5, Dimensions=[{"Name": "InstanceId", "Value": "abc"}])
    cloud.sleep(61)
    (message,) = received(cloud, url)
    notice = json.loads(message["Body"])
    assert notice["Subject"] == 'ALARM: "a" in US East (N. Virginia)'
    # Recorded: localstack's test_put_metric_alarm.
    assert json.loads(notice["Message"]) == {
        "AlarmName": "a", "AlarmDescription": "too much", "AWSAccountId": ACCOUNT, "AlarmConfigurationUpdatedTimestamp": "2030-01-01T01:00:00.000+0000",
        "NewStateValue": "ALARM", "NewStateReason": "Threshold Crossed: 1 datapoint [21.5 (01/01/30 01:00:00)] was greater than the threshold (5.0).",
        "StateChangeTime": "2030-01-01T01:01:00.000+0000", "Region": "US East (N. Virginia)", "AlarmArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:a",
        "OldStateValue": "INSUFFICIENT_DATA", "OKActions": [topic], "AlarmActions": [topic], "InsufficientDataActions": [], "ActionExecutedAfterMuteWindow": False,
        "Trigger": {
            "MetricName": "m", "Namespace": "app", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": None, "Dimensions": [{"value": "abc", "name": "InstanceId"}],
            "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0, "TreatMissingData": "ignore",
            "EvaluateLowSampleCountPercentile": "",
        },
    }  # fmt: skip
    (item,) = watch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"] == f"Successfully executed action {topic}"


def test_an_alarm_acts_once_for_each_change(cloud, watch, topic):
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, AlarmActions=[topic], OKActions=[topic])
    over_minutes(cloud, watch, [9, 9, 9, 1, 1])
    states = [json.loads(json.loads(each["Body"])["Message"])["NewStateValue"] for each in received(cloud, url)]
    assert states == ["ALARM", "OK"]


def test_actions_that_are_switched_off_are_not_done(cloud, watch, topic):
    # Recorded: localstack's test_enable_disable_alarm_actions.
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, AlarmActions=[topic])
    watch.disable_alarm_actions(AlarmNames=["a", "nobody"])
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    cloud.sleep(1)
    assert received(cloud, url) == [] and state(watch)["ActionsEnabled"] is False
    watch.enable_alarm_actions(AlarmNames=["a"])
    for value in ("OK", "ALARM"):
        watch.set_alarm_state(AlarmName="a", StateValue=value, StateReason="x")
    cloud.sleep(1)
    assert len(received(cloud, url)) == 1


def test_a_topic_that_is_gone_is_told_in_the_history(cloud, watch):
    gone = f"arn:aws:sns:us-east-1:{ACCOUNT}:gone"
    alarm(watch, AlarmActions=[gone])
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    cloud.sleep(1)
    (item,) = watch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert item["HistorySummary"] == f"Failed to execute action {gone}" and json.loads(item["HistoryData"])["actionState"] == "Failed"


def test_an_action_that_was_promised_is_done_after_a_kill(cloud, watch, topic):
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, AlarmActions=[topic])
    outage = cloud.fault("service.down", {"service": "sns"})
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    cloud.sleep(2)
    assert received(cloud, url) == []
    cloud.restart(kill=True)
    cloud.heal(outage)
    cloud.sleep(60)
    assert len(received(cloud, url)) == 1


def test_a_function_is_called_if_it_lets_alarms_in(cloud, watch):
    function = lambda_workshop.make(cloud, "def handler(event, context): print('EVENT ' + __import__('json').dumps(event))", name="f")["FunctionArn"]
    alarm(watch, AlarmActions=[function], AlarmDescription="testing lambda alarm action")
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="denied")
    cloud.sleep(1)
    (item,) = watch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
    assert "Failed" in item["HistoryData"]
    arn = state(watch)["AlarmArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="lambda.alarms.cloudwatch.amazonaws.com", SourceArn=arn)
    watch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="x")
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="testing alarm")
    cloud.sleep(5)
    item = watch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"][0]
    event = json.loads(json.loads(item["HistoryData"])["publishedMessage"])
    # Recorded: localstack's test_alarm_lambda_target.
    assert (event["source"], event["alarmArn"], event["accountId"], event["region"]) == ("aws.cloudwatch", arn, ACCOUNT, "us-east-1")
    assert event["alarmData"]["state"]["reason"] == "testing alarm" and event["alarmData"]["previousState"]["value"] == "OK"
    (metric,) = event["alarmData"]["configuration"]["metrics"]
    assert metric["metricStat"] == {"metric": {"namespace": "app", "name": "m", "dimensions": {}}, "period": 60, "stat": "Sum"}


def test_rules_of_eventbridge_hear_of_changes(cloud, watch):
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": {"state": {"value": ["ALARM"]}}}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue(cloud, "bus")}])
    alarm(watch)
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    cloud.sleep(1)
    (event,) = [json.loads(each["Body"]) for each in heard(cloud, "bus")]
    assert event["resources"] == [state(watch)["AlarmArn"]] and event["detail"]["alarmName"] == "a"
    assert event["detail"]["state"] == {"value": "ALARM", "reason": "x", "timestamp": "2030-01-01T01:00:00.000+0000"}


# Composite alarms ----------------------------------------------------------------------------------------------------


def both(client, rule="ALARM(one) OR ALARM(two)", **more):
    for name in ("one", "two"):
        alarm(client, name)
    client.put_composite_alarm(AlarmName="c", AlarmRule=rule, **more)


def become(cloud, client, name, value):
    client.set_alarm_state(AlarmName=name, StateValue=value, StateReason="x")
    cloud.sleep(1)


def test_a_composite_alarm_follows_its_children(cloud, watch, topic):
    url, _ = subscribed(cloud, topic, "q")
    both(watch, AlarmActions=[topic])
    shown = state(watch, "c", "Composite")
    assert (shown["StateValue"], shown["StateReason"]) == ("OK", f"{shown['AlarmArn']} was created and its alarm rule evaluates to OK")
    become(cloud, watch, "one", "ALARM")
    shown, one = state(watch, "c", "Composite"), state(watch, "one")
    assert (shown["StateValue"], shown["StateReason"]) == ("ALARM", f"{one['AlarmArn']} transitioned to ALARM at Tuesday 01 January, 2030 01:00:00 UTC")
    # Recorded: localstack's test_trigger_composite_alarm.
    trigger = {"arn": one["AlarmArn"], "state": {"value": "ALARM", "timestamp": "2030-01-01T01:00:00.000+0000"}}
    assert json.loads(shown["StateReasonData"]) == {"triggeringAlarms": [trigger]}
    become(cloud, watch, "two", "ALARM")
    become(cloud, watch, "one", "OK")
    assert state(watch, "c", "Composite")["StateValue"] == "ALARM"
    become(cloud, watch, "two", "OK")
    assert state(watch, "c", "Composite")["StateValue"] == "OK"
    (message,) = [json.loads(json.loads(each["Body"])["Message"]) for each in received(cloud, url)]
    assert (message["AlarmRule"], message["TriggeringChildren"][0]["Arn"]) == ("ALARM(one) OR ALARM(two)", one["AlarmArn"])


def test_composite_alarms_are_listed_when_asked_for_and_know_their_relatives(watch):
    both(watch)
    assert [each["AlarmName"] for each in watch.describe_alarms()["MetricAlarms"]] == ["one", "two"] and watch.describe_alarms()["CompositeAlarms"] == []
    found = watch.describe_alarms(ChildrenOfAlarmName="c")
    assert [sorted(each) for each in found["MetricAlarms"]] == [["AlarmArn", "AlarmName", "StateUpdatedTimestamp", "StateValue"]] * 2
    assert [each["AlarmName"] for each in watch.describe_alarms(ParentsOfAlarmName="one")["CompositeAlarms"]] == ["c"]


def test_alarms_on_which_others_depend_stay(watch):
    both(watch)
    assert refused(watch.delete_alarms, AlarmNames=["one"]) == (
        "ValidationError", "Cannot delete one as there are composite alarm(s) depending on it.",
    )  # fmt: skip
    watch.delete_alarms(AlarmNames=["one", "two", "c"])
    assert watch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["CompositeAlarms"] == []


@pytest.mark.parametrize(
    "change, text",
    [
        ({"AlarmRule": " TRUE"}, "AlarmRule must not contain leading or trailing whitespace or be null"),
        ({"AlarmRule": "()"}, "Error in AlarmRule [Unsupported token ')' at char 1, must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA]"),
        # By ARNs, even if the rule has names: what badmintoncryer/cdk-preflight saw of its pf-cloudwatch-composite-self-reference.
        ({"AlarmRule": "ALARM(nobody)"}, f"Could not save the composite alarm as alarms [arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:nobody] in the alarm rule do not exist"),
    ],
)  # fmt: skip
def test_composite_alarms_that_cannot_be_are_refused(watch, change, text):
    alarm(watch, "one")
    assert refused(watch.put_composite_alarm, **{"AlarmName": "c", "AlarmRule": "TRUE", **change}) == ("ValidationError", text)


def test_a_suppressor_keeps_actions_until_it_is_calm_again(cloud, watch, topic):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, "deploying")
    both(watch, AlarmActions=[topic], ActionsSuppressor="deploying", ActionsSuppressorWaitPeriod=30, ActionsSuppressorExtensionPeriod=20)
    become(cloud, watch, "deploying", "ALARM")
    become(cloud, watch, "one", "ALARM")
    shown = state(watch, "c", "Composite")
    assert (shown["StateValue"], shown["ActionsSuppressedBy"]) == ("ALARM", "Alarm")
    become(cloud, watch, "deploying", "OK")
    assert state(watch, "c", "Composite")["ActionsSuppressedBy"] == "ExtensionPeriod"
    cloud.sleep(17)
    assert received(cloud, url) == []
    cloud.sleep(3)
    assert len(received(cloud, url)) == 1 and "ActionsSuppressedBy" not in state(watch, "c", "Composite")


def test_actions_wait_for_a_suppressor_that_may_come(cloud, watch, topic):
    url, _ = subscribed(cloud, topic, "q")
    alarm(watch, "deploying")
    both(watch, AlarmActions=[topic], ActionsSuppressor="deploying", ActionsSuppressorWaitPeriod=20, ActionsSuppressorExtensionPeriod=0)
    become(cloud, watch, "one", "ALARM")
    assert state(watch, "c", "Composite")["ActionsSuppressedBy"] == "WaitPeriod"
    cloud.sleep(20)
    assert len(received(cloud, url)) == 1
    become(cloud, watch, "one", "OK")
    become(cloud, watch, "one", "ALARM")
    become(cloud, watch, "deploying", "ALARM")
    cloud.sleep(30)
    assert received(cloud, url) == [] and state(watch, "c", "Composite")["ActionsSuppressedBy"] == "Alarm"


def test_composite_alarms_that_go_round_in_a_circle_come_to_rest(cloud, watch):
    alarm(watch, "one")
    watch.put_composite_alarm(AlarmName="a1", AlarmRule="ALARM(one)")
    watch.put_composite_alarm(AlarmName="a2", AlarmRule="NOT ALARM(a1)")
    watch.put_composite_alarm(AlarmName="a1", AlarmRule="ALARM(one) OR ALARM(a2)")
    become(cloud, watch, "one", "ALARM")
    assert watch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
