"""What the tagging API of a region asks of ours: in ``aws-global``, what has no region and is tagged."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.resourcegroupstaggingapi import tagged


async def hear(home: Any, origin: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"tagged": tagged.here(home, message["account"])}
