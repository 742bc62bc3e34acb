"""Queries of Metrics Insights: ``SELECT AVG(CPUUtilization) FROM SCHEMA("AWS/EC2", InstanceId) WHERE … GROUP BY … ORDER BY MAX() DESC LIMIT 10``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

FUNCTIONS = ("AVG", "COUNT", "MAX", "MIN", "SUM")
LIMIT_MAX = 500
_TOKEN = re.compile(r"""\s*(?:(?P<sign>!=|[=(),])|(?P<quoted>"(?:[^"])*")|(?P<text>'(?:[^'])*')|(?P<number>\d+)|(?P<word>[A-Za-z_]\w*))""")


class InvalidQuery(ValueError):
    """What is wrong with it."""


class Condition(NamedTuple):
    label: str
    is_equal: bool
    value: str

    def holds(self, dimensions: dict[str, str]) -> bool:
        return (dimensions.get(self.label) == self.value) == self.is_equal


class Query(NamedTuple):
    function: str
    metric: str
    namespace: str
    schema: frozenset[str] | None
    """The dimensions a metric must have, no more and no less; None if any will do."""
    conditions: tuple[Condition, ...]
    groups: tuple[str, ...]
    order: str | None
    is_descending: bool
    limit: int | None

    def takes(self, dimensions: dict[str, str]) -> bool:
        is_of_schema = self.schema is None or dimensions.keys() == self.schema
        return is_of_schema and all(name in dimensions for name in self.groups) and all(each.holds(dimensions) for each in self.conditions)


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise InvalidQuery(f"Unsupported token at char {at}")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.place = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "end of query")

    def is_word(self, word: str) -> bool:
        kind, text = self.peek()
        if kind == "word" and text.upper() == word:
            self.place += 1
            return True
        return False

    def expect(self, *wanted: str) -> str:
        _, text = self.peek()
        if text.upper() not in wanted:
            raise InvalidQuery(f"Unsupported token '{text}', must be: {' or '.join(wanted)}")
        self.place += 1
        return text.upper()

    def name(self) -> str:
        kind, text = self.peek()
        if kind not in ("word", "quoted"):
            raise InvalidQuery(f"Unsupported token '{text}', must be: a name")
        self.place += 1
        return text[1:-1] if kind == "quoted" else text

    def value(self) -> str:
        kind, text = self.peek()
        if kind != "text":
            raise InvalidQuery(f"Unsupported token '{text}', must be: a text in single quotes")
        self.place += 1
        return text[1:-1]

    def names(self) -> list[str]:
        found = [self.name()]
        while self.peek() == ("sign", ","):
            self.place += 1
            found.append(self.name())
        return found


def is_query(text: str) -> bool:
    return text.lstrip()[:7].upper().rstrip() == "SELECT"


@lru_cache(maxsize=256)
def query(text: str) -> Query:
    """Read a query. Raises InvalidQuery."""
    reader = _Reader(text)
    reader.expect("SELECT")
    function = reader.expect(*FUNCTIONS)
    reader.expect("(")
    metric = reader.name()
    reader.expect(")")
    reader.expect("FROM")
    schema = None
    if reader.is_word("SCHEMA"):
        reader.expect("(")
        namespace, *dimensions = reader.names()
        reader.expect(")")
        schema = frozenset(dimensions)
    else:
        namespace = reader.name()
    conditions, groups, order, is_descending, limit = [], [], None, False, None
    if reader.is_word("WHERE"):
        while True:
            label, sign = reader.name(), reader.expect("=", "!=")
            conditions.append(Condition(label, sign == "=", reader.value()))
            if not reader.is_word("AND"):
                break
    if reader.is_word("GROUP"):
        reader.expect("BY")
        groups = reader.names()
    if reader.is_word("ORDER"):
        reader.expect("BY")
        order = reader.expect(*FUNCTIONS)
        reader.expect("(")
        reader.expect(")")
        is_descending = reader.is_word("DESC") or (reader.is_word("ASC") and False)
    if reader.is_word("LIMIT"):
        kind, number = reader.peek()
        if kind != "number" or not 1 <= int(number) <= LIMIT_MAX:
            raise InvalidQuery(f"LIMIT must be from 1 to {LIMIT_MAX}")
        reader.place, limit = reader.place + 1, int(number)
    if reader.peek()[0] != "end":
        raise InvalidQuery(f"Unsupported token '{reader.peek()[1]}'")
    return Query(function, metric, namespace, schema, tuple(conditions), tuple(groups), order, is_descending, limit)
