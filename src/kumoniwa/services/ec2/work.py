"""What happens in its own time: volumes and snapshots come to be."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.ec2 import ebs_turn


async def run(region: Any) -> None:
    await ebs_turn.run(region)
