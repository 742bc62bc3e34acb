"""What the process of a query asks for, looked up in the name of who asked for the query.

It is handed objects as files of a folder: those that lie as one file of this region are linked there, so that nothing is copied.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

from kumoniwa.engines import lake
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.athena import execution
from kumoniwa.services.athena.failing import Failed
from kumoniwa.wire.message import File

FETCHED_AT_ONCE = 8
EXHAUSTED = "Query exhausted resources at this scale factor"
SPACE_BYTES_MAX = 16 << 30
"""How much one query may have copied."""


def place_of(location: str) -> tuple[str, str]:
    """The bucket and the key of ``s3://bucket/key``."""
    bucket, _, key = location.partition("://")[2].partition("/")
    return bucket, key


def refused(error: AwsError, location: str) -> Failed:
    if error.code in ("AccessDenied", "AccessDeniedException", "403"):
        return Failed("S3_PERMISSION", f"Permission denied on S3 path: {location}")
    if error.code == "NoSuchBucket":
        return Failed("NO_BUCKET", f"The specified bucket does not exist: {location}")  # our words
    return Failed("GENERIC_INTERNAL_ERROR", f"GENERIC_INTERNAL_ERROR: {location}: {error.text}")


def unauthorized(error: AwsError) -> Failed:
    """What Glue refuses; as users of Athena were told it."""
    if error.code == "AccessDeniedException":
        return Failed("PERMISSION", f"Insufficient permissions to execute the query. {error.text}")
    return Failed("HIVE_METASTORE_ERROR", f"HIVE_METASTORE_ERROR: {error.text}")


async def table(call: Call, database: str, name: str) -> dict[str, Any] | None | bool:
    """Glue's table; None if there is none, False if there is no such database. Raises Failed."""
    try:
        return (await call.ask("glue:GetTable", DatabaseName=database, Name=name))["Table"]
    except AwsError as error:
        if error.code != "EntityNotFoundException":
            raise unauthorized(error) from None
        try:
            await call.ask("glue:GetDatabase", Name=database)
        except AwsError as missing:
            if missing.code == "EntityNotFoundException":
                return False
        return None


async def partitions(call: Call, database: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        try:
            page = await call.ask("glue:GetPartitions", DatabaseName=database, TableName=name, **token)
        except AwsError as error:
            raise unauthorized(error) from None
        found += page["Partitions"]
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


async def listed(call: Call, location: str) -> list[tuple[str, int]]:
    """Keys and sizes of what lies in a folder and below it. Raises Failed."""
    bucket, prefix = place_of(location)
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    found: list[tuple[str, int]] = []
    token: dict[str, str] = {}
    while True:
        try:
            page = await call.ask("s3:ListObjectsV2", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Prefix=prefix, **token)
        except AwsError as error:
            raise refused(error, location) from None
        found += [(each["Key"], each["Size"]) for each in page.get("Contents", ())]
        if not page.get("NextContinuationToken"):
            return found
        token = {"ContinuationToken": page["NextContinuationToken"]}


class Folder:
    """Where the objects of one query lie."""

    def __init__(self, path: str) -> None:
        self.path, self.copied, self.count = path, 0, 0

    async def fetch(self, call: Call, location: str) -> str:
        bucket, key = place_of(location)
        try:
            found = await call.ask("s3:GetObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Key=key)
        except AwsError as error:
            raise refused(error, location) from None
        self.count += 1
        target = os.path.join(self.path, f"object-{self.count}")
        await self._put(found["Body"], target)
        return target

    async def _put(self, body: Any, target: str) -> None:
        if isinstance(body, File) and body.offset == 0 and os.path.getsize(body.path) == body.length and _linked(body.path, target):
            return
        if isinstance(body, (bytes, bytearray, memoryview)):
            self._take(len(body))
            await asyncio.to_thread(_write, target, bytes(body))
        elif hasattr(body, "__aiter__"):
            with open(target, "wb") as file:
                async for piece in body:
                    self._take(len(piece))
                    file.write(piece)
        else:
            files = body if isinstance(body, tuple) else (body,)
            self._take(sum(file.length for file in files))
            await asyncio.to_thread(_copied, files, target)

    def _take(self, size: int) -> None:
        self.copied += size
        if self.copied > SPACE_BYTES_MAX:
            raise Failed("EXCEEDED_LOCAL_MEMORY_LIMIT", EXHAUSTED)


def _linked(path: str, target: str) -> bool:
    try:
        os.link(path, target)
    except OSError:
        return False
    return True


def _write(target: str, content: bytes) -> None:
    with open(target, "wb") as file:
        file.write(content)


def _copied(files: tuple[File, ...], target: str) -> None:
    with open(target, "wb") as out:
        for each in files:
            with open(each.path, "rb") as source:
                source.seek(each.offset)
                left = each.length
                while left and (piece := source.read(min(left, 1 << 20))):
                    out.write(piece)
                    left -= len(piece)


async def answered(call: Call, number: str, task: lake.Task) -> dict[str, Any]:
    """What the process says when it is done. Raises Failed, lake.Ended."""
    folder, began = Folder(task.folder), monotonic()
    async with lake.processes(call.home).asking(task) as conversation:
        while True:
            said = await conversation.hear()
            if said.kind == "table":
                await conversation.tell(lake.Told(await table(call, said.body["database"], said.body["name"])))
            elif said.kind == "partitions":
                await conversation.tell(lake.Told(await partitions(call, said.body["database"], said.body["name"])))
            elif said.kind == "objects":
                await conversation.tell(lake.Told([await listed(call, place) for place in said.body["places"]]))
            elif said.kind == "fetch":
                await conversation.tell(lake.Told(await _fetched(call, folder, said.body["places"])))
            elif said.kind == "planned":
                took = round((monotonic() - began) * 1000)
                call.atomically(lambda took=took, scanned=said.body["scanned"]: execution.note(call, number, planning_ms=took, scanned=scanned))
            elif said.kind == "failed":
                if said.body["code"] == "NOT_IMPLEMENTED":
                    what = f"athena: {said.body['text']}"
                    call.home.gate.gaps[what] += 1
                    raise Failed("NOT_IMPLEMENTED", f"NOT_SUPPORTED: Kumoniwa does not implement {said.body['text']}.")
                if said.body["code"] == "BYTES_SCANNED":
                    raise Failed("BYTES_SCANNED", "Bytes scanned limit was exceeded", "CANCELLED")
                if said.body["code"] == "EXCEEDED_LOCAL_MEMORY_LIMIT":
                    raise Failed(said.body["code"], EXHAUSTED)
                if "detail" in said.body and said.body["code"] == "GENERIC_INTERNAL_ERROR":
                    call.home.note("query failed", query=number, error=said.body["detail"])
                raise Failed(said.body["code"], said.body["text"])
            else:
                return said.body


async def _fetched(call: Call, folder: Folder, places: list[str]) -> list[str]:
    turns = asyncio.Semaphore(FETCHED_AT_ONCE)

    async def one(place: str) -> str:
        async with turns:
            return await folder.fetch(call, place)

    tasks = [asyncio.ensure_future(one(place)) for place in places]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def removed(path: str) -> None:
    shutil.rmtree(path, ignore_errors=True)
