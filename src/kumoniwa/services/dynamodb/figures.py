"""What tables measure of themselves: the capacity that is consumed, by the table and by each global index, and what is provisioned.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb import bill, throughput
from kumoniwa.services.dynamodb.table import Layout, Table
from kumoniwa.services.dynamodb.throughput import INDEX, SPACE, TABLE

READ, WRITTEN = "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"


def read(call: Call, layout: Layout, units: float, *, is_admitted: bool = False) -> None:
    """What a read costs the table. Raises what AWS answers who is throttled, unless he was admitted before."""
    if layout.limits is not None:
        if not is_admitted:
            layout.limits.admit(call, throughput.READ)
        layout.limits.take(call, throughput.READ, units)
    call.measure(SPACE, READ, TABLE, layout.name, value=units)
    bill.read(call, layout, units)


def read_index(call: Call, layout: Layout, index: str, units: float) -> None:
    """The same of a global index."""
    if layout.limits is not None:
        layout.limits.admit(call, throughput.READ, (index,))
        layout.limits.take(call, throughput.READ, units, index)
    call.measure(SPACE, READ, TABLE, layout.name, INDEX, index, value=units)
    bill.read(call, layout, units)


def written(call: Call, layout: Layout, units: float, by_index: dict[str, float]) -> None:
    """What a write costs the table, local indexes among it, and each of its global indexes. Who writes was admitted before."""
    if layout.limits is not None:
        layout.limits.take(call, throughput.WRITE, units)
    call.measure(SPACE, WRITTEN, TABLE, layout.name, value=units)
    bill.written(call, layout, units + sum(by_index.values()))
    for index, own in by_index.items():
        if layout.limits is not None:
            layout.limits.take(call, throughput.WRITE, own, index)
        call.measure(SPACE, WRITTEN, TABLE, layout.name, INDEX, index, value=own)


def watch(call: Call) -> None:
    """Have what is provisioned measured each minute, for as long as something is. Who is on demand has no such figures."""
    is_provisioned = any(not table.is_on_demand for table in call.shelf(Table).values())
    call.home.meter.gauge(("dynamodb", call.account), partial(_measure, call) if is_provisioned else None)


def _measure(call: Call) -> None:
    for table in call.shelf(Table).values():
        if table.is_on_demand:
            continue
        for place, units in [((TABLE, table.name), table), *(((TABLE, table.name, INDEX, i.name), i) for i in table.indexes if i.is_global)]:
            call.measure(SPACE, "ProvisionedReadCapacityUnits", *place, value=units.read_units)
            call.measure(SPACE, "ProvisionedWriteCapacityUnits", *place, value=units.write_units)
