"""What EC2 is asked that is no operation of AWS: by itself in another region and by the EBS direct APIs for the blocks of snapshots, by other
services of the region whether a packet comes through their network (`reach`).
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.ec2 import ebs_lineage, reach


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``do`` says what: ``ebs_…`` is of snapshots. What says none is about traffic."""
    return await ebs_lineage.hear(home, message) if "do" in message else reach.heard(home, message)
