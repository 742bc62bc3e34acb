"""Delivery streams whose records wait encrypted under a key of KMS.

Firehose uses the key by a grant that whoever starts the encryption gives it: who puts records needs no leave for the key. AWS's own key,
which nobody sees, is here the cloud's seal.
https://docs.aws.amazon.com/firehose/latest/dev/encryption.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import Chain
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.firehose.errors import InvalidArgumentException, InvalidKMSResourceException

OWNED, CUSTOMER = "AWS_OWNED_CMK", "CUSTOMER_MANAGED_CMK"
_GRANTED = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey", "RetireGrant"]


class Encryption(Record):
    kind: str
    key: str = ""
    """The ARN of the key; empty for AWS's own."""
    grant: str = ""


def _service(call: Call) -> Call:
    us = principals.service(f"firehose.{call.region}.amazonaws.com", call.account)
    return Call(call.home, call.account, us, "firehose", call.operation, call.request_id)


@contextmanager
def _in_words_of_firehose() -> Iterator[None]:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecord.html#API_PutRecord_Errors"""
    try:
        yield
    except AwsError as error:
        if isinstance(error, InvalidKMSResourceException) or (error.status or 400) >= 500:
            raise
        raise InvalidKMSResourceException(error.text, hint=error.hint, code=error.code) from None


def _chain(stream_id: str, key: str = "") -> Chain:
    return Chain(f"firehose {stream_id}", key, {"aws:firehose:stream": stream_id}, _in_words_of_firehose)


def prove(call: Call, stream_id: str, encryption: Encryption | None) -> None:
    """See that there is a key to seal with."""
    if encryption is not None and encryption.key:
        _chain(stream_id, encryption.key).current(_service(call))


def sealed(call: Call, stream_id: str, encryption: Encryption, data: bytes) -> tuple[str, bytes]:
    if not encryption.key:
        return OWNED, cipher.seal(call.home.settings.seal, data, b"firehose " + stream_id.encode())
    return _chain(stream_id, encryption.key).seal(_service(call), data)


def opened(call: Call, stream_id: str, link: str, data: bytes) -> bytes:
    if link == OWNED:
        return cipher.unseal(call.home.settings.seal, data, b"firehose " + stream_id.encode())
    return _chain(stream_id).unseal(_service(call), link, data)


async def made(call: Call, wanted: dict[str, Any]) -> Encryption:
    """What was wished for, once the caller has let Firehose use the key."""
    kind, key = wanted["KeyType"], wanted.get("KeyARN")
    if (kind == CUSTOMER) != bool(key):
        raise InvalidArgumentException("KeyARN is given for the KeyType CUSTOMER_MANAGED_CMK, and for that one only.")
    if not key:
        return Encryption(kind=OWNED)
    named = arns.parse(key)
    if named is not None and named.region != call.region:
        # As cdk-preflight saw it of AWS: pf-firehose-encryption-key-region.
        raise InvalidArgumentException("Cross-region keys are not allowed for SSE. Please provide CMKs in the same region as firehose")
    service = f"firehose.{call.region}.amazonaws.com"
    with _in_words_of_firehose():
        described = (await data_keys.ask_kms(call, "DescribeKey", KeyId=key))["KeyMetadata"]
        if described["KeyState"] != "Enabled":
            code = "DisabledException" if described["KeyState"] == "Disabled" else "KMSInvalidStateException"
            raise InvalidKMSResourceException(f"{described['Arn']} is not usable: its state is {described['KeyState']}.", code=code)
        grant = await data_keys.ask_kms(
            call, "CreateGrant", KeyId=described["Arn"], GranteePrincipal=service, RetiringPrincipal=service, Operations=_GRANTED
        )
    return Encryption(kind=kind, key=described["Arn"], grant=grant["GrantId"])


def retire(call: Call, held: Encryption) -> None:
    async def tell() -> None:
        try:
            await _service(call).ask("kms:RetireGrant", KeyId=held.key, GrantId=held.grant)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())


def shown(encryption: Encryption | None) -> dict[str, Any]:
    if encryption is None:
        return {"Status": "DISABLED"}
    key = {"KeyARN": encryption.key} if encryption.key else {}
    return {"Status": "ENABLED", "KeyType": encryption.kind, **key}
