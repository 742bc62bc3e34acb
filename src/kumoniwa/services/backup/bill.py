"""What AWS bills for recovery points: what vaults keep, warm or cold, by the month; what is restored; and what is copied into another region.

Points of tables stand by themselves. Of a bucket a vault's points after the first hold what has changed, so that the largest of them is counted
once, which is the least that AWS keeps: https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html. A restore of some objects of a
bucket is counted as one of all. https://aws.amazon.com/backup/pricing/
"""

from __future__ import annotations

from collections import defaultdict

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.services.backup import keeping, lodging
from kumoniwa.services.backup.point import RecoveryPoint


def _class(point: RecoveryPoint) -> str:
    return f"backup:{point.kind.lower()}_{'cold' if point.is_cold else 'warm'}"


def restored(call: Call, point: RecoveryPoint) -> None:
    """Of what lies with its service the restore costs nothing."""
    if not lodging.has(point.kind):
        call.bill(f"{_class(point)}_restore", point.name, point.size / GIB)


def copied(call: Call, point: RecoveryPoint, target: str, size_bytes: int) -> None:
    """Into the vault of an ARN. Within a region that costs nothing."""
    if arns.parse(target).region != call.region and point.kind != "EBS":
        call.bill(f"backup:{point.kind.lower()}_cross_region_copy", point.name, size_bytes / GIB)


def tested(call: Call, point: RecoveryPoint) -> None:
    """"Restore testing has a cost per restore test": restore-testing.html in the guide. Nobody republishes how much."""
    call.bill("backup:restore_test", point.name)


def standing_of(call: Call) -> list[Use]:
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    buckets: dict[tuple[str, str], int] = {}
    for point in call.shelf(RecoveryPoint).values():
        if not point.is_whole:
            continue
        if lodging.has(point.kind) and (point.is_continuous or point.kind == "EBS"):
            continue  # automated backups and snapshots of volumes are billed where they are kept
        if point.is_continuous:
            found[_class(point), point.name] += keeping.size_of(call, point.arn)
        elif point.kind == "S3":
            key = (point.vault, point.name)
            buckets[key] = max(buckets.get(key, 0), point.size)
        else:
            found[_class(point), point.name] += point.size
    for (_, name), size in buckets.items():
        found["backup:s3_warm", name] += size
    return [(usage, name, size / GIB) for (usage, name), size in found.items()]
