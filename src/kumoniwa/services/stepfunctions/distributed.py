"""The distributed mode of a Map: each item, or batch of items, is an execution of its own under a map run.

The items are rows. ``advance`` begins as many executions as there is room for and looks whether all have ended; it is due when
the run begins and whenever an execution ends, so a kill delays it and loses nothing.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import Scope, StateFailure
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions import payload
from kumoniwa.services.stepfunctions.errors import ResourceNotFound
from kumoniwa.services.stepfunctions.execution import STRANDS, Execution, Strand
from kumoniwa.services.stepfunctions.payload import text_of
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.stepfunctions.run import Run

AT_ONCE_MAX = 10_000
BEGUN_AT_ONCE = 100
"""Executions begun before others have their turn."""

RUNS = Table(
    "sfn_map_run",
    """create table if not exists sfn_map_run (number integer primary key autoincrement, arn text unique, execution text, body blob);
       create index if not exists sfn_map_run_execution on sfn_map_run (execution)""",
)
ITEMS = Table(
    "sfn_map_item",
    """create table if not exists sfn_map_item (map_run text, place integer, input text, execution text, status text, count integer,
         primary key (map_run, place)) without rowid;
       create index if not exists sfn_map_item_status on sfn_map_item (map_run, status)""",
)


class MapRun(Record):
    arn: str
    execution: str
    strand: int
    machine: str
    """The state machine's ARN with the label of the Map behind it."""
    started: float
    concurrency: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None
    status: str = "RUNNING"
    stopped: float | None = None
    written: int = 0
    kind: str = "STANDARD"
    """Of its executions."""
    redrives: int = 0
    redriven: float | None = None


def find(call: Call, arn: str) -> MapRun:
    found = call.rows(RUNS).one("select body from sfn_map_run where arn = ?", arn)
    if found is None:
        raise ResourceNotFound(f"Resource not found: '{arn}'")
    return unpack(found[0], MapRun)


def keep(call: Call, map_run: MapRun) -> None:
    call.rows(RUNS).run("update sfn_map_run set body = ? where arn = ?", pack(map_run), map_run.arn)


def of_execution(call: Call, arn: str) -> list[MapRun]:
    return [
        unpack(row[0], MapRun)
        for row in call.rows(RUNS, ITEMS).all("select body from sfn_map_run where execution = ? order by number desc", arn)
    ]


def counts(call: Call, arn: str, what: str = "count(*)") -> dict[str, int]:
    """How many executions, or items (``sum(count)``), there are in each status."""
    return dict(call.rows(ITEMS).all(f"select status, {what} from sfn_map_item where map_run = ? group by status", arn))


# Beginning ---------------------------------------------------------------------------------------------


def tolerated(state: State, scope: Scope, now: float) -> tuple[int | None, float | None]:
    """How many executions may fail: a count and a percentage."""
    count = payload.number(state, "ToleratedFailureCount", scope, now)
    percentage = payload.number(state, "ToleratedFailurePercentage", scope, now, float)
    if count is not None and count < 0:
        raise StateFailure("States.Runtime", "ToleratedFailureCount cannot be negative.")
    if percentage is not None and not 0 <= percentage <= 100:
        raise StateFailure("States.Runtime", "ToleratedFailurePercentage must be between 0 and 100.")
    return None if count is None else int(count), None if percentage is None else float(percentage)


def exceeded() -> StateFailure:
    cause = "The specified tolerated failure threshold was exceeded"
    return StateFailure("States.ExceedToleratedFailureThreshold", cause, is_told=True)


def begin(run: Run, strand: Strand, state: State, items: list[Any] | None, scope: Scope) -> None:
    """Start a map run; without items, ask for those that the ItemReader names."""
    now, execution = run.now, run.execution
    concurrency = payload.number(state, "MaxConcurrency", scope, now)
    reader = payload.of_reader(state, scope, now) if items is None else None
    strand.previous = run.event("MapStateStarted", strand.previous, {"length": len(items or ())})
    most = payload.number(state, "MaxItems", scope, now)
    if concurrency is not None and concurrency < 0:
        raise StateFailure("States.Runtime", f"MaxConcurrency cannot be negative: {int(concurrency)}")
    count, percentage = tolerated(state, scope, now)
    label = state.fields.get("Label") or run.call.new_id()
    map_run = MapRun(
        arn=run.call.arn(f"mapRun:{execution.machine_name}/{label}:{run.call.new_id()}", "states"), execution=execution.arn,
        strand=strand.id, machine=f"{execution.machine}/{label}", started=now, concurrency=int(concurrency or 0),
        tolerated_count=count, tolerated_percentage=percentage,
        kind=state.processor["ProcessorConfig"].get("ExecutionType", "STANDARD"),
    )  # fmt: skip
    run.call.rows(RUNS, ITEMS).run(
        "insert into sfn_map_run (arn, execution, body) values (?,?,?)", map_run.arn, execution.arn, pack(map_run)
    )
    strand.previous = strand.scheduled = run.event("MapRunStarted", strand.previous, {"mapRunArn": map_run.arn})
    strand.first, strand.count, strand.token = 1, 0, map_run.arn
    if most is not None and most < 0:
        failure = StateFailure("States.ItemReaderFailed", "field MaxItems must be positive", is_told=True)
        failed(run, strand, map_run, failure)
        raise failure
    if reader is None:
        fill(run, strand, state, items or [], most)
    else:
        strand.parameters = {"stage": "read", "most": most, **reader}
        strand.waiting = "ask"
        run.asks.append(strand)


def failed(run: Run, strand: Strand, map_run: MapRun, failure: StateFailure) -> None:
    """A run that cannot be carried out."""
    keep(run.call, changed(map_run, status="FAILED", stopped=run.now))
    strand.previous = run.event("MapRunFailed", strand.previous, {"error": failure.error, "cause": failure.cause})


def fill(run: Run, strand: Strand, state: State, items: list[Any], most: int | None) -> None:
    """Put the inputs of the executions down, one for each item or batch."""
    scope = run.scope(strand, state)
    chosen = enumerate(items[:most] if most else items)
    selected = [payload.selected(state, scope, run.now, place, item) for place, item in chosen]
    batches = payload.batches(state, scope, run.now, selected)
    rows = run.call.rows(ITEMS)
    for place, (made, count) in enumerate(batches):
        rows.run("insert into sfn_map_item values (?,?,?,'','PENDING',?)", strand.token, place, run.lock.shut_text(text_of(made)), count)
    strand.waiting, strand.due, strand.parameters = "maprun", run.now, None


# Going on ----------------------------------------------------------------------------------------------


UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")


def redrive(run: Run, strand: Strand) -> bool:
    """Take the map run of a strand's state up again, if there is one that has items: what did not succeed waits for its turn.
    Executions that were Express begin anew. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html"""
    state, call = run.state_of(strand), run.call
    if state.type != "Map" or not state.is_distributed or not strand.entered:
        return False
    mine = [one for one in of_execution(call, run.execution.arn) if one.strand == strand.id and one.started >= strand.entered_at]
    if not mine or not counts(call, mine[0].arn):
        return False
    map_run = changed(mine[0], status="RUNNING", stopped=None, redrives=mine[0].redrives + 1, redriven=run.now)
    keep(call, map_run)
    forgotten = ", execution = ''" if map_run.kind == "EXPRESS" else ""
    call.rows(ITEMS).run(
        f"update sfn_map_item set status = 'PENDING'{forgotten} where map_run = ? and status in ('FAILED', 'TIMED_OUT', 'ABORTED')", map_run.arn
    )
    told = {"mapRunArn": map_run.arn, "redriveCount": map_run.redrives}
    strand.previous = strand.scheduled = run.event("MapRunRedriven", strand.previous, told)
    strand.token, strand.waiting, strand.due = map_run.arn, "maprun", run.now
    return True


def advance(call: Call, arn: str, strand_id: int, run: Run | None, go: Any, abandon: Any, finish: Any) -> None:
    """Begin, or redrive, what there is room for, and finish the run when everything has ended or too much has failed."""
    rows = call.rows(RUNS, ITEMS)
    strand = run.strand(strand_id) if run is not None else None
    if strand is None:
        return
    execution = run.execution
    map_run = find(call, strand.token)
    rows.run("update sfn_strand set due = null where execution = ? and id = ?", arn, strand_id)
    found = counts(call, map_run.arn)
    if not _is_tolerated(map_run, found):
        abandon(map_run, "FAILED")
        finish(find(call, map_run.arn))
        return
    room = min((map_run.concurrency or AT_ONCE_MAX) - found.get("RUNNING", 0), BEGUN_AT_ONCE)
    waiting = rows.all(
        "select place, input, execution from sfn_map_item where map_run = ? and status = 'PENDING' order by place limit ?",
        map_run.arn, max(room, 0),
    )  # fmt: skip
    for place, held, earlier in waiting:
        if earlier:
            rows.run("update sfn_map_item set status = 'RUNNING' where map_run = ? and place = ?", map_run.arn, place)
            go(executions.existing(call, earlier), None, True)
            continue
        text = run.lock.open_text(held)
        name = call.new_id()
        label = map_run.machine.rpartition("/")[2]
        resource = f"execution:{execution.machine_name}/{label}:{name}"
        if map_run.kind == "EXPRESS":
            resource = f"express:{execution.machine_name}/{label}:{name}:{call.new_id()}"
        child = Execution(
            arn=call.arn(resource, "states"), name=name,
            machine=execution.machine, machine_name=execution.machine_name, kind=map_run.kind, definition=execution.definition,
            role=execution.role, encryption=execution.encryption, input=text, started=call.now(), map_run=map_run.arn, place=place,
            flow=run.state_of(strand).flows[0].index, logging=execution.logging,
        )  # fmt: skip
        rows.run("update sfn_map_item set execution = ?, status = 'RUNNING' where map_run = ? and place = ?", child.arn, map_run.arn, place)
        go(child, orjson.loads(text), False)
    found = counts(call, map_run.arn)
    if not found.keys() & {"PENDING", "RUNNING"} and _is_tolerated(map_run, found):
        keep(call, changed(map_run, status="SUCCEEDED", stopped=call.now()))
        finish(find(call, map_run.arn))
    elif len(waiting) == BEGUN_AT_ONCE:
        is_due(call, map_run)


def is_due(call: Call, map_run: MapRun) -> None:
    call.rows(STRANDS).run("update sfn_strand set due = ? where execution = ? and id = ?", call.now(), map_run.execution, map_run.strand)


def _is_tolerated(map_run: MapRun, found: dict[str, int]) -> bool:
    failed = sum(found.get(status, 0) for status in UNSUCCESSFUL)
    if map_run.tolerated_count is None and map_run.tolerated_percentage is None:
        return failed == 0
    return is_within(map_run.tolerated_count, map_run.tolerated_percentage, failed, sum(found.values()))


def is_within(count: int | None, percentage: float | None, failed: int, total: int) -> bool:
    """Whether no threshold that was set is exceeded."""
    if count is not None and failed > count:
        return False
    return percentage is None or not total or failed * 100 / total <= percentage


def child_ended(call: Call, child: Execution) -> None:
    """An execution of a map run is over: its run is due."""
    call.rows(ITEMS).run("update sfn_map_item set status = ? where map_run = ? and place = ?", child.status, child.map_run, child.place)
    map_run = find(call, child.map_run)
    if map_run.status == "RUNNING":
        is_due(call, map_run)


def stop(call: Call, map_run: MapRun, status: str) -> list[str]:
    """The run is over before its time; answers the executions that still run."""
    keep(call, changed(map_run, status=status, stopped=call.now()))
    rows = call.rows(ITEMS)
    running = rows.all("select execution from sfn_map_item where map_run = ? and status = 'RUNNING'", map_run.arn)
    rows.run("update sfn_map_item set status = 'ABORTED' where map_run = ? and status in ('RUNNING', 'PENDING')", map_run.arn)
    return [row[0] for row in running]


# The end -----------------------------------------------------------------------------------------------


def results(call: Call, map_run: MapRun) -> list[Execution]:
    """The executions of a run in the order of their items, as they are kept."""
    rows = call.rows(ITEMS).all("select execution from sfn_map_item where map_run = ? and execution != '' order by place", map_run.arn)
    return [found for (arn,) in rows if (found := executions.find(call, arn)) is not None]


def _told(one: Execution) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "ExecutionArn": one.arn, "Input": one.input, "InputDetails": {"Included": True}, "Name": one.name, "Output": one.output,
        "OutputDetails": {"Included": True} if one.output is not None else None, "Error": one.error, "Cause": one.cause,
        "RedriveCount": 0, "StartDate": timestamps.to_millisecond(one.started), "StateMachineArn": one.machine, "Status": one.status,
        "StopDate": timestamps.to_millisecond(one.stopped or one.started),
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


def transformed(ended: Iterable[Execution], how: str) -> list[Any]:
    """What came of executions, as a ResultWriter wants it: whole, their outputs alone (``COMPACT``), or also the elements of outputs that are
    arrays (``FLATTEN``). What failed is told whole in any case.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html"""
    found: list[Any] = []
    for one in ended:
        if how == "NONE" or one.status != "SUCCEEDED":
            found.append(_told(one))
            continue
        output = orjson.loads(one.output)
        found += output if how == "FLATTEN" and isinstance(output, list) else [output]
    return found


def ended(run: Run, strand: Strand, map_run: MapRun, written: dict[str, Any] | None) -> None:
    """Say how the run ended, and go on with what came of it."""
    state = run.state_of(strand)
    strand.waiting, strand.due = "", None
    try:
        if map_run.status == "FAILED":
            raise exceeded()
        last = strand.previous = run.event("MapRunSucceeded", strand.previous)
        run.event("MapStateSucceeded", last)
        strand.token = ""
        if written is not None:
            result: Any = {"MapRunArn": map_run.arn, "ResultWriterDetails": written}
        else:
            found = (executions.opened(each, run.lock) for each in results(run.call, map_run))
            if "ResultWriter" in state.fields:
                result = transformed(found, state.fields["ResultWriter"]["WriterConfig"].get("Transformation", "COMPACT"))
            else:
                result = [
                    orjson.loads(one.output) if one.output is not None else {"Error": one.error or "", "Cause": one.cause or ""} for one in found
                ]
        _forget_express(run.call, map_run)
        run.came(strand, state, result)
    except StateFailure as failure:
        if map_run.status == "FAILED":
            strand.previous = run.event("MapRunFailed", strand.previous, {"error": failure.error, "cause": failure.cause})
        run.failed(strand, state, failure)


def _forget_express(call: Call, map_run: MapRun) -> None:
    """Nobody can ask for what Express executions were: they are kept as long as their run, or a redrive of it, needs their results."""
    if map_run.kind == "EXPRESS":
        for (arn,) in call.rows(ITEMS).all("select execution from sfn_map_item where map_run = ? and execution != ''", map_run.arn):
            executions.forget(call, arn)


def described(call: Call, map_run: MapRun) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "mapRunArn": map_run.arn, "executionArn": map_run.execution, "status": map_run.status, "startDate": map_run.started,
        "maxConcurrency": map_run.concurrency, "toleratedFailurePercentage": map_run.tolerated_percentage or 0.0,
        "toleratedFailureCount": map_run.tolerated_count or 0, "redriveCount": map_run.redrives,
    }  # fmt: skip
    if map_run.redriven is not None:
        answer["redriveDate"] = map_run.redriven
    if map_run.stopped is not None:
        answer["stopDate"] = map_run.stopped
    for member, what in (("itemCounts", "sum(count)"), ("executionCounts", "count(*)")):
        found = counts(call, map_run.arn, what)
        names = {
            "pending": "PENDING",
            "running": "RUNNING",
            "succeeded": "SUCCEEDED",
            "failed": "FAILED",
            "timedOut": "TIMED_OUT",
            "aborted": "ABORTED",
        }
        told = {name: found.get(status, 0) for name, status in names.items()}
        again = call.rows(ITEMS).one(
            f"select coalesce({what}, 0) from sfn_map_item where map_run = ? and status = 'PENDING' and execution != ''", map_run.arn
        )[0]
        told |= {"pending": told["pending"] - again, "pendingRedrive": again, "failuresNotRedrivable": 0}
        answer[member] = told | {"total": sum(found.values()), "resultsWritten": sum(found.values()) if map_run.status == "SUCCEEDED" else 0}
    return answer
