"""One request on its way through a load balancer, and what becomes of it: what rules, targets, figures and logs know of it."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.viewer import address_of
from kumoniwa.wire.message import Request

TRACE = "X-Amzn-Trace-Id"


class Visit:
    def __init__(self, home: Any, account: str, balancer: Any, listener: Any, request: Request) -> None:
        self.home, self.account, self.balancer, self.listener, self.request = home, account, balancer, listener, request
        self.began = home.clock.now()
        self.client = address_of(request)
        host = request.host
        name, colon, port = host.rpartition(":")
        self.host = (name if colon and port.isdigit() else host).lower()
        """As rules see it."""
        self.asked_port = port if colon and port.isdigit() else ""
        """The port that the client spoke of, if any."""
        self.trace = _trace(self)
        self.priority: int | None = None
        self.done: list[str] = []
        """Which actions were carried out, as logs call them."""
        self.redirected_to = ""
        self.error = ""
        """Why no target answered, as logs call it."""
        self.group: Any = None
        self.target: Any = None
        self.target_status = 0
        self.asked_at = self.heard_at = 0.0
        """When the request went to its target, and when that began to answer."""
        self.received_bytes = len(request.method) + len(request.path) + len(request.query) + 12 + len(request.body)
        self.received_bytes += sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        self.told_of_user: list[tuple[str, str]] = []
        """Headers that say who has signed in."""
        self.cookies: list[str] = []
        """What the balancer itself gives the client to keep."""

    @property
    def is_secure(self) -> bool:
        return self.listener.protocol == "HTTPS"

    def lines(self) -> list[tuple[str, str]]:
        """Header lines as the client spelled them."""
        lines = self.request.lines
        if lines is None:
            return list(self.request.headers.items())
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]


def _trace(visit: Visit) -> str:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html"""
    own = f"1-{int(visit.began):08x}-{visit.home.ids.hex(24)}"
    said = visit.request.headers.get(TRACE.lower())
    if said is None:
        return f"Root={own}"
    fields = [part.strip() for part in said.split(";") if part.strip()]
    rest = [part for part in fields if not part.lower().startswith("self=")]
    return ";".join([f"Self={own}", *rest]) if any(part.lower().startswith("root=") for part in rest) else ";".join([f"Root={own}", *rest])
