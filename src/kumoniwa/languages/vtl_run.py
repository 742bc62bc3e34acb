"""What a template's parts do when it is rendered: each becomes a function of the ``Frame`` of one rendering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.languages import vtl_value as values
from kumoniwa.languages.vtl_value import Budget, TemplateError

TURNS_MAX = 1000
RANGE_MAX = 100_000


class Frame:
    """One rendering: its variables, what it has written, and what it may still do."""

    __slots__ = ("names", "out", "budget", "loops", "nothing")

    def __init__(self, names: dict[str, Any], nothing: Any) -> None:
        self.names, self.out, self.budget, self.nothing = names, [], Budget(), nothing
        self.loops: list[Loop] = []

    def write(self, text: str) -> None:
        self.budget.spend(len(text))
        self.out.append(text)


class Loop(values.Thing):
    """``$foreach``."""

    def __init__(self, size: int, parent: Loop | None) -> None:
        self.index, self.size, self.parent = 0, size, parent

    def member(self, name: str) -> Any:
        if name == "parent":
            return self.parent
        return {
            "index": self.index, "count": self.index + 1, "hasNext": self.index + 1 < self.size,
            "first": self.index == 0, "last": self.index + 1 == self.size,
        }.get(name)  # fmt: skip

    def call(self, name: str, arguments: list[Any]) -> Any:
        return self.member({"getIndex": "index", "getCount": "count", "hasNext": "hasNext"}.get(name, ""))


class Definition(values.Thing):
    """A block named by ``#define``, rendered where it is mentioned."""

    def __init__(self, block: Write) -> None:
        self.block = block


class Break(Exception): ...


class Stop(Exception): ...


class Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


Write = Callable[[Frame], None]
Value = Callable[[Frame], Any]


def all_of(parts: list[Write]) -> Write:
    if len(parts) == 1:
        return parts[0]

    def write(frame: Frame) -> None:
        for part in parts:
            part(frame)

    return write


def stop(frame: Frame) -> None:
    raise Stop


def leave(frame: Frame) -> None:
    raise Break


def returned(value: Value) -> Write:
    def end(frame: Frame) -> None:
        raise Return(value(frame))

    return end


def named(name: str) -> Value:
    def value(frame: Frame) -> Any:
        found = frame.names.get(name)
        if found is None:
            if frame.loops and name == "foreach":
                return frame.loops[-1]
            if frame.loops and name == "velocityCount":
                return frame.loops[-1].index + 1
            if frame.loops and name == "velocityHasNext":
                return frame.loops[-1].member("hasNext")
            return frame.nothing
        return found

    return value


def key_of(value: Any) -> Any:
    """What can stand as a key: a collection does by its text."""
    return values.text(value) if isinstance(value, (list, dict, values.Thing)) else value


class Index:
    """``.name`` or ``[index]``."""

    def __init__(self, index: Value, *, is_member: bool = False) -> None:
        self.index, self.is_member = index, is_member

    def read(self, holder: Value) -> Value:
        index, find = self.index, values.member if self.is_member else values.indexed

        def value(frame: Frame) -> Any:
            found = find(holder(frame), key_of(index(frame)))
            return frame.nothing if found is None else found

        return value


class Invocation:
    """``.name(arguments)``."""

    def __init__(self, name: str, arguments: list[Value]) -> None:
        self.name, self.arguments = name, arguments

    def read(self, holder: Value) -> Value:
        name, arguments = self.name, self.arguments

        def value(frame: Frame) -> Any:
            given = [argument(frame) for argument in arguments]
            found = values.called(holder(frame), name, given, frame.budget)
            return frame.nothing if found is None else found

        return value


Part = Index | Invocation


def ranged(first: Value, last: Value) -> Value:
    def value(frame: Frame) -> list[int]:
        start, end = first(frame), last(frame)
        if not (isinstance(start, int) and isinstance(end, int)) or abs(end - start) > RANGE_MAX:
            raise TemplateError("A range is between two integers that are not too far apart.")
        frame.budget.spend(abs(end - start) + 1)
        return list(range(start, end + 1) if start <= end else range(start, end - 1, -1))

    return value


def operation(sign: str, left: Value, right: Value) -> Value:
    if sign == "&&":
        return lambda frame: values.is_true(left(frame)) and values.is_true(right(frame))
    if sign == "||":
        return lambda frame: values.is_true(left(frame)) or values.is_true(right(frame))
    if sign in ("==", "!="):
        wanted = sign == "=="
        return lambda frame: values.is_same(left(frame), right(frame)) is wanted
    if sign in _ORDERS:
        holds = _ORDERS[sign]

        def compared(frame: Frame) -> bool:
            one, other = left(frame), right(frame)
            return values.is_number(one) and values.is_number(other) and holds(one, other)

        return compared
    return lambda frame: values.computed(sign, left(frame), right(frame), frame.budget)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def looped(name: str, items: Value, block: Write) -> Write:
    def write(frame: Frame) -> None:
        found = items(frame)
        turns = (
            list(found.values())
            if isinstance(found, dict)
            else list(found)
            if isinstance(found, list)
            else []
        )
        before = frame.names.get(name)
        loop = Loop(len(turns), frame.loops[-1] if frame.loops else None)
        frame.loops.append(loop)
        try:
            for index, item in enumerate(turns[:TURNS_MAX]):
                frame.budget.step()
                loop.index, frame.names[name] = index, item
                block(frame)
        except Break:
            pass
        finally:
            frame.loops.pop()
            if before is None:
                frame.names.pop(name, None)
            else:
                frame.names[name] = before

    return write
