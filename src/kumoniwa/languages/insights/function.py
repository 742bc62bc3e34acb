"""The functions of a query: what each takes and what it gives. An argument that is not there makes most of them give nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from kumoniwa.languages.insights import dates, regex
from kumoniwa.languages.insights.value import ANY, FIGURE, TIME, json_decoder, number, spelled, text

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Function(NamedTuple):
    act: Callable[..., Any]
    least: int
    most: int
    kind: str = ANY
    takes: Callable[[Any], Any] | None = None
    """How each argument is read. Where one is not there, the function is not asked; None: it is given all as they are."""


# Numbers ------------------------------------------------------------------------------------------------------


def _guarded(act: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*values: Any) -> Any:
        try:
            return act(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return guarded


def _round(value: float, digits: float = 0) -> float | int:
    if not digits:
        return math.floor(value + 0.5)
    return math.floor(value * 10**digits + 0.5) / 10**digits


EARTH_KM = 6_371.0088
"""The mean radius: Moritz, Geodetic Reference System 1980."""


def _haversine(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    one, other = math.radians(latitude), math.radians(other_latitude)
    across = math.sin((other - one) / 2) ** 2 + math.cos(one) * math.cos(other) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(across, 1.0)))


# Texts --------------------------------------------------------------------------------------------------------

_BLANKS = " \t\n\r\f\v"


def _index(value: str) -> int | None:
    read = number(value)
    return None if read is None else int(read)


def _substr(value: str, start: str, length: str | None = None) -> str | None:
    first, count = _index(start), _index(length) if length is not None else len(value)
    if first is None or count is None or first < 0 or count < 0:
        return None
    return value[first : first + count]


def _regex_replace(value: str, pattern: str, by: str) -> str:
    return regex.compiled(pattern).sub(lambda _: by, value)


def _base64decode(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _is_blank(value: Any) -> int:
    return int(value is None or (type(value) is str and not value.strip()))


# Structures ---------------------------------------------------------------------------------------------------


def _parsed(value: str) -> Any:
    try:
        read = json_decoder.decode(value)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict | list) else None


def _stringified(value: Any) -> str | None:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if isinstance(value, dict | list) else None


def _array(value: Any) -> list[Any] | None:
    found = value if isinstance(value, list) else _parsed(value) if isinstance(value, str) else None
    return found if isinstance(found, list) else None


def _array_size(value: Any) -> int | None:
    found = _array(value)
    return None if found is None else len(found)


def _array_contains(value: Any, wanted: Any) -> int | None:
    if value is None or wanted is None:
        return None
    return int(any(spelled(each) == spelled(wanted) for each in _array(value) or ()))


def _hex_to_text(value: str) -> str | None:
    try:
        return bytes.fromhex(value.removeprefix("0x")).decode("ascii")
    except ValueError:
        return None


# Addresses ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _address(value: str) -> Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _network(value: str) -> Any:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def _is_version(value: str, version: int) -> bool:
    found = _address(value)
    return found is not None and found.version == version


def _is_within(value: str, subnet: str, *versions: int) -> bool:
    found, network = _address(value), _network(subnet)
    return found is not None and network is not None and found.version in versions and found.version == network.version and found in network


def _is_address(test: Callable[[Address], bool]) -> Callable[[str], bool]:
    def is_it(value: str) -> bool:
        found = _address(value)
        return found is not None and test(found)

    return is_it


def _ipv4_number(value: str) -> int | None:
    found = _address(value)
    return int(found) if found is not None and found.version == 4 else None


# All of them --------------------------------------------------------------------------------------------------

_MANY = 1000
FUNCTIONS = {
    "abs": Function(abs, 1, 1, FIGURE, number),
    "ceil": Function(math.ceil, 1, 1, FIGURE, number),
    "floor": Function(math.floor, 1, 1, FIGURE, number),
    "round": Function(_guarded(_round), 1, 2, FIGURE, number),
    "haversine": Function(_guarded(_haversine), 4, 4, FIGURE, number),
    "sqrt": Function(_guarded(math.sqrt), 1, 1, FIGURE, number),
    "log": Function(_guarded(math.log), 1, 1, FIGURE, number),
    "greatest": Function(lambda *values: max(values), 1, _MANY, FIGURE, number),
    "least": Function(lambda *values: min(values), 1, _MANY, FIGURE, number),
    # AWS says a number of buckets and takes the width of one; a bucket is named by where it begins.
    "histogram": Function(_guarded(lambda value, width: math.floor(value / width) * width), 2, 2, FIGURE, number),
    "tonumber": Function(lambda value: value, 1, 1, ANY, number),
    "todouble": Function(lambda value: value, 1, 1, ANY, number),
    "toint": Function(int, 1, 1, ANY, number),
    "tolong": Function(int, 1, 1, ANY, number),
    "frommillis": Function(lambda value: value, 1, 1, TIME, number),
    "tomillis": Function(lambda value: value, 1, 1, ANY, number),
    "ispresent": Function(lambda value: value is not None, 1, 1),
    "isempty": Function(lambda value: int(value is None or value == ""), 1, 1),
    "isblank": Function(_is_blank, 1, 1),
    "isnumeric": Function(lambda value: int(number(value) is not None), 1, 1),
    "messagesize": Function(lambda value: len(value.encode()), 1, 1, ANY, text),
    "jsonarraysize": Function(_array_size, 1, 1),
    "jsonarraycontains": Function(_array_contains, 2, 2),
    "hextoascii": Function(_hex_to_text, 1, 1, ANY, text),
    "hextodec": Function(_guarded(lambda value: int(value, 16)), 1, 1, ANY, text),
    "dectohex": Function(_guarded(lambda value: hex(int(value))), 1, 1, ANY, number),
    "parsedate": Function(dates.parsed, 2, 3, ANY, text),
    "formatdate": Function(dates.formatted, 2, 3),
    "strftime": Function(dates.formatted, 2, 3),
    "concat": Function(lambda *parts: "".join(parts), 1, _MANY, ANY, text),
    "ltrim": Function(lambda value, chars=_BLANKS: value.lstrip(chars), 1, 2, ANY, text),
    "rtrim": Function(lambda value, chars=_BLANKS: value.rstrip(chars), 1, 2, ANY, text),
    "trim": Function(lambda value, chars=_BLANKS: value.strip(chars), 1, 2, ANY, text),
    "strlen": Function(len, 1, 1, ANY, text),
    "toupper": Function(str.upper, 1, 1, ANY, text),
    "tolower": Function(str.lower, 1, 1, ANY, text),
    "substr": Function(_substr, 2, 3, ANY, text),
    "replace": Function(lambda value, old, new: value.replace(old, new) if old else value, 3, 3, ANY, text),
    "regex_replace": Function(_regex_replace, 3, 3, ANY, text),
    "regexreplace": Function(_regex_replace, 3, 3, ANY, text),
    # A third argument is taken and has no effect, as on AWS.
    "strcontains": Function(lambda value, part, _="": int(part in value), 2, 3, ANY, text),
    "startswith": Function(lambda value, part: int(value.startswith(part)), 2, 2, ANY, text),
    "endswith": Function(lambda value, part: int(value.endswith(part)), 2, 2, ANY, text),
    "urlencode": Function(lambda value: quote(value, safe=""), 1, 1, ANY, text),
    "urldecode": Function(unquote, 1, 1, ANY, text),
    "base64encode": Function(lambda value: base64.b64encode(value.encode()).decode(), 1, 1, ANY, text),
    "base64decode": Function(_base64decode, 1, 1, ANY, text),
    "md5": Function(lambda value: hashlib.md5(value.encode(), usedforsecurity=False).hexdigest(), 1, 1, ANY, text),
    "sha256": Function(lambda value: hashlib.sha256(value.encode()).hexdigest(), 1, 1, ANY, text),
    "split": Function(lambda value, by: value.split(by) if by else list(value), 2, 2, ANY, text),
    "jsonparse": Function(_parsed, 1, 1, ANY, text),
    "jsonstringify": Function(_stringified, 1, 1),
    "isvalidip": Function(lambda value: _address(value) is not None, 1, 1, ANY, text),
    "isvalidipv4": Function(lambda value: _is_version(value, 4), 1, 1, ANY, text),
    "isvalidipv6": Function(lambda value: _is_version(value, 6), 1, 1, ANY, text),
    "isipinsubnet": Function(lambda value, subnet: _is_within(value, subnet, 4, 6), 2, 2, ANY, text),
    "isipv4insubnet": Function(lambda value, subnet: _is_within(value, subnet, 4), 2, 2, ANY, text),
    "isipv6insubnet": Function(lambda value, subnet: _is_within(value, subnet, 6), 2, 2, ANY, text),
    "ipv4tonumber": Function(_ipv4_number, 1, 1, ANY, text),
    "isprivateip": Function(_is_address(lambda found: found.is_private), 1, 1, ANY, text),
    "ispublicip": Function(_is_address(lambda found: found.is_global), 1, 1, ANY, text),
    "isreservedip": Function(_is_address(lambda found: found.is_reserved), 1, 1, ANY, text),
}
"""By their names in lower case. ``coalesce``, ``if``, ``case`` and what reads times are compiled by ``expression``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html"""

# Arithmetic ---------------------------------------------------------------------------------------------------


def _power(left: float, right: float) -> float | int | None:
    try:
        made = math.pow(left, right)
    except (ValueError, OverflowError):
        return None
    return int(made) if made.is_integer() and abs(made) < 2**53 else made


def _quotient(left: float, right: float) -> float | int:
    if type(left) is int and type(right) is int and not left % right:
        return left // right
    return left / right


def _remainder(left: float, right: float) -> float | int:
    if type(left) is int and type(right) is int:
        return left - right * int(left / right) if abs(left) < 2**53 else int(math.fmod(left, right))
    return math.fmod(left, right)


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": _guarded(lambda left, right: left * right),
    "/": _guarded(_quotient),
    "%": _guarded(_remainder),
    "^": _power,
}
