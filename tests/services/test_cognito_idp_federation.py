"""Sign-in with somebody else's account: a user pool and a provider of OpenID Connect on this machine.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cognito_workshop import PASSWORD, Pool, attributes, claims
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lambda_workshop import make as make_function
from refusals import refused
from secret_workshop import is_on_disk
from test_cloudformation_stack import create, outputs, settled

from kumoniwa.wire.message import Request

HOST, BACK = "shop.auth.us-east-1.localhost:4566", "https://app.example.com/back"
SECRET = "the-secret-of-a-client"
OAUTH = {
    "AllowedOAuthFlows": ["code", "implicit"], "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthScopes": ["openid", "email", "profile"],
    "CallbackURLs": [BACK],
}  # fmt: skip
KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider:
    """Who says who somebody is. ``said`` are the claims of the next ID token, ``info`` what userInfo answers."""

    def __init__(self, cloud) -> None:
        self.cloud, self.key, self.status, self.alg = cloud, KEY, 200, "RS256"
        self.said, self.info, self.heard = {}, {}, []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.heard.append((self.command, self.path, self.headers.get("Authorization")))
                numbers = KEY.public_key().public_numbers()
                self.answer({
                    "/.well-known/openid-configuration": {
                        "authorization_endpoint": f"{provider.url}/authorize", "token_endpoint": f"{provider.url}/token",
                        "userinfo_endpoint": f"{provider.url}/me", "jwks_uri": f"{provider.url}/keys", "issuer": provider.url,
                    },
                    "/keys": {"keys": [{"kid": "k", "kty": "RSA", "alg": "RS256", "n": number(numbers.n), "e": number(numbers.e)}]},
                    "/me": provider.info,
                }[self.path])  # fmt: skip

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == "/me":
                    provider.heard.append((self.command, self.path, self.headers.get("Authorization")))
                    self.answer(provider.info)
                    return
                provider.heard.append((self.command, self.path, dict(parse_qsl(body))))
                self.answer({"id_token": provider.token(), "access_token": "theirs", "token_type": "Bearer"}, provider.status)

            def answer(self, body: dict, status: int = 200) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def token(self) -> str:
        said = {"iss": self.url, "aud": "kumo", "sub": "7", "exp": self.cloud.now() + 300} | self.said
        head = f"{text(json.dumps({'alg': self.alg, 'kid': 'k'}).encode())}.{text(json.dumps(said).encode())}"
        if self.alg == "HS256":
            return f"{head}.{text(hmac.digest(SECRET.encode(), head.encode(), hashlib.sha256))}"
        return f"{head}.{text(self.key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @property
    def details(self) -> dict[str, str]:
        return {
            "client_id": "kumo", "client_secret": SECRET, "oidc_issuer": self.url, "authorize_scopes": "openid email",
            "attributes_request_method": "GET",
        }  # fmt: skip


@pytest.fixture
def provider(cloud):
    provider = Provider(cloud)
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


class Shop:
    """A pool with hosted pages, a provider called Corp and a client of both."""

    def __init__(self, cloud, provider: Provider, *, mapping: dict | None = None, client: dict | None = None, **settings) -> None:
        self.cloud, self.provider = cloud, provider
        self.pool = Pool(cloud, client={"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}, **settings)
        self.idp, self.id, self.client = self.pool.idp, self.pool.id, self.pool.client
        self.idp.create_user_pool_domain(Domain="shop", UserPoolId=self.id)
        self.made = self.idp.create_identity_provider(
            UserPoolId=self.id, ProviderName="Corp", ProviderType="OIDC", ProviderDetails=provider.details,
            AttributeMapping=mapping or {"email": "email", "name": "name"}, IdpIdentifiers=["corp.example"],
        )["IdentityProvider"]  # fmt: skip
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        offered = {"SupportedIdentityProviders": ["COGNITO", "Corp"], "ExplicitAuthFlows": flows}
        self.idp.update_user_pool_client(UserPoolId=self.id, ClientId=self.client, **OAUTH, **{**offered, **(client or {})})

    def asked(self, **more: str) -> str:
        return urlencode({"client_id": self.client, "response_type": "code", "redirect_uri": BACK, "state": "s", "scope": "openid email profile", **more})

    def sent(self, **more: str) -> tuple[str, dict[str, str]]:
        """Where the provider is asked, and the cookie of the browser."""
        query = self.asked(**({"identity_provider": "Corp"} if "idp_identifier" not in more else {}), **more)
        status, headers, _ = self.cloud.http("GET", f"/oauth2/authorize?{query}", host=HOST)
        assert status == 302, status
        return headers["Location"], {"cookie": headers["Set-Cookie"].partition(";")[0]}

    def returned(self, *, cookie: dict[str, str] | None = None, **more: str):
        away, cookies = self.sent(**{name: value for name, value in more.items() if name in ("response_type", "state", "idp_identifier")})
        state = parse_qs(urlsplit(away).query)["state"][0]
        told = {"code": "c", "state": state} if "error" not in more else {"error": more["error"], "error_description": "No.", "state": state}
        return self.cloud.http("GET", f"/oauth2/idpresponse?{urlencode(told)}", host=HOST, headers=cookies if cookie is None else cookie)

    def back(self, **more: str) -> dict[str, str]:
        """What the program is told when somebody comes back from his provider."""
        status, headers, body = self.returned(**more)
        assert status == 302, body
        assert headers["Location"].startswith(BACK)
        parts = urlsplit(headers["Location"])
        return dict(parse_qsl(parts.query or parts.fragment))

    def tokens(self) -> dict:
        form = {"grant_type": "authorization_code", "client_id": self.client, "code": self.back()["code"], "redirect_uri": BACK}
        status, _, body = self.cloud.http(
            "POST", "/oauth2/token", host=HOST, headers={"content-type": "application/x-www-form-urlencoded"}, body=urlencode(form).encode()
        )
        assert status == 200, body
        return json.loads(body)

    def failure(self) -> str:
        told = self.back()
        assert (told["error"], told["state"]) == ("invalid_request", "s")
        return told["error_description"]


@pytest.fixture
def shop(cloud, provider) -> Shop:
    return Shop(cloud, provider)


# Who signs in --------------------------------------------------------------------------------------


def test_somebody_signs_in_with_his_provider_and_is_a_user_of_the_pool_with_what_it_says_of_him(cloud, shop, provider):
    away, _ = shop.sent()
    assert away.startswith(f"{provider.url}/authorize?")
    said = dict(parse_qsl(urlsplit(away).query))
    assert said.pop("state")
    assert said == {"client_id": "kumo", "redirect_uri": f"http://{HOST}/oauth2/idpresponse", "scope": "openid email", "response_type": "code"}
    provider.said, provider.info = {"sub": "Ann-7", "email": "ann@example.com"}, {"sub": "Ann-7", "name": "Ann"}
    told = shop.tokens()
    # "Amazon Cognito doesn't support client_secret_basic client authentication."
    assert ("POST", "/token", {
        "grant_type": "authorization_code", "client_id": "kumo", "client_secret": SECRET, "code": "c",
        "redirect_uri": f"http://{HOST}/oauth2/idpresponse",
    }) in provider.heard  # fmt: skip
    assert ("GET", "/me", "Bearer theirs") in provider.heard
    user = shop.pool.get("Corp_Ann-7")
    assert user["UserStatus"] == "EXTERNAL_PROVIDER"
    # "By default, mapped email addresses are unverified."
    assert attributes(user) | {"sub": "", "identities": ""} == {
        "email": "ann@example.com", "email_verified": "false", "name": "Ann", "sub": "", "identities": "",
    }  # fmt: skip
    assert json.loads(attributes(user)["identities"]) == [{
        "userId": "Ann-7", "providerName": "Corp", "providerType": "OIDC", "issuer": None, "primary": True, "dateCreated": int(cloud.now() * 1000),
    }]  # fmt: skip
    token = claims(told["id_token"])
    assert (token["cognito:username"], token["email"], token["email_verified"]) == ("Corp_Ann-7", "ann@example.com", False)
    # https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
    assert [(each["userId"], each["primary"], each["issuer"]) for each in token["identities"]] == [("Ann-7", "true", None)]
    assert token["cognito:groups"] == [f"{shop.id}_Corp"] == claims(told["access_token"])["cognito:groups"]


def test_who_comes_again_is_the_same_and_has_what_the_provider_says_now(shop, provider):
    provider.said = {"email": "ann@example.com", "name": "Ann"}
    first = claims(shop.tokens()["id_token"])
    provider.said = {"email": "ann@example.org", "name": None}
    second = claims(shop.tokens()["id_token"])
    assert (second["sub"], second["email"]) == (first["sub"], "ann@example.org")
    # "If a previously mapped claim no longer exists in the incoming token, it won't be deleted or changed."
    assert second["name"] == "Ann"
    assert len(shop.idp.list_users(UserPoolId=shop.id)["Users"]) == 1


def test_a_program_that_takes_tokens_at_once_has_them_in_the_fragment(shop):
    told = shop.back(response_type="token")
    assert claims(told["id_token"])["cognito:username"] == "Corp_7" and told["state"] == "s" and "refresh_token" not in told


def test_a_provider_is_named_by_its_identifier_too_and_alone_is_asked_at_once(cloud, shop, provider):
    assert shop.sent(idp_identifier="corp.example")[0].startswith(provider.url)
    status, headers, _ = cloud.http("GET", f"/oauth2/authorize?{shop.asked()}", host=HOST)
    assert (status, headers["Location"].partition("?")[0]) == (302, "/login")
    page = cloud.http("GET", headers["Location"], host=HOST)[2].decode()
    assert "Continue with Corp" in page and 'name="password"' in page
    shop.idp.update_user_pool_client(UserPoolId=shop.id, ClientId=shop.client, **OAUTH, SupportedIdentityProviders=["Corp"])
    status, headers, _ = cloud.http("GET", f"/oauth2/authorize?{shop.asked()}", host=HOST)
    assert headers["Location"].startswith(provider.url)
    page = cloud.http("GET", f"/login?{shop.asked()}", host=HOST)[2].decode()
    assert "Continue with Corp" in page and 'name="password"' not in page
    shop.pool.add(password=PASSWORD)
    form = urlencode({"username": "ann", "password": PASSWORD}).encode()
    status, _, body = cloud.http("POST", f"/login?{shop.asked()}", host=HOST, body=form)
    assert status == 400 and b"Login option is not available" in body


def test_a_pool_that_does_not_tell_cases_apart_knows_him_in_small_letters(cloud, provider):
    shop = Shop(cloud, provider, UsernameConfiguration={"CaseSensitive": False})
    provider.said = {"sub": "ABC"}
    # https://github.com/aws-amplify/amplify-flutter/issues/1716
    assert claims(shop.tokens()["id_token"])["cognito:username"] == "corp_abc"


def test_a_token_signed_with_the_clients_secret_is_good_and_userinfo_may_be_posted_to(shop, provider):
    shop.idp.update_identity_provider(UserPoolId=shop.id, ProviderName="Corp", ProviderDetails=provider.details | {"attributes_request_method": "POST"})
    provider.alg = "HS256"
    assert claims(shop.tokens()["id_token"])["cognito:username"] == "Corp_7"
    assert ("POST", "/me", "Bearer theirs") in provider.heard


# Who does not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "failure"),
    (
        # https://github.com/TimothyJones/github-cognito-openid-wrapper/issues/100
        ({"iss": "https://evil.example"}, "Bad id_token issuer https://evil.example"),
        ({"aud": "somebody else"}, "Bad id_token audience"),
        ({"exp": 1}, "The id_token has expired"),
        ({"exp": None}, "The id_token has expired"),
        ({"sub": ""}, "The id_token has no subject"),
        ({"sub": 7}, "The id_token has no subject"),
    ),
)
def test_a_token_that_is_not_for_this_client_now_signs_nobody_in(shop, provider, said, failure):
    provider.said = said
    assert shop.failure() == failure
    assert shop.idp.list_users(UserPoolId=shop.id)["Users"] == []


def test_a_token_that_others_signed_signs_nobody_in(shop, provider):
    provider.key = OTHER_KEY
    assert shop.failure() == "Invalid id_token signature"
    provider.key, provider.info = KEY, {"sub": "another"}
    assert shop.failure() == "The subject of userInfo is not that of the ID token"
    provider.status = 400
    # https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
    assert shop.failure() == "Corp Error - 400 error getting token"
    provider.server.shutdown()
    provider.server.server_close()
    assert shop.failure() == "Connection reset"


def test_who_brings_no_state_or_that_of_another_browser_is_let_in_nowhere(cloud, shop):
    status, headers, body = shop.returned(cookie={})
    assert status == 400 and "Location" not in headers and b"Something went wrong" in body
    assert shop.returned(cookie={"cookie": "csrf-state=another"})[0] == 400
    away, cookie = shop.sent()
    query = urlencode({"code": "c", "state": parse_qs(urlsplit(away).query)["state"][0]})
    # "Amazon Cognito cancels authentication requests that do not complete within 5 minutes."
    cloud.sleep(301)
    assert cloud.http("GET", f"/oauth2/idpresponse?{query}", host=HOST, headers=cookie)[0] == 400
    assert cloud.http("GET", "/oauth2/idpresponse?code=c&state=none", host=HOST)[0] == 400
    away, cookie = shop.sent()
    query = urlencode({"code": "c", "state": parse_qs(urlsplit(away).query)["state"][0]})
    assert cloud.http("GET", f"/oauth2/idpresponse?{query}", host=HOST, headers=cookie)[0] == 302
    assert cloud.http("GET", f"/oauth2/idpresponse?{query}", host=HOST, headers=cookie)[0] == 400


def test_a_refusal_of_the_provider_is_told_to_the_program(shop):
    told = shop.back(error="access_denied")
    assert told == {"error": "access_denied", "error_description": "No.", "state": "s"}


def test_what_cannot_be_kept_of_somebody_keeps_him_out(cloud, provider, shop):
    provider.said = {"email": "ann@example.com", "name": "Ann"}
    change = shop.idp.update_identity_provider
    # https://github.com/aws-samples/cloudfront-authorization-at-edge/issues/153
    change(UserPoolId=shop.id, ProviderName="Corp", AttributeMapping={"custom:x": "name"})
    assert shop.failure() == "Invalid user attributes: custom:x: Attribute does not exist in the schema.\n "
    change(UserPoolId=shop.id, ProviderName="Corp", AttributeMapping={"email": "name"})
    assert shop.failure() == "Invalid email address format."
    shop.idp.update_user_pool_client(
        UserPoolId=shop.id, ClientId=shop.client, **OAUTH, SupportedIdentityProviders=["Corp"], WriteAttributes=["email"]
    )
    change(UserPoolId=shop.id, ProviderName="Corp", AttributeMapping={"name": "name"})
    # https://github.com/amazon-archives/amazon-cognito-auth-js/issues/159
    assert shop.failure() == "Invalid user attributes: name: Attribute cannot be updated.\n "
    assert shop.idp.list_users(UserPoolId=shop.id)["Users"] == []


def test_who_lacks_what_the_pool_requires_is_not_signed_up(cloud, provider):
    shop = Shop(cloud, provider, Schema=[{"Name": "email", "Required": True}])
    assert shop.failure() == "attributes required: [email]"


def test_who_is_disabled_stays_out_and_so_does_everybody_once_the_provider_is_gone(cloud, shop):
    shop.tokens()
    shop.idp.admin_disable_user(UserPoolId=shop.id, Username="Corp_7")
    assert shop.failure() == "User is disabled."
    away, cookie = shop.sent()
    shop.idp.delete_identity_provider(UserPoolId=shop.id, ProviderName="Corp")
    query = urlencode({"code": "c", "state": parse_qs(urlsplit(away).query)["state"][0]})
    assert cloud.http("GET", f"/oauth2/idpresponse?{query}", host=HOST, headers=cookie)[0] == 400
    status, _, body = cloud.http("GET", f"/oauth2/authorize?{shop.asked(identity_provider='Corp')}", host=HOST)
    assert status == 400 and b"Login option is not available" in body


def test_a_users_address_is_not_taken_by_who_comes_from_a_provider_with_the_same(cloud, provider):
    shop = Shop(cloud, provider, UsernameAttributes=["email"])
    sub = shop.pool.add("ann@example.com", PASSWORD, email_verified="true")
    provider.said = {"email": "ann@example.com", "email_verified": True}
    assert claims(shop.tokens()["id_token"])["sub"] != sub
    assert claims(shop.pool.sign_in("ann@example.com")["IdToken"])["sub"] == sub
    assert attributes(shop.pool.get("ann@example.com"))["sub"] == sub


def test_who_comes_from_a_provider_has_no_password_until_an_administrator_gives_him_one(cloud, shop):
    shop.tokens()
    assert refused(shop.pool.begin, "Corp_7")[0] == "NotAuthorizedException"
    forget = shop.idp.forgot_password
    assert refused(forget, ClientId=shop.client, Username="Corp_7") == ("NotAuthorizedException", "User password cannot be reset in the current state.")
    # "The federated user's status changes from EXTERNAL_PROVIDER to CONFIRMED": API_AdminSetUserPassword
    shop.idp.admin_set_user_password(UserPoolId=shop.id, Username="Corp_7", Password=PASSWORD, Permanent=True)
    assert shop.pool.get("Corp_7")["UserStatus"] == "CONFIRMED"
    assert shop.pool.sign_in("Corp_7") and shop.tokens()


# Whom an administrator has linked --------------------------------------------------------------------


def link(shop: Shop, name: str = "ann", attribute: str = "Cognito_Subject", value: str = "7") -> dict:
    return shop.idp.admin_link_provider_for_user(
        UserPoolId=shop.id, DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": name},
        SourceUser={"ProviderName": "Corp", "ProviderAttributeName": attribute, "ProviderAttributeValue": value},
    )  # fmt: skip


@pytest.mark.parametrize(("attribute", "value"), (("Cognito_Subject", "7"), ("email", "ann@example.com")))
def test_who_is_linked_signs_in_as_the_pools_own_user(shop, provider, attribute, value):
    sub = shop.pool.add()
    link(shop, "ann", attribute, value)
    provider.said = {"email": "ann@example.com", "name": "Ann"}
    token = claims(shop.tokens()["id_token"])
    assert (token["sub"], token["cognito:username"], token["name"]) == (sub, "ann", "Ann") and "cognito:groups" not in token
    assert [(each["userId"], each["primary"]) for each in token["identities"]] == [(value, "false")]
    assert len(shop.idp.list_users(UserPoolId=shop.id)["Users"]) == 1
    # He may still sign in with his password, and once the link is taken away he comes as somebody else.
    assert shop.pool.sign_in()
    shop.idp.admin_disable_provider_for_user(
        UserPoolId=shop.id, User={"ProviderName": "Corp", "ProviderAttributeName": attribute, "ProviderAttributeValue": value}
    )
    assert "identities" not in attributes(shop.pool.get())
    assert claims(shop.tokens()["id_token"])["cognito:username"] == "Corp_7"


def test_links_that_cannot_be_are_refused(shop):
    shop.pool.add()
    link(shop)
    assert refused(link, shop) == ("InvalidParameterException", "SourceUser is already linked to DestinationUser")
    assert refused(link, shop, "nobody", value="8")[0] == "UserNotFoundException"
    assert refused(link, shop, attribute="gender", value="x")[0] == "InvalidParameterException"
    own = {"ProviderName": "Cognito", "ProviderAttributeName": "Cognito_Subject", "ProviderAttributeValue": "ann"}
    # https://github.com/aws-amplify/amplify-js/issues/13334
    assert refused(shop.idp.admin_link_provider_for_user, UserPoolId=shop.id, DestinationUser=own, SourceUser=own)[1].startswith(
        "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser"
    )
    for value in "3456":
        link(shop, value=value)
    # "The maximum number of federated identities linked to a user is five."
    assert refused(link, shop, value="9")[0] == "LimitExceededException"
    shop.provider.said = {"sub": "20"}
    shop.tokens()
    # https://github.com/aws/aws-sdk-net/issues/1000
    assert refused(link, shop, value="20")[1].startswith("Merging is not currently supported")
    stop = shop.idp.admin_disable_provider_for_user
    stop(UserPoolId=shop.id, User={"ProviderName": "Cognito", "ProviderAttributeName": "Cognito_Subject", "ProviderAttributeValue": "ann"})
    assert refused(shop.pool.begin)[0] == "NotAuthorizedException"


def test_a_link_goes_with_its_user(shop):
    shop.pool.add()
    link(shop)
    shop.idp.admin_delete_user(UserPoolId=shop.id, Username="ann")
    sub = shop.pool.add()
    assert claims(shop.tokens()["id_token"])["sub"] != sub


# Functions that are asked ----------------------------------------------------------------------------

FUNCTION = """
def handler(event, context):
    print("asked", event["triggerSource"], event["userName"], sorted(event["request"]["userAttributes"]))
    if event["request"]["userAttributes"].get("name") == "Eve":
        raise Exception("no Eve")
    return event
"""


def with_function(cloud, provider: Provider, code: str = FUNCTION) -> Shop:
    arn = make_function(cloud, code)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
    kinds = ("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration")
    return Shop(cloud, provider, LambdaConfig=dict.fromkeys(kinds, arn))


def test_functions_are_asked_when_somebody_comes_first_and_when_he_comes_again(cloud, provider):
    shop = with_function(cloud, provider)
    provider.said = {"name": "Eve"}
    # "Errors thrown by Lambda triggers will be visible directly to your end users as query parameters in the Callback URL":
    # https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html
    assert shop.failure() == "PreSignUp failed with error no Eve."
    assert shop.idp.list_users(UserPoolId=shop.id)["Users"] == []
    provider.said = {"name": "Ann"}
    shop.tokens()
    shop.tokens()
    logs = cloud.client("logs")
    cloud.sleep(2)
    lines = [each["message"] for each in logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="asked")["events"]]
    # Which of them AWS asks of whom is the table of https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    assert [line.split()[1] for line in lines[1:]] == [
        "PreSignUp_ExternalProvider", "PostConfirmation_ConfirmSignUp", "TokenGeneration_HostedAuth", "PreAuthentication_Authentication",
        "PostAuthentication_Authentication", "TokenGeneration_HostedAuth",
    ]  # fmt: skip
    assert {line.split()[2] for line in lines} == {"Corp_7"}


TOGETHER = """
import socket
def handler(event, context):
    if event["triggerSource"].startswith("PreSignUp"):
        with socket.create_connection(("127.0.0.1", PORT)) as door:
            door.recv(1)
    return event
"""


def let_in_together(door: socket.socket) -> None:
    """Have two wait for each other."""
    both = [door.accept()[0] for _ in range(2)]
    for each in both:
        each.close()


def test_of_two_who_come_first_at_once_one_is_told_that_he_is_there_already(cloud, provider):
    door = socket.create_server(("127.0.0.1", 0))
    shop = with_function(cloud, provider, TOGETHER.replace("PORT", str(door.getsockname()[1])))
    threading.Thread(target=let_in_together, args=[door], daemon=True).start()
    requests = []
    for _ in range(2):
        away, cookie = shop.sent()
        state = parse_qs(urlsplit(away).query)["state"][0]
        requests.append(Request("GET", "/oauth2/idpresponse", urlencode({"code": "c", "state": state}), {"host": HOST, **cookie}))

    async def both() -> list:
        return await asyncio.gather(*(cloud.deliver(request) for request in requests))

    told = [dict(parse_qsl(urlsplit(response.headers["Location"]).query)) for response, _ in cloud.run(both())]
    # https://github.com/aws-amplify/amplify-flutter/issues/1716
    assert sorted("code" in each for each in told) == [False, True]
    assert [each["error_description"] for each in told if "error" in each] == ["Already found an entry for username Corp_7"]
    assert len(shop.idp.list_users(UserPoolId=shop.id)["Users"]) == 1
    door.close()


# Providers -----------------------------------------------------------------------------------------


def test_what_a_killed_region_knew_of_providers_and_links_it_still_knows_and_no_secret_lies_open(cloud, shop, provider):
    shop.pool.add()
    link(shop)
    away, cookie = shop.sent()
    cloud.restart(kill=True)
    query = urlencode({"code": "c", "state": parse_qs(urlsplit(away).query)["state"][0]})
    status, headers, _ = cloud.http("GET", f"/oauth2/idpresponse?{query}", host=HOST, headers=cookie)
    assert status == 302 and "code" in parse_qs(urlsplit(headers["Location"]).query)
    assert ("POST", "/token", SECRET) in [(verb, path, form.get("client_secret")) for verb, path, form in provider.heard if isinstance(form, dict)]
    assert claims(shop.tokens()["id_token"])["cognito:username"] == "ann"
    assert not is_on_disk(cloud, SECRET)


TEMPLATE = """
Resources:
  People: {Type: AWS::Cognito::UserPool}
  Corp:
    Type: AWS::Cognito::UserPoolIdentityProvider
    Properties:
      UserPoolId: !Ref People
      ProviderName: Corp
      ProviderType: OIDC
      ProviderDetails: {client_id: kumo, client_secret: s, oidc_issuer: URL, authorize_scopes: openid, attributes_request_method: GET}
      AttributeMapping: {email: email}
  Client: {Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: !Ref People, SupportedIdentityProviders: [!Ref Corp]}}
Outputs: {Pool: {Value: !Ref People}, Client: {Value: !Ref Client}}
"""


def test_a_provider_may_be_part_of_a_stack(cloud, provider):
    template = TEMPLATE.replace("URL", provider.url)
    out, idp = outputs(create(cloud, "shop", template)), cloud.client("cognito-idp")
    client = idp.describe_user_pool_client(UserPoolId=out["Pool"], ClientId=out["Client"])["UserPoolClient"]
    assert client["SupportedIdentityProviders"] == ["Corp"]
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=template.replace("{email: email}", "{email: mail, name: name}"))
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    told = idp.describe_identity_provider(UserPoolId=out["Pool"], ProviderName="Corp")["IdentityProvider"]
    assert told["AttributeMapping"] == {"username": "sub", "email": "mail", "name": "name"}
    cloud.client("cloudformation").delete_stack(StackName="shop")
    cloud.sleep(5)
    assert idp.list_user_pools(MaxResults=10)["UserPools"] == []


def test_what_a_providers_client_proves_itself_with_is_in_no_trail(cloud, shop):
    shop.idp.update_identity_provider(UserPoolId=shop.id, ProviderName="Corp", ProviderDetails=shop.provider.details)
    cloud.sleep(1)
    events = cloud.client("cloudtrail").lookup_events()["Events"]
    named = {each["EventName"]: each["CloudTrailEvent"] for each in events if "IdentityProvider" in each["EventName"]}
    assert set(named) == {"CreateIdentityProvider", "UpdateIdentityProvider"}
    assert not any(SECRET in each for each in named.values())


def test_a_provider_is_told_with_the_endpoints_that_it_publishes(shop, provider):
    expected = {
        **provider.details, "authorize_url": f"{provider.url}/authorize", "token_url": f"{provider.url}/token",
        "attributes_url": f"{provider.url}/me", "jwks_uri": f"{provider.url}/keys", "attributes_url_add_attributes": "false",
    }  # fmt: skip
    assert shop.made["ProviderDetails"] == expected
    assert shop.made["AttributeMapping"] == {"username": "sub", "email": "email", "name": "name"}
    described = shop.idp.describe_identity_provider(UserPoolId=shop.id, ProviderName="Corp")["IdentityProvider"]
    assert described == shop.made == shop.idp.get_identity_provider_by_identifier(UserPoolId=shop.id, IdpIdentifier="corp.example")["IdentityProvider"]
    listed = shop.idp.list_identity_providers(UserPoolId=shop.id)["Providers"]
    assert [(each["ProviderName"], each["ProviderType"]) for each in listed] == [("Corp", "OIDC")]
    changed = shop.idp.update_identity_provider(UserPoolId=shop.id, ProviderName="Corp", IdpIdentifiers=["a", "b"])["IdentityProvider"]
    assert (changed["IdpIdentifiers"], changed["ProviderDetails"]) == (["a", "b"], expected)


def test_providers_that_make_no_sense_are_refused_and_those_that_are_not_served_by_name(shop, provider):
    make, details = shop.idp.create_identity_provider, provider.details
    told = {"UserPoolId": shop.id, "ProviderName": "Other", "ProviderType": "OIDC", "ProviderDetails": details}
    assert refused(make, **{**told, "ProviderName": "Corp"})[0] == "DuplicateProviderException"
    assert refused(make, **told, IdpIdentifiers=["corp.example"])[0] == "DuplicateProviderException"
    for wrong in (
        {"oidc_issuer": "http://idp.example.com"}, {"oidc_issuer": "nonsense"}, {"authorize_scopes": "email"}, {"attributes_request_method": "PUT"},
        {"client_id": ""}, {"token_url": "http://idp.example.com/token"}, {"shoe_size": "42"}, {"oidc_issuer": "http://localhost:1"},
    ):  # fmt: skip
        assert refused(make, **{**told, "ProviderDetails": details | wrong})[0] == "InvalidParameterException", wrong
    # https://github.com/aws/aws-cli/issues/3179
    assert refused(make, **{**told, "ProviderType": "Google"})[1] == "Provider Other cannot be of type Google."
    social = {"client_id": "c", "client_secret": "s", "authorize_scopes": "email"}
    code, text = refused(make, **{**told, "ProviderType": "Google", "ProviderName": "Google", "ProviderDetails": social})
    assert (code, "Google" in text) == ("NotImplemented", True)
    # https://github.com/lgallard/terraform-aws-cognito-user-pool/issues/71
    assert refused(shop.idp.update_user_pool_client, UserPoolId=shop.id, ClientId=shop.client, SupportedIdentityProviders=["Salesforce"]) == (
        "InvalidParameterException", f"The provider Salesforce does not exist for User Pool {shop.id}.",
    )  # fmt: skip
    for call in (shop.idp.describe_identity_provider, shop.idp.delete_identity_provider, shop.idp.update_identity_provider):
        assert refused(call, UserPoolId=shop.id, ProviderName="None") == ("ResourceNotFoundException", "Identity provider None does not exist.")
    assert refused(shop.idp.get_identity_provider_by_identifier, UserPoolId=shop.id, IdpIdentifier="none")[0] == "ResourceNotFoundException"


def test_a_provider_goes_with_its_pool(cloud, shop):
    shop.idp.delete_user_pool_domain(Domain="shop", UserPoolId=shop.id)
    shop.idp.delete_user_pool(UserPoolId=shop.id)
    assert refused(shop.idp.list_identity_providers, UserPoolId=shop.id)[0] == "ResourceNotFoundException"
