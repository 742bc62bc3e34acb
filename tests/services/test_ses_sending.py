"""SES: who may send to whom, what leaves, and what is kept."""

from __future__ import annotations

import email
import email.policy
import json
from types import SimpleNamespace

import dkim
import pytest
from refusals import refused
from services.mail_workshop import ANN, BEN, letter, link_for, mails, prove, send

ACCOUNT = "000000000000"


def test_nobody_unproven_sends_and_in_the_sandbox_nobody_unproven_receives(cloud):
    # Texts: github.com/danilop/LambdAuth/issues/64, github.com/WPManageNinja/fluent-smtp/issues/103
    said = "Email address is not verified. The following identities failed the check in region US-EAST-1: "
    assert refused(send, cloud) == ("MessageRejected", said + f"{ANN}, {BEN}")
    prove(cloud, ANN)
    assert refused(send, cloud) == ("MessageRejected", said + BEN)
    prove(cloud, BEN)
    assert send(cloud)


def test_all_that_fail_are_named_as_they_were_written(cloud):
    # Text: github.com/WPManageNinja/fluent-smtp/issues/90
    raw = f"From: Ann Mathon <{ANN}>\r\nTo: success@simulator.amazonses.com\r\nSubject: x\r\n\r\nx"
    code, text = refused(cloud.client("ses").send_raw_email, Source=ANN, RawMessage={"Data": raw})
    assert (code, text.partition("US-EAST-1: ")[2]) == ("MessageRejected", f"Ann Mathon <{ANN}>, {ANN}")


def test_the_refusal_tells_how_to_repair_it(cloud):
    with pytest.raises(cloud.client("ses").exceptions.MessageRejected) as error:
        send(cloud)
    assert "/_kumoniwa/#mail" in error.value.response["ResponseMetadata"]["HTTPHeaders"]["x-kumoniwa-hint"]


def test_an_address_is_proven_by_the_link_in_its_letter_and_by_nothing_else(cloud):
    ses = cloud.client("ses")
    ses.verify_email_identity(EmailAddress=ANN)
    attributes = {"VerificationStatus": "Pending"}
    assert ses.get_identity_verification_attributes(Identities=[ANN, BEN])["VerificationAttributes"] == {ANN: attributes}
    link = link_for(cloud, ANN)
    assert cloud.http("GET", link[:-1] + "0")[0] == cloud.http("GET", link.replace(ACCOUNT, "111111111111"))[0] == 404
    assert cloud.http("GET", link.replace(ACCOUNT, ".."))[0] == 404
    assert ses.get_identity_verification_attributes(Identities=[ANN])["VerificationAttributes"] == {ANN: attributes}
    assert cloud.http("GET", link)[0] == 200
    assert ses.get_identity_verification_attributes(Identities=[ANN])["VerificationAttributes"][ANN]["VerificationStatus"] == "Success"


def test_a_link_counts_for_a_day_and_only_the_newest_does(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    ses = cloud.client("ses")
    ses.verify_email_identity(EmailAddress=ANN)
    old = link_for(cloud, ANN)
    ses.verify_email_identity(EmailAddress=ANN)
    assert cloud.http("GET", old)[0] == 404
    newest = link_for(cloud, ANN)
    cloud.sleep(86_401)
    assert cloud.http("GET", newest)[0] == 404
    assert ses.get_identity_verification_attributes(Identities=[ANN])["VerificationAttributes"][ANN]["VerificationStatus"] == "Failed"


def test_time_runs_out_also_over_a_kill(cloud):
    cloud.client("ses").verify_email_identity(EmailAddress=ANN)
    cloud.restart(kill=True)
    cloud.sleep(86_401)
    found = cloud.client("ses").get_identity_verification_attributes(Identities=[ANN])["VerificationAttributes"]
    assert found[ANN]["VerificationStatus"] == "Failed"


def test_a_label_and_the_case_of_a_domain_make_no_other_sender(cloud):
    prove(cloud, ANN)
    send(cloud, "ann+news@EXAMPLE.com", "success@simulator.amazonses.com")
    assert refused(send, cloud, "Ann@example.com", "success@simulator.amazonses.com")[0] == "MessageRejected"


def test_a_mail_is_kept_as_it_left_and_told_in_the_shape_that_test_suites_know(cloud):
    # https://docs.localstack.cloud/aws/services/ses/
    prove(cloud, ANN, BEN)
    id_ = send(cloud, f"Änn <{ANN}>", BEN, Message=letter("two\nlines", "Grüße", Html={"Data": "<p>lines</p>"}), ReplyToAddresses=["reply@example.org"])
    [told] = mails(cloud, f"?id={id_}")
    assert told == {
        "Id": id_, "Region": "us-east-1", "Timestamp": "2030-01-01T00:00:00Z", "Source": f"Änn <{ANN}>",
        "Destination": {"ToAddresses": [BEN]}, "Subject": "Grüße", "Body": {"text_part": "two\nlines", "html_part": "<p>lines</p>"},
    }  # fmt: skip
    assert [mail["Id"] for mail in mails(cloud, f"?email={BEN}")][-1] == id_
    assert mails(cloud, "?account=111111111111") == []


def test_the_mailbox_survives_a_kill_and_can_be_emptied_without_giving_quota_back(cloud):
    prove(cloud, ANN, BEN)
    first, second = send(cloud), send(cloud)
    cloud.restart(kill=True)
    assert [mail["Id"] for mail in mails(cloud)][-2:] == [first, second]
    assert cloud.http("DELETE", f"/_aws/ses?id={first}")[0] == 204
    assert [mail["Id"] for mail in mails(cloud)][-1] == second
    assert first not in [mail["Id"] for mail in mails(cloud)]
    assert cloud.http("DELETE", "/_aws/ses")[0] == 204
    assert mails(cloud) == []
    assert cloud.client("ses").get_send_quota()["SentLast24Hours"] == 2
    cloud.run(cloud.region().reset())
    assert cloud.client("ses").get_send_quota()["SentLast24Hours"] == 0


def test_regions_and_accounts_have_mailboxes_and_identities_of_their_own(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    prove(cloud, ANN, BEN)
    abroad, other = cloud.client("ses", "eu-west-1"), cloud.client("ses", key="111111111111")
    assert refused(send, cloud, client=abroad)[1].endswith(f"region EU-WEST-1: {ANN}, {BEN}")
    assert refused(send, cloud, client=other)[0] == "MessageRejected"
    prove(cloud, ANN, BEN, region="eu-west-1")
    send(cloud, client=abroad)
    assert [mail["Region"] for mail in mails(cloud, region="eu-west-1")] == ["eu-west-1"] * 3
    assert len(mails(cloud)) == 2


def every_header(cloud, id_: str) -> email.message.EmailMessage:
    return email.message_from_string(mails(cloud, f"?id={id_}")[0]["RawData"], policy=email.policy.default)


def test_a_raw_mail_keeps_its_text_and_gets_the_headers_that_ses_sets(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    prove(cloud, ANN, BEN)
    raw = (
        f"From: {ANN}\r\nTo: {BEN}\r\nBcc: success@simulator.amazonses.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <mine>\r\n"
        "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\nX-Mine: kept\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nline one\r\n.\r\nline three\r\n"
    )
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    [told] = mails(cloud, f"?id={id_}")
    assert told["Destination"] == {"ToAddresses": [BEN], "BccAddresses": ["success@simulator.amazonses.com"]}
    left = every_header(cloud, id_)
    assert left["Message-ID"] == f"<{id_}@email.amazonses.com>"
    assert (left["Bcc"], left["X-Mine"], left["Subject"], left["Date"]) == (None, "kept", "Grüße", "Tue, 01 Jan 2030 00:00:00 +0000")
    assert left.get_content().replace("\r\n", "\n") == "line one\n.\nline three\n"


def test_destinations_of_a_raw_mail_stand_before_its_headers(cloud):
    prove(cloud, ANN, BEN)
    raw = f"From: {ANN}\nTo: nobody@example.org\nSubject: x\n\nx"
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw}, Destinations=[BEN])["MessageId"]
    assert mails(cloud, f"?id={id_}")[0]["Destination"] == {"ToAddresses": [BEN]}


def test_a_name_with_commas_is_one_recipient(cloud):
    # moto: test_send_raw_email__with_to_address_display_name
    prove(cloud, ANN, BEN)
    raw = f'From: {ANN}\nTo: "a, b, c" <{BEN}>, success@simulator.amazonses.com\n\nx'
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    assert mails(cloud, f"?id={id_}")[0]["Destination"]["ToAddresses"] == [f'"a, b, c" <{BEN}>', "success@simulator.amazonses.com"]


def test_a_raw_mail_that_does_not_say_who_wrote_it_is_its_source_s(cloud):
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html (Source)
    prove(cloud, ANN, BEN)
    id_ = cloud.client("ses").send_raw_email(Source=ANN, Destinations=[BEN], RawMessage={"Data": "Subject: x\n\nx"})["MessageId"]
    assert every_header(cloud, id_)["From"] == ANN


def test_a_raw_mail_from_nobody_or_to_nobody_is_refused(cloud):
    ses = cloud.client("ses")
    assert refused(ses.send_raw_email, RawMessage={"Data": "To: a@example.com\n\nx"}) == ("InvalidParameterValue", "Missing required header 'From'.")
    assert refused(ses.send_raw_email, RawMessage={"Data": f"From: {ANN}\n\nx"}) == ("InvalidParameterValue", "Missing required header 'To'.")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("nobody", "Missing final '@domain'"),
        ("@example.com", "Missing local name"),
        ("ann@", "Missing domain"),
        ("ann@exa mple.com", "Domain contains control or whitespace"),
        ("ann@.example.com", "Domain starts with dot"),
        ("ann@example..com", "Domain contains dot-dot"),
        ("änn@example.com", "Local address contains illegal character"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_the_words_of_its_parser(cloud, source, text):
    # SES parses addresses with JavaMail: jakarta.mail.internet.InternetAddress#checkAddress
    assert refused(send, cloud, source) == ("InvalidParameterValue", text)


def test_headers_cannot_be_smuggled_in(cloud):
    prove(cloud, ANN, BEN)
    for subject in ("x\r\nBcc: eve@example.org", "x\nX-Evil: 1"):
        assert refused(send, cloud, Message=letter(subject=subject))[0] == "InvalidParameterValue"


def test_recipients_are_fifty_at_most_and_a_mail_ten_megabytes(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/quotas.html
    prove(cloud, ANN, BEN)
    many = [f"success+{n}@simulator.amazonses.com" for n in range(51)]
    assert refused(send, cloud, ANN, *many) == ("InvalidParameterValue", "Recipient count exceeds 50.")
    code, text = refused(send, cloud, Message=letter("x" * (10 << 20)))
    assert code == "InvalidParameterValue"
    assert text.startswith("Message length is more than 10485760 bytes long")
    assert refused(send, cloud, Destination={"ToAddresses": []}) == ("InvalidParameterValue", "Missing required header 'To'.")


def test_the_sandbox_sends_one_a_second_and_two_hundred_a_day(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html: the rate may be exceeded for short bursts.
    prove(cloud, ANN, BEN)
    ses = cloud.client("ses")
    assert {key: ses.get_send_quota()[key] for key in ("Max24HourSend", "MaxSendRate", "SentLast24Hours")} == {
        "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 0.0,
    }  # fmt: skip
    for _ in range(10):
        send(cloud)
    assert refused(send, cloud) == ("Throttling", "Maximum sending rate exceeded.")
    cloud.sleep(1)
    send(cloud)
    assert refused(send, cloud)[0] == "Throttling"
    for _ in range(189):
        cloud.sleep(1)
        send(cloud)
    cloud.sleep(20)
    assert refused(send, cloud) == ("Throttling", "Daily message quota exceeded.")
    cloud.sleep(86_400)
    send(cloud)
    points = ses.get_send_statistics()["SendDataPoints"]
    assert [point["DeliveryAttempts"] for point in points] == [200, 1]


def test_a_paused_account_sends_nothing(cloud):
    prove(cloud, ANN, BEN)
    ses = cloud.client("ses")
    ses.update_account_sending_enabled(Enabled=False)
    assert ses.get_account_sending_enabled()["Enabled"] is False
    assert refused(send, cloud) == ("AccountSendingPausedException", f"Email sending is disabled for AWS account {ACCOUNT}.")
    ses.update_account_sending_enabled(Enabled=True)
    assert send(cloud)


def test_identities_are_listed_by_kind_and_forgotten(cloud):
    ses = cloud.client("ses")
    ses.verify_domain_identity(Domain="Example.ORG")
    prove(cloud, ANN)
    assert ses.list_identities()["Identities"] == [ANN, "example.org"]
    assert ses.list_identities(IdentityType="Domain")["Identities"] == ["example.org"]
    assert ses.list_identities(IdentityType="EmailAddress")["Identities"] == ses.list_verified_email_addresses()["VerifiedEmailAddresses"] == [ANN]
    ses.delete_identity(Identity=ANN)
    ses.delete_identity(Identity=ANN)
    assert ses.list_identities()["Identities"] == ["example.org"]
    assert refused(ses.verify_email_identity, EmailAddress="nobody") == ("InvalidParameterValue", "Invalid email address<nobody>.")
    assert refused(ses.verify_domain_identity, Domain="no domain")[0] == "InvalidParameterValue"


TRUST = '{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'


def of_role(cloud, actions: str, resource: str = "*", **condition):
    """A client with the keys of a role that may do this and no more."""
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName="mailer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource} | ({"Condition": condition} if condition else {})
    iam.put_role_policy(RoleName="mailer", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="mailer")["Credentials"]
    return cloud.client("ses", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])


def test_a_role_sends_only_as_the_identities_it_is_granted(cloud):
    # https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
    prove(cloud, ANN, BEN)
    mailer = of_role(cloud, "ses:SendEmail", f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{ANN}")
    assert send(cloud, client=mailer)
    code, text = refused(send, cloud, BEN, ANN, client=mailer)
    assert (code, text.partition("' is ")[2]) == (
        "AccessDenied", f"not authorized to perform `ses:SendEmail' on resource `arn:aws:ses:us-east-1:{ACCOUNT}:identity/{BEN}'",
    )  # fmt: skip
    raw = {"Data": f"From: {ANN}\nTo: {BEN}\n\nx"}
    assert refused(mailer.send_raw_email, RawMessage=raw)[0] == "AccessDenied"


def test_condition_keys_bind_sender_and_recipients(cloud):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html#amazonses-policy-keys
    prove(cloud, ANN, BEN)
    condition = {"StringEquals": {"ses:FromAddress": ANN}, "ForAllValues:StringLike": {"ses:Recipients": "*@example.net"}}
    mailer = of_role(cloud, "ses:*", **condition)
    assert send(cloud, f"Ann <{ANN}>", BEN, client=mailer)
    assert refused(send, cloud, BEN, BEN, client=mailer)[0] == "AccessDenied"
    assert refused(send, cloud, ANN, ANN, client=mailer)[0] == "AccessDenied"
    assert refused(mailer.send_raw_email, RawMessage={"Data": f"From: {ANN}\nTo: {ANN}\n\nx"})[0] == "AccessDenied"


def test_neither_an_envelope_nor_an_arn_hides_who_a_mail_is_from(cloud):
    prove(cloud, ANN, BEN)
    own = f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{ANN}"
    mailer = of_role(cloud, "ses:Send*", own)
    forged = {"Data": f"From: {BEN}\nTo: {ANN}\n\nx"}
    assert refused(mailer.send_raw_email, Source=ANN, RawMessage=forged)[0] == "AccessDenied"
    assert refused(send, cloud, BEN, ANN, client=mailer, SourceArn=own)[0] == "AccessDenied"


def test_an_identity_of_somebody_else_is_refused_by_name(cloud):
    prove(cloud, ANN, BEN)
    code, _ = refused(send, cloud, SourceArn="arn:aws:ses:us-east-1:111111111111:identity/example.com")
    assert code == "NotImplemented"
    assert send(cloud, SourceArn=f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{ANN}")


def keys_of(cloud) -> dict[str, str]:
    """The records under which a receiver finds the keys of signatures."""
    return json.loads(cloud.http("GET", "/_aws/ses/us-east-1/dkim")[2])


def test_each_mail_is_signed_by_amazon_and_the_signature_is_real(cloud, monkeypatch):
    prove(cloud, ANN, BEN)
    raw = f"From: {ANN}\r\nTo: {BEN}\r\nSubject: a\r\n folded   one\r\n\r\nbody\r\n\r\n"
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    left = mails(cloud, f"?id={id_}")[0]["RawData"].encode()
    assert b"d=amazonses.com;" in left

    # A receiver refuses signatures of the future, and this is 2030.
    monkeypatch.setattr(dkim, "time", SimpleNamespace(time=cloud.now))

    def found(name, **_):
        return keys_of(cloud).get(name.decode().rstrip("."))

    assert dkim.verify(left, dnsfunc=found)
    assert not dkim.verify(left.replace(b"body", b"b0dy"), dnsfunc=found)
    assert not dkim.verify(left.replace(b"folded", b"f0lded"), dnsfunc=found)


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("a:1", "x", "Invalid tag name <a:1>: only alphanumeric ASCII characters, '_',  '-' are allowed."),
        ("a", "x:1", "Invalid tag value <x:1>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed."),
        ("a@1", "x" * 256, "Invalid tag name <a@1>: only alphanumeric ASCII characters, '_',  '-' are allowed."),
        ("a" * 256, "x", "Tag name cannot exceed 255 characters."),
        ("a", "x" * 256, "Tag value cannot exceed 255 characters."),
        ("", "", "The tag name must be specified."),
        ("a", "", "The tag value must be specified."),
    ],
)
def test_the_tags_of_a_mail_are_read_before_its_sender_is(cloud, name, value, text):
    # Recorded: localstack's test_invalid_tags_send_email.
    said = refused(
        cloud.client("ses").send_email, Source="nobody@example.com", Destination={"ToAddresses": ["success@example.com"]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}, Tags=[{"Name": name, "Value": value}],
    )  # fmt: skip
    assert said == ("InvalidParameterValue", text)


def test_a_mail_may_have_the_tags_that_ses_itself_reads(cloud):
    # localstack's test_special_tags_send_email, validated against AWS.
    said = refused(
        cloud.client("ses").send_email, Source="nobody@example.com", Destination={"ToAddresses": ["success@example.com"]},
        Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}, Tags=[{"Name": "ses:feedback-id-a", "Value": "this-campaign"}],
    )  # fmt: skip
    assert said[0] == "MessageRejected"
