"""What UpdateTable changes of a table: its billing, its throughput, its indexes, its stream.

A replica's changes are its whole group's, but for its stream and its protection.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import contribution, definition, item, provisioning, replica, stream
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.table import Index, ResourceInUseException, ResourceNotFoundException, Table


def update(call: Call, name: str, asked: dict[str, Any], definitions: list[dict] | None) -> Table:
    """The table with what UpdateTable asks for, on its shelf."""
    table = before = tables.described(call, name)
    if not asked:
        raise ValidationException(replica.AT_LEAST_ONE)
    if table.active_at > call.now():
        raise ResourceInUseException(
            f"Attempt to change a resource which is still in use: Table is being created: {table.name}"
        )
    if table.group is not None and "StreamSpecification" not in asked:
        replica.refuse_while_changing(call, table)
    table = rebilled(call, table, asked.get("BillingMode"), asked.get("ProvisionedThroughput"))
    if not table.is_on_demand:
        indexes = tuple(changed(index, reads_max=0, writes_max=0) for index in table.indexes)
        table = changed(table, reads_max=0, writes_max=0, indexes=indexes)
    if "OnDemandThroughput" in asked:
        most = provisioning.ceilings(asked["OnDemandThroughput"], (table.reads_max, table.writes_max), is_on_demand=table.is_on_demand)
        table = changed(table, reads_max=most[0], writes_max=most[1])
    if "DeletionProtectionEnabled" in asked:
        table = changed(table, is_protected=asked["DeletionProtectionEnabled"])
    table_class = asked.get("TableClass")
    if table_class is not None and table_class != (table.table_class or "STANDARD"):
        table = changed(table, table_class=table_class, class_changed=call.now())
    if "WarmThroughput" in asked:
        reads, writes = provisioning.warm_of(table.is_on_demand, table.read_units, table.write_units)
        warm = provisioning.warmed(asked["WarmThroughput"], max(reads, table.warm_reads), max(writes, table.warm_writes))
        table = changed(table, warm_reads=warm[0] or table.warm_reads, warm_writes=warm[1] or table.warm_writes)
    table = streamed(call, table, asked.get("StreamSpecification"))
    if "GlobalSecondaryIndexUpdates" in asked:
        table = reindexed(call, table, definitions, asked["GlobalSecondaryIndexUpdates"])
    return replica.put(call, replica.with_own(call, before, table))


def streamed(call: Call, table: Table, wanted: dict[str, Any] | None) -> Table:
    """The table with a stream begun or ended: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_StreamSpecification.html"""
    if wanted is None:
        return table
    view = wanted.get("StreamViewType")
    if wanted["StreamEnabled"]:
        if view is None:
            raise ValidationException(f"{INVALID}StreamViewType is required when StreamEnabled is true")
        if table.stream_view:
            raise ValidationException(f"Table already has an enabled stream: TableName: {table.name}")
        return stream.begin(call, table, view)
    if view is not None:
        if table.name not in call.shelf(Table):
            # Captured from AWS by nubo-db/dynoxide (issue 115).
            raise ValidationException(f"{INVALID}Table is being created with a stream disabled, UpdateViewType should not be specified")
        raise ValidationException(f"{INVALID}StreamViewType can only be specified when StreamEnabled is true")
    if table.group is not None:
        raise ValidationException(f"{INVALID}Disabling Stream is not allowed for a Global Table replica.")
    if not table.stream_view:
        if table.name in call.shelf(Table):
            raise ValidationException(f"Table has no stream to disable: TableName: {table.name}")
        return table
    return stream.end(call, table)


def rebilled(call: Call, table: Table, mode: str | None, throughput: dict | None) -> Table:
    if mode is None and throughput is None:
        return table
    is_on_demand = mode == "PAY_PER_REQUEST" if mode is not None else table.is_on_demand
    if throughput is None:
        if is_on_demand and not table.is_on_demand:
            indexes = tuple(changed(index, read_units=0, write_units=0) for index in table.indexes)
            return changed(
                table,
                is_on_demand=True,
                on_demand_since=call.now(),
                read_units=0,
                write_units=0,
                indexes=indexes,
            )
        if not is_on_demand and table.is_on_demand:
            provisioning.units(None, is_on_demand=False)
        return table
    read, write = provisioning.units(throughput, is_on_demand=is_on_demand)
    if not is_on_demand and not table.is_on_demand and (read, write) == (table.read_units, table.write_units):
        raise ValidationException(
            "The provisioned throughput for the table will not change. The requested value equals the current value. "
            f"Current ReadCapacityUnits provisioned for the table: {read}. Requested ReadCapacityUnits: {read}. "
            f"Current WriteCapacityUnits provisioned for the table: {write}. Requested WriteCapacityUnits: {write}. "
            "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        )
    now = call.now()
    return changed(
        table, is_on_demand=is_on_demand, read_units=read, write_units=write,
        increased=now if read > table.read_units or write > table.write_units else table.increased,
        decreased=now if read < table.read_units or write < table.write_units else table.decreased,
    )  # fmt: skip


def reindexed(call: Call, table: Table, definitions: list[dict] | None, updates: list[dict]) -> Table:
    # The refusals are those that aws-controllers-k8s/dynamodb-controller met: docs/api-quirks, DDB-TABLE-442.
    if not updates:
        raise ValidationException(f"{INVALID}List of GlobalSecondaryIndexUpdates is empty")
    for update in updates:
        if not update:
            what = ", ".join(f"GlobalSecondaryIndexUpdate.{each}" for each in ("Update", "Create", "Delete"))
            raise ValidationException(f"{INVALID}One of {what} must not be null")
        if len(update) > 1:
            raise ValidationException(
                f"{INVALID}Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"
            )
    if sum("Update" not in update for update in updates) > 1:
        # One made and one deleted are two, too: scylladb/scylladb, test_gsi_updatetable_errors.
        raise tables.LimitExceededException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
        )
    if definitions is not None:
        told = {each["AttributeName"]: each["AttributeType"] for each in definitions}
        _refuse_other_kinds(table, updates, told)
        table = changed(table, definitions=table.definitions | told)
    for update in updates:
        [(what, given)] = update.items()
        held = next(
            (index for index in table.indexes if index.is_global and index.name == given["IndexName"]), None
        )
        if what == "Create":
            told = [each["AttributeName"] for each in definitions or ()]
            keys = [element["AttributeName"] for element in given["KeySchema"]]
            if any(key not in told for key in keys):
                # That the table defines them does not do: API_UpdateTable; the text was captured by nubo-db/dynoxide (issue 144).
                raise ValidationException(
                    f"{INVALID}Some index key attributes are not defined in AttributeDefinitions. "
                    f"Keys: [{', '.join(keys)}], AttributeDefinitions: [{', '.join(told)}]"
                )
            table = _with_index(call, table, given)
        elif held is None:
            raise ResourceNotFoundException(
                f"Requested resource not found: Index: {given['IndexName']} not found for table: {table.name}"
            )
        elif what == "Delete":
            item.forget_index(call, held.id)
            before, table = table, changed(table, indexes=tuple(index for index in table.indexes if index is not held))
            contribution.follow(call, before, table)
        else:
            table = changed(
                table, indexes=tuple(_resized(table, i, given) if i is held else i for i in table.indexes)
            )
    used = {
        table.hash_name,
        table.range_name,
        *(n for i in table.indexes for n in (*i.hashes, *i.ranges)),
    }
    kept = {name: kind for name, kind in table.definitions.items() if name in used}
    return changed(table, definitions=kept)


def _refuse_other_kinds(table: Table, updates: list[dict], told: dict[str, str]) -> None:
    """The key of a new index may not give an attribute another type than it has: scylladb/scylladb, test_gsi_key_type_conflict_on_update."""
    for given in (update["Create"] for update in updates if "Create" in update):
        for element in given["KeySchema"]:
            name = element["AttributeName"]
            kind, new = table.definitions.get(name), told.get(name)
            if None not in (kind, new) and kind != new:
                schemas = [([table.hash_name], [table.range_name] if table.range_name else [])]
                schemas += [(index.hashes, index.ranges) for index in table.indexes]
                held = next(schema for schema in schemas if name in (*schema[0], *schema[1]))
                before = [(each, "HASH") for each in held[0]] + [(each, "RANGE") for each in held[1]]
                after = [(each["AttributeName"], each["KeyType"]) for each in given["KeySchema"]]
                raise ValidationException(
                    f"{INVALID}Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. "
                    f"Existing schema: {_schema_said(before, table.definitions)} New schema: {_schema_said(after, table.definitions | told)}"
                )


def _schema_said(schema: list[tuple[str, str]], kinds: dict[str, str]) -> str:
    return "Schema:[" + ", ".join(f"SchemaElement: key{{{name}:{kinds.get(name)}:{role}}}" for name, role in schema) + "]"


def _with_index(call: Call, table: Table, given: dict[str, Any]) -> Table:
    if any(index.name == given["IndexName"] for index in table.indexes):
        raise ValidationException(f"{INVALID}Attempting to create an index which already exists")
    if sum(index.is_global for index in table.indexes) >= definition.GLOBAL_INDEXES_MAX:
        raise tables.LimitExceededException(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {definition.GLOBAL_INDEXES_MAX}"
        )
    ready = call.now() + tables.CREATING_FOR_S if call.home.settings.pace == "real" else 0.0
    index = definition.global_index(call, table, given, active_at=ready)
    definition.check_projected([*table.indexes, index])
    table = changed(table, indexes=(*table.indexes, index))
    item.fill(call, table, index.id)
    return table


def _resized(table: Table, index: Index, given: dict[str, Any]) -> Index:
    if "WarmThroughput" in given:
        reads, writes = provisioning.warm_of(table.is_on_demand, index.read_units, index.write_units)
        warm = provisioning.warmed(
            given["WarmThroughput"], max(reads, index.warm_reads), max(writes, index.warm_writes), f"index {index.name}"
        )
        index = changed(index, warm_reads=warm[0] or index.warm_reads, warm_writes=warm[1] or index.warm_writes)
    if "OnDemandThroughput" in given:
        held = (index.reads_max, index.writes_max)
        most = provisioning.ceilings(given["OnDemandThroughput"], held, is_on_demand=table.is_on_demand, what=f"index {index.name}")
        index = changed(index, reads_max=most[0], writes_max=most[1])
    if "ProvisionedThroughput" not in given and given.keys() & {"WarmThroughput", "OnDemandThroughput"}:
        return index
    read, write = provisioning.units(
        given.get("ProvisionedThroughput"), is_on_demand=table.is_on_demand, index=index.name
    )
    if (read, write) == (index.read_units, index.write_units):
        raise ValidationException(f"The provisioned throughput for the index {index.name} will not change.")
    return changed(index, read_units=read, write_units=write)
