"""What AWS bills for volumes and snapshots: volumes by the month as large and as fast as they were asked for, snapshots by what they keep; and for
networks, which `net_bill` tells.

Snapshots that have blocks in common keep them once. https://aws.amazon.com/ebs/pricing/
"""

from __future__ import annotations

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import block, net_bill
from kumoniwa.services.ec2.ebs_record import Snapshot, Volume
from kumoniwa.services.ec2.volume_type import GP3_IOPS, GP3_THROUGHPUT

_IO2_TIERS = ((0, "ec2:io2_iops"), (32_000, "ec2:io2_iops_over_32000"), (64_000, "ec2:io2_iops_over_64000"))
"""By each volume."""


def standing_of(call: Call) -> list[Use]:
    found = net_bill.standing(call)
    for each in call.shelf(Volume).values():
        if each.failure or each.state == "deleting":
            continue
        found += [(usage, each.id, float(level)) for usage, level in _of_volume(each)]
    kept = block.alone(call, (each.map for each in call.shelf(Snapshot).values() if each.state == "completed" and each.map))
    if kept:
        found.append(("ec2:snapshot_storage", "snapshots", kept * block.BYTES / GIB))
    return found


def _of_volume(each: Volume) -> list[tuple[str, int]]:
    levels = [(f"ec2:{each.type}_storage", each.size_gib)]
    iops = each.iops or 0
    if each.type == "gp3":
        levels += [("ec2:gp3_iops", iops - GP3_IOPS), ("ec2:gp3_throughput", (each.throughput or 0) - GP3_THROUGHPUT)]
    elif each.type == "io1":
        levels.append(("ec2:io1_iops", iops))
    elif each.type == "io2":
        ends = [start for start, _ in _IO2_TIERS[1:]] + [iops]
        levels += [(usage, min(iops, end) - start) for (start, usage), end in zip(_IO2_TIERS, ends)]
    return [(usage, level) for usage, level in levels if level > 0]
