"""JSONPath as AWS reads it: the language of Jayway's library, compiled to functions.

``compiled("$.store.book[?(@.price < 10)].title")`` gives a ``Path``; ``read`` answers what a program wants (one value
of a definite path, a list of an indefinite one) and ``found`` every value. Members, wildcards, slices, unions, ``..``,
filters and the functions ``length()``, ``min()``, ``max()``, ``avg()``, ``sum()`` and ``keys()`` are known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from kumoniwa.languages import backtracking

PATH_MAX = 4096
DEPTH_MAX = 32
VISITED_MAX = 200_000
"""Values one reading may look at: ``$..*..*`` grows without end otherwise."""


class InvalidPath(ValueError):
    """Not a path."""


class PathNotFound(LookupError):
    """A definite path leads nowhere."""


class TooManyValues(Exception):
    """The reading was given up."""


class Reading:
    """One document being read."""

    __slots__ = ("root", "left")

    def __init__(self, root: Any) -> None:
        self.root, self.left = root, VISITED_MAX

    def visit(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooManyValues


Step = Callable[[Reading, Any], Iterator[Any]]
"""From one value to those it leads to."""


class Path:
    """A compiled path. ``is_definite``: it leads to one value at most."""

    __slots__ = ("text", "steps", "function", "is_definite")

    def __init__(self, text: str, steps: list[Step], function: Function | None, is_definite: bool) -> None:
        self.text, self.steps, self.function, self.is_definite = text, steps, function, is_definite

    def _values(self, reading: Reading, start: Any) -> list[Any]:
        values = [start]
        for step in self.steps:
            following = []
            for value in values:
                for found in step(reading, value):
                    reading.visit()
                    following.append(found)
            values = following
        return values

    def found(self, document: Any, start: Any = None, reading: Reading | None = None) -> list[Any]:
        """Every value the path leads to. Raises TooManyValues."""
        reading = reading or Reading(document)
        values = self._values(reading, document if start is None else start)
        if self.function is None:
            return values
        given = values[0] if self.is_definite and values else values
        answer = self.function(given) if values or not self.is_definite else None
        return [] if answer is None else [answer]

    def read(self, document: Any) -> Any:
        """One value, or the list of an indefinite path. Raises PathNotFound, TooManyValues."""
        values = self.found(document)
        if not self.is_definite and self.function is None:
            return values
        if not values:
            raise PathNotFound(f"No results for path: {self.text}")
        return values[0]


# Steps -------------------------------------------------------------------------------------------------


def _named(names: list[str]) -> Step:
    def step(_: Reading, value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            for name in names:
                if name in value:
                    yield value[name]

    return step


def _every(_: Reading, value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _indexed(indices: list[int]) -> Step:
    def step(_: Reading, value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for index in indices:
                if -len(value) <= index < len(value):
                    yield value[index]

    return step


def _sliced(first: int | None, last: int | None, stride: int | None) -> Step:
    def step(_: Reading, value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[slice(first, last, stride)]

    return step


def _below(reading: Reading, value: Any) -> Iterator[Any]:
    """The value and everything under it, from the top."""
    waiting = [value]
    while waiting:
        at = waiting.pop()
        reading.visit()
        yield at
        under = at.values() if isinstance(at, dict) else at if isinstance(at, list) else ()
        waiting.extend(reversed(list(under)))


def _filtered(holds: Test) -> Step:
    def step(reading: Reading, value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from (one for one in value if holds(reading, one))
        elif isinstance(value, dict) and holds(reading, value):
            yield value

    return step


# Functions ---------------------------------------------------------------------------------------------

Function = Callable[[Any], Any]


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, (int, float)) and not isinstance(one, bool)]


def _of_numbers(compute: Callable[[list[float]], Any]) -> Function:
    def function(value: Any) -> Any:
        numbers = _numbers(value)
        return float(compute(numbers)) if numbers else None

    return function


FUNCTIONS: dict[str, Function] = {
    "length": lambda value: len(value) if isinstance(value, (list, dict, str)) else None,
    "size": lambda value: len(value) if isinstance(value, (list, dict, str)) else None,
    "keys": lambda value: list(value) if isinstance(value, dict) else None,
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "sum": _of_numbers(math.fsum),
    "avg": _of_numbers(lambda numbers: math.fsum(numbers) / len(numbers)),
}


# Filters -----------------------------------------------------------------------------------------------

Test = Callable[[Reading, Any], bool]
Operand = Callable[[Reading, Any], Any]


class _Nothing:
    """What a path in a filter means that leads nowhere."""


NOTHING = _Nothing()


def _is_same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        is_number = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (left, right))
        if is_number or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        return False

    return holds


def _is_like(left: Any, right: Any) -> bool:
    if not isinstance(left, str) or not isinstance(right, backtracking.Expression):
        return False
    return right.is_whole(left)


def _is_empty(left: Any, right: Any) -> bool:
    return isinstance(left, (list, str)) and (not left) == right


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _is_same,
    "!=": lambda left, right: not _is_same(left, right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "=~": _is_like,
    "in": lambda left, right: isinstance(right, list) and any(_is_same(left, one) for one in right),
    "nin": lambda left, right: isinstance(right, list) and not any(_is_same(left, one) for one in right),
    "contains": lambda left, right: (
        (isinstance(left, list) and any(_is_same(right, one) for one in left))
        or (isinstance(left, str) and isinstance(right, str) and right in left)
    ),
    "size": lambda left, right: isinstance(left, (list, str)) and len(left) == right,
    "empty": _is_empty,
}

_NAME = re.compile(r"[^\s.\[\]()'\",@?*:=<>!&|~]+")
_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\"", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,15}")
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?")
_COMPARISON = re.compile(r"==|!=|<=|>=|=~|<|>|\b(?:in|nin|contains|size|empty)\b")
_PATTERN = re.compile(r"/((?:\\.|[^/\\])*)/(i?)")
_WORDS = {"true": True, "false": False, "null": None}
_CALL = re.compile(r"\.(\w+)\(\s*\)\s*\Z")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1]), text)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.is_definite = text, 0, True

    def fail(self, what: str = "") -> InvalidPath:
        return InvalidPath(f"Could not parse path {self.text!r} at {self.at}{what and ': '}{what}")

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def space(self) -> None:
        self.take(_SPACE)

    def is_next(self, sign: str) -> bool:
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def need(self, sign: str) -> None:
        self.space()
        if not self.is_next(sign):
            raise self.fail(f"{sign} is wanted")

    def string(self) -> str | None:
        found = self.take(_STRING)
        return None if found is None else _unescaped(found[1] if found[1] is not None else found[2])

    def steps(self, depth: int) -> list[Step]:
        """Everything after the root, as far as it is a path."""
        steps: list[Step] = []
        while True:
            if self.is_next(".."):
                self.is_definite = False
                steps.append(_below)
                if not self.text.startswith("[", self.at):
                    steps.append(self.member())
            elif self.text.startswith(".", self.at) and not _CALL.match(self.text, self.at):
                self.at += 1
                if not self.text.startswith("[", self.at):
                    steps.append(self.member())
            elif self.is_next("["):
                steps.append(self.bracket(depth))
            else:
                return steps

    def member(self) -> Step:
        if self.is_next("*"):
            self.is_definite = False
            return _every
        name = self.take(_NAME)
        if name is None:
            raise self.fail("a name is wanted")
        return _named([name[0]])

    def bracket(self, depth: int) -> Step:
        self.space()
        if self.is_next("*"):
            self.is_definite = False
            self.need("]")
            return _every
        if self.is_next("?"):
            self.is_definite = False
            self.need("(")
            holds = self.alternatives(depth + 1)
            self.need(")")
            self.need("]")
            return _filtered(holds)
        name = self.string()
        if name is not None:
            names = [name]
            while self._is_more():
                name = self.string()
                if name is None:
                    raise self.fail("a name is wanted")
                names.append(name)
            self.need("]")
            self.is_definite = self.is_definite and len(names) == 1
            return _named(names)
        return self.places()

    def _is_more(self) -> bool:
        self.space()
        if not self.is_next(","):
            return False
        self.space()
        return True

    def places(self) -> Step:
        """Indices or a slice."""
        first = self.take(_INTEGER)
        self.space()
        if self.is_next(":"):
            self.is_definite = False
            self.space()
            last, stride = self.take(_INTEGER), None
            if self.is_next(":"):
                stride = self.take(_INTEGER)
            self.need("]")
            bounds = [int(bound[0]) if bound else None for bound in (first, last, stride)]
            if bounds[2] == 0:
                raise self.fail("a stride of 0")
            return _sliced(*bounds)
        if first is None:
            raise self.fail()
        indices = [int(first[0])]
        while self._is_more():
            index = self.take(_INTEGER)
            if index is None:
                raise self.fail("an index is wanted")
            indices.append(int(index[0]))
        self.need("]")
        self.is_definite = self.is_definite and len(indices) == 1
        return _indexed(indices)

    # Filters ---------------------------------------------------------------------------------------

    def alternatives(self, depth: int) -> Test:
        if depth > DEPTH_MAX:
            raise self.fail("too deeply nested")
        tests = [self.all_of(depth)]
        while self._is_sign("||"):
            tests.append(self.all_of(depth))
        return (
            tests[0]
            if len(tests) == 1
            else lambda reading, value: any(test(reading, value) for test in tests)
        )

    def _is_sign(self, sign: str) -> bool:
        self.space()
        return self.is_next(sign)

    def all_of(self, depth: int) -> Test:
        tests = [self.test(depth)]
        while self._is_sign("&&"):
            tests.append(self.test(depth))
        return (
            tests[0]
            if len(tests) == 1
            else lambda reading, value: all(test(reading, value) for test in tests)
        )

    def test(self, depth: int) -> Test:
        if depth > DEPTH_MAX:
            raise self.fail("too deeply nested")
        if self._is_sign("!"):
            refused = self.test(depth + 1)
            return lambda reading, value: not refused(reading, value)
        if self.is_next("("):
            inner = self.alternatives(depth + 1)
            self.need(")")
            return inner
        left = self.operand(depth)
        self.space()
        sign = self.take(_COMPARISON)
        if sign is None:
            return lambda reading, value: left(reading, value) is not NOTHING
        holds, right = COMPARISONS[sign[0]], self.operand(depth)
        if sign[0] == "!=":
            return lambda reading, value: holds(left(reading, value), right(reading, value))

        def compared(reading: Reading, value: Any) -> bool:
            one, other = left(reading, value), right(reading, value)
            return one is not NOTHING and other is not NOTHING and holds(one, other)

        return compared

    def operand(self, depth: int) -> Operand:
        self.space()
        here = self.text[self.at : self.at + 1]
        if here in ("@", "$") and here:
            return self.relative(depth)
        text = self.string()
        if text is not None:
            return lambda reading, value: text
        pattern = self.take(_PATTERN)
        if pattern is not None:
            try:
                expression = backtracking.compiled(("(?i)" if pattern[2] else "") + pattern[1])
            except backtracking.InvalidPattern as error:
                raise self.fail(str(error))
            return lambda reading, value: expression
        if self.is_next("["):
            members: list[Operand] = []
            self.space()
            while not self.is_next("]"):
                members.append(self.operand(depth))
                if not self._is_more() and not self.text.startswith("]", self.at):
                    raise self.fail()
            return lambda reading, value: [member(reading, value) for member in members]
        number = self.take(_NUMBER)
        if number is not None:
            known = float(number[0]) if re.search("[.eE]", number[0]) else int(number[0])
            return lambda reading, value: known
        word = self.take(_NAME)
        if word is None or word[0] not in _WORDS:
            raise self.fail()
        constant = _WORDS[word[0]]
        return lambda reading, value: constant

    def relative(self, depth: int) -> Operand:
        is_root = self.text[self.at] == "$"
        self.at += 1
        was_definite, self.is_definite = self.is_definite, True
        steps = self.steps(depth + 1)
        called = re.compile(r"\.(\w+)\(\s*\)").match(self.text, self.at)
        function = None
        if called is not None:
            function = FUNCTIONS.get(called[1])
            if function is None:
                raise self.fail(f"unknown function {called[1]}")
            self.at = called.end()
        path = Path(self.text, steps, function, self.is_definite)
        self.is_definite = was_definite

        def value_of(reading: Reading, value: Any) -> Any:
            start = reading.root if is_root else value
            values = path._values(reading, start)
            if not path.is_definite:
                return path.function(values) if path.function else values or NOTHING
            if not values:
                return NOTHING
            return path.function(values[0]) if path.function else values[0]

        return value_of


@lru_cache(maxsize=2048)
def compiled(text: str) -> Path:
    """The path. Raises InvalidPath."""
    if len(text) > PATH_MAX:
        raise InvalidPath("The path is too long")
    stripped = text.strip()
    if not stripped.startswith("$"):
        # Jayway reads a path without its root as one that stands under it.
        stripped = f"${stripped}" if stripped.startswith("[") else f"$.{stripped}"
    reader = _Reader(stripped)
    reader.at = 1
    steps = reader.steps(0)
    called = reader.take(_CALL)
    function = None
    if called is not None:
        function = FUNCTIONS.get(called[1])
        if function is None:
            raise InvalidPath(f"Function with name: {called[1]} does not exist.")
    if reader.at < len(stripped):
        raise reader.fail()
    return Path(text, steps, function, reader.is_definite)
