"""Writing a snapshot: begun, filled block by block, sealed.

https://docs.aws.amazon.com/ebs/latest/userguide/writesnapshots.html, ebsapis-using-encryption.html, ebs-apis-using-checksums.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.ebs.errors import ConcurrentLimitExceededException, in_words_of_ebs, invalid, no_snapshot
from kumoniwa.services.ec2 import block, ebs_key, ebs_record
from kumoniwa.services.ec2.ebs_key import Seal
from kumoniwa.services.ec2.ebs_record import NO_VOLUME, Snapshot
from kumoniwa.wire.message import BodyTooLarge, whole

GIB_MAX = 65_536
PENDING_MAX = 100
"""Snapshots that are being written: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html"""
TIMEOUT_MIN = 60
TAGS_MAX = 50


class Writing:
    """Places that somebody writes to just now. Not durable."""

    def __init__(self) -> None:
        self.places: set[tuple[str, int]] = set()


async def _turn(call: Call, id_: str) -> None:
    """EC2 looks after snapshots, whoever began them."""
    await call.home.heard(call.region, "ec2", {"do": "ebs_turn", "account": call.account, "id": id_})


def reserved_tag(operation: str, key: str) -> AwsError:
    return invalid("Tag keys starting with 'aws:' are reserved for internal use", "INVALID_TAG")


def _tags(call: Call, id_: str, said: list[dict[str, str]] | None) -> dict[str, str]:
    tags = {each.get("Key", ""): each.get("Value", "") for each in said or ()}
    if "" in tags or len(tags) != len(said or ()):
        raise invalid("Tag keys must be unique and must not be empty.", "INVALID_TAG")
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise invalid(f"At most {TAGS_MAX} tags can be applied to a snapshot.", "INVALID_TAG")
    if tags:
        keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        call.require("ec2:CreateTags", ebs_record.snapshot_arn(call, id_), **{"ec2:CreateAction": "StartSnapshot", "aws:TagKeys": [*tags]}, **keys)
    return tags


def _parent(call: Call, id_: str, size_gib: int) -> Snapshot:
    held = ebs_record.owned(call, id_)
    if held is None:
        raise no_snapshot(id_)
    owner, parent = held
    if owner is not call:
        raise NotImplementedHere("ebs:StartSnapshot(ParentSnapshotId) with snapshots of other accounts")
    if parent.state != "completed":
        raise invalid(f"The parent snapshot '{id_}' is not in the completed state.", "INVALID_SNAPSHOT_ID")
    if size_gib < parent.size_gib:
        raise invalid(f"The volume size must be at least that of the parent snapshot, {parent.size_gib} GiB.", "INVALID_VOLUME_SIZE")
    return parent


async def _seal(call: Call, id_: str, parent: Snapshot | None, is_said: bool | None, key: str | None) -> Seal | None:
    """By the tables of ebsapis-using-encryption.html. Raises what they refuse, and what KMS answers."""
    is_on = ebs_key.default(call).is_on
    if parent is not None:
        if is_said is not None or key is not None:
            raise invalid("Encrypted and KmsKeyArn cannot be specified with ParentSnapshotId.")
        if parent.seal is None:
            if is_on:
                raise invalid("Encryption by default is enabled: a snapshot cannot be started from an unencrypted parent snapshot.")
            return None
        with in_words_of_ebs():
            return await ebs_key.inherited(call, parent.seal, id_)
    if key is not None and not is_said:
        raise invalid("KmsKeyArn requires Encrypted to be true.")
    if is_said is False and is_on:
        raise invalid("Encryption by default is enabled: an unencrypted snapshot cannot be started.")
    if not (is_said or is_on):
        return None
    with in_words_of_ebs():
        return await ebs_key.made(call, key or "", id_)


async def StartSnapshot(
    call: Call, *, VolumeSize: int, ParentSnapshotId: str | None = None, Tags: list[dict] | None = None, Description: str | None = None,
    ClientToken: str | None = None, Encrypted: bool | None = None, KmsKeyArn: str | None = None, Timeout: int | None = None,
) -> dict:  # fmt: skip
    if VolumeSize > GIB_MAX:
        raise invalid(f"The volume size must not be larger than {GIB_MAX} GiB.", "INVALID_VOLUME_SIZE")
    parent = _parent(call, ParentSnapshotId, VolumeSize) if ParentSnapshotId is not None else None
    if sum(each.kind == "direct" and each.state == "pending" for each in call.shelf(Snapshot).values()) >= PENDING_MAX:
        raise ConcurrentLimitExceededException(f"An account can have {PENDING_MAX} pending snapshots.")
    id_ = f"snap-0{call.ids.hex(16)}"
    tags = _tags(call, id_, Tags)
    seal = await _seal(call, id_, parent, Encrypted, KmsKeyArn)
    map_ = call.new_id()
    if parent is not None:
        await block.copied(call, parent.map, map_)
        if ParentSnapshotId not in call.shelf(Snapshot):
            block.forget(call, map_)
            raise no_snapshot(ParentSnapshotId)
    now, timeout_s = call.now(), 60.0 * (Timeout or TIMEOUT_MIN)
    call.shelf(Snapshot)[id_] = Snapshot(
        id=id_, volume=NO_VOLUME, size_gib=VolumeSize, started=now, description=Description or "", kind="direct", map=map_, seal=seal,
        parent=ParentSnapshotId or "", timeout_s=timeout_s, expires=now + timeout_s, lineage=parent.lineage if parent is not None else call.new_id(),
        tags=tags,
    )  # fmt: skip
    await _turn(call, id_)
    told = {
        "Description": Description, "SnapshotId": id_, "OwnerId": call.account, "Status": "pending", "StartTime": now, "VolumeSize": VolumeSize,
        "BlockSize": block.BYTES, "Tags": Tags, "ParentSnapshotId": ParentSnapshotId, "KmsKeyArn": seal.key if seal is not None else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _written(call: Call, id_: str) -> Snapshot:
    """A snapshot that takes blocks."""
    each = call.shelf(Snapshot).get(id_)
    if each is None:
        raise no_snapshot(id_)
    if each.kind != "direct" or each.is_sealed or each.state == "completed":
        raise invalid(f"The snapshot '{id_}' is not in the pending state.", "INVALID_SNAPSHOT_ID")
    if each.state != "pending" or each.expires <= call.now():
        raise invalid(f"The snapshot '{id_}' was not completed in time.", "WRITE_REQUEST_TIMEOUT")
    return each


def _sum(text: str, algorithm: str | None) -> bytes:
    if algorithm != "SHA256":
        raise invalid(f"The checksum algorithm {algorithm} is not supported.")
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != 32:
        raise invalid("The checksum is not a Base64-encoded SHA256 checksum.")
    return found


async def PutSnapshotBlock(
    call: Call, *, SnapshotId: str, BlockIndex: int, BlockData: Any, DataLength: int, Checksum: str, ChecksumAlgorithm: str, Progress: int | None = None
) -> dict:
    """What was at the place is replaced. ``Failed to read block data`` is AWS's: nanovms/ops#1268."""
    each, wanted = _written(call, SnapshotId), _sum(Checksum, ChecksumAlgorithm)
    if DataLength != block.BYTES:
        raise invalid(f"The data length must be {block.BYTES} bytes.")
    if BlockIndex >= each.size_gib * block.PER_GIB:
        raise invalid("The block index lies beyond the end of the volume.", "INVALID_BLOCK")
    try:
        body = await whole(BlockData, block.BYTES)
    except BodyTooLarge:
        body = b""
    if len(body) != block.BYTES:
        raise invalid("Failed to read block data")
    places, place = call.memory(Writing).places, (SnapshotId, BlockIndex)
    if place in places:
        raise invalid("Another request writes to this block.", "CONFLICTING_BLOCK_UPDATE")
    places.add(place)
    try:
        with in_words_of_ebs():
            secret = await ebs_key.opened(call, each.seal)
        try:
            draft = await block.written(call, body, secret, wanted)
        except block.Mismatch:
            raise invalid("The checksum does not match the block data.", "INVALID_BLOCK") from None
        try:
            call.atomically(lambda: _put(call, SnapshotId, BlockIndex, draft, Progress))
        except AwsError:
            block.discard(call, draft)
            raise
    finally:
        places.discard(place)
    return {"Checksum": Checksum, "ChecksumAlgorithm": ChecksumAlgorithm}


def _put(call: Call, id_: str, number: int, draft: block.Draft, progress: int | None) -> None:
    each = _written(call, id_)
    block.keep(call, each.map, number, draft)
    ebs_record.keep(call, each, expires=call.now() + each.timeout_s, progress=each.progress if progress is None else min(progress, 99))


async def CompleteSnapshot(
    call: Call, *, SnapshotId: str, ChangedBlocksCount: int, Checksum: str | None = None, ChecksumAlgorithm: str | None = None,
    ChecksumAggregationMethod: str | None = None,
) -> dict:  # fmt: skip
    """The linear checksum is that of the checksums' bytes, in the order of their blocks: awslabs/coldsnap, upload.rs."""
    each = _written(call, SnapshotId)
    own = block.own(call, each.map)
    if len(own) != ChangedBlocksCount:
        raise invalid(f"{len(own)} blocks were written to the snapshot, not {ChangedBlocksCount}.")
    if Checksum is not None:
        wanted = _sum(Checksum, ChecksumAlgorithm)
        if ChecksumAggregationMethod != "LINEAR":
            raise invalid(f"The checksum aggregation method {ChecksumAggregationMethod} is not supported.")
        with in_words_of_ebs():
            secret = await ebs_key.opened(call, each.seal)
        if await asyncio.to_thread(_linear, own, secret) != wanted:
            raise invalid("The checksum does not match those of the blocks.")
        if block.own(call, _written(call, SnapshotId).map) != own:
            raise invalid("Blocks were written while the snapshot was completed.", "CONFLICTING_BLOCK_UPDATE")
    ebs_record.keep(call, _written(call, SnapshotId), is_sealed=True)
    await _turn(call, SnapshotId)
    return {"Status": "pending"}


def _linear(own: list[block.Block], secret: bytes) -> bytes:
    return hashlib.sha256(b"".join(block.checksum_of(each, secret) for each in own)).digest()
