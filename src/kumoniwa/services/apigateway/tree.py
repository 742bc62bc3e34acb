"""A stage as it is served: its deployment compiled into a tree of paths with prepared methods.

It is made when the stage is first called and good as long as the stage's record is the same object: whoever changes a
stage or moves it to another deployment puts another record in its place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.gate.authorize import compiled
from kumoniwa.languages.policy import Policy
from kumoniwa.services.apigateway import (
    access,
    accesslog,
    authorizer,
    awsservice,
    cache,
    executionlog,
    function,
    http,
    mock,
    model,
    proxy,
    tracing,
    usage,
    userpool,
)
from kumoniwa.services.apigateway.deployment import Deployment
from kumoniwa.services.apigateway.exchange import Exchange
from kumoniwa.services.apigateway.plan import UsagePlan
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage, stage_arn
from kumoniwa.services.apigateway.target import is_function
from kumoniwa.services.apigateway.transform import Transform
from kumoniwa.wire.message import Response

Check = Callable[[Exchange], Awaitable[None] | None]
Integrate = Callable[[Exchange], Awaitable[Response]]


def _service(served: Served, path: str, integration: dict[str, Any]) -> Integrate:
    asks = function if is_function(integration["uri"]) else awsservice
    return Transform(served, integration, asks.sender(served, path, integration)).integrate


def _endpoint(served: Served, path: str, integration: dict[str, Any]) -> Integrate:
    return Transform(served, integration, http.sender(served, path, integration)).integrate


PREPARED = {
    "AWS": _service,
    "AWS_PROXY": proxy.prepared,
    "HTTP": _endpoint,
    "HTTP_PROXY": http.prepared_proxy,
    "MOCK": mock.prepared,
}


class Endpoint:
    """One method: what is checked before, and what answers."""

    __slots__ = ("path", "context", "method", "measured_as", "logging", "checks", "integrate")

    def __init__(self, served: Served, resource: dict[str, Any], method: dict[str, Any]) -> None:
        self.path = resource["path"]
        self.method = method
        self.context = {"resourceId": resource["id"], "resourcePath": self.path, **served.context}
        own, general = served.settings(self.path, method["httpMethod"])
        setting = own or general or {}
        is_measured = setting.get("metricsEnabled", False)
        self.logging = (setting.get("loggingLevel", "OFF"), setting.get("dataTraceEnabled", False))
        """Which lines of the execution log are written, and whether they tell what was said."""
        # No source tells how a method ANY is named; here it is as it was made.
        self.measured_as = ("Resource", self.path, "Method", method["httpMethod"]) if is_measured else ()
        """The dimensions of detailed metrics, where the stage asks for them."""
        integration = method["methodIntegration"]
        integrate = PREPARED[integration["type"]](served, self.path, integration)
        if served.is_traced:
            integrate = tracing.prepared(served, integration, integrate)
        self.integrate = cache.prepared(served, self.path, method, integrate)
        self.checks = _checks(served, self.path, method)


def _checks(served: Served, path: str, method: dict[str, Any]) -> list[Check]:
    """In AWS's order: the API's policy and the caller's identity, then the key and the rate, then what is asked."""
    checks: list[Check] = []
    kind = method["authorizationType"]
    if kind == "AWS_IAM":
        checks.append(access.check_signed)
    elif kind == "CUSTOM":
        if served.policy is not None:
            checks.append(access.check_not_denied)
        checks.append(served.authorizer(method["authorizerId"]))
    elif kind == userpool.KIND:
        if served.policy is not None:
            checks.append(access.check_not_denied)
        held = served.api.authorizers[method["authorizerId"]]
        checks.append(userpool.prepared(served, held, method.get("authorizationScopes") or []))
    elif served.policy is not None:
        checks.append(access.check_open)
    checks.append(usage.throttle(served, path, method["httpMethod"]))
    if method["apiKeyRequired"]:
        checks.append(usage.check_key)
    return checks + model.checks(served.api, served.schemas, method)


class Node:
    """A place in the tree of paths."""

    __slots__ = ("literals", "variable", "variable_name", "greedy", "greedy_name", "endpoints")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.variable: Node | None = None
        self.greedy: Node | None = None
        self.variable_name = self.greedy_name = ""
        self.endpoints: dict[str, Endpoint] = {}

    def child(self, part: str) -> Node:
        if part.endswith("+}"):
            self.greedy, self.greedy_name = self.greedy or Node(), part[1:-2]
            return self.greedy
        if part.startswith("{"):
            self.variable, self.variable_name = self.variable or Node(), part[1:-1]
            return self.variable
        return self.literals.setdefault(part, Node())

    def find(self, parts: list[str], at: int, verb: str) -> tuple[Endpoint, tuple] | None:
        """The method for the rest of a path, with its labels as a chain: a literal goes before a label, a label before a greedy one."""
        if at == len(parts):
            endpoint = self.endpoints.get(verb) or self.endpoints.get("ANY")
            return (endpoint, ()) if endpoint is not None else None
        part = parts[at]
        literal = self.literals.get(part)
        if literal is not None:
            found = literal.find(parts, at + 1, verb)
            if found is not None:
                return found
        if self.variable is not None and part:
            found = self.variable.find(parts, at + 1, verb)
            if found is not None:
                return found[0], (self.variable_name, part, found[1])
        if self.greedy is not None:
            endpoint = self.greedy.endpoints.get(verb) or self.greedy.endpoints.get("ANY")
            if endpoint is not None:
                return endpoint, (self.greedy_name, "/".join(parts[at:]), ())
        return None


class Served:
    """One stage, ready to be called."""

    def __init__(
        self, home: Any, account: str, stage: Stage, deployment: Deployment, *, is_canary: bool = False
    ) -> None:
        self.home, self.account, self.stage, self.deployment = home, account, stage, deployment
        self.api: RestApi = deployment.api
        self.api_id, self.name = self.api.id, stage.document["stageName"]
        self.variables: dict[str, str] = stage.document.get("variables", {})
        self.is_canary = is_canary
        self.is_traced: bool = stage.document.get("tracingEnabled", False)
        self.canary_settings: dict[str, Any] | None = stage.document.get("canarySettings")
        self.canary: Served | None = None
        """What the canary's share of the callers meets instead."""
        if is_canary:
            self.variables = self.variables | self.canary_settings.get("stageVariableOverrides", {})
        self.has_own_cache = is_canary and not self.canary_settings["useStageCache"]
        self.arn = f"arn:{home.partition}:execute-api:{home.name}:{account}:{self.api_id}/{self.name}"
        self.stage_arn = stage_arn(home, self.api_id, self.name)
        self.guards = home.store.shelf(account, firewall.Association)
        self.is_disabled = self.api.document["disableExecuteApiEndpoint"]
        self.binary_types = tuple(kind.lower() for kind in self.api.document.get("binaryMediaTypes", ()))
        self.context = {
            "stage": self.name, "apiId": self.api_id, "accountId": account, "deploymentId": deployment.id,
            "domainPrefix": self.api_id, "domainName": f"{self.api_id}.execute-api.{home.name}.amazonaws.com",
        }  # fmt: skip
        self.access_log = accesslog.prepared(self)
        self.execution_log = executionlog.prepared(self)
        self.compression_bytes_min: int | None = self.api.document.get("minimumCompressionSize")
        document = self.api.document.get("policy")
        self.policy: Policy | None = compiled(document, "resource") if document else None
        self.schemas = model.compiler(self.api)
        self.plans: dict[str, UsagePlan] = {}
        """By API key: the usage plan it was last admitted with."""
        self._authorizers: dict[str, Check] = {}
        self.root = Node()
        for resource in self.api.resources.values():
            node = self.root
            for part in resource["path"].split("/")[1:]:
                node = node.child(part) if part else node
            for verb, method in resource.get("resourceMethods", {}).items():
                node.endpoints[verb] = Endpoint(self, resource, method)

    def settings(self, path: str, verb: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What the stage says of one method, and what it says of methods in general."""
        settings = self.stage.document["methodSettings"]
        place = path[1:].replace("~", "~0").replace("/", "~1") or "~1"
        own = settings.get(f"{place}/{verb}") or settings.get(f"{place}/*")
        return own, settings.get(f"*/{verb}") or settings.get("*/*")

    def met(self) -> Served:
        """The stage as its next caller meets it: now and then the canary."""
        if self.canary is None:
            return self
        is_chosen = self.home.ids.random.random() * 100 < self.canary_settings["percentTraffic"]
        return self.canary if is_chosen else self

    def authorizer(self, authorizer_id: str) -> Check:
        """The check of an authorizer, one for all of its methods."""
        found = self._authorizers.get(authorizer_id)
        if found is None:
            found = self._authorizers[authorizer_id] = authorizer.prepared(
                self, self.api.authorizers[authorizer_id]
            )
        return found

    def endpoints(self) -> Iterator[Endpoint]:
        """Every method of the stage."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield from node.endpoints.values()
            waiting += [*node.literals.values(), *filter(None, (node.variable, node.greedy))]

    def is_binary(self, media_type: str) -> bool:
        """Whether the owner calls a media type binary."""
        return bool(self.binary_types) and _is_among(self.binary_types, media_type)

    def find(self, path: str, verb: str) -> tuple[Endpoint, dict[str, str] | None] | None:
        """The method of a path, and what its labels spell (None if it has none)."""
        trimmed = path.strip("/")
        found = self.root.find(trimmed.split("/") if trimmed else [], 0, verb)
        if found is None:
            return None
        endpoint, chain = found
        if not chain:
            return endpoint, None
        labels = {}
        while chain:
            name, value, chain = chain
            labels[name] = value
        return endpoint, labels


@lru_cache(maxsize=1024)
def _is_among(known: tuple[str, ...], media_type: str) -> bool:
    # Recorded (test_aws_proxy_binary_response): a star on the left stands for something only beside one on the right.
    return any(
        kind == "*/*" or (kind.endswith("/*") and media_type.startswith(kind[:-1])) or (kind == media_type and kind[:1] != "*")
        for kind in known
    )
