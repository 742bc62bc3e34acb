"""Reading an account's rows from another process, while the region goes on writing them.

A region lets nobody else open its files, and needs no locks for that. So the other process takes none either; instead the region holds
still what it reads. SQLite writes new pages into a log and moves them into the file at a checkpoint: as long as there is none, file and
log only grow, and whoever opens both sees what was committed by then, for ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import apsw

from kumoniwa.store.journal import Journal
from kumoniwa.store.rows import Rows

MAPPED_BYTES = 1 << 30


@contextlib.asynccontextmanager
async def held(rows: Rows, journal: Journal) -> AsyncIterator[str]:
    """Hold an account's file still; gives its path. The caller has written something in this turn, which is committed first: a log
    of which nothing had been written since the last checkpoint would be begun anew under the reader."""
    rows.hold()
    try:
        await journal.settled()
        yield rows.path
    finally:
        rows.let_go()


def opened(path: str) -> apsw.Connection:
    """The other process's connection to a file that is held. It never writes, nor tidies up."""
    connection = apsw.Connection(
        f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}",
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        vfs="unix-none",
    )
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for pragma in ("locking_mode=EXCLUSIVE", f"mmap_size={MAPPED_BYTES}", "temp_store=MEMORY"):
        connection.execute(f"pragma {pragma}").fetchall()
    return connection
