"""How data passes through a state: what it is given, what comes of it, and what variables are assigned, in both languages.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.languages import states_jsonata
from kumoniwa.languages.states_choice import moment
from kumoniwa.languages.states_jsonata import QUERY_EVALUATION, JsonataScope
from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import Scope, StateFailure, put, runtime
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.wire import timestamps

BYTES_MAX = 262_144


def text_of(value: Any) -> str:
    return orjson.dumps(value).decode()


def limited(value: Any, name: str) -> str:
    """The text of what a state or task answers. Raises the failure of one that is too large."""
    body = orjson.dumps(value)
    if len(body) > BYTES_MAX:
        raise StateFailure(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
        )
    return body.decode()


def context_of(execution: Execution, strand: Strand, state: State, machine_arn: str) -> dict[str, Any]:
    """The context object."""
    described = {
        "Id": execution.arn,
        "Input": orjson.loads(execution.input),
        "StartTime": timestamps.to_millisecond(execution.started),
        "Name": execution.name,
        "RoleArn": execution.role or None,
    }
    if not execution.is_sync:
        described["RedriveCount"] = execution.redrives
    if execution.redriven is not None:
        described["RedriveTime"] = timestamps.to_millisecond(execution.redriven)
    context: dict[str, Any] = {
        "Execution": described,
        "StateMachine": {"Id": machine_arn, "Name": execution.machine_name},
        "State": {"Name": state.name, "EnteredTime": timestamps.to_millisecond(strand.entered_at)},
    }
    if state.type in ("Task", "Map", "Parallel"):
        context["State"]["RetryCount"] = sum(strand.retries.values())
    if strand.is_item:
        context["Map"] = {"Item": {"Index": strand.place, "Value": strand.item}}
    if strand.token and state.type == "Task":
        context["Task"] = {"Token": strand.token}
    return context


def given(state: State, scope: Scope, now: float) -> Any:
    """What the state works with: its input through InputPath and Parameters, or its Arguments."""
    if state.is_jsonata:
        return scope.data if state.parameters is None else state.parameters(JsonataScope(scope, now))
    if state.parameters is None:
        return scope.data
    return state.parameters(scope)


def items(state: State, scope: Scope, now: float) -> list[Any]:
    """What a Map goes through, if no ItemReader reads it."""
    if state.is_jsonata:
        if "Items" in state.values:
            text = state.fields["Items"]
            value = state.values["Items"](JsonataScope(scope, now))
            if states_jsonata.is_expression(text):
                return states_jsonata.of_kind("array", value, text, "Items")
        else:
            value = scope.data
        if not isinstance(value, list):
            raise StateFailure(QUERY_EVALUATION, f"Map state input must be an array but was: {text_of(value)}")
        return value
    path = state.fields.get("ItemsPath", "$")
    value = state.values["ItemsPath"](scope) if "ItemsPath" in state.values else scope.data
    if not isinstance(value, list):
        shown = path[1:] if path.startswith("$$") else path
        raise StateFailure("States.Runtime", f'Reference path "{shown}" must point to array.', is_told=True)
    return value


def selected(state: State, scope: Scope, now: float, place: int, item: Any) -> Any:
    """What an iteration gets: its item, or what the ItemSelector makes of it."""
    if state.parameters is None:
        return item
    inner = Scope(scope.data, scope.variables, lambda: {**scope.context, "Map": {"Item": {"Index": place, "Value": item}}})
    return state.parameters(JsonataScope(inner, now) if state.is_jsonata else inner)


def came_of(
    state: State, raw: Any, scope: Scope, result: Any, now: float, seen: dict[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """The state's output and what it assigns, of what came of its work. ``raw`` is the state's input before InputPath; ``seen`` takes
    what TestState shows of the way."""
    if state.is_jsonata:
        said = JsonataScope(scope, now, result=result)
        output = result if state.output is None else state.output(said)
        return output, {} if state.assign is None else state.assign(said)
    if state.result_selector is not None:
        result = state.result_selector(scope.over(result))
    if seen is not None:
        seen["afterResultSelector"] = result
    assigned = {} if state.assign is None else state.assign(scope.over(result))
    output = raw if state.result_path is None else put(raw, state.result_path, result)
    if seen is not None:
        seen["afterResultPath"] = output
    if state.output_path is not None:
        output = state.output_path(scope.over(output))
    return output, assigned


def number(state: State, field: str, scope: Scope, now: float, kind: type = int) -> float | None:
    """A field that may be a number, an expression, or a path under the name with ``Path``. None where none is given."""
    if field in state.values:
        if not state.is_jsonata:
            return state.values[field](scope)
        value = state.values[field](JsonataScope(scope, now))
        text = state.fields.get(field) or _holding(state, field)[field]
        if states_jsonata.is_expression(text):
            states_jsonata.of_kind("number", value, text, field)
            if kind is int and value != int(value):
                raise StateFailure(QUERY_EVALUATION, f"The {field} field must be an integer but was: {text_of(value)}", location=field)
        return value
    path = f"{field}Path"
    if path not in state.values:
        return None
    said = state.fields.get(path) or _holding(state, path)[path]
    value = state.values[path](scope)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value):
        # Recorded: assign/test_assign_reference_variables takes "1" for a number.
        value = int(value)
    is_number = isinstance(value, kind if kind is int else (int, float)) and not isinstance(value, bool)
    if not is_number:
        shown = value if isinstance(value, str) else text_of(value)
        name = "integer" if kind is int else "float"
        raise runtime(f'The {path} field refers to value "{shown}" which is not a valid {name}: {said}')
    return value


def wait_until(state: State, scope: Scope, now: float) -> float:
    """When a Wait state is over. Its words are those of base/test_wait and scenarios/test_base_scenarios of the recordings."""
    if "Seconds" in state.fields:
        return _bounded(now, now + (number(state, "Seconds", scope, now) or 0))
    if "SecondsPath" in state.fields:
        path = state.fields["SecondsPath"]
        try:
            value = state.values["SecondsPath"](scope)
        except StateFailure:
            raise runtime(f"The SecondsPath parameter does not reference an input value: {path}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise runtime(f"The SecondsPath parameter cannot be parsed as a long value: {path} == {_shown(value)}")
        if value < 0:
            raise runtime(f"The SecondsPath parameter references a negative value: {path} == {value}")
        return _bounded(now, now + value)
    if "Timestamp" in state.fields:
        value = state.values["Timestamp"](JsonataScope(scope, now) if state.is_jsonata else scope)
        at = moment(value)
        if at is None:
            raise StateFailure(
                QUERY_EVALUATION,
                f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {_shown(value)}",
                location="Timestamp",
            )
        return _bounded(now, at)
    path = state.fields["TimestampPath"]
    value = state.values["TimestampPath"](scope)
    at = moment(value)
    if at is None:
        raise runtime(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            f"{path} == {_shown(value)}"
        )
    return _bounded(now, at)


# The distributed mode of a Map --------------------------------------------------------------------------

def _holding(state: State, field: str) -> dict[str, Any]:
    """The part of a Map that has a field."""
    batcher = state.fields.get("ItemBatcher", {})
    return batcher if field in batcher else state.fields["ItemReader"]["ReaderConfig"]


def of_reader(state: State, scope: Scope, now: float) -> dict[str, Any]:
    """What the ItemReader is told."""
    return {"params": _told(state, "ItemReader", scope, now)}


def of_writer(state: State, scope: Scope, now: float) -> dict[str, Any]:
    return {"params": _told(state, "ResultWriter", scope, now)}


def _told(state: State, field: str, scope: Scope, now: float) -> Any:
    if field not in state.values:
        return {}
    return state.values[field](JsonataScope(scope, now) if state.is_jsonata else scope)


def batches(state: State, scope: Scope, now: float, items: list[Any]) -> list[tuple[Any, int]]:
    """The inputs of a map run's executions, and of how many items each is made."""
    if "ItemBatcher" not in state.fields:
        return [(item, 1) for item in items]
    most, bytes_max = (number(state, name, scope, now) or None for name in ("MaxItemsPerBatch", "MaxInputBytesPerBatch"))
    shared = {"BatchInput": _told(state, "BatchInput", scope, now)} if "BatchInput" in state.values else {}
    made: list[list[Any]] = []
    size = 0
    for item in items:
        length = len(orjson.dumps(item)) + 1
        is_full = made and ((most and len(made[-1]) >= most) or (bytes_max and size + length > bytes_max))
        if not made or is_full:
            made.append([])
            size = len(orjson.dumps({**shared, "Items": []}))
        made[-1].append(item)
        size += length
    return [({**shared, "Items": batch}, len(batch)) for batch in made]


WAIT_S_MAX = 2**31 - 1
"""Recorded: 24,855 days are waited for, 24,856 are not (base/test_wait)."""


def _bounded(now: float, until: float) -> float:
    if until - now > WAIT_S_MAX:
        raise runtime("Wait state delay is too long.")
    return until


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else text_of(value)
