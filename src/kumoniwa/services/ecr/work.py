"""Images expire in their own time: soon after something was pushed or a policy came, and when the days of an image are over."""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.services.ecr import layer, lifecycle
from kumoniwa.services.ecr.repository import WORK, Repository

EVERY_S = 86_400.0


async def run(region: Any) -> None:
    for call in region.calls("ecr", "ecr.amazonaws.com"):
        layer.sweep(call)
    while True:
        until = region.clock.now() + EVERY_S
        for call in region.calls("ecr", "ecr.amazonaws.com"):
            for name in [each.name for each in call.shelf(Repository).values() if 0 < each.due <= call.now()]:
                call.atomically(partial(lifecycle.evaluate, call, name))
            until = min([until, *(each.due for each in call.shelf(Repository).values() if each.due)])
        await region.wait(WORK, until)
