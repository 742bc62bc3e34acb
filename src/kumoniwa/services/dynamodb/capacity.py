"""What reads and writes cost, in capacity units.

A read is counted in steps of 4 KB, half of it when eventually consistent; a write in steps of 1 KB; a
transaction costs twice. Source: "Read/write capacity units", developer guide.
"""

from __future__ import annotations

READ_STEP_BYTES = 4096
WRITE_STEP_BYTES = 1024


def read_units(size_bytes: int, *, is_consistent: bool = False, is_transactional: bool = False) -> float:
    """Units for one item, or for all items of one page of Query or Scan together. Nothing found costs one
    step.
    """
    steps = -(-size_bytes // READ_STEP_BYTES) or 1
    if is_transactional:
        return steps * 2.0
    return float(steps) if is_consistent else steps * 0.5


def write_units(old_bytes: int, new_bytes: int, *, is_transactional: bool = False) -> float:
    """Units for one write: the larger of what was there and what is there now counts."""
    steps = -(-max(old_bytes, new_bytes) // WRITE_STEP_BYTES) or 1
    return steps * (2.0 if is_transactional else 1.0)


def consumed(
    table: str,
    units: float,
    *,
    detail: str,
    global_indexes: dict[str, float] | None = None,
    local_indexes: dict[str, float] | None = None,
    also: str = "",
) -> dict:
    """One entry of ConsumedCapacity. ``detail`` is ReturnConsumedCapacity (TOTAL or INDEXES); ``units`` are
    the table's own, the indexes' are given by name. A transaction tells each figure twice, the second time as
    ``also``: ReadCapacityUnits or WriteCapacityUnits (captured from AWS by nubo-db/dynoxide; moto's test_valid_transact_get_items).
    """

    def figure(units: float) -> dict[str, float]:
        return {"CapacityUnits": units, also: units} if also else {"CapacityUnits": units}

    indexes = {"GlobalSecondaryIndexes": global_indexes or {}, "LocalSecondaryIndexes": local_indexes or {}}
    total = units + sum([sum(own.values()) for own in indexes.values()])
    entry: dict = {"TableName": table, **figure(total)}
    if detail == "INDEXES":
        entry["Table"] = figure(units)
        for member, own in indexes.items():
            if own:
                entry[member] = {name: figure(share) for name, share in own.items()}
    return entry
