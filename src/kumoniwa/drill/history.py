"""The history of a drill: what the clients saw and what the cloud said of itself, one JSON line per event, append-only.

It is written by the client side, which no fault strikes. Times are seconds of CLOCK_MONOTONIC, which all processes of one
machine share. A line with ``f`` is an operation of a client; a line with ``event`` is something else that happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec


class Op(msgspec.Struct, omit_defaults=True):
    """One operation. ``out`` is ``info`` when its effect is unknown: it may have happened, or may still happen."""

    id: str
    client: str
    journey: str
    f: str  # write, read, cas, send, recv
    key: str
    due: float
    t0: float
    t1: float
    out: str  # ok, fail, info
    value: Any = None
    """What was written, or what was read (None: nothing is there)."""
    old: Any = None
    """cas: the value that had to be there."""
    ver: int | None = None
    status: int | None = None
    code: str = ""
    entry_region: str = ""
    served_by: str = ""
    trace: str = ""
    phase: str = ""
    """``failover`` or ``final`` for what was read back; empty for the load."""

    @property
    def latency_s(self) -> float:
        """From the moment it was due: a client that had to wait for its turn waited too."""
        return self.t1 - self.due

    @property
    def is_ok(self) -> bool:
        return self.out == "ok"


class History:
    """Everything of one run, in memory and, if a file is given, on disk line by line."""

    def __init__(self, file: Any = None, run: int = 1) -> None:
        self.ops: list[Op] = []
        self.events: list[dict[str, Any]] = []
        self.file, self.run = file, run
        self.on_op: Callable[[Op], None] = lambda _: None
        self.on_note: Callable[[dict[str, Any]], None] = lambda _: None
        self._encoder = msgspec.json.Encoder()

    def add(self, op: Op) -> None:
        self.ops.append(op)
        if self.file is not None:
            self.file.write(self._encoder.encode({"run": self.run, **msgspec.to_builtins(op)}) + b"\n")
        self.on_op(op)

    def note(self, event: str, t: float, **facts: Any) -> dict[str, Any]:
        said = {"event": event, "t": t, **facts}
        self.events.append(said)
        if self.file is not None:
            self.file.write(self._encoder.encode({"run": self.run, **said}) + b"\n")
        self.on_note(said)
        return said

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] in kinds]

    @property
    def load(self) -> list[Op]:
        """What the journeys did; reading back afterwards is not load."""
        return [op for op in self.ops if not op.phase]

    def read_back(self, phase: str) -> list[Op]:
        return [op for op in self.ops if op.phase == phase]


def read_history(path: Path) -> dict[int, History]:
    """The runs in a ``history.jsonl``, by number."""
    return read_lines(path.read_bytes().splitlines())


def read_lines(lines: Iterable[bytes]) -> dict[int, History]:
    runs: dict[int, History] = {}
    for line in lines:
        said = msgspec.json.decode(line)
        history = runs.setdefault(said.pop("run", 1), History())
        if "f" in said:
            history.ops.append(msgspec.convert(said, Op))
        else:
            history.events.append(said)
    return runs
