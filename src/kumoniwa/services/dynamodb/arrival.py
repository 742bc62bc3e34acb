"""Writes that arrive from other replicas of a global table: the last one stands, and who lost is noted."""

from __future__ import annotations

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages.dynamodb.value import Item
from kumoniwa.services.dynamodb import capacity, figures, item, replication
from kumoniwa.services.dynamodb.replication import CONFLICTS, Change, Version
from kumoniwa.services.dynamodb.table import Layout


def apply(call: Call, layout: Layout, change: Change, *, is_news: bool = True) -> bool:
    """Take over a write of another region if it is the last one; answers whether it was. What a new replica is given is no news."""
    found = item.read(call, layout, change.pk, change.sk)
    theirs = change.version
    if found is not None:
        mine = replication.unpacked(found[2])
    else:
        mine = replication.deletion(call, layout.id, *item.stored_at(call, layout, change.pk, change.sk))
    if mine is not None and mine.stamp >= theirs.stamp:
        if mine.stamp > theirs.stamp > mine.base:
            _conflict(call, layout, change, lost=theirs, won=mine)
        return False
    if mine is not None and mine.stamp > theirs.base:
        _conflict(call, layout, change, lost=mine, won=theirs)
    old_size, old_body, old_version = found if found is not None else (0, None, None)
    old = orjson.loads(old_body) if old_body is not None else None
    new = orjson.loads(change.body) if change.body is not None else None
    item.replace(
        call, layout, change.pk, change.sk, old, new, size=change.size, body=change.body or b"", old_body=old_body,
        old_size=old_size, old_version=old_version, heard=theirs,
    )  # fmt: skip
    if not is_news:
        return True
    indexes = item.index_units(layout, old, new) if layout.indexes else {False: {}, True: {}}
    figures.replicated(call, layout, capacity.write_units(old_size, change.size) + sum(indexes[False].values()), indexes[True])
    call.home.note(
        "apply", account=call.account, table=layout.name, key=key_of(layout, new or old), version=list(theirs.stamp),
        origin=theirs.region, written_at=theirs.at / 1_000_000, applied_at=call.now(),
    )  # fmt: skip
    return True


def key_of(layout: Layout, found: Item | None) -> Item | None:
    return {name: found[name] for name in layout.key.names} if found is not None else None


def _conflict(call: Call, layout: Layout, change: Change, *, lost: Version, won: Version) -> None:
    """Two regions wrote one item and neither knew of the other's write: somebody was told of a success that is gone."""
    is_new = call.rows(CONFLICTS).run(
        "insert or ignore into dynamodb_conflict values (?,?,?,?,?,?,?,?)",
        layout.id, *item.stored_at(call, layout, change.pk, change.sk), lost.at, lost.region, won.at, won.region, call.now(),
    )  # fmt: skip
    if is_new:
        found = item.read(call, layout, change.pk, change.sk)
        body = change.body if change.body is not None else found[1] if found is not None else None
        key = key_of(layout, orjson.loads(body)) if body is not None else None
        call.home.note("conflict", account=call.account, table=layout.name, key=key, lost=list(lost.stamp), won=list(won.stamp))
