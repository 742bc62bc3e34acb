"""What is done after a call that began it, a little at a time, because a table may have a million partitions: what deleted tables,
databases and indexes leave is taken away, and new indexes are filled.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue import bill
from kumoniwa.store.rows import Table

TABLES = Table(
    "glue_table",
    """create table if not exists glue_table (id integer primary key autoincrement, database text, name text, version integer, body blob);
    create unique index if not exists glue_table_name on glue_table (database, name)""",
)
REMAINS = Table(
    "glue_remains", "create table if not exists glue_remains (kind text, id text, primary key (kind, id)) without rowid", added=("at text",)
)
WORK = ("glue", "remains")


def of_database(call: Call, id_: str) -> None:
    """Its tables are billed no more, though they are still there."""
    tables = call.rows(TABLES).all("select id from glue_table where database = ?", id_)
    bill.without(call, [number for (number,) in tables])
    _left(call, "database", id_)


def of_table(call: Call, number: int) -> None:
    bill.without(call, [number])
    _left(call, "table", str(number))


def of_index(call: Call, number: int, index: int) -> None:
    _left(call, "index", f"{number} {index}")


def to_fill(call: Call, number: int, index: int) -> None:
    _left(call, "fill", f"{number} {index}")


def _left(call: Call, kind: str, id_: str) -> None:
    call.rows(REMAINS).run("insert or ignore into glue_remains (kind, id, at) values (?,?,'')", kind, id_)
    call.after_commit(lambda: call.home.wake(WORK))
