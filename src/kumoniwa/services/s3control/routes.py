"""Which regions of a Multi-Region Access Point are active, as ``aws-edge`` keeps it: what the five regions ask and say, and whom the
cloud's door asks where a request goes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/MrapFailover.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.multi_region import MultiRegionPoint, NoSuchMultiRegionAccessPoint, multi_region_points
from kumoniwa.kernel.record import Record
from kumoniwa.services.s3control.access_point import InvalidRequest
from kumoniwa.services.s3control.multi_region import ACTIVE, PASSIVE, MethodNotAllowed
from kumoniwa.store.shelf import Shelf


class Passive(Record):
    """Shelved by the point's alias, while not all of its regions are active."""

    regions: tuple[str, ...]


def _shelf(home: Any, account: str) -> Shelf[Passive]:
    return home.store.shelf(account, Passive)


def _passive(home: Any, point: MultiRegionPoint) -> tuple[str, ...]:
    kept = _shelf(home, point.account).get(point.alias)
    return kept.regions if kept is not None else ()


def active(home: Any, alias: str) -> list[str]:
    """The regions that a request may be led to; none if there is no such point."""
    point = multi_region_points(home).get(alias)
    return [] if point is None else [region for region in point.buckets if region not in _passive(home, point)]


def told(home: Any, message: dict[str, Any]) -> list[dict[str, Any]]:
    """A point's routes, after the updates are made that are asked for."""
    point = multi_region_points(home).get(message["alias"])
    if point is None or point.account != message["account"]:
        raise NoSuchMultiRegionAccessPoint
    if message["updates"] is not None:
        _update(home, point, message["updates"])
    passive = _passive(home, point)
    return [
        {"Bucket": bucket, "Region": region, "TrafficDialPercentage": PASSIVE if region in passive else ACTIVE}
        for region, bucket in point.buckets.items()
    ]


def _update(home: Any, point: MultiRegionPoint, updates: list[dict[str, Any]]) -> None:
    """AWS's guide says what of this is refused and with which status; its texts are not recorded."""
    if len(point.buckets) < 2:
        raise MethodNotAllowed
    by_bucket = {bucket: region for region, bucket in point.buckets.items()}
    passive = set(_passive(home, point))
    for update in updates:
        region = update.get("Region") or by_bucket.get(update.get("Bucket", ""))
        if region not in point.buckets or update.get("Bucket", point.buckets[region]) != point.buckets[region]:
            raise InvalidRequest("A route must name a Region or a bucket of the Multi-Region Access Point.")
        if update["TrafficDialPercentage"] not in (ACTIVE, PASSIVE):
            raise InvalidRequest("The TrafficDialPercentage must be 0 or 100.")
        (passive.add if update["TrafficDialPercentage"] == PASSIVE else passive.discard)(region)
    if len(passive) == len(point.buckets):
        raise InvalidRequest("At least one Region must be active.")
    _shelf(home, point.account)[point.alias] = Passive(regions=tuple(sorted(passive)))


def forget(home: Any, account: str, alias: str) -> None:
    _shelf(home, account).pop(alias, None)
