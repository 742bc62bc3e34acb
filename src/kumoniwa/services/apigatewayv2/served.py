"""A stage as it is served: its deployment compiled into a tree of routes with their guards and back ends.

It is made when the stage is first called, and good as long as its record is the same object: whoever changes a stage or
moves it to another deployment puts another record in its place.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from kumoniwa.services.apigateway import usage
from kumoniwa.services.apigateway.accesslog import AccessLog
from kumoniwa.services.apigatewayv2 import accesslog, backend, guard, httpevent
from kumoniwa.services.apigatewayv2.definition import Api, Deployment, Stage
from kumoniwa.services.apigatewayv2.visit import Refused, Visit, failed
from kumoniwa.wire.message import Response

DEFAULT = "$default"


class Node:
    """A place in the tree of paths. Labels are named by the route, since two routes may name one place differently."""

    __slots__ = ("literals", "variable", "greedy", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.variable: Node | None = None
        self.greedy: Node | None = None
        self.routes: dict[str, Route] = {}

    def child(self, part: str) -> Node:
        if part.endswith("+}"):
            self.greedy = self.greedy or Node()
            return self.greedy
        if part.startswith("{"):
            self.variable = self.variable or Node()
            return self.variable
        return self.literals.setdefault(part, Node())

    def find(self, parts: list[str], at: int, verb: str) -> tuple[Route, tuple[str, ...]] | None:
        """The route for the rest of a path, and what its labels spell: a literal goes before a label, a label before a greedy one."""
        if at == len(parts):
            route = self.routes.get(verb) or self.routes.get("ANY")
            return (route, ()) if route is not None else None
        part = parts[at]
        literal = self.literals.get(part)
        if literal is not None and (found := literal.find(parts, at + 1, verb)) is not None:
            return found
        if self.variable is not None and part and (found := self.variable.find(parts, at + 1, verb)) is not None:
            return found[0], (part, *found[1])
        if self.greedy is not None and (rest := "/".join(parts[at:])):
            route = self.greedy.routes.get(verb) or self.greedy.routes.get("ANY")
            if route is not None:
                return route, (rest,)
        return None


class Route:
    """One route: who may take it, how often, and what answers."""

    __slots__ = ("key", "path", "names", "measured_as", "check", "bucket", "integrate")

    def __init__(self, served: Served, document: dict[str, Any]) -> None:
        self.key: str = document["RouteKey"]
        self.path = self.key.partition(" ")[2] or self.key
        # No source tells how the route $default is named; here both its method and its resource are so called.
        self.measured_as = ("Resource", self.path, "Method", self.key.partition(" ")[0]) if served.is_detailed(self.key) else ()
        """The dimensions of detailed metrics, where the stage asks for them."""
        self.names = [part.strip("{+}") for part in self.path.split("/") if part.startswith("{")]
        self.check = served.guard(document)
        self.bucket = served.bucket(self.key)
        target = document.get("Target")
        integration = served.api.integrations[target.partition("/")[2]] if target else None
        self.integrate = backend.prepared(served, document, integration) if integration is not None else _nothing


async def _nothing(visit: Visit) -> Response:
    raise failed("The route has no integration")


class Served:
    """What all stages have when they are served."""

    def __init__(self, home: Any, account: str, stage: Stage, deployment: Deployment) -> None:
        self.home, self.account, self.stage = home, account, stage
        self.api: Api = deployment.api
        self.api_id, self.name = self.api.id, stage.name
        self.variables: dict[str, str] = stage.document["StageVariables"]
        self.arn = f"arn:{home.partition}:execute-api:{home.name}:{account}:{self.api_id}/{self.name}"
        self.path_prefix = "" if self.name == DEFAULT else f"/{self.name}"
        self.access_log: AccessLog | None = accesslog.prepared(self)
        self.buckets = usage.buckets(home, account)
        self._guards: dict[str, guard.Check] = {}

    def bucket(self, key: str) -> usage.Bucket | None:
        """The token bucket of a route: its own settings go before the stage's."""
        own, general = self.stage.document["RouteSettings"].get(key, {}), self.stage.document["DefaultRouteSettings"]
        rate = own.get("ThrottlingRateLimit", general.get("ThrottlingRateLimit"))
        burst = own.get("ThrottlingBurstLimit", general.get("ThrottlingBurstLimit"))
        if rate is None and burst is None:
            return None
        rate = usage.ACCOUNT_RATE if rate is None else rate
        return self.buckets.of((self.api_id, self.name, key), rate, usage.ACCOUNT_BURST if burst is None else burst)

    def is_detailed(self, key: str) -> bool:
        """Whether a route is measured by itself: its own settings go before the stage's."""
        own, general = self.stage.document["RouteSettings"].get(key, {}), self.stage.document["DefaultRouteSettings"]
        return bool(own.get("DetailedMetricsEnabled", general.get("DetailedMetricsEnabled")))

    def guard(self, route: dict[str, Any]) -> guard.Check | None:
        kind = route["AuthorizationType"]
        if kind == "AWS_IAM":
            return guard.signed
        if kind == "JWT":
            return guard.token(self, self.api.authorizers[route["AuthorizerId"]], route)
        return self.function_guard(route["AuthorizerId"]) if kind == "CUSTOM" else None

    def function_guard(self, authorizer_id: str) -> guard.Check:
        """The check of a Lambda authorizer, one for all of its routes."""
        found = self._guards.get(authorizer_id)
        if found is None:
            found = self._guards[authorizer_id] = guard.function(self, self.api.authorizers[authorizer_id])
        return found

    def throttle(self, visit: Visit) -> None:
        bucket = visit.route.bucket
        if bucket is not None and not bucket.take(visit.now) or not self.buckets.account.take(visit.now):
            raise Refused(429, "Too Many Requests")


class ServedHttp(Served):
    """A stage of an HTTP API."""

    events = httpevent

    def __init__(self, home: Any, account: str, stage: Stage, deployment: Deployment) -> None:
        super().__init__(home, account, stage, deployment)
        self.cors: dict[str, Any] | None = self.api.document.get("CorsConfiguration")
        self.root, self.default = Node(), None
        for document in self.api.routes.values():
            route = Route(self, document)
            if route.key == DEFAULT:
                self.default = route
                continue
            method, _, path = route.key.partition(" ")
            node = self.root
            for part in path.split("/")[1:]:
                node = node.child(part)
            node.routes[method] = route

    def find(self, path: str, verb: str) -> tuple[Route, dict[str, str] | None] | None:
        """The route of a path and what its labels spell, decoded.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html#http-api-develop-routes.evaluation
        """
        found = self.root.find(path.split("/")[1:], 0, verb)
        if found is None:
            return (self.default, None) if self.default is not None else None
        route, values = found
        return route, {name: unquote(value) for name, value in zip(route.names, values)} or None
