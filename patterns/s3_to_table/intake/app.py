"""An order that was put into the bucket is an item of the table. The same event told twice leaves one item."""

import json
import os
import time
from decimal import Decimal
from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")
orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        order = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), parse_float=Decimal)
        orders.put_item(Item={**order, "key": key, "stored_at": Decimal(str(time.time()))})
