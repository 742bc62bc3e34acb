"""Multi-Region Access Points of S3: one name by which a bucket in each of several regions is reached.

``aws-global`` keeps what every region must know of them: which bucket it has, and the policy. ``aws-edge`` keeps which regions are active,
so that who must fail over needs neither the control planes nor a region that is lost. Whoever is asked under such a name leads the request
to the nearest active region that is there; the gate of that region leads it on to its bucket.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPoints.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import MULTI_REGION
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.public_access import BLOCKED, PublicAccess
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.store.shelf import Shelf


class NoSuchMultiRegionAccessPoint(AwsError):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

    status = 404
    message = "The specified Multi-Region Access Point does not exist."


class MultiRegionPoint(Record):
    """Shelved by its alias."""

    name: str
    account: str
    partition: str
    alias: str
    created: float
    buckets: dict[str, str]
    """The bucket of each region, in the order in which they were named."""
    policy: str = ""
    access: PublicAccess = BLOCKED

    @property
    def label(self) -> str:
        return self.alias

    @property
    def arn(self) -> str:
        """It does not tell the name, and no region."""
        return arn_of(self.partition, self.account, self.alias)

    def arn_of(self, key: str | None) -> str:
        """The ARN of an object that is reached through it, or its own."""
        return self.arn if key is None else f"{self.arn}/object/{key}"


def arn_of(partition: str, account: str, alias: str) -> str:
    return f"arn:{partition}:s3::{account}:accesspoint/{alias}"


def multi_region_points(home: Any) -> Shelf[MultiRegionPoint]:
    """Those of all accounts."""
    return home.store.shelf(SHARED, MultiRegionPoint)


def of_arn(home: Any, arn: str) -> MultiRegionPoint | None:
    """The point that an ARN names, or an object's ARN is by."""
    place, _, rest = arn.partition(":accesspoint/")
    point = multi_region_points(home).get(rest.partition("/")[0])
    return point if point is not None and place.rpartition(":")[2] == point.account else None


def is_multi_region(name: str) -> bool:
    """Whether a name, or the ARN of a point or of what it leads to, is such a point's: no bucket's name ends so, nor any other point's."""
    return name.partition(":accesspoint/")[2].partition("/")[0].endswith(MULTI_REGION) or name.endswith(MULTI_REGION)
