"""Answers whoever logs in. What it is asked, its log tells."""

import json


def handler(event, context):
    said = json.loads(event["body"] or "{}")
    return {"statusCode": 200, "body": json.dumps({"hello": said.get("name", "you")})}
