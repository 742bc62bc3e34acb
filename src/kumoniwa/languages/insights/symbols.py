"""The symbols of a query's text, taken one after the other. Refusals are worded as AWS's: ``unexpected symbol found … at line … and position …``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.languages.insights.syntax import Field, Malformed, Pattern, Period

_BLANK = re.compile(r"(?:\s+|#[^\n]*)*")
_WORD = re.compile(r"[@$A-Za-z_][\w@$]*")
_STEP = re.compile(r"\.(?:`([^`]+)`|([\w@$]+))|\[(\d+)\]")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'', re.DOTALL)
_PATTERN = re.compile(r"/((?:\\.|[^/\\])+)/", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_PERIOD = re.compile(r"(\d{1,9})([A-Za-z]+)")
_WILDCARD = re.compile(r"[@$A-Za-z_*][\w@$*.]*")
_SYMBOL = re.compile(r"\w+|<=|>=|!=|=~|.", re.DOTALL)


class Symbols:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]

    def refuse(self, at: int | None = None) -> Malformed:
        self.blank()
        start = self.at if at is None else at
        symbol = _SYMBOL.match(self.text, start)
        shown = symbol[0] if symbol else "<EOF>"
        line, position = self.text.count("\n", 0, start) + 1, start - self.text.rfind("\n", 0, start) - 1
        return Malformed(f"unexpected symbol found {shown} at line {line} and position {position}", start, start + len(shown) if symbol else start)

    def peek(self, sign: str) -> bool:
        self.blank()
        return self.text.startswith(sign, self.at)

    def take(self, *signs: str) -> str:
        """The first of these signs that is next, taken; empty if none is."""
        self.blank()
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return sign
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self.refuse()

    def word(self, *words: str) -> str:
        """The next word if it is one of these, in lower case, taken; empty if it is not."""
        self.blank()
        found = _WORD.match(self.text, self.at)
        if found and (lowered := found[0].lower()) in words:
            self.at = found.end()
            return lowered
        return ""

    def need_word(self, *words: str) -> str:
        found = self.word(*words)
        if not found:
            raise self.refuse()
        return found

    def string(self) -> str | None:
        self.blank()
        found = _STRING.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        held = found[1] if found[1] is not None else found[2]
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1] if escape[1] in "\"'\\" else escape[0]), held)

    def pattern(self) -> Pattern | None:
        self.blank()
        found = _PATTERN.match(self.text, self.at)
        if found is None:
            return None
        start, self.at = self.at, found.end()
        return Pattern(found[1], start)

    def whole(self) -> int:
        self.blank()
        found = re.compile(r"\d+(?![\w.])").match(self.text, self.at)
        if found is None or len(found[0]) > 12:
            raise self.refuse()
        self.at = found.end()
        return int(found[0])

    def option(self, *names: str) -> str:
        """The name of the next ``name=`` if it is one of these, taken; empty if it is not."""
        start = self.at
        found = self.word(*names)
        if found and self.take("="):
            return found
        self.at = start
        return ""

    def yes_or_no(self) -> bool:
        return self.need_word("true", "false") == "true"

    def period(self) -> Period:
        self.blank()
        found = _PERIOD.match(self.text, self.at)
        if found is None:
            raise self.refuse()
        self.at = found.end()
        return Period(int(found[1]), found[2].lower())

    def wildcard(self) -> str | None:
        """The name of a field in which stars stand for anything."""
        self.blank()
        found = _WILDCARD.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def name(self) -> str:
        """What an ``as`` gives: one name, which may have dots."""
        return self.field().name

    def field(self) -> Field:
        self.blank()
        start = self.at
        if self.text.startswith("`", start):
            end = self.text.find("`", start + 1)
            if end <= start + 1:
                raise self.refuse()
            path: list[str | int] = [self.text[start + 1 : end]]
            self.at = end + 1
        else:
            found = _WORD.match(self.text, start)
            if found is None:
                raise self.refuse()
            path, self.at = [found[0]], found.end()
        while step := _STEP.match(self.text, self.at):
            path.append(int(step[3]) if step[3] is not None else step[1] or step[2])
            self.at = step.end()
        return Field(tuple(path), start)

    def fields(self) -> tuple[Field, ...]:
        return self.list(self.field)

    def loose_fields(self) -> tuple[Field, ...]:
        """Fields with commas or blanks between them; maybe none."""
        found = []
        while not (self.peek("|") or self.peek(")") or self.at == len(self.text)):
            found.append(self.field())
            self.take(",")
            self.blank()
        return tuple(found)

    def list(self, one: Callable[[], Any]) -> tuple[Any, ...]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return tuple(found)
