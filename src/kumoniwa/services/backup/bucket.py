"""Buckets of S3 as recovery points: every version of every object, with its tags and grants, oldest first.

All is read and written by AWS calls of the job's role, so what it may not read is not kept and what it may not write is not put back.
https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html, restoring-s3.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.backup import keeping
from kumoniwa.services.backup.errors import InvalidParameterValueException, JobFailed
from kumoniwa.services.backup.keeping import Keeper
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.table import UNREADABLE
from kumoniwa.wire import timestamps
from kumoniwa.wire.message import File

READ_BYTES = 1 << 20
HELD_BYTES = 8 << 20
ITEMS_MAX = 5
_KEPT = (
    "ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "Expires", "Metadata", "StorageClass",
    "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "WebsiteRedirectLocation",
)  # fmt: skip
"""What of an object's description comes back with it."""


class Put(NamedTuple):
    """What is asked of a restore."""

    bucket: str
    versions: int | None
    """How many of each object, None for all."""
    items: tuple[str, ...]
    has_acls: bool
    encryption: dict[str, str] | None
    """None for that of the original."""
    is_new: bool


class Changed(AwsError):
    """The job begins again: what it was reading is there no more."""

    status = 503


async def all_of(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Every bucket here: its ARN and its tags."""
    buckets = await call.home.heard(call.region, "s3", {"do": "buckets", "account": call.account})
    return [(f"arn:{call.home.partition}:s3:::{bucket['name']}", bucket["tags"]) for bucket in buckets]


# Taking ----------------------------------------------------------------------------------------------


async def take(call: Call, role: Call, resource: str, keeper: Keeper, options: dict[str, str]) -> tuple[dict[str, str], str]:
    """Keep a bucket's versions; answers the bucket's tags, and what there is to say: which objects could not be kept."""
    name, began = resource.rpartition(":")[2], call.now()
    tags = await described(role, resource)
    await keeper.add("bucket", name)
    taken, failed = 0, []
    try:
        async for key, versions in listed(role, name, began):
            await keeper.add("key", key, len(versions))
            for version in versions:
                reason = await take_one(role, name, key, version, keeper, options)
                taken += not reason
                failed += [(key, reason)] if reason else []
    except AwsError as error:
        if error.code == "AccessDenied":
            raise JobFailed(UNREADABLE.format(resource), hint=error.hint) from None
        raise
    if failed and not taken:
        raise JobFailed(f"No objects were backed up from {name}. To get notified of these failures, enable SNS event notifications.")
    some = f"One or more objects failed to be backed up from {name}. To get notified of these failures, enable SNS event notifications."
    return tags, some if failed else ""


async def described(role: Call, resource: str) -> dict[str, str]:
    """The tags of a bucket that can be backed up. Raises JobFailed for one that cannot."""
    name = resource.rpartition(":")[2]
    try:
        versioning = (await role.ask("s3:GetBucketVersioning", Bucket=name)).get("Status")
        tags = await _tags(role, name)
    except AwsError as error:
        if error.code == "AccessDenied":
            raise JobFailed(UNREADABLE.format(resource), hint=error.hint) from None
        if error.code in ("NoSuchBucket", "PermanentRedirect"):
            raise JobFailed(f"The bucket {resource} does not exist in this Region.") from None
        raise
    if versioning != "Enabled":
        raise JobFailed(f"Versioning must be enabled on the bucket {resource} to back it up.")
    return tags


async def _tags(role: Call, bucket: str) -> dict[str, str]:
    try:
        found = await role.ask("s3:GetBucketTagging", Bucket=bucket)
    except AwsError as error:
        if error.code != "NoSuchTagSet":
            raise
        return {}
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


async def listed(role: Call, bucket: str, until: float) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The versions of each key that were there at a moment, oldest first."""
    marker: dict[str, str] = {}
    key, versions = "", []
    while True:
        page = await role.ask("s3:ListObjectVersions", Bucket=bucket, **marker)
        rows = [dict(row, is_marker=False) for row in page.get("Versions", ())] + [dict(row, is_marker=True) for row in page.get("DeleteMarkers", ())]
        # Both lists are newest first; a sort that is stable leaves each as it is within a second.
        for row in sorted(rows, key=lambda row: (row["Key"], -row["LastModified"], not row["IsLatest"])):
            if row["Key"] != key and versions:
                yield key, versions[::-1]
            if row["Key"] != key:
                key, versions = row["Key"], []
            if row["LastModified"] <= until:
                versions.append(row)
        if not page.get("IsTruncated"):
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if "NextVersionIdMarker" in page:
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]
    if versions:
        yield key, versions[::-1]


async def take_one(role: Call, bucket: str, key: str, row: dict[str, Any], keeper: Keeper, options: dict[str, str]) -> str:
    """Keep one version; answers why it cannot be kept, or nothing."""
    if row["is_marker"]:
        await keeper.add("marker")
        return ""
    of = {"Bucket": bucket, "Key": key, "VersionId": row["VersionId"]}
    try:
        found = await role.ask("s3:GetObject", **of)
        facts = {name: found[name] for name in _KEPT if name in found}
        if options.get("BackupObjectTags") != "disabled":
            facts["tags"] = (await role.ask("s3:GetObjectTagging", **of))["TagSet"]
        if options.get("BackupACLs") != "disabled":
            acl = await role.ask("s3:GetObjectAcl", **of)
            facts["acl"] = {"Owner": acl["Owner"], "Grants": acl["Grants"]}
        await keeper.add("object", row["Size"], facts)
        async for piece in _pieces(found["Body"]):
            await keeper.add("data", piece)
    except FileNotFoundError:
        raise Changed(f"The object {key} was deleted while it was backed up.") from None
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        await keeper.add("lost", error.code)
        return "" if error.code in ("NoSuchVersion", "NoSuchKey") else error.code
    return ""


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    """A body in whichever form S3 answers it, piece by piece."""
    if isinstance(body, (bytes, bytearray)):
        if body:
            yield bytes(body)
    elif hasattr(body, "__aiter__"):
        async for piece in body:
            yield piece
    else:
        for file in body if isinstance(body, tuple) else (body,):
            for offset in range(0, file.length, READ_BYTES):
                yield await asyncio.to_thread(_read, file, offset, min(READ_BYTES, file.length - offset))


def _read(file: File, offset: int, length: int) -> bytes:
    with open(file.path, "rb") as opened:
        opened.seek(file.offset + offset)
        return opened.read(length)


# Putting back ----------------------------------------------------------------------------------------


def metadata_of(resource: str) -> dict[str, str]:
    return {"aws:backup:sourceBucketName": resource.rpartition(":")[2]}


def inferred(point: RecoveryPoint, name: str) -> dict[str, str]:
    """With which a point is restored for a test."""
    return {
        "destinationBucketName": name, "encrypted": "true", "encryptionType": "SSE-S3", "newBucket": "true",
        "restoreACLs": "false" if point.options.get("BackupACLs") == "disabled" else "true",
    }  # fmt: skip


_ASKED = {
    name.lower(): name
    for name in ("DestinationBucketName", "RestoreACLs", "EncryptionType", "ItemsToRestore", "KMSKey", "RestoreLatestVersionsUpTo", "NewBucket",
                 "Encrypted", "CreationToken")
}  # fmt: skip


def check(said: dict[str, str]) -> Put:
    """What is asked of a restore, in whatever case its keys are. Raises InvalidParameterValueException."""
    said = {_ASKED.get(name.lower(), name): value for name, value in said.items()}
    unknown = said.keys() - {*_ASKED.values(), "RestoreTime", *metadata_of("x")}
    if unknown:
        raise InvalidParameterValueException(f"Invalid restore metadata. Unrecognized key: {min(unknown)}")
    if not said.get("DestinationBucketName"):
        raise InvalidParameterValueException("Invalid restore metadata. Missing required metadata: DestinationBucketName")
    if "RestoreTime" in said:
        moment(said["RestoreTime"])
    if said.get("Encrypted", "").lower() == "true" and "EncryptionType" not in said:
        raise InvalidParameterValueException("Invalid restore metadata. EncryptionType must be specified if Encrypted is true.")
    return Put(
        said["DestinationBucketName"], _count(said.get("RestoreLatestVersionsUpTo", "1")), _items(said.get("ItemsToRestore")),
        said.get("RestoreACLs", "").lower() == "true", _encryption(said), said.get("NewBucket", "").lower() == "true",
    )  # fmt: skip


def moment(text: str) -> float:
    try:
        return timestamps.parsed(text)
    except (TypeError, ValueError):
        raise InvalidParameterValueException(f"Invalid restore metadata. RestoreTime: {text}") from None


def _count(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 1:
        raise InvalidParameterValueException(f"Invalid restore metadata. RestoreLatestVersionsUpTo: {text}")
    return int(text)


def _items(text: str | None) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, list) or not 1 <= len(said) <= ITEMS_MAX or not all(isinstance(each, str) and each for each in said):
        raise InvalidParameterValueException(f"Invalid restore metadata. ItemsToRestore is a list of up to {ITEMS_MAX} paths.")
    return tuple(each.removeprefix("s3://").partition("/")[2] if each.startswith("s3://") else each for each in said)


def _encryption(said: dict[str, str]) -> dict[str, str] | None:
    kind = said.get("EncryptionType", "original")
    if kind == "original":
        return None
    if kind == "SSE-S3":
        return {"ServerSideEncryption": "AES256"}
    if kind == "SSE-KMS":
        return {"ServerSideEncryption": "aws:kms"} | ({"SSEKMSKeyId": said["KMSKey"]} if said.get("KMSKey") else {})
    raise InvalidParameterValueException(f"Invalid restore metadata. EncryptionType: {kind}")


class Flow:
    """The body of an object as its frames come, as S3 takes it."""

    def __init__(self, length: int, frames: AsyncIterator[list[Any]]) -> None:
        self.length, self.frames = length, frames
        self.left = length

    def __aiter__(self) -> Flow:
        return self

    async def __anext__(self) -> bytes:
        if self.left <= 0:
            raise StopAsyncIteration
        what, *frame = await anext(self.frames)
        if what != "data":
            raise JobFailed("The recovery point is damaged.")
        self.left -= len(frame[0])
        return frame[0]

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self])


async def put_back(
    call: Call, role: Call, job: str, point: RecoveryPoint, said: dict[str, str], frames: AsyncIterator[list[Any]] | None = None
) -> tuple[str, str]:
    """Put the objects of a point (or those of these frames of it) into a bucket; answers its ARN, and what there is to say: which could
    not be put."""
    wanted = check(said)
    if frames is None:
        frames = keeping.frames(call, point, await keeping.secret_of(call, point))
    if wanted.is_new:
        await _made(role, call.region, wanted)
    arn = f"arn:{call.home.partition}:s3:::{wanted.bucket}"
    put, failed, number = 0, [], 0
    async for key, what, facts, flow in _chosen(frames, wanted):
        # A job that is killed begins again, and asks again for what is done already, by the same tokens.
        once, number = f"{job}-{number}", number + 1
        try:
            if what == "marker":
                await role.ask("s3:DeleteObject", once=once, Bucket=wanted.bucket, Key=key)
            else:
                await _put(role, wanted, key, facts, flow, once)
            put += 1
        except AwsError as error:
            if (error.status or 400) >= 500:
                raise
            failed.append((key, error.code))
    if failed and not put:
        raise JobFailed(
            f"No objects were restored from {point.arn} to {wanted.bucket}. To get notified of these failures, enable SNS event notifications."
        )
    if failed:
        return (
            arn,
            f"One or more objects failed to be restored from {point.arn} to {wanted.bucket}. To get notified of these failures, enable SNS event notifications.",
        )
    return arn, "" if put else f"There are no objects that match the restore request for {point.arn}."


async def _made(role: Call, region: str, wanted: Put) -> None:
    """A new bucket keeps versions, and takes grants if they are to come back: that AWS turns them on is seen of the policy that it gives such
    roles, with s3:PutBucketOwnershipControls. One that an earlier life of the job has made is taken."""
    bucket = wanted.bucket
    place: dict[str, Any] = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    grants = {"ObjectOwnership": "ObjectWriter"} if wanted.has_acls else {}
    try:
        await role.ask("s3:CreateBucket", Bucket=bucket, **place, **grants)
    except AwsError as error:
        if error.code != "BucketAlreadyOwnedByYou":
            raise
    await role.ask("s3:PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


async def _chosen(frames: AsyncIterator[list[Any]], wanted: Put) -> AsyncIterator[tuple[str, str, dict[str, Any], Flow]]:
    """The versions that are asked for, oldest first; bodies that nobody reads are passed over."""
    key, left, is_wanted = "", 0, False
    async for what, *frame in frames:
        if what == "key":
            key, left = frame
            is_wanted = not wanted.items or any(key.startswith(item) for item in wanted.items)
        elif what in ("object", "marker", "lost"):
            flow = Flow(frame[0] if what == "object" else 0, frames)
            is_late = wanted.versions is None or left <= wanted.versions
            left -= 1
            # A deletion matters only after what it deletes.
            if is_wanted and is_late and what != "lost" and not (what == "marker" and wanted.versions == 1):
                yield key, what, frame[1] if what == "object" else {}, flow
            await flow.whole()


async def _put(role: Call, wanted: Put, key: str, facts: dict[str, Any], flow: Flow, once: str) -> None:
    said = {name: facts[name] for name in _KEPT if name in facts}
    if wanted.encryption is not None:
        said = {name: value for name, value in said.items() if name not in ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")}
        said |= wanted.encryption
    if facts.get("tags"):
        said["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in facts["tags"]])
    body = await flow.whole() if flow.length <= HELD_BYTES else flow
    done = await role.ask("s3:PutObject", once=once, Bucket=wanted.bucket, Key=key, Body=body, **said)
    of = {"Bucket": wanted.bucket, "Key": key} | ({"VersionId": done["VersionId"]} if "VersionId" in done else {})
    if wanted.has_acls and "acl" in facts:
        await role.ask("s3:PutObjectAcl", **of, AccessControlPolicy=facts["acl"])
