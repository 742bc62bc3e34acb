"""TestState: one state on its own, run once, with what its data was at each step.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.states_definition import State, parse_failure, read_state
from kumoniwa.languages.states_jsonata import JsonataScope
from kumoniwa.languages.states_path import Scope, StateFailure, put
from kumoniwa.services.stepfunctions import integration, payload, run, task
from kumoniwa.services.stepfunctions.errors import (
    InvalidDefinition,
    InvalidExecutionInput,
    ValidationException,
)
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.services.stepfunctions.machine import SERVICE, check_role
from kumoniwa.services.stepfunctions.payload import text_of


def _read(definition: str, name: str | None) -> State:
    """The state to be tried: the definition itself, or the named state of a state machine's."""
    try:
        found = orjson.loads(definition)
    except orjson.JSONDecodeError:
        message, location = parse_failure(definition)
        raise InvalidDefinition(f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {message}\n at {location}'")
    is_jsonata = False
    if isinstance(found, dict) and "States" in found:
        if name is None:
            raise ValidationException("stateName must be specified when a state machine definition is provided")
        is_jsonata = found.get("QueryLanguage") == "JSONata"
        found = found["States"].get(name) if isinstance(found["States"], dict) else None
        if found is None:
            raise ValidationException("State not found in definition")
    if not isinstance(found, dict):
        raise InvalidDefinition("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object'")
    if found.get("Type") in ("Map", "Parallel"):
        raise InvalidDefinition(
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
        )
    state, wrong = read_state(found, name or "StateName", is_jsonata=is_jsonata)
    if wrong or state is None:
        raise InvalidDefinition(f"Invalid State Machine Definition: '{', '.join(one.said() for one in wrong)}'")
    return state


class _Trial:
    """A run of one state, of which nothing is kept."""

    def __init__(self, call: Call, state: State, data: Any, text: str, variables: dict[str, Any], role: str) -> None:
        self.call, self.state, self.data, self.now = call, state, data, call.now()
        name = call.new_id()
        self.execution = Execution(
            arn=call.arn(f"express:Test:{name}:{call.new_id()}", "states"), name=name, machine=call.arn("stateMachine:Test", "states"),
            machine_name="Test", kind="EXPRESS", definition="", role=role, input=text, started=self.now,
        )  # fmt: skip
        self.strand = Strand(1, 0, 0, 0, state.name, data, entered_at=self.now, scheduled=1)
        self.scope = Scope(data, variables, lambda: payload.context_of(self.execution, self.strand, state, self.execution.machine))
        self.seen: dict[str, Any] = {"input": data}

    async def output(self) -> tuple[Any, str | None]:
        """What comes of the state, and which is next. Raises StateFailure."""
        state, scope = self.state, self.scope
        if not state.is_jsonata and "Result" not in state.fields:
            if state.input_path is not None:
                scope = self.scope = scope.over(state.input_path(scope))
            self.seen["afterInputPath"] = scope.data
        said = JsonataScope(scope, self.now) if state.is_jsonata else scope
        if state.type == "Fail":
            run.fail_with(state, scope, said)
        if state.type == "Choice":
            choice = run.chosen(state, said)
            next_ = choice.next if choice is not None else state.default
            output = self._out(said, choice.output if choice is not None and choice.output is not None else state.output)
            return output, next_
        if state.type == "Wait":
            until = payload.wait_until(state, scope, self.now)
            await self.call.wait("trial", self.execution.arn, until=until)
            return self._out(said, state.output), state.next
        if state.type == "Succeed":
            return self._out(said, state.output), None
        return await self._worked(scope), state.next

    def _out(self, said: Scope, output: Any) -> Any:
        if self.state.is_jsonata:
            return said.data if output is None else output(said)
        return said.data if self.state.output_path is None else self.state.output_path(said)

    async def _worked(self, scope: Scope) -> Any:
        """The output of a Pass or a Task."""
        state, seen = self.state, self.seen
        if "Result" in state.fields:
            result = seen["result"] = state.fields["Result"]
        else:
            result = payload.given(state, scope, self.now)
            seen["afterArguments" if state.is_jsonata else "afterParameters"] = result
        if state.type == "Task":
            self.strand.parameters = result
            result = seen["result"] = await self._asked()
        if state.is_jsonata:
            if state.type == "Pass":
                return scope.data if state.output is None else state.output(JsonataScope(scope, self.now))
            return payload.came_of(state, self.data, scope, result, self.now)[0]
        if state.result_selector is not None:
            result = state.result_selector(scope.over(result))
        seen["afterResultSelector"] = result
        output = self.data if state.result_path is None else put(self.data, state.result_path, result)
        seen["afterResultPath"] = output
        return output if state.output_path is None else state.output_path(scope.over(output))

    async def _asked(self) -> Any:
        resource = self.state.fields["Resource"]
        try:
            asked = integration.of(resource)
        except ValueError:
            raise InvalidDefinition(f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The resource provided {resource} is not recognized.'")
        if asked.kind == "activity" or asked.mode:
            raise NotImplementedHere(f"stepfunctions:TestState of {asked.resource}")
        own = self.call.home.call("stepfunctions", self.call.account, principals.service(SERVICE, self.call.account))
        return await task.outcome(own, self.execution, self.strand, resource)

    def ended(self, failure: StateFailure) -> dict[str, Any]:
        """What a failure makes of the state: tried again, caught, or failed."""
        answer: dict[str, Any] = {"status": "FAILED"}
        told = {"error": failure.error, "cause": failure.cause}
        names = run.names_of(failure)
        if any(not names.isdisjoint(one.errors) and one.attempts > 0 for one in self.state.retriers):
            answer["status"] = "RETRIABLE"
        else:
            catcher = next((one for one in self.state.catchers if not names.isdisjoint(one.errors)), None)
            if catcher is not None:
                error = {"Error": failure.error or "", "Cause": failure.cause or ""}
                if self.state.is_jsonata:
                    said = JsonataScope(self.scope, self.now, errorOutput=error)
                    output = error if catcher.output is None else catcher.output(said)
                else:
                    output = self.data if catcher.result_path is None else put(self.data, catcher.result_path, error)
                answer |= {"status": "CAUGHT_ERROR", "nextState": catcher.next, "output": text_of(output)}
        return answer | {name: value for name, value in told.items() if value is not None}


async def TestState(
    call: Call, *, definition: str, roleArn: str | None = None, input: str | None = None, inspectionLevel: str | None = None,
    variables: str | None = None, stateName: str | None = None,
) -> dict:  # fmt: skip
    state = _read(definition, stateName)
    text = "{}" if input is None else input
    try:
        data, held = orjson.loads(text), orjson.loads(variables or "{}")
    except orjson.JSONDecodeError:
        raise InvalidExecutionInput("Invalid execution input.")
    if not isinstance(held, dict):
        raise ValidationException("Variables must be a JSON object")
    if state.type == "Task" and roleArn is None:
        raise ValidationException("RoleArn must be specified when testing a Task state")
    if roleArn is not None:
        check_role(call, roleArn, call.arn("stateMachine:Test", "states"))
    trial = _Trial(call, state, data, text, held, roleArn or "")
    try:
        output, next_ = await trial.output()
        answer: dict[str, Any] = {"status": "SUCCEEDED", "output": payload.limited(output, state.name)}
        if next_ is not None:
            answer["nextState"] = next_
    except StateFailure as failure:
        answer = trial.ended(failure)
    if inspectionLevel in ("DEBUG", "TRACE"):
        answer["inspectionData"] = {name: text_of(value) for name, value in trial.seen.items()}
    return answer
