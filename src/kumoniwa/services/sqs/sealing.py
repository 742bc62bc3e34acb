"""Queues whose messages are encrypted under a key of KMS.

A body is sealed with a data key, and stays so wherever the message goes, also to a dead-letter queue. Who sends or receives asks KMS for
the data key in his own name, and again when the queue's reuse period is over. What SQS knows of a message (ids, attributes, times) is not
encrypted, as on AWS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.gate.key_chain import Chain, told_as
from kumoniwa.kernel.call import Call
from kumoniwa.services.sqs.queue import RANGES, Queue

KEPT_S = RANGES["MessageRetentionPeriod"][1] + 60.0
"""No message is older."""
_in_words_of_sqs = partial(told_as, {
    "KMSInvalidStateException": "KmsInvalidState", "DisabledException": "KmsDisabled", "AccessDeniedException": "KmsAccessDenied",
    "NotFoundException": "KmsNotFound", "InvalidKeyUsageException": "KmsInvalidKeyUsage",
})  # fmt: skip


def _chain(call: Call, queue: Queue) -> Chain:
    reused_s = queue.seconds("KmsDataKeyReusePeriodSeconds")
    return Chain(
        queue.id, queue.master_key, {"aws:sqs:arn": call.arn(queue.name)}, _in_words_of_sqs, reused_s, is_proven=True, kept_s=KEPT_S
    )


def sealed(call: Call, queue: Queue, body: str) -> tuple[str, bytes]:
    """The id of the data key, and the body under it. Raises Shut until there is a data key to seal with."""
    return _chain(call, queue).seal(call, body.encode())


def opened(call: Call, queue: Queue, key_id: str, body: bytes) -> str:
    """Raises Shut until its data key is open for this caller."""
    return _chain(call, queue).unseal(call, key_id, body).decode()
