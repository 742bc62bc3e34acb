"""Orders over REST: placed and read, each one an item of the table named by ORDERS_TABLE. GET /health is what health checks ask."""

import json
import os

import boto3

REGION = os.environ["AWS_REGION"]
table = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])


def lambda_handler(event, context):
    method, path = event["httpMethod"], event["path"]
    if path == "/health":
        return answer(200, {"region": REGION})
    if method == "POST":
        try:
            order = json.loads(event["body"] or "{}")
            item = {"orderId": str(order["orderId"]), "value": str(order["value"]), "placedIn": REGION}
        except (ValueError, KeyError) as error:
            return answer(400, {"error": f"Bad request: {error}"})
        table.put_item(Item=item)
        return answer(201, item | {"region": REGION})
    item = table.get_item(Key={"orderId": event["pathParameters"]["id"]}).get("Item")
    return answer(200, item | {"region": REGION}) if item else answer(404, {"error": "Order not found", "region": REGION})


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
