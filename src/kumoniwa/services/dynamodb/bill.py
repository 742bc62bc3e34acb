"""What AWS bills for tables: what is read and written where that is on demand, what is provisioned where it is not, what is stored, backed up and
restored.

A write to a table of a global one is billed as a replicated write in each of its regions, and its way there as traffic between regions, in the
region that it leaves: the bytes of its change as it is said here, which AWS's may differ from. That nothing is asked for the way to a witness is not
proven.
https://aws.amazon.com/dynamodb/pricing/on-demand/
"""

from __future__ import annotations

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb import item
from kumoniwa.services.dynamodb.backup import Backup
from kumoniwa.services.dynamodb.table import Layout, Table


def read(call: Call, layout: Layout, units: float) -> None:
    if layout.record.is_on_demand:
        call.bill("dynamodb:on_demand_read", layout.name, units)


def written(call: Call, layout: Layout, units: float) -> None:
    """Units of the table and all of its indexes."""
    if layout.record.is_on_demand:
        is_local = layout.record.group is None
        call.bill("dynamodb:on_demand_write" if is_local else "dynamodb:replicated_write_on_demand", layout.name, units)


def carried(call: Call, table: str, size_bytes: int) -> None:
    """Another region has heard of so much of a table."""
    call.bill("network:inter_region_egress", table, size_bytes / GIB)


def standing_of(call: Call) -> list[Use]:
    found: list[Use] = []
    for table in call.shelf(Table).values():
        if not table.is_on_demand:
            shares = (table, *(index for index in table.indexes if index.is_global))
            write = "dynamodb:provisioned_wcu" if table.group is None else "dynamodb:replicated_wcu"
            found.append((write, table.name, sum(each.write_units for each in shares)))
            found.append(("dynamodb:provisioned_rcu", table.name, sum(each.read_units for each in shares)))
        sizes = item.sizes(call, table)
        found.append(("dynamodb:storage", table.name, sum(size for _, size in sizes.values()) / GIB))
        if table.recovers_since:
            # "the size of each table (table data and local secondary indexes)": https://aws.amazon.com/dynamodb/pricing/on-demand/
            own = (table.id, *(index.id for index in table.indexes if not index.is_global))
            found.append(("dynamodb:pitr", table.name, sum(sizes[id_][1] for id_ in own if id_ in sizes) / GIB))
    # What a table with point-in-time recovery leaves behind is kept at no additional cost:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BackupDetails.html
    found += [("dynamodb:on_demand_backup", backup.table.name, backup.size / GIB) for backup in call.shelf(Backup).values() if backup.kind == "USER"]
    return found
