"""Mapping expressions: how API Gateway carries single values between a caller and an integration.

An expression is a constant in quotes or the name of a place: ``method.request.header.X``, ``stageVariables.x``,
``context.identity.sourceIp``, ``integration.response.body.items[0]``. It is compiled once; at run time an ``Exchange``
is asked for what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import orjson

from kumoniwa.languages import backtracking, jsonpath
from kumoniwa.services.apigateway.patch import BadRequestException


class Exchange(Protocol):
    """What one request of an API's caller offers to mappings."""

    reply: Any

    def header(self, name: str) -> str | None: ...
    def headers(self, name: str) -> list[str]: ...
    def query(self, name: str) -> str | None: ...
    def values(self, name: str) -> list[str]: ...
    def label(self, name: str) -> str | None: ...
    def text(self) -> str: ...
    def context(self, path: str) -> Any: ...
    def variable(self, name: str) -> str | None: ...


Value = Callable[[Exchange], str | None]

_STATIC = re.compile(r"'(.*)'", re.DOTALL)
_NAME = r"[A-Za-z0-9._$-]+"
_PLACE = re.compile(
    rf"method\.request\.(?P<at>header|multivalueheader|querystring|multivaluequerystring|path)\.(?P<name>{_NAME})"
    rf"|stageVariables\.(?P<variable>{_NAME})|context\.(?P<context>{_NAME})"
    rf"|integration\.response\.(?P<answered_at>header|multivalueheader)\.(?P<answered>{_NAME})"
    r"|(?P<body>method\.request|integration\.response)\.body(?P<path>[.\[].+)?"
)


def refuse(expression: str) -> BadRequestException:
    return BadRequestException(
        f"Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {expression}]"
    )


def compiled(expression: str) -> Value:
    """What reads the expression's value. Raises BadRequestException."""
    static = _STATIC.fullmatch(expression)
    if static is not None:
        text = static[1]
        return lambda exchange: text
    found = _PLACE.fullmatch(expression)
    if found is None:
        raise refuse(expression)
    if name := found["variable"]:
        return lambda exchange: exchange.variable(name)
    if path := found["context"]:
        return lambda exchange: _spelled(exchange.context(path))
    if name := found["answered"]:
        every = found["answered_at"] == "multivalueheader"
        return lambda exchange: (
            exchange.reply.header(name, every=every) if exchange.reply is not None else None
        )
    if found["body"]:
        return _of_body(found["body"] == "method.request", found["path"], expression)
    return _of_request(found["at"], found["name"])


def _of_request(at: str, name: str) -> Value:
    if at == "header":
        return lambda exchange: exchange.header(name)
    if at == "querystring":
        return lambda exchange: exchange.query(name)
    if at == "multivalueheader":
        return lambda exchange: ",".join(exchange.headers(name)) or None
    if at == "multivaluequerystring":
        return lambda exchange: ",".join(exchange.values(name)) or None
    return lambda exchange: exchange.label(name)


def _of_body(is_request: bool, path: str | None, expression: str) -> Value:
    try:
        read = jsonpath.compiled(f"${path}").read if path else None
    except jsonpath.InvalidPath:
        raise refuse(expression)

    def value(exchange: Exchange) -> str | None:
        text = exchange.text() if is_request else exchange.reply.text() if exchange.reply is not None else ""
        if read is None:
            return text or None
        try:
            return _spelled(read(orjson.loads(text)))
        except (ValueError, LookupError, RecursionError, jsonpath.TooManyValues, backtracking.TooMuchWork):
            return None

    return value


def _spelled(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return None if value is None else str(value)


_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+(?:;.*)?")


def check_content_types(kinds: Iterable[str] | None) -> None:
    for content_type in kinds or ():
        if not _CONTENT_TYPE.fullmatch(content_type) and content_type != "$default":
            raise BadRequestException(
                f"Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]"
            )


_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def with_variables(text: str, variables: dict[str, str]) -> str:
    """``${stageVariables.name}`` in a URI or an ARN, filled in."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], ""), text) if "${" in text else text
