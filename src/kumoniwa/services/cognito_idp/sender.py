"""Custom senders: the customer's functions that bring codes and temporary passwords to people in Cognito's stead.

They are told the secret as a message of the AWS Encryption SDK under the pool's key of KMS. Cognito uses the key by a grant, which it was given
in the name of whoever configured the pool.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-sender-triggers.html
"""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.engines.sealed_message import Message, Wrapped
from kumoniwa.gate import data_key
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cognito_idp import trigger
from kumoniwa.services.cognito_idp.delivery import SERVICE
from kumoniwa.services.cognito_idp.errors import CodeDeliveryFailureException, InvalidParameterException
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import User

KINDS = {"email": "CustomEmailSender", "phone_number": "CustomSMSSender"}
_TYPES = {"CustomEmailSender": "customEmailSenderRequestV1", "CustomSMSSender": "customSMSSenderRequestV1"}


def _context(pool_id: str) -> dict[str, str]:
    return {"userpool-id": pool_id}


# The key -------------------------------------------------------------------------------------------


async def granted(call: Call, pool_id: str, settings: dict[str, Any], held: UserPool | None = None) -> dict[str, str]:
    """What a pool keeps of its key: leave to use it, fresh where the key is another than before. The first words of the refusal:
    cdk-preflight's pf-cognito-custom-sender-kms-region."""
    key = (settings.get("LambdaConfig") or {}).get("KMSKeyID")
    if not key:
        return {"sender_key": "", "sender_grant": ""}
    if held is not None and held.triggers.get("KMSKeyID") == key:
        return {"sender_key": held.sender_key, "sender_grant": held.sender_grant}
    try:
        leave = await data_key.ask_kms(
            call, "CreateGrant", KeyId=key, GranteePrincipal=SERVICE, RetiringPrincipal=SERVICE, Operations=["GenerateDataKey"],
            Constraints={"EncryptionContextSubset": _context(pool_id)},
        )  # fmt: skip
    except NotImplementedHere:
        raise
    except AwsError as error:
        text = f"Encountered error when CreateGrant was attempted on the input KMS key - {error.text}"
        raise InvalidParameterException(text, hint=error.hint) from None
    return {"sender_key": key, "sender_grant": leave["GrantId"]}


def retire(call: Call, pool: UserPool) -> None:
    """Cognito needs the key no more."""
    if not pool.sender_grant:
        return

    async def tell() -> None:
        try:
            await call.home.ask(_us(call), "kms:RetireGrant", {"KeyId": pool.sender_key, "GrantId": pool.sender_grant}, region=None, once=None)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())


def _us(call: Call) -> principals.Principal:
    return principals.service(SERVICE, call.account)


# The function --------------------------------------------------------------------------------------


def is_there(pool: UserPool, attribute: str) -> bool:
    """Whether what goes to such an address is carried by a function."""
    return trigger.function_of(pool, KINDS[attribute]) is not None


async def carry(
    call: Call, pool: UserPool, user: User, attribute: str, source: str, client_id: str, metadata: dict[str, str] | None, secret: str
) -> None:
    """Hand a secret to the function. ``source`` is what the trigger for wording is called by, whose place this one takes."""
    kind = KINDS[attribute]
    message = Message(_context(pool.id))
    wanted = {"KeyId": pool.sender_key, "NumberOfBytes": data_key.SECRET_BYTES, "EncryptionContext": message.context}
    try:
        made = await call.home.ask(_us(call), "kms:GenerateDataKey", wanted, region=None, once=None)
    except AwsError as error:
        raise CodeDeliveryFailureException(error.text, hint=error.hint) from None
    sealed = message.sealed(Wrapped(made["KeyId"], made["CiphertextBlob"], made["Plaintext"]), secret.encode())
    request = {
        "type": _TYPES[kind], "code": base64.b64encode(sealed).decode(), "clientMetadata": metadata or None,
        "userAttributes": trigger.described(user),
    }  # fmt: skip
    await trigger.told(call, pool, kind, f"{kind}_{source.partition('_')[2]}", user.name, client_id, request)
