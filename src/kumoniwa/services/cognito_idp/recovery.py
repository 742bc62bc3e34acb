"""Passwords that were forgotten, or reset by an administrator: a code goes to an address that is known to be the user's.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import trigger
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_CHANGE, UNCONFIRMED, User

DEFAULT = [{"Name": "verified_phone_number", "Priority": 1}, {"Name": "verified_email", "Priority": 2}]
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-cognito-userpool-accountrecoverysetting.html"""


def way(pool: UserPool, user: User, *, is_administrator: bool = False) -> str:
    """By which address a password may be reset. Raises what AWS answers where there is none. A number that is asked for as a second factor is
    none where the pool's owner said by what passwords are reset, and neither is one that the pool cannot write to."""
    said = (pool.settings.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms")
    names = [way["Name"] for way in sorted(said or DEFAULT, key=lambda way: way["Priority"])]
    if names == ["admin_only"]:
        if not is_administrator:
            raise NotAuthorizedException("Contact administrator to reset password.")
        names = [way["Name"] for way in DEFAULT]
    for name in names:
        attribute = name.removeprefix("verified_")
        is_barred = attribute == "phone_number" and (not pool.settings.get("SmsConfiguration") or bool(said) and user.is_sms_enabled)
        if not is_barred and user.attributes.get(users.VERIFIED.get(attribute, "")) == "true":
            return attribute
    raise InvalidParameterException("Cannot reset password for the user as there is no registered/verified email or phone_number")


async def ForgotPassword(
    call: Call, *, ClientId: str, Username: str, SecretHash: str | None = None, ClientMetadata: dict[str, str] | None = None,
    UserContextData: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """``UserContextData`` is for threat protection, without which it changes nothing on AWS either."""
    pool, client = clients.found(call, ClientId)
    clients.check_hash(call, client, Username, SecretHash)
    user = users.find(call, pool, Username)
    if user is None:
        return {"CodeDeliveryDetails": codes.of_nobody(client, Username)}
    if not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    if user.status in (MUST_CHANGE, users.EXTERNAL):
        raise NotAuthorizedException("User password cannot be reset in the current state.")
    attribute = way(pool, user)
    _, details = await codes.send(call, pool, user, "password", "CustomMessage_ForgotPassword", ClientId, ClientMetadata, attribute)
    return {"CodeDeliveryDetails": details}


async def ConfirmForgotPassword(
    call: Call, *, ClientId: str, Username: str, ConfirmationCode: str, Password: str, SecretHash: str | None = None,
    ClientMetadata: dict[str, str] | None = None, UserContextData: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """``UserContextData`` is for threat protection, without which it changes nothing on AWS either."""
    pool, client = clients.found(call, ClientId)
    clients.check_hash(call, client, Username, SecretHash)
    user = users.find(call, pool, Username)
    if user is None:
        raise CodeMismatchException if client.hides_users else UserNotFoundException("Username/client id combination not found.")
    users.check_password(pool, Password)
    if "password" not in user.codes:
        raise ExpiredCodeException
    user, _ = codes.redeem(call, user, "password", ConfirmationCode)
    users.check_unused(call, pool, user, Password)
    status = user.status if user.status == UNCONFIRMED else CONFIRMED
    user = users.put(call, users.with_password(call, pool, changed(user, status=status), Password))
    await trigger.asked(
        call, pool, "PostConfirmation", "PostConfirmation_ConfirmForgotPassword", user.name, ClientId,
        {"userAttributes": trigger.described(user)}, {}, ClientMetadata,
    )  # fmt: skip
    return {}
