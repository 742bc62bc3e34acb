"""MOCK: an answer without a back end, chosen by the status that the request template names."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.services.apigateway import mapping
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

_BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")


def status_of(template: str) -> int | None:
    """The ``statusCode`` of a mock's request; AWS reads names without quotes, too. None if there is none to be read."""
    for text in (template, _BARE_NAME.sub(r'\1"\2"\3', template)):
        try:
            document = json.loads(text)
            return int(document["statusCode"]) if isinstance(document, dict) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


class Answer:
    """One integration response: its headers and body, ready but for the values of the request."""

    __slots__ = ("status", "pattern", "headers", "body", "content_type")

    def __init__(self, response: dict[str, Any]) -> None:
        self.status = int(response["statusCode"])
        pattern = response.get("selectionPattern")
        self.pattern = re.compile(pattern) if pattern else None
        self.headers = [
            (place.removeprefix("method.response.header."), mapping.compiled(expression))
            for place, expression in (response.get("responseParameters") or {}).items()
        ]
        templates = response.get("responseTemplates") or {}
        self.content_type = (
            "application/json"
            if "application/json" in templates
            else next(iter(templates), "application/json")
        )
        self.body = templates.get(self.content_type, "").encode()

    def response(self, exchange: Exchange) -> Response:
        headers: dict[str, Any] = {"Content-Type": self.content_type}
        for name, value in self.headers:
            text = value(exchange)
            if text is not None:
                headers["Content-Type" if name.lower() == "content-type" else name] = text
        return Response(self.status, self.body, headers)


def prepared(
    served: Any, path: str, integration: dict[str, Any]
) -> Callable[[Exchange], Awaitable[Response]]:
    templates = {
        kind.lower(): status_of(template)
        for kind, template in (integration.get("requestTemplates") or {}).items()
    }
    passthrough = integration["passthroughBehavior"]
    answers = [Answer(response) for response in (integration.get("integrationResponses") or {}).values()]
    default = next((answer for answer in answers if answer.pattern is None), None)

    async def integrate(exchange: Exchange) -> Response:
        kind = exchange.media_type("content-type") or "application/json"
        if kind in templates:
            status = templates[kind]
        elif passthrough == "NEVER" or (passthrough == "WHEN_NO_TEMPLATES" and templates):
            raise Refused("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
        else:
            status = status_of(exchange.request.body.decode("utf-8", "replace"))
        if status is None:
            raise Refused("API_CONFIGURATION_ERROR", "Internal server error")
        text = str(status)
        for answer in answers:
            if answer.pattern is not None and answer.pattern.fullmatch(text):
                return answer.response(exchange)
        if default is None:
            raise Refused("API_CONFIGURATION_ERROR", "Internal server error")
        return default.response(exchange)

    return integrate
