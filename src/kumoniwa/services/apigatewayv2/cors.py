"""What browsers of other origins may do: the gateway answers their questions itself, and what a back end says of it is void.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from kumoniwa.services.apigatewayv2.visit import Visit
from kumoniwa.wire.message import Response

PREFIX = "access-control-"


def _allowed(cors: dict[str, Any], origin: str) -> str | None:
    """How the answer names an origin; None if it may not."""
    for known in cors.get("AllowOrigins", ()):
        if known == "*":
            return "*"
        if known.lower() == origin.lower() or ("*" in known and fnmatchcase(origin.lower(), known.lower())):
            return origin
    return None


def _said(cors: dict[str, Any], visit: Visit) -> dict[str, str]:
    """What every answer says to a page of another origin."""
    origin = visit.header("origin")
    allowed = _allowed(cors, origin) if origin is not None else None
    if allowed is None:
        return {}
    headers = {"access-control-allow-origin": allowed}
    if allowed != "*":
        headers["vary"] = "origin"
    if cors.get("AllowCredentials"):
        headers["access-control-allow-credentials"] = "true"
    return headers


def is_question(visit: Visit) -> bool:
    """Whether a browser asks what a page may do, before it does it."""
    return visit.verb == "OPTIONS" and visit.header("origin") is not None and visit.header("access-control-request-method") is not None


def answer(cors: dict[str, Any], visit: Visit) -> Response:
    """The answer to such a question."""
    headers: dict[str, Any] = dict(_said(cors, visit))
    if headers:
        for member, name in (("AllowMethods", "methods"), ("AllowHeaders", "headers")):
            if cors.get(member):
                headers[f"access-control-allow-{name}"] = ",".join(cors[member])
        if cors.get("MaxAge") is not None:
            headers["access-control-max-age"] = str(cors["MaxAge"])
    return Response(204, b"", headers)


def lay(cors: dict[str, Any], visit: Visit, response: Response) -> None:
    """Put the configured headers into an answer, in place of those it came with."""
    for name in [name for name in response.headers if name.lower().startswith(PREFIX)]:
        del response.headers[name]
    said = _said(cors, visit)
    if said and cors.get("ExposeHeaders"):
        said["access-control-expose-headers"] = ",".join(cors["ExposeHeaders"])
    response.headers.update(said)
