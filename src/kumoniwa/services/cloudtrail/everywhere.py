"""What happens in services that have no region happens, to CloudTrail, in us-east-1: its events are fetched there from ``aws-global``.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.trail import HAPPENED, TRAIL
from kumoniwa.gate.trails import SERVICE
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

WHERE = "us-east-1"
SETTLED_S = 1.0
"""Events so new may still be joined by others of the same time."""
ONE = "one"
IDLE_S = 3_600.0


class Pulled(Record):
    """Up to when events were fetched; one for each account."""

    until: float


async def pull(call: Call) -> float:
    """Fetch what is new. Answers up to when this region's events are whole; while ``aws-global`` is dark that does not move on."""
    now = call.now() - SETTLED_S
    if call.region != WHERE:
        return now
    held = call.shelf(Pulled).get(ONE)
    after = held.until if held is not None else 0.0
    try:
        told = await call.home.exchange(GLOBAL, "cloudtrail", {"what": "since", "account": call.account, "after": after})
    except AwsError:
        return after
    call.atomically(lambda: _keep(call, told))
    return min(now, told["until"])


def _keep(call: Call, told: dict[str, Any]) -> None:
    rows = call.rows(TRAIL)
    for *event, body in told["events"]:
        if rows.run("insert or ignore into trail values (?,?,?,?,?,?)", *event, body):
            call.home.gate.trail.tell(event[0], call.account, body, is_global=True)
    call.shelf(Pulled)[ONE] = Pulled(until=told["until"])


async def hurry(region: Any) -> None:
    """In ``aws-global``: have what a trail keeps fetched as soon as it is settled, because rules may wait for it."""
    while True:
        await region.wait(HAPPENED, region.clock.now() + IDLE_S)
        await asyncio.sleep(SETTLED_S)
        if any(each.has_global_events and each.covers(WHERE) for each in region.gate.trail.trails):
            for call in region.calls("cloudtrail", SERVICE):
                with suppress(AwsError):  # It is dark, and catches up when it is back.
                    await region.exchange(WHERE, "cloudtrail", {"what": "happened", "account": call.account})


async def hear_happened(home: Any, message: dict[str, Any]) -> None:
    await pull(home.call("cloudtrail", message["account"], principals.service(SERVICE, message["account"])))


def hear_since(home: Any, message: dict[str, Any]) -> dict[str, Any]:
    """In ``aws-global``."""
    call = home.call("cloudtrail", message["account"], principals.service("cloudtrail.amazonaws.com", message["account"]))
    until = call.now() - SETTLED_S / 2
    found = call.rows(TRAIL).all(
        "select at, id, service, name, who, event from trail where at > ? and at <= ? order by at", message["after"], until
    )
    return {"until": until, "events": [list(row) for row in found]}
