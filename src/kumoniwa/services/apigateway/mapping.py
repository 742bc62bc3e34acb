"""Mapping expressions and templates: how API Gateway carries values between a caller and an integration.

An expression is a constant in quotes or the name of a place: ``method.request.header.X``, ``stageVariables.x``,
``context.identity.sourceIp``. It is compiled once; at run time an ``Exchange`` is asked for what stands there.
Templates are taken literally: those that are programs in the Velocity language are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.apigateway.patch import BadRequestException


class Exchange(Protocol):
    """What one request of an API's caller offers to mappings."""

    def header(self, name: str) -> str | None: ...
    def query(self, name: str) -> str | None: ...
    def label(self, name: str) -> str | None: ...
    def context(self, path: str) -> Any: ...
    def variable(self, name: str) -> str | None: ...


Value = Callable[[Exchange], str | None]

_STATIC = re.compile(r"'(.*)'", re.DOTALL)
_NAME = r"[A-Za-z0-9._$-]+"
_PLACE = re.compile(
    rf"method\.request\.(?P<at>header|querystring|path)\.(?P<name>{_NAME})|stageVariables\.(?P<variable>{_NAME})"
    rf"|context\.(?P<context>{_NAME})|integration\.response\.header\.(?P<answered>{_NAME})"
)
_UNSUPPORTED = re.compile(
    rf"method\.request\.(?:body(?:[.\[].*)?|multivalueheader\.{_NAME}|multivaluequerystring\.{_NAME})"
    rf"|integration\.response\.(?:body(?:[.\[].*)?|multivalueheader\.{_NAME})"
)


def refuse(expression: str) -> BadRequestException:
    return BadRequestException(
        f"Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {expression}]"
    )


def compiled(expression: str) -> Value:
    """What reads the expression's value. Raises BadRequestException, and NotImplementedHere for parts of bodies."""
    static = _STATIC.fullmatch(expression)
    if static is not None:
        text = static[1]
        return lambda exchange: text
    found = _PLACE.fullmatch(expression)
    if found is None:
        if _UNSUPPORTED.fullmatch(expression):
            raise NotImplementedHere(f"the mapping expression {expression}")
        raise refuse(expression)
    if name := found["variable"]:
        return lambda exchange: exchange.variable(name)
    if path := found["context"]:
        return lambda exchange: _spelled(exchange.context(path))
    if found["answered"]:
        return lambda exchange: None  # A mock answers with no headers of its own.
    name = found["name"]
    if found["at"] == "header":
        return lambda exchange: exchange.header(name)
    if found["at"] == "querystring":
        return lambda exchange: exchange.query(name)
    return lambda exchange: exchange.label(name)


def _spelled(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


_PROGRAM = re.compile(
    r"\$!?\{?[A-Za-z_]|#\{?(?:set|if|elseif|else|end|foreach|define|macro|parse|include|stop|break|evaluate)\b|##|#\*|#\[\[|#@"
)


def check_literal(template: str | None) -> None:
    """Refuse a template that is a program."""
    if template and _PROGRAM.search(template):
        raise NotImplementedHere(
            "mapping templates in the Velocity language ($ or # in a template of a MOCK integration)"
        )


_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+(?:;.*)?")


def check_content_types(templates: dict[str, str] | None) -> None:
    for content_type in templates or ():
        if not _CONTENT_TYPE.fullmatch(content_type) and content_type != "$default":
            raise BadRequestException(
                f"Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]"
            )


_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def with_variables(text: str, variables: dict[str, str]) -> str:
    """``${stageVariables.name}`` in a URI or an ARN, filled in."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], ""), text) if "${" in text else text
