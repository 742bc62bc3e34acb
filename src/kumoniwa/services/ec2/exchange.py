"""What EC2 is asked that is no operation of AWS: by itself in another region, for the blocks of a snapshot, and by the EBS direct APIs beside it."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.ec2 import ebs_lineage


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``do`` says what: ``ebs_…`` is of snapshots."""
    return await ebs_lineage.hear(home, message)
