"""Frozen records: the only things a shelf holds.

To change one, put its replacement on the shelf. That single rule gives the journal,
snapshots, replication and safe iteration.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every record: ``class Queue(Record): name: str``. Fields are ``str``, ``int``, ``float``, ``bool``, ``bytes``, ``tuple``,
    ``dict``, ``None`` or other records. A field added later needs a default, so that old stores still open."""


R = TypeVar("R", bound=Record)

pack = msgspec.msgpack.Encoder().encode


def unpack(body: bytes, kind: type[R]) -> R:
    return msgspec.msgpack.decode(body, type=kind)


changed = msgspec.structs.replace
"""``changed(queue, delay_s=5)``: the replacement to put on the shelf."""

__all__ = ["Record", "changed", "pack", "unpack"]
