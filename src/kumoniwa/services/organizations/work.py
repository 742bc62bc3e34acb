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
        for number in region.store.accounts():
            if number.isdigit() and region.store.shelf(number, Organization):
                await _attend(region.call("organizations", number, principals.service(SERVICE, number)))
        await region.wait(creating.WORK, region.clock.now() + EVERY_S)


async def _attend(call: Any) -> None:
    for request in list(call.shelf(creating.Request).values()):
        if request.state == "IN_PROGRESS":
            await creating.finish(call, request)
    for number in list(call.shelf(creating.Welcome)):
        await creating.greet(call, number)
    accounts.suspend_closing(call)
