"""Sign-in to a user pool with an organization's own SAML provider: responses that are really signed.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-SAML-session-initiation.html
"""

from __future__ import annotations

import base64
import copy
import json
import threading
import zlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape

import pytest
from cognito_workshop import Pool, attributes, claims
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from refusals import refused
from signxml import XMLSigner
from signxml.algorithms import CanonicalizationMethod
from test_cloudformation_stack import create, outputs
from test_cognito_idp_federation import BACK, HOST, OAUTH
from test_sts_saml import CERTIFICATE, ISSUER, KEY, OTHER_CERTIFICATE, OTHER_KEY, PROTOCOL, SAML, metadata, sent

SIGN_ON = "https://idp.example.com/sso"
DOOR = f"http://{HOST}/saml2/idpresponse"
WRONG_PAGE = b"Invalid samlResponse or relayState from identity provider"


def published(certificate=CERTIFICATE) -> str:
    """Metadata that name where people are sent by a redirection."""
    door = f'<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{SIGN_ON}"/>'
    return metadata(certificate).replace("</IDPSSODescriptor>", f"{door}</IDPSSODescriptor>")


class Corp:
    """A pool with hosted pages, and a SAML provider of it called Corp, whose responses are made here."""

    def __init__(self, cloud, *, details: dict | None = None, offered: list | None = None, mapping: dict | None = None, **settings) -> None:
        self.cloud, self.pool = cloud, Pool(cloud, client={"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}, **settings)
        self.idp, self.id, self.client = self.pool.idp, self.pool.id, self.pool.client
        self.idp.create_user_pool_domain(Domain="shop", UserPoolId=self.id)
        self.made = self.idp.create_identity_provider(
            UserPoolId=self.id, ProviderName="Corp", ProviderType="SAML", ProviderDetails=details or {"MetadataFile": published()},
            AttributeMapping={"email": "mail"} if mapping is None else mapping,
        )["IdentityProvider"]  # fmt: skip
        self.idp.update_user_pool_client(UserPoolId=self.id, ClientId=self.client, **OAUTH, SupportedIdentityProviders=offered or ["Corp"])

    def at(self, after_s: float = 0) -> str:
        return datetime.fromtimestamp(self.cloud.now() + after_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def sent(self) -> tuple[etree._Element, str, dict[str, str]]:
        """The request that somebody is sent with, the state that goes along, and the cookie of his browser."""
        query = urlencode({"client_id": self.client, "response_type": "code", "redirect_uri": BACK, "state": "s", "scope": "openid email"})
        status, headers, _ = self.cloud.http("GET", f"/oauth2/authorize?{query}", host=HOST)
        assert status == 302
        assert headers["Location"].startswith(f"{SIGN_ON}?")
        told = {name: values[0] for name, values in parse_qs(urlsplit(headers["Location"]).query).items()}
        request = etree.fromstring(zlib.decompress(base64.b64decode(told["SAMLRequest"]), wbits=-15))
        return request, told["RelayState"], {"cookie": headers["Set-Cookie"].partition(";")[0]}

    def response(self, request_id: str | None, **said) -> etree._Element:
        answers = f' InResponseTo="{request_id}"' if request_id is not None else ""
        listed = "".join(
            f'<saml:Attribute Name="{name}">' + "".join(f"<saml:AttributeValue>{escape(v)}</saml:AttributeValue>" for v in values) + "</saml:Attribute>"
            for name, values in said.get("attributes", {"mail": ["ann@example.com"]}).items()
        )
        return etree.fromstring(
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{SAML}" ID="_r" Version="2.0" IssueInstant="{self.at()}"{answers}>'
            f'<samlp:Status><samlp:StatusCode Value="{said.get("status", "urn:oasis:names:tc:SAML:2.0:status:Success")}"/></samlp:Status>'
            f'<saml:Assertion ID="_{said.get("id", "a")}" Version="2.0" IssueInstant="{self.at(said.get("issued_s", 0))}">'
            f"<saml:Issuer>{said.get('issuer', ISSUER)}</saml:Issuer><saml:Subject><saml:NameID>{said.get('name', 'Ann-7')}</saml:NameID>"
            f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData'
            f' NotOnOrAfter="{self.at(said.get("until_s", 300))}" Recipient="{said.get("recipient", DOOR)}"{answers}/></saml:SubjectConfirmation>'
            f'</saml:Subject><saml:Conditions NotOnOrAfter="{self.at(said.get("holds_s", 300))}"><saml:AudienceRestriction><saml:Audience>'
            f"{said.get('audience', f'urn:amazon:cognito:sp:{self.id}')}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{self.at()}"/><saml:AttributeStatement>{listed}</saml:AttributeStatement>'
            f"</saml:Assertion></samlp:Response>"
        )

    def signed(self, root: etree._Element, *, whole: bool = False, key=KEY, certificate=CERTIFICATE) -> etree._Element:
        signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
        target = root if whole else root.find(f"{{{SAML}}}Assertion")
        done = signer.sign(target, key=key, cert=[certificate.public_bytes(Encoding.PEM).decode()], reference_uri=target.get("ID"))
        if whole:
            return done
        root.replace(target, done)
        return root

    def post(self, root: etree._Element, state: str, cookie: dict[str, str] | None = None):
        body = urlencode({"SAMLResponse": sent(root), "RelayState": state}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", **(cookie or {})}
        return self.cloud.http("POST", "/saml2/idpresponse", host=HOST, headers=headers, body=body)

    def back(self, *, key=KEY, certificate=CERTIFICATE, whole: bool = False, **said) -> dict[str, str]:
        """What the program is told when somebody comes back."""
        request, state, cookie = self.sent()
        root = self.signed(self.response(said.pop("answers", request.get("ID")), **said), whole=whole, key=key, certificate=certificate)
        status, headers, body = self.post(root, state, cookie)
        assert status == 302, body
        return dict(parse_qsl(urlsplit(headers["Location"]).query))

    def token(self, **said) -> dict:
        form = {"grant_type": "authorization_code", "client_id": self.client, "code": self.back(**said)["code"], "redirect_uri": BACK}
        status, _, body = self.cloud.http(
            "POST", "/oauth2/token", host=HOST, headers={"content-type": "application/x-www-form-urlencoded"}, body=urlencode(form).encode()
        )
        assert status == 200, body
        return claims(json.loads(body)["id_token"])


@pytest.fixture
def corp(cloud) -> Corp:
    return Corp(cloud)


def test_a_provider_is_shown_with_what_its_metadata_say(corp):
    made = corp.idp.describe_identity_provider(UserPoolId=corp.id, ProviderName="Corp")["IdentityProvider"]
    assert (made["ProviderType"], made["AttributeMapping"]) == ("SAML", {"email": "mail"})
    assert made["ProviderDetails"] == {"MetadataFile": published(), "SSORedirectBindingURI": SIGN_ON} == corp.made["ProviderDetails"]
    # Who tells again what he was shown changes nothing.
    corp.idp.update_identity_provider(UserPoolId=corp.id, ProviderName="Corp", ProviderDetails=made["ProviderDetails"])
    assert corp.back()["code"]


def test_somebody_is_sent_with_a_request_that_names_the_pool(corp):
    request, state, cookie = corp.sent()
    assert request.tag == f"{{{PROTOCOL}}}AuthnRequest" and state and cookie["cookie"].startswith("csrf-state=")
    assert (request.get("AssertionConsumerServiceURL"), request.get("Destination")) == (DOOR, SIGN_ON)
    assert request.findtext(f"{{{SAML}}}Issuer") == f"urn:amazon:cognito:sp:{corp.id}"
    assert corp.sent()[0].get("ID") != request.get("ID")


@pytest.mark.parametrize("whole", [True, False])
def test_a_signed_response_opens_whichever_part_is_signed_and_makes_a_user(cloud, corp, whole):
    told = corp.token(whole=whole)
    user = corp.pool.get("Corp_Ann-7")
    assert (user["UserStatus"], attributes(user)["email"], attributes(user)["email_verified"]) == ("EXTERNAL_PROVIDER", "ann@example.com", "false")
    assert (told["cognito:username"], told["cognito:groups"]) == ("Corp_Ann-7", [f"{corp.id}_Corp"])
    assert told["identities"] == [{
        "userId": "Ann-7", "providerName": "Corp", "providerType": "SAML", "issuer": ISSUER, "primary": "true",
        "dateCreated": str(int(cloud.now() * 1000)),
    }]  # fmt: skip
    assert corp.token(attributes={"mail": ["ann@example.org"]})["sub"] == told["sub"]
    assert attributes(corp.pool.get("Corp_Ann-7"))["email"] == "ann@example.org"


def test_several_values_are_one_text(cloud):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-saml-idp-things-to-know.html"""
    corp = Corp(cloud, Schema=[{"Name": "groups", "AttributeDataType": "String"}], mapping={"custom:groups": "groups"})
    for said, kept in ((["Admins", "R&D team", "a.b-c*_"], "[Admins, R%26D+team, a.b-c*_]"), (["R&D"], "R&D")):
        corp.token(attributes={"groups": said})
        assert attributes(corp.pool.get("Corp_Ann-7"))["custom:groups"] == kept


@pytest.mark.parametrize("said", [
    {"audience": "urn:amazon:cognito:sp:us-east-1_other"}, {"issuer": "https://elsewhere"}, {"recipient": "https://elsewhere/saml2/idpresponse"},
    {"status": "urn:oasis:names:tc:SAML:2.0:status:Requester"}, {"until_s": -1}, {"holds_s": -1}, {"name": ""}, {"answers": "_other"},
    {"answers": None},
], ids=lambda said: next(iter(said)))  # fmt: skip
def test_a_response_of_something_else_opens_nothing(corp, said):
    told = corp.back(**said)
    assert (told["error"], told["state"]) == ("server_error", "s") and told["error_description"].startswith("Invalid SAML response received: ")
    assert corp.idp.list_users(UserPoolId=corp.id)["Users"] == []


def test_a_forged_response_opens_nothing(corp):
    """https://github.com/aws/aws-sdk-js-v3/issues/6201"""
    text = "Invalid SAML response received: SAML Assertion signature is invalid."
    assert corp.back(key=OTHER_KEY, certificate=OTHER_CERTIFICATE)["error_description"] == text
    request, state, cookie = corp.sent()
    root = corp.signed(corp.response(request.get("ID")))
    root.find(f".//{{{SAML}}}NameID").text = "Mallory"
    assert "signature+is+invalid" in corp.post(root, state, cookie)[1]["Location"]
    request, state, cookie = corp.sent()
    root = corp.signed(corp.response(request.get("ID")))
    forged = copy.deepcopy(root.find(f"{{{SAML}}}Assertion"))
    forged.set("ID", "_forged")
    forged.find(f".//{{{SAML}}}NameID").text = "Mallory"
    for element in forged.findall("{*}Signature"):
        forged.remove(element)
    root.insert(0, forged)
    assert "code=" in corp.post(root, state, cookie)[1]["Location"]
    assert [user["Username"] for user in corp.idp.list_users(UserPoolId=corp.id)["Users"]] == ["Corp_Ann-7"]


def test_a_response_opens_once_and_in_the_browser_that_was_sent(corp):
    request, state, cookie = corp.sent()
    root = corp.signed(corp.response(request.get("ID")))
    status, _, body = corp.post(root, state)
    assert (status, b"Something went wrong" in body) == (400, True)
    request, state, cookie = corp.sent()
    root = corp.signed(corp.response(request.get("ID")))
    assert corp.post(root, state, cookie)[0] == 302
    status, _, body = corp.post(root, state, cookie)
    assert (status, WRONG_PAGE in body) == (400, True)


def test_who_is_away_for_too_long_is_not_let_in(cloud, corp):
    """"Amazon Cognito cancels sessions that don't receive a response within 5 minutes" """
    request, state, cookie = corp.sent()
    cloud.sleep(301)
    assert corp.post(corp.signed(corp.response(request.get("ID"))), state, cookie)[0] == 400


def test_a_name_that_the_pool_demands_must_be_said(cloud):
    corp = Corp(cloud, Schema=[{"Name": "name", "Required": True, "Mutable": True}])
    assert corp.back()["error_description"] == "Invalid SAML response received: Invalid user attributes: name: The attribute is required"


# Begun by the provider ------------------------------------------------------------------------------


def unsolicited(corp: Corp, **said):
    state = urlencode({"identity_provider": "Corp", "client_id": corp.client, "redirect_uri": BACK, "response_type": "code", "scope": "email openid"})
    return corp.post(corp.signed(corp.response(said.pop("answers", None), **said)), state)


def test_a_provider_that_may_begin_sends_people_whom_nobody_asked_about(cloud):
    corp = Corp(cloud, details={"MetadataFile": published(), "IDPInit": "true"})
    status, headers, _ = unsolicited(corp)
    assert status == 302 and parse_qs(urlsplit(headers["Location"]).query)["code"]
    assert "was+used+before" in unsolicited(corp)[1]["Location"]
    assert "code=" in unsolicited(corp, id="b", issued_s=-300)[1]["Location"]
    assert "server_error" in unsolicited(corp, id="c", issued_s=-361)[1]["Location"]
    assert "server_error" in unsolicited(corp, id="d", answers="_request")[1]["Location"]
    assert corp.back(id="e")["code"]


def test_a_provider_that_may_not_begin_sends_nobody(corp):
    status, _, body = unsolicited(corp)
    assert (status, WRONG_PAGE in body) == (400, True)


def test_a_provider_that_may_begin_stands_with_its_like_alone(cloud):
    corp = Corp(cloud, details={"MetadataFile": published(), "IDPInit": "true"})
    code, text = refused(
        corp.idp.update_user_pool_client, UserPoolId=corp.id, ClientId=corp.client, **OAUTH, SupportedIdentityProviders=["COGNITO", "Corp"]
    )
    assert code == "InvalidParameterException" and "SAML" in text


# Metadata -------------------------------------------------------------------------------------------


@pytest.fixture
def publisher():
    """Where a provider publishes its metadata: ``said`` is the document, None if there is none."""
    class Publisher:
        said: str | None = published()
        asked = 0

    held = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked += 1
            self.send_response(200 if held.said is not None else 404)
            self.end_headers()
            self.wfile.write((held.said or "").encode())

        def log_message(self, *_) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://localhost:{server.server_port}/metadata"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield held
    server.shutdown()
    server.server_close()


def test_metadata_at_an_address_are_read_again_after_six_hours(cloud, publisher):
    corp = Corp(cloud, details={"MetadataURL": publisher.url})
    assert corp.made["ProviderDetails"] == {"MetadataURL": publisher.url, "SSORedirectBindingURI": SIGN_ON}
    publisher.said = published(OTHER_CERTIFICATE)
    assert corp.back()["code"] and publisher.asked == 1
    cloud.sleep(6 * 3600)
    assert "signature" in corp.back()["error_description"]
    assert corp.back(key=OTHER_KEY, certificate=OTHER_CERTIFICATE)["code"] and publisher.asked == 2
    publisher.said = None
    cloud.sleep(6 * 3600)
    assert corp.back(key=OTHER_KEY, certificate=OTHER_CERTIFICATE)["code"]


def test_metadata_that_cannot_be_read_make_no_provider(cloud, publisher):
    """https://github.com/aws-solutions/aws-data-lake-solution/issues/31 and https://github.com/ory/mocksaml/issues/103"""
    pool = Pool(cloud)

    def text(**details: str) -> str:
        return refused(pool.idp.create_identity_provider, UserPoolId=pool.id, ProviderName="Corp", ProviderType="SAML", ProviderDetails=details)[1]

    publisher.said = None
    assert text(MetadataURL=publisher.url) == f"Non-ok status code 404 returned from remote metadata source {publisher.url}"
    assert text(MetadataFile="<a/>") == "Unable to unmarshall metadata" == text(MetadataFile=metadata())
    assert "https://" in text(MetadataURL="http://idp.example.com/metadata")
    assert "Only one of" in text(MetadataFile=published(), MetadataURL=publisher.url)


@pytest.mark.parametrize("name", ["IDPSignout", "EncryptedResponses"])
def test_what_is_not_done_is_refused_by_name(cloud, name):
    pool = Pool(cloud)
    told = {"MetadataFile": published(), name: "true"}
    what = {"UserPoolId": pool.id, "ProviderName": "Corp", "ProviderType": "SAML"}
    assert name in refused(pool.idp.create_identity_provider, **what, ProviderDetails=told)[1]
    algorithm = {"MetadataFile": published(), "RequestSigningAlgorithm": "rsa-sha256"}
    assert "RequestSigningAlgorithm" in refused(pool.idp.create_identity_provider, **what, ProviderDetails=algorithm)[1]
    assert pool.idp.create_identity_provider(**what, ProviderDetails={**told, name: "false"})


def test_a_template_makes_a_provider(cloud):
    template = {
        "Resources": {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {}},
            "Corp": {"Type": "AWS::Cognito::UserPoolIdentityProvider", "Properties": {
                "UserPoolId": {"Ref": "Pool"}, "ProviderName": "Corp", "ProviderType": "SAML", "AttributeMapping": {"email": "mail"},
                "ProviderDetails": {"MetadataFile": published(), "IDPSignout": False},
            }},
        },
        "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}},
    }  # fmt: skip
    out, idp = outputs(create(cloud, "s", json.dumps(template))), cloud.client("cognito-idp")
    made = idp.describe_identity_provider(UserPoolId=out["Pool"], ProviderName="Corp")["IdentityProvider"]
    assert (made["ProviderType"], made["ProviderDetails"]["SSORedirectBindingURI"]) == ("SAML", SIGN_ON)
