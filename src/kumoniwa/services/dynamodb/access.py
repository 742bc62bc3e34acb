"""What the gate asks of DynamoDB: what a call touches, what policies may say about it, and how refusals are
worded.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.languages.dynamodb.condition import condition_plan, key_conditions
from kumoniwa.languages.dynamodb.projection import projection_plan
from kumoniwa.languages.dynamodb.update import update_plan
from kumoniwa.languages.dynamodb.value import check_value
from kumoniwa.services.dynamodb import partiql, transaction
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.table import Layout


def _arn(call: Call, table: Any, index: Any = None) -> str:
    arn = (
        table
        if isinstance(table, str) and table.startswith("arn:")
        else call.arn(f"table/{table}", "dynamodb")
    )
    return f"{arn}/index/{index}" if index else arn


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> Any:
    table = params.get("TableName")
    if table is not None:
        return _arn(call, table, params.get("IndexName"))
    for member in ("ResourceArn", "BackupArn", "ExportArn", "ImportArn", "TableArn", "SourceTableArn"):
        if member in params:
            return str(params[member])
    if "SourceTableName" in params:
        return _arn(call, params["SourceTableName"])
    if "GlobalTableName" in params:
        return f"arn:{call.home.partition}:dynamodb::{call.account}:global-table/{params['GlobalTableName']}"
    if "TableCreationParameters" in params:
        return _arn(call, params["TableCreationParameters"].get("TableName"))
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return [_arn(call, name) for name in params.get("RequestItems") or {}] or call.arn(
            "table/*", "dynamodb"
        )
    if operation in _PARTIQL:
        needs = dict.fromkeys(
            (f"dynamodb:PartiQL{_PARTIQL_KINDS.get(one.kind, one.kind)}", _arn(call, one.table, one.index))
            for one, _ in partiql.statements_in(params)
        )
        return list(needs) or call.arn("table/*", "dynamodb")
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return list(_touched(call, params)) or call.arn("table/*", "dynamodb")
    return call.arn("table/*", "dynamodb") if operation == "ListTables" else "*"


_PARTIQL = frozenset(("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"))
_PARTIQL_KINDS = {"Exists": "Select"}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html

_ACTIONS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Get": "dynamodb:GetItem",
}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html


def _touched(call: Call, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen = set()
    for each in params.get("TransactItems") or ():
        for kind, action in each.items():
            if isinstance(action, dict) and kind in _ACTIONS:
                need = (_ACTIONS[kind], _arn(call, action.get("TableName")))
                if need not in seen:
                    seen.add(need)
                    yield need


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html"""
    conditions: dict[str, Any] = {
        "dynamodb:leadingkeys": partial(_leading_keys, call, operation, params),
        "dynamodb:attributes": partial(_attributes, call, params),
    }
    for member in ("Select", "ReturnValues", "ReturnConsumedCapacity"):
        if member in params:
            conditions[f"dynamodb:{member.lower()}"] = params[member]
    if operation.startswith("Transact") or operation == "ExecuteTransaction":
        conditions["dynamodb:enclosingoperation"] = operation
    if operation == "Scan":
        conditions["dynamodb:fulltablescan"] = "true"
    elif operation in _PARTIQL:
        conditions["dynamodb:fulltablescan"] = partial(_full_table_scan, call, params)
    return conditions


def _full_table_scan(call: Call, params: dict[str, Any]) -> str:
    return "true" if partiql.scans(call, params) else "false"


def _single(call: Call, params: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each item a call names: the table, and the parameters that name it."""
    if "TableName" in params:
        yield params["TableName"], params
    yield from partiql.touched(call, params)
    for each in params.get("TransactItems") or ():
        for action in each.values():
            yield action.get("TableName", ""), action
    for name, wanted in (params.get("RequestItems") or {}).items():
        for request in [wanted] if isinstance(wanted, dict) else wanted:
            for key in request.get("Keys") or ():
                yield name, {**request, "Key": key}
            for given in (request.get("PutRequest"), request.get("DeleteRequest")):
                if given:
                    yield name, given


def _leading_keys(call: Call, operation: str, params: dict[str, Any]) -> list[str]:
    """Values of the partition keys that are touched. What is not well formed has none, and is refused
    later.
    """
    found = []
    for name, given in _single(call, params):
        try:
            layout = tables.find(call, name)
            if layout is None:
                continue
            value = (given.get("Key") or given.get("Item") or {}).get(layout.key.hash_name)
            if operation == "Query":
                value = _queried_key(layout, given)
            if isinstance(value, dict):
                found += [str(content) for content in value.values()]
        except AwsError:
            continue
    return found


def _queried_key(layout: Layout, params: dict[str, Any]) -> Any:
    index = layout.by_name.get(params.get("IndexName") or "")
    name = (index.key if index is not None else layout.key).hash_name
    text = params.get("KeyConditionExpression")
    if text is None:
        given = (params.get("KeyConditions") or {}).get(name)
        values = given.get("AttributeValueList") if isinstance(given, dict) else None
        return values[0] if isinstance(values, list) and values else None
    plan = condition_plan("KeyConditionExpression", text, params.get("ExpressionAttributeNames") or {})
    values = params.get("ExpressionAttributeValues") or {}
    for value in values.values():
        check_value(value)
    plan.check(values)
    return key_conditions(plan, values).get(name, ("", [None]))[1][0]


def _attributes(call: Call, params: dict[str, Any]) -> list[str]:
    """Top-level attributes that are read or written."""
    found: set[str] = set()
    for _, given in _single(call, params):
        names = given.get("ExpressionAttributeNames") or {}
        found.update(given.get("Item") or (), given.get("Key") or (), given.get("AttributesToGet") or ())
        for legacy in ("Expected", "AttributeUpdates", "KeyConditions", "QueryFilter", "ScanFilter"):
            found.update(given.get(legacy) or ())
        for kind in (
            "ConditionExpression",
            "FilterExpression",
            "KeyConditionExpression",
            "UpdateExpression",
            "ProjectionExpression",
        ):
            text = given.get(kind)
            if text is None:
                continue
            try:
                if kind == "UpdateExpression":
                    found |= update_plan(text, names).attributes
                elif kind == "ProjectionExpression":
                    found |= projection_plan(text, names).attributes
                else:
                    found |= condition_plan(kind, text, names).attributes
            except AwsError:
                continue
    return sorted(found)


_SPOKEN = {
    "[S, N, B]": "[B, N, S]",
    "[ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES, SPECIFIC_ATTRIBUTES, COUNT]": (
        "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
    ),
}
"""AWS lists these values in another order than the model does."""


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """AWS's words for what breaks the model's constraints, where they are not the model's.

    Source: recorded from AWS by nubo-db/dynamodb-conformance, error messages.
    """
    name, wanted = params.get("TableName"), params.get("RequestItems")
    if operation == "CreateTable" and name is None:
        return ValidationException("The parameter 'TableName' is required but was not present in the request")
    if name:
        try:
            tables.plain_name(name)
        except ValidationException as refusal:
            return refusal
    if wanted == {}:
        return ValidationException(f"The requestItems parameter is required for {operation}")
    if operation == "Query" and params.get("Limit", 1) < 1:
        rule = "Member must have value greater than or equal to 1"
        return ValidationException(
            f"1 validation error detected: Value at 'Limit' failed to satisfy constraint: {rule}"
        )
    if operation == "BatchGetItem" and wanted:
        for table, given in wanted.items():
            if len(given.get("Keys") or ()) > transaction.BATCH_READ_MAX:
                return transaction.too_many_keys(table)
    text = error.text
    for ours, theirs in _SPOKEN.items():
        text = text.replace(ours, theirs)
    return ValidationException(text)
