"""Sending, receiving, waiting, deleting: the life of a message in a standard queue."""

import json
import sqlite3
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from refusals import refused, refused_status

ACCOUNT = "000000000000"


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs")


@pytest.fixture
def url(sqs):
    return sqs.create_queue(QueueName="q")["QueueUrl"]


def received(sqs, url, **params) -> list[dict]:
    return sqs.receive_message(QueueUrl=url, **params).get("Messages", [])


def bodies(sqs, url, **params) -> list[str]:
    return [m["Body"] for m in received(sqs, url, MaxNumberOfMessages=10, **params)]


def counts(sqs, url) -> tuple[int, int, int]:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return tuple(int(found[f"ApproximateNumberOfMessages{n}"]) for n in ("", "NotVisible", "Delayed"))


# Bodies and attributes -----------------------------------------------------------------------------


def test_what_is_sent_is_received_with_its_digests(sqs, url):
    # botocore itself compares both digests with what it sent and received.
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="水 & <b>",
        MessageAttributes={
            "city": {"DataType": "String.place", "StringValue": "京都"},
            "n": {"DataType": "Number.int", "StringValue": "-1.5e3"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
        },
    )
    (message,) = received(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "水 & <b>"
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\0\xff"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_digests_are_those_aws_publishes(sqs, url):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, example response.
    assert (
        sqs.send_message(QueueUrl=url, MessageBody="This is a test message")["MD5OfMessageBody"]
        == "fafb00f5732ab283681e124bf8747ed1"
    )


def test_system_attributes_are_given_to_those_who_ask(cloud, sqs, url):
    sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageSystemAttributes={
            "AWSTraceHeader": {
                "DataType": "String",
                "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793",
            }
        },
    )
    sent = int(cloud.now() * 1000)
    cloud.sleep(5)
    assert "Attributes" not in received(sqs, url, VisibilityTimeout=0)[0]
    (message,) = received(sqs, url, AttributeNames=["All"])
    assert message["Attributes"] == {
        "SenderId": ACCOUNT,
        "SentTimestamp": str(sent),
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": str(sent + 5000),
        "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }


def test_message_attributes_are_chosen_by_name_and_by_prefix(sqs, url):
    given = {n: {"DataType": "String", "StringValue": n} for n in ("a", "a.b", "b.a")}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=given)

    def chosen(*names: str) -> set[str]:
        (message,) = received(sqs, url, VisibilityTimeout=0, MessageAttributeNames=list(names))
        return set(message.get("MessageAttributes", {}))

    assert chosen("a") == {"a"}
    assert chosen("a.*") == {"a", "a.b"}
    assert chosen(".*") == chosen("All") == {"a", "a.b", "b.a"}
    assert chosen("none") == chosen() == set()


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"MessageBody": ""}, "MissingParameter", "The request must contain the parameter MessageBody."),
        ({"MessageBody": "\0"}, "InvalidMessageContents", "Invalid binary character '#x0' was found in the message body"),
        ({"MessageBody": "\ufffe"}, "InvalidMessageContents", "Invalid binary character '#xFFFE'"),
        ({"MessageBody": "x" * 1_048_577}, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."),
        ({"DelaySeconds": 901}, "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
        ({"DelaySeconds": -1}, "InvalidParameterValue", "Value -1 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
        ({"MessageDeduplicationId": "d"}, "InvalidParameterValue", "not valid for this queue type"),
        ({"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}, "InvalidParameterValue",
         "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
        ({"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}}, "InvalidParameterValue",
         "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."),
        ({"MessageAttributes": {"a": {"DataType": "", "StringValue": "x"}}}, "InvalidParameterValue",
         "The message attribute 'a' must contain a non-empty message attribute type."),
        ({"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}, "InvalidParameterValue",
         "Can't cast the value of message (user) attribute 'a' to a number."),
        ({"MessageAttributes": {"a..b": {"DataType": "String", "StringValue": "x"}}}, "InvalidParameterValue", "attribute name"),
        ({"MessageAttributes": {"AWS.x": {"DataType": "String", "StringValue": "x"}}}, "InvalidParameterValue", "reserved"),
        ({"MessageAttributes": {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)}}, "InvalidParameterValue",
         "Number of message attributes [11] exceeds the allowed maximum [10]."),
        ({"MessageSystemAttributes": {"Other": {"DataType": "String", "StringValue": "x"}}}, "InvalidParameterValue", "Other"),
    ],
)  # fmt: skip
def test_a_message_sqs_does_not_take_is_refused_in_its_words(sqs, url, params, code, text):
    found, said = refused(sqs.send_message, **{"QueueUrl": url, "MessageBody": "x", **params})
    assert (found, text in said) == (code, True), said
    assert counts(sqs, url) == (0, 0, 0)


def test_the_largest_message_is_taken_and_attributes_count_towards_it(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_576)
    attribute = {"MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}}}
    assert (
        refused(sqs.send_message, QueueUrl=url, MessageBody="x" * 1_048_570, **attribute)[0]
        == "InvalidParameterValue"
    )
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_568, **attribute)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    assert "shorter than 1024 bytes" in refused(sqs.send_message, QueueUrl=url, MessageBody="x" * 1025)[1]


# Visibility ----------------------------------------------------------------------------------------


def test_a_received_message_is_hidden_until_its_visibility_ends(cloud, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(sqs, url, VisibilityTimeout=10) == ["x"]
    assert counts(sqs, url) == (0, 1, 0)
    cloud.sleep(9.9)
    assert bodies(sqs, url) == []
    cloud.sleep(0.1)
    assert bodies(sqs, url) == ["x"]  # for the queue's 30 s this time
    cloud.sleep(29.9)
    assert bodies(sqs, url) == []
    cloud.sleep(0.1)
    assert counts(sqs, url) == (1, 0, 0)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"MaxNumberOfMessages": 0},
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            {"MaxNumberOfMessages": 11},
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            {"WaitTimeSeconds": 21},
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
        (
            {"WaitTimeSeconds": -1},
            "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
        ({"VisibilityTimeout": 43_201}, "Value 43201 for parameter VisibilityTimeout is invalid."),
        (
            {"ReceiveRequestAttemptId": "a"},
            "The request include parameter that is not valid for this queue type",
        ),
    ],
)
def test_a_receive_out_of_range_is_refused(sqs, url, params, text):
    code, said = refused(sqs.receive_message, QueueUrl=url, **params)
    assert (code, said.startswith(text) or text in said) == ("InvalidParameterValue", True)


def test_changing_visibility_to_zero_shows_the_message_at_once(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = received(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs, url) == ["x"]


def test_visibility_is_counted_from_the_change_and_ends_twelve_hours_after_the_first_receive(cloud, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = received(sqs, url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    cloud.sleep(20)
    sqs.change_message_visibility(**handle, VisibilityTimeout=30)
    cloud.sleep(29.9)
    assert bodies(sqs, url) == []
    assert refused(sqs.change_message_visibility, **handle, VisibilityTimeout=43_200) == (
        "InvalidParameterValue",
        "Value 43200 for parameter VisibilityTimeout is invalid. "
        "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
    )
    assert (
        refused(sqs.change_message_visibility, **handle, VisibilityTimeout=43_201)[0]
        == "InvalidParameterValue"
    )


def test_a_message_that_shows_again_is_hidden_by_the_handle_of_its_receive(cloud, sqs):
    # Recorded: localstack's test_change_message_visibility_after_visibility_timeout_expiration.
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    cloud.sleep(2)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=2)
    assert bodies(sqs, url) == []
    cloud.sleep(2)
    assert bodies(sqs, url) == ["m"]
    sqs.delete_message(**handle)
    code, text = refused(sqs.change_message_visibility, **handle, VisibilityTimeout=5)
    assert (code, "is not available for visibility timeout change" in text) == ("InvalidParameterValue", True)


def test_a_handle_of_an_earlier_receive_still_names_its_message(cloud, sqs, url):
    # AWS promises the last handle only and takes the others, too: localstack's test_terminate_visibility_timeout_after_receive,
    # validated against AWS, and https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (first,) = received(sqs, url)
    cloud.sleep(30)
    (second,) = received(sqs, url)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    (third,) = received(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)
    for handle in (second["ReceiptHandle"], third["ReceiptHandle"]):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)  # deleting again is no error


def test_a_message_whose_visibility_ended_can_still_be_deleted(cloud, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = received(sqs, url)
    cloud.sleep(60)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize("handle", ["nonsense", "%%", "é", "AAAA", "a" * 2000])
def test_what_was_never_a_handle_is_refused(sqs, url, handle):
    assert refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)[0] == "ReceiptHandleIsInvalid"


def test_a_handle_of_another_queue_is_refused(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = received(sqs, url)
    other = sqs.create_queue(QueueName="other")["QueueUrl"]
    assert (
        refused(sqs.delete_message, QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])[0]
        == "ReceiptHandleIsInvalid"
    )


# Delay, retention, purge ---------------------------------------------------------------------------


def test_a_delay_is_the_queues_unless_the_message_has_its_own(cloud, sqs, url):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "10"})
    sqs.send_message(QueueUrl=url, MessageBody="queue's")
    sqs.send_message(QueueUrl=url, MessageBody="none", DelaySeconds=0)
    sqs.send_message(QueueUrl=url, MessageBody="long", DelaySeconds=900)
    assert counts(sqs, url) == (1, 0, 2)
    assert bodies(sqs, url) == ["none"]
    cloud.sleep(10)
    assert bodies(sqs, url) == ["queue's"]
    # A standard queue's delay does not change for what it holds already:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert "long" not in bodies(sqs, url)
    cloud.sleep(890)
    assert "long" in bodies(sqs, url)


def test_a_message_older_than_the_retention_is_gone(cloud, sqs, url):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    sqs.send_message(QueueUrl=url, MessageBody="old")
    cloud.sleep(30)
    sqs.send_message(QueueUrl=url, MessageBody="young")
    cloud.sleep(30)
    assert counts(sqs, url) == (1, 0, 0)
    assert bodies(sqs, url) == ["young"]


def test_a_purge_empties_the_queue_and_rests_a_minute(cloud, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=5)
    received(sqs, url)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)
    cloud.sleep(59)
    assert refused(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on q is allowed every 60 seconds.",
    )
    assert refused_status(sqs.purge_queue, QueueUrl=url) == (403, "AWS.SimpleQueueService.PurgeQueueInProgress")
    cloud.sleep(1)
    sqs.purge_queue(QueueUrl=url)


# Long polling --------------------------------------------------------------------------------------


def test_a_long_poll_ends_the_instant_a_message_arrives(cloud, sqs, url):
    poll = cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    cloud.sleep(7)
    assert not poll.done()
    began = cloud.now()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert cloud.wait(poll)["Messages"][0]["Body"] == "x"
    assert cloud.now() - began < 0.001


def test_a_long_poll_that_hears_nothing_ends_when_it_said_it_would(cloud, sqs, url):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "5"})
    for params, waited in (({}, 5), ({"WaitTimeSeconds": 20}, 20), ({"WaitTimeSeconds": 0}, 0)):
        began = cloud.now()
        assert received(sqs, url, **params) == []
        assert cloud.now() - began == pytest.approx(waited, abs=0.001)


def test_a_long_poll_sees_visibility_and_delay_end(cloud, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    received(sqs, url, VisibilityTimeout=3)
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=8)
    began = cloud.now()
    assert received(sqs, url, WaitTimeSeconds=20)[0]["Body"] == "hidden"
    assert cloud.now() - began == pytest.approx(3, abs=0.001)
    assert received(sqs, url, WaitTimeSeconds=20)[0]["Body"] == "delayed"
    assert cloud.now() - began == pytest.approx(8, abs=0.001)


def test_of_several_pollers_each_message_wakes_exactly_one(cloud, sqs, url):
    polls = [cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20) for _ in range(3)]
    cloud.sleep(1)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.send_message(QueueUrl=url, MessageBody="b")
    replies = cloud.wait(*polls)
    assert sorted(m["Body"] for reply in replies for m in reply.get("Messages", [])) == ["a", "b"]
    assert sum("Messages" not in reply for reply in replies) == 1


def test_a_queue_that_is_deleted_ends_its_polls(cloud, sqs, url):
    poll = cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    cloud.sleep(1)
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(ClientError, match="NonExistentQueue|QueueDoesNotExist"):
        cloud.wait(poll)


# Batches -------------------------------------------------------------------------------------------


def test_a_batch_reports_each_entry_by_itself(sqs, url):
    reply = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "x"},
            {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
            {"Id": "odd", "MessageBody": "\0"},
        ],
    )
    assert [entry["Id"] for entry in reply["Successful"]] == ["good"]
    assert [(f["Id"], f["Code"], f["SenderFault"]) for f in reply["Failed"]] == [
        ("late", "InvalidParameterValue", True),
        ("odd", "InvalidMessageContents", True),
    ]
    assert counts(sqs, url) == (1, 0, 0)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "x"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "not good", "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": "a" * 81, "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "MessageBody": "x" * 700_000} for n in range(2)], "BatchRequestTooLong"),
    ],
)
def test_a_batch_that_is_wrong_as_a_whole_sends_nothing(sqs, url, entries, code):
    assert (
        refused(sqs.send_message_batch, QueueUrl=url, Entries=entries)[0] == f"AWS.SimpleQueueService.{code}"
    )
    assert counts(sqs, url) == (0, 0, 0)


def test_a_batch_is_weighed_before_its_entries_are_judged(sqs, url):
    # https://github.com/getmoto/moto/blob/master/tests/test_sqs/test_sqs.py, verified there against AWS.
    assert refused(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x" * 1_048_577}]) == (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    )


def test_messages_are_deleted_and_shown_again_in_batches(sqs, url):
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(4)])
    handles = [m["ReceiptHandle"] for m in received(sqs, url, MaxNumberOfMessages=10)]
    reply = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "a", "ReceiptHandle": handles[0]}, {"Id": "b", "ReceiptHandle": "nonsense"}],
    )
    assert [e["Id"] for e in reply["Successful"]] == ["a"]
    assert [(e["Id"], e["Code"]) for e in reply["Failed"]] == [("b", "ReceiptHandleIsInvalid")]
    reply = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "a", "ReceiptHandle": handles[1], "VisibilityTimeout": 0},
            {"Id": "b", "ReceiptHandle": handles[0], "VisibilityTimeout": 0},
            {"Id": "c", "ReceiptHandle": handles[2], "VisibilityTimeout": 43_201},
        ],
    )
    assert [e["Id"] for e in reply["Successful"]] == ["a"]
    assert [(e["Id"], e["Code"]) for e in reply["Failed"]] == [
        ("b", "InvalidParameterValue"),
        ("c", "InvalidParameterValue"),
    ]
    assert counts(sqs, url) == (1, 2, 0)


# Dead letters --------------------------------------------------------------------------------------


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_as_it_was(cloud, sqs, url):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn + "dead", "maxReceiveCount": 2})},
    )
    attributes = {"a": {"DataType": "String", "StringValue": "v"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    for _ in range(2):
        assert bodies(sqs, url, VisibilityTimeout=0) == ["x"]
    assert bodies(sqs, url) == []
    (message,) = received(sqs, dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn + "q"
    assert counts(sqs, url) == (0, 0, 0)


def test_in_a_dead_letter_queue_a_messages_age_is_counted_from_when_it_was_first_sent(cloud, sqs, url):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    dead = sqs.create_queue(QueueName="dead", Attributes={"MessageRetentionPeriod": "100"})["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "maxReceiveCount": 1}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(sqs, url) == ["x"]
    cloud.sleep(60)
    assert bodies(sqs, url) == []
    assert counts(sqs, dead) == (1, 0, 0)
    cloud.sleep(40)
    assert bodies(sqs, dead) == []


# What lies on the disk -----------------------------------------------------------------------------


def on_disk(cloud) -> bytes:
    return b"".join(
        path.read_bytes() for path in Path(cloud.folder, "us-east-1").rglob("*") if path.is_file()
    )


def test_plain_text_is_not_on_the_disk_unless_encryption_was_switched_off(cloud, sqs, url):
    attributes = {"secret": {"DataType": "String", "StringValue": "open-sesame"}}
    sqs.send_message(QueueUrl=url, MessageBody="attack at dawn", MessageAttributes=attributes)
    assert b"attack at dawn" not in on_disk(cloud)
    assert b"open-sesame" not in on_disk(cloud)
    plain = sqs.create_queue(QueueName="plain", Attributes={"SqsManagedSseEnabled": "false"})["QueueUrl"]
    sqs.send_message(QueueUrl=plain, MessageBody="attack at noon")
    assert b"attack at noon" in on_disk(cloud)
    assert bodies(sqs, plain) == ["attack at noon"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "false"})
    assert bodies(sqs, url) == ["attack at dawn"]  # what was sealed stays readable


def test_nothing_acknowledged_is_lost_when_the_region_is_killed(cloud, sqs, url):
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(5)])
    taken = received(sqs, url, MaxNumberOfMessages=2, VisibilityTimeout=40)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0]["ReceiptHandle"])
    cloud.restart(kill=True)
    assert counts(sqs, url) == (3, 1, 0)
    assert len(bodies(sqs, url, VisibilityTimeout=100)) == 3
    cloud.sleep(40)
    assert bodies(sqs, url) == [taken[1]["Body"]]


def test_a_poll_that_a_kill_interrupts_takes_no_message_with_it(cloud, sqs, url):
    cloud.start(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    cloud.sleep(1)
    cloud.restart(kill=True)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(sqs, url) == ["x"]


def test_receiving_reads_an_index_and_not_the_queue(cloud, sqs, url):
    sqs.create_queue(QueueName="f.fifo", Attributes={"FifoQueue": "true"})
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.send_message(
        QueueUrl=url.replace("/q", "/f.fifo"), MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d"
    )
    database = sqlite3.connect(f"{cloud.folder}/us-east-1/{ACCOUNT}.db")
    said: list[str] = []
    rows = cloud.region().store.rows(ACCOUNT)
    rows.connection.exec_trace = lambda cursor, sql, bindings: said.append(sql) or True
    (message,) = received(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    (message,) = received(sqs, url.replace("/q", "/f.fifo"))
    sqs.delete_message(QueueUrl=url.replace("/q", "/f.fifo"), ReceiptHandle=message["ReceiptHandle"])
    rows.connection.exec_trace = None
    reads = [sql for sql in said if sql.lstrip().startswith(("select", "update", "delete")) and "sqs_" in sql]
    assert len(reads) > 8
    for sql in reads:
        plan = [row[3] for row in database.execute(f"explain query plan {sql}", [None] * sql.count("?"))]
        assert all(
            "SEARCH" in step or "USE TEMP B-TREE FOR DISTINCT" in step
            for step in plan
            if "CONSTANT" not in step
        ), (sql, plan)
        assert not any("TEMP B-TREE FOR ORDER" in step for step in plan), (sql, plan)


@pytest.mark.parametrize("name", ["q", "f.fifo"])
def test_a_message_costs_the_same_steps_however_many_lie_behind_it(cloud, sqs, name):
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if name != "q" else {})[
        "QueueUrl"
    ]
    group = {"MessageGroupId": "g"} if name != "q" else {}
    send = lambda n: sqs.send_message(  # noqa: E731
        QueueUrl=url, MessageBody="x", **group, **({"MessageDeduplicationId": str(n)} if group else {})
    )
    connection = cloud.region().store.rows(ACCOUNT).connection

    def steps() -> int:
        counted = [0]
        connection.set_progress_handler(lambda: bool(counted.__setitem__(0, counted[0] + 1)), 1)
        (message,) = received(sqs, url)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        connection.set_progress_handler(None)
        return counted[0]

    for n in range(20):
        send(n)
    few = steps()
    for n in range(20, 1500):
        send(n)
    assert steps() < few * 1.5


# Validated against AWS by localstack's tests, whose names stand beside them ---------------------------


def test_names_of_attributes_are_letters_of_any_script(sqs, url):
    # test_send_message_with_invalid_string_attributes
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"attr.1øßä": {"StringValue": "v", "DataType": "String"}})
    wrong = [*(f"a{character}b" for character in '!"§(?'), ".a", "a.", "aWs.a", "AMAZON.a", "L" * 257]
    for name in wrong:
        with pytest.raises(ClientError) as caught:
            sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={name: {"StringValue": "v", "DataType": "String"}})
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parametrize(
    "value",
    [{"DataType": "String", "StringValue": "a\b\v"}, {"DataType": f"Number.{'L' * 256}", "StringValue": "1"}],
)
def test_values_and_types_of_attributes_have_their_bounds(sqs, url, value):
    # test_invalid_string_attributes_cause_invalid_parameter_value_error
    with pytest.raises(ClientError) as caught:
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"a": value})
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_an_asterisk_asks_for_all_attributes(sqs, url):
    # test_receive_message_message_attribute_names_filters
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"a": {"StringValue": "v", "DataType": "String"}})
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["*"])["Messages"]
    assert message["MessageAttributes"]["a"]["StringValue"] == "v"


def test_a_trace_beside_the_request_comes_with_the_message(cloud, sqs, url):
    # test_aws_trace_header_propagation
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    add = lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", trace)  # noqa: E731
    sqs.meta.events.register("request-created.sqs.SendMessage", add)
    sent = sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.meta.events.unregister("request-created.sqs.SendMessage", add)
    assert "MD5OfMessageSystemAttributes" not in sent
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["SentTimestamp", "AWSTraceHeader"])["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": trace, "SentTimestamp": message["Attributes"]["SentTimestamp"]}


def test_a_dead_letter_keeps_its_id_and_how_often_it_was_received(cloud, sqs, url):
    # test_dead_letter_queue_message_attributes
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q", "maxReceiveCount": 1}'
    source = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sent = sqs.send_message(QueueUrl=source, MessageBody="x")
    for _ in range(2):
        sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)
    (dead,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert dead["MessageId"] == sent["MessageId"]
    assert dead["Attributes"]["ApproximateReceiveCount"] == "2"


def test_one_receive_gives_a_message_once_even_if_it_hides_nothing(cloud, sqs, url):
    # Ours: one of the found messages goes to the dead-letter queue, and what is looked for in its place is not what was taken.
    sqs.create_queue(QueueName="dead")
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1}'
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    got = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in got] == ["new"]
