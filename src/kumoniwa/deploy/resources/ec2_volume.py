"""AWS::EC2: volumes, and what an account does about public snapshots. Snapshots themselves are no type of CloudFormation's."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, OMIT, Call, Reading, ResourceType, Setting, Work, gone_tags, made, p, same, seen, text, use
from kumoniwa.deploy.step import settle


class _First(Call):
    """Of an operation that answers a list."""

    async def look(self, work: Work) -> dict[str, Any]:
        return (await super().look(work))["Volumes"][0]


def _specified(kind: str) -> Any:
    return use(lambda tags: [{"ResourceType": kind, "Tags": tags}] if tags else OMIT, p.Tags)


class _Settled(Call):
    """Whoever changes a volume waits until it is as it was wanted."""

    async def __call__(self, work: Work) -> dict[str, Any]:
        answer = await super().__call__(work)
        await settle(work)
        return answer


async def _keep(work: Work) -> None:
    """With all tags of the volume, as the type's schema says."""
    tags = work.properties.get("Tags")
    said = {"TagSpecifications": [{"ResourceType": "snapshot", "Tags": tags}]} if tags else {}
    await work.ask("ec2:CreateSnapshot", VolumeId=work.id, Description=f"Snapshot of {work.logical_id}", **said)
    await work.ask("ec2:DeleteVolume", VolumeId=work.id)


_CHANGES = "Iops MultiAttachEnabled Size Throughput VolumeType"

Volume = ResourceType(
    create=Call(
        "ec2:CreateVolume", f"AvailabilityZone AvailabilityZoneId Encrypted KmsKeyId SnapshotId {_CHANGES}", TagSpecifications=_specified("volume")
    ),
    id=made.VolumeId,
    read=_First("ec2:DescribeVolumes", VolumeIds=[ID]),
    ready={"State": "available"},
    update=(
        _Settled("ec2:ModifyVolume", _CHANGES, VolumeId=ID),
        Call("ec2:DeleteTags", Resources=[ID], Tags=use(lambda keys: [{"Key": key} for key in keys], gone_tags)).when(gone_tags),
        Call("ec2:CreateTags", Resources=[ID], Tags=p.Tags).when(p.Tags),
    ),
    settings=(Setting(Call("ec2:ModifyVolumeAttribute", VolumeId=ID, AutoEnableIO={"Value": p.AutoEnableIO})),),
    delete=Call("ec2:DeleteVolume", VolumeId=ID),
    snapshot=_keep,
    is_gone_slowly=True,
    absent="InvalidVolume.NotFound",
    defaults={"AutoEnableIO": False, "MultiAttachEnabled": False},
    fixed="AvailabilityZone AvailabilityZoneId Encrypted KmsKeyId SnapshotId",
    attributes={"VolumeId": ID},
    drift=(Reading(same("AvailabilityZone Encrypted MultiAttachEnabled Size VolumeType", seen)), Reading({"Tags": seen.Tags})),
)

_STATE = Call("ec2:EnableSnapshotBlockPublicAccess", "State")

SnapshotBlockPublicAccess = ResourceType(
    create=_STATE,
    id=text("${AWS::AccountId}"),
    read=Call("ec2:GetSnapshotBlockPublicAccessState"),
    update=(_STATE,),
    delete=Call("ec2:DisableSnapshotBlockPublicAccess"),
    attributes={"AccountId": ID},
    drift=(Reading(same("State", seen)),),
)
