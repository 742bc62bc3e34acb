"""What policies are asked of volumes and snapshots, and the condition keys that tell of them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import ebs_record
from kumoniwa.services.ec2.ebs_record import Snapshot, Volume
from kumoniwa.wire import timestamps

TOUCHED = {
    "CreateVolume": "volume+ snapshot", "DeleteVolume": "volume", "ModifyVolume": "volume", "ModifyVolumeAttribute": "volume", "DescribeVolumeAttribute": "volume", "CreateSnapshot": "snapshot+ volume",
    "DeleteSnapshot": "snapshot", "CopySnapshot": "snapshot+", "ModifySnapshotAttribute": "snapshot", "ResetSnapshotAttribute": "snapshot",
    "DescribeSnapshotAttribute": "snapshot", "LockSnapshot": "snapshot", "UnlockSnapshot": "snapshot",
}  # fmt: skip
MEMBERS = {"VolumeId": "volume", "SnapshotId": "snapshot"}
_SAID = {
    "Encrypted": "ec2:encrypted", "KmsKeyId": "ec2:kmskeyid", "Size": "ec2:volumesize", "VolumeType": "ec2:volumetype", "Iops": "ec2:volumeiops",
    "Throughput": "ec2:volumethroughput", "AvailabilityZone": "ec2:availabilityzone", "SnapshotId": "ec2:snapshotid", "VolumeId": "ec2:volumeid",
    "Attribute": "ec2:attribute", "LockMode": "ec2:snapshotlockmode", "LockDuration": "ec2:snapshotlockduration",
    "CoolOffPeriod": "ec2:snapshotcooloffperiod",
}  # fmt: skip


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Of what is asked for, and of what it names."""
    if operation not in TOUCHED:
        return {}
    keys = {key: params[member] for member, key in _SAID.items() if isinstance(params.get(member), str | int | float)}
    if operation == "CreateVolume" and "SnapshotId" in params:
        keys["ec2:parentsnapshot"] = ebs_record.snapshot_arn(call, str(params["SnapshotId"]))
    of = call.shelf(Volume).get(params.get("VolumeId", ""))
    if of is not None:
        told = {
            "ec2:encrypted": of.seal is not None, "ec2:volumesize": of.size_gib, "ec2:volumetype": of.type, "ec2:volumeiops": of.iops,
            "ec2:volumethroughput": of.throughput, "ec2:availabilityzone": of.zone,
        }  # fmt: skip
        if operation == "CreateSnapshot":
            told["ec2:parentvolume"] = call.arn(f"volume/{of.id}", "ec2")
        keys = {**keys, **{key: value for key, value in told.items() if value is not None}}
    each = ebs_record.owned(call, params["SnapshotId"]) if isinstance(params.get("SnapshotId"), str) else None
    if each is not None:
        owner, held = each
        keys |= _of_snapshot(call, owner.account, held)
    permission = params.get("CreateVolumePermission")
    for word in ("Add", "Remove"):
        changes = permission.get(word) if isinstance(permission, dict) else None
        if changes:
            keys[f"ec2:{word.lower()}/userid"] = [one["UserId"] for one in changes if one.get("UserId")]
            keys[f"ec2:{word.lower()}/group"] = [one["Group"] for one in changes if one.get("Group")]
    return keys


def _of_snapshot(call: Call, owner: str, each: Snapshot) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "ec2:owner": owner, "ec2:snapshottime": timestamps.to_second(each.started), "ec2:parentvolume": call.arn(f"volume/{each.volume}", "ec2"),
        "ec2:volumesize": each.size_gib,
    }  # fmt: skip
    return keys | ({"ec2:encrypted": True} if each.seal is not None else {})
