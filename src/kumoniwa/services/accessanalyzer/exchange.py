"""What an analyzer asks of other regions: what a user or role was seen to do there."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.usage import LastUse


async def hear(home: Any, origin: str, message: dict[str, str]) -> dict[str, Any]:
    """``{"who": ARN, "id": …}``"""
    return seen(home, message["who"], message["id"])


def seen(home: Any, who: str, id_: str) -> dict[str, Any]:
    """What was allowed here, and when first; in ``aws-global`` also when each action was last tried anywhere, and in which regions."""
    rows = [each for each in home.gate.authorizer.observed(who) if each["was_allowed"]]
    uses = home.store.shelf(SHARED, LastUse).items()
    last = {name.partition(" ")[2]: use.at for name, use in uses if name.startswith(f"{id_} ")}
    return {
        "seen": [[each["action"], each["first"]] for each in rows],
        "last": {name: at for name, at in last.items() if ":" in name},
        "regions": sorted(name[1:] for name in last if name.startswith("@")),
    }
