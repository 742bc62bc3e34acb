"""What tables measure of themselves: the capacity that is consumed, by the table and by each global index, and what is provisioned.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.languages.dynamodb.value import Item
from kumoniwa.services.dynamodb import bill, contribution, throughput
from kumoniwa.services.dynamodb.table import Layout, Table
from kumoniwa.services.dynamodb.throughput import INDEX, SPACE, TABLE

READ, WRITTEN = "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"


def admit(call: Call, layout: Layout, kind: str, key: Item | None, index: str = "") -> None:
    """Raises what AWS answers who is throttled, and counts the key that he asked for."""
    try:
        layout.limits.admit(call, kind, (index,))
    except throughput.THROTTLED:
        if layout.insights is not None and index in layout.insights and key is not None:
            contribution.turned_away(call, layout.insights[index], key)
        raise


def read(
    call: Call, layout: Layout, units: float, key: Item | None = None, *, is_admitted: bool = False, scanned: list[tuple[Item, int]] | None = None
) -> None:  # fmt: skip
    """What a read costs the table, of one key, or of items that a scan met. Raises what AWS answers who is throttled, unless he was admitted
    before."""
    if layout.limits is not None:
        if not is_admitted:
            admit(call, layout, throughput.READ, key)
        layout.limits.take(call, throughput.READ, units)
    if layout.insights is not None and "" in layout.insights:
        contribution.read(call, layout.insights[""], units, key, scanned)
    call.measure(SPACE, READ, TABLE, layout.name, value=units)
    bill.read(call, layout, units)


def read_index(
    call: Call, layout: Layout, index: str, units: float, key: Item | None = None, scanned: list[tuple[Item, int]] | None = None
) -> None:  # fmt: skip
    """The same of a global index."""
    if layout.limits is not None:
        admit(call, layout, throughput.READ, key, index)
        layout.limits.take(call, throughput.READ, units, index)
    if layout.insights is not None and index in layout.insights:
        contribution.read(call, layout.insights[index], units, key, scanned)
    call.measure(SPACE, READ, TABLE, layout.name, INDEX, index, value=units)
    bill.read(call, layout, units)


def written(
    call: Call, layout: Layout, units: float, by_index: dict[str, float], key: Item, images: tuple[Item | None, Item | None] = (None, None)
) -> None:  # fmt: skip
    """What a write costs the table, local indexes among it, and each of its global indexes, whose entries follow the images before and after. Who
    writes was admitted before."""
    if layout.limits is not None:
        layout.limits.take(call, throughput.WRITE, units)
    if layout.insights is not None:
        contribution.written(call, layout.insights, units, by_index, key, images)
    call.measure(SPACE, WRITTEN, TABLE, layout.name, value=units)
    bill.written(call, layout, units + sum(by_index.values()))
    for index, own in by_index.items():
        if layout.limits is not None:
            layout.limits.take(call, throughput.WRITE, own, index)
        call.measure(SPACE, WRITTEN, TABLE, layout.name, INDEX, index, value=own)


def replicated(call: Call, layout: Layout, units: float, by_index: dict[str, float]) -> None:
    """What a write of another replica costs here: as much as there. Nobody is turned away for it but who writes next.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
    """
    for index, own in {"": units, **by_index}.items():
        if layout.limits is not None:
            layout.limits.take(call, throughput.WRITE, own, index)
        place = (TABLE, layout.name, INDEX, index) if index else (TABLE, layout.name)
        call.measure(SPACE, WRITTEN, *place, value=own)
    bill.written(call, layout, units + sum(by_index.values()))


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
