"""What people do for themselves: with an access token, or with a code in the mail when the password is forgotten.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import administration, factor, schema, signup, ticket, token, trigger
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    UnauthorizedException,
    UnsupportedOperationException,
    UnsupportedTokenTypeException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_CHANGE, UNCONFIRMED, User

RECOVERY_DEFAULT = [{"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 2}]


def GetUser(call: Call, *, AccessToken: str) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    client = clients.named(call, claims["client_id"], pool.id)
    readable = client.settings.get("ReadAttributes")
    attributes = [each for each in schema.listed(user.sub, user.attributes) if readable is None or each["Name"] in (*readable, "sub")]
    return {"Username": user.name, "UserAttributes": attributes, **factor.told(user)}


async def UpdateUserAttributes(
    call: Call, *, AccessToken: str, UserAttributes: list[dict[str, str]], ClientMetadata: dict[str, str] | None = None
) -> dict:
    """An address that must be proven before it counts is kept aside with its code until then."""
    pool, user, claims = token.bearer(call, AccessToken)
    client = clients.named(call, claims["client_id"], pool.id)
    signup.check_writable(client, [each["Name"] for each in UserAttributes])
    given = schema.checked(pool, UserAttributes, is_new=False)
    waiting = set(pool.settings["UserAttributeUpdateSettings"].get("AttributesRequireVerificationBeforeUpdate") or ())
    is_new_address = "email" in given and given["email"] != user.attributes.get("email")
    must_prove = is_new_address and "email" in (pool.settings.get("AutoVerifiedAttributes") or ())
    told = [each for each in UserAttributes if not (each["Name"] == "email" and must_prove and "email" in waiting)]
    user = users.put(call, administration.with_attributes(call, pool, user, told))
    if not must_prove:
        return {"CodeDeliveryDetailsList": []}
    _, details = await codes.send(
        call, pool, user, "attribute", "CustomMessage_UpdateUserAttribute", client.id, ClientMetadata, value=given["email"]
    )
    return {"CodeDeliveryDetailsList": [details]}


def DeleteUserAttributes(call: Call, *, AccessToken: str, UserAttributeNames: list[str]) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    signup.check_writable(clients.named(call, claims["client_id"], pool.id), UserAttributeNames)
    users.put(call, administration.without_attributes(pool, user, UserAttributeNames))
    return {}


async def GetUserAttributeVerificationCode(
    call: Call, *, AccessToken: str, AttributeName: str, ClientMetadata: dict[str, str] | None = None
) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    if AttributeName != "email":
        if AttributeName == "phone_number":
            raise NotImplementedHere("SMS of cognito-idp")
        raise InvalidParameterException(f"{AttributeName} is not a verifiable attribute.")
    if not user.attributes.get("email"):
        raise InvalidParameterException("User does not have the attribute email.")
    _, details = await codes.send(call, pool, user, "attribute", "CustomMessage_VerifyUserAttribute", claims["client_id"], ClientMetadata)
    return {"CodeDeliveryDetails": details}


async def VerifyUserAttribute(call: Call, *, AccessToken: str, AttributeName: str, Code: str) -> dict:
    pool, user, _ = token.bearer(call, AccessToken)
    user, code = codes.redeem(call, user, "attribute", Code, AttributeName)
    proven = changed(user, attributes=user.attributes | {AttributeName: code.value, users.VERIFIED[AttributeName]: "true"})
    if (found := users.holder(call, pool, proven)) is not None:
        raise administration.AliasExistsException(f"An account with the given {found[0]} already exists.")
    users.put(call, proven)
    return {}


async def ChangePassword(call: Call, *, ProposedPassword: str, AccessToken: str, PreviousPassword: str | None = None) -> dict:
    pool, user, _ = token.bearer(call, AccessToken)
    users.check_password(pool, ProposedPassword)
    if user.status == users.EXTERNAL:
        # His provider has his password. The text is ours.
        raise NotAuthorizedException("Users of an identity provider have no password here.")
    if user.verifier and not users.has_password(call, pool, user, PreviousPassword or ""):
        raise NotAuthorizedException
    users.put(call, users.with_password(call, pool, user, ProposedPassword))
    return {}


def DeleteUser(call: Call, *, AccessToken: str) -> None:
    users.drop(call, token.bearer(call, AccessToken)[1])


def GlobalSignOut(call: Call, *, AccessToken: str) -> dict:
    user = token.bearer(call, AccessToken)[1]
    users.put(call, changed(user, signed_out=call.now()))
    return {}


def RevokeToken(call: Call, *, Token: str, ClientId: str, ClientSecret: str | None = None) -> dict:
    _, client = clients.found(call, ClientId)
    if not client.settings["EnableTokenRevocation"]:
        raise UnsupportedOperationException("Client does not have token revocation enabled.")
    if not clients.check_secret(call, client, ClientSecret):
        raise UnauthorizedException("Invalid client secret.")
    if token.pool_of(Token):
        raise UnsupportedTokenTypeException("Invalid token type.")
    try:
        opened = token.opened(call, client, Token)
    except NotAuthorizedException as error:
        if "revoked" in error.text or "expired" in error.text:
            return {}
        raise UnauthorizedException("Invalid refresh token.") from None
    ticket.revoke(call, opened.sign_in.origin, opened.until + client.lasts_s("AccessTokenValidity"))
    return {}


# Forgotten -----------------------------------------------------------------------------------------


def _recovery(pool: UserPool, user: User) -> str:
    """By which address a password may be reset. Raises what AWS answers where there is none."""
    ways = (pool.settings.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or RECOVERY_DEFAULT
    names = [way["Name"] for way in sorted(ways, key=lambda way: way["Priority"])]
    if names == ["admin_only"]:
        raise NotAuthorizedException("Contact administrator to reset password.")
    for name in names:
        attribute = name.removeprefix("verified_")
        if user.attributes.get(users.VERIFIED.get(attribute, "")) == "true":
            codes.address_of(user, attribute)
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
        if client.hides_users:
            return {"CodeDeliveryDetails": codes.details(Username if "@" in Username else f"{Username}@{Username}")}
        raise UserNotFoundException("Username/client id combination not found.")
    if not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    if user.status in (MUST_CHANGE, users.EXTERNAL):
        raise NotAuthorizedException("User password cannot be reset in the current state.")
    attribute = _recovery(pool, user)
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
    status = user.status if user.status == UNCONFIRMED else CONFIRMED
    user = users.put(call, users.with_password(call, pool, changed(user, status=status), Password))
    await trigger.asked(
        call, pool, "PostConfirmation", "PostConfirmation_ConfirmForgotPassword", user.name, ClientId,
        {"userAttributes": trigger.described(user)}, {}, ClientMetadata,
    )  # fmt: skip
    return {}
