"""JSON as a row of tokens that know where they end, for languages whose refusals point into the text.

AWS reads event patterns with Jackson, and its refusals say how far Jackson had read: a text it was not asked for yet is read up to its
opening quote only, and with the name of a field it has read the value's first token. (Recorded: EventBridge's InvalidEventPatternException.)
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

SHOWN_MAX = 500
DEPTH_MAX = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"\w+")
_WORDS = {"true": True, "false": False, "null": None}
_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


class Token(NamedTuple):
    kind: str
    """One of ``{ } [ ]``, ``name``, ``string``, ``number``, ``true``, ``false``, ``null``, or ``end`` behind the last."""
    value: Any
    read: int
    """How far the text is read once this token is met."""
    end: int
    """How far it is read once its value was asked for."""


class InvalidJson(ValueError):
    """Not JSON: why, and at which place of the text."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


def located(text: str, reason: str, at: int) -> str:
    """A refusal in Jackson's form."""
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    more = f"[truncated {len(text) - SHOWN_MAX} chars]" if len(text) > SHOWN_MAX else ""
    return f'{reason}\n at [Source: (String)"{text[:SHOWN_MAX]}"{more}; line: {line}, column: {column}]'


def tokens(text: str) -> list[Token]:
    """All tokens of the first value in ``text``; what follows it is not read. Raises InvalidJson."""
    found: list[Token] = []
    open_: list[str] = []
    at = _space(text, 0)
    while True:
        if open_ and open_[-1] == "{" and text[at : at + 1] != "}":
            at = _name(text, at, found)
        if open_ and text[at : at + 1] == ("}" if open_[-1] == "{" else "]") and found[-1].kind in "{[":
            at = _closed(text, at, found, open_)
        else:
            at = _value(text, at, found)
            if found[-1].kind in "{[":
                open_.append(found[-1].kind)
                if len(open_) > DEPTH_MAX:
                    raise InvalidJson("Document nesting depth exceeds the maximum allowed", at)
                at = _space(text, at)
                continue
        while open_:
            at = _space(text, at)
            mark = text[at : at + 1]
            if mark == ",":
                at = _space(text, at + 1)
                break
            if mark != ("}" if open_[-1] == "{" else "]"):
                kind = "Object" if open_[-1] == "{" else "Array"
                raise _unexpected(text, at, f"was expecting comma to separate {kind} entries")
            at = _closed(text, at, found, open_)
        if not open_:
            return [*found, Token("end", None, at, at)]


def _space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _closed(text: str, at: int, found: list[Token], open_: list[str]) -> int:
    open_.pop()
    found.append(Token(text[at], None, at + 1, at + 1))
    return at + 1


def _name(text: str, at: int, found: list[Token]) -> int:
    name = _STRING.match(text, at)
    if name is None:
        raise _unexpected(text, at, "was expecting double-quote to start field name")
    at = _space(text, name.end())
    if text[at : at + 1] != ":":
        raise _unexpected(text, at, "was expecting a colon to separate field name and value")
    at = _space(text, at + 1)
    ahead: list[Token] = []
    _value(text, at, ahead)
    found.append(Token("name", json.loads(name[0]), ahead[0].read, ahead[0].read))
    return at


def _value(text: str, at: int, found: list[Token]) -> int:
    mark = text[at : at + 1]
    if mark and mark in "{[":
        found.append(Token(mark, None, at + 1, at + 1))
    elif string := _STRING.match(text, at):
        found.append(Token("string", json.loads(string[0]), at + 1, string.end()))
    elif number := _NUMBER.match(text, at):
        found.append(Token("number", float(number[0]), number.end(), number.end()))
    elif word := _WORD.match(text, at):
        if word[0] not in _WORDS:
            raise InvalidJson(f"Unrecognized token '{word[0]}': was expecting ({_VALUES})", word.end())
        found.append(Token(word[0], _WORDS[word[0]], word.end(), word.end()))
    else:
        raise _unexpected(text, at, f"expected a valid value ({_VALUES})")
    return found[-1].end


def _unexpected(text: str, at: int, wanted: str) -> InvalidJson:
    if at >= len(text):
        return InvalidJson("Unexpected end-of-input", at)
    return InvalidJson(f"Unexpected character ('{text[at]}' (code {ord(text[at])})): {wanted}", at)
