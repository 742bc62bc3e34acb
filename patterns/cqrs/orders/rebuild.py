"""Makes the read model from nothing but the orders. While it does, the stream is not followed: what comes waits in it."""

import os

import boto3
from model import count, table

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])


def pages(read, **asked):
    while True:
        page = read(ConsistentRead=True, **asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def handler(event, context):
    with table.batch_writer() as batch:
        for item in pages(table.scan):
            batch.delete_item(Key={"id": item["id"]})
    counted = 0
    for order in pages(orders.scan):
        count(order)
        counted += 1
    return {"orders": counted}
