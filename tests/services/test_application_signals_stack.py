"""Application Signals' resources in templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from signal_workshop import Shop

GOAL = {"Interval": {"RollingInterval": {"DurationUnit": "DAY", "Duration": 1}}, "AttainmentGoal": 99.5, "WarningThreshold": 30}


@pytest.fixture
def shop(cloud) -> Shop:
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    shop = Shop(cloud).open()
    shop.serve()
    return shop


def _template(shop: Shop, threshold: float, **more: Any) -> str:
    metric = {"KeyAttributes": shop.key, "OperationName": "GET /orders", "MetricType": "LATENCY", "Statistic": "p99", "PeriodSeconds": 60}
    slo = {"Name": "orders", "Sli": {"SliMetric": metric, "MetricThreshold": threshold, "ComparisonOperator": "LessThan"}, **more}
    resources = {
        "Discovery": {"Type": "AWS::ApplicationSignals::Discovery"},
        "Slo": {"Type": "AWS::ApplicationSignals::ServiceLevelObjective", "DependsOn": "Discovery", "Properties": slo},
    }
    outputs = {"Arn": {"Value": {"Ref": "Slo"}}, "Kind": {"Value": {"Fn::GetAtt": ["Slo", "EvaluationType"]}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def _settled(cloud, wanted: str) -> dict[str, str]:
    stacks = cloud.client("cloudformation")
    for _ in range(100):
        (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        cloud.sleep(1)
    why = [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName="s")["StackEvents"] if "FAILED" in each["ResourceStatus"]]
    assert stack["StackStatus"] == wanted, why
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}


def test_a_stack_makes_changes_and_removes_an_objective(cloud, shop):
    stacks, signals = cloud.client("cloudformation"), shop.signals
    window = {"Window": {"DurationUnit": "HOUR", "Duration": 1}, "StartTime": "2030-02-01T00:00:00Z", "Reason": "r"}
    more = {"Goal": GOAL, "BurnRateConfigurations": [{"LookBackWindowMinutes": 60}], "Tags": [{"Key": "team", "Value": "blue"}], "ExclusionWindows": [window]}
    stacks.create_stack(StackName="s", TemplateBody=_template(shop, 200, **more))
    outputs = _settled(cloud, "CREATE_COMPLETE")
    slo = signals.get_service_level_objective(Id="orders")["Slo"]
    assert outputs == {"Arn": slo["Arn"], "Kind": "PeriodBased"}
    assert (slo["Goal"]["AttainmentGoal"], slo["BurnRateConfigurations"]) == (99.5, [{"LookBackWindowMinutes": 60}])
    tags = {each["Key"]: each["Value"] for each in signals.list_tags_for_resource(ResourceArn=slo["Arn"])["Tags"]}
    assert tags["team"] == "blue" and tags["aws:cloudformation:stack-name"] == "s"
    (held,) = signals.list_service_level_objective_exclusion_windows(Id="orders")["ExclusionWindows"]
    assert (held["StartTime"].timestamp(), held["Reason"]) == (1_896_134_400, "r")
    again = {"Window": {"DurationUnit": "DAY", "Duration": 1}, "RecurrenceRule": {"Expression": "cron(0 0 1 * ? *)"}}
    stacks.update_stack(StackName="s", TemplateBody=_template(shop, 300, Tags=[{"Key": "team", "Value": "red"}], ExclusionWindows=[window, again]))
    _settled(cloud, "UPDATE_COMPLETE")
    slo = signals.get_service_level_objective(Id="orders")["Slo"]
    assert (slo["Sli"]["MetricThreshold"], slo["Goal"]["AttainmentGoal"], slo.get("BurnRateConfigurations")) == (300.0, 99.0, None)
    assert len(signals.list_service_level_objective_exclusion_windows(Id="orders")["ExclusionWindows"]) == 2
    stacks.delete_stack(StackName="s")
    cloud.sleep(5)
    assert signals.list_service_level_objectives()["SloSummaries"] == []


def test_a_stack_whose_service_has_not_reported_fails(cloud, shop):
    shop.key = shop.key | {"Name": "nobody"}
    cloud.client("cloudformation").create_stack(StackName="s", TemplateBody=_template(shop, 200))
    _settled(cloud, "ROLLBACK_COMPLETE")
