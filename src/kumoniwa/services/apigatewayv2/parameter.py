"""What an integration's parameters change in a request before it is passed on, and in an answer before it is returned."""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.services.apigatewayv2.mapping import Change
from kumoniwa.wire.message import Response


class Sent(NamedTuple):
    """A request as the integration is to have it."""

    path: str | None
    """None as long as it is the caller's."""
    lines: list[tuple[str, str]]
    queries: list[tuple[str, str]]
    is_query_as_sent: bool


def _laid(pairs: list[tuple[str, str]], change: Change, value: str | None, *, is_header: bool) -> list[tuple[str, str]]:
    def is_meant(name: str) -> bool:
        return name.lower() == change.name.lower() if is_header else name == change.name

    if change.verb == "remove":
        return [pair for pair in pairs if not is_meant(pair[0])]
    if value is None:
        return pairs
    if change.verb == "overwrite":
        pairs = [pair for pair in pairs if not is_meant(pair[0])]
    return [*pairs, (change.name, value)]


def sent(visit: Any, changes: list[Change]) -> Sent:
    """The request with every change made; each value is read from the request as it came."""
    lines, queries, path = list(visit.lines()), list(visit.queries), None
    is_query_as_sent = True
    for change, value in [(change, change.value(visit)) for change in changes]:
        if change.at == "header":
            lines = _laid(lines, change, value, is_header=True)
        elif change.at == "querystring":
            queries, is_query_as_sent = _laid(queries, change, value, is_header=False), False
        elif value is not None:
            path = value if value.startswith("/") else f"/{value}"
    return Sent(path, lines, queries, is_query_as_sent)


class Answered:
    """An integration's answer, for the expressions of its parameters."""

    __slots__ = ("response",)

    def __init__(self, response: Response) -> None:
        self.response = response

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str | None:
        for known, value in self.response.headers.items():
            if known.lower() == name.lower():
                return ",".join(value) if isinstance(value, list) else value
        return None

    def text(self) -> str:
        body = self.response.body
        return body.decode("utf-8", "replace") if isinstance(body, bytes) else ""


def returned(visit: Any, response: Response, by_status: dict[str, list[Change]]) -> Response:
    """The answer with what the parameters of its status change."""
    visit.reply = Answered(response)
    changes = by_status.get(str(response.status))
    if not changes:
        return response
    lines = [(name, one) for name, value in response.headers.items() for one in (value if isinstance(value, list) else [value])]
    status = response.status
    for change, value in [(change, change.value(visit)) for change in changes]:
        if change.at == "header":
            lines = _laid(lines, change, value, is_header=True)
        elif value is not None and value.isdecimal() and 200 <= int(value) <= 599:
            status = int(value)
    headers: dict[str, Any] = {}
    for name, value in lines:
        before = headers.get(name)
        headers[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return Response(status, response.body, headers)
