"""What AWS refuses of CloudWatch, in its words as cdk-preflight saw them in live deployments and calls (rules/cloudwatch): each case is named
after its rule. It told no codes; they are those of other refusals of the same operation. https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json

import pytest
from refusals import refusal, refused

ACCOUNT, OTHER = "000000000000", "111111111111"
VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
POLICY = f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:scalingPolicy:1:resource/dynamodb/table/t:policyName/p"
FIREHOSE = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/s"
NAMED = {"Namespace": "app", "MetricName": "m"}
STATISTIC = "SampleCount|Average|Sum|Minimum|Maximum|IQM"
CYCLE = "A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency"
LOW_SAMPLE = "Option evaluateLowSampleCountPercentile can not be applied with statistic Average. This option is enabled only for percentile statistics."
WEEK = "Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800) for alarms using period >= 3600"
MUST_BE = "must be: '(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA"
EITHER = "Either single metric attributes, SingleMetricAnomalyDetector or MetricMathAnomalyDetector can be set, found {}"


def constraint(value, where, what):
    return f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: Member must {what}"


def alarm(**change):
    said = NAMED | {
        "AlarmName": "a", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 3, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    return "put_metric_alarm", {name: value for name, value in (said | change).items() if value is not None}


def query(name="m1", stat="Average", period=60, **more):
    return {"Id": name, "MetricStat": {"Metric": NAMED, "Period": period, "Stat": stat}} | more


def many(*queries, **change):
    one = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    return alarm(**one | {"Metrics": list(queries)} | change)


def banded(metric=True, band=True, **change):
    queries = (query(ReturnData=metric), {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "ReturnData": band})
    return many(*queries, **{"Threshold": None, "ThresholdMetricId": "ad1", "ComparisonOperator": "GreaterThanUpperThreshold"} | change)


def composite(rule="ALARM(one)", **more):
    return "put_composite_alarm", {"AlarmName": "c", "AlarmRule": rule} | more


def suppressed(suppressor="one", **more):
    return composite(ActionsSuppressor=suppressor, **{f"ActionsSuppressor{name}": value for name, value in more.items()})


def detector(**said):
    return "put_anomaly_detector", said


ONE = NAMED | {"Stat": "Average"}
MATH = {"MetricDataQueries": [query(ReturnData=False), {"Id": "e1", "Expression": "m1 * 2"}]}


def insight(text=None, contribution=None, **change):
    held = {"Keys": ["$.ip"], "Filters": []} if contribution is None else contribution
    said = {"Schema": {"Name": "CloudWatchLogRule", "Version": 1}, "LogGroupNames": ["g"], "LogFormat": "JSON", "Contribution": held, "AggregateOn": "Count"}
    return "put_insight_rule", {"RuleName": "r", "RuleDefinition": text or json.dumps(said | change)}


def stream(**change):
    said = {"Name": "s", "FirehoseArn": FIREHOSE, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "OutputFormat": "json"}
    return "put_metric_stream", said | change


def of_body(what, where):
    return VALUE, f"INVALID_RULE_BODY: {what} encountered at {where} in the RuleBody."


E11 = [{"Id": f"e{number}", "Expression": "m1 * 2", "ReturnData": False} for number in range(11)]
CASES = [
    ("alarm-action-vendor", alarm(AlarmActions=["arn:aws:s3:::pf-bucket"]), "Unsupported AWS vendor s3"),
    ("alarm-actions-max", alarm(AlarmActions=[f"{TOPIC}{number}" for number in range(6)]),
     constraint(f"[{', '.join(f'{TOPIC}{number}' for number in range(6))}]", "alarmActions", "have length less than or equal to 5")),
    ("alarm-anomaly-autoscaling-action", banded(AlarmActions=[POLICY]), "autoscaling actions not supported when ThresholdMetricId is set"),
    ("alarm-ec2-action-region", alarm(AlarmActions=["arn:aws:automate:eu-west-1:ec2:stop"]), "Invalid region eu-west-1 specified. Only us-east-1 is supported."),
    ("alarm-evaluation-window", alarm(Period=3600, EvaluationPeriods=169), WEEK),
    # Of this one the rule tells no more than so.
    ("alarm-evaluation-window", alarm(EvaluationPeriods=1441), "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)"),
    ("alarm-expressions-max", many(query(), *E11), "Too many expressions in alarm, maximum is 10"),
    ("alarm-expressions-max", many(query(), *E11, EvaluationPeriods=None), "Too many expressions in alarm, maximum is 10"),
    ("alarm-low-sample-percentile", alarm(EvaluateLowSampleCountPercentile="ignore"), LOW_SAMPLE),
    ("alarm-metrics-max", many(*(query(f"m{number}", ReturnData=number == 0) for number in range(11))), "Too many metrics in alarm, maximum is 10"),
    ("alarm-period", alarm(Period=45), "Period must be 10, 20, 30 or a multiple of 60"),
    ("alarm-period", many(query(period=45)), "Period must be 10, 20, 30 or a multiple of 60"),
    ("alarm-search-expression", many({"Id": "e", "Expression": "SEARCH('{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"', 'Average', 300)"}),
     "SEARCH is not supported on Metric Alarms."),
    ("alarm-threshold", alarm(Threshold=None), "PutMetricAlarm request should have valid Threshold parameter"),
    ("alarm-threshold", alarm(ComparisonOperator="LessThanLowerOrGreaterThanUpperThreshold", Threshold=None),
     "ComparisonOperators for ranges require ThresholdMetricId to be set"),
    ("datapoints-evaluation", alarm(DatapointsToAlarm=4), "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
    ("extended-statistic", alarm(Statistic=None, ExtendedStatistic="p101"), (VALUE, "The value p101 for parameter ExtendedStatistic is not supported.")),
    ("extended-statistic", alarm(Statistic=None, ExtendedStatistic="p102.5"), (VALUE, "The value p102.5 for parameter ExtendedStatistic is not supported.")),
    ("extended-statistic", alarm(Statistic=None, ExtendedStatistic="p-1"), (VALUE, "The value p-1 for parameter ExtendedStatistic is not supported.")),
    ("metric-namespace-ascii", alarm(Namespace="テスト用"), "Namespace must not contain Non-ASCII characters."),
    ("metric-query-exclusive", many(query(Expression="1")),
     "The parameters MetricDataQuery Expression and MetricStat are mutually exclusive and you have specified both."),
    ("metric-query-exclusive", many({"Id": "m1"}), "Period must not be null"),
    ("metric-query-returndata", many(query(), query("m2")), "Exactly one element of the metrics list should return data."),
    ("metric-query-returndata", many(query(ReturnData=False)), "Exactly one element of the metrics list should return data."),
    ("metric-query-returndata", banded(metric=False), "Exactly two elements of the metrics list should return data."),
    ("metricstat-stat-syntax", many(query(stat="Avg")), "Invalid metrics list"),
    ("threshold-metric-id", banded(band=False), "Metrics list must contain exactly one metric matching the ThresholdMetricId parameter"),
    ("composite-alarm-rule-syntax", composite("GARBAGE(not a rule"), f"Error in AlarmRule [Unsupported token 'GARBAGE' at char 0, {MUST_BE}]"),
    ("composite-self-reference", composite('ALARM("c")'), CYCLE),
    ("composite-suppressor-extension-period", suppressed(WaitPeriod=1), "ActionsSuppressorExtensionPeriod must not be null"),
    ("composite-suppressor-format", suppressed(TOPIC, WaitPeriod=1, ExtensionPeriod=1), "ActionsSuppressor must be a valid CloudWatch Alarm ARN or an Alarm name"),
    ("composite-suppressor-required", composite(ActionsSuppressorWaitPeriod=1), "ActionsSuppressorWaitPeriod requires an ActionSuppressor"),
    ("composite-suppressor-wait-period", suppressed(ExtensionPeriod=1), "ActionsSuppressorWaitPeriod must not be null"),
    ("anomaly-detector-excluded-range-order",
     detector(**ONE, Configuration={"ExcludedTimeRanges": [{"StartTime": "2026-02-01T00:00:00Z", "EndTime": "2026-01-01T00:00:00Z"}]}),
     (VALUE, "Input has invalid parameter.")),
    ("anomaly-detector-exclusive", detector(SingleMetricAnomalyDetector=ONE, MetricMathAnomalyDetector=MATH),
     (COMBINATION, EITHER.format("SingleMetricAnomalyDetector, MetricMathAnomalyDetector"))),
    ("anomaly-detector-math-single-query", detector(MetricMathAnomalyDetector={"MetricDataQueries": [query()]}),
     (VALUE, "The MetricDataQueries list in MetricMathAnomalyDetector contains a single metric, please use SingleMetricAnomalyDetector instead")),
    ("anomaly-detector-math-toplevel", detector(MetricMathAnomalyDetector=MATH, Namespace="app"),
     (COMBINATION, EITHER.format("MetricMathAnomalyDetector, single metric attributes"))),
    ("anomaly-detector-namespace-colon", detector(**ONE | {"Namespace": ":bad"}), constraint(":bad", "namespace", "satisfy regular expression pattern: [^:].*")),
    ("insight-rule-body-json", insight("{not json"), (VALUE, "INVALID_RULE_BODY: The RuleBody could not be parsed.")),
    ("insight-rule-body-unknown-key", insight(Filters=[]), of_body("UnknownKey", "Filters")),
    ("insight-rule-contribution-filters", insight(contribution={"Keys": ["$.ip"]}), of_body("MissingKey", "Filters")),
    ("insight-rule-keys-max", insight(contribution={"Keys": [f"$.k{number}" for number in range(5)], "Filters": []}),
     (VALUE, 'RULE_BODY_COMPLEXITY: A RuleBody must have no more than 4 "Keys" in the "Contribution".')),
    ("insight-rule-log-format", insight(LogFormat="TEXT"), of_body("InvalidValueType", "LogFormat")),
    ("insight-rule-log-groups", insight(LogGroupNames=[]), of_body("Empty", "LogGroupNames")),
    ("insight-rule-schema", insight(Schema={"Name": "CloudWatchLogRule", "Version": 2}), of_body("InvalidSchema", "Schema")),
    ("insight-rule-schema", insight(Schema={"Name": "Other", "Version": 1}), of_body("InvalidSchema", "Schema")),
    ("metric-stream-filters-exclusive", stream(IncludeFilters=[{"Namespace": "a"}], ExcludeFilters=[{"Namespace": "b"}]),
     (COMBINATION, "IncludeFilters and ExcludeFilters cannot both be present")),
    # That CloudFormation says of these three "Invalid request provided" tells that they are no denials.
    ("metric-stream-firehose-account", stream(FirehoseArn=FIREHOSE.replace(ACCOUNT, OTHER)), (VALUE, "FirehoseArn must be in the same account as the Metric Stream")),
    ("metric-stream-firehose-region", stream(FirehoseArn=FIREHOSE.replace("us-east-1", "eu-west-1")),
     (VALUE, "FirehoseArn must be in the same region and AWS partition as the Metric Stream")),
    ("metric-stream-role-account", stream(RoleArn=f"arn:aws:iam::{OTHER}:role/r"), (VALUE, "Cross-account pass role is not allowed.")),
    ("dashboard-name", ("put_dashboard", {"DashboardName": "bad/name here", "DashboardBody": "{}"}),
     (VALUE, "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).\n")),
]  # fmt: skip


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    client = cloud.client("cloudwatch")
    client.put_metric_alarm(**alarm(AlarmName="one")[1])
    return client


@pytest.mark.parametrize("rule, asked, expected", CASES, ids=[rule for rule, *_ in CASES])
def test_what_aws_refuses_is_refused_in_its_words(watch, rule, asked, expected):
    method, said = asked
    assert refused(getattr(watch, method), **said) == (expected if isinstance(expected, tuple) else ("ValidationError", expected))


def test_a_detectors_statistic_is_one_of_cloudwatchs(watch):
    # anomaly-detector-stat-syntax; the rule tells the pattern up to its second word.
    method, said = detector(**ONE | {"Stat": "Avg"})
    code, message = refused(getattr(watch, method), **said)
    assert code == "ValidationError"
    assert message.startswith(constraint("Avg", "stat", f"satisfy regular expression pattern: ({STATISTIC}|"))


@pytest.mark.parametrize("name", ["p100", "p100.0", "p100.5", "p100.9999999"])
def test_a_percentile_is_refused_by_its_whole_part(watch, name):
    # The other half of extended-statistic.
    watch.put_metric_alarm(**alarm(Statistic=None, ExtendedStatistic=name)[1])
    (shown,) = watch.describe_alarms(AlarmNames=["a"])["MetricAlarms"]
    assert shown["ExtendedStatistic"] == name


def test_what_aws_took_of_it_is_taken(watch):
    """The other halves of alarm-metrics-max, alarm-evaluation-window, alarm-low-sample-percentile and metric-namespace-ascii."""
    metrics = [query(f"m{number}", ReturnData=number == 0) for number in range(10)]
    taken = [
        many(*metrics, *E11[1:]), alarm(Period=3600, EvaluationPeriods=168), alarm(EvaluationPeriods=1440),
        alarm(Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile="ignore"), alarm(AlarmName="テスト用", AlarmDescription="テスト"),
    ]  # fmt: skip
    for method, said in taken:
        getattr(watch, method)(**said)
    assert {each["AlarmName"] for each in watch.describe_alarms()["MetricAlarms"]} == {"one", "a", "テスト用"}


def metric(**more):
    return {"type": "metric", "properties": {"metrics": [["app", "m"]], "region": "us-east-1"} | more}


AT = "/widgets/0/properties"
NO_SOURCE = "The metric widget should have specified a region and a data source or an alarm annotation"


@pytest.mark.parametrize(
    "widgets, complaints",
    [
        pytest.param([{"type": "alarm", "properties": {}}], [(AT, "Should have required property 'alarms'")], id="dashboard-alarm-widget-alarms"),
        # Which they are besides, as https://github.com/aws-samples/aws-eda-slurm-cluster/issues/116 saw them.
        pytest.param([{"type": "metric", "properties": {}}], [(AT, "Should have required property 'metrics'"), (AT, NO_SOURCE), (AT, "Should have required property 'annotations'")], id="dashboard-metric-widget-source"),
        pytest.param([{"type": "text", "properties": {}}], [(AT, "Should have required property 'markdown'")], id="dashboard-text-widget-markdown"),
        pytest.param([{"properties": {"markdown": "x"}}], [("/widgets/0", "Should have required property 'type'")], id="dashboard-widget-fields"),
        pytest.param([{"type": "text"}], [("/widgets/0", "Should have required property 'properties'")], id="dashboard-widget-fields"),
        pytest.param([metric() | {"height": 1001}], [("/widgets/0/height", "Should be <= 1000")], id="dashboard-widget-height-max"),
        pytest.param([metric(period=45)], [(f"{AT}/period", "Should be >= 60"), (f"{AT}/period", "Should be multiple of 60"), (f"{AT}/period", "Should match exactly one schema in oneOf")], id="dashboard-widget-period"),
        pytest.param([metric() | {"x": -1}], [("/widgets/0/x", "Should be >= 0")], id="dashboard-widget-position-min"),
        pytest.param([metric() | {"x": 24}, metric() | {"width": 25}], [("/widgets/0/x", "Should be <= 23"), ("/widgets/1/width", "Should be <= 24")], id="dashboard-widget-position"),
        pytest.param({}, [("/widgets", "Should be array")], id="dashboard-widgets-array"),
        # The rule names the axis; that its ends are named is what its words mean, which are said of numbers.
        pytest.param([metric(yAxis={"left": {"min": 100, "max": 10}})], [(f"{AT}/yAxis/left/min", "Should be <= 10"), (f"{AT}/yAxis/left/max", "Should be >= 100")], id="dashboard-yaxis-range"),
    ],
)  # fmt: skip
def test_dashboards_that_aws_refuses_are_refused_in_its_words(watch, widgets, complaints):
    response = refusal(watch.put_dashboard, DashboardName="d", DashboardBody=json.dumps({"widgets": widgets}))
    assert response["Error"]["Code"] == "InvalidParameterInput"
    assert [(each["DataPath"], each["Message"]) for each in response["dashboardValidationMessages"]] == complaints


def test_a_widgets_statistic_is_one_of_cloudwatchs(watch):
    # dashboard-widget-stat-syntax; the rule tells the pattern so far.
    response = refusal(watch.put_dashboard, DashboardName="d", DashboardBody=json.dumps({"widgets": [metric(stat="Avg")]}))
    (told,) = response["dashboardValidationMessages"]
    assert told["DataPath"] == f"{AT}/stat" and told["Message"].startswith(f'Should match pattern "^(({STATISTIC})|(p|tc|tm|ts|wm)')


def test_dashboards_that_are_no_json_or_have_no_widgets(watch):
    # dashboard-body-json, dashboard-widgets
    assert "The field DashboardBody must be a valid JSON object" in refusal(watch.put_dashboard, DashboardName="d", DashboardBody="{not json")["Error"]["Message"]
    (told,) = refusal(watch.put_dashboard, DashboardName="d", DashboardBody='{"a": 1}')["dashboardValidationMessages"]
    assert told == {"DataPath": "", "Message": "Should have required property 'widgets'"}


def test_dashboards_that_aws_took_are_taken(watch):
    # The other halves of dashboard-widget-fields (no type is refused), -height-max, -period, -position.
    widgets = [{"type": "metricc", "properties": {}}, metric(period=30), metric(period=300) | {"height": 1000, "x": 23, "y": 0}, metric(stat="p99.9") | {"width": 24}]
    watch.put_dashboard(DashboardName="d", DashboardBody=json.dumps({"widgets": widgets}))
    assert json.loads(watch.get_dashboard(DashboardName="d")["DashboardBody"]) == {"widgets": widgets}
