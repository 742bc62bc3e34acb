"""What a table or an index may be asked for, by its billing: its units, its ceilings on demand, and what it is kept warm for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import throughput

if TYPE_CHECKING:
    from kumoniwa.services.dynamodb.table import Index, Table

WARM_ON_DEMAND = (12_000, 4_000)
CEILINGS = ("MaxReadRequestUnits", "MaxWriteRequestUnits")
UNITS_MAX = 1_000_000_000_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html


def units(given: dict[str, int] | None, *, is_on_demand: bool, index: str = "") -> tuple[int, int]:
    """Units a second, read and written, that ProvisionedThroughput asks for; none on demand."""
    where = f" for index: {index}" if index else ""
    if given is None:
        if is_on_demand:
            return 0, 0
        raise ValidationException(
            f"{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED{where}"
        )
    if is_on_demand:
        raise ValidationException(
            f"{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified{where} when BillingMode is PAY_PER_REQUEST"
        )
    for member, value in given.items():
        if value > UNITS_MAX:
            raise ValidationException(f"Given value {value} for {member} is out of bounds{where}")
    return given["ReadCapacityUnits"], given["WriteCapacityUnits"]


def ceilings(given: dict[str, int] | None, held: tuple[int, int] | None, *, is_on_demand: bool, what: str = "table") -> tuple[int, int]:
    """The most request units a second, read and written, that OnDemandThroughput leaves; 0 is no ceiling. ``held`` is what an update
    finds, of which -1 takes away. Captured from AWS by nubo-db/dynoxide (pull request 161); that an index is
    named in the place of the table follows WarmThroughput's texts."""
    members = {member: given[member] for member in CEILINGS if member in given} if given else {}
    if members and not is_on_demand:
        where = "when table BillingMode is PROVISIONED." if held is None else "when the table BillingMode is PROVISIONED"
        raise ValidationException(f"{INVALID}{next(iter(members))} for OnDemandThroughput cannot be specified {where}")
    for member, value in members.items():
        if value < 1 and (held is None or value != -1):
            raise ValidationException(f"{INVALID}Requested {member} for OnDemandThroughput for {what} is outside of valid range")
    had = dict(zip(CEILINGS, held or (0, 0), strict=True)) | members
    return max(had["MaxReadRequestUnits"], 0), max(had["MaxWriteRequestUnits"], 0)


def ceilings_shown(of: Table | Index) -> dict[str, Any]:
    most = {member: value for member, value in zip(CEILINGS, (of.reads_max, of.writes_max), strict=True) if value}
    return {"OnDemandThroughput": most} if most else {}


def warm_of(is_on_demand: bool, reads: int, writes: int) -> tuple[int, int]:
    """Units a second that a table or index is warm for by its billing: recorded from AWS by localstack."""
    return WARM_ON_DEMAND if is_on_demand else (reads, writes)


def warmed(given: dict[str, int] | None, reads: int, writes: int, what: str = "table") -> tuple[int, int]:
    """What WarmThroughput asks for, which is no less than what there is. Nobody is throttled here because a table is cold.

    Texts: getmoto/moto.
    """
    wanted = given or {}
    for member, least in (("ReadUnitsPerSecond", reads), ("WriteUnitsPerSecond", writes)):
        if wanted.get(member, least) < least:
            kind = "initial throughput for OnDemand" if (reads, writes) == WARM_ON_DEMAND else "current WarmThroughput"
            raise ValidationException(f"{INVALID}Requested {member} for WarmThroughput for {what} is lower than {kind}")
    return wanted.get("ReadUnitsPerSecond", 0), wanted.get("WriteUnitsPerSecond", 0)


def warm_shown(table: Table, of: Table | Index) -> dict[str, Any]:
    reads, writes = warm_of(table.is_on_demand, of.read_units, of.write_units)
    return {"ReadUnitsPerSecond": max(of.warm_reads, reads), "WriteUnitsPerSecond": max(of.warm_writes, writes), "Status": "ACTIVE"}


def units_shown(table: Table, read: int, write: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": read,
        "WriteCapacityUnits": write,
    }
    if table.increased:
        shown["LastIncreaseDateTime"] = table.increased
    if table.decreased:
        shown["LastDecreaseDateTime"] = table.decreased
    return shown


def rates(table: Table) -> dict[tuple[str, str], float]:
    """Units a second that are provisioned, or the ceilings on demand, of a table and its global indexes."""
    found = {}
    for index, of in (("", table), *((index.name, index) for index in table.indexes if index.is_global)):
        reads, writes = (of.reads_max, of.writes_max) if table.is_on_demand else (of.read_units, of.write_units)
        found[throughput.READ, index], found[throughput.WRITE, index] = float(reads), float(writes)
    return {place: rate for place, rate in found.items() if rate}
