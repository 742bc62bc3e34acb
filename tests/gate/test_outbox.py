"""Promised deliveries, made by an outbox that belongs to no service."""

from __future__ import annotations

import sys

import pytest

from kumoniwa.gate.outbox import AFTER_DEFECT_S, Outbox
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.operation import load, service_names

ACCOUNT = "000000000000"


class Post:
    """An outbox in a region, and what it was seen to deliver."""

    def __init__(self, cloud) -> None:
        self.cloud, self.seen, self.refuses = cloud, [], {}
        self.outbox = Outbox("probe", self.deliver, at_once=4)
        self.open()

    def open(self) -> None:
        self.region = self.cloud.region()
        self.cloud.run(self._spawn())

    async def _spawn(self) -> None:
        self.region.spawn(self.outbox.run(self.region))

    @property
    def call(self):
        return self.region.call("probe", ACCOUNT, principals.service("probe.amazonaws.com", ACCOUNT))

    async def deliver(self, call, delivery) -> float | None:
        self.seen.append((self.cloud.now(), delivery.body.decode(), delivery.attempts, delivery.token))
        answer = self.refuses.get(delivery.body.decode(), [None])
        found = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(found, Exception):
            raise found
        return found

    def put(self, *bodies: str, **how) -> None:
        async def all_of_them():
            for body in bodies:
                self.outbox.put(self.call, body.encode(), **how)
            await self.region.store.journal.settled()

        self.cloud.run(all_of_them())

    def bodies(self) -> list[str]:
        return [body for _, body, _, _ in self.seen]


@pytest.fixture
def post(cloud) -> Post:
    return Post(cloud)


def test_what_is_put_is_delivered_once(post):
    post.put(*"abcdefgh")
    post.cloud.sleep(1)
    assert sorted(post.bodies()) == list("abcdefgh") and post.outbox.count(post.call) == 0
    post.cloud.sleep(10_000)
    assert len(post.seen) == 8


def test_what_fails_is_tried_again_when_it_says(post):
    post.refuses["a"] = [5.0, 20.0, None]
    began = post.cloud.now()
    post.put("a")
    post.cloud.sleep(60)
    assert [(round(t - began), attempts) for t, _, attempts, _ in post.seen] == [(0, 0), (5, 1), (25, 2)]
    assert len({token for *_, token in post.seen}) == 1


def test_one_that_is_put_for_later_waits(post):
    began = post.cloud.now()
    post.put("a", after_s=30)
    post.cloud.sleep(60)
    assert [round(t - began) for t, *_ in post.seen] == [30]


def test_a_lane_keeps_its_order_and_holds_up_no_other(post):
    post.refuses["a1"] = [10.0, None]
    post.put("a1", "a2", "a3", lane="a")
    post.put("b1", "b2", lane="b")
    post.put("free")
    post.cloud.sleep(5)
    assert [body for body in post.bodies() if body != "free"] == ["a1", "b1", "b2"] and "free" in post.bodies()
    post.cloud.sleep(10)
    assert [body for body in post.bodies() if body[0] == "a"] == ["a1", "a1", "a2", "a3"]


def test_a_defect_stops_nobody_else(post, capsys):
    post.refuses["a"] = [RuntimeError("defect"), None]
    post.put("a", "b")
    post.cloud.sleep(AFTER_DEFECT_S + 1)
    assert post.bodies() == ["a", "b", "a"] and "defect" in capsys.readouterr().err


def test_a_kill_forgets_nothing_and_does_nothing_twice_that_was_done(post):
    post.refuses["a"] = [5.0, None]
    post.put("a", "b")
    post.cloud.sleep(1)
    post.cloud.restart(kill=True)
    post.open()
    post.cloud.sleep(20)
    assert post.bodies() == ["a", "b", "a"]


def test_whatever_is_delivered_is_delivered_by_a_service_that_there_is():
    """Deliveries ask others, who are told by which service they are asked."""
    for name in service_names():
        load(name)
    held = [thing for module in list(sys.modules.values()) if module.__name__.startswith("kumoniwa.") for thing in vars(module).values() if isinstance(thing, Outbox)]
    assert len(held) > 10 and {outbox.service for outbox in held} <= service_names()
