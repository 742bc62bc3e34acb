"""Roles for who signs in elsewhere: tokens proved with the keys their provider publishes.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html. Texts of refusals as users met them:
https://github.com/aws-actions/configure-aws-credentials/issues/280, https://github.com/awslabs/amazon-eks-irsa-cfn/pull/18.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from refusals import refused

ACCOUNT = "111111111111"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def published() -> list[dict]:
    r, e = RSA.public_key().public_numbers(), EC.public_key().public_numbers()
    return [
        {"kid": "r", "kty": "RSA", "alg": "RS256", "n": number(r.n), "e": number(r.e)},
        {
            "kid": "e",
            "kty": "EC",
            "crv": "P-256",
            "x": text(e.x.to_bytes(32, "big")),
            "y": text(e.y.to_bytes(32, "big")),
        },
    ]


def signed(claims: dict, alg="RS256", kid="r", by=None) -> str:
    head = text(json.dumps({"alg": alg, "kid": kid}).encode()) + "." + text(json.dumps(claims).encode())
    if alg == "RS256":
        signature = (by or RSA).sign(head.encode(), padding.PKCS1v15(), hashes.SHA256())
    elif alg == "ES256":
        r, s = decode_dss_signature((by or EC).sign(head.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        signature = b""
    return f"{head}.{text(signature)}"


class Idp:
    """A provider on this machine. It counts how often its keys are fetched."""

    def __init__(self, context: ssl.SSLContext | None = None):
        self.keys, self.fetched = published(), 0
        idp = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/realm/.well-known/openid-configuration":
                    body = {"jwks_uri": f"{idp.url}/keys"}
                else:
                    idp.fetched += 1
                    body = {"keys": idp.keys}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.name = f"localhost:{self.server.server_port}/realm"
        self.url = f"{'https' if context else 'http'}://{self.name}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def idp():
    idp = Idp()
    yield idp
    idp.close()


class World:
    def __init__(self, cloud, idp, **provider):
        self.cloud, self.idp = cloud, idp
        self.iam, self.sts = cloud.client("iam", key=ACCOUNT), cloud.client("sts")
        self.provider = self.iam.create_open_id_connect_provider(
            Url=idp.url, ClientIDList=["app"], **provider
        )["OpenIDConnectProviderArn"]
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{idp.name}:aud": "app"},
                "StringLike": {f"{idp.name}:sub": "repo:kumo/*"},
            },
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.role = self.iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        rights = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
        }
        self.iam.put_role_policy(RoleName="ci", PolicyName="p", PolicyDocument=json.dumps(rights))

    def claims(self, **more) -> dict:
        return {
            "iss": self.idp.url,
            "aud": "app",
            "sub": "repo:kumo/niwa",
            "exp": self.cloud.now() + 300,
            **more,
        }

    def assume(self, token: str | None = None, **more):
        token = token or signed(self.claims())
        return self.sts.assume_role_with_web_identity(
            RoleArn=self.role, RoleSessionName="job", WebIdentityToken=token, **more
        )

    def refusal(self, token: str, **more) -> tuple[str, str]:
        return refused(self.assume, token, **more)


@pytest.fixture
def world(cloud, idp):
    return World(cloud, idp)


@pytest.mark.parametrize("alg, kid", [("RS256", "r"), ("ES256", "e")])
def test_a_proved_token_opens_the_role_that_trusts_its_provider(world, alg, kid):
    reply = world.assume(signed(world.claims(), alg, kid), DurationSeconds=900)
    assert reply["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/job"
    assert (reply["Audience"], reply["SubjectFromWebIdentityToken"]) == ("app", "repo:kumo/niwa")
    assert reply["Provider"] == world.idp.url
    keys = reply["Credentials"]
    assert keys["Expiration"].minute == 15
    pair = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}
    world.cloud.client("sqs", **pair).create_queue(QueueName="q")


def test_only_the_provider_s_own_signature_proves_a_token(world):
    strangers = rsa.generate_private_key(65537, 2048)
    for token in (
        signed(world.claims(), by=strangers),
        signed(world.claims(), kid="unknown"),
        signed(world.claims(), alg="none"),
        signed(world.claims(), alg="HS256"),
        signed(world.claims(), alg="RS256", kid="e"),
        signed(world.claims())[:-8] + "AAAAAAAA",
    ):
        assert world.refusal(token)[0] == "InvalidIdentityToken"
    head, _, signature = signed(world.claims()).split(".")
    forged = text(json.dumps(world.claims(sub="repo:kumo/other")).encode())
    assert world.refusal(f"{head}.{forged}.{signature}")[0] == "InvalidIdentityToken"


def test_what_is_no_token_of_a_known_provider_is_refused_before_any_key_is_fetched(world):
    for garbage in ("xxxx", "a.b.c", "e30.e30.e30", "[].e30.", signed({"iss": world.idp.url})):
        code, said = world.refusal(garbage)
        assert code == "InvalidIdentityToken" and "not a valid JWT" in said
    stranger = "https://issuer.example"
    assert world.refusal(signed(world.claims(iss=stranger))) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {stranger}",
    )
    assert world.refusal(signed(world.claims(aud="other"))) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
    )
    assert world.refusal(signed(world.claims(azp="other")))[1] == "Incorrect token audience"
    assert world.refusal(signed(world.claims(exp=world.cloud.now() - 1)))[0] == "ExpiredTokenException"
    assert world.idp.fetched == 0


def test_tags_and_a_source_identity_in_a_token_need_to_be_allowed_and_come_with_the_session(world):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
    tags = {"principal_tags": {"team": ["red"], "stage": ["prod"]}, "transitive_tag_keys": ["team"]}
    claims = world.claims(**{"https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "alice"})
    assert world.refusal(signed(claims))[0] == "AccessDenied"
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    trust = {"Effect": "Allow", "Principal": {"Federated": world.provider}, "Action": actions, "Condition": {
        "StringEquals": {"aws:RequestTag/team": "red"}}}  # fmt: skip
    world.iam.update_assume_role_policy(RoleName="ci", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    reply = world.assume(signed(claims))
    assert reply["SourceIdentity"] == "alice"
    keys = reply["Credentials"]
    pair = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}
    rights = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
    world.iam.put_role_policy(
        RoleName="ci", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rights})
    )
    world.cloud.client("sqs", **pair).create_queue(QueueName="q")
    for wrong in ({"principal_tags": {"team": "red"}}, {"principal_tags": []}, "x", {"transitive_tag_keys": "team"}):
        assert world.refusal(signed(world.claims(**{"https://aws.amazon.com/tags": wrong})))[0] == "InvalidIdentityToken"


def test_the_trust_policy_decides_which_subjects(world):
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert world.refusal(signed(world.claims(sub="repo:else/niwa"))) == denied
    world.iam.update_assume_role_policy(
        RoleName="ci",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": ACCOUNT},
                        "Action": "sts:AssumeRoleWithWebIdentity",
                    }
                ],
            }
        ),
    )
    assert world.refusal(signed(world.claims())) == denied
    world.role = f"arn:aws:iam::{ACCOUNT}:role/ghost"
    assert world.refusal(signed(world.claims())) == denied


def test_keys_are_remembered_and_fetched_again_when_a_new_one_is_named(world):
    world.assume()
    world.assume()
    assert world.idp.fetched == 1
    world.idp.keys = [{**key, "kid": key["kid"] + "2"} for key in world.idp.keys]
    world.cloud.sleep(30)
    world.assume(signed(world.claims(), kid="r2"))
    assert world.idp.fetched == 2


def test_a_provider_that_does_not_answer_is_said_so(world):
    world.idp.close()
    code, said = world.refusal(signed(world.claims()))
    assert code == "InvalidIdentityToken" and said.startswith("Couldn't retrieve verification key")


def test_a_provider_with_a_certificate_of_its_own_is_known_by_its_thumbprint(cloud, tmp_path):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC).replace(year=2020), datetime.now(UTC).replace(year=2090)
    certificate = (
        x509.CertificateBuilder(name, name, EC.public_key(), 7, *now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(EC, hashes.SHA256())
    )
    pem = tmp_path / "pem"
    pem.write_bytes(
        EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    idp = Idp(context)
    try:
        thumbprint = hashlib.sha1(certificate.public_bytes(Encoding.DER)).hexdigest()
        world = World(cloud, idp, ThumbprintList=["0" * 40])
        assert world.refusal(signed(world.claims()))[1].startswith("Couldn't retrieve verification key")
        world.iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=world.provider, ThumbprintList=[thumbprint]
        )
        assert world.assume()["Credentials"]
    finally:
        idp.close()


# Providers, as IAM keeps them ----------------------------------------------------------------------


def test_a_provider_is_kept_as_it_was_told(world):
    iam, arn = world.iam, {"OpenIDConnectProviderArn": world.provider}
    assert world.provider == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{world.idp.name}"
    iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="second")
    iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="second")
    iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="app")
    iam.tag_open_id_connect_provider(**arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_open_id_connect_provider(**arn, TagKeys=["b"])
    held = iam.get_open_id_connect_provider(**arn)
    assert (held["Url"], held["ClientIDList"], held["Tags"]) == (
        world.idp.name,
        ["second"],
        [{"Key": "a", "Value": "1"}],
    )
    assert iam.list_open_id_connect_provider_tags(**arn)["Tags"] == held["Tags"]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": world.provider}]
    assert (
        world.cloud.client("iam", key="222222222222").list_open_id_connect_providers()[
            "OpenIDConnectProviderList"
        ]
        == []
    )
    assert world.refusal(signed(world.claims()))[1] == "Incorrect token audience"
    iam.delete_open_id_connect_provider(**arn)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_open_id_connect_provider(**arn)
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html: "it does not fail"
    iam.delete_open_id_connect_provider(**arn)
    assert "No OpenIDConnect provider" in world.refusal(signed(world.claims()))[1]


@pytest.mark.parametrize(
    "url",
    [
        "example.org",
        "https://",
        "https://a.example?b=c",
        "http://[::1",
        "ftp://localhost",
    ],
)
def test_a_provider_lives_at_an_address_with_https_or_on_this_machine(cloud, url):
    with pytest.raises(ClientError, match="Invalid Open ID Connect Provider URL"):
        cloud.client("iam", key=ACCOUNT).create_open_id_connect_provider(Url=url)
