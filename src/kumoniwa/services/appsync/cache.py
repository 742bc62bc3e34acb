"""An API's cache: what resolvers of queries answered, kept for a while in this region's memory.

https://docs.aws.amazon.com/appsync/latest/devguide/enabling-caching.html
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.graphqlapi import existing

FULL, PER_RESOLVER = "FULL_REQUEST_CACHING", "PER_RESOLVER_CACHING"
TTL_S_MAX = 3_600
ANSWERS_MAX = 10_000
_KEY = re.compile(r"\$?context\.(arguments|source|identity)((?:\.[_A-Za-z][_0-9A-Za-z]*)*)")
WHOLE = ("$context.arguments", "$context.source", "$context.identity")
"""What tells answers apart where everything is cached."""


class ApiCache(Record):
    """Shelved by its API's id."""

    ttl_s: int
    behavior: str
    kind: str
    is_encrypted_in_transit: bool = False
    is_encrypted_at_rest: bool = False


def _shown(cache: ApiCache) -> dict[str, Any]:
    return {
        "apiCache": {
            "ttl": cache.ttl_s,
            "apiCachingBehavior": cache.behavior,
            "type": cache.kind,
            "transitEncryptionEnabled": cache.is_encrypted_in_transit,
            "atRestEncryptionEnabled": cache.is_encrypted_at_rest,
            "healthMetricsConfig": "DISABLED",
            "status": "AVAILABLE",
        }
    }


def _made(ttl_s: int, behavior: str, kind: str, in_transit: bool, at_rest: bool) -> ApiCache:
    if behavior not in (FULL, PER_RESOLVER):
        raise NotImplementedHere(f"{behavior} of appsync")
    _check_ttl(ttl_s)
    return ApiCache(
        ttl_s=ttl_s,
        behavior=behavior,
        kind=kind,
        is_encrypted_in_transit=in_transit,
        is_encrypted_at_rest=at_rest,
    )


def _check_metrics(said: str | None) -> None:
    if said == "ENABLED":
        raise NotImplementedHere("healthMetricsConfig ENABLED of appsync")


def _check_ttl(ttl_s: int) -> None:
    if not 1 <= ttl_s <= TTL_S_MAX:
        raise BadRequestException(f"The TTL must be between 1 and {TTL_S_MAX} seconds.")


def _found(call: Call, api_id: str, act: str) -> ApiCache:
    existing(call, api_id)
    cache = call.shelf(ApiCache).get(api_id)
    if cache is None:
        raise NotFoundException(
            f"Unable to {act} the cache as it doesn't exist, please create the cache first."
        )
    return cache


def CreateApiCache(
    call: Call,
    *,
    apiId: str,
    ttl: int,
    apiCachingBehavior: str,
    type: str,
    transitEncryptionEnabled: bool | None = None,
    atRestEncryptionEnabled: bool | None = None,
    healthMetricsConfig: str | None = None,
) -> dict:
    existing(call, apiId)
    _check_metrics(healthMetricsConfig)
    if apiId in call.shelf(ApiCache):
        raise BadRequestException("The API has already enabled caching.")
    cache = _made(
        ttl, apiCachingBehavior, type, bool(transitEncryptionEnabled), bool(atRestEncryptionEnabled)
    )
    call.shelf(ApiCache)[apiId] = cache
    return _shown(cache)


def UpdateApiCache(
    call: Call,
    *,
    apiId: str,
    ttl: int,
    apiCachingBehavior: str,
    type: str,
    healthMetricsConfig: str | None = None,
) -> dict:
    _check_metrics(healthMetricsConfig)
    held = _found(call, apiId, "update")
    cache = _made(ttl, apiCachingBehavior, type, held.is_encrypted_in_transit, held.is_encrypted_at_rest)
    call.shelf(ApiCache)[apiId] = cache
    return _shown(cache)


def GetApiCache(call: Call, *, apiId: str) -> dict:
    return _shown(_found(call, apiId, "get"))


def DeleteApiCache(call: Call, *, apiId: str) -> None:
    _found(call, apiId, "delete")
    del call.shelf(ApiCache)[apiId]
    answers(call.home).flush(apiId)


def FlushApiCache(call: Call, *, apiId: str) -> None:
    _found(call, apiId, "flush")
    answers(call.home).flush(apiId)


# What a resolver says of it ----------------------------------------------------------------------


def checked(said: dict[str, Any] | None) -> dict[str, Any] | None:
    """A resolver's ``cachingConfig``. Raises BadRequestException."""
    if said is None:
        return None
    _check_ttl(said["ttl"])
    for key in said.get("cachingKeys") or ():
        if not _KEY.fullmatch(key):
            raise BadRequestException(
                f"Invalid caching key {key}: it must begin with $context.arguments, $context.source or $context.identity."
            )
    return said


# Answers -------------------------------------------------------------------------------------------


class Answers:
    """All cached answers of a region, by API, type and field, and the values of their keys."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str, str, bytes], tuple[float, bytes]] = OrderedDict()

    def get(self, key: tuple[str, str, str, bytes], now: float) -> bytes | None:
        until, answer = self._held.get(key, (0.0, b""))
        if until <= now:
            self._held.pop(key, None)
            return None
        self._held.move_to_end(key)
        return answer

    def put(self, key: tuple[str, str, str, bytes], until: float, answer: bytes) -> None:
        self._held[key] = (until, answer)
        if len(self._held) > ANSWERS_MAX:
            self._held.popitem(last=False)

    def flush(self, api_id: str) -> None:
        for key in [key for key in self._held if key[0] == api_id]:
            del self._held[key]

    def evict(self, api_id: str, type_: str, field: str, values: dict[str, Any]) -> None:
        self._held.pop((api_id, type_, field, spelled(values)), None)


def answers(home: Any) -> Answers:
    held = home.memory.get(("appsync", Answers))
    if held is None:
        held = home.memory["appsync", Answers] = Answers()
    return held


def spelled(values: dict[str, Any]) -> bytes:
    """The values of an answer's keys, one and the same however they are ordered and whether a name has its dollar sign."""
    named = {name.removeprefix("$"): value for name, value in values.items()}
    return orjson.dumps(named, option=orjson.OPT_SORT_KEYS, default=str)


def value_at(key: str, context: dict[str, Any]) -> Any:
    """What stands at a caching key such as ``$context.arguments.id``."""
    root, path = _KEY.fullmatch(key).groups()
    value = context[root]
    for name in path.split(".")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value
