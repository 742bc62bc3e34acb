"""Names that are unique across all accounts and regions, such as those of buckets.

They are claimed in ``aws-global`` and replicated like identities, so that every region knows at once whose a name is
and where it lives.
"""

from __future__ import annotations

from kumoniwa.kernel.record import Record


class BucketName(Record):
    """Whose bucket a name is and where; shelved by name."""

    name: str
    account: str
    region: str
    created: float
