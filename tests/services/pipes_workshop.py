"""Pipes for tests: sources, targets, pipes between them, and what arrived."""

from __future__ import annotations

import json

from lambda_workshop import ACCOUNT, make, put_role, settle

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole"}})
LATE = {"StartingPosition": "TRIM_HORIZON"}


class Plumber:
    def __init__(self, cloud, folder) -> None:
        cloud.region()
        self.cloud, self.log = cloud, folder / "log"
        self.pipes, self.sqs, self.kinesis = cloud.client("pipes"), cloud.client("sqs"), cloud.client("kinesis")

    def queue(self, name: str, **attributes: str) -> str:
        self.sqs.create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def send(self, name: str, *bodies: str, **more) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url(name), MessageBody=body, **more)

    def url(self, name: str) -> str:
        return self.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def stream(self, name: str = "s", shards: int = 1) -> str:
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"

    def record(self, data: bytes, key: str = "k", name: str = "s") -> None:
        self.kinesis.put_record(StreamName=name, Data=data, PartitionKey=key)

    def pipe(self, source: str, target: str, name: str = "p", actions: tuple[str, ...] = ("*",), **more) -> dict:
        put_role(self.cloud, *actions, trust=TRUST, arn=ROLE)
        made = self.pipes.create_pipe(Name=name, Source=source, Target=target, RoleArn=ROLE, **more)
        self.rest()
        return made

    def rest(self, seconds: float = 1.0, times: int = 3) -> None:
        for _ in range(times):
            self.cloud.sleep(seconds)
            if "lambda" in self.cloud.region().engines:
                settle(self.cloud)

    def state(self, name: str = "p") -> tuple[str, str]:
        shown = self.pipes.describe_pipe(Name=name)
        return shown["CurrentState"], shown.get("StateReason", "")

    def arrived(self, name: str = "out") -> list[str]:
        found = []
        while got := self.sqs.receive_message(QueueUrl=self.url(name), MaxNumberOfMessages=10).get("Messages", []):
            for message in got:
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.url(name), ReceiptHandle=message["ReceiptHandle"])
        return found

    def left(self, name: str) -> int:
        shown = self.sqs.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=["All"])["Attributes"]
        return int(shown["ApproximateNumberOfMessages"]) + int(shown["ApproximateNumberOfMessagesNotVisible"])

    def function(self, source: str, name: str = "f") -> str:
        put_role(self.cloud, "logs:*")
        make(self.cloud, source, name, Role=f"arn:aws:iam::{ACCOUNT}:role/function", Environment={"Variables": {"LOG": str(self.log)}})
        return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"

    def events(self) -> list:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
