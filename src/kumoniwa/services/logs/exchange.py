"""What is said to CloudWatch Logs of a region: whose logs are wanted, in ``aws-global``; and the lines of those, where they are wanted."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.logs import vended


async def hear(home: Any, origin: str, message: dict[str, Any]) -> None:
    if message["what"] == "lines":
        vended.lines(home, origin, message)
    else:
        {"want": vended.want, "drop": vended.drop}[message["what"]](home, message)
