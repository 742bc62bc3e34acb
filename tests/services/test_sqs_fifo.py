"""Order and exactly-once: FIFO queues."""

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ACCOUNT = "000000000000"


class Queue:
    """A FIFO queue with the few words these tests say."""

    def __init__(self, cloud, name="q.fifo", **attributes: str) -> None:
        self.cloud, self.sqs = cloud, cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})[
            "QueueUrl"
        ]
        self.fresh = 0

    def send(self, body: str, group: str = "g", **params) -> dict:
        if "MessageDeduplicationId" not in params and "content" not in params:
            self.fresh += 1
            params["MessageDeduplicationId"] = f"fresh-{self.fresh}"
        params.pop("content", None)
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageGroupId=group, **params)

    def take(self, count: int = 10, **params) -> list[dict]:
        return self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=count, **params).get(
            "Messages", []
        )

    def bodies(self, count: int = 10, **params) -> list[str]:
        return [m["Body"] for m in self.take(count, **params)]

    def delete(self, message: dict) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def show(self, message: dict, seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


@pytest.fixture
def queue(cloud):
    return Queue(cloud)


def test_sequence_numbers_grow_and_come_with_the_message(queue):
    sent = [queue.send(str(n))["SequenceNumber"] for n in range(3)]
    assert sent == sorted(sent, key=int)
    assert {len(number) for number in sent} == {20}
    (message,) = queue.take(1, AttributeNames=["All"])
    assert message["Attributes"]["SequenceNumber"] == sent[0]
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == "fresh-1"


def test_a_group_is_closed_while_one_of_it_is_in_flight(queue):
    for body in ("a1", "a2"):
        queue.send(body, "a")
    queue.send("b1", "b")
    (first,) = queue.take(1)
    assert first["Body"] == "a1"
    assert queue.bodies() == ["b1"]
    assert queue.bodies() == []
    queue.delete(first)
    assert queue.bodies() == ["a2"]


def test_a_receive_takes_as_many_of_one_group_as_possible(queue):
    for n in range(3):
        queue.send(f"a{n}", "a")
        queue.send(f"b{n}", "b")
    assert sorted(queue.bodies(5)) == ["a0", "a1", "a2", "b0", "b1"]


def test_order_survives_a_visibility_that_ends(cloud, queue):
    for n in range(4):
        queue.send(str(n))
    assert queue.bodies(2, VisibilityTimeout=10) == ["0", "1"]
    cloud.sleep(9.9)
    assert queue.bodies() == []
    cloud.sleep(0.1)
    assert queue.bodies() == ["0", "1", "2", "3"]


def test_a_group_stays_closed_until_the_last_of_several_in_flight_ends(cloud, queue):
    for n in range(5):
        queue.send(str(n))
    first, second, third = queue.take(3, VisibilityTimeout=30)
    queue.delete(first)
    assert queue.bodies() == []
    queue.show(second, 100)
    cloud.sleep(30)
    assert queue.bodies() == []
    queue.show(second, 0)
    assert queue.bodies() == ["1", "2", "3", "4"]


def test_a_handle_whose_visibility_ended_deletes_nothing(cloud, queue):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    queue.send("x")
    (message,) = queue.take(VisibilityTimeout=5)
    cloud.sleep(5)
    with pytest.raises(ClientError, match="The receipt handle has expired"):
        queue.delete(message)
    assert queue.bodies() == ["x"]


def test_a_long_poll_wakes_when_its_group_opens(cloud, queue):
    for n in range(2):
        queue.send(str(n))
    (first,) = queue.take(1)
    poll = cloud.start(queue.sqs.receive_message, QueueUrl=queue.url, WaitTimeSeconds=20)
    cloud.sleep(3)
    assert not poll.done()
    queue.delete(first)
    assert cloud.wait(poll)["Messages"][0]["Body"] == "1"


# Exactly once --------------------------------------------------------------------------------------


def test_the_same_message_within_five_minutes_is_answered_but_not_sent_again(cloud, queue):
    first = queue.send("x", MessageDeduplicationId="d")
    cloud.sleep(299)
    again = queue.send("x", MessageDeduplicationId="d")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert queue.bodies() == ["x"]
    cloud.sleep(1)
    later = queue.send("x", MessageDeduplicationId="d")
    assert later["MessageId"] != first["MessageId"]


def test_deduplication_goes_on_after_the_message_was_deleted_and_the_region_killed(cloud, queue):
    queue.send("x", MessageDeduplicationId="d")
    queue.delete(queue.take()[0])
    cloud.restart(kill=True)
    queue.send("x", MessageDeduplicationId="d")
    assert queue.bodies() == []


def test_equal_content_is_the_same_message_where_the_queue_says_so(cloud):
    queue = Queue(cloud, ContentBasedDeduplication="true")
    queue.send("x", content=True)
    queue.send("x", content=True)
    queue.send("x", MessageDeduplicationId="own")
    queue.send("y", content=True)
    assert queue.bodies() == ["x", "x", "y"]


def test_without_it_a_message_needs_an_id_and_always_a_group(queue):
    with pytest.raises(
        ClientError,
        match="should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided",
    ):
        queue.send("x", content=True)
    with pytest.raises(ClientError, match="The request must contain the parameter MessageGroupId"):
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x", MessageDeduplicationId="d")
    for params in (
        {"group": "no spaces"},
        {"MessageDeduplicationId": "é"},
        {"group": "g" * 129},
        {"DelaySeconds": 1},
    ):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            queue.send("x", **params)
    assert queue.bodies() == []


def test_deduplication_by_group_lets_each_group_have_its_own(cloud):
    queue = Queue(cloud, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("a", "b", "a"):
        queue.send(group, group, MessageDeduplicationId="d")
    assert sorted(queue.bodies()) == ["a", "b"]


def test_a_batch_deduplicates_within_itself(queue):
    entry = {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    reply = queue.sqs.send_message_batch(
        QueueUrl=queue.url, Entries=[{"Id": "1", **entry}, {"Id": "2", **entry}]
    )
    assert len({e["MessageId"] for e in reply["Successful"]}) == 1
    assert queue.bodies() == ["x"]


# Receive attempts ----------------------------------------------------------------------------------


def test_the_same_attempt_gets_the_same_messages_and_their_time_anew(cloud, queue):
    for n in range(3):
        queue.send(str(n))
    first = queue.take(2, ReceiveRequestAttemptId="try", VisibilityTimeout=30)
    cloud.sleep(20)
    again = queue.take(2, ReceiveRequestAttemptId="try", VisibilityTimeout=30)
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]
    cloud.sleep(20)
    assert queue.bodies() == []
    cloud.sleep(10)
    assert queue.bodies() == ["0", "1", "2"]


def test_an_attempt_whose_messages_moved_on_receives_others(queue):
    for n in range(2):
        queue.send(str(n), str(n))
    (first,) = queue.take(1, ReceiveRequestAttemptId="try")
    queue.delete(first)
    assert queue.bodies(1, ReceiveRequestAttemptId="try") == ["1"]


def test_an_attempt_that_found_nothing_goes_on_looking(cloud, queue):
    assert queue.bodies(ReceiveRequestAttemptId="try") == []
    poll = cloud.start(
        queue.sqs.receive_message, QueueUrl=queue.url, WaitTimeSeconds=20, ReceiveRequestAttemptId="try"
    )
    cloud.sleep(1)
    queue.send("x")
    assert cloud.wait(poll)["Messages"][0]["Body"] == "x"


# Delay ---------------------------------------------------------------------------------------------


def test_a_changed_delay_holds_for_what_a_fifo_queue_has_already(cloud):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
    queue = Queue(cloud, DelaySeconds="60")
    queue.send("a")
    queue.send("b", "other")
    cloud.sleep(10)
    assert queue.bodies() == []
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"DelaySeconds": "20"})
    cloud.sleep(9)
    assert queue.bodies() == []
    cloud.sleep(1)
    assert queue.bodies() == ["a", "b"]


def test_a_delayed_group_does_not_hide_the_visible_ones_behind_it(cloud):
    queue = Queue(cloud)
    queue.send("now", "z")
    (message,) = queue.take()
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"DelaySeconds": "60"})
    for n in range(3):
        queue.send(f"late{n}", f"a{n}")
    queue.show(message, 0)
    assert queue.bodies(1) == ["now"]
    cloud.sleep(60)
    assert sorted(queue.bodies()) == ["late0", "late1", "late2", "now"]
    assert queue.bodies() == []


# Dead letters --------------------------------------------------------------------------------------


def test_a_dead_letter_keeps_its_group_and_frees_the_ones_behind_it(cloud):
    dead = Queue(cloud, "dead.fifo")
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead.fifo", "maxReceiveCount": 1}
    queue = Queue(cloud, RedrivePolicy=json.dumps(policy))
    queue.send("bad", "g")
    queue.send("good", "g")
    assert queue.bodies(1, VisibilityTimeout=0) == ["bad"]
    assert queue.bodies() == ["good"]
    (message,) = dead.take(AttributeNames=["All"])
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("bad", "g")


# Everything together -------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("abc")),
        st.tuples(st.just("receive"), st.integers(1, 4)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("show"), st.integers(0, 5), st.sampled_from([0, 7])),
        st.tuples(st.just("sleep"), st.sampled_from([1, 5, 30])),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_happens_each_group_is_seen_in_order_up_to_what_is_in_flight(make_cloud, asked):
    """The model: a group's messages that were not deleted, in order. What is received of a group is a prefix of them that ends
    before the first one in flight."""
    cloud = make_cloud("us-east-1")
    queue = Queue(cloud, VisibilityTimeout="10")
    alive: dict[str, list[str]] = {group: [] for group in "abc"}
    in_flight: list[tuple[dict, float]] = []
    for n, (what, *rest) in enumerate(asked):
        now = cloud.now()
        if what == "send":
            queue.send(f"{rest[0]}{n}", rest[0])
            alive[rest[0]].append(f"{rest[0]}{n}")
        elif what == "receive":
            hidden = {m["Body"] for m, until in in_flight if until > now}
            got = queue.take(rest[0])
            for group in "abc":
                mine = [m["Body"] for m in got if m["Body"][0] == group]
                assert mine == alive[group][: len(mine)] and hidden.isdisjoint(mine)
            is_open = [g for g in "abc" if alive[g] and alive[g][0] not in hidden]
            assert bool(got) == bool(is_open)
            in_flight = [(m, until) for m, until in in_flight if until > now] + [(m, now + 10) for m in got]
        elif what == "sleep":
            cloud.sleep(rest[0])
        elif rest[0] < len(in_flight):
            message, until = in_flight.pop(rest[0])
            if until <= now:
                with pytest.raises(ClientError):
                    queue.delete(message)
            elif what == "delete":
                queue.delete(message)
                alive[message["Body"][0]].remove(message["Body"])
            else:
                queue.show(message, rest[1])
                in_flight.append((message, now + rest[1]))
    cloud.sleep(60)
    seen: list[str] = []
    while got := queue.take():
        seen += [m["Body"] for m in got]
        for message in got:
            queue.delete(message)
    for group in "abc":
        assert [body for body in seen if body[0] == group] == alive[group]


# Validated against AWS by localstack's tests, whose names stand beside them ---------------------------


def test_a_claim_may_be_spelled_in_capitals_and_is_shown_in_small_letters(cloud):
    # test_fifo_delete_after_visibility_timeout makes its queue with "True".
    url = cloud.client("sqs").create_queue(
        QueueName="c.fifo", Attributes={"FifoQueue": "True", "ContentBasedDeduplication": "True"}
    )["QueueUrl"]
    shown = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (shown["FifoQueue"], shown["ContentBasedDeduplication"]) == ("true", "true")


def test_a_queue_stays_of_its_kind(cloud, queue):
    # test_set_unsupported_attribute_fifo
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"FifoQueue": "true"})
    with pytest.raises(ClientError) as caught:
        queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"FifoQueue": "false"})
    assert caught.value.response["Error"]["Message"] == (
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    )
    plain = queue.sqs.create_queue(QueueName="plain")["QueueUrl"]
    with pytest.raises(ClientError, match="Unknown Attribute FifoQueue."):
        queue.sqs.set_queue_attributes(QueueUrl=plain, Attributes={"FifoQueue": "true"})


def test_messages_of_one_group_come_before_those_of_the_next(queue):
    # test_fifo_receive_message_group_id_ordering
    for body in ("g1-m1", "g2-m1", "g1-m2", "g1-m3"):
        queue.send(body, group=body[:2])
    assert queue.bodies() == ["g1-m1", "g1-m2", "g1-m3", "g2-m1"]


def test_the_group_that_has_waited_longest_is_next(cloud, queue):
    # test_fifo_receive_message_with_zero_visibility_timeout
    for body in ("g1-m1", "g2-m1", "g2-m2", "g3-m1", "g1-m2"):
        queue.send(body, group=body[:2])
        cloud.sleep(0.01)
    assert queue.bodies(3, VisibilityTimeout=0) == ["g1-m1", "g1-m2", "g2-m1"]
    assert queue.bodies(VisibilityTimeout=0) == ["g3-m1", "g1-m1", "g1-m2", "g2-m1", "g2-m2"]


def test_a_group_shows_again_with_its_first_message_and_up_to_the_next_hidden_one(cloud, queue):
    # test_fifo_message_group_visibility_after_terminate_visibility_timeout
    for body in ("g1-m1", "g1-m2", "g2-m1"):
        queue.send(body, group=body[:2])
        cloud.sleep(0.01)
    first, _ = queue.take(2)
    queue.show(first, 0)
    assert queue.bodies(3) == ["g2-m1", "g1-m1"]


@pytest.mark.parametrize(("extended", "expected"), [(0, []), (1, ["foo"]), (2, ["foo", "bar"])])
def test_a_hidden_message_hides_those_behind_it(cloud, extended, expected):
    # test_fifo_group_visibility_extends_with_change_message_visibility
    queue = Queue(cloud, VisibilityTimeout="1")
    for body in ("foo", "bar", "baz"):
        queue.send(body)
    queue.show(queue.take()[extended], 4)
    cloud.sleep(2)
    assert queue.bodies() == expected


def test_no_delay_of_its_own_is_the_queues_delay(cloud):
    # test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay
    queue = Queue(cloud, DelaySeconds="2")
    queue.send("a", DelaySeconds=0)
    assert queue.bodies() == []
    cloud.sleep(2)
    assert queue.bodies() == ["a"]


def test_a_purged_queue_forgets_what_it_was_sent(queue):
    # test_purge_queue_clears_fifo_deduplication_cache
    queue.send("a", MessageDeduplicationId="x")
    queue.sqs.purge_queue(QueueUrl=queue.url)
    queue.send("b", MessageDeduplicationId="x")
    assert queue.bodies() == ["b"]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"MessageDeduplicationId": "x"}, "The request must contain the parameter MessageGroupId."),
        (
            {"MessageGroupId": "g"},
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
    ],
)
def test_a_batch_is_refused_whole_where_an_entry_lacks_what_the_queue_needs(queue, entry, text):
    # test_send_batch_missing_message_group_id_for_fifo_queue, test_send_batch_missing_deduplication_id_for_fifo_queue
    whole = {"Id": "1", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "y"}
    with pytest.raises(ClientError) as caught:
        queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=[whole, {"Id": "2", "MessageBody": "b", **entry}])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert caught.value.response["Error"]["Message"] == text
    assert queue.bodies() == []


def test_a_dead_letter_is_told_from_others_by_its_message_id(cloud, queue):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo", "maxReceiveCount": 1})
    source = Queue(cloud, "source.fifo", RedrivePolicy=policy, VisibilityTimeout="0")
    sent = source.send("a", MessageDeduplicationId="x")
    assert source.bodies() == ["a"]
    assert source.bodies() == []
    (dead,) = queue.take(AttributeNames=["All"])
    assert dead["Attributes"]["MessageDeduplicationId"] == dead["MessageId"] == sent["MessageId"]
