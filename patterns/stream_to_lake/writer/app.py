"""Writes each batch as one object of the lake, named by what is in it: the same batch told of twice is the same object."""

import base64
import json
import os
import time
from datetime import datetime

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    records = event["Records"]
    began, lines = time.time(), [line(record) for record in records]
    time.sleep(max((each.get("work_s", 0) for each in lines), default=0))
    first, last = (record["kinesis"]["sequenceNumber"] for record in (records[0], records[-1]))
    shard = records[0]["eventID"].partition(":")[0]
    day = datetime.fromtimestamp(records[0]["kinesis"]["approximateArrivalTimestamp"]).strftime("year=%Y/month=%m/day=%d")
    key = f"clicks/{day}/{shard}-{first}-{last}.jsonl"
    ended = time.time()
    body = "\n".join(json.dumps({**each, "shard": shard, "began": began, "ended": ended}) for each in lines)
    s3.put_object(Bucket=os.environ["LAKE"], Key=key, Body=body.encode())


def line(record):
    return {**json.loads(base64.b64decode(record["kinesis"]["data"])), "key": record["kinesis"]["partitionKey"]}
