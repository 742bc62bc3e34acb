"""What AWS bills for the Data Catalog: requests to it, and by the month what it holds, the first million of each being free.

"An object in the Data Catalog is a table, table version, partition, partition indexes, statistics, or database":
https://aws.amazon.com/glue/pricing/. How many there are is counted as they come and go, table by table, because to count them takes too long.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Table

CATALOG = "catalog"
COUNTS = Table("glue_count", "create table if not exists glue_count (owner integer primary key, objects integer)")


class Kept(Record):
    """How much the catalog holds; shelved under ``CATALOG``."""

    objects: int = 0


def _add(call: Call, number: int) -> None:
    shelf = call.shelf(Kept)
    shelf[CATALOG] = Kept(objects=shelf.get(CATALOG, Kept()).objects + number)


def database(call: Call, number: int) -> None:
    _add(call, number)


def below(call: Call, table: int, number: int = 1) -> None:
    """So many more of a table, its versions, partitions and indexes."""
    if number:
        sql = "insert into glue_count values (?,?) on conflict (owner) do update set objects = objects + excluded.objects"
        call.rows(COUNTS).run(sql, table, number)
        _add(call, number)


def without(call: Call, tables: list[int]) -> None:
    """These tables are gone with all that was theirs."""
    rows = call.rows(COUNTS)
    gone = [rows.take("delete from glue_count where owner = ? returning objects", table) for table in tables]
    _add(call, -sum(found[0][0] for found in gone if found))


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use]:
    return [("glue:catalog_requests", CATALOG, 1)]


def standing_of(call: Call) -> list[Use]:
    return [("glue:catalog_objects", CATALOG, call.shelf(Kept).get(CATALOG, Kept()).objects)]
