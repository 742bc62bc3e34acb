"""What a query selects of a field: its fields, wherever fragments have put them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import FieldNode, FragmentSpreadNode


def fields(nodes: Any, fragments: dict[str, Any]) -> Iterator[FieldNode]:
    """The fields directly in these selections, fragments opened."""
    for node in nodes:
        for each in node.selection_set.selections if node.selection_set is not None else ():
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, FragmentSpreadNode):
                if each.name.value in fragments:
                    yield from fields([fragments[each.name.value]], fragments)
            else:
                yield from fields([each], fragments)


def names(nodes: Any, fragments: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of all fields below, each with the way to it: ``items``, ``items/id``."""
    for field in fields(nodes, fragments):
        yield prefix + field.name.value
        yield from names([field], fragments, f"{prefix}{field.name.value}/")


def depth(nodes: Any, fragments: dict[str, Any]) -> int:
    """How deep the fields below are nested."""
    return max((1 + depth([field], fragments) for field in fields(nodes, fragments)), default=0)


def by_field(value: Any, nodes: list[FieldNode], fragments: dict[str, Any]) -> Any:
    """A result with fields under their own names instead of the aliases its caller chose."""
    if isinstance(value, list):
        return [by_field(each, nodes, fragments) for each in value]
    if not isinstance(value, dict):
        return value
    below: dict[str, list[FieldNode]] = {}
    for node in fields(nodes, fragments):
        below.setdefault((node.alias or node.name).value, []).append(node)
    return {
        below[name][0].name.value: by_field(held, below[name], fragments)
        for name, held in value.items()
        if name in below
    }
