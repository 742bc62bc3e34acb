"""Event sources for tests: a function that logs its events into a file, queues, mappings, and what the function saw."""

from __future__ import annotations

import json

from lambda_workshop import ACCOUNT, make, put_role

LOGGING = """
    import json, os
    def handler(event, context):
        bodies = [record["body"] for record in event["Records"]]
        with open(os.environ["LOG"], "a") as log:
            log.write(json.dumps(event) + "\\n")
        answer = None
        for body in bodies:
            if body.startswith("fail"):
                raise ValueError(body)
            if body.startswith("answer "):
                answer = json.loads(body.removeprefix("answer "))
            if body.startswith("report"):
                answer = answer or {"batchItemFailures": []}
                ids = [r["messageId"] for r in event["Records"] if r["body"] == body]
                answer["batchItemFailures"] += [{"itemIdentifier": each} for each in ids]
        return answer
"""
READS = (
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage", "s3:PutObject", "dynamodb:GetRecords",
    "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams", "kinesis:*", "logs:*",
)  # fmt: skip


class Workshop:
    def __init__(self, cloud, folder) -> None:
        self.cloud, self.log = cloud, folder / "log"
        self.functions, self.sqs = cloud.client("lambda"), cloud.client("sqs")

    def function(self, source: str = LOGGING, name: str = "f", **more):
        put_role(self.cloud, *READS)
        make(self.cloud, source, name, Role=f"arn:aws:iam::{ACCOUNT}:role/function", Environment={"Variables": {"LOG": str(self.log)}}, **more)

    def queue(self, name: str = "q", **attributes) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def table(self, name: str = "things", view: str = "NEW_IMAGE") -> str:
        """A table whose key is ``id`` and range ``n``; answers its stream's ARN."""
        made = self.cloud.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        return made["TableDescription"]["LatestStreamArn"]

    def put(self, key: str, number: int, table: str = "things", **more: dict) -> None:
        self.cloud.client("dynamodb").put_item(TableName=table, Item={"id": {"S": key}, "n": {"N": str(number)}, **more})

    def map(self, arn: str, name: str = "f", **more) -> dict:
        return self.functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **more)

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def bodies(self) -> list[list[str]]:
        return [[record["body"] for record in event["Records"]] for event in self.events()]

    def left(self, url: str) -> int:
        shown = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(shown["ApproximateNumberOfMessages"]) + int(shown["ApproximateNumberOfMessagesNotVisible"])
