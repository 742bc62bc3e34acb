"""What a watcher who comes late is still told."""

import asyncio

import orjson

from kumoniwa.cloud.events import KEPT_MAX, Events


def told(events, since):
    async def first():
        return await anext(events.since(since))

    return [orjson.loads(line) for line in asyncio.run(first()).splitlines()]


def test_what_comes_with_every_request_pushes_nothing_else_out():
    events = Events()
    events.add("drill", what="start")
    for n in range(KEPT_MAX + 5):
        events.add("call", number=n)
        if n == 10:
            events.add("fault", what="confirmed")
    kept = told(events, 0)
    assert kept[0]["kind"] == "drill"
    assert kept[1]["number"] == 5
    assert [event["kind"] for event in kept].count("fault") == 1
    assert len(kept) == KEPT_MAX + 2
    assert [event["n"] for event in kept] == sorted(event["n"] for event in kept)


def test_a_watcher_hears_what_came_after_what_it_knows_in_order():
    events = Events()
    for kind in ("call", "drill", "call", "region", "apply"):
        events.add(kind)
    assert [(event["n"], event["kind"]) for event in told(events, 2)] == [(3, "call"), (4, "region"), (5, "apply")]
