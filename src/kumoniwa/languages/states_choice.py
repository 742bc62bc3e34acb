"""The rules of a Choice state in the JSONPath language: each compiled to a function that says whether it holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kumoniwa.languages.states_path import (
    Expression,
    InvalidExpression,
    Scope,
    StateFailure,
    expression,
    runtime,
)

Rule = Callable[[Scope], bool]

_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})\Z")


def moment(text: Any) -> float | None:
    """Epoch seconds of an RFC 3339 time with ``T`` and zone, None of anything else."""
    if not isinstance(text, str) or not _TIMESTAMP.match(text):
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda one, other: one == other,
    "LessThan": lambda one, other: one < other,
    "GreaterThan": lambda one, other: one > other,
    "LessThanEquals": lambda one, other: one <= other,
    "GreaterThanEquals": lambda one, other: one >= other,
}
_READ: dict[str, Callable[[Any], Any]] = {
    "String": _text,
    "Numeric": lambda value: value if _is_number(value) else None,
    "Timestamp": moment,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
}
_IS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": _is_number,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: moment(value) is not None,
}
_COMPARISON = re.compile(r"(String|Numeric|Timestamp|Boolean)(Equals|LessThanEquals|GreaterThanEquals|LessThan|GreaterThan)(Path)?\Z")
NAMES = frozenset(
    [f"{kind}{order}{path}" for kind in _READ for order in _ORDER if kind != "Boolean" or order == "Equals" for path in ("", "Path")]
    + [*_IS, "IsPresent", "StringMatches"]
)  # fmt: skip


def _is_there(read: Expression, wanted: bool) -> Rule:
    def holds(scope: Scope) -> bool:
        try:
            read(scope)
        except StateFailure:
            return not wanted
        return wanted

    return holds


def _matches(read: Expression, pattern: str) -> Rule:
    """``*`` stands for any text, ``\\*`` for itself."""
    pieces = re.split(r"(\\\\|\\\*|\*)", pattern)
    source = "".join(".*" if piece == "*" else re.escape(piece[1:] if piece in ("\\*", "\\\\") else piece) for piece in pieces)
    whole = re.compile(re.sub(r"(?:\.\*)+", ".*", source), re.DOTALL)
    return lambda scope: isinstance(value := read(scope), str) and whole.fullmatch(value) is not None


def _compared(read: Expression, kind: str, order: str, other: Expression | None, constant: Any) -> Rule:
    of, compare = _READ[kind], _ORDER[order]
    known = of(constant) if other is None else None

    def holds(scope: Scope) -> bool:
        left = of(read(scope))
        right = known if other is None else of(other(scope))
        return left is not None and right is not None and compare(left, right)

    return holds


def compiled(rule: dict[str, Any]) -> Rule:
    """A choice rule without its Next. Raises InvalidExpression with what is wrong with it."""
    if "And" in rule or "Or" in rule:
        inner = [compiled(one) for one in rule.get("And", rule.get("Or"))]
        if "And" in rule:
            return lambda scope: all(one(scope) for one in inner)
        return lambda scope: any(one(scope) for one in inner)
    if "Not" in rule:
        refused = compiled(rule["Not"])
        return lambda scope: not refused(scope)
    read = expression(rule["Variable"])
    name = next((one for one in rule if one in NAMES), None)
    if name is None:
        raise InvalidExpression("a comparison is wanted")
    wanted = rule[name]
    if name == "IsPresent":
        return _is_there(read, wanted)
    if name in _IS:
        is_kind = _IS[name]
        return lambda scope: is_kind(_found(read, scope, rule["Variable"])) == wanted
    if name == "StringMatches":
        return _matches(lambda scope: _found(read, scope, rule["Variable"]), wanted)
    kind, order, path = _COMPARISON.match(name).groups()
    return _compared(
        lambda scope: _found(read, scope, rule["Variable"]), kind, order, expression(wanted) if path else None, None if path else wanted
    )  # fmt: skip


def _found(read: Expression, scope: Scope, variable: str) -> Any:
    try:
        return read(scope)
    except StateFailure:
        raise runtime(f"Invalid path '{variable}': The choice state's condition path references an invalid value.")
