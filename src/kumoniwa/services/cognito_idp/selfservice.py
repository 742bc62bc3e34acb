"""What people do for themselves, with an access token.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import administration, factor, schema, signup, ticket, token
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    UnauthorizedException,
    UnsupportedOperationException,
    UnsupportedTokenTypeException,
)


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
    proven = pool.settings.get("AutoVerifiedAttributes") or ()
    to_prove = [name for name in users.VERIFIED if name in proven and name in given and given[name] != user.attributes.get(name)]
    told = [each for each in UserAttributes if not (each["Name"] in to_prove and each["Name"] in waiting)]
    user, sent = users.put(call, administration.with_attributes(call, pool, user, told)), []
    for name in to_prove:
        user, details = await codes.send(
            call, pool, user, "attribute", "CustomMessage_UpdateUserAttribute", client.id, ClientMetadata, name, given[name]
        )
        sent.append(details)
    return {"CodeDeliveryDetailsList": sent}


def DeleteUserAttributes(call: Call, *, AccessToken: str, UserAttributeNames: list[str]) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    signup.check_writable(clients.named(call, claims["client_id"], pool.id), UserAttributeNames)
    users.put(call, administration.without_attributes(pool, user, UserAttributeNames))
    return {}


async def GetUserAttributeVerificationCode(
    call: Call, *, AccessToken: str, AttributeName: str, ClientMetadata: dict[str, str] | None = None
) -> dict:
    pool, user, claims = token.bearer(call, AccessToken)
    if AttributeName not in users.VERIFIED:
        raise InvalidParameterException(f"{AttributeName} is not a verifiable attribute.")
    if not user.attributes.get(AttributeName):
        raise InvalidParameterException(f"User does not have the attribute {AttributeName}.")
    _, details = await codes.send(
        call, pool, user, "attribute", "CustomMessage_VerifyUserAttribute", claims["client_id"], ClientMetadata, AttributeName
    )
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
    users.check_unused(call, pool, user, ProposedPassword)
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
