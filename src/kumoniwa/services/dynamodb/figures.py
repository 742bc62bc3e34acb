"""What tables measure of themselves: the capacity that is consumed, by the table and by each global index, and what is provisioned.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb.table import Table

SPACE, TABLE, INDEX = "AWS/DynamoDB", "TableName", "GlobalSecondaryIndexName"
READ, WRITTEN = "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"


def read(call: Call, table: str, units: float) -> None:
    call.measure(SPACE, READ, TABLE, table, value=units)


def read_index(call: Call, table: str, index: str, units: float) -> None:
    call.measure(SPACE, READ, TABLE, table, INDEX, index, value=units)


def written(call: Call, table: str, units: float, by_index: dict[str, float]) -> None:
    """What a write costs the table, local indexes among it, and each of its global indexes."""
    call.measure(SPACE, WRITTEN, TABLE, table, value=units)
    for index, own in by_index.items():
        call.measure(SPACE, WRITTEN, TABLE, table, INDEX, index, value=own)


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
