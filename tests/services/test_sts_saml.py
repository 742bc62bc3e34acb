"""Roles for who signs in with an organization's own SAML provider: responses that are really signed.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html; refusals as AWS documents them:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from refusals import refused
from signxml import XMLSigner
from signxml.algorithms import CanonicalizationMethod

ACCOUNT = "111111111111"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/Corp"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/R"
ISSUER = "https://idp.example.com/saml"
SAML, PROTOCOL = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
OURS = "https://aws.amazon.com/SAML/Attributes/"
TRUST = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithSAML"}


def made_key() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example.com")])
    began = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(began).not_valid_after(began + timedelta(days=36_500)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return key, certificate


KEY, CERTIFICATE = made_key()
OTHER_KEY, OTHER_CERTIFICATE = made_key()


def metadata(certificate: x509.Certificate = CERTIFICATE, **attributes: str) -> str:
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}"{more}>'
        f'<IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}"><KeyDescriptor use="signing">'
        f'<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{der}</X509Certificate></X509Data></KeyInfo>'
        f'</KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ISSUER}"/>'
        f"</IDPSSODescriptor></EntityDescriptor>"
    )


class Idp:
    """A provider, and what it says unless it is told to say something else."""

    def __init__(self, cloud) -> None:
        self.cloud = cloud

    def at(self, after_s: float = 0) -> str:
        return datetime.fromtimestamp(self.cloud.now() + after_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def response(self, **said) -> etree._Element:
        attributes = {"RoleSessionName": ["alice"], "Role": [f"{ROLE},{PROVIDER}"]} | said.get("attributes", {})
        ends = f' SessionNotOnOrAfter="{self.at(said["ends_s"])}"' if "ends_s" in said else ""
        listed = "".join(
            f'<saml:Attribute Name="{OURS}{name}">' + "".join(f"<saml:AttributeValue>{v}</saml:AttributeValue>" for v in values)
            + "</saml:Attribute>"
            for name, values in attributes.items()
        )  # fmt: skip
        return etree.fromstring(
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{SAML}" ID="_r" Version="2.0" IssueInstant="{self.at()}">'
            f'<samlp:Status><samlp:StatusCode Value="{said.get("status", "urn:oasis:names:tc:SAML:2.0:status:Success")}"/></samlp:Status>'
            f'<saml:Assertion ID="_a" Version="2.0" IssueInstant="{self.at(said.get("issued_s", 0))}">'
            f"<saml:Issuer>{said.get('issuer', ISSUER)}</saml:Issuer><saml:Subject>"
            f'<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice@example.com</saml:NameID>'
            f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
            f'NotOnOrAfter="{self.at(300)}" Recipient="{said.get("recipient", "https://signin.aws.amazon.com/saml")}"/>'
            f"</saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction><saml:Audience>"
            f"{said.get('audience', 'urn:amazon:webservices')}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{self.at()}"{ends}/><saml:AttributeStatement>{listed}</saml:AttributeStatement>'
            f"</saml:Assertion></samlp:Response>"
        )

    def signed(self, root: etree._Element, part: str = "_a", key=KEY, certificate=CERTIFICATE) -> etree._Element:
        signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
        target = root if part == "_r" else root.find(f"{{{SAML}}}Assertion")
        done = signer.sign(target, key=key, cert=[certificate.public_bytes(Encoding.PEM).decode()], reference_uri=part)
        if part == "_r":
            return done
        root.replace(target, done)
        return root


def sent(root: etree._Element) -> str:
    return base64.b64encode(etree.tostring(root)).decode()


@pytest.fixture
def iam(cloud):
    client = cloud.client("iam", key=ACCOUNT)
    client.create_saml_provider(Name="Corp", SAMLMetadataDocument=metadata())
    trusting(client, TRUST)
    return client


def trusting(iam, *statements: dict) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    try:
        iam.update_assume_role_policy(RoleName="R", PolicyDocument=document)
    except iam.exceptions.NoSuchEntityException:
        iam.create_role(RoleName="R", AssumeRolePolicyDocument=document)


@pytest.fixture
def idp(cloud, iam):
    return Idp(cloud)


@pytest.fixture
def ask(cloud, iam):
    def ask(root: etree._Element, **more) -> dict:
        params = {"RoleArn": ROLE, "PrincipalArn": PROVIDER, "SAMLAssertion": sent(root)}
        return cloud.client("sts", signature_version=__import__("botocore").UNSIGNED).assume_role_with_saml(**params | more)

    return ask


# Opening a role ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["_a", "_r"])
def test_a_signed_response_opens_the_role_whichever_part_is_signed(cloud, idp, ask, part):
    reply = ask(idp.signed(idp.response(), part))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/R/alice"
    assert reply["AssumedRoleUser"]["Arn"] == session
    assert (reply["Subject"], reply["SubjectType"], reply["Issuer"]) == ("alice@example.com", "persistent", ISSUER)
    assert reply["Audience"] == "https://signin.aws.amazon.com/saml"
    qualifier = hashlib.sha1(f"{ISSUER}{ACCOUNT}/Corp".encode()).digest()
    assert reply["NameQualifier"] == base64.b64encode(qualifier).decode()
    keys = reply["Credentials"]
    client = cloud.client("sts", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    assert client.get_caller_identity()["Arn"] == session


def test_a_forged_response_opens_nothing(idp, ask):
    words = ("InvalidIdentityToken", "Response signature invalid")
    assert refused(ask, idp.response()) == words
    assert refused(ask, idp.signed(idp.response(), key=OTHER_KEY, certificate=OTHER_CERTIFICATE)) == words
    changed = idp.signed(idp.response())
    changed.find(f".//{{{SAML}}}NameID").text = "mallory@example.com"
    assert refused(ask, changed) == words


def test_a_forged_assertion_beside_the_signed_one_is_not_read(idp, ask):
    root = idp.signed(idp.response())
    signed = root.find(f"{{{SAML}}}Assertion")
    forged = copy.deepcopy(signed)
    forged.set("ID", "_forged")
    forged.find(f".//{{{SAML}}}NameID").text = "mallory@example.com"
    for element in forged.findall("{*}Signature"):
        forged.remove(element)
    root.insert(0, forged)
    assert ask(root)["Subject"] == "alice@example.com"
    # The forged one carries the signature, and the signed one is hidden within it.
    wrapped = idp.signed(idp.response())
    signed = wrapped.find(f"{{{SAML}}}Assertion")
    forged = copy.deepcopy(signed)
    forged.set("ID", "_forged")
    forged.find(f".//{{{SAML}}}NameID").text = "mallory@example.com"
    forged.find("{*}Signature").append(copy.deepcopy(signed))
    wrapped.replace(signed, forged)
    try:
        assert ask(wrapped)["Subject"] == "alice@example.com"
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ({"issuer": "https://elsewhere"}, "InvalidIdentityToken", "Issuer not present in specified provider"),
        ({"audience": "https://elsewhere"}, "InvalidIdentityToken", "Response does not contain the required audience."),
        ({"recipient": "https://elsewhere"}, "InvalidIdentityToken", None),
        ({"status": "urn:oasis:names:tc:SAML:2.0:status:Requester"}, "InvalidIdentityToken", None),
        ({"issued_s": -301}, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"),
        ({"attributes": {"RoleSessionName": []}}, "InvalidIdentityToken", "RoleSessionName is required in AuthnResponse"),
        (
            {"attributes": {"RoleSessionName": ["a b"]}}, "InvalidIdentityToken",
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ),
        (
            {"attributes": {"SourceIdentity": ["aws:x"]}}, "InvalidIdentityToken",
            'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"',
        ),
        ({"attributes": {"Role": [f"{ROLE}x,{PROVIDER}"]}}, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"),
    ],
)  # fmt: skip
def test_a_response_that_does_not_say_enough_is_refused(idp, ask, said, code, text):
    found = refused(ask, idp.signed(idp.response(**said)))
    assert found[0] == code
    assert text in (None, found[1])


def test_what_is_no_response_is_refused(cloud, idp, ask):
    for assertion in ("????", base64.b64encode(b"<").decode(), base64.b64encode(b"<a/>").decode()):
        assert refused(ask, idp.response(), SAMLAssertion=assertion)[0] == "InvalidIdentityToken"
    bomb = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    assert refused(ask, idp.response(), SAMLAssertion=base64.b64encode(bomb).decode())[0] == "InvalidIdentityToken"


def test_a_role_trusts_by_what_the_response_says(iam, idp, ask):
    trusting(iam, TRUST | {"Condition": {"StringEquals": {"SAML:sub": "bob@example.com"}}})
    assert refused(ask, idp.signed(idp.response()))[0] == "AccessDenied"
    condition = {"StringEquals": {"SAML:sub": "alice@example.com", "SAML:iss": ISSUER, "SAML:sub_type": "persistent"}}
    trusting(iam, TRUST | {"Condition": condition | {"StringLike": {"SAML:aud": "https://*signin.aws.amazon.com/saml"}}})
    ask(idp.signed(idp.response()))


def test_tags_and_a_source_identity_need_to_be_allowed_and_come_with_the_session(cloud, iam, idp, ask):
    said = {"PrincipalTag:Team": ["red"], "TransitiveTagKeys": ["Team"], "SourceIdentity": ["alice"]}
    root = idp.signed(idp.response(attributes=said))
    assert refused(ask, root)[0] == "AccessDenied"
    trusting(iam, TRUST | {"Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]})
    reply = ask(root)
    assert reply["SourceIdentity"] == "alice"
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": {
        "aws:PrincipalTag/Team": "red", "aws:SourceIdentity": "alice", "saml:sub": "alice@example.com",
    }}}  # fmt: skip
    iam.put_role_policy(
        RoleName="R", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    keys = reply["Credentials"]
    cloud.client("sqs", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"]).list_queues()


def test_a_session_ends_with_the_one_at_the_provider(cloud, idp, ask):
    keys = ask(idp.signed(idp.response(ends_s=1_200)), DurationSeconds=3_600)["Credentials"]
    assert keys["Expiration"].timestamp() == pytest.approx(cloud.now() + 1_200, abs=2)


def test_every_region_knows_the_provider_while_iam_is_away(cloud, idp, ask):
    cloud.restart("us-east-1", kill=True)
    ask(idp.signed(idp.response()))


# The provider --------------------------------------------------------------------------------------


def test_a_provider_lives_its_life(cloud, iam):
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    shown = iam.get_saml_provider(SAMLProviderArn=PROVIDER)
    assert shown["SAMLMetadataDocument"] == metadata()
    assert shown["CreateDate"].timestamp() == int(cloud.now())
    iam.tag_saml_provider(SAMLProviderArn=PROVIDER, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    iam.untag_saml_provider(SAMLProviderArn=PROVIDER, TagKeys=["b"])
    assert iam.list_saml_provider_tags(SAMLProviderArn=PROVIDER)["Tags"] == [{"Key": "a", "Value": "2"}]
    iam.update_saml_provider(SAMLProviderArn=PROVIDER, SAMLMetadataDocument=metadata(validUntil="2100-01-01T00:00:00Z"))
    (listed,) = iam.list_saml_providers()["SAMLProviderList"]
    assert (listed["Arn"], listed["ValidUntil"]) == (PROVIDER, datetime(2100, 1, 1, tzinfo=UTC))
    iam.delete_saml_provider(SAMLProviderArn=PROVIDER)
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_saml_provider(SAMLProviderArn=PROVIDER)


def test_a_new_certificate_takes_the_old_ones_place(iam, idp, ask):
    iam.update_saml_provider(SAMLProviderArn=PROVIDER, SAMLMetadataDocument=metadata(OTHER_CERTIFICATE))
    assert refused(ask, idp.signed(idp.response()))[1] == "Response signature invalid"
    ask(idp.signed(idp.response(), key=OTHER_KEY, certificate=OTHER_CERTIFICATE))


def test_metadata_that_names_no_provider_is_refused(iam):
    long = "x" * 1_000
    for document in (long, f"<a>{long}</a>", metadata().replace("IDPSSODescriptor", "SPSSODescriptor"), metadata().replace("MII", "AAA")):
        with pytest.raises(ClientError) as caught:
            iam.create_saml_provider(Name="x", SAMLMetadataDocument=document)
        assert caught.value.response["Error"] == {"Type": "Sender", "Code": "InvalidInput", "Message": "Could not parse metadata"}
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_saml_provider(Name="Corp", SAMLMetadataDocument=metadata())
