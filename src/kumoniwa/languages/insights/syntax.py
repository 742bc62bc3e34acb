"""What a query is made of: expressions, commands, and how one is refused."""

from __future__ import annotations

from typing import Any, NamedTuple


class Malformed(ValueError):
    """Not a query AWS takes. ``start`` and ``end`` are the characters of the query that are at fault."""

    def __init__(self, text: str, start: int = 0, end: int = 0) -> None:
        super().__init__(text)
        self.text, self.start, self.end = text, start, end


class Unbuilt(ValueError):
    """What AWS takes and we do not: the text names it."""


# Expressions --------------------------------------------------------------------------------------------------


class Constant(NamedTuple):
    value: str | float | int


class Field(NamedTuple):
    path: tuple[str | int, ...]
    """``a.b`` is two names; an index in brackets is a number."""
    at: int = 0

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path))


class Pattern(NamedTuple):
    """A regular expression between slashes."""

    text: str
    at: int = 0


class Period(NamedTuple):
    count: int
    unit: str


class Star(NamedTuple):
    """``count(*)``."""


class Call(NamedTuple):
    name: str
    """In lower case."""
    arguments: tuple[Any, ...]
    at: int = 0


class Operation(NamedTuple):
    """``+ - * / % ^ = != < <= > >= and or``."""

    sign: str
    left: Any
    right: Any


class Not(NamedTuple):
    inner: Any


class Like(NamedTuple):
    left: Any
    right: Any
    """A constant, a field, or a regular expression."""


class In(NamedTuple):
    left: Any
    options: tuple[Any, ...]
    """One field stands for the list it holds."""


class Subquery(NamedTuple):
    """A query whose values are the options of an ``in``."""

    query: Query
    at: int = 0


class Named(NamedTuple):
    expression: Any
    name: str
    """Its alias, or how it is written."""
    is_alias: bool
    at: int = 0


# Commands -----------------------------------------------------------------------------------------------------


class Fields(NamedTuple):
    items: tuple[Named, ...]


class Display(NamedTuple):
    items: tuple[Named, ...]


class Filter(NamedTuple):
    condition: Any


class Stats(NamedTuple):
    items: tuple[Named, ...]
    by: tuple[Named, ...]
    most_first: bool = False
    """Whether the rows come in the order of what was counted: ``countFrequent``."""
    offset: Period | None = None
    """By how much later its bins are named."""
    at: int = 0


class Sort(NamedTuple):
    keys: tuple[tuple[Any, bool], ...]
    """Expressions, and whether they descend."""


class Limit(NamedTuple):
    count: int
    is_any: bool


class Dedup(NamedTuple):
    fields: tuple[Field, ...]


class Parse(NamedTuple):
    source: Any
    pattern: str
    """A regular expression of Python, whose groups are the names in their order."""
    names: tuple[str, ...]
    at: int = 0
    is_multi: bool = False
    """Whether every match makes a row."""


class ParseParts(NamedTuple):
    """``parse … csv`` gives a text a name for each part, ``parse … logfmt`` one name for the map of them all."""

    source: Any
    names: tuple[str, ...]
    is_map: bool
    at: int = 0


class JsonField(NamedTuple):
    """What a path leads to in a text of JSON, or in a map."""

    source: Any
    path: tuple[str, ...]
    name: str
    at: int = 0


class Unnest(NamedTuple):
    source: Any
    name: str
    replaces: bool = False
    """``expand`` puts each item in the place of the list."""


class Cluster(NamedTuple):
    """The command ``pattern``."""

    source: Any


class Anomaly(NamedTuple):
    """What is unusual of the patterns before it, or of those of ``@message``."""


class RelevantFields(NamedTuple):
    fields: tuple[Field, ...]
    """None: all there are."""
    condition: Any


class Compare(NamedTuple):
    """``diff`` and ``logcompare``: patterns of two times."""

    back: Period | None
    """How long before; None is the time right before."""


class FilterIndex(NamedTuple):
    condition: Any
    field: Field


class Lookup(NamedTuple):
    """``lookup``, and ``cidrlookup`` where the column holds ranges."""

    table: str
    keys: tuple[tuple[str, Field], ...]
    """Columns, and the fields they are held against."""
    outputs: tuple[tuple[str, str], ...]
    """Columns, and the names they get."""
    fills_only: bool
    is_range: bool
    at: int = 0


class Join(NamedTuple):
    keeps_left: bool
    left: str
    right: str
    left_key: Field
    right_key: str
    source: Source
    at: int = 0


class AppendColumns(NamedTuple):
    query: Query
    overrides: bool
    most: int
    at: int = 0


class AddTotals(NamedTuple):
    fields: tuple[Field, ...]
    name: str
    is_row: bool
    is_column: bool


class Accumulate(NamedTuple):
    field: Field
    name: str


class Autoregress(NamedTuple):
    field: Field
    names: tuple[tuple[str, int], ...]
    """Each with how many rows it lags."""


class FillDown(NamedTuple):
    patterns: tuple[str, ...]


class FillMissing(NamedTuple):
    values: tuple[tuple[str, Any], ...]
    at: int = 0


class Outlier(NamedTuple):
    fields: tuple[Field, ...]
    removes: bool
    factor: float
    has_lower: bool
    marks: bool


class Sessionize(NamedTuple):
    fields: tuple[Field, ...]
    gap: Period
    name: str
    at: int = 0


class Unmask(NamedTuple):
    fields: tuple[Field, ...]


class Source(NamedTuple):
    names: tuple[str, ...]
    """Log groups by name or ARN."""
    prefixes: tuple[str, ...] | None
    """Of names of log groups; None where only ``names`` are asked for."""
    accounts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


Query = tuple[Any, ...]
