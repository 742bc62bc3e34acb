"""Enrichments and targets of pipes: how each is called, and what of a batch it takes."""

from __future__ import annotations

import base64
import json

import pytest
from endpoint_workshop import Endpoint
from lambda_workshop import ACCOUNT
from pipes_workshop import LATE, ROLE, Plumber
from states_workshop import make as make_machine

BODY = {"InputTemplate": "<$.body>"}
SEEING = """
    import json, os
    def handler(events, context):
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(events) + "\\n")
        failed = [each for each in events if isinstance(each, dict) and each.get("body") == "bad"]
        if any(each == "raise" for each in events):
            raise ValueError("no")
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}
"""
UPPER = """
    def handler(events, context):
        return [{**each, "body": each["body"].upper()} for each in events if each["body"] != "drop"]
"""


@pytest.fixture
def shop(cloud, tmp_path) -> Plumber:
    return Plumber(cloud, tmp_path)


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def destination(shop: Plumber, url: str, **more) -> str:
    events = shop.cloud.client("events")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}}
    connection = events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    made = events.create_api_destination(Name="d", ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST", **more)
    return made["ApiDestinationArn"]


def machine(shop: Plumber, kind: str, states: dict | None = None) -> str:
    return make_machine(shop.cloud, states or {"A": {"Type": "Pass", "End": True}}, kind=kind)


# Targets -------------------------------------------------------------------------------------------


def test_a_function_is_given_a_list_and_what_it_reports_is_tried_again(shop):
    shop.pipe(shop.queue("in", VisibilityTimeout="5"), shop.function(SEEING))
    shop.send("in", "good", "bad")
    shop.rest()
    assert {event["body"] for event in sum(shop.events(), [])} == {"good", "bad"} and shop.left("in") == 1
    shop.rest(6)
    assert shop.events()[-1][0]["body"] == "bad"


def test_a_function_that_fails_leaves_its_messages_where_they_were(shop):
    shop.pipe(shop.queue("in"), shop.function(SEEING), TargetParameters=BODY)
    shop.send("in", "raise")
    shop.rest()
    assert (shop.events(), shop.left("in")) == ([["raise"]], 1)


def test_a_function_that_nobody_waits_for_is_called_once(shop):
    more = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    shop.pipe(shop.queue("in"), shop.function(SEEING), TargetParameters=more)
    shop.send("in", "bad")
    shop.rest()
    assert (len(shop.events()), shop.left("in")) == (1, 0)


def test_an_express_workflow_is_waited_for(shop):
    failing = {"A": {"Type": "Choice", "Choices": [{"Variable": "$[0]", "StringEquals": "bad", "Next": "F"}], "Default": "S"},
               "F": {"Type": "Fail", "Error": "Bad"}, "S": {"Type": "Succeed"}}  # fmt: skip
    shop.pipe(shop.queue("in"), machine(shop, "EXPRESS", failing), TargetParameters=BODY, SourceParameters={"SqsQueueParameters": {"BatchSize": 1}})
    shop.send("in", "bad", "good")
    shop.rest()
    assert shop.left("in") == 1


def test_a_standard_workflow_is_started(shop):
    arn = machine(shop, "STANDARD")
    more = {"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}, **BODY}
    shop.pipe(shop.queue("in"), arn, TargetParameters=more)
    shop.send("in", '{"a": 1}')
    shop.rest()
    states = shop.cloud.client("stepfunctions")
    (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
    assert json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"]) == [{"a": 1}]


def test_a_standard_workflow_that_is_to_be_waited_for_stops_the_pipe(shop):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html
    shop.pipe(shop.queue("in"), machine(shop, "STANDARD"))
    shop.send("in", "a")
    shop.rest()
    state, reason = shop.state()
    assert state == "STOPPED" and "asynchronously" in reason and shop.left("in") == 1


def test_a_bus_is_told_by_the_pipe_or_as_it_says(shop):
    events = shop.cloud.client("events")
    events.create_event_bus(Name="b")
    out = shop.queue("out")
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": out}
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    shop.sqs.set_queue_attributes(QueueUrl=shop.url("out"), Attributes={"Policy": document})
    events.put_rule(Name="r", EventBusName="b", EventPattern=json.dumps({"account": [ACCOUNT]}))
    events.put_targets(Rule="r", EventBusName="b", Targets=[{"Id": "t", "Arn": out}])
    shop.pipe(shop.queue("in"), f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b", TargetParameters=BODY)
    shop.send("in", '{"a": 1}')
    shop.rest()
    (event,) = map(json.loads, shop.arrived())
    assert (event["source"], event["detail-type"], event["detail"]) == ("Pipe p", "Event from aws:sqs", {"a": 1})
    said = {"Source": "shop", "DetailType": "$.body.kind", "Resources": ["$.body.arn"], "Time": "$.body.at"}
    shop.pipes.update_pipe(Name="p", RoleArn=ROLE, TargetParameters={"EventBridgeEventBusParameters": said})
    shop.rest()
    shop.send("in", '{"kind": "order", "arn": "arn:x", "at": "2026-01-02T03:04:05Z"}')
    shop.rest()
    (event,) = map(json.loads, shop.arrived())
    assert (event["source"], event["detail-type"], event["resources"], event["time"]) == ("shop", "order", ["arn:x"], "2026-01-02T03:04:05Z")


def test_a_bus_takes_no_more_than_objects(shop):
    shop.pipe(shop.queue("in"), f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", TargetParameters=BODY)
    shop.send("in", "no object")
    shop.rest()
    assert shop.left("in") == 1


def test_a_topic_is_a_target(shop):
    sns, out = shop.cloud.client("sns"), shop.queue("out")
    policy = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": out}
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    shop.sqs.set_queue_attributes(QueueUrl=shop.url("out"), Attributes={"Policy": document})
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=out, Attributes={"RawMessageDelivery": "true"})
    shop.pipe(shop.queue("in"), topic, TargetParameters=BODY)
    shop.send("in", "one", "two")
    shop.rest()
    assert sorted(shop.arrived()) == ["one", "two"]
    assert shop.left("in") == 0


def test_a_stream_is_a_target(shop):
    target = shop.stream()
    shop.pipe(shop.queue("in"), target, TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.body.key"}, "InputTemplate": "<$.body.text>"})
    shop.send("in", '{"key": "k1", "text": "hello"}')
    shop.rest()
    shard = shop.kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    iterator = shop.kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = shop.kinesis.get_records(ShardIterator=iterator)["Records"]
    assert (record["PartitionKey"], record["Data"]) == ("k1", b"hello")


def test_a_parameter_that_finds_nothing_sends_nothing(shop):
    shop.pipe(shop.queue("in"), shop.stream(), TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.body.key"}})
    shop.send("in", "{}")
    shop.rest()
    assert shop.left("in") == 1


def test_a_log_group_is_a_target(shop):
    logs = shop.cloud.client("logs")
    logs.create_log_group(logGroupName="/pipe")
    at = int(shop.cloud.now() * 1000) - 5000
    said = {"LogStreamName": "$.body.stream", "Timestamp": "$.body.at"}
    target = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/pipe"
    shop.pipe(shop.queue("in"), target, TargetParameters={"CloudWatchLogsParameters": said, "InputTemplate": "<$.body.text>"})
    shop.send("in", json.dumps({"stream": "s1", "at": at, "text": "line"}))
    shop.rest()
    (event,) = logs.get_log_events(logGroupName="/pipe", logStreamName="s1")["events"]
    assert (event["message"], event["timestamp"]) == ("line", at)


def test_an_api_destination_is_called_event_by_event(shop, endpoint):
    more = {"HttpParameters": {"PathParameterValues": ["$.body.id"], "HeaderParameters": {"X-Pipe": "p"}}, **BODY}
    shop.pipe(shop.queue("in"), destination(shop, f"{endpoint.url}/orders/*"), TargetParameters=more)
    shop.send("in", '{"id": "7"}')
    shop.rest()
    (asked,) = endpoint.asked
    assert (asked.method, asked.path, asked.json, asked.headers["x-key"], asked.headers["x-pipe"]) == ("POST", "/orders/7", {"id": "7"}, "secret", "p")
    endpoint.will(500)
    shop.send("in", '{"id": "8"}')
    shop.rest()
    assert shop.left("in") == 1


def test_an_api_destination_is_called_no_oftener_than_its_owner_says(shop, endpoint):
    shop.pipe(shop.queue("in"), destination(shop, endpoint.url, InvocationRateLimitPerSecond=1))
    shop.send("in", *"abcde")
    shop.cloud.sleep(1.5)
    assert 1 <= len(endpoint.asked) <= 2
    shop.rest(2)
    assert (len(endpoint.asked), shop.left("in")) == (5, 0)


# Enrichments ---------------------------------------------------------------------------------------


def test_a_function_makes_other_events_of_a_batch_or_none(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"), Enrichment=shop.function(UPPER), TargetParameters=BODY)
    shop.send("in", "a", "drop", "b")
    shop.rest()
    assert sorted(shop.arrived()) == ["A", "B"] and shop.left("in") == 0


def test_an_enrichment_that_fails_keeps_the_target_from_being_called(shop):
    shop.pipe(shop.queue("in"), shop.queue("out"), Enrichment=shop.function("def handler(events, context): raise ValueError()"))
    shop.send("in", "a")
    shop.rest()
    assert (shop.arrived(), shop.left("in")) == ([], 1)


def test_an_express_workflow_enriches(shop):
    states = {"A": {"Type": "Pass", "Result": [{"enriched": True}], "End": True}}
    shop.pipe(shop.queue("in"), shop.queue("out"), Enrichment=machine(shop, "EXPRESS", states), EnrichmentParameters=BODY)
    shop.send("in", "a")
    shop.rest()
    assert list(map(json.loads, shop.arrived())) == [{"enriched": True}]


def test_an_endpoint_enriches_one_event_at_a_time(shop, endpoint):
    more = {"InputTemplate": '{"id": <$.body.id>}', "HttpParameters": {"QueryStringParameters": {"n": "$.body.n"}}}
    shop.pipe(
        shop.queue("in"), shop.queue("out"), Enrichment=destination(shop, endpoint.url), EnrichmentParameters=more,
        TargetParameters={"InputTemplate": '{"name": <$.name>}'},
    )  # fmt: skip
    endpoint.will(200, {"name": "Ann"})
    shop.send("in", '{"id": 1, "n": "x"}')
    shop.rest()
    assert (endpoint.asked[0].json, endpoint.asked[0].query) == ({"id": 1}, {"n": "x"})
    assert list(map(json.loads, shop.arrived())) == [{"name": "Ann"}]


def test_an_enrichment_that_answers_nothing_ends_the_way(shop, endpoint):
    shop.pipe(shop.queue("in"), shop.queue("out"), Enrichment=destination(shop, endpoint.url))
    shop.send("in", "a")
    shop.rest()
    assert (len(endpoint.asked), shop.arrived(), shop.left("in")) == (1, [], 0)


def test_more_events_than_the_target_takes_are_not_sent(shop):
    twelve = "def handler(events, context): return [{'n': n} for n in range(12)]"
    shop.pipe(shop.queue("in"), shop.queue("out"), Enrichment=shop.function(twelve))
    shop.send("in", "a")
    shop.rest()
    assert (shop.arrived(), shop.left("in")) == ([], 1)


def test_what_kinesis_carried_reaches_a_function_as_it_came(shop):
    shop.pipe(shop.stream(), shop.function(SEEING), SourceParameters={"KinesisStreamParameters": LATE})
    shop.record(b"\xff\x00")
    shop.rest()
    assert base64.b64decode(shop.events()[0][0]["data"]) == b"\xff\x00"
