"""Runs queries, two at a time in a region: each is a process that reads the account's rows beside us."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.engines import log_scan, worker
from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.insights import discovery
from kumoniwa.languages.insights.setting import Place
from kumoniwa.services.logs import bill, encryption, index_policy, lookup_table
from kumoniwa.services.logs.event import EVENTS, MOMENT_MAX, STREAMS
from kumoniwa.services.logs.group import Group
from kumoniwa.services.logs.query import (
    CANCELLED,
    COMPLETE,
    FAILED,
    OPEN,
    PAGES,
    QUERIES,
    RUNNING,
    SCHEDULED,
    TIMEOUT,
    Asked,
    Open,
    all_groups,
    tables_of,
)
from kumoniwa.store import steady

AT_ONCE = 2
FOREVER_S = 86_400.0


async def run(region: Any) -> None:
    for call in region.calls("logs", "logs.amazonaws.com"):
        for query in list(call.shelf(Asked).values()):
            if query.status == RUNNING:
                call.atomically(lambda call=call, query=query: _begin_anew(call, query))
    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        while True:
            for call in region.calls("logs", "logs.amazonaws.com"):
                tasks = call.memory(Open).tasks
                waiting = [each for each in call.shelf(Asked).values() if each.status in OPEN and each.id not in tasks]
                for query in sorted(waiting, key=lambda each: each.created_ms):
                    task = tasks[query.id] = group.create_task(_run(call, query.id, places))
                    task.add_done_callback(lambda _, tasks=tasks, number=query.id: tasks.pop(number, None))
            await region.wait(QUERIES, region.clock.now() + FOREVER_S)


def _begin_anew(call: Call, query: Asked) -> None:
    call.shelf(Asked)[query.id] = changed(query, status=SCHEDULED, scanned=0, matched=0, scanned_bytes=0, count=0)
    call.rows(PAGES).run("delete from log_query_page where query = ?", query.id)


def _keep(call: Call, number: str, **facts: Any) -> None:
    """Change what is known of a query, if it was not stopped or forgotten meanwhile."""
    query = call.shelf(Asked).get(number)
    if query is not None and query.status != CANCELLED:
        call.shelf(Asked)[number] = changed(query, **facts)


async def _run(call: Call, number: str, places: asyncio.Semaphore) -> None:
    async with places:
        query = call.shelf(Asked).get(number)
        if query is None or query.status not in OPEN:
            return
        began = monotonic()

        def took_ms() -> int:
            return round((monotonic() - began) * 1000)

        call.atomically(lambda: _keep(call, number, status=RUNNING))
        try:
            await _scan(call, query, took_ms)
        except worker.WorkTimedOut:
            call.atomically(lambda: _keep(call, number, status=TIMEOUT, took_ms=took_ms()))
        except worker.WorkFailed as error:
            call.home.note("query failed", query=number, error=str(error))
            call.atomically(lambda: _keep(call, number, status=FAILED, took_ms=took_ms()))


def places_of(call: Call, names: tuple[str, ...]) -> dict[int, Place]:
    """The streams of these groups, by number."""
    places: dict[int, Place] = {}
    for name in names:
        group = call.shelf(Group).get(name)
        if group is not None:
            indexed = index_policy.spans(call, group)
            for number, stream in call.rows(STREAMS).all("select id, name from log_stream where grp = ?", group.number):
                places[number] = Place(f"{call.account}:{name}", stream, discovery.LAMBDA_STREAM.match(stream) is not None, indexed)
    return places


async def _scan(call: Call, query: Asked, took_ms: Any) -> None:
    rows = call.rows(STREAMS, EVENTS, PAGES)
    end_ms = min(query.end_s * 1000 + 999, MOMENT_MAX)
    names, shelf = all_groups(query), call.shelf(Group)
    groups = [shelf[name] for name in names if name in shelf]
    sealed = [group for group in groups if group.is_sealed]
    secrets: dict[str, bytes] = {}
    try:
        for each in sealed:
            secrets |= await encryption.secrets_of(call, each.name)
    except AwsError as error:
        raise worker.WorkFailed(error.text) from None
    # Results tell of what is encrypted, so they are: under the first key there is.
    under = next((each for each in sealed if each.key), None)
    first = 0
    async with (
        steady.held(rows, call.home.store.journal) as path,
        log_scan.scan(log_scan.Task(
            path=path, text=query.text, now_s=call.now(), limit=query.limit, places=places_of(call, names), table=EVENTS.name,
            start_ms=min(query.start_s * 1000, MOMENT_MAX), end_ms=end_ms, secrets=secrets, streams=list(places_of(call, query.groups)),
            others=[list(places_of(call, each)) for each in query.others], has_transformed=any(group.is_transformed for group in groups),
            tables=lookup_table.bodies(call, tables_of(query.text)),
        )) as told,
    ):  # fmt: skip
        async for said in told:
            facts: dict[str, Any] = {"scanned": said.scanned, "matched": said.matched, "scanned_bytes": said.scanned_bytes}
            if said.is_done:
                facts |= {"status": COMPLETE, "took_ms": took_ms(), "count": said.count}
                bill.scanned(call, said.scanned_bytes)

            def keep(said: log_scan.Said = said, facts: dict[str, Any] = facts, first: int = first) -> None:
                if said.page is not None:
                    of = link = None
                    page = said.page
                    if under is not None:
                        of, (link, page) = under.name, encryption.sealed(call, under, page)
                    rows.run("insert into log_query_page values (?, ?, ?, ?, ?, ?)", query.id, first, said.count, page, of, link)
                _keep(call, query.id, **facts)

            await opening(call, keep)
            first += said.count if said.page is not None else 0
