"""Types of what a crawler of Glue finds, and what two of them are together.

Integers become as wide as the widest, whole and broken numbers double, structures have the members of both; what has nothing in common is a
string. That null alone is a string, as are all things that differ, is our rule.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, VARCHAR, Type

DEPTH_MAX = 100
SIMILAR = 0.7
"""More than this share of all columns is in both: https://repost.aws/knowledge-center/glue-crawler-detect-schema"""


def of_value(value: Any, depth: int = 0) -> Type | None:
    """Of a value of JSON; None of null. Raises RecursionError."""
    if depth > DEPTH_MAX:
        raise RecursionError
    if value is None:
        return None
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return INTEGER if -(1 << 31) <= value < 1 << 31 else BIGINT if -(1 << 63) <= value < 1 << 63 else DOUBLE
    if isinstance(value, float):
        return DOUBLE
    if isinstance(value, dict):
        return types.row(*((name, of_value(each, depth + 1)) for name, each in value.items())) if value else VARCHAR  # type: ignore[misc]
    if isinstance(value, list):
        of: Type | None = None
        for each in value:
            of = merged(of, of_value(each, depth + 1))
        return Type("array", (of,))
    return VARCHAR


def merged(a: Type | None, b: Type | None) -> Type | None:
    if a == b or b is None:
        return a
    if a is None:
        return b
    if a.kind in types.INTEGERS and b.kind in types.INTEGERS:
        return max(a, b, key=lambda each: types.INTEGERS.index(each.kind))
    if a.kind in types.NUMBERS and b.kind in types.NUMBERS:
        return DOUBLE
    if a.kind == b.kind == "row":
        fields = dict(zip(a.names, a.args))
        for name, type_ in zip(b.names, b.args):
            fields[name] = merged(fields.get(name), type_)
        return types.row(*fields.items())  # type: ignore[arg-type]
    if a.kind == b.kind == "array":
        return Type("array", (merged(a.args[0], b.args[0]),))
    return VARCHAR


def told(type_: Type | None) -> str:
    """As Hive calls it."""
    if type_ is None:
        return "string"
    if type_.kind == "array":
        return f"array<{told(type_.args[0])}>"
    if type_.kind == "row":
        return "struct<" + ",".join(f"{name}:{told(each)}" for name, each in zip(type_.names, type_.args)) + ">"
    return types.hive(type_)


def together(a: str, b: str) -> str:
    """Two types as Hive calls them."""
    if a == b:
        return a
    try:
        return told(merged(types.read(a), types.read(b)))
    except (ValueError, RecursionError):
        return "string"


Columns = list[tuple[str, str]]


def united(columns: Columns, more: Columns) -> Columns:
    """All of them, those of the first first."""
    found = dict(columns)
    for name, type_ in more:
        found[name] = together(found[name], type_) if name in found else type_
    return list(found.items())


def are_similar(columns: Columns, others: Columns) -> bool:
    names, other_names = {name for name, _ in columns}, {name for name, _ in others}
    return len(names & other_names) > SIMILAR * len(names | other_names) or names == other_names
