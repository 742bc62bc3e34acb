"""The read model: what each customer has ordered, and beside it what every order was counted as.

An order is counted by the difference to what it was counted as before, in one transaction with the note of that. So it does not
matter how often it is told, and what is old changes nothing.
"""

import os

import boto3
from boto3.dynamodb.types import TypeSerializer

client = boto3.client("dynamodb")
name = os.environ["TOTALS"]
table = boto3.resource("dynamodb").Table(name)
written = TypeSerializer().serialize
NOTHING = {"revision": 0, "customer": None, "count": 0, "amount": 0}


def count(order):
    """Make the totals say what an order says. Raises TransactionCanceledException if another was at it; then it comes again."""
    note = f"order:{order['order']}"
    before = table.get_item(Key={"id": note}, ConsistentRead=True).get("Item") or NOTHING
    if order["revision"] <= before["revision"]:
        return
    stands = not order["is_cancelled"]
    after = {"revision": order["revision"], "customer": order["customer"], "count": int(stands), "amount": order["amount"] if stands else 0}
    put = {
        "TableName": name,
        "Item": {key: written(value) for key, value in {"id": note, **after}.items()},
        "ConditionExpression": "attribute_not_exists(id) OR revision = :before",
        "ExpressionAttributeValues": {":before": written(before["revision"])},
    }
    changes = {}
    for each, sign in ((before, -1), (after, 1)):
        if each["customer"] is not None:
            orders, amount = changes.get(each["customer"], (0, 0))
            changes[each["customer"]] = orders + sign * each["count"], amount + sign * each["amount"]
    client.transact_write_items(TransactItems=[{"Put": put}, *[{"Update": _added(*change)} for change in changes.items()]])


def _added(customer, change):
    values = {":orders": written(change[0]), ":amount": written(change[1])}
    return {
        "TableName": name,
        "Key": {"id": written(f"customer:{customer}")},
        "UpdateExpression": "ADD orders :orders, amount :amount",
        "ExpressionAttributeValues": values,
    }
