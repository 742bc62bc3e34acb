"""A region's whole state: a folder with one SQLite file and one blob folder for each account."""

from __future__ import annotations

import asyncio
import bisect
import os
from collections.abc import Callable

from kumoniwa.kernel.fault import Faults
from kumoniwa.kernel.ids import Ids
from kumoniwa.store.blobs import Blobs
from kumoniwa.store.journal import Journal
from kumoniwa.store.rows import Rows
from kumoniwa.store.shelf import Shelf


def _sync_folder(folder: str) -> None:
    """A file survives a power loss only if its name does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget(folder: str, account: str | None) -> None:
    """Remove what an account keeps in a region's folder, or what all do, while nobody has it open."""
    import shutil  # noqa: PLC0415 - it brings compressors, which a region that is not emptied does without

    if account is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for ending in (".db", ".db-wal", ".db-shm"):
        if os.path.exists(path := os.path.join(folder, account + ending)):
            os.unlink(path)
    shutil.rmtree(os.path.join(folder, f"{account}.blobs"), ignore_errors=True)


class Store:
    def __init__(self, folder: str, ids: Ids, *, fsync: bool = False) -> None:
        self.folder, self.ids = folder, ids
        self.journal = Journal(fsync=fsync)
        self._accounts: dict[str, Rows] = {}
        self._blobs: dict[tuple[str, str], Blobs] = {}
        self._free_bytes: int | None = None
        self._paused: list[Callable[[], None]] = []
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._names = sorted(file[:-3] for file in os.listdir(folder) if file.endswith(".db"))

    def accounts(self) -> list[str]:
        """Every account that has state here."""
        return list(self._names)

    def rows(self, account: str) -> Rows:
        rows = self._accounts.get(account)
        if rows is None:
            rows = self._accounts[account] = Rows(os.path.join(self.folder, f"{account}.db"), self.journal)
            if account not in self._names:
                bisect.insort(self._names, account)
            if self._free_bytes is not None:
                rows.limit(self._free_bytes)
            if self.journal.fsync:
                _sync_folder(self.folder)
        return rows

    def shelf(self, account: str, kind: type) -> Shelf:
        try:
            return self._accounts[account].shelves[kind]
        except KeyError:
            rows = self.rows(account)
            shelf = rows.shelves[kind] = Shelf(kind, rows)
            return shelf

    def blobs(self, account: str, service: str) -> Blobs:
        """The account's files of one service: each sweeps its own."""
        blobs = self._blobs.get((account, service))
        if blobs is None:
            blobs = self._blobs[account, service] = Blobs(os.path.join(self.folder, f"{account}.blobs", service), self.ids, self.journal)
        return blobs

    def suffer(self, faults: Faults) -> None:
        """Have the disk that these faults make of ours: full, slow, or not answering at all. Files are one disk with the rows."""
        full = faults.active("disk.full")
        free_bytes = min((int(fault.params.get("free_bytes", 0)) for fault in full), default=None)
        if free_bytes != self._free_bytes:
            self._free_bytes = self.journal.file_bytes_left = free_bytes
            for rows in self._accounts.values():
                rows.limit(free_bytes)
        is_sick = faults.active("disk.slow") or faults.active("disk.pause")
        self.journal.held_up = (lambda release: self._release_later(faults, release)) if is_sick else None
        if not faults.active("disk.pause"):
            paused, self._paused = self._paused, []
            for release in paused:
                release()

    def _release_later(self, faults: Faults, release: Callable[[], None]) -> None:
        if faults.hit("disk.pause"):
            self._paused.append(release)
        elif (slow := faults.hit("disk.slow")) is not None:
            asyncio.get_running_loop().call_later(slow.params["ms"] / 1e3, release)
        else:
            release()

    def reset(self, account: str | None = None) -> None:
        """Forget everything, or everything of one account."""
        self.journal.commit()
        for name in [account] if account else self.accounts():
            rows = self._accounts.pop(name, None)
            if name in self._names:
                self._names.remove(name)
            if rows is not None:
                rows.close()
            forget(self.folder, name)

    def close(self) -> None:
        self.journal.commit()
        for rows in self._accounts.values():
            rows.close()
        self._accounts.clear()
