"""Statements: each becomes a function that says whether a request meets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from kumoniwa.languages.firewall import address, cross_site_script, field, rate, sql_injection
from kumoniwa.languages.firewall.rate import Rates
from kumoniwa.languages.firewall.web_request import Detail, WebRequest

Matches = Callable[[WebRequest], bool]
NOWHERE = "XX"


class World(Protocol):
    """What rules refer to and do not hold themselves."""

    def addresses(self, arn: str) -> Iterable[str]: ...
    def patterns(self, arn: str) -> Iterable[str]: ...
    def group(self, arn: str) -> dict[str, Any]: ...
    def searcher(self, pattern: str) -> Callable[[bytes], Any]:
        """What finds a regular expression in a text: a match, or None."""

    def place(self, address: str) -> tuple[str, str]:
        """Country and part of it, empty where nobody knows."""


class Context(NamedTuple):
    """Where a statement stands."""

    world: World
    namespace: str
    """Before the names of labels that rules here give and look for: ``awswaf:111122223333:webacl:name:``."""
    rule: str
    rates: dict[Any, Rates]
    """What is counted, by rule and statement."""
    before: dict[Any, Rates]
    """The same of these rules before they were changed: of what is as it was, the counting goes on."""


def compiled(statement: dict[str, Any], context: Context) -> Matches:
    ((kind, settings),) = statement.items()
    return _COMPILERS[kind](settings, context)


def _comparing(settings: dict[str, Any], holds: Callable[[bytes], Any]) -> Matches:
    read = field.compiled(settings["FieldToMatch"], settings["TextTransformations"])

    def matches(request: WebRequest) -> bool:
        found = read(request)
        return found if isinstance(found, bool) else any(holds(value) for value in found)

    return matches


def _bytes(settings: dict[str, Any], context: Context) -> Matches:
    sought, constraint = settings["SearchString"], settings["PositionalConstraint"]
    if constraint == "CONTAINS_WORD":
        word = re.compile(rb"(?<![A-Za-z0-9_])" + re.escape(sought) + rb"(?![A-Za-z0-9_])")
        return _comparing(settings, word.search)
    holds: dict[str, Callable[[bytes], bool]] = {
        "EXACTLY": lambda value: value == sought,
        "STARTS_WITH": lambda value: value.startswith(sought),
        "ENDS_WITH": lambda value: value.endswith(sought),
        "CONTAINS": lambda value: sought in value,
    }
    return _comparing(settings, holds[constraint])


def _regex(settings: dict[str, Any], context: Context) -> Matches:
    return _comparing(settings, context.world.searcher(settings["RegexString"]))


def _regexes(settings: dict[str, Any], context: Context) -> Matches:
    searchers = [context.world.searcher(pattern) for pattern in context.world.patterns(settings["ARN"])]
    return _comparing(settings, lambda value: any(search(value) for search in searchers))


def _attacks(settings: dict[str, Any], find: Callable[[bytes], list[str] | None], condition: str, sensitivity: str = "") -> Matches:
    """``find`` tells the tokens that give an attack away."""
    read = field.compiled(settings["FieldToMatch"], settings["TextTransformations"])
    ((kind, said),) = settings["FieldToMatch"].items()

    def matches(request: WebRequest) -> bool:
        found = read(request)
        if isinstance(found, bool):
            return found
        for at, value in enumerate(found):
            if (tokens := find(value)) is not None:
                name = request.arguments[at][0].decode("latin-1") if kind == "AllQueryArguments" else said.get("Name", "")
                request.details.append(Detail(condition, kind, name, tokens, sensitivity))
                return True
        return False

    return matches


def _sql(settings: dict[str, Any], context: Context) -> Matches:
    sensitivity = settings.get("SensitivityLevel", "LOW")
    search = context.world.searcher(sql_injection.SIGNATURES) if sensitivity == "HIGH" else None

    def find(value: bytes) -> list[str] | None:
        if (finding := sql_injection.found(value, is_wide=search is not None)) is not None:
            return finding.tokens
        hit = search(value) if search is not None else None
        return [hit.group().decode("latin-1")] if hit is not None else None

    return _attacks(settings, find, "SQL_INJECTION", sensitivity)


def _script(settings: dict[str, Any], context: Context) -> Matches:
    def find(value: bytes) -> list[str] | None:
        finding = cross_site_script.found(value)
        return finding.tokens if finding is not None else None

    return _attacks(settings, find, "XSS")


_SIZES: dict[str, Callable[[int, int], bool]] = {
    "EQ": lambda size, limit: size == limit, "NE": lambda size, limit: size != limit, "LE": lambda size, limit: size <= limit,
    "LT": lambda size, limit: size < limit, "GE": lambda size, limit: size >= limit, "GT": lambda size, limit: size > limit,
}  # fmt: skip


def _size(settings: dict[str, Any], context: Context) -> Matches:
    compare, limit = _SIZES[settings["ComparisonOperator"]], settings["Size"]
    return _comparing(settings, lambda value: compare(len(value), limit))


def _addresses(settings: dict[str, Any], context: Context) -> Matches:
    holds = address.holder(context.world.addresses(settings["ARN"]))
    addresses = address.source(settings.get("IPSetForwardedIPConfig"))

    def matches(request: WebRequest) -> bool:
        found = addresses(request)
        return found if isinstance(found, bool) else any(holds(each) for each in found)

    return matches


def _place(settings: dict[str, Any], context: Context) -> Matches:
    """Every request it looks at is labelled with where it comes from, whether or not that is what was looked for."""
    codes, forwarded = frozenset(settings["CountryCodes"]), settings.get("ForwardedIPConfig")
    addresses, kind = address.source(forwarded), "forwardedip" if forwarded else "clientip"

    def matches(request: WebRequest) -> bool:
        found = addresses(request)
        if isinstance(found, bool):
            return found
        country, part = context.world.place(str(found[0]))
        for label in (f"country:{country or NOWHERE}", f"region:{country or NOWHERE}-{part or NOWHERE}"):
            add_label(request, f"awswaf:{kind}:geo:{label}")
        return country in codes

    return matches


def add_label(request: WebRequest, label: str) -> None:
    if label not in request.labels:
        request.labels.append(label)


def _label(settings: dict[str, Any], context: Context) -> Matches:
    """A key that is not spelled in full means a label of this web ACL or rule group.
    https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-label-match-examples.html"""
    key = settings["Key"]
    sought = key if key.startswith("awswaf:") else context.namespace + key
    if settings["Scope"] == "LABEL":
        return lambda request: sought in request.labels
    sought = sought.removesuffix(":") + ":"
    return lambda request: any(label.startswith(sought) for label in request.labels)


def _rate(settings: dict[str, Any], context: Context) -> Matches:
    scope = compiled(settings["ScopeDownStatement"], context) if "ScopeDownStatement" in settings else None
    keys_of, identity = rate.keys(settings), (context.namespace, context.rule, repr(settings))
    rates = context.before.get(identity) or Rates(settings["Limit"], settings.get("EvaluationWindowSec", rate.WINDOW_S))
    context.rates[identity] = rates

    def matches(request: WebRequest) -> bool:
        if scope is not None and not scope(request):
            return False
        keys = keys_of(request)
        if isinstance(keys, bool):
            return keys
        over = [key for key in keys if rates.count(key, request.now)]
        request.limits += [rate.told(settings, context.rule, key) for key in over]
        return bool(over)

    return matches


def _and(settings: dict[str, Any], context: Context) -> Matches:
    parts = [compiled(each, context) for each in settings["Statements"]]
    return lambda request: all(part(request) for part in parts)


def _or(settings: dict[str, Any], context: Context) -> Matches:
    parts = [compiled(each, context) for each in settings["Statements"]]
    return lambda request: any(part(request) for part in parts)


def _not(settings: dict[str, Any], context: Context) -> Matches:
    part = compiled(settings["Statement"], context)

    def matches(request: WebRequest) -> bool:
        known = len(request.details)
        holds = part(request)
        # What was found is no reason for a rule that wants it not to be there.
        del request.details[known:]
        return not holds

    return matches


_COMPILERS: dict[str, Callable[[dict[str, Any], Context], Matches]] = {
    "ByteMatchStatement": _bytes,
    "RegexMatchStatement": _regex,
    "RegexPatternSetReferenceStatement": _regexes,
    "SqliMatchStatement": _sql,
    "XssMatchStatement": _script,
    "SizeConstraintStatement": _size,
    "IPSetReferenceStatement": _addresses,
    "GeoMatchStatement": _place,
    "LabelMatchStatement": _label,
    "RateBasedStatement": _rate,
    "AndStatement": _and,
    "OrStatement": _or,
    "NotStatement": _not,
}
KINDS = frozenset(_COMPILERS)
