"""What injected faults do to a queue, within what SQS promises: late, twice or out of order where that may happen, lost never.

A standard queue delivers at least once and in its best order; a FIFO queue promises more, so it can only be late or meet consumers
that die (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html).
"""

from __future__ import annotations

from kumoniwa.gate.faults import Severed
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.fault import Fault
from kumoniwa.services.sqs.queue import Queue


def _hit(call: Call, queue: Queue, kind: str) -> Fault | None:
    return call.home.faults.hit(kind, queue=(queue.name, call.arn(queue.name)))


def delayed_until(call: Call, queue: Queue, visible_at: float) -> float:
    fault = _hit(call, queue, "queue.delay")
    return visible_at + fault.params["seconds"] if fault is not None else visible_at


def copies(call: Call, queue: Queue) -> int:
    """How often a message that was sent once lies in the queue."""
    return 2 if not queue.is_fifo and _hit(call, queue, "queue.duplicate") is not None else 1


def window(call: Call, queue: Queue) -> int:
    """Among how many of the messages that are due a standard queue picks by chance; 0 is its usual order."""
    fault = _hit(call, queue, "queue.reorder")
    return int(fault.params["window"]) if fault is not None else 0


def is_consumer_dead(call: Call, queue: Queue) -> bool:
    return _hit(call, queue, "queue.consumer-crash") is not None


async def died() -> dict:
    """Whoever received is no more: what it received stays in flight until its visibility ends."""
    raise Severed
