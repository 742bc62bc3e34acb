"""Access logs: a line for every request of a viewer, filed into a bucket some time later by every edge location for itself.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

import orjson

from kumoniwa.gate.backlog import Backlog
from kumoniwa.gate.edge import EdgeResource
from kumoniwa.gate.vended_logs import ACCESS_FIELDS, wanted
from kumoniwa.gate.viewer import address_of
from kumoniwa.services.cloudfront.cache import header
from kumoniwa.wire.message import Request, Response

BACKLOG = Backlog("cloudfront", 3_600.0)
FIELDS = " ".join(ACCESS_FIELDS)
VENDED = "vended "
"""Stands before the id of a distribution whose lines are for CloudWatch Logs to deliver."""
COOKIE = ACCESS_FIELDS.index("cs(Cookie)")
_SPOKEN = re.compile(r"[^!$&-;=?-Z_a-z]")
"""What is written as ``%hh``: blanks, what is not ASCII, and the characters that AWS lists."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/")


def arn_of(home: Any, distribution: EdgeResource) -> str:
    return f"arn:{home.partition}:cloudfront::{distribution.account}:distribution/{distribution.id}"


def write(home: Any, distribution: EdgeResource, request: Request, response: Response, told: Any, id: str, began: float) -> None:
    """For the bucket that the distribution names, and for CloudWatch Logs if somebody has it deliver them: as many lines as are wanted."""
    logging = distribution.config["Logging"]
    is_vended = wanted(home, arn_of(home, distribution)) is not None
    if not logging["Enabled"] and not is_vended:
        return
    now = home.clock.now()
    values = _values(home, distribution, request, response, told, id, now, now - began)
    if is_vended:
        BACKLOG.add(home, distribution.account, VENDED + distribution.id, orjson.dumps(values))
    if logging["Enabled"]:
        if not logging["IncludeCookies"]:
            values[COOKIE] = "-"
        BACKLOG.add(home, distribution.account, distribution.id, "\t".join(values).encode())


def _said(value: str | None) -> str:
    return _SPOKEN.sub(lambda found: quote(found[0]), value) if value else "-"


def _lines(response: Response) -> list[tuple[str, str]]:
    return [(name, each) for name, value in response.headers.items() for each in (value if isinstance(value, list) else [value])]


def sent_bytes(response: Response, told: Any) -> int:
    """Header and body."""
    body = len(response.body) if isinstance(response.body, bytes) else int(told.length or 0)
    return sum(len(name) + len(value) + 4 for name, value in _lines(response)) + body


def _values(
    home: Any, distribution: EdgeResource, request: Request, response: Response, told: Any, id: str, now: float, taken_s: float
) -> list[str]:
    """The viewer's port and the ciphers of his connection are not known here, which is what ``-`` says."""
    headers, moment = request.headers, time.gmtime(now)
    lines = _lines(response)
    sent = sent_bytes(response, told)
    received = sum(len(name) + len(value) + 4 for name, value in headers.items()) + len(request.body) + len(request.path) + len(request.query)
    part = _RANGE.match(header(lines, "content-range") or "") if response.status == 206 else None
    cookie = headers.get("cookie")
    return [
        time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M:%S", moment), home.name, str(sent), address_of(request), request.method,
        distribution.more["domain"], _said(request.path), str(response.status), _said(headers.get("referer")), _said(headers.get("user-agent")),
        _said(request.query), _said(cookie), told.result, id, _said(request.host), "https" if request.is_tls else "http", str(received),
        f"{taken_s:.3f}", _said(headers.get("x-forwarded-for")), "-", "-", told.result, "HTTP/1.1", "-", "-", "-", f"{taken_s:.3f}", told.result,
        _said(header(lines, "content-type")), header(lines, "content-length") or "-", part[1] if part else "-", part[2] if part else "-",
    ]  # fmt: skip
