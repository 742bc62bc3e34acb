"""A stage of a WebSocket API, compiled: which route a message takes, who may connect, and what answers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from kumoniwa.services.apigateway.schema import Compiler, Malformed
from kumoniwa.services.apigatewayv2 import guard, mapping, socketbackend, socketevent
from kumoniwa.services.apigatewayv2.definition import Deployment, Stage
from kumoniwa.services.apigatewayv2.model import named
from kumoniwa.services.apigatewayv2.served import DEFAULT, Served
from kumoniwa.services.apigatewayv2.visit import Refused, Visit


class SocketRoute:
    """One route: what its messages must look like, what answers them, and whether the client hears the answer."""

    __slots__ = ("key", "path", "check", "bucket", "ask", "is_answered", "fits", "required")

    def __init__(self, served: ServedSocket, document: dict[str, Any]) -> None:
        self.key = self.path = document["RouteKey"]
        self.check = served.guard(document)
        self.bucket = served.bucket(self.key)
        target = document.get("Target")
        integration = served.api.integrations[target.partition("/")[2]] if target else None
        self.ask = socketbackend.prepared(served, document, integration) if integration is not None else None
        self.is_answered = served.answers(document)
        self.fits = _fits(served, document)
        self.required = [
            name.removeprefix("route.request.").split(".", 1)
            for name, said in document.get("RequestParameters", {}).items()
            if said.get("Required")
        ]

    def check_handshake(self, visit: Visit) -> None:
        read = {"header": visit.header, "querystring": visit.query}
        if any(not read[place](name) for place, name in self.required):
            raise Refused(400, "Bad Request", why="A required parameter is missing")


def _fits(served: ServedSocket, route: dict[str, Any]) -> Callable[[Visit], bool] | None:
    """Whether a message fits the model that its route chooses for it; None where the route has no models."""
    models = route.get("RequestModels")
    if not models:
        return None
    expression = route.get("ModelSelectionExpression")
    selection = mapping.selection(expression) if expression else lambda visit: DEFAULT

    def fits(visit: Visit) -> bool:
        model = named(served.api, models.get(selection(visit) or DEFAULT, ""))
        if model is None:
            return True
        try:
            return served.schemas.model(model["Name"])(orjson.loads(visit.text()))
        except (orjson.JSONDecodeError, Malformed):
            return False

    return fits


class ServedSocket(Served):
    events = socketevent

    def __init__(self, home: Any, account: str, stage: Stage, deployment: Deployment) -> None:
        super().__init__(home, account, stage, deployment)
        self.select = mapping.selection(self.api.document["RouteSelectionExpression"])
        self.schemas = Compiler({model["Name"]: orjson.loads(model["Schema"]) for model in self.api.models.values()})
        self.routes = {route["RouteKey"]: SocketRoute(self, route) for route in self.api.routes.values()}

    def answers(self, route: dict[str, Any]) -> bool:
        """Whether clients hear what a route's integration says: it has a response, or an expression that chooses one."""
        return "RouteResponseSelectionExpression" in route or bool(self.api.route_responses.get(route["RouteId"]))

    def function_guard(self, authorizer_id: str) -> guard.Check:
        return guard.handshake(self, self.api.authorizers[authorizer_id])

    def find(self, visit: Visit) -> SocketRoute | None:
        """The route of a message: the one its expression names, or the default."""
        key = self.select(visit)
        found = self.routes.get(key) if key is not None and key not in ("$connect", "$disconnect") else None
        return found or self.routes.get(DEFAULT)
