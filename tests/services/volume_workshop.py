"""What tests of volumes and snapshots have alike: blocks, snapshots that are written, and what is read of them."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

BLOCK = 524_288


def block_files(cloud) -> list[Path]:
    """The files in which blocks lie."""
    return [each for each in Path(cloud.folder).glob("*/*.blobs/ec2/*/*") if each.is_file()]


def block(text: str) -> bytes:
    """A block that begins with a text."""
    return text.encode().ljust(BLOCK, b".")


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def said(sum_: bytes) -> str:
    return base64.b64encode(sum_).decode()


def put(ebs, snapshot: str, number: int, body: bytes, **more: Any) -> dict:
    told = {"DataLength": BLOCK, "Checksum": said(digest(body)), "ChecksumAlgorithm": "SHA256", **more}
    return ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=number, BlockData=body, **told)


def completed(cloud, ebs, snapshot: str, blocks: dict[int, bytes]) -> None:
    """Seal a snapshot to which these blocks were written."""
    linear = digest(b"".join(digest(blocks[number]) for number in sorted(blocks)))
    ebs.complete_snapshot(
        SnapshotId=snapshot, ChangedBlocksCount=len(blocks), Checksum=said(linear), ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR"
    )
    cloud.sleep(1)


def written(cloud, blocks: dict[int, bytes], ebs=None, size: int = 1, **more: Any) -> str:
    """A snapshot of these blocks; its id."""
    ebs = ebs or cloud.client("ebs")
    snapshot = ebs.start_snapshot(VolumeSize=size, **more)["SnapshotId"]
    for number, body in blocks.items():
        put(ebs, snapshot, number, body)
    completed(cloud, ebs, snapshot, blocks)
    return snapshot


def tokens(ebs, snapshot: str) -> dict[int, str]:
    return {each["BlockIndex"]: each["BlockToken"] for each in ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]}


def held(ebs, snapshot: str) -> dict[int, bytes]:
    """All that a snapshot holds, read block by block, each as its checksum says."""
    found = {}
    for number, token in tokens(ebs, snapshot).items():
        got = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=number, BlockToken=token)
        found[number] = got["BlockData"].read()
        assert (got["DataLength"], got["Checksum"]) == (BLOCK, said(digest(found[number])))
    return found
