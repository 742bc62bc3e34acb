"""What a volume or a snapshot begins with that is made from a snapshot: the same blocks, or the same bytes in blocks of its own.

Where the data key stays the same, and the account, there is nothing to copy. Else blocks are filled in one after the other: read, opened, sealed
anew and kept, each step by its row, so that a killed region goes on where it was. EC2 opens keys for that by grants; a key that is disabled
meanwhile ends it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed, pack, unpack
from kumoniwa.services.ec2 import block, ebs_key, ebs_record
from kumoniwa.services.ec2.ebs_key import Seal
from kumoniwa.services.ec2.ebs_record import Filling, Snapshot, Volume
from kumoniwa.services.ec2.errors import Refused

AT_ONCE = 8
"""So many blocks travel together."""
WITHIN_S = 60.0


class Source(NamedTuple):
    """A snapshot, here or in another region."""

    region: str
    account: str
    id: str
    state: str
    size_gib: int
    map: str
    total: int
    seal: Seal | None
    lineage: str


class Gone(AwsError):
    code = "InvalidSnapshot.NotFound"
    status = 400
    message = "Source snapshot ID is not valid"


class Beginning(NamedTuple):
    seal: Seal | None
    map: str
    filling: Filling | None
    lineage: str


def here(call: Call, id_: str) -> Source | None:
    """A snapshot of this region that the account may make volumes of."""
    found = ebs_record.owned(call, id_)
    if found is None:
        return None
    owner, each = found
    return Source(call.region, owner.account, id_, each.state, each.size_gib, each.map, block.count(owner, each.map), each.seal, each.lineage)


async def there(call: Call, region: str, id_: str) -> Source | None:
    told = await call.home.exchange(region, "ec2", {"do": "ebs_look", "account": call.account, "snapshot": id_})
    if told is None:
        return None
    seal = told.pop("seal")
    return Source(region=region, id=id_, seal=unpack(seal, Seal) if seal else None, **told)


async def begun(call: Call, id_: str, source: Source | None, key: str | None) -> Beginning:
    """``key`` is what it is encrypted with, by any name of it ("" for the account's default); None if it is not. Raises what KMS answers."""
    if source is None:
        return Beginning(await ebs_key.made(call, key, id_) if key is not None else None, "", None, call.new_id())
    is_own = (source.region, source.account) == (call.region, call.account)
    if key is None:
        seal = None
        if is_own:
            return Beginning(None, source.map, None, source.lineage)
    elif is_own and source.seal is not None and await ebs_key.named(call, key) == source.seal.key:
        return Beginning(await ebs_key.inherited(call, source.seal, id_), source.map, None, source.lineage)
    else:
        seal = await ebs_key.made(call, key, id_)
    if not source.total:
        return Beginning(seal, "", None, call.new_id())
    seal = await ebs_key.lent(call, seal) if seal is not None else None
    lent = await ebs_key.lent(call, source.seal, source.region) if source.seal is not None else None
    filling = Filling(region=source.region, account=source.account, snapshot=source.id, map=source.map, seal=lent, total=source.total)
    return Beginning(seal, call.new_id(), filling, call.new_id())


def check_is_there(call: Call, source: Source | None, beginning: Beginning) -> None:
    """See that the snapshot of this region was not deleted, with its blocks, while KMS was asked for what begins with it."""
    if source is None or source.region != call.region or ebs_record.owned(call, source.id) is not None:
        return
    ebs_key.retire(call, beginning.seal)
    if beginning.filling is not None:
        ebs_key.retire(call, beginning.filling.seal)
    raise Refused(ebs_record.SNAPSHOT.code, ebs_record.SNAPSHOT.text.format(source.id))


# Filling in ----------------------------------------------------------------------------------------


async def filled(call: Call, kind: type, id_: str) -> None:
    """Bring all blocks. Raises what KMS answers, or Gone; nothing is raised for what was deleted meanwhile."""
    shelf = call.shelf(kind)
    while (record := shelf.get(id_)) is not None and record.filling is not None:
        filling: Filling = record.filling
        found = await _brought(call, filling)
        if not found:
            call.atomically(lambda: _whole(call, shelf[id_]) if id_ in shelf else None)
            return
        secret = await ebs_key.opened_by_itself(call, record.seal)
        drafts = [(number, await block.written(call, body, secret)) for number, body in found]
        if not call.atomically(partial(_kept, call, kind, id_, drafts)):
            for _, draft in drafts:
                block.discard(call, draft)


def _kept(call: Call, kind: type, id_: str, drafts: list[tuple[int, block.Draft]]) -> bool:
    record = call.shelf(kind).get(id_)
    if record is None or record.filling is None:
        return False
    for number, draft in drafts:
        block.keep(call, record.map, number, draft)
    more: dict[str, Any] = {}
    done = record.filling.done + len(drafts)
    if kind is Snapshot:
        more["progress"] = min(99, 100 * done // record.filling.total)
    ebs_record.keep(call, record, filling=changed(record.filling, next=drafts[-1][0] + 1, done=done), **more)
    return True


def _whole(call: Call, record: Any) -> None:
    ebs_record.keep(call, record, filling=None, seal=ebs_key.retire(call, record.seal))
    ebs_record.filled_no_more(call, record.filling)


async def _brought(call: Call, filling: Filling) -> list[tuple[int, bytes]]:
    message = {
        "do": "ebs_blocks", "account": filling.account, "by": call.account, "snapshot": filling.snapshot, "map": filling.map,
        "seal": pack(filling.seal) if filling.seal is not None else b"", "next": filling.next, "count": AT_ONCE,
    }  # fmt: skip
    if filling.region == call.region:
        return await hear(call.home, message)
    return await call.home.exchange(filling.region, "ec2", message, WITHIN_S)


# What another region asks --------------------------------------------------------------------------


async def hear(home: Any, message: dict[str, Any]) -> Any:
    call = home.call("ec2", message["account"], ebs_record.itself(message["account"]))
    if message["do"] == "ebs_turn":
        return ebs_record.look(call, message["id"])
    if message["do"] == "ebs_volumes":
        return [(call.arn(f"volume/{id_}"), each.tags) for id_, each in call.shelf(Volume).items() if each.state == "available"]
    if message["do"] == "ebs_look":
        return _looked(call, message["snapshot"])
    found = call.shelf(Snapshot).get(message["snapshot"])
    # What the account itself fills here keeps the blocks of a snapshot that was deleted meanwhile.
    is_readable = message["by"] == call.account or (found is not None and ebs_record.may_read(found, message["by"]))
    if not is_readable or message["map"] not in ebs_record.maps(call):
        raise Gone
    secret = await ebs_key.opened_by_itself(call, unpack(message["seal"], Seal) if message["seal"] else None)
    blocks = block.listed(call, message["map"], message["next"], message["count"])
    try:
        return [(each.number, await block.read(call, each, secret)) for each in blocks]
    except FileNotFoundError:
        raise Gone from None


def _looked(call: Call, id_: str) -> dict[str, Any] | None:
    source = here(call, id_)
    if source is None:
        return None
    told = source._asdict()
    del told["region"], told["id"]
    return told | {"seal": pack(source.seal) if source.seal is not None else b""}

