"""Loads lines into the table. A row and its share of the file's total are one transaction, which happens once.

A line that cannot be loaded is reported alone: its neighbours in the batch are done with, and it comes again until the queue has
had enough of it.
"""

import json
import os
from decimal import Decimal, InvalidOperation

import boto3
from botocore.exceptions import ClientError

dynamodb, table = boto3.client("dynamodb"), os.environ["ROWS"]


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            load(json.loads(record["body"]))
        except (KeyError, ValueError, InvalidOperation, ClientError) as error:
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def load(line):
    amount = str(Decimal(line["amount"]))
    total = f"total:{line['id'].partition(':')[0]}"
    row = {"id": {"S": line["id"]}, "item": {"S": line["item"]}, "amount": {"N": amount}}
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": row, "ConditionExpression": "attribute_not_exists(id)"}},
                {
                    "Update": {
                        "TableName": table,
                        "Key": {"id": {"S": total}},
                        "UpdateExpression": "ADD counted :one, amount :amount",
                        "ExpressionAttributeValues": {":one": {"N": "1"}, ":amount": {"N": amount}},
                    }
                },
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException as error:
        # Either the row is there, for this line was loaded before; or another line was just at the total, and this one comes again.
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise
