"""What a pool shows to the world: its keys, and the hosted pages by which programs have their users sign in.

The pages are the authorization code flow of OAuth 2.0 with PKCE, the implicit flow, and a program's own sign-in (client credentials).
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.gate.identity import ANONYMOUS
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.json_web_token import base64url
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import exchange, factor, federation, guard, proof, saml, signup, ticket, token, trigger
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import provider as providers
from kumoniwa.services.cognito_idp.client import OWN_SCOPES, UserPoolClient
from kumoniwa.services.cognito_idp.errors import NotAuthorizedException
from kumoniwa.services.cognito_idp.place import domain_of, key_of, places
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.resourceserver import scopes_of
from kumoniwa.services.cognito_idp.user import CONFIRMED, User
from kumoniwa.wire.message import Request, Response

CODE_S = 300.0
AWAY_S = 300.0
"""How long somebody may be with his provider: "Amazon Cognito cancels authentication requests that do not complete within 5 minutes."
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html"""
BROWSER = "csrf-state"
"""The cookie by which a browser that comes back is known for the one that was sent away."""
JSON = {"Content-Type": "application/json;charset=UTF-8", "Access-Control-Allow-Origin": "*"}
ASKED = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "identity_provider",
    "idp_identifier",
)  # fmt: skip
"""What an authorization is asked with, and what the page carries on."""
PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Sign in</title></head><body>{flaw}{others}{own}</body></html>
"""
OWN_FORM = """<h1>Sign in with your username and password</h1>
<form method="post" action="/login?{query}"><label>Username <input name="username" autofocus></label>
<label>Password <input name="password" type="password"></label><button type="submit">Sign in</button></form>
"""
OTHER = """<p><a href="/oauth2/authorize?{query}">Continue with {name}</a></p>
"""
NOT_OFFERED = "<h1>Login option is not available. Please try another one</h1>"
SAML = "/saml2/idpresponse"
NOT_SAML = "<h1>Invalid samlResponse or relayState from identity provider</h1>"
"""What people meet who come without having been sent, as the help pages of PactFlow, RudderStack and Fireworks quote it."""
GONE_WRONG = "<h1>Something went wrong</h1>"
SECOND = "hosted factor"
FACTORS = {factor.TEXT: "A text message", factor.APP: "An authenticator app", factor.MAIL: "A mail"}
SECOND_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Sign in</title></head><body><h1>Sign in with a second factor</h1>
<form method="post" action="/login?{query}">{field}<input name="session" type="hidden" value="{session}">
<button type="submit">Sign in</button></form></body></html>
"""


class OAuthError(Exception):
    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status


def _json(body: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(body), dict(JSON))


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    if address.door == "user-pool":
        return _published(home, request, address)
    place = places(home).get(key_of(address.name))
    if place is None:
        return _page("<h1>There is no such user pool.</h1>", 404)
    call = Call(home, place.account, ANONYMOUS, "cognito-idp", "", request_id, request)
    page = _PAGES.get((request.method, request.path))
    if page is None:
        return _page("<h1>Not found</h1>", 404)
    try:
        pool = pools.found(call, place.pool)
        met = guard.meet(call, pools.arn_of(call, pool.id), request, is_page=True)
        if met is not None and met.is_blocked:
            return met.response() or _page("<h1>403 Forbidden</h1>", 403)
        return await page(call, pool, request)
    except OAuthError as error:
        return _json({"error": error.error}, error.status)


def _published(home: Any, request: Request, address: Address) -> Response:
    keys = exchange.keys_of(home, address.name)
    if keys is None:
        return _json({"message": f"User pool {address.name} does not exist."}, 404)
    if request.path.endswith("jwks.json"):
        return _json({"keys": keys})
    call = Call(home, places(home)[address.name].account, ANONYMOUS, "cognito-idp")
    issuer = pools.issuer_of(pools.found(call, address.name))
    at = f"http://{request.host}"
    name = domain_of(home, address.name)
    _, _, port = request.host.rpartition(":")
    hosted = f"http://{name}.auth.{home.name}.localhost{':' + port if port.isdigit() else ''}" if name else ""
    pages = {
        "authorization_endpoint": f"{hosted}/oauth2/authorize", "token_endpoint": f"{hosted}/oauth2/token",
        "userinfo_endpoint": f"{hosted}/oauth2/userInfo", "end_session_endpoint": f"{hosted}/logout",
        "revocation_endpoint": f"{hosted}/oauth2/revoke",
    } if hosted else {}  # fmt: skip
    return _json({
        **pages, "id_token_signing_alg_values_supported": ["RS256"], "issuer": issuer, "jwks_uri": f"{at}/{address.name}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"], "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"], "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    })  # fmt: skip


# Pages ---------------------------------------------------------------------------------------------


def _page(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), {"Content-Type": "text/html;charset=UTF-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY"})


def _sent_to(url: str, said: dict[str, str], *, in_fragment: bool = False) -> Response:
    mark = "#" if in_fragment else "&" if "?" in url else "?"
    return Response(302, b"", {"Location": f"{url}{mark}{urlencode(said)}", "Cache-Control": "no-store"})


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


class Asked:
    """What a program wants when it sends somebody here. ``refusal`` is a page or a redirection where it may not."""

    def __init__(self, call: Call, pool: UserPool, said: dict[str, str]) -> None:
        self.said = {name: value for name, value in said.items() if name in ASKED}
        held = call.shelf(UserPoolClient).get(self.said.get("client_id", ""))
        self.client = held if held is not None and held.pool == pool.id else None
        settings = self.client.settings if self.client is not None else {}
        self.redirect = self.said.get("redirect_uri") or settings.get("DefaultRedirectURI") or ""
        known = scopes_of(call, pool.id)
        allowed = [scope for scope in settings.get("AllowedOAuthScopes") or () if scope in OWN_SCOPES or scope in known]
        self.scopes = tuple(self.said["scope"].split()) if self.said.get("scope") else tuple(allowed)
        self.refusal = self._refusal(settings, allowed)

    def _refusal(self, settings: dict[str, Any], allowed: list[str]) -> Response | None:
        if self.client is None:
            return _page("<h1>Client does not exist.</h1>", 400)
        if self.redirect not in (settings.get("CallbackURLs") or ()):
            # Nobody is sent to an address that the client's owner has not named.
            return _page("<h1>An error was encountered with the requested page.</h1><p>redirect_mismatch</p>", 400)
        kind = {"code": "code", "token": "implicit"}.get(self.said.get("response_type", ""))
        method = self.said.get("code_challenge_method")
        if kind is None or "code_challenge" in self.said and method != "S256" or method and "code_challenge" not in self.said:
            return self.failed("invalid_request")
        if not settings.get("AllowedOAuthFlowsUserPoolClient") or kind not in (settings.get("AllowedOAuthFlows") or ()):
            return self.failed("unauthorized_client")
        return self.failed("invalid_scope") if not self.scopes or set(self.scopes) - set(allowed) else None

    def failed(self, error: str, text: str = "") -> Response:
        state = {"state": self.said["state"]} if "state" in self.said else {}
        told = {"error_description": text} if text else {}
        return _sent_to(self.redirect, {**told, "error": error, **state}, in_fragment=self.said.get("response_type") == "token")

    def offered(self, call: Call, pool: UserPool) -> list[str]:
        """With what somebody may sign in to this client: the pool itself, where it says nothing else, and providers that are there."""
        said = self.client.settings.get("SupportedIdentityProviders") or [providers.OWN]
        there = {each.name for each in providers.all_of(call, pool.id)}
        return [name for name in said if name == providers.OWN or name in there]


async def _authorize(call: Call, pool: UserPool, request: Request) -> Response:
    """Who names a provider is sent straight to it, and so is he who has no choice."""
    asked = Asked(call, pool, _query(request))
    if asked.refusal is not None:
        return asked.refusal
    offered, wanted = asked.offered(call, pool), asked.said.get("identity_provider")
    if wanted is None and "idp_identifier" in asked.said:
        named = providers.by_identifier(call, pool.id, asked.said["idp_identifier"])
        wanted = named.name if named is not None else ""
    if wanted is None and len(offered) == 1:
        wanted = offered[0]
    if wanted is not None and wanted not in offered:
        return _page(NOT_OFFERED, 400)
    if wanted in (None, providers.OWN):
        return Response(302, b"", {"Location": f"/login?{urlencode(asked.said)}", "Cache-Control": "no-store"})
    browser, request_id, provider = call.ids.secret(32), f"_{call.new_id()}", providers.found(call, pool.id, wanted)
    state = ticket.issue(call, "federation", {"said": asked.said, "provider": wanted, "browser": browser, "request": request_id}, AWAY_S)
    if provider.kind == "SAML":
        provider = await saml.current(call, provider)
        away = saml.address(call, pool, provider, _back(request, SAML), state, request_id)
    else:
        away = federation.address(provider, _back(request), state)
    cookie = f"{BROWSER}={quote(browser, safe='')}; Path=/; HttpOnly; {_sent_when(request, provider)}Max-Age={int(AWAY_S)}"
    return Response(302, b"", {"Location": away, "Cache-Control": "no-store", "Set-Cookie": cookie})


def _sent_when(request: Request, provider: providers.IdentityProvider) -> str:
    """From which pages a browser brings the cookie back. A SAML provider's page posts a form, with which it comes only if it may come from
    anywhere; and only a cookie that is said with TLS may say so."""
    if provider.kind == "SAML":
        return "SameSite=None; Secure; " if request.is_tls else ""
    return f"SameSite=Lax; {'Secure; ' if request.is_tls else ''}"


def _back(request: Request, path: str = "/oauth2/idpresponse") -> str:
    """Where a provider sends people back to, under the name by which this page was asked."""
    return f"{'https' if request.is_tls else 'http'}://{request.host}{path}"


def _browser(request: Request) -> str:
    cookies = (each.strip().partition("=") for each in request.headers.get("cookie", "").split(";"))
    return next((unquote(value) for name, _, value in cookies if name == BROWSER), "")


async def _returned(call: Call, pool: UserPool, request: Request) -> Response:
    """Back from a provider, with a code or with a refusal. Without the state and the cookie that went along nobody is let in."""
    told = _query(request)
    away = ticket.redeem(call, "federation", told.get("state", ""))
    if away is None or not hmac.compare_digest(away["browser"].encode(), _browser(request).encode()):
        return _page(GONE_WRONG, 400)
    asked = Asked(call, pool, away["said"])
    if asked.refusal is not None:
        return asked.refusal
    if away["provider"] not in asked.offered(call, pool):
        return _page(NOT_OFFERED, 400)
    if "error" in told:
        return asked.failed(told["error"], told.get("error_description", ""))
    provider = providers.found(call, pool.id, away["provider"])
    try:
        claims = await federation.claims_of(call, provider, told.get("code", ""), _back(request))
        user = await federation.user_of(call, pool, asked.client, provider, claims)
        return await _let_in(call, pool, asked, user)
    except federation.Failed as failed:
        return asked.failed("invalid_request", str(failed))


async def _posted(call: Call, pool: UserPool, request: Request) -> Response:
    """Back from a SAML provider, with its response. Where nobody was sent there, the provider must be one that may begin by itself."""
    form = _form(request)
    if not form.get("SAMLResponse") or not form.get("RelayState"):
        return _page(NOT_SAML, 400)
    away = ticket.redeem(call, "federation", form["RelayState"])
    if away is not None and not hmac.compare_digest(away["browser"].encode(), _browser(request).encode()):
        return _page(GONE_WRONG, 400)
    said = away["said"] if away is not None else dict(parse_qsl(form["RelayState"]))
    name = away["provider"] if away is not None else said.get("identity_provider", "")
    held = next((each for each in providers.all_of(call, pool.id) if each.name == name), None)
    if held is None or held.kind != "SAML" or away is None and not held.begins:
        return _page(NOT_SAML, 400)
    asked = Asked(call, pool, said)
    if asked.refusal is not None:
        return asked.refusal
    if name not in asked.offered(call, pool):
        return _page(NOT_OFFERED, 400)
    try:
        provider = await saml.current(call, held)
        backs = (_back(request, SAML), f"https://{domain_of(call.home, pool.id)}.auth.{call.region}.amazoncognito.com{SAML}")
        told = saml.read(call, pool, provider, form["SAMLResponse"], backs, away["request"] if away is not None else None)
        user = await federation.user_of(call, pool, asked.client, provider, told.claims, told.subject)
        return await _let_in(call, pool, asked, user)
    except federation.Failed as failed:
        # https://github.com/aws/aws-sdk-js-v3/issues/6201
        return asked.failed("server_error", f"Invalid SAML response received: {failed}")


async def _login(call: Call, pool: UserPool, request: Request) -> Response:
    asked = Asked(call, pool, _query(request))
    return asked.refusal or _login_page(call, pool, asked)


def _login_page(call: Call, pool: UserPool, asked: Asked, flaw: str = "", status: int = 200) -> Response:
    offered, said = asked.offered(call, pool), {name: value for name, value in asked.said.items() if name != "idp_identifier"}
    others = "".join(
        OTHER.format(query=html.escape(urlencode(said | {"identity_provider": name})), name=html.escape(name))
        for name in offered
        if name != providers.OWN
    )
    own = OWN_FORM.format(query=html.escape(urlencode(asked.said))) if providers.OWN in offered else ""
    return _page(PAGE.format(flaw=f"<p>{html.escape(flaw)}</p>" if flaw else "", others=others, own=own), status)


async def _logged_in(call: Call, pool: UserPool, request: Request) -> Response:
    """A name and a password typed into the page, or a second factor into the next. Who must first do something else is told so."""
    asked = Asked(call, pool, _query(request))
    if asked.refusal is not None:
        return asked.refusal
    if providers.OWN not in asked.offered(call, pool):
        return _page(NOT_OFFERED, 400)
    form = _form(request)
    if "session" in form:
        return await _second_answered(call, pool, asked, form)
    attempt = proof.Attempt(call, pool, asked.client, form.get("username", ""), None)
    try:
        user = await proof.by_password(attempt, form.get("password", ""))
    except AwsError as error:
        return _login_page(call, pool, asked, error.text, 400)
    kinds = factor.asked_for(pool, user)
    if user.status != CONFIRMED or not kinds and factor.must_set_up(pool):
        return _login_page(call, pool, asked, "This sign-in needs a step that the hosted pages do not have: a new password, or to set up a second factor.", 501)
    if kinds:
        return await _second_page(asked, attempt, user, kinds)
    return await _proven(asked, attempt, user)


async def _second_page(asked: Asked, attempt: proof.Attempt, user: User, kinds: list[str]) -> Response:
    """Which factor, if there are several; or its code."""
    if len(kinds) == 1:
        try:
            shown = await factor.ask(attempt, user, kinds[0])
        except AwsError as error:
            return _login_page(attempt.call, attempt.pool, asked, error.text, 400)
        at = shown.get("CODE_DELIVERY_DESTINATION")
        field = f'<label>{f"The code that was sent to {html.escape(at)}" if at else "The code of your authenticator app"} <input name="code" autofocus></label>'
    else:
        options = "".join(f'<option value="{kind}">{FACTORS[kind]}</option>' for kind in kinds)
        field = f'<label>How would you like to show that it is you? <select name="kind">{options}</select></label>'
    session = ticket.issue(attempt.call, SECOND, {"client": asked.client.id, "user": user.name, "kinds": kinds}, asked.client.session_s)
    return _page(SECOND_PAGE.format(field=field, session=session, query=html.escape(urlencode(asked.said))))


async def _second_answered(call: Call, pool: UserPool, asked: Asked, form: dict[str, str]) -> Response:
    said = ticket.redeem(call, SECOND, form["session"])
    user = token.users.find(call, pool, said["user"]) if said is not None and said["client"] == asked.client.id else None
    if user is None or not user.is_enabled:
        return _login_page(call, pool, asked, "Invalid session for the user, session is expired.", 400)
    attempt = proof.Attempt(call, pool, asked.client, user.name, None)
    if len(said["kinds"]) > 1:
        return await _second_page(asked, attempt, user, [form["kind"]] if form.get("kind") in said["kinds"] else said["kinds"])
    try:
        user = factor.met(call, user, said["kinds"][0], form.get("code", ""))
    except AwsError as error:
        return _login_page(call, pool, asked, error.text, 400)
    return await _proven(asked, attempt, user)


async def _proven(asked: Asked, attempt: proof.Attempt, user: User) -> Response:
    await trigger.signed_in(attempt.call, attempt.pool, user, asked.client.id)
    return await _let_in(attempt.call, attempt.pool, asked, user)


async def _let_in(call: Call, pool: UserPool, asked: Asked, user: User) -> Response:
    """Back to the program, with a code or with tokens."""
    sign_in = token.begun(call, "hosted", asked.scopes, asked.said.get("nonce", ""))
    state = {"state": asked.said["state"]} if "state" in asked.said else {}
    if asked.said["response_type"] == "token":
        result = await token.issue(call, pool, asked.client, user, sign_in, is_new=False)
        return _sent_to(asked.redirect, _spelled(result, asked.scopes) | {"expires_in": str(result["ExpiresIn"])} | state, in_fragment=True)
    body = {
        "client": asked.client.id, "user": user.name, "redirect": asked.redirect, "challenge": asked.said.get("code_challenge"),
        "sign_in": list(sign_in),
    }  # fmt: skip
    return _sent_to(asked.redirect, {"code": ticket.issue(call, "code", body, CODE_S), **state})


async def _logout(call: Call, pool: UserPool, request: Request) -> Response:
    said = _query(request)
    client = call.shelf(UserPoolClient).get(said.get("client_id", ""))
    if client is None or client.pool != pool.id:
        return _page("<h1>Client does not exist.</h1>", 400)
    if "logout_uri" in said:
        if said["logout_uri"] not in (client.settings.get("LogoutURLs") or ()):
            return _page(
                "<h1>An error was encountered with the requested page.</h1><p>Required String parameter 'redirect_uri' is not present</p>",
                400,
            )
        return Response(302, b"", {"Location": said["logout_uri"]})
    asked = Asked(call, pool, said)
    return asked.refusal or Response(302, b"", {"Location": f"/login?{urlencode(asked.said)}"})


async def _confirmed(call: Call, pool: UserPool, request: Request) -> Response:
    """The link in a letter."""
    said = _query(request)
    try:
        client = clients.named(call, said.get("client_id", ""), pool.id)
        await signup.confirmed_by_link(call, pool, client, said.get("user_name", ""), said.get("confirmation_code", ""))
    except AwsError as error:
        return _page(f"<h1>{html.escape(error.text)}</h1>", 400)
    return _page("<h1>Your registration has been confirmed!</h1>")


# Tokens --------------------------------------------------------------------------------------------


def _client(call: Call, pool: UserPool, request: Request, form: dict[str, str]) -> UserPoolClient:
    """Which program asks, with its secret in a header or in the form. Raises OAuthError."""
    id_, secret = form.get("client_id", ""), form.get("client_secret")
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            id_, _, secret = base64.b64decode(told, validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            raise OAuthError("invalid_client") from None
    client = call.shelf(UserPoolClient).get(id_)
    if client is None or client.pool != pool.id or not clients.check_secret(call, client, secret):
        raise OAuthError("invalid_client")
    return client


async def _token(call: Call, pool: UserPool, request: Request) -> Response:
    form = _form(request)
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise OAuthError("unsupported_grant_type" if form.get("grant_type") else "invalid_request")
    client = _client(call, pool, request, form)
    try:
        return _json(await grant(call, pool, client, form))
    except NotAuthorizedException:
        raise OAuthError("invalid_grant") from None


def _spelled(result: dict[str, Any], scopes: tuple[str, ...] = ("openid",)) -> dict[str, Any]:
    """Tokens in OAuth's words. An ID token is for those who asked for ``openid``."""
    names = {
        "IdToken": "id_token",
        "AccessToken": "access_token",
        "RefreshToken": "refresh_token",
        "ExpiresIn": "expires_in",
        "TokenType": "token_type",
    }
    return {names[name]: value for name, value in result.items() if name != "IdToken" or "openid" in scopes}


async def _by_code(call: Call, pool: UserPool, client: UserPoolClient, form: dict[str, str]) -> dict[str, Any]:
    said = ticket.redeem(call, "code", form.get("code", ""))
    if said is None or said["client"] != client.id or said["redirect"] != form.get("redirect_uri"):
        raise OAuthError("invalid_grant")
    if said["challenge"] is not None:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if not hmac.compare_digest(base64url(digest).encode(), said["challenge"].encode()):
            raise OAuthError("invalid_grant")
    user = token.users.find(call, pool, said["user"])
    if user is None or not user.is_enabled:
        raise OAuthError("invalid_grant")
    at, origin, how, scopes, nonce = said["sign_in"]
    sign_in = token.SignIn(at, origin, how, tuple(scopes), nonce)
    return _spelled(await token.issue(call, pool, client, user, sign_in), sign_in.scopes)


async def _by_refresh_token(call: Call, pool: UserPool, client: UserPoolClient, form: dict[str, str]) -> dict[str, Any]:
    opened = token.opened(call, client, form.get("refresh_token", ""))
    sign_in = opened.sign_in._replace(how="refresh")
    return _spelled(await token.issue(call, pool, client, opened.user, sign_in, is_new=False), sign_in.scopes)


async def _for_itself(call: Call, pool: UserPool, client: UserPoolClient, form: dict[str, str]) -> dict[str, Any]:
    settings, known = client.settings, scopes_of(call, pool.id)
    if "client_credentials" not in (settings.get("AllowedOAuthFlows") or ()) or not settings.get("AllowedOAuthFlowsUserPoolClient"):
        raise OAuthError("unauthorized_client")
    allowed = [scope for scope in settings.get("AllowedOAuthScopes") or () if scope in known]
    wanted = form["scope"].split() if form.get("scope") else allowed
    if not wanted or set(wanted) - set(allowed):
        raise OAuthError("invalid_scope")
    return _spelled(await token.for_client(call, pool, client, wanted, _metadata(form)))


def _metadata(form: dict[str, str]) -> dict[str, str] | None:
    """What a client says to the pool's functions: https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html"""
    if "aws_client_metadata" not in form:
        return None
    try:
        said = orjson.loads(form["aws_client_metadata"])
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise OAuthError("invalid_request")
    return said


_GRANTS = {"authorization_code": _by_code, "refresh_token": _by_refresh_token, "client_credentials": _for_itself}


async def _user_info(call: Call, pool: UserPool, request: Request) -> Response:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or token.pool_of(text) != pool.id:
            raise NotAuthorizedException
        _, user, _ = token.bearer(call, text.strip(), scope="openid")
    except AwsError:
        headers = JSON | {
            "WWW-Authenticate": 'Bearer error="invalid_token", error_description="Access token is expired, disabled, or deleted, or the user has globally signed out."'
        }
        return Response(401, orjson.dumps({"error": "invalid_token"}), headers)
    return _json({"sub": user.sub, **user.attributes, "username": user.name})


async def _revoke(call: Call, pool: UserPool, request: Request) -> Response:
    form = _form(request)
    client = _client(call, pool, request, form)
    try:
        opened = token.opened(call, client, form.get("token", ""))
    except NotAuthorizedException:
        return Response(200, b"", {})
    ticket.revoke(call, opened.sign_in.origin, opened.until + client.lasts_s("AccessTokenValidity"))
    return Response(200, b"", {})


_PAGES = {
    ("GET", "/oauth2/authorize"): _authorize, ("GET", "/login"): _login, ("POST", "/login"): _logged_in, ("GET", "/logout"): _logout,
    ("GET", "/oauth2/idpresponse"): _returned, ("POST", SAML): _posted,
    ("GET", "/confirmUser"): _confirmed, ("POST", "/oauth2/token"): _token, ("GET", "/oauth2/userInfo"): _user_info,
    ("POST", "/oauth2/userInfo"): _user_info, ("POST", "/oauth2/revoke"): _revoke,
}  # fmt: skip
