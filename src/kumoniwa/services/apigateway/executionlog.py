"""Execution logs: what a stage did with each request, line by line, in a group of its API's and its own.

A method's setting says whether all lines are written, those of failures, or none; data tracing adds what was said on both sides.
The account's role writes them, after the caller has his answer.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
https://repost.aws/knowledge-center/api-gateway-logs
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.apigateway import event
from kumoniwa.services.apigateway.accesslog import AccessLog
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

LINE_CHARACTERS_MAX = 1_024
SHOWN_OF_SECRETS = 6
_SECRET = frozenset({"authorization", "x-api-key"})
_DATA = (
    "Method request",
    "Endpoint re",
    "Sending request",
    "Received response",
    "Method response",
    "Gateway response body",
    "Gateway response headers",
)
"""How the lines begin that only data tracing tells."""
_FAILURES = ("Access denied", "Execution failed", "Gateway response type", "Unauthorized request")


class ExecutionLog(AccessLog):
    """The execution log of one stage."""

    __slots__ = ()

    def write(self, exchange: Exchange, response: Response) -> None:
        """Write what was noted, as the setting of the method that was met wants it; a request that met none leaves no lines."""
        level, is_traced = exchange.endpoint.logging if exchange.endpoint is not None else ("OFF", False)
        noted = [(at, line) for at, line in exchange.log or () if is_traced or not line.startswith(_DATA)]
        if level == "ERROR":
            noted = [(at, line) for at, line in noted if line.startswith(_FAILURES)]
        if level != "OFF" and noted:
            events = [{"timestamp": milliseconds(at), "message": _cut(f"({exchange.request_id}) {line}")} for at, line in noted]
            exchange.home.spawn(self._put(exchange, events))

    async def _open(self, home: Any, writer: Any, place: dict[str, str]) -> None:
        """The group is the gateway's own, so that it makes it, too."""
        await self._made(home, writer, "logs:CreateLogGroup", {"logGroupName": self.group})
        await super()._open(home, writer, place)


def _cut(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS_MAX else f"{line[:LINE_CHARACTERS_MAX]} [TRUNCATED]"


def prepared(served: Any) -> ExecutionLog | None:
    """The stage's execution log, if any of its methods is to leave lines there."""
    settings = served.stage.document["methodSettings"].values()
    if all(each.get("loggingLevel", "OFF") == "OFF" for each in settings):
        return None
    group = f"API-Gateway-Execution-Logs_{served.api_id}/{served.name}"
    # AWS's streams have names of 32 hexadecimal digits, which tell nothing.
    return ExecutionLog(group, served.home.name, "", hashlib.sha256(group.encode()).hexdigest()[:32])


# What is noted ----------------------------------------------------------------------------------------


def masked(lines: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers, of which those that open doors show their last characters alone."""
    return [(name, _hidden(value) if name.lower() in _SECRET else value) for name, value in lines]


def _hidden(value: str) -> str:
    return "*" * (len(value) - SHOWN_OF_SECRETS) + value[-SHOWN_OF_SECRETS:] if len(value) > SHOWN_OF_SECRETS else "*" * len(value)


def admitted(exchange: Exchange) -> None:
    """The lines of a request that its method's checks let in."""
    served, method = exchange.served, exchange.endpoint.method
    key = f" {_hidden(exchange.key.document['value'])}" if exchange.key is not None else ""
    stage = f"{served.api_id}/{served.name}"
    exchange.note(f"Verifying Usage Plan for request: {exchange.request_id}. API Key:{key or ' '} API Stage: {stage}")
    if not method["apiKeyRequired"]:
        what = f"{exchange.verb} {exchange.endpoint.path}"
        exchange.note(
            f"API Key  authorized because method '{what}' does not require API Key. Request will not contribute to throttle or quota limits"
        )
    exchange.note(f"Usage Plan check succeeded for API Key{key or ' '} and API Stage {stage}")
    started(exchange, exchange.verb, masked(exchange.lines()))


def started(exchange: Exchange, verb: str, headers: list[tuple[str, str]]) -> None:
    exchange.note(f"Starting execution for request: {exchange.request_id}")
    exchange.note(f"HTTP Method: {verb}, Resource Path: {exchange.path}")
    exchange.note(f"Method request path: {event.shown(list((exchange.labels or {}).items()))}")
    exchange.note(f"Method request query string: {event.shown(exchange.queries)}")
    exchange.note(f"Method request headers: {event.shown(headers)}")
    exchange.note(f"Method request body before transformations: {exchange.text()}")


def completed(exchange: Exchange, response: Response) -> None:
    exchange.note(f"Method response body after transformations: {text_of(response)}")
    exchange.note(f"Method response headers: {_headers_shown(response)}")
    exchange.note("Successfully completed execution")
    exchange.note(f"Method completed with status: {response.status}")


def refused(exchange: Exchange, error: Refused, response: Response) -> None:
    """The lines of a request that the gateway itself answered."""
    if error.kind == "UNAUTHORIZED":
        exchange.note(f"Unauthorized request: {exchange.request_id}")
    exchange.note(f"Gateway response type: {error.kind} with status code: {response.status}")
    exchange.note(f"Gateway response body: {text_of(response)}")
    exchange.note(f"Gateway response headers: {_headers_shown(response)}")
    exchange.note(f"Method completed with status: {response.status}")


def _headers_shown(response: Response) -> str:
    return event.shown([(name, value) for name, values in headers_of(response).items() for value in values])


def text_of(response: Response) -> str:
    return response.body.decode("utf-8", "replace") if isinstance(response.body, bytes) else ""


def headers_of(response: Response) -> dict[str, list[str]]:
    return {
        name: [str(one) for one in (value if isinstance(value, list) else [value])]
        for name, value in response.headers.items()
    }
