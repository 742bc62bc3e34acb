"""What answers behind the routes of HTTP APIs: a Lambda function, an endpoint outside, one action of another AWS service.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations.html
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote, urlencode

import orjson

from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway.exchange import HOP_BY_HOP
from kumoniwa.services.apigateway.mapping import with_variables
from kumoniwa.services.apigateway.proxy import SERVICE, caller, invoked
from kumoniwa.services.apigatewayv2 import awsaction, httpevent, mapping, parameter
from kumoniwa.services.apigatewayv2.integration import ADDRESS, function_named
from kumoniwa.services.apigatewayv2.parameter import Sent
from kumoniwa.services.apigatewayv2.visit import Refused, Visit, failed
from kumoniwa.wire import outbound
from kumoniwa.wire.message import Response

Integrate = Callable[[Visit], Awaitable[Response]]
_LABEL = re.compile(r"\{([^{}]+)\}")


def timed_out() -> Refused:
    return Refused(503, "Service Unavailable", why="The integration timed out")


def prepared(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Integrate:
    """What asks the integration for a request and makes the caller's response of its answer."""
    if "IntegrationSubtype" in integration:
        changes: list[mapping.Change] = []
        ask = _action(served, integration)
    else:
        changes = mapping.changes(integration.get("RequestParameters", {}), mapping.OF_REQUESTS)
        ask = (_function if integration["IntegrationType"] == "AWS_PROXY" else _endpoint)(served, route, integration)
    answers = {
        status: mapping.changes(of_status, mapping.OF_ANSWERS)
        for status, of_status in integration.get("ResponseParameters", {}).items()
    }

    async def integrate(visit: Visit) -> Response:
        response = await ask(visit, parameter.sent(visit, changes))
        return parameter.returned(visit, response, answers)

    return integrate


Ask = Callable[[Visit, Sent], Awaitable[Response]]


def _function(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Ask:
    function = with_variables(function_named(integration["IntegrationUri"]), served.variables)
    role, version = integration.get("CredentialsArn"), integration["PayloadFormatVersion"]
    timeout_s = integration["TimeoutInMillis"] / 1000
    method, _, path = route["RouteKey"].partition(" ")
    callers: dict[str, Principal] = {}

    async def ask(visit: Visit, sent: Sent) -> Response:
        # One function policy serves all labels alike: the path is the route's own. The default route has no method.
        place = f"{visit.verb}{path}" if path else method
        try:
            principal = callers.get(place) if role is None else None
            if principal is None:
                principal = caller(visit, f"{served.arn}/{place}", role)
                if role is None:
                    callers[place] = principal
            event = orjson.dumps(httpevent.FORMATS[version](visit, sent))
            reply = await invoked(visit, principal, function, event, timeout_s, visit.trace)
        except TimeoutError:
            raise timed_out()
        except NotImplementedHere:
            raise
        except AwsError as error:
            raise failed(error.text)
        if reply.get("FunctionError"):
            raise failed("The Lambda function returned an error")
        return httpevent.response(bytes(reply["Payload"]), version)

    return ask


def _endpoint(served: Any, route: dict[str, Any], integration: dict[str, Any]) -> Ask:
    """The caller's request as it is but for what is mapped, and the endpoint's answer likewise."""
    address = with_variables(integration["IntegrationUri"], served.variables)
    verb, timeout_s = integration["IntegrationMethod"], integration["TimeoutInMillis"] / 1000

    async def ask(visit: Visit, sent: Sent) -> Response:
        labels = visit.labels or {}
        url = _LABEL.sub(lambda found: quote(labels.get(found[1].rstrip("+"), ""), safe="/:@!$&'()*+,;=-._~"), address)
        if sent.path is not None:
            host = re.match(r"https?://[^/?]*", url)
            url = f"{host[0] if host else ''}{quote(unquote(sent.path), safe='/:@!$&()*+,;=-._~')}"
        query = visit.request.query if sent.is_query_as_sent else urlencode(sent.queries, quote_via=quote)
        if query:
            url += f"{'&' if '?' in url else '?'}{query}"
        if not ADDRESS.fullmatch(url):
            raise failed("Invalid endpoint address")
        lines = [
            (name, ",".join(values)) for name, values in httpevent.passed(visit, sent).items() if name not in ("host", "content-length")
        ]
        method = visit.verb if verb == "ANY" else verb
        lines.append(("via", "HTTP/1.1 AmazonAPIGateway"))
        lines.append(("forwarded", f"by=127.0.0.1;for=127.0.0.1;host={visit.request.host};proto=http"))
        try:
            answer = await outbound.fetch(method, url, lines, visit.request.body, timeout_s)
        except TimeoutError:
            raise timed_out()
        except outbound.Unreachable as error:
            raise Refused(503, "Service Unavailable", why=str(error))
        return Response(answer.status, answer.body, _returned(answer.headers))

    return ask


def _returned(lines: list[tuple[str, str]]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for name, value in lines:
        lower = name.lower()
        if lower in HOP_BY_HOP or lower == "date":
            continue
        before = headers.get(lower)
        headers[lower] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return headers


def _action(served: Any, integration: dict[str, Any]) -> Ask:
    doing = awsaction.Doing(integration)
    role = with_variables(doing.role, served.variables)

    async def ask(visit: Visit, sent: Sent) -> Response:
        try:
            params, region = doing.params(visit)
            principal = visit.home.assume(role, SERVICE, "BackplaneAssumeRoleSession", served.account)
            status, body = await doing.done(visit.home, principal, params, region)
        except awsaction.Unanswerable:
            raise Refused(400, "Bad Request", why="A required parameter of the integration has no value")
        except TimeoutError:
            raise timed_out()
        except NotImplementedHere:
            raise
        except AwsError as error:
            raise failed(error.text)
        return Response(status, body, {"content-type": "text/xml" if body.startswith(b"<") else "application/json"})

    return ask
