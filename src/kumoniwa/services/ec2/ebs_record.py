"""What volumes and snapshots are, and how other files find and keep them."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.ids import of_token
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ec2 import block
from kumoniwa.services.ec2.ebs_key import Seal, retire
from kumoniwa.services.ec2.errors import InvalidParameterValue, Refused
from kumoniwa.services.ec2.kinds import Kind, arn_of

SERVICE = "ec2.amazonaws.com"
TURNS = Turns("ec2", SERVICE, "ebs_turn")
NO_VOLUME = "vol-ffffffff"
"""What snapshots say that were taken of none."""


class Filling(Record):
    """Where blocks still come from."""

    region: str
    account: str
    snapshot: str
    map: str
    seal: Seal | None = None
    """Of the source, with a grant for EC2 in its region."""
    next: int = 0
    """The place that comes next."""
    total: int = 0
    done: int = 0


class Change(Record):
    """One modification of a volume."""

    started: float
    before: tuple[str, int, int | None, int | None, bool]
    """Type, GiB, IOPS, MiB/s, and whether several instances may attach it."""
    after: tuple[str, int, int | None, int | None, bool]
    state: str = "modifying"
    ended: float = 0.0
    request: str = ""


class Volume(Record):
    """Shelved by its id."""

    id: str
    zone: str
    size_gib: int
    type: str
    created: float
    state: str = "creating"
    iops: int | None = None
    throughput: int | None = None
    is_shared: bool = False
    """Whether several instances may attach it."""
    enables_io: bool = False
    """Whether it goes on by itself after its data was found in doubt, which nothing here does."""
    snapshot: str = ""
    map: str = ""
    """Of its blocks; empty where there are none."""
    seal: Seal | None = None
    key: str = ""
    """KMS's, as it was said, where it did not open."""
    lineage: str = ""
    """What it has in common with all that have its blocks, more or fewer."""
    filling: Filling | None = None
    failure: str = ""
    """Why it will not come to be."""
    changes: tuple[Change, ...] = ()
    tags: dict[str, str] = {}
    request: str = ""


class Lock(Record):
    """What keeps a snapshot from being deleted."""

    mode: str
    created: float
    until: float
    days: int | None = None
    cooling_h: int | None = None


class Snapshot(Record):
    """Shelved by its id."""

    id: str
    volume: str
    size_gib: int
    started: float
    state: str = "pending"
    description: str = ""
    kind: str = "create"
    """What made it: ``create``, ``copy`` or ``direct``."""
    map: str = ""
    seal: Seal | None = None
    key: str = ""
    lineage: str = ""
    completed: float = 0.0
    progress: int = 0
    blocks: int = 0
    """How many it has, once it is complete."""
    parent: str = ""
    timeout_s: float = 0.0
    expires: float = 0.0
    """When one that is written is given up."""
    is_sealed: bool = False
    """Whether it was told that all is written."""
    filling: Filling | None = None
    source: str = ""
    """The ARN of what it is a copy of."""
    message: str = ""
    failure: str = ""
    """Why it will not come to be."""
    users: tuple[str, ...] = ()
    """Accounts that may make volumes of it."""
    is_public: bool = False
    is_hidden: bool = False
    """Whether it is treated as private all the same, because its account blocks what is public."""
    lock: Lock | None = None
    tags: dict[str, str] = {}
    request: str = ""


VOLUME = Kind("volume", "vol", Volume, "InvalidVolume.NotFound", "The volume '{}' does not exist.", "InvalidParameterValue")
SNAPSHOT = Kind("snapshot", "snap", Snapshot, "InvalidSnapshot.NotFound", "The snapshot '{}' does not exist.", "InvalidParameterValue")


def snapshot_arn(call: Call, id_: str, region: str = "") -> str:
    return arn_of(call, SNAPSHOT.name, id_).replace(f":{call.region}:", f":{region or call.region}:", 1)


def check_id(kind: Kind, id_: str) -> None:
    if not id_.startswith(f"{kind.prefix}-"):
        raise InvalidParameterValue(f"Value ({id_}) for parameter {kind.name}Id is invalid. Expected: '{kind.prefix}-...'.")


def existing(call: Call, kind: Kind, id_: str) -> Any:
    check_id(kind, id_)
    found = call.shelf(kind.record).get(id_)
    if found is None:
        raise Refused(kind.code, kind.text.format(id_))
    return found


def new_snapshot(call: Call) -> str:
    """An id. One that another service asks for with a token follows from that: AWS Backup knows its snapshots before they are there."""
    return f"snap-0{of_token(call.once, 16) if call.once and call.request is None else call.ids.hex(16)}"


def is_of_backup(call: Call) -> bool:
    """Whether AWS Backup asks, as a job's role or for whoever called it."""
    return "backup.amazonaws.com" in (call.principal.held_by, *call.principal.via)


def keep(call: Call, record: Any, **changes: Any) -> Any:
    """The latest of it, with changes."""
    shelf = call.shelf(type(record))
    shelf[record.id] = latest = changed(shelf[record.id], **changes)
    return latest


def look(call: Call, id_: str, at: float = 0.0) -> None:
    """Give it a turn."""
    TURNS.put(call, id_, at or call.now())


def itself(account: str) -> Principal:
    """EC2, which has something to do by itself."""
    return principals.service(SERVICE, account)


def others(call: Call, account: str) -> Call:
    """The same place, in another account's data."""
    return call if account == call.account else changed(call, account=account)


def may_read(snapshot: Snapshot, account: str) -> bool:
    return (snapshot.is_public and not snapshot.is_hidden) or account in snapshot.users


def owned(call: Call, id_: str) -> tuple[Call, Snapshot] | None:
    """A snapshot that the account may make volumes of, and the account's call that has it: its own, or one that was shared with it."""
    found = call.shelf(Snapshot).get(id_)
    if found is not None:
        return call, found
    for account in call.home.store.accounts():
        if account.isdigit() and account != call.account:
            found = call.home.store.shelf(account, Snapshot).get(id_)
            if found is not None and may_read(found, call.account):
                return others(call, account), found
    return None


def shared_with(call: Call) -> list[tuple[str, Snapshot]]:
    """Those of others that the account may make volumes of, with their owners."""
    return [
        (account, each)
        for account in call.home.store.accounts() if account.isdigit() and account != call.account
        for each in call.home.store.shelf(account, Snapshot).values() if may_read(each, call.account)
    ]  # fmt: skip


def let_go(call: Call, map_: str) -> None:
    """Forget a map that no volume and no snapshot has any more, or is filled from. Its record is off its shelf already."""
    if map_ and map_ not in maps(call):
        block.forget(call, map_)


def maps(call: Call) -> set[str]:
    """All that are in use."""
    held = [each for kind in (Volume, Snapshot) for each in call.shelf(kind).values()]
    return {each.map for each in held if each.map} | {each.filling.map for each in held if each.filling is not None and is_own(call, each.filling)}


def is_own(call: Call, filling: Filling) -> bool:
    """Whether it is filled from what the account has here."""
    return (filling.region, filling.account) == (call.region, call.account)


def filled_no_more(call: Call, filling: Filling | None) -> None:
    """What it was filled from may go, and EC2 needs its key no more. The record that said so is changed or gone already."""
    if filling is not None:
        retire(call, filling.seal, filling.region)
        if is_own(call, filling):
            let_go(call, filling.map)
