"""What volumes and snapshots do in their own time: they come to be, are filled in, change and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ec2 import block, ebs_lineage, ebs_record, snapshot, snapshot_copy, volume, volume_change
from kumoniwa.services.ec2.ebs_record import TURNS, Snapshot, Volume

REST_S = 10.0
"""Until what met something passing tries again."""


def unfinished(call: Call) -> Iterator[str]:
    for each in call.shelf(Volume).values():
        if each.state in ("creating", "deleting") or (each.changes and not each.changes[-1].ended):
            yield each.id
    for each in call.shelf(Snapshot).values():
        if each.state == "pending":
            yield each.id


async def move(call: Call, id_: str) -> None:
    await (_move_volume if id_ in call.shelf(Volume) else _move_snapshot)(call, id_)


async def _filled(call: Call, kind: type, id_: str) -> str | None:
    """Why a thing cannot be filled in; "" if it is, None if that must wait."""
    try:
        await ebs_lineage.filled(call, kind, id_)
    except AwsError as error:
        if patience.is_passing(error):
            ebs_record.look(call, id_, call.now() + REST_S)
            return None
        return error.text
    return ""


async def _move_volume(call: Call, id_: str) -> None:
    shelf = call.shelf(Volume)
    if shelf[id_].state == "creating":
        failure = shelf[id_].failure or await _filled(call, Volume, id_)
        if failure is None or id_ not in shelf:
            return
        if failure:
            call.atomically(lambda: volume.gone(call, ebs_record.keep(call, shelf[id_], failure=failure)))
        else:
            call.atomically(lambda: volume.come(call, shelf[id_]))
    elif shelf[id_].state == "deleting":
        call.atomically(lambda: volume.gone(call, shelf[id_]))
    else:
        call.atomically(lambda: volume_change.moved(call, shelf[id_]))


async def _move_snapshot(call: Call, id_: str) -> None:
    shelf = call.shelf(Snapshot)
    each = shelf.get(id_)
    if each is None or each.state != "pending":
        return
    if each.kind == "direct" and not each.is_sealed:
        if each.expires > call.now():
            ebs_record.look(call, id_, each.expires)
        else:
            call.atomically(lambda: snapshot.fail(call, shelf[id_], "The snapshot was not completed in time."))
        return
    failure = each.failure or await _filled(call, Snapshot, id_)
    if failure is None or id_ not in shelf:
        return
    if failure:
        call.atomically(lambda: snapshot.fail(call, shelf[id_], failure, snapshot_copy.SHUT))
    else:
        call.atomically(lambda: snapshot.complete(call, shelf[id_]))


async def run(region: Any) -> None:
    for call in region.calls("ec2", ebs_record.SERVICE):
        block.sweep(call, ebs_record.maps(call))
    await TURNS.run(region, unfinished, move)
