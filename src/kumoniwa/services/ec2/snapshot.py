"""Snapshots of volumes, and of what is written by the EBS direct APIs.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshots.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import block, ebs_key, ebs_record, ebs_telling, filters, snapshot_lock, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.ebs_record import SNAPSHOT, VOLUME, Snapshot, Volume
from kumoniwa.services.ec2.errors import IncorrectState, InvalidParameterValue, Refused

SETTLING_S = 10.0
"""How long one takes at AWS's pace, about."""
OF_BACKUP = "aws:backup:source-resource"
"""The tag of what AWS Backup keeps: https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html"""
AT_ONCE_MAX = 5
"""Pending ones of one volume: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html"""

_NAMES: filters.Names = {
    "description": "Description", "encrypted": "Encrypted", "owner-alias": "OwnerAlias", "owner-id": "OwnerId", "progress": "Progress",
    "snapshot-id": "SnapshotId", "start-time": lambda each: each["StartTime"], "status": "State", "storage-tier": "StorageTier",
    "transfer-type": "TransferType", "volume-id": "VolumeId", "volume-size": "VolumeSize",
}  # fmt: skip


def shown(call: Call, each: Snapshot, owner: str) -> dict[str, Any]:
    told = {
        "Tags": tag.shown(each.tags) or None if owner == call.account else None, "StorageTier": "standard",
        "TransferType": "standard" if each.kind == "copy" else None, "CompletionTime": each.completed or None,
        "FullSnapshotSizeInBytes": each.blocks * block.BYTES if each.completed else None, "SnapshotId": each.id, "VolumeId": each.volume,
        "State": each.state, "StateMessage": each.message or None, "StartTime": each.started, "Progress": f"{each.progress}%", "OwnerId": owner,
        "Description": each.description, "VolumeSize": each.size_gib, "Encrypted": bool(each.seal or each.key),
        "KmsKeyId": each.seal.key if each.seal is not None else each.key or None, "DataEncryptionKeyId": each.seal.id if each.seal is not None else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _shown_new(call: Call, each: Snapshot) -> dict[str, Any]:
    told = shown(call, each, call.account)
    told["Progress"] = ""
    told.setdefault("Tags", [])
    for later in ("StorageTier", "DataEncryptionKeyId", "TransferType"):
        told.pop(later, None)
    return told


@may_be_dry
def CreateSnapshot(call: Call, *, VolumeId: str, Description: str | None = None, TagSpecifications: list[dict] | None = None) -> dict:
    """It has the blocks and the key of its volume, for which nobody asks KMS."""
    of: Volume = ebs_record.existing(call, VOLUME, VolumeId)
    if of.state != "available":
        raise IncorrectState(f"The volume '{VolumeId}' is in state '{of.state}'.")
    if sum(each.volume == VolumeId and each.state == "pending" for each in call.shelf(Snapshot).values()) >= AT_ONCE_MAX:
        raise Refused("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded.")
    id_ = ebs_record.new_snapshot(call)
    made = call.shelf(Snapshot)[id_] = Snapshot(
        id=id_, volume=VolumeId, size_gib=of.size_gib, started=call.now(), description=Description or "", map=of.map, seal=of.seal, lineage=of.lineage,
        tags=tag.of_new(call, TagSpecifications, SNAPSHOT, id_), request=call.request_id,
    )  # fmt: skip
    settle(call, id_)
    return _shown_new(call, made)


def settle(call: Call, id_: str) -> None:
    ebs_record.look(call, id_, call.now() + (SETTLING_S if call.home.settings.pace == "real" else 0.0))


def complete(call: Call, each: Snapshot) -> None:
    count, now = block.count(call, each.map), call.now()
    each = ebs_record.keep(
        call, each, state="completed", progress=100, completed=now, blocks=count, expires=0.0, lock=snapshot_lock.begun(each.lock, now)
    )
    ebs_telling.snapshot(call, each, {"copy": "copySnapshot"}.get(each.kind, "createSnapshot"), "succeeded")
    call.keeps_otherwise()


def fail(call: Call, each: Snapshot, cause: str, message: str = "") -> None:
    """It stays, in error, without blocks."""
    before = each
    ebs_key.retire(call, each.seal)
    each = ebs_record.keep(call, each, state="error", map="", filling=None, expires=0.0, message=message)
    ebs_record.let_go(call, before.map)
    ebs_record.filled_no_more(call, before.filling)
    ebs_telling.snapshot(call, each, {"copy": "copySnapshot"}.get(each.kind, "createSnapshot"), "failed", cause)


@may_be_dry
def DeleteSnapshot(call: Call, *, SnapshotId: str) -> None:
    """Volumes and other snapshots keep what they share with it."""
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    if OF_BACKUP in each.tags and not ebs_record.is_of_backup(call):
        # cloud-custodian/cloud-custodian#9459
        raise InvalidParameterValue(
            "This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs. If you wish to delete this snapshot, please do "
            "so via the Backup console."
        )
    snapshot_lock.check(call, each)
    forget(call, each)


def forget(call: Call, each: Snapshot) -> None:
    del call.shelf(Snapshot)[each.id]
    ebs_record.let_go(call, each.map)
    if each.filling is not None:
        ebs_key.retire(call, each.seal)
        ebs_record.filled_no_more(call, each.filling)
    call.keeps_otherwise()


def _chosen(call: Call, ids: list[str]) -> list[tuple[str, Snapshot]]:
    found = []
    for id_ in dict.fromkeys(ids):
        ebs_record.check_id(SNAPSHOT, id_)
        held = ebs_record.owned(call, id_)
        if held is None:
            raise Refused(SNAPSHOT.code, SNAPSHOT.text.format(id_))
        found.append((held[0].account, held[1]))
    return found


@may_be_dry
def DescribeSnapshots(
    call: Call, *, SnapshotIds: list[str] | None = None, OwnerIds: list[str] | None = None, RestorableByUserIds: list[str] | None = None,
    Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    """The account's own, and those of others that it may make volumes of."""
    if SnapshotIds:
        found = _chosen(call, SnapshotIds)
    else:
        own = [(call.account, each) for each in call.shelf(Snapshot).values()]
        found = sorted(own, key=lambda held: (held[1].started, held[1].id)) + ebs_record.shared_with(call)
    if OwnerIds:
        owners = {call.account if each == "self" else each for each in OwnerIds}
        found = [held for held in found if held[0] in owners]
    if RestorableByUserIds:
        found = [held for held in found if any(_is_restorable(call, *held, who) for who in RestorableByUserIds)]
    return {"Snapshots": filters.kept([shown(call, each, owner) for owner, each in found], Filters, _NAMES)}


def _is_restorable(call: Call, owner: str, each: Snapshot, who: str) -> bool:
    if who == "all":
        return each.is_public
    if who == "self":
        return owner == call.account or call.account in each.users
    return who in each.users or (who == owner == call.account)
