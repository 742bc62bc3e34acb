"""Throughput that runs out: what a table and each of its global indexes may be read and written, as buckets that fill by the second.

A bucket is given the units of each second and keeps what nobody uses, up to five minutes of it. Who finds something left is served
whatever it costs; who comes then waits until that is paid. A ceiling of an on-demand table is such a bucket, too, because AWS lets it burst.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html
Buckets are in memory: a table that is new and a region that was killed begin with full ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError

BURST_S = 300.0
READ, WRITE = "Read", "Write"
SPACE, TABLE, INDEX = "AWS/DynamoDB", "TableName", "GlobalSecondaryIndexName"
OF_MANY = frozenset(
    ("BatchGetItem", "BatchWriteItem", "BatchExecuteStatement", "TransactGetItems", "TransactWriteItems", "ExecuteTransaction")
)
"""Operations that are refused several times and say themselves whether that was a throttled request."""

_OF_INDEXES = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. "
    "Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API."
)


class ProvisionedThroughputExceededException(AwsError):
    message = (
        "The level of configured provisioned throughput for the table was exceeded. "
        "Consider increasing your provisioning level with the UpdateTable API."
    )


class ThrottlingException(AwsError):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing-workflow.html"""

    message = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


THROTTLED = (ProvisionedThroughputExceededException, ThrottlingException)


class Bucket:
    __slots__ = ("rate", "units", "filled_at")

    def __init__(self, rate: float, now: float) -> None:
        self.rate, self.units, self.filled_at = rate, rate * BURST_S, now

    def left(self, now: float) -> float:
        """Units that are left; less than none is a debt."""
        if now > self.filled_at:
            self.units = min(self.units + (now - self.filled_at) * self.rate, self.rate * BURST_S)
            self.filled_at = now
        return self.units

    def resize(self, rate: float, now: float) -> None:
        """Fill at another rate from now on. What it is raised by is there for this second, too."""
        units = self.left(now) + max(rate - self.rate, 0.0)
        self.rate, self.units = rate, min(units, rate * BURST_S)


class Limits:
    """The buckets of a table, by READ or WRITE and the name of a global index, empty for the table's own."""

    __slots__ = ("table", "is_on_demand", "buckets")

    def __init__(self, table: str, *, is_on_demand: bool) -> None:
        self.table, self.is_on_demand = table, is_on_demand
        self.buckets: dict[tuple[str, str], Bucket] = {}

    def admit(self, call: Call, kind: str, indexes: Iterable[str] = ("",)) -> None:
        """Raises ProvisionedThroughputExceededException, or ThrottlingException under a ceiling, if one of them has nothing left."""
        now = call.now()
        found = [(index, self.buckets.get((kind, index))) for index in indexes]
        spent = [index for index, bucket in found if bucket is not None and bucket.left(now) <= 0]
        if spent:
            raise self._refusal(call, kind, spent)

    def take(self, call: Call, kind: str, units: float, index: str = "") -> None:
        bucket = self.buckets.get((kind, index))
        if bucket is not None:
            bucket.units = bucket.left(call.now()) - units

    def _refusal(self, call: Call, kind: str, spent: list[str]) -> AwsError:
        limit = "MaxOnDemandThroughput" if self.is_on_demand else "ProvisionedThroughput"
        reasons = []
        for index in spent:
            place = (TABLE, self.table, INDEX, index) if index else (TABLE, self.table)
            for event in (f"{kind}ThrottleEvents", f"{kind}{limit}ThrottleEvents"):
                call.measure(SPACE, event, *place)
            resource = call.arn(f"table/{self.table}" + (f"/index/{index}" if index else ""), "dynamodb")
            reasons.append({"reason": f"{'Index' if index else 'Table'}{kind}{limit}Exceeded", "resource": resource})
        if call.operation not in OF_MANY:
            turned_away(call, [self.table])
        if self.is_on_demand:
            return ThrottlingException(throttlingReasons=reasons)
        text = ProvisionedThroughputExceededException.message if "" in spent else _OF_INDEXES
        return ProvisionedThroughputExceededException(text, ThrottlingReasons=reasons)


def turned_away(call: Call, tables: Iterable[str]) -> None:
    """Count a throttled request, whatever number of events were throttled in it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TroubleshootingThrottling-cloudwatch.html
    """
    for table in sorted(set(tables)):
        call.measure(SPACE, "ThrottledRequests", TABLE, table, "Operation", call.operation)


def limits(
    call: Call, table: str, rates: Mapping[tuple[str, str], float], held: Limits | None, *, is_on_demand: bool
) -> Limits | None:
    """What a table may be used with these rates, units a second; ``held`` is what it could be used until now. None if nothing limits it."""
    if not rates:
        return None
    made, now = Limits(table, is_on_demand=is_on_demand), call.now()
    buckets = held.buckets if held is not None and held.is_on_demand == is_on_demand else {}
    for place, rate in rates.items():
        bucket = buckets.get(place)
        if bucket is None:
            bucket = Bucket(rate, now)
        elif bucket.rate != rate:
            bucket.resize(rate, now)
        made.buckets[place] = bucket
    return made
