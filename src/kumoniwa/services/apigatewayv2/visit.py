"""One request of an API's caller, or one message of a connected client: what expressions, authorizers and integrations may
ask about it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from kumoniwa.gate.organization import organization_id
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway.exchange import Place, conditions
from kumoniwa.wire.message import Request

BODY_BYTES_MAX = 10 << 20
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""


class Refused(Exception):
    """The gateway itself answers."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None, *, why: str = "") -> None:
        self.status, self.text, self.headers, self.why = status, text, headers or {}, why


def failed(why: str = "") -> Refused:
    return Refused(500, "Internal Server Error", why=why)


def forbidden(why: str = "") -> Refused:
    return Refused(403, "Forbidden", why=why)


@lru_cache(maxsize=8)
def request_time(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


@lru_cache(maxsize=1024)
def _spelling(name: bytes) -> str:
    return name.decode("latin-1")


class Visit:
    __slots__ = (
        "home", "request", "served", "place", "path", "verb", "route", "labels", "now", "id", "trace", "principal", "authorizer", "reply",
        "error", "template_context", "integration_error", "connection", "message", "message_id", "event_type", "extended_id",
        "is_canary_request", "goodbye", "_queries",
    )  # fmt: skip
    part = None
    """Of stages only those of REST APIs take part in traces."""
    log = None
    """And only they keep a log of their executions."""
    flow = endpoint = None
    """Nor is anything streamed by others."""

    def __init__(self, home: Any, request: Request, served: Any, path: str, place: Place | None = None) -> None:
        self.home, self.request, self.served, self.path, self.place = home, request, served, path, place
        self.verb = request.method
        self.route: Any = None
        """The compiled route it found."""
        self.labels: dict[str, str] | None = None
        self.now = home.clock.now()
        number = home.ids.random.getrandbits(88 + 96)
        self.id = self.extended_id = base64.b64encode((number & ((1 << 88) - 1)).to_bytes(11, "big")).decode()
        self.trace = request.headers.get("x-amzn-trace-id") or f"Root=1-{int(self.now):08x}-{number >> 88:024x}"
        self.principal: Principal | None = None
        """Who signed the request, where the route asks for a signature."""
        self.authorizer: dict[str, Any] | None = None
        """What an authorizer said of the caller: ``jwt``, ``lambda`` or ``iam``."""
        self.reply: Any = None
        """What the integration answered."""
        self.error: Refused | None = None
        self.integration_error: str | None = None
        self.template_context: dict[str, Any] | None = None
        self.connection: Any = None
        """The connection of a WebSocket API's client."""
        self.message: str | None = None
        """What the client sent; None for its coming and going."""
        self.message_id: str | None = None
        self.event_type = ""
        self.goodbye: dict[str, Any] | None = None
        """With which code and reason a connection ended."""
        self.is_canary_request = None
        self._queries: list[tuple[str, str]] | None = None

    # What callers sent --------------------------------------------------------------------------

    def lines(self) -> Iterable[tuple[str, str]]:
        """Header lines as the caller spelled them."""
        lines = self.request.lines
        if lines is None:
            return list(self.request.headers.items())
        return [(_spelling(name), value.decode("latin-1")) for name, value in lines]

    @property
    def queries(self) -> list[tuple[str, str]]:
        """Query parameters in their order, decoded."""
        if self._queries is None:
            query = self.request.query
            self._queries = parse_qsl(query, keep_blank_values=True, errors="replace") if query else []
        return self._queries

    @property
    def public_path(self) -> str:
        """The path as functions are told it, decoded: with the stage, also at a customer's own name, and without its key.

        https://github.com/CodeGenieApp/serverless-express/issues/465
        """
        return f"{self.served.path_prefix}{unquote(self.path)}"

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name.lower())

    def query(self, name: str) -> str | None:
        found = [value for key, value in self.queries if key == name]
        return ",".join(found) if found else None

    def label(self, name: str) -> str | None:
        return self.labels.get(name) if self.labels else None

    def text(self) -> str:
        """The message, or the body as text."""
        return self.message if self.message is not None else self.request.body.decode("utf-8", "replace")

    def variable(self, name: str) -> str | None:
        return self.served.variables.get(name)

    def note(self, line: str) -> None:
        """There are no execution logs; what templates and senders would write into them is said to nobody."""

    # What the gateway knows ---------------------------------------------------------------------

    @property
    def host(self) -> str:
        if self.place is not None:
            return self.place.host
        host = self.request.host.partition(":")[0]
        if host.startswith(self.served.api_id):
            return host
        return f"{self.served.api_id}.execute-api.{self.home.name}.amazonaws.com"

    @property
    def request_id(self) -> str:
        return self.id

    def identity(self) -> dict[str, Any]:
        caller = self.principal
        known = {} if caller is None else {
            "accessKey": caller.key_id, "accountId": caller.account, "caller": caller.user_id, "user": caller.user_id,
            "userArn": caller.arn, "principalOrgId": organization_id(self.home, caller.account),
        }  # fmt: skip
        client = self.place.client if self.place is not None else {}
        return {"sourceIp": "127.0.0.1", "userAgent": self.request.headers.get("user-agent"), **known, **client}

    def request_context(self) -> dict[str, Any]:
        """``$context`` of templates."""
        return self.served.events.context(self)

    def conditions(self) -> dict[str, Any]:
        return conditions(self.home, self.request)

    def context(self, path: str) -> Any:
        """``$context.…`` of expressions and access logs; None for what there is not."""
        head, _, rest = path.partition(".")
        if head == "identity":
            found: Any = self.identity()
            for part in rest.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            return None if isinstance(found, dict) else found
        if head == "authorizer":
            return self._of_authorizer(rest)
        if head == "error":
            return self._of_error(rest)
        known = _CONTEXT.get(path)
        return known(self) if known is not None else None

    def _of_authorizer(self, rest: str) -> Any:
        said = self.authorizer or {}
        head, _, name = rest.partition(".")
        if "jwt" in said:
            return said["jwt"]["claims"].get(name) if head == "claims" else None
        found: Any = said.get("lambda", said)
        for part in rest.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def _of_error(self, rest: str) -> Any:
        if self.error is None:
            return None
        return {"message": self.error.text, "messageString": f'"{self.error.text}"', "responseType": _RESPONSE_TYPES.get(self.error.status)}.get(rest)


_RESPONSE_TYPES = {
    401: "UNAUTHORIZED", 403: "ACCESS_DENIED", 404: "NOT_FOUND", 413: "REQUEST_TOO_LARGE", 429: "THROTTLED",
    500: "INTEGRATION_FAILURE", 503: "INTEGRATION_TIMEOUT",
}  # fmt: skip

_CONTEXT = {
    "accountId": lambda visit: visit.served.account,
    "apiId": lambda visit: visit.served.api_id,
    "stage": lambda visit: visit.served.name,
    "routeKey": lambda visit: visit.route.key if visit.route is not None else None,
    "requestId": lambda visit: visit.id,
    "extendedRequestId": lambda visit: visit.extended_id,
    "httpMethod": lambda visit: visit.verb,
    "path": lambda visit: visit.public_path,
    "protocol": lambda visit: "HTTP/1.1",
    "domainName": lambda visit: visit.host,
    "domainPrefix": lambda visit: visit.host.partition(".")[0],
    "requestTime": lambda visit: request_time(int(visit.now)),
    "requestTimeEpoch": lambda visit: milliseconds(visit.now),
    "customDomain.basePathMatched": lambda visit: visit.place.base_path if visit.place is not None else None,
    "integration.status": lambda visit: visit.reply.status if visit.reply is not None else None,
    "integrationErrorMessage": lambda visit: visit.integration_error,
    "integration.error": lambda visit: visit.integration_error,
    "connectionId": lambda visit: visit.connection.id if visit.connection is not None else None,
    "connectedAt": lambda visit: milliseconds(visit.connection.connected_at) if visit.connection is not None else None,
    "eventType": lambda visit: visit.event_type or None,
    "messageId": lambda visit: visit.message_id,
}
