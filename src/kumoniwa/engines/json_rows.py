"""JSON as rows of a table, as two deserializers of Hive read it: OpenX's, which makes the best of everything, and Hive's own, which is strict.

What each does with a value of another shape, and in which words it refuses one, was probed of AWS's Firehose:
https://github.com/floci-io/floci/pull/3333, https://github.com/floci-io/floci/issues/3235. Which timestamps they know:
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple

from kumoniwa.languages import joda_format
from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.types import Type

PARSE_ERROR, MALFORMED = "DataFormatConversion.ParseError", "DataFormatConversion.MalformedData"
_NANOS, _MILLIS_FROM = 1_000_000_000, 10**12
_SPACE = re.compile(r"[ \t\r\n]*")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_LENIENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z?", re.ASCII)


class Unreadable(Exception):
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Rules(NamedTuple):
    is_openx: bool
    is_case_insensitive: bool = True
    has_dots: bool = False
    """Whether dots in keys become underscores."""
    keys: dict[str, str] = {}
    """Keys of JSON by the columns that are called otherwise."""
    formats: tuple[str, ...] = ()
    """Of timestamps, for Hive's own; ``millis`` is one."""


def _mismatch(why: str) -> Unreadable:
    return Unreadable(MALFORMED, f"Data does not match the schema. {why}")


def _no_constant(text: str) -> Any:
    raise ValueError(f"Non-standard token '{text}'")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def documents(record: bytes) -> list[Any]:
    """The documents of a record, one after the other with nothing or white space between them. Raises Unreadable."""
    try:
        text = record.decode()
    except UnicodeDecodeError:
        raise Unreadable(PARSE_ERROR, "Encountered malformed JSON. Invalid UTF-8.") from None
    if not text.strip():
        raise Unreadable(MALFORMED, "The record was empty or contained only whitespace.")
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        try:
            document, at = _DECODER.raw_decode(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]
        except (ValueError, RecursionError, InvalidOperation) as error:
            raise Unreadable(PARSE_ERROR, f"Encountered malformed JSON. {error}") from None
        if not isinstance(document, dict | list):
            why = "The input JSON contained a primitive at the top level. The top level must be an object or array."
            raise Unreadable(MALFORMED, why)
        found.append(document)
    return found


def rows(record: bytes, schema: Type, rules: Rules) -> list[dict[str, Any]]:
    """The rows of a record, whose table's columns are the fields of ``schema``. Raises Unreadable."""
    return [_struct(_lowered(each) if rules.is_openx and rules.is_case_insensitive else each, schema, rules, rules.keys) for each in documents(record)]


def _lowered(value: Any) -> Any:
    """With the keys of all objects in lower case, as OpenX reads them: the first of those that are then the same counts."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, each in value.items():
            found.setdefault(key.lower(), _lowered(each))
        return found
    return [_lowered(each) for each in value] if isinstance(value, list) else value


# Values --------------------------------------------------------------------------------------------


def _struct(value: Any, type_: Type, rules: Rules, renamed: dict[str, str] | None = None) -> dict[str, Any]:
    if isinstance(value, list) and rules.is_openx:
        members: dict[str, Any] = dict(zip(type_.names, value))
    elif not isinstance(value, dict):
        if rules.is_openx:
            raise _mismatch(f"Data is not JSONObject  but {_java(value)} with value {_text(value)}")
        raise _mismatch("java.io.IOException: Start of Object expected")
    else:
        members = {key.replace(".", "_"): each for key, each in value.items()} if rules.has_dots else value
        members = {key.lower(): each for key, each in reversed(members.items())} if rules.is_case_insensitive else members
        if renamed:
            said = {column: (key.lower() if rules.is_case_insensitive else key) for column, key in renamed.items()}
            members = {name: members.get(said.get(name, name)) for name in type_.names}
    return {name: _value(members.get(name), of, rules) for name, of in zip(type_.names, type_.args)}


def _value(value: Any, type_: Type, rules: Rules) -> Any:
    if value is None:
        return None
    kind = type_.kind
    if kind == "row":
        return _struct(value, type_, rules)
    if kind == "array":
        if not isinstance(value, list):
            if not rules.is_openx:
                raise _mismatch("java.io.IOException: Start of Array expected")
            value = [value]
        return [_value(each, type_.args[0], rules) for each in value]
    if kind == "map":
        if not isinstance(value, dict):
            raise _mismatch("java.io.IOException: Start of Object expected" if not rules.is_openx else f"A map cannot be made of {_java(value)}")
        return [(_value(key, type_.args[0], rules), _value(each, type_.args[1], rules)) for key, each in value.items()]
    if not rules.is_openx:
        if kind in types.NUMBERS and isinstance(value, str):
            raise _mismatch("Current token (VALUE_STRING) not numeric, can not use numeric value accessors")
        if kind in ("varchar", "char") and isinstance(value, dict | list):
            raise Unreadable(MALFORMED, "One or more fields have incorrect format. Exception when validating field (root)")
    try:
        return _SCALARS[kind](value, type_, rules)
    except (ValueError, InvalidOperation, OverflowError):
        raise _mismatch(f'For input string: "{_text(value)}"') from None


def _java(value: Any) -> str:
    """What Java's parser made of it."""
    kinds = {bool: "Boolean", int: "Long", Decimal: "Double", str: "String"}
    return f"java.lang.{kinds[type(value)]}" if type(value) in kinds else "org.json.JSONArray" if isinstance(value, list) else "org.json.JSONObject"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _json(value) if isinstance(value, dict | list) else str(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | None) else _text(value)


def _plain(value: Any) -> str:
    """The text of a scalar. Raises ValueError."""
    if isinstance(value, dict | list):
        raise ValueError
    return _text(value).strip()


def _out_of_range(value: Any, type_: Type) -> Unreadable:
    return _mismatch(f"Value {_text(value)} is out of range for {types.hive(type_)}.")  # our words


def _boolean(value: Any, type_: Type, rules: Rules) -> bool:
    return {"true": True, "false": False}[_plain(value).lower()] if _plain(value).lower() in ("true", "false") else _raise()


def _raise() -> Any:
    raise ValueError


def _integer(value: Any, type_: Type, rules: Rules) -> int:
    read = value if type(value) is int else int(_plain(value) if re.fullmatch(r"[+-]?\d+", _plain(value), re.ASCII) else _raise())
    if not -(1 << types.BOUNDS[type_.kind]) <= read < 1 << types.BOUNDS[type_.kind]:
        raise _out_of_range(value, type_)
    return read


def _floating(value: Any, type_: Type, rules: Rules) -> float:
    read = float(_plain(value)) if not isinstance(value, bool) else _raise()
    if read in (float("inf"), float("-inf")) or read != read or (type_.kind == "real" and abs(read) > 3.4028235677973366e38):
        raise _out_of_range(value, type_)
    return read


def _decimal(value: Any, type_: Type, rules: Rules) -> Decimal:
    precision, scale = type_.args
    read = Decimal(_plain(value)) if not isinstance(value, bool) else _raise()
    if not read.is_finite():
        raise ValueError
    # Before anything writes the digits of 1e1000000000 out.
    if read and read.adjusted() >= precision - scale:
        raise _out_of_range(value, type_)
    if not read or read.adjusted() < -scale - 1:
        return Decimal(0).scaleb(-scale)
    rounded = read.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if rounded.adjusted() >= precision - scale:
        raise _out_of_range(value, type_)
    return rounded


def _string(value: Any, type_: Type, rules: Rules) -> str:
    return _text(value)[: type_.args[0]] if type_.args else _text(value)


def _date(value: Any, type_: Type, rules: Rules) -> date:
    text = _plain(value)
    if rules.formats:
        return datetime.fromtimestamp(_formatted(text, rules) // _NANOS, UTC).date()
    found = _DATE.fullmatch(text)
    return date(*map(int, found.groups())) if found is not None else _raise()


def _timestamp(value: Any, type_: Type, rules: Rules) -> int:
    """Nanoseconds since 1970."""
    nanos = _instant(value, rules)
    if not -(1 << 63) <= nanos < 1 << 63:
        raise _out_of_range(value, type_)
    return nanos


def _instant(value: Any, rules: Rules) -> int:
    text = _plain(value)
    if rules.formats:
        return _formatted(text, rules)
    found = _LENIENT.fullmatch(text) or (_ISO.fullmatch(text) if rules.is_openx else None)
    if found is not None:
        *parts, fraction = found.groups()
        return int(datetime(*map(int, parts), tzinfo=UTC).timestamp()) * _NANOS + int((fraction or "0").ljust(9, "0"))
    if not rules.is_openx:
        raise _mismatch("Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff]")
    read = Decimal(text) if not isinstance(value, bool) else _raise()
    if not read.is_finite() or read.adjusted() > 18:
        raise ValueError
    millis = (read * 1000 if abs(read) < _MILLIS_FROM else read).quantize(Decimal(1), ROUND_HALF_UP)
    return int(millis) * 1_000_000


def _formatted(text: str, rules: Rules) -> int:
    """The first of the formats that fits; what none fits is refused as the last one does."""
    why = ""
    for pattern in rules.formats:
        if pattern == "millis":
            if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
                return int(text) * 1_000_000
            why = f'For input string: "{text}"'
        else:
            try:
                return joda_format.reader(pattern)(text)
            except ValueError as error:
                why = str(error)
    raise _mismatch(why)


_SCALARS = {
    "boolean": _boolean, **dict.fromkeys(types.INTEGERS, _integer), "real": _floating, "double": _floating, "decimal": _decimal, "varchar": _string,
    "char": _string, "date": _date, "timestamp": _timestamp,
}  # fmt: skip


def is_readable(type_: Type) -> bool:
    """Whether these deserializers know the type: Hive's binary they do not, and the key of a map is a scalar."""
    if type_.kind in ("array", "map", "row"):
        return all(map(is_readable, type_.args)) and (type_.kind != "map" or type_.args[0].kind in _SCALARS)
    return type_.kind in _SCALARS
