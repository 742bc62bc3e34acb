"""What looks like a mistake in a definition and is none by its letter: paths that would not be read as such.

Codes are AWS's; it promises no wording. https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.languages.states_definition import Diagnostic

_PATH = re.compile(r"\$(?:\$?(?:[.\[]|\Z)|[A-Za-z_]\w*\b)")
_CALL = re.compile(r"States\.\w+\(.*\)\Z", re.DOTALL)
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
_PLAIN = ("Seconds", "Timestamp", "Error", "Cause", "TimeoutSeconds", "HeartbeatSeconds", "MaxConcurrency", "ToleratedFailureCount",
          "ToleratedFailurePercentage")  # fmt: skip
_COMPARISON = re.compile(r"(?:String|Numeric|Boolean|Timestamp)(?:Equals|(?:Less|Greater)Than(?:Equals)?)\Z")


def warnings(definition: Any) -> list[Diagnostic]:
    """Of a whole definition, in the order of its text. States in JSONata have no paths."""
    is_jsonata = isinstance(definition, dict) and definition.get("QueryLanguage") == "JSONata"
    return [] if is_jsonata else list(_of_flow(definition, ""))


def _of_flow(holder: Any, at: str) -> Iterator[Diagnostic]:
    states = holder.get("States") if isinstance(holder, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if isinstance(state, dict):
            yield from _of_state(state, f"{at}/States/{name}")


def _of_state(state: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    if state.get("QueryLanguage") != "JSONata":
        for field in _TEMPLATES:
            yield from _undollared(state.get(field), f"{at}/{field}")
        for field in _PLAIN:
            if _is_path(state.get(field)):
                yield _pathless(field, f"{at}/{field}")
        if state.get("Type") == "Choice":
            yield from _compared(state.get("Choices"), f"{at}/Choices")
        if state.get("Type") == "Pass" and _is_path(state.get("Result")):
            yield _warning("PASS_RESULT_IS_STATIC", "The Result of a Pass state is static: a path in it is not read.", f"{at}/Result")
    branches = state.get("Branches")
    for place, branch in enumerate(branches if isinstance(branches, list) else ()):
        yield from _of_flow(branch, f"{at}/Branches[{place}]")
    for field in ("ItemProcessor", "Iterator"):
        yield from _of_flow(state.get(field), f"{at}/{field}")


def _warning(code: str, message: str, at: str) -> Diagnostic:
    return Diagnostic(code, message, at, "WARNING")


def _pathless(field: str, at: str) -> Diagnostic:
    return _warning("NO_PATH", f"The value of the field '{field}' looks like a path, but the name of the field does not end with 'Path'.", at)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and _PATH.match(value) is not None


def _undollared(value: Any, at: str) -> Iterator[Diagnostic]:
    if isinstance(value, dict):
        for name, one in value.items():
            is_read = _is_path(one) or (isinstance(one, str) and _CALL.match(one) is not None)
            if is_read and not name.endswith(".$"):
                text = f"The value of the field '{name}' looks like a path or a call of an intrinsic function, but the field's name does not end with '.$'."
                yield _warning("NO_DOLLAR", text, f"{at}/{name}")
            yield from _undollared(one, f"{at}/{name}")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _undollared(one, f"{at}[{place}]")


def _compared(rules: Any, at: str) -> Iterator[Diagnostic]:
    for place, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield from _of_rule(rule, f"{at}[{place}]")


def _of_rule(rule: dict[str, Any], at: str) -> Iterator[Diagnostic]:
    for name, value in rule.items():
        if _COMPARISON.match(name) and _is_path(value):
            yield _pathless(name, f"{at}/{name}")
        elif name in ("And", "Or"):
            yield from _compared(value, f"{at}/{name}")
        elif name == "Not" and isinstance(value, dict):
            yield from _of_rule(value, f"{at}/Not")
