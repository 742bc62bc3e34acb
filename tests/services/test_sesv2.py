"""The second API of SES: one store with the first, and what it has alone."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from services.mail_workshop import ANN, BEN, leave_sandbox, letter, mails, prove
from services.test_ses_sending import of_role

ACCOUNT = "000000000000"
SIMPLE = {"Simple": letter()}
TO_BEN = {"ToAddresses": [BEN]}


@pytest.fixture
def v2(cloud):
    cloud.region()
    return cloud.client("sesv2")


def test_both_apis_keep_one_store(cloud, v2):
    ses = cloud.client("ses")
    made = v2.create_email_identity(EmailIdentity=ANN, Tags=[{"Key": "a", "Value": "1"}])
    assert (made["IdentityType"], made["VerifiedForSendingStatus"]) == ("EMAIL_ADDRESS", False)
    assert refused(v2.create_email_identity, EmailIdentity=ANN)[0] == "AlreadyExistsException"
    assert ses.list_identities()["Identities"] == [ANN]
    prove(cloud, ANN)
    told = v2.get_email_identity(EmailIdentity=ANN)
    assert (told["VerifiedForSendingStatus"], told["VerificationStatus"], told["Tags"]) == (True, "SUCCESS", [{"Key": "a", "Value": "1"}])
    assert told["MailFromAttributes"] == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
    [listed] = v2.list_email_identities()["EmailIdentities"]
    assert listed == {"IdentityType": "EMAIL_ADDRESS", "IdentityName": ANN, "SendingEnabled": True, "VerificationStatus": "SUCCESS"}
    v2.create_email_template(TemplateName="t", TemplateContent={"Subject": "{{a}}", "Text": "x"})
    assert ses.get_template(TemplateName="t")["Template"] == {"TemplateName": "t", "SubjectPart": "{{a}}", "TextPart": "x"}
    v2.delete_email_identity(EmailIdentity=ANN)
    assert refused(v2.delete_email_identity, EmailIdentity=ANN)[0] == "NotFoundException"
    assert ses.list_identities()["Identities"] == []


def test_an_address_that_the_second_api_made_gets_its_letter(cloud, v2):
    v2.create_email_identity(EmailIdentity=ANN)
    cloud.restart(kill=True)
    [told] = mails(cloud)
    assert told["Destination"] == {"ToAddresses": [ANN]}


def test_simple_raw_and_templated_mails_are_sent(cloud, v2):
    prove(cloud, ANN, BEN)
    simple = v2.send_email(FromEmailAddress=ANN, Destination=TO_BEN, Content=SIMPLE)["MessageId"]
    raw = v2.send_email(Content={"Raw": {"Data": f"From: {ANN}\nTo: {BEN}\nSubject: raw\n\nx"}})["MessageId"]
    v2.create_email_template(TemplateName="t", TemplateContent={"Subject": "Dear {{name}}", "Html": "<b>{{name}}</b>"})
    data = '{"name": "Ben"}'
    named = {"Template": {"TemplateName": "t", "TemplateData": data}}
    templated = v2.send_email(FromEmailAddress=ANN, Destination=TO_BEN, Content=named)["MessageId"]
    inline = {"Template": {"TemplateContent": {"Subject": "Now {{name}}", "Text": "x"}, "TemplateData": data}}
    brought = v2.send_email(FromEmailAddress=ANN, Destination=TO_BEN, Content=inline)["MessageId"]
    told = {each["Id"]: each for each in mails(cloud)}
    assert [told[id_].get("Subject") for id_ in (simple, raw, templated, brought)] == ["Hi", None, "Dear Ben", "Now Ben"]
    assert "Subject: raw" in told[raw]["RawData"]


def test_headers_and_attachments_travel(cloud, v2):
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
    prove(cloud, ANN, BEN)
    attachment = {"FileName": "Grüße.txt", "RawContent": b"hello", "ContentType": "text/plain", "ContentDescription": "a file"}
    content = {"Simple": {**letter(), "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u>"}], "Attachments": [attachment]}}
    id_ = v2.send_email(FromEmailAddress=ANN, Destination=TO_BEN, Content=content)["MessageId"]
    from kumoniwa.services.ses import exchange

    told = cloud.run(exchange.hear(cloud.region(), "", {"ask": "mail", "id": id_}))
    assert told["attachments"] == [{"name": "Grüße.txt", "type": "text/plain", "size_bytes": 5}]
    assert ["List-Unsubscribe", "<https://example.com/u>"] in told["headers"]


def test_refusals_are_the_second_api_s(cloud, v2):
    assert refused(v2.send_email, FromEmailAddress=ANN, Destination=TO_BEN, Content=SIMPLE) == (
        "MessageRejected",
        f"Email address is not verified. The following identities failed the check in region US-EAST-1: {ANN}, {BEN}",
    )
    prove(cloud, ANN, BEN)
    said = {"FromEmailAddress": ANN, "Destination": TO_BEN, "Content": SIMPLE}
    assert refused(v2.send_email, **{**said, "FromEmailAddress": "nobody"}) == ("BadRequestException", "Missing final '@domain'")
    assert refused(v2.send_email, **said, ConfigurationSetName="none") == ("NotFoundException", "Configuration set <none> does not exist.")
    template = {"Template": {"TemplateName": "none", "TemplateData": "{}"}}
    assert refused(v2.send_email, **{**said, "Content": template}) == ("NotFoundException", "Template none does not exist")
    assert refused(v2.send_email, **{**said, "Content": {}})[0] == "BadRequestException"
    assert refused(v2.get_email_identity, EmailIdentity="none.example")[0] == "NotFoundException"
    v2.put_account_sending_attributes(SendingEnabled=False)
    assert refused(v2.send_email, **said)[0] == "SendingPausedException"
    v2.put_account_sending_attributes(SendingEnabled=True)
    for _ in range(10):
        v2.send_email(**said)
    assert refused(v2.send_email, **said) == ("TooManyRequestsException", "Maximum sending rate exceeded.")


def test_a_bulk_answers_for_each_entry(cloud, v2):
    prove(cloud, ANN, BEN)
    v2.create_email_template(TemplateName="t", TemplateContent={"Subject": "Dear {{name}}", "Text": "x"})
    content = {"Template": {"TemplateName": "t", "TemplateData": '{"name": "you"}'}}
    replaced = {"ReplacementTemplate": {"ReplacementTemplateData": '{"name": "Ben"}'}}
    entries = [
        {"Destination": TO_BEN, "ReplacementEmailContent": replaced},
        {"Destination": {"ToAddresses": ["stranger@example.org"]}},
        {"Destination": TO_BEN},
    ]
    results = v2.send_bulk_email(FromEmailAddress=ANN, DefaultContent=content, BulkEmailEntries=entries)["BulkEmailEntryResults"]
    assert [each["Status"] for each in results] == ["SUCCESS", "MESSAGE_REJECTED", "SUCCESS"]
    told = {each["Id"]: each["Subject"] for each in mails(cloud)}
    assert [told[results[n]["MessageId"]] for n in (0, 2)] == ["Dear Ben", "Dear you"]


def test_production_access_is_asked_for_and_ends_the_sandbox(cloud, v2):
    prove(cloud, ANN)
    assert (v2.get_account()["ProductionAccessEnabled"], v2.get_account()["SendQuota"]["Max24HourSend"]) == (False, 200)
    leave_sandbox(cloud)
    told = v2.get_account()
    assert (told["ProductionAccessEnabled"], told["Details"]["ReviewDetails"]) == (True, {"Status": "GRANTED"})
    assert (told["SendQuota"]["Max24HourSend"], told["SendQuota"]["MaxSendRate"]) == (50_000, 14)
    assert v2.send_email(FromEmailAddress=ANN, Destination={"ToAddresses": ["stranger@example.org"]}, Content=SIMPLE)["MessageId"]


def test_at_aws_s_pace_production_access_takes_a_day(make_cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html
    cloud = make_cloud(pace="real")
    v2 = cloud.client("sesv2")
    leave_sandbox(cloud)
    assert v2.get_account()["Details"]["ReviewDetails"] == {"Status": "PENDING"}
    assert refused(v2.put_account_details, MailType="MARKETING", WebsiteURL="https://example.com")[0] == "ConflictException"
    cloud.sleep(86_401)
    assert v2.get_account()["ProductionAccessEnabled"] is True


def test_suppressed_addresses_are_kept_listed_and_freed(cloud, v2):
    for address, reason in ((ANN, "BOUNCE"), (BEN, "COMPLAINT")):
        v2.put_suppressed_destination(EmailAddress=address, Reason=reason)
        cloud.sleep(10)
    assert v2.get_suppressed_destination(EmailAddress=ANN)["SuppressedDestination"]["Reason"] == "BOUNCE"
    listed = v2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]
    assert [each["EmailAddress"] for each in listed] == [BEN]
    assert len(v2.list_suppressed_destinations()["SuppressedDestinationSummaries"]) == 2
    v2.delete_suppressed_destination(EmailAddress=ANN)
    for call in (v2.get_suppressed_destination, v2.delete_suppressed_destination):
        assert refused(call, EmailAddress=ANN)[0] == "NotFoundException"


def test_lists_are_read_page_by_page(v2):
    for n in range(5):
        v2.create_email_template(TemplateName=f"t{n}", TemplateContent={"Subject": "x"})
    names, token = [], {}
    while True:
        page = v2.list_email_templates(PageSize=2, **token)
        names += [each["TemplateName"] for each in page["TemplatesMetadata"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == [f"t{n}" for n in range(5)]


def test_tags_are_those_of_identities_sets_templates_and_lists(v2):
    v2.create_email_template(TemplateName="t", TemplateContent={"Subject": "x"}, Tags=[{"Key": "a", "Value": "1"}])
    v2.create_configuration_set(ConfigurationSetName="s")
    for resource in ("template/t", "configuration-set/s"):
        arn = f"arn:aws:ses:us-east-1:{ACCOUNT}:{resource}"
        v2.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        v2.untag_resource(ResourceArn=arn, TagKeys=["a"])
        assert v2.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refused(v2.list_tags_for_resource, ResourceArn=f"arn:aws:ses:us-east-1:{ACCOUNT}:template/x")[0] == "NotFoundException"


def test_contact_lists_know_who_wants_to_hear_of_what(v2):
    # https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html
    topics = [{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_OUT"}]
    v2.create_contact_list(ContactListName="all", Topics=topics, Description="d")
    assert refused(v2.create_contact_list, ContactListName="more")[0] == "LimitExceededException"
    wants = [{"TopicName": "news", "SubscriptionStatus": "OPT_IN"}]
    v2.create_contact(ContactListName="all", EmailAddress=ANN, TopicPreferences=wants, AttributesData="{}")
    v2.create_contact(ContactListName="all", EmailAddress=BEN)
    assert refused(v2.create_contact, ContactListName="all", EmailAddress=BEN)[0] == "AlreadyExistsException"
    unknown = [{"TopicName": "x", "SubscriptionStatus": "OPT_IN"}]
    assert refused(v2.create_contact, ContactListName="all", EmailAddress="c@example.com", TopicPreferences=unknown)[0] == "BadRequestException"
    told = v2.get_contact(ContactListName="all", EmailAddress=ANN)
    assert (told["TopicPreferences"], told["AttributesData"], told["UnsubscribeAll"]) == (wants, "{}", False)

    def who(status: str, **topic) -> list[str]:
        asked = {"FilteredStatus": status} | ({"TopicFilter": {"TopicName": "news", **topic}} if topic else {})
        return [each["EmailAddress"] for each in v2.list_contacts(ContactListName="all", Filter=asked)["Contacts"]]

    assert who("OPT_IN", UseDefaultIfPreferenceUnavailable=True) == [ANN]
    assert who("OPT_OUT", UseDefaultIfPreferenceUnavailable=True) == [BEN]
    v2.update_contact(ContactListName="all", EmailAddress=ANN, UnsubscribeAll=True)
    assert (who("OPT_IN"), who("OPT_OUT")) == ([BEN], [ANN])
    v2.delete_contact(ContactListName="all", EmailAddress=ANN)
    assert refused(v2.get_contact, ContactListName="all", EmailAddress=ANN)[0] == "NotFoundException"
    v2.delete_contact_list(ContactListName="all")
    assert v2.list_contact_lists()["ContactLists"] == []


def test_policies_of_an_identity_are_kept_and_hold(cloud, v2):
    prove(cloud, ANN, BEN)
    arn = f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{ANN}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "ses:SendRawEmail", "Resource": arn}})
    v2.create_email_identity_policy(EmailIdentity=ANN, PolicyName="p", Policy=policy)
    assert refused(v2.create_email_identity_policy, EmailIdentity=ANN, PolicyName="p", Policy=policy)[0] == "AlreadyExistsException"
    assert cloud.client("ses").list_identity_policies(Identity=ANN)["PolicyNames"] == ["p"]
    assert v2.get_email_identity_policies(EmailIdentity=ANN)["Policies"] == {"p": policy}
    raw = {"Raw": {"Data": f"From: {ANN}\nTo: {BEN}\n\nx"}}
    # What a client wrote itself is SendRawEmail in the second API too.
    code, text = refused(v2.send_email, Content=raw)
    assert (code, "`ses:SendRawEmail'" in text) == ("AccessDeniedException", True)
    assert v2.send_email(FromEmailAddress=ANN, Destination=TO_BEN, Content=SIMPLE)
    assert refused(v2.update_email_identity_policy, EmailIdentity=ANN, PolicyName="p", Policy="{}")[0] == "BadRequestException"
    v2.delete_email_identity_policy(EmailIdentity=ANN, PolicyName="p")
    assert v2.send_email(Content=raw)


def test_a_mail_makes_use_of_its_set_and_its_template(cloud, v2):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesv2.html
    prove(cloud, ANN, BEN)
    v2.create_configuration_set(ConfigurationSetName="s")
    mailer = of_role(cloud, "ses:SendEmail", f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/*")
    said = {"Source": ANN, "Destination": TO_BEN, "Message": letter()}
    assert mailer.send_email(**said)
    code, text = refused(mailer.send_email, **said, ConfigurationSetName="s")
    assert (code, "configuration-set/s'" in text) == ("AccessDenied", True)
