"""A table's writes, kept until every other replica has heard of them: a page for what one turn of the loop wrote, in their order.

Pages lie in places that are written over once their page was heard everywhere, so a write that goes out as fast as it comes in changes
one leaf of the file and nothing else. What finds its place taken, because some replica is slow or cut off, lies behind them until it is
heard. A page's place follows from its number, and a place says which page lies in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Rows
from kumoniwa.store.rows import Table as RowTable

PAGES = RowTable(
    "dynamodb_page",
    """create table if not exists dynamodb_page (tbl integer, place integer, number integer, at integer, changes integer, body blob,
         primary key (tbl, place))""",
)
CURSORS = RowTable(
    "dynamodb_cursor",
    """create table if not exists dynamodb_cursor (tbl integer, region text, seq integer, primary key (tbl, region)) without rowid""",
)
PLACES = 2_048
"""Pages of some seconds under load, and megabytes."""
PAGE_BYTES = 1 << 20
"""Of more than so much written in one turn there are several pages."""
_READ = "select number, at, changes, body from dynamodb_page where tbl = ? and place = ?"
_pack = msgspec.msgpack.Encoder().encode


class Page(NamedTuple):
    """``at`` is the time of its first change, in microseconds since the epoch; ``body`` are ``replication.Change``s, packed."""

    number: int
    at: int
    changes: int
    body: bytes


class Log:
    """Of one table. Numbers given out are not used again; those of a turn that was undone are missing."""

    def __init__(self, home: Any, account: str, tbl: int) -> None:
        self.call: Call = home.call("dynamodb", account, principals.service("dynamodb.amazonaws.com", account))
        self.tbl = tbl
        rows = self._rows()
        first, last = rows.one("select min(number), max(number) from dynamodb_page where tbl = ?", tbl)
        self.last = max(last or 0, rows.one("select coalesce(max(seq), 0) from dynamodb_cursor where tbl = ?", tbl)[0])
        self.heard = self.last if first is None else first - 1
        """Every replica has the pages up to here, as far as this process knows."""

    def _rows(self) -> Rows:
        return self.call.rows(PAGES, CURSORS)

    def write(self, entries: Sequence[tuple]) -> None:
        """Keep changes that were made in one turn of the loop."""
        body = _pack(entries)
        if len(body) > PAGE_BYTES and len(entries) > 1:
            half = len(entries) // 2
            self.write(entries[:half])
            self.write(entries[half:])
            return
        number = self.last = self.last + 1
        # Whose place this was last is a page of so many before or more.
        place = number % PLACES if number - PLACES <= self.heard else PLACES + number
        self._rows().run(
            """insert into dynamodb_page values (?,?,?,?,?,?) on conflict do update set number = excluded.number, at = excluded.at,
                 changes = excluded.changes, body = excluded.body""",
            self.tbl, place, number, entries[0][2], len(entries), body,
        )  # fmt: skip
        self.call.home.wake(("dynamodb", "courier", self.tbl))

    def after(self, number: int, count: int) -> tuple[list[Page], int]:
        """Pages of some ``count`` changes, and up to where there are no others."""
        one, found, number = self._rows().one, [], max(number, self.heard)
        while number < self.last:
            number += 1
            row = one(_READ, self.tbl, number % PLACES)
            if row is None or row[0] != number:
                row = one(_READ, self.tbl, PLACES + number)
            if row is not None:
                found.append(Page(*row))
                count -= row[2]
                if count <= 0:
                    break
        return found, number

    def backlog(self, number: int) -> int:
        """How many changes there are after a page."""
        return self._asked("coalesce(sum(changes), 0)", number)

    def oldest(self, number: int) -> int | None:
        """The time of the oldest page after that one."""
        return self._asked("min(at)", number)

    def _asked(self, what: str, number: int) -> Any:
        return self._settled().one(f"select {what} from dynamodb_page where tbl = ? and number > ?", self.tbl, number)[0]

    def trim(self, heard: int) -> None:
        """Every other replica has the pages up to there."""
        if heard > self.heard:
            sql = "delete from dynamodb_page where tbl = ? and place > ? and place <= ?"
            self._rows().run(sql, self.tbl, PLACES + self.heard, PLACES + heard)
            self.heard = heard

    def clear(self) -> None:
        """There are no other replicas any more."""
        rows = self._settled()
        rows.run("delete from dynamodb_page where tbl = ?", self.tbl)
        rows.run("delete from dynamodb_cursor where tbl = ?", self.tbl)

    def _settled(self) -> Rows:
        rows = self._rows()
        rows.settle()
        return rows


class Logs(dict[int, Log]):
    """An account's, by table."""


def of(call: Call, tbl: int) -> Log:
    logs = call.memory(Logs)
    found = logs.get(tbl)
    if found is None:
        found = logs[tbl] = Log(call.home, call.account, tbl)
    return found


# How far others are ------------------------------------------------------------------------------------


def cursor(call: Call, tbl: int, region: str) -> int:
    """The last page that a region has, with all before it."""
    found = call.rows(CURSORS).one("select seq from dynamodb_cursor where tbl = ? and region = ?", tbl, region)
    return found[0] if found is not None else 0


def advance(call: Call, tbl: int, region: str, number: int) -> None:
    call.rows(CURSORS).run("replace into dynamodb_cursor values (?,?,?)", tbl, region, number)
