"""Users over REST: create, read, update, delete; each one is an item of the table named by USER_TABLE."""

import json
import os
import uuid
from decimal import Decimal

import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table(os.environ["USER_TABLE"])

HEADERS = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}


def lambda_handler(event, context):
    method, path = event["httpMethod"], event["path"]
    user_id = (event.get("pathParameters") or {}).get("id")
    try:
        if method == "GET" and user_id:
            return get_user(user_id)
        if method == "POST" and path == "/users":
            return create_user(json.loads(event["body"] or "{}", parse_float=Decimal))
        if method == "PUT" and user_id:
            return update_user(user_id, json.loads(event["body"] or "{}", parse_float=Decimal))
        if method == "DELETE" and user_id:
            return delete_user(user_id)
    except (ValueError, KeyError) as error:
        return answer(400, {"error": f"Bad request: {error}"})
    return answer(404, {"error": "Not Found"})


def get_user(user_id):
    item = table.get_item(Key={"userId": user_id}, ConsistentRead=True).get("Item")
    return answer(200, item) if item else answer(404, {"error": "User not found"})


def create_user(user):
    user["userId"] = str(user.get("userId") or uuid.uuid4())
    try:
        table.put_item(Item=user, ConditionExpression="attribute_not_exists(userId)")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return answer(409, {"error": "User already exists"})
        raise
    return answer(201, user)


def update_user(user_id, changes):
    changes.pop("userId", None)
    names = {f"#{n}": name for n, name in enumerate(changes)}
    values = {f":{n}": value for n, value in enumerate(changes.values())}
    try:
        updated = table.update_item(
            Key={"userId": user_id},
            UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in range(len(changes))),
            ConditionExpression="attribute_exists(userId)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return answer(404, {"error": "User not found"})
        raise
    return answer(200, updated["Attributes"])


def delete_user(user_id):
    table.delete_item(Key={"userId": user_id})
    return answer(204, None)


def answer(status, body):
    return {"statusCode": status, "headers": HEADERS, "body": "" if body is None else json.dumps(body, default=plain)}


def plain(value):
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)
