"""A template's parameters: what was declared, what was given, what holds.

May: read the Parameters section and the caller's values. May not: fetch a value from anywhere. The value of a parameter that stands for
one of the Parameter Store is that one's name, until a drawing has asked what it says.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

LIST_TYPES = ("CommaDelimitedList", "List<Number>", "List<String>")
PLAIN_TYPES = ("String", "Number", *LIST_TYPES, "AWS::SSM::Parameter::Name")
STORED_TYPES = {
    "AWS::SSM::Parameter::Value<String>": "String",
    "AWS::SSM::Parameter::Value<List<String>>": "CommaDelimitedList",
    "AWS::SSM::Parameter::Value<CommaDelimitedList>": "CommaDelimitedList",
}
"""Types of parameters that stand for one of the Parameter Store, and what they are once it was read.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html"""
NEITHER = "Parameter {} should either have input value or default value"
_TYPE_WORDS = re.compile(r"(AWS::[A-Za-z0-9:]+|List<AWS::[A-Za-z0-9:]+>|AWS::SSM::Parameter::Value<.+>)\Z")
_MEMBERS = frozenset(
    [
        "Type",
        "Default",
        "AllowedValues",
        "AllowedPattern",
        "MinLength",
        "MaxLength",
        "MinValue",
        "MaxValue",
        "NoEcho",
        "Description",
        "ConstraintDescription",
    ]
)
# A pattern from a template meets values from a request; together they could keep a regex engine busy for ever.
PATTERN_VALUE_CHARACTERS_MAX = 4096
_NESTED_QUANTIFIER = re.compile(r"[+*}]\)?[^|)]*\)[+*{]")


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_declarations(declared: dict[str, Any]) -> None:
    """Refuse a Parameters section that CloudFormation would refuse."""
    if len(declared) > 200:
        raise ValidationError(
            f"Template format error: Number of parameters, {len(declared)}, is greater than maximum allowed, 200"
        )
    for name, entry in declared.items():
        if not name.isalnum():
            raise ValidationError(f"Template format error: Parameter name {name} is non alphanumeric.")
        if not isinstance(entry, dict) or not isinstance(entry.get("Type"), str):
            raise ValidationError(
                "Template format error: Every Parameters object must contain a Type member."
            )
        if unknown := sorted(set(entry) - _MEMBERS):
            raise ValidationError(f"Invalid template parameter property '{unknown[0]}'")
        if "AllowedValues" in entry and not isinstance(entry["AllowedValues"], list):
            raise ValidationError("Template format error: Every AllowedValues member must be a list.")
        if isinstance(entry.get("Default"), dict | list):
            raise ValidationError("Template format error: Every Default member must be a string.")
        if entry["Type"] not in PLAIN_TYPES and entry["Type"] not in STORED_TYPES:
            if not _TYPE_WORDS.match(entry["Type"]):
                raise ValidationError(f"Template format error: Unrecognized parameter type: {entry['Type']}")
            raise NotImplementedHere(f"the parameter type {entry['Type']} (parameter {name})")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _broken_rule(entry: dict[str, Any], text: str) -> str | None:
    """Which rule of its declaration one value breaks, in CloudFormation's words."""
    kind = entry["Type"]
    allowed = entry.get("AllowedValues")
    if allowed is not None and text not in [_written(each) for each in allowed]:
        return "must be one of AllowedValues"
    if kind in ("Number", "List<Number>"):
        number = _number(text)
        if number is None:
            return "must be a number."  # the one refusal with a full stop, as recorded
        if (least := _number(str(entry.get("MinValue", "")))) is not None and number < least:
            return f"must be a number not less than {_written(entry['MinValue'])}"
        if (most := _number(str(entry.get("MaxValue", "")))) is not None and number > most:
            return f"must be a number not greater than {_written(entry['MaxValue'])}"
        return None
    if (least := _number(str(entry.get("MinLength", "")))) is not None and len(text) < least:
        return f"must contain at least {int(least)} characters"
    if (most := _number(str(entry.get("MaxLength", "")))) is not None and len(text) > most:
        return f"must contain at most {int(most)} characters"
    if (pattern := entry.get("AllowedPattern")) is not None and not _matches(_written(pattern), text):
        return f"must match pattern {pattern}"
    return None


def _matches(pattern: str, text: str) -> bool:
    if len(pattern) > 1000 or _NESTED_QUANTIFIER.search(pattern):
        raise NotImplementedHere(f"the AllowedPattern {pattern}, which repeats a repetition")
    try:
        compiled = re.compile(pattern)
    except re.error:
        raise ValidationError(f"Template format error: Invalid AllowedPattern {pattern}") from None
    return len(text) <= PATTERN_VALUE_CHARACTERS_MAX and compiled.fullmatch(text) is not None


def resolve(
    declared: dict[str, Any], given: dict[str, str | None], previous: dict[str, str] | None = None
) -> dict[str, str]:
    """The text every parameter holds. ``given[name] is None`` means UsePreviousValue."""
    check_declarations(declared)
    if unknown := sorted(set(given) - set(declared)):
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, str] = {}
    missing = []
    for name, entry in declared.items():
        text = given.get(name)
        if name in given and text is None:
            text = (previous or {}).get(name)
        if text is None and name not in given and "Default" in entry:
            text = _written(entry["Default"]) if entry["Default"] is not None else ""
        if text is None:
            missing.append(name)
            continue
        values[name] = text
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, text in values.items():
        entry = declared[name]
        if is_stored(entry) and not text:
            raise ValidationError(NEITHER.format(name))
        members = _members(text) if entry["Type"] in LIST_TYPES else [text]
        for member in members:
            if broken := _broken_rule(entry, member):
                if described := entry.get("ConstraintDescription"):
                    raise ValidationError(f"Parameter {name} failed to satisfy constraint: {described}")
                raise ValidationError(f"Parameter '{name}' {broken}")
    return values


def _members(text: str) -> list[str]:
    return [member.strip() for member in text.split(",")] if text else []


def meaning(entry: dict[str, Any], text: str) -> str | list[str]:
    """What ``Ref`` answers for a parameter."""
    kind = STORED_TYPES.get(entry["Type"], entry["Type"])
    return _members(text) if kind in LIST_TYPES else text


def is_stored(entry: dict[str, Any]) -> bool:
    return entry["Type"] in STORED_TYPES


def absent(name: str, entry: dict[str, Any], stored: str) -> ValidationError:
    """What is wrong where the Parameter Store has no parameter called ``stored``. Where the template has a default, AWS says it in the words that
    those meet who deploy templates of CDK without its bootstrap stack; without one as recorded: localstack's test_resolve_ssm_missing_parameter."""
    if "Default" in entry:
        return ValidationError(f"Unable to fetch parameters [{stored}] from parameter store for this account.")
    return ValidationError(NEITHER.format(name))


def hides(entry: dict[str, Any]) -> bool:
    return _written(entry.get("NoEcho", "")).lower() == "true"
