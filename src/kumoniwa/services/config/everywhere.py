"""What has no region changes in ``aws-global``, which tells the regions whose recorders want to know.

A region that is dark is not told; it looks at everything when it is back.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import capture, recorder
from kumoniwa.services.config.resource import Kind


class Follower(Record):
    """A region that wants to know, in ``aws-global``; shelved by its name."""

    region: str


async def follow(call: Call) -> float:
    """In a region: look at what has none. ``aws-global`` may be dark, and nothing else waits for it."""
    held, attention, now = recorder.running(call), call.memory(capture.Attention), call.now()
    kinds = _kinds(call, held) if held is not None else []
    marks = attention.marks(kinds, now)
    if marks:
        await _ask_to_be_told(call)
        await capture.look(call, held, kinds, marks)
    return min(attention.next(kinds), now + capture.SWEPT_EVERY_S)


def _kinds(call: Call, held: recorder.Recorder) -> list[Kind]:
    return [kind for kind in capture.KINDS.values() if kind.is_global and kind.region in (None, call.region) and held.records(kind.type)]


async def _ask_to_be_told(call: Call) -> None:
    try:
        await call.home.exchange(GLOBAL, "config", {"what": "follow", "account": call.account})
    except AwsError:
        pass  # It is dark: so what it has is unseen, and asked for again soon.


def _call(home: Any, account: str) -> Call:
    return home.call("config", account, principals.service(recorder.SERVICE, account))


class Recorded(Record):
    """A region where an account has had a recorder; in ``aws-global``, shelved by its name."""

    region: str


class Announced(Record):
    """That ``aws-global`` knows of the account's recorder; in its region, shelved by ``ONE``."""

    at: float


ONE = "one"
AGAIN_S = 300.0


async def announce(call: Call) -> float:
    """Let aggregators of all regions find the account's recorder."""
    idle = call.now() + capture.SWEPT_EVERY_S
    if ONE in call.shelf(Announced) or recorder.held(call) is None:
        return idle
    try:
        await call.home.exchange(GLOBAL, "config", {"what": "recorded", "account": call.account})
    except AwsError:
        return call.now() + AGAIN_S
    call.shelf(Announced)[ONE] = Announced(at=call.now())
    return idle


def hear_recorded(home: Any, origin: str, message: dict[str, Any]) -> None:
    _call(home, message["account"]).shelf(Recorded)[origin] = Recorded(region=origin)


def hear_where(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    return {account: sorted(_call(home, account).shelf(Recorded)) for account in message["accounts"]}


def hear_follow(home: Any, origin: str, message: dict[str, Any]) -> None:
    _call(home, message["account"]).shelf(Follower)[origin] = Follower(region=origin)


def hear_changed(home: Any, origin: str, message: dict[str, Any]) -> None:
    call = _call(home, message["account"])
    held = recorder.running(call)
    if held is not None:
        capture.attend(call, [kind.type for kind in _kinds(call, held)])


async def tell(call: Call) -> None:
    """In ``aws-global``: something of the account's changed."""
    await asyncio.gather(*(_tell(call, region) for region in call.shelf(Follower)))


async def _tell(call: Call, region: str) -> None:
    try:
        await call.home.exchange(region, "config", {"what": "changed", "account": call.account})
    except AwsError:
        pass
