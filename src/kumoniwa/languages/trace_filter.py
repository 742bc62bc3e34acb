"""The filter expressions of X-Ray: ``service("api") { fault } AND annotation[age] > 30``.

A text becomes one function of a subject; whoever has traces says what a subject is (``Subject``). Keywords are read without regard to
case, strings stand in double or single quotes. https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

NESTING_MAX = 50
BOOLEANS = frozenset({"ok", "error", "throttle", "fault", "partial", "inferred", "root"})
NUMBERS = frozenset({"responsetime", "duration", "http.status"})
STRINGS = frozenset({
    "http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type", "availabilityzone", "instance.id", "resource.arn",
})  # fmt: skip
OF_ROOT_CAUSES = frozenset({"first", "last", "remote", "index", "coverage", "message", "rootcause", "json", "linked"})
"""Keywords that exist and that nothing here can answer."""


class InvalidExpression(ValueError): ...


class UnsupportedKeyword(ValueError):
    """A keyword that AWS has and this does not; the argument is its name."""


class Subject(Protocol):
    """A trace, or a service or an edge of one."""

    def says(self, keyword: str) -> bool:
        """Of ``BOOLEANS``."""
        ...

    def values(self, keyword: str) -> list[Any]:
        """All values of one of ``NUMBERS`` or ``STRINGS``."""
        ...

    def annotations(self, key: str) -> list[Any]: ...

    def services(self, wanted: Selector) -> list[Subject]: ...

    def edges(self, source: Selector, target: Selector) -> list[Subject]: ...

    def is_in_group(self, keyword: str, value: str) -> bool:
        """``keyword`` is ``group.name`` or ``group.arn``."""
        ...


class Selector(NamedTuple):
    """Which service: what is None may be anything."""

    name: str | None = None
    type: str | None = None
    account: str | None = None


Test = Callable[[Subject], bool]

_TOKEN = re.compile(
    r"""\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])|([A-Za-z_][\w.]*)|(!=|<=|>=|[=<>!(){}\[\],:]))"""
)
_STRING, _NUMBER, _WORD, _SIGN = 1, 2, 3, 4


@lru_cache(maxsize=256)
def parse(text: str) -> Test:
    """Raises InvalidExpression or UnsupportedKeyword."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[int, str]] = []
        self.at, self.depth, position = 0, 0, 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise InvalidExpression(f"unexpected {text[position:].strip()[:1]!r} at position {position}")
            self.tokens.append((found.lastindex, found[found.lastindex]))
            position = found.end()

    # Tokens

    def peek(self) -> str:
        """The next sign, or the next word in lower case; nothing at the end and before strings and numbers."""
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else (0, "")
        return text.lower() if kind in (_WORD, _SIGN) else ""

    def next(self) -> tuple[int, str]:
        if self.at >= len(self.tokens):
            raise InvalidExpression("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, wanted: str) -> bool:
        if self.peek() != wanted:
            return False
        self.at += 1
        return True

    def expect(self, wanted: str) -> None:
        if not self.take(wanted):
            found = self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"
            raise InvalidExpression(f"expected {wanted!r}, found {found!r}")

    def string(self) -> str:
        kind, text = self.next()
        if kind != _STRING:
            raise InvalidExpression(f"expected a string, found {text!r}")
        return re.sub(r"\\(.)", r"\1", text[1:-1])

    # Grammar

    def whole(self) -> Test:
        test = self.any()
        if self.at < len(self.tokens):
            raise InvalidExpression(f"unexpected {self.tokens[self.at][1]!r}")
        return test

    def any(self) -> Test:
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise InvalidExpression("it is nested too deeply")
        tests = [self.all()]
        while self.take("or"):
            tests.append(self.all())
        self.depth -= 1
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def all(self) -> Test:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda subject: all(test(subject) for test in tests)

    def one(self) -> Test:
        is_negated = False
        while self.take("!"):
            is_negated = not is_negated
        test = self.positive()
        return (lambda subject: not test(subject)) if is_negated else test

    def positive(self) -> Test:
        if self.take("("):
            test = self.any()
            self.expect(")")
            return test
        kind, text = self.next()
        word = text.lower()
        if kind != _WORD:
            raise InvalidExpression(f"expected a keyword, found {text!r}")
        if word in ("service", "edge"):
            return self.place(word)
        if word == "annotation" or word.startswith("annotation."):
            return self.annotation(text)
        if word.split(".")[0] in OF_ROOT_CAUSES:
            raise UnsupportedKeyword(word)
        if word in ("group.name", "group.arn"):
            return self.group(word)
        if word in BOOLEANS:
            return self.boolean(word)
        if word in NUMBERS:
            return self.compared(lambda subject: subject.values(word), numbers=True)
        if word in STRINGS:
            return self.compared(lambda subject: subject.values(word), strings=True)
        raise InvalidExpression(f"unknown keyword {text!r}")

    def place(self, word: str) -> Test:
        """A service, or an edge between two, with what shall be true of one of them."""
        self.expect("(")
        selectors = [Selector()] if word == "service" and self.peek() == ")" else [self.selector()]
        if word == "edge":
            self.expect(",")
            selectors.append(self.selector())
        self.expect(")")
        inner: Test | None = None
        if self.take("{"):
            inner = self.any()
            self.expect("}")

        def is_there(subject: Subject) -> bool:
            found = subject.services(*selectors) if word == "service" else subject.edges(*selectors)
            return any(inner is None or inner(one) for one in found)

        return is_there

    def selector(self) -> Selector:
        if self.peek() != "id":
            return Selector(name=self.string())
        self.at += 1
        self.expect("(")
        said: dict[str, str] = {}
        while not self.take(")"):
            if said:
                self.expect(",")
            _, key = self.next()
            field = {"name": "name", "type": "type", "account.id": "account", "accountid": "account"}.get(key.lower())
            if field is None or field in said:
                raise InvalidExpression(f"unexpected {key!r} in id()")
            self.expect(":")
            said[field] = self.string()
        if not said:
            raise InvalidExpression("id() names nothing")
        return Selector(**said)

    def annotation(self, text: str) -> Test:
        key = text.partition(".")[2]
        if not key:
            self.expect("[")
            kind, key = self.next()
            if kind == _STRING:
                key = key[1:-1]
            self.expect("]")
        if self.peek() in _OPERATORS:
            return self.compared(lambda subject: subject.annotations(key))
        return lambda subject: bool(subject.annotations(key))

    def group(self, word: str) -> Test:
        is_equal = not self.take("!=")
        if is_equal:
            self.expect("=")
        value = self.string()
        return lambda subject: subject.is_in_group(word, value) is is_equal

    def boolean(self, word: str) -> Test:
        sign = self.peek()
        if sign not in ("=", "!="):
            return lambda subject: subject.says(word)
        self.at += 1
        value = self.value()
        if not isinstance(value, bool):
            raise InvalidExpression(f"{word} is true or false")
        wanted = value is (sign == "=")
        return lambda subject: subject.says(word) is wanted

    def compared(self, read: Callable[[Subject], list[Any]], *, numbers: bool = False, strings: bool = False) -> Test:
        sign = self.peek()
        compare = _OPERATORS.get(sign)
        if compare is None:
            raise InvalidExpression("expected an operator")
        self.at += 1
        value = self.value()
        is_number = isinstance(value, float)
        if (numbers and not is_number) or (strings and not isinstance(value, str)):
            raise InvalidExpression(f"{value!r} is of the wrong type")
        if (sign in _OF_NUMBERS and not is_number) or (sign in _OF_STRINGS and not isinstance(value, str)):
            raise InvalidExpression(f"{sign} does not compare {value!r}")

        def is_so(subject: Subject) -> bool:
            return any(compare(held, value) for held in read(subject) if _kind(held) is type(value))

        return is_so

    def value(self) -> str | float | bool:
        kind, text = self.next()
        if kind == _NUMBER:
            return float(text)
        if kind == _WORD and text.lower() in ("true", "false"):
            return text.lower() == "true"
        self.at -= 1
        return self.string()


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "contains": operator.contains, "beginswith": str.startswith, "endswith": str.endswith,
}  # fmt: skip
_OF_NUMBERS = frozenset({"<", "<=", ">", ">="})
_OF_STRINGS = frozenset({"contains", "beginswith", "endswith"})
