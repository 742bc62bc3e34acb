"""Parallel and Map states: the strands of their branches and iterations, which begin, end and fail together.

The order of events and what each points back to are those of the recordings (scenarios/test_base_scenarios).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import StateFailure, runtime
from kumoniwa.services.stepfunctions import distributed, payload
from kumoniwa.services.stepfunctions.execution import Strand

if TYPE_CHECKING:
    from kumoniwa.services.stepfunctions.run import Run

INLINE_AT_ONCE = 40
"""How many iterations an inline Map runs at once if nobody says.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html"""


def _children(run: Run, strand: Strand) -> list[Strand]:
    found = (run.strand(id_) for id_ in range(strand.first, strand.first + strand.count))
    return [child for child in found if child is not None]


def _number(run: Run, strand: Strand, count: int) -> None:
    strand.first, strand.count, strand.begun, strand.ended = run.strand_count + 1, count, 0, 0
    run.strand_count += count
    strand.waiting = "children"


def begin_parallel(run: Run, strand: Strand, state: State) -> None:
    scope = run.scope(strand, state)
    data = payload.given(state, scope, run.now)
    strand.previous = run.event("ParallelStateStarted", strand.previous)
    _number(run, strand, len(state.flows))
    for place, flow in enumerate(state.flows):
        child = Strand(strand.first + place, strand.id, place, flow.index, flow.start, data, previous=strand.previous)
        run.add(child)
        run.ready.append(child)
    strand.begun = strand.count


def begin_map(run: Run, strand: Strand, state: State) -> None:
    scope = run.scope(strand, state)
    if state.is_distributed:
        distributed.begin(run, strand, state, None if "ItemReader" in state.fields else payload.items(state, scope, run.now), scope)
        return
    items = payload.items(state, scope, run.now)
    concurrency = payload.number(state, "MaxConcurrency", scope, run.now)
    if concurrency is not None and concurrency < 0:
        raise runtime(f"MaxConcurrency cannot be negative: {int(concurrency)}")
    strand.concurrency = int(concurrency or 0) or INLINE_AT_ONCE
    strand.previous = run.event("MapStateStarted", strand.previous, {"length": len(items)})
    _number(run, strand, len(items))
    flow = state.flows[0]
    for place, item in enumerate(items):
        child = Strand(strand.first + place, strand.id, place, flow.index, flow.start, None, item=item, is_item=True, waiting="queued")
        run.add(child)
    if not items:
        _ended(run, strand, state, strand.previous)
    while strand.waiting == "children" and strand.begun < min(strand.count, strand.concurrency):
        _iterate(run, strand, state, strand.previous)


def _iterate(run: Run, strand: Strand, state: State, previous: int) -> None:
    """Begin the next iteration of a Map."""
    child = run.strand(strand.first + strand.begun)
    strand.begun += 1
    child.waiting = ""
    child.previous = run.event("MapIterationStarted", previous, {"name": state.name, "index": child.place})
    try:
        child.input = payload.selected(state, run.scope(strand, state), run.now, child.place, child.item)
    except StateFailure as failure:
        for other in _children(run, strand):
            _abort(run, other, state, child.previous)
        run.failed(strand, state, failure)
        return
    run.ready.append(child)


def child_ended(run: Run, child: Strand, output: Any) -> None:
    """One branch or iteration has come to its end."""
    strand = run.strand(child.parent)
    state = run.state_of(strand)
    child.waiting, child.output, child.input, child.item = "done", output, None, None
    strand.ended += 1
    last = child.previous
    if child.is_item:
        told = run.event("MapIterationSucceeded", last, {"name": state.name, "index": child.place})
        if strand.begun < strand.count:
            _iterate(run, strand, state, last)
            return
        last = told
    if strand.ended == strand.count:
        _ended(run, strand, state, last)


def _ended(run: Run, strand: Strand, state: State, last: int) -> None:
    children = _children(run, strand)
    outputs = [child.output for child in children]
    for child in children:
        run.drop(child)
    strand.waiting = ""
    run.event(f"{state.type}StateSucceeded", last)
    strand.previous = last
    try:
        run.came(strand, state, outputs)
    except StateFailure as failure:
        run.failed(strand, state, failure)


def freeze(run: Run, strand: Strand) -> None:
    """Note how the children of a strand stand, and theirs."""
    strand.lost = _children(run, strand)
    for child in strand.lost:
        if child.waiting == "children":
            freeze(run, child)


def resume(run: Run, strand: Strand, go_on: Callable[[Strand], None]) -> None:
    """Take the children up again: who had come to its end stays there, who had not begun waits for its turn, the others go on."""
    strand.lost, children = [], strand.lost
    strand.waiting = "children"
    for child in children:
        run.add(child)
        if child.waiting not in ("done", "queued"):
            go_on(child)


def child_failed(run: Run, child: Strand, failure: StateFailure) -> None:
    """A branch or iteration that fails takes the others and their state along."""
    strand = run.strand(child.parent)
    state = run.state_of(strand)
    last = child.previous
    freeze(run, strand)
    if child.is_item:
        run.event("MapIterationFailed", last, {"name": state.name, "index": child.place})
    run.drop(child)
    for other in _children(run, strand):
        _abort(run, other, state, last)
    strand.previous = last
    failure.is_told = True
    run.failed(strand, state, failure)


def _abort(run: Run, child: Strand, around: State, last: int) -> None:
    if child.waiting not in ("done", "queued"):
        inner = run.state_of(child)
        if child.waiting == "children":
            for grandchild in _children(run, child):
                _abort(run, grandchild, inner, last)
        if child.entered:
            run.event(f"{inner.type}StateAborted", last)
        if child.is_item:
            run.event("MapIterationAborted", last, {"name": around.name, "index": child.place})
    run.drop(child)
