"""The jobs that are under way: each in a task of its own, which rows bring back after a kill, and which ends when its job is stopped.

A job that meets something passing (a region that is dark, a service that is out of order) is tried again a few times before it fails.
"""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, InternalFailure
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import agenda, continuing, copying, keeping, lodging, restoring, taking, underway
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup.agenda import DUE
from kumoniwa.services.backup.copying import CopyJob
from kumoniwa.services.backup.job import BackupJob
from kumoniwa.services.backup.restoring import RestoreJob

ATTEMPTS_MAX = 3
REST_S = 60.0
SWEPT_S = 3_600.0
_KINDS: dict[type, tuple[ModuleType, ModuleType]] = {BackupJob: (taking, jobs), CopyJob: (copying, copying), RestoreJob: (restoring, restoring)}
"""What each kind of job does, and where it ends."""


class Running:
    """Tasks by the ids of their jobs, and by the points that they follow a bucket for. Not durable: those that are gone begin again."""

    def __init__(self) -> None:
        self.jobs: dict[str, asyncio.Task] = {}
        self.following: dict[str, asyncio.Task] = {}
        self.swept = 0.0
        """When jobs that nobody may ask about any more were last forgotten."""


def see(call: Call) -> float | None:
    """See that every job that may be under way is, and no other; answers when to look again."""
    held, until = call.memory(Running), None
    open_ids = set()
    for kind, (does, _) in _KINDS.items():
        for job in underway.jobs(call, kind):
            open_ids.add(job.id)
            task = held.jobs.get(job.id)
            if task is not None and not task.done():
                continue
            if job.rests_until <= call.now() and does.may_begin(call, job):
                held.jobs[job.id] = call.home.spawn(_attempt(call, kind, job.id))
            moment = job.rests_until if job.rests_until > call.now() else getattr(job, "starts_by", None)
            until = min(until or moment, moment) if moment is not None else until
    for id_ in held.jobs.keys() - open_ids:
        held.jobs.pop(id_).cancel()
    if held.swept + SWEPT_S < call.now():
        held.swept = call.now()
        _forget_old(call)
    return until


def _forget_old(call: Call) -> None:
    for kind in _KINDS:
        for id_, job in list(call.shelf(kind).items()):
            if job.ended and job.ended + jobs.LISTED_S < call.now():
                del call.shelf(kind)[id_]


def follow(call: Call, arn: str) -> None:
    """Look at a bucket that has changed, if nobody does already."""
    following = call.memory(Running).following
    call.rows(DUE).run("update backup_due set at = ? where kind = 'follow' and key = ?", call.now() + continuing.SETTLED_S, arn)
    if arn not in following or following[arn].done():
        following[arn] = call.home.spawn(continuing.due(call, arn))


async def _attempt(call: Call, kind: type, id_: str) -> None:
    try:
        await _KINDS[kind][0].run(call, id_)
    except asyncio.CancelledError:
        _left(call, kind, id_)
        raise
    except Exception as error:
        failure = error if isinstance(error, AwsError) else InternalFailure()
        _failed(call, kind, id_, failure)
        if failure is not error:
            raise
    finally:
        call.home.wake(agenda.WORK)


def _left(call: Call, kind: type, id_: str) -> None:
    """A backup that was stopped while a piece was written leaves nothing either."""
    job = call.shelf(kind).get(id_)
    if kind is BackupJob and job is not None and job.state == jobs.ABORTED:
        continuing.drop(call, job.point)
        keeping.forget(call, job.point)
        if lodging.has(job.kind):
            lodging.leave(call, job.kind, job.role, job.resource, job.point, is_whole=True)


def _failed(call: Call, kind: type, id_: str, error: AwsError) -> None:
    if not underway.is_under_way(call, kind, id_):
        return
    job: Any = call.shelf(kind)[id_]
    if patience.is_passing(error) and job.attempts + 1 < ATTEMPTS_MAX:
        call.shelf(kind)[id_] = changed(job, attempts=job.attempts + 1, rests_until=call.now() + REST_S)
    else:
        call.atomically(lambda: _KINDS[kind][1].end(call, job, jobs.FAILED, error.text or error.code))
