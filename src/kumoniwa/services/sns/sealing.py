"""Topics whose messages are encrypted under a key of KMS while they wait for their delivery.

What is said (text, subject, attributes) is sealed with a data key for which whoever publishes asks KMS in his own name, and again after
five minutes. A delivery opens it, in the publisher's name still. Who and where, ids and times are not encrypted, as on AWS.
https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import DataKey, Ring
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record
from kumoniwa.services.sns.message import Message, Sealed
from kumoniwa.services.sns.topic import Topic

T = TypeVar("T")

REUSED_S = 300.0
KEPT_S = 24 * 86_400.0
"""No delivery is tried for longer."""


class TopicKey(Record):
    """A data key that messages are sealed with; shelved by its id."""

    id: str
    topic: str
    master: str
    """As the topic named it then."""
    data_key: DataKey
    made: float


_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


def _current(call: Call, topic: Topic) -> TopicKey | None:
    """The data key that this caller may go on sealing with."""
    ring, since = call.memory(Ring), call.now() - REUSED_S
    for key in call.shelf(TopicKey).values():
        if key.topic == topic.id and key.master == topic.master_key and key.made > since and ring.held(call, key.data_key) is not None:
            return key
    return None


async def sealing(call: Call, topic: Topic, publish: Callable[[], T]) -> T:
    """Publish, atomically, when there is a data key to seal with."""
    if _current(call, topic) is None:
        with _in_words_of_sns():
            data_key, secret = await data_keys.fresh(call, topic.master_key, {"aws:sns:topicArn": call.arn(topic.name)})
            # A publisher needs kms:Decrypt, too: the key is proven before it is used.
            await data_keys.opened(call, data_key)
        call.memory(Ring).keep(call, data_key, secret, REUSED_S)
        call.atomically(lambda: _keep(call, topic, data_key))
    return call.atomically(publish)


def _keep(call: Call, topic: Topic, data_key: DataKey) -> None:
    shelf, now = call.shelf(TopicKey), call.now()
    for old in [key for key in shelf.values() if key.made < now - KEPT_S]:
        del shelf[old.id]
    key = TopicKey(id=call.new_id(), topic=topic.id, master=topic.master_key, data_key=data_key, made=now)
    shelf[key.id] = key


def shut(call: Call, topic: Topic, message: Message) -> Message:
    """The message as it may wait. Only within ``sealing``."""
    key = _current(call, topic)
    said = _encode((message.text, message.subject, message.attributes))
    secret = call.memory(Ring).held(call, key.data_key)
    sealed = Sealed(key.id, msgspec.to_builtins(call.principal), cipher.seal(secret, said, key.id.encode()))
    return msgspec.structs.replace(message, text="", subject=None, attributes={}, sealed=sealed)


async def opened(call: Call, message: Message) -> Message:
    """The message as it was published. Raises what KMS answers."""
    if message.sealed is None:
        return message
    publisher = call.home.call("sns", call.account, msgspec.convert(message.sealed.publisher, Principal))
    key = call.shelf(TopicKey)[message.sealed.key_id]
    ring = call.memory(Ring)
    secret = ring.held(publisher, key.data_key)
    if secret is None:
        with _in_words_of_sns():
            secret = await data_keys.opened(publisher, key.data_key)
        ring.keep(publisher, key.data_key, secret, REUSED_S)
    said: Any = _decode(cipher.unseal(secret, message.sealed.body, key.id.encode()))
    return msgspec.structs.replace(message, text=said[0], subject=said[1], attributes=said[2], sealed=None)


@contextmanager
def _in_words_of_sns() -> Iterator[None]:
    """KMS's refusals as SNS's model names them."""
    try:
        yield
    except AwsError as error:
        name = error.code.removesuffix("Exception").removeprefix("KMS")
        if name not in ("InvalidState", "Disabled", "AccessDenied", "NotFound", "Throttling"):
            raise
        code = f"KMS{name}Exception"
        raise type(code, (AwsError,), {"code": code})(error.text, hint=error.hint) from None
