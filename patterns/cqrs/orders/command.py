"""Writes an order: what it says now, under the next revision. A cancelled order stays, and counts for nothing."""

import os

import boto3

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])


def handler(command, context):
    written = orders.update_item(
        Key={"order": command["order"]},
        UpdateExpression="SET customer = :customer, amount = :amount, is_cancelled = :cancelled ADD revision :one",
        ExpressionAttributeValues={
            ":customer": command["customer"],
            ":amount": command["amount"],
            ":cancelled": command.get("is_cancelled", False),
            ":one": 1,
        },
        ReturnValues="ALL_NEW",
    )
    return {"revision": int(written["Attributes"]["revision"])}
