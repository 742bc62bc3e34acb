"""What the pattern claims: what is put is what is read, and who asked to hear of slow responses hears of them within a minute."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from metrics_alarm.custom_metrics import put_custom_metric
from stage import holds, seconds, until

NAMED = {"Namespace": "MyApp/UserService", "Dimensions": [{"Name": "Service", "Value": "UserService"}, {"Name": "Environment", "Value": "Production"}]}
TIMES = [20, 35, 50, 80, 90, 110, 130, 150, 180, 400]
MINUTE_S, DAYS = 60, 13


def statistics(watch, name, *plain, **more):
    """What a metric comes to in the hour around now."""
    now = datetime.now(UTC)
    found = watch.get_metric_statistics(
        MetricName=name, StartTime=now - timedelta(minutes=30), EndTime=now + timedelta(minutes=30), Period=3600, **NAMED, **({"Statistics": plain} if plain else {}), **more
    )["Datapoints"]  # fmt: skip
    return found[0] if found else {}


def show(cloud):
    watch, made = cloud.client("cloudwatch"), cloud.deploy(Path(__file__).with_name("template.yaml"), "metrics-alarm")
    put_custom_metric(watch, "UserRegistrations", 1)
    put_custom_metric(watch, "ResponseTime", 150, "Milliseconds")
    for value in TIMES:
        put_custom_metric(watch, "ResponseTime", value, "Milliseconds")
    values = [150, *TIMES]
    told = statistics(watch, "ResponseTime", "SampleCount", "Sum", "Average", "Minimum", "Maximum")
    wanted = {"SampleCount": 11.0, "Sum": float(sum(values)), "Average": sum(values) / 11, "Minimum": 20.0, "Maximum": 400.0}
    holds("statistics are those of what was put", wanted.items() <= told.items(), f"{told.get('SampleCount'):g} values, average {told.get('Average'):.1f}")
    median = statistics(watch, "ResponseTime", ExtendedStatistics=["p50"]).get("ExtendedStatistics", {}).get("p50")
    holds("so are percentiles", median == sorted(values)[5], f"p50 {median}")
    listed = watch.list_metrics(Namespace=NAMED["Namespace"])["Metrics"]
    holds("both metrics are listed by name and dimensions", sorted(each["MetricName"] for each in listed) == ["ResponseTime", "UserRegistrations"], len(listed))

    hears(cloud, watch, made, "ALARM")
    if not cloud.is_short:
        for value in (20, 30):
            put_custom_metric(watch, "ResponseTime", value, "Milliseconds")
        hears(cloud, watch, made, "OK")
    two_weeks(watch)
    put_custom_metric(watch, "UserRegistrations", 1)
    cloud.kill_and_restart()
    until(lambda: watch.list_metrics(Namespace=NAMED["Namespace"])["Metrics"])
    count = statistics(watch, "UserRegistrations", "Sum").get("Sum")
    holds("a kill loses nothing that was put", count == 2.0, f"{count:g} of 2")


def hears(cloud, watch, made, state):
    began = time.monotonic()
    until(lambda: watch.describe_alarms(AlarmNames=[made["Alarm"]])["MetricAlarms"][0]["StateValue"] == state, 4 * MINUTE_S)
    turned = watch.describe_alarms(AlarmNames=[made["Alarm"]])["MetricAlarms"][0]
    holds(f"the alarm becomes {state} when its minute is over", turned["StateValue"] == state, f"{seconds(time.monotonic() - began)}: {turned['StateReason'][:60]}")
    until(lambda: cloud.backlog(made["PagerUrl"]))
    messages = [json.loads(body) for body in cloud.drained(made["PagerUrl"])]
    told = [message["NewStateValue"] for message in messages if message["AlarmName"] == made["Alarm"]]
    holds("and who subscribed is told so, in AWS's words", told[-1:] == [state] and messages[-1]["Trigger"]["ExtendedStatistic"] == "p90", f"{len(told)} messages")


def two_weeks(watch):
    """A value for each minute of nearly two weeks, which is as far back as one may put."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    minutes = [end - timedelta(minutes=n) for n in range(DAYS * 1440)]
    for start in range(0, len(minutes), 1000):
        watch.put_metric_data(Namespace="MyApp", MetricData=[{"MetricName": "load", "Value": 1.0, "Timestamp": at} for at in minutes[start : start + 1000]])
    stat = {"Metric": {"Namespace": "MyApp", "MetricName": "load"}, "Period": 3600, "Stat": "Sum"}
    asked = {"MetricDataQueries": [{"Id": "m", "MetricStat": stat}], "StartTime": minutes[-1], "EndTime": end + timedelta(minutes=1)}
    watch.get_metric_data(**asked)
    began = time.monotonic()
    (found,) = watch.get_metric_data(**asked)["MetricDataResults"]
    took = time.monotonic() - began
    holds(f"{len(minutes)} minutes are asked for by the hour, and none is missing", sum(found["Values"]) == len(minutes), f"{len(found['Values'])} points in {seconds(took)}")
