"""Reading a snapshot: which blocks it has, in what two of them differ, and the bytes of one.

https://docs.aws.amazon.com/ebs/latest/userguide/readsnapshots.html
"""

from __future__ import annotations

import base64

from kumoniwa.kernel.call import Call
from kumoniwa.services.ebs import token
from kumoniwa.services.ebs.errors import InternalServerException, in_words_of_ebs, invalid, no_snapshot
from kumoniwa.services.ec2 import block, ebs_key, ebs_record
from kumoniwa.services.ec2.ebs_record import Snapshot
from kumoniwa.wire.message import File

PAGE = 10_000


def _readable(call: Call, id_: str) -> tuple[Call, Snapshot]:
    """A snapshot of the account's, or one that was shared with it by name: public ones are not read so, say the FAQ."""
    held = ebs_record.owned(call, id_)
    if held is None:
        raise no_snapshot(id_)
    owner, each = held
    if owner is not call and call.account not in each.users:
        raise invalid(f"The snapshot '{id_}' is public, which the EBS direct APIs do not support.", "INVALID_SNAPSHOT_ID")
    if each.state != "completed":
        raise invalid(f"The snapshot '{id_}' is not in the completed state.", "INVALID_SNAPSHOT_ID")
    return owner, each


def _told(call: Call, each: Snapshot, expires: float, next_: int | None, *snapshots: str) -> dict:
    told = {"ExpiryTime": expires, "VolumeSize": each.size_gib, "BlockSize": block.BYTES}
    return told if next_ is None else told | {"NextToken": token.of_page(call, next_, *snapshots)}


def ListSnapshotBlocks(
    call: Call, *, SnapshotId: str, NextToken: str | None = None, MaxResults: int | None = None, StartingBlockIndex: int | None = None
) -> dict:
    owner, each = _readable(call, SnapshotId)
    first = token.first_of_page(call, NextToken, SnapshotId) if NextToken is not None else StartingBlockIndex or 0
    most = MaxResults or PAGE
    found = block.listed(owner, each.map, first, most + 1)
    expires = call.now() + token.BLOCK_S
    blocks = [
        {"BlockIndex": one.number, "BlockToken": token.of_block(call, expires, SnapshotId, one.number, one.body)} for one in found[:most]
    ]
    return {"Blocks": blocks, **_told(call, each, expires, found[most].number if len(found) > most else None, SnapshotId)}


def ListChangedBlocks(
    call: Call, *, SecondSnapshotId: str, FirstSnapshotId: str | None = None, NextToken: str | None = None, MaxResults: int | None = None,
    StartingBlockIndex: int | None = None,
) -> dict:  # fmt: skip
    """Places at which two snapshots of a lineage have not the same block. Where one has none, it has no token."""
    if FirstSnapshotId is None:
        raise invalid("FirstSnapshotId must be specified with SecondSnapshotId.")
    (owner, one), (other_owner, other) = _readable(call, FirstSnapshotId), _readable(call, SecondSnapshotId)
    if owner.account != other_owner.account or one.lineage != other.lineage:
        raise invalid(f"The snapshots '{FirstSnapshotId}' and '{SecondSnapshotId}' are not of the same lineage.", "UNRELATED_SNAPSHOTS")
    pair = (FirstSnapshotId, SecondSnapshotId)
    first = token.first_of_page(call, NextToken, *pair) if NextToken is not None else StartingBlockIndex or 0
    most = MaxResults or PAGE
    found = block.differing(owner, one.map, other.map, first, most + 1)
    expires = call.now() + token.BLOCK_S
    changed = []
    for number, *bodies in found[:most]:
        tokens = {
            member: token.of_block(call, expires, id_, number, body)
            for member, id_, body in zip(("FirstBlockToken", "SecondBlockToken"), pair, bodies) if body is not None
        }  # fmt: skip
        changed.append({"BlockIndex": number, **tokens})
    return {"ChangedBlocks": changed, **_told(call, other, expires, found[most][0] if len(found) > most else None, *pair)}


async def GetSnapshotBlock(call: Call, *, SnapshotId: str, BlockIndex: int, BlockToken: str) -> dict:
    """Whoever asks must be able to open the key that the snapshot is under, each time."""
    owner, each = _readable(call, SnapshotId)
    found = block.at(owner, each.map, BlockIndex)
    token.check_block(call, BlockToken, SnapshotId, BlockIndex, found.body if found is not None else "")
    with in_words_of_ebs():
        secret = await ebs_key.opened(call, each.seal)
    try:
        if secret:
            body = await block.read(owner, found, secret)
        else:
            body = File(block.blobs_of(owner).path(found.body), 0, block.BYTES)
        checksum = block.checksum_of(found, secret)
    except FileNotFoundError:
        raise no_snapshot(SnapshotId) from None
    except block.Damaged:
        raise InternalServerException("The block is damaged.") from None
    return {
        "DataLength": block.BYTES, "BlockData": body, "Checksum": base64.b64encode(checksum).decode(), "ChecksumAlgorithm": "SHA256",
    }  # fmt: skip
