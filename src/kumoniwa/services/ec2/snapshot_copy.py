"""Copies of snapshots, from this region or another, encrypted as they were or anew. They are asked for where they shall be.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
"""

from __future__ import annotations

from kumoniwa.aws import regions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import ebs_key, ebs_lineage, ebs_record, snapshot, tag
from kumoniwa.services.ec2.dry_run import DryRunOperation
from kumoniwa.services.ec2.ebs_lineage import Beginning
from kumoniwa.services.ec2.ebs_record import NO_VOLUME, SNAPSHOT, Snapshot
from kumoniwa.services.ec2.errors import IncorrectState, InvalidParameterValue, Refused

AT_ONCE_MAX = 20
"""Copies under way to one region: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html"""
SHUT = "Given key ID is not accessible"
"""https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html, To check for failure"""


async def CopySnapshot(
    call: Call, *, SourceRegion: str, SourceSnapshotId: str, Description: str | None = None, DestinationRegion: str | None = None,
    Encrypted: bool | None = None, KmsKeyId: str | None = None, PresignedUrl: str | None = None, TagSpecifications: list[dict] | None = None,
    DryRun: bool | None = None,
) -> dict:  # fmt: skip
    """Without a key named, what is encrypted is encrypted with the account's default key in the region of the copy, whatever it was under.
    A key that does not open ends the copy later. What SDKs say besides (a URL that proves the caller in the other region) the house knows itself."""
    ebs_record.check_id(SNAPSHOT, SourceSnapshotId)
    if not regions.is_region(SourceRegion):
        raise InvalidParameterValue(f"Invalid source region: {SourceRegion}")
    if DestinationRegion not in (None, call.region):
        raise InvalidParameterValue("The destination region must be the region that the request is sent to.")
    if KmsKeyId is not None and not Encrypted:
        raise Refused("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
    # Both snapshots are asked about: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
    call.require("ec2:CopySnapshot", ebs_record.snapshot_arn(call, SourceSnapshotId, SourceRegion))
    is_here = SourceRegion == call.region
    source = ebs_lineage.here(call, SourceSnapshotId) if is_here else await ebs_lineage.there(call, SourceRegion, SourceSnapshotId)
    if source is None:
        raise Refused(SNAPSHOT.code, SNAPSHOT.text.format(SourceSnapshotId))
    if source.state != "completed":
        raise IncorrectState(f"Snapshot is in invalid state - {source.state}")
    if sum(each.kind == "copy" and each.state == "pending" for each in call.shelf(Snapshot).values()) >= AT_ONCE_MAX:
        raise Refused("ResourceLimitExceeded", f"Too many snapshot copies in progress. The limit is {AT_ONCE_MAX} for this destination region.")
    is_sealed = bool(Encrypted or source.seal is not None or ebs_key.default(call).is_on)
    id_ = ebs_record.new_snapshot(call)
    tags = tag.of_new(call, TagSpecifications, SNAPSHOT, id_)
    if DryRun:
        raise DryRunOperation
    beginning, failure = Beginning(None, "", None, ""), ""
    try:
        beginning = await ebs_lineage.begun(call, id_, source, (KmsKeyId or "") if is_sealed else None)
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        failure = error.text

    def act() -> dict:
        ebs_lineage.check_is_there(call, source, beginning)
        call.shelf(Snapshot)[id_] = Snapshot(
            id=id_, volume=NO_VOLUME, size_gib=source.size_gib, started=call.now(), description=Description or "", kind="copy", map=beginning.map,
            seal=beginning.seal, key=(KmsKeyId or ebs_key.MANAGED) if failure else "", filling=beginning.filling, lineage=beginning.lineage, failure=failure,
            source=ebs_record.snapshot_arn(call, SourceSnapshotId, SourceRegion), tags=tags, request=call.request_id,
        )  # fmt: skip
        snapshot.settle(call, id_)
        return {"SnapshotId": id_, "Tags": tag.shown(tags)}

    return call.atomically(act)
