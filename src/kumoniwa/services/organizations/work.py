"""What happens in its own time: accounts are made, and those that were closed come to rest."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.organizations import account as accounts
from kumoniwa.services.organizations import creating
from kumoniwa.services.organizations.record import Organization

EVERY_S = 86_400.0
SERVICE = "organizations.amazonaws.com"


async def run(region: Any) -> None:
    while True:
        # Whoever wakes this while it works is not heard: it rests only after a round in which there was nothing to do.
        has_worked = False
        for number in region.store.accounts():
            if number.isdigit() and region.store.shelf(number, Organization):
                call = region.call("organizations", number, principals.service(SERVICE, number))
                has_worked |= await _attend(call)
        if not has_worked:
            await region.wait(creating.WORK, region.clock.now() + EVERY_S)


async def _attend(call: Any) -> bool:
    """Do what there is to do in one organization; answers whether there was anything."""
    requests = [request for request in call.shelf(creating.Request).values() if request.state == "IN_PROGRESS"]
    for request in requests:
        await creating.finish(call, request)
    unwelcomed = list(call.shelf(creating.Welcome))
    for number in unwelcomed:
        await creating.greet(call, number)
    return accounts.suspend_closing(call) or bool(requests or unwelcomed)
