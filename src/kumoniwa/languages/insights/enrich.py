"""What commands add to an event from elsewhere: from a table, from the event of another source, from within one of its texts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any

from kumoniwa.languages.insights.aside import Aside, Failed
from kumoniwa.languages.insights.barriers import Barrier
from kumoniwa.languages.insights.expression import JOINED, MADE, Compiled, Row, everything
from kumoniwa.languages.insights.setting import Table
from kumoniwa.languages.insights.value import json_decoder, spelled

KEYS_MAX = 50_000
"""Of the right side: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Join.html"""
Find = Callable[[Row], dict[str, str] | None]

_PAIR = re.compile(r'([^\s="]+)=(?:"((?:\\.|[^"\\])*)"|(\S*))')
_ESCAPE = re.compile(r"\\(.)")


# From tables --------------------------------------------------------------------------------------------------


def by_key(table: Table, columns: list[str], reads: list[Compiled]) -> Find:
    """The match is exact and sees case: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Lookup.html"""
    held: list[dict[tuple[str, ...], dict[str, str]]] = []

    def find(row: Row) -> dict[str, str] | None:
        if not held:
            held.append(table.by(tuple(columns)))
        values = [each.read(row) for each in reads]
        if None in values:
            return None
        return held[0].get(tuple(spelled(value, each.kind) for value, each in zip(values, reads)))

    return find


def by_range(table: Table, column: str, read: Compiled) -> Find:
    """Without a column the ranges stand in the first. Where ranges lie within each other, the narrowest counts."""
    held: list[list[tuple[Any, dict[str, str]]]] = []

    def find(row: Row) -> dict[str, str] | None:
        if not held:
            held.append(table.ranges(column or table.columns[0]))
        try:
            address = ipaddress.ip_address(str(read.read(row)))
        except ValueError:
            return None
        return next((line for network, line in held[0] if address.version == network.version and address in network), None)

    return find


def outputs(find: Find, wanted: Sequence[tuple[str, str]], fills_only: bool) -> Callable[[Row, list[Any]], list[Any]]:
    """What fields become; those of an event that is in no table stay as they are."""

    def act(row: Row, values: list[Any]) -> list[Any]:
        line = find(row)
        if line is None:
            return values
        return [value if fills_only and value not in (None, "") else line.get(column) for (column, _), value in zip(wanted, values)]

    return act


# From another source ------------------------------------------------------------------------------------------


class Keyed(Barrier):
    """The events of the right side of a join, by their key."""

    def __init__(self, key: str, places: Any) -> None:
        self.key, self.places = key, places
        self.held: dict[str, list[dict[str, Any]]] = {}

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            found = everything(row, self.places)
            value = found.get(self.key)
            if value is not None:
                self.held.setdefault(spelled(value), []).append(found)
        if len(self.held) > KEYS_MAX:
            raise Failed(f"The right side of the join has more than {KEYS_MAX} values of {self.key}")

    def rows(self) -> list[Any]:
        return [self.held]


def joining(left: Compiled, aside: Aside, keeps_left: bool) -> Callable[[list[Row]], list[Row]]:
    def join(rows: list[Row]) -> list[Row]:
        [right], made = aside.rows, []
        for row in rows:
            value = left.read(row)
            matches = right.get(spelled(value, left.kind), ()) if value is not None else ()
            made += [[*row[:MADE], (row[MADE] or {}) | {JOINED: other}] for other in matches]
            if not matches and keeps_left:
                made.append([*row[:MADE], row[MADE] or {}])
        return made

    return join


# From within --------------------------------------------------------------------------------------------------


def logfmt(line: str) -> dict[str, str]:
    """Pairs of ``key=value``; a value in quotes may have blanks."""
    return {key: plain if quoted is None else _ESCAPE.sub(r"\1", quoted) for key, quoted, plain in (found.groups() for found in _PAIR.finditer(line))}


def within(value: Any, path: tuple[str, ...]) -> Any:
    """What a path leads to in a text of JSON or a structure; None if nowhere."""
    if isinstance(value, str):
        try:
            value = json_decoder.decode(value)
        except (ValueError, RecursionError):
            return None
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def listed(value: Any) -> Any:
    """A list, also where it is written as JSON."""
    found = within(value, ()) if isinstance(value, str) and value.lstrip()[:1] == "[" else value
    return found if isinstance(found, list) else value
