"""Mapping expressions: single values of a request, an answer or a message, carried to where an owner wants them.

``$request.header.name`` stands alone or, as ``${request.header.name}``, within a text. Where nothing stands there is
nothing to carry: the mapping is left out. Expressions are compiled once.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-data-mapping.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import orjson

from kumoniwa.languages import backtracking, jsonpath
from kumoniwa.services.apigatewayv2.definition import BadRequestException


class Subject(Protocol):
    """What a request or a message offers to expressions."""

    reply: Any

    def header(self, name: str) -> str | None: ...
    def query(self, name: str) -> str | None: ...
    def label(self, name: str) -> str | None: ...
    def text(self) -> str: ...
    def context(self, path: str) -> Any: ...
    def variable(self, name: str) -> str | None: ...


Value = Callable[[Any], str | None]

_NAME = r"[A-Za-z0-9._$!#%&'*+^`|~-]+"
_PLACE = re.compile(
    rf"(?:route\.)?request\.(?P<at>header|querystring|path|multivalueheader|multivaluequerystring)(?:\.(?P<name>{_NAME}))?"
    r"|(?:route\.)?request\.body(?P<body>[.\[].+)?|(?P<method>request\.method)"
    rf"|(?P<answered>(?:integration\.)?response)\.(?:header\.(?P<header>{_NAME})|(?P<status>statuscode)|body(?P<answer>[.\[].+)?)"
    rf"|context\.(?P<context>{_NAME})|stageVariables\.(?P<variable>{_NAME})",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\\\$|\$\{([^{}]+)\}|\$((?:route|request|response|integration|context|stageVariables)\.[^\s{}$,;]+)")


def refused(expression: str) -> BadRequestException:
    return BadRequestException(f"Invalid mapping expression specified: {expression}")


def _at(document: str, path: str | None) -> str | None:
    """What stands at a path of a JSON text, as text; all of it without a path."""
    if path is None:
        return document or None
    try:
        return spelled(jsonpath.compiled(f"${path}").read(orjson.loads(document)))
    except (ValueError, LookupError, RecursionError, jsonpath.TooManyValues, backtracking.TooMuchWork):
        return None


def spelled(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def place(expression: str) -> Value:
    """What reads one place, which is spelled without its ``$``. Raises BadRequestException."""
    found = _PLACE.fullmatch(expression)
    if found is None:
        raise refused(expression)
    if name := found["context"]:
        return lambda subject: spelled(subject.context(name))
    if name := found["variable"]:
        return lambda subject: subject.variable(name)
    if found["method"]:
        return lambda subject: subject.verb
    if found["answered"]:
        return _of_answer(found["header"], found["status"], found["answer"])
    at, name = (found["at"] or "").lower().removeprefix("multivalue"), found["name"]
    if at and not name and at != "path":
        raise refused(expression)
    if at == "header":
        return lambda subject: subject.header(name)
    if at == "querystring":
        return lambda subject: subject.query(name)
    if at == "path":
        return (lambda subject: subject.label(name)) if name else (lambda subject: subject.path)
    path = found["body"]
    _check_path(path, expression)
    return lambda subject: _at(subject.text(), path)


def _check_path(path: str | None, expression: str) -> None:
    try:
        if path:
            jsonpath.compiled(f"${path}")
    except jsonpath.InvalidPath:
        raise refused(expression)


def _of_answer(header: str | None, status: str | None, path: str | None) -> Value:
    if header:
        return lambda subject: subject.reply.header(header) if subject.reply is not None else None
    if status:
        return lambda subject: str(subject.reply.status) if subject.reply is not None else None
    return lambda subject: _at(subject.reply.text(), path) if subject.reply is not None else None


def compiled(expression: str) -> Value:
    """What reads an expression's value. Raises BadRequestException."""
    alone = _REFERENCE.fullmatch(expression)
    if alone is not None and alone[0] != "\\$":
        return place(alone[1] or alone[2])
    parts: list[str | Value] = []
    end = 0
    for found in _REFERENCE.finditer(expression):
        parts.append(expression[end : found.start()])
        parts.append("$" if found[0] == "\\$" else place(found[1] or found[2]))
        end = found.end()
    parts.append(expression[end:])
    if all(isinstance(part, str) for part in parts):
        text = "".join(parts)
        return lambda subject: text
    return lambda subject: "".join([part if isinstance(part, str) else part(subject) or "" for part in parts])


selection = compiled
"""An expression that chooses: a route, a template, a response."""


# What an HTTP API changes ------------------------------------------------------------------------------

RESTRICTED = frozenset(
    [
        "authorization", "connection", "content-encoding", "content-length", "content-location", "forwarded", "keep-alive", "origin",
        "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-proto", "via",
    ]
)  # fmt: skip
RESTRICTED_PREFIXES = ("access-control-", "apigw-", "x-amz-", "x-amzn-")
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html#http-api-mapping-reserved-headers"""

_KEY = re.compile(rf"(?P<verb>append|overwrite|remove):(?:(?P<at>header|querystring)\.(?P<name>{_NAME})|(?P<whole>path|statuscode))")


class Change(NamedTuple):
    verb: str
    at: str
    """``header``, ``querystring``, ``path`` or ``statuscode``."""
    name: str
    value: Value


def changes(parameters: dict[str, str], places: tuple[str, ...]) -> list[Change]:
    """The changes that a map of parameters asks for. Raises BadRequestException."""
    made = []
    for key, expression in parameters.items():
        found = _KEY.fullmatch(key)
        at = (found["at"] or found["whole"]) if found is not None else ""
        if at not in places or (found["whole"] and found["verb"] != "overwrite"):
            kind = "Request" if places == OF_REQUESTS else "Response"
            raise refused(f"Validation Result: warnings : [], errors : [Invalid {kind} Actioned Parameter destination specified: {key}]")
        name = found["name"] or ""
        if at == "header" and (name.lower() in RESTRICTED or name.lower().startswith(RESTRICTED_PREFIXES)):
            raise BadRequestException(f"Operations on header {name.lower()} are restricted")
        made.append(Change(found["verb"], at, name, compiled(expression)))
    return made


OF_REQUESTS, OF_ANSWERS = ("header", "querystring", "path"), ("header", "statuscode")


def check_request(parameters: dict[str, str]) -> None:
    changes(parameters, OF_REQUESTS)


def check_response(parameters: dict[str, dict[str, str]]) -> None:
    """By the status of the integration's answer: what is changed in it."""
    for status, of_status in parameters.items():
        if not re.fullmatch(r"[2-5]\d\d", status):
            raise refused(f"Validation Result: warnings : [], errors : [Status Code {status} is not valid.]")
        changes(of_status, OF_ANSWERS)


# What a WebSocket API carries --------------------------------------------------------------------------

_CARRIED = re.compile(rf"integration\.request\.(header|querystring|path)\.({_NAME})")


def carried(parameters: dict[str, str]) -> list[tuple[str, str, Value]]:
    """Where in an integration's request which value goes. Raises BadRequestException."""
    made = []
    for key, expression in parameters.items():
        found = _CARRIED.fullmatch(key)
        if found is None:
            raise BadRequestException(f"Invalid mapping expression specified: {key}")
        text = re.fullmatch(r"'(.*)'", expression, re.DOTALL)
        made.append((found[1], found[2], (lambda subject, said=text[1]: said) if text else place(expression)))
    return made


def check_websocket(parameters: dict[str, str]) -> None:
    carried(parameters)
