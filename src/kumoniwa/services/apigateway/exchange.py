"""One request of an API's caller on its way through: what mappings, authorizers and integrations may ask about it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from kumoniwa.gate.organization import organization_id
from kumoniwa.gate.tracing import Part
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.principal import Principal
from kumoniwa.wire.message import Request, Response

BODY_BYTES_MAX = 10 << 20
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""

HOP_BY_HOP = frozenset(
    [
        "connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]
)  # fmt: skip
"""Headers that belong to the connection and are not passed on."""

UNSEEN = HOP_BY_HOP | {"content-md5", "max-forwards", "server", "www-authenticate"}
"""Headers of a caller that no template, mapping, function or endpoint sees (recorded: test_apigateway_header_remapping_aws)."""

NOBODY: dict[str, str | None] = {
    "cognitoIdentityPoolId": None, "accountId": None, "cognitoIdentityId": None, "caller": None, "sourceIp": "127.0.0.1",
    "principalOrgId": None, "accessKey": None, "cognitoAuthenticationType": None, "cognitoAuthenticationProvider": None,
    "userArn": None, "userAgent": None, "user": None,
}  # fmt: skip


class Refused(Exception):
    """The gateway itself answers: a gateway response by its type, with the words of this case."""

    def __init__(
        self, kind: str, text: str | None, *, status: int = 0, error_type: str = "", detail: str = ""
    ) -> None:
        self.kind, self.text, self.status, self.error_type, self.detail = (
            kind,
            text,
            status,
            error_type,
            detail,
        )


@lru_cache(maxsize=8)
def _request_time(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


@lru_cache(maxsize=1024)
def _spelling(name: bytes) -> str:
    return name.decode("latin-1")


def conditions(home: Any, request: Request) -> dict[str, Any]:
    """The condition keys of a caller's request; names are in lower case."""
    headers, clock = request.headers, home.clock.now
    return {
        "aws:sourceip": "127.0.0.1", "aws:useragent": headers.get("user-agent"), "aws:referer": headers.get("referer"),
        "aws:securetransport": request.is_tls, "aws:currenttime": clock, "aws:epochtime": clock,
        "aws:requestedregion": home.name,
    }  # fmt: skip


class Place(NamedTuple):
    """Where a customer's own domain name brought a request in."""

    host: str
    base_path: str
    client: dict[str, Any] = {}
    """``{"clientCert": …}`` where the name asks callers for one."""
    refusal: str | None = None
    """Why the caller's certificate does not let him in."""


class Exchange:
    __slots__ = (
        "home", "request", "request_id", "served", "place", "endpoint", "verb", "path", "labels", "now", "extended_id", "trace",
        "part", "principal", "authorizer", "usage_key", "key", "error", "reply", "guarded", "template_context", "log", "flow", "_queries", "_context",
    )  # fmt: skip

    def __init__(
        self, home: Any, request: Request, request_id: str, served: Any, path: str, place: Place | None = None
    ) -> None:
        self.home, self.request, self.request_id, self.served = home, request, request_id, served
        self.path, self.place = path, place
        self.verb = request.method
        self.endpoint: Any = None
        self.labels: dict[str, str] | None = None
        self.now = home.clock.now()
        number = home.ids.random.getrandbits(88 + 96)
        self.extended_id = base64.b64encode((number & ((1 << 88) - 1)).to_bytes(11, "big")).decode()
        self.trace = (
            request.headers.get("x-amzn-trace-id") or f"Root=1-{int(self.now):08x}-{number >> 88:024x}"
        )
        if "Parent=" not in self.trace:
            self.trace += f";Parent={home.ids.hex(16)}"
            if "Sampled=" not in self.trace:
                self.trace += ";Sampled=0"
        self.part: Part | None = None
        """The stage's part of a trace, if the request is sampled."""
        self.principal: Principal | None = None
        """Who signed the request, where the method asks for a signature."""
        self.authorizer: dict[str, Any] | None = None
        """What a Lambda authorizer said of the caller."""
        self.usage_key: str | None = None
        """The API key that a Lambda authorizer named for the caller."""
        self.key: Any = None
        """The API key the caller was admitted with."""
        self.error: Refused | None = None
        self.reply: Any = None
        """What the integration answered, for the mappings of its responses."""
        self.guarded: dict[str, str] = {}
        """What is told of the web ACL that let the request pass, or did not."""
        self.template_context: dict[str, Any] | None = None
        """``$context`` as templates have seen and changed it."""
        self.log: list[tuple[float, str]] | None = None
        """The lines of the execution log and when they were noted, where somebody reads it."""
        self.flow: Any = None
        """The response on its way, where it is streamed."""
        self._queries: list[tuple[str, str]] | None = None
        self._context: dict[str, Any] | None = None

    @property
    def passed_trace(self) -> str:
        """The header for what is behind the stage: of a stage that does not trace what its caller said, or a new trace of which
        nobody has decided yet whether it is sampled."""
        if self.part is not None:
            return self.trace
        return self.request.headers.get("x-amzn-trace-id") or self.trace.partition(";")[0]

    # What callers sent --------------------------------------------------------------------------

    def lines(self) -> Iterable[tuple[str, str]]:
        """Header lines as the caller spelled them."""
        lines = self.request.lines
        if lines is None:
            return [(name, value) for name, value in self.request.headers.items() if name not in UNSEEN]
        return [(spelled, value.decode("latin-1")) for name, value in lines if (spelled := _spelling(name)).lower() not in UNSEEN]

    @property
    def queries(self) -> list[tuple[str, str]]:
        """Query parameters in their order, decoded."""
        if self._queries is None:
            query = self.request.query
            self._queries = (
                parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="replace") if query else []
            )
        return self._queries

    @property
    def public_path(self) -> str:
        """The path as functions are told it: at a customer's own name with its base path, at ours without the stage."""
        if self.place is not None:
            return self.request.path
        return self.path if self.path[:2] != "//" else "/" + self.path.lstrip("/")

    @property
    def is_canary_request(self) -> str | None:
        """``true`` or ``false`` where the stage has a canary, as ``$context.isCanaryRequest`` spells it."""
        if self.served.canary_settings is None:
            return None
        return "true" if self.served.is_canary else "false"

    def header(self, name: str) -> str | None:
        lower = name.lower()
        return None if lower in UNSEEN else self.request.headers.get(lower)

    def query(self, name: str) -> str | None:
        return next((value for key, value in reversed(self.queries) if key == name), None)

    def label(self, name: str) -> str | None:
        return self.labels.get(name) if self.labels else None

    def headers(self, name: str) -> list[str]:
        return [value for given, value in self.lines() if given.lower() == name.lower()]

    def values(self, name: str) -> list[str]:
        """Every value of a query parameter."""
        return [value for key, value in self.queries if key == name]

    def text(self) -> str:
        """The body as text."""
        return self.request.body.decode("utf-8", "replace")

    def note(self, line: str) -> None:
        """A line for the execution log."""
        if self.log is not None:
            self.log.append((self.home.clock.now(), line))

    def variable(self, name: str) -> str | None:
        return self.served.variables.get(name)

    # What the gateway knows ----------------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        who = {**NOBODY, "userAgent": self.request.headers.get("user-agent")}
        if self.principal is not None and self.principal.kind != "anonymous":
            caller = self.principal
            who |= {"accountId": caller.account, "caller": caller.user_id, "user": caller.user_id}
            who |= {"accessKey": caller.key_id, "userArn": caller.arn, "principalOrgId": organization_id(self.home, caller.account)}
        if self.key is not None:
            who |= {"apiKey": self.key.document["value"], "apiKeyId": self.key.document["id"]}
        return who | (self.place.client if self.place is not None else {})

    def request_context(self) -> dict[str, Any]:
        """The ``requestContext`` of events."""
        if self._context is None:
            served, request = self.served, self.request
            context = {
                **(self.endpoint.context if self.endpoint is not None else served.context),
                "httpMethod": self.verb,
                "extendedRequestId": self.extended_id,
                "requestTime": _request_time(int(self.now)),
                "path": f"/{served.name}{self.path}" if self.place is None else self.public_path,
                "protocol": "HTTP/1.1",
                "requestTimeEpoch": milliseconds(self.now),
                "requestId": self.request_id,
                "identity": self.identity(),
            }
            host = request.headers.get("host", "").partition(":")[0]
            if self.place is not None:
                context |= {"domainName": self.place.host, "domainPrefix": self.place.host.partition(".")[0]}
            elif host.startswith(served.api_id):
                context["domainName"] = host
            if self.authorizer is not None:
                context["authorizer"] = self.authorizer
            self._context = context
        return self._context

    def forget_context(self) -> None:
        """Something is known now that belongs into the context."""
        self._context = None

    def conditions(self) -> dict[str, Any]:
        return conditions(self.home, self.request)

    def context(self, path: str) -> Any:
        """``$context.…`` of mappings and gateway responses."""
        head, _, rest = path.partition(".")
        if head == "error":
            return self._error(rest)
        if path == "customDomain.basePathMatched":
            return self.place.base_path if self.place is not None else None
        if path == "isCanaryRequest":
            return self.is_canary_request
        if path in self.guarded:
            return self.guarded[path]
        found: Any = self.request_context()
        for part in path.split("."):
            if not isinstance(found, dict):
                return None
            found = found.get(part)
        return None if isinstance(found, dict) else found

    def _error(self, name: str) -> str | None:
        error = self.error
        if error is None:
            return None
        if name == "message":
            return error.text
        if name == "messageString":
            return "null" if error.text is None else f'"{_escaped(error.text)}"'
        if name == "responseType":
            return error.kind
        return error.detail if name == "validationErrorString" else None

    def media_type(self, header: str) -> str:
        """The first media type of a header, in lower case and without parameters."""
        return re.split("[,;]", self.request.headers.get(header, ""), maxsplit=1)[0].strip().lower()


def length_of(exchange: Any, response: Response) -> int | None:
    """How many bytes of a response have left."""
    if exchange.flow is not None:
        return exchange.flow.passed_bytes
    return len(response.body) if isinstance(response.body, bytes) else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
