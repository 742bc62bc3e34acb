"""What conditions, updates and projections share: names bound to paths, and the order in which AWS
complains.

An expression is compiled once per text and ExpressionAttributeNames; the values come with every request.
Complaints that depend on values therefore become ``checks``, kept in AWS's order. A complaint that is
already certain at compile time but that AWS makes after some of those is kept among them as a check that
always fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

import msgspec

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.grammar import Function, Path, Placeholder
from kumoniwa.languages.dynamodb.reserved import RESERVED_WORDS
from kumoniwa.languages.dynamodb.value import Item, Value

Values = Mapping[str, Value]
Check = Callable[[Values], None]
Parts = tuple[str | int, ...]

CONDITION_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
UPDATE_FUNCTIONS = {"if_not_exists": 2, "list_append": 2}
"""How many operands the functions of conditions take, and those of updates."""


class Scope(msgspec.Struct):
    """One expression while it is compiled."""

    kind: str
    names: Mapping[str, str]
    used_names: set[str] = set()
    placeholders: set[str] = set()
    steps: list[Check] = []
    """Every check in AWS's order, that placeholders are defined among them."""
    checks: list[Check] = []
    """The same without those: enough when all placeholders are defined."""
    is_doomed: bool = False

    def refuse(self, why: str) -> ValidationException:
        return ValidationException(f"Invalid {self.kind}: {why}")

    def check(self, check: Check) -> None:
        if not self.is_doomed:
            self.steps.append(check)
            self.checks.append(check)

    def doom(self, why: str) -> None:
        """This complaint is certain, after the checks so far."""

        def fail(values: Values) -> NoReturn:
            raise self.refuse(why)

        self.check(fail)
        self.is_doomed = True

    def bind(self, path: Path) -> Parts:
        """The path with its ``#names`` replaced. An undefined one dooms the expression."""
        parts = []
        for part in path.parts:
            if type(part) is str and part[0] == "#":
                self.used_names.add(part)
                name = self.names.get(part)
                if name is None:
                    self.doom(
                        "An expression attribute name used in the document path is not defined; "
                        f"attribute name: {part}"
                    )
                    name = part
                part = name
            parts.append(part)
        return tuple(parts)

    def need(self, placeholder: Placeholder) -> None:
        name = placeholder.name
        self.placeholders.add(name)
        if self.is_doomed:
            return

        def is_defined(values: Values) -> None:
            if name not in values:
                raise self.refuse(
                    "An expression attribute value used in expression is not defined; "
                    f"attribute value: {name}"
                )

        self.steps.append(is_defined)

    def refuse_reserved(self, paths: list[Path]) -> None:
        for path in paths:
            for part in path.parts:
                if type(part) is str and part[0] != "#" and part.upper() in RESERVED_WORDS:
                    raise self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {part}")


class Plan(msgspec.Struct, frozen=True):
    """A compiled expression. ``check(values)`` must pass before anything is evaluated."""

    used_names: frozenset[str]
    placeholders: frozenset[str]
    attributes: frozenset[str]
    """Top-level attributes that the expression mentions."""
    checks: tuple[Check, ...]
    steps: tuple[Check, ...]

    def check(self, values: Values) -> None:
        for check in self.checks if self.placeholders <= values.keys() else self.steps:
            check(values)


def operands_in(operand) -> list:
    """The paths and placeholders of an operand, in the order of the text."""
    if isinstance(operand, Function):
        return [inner for part in operand.operands for inner in operands_in(part)]
    return [operand] if isinstance(operand, Path | Placeholder) else []


def shown(parts: Parts) -> str:
    """``[a, [1], b]``, as AWS's messages show a document path."""
    return "[" + ", ".join(f"[{part}]" if type(part) is int else part for part in parts) + "]"


def getter(parts: Parts) -> Callable[[Item], Value | None]:
    first, rest = parts[0], parts[1:]
    if not rest:

        def get_attribute(item: Item) -> Value | None:
            return item.get(first)

        return get_attribute

    def get_nested(item: Item) -> Value | None:
        value = item.get(first)
        for part in rest:
            if value is None:
                return None
            if type(part) is int:
                members = value.get("L")
                value = members[part] if members is not None and part < len(members) else None
            else:
                members = value.get("M")
                value = members.get(part) if members is not None else None
        return value

    return get_nested


def refuse_overlaps(paths: list[Parts], complain: Callable[[str], None]) -> None:
    """No path may lie within another (overlap), nor use as a list what another uses as a map (conflict).

    AWS complains of overlaps first. A tree of prefixes finds both in one walk, however many paths there
    are.
    """
    root: dict = {}
    overlap = conflict = None
    for path in paths:
        node = root
        for part in path:
            if node.get("end") is not None:
                overlap = overlap or (node["end"], path)
            children = node.setdefault("children", {})
            if node is not root and children and conflict is None:
                other, other_path = next(iter(children.items()))
                if type(other) is not type(part):
                    conflict = (other_path["first"], path)
            node = children.setdefault(part, {"first": path})
        if node.get("end") is not None or node.get("children"):
            overlap = overlap or (node["first"], path)
        node["end"] = path
    for word, pair in (("overlap", overlap), ("conflict", conflict)):
        if pair:
            complain(
                f"Two document paths {word} with each other; must remove or rewrite one of these paths; "
                f"path one: {shown(pair[0])}, path two: {shown(pair[1])}"
            )
            return
