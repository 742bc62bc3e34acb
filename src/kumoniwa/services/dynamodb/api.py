"""The operations of DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import check_item
from kumoniwa.services.dynamodb import (
    adoption,
    capacity,
    change,
    definition,
    description,
    figures,
    item,
    page,
    partiql,
    policy,
    provisioning,
    quorum,
    replica,
    resealing,
    table_key,
    transaction,
    transfer,
    write,
)
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.access import conditions_of, refusal_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.dynamodb.backup import (  # noqa: F401 (operations)
    CreateBackup,
    DeleteBackup,
    DescribeBackup,
    DescribeContinuousBackups,
    ListBackups,
    RestoreTableFromBackup,
    RestoreTableToPointInTime,
    UpdateContinuousBackups,
)
from kumoniwa.services.dynamodb.bill import standing_of  # noqa: F401 (a hook of the gate's)
from kumoniwa.services.dynamodb.coding import witness_of  # noqa: F401 (a hook of the gate's)
from kumoniwa.services.dynamodb.contributor_insights import (  # noqa: F401 (operations)
    DescribeContributorInsights,
    ListContributorInsights,
    UpdateContributorInsights,
)
from kumoniwa.services.dynamodb.destination import (  # noqa: F401 (operations)
    DescribeKinesisStreamingDestination,
    DisableKinesisStreamingDestination,
    EnableKinesisStreamingDestination,
    UpdateKinesisStreamingDestination,
)
from kumoniwa.services.dynamodb.door import BODY_BYTES_MAX, headers_of  # noqa: F401 (what the gate reads)
from kumoniwa.services.dynamodb.globaltable import (  # noqa: F401 (operations)
    CreateGlobalTable,
    DescribeGlobalTable,
    DescribeGlobalTableSettings,
    ListGlobalTables,
    UpdateGlobalTable,
    UpdateGlobalTableSettings,
)
from kumoniwa.services.dynamodb.policy import (  # noqa: F401 (operations, and the gate's hook)
    DeleteResourcePolicy,
    GetResourcePolicy,
    PutResourcePolicy,
    policy_of,
)
from kumoniwa.services.dynamodb.replica_autoscaling import (  # noqa: F401 (operations)
    DescribeTableReplicaAutoScaling,
    UpdateTableReplicaAutoScaling,
)
from kumoniwa.services.dynamodb.sealing import shown as encryption_shown
from kumoniwa.services.dynamodb.table import ResourceInUseException, ResourceNotFoundException, Table
from kumoniwa.services.dynamodb.tags import (  # noqa: F401 (operations, and the gate's hooks)
    ListTagsOfResource,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,
    tags_of,
)
from kumoniwa.services.dynamodb.transfer import (  # noqa: F401 (operations)
    DescribeExport,
    DescribeImport,
    ExportTableToPointInTime,
    ImportTable,
    ListExports,
    ListImports,
)
from kumoniwa.services.dynamodb.unlocking import find

LIST_MAX = 100


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
    SSESpecification: dict | None = None,
    WarmThroughput: dict | None = None,
    OnDemandThroughput: dict | None = None,
) -> dict:
    """Throughput, provisioned or on demand, is kept and shown, and who exceeds it is throttled (``throughput``)."""
    table = definition.made(
        call,
        {
            "TableName": TableName, "AttributeDefinitions": AttributeDefinitions, "KeySchema": KeySchema,
            "LocalSecondaryIndexes": LocalSecondaryIndexes, "GlobalSecondaryIndexes": GlobalSecondaryIndexes,
            "BillingMode": BillingMode, "ProvisionedThroughput": ProvisionedThroughput, "Tags": Tags, "TableClass": TableClass,
            "DeletionProtectionEnabled": DeletionProtectionEnabled, "WarmThroughput": WarmThroughput,
            "OnDemandThroughput": OnDemandThroughput,
        },
    )  # fmt: skip

    def make(table: Table) -> dict:
        if table.name in call.shelf(Table):
            raise ResourceInUseException(f"Table already exists: {table.name}")
        table = change.streamed(call, table, StreamSpecification)
        call.shelf(Table)[table.name] = table
        call.home.wake(("dynamodb", "work"))
        if ResourcePolicy is not None:
            policy.check(ResourcePolicy)
            policy.put(call, table, ResourcePolicy)
        shown = description.shown(call, table, {}, status="CREATING")
        if WarmThroughput is not None:
            # Told while the table is made only to who asked for it: recorded by localstack's test_table_warm_throughput.
            shown["WarmThroughput"] = provisioning.warm_shown(table, table) | {"Status": "UPDATING"}
        return {"TableDescription": shown}

    is_sealed, key = table_key.wish(SSESpecification)
    made = make(table)
    if not is_sealed:
        return made
    call.start_over()
    return _made_sealed(call, table, key, make)


async def _made_sealed(call: Call, table: Table, key: str | None, make: Callable[[Table], dict]) -> dict:
    encryption = await table_key.made(call, table.name, key)
    return call.atomically(lambda: make(changed(table, encryption=encryption)))


def DescribeTable(call: Call, *, TableName: str) -> dict:
    return {"Table": shown(call, tables.described(call, TableName))}


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
    replica.leave(call, table)
    table = adoption.give_up(call, table)
    last = description.shown(call, table, {}, status="DELETING")
    # Nor are indexes shown: scylladb/scylladb, test_delete_table_description_with_si.
    for member in ("AttributeDefinitions", "KeySchema", "CreationDateTime", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        last.pop(member, None)
    return {"TableDescription": last}


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
    ReplicaUpdates: list[dict] | None = None,
    GlobalTableWitnessUpdates: list[dict] | None = None,
    MultiRegionConsistency: str | None = None,
    SSESpecification: dict | None = None,
    WarmThroughput: dict | None = None,
    OnDemandThroughput: dict | None = None,
) -> dict:
    """One index may be made or deleted in one call, and a change of replicas stands alone, as on AWS."""
    asked = {
        "BillingMode": BillingMode, "ProvisionedThroughput": ProvisionedThroughput,
        "GlobalSecondaryIndexUpdates": GlobalSecondaryIndexUpdates, "StreamSpecification": StreamSpecification,
        "TableClass": TableClass, "DeletionProtectionEnabled": DeletionProtectionEnabled, "SSESpecification": SSESpecification,
        "WarmThroughput": WarmThroughput, "OnDemandThroughput": OnDemandThroughput or None,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    if ReplicaUpdates is not None:
        return _answered(
            call,
            replica.update(
                call, TableName, ReplicaUpdates, GlobalTableWitnessUpdates, MultiRegionConsistency, changes_more=bool(asked)
            ),
        )
    table = change.update(call, TableName, asked, AttributeDefinitions)
    if SSESpecification is not None:
        return _resealed(call, table, SSESpecification)
    answer = shown(call, table, status="UPDATING")
    if OnDemandThroughput:
        # A ceiling that is taken away is told as it was asked for: captured by nubo-db/dynoxide, pull request 161.
        answer["OnDemandThroughput"] = answer.get("OnDemandThroughput", {}) | OnDemandThroughput
    return {"TableDescription": answer}


async def _resealed(call: Call, table: Table, specification: dict) -> dict:
    """UpdateTable's answer when the table lies under another key."""
    transfer.refuse_while_running(call, table)
    before = table.encryption
    table = await resealing.update(call, table.name, specification)
    answer = shown(call, table, status="UPDATING")
    if (encryption := table.encryption or before) is not None:
        # Also the key that is being left (recorded: test_dynamodb_create_table_with_partial_sse_specification).
        answer["SSEDescription"] = encryption_shown(encryption, status="UPDATING")
    return {"TableDescription": answer}


async def _answered(call: Call, updated: Any) -> dict:
    """UpdateTable's answer once the other regions have had their word. AWS does not show a replica yet that it begins to make."""
    table = await updated
    answer = shown(call, table, status="UPDATING")
    answer["Replicas"] = [entry for entry in answer["Replicas"] if entry["ReplicaStatus"] != "CREATING"]
    return {"TableDescription": answer}


def shown(call: Call, table: Table, *, status: str = "") -> dict:
    return description.shown(call, table, item.sizes(call, table), status=status) | replica.shown(call, table)


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


# Time to live --------------------------------------------------------------------------------------


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
    replica.refuse_expiry(table)
    table = adoption.with_expiry(call, table, name if is_enabled else "")
    replica.put(call, table)
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
    layout = find(call, TableName)
    check_item(Key)
    project = transaction.projection(layout, ProjectionExpression, ExpressionAttributeNames, AttributesToGet)
    if layout is None:
        raise ResourceNotFoundException
    hash_key, sk = layout.key.of_key(Key)
    pk = layout.key.partition(hash_key)
    if layout.is_strong and ConsistentRead:
        return _got_everywhere(call, layout, Key, (pk, sk), project, ReturnConsumedCapacity)
    found = item.read(call, layout, pk, sk)
    return _got(call, layout, Key, found, project, ReturnConsumedCapacity, is_consistent=bool(ConsistentRead))


async def _got_everywhere(call: Call, layout: tables.Layout, key: dict, at: tuple[bytes, bytes], project: Any, detail: str | None) -> dict:
    found = await quorum.Assembly(call, layout.record).read(*at)
    return _got(call, layout, key, found, project, detail, is_consistent=True)


def _got(call: Call, layout: tables.Layout, key: dict, found: Any, project: Any, detail: str | None, *, is_consistent: bool) -> dict:
    reply: dict[str, Any] = {}
    if found is not None:
        reply["Item"] = item.shown(call, found[1]) if project is None else project(orjson.loads(found[1]))
    units = capacity.read_units(found[0] if found else 0, is_consistent=is_consistent)
    figures.read(call, layout, units, key)
    if _is_wanted(detail):
        reply["ConsumedCapacity"] = capacity.consumed(layout.name, units, detail=detail)
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
    one.place()
    if one.layout.is_strong:
        return _written_everywhere(call, one, values, detail, metrics)
    one.judge(call, needs_old=_is_wanted(detail) or _is_wanted(values))
    one.store(call)
    return _write_shown(call, one, values, detail, metrics)


async def _written_everywhere(call: Call, one: write.Write, values: str | None, detail: str | None, metrics: str | None) -> dict:
    await quorum.written(call, one)
    return _write_shown(call, one, values, detail, metrics)


def _is_wanted(detail: str | None) -> bool:
    return detail is not None and detail != "NONE"


def _write_shown(call: Call, one: write.Write, values: str | None, detail: str | None, metrics: str | None) -> dict:
    reply: dict[str, Any] = {}
    if _is_wanted(values):
        attributes = _returned(call, one, values)
        if attributes:
            reply["Attributes"] = attributes
    if _is_wanted(detail):
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
        return item.shown(call, one.body) if one.new is not None else None
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
    # What is wrong with it is told before others are asked.
    answer = page.query(call, {name: value for name, value in locals().items() if name != "call"})
    return _when_caught_up(call, TableName, answer) if ConsistentRead else answer()


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
    # What is wrong with it is told before others are asked.
    answer = page.scan(call, {name: value for name, value in locals().items() if name != "call"})
    return _when_caught_up(call, TableName, answer) if ConsistentRead else answer()


def _when_caught_up(call: Call, table: str, answer: Callable[[], dict]) -> Any:
    """A consistent page: of a strong table when this region has caught up."""
    layout = tables.find(call, table)
    return quorum.caught_up(call, layout, answer) if layout.is_strong else answer()


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
