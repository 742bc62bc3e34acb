"""Subscribers that are no queues: functions and endpoints of HTTP. Recorded: localstack's TestSNSSubscriptionLambda, TestSNSSubscriptionHttp."""

from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from endpoint_workshop import Endpoint
from lambda_workshop import make, settle
from notice_workshop import queue, received, subscribed, told

ACCOUNT = "000000000000"


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


@pytest.fixture
def topic(sns) -> str:
    return sns.create_topic(Name="news")["TopicArn"]


# Functions ---------------------------------------------------------------------------------------------


def function(cloud, topic: str, heard, *, is_allowed: bool = True) -> str:
    """A function that writes down what it is told; answers its ARN."""
    arn = make(cloud, f"import json\ndef handler(event, context): open({str(heard)!r}, 'a').write(json.dumps(event) + '\\n')")["FunctionArn"]
    if is_allowed:
        cloud.client("lambda").add_permission(
            FunctionName="f", StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=topic
        )
    return arn


def test_a_function_is_told_as_aws_tells_it(cloud, sns, topic, tmp_path):
    arn = function(cloud, topic, tmp_path / "heard")
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    published = sns.publish(TopicArn=topic, Message="Hello world.", MessageAttributes=attributes)["MessageId"]
    settle(cloud)
    (record,) = json.loads((tmp_path / "heard").read_text())["Records"]
    said = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    assert list(said) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertUrl",
        "UnsubscribeUrl", "MessageAttributes",
    ]  # fmt: skip
    assert (said["MessageId"], said["Subject"], said["Message"]) == (published, None, "Hello world.")
    assert said["MessageAttributes"] == {"n": {"Type": "Number", "Value": "1"}}


def test_a_function_is_told_signature_version_1_whichever_it_is(cloud, sns, tmp_path):
    # Recorded, as a mistake of AWS's: localstack's test_publish_lambda_verify_signature.
    topic = sns.create_topic(Name="signed", Attributes={"SignatureVersion": "2"})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function(cloud, topic, tmp_path / "heard"))
    sns.publish(TopicArn=topic, Message="x")
    settle(cloud)
    said = json.loads((tmp_path / "heard").read_text())["Records"][0]["Sns"]
    assert (said["SignatureVersion"], len(said["Signature"]) > 100) == ("1", True)


def test_a_function_that_does_not_let_the_topic_in_is_not_told(cloud, sns, topic, tmp_path):
    dead_url, dead = queue(cloud, "dead", topic)
    arn = function(cloud, topic, tmp_path / "heard", is_allowed=False)
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes=redrive)
    sns.publish(TopicArn=topic, Message="lost", MessageAttributes={"a": {"DataType": "Number", "StringValue": "1"}})
    settle(cloud)
    assert not (tmp_path / "heard").exists()
    (message,) = received(cloud, dead_url)
    # Recorded: test_redrive_policy_lambda_subscription.
    said = json.loads(message["Body"])
    assert (said["Type"], said["Message"], said["MessageAttributes"]) == ("Notification", "lost", {"a": {"Type": "Number", "Value": "1"}})


def test_a_function_that_is_out_of_order_is_told_once_it_is_well(cloud, sns, topic, tmp_path):
    arn = function(cloud, topic, tmp_path / "heard")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    fault = cloud.fault("service.error", {"service": "lambda"}, code="ServiceException")
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(30)
    cloud.restart(kill=True)
    cloud.heal(fault)
    cloud.sleep(30)
    settle(cloud)
    assert len((tmp_path / "heard").read_text().splitlines()) == 1


# Endpoints of HTTP ---------------------------------------------------------------------------------------


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def follow(cloud, url: str) -> tuple[int, bytes]:
    status, _, body = cloud.http("GET", url.partition("4566")[2])
    return status, body


def listening(cloud, sns, topic: str, endpoint: Endpoint, **attributes: str) -> str:
    """A confirmed subscription of the endpoint."""
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=f"{endpoint.url}/hook", Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    cloud.sleep(1)
    assert follow(cloud, endpoint.asked[-1].json["SubscribeURL"])[0] == 200
    endpoint.asked.clear()
    return subscription


def names(asked) -> dict[str, str]:
    return {name: value for name, value in asked.headers.items() if name.startswith("x-amz-sns-")}


def test_an_endpoint_is_asked_first_and_agrees_by_a_link(cloud, sns, topic, endpoint):
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{endpoint.url}/hook")["SubscriptionArn"] == "pending confirmation"
    cloud.sleep(1)
    (asked,) = endpoint.asked
    said = asked.json
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/hook", "text/plain; charset=UTF-8")
    assert asked.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert names(asked) == {"x-amz-sns-message-type": "SubscriptionConfirmation", "x-amz-sns-message-id": said["MessageId"], "x-amz-sns-topic-arn": topic}
    assert list(said) == [
        "Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL",
    ]  # fmt: skip
    head = said["SubscribeURL"].partition("?")[0]
    assert said["SubscribeURL"] == f"{head}?Action=ConfirmSubscription&TopicArn={topic}&Token={said['Token']}"
    sns.publish(TopicArn=topic, Message="too early")
    for broken in (f"TopicArn=not-an-arn&Token={said['Token']}", f"TopicArn={topic.replace('us-east-1', 'eu-central-1')}&Token={said['Token']}"):
        assert b"<Message>Invalid parameter: Topic</Message>" in follow(cloud, f"{head}?Action=ConfirmSubscription&{broken}")[1]
    assert b"Invalid parameter: Token" in follow(cloud, f"{head}?Action=ConfirmSubscription&TopicArn={topic}&Token=abc123")[1]
    # Even under a wrong name the token is good (recorded).
    for named in (topic[:-1] + "a", topic):
        status, body = follow(cloud, f"{head}?Action=ConfirmSubscription&TopicArn={named}&Token={said['Token']}")
        assert status == 200 and f"<SubscriptionArn>{topic}:".encode() in body
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    shown = sns.get_subscription_attributes(SubscriptionArn=listed["SubscriptionArn"])["Attributes"]
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "false")
    assert len(endpoint.asked) == 1


def test_an_invitation_is_signed(cloud, sns, topic, endpoint):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    cloud.sleep(1)
    said = endpoint.asked[0].json
    signed = "".join(f"{name}\n{said[name]}\n" for name in ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"))
    public = x509.load_pem_x509_certificate(follow(cloud, said["SigningCertURL"])[1]).public_key()
    public.verify(base64.b64decode(said["Signature"]), signed.encode(), padding.PKCS1v15(), hashes.SHA1())


@pytest.mark.parametrize("is_raw", ["true", "false"])
def test_an_endpoint_is_told_and_may_leave_and_come_back(cloud, sns, topic, endpoint, is_raw):
    subscription = listening(cloud, sns, topic, endpoint, RawMessageDelivery=is_raw)
    sns.publish(TopicArn=topic, Message="text")
    cloud.sleep(1)
    (asked,) = endpoint.asked
    more = {"x-amz-sns-rawdelivery": "true"} if is_raw == "true" else {}
    assert names(asked) == more | {
        "x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": asked.headers["x-amz-sns-message-id"], "x-amz-sns-topic-arn": topic,
        "x-amz-sns-subscription-arn": subscription,
    }  # fmt: skip
    link = f"http://127.0.0.1:4566/_aws/sns/us-east-1/?Action=Unsubscribe&SubscriptionArn={subscription}"
    if is_raw == "true":
        assert asked.body == b"text"
    else:
        assert (asked.json["Message"], asked.json["UnsubscribeURL"]) == ("text", link)
    status, body = follow(cloud, link)
    assert status == 200 and b"<UnsubscribeResponse" in body
    sns.publish(TopicArn=topic, Message="unheard")
    cloud.sleep(1)
    assert names(endpoint.asked[1])["x-amz-sns-subscription-arn"] == subscription
    gone = endpoint.asked[1].json
    assert gone["Type"] == "UnsubscribeConfirmation" and subscription in gone["Message"] and len(endpoint.asked) == 2
    assert follow(cloud, gone["SubscribeURL"])[0] == 200
    sns.publish(TopicArn=topic, Message="heard again")
    cloud.sleep(1)
    assert len(endpoint.asked) == 3


def test_who_asked_to_be_known_cannot_be_unsubscribed_by_a_stranger(cloud, sns, topic, endpoint):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    cloud.sleep(1)
    token = endpoint.asked[0].json["Token"]
    subscription = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["ConfirmationWasAuthenticated"] == "true"
    status, body = follow(cloud, f"http://x:4566/_aws/sns/us-east-1/?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert status == 403 and b"AuthorizationError" in body
    sns.unsubscribe(SubscriptionArn=subscription)
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_a_queues_subscription_is_not_a_strangers_to_end(cloud, sns, topic):
    url, subscription = subscribed(cloud, topic, "inbox")
    assert follow(cloud, f"http://x:4566/_aws/sns/us-east-1/?Action=Unsubscribe&SubscriptionArn={subscription}")[0] == 403
    assert follow(cloud, f"http://x:4566/_aws/sns/us-east-1/?Action=DeleteTopic&TopicArn={topic}")[0] == 404
    sns.publish(TopicArn=topic, Message="x")
    assert told(cloud, url) == ["x"]


def test_an_endpoint_that_fails_is_tried_as_the_policy_says_and_then_buried(cloud, sns, topic, endpoint):
    dead_url, dead = queue(cloud, "dead", topic)
    listening(cloud, sns, topic, endpoint, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
    for _ in range(4):
        endpoint.will(500)
    sns.publish(TopicArn=topic, Message="x")
    for waited_s, attempts in ((5, 1), (20, 2), (20, 3), (20, 4), (600, 4)):
        cloud.sleep(waited_s)
        assert len(endpoint.asked) == attempts
    assert told(cloud, dead_url) == ["x"]
    assert len({asked.headers["x-amz-sns-message-id"] for asked in endpoint.asked}) == 1


def test_a_policy_may_try_more_often(cloud, sns, topic, endpoint):
    policy = {"healthyRetryPolicy": {"numRetries": 6, "numNoDelayRetries": 2, "minDelayTarget": 10, "maxDelayTarget": 30, "numMinDelayRetries": 1,
                                     "numMaxDelayRetries": 1, "backoffFunction": "linear"}}  # fmt: skip
    listening(cloud, sns, topic, endpoint, DeliveryPolicy=json.dumps(policy))
    for _ in range(7):
        endpoint.will(503)
    sns.publish(TopicArn=topic, Message="x")
    for waited_s, attempts in ((5, 3), (10, 4), (10, 5), (30, 6), (30, 7), (600, 7)):
        cloud.sleep(waited_s)
        assert len(endpoint.asked) == attempts


def test_what_an_endpoint_rejects_for_good_is_not_tried_again(cloud, sns, topic, endpoint):
    listening(cloud, sns, topic, endpoint)
    for status in (404, 429):
        endpoint.will(status)
    sns.publish(TopicArn=topic, Message="not found")
    cloud.sleep(300)
    assert len(endpoint.asked) == 1
    sns.publish(TopicArn=topic, Message="too many")
    cloud.sleep(300)
    assert len(endpoint.asked) == 3


def test_an_endpoint_that_is_not_there_hears_after_a_kill(cloud, sns, topic, endpoint):
    listening(cloud, sns, topic, endpoint)
    endpoint.will(500)
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(5)
    cloud.restart(kill=True)
    cloud.sleep(30)
    assert [asked.json["Message"] for asked in endpoint.asked] == ["x", "x"]


def test_the_content_type_is_the_policys(cloud, sns, topic, endpoint):
    policy = json.dumps({"requestPolicy": {"headerContentType": "text/csv"}})
    subscription = listening(cloud, sns, topic, endpoint, RawMessageDelivery="true", DeliveryPolicy=policy)
    sns.publish(TopicArn=topic, Message="a,b")
    cloud.sleep(1)
    assert endpoint.asked[0].headers["content-type"] == "text/csv"
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    # Recorded: test_subscribe_external_http_endpoint_content_type.
    unsaid = {"healthyRetryPolicy": None, "sicklyRetryPolicy": None, "throttlePolicy": None, "guaranteed": False}
    assert json.loads(shown["DeliveryPolicy"]) == unsaid | {"requestPolicy": {"headerContentType": "text/csv"}}
    effective = json.loads(shown["EffectiveDeliveryPolicy"])
    assert effective["healthyRetryPolicy"]["numRetries"] == 3 and effective["requestPolicy"] == {"headerContentType": "text/csv"}


def test_a_topic_may_forbid_policies_of_subscriptions(cloud, sns, topic, endpoint):
    own = json.dumps({"requestPolicy": {"headerContentType": "text/csv"}})
    listening(cloud, sns, topic, endpoint, DeliveryPolicy=own)
    all_ = json.dumps({"http": {"disableSubscriptionOverrides": True, "defaultRequestPolicy": {"headerContentType": "application/json"}}})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=all_)
    sns.publish(TopicArn=topic, Message="x")
    cloud.sleep(1)
    assert endpoint.asked[0].headers["content-type"] == "application/json"


def test_a_name_and_a_password_in_the_address_are_shown_to_the_endpoint(cloud, sns, topic, endpoint):
    address = endpoint.url.replace("http://", "http://user:secret@")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
    cloud.sleep(1)
    assert endpoint.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"user:secret").decode()


def test_a_throttled_endpoint_hears_no_more_often_than_it_wants(cloud, sns, topic, endpoint):
    listening(cloud, sns, topic, endpoint, DeliveryPolicy=json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 2}}))
    for n in range(10):
        sns.publish(TopicArn=topic, Message=str(n))
    cloud.sleep(2.2)
    assert 3 <= len(endpoint.asked) <= 6
    cloud.sleep(10)
    assert len(endpoint.asked) == 10


def test_fifo_topics_have_no_endpoints(sns):
    topic = sns.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with pytest.raises(ClientError, match="Invalid protocol type"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://x.example/")


# Mail ------------------------------------------------------------------------------------------------


def letters(cloud) -> list[dict]:
    """What lies in the mailbox, oldest first."""
    found = cloud.run(cloud.region().heard("", "ses", {"ask": "list"}))
    return [cloud.run(cloud.region().heard("", "ses", {"ask": "mail", "id": each["id"]})) for each in reversed(found)]


def test_an_address_agrees_by_the_link_in_a_letter_and_is_told_by_mail(cloud, sns):
    topic = sns.create_topic(Name="news", Attributes={"DisplayName": "The News"})["TopicArn"]
    assert sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com")["SubscriptionArn"] == "pending confirmation"
    cloud.sleep(1)
    (asked,) = letters(cloud)
    assert (asked["to"], asked["from"], asked["subject"]) == (
        ["ann@example.com"], "AWS Notifications <no-reply@sns.amazonaws.com>", "AWS Notification - Subscription Confirmation",
    )  # fmt: skip
    link = next(line for line in asked["text"].splitlines() if line.startswith("http"))
    assert follow(cloud, link)[0] == 200
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "d", "email": "for people"}), MessageStructure="json", Subject="Hear")
    sns.publish(TopicArn=topic, Message="plain")
    cloud.sleep(1)
    _, hear, plain = letters(cloud)
    assert (hear["from"], hear["subject"]) == ("The News <no-reply@sns.amazonaws.com>", "Hear") and hear["text"].startswith("for people\n\n--\n")
    assert plain["subject"] == "AWS Notification Message"
    link = next(line for line in plain["text"].splitlines() if line.startswith("http"))
    assert follow(cloud, link)[0] == 200
    sns.publish(TopicArn=topic, Message="unheard")
    cloud.sleep(1)
    gone = letters(cloud)[-1]
    assert gone["subject"] == "AWS Notification - Unsubscribe Confirmation" and len(letters(cloud)) == 4


def test_a_machine_may_read_its_mail(cloud, sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="robot@example.com")
    cloud.sleep(1)
    asked = json.loads(letters(cloud)[0]["text"])
    sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
    sns.publish(TopicArn=topic, Message="x")
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert [json.loads(letter["text"])["Type"] for letter in letters(cloud)] == ["SubscriptionConfirmation", "Notification"]
