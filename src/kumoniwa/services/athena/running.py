"""Takes executions to their ends, a few at a time: each query in a process of its own, each statement about the catalogue by asking Glue.

How much memory one process may have and how long it may take is ours to choose, the time as AWS does: thirty minutes for a query.
https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import Any

import orjson

from kumoniwa.engines import lake
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.athena import (
    bill,
    definition,
    execution,
    figures,
    prepared_statement,
    reading,
    showing,
    workgroup,
    writing,
)
from kumoniwa.services.athena.execution import CANCELLED, EXECUTIONS, FAILED, OPEN, QUEUED, RUNNING, SUCCEEDED, Execution, Open
from kumoniwa.services.athena.failing import Failed

AT_ONCE = 2
FOREVER_S = 86_400.0
WITHIN_S = 1_800.0
MEMORY_MB = 2_048
KILLED = "The region was stopped while the query ran."
"""Our words: on AWS no query dies so."""


def scratch(home: Any) -> str:
    """Where queries of this region have their files; what an earlier life left there is nobody's."""
    return os.path.join(home.store.folder, "athena-queries")


async def run(region: Any) -> None:
    await asyncio.to_thread(reading.removed, scratch(region))
    for call in region.calls("athena", "athena.amazonaws.com"):
        for each in list(call.shelf(Execution).values()):
            if each.state in OPEN and each.id not in call.memory(Open).asked:
                failed = Failed("GENERIC_INTERNAL_ERROR", f"GENERIC_INTERNAL_ERROR: {KILLED}")
                call.atomically(lambda call=call, number=each.id, failed=failed: _fail(call, number, failed))
    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        while True:
            for call in region.calls("athena", "athena.amazonaws.com"):
                held = call.memory(Open)
                waiting = [each for each in call.shelf(Execution).values() if each.state == QUEUED and each.id not in held.tasks and each.id in held.asked]
                for each in sorted(waiting, key=lambda each: each.submitted):
                    task = held.tasks[each.id] = group.create_task(_run(held.asked[each.id], each.id, places))
                    task.add_done_callback(lambda _, held=held, number=each.id: (held.tasks.pop(number, None), held.asked.pop(number, None)))
            await region.wait(EXECUTIONS, region.clock.now() + FOREVER_S)


def _fail(call: Call, number: str, failed: Failed, **facts: Any) -> Execution | None:
    error = {} if failed.state == CANCELLED else failed.error()
    return execution.advance(call, number, failed.state, reason=failed.text, error=error, completed=call.now(), **facts)


async def _run(call: Call, number: str, places: asyncio.Semaphore) -> None:
    async with places:
        queued_ms = round((call.now() - call.shelf(Execution)[number].submitted) * 1000)
        begun = call.atomically(lambda: execution.advance(call, number, RUNNING, queue_ms=queued_ms))
        if begun is None:
            return
        began = monotonic()

        def times() -> dict[str, int]:
            planning = call.shelf(Execution)[number].planning_ms
            took = round((monotonic() - began) * 1000)
            return {"engine_ms": max(took - planning, 0), "total_ms": queued_ms + took, "planning_ms": planning}

        try:
            async with asyncio.timeout(WITHIN_S):
                facts = await _done(call, begun)
        except Failed as failed:
            ended = call.atomically(lambda failed=failed: _fail(call, number, failed, **times()))
        except TimeoutError:
            ended = call.atomically(lambda: _fail(call, number, Failed("TIMEOUT", "Query timeout"), **times()))
        except NotImplementedHere as error:
            call.home.gate.gaps[error.what] += 1
            failed = Failed("NOT_IMPLEMENTED", f"NOT_SUPPORTED: {error.text}")
            ended = call.atomically(lambda: _fail(call, number, failed, **times()))
        except AwsError as error:
            failed = reading.unauthorized(error)
            ended = call.atomically(lambda: _fail(call, number, failed, **times()))
        except lake.Ended as error:
            call.home.note("query failed", query=number, error=str(error))
            failed = Failed("GENERIC_INTERNAL_ERROR", "GENERIC_INTERNAL_ERROR: the engine ended")
            ended = call.atomically(lambda: _fail(call, number, failed, **times()))
        else:
            ended = call.atomically(lambda: execution.advance(call, number, SUCCEEDED, completed=call.now(), **times() | facts))
        if ended is not None:
            figures.measure(call, ended)
            # "You are charged for the data scanned" by a query that was cancelled, not by one that failed.
            if ended.state != FAILED:
                bill.scanned(call, ended)


# Kinds of statements -----------------------------------------------------------------------------------------------


async def _done(call: Call, begun: Execution) -> dict[str, Any]:
    """Carry out an execution; answers what is to be known of it. Raises Failed, AwsError, lake.Ended."""
    statement, values = execution.read(begun.query), list(begun.values)
    if statement.kind == "execute":
        try:
            prepared = prepared_statement.existing(call, begun.workgroup, statement.facts["name"])
        except AwsError as error:
            raise Failed("NOT_FOUND", f"NOT_FOUND: {error.text}") from None
        values, statement = statement.facts["values"] or values, execution.read(prepared.query)
    if statement.kind == "query":
        return await _selected(call, begun, statement.facts["query"], values)
    if statement.kind in execution.WRITES:
        return await _written(call, begun, statement, values)
    if statement.kind == "create view":
        return await _with_text(call, begun, await definition.create_view(call, begun, statement.facts, _described))
    if statement.kind in ("show", "describe"):
        return await _with_text(call, begun, await showing.shown(call, begun, statement))
    if statement.kind == "prepare":
        execution.read(statement.facts["text"])
        name = statement.facts["name"]
        await call.ask("athena:CreatePreparedStatement", StatementName=name, WorkGroup=begun.workgroup, QueryStatement=statement.facts["text"])
        return await _with_text(call, begun, showing.NOTHING)
    if statement.kind == "deallocate":
        await call.ask("athena:DeletePreparedStatement", StatementName=statement.facts["name"], WorkGroup=begun.workgroup)
        return await _with_text(call, begun, showing.NOTHING)
    return await _with_text(call, begun, await definition.defined(call, begun, statement))


async def _with_text(call: Call, begun: Execution, table: showing.Table) -> dict[str, Any]:
    """What a statement that needs no process answers is a text of lines."""
    await writing.put(call, begun.output, "".join(f"{line}\n" for line in table.lines).encode(), begun.options)
    await writing.put(call, f"{begun.output}.metadata", orjson.dumps(list(table.columns)), begun.options)
    return {"columns": table.columns, "count": len(table.lines)}


def _task(call: Call, begun: Execution, text: str, folder: str, values: list[str], write: dict[str, Any] | None = None) -> lake.Task:
    most = workgroup.existing(call, begun.workgroup).configuration.get("BytesScannedCutoffPerQuery")
    return lake.Task(
        text=text, database=begun.database or "default", now_s=begun.submitted, folder=folder, values=values, memory_mb=MEMORY_MB, most_bytes=most, write=write
    )


class _Folder:
    """A folder of a query's own, for as long as it runs."""

    def __init__(self, call: Call) -> None:
        root = scratch(call.home)
        os.makedirs(root, mode=0o700, exist_ok=True)
        self.path = tempfile.mkdtemp(dir=root)

    async def __aenter__(self) -> str:
        return self.path

    async def __aexit__(self, *_: object) -> None:
        reading.removed(self.path)


async def _selected(call: Call, begun: Execution, text: str, values: list[str]) -> dict[str, Any]:
    async with _Folder(call) as folder:
        done = await reading.answered(call, begun.id, _task(call, begun, text, folder, values))
        await writing.put_file(call, begun.output, done["path"], begun.options)
        # What AWS writes into it nobody says; ours holds what GetQueryResults tells of the columns.
        await writing.put(call, f"{begun.output}.metadata", orjson.dumps(done["columns"]), begun.options)
    return {"columns": tuple(done["columns"]), "header": True, "count": done["count"], "scanned": done["scanned"]}


async def _described(call: Call, begun: Execution, text: str) -> list[dict[str, str]]:
    """The columns of a query that is not run."""
    async with _Folder(call) as folder:
        return (await reading.answered(call, begun.id, _task(call, begun, text, folder, [], {"describe": True})))["columns"]


async def _written(call: Call, begun: Execution, statement: Any, values: list[str]) -> dict[str, Any]:
    plan = await definition.planned(call, begun, statement)
    if plan is None:
        return {"updated": 0, "columns": showing.ROWS}
    async with _Folder(call) as folder:
        done = await reading.answered(call, begun.id, _task(call, begun, statement.facts["query"], folder, values, plan.write))
        manifest = await definition.kept(call, begun, plan, done)
    return {"updated": done["count"], "columns": showing.ROWS, "scanned": done["scanned"], "manifest": manifest}
