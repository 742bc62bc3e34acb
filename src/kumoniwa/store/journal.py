"""One commit for each loop tick; replies wait for it.

An atomic call that fails is undone alone: its rows by a savepoint, its records from memory.
A process killed at any instant has lost nothing that it acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kumoniwa.store.rows import Rows
    from kumoniwa.store.shelf import Shelf


class Journal:
    """The writes of one region.

    ``scope`` is non-zero while an atomic call runs. ``on_change`` hears of every record that was put or removed, after its commit.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        self.fsync = fsync
        self.scope = 0
        self.before: list[Callable[[], Any]] = []
        """What puts back in memory what the atomic call changed there."""
        self.marked: list[Rows] = []
        self.open: list[Rows] = []
        self.waiting: list[Callable[[], None]] = []
        self.changes: list[tuple[Shelf, str, bytes | None]] = []
        self.on_change: Callable[[list[tuple[Shelf, str, bytes | None]]], None] | None = None
        self.on_failure: Callable[[BaseException], None] = _raise
        """What to do when a commit fails; a region's process ends itself."""
        self.held_up: Callable[[Callable[[], None]], None] | None = None
        """A disk that is slow: takes what may be called once it has written, and calls it later."""
        self.file_bytes_left: int | None = None
        """A disk that is nearly full: how much more may be written to files."""
        self._files: list[str] = []
        self._scopes = 0
        self._changes_before = self._waiting_before = 0
        self._unsynced: list[Rows] = []
        self._held: list[Callable[[], None]] = []
        """Who waits for the sync that is under way."""
        self._syncing: asyncio.Future | None = None
        self._is_due = False

    # The life of an atomic call ---------------------------------------------------------------

    def begin_call(self) -> None:
        self._scopes += 1
        self.scope = self._scopes
        self._changes_before, self._waiting_before = len(self.changes), len(self.waiting)

    def end_call(self) -> None:
        self.scope = 0
        if self.marked:
            for rows in self.marked:
                rows.release()
            self.marked.clear()
        self.before.clear()

    def undo_call(self) -> None:
        """Put everything back as it was before ``begin_call``."""
        self.scope = 0
        for rows in self.marked:
            rows.undo()
        self.marked.clear()
        if self.before:
            for put_back in reversed(self.before):
                put_back()
            self.before.clear()
        del self.changes[self._changes_before :]
        del self.waiting[self._waiting_before :]

    # The life of a tick -----------------------------------------------------------------------

    def opened(self, rows: Rows) -> None:
        self.open.append(rows)
        self._expect_tick()

    def _expect_tick(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._tick)

    def changed(self, shelf: Shelf, key: str, body: bytes | None) -> None:
        self.changes.append((shelf, key, body))

    def soon(self, write: Callable[[], None]) -> None:
        """Write something of our own, outside the call that is running now."""
        asyncio.get_running_loop().call_soon(write)

    @property
    def is_dirty(self) -> bool:
        """Whether a reply given now must wait."""
        return bool(self.open) or self._syncing is not None

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back when everything written so far would survive the process. A call that fails takes its callbacks with it."""
        if self._syncing is not None and not self.open and not self.scope:
            self._held.append(callback)
        else:
            self.waiting.append(callback)
            self._expect_tick()

    def wrote(self, path: str) -> None:
        """A file that what is written now refers to: with ``fsync`` it is on the disk before the reply leaves."""
        if self.file_bytes_left is not None:
            self.file_bytes_left -= os.path.getsize(path)
        if self.fsync:
            self._files += (path, os.path.dirname(path))

    async def settled(self) -> None:
        """Wait until everything written so far is committed."""
        if self.is_dirty:
            done = asyncio.get_running_loop().create_future()
            self.after_commit(lambda: done.done() or done.set_result(None))
            await done

    def _tick(self) -> None:
        self._is_due = False
        if self._syncing is not None:
            # A commit now would be covered by a sync that began before it: wait for the next one.
            self._syncing.add_done_callback(lambda _: self._tick())
            self._is_due = True
            return
        try:
            self.commit()
        except Exception as error:
            # The disk is full or broken. What memory holds is no longer what a restart would find: to go on would be to lie.
            self.on_failure(error)
            return
        waiting, self.waiting = self.waiting, []
        if self.held_up is not None and waiting:
            held, waiting = waiting, []
            self.held_up(lambda: _call(held))
        if self.fsync and (self._unsynced or self._files):
            paths, self._held = [rows.path + "-wal" for rows in self._unsynced] + self._files, waiting
            self._unsynced, self._files = [], []
            self._syncing = asyncio.get_running_loop().run_in_executor(None, _sync, paths)
            self._syncing.add_done_callback(self._synced)
        else:
            _call(waiting)

    def commit(self) -> None:
        """Commit what is open now, on the spot."""
        committed, self.open = self.open, []
        for rows in committed:
            rows.commit()
        if self.fsync:
            self._unsynced += committed
        if self.changes:
            changes, self.changes = self.changes, []
            if self.on_change is not None:
                self.on_change(changes)

    def _synced(self, done: asyncio.Future) -> None:
        self._syncing = None
        if done.exception() is not None:
            self.on_failure(done.exception())
            return
        held, self._held = self._held, []
        _call(held)


def _call(callbacks: list[Callable[[], None]]) -> None:
    """One that fails must not take the others' replies with it."""
    for callback in callbacks:
        try:
            callback()
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)


def _raise(error: BaseException) -> None:
    raise error


def _sync(paths: list[str]) -> None:
    """Push these files (write-ahead logs, blobs and their folders) to the disk. Runs in a thread: the loop goes on meanwhile."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # the account was reset, or the blob dropped, meanwhile
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
