"""May the caller? Tokens of an issuer, a function that is asked, signatures of IAM's principals.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from kumoniwa.gate import identity, issuer, signature
from kumoniwa.gate.identity import ANONYMOUS
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages import json_web_token
from kumoniwa.languages.policy import MalformedPolicyDocument, parse_verdict
from kumoniwa.languages.policy_decision import Authority
from kumoniwa.services.apigateway.mapping import with_variables
from kumoniwa.services.apigateway.proxy import caller, invoked
from kumoniwa.services.apigateway.target import function_of
from kumoniwa.services.apigatewayv2 import httpevent, mapping, parameter
from kumoniwa.services.apigatewayv2.authorizer import TTL_S
from kumoniwa.services.apigatewayv2.visit import Refused, Visit, failed, forbidden

Check = Callable[[Visit], Awaitable[None]]
INVOKE = "execute-api:Invoke"
TIMEOUT_S = 10.0
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: authorizer timeout 10,000 ms."""
REMEMBERED_MAX = 10_000


def unauthorized(headers: dict[str, str] | None = None, why: str = "") -> Refused:
    return Refused(401, "Unauthorized", headers, why=why)


# Tokens -----------------------------------------------------------------------------------------------


def _bearer(error: str, text: str, scopes: tuple[str, ...] = ()) -> dict[str, str]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html"""
    return {"www-authenticate": f'Bearer scope="{" ".join(scopes)}" error="{error}" error_description="{text}"'}


def _invalid(text: str) -> Refused:
    return unauthorized(_bearer("invalid_token", text), text)


def _spelled(value: Any) -> str:
    """A claim as functions are told it: always a text; lists as Go prints them, which is what AWS is written in."""
    if isinstance(value, list):
        return f"[{' '.join(_spelled(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _check_claims(claims: dict[str, Any], issued_by: str, audience: list[str], now: float) -> None:
    if claims.get("iss") != issued_by:
        raise _invalid("invalid issuer")
    meant = claims.get("aud", claims.get("client_id"))
    if not set(meant if isinstance(meant, list) else [meant]) & set(audience):
        raise _invalid("the token does not have a valid audience")
    for name, is_right, text in (
        ("exp", lambda at: at > now, "the token has expired"),
        ("nbf", lambda at: at <= now, "the token is not valid yet"),
        ("iat", lambda at: at <= now, "the token was issued in the future"),
    ):
        at = claims.get(name)
        if at is None and name != "exp":
            continue
        if isinstance(at, bool) or not isinstance(at, (int, float)) or not is_right(at):
            raise _invalid(text)


def token(served: Any, authorizer: dict[str, Any], route: dict[str, Any]) -> Check:
    """The check of a route with a JWT authorizer."""
    source = mapping.compiled(authorizer["IdentitySource"][0])
    said_of = authorizer["JwtConfiguration"]
    issued_by, audience, scopes = said_of["Issuer"], said_of["Audience"], route.get("AuthorizationScopes") or []

    async def check(visit: Visit) -> None:
        text = source(visit)
        if not text:
            raise unauthorized({"www-authenticate": "Bearer"})
        try:
            found = json_web_token.read(text.removeprefix("Bearer ").removeprefix("bearer ").strip())
        except json_web_token.InvalidToken:
            raise _invalid("unable to parse the token")
        if not str(found.header.get("alg")).startswith("RS"):
            raise _invalid("only tokens signed with RSA are supported")
        _check_claims(found.claims, issued_by, audience, visit.now)
        try:
            known = await issuer.keys(visit.home).named(issued_by, found.header.get("kid"), visit.now)
        except issuer.Unavailable as error:
            raise failed(str(error))
        if not any(json_web_token.is_signed_by(key, found) for key in known):
            raise _invalid("signature is invalid")
        granted = found.claims.get("scope", found.claims.get("scp", ""))
        if scopes and not set(granted.split() if isinstance(granted, str) else granted) & set(scopes):
            headers = _bearer("insufficient_scope", "the token does not have a required scope", tuple(scopes))
            raise Refused(403, "Forbidden", headers, why="insufficient scope")
        claims = {name: _spelled(value) for name, value in found.claims.items()}
        visit.authorizer = {"jwt": {"claims": claims, "scopes": scopes or None}}

    return check


# Functions --------------------------------------------------------------------------------------------


class Verdict:
    """What a function said of a caller, good until a moment."""

    __slots__ = ("until", "is_simple", "is_authorized", "authority", "context")

    def __init__(self, account: str, until: float, payload: bytes, *, is_simple: bool) -> None:
        self.until, self.is_simple, self.authority = until, is_simple, None
        try:
            answer = orjson.loads(payload)
            self.context: dict[str, Any] = answer.get("context") or {}
            if is_simple:
                self.is_authorized = answer["isAuthorized"] is True
            else:
                policy, who = parse_verdict(answer["policyDocument"]), str(answer["principalId"])
                self.authority = Authority(Principal(kind="federated", account=account, arn=who, source_arn=who), (policy,))
                self.context = {"principalId": who, **self.context}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, MalformedPolicyDocument):
            raise failed("The authorizer's answer is malformed")
        if not isinstance(self.context, dict):
            raise failed("The authorizer's context is malformed")

    def check(self, visit: Visit, arn: str) -> None:
        if self.is_simple and not self.is_authorized:
            raise forbidden("The authorizer denied the request")
        if self.authority is not None and not self.authority.decide(INVOKE, arn, visit.conditions()).is_allowed:
            raise forbidden("The authorizer's policy does not allow the request")


def route_arn(visit: Visit) -> str:
    """The ARN of what the caller asks for."""
    return f"{visit.served.arn}/{visit.verb}{visit.path}"


class Question:
    """What a function is asked about callers."""

    def __init__(self, served: Any, authorizer: dict[str, Any]) -> None:
        self.served = served
        self.function = with_variables(function_of(authorizer["AuthorizerUri"]), served.variables)
        self.role = authorizer.get("AuthorizerCredentialsArn")
        self.source_arn = f"{served.arn.rpartition('/')[0]}/authorizers/{authorizer['AuthorizerId']}"

    async def answered(self, visit: Visit, question: dict[str, Any]) -> bytes:
        """What the function says. Raises Refused if it says nothing."""
        try:
            principal = caller(visit, self.source_arn, self.role)
            reply = await invoked(visit, principal, self.function, orjson.dumps(question), TIMEOUT_S)
        except TimeoutError:
            raise failed("The authorizer timed out")
        except NotImplementedHere:
            raise
        except AwsError as error:
            raise failed(f"The authorizer could not be asked: {error.text}")
        if reply.get("FunctionError"):
            if b'"Unauthorized"' in bytes(reply["Payload"]) and not self.served.api.is_http:
                raise unauthorized()
            raise failed("The authorizer failed")
        return bytes(reply["Payload"])


def function(served: Any, authorizer: dict[str, Any]) -> Check:
    """The check of every route with a Lambda authorizer; they share what it remembers."""
    asking = Question(served, authorizer)
    version = authorizer["AuthorizerPayloadFormatVersion"]
    sources = [mapping.compiled(source) for source in authorizer["IdentitySource"]]
    ttl_s = authorizer.get("AuthorizerResultTtlInSeconds", TTL_S) if sources else 0
    is_simple = bool(authorizer.get("EnableSimpleResponses"))
    remembered: dict[tuple, Verdict] = {}

    async def check(visit: Visit) -> None:
        found = tuple([source(visit) for source in sources])
        if not all(found):
            raise unauthorized()
        arn, verdict = route_arn(visit), remembered.get(found) if ttl_s else None
        if verdict is None or verdict.until <= visit.now:
            payload = await asking.answered(visit, _question(visit, arn, version, list(found)))
            verdict = Verdict(served.account, visit.now + ttl_s, payload, is_simple=is_simple)
            if ttl_s:
                if len(remembered) >= REMEMBERED_MAX:
                    remembered.clear()
                remembered[found] = verdict
        verdict.check(visit, arn)
        visit.authorizer = {"lambda": verdict.context or None}

    return check


def _question(visit: Visit, arn: str, version: str, sources: list[str]) -> dict[str, Any]:
    event = httpevent.FORMATS[version](visit, parameter.sent(visit, []))
    del event["isBase64Encoded"]
    event.pop("body", None)
    if version == "2.0":
        return {**event, "type": "REQUEST", "routeArn": arn, "identitySource": sources}
    joined = ",".join(sources)
    return {**event, "type": "REQUEST", "methodArn": arn, "identitySource": joined, "authorizationToken": joined}


def handshake(served: Any, authorizer: dict[str, Any]) -> Check:
    """The check of a WebSocket API's Lambda authorizer, which is asked once for a connection.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
    """
    asking = Question(served, authorizer)
    sources = [mapping.place(source) for source in authorizer["IdentitySource"]]

    async def check(visit: Visit) -> None:
        if not all([source(visit) for source in sources]):
            raise unauthorized()
        arn = f"{visit.served.arn}/{visit.route.key}"
        question = {"type": "REQUEST", "methodArn": arn, **served.events.document(visit)}
        del question["isBase64Encoded"]
        payload = await asking.answered(visit, question)
        verdict = Verdict(served.account, visit.now, payload, is_simple=False)
        verdict.check(visit, arn)
        said = {name: _spelled(value) for name, value in verdict.context.items() if value is not None}
        visit.connection.authorizer = visit.authorizer = said

    return check


# Signatures -------------------------------------------------------------------------------------------


def sign_in(visit: Visit) -> Principal:
    """Who signed. Raises Refused where nobody did, or wrongly."""
    request, home = visit.request, visit.home
    try:
        claim = signature.claim(request, "rest-json")
        if claim is None:
            raise forbidden("Missing Authentication Token")
        principal, secret = identity.identify(home, claim.access_key, claim.session_token, "rest-json")
        if secret is not None:
            signature.verify(request, claim, secret, visit.now, "rest-json", service="execute-api")
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise forbidden(error.text)
    return principal


async def signed(visit: Visit) -> None:
    """A route of IAM's: signed, and allowed to the signer."""
    visit.principal = principal = sign_in(visit)
    check_allowed(visit, principal, route_arn(visit) if visit.connection is None else f"{visit.served.arn}/{visit.route.key}")


def check_allowed(visit: Visit, principal: Principal, arn: str) -> None:
    call = Call(visit.home, visit.served.account, principal or ANONYMOUS, "apigateway", "Invoke", visit.id, visit.request)
    decision = visit.home.gate.authorizer.decided(call, INVOKE, arn, None)
    if decision is not None and not decision.is_allowed:
        raise forbidden(f"{principal.arn} is not authorized to perform {INVOKE} on {arn}")
