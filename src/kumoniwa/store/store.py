"""A region's whole state: a folder with one SQLite file and one blob folder for each account."""

from __future__ import annotations

import os
import shutil

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


class Store:
    def __init__(self, folder: str, ids: Ids, *, fsync: bool = False) -> None:
        self.folder, self.ids = folder, ids
        self.journal = Journal(fsync=fsync)
        self._accounts: dict[str, Rows] = {}
        self._blobs: dict[tuple[str, str], Blobs] = {}
        os.makedirs(folder, mode=0o700, exist_ok=True)

    def accounts(self) -> list[str]:
        """Every account that has state here."""
        return sorted(f[:-3] for f in os.listdir(self.folder) if f.endswith(".db"))

    def rows(self, account: str) -> Rows:
        rows = self._accounts.get(account)
        if rows is None:
            rows = self._accounts[account] = Rows(os.path.join(self.folder, f"{account}.db"), self.journal)
            if self.journal.fsync:
                _sync_folder(self.folder)
        return rows

    def shelf(self, account: str, kind: type) -> Shelf:
        rows = self._accounts.get(account) or self.rows(account)
        shelf = rows.shelves.get(kind)
        if shelf is None:
            shelf = rows.shelves[kind] = Shelf(kind, rows)
        return shelf

    def blobs(self, account: str, service: str) -> Blobs:
        """The account's files of one service: each sweeps its own."""
        blobs = self._blobs.get((account, service))
        if blobs is None:
            blobs = self._blobs[account, service] = Blobs(os.path.join(self.folder, f"{account}.blobs", service), self.ids, self.journal)
        return blobs

    def reset(self, account: str | None = None) -> None:
        """Forget everything, or everything of one account."""
        self.journal.commit()
        for name in [account] if account else self.accounts():
            rows = self._accounts.pop(name, None)
            if rows is not None:
                rows.close()
            for ending in (".db", ".db-wal", ".db-shm"):
                if os.path.exists(path := os.path.join(self.folder, name + ending)):
                    os.unlink(path)
            shutil.rmtree(os.path.join(self.folder, f"{name}.blobs"), ignore_errors=True)

    def close(self) -> None:
        self.journal.commit()
        for rows in self._accounts.values():
            rows.close()
        self._accounts.clear()
