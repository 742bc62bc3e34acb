"""What is done with keys: encrypt and decrypt, make data keys, sign, authenticate, agree."""

from __future__ import annotations

import hmac
import os
from typing import Any

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.kms import grant, life, material
from kumoniwa.services.kms.errors import (
    DryRunOperationException,
    IncorrectKeyException,
    InvalidCiphertextException,
    InvalidKeyUsageException,
    KMSInvalidMacException,
    KMSInvalidSignatureException,
    UnknownKey,
    UnsupportedOperationException,
    ValidationException,
)
from kumoniwa.services.kms.key import (
    AGREE,
    ENCRYPT,
    MAC,
    PREHASHED,
    SIGN,
    Key,
    algorithms,
    arn_of,
    check_usable,
    found,
    usable,
)

_DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}
MESSAGE_BYTES_MAX = 4_096


def _fits(key: Key, algorithm: str) -> None:
    (offered,) = algorithms(key.spec, key.usage).values()
    if algorithm not in offered:
        raise InvalidKeyUsageException(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")
    if algorithm == PREHASHED:
        raise NotImplementedHere(f"signatures by {PREHASHED}")


# Encryption ----------------------------------------------------------------------------------------


def Encrypt(
    call: Call, *, KeyId: str, Plaintext: bytes, EncryptionContext: dict[str, str] | None = None, GrantTokens: list[str] | None = None,
    EncryptionAlgorithm: str = key_material.SYMMETRIC, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    key = usable(call, KeyId, ENCRYPT)
    blob = _encrypted(call, key, Plaintext, EncryptionContext, EncryptionAlgorithm, DryRun)
    return {"CiphertextBlob": blob, "KeyId": arn_of(call, key), "EncryptionAlgorithm": EncryptionAlgorithm}


def _encrypted(call: Call, key: Key, plaintext: bytes, context: dict[str, str] | None, algorithm: str, is_dry: bool | None) -> bytes:
    _fits(key, algorithm)
    if not key.is_symmetric:
        _no_context(key, context)
        most = key_material.longest(key.spec, algorithm)
        if len(plaintext) > most:
            raise ValidationException(f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {most} bytes.")
    if is_dry:
        raise DryRunOperationException
    if key.is_symmetric:
        return material.encrypt(call, key, plaintext, context)
    return key_material.encrypt(material.secret_of(call, key), algorithm, plaintext)


def _no_context(key: Key, context: dict[str, str] | None) -> None:
    if context:
        raise ValidationException(f"EncryptionContext is not supported with a key of the spec {key.spec}.")


def _decrypted(
    call: Call, blob: bytes | None, text: str | None, context: dict[str, str] | None, algorithm: str, is_dry: bool | None
) -> tuple[bytes, Key, material.Material]:
    """A ciphertext of a symmetric key says whose it is; of any other the caller must."""
    if blob is None:
        raise ValidationException(
            "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null"
        )
    if algorithm != key_material.SYMMETRIC:
        if text is None:
            raise ValidationException("KeyId is required for asymmetric decryption.")
        key = usable(call, text, ENCRYPT)
        _fits(key, algorithm)
        _no_context(key, context)
        if is_dry:
            raise DryRunOperationException
        try:
            return key_material.decrypt(material.secret_of(call, key), algorithm, blob), key, key.materials[-1]
        except key_material.Unfit:
            raise InvalidCiphertextException from None
    asked = found(call, text) if text is not None else None
    if asked is not None:
        check_usable(call, asked)
    envelope = material.read(blob)
    key = call.shelf(Key).get(envelope.key_id)
    if asked is not None and (asked.id != envelope.key_id or envelope.account != call.account):
        raise IncorrectKeyException
    if key is None or envelope.account != call.account:
        raise UnknownKey(hint=f"The key {envelope.key_id} of account {envelope.account} is not in {call.region}.")
    check_usable(call, key)
    if is_dry:
        raise DryRunOperationException
    plaintext, made_by = material.decrypt(call, key, envelope, context)
    return plaintext, key, made_by


def Decrypt(
    call: Call, *, CiphertextBlob: bytes | None = None, EncryptionContext: dict[str, str] | None = None, GrantTokens: list[str] | None = None,
    KeyId: str | None = None, EncryptionAlgorithm: str = key_material.SYMMETRIC, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    plaintext, key, made_by = _decrypted(call, CiphertextBlob, KeyId, EncryptionContext, EncryptionAlgorithm, DryRun)
    reply = {"KeyId": arn_of(call, key), "Plaintext": plaintext, "EncryptionAlgorithm": EncryptionAlgorithm}
    return reply | ({"KeyMaterialId": made_by.id} if key.is_symmetric else {})


def ReEncrypt(
    call: Call, *, DestinationKeyId: str, CiphertextBlob: bytes | None = None, SourceEncryptionContext: dict[str, str] | None = None,
    SourceKeyId: str | None = None, DestinationEncryptionContext: dict[str, str] | None = None,
    SourceEncryptionAlgorithm: str = key_material.SYMMETRIC, DestinationEncryptionAlgorithm: str = key_material.SYMMETRIC,
    GrantTokens: list[str] | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    plaintext, source, made_by = _decrypted(call, CiphertextBlob, SourceKeyId, SourceEncryptionContext, SourceEncryptionAlgorithm, None)
    key = usable(call, DestinationKeyId, ENCRYPT)
    reply: dict[str, Any] = {
        "CiphertextBlob": _encrypted(call, key, plaintext, DestinationEncryptionContext, DestinationEncryptionAlgorithm, DryRun),
        "SourceKeyId": arn_of(call, source),
        "KeyId": arn_of(call, key),
        "SourceEncryptionAlgorithm": SourceEncryptionAlgorithm,
        "DestinationEncryptionAlgorithm": DestinationEncryptionAlgorithm,
    }
    if source.is_symmetric:
        reply["SourceKeyMaterialId"] = made_by.id
    if key.is_symmetric:
        reply["DestinationKeyMaterialId"] = key.materials[-1].id
    return reply


# Data keys -----------------------------------------------------------------------------------------


def GenerateDataKey(
    call: Call, *, KeyId: str, EncryptionContext: dict[str, str] | None = None, NumberOfBytes: int | None = None, KeySpec: str | None = None,
    GrantTokens: list[str] | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    key = _wrapping(call, KeyId)
    size = _size(NumberOfBytes, KeySpec)
    if DryRun:
        raise DryRunOperationException
    plaintext = os.urandom(size)
    return {"Plaintext": plaintext, **_wrapped(call, key, "CiphertextBlob", plaintext, EncryptionContext)}


def GenerateDataKeyWithoutPlaintext(
    call: Call, *, KeyId: str, EncryptionContext: dict[str, str] | None = None, KeySpec: str | None = None, NumberOfBytes: int | None = None,
    GrantTokens: list[str] | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    reply = GenerateDataKey(
        call, KeyId=KeyId, EncryptionContext=EncryptionContext, NumberOfBytes=NumberOfBytes, KeySpec=KeySpec, GrantTokens=GrantTokens, DryRun=DryRun
    )
    del reply["Plaintext"]
    return reply


def _wrapping(call: Call, text: str) -> Key:
    """A key that data keys are encrypted by."""
    key = usable(call, text, ENCRYPT)
    if not key.is_symmetric:
        raise InvalidKeyUsageException(f"{arn_of(call, key)} key KeySpec is {key.spec} which is not valid for {call.operation}.")
    return key


def _size(count: int | None, spec: str | None) -> int:
    if (count is None) == (spec is None):
        raise ValidationException("Please specify either number of bytes or key spec.")
    return count if count is not None else _DATA_KEY_BYTES[spec]


def _wrapped(call: Call, key: Key, name: str, plaintext: bytes, context: dict[str, str] | None) -> dict[str, Any]:
    return {name: material.encrypt(call, key, plaintext, context), "KeyId": arn_of(call, key), "KeyMaterialId": key.materials[-1].id}


async def GenerateDataKeyPair(
    call: Call, *, KeyId: str, KeyPairSpec: str, EncryptionContext: dict[str, str] | None = None, GrantTokens: list[str] | None = None,
    DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    key = _wrapping(call, KeyId)
    if KeyPairSpec not in key_material.SPECS:
        raise UnsupportedOperationException(f"Key pairs of the spec {KeyPairSpec} are not offered in {call.region}.")
    if DryRun:
        raise DryRunOperationException
    secret = await life.secret_for(KeyPairSpec)
    wrapped = _wrapped(call, key, "PrivateKeyCiphertextBlob", secret, EncryptionContext)
    return {"PrivateKeyPlaintext": secret, "PublicKey": key_material.public(secret), "KeyPairSpec": KeyPairSpec, **wrapped}


async def GenerateDataKeyPairWithoutPlaintext(
    call: Call, *, KeyId: str, KeyPairSpec: str, EncryptionContext: dict[str, str] | None = None, GrantTokens: list[str] | None = None,
    DryRun: bool | None = None,
) -> dict:  # fmt: skip
    reply = await GenerateDataKeyPair(
        call, KeyId=KeyId, KeyPairSpec=KeyPairSpec, EncryptionContext=EncryptionContext, GrantTokens=GrantTokens, DryRun=DryRun
    )
    del reply["PrivateKeyPlaintext"]
    return reply


def GenerateRandom(call: Call, *, NumberOfBytes: int | None = None) -> dict:
    if NumberOfBytes is None:
        raise ValidationException("NumberOfBytes is required.")
    return {"Plaintext": os.urandom(NumberOfBytes)}


# Signatures, codes, agreement ----------------------------------------------------------------------


def GetPublicKey(call: Call, *, KeyId: str, GrantTokens: list[str] | None = None) -> dict:
    grant.check_tokens(call, GrantTokens)
    key = found(call, KeyId)
    check_usable(call, key)
    if key.is_symmetric or key.usage == MAC:
        raise UnsupportedOperationException(f"{arn_of(call, key)} has no public key.")
    more = {"CustomerMasterKeySpec": key.spec, "KeySpec": key.spec, "KeyUsage": key.usage, **algorithms(key.spec, key.usage)}
    return {"KeyId": arn_of(call, key), "PublicKey": key_material.public(material.secret_of(call, key)), **more}


def _to_sign(call: Call, text: str, algorithm: str, message: bytes, kind: str, is_dry: bool | None) -> Key:
    key = usable(call, text, SIGN)
    _fits(key, algorithm)
    if kind == "EXTERNAL_MU" or (kind == "DIGEST" and key.spec == key_material.EDWARDS):
        raise ValidationException(f"MessageType {kind} is not valid for the algorithm {algorithm}.")
    if kind == "DIGEST" and len(message) != key_material.digest_bytes(algorithm):
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
    if is_dry:
        raise DryRunOperationException
    return key


def Sign(
    call: Call, *, KeyId: str, Message: bytes, SigningAlgorithm: str, MessageType: str = "RAW", GrantTokens: list[str] | None = None,
    DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    key = _to_sign(call, KeyId, SigningAlgorithm, Message, MessageType, DryRun)
    signature = key_material.sign(material.secret_of(call, key), SigningAlgorithm, Message, is_digest=MessageType == "DIGEST")
    return {"KeyId": arn_of(call, key), "Signature": signature, "SigningAlgorithm": SigningAlgorithm}


def Verify(
    call: Call, *, KeyId: str, Message: bytes, Signature: bytes, SigningAlgorithm: str, MessageType: str = "RAW",
    GrantTokens: list[str] | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    grant.check_tokens(call, GrantTokens)
    key = _to_sign(call, KeyId, SigningAlgorithm, Message, MessageType, DryRun)
    secret = material.secret_of(call, key)
    if not key_material.is_signed(secret, SigningAlgorithm, Message, Signature, is_digest=MessageType == "DIGEST"):
        raise KMSInvalidSignatureException
    return {"KeyId": arn_of(call, key), "SignatureValid": True, "SigningAlgorithm": SigningAlgorithm}


def _code(call: Call, text: str, algorithm: str, message: bytes, is_dry: bool | None) -> tuple[Key, bytes]:
    key = usable(call, text, MAC)
    _fits(key, algorithm)
    if is_dry:
        raise DryRunOperationException
    return key, key_material.code(material.secret_of(call, key), algorithm, message)


def GenerateMac(
    call: Call, *, Message: bytes, KeyId: str, MacAlgorithm: str, GrantTokens: list[str] | None = None, DryRun: bool | None = None
) -> dict:
    grant.check_tokens(call, GrantTokens)
    key, mac = _code(call, KeyId, MacAlgorithm, Message, DryRun)
    return {"Mac": mac, "MacAlgorithm": MacAlgorithm, "KeyId": arn_of(call, key)}


def VerifyMac(
    call: Call, *, Message: bytes, KeyId: str, MacAlgorithm: str, Mac: bytes, GrantTokens: list[str] | None = None, DryRun: bool | None = None
) -> dict:
    grant.check_tokens(call, GrantTokens)
    key, mac = _code(call, KeyId, MacAlgorithm, Message, DryRun)
    if not hmac.compare_digest(mac, Mac):
        raise KMSInvalidMacException
    return {"KeyId": arn_of(call, key), "MacValid": True, "MacAlgorithm": MacAlgorithm}


def DeriveSharedSecret(
    call: Call, *, KeyId: str, KeyAgreementAlgorithm: str, PublicKey: bytes, GrantTokens: list[str] | None = None, DryRun: bool | None = None
) -> dict:
    grant.check_tokens(call, GrantTokens)
    key = usable(call, KeyId, AGREE)
    try:
        secret = key_material.agreed(material.secret_of(call, key), PublicKey)
    except key_material.Unfit as error:
        raise ValidationException("", hint=f"PublicKey is not valid for a key of the spec {key.spec}: {error}.") from None
    if DryRun:
        raise DryRunOperationException
    return {"KeyId": arn_of(call, key), "SharedSecret": secret, "KeyAgreementAlgorithm": KeyAgreementAlgorithm, "KeyOrigin": key.origin}
