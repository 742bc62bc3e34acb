"""What S3 Control does by itself: it tells what was asked of Multi-Region Access Points, and does jobs. The manifest becomes rows, each row is tried once in its order, and a report says what came of them.

Whatever a job has done is committed with it, so that one whose region was killed goes on where it stood.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import unquote_plus

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import existing
from kumoniwa.services.s3control.api import INVENTORY, JOBS
from kumoniwa.services.s3control.asynchronous import OUTBOX
from kumoniwa.services.s3control.job import ENDED, FAILING_FROM_TASKS, FAILING_SHARE, TASKS, Job
from kumoniwa.wire.message import whole

BATCH = "batchoperations.s3.amazonaws.com"
STEP_TASKS = 100
LOOKED_EVERY_S = 0.5


class InvalidManifest(AwsError):
    status = 400


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_jobs(region))
        group.create_task(OUTBOX.run(region))


async def _jobs(region: Any) -> None:
    """Do the jobs of every account, the one with the highest priority first."""
    while True:
        is_idle = True
        for call in region.calls("s3control", BATCH):
            waiting = [job for job in call.shelf(Job).values() if job.status not in (*ENDED, "Suspended")]
            if waiting:
                is_idle = False
                await _go_on(call, max(waiting, key=lambda job: (job.priority, -job.created)).id)
        if is_idle:
            await region.wait(JOBS, region.clock.now() + 3600)


def _put(call: Call, id: str, **changes: Any) -> Job:
    job = call.shelf(Job)[id] = changed(call.shelf(Job)[id], **changes)
    return job


async def _go_on(call: Call, id: str) -> None:
    """The next part of a job's life."""
    job = call.shelf(Job)[id]
    try:
        reader = call.assuming(job.role, BATCH, f"s3-batch-{id[:8]}")
        if job.status in ("New", "Preparing"):
            await _prepare(call, reader, job)
        elif job.status in ("Ready", "Active"):
            await _do(call, reader, job)
        else:
            await _report(call, reader, job)
    except AwsError as error:
        failure = {"FailureCode": error.code, "FailureReason": error.text}
        _put(call, id, status="Failed", ended=call.now(), failures=(failure,))
    await call.home.store.journal.settled()


# The manifest ----------------------------------------------------------------------------------------


async def _prepare(call: Call, reader: Call, job: Job) -> None:
    """An earlier life may have been cut short in here: its rows are written anew."""
    rows, number = call.rows(TASKS), 0
    rows.run("delete from s3_job_task where job = ?", job.id)
    _put(call, job.id, status="Preparing")
    source = _listed(reader, job) if job.manifest else _generated(call, reader, job)
    async for bucket, key, version in source:
        number += 1
        rows.run("insert into s3_job_task values (?,?,?,?,?,'')", job.id, number, bucket, key, version)
    if call.shelf(Job)[job.id].status == "Preparing":
        _put(call, job.id, status="Suspended" if job.needs_confirmation else "Ready", total=number)


async def _listed(reader: Call, job: Job) -> AsyncIterator[tuple[str, str, str]]:
    where, spec = job.manifest["Location"], job.manifest["Spec"]
    parsed = arns.parse(where["ObjectArn"])
    bucket, _, key = (parsed.resource if parsed is not None else "").partition("/")
    version = {"VersionId": where["ObjectVersionId"]} if "ObjectVersionId" in where else {}
    body = await _read(reader, bucket, key, IfMatch=where["ETag"], **version)
    if spec["Format"] != INVENTORY:
        for named in _named(body, spec["Fields"]):
            yield named
        return
    columns, files = _told_by_inventory(body)
    for there, name, digest in files:
        packed = await _read(reader, there, name)
        if hashlib.md5(packed, usedforsecurity=False).hexdigest() != digest:
            raise InvalidManifest(f"The inventory file {name} is not the one that the manifest names")
        for named in _named(gzip.decompress(packed), columns):
            yield named


async def _read(reader: Call, bucket: str, key: str, **more: str) -> bytes:
    got = await reader.ask("s3:GetObject", Bucket=bucket, Key=key, **more)
    return await whole(got["Body"])


def _told_by_inventory(body: bytes) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The columns of an inventory's lists, and of each file its bucket, key and MD5.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html"""
    try:
        told = json.loads(body)
        there = told["destinationBucket"].rpartition(":")[2]
        return told["fileSchema"].split(", "), [(there, file["key"], file["MD5checksum"]) for file in told["files"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidManifest("The manifest is not one of an S3 inventory") from None


def _named(body: bytes, columns: list[str]) -> Iterator[tuple[str, str, str]]:
    for line in csv.reader(io.StringIO(body.decode("utf-8", "replace"))):
        named = dict(zip(columns, line))
        if named.get("Key"):
            yield named["Bucket"], unquote_plus(named["Key"]), named.get("VersionId", "")


async def _generated(call: Call, reader: Call, job: Job) -> AsyncIterator[tuple[str, str, str]]:
    said = job.generator["S3JobManifestGenerator"]
    name = said["SourceBucket"].rpartition(":")[2]
    reader.service = "s3"
    for action in ("s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"):
        reader.require(action, f"arn:{call.home.partition}:s3:::{name}")
    for versions in existing.versions(call, name):
        for version in versions:
            if _fits(call, name, said.get("Filter") or {}, version):
                yield name, version.key, version.version
        await asyncio.sleep(0)


def _fits(call: Call, name: str, wanted: dict[str, Any], version: Any) -> bool:
    if wanted.get("EligibleForReplication") and not existing.is_eligible(call, name, version):
        return False
    states = wanted.get("ObjectReplicationStatuses")
    if states and existing.replication_state(call, name, version.key, version.version) not in states:
        return False
    names = wanted.get("KeyNameConstraint") or {}
    return (
        wanted.get("CreatedAfter", 0) <= version.modified <= wanted.get("CreatedBefore", version.modified)
        and wanted.get("ObjectSizeGreaterThanBytes", -1) < version.size
        and version.size < wanted.get("ObjectSizeLessThanBytes", version.size + 1)
        and version.storage in (wanted.get("MatchAnyStorageClass") or (version.storage,))
        and version.key.startswith(tuple(names.get("MatchAnyPrefix") or ("",)))
        and version.key.endswith(tuple(names.get("MatchAnySuffix") or ("",)))
        and any(part in version.key for part in names.get("MatchAnySubstring") or ("",))
    )


# The tasks -------------------------------------------------------------------------------------------


async def _do(call: Call, reader: Call, job: Job) -> None:
    """The next tasks of a job: put what they name among what waits, and see how it ended."""
    job = _put(call, job.id, status="Active", begun=job.begun or call.now())
    rows = call.rows(TASKS)
    tasks = rows.all(
        "select number, bucket, key, version from s3_job_task where job = ? and number > ? order by number limit ?", job.id, job.done, STEP_TASKS
    )
    reader.service = "s3"
    errors = {number: _begun(call, reader, *named) for number, *named in tasks}
    await call.home.store.journal.settled()
    pending = [(number, *named) for number, *named in tasks if not errors[number]]
    while pending:
        await asyncio.sleep(LOOKED_EVERY_S)
        if call.shelf(Job)[job.id].status == "Cancelled":
            return
        states = {task[0]: existing.replication_state(call, *task[1:]) for task in pending}
        errors |= {number: "The replication failed." for number, state in states.items() if state in ("FAILED", "")}
        pending = [task for task in pending if states[task[0]] == "PENDING"]
    for number, error in errors.items():
        if error:
            rows.run("update s3_job_task set error = ? where job = ? and number = ?", error, job.id, number)
    done, failed = job.done + len(tasks), job.failed + sum(1 for error in errors.values() if error)
    is_hopeless = done >= FAILING_FROM_TASKS and failed > done * FAILING_SHARE
    status = "Failing" if is_hopeless else "Active" if done < job.total else "Completing"
    if call.shelf(Job)[job.id].status == "Active":
        _put(call, job.id, done=done, failed=failed, status=status)


def _begun(call: Call, reader: Call, bucket: str, key: str, version: str) -> str:
    try:
        reader.require("s3:InitiateReplication", f"arn:{call.home.partition}:s3:::{bucket}/{key}")
    except AwsError as error:
        return error.text
    return existing.replicate(call, bucket, key, version)


# The report ------------------------------------------------------------------------------------------


async def _report(call: Call, reader: Call, job: Job) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html"""
    if job.report.get("Enabled"):
        bucket = job.report["Bucket"].rpartition(":")[2]
        prefix = job.report.get("Prefix", "").rstrip("/")
        place = f"{prefix}/job-{job.id}" if prefix else f"job-{job.id}"
        body = "\n".join(_lines(call, job)).encode("utf-8", "replace")
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        key = f"{place}/results/{digest}.csv"
        results = [{"TaskExecutionStatus": "succeeded", "Bucket": bucket, "MD5Checksum": digest, "Key": key}]
        manifest = {"Format": "Report_CSV_20180820", "ReportCreationDate": call.now(), "Results": results,
                    "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"}  # fmt: skip
        await reader.ask("s3:PutObject", Bucket=bucket, Key=key, Body=body)
        await reader.ask("s3:PutObject", Bucket=bucket, Key=f"{place}/manifest.json", Body=json.dumps(manifest).encode())
    _put(call, job.id, status="Complete" if job.status == "Completing" else "Failed", ended=call.now())


def _lines(call: Call, job: Job) -> Iterator[str]:
    wants_all = job.report.get("ReportScope") == "AllTasks"
    for bucket, key, version, error in call.rows(TASKS).each(
        "select bucket, key, version, error from s3_job_task where job = ? order by number", job.id
    ):
        if wants_all or error:
            line = io.StringIO()
            told = ("failed", "ReplicationFailed", "200", error) if error else ("succeeded", "", "200", "Successful")
            csv.writer(line, lineterminator="").writerow((bucket, key, version, *told))
            yield line.getvalue()
