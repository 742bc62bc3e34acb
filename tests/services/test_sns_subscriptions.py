"""Subscriptions: who may hear, of what, and whether they agreed. Answers recorded from AWS by localstack's TestSNSSubscriptionCrud."""

from __future__ import annotations

import json

import pytest
from notice_workshop import queue, received, subscribed, told
from refusals import refused

ACCOUNT = "000000000000"


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def topic(sns) -> str:
    return sns.create_topic(Name="news")["TopicArn"]


def attributes(sns, arn: str) -> dict[str, str]:
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def test_a_queue_of_ones_own_is_subscribed_at_once(cloud, sns, topic):
    url, arn = subscribed(cloud, topic, "inbox")
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox"
    assert attributes(sns, arn) == {
        "SubscriptionArn": arn, "TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn, "Owner": ACCOUNT,
        "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT}:root", "ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false",
        "RawMessageDelivery": "false",
    }  # fmt: skip
    listed = {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": queue_arn, "TopicArn": topic}
    assert sns.list_subscriptions()["Subscriptions"] == sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == [listed]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    assert received(cloud, url) == []


def test_subscribing_again_is_harmless_unless_it_would_change_something(sns, topic):
    said = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox"}
    arn = sns.subscribe(**said, Attributes={"RawMessageDelivery": "True"})["SubscriptionArn"]
    for again in ({"RawMessageDelivery": "true"}, {"RawMessageDelivery": "true", "FilterPolicyScope": "MessageAttributes"}, {}):
        assert sns.subscribe(**said, Attributes=again)["SubscriptionArn"] == arn
    assert sns.subscribe(**said)["SubscriptionArn"] == arn
    other = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageBody"}
    text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    assert refused(sns.subscribe, **said, Attributes=other) == ("InvalidParameter", text)


@pytest.mark.parametrize("said, text", [
    ({"Protocol": "pigeon", "Endpoint": "x"}, "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"),
    ({"Protocol": "sqs", "Endpoint": "http://localhost/000000000000/inbox"}, "Invalid parameter: SQS endpoint ARN"),
    ({"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:inbox.fifo"},
     "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"),
    *(({"Protocol": "sms", "Endpoint": number}, f"Invalid SMS endpoint: {number}") for number in ("+15--551234567", "NAA+15551234567", "+15551234567.")),
    ({"Protocol": "email", "Endpoint": "nobody"}, "Invalid parameter: Email address"),
    ({"Protocol": "http", "Endpoint": "https://x.example/"}, "Invalid parameter: Endpoint must match the specified protocol"),
    ({"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:inbox", "Attributes": {"RawMessageDelivery": "wrongvalue"}},
     "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false."),
    # cdk-preflight's pf-sns-firehose-subscription-role, -raw-message-delivery and -subscription-redrive, of AWS
    ({"Protocol": "firehose", "Endpoint": "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"},
     "Invalid parameter: Delivery protocol firehose can only be subscribed with subscription role arn"),
    ({"Protocol": "lambda", "Endpoint": "arn:aws:lambda:us-east-1:000000000000:function:f", "Attributes": {"RawMessageDelivery": "true"}},
     "Invalid parameter: Attributes Reason: Delivery protocol [lambda] does not support raw message delivery."),
    ({"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:inbox",
      "Attributes": {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sns:us-east-1:000000000000:news"}'}},
     "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn must be a SQS queue"),
    ({"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:inbox", "Attributes": {"FilterPolicy": '{"key":[["value"]]}'}},
     "Invalid parameter: Attributes Reason: FilterPolicy: Match value must be String, number, true, false, or null\n"
     ' at [Source: (String)"{"key":[["value"]]}"; line: 1, column: 10]'),
])  # fmt: skip
def test_what_cannot_be_subscribed_is_refused(sns, topic, said, text):
    assert refused(sns.subscribe, TopicArn=topic, **said) == ("InvalidParameter", text)


def test_a_fifo_topic_delivers_to_queues(sns):
    # cdk-preflight's pf-sns-fifo-topic-protocol, of AWS
    line = sns.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    said = {"TopicArn": line, "Protocol": "https", "Endpoint": "https://x.example/"}
    assert refused(sns.subscribe, **said) == ("InvalidParameter", "Invalid parameter: Invalid protocol type: https")


@pytest.mark.parametrize("arn, code, text", [
    ("randomstring", "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
    ("arn:aws:sns:us-east-1:random", "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 5"),
    (f"arn:aws:sns:us-east-1:{ACCOUNT}:newsaaa", "NotFound", "Topic does not exist"),
])  # fmt: skip
def test_there_must_be_a_topic_to_subscribe_to(sns, topic, arn, code, text):
    assert refused(sns.subscribe, TopicArn=arn, Protocol="http", Endpoint="http://x.example/") == (code, text)


REDACTED = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
QUOTE = "failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name"


@pytest.mark.parametrize("name, value, text", [
    ("FakeAttribute", "x", "AttributeName"),
    ("RawMessageDelivery", "test-ValUe", "RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
    ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
    ("RedrivePolicy", '{"deadLetterTargetArn": "fake-arn"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ("RedrivePolicy", "{invalidjson}", f"RedrivePolicy: {QUOTE}{REDACTED}"),
    ("FilterPolicy", "{invalidjson}", f"FilterPolicy: {QUOTE}{REDACTED}"),
    ("FilterPolicy", '{"object":{"key":[{"prefix":"auto-"}]}}', "Filter policy scope MessageAttributes does not support nested filter policy"),
    ("FilterPolicyScope", "RandomValue", "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes"),
])  # fmt: skip
def test_attributes_are_judged(cloud, sns, topic, name, value, text):
    _, arn = subscribed(cloud, topic, "inbox")
    said = refused(sns.set_subscription_attributes, SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    assert said == ("InvalidParameter", f"Invalid parameter: {text}")


def test_the_scope_of_a_filter_shows_with_the_filter(cloud, sns, topic):
    _, arn = subscribed(cloud, topic, "inbox")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    assert "FilterPolicyScope" not in attributes(sns, arn)
    policy = json.dumps({"object": {"key": [{"prefix": "auto-"}]}})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy)
    assert (attributes(sns, arn)["FilterPolicy"], attributes(sns, arn)["FilterPolicyScope"]) == (policy, "MessageBody")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="")
    assert "FilterPolicy" not in attributes(sns, arn)


def test_a_subscription_that_is_not_there(cloud, sns, topic):
    gone = f"{topic}:11111111-1111-4111-8111-111111111111"
    assert refused(sns.get_subscription_attributes, SubscriptionArn=gone) == ("NotFound", "Subscription does not exist")
    said = {"SubscriptionArn": gone, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    assert refused(sns.set_subscription_attributes, **said) == ("NotFound", "Subscription does not exist")
    sns.unsubscribe(SubscriptionArn=gone)
    _, arn = subscribed(cloud, topic, "inbox")
    for _ in range(2):
        sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "1"


@pytest.mark.parametrize("arn, text", [
    ("randomstring", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
    ("arn:aws:sns:us-east-1:random", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"),
    ("arn:aws:sns:us-east-1:111111111111:random", "SubscriptionId"),
    (None, "SubscriptionArn Reason: no value for required parameter"),
])  # fmt: skip
def test_what_names_no_subscription_cannot_be_ended(cloud, arn, text):
    client = cloud.client("sns", parameter_validation=False)
    assert refused(client.unsubscribe, **({} if arn is None else {"SubscriptionArn": arn})) == ("InvalidParameter", f"Invalid parameter: {text}")


def test_subscriptions_go_with_their_topic(cloud, sns, topic):
    _, arn = subscribed(cloud, topic, "inbox")
    sns.delete_topic(TopicArn=topic)
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert refused(sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"


def test_subscriptions_are_listed_a_hundred_at_a_time(sns, topic):
    for number in range(101):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q{number}")
    first = sns.list_subscriptions_by_topic(TopicArn=topic)
    assert len(first["Subscriptions"]) == 100
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic, NextToken=first["NextToken"])["Subscriptions"]) == 1
    assert sum(len(page["Subscriptions"]) for page in sns.get_paginator("list_subscriptions").paginate()) == 101


# Agreement -------------------------------------------------------------------------------------------


def test_a_queue_of_another_account_is_asked_first(cloud, sns, topic):
    url, arn = queue(cloud, "inbox", topic, key="111111111111")
    assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"] == "pending confirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsPending"] == "1"
    cloud.sleep(1)
    sns.publish(TopicArn=topic, Message="too early")
    (asked,) = [json.loads(message["Body"]) for message in received(cloud, url, key="111111111111")]
    assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == topic and asked["SubscribeURL"].endswith(asked["Token"])
    confirmed = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    assert sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"] == confirmed
    sns.publish(TopicArn=topic, Message="now")
    cloud.sleep(1)
    assert [json.loads(message["Body"])["Message"] for message in received(cloud, url, key="111111111111")] == ["now"]


def test_who_owns_the_queue_subscribes_it_to_a_topic_of_another_account(cloud, sns, topic):
    sns.add_permission(TopicArn=topic, Label="theirs", AWSAccountId=["111111111111"], ActionName=["Subscribe"])
    url, arn = queue(cloud, "inbox", topic, key="111111111111")
    theirs = cloud.client("sns", key="111111111111")
    subscription = theirs.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    assert attributes(theirs, subscription)["Owner"] == "111111111111" and attributes(sns, subscription)["Owner"] == "111111111111"
    assert [each["SubscriptionArn"] for each in theirs.list_subscriptions()["Subscriptions"]] == [subscription]
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert refused(cloud.client("sns", key="222222222222").get_subscription_attributes, SubscriptionArn=subscription)[0] == "AuthorizationError"
    sns.publish(TopicArn=topic, Message="hello")
    assert [json.loads(message["Body"])["Message"] for message in received(cloud, url, key="111111111111")] == ["hello"]
    theirs.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="raw")
    assert [message["Body"] for message in received(cloud, url, key="111111111111")] == ["raw"]
    theirs.unsubscribe(SubscriptionArn=subscription)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


@pytest.mark.parametrize("token, text", [("randomtoken", "Invalid token"), ("51b2ff3edb475b7d", "Invalid parameter: Token")])
def test_a_token_that_nobody_was_given_confirms_nothing(sns, topic, token, text):
    assert refused(sns.confirm_subscription, TopicArn=topic, Token=token) == ("InvalidParameter", text)


def test_who_does_not_agree_in_two_days_is_forgotten(cloud, sns, topic):
    url, arn = queue(cloud, "inbox", topic, key="111111111111")
    pending = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)["SubscriptionArn"]
    cloud.sleep(1)
    (asked,) = [json.loads(message["Body"]) for message in received(cloud, url, key="111111111111")]
    cloud.sleep(172_800)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert refused(sns.get_subscription_attributes, SubscriptionArn=pending)[0] == "NotFound"
    assert refused(sns.confirm_subscription, TopicArn=topic, Token=asked["Token"]) == ("InvalidParameter", "Invalid parameter: Token")


def test_subscriptions_survive_a_kill(cloud, sns, topic):
    url, arn = subscribed(cloud, topic, "inbox", FilterPolicy='{"kind": ["wanted"]}')
    cloud.restart(kill=True)
    wanted = {"kind": {"DataType": "String", "StringValue": "wanted"}}
    sns.publish(TopicArn=topic, Message="no")
    sns.publish(TopicArn=topic, Message="yes", MessageAttributes=wanted)
    assert told(cloud, url) == ["yes"] and attributes(sns, arn)["FilterPolicy"] == '{"kind": ["wanted"]}'


def test_a_policy_that_is_wrong_in_itself_is_refused_as_that_before_it_is_as_nested(sns):
    # Recorded: localstack's test_validate_policy_string_operators.
    topic = sns.create_topic(Name="t")["TopicArn"]
    for policy, text in (
        ({"key": {"suffix": "x"}}, 'FilterPolicy: "suffix" must be an object or an array'),
        ({"key": {"suffix": ["x"]}}, "Filter policy scope MessageAttributes does not support nested filter policy"),
    ):
        said = {"TopicArn": topic, "Protocol": "sms", "Endpoint": "+15555550100", "Attributes": {"FilterPolicy": json.dumps(policy)}}
        code, refusal = refused(sns.subscribe, **said)
        assert (code, refusal.startswith(f"Invalid parameter: Attributes Reason: {text}")) == ("InvalidParameter", True)
