"""Who may call HTTP APIs: tokens of an issuer, functions that are asked, signatures."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from contextlib import contextmanager

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from api_workshop import Function
from certificate_workshop import certificate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from http_workshop import ASKED, Caller, function, http_api

from kumoniwa.wire import outbound
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Response


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigatewayv2")


@pytest.fixture
def shop(cloud):
    return Function(cloud.regions["us-east-1"])


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An OpenID Connect issuer on loopback, in the cloud's loop, whom the region trusts."""

    def __init__(self, cloud) -> None:
        self.key, self.cloud, self.asked = rsa.generate_private_key(65537, 2048), cloud, []
        self.url = ""

    def answer(self, request, reply) -> None:
        self.asked.append(request.path)
        numbers = self.key.public_key().public_numbers()
        jwk = {"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig"}
        jwk |= {
            "n": _coded(numbers.n.to_bytes(256, "big")),
            "e": _coded(numbers.e.to_bytes(3, "big")),
        }
        known = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [jwk]},
        }
        found = known.get(request.path)
        reply(Response(200, json.dumps(found).encode()) if found else Response(404))

    def token(self, key=None, header: dict | None = None, **claims) -> str:
        now = int(self.cloud.now())
        said = {"iss": self.url, "sub": "ann", "aud": "shop", "iat": now, "exp": now + 3600, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        head = {"alg": "RS256", "kid": "k1", **(header or {})}
        signed = f"{_coded(json.dumps(head).encode())}.{_coded(json.dumps(said).encode())}"
        signature = (key or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_coded(signature)}"


@pytest.fixture
def issuer(cloud, tmp_path, monkeypatch):
    made, pem = Issuer(cloud), tmp_path / "pem"
    pem.write_bytes(b"".join(certificate("localhost", kind="P256")))
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(outbound, "_tls", lambda: trusting)

    async def listen():
        return await asyncio.get_running_loop().create_server(lambda: Connection(made.answer), "127.0.0.1", 0, ssl=ours)

    server = cloud.run(listen())
    made.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


def guarded(gateway, issuer, *, key: str = "GET /", scopes: list[str] | None = None, version: str = "2.0", source="$request.header.Authorization") -> str:
    api = http_api(gateway)
    made = gateway.create_authorizer(
        ApiId=api, Name="tokens", AuthorizerType="JWT", IdentitySource=[source],
        JwtConfiguration={"Issuer": issuer.url, "Audience": ["shop", "other"]},
    )  # fmt: skip
    gateway.create_route(
        ApiId=api, RouteKey=key, Target=function(gateway, api, version=version), AuthorizationType="JWT",
        AuthorizerId=made["AuthorizerId"], **({"AuthorizationScopes": scopes} if scopes else {}),
    )  # fmt: skip
    return api


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# Tokens -----------------------------------------------------------------------------------------------


def test_a_good_token_lets_in_and_its_claims_reach_the_function(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer))
    token = issuer.token(groups=["a", "b"], admin=True, aud=["x", "shop"])
    assert call("GET", "/", headers=bearer(token))[0] == 200
    assert call("GET", "/", headers={"Authorization": token})[0] == 200
    told = shop.events[0]["requestContext"]["authorizer"]["jwt"]
    assert told["scopes"] is None
    # https://github.com/aws-solutions-library-samples/guidance-for-claude-code-with-amazon-bedrock/pull/803: lists become "[a b]".
    assert (told["claims"]["sub"], told["claims"]["groups"], told["claims"]["admin"]) == ("ann", "[a b]", "true")
    assert told["claims"]["exp"].isdecimal()
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_format_1_0_tells_claims_and_scopes_beside_each_other(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer, scopes=["read", "write"], version="1.0"))
    assert call("GET", "/", headers=bearer(issuer.token(scope="read other")))[0] == 200
    told = shop.events[0]["requestContext"]["authorizer"]
    assert told["claims"]["scope"] == "read other" and told["scopes"] == ["read", "write"]


@pytest.mark.parametrize(
    ("claims", "text"),
    (
        # The one text that AWS documents: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html
        ({"aud": "elsewhere"}, "the token does not have a valid audience"),
        ({"aud": None, "client_id": "elsewhere"}, "the token does not have a valid audience"),
        ({"aud": "elsewhere", "client_id": "shop"}, "the token does not have a valid audience"),
        ({"iss": "https://elsewhere.example"}, "invalid issuer"),
        ({"exp": 1}, "the token has expired"),
        ({"exp": None}, "the token has expired"),
        ({"exp": "tomorrow"}, "the token has expired"),
        ({"nbf": 2_000_000_000}, "the token is not valid yet"),
        ({"iat": 2_000_000_000}, "the token was issued in the future"),
    ),
)
def test_a_token_that_says_the_wrong_thing_is_unauthorized(cloud, gateway, shop, issuer, claims, text):
    call = Caller(cloud, guarded(gateway, issuer))
    status, headers, body = call("GET", "/", headers=bearer(issuer.token(**claims)))
    assert (status, json.loads(body)) == (401, {"message": "Unauthorized"})
    assert headers["www-authenticate"] == f'Bearer scope="" error="invalid_token" error_description="{text}"'
    assert not shop.asked


def test_client_id_counts_where_there_is_no_audience(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer))
    assert call("GET", "/", headers=bearer(issuer.token(aud=None, client_id="shop")))[0] == 200


def test_a_token_that_others_signed_is_unauthorized(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer))
    stranger = rsa.generate_private_key(65537, 2048)
    good = issuer.token()
    head, body, signature = good.split(".")
    other = _coded(json.dumps({"iss": issuer.url, "sub": "eve", "aud": "shop", "exp": 9_999_999_999}).encode())
    for token in (
        issuer.token(key=stranger),
        issuer.token(header={"kid": "k9"}),
        f"{head}.{other}.{signature}",
        ".".join((_coded(b'{"alg":"none"}'), body, "")),
        ".".join((_coded(b'{"alg":"HS256","kid":"k1"}'), body, signature)),
        "no token",
        "",
    ):
        assert call.message("GET", "/", headers=bearer(token)) == (401, "Unauthorized"), token
    assert call("GET", "/")[1]["www-authenticate"] == "Bearer"
    assert not shop.asked


def test_a_route_wants_one_of_its_scopes(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer, scopes=["read", "write"]))
    for claims in ({"scope": "other write"}, {"scp": ["read"]}):
        assert call("GET", "/", headers=bearer(issuer.token(**claims)))[0] == 200
    status, headers, body = call("GET", "/", headers=bearer(issuer.token(scope="other")))
    assert (status, json.loads(body)) == (403, {"message": "Forbidden"})
    assert 'error="insufficient_scope"' in headers["www-authenticate"] and 'scope="read write"' in headers["www-authenticate"]


def test_a_token_may_stand_in_the_query(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer, source="$request.querystring.token"))
    assert call("GET", f"/?token={issuer.token()}")[0] == 200


def test_an_issuers_new_key_is_fetched_when_a_token_names_it(cloud, gateway, shop, issuer):
    call = Caller(cloud, guarded(gateway, issuer))
    assert call("GET", "/", headers=bearer(issuer.token()))[0] == 200
    issuer.key = rsa.generate_private_key(65537, 2048)
    assert call("GET", "/", headers=bearer(issuer.token()))[0] == 401
    cloud.sleep(7_201)
    assert call("GET", "/", headers=bearer(issuer.token()))[0] == 200


def test_an_issuer_that_does_not_answer_is_an_internal_server_error(cloud, gateway, shop, issuer):
    issuer.url = "https://127.0.0.1:1"
    call = Caller(cloud, guarded(gateway, issuer))
    assert call.message("GET", "/", headers=bearer(issuer.token())) == (500, "Internal Server Error")


# Functions --------------------------------------------------------------------------------------------


def asking(gateway, *, version="2.0", simple=True, sources=("$request.header.Authorization",), ttl=0, keys=("GET /pets/{id}",)) -> str:
    api = http_api(gateway)
    made = gateway.create_authorizer(
        ApiId=api, Name="asks", AuthorizerType="REQUEST", IdentitySource=list(sources), AuthorizerUri=ASKED.replace(":shop", ":guard"),
        AuthorizerPayloadFormatVersion=version, EnableSimpleResponses=simple, AuthorizerResultTtlInSeconds=ttl,
    )  # fmt: skip
    for key in keys:
        gateway.create_route(
            ApiId=api, RouteKey=key, Target=function(gateway, api), AuthorizationType="CUSTOM", AuthorizerId=made["AuthorizerId"]
        )
    return api


@contextmanager
def saying(shop, answer):
    """What the guard says; the shop behind it answers with its event."""

    def both(event):
        if event.get("type") != "REQUEST":
            return {"statusCode": 200, "body": json.dumps(event)}
        return answer(event) if callable(answer) else answer

    shop.answer = both
    yield


def questions(shop) -> list[dict]:
    return [event for event in shop.events if event.get("type") == "REQUEST"]


def test_a_simple_answer_lets_in_or_not_and_its_context_is_told(cloud, gateway, shop):
    call = Caller(cloud, asking(gateway))
    context = {"number": 1, "flag": True, "list": ["a"], "map": {"a": 1}, "text": "t"}
    with saying(shop, lambda event: {"isAuthorized": event["identitySource"] == ["yes"], "context": context}):
        status, _, body = call("GET", "/pets/7?a=1", headers={"Authorization": "yes"})
        assert status == 200 and json.loads(body)["requestContext"]["authorizer"] == {"lambda": context}
        assert call.message("GET", "/pets/7", headers={"Authorization": "no"}) == (403, "Forbidden")
    question = questions(shop)[0]
    assert question["version"] == "2.0" and question["routeKey"] == "GET /pets/{id}" and question["pathParameters"] == {"id": "7"}
    assert question["routeArn"] == f"arn:aws:execute-api:us-east-1:000000000000:{call.api}/$default/GET/pets/7"
    assert "body" not in question and question["rawQueryString"] == "a=1"


def test_who_shows_no_identity_is_not_even_asked_about(cloud, gateway, shop):
    call = Caller(cloud, asking(gateway, sources=("$request.header.Authorization", "$request.querystring.who")))
    assert call.message("GET", "/pets/7", headers={"Authorization": "yes"}) == (401, "Unauthorized")
    assert not shop.asked


def _policy(effect: str, arn: str | list[str]) -> dict:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    return {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"k": "v"}}


def test_a_policy_answers_for_the_routes_it_names(cloud, gateway, shop):
    for version in ("1.0", "2.0"):
        call = Caller(cloud, asking(gateway, version=version, simple=False))
        with saying(shop, lambda event: _policy("Allow", (event.get("methodArn") or event["routeArn"]).replace("/8", "/7"))):
            status, _, body = call("GET", "/pets/7", headers={"Authorization": "a"})
            assert status == 200 and json.loads(body)["requestContext"]["authorizer"]["lambda"]["k"] == "v"
        for denying in (_policy("Deny", "*"), _policy("Allow", [])):
            with saying(shop, denying):
                assert call.message("GET", "/pets/7", headers={"Authorization": "a"}) == (403, "Forbidden")
    old = questions(shop)[0]
    assert (old["version"], old["identitySource"], old["authorizationToken"], old["resource"]) == ("1.0", "a", "a", "/pets/{id}")


def test_an_answer_is_remembered_for_its_identity_until_it_is_old_or_forgotten(cloud, gateway, shop):
    api = asking(gateway, ttl=60, keys=("GET /a", "GET /b"))
    call = Caller(cloud, api)
    with saying(shop, {"isAuthorized": True}):
        for path in ("/a", "/b", "/a"):
            assert call("GET", path, headers={"Authorization": "x"})[0] == 200
        assert len(questions(shop)) == 1
        call("GET", "/a", headers={"Authorization": "y"})
        assert len(questions(shop)) == 2
        cloud.sleep(61)
        call("GET", "/a", headers={"Authorization": "x"})
        assert len(questions(shop)) == 3
        gateway.reset_authorizers_cache(ApiId=api, StageName="$default")
        call("GET", "/a", headers={"Authorization": "x"})
        assert len(questions(shop)) == 4


@pytest.mark.parametrize("answer", (b"no json", {"isAuthorized": "yes"}, {"isAuthorized": True, "context": [1]}, {}, [1], None))
def test_a_guard_that_answers_in_no_form_lets_nobody_in(cloud, gateway, shop, answer):
    call = Caller(cloud, asking(gateway))
    with saying(shop, answer):
        assert call("GET", "/pets/7", headers={"Authorization": "x"})[0] in (403, 500)


def test_a_guard_that_fails_is_an_internal_server_error(cloud, gateway, shop):
    call = Caller(cloud, asking(gateway))
    shop.is_failing, shop.answer = True, {"errorMessage": "no"}
    assert call.message("GET", "/pets/7", headers={"Authorization": "x"}) == (500, "Internal Server Error")


# Signatures -------------------------------------------------------------------------------------------


def signed(call: Caller, key: str, secret: str, verb: str = "GET", path: str = "/pets/7"):
    request = botocore.awsrequest.AWSRequest(verb, f"http://{call.host}{path}")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)
    return call(verb, path, headers=dict(request.headers))


def test_a_signed_request_needs_the_signers_own_permission(cloud, gateway, shop):
    api = http_api(gateway)
    gateway.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=function(gateway, api), AuthorizationType="AWS_IAM")
    call = Caller(cloud, api)
    assert call.message("GET", "/pets/7") == (403, "Forbidden")
    iam = cloud.client("iam", "aws-global")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    pair = key["AccessKeyId"], key["SecretAccessKey"]
    assert signed(call, *pair)[0] == 403
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api}/$default/GET/pets/7"
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(allowed))
    assert signed(call, *pair)[0] == 200
    assert signed(call, *pair, path="/pets/8")[0] == 403
    assert signed(call, pair[0], "wrong")[0] == 403
    told = shop.events[0]["requestContext"]["authorizer"]["iam"]
    assert told["userArn"] == "arn:aws:iam::000000000000:user/ann" and told["accessKey"] == pair[0]
    assert told["principalOrgId"] is None
    garden = cloud.client("organizations").create_organization()["Organization"]["Id"]
    signed(call, *pair)
    assert shop.events[-1]["requestContext"]["authorizer"]["iam"]["principalOrgId"] == garden


def test_who_only_calls_an_api_is_noted_again_each_minute(cloud, gateway):
    api = http_api(gateway)
    gateway.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=function(gateway, api), AuthorizationType="AWS_IAM")
    iam, call = cloud.client("iam", "aws-global"), Caller(cloud, api)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(allowed))
    for wait_s in (0, 0, 61):
        cloud.sleep(wait_s)
        signed(call, key["AccessKeyId"], key["SecretAccessKey"])
    called_at = cloud.now()
    cloud.sleep(1)
    job = iam.generate_service_last_accessed_details(Arn="arn:aws:iam::000000000000:user/ann")["JobId"]
    (used,) = iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
    assert used["LastAuthenticated"].timestamp() == int(called_at)


def test_what_iam_calls_the_operations(cloud, gateway):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html
    api = gateway.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    iam = cloud.client("iam", "aws-global")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": ["apigateway:GET", "apigateway:POST"], "Resource": f"arn:aws:apigateway:us-east-1::/apis/{api}/routes*"}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    mine = cloud.client("apigatewayv2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    mine.create_route(ApiId=api, RouteKey="GET /")
    assert len(mine.get_routes(ApiId=api)["Items"]) == 1
    for refused in (lambda: mine.get_api(ApiId=api), lambda: mine.delete_api(ApiId=api), mine.get_apis):
        with pytest.raises(mine.exceptions.ClientError) as error:
            refused()
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
