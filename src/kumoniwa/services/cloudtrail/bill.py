"""What AWS bills for trails: events of data that they deliver, and of management events each copy in a region but the first.

https://aws.amazon.com/cloudtrail/pricing/. Which of several trails delivers the free copy is not said in words; here it is the one that logs for
longest. That the account of an organization's trail pays for what it delivers of all members is not said in words either.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from kumoniwa.gate.trails import Trail
from kumoniwa.kernel.call import Call


def _asks_for_management(trail: Trail) -> bool:
    if trail.advanced:
        fields = (field for each in trail.advanced for field in each["FieldSelectors"] if field["Field"] == "eventCategory")
        return any("Management" in field.get("Equals", ()) for field in fields)
    return any(selector.get("IncludeManagementEvents", True) for selector in trail.selectors)


def free(trails: Iterable[Trail]) -> str:
    """The ARN of the trail whose copy of management events costs nothing, of those that log in a region; empty if none asks for them."""
    return min(((each.started, each.arn) for each in trails if _asks_for_management(each)), default=(0.0, ""))[1]


def delivered(call: Call, trail: Trail, records: list[bytes], *, is_free: bool) -> None:
    """``is_free`` of management events."""
    of_data = sum(orjson.loads(record)["eventCategory"] == "Data" for record in records)
    for usage, count in (("cloudtrail:data_events", of_data), ("cloudtrail:management_events", 0 if is_free else len(records) - of_data)):
        if count:
            call.home.gate.ledger.use(trail.account, usage, trail.name, count)
