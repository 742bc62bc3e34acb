"""What watchers of a drill are told; that nobody hears it, or nobody answers, costs the drill nothing."""

import asyncio
from pathlib import Path

import pytest

from kumoniwa.drill.admin import AdminRefused, NobodyThere
from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.reading import plan_of
from kumoniwa.drill.history import History
from kumoniwa.drill.live import WAITING_MAX, Live
from kumoniwa.kernel.clock import VirtualLoop

from .stories import op

PLAN = plan_of(
    Page("drill.yaml", 'drill: x\nsays: All is well\njourneys: {put: {entry: "dns://a.example"}}\nload: {put: 1/s}\nsteps: []\nexpect: {availability: 99}\n'),
    Path("."),
)


class Door:
    """An admin door that answers, refuses, is not there, talks nonsense, or is silent for ever."""

    def __init__(self, manner):
        self.manner, self.told = manner, []

    async def ask(self, method, path, body, timeout_s):
        assert (method, path) == ("POST", "events")
        if self.manner == "silent":
            await asyncio.Event().wait()
        if isinstance(self.manner, Exception):
            raise self.manner
        self.told.append(body)


def watched(manner, story):
    """What a door of that manner was told of a story, and how long the telling held up its teller."""
    loop = VirtualLoop()
    door = Door(manner)

    async def run():
        live, history = Live(door, loop.time), History()
        live.begin(PLAN, "run 1 of 1", history)
        await story(history)
        began = loop.time()
        await live.close()
        return loop.time() - began

    try:
        return door.told, loop.run_until_complete(run())
    finally:
        loop.close()


async def second(history):
    for region, out in (("us-east-1", "ok"), ("us-east-1", "info"), ("eu-west-1", "ok")):
        history.add(op(journey="put", served_by=region if out == "ok" else "", entry=region, out=out, took=0.25))
    history.add(op("read", phase="final"))  # reading back is no load
    await asyncio.sleep(1.5)


def test_each_second_is_told_by_outcome_journey_and_region():
    told, _ = watched("", second)
    start, _, window = (one for one in told if one["what"] in ("start", "phase", "window") and one.get("phase") != "ended without a verdict")
    assert (start["title"], start["journeys"], start["objectives"]) == ("All is well (run 1 of 1)", ["put"], [{"name": "availability", "asked": "99 %"}])
    assert {name: window[name] for name in ("ok", "fail", "info", "p99_ms")} == {"ok": 2, "fail": 0, "info": 1, "p99_ms": 250.0}
    assert window["journeys"] == {"put": {"ok": 2, "info": 1}}
    assert window["regions"] == {"us-east-1": {"ok": 1, "info": 1}, "eu-west-1": {"ok": 1}}


async def outage(history):
    history.note("health", 1.0, state="unhealthy")
    history.note("fault", 2.0, phase="start", fault="region.kill")
    history.note("fault", 3.0, phase="confirmed", fault="region.kill")
    history.note("health", 4.0, state="healthy")
    history.note("health", 5.0, state="unhealthy")
    history.note("alarm", 6.0)
    history.note("runbook", 7.0, phase="begin", file="failover.py")
    history.note("runbook", 8.0, phase="end", file="failover.py", exit=1)
    history.note("heal", 9.0, which="all")


def test_moments_are_marked_where_they_happened_and_each_once():
    told, _ = watched("", outage)
    assert [(one["name"], one["t"]) for one in told if one["what"] == "mark"] == [
        ("fault", 3.0), ("detected", 5.0), ("failover.py", 7.0), ("failover.py failed", 8.0), ("healed", 9.0)
    ]  # fmt: skip


async def flood(history):
    for n in range(10 * WAITING_MAX):
        history.note("heal", float(n))
        history.note("fault", float(n), phase="confirmed", fault="wait")
    await asyncio.sleep(5)


@pytest.mark.parametrize("manner", ["silent", AdminRefused("no"), NobodyThere("nobody"), ValueError("no JSON")], ids=str)
def test_a_door_that_does_not_listen_neither_fails_nor_holds_up_the_drill(manner):
    told, held_up_s = watched(manner, flood)
    assert told == []
    assert held_up_s <= 2.0
