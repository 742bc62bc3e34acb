"""Hot data as rows in SQLite: one file for each account of a region.

Writes of one loop tick share one transaction (see ``journal``). Items, messages, events and
object keys live here and not in Python objects, so memory does not grow with what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import apsw

if TYPE_CHECKING:
    from kumoniwa.store.journal import Journal

CACHE_KIB = 16_384
CHECKPOINT_PAGES = 2_000
HELD_LOOK_S = 0.05
CLOSED = -1
PAGES_MAX = 4_294_967_294
"""SQLite's own limit."""


class Table(NamedTuple):
    """A table of hot rows: its name and the SQL that makes it and then its indexes (``create table if not exists …; …``).

    ``added`` are columns (``name type``) at its end that older stores do not have yet; indexes may name them.
    """

    name: str
    sql: str
    added: tuple[str, ...] = ()


class Log(Protocol):
    """Where entries are written together that came one by one."""

    def write(self, entries: Sequence[Any]) -> None: ...


class Rows:
    """One account's SQLite file. Reads see this tick's writes; a write opens the tick's transaction."""

    __slots__ = ("path", "journal", "connection", "execute", "tables", "shelves", "joined", "ready", "is_first", "holders",
                 "gathered", "standing", "is_behind")

    def __init__(self, path: str, journal: Journal) -> None:
        self.path, self.journal = path, journal
        self.connection = apsw.Connection(path, statementcachesize=256)
        self.execute = self.connection.execute
        # Or SQLite looks at what is bound to plan by it, and compiles a statement with ``limit ?`` anew each time it is executed.
        self.connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        for pragma in (
            # Nobody else opens a region's files: without locks to share, a read costs no system call.
            "locking_mode=EXCLUSIVE",
            # A kill loses nothing that was written. Only who wants to outlive a power loss waits for the disk when a file is made.
            f"synchronous={'NORMAL' if journal.fsync else 'OFF'}",
            "journal_mode=WAL",
            f"cache_size=-{CACHE_KIB}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "temp_store=MEMORY",
        ):
            self.execute(f"pragma {pragma}").fetchall()
        self.execute("create table if not exists record(shelf text, key text, body blob, primary key(shelf, key)) without rowid")
        self.execute("pragma synchronous=NORMAL")
        # Whoever opens it next reads the log as after a kill: to end needs no waiting for the disk.
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.tables: dict[str, bool] = {}
        self.shelves: dict[type, Any] = {}
        self.joined = self.ready = CLOSED
        """The atomic call (0 for none) that takes part in the tick's transaction now, and that for which statements may write."""
        self.is_first = False
        """Whether it is the first of its tick to write here: to undo it is to undo the transaction so far."""
        self.holders = 0
        self.gathered: list[tuple[Log | str, Any]] = []
        self.is_behind = False
        """Whether something was appended that a statement must find written."""
        self.standing: list[tuple[Log, Any]] | int = 0
        """What was gathered before the atomic call that writes here now, or how much of ``gathered`` it is."""

    def use(self, table: Table) -> None:
        """Make sure the table exists."""
        if table.name not in self.tables:
            self._begin()
            made, *indexes = filter(str.strip, table.sql.split(";"))
            self.execute(made)
            held = {row[1] for row in self.execute(f"pragma table_info({table.name})")} if table.added else ()
            for column in table.added:
                if column.split()[0] not in held:
                    self.execute(f"alter table {table.name} add column {column}")
            for index in indexes:
                self.execute(index)
            if self.journal.scope:
                self.journal.before.append(partial(self.tables.pop, table.name))
            self.tables[table.name] = True

    @property
    def is_open(self) -> bool:
        """Whether something was written here in this tick."""
        return self.joined != CLOSED

    def one(self, sql: str, *args: Any) -> tuple | None:
        """The first row, or None."""
        if self.is_behind:
            self.settle()
        for row in self.execute(sql, args):
            return row
        return None

    def all(self, sql: str, *args: Any) -> list[tuple]:
        if self.is_behind:
            self.settle()
        return self.execute(sql, args).fetchall()

    def each(self, sql: str, *args: Any):
        """Rows one by one; do not write while iterating."""
        if self.is_behind:
            self.settle()
        return self.execute(sql, args)

    def run(self, sql: str, *args: Any) -> int:
        """Execute one writing statement; answers the number of changed rows."""
        if self.ready != self.journal.scope or self.is_behind:
            self._begin()
        self.execute(sql, args)
        return self.connection.changes()

    def take(self, sql: str, *args: Any) -> list[tuple]:
        """Execute one writing statement with a ``returning`` clause; answers its rows."""
        if self.ready != self.journal.scope or self.is_behind:
            self._begin()
        return self.execute(sql, args).fetchall()

    def append(self, sql: str, *args: Any) -> None:
        """Execute a writing statement of which this call needs to know nothing, with the tick's commit or before the next statement, whatever
        it asks: all of one text in one go, in their order. Statements of other texts that are appended meanwhile come before or after them.
        One that fails then is nobody's call any more, and ends the region: the caller has seen to its values."""
        self.gather(sql, args)
        self.is_behind = True

    def gather(self, log: Log | str, entry: Any) -> None:
        """Have a log take an entry with the tick's commit: all that follow each other in one go. Who reads the log settles it first."""
        if self.joined != self.journal.scope:
            self._join()
        self.gathered.append((log, entry))

    def settle(self) -> None:
        """Write what was gathered now."""
        self.is_behind = False
        if not self.gathered:
            return
        if self.joined != self.journal.scope:
            self._join()
        gathered, self.gathered = self.gathered, []
        if self.joined:
            # Undone with this call, so what others had gathered is gathered again.
            self._save()
            if isinstance(self.standing, int):
                self.standing = gathered[: self.standing]
        by_log: dict[Log | str, list[Any]] = {}
        for log, entry in gathered:
            by_log.setdefault(log, []).append(entry)
        for log, entries in by_log.items():
            if type(log) is str:
                self.connection.executemany(log, entries)
            else:
                log.write(entries)

    def _begin(self) -> None:
        """See that a statement may write now, and that it is undone if its atomic call fails."""
        if self.joined != self.journal.scope:
            self._join()
        if self.is_behind:
            self.settle()
        self._save()

    def _join(self) -> None:
        """Take part in the tick's transaction, and note what stands before an atomic call."""
        scope = self.journal.scope
        if self.joined == CLOSED:
            self.execute("begin immediate")
            self.journal.opened(self)
            self.ready, self.is_first = scope, scope > 0
        if scope:
            self.journal.marked.append(self)
            self.standing = len(self.gathered)
        self.joined = scope

    def _save(self) -> None:
        """Mark the place to which a failing atomic call is undone."""
        if self.ready != self.joined:
            self.execute("savepoint call")
            self.ready = self.joined

    def release(self) -> None:
        if self.ready and not self.is_first:
            self.execute("release call")
        self.joined = self.ready = 0
        self.is_first = False

    def undo(self) -> None:
        # When the disk is full SQLite has undone everything by itself. If that was more than this call, the commit will
        # find no transaction, and the region ends.
        is_alive = self.connection.in_transaction
        self.gathered = self.standing if isinstance(self.standing, list) else self.gathered[: self.standing]
        self.is_behind = bool(self.gathered)
        if self.is_first:
            if is_alive:
                self.execute("rollback")
            self.joined = self.ready = CLOSED
            self.journal.open.remove(self)
        else:
            if self.ready and is_alive:
                self.execute("rollback to call")
                self.execute("release call")
            self.joined = self.ready = 0
        self.is_first = False

    def commit(self) -> None:
        try:
            self.settle()
            self.execute("commit")
        finally:
            self.joined = self.ready = CLOSED

    def hold(self) -> None:
        """Let the file stand as it is, and its log grow, until as many have let it go as hold it: see ``steady``."""
        self.holders += 1
        self.all("pragma wal_autocheckpoint=0")

    def let_go(self) -> None:
        self.holders -= 1
        if not self.holders:
            with contextlib.suppress(apsw.ConnectionClosedError):  # the account was reset meanwhile
                self.all(f"pragma wal_autocheckpoint={CHECKPOINT_PAGES}")

    async def scrub(self) -> None:
        """Write the file anew, so that nothing can be read in it any more that was deleted. Nobody else has a turn meanwhile."""
        while self.is_open or self.holders:
            await (self.journal.settled() if self.is_open else asyncio.sleep(HELD_LOOK_S))
        self.execute("vacuum").fetchall()
        self.execute("pragma wal_checkpoint(truncate)").fetchall()

    def limit(self, free_bytes: int | None) -> None:
        """Let the file grow by so much and no more, as on a disk that is nearly full; None takes the limit away."""
        pages = PAGES_MAX
        if free_bytes is not None:
            pages = self.one("pragma page_count")[0] + free_bytes // self.one("pragma page_size")[0]
        self.all(f"pragma max_page_count = {pages}")

    def close(self) -> None:
        if self.is_open:
            self.commit()
        self.connection.close()
