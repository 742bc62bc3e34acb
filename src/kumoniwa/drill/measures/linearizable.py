"""Linearizability of one register per key: can every operation have happened at one moment between its call and its return?

The search is Wing and Gong's, with Lowe's memo of (operations placed, value) so that no state is tried twice. An operation of
unknown outcome may take effect at any later time, or never. The search has a budget, and says None when it ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf
from typing import Any

from kumoniwa.drill.history import Op

BUDGET = 200_000
"""Steps of the search over all keys of a history."""


@dataclass(frozen=True)
class Linearizability:
    verdict: bool | None
    key: str = ""
    stuck: Op | None = None
    """Counter-example: the operation for which no order of the others leaves a place."""
    steps: int = 0


def linearizable(ops: list[Op], budget: int = BUDGET, initial: Any = None) -> Linearizability:
    """False if any key is not; None if the budget ended before one was found."""
    keys: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        # A failed operation did nothing, and a read that nobody got the answer of says nothing.
        if op.f in ("write", "cas", "read") and op.out != "fail" and not (op.f == "read" and op.out == "info"):
            keys[op.key].append(op)
    spent, is_open = 0, False
    for key, about in keys.items():
        found = _register(about, budget - spent, initial)
        spent += found.steps
        if found.verdict is False:
            return Linearizability(False, key, found.stuck, spent)
        is_open = is_open or found.verdict is None
    return Linearizability(None if is_open else True, steps=spent)


def _step(op: Op, value: Any) -> tuple[bool, Any]:
    """Whether the operation may happen while the register holds the value, and what it holds afterwards."""
    if op.f == "write":
        return True, op.value
    if op.f == "cas":
        return value == op.old, op.value
    return op.value == value, value


def _register(ops: list[Op], budget: int, initial: Any) -> Linearizability:
    calls = sorted(ops, key=lambda op: op.t0)
    returns = [op.t1 if op.out == "ok" else inf for op in calls]
    must = sum(1 << n for n, op in enumerate(calls) if op.out == "ok")
    seen: set[tuple[int, Any]] = set()
    stack: list[tuple[int, Any]] = [(0, initial)]
    steps, furthest, stuck = 0, -1, None
    while stack:
        placed, value = stack.pop()
        if placed & must == must:
            return Linearizability(True, steps=steps)
        if (placed, repr(value)) in seen:
            continue
        seen.add((placed, repr(value)))
        steps += 1
        if steps > budget:
            return Linearizability(None, steps=steps)
        # Only an operation called before every unplaced one returned may be next.
        first_return = min(returns[n] for n in range(len(calls)) if not placed >> n & 1)
        is_moved = False
        for n in range(len(calls) - 1, -1, -1):
            if not placed >> n & 1 and calls[n].t0 <= first_return:
                may, after = _step(calls[n], value)
                if may:
                    is_moved = True
                    stack.append((placed | 1 << n, after))
        done = (placed & must).bit_count()
        if not is_moved and done > furthest:
            furthest = done
            stuck = next(calls[n] for n in range(len(calls)) if must >> n & 1 and not placed >> n & 1)
    return Linearizability(False, stuck=stuck, steps=steps)
