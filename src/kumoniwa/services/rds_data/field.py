"""Values as the Data API has them, and as the server reads and writes them: in text.

https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_Field.html, …/AmazonRDS/latest/AuroraUserGuide/data-api-operations.html
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.services.rds_data.errors import InternalFailure, UnsupportedResultException

BOOL, BYTEA, CHAR, NAME, INT8, INT2, INT4, TEXT, OID, JSON = 16, 17, 18, 19, 20, 21, 23, 25, 26, 114
CIDR, FLOAT4, FLOAT8, INET, BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ = 650, 700, 701, 869, 1042, 1043, 1082, 1083, 1114, 1184
NUMERIC, UUID, JSONB = 1700, 2950, 3802
LONGS, DOUBLES = frozenset({INT8, INT2, INT4, OID}), frozenset({FLOAT4, FLOAT8})
TEXTS = frozenset({TEXT, VARCHAR, BPCHAR, NAME, JSON, JSONB, UUID, CIDR, INET})
ARRAYS = {
    1000: BOOL, 1003: NAME, 1005: INT2, 1007: INT4, 1009: TEXT, 1014: BPCHAR, 1015: VARCHAR, 1016: INT8, 1021: FLOAT4, 1022: FLOAT8, 1028: OID,
    1115: TIMESTAMP, 1182: DATE, 1183: TIME, 1185: TIMESTAMPTZ, 1231: NUMERIC, 199: JSON, 2951: UUID, 3807: JSONB,
}  # fmt: skip
"""Types of arrays, and what they hold."""
REFUSED = {
    18: '"CHAR"', 600: "POINT", 601: "LSEG", 602: "PATH", 603: "BOX", 604: "POLYGON", 628: "LINE", 718: "CIRCLE", 705: "UNKNOWN", 774: "MACADDR8",
    790: "MONEY", 829: "MACADDR", 1186: "INTERVAL", 1266: "TIMETZ", 1560: "BIT", 1562: "VARBIT", 2249: "RECORD", 2278: "VOID", 3904: "INT4RANGE",
    3906: "NUMRANGE", 3908: "TSRANGE", 3910: "TSTZRANGE", 3912: "DATERANGE", 3926: "INT8RANGE", 4072: "JSONPATH", 1001: "BYTEA[]", 1002: '"CHAR"[]',
    1187: "INTERVAL[]", 1270: "TIMETZ[]", 791: "MONEY[]", 1041: "INET[]", 651: "CIDR[]", 1017: "POINT[]", 1561: "BIT[]",
}  # fmt: skip
"""Types that no result may hold, as AWS spells them: POINT, INTERVAL, TIMETZ and "CHAR" were seen, and that others (regclass) go by the server's name."""

_HINTS = {"JSON": JSONB, "UUID": UUID, "TIMESTAMP": TIMESTAMP, "DATE": DATE, "TIME": TIME, "DECIMAL": NUMERIC}
_FORMS = {
    "TIMESTAMP": (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?"), "YYYY-MM-DD HH:MM:SS[.FFF]"),
    "DATE": (re.compile(r"\d{4}-\d\d-\d\d"), "YYYY-MM-DD"),
    "TIME": (re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?"), "HH:MM:SS[.FFF]"),
}  # fmt: skip
_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1


# In ------------------------------------------------------------------------------------------------


class Value(NamedTuple):
    type: int
    """0 where the server may say of which type it is."""
    text: str | None


def values(names: tuple[str, ...], parameters: list[dict[str, Any]] | None) -> tuple[tuple[int, ...], tuple[str | None, ...]]:
    """Types and values in the order of a statement's names. A value that nobody gave is left out, of which the server says what it misses."""
    given = {each.get("name", ""): _value(each) for each in parameters or ()}
    types = tuple(given[name].type if name in given else 0 for name in names)
    return types, tuple(given[name].text for name in names if name in given)


def _value(parameter: dict[str, Any]) -> Value:
    name, hint = parameter.get("name", ""), parameter.get("typeHint")
    said = {kind: value for kind, value in (parameter.get("value") or {}).items() if kind != "isNull" or value}
    if len(said) != 1:
        # The text is one of ours.
        raise ValidationException(f"The parameter {name} must have exactly one value.")
    ((kind, value),) = said.items()
    if kind == "arrayValue":
        # "Array parameters are not supported": API_ExecuteStatement.html; boto/boto3#2272 has AWS answer so, of the first Data API as a bad request.
        raise ValidationException("Array parameters are not supported.")
    type_, text = _scalar(kind, value)
    if hint is None:
        return Value(type_, text)
    form, spelled = _FORMS.get(hint, (None, ""))
    if text is not None and form is not None and not form.fullmatch(text):
        # The formats are AWS's, the text is one of ours.
        raise ValidationException(f"The value of the parameter {name} is not of the format {spelled} of its type hint {hint}.")
    return Value(_HINTS[hint], text)


def _scalar(kind: str, value: Any) -> tuple[int, str | None]:
    if kind == "isNull":
        return 0, None
    if kind == "booleanValue":
        return BOOL, "t" if value else "f"
    if kind == "longValue":
        return INT8, str(value)
    if kind == "doubleValue":
        return FLOAT8, repr(float(value))
    if kind == "blobValue":
        return BYTEA, "\\x" + bytes(value).hex()
    return TEXT, value


# Out -----------------------------------------------------------------------------------------------


class Options(NamedTuple):
    """resultSetOptions."""

    longs_as_text: bool = False
    decimals_as_numbers: bool = False

    @classmethod
    def of(cls, said: dict[str, str] | None) -> Options:
        said = said or {}
        return cls(said.get("longReturnType") == "STRING", said.get("decimalReturnType") == "DOUBLE_OR_LONG")


def field(type_: int, text: str | None, options: Options) -> dict[str, Any]:
    """One value of a result. Raises UnsupportedResultException."""
    if text is None:
        return {"isNull": True}
    if type_ in ARRAYS:
        return {"arrayValue": _array_told(ARRAYS[type_], text, options)}
    return _told(type_, text, options)


def _told(type_: int, text: str, options: Options) -> dict[str, Any]:
    if type_ == BOOL:
        return {"booleanValue": text == "t"}
    if type_ in LONGS:
        return {"stringValue": text} if options.longs_as_text else {"longValue": int(text)}
    if type_ in DOUBLES:
        return {"doubleValue": _finite(text)}
    if type_ == NUMERIC and options.decimals_as_numbers:
        # https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ResultSetOptions.html: by its scale
        if "." not in text and text.lstrip("-").isdigit() and _LONG_MIN <= int(text) <= _LONG_MAX:
            return {"longValue": int(text)}
        return {"doubleValue": _finite(text)}
    if type_ == BYTEA:
        return {"blobValue": bytes.fromhex(text[2:])}
    return {"stringValue": _moment(type_, text)}


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        # JSON has no such numbers; the text is one of ours.
        raise UnsupportedResultException(f"The result contains the number {text}.", hint="Cast it to TEXT.")
    return value


_FRACTION = re.compile(r"\.(\d+)")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d+))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")


def _moment(type_: int, text: str) -> str:
    """Dates and times with no fraction, thousandths or millionths of a second, and in UTC, which is not said.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api-operations.html; fractions as ez4 has them."""
    if type_ not in (DATE, TIME, TIMESTAMP, TIMESTAMPTZ):
        return text
    if text.endswith("infinity"):
        # So AWS was seen to answer, with not a word.
        raise InternalFailure("", hint="The Data API cannot tell of a date that never comes: cast it to TEXT.")
    if type_ == TIMESTAMPTZ and (found := _INSTANT.fullmatch(text)):
        hours, minutes, seconds = (int(part or 0) for part in found.groups()[3:])
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds) * (1 if found[3] == "+" else -1)
        try:
            moment = datetime.fromisoformat(found[1]).replace(tzinfo=timezone(offset)).astimezone(UTC)
        except OverflowError:
            return text
        text = f"{moment:%H:%M:%S}" + (f".{found[2]}" if found[2] else "")
        text = f"{moment.year:04}-{moment.month:02}-{moment.day:02} {text}"
    elif type_ == TIMESTAMPTZ:
        text = text.replace("+00", "", 1)  # before Christ, or after the year 9999
    return _FRACTION.sub(_shortened, text, count=1)


def _shortened(found: re.Match[str]) -> str:
    digits = found[1].ljust(6, "0")
    return f".{digits[:3]}" if digits.endswith("000") else f".{digits}"


_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)|([{}])', re.DOTALL)


def _array_told(element: int, text: str, options: Options) -> dict[str, Any]:
    """https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO"""
    found: list[str] = []
    depth = 0
    for quoted, plain, brace in _ELEMENT.findall(text[text.index("{") :]):
        if brace:
            depth += 1 if brace == "{" else -1
            if depth > 1:
                raise UnsupportedResultException("The result contains a multidimensional array.")
        elif plain == "NULL":
            # The text is one of ours.
            raise UnsupportedResultException("The result contains an array with a null.")
        else:
            found.append(plain or re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    told = [next(iter(_told(element, each, options).items())) for each in found]
    kinds = {kind for kind, _ in told} or _told(element, _EXAMPLES.get(element, ""), options).keys()
    # Of decimals, some may be whole and others not.
    kind = "doubleValue" if len(kinds) > 1 else next(iter(kinds))
    return {f"{kind}s": [float(value) if kind == "doubleValue" else value for _, value in told]}


_EXAMPLES = dict.fromkeys(LONGS | DOUBLES | {NUMERIC}, "0")
