"""Answers that are compressed, for clients that say that they can read them.

DynamoDB does it with answers of 4 KB and more, by gzip or deflate, and does not read what clients say as RFC 9110 tells them to say it: which of
the two it takes is from scylladb/scylladb, test_compressed_response.py (test_accept_encoding_header). The sum in ``x-amz-crc32`` is that of what
is sent: AWS's SDK for Java, services/dynamodb, ``calculateCrc32FromCompressedData``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from kumoniwa.wire.message import Request, Response

BYTES_MIN = 4096
_WBITS = {"gzip": 31, "deflate": 15}


@lru_cache(256)
def chosen(accepted: str) -> str | None:
    """The coding for an Accept-Encoding; None if the answer is to be left as it is."""
    named: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        name, *more = entry.split(";")
        named[name.strip()] = max(named.get(name.strip(), 0.0), _quality(";".join(more)))
    for name in _WBITS:
        if name not in named and "*" in named:
            named[name] = named["*"]
    best = max((named.get(name, 0.0) for name in _WBITS), default=0.0)
    return next((name for name, quality in named.items() if name in _WBITS and quality == best and quality > 0), None)


def _quality(said: str) -> float:
    """The first ``q=`` that stands anywhere; what is no number, or more than one, is one."""
    _, mark, rest = said.partition("q=")
    try:
        return min(float(rest.partition(";")[0]), 1.0) if mark else 1.0
    except ValueError:
        return 1.0


def witness_of(home: Any, route: Any, request: Request, request_id: str) -> Callable[[Response], None] | None:
    accepted = request.headers.get("accept-encoding", "")
    if "," in accepted and request.lines is not None:
        # Of several headers AWS reads the first: test_multiple_accept_encoding_headers.
        accepted = next(value.decode("latin-1") for name, value in request.lines if name.lower() == b"accept-encoding")
    coding = chosen(accepted)
    return None if coding is None else partial(_compress, coding)


def _compress(coding: str, response: Response) -> None:
    if len(response.body) < BYTES_MIN:
        return
    packer = zlib.compressobj(wbits=_WBITS[coding])
    response.body = packer.compress(response.body) + packer.flush()
    response.headers["Content-Encoding"] = coding
    response.headers["x-amz-crc32"] = str(zlib.crc32(response.body))
