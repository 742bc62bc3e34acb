"""Access points of S3: names by which a bucket is reached, each with a policy of its own.

They belong to a region and an account. The gate leads a request for one to its bucket, and S3 sees at the address by which it came.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import locate
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.multi_region import (
    MultiRegionPoint,
    NoSuchMultiRegionAccessPoint,
    is_multi_region,
    multi_region_points,
)
from kumoniwa.gate.public_access import BLOCKED, PublicAccess
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.store.shelf import Shelf
from kumoniwa.wire.message import Request

ALIASES_END = "-s3alias"
HOSTS_HAVE = ".s3-accesspoint."


class NoSuchAccessPoint(AwsError):
    """Recorded: localstack's test_access_point_lifecycle."""

    status = 404
    message = "The specified accesspoint does not exist"


class AccessPoint(Record):
    name: str
    account: str
    region: str
    partition: str
    bucket: str
    alias: str
    created: float
    policy: str = ""
    access: PublicAccess = BLOCKED

    @property
    def label(self) -> str:
        """What host names begin with, and what it is shelved by."""
        return label_of(self.name, self.account)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:s3:{self.region}:{self.account}:accesspoint/{self.name}"

    def arn_of(self, key: str | None) -> str:
        """The ARN of an object that is reached through it, or its own."""
        return self.arn if key is None else f"{self.arn}/object/{key}"


class Alias(Record):
    label: str
    """Of the access point that has it; shelved by the alias."""


def label_of(name: str, account: str) -> str:
    return f"{name}-{account}"


def points(home: Any) -> Shelf[AccessPoint]:
    """Those of a region."""
    return home.store.shelf(SHARED, AccessPoint)


def aliases(home: Any) -> Shelf[Alias]:
    return home.store.shelf(SHARED, Alias)


def of_arn(home: Any, arn: str) -> AccessPoint | None:
    """The point of one region that an ARN names, or an object's ARN is by."""
    place, _, rest = arn.partition(":accesspoint/")
    return points(home).get(label_of(rest.partition("/")[0], place.rpartition(":")[2]))


def of_alias(home: Any, name: str) -> AccessPoint | None:
    alias = aliases(home).get(name)
    return points(home).get(alias.label) if alias is not None else None


def by_label(home: Any, label: str) -> AccessPoint | MultiRegionPoint | None:
    """What an address says it is reached through."""
    return multi_region_points(home).get(label) if is_multi_region(label) else points(home).get(label)


def _lead_on(home: Any, request: Request, alias: str) -> None:
    """The same for a Multi-Region Access Point, whose bucket is the one of this region."""
    point = multi_region_points(home).get(alias)
    bucket = point.buckets.get(home.name) if point is not None else None
    if bucket is None:
        raise NoSuchMultiRegionAccessPoint(Name=alias)
    request.labels = {**request.labels, "Bucket": bucket}
    request.address = changed(request.address or locate(request), through=alias)


def lead(home: Any, request: Request, is_host: bool) -> None:
    """Lead a request for what may be an access point to the bucket behind it, and note at its address by which it came.
    ``is_host``: the name stands in the host and not in the path. Raises NoSuchAccessPoint where it can be nothing else."""
    name = request.labels.get("Bucket", "")
    if is_host and is_multi_region(name):
        _lead_on(home, request, name)
        return
    point = of_alias(home, name)
    if point is None and is_host:
        point = points(home).get(name)
    if point is not None:
        # The labels of equal requests are remembered, and are not this one's to change.
        request.labels = {**request.labels, "Bucket": point.bucket}
        request.address = changed(request.address or locate(request), through=point.label)
    elif is_host and HOSTS_HAVE in request.host:
        raise NoSuchAccessPoint(AccessPointName=name.rpartition("-")[0])


def through(call: Any) -> AccessPoint | MultiRegionPoint | None:
    """By which access point a call came."""
    return asked_by(call.home, call.request)


def asked_by(home: Any, request: Request | None) -> AccessPoint | MultiRegionPoint | None:
    """By which access point a request came."""
    if request is None or request.address is None or not request.address.through:
        return None
    return by_label(home, request.address.through)
