"""What AWS would bill for topics, buses, schedules and pipes."""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from endpoint_workshop import Endpoint
from lambda_workshop import put_role
from notice_workshop import received, subscribed
from pipes_workshop import Plumber
from services.test_events_rules import ACCOUNT, put, queue, rule

GB = 1 << 30
KB = 1 << 10


# SNS: https://aws.amazon.com/sns/pricing/ ----------------------------------------------------------------------


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


def test_each_request_to_a_topic_is_billed_and_each_64_kb_that_is_published(cloud, sns):
    topic, requests = sns.create_topic(Name="news")["TopicArn"], ("sns:publish_requests", "news")
    assert used(cloud)[requests] == 1
    url, _ = subscribed(cloud, topic, "q")
    sns.publish(TopicArn=topic, Message="x" * 64 * KB)
    assert used(cloud)[requests] == 3
    sns.publish(TopicArn=topic, Message="x" * 64 * KB, MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    assert used(cloud)[requests] == 5
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": str(n), "Message": "x" * 10 * KB} for n in range(10)])
    cloud.sleep(1)
    assert len(received(cloud, url)) == 12
    found = used(cloud)
    assert found[requests] == 7
    assert not [usage for usage, _ in found if "delivery" in usage or "fifo_publish" in usage]


def test_a_fifo_topic_is_billed_by_messages_and_bytes_both_ways(cloud, sns):
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    for name in ("a.fifo", "b.fifo"):
        subscribed(cloud, topic, name)
    before = used(cloud)["sns:publish_requests", "news.fifo"]
    sns.publish(TopicArn=topic, Message="x" * 1_000, MessageGroupId="g")
    entries = [{"Id": str(n), "Message": str(n) * 500, "MessageGroupId": "g"} for n in range(2)]
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    cloud.sleep(1)
    found = used(cloud)
    assert found["sns:publish_requests", "news.fifo"] == before
    assert found["sns:fifo_publish", "news.fifo"] == 3 and found["sns:fifo_delivery", "news.fifo"] == 6
    assert found["sns:fifo_publish_payload", "news.fifo"] == pytest.approx(2_000 / GB)
    assert found["sns:fifo_delivery_payload", "news.fifo"] == pytest.approx(4_000 / GB)


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def test_a_delivery_by_http_is_billed_for_each_attempt_and_what_asks_for_a_confirmation_is_not(cloud, sns, endpoint):
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    cloud.sleep(1)
    sns.confirm_subscription(TopicArn=topic, Token=endpoint.asked[0].json["Token"])
    assert ("sns:http_delivery", "news") not in used(cloud)
    endpoint.will(500)
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(60)
    assert len(endpoint.asked) == 3
    assert used(cloud)["sns:http_delivery", "news"] == 2


def test_a_text_message_is_a_delivery_of_its_own_kind(cloud, sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+12065550100")
    before = used(cloud)["sns:publish_requests", "news"]
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(5)
    found = used(cloud)
    assert (found["sns:sms_delivery", "news"], found["sns:publish_requests", "news"]) == (1, before + 1)


# EventBridge: https://aws.amazon.com/eventbridge/pricing/ ------------------------------------------------------

EVENTS = ("eventbridge:custom_events", "default")


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events")


def test_each_64_kb_of_an_event_is_billed_and_one_that_is_refused_is_not(cloud, events):
    detail = json.dumps({"x": "y" * (70 * KB)})
    entries = [{"Source": "shop", "DetailType": "order", "Detail": said} for said in ("{}", detail, "no detail")]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 1
    events.describe_event_bus()
    assert used(cloud) == {EVENTS: 3}


def test_what_services_tell_of_resources_is_free_and_what_they_tell_of_data_is_not(cloud, events):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_notification_configuration(Bucket="shop", NotificationConfiguration={"EventBridgeConfiguration": {}})
    cloud.client("ssm").put_parameter(Name="p", Value="v", Type="String")
    cloud.sleep(1)
    assert not [usage for usage, _ in used(cloud) if usage.startswith("eventbridge")]
    s3.put_object(Bucket="shop", Key="a", Body=b"x")
    cloud.sleep(1)
    assert used(cloud)["eventbridge:opt_in_events", "default"] == 1


def test_an_event_that_a_rule_sends_to_another_bus_is_billed_once_more(cloud, events):
    events.create_event_bus(Name="near")
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    role = put_role(cloud, "events:PutEvents", trust=trust)
    rule(cloud, {"Id": "n", "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/near", "RoleArn": role})
    put(cloud)
    cloud.sleep(2)
    found = used(cloud)
    assert (found[EVENTS], found["eventbridge:custom_events", "near"]) == (1, 1)


def test_who_puts_events_on_a_bus_of_another_account_pays(cloud, events):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html"""
    other, bus = "111111111111", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    events.put_permission(Action="events:PutEvents", Principal=other, StatementId="s")
    mine = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
    theirs = {**mine, "EventBusName": bus}
    cloud.client("events", key=other).put_events(Entries=[theirs])
    cloud.client("events", key=other).put_events(Entries=[mine, theirs])

    async def told():
        return cloud.region().gate.ledger.told()

    uses = [row[:1] + row[2:] for row in cloud.run(told())["used"] if row[2] == EVENTS[0]]
    assert uses == [[other, *EVENTS, 3.0]]


def test_archives_are_billed_by_what_they_take_in_and_replays_by_event(cloud, events):
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    events.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern=json.dumps({"source": ["shop"]}))
    put(cloud)
    put(cloud)
    put(cloud, Source="other")
    size = events.describe_archive(ArchiveName="a")["SizeBytes"]
    assert used(cloud)["eventbridge:archive_processing", "a"] == pytest.approx(size / GB)
    span = {"EventStartTime": cloud.now() - 3600, "EventEndTime": cloud.now() + 1}
    archive = f"arn:aws:events:us-east-1:{ACCOUNT}:archive/a"
    events.start_replay(ReplayName="r", EventSourceArn=archive, Destination={"Arn": bus}, **span)
    cloud.sleep(30)
    assert used(cloud)["eventbridge:replayed_events", "r"] == 2


def test_what_an_archive_keeps_costs_until_it_is_too_old(cloud, events):
    bus, usage = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", ("eventbridge:archive_storage", "a")
    events.create_archive(ArchiveName="a", EventSourceArn=bus, RetentionDays=2)
    for _ in range(3):
        put(cloud, Detail=json.dumps({"x": "y" * 10_000}))
    size = events.describe_archive(ArchiveName="a")["SizeBytes"]
    cloud.sleep(2 * 3_600)
    before = used(cloud)[usage]
    cloud.sleep(5 * 3_600)
    assert size > 30_000 and used(cloud)[usage] - before == pytest.approx(5 * size / GB)
    cloud.sleep(3 * 86_400)
    after = used(cloud)[usage]
    cloud.sleep(5 * 3_600)
    assert used(cloud)[usage] == after


def test_each_call_of_an_api_destination_is_billed(cloud, events, endpoint):
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}}
    connection = events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    destination = events.create_api_destination(Name="d", ConnectionArn=connection, InvocationEndpoint=endpoint.url, HttpMethod="POST")
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    role = put_role(cloud, "events:InvokeApiDestination", trust=trust)
    rule(cloud, {"Id": "t", "Arn": destination["ApiDestinationArn"], "RoleArn": role})
    put(cloud)
    cloud.sleep(5)
    assert len(endpoint.asked) == 1
    assert used(cloud)["eventbridge:api_destination_invocations", "d"] == 1


# Schedules and pipes: the same page ----------------------------------------------------------------------------


def test_each_time_that_a_schedule_fires_is_billed_by_64_kb(cloud):
    cloud.region()
    role = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    put_role(cloud, "sqs:SendMessage", trust=trust, arn=role)
    target = {"Arn": queue(cloud, service=""), "RoleArn": role}
    for name, more in (("small", {}), ("large", {"Input": json.dumps("x" * 65 * KB)})):
        cloud.client("scheduler").create_schedule(
            Name=name, ScheduleExpression="rate(1 hours)", Target=target | more, FlexibleTimeWindow={"Mode": "OFF"}
        )
    cloud.sleep(2 * 3_600 + 60)
    found = used(cloud)
    assert found["scheduler:invocations", "default/small"] == 3
    assert found["scheduler:invocations", "default/large"] == 6


def test_a_pipe_is_billed_by_the_batches_that_its_filter_lets_through(cloud, tmp_path):
    shop = Plumber(cloud, tmp_path)
    filtered = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": [{"prefix": "x"}]})}]}}
    shop.pipe(shop.queue("in"), shop.queue("out"), SourceParameters=filtered)
    shop.send("in", "y")
    shop.rest()
    assert ("pipes:requests", "p") not in used(cloud)
    shop.send("in", "x")
    shop.rest()
    assert used(cloud)["pipes:requests", "p"] == 1
    shop.send("in", "x" * 70 * KB)
    shop.rest()
    assert used(cloud)["pipes:requests", "p"] == 3
