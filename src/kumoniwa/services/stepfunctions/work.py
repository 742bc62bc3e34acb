"""Background work: what is due moves on, what is to be asked is asked, and after a kill everything is taken up again."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from kumoniwa.gate import patience
from kumoniwa.gate.data_key import Shut, opening
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.services.stepfunctions import bucket, flow_states, integration, logging, task
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions import run as runs
from kumoniwa.services.stepfunctions.encryption import SERVICE
from kumoniwa.services.stepfunctions.execution import EXECUTIONS, STRANDS, Execution, Strand
from kumoniwa.services.stepfunctions.machine import Compiled
from kumoniwa.services.stepfunctions.run import WAITING, Asking, Run, moved

IDLE_S = 3600.0
AT_ONCE = 200
"""Strands moved on before others have their turn."""
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
"""How jobs of other services end."""
AGAIN_S = 1.0
"""While KMS gives no answer, an execution that needs it waits so long."""


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(logging.OUTBOX.run(region))
        both.create_task(_move(region))


async def _move(region: Any) -> None:
    for account in region.store.accounts():
        if account.isdigit():
            call = _call(region, account)
            for arn in executions.unheard(call):
                executions.forget(call, arn)
            _ask_again(call)
    while True:
        until = region.clock.now() + IDLE_S
        for account in region.store.accounts():
            if account.isdigit():
                call = _call(region, account)
                asking = call.memory(Asking)
                fresh, asking.fresh = asking.fresh, []
                for execution, strand in fresh:
                    _ask(call, execution, strand)
                _move_due(call)
                until = min(until, _next_due(call) or until)
        await region.wait(WAITING, until)


def _call(region: Any, account: str) -> Call:
    return region.call("stepfunctions", account, principals.service(SERVICE, account))


# Asking ------------------------------------------------------------------------------------------------


def _ask_again(call: Call) -> None:
    """Questions that an earlier life of the region had asked, or had meant to."""
    for arn, id_ in call.rows(STRANDS, EXECUTIONS).all("select execution, id from sfn_strand where waiting = 'ask'"):
        call.home.spawn(_take_up(call, arn, id_))


async def _take_up(call: Call, arn: str, id_: int) -> None:
    found = await _with_key(call, arn, lambda: _standing(call, arn, id_))
    if found is not None:
        _ask(call, *found)


def _standing(call: Call, arn: str, id_: int) -> tuple[Execution, Strand] | None:
    run = runs.opened(call, arn)
    return (run.execution, run.strand(id_)) if run is not None else None


async def _with_key(call: Call, arn: str, act: Callable[[], Any]) -> Any:
    """What ``act`` answers, done atomically; None if the execution's key cannot be used any more, which ends it."""
    while True:
        try:
            return await opening(call, act)
        except AwsError as refusal:
            if not patience.is_passing(refusal):
                call.atomically(partial(runs.lost, call, arn, refusal))
                return None
        await call.wait("key", arn, until=call.now() + AGAIN_S)


def _ask(call: Call, execution: Execution, strand: Strand) -> None:
    key = (execution.arn, strand.id, strand.scheduled)
    asking = call.memory(Asking).now
    if key not in asking:
        asking.add(key)
        call.home.spawn(_hear(call, execution, strand, key))


async def _hear(call: Call, execution: Execution, strand: Strand, key: tuple[str, int, int]) -> None:
    compiled = call.memory(Compiled).of
    machine = await _with_key(
        call, execution.arn, lambda: compiled(call, execution.definition, execution.is_of_express, runs.lock_of(call, execution))
    )
    if machine is None:
        call.memory(Asking).now.discard(key)
        return
    state = machine.flows[strand.flow].states[strand.state]
    try:
        if state.type == "Map":
            outcome: Any = await bucket.outcome(call, execution, strand, state)
        else:
            outcome = await task.outcome(call, execution, strand, state.fields["Resource"])
    except StateFailure as failure:
        outcome = failure
    except Exception as error:
        # A defect of ours. An execution that waited on would have its owner wait for ever.
        traceback.print_exception(error)
        outcome = StateFailure("States.Runtime", f"Internal Failure: {type(error).__name__}", is_told=True)
    finally:
        call.memory(Asking).now.discard(key)

    def heard(run: Run, now: Strand) -> None:
        # An answer to a question that was given up in the meantime is not heard.
        if now.waiting != "ask" or now.scheduled != strand.scheduled:
            return
        if state.type == "Map":
            bucket.heard(run, now, state, outcome)
        elif isinstance(outcome, StateFailure):
            task.unanswered(run, now, outcome)
        else:
            task.answered(run, now, outcome)

    await _with_key(call, execution.arn, lambda: moved(call, execution.arn, strand.id, heard))


# What is due -------------------------------------------------------------------------------------------


def _move_due(call: Call) -> None:
    rows = call.rows(STRANDS, EXECUTIONS)
    now = call.now()
    late = rows.all("select arn from sfn_execution where deadline <= ? limit ?", now, AT_ONCE)
    for (arn,) in late:
        execution = executions.existing(call, arn)
        call.atomically(lambda execution=execution: runs.stopped(call, execution, "TIMED_OUT", None, None))
    due = rows.all("select execution, id, waiting, coalesce(nested, token) from sfn_strand where due <= ? order by due limit ?", now, AT_ONCE)
    for arn, id_, waiting, awaited in due:
        nested = executions.find(call, awaited) if waiting == "nested" else None
        if waiting == "maprun":
            _go_on(call, arn, id_, partial(runs.advance, call, arn, id_))
        elif waiting == "job":
            _put_off(call, arn, id_)
            call.home.spawn(_look_at_job(call, arn, id_))
        elif waiting == "nested" and task.is_afar(call, awaited):
            _put_off(call, arn, id_)
            call.home.spawn(_look_afar(call, arn, id_))
        elif nested is None or nested.status == "RUNNING":
            _go_on(call, arn, id_, partial(moved, call, arn, id_, _due))
        elif nested.sealed:
            _put_off(call, arn, id_)
            call.home.spawn(_end(call, arn, id_, nested))
        else:
            _go_on(call, arn, id_, partial(moved, call, arn, id_, partial(_ended, awaited, nested)))


def _go_on(call: Call, arn: str, id_: int, act: Callable[[], None]) -> None:
    """Do it now, or when the execution's key is open: others do not wait for that."""
    try:
        call.atomically(act)
    except Shut as shut:
        _put_off(call, arn, id_)
        call.home.spawn(_open(call, arn, id_, shut.opening))
    except AwsError as refusal:
        _refused(call, arn, id_, refusal)


def _put_off(call: Call, arn: str, id_: int, after_s: float = AGAIN_S) -> None:
    call.rows(STRANDS).run("update sfn_strand set due = ? where execution = ? and id = ? and due is not null", call.now() + after_s, arn, id_)


def _refused(call: Call, arn: str, id_: int, refusal: AwsError) -> None:
    if patience.is_passing(refusal):
        _put_off(call, arn, id_)
    else:
        call.atomically(partial(runs.lost, call, arn, refusal))


async def _open(call: Call, arn: str, id_: int, open_: Callable[[], Awaitable[Any]]) -> None:
    try:
        await open_()
    except AwsError as refusal:
        _refused(call, arn, id_, refusal)
    else:
        _put_off(call, arn, id_, after_s=0.0)
        call.home.wake(WAITING)


async def _look_afar(call: Call, arn: str, id_: int) -> None:
    """See what has become of an execution in another account, as whoever began it."""
    found = await _with_key(call, arn, lambda: _standing(call, arn, id_))
    if found is None:
        return
    execution, strand = found
    is_late = strand.timeout_at is not None and strand.timeout_at <= call.now()
    seen: Execution | StateFailure | None = None
    if not is_late:
        try:
            speaker = await task.speaking(call, execution, strand)
            speaker.require("states:DescribeExecution", strand.nested)
            nested = executions.existing(speaker, strand.nested)
            if nested.status != "RUNNING":
                lock = encryptions.of_caller(speaker, nested.machine, nested.encryption)
                seen = await opening(speaker, lambda: executions.opened(nested, lock)) if nested.sealed else nested
        except StateFailure as failure:
            seen = failure
        except AwsError as refusal:
            if patience.is_passing(refusal):
                return  # it is due again
            seen = StateFailure(f"StepFunctions.{refusal.code}", refusal.text, is_of_task=True)

    def looked(run: Run, now: Strand) -> None:
        if now.waiting != "nested" or now.nested != strand.nested:
            return
        if is_late:
            now.due = run.now
            _due(run, now)
        elif seen is None:
            task.watch_afar(run, now)
        else:
            task.nested_ended(run, now, seen)

    await _with_key(call, arn, lambda: moved(call, arn, id_, looked))


async def _look_at_job(call: Call, arn: str, id_: int) -> None:
    """See what has become of a job of another service, as whoever began it."""
    found = await _with_key(call, arn, lambda: _standing(call, arn, id_))
    if found is None:
        return
    execution, strand = found
    is_late = strand.timeout_at is not None and strand.timeout_at <= call.now()
    seen: dict[str, Any] | StateFailure | None = None
    if not is_late:
        asked = integration.of(runs.opened(call, arn).state_of(strand).fields["Resource"])
        operation, name, member = integration.JOBS[asked.operation]
        try:
            speaker = await task.speaking(call, execution, strand)
            told = await speaker.ask(operation, **{name: strand.nested})
            seen = told if told[member]["Status"]["State"] in ENDED else None
        except StateFailure as failure:
            seen = failure
        except AwsError as refusal:
            if patience.is_passing(refusal):
                return  # it is due again
            seen = integration.failure(asked, refusal, call.new_id())

    def looked(run: Run, now: Strand) -> None:
        if now.waiting != "job" or now.nested != strand.nested:
            return
        if is_late:
            now.due = run.now
            _due(run, now)
        elif seen is None:
            task.watch_afar(run, now)
        else:
            task.job_ended(run, now, seen)

    await _with_key(call, arn, lambda: moved(call, arn, id_, looked))


async def _end(call: Call, arn: str, id_: int, nested: Execution) -> None:
    """Tell a strand what became of the execution that it waits for, as its role may see it."""
    seen: Execution | StateFailure
    try:
        speaker = call.assuming(executions.existing(call, arn).role, SERVICE, encryptions.ROLE_SESSION)
        lock = encryptions.of_caller(speaker, nested.machine, nested.encryption)
        seen = await opening(call, lambda: executions.opened(nested, lock))
    except AwsError as refusal:
        if patience.is_passing(refusal):
            return  # it is due again
        seen = StateFailure(f"StepFunctions.{refusal.code}", refusal.text, is_of_task=True)
    await _with_key(call, arn, lambda: moved(call, arn, id_, partial(_ended, nested.arn, seen)))


def _ended(arn: str, seen: Execution | StateFailure, run: Run, strand: Strand) -> None:
    if strand.waiting == "nested" and strand.nested == arn:
        task.nested_ended(run, strand, seen)


def _due(run: Run, strand: Strand) -> None:
    if strand.due is None or strand.due > run.now:
        return
    if strand.waiting == "wait":
        flow_states.waited(run, strand)
    elif strand.waiting in ("retry", "turn"):
        strand.waiting, strand.due = "", None
        run.ready.append(strand)
    else:
        failure = StateFailure("States.Timeout", is_of_task=True)
        failure.is_heartbeat = strand.timeout_at is None or strand.timeout_at > run.now
        task.unanswered(run, strand, failure, is_timeout=True)


def _next_due(call: Call) -> float | None:
    rows = call.rows(STRANDS, EXECUTIONS)
    found = [
        rows.one("select min(due) from sfn_strand where due is not null")[0],
        rows.one("select min(deadline) from sfn_execution where deadline is not null")[0],
    ]
    return min((at for at in found if at is not None), default=None)
