"""Filter patterns of CloudWatch Logs: terms, conditions on JSON, and rows of space-separated fields.

A pattern is compiled into one function of a message. Patterns are bounded in length and depth, wildcards and regular
expressions never backtrack, so no pattern can make a search slow.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages import plain_regex
from kumoniwa.languages.policy_pattern import glob, literal

Match = Callable[[str], bool]
LENGTH_MAX = 1024
DEPTH_MAX = 32


class InvalidPattern(ValueError):
    """Not a filter pattern; the text says why."""


class UnclosedRow(InvalidPattern):
    """The text is AWS's, as cdk-preflight saw it: pf-logs-filter-pattern-bracket."""

    def __init__(self) -> None:
        super().__init__("If a filter pattern starts with '[' it must end with ']'")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Match:
    """Whether a message matches. Raises InvalidPattern."""
    if len(pattern) > LENGTH_MAX:
        raise InvalidPattern("the pattern is too long")
    text = pattern.strip()
    if text.startswith("{") and text.endswith("}"):
        return _json_match(text[1:-1])
    if text.startswith("["):
        if not text.endswith("]"):
            raise UnclosedRow
        return _fields_match(_row(text[1:-1]))
    return _terms_match(text)


# Terms ---------------------------------------------------------------------------------------------

_TERM = re.compile(r'\s*(?P<mark>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<bare>[^\s"%]+))(?=\s|$)')


def _terms_match(text: str) -> Match:
    """Every plain term, none of those with ``-``; those with ``?`` are alternatives, and count only among themselves."""
    kinds: dict[str, list[Match]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise InvalidPattern(f"Invalid character(s) in term '{text[at:].split()[0]}'")
        at = term.end()
        kinds[term["mark"]].append(_term(term))
    wanted, optional, unwanted = kinds[""], kinds["?"], kinds["-"]
    if optional and not wanted and not unwanted:
        return lambda message: any(found(message) for found in optional)
    return lambda message: all(found(message) for found in wanted) and not any(found(message) for found in unwanted)


def _term(term: re.Match[str]) -> Match:
    if term["regex"] is not None:
        return _regex(term["regex"])
    if term["quoted"] is not None:
        word = re.sub(r"\\(.)", r"\1", term["quoted"])
    else:
        word = term["bare"]
        if not re.fullmatch(r"[\w.:/@#*]+", word):
            raise InvalidPattern(f"Invalid character(s) in term '{word}'")
    return lambda message: word in message


def _regex(text: str) -> Match:
    try:
        return plain_regex.searcher(text)
    except plain_regex.InvalidExpression:
        raise InvalidPattern(f"Invalid regular expression '{text}'")


# Conditions ----------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]+%)|(?P<selector>\$(?:\.?\[[^\]]+\]|\.[^\s=<>!()\[\].&|,"]+)+)"""
    r"""|(?P<sign>&&|\|\||!=|<=|>=|[=<>(),])|(?P<word>[^\s=<>!()&|,"%]+))"""
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")

Values = Callable[[Any], Iterable[Any]]
"""The values a condition's left side stands for in an event; none if there is no such field."""
Condition = Callable[[Any], bool]


class Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidPattern(f"Invalid character(s) in term '{text[at:].strip()[:32]}'")
        found.append(Token(match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return found


class _Reader:
    """Reads conditions joined by && and ||, with parentheses. ``left`` says what a left side stands for."""

    def __init__(self, tokens: list[Token], left: Callable[[Token], Values]) -> None:
        self.tokens, self.left, self.at, self.depth = tokens, left, 0, 0

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        if self.at == len(self.tokens):
            raise InvalidPattern("the pattern ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Condition:
        condition = self.either()
        if self.at < len(self.tokens):
            raise InvalidPattern(f"unexpected '{self.peek()}'")
        return condition

    def either(self) -> Condition:
        options = [self.both()]
        while self.peek() == "||":
            self.at += 1
            options.append(self.both())
        return options[0] if len(options) == 1 else lambda event: any(option(event) for option in options)

    def both(self) -> Condition:
        parts = [self.single()]
        while self.peek() == "&&":
            self.at += 1
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda event: all(part(event) for part in parts)

    def single(self) -> Condition:
        token = self.take()
        if token.text == "(" and token.kind == "sign":
            self.depth += 1
            if self.depth > DEPTH_MAX:
                raise InvalidPattern("too many parentheses")
            condition = self.either()
            if self.take().text != ")":
                raise InvalidPattern("a parenthesis is not closed")
            self.depth -= 1
            return condition
        values = self.left(token)
        sign = self.take()
        if sign.text.upper() == "IS":
            return _is(values, self.take().text.upper())
        if sign.text.upper() == "NOT":
            if self.take().text.upper() != "EXISTS":
                raise InvalidPattern("NOT must be followed by EXISTS")
            return lambda event: not any(True for _ in values(event))
        if sign.text not in _SIGNS:
            raise InvalidPattern(f"unexpected '{sign.text}'")
        compare = _comparison(sign.text, self.take())
        return lambda event: any(compare(value) for value in values(event))


def _is(values: Values, name: str) -> Condition:
    if name not in ("NULL", "TRUE", "FALSE"):
        raise InvalidPattern("IS must be followed by NULL, TRUE or FALSE")
    wanted = {"NULL": None, "TRUE": True, "FALSE": False}[name]
    return lambda event: any(value is wanted for value in values(event))


_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _comparison(sign: str, right: Token) -> Callable[[Any], bool]:
    """A number is compared with numbers; a text, perhaps with ``*``, or an expression only for being equal or not."""
    is_number = right.kind == "word" and _NUMBER.fullmatch(right.text) is not None
    if sign not in ("=", "!="):
        if not is_number:
            raise InvalidPattern(f"'{right.text}' is not a number")
        number, holds = float(right.text), _SIGNS[sign]
        return lambda value: (found := _number(value)) is not None and holds(found, number)
    matches = _text_match(right)
    number = float(right.text) if is_number else None

    def is_equal(value: Any) -> bool:
        if number is not None and (found := _number(value)) is not None:
            return found == number
        return isinstance(value, str) and matches(value)

    return is_equal if sign == "=" else lambda value: not is_equal(value)


def _text_match(right: Token) -> Match:
    if right.kind == "regex":
        return _regex(right.text[1:-1])
    if right.kind not in ("string", "word"):
        raise InvalidPattern(f"unexpected '{right.text}'")
    text = re.sub(r"\\(.)", r"\1", right.text[1:-1]) if right.kind == "string" else right.text
    return glob("*".join(literal(part) for part in text.split("*")))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    return float(value) if isinstance(value, Field) and _NUMBER.fullmatch(value) else None


# JSON ----------------------------------------------------------------------------------------------

_STEP = re.compile(r"""\.?\[\s*(?:(?P<index>\d{1,9})|(?P<every>\*)|['"](?P<quoted>[^'"\]]+)['"])\s*\]|\.(?P<name>[^.\[]+)""")


def _json_match(text: str) -> Match:
    holds = _Reader(_tokens(text), _selected).whole()

    def matches(message: str) -> bool:
        if "{" not in message and "[" not in message:
            return False
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return holds(event)

    return matches


def _selected(token: Token) -> Values:
    if token.kind != "selector":
        raise InvalidPattern(f"'{token.text}' is not a property selector")
    steps: list[str | int | None] = []
    at = 1
    while at < len(token.text):
        step = _STEP.match(token.text, at)
        if step is None:
            raise InvalidPattern(f"'{token.text}' is not a property selector")
        at = step.end()
        steps.append(int(step["index"]) if step["index"] else None if step["every"] else step["quoted"] or step["name"])

    def values(event: Any) -> list[Any]:
        found = [event]
        for step in steps:
            found = [inner for value in found for inner in _inside(value, step)]
        return found

    return values


def _inside(value: Any, step: str | int | None) -> Iterable[Any]:
    if step is None:
        return value if isinstance(value, list) else ()
    if isinstance(step, int):
        return (value[step],) if isinstance(value, list) and step < len(value) else ()
    return (value[step],) if isinstance(value, dict) and step in value else ()


# Space-delimited -----------------------------------------------------------------------------------


class Field(str):
    """One field of a line: text that may be a number."""

    __slots__ = ()


_FIELD = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')


def _fields_match(text: str) -> Match:
    columns: list[Condition | None] = []
    """What each field must be; None stands for any number of fields."""
    for tokens in _columns(_tokens(text)):
        if tokens[0].text == "..." and len(tokens) == 1:
            columns.append(None)
        elif len(tokens) == 1:
            columns.append(lambda field: True)
        else:
            columns.append(_Reader(tokens, _same(_name(tokens))).whole())
    if columns.count(None) > 1:
        raise InvalidPattern("a pattern may hold only one ellipsis")
    gap = columns.index(None) if None in columns else len(columns)
    head, tail = columns[:gap], columns[gap + 1 :]
    is_open = len(head) < len(columns)

    def matches(message: str) -> bool:
        fields = list(map(Field, parts_of(message)))
        least = len(head) + len(tail)
        if len(fields) < least or (len(fields) > least and not is_open):
            return False
        chosen = fields[: len(head)] + (fields[-len(tail) :] if tail else [])
        return all(holds(field) for holds, field in zip((*head, *tail), chosen))

    return matches


def parts_of(message: str) -> list[str]:
    """The fields of a row."""
    return [next(part for part in found if part is not None) for found in _parts(message)]


def tokens_of(text: str) -> list[Token]:
    """The tokens of what stands between a pattern's brackets. Raises InvalidPattern."""
    return _tokens(text)


def columns_of(text: str) -> list[list[Token]]:
    """The tokens of each field of a row. Raises InvalidPattern."""
    return _columns(_tokens(_row(text)))


def selected(text: str) -> Values:
    """The values that a property selector stands for. Raises InvalidPattern."""
    return _selected(Token("selector" if text.startswith("$") else "word", text))


def _row(text: str) -> str:
    """A row that says nothing of its fields is taken (localstack's test_put_subscription_filter_update) and like no pattern at all."""
    return text.strip() or "..."


def _parts(message: str) -> Iterable[tuple]:
    return (found.groups() for found in _FIELD.finditer(message))


def _columns(tokens: list[Token]) -> list[list[Token]]:
    columns: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == "," and token.kind == "sign":
            columns.append([])
        else:
            columns[-1].append(token)
    if not all(columns):
        raise InvalidPattern("a field has no name")
    return columns


def _name(tokens: list[Token]) -> str:
    return next((token.text for token in tokens if token.kind == "word"), "")


def _same(name: str) -> Callable[[Token], Values]:
    def left(token: Token) -> Values:
        if token.text != name:
            raise InvalidPattern(f"'{token.text}' is not the field {name}")
        return lambda field: (field,)

    return left
