"""Lists in Route 53's manner: a marker names the first entry of the page, and the reply repeats what was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kumoniwa.services.route53.errors import InvalidInput

T = TypeVar("T")

ITEMS_MAX = 100


def items(text: str | None, most: int = ITEMS_MAX) -> int:
    """How many entries a page may have: 100 unasked, and never more than ``most``. Raises InvalidInput."""
    if text is None:
        return ITEMS_MAX
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InvalidInput(f"Invalid value for maxitems: {text}. It must be a number greater than 0.")
    return min(int(text), most)


def page(name: str, found: Sequence[T], key: Callable[[T], str], shown: Callable[[T], Any], marker: str | None, max_items: str | None) -> dict:
    """A page of a list whose marker is an entry's key. A marker that names nothing (any more) is refused."""
    count, start = items(max_items), 0
    if marker:
        start = next((at for at, each in enumerate(found) if key(each) == marker), -1)
        if start < 0:
            raise InvalidInput(f"The specified marker is not valid: {marker}")
    reply: dict[str, Any] = {
        name: [shown(each) for each in found[start : start + count]],
        "IsTruncated": start + count < len(found),
        "MaxItems": str(count),
    }
    if marker:
        reply["Marker"] = marker
    if reply["IsTruncated"]:
        reply["NextMarker"] = key(found[start + count])
    return reply
