"""Carrying out what waits to be replicated: from one bucket to another along one lane, in batches.

A row goes away when the destination has committed what it stands for, and not before: whoever dies in between asks again.
When a destination cannot be reached its rows wait; when it refuses, the version's status says FAILED and nobody asks again
until somebody makes a batch job of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed, pack, unpack
from kumoniwa.services.s3 import bill, exchange, managed_key, notification, storage
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import S3_ITSELF, Bucket, arn, location, require
from kumoniwa.services.s3.lock import UNLOCKED
from kumoniwa.services.s3.replica import AGAIN, SESSION
from kumoniwa.services.s3.replication import QUEUE, WAITING, Lanes, is_on
from kumoniwa.services.s3.storage import Blob, Head, Version

BATCH_ROWS, BATCH_BYTES = 1000, 1 << 20
PIECE_BYTES = 1 << 20
RESTED_S = (0.5, 2.0)
"""How long a lane rests when its other end cannot be reached: at first, and at most."""
MISSED_AFTER_S = 900.0
LOOKED_EVERY_S = 1.0
"""How often a lane that a fault holds up looks whether it still does."""
FAILED = "FAILED"


class Row(NamedTuple):
    id: int
    key: str
    version: str
    what: str
    rule: str
    since: float
    is_timed: int
    is_missed: int


_DUE = """select id, key, version, what, rule, since, is_timed, is_missed from s3_replication
          where bucket = ? and target = ? and due <= ? order by due limit ?"""


async def run(region: Any) -> None:
    """Keep a lane going for every pair of buckets between which something waits."""
    region.tellers["s3_replication"] = lambda: _told(region)
    async with asyncio.TaskGroup() as group:
        while True:
            for call in region.calls("s3", S3_ITSELF):
                lanes = call.memory(Lanes).running
                for source, target in call.rows(QUEUE).all("select distinct bucket, target from s3_replication"):
                    if (source, target) not in lanes:
                        lane = lanes[source, target] = Lane(call, source, target)
                        group.create_task(lane.run())
            await region.wait(WAITING, region.clock.now() + 3600)


def _told(region: Any) -> dict[str, Any]:
    """Lag by lane, ``source>target``: how much waits and how long the oldest has."""
    told: dict[str, Any] = {}
    for call in region.calls("s3", S3_ITSELF):
        lags = call.rows(QUEUE).all("select bucket, target, count(*), min(since) from s3_replication group by bucket, target")
        for source, target, count, since in lags:
            told[f"{source}>{target}"] = {"pending": count, "oldest_s": max(0.0, region.clock.now() - since)}
    return told


class Lane:
    """From one bucket to another, until nothing waits any more."""

    def __init__(self, call: Call, source: str, target: str) -> None:
        self.call, self.home, self.source, self.target = call, call.home, source, target
        self.key = (*WAITING, call.account, source, target)
        self.sleeps_until = 0.0
        self.readers: dict[str, Call] = {}
        """By role: who reads for the batch that is being made."""

    async def run(self) -> None:
        try:
            await self._run()
        finally:
            # In the very step in which nothing was found to wait any more: who writes now begins a new lane.
            del self.call.memory(Lanes).running[self.source, self.target]

    async def _run(self) -> None:
        rested_s = RESTED_S[0]
        while (due := self._next_due()) is not None:
            now, fault = self.home.clock.now(), self._fault("replication.slow")
            due += fault.params["lag"] if fault is not None else 0.0
            self._tell_missed(now)
            if self._fault("replication.pause") is not None:
                await self.home.wait(self.key, now + LOOKED_EVERY_S)
            elif due > now:
                self.sleeps_until = min(due, now + LOOKED_EVERY_S) if self.home.faults else due
                await self.home.wait(self.key, self.sleeps_until)
                self.sleeps_until = 0.0
            else:
                lag = fault.params["lag"] if fault is not None else 0.0
                try:
                    await self._carry([Row(*row) for row in self._rows().all(_DUE, self.source, self.target, now - lag, BATCH_ROWS)])
                    rested_s = RESTED_S[0]
                except AwsError:
                    # Dark, cut off, or in trouble of its own: the rows stay, and so does their order.
                    await self.home.wait((*self.key, "rest"), self.home.clock.now() + rested_s)
                    rested_s = min(2 * rested_s, RESTED_S[1])

    def _rows(self):
        return self.call.rows(QUEUE, storage.OBJECTS)

    def _next_due(self) -> float | None:
        return self._rows().one("select min(due) from s3_replication where bucket = ? and target = ?", self.source, self.target)[0]

    def _fault(self, kind: str) -> Any:
        if not self.home.faults:
            return None
        place = location(self.home, self.target)
        return self.home.faults.hit(kind, bucket=(self.source, self.target), to=place.region if place is not None else None)

    def _tell_missed(self, now: float) -> None:
        """Of what Replication Time Control should have replicated by now, once."""
        rows = self._rows()
        missed = rows.all(
            """select id, key, version, what, rule, since, is_timed, is_missed from s3_replication
               where is_timed = 1 and is_missed = 0 and since <= ? and bucket = ? and target = ? limit 1000""",
            now - MISSED_AFTER_S, self.source, self.target,
        )  # fmt: skip
        for row in map(Row._make, missed):
            rows.run("update s3_replication set is_missed = 1 where id = ?", row.id)
            self._tell("s3:Replication:OperationMissedThreshold", row, threshold=15)

    def _tell(self, event: str, row: Row, **more: Any) -> None:
        """An event as S3's notifications carry it.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
        data = {"replicationRuleId": row.rule, "destinationBucket": arn(self.call, self.target), "requestTime": row.since,
                "s3Operation": {"object": "OBJECT_PUT", "marker": "OBJECT_DELETE"}.get(row.what, "OBJECT_PUT_TAGGING"), **more}  # fmt: skip
        bucket = self.call.shelf(Bucket).get(self.source)
        if bucket is not None:
            notification.happened(
                self.call, bucket, event.removeprefix("s3:"), row.key, version=row.version, more={"replicationEventData": data}
            )
        self.home.note("replication", event=event, bucket=self.source, target=self.target, key=row.key, version=row.version)

    # One batch ----------------------------------------------------------------------------------

    async def _carry(self, rows: list[Row]) -> None:
        """Replicate what fits into one message. Raises the AwsError of a destination that cannot be reached."""
        bucket, place = self.call.shelf(Bucket).get(self.source), location(self.home, self.target)
        self.readers.clear()
        items: list[dict[str, Any]] = []
        taken: list[Row] = []
        size = 0
        for row in rows:
            item = await self._item(bucket, place, row)
            if isinstance(item, str):
                self._settle(bucket, row, FAILED, item)
            elif item is None:
                self._rows().run("delete from s3_replication where id = ?", row.id)
            else:
                items.append(item)
                taken.append(row)
                size += len(item["body"] or b"") + len(item["head"])
            if size > BATCH_BYTES:
                break
        if items:
            answers = await self._said(place.region, {"do": "take", "items": items})
            for row, (status, reason, _) in zip(taken, answers):
                if status != AGAIN[0]:
                    self._settle(bucket, row, status, reason)
        await self.home.store.journal.settled()

    async def _said(self, region: str, message: dict[str, Any]) -> Any:
        if region == self.home.name:
            return await exchange.hear(self.home, region, message)
        return await self.home.exchange(region, "s3", message)

    async def _item(self, bucket: Bucket | None, place: Any, row: Row) -> dict[str, Any] | str | None:
        """A version as it travels; the reason why it cannot, or None if it is gone and nothing need be done."""
        if bucket is None:
            return None
        version = storage.version(self.call, bucket, row.key, row.version)
        if version is None:
            return None
        rule = next((rule for rule in bucket.replication.get("Rules", ()) if rule["ID"] == row.rule), None)
        if rule is None:
            return "SrcReplicationConfigurationGone"
        if place is None:
            return "DstBucketNotFound"
        head, role = version.head, bucket.replication["Role"]
        try:
            reader = self._reader(role)
            self._check_rights(reader, row, head)
        except AwsError as error:
            if (error.status or 400) >= 500:
                raise
            return "AssumeRoleNotPermitted" if "sts:AssumeRole" in error.text else "SrcGetObjectNotPermitted"
        destination = rule["Destination"]
        item: dict[str, Any] = {
            "what": row.what, "bucket": self.target, "account": place.account, "key": row.key, "version": row.version,
            "modified": version.modified, "size": version.size, "etag": version.etag,
            "storage": destination.get("StorageClass", version.storage), "head": version.packed, "body": None, "token": "", "nonces": [],
            "role": role, "source_account": self.call.account, "source_arn": arn(self.call, self.source),
            "overrides_owner": "AccessControlTranslation" in destination,
        }  # fmt: skip
        if row.what != "object":
            return item
        secret, sealing = b"", b""
        if head.data_key is not None:
            try:
                secret = await managed_key.secret_of(reader, head)
            except AwsError as error:
                if (error.status or 400) >= 500:
                    raise
                return "SrcGetObjectNotPermitted"
            key = (destination.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
            given = await self._said(place.region, {**item, "do": "data key", "kms": key})
            if isinstance(given, str):
                return given
            head = changed(head, data_key=unpack(given[0], DataKey), has_bucket_key=given[1])
            sealing = given[2]
        await self._add_body(item, place, version, head, secret, sealing)
        return item

    def _reader(self, role: str) -> Call:
        """The role's session, once for a batch. Raises AccessDenied if it does not trust S3 or may not even begin."""
        reader = self.readers.get(role)
        if reader is None:
            whole = arn(self.call, self.source)
            principal = self.home.assume(role, S3_ITSELF, SESSION, self.call.account, {"aws:SourceArn": whole})
            reader = Call(self.home, self.call.account, principal, "s3", "GetObject")
            for action in ("s3:GetReplicationConfiguration", "s3:ListBucket"):
                require(reader, action, whole)
            self.readers[role] = reader
        return reader

    def _check_rights(self, reader: Call, row: Row, head: Head) -> None:
        """What AWS's documentation asks of the role on the source's side.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html"""
        if row.what == "marker":
            return
        place = arn(self.call, self.source, row.key)
        for action in ("s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"):
            require(reader, action, place)
        if head.tags:
            require(reader, "s3:GetObjectVersionTagging", place)
        if head.lock is not UNLOCKED:
            require(reader, "s3:GetObjectRetention", place)
            require(reader, "s3:GetObjectLegalHold", place)

    async def _add_body(self, item: dict[str, Any], place: Any, version: Version, head: Head, secret: bytes, sealing: bytes) -> None:
        """A small body travels in its item, a large one ahead of it. What its client encrypted stays as it is; what a key of KMS opened
        with ``secret`` is encrypted with ``sealing``, the replica's own data key, before it leaves."""
        if version.body is not None:
            item["body"] = version.body if head.customer_key else bodies.stretch(self.call, version, head, 0, version.size, secret)
            if sealing:
                nonce = os.urandom(16)
                item["body"] = bodies.sealing(self.call, nonce, sealing)(item["body"])
                item["head"] = pack(changed(head, nonce=nonce))
            return
        item["token"] = token = self.call.ids.hex(32)
        number = 0
        for count, blob in enumerate(head.blobs):
            nonce = os.urandom(16) if sealing else blob.nonce if head.customer_key else b""
            seal = bodies.sealing(self.call, nonce, sealing) if sealing else bytes
            item["nonces"].append(nonce)
            async for data in _pieces(self.call, blob, secret, is_sealed=bool(head.customer_key)):
                message = {"do": "piece", "account": place.account, "token": token, "is_first": number == 0, "blob": count,
                           "encrypts": bool(head.encryption) and not nonce, "data": seal(data)}  # fmt: skip
                if not await self._said(place.region, message):
                    raise Forgotten
                number += 1
        item["head"] = pack(head) if sealing else item["head"]

    def _bill(self, row: Row, size_bytes: int) -> None:
        place = location(self.home, self.target)
        if place is not None and place.region != self.home.name:
            bill.carried(self.call, self.source, size_bytes)
        if row.is_timed:
            bill.in_time(self.call, self.source, size_bytes)

    def _settle(self, bucket: Bucket | None, row: Row, status: str, reason: str = "") -> None:
        """Note how a replication ended, and forget its row."""
        rows = self._rows()
        rows.run("delete from s3_replication where id = ?", row.id)
        version = storage.version(self.call, bucket, row.key, row.version) if bucket is not None else None
        if version is not None:
            head = version.head
            storage.change(self.call, version, changed(head, replicas={**head.replicas, self.target: status}))
        took_s = self.home.clock.now() - row.since
        if version is not None and row.what == "object" and status != FAILED:
            self._bill(row, version.size)
        if status == FAILED:
            self._tell("s3:Replication:OperationFailedReplication", row, failureReason=reason)
        elif row.is_missed:
            self._tell("s3:Replication:OperationReplicatedAfterThreshold", row, threshold=15, replicationTime=took_s)
        rule = next((rule for rule in (bucket.replication if bucket else {}).get("Rules", ()) if rule["ID"] == row.rule), {})
        if is_on(rule, "Destination", "Metrics"):
            self.call.tell("Replication Metrics", {
                "SourceBucket": self.source, "DestinationBucket": self.target, "RuleId": row.rule, "ReplicationLatency": took_s,
                "OperationsFailedReplication": int(status == FAILED),
            })  # fmt: skip


class Forgotten(AwsError):
    """The other side has begun anew in the middle of a body."""

    code = "ServiceUnavailable"


async def _pieces(call: Call, blob: Blob, secret: bytes, *, is_sealed: bool) -> AsyncIterator[bytes]:
    """A file of a body, piece by piece: decrypted, or as it lies."""
    plain = changed(blob, nonce=b"") if is_sealed else blob
    held = b""
    async for data in bodies.decrypted(call, [(plain, 0, blob.size)], secret):
        held += data
        if len(held) >= PIECE_BYTES:
            yield held
            held = b""
    if held:
        yield held
