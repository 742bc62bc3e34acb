"""What a load balancer answers by itself. Its pages were seen of AWS's, byte for byte: a redirect's has 134 of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from kumoniwa.wire.message import Response

SERVER = "awselb/2.0"
_PHRASES = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out", 302: "Found", 413: "Request Entity Too Large", 414: "Request-URI Too Large"}


def page(status: int, headers: dict[str, Any] | None = None) -> Response:
    title = f"{status} {_PHRASES.get(status) or _phrase(status)}".rstrip()
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n".encode()
    return Response(status, body, {"Server": SERVER, "Content-Type": "text/html", **(headers or {})})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class Refused(Exception):
    """The balancer itself answers, and why, as its log says it.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""

    def __init__(self, status: int, error: str = "") -> None:
        super().__init__(status)
        self.status, self.error = status, error
