"""Moving an execution on: as many steps as can be made at once, all of them in one commit.

A ``Run`` lasts no longer than that. It reads the strands it needs, moves the ready ones in turn until each of them waits or
has ended, and writes down what changed. Who waits is woken by what it waits for: a time (``work``), an answer (``task``), a
token or another execution; each of these makes a new run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Any

from kumoniwa.gate.key_chain import OPEN, Lock
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.states_jsonata import QUERY_EVALUATION, JsonataScope
from kumoniwa.languages.states_machine import Catcher, Machine, State
from kumoniwa.languages.states_path import Scope, StateFailure, put
from kumoniwa.services.stepfunctions import bill, distributed, fan, flow_states, logging, payload, task, tracing
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions.distributed import MapRun
from kumoniwa.services.stepfunctions.execution import STRANDS, Event, Execution, Strand
from kumoniwa.services.stepfunctions.machine import Compiled, definition_link
from kumoniwa.services.stepfunctions.payload import limited, text_of

EVENTS_MAX = 25_000
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
EXPRESS_S_MAX = 300.0
STEPS_AT_ONCE = 1_000
"""Events after which others have their turn."""
TOLD = {"truncated": False}
WORK = {
    "Pass": flow_states.pass_, "Succeed": flow_states.succeed, "Wait": flow_states.wait, "Choice": flow_states.choose, "Fail": flow_states.fail,
    "Parallel": fan.begin_parallel, "Map": fan.begin_map, "Task": task.begin,
}  # fmt: skip


class _HistoryFull(Exception):
    pass


class _Over(Exception):
    """The execution has ended."""


class Run:
    def __init__(self, call: Call, execution: Execution, lock: Lock, *, is_new: bool = False) -> None:
        self.call, self.execution, self.lock, self.is_new = call, execution, lock, is_new
        self.now = call.now()
        self.count, self.strand_count = execution.events, execution.strands
        self.events: list[Event] = []
        self.transitions = 0
        """States that were entered, and those that were tried again: what is billed."""
        self.strands: dict[int, Strand] = {}
        self.stored: set[int] = set()
        """Those that have a row already."""
        self.gone: list[int] = []
        self.ready: deque[Strand] = deque()
        self.asks: list[Strand] = []

    @cached_property
    def machine(self) -> Machine:
        return self.call.memory(Compiled).of(self.call, self.execution.definition, self.execution.is_of_express, self.lock)

    # Strands and events --------------------------------------------------------------------------------

    def strand(self, id_: int) -> Strand | None:
        found = self.strands.get(id_)
        if found is None and not self.is_new:
            found = executions.strand_of(self.call, self.execution.arn, id_, self.lock)
            if found is not None:
                self.strands[id_] = found
                self.stored.add(id_)
        return found

    def add(self, strand: Strand) -> None:
        self.strands[strand.id] = strand

    def drop(self, strand: Strand) -> None:
        del self.strands[strand.id]
        if strand.id in self.stored:
            self.gone.append(strand.id)

    def state_of(self, strand: Strand) -> State:
        return self.machine.flows[strand.flow].states[strand.state]

    def event(self, type_: str, previous: int, details: dict[str, Any] | None = None) -> int:
        if self.count >= EVENTS_MAX - 1 and not type_.startswith("Execution"):
            raise _HistoryFull
        self.events.append(Event(self.now, previous, type_, details))
        self.count += 1
        return self.count

    def variables(self, strand: Strand) -> dict[str, Any]:
        """Those of the strand and of the strands around it."""
        if not strand.parent:
            return strand.variables
        around = self.strand(strand.parent)
        return {**self.variables(around), **strand.variables}

    def scope(self, strand: Strand, state: State) -> Scope:
        """What the state's expressions see, with its input through InputPath."""
        variables = self.variables(strand)
        execution = self.execution
        scope = Scope(strand.input, variables, lambda: payload.context_of(execution, strand, state, execution.machine))
        return scope if state.input_path is None else scope.over(state.input_path(scope))

    # One burst -----------------------------------------------------------------------------------------

    def go(self, after: Exception | None = None) -> None:
        """Move what is ready until nothing is, and keep what came of it. ``after`` is what ended the execution before that."""
        until = self.count + STEPS_AT_ONCE
        try:
            if after is not None:
                raise after
            while self.ready:
                strand = self.ready.popleft()
                if strand.id not in self.strands:
                    continue
                if self.count >= until:
                    strand.waiting, strand.due = "turn", self.now
                elif strand.waiting == "starting":
                    task.started(self, strand)
                else:
                    self.step(strand)
        except _Over:
            pass
        except _HistoryFull:
            told = {"error": "States.Runtime", "cause": f"The execution reached the maximum number of history events ({EVENTS_MAX})."}
            self.event("ExecutionFailed", self.count, told)
            try:
                self.end("FAILED", **told)
            except _Over:
                pass
        self.keep()

    def step(self, strand: Strand) -> None:
        """Enter the state at which a strand has arrived, unless it has been there before, and do its work."""
        state = self.state_of(strand)
        strand.waiting, strand.due = "", None
        if not strand.entered:
            self.transitions += 1
            strand.entered_after, strand.entered_at = strand.previous, self.now
            text = self.execution.input if self.count == 1 else text_of(strand.input)
            strand.entered = strand.previous = self.event(
                f"{state.type}StateEntered", strand.previous, {"name": state.name, "input": text, "inputDetails": TOLD}
            )
        try:
            WORK[state.type](self, strand, state)
        except StateFailure as failure:
            self.failed(strand, state, failure)

    def arrived(self, strand: Strand, state: State, output: Any, assigned: dict[str, Any], next_: str | None) -> None:
        """Leave a state for the next, or end the strand."""
        text = limited(output, state.name)
        details = {"name": state.name, "output": text, "outputDetails": TOLD}
        if assigned:
            strand.variables = {**strand.variables, **assigned}
            details["assignedVariables"] = {name: text_of(value) for name, value in assigned.items()}
            details["assignedVariablesDetails"] = TOLD
        strand.previous = self.event(f"{state.type}StateExited", strand.previous, details)
        strand.entered, strand.first, strand.retries, strand.token, strand.nested, strand.parameters = 0, 0, {}, "", "", None
        strand.timeout_at, strand.heartbeat_s, strand.lost = None, None, []
        if next_ is not None:
            strand.state, strand.input = next_, output
            self.ready.append(strand)
        elif strand.parent:
            fan.child_ended(self, strand, output)
        else:
            self.event("ExecutionSucceeded", strand.previous, {"output": text, "outputDetails": TOLD})
            self.end("SUCCEEDED", output=text)

    def came(self, strand: Strand, state: State, result: Any) -> None:
        """The work of a state is done, and this came of it."""
        output, assigned = payload.came_of(state, strand.input, self.scope(strand, state), result, self.now)
        self.arrived(strand, state, output, assigned, state.next)

    # Failures ------------------------------------------------------------------------------------------

    def failed(self, strand: Strand, state: State, failure: StateFailure) -> None:
        """Try again, be caught, or take everything around along."""
        if not failure.is_told and not failure.is_of_task and failure.error != "States.DataLimitExceeded":
            where = f"An error occurred while executing the state '{state.name}' (entered at the event id #{strand.entered}). "
            failure.cause, failure.is_told = where + (failure.cause or ""), True
        if failure.error == QUERY_EVALUATION:
            told = {"error": failure.error, "cause": failure.cause, "state": state.name}
            if failure.location is not None:
                told["location"] = failure.location
            strand.previous = self.event("EvaluationFailed", strand.entered_after, told)
        strand.waiting, strand.due, strand.token, strand.nested = "", None, "", ""
        names = names_of(failure)
        for place, retrier in enumerate(state.retriers):
            if names.isdisjoint(retrier.errors):
                continue
            tried = strand.retries.get(str(place), 0)
            if tried >= retrier.attempts:
                break
            delay_s = retrier.delay_s(tried)
            if retrier.has_jitter:
                delay_s = self.call.ids.random.uniform(0, delay_s)
            self.transitions += 1
            strand.retries = {**strand.retries, str(place): tried + 1}
            strand.waiting, strand.due, strand.lost = "retry", self.now + delay_s, []
            return
        if state.type in ("Map", "Parallel") and (strand.first or failure.error == QUERY_EVALUATION):
            strand.previous = self.event(f"{state.type}StateFailed", strand.previous)
        for catcher in state.catchers:
            if not names.isdisjoint(catcher.errors):
                self._caught(strand, state, catcher, failure)
                return
        if strand.parent:
            fan.child_failed(self, strand, failure)
            return
        told = {name: said for name, said in (("error", failure.error), ("cause", failure.cause)) if said is not None}
        self.event("ExecutionFailed", strand.previous, told)
        self.end("FAILED", error=failure.error, cause=failure.cause)

    def _caught(self, strand: Strand, state: State, catcher: Catcher, failure: StateFailure) -> None:
        # Recorded: test_sqs_failure_in_wait_for_task_tok_no_error_field.
        is_nameless = failure.error is None
        error = {"Error": failure.error, "Cause": failure.cause if is_nameless else failure.cause or ""}
        scope = self.scope(strand, state)
        try:
            if state.is_jsonata:
                said = JsonataScope(scope, self.now, errorOutput=error)
                output = error if catcher.output is None else catcher.output(said)
                assigned = {} if catcher.assign is None else catcher.assign(said)
            else:
                output = strand.input if catcher.result_path is None else put(strand.input, catcher.result_path, error)
                assigned = {} if catcher.assign is None else catcher.assign(scope.over(error))
            self.arrived(strand, state, output, assigned, catcher.next)
        except StateFailure as second:
            # What a catcher says cannot be caught by it or its siblings.
            bare = State(state.name, "Pass", {}, state.is_jsonata)
            self.failed(strand, bare, second)

    # The end -------------------------------------------------------------------------------------------

    def end(self, status: str, **told: Any) -> None:
        """Nothing moves any more. Raises what ends the burst."""
        self.execution = changed(self.execution, status=status, stopped=self.now, **told)
        self.asks.clear()
        raise _Over

    def keep(self) -> None:
        """Write down what changed."""
        call, execution = self.call, self.execution
        first = execution.events + 1
        execution = self.execution = changed(execution, events=self.count, strands=self.strand_count)
        is_over = execution.status != "RUNNING"
        if is_over and execution.traced and not execution.sealed:
            tracing.tell(call, execution, self.events, first, self.lock)
        if is_over and execution.is_of_express and not execution.is_sync:
            if execution.logging:
                logging.put(call, execution, first, self.events, self.lock)
            # Nobody can ask for what an Express execution was.
            executions.forget(call, execution.arn)
            bill.moved(call, execution, self.transitions, is_new=self.is_new)
            return
        if self.is_new:
            executions.insert(call, execution, self.lock)
        else:
            executions.update(call, execution, self.lock)
        if self.events and execution.logging:
            logging.put(call, execution, first, self.events, self.lock)
        if self.events:
            executions.keep_events(call, execution.arn, first, self.events, self.lock)
        if is_over:
            self._keep_strands_for_a_redrive()
            self._tell_end()
        else:
            self._keep_strands()
            asks = [strand for strand in self.asks if strand.id in self.strands and strand.waiting == "ask"]
            if asks:
                asking = call.memory(Asking)
                # The list is looked up when this is safe: until then the background work may have taken the one of now.
                call.after_commit(lambda: asking.fresh.extend((execution, strand) for strand in asks))
            if asks or execution.timeout_s or any(strand.due is not None for strand in self.strands.values()):
                call.after_commit(lambda: call.home.wake(WAITING))
        bill.moved(call, execution, self.transitions, is_new=self.is_new)

    def _keep_strands(self) -> None:
        executions.drop_strands(self.call, self.execution.arn, self.gone)
        for strand in self.strands.values():
            executions.put_strand(self.call, self.execution.arn, strand, self.lock)

    def _keep_strands_for_a_redrive(self) -> None:
        """What did not succeed may go on where it ended, unless it was Express."""
        if self.execution.status != "SUCCEEDED" and not self.execution.is_express:
            self._keep_strands()
            executions.lay_by(self.call, self.execution.arn)
        elif not self.is_new:
            executions.drop_strands(self.call, self.execution.arn)

    def _tell_end(self) -> None:
        """Who waits for the execution hears of its end in the same commit."""
        call, execution = self.call, self.execution
        if execution.map_run:
            distributed.child_ended(call, execution)
            call.after_commit(lambda: call.home.wake(WAITING))
            return
        task.status_changed(call, execution)
        call.after_commit(lambda: call.home.wake(("states", "ended", execution.arn)))
        for map_run in distributed.of_execution(call, execution.arn):
            if map_run.status == "RUNNING":
                abandon(call, map_run, "ABORTED")
        # Each sees of it what its own role may see: that is the background work's to find out.
        rows = call.rows(STRANDS)
        for arn, id_ in executions.waiting_for(call, execution.arn):
            rows.run("update sfn_strand set due = ? where execution = ? and id = ?", self.now, arn, id_)
            call.after_commit(lambda: call.home.wake(WAITING))


class Asking:
    """What the background work is to ask, and the questions under way, by execution, strand and event."""

    def __init__(self) -> None:
        self.fresh: list[tuple[Execution, Strand]] = []
        self.now: set[tuple[str, int, int]] = set()


WAITING = ("states", "due")


def names_of(failure: StateFailure) -> set[str]:
    """The names by which Retry and Catch know a failure.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    if failure.error == "States.Runtime":
        # Not even its own name catches it (recorded: test_catch_states_runtime).
        return set()
    names = {failure.error or ""}
    if failure.is_heartbeat:
        names.add("States.HeartbeatTimeout")
    if failure.is_of_task and failure.error != "States.Timeout":
        names.add("States.TaskFailed")
    if failure.error != "States.DataLimitExceeded" or failure.is_of_task:
        # The page says that States.ALL never catches this one; what a task answered it was recorded to catch
        # (localstack's test_*_catch_state_all_data_limit_exceeded_on_large_utf8_response).
        names.add("States.ALL")
    return names


# Beginning and going on --------------------------------------------------------------------------------


def begin(call: Call, execution: Execution, data: Any) -> Execution:
    """Write an execution's first event and go."""
    run = Run(call, execution, lock_of(call, execution), is_new=True)
    timeout_s = None if execution.map_run else run.machine.timeout_s
    if execution.is_express:
        timeout_s = min(timeout_s or EXPRESS_S_MAX, EXPRESS_S_MAX)
    execution = run.execution = changed(execution, timeout_s=timeout_s)
    told: dict[str, Any] = {"input": execution.input, "inputDetails": TOLD, "roleArn": execution.role}
    if execution.alias:
        told["stateMachineAliasArn"] = execution.alias
    if execution.version:
        told["stateMachineVersionArn"] = execution.version
    run.event("ExecutionStarted", 0, told)
    run.strand_count = 1
    flow = run.machine.flows[execution.flow]
    strand = Strand(1, 0, 0, flow.index, flow.start, data)
    run.add(strand)
    run.ready.append(strand)
    if not execution.map_run:
        task.status_changed(call, execution)
    run.go()
    return run.execution


def lock_of(call: Call, execution: Execution) -> Lock:
    """What an execution's data goes through, by its role. Somebody who waits for the answer needs no data key that is new: nothing of it stays.
    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html"""
    link = definition_link(call, execution.definition) if execution.encryption is not None and execution.is_sync else ""
    return encryptions.of_role(call, execution.machine, execution.role, execution.encryption, link)


def opened(call: Call, arn: str) -> Run | None:
    """A run of an execution that goes on, None if it is over. Raises ``data_key.Shut`` until its key is open."""
    execution = executions.find(call, arn)
    if execution is None or execution.status != "RUNNING":
        return None
    lock = lock_of(call, execution)
    return Run(call, executions.opened(execution, lock), lock)


def moved(call: Call, arn: str, id_: int, act: Callable[[Run, Strand], None]) -> None:
    """Let something happen to a strand and move the execution on, in one piece. Nothing if it is no more."""
    run = opened(call, arn)
    strand = run.strand(id_) if run is not None else None
    if strand is None:
        return
    try:
        act(run, strand)
    except (_Over, _HistoryFull) as ending:
        run.go(after=ending)
    else:
        run.go()


def abandon(call: Call, map_run: MapRun, status: str) -> None:
    """End a map run with the executions that still run under it."""
    for arn in distributed.stop(call, map_run, status):
        execution = executions.find(call, arn)
        if execution is not None and execution.status == "RUNNING":
            stopped(call, execution, "ABORTED", None, None)


def advance(call: Call, arn: str, id_: int) -> None:
    """Go on with a map run that is due."""

    def finish(map_run: MapRun) -> None:
        def act(run: Run, strand: Strand) -> None:
            state = run.state_of(strand)
            if map_run.status == "SUCCEEDED" and "Resource" in state.fields.get("ResultWriter", {}):
                told = payload.of_writer(state, run.scope(strand, state), run.now)
                strand.parameters = {"stage": "write", "map_run": map_run.arn, **told}
                strand.waiting, strand.due = "ask", None
                run.asks.append(strand)
            else:
                distributed.ended(run, strand, map_run, None)

        moved(call, arn, id_, act)

    def go(child: Execution, data: Any, is_redrive: bool) -> None:
        if is_redrive:
            redriven(call, child)
        else:
            begin(call, child, data)

    distributed.advance(call, arn, id_, opened(call, arn), go, lambda run, status: abandon(call, run, status), finish)


def redriven(call: Call, execution: Execution) -> Execution:
    """Go on at the states at which an execution ended without success; what had come to its end is not done again."""
    lock, now = lock_of(call, execution), call.now()
    execution = changed(
        executions.opened(execution, lock), status="RUNNING", stopped=None, error=None, cause=None, output=None,
        redrives=execution.redrives + 1, redriven=now,
    )  # fmt: skip
    run = Run(call, execution, lock)
    strand = run.strand(1)
    if strand.waiting == "children":
        fan.freeze(run, strand)
    _resume(run, strand, run.event("ExecutionRedriven", 0, {"redriveCount": execution.redrives}))
    if execution.timeout_s:
        executions.limit(call, execution.arn, now + execution.timeout_s)
    if not execution.map_run:
        task.status_changed(call, execution)
    run.go()
    return run.execution


def _resume(run: Run, strand: Strand, previous: int) -> None:
    """Let a strand do the work of its state again; a Parallel or a Map only what of it did not succeed."""
    strand.previous = previous
    strand.retries, strand.token, strand.nested, strand.waiting, strand.due = {}, "", "", "", None
    strand.timeout_at = strand.heartbeat_s = None
    run.add(strand)
    if strand.lost:
        fan.resume(run, strand, lambda child: _resume(run, child, previous))
    elif not distributed.redrive(run, strand):
        run.transitions += 1
        run.ready.append(strand)


def stopped(call: Call, execution: Execution, status: str, error: str | None, cause: str | None) -> Execution:
    """End an execution from outside: ABORTED or TIMED_OUT. Where nothing is said there is nothing to encrypt, and no key is asked for.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html"""
    lock = OPEN if error is None and cause is None else lock_of(call, execution)
    run = Run(call, execution if lock is OPEN else executions.opened(execution, lock), lock)
    told = {name: said for name, said in (("error", error), ("cause", cause)) if said is not None}
    run.event("ExecutionAborted" if status == "ABORTED" else "ExecutionTimedOut", 0, told)
    try:
        run.end(status, **told)
    except _Over:
        run.keep()
    return run.execution


def lost(call: Call, arn: str, refusal: AwsError) -> None:
    """End an execution whose key cannot be used any more. What ended it is KMS's to say, and no secret. AWS documents that it fails, and
    not with which error. https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html#faqs"""
    execution = executions.find(call, arn)
    if execution is None or execution.status != "RUNNING":
        return
    run = Run(call, execution, OPEN)
    told = {"error": "States.Runtime", "cause": refusal.text}
    run.event("ExecutionFailed", 0, told)
    try:
        run.end("FAILED", **told)
    except _Over:
        run.keep()
