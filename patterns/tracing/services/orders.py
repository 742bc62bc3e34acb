"""An order on its way: taken by an API, kept in a table, put into a queue, and worked on by whoever reads it."""

import json
import os

import boto3
from aws_xray_sdk.core import patch_all

patch_all()

ORDERS = boto3.resource("dynamodb").Table(os.environ["ORDERS"])
SQS = boto3.client("sqs")


def take(event, context):
    order = json.loads(event["body"])
    ORDERS.put_item(Item={"id": order["id"], "state": "taken"})
    SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody=order["id"])
    return {"statusCode": 202, "body": json.dumps({"trace": os.environ["_X_AMZN_TRACE_ID"]})}


def work(event, context):
    for record in event["Records"]:
        ORDERS.update_item(
            Key={"id": record["body"]}, UpdateExpression="set #s = :s", ExpressionAttributeNames={"#s": "state"}, ExpressionAttributeValues={":s": "done"}
        )
