"""What AWS bills for queues: each request, and each 64 KB of a payload as one more.

A batch of ten is one request if its payload is small; what services ask of a queue, such as a function's event source, is billed, too.
https://aws.amazon.com/sqs/pricing/
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use, chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.sqs.message import size_of


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use]:
    name = (params.get("QueueUrl") or result.get("QueueUrl") or params.get("QueueName") or "").rpartition("/")[2]
    usage = "sqs:fifo_requests" if name.endswith(".fifo") else "sqs:standard_requests"
    size = sum(size_of(sent["MessageBody"], sent.get("MessageAttributes")) for sent in (params, *params.get("Entries", ())) if "MessageBody" in sent)
    size += sum(size_of(message["Body"], message.get("MessageAttributes")) for message in result.get("Messages", ()))
    return [(usage, name, chunks(size))]
