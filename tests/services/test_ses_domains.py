"""SES: domains, which are proven by records that this cloud's name servers answer with."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from refusals import refused
from route53_workshop import Names, a
from services.mail_workshop import mails, prove

from kumoniwa.gate.address import EDGE, GLOBAL

DOMAIN, SUCCESS = "shop.example", "success@simulator.amazonses.com"


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


def status(names, identity: str = DOMAIN) -> str:
    names.cloud.sleep(70)
    return names.cloud.client("ses").get_identity_verification_attributes(Identities=[identity])["VerificationAttributes"][identity]["VerificationStatus"]


def sent(cloud, source: str) -> bytes:
    raw = f"From: {source}\r\nTo: {SUCCESS}\r\nSubject: x\r\n\r\nbody\r\n"
    id_ = cloud.client("ses").send_raw_email(RawMessage={"Data": raw})["MessageId"]
    return mails(cloud, f"?id={id_}")[0]["RawData"].encode()


def test_a_domain_is_proven_by_its_txt_record_and_lets_all_below_it_send(names):
    ses, zone = names.cloud.client("ses"), names.zone()
    token = ses.verify_domain_identity(Domain=DOMAIN)["VerificationToken"]
    names.create(zone, a("_amazonses.shop.example", '"somebody else"', kind="TXT"))
    assert status(names) == "Pending"
    assert refused(sent, names.cloud, "ann@shop.example")[0] == "MessageRejected"
    names.change(zone, ("UPSERT", a("_amazonses.shop.example", f'"{token}"', kind="TXT")))
    assert status(names) == "Success"
    assert sent(names.cloud, "anybody@mail.shop.example")
    assert refused(sent, names.cloud, "ann@other.example")[0] == "MessageRejected"


def test_a_domain_that_is_not_proven_in_72_hours_has_failed(names):
    # https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    names.cloud.client("ses").verify_domain_identity(Domain=DOMAIN)
    names.cloud.sleep(72 * 3600 + 1)
    assert status(names) == "Failed"


def test_looking_for_records_goes_on_after_a_kill_and_while_the_name_servers_are_dark(names):
    ses = names.cloud.client("ses")
    token = ses.verify_domain_identity(Domain=DOMAIN)["VerificationToken"]
    names.cloud.kill(EDGE)
    assert status(names) == "Pending"
    names.cloud.restart(kill=True)
    names.cloud.region(EDGE)
    names.create(names.zone(), a("_amazonses.shop.example", f'"{token}"', kind="TXT"))
    assert status(names) == "Success"


def easy(names, tokens: list[str]) -> None:
    records = [a(f"{token}._domainkey.shop.example", f"{token}.dkim.amazonses.com", kind="CNAME") for token in tokens]
    names.create(names.zone(), *records)


def verified(cloud, raw: bytes, monkeypatch, records: dict[str, str]) -> bool:
    """Whether the topmost signature holds, as a receiver with these records would find."""
    monkeypatch.setattr(dkim, "time", SimpleNamespace(time=cloud.now))
    return dkim.verify(raw, dnsfunc=lambda name, **_: records.get(name.decode().rstrip(".")))


def test_easy_dkim_signs_for_the_domain_once_its_three_names_are_there(names, monkeypatch):
    cloud, v2 = names.cloud, names.cloud.client("sesv2")
    made = v2.create_email_identity(EmailIdentity=DOMAIN)
    assert (made["IdentityType"], made["VerifiedForSendingStatus"], made["DkimAttributes"]["Status"]) == ("DOMAIN", False, "NOT_STARTED")
    tokens = made["DkimAttributes"]["Tokens"]
    assert len(tokens) == 3
    easy(names, tokens)
    cloud.sleep(70)
    told = v2.get_email_identity(EmailIdentity=DOMAIN)
    assert (told["VerifiedForSendingStatus"], told["VerificationStatus"], told["DkimAttributes"]["Status"]) == (True, "SUCCESS", "SUCCESS")
    raw = sent(cloud, "ann@shop.example")
    assert raw.count(b"DKIM-Signature:") == 2
    keys = json.loads(cloud.http("GET", "/_aws/ses/us-east-1/dkim")[2])
    # The receiver follows the CNAME that the domain has.
    keys |= {f"{token}._domainkey.{DOMAIN}": keys.get(f"{token}.dkim.amazonses.com") for token in tokens}
    assert f"d={DOMAIN};".encode() in raw[: raw.index(b"DKIM", 4)]
    assert verified(cloud, raw, monkeypatch, keys)
    v2.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=False)
    assert sent(cloud, "ann@shop.example").count(b"DKIM-Signature:") == 1


def test_the_first_api_adds_dkim_to_a_domain(names):
    ses = names.cloud.client("ses")
    tokens = ses.verify_domain_dkim(Domain=DOMAIN)["DkimTokens"]
    assert ses.verify_domain_dkim(Domain=DOMAIN)["DkimTokens"] == tokens
    told = ses.get_identity_dkim_attributes(Identities=[DOMAIN, "nobody.example"])["DkimAttributes"]
    assert told == {DOMAIN: {"DkimEnabled": True, "DkimVerificationStatus": "Pending", "DkimTokens": tokens}}
    easy(names, tokens)
    assert status(names) == "Success"
    ses.set_identity_dkim_enabled(Identity=DOMAIN, DkimEnabled=False)
    assert ses.get_identity_dkim_attributes(Identities=[DOMAIN])["DkimAttributes"][DOMAIN]["DkimEnabled"] is False


def test_a_customer_signs_with_a_key_of_its_own(names, monkeypatch):
    # https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-bring-your-own.html
    cloud, v2 = names.cloud, names.cloud.client("sesv2")
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = base64.b64encode(key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    own = {"DomainSigningSelector": "mine", "DomainSigningPrivateKey": private}
    told = v2.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=own)["DkimAttributes"]
    assert (told["SigningAttributesOrigin"], told["Tokens"], told["Status"]) == ("EXTERNAL", ["mine"], "NOT_STARTED")
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    names.create(names.zone(), a("mine._domainkey.shop.example", f'"{record}"', kind="TXT"))
    assert status(names) == "Success"
    assert verified(cloud, sent(cloud, "ann@shop.example"), monkeypatch, {"mine._domainkey.shop.example": record})
    for wrong in ("AAAA", "no key"):
        broken = {**own, "DomainSigningPrivateKey": wrong}
        assert refused(v2.create_email_identity, EmailIdentity="b.example", DkimSigningAttributes=broken)[0] == "BadRequestException"


def test_a_mail_from_domain_lies_below_the_identity_and_is_proven_by_its_mx_record(names):
    # https://docs.aws.amazon.com/ses/latest/dg/mail-from.html
    cloud, ses = names.cloud, names.cloud.client("ses")
    prove(cloud, "ann@shop.example")
    said = {"Identity": "ann@shop.example"}
    assert refused(ses.set_identity_mail_from_domain, **said, MailFromDomain="bounce.other.example")[0] == "InvalidParameterValue"
    ses.set_identity_mail_from_domain(**said, MailFromDomain="bounce.shop.example", BehaviorOnMXFailure="RejectMessage")

    def of() -> dict:
        return ses.get_identity_mail_from_domain_attributes(Identities=["ann@shop.example"])["MailFromDomainAttributes"]["ann@shop.example"]

    assert of() == {"MailFromDomain": "bounce.shop.example", "MailFromDomainStatus": "Pending", "BehaviorOnMXFailure": "RejectMessage"}
    assert refused(sent, cloud, "ann@shop.example")[0] == "MailFromDomainNotVerifiedException"
    names.create(names.zone(), a("bounce.shop.example", "10 feedback-smtp.us-east-1.amazonses.com", kind="MX"))
    cloud.sleep(70)
    assert of()["MailFromDomainStatus"] == "Success"
    assert sent(cloud, "ann@shop.example")
