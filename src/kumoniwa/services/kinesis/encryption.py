"""Streams that are encrypted under a key of KMS: the data and the partition key of each record.

Who puts needs kms:GenerateDataKey, who gets kms:Decrypt. Records that came before, or under another key, stay as they came.
https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import Chain, told_as
from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis.errors import (
    InvalidArgumentException,
    KMSDisabledException,
    KMSInvalidStateException,
)
from kumoniwa.services.kinesis.stream import Stream, active, arn_of, named, updating

_in_words_of_kinesis = partial(
    told_as,
    {
        "AccessDeniedException": "KMSAccessDeniedException", "DisabledException": "KMSDisabledException",
        "KMSInvalidStateException": "KMSInvalidStateException", "NotFoundException": "KMSNotFoundException",
    },
)  # fmt: skip
_pack, _unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def _chain(call: Call, stream: Stream) -> Chain:
    return Chain(stream.id, stream.key, {"aws:kinesis:arn": arn_of(call, stream)}, _in_words_of_kinesis)


def prove(call: Call, stream: Stream) -> None:
    """See that there is a key to seal with, before anything is counted that the gate would not undo."""
    if stream.key:
        _chain(call, stream).current(call)


def sealed(call: Call, stream: Stream, key: str, data: bytes) -> tuple[str, bytes]:
    """The id of a data key, and a record under it."""
    return _chain(call, stream).seal(call, _pack((key, data)))


def opened(call: Call, stream: Stream, link: str, body: bytes) -> tuple[str, bytes]:
    """A record's partition key and data."""
    return tuple(_unpack(_chain(call, stream).unseal(call, link, body)))


def shown(stream: Stream) -> dict[str, Any]:
    return {"EncryptionType": "KMS", "KeyId": stream.key} if stream.key else {"EncryptionType": "NONE"}


async def StartStreamEncryption(
    call: Call, *, EncryptionType: str, KeyId: str, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    """From now on; another key may follow the one there is."""
    name = named(call, StreamName, StreamARN)
    active(call, name)
    if EncryptionType != "KMS":
        raise InvalidArgumentException("EncryptionType must be KMS to start the encryption of a stream.")
    with _in_words_of_kinesis():
        key = (await data_keys.ask_kms(call, "DescribeKey", KeyId=KeyId))["KeyMetadata"]
    if key["KeyState"] != "Enabled":
        if key["KeyState"] == "Disabled":
            raise KMSDisabledException(f"{key['Arn']} is disabled.")
        raise KMSInvalidStateException(f"{key['Arn']} is not usable: its state is {key['KeyState']}.")
    if key["KeySpec"] != "SYMMETRIC_DEFAULT" or key["KeyUsage"] != "ENCRYPT_DECRYPT":
        raise InvalidArgumentException(f"The key {key['Arn']} is no symmetric encryption key.")
    call.atomically(lambda: updating(call, active(call, name), key=KeyId, is_sealed=True))


def StopStreamEncryption(
    call: Call, *, EncryptionType: str, KeyId: str, StreamName: str | None = None, StreamARN: str | None = None
) -> None:
    """What was encrypted stays so."""
    stream = active(call, named(call, StreamName, StreamARN))
    if not stream.key:
        raise InvalidArgumentException(f"Stream {stream.name} under account {call.account} is not encrypted.")
    updating(call, stream, key="")
