"""Flow states, which ask nobody: Pass, Succeed, Wait, Choice and Fail. Parallel and Map are ``fan``'s.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.languages.states_jsonata import QUERY_EVALUATION, JsonataScope
from kumoniwa.languages.states_machine import Choice, State
from kumoniwa.languages.states_path import Scope, StateFailure, put, runtime
from kumoniwa.services.stepfunctions import payload
from kumoniwa.services.stepfunctions.execution import Strand
from kumoniwa.services.stepfunctions.payload import text_of

if TYPE_CHECKING:
    from kumoniwa.services.stepfunctions.run import Run


def pass_(run: Run, strand: Strand, state: State) -> None:
    if state.is_jsonata:
        scope = run.scope(strand, state)
        said = JsonataScope(scope, run.now)
        output = strand.input if state.output is None else state.output(said)
        assigned = {} if state.assign is None else state.assign(said)
        run.arrived(strand, state, output, assigned, state.next)
        return
    scope = run.scope(strand, state)
    result = state.fields["Result"] if "Result" in state.fields else payload.given(state, scope, run.now)
    output = strand.input if state.result_path is None else put(strand.input, state.result_path, result)
    assigned = {} if state.assign is None else state.assign(scope.over(result))
    if state.output_path is not None:
        output = state.output_path(scope.over(output))
    run.arrived(strand, state, output, assigned, state.next)


def _through(run: Run, strand: Strand, state: State, scope: Scope, next_: str | None) -> None:
    """A state that does nothing to its data but InputPath, OutputPath, Output and Assign."""
    if state.is_jsonata:
        said = JsonataScope(scope, run.now)
        output = scope.data if state.output is None else state.output(said)
        assigned = {} if state.assign is None else state.assign(said)
    else:
        assigned = {} if state.assign is None else state.assign(scope)
        output = scope.data if state.output_path is None else state.output_path(scope)
    run.arrived(strand, state, output, assigned, next_)


def succeed(run: Run, strand: Strand, state: State) -> None:
    _through(run, strand, state, run.scope(strand, state), None)


def wait(run: Run, strand: Strand, state: State) -> None:
    scope = run.scope(strand, state)
    until = payload.wait_until(state, scope, run.now)
    if until > run.now:
        strand.waiting, strand.due = "wait", until
    else:
        waited(run, strand)


def waited(run: Run, strand: Strand) -> None:
    state = run.state_of(strand)
    strand.waiting, strand.due = "", None
    try:
        _through(run, strand, state, run.scope(strand, state), state.next)
    except StateFailure as failure:
        run.failed(strand, state, failure)


def chosen(state: State, said: Scope) -> Choice | None:
    """The first rule of a Choice that holds, None for its default. Raises StateFailure where there is neither."""
    for place, choice in enumerate(state.choices):
        holds = choice.holds(said)
        if state.is_jsonata and not isinstance(holds, bool):
            field = f"Choices[{place}]/Condition"
            raise StateFailure(QUERY_EVALUATION, f"The field '{field}' must be a boolean but was: {text_of(holds)}", location=field)
        if holds:
            return choice
    if state.default is None:
        raise StateFailure("States.NoChoiceMatched", "Failed to transition out of the state. The state does not point to a next state.")
    return None


def choose(run: Run, strand: Strand, state: State) -> None:
    scope = run.scope(strand, state)
    said = JsonataScope(scope, run.now) if state.is_jsonata else scope
    choice = chosen(state, said)
    if choice is None:
        _through(run, strand, state, scope, state.default)
        return
    output, assigned = scope.data, {}
    if choice.assign is not None:
        assigned = choice.assign(said)
    if state.is_jsonata:
        output = choice.output(said) if choice.output is not None else state.output(said) if state.output is not None else output
    elif state.output_path is not None:
        output = state.output_path(scope)
    run.arrived(strand, state, output, assigned, choice.next)


def fail(run: Run, strand: Strand, state: State) -> None:
    scope = run.scope(strand, state)
    fail_with(state, scope, JsonataScope(scope, run.now) if state.is_jsonata else scope)


def fail_with(state: State, scope: Scope, said: Scope) -> None:
    """Raises what a Fail state fails with."""
    found: dict[str, str | None] = {}
    for field in ("Error", "Cause"):
        found[field] = None
        if field in state.values:
            found[field] = state.values[field](said)
        elif f"{field}Path" in state.values:
            path = f"{field}Path"
            try:
                value = state.values[path](scope)
            except StateFailure as failure:
                if failure.error != "States.Runtime":
                    raise
                raise runtime(
                    f"The JSONPath '{state.fields[path]}' specified for the field '{path}' could not be found in the input '{text_of(scope.data)}'"
                )
            found[field] = value if isinstance(value, str) else text_of(value)
    raise StateFailure(found["Error"], found["Cause"], is_told=True)
