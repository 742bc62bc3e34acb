"""Mapping templates: what API Gateway lends to Velocity, ``$input``, ``$context``, ``$stageVariables`` and ``$util``.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import orjson

from kumoniwa.languages import backtracking, jsonpath, vtl
from kumoniwa.languages.vtl_value import Silent, TemplateError, Thing, json, of_json, text
from kumoniwa.services.apigateway.exchange import Exchange, Refused

_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "'": "\\'",
    "/": "\\/",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_TO_ESCAPE = re.compile(r"[\\\"'/\x00-\x1f]|[^\x00-\x7e]")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04X}" for at in range(0, len(units), 2))


def _parsed(document: str) -> Any:
    try:
        return of_json(orjson.loads(document.encode("utf-8", "surrogatepass")))
    except (orjson.JSONDecodeError, RecursionError):
        raise TemplateError("The text is not JSON.")


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.encode("ascii", "strict") + b"==").decode("utf-8", "replace")
    except (binascii.Error, UnicodeEncodeError):
        raise TemplateError("The text is not base64.")


class Util(Thing):
    METHODS = {
        "escapeJavaScript": lambda value: _TO_ESCAPE.sub(_escaped, text(value)),
        "parseJson": lambda value: _parsed(text(value)),
        "urlEncode": lambda value: quote_plus(text(value), safe="*-._").replace("~", "%7E"),
        "urlDecode": lambda value: unquote_plus(text(value)),
        "base64Encode": lambda value: base64.b64encode(text(value).encode("utf-8", "replace")).decode(),
        "base64Decode": lambda value: _decoded(text(value)),
    }

    def call(self, name: str, arguments: list[Any]) -> Any:
        method = self.METHODS.get(name)
        if method is None:
            return None
        if len(arguments) != 1:
            raise TemplateError(f"$util.{name} takes one argument.")
        return method(arguments[0])


UTIL = Util()


class Input(Thing):
    """``$input``: a body, and what the caller sent beside it."""

    def __init__(self, exchange: Exchange, body: str) -> None:
        self.exchange, self.body = exchange, body
        self._document: Any = None
        self._is_read = False

    def member(self, name: str) -> Any:
        return (self.body or "{}") if name == "body" else None

    def call(self, name: str, arguments: list[Any]) -> Any:
        argument = text(arguments[0]) if arguments else "$"
        if name == "params":
            return self._parameter(argument) if arguments else self._parameters()
        if name == "path":
            return of_json(self.at(argument))
        if name == "json":
            found = self.at(argument)
            return json("" if found is None else found)
        return None

    def at(self, path: str) -> Any:
        """What stands at a path of the body; None for nothing."""
        try:
            return jsonpath.compiled(path).read(self._parsed())
        except jsonpath.PathNotFound:
            return None
        except (jsonpath.InvalidPath, jsonpath.TooManyValues, backtracking.TooMuchWork) as error:
            raise TemplateError(str(error))

    def _parsed(self) -> Any:
        """The body as JSON; text that is none is a string, as AWS's lenient parser reads it."""
        if not self._is_read:
            self._is_read = True
            try:
                self._document = orjson.loads((self.body or "{}").encode("utf-8", "surrogatepass"))
            except (orjson.JSONDecodeError, RecursionError):
                self._document = self.body
        return self._document

    def _parameters(self) -> dict[str, dict[str, str]]:
        exchange = self.exchange
        return {
            "path": dict(exchange.labels or {}),
            "querystring": dict(exchange.queries),
            "header": dict(exchange.lines()),
        }

    def _parameter(self, name: str) -> str | None:
        exchange = self.exchange
        for found in (exchange.label(name), exchange.query(name), exchange.header(name)):
            if found is not None:
                return found
        return None


def _context(exchange: Exchange) -> Silent:
    """``$context``. What a template sets in it, its response's template sees."""
    if exchange.template_context is None:
        context = Silent(exchange.request_context())
        for name in ("identity", "authorizer"):
            if isinstance(context.get(name), dict):
                context[name] = Silent(context[name])
        if exchange.is_canary_request is not None:
            context["isCanaryRequest"] = exchange.is_canary_request
        if exchange.place is not None:
            context["customDomain"] = Silent({"basePathMatched": exchange.place.base_path})
        context["requestOverride"] = Silent({part: Silent() for part in ("path", "header", "querystring")})
        context["responseOverride"] = Silent({"header": Silent()})
        exchange.template_context = context
    return exchange.template_context


def overrides(exchange: Exchange, name: str) -> dict[str, Any]:
    """What templates have put into ``$context.requestOverride`` or ``$context.responseOverride``."""
    found = exchange.template_context and exchange.template_context.get(name)
    return found if isinstance(found, dict) else {}


def rendered(source: str, exchange: Exchange, body: str, what: str) -> str:
    """The template's text. Raises Refused as AWS does when a template fails; ``what`` is told to the log."""
    try:
        return vtl.compiled(source).render(
            input=Input(exchange, body),
            context=_context(exchange),
            stageVariables=Silent(exchange.served.variables),
            util=UTIL,
        )
    except TemplateError as error:
        exchange.note(f"Execution failed due to configuration error: Unable to transform {what}: {error}")
        raise Refused("API_CONFIGURATION_ERROR", "Internal server error")
