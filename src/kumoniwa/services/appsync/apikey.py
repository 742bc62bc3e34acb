"""API keys: what a caller may simply know. They end on the hour, and go away two months later.

https://docs.aws.amazon.com/appsync/latest/APIReference/API_ApiKey.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.appsync.errors import (
    ApiKeyLimitExceededException,
    ApiKeyValidityOutOfBoundsException,
    NotFoundException,
)
from kumoniwa.services.appsync.eventapi import known

KEYS_MAX = 50
HOUR_S, DAY_S = 3_600, 86_400
DEFAULT_DAYS, DAYS_MIN, DAYS_MAX, KEPT_DAYS = 7, 1, 365, 60


class ApiKey(Record):
    """Shelved by ``api/key``."""

    api: str
    id: str
    expires: int
    description: str | None = None


def shown(key: ApiKey) -> dict[str, Any]:
    said = {"description": key.description} if key.description is not None else {}
    return {"id": key.id, "expires": key.expires, "deletes": key.expires + KEPT_DAYS * DAY_S, **said}


def keys_of(call: Call, api_id: str) -> list[ApiKey]:
    """Those that are still there."""
    keys = call.shelf(ApiKey)
    found = [keys[name] for name in keys if name.startswith(f"{api_id}/")]
    return [key for key in found if key.expires + KEPT_DAYS * DAY_S > call.now()]


def _ending(call: Call, expires: int | None) -> int:
    """The hour at which it ends. Raises ApiKeyValidityOutOfBoundsException."""
    now = call.now()
    # Up to an hour is lost to rounding, which does not count against the least validity.
    ends = int(expires if expires is not None else now + DEFAULT_DAYS * DAY_S) // HOUR_S * HOUR_S
    if ends < now + DAYS_MIN * DAY_S - HOUR_S:
        raise ApiKeyValidityOutOfBoundsException(f"API key must be valid for a minimum of {DAYS_MIN} days.")
    if ends > now + DAYS_MAX * DAY_S:
        raise ApiKeyValidityOutOfBoundsException(f"API key must be valid for a maximum of {DAYS_MAX} days.")
    return ends


def CreateApiKey(
    call: Call, *, apiId: str, description: str | None = None, expires: int | None = None
) -> dict:
    known(call, apiId)
    if len(keys_of(call, apiId)) >= KEYS_MAX:
        raise ApiKeyLimitExceededException(f"The limit of {KEYS_MAX} API keys of an API is reached.")
    key = ApiKey(
        api=apiId, id=f"da2-{call.ids.lower(26)}", expires=_ending(call, expires), description=description
    )
    call.shelf(ApiKey)[f"{apiId}/{key.id}"] = key
    return {"apiKey": shown(key)}


def _existing(call: Call, api_id: str, id_: str) -> ApiKey:
    known(call, api_id)
    found = next((key for key in keys_of(call, api_id) if key.id == id_), None)
    if found is None:
        raise NotFoundException(f"API key {id_} not found.")
    return found


def UpdateApiKey(
    call: Call, *, apiId: str, id: str, description: str | None = None, expires: int | None = None
) -> dict:
    key = _existing(call, apiId, id)
    ends = key.expires if expires is None else _ending(call, expires)
    key = changed(key, expires=ends, description=key.description if description is None else description)
    call.shelf(ApiKey)[f"{apiId}/{id}"] = key
    return {"apiKey": shown(key)}


def DeleteApiKey(call: Call, *, apiId: str, id: str) -> None:
    _existing(call, apiId, id)
    del call.shelf(ApiKey)[f"{apiId}/{id}"]


def ListApiKeys(call: Call, *, apiId: str) -> dict:
    known(call, apiId)
    return {"apiKeys": [shown(key) for key in sorted(keys_of(call, apiId), key=lambda key: key.id)]}
