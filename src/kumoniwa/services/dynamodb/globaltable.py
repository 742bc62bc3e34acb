"""The operations of global tables of version 2017.11.29: tables that exist in several regions are joined.

AWS has refused since about 2025 to join tables in this way ("DynamoDB global tables version 2017.11.29 is not supported"); here it
goes on, because templates and handbooks go on. Joined tables show the version's own attributes, ``aws:rep:…``, in their items.
Source of the rules: API_CreateGlobalTable, API_UpdateGlobalTable.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.regions import is_region
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import provisioning, replica
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.group import ACTIVE, LEGACY, Group, Member
from kumoniwa.services.dynamodb.table import Table

LIST_MAX = 100
_BOTH_IMAGES = "NEW_AND_OLD_IMAGES"


class GlobalTableAlreadyExistsException(AwsError): ...


class GlobalTableNotFoundException(AwsError): ...


class ReplicaAlreadyExistsException(AwsError): ...


class ReplicaNotFoundException(AwsError): ...


class TableNotFoundException(AwsError): ...


async def CreateGlobalTable(call: Call, *, GlobalTableName: str, ReplicationGroup: list[dict]) -> dict:
    """The table must exist in each of the regions, empty, with one key and a stream of both images."""
    name = tables.plain_name(GlobalTableName)
    regions = list(dict.fromkeys(given.get("RegionName", "") for given in ReplicationGroup))
    _check_regions(regions)
    if not regions:
        raise ValidationException(f"{INVALID}ReplicationGroup must name at least one region.")
    if call.home.name not in regions:
        # Any region takes the call; the tables are joined by one that has one.
        return await call.ask(
            "dynamodb:CreateGlobalTable", to_region=regions[0], GlobalTableName=name, ReplicationGroup=ReplicationGroup
        )
    found = [await _probed(call, region, name) for region in regions]
    for region, other in zip(regions, found):
        _check(name, region, other, found[0].get("settings"))
    members = [Member(region=region, made=call.now()) for region in regions if region != call.home.name]

    def join() -> Table:
        table = tables.described(call, name)
        if table.group is not None:
            raise _already(name)
        return replica.joined(call, table, members, version=LEGACY)

    return {"GlobalTableDescription": _shown(call, call.atomically(join), status="CREATING")}


def _check_regions(regions: list[str]) -> None:
    for region in regions:
        if not is_region(region):
            raise ValidationException(f"{INVALID}Region {region} is not supported.")


def _already(name: str) -> GlobalTableAlreadyExistsException:
    return GlobalTableAlreadyExistsException(f"Global table with name: '{name}' already exists.")


async def _probed(call: Call, region: str, name: str) -> dict[str, Any]:
    call.require("dynamodb:CreateGlobalTable", f"arn:{call.home.partition}:dynamodb:{region}:{call.account}:table/{name}")
    if region == call.home.name:
        return replica.there(call, name)
    return await replica.probe(call, region, name)


def _check(name: str, region: str, found: dict[str, Any], like: dict[str, Any] | None) -> None:
    """The words of the first refusal are AWS's (aws-controllers-k8s/community#1034); those of the others are ours."""
    if not found["is_there"]:
        raise TableNotFoundException(
            f"Table not found: Table: '{name}' not found in region: '{region}'.",
            hint=f"Version 2017.11.29 joins tables that exist: create '{name}' in {region} with a stream of {_BOTH_IMAGES} first, "
            "or use UpdateTable with ReplicaUpdates, which makes the tables itself.",
        )
    settings = found["settings"]
    if found["group"] is not None:
        raise _already(name)
    if settings["stream_view"] != _BOTH_IMAGES:
        raise ValidationException(
            f"{INVALID}Stream with view type {_BOTH_IMAGES} must be enabled on table '{name}' in region '{region}'.",
            hint=f"UpdateTable with StreamSpecification StreamEnabled=true, StreamViewType={_BOTH_IMAGES}.",
        )
    if found["has_own_key"]:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
        raise ValidationException(
            f"{INVALID}Table '{name}' in region '{region}' has a customer managed key, which version 2017.11.29 does not support."
        )
    if not found["is_empty"]:
        raise ValidationException(f"{INVALID}Table '{name}' in region '{region}' must be empty.")
    for member in ("hash_name", "range_name"):
        if (settings[member], settings["definitions"].get(settings[member])) != (like[member], like["definitions"].get(like[member])):
            raise ValidationException(f"{INVALID}Table '{name}' in region '{region}' has another key schema than the other replicas.")
    if settings["has_aws_order"] != like["has_aws_order"]:
        # What one replica writes lies in all others under the same bytes.
        raise ValidationException(
            f"{INVALID}Table '{name}' in region '{region}' keeps its items in another order than the other replicas.",
            hint="One of them was made by an earlier version of Kumoniwa: make it again.",
        )
    if _indexes(settings) != _indexes(like):
        raise ValidationException(f"{INVALID}Table '{name}' in region '{region}' has other indexes than the other replicas.")


def _indexes(settings: dict[str, Any]) -> list[tuple]:
    return sorted((index["name"], index["hash_name"], index["range_name"]) for index in settings["indexes"])


async def UpdateGlobalTable(call: Call, *, GlobalTableName: str, ReplicaUpdates: list[dict]) -> dict:
    """A replica that is removed keeps its table; it is only told nothing any more."""
    table = _global(call, GlobalTableName, f"Global table with name: '{GlobalTableName}' does not exist.")
    if not ReplicaUpdates or any(len(update) != 1 for update in ReplicaUpdates):
        raise ValidationException("One or more parameter values were invalid")
    added = [update["Create"]["RegionName"] for update in ReplicaUpdates if "Create" in update]
    removed = [update["Delete"]["RegionName"] for update in ReplicaUpdates if "Delete" in update]
    _check_regions(added)
    for region in added:
        if table.group.member(region) is not None:
            raise ReplicaAlreadyExistsException(
                f"Failed to add replica to global table with name: '{table.name}'. Replica already exists in region: '{region}'."
            )
    for region in removed:
        if table.group.member(region) is None:
            raise ReplicaNotFoundException(
                f"Failed to remove replica from global table with name: '{table.name}'. Replica does not exist in region: '{region}'."
            )
    own = replica.settings_of(table)
    for region in added:
        _check(table.name, region, await _probed(call, region, table.name), own)

    def regroup() -> Table:
        held = _global(call, table.name, "")
        kept = tuple(member for member in held.group.members if member.region not in removed)
        fresh = tuple(Member(region=region, made=call.now()) for region in added if held.group.member(region) is None)
        replica.publish(call, held, changed(held.group, members=(*kept, *fresh)), also=removed)
        return call.shelf(Table)[table.name]

    updated = call.atomically(regroup)
    return {"GlobalTableDescription": _shown(call, updated, status="UPDATING")}


def _global(call: Call, name: str, refusal: str) -> Table:
    table = tables.held(call, name)
    if table is None or table.group is None or table.group.version != LEGACY:
        raise GlobalTableNotFoundException(refusal)
    return table


def DescribeGlobalTable(call: Call, *, GlobalTableName: str) -> dict:
    refusal = f"Global table not found: Global table with name: '{GlobalTableName}' does not exist."
    return {"GlobalTableDescription": _shown(call, _global(call, GlobalTableName, refusal))}


def _shown(call: Call, table: Table, *, status: str = ACTIVE) -> dict[str, Any]:
    group: Group = table.group
    return {
        "ReplicationGroup": [{"RegionName": m.region, "ReplicaStatus": m.status} for m in group.members],
        "GlobalTableArn": f"arn:{call.home.partition}:dynamodb::{call.account}:global-table/{table.name}",
        "CreationDateTime": group.made,
        "GlobalTableStatus": status,
        "GlobalTableName": table.name,
    }


def ListGlobalTables(
    call: Call, *, ExclusiveStartGlobalTableName: str | None = None, Limit: int | None = None, RegionName: str | None = None
) -> dict:
    found = sorted(
        (t for t in call.shelf(Table).values() if t.group is not None and t.group.version == LEGACY), key=lambda table: table.name
    )
    if RegionName is not None:
        found = [table for table in found if table.group.member(RegionName) is not None]
    found = [table for table in found if table.name > (ExclusiveStartGlobalTableName or "")]
    page = found[: Limit or LIST_MAX]
    reply: dict[str, Any] = {
        "GlobalTables": [
            {"GlobalTableName": table.name, "ReplicationGroup": [{"RegionName": m.region} for m in table.group.members]} for table in page
        ]
    }
    if len(page) < len(found):
        reply["LastEvaluatedGlobalTableName"] = page[-1].name
    return reply


# Settings ------------------------------------------------------------------------------------------


def DescribeGlobalTableSettings(call: Call, *, GlobalTableName: str) -> dict:
    table = _global(call, GlobalTableName, f"Global table with name: '{GlobalTableName}' does not exist.")
    return {"GlobalTableName": table.name, "ReplicaSettings": [_settings_shown(table, member) for member in table.group.members]}


def _settings_shown(table: Table, member: Member) -> dict[str, Any]:
    found: dict[str, Any] = {
        "RegionName": member.region,
        "ReplicaStatus": member.status,
        "ReplicaProvisionedReadCapacityUnits": member.read_units or table.shared_reads,
        "ReplicaProvisionedWriteCapacityUnits": table.write_units,
    }
    if table.is_on_demand:
        found["ReplicaBillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
    indexes = [index for index in table.indexes if index.is_global]
    if indexes:
        found["ReplicaGlobalSecondaryIndexSettings"] = [
            {
                "IndexName": index.name,
                "IndexStatus": ACTIVE,
                "ProvisionedReadCapacityUnits": member.index_reads.get(index.name, index.shared_reads),
                "ProvisionedWriteCapacityUnits": index.write_units,
            }
            for index in indexes
        ]
    return found


def UpdateGlobalTableSettings(
    call: Call,
    *,
    GlobalTableName: str,
    GlobalTableBillingMode: str | None = None,
    GlobalTableProvisionedWriteCapacityUnits: int | None = None,
    ReplicaSettingsUpdate: list[dict] | None = None,
) -> dict:
    """What auto scaling is to do with them belongs to Application Auto Scaling."""
    table = _global(call, GlobalTableName, f"Global table with name: '{GlobalTableName}' does not exist.")
    if GlobalTableBillingMode == "PAY_PER_REQUEST" and not table.is_on_demand:
        table = changed(table, is_on_demand=True, on_demand_since=call.now(), read_units=0, base_reads=0, write_units=0)
    elif GlobalTableBillingMode == "PROVISIONED" and table.is_on_demand:
        if GlobalTableProvisionedWriteCapacityUnits is None:
            provisioning.units(None, is_on_demand=False)
        # AWS estimates the reads from those of the last half hour; here they are as many as the writes.
        table = changed(table, is_on_demand=False, read_units=GlobalTableProvisionedWriteCapacityUnits)
    if GlobalTableProvisionedWriteCapacityUnits is not None:
        if table.is_on_demand:
            provisioning.units({"WriteCapacityUnits": GlobalTableProvisionedWriteCapacityUnits}, is_on_demand=True)
        table = changed(table, write_units=GlobalTableProvisionedWriteCapacityUnits)
    group = table.group
    for given in ReplicaSettingsUpdate or ():
        group = _resized(call, group, given)
    table = replica.publish(call, table, group)
    return {"GlobalTableName": table.name, "ReplicaSettings": [_settings_shown(table, member) for member in table.group.members]}


def _resized(call: Call, group: Group, given: dict[str, Any]) -> Group:
    member = group.member(given["RegionName"])
    if member is None:
        raise ReplicaNotFoundException(f"Replica does not exist in region: '{given['RegionName']}'.")
    unknown = given.keys() - {"RegionName", "ReplicaProvisionedReadCapacityUnits", "ReplicaTableClass"}
    if unknown:
        raise replica.not_here("UpdateGlobalTableSettings", "ReplicaSettingsUpdate", unknown)
    fresh = changed(
        member, read_units=given.get("ReplicaProvisionedReadCapacityUnits", member.read_units),
        reads_at=replica.stamp(call) if "ReplicaProvisionedReadCapacityUnits" in given else member.reads_at,
        table_class=given.get("ReplicaTableClass", member.table_class),
    )  # fmt: skip
    return changed(group, members=tuple(fresh if m is member else m for m in group.members))
