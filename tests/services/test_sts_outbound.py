"""Tokens for services outside of AWS, proved as those prove them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
from organization_workshop import MASTER, Garden, document
from refusals import refused

from kumoniwa.gate.address import GLOBAL

OF_AWS = "https://sts.amazonaws.com/"
AUDIENCE = "https://api.example.com"


class Outside:
    """A service outside of AWS that knows an issuer by its address alone."""

    def __init__(self, cloud, issuer: str) -> None:
        self.cloud, self.issuer, self.host = cloud, issuer, urlsplit(issuer).hostname

    def read(self, path: str, host: str | None = None):
        status, _, body = self.cloud.http("GET", path, host=host or self.host)
        assert status == 200, body
        return json.loads(body)

    def proved(self, token: str, audience: str = AUDIENCE) -> dict:
        keys = jwt.PyJWKSet.from_dict(self.read("/.well-known/jwks.json"))
        head = jwt.get_unverified_header(token)
        options = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(token, keys[head["kid"]], [head["alg"]], audience=audience, issuer=self.issuer, options=options)
        now = self.cloud.now()
        assert claims["iat"] <= now < claims["exp"]
        return claims


@pytest.fixture
def issuer(cloud):
    return cloud.client("iam", key=MASTER).enable_outbound_web_identity_federation()["IssuerIdentifier"]


def asked(sts, algorithm: str = "RS256", *audience: str, **more):
    return sts.get_web_identity_token(Audience=list(audience) or [AUDIENCE], SigningAlgorithm=algorithm, **more)


def user(cloud, *statements, **tags) -> dict:
    iam = cloud.client("iam", key=MASTER)
    iam.create_user(UserName="ann", Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    iam.put_user_policy(UserName="ann", PolicyName="may", PolicyDocument=document(*statements))
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


def allow(*actions: str, **more) -> dict:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def test_the_feature_is_enabled_told_and_disabled(cloud):
    iam = cloud.client("iam", key=MASTER)
    assert refused(iam.get_outbound_web_identity_federation_info)[0] == "FeatureDisabled"
    assert refused(iam.disable_outbound_web_identity_federation)[0] == "FeatureDisabled"
    url = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert re.fullmatch(r"https://[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws", url)
    assert refused(iam.enable_outbound_web_identity_federation)[0] == "FeatureEnabled"
    told = iam.get_outbound_web_identity_federation_info()
    assert (told["IssuerIdentifier"], told["JwtVendingEnabled"]) == (url, True)
    sts = cloud.client("sts", key=MASTER)
    old = asked(sts)["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    assert refused(iam.get_outbound_web_identity_federation_info)[0] == "FeatureDisabled"
    assert refused(asked, sts=sts)[0] == "OutboundWebIdentityFederationDisabledException"
    assert Outside(cloud, url).proved(old), "tokens outlive that the feature is disabled"
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == url
    assert Outside(cloud, url).proved(old)
    other = cloud.client("iam", key="222222222222").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert other != url


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_library_proves_a_user_s_token(cloud, issuer, algorithm):
    sts = cloud.client("sts", **user(cloud, allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"), team="garden"))
    reply = asked(sts, algorithm, Tags=[{"Key": "job-id", "Value": "7"}])
    claims = Outside(cloud, issuer).proved(reply["WebIdentityToken"])
    assert (claims["aud"], claims["sub"]) == (AUDIENCE, f"arn:aws:iam::{MASTER}:user/ann")
    assert claims["exp"] - claims["iat"] == 300 and reply["Expiration"].timestamp() == claims["exp"]
    assert claims[OF_AWS] == {
        "aws_account": MASTER, "source_region": "us-east-1", "principal_tags": {"team": "garden"}, "request_tags": {"job-id": "7"},
    }  # fmt: skip
    assert jwt.get_unverified_header(reply["WebIdentityToken"])["alg"] == algorithm
    with pytest.raises(jwt.InvalidSignatureError):
        head, body, signature = reply["WebIdentityToken"].split(".")
        Outside(cloud, issuer).proved(f"{head}.{body}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}")


def test_a_session_is_told_by_its_role_and_its_tags_and_never_outlived(cloud, issuer):
    iam = cloud.client("iam", key=MASTER)
    keys = user(cloud, allow("sts:*"))
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MASTER}:user/ann"}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}
    role = iam.create_role(RoleName="work", Path="/deep/", AssumeRolePolicyDocument=document(trust), Tags=[{"Key": "a", "Value": "role"}, {"Key": "b", "Value": "role"}])["Role"]["Arn"]
    iam.put_role_policy(RoleName="work", PolicyName="p", PolicyDocument=document(allow("sts:GetWebIdentityToken")))
    made = cloud.client("sts", **keys).assume_role(
        RoleArn=role, RoleSessionName="session", DurationSeconds=900, Tags=[{"Key": "b", "Value": "session"}], SourceIdentity="ann"
    )["Credentials"]
    sts = cloud.client("sts", key=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    claims = Outside(cloud, issuer).proved(asked(sts, "ES384", "one", "two")["WebIdentityToken"], "two")
    assert (claims["sub"], claims["aud"]) == (role, ["one", "two"])
    assert claims[OF_AWS]["principal_tags"] == {"a": "role", "b": "session"} and claims[OF_AWS]["source_identity"] == "ann"
    assert refused(asked, sts=sts, DurationSeconds=3600)[0] == "SessionDurationEscalationException"
    asked(sts, DurationSeconds=890)
    cloud.sleep(700)
    assert refused(asked, sts=sts)[0] == "SessionDurationEscalationException"
    asked(sts, DurationSeconds=60)


def test_the_organization_is_told(cloud, issuer):
    garden = Garden(cloud)
    claims = Outside(cloud, issuer).proved(asked(cloud.client("sts", key=MASTER))["WebIdentityToken"])
    assert claims[OF_AWS]["org_id"] == garden.id and claims[OF_AWS]["ou_path"] == f"{garden.id}/{garden.root}/"


def test_conditions_bound_what_is_asked_for(cloud, issuer):
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""
    conditions = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": ["one", "two"]}, "NumericLessThanEquals": {"sts:DurationSeconds": 300},
        "StringEquals": {"sts:SigningAlgorithm": "ES384"},
    }  # fmt: skip
    sts = cloud.client("sts", **user(cloud, allow("sts:GetWebIdentityToken", Condition=conditions)))
    asked(sts, "ES384", "one")
    asked(sts, "ES384", "one", "two")
    assert refused(asked, sts=sts, algorithm="RS256")[0] == "AccessDenied"
    for audience, more in ((["one"], {"DurationSeconds": 301}), (["three"], {}), (["one", "three"], {})):
        assert refused(sts.get_web_identity_token, Audience=audience, SigningAlgorithm="ES384", **more)[0] == "AccessDenied"
    code, text = refused(sts.get_web_identity_token, Audience=["one"], SigningAlgorithm="ES384", Tags=[{"Key": "k", "Value": "v"}])
    assert code == "AccessDenied" and "sts:TagGetWebIdentityToken" in text


def test_what_is_out_of_bounds_is_refused(cloud, issuer):
    sts = cloud.client("sts", key=MASTER, parameter_validation=False)
    assert refused(asked, sts=sts, algorithm="HS256")[0] == "ValidationError"
    for seconds in (59, 3601):
        assert refused(asked, sts=sts, DurationSeconds=seconds)[0] == "ValidationError"
    assert refused(sts.get_web_identity_token, Audience=["a"] * 11, SigningAlgorithm="RS256")[0] == "ValidationError"
    tags = [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]
    assert refused(asked, sts=sts, Tags=tags)[0] == "InvalidParameterValue"
    many = [{"Key": f"{n:02}" + "k" * 126, "Value": "v" * 256} for n in range(50)]
    assert refused(asked, sts=sts, Tags=many)[0] == "JWTPayloadSizeExceededException"
    assert refused(asked, sts=sts, Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(51)])[0] == "ValidationError"


def test_an_issuer_says_where_its_keys_are(cloud, issuer):
    outside = Outside(cloud, issuer)
    told = outside.read("/.well-known/openid-configuration")
    assert told["issuer"] == issuer and told["id_token_signing_alg_values_supported"] == ["RS256", "ES384"]
    assert told["jwks_uri"] == f"http://{outside.host}/.well-known/jwks.json"
    near = f"{outside.host.partition('.')[0]}.tokens.sts.localhost:4566"
    assert outside.read("/.well-known/openid-configuration", near)["jwks_uri"] == f"http://{near}/.well-known/jwks.json"
    keys = outside.read("/.well-known/jwks.json", near)["keys"]
    assert [(key["kty"], key["alg"], "d" in key) for key in keys] == [("RSA", "RS256", False), ("EC", "ES384", False)]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/", 404), ("GET", "/.well-known/other", 404), ("POST", "/.well-known/jwks.json", 405),
    ("GET", "/%00/.well-known/jwks.json", 404),
])  # fmt: skip
def test_an_issuer_answers_nothing_else(cloud, issuer, method, path, status):
    assert cloud.http(method, path, host=urlsplit(issuer).hostname, body=b"\0" * 9)[0] == status


def test_who_is_no_issuer_has_no_keys(cloud):
    host = "00000000-0000-5000-8000-000000000000.tokens.sts.global.api.aws"
    assert cloud.http("GET", "/.well-known/jwks.json", host=host)[0] == 404


def test_keys_survive_a_kill(make_cloud):
    cloud = make_cloud()
    url = cloud.client("iam", key=MASTER).enable_outbound_web_identity_federation()["IssuerIdentifier"]
    old = asked(cloud.client("sts", key=MASTER))["WebIdentityToken"]
    for region in (GLOBAL, "us-east-1"):
        cloud.restart(region, kill=True)
    outside = Outside(cloud, url)
    assert outside.proved(old) and outside.proved(asked(cloud.client("sts", key=MASTER), "ES384")["WebIdentityToken"])


def test_no_private_key_lies_on_the_disk_in_plain(make_cloud):
    """An RSA key in PKCS #8 holds its modulus as it is published."""
    cloud = make_cloud()
    url = cloud.client("iam", key=MASTER).enable_outbound_web_identity_federation()["IssuerIdentifier"]
    outside = Outside(cloud, url)
    modulus = base64.urlsafe_b64decode(outside.read("/.well-known/jwks.json")["keys"][0]["n"] + "==")
    for region in (GLOBAL, "us-east-1"):
        cloud.restart(region)
    kept = [path.read_bytes() for path in Path(cloud.folder).rglob("*") if path.is_file()]
    assert any(outside.host.partition(".")[0].encode() in body for body in kept), "the issuer itself can be read there"
    assert not any(modulus in body for body in kept)


def test_what_belongs_to_partners_of_aws_is_refused_by_name(cloud):
    code, text = refused(cloud.client("sts", key=MASTER).get_delegated_access_token, TradeInToken="token")
    assert code == "NotImplemented" and "GetDelegatedAccessToken" in text
