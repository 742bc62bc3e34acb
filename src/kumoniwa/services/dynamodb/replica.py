"""Making, changing and removing the replicas of a global table, version 2019.11.21.

An UpdateTable that names replicas is judged with the other region's word and answered; what it asked for is then a change of
the group, which background work (``conductor``) carries out and which no kill forgets.
Refusals and shapes: recorded from AWS in October 2026 (ack-api-quirks, table-replicas and table-global-tables).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import msgspec

from kumoniwa.aws.regions import is_region
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import item, provisioning, scaling, stream, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.group import CREATING, CURRENT, DELETING, STRONG_SETS, Group, Member
from kumoniwa.services.dynamodb.scaling import WRITE, Dimension
from kumoniwa.services.dynamodb.table import Index, ResourceInUseException, Table, described

SOURCE_FOR_S = 86_400
_NO_ACTION = "There are no actions specified in the Replica Update Action of the request."
_NOT_PART = (
    "Update global table operation failed because one or more replicas were not part of the global table. "
    "Please retry the request without these replicas: [{}]."
)
_ACTED_AS_SOURCE = (
    "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in the last 24 hours."
)
_IN_USE = "The resource which you are attempting to change is in use."


NO_KEY = f"{INVALID}KMSMasterKeyId must be specified for each replica."


class Push(Record):
    """A change of a group that one region has not heard yet. On the shelf under ``table/region``."""

    table: str
    region: str
    group: Group
    settings: dict[str, Any]


class InternalServerError(AwsError):
    status = 500
    message = "Internal server error"


# What is asked -------------------------------------------------------------------------------------


def update(
    call: Call, name: str, updates: list[dict] | None, witnesses: list[dict] | None, consistency: str | None, *, changes_more: bool
) -> Coroutine[Any, Any, Table]:
    """The table after UpdateTable's replica actions; a coroutine, because the other regions have a word in it."""
    table = described(call, name)
    actions = _actions(updates or [])
    is_strong_group = table.group is not None and table.group.is_strong
    if changes_more:
        raise ValidationException(
            "Requests that modify replicas or witnesses must not also modify other fields"
            if witnesses or consistency == "STRONG"
            else f"{INVALID}Replica modification must be the only operation in the request"
        )
    _check_regions(call, actions)
    if witnesses or consistency is not None or is_strong_group:
        return _update_strong(call, table, actions, witnesses or [], consistency)
    [(kind, given)] = actions if len(actions) == 1 else _only(actions)
    if kind == "Create":
        return _create(call, table, [given])
    return _settled(_delete(call, table, [given["RegionName"]]) if kind == "Delete" else _change(call, table, given))


async def _settled(table: Table) -> Table:
    return table


def _actions(updates: list[dict]) -> list[tuple[str, dict]]:
    """(Create, Update or Delete; what of it), each once."""
    found: list[tuple[str, dict]] = []
    for update in updates:
        if "Disassociate" in update:
            raise NotImplementedHere("dynamodb:UpdateTable(ReplicaUpdates.Disassociate)")
        if len(update) > 1:
            raise ValidationException("Update table operation with more than one type of replica actions not allowed.")
        if not update:
            raise ValidationException(_NO_ACTION)
        [(kind, given)] = update.items()
        if kind == "Update" and given.get("KMSMasterKeyId") is not None:
            # To have another key a replica is made again: https://github.com/hashicorp/terraform-provider-aws/pull/29102
            raise ValidationException(NO_KEY)
        if (kind, given) not in found:
            found.append((kind, given))
    return found


def _check_regions(call: Call, actions: list[tuple[str, dict]]) -> None:
    for kind, given in actions:
        region = given["RegionName"]
        if not is_region(region):
            raise ValidationException(
                f"Region {region} is not supported. The latest version of global tables are only supported in the regions of DynamoDB."
            )
        if region == call.home.name and kind != "Update":
            raise ValidationException(
                "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as required."
            )


def _only(actions: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    raise ValidationException("Update table operation with more than one create or delete replica actions not allowed")


def refuse_while_changing(call: Call, table: Table) -> None:
    if table.group is not None and table.group.is_changing:
        raise ResourceInUseException(_IN_USE)


# Creating ------------------------------------------------------------------------------------------


async def _is_scaled(call: Call, table: Table, index: str = "") -> bool:
    """Whether a scaling policy follows the writes of a table or of its index."""
    return bool(await scaling.policies(call, call.home.name, Dimension.of(table.name, WRITE, index)))


def _create(
    call: Call, table: Table, wanted: list[dict], *, is_strong: bool = False, witness: str = ""
) -> Coroutine[Any, Any, Table]:
    regions = [given["RegionName"] for given in wanted]
    for region in regions:
        call.require("dynamodb:CreateTableReplica", _arn(call, region, table.name))
        if table.group is not None and table.group.member(region) is not None:
            raise _exists(table)
    if table.group is not None and table.group.version != CURRENT:
        raise ValidationException(
            f"{INVALID}Replicas of a global table of version {table.group.version} are added by UpdateGlobalTable.",
            hint="UpdateGlobalTable changes the replicas of tables that CreateGlobalTable has joined.",
        )
    refuse_while_changing(call, table)
    members = [_member(call, given) for given in wanted]
    _check_keys(table, wanted, is_strong=is_strong)

    async def make() -> Table:
        if not table.is_on_demand and not await _is_scaled(call, table):
            raise ValidationException(
                "Table write capacity should either be Pay-Per-Request or AutoScaled.",
                hint="Set BillingMode to PAY_PER_REQUEST, or put a scaling policy for writes, before replicas are added.",
            )
        for index in () if table.is_on_demand else table.indexes:
            if index.is_global and not await _is_scaled(call, table, index.name):
                # DDB-TABLE-288 of ack-api-quirks.
                raise ValidationException(
                    "GSI write capacity should either be Pay-Per-Request or AutoScaled.",
                    hint=f"Put a scaling policy for the writes of the index {index.name}, too.",
                )
        for region in regions:
            if (await probe(call, region, table.name))["is_there"]:
                raise _exists(table)
        for n, given in enumerate(wanted if table.encryption is not None else ()):
            key = await table_key.made(call, table.name, given.get("KMSMasterKeyId"), given["RegionName"])
            members[n] = changed(members[n], encryption=key)
        now = described(call, table.name)
        refuse_while_changing(call, now)
        return call.atomically(lambda: joined(call, now, members, is_strong=is_strong, witness=witness))

    return make()


def _check_keys(table: Table, wanted: list[dict], *, is_strong: bool) -> None:
    """A replica lies under the same kind of key as the table."""
    keys = [given.get("KMSMasterKeyId") for given in wanted]
    if table.encryption is None:
        if any(keys):
            raise NotImplementedHere("dynamodb:UpdateTable(ReplicaUpdates.KMSMasterKeyId) of a table that is not encrypted under a key of KMS")
        return
    if is_strong:
        raise NotImplementedHere("dynamodb: keys of KMS for tables of MultiRegionConsistency STRONG")
    if not table.encryption.is_managed and not all(keys):
        raise ValidationException(NO_KEY)


def _arn(call: Call, region: str, name: str) -> str:
    return f"arn:{call.home.partition}:dynamodb:{region}:{call.account}:table/{name}"


def _exists(table: Table) -> ValidationException:
    return ValidationException(
        f"Failed to create a the new replica of table with name: ‘{table.name}’ because one or more replicas already existed as tables."
    )


def _member(call: Call, given: dict[str, Any]) -> Member:
    return Member(region=given["RegionName"], status=CREATING, source=call.home.name, made=call.now(), **_overrides(given))


def _overrides(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "ProvisionedThroughputOverride" in given:
        found["read_units"] = given["ProvisionedThroughputOverride"].get("ReadCapacityUnits", 0)
    if "OnDemandThroughputOverride" in given:
        raise NotImplementedHere("dynamodb:UpdateTable(ReplicaUpdates.OnDemandThroughputOverride)")
    if "TableClassOverride" in given:
        found["table_class"] = given["TableClassOverride"]
    reads = {
        index["IndexName"]: index["ProvisionedThroughputOverride"].get("ReadCapacityUnits", 0)
        for index in given.get("GlobalSecondaryIndexes") or ()
        if "ProvisionedThroughputOverride" in index
    }
    if reads:
        found["index_reads"] = reads
    return found


async def probe(call: Call, region: str, name: str) -> dict[str, Any]:
    """What another region says of its table of this name. Raises InternalServerError if it cannot be asked."""
    try:
        return await call.home.exchange(region, "dynamodb", {"what": "probe", "account": call.account, "table": name})
    except AwsError as error:
        raise InternalServerError(hint=f"{region} does not answer: {error.text}") from None


def there(call: Call, name: str) -> dict[str, Any]:
    """What there is of a table's name here, for those who would make or join a replica."""
    table = call.shelf(Table).get(name)
    if table is None:
        return {"is_there": False}
    is_empty = item.count_some(call, table, None, None, 1)[0] == 0
    has_own_key = table.encryption is not None and not table.encryption.is_managed
    return {
        "is_there": True,
        "has_own_key": has_own_key,
        "is_empty": is_empty,
        "settings": settings_of(table),
        "group": msgspec.to_builtins(table.group),
    }


def not_here(operation: str, member: str, names: set[str]) -> NotImplementedHere:
    return NotImplementedHere(f"dynamodb:{operation}({', '.join(f'{member}.{name}' for name in sorted(names))})")


def joined(call: Call, table: Table, members: list[Member], *, is_strong: bool = False, witness: str = "", version: str = CURRENT) -> Table:
    """Put the table with new members on its shelf, and see that the others hear of it."""
    if not table.stream_view and version == CURRENT:
        # AWS turns a stream on by itself, and leaves one of another view as it is.
        table = stream.begin(call, table, "NEW_AND_OLD_IMAGES")
    held = table.group
    here = (Member(region=call.home.name, made=table.created, encryption=table.encryption),) if held is None else held.members
    group = Group(
        version=version, at=0, region="", members=(*here, *members), is_strong=is_strong or (held is not None and held.is_strong),
        witness=witness or (held.witness if held is not None else ""), witness_status=CREATING if witness else "",
        made=held.made if held is not None else call.now(),
    )  # fmt: skip
    return publish(call, table, group)


def stamp(call: Call) -> int:
    """Now, in microseconds since the epoch."""
    return int(call.now() * 1_000_000)


def publish(call: Call, table: Table, group: Group, *, also: list[str] | tuple = ()) -> Table:
    """A group's new version: stamped, put on the shelf with its table, and left for every region it concerns, ``also`` those
    that are members no more."""
    last = table.group.at if table.group is not None else 0
    group = changed(group, at=max(stamp(call), last + 1), region=call.home.name)
    me = group.member(call.home.name)
    table = changed(table if me is None else overridden(table, me), group=group)
    call.shelf(Table)[table.name] = table
    tables.laid_out(call, table)
    for region in dict.fromkeys((*group.others(call.home.name), *filter(None, [group.witness]), *also)):
        call.shelf(Push)[f"{table.name}/{region}"] = Push(table=table.name, region=region, group=group, settings=settings_of(table))
    call.home.wake(("dynamodb", "conductor"))
    return table


def overridden(table: Table, me: Member) -> Table:
    """A table that has what all replicas have, and what this one overrides."""
    indexes = tuple(
        changed(index, read_units=me.own_reads(index.name) or index.shared_reads, base_reads=index.shared_reads if me.own_reads(index.name) else 0)
        for index in table.indexes
    )
    return changed(
        table, indexes=indexes, read_units=me.read_units or table.shared_reads, base_reads=table.shared_reads if me.read_units else 0,
        table_class=me.table_class or table.shared_class, base_class=table.shared_class if me.table_class else None,
    )  # fmt: skip


def settings_of(table: Table) -> dict[str, Any]:
    """What all replicas of a table have alike, fit to travel."""
    return {
        "definitions": table.definitions,
        "hash_name": table.hash_name,
        "range_name": table.range_name,
        "indexes": [
            {
                "name": i.name, "hash_name": i.hash_name, "range_name": i.range_name, "projection": i.projection,
                "projected": list(i.projected), "is_global": i.is_global, "read_units": i.shared_reads, "write_units": i.write_units,
                "reads_max": i.reads_max, "writes_max": i.writes_max,
                "more_hashes": list(i.more_hashes), "more_ranges": list(i.more_ranges),
            }
            for i in table.indexes
        ],
        "is_on_demand": table.is_on_demand,
        "read_units": table.shared_reads,
        "write_units": table.write_units,
        "reads_max": table.reads_max,
        "writes_max": table.writes_max,
        "table_class": table.shared_class,
        "ttl_attribute": table.ttl_attribute,
        "stream_view": table.stream_view,
        "has_aws_order": table.has_aws_order,
    }  # fmt: skip


def put(call: Call, table: Table) -> Table:
    """Put a table with other settings on its shelf; a group's settings are told to all of it."""
    held = call.shelf(Table)[table.name]
    if table.group is not None and (table.group != held.group or settings_of(table) != settings_of(held)):
        return publish(call, table, table.group)
    call.shelf(Table)[table.name] = table
    tables.laid_out(call, table)
    return table


def with_own(call: Call, before: Table, table: Table) -> Table:
    """The table that UpdateTable has changed here, where what it changes is its own: the class and the reads of a replica that overrides those
    of the others, and the reads of one that is scaled, which then keeps apart (recorded by ack-api-quirks in October 2026: DDB-TABLE-251,
    DDB-TABLE-321; that it is so with the class is ours)."""
    group = table.group
    if group is None:
        return table
    if table.table_class != before.table_class and before.base_class is not None:
        members = tuple(changed(m, table_class=table.table_class) if m.region == call.home.name else m for m in group.members)
        group = changed(group, members=members)
    if table.is_on_demand != before.is_on_demand:
        members = tuple(
            changed(m, read_units=0, index_reads={}, reads_at=stamp(call)) if m.read_units or m.index_reads else m for m in group.members
        )
        indexes = tuple(changed(index, base_reads=0) for index in table.indexes)
        return changed(table, group=changed(group, members=members), base_reads=0, indexes=indexes)
    group, is_own = _own(call, group, "", before, table)
    if is_own:
        table = changed(table, base_reads=before.shared_reads)
    held, indexes = {index.name: index for index in before.indexes}, []
    for index in table.indexes:
        was = held.get(index.name, index)
        group, is_own = _own(call, group, index.name, was, index)
        indexes.append(changed(index, base_reads=was.shared_reads) if is_own else index)
    return changed(table, indexes=tuple(indexes), group=group)


def _own(call: Call, group: Group, index: str, before: Table | Index, now: Table | Index) -> tuple[Group, bool]:
    """The group where the replica here reads otherwise than before and by itself, and whether it does. The others go on as they did."""
    here = call.home.name
    is_scaled = call.principal.source_arn == scaling.ROLE.arn(call)
    if now.read_units == before.read_units or not (is_scaled or group.member(here).own_reads(index)):
        return group, False
    members = tuple(
        member.reading(index, now.read_units, stamp(call)) if member.region == here
        else member if member.own_reads(index)
        else member.reading(index, before.shared_reads)
        for member in group.members
    )  # fmt: skip
    return changed(group, members=members), True


# Changing and deleting -----------------------------------------------------------------------------


def _part_of(table: Table, regions: list[str]) -> Group:
    missing = [region for region in regions if table.group is None or table.group.member(region) is None]
    if missing:
        raise ValidationException(_NOT_PART.format(", ".join(missing)))
    return table.group


def _change(call: Call, table: Table, given: dict[str, Any]) -> Table:
    region = given["RegionName"]
    overrides = _overrides(given)
    if not overrides:
        raise ValidationException(_NO_ACTION)
    group = _part_of(table, [region])
    refuse_while_changing(call, table)
    if table.is_on_demand and ("read_units" in overrides or "index_reads" in overrides):
        raise ValidationException(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
        )
    if overrides.get("read_units") == table.shared_reads:
        overrides["read_units"] = 0
    if overrides.get("table_class") == (table.shared_class or "STANDARD"):
        overrides["table_class"] = ""
    if "index_reads" in overrides:
        own = {index.name: index.shared_reads for index in table.indexes}
        merged = group.member(region).index_reads | overrides["index_reads"]
        overrides["index_reads"] = {name: units for name, units in merged.items() if own.get(name) not in (None, units)}
    if "read_units" in overrides or "index_reads" in overrides:
        overrides["reads_at"] = stamp(call)
    members = tuple(changed(m, **overrides) if m.region == region else m for m in group.members)
    return publish(call, table, changed(group, members=members))


def _delete(call: Call, table: Table, regions: list[str]) -> Table:
    group = _part_of(table, regions)
    refuse_while_changing(call, table)
    for region in regions:
        call.require("dynamodb:DeleteTableReplica", _arn(call, region, table.name))
        refuse_source(call, group, region, leaving=regions)
    members = tuple(changed(m, status=DELETING) if m.region in regions else m for m in group.members)
    return publish(call, table, changed(group, members=members, witness_status=DELETING if group.witness else ""))


def refuse_source(call: Call, group: Group, region: str, *, leaving: list[str]) -> None:
    """A region that others were made from stays for a day, unless they go with it."""
    for member in group.members:
        if member.source == region and member.region not in leaving and member.made + SOURCE_FOR_S > call.now():
            raise ValidationException(_ACTED_AS_SOURCE, hint="Delete the replicas that were made from it first.")


def leave(call: Call, table: Table) -> None:
    """The table of this region is about to be deleted: the others go on without it."""
    group = table.group
    if group is None:
        return
    if group.is_strong:
        raise ValidationException(ONE_OF_STRONG, hint="Delete all replicas and the witness by one UpdateTable first.")
    if group.version == CURRENT:
        refuse_source(call, group, call.home.name, leaving=[])
    members = tuple(member for member in group.members if member.region != call.home.name)
    publish(call, table, changed(group, members=members))


NO_EXPIRY = "Time To Live is not supported for global tables with MultiRegionConsistency set to STRONG"


def refuse_expiry(table: Table) -> None:
    if table.group is not None and table.group.is_strong:
        raise ValidationException(NO_EXPIRY)


# Strong groups -------------------------------------------------------------------------------------

_WITNESS_NEEDS_STRONG = "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present."
AT_LEAST_ONE = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
    "SSESpecification or ReplicaUpdates is required"
)


def _update_strong(
    call: Call, table: Table, actions: list[tuple[str, dict]], witnesses: list[dict], consistency: str | None
) -> Coroutine[Any, Any, Table]:
    """A strong group is born whole, in three regions, and goes whole."""
    if not actions:
        raise ValidationException(AT_LEAST_ONE)
    kinds = {kind for kind, _ in actions}
    regions = [given["RegionName"] for _, given in actions]
    is_strong = table.group is not None and table.group.is_strong
    if consistency is not None and kinds != {"Create"}:
        raise ValidationException("Only Replica Create actions are supported when MultiRegionConsistency parameter is provided.")
    if is_strong:
        if consistency == "EVENTUAL":
            raise ValidationException("MultiRegionConsistency parameter is unsupported on existing global table")
        if consistency is None and kinds == {"Create"}:
            raise ValidationException("Cannot add replicas to a global table with strong MultiRegionConsistency")
        if kinds == {"Delete"}:
            return _settled(_dissolve(call, table, regions, witnesses))
        if kinds == {"Update"}:
            return _settled(_change(call, table, actions[0][1]))
    if consistency != "STRONG":
        if witnesses and consistency is not None:
            # As cdk-preflight saw it of AWS: pf-dynamodb-global-table-witness-requires-mrsc.
            raise ValidationException("Witnesses are not supported for global tables with MultiRegionConsistency set to EVENTUAL")
        if witnesses:
            raise ValidationException(_WITNESS_NEEDS_STRONG)
        return _create(call, table, [given for _, given in actions]) if len(actions) == 1 else _settled(_only(actions))
    witness = _witness(call, witnesses, regions)
    # That they are of one set was seen of AWS by cdk-preflight: pf-dynamodb-global-table-mrsc-region-set.
    able = next((each for each in STRONG_SETS if call.home.name in each), frozenset().union(*STRONG_SETS))
    unable = sorted({r for r in (*regions, witness, call.home.name) if r and r not in able})
    if unable:
        raise ValidationException(
            f"Unsupported Region(s) specified for global tables with MultiRegionConsistency set to STRONG: [{', '.join(unable)}]."
        )
    if len(regions) + bool(witness) != 2 or table.group is not None:
        raise ValidationException("Unsupported replica count for global tables with MultiRegionConsistency set to STRONG.")
    _check_strong(call, table)
    return _create(call, table, [given for _, given in actions], is_strong=True, witness=witness)


def _witness(call: Call, witnesses: list[dict], regions: list[str]) -> str:
    if len(witnesses) > 1:
        raise ValidationException(
            "1 validation error detected: Value at 'globalTableWitnessUpdates' failed to satisfy constraint: "
            "Member must have length less than or equal to 1"
        )
    if not witnesses:
        return ""
    region = (witnesses[0].get("Create") or {}).get("RegionName", "")
    if region in regions:
        raise ValidationException("Cannot target multiple regions with the same action")
    if region == call.home.name:
        raise ValidationException(
            "Cannot add a witness in the same region as an existing replica when creating a global table with "
            "MultiRegionConsistency set to STRONG."
        )
    return region


def _check_strong(call: Call, table: Table) -> None:
    """What a strong table cannot have, in words that cdk-preflight saw of AWS (pf-dynamodb-global-table-mrsc-lsi, -mrsc-ttl). Those of a table that
    is not empty are not known to us; the rule is.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
    """
    if not there(call, table.name)["is_empty"]:
        raise ValidationException(f"{INVALID}Table must be empty to set MultiRegionConsistency to STRONG: {table.name}")
    if table.ttl_id:
        raise ValidationException(NO_EXPIRY)
    if any(not index.is_global for index in table.indexes):
        raise ValidationException("Local secondary indexes are not supported for global tables with MultiRegionConsistency set to STRONG")


def _dissolve(call: Call, table: Table, regions: list[str], witnesses: list[dict]) -> Table:
    group = _part_of(table, regions)
    gone = [(w.get("Delete") or {}).get("RegionName", "") for w in witnesses]
    strangers = [region for region in gone if region != group.witness]
    if strangers:
        raise ValidationException(
            "Update global table operation failed because one or more witnesses were not part of the global table. "
            f"Please retry the request without these witnesses: [{', '.join(strangers)}]."
        )
    if group.witness and group.witness not in gone:
        raise ValidationException("Update table delete operation does not include all witnesses.")
    if set(regions) != set(group.others(call.home.name)):
        raise ValidationException(ONE_OF_STRONG)
    return _delete(call, table, regions)


ONE_OF_STRONG = (
    "Deletion of only one table replica is not supported for global tables with MultiRegionConsistency set to STRONG."
)


# Showing -------------------------------------------------------------------------------------------


def shown(call: Call, table: Table) -> dict[str, Any]:
    """What DescribeTable adds for a global table of version 2019.11.21. A region does not list itself."""
    group = table.group
    if group is None:
        return {}
    if group.version != CURRENT:
        return {"GlobalTableVersion": group.version}
    found: dict[str, Any] = {
        "GlobalTableVersion": group.version,
        "Replicas": [_member_shown(table, m) for m in group.members if m.region != call.home.name],
        "GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES",
    }
    if group.is_strong:
        found["MultiRegionConsistency"] = "STRONG"
        if group.witness:
            found["GlobalTableWitnesses"] = [{"RegionName": group.witness, "WitnessStatus": group.witness_status}]
    return found


def _member_shown(table: Table, member: Member) -> dict[str, Any]:
    found: dict[str, Any] = {
        "RegionName": member.region,
        "ReplicaStatus": member.status,
        "WarmThroughput": provisioning.warm_shown(table, table),
        "GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES",
    }
    if member.read_units:
        found["ProvisionedThroughputOverride"] = {"ReadCapacityUnits": member.read_units}
    if member.encryption is not None:
        found["KMSMasterKeyId"] = member.encryption.data_key.key
    if member.table_class:
        found["ReplicaTableClassSummary"] = {"TableClass": member.table_class}
    indexes = [index for index in table.indexes if index.is_global]
    if indexes:
        found["GlobalSecondaryIndexes"] = [
            {"IndexName": i.name}
            | ({"ProvisionedThroughputOverride": {"ReadCapacityUnits": member.index_reads[i.name]}} if i.name in member.index_reads else {})
            for i in indexes
        ]
    return found
