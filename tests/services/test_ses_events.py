"""SES: what is told of mails after they were sent. Shapes:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from services.mail_workshop import ANN, BEN, letter, mails, prove, send
from services.test_events_rules import queue, received, rule

ACCOUNT = "000000000000"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
ALL = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"]
SIMULATOR = "simulator.amazonses.com"


@pytest.fixture
def told(cloud):
    """Answers the events that a queue has received from the default bus."""
    prove(cloud, ANN, BEN)
    v2 = cloud.client("sesv2")
    v2.create_configuration_set(ConfigurationSetName="set")
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="set", EventDestinationName="bus",
        EventDestination={"Enabled": True, "MatchingEventTypes": ALL, "EventBridgeDestination": {"EventBusArn": BUS}},
    )  # fmt: skip
    rule(cloud, {"Id": "q", "Arn": queue(cloud)}, pattern=json.dumps({"source": ["aws.ses"]}))

    def read() -> list[dict]:
        cloud.sleep(1)
        return [json.loads(each["Body"]) for each in received(cloud)]

    return read


def sent(cloud, *to: str, **more) -> str:
    return send(cloud, ANN, *to, ConfigurationSetName="set", Tags=[{"Name": "kind", "Value": "welcome"}], **more)


def test_a_delivered_mail_is_told_as_sent_and_delivered(cloud, told):
    id_ = sent(cloud, BEN)
    events = told()
    assert [event["detail-type"] for event in events] == ["Email Sent", "Email Delivered"]
    assert events[0]["resources"] == [f"arn:aws:ses:us-east-1:{ACCOUNT}:configuration-set/set"]
    detail = events[1]["detail"]
    assert detail["eventType"] == "Delivery"
    assert detail["delivery"]["recipients"] == [BEN]
    mail = detail["mail"]
    assert (mail["messageId"], mail["source"], mail["destination"], mail["sendingAccountId"]) == (id_, ANN, [BEN], ACCOUNT)
    assert mail["sourceArn"] == f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{ANN}"
    assert {"name": "Subject", "value": "Hi"} in mail["headers"]
    assert mail["commonHeaders"]["to"] == [BEN]
    assert (mail["tags"]["ses:configuration-set"], mail["tags"]["kind"]) == (["set"], ["welcome"])


def test_the_simulator_s_addresses_bounce_complain_and_are_suppressed(cloud, told):
    # https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
    sent(cloud, f"bounce+label@{SIMULATOR}", f"complaint@{SIMULATOR}", f"suppressionlist@{SIMULATOR}", f"success@{SIMULATOR}")
    by_kind: dict[str, list[dict]] = {}
    for event in told():
        by_kind.setdefault(event["detail-type"], []).append(event["detail"])
    [delivered], [complained] = by_kind["Email Delivered"], by_kind["Email Complaint Received"]
    assert delivered["delivery"]["recipients"] == [f"complaint@{SIMULATOR}", f"success@{SIMULATOR}"]
    assert complained["complaint"]["complainedRecipients"] == [{"emailAddress": f"complaint@{SIMULATOR}"}]
    assert complained["complaint"]["complaintFeedbackType"] == "abuse"
    bounces = {each["bounce"]["bounceSubType"]: each["bounce"] for each in by_kind["Email Bounced"]}
    assert {kind: [one["emailAddress"] for one in bounce["bouncedRecipients"]] for kind, bounce in bounces.items()} == {
        "General": [f"bounce+label@{SIMULATOR}"], "Suppressed": [f"suppressionlist@{SIMULATOR}"],
    }  # fmt: skip
    assert bounces["General"]["bounceType"] == "Permanent"
    assert bounces["General"]["bouncedRecipients"][0]["diagnosticCode"] == "smtp; 550 5.1.1 user unknown"
    [point] = cloud.client("ses").get_send_statistics()["SendDataPoints"]
    assert [point[name] for name in ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")] == [4, 2, 1, 0]


def test_bounces_and_complaints_come_back_as_letters_unless_nobody_wants_them(cloud):
    prove(cloud, ANN, BEN)
    send(cloud, ANN, f"bounce@{SIMULATOR}", f"complaint@{SIMULATOR}", f"ooto@{SIMULATOR}", ReturnPath=BEN)
    letters = [(each["Source"], each["Subject"]) for each in mails(cloud, f"?email={BEN}")[1:]]
    assert letters == [
        ("MAILER-DAEMON@amazonses.com", "Delivery Status Notification (Failure)"),
        ("complaints@amazonses.com", "Complaint notification"),
        (f"ooto@{SIMULATOR}", "Out of Office: Hi"),
    ]
    # Somebody must hear of bounces: https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityFeedbackForwardingEnabled.html
    code, _ = refused(cloud.client("ses").set_identity_feedback_forwarding_enabled, Identity=ANN, ForwardingEnabled=False)
    assert code == "InvalidParameterValue"


def test_an_address_on_the_suppression_list_is_not_sent_to(cloud, told):
    v2 = cloud.client("sesv2")
    v2.put_suppressed_destination(EmailAddress=BEN, Reason="COMPLAINT")
    sent(cloud, BEN)
    [_, bounced] = told()
    assert bounced["detail"]["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    assert cloud.client("ses").get_send_statistics()["SendDataPoints"][0]["Bounces"] == 0
    # A configuration set has reasons of its own.
    v2.put_configuration_set_suppression_options(ConfigurationSetName="set", SuppressedReasons=["BOUNCE"])
    sent(cloud, BEN)
    assert [event["detail-type"] for event in told()] == ["Email Sent", "Email Delivered"]
    v2.put_account_suppression_attributes(SuppressedReasons=[])
    assert v2.get_account()["SuppressionAttributes"] == {"SuppressedReasons": []}


def test_the_test_virus_is_rejected(cloud, told):
    virus = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    sent(cloud, BEN, Message=letter(virus))
    assert [(event["detail-type"], event["detail"].get("reject")) for event in told()] == [
        ("Email Sent", None), ("Email Rejected", {"reason": "Bad content"}),
    ]  # fmt: skip
    assert cloud.client("ses").get_send_statistics()["SendDataPoints"][0]["Rejects"] == 1


def test_a_mail_that_its_template_cannot_write_is_told(cloud, told):
    ses = cloud.client("ses")
    ses.create_template(Template={"TemplateName": "t", "SubjectPart": "{{name}}"})
    ses.send_templated_email(Source=ANN, Destination={"ToAddresses": [BEN]}, Template="t", TemplateData="{}", ConfigurationSetName="set")
    [event] = told()
    assert (event["detail-type"], event["detail"]["eventType"]) == ("Email Rendering Failed", "Rendering Failure")
    assert event["detail"]["failure"] == {"templateName": "t", "errorMessage": "Attribute 'name' is not present in the rendering data."}


def test_headers_of_a_raw_mail_name_its_set_and_tags_and_do_not_leave(cloud, told):
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-send-email.html
    raw = f"From: {ANN}\nTo: {BEN}\nX-SES-CONFIGURATION-SET: set\nX-SES-MESSAGE-TAGS: a=1, b=2\nSubject: x\n\nx"
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    tags = told()[0]["detail"]["mail"]["tags"]
    assert (tags["a"], tags["b"]) == (["1"], ["2"])
    assert "X-SES-M" not in mails(cloud, f"?id={id_}")[0]["RawData"]


def test_the_set_of_an_identity_is_that_of_its_mails(cloud, told):
    cloud.client("sesv2").put_email_identity_configuration_set_attributes(EmailIdentity=ANN, ConfigurationSetName="set")
    send(cloud)
    assert len(told()) == 2


def test_a_set_that_is_paused_or_not_there_sends_nothing(cloud, told):
    ses = cloud.client("ses")
    assert refused(send, cloud, ConfigurationSetName="none") == ("ConfigurationSetDoesNotExist", "Configuration set <none> does not exist.")
    ses.update_configuration_set_sending_enabled(ConfigurationSetName="set", Enabled=False)
    assert refused(sent, cloud, BEN)[0] == "ConfigurationSetSendingPausedException"
    assert told() == []


def test_events_of_a_region_that_is_killed_reach_their_rule_once(cloud, told):
    sent(cloud, BEN)
    cloud.restart(kill=True)
    assert [event["detail-type"] for event in told()] == ["Email Sent", "Email Delivered"]


def test_sets_and_destinations_are_made_told_changed_and_forgotten(cloud):
    ses, v2 = cloud.client("ses"), cloud.client("sesv2")
    ses.create_configuration_set(ConfigurationSet={"Name": "a"})
    assert refused(ses.create_configuration_set, ConfigurationSet={"Name": "a"})[0] == "ConfigurationSetAlreadyExists"
    assert refused(v2.create_configuration_set, ConfigurationSetName="a")[0] == "AlreadyExistsException"
    assert refused(ses.create_configuration_set, ConfigurationSet={"Name": "a b"})[0] == "InvalidConfigurationSet"
    bus = {"Enabled": True, "MatchingEventTypes": ["SEND"], "EventBridgeDestination": {"EventBusArn": BUS}}
    said = {"ConfigurationSetName": "a", "EventDestinationName": "d"}
    assert refused(v2.update_configuration_set_event_destination, **said, EventDestination=bus)[0] == "NotFoundException"
    v2.create_configuration_set_event_destination(**said, EventDestination=bus)
    assert refused(v2.create_configuration_set_event_destination, **said, EventDestination=bus)[0] == "AlreadyExistsException"
    v2.update_configuration_set_event_destination(**said, EventDestination={**bus, "Enabled": False})
    assert v2.get_configuration_set_event_destinations(ConfigurationSetName="a")["EventDestinations"] == [{**bus, "Enabled": False, "Name": "d"}]
    described = ses.describe_configuration_set(ConfigurationSetName="a", ConfigurationSetAttributeNames=["eventDestinations"])
    assert described["EventDestinations"] == [{"Name": "d", "Enabled": False, "MatchingEventTypes": ["send"]}]
    v2.delete_configuration_set_event_destination(**said)
    code, text = refused(v2.delete_configuration_set_event_destination, **said)
    assert (code, text) == ("NotFoundException", f"No EventDestination found for {said['ConfigurationSetName']}")
    assert ses.list_configuration_sets()["ConfigurationSets"] == [{"Name": "a"}]
    ses.delete_configuration_set(ConfigurationSetName="a")
    assert refused(ses.delete_configuration_set, ConfigurationSetName="a")[0] == "ConfigurationSetDoesNotExist"


@pytest.mark.parametrize(
    "destination",
    [
        {"CloudWatchDestination": {"DimensionConfigurations": [{"DimensionName": "x", "DimensionValueSource": "MESSAGE_TAG", "DefaultDimensionValue": "y"}]}},
        {"KinesisFirehoseDestination": {"IamRoleArn": "arn:aws:iam::000000000000:role/r", "DeliveryStreamArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"}},
        {"EventBridgeDestination": {"EventBusArn": BUS}, "MatchingEventTypes": ["OPEN"]},
    ],
)  # fmt: skip
def test_what_nobody_here_would_hear_or_tell_is_refused_by_name(cloud, destination):
    v2 = cloud.client("sesv2")
    v2.create_configuration_set(ConfigurationSetName="a")
    said = {"Enabled": True, "MatchingEventTypes": ["SEND"], **destination}
    code, _ = refused(v2.create_configuration_set_event_destination, ConfigurationSetName="a", EventDestinationName="d", EventDestination=said)
    assert code == "NotImplemented"


# Topics --------------------------------------------------------------------------------------------


def topic(cloud, name: str = "t") -> str:
    """A topic to which SES may publish, with a queue that hears it."""
    sns = cloud.client("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "sns:Publish", "Resource": arn}
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue(cloud, name, service="sns.amazonaws.com"), Attributes={"RawMessageDelivery": "true"})
    return arn


def heard(cloud, name: str = "t") -> list[dict]:
    cloud.sleep(1)
    return [json.loads(each["Body"]) for each in received(cloud, name)]


def test_a_set_tells_a_topic(cloud):
    prove(cloud, ANN, BEN)
    ses = cloud.client("ses")
    ses.create_configuration_set(ConfigurationSet={"Name": "set"})
    destination = {"Name": "topic", "Enabled": True, "MatchingEventTypes": ["send", "bounce"], "SNSDestination": {"TopicARN": topic(cloud)}}
    ses.create_configuration_set_event_destination(ConfigurationSetName="set", EventDestination=destination)
    id_ = sent(cloud, BEN, f"bounce@{SIMULATOR}")
    events = heard(cloud)
    assert sorted(event["eventType"] for event in events) == ["Bounce", "Send"]
    assert {event["mail"]["messageId"] for event in events} == {id_}


def test_an_identity_s_topics_hear_of_its_bounces_complaints_and_deliveries(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/notification-examples.html
    prove(cloud, ANN, BEN)
    ses, arn = cloud.client("ses"), topic(cloud)
    assert refused(ses.set_identity_notification_topic, Identity=ANN, NotificationType="Bounce", SnsTopic="no-arn")[0] == "InvalidParameterValue"
    for kind in ("Bounce", "Complaint", "Delivery"):
        ses.set_identity_notification_topic(Identity=ANN, NotificationType=kind, SnsTopic=arn)
    ses.set_identity_headers_in_notifications_enabled(Identity=ANN, NotificationType="Bounce", Enabled=True)
    ses.set_identity_feedback_forwarding_enabled(Identity=ANN, ForwardingEnabled=False)
    attributes = ses.get_identity_notification_attributes(Identities=[ANN])["NotificationAttributes"][ANN]
    assert (attributes["BounceTopic"], attributes["ForwardingEnabled"], attributes["HeadersInBounceNotificationsEnabled"]) == (arn, False, True)
    letters = len(mails(cloud))
    send(cloud, ANN, f"bounce@{SIMULATOR}", f"complaint@{SIMULATOR}")
    told = {each["notificationType"]: each for each in heard(cloud)}
    assert sorted(told) == ["Bounce", "Complaint", "Delivery"]
    assert told["Bounce"]["mail"]["commonHeaders"]["subject"] == "Hi"
    assert "headers" not in told["Complaint"]["mail"]
    assert told["Bounce"]["mail"]["sourceIp"] == "127.0.0.1"
    assert len(mails(cloud)) == letters + 1, "no letter comes back: the topics hear of it"


def test_what_was_promised_to_a_topic_survives_a_kill(cloud):
    prove(cloud, ANN, BEN)
    cloud.client("ses").set_identity_notification_topic(Identity=ANN, NotificationType="Delivery", SnsTopic=topic(cloud))
    send(cloud)
    cloud.restart(kill=True)
    assert [each["notificationType"] for each in heard(cloud)] == ["Delivery"]


def test_a_topic_that_does_not_let_ses_in_hears_nothing_and_holds_nothing_up(cloud):
    prove(cloud, ANN, BEN)
    arn = cloud.client("sns").create_topic(Name="shut")["TopicArn"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": arn}
    cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    cloud.client("ses").set_identity_notification_topic(Identity=ANN, NotificationType="Delivery", SnsTopic=arn)
    send(cloud)
    cloud.sleep(5)
    assert [event for event in cloud.events if event["kind"] == "undelivered"][0]["target"] == arn


def test_a_service_of_the_region_puts_a_letter_into_the_mailbox_once_for_each_token(cloud):
    letter_ = {"account": ACCOUNT, "from": "AWS Notifications <no-reply@sns.amazonaws.com>", "to": BEN, "subject": "s", "text": "hello\n", "token": "t"}
    for token in ("t", "t", "u"):
        cloud.run(cloud.region().heard("", "ses", {"post": {**letter_, "token": token}}))
    assert [(each["Source"], each["Subject"], each["Body"]["text_part"]) for each in mails(cloud)] == [(letter_["from"], "s", "hello\n")] * 2
    assert cloud.client("ses").get_send_quota()["SentLast24Hours"] == 0
