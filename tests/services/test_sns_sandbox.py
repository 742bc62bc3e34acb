"""The SMS sandbox: whom a new account may write to, and how a number is proven to be somebody's.

https://docs.aws.amazon.com/sns/latest/dg/sns-sms-sandbox.html says the limits; no source states the texts of the refusals.
"""

from __future__ import annotations

import json
import re

import pytest
from refusals import refused_code

NUMBER, DAY_S = "+15555550100", 86_400


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


def texts(cloud, number: str = NUMBER) -> list[str]:
    """What a phone has got, oldest first."""
    cloud.sleep(1)
    found = cloud.run(cloud.region().heard("", "ses", {"ask": "list"}))
    mine = [each["id"] for each in reversed(found) if each["to"] == [f"{number}@sms.localhost"]]
    return [cloud.run(cloud.region().heard("", "ses", {"ask": "mail", "id": id_}))["text"].strip() for id_ in mine]


def code(text: str) -> str:
    return re.search("[0-9]{6}", text)[0]


def wrong(text: str) -> str:
    return f"{(int(code(text)) + 1) % 1_000_000:06d}"


def test_an_account_begins_in_the_sandbox_where_a_text_to_an_unproven_number_goes_nowhere(cloud, sns):
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is True
    assert sns.publish(PhoneNumber=NUMBER, Message="a")["MessageId"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)
    hints = []
    cloud.region().gate.on_hint = lambda *told: hints.append(told)
    sns.publish(TopicArn=topic, Message="b")
    assert texts(cloud) == []
    # Whoever runs the cloud is told, and how to repair it.
    assert hints[0][:2] == ("A text message", "PhoneNumberNotVerified") and '/_aws/sns/us-east-1/sandbox {"isInSandbox": false}' in hints[0][2]


def test_a_number_is_proven_by_the_code_that_it_gets_and_then_hears(cloud, sns):
    sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": NUMBER, "Status": "Pending"}]
    (text,) = texts(cloud)
    assert refused_code(sns.verify_sms_sandbox_phone_number, PhoneNumber=NUMBER, OneTimePassword=wrong(text)) == "VerificationException"
    sns.publish(PhoneNumber=NUMBER, Message="too early")
    sns.verify_sms_sandbox_phone_number(PhoneNumber=NUMBER, OneTimePassword=code(text))
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": NUMBER, "Status": "Verified"}]
    sns.publish(PhoneNumber=NUMBER, Message="mind the step")
    sns.publish(PhoneNumber="+15555550101", Message="mind the gap")
    assert texts(cloud) == [text, "mind the step"]
    assert texts(cloud, "+15555550101") == []
    assert refused_code(sns.create_sms_sandbox_phone_number, PhoneNumber=NUMBER) == "UserError"


def test_a_code_speaks_the_language_that_was_asked_for(cloud, sns):
    sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER, LanguageCode="de-DE")
    sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER, LanguageCode="zh-TW")
    german, chinese = texts(cloud)
    assert german.startswith("Ihr Bestätigungscode") and "驗證碼" in chinese
    # The last one counts.
    sns.verify_sms_sandbox_phone_number(PhoneNumber=NUMBER, OneTimePassword=code(chinese))


def test_a_code_that_was_asked_for_survives_a_kill(cloud, sns):
    sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER)
    cloud.restart(kill=True)
    (text,) = texts(cloud)
    sns.verify_sms_sandbox_phone_number(PhoneNumber=NUMBER, OneTimePassword=code(text))


def test_codes_numbers_and_deletions_have_their_limits(cloud, sns):
    for _ in range(5):
        sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER)
    assert refused_code(sns.create_sms_sandbox_phone_number, PhoneNumber=NUMBER) == "Throttled"
    for n in range(9):
        sns.create_sms_sandbox_phone_number(PhoneNumber=f"+1555555020{n}")
    assert refused_code(sns.create_sms_sandbox_phone_number, PhoneNumber="+15555550209") == "UserError"
    assert refused_code(sns.delete_sms_sandbox_phone_number, PhoneNumber=NUMBER) == "UserError"
    cloud.sleep(DAY_S - 60)
    assert refused_code(sns.verify_sms_sandbox_phone_number, PhoneNumber=NUMBER, OneTimePassword="00000") == "VerificationException"
    cloud.sleep(120)
    # The attempt in vain counts.
    assert refused_code(sns.delete_sms_sandbox_phone_number, PhoneNumber=NUMBER) == "UserError"
    sns.create_sms_sandbox_phone_number(PhoneNumber=NUMBER)
    sns.delete_sms_sandbox_phone_number(PhoneNumber="+15555550200")
    assert len(sns.list_sms_sandbox_phone_numbers(MaxResults=4)["PhoneNumbers"]) == 4
    assert len(sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"]) == 9


def test_what_is_not_in_the_sandbox_is_not_there_and_what_opted_out_not_asked(cloud, sns):
    for call, more in ((sns.verify_sms_sandbox_phone_number, {"OneTimePassword": "12345"}), (sns.delete_sms_sandbox_phone_number, {})):
        assert refused_code(call, PhoneNumber=NUMBER, **more) == "ResourceNotFound"
    cloud.http("POST", "/_aws/sns/us-east-1/replies", body=json.dumps({"from": NUMBER, "text": "STOP"}).encode())
    assert refused_code(sns.create_sms_sandbox_phone_number, PhoneNumber=NUMBER) == "OptedOut"


def test_an_account_is_let_out_of_the_sandbox_by_whoever_runs_the_cloud(cloud, sns):
    for body in (b"{}", b'{"isInSandbox": 0}', b'{"isInSandbox": false, "account": "999999999999"}'):
        assert cloud.http("POST", "/_aws/sns/us-east-1/sandbox", body=body)[0] == 400
    assert cloud.http("POST", "/_aws/sns/us-east-1/sandbox", body=b'{"isInSandbox": false}')[0] == 200
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    sns.publish(PhoneNumber=NUMBER, Message="a")
    assert texts(cloud) == ["a"]


def test_nobody_has_bought_a_number(sns):
    assert sns.list_origination_numbers()["PhoneNumbers"] == []
