"""Data keys: what a service encrypts its customers' data with at rest, each itself encrypted by a key of KMS.

A service keeps the data key as KMS gave it, encrypted, beside what it protects. Who reads asks KMS to decrypt it, in his own name: a key
that is disabled, or that he may not use, keeps the data shut. ``Ring`` keeps open keys for as long as a service may use them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from kumoniwa.aws import actions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed

SECRET_BYTES = 32
RING_MAX = 4_096


class DataKey(Record):
    """Encrypted by ``key``, an ARN, for this encryption context."""

    key: str
    wrapped: bytes
    context: dict[str, str] = {}


class Unusable(AwsError):
    """A key that exists and does not encrypt. Each service says so with a code of its own."""

    code = "InvalidKeyUsageException"


class Shut(Exception):
    """What an atomic operation raises that finds itself without an open key. The gate undoes what it did, awaits ``opening``, which
    raises what AWS answers if the key stays shut, and runs it again."""

    def __init__(self, opening: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self.opening = opening


async def opening(call: Call, act: Callable[[], Any]) -> Any:
    """What ``act`` answers, done atomically, once every key is open that it finds shut."""
    while True:
        try:
            result = call.atomically(act)
        except Shut as shut:
            await shut.opening()
        else:
            return await result if isawaitable(result) else result


def on_behalf(call: Call, region: str = "") -> Principal:
    """Whoever calls the service, as KMS sees him through it, here or in another region."""
    through = f"{actions.prefix(call.service)}.{region or call.region}.amazonaws.com"
    who = call.forwarding("kms:")
    return changed(who, context={**who.context, "kms:ViaService": through})


async def fresh(call: Call, key: str, context: dict[str, str], *, is_direct: bool = False) -> tuple[DataKey, bytes]:
    """A new data key under ``key`` (an id, an ARN or an alias), and its secret. Raises what KMS answers. ``is_direct``: whoever calls, a role
    for example that the service assumed, asks KMS himself."""
    made = await ask_kms(call, "GenerateDataKey", is_direct=is_direct, KeyId=key, NumberOfBytes=SECRET_BYTES, EncryptionContext=context)
    return DataKey(key=made["KeyId"], wrapped=made["CiphertextBlob"], context=context), made["Plaintext"]


async def opened(call: Call, data_key: DataKey, *, is_direct: bool = False) -> bytes:
    """The secret of a data key. Raises what KMS answers."""
    said = {"KeyId": data_key.key, "CiphertextBlob": data_key.wrapped, "EncryptionContext": data_key.context}
    return (await ask_kms(call, "Decrypt", is_direct=is_direct, **said))["Plaintext"]


async def ask_kms(call: Call, operation: str, *, is_direct: bool = False, **params: Any) -> dict:
    """Any operation of KMS: on behalf of whoever calls the service, or asked by himself."""
    if is_direct:
        return await call.ask(f"kms:{operation}", **params)
    return await call.home.ask(on_behalf(call), f"kms:{operation}", params, region=None, once=None)


async def described(call: Call, key: str, *, is_direct: bool = False) -> dict[str, Any]:
    """What KMS tells whoever calls of a key. Raises what KMS answers, or Unusable if it does not encrypt."""
    told = (await ask_kms(call, "DescribeKey", is_direct=is_direct, KeyId=key))["KeyMetadata"]
    if (told["KeySpec"], told["KeyUsage"]) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        raise Unusable(f"{told['Arn']} is not a symmetric encryption key.")
    if told["KeyState"] != "Enabled":
        raise Unusable(f"{told['Arn']} is not enabled: its state is {told['KeyState']}.")
    return told


class Ring:
    """Open data keys of an account, by what they are and for whom they were opened."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[bytes, str], tuple[bytes, float]] = {}

    def held(self, call: Call, data_key: DataKey) -> bytes | None:
        found = self.secrets.get((data_key.wrapped, call.principal.arn))
        return found[0] if found is not None and found[1] > call.now() else None

    def forget(self, data_key: DataKey) -> None:
        """Nobody has it open any more."""
        for held in [held for held in self.secrets if held[0] == data_key.wrapped]:
            del self.secrets[held]

    def keep(self, call: Call, data_key: DataKey, secret: bytes, for_s: float) -> None:
        if len(self.secrets) >= RING_MAX:
            self.secrets.clear()
        self.secrets[data_key.wrapped, call.principal.arn] = (secret, call.now() + for_s)
