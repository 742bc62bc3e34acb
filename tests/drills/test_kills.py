"""A region killed again and again at random moments under load: nothing acknowledged is lost, nothing is half-done.

Workers write as fast as they can and note what was acknowledged; a call whose answer never came may have happened or not.
A kill is SIGKILL through the admin door, at a random instant, and a restart on what lies on the disk.
"""

import contextlib
import http.client
import json
import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError
from cloud.conftest import Up

from kumoniwa.kernel.operation import service_names

KILLS_SHORT, KILLS_LONG = 8, 100
REGION = "us-east-1"
UNANSWERED = (BotoCoreError, http.client.HTTPException, OSError)


class Worker(threading.Thread):
    """Does one thing over and over. ``done`` counts what was acknowledged; what failed otherwise is a finding."""

    def __init__(self, cloud: Up, number: int) -> None:
        super().__init__(daemon=True)
        self.cloud, self.number, self.is_over, self.done, self.unanswered = cloud, number, False, 0, 0
        self.random, self.failures = random.Random(number), []

    def run(self) -> None:
        self.prepare()
        step = 0
        while not self.is_over:
            step += 1
            try:
                self.act(f"{self.number}-{step}")
                self.done += 1
            except UNANSWERED:
                self.unanswered += 1
            except Exception as error:
                self.failures.append(repr(error))
                return

    def client(self, service: str):
        return self.cloud.client(service, REGION, read_timeout=2)

    def prepare(self) -> None: ...

    def act(self, name: str) -> None: ...

    def verify(self) -> None: ...


class Plain:
    """JSON calls over one plain connection: many times faster than a full client, so that a kill meets more of them."""

    def __init__(self, cloud: Up) -> None:
        self.cloud, self.connection = cloud, None

    def __call__(self, target: str, **params) -> dict:
        signing = "sqs" if target.startswith("AmazonSQS") else "dynamodb"
        headers = {
            "X-Amz-Target": target,
            "X-Amz-Date": "20300101T000000Z",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20300101/{REGION}/{signing}/aws4_request, SignedHeaders=host, Signature=0",
        }
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=2)
            self.connection.request("POST", "/", json.dumps(params), headers)
            reply = self.connection.getresponse()
            body = json.loads(reply.read() or b"{}")
        except UNANSWERED:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            raise
        assert reply.status == 200, (target, reply.status, body)
        return body


class Sender(Worker):
    """Sends to a standard queue, one by one and in batches."""

    def prepare(self) -> None:
        self.call, self.sent, self.perhaps = Plain(self.cloud), set(), set()
        self.url = f"http://127.0.0.1:{self.cloud.port}/000000000000/standard"

    def act(self, name: str) -> None:
        names = [f"{name}.{n}" for n in range(self.random.choice((1, 10)))]
        self.perhaps |= set(names)
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(names)]
        reply = self.call("AmazonSQS.SendMessageBatch", QueueUrl=self.url, Entries=entries)
        assert len(reply["Successful"]) == len(names)
        self.sent |= set(names)


class Receiver(Worker):
    """Receives and deletes. A message whose delete was acknowledged must never be seen again."""

    def prepare(self) -> None:
        self.call, self.seen, self.deleted = Plain(self.cloud), set(), set()
        self.url = f"http://127.0.0.1:{self.cloud.port}/000000000000/standard"

    def act(self, name: str) -> None:
        reply = self.call(
            "AmazonSQS.ReceiveMessage",
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=2,
            WaitTimeSeconds=1,
        )
        for message in reply.get("Messages", ()):
            assert message["Body"] not in self.deleted, f"{message['Body']} came back"
            self.seen.add(message["Body"])
            if self.random.random() < 0.5:
                self.call(
                    "AmazonSQS.DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
                self.deleted.add(message["Body"])


class FifoSender(Worker):
    """Sends a row of numbers to a group; a send that was not answered is sent again under the same deduplication id."""

    def prepare(self) -> None:
        self.call, self.next = Plain(self.cloud), 0
        self.url = f"http://127.0.0.1:{self.cloud.port}/000000000000/ordered.fifo"

    def act(self, name: str) -> None:
        group = f"g{self.number}"
        self.call(
            "AmazonSQS.SendMessage", QueueUrl=self.url, MessageBody=str(self.next), MessageGroupId=group,
            MessageDeduplicationId=f"{group}-{self.next}",
        )  # fmt: skip
        self.next += 1


class Transactor(Worker):
    """Writes the same number to two items in one transaction, and to a third one alone."""

    def prepare(self) -> None:
        self.call, self.paired, self.alone = Plain(self.cloud), 0, 0

    def act(self, name: str) -> None:
        n = self.paired + 1

        def put(key: str, n: int) -> dict:
            return {"TableName": "pairs", "Item": {"k": {"S": f"{key}{self.number}"}, "n": {"N": str(n)}}}

        self.call(
            "DynamoDB_20120810.TransactWriteItems",
            TransactItems=[{"Put": put("left", n)}, {"Put": put("right", n)}],
        )
        self.paired = n
        self.call("DynamoDB_20120810.PutItem", **put("alone", self.alone + 1))
        self.alone += 1

    def verify(self) -> None:
        def number(key: str) -> int:
            item = self.call(
                "DynamoDB_20120810.GetItem",
                TableName="pairs",
                Key={"k": {"S": f"{key}{self.number}"}},
                ConsistentRead=True,
            )
            return int(item["Item"]["n"]["N"]) if "Item" in item else 0

        left, right = number("left"), number("right")
        assert left == right, f"half a transaction: {left} and {right}"
        assert left in (self.paired, self.paired + 1)
        assert number("alone") in (self.alone, self.alone + 1)


class Storer(Worker):
    """Puts objects of all sizes and overwrites one; reads back whole what was acknowledged."""

    def prepare(self) -> None:
        self.s3, self.stored, self.version = self.client("s3"), {}, 0

    @staticmethod
    def body(name: str, size: int) -> bytes:
        return (name.encode() + b"|") * (size // (len(name) + 1) + 1)

    def act(self, name: str) -> None:
        size = self.random.choice((0, 10, 5_000, 300_000, 2_000_000))
        self.s3.put_object(Bucket="things", Key=name, Body=self.body(name, size))
        self.stored[name] = size
        self.s3.put_object(
            Bucket="things", Key=f"over{self.number}", Body=self.body(str(self.version + 1), 100_000)
        )
        self.version += 1

    def verify(self) -> None:
        for name, size in self.stored.items():
            assert self.s3.get_object(Bucket="things", Key=name)["Body"].read() == self.body(name, size), name
        with contextlib.suppress(self.s3.exceptions.NoSuchKey):
            found = self.s3.get_object(Bucket="things", Key=f"over{self.number}")["Body"].read()
            assert found in (self.body(str(self.version), 100_000), self.body(str(self.version + 1), 100_000))


def prepare(cloud: Up) -> list[Worker]:
    sqs = cloud.client("sqs", REGION)
    sqs.create_queue(QueueName="standard")
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})
    workers: list[Worker] = [
        Sender(cloud, 1),
        Sender(cloud, 2),
        Receiver(cloud, 3),
        FifoSender(cloud, 4),
        FifoSender(cloud, 5),
    ]
    if "dynamodb" in service_names():
        cloud.client("dynamodb", REGION).create_table(
            TableName="pairs", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        )  # fmt: skip
        workers.append(Transactor(cloud, 6))
    if "s3" in service_names():
        cloud.client("s3", REGION).create_bucket(Bucket="things")
        workers.append(Storer(cloud, 7))
    return workers


def drain(cloud: Up) -> tuple[list[str], dict[str, list[int]]]:
    """Everything that is left: the standard queue's bodies, and each group's numbers in order."""
    call, left, groups = Plain(cloud), [], {}
    standard, ordered = (
        f"http://127.0.0.1:{cloud.port}/000000000000/{name}" for name in ("standard", "ordered.fifo")
    )
    ends = time.monotonic() + 3  # the visibility that the receiver asked for, and a little
    while True:
        found = call(
            "AmazonSQS.ReceiveMessage",
            QueueUrl=standard,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            WaitTimeSeconds=1,
        )
        if not found.get("Messages") and time.monotonic() > ends:
            break
        left += [message["Body"] for message in found.get("Messages", ())]
    while found := call(
        "AmazonSQS.ReceiveMessage", QueueUrl=ordered, MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        for message in found:
            groups.setdefault(message["Attributes"]["MessageGroupId"], []).append(int(message["Body"]))
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
        call("AmazonSQS.DeleteMessageBatch", QueueUrl=ordered, Entries=entries)
    return left, groups


def drill(folder: str, kills: int, seed: int) -> None:
    cloud, chance = Up("--data", folder), random.Random(seed)
    try:
        workers = prepare(cloud)
        for worker in workers:
            worker.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 0.3))
            cloud.region(REGION, "kill")
            cloud.region(REGION, "restart")
        time.sleep(0.2)
        for worker in workers:
            worker.is_over = True
        for worker in workers:
            worker.join(30)
        findings = [failure for worker in workers for failure in worker.failures]
        assert not findings, findings
        assert all(worker.done > kills for worker in workers), {type(w).__name__: w.done for w in workers}
        assert sum(worker.unanswered for worker in workers) >= kills / 2, "no kill met a call"
        for worker in workers:
            worker.verify()
        left, groups = drain(cloud)
        senders = [worker for worker in workers if isinstance(worker, Sender)]
        (receiver,) = [worker for worker in workers if isinstance(worker, Receiver)]
        sent = set().union(*(worker.sent for worker in senders))
        perhaps = set().union(*(worker.perhaps for worker in senders))
        lost = sent - set(left) - receiver.seen
        assert not lost, f"{len(lost)} acknowledged messages are gone: {sorted(lost)[:5]}"
        assert set(left) <= perhaps
        assert not set(left) & receiver.deleted, "a delete was acknowledged and the message came back"
        assert len(left) == len(set(left))
        for worker in workers:
            if isinstance(worker, FifoSender):
                numbers = groups.get(f"g{worker.number}", [])
                assert numbers in (list(range(worker.next)), list(range(worker.next + 1))), (
                    "order, loss or a duplicate"
                )
    finally:
        cloud.stop()
    assert "Traceback" not in cloud.said, cloud.said


def test_a_few_kills_under_load_lose_nothing(tmp_path):
    drill(str(tmp_path), KILLS_SHORT, seed=1)


@pytest.mark.slow
def test_a_hundred_kills_under_load_lose_nothing(tmp_path):
    kills = int(os.environ.get("KUMONIWA_KILLS", KILLS_LONG))
    drill(str(tmp_path), kills, seed=random.randrange(1 << 30))
