"""Brotli, by the library of that name. Packing takes milliseconds: call it in a thread."""

from __future__ import annotations

import importlib.util
from functools import cache

QUALITY = 5
"""Of 11; beyond it, time grows faster than size shrinks."""


@cache
def is_here() -> bool:
    """Whether the extra ``edge`` is installed."""
    return importlib.util.find_spec("brotli") is not None


def packed(body: bytes) -> bytes:
    import brotli  # noqa: PLC0415 (an extra)

    return brotli.compress(body, quality=QUALITY)
