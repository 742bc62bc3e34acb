"""What services measure of themselves comes into CloudWatch by the minute."""

from __future__ import annotations

import json

import pytest
from services import lambda_workshop
from services.api_workshop import deploy, mock, resource, rest_api
from services.http_workshop import http_api
from services.test_cloudwatch_metrics import moment


def figures(cloud, namespace, name, statistic="Sum", start=None, **dimensions):
    """What a metric comes to since the test began."""
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=moment(cloud.now() - 3600), EndTime=moment(cloud.now() + 60), Period=3600 * 3, Statistics=[statistic],
    )["Datapoints"]  # fmt: skip
    return found[0][statistic] if found else None


def test_queues(cloud):
    # Recorded: localstack's test_aws_sqs_metrics_created.
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.receive_message(QueueUrl=url)
    for body in ("hello", "you"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    cloud.sleep(61)
    told = {name: figures(cloud, "AWS/SQS", name, QueueName="q") for name in ("NumberOfMessagesSent", "SentMessageSize", "NumberOfEmptyReceives", "NumberOfMessagesReceived", "NumberOfMessagesDeleted")}
    assert told == {"NumberOfMessagesSent": 2.0, "SentMessageSize": 8.0, "NumberOfEmptyReceives": 1.0, "NumberOfMessagesReceived": 1.0, "NumberOfMessagesDeleted": 1.0}
    cloud.sleep(600)
    assert figures(cloud, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Minimum", QueueName="q") == 1.0
    assert figures(cloud, "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName="q") == pytest.approx(660, abs=1)


def test_an_alarm_on_the_depth_of_a_queue(cloud):
    sqs, watch = cloud.client("sqs"), cloud.client("cloudwatch")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    watch.put_metric_alarm(
        AlarmName="deep", Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Dimensions=[{"Name": "QueueName", "Value": "q"}],
        Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=2.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    cloud.sleep(61)
    assert watch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_figures_of_a_minute_that_is_not_over_are_seen_by_who_asks_and_counted_once(cloud):
    # Recorded: localstack's test_lambda_invoke_successful, which waits 20 seconds here.
    sqs = cloud.client("sqs")
    cloud.sleep(60 - cloud.now() % 60)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for count in (1, 2):
        sqs.send_message(QueueUrl=url, MessageBody="x")
        assert figures(cloud, "AWS/SQS", "NumberOfMessagesSent", QueueName="q") == count
    cloud.sleep(60)
    assert figures(cloud, "AWS/SQS", "NumberOfMessagesSent", QueueName="q") == 2.0
    assert figures(cloud, "AWS/SQS", "NumberOfMessagesSent", "SampleCount", QueueName="q") == 2.0


def test_a_queue_is_measured_from_its_making_on(cloud):
    # Recorded: localstack's test_sqs_approximate_metrics.
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(61)
    found = cloud.client("cloudwatch").list_metrics(Namespace="AWS/SQS", Dimensions=[{"Name": "QueueName", "Value": "q"}])["Metrics"]
    assert {f"ApproximateNumberOfMessages{what}" for what in ("Visible", "NotVisible", "Delayed")} <= {each["MetricName"] for each in found}


def test_a_queue_that_nobody_uses_is_no_longer_measured(cloud):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    cloud.sleep(8 * 3600)
    assert figures(cloud, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "SampleCount", QueueName="q") is None


def test_functions(cloud):
    # Recorded: localstack's TestCloudWatchLambdaMetrics.
    lambda_workshop.make(cloud, "def handler(event, context):\n    if event: raise Exception('fail on purpose')", name="f")
    client = cloud.client("lambda")
    client.invoke(FunctionName="f")
    client.invoke(FunctionName="f", Payload=b'{"a": 1}')
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="f")
    cloud.sleep(61)
    told = {name: figures(cloud, "AWS/Lambda", name, FunctionName="f") for name in ("Invocations", "Errors", "Throttles")}
    assert told == {"Invocations": 2.0, "Errors": 1.0, "Throttles": 1.0}
    assert figures(cloud, "AWS/Lambda", "Duration", "SampleCount", FunctionName="f") == 2.0 and figures(cloud, "AWS/Lambda", "Invocations") == 2.0


def test_methods_and_routes_are_measured_by_themselves_where_their_stage_asks_for_it(cloud):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html and …/http-api-metrics.html
    rest, routed = cloud.client("apigateway"), cloud.client("apigatewayv2")
    old, root = rest_api(rest)
    for part in ("a", "b"):
        mock(rest, old, resource(rest, old, root, part))
    deploy(rest, old)
    change = [{"op": "replace", "path": "/~1a/GET/metrics/enabled", "value": "true"}]
    assert rest.update_stage(restApiId=old, stageName="prod", patchOperations=change)["methodSettings"]["a/GET"]["metricsEnabled"] is True
    new = http_api(routed, "GET /a", "GET /b")
    routed.update_stage(ApiId=new, StageName="$default", RouteSettings={"GET /a": {"DetailedMetricsEnabled": True}})
    for host, prefix in ((f"{old}.execute-api.us-east-1.amazonaws.com", "/prod"), (f"{new}.execute-api.us-east-1.amazonaws.com", "")):
        for path in ("/a", "/b", "/none"):
            cloud.http("GET", prefix + path, host=host)
    cloud.sleep(61)
    for api, stage in (({"ApiName": "shop"}, "prod"), ({"ApiId": new}, "$default")):
        assert figures(cloud, "AWS/ApiGateway", "Count", **api, Stage=stage) == 3.0
        assert [figures(cloud, "AWS/ApiGateway", "Count", **api, Stage=stage, Resource=path, Method="GET") for path in ("/a", "/b")] == [1.0, None]


def test_topics_tables_streams_rules_and_groups(cloud):
    cloud.client("sns").publish(TopicArn=cloud.client("sns").create_topic(Name="t")["TopicArn"], Message="hello")
    tables = cloud.client("dynamodb")
    tables.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    cloud.sleep(1)
    tables.put_item(TableName="table", Item={"k": {"S": "a"}, "v": {"S": "x" * 2000}})
    tables.get_item(TableName="table", Key={"k": {"S": "a"}}, ConsistentRead=True)
    tables.scan(TableName="table")
    streams = cloud.client("kinesis")
    streams.create_stream(StreamName="s", ShardCount=1)
    cloud.sleep(1)
    streams.put_records(StreamName="s", Records=[{"Data": b"abc", "PartitionKey": "k"}] * 2)
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["me"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:gone"}])
    events.put_events(Entries=[{"Source": "me", "DetailType": "d", "Detail": "{}"}])
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": int(cloud.now() * 1000), "message": "hi"}])
    cloud.sleep(61)
    assert (figures(cloud, "AWS/SNS", "NumberOfMessagesPublished", TopicName="t"), figures(cloud, "AWS/SNS", "PublishSize", TopicName="t")) == (1.0, 5.0)
    assert figures(cloud, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName="table") == 2.0
    assert figures(cloud, "AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName="table") == 1.5
    assert (figures(cloud, "AWS/Kinesis", "IncomingRecords", StreamName="s"), figures(cloud, "AWS/Kinesis", "IncomingBytes", StreamName="s")) == (2.0, 8.0)
    assert [figures(cloud, "AWS/Events", name, RuleName="r") for name in ("TriggeredRules", "Invocations", "FailedInvocations")] == [1.0, 1.0, 1.0]
    assert figures(cloud, "AWS/Logs", "IncomingLogEvents", LogGroupName="g") == 1.0


def test_state_machines(cloud):
    lambda_workshop.put_role(cloud, "*", trust=json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}))
    states = cloud.client("stepfunctions")
    definition = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 5, "End": True}}}
    arn = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn=lambda_workshop.ROLE)["stateMachineArn"]
    states.start_execution(stateMachineArn=arn)
    cloud.sleep(61)
    assert (figures(cloud, "AWS/States", "ExecutionsStarted", StateMachineArn=arn), figures(cloud, "AWS/States", "ExecutionsSucceeded", StateMachineArn=arn)) == (1.0, 1.0)
    assert figures(cloud, "AWS/States", "ExecutionTime", StateMachineArn=arn) == pytest.approx(5000, rel=0.01)


def test_nobody_else_puts_into_the_namespaces_of_aws(cloud):
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(61)
    assert not cloud.client("cloudwatch").list_metrics(MetricName="NumberOfMessagesSent")["Metrics"]


def test_an_emptied_cloud_is_not_told_of_what_ran_in_it(cloud):
    lambda_workshop.make(cloud, "from time import sleep\ndef handler(event, context): sleep(60)")
    cloud.start(cloud.client("lambda").invoke, FunctionName="f")
    cloud.sleep(0.1)
    cloud.run(cloud.region().reset())
    cloud.sleep(180)
    assert cloud.client("cloudwatch").list_metrics()["Metrics"] == []
