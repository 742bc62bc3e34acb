"""Key-value stores of CloudFront: one resource of the edge each, whose pairs functions read at every edge location.

CloudFront makes and deletes them, CloudFront KeyValueStore fills them; the two have versions of their own.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED

KIND = "key-value-store"
BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX = 5 << 20, 512, 1 << 10
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-keyvaluestores"""


def items(store: EdgeResource) -> dict[str, str]:
    return store.more["items"]


def size(pairs: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in pairs.items())


def flaw(pairs: dict[str, str]) -> str:
    """What is wrong with pairs; empty if nothing is."""
    for key, value in pairs.items():
        if not 0 < len(key.encode()) <= KEY_BYTES_MAX:
            return f"A key has 1 to {KEY_BYTES_MAX} bytes."
        if len(value.encode()) > VALUE_BYTES_MAX:
            return f"The value of {key} is larger than {VALUE_BYTES_MAX} bytes."
    return f"A store holds {BYTES_MAX >> 20} MB at most." if size(pairs) > BYTES_MAX else ""


def found(home: Any, arn: str) -> EdgeResource | None:
    """By its ARN."""
    store = home.store.shelf(SHARED, EdgeResource).get(key_of(KIND, arn.rpartition("/")[2]))
    return store if store is not None and arn.split(":")[4:5] == [store.account] and arn.split(":")[2:3] == ["cloudfront"] else None
