"""What archives hold, which AWS bills by its size: counted once an hour, in steps.

https://aws.amazon.com/eventbridge/pricing/
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.events.archive import ARCHIVED, DAY_S, Archive
from kumoniwa.services.events.encryption import SERVICE

COUNTED_EVERY_S = 3_600.0
STEP_ROWS = 2_000
_STEP = """select archive, max(id), count(*), sum(length(body)) from
  (select id, archive, body from events_archived where archive = ? and coalesce(kept, at) >= ? and id > ? order by id limit ?)"""


class _Stored:
    """By archive, in bytes."""

    def __init__(self) -> None:
        self.sizes: Counter = Counter()


def standing_of(call: Call) -> list[Use]:
    sizes = call.memory(_Stored).sizes
    return [("eventbridge:archive_storage", name, sizes[name] / GIB) for name in call.shelf(Archive)]


async def run(region: Any) -> None:
    while True:
        for call in region.calls("events", SERVICE):
            await _count(call)
        await region.wait(("events", "stored"), region.clock.now() + COUNTED_EVERY_S)


async def _count(call: Call) -> None:
    stored, sizes = call.memory(_Stored), Counter()
    for archive in list(call.shelf(Archive).values()):
        oldest = call.now() - archive.days * DAY_S if archive.days else 0.0
        last, count = 0, STEP_ROWS
        while count == STEP_ROWS:
            _, last, count, size = call.rows(ARCHIVED).one(_STEP, archive.name, oldest, last, STEP_ROWS)
            sizes[archive.name] += size or 0
            await asyncio.sleep(0)
    if sizes != stored.sizes:
        stored.sizes = sizes
        call.keeps_otherwise()
