"""Automated backups as customers see them, also those of an instance that is gone: its copies and what its server wrote down stay for as many days as
they were kept before, if whoever deleted it wanted that, or AWS Backup keeps them as a recovery point.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.Retaining.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.rds import backup, engine_list, hosting, snapshot
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.errors import (
    DBInstanceAutomatedBackupNotFoundFault,
    InvalidDBInstanceAutomatedBackupStateFault,
    InvalidParameterCombination,
)
from kumoniwa.services.rds.instance import Instance, existing, look_again, name_of
from kumoniwa.services.rds.snapshot import Snapshot

GONE = "Automated Backup Gone"
"""The fact that what AWS Backup kept as a recovery point is no more there."""


class Retained(Record):
    """Shelved by the id of the instance that is gone."""

    instance: Instance
    until: float
    """The last moment that it can be made again as of."""
    expires: float


def arn_of(call: Call, instance_id: str) -> str:
    return call.arn(f"auto-backup:ab-{instance_id.removeprefix('db-')}", "rds")


def is_wanted(call: Call, instance: Instance) -> bool:
    """Whether an instance that is being deleted leaves its backups. "The default is to remove automated backups immediately …, unless the Amazon Web
    Services Backup policy specifies a point-in-time restore rule": API_DeleteDBInstance."""
    return instance.keeps_backups and bool(instance.retention_days) and bool(backup.own(call, instance))


def keep(call: Call, instance: Instance, until: float) -> None:
    expires = call.now() + instance.retention_days * backup.DAY_S
    call.shelf(Retained)[instance.id] = Retained(instance=changed(instance, state="deleted", port=0, secret="", pending={}), until=until, expires=expires)
    look_again(call, instance.id, expires)


def expire(call: Call, instance_id: str) -> None:
    """Their days are over."""
    held = call.shelf(Retained).get(instance_id)
    if held is not None and held.expires <= call.now():
        call.atomically(lambda: _drop(call, held))


def _drop(call: Call, held: Retained) -> None:
    for each in list(call.shelf(Snapshot).values()):
        if each.instance_id == held.instance.id and each.kind == "automated":
            snapshot.forget(call, each)
    del call.shelf(Retained)[held.instance.id]
    folder = hosting.folder_of(call, held.instance.id)
    call.after_commit(lambda: call.home.spawn(asyncio.to_thread(hosting.gone, folder)))
    if held.instance.backup_point:
        call.tell(GONE, {"point": held.instance.backup_point})


def source(call: Call, name: str | None, instance_id: str | None, arn: str | None) -> tuple[Instance, tuple[float, float] | None]:
    """What is to be made again, an instance or what is left of one, and from when to when that can be."""
    if name:
        instance = existing(call, name)
        return instance, backup.restorable(call, instance)
    id_ = instance_id or (arn or "").rpartition(":auto-backup:ab-")[2]
    if not id_:
        raise InvalidParameterCombination("The request must specify a SourceDBInstanceIdentifier")
    id_ = f"db-{id_.upper().removeprefix('DB-')}"
    there = next((each for each in call.shelf(Instance).values() if each.id == id_), None)
    if there is not None:
        return there, backup.restorable(call, there)
    held = call.shelf(Retained).get(id_)
    if held is None:
        raise DBInstanceAutomatedBackupNotFoundFault(f"No automated backup of {id_} was found.")
    kept = backup.own(call, held.instance)
    return held.instance, (kept[0].created, held.until) if kept else None


# Operations ----------------------------------------------------------------------------------------


def _shown(call: Call, each: Instance, status: str, times: tuple[float, float] | None) -> dict[str, Any]:
    engine = engine_list.of(each)
    return {
        "DBInstanceArn": call.arn(f"db:{each.name}"), "DbiResourceId": each.id, "Region": call.region, "DBInstanceIdentifier": each.name,
        "RestoreWindow": {"EarliestTime": times[0], "LatestTime": times[1]} if times else {}, "AllocatedStorage": each.storage_gb, "Status": status,
        "Port": each.wanted_port, "AvailabilityZone": each.zone, "InstanceCreateTime": each.created, "MasterUsername": each.master,
        "Engine": each.engine, "EngineVersion": each.version, "LicenseModel": engine.licence, "OptionGroupName": engine.option_group(),
        "Encrypted": False, "StorageType": each.storage_type, "IAMDatabaseAuthenticationEnabled": False,
        "BackupRetentionPeriod": each.retention_days, "BackupTarget": "region", "DBInstanceAutomatedBackupsArn": arn_of(call, each.id),
        **({"AwsBackupRecoveryPointArn": each.backup_point} if each.backup_point else {}),
    }  # fmt: skip


def DescribeDBInstanceAutomatedBackups(
    call: Call, *, DbiResourceId: str | None = None, DBInstanceIdentifier: str | None = None, Filters: list[dict] | None = None,
    DBInstanceAutomatedBackupsArn: str | None = None,
) -> dict:  # fmt: skip
    name = name_of(call, "db", DBInstanceIdentifier) if DBInstanceIdentifier else None
    all_ = [(each, "active", backup.restorable(call, each)) for each in call.shelf(Instance).values() if each.retention_days and not each.cluster]
    for held in call.shelf(Retained).values():
        kept = backup.own(call, held.instance)
        all_.append((held.instance, "retained", (kept[0].created, held.until) if kept else None))
    if name and all(each.name != name for each, _, _ in all_):
        existing(call, name)
    found = []
    for each, status, times in sorted(all_, key=lambda found: (found[0].name, found[0].id)):
        known = {"status": {status}, "db-instance-id": {each.name}, "dbi-resource-id": {each.id}}
        is_asked = DbiResourceId in (None, each.id) and DBInstanceAutomatedBackupsArn in (None, arn_of(call, each.id))
        if is_asked and name in (None, each.name) and filtered(known, Filters):
            found.append(_shown(call, each, status, times))
    return {"DBInstanceAutomatedBackups": found}


def DeleteDBInstanceAutomatedBackup(
    call: Call, *, DbiResourceId: str | None = None, DBInstanceAutomatedBackupsArn: str | None = None
) -> dict:
    """Of an instance that is gone; those of one that is there go when it says so. The texts are ours."""
    there, times = source(call, None, DbiResourceId, DBInstanceAutomatedBackupsArn)
    held = call.shelf(Retained).get(there.id)
    if held is None:
        raise InvalidDBInstanceAutomatedBackupStateFault(f"The automated backups of {there.name} are active and cannot be deleted.")
    _drop(call, held)
    return {"DBInstanceAutomatedBackup": _shown(call, there, "deleting", times)}
