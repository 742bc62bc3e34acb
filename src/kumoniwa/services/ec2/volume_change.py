"""Modifications of volumes: another size, type or speed, which a volume has at once and is prepared for in its own time.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modify-volume.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import ebs_record, ebs_telling, filters, volume, volume_type
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.ebs_record import VOLUME, Change, Volume
from kumoniwa.services.ec2.errors import IncorrectState, InvalidParameterValue, Refused
from kumoniwa.wire import timestamps

A_DAY_S, MOST_A_DAY = 86_400.0, 4
"""A volume may be modified four times in 24 hours, since January 2026; before that it was once in six. What the model says of ModifyVolume."""
OPTIMIZED_AFTER_S, COMPLETED_AFTER_S = 5.0, 60.0
"""How long it takes at AWS's pace, about: that depends on the size."""
_UNDER_WAY = ("modifying", "optimizing")

_NAMES: filters.Names = {
    "modification-state": "ModificationState", "original-iops": "OriginalIops", "original-size": "OriginalSize",
    "original-volume-type": "OriginalVolumeType", "originalMultiAttachEnabled": "OriginalMultiAttachEnabled", "start-time": "StartTime",
    "target-iops": "TargetIops", "target-size": "TargetSize", "target-volume-type": "TargetVolumeType",
    "targetMultiAttachEnabled": "TargetMultiAttachEnabled", "volume-id": "VolumeId",
}  # fmt: skip


def _shown(of: Volume, change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"VolumeId": of.id, "ModificationState": change.state}
    for word, state in (("Target", change.after), ("Original", change.before)):
        type_, size_gib, iops, throughput, is_shared = state
        told |= {
            f"{word}Size": size_gib, f"{word}Iops": iops, f"{word}VolumeType": type_, f"{word}Throughput": throughput,
            f"{word}MultiAttachEnabled": is_shared,
        }  # fmt: skip
    progress = {"modifying": 0, "optimizing": 50}.get(change.state, 100)
    told |= {"Progress": progress, "StartTime": change.started, "EndTime": change.ended or None}
    return {name: value for name, value in told.items() if value is not None}


@may_be_dry
def ModifyVolume(
    call: Call, *, VolumeId: str, Size: int | None = None, VolumeType: str | None = None, Iops: int | None = None, Throughput: int | None = None,
    MultiAttachEnabled: bool | None = None,
) -> dict:  # fmt: skip
    of = ebs_record.existing(call, VOLUME, VolumeId)
    if (Size, VolumeType, Iops, Throughput, MultiAttachEnabled) == (None,) * 5:
        raise InvalidParameterValue("Invalid input: Must specify at least one of size, type, iops, throughput, multi_attach_enabled")
    if of.state != "available":
        raise IncorrectState(f"The volume '{VolumeId}' is in state '{of.state}'.")
    _check_rate(call, of)
    if Size is not None and Size < of.size_gib:
        raise InvalidParameterValue("New size cannot be smaller than existing size")
    type_, is_shared = VolumeType or of.type, of.is_shared if MultiAttachEnabled is None else MultiAttachEnabled
    iops, throughput = Iops, Throughput
    if type_ == of.type and type_ in ("gp3", "io1", "io2"):
        iops = of.iops if Iops is None else Iops
        throughput = of.throughput if Throughput is None else Throughput
    elif iops is None and type_ in ("io1", "io2"):
        iops = volume_type.GP3_IOPS
    size_gib = Size if Size is not None else of.size_gib
    iops, throughput = volume_type.checked(type_, size_gib, iops, throughput, is_shared)
    change = Change(
        started=call.now(), before=(of.type, of.size_gib, of.iops, of.throughput, of.is_shared), after=(type_, size_gib, iops, throughput, is_shared),
        request=call.request_id,
    )  # fmt: skip
    kept = tuple(each for each in of.changes if each.started > call.now() - A_DAY_S) or of.changes[-1:]
    ebs_record.keep(call, of, changes=(*kept, change))
    ebs_record.look(call, VolumeId, _next(call, change))
    return {"VolumeModification": _shown(of, change)}


def _check_rate(call: Call, of: Volume) -> None:
    """The first sentence is AWS's, as users quote it; the second says when, as AWS's does by the model, in words of ours."""
    if of.changes and of.changes[-1].state in _UNDER_WAY:
        raise Refused("IncorrectModificationState", f"Cannot modify volume '{of.id}' because it is in modification state {of.changes[-1].state.upper()}.")
    recent = [each.started for each in of.changes if each.started > call.now() - A_DAY_S]
    if len(recent) >= MOST_A_DAY:
        when = timestamps.to_second(recent[-MOST_A_DAY] + A_DAY_S)
        raise Refused(
            "VolumeModificationRateExceeded",
            f"You've reached the maximum modification rate per volume limit. The next modification of this volume can be made at {when}.",
        )


def _next(call: Call, change: Change) -> float:
    if call.home.settings.pace != "real":
        return call.now()
    return change.started + (OPTIMIZED_AFTER_S if change.state == "modifying" else COMPLETED_AFTER_S)


def moved(call: Call, of: Volume) -> None:
    """A turn of a volume whose modification is under way."""
    if not of.changes or of.changes[-1].state not in _UNDER_WAY:
        return
    change = of.changes[-1]
    if call.now() < _next(call, change):
        ebs_record.look(call, of.id, _next(call, change))
        return
    if change.state == "modifying":
        type_, size_gib, iops, throughput, is_shared = change.after
        change = changed(change, state="optimizing")
        of = ebs_record.keep(
            call, of, type=type_, size_gib=size_gib, iops=iops, throughput=throughput, is_shared=is_shared, changes=(*of.changes[:-1], change)
        )
        ebs_record.look(call, of.id, _next(call, change))
        call.keeps_otherwise()
    else:
        change = changed(change, state="completed", ended=call.now())
        ebs_record.keep(call, of, changes=(*of.changes[:-1], change))
    ebs_telling.volume(call, changed(of, request=change.request), "modifyVolume", change.state)


@may_be_dry
def DescribeVolumesModifications(call: Call, *, VolumeIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    """The latest of each volume."""
    found = volume.chosen(call, VolumeIds)
    for each in found if VolumeIds else ():
        if not each.changes:
            raise Refused("InvalidVolumeModification.NotFound", f"Modification for volume '{each.id}' does not exist.")
    return {"VolumesModifications": filters.kept([_shown(each, each.changes[-1]) for each in found if each.changes], Filters, _NAMES, tags="")}
