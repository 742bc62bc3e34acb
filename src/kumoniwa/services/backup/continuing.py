"""Continuous backups of buckets: one recovery point that follows its bucket, and gives it back as it was at any second of its days.

S3 tells of changes over EventBridge, which AWS Backup switches on for the bucket; soon after one the bucket's versions are listed, those
that are new are kept, and of those that are gone it is noted since when. A version's tags or grants that change make another entry of it.
How the bucket was at a time is, for each version, its newest entry until then.
https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html, point-in-time-recovery.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.backup import agenda, bucket, keeping, lodging
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.agenda import DUE
from kumoniwa.services.backup.errors import JobFailed
from kumoniwa.services.backup.keeping import PIECES, Keeper
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed
from kumoniwa.store.rows import Table

SETTLED_S = 5.0
"""So long after the first change of several the bucket is looked at. AWS says: within fifteen minutes."""
ENTRIES = Table(
    "backup_entry",
    """create table if not exists backup_entry (id integer primary key autoincrement, point text, key text, version text, at real,
         modified real, gone real, first integer, last integer);
       create index if not exists backup_entry_key on backup_entry (point, key, modified, id)""",
)
"""What was kept of a version ``at`` a time, in these pieces, and since when the version is no more."""
TOUCHED = Table(
    "backup_touched",
    "create table if not exists backup_touched (point text, key text, version text, primary key (point, key, version)) without rowid",
)
"""Versions whose tags or grants have changed since they were kept."""
CHANGES = frozenset({"Object Created", "Object Deleted"})
TOUCHES = frozenset({"Object Tags Added", "Object Tags Deleted", "Object ACL Updated"})


class Followed(Record):
    """A bucket that is followed. Shelved by its name."""

    points: tuple[str, ...]


class Locks:
    """One at a time keeps what is new of a point."""

    def __init__(self) -> None:
        self.by_point: dict[str, asyncio.Lock] = {}


class Entry(NamedTuple):
    key: str
    version: str
    first: int
    last: int


def of(call: Call, vault: str, resource: str) -> RecoveryPoint | None:
    """The point that follows a resource for a vault, if it does still."""
    followed = call.shelf(Followed).get(resource.rpartition(":")[2])
    found = (call.shelf(RecoveryPoint).get(arn) for arn in (followed.points if followed is not None else ()))
    return next((point for point in found if point is not None and point.vault == vault and point.status == points.AVAILABLE), None)


def heard(region: Any, fact: tuple) -> None:
    """S3 tells of a bucket: whoever follows it looks at it soon. The fact comes again until what is written here is kept."""
    service, kind, account, detail = fact
    if service != "s3" or (kind not in CHANGES and kind not in TOUCHES):
        return
    followed = region.store.shelf(account, Followed).get(detail["bucket"]["name"])
    if followed is None:
        return
    rows = region.store.rows(account)
    for table in (DUE, TOUCHED):
        rows.use(table)
    for arn in followed.points:
        if kind in TOUCHES:
            rows.run("insert or ignore into backup_touched values (?, ?, ?)", arn, detail["object"]["key"], detail["object"].get("version-id", ""))
        rows.run("insert or ignore into backup_due values ('follow', ?, ?)", arn, region.clock.now() + SETTLED_S)
    region.wake(agenda.WORK)


async def begin(call: Call, role: Call, point: RecoveryPoint) -> None:
    """Have the bucket tell of its changes, as the role may, and be followed from now on."""
    name = point.name
    try:
        said = await role.ask("s3:GetBucketNotificationConfiguration", Bucket=name)
        if "EventBridgeConfiguration" not in said:
            await role.ask("s3:PutBucketNotificationConfiguration", Bucket=name, NotificationConfiguration={**said, "EventBridgeConfiguration": {}})
    except AwsError as error:
        if error.code == "AccessDenied":
            raise JobFailed(bucket.UNREADABLE.format(point.resource), hint=error.hint) from None
        raise
    followed = call.shelf(Followed).get(name, Followed(points=()))
    if point.arn not in followed.points:
        call.shelf(Followed)[name] = changed(followed, points=(*followed.points, point.arn))


def drop(call: Call, arn: str) -> None:
    """Let a point go, with its bytes, whether it follows anything or not."""
    point = call.shelf(RecoveryPoint).get(arn)
    if point is not None and lodging.has(point.kind):
        lodging.leave(call, point.kind, point.role, point.resource, arn, is_whole=point.status != points.CREATING or not point.is_continuous)
    elif point is not None and point.is_continuous:
        _follow_no_more(call, point)
    keeping.drop(call, arn)


def _follow_no_more(call: Call, point: RecoveryPoint) -> None:
    followed = call.shelf(Followed).get(point.name)
    if followed is not None and point.arn in followed.points:
        left = tuple(arn for arn in followed.points if arn != point.arn)
        if left:
            call.shelf(Followed)[point.name] = changed(followed, points=left)
        else:
            del call.shelf(Followed)[point.name]
    call.rows(ENTRIES).run("delete from backup_entry where point = ?", point.arn)
    call.rows(TOUCHED).run("delete from backup_touched where point = ?", point.arn)
    agenda.plan(call, "follow", point.arn, None)


async def follow(call: Call, role: Call, arn: str, options: dict[str, str]) -> str:
    """Keep what is new of the bucket, and note what is gone; answers what could not be kept."""
    async with call.memory(Locks).by_point.setdefault(arn, asyncio.Lock()):
        point = call.shelf(RecoveryPoint)[arn]
        rows = call.rows(ENTRIES, TOUCHED)
        # What changes from here on is looked at again.
        agenda.plan(call, "follow", arn, None)
        touched = set(rows.all("select key, version from backup_touched where point = ?", arn))
        known = set(rows.all("select key, version from backup_entry where point = ? and gone is null", arn))
        now, secret, failed = call.now(), await keeping.secret_of(call, point), ""
        number = (rows.one("select max(last) from backup_entry where point = ?", arn)[0] or 0) + 1
        there = set()
        async for key, versions in bucket.listed(role, point.name, now):
            for row in versions:
                at = (key, row["VersionId"])
                there.add(at)
                if at in known and at not in touched:
                    continue
                keeper = Keeper(call, arn, secret, number)
                failed = await bucket.take_one(role, point.name, key, row, keeper, options) or failed
                await keeper.flush()
                since = now if at in known else row["LastModified"]
                call.atomically(partial(_kept, call, arn, at, row, since, keeper, number))
                number = keeper.number
        for key, version in known - there:
            rows.run("update backup_entry set gone = ? where point = ? and key = ? and version = ? and gone is null", now, arn, key, version)
        _let_old_go(call, call.shelf(RecoveryPoint)[arn])
        call.keeps_otherwise()
        return failed


def _kept(call: Call, arn: str, at: tuple[str, str], row: dict[str, Any], since: float, keeper: Keeper, first: int) -> None:
    rows = call.rows(ENTRIES, TOUCHED)
    rows.run(
        "insert into backup_entry values (null, ?, ?, ?, ?, ?, null, ?, ?)", arn, *at, since, row["LastModified"], first, keeper.number - 1
    )
    rows.run("delete from backup_touched where point = ? and key = ? and version = ?", arn, *at)
    point = call.shelf(RecoveryPoint)[arn]
    call.shelf(RecoveryPoint)[arn] = changed(point, size=point.size + keeper.size)


def _let_old_go(call: Call, point: RecoveryPoint) -> None:
    """Entries that are in no state of the last days: gone before them, or followed by another entry of the same version."""
    rows, until = call.rows(ENTRIES, PIECES), call.now() - point.lifecycle["DeleteAfterDays"] * points.DAY_S
    old = rows.all(
        """select id, first, last from backup_entry as one where point = ?1 and (gone < ?2 or exists (select 1 from backup_entry as other
           where other.point = ?1 and other.key = one.key and other.version = one.version and other.id > one.id and other.at <= ?2))""",
        point.arn, until,
    )  # fmt: skip
    for id_, first, last in old:
        rows.run("delete from backup_entry where id = ?", id_)
        keeping.forget(call, point.arn, first, last)


async def due(call: Call, arn: str) -> None:
    """Something has changed. A bucket that tells no more, or that the role may not read, is not followed any longer."""
    point = call.shelf(RecoveryPoint).get(arn)
    if point is None or point.status != points.AVAILABLE:
        agenda.plan(call, "follow", arn, None)
        return
    try:
        role = assumed(call, point.role, point.resource)
        await bucket.described(role, point.resource)
        await follow(call, role, arn, point.options)
    except AwsError as error:
        if (error.status or 400) < 500:
            stop(call, arn)
        else:
            agenda.plan(call, "follow", arn, call.now() + 60.0)


def stop(call: Call, arn: str) -> None:
    """What is kept stays and can be restored; the next job makes a point anew."""
    point = call.shelf(RecoveryPoint)[arn] = changed(call.shelf(RecoveryPoint)[arn], status=points.STOPPED)
    agenda.plan(call, "follow", arn, None)
    call.tell("Recovery Point State Change", {"resources": [arn], **points.told(call, point, call.arn(f"backup-vault:{point.vault}", "backup"))})


# As it was -------------------------------------------------------------------------------------------

_STATE = """select key, version, first, last from backup_entry as one where point = ?1 and modified <= ?2 and at <= ?2
            and (gone is null or gone > ?2) and not exists (select 1 from backup_entry as other where other.point = ?1 and other.key = one.key
            and other.version = one.version and other.id > one.id and other.at <= ?2) order by key, modified, id"""


async def frames(call: Call, point: RecoveryPoint, secret: bytes, at: float) -> AsyncIterator[list[Any]]:
    """The bucket as it was, in the frames of a point that was taken then."""
    yield ["bucket", point.name]
    entries = [Entry(*row) for row in call.rows(ENTRIES).all(_STATE, point.arn, at)]
    start = 0
    while start < len(entries):
        end = start
        while end < len(entries) and entries[end].key == entries[start].key:
            end += 1
        yield ["key", entries[start].key, end - start]
        for entry in entries[start:end]:
            async for frame in keeping.frames(call, point, secret, entry.first, entry.last):
                yield frame
        start = end


_encode = msgspec.msgpack.Encoder().encode


async def pieces(call: Call, point: RecoveryPoint, secret: bytes, at: float) -> AsyncIterator[bytes]:
    """The same, as the pieces of a point that stands by itself: what is copied of a continuous backup is a snapshot."""
    held: list[bytes] = []
    size = 0
    async for frame in frames(call, point, secret, at):
        body = _encode(frame)
        held.append(len(body).to_bytes(4, "big") + body)
        size += len(body)
        if size >= keeping.PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
