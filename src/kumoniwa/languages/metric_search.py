"""Search expressions of CloudWatch: which metrics a ``SEARCH`` finds: ``{AWS/EC2,InstanceId} MetricName="CPUUtilization" NOT i-0``.

A word without quotes is found in any part of a name (names are parts where letter case, digits or signs change); one in quotes is a whole
name or value. Terms beside each other must all hold; ``OR``, ``NOT`` and parentheses are as one expects.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

DEPTH_MAX = 30


class InvalidSearch(ValueError):
    """What is wrong with it."""


class Candidate(NamedTuple):
    namespace: str
    name: str
    dimensions: dict[str, str]


Holds = Callable[[Candidate], bool]
_TOKEN = re.compile(r'\s*(?:(?P<sign>[(){},=])|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[^\s(){},="]+))')
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _parts(text: str) -> frozenset[str]:
    whole = re.split(r"[^0-9A-Za-z]+", text)
    return frozenset(part.lower() for part in [*whole, *(p for each in whole for p in _PART.findall(each)), text] if part)


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise InvalidSearch(f"Unsupported token at char {at}")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.place = self.depth = 0

    @property
    def next(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.next
        self.place += 1
        return token

    def schema(self) -> Holds | None:
        if self.next != ("sign", "{"):
            return None
        self.take()
        names = [self.name()]
        while self.next == ("sign", ","):
            self.take()
            names.append(self.name())
        if self.take() != ("sign", "}"):
            raise InvalidSearch("The schema must end with '}'")
        namespace, dimensions = names[0], set(names[1:])
        return lambda metric: metric.namespace == namespace and metric.dimensions.keys() == dimensions

    def name(self) -> str:
        kind, text = self.take()
        if kind == "quoted":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind != "word":
            raise InvalidSearch(f"Unsupported token '{text}'")
        return text

    def any_of(self) -> Holds:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise InvalidSearch("The search is nested too deeply")
        found = [self.all_of()]
        while self.next == ("word", "OR"):
            self.take()
            found.append(self.all_of())
        self.depth -= 1
        return found[0] if len(found) == 1 else lambda metric: any(holds(metric) for holds in found)

    def all_of(self) -> Holds:
        found = []
        while self.next[0] != "end" and self.next not in (("word", "OR"), ("sign", ")")):
            if self.next == ("word", "AND"):
                self.take()
                continue
            found.append(self.term())
        if not found:
            raise InvalidSearch("A term is missing")
        return found[0] if len(found) == 1 else lambda metric: all(holds(metric) for holds in found)

    def term(self) -> Holds:
        is_negated = self.next == ("word", "NOT")
        if is_negated:
            self.take()
        if self.next == ("sign", "("):
            self.take()
            holds = self.any_of()
            if self.take() != ("sign", ")"):
                raise InvalidSearch("')' is missing")
        else:
            holds = self.word()
        return (lambda metric: not holds(metric)) if is_negated else holds

    def word(self) -> Holds:
        is_quoted = self.next[0] == "quoted"
        text = self.name()
        if self.next != ("sign", "="):
            return lambda metric: any(_is(text, is_quoted)(value) for value in _everything(metric))
        self.take()
        if self.next == ("sign", "("):
            raise InvalidSearch("Several values of one property are written as terms joined by OR")
        is_quoted = self.next[0] == "quoted"
        matches = _is(self.name(), is_quoted)
        if text == "Namespace":
            return lambda metric: matches(metric.namespace)
        if text == "MetricName":
            return lambda metric: matches(metric.name)
        return lambda metric: text in metric.dimensions and matches(metric.dimensions[text])


def _everything(metric: Candidate) -> list[str]:
    return [metric.namespace, metric.name, *metric.dimensions, *metric.dimensions.values()]


def _is(wanted: str, is_quoted: bool) -> Callable[[str], bool]:
    if is_quoted:
        return lambda value: value == wanted
    parts = _parts(wanted)
    return lambda value: wanted.lower() in (held := _parts(value)) or bool(parts) and parts - {wanted.lower()} <= held and len(parts) > 1


@lru_cache(maxsize=256)
def search(text: str) -> Holds:
    """Read a search. Raises InvalidSearch."""
    reader = _Reader(text)
    schema = reader.schema()
    terms = reader.any_of() if reader.next[0] != "end" else None
    if reader.next[0] != "end":
        raise InvalidSearch(f"Unsupported token '{reader.next[1]}'")
    if schema is None and terms is None:
        raise InvalidSearch("The search is empty")
    if schema is None:
        return terms
    return schema if terms is None else lambda metric: schema(metric) and terms(metric)
