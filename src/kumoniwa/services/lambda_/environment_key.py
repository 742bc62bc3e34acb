"""Environment variables under a customer's key of KMS.

Lambda encrypts them in the name of whoever configures the function, and gives the function's role leave to decrypt them: an environment
starts with what its role may read. Who looks at the configuration sees them if he may decrypt, and otherwise why not.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import Shut
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, Refusal
from kumoniwa.services.lambda_.name import arn

SEEN_S = 1.0
"""What one look at a configuration has found serves it to its end."""


class Sealed(Record):
    key: str
    """The ARN that was told."""
    variables: bytes
    grant: str
    granted_on: str
    """The ARN of the key itself."""


class Seen:
    """What somebody just saw of sealed variables: them, or why he cannot."""

    def __init__(self) -> None:
        self.found: dict[tuple[bytes, str], tuple[dict[str, Any], float]] = {}


def _context(call: Call, name: str) -> dict[str, str]:
    return {"aws:lambda:FunctionArn": arn(call, name)}


async def sealed(call: Call, name: str, key: str, role: str, variables: dict[str, str]) -> Sealed:
    """Variables that whoever calls lets the role read. The first words of the refusals: https://github.com/serverless/examples/issues/279"""
    context, operation = _context(call, name), "Encrypt"
    try:
        made = await data_keys.ask_kms(call, operation, KeyId=key, Plaintext=orjson.dumps(variables), EncryptionContext=context)
        operation = "CreateGrant"
        grant = await data_keys.ask_kms(
            call, operation, KeyId=made["KeyId"], GranteePrincipal=role, RetiringPrincipal=_us(call), Operations=["Decrypt"],
            Constraints={"EncryptionContextEquals": context},
        )  # fmt: skip
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        why = "KMS access was denied" if error.code == "AccessDeniedException" else f"the KMS key is invalid for {operation}"
        raise InvalidParameterValueException(
            f"Lambda was unable to configure access to your environment variables because {why}. Please check your KMS key settings. "
            f"KMS Exception: {error.code} KMS Message: {error.text}",
            hint=error.hint,
        ) from None
    _remember(call, made["CiphertextBlob"], {"Variables": variables})
    return Sealed(key=key, variables=made["CiphertextBlob"], grant=grant["GrantId"], granted_on=made["KeyId"])


def _us(call: Call) -> str:
    return f"lambda.{call.region}.amazonaws.com"


async def opened(call: Call, name: str, held: Sealed) -> dict[str, str]:
    """The variables, for whoever calls. Raises what KMS answers."""
    plain = await data_keys.ask_kms(call, "Decrypt", CiphertextBlob=held.variables, EncryptionContext=_context(call, name))
    return orjson.loads(plain["Plaintext"])


_WHY = {
    "AccessDeniedException": ("KMSAccessDeniedException", "KMS access was denied"),
    "DisabledException": ("KMSDisabledException", "the KMS key used is disabled"),
    "KMSInvalidStateException": ("KMSInvalidStateException", "the KMS key used is in an invalid state for Decrypt"),
    "NotFoundException": ("KMSNotFoundException", "the KMS key was not found"),
}
"""The errors of https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""


async def of_role(role: Call, name: str, held: Sealed) -> dict[str, str]:
    """The variables, for an environment that starts."""
    try:
        return await opened(role, name, held)
    except AwsError as error:
        if error.code not in _WHY:
            raise
        code, why = _WHY[error.code]
        raise type(code, (Refusal,), {"code": code})(
            f"Lambda was unable to decrypt the environment variables because {why}. Please check the function's KMS key settings. "
            f"KMS Exception: {error.code}KMS Message: {error.text}",
            hint=error.hint,
        ) from None


# Looking -------------------------------------------------------------------------------------------


def shown(call: Call, name: str, held: Sealed) -> dict[str, Any]:
    """What a configuration tells of its environment. Raises Shut until it is known."""
    found = call.memory(Seen).found.get((held.variables, call.principal.arn))
    if found is None or found[1] < call.now():
        raise Shut(partial(look, call, name, held))
    return found[0]


async def look(call: Call, name: str, held: Sealed) -> None:
    try:
        _remember(call, held.variables, {"Variables": await opened(call, name, held)})
    except AwsError as error:
        text = "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions."
        if error.code != "AccessDeniedException":
            text = f"Lambda was unable to decrypt your environment variables because {_WHY.get(error.code, ('', 'KMS refused'))[1]}."
        _remember(call, held.variables, {"Error": {"ErrorCode": error.code, "Message": f"{text} KMS Exception: {error.code}"}})


def _remember(call: Call, sealed_: bytes, found: dict[str, Any]) -> None:
    """Only as long as it is needed: the next look asks again."""
    held, now = call.memory(Seen).found, call.now()
    for old in [key for key, (_, until) in held.items() if until < now]:
        del held[old]
    held[sealed_, call.principal.arn] = (found, now + SEEN_S)


def retire(call: Call, held: Sealed) -> None:
    """The role needs to read these no more."""
    service = principals.service(_us(call), call.account)

    async def tell() -> None:
        try:
            await call.home.ask(service, "kms:RetireGrant", {"KeyId": held.granted_on, "GrantId": held.grant}, region=None, once=None)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())
