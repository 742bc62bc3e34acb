"""Lambda authorizers: a function is asked who the caller is, and answers with a policy that is then evaluated.

The answer is remembered under the caller's identity sources, so one policy may be put to many methods:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.languages import backtracking
from kumoniwa.languages.policy import MalformedPolicyDocument, parse_verdict
from kumoniwa.languages.policy_decision import Authority
from kumoniwa.services.apigateway import event, mapping, restapi, userpool
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules, listed
from kumoniwa.services.apigateway.proxy import caller, invoked
from kumoniwa.services.apigateway.restapi import ConflictException, RestApi
from kumoniwa.services.apigateway.target import authorizer_function_of

TTL_S = 300
TTL_S_MAX = 3600
TIMEOUT_S = 29.0
REMEMBERED_MAX = 10_000
INVOKE = "execute-api:Invoke"

_HEADER = re.compile(r"method\.request\.header\.[A-Za-z0-9._-]+")
_SOURCE = re.compile(r"(?:method\.request\.(?:header|querystring)|stageVariables|context)\.[A-Za-z0-9._$-]+")


def checked(call: Call | None, authorizer: dict[str, Any]) -> dict[str, Any]:
    """The authorizer, if it is one we can ask."""
    kind = authorizer["type"]
    if not authorizer.get("name"):
        raise BadRequestException("Authorizer name must be non-empty")
    if kind == userpool.KIND:
        userpool.check(authorizer)
    else:
        authorizer_function_of(authorizer.get("authorizerUri") or "")
    ttl_s = authorizer.get("authorizerResultTtlInSeconds", TTL_S)
    if not 0 <= ttl_s <= TTL_S_MAX:
        raise _refused_ttl()
    _check_sources(kind, authorizer.get("identitySource") or "", ttl_s)
    if authorizer.get("identityValidationExpression"):
        try:
            backtracking.compiled(authorizer["identityValidationExpression"])
        except backtracking.InvalidPattern:
            raise BadRequestException("Invalid identityValidationExpression specified")
    if call is not None and authorizer.get("authorizerCredentials"):
        call.require(
            "iam:PassRole",
            authorizer["authorizerCredentials"],
            **{"iam:PassedToService": "apigateway.amazonaws.com"},
        )
    return authorizer


def _refused_ttl() -> BadRequestException:
    return BadRequestException(
        f"Authorizer result TTL outside allowable range. TTL must be between 0 and {TTL_S_MAX} seconds."
    )


def _check_sources(kind: str, named: str, ttl_s: int) -> None:
    """As cdk-preflight saw it of AWS (pf-apigw-token-authorizer-identity-source, pf-apigw-request-authorizer-identity-source), and
    https://github.com/aws/aws-cdk/issues/6330 of sources that are no header."""
    if not named and kind == "TOKEN":
        raise BadRequestException("IdentitySource cannot be empty")
    if named and kind != "REQUEST" and not _HEADER.fullmatch(named):
        raise BadRequestException(
            f"Invalid token source expression: {named}. The source must be a method request header, matching "
            "'method.request.header.[a-zA-Z0-9._-]+'."
        )
    if kind != "REQUEST":
        return
    sources = _sources({"identitySource": named})
    if not sources and ttl_s:
        raise BadRequestException(
            "Authorizer type REQUEST with caching requires at least one valid identity source"
        )
    if not all(_SOURCE.fullmatch(source) for source in sources):
        raise BadRequestException(
            f"Invalid request identity source expression: {named}. The sources must be separated by comma, and each source must be "
            "either a method request parameter, matching 'method.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, "
            "matching 'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'"
        )


def _sources(authorizer: dict[str, Any]) -> list[str]:
    return [
        source.strip() for source in (authorizer.get("identitySource") or "").split(",") if source.strip()
    ]


def _seconds(value: str | None) -> int:
    try:
        return int(value or "")
    except ValueError:
        raise _refused_ttl()


RULES = Rules(
    {
        "/name": Rule("name"),
        "/authorizerUri": Rule("authorizerUri"),
        "/authorizerCredentials": Rule("authorizerCredentials"),
        "/identitySource": Rule("identitySource"),
        "/identityValidationExpression": Rule("identityValidationExpression"),
        "/authorizerResultTtlInSeconds": Rule("authorizerResultTtlInSeconds", _seconds),
        "/authType": Rule("authType"),
        "/providerARNs": Rule("providerARNs", listed),
    }
)


# Operations ------------------------------------------------------------------------------------------


def _found(call: Call, api_id: str, authorizer_id: str) -> tuple[RestApi, dict[str, Any]]:
    api = restapi.find(call, api_id)
    authorizer = api.authorizers.get(authorizer_id)
    if authorizer is None:
        raise NotFoundException("Invalid Authorizer identifier specified")
    return api, authorizer


def CreateAuthorizer(
    call: Call,
    *,
    restApiId: str,
    name: str,
    type: str,
    providerARNs: list[str] | None = None,
    authType: str | None = None,
    authorizerUri: str | None = None,
    authorizerCredentials: str | None = None,
    identitySource: str | None = None,
    identityValidationExpression: str | None = None,
    authorizerResultTtlInSeconds: int | None = None,
) -> dict:
    api = call.shelf(RestApi).get(restApiId)
    if api is None:
        # Recorded from AWS: this one operation answers so.
        raise ConflictException(
            "Unable to complete operation due to concurrent modification. Please try again later."
        )
    given = {
        "authorizerUri": authorizerUri, "authorizerCredentials": authorizerCredentials, "identitySource": identitySource,
        "identityValidationExpression": identityValidationExpression, "authorizerResultTtlInSeconds": authorizerResultTtlInSeconds,
    }  # fmt: skip
    auth = authType or ("cognito_user_pools" if type == userpool.KIND else "custom")
    document = {"id": restapi.short_id(call), "name": name, "type": type, "authType": auth}
    if providerARNs:
        document["providerARNs"] = providerARNs
    document |= {member: value for member, value in given.items() if value is not None}
    checked(call, document)
    if any(known["name"] == name for known in api.authorizers.values()):
        raise ConflictException(
            f"Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
        )
    restapi.put(call, changed(api, authorizers={**api.authorizers, document["id"]: document}))
    return document


def GetAuthorizer(call: Call, *, restApiId: str, authorizerId: str) -> dict:
    return _found(call, restApiId, authorizerId)[1]


def GetAuthorizers(call: Call, *, restApiId: str) -> dict:
    return {"items": list(restapi.find(call, restApiId).authorizers.values())}


def UpdateAuthorizer(
    call: Call, *, restApiId: str, authorizerId: str, patchOperations: list[dict] | None = None
) -> dict:
    api, authorizer = _found(call, restApiId, authorizerId)
    document = checked(call, RULES.applied(authorizer, patchOperations))
    restapi.put(call, changed(api, authorizers={**api.authorizers, authorizerId: document}))
    return document


def DeleteAuthorizer(call: Call, *, restApiId: str, authorizerId: str) -> None:
    api, _ = _found(call, restApiId, authorizerId)
    for resource in api.resources.values():
        for verb, method in resource.get("resourceMethods", {}).items():
            if method.get("authorizerId") == authorizerId:
                place = f"{resource['path']}/{verb}"
                raise ConflictException(
                    f"Cannot delete authorizer '{authorizerId}', is referenced in method: {place}"
                )
    restapi.put(
        call,
        changed(api, authorizers={key: kept for key, kept in api.authorizers.items() if key != authorizerId}),
    )


# What an authorizer does -----------------------------------------------------------------------------------


def _unauthorized() -> Refused:
    return Refused("UNAUTHORIZED", "Unauthorized")


def _misconfigured() -> Refused:
    """The caller learns nothing of what is wrong with the function: the message is null."""
    return Refused("AUTHORIZER_CONFIGURATION_ERROR", None)


class Verdict:
    """What a function said of a caller, good until a moment."""

    __slots__ = ("until", "authority", "context", "key", "document")

    def __init__(self, served: Any, until: float, payload: bytes) -> None:
        try:
            answer = orjson.loads(payload)
            policy = parse_verdict(answer["policyDocument"])
        except (orjson.JSONDecodeError, KeyError, TypeError, MalformedPolicyDocument):
            raise _misconfigured()
        context, who = answer.get("context") or {}, answer.get("principalId")
        if not isinstance(context, dict) or any(
            isinstance(value, (dict, list)) for value in context.values()
        ):
            raise _misconfigured()
        self.until = until
        self.document = orjson.dumps(answer["policyDocument"]).decode()
        self.authority = Authority(
            Principal(kind="federated", account=served.account, arn=str(who), source_arn=str(who)), (policy,)
        )
        self.context: dict[str, Any] = {
            name: _spelled(value) for name, value in context.items() if value is not None
        }
        if who is not None:
            self.context["principalId"] = who if isinstance(who, str) else _spelled(who)
        self.key: str | None = answer.get("usageIdentifierKey")


def _spelled(value: Any) -> str:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html: values become text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


class Question:
    """What a function is asked about callers, and where its answer is sought."""

    def __init__(self, served: Any, authorizer: dict[str, Any]) -> None:
        self.served, self.authorizer = served, authorizer
        self.function = mapping.with_variables(authorizer_function_of(authorizer["authorizerUri"]), served.variables)
        self.role = authorizer.get("authorizerCredentials")
        self.ttl_s = authorizer.get("authorizerResultTtlInSeconds", TTL_S)
        self.is_token = authorizer["type"] == "TOKEN"
        self.sources = [mapping.compiled(source) for source in _sources(authorizer)]
        expression = authorizer.get("identityValidationExpression")
        self.expression = backtracking.compiled(expression) if expression else None
        self.source_arn = (
            f"arn:{served.home.partition}:execute-api:{served.home.name}:{served.account}:{served.api_id}"
            f"/authorizers/{authorizer['id']}"
        )

    def identity(self, exchange: Exchange) -> tuple:
        """What the caller is known by. Raises Refused for one that is not even asked about."""
        identity = tuple([source(exchange) for source in self.sources])
        if (self.is_token or self.ttl_s) and not all(identity):
            raise _unauthorized()
        if self.is_token and self.expression is not None and not self._is_right(identity[0]):
            raise _unauthorized()
        return identity

    def _is_right(self, token: str) -> bool:
        try:
            return self.expression.is_whole(token)
        except backtracking.TooMuchWork:
            return False

    async def answered(self, exchange: Exchange, identity: tuple | None = None) -> Verdict:
        identity = self.identity(exchange) if identity is None else identity
        arn = method_arn(exchange)
        if self.is_token:
            question: dict[str, Any] = {"type": "TOKEN", "methodArn": arn, "authorizationToken": identity[0]}
        else:
            question = {"type": "REQUEST", "methodArn": arn, **event.document(exchange)}
            del question["body"], question["isBase64Encoded"]
        try:
            principal = caller(exchange, self.source_arn, self.role)
            reply = await invoked(exchange, principal, self.function, orjson.dumps(question), TIMEOUT_S, exchange.passed_trace)
        except TimeoutError:
            raise Refused("AUTHORIZER_FAILURE", None)
        except NotImplementedHere:
            raise
        except AwsError:
            raise _misconfigured()
        if reply.get("FunctionError"):
            raise _unauthorized() if _says_unauthorized(reply["Payload"]) else _misconfigured()
        return Verdict(self.served, exchange.now + self.ttl_s, reply["Payload"])


def prepared(served: Any, authorizer: dict[str, Any]) -> Callable[[Exchange], Awaitable[None]]:
    """The check of every method with this authorizer; its methods share what it remembers."""
    question = Question(served, authorizer)
    remembered: dict[tuple, Verdict] = {}

    async def check(exchange: Exchange) -> None:
        identity = question.identity(exchange)
        verdict = remembered.get(identity)
        if verdict is None or verdict.until <= exchange.now:
            verdict = await question.answered(exchange, identity)
            if question.ttl_s:
                if len(remembered) >= REMEMBERED_MAX:
                    remembered.clear()
                remembered[identity] = verdict
        decision = verdict.authority.decide(
            INVOKE, method_arn(exchange), exchange.conditions(), resource_policy=served.policy
        )
        if not decision.is_allowed:
            text = "User is not authorized to access this resource"
            raise Refused("ACCESS_DENIED", text + (" with an explicit deny" if decision.is_explicit else ""))
        exchange.authorizer = {
            **verdict.context,
            "integrationLatency": int((exchange.home.clock.now() - exchange.now) * 1000),
        }
        exchange.usage_key = verdict.key
        exchange.forget_context()

    return check


def method_arn(exchange: Exchange) -> str:
    """The ARN of what the caller asks for; of its path, not of the resource."""
    return f"{exchange.served.arn}/{exchange.verb}{exchange.path if exchange.path[:2] != '//' else '/' + exchange.path.lstrip('/')}"


def _says_unauthorized(payload: bytes) -> bool:
    try:
        return orjson.loads(payload).get("errorMessage") == "Unauthorized"
    except (orjson.JSONDecodeError, AttributeError):
        return False
