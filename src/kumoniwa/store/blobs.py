"""Files for what is too large for a row: object bodies, function packages.

A blob is written before the row that names it is committed, and is never changed. A kill in
between leaves a file nobody names, which ``sweep`` removes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from kumoniwa.kernel.ids import Ids
from kumoniwa.store.journal import Journal


class Blobs:
    """One account's files in one region."""

    def __init__(self, folder: str, ids: Ids, journal: Journal) -> None:
        self.folder, self.ids, self.journal = folder, ids, journal

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name[:2], name)

    def create(self) -> tuple[str, int]:
        """A fresh blob: its name and an open descriptor to write to. The caller closes it, and says ``journal.wrote``."""
        if self.journal.file_bytes_left is not None and self.journal.file_bytes_left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        name = self.ids.hex(32)
        path = self.path(name)
        try:
            return name, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            return name, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)

    def put(self, *pieces: bytes) -> str:
        """Write a whole blob; answers its name."""
        name, descriptor = self.create()
        try:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        self.journal.wrote(self.path(name))
        return name

    def get(self, name: str) -> bytes:
        with open(self.path(name), "rb") as file:
            return file.read()

    def drop(self, name: str) -> None:
        """Remove a blob. Call it after the commit that removed its row (``journal.after_commit``)."""
        try:
            os.unlink(self.path(name))
        except FileNotFoundError:
            pass

    def sweep(self, named: Iterable[str]) -> int:
        """Remove every blob that is not named; answers how many. For the start of a region, before it serves."""
        keep, removed = set(named), 0
        for folder, _, files in os.walk(self.folder):
            for name in files:
                if name not in keep:
                    os.unlink(os.path.join(folder, name))
                    removed += 1
        return removed
