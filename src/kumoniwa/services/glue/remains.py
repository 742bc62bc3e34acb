"""What deleted tables and databases leave behind: nobody can reach it any more, and it is taken away a little at a time.

A table may have a million partitions, whose rows are not deleted in the turn of the call that deletes the table.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

REMAINS = Table("glue_remains", "create table if not exists glue_remains (kind text, id text, primary key (kind, id)) without rowid")
WORK = ("glue", "remains")


def of_database(call: Call, id_: str) -> None:
    _left(call, "database", id_)


def of_table(call: Call, number: int) -> None:
    _left(call, "table", str(number))


def _left(call: Call, kind: str, id_: str) -> None:
    call.rows(REMAINS).run("insert or ignore into glue_remains values (?,?)", kind, id_)
    call.after_commit(lambda: call.home.wake(WORK))
