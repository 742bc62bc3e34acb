"""``$util`` of mapping templates: what AppSync lends to Velocity.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-util-reference.html
"""

from __future__ import annotations

import base64
import binascii
import math
import random
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import orjson

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.vtl_value import TemplateError, Thing, is_number, json, text
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync import moment, source_relational
from kumoniwa.services.appsync.code import pattern_found
from kumoniwa.services.appsync.failure import Failure, Unauthorized


class Turn:
    """One evaluation: its time and its chance, and what it says besides its answer."""

    def __init__(self, home: Any, auth_type: str) -> None:
        self.now, self.random, self.auth_type = home.clock.now(), random.Random(home.ids.uuid()), auth_type
        self.errors: list[dict[str, Any]] = []
        self.extensions: list[list[Any]] = []
        self.headers: dict[str, str] = {}
        self.logs: list[str] = []

    def hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"


class Toolbox(Thing):
    """A thing whose methods are the functions of a table."""

    def __init__(self, name: str, methods: dict[str, Callable[..., Any]], **members: Any) -> None:
        self.name, self.methods, self.members = name, methods, members

    def member(self, name: str) -> Any:
        return self.members.get(name)

    def call(self, name: str, arguments: list[Any]) -> Any:
        method = self.methods.get(name)
        if method is None:
            raise TemplateError(f"{self.name} has no method {name}")
        try:
            return method(*arguments)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise TemplateError(f"{self.name}.{name}: {error}") from None


# Texts and values ------------------------------------------------------------------------------------

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


def _escaped(value: Any) -> str:
    def one(found: re.Match[str]) -> str:
        if found[0] in _ESCAPES:
            return _ESCAPES[found[0]]
        units = found[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at] << 8 | units[at + 1]:04X}" for at in range(0, len(units), 2))

    return re.sub(r"[\\\"'/\x00-\x1f]|[^\x00-\x7e]", one, text(value))


def _parsed(value: Any) -> Any:
    try:
        return orjson.loads(text(value).encode("utf-8", "surrogatepass"))
    except orjson.JSONDecodeError as error:
        raise TemplateError(f"The text is not JSON: {error}") from None


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(text(value), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        raise TemplateError("The text is not base64.") from None


def _kind(value: Any) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    kinds = ((str, "String"), (int, "Number"), (float, "Number"), (dict, "Map"), (list, "List"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "Object")


# DynamoDB --------------------------------------------------------------------------------------------


def typed(value: Any) -> dict[str, Any]:
    """A plain value in DynamoDB's typed form."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if is_number(value):
        return {"N": str(int(value) if isinstance(value, float) and value.is_integer() else value)}
    if isinstance(value, list):
        return {"L": [typed(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {text(key): typed(each) for key, each in value.items()}}
    return {"S": text(value)}


def _map_values(values: Any) -> dict[str, Any]:
    return {text(key): typed(value) for key, value in (values or {}).items()}


def _s3_object(key: Any, bucket: Any, region: Any, version: Any = None) -> dict[str, Any]:
    held = {"key": key, "bucket": bucket, "region": region} | (
        {"version": version} if version is not None else {}
    )
    return {"S": json({"s3": held})}


def _dynamodb() -> Toolbox:
    makers: dict[str, Callable[..., Any]] = {
        "toDynamoDB": typed,
        "toString": lambda value: {"S": text(value)},
        "toStringSet": lambda values: {"SS": [text(value) for value in values]},
        "toNumber": lambda value: {"N": text(value)},
        "toNumberSet": lambda values: {"NS": [text(value) for value in values]},
        "toBinary": lambda value: {"B": text(value)},
        "toBinarySet": lambda values: {"BS": [text(value) for value in values]},
        "toBoolean": lambda value: {"BOOL": value},
        "toNull": lambda: {"NULL": True},
        "toList": lambda values: {"L": [typed(value) for value in values]},
        "toMap": lambda values: {"M": _map_values(values)},
        "toMapValues": _map_values,
        "toS3Object": _s3_object,
    }

    def maybe(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: None if given and given[0] is None and make is not typed else make(*given)

    methods = {name: maybe(make) for name, make in makers.items()}
    methods |= {
        f"{name}Json": (lambda *given, make=make: json(make(*given))) for name, make in list(methods.items())
    }
    methods["fromS3ObjectJson"] = lambda value: _parsed(value)["s3"]
    return Toolbox("$util.dynamodb", methods)


# Times -----------------------------------------------------------------------------------------------


def _time(turn: Turn) -> Toolbox:
    now = milliseconds(turn.now)
    return Toolbox(
        "$util.time",
        {
            "nowISO8601": lambda: moment.iso(now),
            "nowEpochSeconds": lambda: now // 1000,
            "nowEpochMilliSeconds": lambda: now,
            "nowFormatted": lambda pattern, zone=None: moment.formatted(now, pattern, zone),
            "parseFormattedToEpochMilliSeconds": moment.read,
            "parseISO8601ToEpochMilliSeconds": moment.read_iso,
            "epochMilliSecondsToSeconds": lambda ms: int(ms) // 1000,
            "epochMilliSecondsToISO8601": moment.iso,
            "epochMilliSecondsToFormatted": moment.formatted,
        },
    )


# The rest ----------------------------------------------------------------------------------------------


def _transform(home: Any) -> Toolbox:
    """One implementation of conditions for both languages: the one of the JavaScript runtime."""

    def asked(name: str) -> Callable[..., Any]:
        return lambda *given: codes.transform(home, name, list(given))

    names = ("toDynamoDBFilterExpression", "toDynamoDBConditionExpression", "toSubscriptionFilter")
    methods = {name: asked(name) for name in names}

    def refused(*_: Any) -> None:
        raise NotImplementedHere("$util.transform.toElasticsearchQueryDSL")

    return Toolbox("$util.transform", methods | {"toElasticsearchQueryDSL": refused})


def _list_and_map() -> dict[str, Toolbox]:
    lists = {
        "copyAndRetainAll": lambda held, kept: [one for one in held if one in kept],
        "copyAndRemoveAll": lambda held, gone: [one for one in held if one not in gone],
        "sortList": lambda held, is_descending, field: sorted(
            held, key=lambda one: one.get(field) if isinstance(one, dict) else one, reverse=is_descending
        ),
    }
    maps = {
        "copyAndRetainAllKeys": lambda held, keys: {key: value for key, value in held.items() if key in keys},
        "copyAndRemoveAllKeys": lambda held, keys: {
            key: value for key, value in held.items() if key not in keys
        },
    }
    return {"list": Toolbox("$util.list", lists), "map": Toolbox("$util.map", maps)}


def _math(turn: Turn) -> Toolbox:
    return Toolbox(
        "$util.math",
        {
            "roundNum": lambda number: math.floor(number + 0.5),
            "minVal": min,
            "maxVal": max,
            "randomDouble": turn.random.random,
            "randomWithinRange": lambda first, last: turn.random.randrange(int(first), int(last)),
        },
    )


def _string() -> Toolbox:
    return Toolbox(
        "$util.str",
        {
            "toUpper": lambda value: value.upper(),
            "toLower": lambda value: value.lower(),
            "toReplace": lambda value, old, new: value.replace(old, new),
            "normalize": lambda value, form: unicodedata.normalize(form.upper(), value),
        },
    )


def _http(turn: Turn) -> Toolbox:
    def add(name: Any, value: Any) -> str:
        turn.headers[text(name)] = text(value)
        return ""

    def add_all(headers: Any) -> str:
        for name, value in headers.items():
            add(name, value)
        return ""

    return Toolbox(
        "$util.http", {"copyHeaders": dict, "addResponseHeader": add, "addResponseHeaders": add_all}
    )


def _log(turn: Turn) -> Toolbox:
    def say(level: str) -> Callable[..., str]:
        def line(first: Any, *given: Any) -> str:
            said = text(first)
            for one in given[0] if len(given) == 1 and isinstance(given[0], list) else given:
                said = said.replace("{}", text(one), 1)
            turn.logs.append(f"{level} - {said}")
            return ""

        return line

    return Toolbox(
        "$util.log", {"info": say("INFO"), "debug": say("DEBUG"), "warn": say("WARN"), "error": say("ERROR")}
    )


def _said(message: Any, kind: Any = None, data: Any = None, info: Any = None) -> dict[str, Any]:
    return {"message": text(message), "type": kind, "data": data, "errorInfo": info}


_BASE32, _BASE62 = (
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
)


def _digits(number: int, alphabet: str, count: int) -> str:
    found = ""
    for _ in range(count):
        number, digit = divmod(number, len(alphabet))
        found = alphabet[digit] + found
    return found


def _ids(turn: Turn) -> dict[str, Callable[..., Any]]:
    def identifier() -> str:
        n = turn.hex(32)
        return f"{n[:8]}-{n[8:12]}-4{n[13:16]}-a{n[17:20]}-{n[20:]}"

    def ksuid() -> str:
        return _digits((int(turn.now) - 1_400_000_000) << 128 | turn.random.getrandbits(128), _BASE62, 27)

    def ulid() -> str:
        return _digits(milliseconds(turn.now) << 80 | turn.random.getrandbits(80), _BASE32, 26)

    return {"autoId": identifier, "autoUlid": ulid, "autoKsuid": ksuid}


def _errors(turn: Turn) -> dict[str, Callable[..., Any]]:
    def error(*given: Any) -> None:
        raise Failure.said(_said(*given))

    def append(*given: Any) -> str:
        turn.errors.append(_said(*given))
        return ""

    def validate(holds: Any, message: Any, kind: Any = "CustomTemplateException", data: Any = None) -> str:
        if holds is not True:
            error(message, kind, data)
        return ""

    def unauthorized() -> None:
        raise Unauthorized

    return {"error": error, "appendError": append, "validate": validate, "unauthorized": unauthorized}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


_PLAIN: dict[str, Callable[..., Any]] = {
    "qr": lambda *_: "",
    "quiet": lambda *_: "",
    "escapeJavaScript": _escaped,
    "urlEncode": lambda value: quote_plus(text(value), safe="*-._").replace("~", "%7E"),
    "urlDecode": lambda value: unquote_plus(text(value)),
    "base64Encode": lambda value: base64.b64encode(
        value if isinstance(value, bytes) else text(value).encode()
    ).decode(),
    "base64Decode": _decoded,
    "parseJson": _parsed,
    "toJson": json,
    "isNull": lambda value: value is None,
    "isNullOrEmpty": _is_empty,
    "isNullOrBlank": _is_blank,
    "defaultIfNull": lambda value, other: other if value is None else value,
    "defaultIfNullOrEmpty": lambda value, other: other if _is_empty(value) else value,
    "defaultIfNullOrBlank": lambda value, other: other if _is_blank(value) else value,
    "isString": lambda value: isinstance(value, str),
    "isNumber": is_number,
    "isBoolean": lambda value: isinstance(value, bool),
    "isList": lambda value: isinstance(value, list),
    "isMap": lambda value: isinstance(value, dict),
    "typeOf": _kind,
    "matches": lambda pattern, subject: bool(pattern_found(text(pattern), text(subject))),
}


def util(home: Any, turn: Turn) -> Toolbox:
    methods = _PLAIN | _ids(turn) | _errors(turn) | {"authType": lambda: turn.auth_type}
    members = {
        "dynamodb": _dynamodb(),
        "time": _time(turn),
        "transform": _transform(home),
        "math": _math(turn),
        "str": _string(),
        "http": _http(turn),
        "rds": Toolbox("$util.rds", {"toJsonObject": source_relational.rows, "toJsonString": lambda told: json(source_relational.rows(told))}),
        "log": _log(turn),
        **_list_and_map(),
    }
    return Toolbox("$util", methods, **members)


def extensions(turn: Turn) -> Toolbox:
    def extend(name: str) -> Callable[..., str]:
        def note(*given: Any) -> str:
            turn.extensions.append([name, list(given)])
            return ""

        return note

    names = (
        "setSubscriptionFilter",
        "setSubscriptionInvalidationFilter",
        "invalidateSubscriptions",
        "evictFromApiCache",
    )
    return Toolbox("$extensions", {name: extend(name) for name in names})
