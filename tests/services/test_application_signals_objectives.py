"""Service level objectives: what is left to fail, how fast it goes, and what does not count.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-ServiceLevelObjectives.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from refusals import refused
from signal_workshop import Shop

ACCOUNT = "000000000000"
HOURLY = {"RollingInterval": {"DurationUnit": "HOUR", "Duration": 1}}


@pytest.fixture
def shop(cloud) -> Shop:
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    shop = Shop(cloud).open()
    shop.serve()
    cloud.sleep(65 - cloud.now() % 60)  # each minute is told of a moment after it has ended
    return shop


def _of(shop: Shop, kind: str, **said: Any) -> dict[str, Any]:
    return {"KeyAttributes": shop.key, "OperationName": "GET /orders", "MetricType": kind, **said}


def _of_periods(shop: Shop, goal: float = 90.0, interval: dict | None = None, **more: Any) -> dict[str, Any]:
    """p99 within half a second, by the minute."""
    return {
        "SliConfig": {"SliMetricConfig": _of(shop, "LATENCY", Statistic="p99", PeriodSeconds=60), "MetricThreshold": 500.0, "ComparisonOperator": "LessThan"},
        "Goal": {"Interval": interval or HOURLY, "AttainmentGoal": goal, "WarningThreshold": 50.0}, **more,
    }  # fmt: skip


def _of_requests(shop: Shop, **more: Any) -> dict[str, Any]:
    return {"RequestBasedSliConfig": {"RequestBasedSliMetricConfig": _of(shop, "AVAILABILITY")}, "Goal": {"Interval": HOURLY, "AttainmentGoal": 90.0}, **more}


def _report(shop: Shop, name: str = "slo", at: float | None = None) -> dict:
    told = shop.signals.batch_get_service_level_objective_budget_report(Timestamp=at or shop.cloud.now(), SloIds=[name])
    assert told["Errors"] == []
    return told["Reports"][0]


def _minute(shop: Shop, *requests: tuple[float, int]) -> None:
    """A minute in which these came: how long each took, and its status."""
    for took_s, status in requests:
        shop.serve(took_s, status)
    shop.cloud.sleep(60)


GOOD, SLOW, BROKEN = (0.1, 200), (0.9, 200), (0.1, 500)


def test_periods_that_are_bad_spend_the_seconds_of_an_interval(cloud, shop):
    made = shop.signals.create_service_level_objective(Name="slo", Description="d", **_of_periods(shop, BurnRateConfigurations=[{"LookBackWindowMinutes": 5}]))["Slo"]
    assert (made["Arn"], made["EvaluationType"], made["MetricSourceType"]) == (f"arn:aws:application-signals:us-east-1:{ACCOUNT}:slo/slo", "PeriodBased", "ServiceOperation")
    query = made["Sli"]["SliMetric"]["MetricDataQueries"][0]["MetricStat"]
    assert (query["Metric"]["MetricName"], query["Stat"], [each["Value"] for each in query["Metric"]["Dimensions"]]) == ("Latency", "p99", ["generic:default", "GET /orders", "shop"])
    _minute(shop, GOOD, GOOD)
    report = _report(shop)
    assert (report["BudgetStatus"], report["TotalBudgetSeconds"], report["BudgetSecondsRemaining"], report["Attainment"]) == ("OK", 360, 360, 100.0)
    for _ in range(4):
        _minute(shop, GOOD, SLOW)
    report = _report(shop)
    assert (report["BudgetStatus"], report["BudgetSecondsRemaining"]) == ("WARNING", 120)
    assert report["Attainment"] == pytest.approx(100 / 5, abs=4)
    _minute(shop, SLOW)
    _minute(shop, SLOW)
    report = _report(shop)
    assert (report["BudgetStatus"], report["BudgetSecondsRemaining"]) == ("BREACHED", 0)
    cloud.sleep(70)
    named = {"namespace": "AWS/ApplicationSignals", "SloName": "slo"}
    assert shop.metric("BurnRate", "Maximum", 3, BurnRateWindowMinutes="5", **named)[0] == pytest.approx(10.0)
    rates = shop.metric("AttainmentRate", "Average", 12, **named)
    assert rates[0] == 100.0 and rates[-1] == pytest.approx(report["Attainment"]) and rates == sorted(rates, reverse=True)
    assert shop.metric("BreachedCount", "Sum", 2, **named)[-1] == 1.0
    # What is over leaves a rolling interval, and with it the budget comes back.
    cloud.sleep(3600)
    assert _report(shop)["BudgetStatus"] == "INSUFFICIENT_DATA"
    assert _report(shop, at=cloud.now() - 86_400)["BudgetStatus"] == "INSUFFICIENT_DATA"


def test_requests_that_fail_spend_what_those_that_came_allow(cloud, shop):
    made = shop.signals.create_service_level_objective(Name="slo", **_of_requests(shop))["Slo"]
    assert made["Goal"]["WarningThreshold"] == 50.0 and set(made["RequestBasedSli"]["RequestBasedSliMetric"]["MonitoredRequestCountMetric"]) == {"BadCountMetric"}
    _minute(shop, *[GOOD] * 19)
    report = _report(shop)
    assert (report["EvaluationType"], report["BudgetStatus"], report["TotalBudgetRequests"], report["BudgetRequestsRemaining"]) == ("RequestBased", "OK", 1, 1)
    _minute(shop, BROKEN, BROKEN, (0.1, 404))
    report = _report(shop)
    assert (report["BudgetStatus"], report["TotalBudgetRequests"], report["BudgetRequestsRemaining"]) == ("WARNING", 2, 0)
    assert report["Attainment"] == pytest.approx(100 * 20 / 22)
    _minute(shop, BROKEN)
    assert _report(shop)["BudgetStatus"] == "BREACHED"
    _minute(shop, *[GOOD] * 40)
    # More requests that succeed allow more that fail.
    assert _report(shop)["BudgetStatus"] == "OK"
    cloud.sleep(5)
    named = {"namespace": "AWS/ApplicationSignals", "SloName": "slo"}
    assert shop.metric("TotalRequestCountPerMinute", "Maximum", **named)[-1] == 40.0 and max(shop.metric("BadRequestCountPerMinute", "Maximum", **named)) == 2.0


def test_of_latency_requests_are_good_that_took_no_longer(cloud, shop):
    config = {"RequestBasedSliMetricConfig": _of(shop, "LATENCY"), "MetricThreshold": 500.0, "ComparisonOperator": "LessThanOrEqualTo"}
    shop.signals.create_service_level_objective(Name="slo", RequestBasedSliConfig=config, Goal={"AttainmentGoal": 50.0})
    _minute(shop, GOOD, GOOD, GOOD, SLOW)
    report = _report(shop)
    assert (report["Attainment"], report["TotalBudgetRequests"], report["BudgetRequestsRemaining"]) == (75.0, 2, 1)
    assert report["Goal"]["Interval"] == {"RollingInterval": {"DurationUnit": "DAY", "Duration": 7}}


def test_an_indicator_can_be_any_metric_and_an_interval_of_the_calendar(cloud, shop):
    cloud.sleep(60 - cloud.now() % 60)
    queries = [{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "Own", "MetricName": "Queue"}, "Period": 60, "Stat": "Maximum"}, "ReturnData": True}]
    month = {"CalendarInterval": {"StartTime": 1_893_456_000, "DurationUnit": "MONTH", "Duration": 1}}
    shop.signals.create_service_level_objective(
        Name="slo", SliConfig={"SliMetricConfig": {"MetricDataQueries": queries}, "MetricThreshold": 10, "ComparisonOperator": "LessThanOrEqualTo"},
        Goal={"Interval": month, "AttainmentGoal": 99.9, "WarningThreshold": 30},
    )  # fmt: skip
    for value in (5, 50):
        shop.watch.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "Queue", "Value": value}])
        cloud.sleep(60)
    cloud.sleep(2)
    report = _report(shop)
    assert (report["Attainment"], report["TotalBudgetSeconds"], report["BudgetSecondsRemaining"]) == (50.0, 2678, 2618)  # January has 31 days
    # In the month after, all begins anew.
    assert _report(shop, at=1_893_456_000 + 32 * 86_400)["TotalBudgetSeconds"] == 2419
    bad = [{**queries[0], "MetricStat": {**queries[0]["MetricStat"], "Stat": "p999x"}}]
    code, text = refused(
        shop.signals.create_service_level_objective, Name="pp",
        SliConfig={"SliMetricConfig": {"MetricDataQueries": bad}, "MetricThreshold": 1, "ComparisonOperator": "LessThan"},
    )  # fmt: skip
    assert code == "ValidationException" and "p999x" in text


def test_what_lies_in_an_exclusion_window_does_not_count(cloud, shop):
    shop.signals.create_service_level_objective(Name="slo", **_of_periods(shop))
    cloud.sleep(60 - cloud.now() % 60)
    began = cloud.now()
    once = {"Window": {"DurationUnit": "MINUTE", "Duration": 1}, "StartTime": began, "Reason": "a release"}
    again = {"Window": {"DurationUnit": "MINUTE", "Duration": 1}, "StartTime": began + 120, "RecurrenceRule": {"Expression": "rate(2 minutes)"}}
    told = shop.signals.batch_update_exclusion_windows(SloIds=["slo", "none"], AddExclusionWindows=[once, again])
    assert (told["SloIds"], [each["SloId"] for each in told["Errors"]]) == (["slo"], ["none"])
    for minute in (SLOW, GOOD, SLOW, GOOD, SLOW):  # the first, the third and the fifth are excluded
        _minute(shop, minute)
    cloud.sleep(2)
    report = _report(shop)
    # The hour that ends now has 57 minutes that count.
    assert (report["Attainment"], report["BudgetStatus"], report["TotalBudgetSeconds"], report["BudgetSecondsRemaining"]) == (100.0, "OK", 342, 342)
    listed = shop.signals.list_service_level_objective_exclusion_windows(Id="slo")["ExclusionWindows"]
    assert [each.get("Reason") for each in listed] == ["a release", None]
    shop.signals.batch_update_exclusion_windows(SloIds=["slo"], RemoveExclusionWindows=listed)
    assert _report(shop)["BudgetSecondsRemaining"] == 360 - 180
    for window in ({"RecurrenceRule": {"Expression": "rate(1 fortnight)"}}, {"StartTime": began}):
        bad = [{"Window": {"DurationUnit": "MINUTE", "Duration": 1}, **window}]
        assert refused(shop.signals.batch_update_exclusion_windows, SloIds=["slo"], AddExclusionWindows=bad)[0] == "ValidationException"
    many = [{**once, "StartTime": began + 3600 + number} for number in range(10)]
    shop.signals.batch_update_exclusion_windows(SloIds=["slo"], AddExclusionWindows=many)
    told = shop.signals.batch_update_exclusion_windows(SloIds=["slo"], AddExclusionWindows=[{**once, "StartTime": began + 7200}])
    assert told["Errors"][0]["ErrorCode"] == "ServiceQuotaExceededException"


def test_a_window_that_lasts_for_a_lifetime_leaves_other_objectives_alone(cloud, shop):
    for name in ("first", "second"):
        shop.signals.create_service_level_objective(Name=name, **_of_requests(shop))
    window = {"Window": {"DurationUnit": "MONTH", "Duration": 1_000}, "RecurrenceRule": {"Expression": "rate(30 days)"}, "StartTime": cloud.now() + 30}
    assert shop.signals.batch_update_exclusion_windows(SloIds=["first"], AddExclusionWindows=[window])["SloIds"] == ["first"]
    for _ in range(3):
        _minute(shop, GOOD)
    cloud.sleep(5)
    assert shop.metric("AttainmentRate", "Average", namespace="AWS/ApplicationSignals", SloName="second")
    assert _report(shop, "first", at=cloud.now() + 90 * 86_400)["BudgetStatus"] == "INSUFFICIENT_DATA"


def test_a_time_that_no_calendar_has_is_refused(cloud, shop):
    shop.signals.create_service_level_objective(Name="slo", **_of_requests(shop))
    months, far = {"DurationUnit": "MONTH", "Duration": 1}, 9_999_999_999
    # No client of AWS spells such a time.
    shop.signals.meta.events.register("before-call.*.*", lambda params, **_: params.update(body=params["body"].replace(str(far).encode(), b"1e18")))
    windows = [({"Window": months, "StartTime": far}, "Serialization"), ({"Window": {**months, "Duration": 10**6}, "StartTime": cloud.now() + 60}, "Validation")]
    for window, kind in windows:
        assert refused(shop.signals.batch_update_exclusion_windows, SloIds=["slo"], AddExclusionWindows=[window])[0] == f"{kind}Exception"


def test_objectives_are_listed_changed_tagged_and_deleted(cloud, shop):
    signals = shop.signals
    signals.create_service_level_objective(Name="a1", Tags=[{"Key": "team", "Value": "blue"}], **_of_periods(shop))
    signals.create_service_level_objective(Name="b1", **_of_requests(shop))
    assert refused(signals.create_service_level_objective, Name="a1", **_of_periods(shop))[0] == "ConflictException"
    assert [each["Name"] for each in signals.list_service_level_objectives()["SloSummaries"]] == ["a1", "b1"]
    assert signals.list_service_level_objectives(KeyAttributes=shop.key | {"Name": "other"})["SloSummaries"] == []
    assert [each["Name"] for each in signals.list_service_level_objectives(OperationName="GET /orders", MetricSourceTypes=["ServiceOperation"])["SloSummaries"]] == ["a1", "b1"]
    arn = signals.get_service_level_objective(Id="a1")["Slo"]["Arn"]
    cloud.sleep(1)
    changed = signals.update_service_level_objective(Id=arn, Goal={"Interval": HOURLY, "AttainmentGoal": 95.0}, Description="new")["Slo"]
    assert (changed["Goal"]["AttainmentGoal"], changed["Description"]) == (95.0, "new") and changed["LastUpdatedTime"] > changed["CreatedTime"]
    code, text = refused(signals.update_service_level_objective, Id="a1", RequestBasedSliConfig=_of_requests(shop)["RequestBasedSliConfig"])
    assert code == "ValidationException" and "period-based SLO to a request-based SLO" in text
    _minute(shop, SLOW)
    cloud.sleep(2)
    assert _report(shop, "a1")["Attainment"] < 100
    slower = _of_periods(shop)["SliConfig"] | {"MetricThreshold": 5000.0}
    signals.update_service_level_objective(Id="a1", SliConfig=slower)
    assert _report(shop, "a1")["BudgetStatus"] == "INSUFFICIENT_DATA"
    signals.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "1"}])
    signals.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert signals.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "1"}]
    signals.delete_service_level_objective(Id=arn)
    error = refused(signals.get_service_level_objective, Id="a1")
    assert error[0] == "ResourceNotFoundException"
    told = signals.batch_get_service_level_objective_budget_report(Timestamp=cloud.now(), SloIds=["a1"])
    assert [each["ErrorCode"] for each in told["Errors"]] == ["ResourceNotFoundException"]


def test_what_makes_no_objective_is_refused(cloud, shop):
    make, periods = shop.signals.create_service_level_objective, _of_periods(shop)
    for said in (
        {}, {**periods, **_of_requests(shop)}, {"SliConfig": {"SliMetricConfig": _of(shop, "LATENCY", Statistic="p99")}},
        {"SliConfig": {**periods["SliConfig"], "SliMetricConfig": _of(shop, "LATENCY")}},
        {"SliConfig": {**periods["SliConfig"], "SliMetricConfig": {"OperationName": "x"}}},
        {"SliConfig": {**periods["SliConfig"], "SliMetricConfig": _of(shop, "LATENCY", Statistic="p99") | {"OperationName": "GET /never"}}},
        {**periods, "Goal": {"AttainmentGoal": 101.0}},
        {"RequestBasedSliConfig": {"RequestBasedSliMetricConfig": _of(shop, "LATENCY")}},
    ):  # fmt: skip
        assert refused(make, Name="xx", **said)[0] == "ValidationException", said
    composite = {"SelectionConfig": {"Type": "PREFIX", "Pattern": "GET"}}
    config = {**periods["SliConfig"], "SliMetricConfig": _of(shop, "LATENCY", Statistic="p99", CompositeSliConfig=composite)}
    assert refused(make, Name="xx", SliConfig=config)[0] == "NotImplemented"
    assert refused(make, Name="xx", AutoInvestigationEnabled=True, **periods)[0] == "NotImplemented"


def test_what_was_found_survives_a_kill_and_a_dark_hour(cloud, shop):
    shop.signals.create_service_level_objective(Name="slo", **_of_periods(shop, interval={"RollingInterval": {"DurationUnit": "DAY", "Duration": 1}}))
    _minute(shop, SLOW)
    _minute(shop, GOOD)
    cloud.sleep(3)
    before = _report(shop)
    cloud.kill("us-east-1")
    cloud.sleep(3600)
    cloud.region()
    after = _report(shop)
    assert (after["Attainment"], after["BudgetSecondsRemaining"]) == (before["Attainment"], before["BudgetSecondsRemaining"]) and before["Attainment"] < 100


def test_who_makes_an_objective_needs_the_right_to_make_its_role(cloud):
    cloud.region("aws-global")
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "application-signals:*", "Resource": "*"}
    iam.put_user_policy(UserName="u", PolicyName="pp", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    signals = cloud.client("application-signals", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    code, text = refused(signals.start_discovery)
    assert code == "AccessDeniedException" and "iam:CreateServiceLinkedRole" in text
