"""Log anomaly detectors: what each learns of a group's events, and what it then finds unusual. How AWS finds anomalies is not published;
the model is ours (languages/log_anomaly.py). What is documented: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/LogsAnomalyDetection.html"""

from __future__ import annotations

import re

import pytest
from refusals import refused_code

MINUTE_S = 60


def put(cloud, logs, *messages, ago_s=0.0):
    at_ms = int((cloud.now() - ago_s) * 1000)
    logs.put_log_events(logGroupName="app", logStreamName="s", logEvents=[{"timestamp": at_ms + n, "message": each} for n, each in enumerate(messages)])


def usual(n):
    return [f"[INFO] served /items in {(n * 7 + k) % 40 + 10} ms" for k in range(5)]


def detecting(cloud, **params):
    """A detector of a group that has an hour of usual events."""
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="s")
    for n in range(12, 0, -1):
        put(cloud, logs, *usual(n), ago_s=n * 5 * MINUTE_S)
    group = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    arn = logs.create_log_anomaly_detector(logGroupArnList=[group], detectorName="watcher", evaluationFrequency="FIVE_MIN", **params)["anomalyDetectorArn"]
    cloud.sleep(1)
    return logs, arn


def evaluated(cloud):
    """Go on until the next run is over."""
    cloud.sleep(5 * MINUTE_S - cloud.now() % (5 * MINUTE_S) + 1)


def anomalies(logs, arn, **params):
    return logs.list_anomalies(anomalyDetectorArn=arn, **params)["anomalies"]


def test_a_detector_is_trained_on_what_was_there_and_then_looks_for_anomalies(cloud):
    logs, arn = detecting(cloud)
    shown = logs.get_log_anomaly_detector(anomalyDetectorArn=arn)
    assert shown["anomalyDetectorStatus"] == "ANALYZING" and shown["anomalyVisibilityTime"] == 21
    (listed,) = logs.list_log_anomaly_detectors()["anomalyDetectors"]
    assert listed["anomalyDetectorArn"] == arn and listed["detectorName"] == "watcher" and listed["evaluationFrequency"] == "FIVE_MIN"
    assert re.fullmatch(r"arn:aws:logs:us-east-1:\d{12}:anomaly-detector:[0-9a-f-]{36}", arn)
    for n in range(3):
        put(cloud, logs, *usual(n))
        evaluated(cloud)
    assert anomalies(logs, arn) == []


def test_an_empty_group_teaches_nothing_until_enough_came(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="s")
    group = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    arn = logs.create_log_anomaly_detector(logGroupArnList=[group], evaluationFrequency="FIVE_MIN")["anomalyDetectorArn"]
    states = []
    for n in range(8):
        put(cloud, logs, *usual(n))
        evaluated(cloud)
        states.append(logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"])
    assert states[0] == "TRAINING" and states[-1] == "ANALYZING" and anomalies(logs, arn) == []


def test_a_new_pattern_is_an_anomaly_with_all_its_members(cloud):
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "java.lang.Exception: cannot reach 10.0.0.1", "java.lang.Exception: cannot reach 10.0.0.2")
    evaluated(cloud)
    (found,) = anomalies(logs, arn)
    assert found["patternString"] == "java.lang.Exception: cannot reach <*>" and found["priority"] == "HIGH" and found["state"] == "Active"
    assert found["active"] and found["description"] == "New pattern: 2 events" and found["suppressed"] is False
    assert found["firstSeen"] == found["lastSeen"] and list(found["histogram"].values()) == [2] and len(found["patternId"]) == 32
    assert [each["message"] for each in found["logSamples"]] == ["java.lang.Exception: cannot reach 10.0.0.1", "java.lang.Exception: cannot reach 10.0.0.2"]
    (token,) = [each for each in found["patternTokens"] if each["isDynamic"]]
    assert token == {"dynamicTokenPosition": 1, "isDynamic": True, "tokenString": "<*>", "inferredTokenName": "IP-1", "enumerations": {"10.0.0.1": 1, "10.0.0.2": 1}}
    assert re.fullmatch(found["patternRegex"], "java.lang.Exception: cannot reach 10.9.9.9")
    assert found["logGroupArnList"] == [logs.describe_log_groups()["logGroups"][0]["logGroupArn"]]


def test_an_anomaly_goes_on_until_it_is_seen_no_more(cloud):
    logs, arn = detecting(cloud)
    for _ in range(2):
        put(cloud, logs, *usual(1), "disk is full")
        evaluated(cloud)
    (found,) = anomalies(logs, arn)
    assert len(found["histogram"]) == 2 and found["lastSeen"] > found["firstSeen"] and found["active"]
    put(cloud, logs, *usual(2))
    evaluated(cloud)
    (later,) = anomalies(logs, arn)
    assert not later["active"] and later["anomalyId"] == found["anomalyId"]


@pytest.mark.parametrize(("messages", "words"), [
    ([f"[INFO] served /items in {n % 40 + 10} ms" for n in range(60)], "increase in the number of events"),
    ([*usual(1), "[INFO] served /items in 90000 ms"], "Unusual number 90000 of token <Number-1>"),
])  # fmt: skip
def test_what_changes_is_an_anomaly(cloud, messages, words):
    logs, arn = detecting(cloud)
    put(cloud, logs, *messages)
    evaluated(cloud)
    assert [words in each["description"] for each in anomalies(logs, arn)] == [True]


def test_a_filter_pattern_says_what_is_looked_at(cloud):
    logs, arn = detecting(cloud, filterPattern="INFO")
    put(cloud, logs, *usual(1), "disk is full", "[INFO] the disk was exchanged")
    evaluated(cloud)
    assert [each["patternString"] for each in anomalies(logs, arn)] == ["[INFO] the disk was exchanged"]


def test_a_suppressed_anomaly_is_not_reported_until_its_time_is_over(cloud):
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    (found,) = anomalies(logs, arn)
    logs.update_anomaly(anomalyDetectorArn=arn, anomalyId=found["anomalyId"], suppressionType="LIMITED", suppressionPeriod={"value": 8, "suppressionUnit": "MINUTES"})
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    (held,) = anomalies(logs, arn, suppressionState="SUPPRESSED")
    assert held["state"] == "Suppressed" and held["suppressedUntil"] - held["suppressedDate"] == 480_000 and held["isPatternLevelSuppression"] is False
    assert held["histogram"] == found["histogram"] and anomalies(logs, arn, suppressionState="UNSUPPRESSED") == []
    evaluated(cloud)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    assert len(anomalies(logs, arn, suppressionState="UNSUPPRESSED")[0]["histogram"]) == 2


def test_a_suppressed_pattern_stays_so_until_it_is_released(cloud):
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    (found,) = anomalies(logs, arn)
    logs.update_anomaly(anomalyDetectorArn=arn, patternId=found["patternId"], suppressionType="INFINITE")
    (held,) = anomalies(logs, arn)
    assert held["isPatternLevelSuppression"] is True and "suppressedUntil" not in held
    logs.update_anomaly(anomalyDetectorArn=arn, patternId=found["patternId"])
    assert anomalies(logs, arn)[0]["state"] == "Active"
    assert refused_code(logs.update_anomaly, anomalyDetectorArn=arn) == "InvalidParameterException"
    assert refused_code(logs.update_anomaly, anomalyDetectorArn=arn, patternId="0" * 32) == "ResourceNotFoundException"
    assert refused_code(logs.update_anomaly, anomalyDetectorArn=arn, patternId=found["patternId"], suppressionType="LIMITED") == "InvalidParameterException"


def test_what_is_told_to_be_usual_is_found_no_more(cloud):
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    (found,) = anomalies(logs, arn)
    logs.update_anomaly(anomalyDetectorArn=arn, anomalyId=found["anomalyId"], baseline=True)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    (held,) = anomalies(logs, arn)
    assert held["state"] == "Baseline" and held["histogram"] == found["histogram"] and not held["active"]


def test_an_anomaly_is_usual_after_the_time_it_is_visible(cloud):
    logs, arn = detecting(cloud, anomalyVisibilityTime=7)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=False)
    cloud.sleep(7 * 86_400)
    assert anomalies(logs, arn)[0]["state"] == "Baseline"


def test_a_paused_detector_looks_at_nothing(cloud):
    logs, arn = detecting(cloud)
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=False)
    assert logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"] == "PAUSED"
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    cloud.sleep(1)
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=True)
    evaluated(cloud)
    assert anomalies(logs, arn) == [] and logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"] == "ANALYZING"


def test_anomalies_are_counted_by_priority(cloud):
    # Namespace, metric and dimensions: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "[ERROR] disk is full")
    evaluated(cloud)
    cloud.sleep(2 * MINUTE_S)
    dimensions = [{"Name": "LogAnomalyDetector", "Value": "watcher"}, {"Name": "LogAnomalyPriority", "Value": "HIGH"}]
    now = cloud.now()
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Logs", MetricName="AnomalyCount", Dimensions=dimensions, StartTime=now - 3600, EndTime=now, Period=3600, Statistics=["Sum"]
    )["Datapoints"]
    assert [point["Sum"] for point in points] == [1.0]


def test_what_was_learned_outlives_the_region(cloud):
    logs, arn = detecting(cloud)
    put(cloud, logs, *usual(1), "disk is full")
    evaluated(cloud)
    cloud.restart(kill=True)
    logs = cloud.client("logs")
    put(cloud, logs, *usual(2), "disk is full", "what is that")
    evaluated(cloud)
    found = {each["patternString"]: len(each["histogram"]) for each in anomalies(logs, arn)}
    assert found == {"disk is full": 2, "what is that": 1}


def test_a_detector_is_tagged_changed_and_deleted(cloud):
    logs, arn = detecting(cloud, tags={"team": "a"})
    logs.tag_resource(resourceArn=arn, tags={"more": "b"})
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"more": "b"}
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=True, evaluationFrequency="ONE_HOUR", filterPattern="INFO", anomalyVisibilityTime=9)
    shown = logs.get_log_anomaly_detector(anomalyDetectorArn=arn)
    assert (shown["evaluationFrequency"], shown["filterPattern"], shown["anomalyVisibilityTime"]) == ("ONE_HOUR", "INFO", 9)
    logs.delete_log_anomaly_detector(anomalyDetectorArn=arn)
    for act in (logs.get_log_anomaly_detector, logs.delete_log_anomaly_detector, logs.list_anomalies):
        assert refused_code(act, anomalyDetectorArn=arn) == "ResourceNotFoundException"
    assert logs.list_log_anomaly_detectors()["anomalyDetectors"] == [] == logs.list_anomalies()["anomalies"]


def test_a_detector_needs_one_group_that_is_there(cloud):
    logs = cloud.client("logs")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:{}"
    assert refused_code(logs.create_log_anomaly_detector, logGroupArnList=[arn.format("no")]) == "ResourceNotFoundException"
    assert refused_code(logs.create_log_anomaly_detector, logGroupArnList=[]) == "InvalidParameterException"
    assert refused_code(logs.create_log_anomaly_detector, logGroupArnList=[arn.format("a"), arn.format("b")]) == "InvalidParameterException"


def test_a_detector_of_a_group_that_is_gone_has_failed(cloud):
    logs, arn = detecting(cloud)
    logs.delete_log_group(logGroupName="app")
    evaluated(cloud)
    assert logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"] == "FAILED"
