"""ProjectionExpression: which parts of an item are answered.

Elements picked from a list come back as a shorter list in their old order; a path that leads nowhere adds
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from kumoniwa.languages.dynamodb.grammar import parse
from kumoniwa.languages.dynamodb.operand import Parts, Plan, Scope, refuse_overlaps

if TYPE_CHECKING:
    from kumoniwa.languages.dynamodb.value import Item, Value


class ProjectionPlan(Plan, frozen=True):
    project: Callable[[Item], Item]
    nested_attributes: frozenset[str]


def projection_plan(text: str, names: Mapping[str, str]) -> ProjectionPlan:
    return _projection_plan(text, tuple(names.items()))


@lru_cache(2048)
def _projection_plan(text: str, names: tuple[tuple[str, str], ...]) -> ProjectionPlan:
    scope = Scope("ProjectionExpression", dict(names))
    paths = parse("ProjectionExpression", text).tree
    scope.refuse_reserved(paths)
    bound = [scope.bind(path) for path in paths]
    refuse_overlaps(bound, scope.doom)
    return ProjectionPlan(
        used_names=frozenset(scope.used_names),
        placeholders=frozenset(),
        attributes=frozenset(parts[0] for parts in bound),
        checks=tuple(scope.checks),
        steps=tuple(scope.steps),
        project=projector(bound),
        nested_attributes=frozenset(parts[0] for parts in bound if len(parts) > 1),
    )


def projector(paths: list[Parts]) -> Callable[[Item], Item]:
    """Paths must not overlap."""
    if all(len(parts) == 1 for parts in paths):
        wanted = tuple(parts[0] for parts in paths)

        def project_attributes(item: Item) -> Item:
            return {name: item[name] for name in wanted if name in item}

        return project_attributes
    tree: dict = {}
    for parts in paths:
        node = tree
        for part in parts:
            node = node.setdefault(part, {})

    def project(item: Item) -> Item:
        return _members(item, tree)

    return project


def _members(members: dict[str, Value], tree: dict) -> dict[str, Value]:
    found = {}
    for name, branch in tree.items():
        value = members.get(name)
        if value is not None and branch:
            value = _inside(value, branch)
        if value is not None:
            found[name] = value
    return found


def _inside(value: Value, branch: dict) -> Value | None:
    """The wanted parts of a list or map; None if there are none, or if it is the other of the two."""
    if type(next(iter(branch))) is str:
        found = _members(value["M"], branch) if "M" in value else None
        return {"M": found} if found else None
    elements = []
    for index in sorted(branch) if "L" in value else ():
        if index < len(value["L"]):
            element = value["L"][index]
            element = _inside(element, branch[index]) if branch[index] else element
            if element is not None:
                elements.append(element)
    return {"L": elements} if elements else None
