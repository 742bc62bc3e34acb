"""What of public access S3 blocks: of a bucket, and of all buckets of an account, wherever they are.

An account's settings are kept by ``aws-global`` under its number, and every region has a copy.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record
from kumoniwa.store.shelf import Shelf


class PublicAccess(Record):
    BlockPublicAcls: bool = False
    IgnorePublicAcls: bool = False
    BlockPublicPolicy: bool = False
    RestrictPublicBuckets: bool = False

    def told(self) -> dict[str, bool]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


OPEN = PublicAccess()
BLOCKED = PublicAccess(BlockPublicAcls=True, IgnorePublicAcls=True, BlockPublicPolicy=True, RestrictPublicBuckets=True)


def of_accounts(home: Any) -> Shelf[PublicAccess]:
    return home.store.shelf(SHARED, PublicAccess)


def blocks(home: Any, account: str, own: PublicAccess | None) -> PublicAccess:
    """A bucket's settings and its account's together: what one of them blocks is blocked."""
    also = of_accounts(home).get(account)
    if also is None:
        return own or OPEN
    if own is None:
        return also
    return PublicAccess(**{name: value or getattr(own, name) for name, value in also.told().items()})
