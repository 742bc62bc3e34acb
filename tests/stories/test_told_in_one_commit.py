"""What a message or an event is promised and told to in its own commit is told all or nothing, wherever a kill comes."""

from __future__ import annotations

import asyncio
import json

import pytest

from kumoniwa.kernel import principal as principals

KEPT = {"KmsMasterKeyId": "alias/aws/sqs"}


def queue(cloud, name: str, service: str, region: str = "us-east-1", **attributes: str) -> tuple[str, str]:
    arn = f"arn:aws:sqs:{region}:000000000000:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return cloud.client("sqs", region).create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})["QueueUrl"], arn


def depth(cloud, url: str) -> int:
    told = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(told["Attributes"]["ApproximateNumberOfMessages"])


def topic(cloud):
    """How to publish, and the queues that hear of it: one that has no key, and two that have."""
    sns = cloud.client("sns")
    arn = sns.create_topic(Name="t")["TopicArn"]
    urls = []
    for name, attributes in (("plain", {}), ("one", KEPT), ("other", KEPT)):
        url, endpoint = queue(cloud, name, "sns.amazonaws.com", **attributes)
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
        urls.append(url)
    return sns.publish, {"TopicArn": arn, "Message": "m"}, urls


def bus(cloud):
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    urls = []
    for name, attributes in (("plain", {}), ("one", KEPT), ("other", KEPT)):
        url, arn = queue(cloud, name, "events.amazonaws.com", **attributes)
        events.put_targets(Rule="r", Targets=[{"Id": name, "Arn": arn}])
        urls.append(url)
    return events.put_events, {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]}, urls


@pytest.mark.parametrize("world", [topic, bus])
def test_a_queue_whose_key_is_shut_parts_no_fanout(cloud, world):
    # A data key of SQS has to be made or opened first, which takes more than one turn: another queue must not have heard by then.
    tell, said, urls = world(cloud)
    answered = []
    for turns in range(16):
        before = [depth(cloud, url) for url in urls]
        asking = cloud.start(tell, **said)
        for _ in range(turns):
            cloud.run(asyncio.sleep(0))
        answered.append(asking.done())
        cloud.restart(kill=True)
        cloud.sleep(2)
        heard = [depth(cloud, url) - was for url, was in zip(urls, before)]
        assert heard in ([0, 0, 0], [1, 1, 1]) and (heard[0] or not answered[-1]), (turns, heard)
    assert answered[0] is False and answered[-1] is True


@pytest.mark.parametrize(("world", "promises"), [(topic, "sns_delivery"), (bus, "events_delivery")])
def test_what_is_promised_and_what_is_told_share_one_commit(make_cloud, world, promises, monkeypatch):
    cloud = make_cloud("us-east-1", "eu-west-1")
    tell, said, _ = world(cloud)
    if world is topic:
        _, far = queue(cloud, "far", "sns.amazonaws.com", "eu-west-1")
        cloud.client("sns").subscribe(TopicArn=said["TopicArn"], Protocol="sqs", Endpoint=far)
    else:
        cloud.client("events").put_targets(Rule="r", Targets=[{"Id": "g", "Arn": "arn:aws:logs:us-east-1:000000000000:log-group:g"}])
    cloud.wait(cloud.start(tell, **said))
    cloud.sleep(301)  # the tables are there, and the keys are shut again
    journal, rows = cloud.region().store.journal, cloud.region().store.rows("000000000000")
    commit, seen = journal.commit, []

    def watched() -> None:
        if journal.open:
            seen.append([rows.one(f"select count(*) from {table}")[0] for table in (promises, "sqs_message")])
        commit()

    monkeypatch.setattr(journal, "commit", watched)
    before = rows.one("select count(*) from sqs_message")[0]
    cloud.wait(cloud.start(tell, **said))
    assert seen[0] == [3, before + 1]


@pytest.mark.parametrize("world", [topic, bus])
def test_a_queue_hears_in_the_very_turn_in_which_its_topic_or_bus_is_told(cloud, world, monkeypatch):
    tell, said, _ = world(cloud)
    tell(**said)
    cloud.sleep(301)  # the tables are there, and the keys of the other queues are shut again
    region, rows = cloud.region(), cloud.region().store.rows("000000000000")
    answer, heard = region.answer, []

    def watched(request, reply) -> None:
        answer(request, reply)
        heard.append(rows.one("select count(*) from sqs_message")[0])

    monkeypatch.setattr(region, "answer", watched)
    before = rows.one("select count(*) from sqs_message")[0]
    tell(**said)
    assert heard == [before + 1]


def test_whoever_asks_at_once_has_ended_its_own_atomic_step(cloud):
    call = cloud.region().call("sns", "000000000000", principals.root("000000000000"))

    async def asked() -> str:
        with pytest.raises(RuntimeError, match="atomic step"):
            call.atomically(lambda: call.ask_at_once("sqs:CreateQueue", QueueName="q"))
        assert call.ask_at_once("sqs:ListQueues") == {}
        return call.ask_at_once("sqs:CreateQueue", QueueName="q")["QueueUrl"]

    assert cloud.run(asked()).endswith("/000000000000/q")
