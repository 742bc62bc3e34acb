"""MOCK: an answer without a back end, chosen by the status that the request template names."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.services.apigateway.exchange import Exchange
from kumoniwa.services.apigateway.transform import Outgoing, Reply, Transform, misconfigured
from kumoniwa.wire.message import Response

_BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")
_LAST_COMMA = re.compile(r",(\s*[}\]])")


def status_of(text: str) -> int | None:
    """The ``statusCode`` of a mock's request; AWS reads names without quotes and a comma too many. None if there is none to be read."""
    for document in (text, _LAST_COMMA.sub(r"\1", _BARE_NAME.sub(r'\1"\2"\3', text))):
        try:
            found = json.loads(document)
            return int(found["statusCode"]) if isinstance(found, dict) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


async def _send(exchange: Exchange, outgoing: Outgoing) -> Reply:
    status = status_of(outgoing.body.decode("utf-8", "replace"))
    if status is None:
        raise misconfigured(
            exchange, "Unable to parse statusCode. It should be an integer in the request template."
        )
    return Reply(status, [], b"", str(status), is_traced=False)


def prepared(
    served: Any, path: str, integration: dict[str, Any]
) -> Callable[[Exchange], Awaitable[Response]]:
    return Transform(served, integration, _send).integrate
