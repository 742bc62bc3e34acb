"""Reading a queue: messages are received, given to the customer in batches, and deleted when it has taken them.

What the customer does not take stays in the queue and shows again after the queue's visibility timeout; how often, and where it
goes then, is the queue's redrive policy. So nothing is kept here, and a kill loses nothing.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import math
import sys
import traceback
from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.gate import patience
from kumoniwa.intake.customer import Customer, Taken, Wishes, batches, failed_whole
from kumoniwa.intake.filter import passes
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError

RECEIVE_MAX = 10
LONG_POLL_S = 20
BATCHES_FIRST = 5
BATCHES_MORE = 300
"""A minute. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
BATCHES_MAX = 1_250
BATCHES_OF_A_POLLER = 10
BATCHES_MORE_PROVISIONED = 1_000
"""What a provisioned poller has under way, and a minute of provisioned mode adds, by the same page."""
PAYLOAD_BYTES_MAX = 6 << 20
RETRY_S_MAX = 60.0


class QueueReader:
    """One queue for one customer. ``run`` ends when it is cancelled; batches that are under way end by themselves."""

    def __init__(self, customer: Customer) -> None:
        self.customer, self.call = customer, customer.call
        self.is_idle, self.is_stopping = True, False
        self.in_flight = 0
        self.at_once = BATCHES_FIRST
        self.raised_at = self.call.now()
        self.failures = 0
        self.said = ""
        """The trouble that was told last."""

    async def run(self) -> None:
        call, customer = self.call, self.customer
        while (wishes := customer.wishes()) is not None:
            if self.in_flight >= self._room(wishes):
                await call.home.wait(customer.key, call.now() + RETRY_S_MAX)
                continue
            try:
                received = await self._gather(customer.reader(), wishes)
                self.failures = 0
            except AwsError as error:
                self.failures += 1
                self._say(wishes, error)
                await call.home.wait(customer.key, call.now() + min(RETRY_S_MAX, 2.0**self.failures))
                continue
            for batch in batches(received, wishes.batch_size, customer.batch_bytes_max):
                self.in_flight += 1
                call.home.spawn(self._answer(wishes, batch))

    def _say(self, wishes: Wishes, error: AwsError) -> None:
        """Whoever runs the cloud hears of trouble, once."""
        said = f"kumoniwa: {wishes.source} for {self.customer.id}: {error.code}: {error.text}"
        if said != self.said:
            print(said, file=sys.stderr)
        self.said = said

    def _room(self, wishes: Wishes) -> int:
        """How many batches may be under way: a few at first, more each minute in which that was not enough, fewer when they fail."""
        least, most, more = 1, BATCHES_MAX, BATCHES_MORE
        if wishes.pollers:
            least, most = (BATCHES_OF_A_POLLER * count for count in wishes.pollers)
            more = BATCHES_MORE_PROVISIONED
        self.at_once = max(self.at_once, least)
        if self.in_flight >= self.at_once and self.call.now() >= self.raised_at + 60.0:
            self.at_once, self.raised_at = self.at_once + more, self.call.now()
        self.at_once = min(self.at_once, most)
        return min(self.at_once, wishes.concurrency_max or most)

    # Receiving --------------------------------------------------------------------------------

    async def _gather(self, role: Call, wishes: Wishes) -> list[dict[str, Any]]:
        """What the next batches are made of, in the shape of Lambda's events. A message that shows again within the window, because it
        is hidden for less, is in them once, with the handle that it has now."""
        received = await self._receive(role, wishes, min(RECEIVE_MAX, wishes.batch_size), LONG_POLL_S)
        if not wishes.window_s:
            return received
        until = self.call.now() + wishes.window_s
        records = {record["messageId"]: record for record in received}
        size = sum(len(record["body"]) for record in received)
        while records and len(records) < wishes.batch_size and size < PAYLOAD_BYTES_MAX and self.call.now() < until:
            wait_s = min(LONG_POLL_S, math.ceil(until - self.call.now()))
            received = await self._receive(role, wishes, min(RECEIVE_MAX, wishes.batch_size - len(records)), wait_s)
            size += sum(len(record["body"]) for record in received if record["messageId"] not in records)
            records |= {record["messageId"]: record for record in received}
        return list(records.values())

    async def _receive(self, role: Call, wishes: Wishes, most: int, wait_s: int) -> list[dict[str, Any]]:
        reply = await role.ask(
            "sqs:ReceiveMessage", to_region=role.region, QueueUrl=queue_url(wishes.source), MaxNumberOfMessages=most,
            WaitTimeSeconds=wait_s, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        records = [_record(self.call, wishes, message) for message in reply.get("Messages", ())]
        self.customer.counted("Polled", len(records))
        if not wishes.filters:
            return records
        # What no filter wants is gone: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        unwanted = [record for record in records if not passes(wishes.filters, self.customer.shaped(record))]
        await self._delete(role, wishes, unwanted)
        self.customer.counted("FilteredOut", len(unwanted))
        return [record for record in records if record not in unwanted]

    # Answering --------------------------------------------------------------------------------

    async def _answer(self, wishes: Wishes, records: list[dict[str, Any]]) -> None:
        """Give one batch to the customer, and delete what it took."""
        try:
            role = self.customer.reader()
            taken = await self._take(role, wishes, records)
            if taken.failed:
                self.at_once = max(1, self.at_once // 2)
            done = [record for place, record in enumerate(records) if place not in taken.failed]
            await self._delete(role, wishes, done)
            self.customer.counted("Deleted", len(done))
        except AwsError as error:
            self._say(wishes, error)
        except Exception:
            traceback.print_exc()
        finally:
            self.in_flight -= 1
            self.call.home.wake(self.customer.key)

    async def _take(self, role: Call, wishes: Wishes, records: list[dict[str, Any]]) -> Taken:
        """While the customer has no room, its messages wait hidden, as long as they are hidden; then they wait in the queue."""
        until, after_s = None, 1.0
        while True:
            try:
                return await self.customer.take(records, {})
            except AwsError as error:
                if not patience.is_throttled(error):
                    raise
                self.at_once = max(1, self.at_once // 2)
                if until is None:
                    until = self.call.now() + await self._visibility_s(role, wishes)
            if self.call.now() + after_s >= until:
                return failed_whole(records)
            await self.call.home.wait((*self.customer.key, "throttled"), self.call.now() + after_s)
            after_s *= 2

    async def _visibility_s(self, role: Call, wishes: Wishes) -> int:
        queue = await role.ask(
            "sqs:GetQueueAttributes", QueueUrl=queue_url(wishes.source), AttributeNames=["VisibilityTimeout"]
        )
        return int(queue["Attributes"]["VisibilityTimeout"])

    async def _delete(self, role: Call, wishes: Wishes, records: list[dict[str, Any]]) -> None:
        for start in range(0, len(records), RECEIVE_MAX):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[start : start + RECEIVE_MAX])
            ]
            await role.ask("sqs:DeleteMessageBatch", QueueUrl=queue_url(wishes.source), Entries=entries)


def queue_url(source: str) -> str:
    queue = arns.parse(source)
    return endpoints.queue_url(queue.region, queue.account, queue.resource)


def _record(call: Call, wishes: Wishes, message: dict[str, Any]) -> dict[str, Any]:
    """Recorded: test_sqs_event_source_mapping, test_message_body_and_attributes_passed_correctly. Batches of a window name the digest of
    attributes also where there are none."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
    }
    if wishes.window_s or "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    return record | {
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": wishes.source,
        "awsRegion": call.region,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        found["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return found | {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
