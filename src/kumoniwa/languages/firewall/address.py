"""Where a request comes from: the address it was sent from, or those that a header of proxies tells.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-forwarded-ip-address.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from kumoniwa.languages.firewall.web_request import WebRequest

TOLD_MAX = 10
"""So many of the addresses of a header are looked at."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Addresses = Callable[[WebRequest], "list[Address] | bool"]
"""Addresses, or the outcome of the statement itself."""


def read(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _sent_from(request: WebRequest) -> list[Address]:
    return [ipaddress.ip_address(request.address)]


def source(config: dict[str, Any] | None) -> Addresses:
    """Without a header of that name a statement does not apply; without an address in its place the fallback decides."""
    if config is None:
        return _sent_from
    name, position = config["HeaderName"].lower().encode(), config.get("Position", "FIRST")
    fallback = config["FallbackBehavior"] == "MATCH"

    def addresses(request: WebRequest) -> list[Address] | bool:
        value = request.header(name)
        if value is None:
            return False
        parts = value.decode("latin-1").split(",")
        if position != "ANY":
            parts = parts[:1] if position == "FIRST" else parts[-1:]
        found = [address for part in parts[-TOLD_MAX:] if (address := read(part)) is not None]
        return found or fallback

    return addresses


def holder(blocks: Iterable[str]) -> Callable[[Address], bool]:
    """Whether an address is in one of the blocks: one look for each length of prefix there is."""
    held: dict[tuple[int, int], set[int]] = {}
    for block in blocks:
        network = ipaddress.ip_network(block, strict=False)
        shift = network.max_prefixlen - network.prefixlen
        held.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)
    return lambda address: any(
        int(address) >> shift in numbers for (version, shift), numbers in held.items() if version == address.version
    )
