"""What a key is: material of one kind for one use, under a policy, in one state; and how it is found by the names it goes by.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.engines.key_material import EDWARDS, HMAC_BYTES, RSA_BITS, SYMMETRIC
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.kms.errors import (
    DisabledException,
    DryRunOperationException,
    InvalidKeyUsageException,
    KMSInvalidStateException,
    NotFoundException,
)

DAY_S = 86_400.0
ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
_KEY_ID = re.compile(r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

_RSA_SIGNS = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]
_CURVE_SIGNS = {"ECC_NIST_P256": "256", "ECC_NIST_P384": "384", "ECC_NIST_P521": "512", "ECC_SECG_P256K1": "256"}


class Material(Record):
    """One generation of a key's secret."""

    id: str
    """64 hexadecimal digits that say which secret it is and nothing of it."""
    sealed: bytes
    """The secret under the cloud's seal; empty when it was taken away."""
    created: float
    how: str = ""
    """What it came by if it is not the first: AUTOMATIC or ON_DEMAND."""
    expires: float | None = None
    description: str = ""


class Key(Record):
    """Shelved by its id."""

    id: str
    created: float
    spec: str
    usage: str
    policy: str
    origin: str = "AWS_KMS"
    manager: str = "CUSTOMER"
    description: str = ""
    is_enabled: bool = True
    tags: dict[str, str] = {}
    materials: tuple[Material, ...] = ()
    """The last is in use; ciphertexts name theirs."""
    pending: Material | None = None
    """Material that was brought for the key's next rotation."""
    deletes_at: float = 0.0
    window_days: int = 0
    is_leaving: bool = False
    """It was to be deleted while it had replicas, and waits for them to go."""
    rotation_days: int = 0
    """0: it does not rotate by itself."""
    rotates_at: float = 0.0
    primary: str = ""
    """Of a multi-region key the region that leads; else empty."""
    replicas: tuple[str, ...] = ()
    """The other regions."""

    @property
    def held(self) -> tuple[Material, ...]:
        """All its material, that which waits for the next rotation among it."""
        return self.materials if self.pending is None else (*self.materials, self.pending)

    @property
    def is_symmetric(self) -> bool:
        return self.spec == SYMMETRIC


class Alias(Record):
    """Shelved by its name, ``alias/…``."""

    name: str
    key: str
    created: float
    updated: float


def arn_of(call: Call, key: Key, region: str = "") -> str:
    return f"arn:{call.home.partition}:kms:{region or call.region}:{call.account}:key/{key.id}"


def state_of(call: Call, key: Key) -> str:
    if key.is_leaving:
        return "PendingReplicaDeletion"
    if key.deletes_at:
        return "PendingDeletion"
    if is_pending_import(call, key):
        return "PendingImport"
    return "Enabled" if key.is_enabled else "Disabled"


def is_pending_import(call: Call, key: Key) -> bool:
    """A key waits for whatever of its material is not here, also that which it no longer encrypts with."""
    if key.origin != "EXTERNAL":
        return False
    return not key.materials or any(not each.sealed or is_expired(call, each) for each in key.materials)


def is_expired(call: Call, material: Material) -> bool:
    return material.expires is not None and material.expires <= call.now()


def uses(spec: str) -> tuple[str, ...]:
    """What a key of this kind may be for. https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html"""
    if spec == SYMMETRIC:
        return (ENCRYPT,)
    if spec in RSA_BITS:
        return ENCRYPT, SIGN
    if spec in HMAC_BYTES:
        return (MAC,)
    return (SIGN,) if spec in (EDWARDS, "ECC_SECG_P256K1") else (SIGN, AGREE)


PREHASHED = "ED25519_PH_SHA_512"


def algorithms(spec: str, usage: str) -> dict[str, list[str]]:
    """The algorithms of a key under the name DescribeKey gives them."""
    if usage == ENCRYPT:
        return {"EncryptionAlgorithms": [SYMMETRIC] if spec == SYMMETRIC else ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]}
    if usage == MAC:
        return {"MacAlgorithms": [f"HMAC_SHA_{spec.rpartition('_')[2]}"]}
    if usage == AGREE:
        return {"KeyAgreementAlgorithms": ["ECDH"]}
    if spec in RSA_BITS:
        return {"SigningAlgorithms": _RSA_SIGNS}
    return {"SigningAlgorithms": ["ED25519_SHA_512", PREHASHED] if spec == EDWARDS else [f"ECDSA_SHA_{_CURVE_SIGNS[spec]}"]}


def described(call: Call, key: Key) -> dict[str, Any]:
    """KeyMetadata."""
    state = state_of(call, key)
    shown: dict[str, Any] = {
        "AWSAccountId": call.account,
        "KeyId": key.id,
        "Arn": arn_of(call, key),
        "CreationDate": key.created,
        "Enabled": state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        **algorithms(key.spec, key.usage),
        "MultiRegion": bool(key.primary),
    }
    if key.primary:
        shown["MultiRegionConfiguration"] = _family(call, key)
    if key.deletes_at:
        shown["DeletionDate"] = key.deletes_at
    elif key.is_leaving:
        shown["PendingDeletionWindowInDays"] = key.window_days
    if key.materials and key.is_symmetric:
        shown["CurrentKeyMaterialId"] = key.materials[-1].id
    if key.origin == "EXTERNAL" and not is_pending_import(call, key):
        shown |= lent(key.materials[-1])
    return shown


def lent(material: Material) -> dict[str, Any]:
    """For how long somebody brought it."""
    if material.expires is None:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": material.expires}


def _family(call: Call, key: Key) -> dict[str, Any]:
    def member(region: str) -> dict[str, str]:
        return {"Arn": arn_of(call, key, region), "Region": region}

    return {
        "MultiRegionKeyType": "PRIMARY" if key.primary == call.region else "REPLICA",
        "PrimaryKey": member(key.primary),
        "ReplicaKeys": [member(region) for region in key.replicas],
    }


# Finding -------------------------------------------------------------------------------------------


def name_in(call: Call, text: str) -> str:
    """The id or alias in what a caller named. Raises NotFoundException for an ARN of elsewhere."""
    if not text.startswith("arn:"):
        return text
    parsed = arns.parse(text)
    if parsed is None or parsed.service != "kms":
        raise NotFoundException(f"Invalid arn {text}")
    if parsed.region != call.region:
        raise NotFoundException(f"Invalid arn {parsed.region}")
    return parsed.resource.removeprefix("key/")


def known(call: Call, text: str) -> Key | None:
    """The key of an id, an ARN or an alias; None if there is none. Raises NotFoundException for an ARN of elsewhere."""
    name = name_in(call, text)
    if name.startswith("alias/"):
        alias = call.shelf(Alias).get(name)
        name = alias.key if alias is not None else ""
    return call.shelf(Key).get(name)


def found(call: Call, text: str) -> Key:
    """The key somebody named by its id, its ARN or an alias."""
    key = known(call, text)
    if key is not None:
        return key
    name = name_in(call, text)
    if name.startswith("alias/"):
        raise NotFoundException(f"Alias {call.arn(name)} is not found.")
    if not _KEY_ID.fullmatch(name):
        raise NotFoundException(f"Invalid keyId '{name}'")
    raise NotFoundException(f"Key '{call.arn(f'key/{name}')}' does not exist")


def without_alias(call: Call, text: str) -> Key:
    """The key somebody named by its id or its ARN, where AWS takes no alias."""
    if "alias/" in text:
        raise NotFoundException(f"Invalid keyId '{text}'")
    return found(call, text)


def usable(call: Call, text: str, usage: str, is_dry: bool | None = None) -> Key:
    """A key for a cryptographic operation. AWS looks at its state before it looks at its use."""
    key = found(call, text)
    check_usable(call, key)
    if key.usage != usage:
        raise InvalidKeyUsageException(f"{arn_of(call, key)} key usage is {key.usage} which is not valid for {call.operation}.")
    if is_dry:
        raise DryRunOperationException
    return key


def check_usable(call: Call, key: Key) -> None:
    state = state_of(call, key)
    if state == "Disabled":
        raise DisabledException(f"{arn_of(call, key)} is disabled.")
    if state != "Enabled":
        check_state(call, key, "Enabled")


_PENDING = {
    "PendingDeletion": "pending deletion", "PendingImport": "pending import", "PendingReplicaDeletion": "pending replica deletion",
    "Disabled": "disabled",
}  # fmt: skip


def check_state(call: Call, key: Key, *states: str) -> None:
    """Refuse a key that is in none of these states."""
    state = state_of(call, key)
    if state not in states:
        raise KMSInvalidStateException(f"{arn_of(call, key)} is {_PENDING.get(state, state.lower())}.")
