"""Java's regular expressions, matched with a limit on the work: no pattern of a customer can hold a region up.

A pattern becomes functions that hand on to what follows them, so groups, alternatives, lazy and greedy repetition try
one way after the other as Java does. Every trial is counted, and a search that takes too many raises ``TooMuchWork``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

PATTERN_MAX = 4096
REPEAT_MAX = 1000
DEPTH_MAX = 50
TRIALS_MAX = 200_000
"""In one search or replacement; about a fifth of a second."""


class InvalidPattern(ValueError):
    """Not an expression that Java's ``Pattern`` and we both know."""


class TooMuchWork(Exception):
    """The search was given up."""


class Run:
    """One text being searched: where groups were found, and how much may still be tried."""

    __slots__ = ("text", "groups", "trials")

    def __init__(self, text: str, groups: int) -> None:
        self.text, self.groups, self.trials = text, [None] * (2 * groups), TRIALS_MAX

    def spend(self) -> None:
        self.trials -= 1
        if self.trials < 0:
            raise TooMuchWork


Rest = Callable[[Run, int], int | None]
"""From a place in the text to the end of the match, None if there is none."""
Part = Callable[[Rest], Rest]
"""What a piece of a pattern becomes: given what follows it, the whole."""
Accepts = Callable[[str], bool]


class Match(NamedTuple):
    start: int
    end: int
    groups: tuple[str | None, ...]
    """The whole match first."""


_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\\[])*\]", re.DOTALL)
_ESCAPE = re.compile(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDsSwWtnrf]|[^A-Za-z0-9]", re.DOTALL)
_TIMES = re.compile(r"\{(\d{1,9})(,(\d{0,9}))?\}")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_FLAGS = re.compile(r"\(\?([ims]+)\)")


def _one(accepts: Accepts) -> Part:
    def part(rest: Rest) -> Rest:
        def matched(run: Run, at: int) -> int | None:
            return rest(run, at + 1) if at < len(run.text) and accepts(run.text[at]) else None

        return matched

    return part


def _many(accepts: Accepts, least: int, most: int | None, is_lazy: bool) -> Part:
    """Repetition of one character: a loop, so that long texts need no deep recursion."""

    def part(rest: Rest) -> Rest:
        def matched(run: Run, at: int) -> int | None:
            text = run.text
            limit = len(text) if most is None else min(len(text), at + most)
            end = at
            stop = at + least if is_lazy else limit
            while end < stop and end < limit and accepts(text[end]):
                end += 1
            if end < at + least:
                return None
            while True:
                run.spend()
                found = rest(run, end)
                if found is not None:
                    return found
                if is_lazy:
                    if end >= limit or not accepts(text[end]):
                        return None
                    end += 1
                else:
                    if end == at + least:
                        return None
                    end -= 1

        return matched

    return part


def _repeated(piece: Part, least: int, most: int | None, is_lazy: bool) -> Part:
    """Repetition of a group."""

    def part(rest: Rest) -> Rest:
        def again(run: Run, at: int, count: int, before: int) -> int | None:
            run.spend()
            if at == before and count > least:
                return None  # An empty turn leads nowhere new.

            def more() -> int | None:
                if most is not None and count >= most:
                    return None
                return piece(lambda run, end: again(run, end, count + 1, at))(run, at)

            if count < least:
                return more()
            if is_lazy:
                found = rest(run, at)
                return found if found is not None else more()
            found = more()
            return found if found is not None else rest(run, at)

        return lambda run, at: again(run, at, 0, -1)

    return part


def _sequence(parts: list[Part]) -> Part:
    def part(rest: Rest) -> Rest:
        for piece in reversed(parts):
            rest = piece(rest)
        return rest

    return part


def _either(parts: list[Part]) -> Part:
    def part(rest: Rest) -> Rest:
        ways = [piece(rest) for piece in parts]

        def matched(run: Run, at: int) -> int | None:
            for way in ways:
                run.spend()
                found = way(run, at)
                if found is not None:
                    return found
            return None

        return matched

    return part


def _group(piece: Part, number: int) -> Part:
    def part(rest: Rest) -> Rest:
        def closed(run: Run, end: int) -> int | None:
            before = run.groups[2 * number + 1]
            run.groups[2 * number + 1] = end
            found = rest(run, end)
            if found is None:
                run.groups[2 * number + 1] = before
            return found

        inner = piece(closed)

        def matched(run: Run, at: int) -> int | None:
            before = run.groups[2 * number]
            run.groups[2 * number] = at
            found = inner(run, at)
            if found is None:
                run.groups[2 * number] = before
            return found

        return matched

    return part


def _ahead(piece: Part, is_wanted: bool) -> Part:
    alone = piece(lambda run, at: at)

    def part(rest: Rest) -> Rest:
        return lambda run, at: rest(run, at) if (alone(run, at) is not None) == is_wanted else None

    return part


def _place(holds: Callable[[str, int], bool]) -> Part:
    def part(rest: Rest) -> Rest:
        return lambda run, at: rest(run, at) if holds(run.text, at) else None

    return part


def _is_word_edge(text: str, at: int) -> bool:
    before = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
    after = at < len(text) and (text[at].isalnum() or text[at] == "_")
    return before != after


PLACES: dict[str, Callable[[str, int], bool]] = {
    "b": _is_word_edge,
    "B": lambda text, at: not _is_word_edge(text, at),
    "A": lambda text, at: at == 0,
    "z": lambda text, at: at == len(text),
    "Z": lambda text, at: at == len(text) or text[at:] == "\n",
}


class _Reader:
    """Reads a pattern."""

    def __init__(self, pattern: str) -> None:
        self.at, self.groups, self.flags = 0, 1, re.RegexFlag(0)
        while flags := _FLAGS.match(pattern, self.at):
            for letter in flags[1]:
                self.flags |= {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[letter]
            self.at = flags.end()
        self.pattern = pattern

    def peek(self) -> str:
        return self.pattern[self.at] if self.at < len(self.pattern) else ""

    def alternatives(self, depth: int) -> Part:
        if depth > DEPTH_MAX:
            raise InvalidPattern("too deeply nested")
        ways = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            ways.append(self.sequence(depth))
        return ways[0] if len(ways) == 1 else _either(ways)

    def sequence(self, depth: int) -> Part:
        parts: list[Part] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.piece(depth))
        return _sequence(parts)

    def piece(self, depth: int) -> Part:
        quoted = _QUOTED.match(self.pattern, self.at)
        if quoted:
            self.at = quoted.end()
            return _sequence([_one(self.accepting(re.escape(character))) for character in quoted[1]])
        atom = self.atom(depth)
        times = self.times()
        if times is None:
            return _one(atom) if isinstance(atom, _Character) else atom
        least, most, is_lazy = times
        if isinstance(atom, _Character):
            return _many(atom, least, most, is_lazy)
        return _repeated(atom, least, most, is_lazy)

    def times(self) -> tuple[int, int | None, bool] | None:
        sign = self.peek()
        counted = _TIMES.match(self.pattern, self.at)
        if sign and sign in "?*+":
            self.at += 1
            least, most = (1 if sign == "+" else 0), (1 if sign == "?" else None)
        elif counted:
            self.at = counted.end()
            least = int(counted[1])
            most = least if counted[2] is None else int(counted[3]) if counted[3] else None
            if max(least, most or 0) > REPEAT_MAX or (most is not None and most < least):
                raise InvalidPattern(counted[0])
        else:
            return None
        is_lazy = self.peek() == "?"
        if is_lazy:
            self.at += 1
        if self.peek() in ("*", "+") and self.peek():
            raise InvalidPattern("possessive repetition")
        return least, most, is_lazy

    def atom(self, depth: int) -> Part | _Character:
        pattern, character = self.pattern, self.peek()
        if character == "(":
            return self.parenthesis(depth)
        if character == "[":
            found = _CLASS.match(pattern, self.at)
            if found is None or "&&" in found[0]:
                raise InvalidPattern("unreadable class")
            self.at = found.end()
            return self.accepting(found[0])
        self.at += 1
        if character == "\\":
            return self.escape()
        if character == ".":
            return self.accepting(".")
        if character in "^$":
            return _place(self.edge(character))
        if character in "*+?" or (character == "{" and _TIMES.match(pattern, self.at - 1)):
            raise InvalidPattern(f"nothing to repeat before {character}")
        return self.accepting(re.escape(character))

    def edge(self, character: str) -> Callable[[str, int], bool]:
        is_multiline = bool(self.flags & re.MULTILINE)
        if character == "^":
            return lambda text, at: at == 0 or (is_multiline and text[at - 1] == "\n")
        return lambda text, at: at == len(text) or text[at:] == "\n" or (is_multiline and text[at] == "\n")

    def escape(self) -> Part | _Character:
        letter = self.peek()
        if letter in PLACES and letter:
            self.at += 1
            return _place(PLACES[letter])
        found = _ESCAPE.match(self.pattern, self.at)
        if found is None:
            raise InvalidPattern(f"\\{letter}")
        self.at = found.end()
        return self.accepting("\\" + found[0])

    def parenthesis(self, depth: int) -> Part:
        opening = re.compile(r"\((?:\?(?:(?P<plain>:)|(?P<ahead>[=!])|<(?P<name>[A-Za-z]\w*)>))?").match(
            self.pattern, self.at
        )
        self.at = opening.end()
        if opening[0] == "(" and self.peek() == "?":
            raise InvalidPattern("an unknown kind of group")
        number = self.groups
        if not opening["plain"] and not opening["ahead"]:
            self.groups += 1
        piece = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise InvalidPattern("a group without end")
        self.at += 1
        if opening["ahead"]:
            return _ahead(piece, opening["ahead"] == "=")
        return piece if opening["plain"] else _group(piece, number)

    def accepting(self, source: str) -> _Character:
        try:
            return _Character(re.compile(source, self.flags))
        except (re.error, RecursionError, OverflowError):
            raise InvalidPattern(source)


class _Character:
    """What accepts one character."""

    __slots__ = ("match", "known")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.match = pattern.fullmatch
        self.known: dict[str, bool] = {}

    def __call__(self, character: str) -> bool:
        found = self.known.get(character)
        if found is None:
            if len(self.known) > 512:
                self.known.clear()
            found = self.known[character] = self.match(character) is not None
        return found


class Expression:
    """A pattern, ready to be used. Raises InvalidPattern."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > PATTERN_MAX:
            raise InvalidPattern("too long")
        reader = _Reader(pattern)
        part = reader.alternatives(0)
        if reader.at < len(pattern):
            raise InvalidPattern("an unmatched parenthesis")
        self.groups = reader.groups
        self._match = part(lambda run, at: at)
        self._whole = part(lambda run, at: at if at == len(run.text) else None)

    def _tried(self, way: Rest, run: Run, at: int) -> int | None:
        run.groups = [None] * (2 * self.groups)
        try:
            run.spend()
            return way(run, at)
        except RecursionError:
            raise TooMuchWork

    def is_whole(self, text: str) -> bool:
        """Java's ``matches``: the whole text."""
        return self._tried(self._whole, Run(text, self.groups), 0) is not None

    def found(self, text: str) -> Iterator[Match]:
        """Every match from left to right, none overlapping."""
        run, at = Run(text, self.groups), 0
        while at <= len(text):
            end = self._tried(self._match, run, at)
            if end is None:
                at += 1
                continue
            spans = list(zip(run.groups[2::2], run.groups[3::2]))
            groups = [
                text[start:stop] if start is not None and stop is not None else None for start, stop in spans
            ]
            yield Match(at, end, (text[at:end], *groups))
            at = end if end > at else at + 1


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Expression:
    return Expression(pattern)
