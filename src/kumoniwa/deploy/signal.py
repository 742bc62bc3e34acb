"""A creation policy: how many signals a resource waits for before it counts as made, and how long.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-creationpolicy.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.deploy.step import Failure, Work

DURATION = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?")
WAIT_S_MAX = 12 * 3600.0


def place(token: str) -> str:
    """Where the signals for the step of this token are put."""
    return f"{token}/signal"


async def awaited(work: Work, policy: dict[str, Any]) -> None:
    """Wait until a resource got its signals. Raises `Failure` if one says that it failed, or if they do not come."""
    wanted = policy["ResourceSignal"]
    count = _count(wanted.get("Count", 1))
    answers = await work.answers(place(work.token), count, _seconds(wanted.get("Timeout", "PT5M")))
    if failed := [answer for answer in answers if answer["Status"] != "SUCCESS"]:
        raise Failure(
            f"Received {len(failed)} FAILURE signal(s) out of {count}. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
        )
    if len(answers) < count:
        raise Failure(f"Failed to receive {count - len(answers)} resource signal(s) within the specified duration")


def _count(found: Any) -> int:
    if not str(found).isdigit() or not 1 <= int(found) <= 1000:
        raise Failure(f"Invalid Count {found} in CreationPolicy")
    return int(found)


def _seconds(found: Any) -> float:
    parts = DURATION.fullmatch(str(found))
    if parts is None or not any(parts.groups()):
        raise Failure(f"Invalid Timeout {found} in CreationPolicy")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return min(hours * 3600.0 + minutes * 60 + seconds, WAIT_S_MAX)
