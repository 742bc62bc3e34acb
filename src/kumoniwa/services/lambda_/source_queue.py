"""Reading a queue for a function: messages are received, given to it in batches, and deleted when it has taken them.

What the function does not take stays in the queue and shows again after the queue's visibility timeout; how often, and where it
goes then, is the queue's redrive policy. So nothing is kept here, and a kill loses nothing.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import math
import sys
import traceback
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.lambda_.errors import TooManyRequestsException
from kumoniwa.services.lambda_.source import Mapping, queue_url
from kumoniwa.services.lambda_.source_filter import passes
from kumoniwa.services.lambda_.source_invocation import batches, failed_items, function_of, invoke

RECEIVE_MAX = 10
LONG_POLL_S = 20
BATCHES_FIRST = 5
BATCHES_MORE = 300
"""A minute. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
BATCHES_MAX = 1_250
PAYLOAD_BYTES_MAX = 6 << 20
RETRY_S_MAX = 60.0


class QueueReader:
    """One mapping of a queue. ``run`` ends when it is cancelled; batches that are under way end by themselves."""

    def __init__(self, call: Call, uuid: str) -> None:
        self.call, self.uuid = call, uuid
        self.is_idle, self.is_stopping = True, False
        self.in_flight = 0
        self.at_once = BATCHES_FIRST
        self.raised_at = call.now()
        self.failures = 0
        self.said = ""
        """The trouble that was told last."""

    @property
    def key(self) -> tuple[str, ...]:
        return ("lambda", "source", self.call.account, self.uuid)

    async def run(self) -> None:
        call = self.call
        while (mapping := call.shelf(Mapping).get(self.uuid)) is not None:
            if self.in_flight >= self._room(mapping):
                await call.home.wait(self.key, call.now() + RETRY_S_MAX)
                continue
            try:
                version, role = function_of(call, mapping)
                received = await self._gather(role, mapping)
                self.failures = 0
            except AwsError as error:
                self.failures += 1
                self._say(mapping, error)
                await call.home.wait(self.key, call.now() + min(RETRY_S_MAX, 2.0**self.failures))
                continue
            for batch in batches(received, mapping.batch_size):
                self.in_flight += 1
                call.home.spawn(self._answer(mapping, batch))

    def _say(self, mapping: Mapping, error: AwsError) -> None:
        """Whoever runs the cloud hears of trouble, once."""
        said = f"kumoniwa: {mapping.source} for {mapping.function}: {error.code}: {error.text}"
        if said != self.said:
            print(said, file=sys.stderr)
        self.said = said

    def _room(self, mapping: Mapping) -> int:
        """How many batches may be under way: a few at first, more each minute in which that was not enough, fewer when they fail."""
        if self.in_flight >= self.at_once and self.call.now() >= self.raised_at + 60.0:
            self.at_once, self.raised_at = min(self.at_once + BATCHES_MORE, BATCHES_MAX), self.call.now()
        return min(self.at_once, mapping.concurrency_max or BATCHES_MAX)

    # Receiving --------------------------------------------------------------------------------

    async def _gather(self, role: Call, mapping: Mapping) -> list[dict[str, Any]]:
        """What the next invocation is made of, as records of its event."""
        records = await self._receive(role, mapping, min(RECEIVE_MAX, mapping.batch_size), LONG_POLL_S)
        if not mapping.window_s:
            return records
        until = self.call.now() + mapping.window_s
        size = sum(len(record["body"]) for record in records)
        while records and len(records) < mapping.batch_size and size < PAYLOAD_BYTES_MAX and self.call.now() < until:
            wait_s = min(LONG_POLL_S, math.ceil(until - self.call.now()))
            more = await self._receive(role, mapping, min(RECEIVE_MAX, mapping.batch_size - len(records)), wait_s)
            size += sum(len(record["body"]) for record in more)
            records += more
        return records

    async def _receive(self, role: Call, mapping: Mapping, most: int, wait_s: int) -> list[dict[str, Any]]:
        reply = await role.ask(
            "sqs:ReceiveMessage", to_region=role.region, QueueUrl=queue_url(mapping.source), MaxNumberOfMessages=most,
            WaitTimeSeconds=wait_s, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        records = [_record(self.call, mapping, message) for message in reply.get("Messages", ())]
        if not mapping.filters:
            return records
        # What no filter wants is gone: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        unwanted = [record for record in records if not passes(mapping.filters, record)]
        await self._delete(role, mapping, unwanted)
        return [record for record in records if record not in unwanted]

    # Answering --------------------------------------------------------------------------------

    async def _answer(self, mapping: Mapping, records: list[dict[str, Any]]) -> None:
        """Give one batch to the function, and delete what it took."""
        try:
            version, role = function_of(self.call, mapping)
            trace = records[0]["attributes"].get("AWSTraceHeader", "")
            outcome = await self._invoke(role, mapping, version, records, trace)
            failed = {record["messageId"] for record in records}
            if outcome is not None and outcome.function_error is None:
                said = failed_items(outcome.payload, failed) if mapping.response_types else set()
                failed = failed if said is None else said
            if failed:
                self.at_once = max(1, self.at_once // 2)
            await self._delete(role, mapping, [record for record in records if record["messageId"] not in failed])
        except AwsError as error:
            self._say(mapping, error)
        except Exception:
            traceback.print_exc()
        finally:
            self.in_flight -= 1
            self.call.home.wake(self.key)

    async def _invoke(self, role: Call, mapping: Mapping, version, records: list[dict[str, Any]], trace: str):
        """While there is no room for the function, its messages wait hidden, as long as they are hidden; then they wait in the queue."""
        until, after_s = None, 1.0
        while True:
            try:
                return (await invoke(self.call, mapping, version, {"Records": records}, trace))[1]
            except TooManyRequestsException:
                self.at_once = max(1, self.at_once // 2)
                if until is None:
                    until = self.call.now() + await self._visibility_s(role, mapping)
            if self.call.now() + after_s >= until:
                return None
            await self.call.home.wait(("lambda", "throttled", self.uuid), self.call.now() + after_s)
            after_s *= 2

    async def _visibility_s(self, role: Call, mapping: Mapping) -> int:
        queue = await role.ask(
            "sqs:GetQueueAttributes", QueueUrl=queue_url(mapping.source), AttributeNames=["VisibilityTimeout"]
        )
        return int(queue["Attributes"]["VisibilityTimeout"])

    async def _delete(self, role: Call, mapping: Mapping, records: list[dict[str, Any]]) -> None:
        for start in range(0, len(records), RECEIVE_MAX):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[start : start + RECEIVE_MAX])
            ]
            await role.ask("sqs:DeleteMessageBatch", QueueUrl=queue_url(mapping.source), Entries=entries)


def _record(call: Call, mapping: Mapping, message: dict[str, Any]) -> dict[str, Any]:
    """Recorded: test_sqs_event_source_mapping, test_message_body_and_attributes_passed_correctly. Batches of a window name the digest of
    attributes also where there are none."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
    }
    if mapping.window_s or "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    return record | {
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.source,
        "awsRegion": call.region,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        found["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return found | {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
