"""Calls of services without a region are judged in every region that has a detector, as on AWS: they are fetched from ``aws-global``, which tells
when there are new ones.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_data-sources.html (global events)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.trail import TRAIL
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.detector import SERVICE

SETTLED_S = 1.0
"""Events so new may still be joined by others of the same time."""
AGAIN_S = 60.0
"""After how long is asked again whether there is anything new: who is dark is told nothing."""
EVENTS_AT_ONCE = 500
ONE = "one"


class Pulled(Record):
    """Up to when events were fetched; in a region, shelved by ``one``."""

    until: float
    is_following: bool = False
    """Whether ``aws-global`` knows that it is to tell of new ones."""


class Follower(Record):
    """A region with a detector, in ``aws-global``; shelved by its name."""

    region: str


def ours(home: Any, account: str) -> Call:
    return home.call("guardduty", account, principals.service(SERVICE, account))


# In a region ---------------------------------------------------------------------------------------


async def pull(call: Call, judge: Callable[[Call, dict[str, Any]], None]) -> bool:
    """Fetch what is new and judge it. Answers whether there may be more at once. What happened before there was a detector, or while it was
    suspended, is passed over."""
    detector, held = detectors.held(call), call.shelf(Pulled).get(ONE)
    is_watching = detector is not None and detector.is_enabled
    if held is None and is_watching:
        held = call.shelf(Pulled)[ONE] = Pulled(until=detector.updated)
    if held is None:
        return False
    try:
        if held.is_following is not is_watching:
            await call.home.exchange(GLOBAL, "guardduty", {"what": "follow", "account": call.account, "is_following": is_watching})
            held = call.shelf(Pulled)[ONE] = changed(held, is_following=is_watching)
        if not is_watching:
            del call.shelf(Pulled)[ONE]
            return False
        told = await call.home.exchange(GLOBAL, "guardduty", {"what": "since", "account": call.account, "after": held.until})
    except AwsError:
        return False  # It is dark, and asked again.
    _judge(call, held.until, told, judge)
    return len(told["events"]) >= EVENTS_AT_ONCE


def _judge(call: Call, after: float, told: dict[str, Any], judge: Callable[[Call, dict[str, Any]], None]) -> None:
    """In one turn of the loop, so that what was found and up to where it was looked are kept together."""
    held = call.shelf(Pulled).get(ONE)
    if held is None or held.until != after:
        return  # Somebody else fetched them meanwhile.
    for body in told["events"]:
        judge(call, orjson.loads(body))
    call.shelf(Pulled)[ONE] = changed(held, until=told["until"])


# In aws-global -------------------------------------------------------------------------------------


def hear_follow(home: Any, origin: str, message: dict[str, Any]) -> None:
    call = ours(home, message["account"])
    if message["is_following"]:
        call.shelf(Follower)[origin] = Follower(region=origin)
    else:
        call.shelf(Follower).pop(origin, None)
    watch(call)


def watch(call: Call) -> None:
    call.home.gate.trail.watch(call.account, has_data=False if call.shelf(Follower) else None)


def hear_since(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    call = ours(home, message["account"])
    until = call.now() - SETTLED_S / 2
    rows = call.rows(TRAIL).all(
        "select at, event from trail where at > ? and at <= ? order by at limit ?", message["after"], until, EVENTS_AT_ONCE + 1
    )
    if len(rows) > EVENTS_AT_ONCE:
        # Those of one time stay together, however many they are.
        until = rows[EVENTS_AT_ONCE - 1][0]
        rows = call.rows(TRAIL).all("select at, event from trail where at > ? and at <= ? order by at", message["after"], until)
    return {"until": until, "events": [body for _, body in rows]}


async def tell(region: Any, accounts: set[str]) -> None:
    """Something happened in these accounts: tell the regions that have a detector, once it has settled."""
    await asyncio.sleep(SETTLED_S)
    for account in sorted(accounts):
        for name in list(ours(region, account).shelf(Follower)):
            try:
                await region.exchange(name, "guardduty", {"what": "happened", "account": account})
            except AwsError:
                pass  # It is dark, and asks when it is back.
