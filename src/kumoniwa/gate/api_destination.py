"""API destinations: endpoints outside that are called as a connection allows, and no oftener than their owner said.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import zlib
from typing import Any
from urllib.parse import quote

import orjson

from kumoniwa.gate import connection as connections
from kumoniwa.gate.ledger import chunks
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages import jsonpath
from kumoniwa.wire import outbound
from kumoniwa.wire.outbound import Answer, with_query

TIMEOUT_S = 5.0
RATE_DEFAULT = 300
HEADERS = {
    "User-Agent": "Amazon/EventBridge/ApiDestinations",
    "Content-Type": "application/json; charset=utf-8",
    "Range": "bytes=0-1048575",
    "Accept-Encoding": "gzip,deflate",
}
REMOVED = frozenset({
    "a-im", "accept-charset", "accept-datetime", "accept-encoding", "cache-control", "connection",
    "content-encoding", "content-length", "content-md5", "date", "expect", "forwarded", "from", "host",
    "http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "max-forwards", "origin", "pragma", "proxy-authorization", "range",
    "referer", "te", "trailer", "transfer-encoding", "user-agent", "upgrade", "via", "warning",
})  # fmt: skip
"""What neither a target nor a connection may say for itself."""
TRIED_AGAIN = frozenset({401, 407, 409, 429})
"""The refusals after which an event is tried again, as it is after all errors of the endpoint's own."""
_CODINGS = {"gzip": 31, "deflate": 15}
_UNPACKED_BYTES_MAX = 16 << 20
BILLED_BYTES = 64 << 10


class ApiDestination(Record):
    """Shelved by its name."""

    name: str
    id: str
    connection: str
    endpoint: str
    method: str
    created: float
    modified: float
    rate: int = RATE_DEFAULT
    description: str | None = None


class DestinationFailure(Exception):
    """The endpoint did not take it."""

    def __init__(self, code: str, text: str, *, is_passing: bool, status: int = 0, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.code, self.text, self.is_passing, self.status = code, text, is_passing, status
        self.after_s = after_s
        """How long the endpoint asked to wait; less than nothing if for ever."""


class Turns:
    """When each destination may be called next, and who was promised which moment."""

    def __init__(self) -> None:
        self.free_at: dict[str, float] = {}
        self.promised: dict[str, float] = {}


def arn_of(call: Call, destination: ApiDestination) -> str:
    return call.arn(f"api-destination/{destination.name}/{destination.id}", "events")


def find(call: Call, arn: str) -> ApiDestination | None:
    found = call.shelf(ApiDestination).get(arn.partition(":api-destination/")[2].partition("/")[0])
    return found if found is not None and arn_of(call, found) == arn else None


def wait_s(call: Call, destination: ApiDestination, ticket: str) -> float:
    """How long the bearer of a ticket has to wait until it may call the destination. Nobody else is promised the same moment."""
    turns, now = call.memory(Turns), call.now()
    at = turns.promised.get(ticket)
    if at is None:
        at = max(now, turns.free_at.get(destination.id, 0.0))
        turns.free_at[destination.id] = at + 1.0 / destination.rate
    if at <= now:
        turns.promised.pop(ticket, None)
        return 0.0
    turns.promised[ticket] = at
    return at - now


def _with_labels(endpoint: str, values: list[str]) -> str:
    """The endpoint with its wildcards replaced, one after the other."""
    for value in values:
        endpoint = endpoint.replace("*", quote(value, safe=""), 1)
    return endpoint


def filled(parameters: dict[str, Any] | None, event: Any) -> dict[str, Any]:
    """``HttpParameters`` with what their paths find in the event. Raises LookupError.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html#dynamic-path-parameters"""

    def value(said: str) -> str:
        if not said.startswith("$."):
            return said
        found = jsonpath.compiled(said).read(event)
        return found if isinstance(found, str) else orjson.dumps(found).decode()

    return {
        name: [value(each) for each in said] if isinstance(said, list) else {key: value(each) for key, each in said.items()}
        for name, said in (parameters or {}).items()
    }


def merged(body: bytes, more: dict[str, Any]) -> bytes:
    """A JSON object with what the connection adds to it; anything else as it is."""
    if not more:
        return body
    try:
        said = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps({**said, **more}) if isinstance(said, dict) else body


async def send(call: Call, destination: ApiDestination, body: bytes, parameters: dict[str, Any]) -> Answer:
    """Call the endpoint once, with the ``HttpParameters`` of a target. Raises DestinationFailure for anything but success."""
    connection = connections.find(call, destination.connection)
    if connection is None:
        raise DestinationFailure("NO_RESOURCE", f"The connection {destination.connection} does not exist.", is_passing=False)
    # https://aws.amazon.com/eventbridge/pricing/, where nothing is said of tries: each is one.
    call.bill("eventbridge:api_destination_invocations", destination.name, chunks(len(body), BILLED_BYTES))
    answer = await _sent(call, destination, connection, body, parameters)
    if answer.status in (401, 407) and connection.kind == connections.OAUTH:
        answer = await _sent(call, destination, connection, body, parameters, is_refused=True)
    if not 200 <= answer.status < 300:
        text = f"Unable to invoke ApiDestination endpoint: The request failed because the endpoint answered {answer.status}."
        is_passing = answer.status in TRIED_AGAIN or answer.status >= 500
        code = "THROTTLING" if answer.status == 429 else "ERROR_FROM_TARGET"
        raise DestinationFailure(code, text, is_passing=is_passing, status=answer.status, after_s=_retry_after(answer))
    return answer._replace(body=_unpacked(answer))


async def _sent(
    call: Call, destination: ApiDestination, connection: connections.Connection, body: bytes, parameters: dict[str, Any],
    *, is_refused: bool = False,
) -> Answer:  # fmt: skip
    try:
        allowed = await connections.authorization(call, connection, is_refused=is_refused)
    except connections.Unauthorized as refusal:
        raise DestinationFailure("NO_PERMISSIONS", str(refusal), is_passing=False) from None
    url = _with_labels(destination.endpoint, parameters.get("PathParameterValues") or [])
    url = with_query(url, {**(parameters.get("QueryStringParameters") or {}), **allowed.queries})
    headers = outbound.laid(HEADERS, _own(parameters.get("HeaderParameters") or {}), _own(allowed.headers))
    try:
        return await outbound.fetch(destination.method, url, headers, merged(body, allowed.body), TIMEOUT_S)
    except TimeoutError:
        raise DestinationFailure("TIMEOUT", "The endpoint did not answer within 5 seconds.", is_passing=True) from None
    except outbound.Unreachable as error:
        raise DestinationFailure("CONNECTION_FAILURE", str(error), is_passing=True) from None


def _own(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in REMOVED}


def _retry_after(answer: Answer) -> float:
    for name, value in answer.headers:
        if name.lower() == "retry-after":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 0.0


def _unpacked(answer: Answer) -> bytes:
    coding = next((value.strip().lower() for name, value in answer.headers if name.lower() == "content-encoding"), "")
    if coding not in _CODINGS:
        return answer.body
    try:
        return zlib.decompressobj(wbits=_CODINGS[coding]).decompress(answer.body, _UNPACKED_BYTES_MAX)
    except zlib.error:
        raise DestinationFailure("ERROR_FROM_TARGET", f"The endpoint's answer is not {coding}.", is_passing=False) from None
