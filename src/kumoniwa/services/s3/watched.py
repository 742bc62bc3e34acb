"""Which of an account's buckets have the answers to their requests watched: they log, are measured or analysed, or have their requesters pay.

A request to any other bucket pays two look-ups for it.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.vended_logs import is_wanted_nearby
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.s3.acl import LOGGING
from kumoniwa.services.s3.bucket import Bucket, arn, location


class Watched:
    def __init__(self) -> None:
        self.names: frozenset[str] | None = None
        """None: nobody looked yet."""


def look_again(call: Call) -> None:
    """Something is configured anew."""
    call.memory(Watched).names = None


def watched(home: Any, name: str) -> tuple[Call, Bucket] | None:
    """A call in the name of the logging service, and the bucket of that name, if it is of this region and watched."""
    place = location(home, name)
    if place is None or place.region != home.name:
        return None
    known = home.memory.get((place.account, Watched))
    if known is not None and known.names is not None and name not in known.names:
        return None
    call = Call(home, place.account, principals.service(LOGGING, place.account), "s3")
    known = call.memory(Watched)
    if known.names is None:
        known.names = frozenset(
            bucket.name
            for bucket in call.shelf(Bucket).values()
            if bucket.logging or bucket.metrics or bucket.analytics or bucket.payer == "Requester" or is_wanted_nearby(call, arn(call, bucket.name))
        )
    bucket = call.shelf(Bucket).get(name)
    return (call, bucket) if bucket is not None and name in known.names else None
