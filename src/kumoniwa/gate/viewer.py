"""Where a request of the world comes from: this machine, unless it says that it stands for somebody elsewhere.

Nobody outside can reach a loopback address, so every client here is 127.0.0.1. One that wants to be looked at as if it came from another
address, by rules and figures that go by addresses and countries, says so in a header of ours, which nobody behind the edge is shown.
"""

from __future__ import annotations

import ipaddress

from kumoniwa.wire.message import Request

HERE = "127.0.0.1"
HEADER = "x-kumoniwa-from"


def address_of(request: Request) -> str:
    said = request.headers.get(HEADER)
    if said is None:
        return HERE
    try:
        return str(ipaddress.ip_address(said.strip()))
    except ValueError:
        return HERE
