"""What AWS bills for Glue: requests to the Data Catalog, and by the month what it holds, the first million of each being free, and crawls.

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
UNITS = 2
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


def crawled(call: Call, crawler: str, took_s: float) -> float:
    """The hours of a crawl's processing units, of which AWS's example has two: https://aws.amazon.com/glue/pricing/. "A 10-minute minimum
    duration for each crawl" is billed, and not told."""
    call.bill("glue:crawler", call.arn(f"crawler/{crawler}", "glue"), UNITS * max(took_s, 600.0) / 3_600)
    return UNITS * took_s / 3_600


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use]:
    return [] if "Crawl" in operation or "Classifier" in operation else [("glue:catalog_requests", CATALOG, 1)]


def standing_of(call: Call) -> list[Use]:
    return [("glue:catalog_objects", CATALOG, call.shelf(Kept).get(CATALOG, Kept()).objects)]
