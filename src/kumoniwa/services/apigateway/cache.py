"""A stage's cache: answers of integrations, remembered by what their owner calls the key.

It lives in the memory of its region and is as large as ``BYTES_MAX`` says, whatever size the cluster has; nothing of it
is at rest, so there is nothing to encrypt. Only answers that went well (2xx) are kept.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.services.apigateway import access, mapping, streaming
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

BYTES_MAX = 64 << 20
ENTRY_BYTES_MAX = 1 << 20
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html: larger ones are not cached."""
ACTION = "execute-api:InvalidateCache"
WARNING = "199 Cache-control headers were ignored because the caller was unauthorized."
_ANEW = re.compile(r"(?:^|,)\s*max-age\s*=\s*0\s*(?:,|$)", re.IGNORECASE)

Integrate = Callable[[Exchange], Awaitable[Response]]


class Entry:
    """One answer, good until a moment."""

    __slots__ = ("until", "status", "headers", "body", "size")

    def __init__(self, response: Response, until: float) -> None:
        self.until, self.status, self.body = until, response.status, response.body
        self.headers = dict(response.headers)
        self.size = len(response.body) + sum(len(name) + len(str(value)) for name, value in self.headers.items())

    def response(self) -> Response:
        return Response(self.status, self.body, dict(self.headers))


class Cache:
    """What one stage remembers; what was not asked for longest goes first."""

    def __init__(self) -> None:
        self.entries: OrderedDict[tuple, Entry] = OrderedDict()
        self.size = 0

    def get(self, key: tuple, now: float) -> Entry | None:
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.until <= now:
            self.drop(key)
            return None
        self.entries.move_to_end(key)
        return entry

    def drop(self, key: tuple) -> None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size

    def keep(self, key: tuple, entry: Entry) -> None:
        if entry.size > ENTRY_BYTES_MAX:
            return
        self.drop(key)
        self.entries[key] = entry
        self.size += entry.size
        while self.size > BYTES_MAX:
            self.drop(next(iter(self.entries)))


class Caches:
    """The caches of a region's stages, by API and stage; a canary that does not share its stage's has one of its own."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, bool], Cache] = {}

    def of(self, api_id: str, stage: str, is_canary: bool = False) -> Cache:
        return self.held.setdefault((api_id, stage, is_canary), Cache())

    def flush(self, api_id: str, stage: str) -> None:
        for is_canary in (False, True):
            self.held.pop((api_id, stage, is_canary), None)


def caches(home: Any) -> Caches:
    held = home.memory.get(("apigateway", Caches))
    if held is None:
        held = home.memory["apigateway", Caches] = Caches()
    return held


def key_places(integration: dict[str, Any]) -> list[str]:
    """Where the parts of a key stand: places of the method's request, or what is mapped to one of the integration's."""
    mapped = integration.get("requestParameters") or {}
    return [mapped.get(place, place) for place in integration.get("cacheKeyParameters") or ()]


def setting_of(served: Any, path: str, verb: str) -> dict[str, Any] | None:
    """The method setting that governs caching; only a GET is cached by what the stage says of all methods."""
    own, general = served.settings(path, verb)
    setting = own or (general if verb in ("GET", "ANY") else None)
    return setting if setting is not None and setting.get("cachingEnabled") else None


def prepared(served: Any, path: str, method: dict[str, Any], integrate: Integrate) -> Integrate:
    """The integration, asked only for what the stage does not remember."""
    verb, integration = method["httpMethod"], method["methodIntegration"]
    setting = setting_of(served, path, verb) if served.stage.document.get("cacheClusterEnabled") else None
    if setting is None or streaming.is_asked(integration):
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html: what is streamed is not cached.
        return integrate
    parts = [mapping.compiled(place) for place in key_places(integration)]
    namespace, ttl_s = integration.get("cacheNamespace", path), setting.get("cacheTtlInSeconds", 300)
    is_general = served.settings(path, verb)[0] is None

    async def cached(exchange: Exchange) -> Response:
        if is_general and exchange.verb != "GET":
            return await integrate(exchange)
        cache = caches(exchange.home).of(served.api_id, served.name, served.has_own_cache)
        key = (namespace, exchange.verb, *(part(exchange) for part in parts))
        warning = None
        if _ANEW.search(exchange.header("cache-control") or ""):
            warning = _unless_allowed(exchange, setting)
            if warning is None:
                cache.drop(key)
        entry = cache.get(key, exchange.now)
        if entry is not None:
            response = entry.response()
        else:
            response = await integrate(exchange)
            if ttl_s > 0 and 200 <= response.status < 300 and isinstance(response.body, bytes):
                cache.keep(key, Entry(response, exchange.home.clock.now() + ttl_s))
        if warning:
            response.headers["Warning"] = warning
        return response

    return cached


def _unless_allowed(exchange: Exchange, setting: dict[str, Any]) -> str | None:
    """None if the caller may have the answer anew; otherwise the warning he gets, empty for none. May refuse."""
    if not setting.get("requireAuthorizationForCacheControl", True) or access.is_allowed(exchange, ACTION):
        return None
    strategy = setting.get("unauthorizedCacheControlHeaderStrategy", "SUCCEED_WITH_RESPONSE_HEADER")
    if strategy == "FAIL_WITH_403":
        raise Refused("ACCESS_DENIED", "Unauthorized")
    return WARNING if strategy == "SUCCEED_WITH_RESPONSE_HEADER" else ""
