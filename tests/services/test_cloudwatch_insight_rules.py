"""Contributor Insights: who is behind what is logged, in reports, in metric math and in alarms."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from services.test_cloudwatch_metrics import moment

SCHEMA = {"Name": "CloudWatchLogRule", "Version": 1}
BY_IP = {"Schema": SCHEMA, "LogGroupNames": ["g"], "LogFormat": "JSON", "Contribution": {"Keys": ["$.ip"], "Filters": []}, "AggregateOn": "Count"}
BYTES = {**BY_IP, "Contribution": {"Keys": ["$.ip", "$.to.port"], "ValueOf": "$.bytes", "Filters": [{"Match": "$.method", "In": ["PUT"]}]}, "AggregateOn": "Sum"}


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    logs = cloud.client("logs")
    for name in ("g", "g2"):
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
    return cloud.client("cloudwatch")


def put(client, definition=BY_IP, name="r", **more):
    client.put_insight_rule(RuleName=name, RuleDefinition=json.dumps(definition), **more)


def log(cloud, *messages, group="g"):
    at = int(cloud.now() * 1000)
    events = [{"timestamp": at, "message": each if isinstance(each, str) else json.dumps(each)} for each in messages]
    cloud.client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def report(cloud, client, name="r", **more):
    found = client.get_insight_rule_report(RuleName=name, StartTime=moment(cloud.now() - 3600), EndTime=moment(cloud.now() + 60), **{"Period": 7200, **more})
    return {tuple(each["Keys"]): each["ApproximateAggregateValue"] for each in found["Contributors"]}, found


def test_contributors_are_counted_and_ranked(cloud, watch):
    put(watch)
    log(cloud, *[{"ip": ip} for ip in ("a", "b", "a", "c", "a", "b")], {"other": 1}, "no json", "[1]")
    who, found = report(cloud, watch)
    assert list(who.items()) == [(("a",), 3.0), (("b",), 2.0), (("c",), 1.0)]
    assert (found["KeyLabels"], found["AggregationStatistic"], found["AggregateValue"], found["ApproximateUniqueCount"]) == (["$.ip"], "COUNT", 6.0, 3)
    assert list(report(cloud, watch, MaxContributorCount=1)[0]) == [("a",)] and found["MetricDatapoints"] == []


def test_a_field_is_summed_up_by_several_keys_where_filters_hold(cloud, watch):
    put(watch, BYTES)
    sizes = [("a", 80, "PUT", 10), ("a", 80, "PUT", "5"), ("a", 443, "PUT", 100), ("b", 80, "GET", 1000), ("b", 80, "PUT", "many")]
    log(cloud, *[{"ip": ip, "to": {"port": port}, "method": method, "bytes": size} for ip, port, method, size in sizes])
    who, found = report(cloud, watch, Metrics=["UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average"])
    assert who == {("a", "443"): 100.0, ("a", "80"): 15.0} and found["AggregationStatistic"] == "SUM"
    (point,) = found["MetricDatapoints"]
    assert {name: value for name, value in point.items() if name != "Timestamp"} == {
        "UniqueContributors": 2.0, "MaxContributorValue": 100.0, "SampleCount": 3.0, "Sum": 115.0, "Minimum": 5.0, "Maximum": 100.0, "Average": 115 / 3,
    }  # fmt: skip


def test_fields_of_the_common_log_format_are_called_by_number_or_name(cloud, watch):
    line = '{} - frank [10/Oct/2000:13:55:36 -0700] "GET /a b HTTP/1.0" {} {}'
    put(watch, {**BY_IP, "LogFormat": "CLF", "Fields": {"6": "status", "7": "size"}, "AggregateOn": "Sum", "Contribution": {
        "Keys": ["1"], "ValueOf": "size", "Filters": [{"Match": "status", "EqualTo": 200}, {"Match": "5", "StartsWith": ["GET /a"]}]}})  # fmt: skip
    log(cloud, line.format("127.0.0.1", 200, 10), line.format("127.0.0.1", 404, 90), line.format("::1", 200, 7), "short")
    assert report(cloud, watch)[0] == {("127.0.0.1",): 10.0, ("::1",): 7.0}


@pytest.mark.parametrize(
    "operator, counted",
    [
        ({"In": ["x", "y"]}, "xy"), ({"NotIn": ["x"]}, "y19"), ({"StartsWith": ["x"]}, "x"), ({"GreaterThan": 1}, "9"), ({"LessThan": 9}, "1"), ({"EqualTo": 9}, "9"),
        ({"NotEqualTo": 9}, "1"), ({"IsPresent": True}, "xy19"), ({"IsPresent": False}, "-"),
    ],
)  # fmt: skip
def test_operators_of_filters(cloud, watch, operator, counted):
    put(watch, {**BY_IP, "Contribution": {"Keys": ["$.ip"], "Filters": [{"Match": "$.v[0]", **operator}]}})
    log(cloud, *[{"ip": each, "v": [int(each) if each.isdigit() else each]} for each in "xy19"], {"ip": "-", "v": [{"deep": 1}]})
    assert sorted(key for (key,) in report(cloud, watch)[0]) == sorted(counted)


def test_a_rule_counts_what_is_logged_while_it_is_enabled(cloud, watch):
    log(cloud, {"ip": "before"})
    cloud.sleep(1)
    put(watch)
    assert watch.describe_insight_rules()["InsightRules"] == [
        {"Name": "r", "State": "ENABLED", "Schema": '{"Name" : "CloudWatchLogRule", "Version" : 1}', "Definition": json.dumps(BY_IP), "ManagedRule": False}
    ]
    log(cloud, {"ip": "first"})
    cloud.sleep(1)
    assert watch.disable_insight_rules(RuleNames=["r", "x"])["Failures"][0]["FailureResource"] == "x"
    assert watch.describe_insight_rules()["InsightRules"][0]["State"] == "DISABLED"
    log(cloud, {"ip": "pause"})
    cloud.sleep(1)
    watch.enable_insight_rules(RuleNames=["r"])
    log(cloud, {"ip": "second"})
    cloud.restart(kill=True)
    watch = cloud.client("cloudwatch")
    assert set(report(cloud, watch)[0]) == {("first",), ("second",)}
    assert watch.delete_insight_rules(RuleNames=["r"])["Failures"] == [] and watch.describe_insight_rules()["InsightRules"] == []
    with pytest.raises(watch.exceptions.ResourceNotFoundException):
        report(cloud, watch)


def test_groups_are_found_by_how_they_begin(cloud, watch):
    put(watch, {**BY_IP, "LogGroupNames": ["g*", "gone"]})
    for group in ("g", "g2"):
        log(cloud, {"ip": group}, group=group)
    assert set(report(cloud, watch)[0]) == {("g",), ("g2",)}


def test_metric_math_and_alarms_know_what_rules_count(cloud, watch):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-GraphReportData.html
    put(watch)
    query = {"Id": "e", "Expression": 'INSIGHT_RULE_METRIC("r", UniqueContributors)', "Period": 60}
    watch.put_metric_alarm(AlarmName="a", Metrics=[query], EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold")
    cloud.sleep(60 - cloud.now() % 60)
    begin = cloud.now()
    for minute in (["a"], ["a", "b"]):
        log(cloud, *[{"ip": ip} for ip in minute])
        cloud.sleep(60)
    cloud.sleep(1)

    def ask(**change):
        found = watch.get_metric_data(MetricDataQueries=[{**query, **change}], StartTime=moment(begin), EndTime=moment(cloud.now()), ScanBy="TimestampAscending")
        return [value for line in found["MetricDataResults"] for value in line["Values"]]

    assert ask() == [1.0, 2.0] and ask(Period=300) == [2.0] and ask(Expression='SUM(INSIGHT_RULE_METRIC("r", "Sum"))')[0] == 3.0
    assert watch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"
    with pytest.raises(ClientError, match="Unsupported insight rule metric"):
        ask(Expression='INSIGHT_RULE_METRIC("nobody", Sum)')


@pytest.mark.parametrize(
    "change",
    [
        {"Schema": "CloudWatchLogRule"}, {"LogGroupNames": []}, {"LogFormat": "XML"}, {"AggregateOn": "Sum"}, {"Nonsense": 1}, {"Fields": {"1": "a"}},
        {"Contribution": {"Keys": [], "Filters": []}}, {"Contribution": {"Keys": ["ip"], "Filters": []}},
        {"Contribution": {"Keys": ["$.a"], "Filters": [{"Match": "$.b"}]}}, {"Contribution": {"Keys": ["$.a"], "Filters": [{"Match": "$.b", "Like": "x"}]}},
        {"Contribution": {"Keys": ["$.a"], "Filters": [{"Match": "$.b", "In": "x"}]}}, {"Contribution": {"Keys": ["$.a"], "Filters": [], "ValueOf": "$.b"}},
    ],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(watch, change):
    with pytest.raises(watch.exceptions.InvalidParameterValueException):
        put(watch, {**BY_IP, **change})
    assert watch.describe_insight_rules()["InsightRules"] == []


@pytest.mark.parametrize("change", [{"Period": 30}, {"MaxContributorCount": 101}, {"OrderBy": "Average"}, {"Metrics": ["Median"]}])
def test_reports_that_cannot_be_are_refused(cloud, watch, change):
    put(watch)
    with pytest.raises(watch.exceptions.InvalidParameterValueException):
        report(cloud, watch, **change)


def test_rules_bear_tags_and_a_policy_may_name_their_log_groups(cloud, watch):
    put(watch, Tags=[{"Key": "a", "Value": "b"}])
    arn = "arn:aws:cloudwatch:us-east-1:000000000000:insight-rule/r"
    watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "d"}])
    assert {tag["Key"] for tag in watch.list_tags_for_resource(ResourceARN=arn)["Tags"]} == {"a", "c"}
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-contributor.html
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    condition = {"ForAllValues:StringEquals": {"cloudwatch:requestInsightRuleLogGroups": ["g"]}}
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "cloudwatch:PutInsightRule", "Resource": "*", "Condition": condition}}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("cloudwatch", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    put(theirs, name="s")
    with pytest.raises(ClientError, match="not authorized"):
        put(theirs, {**BY_IP, "LogGroupNames": ["g", "g2"]}, name="t")


def test_a_stack_makes_a_rule(cloud, watch):
    said = {"Type": "AWS::CloudWatch::InsightRule", "Properties": {"RuleName": "r", "RuleBody": json.dumps(BY_IP), "RuleState": "ENABLED"}}
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"Rule": said}}))
    cloud.sleep(30)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    log(cloud, {"ip": "a"})
    assert report(cloud, watch)[0] == {("a",): 1.0}
    stacks.delete_stack(StackName="s")
    cloud.sleep(30)
    assert watch.describe_insight_rules()["InsightRules"] == []
