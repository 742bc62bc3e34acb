"""Queues whose messages are encrypted under a key of KMS.

A body is sealed with a data key, and stays so wherever the message goes, also to a dead-letter queue. Who sends or receives asks KMS for
the data key in his own name, and again when the queue's reuse period is over. What SQS knows of a message (ids, attributes, times) is not
encrypted, as on AWS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import DataKey, Ring
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.sqs.queue import RANGES, Queue

T = TypeVar("T")

KEPT_S = RANGES["MessageRetentionPeriod"][1] + 60.0
"""No message is older."""


class QueueKey(Record):
    """A data key that messages are sealed with; shelved by its id."""

    id: str
    queue: str
    master: str
    """As the queue named it then."""
    data_key: DataKey
    made: float


class Locked(Exception):
    """A message needs a data key that is not open for this caller."""

    def __init__(self, key: QueueKey) -> None:
        super().__init__(key.id)
        self.key = key


def _current(call: Call, queue: Queue) -> QueueKey | None:
    """The data key that this caller may go on sealing with."""
    ring, since = call.memory(Ring), call.now() - queue.seconds("KmsDataKeyReusePeriodSeconds")
    for key in call.shelf(QueueKey).values():
        if key.queue == queue.id and key.master == queue.master_key and key.made > since and ring.held(call, key.data_key) is not None:
            return key
    return None


async def sealing(call: Call, queue: Queue, send: Callable[[], T]) -> T:
    """Send, atomically, when there is a data key to seal with."""
    if _current(call, queue) is None:
        with _in_words_of_sqs():
            data_key, secret = await data_keys.fresh(call, queue.master_key, {"aws:sqs:arn": call.arn(queue.name)})
            # Whoever sends must be able to read: SQS proves the key before it uses it.
            await data_keys.opened(call, data_key)
        call.memory(Ring).keep(call, data_key, secret, queue.seconds("KmsDataKeyReusePeriodSeconds"))
        call.atomically(lambda: _keep(call, queue, data_key))
    return call.atomically(send)


def _keep(call: Call, queue: Queue, data_key: DataKey) -> None:
    shelf, now = call.shelf(QueueKey), call.now()
    for old in [key for key in shelf.values() if key.made < now - KEPT_S]:
        del shelf[old.id]
    key = QueueKey(id=call.new_id(), queue=queue.id, master=queue.master_key, data_key=data_key, made=now)
    shelf[key.id] = key


async def opening(call: Call, queue: Queue, receive: Callable[[], T]) -> T:
    """Receive, atomically, opening what is locked until nothing is."""
    while True:
        try:
            return call.atomically(receive)
        except Locked as locked:
            with _in_words_of_sqs():
                secret = await data_keys.opened(call, locked.key.data_key)
            reuse_s = queue.seconds("KmsDataKeyReusePeriodSeconds")
            call.memory(Ring).keep(call, locked.key.data_key, secret, reuse_s)


def sealed(call: Call, queue: Queue, body: str) -> tuple[str, bytes]:
    """The id of the data key, and the body under it. Only within ``sealing``."""
    key = _current(call, queue)
    return key.id, cipher.seal(call.memory(Ring).held(call, key.data_key), body.encode(), key.id.encode())


def opened(call: Call, key_id: str, body: bytes) -> str:
    """Raises Locked if its data key is not open for this caller."""
    key = call.shelf(QueueKey)[key_id]
    secret = call.memory(Ring).held(call, key.data_key)
    if secret is None:
        raise Locked(key)
    return cipher.unseal(secret, body, key_id.encode()).decode()


@contextmanager
def _in_words_of_sqs() -> Iterator[None]:
    """KMS's refusals as SQS's model names them."""
    try:
        yield
    except AwsError as error:
        name = error.code.removesuffix("Exception").removeprefix("KMS")
        code = {"InvalidState": "KmsInvalidState", "Disabled": "KmsDisabled", "AccessDenied": "KmsAccessDenied", "NotFound": "KmsNotFound",
                "InvalidKeyUsage": "KmsInvalidKeyUsage"}.get(name)  # fmt: skip
        if code is None:
            raise
        raise type(code, (AwsError,), {"code": code, "status": 400})(error.text, hint=error.hint) from None
