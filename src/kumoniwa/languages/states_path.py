"""Paths as the Amazon States Language uses them: to read a value, and reference paths to put one in its place.

What a path reads is JSONPath (``jsonpath``); here it learns whose data it reads (``$`` the state's, ``$$`` the context
object's, ``$name`` a variable's) and to fail in the words of Step Functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kumoniwa.languages import jsonpath


class StateFailure(Exception):
    """What a state fails with: the name of the error that Retry and Catch match, and a cause. Either may be absent."""

    def __init__(
        self, error: str | None, cause: str | None = None, *, location: str | None = None, is_told: bool = False, is_of_task: bool = False
    ) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause
        self.location = location
        """The field whose expression failed, for EvaluationFailed."""
        self.is_told = is_told
        """Whether the cause stands as it is, without naming the state."""
        self.is_of_task = is_of_task
        self.is_heartbeat = False


class InvalidExpression(ValueError):
    """Neither a path nor a call of an intrinsic function."""


def runtime(cause: str) -> StateFailure:
    return StateFailure("States.Runtime", cause)


class Scope:
    """What expressions of one state may see."""

    __slots__ = ("data", "variables", "_context", "context_of")

    def __init__(self, data: Any, variables: dict[str, Any], context_of: Callable[[], dict[str, Any]]) -> None:
        self.data, self.variables, self.context_of = data, variables, context_of
        self._context: dict[str, Any] | None = None

    @property
    def context(self) -> dict[str, Any]:
        if self._context is None:
            self._context = self.context_of()
        return self._context

    def over(self, data: Any) -> Scope:
        """The same for other data, such as a task's result."""
        scope = Scope(data, self.variables, self.context_of)
        scope._context = self._context
        return scope


Expression = Callable[[Scope], Any]

_VARIABLE = re.compile(r"\$([^\W\d]\w*)(.*)\Z", re.DOTALL)
_TOKEN = re.compile(r"\.([^\s.\[\]()'\",@?*:]+)|\[\s*'((?:\\.|[^'\\])*)'\s*\]|\[\s*\"((?:\\.|[^\"\\])*)\"\s*\]|\[(\d{1,9})\]")


def tokens(path: str) -> tuple[str | int, ...] | None:
    """The names and indices of a reference path, None if it is something else: a reference path leads to one place."""
    found: list[str | int] = []
    at = 1
    if not path.startswith("$"):
        return None
    while at < len(path):
        match = _TOKEN.match(path, at)
        if match is None:
            return None
        name = next((one for one in match.groups()[:3] if one is not None), None)
        found.append(int(match[4]) if name is None else name.replace("\\'", "'"))
        at = match.end()
    return tuple(found)


def _spelled(found: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{one}]" if isinstance(one, int) else f"['{one}']" for one in found)


def _missing(text: str, found: tuple[str | int, ...], data: Any) -> StateFailure:
    """Jayway's words for where a path breaks off, as the recordings of error_handling/test_states_errors show them."""
    for depth, token in enumerate(found):
        try:
            data = data[token] if isinstance(data, (dict, list)) else None
        except (KeyError, IndexError, TypeError):
            data = None
        if data is None:
            if depth == len(found) - 1:
                break
            return runtime(f"Invalid path '{text}' : Missing property in path {_spelled(found[: depth + 1])}")
    return runtime(f"Invalid path '{text}' : No results for path: {_spelled(found)}")


def _direct(text: str, found: tuple[str | int, ...]) -> Callable[[Any], Any]:
    """A plain way to one value, which is what nearly every path is."""

    def read(data: Any) -> Any:
        at = data
        try:
            for token in found:
                if isinstance(token, str):
                    if type(at) is not dict:
                        raise KeyError
                elif type(at) is not list:
                    raise IndexError
                at = at[token]
        except (KeyError, IndexError):
            raise _missing(text, found, data)
        return at

    return read


@lru_cache(maxsize=4096)
def reader(text: str) -> Callable[[Any], Any]:
    """What a path that begins with ``$`` reads of a document. Raises InvalidExpression; the reader raises StateFailure."""
    found = tokens(text)
    if found is not None:
        return _direct(text, found)
    try:
        path = jsonpath.compiled(text)
    except jsonpath.InvalidPath:
        raise InvalidExpression(text)

    def read(data: Any) -> Any:
        try:
            return path.read(data)
        except jsonpath.PathNotFound:
            raise runtime(f"Invalid path '{text}' : No results for path: {text}")
        except jsonpath.TooManyValues:
            raise runtime(f"Invalid path '{text}' : it reads too many values")

    return read


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """A path into the state's data, the context object or a variable. Raises InvalidExpression."""
    if text.startswith("$$"):
        read_context = reader(text[1:])
        return lambda scope: read_context(scope.context)
    variable = _VARIABLE.match(text)
    if variable is not None:
        name, inner = variable[1], reader("$" + variable[2])

        def of_variable(scope: Scope) -> Any:
            if name not in scope.variables:
                raise runtime(f"Invalid path '{text}' : No results for path: ${name}")
            return inner(scope.variables[name])

        return of_variable
    if not text.startswith("$"):
        raise InvalidExpression(text)
    read = reader(text)
    return lambda scope: read(scope.data)


def put(data: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """A document with a value put at a place, made of what was there as far as it is an object. Nothing given is changed."""
    if not place:
        return value
    token, rest = place[0], place[1:]
    if isinstance(token, int):
        if not isinstance(data, list) or token >= len(data):
            raise StateFailure(
                "States.ResultPathMatchFailure", f"Unable to apply step \"ResultPath\" to input: index {token} is not in the array"
            )
        items = list(data)
        items[token] = put(items[token], rest, value)
        return items
    if not isinstance(data, dict):
        if data is not None and not isinstance(data, dict):
            raise StateFailure(
                "States.ResultPathMatchFailure",
                f"Unable to apply ReferencePath {_spelled(place)} to input: the value there is no object",
            )
        data = {}
    return {**data, token: put(data.get(token), rest, value)}
