"""Binary logs: what a server writes down of changes, as far as one must read them to have another make them again.

A file is a row of events, each with a head of 19 bytes; a transaction begins with an event that carries its GTID.
https://mariadb.com/kb/en/2-binlog-event-header/, …/gtid_event/
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

STEM = "mysql-bin-changelog"
"""As on RDS."""
_HEAD = struct.Struct("<IBIIIH")
_MAGIC = b"\xfebin"
_STOP, _ROTATE, _GTID = 3, 4, 162


class Place(NamedTuple):
    file: str
    position: int


def files(folder: str) -> list[str]:
    """Names, the oldest first."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if name.startswith(f"{STEM}.") and name.rpartition(".")[2].isdigit())


def _events(path: str) -> Iterator[tuple[int, int, int]]:
    """Position, kind and time of each event that is there whole."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if file.read(4) != _MAGIC:
            return
        at = 4
        while at + _HEAD.size <= size:
            file.seek(at)
            when, kind, _, length, _, _ = _HEAD.unpack(file.read(_HEAD.size))
            if length < _HEAD.size or at + length > size:
                return
            yield at, kind, when
            at += length


def begun(path: str) -> int:
    """When a file was, by which two of one name are told apart: numbers begin anew when somebody resets them."""
    return next((when for _, _, when in _events(path)), 0)


def end(folder: str, names: list[str], until: float | None) -> Place | None:
    """Where to stop: at the first transaction that began later than a time, or else behind the last one. None if nothing is closed yet."""
    last = None
    for name in names:
        for at, kind, when in _events(os.path.join(folder, name)):
            if until is not None and kind == _GTID and when > until:
                return Place(name, at)
            if kind in (_STOP, _ROTATE):
                last = Place(name, at)
    return last
