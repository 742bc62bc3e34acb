"""A table's own key, which KMS has encrypted under the customer's: made, moved under another, and opened.

Whoever uses it is asked for by KMS, through DynamoDB. What DynamoDB does by itself it does by a grant, given when the key was made.
https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from kumoniwa.gate.data_key import SECRET_BYTES, DataKey, Ring, Shut, on_behalf
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import sealing
from kumoniwa.services.dynamodb.sealing import Encryption, Opened, Seal

OPEN_S = 300.0
"""AWS asks again after five minutes without use; here five minutes are over whether the key was used or not."""
DEFAULT_KEY = "alias/aws/dynamodb"
_GRANTED = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey", "RetireGrant"]


class AccessDeniedException(AwsError):
    status = 400


class AlreadyEncrypted(ValidationException):
    code = "ValidationException"
    message = f"{INVALID}Table is already encrypted by given KMSMasterKeyId"


def wish(specification: dict[str, Any] | None) -> tuple[bool, str | None]:
    """Whether a key of KMS is wanted, and which; none for the one that AWS keeps in the account."""
    if specification is None or not specification.get("Enabled"):
        for name in ("SSEType", "KMSMasterKeyId"):
            if specification is not None and specification.get(name):
                # Seen of AWS by cdk-preflight for the type: pf-dynamodb-sse-type. No source states the text for the key.
                raise ValidationException(f"{INVALID}{name} can not be specified if Enabled is false")
        return False, None
    if specification.get("SSEType") == "AES256":
        raise ValidationException(f"{INVALID}SSEType AES256 is not supported")
    return True, specification.get("KMSMasterKeyId")


def _service(call: Call) -> Principal:
    return principals.service(f"dynamodb.{call.region}.amazonaws.com", call.account)


async def made(call: Call, name: str, key: str | None, region: str = "") -> Encryption:
    """A key for a table of this name (here, or its replica in another region), and leave for DynamoDB to use it."""
    region = region or call.region
    context = {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": call.account}
    wanted = {"KeyId": key or DEFAULT_KEY, "NumberOfBytes": SECRET_BYTES, "EncryptionContext": context}
    with _in_words_of_dynamodb(call):
        answer = await _ask(call, "GenerateDataKeyWithoutPlaintext", wanted, region)
        return await _granted(call, answer, context, region, is_managed=key is None)


async def moved(call: Call, held: Encryption, key: str | None) -> Encryption:
    """The same table key under another key of KMS: no row changes."""
    context = held.data_key.context
    wanted = {
        "CiphertextBlob": held.data_key.wrapped, "SourceEncryptionContext": context, "DestinationKeyId": key or DEFAULT_KEY,
        "DestinationEncryptionContext": context,
    }  # fmt: skip
    with _in_words_of_dynamodb(call):
        described = await _ask(call, "DescribeKey", {"KeyId": key or DEFAULT_KEY}, call.region)
        if described["KeyMetadata"]["Arn"] == held.data_key.key:
            raise AlreadyEncrypted
        fresh = await _granted(call, await _ask(call, "ReEncrypt", wanted, call.region), context, call.region, is_managed=key is None)
    seals = call.memory(Opened).seals
    if held.data_key.wrapped in seals:
        seals[fresh.data_key.wrapped] = seals[held.data_key.wrapped]
    return fresh


async def _granted(call: Call, answer: dict, context: dict[str, str], region: str, *, is_managed: bool) -> Encryption:
    service = f"dynamodb.{region}.amazonaws.com"
    leave = {
        "KeyId": answer["KeyId"], "GranteePrincipal": service, "RetiringPrincipal": service, "Operations": _GRANTED,
        "Constraints": {"EncryptionContextSubset": context},
    }  # fmt: skip
    grant = (await _ask(call, "CreateGrant", leave, region))["GrantId"]
    return Encryption(data_key=DataKey(key=answer["KeyId"], wrapped=answer["CiphertextBlob"], context=context), grant=grant, is_managed=is_managed)


async def _ask(call: Call, operation: str, params: dict[str, Any], region: str) -> dict:
    """KMS, on behalf of whoever calls DynamoDB."""
    return await call.home.ask(on_behalf(call, region), f"kms:{operation}", params, region=region, once=None)


async def opened(call: Call, encryption: Encryption) -> Seal:
    """The table's key, open for whoever calls."""
    ring, seals, data_key = call.memory(Ring), call.memory(Opened).seals, encryption.data_key
    if ring.held(call, data_key) is None or data_key.wrapped not in seals:
        with _in_words_of_dynamodb(call):
            secret = (await _ask(call, "Decrypt", _to_open(data_key), call.region))["Plaintext"]
        ring.keep(call, data_key, secret, OPEN_S)
        seals.setdefault(data_key.wrapped, Seal(secret))
    return seals[data_key.wrapped]


def _to_open(data_key: DataKey) -> dict[str, Any]:
    return {"CiphertextBlob": data_key.wrapped, "EncryptionContext": data_key.context}


async def opened_for_service(call: Call, encryption: Encryption) -> Seal | None:
    """The table's key for what DynamoDB does by itself; None while it may not have it."""
    found = call.memory(Opened).seals.get(encryption.data_key.wrapped)
    return found if found is not None or not await can_open(call, encryption) else call.memory(Opened).seals[encryption.data_key.wrapped]


async def can_open(call: Call, encryption: Encryption) -> bool | None:
    """Ask KMS whether DynamoDB may have the key, and keep it if so. None if KMS cannot be asked now."""
    try:
        answer = await call.home.ask(_service(call), "kms:Decrypt", _to_open(encryption.data_key), region=None, once=None)
    except AwsError as error:
        return False if (error.status or 400) < 500 else None
    call.memory(Opened).seals.setdefault(encryption.data_key.wrapped, Seal(answer["Plaintext"]))
    return True


def plain_changes(call: Call, encryption: Encryption, changes: list[tuple]) -> list[tuple]:
    """Changes as they may travel: the other region has another key."""
    seal, found = sealing.of(call, encryption), []
    for pk, sk, *more, body in changes:
        found.append((*seal.plain_place(pk, sk), *more, seal.plain_body((pk, sk), body)))
    return found


def retire(call: Call, encryption: Encryption) -> None:
    """DynamoDB needs the key no more."""
    wanted = {"KeyId": encryption.data_key.key, "GrantId": encryption.grant}

    async def tell() -> None:
        try:
            await call.home.ask(_service(call), "kms:RetireGrant", wanted, region=None, once=None)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())


@contextmanager
def _in_words_of_dynamodb(call: Call) -> Iterator[None]:
    """KMS's refusals as DynamoDB tells them. Access: https://github.com/aws/aws-cdk/issues/10010; the rest:
    https://github.com/aws-solutions/generative-ai-application-builder-on-aws/issues/29"""
    try:
        yield
    except AwsError as error:
        if isinstance(error, AlreadyEncrypted) or (error.status or 400) >= 500:
            raise
        is_denied = error.code == "AccessDeniedException"
        end = f"(Service: AWSKMS; Status Code: 400; Error Code: {error.code}; Request ID: {call.request_id}; Proxy: null)"
        if is_denied:
            told = f"KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: {error.text} {end}"
            raise AccessDeniedException(told, hint=error.hint) from None
        raise ValidationException(
            f"KMS validation error: com.amazonaws.services.kms.model.{error.code}: {error.text} {end}", hint=error.hint
        ) from None


def admit_to(call: Call, encryption: Encryption) -> Seal:
    """The open key of what is not in a table any more, such as a stream."""
    seal = call.memory(Opened).seals.get(encryption.data_key.wrapped)
    if seal is None or call.memory(Ring).held(call, encryption.data_key) is None:
        raise Shut(partial(opened, call, encryption))
    return seal
