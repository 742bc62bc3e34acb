"""What a drill is, once its file has been read: load, steps, limits, objectives, invariants. Frozen; times in seconds.

Second 0 of a step is the end of the warm-up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What one kind of user does, at a rate that does not care how the system feels."""

    name: str
    entry: str
    kind: str  # write, read, send, receive
    rate: float
    arrival: str = "poisson"
    timeout_s: float = 3.0
    key: str = "id"
    value: str = "value"
    keys: int = 0
    """How many keys writes share; 0 takes a new key for each write."""
    reads: str = ""
    """The writing journey whose keys this one reads."""
    consistency: str = "eventual"
    method: str = ""
    path: str = ""
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    served_by: str = ""
    """Field of the answer that names the region which served it."""
    group: str = ""
    """FIFO queues: what the group id begins with; each client is one group."""
    ttl: str = "honour"


@dataclass(frozen=True, kw_only=True)
class Workload:
    journeys: tuple[Journey, ...]
    warmup_s: float = 20.0
    cooldown_s: float = 60.0
    seed: int = 1
    clients: int = 4

    def journey(self, name: str) -> Journey:
        return next(journey for journey in self.journeys if journey.name == name)


@dataclass(frozen=True, kw_only=True)
class Slo:
    success: float = 0.99
    p99_ms: float = 1000.0
    window_s: float = 1.0
    hold: int = 5


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something done at a second: a fault begun, faults healed (``heal`` is ``all`` or a fault's kind), or a runbook begun."""

    at_s: float
    fault: str = ""
    target: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    for_s: float | None = None
    heal: str = ""
    run: str = ""
    """A script beside the drill file, which is begun and not waited for."""
    args: tuple[str, ...] = ()
    timeout_s: float = 300.0
    """What a runbook may take."""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number somebody asked for: ``multiRegion.rto`` at most 60."""

    name: str
    asked: float
    unit: str


@dataclass(frozen=True, kw_only=True)
class Invariant:
    kind: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = ", ".join(f"{name} {_worded(value)}" for name, value in self.params.items())
        return f"{self.kind} ({said})" if said else self.kind


def _worded(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "/".join(map(str, value))
    return f"{value:g} s" if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A probe of the steady-state hypothesis: a journey's success over its last seconds lies in a range."""

    journey: str
    low: float
    high: float = 1.0
    last_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    template: str
    regions: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """When to stop a drill that hurts more than it teaches."""

    success_below: float | None = None
    for_s: float = 10.0
    max_duration_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    name: str
    says: str
    workload: Workload
    steps: tuple[Step, ...]
    end_s: float
    slo: Slo = Slo()
    objectives: tuple[Objective, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    steady: tuple[Steady, ...] = ()
    stacks: tuple[Stack, ...] = ()
    setup: str = ""
    regions: tuple[str, ...] = ()
    expects_idle: tuple[str, ...] = ()
    """Regions of which the author knows that they serve nobody before they are struck."""
    guard: Guard = Guard()
    links: str = "aws-p50"
    repeat: int = 5
    yearly: dict[str, float] = field(default_factory=dict)
    """Declared: how often a year each kind of fault is assumed to happen."""
    sabotage: tuple[Step, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    folder: str = "."

    @property
    def faults(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.fault)
