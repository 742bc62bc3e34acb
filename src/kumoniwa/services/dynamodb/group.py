"""A global table as all of its replicas know it: who belongs to it, and since which change.

A group is one record that the regions pass around whole. Whoever changes it stamps it; the later stamp stands.
"""

from __future__ import annotations

from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.dynamodb.sealing import Encryption

CURRENT, LEGACY = "2019.11.21", "2017.11.29"
CREATING, ACTIVE, DELETING = "CREATING", "ACTIVE", "DELETING"
STRONG_SETS = (
    frozenset(("us-east-1", "us-east-2", "us-west-2")),
    frozenset(("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1")),
    frozenset(("ap-northeast-1", "ap-northeast-2", "ap-northeast-3")),
)
"""A strong table lives in regions of one of them."""
# https://docs.aws.amazon.com/prescriptive-guidance/latest/dynamodb-global-tables/overview.html


class Member(Record):
    region: str
    status: str = ACTIVE
    source: str = ""
    """The region whose items it was given; empty for the table that was there first."""
    made: float = 0.0
    read_units: int = 0
    """What it overrides; 0 if it has what the others have."""
    on_demand_reads: int = 0
    table_class: str = ""
    index_reads: dict[str, int] = {}
    encryption: Encryption | None = None
    """What it was made with: its own key, under a key of its region."""
    reads_at: int = 0
    """When the reads that it overrides were last set, in microseconds since the epoch. The later stand, whichever group is the later."""

    def own_reads(self, index: str) -> int:
        """What it overrides of an index, or of the table where ``index`` is empty."""
        return self.index_reads.get(index, 0) if index else self.read_units

    def reading(self, index: str, units: int, at: int | None = None) -> Member:
        """The member with other reads of an index, or of the table. Without ``at`` it reads as much as it did."""
        own = {"index_reads": self.index_reads | {index: units}} if index else {"read_units": units}
        return changed(self, **own, reads_at=self.reads_at if at is None else at)


class Group(Record):
    version: str
    at: int
    """When it was last changed, in microseconds since the epoch, and where."""
    region: str
    members: tuple[Member, ...]
    """In the order of their making."""
    is_strong: bool = False
    witness: str = ""
    """The region that holds strong writes and no table."""
    witness_status: str = ""
    made: float = 0.0

    def others(self, region: str) -> list[str]:
        return [member.region for member in self.members if member.region != region]

    def member(self, region: str) -> Member | None:
        return next((member for member in self.members if member.region == region), None)

    def with_reads_of(self, other: Group) -> Group:
        """The group with what the other knows of its members' reads since then: regions scale their reads at once, each its own."""
        known = {member.region: member for member in other.members}
        members = tuple(
            changed(mine, read_units=theirs.read_units, index_reads=theirs.index_reads, reads_at=theirs.reads_at)
            if (theirs := known.get(mine.region, mine)).reads_at > mine.reads_at
            else mine
            for mine in self.members
        )
        return changed(self, members=members)

    @property
    def is_changing(self) -> bool:
        return self.witness_status in (CREATING, DELETING) or any(member.status != ACTIVE for member in self.members)

    def is_later_than(self, other: Group | None) -> bool:
        return other is None or (self.at, self.region) > (other.at, other.region)
