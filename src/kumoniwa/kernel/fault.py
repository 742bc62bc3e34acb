"""Faults that somebody injected on purpose, as the places where they act see them.

A region is told the faults that concern it; whoever can fail asks ``home.faults.hit("lambda.error", function=name)`` at the place
where it would fail. Nothing is injected most of the time, and then ``home.faults`` is false.
"""

from __future__ import annotations

import asyncio
import random
from fnmatch import fnmatchcase
from typing import Any

from kumoniwa.kernel.record import Record


class FaultRefused(Exception):
    """A fault that we do not have, or not so: the text says what there is."""


class Fault(Record):
    id: str
    kind: str
    """As the catalogue spells it: ``service.error``."""
    target: dict[str, Any] = {}
    """What it hits, by name: ``{"function": "checkout*"}``. A list means any of them; what is not named here is not asked about."""
    params: dict[str, Any] = {}

    def is_aimed_at(self, **facts: Any) -> bool:
        """Whether its target agrees with what the facts describe."""
        return all(_agrees(wanted, facts.get(name)) for name, wanted in self.target.items() if name != "region")


class Faults(list[Fault]):
    """The faults that act in one region now: a list, so that a call pays next to nothing to see that there is none."""

    __slots__ = ("random", "_ended")

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.random = dice
        self._ended: dict[str, asyncio.Future] = {}

    def replace(self, faults: list[Fault]) -> tuple[list[Fault], list[Fault]]:
        """These and no others act from now on. Answers those that began and those that ended."""
        before = {fault.id: fault for fault in self}
        now = {fault.id: fault for fault in faults}
        self[:] = faults
        for id_ in before.keys() - now.keys():
            if (waiting := self._ended.pop(id_, None)) is not None:
                waiting.set_result(None)
        return [now[i] for i in now.keys() - before.keys()], [before[i] for i in before.keys() - now.keys()]

    def active(self, kind: str) -> list[Fault]:
        """The faults of a kind, whatever they are aimed at."""
        return [fault for fault in self if fault.kind == kind]

    def hit(self, kind: str, **facts: Any) -> Fault | None:
        """The first active fault of this kind that is aimed at what the facts describe and whose ``percent`` says yes.

        A fact may have several spellings, as a tuple: ``function=("checkout", "arn:aws:lambda:…:checkout")``.
        """
        for fault in self:
            if fault.kind == kind and fault.is_aimed_at(**facts):
                percent = fault.params.get("percent", 100)
                if percent >= 100 or self.random.random() * 100 < percent:
                    return fault
        return None

    async def over(self, fault: Fault) -> None:
        """Wait until a fault is healed."""
        if any(fault.id == each.id for each in self):
            waiting = self._ended.setdefault(fault.id, asyncio.get_running_loop().create_future())
            await asyncio.shield(waiting)


def _agrees(wanted: Any, fact: Any) -> bool:
    patterns = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
    spellings = fact if isinstance(fact, tuple) else (fact,)
    return any(spelling is not None and fnmatchcase(str(spelling), str(pattern)) for pattern in patterns for spelling in spellings)
