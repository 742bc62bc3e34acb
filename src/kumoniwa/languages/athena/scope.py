"""What names can mean within one SELECT, and what is read of which scan."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import exp

from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.types import Type

Use = tuple[int, str]
"""A column of a scan."""


class Field(NamedTuple):
    """What a name can mean."""

    name: str | None
    relation: str | None
    sql: str
    type: Type
    uses: frozenset[Use] = frozenset()
    direct: Use | None = None
    """The column of a scan that it is, unchanged."""
    database: str | None = None


class Scope:
    def __init__(self, fields: list[Field], outer: Scope | None = None) -> None:
        self.fields, self.outer = fields, outer

    def named(self, name: str, relation: str | None = None, database: str | None = None) -> list[Field]:
        return [
            each for each in self.fields
            if each.name == name and (relation is None or each.relation == relation) and (database is None or each.database == database)
        ]  # fmt: skip


class Grouping(NamedTuple):
    """Where only what is grouped by, and aggregates, may stand: the SQL of what is grouped by."""

    keys: frozenset[str]


def known_only(node: exp.Expression, *names: str) -> None:
    """Refuse a node that says more than is understood."""
    for name, value in node.args.items():
        if value not in (None, False, []) and name not in names:
            raise Unbuilt(f"{type(node).__name__.upper()} with {name.strip('_')}")
