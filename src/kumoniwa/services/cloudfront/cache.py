"""The cache of one edge location: copies of what origins answered, bounded in memory, the least recently used forgotten first.

A copy that is no longer fresh is kept, because the origin may say that it is still good, or may not answer at all.
"""

from __future__ import annotations

import calendar
import re
from collections import OrderedDict
from email.utils import parsedate
from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.services.cloudfront import behavior, held
from kumoniwa.services.cloudfront.invalidation import missed

CACHE_BYTES_MAX = 64 << 20
COPY_BYTES_MAX = 8 << 20
"""What is larger passes through and is not kept."""
ENTRY_BYTES = 1_000
"""What a copy takes beside its body, about."""
ERROR_S = 10
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html"""
ALWAYS_KEPT_ERRORS = frozenset((404, 414, 500, 501, 502, 503, 504))
KEPT_ERRORS = ALWAYS_KEPT_ERRORS | {400, 403, 405, 412, 415}
"""The others only where the origin says for how long, or the distribution does.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html"""
KEPT = frozenset((200, 203, 300, 301, 302, 307, 308))
_SECONDS = re.compile(r"(s-maxage|max-age)\s*=\s*\"?(\d{1,10})")

Headers = list[tuple[str, str]]


class Copy:
    """What an origin answered once."""

    __slots__ = ("distribution", "address", "status", "headers", "body", "stored", "fresh_until", "expires")

    def __init__(
        self, distribution: str, address: str, status: int, headers: Headers, body: bytes, stored: float, fresh_until: float
    ) -> None:
        self.distribution, self.address = distribution, address
        self.status, self.headers, self.body = status, headers, body
        self.stored, self.fresh_until, self.expires = stored, fresh_until, fresh_until
        """``expires`` is when the origin's own word ends; an origin that fails may make a copy good for longer."""

    @property
    def size(self) -> int:
        return len(self.body) + ENTRY_BYTES

    def header(self, name: str) -> str | None:
        return header(self.headers, name)


def header(headers: Headers, name: str) -> str | None:
    return next((value for each, value in headers if each.lower() == name), None)


class Cache:
    def __init__(self) -> None:
        self.copies: OrderedDict[tuple, Copy] = OrderedDict()
        self.size = 0
        self.refreshing: set[tuple] = set()
        """Copies that are fetched again while their old state is shown."""
        self.seen: dict[str, Any] = {}
        """By distribution: the record of invalidations that this cache has obeyed."""

    def find(self, key: tuple) -> Copy | None:
        copy = self.copies.get(key)
        if copy is not None:
            self.copies.move_to_end(key)
        return copy

    def keep(self, key: tuple, copy: Copy) -> None:
        self.drop(key)
        self.copies[key] = copy
        self.size += copy.size
        while self.size > CACHE_BYTES_MAX:
            self.drop(next(iter(self.copies)))

    def drop(self, key: tuple) -> None:
        copy = self.copies.pop(key, None)
        if copy is not None:
            self.size -= copy.size

    def obey(self, home: Any, distribution: str, root: str) -> None:
        """Throw away what was invalidated since this was asked last."""
        struck = invalidated(home, distribution)
        seen = self.seen.get(distribution)
        if struck is seen:
            return
        self.seen[distribution] = struck
        paths = missed(struck, seen.config["last"] if seen is not None else 0)
        patterns = None if paths is None else [_struck(path) for path in (*paths, *([f"/{root}"] if "/" in paths and root else ()))]
        for key in [key for key, copy in self.copies.items() if copy.distribution == distribution]:
            if patterns is None or any(each.fullmatch(self.copies[key].address) for each in patterns):
                self.drop(key)


def invalidated(home: Any, distribution: str) -> EdgeResource | None:
    """The record of a distribution's invalidations, which every further one replaces."""
    return held.shelf(home).get(key_of("invalidated", distribution))


def _struck(path: str) -> re.Pattern[str]:
    """An invalidation path: only a ``*`` at its end stands for more than itself."""
    return behavior.pattern(path) if path.endswith("*") else re.compile(re.escape(path))


# How long a copy is good ---------------------------------------------------------------------------------------------


def lifetime_s(headers: Headers, rules: behavior.Rules, now: float) -> float:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html#ExpirationDownloadDist"""
    said = _said_s(headers, now)
    control = (header(headers, "cache-control") or "").lower()
    if any(word in control for word in ("no-cache", "no-store", "private")):
        return rules.least_s
    if said is None:
        return max(rules.least_s, rules.default_s)
    return min(max(said, rules.least_s), rules.most_s)


def stale_s(headers: Headers, directive: str, rules: behavior.Rules) -> float | None:
    """How long a copy may be shown after its end: while it is fetched again, or because it cannot be. None if the origin does not say.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html#stale-content"""
    found = re.search(directive + r"\s*=\s*\"?(\d{1,10})", (header(headers, "cache-control") or "").lower())
    return None if found is None else min(float(found[1]), rules.most_s)


def _said_s(headers: Headers, now: float) -> float | None:
    """What the origin says itself, in seconds."""
    found = dict(_SECONDS.findall((header(headers, "cache-control") or "").lower()))
    if (text := found.get("s-maxage") or found.get("max-age")) is not None:
        return float(text)
    expires = header(headers, "expires")
    if expires is None:
        return None
    parsed = parsedate(expires)
    try:
        return max(0.0, calendar.timegm(parsed) - now) if parsed else 0.0
    except (ValueError, OverflowError):
        return 0.0


def error_lifetime_s(status: int, headers: Headers, rules: behavior.Rules, least_s: float | None, now: float) -> float:
    """``least_s`` is what the distribution says of this error, None if nothing. The origin may ask for more, up to the most that the
    behavior allows."""
    said = _said_s(headers, now)
    said = None if said is None else min(said, rules.most_s)
    if status in ALWAYS_KEPT_ERRORS or (status in KEPT_ERRORS and (said is not None or least_s is not None)):
        return max(ERROR_S if least_s is None else least_s, said or 0.0)
    return 0.0
