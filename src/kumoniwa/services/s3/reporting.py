"""What S3 reports of a bucket by itself, as it was configured: when the next report is due, and how it is put into another bucket.

A report is put by S3, which the destination's policy must allow; where it does not there is none, and the next is made in its time.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html, "Grant permissions for S3 Inventory and S3 analytics"
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3 import managed_key
from kumoniwa.services.s3.bucket import S3_ITSELF, Bucket, arn
from kumoniwa.store.rows import Table

IDLE_S = 30 * 86_400.0


class InvalidS3DestinationBucket(AwsError):
    """Recorded: localstack's test_s3_put_inventory_report_exceptions."""

    status = 400
    message = "Invalid bucket ARN."


def check_destination(target: dict[str, Any]) -> None:
    """That a destination names a bucket by its ARN. Raises InvalidS3DestinationBucket."""
    place = arns.parse(target["Bucket"])
    if place is None or place.service != "s3" or place.region or place.account or not place.resource or "/" in place.resource:
        raise InvalidS3DestinationBucket


class Deadlines:
    """When each configuration of a kind is due: rows by bucket and id, and the work that finds them."""

    def __init__(self, name: str) -> None:
        self.name, self.waking = name, ("s3", name)
        self.table = Table(
            name, f"create table if not exists {name} (bucket text, id text, due real, primary key (bucket, id)) without rowid"
        )

    def set(self, call: Call, bucket: str, id: str, due: float) -> None:
        call.rows(self.table).run(f"replace into {self.name} values (?,?,?)", bucket, id, due)
        call.after_commit(lambda: call.home.wake(self.waking))

    def drop(self, call: Call, bucket: str, id: str) -> None:
        call.rows(self.table).run(f"delete from {self.name} where bucket = ? and id = ?", bucket, id)

    async def run(self, region: Any, make: Callable[[Call, str, str], Awaitable[float | None]]) -> None:
        """Have made what is due, for as long as the region lives. ``make(call, bucket, id)`` answers when it is due again, None for a
        configuration that is gone. Who dies in the middle makes the whole of it again."""
        while True:
            for call in region.calls("s3", S3_ITSELF):
                for name, id in call.rows(self.table).all(f"select bucket, id from {self.name} where due <= ?", call.now()):
                    began = call.now()
                    due = await make(call, name, id)
                    if due is None:
                        self.drop(call, name, id)
                    else:
                        # What was configured anew meanwhile is due at its own time.
                        call.rows(self.table).run(f"update {self.name} set due = ? where bucket = ? and id = ? and due <= ?", due, name, id, began)
            await region.wait(self.waking, self._next(region))

    def _next(self, region: Any) -> float:
        found = [call.rows(self.table).one(f"select min(due) from {self.name}")[0] for call in region.calls("s3", S3_ITSELF)]
        return min([due for due in found if due is not None], default=region.clock.now() + IDLE_S)


async def put(call: Call, bucket: Bucket, target: dict[str, Any], key: str, body: bytes, kind: str) -> None:
    """Put a file of a report on ``bucket``, as the ``S3BucketDestination`` of its configuration says. Raises what S3 answers."""
    ours = call.acting(S3_ITSELF, **{"aws:SourceArn": arn(call, bucket.name), "aws:SourceAccount": call.account})
    owner = target.get("AccountId") or target.get("BucketAccountId")
    more: dict[str, Any] = {"ExpectedBucketOwner": owner} if owner else {}
    sealing = target.get("Encryption") or {}
    if "SSES3" in sealing:
        more["ServerSideEncryption"] = "AES256"
    elif "SSEKMS" in sealing:
        more |= {"ServerSideEncryption": managed_key.KMS, "SSEKMSKeyId": sealing["SSEKMS"]["KeyId"]}
    there = arns.parse(target["Bucket"]).resource
    await ours.ask("s3:PutObject", Bucket=there, Key=key, Body=body, ACL="bucket-owner-full-control", ContentType=kind, **more)


def folder(target: dict[str, Any], bucket: Bucket, *more: str) -> str:
    """Where reports on a bucket lie: behind the prefix that was asked for, if one was."""
    return "".join(f"{part}/" for part in (target.get("Prefix"), bucket.name, *more) if part)


def undelivered(call: Call, target: dict[str, Any], error: AwsError) -> None:
    call.home.note("undelivered", service="s3", target=target["Bucket"], code=error.code)
