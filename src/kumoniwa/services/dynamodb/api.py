"""The operations of DynamoDB."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID, check_item
from kumoniwa.services.dynamodb import capacity, item, page, partiql, policy, stream, transaction, write
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.access import conditions_of, refusal_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.dynamodb.policy import (  # noqa: F401 (operations, and the gate's hook)
    DeleteResourcePolicy,
    GetResourcePolicy,
    PutResourcePolicy,
    policy_of,
)
from kumoniwa.services.dynamodb.table import (
    Index,
    ResourceInUseException,
    ResourceNotFoundException,
    Table,
)

LIST_MAX = 100


class TableNotFoundException(AwsError): ...


# Tables --------------------------------------------------------------------------------------------


def CreateTable(
    call: Call,
    *,
    TableName: str,
    AttributeDefinitions: list[dict] | None = None,
    KeySchema: list[dict] | None = None,
    LocalSecondaryIndexes: list[dict] | None = None,
    GlobalSecondaryIndexes: list[dict] | None = None,
    BillingMode: str | None = None,
    ProvisionedThroughput: dict | None = None,
    StreamSpecification: dict | None = None,
    Tags: list[dict] | None = None,
    TableClass: str | None = None,
    DeletionProtectionEnabled: bool | None = None,
    ResourcePolicy: str | None = None,
) -> dict:
    """Provisioned throughput is kept, shown and priced; nobody is throttled by it."""
    table = tables.made(
        call,
        {
            "TableName": TableName, "AttributeDefinitions": AttributeDefinitions, "KeySchema": KeySchema,
            "LocalSecondaryIndexes": LocalSecondaryIndexes, "GlobalSecondaryIndexes": GlobalSecondaryIndexes,
            "BillingMode": BillingMode, "ProvisionedThroughput": ProvisionedThroughput, "Tags": Tags, "TableClass": TableClass,
            "DeletionProtectionEnabled": DeletionProtectionEnabled,
        },
    )  # fmt: skip
    if table.name in call.shelf(Table):
        raise ResourceInUseException(f"Table already exists: {table.name}")
    table = _streamed(call, table, StreamSpecification)
    call.shelf(Table)[table.name] = table
    if ResourcePolicy is not None:
        policy.check(ResourcePolicy)
        policy.put(call, table, ResourcePolicy)
    return {"TableDescription": tables.description(call, table, {}, status="CREATING")}


def _streamed(call: Call, table: Table, wanted: dict[str, Any] | None) -> Table:
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
        raise ValidationException(f"{INVALID}StreamViewType can only be specified when StreamEnabled is true")
    if not table.stream_view:
        if table.name in call.shelf(Table):
            raise ValidationException(f"Table has no stream to disable: TableName: {table.name}")
        return table
    return stream.end(call, table)


def DescribeTable(call: Call, *, TableName: str) -> dict:
    table = tables.described(call, TableName)
    return {"Table": tables.description(call, table, item.sizes(call, table))}


def ListTables(call: Call, *, ExclusiveStartTableName: str | None = None, Limit: int | None = None) -> dict:
    names = sorted(name for name in call.shelf(Table) if name > (ExclusiveStartTableName or ""))
    found = names[: Limit or LIST_MAX]
    reply: dict[str, Any] = {"TableNames": found}
    if len(found) < len(names):
        reply["LastEvaluatedTableName"] = found[-1]
    return reply


def DeleteTable(call: Call, *, TableName: str) -> dict:
    """The table is gone at once; its rows follow in the background."""
    table = tables.described(call, TableName)
    if table.active_at > call.now():
        raise ResourceInUseException(
            f"Attempt to change a resource which is still in use: Table is being created: {table.name}"
        )
    if table.is_protected:
        raise ValidationException(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
        )
    del call.shelf(Table)[table.name]
    call.memory(tables.Layouts).by_name.pop(table.name, None)
    table = stream.end(call, table)
    item.forget_table(call, table)
    policy.forget(call, table)
    shown = tables.description(call, table, {}, status="DELETING")
    for member in ("AttributeDefinitions", "KeySchema", "CreationDateTime"):
        shown.pop(member)
    return {"TableDescription": shown}


def UpdateTable(
    call: Call,
    *,
    TableName: str,
    AttributeDefinitions: list[dict] | None = None,
    BillingMode: str | None = None,
    ProvisionedThroughput: dict | None = None,
    GlobalSecondaryIndexUpdates: list[dict] | None = None,
    StreamSpecification: dict | None = None,
    TableClass: str | None = None,
    DeletionProtectionEnabled: bool | None = None,
) -> dict:
    """One index may be made or deleted in one call, as on AWS."""
    table = tables.described(call, TableName)
    asked = (
        BillingMode,
        ProvisionedThroughput,
        GlobalSecondaryIndexUpdates,
        StreamSpecification,
        TableClass,
        DeletionProtectionEnabled,
    )
    if all(one is None for one in asked):
        raise ValidationException(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    if table.active_at > call.now():
        raise ResourceInUseException(
            f"Attempt to change a resource which is still in use: Table is being created: {table.name}"
        )
    table = _rebilled(call, table, BillingMode, ProvisionedThroughput)
    if DeletionProtectionEnabled is not None:
        table = changed(table, is_protected=DeletionProtectionEnabled)
    if TableClass is not None and TableClass != (table.table_class or "STANDARD"):
        table = changed(table, table_class=TableClass, class_changed=call.now())
    table = _streamed(call, table, StreamSpecification)
    if GlobalSecondaryIndexUpdates is not None:
        table = _reindexed(call, table, AttributeDefinitions, GlobalSecondaryIndexUpdates)
    call.shelf(Table)[table.name] = table
    return {"TableDescription": tables.description(call, table, item.sizes(call, table), status="UPDATING")}


def _rebilled(call: Call, table: Table, mode: str | None, throughput: dict | None) -> Table:
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
            tables.units(None, is_on_demand=False)
        return table
    read, write = tables.units(throughput, is_on_demand=is_on_demand)
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


def _reindexed(call: Call, table: Table, definitions: list[dict] | None, updates: list[dict]) -> Table:
    for member in ("Create", "Delete"):
        if sum(member in update for update in updates) > 1:
            raise tables.LimitExceededException(
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            )
    if definitions is not None:
        table = changed(
            table,
            definitions=table.definitions | {d["AttributeName"]: d["AttributeType"] for d in definitions},
        )
    for update in updates:
        if len(update) != 1:
            raise ValidationException(
                f"{INVALID}Only one of [Create, Update, Delete] must be specified for each GlobalSecondaryIndexUpdate"
            )
        [(what, given)] = update.items()
        held = next(
            (index for index in table.indexes if index.is_global and index.name == given["IndexName"]), None
        )
        if what == "Create":
            table = _with_index(call, table, given)
        elif held is None:
            raise ResourceNotFoundException(
                f"Requested resource not found: Index: {given['IndexName']} not found for table: {table.name}"
            )
        elif what == "Delete":
            item.forget_index(call, held.id)
            table = changed(table, indexes=tuple(index for index in table.indexes if index is not held))
        else:
            table = changed(
                table, indexes=tuple(_resized(table, i, given) if i is held else i for i in table.indexes)
            )
    used = {
        table.hash_name,
        table.range_name,
        *(n for i in table.indexes for n in (i.hash_name, i.range_name)),
    }
    kept = {name: kind for name, kind in table.definitions.items() if name in used}
    return changed(table, definitions=kept)


def _with_index(call: Call, table: Table, given: dict[str, Any]) -> Table:
    if any(index.name == given["IndexName"] for index in table.indexes):
        raise ValidationException(f"{INVALID}Attempting to create an index which already exists")
    if sum(index.is_global for index in table.indexes) >= tables.GLOBAL_INDEXES_MAX:
        raise tables.LimitExceededException(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {tables.GLOBAL_INDEXES_MAX}"
        )
    ready = call.now() + tables.CREATING_FOR_S if call.home.settings.pace == "real" else 0.0
    index = tables.global_index(call, table, given, active_at=ready)
    table = changed(table, indexes=(*table.indexes, index))
    item.fill(call, table, index.id)
    return table


def _resized(table: Table, index: Index, given: dict[str, Any]) -> Index:
    read, write = tables.units(
        given.get("ProvisionedThroughput"), is_on_demand=table.is_on_demand, index=index.name
    )
    if (read, write) == (index.read_units, index.write_units):
        raise ValidationException(f"The provisioned throughput for the index {index.name} will not change.")
    return changed(index, read_units=read, write_units=write)


def DescribeContinuousBackups(call: Call, *, TableName: str) -> dict:
    """Nothing is backed up here, and no table can be restored to a point in time."""
    if tables.plain_name(TableName) not in call.shelf(Table):
        raise TableNotFoundException(f"Table not found: {TableName}")
    off = {"PointInTimeRecoveryStatus": "DISABLED"}
    return {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "DISABLED", "PointInTimeRecoveryDescription": off}}


def DescribeLimits(call: Call) -> dict:
    """The quotas of a new account: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


def DescribeEndpoints(call: Call) -> dict:
    """This cloud's own address: AWS's would lead clients with endpoint discovery out of it."""
    address = (
        call.request.host if call.request is not None else call.home.settings.endpoint.rpartition("/")[2]
    )
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}


# Tags and time to live -----------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> Table:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
        raise ValidationException(f"Invalid ResourceArn: Invalid ResourceArn provided as input {arn}")
    table = call.shelf(Table).get(arn.partition(":table/")[2])
    if table is None:
        raise ResourceNotFoundException(f"Requested resource not found: ResourcArn: {arn} not found")
    return table


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict]) -> None:
    table = _tagged(call, ResourceArn)
    call.shelf(Table)[table.name] = changed(table, tags=tables.checked_tags(table.tags, Tags))


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    table = _tagged(call, ResourceArn)
    call.shelf(Table)[table.name] = changed(
        table, tags={k: v for k, v in table.tags.items() if k not in TagKeys}
    )


def ListTagsOfResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceArn).tags.items()]}


def UpdateTimeToLive(call: Call, *, TableName: str, TimeToLiveSpecification: dict) -> dict:
    table = tables.described(call, TableName)
    is_enabled, name = TimeToLiveSpecification["Enabled"], TimeToLiveSpecification["AttributeName"]
    if is_enabled and table.ttl_id:
        raise ValidationException("TimeToLive is already enabled")
    if not is_enabled and not table.ttl_id:
        raise ValidationException("TimeToLive is already disabled")
    if not is_enabled and name != table.ttl_attribute:
        raise ValidationException(
            f"TimeToLive is active on a different AttributeName: current AttributeName is {table.ttl_attribute}"
        )
    if is_enabled:
        table = changed(table, ttl_attribute=name, ttl_id=tables.new_id(call))
        item.fill(call, table, table.ttl_id)
    else:
        item.forget_index(call, table.ttl_id)
        table = changed(table, ttl_attribute="", ttl_id=0)
    call.shelf(Table)[table.name] = table
    call.home.wake(("dynamodb", "work"))
    return {"TimeToLiveSpecification": TimeToLiveSpecification}


def DescribeTimeToLive(call: Call, *, TableName: str) -> dict:
    table = tables.described(call, TableName)
    if not table.ttl_id:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    status = "ENABLING" if item.is_filling(call, table.ttl_id) else "ENABLED"
    return {"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": table.ttl_attribute}}


# One item ------------------------------------------------------------------------------------------


def GetItem(
    call: Call,
    *,
    TableName: str,
    Key: dict[str, dict],
    AttributesToGet: list[str] | None = None,
    ConsistentRead: bool | None = None,
    ReturnConsumedCapacity: str | None = None,
    ProjectionExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
) -> dict:
    layout = tables.find(call, TableName)
    check_item(Key)
    project = transaction.projection(ProjectionExpression, ExpressionAttributeNames, AttributesToGet)
    if layout is None:
        raise ResourceNotFoundException
    hash_key, sk = layout.key.of_key(Key)
    found = item.read(call, layout, item.partition(hash_key), sk)
    reply: dict[str, Any] = {}
    if found is not None:
        reply["Item"] = item.shown(call, found[1]) if project is None else project(orjson.loads(found[1]))
    if ReturnConsumedCapacity is not None and ReturnConsumedCapacity != "NONE":
        units = capacity.read_units(found[0] if found else 0, is_consistent=bool(ConsistentRead))
        reply["ConsumedCapacity"] = capacity.consumed(layout.name, units, detail=ReturnConsumedCapacity)
    return reply


def PutItem(
    call: Call,
    *,
    TableName: str,
    Item: dict[str, dict],
    Expected: dict | None = None,
    ReturnValues: str | None = None,
    ReturnConsumedCapacity: str | None = None,
    ReturnItemCollectionMetrics: str | None = None,
    ConditionalOperator: str | None = None,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
    ExpressionAttributeValues: dict[str, dict] | None = None,
    ReturnValuesOnConditionCheckFailure: str | None = None,
) -> dict:
    _check_return_values(ReturnValues)
    one = write.put(
        call, TableName, Item, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues,
        ReturnValuesOnConditionCheckFailure, Expected, ConditionalOperator,
    )  # fmt: skip
    return _written(call, one, ReturnValues, ReturnConsumedCapacity, ReturnItemCollectionMetrics)


def _check_return_values(wanted: str | None) -> None:
    if wanted is not None and wanted not in ("NONE", "ALL_OLD"):
        raise ValidationException("Return values set to invalid value")


def _written(
    call: Call, one: write.Write, values: str | None, detail: str | None, metrics: str | None
) -> dict:
    wants_units = detail is not None and detail != "NONE"
    wants_values = values is not None and values != "NONE"
    one.place()
    one.judge(call, needs_old=wants_units or wants_values)
    one.store(call)
    reply: dict[str, Any] = {}
    if wants_values:
        attributes = _returned(call, one, values)
        if attributes:
            reply["Attributes"] = attributes
    if wants_units:
        reply["ConsumedCapacity"] = one.consumed(detail)
    if metrics == "SIZE":
        found = one.metrics(call)
        if found is not None:
            reply["ItemCollectionMetrics"] = found
    return reply


def _returned(call: Call, one: write.Write, values: str) -> Any:
    if values == "ALL_OLD":
        return item.shown(call, one.old_body) if one.old_body is not None else None
    if values == "ALL_NEW":
        return item.shown(call, one.body)
    if one.update is None:
        return None
    of = one.old if values == "UPDATED_OLD" else one.new
    return one.update.updated(of) if of is not None else None


def DeleteItem(
    call: Call,
    *,
    TableName: str,
    Key: dict[str, dict],
    Expected: dict | None = None,
    ConditionalOperator: str | None = None,
    ReturnValues: str | None = None,
    ReturnConsumedCapacity: str | None = None,
    ReturnItemCollectionMetrics: str | None = None,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
    ExpressionAttributeValues: dict[str, dict] | None = None,
    ReturnValuesOnConditionCheckFailure: str | None = None,
) -> dict:
    _check_return_values(ReturnValues)
    one = write.delete(
        call, TableName, Key, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues,
        ReturnValuesOnConditionCheckFailure, Expected, ConditionalOperator,
    )  # fmt: skip
    return _written(call, one, ReturnValues, ReturnConsumedCapacity, ReturnItemCollectionMetrics)


def UpdateItem(
    call: Call,
    *,
    TableName: str,
    Key: dict[str, dict],
    AttributeUpdates: dict | None = None,
    Expected: dict | None = None,
    ConditionalOperator: str | None = None,
    ReturnValues: str | None = None,
    ReturnConsumedCapacity: str | None = None,
    ReturnItemCollectionMetrics: str | None = None,
    UpdateExpression: str | None = None,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
    ExpressionAttributeValues: dict[str, dict] | None = None,
    ReturnValuesOnConditionCheckFailure: str | None = None,
) -> dict:
    one = write.update(
        call, TableName, Key, UpdateExpression, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues,
        ReturnValuesOnConditionCheckFailure, AttributeUpdates, Expected, ConditionalOperator,
    )  # fmt: skip
    return _written(call, one, ReturnValues, ReturnConsumedCapacity, ReturnItemCollectionMetrics)


# Many items ----------------------------------------------------------------------------------------


def Query(
    call: Call,
    *,
    TableName: str,
    IndexName: str | None = None,
    Select: str | None = None,
    AttributesToGet: list[str] | None = None,
    Limit: int | None = None,
    ConsistentRead: bool | None = None,
    KeyConditions: dict | None = None,
    QueryFilter: dict | None = None,
    ConditionalOperator: str | None = None,
    ScanIndexForward: bool | None = None,
    ExclusiveStartKey: dict[str, dict] | None = None,
    ReturnConsumedCapacity: str | None = None,
    ProjectionExpression: str | None = None,
    FilterExpression: str | None = None,
    KeyConditionExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
    ExpressionAttributeValues: dict[str, dict] | None = None,
) -> dict:
    return page.query(call, {name: value for name, value in locals().items() if name != "call"})


def Scan(
    call: Call,
    *,
    TableName: str,
    IndexName: str | None = None,
    AttributesToGet: list[str] | None = None,
    Limit: int | None = None,
    Select: str | None = None,
    ScanFilter: dict | None = None,
    ConditionalOperator: str | None = None,
    ExclusiveStartKey: dict[str, dict] | None = None,
    ReturnConsumedCapacity: str | None = None,
    TotalSegments: int | None = None,
    Segment: int | None = None,
    ProjectionExpression: str | None = None,
    FilterExpression: str | None = None,
    ExpressionAttributeNames: dict[str, str] | None = None,
    ExpressionAttributeValues: dict[str, dict] | None = None,
    ConsistentRead: bool | None = None,
) -> dict:
    return page.scan(call, {name: value for name, value in locals().items() if name != "call"})


def BatchGetItem(
    call: Call, *, RequestItems: dict[str, dict], ReturnConsumedCapacity: str | None = None
) -> dict:
    return transaction.batch_read(call, RequestItems, ReturnConsumedCapacity)


def BatchWriteItem(
    call: Call,
    *,
    RequestItems: dict[str, list[dict]],
    ReturnConsumedCapacity: str | None = None,
    ReturnItemCollectionMetrics: str | None = None,
) -> dict:
    return transaction.batch_write(
        call, RequestItems, ReturnConsumedCapacity, wants_metrics=ReturnItemCollectionMetrics == "SIZE"
    )


def TransactGetItems(
    call: Call, *, TransactItems: list[dict], ReturnConsumedCapacity: str | None = None
) -> dict:
    return transaction.read(call, TransactItems, ReturnConsumedCapacity)


def TransactWriteItems(
    call: Call,
    *,
    TransactItems: list[dict],
    ReturnConsumedCapacity: str | None = None,
    ReturnItemCollectionMetrics: str | None = None,
    ClientRequestToken: str | None = None,
) -> dict:
    return transaction.write(
        call,
        TransactItems,
        ClientRequestToken,
        ReturnConsumedCapacity,
        wants_metrics=ReturnItemCollectionMetrics == "SIZE",
    )


# PartiQL -------------------------------------------------------------------------------------------


def ExecuteStatement(
    call: Call,
    *,
    Statement: str,
    Parameters: list[dict] | None = None,
    ConsistentRead: bool | None = None,
    NextToken: str | None = None,
    ReturnConsumedCapacity: str | None = None,
    Limit: int | None = None,
    ReturnValuesOnConditionCheckFailure: str | None = None,
) -> dict:
    return partiql.execute(
        call, Statement, Parameters, is_consistent=bool(ConsistentRead), limit=Limit, token=NextToken,
        detail=ReturnConsumedCapacity, shows_old=ReturnValuesOnConditionCheckFailure,
    )  # fmt: skip


def BatchExecuteStatement(
    call: Call, *, Statements: list[dict], ReturnConsumedCapacity: str | None = None
) -> dict:
    return partiql.batch(call, Statements, ReturnConsumedCapacity)


def ExecuteTransaction(
    call: Call,
    *,
    TransactStatements: list[dict],
    ClientRequestToken: str | None = None,
    ReturnConsumedCapacity: str | None = None,
) -> dict:
    return partiql.transact(call, TransactStatements, ClientRequestToken, ReturnConsumedCapacity)
