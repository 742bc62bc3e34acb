"""What answers behind the routes of WebSocket APIs: functions and endpoints as they are, or through templates; or nobody.

Senders are those of REST APIs, which are asked in their words.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.languages import backtracking
from kumoniwa.services.apigateway import awsservice, exchange, function, http, mock, template
from kumoniwa.services.apigateway.mapping import with_variables
from kumoniwa.services.apigateway.proxy import caller, invoked
from kumoniwa.services.apigateway.target import is_function
from kumoniwa.services.apigateway.transform import JSON, Outgoing, Reply
from kumoniwa.services.apigatewayv2 import mapping, socketevent
from kumoniwa.services.apigatewayv2.integration import STATUS, function_named
from kumoniwa.services.apigatewayv2.visit import Refused, Visit

Ask = Callable[[Visit], Awaitable[Reply]]
"""Asks an integration; its reply's status and body are for the client. Raises Refused."""


def failed(why: str) -> Refused:
    return Refused(500, "Internal server error", why=why)


def prepared(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Ask:
    kind = integration["IntegrationType"]
    if kind == "AWS_PROXY":
        return _function(served, route, integration)
    return _transformed(served, route, integration)


def _function(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Ask:
    named = with_variables(function_named(integration["IntegrationUri"]), served.variables)
    role, timeout_s = integration.get("CredentialsArn"), integration["TimeoutInMillis"] / 1000
    source_arn = f"{served.arn}/{route['RouteKey']}"

    async def ask(visit: Visit) -> Reply:
        try:
            principal = caller(visit, source_arn, role)
            reply = await invoked(visit, principal, named, orjson.dumps(socketevent.document(visit)), timeout_s)
        except TimeoutError:
            raise Refused(504, "Endpoint request timed out")
        except NotImplementedHere:
            raise
        except AwsError as error:
            raise failed(error.text)
        if reply.get("FunctionError"):
            raise failed("The Lambda function returned an error")
        return _answer(bytes(reply["Payload"]), is_needed=visit.event_type == socketevent.CONNECT or served.answers(route))

    return ask


def _answer(payload: bytes, *, is_needed: bool) -> Reply:
    """A function's answer; nobody minds its form where nobody waits for it."""
    try:
        answer = orjson.loads(payload or b"null")
        status = int(answer["statusCode"])
        headers = [(str(name), str(value)) for name, value in (answer.get("headers") or {}).items()]
        body = answer.get("body")
        content = b"" if body is None else body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        if is_needed:
            raise Refused(502, "Internal server error", why="Malformed Lambda proxy response")
        return Reply(200, [], b"", None)
    return Reply(status, headers, content, None)


# Through templates ------------------------------------------------------------------------------------


async def _mocked(visit: Visit, outgoing: Outgoing) -> Reply:
    """A mock answers the status its request names, 200 where it names none."""
    status = mock.status_of(outgoing.body.decode("utf-8", "replace"))
    return Reply(200 if status is None else status, [], b"", None)


def _sender(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Callable[..., Awaitable[Reply]]:
    kind = integration["IntegrationType"]
    if kind == "MOCK":
        return _mocked
    asked = {
        "uri": integration["IntegrationUri"],
        "httpMethod": integration.get("IntegrationMethod", "POST"),
        "credentials": integration.get("CredentialsArn"),
        "timeoutInMillis": integration["TimeoutInMillis"],
    }
    if kind in ("HTTP", "HTTP_PROXY"):
        return http.sender(served, "", asked)
    asks = function if is_function(integration["IntegrationUri"]) else awsservice
    return asks.sender(served, route["RouteKey"], asked)


class _Answer:
    """One integration response: which statuses it is for, and what it makes of them."""

    def __init__(self, response: dict[str, Any]) -> None:
        key = response["IntegrationResponseKey"]
        self.pattern = None if key == "$default" else backtracking.compiled(key.strip("/"))
        self.templates = response.get("ResponseTemplates") or {}
        expression = response.get("TemplateSelectionExpression")
        self.selection = mapping.selection(expression) if expression else None

    def is_meant(self, text: str) -> bool:
        try:
            return self.pattern is None or self.pattern.is_whole(text)
        except backtracking.TooMuchWork:
            return False

    def body(self, visit: Visit, reply: Reply) -> bytes:
        source = _chosen(self.templates, self.selection, visit)
        return reply.body if source is None else _rendered(source, visit, reply.text())


def _chosen(templates: dict[str, str], selection: mapping.Value | None, visit: Visit) -> str | None:
    """The template that an expression chooses, or the default; None where a body goes on as it is."""
    key = selection(visit) if selection is not None else None
    found = templates.get(key) if key is not None else None
    return found if found is not None else templates.get("$default", templates.get("\\$default"))


def _rendered(source: str, visit: Visit, body: str) -> bytes:
    try:
        return template.rendered(source, visit, body, "message").encode("utf-8", "replace")
    except exchange.Refused as refused:
        raise failed(refused.text or "")


def _transformed(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Ask:
    send = _sender(served, route, integration)
    templates = integration.get("RequestTemplates") or {}
    expression = integration.get("TemplateSelectionExpression")
    selection = mapping.selection(expression) if expression else None
    carried = mapping.carried(integration.get("RequestParameters", {}))
    is_proxy, passthrough = integration["IntegrationType"].endswith("_PROXY"), integration["PassthroughBehavior"]
    chosen_by = mapping.selection(integration.get("IntegrationResponseSelectionExpression", STATUS))
    responses = served.api.integration_responses.get(integration["IntegrationId"], {}).values()
    # What names a status goes before what takes all of them.
    answers = sorted([_Answer(response) for response in responses], key=lambda one: one.pattern is None)

    def outgoing(visit: Visit) -> Outgoing:
        source = None if is_proxy else _chosen(templates, selection, visit)
        if source is None and not is_proxy and (passthrough == "NEVER" or (passthrough == "WHEN_NO_TEMPLATES" and templates)):
            raise Refused(415, "Unsupported Media Type")
        body = visit.text().encode() if source is None else _rendered(source, visit, visit.text())
        made = Outgoing(body, JSON, source is not None)
        places = {"header": made.headers, "querystring": made.queries, "path": made.labels}
        for place, name, value in carried:
            text = value(visit)
            if text is not None:
                places[place][name] = text.replace("\r", " ").replace("\n", " ")
        return made

    async def ask(visit: Visit) -> Reply:
        try:
            reply = visit.reply = await send(visit, outgoing(visit))
        except exchange.Refused as refused:
            is_late = refused.kind == "INTEGRATION_TIMEOUT"
            raise Refused(504, "Endpoint request timed out") if is_late else failed(refused.text or "")
        if is_proxy:
            return reply
        answer = next((one for one in answers if one.is_meant(chosen_by(visit) or "")), None)
        if answer is None:
            return Reply(reply.status, [], reply.body, None)
        return Reply(reply.status, [], answer.body(visit, reply), None)

    return ask
