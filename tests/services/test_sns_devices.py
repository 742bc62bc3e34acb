"""Platform applications and endpoints: apps, the devices they are on, and what a push service is sent for them.

What is recorded of AWS is named where it is asserted: localstack's TestSNSPlatformApplicationCrud and TestSNSPlatformEndpointCrud, moto's
verified tests of applications.
"""

from __future__ import annotations

import json

import pytest
from refusals import refused

PREFIX = "arn:aws:sns:us-east-1:000000000000"
PAIR = {"PlatformPrincipal": "id", "PlatformCredential": "secret"}


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


def made(sns, platform: str = "GCM", name: str = "app", **attributes: str) -> str:
    return sns.create_platform_application(Name=name, Platform=platform, Attributes={**PAIR, **attributes})["PlatformApplicationArn"]


def device(sns, app: str, token: str = "token", **more) -> str:
    return sns.create_platform_endpoint(PlatformApplicationArn=app, Token=token, **more)["EndpointArn"]


def pushed(cloud, endpoint: str) -> list[dict]:
    """What a push service was sent for a device, oldest first."""
    cloud.sleep(1)
    found = cloud.run(cloud.region().heard("", "ses", {"ask": "list"}))
    mine = [each["id"] for each in reversed(found) if each["to"] == [f"{endpoint.rpartition('/')[2]}@push.localhost"]]
    return [json.loads(cloud.run(cloud.region().heard("", "ses", {"ask": "mail", "id": id_}))["text"]) for id_ in mine]


def unregister(cloud, endpoint: str, *, is_registered: bool = False) -> None:
    body = json.dumps({"endpoint": endpoint, "isRegistered": is_registered}).encode()
    assert cloud.http("POST", "/_aws/sns/us-east-1/devices", body=body)[0] == 200


# Applications ----------------------------------------------------------------------------------------


def test_an_application_is_made_and_shown_without_its_credentials(sns):
    # Recorded: test_create_platform_application, test_list_platform_applications, test_set_platform_application_attributes.
    arn = made(sns, "ADM")
    assert arn == f"{PREFIX}:app/ADM/app"
    assert sns.list_platform_applications()["PlatformApplications"] == [{"PlatformApplicationArn": arn, "Attributes": {"Enabled": "true"}}]
    sns.set_platform_application_attributes(PlatformApplicationArn=arn, Attributes={"SuccessFeedbackSampleRate": "50", "PlatformCredential": "new"})
    assert sns.get_platform_application_attributes(PlatformApplicationArn=arn)["Attributes"] == {"Enabled": "true", "SuccessFeedbackSampleRate": "50"}


def test_an_application_made_again_is_the_same_unless_something_else_is_said_of_it(sns):
    arn = made(sns)
    assert made(sns) == arn
    assert refused(made, sns=sns, Enabled="false")[0] == "InvalidParameter"


@pytest.mark.parametrize(
    "said, code, text",
    [
        ({"Attributes": {}}, "ValidationError", "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null"),
        ({"Attributes": {"PlatformPrincipal": "x"}}, "InvalidParameter", "Invalid parameter: Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential"),
        ({"Attributes": {"PlatformCredential": "x"}}, "InvalidParameter", "Invalid parameter: Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal"),
        ({"Name": "a" * 257}, "InvalidParameter", f"Invalid parameter: {'a' * 257} Reason: must be at most 256 characters long"),
        ({"Name": ""}, "InvalidParameter", "Invalid parameter:  Reason: cannot be empty"),
        ({"Name": "@name"}, "InvalidParameter", "Invalid parameter: @name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"),
        ({"Platform": "AAA"}, "InvalidParameter", "Invalid parameter: Platform Reason: AAA is not supported"),
    ],
)  # fmt: skip
def test_what_is_no_application_is_refused(sns, said, code, text):
    # Recorded: test_create_platform_application_invalid_attributes, …_invalid_name, …_invalid_platform.
    params = {"Name": "app", "Platform": "ADM", "Attributes": PAIR} | said
    assert refused(sns.create_platform_application, **params) == (code, text)


def test_an_application_that_is_not_there_is_not_found_and_what_is_no_arn_refused(sns):
    # Recorded: test_(get|set)_platform_application_attributes_(invalid_arn|non_existing_app).
    gone = ("NotFound", "PlatformApplication does not exist")
    no_arn = ("InvalidParameter", "Invalid parameter: PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1")
    for call, more in ((sns.get_platform_application_attributes, {}), (sns.set_platform_application_attributes, {"Attributes": {"Enabled": "true"}})):
        assert refused(call, PlatformApplicationArn=f"{PREFIX}:app/ADM/no", **more) == gone
        assert refused(call, PlatformApplicationArn="invalid-arn", **more) == no_arn
    # Nothing to set is refused before it is looked for, an ARN that is none before that.
    assert refused(sns.set_platform_application_attributes, PlatformApplicationArn=f"{PREFIX}:app/ADM/no", Attributes={})[0] == "ValidationError"
    assert refused(sns.set_platform_application_attributes, PlatformApplicationArn="invalid-arn", Attributes={}) == no_arn
    assert refused(sns.list_endpoints_by_platform_application, PlatformApplicationArn=f"{PREFIX}:app/ADM/no") == gone
    sns.delete_platform_application(PlatformApplicationArn=f"{PREFIX}:app/ADM/no")


def test_what_would_be_logged_or_asks_a_service_that_is_not_here_is_refused_by_name(sns):
    assert refused(made, sns=sns, SuccessFeedbackRoleArn="arn:aws:iam::000000000000:role/r")[0] == "NotImplemented"
    assert refused(made, sns=sns, platform="BAIDU")[0] == "NotImplemented"


def test_what_opens_a_push_service_is_told_to_no_trail_not_even_by_who_is_denied(cloud, sns):
    secret = "nobody-else-may-read-this"
    made(sns, PlatformCredential=secret)
    iam = cloud.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    stranger = cloud.client("sns", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused(made, sns=stranger, PlatformCredential=secret)[0] == "AuthorizationError"
    cloud.sleep(1)
    told = [each["CloudTrailEvent"] for each in cloud.client("cloudtrail").lookup_events()["Events"] if each["EventName"] == "CreatePlatformApplication"]
    assert len(told) == 2 and not any(secret in event for event in told)


# Endpoints -------------------------------------------------------------------------------------------


def test_an_endpoint_is_made_shown_changed_and_deleted(sns):
    # Recorded: test_create_platform_endpoint, test_set_platform_endpoint_attributes, test_delete_platform_endpoint.
    app = made(sns, "ADM")
    arn = device(sns, app)
    assert arn.startswith(f"{PREFIX}:endpoint/ADM/app/")
    assert sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"] == {"Enabled": "true", "Token": "token"}
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "false", "CustomUserData": "u"})
    shown = {"Enabled": "false", "Token": "token", "CustomUserData": "u"}
    assert sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"] == [{"EndpointArn": arn, "Attributes": shown}]
    sns.delete_endpoint(EndpointArn=arn)
    sns.delete_endpoint(EndpointArn=arn)
    assert sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"] == []
    assert refused(sns.get_endpoint_attributes, EndpointArn=arn) == ("NotFound", "Endpoint does not exist")


def test_a_device_is_registered_once_whoever_says_something_else_of_it_is_told_so(sns):
    # Recorded: test_create_platform_endpoint_idempotency; moto's test_create_duplicate_platform_endpoint_with_attrs.
    app = made(sns)
    arn = device(sns, app, CustomUserData="u")
    assert device(sns, app, CustomUserData="u") == device(sns, app, CustomUserData="u", Attributes={"Enabled": "true"}) == arn
    other = ("InvalidParameter", f"Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes.")
    assert refused(device, sns=sns, app=app) == other
    assert refused(device, sns=sns, app=app, CustomUserData="u", Attributes={"Enabled": "false"}) == other
    second = device(sns, app, "other")
    assert refused(sns.set_endpoint_attributes, EndpointArn=second, Attributes={"Token": "token"}) == other
    # The same token is another device for another app.
    assert device(sns, made(sns, name="b")) != arn


def test_user_data_among_the_attributes_counts(sns):
    # Recorded: test_create_platform_endpoint_double_custom_data.
    arn = device(sns, made(sns), CustomUserData="bar", Attributes={"CustomUserData": "foo"})
    assert sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"]["CustomUserData"] == "foo"


@pytest.mark.parametrize(
    "attributes, why",
    [
        ({"PlatformPrincipal": "x"}, "Invalid attribute name: PlatformPrincipal"),
        ({"InvalidKey": "x"}, "Invalid attribute name: InvalidKey"),
        ({"CustomUserData": "A" * 2050}, "Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding"),
    ],
)
def test_what_is_no_attribute_of_an_endpoint_is_refused(sns, attributes, why):
    # Recorded: test_(set|create)_platform_endpoint_…_invalid_attributes.
    app = made(sns)
    said = ("InvalidParameter", f"Invalid parameter: Attributes Reason: {why}")
    assert refused(device, sns=sns, app=app, Attributes=attributes) == said
    assert refused(sns.set_endpoint_attributes, EndpointArn=device(sns, app), Attributes=attributes) == said


def test_an_arn_with_too_few_parts_is_no_endpoints(sns):
    # Recorded: test_set_platform_endpoint_attributes_invalid_arn.
    said = refused(sns.set_endpoint_attributes, EndpointArn=f"{PREFIX}:endpoint/ADM/fakeapp", Attributes={"Enabled": "false"})
    assert said == ("InvalidParameter", "Invalid parameter: EndpointArn Reason: Wrong number of slashes in relative portion of the ARN.")


def test_endpoints_go_with_their_application_and_survive_a_kill(cloud, sns):
    app = made(sns)
    arn = device(sns, app)
    cloud.restart(kill=True)
    assert sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"]["Token"] == "token"
    sns.delete_platform_application(PlatformApplicationArn=app)
    assert refused(sns.get_endpoint_attributes, EndpointArn=arn) == ("NotFound", "Endpoint does not exist")
    assert refused(sns.publish, TargetArn=arn, Message="m")[1] == "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"


def test_many_devices_come_in_pages(sns):
    app = made(sns)
    arns = [device(sns, app, f"t{n}") for n in range(130)]
    pages = list(sns.get_paginator("list_endpoints_by_platform_application").paginate(PlatformApplicationArn=app))
    assert [each["EndpointArn"] for page in pages for each in page["Endpoints"]] == arns and len(pages) == 2


# Sending ---------------------------------------------------------------------------------------------


def test_a_push_service_is_sent_what_is_published_to_a_device(cloud, sns):
    android, apple = device(sns, made(sns)), device(sns, made(sns, "APNS"))
    for arn in (android, apple):
        sns.publish(TargetArn=arn, Message="mind the step")
    assert pushed(cloud, android) == [{"platform": "GCM", "token": "token", "ttl": 2_419_200, "payload": {"data": {"default": "mind the step"}}}]
    assert pushed(cloud, apple) == [{"platform": "APNS", "token": "token", "ttl": 2_419_200, "payload": {"aps": {"alert": "mind the step"}}}]


def test_each_platform_hears_what_is_for_it(cloud, sns):
    said = {"default": "d", "GCM": json.dumps({"notification": {"title": "t"}}), "APNS": json.dumps({"aps": {"badge": 1}})}
    topic = sns.create_topic(Name="t")["TopicArn"]
    devices = [device(sns, made(sns, platform)) for platform in ("GCM", "APNS", "ADM")]
    for arn in devices:
        subscription = sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=arn)["SubscriptionArn"]
        assert sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["PendingConfirmation"] == "false"
    sns.publish(TopicArn=topic, Message=json.dumps(said), MessageStructure="json")
    payloads = [[each["payload"] for each in pushed(cloud, arn)] for arn in devices]
    assert payloads == [[{"notification": {"title": "t"}}], [{"aps": {"badge": 1}}], [{"data": {"default": "d"}}]]


def test_a_message_for_one_platform_alone_needs_no_default(cloud, sns):
    arn = device(sns, made(sns))
    sns.publish(TargetArn=arn, Message=json.dumps({"GCM": '{"data": {"a": 1}}'}), MessageStructure="json")
    assert [each["payload"] for each in pushed(cloud, arn)] == [{"data": {"a": 1}}]
    assert refused(sns.publish, TargetArn=arn, Message=json.dumps({"APNS": "{}"}), MessageStructure="json")[0] == "InvalidParameter"
    for payload in ("no json", "[]", json.dumps({"data": "x" * 4096})):
        assert refused(sns.publish, TargetArn=arn, Message=json.dumps({"GCM": payload}), MessageStructure="json")[0] == "InvalidParameter"


def test_what_the_attributes_say_to_a_push_service_is_handed_on(cloud, sns):
    arn = device(sns, made(sns, "APNS_SANDBOX"))
    own = {"AWS.SNS.MOBILE.APNS_SANDBOX.TTL": "60", "AWS.SNS.MOBILE.APNS.PRIORITY": "5", "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "background"}
    sns.publish(TargetArn=arn, Message="m", MessageAttributes={n: {"DataType": "String", "StringValue": v} for n, v in own.items()})
    (told,) = pushed(cloud, arn)
    assert (told["ttl"], told["priority"], told["push_type"]) == (60, "5", "background")


def test_what_was_published_to_a_device_survives_a_kill(cloud, sns):
    arn = device(sns, made(sns))
    sns.publish(TargetArn=arn, Message="m")
    cloud.restart(kill=True)
    assert len(pushed(cloud, arn)) == 1


def test_a_disabled_device_is_refused_before_the_message_is_looked_at(cloud, sns):
    # moto's verified test_publish_to_disabled_platform_endpoint: "msg" is no JSON.
    app = made(sns)
    arn = device(sns, app, Attributes={"Enabled": "false"})
    assert refused(sns.publish, TargetArn=arn, Message="msg", MessageStructure="json") == ("EndpointDisabled", "Endpoint is disabled")
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "true"})
    sns.set_platform_application_attributes(PlatformApplicationArn=app, Attributes={"Enabled": "false"})
    assert refused(sns.publish, TargetArn=arn, Message="msg")[0] == "PlatformApplicationDisabled"
    assert pushed(cloud, arn) == []


def test_a_topic_passes_over_a_disabled_device_and_buries_what_it_missed(cloud, sns):
    sqs = cloud.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})
    arn = device(sns, made(sns))
    topic = sns.create_topic(Name="t")["TopicArn"]
    redrive = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"})
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=arn, Attributes={"RedrivePolicy": redrive})
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "false"})
    sns.publish(TopicArn=topic, Message="m")
    assert pushed(cloud, arn) == []
    assert json.loads(sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"])["Message"] == "m"


def test_a_subscription_outlives_its_device_and_one_that_is_not_there_cannot_subscribe(cloud, sns):
    # Recorded: test_delete_platform_endpoint_with_subscription; moto's test_publish_to_deleted_platform_endpoint.
    arn = device(sns, made(sns))
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=arn)
    sns.delete_endpoint(EndpointArn=arn)
    assert [each["Endpoint"] for each in sns.list_subscriptions()["Subscriptions"]] == [arn]
    sns.publish(TopicArn=topic, Message="m")
    assert pushed(cloud, arn) == []
    said = refused(sns.subscribe, TopicArn=topic, Protocol="application", Endpoint=arn)
    assert said == ("InvalidParameter", f"Invalid parameter: Endpoint Reason: Endpoint does not exist for endpoint arn{arn}")


# What an application tells -----------------------------------------------------------------------------


@pytest.fixture
def heard(cloud, sns):
    """An application that tells of everything, and what a queue has heard of it so far."""
    sqs, topic = cloud.client("sqs"), sns.create_topic(Name="events")["TopicArn"]
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:heard", Attributes={"RawMessageDelivery": "true"})
    names = ("EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure")
    app = made(sns, **dict.fromkeys(names, topic))

    def hear() -> list[dict]:
        cloud.sleep(1)
        found = [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]
        sqs.purge_queue(QueueUrl=url)
        cloud.sleep(61)
        return found

    return app, hear


def test_an_application_tells_what_becomes_of_its_devices(sns, heard):
    app, hear = heard
    arn = device(sns, app)
    (event,) = hear()
    assert (event["EventType"], event["EndpointArn"], event["Resource"], event["Service"]) == ("EndpointCreated", arn, app, "SNS")
    device(sns, app)
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Token": "token"})
    assert hear() == []
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"CustomUserData": "u"})
    assert [event["EventType"] for event in hear()] == ["EndpointUpdated"]
    sns.delete_endpoint(EndpointArn=arn)
    assert [event["EventType"] for event in hear()] == ["EndpointDeleted"]


def test_a_device_from_which_the_app_was_taken_is_found_out_by_the_next_message(cloud, sns, heard):
    app, hear = heard
    arn = device(sns, app)
    hear()
    unregister(cloud, arn)
    message = sns.publish(TargetArn=arn, Message="m")["MessageId"]
    told = {event["EventType"]: event for event in hear()}
    assert set(told) == {"EndpointUpdated", "DeliveryFailure"}
    failure = told["DeliveryFailure"]
    assert (failure["FailureType"], failure["MessageId"], failure["EndpointArn"]) == ("InvalidPlatformToken", message, arn)
    assert sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"]["Enabled"] == "false"
    assert refused(sns.publish, TargetArn=arn, Message="m")[0] == "EndpointDisabled"
    # https://docs.aws.amazon.com/sns/latest/dg/mobile-platform-endpoint.html: a new token and the switch repair it.
    sns.set_endpoint_attributes(EndpointArn=arn, Attributes={"Token": "new", "Enabled": "true"})
    sns.publish(TargetArn=arn, Message="m")
    assert [each["token"] for each in pushed(cloud, arn)] == ["new"]


def test_an_event_that_was_promised_survives_a_kill(cloud, sns, heard):
    app, hear = heard
    device(sns, app)
    cloud.restart(kill=True)
    assert [event["EventType"] for event in hear()] == ["EndpointCreated"]


def test_what_no_device_says_is_refused(cloud, sns):
    arn = device(sns, made(sns))
    for said in ({}, {"endpoint": arn}, {"endpoint": "x", "isRegistered": False}, {"endpoint": arn[:-1] + "x", "isRegistered": False}, {"endpoint": 1, "isRegistered": True}):
        assert cloud.http("POST", "/_aws/sns/us-east-1/devices", body=json.dumps(said).encode())[0] == 400
    unregister(cloud, arn)
    unregister(cloud, arn, is_registered=True)
    sns.publish(TargetArn=arn, Message="m")
    assert len(pushed(cloud, arn)) == 1
