"""Which cache behavior a request meets, and what its policies say: what makes two requests the same, what the origin sees, how
long a copy is good.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-the-cache-key.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.services.cloudfront import held, policy
from kumoniwa.services.cloudfront.viewer import PREFIX

Selection = Callable[[str], bool]
"""Whether a name is one of those chosen."""
ENCODING = "accept-encoding"


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str]:
    """A path pattern: ``*`` is any number of characters, ``?`` any one; the slash it begins with may be left out."""
    text = text if text.startswith("/") else f"/{text}"
    return re.compile("".join(".*" if each == "*" else "." if each == "?" else re.escape(each) for each in text), re.DOTALL)


def chosen(config: dict[str, Any], path: str) -> dict[str, Any]:
    """The first behavior whose pattern a path matches; the default matches every path."""
    return next(each for each in held.behaviors(config) if "PathPattern" not in each or pattern(each["PathPattern"]).fullmatch(path))


def _selection(kind: str, listed: Any) -> Selection:
    """Of what CloudFront says itself of a viewer, only what is named is meant."""
    names = frozenset(name.lower() for name in (listed or {}).get("Items") or ())
    if kind in ("all", "allViewer"):
        return lambda name: not name.lower().startswith(PREFIX)
    if kind == "allViewerAndWhitelistCloudFront":
        return lambda name: not name.lower().startswith(PREFIX) or name.lower() in names
    if kind == "whitelist":
        return lambda name: name.lower() in names
    if kind == "allExcept":
        return lambda name: name.lower() not in names and not name.lower().startswith(PREFIX)
    return lambda name: False


def _either(one: Selection, other: Selection) -> Selection:
    return lambda name: one(name) or other(name)


class Part(NamedTuple):
    """What of a request is meant: by names of headers, cookies and query strings."""

    headers: Selection
    cookies: Selection
    queries: Selection

    def union(self, other: Part) -> Part:
        return Part(*(_either(one, two) for one, two in zip(self, other)))


class Rules(NamedTuple):
    key: Part
    """What of it makes two requests different, beside the path."""
    sent: Part
    """What of it the origin sees."""
    least_s: float
    default_s: float
    most_s: float
    codings: tuple[str, ...]
    """How answers may be packed, the smallest first."""
    is_cached: bool = True


def _part(said: dict[str, Any]) -> Part:
    headers, cookies, queries = said["HeadersConfig"], said["CookiesConfig"], said["QueryStringsConfig"]
    return Part(
        _selection(headers["HeaderBehavior"], headers.get("Headers")),
        _selection(cookies["CookieBehavior"], cookies.get("Cookies")),
        _selection(queries["QueryStringBehavior"], queries.get("QueryStrings")),
    )


_NOTHING = Part(*(_selection("none", None),) * 3)


def rules(home: Any, account: str, behavior: dict[str, Any]) -> Rules:
    extra = _NOTHING
    if behavior.get("OriginRequestPolicyId"):
        extra = _part(policy.config_of(home, account, policy.REQUEST.kind.name, behavior["OriginRequestPolicyId"]))
    if "CachePolicyId" not in behavior:
        return _legacy(behavior, extra)
    said = policy.config_of(home, account, policy.CACHE.kind.name, behavior["CachePolicyId"])
    inside = said.get("ParametersInCacheKeyAndForwardedToOrigin")
    key = _part(inside) if inside else _NOTHING
    wanted = {"br": "EnableAcceptEncodingBrotli", "gzip": "EnableAcceptEncodingGzip"}
    codings = tuple(coding for coding, member in wanted.items() if (inside or {}).get(member))
    return Rules(key, key.union(extra), said["MinTTL"], said["DefaultTTL"], said["MaxTTL"], codings, said["MaxTTL"] > 0)


def _legacy(behavior: dict[str, Any], extra: Part) -> Rules:
    said = behavior["ForwardedValues"]
    cookies = _selection(said["Cookies"]["Forward"], said["Cookies"].get("WhitelistedNames"))
    names = said["Headers"].get("Items") or ()
    headers = _selection("all" if "*" in names else "whitelist", said["Headers"])
    listed = said["QueryStringCacheKeys"]
    queries = _selection("all" if said["QueryString"] else "none", None)
    key = Part(headers, cookies, _selection("whitelist", listed) if said["QueryString"] and listed["Quantity"] else queries)
    sent = Part(headers, cookies, queries).union(extra)
    return Rules(key, sent, behavior["MinTTL"], behavior["DefaultTTL"], behavior["MaxTTL"], ("gzip",) if behavior["Compress"] else (),
                 "*" not in names and behavior["MaxTTL"] > 0)  # fmt: skip
