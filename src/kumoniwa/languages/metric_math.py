"""Metric math: expressions over time series, as CloudWatch's GetMetricData, alarms and dashboards take them: ``100 * SUM([m1, m2]) / m3``.

This is the grammar; what it comes to is ``metric_math_run``'s. Ids begin with a small letter, functions and words with a capital.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DEPTH_MAX = 60


class InvalidExpression(ValueError):
    """What is wrong, in the brackets in which CloudWatch says it."""


class Number(NamedTuple):
    value: float


class Text(NamedTuple):
    value: str


class Name(NamedTuple):
    """The id of another query, or a word that only some functions know: ``REPEAT``, ``DESC``."""

    value: str


class Unary(NamedTuple):
    operand: Node


class Binary(NamedTuple):
    operator: str
    left: Node
    right: Node


class Function(NamedTuple):
    name: str
    arguments: tuple[Node, ...]


class Listed(NamedTuple):
    items: tuple[Node, ...]


Node = Number | Text | Name | Unary | Binary | Function | Listed

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],]))""",
    re.VERBOSE,
)
_BINDING = {"OR": 1, "AND": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "^": 8}
_UNARY = 7
_WORDS = {"&&": "AND", "||": "OR"}


class _Token(NamedTuple):
    kind: str
    value: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise InvalidExpression(f"Unsupported token '{text[start]}' at char {start}")
        kind = match.lastgroup
        value = match[kind]
        if value in ("AND", "OR") or value in _WORDS:
            kind, value = "sign", _WORDS.get(value, value)
        found.append(_Token(kind, value, match.start(match.lastgroup)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.place = self.depth = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def refuse(self, wanted: str = "") -> InvalidExpression:
        if self.next.kind == "end":
            return InvalidExpression("Unexpected end of expression" + (f", must be: '{wanted}'" if wanted else ""))
        return InvalidExpression(f"Unsupported token '{self.next.value}' at char {self.next.at}" + (f", must be: '{wanted}'" if wanted else ""))

    def expect(self, sign: str) -> None:
        if self.next.value != sign or self.next.kind != "sign":
            raise self.refuse(sign)
        self.place += 1

    def expression(self, binding: int = 0) -> Node:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise InvalidExpression("The expression is nested too deeply")
        left = self.operand()
        while self.next.kind == "sign" and _BINDING.get(self.next.value, -1) > binding:
            sign = self.take().value
            # A power binds to the right: 2^3^2 is 2^9.
            left = Binary(sign, left, self.expression(_BINDING[sign] - (sign == "^")))
        self.depth -= 1
        return left

    def operand(self) -> Node:
        token = self.next
        if token.kind == "number":
            return Number(float(self.take().value))
        if token.kind == "text":
            return Text(re.sub(r"\\(.)", r"\1", self.take().value[1:-1]))
        if token.kind == "name":
            self.take()
            if self.next.value == "(" and self.next.kind == "sign":
                self.take()
                return Function(token.value, self.items(")"))
            return Name(token.value)
        if token.kind == "sign" and token.value == "-":
            self.take()
            return Unary(self.expression(_UNARY))
        if token.kind == "sign" and token.value == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind == "sign" and token.value == "[":
            self.take()
            return Listed(self.items("]"))
        raise self.refuse()

    def items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not (self.next.kind == "sign" and self.next.value == closing):
            if items:
                self.expect(",")
            items.append(self.expression())
        self.take()
        return tuple(items)


@lru_cache(maxsize=512)
def parse(text: str) -> Node:
    """Read an expression. Raises InvalidExpression."""
    reader = _Reader(text)
    found = reader.expression()
    if reader.next.kind != "end":
        raise reader.refuse()
    return found


def names_in(node: Node) -> set[str]:
    """The ids an expression refers to, as far as its text says (``METRICS`` refers to any)."""
    if isinstance(node, Name):
        return {node.value} if node.value[0].islower() else set()
    inner: tuple[Node, ...] = ()
    if isinstance(node, Function):
        inner = node.arguments
    elif isinstance(node, Listed):
        inner = node.items
    elif isinstance(node, Binary):
        inner = (node.left, node.right)
    elif isinstance(node, Unary):
        inner = (node.operand,)
    return set().union(*map(names_in, inner))


def functions_in(node: Node) -> set[str]:
    if isinstance(node, Function):
        return {node.name}.union(*map(functions_in, node.arguments))
    if isinstance(node, Listed):
        return set().union(*map(functions_in, node.items))
    if isinstance(node, Binary):
        return functions_in(node.left) | functions_in(node.right)
    return functions_in(node.operand) if isinstance(node, Unary) else set()


def is_band(text: str) -> bool:
    """Whether an expression comes to the two lines of a band."""
    return text.lstrip().startswith("ANOMALY_DETECTION_BAND")


def texts_of(node: Node, function: str) -> set[str]:
    """What stands first in the calls of a function."""
    inner: tuple[Node, ...] = ()
    if isinstance(node, Function):
        inner = node.arguments
        if node.name == function and inner and isinstance(inner[0], Text):
            return {inner[0].value}
    elif isinstance(node, Listed):
        inner = node.items
    elif isinstance(node, Binary):
        inner = (node.left, node.right)
    elif isinstance(node, Unary):
        inner = (node.operand,)
    return set().union(*(texts_of(each, function) for each in inner))
