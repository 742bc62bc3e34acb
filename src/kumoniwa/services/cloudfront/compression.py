"""Which answers an edge location compresses, if a viewer takes them so.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

from kumoniwa.engines import brotli_packing
from kumoniwa.kernel.clock import outside
from kumoniwa.services.cloudfront.cache import Headers, header

_KINDS = """
    application/dash+xml application/eot application/font application/font-sfnt application/javascript application/json
    application/opentype application/otf application/pdf application/pkcs7-mime application/protobuf application/rss+xml
    application/truetype application/ttf application/vnd.apple.mpegurl application/vnd.mapbox-vector-tile
    application/vnd.ms-fontobject application/wasm application/xhtml+xml application/xml application/x-font-opentype
    application/x-font-truetype application/x-font-ttf application/x-httpd-cgi application/x-javascript application/x-mpegurl
    application/x-opentype application/x-otf application/x-perl application/x-ttf font/eot font/opentype font/otf font/ttf
    image/svg+xml text/css text/csv text/html text/javascript text/js text/plain text/richtext text/tab-separated-values text/xml
    text/x-component text/x-java-source text/x-script vnd.apple.mpegurl
"""
KINDS = frozenset(_KINDS.split())
BYTES = range(1_000, 10_000_001)


CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": lambda body: gzip.compress(body, 6, mtime=0)}
"""By what viewers call them. Brotli is there with the extra ``edge``."""
if brotli_packing.is_here():
    CODINGS["br"] = brotli_packing.packed


def accepted(header_: str, codings: tuple[str, ...]) -> tuple[str, ...]:
    """Which of these a viewer takes and we have, in their order."""
    parts = [part.partition(";") for part in header_.lower().split(",")]
    named = {name.strip() for name, _, weight in parts if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")}
    return tuple(each for each in codings if each in named and each in CODINGS)


async def compressed(headers: Headers, body: bytes, coding: str) -> tuple[Headers, bytes]:
    """The same answer smaller, if it is of a kind and a size that this is done to."""
    kind = (header(headers, "content-type") or "").partition(";")[0].strip().lower()
    is_plain = header(headers, "content-encoding") is None and kind in KINDS and len(body) in BYTES
    if not is_plain or "no-transform" in (header(headers, "cache-control") or "").lower():
        return headers, body
    with outside():
        smaller = await asyncio.to_thread(CODINGS[coding], body)
    kept = [(name, f"W/{value.removeprefix('W/')}" if name.lower() == "etag" else value) for name, value in headers]
    return [*kept, ("Content-Encoding", coding), ("Vary", "Accept-Encoding")], smaller
