"""Expressions that choose partitions by the values of their keys, as GetPartitions of AWS Glue reads them.

A small part of SQL's conditions: a key is compared with a literal by ``=``, ``<>``, ``!=``, ``<``, ``>``, ``<=``, ``>=``, LIKE, IN, BETWEEN or
IS NULL, and conditions are joined by AND, OR and NOT. Values are texts, compared as what the key's type makes of them.
https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html; the words of refusals are those of moto's test_partition_filter and of
https://github.com/getmoto/moto/pull/9306, which were seen of AWS.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls a partition of rows without a value for the key. That it is null for a type that cannot read it is our reading."""
DEPTH_MAX = 50

Holds = Callable[[Sequence[str]], "bool | None"]
Reads = Callable[[str], Any]


class InvalidFilter(ValueError):
    """No expression, or one of what the table does not have."""


class InvalidValue(ValueError):
    """A partition's value is not what its key's type says."""


class Filter(NamedTuple):
    holds: Holds
    """Whether a partition with these values is chosen; None, which is no yes, where a value is null. Raises InvalidValue."""
    pinned: dict[int, str]
    """Keys, by their places, that have one value in all partitions that are chosen, as ``plain`` writes it."""


# What types make of texts --------------------------------------------------------------------------


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip()):
        raise ValueError(f'"{text}" is not an integer.')
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        read = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text} is not a decimal.") from None
    if not read.is_finite():
        raise ValueError(f"{text} is not a decimal.")
    return read


def _date(text: str) -> date:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"{text} is not a date.")


def _timestamp(text: str) -> tuple[datetime, int]:
    """With nanoseconds."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?", text, re.ASCII)
    if found is not None:
        try:
            return datetime.fromisoformat(found[1]), int((found[2] or "0").ljust(9, "0"))
        except ValueError:
            pass
    raise ValueError(f"Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff] {text} is not a timestamp.")


_TEXT = ("string", "char", "varchar")
_READS: dict[str, Reads] = {
    **dict.fromkeys(_TEXT, str), **dict.fromkeys(("bigint", "long", "int", "integer", "smallint", "tinyint"), _integer), "decimal": _decimal, "date": _date,
    "timestamp": _timestamp,
}  # fmt: skip


def is_text(type_: str) -> bool:
    return type_.lower().partition("(")[0].strip() in _TEXT


def plain(type_: str, text: str) -> str:
    """A value as one text that all have which are equal as what their type makes of them. Raises InvalidValue."""
    read = _READS.get(type_.lower().partition("(")[0].strip())
    if read is None:
        raise InvalidValue(f"Unknown type : '{type_}'")
    try:
        return _written(read(text))
    except ValueError as error:
        raise InvalidValue(str(error)) from None


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value.normalize() + 0)
    return f"{value[0].isoformat()} {value[1]}" if isinstance(value, tuple) else str(value)


class Key(NamedTuple):
    place: int
    type: str
    reads: Reads

    def literal(self, text: str) -> Any:
        try:
            return self.reads(text)
        except ValueError as error:
            raise InvalidFilter(str(error)) from None

    def value(self, values: Sequence[str]) -> Any:
        """None if it is null."""
        text = values[self.place] if self.place < len(values) else NULL
        try:
            return self.reads(text)
        except ValueError as error:
            if text == NULL:
                return None
            raise InvalidValue(str(error)) from None

    def is_null(self, values: Sequence[str]) -> bool:
        return self.place >= len(values) or values[self.place] == NULL


# Reading -------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |'(?P<text>(?:[^']|'')*)'
    |(?P<symbol><>|!=|<=|>=|=|<|>|\(|\)|,)
    |`(?P<ticked>[^`]+)`|"(?P<quoted>[^"]+)"
    |(?P<word>[\w.]+))""",
    re.VERBOSE,
)
_COMPARES = {"=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


class _Token(NamedTuple):
    kind: str
    text: str


class _Column(NamedTuple):
    name: str


class _Literal(NamedTuple):
    text: str


class _Condition(NamedTuple):
    holds: Holds
    pinned: dict[int, str]


def parse(text: str, keys: Sequence[tuple[str, str]]) -> Filter:
    """An expression over keys, each a name and a type. Raises InvalidFilter."""
    reader = _Reader(text, keys)
    condition = reader.any_of()
    if not isinstance(condition, _Condition) or reader.at < len(reader.tokens):
        raise reader.unsupported()
    return Filter(condition.holds, condition.pinned)


class _Reader:
    def __init__(self, text: str, keys: Sequence[tuple[str, str]]) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.keys = {name.lower(): (place, type_) for place, (name, type_) in enumerate(keys)}
        self.tokens = list(self._tokens())

    def _tokens(self):
        at, end = 0, len(self.text.rstrip())
        while at < end:
            found = _TOKEN.match(self.text, at, end)
            if found is None:
                raise self.unsupported()
            kind = found.lastgroup or ""
            text = found[kind]
            if kind == "word" and text.upper() in ("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL"):
                kind, text = "symbol", text.upper()
            elif kind == "text":
                text = text.replace("''", "'")
            elif kind in ("ticked", "quoted"):
                kind = "word"
            yield _Token(kind, text)
            at = found.end()

    def unsupported(self) -> InvalidFilter:
        return InvalidFilter(f"Unsupported expression '{self.text}'")

    def _takes(self, *symbols: str) -> str:
        """The next token if it is one of these symbols, else an empty text."""
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "symbol" and self.tokens[self.at].text in symbols:
            self.at += 1
            return self.tokens[self.at - 1].text
        return ""

    def _needs(self, symbol: str) -> None:
        if not self._takes(symbol):
            raise self.unsupported()

    def any_of(self) -> Any:
        found = [self._all_of()]
        while self._takes("OR"):
            found.append(self._all_of())
        return found[0] if len(found) == 1 else _Condition(_or([self._condition(each).holds for each in found]), {})

    def _all_of(self) -> Any:
        found = [self._negated()]
        while self._takes("AND"):
            found.append(self._negated())
        if len(found) == 1:
            return found[0]
        pinned: dict[int, str] = {}
        for each in found:
            pinned |= self._condition(each).pinned
        return _Condition(_and([each.holds for each in found]), pinned)

    def _condition(self, found: Any) -> _Condition:
        if not isinstance(found, _Condition):
            raise self.unsupported()
        return found

    def _negated(self) -> Any:
        if self._takes("NOT"):
            with_ = self._deeper(self._negated)
            return _Condition(_not(self._condition(with_).holds), {})
        return self._compared()

    def _deeper(self, read: Callable[[], Any]) -> Any:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.unsupported()
        found = read()
        self.depth -= 1
        return found

    def _operand(self) -> Any:
        """A column, a literal, or whatever is in brackets."""
        if self._takes("("):
            found = self._deeper(self.any_of)
            self._needs(")")
            return found
        if self.at >= len(self.tokens) or self.tokens[self.at].kind == "symbol":
            raise self.unsupported()
        token = self.tokens[self.at]
        self.at += 1
        return _Column(token.text) if token.kind == "word" else _Literal(token.text)

    def _literal(self) -> str:
        found = self._operand()
        if not isinstance(found, _Literal):
            raise self.unsupported()
        return found.text

    def _key(self, column: Any) -> Key:
        if not isinstance(column, _Column):
            raise self.unsupported()
        if column.name.lower() not in self.keys:
            raise InvalidFilter("Invalid partition expression!")
        place, type_ = self.keys[column.name.lower()]
        plain = type_.lower().partition("(")[0].strip()
        if plain not in _READS:
            raise InvalidFilter(f"Unknown type : '{type_}'")
        return Key(place, plain, _READS[plain])

    def _compared(self) -> Any:
        left = self._operand()
        if compare := self._takes(*_COMPARES):
            key, said = self._key(left), self._literal()
            literal = key.literal(said)
            pinned = {key.place: _written(literal)} if compare == "=" else {}
            return _Condition(_comparison(key, _COMPARES[compare], literal), pinned)
        if self._takes("IS"):
            is_negated = bool(self._takes("NOT"))
            self._needs("NULL")
            key = self._key(left)
            return _Condition(lambda values: key.is_null(values) != is_negated, {})
        is_negated = bool(self._takes("NOT"))
        if found := self._takes("IN", "BETWEEN", "LIKE"):
            holds = getattr(self, f"_{found.lower()}")(self._key(left))
            return _Condition(_not(holds) if is_negated else holds, {})
        if is_negated:
            raise self.unsupported()
        return left

    def _in(self, key: Key) -> Holds:
        self._needs("(")
        among = [key.literal(self._literal())]
        while self._takes(","):
            among.append(key.literal(self._literal()))
        self._needs(")")
        return lambda values: None if (value := key.value(values)) is None else value in among

    def _between(self, key: Key) -> Holds:
        least = key.literal(self._literal())
        self._needs("AND")
        most = key.literal(self._literal())
        return lambda values: None if (value := key.value(values)) is None else least <= value <= most

    def _like(self, key: Key) -> Holds:
        if key.type not in _TEXT:
            kind = "Integral" if key.reads is _integer else key.type.capitalize()
            raise InvalidFilter(f"{kind} data type doesn't support operation 'LIKE'")
        matches = like(self._literal())
        return lambda values: None if (value := key.value(values)) is None else matches(value)


def _comparison(key: Key, compare: Callable[[Any, Any], bool], literal: Any) -> Holds:
    return lambda values: None if (value := key.value(values)) is None else compare(value, literal)


def _or(parts: list[Holds]) -> Holds:
    def holds(values: Sequence[str]) -> bool | None:
        found: bool | None = False
        for part in parts:
            one = part(values)
            if one:
                return True
            found = None if one is None else found
        return found

    return holds


def _and(parts: list[Holds]) -> Holds:
    def holds(values: Sequence[str]) -> bool | None:
        found: bool | None = True
        for part in parts:
            one = part(values)
            if one is False:
                return False
            found = None if one is None else found
        return found

    return holds


def _not(part: Holds) -> Holds:
    return lambda values: None if (found := part(values)) is None else not found


def like(pattern: str) -> Callable[[str], bool]:
    """Whether a whole text matches: ``_`` stands for one character, ``%`` for any number. The work is the two lengths multiplied at most."""
    pieces = pattern.split("%")
    if len(pieces) == 1:
        return lambda text: len(text) == len(pattern) and _fits(pattern, text, 0)
    first, *middle, last = pieces

    def matches(text: str) -> bool:
        if len(text) < len(first) + len(last) or not _fits(first, text, 0):
            return False
        at, end = len(first), len(text) - len(last)
        if not _fits(last, text, end):
            return False
        for piece in middle:
            found = next((start for start in range(at, end - len(piece) + 1) if _fits(piece, text, start)), None)
            if found is None:
                return False
            at = found + len(piece)
        return True

    return matches


def _fits(piece: str, text: str, at: int) -> bool:
    if "_" not in piece:
        return text.startswith(piece, at)
    return all(said in ("_", there) for said, there in zip(piece, text[at : at + len(piece)], strict=True))
