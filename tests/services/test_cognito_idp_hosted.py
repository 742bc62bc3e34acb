"""The hosted pages of a user pool, and the gates that its tokens open.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cognito_workshop import ANN, PASSWORD, Pool, claims
from lambda_workshop import make as make_function
from mail_workshop import mails
from refusals import refused

HOST = "shop.auth.us-east-1.localhost:4566"
BACK = "https://app.example.com/back"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
OAUTH = {
    "AllowedOAuthFlows": ["code"], "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthScopes": ["openid", "email"], "CallbackURLs": [BACK],
    "LogoutURLs": ["https://app.example.com/bye"], "SupportedIdentityProviders": ["COGNITO"],
}  # fmt: skip


@pytest.fixture
def pool(cloud) -> Pool:
    pool = Pool(cloud, client=OAUTH)
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    return pool


def asked(pool: Pool, **more: str) -> dict[str, str]:
    return {"client_id": pool.client, "response_type": "code", "redirect_uri": BACK, "state": "s", "scope": "openid email", **more}


def post(cloud, path: str, form: dict[str, str], **headers: str):
    headers = {"content-type": "application/x-www-form-urlencoded", **headers}
    status, told, body = cloud.http("POST", path, host=HOST, headers=headers, body=urlencode(form).encode())
    return status, told, body


def code_of(cloud, pool: Pool, **more: str) -> str:
    """A person is sent here by a program, types name and password, and is sent back with a code."""
    status, headers, _ = cloud.http("GET", f"/oauth2/authorize?{urlencode(asked(pool, **more))}", host=HOST)
    assert status == 302
    page = headers["Location"]
    status, _, body = cloud.http("GET", page, host=HOST)
    assert status == 200 and b'name="password"' in body
    status, headers, _ = post(cloud, page, {"username": "ann", "password": PASSWORD})
    assert status == 302 and headers["Location"].startswith(f"{BACK}?")
    said = parse_qs(urlsplit(headers["Location"]).query)
    assert said["state"] == ["s"]
    return said["code"][0]


def tokens(cloud, pool: Pool, code: str, **more: str):
    form = {"grant_type": "authorization_code", "client_id": pool.client, "code": code, "redirect_uri": BACK, **more}
    status, _, body = post(cloud, "/oauth2/token", form)
    return status, json.loads(body)


def test_a_code_with_its_proof_brings_tokens_once(cloud, pool):
    sub = pool.add(email="ann@example.com", given_name="Ann")
    code = code_of(cloud, pool, code_challenge=CHALLENGE, code_challenge_method="S256", nonce="n")
    status, told = tokens(cloud, pool, code, code_verifier=VERIFIER)
    assert status == 200 and told["expires_in"] == 3600 and told["refresh_token"]
    identity = claims(told["id_token"])
    assert (identity["sub"], identity["email"], identity["nonce"]) == (sub, "ann@example.com", "n") and "given_name" not in identity
    assert claims(told["access_token"])["scope"] == "openid email"
    assert tokens(cloud, pool, code, code_verifier=VERIFIER) == (400, {"error": "invalid_grant"})
    status, _, body = cloud.http("GET", "/oauth2/userInfo", host=HOST, headers={"authorization": f"Bearer {told['access_token']}"})
    assert status == 200 and json.loads(body)["sub"] == sub
    form = {"grant_type": "refresh_token", "client_id": pool.client, "refresh_token": told["refresh_token"]}
    status, _, body = post(cloud, "/oauth2/token", form)
    assert status == 200 and claims(json.loads(body)["access_token"])["scope"] == "openid email"


def test_a_code_without_its_proof_or_too_old_brings_nothing(cloud, pool):
    pool.add()
    code = code_of(cloud, pool, code_challenge=CHALLENGE, code_challenge_method="S256")
    assert tokens(cloud, pool, code, code_verifier="w" * 50) == (400, {"error": "invalid_grant"})
    code = code_of(cloud, pool)
    cloud.sleep(301)
    assert tokens(cloud, pool, code) == (400, {"error": "invalid_grant"})


def test_nobody_is_sent_to_an_address_that_the_client_does_not_have(cloud, pool):
    query = urlencode(asked(pool, redirect_uri="https://evil.example"))
    for path in ("/oauth2/authorize", "/login"):
        status, headers, body = cloud.http("GET", f"{path}?{query}", host=HOST)
        assert status == 400 and "Location" not in headers and b"redirect_mismatch" in body
    status, headers, _ = cloud.http("GET", f"/oauth2/authorize?{urlencode(asked(pool, scope='phone'))}", host=HOST)
    assert status == 302 and headers["Location"] == f"{BACK}?error=invalid_scope&state=s"


def test_a_wrong_password_shows_the_page_again_and_says_why_without_trusting_what_was_sent(cloud, pool):
    pool.add()
    status, _, body = post(cloud, f"/login?{urlencode(asked(pool, state='<script>'))}", {"username": "ann", "password": "x"})
    assert status == 400 and b"Incorrect username or password." in body and b"<script>" not in body


def test_signing_out_sends_back_to_an_address_that_the_client_has(cloud, pool):
    status, headers, _ = cloud.http("GET", f"/logout?client_id={pool.client}&logout_uri=https://app.example.com/bye", host=HOST)
    assert (status, headers["Location"]) == (302, "https://app.example.com/bye")
    assert cloud.http("GET", f"/logout?client_id={pool.client}&logout_uri=https://evil.example", host=HOST)[0] == 400


def test_a_program_signs_in_for_itself_with_the_scopes_of_a_resource_server(cloud):
    pool = Pool(cloud)
    pool.idp.create_resource_server(UserPoolId=pool.id, Identifier="stock", Name="stock", Scopes=[{"ScopeName": "read", "ScopeDescription": "d"}])
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    what = {"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthFlowsUserPoolClient": True}
    make = pool.idp.create_user_pool_client
    with pytest.raises(pool.idp.exceptions.InvalidOAuthFlowException):
        make(UserPoolId=pool.id, ClientName="m", AllowedOAuthScopes=["stock/read"], **what)
    with pytest.raises(pool.idp.exceptions.ScopeDoesNotExistException):
        make(UserPoolId=pool.id, ClientName="m", GenerateSecret=True, AllowedOAuthScopes=["stock/write"], **what)
    made = make(UserPoolId=pool.id, ClientName="m", GenerateSecret=True, AllowedOAuthScopes=["stock/read"], **what)["UserPoolClient"]
    basic = base64.b64encode(f"{made['ClientId']}:{made['ClientSecret']}".encode()).decode()
    status, _, body = post(cloud, "/oauth2/token", {"grant_type": "client_credentials"}, authorization=f"Basic {basic}")
    told = json.loads(body)
    assert status == 200 and set(told) == {"access_token", "expires_in", "token_type"}
    assert (claims(told["access_token"])["scope"], claims(told["access_token"])["sub"]) == ("stock/read", made["ClientId"])
    wrong = base64.b64encode(f"{made['ClientId']}:x".encode()).decode()
    status, _, body = post(cloud, "/oauth2/token", {"grant_type": "client_credentials"}, authorization=f"Basic {wrong}")
    assert (status, json.loads(body)) == (400, {"error": "invalid_client"})


TOLD = """
def handler(event, context):
    request, metadata = event["request"], event["request"].get("clientMetadata") or {}
    if metadata.get("fails"):
        raise Exception("no")
    event["response"]["claimsAndScopeOverrideDetails"] = {"accessTokenGeneration": {
        "claimsToAddOrOverride": {"told": [event["version"], event["triggerSource"], *request["scopes"]], "tenant": metadata.get("tenant", "none"), "sub": "forged"},
        "scopesToAdd": ["stock/more"], "scopesToSuppress": ["stock/read"],
    }}
    return event
"""


@pytest.mark.parametrize("version", ["V2_0", "V3_0"])
def test_a_function_of_version_3_words_the_tokens_of_programs_too(cloud, version):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html"""
    arn = make_function(cloud, TOLD)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
    pool = Pool(cloud, LambdaConfig={"PreTokenGenerationConfig": {"LambdaArn": arn, "LambdaVersion": version}})
    pool.idp.create_resource_server(UserPoolId=pool.id, Identifier="stock", Name="stock", Scopes=[{"ScopeName": "read", "ScopeDescription": "d"}])
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    made = pool.idp.create_user_pool_client(
        UserPoolId=pool.id, ClientName="m", GenerateSecret=True, AllowedOAuthScopes=["stock/read"], AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthFlowsUserPoolClient=True,
    )["UserPoolClient"]  # fmt: skip
    basic = base64.b64encode(f"{made['ClientId']}:{made['ClientSecret']}".encode()).decode()

    def token(metadata: str) -> tuple[int, dict]:
        form = {"grant_type": "client_credentials", "aws_client_metadata": metadata}
        status, _, body = post(cloud, "/oauth2/token", form, authorization=f"Basic {basic}")
        return status, json.loads(body)

    status, told = token('{"tenant": "blue"}')
    found = claims(told["access_token"])
    assert (status, found["sub"]) == (200, made["ClientId"])
    if version == "V2_0":
        assert found["scope"] == "stock/read" and "tenant" not in found
    else:
        assert (found["scope"], found["tenant"]) == ("stock/more", "blue")
        assert found["told"] == ["3", "TokenGeneration_ClientCredentials", "stock/read"]
        assert token('{"fails": "1"}')[0] == 400
    assert token("{") == (400, {"error": "invalid_request"})
    pool.add()
    assert claims(pool.sign_in()["AccessToken"])["told"] == [version[1], "TokenGeneration_Authentication", "aws.cognito.signin.user.admin"]


def test_a_pool_says_where_its_keys_and_pages_are(cloud, pool):
    status, _, body = cloud.http("GET", f"/{pool.id}/.well-known/openid-configuration")
    told = json.loads(body)
    assert status == 200 and told["issuer"] == pool.issuer
    assert told["jwks_uri"] == f"http://localhost:4566/{pool.id}/.well-known/jwks.json"
    assert told["authorization_endpoint"] == f"http://{HOST}/oauth2/authorize"
    assert cloud.http("GET", "/us-east-1_none/.well-known/jwks.json")[0] == 404


def test_a_domain_is_one_pools_alone(cloud, pool):
    other = Pool(cloud)
    assert refused(other.idp.create_user_pool_domain, Domain="shop", UserPoolId=other.id)[0] == "InvalidParameterException"
    assert pool.idp.describe_user_pool_domain(Domain="shop")["DomainDescription"]["UserPoolId"] == pool.id
    assert pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Domain"] == "shop"
    with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="domain configured"):
        pool.idp.delete_user_pool(UserPoolId=pool.id)
    pool.idp.delete_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    assert pool.idp.describe_user_pool_domain(Domain="shop")["DomainDescription"] == {}
    assert cloud.http("GET", "/login", host=HOST)[0] == 404


def test_domains_and_callbacks_that_make_no_sense_are_refused_as_cdk_preflight_saw_it(cloud):
    pool = Pool(cloud)
    claim, make = pool.idp.create_user_pool_domain, pool.idp.create_user_pool_client
    code, text = refused(claim, Domain="No_Such", UserPoolId=pool.id)
    assert (code, text.partition(". Please")[0]) == (
        "InvalidParameterException",
        "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens",
    )
    assert text.endswith(r": ^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$")
    assert "at 'domain' failed to satisfy constraint: Member must have length less than or equal to 63" in refused(
        claim, Domain="a" * 64, UserPoolId=pool.id
    )[1]
    for word in ("aws", "amazon", "cognito"):
        assert refused(claim, Domain=f"my-{word}-shop", UserPoolId=pool.id)[0] == "InvalidParameterException"
    claim(Domain="awsome-shop", UserPoolId=pool.id)
    for url, text in (
        ("https://example.com/cb#frag", "https://example.com/cb#frag cannot use fragment"),
        ("http://example.com/cb", "http://example.com/cb cannot use the HTTP protocol."),
    ):
        assert refused(make, UserPoolId=pool.id, ClientName="m", **{**OAUTH, "CallbackURLs": [url]}) == ("InvalidParameterException", text)
    text = "The default redirect URI https://other.example.com/ is not in the callback URIs list."
    assert refused(make, UserPoolId=pool.id, ClientName="m", DefaultRedirectURI="https://other.example.com/", **OAUTH)[1] == text
    left = {name: value for name, value in OAUTH.items() if name not in ("CallbackURLs", "AllowedOAuthScopes")}
    machine = {"GenerateSecret": True, "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthFlowsUserPoolClient": True}
    for told, error in (
        ({**OAUTH, "LogoutURLs": ["http://example.com/out"]}, ("InvalidParameterException", "http://example.com/out cannot use the HTTP protocol.")),
        ({**OAUTH, "AllowedOAuthScopes": ["api/read"]}, ("ScopeDoesNotExistException", "Invalid scope requested: api/read")),
        ({**left, "AllowedOAuthScopes": ["openid"]}, ("InvalidOAuthFlowException", "CallbackUrls can not be empty when code flow or implicit flow is selected")),
        (left, ("InvalidOAuthFlowException", "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.")),
        # https://github.com/hashicorp/terraform-provider-aws/issues/4984
        ({**machine, "AllowedOAuthScopes": ["openid"]}, ("InvalidOAuthFlowException", "openid is not supported with client_credentials flow")),
        ({"AccessTokenValidity": 25}, ("InvalidParameterException", "Invalid range for token validity.")),
        ({"AccessTokenValidity": 12, "RefreshTokenValidity": 2, "TokenValidityUnits": {"RefreshToken": "hours"}},
         ("InvalidParameterException", "Access and Id Token expiration times must be less than or equal to refresh token expiration times.")),
        ({"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ADMIN_NO_SRP_AUTH"]},
         ("InvalidParameterException", "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.")),
    ):  # fmt: skip
        assert refused(make, UserPoolId=pool.id, ClientName="m", **told) == error
    make(UserPoolId=pool.id, ClientName="m", **{**OAUTH, "CallbackURLs": ["http://localhost:3000/", "http://[::1]/", "myapp://back"]})
    both = {"AliasAttributes": ["email"], "UsernameAttributes": ["email"]}
    assert refused(pool.idp.create_user_pool, PoolName="p", **both)[1] == (
        "Only one of the aliasAttributes or usernameAttributes can be set in a User pool."
    )


def test_somebody_confirms_by_the_link_in_the_mail(cloud):
    pool = Pool(cloud, AutoVerifiedAttributes=["email"], VerificationMessageTemplate={"DefaultEmailOption": "CONFIRM_WITH_LINK"})
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": ANN}])
    link = urlsplit(next(word for word in mails(cloud)[-1]["Body"]["text_part"].split() if word.startswith("http")))
    assert link.netloc == HOST
    assert cloud.http("GET", f"{link.path}?{link.query}", host=HOST)[0] == 200
    assert pool.sign_in()
