"""Contributor Insights rules: which log events count, for whom, and how much.

Events are JSON, or fields parted by blanks that are called by their numbers or by what a rule calls them (the common log format, in which
``[…]`` and ``"…"`` are one field). https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-RuleSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages.log_pattern import parts_of

KEYS_MAX, FILTERS_MAX, VALUES_MAX = 4, 4, 10
_SCHEMA = {"Name": "CloudWatchLogRule", "Version": 1}
_MEMBERS = {"Schema", "LogGroupNames", "LogGroupARNs", "LogFormat", "Fields", "Contribution", "AggregateOn"}
_PLACE = re.compile(r"\$((?:\.[^.\[\]]+|\[\d+\])+)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_TEXTS = {
    "In": lambda held, wanted: held in wanted, "NotIn": lambda held, wanted: held not in wanted,
    "StartsWith": lambda held, wanted: held.startswith(tuple(wanted)),
}  # fmt: skip
_NUMBERS = {
    "GreaterThan": lambda held, wanted: held > wanted, "LessThan": lambda held, wanted: held < wanted,
    "EqualTo": lambda held, wanted: held == wanted, "NotEqualTo": lambda held, wanted: held != wanted,
}  # fmt: skip


class InvalidRule(ValueError):
    """What is wrong with a definition, in AWS's words: for some of it as badmintoncryer/cdk-preflight saw them (rules/cloudwatch,
    pf-cloudwatch-insight-rule-…), for the rest the like of those."""


class Hit(NamedTuple):
    keys: tuple[str, ...]
    value: float


Read = Callable[[Any], Any]
"""A field of an event; None if it has none."""


class Rule(NamedTuple):
    groups: tuple[str, ...]
    """Names, of which those that end in ``*`` are the beginnings of names."""
    is_json: bool
    labels: tuple[str, ...]
    keys: tuple[Read, ...]
    value: Read | None
    """What is summed up; None where events are counted."""
    filters: tuple[Callable[[Any], bool], ...]

    @property
    def aggregate(self) -> str:
        return "Count" if self.value is None else "Sum"

    def hit(self, message: str) -> Hit | None:
        """Whose an event is and what it counts; None if it does not. One that lacks a key counts for nobody."""
        event = _json(message) if self.is_json else parts_of(message)
        if event is None or not all(holds(event) for holds in self.filters):
            return None
        keys = tuple(_text(read(event)) for read in self.keys)
        if any(key is None for key in keys):
            return None
        value = 1.0 if self.value is None else _number(self.value(event))
        return Hit(keys, value) if value is not None else None  # type: ignore[arg-type]


def _json(message: str) -> Any:
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list) or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


# Reading a definition ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def rule(text: str) -> Rule:
    """Raises InvalidRule."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidRule("INVALID_RULE_BODY: The RuleBody could not be parsed.")
    _known(said, _MEMBERS)
    _expect(_needed(said, "Schema") == _SCHEMA, "InvalidSchema", "Schema")
    groups, form = _needed(said, "LogGroupNames"), _needed(said, "LogFormat")
    _expect(_is_texts(groups), "InvalidValueType", "LogGroupNames")
    _expect(groups, "Empty", "LogGroupNames")
    _expect(form in ("JSON", "CLF"), "InvalidValueType", "LogFormat")
    contribution = _needed(said, "Contribution")
    _expect(isinstance(contribution, dict), "InvalidValueType", "Contribution")
    _known(contribution, ("Keys", "ValueOf", "Filters"))
    reader = _reader(form == "JSON", said.get("Fields", {}))
    keys, filters, wanted = _needed(contribution, "Keys"), _needed(contribution, "Filters"), said.get("AggregateOn", "Count")
    _expect(_is_texts(keys), "InvalidValueType", "Keys")
    _expect(keys, "Empty", "Keys")
    _expect(isinstance(filters, list), "InvalidValueType", "Filters")
    for name, listed, most in (("Keys", keys, KEYS_MAX), ("Filters", filters, FILTERS_MAX)):
        if len(listed) > most:
            raise InvalidRule(f'RULE_BODY_COMPLEXITY: A RuleBody must have no more than {most} "{name}" in the "Contribution".')
    _expect(wanted in ("Count", "Sum"), "InvalidValueType", "AggregateOn")
    value = contribution.get("ValueOf")
    _expect(wanted == "Count" or value is not None, "MissingKey", "ValueOf")
    _expect(wanted == "Sum" or value is None, "UnknownKey", "ValueOf")
    return Rule(
        tuple(groups), form == "JSON", tuple(keys), tuple(map(reader, keys)), reader(value) if value is not None else None,
        tuple(_filter(each, reader) for each in filters),
    )  # fmt: skip


def _known(said: dict[str, Any], names: Collection[str]) -> None:
    for name in said:
        _expect(name in names, "UnknownKey", name)


def _needed(said: dict[str, Any], name: str) -> Any:
    _expect(name in said, "MissingKey", name)
    return said[name]


def _expect(holds: Any, what: str, where: str) -> None:
    if not holds:
        raise InvalidRule(f"INVALID_RULE_BODY: {what} encountered at {where} in the RuleBody.")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _reader(is_json: bool, fields: Any) -> Callable[[Any], Read]:
    _expect(isinstance(fields, dict), "InvalidValueType", "Fields")
    _expect(not fields or not is_json, "UnknownKey", "Fields")
    numbers = {}
    for number, name in fields.items():
        _expect(number.isascii() and number.isdecimal() and 0 < int(number) < 1000 and isinstance(name, str), "InvalidValueType", "Fields")
        numbers[name] = int(number)

    def of_json(name: Any) -> Read:
        found = _PLACE.fullmatch(name) if isinstance(name, str) else None
        _expect(found, "InvalidValueType", name)
        steps = [int(index) if index else key for key, index in _STEP.findall(found[1])]

        def read(event: Any) -> Any:
            for step in steps:
                if isinstance(step, int):
                    event = event[step] if isinstance(event, list) and step < len(event) else None
                else:
                    event = event.get(step) if isinstance(event, dict) else None
            return event

        return read

    def of_fields(name: Any) -> Read:
        number = numbers.get(name, int(name) if isinstance(name, str) and name.isascii() and name.isdecimal() and len(name) < 4 else 0)
        _expect(number, "InvalidValueType", name)
        return lambda event: event[number - 1] if number <= len(event) else None

    return of_json if is_json else of_fields


def _filter(said: Any, reader: Callable[[Any], Read]) -> Callable[[Any], bool]:
    _expect(isinstance(said, dict) and len(said) == 2, "InvalidValueType", "Filters")
    _expect("Match" in said, "MissingKey", "Match")
    ((name, wanted),) = [item for item in said.items() if item[0] != "Match"]
    read = reader(said["Match"])
    if name == "IsPresent":
        _expect(isinstance(wanted, bool), "InvalidValueType", name)
        return lambda event: (_text(read(event)) is not None) == wanted
    if name in _TEXTS:
        _expect(_is_texts(wanted) and 1 <= len(wanted) <= VALUES_MAX, "InvalidValueType", name)
        holds = _TEXTS[name]
        return lambda event: (held := _text(read(event))) is not None and holds(held, wanted)
    _expect(name in _NUMBERS, "UnknownKey", name)
    _expect(isinstance(wanted, int | float) and not isinstance(wanted, bool), "InvalidValueType", name)
    compare = _NUMBERS[name]
    return lambda event: (held := _number(read(event))) is not None and compare(held, wanted)
