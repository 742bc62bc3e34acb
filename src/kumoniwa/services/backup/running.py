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
from kumoniwa.services.backup import continuing, copying, keeping, restoring, taking
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.copying import CopyJob
from kumoniwa.services.backup.job import BackupJob
from kumoniwa.services.backup.point import DUE
from kumoniwa.services.backup.restoring import RestoreJob

ATTEMPTS_MAX = 3
REST_S = 60.0
_KINDS: dict[type, tuple[ModuleType, ModuleType, tuple[str, ...]]] = {
    BackupJob: (taking, jobs, jobs.OPEN),
    CopyJob: (copying, copying, jobs.OPEN),
    RestoreJob: (restoring, restoring, restoring.OPEN),
}
"""What each kind of job does, where it ends, and in which states it is under way."""


class Running:
    """Tasks by the ids of their jobs. Not durable: those that are gone begin again."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task] = {}


def see(call: Call) -> float | None:
    """See that every job that may be under way is, and no other; answers when to look again."""
    running, until = call.memory(Running).tasks, None
    for id_ in [id_ for id_, task in running.items() if task.done()]:
        del running[id_]
    for kind, (does, _, open_states) in _KINDS.items():
        for job in list(call.shelf(kind).values()):
            if job.state not in open_states:
                if (task := running.get(job.id)) is not None:
                    task.cancel()
                elif job.ended + jobs.LISTED_S < call.now():
                    del call.shelf(kind)[job.id]
            elif job.id not in running:
                if job.rests_until <= call.now() and does.may_begin(call, job):
                    running[job.id] = call.home.spawn(_attempt(call, kind, job.id))
                moment = max(job.rests_until, call.now()) if job.rests_until > call.now() else getattr(job, "starts_by", None)
                until = min(until or moment, moment) if moment is not None else until
    return until


def follow(call: Call, arn: str) -> None:
    """Look at a bucket that has changed, if nobody does already."""
    running = call.memory(Running).tasks
    call.rows(DUE).run("update backup_due set at = ? where kind = 'follow' and key = ?", call.now() + continuing.SETTLED_S, arn)
    if arn not in running or running[arn].done():
        running[arn] = call.home.spawn(continuing.due(call, arn))


async def _attempt(call: Call, kind: type, id_: str) -> None:
    does, ends, open_states = _KINDS[kind]
    try:
        await does.run(call, id_)
    except asyncio.CancelledError:
        _left(call, kind, id_, open_states)
        raise
    except Exception as error:
        failure = error if isinstance(error, AwsError) else InternalFailure()
        _failed(call, kind, id_, failure)
        if failure is not error:
            raise
    finally:
        call.home.wake(points.WORK)


def _left(call: Call, kind: type, id_: str, open_states: tuple[str, ...]) -> None:
    """A backup that was stopped while a piece was written leaves nothing either."""
    job = call.shelf(kind).get(id_)
    if kind is BackupJob and job is not None and job.state not in open_states:
        continuing.drop(call, job.point)
        keeping.forget(call, job.point)


def _failed(call: Call, kind: type, id_: str, error: AwsError) -> None:
    _, ends, open_states = _KINDS[kind]
    job: Any = call.shelf(kind).get(id_)
    if job is None or job.state not in open_states:
        return
    if patience.is_passing(error) and job.attempts + 1 < ATTEMPTS_MAX:
        call.shelf(kind)[id_] = changed(job, attempts=job.attempts + 1, rests_until=call.now() + REST_S)
    else:
        call.atomically(lambda: ends.end(call, job, jobs.FAILED, error.text or error.code))
