"""A table as it is shown."""

from __future__ import annotations

import math
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb import provisioning
from kumoniwa.services.dynamodb.sealing import shown as encryption_shown
from kumoniwa.services.dynamodb.table import Filling, Index, Table


def shown(
    call: Call, table: Table, sizes: dict[int, tuple[int, int]], *, status: str = ""
) -> dict[str, Any]:
    """A TableDescription. ``sizes`` are (items, bytes) by id of table or index."""
    now = call.now()
    count, size = sizes.get(table.id, (0, 0))
    shown: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": kind} for n, kind in table.definitions.items()
        ],
        "TableName": table.name,
        "KeySchema": schema_shown(table.hash_name, table.range_name),
        "TableStatus": status or status_of(table, now),
        "CreationDateTime": table.created,
        "ProvisionedThroughput": provisioning.units_shown(table, table.read_units, table.write_units),
        "TableSizeBytes": size,
        "ItemCount": count,
        "TableArn": call.arn(f"table/{table.name}", "dynamodb"),
        "TableId": table.uuid,
        "DeletionProtectionEnabled": table.is_protected,
    }
    if table.encryption is not None:
        shown["SSEDescription"] = encryption_shown(table.encryption)
    if table.on_demand_since:
        shown["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST" if table.is_on_demand else "PROVISIONED",
            "LastUpdateToPayPerRequestDateTime": table.on_demand_since,
        }
    shown |= provisioning.ceilings_shown(table)
    if table.table_class:
        shown["TableClassSummary"] = {"TableClass": table.table_class}
        if table.class_changed:
            shown["TableClassSummary"]["LastUpdateDateTime"] = table.class_changed
    if table.stream_label:
        shown["LatestStreamLabel"] = table.stream_label
        shown["LatestStreamArn"] = call.arn(f"table/{table.name}/stream/{table.stream_label}", "dynamodb")
    if table.stream_view:
        shown["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream_view}
    if table.restored_of:
        shown["RestoreSummary"] = {
            "SourceTableArn": table.restored_of,
            "RestoreDateTime": table.restored_at,
            "RestoreInProgress": table.active_at == math.inf,
        } | ({"SourceBackupArn": table.restored_from} if table.restored_from else {})
    if status not in ("CREATING", "DELETING"):
        shown["WarmThroughput"] = provisioning.warm_shown(table, table)
    for member, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        indexes = [
            _index_shown(call, table, i, sizes, status) for i in table.indexes if i.is_global == is_global
        ]
        if indexes:
            shown[member] = indexes
    return shown


def status_of(table: Table, now: float) -> str:
    if table.active_at > now:
        return "CREATING"
    if table.encryption is not None and table.encryption.inaccessible_since:
        return "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    if table.resealing is not None:
        return "UPDATING"
    return "UPDATING" if table.group is not None and table.group.is_changing else "ACTIVE"


def _is_filling(call: Call, index: Index) -> bool:
    return index.active_at > call.now() or str(index.id) in call.shelf(Filling)


def index_status(call: Call, table: Table, index: Index) -> str:
    return "CREATING" if _is_filling(call, index) or table.active_at > call.now() else "ACTIVE"


def schema_shown(hash_name: str, range_name: str) -> list[dict[str, str]]:
    shown = [{"AttributeName": hash_name, "KeyType": "HASH"}]
    return [*shown, {"AttributeName": range_name, "KeyType": "RANGE"}] if range_name else shown


def _index_shown(
    call: Call, table: Table, index: Index, sizes: dict[int, tuple[int, int]], status: str
) -> dict[str, Any]:
    count, size = sizes.get(index.id, (0, 0))
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.projected:
        projection["NonKeyAttributes"] = list(index.projected)
    shown: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind} for names, kind in ((index.hashes, "HASH"), (index.ranges, "RANGE")) for name in names
        ],
        "Projection": projection,
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": call.arn(f"table/{table.name}/index/{index.name}", "dynamodb"),
    }
    if index.is_global:
        shown["IndexStatus"] = "CREATING" if status == "CREATING" else index_status(call, table, index)
        if _is_filling(call, index):
            shown["Backfilling"] = True
        shown["ProvisionedThroughput"] = provisioning.units_shown(table, index.read_units, index.write_units)
        shown |= provisioning.ceilings_shown(index)
        if status not in ("CREATING", "DELETING"):
            shown["WarmThroughput"] = provisioning.warm_shown(table, index)
    return shown
