"""Messages to a standard queue and, in order, to groups of a FIFO queue."""

import time

from worker import REGION, Plain, Worker


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
            "AmazonSQS.ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=2, WaitTimeSeconds=1,
        )  # fmt: skip
        for message in reply.get("Messages", ()):
            assert message["Body"] not in self.deleted, f"{message['Body']} came back"
            self.seen.add(message["Body"])
            if self.random.random() < 0.5:
                self.call("AmazonSQS.DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
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


def begin(cloud) -> list[Worker]:
    sqs = cloud.client("sqs", REGION)
    sqs.create_queue(QueueName="standard")
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})
    return [Sender(cloud, 1), Sender(cloud, 2), Receiver(cloud, 3), FifoSender(cloud, 4), FifoSender(cloud, 5)]


def check(cloud, workers: list[Worker]) -> None:
    left, groups = _drained(cloud)
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
            numbers, row = groups.get(f"g{worker.number}", []), list(range(worker.next + 1))
            assert numbers in (row[:-1], row), "order, loss or a duplicate"


def _drained(cloud) -> tuple[list[str], dict[str, list[int]]]:
    """Everything that is left: the standard queue's bodies, and each group's numbers in order."""
    call, left, groups = Plain(cloud), [], {}
    standard, ordered = (
        f"http://127.0.0.1:{cloud.port}/000000000000/{name}" for name in ("standard", "ordered.fifo")
    )
    ends = time.monotonic() + 3  # the visibility that the receiver asked for, and a little
    while True:
        found = call(
            "AmazonSQS.ReceiveMessage", QueueUrl=standard, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=1,
        )  # fmt: skip
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
