"""AppSync's own scalars, and how built-in ones take what data sources answer.

https://docs.aws.amazon.com/appsync/latest/devguide/scalars.html. The texts are those of graphql-java, which AppSync runs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlsplit

import orjson
from graphql import GraphQLError, GraphQLScalarType, value_from_ast_untyped

from kumoniwa.languages import vtl_value

_OFFSET = r"(?:Z|[+-]\d{2}:\d{2}(?::\d{2})?)"
_DATE = re.compile(rf"-?\d{{4,9}}-\d{{2}}-\d{{2}}({_OFFSET})?")
_TIME = re.compile(rf"\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?({_OFFSET})?")
_DATETIME = re.compile(rf"-?\d{{4,9}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?{_OFFSET}")
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}"
)
_PHONE = re.compile(r"\+?[0-9][0-9 -]{1,18}[0-9]")
TIMESTAMP_MAX = 1 << 53


def _plain(text: str) -> str:
    """Without its offset, and with a fraction that Python reads."""
    bare = re.sub(rf"{_OFFSET}$", "", text)
    return re.sub(r"\.(\d+)$", lambda found: "." + found[1][:6].ljust(6, "0"), bare)


def _date(value: Any) -> Any:
    if not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError
    date.fromisoformat(re.sub(rf"{_OFFSET}$", "", value[:10] + value[10:]).removeprefix("-")[:10])
    return value


def _time(value: Any) -> Any:
    if not (isinstance(value, str) and _TIME.fullmatch(value)):
        raise ValueError
    time.fromisoformat(_plain(value))
    return value


def _datetime(value: Any) -> Any:
    if not (isinstance(value, str) and _DATETIME.fullmatch(value)):
        raise ValueError
    datetime.fromisoformat(_plain(value))
    return value


def _timestamp(value: Any) -> Any:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, str))
        or int(value) != float(value)
        or abs(int(value)) > TIMESTAMP_MAX
    ):
        raise ValueError
    return int(value)


def _email(value: Any) -> Any:
    if not (isinstance(value, str) and len(value) <= 254 and _EMAIL.fullmatch(value)):
        raise ValueError
    return value


def _url(value: Any) -> Any:
    if not isinstance(value, str) or re.search(r"\s", value):
        raise ValueError
    parts = urlsplit(value)
    if not parts.scheme or not (parts.netloc or parts.scheme == "mailto"):
        raise ValueError
    return value


def _phone(value: Any) -> Any:
    if not (isinstance(value, str) and _PHONE.fullmatch(value)):
        raise ValueError
    return value


def _address(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError
    ipaddress.ip_interface(value)
    return value


def _json_in(value: Any) -> Any:
    """A caller sends JSON as text; resolvers see what it says."""
    if not isinstance(value, str):
        raise ValueError
    return orjson.loads(value)


def _json_out(value: Any) -> str:
    return value if isinstance(value, str) and _is_json(value) else orjson.dumps(value).decode()


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


CHECKS: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "AWSDate": ("Date", _date, _date),
    "AWSTime": ("Time", _time, _time),
    "AWSDateTime": ("DateTime", _datetime, _datetime),
    "AWSTimestamp": ("Timestamp", _timestamp, _timestamp),
    "AWSEmail": ("Email", _email, _email),
    "AWSJSON": ("JSON", _json_in, _json_out),
    "AWSURL": ("URL", _url, _url),
    "AWSPhone": ("Phone", _phone, _phone),
    "AWSIPAddress": ("IPAddress", _address, _address),
}
"""By name: what AWS calls it in its texts, how it is read, how it is written."""


def furnish(kind: GraphQLScalarType) -> None:
    """Give one of AppSync's scalars in a schema its meaning."""
    what, read, write = CHECKS[kind.name]

    def parse(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, OverflowError):
            raise GraphQLError(
                f"Unable to parse `{vtl_value.text(value)}` as a valid {what} Object."
            ) from None

    def serialize(value: Any) -> Any:
        try:
            return write(value)
        except (ValueError, OverflowError, TypeError):
            raise GraphQLError(
                f"Unable to serialize `{vtl_value.text(value)}` as a valid {what} Object."
            ) from None

    kind.coerce_input_value = parse
    kind.coerce_input_literal = lambda node: parse(value_from_ast_untyped(node))
    kind.coerce_output_value = serialize


def _integer(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    number = int(value) if not isinstance(value, str) else int(float(value))
    if number != float(value) or not -(1 << 31) <= number < 1 << 31:
        raise ValueError
    return number


def _float(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    return float(value)


def _boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, (int, float)):
        return value != 0
    raise ValueError


BUILT_IN: dict[str, Callable[[Any], Any]] = {
    "String": vtl_value.text,
    "ID": vtl_value.text,
    "Int": _integer,
    "Float": _float,
    "Boolean": _boolean,
}
"""graphql-java takes texts for numbers and anything for texts, a map as Java prints it."""


def coerced(name: str, value: Any) -> Any:
    """What a data source answered, as a built-in scalar."""
    coerce = BUILT_IN.get(name)
    if coerce is None:
        return value
    try:
        return coerce(value)
    except (ValueError, OverflowError):
        kind = (
            "String"
            if isinstance(value, str)
            else "Boolean"
            if isinstance(value, bool)
            else type(value).__name__
        )
        raise GraphQLError(f"Expected type '{name}' but was '{kind}'.") from None
