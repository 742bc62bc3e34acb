"""What Glue does by itself: crawlers crawl, and what deleted tables, databases and indexes left is taken away and new indexes are filled, a little
in each turn."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue import crawl, crawler, partition_index
from kumoniwa.services.glue.function import FUNCTIONS
from kumoniwa.services.glue.partition import PARTITIONS
from kumoniwa.services.glue.partition_index import ENTRIES
from kumoniwa.services.glue.remains import REMAINS, TABLES, WORK
from kumoniwa.services.glue.table import VERSIONS

SERVICE = "glue.amazonaws.com"
IDLE_S = 3_600.0
AT_ONCE = 1_000


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(crawler.TURNS.run(region, crawl.unfinished, crawl.move))
        group.create_task(_tidying(region))


async def _tidying(region: Any) -> None:
    while True:
        for call in region.calls("glue", SERVICE):
            while _tidy(call):
                await asyncio.sleep(0)
        await region.wait(WORK, region.clock.now() + IDLE_S)


def _tidy(call: Call) -> bool:
    """Do some of what is left to be done; whether there was any."""
    found = call.rows(REMAINS).one("select kind, id, at from glue_remains limit 1")
    if found is not None:
        kind, id_, at = found
        call.atomically(lambda: _DUTIES[kind](call, id_, at))
    return found is not None


def _of_table(call: Call, id_: str, at: str) -> None:
    rows, number = call.rows(REMAINS, PARTITIONS, VERSIONS, ENTRIES), int(id_)
    of_all = (("glue_partition", "key"), ("glue_table_version", "version"), ("glue_partition_entry", "(number, entry, key)"))
    gone = [
        rows.run(f"delete from {name} where owner = ? and {key} in (select {key.strip('()')} from {name} where owner = ? limit ?)", number, number, AT_ONCE)
        for name, key in of_all
    ]
    if not any(gone):
        rows.run("delete from glue_remains where kind = 'table' and id = ?", id_)


def _of_index(call: Call, id_: str, at: str) -> None:
    rows, (owner, number) = call.rows(REMAINS, ENTRIES), map(int, id_.split())
    sql = (
        "delete from glue_partition_entry where owner = ? and number = ? and (entry, key) in "
        "(select entry, key from glue_partition_entry where owner = ? and number = ? limit ?)"
    )
    if not rows.run(sql, owner, number, owner, number, AT_ONCE):
        rows.run("delete from glue_remains where kind = 'index' and id = ?", id_)
        partition_index.gone(call, owner, number)


def _fill(call: Call, id_: str, at: str) -> None:
    rows, (owner, number) = call.rows(REMAINS, PARTITIONS), map(int, id_.split())
    keys = [key for (key,) in rows.all("select key from glue_partition where owner = ? and key > ? order by key limit ?", owner, at, AT_ONCE)]
    if partition_index.fill(call, owner, number, keys, is_last=len(keys) < AT_ONCE):
        rows.run("update glue_remains set at = ? where kind = 'fill' and id = ?", keys[-1], id_)
    else:
        rows.run("delete from glue_remains where kind = 'fill' and id = ?", id_)


def _of_database(call: Call, id_: str, at: str) -> None:
    """Its tables become remains of their own."""
    rows = call.rows(REMAINS, TABLES, FUNCTIONS)
    tables = rows.take("delete from glue_table where id in (select id from glue_table where database = ? limit ?) returning id", id_, AT_ONCE)
    for (number,) in tables:
        rows.run("insert or ignore into glue_remains (kind, id, at) values ('table', ?, '')", str(number))
    functions = rows.run(
        "delete from glue_function where database = ? and name in (select name from glue_function where database = ? limit ?)", id_, id_, AT_ONCE
    )
    if not tables and not functions:
        rows.run("delete from glue_remains where kind = 'database' and id = ?", id_)


_DUTIES = {"table": _of_table, "database": _of_database, "index": _of_index, "fill": _fill}
