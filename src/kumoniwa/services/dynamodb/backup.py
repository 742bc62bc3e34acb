"""Backups of tables, and tables made again: from a backup, or as they were at a moment of the last 35 days.

A backup is the items under another id, copied at once if there are few and by background work if there are many; a table that is
made from one is CREATING meanwhile. AWS restores neither streams, time to live, tags, policies, deletion protection nor
point-in-time recovery: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
"""

from __future__ import annotations

import math
from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import definition, description, history, item, provisioning, sealing, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.sealing import Encryption
from kumoniwa.services.dynamodb.table import Table

PERIOD_DAYS = 35
DAY_S = 86_400
BEHIND_S = 300.0
"""AWS can restore up to five minutes ago; so we do at AWS's pace, and up to now otherwise."""
AT_ONCE = 2_000
LIST_MAX = 100


class TableNotFoundException(AwsError): ...


class TableAlreadyExistsException(AwsError): ...


class BackupNotFoundException(AwsError): ...


class BackupInUseException(AwsError): ...


class TableInUseException(AwsError): ...


class PointInTimeRecoveryUnavailableException(AwsError): ...


class InvalidRestoreTimeException(AwsError): ...


class Backup(Record):
    """On the shelf under its id."""

    id: str
    name: str
    kind: str
    """USER, or SYSTEM: made of a table with point-in-time recovery when it was deleted."""
    created: float
    table: Table
    """As it was."""
    rows: int
    """Under which the items lie."""
    is_whole: bool = False
    items: int = 0
    size: int = 0
    expires: float = 0.0


class Copy(Record):
    """A copy of a table's items that background work goes on with. On the shelf under the id that the copies lie under."""

    source: int
    target: int
    at: float | None
    backup: str = ""
    table: str = ""
    after: tuple[bytes, bytes] = (b"", b"")
    was: Encryption | None = None
    """Where the copies lie under another key: the key of what is copied, and theirs."""
    becomes: Encryption | None = None


# Backups -------------------------------------------------------------------------------------------


def _existing(call: Call, name: str) -> Table:
    table = tables.held(call, name)
    if table is None:
        raise TableNotFoundException(f"Table not found: {tables.plain_name(name)}")
    return table


def _new(call: Call, table: Table, name: str, kind: str, rows: int) -> Backup:
    id_ = f"0{milliseconds(call.now())}-{call.ids.hex(8)}"
    return Backup(id=id_, name=name, kind=kind, created=call.now(), table=table, rows=rows)


def CreateBackup(call: Call, *, TableName: str, BackupName: str) -> dict:
    """What is written while a large table is copied may be in the backup or not, as on AWS."""
    table = _existing(call, TableName)
    if table.active_at > call.now():
        raise TableInUseException(f"Table is being created: {table.name}")
    if table.resealing is not None:
        raise TableInUseException(f"Table is being updated: {table.name}")
    backup = _new(call, table, BackupName, "USER", tables.new_id(call))
    call.shelf(Backup)[backup.id] = backup
    at = call.now() if table.recovers_since else None
    begin(call, Copy(source=table.id, target=backup.rows, at=at, backup=backup.id))
    return {"BackupDetails": _details(call, call.shelf(Backup)[backup.id], status="CREATING")}


def kept_by_system(call: Call, table: Table) -> None:
    """A table with point-in-time recovery leaves a backup when it is deleted; its rows become the backup's."""
    backup = changed(_new(call, table, f"{table.name}$DeletedTableBackup", "SYSTEM", table.id), is_whole=True)
    count, size = 0, 0
    after: tuple | None = None
    while True:
        more, bytes_, after = item.count_some(call, table, None, after, AT_ONCE)
        count, size = count + more, size + bytes_
        if after is None:
            break
    call.shelf(Backup)[backup.id] = changed(backup, items=count, size=size, expires=call.now() + PERIOD_DAYS * DAY_S)


def _held(call: Call, arn: str) -> Backup:
    parsed = arns.parse(arn)
    parts = parsed.resource.split("/") if parsed is not None and parsed.service == "dynamodb" else []
    if len(parts) != 4 or (parts[0], parts[2]) != ("table", "backup"):
        raise ValidationException(f"{INVALID}Invalid BackupArn: {arn}")
    backup = call.shelf(Backup).get(parts[3])
    if backup is None or parsed.region != call.region or backup.table.name != parts[1]:
        raise BackupNotFoundException(f"Backup not found: {arn}")
    return backup


def _arn(call: Call, backup: Backup) -> str:
    return call.arn(f"table/{backup.table.name}/backup/{backup.id}", "dynamodb")


def _details(call: Call, backup: Backup, *, status: str = "") -> dict[str, Any]:
    details = {
        "BackupArn": _arn(call, backup),
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": status or ("AVAILABLE" if backup.is_whole else "CREATING"),
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created,
    }
    return details | ({"BackupExpiryDateTime": backup.expires} if backup.expires else {})


def _description(call: Call, backup: Backup, *, status: str = "") -> dict[str, Any]:
    table = backup.table
    shown = description.shown(call, table, {table.id: (backup.items, backup.size)})
    source = {
        "TableName": table.name, "TableId": table.uuid, "TableArn": shown["TableArn"], "TableSizeBytes": backup.size,
        "KeySchema": shown["KeySchema"], "TableCreationDateTime": table.created, "ItemCount": backup.items,
        "ProvisionedThroughput": {"ReadCapacityUnits": table.read_units, "WriteCapacityUnits": table.write_units},
        "BillingMode": "PAY_PER_REQUEST" if table.is_on_demand else "PROVISIONED",
    } | provisioning.ceilings_shown(table)  # fmt: skip
    features: dict[str, Any] = {}
    for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        if member in shown:
            kept = ("IndexName", "KeySchema", "Projection", *(("ProvisionedThroughput", "OnDemandThroughput") if member.startswith("Global") else ()))
            features[member] = [{name: _units(index[name]) for name in kept if name in index} for index in shown[member]]
    if "StreamSpecification" in shown:
        features["StreamDescription"] = shown["StreamSpecification"]
    if table.ttl_id:
        features["TimeToLiveDescription"] = {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}
    return {
        "BackupDetails": _details(call, backup, status=status), "SourceTableDetails": source, "SourceTableFeatureDetails": features,
    }  # fmt: skip


def _units(shown: Any) -> Any:
    """A throughput as it was asked for, without its history."""
    if isinstance(shown, dict) and "ReadCapacityUnits" in shown:
        return {name: shown[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    return shown


def DescribeBackup(call: Call, *, BackupArn: str) -> dict:
    return {"BackupDescription": _description(call, _held(call, BackupArn))}


def ListBackups(
    call: Call,
    *,
    TableName: str | None = None,
    Limit: int | None = None,
    TimeRangeLowerBound: float | None = None,
    TimeRangeUpperBound: float | None = None,
    ExclusiveStartBackupArn: str | None = None,
    BackupType: str | None = None,
) -> dict:
    name = tables.plain_name(TableName) if TableName is not None else None
    after = (ExclusiveStartBackupArn or "").rpartition("/")[2]
    found = sorted(
        (
            backup
            for backup in call.shelf(Backup).values()
            if name in (None, backup.table.name)
            and BackupType in (None, "ALL", backup.kind)
            and (TimeRangeLowerBound or 0.0) <= backup.created < (TimeRangeUpperBound or math.inf)
            and backup.id > after
        ),
        key=lambda backup: backup.id,
    )
    page = found[: Limit or LIST_MAX]
    reply: dict[str, Any] = {
        "BackupSummaries": [
            {"TableName": b.table.name, "TableId": b.table.uuid, "TableArn": call.arn(f"table/{b.table.name}", "dynamodb")} | _details(call, b)
            for b in page
        ]
    }
    if len(page) < len(found):
        reply["LastEvaluatedBackupArn"] = _arn(call, page[-1])
    return reply


def DeleteBackup(call: Call, *, BackupArn: str) -> dict:
    backup = _held(call, BackupArn)
    if not backup.is_whole or any(copy.source == backup.rows for copy in call.shelf(Copy).values()):
        raise BackupInUseException(f"Backup is being created or used for a restore: {BackupArn}")
    drop(call, backup)
    return {"BackupDescription": _description(call, backup, status="DELETED")}


def drop(call: Call, backup: Backup) -> None:
    del call.shelf(Backup)[backup.id]
    item.forget_rows(call, backup.rows)


# Point-in-time recovery ------------------------------------------------------------------------------


def DescribeContinuousBackups(call: Call, *, TableName: str) -> dict:
    return {"ContinuousBackupsDescription": _continuous(call, _existing(call, TableName))}


def _continuous(call: Call, table: Table) -> dict[str, Any]:
    """Continuous backups are always on, on AWS; point-in-time recovery is what one turns on."""
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "ENABLED" if table.recovers_since else "DISABLED"}
    if table.recovers_since:
        earliest, latest = window(call, table)
        recovery |= {
            "RecoveryPeriodInDays": table.recovery_days, "EarliestRestorableDateTime": earliest, "LatestRestorableDateTime": latest,
        }  # fmt: skip
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}


def window(call: Call, table: Table) -> tuple[float, float]:
    """The earliest and the latest moment that the table can be restored to. AWS counts whole seconds."""
    now = call.now() - (BEHIND_S if call.home.settings.pace == "real" else 0.0)
    earliest = max(table.recovers_since, call.now() - table.recovery_days * DAY_S)
    return float(math.ceil(earliest)), max(float(math.ceil(earliest)), float(int(now)))


def UpdateContinuousBackups(call: Call, *, TableName: str, PointInTimeRecoverySpecification: dict) -> dict:
    table = _existing(call, TableName)
    if PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]:
        days = PointInTimeRecoverySpecification.get("RecoveryPeriodInDays", table.recovery_days or PERIOD_DAYS)
        table = changed(table, recovers_since=table.recovers_since or call.now(), recovery_days=days)
    else:
        if "RecoveryPeriodInDays" in PointInTimeRecoverySpecification:
            raise ValidationException(f"{INVALID}RecoveryPeriodInDays can only be specified when PointInTimeRecoveryEnabled is true")
        history.forget(call, table.id)
        table = changed(table, recovers_since=0.0, recovery_days=0)
    call.shelf(Table)[table.name] = table
    return {"ContinuousBackupsDescription": _continuous(call, table)}


def recoverable(call: Call, table: Table) -> Table:
    if not table.recovers_since:
        raise PointInTimeRecoveryUnavailableException(f"Point in time recovery is not enabled for table '{table.name}'")
    return table


def RestoreTableToPointInTime(
    call: Call,
    *,
    TargetTableName: str,
    SourceTableArn: str | None = None,
    SourceTableName: str | None = None,
    UseLatestRestorableTime: bool | None = None,
    RestoreDateTime: float | None = None,
    BillingModeOverride: str | None = None,
    GlobalSecondaryIndexOverride: list[dict] | None = None,
    LocalSecondaryIndexOverride: list[dict] | None = None,
    ProvisionedThroughputOverride: dict | None = None,
    OnDemandThroughputOverride: dict | None = None,
    SSESpecificationOverride: dict | None = None,
) -> dict:
    name = SourceTableArn or SourceTableName
    if name is None:
        raise ValidationException(f"{INVALID}Either SourceTableArn or SourceTableName must be specified")
    source = recoverable(call, _existing(call, name))
    if (RestoreDateTime is None) == (not UseLatestRestorableTime):
        raise ValidationException(f"{INVALID}Exactly one of RestoreDateTime and UseLatestRestorableTime must be specified")
    earliest, latest = window(call, source)
    at = latest if RestoreDateTime is None else RestoreDateTime
    if not earliest <= at <= latest:
        raise InvalidRestoreTimeException("Either the restore time is before the earliest or after the latest restorable time of the table")
    overrides = (
        BillingModeOverride, ProvisionedThroughputOverride, GlobalSecondaryIndexOverride, LocalSecondaryIndexOverride,
        OnDemandThroughputOverride,
    )  # fmt: skip
    # All of the last second belongs to it: nobody can name a later moment of it.
    last = call.now() if RestoreDateTime is None and at == float(int(call.now())) else at
    return _restored(call, TargetTableName, source, source.id, last, at, overrides, SSESpecificationOverride)


def RestoreTableFromBackup(
    call: Call,
    *,
    TargetTableName: str,
    BackupArn: str,
    BillingModeOverride: str | None = None,
    GlobalSecondaryIndexOverride: list[dict] | None = None,
    LocalSecondaryIndexOverride: list[dict] | None = None,
    ProvisionedThroughputOverride: dict | None = None,
    OnDemandThroughputOverride: dict | None = None,
    SSESpecificationOverride: dict | None = None,
) -> dict:
    backup = _held(call, BackupArn)
    if not backup.is_whole:
        raise BackupInUseException(f"Backup is being created: {BackupArn}")
    overrides = (
        BillingModeOverride, ProvisionedThroughputOverride, GlobalSecondaryIndexOverride, LocalSecondaryIndexOverride,
        OnDemandThroughputOverride,
    )  # fmt: skip
    return _restored(
        call, TargetTableName, backup.table, backup.rows, None, backup.created, overrides, SSESpecificationOverride, backup=BackupArn
    )


# Making a table again --------------------------------------------------------------------------------


def _restored(
    call: Call, name: str, source: Table, rows: int, at: float | None, shown_at: float, overrides: tuple, encryption: dict | None, *,
    backup: str = "",
) -> Any:  # fmt: skip
    """The answer, or a coroutine of it where keys must be made and opened. A restored table has a key of its own, under the source's
    key of KMS unless another is wanted."""
    if source.resealing is not None:
        raise TableInUseException(f"Table is being updated: {source.name}")
    if name in call.shelf(Table):
        raise TableAlreadyExistsException(f"Table already exists: {name}")
    table = made_again(call, name, source, overrides)
    of = call.arn(f"table/{source.name}", "dynamodb")
    table = changed(table, active_at=math.inf, restored_from=backup, restored_of=of, restored_at=shown_at)
    copy = Copy(source=rows, target=table.id, at=at, table=name, was=source.encryption)
    is_sealed, key = table_key.wish(encryption)
    if encryption is None and source.encryption is not None:
        is_sealed, key = True, source.encryption.data_key.key
    if not is_sealed and source.encryption is None:
        return _copied(call, table, copy)
    return _copied_sealed(call, table, copy, key if is_sealed else None, is_sealed=is_sealed)


def _copied(call: Call, table: Table, copy: Copy) -> dict[str, Any]:
    if table.name in call.shelf(Table):
        raise TableAlreadyExistsException(f"Table already exists: {table.name}")
    call.shelf(Table)[table.name] = table
    begin(call, copy)
    made = call.shelf(Table)[table.name]
    return {"TableDescription": description.shown(call, made, item.sizes(call, made), status="CREATING")}


async def _copied_sealed(call: Call, table: Table, copy: Copy, key: str | None, *, is_sealed: bool) -> dict[str, Any]:
    if copy.was is not None:
        await table_key.opened(call, copy.was)
    if is_sealed:
        fresh = await table_key.made(call, table.name, key)
        await table_key.opened(call, fresh)
        table, copy = changed(table, encryption=fresh), changed(copy, becomes=fresh)
    return call.atomically(lambda: _copied(call, table, copy))


def made_again(call: Call, name: str, source: Table, overrides: tuple = (None, None, None, None, None)) -> Table:
    """A new table that is keyed, billed and indexed as another was. Rows are copied as they lie, so it has the other's order."""
    billing, throughput, global_indexes, local_indexes, most = overrides
    wanted: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": kind} for n, kind in source.definitions.items()],
        "KeySchema": description.schema_shown(source.hash_name, source.range_name),
        "BillingMode": billing or ("PAY_PER_REQUEST" if source.is_on_demand else "PROVISIONED"),
        "TableClass": source.table_class,
    }
    shown = description.shown(call, source, {})
    units = {"ReadCapacityUnits": source.read_units, "WriteCapacityUnits": source.write_units}
    is_on_demand = wanted["BillingMode"] == "PAY_PER_REQUEST"
    if not is_on_demand:
        wanted["ProvisionedThroughput"] = throughput or units
    elif throughput is not None:
        wanted["ProvisionedThroughput"] = throughput
    if most is None and is_on_demand:
        most = shown.get("OnDemandThroughput")
    wanted["OnDemandThroughput"] = most
    for member, given in (("GlobalSecondaryIndexes", global_indexes), ("LocalSecondaryIndexes", local_indexes)):
        kept = [_index_again(index, is_on_demand, units) for index in shown.get(member, ())]
        if given is not None:
            strangers = [index["IndexName"] for index in given if index["IndexName"] not in {k["IndexName"] for k in kept}]
            if strangers:
                raise ValidationException(f"{INVALID}Indexes that the source does not have cannot be restored: {', '.join(strangers)}")
            kept = given
        if kept:
            wanted[member] = kept
    keyed = (wanted, *wanted.get("GlobalSecondaryIndexes", ()), *wanted.get("LocalSecondaryIndexes", ()))
    used = {element["AttributeName"] for holder in keyed for element in holder["KeySchema"]}
    wanted["AttributeDefinitions"] = [d for d in wanted["AttributeDefinitions"] if d["AttributeName"] in used]
    return changed(definition.made(call, wanted), has_aws_order=source.has_aws_order)


def _index_again(index: dict[str, Any], is_on_demand: bool, units: dict[str, int]) -> dict[str, Any]:
    made = {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
    held = index.get("ProvisionedThroughput")
    if held is not None and not is_on_demand:
        made["ProvisionedThroughput"] = _units(held) if held["ReadCapacityUnits"] else units
    if is_on_demand and "OnDemandThroughput" in index:
        made["OnDemandThroughput"] = index["OnDemandThroughput"]
    return made


# Copying -------------------------------------------------------------------------------------------


def begin(call: Call, copy: Copy) -> None:
    """Copy what can be copied at once; background work goes on with the rest."""
    step(call, copy, AT_ONCE)
    call.home.wake(("dynamodb", "work"))


def step(call: Call, copy: Copy, count: int) -> bool:
    """Copy some items; answers whether those were the last."""
    rows = call.rows(item.ITEMS)
    found, after = history.state(call, copy.source, copy.at, copy.after, count)
    was, becomes = (sealing.of(call, each) if each is not None else None for each in (copy.was, copy.becomes))
    for pk, sk, size, body in found:
        at, kept = sealing.resealed(was, becomes, (pk, sk), body)
        rows.run("replace into dynamodb_item values (?,?,?,?,?,null)", copy.target, *at, size, kept)
    copied = sum(size for _, _, size, _ in found)
    if copy.table:
        call.bill("dynamodb:restore", copy.table, copied / GIB)
    if copy.backup and (backup := call.shelf(Backup).get(copy.backup)) is not None:
        call.shelf(Backup)[backup.id] = changed(
            backup, items=backup.items + len(found), size=backup.size + copied, is_whole=after is None
        )
    if copy.backup:
        call.keeps_otherwise()
    if after is not None:
        call.shelf(Copy)[str(copy.target)] = changed(copy, after=after)
        return False
    if str(copy.target) in call.shelf(Copy):
        del call.shelf(Copy)[str(copy.target)]
    if copy.table:
        opened(call, copy.table, copy.target)
    return True


def opened(call: Call, name: str, id_: int) -> None:
    """All items are there: the table opens, and its indexes follow."""
    table = call.shelf(Table).get(name)
    if table is None or table.id != id_:
        return
    ready = call.now() + tables.CREATING_FOR_S if call.home.settings.pace == "real" else 0.0
    table = call.shelf(Table)[table.name] = changed(table, active_at=ready)
    for index in table.indexes:
        item.fill(call, table, index.id)


async def is_open(call: Call, copy: Copy) -> bool:
    """Whether background work has the keys to go on with a copy; opens them if it may."""
    for encryption in (copy.was, copy.becomes):
        if encryption is not None and await table_key.opened_for_service(call, encryption) is None:
            return False
    return True


def forget_old(call: Call) -> None:
    """What lies further back than anybody may go."""
    for table in call.shelf(Table).values():
        if table.recovers_since:
            history.forget(call, table.id, call.now() - table.recovery_days * DAY_S - DAY_S)
    for backup in list(call.shelf(Backup).values()):
        if backup.expires and backup.expires <= call.now():
            drop(call, backup)

