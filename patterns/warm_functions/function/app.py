"""What stands outside the handler is made once for each environment, and is there at every later call."""

import os
import time

import boto3

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["USERS"])
calls, started_at = 0, time.time()


def handler(event, context):
    global calls
    calls += 1
    time.sleep(event.get("work_s", 0))
    if "meeting" in event:
        meet(**event["meeting"])
    return {"calls": calls, "started_at": started_at, "pid": os.getpid(), "table": id(table), "how": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}


def meet(name, count):
    """Wait until so many calls are here at once."""
    key = {"userId": f"meeting:{name}"}
    table.update_item(Key=key, UpdateExpression="ADD here :one", ExpressionAttributeValues={":one": 1})
    while table.get_item(Key=key, ConsistentRead=True)["Item"]["here"] < count:
        time.sleep(1)
