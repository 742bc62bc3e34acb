"""What a table was like at any time of its last days, for tables with point-in-time recovery.

A write leaves what it replaced, and when. How an item was at some time is what the first write after that time replaced, or, if
there was none, how it is now. So a state can be read page by page while the table goes on changing.
"""

from __future__ import annotations

from collections.abc import Iterator

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table as RowTable

REPLACED = RowTable(
    "dynamodb_replaced",
    """create table if not exists dynamodb_replaced (tbl integer, pk blob, sk blob, at real, seq integer, size integer, body blob,
         primary key (tbl, pk, sk, at, seq)) without rowid;
       create index if not exists dynamodb_replaced_at on dynamodb_replaced (tbl, at)""",
)


class Order:
    """Tells writes of one moment apart. They only need to be in order as long as the moment lasts."""

    def __init__(self) -> None:
        self.last = 0


def replaced(call: Call, tbl: int, pk: bytes, sk: bytes, size: int, body: bytes | None) -> None:
    """Keep what a write is about to replace; None if there was nothing."""
    order = call.memory(Order)
    order.last += 1
    call.rows(REPLACED).run("insert into dynamodb_replaced values (?,?,?,?,?,?,?)", tbl, pk, sk, call.now(), order.last, size, body)


def state(
    call: Call, tbl: int, at: float | None, after: tuple[bytes, bytes], count: int
) -> tuple[list[tuple[bytes, bytes, int, bytes]], tuple[bytes, bytes] | None]:
    """The next items (pk, sk, size, JSON) of a table as it was at a time, or as it is now; and where to go on, None at the end."""
    rows = call.rows(REPLACED)
    if at is None:
        found = rows.all(
            "select pk, sk, size, item from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?", tbl, *after, count
        )
        return found, (found[-1][0], found[-1][1]) if len(found) == count else None
    keys = rows.all(
        """select pk, sk from dynamodb_item where tbl = ?1 and (pk, sk) > (?2, ?3)
           union select pk, sk from dynamodb_replaced where tbl = ?1 and (pk, sk) > (?2, ?3) and at > ?4
           order by pk, sk limit ?5""",
        tbl, *after, at, count,
    )  # fmt: skip
    return list(_then(call, tbl, keys, at)), keys[-1] if len(keys) == count else None


def _then(call: Call, tbl: int, keys: list[tuple[bytes, bytes]], at: float) -> Iterator[tuple[bytes, bytes, int, bytes]]:
    rows = call.rows(REPLACED)
    for pk, sk in keys:
        found = rows.one(
            "select size, body from dynamodb_replaced where tbl = ? and pk = ? and sk = ? and at > ? order by at, seq limit 1", tbl, pk, sk, at
        )
        if found is None:
            found = rows.one("select size, item from dynamodb_item where tbl = ? and pk = ? and sk = ?", tbl, pk, sk)
        if found is not None and found[1] is not None:
            yield pk, sk, *found


def changes(
    call: Call, tbl: int, start: float, end: float, after: tuple[bytes, bytes], count: int
) -> tuple[list[tuple[bytes, bytes, tuple[int, bytes] | None, tuple[int, bytes] | None, float]], tuple[bytes, bytes] | None]:
    """The next items that were written from ``start`` until before ``end`` (pk, sk, what there was before, what there was after, when it was
    last written), and where to go on, None at the end. What came and went in between is left out."""
    rows, found = call.rows(REPLACED), []
    keys = rows.all(
        """select pk, sk, max(at) from dynamodb_replaced where tbl = ? and (pk, sk) > (?, ?) and at >= ? and at < ?
           group by pk, sk order by pk, sk limit ?""",
        tbl, *after, start, end, count,
    )  # fmt: skip
    for pk, sk, last in keys:
        old, new = (_until(call, tbl, pk, sk, moment) for moment in (start, end))
        if old is not None or new is not None:
            found.append((pk, sk, old, new, last))
    return found, (keys[-1][0], keys[-1][1]) if len(keys) == count else None


def _until(call: Call, tbl: int, pk: bytes, sk: bytes, moment: float) -> tuple[int, bytes] | None:
    """An item (size, JSON) as it was just before a moment."""
    rows = call.rows(REPLACED)
    found = rows.one(
        "select size, body from dynamodb_replaced where tbl = ? and pk = ? and sk = ? and at >= ? order by at, seq limit 1", tbl, pk, sk, moment
    )
    if found is None:
        found = rows.one("select size, item from dynamodb_item where tbl = ? and pk = ? and sk = ?", tbl, pk, sk)
    return found if found is not None and found[1] is not None else None


def forget(call: Call, tbl: int, before: float | None = None) -> None:
    """Forget what nobody may go back to any more; all of it without ``before``."""
    if before is None:
        call.rows(REPLACED).run("delete from dynamodb_replaced where tbl = ?", tbl)
    else:
        call.rows(REPLACED).run("delete from dynamodb_replaced where tbl = ? and at < ?", tbl, before)
