"""What Application Auto Scaling tells EventBridge: that a target has come to its most, and nothing else.

https://docs.aws.amazon.com/autoscaling/application/userguide/monitoring-eventbridge.html
"""

from __future__ import annotations

from fact_workshop import heard, hears
from test_application_autoscaling import LOAD, activities, capacity, follow, load, register, scaling

__all__ = ["scaling"]
SOURCE, KIND = "aws.application-autoscaling", "Application Auto Scaling Scaling Activity State Change"


def test_scaling_out_to_the_most_is_told(cloud, scaling):
    hears(cloud, SOURCE)
    register(scaling, most=8)
    follow(scaling, LOAD)
    load(cloud, *[700] * 6)
    (event,), (told,) = heard(cloud), activities(scaling)
    assert (event["source"], event["detail-type"], event["resources"]) == (SOURCE, KIND, [])
    assert event["detail"] == {
        "startTime": f"{told['StartTime']:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{told['EndTime']:%Y-%m-%dT%H:%M:%SZ}", "newDesiredCapacity": 8, "oldDesiredCapacity": 5,
        "minCapacity": 1, "maxCapacity": 8, "resourceId": "table/load", "scalableDimension": "dynamodb:table:ReadCapacityUnits",
        "serviceNamespace": "dynamodb", "statusCode": "Successful", "scaledToMax": True, "direction": "scale-out",
    }  # fmt: skip


def test_other_changes_of_capacity_are_not_told(cloud, scaling):
    hears(cloud, SOURCE)
    register(scaling)
    follow(scaling, LOAD)
    load(cloud, 140, 140, 140)
    assert capacity(cloud) == 10
    register(scaling, least=1, most=7)
    cloud.sleep(10)
    assert (capacity(cloud), heard(cloud)) == (7, [])


def test_a_change_that_a_kill_interrupts_is_told_once(cloud, scaling):
    hears(cloud, SOURCE)
    register(scaling, most=10)
    follow(scaling, LOAD)
    cloud.sleep(60 - cloud.now() % 60)
    for _ in range(3):
        cloud.client("cloudwatch").put_metric_data(Namespace="app", MetricData=[{"MetricName": "load", "Value": 140.0}])
        cloud.sleep(59.9)
    cloud.restart(kill=True)
    cloud.sleep(130)
    assert [(each["detail"]["oldDesiredCapacity"], each["detail"]["newDesiredCapacity"]) for each in heard(cloud)] == [(5, 10)]
