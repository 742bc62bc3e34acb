"""Text messages: what phones are sent, and who wants none. Refusals are recorded: localstack's TestSNSSMS."""

from __future__ import annotations

import json

import pytest
from refusals import refused

NUMBER = "+15555550100"


@pytest.fixture
def sns(cloud):
    """An account that may write to anybody."""
    assert cloud.http("POST", "/_aws/sns/us-east-1/sandbox", body=b'{"isInSandbox": false}')[0] == 200
    return cloud.client("sns")


def texts(cloud, number: str = NUMBER) -> list[dict]:
    """What a phone has got, oldest first."""
    cloud.sleep(1)
    found = cloud.run(cloud.region().heard("", "ses", {"ask": "list"}))
    mine = [each["id"] for each in reversed(found) if each["to"] == [f"{number}@sms.localhost"]]
    return [cloud.run(cloud.region().heard("", "ses", {"ask": "mail", "id": id_})) for id_ in mine]


def reply(cloud, text: str, number: str = NUMBER) -> tuple[int, dict]:
    body = json.dumps({"from": number, "text": text}).encode()
    status, _, answer = cloud.http("POST", "/_aws/sns/us-east-1/replies", body=body)
    return status, json.loads(answer)


def test_a_phone_is_sent_a_text(cloud, sns):
    assert sns.publish(PhoneNumber=NUMBER, Message="mind the step")["MessageId"]
    (text,) = texts(cloud)
    assert (text["text"].strip(), text["from"], text["subject"]) == ("mind the step", "SMS <no-reply@sns.amazonaws.com>", "Promotional text message")


def test_a_text_says_who_sends_it_and_what_for(cloud, sns):
    sns.set_sms_attributes(attributes={"DefaultSenderID": "Garden", "DefaultSMSType": "Transactional"})
    sns.publish(PhoneNumber=NUMBER, Message="a")
    own = {"AWS.SNS.SMS.SenderID": "Gate", "AWS.SNS.SMS.SMSType": "Promotional"}
    sns.publish(PhoneNumber=NUMBER, Message="b", MessageAttributes={n: {"DataType": "String", "StringValue": v} for n, v in own.items()})
    assert [(text["from"].partition(" ")[0], text["subject"].partition(" ")[0]) for text in texts(cloud)] == [("Garden", "Transactional"), ("Gate", "Promotional")]


def test_a_phone_subscribes_without_being_asked_and_hears_what_is_for_phones(cloud, sns):
    topic = sns.create_topic(Name="t")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)["SubscriptionArn"]
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "true")
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "long", "sms": "short"}), MessageStructure="json")
    assert [text["text"].strip() for text in texts(cloud)] == ["short"]


def test_a_text_survives_a_kill(cloud, sns):
    sns.publish(PhoneNumber=NUMBER, Message="mind the step")
    cloud.restart(kill=True)
    assert len(texts(cloud)) == 1


def test_who_says_stop_is_sent_nothing_until_opted_in_again(cloud, sns):
    assert reply(cloud, "thanks") == (200, {"isOptedOut": False})
    assert reply(cloud, " stop") == (200, {"isOptedOut": True})
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"] is True
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [NUMBER]
    sns.publish(PhoneNumber=NUMBER, Message="a")
    assert texts(cloud) == []
    sns.opt_in_phone_number(phoneNumber=NUMBER)
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    sns.publish(PhoneNumber=NUMBER, Message="b")
    assert len(texts(cloud)) == 1
    # https://docs.aws.amazon.com/sns/latest/api/API_OptInPhoneNumber.html: once every thirty days.
    reply(cloud, "STOP")
    assert refused(sns.opt_in_phone_number, phoneNumber=NUMBER)[0] == "InvalidParameter"
    cloud.sleep(30 * 86_400)
    sns.opt_in_phone_number(phoneNumber=NUMBER)


def test_a_number_that_never_opted_out_is_opted_in_with_success_and_what_is_no_number_refused(sns):
    sns.opt_in_phone_number(phoneNumber="+4411111111")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+4411111111")["isOptedOut"] is False
    assert refused(sns.opt_in_phone_number, phoneNumber="invalid") == ("InvalidParameter", "Invalid parameter: PhoneNumber Reason: input incorrectly formatted")


def test_settings_are_those_that_were_set_and_the_limit(sns):
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
    sns.set_sms_attributes(attributes={"DeliveryStatusSuccessSamplingRate": "100", "DefaultSenderID": "Garden"})
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1", "DeliveryStatusSuccessSamplingRate": "100", "DefaultSenderID": "Garden"}
    assert sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {"DefaultSenderID": "Garden"}


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("InvalidAttribute", "x", "InvalidAttribute is not a valid attribute"),
        ("DefaultSMSType", "invalid", "DefaultSMSType is invalid"),
        ("DefaultSenderID", "a" * 12, "DefaultSenderID is invalid"),
        ("DefaultSenderID", "123456789", "DefaultSenderID is invalid"),
        ("DeliveryStatusSuccessSamplingRate", "101", "DeliveryStatusSuccessSamplingRate is invalid"),
    ],
)
def test_what_is_no_setting_is_refused(sns, name, value, text):
    assert refused(sns.set_sms_attributes, attributes={name: value}) == ("InvalidParameter", text)


def test_what_would_cost_or_need_a_number_of_ones_own_is_refused_by_name(sns):
    assert refused(sns.set_sms_attributes, attributes={"UsageReportS3Bucket": "b"})[0] == "NotImplemented"
    price = {"AWS.SNS.SMS.MaxPrice": {"DataType": "Number", "StringValue": "0.5"}}
    assert refused(sns.publish, PhoneNumber=NUMBER, Message="x", MessageAttributes=price)[0] == "NotImplemented"
    assert refused(sns.publish, PhoneNumber=NUMBER, Message="x" * 1601) == ("InvalidParameter", "Invalid parameter: Message too long")


def test_an_answer_that_is_none_is_refused(cloud):
    for body in (b"", b"[]", b'{"from": "x", "text": "STOP"}', b'{"from": "+1555", "text": 1}', b'{"from": "+1555", "text": "STOP", "account": "999999999999"}'):
        assert cloud.http("POST", "/_aws/sns/us-east-1/replies", body=body)[0] == 400
