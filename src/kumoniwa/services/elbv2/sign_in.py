"""How a client signs in: he is sent to the provider, comes back with a code, and from then on has a cookie that says who he is.

What the cookie holds, and what goes with the client to the provider and back, lies under the cloud's seal.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html#authentication-flow
"""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from kumoniwa.engines import cipher
from kumoniwa.gate import execute_api
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2 import identity_key, stickiness
from kumoniwa.services.elbv2.authentication import CONFIGS, Provider
from kumoniwa.services.elbv2.network import SERVICE
from kumoniwa.services.elbv2.page import Refused, page
from kumoniwa.services.elbv2.visit import Visit
from kumoniwa.wire import outbound
from kumoniwa.wire.message import Response

BACK = "/oauth2/idpresponse"
NONCE = "AWSALBAuthNonce"
PIECE = 4_000
"""So long is one cookie at most."""
PIECES_MAX = 4
SIGNED_IN_WITHIN_S = 900.0
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html#login-timeout"""
TOLD_FOR_S = 120.0
ANSWERED_WITHIN_S = 5.0
_STATE, _SESSION = b"load balancer state ", b"load balancer session "


def _closed(visit: Visit, purpose: bytes, said: dict[str, Any]) -> str:
    body = cipher.seal(visit.home.settings.seal, orjson.dumps(said), purpose + visit.listener.arn.encode())
    return base64.urlsafe_b64encode(body).decode()


def _opened(visit: Visit, purpose: bytes, text: str) -> dict[str, Any] | None:
    try:
        body = base64.urlsafe_b64decode(text.encode())
    except (ValueError, binascii.Error):
        return None
    found = cipher.unseal(visit.home.settings.seal, body, purpose + visit.listener.arn.encode())
    return orjson.loads(found) if found is not None else None


def _itself(call: Call) -> Call:
    """Elastic Load Balancing as it looks up the client of a user pool."""
    return call.speaking(principals.linked(SERVICE, call.account, call.home.partition))


def provider_of(call: Call, visit: Visit, rule: Any, action: dict[str, Any]) -> Provider:
    return Provider(_itself(call), visit.balancer.arn, action, rule.secret)


# Who has signed in --------------------------------------------------------------------------------------------------


def session(visit: Visit, config: dict[str, Any]) -> dict[str, Any] | None:
    """What the client's cookies say of him, if they are the balancer's and not too old."""
    cookies, name = stickiness.said(visit), config["SessionCookieName"]
    text = "".join(cookies.get(f"{name}-{at}", "") for at in range(PIECES_MAX))
    found = _opened(visit, _SESSION, text) if text else None
    return found if found is not None and visit.home.clock.now() < found["until"] else None


async def met(call: Call, visit: Visit, rule: Any, action: dict[str, Any]) -> Response | None:
    """What is answered to a client who has not signed in; None for who has, and who may come all the same. Raises Refused."""
    config, provider = action[CONFIGS[action["Type"]]], provider_of(call, visit, rule, action)
    found = session(visit, config)
    if found is not None:
        until = visit.home.clock.now() + TOLD_FOR_S
        data = identity_key.told(visit.home, visit.balancer.arn, provider.client_id, provider.issuer, found["claims"], until)
        visit.told_of_user = [
            ("X-Amzn-Oidc-Accesstoken", found["access"]), ("X-Amzn-Oidc-Identity", str(found["claims"].get("sub", ""))), ("X-Amzn-Oidc-Data", data),
        ]  # fmt: skip
        return None
    if config["OnUnauthenticatedRequest"] == "allow":
        return None
    if config["OnUnauthenticatedRequest"] == "deny":
        raise Refused(401)
    return _sent(visit, rule, config, provider)


def _back(visit: Visit) -> str:
    """On AWS without a port; here it is the one by which the client came, for he must find back."""
    return f"https://{visit.host}{f':{visit.asked_port}' if visit.asked_port else ''}{BACK}"


def _sent(visit: Visit, rule: Any, config: dict[str, Any], provider: Provider) -> Response:
    request, nonce = visit.request, visit.home.ids.secret(32)
    query = f"?{request.query}" if request.query else ""
    url = f"https://{visit.host}:{visit.asked_port or visit.listener.port}{request.path}{query}"
    until = visit.home.clock.now() + SIGNED_IN_WITHIN_S
    state = _closed(visit, _STATE, {"rule": rule.arn, "url": url, "nonce": nonce, "until": until})
    asked = {
        "client_id": provider.client_id, "redirect_uri": _back(visit), "response_type": "code", "scope": config["Scope"], "state": state,
        **(config.get("AuthenticationRequestExtraParams") or {}),
    }  # fmt: skip
    where = provider.authorization(visit.asked_port)
    visit.cookies.append(f"{NONCE}={nonce}; Expires={_moment(until)}; Path=/; Secure; HttpOnly")
    return page(302, {"Location": f"{where}{'&' if '?' in where else '?'}{urlencode(asked, quote_via=quote)}"})


def _moment(epoch_s: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(epoch_s))


# Who comes back -----------------------------------------------------------------------------------------------------


def state_of(visit: Visit) -> dict[str, Any]:
    """What went with the client to the provider. Raises Refused."""
    said = dict(parse_qsl(visit.request.query))
    if "state" not in said:
        raise Refused(401, "AuthMissingStateParam")
    state = _opened(visit, _STATE, said["state"])
    if state is None or visit.home.clock.now() >= state["until"] or stickiness.said(visit).get(NONCE) != state["nonce"]:
        raise Refused(401, "AuthInvalidStateParam")
    return state


async def came_back(call: Call, visit: Visit, rule: Any, action: dict[str, Any], state: dict[str, Any]) -> Response:
    """Change the code into who the client is, and send him where he wanted to go. Raises Refused."""
    said, config = dict(parse_qsl(visit.request.query)), action[CONFIGS[action["Type"]]]
    if "error" in said:
        raise Refused(561)
    if "code" not in said:
        raise Refused(401, "AuthMissingCodeParam")
    provider = provider_of(call, visit, rule, action)
    tokens = await _tokens(visit, provider, said["code"])
    claims = await _claims(visit, provider, tokens["access_token"])
    until = visit.home.clock.now() + config["SessionTimeout"]
    text = _closed(visit, _SESSION, {"claims": claims, "access": tokens["access_token"], "until": until})
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    if len(pieces) > PIECES_MAX:
        raise Refused(500, "AuthInvalidUserinfoResponse")
    name, expires = config["SessionCookieName"], _moment(until)
    visit.cookies += [f"{name}-{at}={piece}; Expires={expires}; Path=/; Secure; HttpOnly" for at, piece in enumerate(pieces)]
    visit.cookies.append(f"{NONCE}=; Expires={_moment(0)}; Path=/; Secure; HttpOnly")
    return page(302, {"Location": state["url"]})


async def _tokens(visit: Visit, provider: Provider, code: str) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _back(visit), "client_id": provider.client_id}
    secret = await provider.with_secret()
    pair = base64.b64encode(f"{quote(provider.client_id)}:{quote(secret)}".encode()).decode()
    headers = [("Authorization", f"Basic {pair}"), ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    endpoint = provider.config.get("TokenEndpoint", "/oauth2/token")
    status, body = await _asked(visit, provider, "POST", endpoint, headers, urlencode(form).encode(), "AuthTokenEp")
    if status != 200:
        raise Refused(500 if status >= 500 else 401, "AuthTokenEpRequestFailed" if status >= 500 else "AuthInvalidGrantError")
    if not isinstance(body.get("access_token"), str):
        raise Refused(500, "AuthInvalidTokenResponse")
    return body


async def _claims(visit: Visit, provider: Provider, token: str) -> dict[str, Any]:
    headers = [("Authorization", f"Bearer {token}"), ("Accept", "application/json")]
    endpoint = provider.config.get("UserInfoEndpoint", "/oauth2/userInfo")
    status, body = await _asked(visit, provider, "GET", endpoint, headers, b"", "AuthUserinfoEp")
    if status != 200:
        raise Refused(500, "AuthUserinfoEpRequestFailed")
    if "sub" not in body:
        raise Refused(500, "AuthInvalidUserinfoResponse")
    return body


async def _asked(
    visit: Visit, provider: Provider, verb: str, endpoint: str, headers: list[tuple[str, str]], body: bytes, error: str
) -> tuple[int, dict[str, Any]]:
    """What the provider answers: a user pool of this region at its own door, any other over the network."""
    if provider.is_pool:
        response = await execute_api.request(visit.home, None, provider.pool_host, verb, endpoint, "", body, headers)
        status, content = response.status, response.body
    else:
        try:
            answer = await outbound.fetch(verb, endpoint, headers, body, ANSWERED_WITHIN_S)
        except TimeoutError:
            raise Refused(500, f"{error}RequestTimeout") from None
        except outbound.Unreachable:
            raise Refused(500, f"{error}RequestFailed") from None
        status, content = answer.status, answer.body
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = {}
    return status, found if isinstance(found, dict) else {}
