"""What carries the changes of global tables through: others are told until they have heard, and new replicas are given the items.

Everything it does is read from the shelves, so a region that was killed goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.dynamodb import adoption, bill, quorum, replica_autoscaling, replication, table_key, unlocking
from kumoniwa.services.dynamodb import log as logs
from kumoniwa.services.dynamodb.courier import MESSAGE_BYTES, RETRY_S, Courier
from kumoniwa.services.dynamodb.group import ACTIVE, CREATING, DELETING, Group
from kumoniwa.services.dynamodb.item import ITEMS
from kumoniwa.services.dynamodb.replica import Push, publish
from kumoniwa.services.dynamodb.table import Table

ROUND_S, IDLE_S = 10.0, 3_600.0
"""Between two rounds, and where no table is global."""
TOLD_S = 3_600
"""Of so long the report tells the latencies."""
STEP_ITEMS = 1_000


class Given(Record):
    """How far a new replica has been given the items that were there before it. On the shelf under ``table/region``."""

    table_id: int
    after: tuple[bytes, bytes] = (b"", b"")


class Couriers:
    """The couriers of an account that run, by table and region."""

    def __init__(self) -> None:
        self.running: dict[tuple[int, str], asyncio.Task] = {}


async def run(region) -> None:
    region.tellers["dynamodb"] = lambda: _told(region)
    while True:
        has_moved, rest_s = False, IDLE_S
        for call in region.calls("dynamodb", "dynamodb.amazonaws.com"):
            has_moved |= await _round(call)
        for call in region.calls("dynamodb", "dynamodb.amazonaws.com"):
            if call.shelf(Push) or any(_is_ours(call, table) for table in call.shelf(Table).values()):
                rest_s = RETRY_S
            elif any(table.group is not None for table in call.shelf(Table).values()):
                rest_s = min(rest_s, ROUND_S)
        if has_moved:
            await asyncio.sleep(0)
        else:
            await region.wait(("dynamodb", "conductor"), region.clock.now() + rest_s)


def _told(region) -> dict[str, Any]:
    """What the region's report says of global tables."""
    replications, latency = [], []
    for call in region.calls("dynamodb", "dynamodb.amazonaws.com"):
        shared = [table for table in call.shelf(Table).values() if table.group is not None and not table.group.is_strong]
        for table in shared:
            log = logs.of(call, table.id)
            replications += [
                {"account": call.account, "table": table.name, "to": other, "backlog": log.backlog(logs.cursor(call, table.id, other))}
                for other in table.group.others(region.name)
            ]
        if shared:
            latency += [{"account": call.account, **row} for row in replication.latencies(call, call.now() - TOLD_S)]
    return {"replication": replications, "latency": latency}


def _is_ours(call: Call, table: Table) -> bool:
    """Whether it is for us to go on with a change of this table's group."""
    return table.group is not None and table.group.is_changing and table.group.region == call.home.name


async def _round(call: Call) -> bool:
    """Do what can be done now; answers whether anything was."""
    pushes = list(call.shelf(Push).items())
    heard = await asyncio.gather(*[_tell(call, key, push) for key, push in pushes])
    has_moved = any(heard)
    for table in list(call.shelf(Table).values()):
        if _is_ours(call, table) and not _is_pushing(call, table):
            has_moved |= await _advance(call, table)
        if table.group is not None and table.group.is_strong:
            await _catch_up(call, table)
        elif table.group is not None:
            _see_couriers(call, table)
    return has_moved


async def _catch_up(call: Call, table: Table) -> None:
    """A replica that was away reads what was chosen meanwhile; one that is alone waits for the next round."""
    if not table.group.is_changing:
        with contextlib.suppress(AwsError):
            await quorum.Assembly(call, table).catch_up()


def _is_pushing(call: Call, table: Table) -> bool:
    return any(push.table == table.name for push in call.shelf(Push).values())


async def _tell(call: Call, key: str, push: Push) -> bool:
    """Tell one region how a group stands; answers whether it has heard."""
    message = {
        "what": "group", "account": call.account, "table": push.table, "settings": push.settings,
        "group": msgspec.to_builtins(push.group),
    }  # fmt: skip
    try:
        reply = await call.home.exchange(push.region, "dynamodb", message)
    except AwsError:
        # It cannot be reached. What it must hear is kept.
        return False
    if call.shelf(Push).get(key) is push:
        del call.shelf(Push)[key]
    if not reply["is_adopted"]:
        _abort(call, push)
    return True


def _abort(call: Call, push: Push) -> None:
    """Somebody has made a table of that name there meanwhile: the replica leaves no trace, as on AWS."""
    table = call.shelf(Table).get(push.table)
    if table is not None and table.group is not None:
        _without(call, table, [push.region])


async def _advance(call: Call, table: Table) -> bool:
    """Everybody knows of the last change: take the next step. Answers whether it was taken."""
    group = table.group
    for member in group.members:
        if member.status == CREATING and not group.is_strong and not await _give(call, table, member.region):
            return False
        if member.status == CREATING and not await replica_autoscaling.passed_on(call, table, member.region):
            return False
    now = call.shelf(Table).get(table.name)
    if now is None or now.group != group:
        return False
    leaving = [member.region for member in group.members if member.status == DELETING]
    if leaving:
        _without(call, now, leaving)
    else:
        members = tuple(changed(member, status=ACTIVE) for member in group.members)
        publish(call, now, changed(group, members=members, witness_status=ACTIVE if group.witness else ""))
    return True


def _without(call: Call, table: Table, leaving: list[str]) -> None:
    """The group without some members; alone, a table is global no more."""
    group: Group = table.group
    members = tuple(member for member in group.members if member.region not in leaving)
    if len(members) > 1:
        publish(call, table, changed(group, members=members))
    else:
        adoption.alone(call, table)
        for key in [key for key, push in call.shelf(Push).items() if push.table == table.name]:
            del call.shelf(Push)[key]


def _see_couriers(call: Call, table: Table) -> None:
    running = call.memory(Couriers).running
    for key in [key for key, task in running.items() if task.done()]:
        del running[key]
    for member in table.group.members:
        key = (table.id, member.region)
        if member.region != call.home.name and member.status != DELETING and key not in running:
            running[key] = call.home.spawn(Courier(call.home, call.account, table, member.region).run())


# Giving a new replica what is there ------------------------------------------------------------------


async def _give(call: Call, table: Table, region: str) -> bool:
    """Send the items there are, page by page; answers whether all have arrived."""
    shelf, key = call.shelf(Given), f"{table.name}/{region}"
    given = shelf.get(key)
    if given is None or given.table_id != table.id:
        given = Given(table_id=table.id)
    while True:
        if not await unlocking.is_ready(call, table):
            return False
        page, after = _page(call, table, given.after)
        message: dict[str, Any] = {"what": "changes", "account": call.account, "table": table.name, "is_news": False, "pages": [page]}
        try:
            # The last page is empty: with it the replica opens, before anybody here is told that it has.
            reply = await call.home.exchange(region, "dynamodb", message | {"is_last": not page})
        except AwsError:
            return False
        if not reply["is_known"]:
            return False
        bill.carried(call, table.name, sum(len(each[-1]) for each in page))
        if call.shelf(Table).get(table.name) is not table:
            return False
        if not page:
            if key in shelf:
                del shelf[key]
            return True
        given = shelf[key] = changed(given, after=after)


def _page(call: Call, table: Table, after: tuple[bytes, bytes]) -> tuple[list[tuple], tuple[bytes, bytes]]:
    """Items as changes, and where the last of them lies."""
    rows = call.rows(ITEMS).each(
        "select pk, sk, size, item, version from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?",
        table.id, *after, STEP_ITEMS,
    )  # fmt: skip
    page, size = [], 0
    for pk, sk, bytes_, body, packed in rows:
        page.append((pk, sk, *replication.unpacked(packed), bytes_, body))
        size += len(body) + 64
        if size >= MESSAGE_BYTES:
            break
    if page:
        after = page[-1][:2]
    return page if table.encryption is None else table_key.plain_changes(call, table.encryption, page), after
