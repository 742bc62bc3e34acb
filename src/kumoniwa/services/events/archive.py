"""Archives: what a bus heard, kept for as many days as one likes, to be heard once more.

AWS keeps an archive by a managed rule of the bus, which ListRules shows there; here the bus itself keeps it.
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import event_pattern
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.errors import (
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import paged
from kumoniwa.store.rows import Table

DAY_S = 86_400
ARCHIVED = Table(
    "events_archived",
    """create table if not exists events_archived (id integer primary key autoincrement, archive text, at real, body blob);
    create index if not exists events_archived_at on events_archived (archive, at, id)""",
)


class Archive(Record):
    """Shelved by its name."""

    name: str
    bus: str
    created: float
    description: str | None = None
    pattern: str | None = None
    days: int = 0
    """For how long events are kept; 0 is for ever."""


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"archive/{name}")


def existing(call: Call, name: str) -> Archive:
    found = call.shelf(Archive).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Archive {name} does not exist.")
    return found


def keep(call: Call, bus: str, event: dict[str, Any]) -> None:
    """Keep an event in the archives of its bus that want it. What a replay brings is not kept again."""
    if "replay-name" in event:
        return
    for archive in call.shelf(Archive).values():
        if archive.bus == bus and (archive.pattern is None or event_pattern.compile(archive.pattern).matches(event)):
            forget(call, archive)
            call.rows(ARCHIVED).run(
                "insert into events_archived (archive, at, body) values (?, ?, ?)", archive.name, call.now(), orjson.dumps(event)
            )


def forget(call: Call, archive: Archive) -> None:
    """Drop what is older than the archive keeps."""
    if archive.days:
        oldest = call.now() - archive.days * DAY_S
        call.rows(ARCHIVED).run("delete from events_archived where archive = ? and at < ?", archive.name, oldest)


def CreateArchive(
    call: Call, *, ArchiveName: str, EventSourceArn: str, Description: str | None = None, EventPattern: str | None = None,
    RetentionDays: int | None = None,
) -> dict:  # fmt: skip
    bus = buses.existing(call, EventSourceArn).name
    if ArchiveName in call.shelf(Archive):
        raise ResourceAlreadyExistsException(f"Archive {ArchiveName} already exists.")
    if EventPattern:
        rules.check_pattern(EventPattern)
    archive = call.shelf(Archive)[ArchiveName] = Archive(
        name=ArchiveName, bus=bus, created=call.now(), description=Description, pattern=EventPattern or None, days=RetentionDays or 0
    )
    return _answer(call, archive)


def _answer(call: Call, archive: Archive) -> dict:
    return {"ArchiveArn": arn_of(call, archive.name), "State": "ENABLED", "CreationTime": archive.created}


def UpdateArchive(
    call: Call, *, ArchiveName: str, Description: str | None = None, EventPattern: str | None = None, RetentionDays: int | None = None
) -> dict:
    if Description is None and EventPattern is None and RetentionDays is None:
        raise ValidationException("At least one of EventPattern, RetentionDays or Description must be provided.")
    archive = existing(call, ArchiveName)
    if EventPattern:
        rules.check_pattern(EventPattern)
    said = {"description": Description, "pattern": EventPattern, "days": RetentionDays}
    # An empty text takes the pattern away.
    archive = changed(archive, **{name: value if value != "" else None for name, value in said.items() if value is not None})
    call.shelf(Archive)[ArchiveName] = archive
    return _answer(call, archive)


def DeleteArchive(call: Call, *, ArchiveName: str) -> None:
    existing(call, ArchiveName)
    call.rows(ARCHIVED).run("delete from events_archived where archive = ?", ArchiveName)
    del call.shelf(Archive)[ArchiveName]


def _listed(call: Call, archive: Archive) -> dict[str, Any]:
    forget(call, archive)
    count, size = call.rows(ARCHIVED).one("select count(*), coalesce(sum(length(body)), 0) from events_archived where archive = ?", archive.name)
    return {
        "ArchiveName": archive.name,
        "EventSourceArn": buses.arn_of(call, archive.bus),
        "State": "ENABLED",
        "RetentionDays": archive.days,
        "SizeBytes": size,
        "EventCount": count,
        "CreationTime": archive.created,
    }


def DescribeArchive(call: Call, *, ArchiveName: str) -> dict:
    archive = existing(call, ArchiveName)
    more = {"Description": archive.description, "EventPattern": archive.pattern}
    shown = {"ArchiveArn": arn_of(call, ArchiveName), **_listed(call, archive), **more}
    return {name: value for name, value in shown.items() if value is not None}


def ListArchives(
    call: Call, *, NamePrefix: str | None = None, EventSourceArn: str | None = None, State: str | None = None,
    NextToken: str | None = None, Limit: int | None = None,
) -> dict:  # fmt: skip
    bus = buses.existing(call, EventSourceArn).name if EventSourceArn else None
    found = {
        name: archive
        for name, archive in call.shelf(Archive).items()
        if name.startswith(NamePrefix or "") and bus in (None, archive.bus) and State in (None, "ENABLED")
    }
    return paged(found, NextToken, Limit, lambda archive: _listed(call, archive), "Archives")
