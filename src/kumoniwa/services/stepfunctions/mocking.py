"""Mocks of TestState: what stands for the work of a state, and the context object that a trial may be given with it.

The words are those of the recordings test_state_mock_validation, test_field_validation_mode and test_state_context_object.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.aws.models import Shape
from kumoniwa.languages.json_places import TooDeep
from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.services.stepfunctions import integration
from kumoniwa.services.stepfunctions.errors import ValidationException
from kumoniwa.services.stepfunctions.spelling import Spelling


class Mock(NamedTuple):
    result: Any = None
    failure: StateFailure | None = None

    def taken(self) -> Any:
        """The result. Raises the failure, if that is what is mocked."""
        if self.failure is not None:
            raise self.failure
        return self.result


def read(state: State, said: dict[str, Any], culprit: State | None, spelling: Spelling, *, reveals: bool) -> Mock:
    """What a request's ``mock`` says of a state. ``culprit`` is the state within a Map or Parallel that failed."""
    if state.type not in ("Task", "Map", "Parallel"):
        raise ValidationException(f"State type '{state.type}' is not supported when a mock is specified")
    if reveals:
        raise ValidationException("TestState does not support RevealSecrets when a mock is specified.")
    if ("result" in said) == ("errorOutput" in said):
        raise ValidationException("A test mock should have only one of the following fields: [result, errorOutput].")
    if "errorOutput" in said:
        error = said["errorOutput"]
        is_of_task = (culprit or state).type == "Task"
        return Mock(failure=StateFailure(error.get("error"), error.get("cause"), is_told=True, is_of_task=is_of_task))
    try:
        result = spelling.read(said["result"])
    except (orjson.JSONDecodeError, TooDeep):
        raise ValidationException("Mocked result must be valid JSON")
    _check_kind(state, result)
    mode = said.get("fieldValidationMode", "STRICT")
    shape = integration.shape_of(state.fields["Resource"]) if state.type == "Task" and mode != "NONE" else None
    if shape is not None:
        if not isinstance(result, dict):
            raise ValidationException("Mocked result must be a JSON object.")
        _check(shape, result, "", is_strict=mode == "STRICT", is_sdk=integration.read(state.fields["Resource"]).kind == "sdk")
    return Mock(result)


def _check_kind(state: State, result: Any) -> None:
    """The results of iterations and branches are an array; where a Map writes them, it answers where to."""
    if state.type == "Map" and "Resource" in state.fields.get("ResultWriter", {}):
        if not isinstance(result, dict):
            raise ValidationException("Mocked result must be a JSON object.")
    elif state.type in ("Map", "Parallel") and not isinstance(result, list):
        raise ValidationException("Mocked result must be an array.")
    if state.type == "Parallel" and len(result) != len(state.flows):
        raise ValidationException("Mocked result must contain the same number of items as number of Parallel branches.")


_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "structure": ("an object", (dict,)), "map": ("an object", (dict,)), "list": ("an array", (list,)), "boolean": ("a boolean", (bool,)),
    "string": ("a string", (str,)), "blob": ("a string", (str,)), "timestamp": ("a string", (str,)), "integer": ("a number", (int, float)),
    "long": ("a number", (int, float)), "float": ("a number", (int, float)), "double": ("a number", (int, float)),
}  # fmt: skip


def _wrong(said: str) -> ValidationException:
    return ValidationException(f"Mock result schema validation error: {said}")


def _check(shape: Shape, value: Any, field: str, *, is_strict: bool, is_sdk: bool) -> None:
    """A mocked value against the model of what AWS answers. Fields that the model does not have say nothing."""
    if shape.is_document or shape.type not in _KINDS:
        return
    named, kinds = _KINDS[shape.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and shape.type != "boolean"):
        raise _wrong(f"Field '{field}' must be {named}")
    if shape.type == "structure":
        members = {integration.spelled(name, is_sdk=is_sdk): member.shape for name, member in shape.members.items()}
        for required in shape.required if is_strict else ():
            if (name := integration.spelled(required, is_sdk=is_sdk)) not in value:
                raise _wrong(f"Required field '{name}' is missing")
        for name, one in value.items():
            if name in members:
                _check(members[name], one, name, is_strict=is_strict, is_sdk=is_sdk)
    elif shape.type == "list":
        for one in value:
            _check(shape.element.shape, one, field, is_strict=is_strict, is_sdk=is_sdk)
    elif shape.type == "map":
        for one in value.values():
            _check(shape.value.shape, one, field, is_strict=is_strict, is_sdk=is_sdk)
    elif shape.enum:
        if value not in shape.enum:
            raise _wrong(f"Field '{field}' is not an expected value")
    else:
        _check_bounds(shape, value, field)


def _check_bounds(shape: Shape, value: Any, field: str) -> None:
    is_number = isinstance(value, (int, float))
    size = value if is_number else len(value)
    if shape.min is not None and size < shape.min:
        raise _wrong(f"Field '{field}' is {'less than the minimum value' if is_number else 'smaller than the minimum length'}")
    if shape.max is not None and size > shape.max:
        raise _wrong(f"Field '{field}' exceeds the maximum {'value' if is_number else 'length'}")


# The context object --------------------------------------------------------------------------------------

_CONTEXT: dict[str, dict[str, tuple[str, tuple[type, ...]]]] = {
    "Execution": {
        "Id": ("a string", (str,)), "Input": ("", (object,)), "Name": ("a string", (str,)), "RoleArn": ("a string", (str,)),
        "StartTime": ("a string", (str,)), "RedriveCount": ("a number", (int,)), "RedriveTime": ("a string", (str,)),
    },
    "State": {"EnteredTime": ("a string", (str,)), "Name": ("a string", (str,)), "RetryCount": ("a number", (int,))},
    "StateMachine": {"Id": ("a string", (str,)), "Name": ("a string", (str,))},
    "Task": {"Token": ("a string", (str,))},
}  # fmt: skip


def context(state: State, text: str, spelling: Spelling) -> dict[str, Any]:
    """The context object that a request says. It is all that the state sees of one."""

    def wrong(said: str) -> ValidationException:
        return ValidationException(f"Invalid Context object provided: {said}")

    try:
        found = spelling.read(text)
    except (orjson.JSONDecodeError, TooDeep):
        found = None
    if not isinstance(found, dict):
        raise wrong("Context object must be a valid JSON object")
    for name, held in found.items():
        if name == "Map":
            raise wrong("'Map' field is not supported when mocking a Context object")
        if name not in _CONTEXT:
            raise wrong(f"Field '{name}' is not allowed")
        if not isinstance(held, dict):
            raise wrong(f"{name} must be an object")
        for member, value in held.items():
            if member not in _CONTEXT[name]:
                raise wrong(f"Field '{member}' is not allowed")
            named, kinds = _CONTEXT[name][member]
            if not isinstance(value, kinds):
                raise wrong(f"{name}.{member} must be {named}")
    if "Task" in found and (state.type != "Task" or not integration.read(state.fields["Resource"]).mode):
        raise wrong(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"
        )
    return found
