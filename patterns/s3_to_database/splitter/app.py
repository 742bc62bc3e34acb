"""Sends each line of a CSV file to the queue, with an identity that is the same however often the file is told of."""

import csv
import json
import os
from urllib.parse import unquote_plus

import boto3

s3, sqs = boto3.client("s3"), boto3.client("sqs")
ENTRIES_MAX = 10


def handler(event, context):
    for record in event["Records"]:
        bucket, thing = record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = unquote_plus(thing["key"])
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        # The ETag tells a file from another that replaced it.
        lines = [{"id": f"{key}:{thing['eTag']}:{n}", **line} for n, line in enumerate(csv.DictReader(text.splitlines()))]
        for start in range(0, len(lines), ENTRIES_MAX):
            send(lines[start : start + ENTRIES_MAX])


def send(lines):
    entries = [{"Id": str(n), "MessageBody": json.dumps(line)} for n, line in enumerate(lines)]
    reply = sqs.send_message_batch(QueueUrl=os.environ["LINES"], Entries=entries)
    if failed := reply.get("Failed"):
        raise RuntimeError(failed)  # the whole event comes again
