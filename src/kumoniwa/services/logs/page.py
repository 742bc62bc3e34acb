"""Pages of what has ids, whose token is the id of the last that was shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.services.logs.group import InvalidParameterException


def paged(found: list[Any], token: str | None, most: int, show: Callable[[Any], dict[str, Any]], member: str) -> dict[str, Any]:
    """What follows the one that the token names, ``most`` at once, and the token of what is left."""
    if token is not None:
        ids = [each.id for each in found]
        if token not in ids:
            raise InvalidParameterException("The specified nextToken is invalid.")
        found = found[ids.index(token) + 1 :]
    chosen = found[:most]
    return {member: list(map(show, chosen))} | ({"nextToken": chosen[-1].id} if len(chosen) < len(found) else {})
