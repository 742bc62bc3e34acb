"""The keys of user pools, for those who prove tokens here and in other regions: ``{"keys": pool id}``."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.cognito_idp import token
from kumoniwa.services.cognito_idp.place import places
from kumoniwa.services.cognito_idp.pool import UserPool


def keys_of(home: Any, pool_id: str) -> list[dict[str, str]] | None:
    place = places(home).get(pool_id)
    pool = home.store.shelf(place.account, UserPool).get(pool_id) if place is not None else None
    return token.published(home, pool) if pool is not None else None


async def hear(home: Any, origin: str, message: dict[str, Any]) -> list[dict[str, str]] | None:
    return keys_of(home, message["keys"])
