"""The pattern language of EventBridge, which pipes and Lambda's event sources use, too: which events does somebody want.

A pattern is compiled into alternatives; each holds conditions on dotted paths. An event is laid flat once, so that many patterns may be
asked about it. Two conditions on things in one array must hold for the same element.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages.json_tokens import InvalidJson, Token, located, tokens
from kumoniwa.languages.policy_pattern import glob, literal

Test = Callable[[Any], bool]
"""Whether one scalar of an event is wanted."""
Membership = tuple[tuple[int, int], ...]
"""Which element of which array something lies in, from the outermost."""
Flat = dict[str, list[tuple[Any, Membership]]]
"""All scalars of an event by their dotted path."""

COMBINATIONS_MAX = 1000
COMPLEXITY_MAX = 10
"""AWS does not state its bound. It refuses ``*:*:*:*:*:event-bus/*``, where eleven beginnings of the pattern can match at once, and takes
``/Users/*/dir/dir/dir/dir/dir/doc.txt``, where seven can (recorded: test_event_pattern[content_wildcard_…])."""
COMPLEXITY_STEPS_MAX = 2000


class InvalidPattern(ValueError):
    """Not an event pattern; the text is AWS's reason."""


class Condition(NamedTuple):
    path: str
    test: Test
    may_be_absent: bool
    weight: int
    """How many values are asked for, times how deep they lie: what SNS counts a policy's complexity by."""


class Pattern:
    """What somebody wants; ``matches`` says whether an event is it."""

    def __init__(self, alternatives: list[dict[str, Condition]]) -> None:
        self.alternatives = [sorted(each.values(), key=lambda condition: condition.path) for each in alternatives]

    def matches(self, event: dict[str, Any]) -> bool:
        return self.matches_flat(flat(event))

    def matches_flat(self, event: Flat) -> bool:
        return any(_holds(conditions, event) for conditions in self.alternatives)

    def may_match(self, known: Flat) -> bool:
        """Whether an event can be wanted of which only these fields are known: those that it has, each by its whole path."""
        return any(_holds([each for each in conditions if each.path in known], known) for conditions in self.alternatives)


def compile(pattern: str | dict[str, Any]) -> Pattern:
    """Raises InvalidPattern."""
    return _compiled(pattern if isinstance(pattern, str) else json.dumps(pattern))


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Pattern:
    try:
        return Pattern(Reader(text, EVENTBRIDGE).pattern())
    except InvalidJson as error:
        raise InvalidPattern(located(text, error.reason, error.at)) from None


# Events --------------------------------------------------------------------------------------------


def flat(event: dict[str, Any]) -> Flat:
    found: Flat = {}
    arrays = 0
    waiting: list[tuple[str, Any, Membership]] = [("", event, ())]
    for path, value, membership in waiting:
        if isinstance(value, dict):
            ahead = f"{path}." if path else ""
            for key, inner in value.items():
                if isinstance(inner, (dict, list)):
                    waiting.append((ahead + key, inner, membership))
                else:
                    found.setdefault(ahead + key, []).append((inner, membership))
        elif isinstance(value, list):
            arrays += 1
            waiting += [(path, inner, (*membership, (arrays, index))) for index, inner in enumerate(value)]
        else:
            found.setdefault(path, []).append((value, membership))
    return found


def _holds(conditions: list[Condition], event: Flat) -> bool:
    places: list[set[Membership]] = []
    for path, test, may_be_absent, _ in conditions:
        values = event.get(path)
        if values is None:
            if not may_be_absent:
                return False
        elif len(values) == 1:
            if not test(values[0][0]):
                return False
            if values[0][1]:
                places.append({values[0][1]})
        else:
            found = {membership for value, membership in values if test(value)}
            if not found:
                return False
            if () not in found:
                places.append(found)
    return len(places) < 2 or _agree(places)


def _agree(places: list[set[Membership]]) -> bool:
    """Whether there is one place for each condition, so that all that lie in one array lie in the same element of it.

    The conditions are in the order of their paths: those that share an array follow each other. What no later one asks about is
    forgotten, therefore the choices that stay open are few.
    """
    last = {array: number for number, found in enumerate(places) for membership in found for array, _ in membership}
    choices: set[frozenset[tuple[int, int]]] = {frozenset()}
    for number, found in enumerate(places):
        after = set()
        for choice in choices:
            chosen = dict(choice)
            for membership in found:
                if all(chosen.get(array, index) == index for array, index in membership):
                    after.add(frozenset((array, index) for array, index in {**chosen, **dict(membership)}.items() if last[array] > number))
        choices = after
    return bool(choices)


# Tests of one value --------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _of_text(accepts: Callable[[str], bool]) -> Test:
    return lambda value: isinstance(value, str) and accepts(value)


def _but(test: Test) -> Test:
    return lambda value: not test(value)


def _any(tests: Iterable[Test]) -> Test:
    every = tuple(tests)
    return every[0] if len(every) == 1 else lambda value: any(test(value) for test in every)


def _exact(values: list[Any]) -> Test:
    """One of these texts, numbers, true, false or null. An address is the same however it is spelled."""
    wanted = {(type(value) in (int, float), type(value) is bool, value) for value in values}
    addresses = {address for value in values if isinstance(value, str) and (address := _address(value))}

    def test(value: Any) -> bool:
        if (type(value) in (int, float), type(value) is bool, value) in wanted:
            return True
        return bool(addresses) and isinstance(value, str) and _address(value) in addresses

    return test


_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_IPV6 = re.compile(r"[0-9a-fA-F:]+")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """AWS reads decimals with zeros ahead, and neither zones nor the dotted end of an IPv6 address (event-ruler's CIDR.java)."""
    try:
        if _IPV4.fullmatch(text):
            return ipaddress.IPv4Address(".".join(part.lstrip("0") or "0" for part in text.split(".")))
        return ipaddress.IPv6Address(text) if _IPV6.fullmatch(text) else None
    except ValueError:
        return None


def _ignoring_case(text: str) -> str:
    """A regular expression. Each character may stand in its lower or in its upper form: the latter of ``ß`` is ``SS``, but not ``ss``.

    Java goes through its 16-bit units one by one, so letters outside of the basic plane have one form only (event-ruler's EqualsIgnoreCaseParser.java).
    """
    forms = ((mark.lower(), mark.upper()) if ord(mark) < 0x10000 else (mark, mark) for mark in text)
    return "".join(re.escape(lower) if lower == upper else f"(?:{re.escape(lower)}|{re.escape(upper)})" for lower, upper in forms)


def _cidr(text: str) -> Test:
    address, slash, bits = text.partition("/")
    if not slash or "/" in bits:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not bits.isdecimal():
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    parsed = _address(address)
    if parsed is None:
        raise InvalidPattern(f"Nonstandard IP address: {address}")
    if int(bits) > parsed.max_prefixlen:
        raise InvalidPattern(f"IPv{parsed.version} mask bits must be between 0 and {parsed.max_prefixlen}")
    network = ipaddress.ip_network((parsed, int(bits)), strict=False)

    def test(value: Any) -> bool:
        found = _address(value) if isinstance(value, str) else None
        return found is not None and found in network

    return test


def _wildcard(text: str) -> tuple[Test | None, str]:
    """The test, or why there is none."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        mark = text[at]
        if mark == "\\":
            if text[at + 1 : at + 2] not in ("*", "\\"):
                return None, f"Invalid escape character at pos {at + 1}"
            at += 1
            pieces.append(literal(text[at]))
        elif mark == "*":
            if text[at + 1 : at + 2] == "*":
                return None, f"Consecutive wildcard characters at pos {at + 1}"
            pieces.append("*")
        else:
            pieces.append(literal(mark))
        at += 1
    if _is_complex(pieces):
        raise InvalidPattern(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
        )
    return _of_text(glob("".join(pieces))), ""


def _is_complex(pieces: list[str]) -> bool:
    """Whether too many beginnings of the pattern can match one text at once."""
    if "*" not in pieces:
        return False

    def closed(places: Iterable[int]) -> frozenset[int]:
        return frozenset(at for place in places for at in ((place, place + 1) if pieces[place : place + 1] == ["*"] else (place,)))

    first = closed([0])
    seen, waiting = {first}, [first]
    for places in waiting:
        if len(places) >= COMPLEXITY_MAX or len(seen) > COMPLEXITY_STEPS_MAX:
            return True
        inner = [at for at in places if at < len(pieces)]
        stay = [at for at in inner if pieces[at] == "*"]
        for mark in {pieces[at] for at in inner if pieces[at] != "*"}:
            after = closed([*stay, *(at + 1 for at in inner if pieces[at] == mark)])
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


# Reading -------------------------------------------------------------------------------------------

_KEYWORDS = frozenset(
    {"exactly", "prefix", "suffix", "numeric", "anything-but", "exists", "cidr", "equals-ignore-case", "wildcard", "$or"}
)


class Dialect(NamedTuple):
    """What the services that read patterns do not have in common: SNS's reader is the older one."""

    unwanted: dict[str, str]
    """The operators that may stand within ``anything-but``, and what is said where their value is no text."""
    is_plain: bool
    """Whether ``prefix``, ``suffix`` and what stands within ``anything-but`` take one text and nothing else."""


_AFFIX = "prefix/suffix match pattern must be a string"
EVENTBRIDGE = Dialect(
    {
        "prefix": _AFFIX,
        "suffix": _AFFIX,
        "wildcard": "wildcard match pattern must be a string",
        "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    },
    is_plain=False,
)

_NUMBER_AT_END = re.compile(r"[-+.eE0-9]+\Z")
_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"


class Reader:
    """Reads a pattern token by token; refuses where and as AWS does."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text, self.dialect, self.tokens, self.at = text, dialect, tokens(text), 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at - 1]

    def next(self) -> Token:
        self.at += 1
        return self.token

    def refused(self, reason: str, *, at: int | None = None, times: int = 1) -> InvalidPattern:
        where = located(self.text, "", self.token.read if at is None else at)
        return InvalidPattern(reason + where * times)

    def pattern(self) -> list[dict[str, Condition]]:
        if self.next().kind != "{":
            raise self.refused("Filter is not an object")
        return self.object("", 1)

    def object(self, path: str, depth: int) -> list[dict[str, Condition]]:
        """The alternatives of an object, whose brace was read."""
        found: list[dict[str, Condition]] = [{}]
        is_empty = True
        while self.next().kind != "}":
            is_empty = False
            name = self.token.value
            inner = f"{path}.{name}" if path else name
            kind = self.next().kind
            if name == "$or" and kind == "[" and self._is_or():
                more = self.alternatives(path, depth)
            elif kind == "{":
                more = self.object(inner, depth + 1)
            elif kind == "[":
                more = [{inner: self.condition(inner, depth)}]
            else:
                raise self.refused(f'"{name}" must be an object or an array')
            if len(found) * len(more) > COMBINATIONS_MAX:
                raise self.refused(f"Too many combinations of $or: at most {COMBINATIONS_MAX}")
            found = [{**one, **other} for one in found for other in more]
        if is_empty:
            raise self.refused("Empty objects are not allowed")
        return found

    def _is_or(self) -> bool:
        """``$or`` is a field like others unless an array of two or more objects follows, none of which begins with an operator.
        https://github.com/aws/event-ruler#or-matching"""
        depth, objects, at = 0, 0, self.at
        while depth >= 0:
            token = self.tokens[at]
            if depth == 0 and token.kind not in "{]":
                return False
            if depth == 0 and token.kind == "{":
                objects += 1
            if depth == 1 and token.kind == "name" and token.value in _KEYWORDS - {"$or"}:
                return False
            depth += 1 if token.kind in "{[" else -1 if token.kind in "}]" else 0
            at += 1
        return objects > 1

    def alternatives(self, path: str, depth: int) -> list[dict[str, Condition]]:
        found: list[dict[str, Condition]] = []
        while self.next().kind != "]":
            found += self.object(path, depth)
        return found

    def condition(self, path: str, depth: int) -> Condition:
        """The values that one field may have, whose bracket was read."""
        plain: list[Any] = []
        tests: list[Test] = []
        may_be_absent = False
        count = 0
        while (token := self.next()).kind != "]":
            count += 1
            if token.kind == "{":
                test = self.expression()
                if test is None:
                    may_be_absent = True
                else:
                    tests.append(test)
            elif token.kind in ("string", "number", "true", "false", "null"):
                plain.append(token.value)
            else:
                raise self.refused("Match value must be String, number, true, false, or null")
        if not count:
            raise self.refused("Empty arrays are not allowed")
        if plain:
            tests.insert(0, _exact(plain))
        return Condition(path, _any(tests) if tests else lambda value: False, may_be_absent, count * depth)

    def expression(self) -> Test | None:
        """One ``{"operator": …}``, whose brace was read. None: the field must be absent."""
        if self.next().kind != "name":
            raise self.refused("Match expression name not found")
        name = self.token.value
        if name == "numeric":
            return self.numeric()
        if name == "anything-but":
            return self.anything_but()
        if name == "exists":
            if self.next().kind not in ("true", "false"):
                raise self.refused("exists match pattern must be either true or false.")
            is_wanted = self.token.kind == "true"
            self.close(_ONE_KEY)
            return (lambda value: True) if is_wanted else None
        if name in ("prefix", "suffix"):
            return self.affix(name)
        if name not in _KEYWORDS or name == "$or":
            raise self.refused(f"Unrecognized match type {name}")
        # What AWS says where an address is no text speaks of a prefix (recorded: content_ip_address_type_EXC).
        said = {"exactly": "exact", "cidr": "prefix"}.get(name, name)
        if self.next().kind != "string":
            raise self.refused(f"{said} match pattern must be a string")
        test = self.text_test(name, self.token)
        self.close(_ONE_KEY)
        return test

    def text_test(self, name: str, token: Token) -> Test:
        text: str = token.value
        if name == "exactly":
            return _exact([text])
        if name == "cidr":
            return _cidr(text)
        if name == "wildcard":
            test, reason = _wildcard(text)
            if test is None:
                raise self.refused(reason, at=token.end)
            return test
        if name == "equals-ignore-case":
            whole = re.compile(_ignoring_case(text))
            return _of_text(lambda value: whole.fullmatch(value) is not None)
        return _of_text(lambda value: value.startswith(text)) if name == "prefix" else _of_text(lambda value: value.endswith(text))

    def affix(self, name: str) -> Test:
        if self.next().kind == "{" and not self.dialect.is_plain:
            self.next()
            if self.token.value != "equals-ignore-case":
                raise self.refused(f"Unsupported {name} pattern: {self.token.value}")
            if self.next().kind != "string":
                raise self.refused("equals-ignore-case match pattern must be a string")
            part = _ignoring_case(self.token.value)
            self.close(_ONE_KEY)
            self.close(_ONE_KEY)
            if name == "prefix":
                return _of_text(lambda value, begin=re.compile(part): begin.match(value) is not None)
            return _of_text(lambda value, end=re.compile(part + r"\Z"): end.search(value) is not None)
        if self.token.kind != "string":
            raise self.refused(f"{name} match pattern must be a string")
        test = self.text_test(name, self.token)
        self.close(_ONE_KEY)
        return test

    def close(self, refusal: str) -> None:
        if self.next().kind != "}":
            raise self.refused(refusal)

    # anything-but --------------------------------------------------------------------------------

    def anything_but(self) -> Test:
        name = ""
        if self.next().kind == "{":
            if self.next().kind != "name":
                raise self.refused("Anything-But expression name not found")
            name = self.token.value
            if name not in self.dialect.unwanted:
                raise self.refused(f"Unsupported anything-but pattern: {name}")
            if self.next().kind != "string" and self.dialect.is_plain:
                raise self.refused(self.dialect.unwanted[name])
        if self.token.kind not in ("[", "string", "number"):
            raise self.refused("Value of anything-but must be an array or single string/number value.")
        if self.token.kind != "[":
            values = [self.unwanted(name, 1)]
        else:
            values = []
            while self.next().kind != "]":
                values.append(self.unwanted(name, 2))
        if not name:
            if len({token.kind for token in values}) != 1:
                raise self.refused("Inside anything but list, either all values are number or string, mixed type is not supported")
            test = _exact([token.value for token in values])
        else:
            if not values:
                raise self.refused("Empty arrays are not allowed")
            test = _any([self.text_test(name, token) for token in values])
        self.close(_TOO_MANY)
        if name:
            self.close(_TOO_MANY)
        return _but(test)

    def unwanted(self, name: str, times: int) -> Token:
        """One value of an anything-but. In a list AWS's reader says twice where it stands."""
        token = self.token
        if not name:
            if token.kind not in ("string", "number"):
                raise self.refused("Inside anything but list, start|null|boolean is not supported.", times=times)
            if token.kind == "number":
                self.comparable()
        elif token.kind != "string":
            raise self.refused(self.dialect.unwanted[name], times=times)
        elif not token.value and name in ("prefix", "suffix"):
            raise self.refused("Null prefix/suffix not allowed", at=token.end, times=times)
        return token

    # numeric -------------------------------------------------------------------------------------

    def numeric(self) -> Test:
        if self.next().kind != "[":
            raise self.refused("Value of numeric must be an array.")
        if self.next().kind != "string":
            raise self.refused(f"Invalid member in numeric match: {_shown(self.token)}")
        sign = self.token.value
        if sign not in _COMPARE:
            raise self.refused(f"Unrecognized numeric range operator: {sign}", at=self.next().read)
        bound = self.number("equals" if sign == "=" else sign)
        compare = _COMPARE[sign]
        test: Test = lambda value: _is_number(value) and compare(value, bound)  # noqa: E731
        if self.next().kind != "]":
            if sign not in (">", ">="):
                raise self.refused(_TOO_MANY)
            test = self.range(test, bound)
        self.close(_TOO_MANY)
        return test

    def range(self, above: Test, bottom: float) -> Test:
        if self.token.kind != "string":
            raise self.refused(f"Bad value in numeric range: {_shown(self.token)}")
        sign = self.token.value
        if sign not in ("<", "<="):
            raise self.refused(f"Bad numeric range operator: {sign}", at=self.token.end)
        top, compare = self.number(sign), _COMPARE[sign]
        if self.next().kind != "]":
            raise self.refused("Too many terms in numeric range expression")
        if bottom >= top:
            raise self.refused("Bottom must be less than top")
        return lambda value: above(value) and compare(value, top)

    def number(self, sign: str) -> float:
        if self.next().kind != "number":
            raise self.refused(f"Value of {sign} must be numeric")
        return self.comparable()

    def comparable(self) -> float:
        """The number that was read, which a double must be able to hold: AWS refuses what it would compare wrongly (event-ruler's ComparableNumber.java)."""
        written = _NUMBER_AT_END.search(self.text, 0, self.token.end)[0]
        if not math.isfinite(self.token.value) or Decimal(repr(self.token.value)) != Decimal(written):
            raise InvalidPattern(f"Cannot compare number : {written}")
        return self.token.value


def _shown(token: Token) -> str:
    if token.kind == "number" and token.value.is_integer():
        return str(int(token.value))
    return token.kind if token.value is None else str(token.value)
