"""What Glue does by itself: what deleted tables and databases left is taken away, a little in each turn."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue.function import FUNCTIONS
from kumoniwa.services.glue.partition import PARTITIONS
from kumoniwa.services.glue.remains import REMAINS, WORK
from kumoniwa.services.glue.table import TABLES, VERSIONS

SERVICE = "glue.amazonaws.com"
IDLE_S = 3_600.0
AT_ONCE = 1_000


async def run(region: Any) -> None:
    while True:
        for call in region.calls("glue", SERVICE):
            while _tidy(call):
                await asyncio.sleep(0)
        await region.wait(WORK, region.clock.now() + IDLE_S)


def _tidy(call: Call) -> bool:
    """Take some of the remains away; whether there were any."""
    found = call.rows(REMAINS).one("select kind, id from glue_remains limit 1")
    if found is not None:
        kind, id_ = found
        call.atomically(lambda: _of_table(call, int(id_)) if kind == "table" else _of_database(call, id_))
    return found is not None


def _of_table(call: Call, number: int) -> None:
    rows = call.rows(REMAINS, PARTITIONS, VERSIONS)
    of_both = (("glue_partition", "key"), ("glue_table_version", "version"))
    gone = [
        rows.run(f"delete from {name} where owner = ? and {key} in (select {key} from {name} where owner = ? limit ?)", number, number, AT_ONCE)
        for name, key in of_both
    ]
    if not any(gone):
        rows.run("delete from glue_remains where kind = 'table' and id = ?", str(number))


def _of_database(call: Call, id_: str) -> None:
    """Its tables become remains of their own."""
    rows = call.rows(REMAINS, TABLES, FUNCTIONS)
    tables = rows.take("delete from glue_table where id in (select id from glue_table where database = ? limit ?) returning id", id_, AT_ONCE)
    for (number,) in tables:
        rows.run("insert or ignore into glue_remains values ('table', ?)", str(number))
    functions = rows.run(
        "delete from glue_function where database = ? and name in (select name from glue_function where database = ? limit ?)", id_, id_, AT_ONCE
    )
    if not tables and not functions:
        rows.run("delete from glue_remains where kind = 'database' and id = ?", id_)
