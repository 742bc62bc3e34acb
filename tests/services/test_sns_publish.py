"""Publishing: what is taken, who hears it and in which form, and what becomes of what cannot be delivered.

Answers recorded from AWS by localstack's TestSNSPublishCrud, TestSNSSubscriptionSQS and TestSNSSubscriptionSQSFifo.
"""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from notice_workshop import allow, queue, received, subscribed, told
from refusals import refused

from kumoniwa.gate.address import GLOBAL
from kumoniwa.services.sns import delivery_policy


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def topic(sns) -> str:
    return sns.create_topic(Name="news")["TopicArn"]


@pytest.fixture
def line(sns) -> str:
    return sns.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]


def text(value: str) -> dict:
    return {"DataType": "String", "StringValue": value}


# What is taken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, why", [
    ({"Message": ""}, "Empty message"),
    ({"Message": "x", "Subject": ""}, "Subject"),
    ({"Message": "x", "Subject": "a" * 101}, "Subject"),
    ({"Message": "x", "Subject": "two\nlines"}, "Subject"),
    ({"Message": "x" * 262_145}, "Message too long"),
    ({"Message": "x" * 262_140, "MessageAttributes": {"attr": text("value")}}, "Message too long"),
    ({"Message": "x", "MessageStructure": "xml"}, "MessageStructure"),
    ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, "Message Structure - No default entry in JSON message body"),
    ({"Message": '{"default": {"object": "x"}}', "MessageStructure": "json"}, "Message Structure - No default entry in JSON message body"),
    ({"Message": "{", "MessageStructure": "json"}, "Message Structure - JSON message body failed to parse"),
    ({"Message": "x", "MessageDeduplicationId": "1", "MessageGroupId": "g"},
     "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type"),
])  # fmt: skip
def test_what_is_no_message_is_refused(sns, topic, said, why):
    assert refused(sns.publish, TopicArn=topic, **said) == ("InvalidParameter", f"Invalid parameter: {why}")


@pytest.mark.parametrize("arn, code, why", [
    ("randomstring", "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
    ("randomstring:1", "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 2"),
    ("", "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
    ("arn:aws:sns:us-east-1:000000000000:nowhere", "NotFound", "Topic does not exist"),
    ("arn:aws:sns:us-west-2:000000000000:news", "InvalidParameter", "Invalid parameter: TopicArn"),
])  # fmt: skip
def test_there_must_be_a_topic(sns, topic, arn, code, why):
    assert refused(sns.publish, TopicArn=arn, Message="x") == (code, why)


WRONG = "The message attribute 'a' must contain non-empty message attribute value for message attribute type '{}'.".format
PREFIXES = "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."


@pytest.mark.parametrize("attributes, why", [
    ({"a": {"DataType": "String", "StringValue": ""}}, WRONG("String")),
    ({"a": {"DataType": "String"}}, WRONG("String")),
    ({"a": {"DataType": "Binary", "BinaryValue": b""}}, WRONG("Binary")),
    ({"a": {"DataType": "String", "BinaryValue": b"x"}}, "The message attribute 'a' with type 'String' must use field 'String'."),
    ({"a": {"DataType": "Number", "BinaryValue": b"x"}}, "The message attribute 'a' with type 'Number' must use field 'String'."),
    ({"a": {"DataType": "Binary", "StringValue": "x"}}, "The message attribute 'a' with type 'Binary' must use field 'Binary'."),
    ({"a": {"DataType": "InvalidType", "StringValue": "x"}}, PREFIXES),
    ({"a": {"DataType": "Stringprefixed", "StringValue": "x"}}, PREFIXES),
    ({"a" * 257: text("x")}, "Length of message attribute name must be less than 256 bytes."),
    ({"a^b": text("x")}, "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. "
                         "Can only include alphanumeric characters, hyphens, underscores, or dots."),
    ({".a": text("x")}, "Invalid message attribute name starting with character '.' was found."),
    ({"a.": text("x")}, "Invalid message attribute name ending with character '.' was found."),
    ({"a..b": text("x")}, "Message attribute name can not have successive '.' character."),
])  # fmt: skip
def test_attributes_are_judged(sns, topic, attributes, why):
    assert refused(sns.publish, TopicArn=topic, Message="x", MessageAttributes=attributes) == ("ParameterValueInvalid", why)
    entries = [{"Id": "1", "Message": "x", "MessageAttributes": attributes}]
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == ("ParameterValueInvalid", why)


def test_an_attribute_without_a_type_is_refused_as_the_model_says(cloud, topic):
    client = cloud.client("sns", parameter_validation=False)
    assert refused(client.publish, TopicArn=topic, Message="x", MessageAttributes={"a": {}}) == (
        "ValidationError",
        "1 validation error detected: Value null at 'messageAttributes.a.member.dataType' failed to satisfy constraint: Member must not be null",
    )


def test_a_telephone_is_refused_by_name(sns):
    assert refused(sns.publish, PhoneNumber="+1a234", Message="x") == ("InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to")
    missing = "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
    assert refused(sns.publish, Message="x") == ("InvalidParameter", missing)


@pytest.mark.parametrize("ids, code, why", [
    ([f"{n}" for n in range(11)], "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."),
    (["1", "1"], "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."),
    (["message.id"], "InvalidBatchEntryId", "The Id of a batch entry in the batch request contains an impermissible character: message.id"),
    (["a" * 81], "InvalidBatchEntryId", f"The Id of a batch entry in the batch request is too long: {'a' * 81}"),
])  # fmt: skip
def test_the_entries_of_a_batch_are_told_apart(sns, topic, ids, code, why):
    entries = [{"Id": id_, "Message": "x"} for id_ in ids]
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == (code, why)


def test_a_topic_may_take_up_to_a_mebibyte_for_queues_and_functions(cloud, sns):
    """https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""
    topic = sns.create_topic(Name="large", Attributes={"MaximumMessageSize": "1048576"})["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox", RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x" * 1_048_576)
    assert [len(message["Body"]) for message in received(cloud, url)] == [1_048_576]
    assert refused(sns.publish, TopicArn=topic, Message="x" * 1_048_577)[1] == "Invalid parameter: Message too long"
    assert refused(sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="http://x.example/")[0] == "InvalidParameter"
    for size in ("1023", "1048577", "many"):
        assert refused(sns.create_topic, Name="other", Attributes={"MaximumMessageSize": size})[0] == "InvalidParameter"


def test_a_batch_is_weighed_as_a_whole(sns, topic):
    entries = [{"Id": str(n), "Message": "x" * 131_073} for n in range(2)]
    why = "The length of all the messages put together is more than the limit."
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == ("BatchRequestTooLong", why)


# Who hears what ------------------------------------------------------------------------------------------


def test_each_of_three_subscribers_gets_one_copy(cloud, sns, topic):
    urls = [subscribed(cloud, topic, f"inbox-{n}")[0] for n in range(3)]
    published = sns.publish(TopicArn=topic, Message="hello", Subject="hi")["MessageId"]
    for url in urls:
        (message,) = received(cloud, url)
        said = json.loads(message["Body"])
        assert (said["MessageId"], said["Message"], said["Subject"]) == (published, "hello", "hi")
        assert message["MessageId"] != published and said["UnsubscribeURL"].rpartition("SubscriptionArn=")[2].startswith(topic)


def test_a_notification_is_written_as_aws_writes_it(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    attributes = {"name": text("ö\"\\"), "blob": {"DataType": "Binary", "BinaryValue": b"\x02\x03"}}
    sns.publish(TopicArn=topic, Message='öa1"_\n£', MessageAttributes=attributes)
    (message,) = received(cloud, url)
    said = json.loads(message["Body"])
    assert list(said) == [
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL",
        "MessageAttributes",
    ]  # fmt: skip
    assert said["Message"] == 'öa1"_\n£' and said["Timestamp"] == "2030-01-01T00:00:00.000Z"
    assert said["MessageAttributes"] == {"name": {"Type": "String", "Value": "ö\"\\"}, "blob": {"Type": "Binary", "Value": "AgM="}}
    assert message["Body"].startswith('{\n  "Type" : "Notification",\n') and "MessageAttributes" not in message


def test_a_raw_message_is_the_message_and_its_attributes(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox", RawMessageDelivery="true")
    attributes = {"n": {"DataType": "Number", "StringValue": "99.12"}, "blob": {"DataType": "Binary", "BinaryValue": b"\x02\x03"}}
    sns.publish(TopicArn=topic, Message="text", Subject="unheard", MessageAttributes=attributes)
    (message,) = received(cloud, url)
    assert (message["Body"], message["MessageAttributes"]) == ("text", attributes)


def test_a_structured_message_has_a_text_for_each_protocol(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "sqs": '{"field": "value"}'}))
    sns.publish(TopicArn=topic, MessageStructure="json", Message='{"default": "one", "default": "two", "lambda": "l"}')
    assert told(cloud, url) == ['{"field": "value"}', "two"]


def test_only_what_a_filter_wants_is_heard(cloud, sns, topic):
    by_attribute, _ = subscribed(cloud, topic, "a", FilterPolicy='{"kind": ["new", {"prefix": "re"}]}')
    by_body, _ = subscribed(cloud, topic, "b", FilterPolicy='{"order": {"total": [{"numeric": [">", 10]}]}}', FilterPolicyScope="MessageBody")
    everything, _ = subscribed(cloud, topic, "c")
    for kind, total in (("new", 5), ("old", 15), ("returned", 20)):
        sns.publish(TopicArn=topic, Message=json.dumps({"order": {"total": total}}), MessageAttributes={"kind": text(kind)})
    sns.publish(TopicArn=topic, Message="no json")
    totals = [[json.loads(body)["order"]["total"] for body in told(cloud, url) if body[0] == "{"] for url in (by_attribute, by_body)]
    assert totals == [[5, 20], [15, 20]] and len(told(cloud, everything)) == 4


def test_a_batch_is_heard_entry_by_entry(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox", RawMessageDelivery="true", FilterPolicy='{"n": [1, 3]}')
    entries = [{"Id": str(n), "Message": f"m{n}", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": str(n)}}} for n in range(5)]
    reply = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each["Id"] for each in reply["Successful"]] == list("01234") and reply["Failed"] == []
    assert sorted(message["Body"] for message in received(cloud, url)) == ["m1", "m3"]


def test_a_group_and_a_trace_travel_with_the_message(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    add = lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": trace})  # noqa: E731
    client = cloud.own_client("sns")
    client.meta.events.register("before-call.sns.Publish", add)
    client.publish(TopicArn=topic, Message="x", MessageGroupId="g")
    (message,) = received(cloud, url)
    assert message["Attributes"]["MessageGroupId"] == "g" and message["Attributes"]["AWSTraceHeader"] == trace


def test_by_a_plain_request(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = f"Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=direct".encode()
    key = "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
    status, _, answer = cloud.http("POST", "/", headers=headers | {"authorization": key, "x-amz-date": "20300101T000000Z"}, body=body)
    assert status == 200 and b"<PublishResult><MessageId>" in answer and told(cloud, url) == ["direct"]


@pytest.mark.parametrize("version, digest", [("1", hashes.SHA1()), ("2", hashes.SHA256())])
def test_the_signature_is_that_of_the_certificate_that_the_message_names(cloud, sns, version, digest):
    """https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html"""
    topic = sns.create_topic(Name="signed", Attributes={"SignatureVersion": version})["TopicArn"]
    url, _ = subscribed(cloud, topic, "inbox")
    sns.publish(TopicArn=topic, Message="hello", Subject="hi", MessageAttributes={"a": text("x")})
    said = json.loads(received(cloud, url)[0]["Body"])
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{name}\n{said[name]}\n" for name in names)
    status, _, pem = cloud.http("GET", said["SigningCertURL"].partition("4566")[2])
    assert status == 200 and said["SignatureVersion"] == version
    public = x509.load_pem_x509_certificate(pem).public_key()
    public.verify(base64.b64decode(said["Signature"]), signed.encode(), padding.PKCS1v15(), digest)
    cloud.restart(kill=True)
    assert cloud.http("GET", said["SigningCertURL"].partition("4566")[2])[2] == pem
    assert cloud.http("GET", "/_aws/sns/us-east-1/other.pem")[0] == 404


# What cannot be delivered ------------------------------------------------------------------------------------


def undelivered(cloud) -> list[tuple]:
    return [(event["code"], event["is_buried"]) for event in cloud.events if event["kind"] == "undelivered"]


def test_a_queue_without_a_policy_gets_nothing(cloud, sns, topic):
    url, arn = queue(cloud, "inbox")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(1)
    assert received(cloud, url) == [] and undelivered(cloud) == [("AccessDeniedException", False)]


@pytest.mark.parametrize("is_raw", ["true", "false"])
def test_what_a_queue_does_not_take_goes_to_the_dead_letter_queue(cloud, sns, topic, is_raw):
    dead_url, dead_arn = queue(cloud, "dead", topic)
    url, arn = subscribed(cloud, topic, "inbox", RawMessageDelivery=is_raw, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))
    cloud.client("sqs").delete_queue(QueueUrl=url)
    attributes = {"n": {"DataType": "Number", "StringValue": "111"}}
    sns.publish(TopicArn=topic, Message="lost", MessageAttributes=attributes)
    cloud.sleep(1)
    (message,) = received(cloud, dead_url)
    if is_raw == "true":
        assert (message["Body"], message["MessageAttributes"]) == ("lost", attributes)
    else:
        said = json.loads(message["Body"])
        assert (said["Message"], said["MessageAttributes"]) == ("lost", {"n": {"Type": "Number", "Value": "111"}})
    assert len(undelivered(cloud)) == 1 and undelivered(cloud)[0][1]


def test_a_queue_that_is_out_of_order_is_tried_until_it_is_well(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    fault = cloud.fault("service.error", {"service": "sqs"}, code="ServiceUnavailable")
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(3600)
    cloud.heal(fault)
    cloud.sleep(21)
    assert told(cloud, url) == ["x"] and undelivered(cloud) == []


def test_a_queue_that_stays_out_of_order_is_given_up_after_twenty_three_days():
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"""
    waits = [delivery_policy.pause_for_aws(n) for n in range(100_016)]
    assert waits[-1] is None and None not in waits[:-1]
    assert waits[:5] == [0, 0, 0, 1, 1] and waits[14] == waits[15] == 20 and 23 < sum(waits[:-1]) / 86_400 < 24


def test_what_was_taken_is_delivered_after_a_kill(cloud, sns, topic):
    url, _ = subscribed(cloud, topic, "inbox")
    fault = cloud.fault("service.error", {"service": "sqs"}, code="ServiceUnavailable")
    for n in range(20):
        sns.publish(TopicArn=topic, Message=f"m{n}")
    cloud.sleep(0.5)
    cloud.heal(fault)
    for _ in range(3):
        cloud.restart(kill=True)
    cloud.sleep(30)
    assert sorted(told(cloud, url)) == sorted(f"m{n}" for n in range(20))


# FIFO ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, why", [
    ({}, "The MessageGroupId parameter is required for FIFO topics"),
    ({"MessageGroupId": "g"}, "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"),
])  # fmt: skip
def test_a_fifo_topic_must_be_told_the_group_and_how_to_tell_messages_apart(sns, said, why):
    topic = sns.create_topic(Name="strict.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    assert refused(sns.publish, TopicArn=topic, Message="x", **said) == ("InvalidParameter", f"Invalid parameter: {why}")


def test_a_fifo_topic_numbers_what_it_tells_and_does_not_sign_it(cloud, sns, line):
    url, _ = subscribed(cloud, line, "inbox.fifo")
    first = sns.publish(TopicArn=line, Message="Test", MessageGroupId="g")
    cloud.sleep(1)
    (message,) = received(cloud, url)
    said = json.loads(message["Body"])
    assert list(said) == ["Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"]
    assert said["SequenceNumber"] == first["SequenceNumber"] and len(first["SequenceNumber"]) == 20
    assert message["Attributes"]["MessageGroupId"] == "g"
    # The hash of the text, as recorded.
    assert message["Attributes"]["MessageDeduplicationId"] == "532eaabd9574880dbf76b9b8cc00832c20a6ec113d682299550d7a6e0f345e25"
    second = sns.publish(TopicArn=line, Message="Other", MessageGroupId="g")
    assert second["SequenceNumber"] > first["SequenceNumber"]


def test_an_equal_message_is_taken_and_not_told_for_five_minutes(cloud, sns, line):
    url, _ = subscribed(cloud, line, "inbox.fifo", RawMessageDelivery="true")
    first = sns.publish(TopicArn=line, Message="x", MessageGroupId="g")
    again = sns.publish(TopicArn=line, Message="x", MessageGroupId="other")
    assert again["MessageId"] == first["MessageId"] and again["SequenceNumber"] == first["SequenceNumber"]
    cloud.sleep(1)
    assert len(received(cloud, url)) == 1
    cloud.sleep(300)
    sns.publish(TopicArn=line, Message="x", MessageGroupId="g")
    cloud.sleep(1)
    assert len(received(cloud, url)) == 1


def test_messages_are_told_apart_by_group_where_the_topic_says_so(cloud, sns):
    said = {"FifoTopic": "true", "ContentBasedDeduplication": "true", "FifoThroughputScope": "MessageGroup"}
    topic = sns.create_topic(Name="wide.fifo", Attributes=said)["TopicArn"]
    url, arn = queue(cloud, "inbox.fifo", topic, FifoQueue="true", DeduplicationScope="messageGroup")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for group in ("a", "b", "a"):
        sns.publish(TopicArn=topic, Message="x", MessageGroupId=group)
    cloud.sleep(1)
    assert sorted(message["Attributes"]["MessageGroupId"] for message in received(cloud, url)) == ["a", "b"]


def test_a_standard_queue_hears_a_fifo_topic_without_groups(cloud, sns, line):
    url, _ = subscribed(cloud, line, "inbox")
    sns.publish(TopicArn=line, Message="x", MessageGroupId="g")
    cloud.sleep(1)
    (message,) = received(cloud, url)
    assert "MessageGroupId" not in message["Attributes"] and json.loads(message["Body"])["SequenceNumber"]


def test_order_within_a_group_holds_through_faults_and_kills(cloud, sns, line):
    url, _ = subscribed(cloud, line, "inbox.fifo", RawMessageDelivery="true")
    fault = cloud.fault("service.error", {"service": "sqs"}, code="ServiceUnavailable", percent=50)
    for n in range(30):
        sns.publish(TopicArn=line, Message=f"{n}", MessageGroupId=f"g{n % 3}")
        if n % 10 == 5:
            cloud.restart(kill=True)
            cloud.sleep(0.2)
    cloud.heal(fault)
    cloud.sleep(600)
    by_group: dict[str, list[int]] = {}
    for message in received(cloud, url):
        by_group.setdefault(message["Attributes"]["MessageGroupId"], []).append(int(message["Body"]))
    assert by_group == {f"g{g}": list(range(g, 30, 3)) for g in range(3)}


def test_a_standard_queue_at_a_fifo_topic_has_a_standard_dead_letter_queue(cloud, sns, line):
    # Recorded: localstack's test_validations_for_fifo.
    _, arn = subscribed(cloud, line, "inbox")
    redrive = json.dumps({"deadLetterTargetArn": queue(cloud, "dead")[1]})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive)
    assert json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["RedrivePolicy"]) == json.loads(redrive)


def test_what_a_fifo_queue_does_not_take_goes_to_a_fifo_dead_letter_queue(cloud, sns, line):
    dead_url, dead_arn = queue(cloud, "dead.fifo", line, FifoQueue="true")
    url, arn = subscribed(cloud, line, "inbox.fifo")
    standard = json.dumps({"deadLetterTargetArn": queue(cloud, "dead")[1]})
    why = "Invalid parameter: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    assert refused(sns.set_subscription_attributes, SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=standard)[1] == why
    redrive = json.dumps({"deadLetterTargetArn": dead_arn})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive)
    cloud.client("sqs").delete_queue(QueueUrl=url)
    entries = [{"Id": str(n), "Message": f"m{n}", "MessageGroupId": "g"} for n in range(3)]
    reply = sns.publish_batch(TopicArn=line, PublishBatchRequestEntries=entries)
    assert all(each["SequenceNumber"] for each in reply["Successful"])
    cloud.sleep(1)
    assert told(cloud, dead_url) == ["m0", "m1", "m2"]


# Elsewhere -----------------------------------------------------------------------------------------------


def test_a_queue_in_another_region_hears_over_the_link(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue(cloud, "inbox", topic, region="eu-west-1")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="over the sea")
    cloud.sleep(5)
    assert [json.loads(message["Body"])["Message"] for message in received(cloud, url, "eu-west-1")] == ["over the sea"]
    cloud.kill("eu-west-1")
    sns.publish(TopicArn=topic, Message="into the dark")
    cloud.sleep(60)
    cloud.region("eu-west-1")
    cloud.sleep(60)
    assert [json.loads(message["Body"])["Message"] for message in received(cloud, url, "eu-west-1")] == ["into the dark"]


def test_a_queue_of_another_account_decides_by_its_own_policy(cloud, sns, topic):
    url, arn = queue(cloud, "inbox", key="111111111111")
    sqs = cloud.client("sqs", key="111111111111")
    sns.add_permission(TopicArn=topic, Label="theirs", AWSAccountId=["111111111111"], ActionName=["Subscribe"])
    cloud.client("sns", key="111111111111").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="refused")
    cloud.sleep(1)
    allow(sqs, url, arn, topic)
    sns.publish(TopicArn=topic, Message="taken")
    cloud.sleep(1)
    assert [json.loads(message["Body"])["Message"] for message in received(cloud, url, key="111111111111")] == ["taken"]
