"""What a topic took reaches a table, through a queue and a function, however often the region is killed: none is lost.

Publishers note what was acknowledged; the region is killed at random moments while they publish and while the function works.
"""

import json
import os
import random
import time

import pytest
from cloud.conftest import Up
from load_lambda import RUNTIME, zipped
from worker import REGION, Worker, in_the_end

MESSAGES_SHORT, MESSAGES_LONG = 400, 10_000
KILLS_SHORT, KILLS_LONG = 3, 10
PUBLISHERS, BATCH = 4, 10
LAST_S_MAX = 900
NOTING = """
    import boto3, json
    table = boto3.client("dynamodb")
    def handler(event, context):
        for record in event["Records"]:
            table.put_item(TableName="noted", Item={"id": {"S": json.loads(record["body"])["Message"]}})
"""


class Publisher(Worker):
    """Publishes its share in batches; a batch that was not answered is published again, as clients do."""

    share = 0

    def prepare(self) -> None:
        self.sns, self.accepted, self.next = self.client("sns"), set(), 0

    def act(self, name: str) -> None:
        if self.next >= self.share:
            self.is_over = True
            return
        texts = [f"{self.number}-{n}" for n in range(self.next, self.next + BATCH)]
        entries = [{"Id": str(n), "Message": text} for n, text in enumerate(texts)]
        reply = self.sns.publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
        assert len(reply["Successful"]) == BATCH
        self.accepted |= set(texts)
        self.next += BATCH


TOPIC = f"arn:aws:sns:{REGION}:000000000000:notices"


def begin(cloud: Up, messages: int) -> list[Publisher]:
    iam, sqs, sns = (cloud.client(name, REGION) for name in ("iam", "sqs", "sns"))
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["logs:*", "dynamodb:*", "sqs:*"], "Resource": "*"}}
    role = iam.create_role(RoleName="noter", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="noter", PolicyName="may", PolicyDocument=json.dumps(may))
    cloud.client("dynamodb", REGION).create_table(
        TableName="noted", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    queue = f"arn:aws:sqs:{REGION}:000000000000:notices"
    let_in = {"Statement": {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue,
                            "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}}  # fmt: skip
    sqs.create_queue(QueueName="notices", Attributes={"Policy": json.dumps(let_in), "VisibilityTimeout": "10"})
    assert sns.create_topic(Name="notices")["TopicArn"] == TOPIC
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=queue)
    functions = cloud.client("lambda", REGION)
    functions.create_function(FunctionName="noter", Role=role, Runtime=RUNTIME, Handler="app.handler", Code={"ZipFile": zipped(NOTING)}, Timeout=5)
    functions.create_event_source_mapping(FunctionName="noter", EventSourceArn=queue, BatchSize=10)
    publishers = [Publisher(cloud, number) for number in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.share = messages // PUBLISHERS
    return publishers


def noted(cloud: Up) -> set[str]:
    pages = cloud.client("dynamodb", REGION, retries=3).get_paginator("scan").paginate(TableName="noted", ConsistentRead=True)
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def drill(folder: str, messages: int, kills: int, seed: int) -> None:
    cloud, chance = Up("--data", folder), random.Random(seed)
    try:
        publishers = begin(cloud, messages)
        for publisher in publishers:
            publisher.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.1, 1.5))
            cloud.region(REGION, "kill")
            cloud.region(REGION, "restart")
        for publisher in publishers:
            publisher.join(LAST_S_MAX)
        findings = [failure for publisher in publishers for failure in publisher.failures]
        assert not findings, "\n".join(findings)
        accepted = set().union(*(publisher.accepted for publisher in publishers))
        assert len(accepted) == messages
        began = time.monotonic()
        in_the_end(lambda: accepted <= noted(cloud), LAST_S_MAX)
        missing = accepted - noted(cloud)
        assert not missing, f"{len(missing)} acknowledged messages are not noted: {sorted(missing)[:5]}"
        print(f"{messages} messages, {kills} kills, seed {seed}: {sum(p.unanswered for p in publishers)} batches unanswered and published "
              f"again, all noted {time.monotonic() - began:.1f} s after the last")  # fmt: skip
    finally:
        cloud.stop()
        print(cloud.said)
    assert "Traceback" not in cloud.said, cloud.said


def test_a_few_kills_lose_no_message(tmp_path):
    drill(str(tmp_path), MESSAGES_SHORT, KILLS_SHORT, seed=1)


@pytest.mark.slow
def test_ten_kills_lose_none_of_ten_thousand_messages(tmp_path):
    drill(str(tmp_path), int(os.environ.get("KUMONIWA_MESSAGES", MESSAGES_LONG)), KILLS_LONG, seed=random.randrange(1 << 30))
