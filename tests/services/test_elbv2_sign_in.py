"""Balancers that have their clients sign in, at a user pool or at any provider of OpenID Connect.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError
from cognito_workshop import PASSWORD, Pool
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from services.balancer_workshop import balancer, fixed, forward, listener, servers
from services.certificate_workshop import brought
from services.endpoint_workshop import Endpoint

from kumoniwa.wire.message import Request

HOST = "app.shop.example:4566"
BACK = "https://app.shop.example:4566/oauth2/idpresponse"


class Browser:
    """Somebody's browser: it keeps cookies by their names, and follows nobody."""

    def __init__(self, cloud) -> None:
        self.cloud, self.cookies = cloud, {}

    def get(self, path: str, host: str = HOST, **headers: str):
        path, _, query = path.partition("?")
        said = {"host": host, "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        response, body = self.cloud._answer(Request("GET", path, query, said, is_tls=True))
        given = response.headers.get("Set-Cookie", [])
        for line in given if isinstance(given, list) else [given]:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, {name.lower(): value for name, value in response.headers.items()}, body


@pytest.fixture
def elb(cloud):
    return cloud.client("elbv2")


@pytest.fixture
def endpoint():
    held = Endpoint()
    yield held
    held.close()


def secured(cloud, elb, endpoint, action: dict) -> str:
    """A listener that has clients sign in before they come to a server."""
    made = balancer(cloud, elb)
    actions = [{**action, "Order": 1}, {**forward(servers(elb, endpoint))[0], "Order": 2}]
    return listener(elb, made, actions, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": brought(cloud, "app.shop.example")}])


def oidc(url: str, **more) -> dict:
    config = {
        "Issuer": "https://id.example", "AuthorizationEndpoint": "https://id.example/authorize?v=1", "TokenEndpoint": f"{url}/token",
        "UserInfoEndpoint": f"{url}/me", "ClientId": "shop", "ClientSecret": "hush", "Scope": "openid email", **more,
    }  # fmt: skip
    return {"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}


def test_a_client_signs_in_at_a_provider_and_is_known_from_then_on(cloud, elb, endpoint):
    provider = Endpoint()
    arn = secured(cloud, elb, endpoint, oidc(provider.url, AuthenticationRequestExtraParams={"prompt": "login"}))
    cloud.sleep(1)
    (told,) = elb.describe_listeners(ListenerArns=[arn])["Listeners"]
    assert "ClientSecret" not in told["DefaultActions"][0]["AuthenticateOidcConfig"]
    browser = Browser(cloud)
    status, headers, _ = browser.get("/cart?x=1")
    where = urlsplit(headers["location"])
    asked = dict(parse_qsl(where.query))
    assert (status, f"{where.scheme}://{where.netloc}{where.path}", asked["v"], asked["prompt"]) == (302, "https://id.example/authorize", "1", "login")
    assert (asked["client_id"], asked["redirect_uri"], asked["response_type"], asked["scope"]) == ("shop", BACK, "code", "openid email")
    provider.will(200, {"access_token": "token-1", "token_type": "Bearer", "expires_in": 60})
    provider.will(200, {"sub": "ann-1", "email": "ann@shop.example"})
    status, headers, _ = browser.get(f"/oauth2/idpresponse?{urlencode({'code': 'c0de', 'state': asked['state']})}")
    assert (status, headers["location"]) == (302, "https://app.shop.example:4566/cart?x=1")
    exchanged, looked = provider.asked
    assert dict(parse_qsl(exchanged.body.decode())) == {"grant_type": "authorization_code", "code": "c0de", "redirect_uri": BACK, "client_id": "shop"}
    assert exchanged.headers["authorization"] == "Basic " + base64.b64encode(b"shop:hush").decode()
    assert looked.headers["authorization"] == "Bearer token-1"
    assert browser.get("/cart?x=1", **{"x-amzn-oidc-identity": "somebody else"})[0] == 200
    headers = [each.headers for each in endpoint.asked if each.path == "/cart"][-1]
    assert (headers["x-amzn-oidc-identity"], headers["x-amzn-oidc-accesstoken"]) == ("ann-1", "token-1")
    # The token proves itself by the key that is published for it.
    head, claims, signature = (base64.urlsafe_b64decode(part) for part in headers["x-amzn-oidc-data"].split("."))
    head, claims = json.loads(head), json.loads(claims)
    assert (head["alg"], head["client"], head["iss"]) == ("ES256", "shop", "https://id.example") and ":loadbalancer/app/" in head["signer"]
    assert (claims["sub"], claims["email"]) == ("ann-1", "ann@shop.example")
    status, _, key = cloud.http("GET", f"/{head['kid']}", host="public-keys.auth.elb.us-east-1.amazonaws.com")
    numbers = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    signed = headers["x-amzn-oidc-data"].rpartition(".")[0].encode()
    serialization.load_pem_public_key(key).verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA256()))
    # A week later the session is over, and after a kill it was not.
    cloud.restart(kill=True)
    assert browser.get("/cart")[0] == 200
    cloud.sleep_dark(604_801)
    assert browser.get("/cart")[0] == 302
    provider.close()


def test_a_client_signs_in_at_a_user_pool(cloud, elb, endpoint):
    oauth = {
        "AllowedOAuthFlows": ["code"], "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthScopes": ["openid", "email"], "CallbackURLs": [BACK],
        "SupportedIdentityProviders": ["COGNITO"], "GenerateSecret": True,
    }  # fmt: skip
    pool = Pool(cloud, client=oauth)
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    subject = pool.add()
    arn = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Arn"]
    config = {"UserPoolArn": arn, "UserPoolClientId": pool.client, "UserPoolDomain": "shop", "Scope": "openid email"}
    secured(cloud, elb, endpoint, {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": config})
    browser = Browser(cloud)
    place = urlsplit(browser.get("/cart")[1]["location"])
    assert place.netloc == "shop.auth.us-east-1.localhost:4566"
    page = browser.get(f"{place.path}?{place.query}", place.netloc)[1]["location"]
    form = urlencode({"username": "ann", "password": PASSWORD}).encode()
    _, headers, _ = cloud.http("POST", page, host=place.netloc, headers={"content-type": "application/x-www-form-urlencoded"}, body=form)
    back = urlsplit(headers["Location"])
    assert headers["Location"].startswith(f"{BACK}?")
    status, headers, _ = browser.get(f"{back.path}?{back.query}")
    assert (status, headers.get("location")) == (302, "https://app.shop.example:4566/cart")
    assert browser.get("/cart")[0] == 200
    told = [each.headers for each in endpoint.asked if each.path == "/cart"][-1]
    assert told["x-amzn-oidc-identity"] == subject


def test_the_secret_of_a_client_is_on_no_trail_and_not_on_the_disk(cloud, elb, endpoint):
    secret = "a-secret-that-is-nowhere"
    arn = secured(cloud, elb, endpoint, oidc("https://id.example", ClientSecret=secret))
    condition = [{"Field": "path-pattern", "Values": ["/a"]}]
    elb.create_rule(ListenerArn=arn, Priority=1, Conditions=condition, Actions=[oidc("https://id.example", ClientSecret=secret) | {"Order": 1}, {**fixed()[0], "Order": 2}])
    events = cloud.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateListener"}])["Events"]
    assert len(events) == 1 and secret not in events[0]["CloudTrailEvent"]
    cloud.restart()
    files = [file for file in Path(cloud.folder).rglob("*") if file.is_file()]
    assert files and not [file for file in files if secret.encode() in file.read_bytes()]


def state_of(browser: Browser) -> str:
    return parse_qs(urlsplit(browser.get("/cart")[1]["location"]).query)["state"][0]


def test_what_comes_back_wrong_signs_nobody_in(cloud, elb, endpoint):
    provider = Endpoint()
    secured(cloud, elb, endpoint, oidc(provider.url))
    browser = Browser(cloud)

    def back(who: Browser, **said: str) -> int:
        return who.get(f"/oauth2/idpresponse?{urlencode(said)}")[0]

    state = state_of(browser)
    assert back(browser, code="c") == back(browser, code="c", state="x" * 40) == back(Browser(cloud), code="c", state=state) == 401
    assert back(browser, state=state) == 401
    assert back(browser, state=state, error="access_denied") == 561
    provider.will(400, {"error": "invalid_grant"})
    assert back(browser, code="c", state=state) == 401
    provider.will(500)
    assert back(browser, code="c", state=state) == 500
    provider.will(200, {"access_token": "t"}), provider.will(200, {"no": "sub"})
    assert back(browser, code="c", state=state) == 500
    cloud.sleep(901)
    assert back(browser, code="c", state=state) == 401
    provider.close()
    assert back(browser, code="c", state=state_of(browser)) == 500
    assert not any(each.path == "/cart" for each in endpoint.asked)


def test_who_has_not_signed_in_may_be_let_in_or_denied(cloud, elb, endpoint):
    arn = secured(cloud, elb, endpoint, oidc("https://id.example", OnUnauthenticatedRequest="allow"))
    assert Browser(cloud).get("/cart")[0] == 200
    assert not any(name.startswith("x-amzn-oidc") for each in endpoint.asked for name in each.headers)
    (told,) = elb.describe_listeners(ListenerArns=[arn])["Listeners"]
    first, last = told["DefaultActions"]
    first["AuthenticateOidcConfig"] |= {"OnUnauthenticatedRequest": "deny", "UseExistingClientSecret": True}
    elb.modify_listener(ListenerArn=arn, DefaultActions=[first, last])
    assert Browser(cloud).get("/cart")[0] == 401


def test_only_what_comes_in_tls_signs_in(cloud, elb):
    made = balancer(cloud, elb)

    def refused(actions: list[dict], **more) -> tuple[str, str]:
        with pytest.raises(ClientError) as found:
            listener(elb, made, actions, **more)
        return found.value.response["Error"]["Code"], found.value.response["Error"]["Message"]

    assert refused([oidc("https://id.example"), *fixed()]) == (
        "InvalidLoadBalancerAction", "Actions of type 'authenticate-oidc' are supported only on HTTPS listeners",
    )  # fmt: skip
    tls = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": brought(cloud, "a.example")}]}
    assert refused([oidc("https://id.example")], **tls)[0] == "InvalidLoadBalancerAction"
    bare = oidc("https://id.example")
    del bare["AuthenticateOidcConfig"]["ClientSecret"]
    assert refused([bare, *fixed()], **tls) == ("ValidationError", "ClientSecret must be specified for actions of type 'authenticate-oidc'")
    assert refused([oidc("http://id.example"), *fixed()], **tls)[1] == "TokenEndpoint 'http://id.example/token' must be a URL of HTTPS"
