"""Exports: what a group's streams hold of a stretch of time, written into a bucket as compressed files. An account has one at a time.

CloudWatch Logs writes in its own name: the bucket's policy must let it read the bucket's ACL and put objects. One that a region
was at when it was killed is begun again by its next life, under the same names.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.engines import log_export, worker
from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.logs import encryption
from kumoniwa.services.logs.event import EVENTS, MOMENT_MAX, STREAMS
from kumoniwa.services.logs.group import Group, InvalidParameterException, ResourceNotFoundException, existing
from kumoniwa.services.logs.page import paged
from kumoniwa.services.logs.policy import LimitExceededException
from kumoniwa.store import steady

EXPORTS = ("logs", "exports")
FOREVER_S = 86_400.0
PREFIX = "exportedlogs"
TEST_KEY, TEST_BODY = "aws-logs-write-test", b"Permission Check Successful"
PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"
ACTIVE = (PENDING, RUNNING)
ATTEMPTS_MAX, PAUSE_S = 8, 2.0
LISTED_MAX = 50


class InvalidOperationException(AwsError): ...


class AccessDeniedException(AwsError):
    status = 400


class Task(Record):
    """Shelved by its id."""

    id: str
    group: str
    start_ms: int
    end_ms: int
    bucket: str
    prefix: str
    created_ms: int
    name: str = ""
    stream_prefix: str = ""
    status: str = PENDING
    message: str = ""
    completed_ms: int = 0


class Open:
    """The export that runs now, by its id."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task] = {}


def _writer(call: Call, group: str) -> Call:
    """CloudWatch Logs itself, exporting this group."""
    facts = {"aws:SourceArn": call.arn(f"log-group:{group}:*", "logs"), "aws:SourceAccount": call.account}
    return call.acting(f"logs.{call.region}.amazonaws.com", **facts)


# Asking -------------------------------------------------------------------------------------------------------


async def CreateExportTask(
    call: Call, *, logGroupName: str, from_: int, to: int, destination: str, taskName: str | None = None,
    logStreamNamePrefix: str | None = None, destinationPrefix: str | None = None,
) -> dict:  # fmt: skip
    """Whether the group was there in the time that is asked for does not matter: moto's tests of exports, verified on AWS."""
    existing(call, logGroupName)
    if from_ >= to:
        raise InvalidParameterException("The specified time range is invalid: from must be before to.")
    prefix = (destinationPrefix or PREFIX).rstrip("/")
    # Without a prefix of the caller's this one object lies at the top.
    proof = f"{prefix}/{TEST_KEY}" if destinationPrefix else TEST_KEY
    _check_caller(call, destination, proof)
    await _prove(call, logGroupName, destination, proof)
    task = Task(
        id=call.new_id(), group=logGroupName, start_ms=from_, end_ms=to, bucket=destination, prefix=prefix, created_ms=milliseconds(call.now()),
        name=taskName or "", stream_prefix=logStreamNamePrefix or "",
    )  # fmt: skip
    call.atomically(lambda: _begin(call, task))
    return {"taskId": task.id}


def _check_caller(call: Call, bucket: str, key: str) -> None:
    """Who asks must himself be allowed to write there.
    The text: https://github.com/awsdocs/amazon-cloudwatch-logs-user-guide/issues/17"""
    try:
        call.require("s3:PutObject", f"arn:{call.home.partition}:s3:::{bucket}/{key}")
    except AwsError as error:
        text = "Please ensure that the CreateExportTask caller has been granted s3:PutObject access to the bucket."
        raise InvalidParameterException(text, hint=error.text) from None


async def _prove(call: Call, group: str, bucket: str, key: str) -> None:
    """As AWS does it: it looks at the bucket's ACL and leaves an object behind that says so."""
    us = _writer(call, group)
    try:
        what = "GetBucketAcl"
        await us.ask("s3:GetBucketAcl", Bucket=bucket)
        what = "PutObject"
        await us.ask("s3:PutObject", Bucket=bucket, Key=key, Body=TEST_BODY, ACL="bucket-owner-full-control")
    except AwsError as error:
        if error.code in ("NoSuchBucket", "PermanentRedirect"):
            raise InvalidParameterException("The given bucket does not exist. Please make sure the bucket is valid.", hint=error.text) from None
        # https://github.com/aws/amazon-ecs-agent/pull/5116
        raise AccessDeniedException(
            f"{what} call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.",
            hint=f"Let logs.{call.region}.amazonaws.com s3:{what} in the bucket's policy. {error.text}",
        ) from None


def _begin(call: Call, task: Task) -> None:
    shelf = call.shelf(Task)
    if any(each.status in ACTIVE for each in shelf.values()):
        raise LimitExceededException
    shelf[task.id] = task
    call.home.wake(EXPORTS)


def DescribeExportTasks(
    call: Call, *, taskId: str | None = None, statusCode: str | None = None, nextToken: str | None = None, limit: int | None = None
) -> dict:
    found = [
        each
        for each in sorted(call.shelf(Task).values(), key=lambda each: (-each.created_ms, each.id))
        if taskId in (None, each.id) and statusCode in (None, each.status)
    ]
    return paged(found, nextToken, limit or LISTED_MAX, _shown, "exportTasks")


def _shown(task: Task) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "taskId": task.id, "taskName": task.name, "logGroupName": task.group, "from": task.start_ms, "to": task.end_ms,
        "destination": task.bucket, "destinationPrefix": task.prefix, "status": {"code": task.status},
        "executionInfo": {"creationTime": task.created_ms},
    }  # fmt: skip
    if task.message:
        shown["status"]["message"] = task.message
    if task.completed_ms:
        shown["executionInfo"]["completionTime"] = task.completed_ms
    return {name: value for name, value in shown.items() if value != ""}


def CancelExportTask(call: Call, *, taskId: str) -> None:
    task = call.shelf(Task).get(taskId)
    if task is None:
        raise ResourceNotFoundException("The specified export task does not exist.")
    if task.status not in ACTIVE:
        raise InvalidOperationException("The specified export task has already finished")
    _end(call, taskId, CANCELLED, "Cancelled by user")
    if (running := call.memory(Open).tasks.get(taskId)) is not None:
        running.cancel()


def _end(call: Call, number: str, status: str, message: str) -> None:
    task = call.shelf(Task).get(number)
    if task is not None and task.status in ACTIVE:
        call.shelf(Task)[number] = changed(task, status=status, message=message, completed_ms=milliseconds(call.now()))


# Running ------------------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        while True:
            for call in region.calls("logs", "logs.amazonaws.com"):
                tasks = call.memory(Open).tasks
                for task in list(call.shelf(Task).values()):
                    if task.status in ACTIVE and task.id not in tasks:
                        running = tasks[task.id] = group.create_task(_run(call, task))
                        running.add_done_callback(lambda _, tasks=tasks, number=task.id: tasks.pop(number, None))
            await region.wait(EXPORTS, region.clock.now() + FOREVER_S)


async def _run(call: Call, task: Task) -> None:
    call.atomically(lambda: call.shelf(Task).__setitem__(task.id, changed(task, status=RUNNING)))
    try:
        await _export(call, task)
    except AwsError as error:
        call.atomically(lambda text=error.text: _end(call, task.id, FAILED, text))
    except (worker.WorkFailed, worker.WorkTimedOut) as error:
        call.home.note("export failed", task=task.id, error=str(error))
        call.atomically(lambda: _end(call, task.id, FAILED, "Internal error"))
    else:
        call.atomically(lambda: _end(call, task.id, COMPLETED, "Completed successfully"))


async def _export(call: Call, task: Task) -> None:
    group = call.shelf(Group).get(task.group)
    if group is None:
        raise ResourceNotFoundException
    secrets = await encryption.secrets_of(call, group.name) if group.is_sealed else {}
    rows, us = call.rows(STREAMS, EVENTS), _writer(call, task.group)
    streams = {
        number: name
        for number, name in rows.all("select id, name from log_stream where grp = ? order by name", group.number)
        if name.startswith(task.stream_prefix)
    }
    end_ms = min(task.end_ms, MOMENT_MAX)
    async with (
        steady.held(rows, call.home.store.journal) as path,
        log_export.files(log_export.Task(path, EVENTS.name, list(streams), min(task.start_ms, MOMENT_MAX), end_ms, secrets)) as written,
    ):
        async for file in written:
            # In the key a stream's slashes are hyphens, so that each stream is one folder.
            key = f"{task.prefix}/{task.id}/{streams[file.stream].replace('/', '-')}/{file.number:06d}.gz"
            await _patiently(
                call,
                lambda key=key, body=file.body: us.ask(
                    "s3:PutObject", Bucket=task.bucket, Key=key, Body=body, ACL="bucket-owner-full-control"
                ),
            )


async def _patiently(call: Call, put: Callable[[], Awaitable[Any]]) -> None:
    for attempt in range(ATTEMPTS_MAX):
        try:
            await put()
            return
        except AwsError as error:
            if not patience.is_passing(error) or attempt == ATTEMPTS_MAX - 1:
                raise
        await call.wait("export", until=call.now() + PAUSE_S * (attempt + 1))
