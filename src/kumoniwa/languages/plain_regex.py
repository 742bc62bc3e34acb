"""Regular expressions without groups, matched in time that grows with the text alone.

CloudWatch Logs allows alternatives, classes and repetition but no parentheses, so an expression is a few rows of
characters. They are followed all at once, one character of the text after the other, and what was found out about a
set of places is remembered: no expression can make a search slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

ROW_MAX = 256
"""Characters of an expression, with its counted repetitions written out."""
REMEMBERED_MAX = 4096

_ATOM = re.compile(r"\\(?P<escape>x[0-9a-fA-F]{2}|.)|\[(?P<class>\^?\]?(?:\\.|[^\]\\])*)\]|(?P<any>\.)|(?P<plain>[A-Za-z0-9 :_#=@/;,\-])")
_TIMES = re.compile(r"[?*+]|\{(\d{1,3})(,(\d{0,3}))?\}")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html


class InvalidExpression(ValueError):
    """Not an expression AWS supports."""


class Step(NamedTuple):
    accepts: Callable[[str], object]
    may_skip: bool
    may_stay: bool


class Row(NamedTuple):
    steps: tuple[Step, ...]
    is_at_start: bool
    is_at_end: bool


def _row(text: str) -> Row:
    is_at_start, is_at_end = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    at, end = int(is_at_start), len(text) - int(is_at_end)
    steps: list[Step] = []
    while at < end:
        atom = _ATOM.match(text, at, end)
        if atom is None:
            raise InvalidExpression(text)
        at = atom.end()
        if atom["escape"] is not None and atom["escape"].isalnum() and not re.fullmatch(r"[dDsSwWbt]|x..", atom["escape"]):
            raise InvalidExpression(text)
        try:
            accepts = re.compile(atom[0], re.DOTALL).match
        except re.error:
            raise InvalidExpression(text)
        times = _TIMES.match(text, at, end)
        if times is not None:
            at = times.end()
        steps += _repeated(accepts, times)
        if len(steps) > ROW_MAX:
            raise InvalidExpression(text)
    return Row(tuple(steps), is_at_start, is_at_end)


def _repeated(accepts: Callable[[str], object], times: re.Match[str] | None) -> list[Step]:
    one = Step(accepts, False, False)
    if times is None:
        return [one]
    if times[0] in "?*+":
        more = Step(accepts, True, times[0] != "?")
        return [one, more] if times[0] == "+" else [more]
    least = int(times[1])
    if times[2] is None:
        return [one] * least
    if not times[3]:
        return [one] * least + [Step(accepts, True, True)]
    return [one] * least + [Step(accepts, True, False)] * (int(times[3]) - least)


def _alternatives(text: str) -> list[str]:
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "[":
            depth = 1
        elif text[at] == "]":
            depth = 0
        elif text[at] == "|" and not depth:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


Places = frozenset[tuple[int, int]]


def searcher(text: str) -> Callable[[str], bool]:
    """``searcher(expression)(text)``: whether the expression is found anywhere in the text."""
    rows = [_row(part) for part in _alternatives(text)]

    def closed(places: set[tuple[int, int]]) -> Places:
        reached = set(places)
        for row, at in places:
            steps = rows[row].steps
            while at < len(steps) and steps[at].may_skip:
                at += 1
                reached.add((row, at))
        return frozenset(reached)

    def is_found(places: Places, is_end: bool) -> bool:
        return any(at == len(rows[row].steps) and (is_end or not rows[row].is_at_end) for row, at in places)

    first = closed({(number, 0) for number in range(len(rows))})
    always = {(number, 0) for number, row in enumerate(rows) if not row.is_at_start}
    known: dict[tuple[Places, str], tuple[Places, bool]] = {}

    def after(places: Places, character: str) -> tuple[Places, bool]:
        reached = set(always)
        for row, at in places:
            steps = rows[row].steps
            if at < len(steps) and steps[at].accepts(character):
                reached.add((row, at if steps[at].may_stay else at + 1))
        new = closed(reached)
        if len(known) >= REMEMBERED_MAX:
            known.clear()
        known[places, character] = new, is_found(new, False)
        return known[places, character]

    def search(searched: str) -> bool:
        places = first
        if is_found(places, not searched):
            return True
        for character in searched:
            places, is_there = known.get((places, character)) or after(places, character)
            if is_there:
                return True
        return is_found(places, True)

    return search
