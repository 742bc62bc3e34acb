"""State machines and activities whose data is encrypted under a key of KMS: definitions, inputs, outputs and histories.

The role of an execution uses the key itself. Whoever asks Step Functions for data uses it through Step Functions, which KMS sees as
``kms:ViaService``. What came before the key stays as it came.
https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import OPEN, Chain, Lock
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.stepfunctions.errors import (
    InvalidEncryptionConfiguration,
    KmsAccessDeniedException,
    KmsInvalidStateException,
    KmsThrottlingException,
)

SERVICE = "states.amazonaws.com"
CUSTOMER, OWN = "CUSTOMER_MANAGED_KMS_KEY", "AWS_OWNED_KEY"
REUSED_S = 300
ROLE_SESSION = "stepfunctions"


class Encryption(Record):
    key: str
    """As it was told."""
    reused_s: int


def read(told: dict[str, Any] | None) -> Encryption | None:
    """A configuration as it is kept. Raises InvalidEncryptionConfiguration."""
    told = told or {"type": OWN}
    key, reused_s = told.get("kmsKeyId"), told.get("kmsDataKeyReusePeriodSeconds")
    if told["type"] == OWN:
        for name in ("kmsKeyId", "kmsDataKeyReusePeriodSeconds"):
            if told.get(name) is not None:
                raise InvalidEncryptionConfiguration(f"Invalid Encryption Configuration: Custom {name} is not allowed when selecting {OWN}.")
        return None
    if key is None:
        raise InvalidEncryptionConfiguration("Invalid Encryption Configuration: Must set a valid kmsKeyId.")
    return Encryption(key=key, reused_s=REUSED_S if reused_s is None else reused_s)


def shown(encryption: Encryption | None) -> dict[str, Any]:
    if encryption is None:
        return {"type": OWN}
    return {"kmsKeyId": encryption.key, "kmsDataKeyReusePeriodSeconds": encryption.reused_s, "type": CUSTOMER}


# KMS's refusals ----------------------------------------------------------------------------------------

_STATES = {"is disabled": "DISABLED", "is pending deletion": "PENDING_DELETION", "is pending import": "PENDING_IMPORT"}


@contextmanager
def _in_words_of_states() -> Iterator[None]:
    try:
        yield
    except AwsError as error:
        if error.code in ("AccessDeniedException", "AccessDenied"):
            raise KmsAccessDeniedException(error.text, hint=error.hint) from None
        if error.code == "ThrottlingException":
            raise KmsThrottlingException(error.text) from None
        if error.code not in ("DisabledException", "KMSInvalidStateException", "NotFoundException", "InvalidKeyUsageException"):
            raise
        state = next((state for words, state in _STATES.items() if words in error.text), "UNAVAILABLE")
        raise KmsInvalidStateException(error.text, hint=error.hint, kmsKeyState=state) from None


async def proving(call: Call, lock: Lock, act: Callable[[], Any]) -> Any:
    """Do what names a key, atomically, once the caller was seen to know a key that encrypts. Raises InvalidEncryptionConfiguration."""
    try:
        return await lock.proving(call, act)
    except KmsInvalidStateException as error:
        raise InvalidEncryptionConfiguration(f"Invalid Encryption Configuration: {error.text}", hint=error.hint) from None


# Locks -------------------------------------------------------------------------------------------------


def _chain(encryption: Encryption, member: str, arn: str, *, is_direct: bool) -> Chain:
    return Chain(arn, encryption.key, {member: arn}, _in_words_of_states, encryption.reused_s, is_direct)


def of_caller(call: Call, machine: str, encryption: Encryption | None) -> Lock:
    """A state machine's data for whoever calls."""
    if encryption is None:
        return OPEN
    return Lock(_chain(encryption, "aws:states:stateMachineArn", machine, is_direct=False), call)


def of_role(call: Call, machine: str, role: str, encryption: Encryption | None, link: str = "") -> Lock:
    """A state machine's data for the role of an execution. Raises KmsAccessDeniedException."""
    if encryption is None:
        return OPEN
    return Lock(_chain(encryption, "aws:states:stateMachineArn", machine, is_direct=True), _assumed(call, machine, role), link)


def _assumed(call: Call, machine: str, role: str) -> Call:
    with _in_words_of_states():
        return call.assuming(role, SERVICE, ROLE_SESSION, **{"aws:SourceArn": machine})


def of_worker(call: Call, activity: str, encryption: Encryption | None) -> Lock:
    """The inputs of an activity for whoever takes its tasks."""
    if encryption is None:
        return OPEN
    return Lock(_chain(encryption, "aws:states:activityArn", activity, is_direct=False), call)


def of_activity(call: Call, activity: str, encryption: Encryption | None, machine: str, role: str) -> Lock:
    """The inputs of an activity for the role of the execution that has the task."""
    if encryption is None:
        return OPEN
    return Lock(_chain(encryption, "aws:states:activityArn", activity, is_direct=True), _assumed(call, machine, role))


async def prove_logging(call: Call, machine: str, role: str, encryption: Encryption) -> None:
    """See that what is encrypted may be told to a log: the role must be let make a data key for it, and the delivery of logs open it."""
    context = {"SourceArn": call.arn("*", "logs")}
    chain = Chain(f"logs of {machine}", encryption.key, context, _in_words_of_states, encryption.reused_s, True)
    speaker = _assumed(call, machine, role)
    link, _ = await data_keys.opening(call, lambda: chain.current(speaker))
    delivery = principals.service("delivery.logs.amazonaws.com", call.account)
    await chain.open(call.home.call("stepfunctions", call.account, delivery), link.id)
