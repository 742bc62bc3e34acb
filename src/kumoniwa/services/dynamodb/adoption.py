"""What a region does when it hears how a global table stands: it makes its replica, follows, or gives it up."""

from __future__ import annotations

import math
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import (
    backup,
    contribution,
    decree,
    history,
    item,
    policy,
    replica,
    replication,
    resealing,
    stream,
    unlocking,
)
from kumoniwa.services.dynamodb import group as groups
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.group import CREATING, DELETING, Group, Member
from kumoniwa.services.dynamodb.table import Index, Table


class Refused(Exception):
    """A table that is no part of the group has its name here."""


def adopt(call: Call, name: str, group: Group, settings: dict[str, Any]) -> None:
    """Follow what another region says of a group, unless we know better. Raises Refused."""
    if group.witness == call.home.name:
        # A witness holds decrees and no table; one that a user has by that name is none of its business.
        if group.witness_status == DELETING:
            decree.forget(call, decree.scope(name, group))
        return
    table = call.shelf(Table).get(name)
    me = group.member(call.home.name)
    if table is None:
        if me is not None and me.status == CREATING:
            _begin(call, name, group, me, settings)
        return
    if table.group is None and group.version == groups.CURRENT and (me is None or me.status != groups.ACTIVE):
        if me is not None:
            raise Refused
        return
    if not group.is_later_than(table.group):
        merged = table.group.with_reads_of(group)
        if merged != table.group:
            _follow(call, table, merged, merged.member(call.home.name), replica.settings_of(table))
        return
    if table.group is not None:
        group = group.with_reads_of(table.group)
        me = group.member(call.home.name)
    if me is None or me.status == DELETING:
        if group.version == groups.CURRENT:
            give_up(call, table)
        else:
            alone(call, table)
        return
    if len(group.members) < 2:
        alone(call, table)
        return
    _follow(call, table, group, me, settings)


def _begin(call: Call, name: str, group: Group, me: Member, settings: dict[str, Any]) -> None:
    """The replica's table. It can be described, and not be read or written until it has all items."""
    table = Table(
        name=name, id=tables.new_id(call), uuid=call.new_id(), created=call.now(), active_at=math.inf, definitions={},
        hash_name=settings["hash_name"], range_name=settings["range_name"], encryption=me.encryption,
        has_aws_order=settings.get("has_aws_order", False), has_aws_ties=True,
    )  # fmt: skip
    if settings["stream_view"]:
        table = stream.begin(call, table, settings["stream_view"])
    _follow(call, table, group, me, settings)


def _follow(call: Call, table: Table, group: Group, me: Member, settings: dict[str, Any]) -> None:
    """The table with the settings of the group, but for what this replica overrides."""
    if settings["is_on_demand"] and not table.is_on_demand:
        table = changed(table, on_demand_since=call.now())
    table = changed(
        table, group=group, definitions=settings["definitions"], is_on_demand=settings["is_on_demand"],
        read_units=settings["read_units"], base_reads=0, write_units=settings["write_units"],
        reads_max=settings.get("reads_max", 0), writes_max=settings.get("writes_max", 0),
        table_class=settings["table_class"], base_class=None, active_at=math.inf if me.status == CREATING else 0.0,
    )  # fmt: skip
    had = {index.name: index for index in table.indexes}
    indexes, fresh = [], []
    for given in settings["indexes"]:
        shape = given | {
            "projected": tuple(given["projected"]), "base_reads": 0,
            "more_hashes": tuple(given["more_hashes"]), "more_ranges": tuple(given["more_ranges"]),
        }  # fmt: skip
        held = had.pop(given["name"], None)
        if held is not None and all(
            getattr(held, part) == shape[part] for part in ("hash_name", "range_name", "more_hashes", "more_ranges", "projection")
        ):
            indexes.append(changed(held, **shape))
            continue
        if held is not None:
            item.forget_index(call, held.id)
        fresh.append(Index(id=tables.new_id(call), **shape))
        indexes.append(fresh[-1])
    for gone in had.values():
        item.forget_index(call, gone.id)
    before, table = table, replica.overridden(changed(table, indexes=tuple(indexes)), me)
    contribution.follow(call, before, table)
    table = with_expiry(call, table, settings["ttl_attribute"])
    for index in fresh:
        item.fill(call, table, index.id)
    call.shelf(Table)[table.name] = table
    tables.laid_out(call, table)
    for who in ("work", "conductor"):
        call.home.wake(("dynamodb", who))


def with_expiry(call: Call, table: Table, attribute: str) -> Table:
    """The table with another time-to-live attribute, or none."""
    if attribute == table.ttl_attribute:
        return table
    if table.ttl_id:
        item.forget_index(call, table.ttl_id)
    table = changed(table, ttl_attribute=attribute, ttl_id=tables.new_id(call) if attribute else 0)
    if attribute:
        item.fill(call, table, table.ttl_id)
    call.home.wake(("dynamodb", "work"))
    return table


def alone(call: Call, table: Table) -> None:
    """The table is a replica no more, and stays."""
    indexes = tuple(changed(index, base_reads=0) for index in table.indexes)
    call.shelf(Table)[table.name] = changed(table, group=None, base_reads=0, base_class=None, indexes=indexes)
    _forget(call, table)


def _forget(call: Call, table: Table) -> None:
    replication.forget(call, table.id)
    if table.group is not None and table.group.is_strong:
        decree.forget(call, decree.scope(table.name, table.group))


def give_up(call: Call, table: Table) -> Table:
    """Delete a table and all that is its own. One that could be restored leaves a backup."""
    if table.name in call.shelf(Table):
        del call.shelf(Table)[table.name]
    call.memory(tables.Layouts).by_name.pop(table.name, None)
    contribution.follow(call, table, None)
    table = stream.end(call, table)
    if table.encryption is not None:
        unlocking.close(call, table)
    item.forget_indexes(call, table)
    history.forget(call, table.id)
    if table.recovers_since:
        backup.kept_by_system(call, table)
    else:
        item.forget_rows(call, table.id)
    _forget(call, table)
    policy.forget(call, table)
    if table.encryption is not None:
        resealing.forsake(call, table.encryption)
    return table
