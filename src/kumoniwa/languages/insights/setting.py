"""What a query is asked of: streams, a time, and tables of reference."""

from __future__ import annotations

import csv
import io
import ipaddress
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from kumoniwa.languages.insights.syntax import Malformed


class Place(NamedTuple):
    """Of a stream: where it is."""

    group: str
    """``account:name``."""
    name: str
    is_function: bool
    indexed: tuple[tuple[str, int, int], ...] = ()
    """Fields of the group that are indexed, from and until when what came in was."""


class Table:
    """Reference data in CSV; the first line names the columns."""

    def __init__(self, columns: tuple[str, ...], body: str = "") -> None:
        self.columns, self.body = columns, body

    @cached_property
    def lines(self) -> list[dict[str, str]]:
        return [dict(zip(self.columns, line)) for line in list(csv.reader(io.StringIO(self.body)))[1:]]

    def by(self, columns: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
        """Lines by what they have in these columns; of equal ones the first."""
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for line in self.lines:
            found.setdefault(tuple(line.get(column, "") for column in columns), line)
        return found

    def ranges(self, column: str) -> list[tuple[Any, dict[str, str]]]:
        """Lines with the range of addresses they have there, the narrowest first."""
        found = []
        for line in self.lines:
            try:
                found.append((ipaddress.ip_network(line.get(column, ""), strict=False), line))
            except ValueError:
                continue
        return sorted(found, key=lambda each: each[0].prefixlen, reverse=True)


def columns_of(body: str) -> tuple[str, ...]:
    """Raises ValueError where the first line names no columns."""
    first = next(csv.reader(io.StringIO(body)), [])
    if not first or not all(name.strip() for name in first) or len(set(first)) < len(first):
        raise ValueError("The first line of a lookup table names its columns, each once.")
    return tuple(first)


class Setting(NamedTuple):
    """What a query is asked of."""

    places: Mapping[int, Place] = {}
    now_s: float = 0.0
    start_ms: int = 0
    end_ms: int = 0
    tables: Mapping[str, Table] = {}

    def table(self, name: str, columns: tuple[str, ...], at: int) -> Table:
        found = self.tables.get(name)
        if found is None:
            raise Malformed(f"Lookup table {name} does not exist", at, at + len(name))
        for column in columns:
            if column not in found.columns:
                raise Malformed(f"Lookup table {name} has no column {column}", at, at + len(name))
        return found
