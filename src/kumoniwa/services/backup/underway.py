"""The jobs that are under way, of each kind: few among the many of thirty days that are told of still."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.backup.agenda import WORK

OPEN = ("CREATED", "PENDING", "RUNNING")


class UnderWay:
    """Their ids, by kind. Found on the shelf once in a life of the region."""

    def __init__(self) -> None:
        self.ids: dict[type, set[str]] = {}


def _ids(call: Call, kind: type) -> set[str]:
    ids = call.memory(UnderWay).ids
    if kind not in ids:
        ids[kind] = {id_ for id_, job in call.shelf(kind).items() if job.state in OPEN}
    return ids[kind]


def put(call: Call, job: Any) -> None:
    """Keep how a job is, and look what follows from it."""
    ids = _ids(call, type(job))
    if job.state in OPEN:
        # Should the call be undone there is no such job, and it is passed over.
        ids.add(job.id)
    call.shelf(type(job))[job.id] = job
    call.after_commit(lambda: call.home.wake(WORK))


def jobs(call: Call, kind: type) -> list[Any]:
    """The oldest first."""
    ids, shelf = _ids(call, kind), call.shelf(kind)
    found = [job for id_ in ids if (job := shelf.get(id_)) is not None and job.state in OPEN]
    ids.intersection_update(job.id for job in found)
    return sorted(found, key=lambda job: (job.created, job.id))


def is_under_way(call: Call, kind: type, id_: str) -> bool:
    job = call.shelf(kind).get(id_)
    return job is not None and job.state in OPEN
