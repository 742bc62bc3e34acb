"""A fault makes a service slow: its p99 rises, its objective's budget is spent, an alarm goes off, and a trace shows which part was slow."""

from __future__ import annotations

import json

import pytest
from signal_workshop import Shop

GOAL = {"Interval": {"RollingInterval": {"DurationUnit": "HOUR", "Duration": 1}}, "AttainmentGoal": 99.0}
DIMENSIONS = {"Environment": "generic:default", "Operation": "GET /orders", "Service": "shop"}


class Served(Shop):
    """A shop that looks its orders up in a table, and says how long that took."""

    def request(self) -> str:
        trace, began, table = self.trace(), self.cloud.now(), self.cloud.client("dynamodb")
        self.cloud.sleep(0.01)
        asked = self.cloud.now()
        table.get_item(TableName="orders", Key={"id": {"S": "1"}})
        answered = self.cloud.now()
        whole = self.span(2, "GET /orders", self.cloud.now() - began, trace=trace, at=began, http__request__method="GET", http__response__status_code=200)
        said = {"rpc__system": "aws-api", "rpc__service": "DynamoDB", "rpc__method": "GetItem", "aws__table_name": "orders"}
        self.send(whole, self.span(3, "DynamoDB.GetItem", answered - asked, trace=trace, parent=whole["spanId"], at=asked, **said))
        return f"1-{trace[:8]}-{trace[8:]}"


@pytest.fixture
def shop(cloud) -> Served:
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    cloud.client("dynamodb").create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    shop = Served(cloud).open()
    shop.request()
    cloud.sleep(65 - cloud.now() % 60)
    return shop


def test_latency_that_a_fault_injects_spends_the_budget_and_raises_the_alarm(cloud, shop):
    shop.signals.create_service_level_objective(
        Name="orders-in-time", Goal=GOAL, BurnRateConfigurations=[{"LookBackWindowMinutes": 5}],
        SliConfig={
            "SliMetricConfig": {"KeyAttributes": shop.key, "OperationName": "GET /orders", "MetricType": "LATENCY", "Statistic": "p99", "PeriodSeconds": 60},
            "MetricThreshold": 200.0, "ComparisonOperator": "LessThan",
        },
    )  # fmt: skip
    shop.watch.put_metric_alarm(
        AlarmName="orders-burn", Namespace="AWS/ApplicationSignals", MetricName="BurnRate", Statistic="Maximum", Period=60, EvaluationPeriods=1,
        Dimensions=[{"Name": "SloName", "Value": "orders-in-time"}, {"Name": "BurnRateWindowMinutes", "Value": "5"}],
        Threshold=14.4, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip

    def minute() -> str:
        traces = [shop.request() for _ in range(5)]
        cloud.sleep(65 - cloud.now() % 60)
        return traces[-1]

    def report() -> dict:
        (found,) = shop.signals.batch_get_service_level_objective_budget_report(Timestamp=cloud.now(), SloIds=["orders-in-time"])["Reports"]
        return found

    def alarm() -> str:
        return shop.watch.describe_alarms(AlarmNames=["orders-burn"])["MetricAlarms"][0]["StateValue"]

    for _ in range(2):
        minute()
    assert (report()["BudgetStatus"], report()["BudgetSecondsRemaining"], alarm()) == ("OK", 36, "OK")
    assert max(shop.metric("Latency", "p99", **DIMENSIONS)) < 100
    fault = cloud.fault("service.slow", {"service": "dynamodb", "operations": ["GetItem"]}, latency="400ms")
    slow = minute()
    cloud.heal(fault)
    told = report()
    assert (told["BudgetStatus"], told["BudgetSecondsRemaining"]) == ("BREACHED", -24) and told["Attainment"] == pytest.approx(200 / 3)
    assert max(shop.metric("Latency", "p99", **DIMENSIONS)) > 400
    minute()
    assert alarm() == "ALARM"
    (trace,) = cloud.client("xray").batch_get_traces(TraceIds=[slow])["Traces"]
    parts = {part["name"]: part["end_time"] - part["start_time"] for each in trace["Segments"] for part in _parts(json.loads(each["Document"]))}
    assert parts["DynamoDB"] > 0.39 > parts["shop"] - parts["DynamoDB"]
    (called,) = shop.signals.list_service_dependencies(KeyAttributes=shop.key, StartTime=cloud.now() - 600, EndTime=cloud.now())["ServiceDependencies"]
    assert called["DependencyKeyAttributes"]["Identifier"] == "orders"
    # When it is over, the burn rate of the last minutes falls, and the alarm is quiet again; the budget of the hour stays spent.
    for _ in range(7):
        minute()
    assert (alarm(), report()["BudgetStatus"]) == ("OK", "BREACHED")


def _parts(document: dict) -> list[dict]:
    return [document, *(part for inner in document.get("subsegments", ()) for part in _parts(inner))]
