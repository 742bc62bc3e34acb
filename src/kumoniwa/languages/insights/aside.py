"""A query within a query, or the same one at another time: it runs first, and what it found is at hand when the other runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from kumoniwa.languages.insights.syntax import Source
from kumoniwa.languages.insights.value import number, spelled


class Failed(ValueError):
    """A query that compiles and cannot be ended. The text says why."""


class Aside:
    def __init__(self, plan: Any, source: Source | None = None, back: Callable[[int], int] | None = None) -> None:
        self.plan, self.source, self.back = plan, source, back
        self.rows: list[Any] = []

    @cached_property
    def options(self) -> tuple[set[str], set[Any]]:
        """The values of its only column, as texts and as numbers."""
        column = self.plan.columns[0][1]
        found = [value for row in self.rows if (value := column.read(row)) is not None]
        return {spelled(value, column.kind) for value in found}, {number(value) for value in found} - {None}
