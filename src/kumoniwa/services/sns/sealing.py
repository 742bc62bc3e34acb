"""Topics whose messages are encrypted under a key of KMS while they wait for their delivery.

What is said (text, subject, attributes) is sealed with a data key for which whoever publishes asks KMS in his own name, and again after
five minutes. A delivery opens it, in the publisher's name still. Who and where, ids and times are not encrypted, as on AWS.
https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.gate.key_chain import Chain, told_as
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.sns.message import Message, Sealed
from kumoniwa.services.sns.topic import Topic

KEPT_S = 24 * 86_400.0
"""No delivery is tried for longer."""
_in_words_of_sns = partial(told_as, {
    "KMSInvalidStateException": "KMSInvalidStateException", "DisabledException": "KMSDisabledException",
    "AccessDeniedException": "KMSAccessDeniedException",
    "NotFoundException": "KMSNotFoundException", "ThrottlingException": "KMSThrottlingException",
})  # fmt: skip
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


def _chain(topic_id: str = "", key: str = "", **context: str) -> Chain:
    return Chain(topic_id, key, context, _in_words_of_sns, is_proven=True, kept_s=KEPT_S)


def shut(call: Call, topic: Topic, message: Message) -> Message:
    """The message as it may wait. Raises Shut until there is a data key to seal with."""
    chain = _chain(topic.id, topic.master_key, **{"aws:sns:topicArn": call.arn(topic.name)})
    key_id, body = chain.seal(call, _encode((message.text, message.subject, message.attributes)))
    sealed = Sealed(key_id, msgspec.to_builtins(call.principal), body)
    return msgspec.structs.replace(message, text="", subject=None, attributes={}, sealed=sealed)


async def opened(call: Call, message: Message) -> Message:
    """The message as it was published. Raises what KMS answers."""
    if message.sealed is None:
        return message
    key_id, publisher = message.sealed.key_id, call.home.call("sns", call.account, msgspec.convert(message.sealed.publisher, Principal))
    secret = await _chain().open(publisher, key_id)
    said: Any = _decode(cipher.unseal(secret, message.sealed.body, key_id.encode()))
    return msgspec.structs.replace(message, text=said[0], subject=said[1], attributes=said[2], sealed=None)
