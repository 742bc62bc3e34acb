"""TestState: one state on its own, run once or with a mock for its work, and what its data was at each step.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.languages.json_places import TooDeep
from kumoniwa.languages.states_definition import Diagnostic, parse_failure, read, read_state
from kumoniwa.languages.states_jsonata import JsonataScope
from kumoniwa.languages.states_machine import Choice, State
from kumoniwa.languages.states_path import Scope, StateFailure, put
from kumoniwa.services.stepfunctions import bucket, distributed, flow_states, integration, mocking, payload, run, task
from kumoniwa.services.stepfunctions.encryption import SERVICE
from kumoniwa.services.stepfunctions.endpoint import Sight
from kumoniwa.services.stepfunctions.errors import (
    InvalidDefinition,
    InvalidExecutionInput,
    ValidationException,
)
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.services.stepfunctions.machine import check_role
from kumoniwa.services.stepfunctions.mocking import Mock
from kumoniwa.services.stepfunctions.spelling import Spelling

NAME = "StateName"
"""What a state on its own is called."""
SECONDS_MAX = 300
FANS = ("Map", "Parallel")


# The state ---------------------------------------------------------------------------------------------


def _refused(wrong: list[Diagnostic]) -> InvalidDefinition:
    return InvalidDefinition(f"Invalid State Machine Definition: '{', '.join(one.said() for one in wrong)}'")


def _read(definition: str, name: str | None) -> dict[str, State]:
    """The states of a definition by their names; of a state on its own its parts, too."""
    try:
        found = orjson.loads(definition)
    except orjson.JSONDecodeError:
        message, location = parse_failure(definition)
        raise _refused([Diagnostic("INVALID_JSON_DESCRIPTION", f"{message}\n at {location}")])
    if not isinstance(found, dict):
        raise _refused([Diagnostic("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object")])
    if "States" not in found:
        state, wrong = read_state(found, NAME)
        states = {} if state is None else {NAME: state, **_within(state)}
    elif name is None:
        raise ValidationException("stateName must be specified when a state machine definition is provided")
    else:
        machine, wrong = read(definition)
        states = {one.name: one for flow in machine.flows for one in flow.states.values()}
    if wrong:
        raise _refused(wrong)
    return states


def _within(state: State) -> dict[str, State]:
    found: dict[str, State] = {}
    for flow in state.flows:
        for one in flow.states.values():
            found |= {one.name: one, **_within(one)}
    return found


def _one_of(states: dict[str, State], name: str) -> State:
    if name not in states:
        raise ValidationException("State not found in definition")
    return states[name]


def _check_task(state: State, is_mocked: bool) -> None:
    """What of tasks can be tried, with and without a mock."""
    resource = state.fields["Resource"]
    try:
        asked = integration.read(resource) if is_mocked else integration.of(resource)
    except ValueError:
        raise _refused([Diagnostic("SCHEMA_VALIDATION_FAILED", integration.UNRECOGNIZED.format(resource), f"/States/{state.name}/Resource")])
    if not is_mocked and (asked.kind == "activity" or asked.mode):
        raise InvalidDefinition(
            "TestState API only supports Activity tasks and the .sync and .waitForTaskToken service integration patterns when a mock is specified"
        )


# The trial ---------------------------------------------------------------------------------------------


class Given(NamedTuple):
    """What a request says besides the state."""

    text: str
    variables: dict[str, Any]
    role: str
    mock: Mock | None
    context: dict[str, Any] | None
    configuration: dict[str, Any]
    sight: Sight
    spelling: Spelling


class _Trial:
    """A run of one state, of which nothing is kept."""

    def __init__(self, call: Call, state: State, data: Any, given: Given) -> None:
        self.call, self.state, self.data, self.given, self.now = call, state, data, given, call.now()
        machine, name = call.new_id(), call.new_id()
        self.execution = Execution(
            arn=call.arn(f"express:{machine}:{name}", "states"), name=name, machine=call.arn(f"stateMachine:{machine}", "states"),
            machine_name=machine, kind="EXPRESS", is_sync=True, definition="", role=given.role, input=given.text, started=self.now,
        )  # fmt: skip
        tried = given.configuration.get("retrierRetryCount", 0)
        self.strand = Strand(1, 0, 0, 0, state.name, data, entered_at=self.now, scheduled=1, retries={"": tried})
        self.scope = Scope(data, given.variables, self._context)
        self.seen: dict[str, Any] = {"input": data}
        self.handled: dict[str, int] = {}
        """The places of the Retry and the Catch that knew the failure."""

    def _context(self) -> dict[str, Any]:
        if self.given.context is not None:
            return self.given.context
        return payload.context_of(self.execution, self.strand, self.state, self.execution.machine)

    def _said(self, **more: Any) -> Scope:
        return JsonataScope(self.scope, self.now, **more) if self.state.is_jsonata else self.scope

    async def answer(self) -> dict[str, Any]:
        """What comes of the state."""
        try:
            output, assigned, next_ = await self._timed()
            payload.limited(output, self.state.name)
            answer: dict[str, Any] = {"status": "SUCCEEDED", "output": self.given.spelling.of(output), "nextState": next_}
        except StateFailure as failure:
            try:
                answer, assigned = self._ended(failure)
            except StateFailure as second:
                answer, assigned = {"status": "FAILED", "error": second.error, "cause": second.cause}, {}
        if variables := {**self.given.variables, **assigned}:
            self.seen["variables"] = variables
        return {name: value for name, value in answer.items() if value is not None}

    async def _timed(self) -> tuple[Any, dict[str, Any], str | None]:
        seconds = SECONDS_MAX
        if self.state.type == "Task":
            seconds = min(seconds, payload.number(self.state, "TimeoutSeconds", self.scope, self.now) or seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._outcome()
        except TimeoutError:
            raise StateFailure("States.Timeout", is_told=True, is_of_task=self.state.type == "Task")

    async def _outcome(self) -> tuple[Any, dict[str, Any], str | None]:
        """The output of the state, what it assigns, and which is next. Raises StateFailure."""
        state = self.state
        if state.input_path is not None:
            self.scope = self.scope.over(state.input_path(self.scope))
        if not state.is_jsonata and "Result" not in state.fields and state.type != "Parallel":
            self.seen["afterInputPath"] = self.scope.data
        if state.type == "Fail":
            flow_states.fail_with(state, self.scope, self._said())
        if state.type == "Choice":
            choice = flow_states.chosen(state, self._said())
            return self._through(choice)
        if state.type == "Wait":
            until = payload.wait_until(state, self.scope, self.now)
            await self.call.wait("trial", self.execution.arn, until=until)
        if state.type in ("Wait", "Succeed"):
            return self._through(None)
        if state.is_jsonata and state.type == "Pass":
            return self._through(None)
        result = self._fanned() if state.type in FANS else await self._worked()
        output, assigned = payload.came_of(state, self.data, self.scope, result, self.now, self.seen)
        return output, assigned, state.next

    def _through(self, choice: Choice | None) -> tuple[Any, dict[str, Any], str | None]:
        """What a state does to its data that has no result."""
        state, said = self.state, self._said()
        by = state if choice is None else choice
        assigned = {} if by.assign is None else by.assign(said)
        output = said.data
        if state.is_jsonata:
            template = by.output or state.output
            output = said.data if template is None else template(said)
        elif state.output_path is not None:
            output = state.output_path(said)
        return output, assigned, choice.next if choice is not None else state.default or state.next

    async def _worked(self) -> Any:
        """The result of a Pass or a Task."""
        state, seen = self.state, self.seen
        if "Result" in state.fields:
            result = seen["result"] = state.fields["Result"]
            return result
        result = payload.given(state, self.scope, self.now)
        if not state.is_jsonata:
            seen["afterParameters"] = result
        elif state.parameters is not None:
            seen["afterArguments"] = result
        if state.type == "Task":
            self.strand.parameters = result
            result = seen["result"] = self.given.mock.taken() if self.given.mock is not None else await self._asked()
        return result

    async def _asked(self) -> Any:
        own = self.call.home.call("stepfunctions", self.call.account, principals.service(SERVICE, self.call.account))
        return await task.outcome(own, self.execution, self.strand, self.state.fields["Resource"], self.given.sight)

    # Map and Parallel ----------------------------------------------------------------------------------

    def _fanned(self) -> Any:
        """The result of a Map or a Parallel, whose work is the mock's."""
        if self.state.type == "Parallel":
            payload.given(self.state, self.scope, self.now)
            return self.given.mock.taken()
        count = self._iterations()
        tolerance = self._tolerance()
        result = self.given.mock.taken()
        failed = self.given.configuration.get("mapIterationFailureCount", 0)
        total = count if count is not None else len(result) if isinstance(result, list) else failed
        if failed > total:
            raise ValidationException("Map iteration failure count must be less than or equal to the number of Map iterations")
        # Recorded: without a threshold nothing is exceeded.
        if not distributed.is_within(*tolerance, failed, total):
            raise distributed.exceeded()
        return result

    def _iterations(self) -> int | None:
        """How many iterations there would be, as far as their items are known, and what each would be given."""
        state, scope, seen = self.state, self.scope, self.seen
        if "ItemReader" not in state.fields:
            items = payload.items(state, scope, self.now)
            if not state.is_jsonata:
                seen["afterItemsPath"] = items
        else:
            payload.of_reader(state, scope, self.now)
            if "mapItemReaderData" not in self.given.configuration:
                return None
            config = state.fields["ItemReader"].get("ReaderConfig", {})
            data = self.given.configuration["mapItemReaderData"].encode()
            items = bucket.items_in(data, {"InputType": "JSON", **config})
            if "ItemsPointer" in config:
                seen["afterItemsPointer"] = items
        most = payload.number(state, "MaxItems", scope, self.now)
        chosen = [payload.selected(state, scope, self.now, place, item) for place, item in enumerate(items[:most] if most else items)]
        if state.parameters is not None:
            seen["afterItemSelector"] = chosen
        batches = payload.batches(state, scope, self.now, chosen)
        if "ItemBatcher" in state.fields:
            seen["afterItemBatcher"] = [batch for batch, _ in batches]
        return len(batches)

    def _tolerance(self) -> tuple[int | None, float | None]:
        self.seen["maxConcurrency"] = int(payload.number(self.state, "MaxConcurrency", self.scope, self.now) or 0)
        count, percentage = distributed.tolerated(self.state, self.scope, self.now)
        self.seen |= {} if count is None else {"toleratedFailureCount": count}
        self.seen |= {} if percentage is None else {"toleratedFailurePercentage": percentage}
        return count, percentage

    # Failures ------------------------------------------------------------------------------------------

    def _ended(self, failure: StateFailure) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a failure makes of the state: tried again, caught, or failed; and what is assigned then."""
        state = self.state
        names = run.names_of(failure)
        told = {"error": failure.error, "cause": failure.cause}
        for place, retrier in enumerate(state.retriers):
            if names.isdisjoint(retrier.errors):
                continue
            self.handled["retryIndex"] = place
            tried = self.given.configuration.get("retrierRetryCount", 0)
            if tried < retrier.attempts:
                self.handled["retryBackoffIntervalSeconds"] = int(retrier.delay_s(tried))
                return {"status": "RETRIABLE", **told}, {}
            break
        for place, catcher in enumerate(state.catchers):
            if names.isdisjoint(catcher.errors):
                continue
            self.handled["catchIndex"] = place
            error = {"Error": failure.error or "", "Cause": failure.cause or ""}
            if state.is_jsonata:
                said = self._said(errorOutput=error)
                output = error if catcher.output is None else catcher.output(said)
            else:
                said = self.scope.over(error)
                output = self.data if catcher.result_path is None else put(self.data, catcher.result_path, error)
            assigned = {} if catcher.assign is None else catcher.assign(said)
            return {"status": "CAUGHT_ERROR", "nextState": catcher.next, "output": self.given.spelling.of(output), **told}, assigned
        return {"status": "FAILED", **told}, {}

    def inspected(self, level: str) -> dict[str, Any]:
        """What is shown of the way."""
        numbers = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
        told = {name: value if name in numbers else self.given.spelling.of(value) for name, value in self.seen.items()}
        told |= {"errorDetails": self.handled} if self.handled else {}
        return told | (self.given.sight.told if level == "TRACE" else {})


# The operation -----------------------------------------------------------------------------------------


_OF_MOCKS = {
    "retrierRetryCount": ("Task", *FANS), "errorCausedByState": FANS, "mapIterationFailureCount": ("Map",), "mapItemReaderData": ("Map",),
}  # fmt: skip
"""What a stateConfiguration may say of which states."""


def _check_configuration(state: State, configuration: dict[str, Any], is_mocked: bool) -> None:
    for name in configuration:
        said = name[0].upper() + name[1:]
        if not is_mocked:
            raise ValidationException(f"TestState does not support {said} when a mock is not specified.")
        if state.type not in _OF_MOCKS[name]:
            raise ValidationException(f"State type '{state.type}' is not supported when {said} is specified")


async def TestState(
    call: Call, *, definition: str, roleArn: str | None = None, input: str | None = None, inspectionLevel: str | None = None,
    revealSecrets: bool | None = None, variables: str | None = None, stateName: str | None = None, mock: dict | None = None,
    context: str | None = None, stateConfiguration: dict | None = None,
) -> dict:  # fmt: skip
    states = _read(definition, stateName)
    state = _one_of(states, stateName or NAME)
    configuration = stateConfiguration or {}
    _check_configuration(state, configuration, mock is not None)
    if mock is None and state.type in FANS:
        raise InvalidDefinition(
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
        )
    if mock is None and context is not None:
        raise ValidationException("TestState does not support Context when a mock is not specified.")
    if state.type == "Task":
        _check_task(state, mock is not None)
    culprit = _one_of(_within(state), configuration["errorCausedByState"]) if "errorCausedByState" in configuration else None
    spelling = Spelling()
    mocked = None if mock is None else mocking.read(state, mock, culprit, spelling, reveals=bool(revealSecrets))
    if state.type == "Task" and mock is None and roleArn is None:
        raise ValidationException("RoleArn must be specified when testing a Task state")
    text = "{}" if input is None else input
    try:
        data, held = spelling.read(text), spelling.read(variables or "{}")
    except (orjson.JSONDecodeError, TooDeep):
        raise InvalidExecutionInput("Invalid execution input.")
    if not isinstance(held, dict):
        raise ValidationException("Variables must be a JSON object")
    if roleArn is not None:
        check_role(call, roleArn, call.arn("stateMachine:Test", "states"))
    if revealSecrets:
        call.require("states:RevealSecrets", "*")
    told = None if context is None else mocking.context(state, context, spelling)
    # Recorded: in its context object a state of a state machine is called as one on its own.
    state.name = NAME
    given = Given(text, held, roleArn or "", mocked, told, configuration, Sight(bool(revealSecrets)), spelling)
    trial = _Trial(call, state, data, given)
    answer = await trial.answer()
    if inspectionLevel in ("DEBUG", "TRACE"):
        answer["inspectionData"] = trial.inspected(inspectionLevel)
    return answer
