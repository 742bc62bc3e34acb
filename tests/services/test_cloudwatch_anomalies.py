"""Anomaly detectors: what they learn of a metric's past, the band they expect, and alarms on it.

AWS's model is not published: what stands here of numbers is the model of ``languages.metric_band``.
"""

from __future__ import annotations

import io
import json
import math

import pytest
from botocore.exceptions import ClientError
from services.test_cloudwatch_metrics import moment

DAY = 86_400
METRIC = {"Namespace": "app", "MetricName": "m"}
SINGLE = {"SingleMetricAnomalyDetector": {**METRIC, "Dimensions": [], "Stat": "Average"}}
M1 = {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 300, "Stat": "Average"}}
BAND = {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 3)"}


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    return cloud.client("cloudwatch")


def teach(client, value, now, days=14, step=900, name="m"):
    """Put the past of a metric: ``value(day, hour)`` of each moment, days counted back from now."""
    begin = int(now) // DAY * DAY - (days - 1) * DAY
    data = []
    for at in range(begin, int(now), step):
        if at > now - days * DAY + 60:
            wobble = math.sin(at / 700) * 2
            data.append({"MetricName": name, "Value": value((at - begin) // DAY, at % DAY / 3600) + wobble, "Timestamp": moment(at)})
    for start in range(0, len(data), 1000):
        client.put_metric_data(Namespace="app", MetricData=data[start : start + 1000])


def daily(day, hour):
    return 100 + 50 * math.sin(hour / 24 * 2 * math.pi)


def lines(client, cloud, *, queries=(M1, BAND), hours=24):
    """The band of the hours before now and after: {time: (low, high)}."""
    now = int(cloud.now())
    found = client.get_metric_data(
        MetricDataQueries=[{**M1, "ReturnData": False}, *queries[1:]], StartTime=moment(now - 3600), EndTime=moment(now + hours * 3600), ScanBy="TimestampAscending"
    )["MetricDataResults"]
    high, low = found
    assert (high["Id"], high["Label"], low["Id"], low["Label"]) == ("ad1", "High", "ad1", "Low")
    return {int(at.timestamp()): (least, most) for at, least, most in zip(high["Timestamps"], low["Values"], high["Values"])}


def shown(client, **wanted):
    (found,) = client.describe_anomaly_detectors(**wanted)["AnomalyDetectors"]
    return found


def test_a_detector_is_put_shown_and_deleted(cloud, watch):
    # Recorded: localstack's test_anomaly_detector_lifecycle.
    named = {**METRIC, "Dimensions": [{"Name": "a", "Value": "1"}], "Stat": "Sum"}
    id_ = watch.put_anomaly_detector(SingleMetricAnomalyDetector=named)["AnomalyDetectorId"]
    assert shown(watch) == {
        **named, "AnomalyDetectorId": id_, "StateValue": "PENDING_TRAINING", "Configuration": {"ExcludedTimeRanges": []},
        "SingleMetricAnomalyDetector": {**named, "AccountId": "000000000000"},
    }  # fmt: skip
    assert watch.put_anomaly_detector(**named, Configuration={"MetricTimezone": "Europe/Berlin"})["AnomalyDetectorId"] == id_
    assert shown(watch, Namespace="app", MetricName="m", Dimensions=named["Dimensions"])["Configuration"]["MetricTimezone"] == "Europe/Berlin"
    assert watch.describe_anomaly_detectors(MetricName="other")["AnomalyDetectors"] == []
    watch.delete_anomaly_detector(SingleMetricAnomalyDetector=named)
    assert watch.describe_anomaly_detectors()["AnomalyDetectors"] == []
    with pytest.raises(watch.exceptions.ResourceNotFoundException):
        watch.delete_anomaly_detector(SingleMetricAnomalyDetector=named)


@pytest.mark.parametrize(
    "said, code",
    [
        ({}, "MissingParameter"), ({**METRIC}, "MissingParameter"), ({**METRIC, "Stat": "Middle"}, "ValidationError"),
        ({**METRIC, "Stat": "Sum", **SINGLE}, "InvalidParameterCombination"), ({**SINGLE, "Configuration": {"MetricTimezone": "Atlantis"}}, "InvalidParameterValue"),
        ({**SINGLE, "Configuration": {"MetricTimezone": "../../etc/passwd"}}, "InvalidParameterValue"),
        ({**SINGLE, "Configuration": {"ExcludedTimeRanges": [{"StartTime": moment(5), "EndTime": moment(5)}]}}, "InvalidParameterValue"),
        ({**SINGLE, "Configuration": {"AdaptationSpeed": "FAST"}}, "NotImplemented"), ({"MetricMathAnomalyDetector": {"MetricDataQueries": [M1, BAND]}}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_detectors_that_cannot_be_are_refused(watch, said, code):
    with pytest.raises(ClientError) as refusal:
        watch.put_anomaly_detector(**said)
    assert refusal.value.response["Error"]["Code"] == code
    assert watch.describe_anomaly_detectors(AnomalyDetectorTypes=["SINGLE_METRIC", "METRIC_MATH"])["AnomalyDetectors"] == []


def test_the_band_follows_the_hours_of_the_day(cloud, watch):
    teach(watch, daily, cloud.now())
    watch.put_anomaly_detector(**SINGLE)
    assert lines(watch, cloud) == {}
    cloud.sleep(61)
    assert shown(watch)["StateValue"] == "TRAINED"
    band = lines(watch, cloud)
    assert len(band) >= 25 * 12
    for at, (low, high) in band.items():
        # A step of an hour is as coarse as the model: 13 is the most that a sine of 50 moves in it.
        assert low < daily(0, at % DAY / 3600) < high and high - low < 80
    six, eighteen = (next(band[at] for at in band if at % DAY // 3600 == hour) for hour in (6, 18))
    assert six[0] > eighteen[1]


def test_days_of_the_week_and_a_trend_are_learned(cloud, watch):
    teach(watch, lambda day, hour: 200 + 10 * day - (150 if day % 7 in (2, 3) else 0), cloud.now())
    watch.put_anomaly_detector(**SINGLE)
    cloud.sleep(61)
    band = lines(watch, cloud, hours=6 * 24)
    begin = int(cloud.now()) // DAY * DAY - 13 * DAY
    for at, (low, high) in band.items():
        day = (at - begin) // DAY
        assert low < 200 + 10 * day - (150 if day % 7 in (2, 3) else 0) < high, day
        assert high - low < 60


def test_the_anomalies_of_the_past_teach_nothing_and_excluded_ones_are_not_seen(cloud, watch):
    at_noon = int(cloud.now()) // DAY * DAY - DAY // 2
    teach(watch, lambda day, hour: 100 + (5000 if day == 7 and 10 <= hour < 13 else 0), cloud.now())
    watch.put_anomaly_detector(**SINGLE)
    cloud.sleep(61)
    assert max(high for _, high in lines(watch, cloud).values()) < 130
    # A fault of most of the days is the rule; where it is excluded it is not.
    teach(watch, lambda day, hour: 900 if hour < 6 and day > 1 else 100, cloud.now(), name="often")
    named = {"Namespace": "app", "MetricName": "often", "Stat": "Average"}
    often = {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(o, 3)"}, {"Id": "o", "MetricStat": {"Metric": {"Namespace": "app", "MetricName": "often"}, "Period": 300, "Stat": "Average"}, "ReturnData": False}
    watch.put_anomaly_detector(**named)
    cloud.sleep(61)
    assert max(high for _, high in lines(watch, cloud, queries=(M1, *often)).values()) > 800
    nights = [{"StartTime": moment(at_noon - day * DAY - DAY // 2), "EndTime": moment(at_noon - day * DAY - DAY // 4)} for day in range(-1, 12)]
    watch.put_anomaly_detector(**named, Configuration={"ExcludedTimeRanges": nights})
    cloud.sleep(61)
    assert max(high for _, high in lines(watch, cloud, queries=(M1, *often)).values()) < 200


def test_spikes_that_belong_there_widen_the_band(cloud, watch):
    teach(watch, lambda day, hour: 500 if hour % 1 == 0.25 else 100, cloud.now())
    for spikes, most in ((False, 150), (True, 600)):
        watch.put_anomaly_detector(**SINGLE, MetricCharacteristics={"PeriodicSpikes": spikes})
        cloud.sleep(61)
        highest = max(high for _, high in lines(watch, cloud).values())
        assert most - 120 < highest < most


def test_too_short_a_past_teaches_nothing_and_more_comes_by_the_hour(cloud, watch):
    teach(watch, daily, cloud.now(), days=1)
    watch.put_anomaly_detector(**SINGLE)
    cloud.sleep(61)
    assert shown(watch)["StateValue"] == "TRAINED_INSUFFICIENT_DATA" and lines(watch, cloud) == {}
    teach(watch, daily, cloud.now(), days=5)
    cloud.sleep(3600)
    assert shown(watch)["StateValue"] == "TRAINED" and lines(watch, cloud)


def test_what_a_detector_knows_outlives_a_kill(cloud, watch):
    teach(watch, daily, cloud.now())
    watch.put_anomaly_detector(**SINGLE)
    cloud.sleep(61)
    before = lines(watch, cloud)
    cloud.restart(kill=True)
    watch = cloud.client("cloudwatch")
    assert shown(watch)["StateValue"] == "TRAINED" and lines(watch, cloud) == before


def test_an_expression_has_a_detector_of_its_own(cloud, watch):
    teach(watch, daily, cloud.now())
    doubled = {"Id": "e", "Expression": "m1 * 2", "ReturnData": True}
    watch.put_anomaly_detector(MetricMathAnomalyDetector={"MetricDataQueries": [{**M1, "ReturnData": False}, doubled]})
    cloud.sleep(61)
    assert watch.describe_anomaly_detectors()["AnomalyDetectors"] == []
    assert shown(watch, AnomalyDetectorTypes=["METRIC_MATH"])["StateValue"] == "TRAINED"
    band = lines(watch, cloud, queries=(M1, {**doubled, "ReturnData": False}, {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(e)"}))
    assert all(low < 2 * daily(0, at % DAY / 3600) < high for at, (low, high) in band.items()) and len(band) >= 25 * 12


@pytest.mark.parametrize(
    "expression, said",
    [("ANOMALY_DETECTION_BAND(zz)", "Undefined variable"), ("ANOMALY_DETECTION_BAND(m1, 0)", "greater than 0"), ("ANOMALY_DETECTION_BAND()", "number of arguments")],
)
def test_bands_that_cannot_be_are_refused(cloud, watch, expression, said):
    with pytest.raises(ClientError, match=said):
        lines(watch, cloud, queries=(M1, {"Id": "ad1", "Expression": expression}))


# Alarms --------------------------------------------------------------------------------------------------------


ALARM = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold", "ThresholdMetricId": "ad1"}


def state(client):
    (alarm,) = client.describe_alarms()["MetricAlarms"]
    return alarm


def test_an_alarm_on_a_band_makes_its_detector_and_says_what_it_saw_in_awss_words(cloud, watch):
    teach(watch, lambda day, hour: 100, cloud.now())
    watch.put_metric_alarm(**ALARM, Metrics=[{**M1, "MetricStat": {**M1["MetricStat"], "Period": 60}}, BAND])
    assert state(watch)["ThresholdMetricId"] == "ad1" and "Threshold" not in state(watch)
    assert shown(watch)["MetricName"] == "m"
    cloud.sleep(120 - cloud.now() % 60)
    for value, found in ((100, "OK"), (500, "ALARM"), (1, "ALARM"), (100, "OK")):
        watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Value": float(value)}])
        cloud.sleep(60.5 - cloud.now() % 60)
        assert state(watch)["StateValue"] == found
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    said = json.loads(state(watch)["StateReasonData"])
    low, high = said["recentLowerThresholds"][0], said["recentUpperThresholds"][0]
    assert said["recentDatapoints"] == [100.0] and low < 100 < high and "threshold" not in said
    assert state(watch)["StateReason"].startswith("Thresholds Crossed: 1 out of the last 1 datapoints [100.0 (")
    assert state(watch)["StateReason"].endswith(
        f"was not less than the lower thresholds [{low}] or not greater than the upper thresholds [{high}] (minimum 1 datapoint for ALARM -> OK transition)."
    )


@pytest.mark.parametrize("comparison, of_low, of_high", [("LessThanLowerThreshold", "ALARM", "OK"), ("GreaterThanUpperThreshold", "OK", "ALARM")])
def test_an_alarm_may_watch_one_end_of_a_band(cloud, watch, comparison, of_low, of_high):
    teach(watch, lambda day, hour: 100, cloud.now())
    watch.put_metric_alarm(**{**ALARM, "ComparisonOperator": comparison}, Metrics=[{**M1, "MetricStat": {**M1["MetricStat"], "Period": 60}}, BAND])
    cloud.sleep(120 - cloud.now() % 60)
    for value, found in ((1, of_low), (500, of_high)):
        watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Value": float(value)}])
        cloud.sleep(60.5 - cloud.now() % 60)
        assert state(watch)["StateValue"] == found


def test_an_alarm_whose_band_knows_too_little_has_insufficient_data(cloud, watch):
    watch.put_metric_alarm(**ALARM, Metrics=[{**M1, "MetricStat": {**M1["MetricStat"], "Period": 60}}, BAND])
    watch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "m", "Value": 1.0}])
    cloud.sleep(121)
    assert state(watch)["StateValue"] == "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    "change, text",
    [
        # https://github.com/aws/aws-cdk/issues/10540
        ({"ThresholdMetricId": None}, "ComparisonOperators for ranges require ThresholdMetricId to be set"),
        # https://github.com/cdklabs/cdk-monitoring-constructs/issues/340
        ({"Metrics": [M1, {"Id": "ad1", "Expression": "m1 * 2"}]}, "Threshold metric expression must use ANOMALY_DETECTION_BAND function."),
        ({"ThresholdMetricId": "zz"}, "Metrics list must contain exactly one metric matching the ThresholdMetricId parameter"),
        # The words of these are ours.
        ({"ComparisonOperator": "GreaterThanThreshold"}, "ThresholdMetricId can only be set with ComparisonOperators for ranges"),
    ],
)
def test_alarms_on_bands_that_cannot_be_are_refused(watch, change, text):
    said = {**ALARM, "Metrics": [M1, BAND], **change}
    with pytest.raises(ClientError) as refusal:
        watch.put_metric_alarm(**{name: value for name, value in said.items() if value is not None})
    assert (refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]) == ("ValidationError", text)
    assert watch.describe_alarms()["MetricAlarms"] == [] and watch.describe_anomaly_detectors()["AnomalyDetectors"] == []


def test_a_picture_shows_the_band_behind_the_metric(cloud, watch):
    image = pytest.importorskip("PIL.Image")
    teach(watch, lambda day, hour: 100, cloud.now())
    watch.put_anomaly_detector(**SINGLE)
    cloud.sleep(61)
    metrics = [["app", "m", {"id": "m1", "color": "#0000ff"}], [{"expression": "ANOMALY_DETECTION_BAND(m1, 3)", "id": "ad1", "color": "#00ff00"}]]
    drawn = watch.get_metric_widget_image(MetricWidget=json.dumps({"metrics": metrics, "period": 300, "yAxis": {"left": {"min": 0, "max": 200}}}))["MetricWidgetImage"]
    picture = image.open(io.BytesIO(drawn)).convert("RGB")
    column = [picture.getpixel((300, y)) for y in range(34, 340)]
    assert column.count((170, 255, 170)) > 5 and (0, 0, 255) in [picture.getpixel((x, y)) for x in range(280, 320) for y in range(34, 340)]
