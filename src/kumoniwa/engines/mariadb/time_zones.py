"""Named time zones, as a server looks them up: from the machine's own files of them.

A file may end with a rule for all years to come; a server wants each of its changes, up to the year in which its timestamps end.
https://www.rfc-editor.org/rfc/rfc8536, https://mariadb.com/kb/en/mysqltime_zone_transition-table/
"""

from __future__ import annotations

import os
import struct
import zoneinfo
from datetime import UTC, datetime
from typing import NamedTuple

_HEAD = struct.Struct(">4sc15x6I")
_LAST_YEAR = 2037
_DAY_S = 86_400
_AT_ONCE = 500
"""Rows: a line of 20,000 bytes is the longest that a server reads that makes its first data."""


class Kind(NamedTuple):
    offset_s: int
    is_summer: int
    name: str


class Zone(NamedTuple):
    kinds: tuple[Kind, ...]
    changes: tuple[tuple[int, int], ...]
    """When, and to which of the kinds."""


def _read(body: bytes) -> tuple[Zone, bytes]:
    """What a file says, and the rule at its end."""
    at = 0
    for width in (4, 8):
        _, version, universal, standard, leaps, changes, kinds, letters = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        size = changes * (width + 1) + kinds * 6 + letters + leaps * (width + 4) + standard + universal
        if width == 4 and version >= b"2":
            at += size
            continue
        break
    times = struct.unpack_from(f">{changes}{'i' if width == 4 else 'q'}", body, at)
    which = body[at + changes * width : at + changes * (width + 1)]
    described = at + changes * (width + 1)
    words = body[described + kinds * 6 : described + kinds * 6 + letters]
    found = []
    for number in range(kinds):
        offset_s, is_summer, place = struct.unpack_from(">iBB", body, described + number * 6)
        found.append(Kind(offset_s, is_summer, words[place : words.index(b"\0", place)].decode()))
    return Zone(tuple(found), tuple(zip(times, which))), body[at + size :].strip()


def _at(zone: zoneinfo.ZoneInfo, when: int) -> Kind:
    moment = datetime.fromtimestamp(when, UTC).astimezone(zone)
    return Kind(int(moment.utcoffset().total_seconds()), int(bool(moment.dst())), moment.tzname() or "")  # type: ignore[union-attr]


def _with_later(zone: Zone, name: str) -> Zone:
    """The same with the changes that its rule makes."""
    looked_up, kinds, changes = zoneinfo.ZoneInfo(name), list(zone.kinds), list(zone.changes)
    before = max(changes[-1][0], 0) if changes else 0
    end = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
    now = _at(looked_up, before)
    for day in range(before + 1, end, 7 * _DAY_S):
        then = _at(looked_up, day)
        if then == now:
            continue
        low, high = day - 7 * _DAY_S, day
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _at(looked_up, middle) == now else (low, middle)
        if then not in kinds:
            kinds.append(then)
        changes.append((high, kinds.index(then)))
        now = then
    return Zone(tuple(kinds), tuple(changes))


def all_zones() -> dict[str, Zone]:
    found: dict[str, Zone] = {}
    for name in sorted(zoneinfo.available_timezones()):
        for folder in zoneinfo.TZPATH:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    zone, rule = _read(file.read())
                last = datetime.fromtimestamp(zone.changes[-1][0], UTC).year if zone.changes else 0
                found[name] = _with_later(zone, name) if b"," in rule and last < _LAST_YEAR else zone
                break
    return found


def statements() -> bytes:
    """What fills a server's tables."""
    numbers: dict[Zone, int] = {}
    names = []
    for name, zone in all_zones().items():
        names.append(f"('{name}',{numbers.setdefault(zone, len(numbers) + 1)})")
    kinds, changes = [], []
    for zone, number in numbers.items():
        kinds += [f"({number},{place},{each.offset_s},{each.is_summer},'{each.name}')" for place, each in enumerate(zone.kinds)]
        changes += [f"({number},{when},{kind})" for when, kind in dict(zone.changes).items()]
    tables = (
        ("time_zone", [f"({number},'N')" for number in numbers.values()]), ("time_zone_name", names), ("time_zone_transition_type", kinds),
        ("time_zone_transition", changes),
    )  # fmt: skip
    lines = [
        f"insert into {table} values {','.join(rows[first : first + _AT_ONCE])};" for table, rows in tables for first in range(0, len(rows), _AT_ONCE)
    ]
    return "\n".join(lines).encode()
