"""Advanced queries of AWS Config: a small part of SQL over configuration items, whose properties are paths into JSON.

sqlglot reads the text; what AWS's subset does not have is refused. A property that runs through a list means all of its members: a condition
holds if it holds for one of them.
https://docs.aws.amazon.com/config/latest/developerguide/querying-AWS-resources.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Path = tuple[str, ...]
Holds = Callable[[dict[str, Any]], bool]
SCALARS = ("accountId", "awsRegion", "arn", "availabilityZone", "configurationItemCaptureTime", "resourceCreationTime", "resourceId", "resourceName",
           "resourceType", "version")  # fmt: skip
"""What ``SELECT *`` means."""
GROUPED_BY_MAX, WILDCARD_CHARACTERS_MIN = 3, 3


class InvalidQuery(ValueError):
    """No query, or none that AWS answers; the text says why."""


class Unavailable(RuntimeError):
    """sqlglot is not installed."""


class Field(NamedTuple):
    name: str
    path: Path
    total: str = ""
    """COUNT, SUM, AVG, MIN or MAX of it; COUNT with an empty path counts resources."""


class Query(NamedTuple):
    fields: tuple[Field, ...]
    holds: Holds
    group: tuple[Path, ...]
    order: tuple[tuple[Field, bool], ...]
    """With each field, whether it descends."""
    types: frozenset[str] | None
    """The types of resources that can be among the results; None if any can."""

    @property
    def is_aggregate(self) -> bool:
        return bool(self.group) or any(field.total for field in self.fields)


def parse(text: str) -> Query:
    """Raises InvalidQuery, Unavailable."""
    try:
        import sqlglot  # noqa: PLC0415 (an extra)
        from sqlglot import errors, expressions  # noqa: PLC0415
    except ImportError:
        raise Unavailable from None
    try:
        read = sqlglot.parse(text)
    except (errors.SqlglotError, RecursionError):
        raise InvalidQuery("The expression cannot be read.") from None
    if len(read) != 1 or not isinstance(read[0], expressions.Select):
        raise InvalidQuery("The expression is no single SELECT.")
    return _Reader(expressions).query(read[0])


class _Reader:
    """From sqlglot's tree to a query. Whatever it does not name is not in AWS's subset."""

    def __init__(self, kinds: Any) -> None:
        self.kinds = kinds
        self.compare: dict[Any, Callable[[Any, Any], bool]] = {
            kinds.EQ: operator.eq, kinds.NEQ: operator.ne, kinds.GT: operator.gt, kinds.GTE: operator.ge, kinds.LT: operator.lt,
            kinds.LTE: operator.le,
        }  # fmt: skip
        self.totals = {kinds.Count: "COUNT", kinds.Sum: "SUM", kinds.Avg: "AVG", kinds.Min: "MIN", kinds.Max: "MAX"}

    def query(self, tree: Any) -> Query:
        clauses = {name for name, part in tree.args.items() if part}
        if strange := sorted(clauses - {"expressions", "where", "group", "order"}):
            raise InvalidQuery(f"The clause {strange[0].rstrip('_').upper()} is not supported.")
        if not tree.expressions:
            raise InvalidQuery("Nothing is selected.")
        fields: list[Field] = []
        for each in tree.expressions:
            fields += [Field(name, (name,)) for name in SCALARS] if isinstance(each, self.kinds.Star) else [self.field(each)]
        where, group, order = tree.args.get("where"), tree.args.get("group"), tree.args.get("order")
        grouped = tuple(self.path(each) for each in group.expressions) if group else ()
        if len(grouped) > GROUPED_BY_MAX:
            raise InvalidQuery(f"Results are grouped by {GROUPED_BY_MAX} properties at most.")
        if (grouped or any(field.total for field in fields)) and any(not field.total and field.path not in grouped for field in fields):
            raise InvalidQuery("Every property that is selected with an aggregate must be grouped by.")
        ordered = tuple((self.field(each.this), bool(each.args.get("desc"))) for each in order.expressions) if order else ()
        condition = where.this if where else None
        return Query(tuple(fields), self.condition(condition) if where else lambda item: True, grouped, ordered, self.types(condition))

    def field(self, tree: Any) -> Field:
        kind = self.totals.get(type(tree))
        if kind is None:
            path = self.path(tree)
            return Field(".".join(path), path)
        inner = tree.this
        if isinstance(inner, self.kinds.Star) and kind == "COUNT":
            return Field("COUNT(*)", (), kind)
        path = self.path(inner)
        return Field(f"{kind}({'.'.join(path)})", path, kind)

    def path(self, tree: Any) -> Path:
        if isinstance(tree, self.kinds.Dot):
            return (*self.path(tree.this), *self.path(tree.expression))
        if isinstance(tree, self.kinds.Column):
            return tuple(part.name for part in tree.parts)
        if isinstance(tree, self.kinds.Identifier):
            return (tree.name,)
        raise InvalidQuery(f"{tree.sql()} is no property.")

    def literal(self, tree: Any) -> Any:
        if isinstance(tree, self.kinds.Literal):
            return tree.name if tree.is_string else float(tree.name)
        if isinstance(tree, self.kinds.Boolean):
            return tree.this
        if isinstance(tree, self.kinds.Neg) and isinstance(tree.this, self.kinds.Literal) and not tree.this.is_string:
            return -float(tree.this.name)
        raise InvalidQuery(f"{tree.sql()} is no value.")

    def condition(self, tree: Any) -> Holds:
        kinds = self.kinds
        if isinstance(tree, kinds.Paren):
            return self.condition(tree.this)
        if isinstance(tree, (kinds.And, kinds.Or)):
            left, right = self.condition(tree.this), self.condition(tree.expression)
            return (lambda item: left(item) and right(item)) if isinstance(tree, kinds.And) else (lambda item: left(item) or right(item))
        if isinstance(tree, kinds.Not):
            inner = self.condition(tree.this)
            return lambda item: not inner(item)
        if type(tree) in self.compare:
            return _some(self.path(tree.this), self.compare[type(tree)], self.literal(tree.expression))
        if isinstance(tree, kinds.In) and not tree.args.get("query"):
            path, wanted = self.path(tree.this), [self.literal(each) for each in tree.expressions]
            tests = [_some(path, operator.eq, each) for each in wanted]
            return lambda item: any(test(item) for test in tests)
        if isinstance(tree, kinds.Between):
            path = self.path(tree.this)
            low, high = _some(path, operator.ge, self.literal(tree.args["low"])), _some(path, operator.le, self.literal(tree.args["high"]))
            return lambda item: low(item) and high(item)
        if isinstance(tree, kinds.Like):
            return _some(self.path(tree.this), _wildcard(self.literal(tree.expression)), "")
        raise InvalidQuery(f"The condition {tree.sql()} is not supported.")

    def types(self, tree: Any) -> frozenset[str] | None:
        """What a condition says of the type of resources, where it must hold."""
        kinds = self.kinds
        if isinstance(tree, kinds.Paren):
            return self.types(tree.this)
        if isinstance(tree, kinds.And):
            found = [each for each in (self.types(tree.this), self.types(tree.expression)) if each is not None]
            return frozenset.intersection(*found) if found else None
        if isinstance(tree, kinds.EQ) and self.path(tree.this) == ("resourceType",):
            return frozenset((str(self.literal(tree.expression)),))
        if isinstance(tree, kinds.In) and not tree.args.get("query") and self.path(tree.this) == ("resourceType",):
            return frozenset(str(self.literal(each)) for each in tree.expressions)
        return None


def _wildcard(pattern: Any) -> Callable[[Any, Any], bool]:
    """Only at the end of a text, and after three characters."""
    head, last = str(pattern)[:-1], str(pattern)[-1:]
    if last not in ("%", "_") or "%" in head or "_" in head:
        raise InvalidQuery(f"The pattern {pattern} has not its one wildcard at the end.")
    if len(head) < WILDCARD_CHARACTERS_MIN:
        raise InvalidQuery(f"The pattern {pattern} has fewer than {WILDCARD_CHARACTERS_MIN} characters before its wildcard.")
    if last == "%":
        return lambda value, _: str(value).startswith(head)
    return lambda value, _: str(value).startswith(head) and len(str(value)) == len(head) + 1


# Values --------------------------------------------------------------------------------------------


def values_at(value: Any, path: Path) -> Iterable[Any]:
    """Everything that a path means."""
    if isinstance(value, list):
        for each in value:
            yield from values_at(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from values_at(value[path[0]], path[1:])


def _some(path: Path, holds: Callable[[Any, Any], bool], wanted: Any) -> Holds:
    return lambda item: any(_is_so(value, holds, wanted) for value in values_at(item, path) if value is not None)


def _is_so(value: Any, holds: Callable[[Any, Any], bool], wanted: Any) -> bool:
    """Compared as what the query wrote: a number, a text or a truth value, which may be stored as a text."""
    if isinstance(wanted, bool):
        value = value if isinstance(value, bool) else str(value).lower() == "true"
    elif isinstance(wanted, float):
        try:
            value = float(value)
        except (TypeError, ValueError):
            return False
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif not isinstance(value, str):
        value = str(value)
    return holds(value, wanted)


def _projected(value: Any, path: Path) -> Any:
    """What is on the path and nothing beside it; None if there is nothing."""
    if not path:
        return value
    if isinstance(value, list):
        found = [each for each in (_projected(each, path) for each in value) if each is not None]
        return found or None
    if not isinstance(value, dict) or path[0] not in value:
        return None
    inner = _projected(value[path[0]], path[1:])
    return None if inner is None else {path[0]: inner}


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        held = into.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        elif isinstance(held, list) and isinstance(value, list) and len(held) == len(value):
            into[name] = [{**a, **b} if isinstance(a, dict) and isinstance(b, dict) else b for a, b in zip(held, value)]
        else:
            into[name] = value


def run(query: Query, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results, in their order."""
    found = [item for item in items if query.holds(item)]
    rows = _aggregated(query, found) if query.is_aggregate else [(item, _row(query.fields, item)) for item in found]
    for field, is_descending in reversed(query.order):
        rows.sort(key=lambda row, field=field: _place(row, field), reverse=is_descending)
    return [row for _, row in rows]


def _row(fields: tuple[Field, ...], item: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields:
        if not field.total:
            _merge(row, _projected(item, field.path) or {})
    return row


def _aggregated(query: Query, found: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for item in found:
        groups.setdefault(tuple(repr(list(values_at(item, path))) for path in query.group), []).append(item)
    if not query.group and not groups:
        groups[()] = []
    rows = []
    for members in groups.values():
        row = _row(query.fields, members[0]) if members else {}
        for field in query.fields:
            if field.total:
                row[field.name] = _total(field, members)
        rows.append((row, row))
    return rows


def _total(field: Field, members: list[dict[str, Any]]) -> Any:
    if not field.path:
        return len(members)
    values = [value for item in members for value in values_at(item, field.path) if value is not None]
    if field.total == "COUNT":
        return len(values)
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if not numbers:
        return None
    return {"SUM": sum, "MIN": min, "MAX": max, "AVG": lambda each: sum(each) / len(each)}[field.total](numbers)


def _place(row: tuple[dict[str, Any], dict[str, Any]], field: Field) -> tuple[int, Any]:
    """Numbers before texts, and what is not there last."""
    item, shown = row
    value = shown.get(field.name) if field.total else next(iter(values_at(item, field.path)), None)
    if value is None:
        return (2, 0)
    return (0, float(value)) if isinstance(value, (int, float)) else (1, str(value))
