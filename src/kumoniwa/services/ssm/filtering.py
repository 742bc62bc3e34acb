"""Filters of parameters: by name, path, type, key, tier, label and tag.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.services.ssm.errors import (
    InvalidFilterKey,
    InvalidFilterOption,
    InvalidFilterValue,
    NotImplementedHere,
    ValidationException,
)
from kumoniwa.services.ssm.parameter import ADVANCED, INTELLIGENT, LIST, SECURE, STANDARD, TEXT, Parameter

Test = Callable[[Parameter], bool]

_PATH = re.compile(r"/|(/[a-zA-Z0-9_.-]+)+/?")
_REQUIREMENTS = (
    'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can\'t be '
    'prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), '
    '_ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
    "Valid example: /get/parameters2-/by1./path0_."
)
_VALUES = {"Tier": (STANDARD, ADVANCED, INTELLIGENT), "Type": (TEXT, LIST, SECURE)}


def check_path(path: str) -> None:
    if path.lower().startswith("/aws/service"):
        raise NotImplementedHere("AWS's public parameters (/aws/service/…)")
    if not _PATH.fullmatch(path):
        raise ValidationException(_REQUIREMENTS)


def below(path: str, *, is_deep: bool) -> Test:
    """Whether a parameter lies under a path: anywhere, or in its first level."""
    prefix = path.rstrip("/") + "/"
    return lambda parameter: parameter.path.startswith(prefix) and (is_deep or "/" not in parameter.path[len(prefix) :])


def tests_of(filters: list[dict[str, Any]] | None, *, by_path: bool) -> list[Test]:
    seen: set[str] = set()
    tests = []
    for each in filters or ():
        key, values = each["Key"], each.get("Values")
        valid = "[Type, KeyId]" if by_path else "[Path, Name, Type, KeyId, Tier]"
        if not (key in ("Type", "KeyId", "Label") if by_path else key != "Label"):
            raise InvalidFilterKey(f"The following filter key is not valid: {key}. Valid filter keys include: {valid}.")
        if key in seen:
            raise InvalidFilterKey(
                f"The following filter is duplicated in the request: {key}. A request can contain only one occurrence of a specific filter."
            )
        seen.add(key)
        if not values and not key.startswith("tag:"):
            raise InvalidFilterValue(f"The following filter values are missing : null for filter key {key}")
        tests.append(_test(key, each.get("Option"), values or []))
    return tests


def _test(key: str, option: str | None, values: list[str]) -> Test:
    if key == "Path":
        return _path_test(option or "OneLevel", values)
    if key.startswith("tag:"):
        name = key.removeprefix("tag:")
        return lambda parameter: name in parameter.tags and (
            not values or any(_fits(option or "Equals", parameter.tags[name], value, is_name=False) for value in values)
        )
    if key == "Label":
        return lambda parameter: any(value in parameter.labels for value in values)
    options = ("Equals", "BeginsWith", "Contains") if key == "Name" else ("Equals", "BeginsWith")
    option = option or "Equals"
    if option not in options:
        raise InvalidFilterOption(f"The following filter option is not valid: {option}. Valid options include: [BeginsWith, Equals].")
    if option == "Equals":
        for value in values:
            if value not in _VALUES.get(key, (value,)):
                raise InvalidFilterValue(f"The following filter value is not valid: {value}. Valid values include: [{', '.join(_VALUES[key])}]")
    return lambda parameter: any(_fits(option, _text(parameter, key), value, is_name=key == "Name") for value in values)


def _text(parameter: Parameter, key: str) -> str:
    last = parameter.last
    return {"Name": parameter.key, "Type": last.type, "KeyId": last.key, "Tier": last.tier}.get(key, "")


def _fits(option: str, text: str, value: str, *, is_name: bool) -> bool:
    """Names are compared without their leading slash, except for what they contain."""
    if option == "Contains":
        return value in f"/{text}"
    value = value.removeprefix("/") if is_name else value
    return text == value if option == "Equals" else text.startswith(value)


def _path_test(option: str, values: list[str]) -> Test:
    if option not in ("Recursive", "OneLevel"):
        raise InvalidFilterOption(f"The following filter option is not valid: {option}. Valid options include: [Recursive, OneLevel]")
    for value in values:
        if value.lower().startswith(("/aws", "/ssm")):
            raise ValidationException('Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
        check_path(value)
    tests = [below(value, is_deep=option == "Recursive") for value in values]
    return lambda parameter: any(test(parameter) for test in tests)


def plain_tests(filters: list[dict[str, Any]]) -> list[Test]:
    """The older kind, which compares beginnings of names and whole values of the rest."""
    return [_plain(each["Key"], each["Values"]) for each in filters]


def _plain(key: str, values: list[str]) -> Test:
    if key == "Name":
        return lambda parameter: any(parameter.key.startswith(value.removeprefix("/")) for value in values)
    return lambda parameter: _text(parameter, key) in values
