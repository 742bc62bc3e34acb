"""The Condition element of a policy: every operator AWS documents, compiled once into closures.

All operators and all their keys must hold; of one key's values one must match (of a negated operator's, none). What a
missing key means is the operator's affair, and that is where policies surprise:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages import policy_pattern as pattern
from kumoniwa.languages.policy_pattern import Context, Match

Holds = Callable[[Context], bool]


class Malformed(ValueError):
    """A value the operator cannot use."""


def _folded_text(value: str) -> Match:
    wanted = pattern.plain(value).casefold()
    return lambda text: text.casefold() == wanted


_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d?)(?::(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?(Z|z|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)


@lru_cache(maxsize=1024)
def seconds(text: str) -> float | None:
    """Epoch seconds of a W3C ISO 8601 date or of a number of seconds; None for anything else."""
    found = _DATE.fullmatch(text)
    if found is None:
        number = re.fullmatch(r"-?\d{1,19}(\.\d{1,9})?", text)
        return float(text) if number and abs(float(text)) < 2**63 else None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        at = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        ).timestamp()
    except (ValueError, OverflowError):
        return None
    if zone and zone not in "Zz":
        offset = int(zone[1:3]) * 3600 + int(zone[-2:] if len(zone) > 3 else 0) * 60
        at -= offset if zone[0] == "+" else -offset
    return at + float(fraction or 0)


@lru_cache(maxsize=1024)
def number(text: str) -> float | None:
    """A finite number as policies write it, else None."""
    return (
        float(text)
        if re.fullmatch(r"[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][+-]?\d{1,2})?", text)
        else None
    )


def _compared(
    reading: Callable[[str], float | None], compare: Callable[[float, float], bool]
) -> Callable[[str], Match]:
    def compile_value(value: str) -> Match:
        limit = reading(pattern.plain(value))
        if limit is None:
            raise Malformed(value)

        def matches(text: str) -> bool:
            found = reading(text)
            return found is not None and compare(found, limit)

        return matches

    return compile_value


def _boolean(value: str) -> Match:
    wanted = pattern.plain(value).lower()
    return lambda text: text.lower() == wanted


def is_base64(value: str) -> bool:
    """Whether it is whole, with the padding that it needs and no more."""
    return len(value) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value) is not None


def _binary(value: str) -> Match:
    try:
        wanted = base64.b64decode(pattern.plain(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(value) from error

    def matches(text: str) -> bool:
        try:
            return base64.b64decode(text, validate=True) == wanted
        except (binascii.Error, ValueError):
            return False

    return matches


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(value: str) -> Match:
    try:
        network = ipaddress.ip_network(pattern.plain(value), strict=False)
    except ValueError as error:
        raise Malformed(value) from error

    def matches(text: str) -> bool:
        address = _address(text)
        return address is not None and address.version == network.version and address in network

    return matches


Values = Callable[[tuple[str, ...]], Match]
"""From the values of one key in a policy to the question whether a text matches one of them."""


def _texts(wanted: tuple[str, ...]) -> Match:
    return frozenset(map(pattern.plain, wanted)).__contains__


def _each(compile_value: Callable[[str], Match]) -> Values:
    return lambda wanted: pattern.either(map(compile_value, wanted))


class Operator(NamedTuple):
    compile_values: Values
    is_negated: bool = False


_POSITIVE: dict[str, Values] = {
    "StringEquals": _texts,
    "StringEqualsIgnoreCase": _each(_folded_text),
    "StringLike": _each(pattern.glob),
    "NumericEquals": _each(_compared(number, float.__eq__)),
    "NumericLessThan": _each(_compared(number, float.__lt__)),
    "NumericLessThanEquals": _each(_compared(number, float.__le__)),
    "NumericGreaterThan": _each(_compared(number, float.__gt__)),
    "NumericGreaterThanEquals": _each(_compared(number, float.__ge__)),
    "DateEquals": _each(_compared(seconds, float.__eq__)),
    "DateLessThan": _each(_compared(seconds, float.__lt__)),
    "DateLessThanEquals": _each(_compared(seconds, float.__le__)),
    "DateGreaterThan": _each(_compared(seconds, float.__gt__)),
    "DateGreaterThanEquals": _each(_compared(seconds, float.__ge__)),
    "Bool": _each(_boolean),
    "BinaryEquals": _each(_binary),
    "IpAddress": _each(_network),
    "ArnEquals": _each(pattern.arn),
    "ArnLike": _each(pattern.arn),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
OPERATORS = {name.lower(): Operator(values) for name, values in _POSITIVE.items()} | {
    name.lower(): Operator(_POSITIVE[positive], is_negated=True) for name, positive in _NEGATED.items()
}


class Name(NamedTuple):
    """An operator as a policy spells it, taken apart."""

    operator: str
    every: str
    """``forallvalues``, ``foranyvalue`` or nothing."""
    if_exists: bool


def parse_name(text: str) -> Name | None:
    """None for what is no operator. Case does not matter."""
    every, colon, name = text.lower().rpartition(":")
    if colon and every not in ("forallvalues", "foranyvalue"):
        return None
    if name == "null":
        # With a qualifier AWS takes it, which changes nothing (pf-iam-policy-condition-null-ifexists of badmintoncryer/cdk-preflight).
        return Name("null", every, False)
    operator = name.removesuffix("ifexists")
    return Name(operator, every, operator != name) if operator in OPERATORS else None


def _null(key: str, wanted: list[str]) -> Holds:
    answers = {value.lower() == "true" for value in wanted}
    return lambda context: (not pattern.values(context, key)) in answers


@lru_cache(maxsize=8192)
def _compiled(operator: str, wanted: tuple[str, ...]) -> Match:
    return OPERATORS[operator].compile_values(wanted)


def _matcher(operator: str, wanted: list[str], has_variables: bool) -> Callable[[Context], Match]:
    """From a context to the question whether a text matches one of ``wanted``. A variable without a value, or with one
    the operator cannot use, matches nothing."""
    if not has_variables or not any("${" in value for value in wanted):
        match = _compiled(operator, tuple(wanted))
        return lambda context: match

    def resolved(context: Context) -> Match:
        known = (pattern.resolve(value, context) for value in wanted)
        try:
            return _compiled(operator, tuple(value for value in known if value is not None))
        except Malformed:
            return lambda text: False

    return resolved


def _single(key: str, match: Callable[[Context], Match], is_negated: bool, when_missing: bool) -> Holds:
    def holds(context: Context) -> bool:
        held = pattern.values(context, key)
        if not held:
            return when_missing
        return any(map(match(context), held)) is not is_negated

    return holds


def _for_all(key: str, match: Callable[[Context], Match], is_negated: bool) -> Holds:
    # A request without the key has no value that could fail: true, which is why AWS warns against it in an Allow.
    def holds(context: Context) -> bool:
        matches = match(context)
        return all(matches(value) is not is_negated for value in pattern.values(context, key))

    return holds


def _for_any(key: str, match: Callable[[Context], Match], is_negated: bool, when_missing: bool) -> Holds:
    def holds(context: Context) -> bool:
        held = pattern.values(context, key)
        if not held:
            return when_missing
        matches = match(context)
        return any(matches(value) is not is_negated for value in held)

    return holds


def texts(value: Any) -> list[str] | None:
    """The values of one key as strings; None if they are not what JSON allows here."""
    listed = value if isinstance(value, list) else [value]
    if any(not isinstance(item, (str, bool, int, float)) for item in listed):
        return None
    return [item if isinstance(item, str) else str(item).lower() for item in listed]


def compile_condition(operator: Name, key: str, wanted: list[str], has_variables: bool) -> Holds:
    """One operator on one key. Raises ``Malformed`` for a value the operator cannot use."""
    key = key.lower()
    if operator.operator == "null":
        return _null(key, wanted)
    is_negated = OPERATORS[operator.operator].is_negated
    match = _matcher(operator.operator, wanted, has_variables)
    if operator.every == "forallvalues":
        return _for_all(key, match, is_negated)
    if operator.every == "foranyvalue":
        return _for_any(key, match, is_negated, operator.if_exists)
    return _single(key, match, is_negated, is_negated or operator.if_exists)
