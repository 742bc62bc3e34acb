"""Volumes. There are no instances here to write to them, so a volume holds what it was made from.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.zones import Zone, zones
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import ebs_key, ebs_lineage, ebs_record, ebs_telling, filters, tag, volume_type
from kumoniwa.services.ec2.dry_run import DryRunOperation, may_be_dry
from kumoniwa.services.ec2.ebs_lineage import Beginning, Source
from kumoniwa.services.ec2.ebs_record import VOLUME, Volume
from kumoniwa.services.ec2.errors import IncorrectState, InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused

DEFAULT_TYPE = "gp2"
SETTLING_S = {"creating": 3.0, "deleting": 3.0}
"""How long each takes at AWS's pace, about."""

_NAMES: filters.Names = {
    "attachment.attach-time": "Attachments.AttachTime", "attachment.delete-on-termination": "Attachments.DeleteOnTermination",
    "attachment.device": "Attachments.Device", "attachment.instance-id": "Attachments.InstanceId", "attachment.status": "Attachments.State",
    "availability-zone": "AvailabilityZone", "availability-zone-id": "AvailabilityZoneId", "create-time": lambda each: each["CreateTime"],
    "encrypted": "Encrypted", "fast-restored": lambda each: False, "multi-attach-enabled": "MultiAttachEnabled",
    "operator.managed": "Operator.Managed", "operator.principal": "Operator.Principal", "size": "Size", "snapshot-id": "SnapshotId",
    "status": "State", "volume-id": "VolumeId", "volume-type": "VolumeType",
}  # fmt: skip


def _zone(call: Call, name: str | None, id_: str | None) -> Zone:
    if name is not None and id_ is not None:
        raise InvalidParameterCombination("The parameters AvailabilityZone and AvailabilityZoneId cannot be used together")
    if name is None and id_ is None:
        raise MissingParameter("The request must contain the parameter zone")
    for each in zones(call.region):
        if name == each.name or id_ == each.id:
            return each
    raise Refused("InvalidZone.NotFound", f"The zone '{name if name is not None else id_}' does not exist.")


def shown(call: Call, volume: Volume) -> dict[str, Any]:
    told = {
        "AvailabilityZoneId": next(each.id for each in zones(call.region) if each.name == volume.zone), "Iops": volume.iops,
        "Tags": tag.shown(volume.tags) or None, "VolumeType": volume.type, "MultiAttachEnabled": volume.is_shared, "Throughput": volume.throughput,
        "Operator": {"Managed": False}, "VolumeId": volume.id, "Size": volume.size_gib, "SnapshotId": volume.snapshot,
        "AvailabilityZone": volume.zone, "State": volume.state, "CreateTime": volume.created, "Attachments": [],
        "Encrypted": bool(volume.seal or volume.key), "KmsKeyId": volume.seal.key if volume.seal is not None else volume.key or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _source(call: Call, id_: str, size_gib: int | None) -> Source:
    ebs_record.check_id(ebs_record.SNAPSHOT, id_)
    source = ebs_lineage.here(call, id_)
    if source is None:
        raise Refused(ebs_record.SNAPSHOT.code, ebs_record.SNAPSHOT.text.format(id_))
    if source.state != "completed":
        raise IncorrectState(f"Snapshot is in invalid state - {source.state}")
    if size_gib is not None and size_gib < source.size_gib:
        raise InvalidParameterValue(f"Volume of size {size_gib}GB is smaller than snapshot '{id_}', expect size >= {source.size_gib}GB")
    return source


def key_for(call: Call, source: Source | None, is_said: bool | None, key: str | None) -> str | None:
    """What a new volume is encrypted with; None if it is not. Without a word it is what its snapshot is, under the same key if that snapshot
    is the account's own. https://docs.aws.amazon.com/ebs/latest/userguide/encryption-examples.html#ebs-volume-encryption-outcomes"""
    if key is not None and not is_said:
        raise Refused("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
    is_sealed = source is not None and source.seal is not None
    if not (is_said or is_sealed or ebs_key.default(call).is_on):
        return None
    if key is None and is_sealed and source.account == call.account:
        return source.seal.key
    return key or ""


async def CreateVolume(
    call: Call, *, AvailabilityZone: str | None = None, AvailabilityZoneId: str | None = None, Encrypted: bool | None = None, Iops: int | None = None,
    KmsKeyId: str | None = None, Size: int | None = None, SnapshotId: str | None = None, VolumeType: str | None = None,
    TagSpecifications: list[dict] | None = None, MultiAttachEnabled: bool | None = None, Throughput: int | None = None,
    ClientToken: str | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    """A key that does not open is no refusal: the volume is told to come, and is gone soon after, as an event says.
    kubernetes-sigs/aws-ebs-csi-driver#3010, and what the model says of KmsKeyId."""
    zone = _zone(call, AvailabilityZone, AvailabilityZoneId)
    if SnapshotId is None and Size is None:
        raise MissingParameter("The request must contain the parameter size/snapshot")
    source = _source(call, SnapshotId, Size) if SnapshotId is not None else None
    size_gib = Size if Size is not None else source.size_gib
    type_ = VolumeType or DEFAULT_TYPE
    iops, throughput = volume_type.checked(type_, size_gib, Iops, Throughput, bool(MultiAttachEnabled))
    key = key_for(call, source, Encrypted, KmsKeyId)
    id_ = f"vol-0{call.ids.hex(16)}"
    tags = tag.of_new(call, TagSpecifications, VOLUME, id_)
    if DryRun:
        raise DryRunOperation
    beginning, failure = Beginning(None, "", None, ""), ""
    try:
        beginning = await ebs_lineage.begun(call, id_, source, key)
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        failure = error.text

    def act() -> dict:
        ebs_lineage.check_is_there(call, source, beginning)
        made = call.shelf(Volume)[id_] = Volume(
            id=id_, zone=zone.name, size_gib=size_gib, type=type_, created=call.now(), iops=iops, throughput=throughput,
            is_shared=bool(MultiAttachEnabled), snapshot=SnapshotId or "", map=beginning.map, seal=beginning.seal, key=key or ebs_key.MANAGED if failure else "",
            filling=beginning.filling, lineage=beginning.lineage, failure=failure, tags=tags, request=call.request_id,
        )  # fmt: skip
        settle(call, id_, "creating")
        told = shown(call, made)
        del told["Attachments"]
        return told

    return call.atomically(act)


def settle(call: Call, id_: str, state: str) -> None:
    ebs_record.look(call, id_, call.now() + (SETTLING_S[state] if call.home.settings.pace == "real" else 0.0))


@may_be_dry
def DeleteVolume(call: Call, *, VolumeId: str) -> None:
    volume = ebs_record.existing(call, VOLUME, VolumeId)
    if volume.state not in ("available", "error"):
        raise IncorrectState(f"The volume '{VolumeId}' is in state '{volume.state}'.")
    ebs_record.keep(call, volume, state="deleting", request=call.request_id)
    settle(call, VolumeId, "deleting")


def gone(call: Call, volume: Volume) -> None:
    del call.shelf(Volume)[volume.id]
    ebs_record.let_go(call, volume.map)
    ebs_key.retire(call, volume.seal)
    ebs_record.filled_no_more(call, volume.filling)
    if volume.failure:
        ebs_telling.volume(call, volume, "createVolume", "failed", volume.failure)
    else:
        ebs_telling.volume(call, volume, "deleteVolume", "deleted")
    call.keeps_otherwise()


def come(call: Call, volume: Volume) -> None:
    """It can be used."""
    ebs_record.keep(call, volume, state="available")
    ebs_telling.volume(call, volume, "createVolume", "available")
    call.keeps_otherwise()


def chosen(call: Call, ids: list[str] | None) -> list[Volume]:
    if ids:
        return [ebs_record.existing(call, VOLUME, id_) for id_ in dict.fromkeys(ids)]
    return sorted(call.shelf(Volume).values(), key=lambda each: (each.created, each.id))


@may_be_dry
def DescribeVolumes(call: Call, *, VolumeIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"Volumes": filters.kept([shown(call, each) for each in chosen(call, VolumeIds)], Filters, _NAMES)}


_STATUS_NAMES: filters.Names = {
    "availability-zone": "AvailabilityZone", "availability-zone-id": "AvailabilityZoneId", "volume-status.status": "VolumeStatus.Status",
    "volume-status.details-name": "VolumeStatus.Details.Name", "volume-status.details-status": "VolumeStatus.Details.Status",
    "action.code": "Actions.Code", "action.description": "Actions.Description", "action.event-id": "Actions.EventId",
    "event.description": "Events.Description", "event.event-id": "Events.EventId", "event.event-type": "Events.EventType",
    "event.not-after": "Events.NotAfter", "event.not-before": "Events.NotBefore",
}  # fmt: skip


@may_be_dry
def DescribeVolumeStatus(call: Call, *, VolumeIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    """https://docs.aws.amazon.com/ebs/latest/userguide/monitoring-volume-checks.html"""
    rows = []
    for each in chosen(call, VolumeIds):
        zone = next(zone for zone in zones(call.region) if zone.name == each.zone)
        is_there = each.state == "available"
        details = [{"Name": "io-enabled", "Status": "passed" if is_there else "insufficient-data"}, {"Name": "io-performance", "Status": "not-applicable"}]
        rows.append({
            "Actions": [], "AvailabilityZone": zone.name, "AvailabilityZoneId": zone.id, "Events": [], "VolumeId": each.id,
            "VolumeStatus": {"Details": details, "Status": "ok" if is_there else "insufficient-data"}, "AttachmentStatuses": [],
        })  # fmt: skip
    return {"VolumeStatuses": filters.kept(rows, Filters, _STATUS_NAMES, tags="")}


@may_be_dry
def ModifyVolumeAttribute(call: Call, *, VolumeId: str, AutoEnableIO: dict | None = None) -> None:
    of = ebs_record.existing(call, VOLUME, VolumeId)
    if AutoEnableIO is None:
        raise MissingParameter("The request must contain the parameter autoEnableIO")
    ebs_record.keep(call, of, enables_io=bool(AutoEnableIO.get("Value")))


@may_be_dry
def DescribeVolumeAttribute(call: Call, *, VolumeId: str, Attribute: str) -> dict:
    of = ebs_record.existing(call, VOLUME, VolumeId)
    if Attribute == "productCodes":
        return {"VolumeId": VolumeId, "ProductCodes": []}
    if Attribute != "autoEnableIO":
        raise InvalidParameterValue(f"Value ({Attribute}) for parameter attribute is invalid.")
    return {"VolumeId": VolumeId, "AutoEnableIO": {"Value": of.enables_io}}
