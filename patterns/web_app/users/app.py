"""Users, kept in one table: POST /api/users stores one, GET /api/users/ID reads it."""

import json
import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    if event["httpMethod"] == "POST":
        user = json.loads(event["body"])
        TABLE.put_item(Item=user)
        return {"statusCode": 201, "body": json.dumps(user)}
    user = TABLE.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return {"statusCode": 200 if user else 404, "body": json.dumps(user)}
