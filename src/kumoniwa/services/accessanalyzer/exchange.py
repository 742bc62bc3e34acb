"""What an analyzer asks of other regions: which there are, and what a user or role was seen to do there."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import EDGE
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.usage import LastUse


async def hear(home: Any, origin: str, message: dict[str, str]) -> Any:
    """``{"ask": "regions"}``, which ``aws-global`` knows, or ``{"ask": "seen", "who": ARN, "id": …}``."""
    if message["ask"] == "regions":
        return sorted(name for name in home.peers.by_name if name != EDGE)
    return seen(home, message["who"], message["id"])


def seen(home: Any, who: str, id_: str) -> dict[str, Any]:
    """What was allowed here and when first, and (in ``aws-global``) when each action was last tried anywhere."""
    rows = [each for each in home.gate.authorizer.observed(who) if each["was_allowed"]]
    uses = home.store.shelf(SHARED, LastUse).items()
    last = {name.partition(" ")[2]: use.at for name, use in uses if name.startswith(f"{id_} ") and ":" in name}
    return {"seen": [[each["action"], each["first"]] for each in rows], "last": last}
