"""What stands between a method and an integration that is no proxy: parameters and templates, there and back.

A ``Transform`` is made once for a method. It lays out what the integration is asked (``Outgoing``), lets ``send`` ask
it, and makes the method's response of the ``Reply``, chosen by its pattern. MOCK, AWS and HTTP differ in ``send`` alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.languages import backtracking, vtl_value
from kumoniwa.services.apigateway import mapping, template
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

JSON = "application/json"
NOT_SENT = frozenset(["content-length", "transfer-encoding"])
"""Headers of the connection, which no integration may be sent: recorded from AWS, mapping one fails the call."""
NOT_SENT_TO_AWS = NOT_SENT | {"authorization", "connection", "expect", "proxy-authenticate", "te"}
"""Those that a signed request sets itself, too: recorded from AWS."""
REMAPPED = frozenset(
    [
        "authorization", "connection", "content-length", "content-md5", "date", "expect", "host", "max-forwards",
        "proxy-authenticate", "server", "trailer", "upgrade", "user-agent", "www-authenticate",
    ]
)  # fmt: skip
"""Headers that reach the caller under ``x-amzn-Remapped-``: recorded from AWS."""


class Outgoing:
    """What an integration is asked."""

    __slots__ = ("headers", "queries", "labels", "body", "content_type", "is_rendered")

    def __init__(self, body: bytes, content_type: str, is_rendered: bool) -> None:
        self.headers: dict[str, str] = {}
        self.queries: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.body, self.content_type, self.is_rendered = body, content_type, is_rendered


class Reply:
    """What an integration answered. ``chosen_by`` is what the patterns of its responses are matched with; None chooses the default."""

    __slots__ = ("status", "headers", "body", "chosen_by", "is_traced")

    def __init__(
        self,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        chosen_by: str | None,
        is_traced: bool = True,
    ) -> None:
        self.status, self.headers, self.body, self.chosen_by = status, headers, body, chosen_by
        self.is_traced = is_traced

    def header(self, name: str, *, every: bool = False) -> str | None:
        found = [value for known, value in self.headers if known.lower() == name.lower()]
        return (",".join(found) if every else found[-1]) if found else None

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


Send = Callable[[Exchange, Outgoing], Awaitable[Reply]]


def misconfigured(exchange: Exchange, why: str) -> Refused:
    exchange.note(f"Execution failed due to configuration error: {why}")
    return Refused("API_CONFIGURATION_ERROR", "Internal server error")


def _unpacked(exchange: Exchange, body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise misconfigured(exchange, "Unable to base64 decode the body.")


def is_sendable(integration: dict[str, Any]) -> bool:
    """Whether none of the mapped headers belongs to the connection or the signature."""
    refused = NOT_SENT_TO_AWS if integration.get("type", "").startswith("AWS") else NOT_SENT
    places = integration.get("requestParameters") or ()
    return not any(place.lower().removeprefix("integration.request.header.") in refused for place in places)


class _Answer:
    """One integration response."""

    __slots__ = ("status", "pattern", "headers", "templates", "handling", "content_type")

    def __init__(self, response: dict[str, Any]) -> None:
        self.status = int(response["statusCode"])
        pattern = response.get("selectionPattern")
        self.pattern = backtracking.compiled(pattern) if pattern else None
        self.headers = [
            (place.removeprefix("method.response.header."), mapping.compiled(expression))
            for place, expression in (response.get("responseParameters") or {}).items()
        ]
        self.templates = response.get("responseTemplates") or {}
        self.content_type = JSON if JSON in self.templates else next(iter(self.templates), JSON)
        self.handling = response.get("contentHandling")

    def is_chosen(self, text: str | None) -> bool:
        try:
            return self.pattern is not None and text is not None and self.pattern.is_whole(text)
        except backtracking.TooMuchWork:
            return False

    def response(self, exchange: Exchange, reply: Reply) -> Response:
        headers: dict[str, Any] = {"X-Amzn-Trace-Id": exchange.trace} if reply.is_traced else {}
        headers["Content-Type"] = self.content_type
        for name, value in self.headers:
            text = value(exchange)
            if text is not None:
                lay(headers, name, text)
        body = self._body(exchange, reply)
        put = template.overrides(exchange, "responseOverride")
        for name, value in (put.get("header") or {}).items() if isinstance(put.get("header"), dict) else ():
            lay(headers, str(name), vtl_value.text(value))
        return Response(_status(exchange, put.get("status")) or self.status, body, headers)

    def _body(self, exchange: Exchange, reply: Reply) -> bytes:
        body, is_binary = self._handled(exchange, reply)
        source = self.templates.get(self.content_type)
        if not source:
            # A mock's reply is nothing; any other integration's goes on as it is.
            return body
        if is_binary:
            # Recorded: test_apigw_s3_binary_support_response_convert_to_binary_with_request_template. The log's words are our own.
            raise misconfigured(exchange, "Unable to transform response: the body is binary")
        return template.rendered(source, exchange, body.decode("utf-8", "replace"), "response").encode(
            "utf-8", "replace"
        )

    def _handled(self, exchange: Exchange, reply: Reply) -> tuple[bytes, bool]:
        """The body as the method is to have it, and whether it is binary.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html"""
        served = exchange.served
        kind = (reply.header("content-type") or "").partition(";")[0].strip().lower()
        wants_binary = served.is_binary(exchange.media_type("accept"))
        if served.is_binary(kind):
            if self.handling == "CONVERT_TO_TEXT" or (self.handling is None and not wants_binary):
                return base64.b64encode(reply.body), False
            return reply.body, bool(reply.body)
        if self.handling == "CONVERT_TO_BINARY" or (self.handling is None and wants_binary):
            return _unpacked(exchange, reply.body), bool(reply.body)
        return reply.text().encode(), False


def lay(headers: dict[str, Any], name: str, value: str) -> None:
    """Put a header among a response's; some names are the gateway's own."""
    lower = name.lower()
    if lower in REMAPPED:
        name = f"x-amzn-Remapped-{name}"
    elif lower == "content-type":
        name = "Content-Type"
    elif lower in ("transfer-encoding", "keep-alive", "proxy-connection"):
        return
    headers[name] = value.replace("\r", " ").replace("\n", " ")


def _status(exchange: Exchange, given: Any) -> int | None:
    if given in (None, ""):
        return None
    text = vtl_value.text(given)
    if not (text.isdecimal() and 100 <= int(text) <= 599):
        raise misconfigured(exchange, f"Invalid status code override {text}")
    return int(text)


class Transform:
    def __init__(self, served: Any, integration: dict[str, Any], send: Send) -> None:
        self.served, self.send = served, send
        self.templates = {
            kind.lower(): source for kind, source in (integration.get("requestTemplates") or {}).items()
        }
        self.passthrough = integration["passthroughBehavior"]
        self.handling = integration.get("contentHandling")
        self.is_sendable = is_sendable(integration)
        self.parameters = [
            (*place.removeprefix("integration.request.").split(".", 1), mapping.compiled(expression))
            for place, expression in (integration.get("requestParameters") or {}).items()
        ]
        answers = [_Answer(response) for response in (integration.get("integrationResponses") or {}).values()]
        self.answers = [answer for answer in answers if answer.pattern is not None]
        self.default = next((answer for answer in answers if answer.pattern is None), None)

    async def integrate(self, exchange: Exchange) -> Response:
        outgoing = self.outgoing(exchange)
        reply = exchange.reply = await self.send(exchange, outgoing)
        return self.response(exchange, reply)

    def response(self, exchange: Exchange, reply: Reply) -> Response:
        answer = next((answer for answer in self.answers if answer.is_chosen(reply.chosen_by)), self.default)
        if answer is None:
            raise misconfigured(
                exchange,
                "No match for output mapping and no default endpoint response configured. "
                f"Endpoint Response Status Code: {reply.status}",
            )
        return answer.response(exchange, reply)

    def outgoing(self, exchange: Exchange) -> Outgoing:
        kind = exchange.media_type("content-type") or JSON
        source = self.templates.get(kind, self.templates.get("$default"))
        if source is None and (
            self.passthrough == "NEVER" or (self.passthrough == "WHEN_NO_TEMPLATES" and self.templates)
        ):
            raise Refused("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
        body, is_binary = self._handled(exchange, exchange.request.body, kind)
        if source is not None:
            if is_binary:
                raise misconfigured(exchange, "Unable to transform request: the body is binary")
            body = template.rendered(source, exchange, body.decode("utf-8", "replace"), "request").encode(
                "utf-8", "replace"
            )
        outgoing = Outgoing(body, JSON if source is not None else kind, source is not None)
        self._lay_parameters(exchange, outgoing)
        return outgoing

    def _handled(self, exchange: Exchange, body: bytes, kind: str) -> tuple[bytes, bool]:
        """The body as the integration is to have it, and whether it is binary."""
        if self.served.is_binary(kind):
            return (
                (base64.b64encode(body), False) if self.handling == "CONVERT_TO_TEXT" else (body, bool(body))
            )
        if self.handling == "CONVERT_TO_BINARY":
            return _unpacked(exchange, body), True
        return body.decode("utf-8", "replace").encode(), False

    def _lay_parameters(self, exchange: Exchange, outgoing: Outgoing) -> None:
        places = {"header": outgoing.headers, "querystring": outgoing.queries, "path": outgoing.labels}
        for place, name, value in self.parameters:
            text = value(exchange)
            if text is not None:
                places[place][name] = text
        put = template.overrides(exchange, "requestOverride")
        for place, laid in places.items():
            given = put.get(place)
            if isinstance(given, dict):
                laid.update({str(name): vtl_value.text(value) for name, value in given.items()})
        for name, value in outgoing.headers.items():
            if not self.is_sendable or name.lower() in NOT_SENT:
                raise misconfigured(exchange, f"Invalid mapping of the header {name}")
            outgoing.headers[name] = value.replace("\r", " ").replace("\n", " ")
