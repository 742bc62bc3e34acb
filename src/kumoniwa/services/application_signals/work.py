"""What Application Signals hears, and does by itself."""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.application_signals import discovery, following, hearing


async def run(region: Any) -> None:
    heard = partial(hearing.heard, region)

    def wants(service: str, kind: str, account: str) -> bool:
        if (service, kind) != (hearing.XRAY, hearing.SPANS):
            return False
        return discovery.is_on(region.call("application-signals", account, principals.service(discovery.ROLE.service, account)))

    region.listen(heard, wants)
    try:
        await following.run(region)
    finally:
        region.unlisten(heard)
