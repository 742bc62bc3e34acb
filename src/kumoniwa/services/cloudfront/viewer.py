"""What an edge location knows of a viewer, and tells origins and functions in headers if a policy asks for them.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html

AWS tells devices by a table of its own. Here the words decide that browsers of each kind say of themselves.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from kumoniwa.aws import geography
from kumoniwa.gate import place
from kumoniwa.gate.viewer import address_of
from kumoniwa.wire.message import Request

PREFIX = "cloudfront-"
_DEVICES = ("mobile", "tablet", "desktop", "smarttv", "ios", "android")
KNOWN = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "forwarded-proto", *(f"is-{device}-viewer" for device in _DEVICES), "viewer-country", "viewer-country-name", "viewer-country-region",
        "viewer-country-region-name", "viewer-http-version",
    )
)  # fmt: skip
"""Cities, networks, ports and fingerprints of handshakes are not known here."""
_TELEVISION = re.compile(r"smart-?tv|hbbtv|appletv|googletv|web0s|bravia|roku|\bAFT[A-Z]", re.IGNORECASE)


@lru_cache(maxsize=512)
def _devices(agent: str) -> dict[str, str]:
    is_android, is_tv = "Android" in agent, _TELEVISION.search(agent) is not None
    is_tablet = not is_tv and ("iPad" in agent or "Tablet" in agent or (is_android and "Mobile" not in agent))
    is_mobile = not is_tv and not is_tablet and "Mobi" in agent
    kinds = {
        "mobile": is_mobile, "tablet": is_tablet, "smarttv": is_tv, "desktop": not (is_mobile or is_tablet or is_tv),
        "ios": re.search(r"iPhone|iPad|iPod", agent) is not None, "android": is_android,
    }  # fmt: skip
    return {f"is-{device}-viewer": "true" if is_one else "false" for device, is_one in kinds.items()}


def headers(home: Any, request: Request) -> dict[str, str]:
    """All that can be told, by names in small letters."""
    country, part = place.named(home, address_of(request))
    found = _devices(request.headers.get("user-agent", "")) | {"forwarded-proto": "https" if request.is_tls else "http", "viewer-http-version": "1.1"}
    if country:
        found |= {"viewer-country": country, "viewer-country-name": geography.countries()[country].name}
    if part:
        found |= {"viewer-country-region": part, "viewer-country-region-name": geography.STATES[part]}
    return {PREFIX + name: value for name, value in found.items()}
