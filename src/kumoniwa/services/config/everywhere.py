"""What has no region changes in ``aws-global``, which tells the regions whose recorders want to know.

A region that is dark is not told; it looks at everything when it is back.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import capture, recorder
from kumoniwa.services.config.recorder import GLOBAL_TYPES, WORKING


class Follower(Record):
    """A region that wants to know, in ``aws-global``; shelved by its name."""

    region: str


async def ask_to_be_told(call: Call) -> None:
    held = recorder.running(call)
    if call.region != GLOBAL and held is not None and any(map(held.records, GLOBAL_TYPES)):
        try:
            await call.home.exchange(GLOBAL, "config", {"what": "follow", "account": call.account})
        except AwsError:
            pass  # It is dark, and everything is looked at again within the hour.


def _call(home: Any, account: str) -> Call:
    return home.call("config", account, principals.service(recorder.SERVICE, account))


def hear_follow(home: Any, origin: str, message: dict[str, Any]) -> None:
    _call(home, message["account"]).shelf(Follower)[origin] = Follower(region=origin)


def hear_changed(home: Any, origin: str, message: dict[str, Any]) -> None:
    call = _call(home, message["account"])
    held = recorder.running(call)
    if held is not None:
        capture.attend(call, [type_ for type_ in GLOBAL_TYPES if held.records(type_)])
        home.wake(WORKING)


async def tell(call: Call) -> None:
    """In ``aws-global``: something of the account's changed."""
    for region in list(call.shelf(Follower)):
        try:
            await call.home.exchange(region, "config", {"what": "changed", "account": call.account})
        except AwsError:
            pass
