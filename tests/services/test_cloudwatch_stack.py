"""Alarms, dashboards and metric filters that stacks make."""

from __future__ import annotations

import json

TEMPLATE = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g"}},
        "Errors": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": "Group"}, "FilterPattern": "{ $.level = \"ERROR\" }",
                "MetricTransformations": [{"MetricName": "errors", "MetricNamespace": "app", "MetricValue": "1", "Dimensions": [{"Key": "Code", "Value": "$.code"}]}],
            },
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "MetricName": "errors", "Namespace": "app", "Dimensions": [{"Name": "Code", "Value": "E1"}], "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
                "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [{"Ref": "Topic"}], "Tags": [{"Key": "a", "Value": "b"}],
            },
        },
        "Any": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": {"Fn::Sub": "ALARM(${Alarm})"}}},
        "Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardName": "board", "DashboardBody": '{"widgets": []}'}},
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Alarm", "Arn"]}}},
}  # fmt: skip


def deployed(cloud, template, how="create"):
    stacks = cloud.client("cloudformation")
    getattr(stacks, f"{how}_stack")(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(30)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    return stack


def test_a_stack_makes_changes_and_deletes_what_watches_it(cloud):
    stack = deployed(cloud, TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    watch, logs = cloud.client("cloudwatch"), cloud.client("logs")
    (alarm,) = watch.describe_alarms()["MetricAlarms"]
    assert stack["Outputs"][0]["OutputValue"] == alarm["AlarmArn"] and alarm["AlarmActions"][0].startswith("arn:aws:sns:")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": int(cloud.now() * 1000), "message": '{"level": "ERROR", "code": "E1"}'}])
    cloud.sleep(61)
    states = watch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [each["StateValue"] for each in (*states["MetricAlarms"], *states["CompositeAlarms"])] == ["ALARM", "ALARM"]
    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["Alarm"]["Properties"] |= {"Threshold": 5, "Tags": [{"Key": "c", "Value": "d"}]}
    del changed["Resources"]["Alarm"]["Properties"]["AlarmActions"]
    assert deployed(cloud, changed, "update")["StackStatus"] == "UPDATE_COMPLETE"
    (alarm,) = watch.describe_alarms()["MetricAlarms"]
    assert (alarm["Threshold"], alarm["AlarmActions"]) == (5.0, []) and {"Key": "c", "Value": "d"} in watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(30)
    assert watch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == [] and watch.list_dashboards()["DashboardEntries"] == []


def test_a_dashboard_that_aws_refuses_fails_the_stack(cloud):
    template = {"Resources": {"Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": [{"type": "metric", "properties": {}}]}'}}}}
    assert deployed(cloud, template)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [each.get("ResourceStatusReason", "") for each in cloud.client("cloudformation").describe_stack_events(StackName="s")["StackEvents"]]
    assert any("The dashboard body is invalid, there are 3 validation errors" in reason for reason in reasons)


def test_a_stack_makes_an_anomaly_detector(cloud):
    metric = {"Namespace": "app", "MetricName": "m", "Stat": "Average"}
    ranges = [{"StartTime": "2029-12-24T00:00:00", "EndTime": "2029-12-26T00:00:00Z"}]
    detector = {"Type": "AWS::CloudWatch::AnomalyDetector", "Properties": {**metric, "Configuration": {"MetricTimeZone": "Asia/Tokyo", "ExcludedTimeRanges": ranges}}}
    template = {"Resources": {"Detector": detector}, "Outputs": {"Id": {"Value": {"Fn::GetAtt": ["Detector", "Id"]}}}}
    stack, watch = deployed(cloud, template), cloud.client("cloudwatch")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    (shown,) = watch.describe_anomaly_detectors()["AnomalyDetectors"]
    assert (shown["AnomalyDetectorId"], shown["Configuration"]["MetricTimezone"]) == (stack["Outputs"][0]["OutputValue"], "Asia/Tokyo")
    assert [each["EndTime"].isoformat() for each in shown["Configuration"]["ExcludedTimeRanges"]] == ["2029-12-26T00:00:00+00:00"]
    detector["Properties"]["Configuration"] = {"MetricTimeZone": "UTC"}
    assert deployed(cloud, template, "update")["StackStatus"] == "UPDATE_COMPLETE"
    (shown,) = watch.describe_anomaly_detectors()["AnomalyDetectors"]
    assert shown["Configuration"] == {"MetricTimezone": "UTC", "ExcludedTimeRanges": []}
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(30)
    assert watch.describe_anomaly_detectors()["AnomalyDetectors"] == []
