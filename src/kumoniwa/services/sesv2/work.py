"""The second API has no work of its own: it sees that SES's is done."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.operation import load


async def run(region: Any) -> None:
    region.service_used(load("ses"))
