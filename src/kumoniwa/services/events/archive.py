"""Archives: what a bus heard, kept for as many days as one likes, to be heard once more.

AWS keeps an archive by a managed rule of the bus. Here the bus itself keeps it, and the rule is there to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from kumoniwa.gate.key_chain import OPEN, Lock, is_sealed
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import event_pattern
from kumoniwa.services.events import bill, encryption
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.errors import (
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import at_most_one, paged
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

DAY_S = 86_400
ARCHIVED = Table(
    "events_archived",
    """create table if not exists events_archived (id integer primary key autoincrement, archive text, at real, body blob);
    create index if not exists events_archived_at on events_archived (archive, at, id);
    create index if not exists events_archived_kept on events_archived (archive, coalesce(kept, at))""",
    added=("kept real",),
)
"""``at`` is the time in the event, ``kept`` when it came; of rows without the latter both are one."""


class Archive(Record):
    """Shelved by its name."""

    name: str
    bus: str
    created: float
    description: str | None = None
    pattern: str | None = None
    days: int = 0
    """For how long events are kept; 0 is for ever."""
    key: str = ""
    """Of KMS, as it was told."""
    sealed: bytes = b""
    """Its pattern, where it has a key."""


def lock(call: Call, archive: Archive) -> Lock:
    if not archive.key:
        return OPEN
    return encryption.of_archive(call, arn_of(call, archive.name), buses.arn_of(call, archive.bus), archive.key)


def _closed(call: Call, archive: Archive) -> Archive:
    if not archive.key:
        return archive
    return changed(archive, pattern=None, sealed=lock(call, archive).shut((archive.pattern or "").encode()))


def opened(call: Call, archive: Archive) -> Archive:
    """With its pattern. Raises ``data_key.Shut`` until its key is open."""
    if not archive.sealed:
        return archive
    return changed(archive, pattern=lock(call, archive).open(archive.sealed).decode() or None, sealed=b"")


def prove(call: Call, archive: Archive) -> None:
    """See that its key is open, for its pattern and for what it is to keep."""
    opened(call, archive)
    lock(call, archive).shut(b"")


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"archive/{name}")


def existing(call: Call, name: str) -> Archive:
    found = call.shelf(Archive).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Archive {name} does not exist.")
    return found


def keep(call: Call, bus: str, event: dict[str, Any], open_to: frozenset[str] | None = None) -> None:
    """Keep an event in the archives of its bus that want it, of all or of those named. What a replay brings is not kept again."""
    for archive in wanting(call, bus, event, open_to):
        forget(call, archive)
        said = orjson.dumps(event)
        body = lock(call, archive).shut(said)
        bill.archived(call, archive.name, len(said))
        row = (archive.name, timestamps.parsed(event["time"]), call.now(), body)
        call.rows(ARCHIVED).run("insert into events_archived (archive, at, kept, body) values (?, ?, ?, ?)", *row)


def wanting(call: Call, bus: str, event: dict[str, Any], open_to: frozenset[str] | None = None) -> Iterator[Archive]:
    """The archives that keep an event, open."""
    if "replay-name" in event:
        return
    for archive in call.shelf(Archive).values():
        if archive.bus == bus and (open_to is None or archive.name in open_to):
            archive = opened(call, archive)
            if archive.pattern is None or event_pattern.compile(archive.pattern).matches(event):
                yield archive


def event_in(call: Call, archive: Archive, held: bytes) -> dict[str, Any]:
    """What was kept, under the key of then. Raises ``data_key.Shut`` until that is open."""
    if is_sealed(held):
        key = encryption.whose(call, held).data_key.key
        held = lock(call, changed(archive, key=key)).open(held)
    return orjson.loads(held)


def forget(call: Call, archive: Archive) -> None:
    """Drop what is older than the archive keeps."""
    if archive.days:
        oldest = call.now() - archive.days * DAY_S
        call.rows(ARCHIVED).run("delete from events_archived where archive = ? and coalesce(kept, at) < ?", archive.name, oldest)


def CreateArchive(
    call: Call, *, ArchiveName: str, EventSourceArn: str, Description: str | None = None, EventPattern: str | None = None,
    RetentionDays: int | None = None, KmsKeyIdentifier: str | None = None,
) -> Any:  # fmt: skip
    if KmsKeyIdentifier and EventPattern:
        call.confided = (EventPattern,)
    bus = buses.existing(call, EventSourceArn).name
    if ArchiveName in call.shelf(Archive):
        raise ResourceAlreadyExistsException(f"Archive {ArchiveName} already exists.")
    if EventPattern:
        rules.check_pattern(EventPattern)
    archive = Archive(
        name=ArchiveName, bus=bus, created=call.now(), description=Description, pattern=EventPattern or None, days=RetentionDays or 0,
        key=KmsKeyIdentifier or "",
    )  # fmt: skip
    return _keeping(call, archive)


def _keeping(call: Call, archive: Archive) -> Any:
    """Put an open archive on its shelf, if EventBridge may use its key."""

    def put() -> dict:
        call.shelf(Archive)[archive.name] = _closed(call, archive)
        _show_rule(call, archive)
        return _answer(call, archive)

    return encryption.proving(call, lock(call, archive), put) if archive.key else put()


def _rule_of(archive: Archive) -> str:
    return f"Events-Archive-{archive.name}"


def _show_rule(call: Call, archive: Archive) -> None:
    """The rule as AWS has it: moto's verified test_archive_actual_events. What an archive's key hides it does not tell, because it lies
    under the key of its bus, if that has one."""
    wants = {**(orjson.loads(archive.pattern) if archive.pattern and not archive.key else {}), "replay-name": [{"exists": False}]}
    name, arn = _rule_of(archive), arn_of(call, archive.name)
    template = f'{{"archive-arn": "{arn}:{call.new_id()}", "event": <aws.events.event.json>, "ingestion-time": <aws.events.event.ingestion-time>}}'
    target = {
        "Id": name, "Arn": f"arn:{call.home.partition}:events:{call.region}:::",
        "InputTransformer": {"InputPathsMap": {}, "InputTemplate": template},
    }  # fmt: skip
    rule = rules.Rule(
        name=name, bus=archive.bus, pattern=orjson.dumps(wants).decode(), creator=call.account, anchored=archive.created, targets={name: target},
        manager=rules.OF_ARCHIVES,
    )  # fmt: skip
    rules.keep(call, rule, buses.existing(call, archive.bus))


def _answer(call: Call, archive: Archive) -> dict:
    return {"ArchiveArn": arn_of(call, archive.name), "State": "ENABLED", "CreationTime": archive.created}


def UpdateArchive(
    call: Call, *, ArchiveName: str, Description: str | None = None, EventPattern: str | None = None, RetentionDays: int | None = None,
    KmsKeyIdentifier: str | None = None,
) -> Any:  # fmt: skip
    """An empty key takes the customer's away. What was kept stays as it was kept."""
    if (Description, EventPattern, RetentionDays, KmsKeyIdentifier) == (None,) * 4:
        raise ValidationException("At least one of EventPattern, RetentionDays or Description must be provided.")
    archive = existing(call, ArchiveName)
    if EventPattern:
        rules.check_pattern(EventPattern)
        if archive.key or KmsKeyIdentifier:
            call.confided = (EventPattern,)
    archive = opened(call, archive)
    if KmsKeyIdentifier is not None:
        archive = changed(archive, key=KmsKeyIdentifier)
    said = {"description": Description, "pattern": EventPattern, "days": RetentionDays}
    # An empty text takes the pattern away.
    archive = changed(archive, **{name: value if value != "" else None for name, value in said.items() if value is not None})
    return _keeping(call, archive)


def DeleteArchive(call: Call, *, ArchiveName: str) -> None:
    archive = existing(call, ArchiveName)
    call.rows(ARCHIVED).run("delete from events_archived where archive = ?", ArchiveName)
    del call.shelf(Archive)[ArchiveName]
    call.shelf(rules.Rule).pop(f"{archive.bus}/{_rule_of(archive)}", None)


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
    archive = opened(call, existing(call, ArchiveName))
    more = {"Description": archive.description, "EventPattern": archive.pattern, "KmsKeyIdentifier": archive.key or None}
    shown = {"ArchiveArn": arn_of(call, ArchiveName), **_listed(call, archive), **more}
    return {name: value for name, value in shown.items() if value is not None}


def ListArchives(
    call: Call, *, NamePrefix: str | None = None, EventSourceArn: str | None = None, State: str | None = None,
    NextToken: str | None = None, Limit: int | None = None,
) -> dict:  # fmt: skip
    at_most_one("ListArchives", State, EventSourceArn, NamePrefix)
    bus = buses.existing(call, EventSourceArn).name if EventSourceArn else None
    found = {
        name: archive
        for name, archive in call.shelf(Archive).items()
        if name.startswith(NamePrefix or "") and bus in (None, archive.bus) and State in (None, "ENABLED")
    }
    return paged(found, NextToken, Limit, lambda archive: _listed(call, archive), "Archives")
