"""What queues measure of themselves, and how full they are at the end of each minute while they are used.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.services.sqs import message
from kumoniwa.services.sqs.queue import Queue

SPACE = "AWS/SQS"
ACTIVE_S = 6 * 3_600
"""For so long a queue that nobody uses goes on to be measured."""


class Active:
    """When each queue was last used, in this life of the region."""

    def __init__(self) -> None:
        self.queues: dict[str, float] = {}


def used(call: Call, queue: Queue) -> None:
    """A queue is active for a while after any action accessed it (sqs-available-cloudwatch-metrics.html)."""
    active = call.memory(Active).queues
    if queue.id not in active:
        call.home.meter.gauge(("sqs", queue.id), partial(_measure, call.home.call("sqs", call.account, call.principal), queue.name, queue.id))
    active[queue.id] = call.now()


def sent(call: Call, queue: Queue, size: int) -> None:
    used(call, queue)
    call.measure(SPACE, "NumberOfMessagesSent", "QueueName", queue.name)
    call.measure(SPACE, "SentMessageSize", "QueueName", queue.name, value=size, unit="Bytes")


def received(call: Call, queue: Queue, count: int) -> None:
    used(call, queue)
    if count:
        call.measure(SPACE, "NumberOfMessagesReceived", "QueueName", queue.name, value=count)
    else:
        call.measure(SPACE, "NumberOfEmptyReceives", "QueueName", queue.name)


def deleted(call: Call, queue: Queue) -> None:
    call.measure(SPACE, "NumberOfMessagesDeleted", "QueueName", queue.name)


def _measure(call: Call, name: str, queue_id: str) -> None:
    queue, active = call.shelf(Queue).get(name), call.memory(Active).queues
    if queue is None or queue.id != queue_id or call.now() - active.get(queue_id, 0.0) > ACTIVE_S:
        active.pop(queue_id, None)
        call.home.meter.gauge(("sqs", queue_id), None)
        return
    visible, in_flight, delayed = message.counts(call, queue)
    for what, value in (("Visible", visible), ("NotVisible", in_flight), ("Delayed", delayed)):
        call.measure(SPACE, f"ApproximateNumberOfMessages{what}", "QueueName", name, value=value)
    oldest = message.oldest(call, queue)
    call.measure(SPACE, "ApproximateAgeOfOldestMessage", "QueueName", name, value=0.0 if oldest is None else call.now() - oldest, unit="Seconds")
