"""Criteria: by what findings are chosen, for lists, statistics and filters.

Each attribute is the path of a value in a finding as events tell it. Criteria of several attributes are all to be met.
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Condition.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.languages.config_query import values_at
from kumoniwa.services.guardduty.errors import BadRequestException
from kumoniwa.wire import timestamps

ATTRIBUTES_MAX, VALUES_MAX = 50, 50
_OLD = {"Eq": "Equals", "Neq": "NotEquals", "Gt": "GreaterThan", "Gte": "GreaterThanOrEqual", "Lt": "LessThan", "Lte": "LessThanOrEqual"}
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThan": float.__gt__, "GreaterThanOrEqual": float.__ge__, "LessThan": float.__lt__, "LessThanOrEqual": float.__le__,
}  # fmt: skip
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_:.\[\]/-]+")


def _refused(what: str) -> BadRequestException:
    """Recorded: "… because the one or more input parameters have invalid values" (a hint of ours says which)."""
    return BadRequestException("The request is rejected because one or more input parameters have invalid values.", hint=what)


def checked(said: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Criteria by attribute, in the newer of the two spellings of their operators. Raises BadRequestException."""
    found: dict[str, dict[str, Any]] = {}
    criterion = said.get("Criterion") or {}
    if len(criterion) > ATTRIBUTES_MAX:
        raise _refused(f"There are {ATTRIBUTES_MAX} attributes at most.")
    for attribute, condition in criterion.items():
        tests = {_OLD.get(name, name): value for name, value in (condition or {}).items() if value is not None}
        if not tests or not _ATTRIBUTE.fullmatch(attribute):
            raise _refused(f"The criterion of {attribute} says nothing.")
        if any(isinstance(value, list) and len(value) > VALUES_MAX for value in tests.values()):
            raise _refused(f"There are {VALUES_MAX} values at most of {attribute}.")
        found[attribute] = tests
    return found


def values(finding: dict[str, Any], attribute: str) -> list[Any]:
    """What stands at an attribute; of lists, all that stands there."""
    return [value for value in values_at(finding, tuple(attribute.split("."))) if value is not None]


def _texts(attribute: str, found: list[Any]) -> list[str]:
    """Values as criteria spell them: severities as whole numbers, "4" for anything from 4 up to 5."""
    if attribute == "severity":
        return [str(int(value)) for value in found]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in found]


def _number(value: Any) -> float | None:
    """Times are compared in milliseconds."""
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(milliseconds(timestamps.parsed(value))) if "T" in value else float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_like(value: str, pattern: str) -> bool:
    parts = ("." if each == "?" else ".*" if each == "*" else re.escape(each) for each in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _meets(attribute: str, found: list[Any], tests: dict[str, Any]) -> bool:
    texts = _texts(attribute, found)
    for test, wanted in tests.items():
        if test in _ORDERS:
            numbers = [number for value in found if (number := _number(value)) is not None]
            if not any(_ORDERS[test](number, float(wanted)) for number in numbers):
                return False
        elif test in ("Equals", "NotEquals"):
            if any(text in wanted for text in texts) is not (test == "Equals"):
                return False
        elif any(_is_like(text, pattern) for text in texts for pattern in wanted) is not (test == "Matches"):
            return False
    return True


def meets(finding: dict[str, Any], criteria: dict[str, dict[str, Any]]) -> bool:
    return all(_meets(attribute, values(finding, attribute), tests) for attribute, tests in criteria.items())


def sorting(attribute: str) -> Callable[[dict[str, Any]], Any]:
    """A key by which findings are sorted: numbers before texts, and what is absent before both."""

    def key(finding: dict[str, Any]) -> tuple[int, float, str]:
        found = values(finding, attribute)
        if not found:
            return (0, 0.0, "")
        number = _number(found[0])
        return (1, number, "") if number is not None else (2, 0.0, str(found[0]))

    return key
