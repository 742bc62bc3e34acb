"""What happens in its own time: names are looked for, certificates issued, renewed and ended."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.acm import issuing

EVERY_S = 86_400.0
SERVICE = "acm.amazonaws.com"


async def run(region: Any) -> None:
    while True:
        until = region.clock.now() + EVERY_S
        for call in region.calls("acm", SERVICE):
            for (arn,) in call.rows(issuing.DUE).all("select arn from acm_due where due <= ?", call.now()):
                await issuing.look(call, arn)
            until = min(until, call.rows(issuing.DUE).one("select min(due) from acm_due")[0] or until)
        await region.wait(issuing.WORK, until)
