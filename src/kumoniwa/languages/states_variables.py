"""Which variables the states of a definition read, as DescribeStateMachine tells (recorded: test_sfn_api_variable_references)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.languages.states_jsonata import inner, is_expression, variables
from kumoniwa.languages.states_machine import Machine

_TEXT = re.compile(r"'(?:\\.|[^'\\])*'")
_VARIABLE = re.compile(r"(?<![\w$.])\$([^\W\d]\w*)")
_UNREAD = ("ItemProcessor", "Iterator", "Branches", "Result")
"""States of their own, and what is taken as it stands."""


def references(machine: Machine) -> dict[str, list[str]]:
    """The variables of each state that reads any."""
    found: dict[str, list[str]] = {}
    for flow in machine.flows:
        for name, state in flow.states.items():
            own = {field: value for field, value in state.fields.items() if field not in _UNREAD}
            read = sorted(set(_of_jsonata(own) if state.is_jsonata else _of_paths(own)))
            if read:
                found[name] = read
    return found


def _of_jsonata(value: Any) -> Iterator[str]:
    if is_expression(value):
        yield from variables(inner(value))
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _of_jsonata(one)


def _of_paths(value: Any, name: str = "") -> Iterator[str]:
    """Only a field that is called so holds a path: another ``$name`` is a text."""
    if isinstance(value, str) and (name.endswith(("Path", ".$")) or name == "Variable"):
        yield from _VARIABLE.findall(_TEXT.sub("''", value))
    elif isinstance(value, dict):
        for inner_name, one in value.items():
            yield from _of_paths(one, inner_name)
    elif isinstance(value, list):
        for one in value:
            yield from _of_paths(one)
