"""Rules of composite alarms: ``ALARM("cpu") AND NOT (OK(disk) OR AT_LEAST(2, ALARM, (a, b, c)))``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import NamedTuple

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
ELEMENT = "'(', 'NOT', AT_LEAST, TRUE or FALSE, ALARM, OK, or INSUFFICIENT_DATA"
"""What an element begins with, as AWS was seen to tell it: pf-cloudwatch-composite-alarm-rule-syntax of badmintoncryer/cdk-preflight."""
ELEMENTS_MAX, CHILDREN_MAX = 500, 100
DEPTH_MAX = 50

StateOf = Callable[[str], str | None]
"""The state of an alarm by the name or ARN that stands in the rule."""


class InvalidRule(ValueError):
    """What is wrong, as CloudWatch says it (https://github.com/aws/aws-cdk/issues/13953 and 34662)."""


class Rule(NamedTuple):
    holds: Callable[[StateOf], bool]
    children: tuple[str, ...]
    """Names or ARNs, each once, in the order in which they stand in the rule."""


_TOKEN = re.compile(r'\s*(?:(?P<sign>[(),])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s(),"]+))')


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens, self.place, self.depth, self.elements = [], 0, 0, 0
        self.children: dict[str, None] = {}
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise InvalidRule(f"Unsupported token '{text[at:].strip()[:1]}' at char {at + len(text[at:]) - len(text[at:].lstrip())}")
            found = match[match.lastgroup]
            self.tokens.append(
                _Token(
                    match.lastgroup, re.sub(r"\\(.)", r"\1", found) if match.lastgroup == "quoted" else found, match.start(match.lastgroup)
                )
            )
            at = match.end()
        self.tokens.append(_Token("end", "", len(text)))

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def refuse(self, wanted: str = "") -> InvalidRule:
        must = f", must be: {wanted}" if wanted else ""
        if self.next.kind == "end":
            return InvalidRule(f"Unexpected end of rule{must}")
        return InvalidRule(f"Unsupported token '{self.next.text}' at char {self.next.at}{must}")

    def expect(self, sign: str) -> None:
        if (self.next.kind, self.next.text) != ("sign", sign):
            raise self.refuse(f"'{sign}'")
        self.place += 1

    def is_word(self, word: str) -> bool:
        if self.next.kind == "word" and self.next.text.upper() == word:
            self.place += 1
            return True
        return False

    def any_of(self) -> Callable[[StateOf], bool]:
        found = [self.all_of()]
        while self.is_word("OR"):
            found.append(self.all_of())
        return found[0] if len(found) == 1 else lambda state: any(holds(state) for holds in found)

    def all_of(self) -> Callable[[StateOf], bool]:
        found = [self.one()]
        while self.is_word("AND"):
            found.append(self.one())
        return found[0] if len(found) == 1 else lambda state: all(holds(state) for holds in found)

    def one(self) -> Callable[[StateOf], bool]:
        self.depth += 1
        self.elements += 1
        if self.depth > DEPTH_MAX or self.elements > ELEMENTS_MAX:
            raise InvalidRule(f"The rule has more than {ELEMENTS_MAX} elements or is nested too deeply")
        holds = self._one()
        self.depth -= 1
        return holds

    def _one(self) -> Callable[[StateOf], bool]:
        if self.is_word("NOT"):
            inner = self.one()
            return lambda state: not inner(state)
        if (self.next.kind, self.next.text) == ("sign", "("):
            self.take()
            inner = self.any_of()
            self.expect(")")
            return inner
        for word, value in (("TRUE", True), ("FALSE", False)):
            if self.is_word(word):
                return lambda state: value
        if self.is_word("AT_LEAST"):
            return self.at_least()
        for wanted in STATES:
            if self.is_word(wanted):
                self.expect("(")
                name = self.name()
                self.expect(")")
                return lambda state: state(name) == wanted
        raise self.refuse(ELEMENT)

    def name(self) -> str:
        if self.next.kind not in ("quoted", "word"):
            raise self.refuse()
        name = self.take().text
        self.children[name] = None
        if len(self.children) > CHILDREN_MAX:
            raise InvalidRule(f"The rule refers to more than {CHILDREN_MAX} alarms")
        return name

    def at_least(self) -> Callable[[StateOf], bool]:
        self.expect("(")
        count = re.fullmatch(r"(\d{1,4})(%?)", self.next.text)
        if count is None:
            raise self.refuse()
        self.take()
        self.expect(",")
        is_negated = self.is_word("NOT")
        wanted = self.next.text.upper()
        if wanted not in STATES:
            raise self.refuse()
        self.take()
        self.expect(",")
        self.expect("(")
        names = [self.name()]
        while (self.next.kind, self.next.text) == ("sign", ","):
            self.take()
            names.append(self.name())
        self.expect(")")
        self.expect(")")
        least = ceil(len(names) * int(count[1]) / 100) if count[2] else int(count[1])
        return lambda state: sum((state(name) == wanted) != is_negated for name in names) >= least


@lru_cache(maxsize=512)
def rule(text: str) -> Rule:
    """Read a rule. Raises InvalidRule."""
    reader = _Reader(text)
    holds = reader.any_of()
    if reader.next.kind != "end":
        raise reader.refuse()
    return Rule(holds, tuple(reader.children))
