"""The console's files, as the admin door serves them at ``/_kumoniwa/``.

Everything a page shows it asks from the browser, of the admin door and of the cloud's own AWS endpoints: this module knows
no cloud. The pages need nothing from the internet, and say so in their content security policy.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import orjson

from kumoniwa.aws import regions
from kumoniwa.wire.message import Response

STATIC = Path(__file__).with_name("static")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page(path: str) -> Response | None:
    """The file at a path below ``/_kumoniwa`` (``""`` is the first page), or None."""
    name = path.lstrip("/") or "index.html"
    if name == "regions.json":
        return Response(200, _regions(), {"Content-Type": "application/json", **HEADERS})
    file = STATIC / name
    if "/" in name or file.suffix not in TYPES or not file.is_file():
        return None
    return Response(200, file.read_bytes(), {"Content-Type": f"{TYPES[file.suffix]}; charset=utf-8", **HEADERS})


@cache
def _regions() -> bytes:
    """Where each region lies, and the middle of each country as a coast of dots for the map."""
    from kumoniwa.aws.geography import countries, site_of  # noqa: PLC0415 - who looks at no map needs no table of countries

    places = {
        region.code: {"name": region.name, "latitude": site.point[0], "longitude": site.point[1]}
        for region in regions.regions()
        if (site := site_of(region.code)) is not None
    }
    return orjson.dumps({"regions": places, "land": [country.point for country in countries().values()]})
