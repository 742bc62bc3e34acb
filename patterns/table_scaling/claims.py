"""A table whose capacity follows its load: refused as written, repaired, moved by a schedule, and in the long form by load."""

import time
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError
from stage import holds, seconds, until
from table_scaling import table_scaling
from table_scaling.table_scaling import LEAST, REGIONS, TABLE, TARGET_PERCENT, provisioned, scaled

LOADED, READS = REGIONS[1], scaled("Read")
READS_PER_S = 10
EXPECTED = 15
"""Ten units a second are 70 percent of so many, rounded up."""
UP_WITHIN_S = 300.0
AFTER_S = 3
UNSCALED = "Table write capacity should either be Pay-Per-Request or AutoScaled."


def refused_unscaled(client):
    """What AWS says of replicas of a table whose writes nothing scales."""
    try:
        client.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": REGIONS[1]}}])
    except ClientError as error:
        return error.response["Error"]["Message"]
    return ""


def alarms(cloud, region):
    """Thresholds of what watches reads, by what it is for."""
    found = cloud.client("cloudwatch", region).describe_alarms(AlarmNamePrefix=f"TargetTracking-table/{TABLE}-")["MetricAlarms"]
    return {alarm["AlarmName"].split("-")[2]: alarm["Threshold"] for alarm in found if "Read" in alarm["MetricName"]}


def load_until(client, is_so, within_s):
    """Read at a steady rate; answers after how many seconds it is so."""
    began = time.monotonic()
    keys = [{"user_id": {"S": str(number)}} for number in range(READS_PER_S)]
    while time.monotonic() - began < within_s:
        due = time.monotonic() + 1
        client.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
        if is_so():
            return time.monotonic() - began
        time.sleep(max(0.0, due - time.monotonic()))
    return None


def show(cloud):
    tables = {region: cloud.client("dynamodb", region) for region in REGIONS}
    scaling = {region: cloud.client("application-autoscaling", region) for region in REGIONS}
    holds("a DynamoDB client puts no scaling policy", not hasattr(tables[LOADED], "put_scaling_policy"))
    table_scaling.make_table(tables[REGIONS[0]])
    text = refused_unscaled(tables[REGIONS[0]])
    holds("a provisioned table gets no replicas before its writes are scaled", text == UNSCALED, text)
    table_scaling.scale(scaling[REGIONS[0]], REGIONS[0])
    table_scaling.add_replicas(tables[REGIONS[0]])
    scaled = [each["ScalableDimension"].split(":")[2] for region in REGIONS[1:] for each in table_scaling.policies(scaling[region])]
    holds("a replica's writes are scaled as those of the table it is made from", scaled == ["WriteCapacityUnits"] * 2)
    for region in REGIONS[1:]:
        table_scaling.scale(scaling[region], region, ["Read"])
    made = [each for region in REGIONS for each in table_scaling.policies(scaling[region])]
    holds("each region has policies for reads and writes, with four alarms each", [len(each["Alarms"]) for each in made] == [4] * 6)
    high = LEAST * 60 * TARGET_PERCENT / 100
    holds("and they really stand in CloudWatch", all(alarms(cloud, region)["AlarmHigh"] == high for region in REGIONS), f"above {high:g} a minute")
    when = datetime.now(UTC) + timedelta(seconds=AFTER_S)
    for floor, name in ((20, "morning"), (LEAST, "evening")):
        at = f"at({when:%Y-%m-%dT%H:%M:%S})"
        bounds = {"MinCapacity": floor, "MaxCapacity": max(floor, EXPECTED * 2 if floor == 20 else LEAST)}
        scaling[LOADED].put_scheduled_action(**READS, ScheduledActionName=name, Schedule=at, ScalableTargetAction=bounds)
        took = until(lambda floor=floor: provisioned(tables[LOADED]) == floor)
        holds(f"the {name}'s schedule makes the capacity {floor}", took is not None, seconds(took))
        when = datetime.now(UTC) + timedelta(seconds=AFTER_S)
    told = [each["Description"] for each in scaling[LOADED].describe_scaling_activities(**READS)["ScalingActivities"]]
    holds("the activities tell it", f"Setting read capacity units to {LEAST}." in told and "Setting read capacity units to 20." in told, f"{len(told)} of them")
    if not cloud.is_short:
        scaling[LOADED].register_scalable_target(**READS, MinCapacity=LEAST, MaxCapacity=table_scaling.MOST)
        took = load_until(tables[LOADED], lambda: provisioned(tables[LOADED]) >= EXPECTED - 1, UP_WITHIN_S)
        text = f"{provisioned(tables[LOADED])} units after {seconds(took)}"
        holds("load above 70 % raises the capacity to where it is 70 %", took is not None and provisioned(tables[LOADED]) <= EXPECTED + 1, text)
        soon = until(lambda: alarms(cloud, LOADED)["AlarmHigh"] > high)
        holds("and the thresholds follow", soon is not None, f"above {alarms(cloud, LOADED)['AlarmHigh']:g} a minute")
