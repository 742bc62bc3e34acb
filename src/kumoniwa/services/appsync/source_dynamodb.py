"""DynamoDB as a data source: what a resolver asks becomes a call, typed values become plain ones.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-dynamodb.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync.failure import Failure

NAMED_ERRORS = frozenset(
    [
        "ConditionalCheckFailedException",
        "ItemCollectionSizeLimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceNotFoundException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ]
)
"""Errors with a class of their own in the SDK; all others are a DynamoDbException."""

Item = dict[str, Any]


class Table(NamedTuple):
    """Where a data source leads: a table of this region or of another one."""

    call: Call
    name: str
    region: str

    async def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return await self.call.ask(operation, to_region=self.region, **params)


def _sent(value: Any) -> Any:
    """A typed value as our gate takes it: binaries are bytes there."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Failure("Expected a typed value of DynamoDB.", "MappingTemplate")
    ((kind, held),) = value.items()
    try:
        if kind == "B":
            return {"B": base64.b64decode(held, validate=True)}
        if kind == "BS":
            return {"BS": [base64.b64decode(each, validate=True) for each in held]}
        if kind == "M":
            return {"M": _sent_all(held)}
        if kind == "L":
            return {"L": [_sent(each) for each in held]}
        if kind == "N":
            return {"N": str(held)}
        if kind in ("NS", "SS"):
            return {kind: [str(each) for each in held]}
    except (binascii.Error, TypeError):
        raise Failure(f"The value of {kind} is not of its type.", "MappingTemplate") from None
    return value


def _sent_all(values: Any) -> Item:
    if not isinstance(values, dict):
        raise Failure("Expected a map of typed values of DynamoDB.", "MappingTemplate")
    return {name: _sent(value) for name, value in values.items()}


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def plain(value: dict[str, Any]) -> Any:
    """A typed value as resolvers and callers see it."""
    ((kind, held),) = value.items()
    if kind == "N":
        return _number(held)
    if kind == "NULL":
        return None
    if kind == "M":
        return plain_item(held)
    if kind == "L":
        return [plain(each) for each in held]
    if kind == "NS":
        return [_number(each) for each in held]
    if kind == "B":
        return base64.b64encode(held).decode()
    if kind == "BS":
        return [base64.b64encode(each).decode() for each in held]
    return held


def plain_item(item: Item | None) -> Any:
    return None if item is None else {name: plain(value) for name, value in item.items()}


class _Expressions:
    """The parameters of one call; names and values of several expressions go together."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def add(self, member: str, said: Any) -> None:
        if not said:
            return
        if not isinstance(said, dict) or "expression" not in said:
            raise Failure(f"{member} wants an expression.", "MappingTemplate")
        self.params[member] = said["expression"]
        for ours, theirs in (
            ("ExpressionAttributeNames", "expressionNames"),
            ("ExpressionAttributeValues", "expressionValues"),
        ):
            if said.get(theirs):
                values = _sent_all(said[theirs]) if theirs == "expressionValues" else said[theirs]
                self.params[ours] = {**self.params.get(ours, {}), **values}


def _needed(request: dict[str, Any], name: str) -> Any:
    if request.get(name) is None:
        raise Failure(f"Value for field '$[{name}]' not found.", "MappingTemplate")
    return request[name]


def _keyed(request: dict[str, Any], *expressions: tuple[str, str]) -> dict[str, Any]:
    made = _Expressions()
    for member, name in expressions:
        made.add(member, request.get(name))
    return {"Key": _sent_all(_needed(request, "key")), **made.params}


# Single items ----------------------------------------------------------------------------------------


async def _get(table: Table, request: dict[str, Any]) -> Any:
    params = _keyed(request, ("ProjectionExpression", "projection"))
    params["ConsistentRead"] = bool(request.get("consistentRead"))
    return plain_item((await table.ask("dynamodb:GetItem", TableName=table.name, **params)).get("Item"))


def _put_item(request: dict[str, Any]) -> dict[str, Any]:
    made = _Expressions()
    made.add("ConditionExpression", request.get("condition"))
    item = {**_sent_all(request.get("attributeValues") or {}), **_sent_all(_needed(request, "key"))}
    return {"Item": item, **made.params}


async def _put(table: Table, request: dict[str, Any]) -> Any:
    params = _put_item(request)
    await _written(table, request, "dynamodb:PutItem", params, params["Item"])
    return plain_item(params["Item"])


async def _update(table: Table, request: dict[str, Any]) -> Any:
    params = _keyed(request, ("UpdateExpression", "update"), ("ConditionExpression", "condition"))
    reply = await _written(table, request, "dynamodb:UpdateItem", {**params, "ReturnValues": "ALL_NEW"}, None)
    return plain_item(reply.get("Attributes"))


async def _delete(table: Table, request: dict[str, Any]) -> Any:
    params = _keyed(request, ("ConditionExpression", "condition"))
    reply = await _written(table, request, "dynamodb:DeleteItem", {**params, "ReturnValues": "ALL_OLD"}, None)
    return plain_item(reply.get("Attributes"))


async def _written(table: Table, request: dict, operation: str, params: dict, wanted: Item | None) -> dict:
    """A write. One whose condition fails has succeeded before if the item is already as it was wanted.
    https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-resolver-mapping-template-reference-dynamodb-condition-expressions.html
    """
    condition = request.get("condition") or {}
    if (condition.get("conditionalCheckFailedHandler") or {}).get("strategy", "Reject") != "Reject":
        raise NotImplementedHere("the strategy Custom of a conditionalCheckFailedHandler of appsync")
    try:
        return await table.ask(operation, TableName=table.name, **params)
    except AwsError as error:
        if error.code != "ConditionalCheckFailedException":
            raise
        refusal = error
    key = _sent_all(request["key"])
    held = (
        await table.ask(
            "dynamodb:GetItem",
            TableName=table.name,
            Key=key,
            ConsistentRead=condition.get("consistentRead", True),
        )
    ).get("Item")
    ignored = set(condition.get("equalsIgnore") or ())
    if operation == "dynamodb:DeleteItem" and held is None:
        return {}
    if wanted is not None and held is not None and _without(held, ignored) == _without(wanted, ignored):
        return {}
    raise _failure(table, refusal, plain_item(held))


def _without(item: Item, names: set[str]) -> Item:
    return {name: value for name, value in item.items() if name not in names}


# Many items ------------------------------------------------------------------------------------------


async def _paged(table: Table, request: dict[str, Any], operation: str, params: dict[str, Any]) -> Any:
    made = _Expressions()
    made.params |= params
    made.add("FilterExpression", request.get("filter"))
    made.add("ProjectionExpression", request.get("projection"))
    names = {"index": "IndexName", "limit": "Limit", "select": "Select", "consistentRead": "ConsistentRead"}
    names |= {"scanIndexForward": "ScanIndexForward", "totalSegments": "TotalSegments", "segment": "Segment"}
    more = {ours: request[theirs] for theirs, ours in names.items() if request.get(theirs) is not None}
    if request.get("nextToken"):
        more["ExclusiveStartKey"] = _key_of(request["nextToken"])
    reply = await table.ask(operation, TableName=table.name, **made.params, **more)
    found = {
        "items": [plain_item(item) for item in reply.get("Items", ())],
        "scannedCount": reply.get("ScannedCount"),
    }
    return found | {"nextToken": _token(reply["LastEvaluatedKey"]) if reply.get("LastEvaluatedKey") else None}


def _token(key: Item) -> str:
    told = {
        name: {kind: plain({kind: held}) if kind == "B" else held for kind, held in value.items()}
        for name, value in key.items()
    }
    return base64.b64encode(orjson.dumps({"version": 3, "token": told})).decode()


def _key_of(token: Any) -> Item:
    try:
        return _sent_all(orjson.loads(base64.b64decode(token, validate=True))["token"])
    except (ValueError, TypeError, KeyError, binascii.Error, Failure):
        raise Failure("Invalid pagination token given.", "MappingTemplate") from None


async def _query(table: Table, request: dict[str, Any]) -> Any:
    made = _Expressions()
    made.add("KeyConditionExpression", _needed(request, "query"))
    return await _paged(table, request, "dynamodb:Query", made.params)


async def _scan(table: Table, request: dict[str, Any]) -> Any:
    return await _paged(table, request, "dynamodb:Scan", {})


def _tables(request: dict[str, Any]) -> dict[str, Any]:
    tables = _needed(request, "tables")
    if not isinstance(tables, dict) or not tables:
        raise Failure("Value for field '$[tables]' is not a map of tables.", "MappingTemplate")
    return tables


async def _batch_get(table: Table, request: dict[str, Any]) -> Any:
    """Items come in the order of their keys, null where there is none."""
    asked: dict[str, Any] = {}
    for name, said in _tables(request).items():
        said = said if isinstance(said, dict) else {"keys": said}
        made = _Expressions()
        made.add("ProjectionExpression", said.get("projection"))
        keys = [_sent_all(key) for key in said.get("keys") or ()]
        asked[name] = {"Keys": keys, "ConsistentRead": bool(said.get("consistentRead")), **made.params}
    reply = await table.ask("dynamodb:BatchGetItem", RequestItems=asked)
    found: dict[str, list[Any]] = {}
    for name, wanted in asked.items():
        items = reply["Responses"].get(name, [])
        if "ProjectionExpression" in wanted:
            found[name] = [plain_item(item) for item in items]
        else:
            by_key = [
                next((item for item in items if key.items() <= item.items()), None) for key in wanted["Keys"]
            ]
            found[name] = [plain_item(item) for item in by_key]
    left = {
        name: [plain_item(key) for key in said["Keys"]]
        for name, said in (reply.get("UnprocessedKeys") or {}).items()
    }
    return {"data": found, "unprocessedKeys": {name: left.get(name, []) for name in asked}}


async def _batch_write(table: Table, request: dict[str, Any], kind: str, member: str) -> dict[str, list[Any]]:
    """What was not written, by table."""
    asked = {
        name: [{kind: {member: _sent_all(one)}} for one in all_] for name, all_ in _tables(request).items()
    }
    reply = await table.ask("dynamodb:BatchWriteItem", RequestItems=asked)
    left = reply.get("UnprocessedItems") or {}
    return {name: [plain_item(each[kind][member]) for each in left.get(name, ())] for name in asked}


async def _batch_put(table: Table, request: dict[str, Any]) -> Any:
    left = await _batch_write(table, request, "PutRequest", "Item")
    put = {name: [plain_item(_sent_all(one)) for one in all_] for name, all_ in _tables(request).items()}
    data = {name: [None if item in left[name] else item for item in items] for name, items in put.items()}
    return {"data": data, "unprocessedItems": left}


async def _batch_delete(table: Table, request: dict[str, Any]) -> Any:
    left = await _batch_write(table, request, "DeleteRequest", "Key")
    gone = {name: [plain_item(_sent_all(one)) for one in all_] for name, all_ in _tables(request).items()}
    data = {name: [None if key in left[name] else key for key in keys] for name, keys in gone.items()}
    return {"data": data, "unprocessedKeys": left}


# Transactions ----------------------------------------------------------------------------------------


def _act(one: dict[str, Any]) -> dict[str, Any]:
    kind, table = one.get("operation"), one.get("table")
    if kind not in ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheck"):
        raise Failure(f"Unsupported operation '{kind}' of a transaction.", "MappingTemplate")
    if kind == "PutItem":
        params = _put_item(one)
    elif kind == "UpdateItem":
        params = _keyed(one, ("UpdateExpression", "update"), ("ConditionExpression", "condition"))
    else:
        params = _keyed(one, ("ConditionExpression", "condition"))
    # https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-resolver-mapping-template-reference-dynamodb-transaction-condition-expressions.html
    returns = (one.get("condition") or {}).get("returnValuesOnConditionCheckFailure", True)
    if "ConditionExpression" in params:
        params["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD" if returns else "NONE"
    return {kind.removesuffix("Item"): {"TableName": table, **params}}


async def _transact_write(table: Table, request: dict[str, Any]) -> Any:
    items = _needed(request, "transactItems")
    acts = [_act(one) for one in items]
    try:
        await table.ask("dynamodb:TransactWriteItems", TransactItems=acts)
    except AwsError as error:
        if error.code != "TransactionCanceledException":
            raise
        reasons = [
            {
                "type": reason.get("Code"),
                "message": reason.get("Message"),
                "item": plain_item(reason.get("Item")),
            }
            for reason in error.members.get("CancellationReasons", ())
        ]
        raise _failure(table, error, {"keys": None, "cancellationReasons": reasons}) from None
    return {"keys": [plain_item(_sent_all(one["key"])) for one in items], "cancellationReasons": None}


async def _transact_get(table: Table, request: dict[str, Any]) -> Any:
    asked = [
        {"Get": {"TableName": one.get("table"), **_keyed(one, ("ProjectionExpression", "projection"))}}
        for one in _needed(request, "transactItems")
    ]
    reply = await table.ask("dynamodb:TransactGetItems", TransactItems=asked)
    return {
        "items": [plain_item(each.get("Item")) for each in reply.get("Responses", ())],
        "cancellationReasons": None,
    }


OPERATIONS: dict[str, Callable[[Table, dict[str, Any]], Awaitable[Any]]] = {
    "GetItem": _get,
    "PutItem": _put,
    "UpdateItem": _update,
    "DeleteItem": _delete,
    "Query": _query,
    "Scan": _scan,
    "BatchGetItem": _batch_get,
    "BatchPutItem": _batch_put,
    "BatchDeleteItem": _batch_delete,
    "TransactWriteItems": _transact_write,
    "TransactGetItems": _transact_get,
}


def _failure(table: Table, error: AwsError, data: Any = None) -> Failure:
    kind = error.code if error.code in NAMED_ERRORS else "DynamoDbException"
    text = f"{error.text} (Service: DynamoDb, Status Code: {error.status or 400}, Request ID: {table.call.home.ids.request_id()})"
    return Failure(text, f"DynamoDB:{kind}", data)


async def ask(call: Call, config: dict[str, Any], request: dict[str, Any]) -> Any:
    """What the table answers. Raises Failure."""
    name = request.get("operation")
    if name in ("Sync", "BatchWriteItem"):
        raise NotImplementedHere(f"the operation {name} of a DynamoDB data source")
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Failure(f"Unsupported operation '{name}'.", "MappingTemplate")
    table = Table(call, config["tableName"], config["awsRegion"])
    try:
        return await operation(table, request)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise _failure(table, error) from None
