"""Signing up: by oneself with a code that is sent, or by an administrator with a temporary password.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import choice, delivery, schema, sender, ticket, trigger
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import USER_AUTH, UserPoolClient
from kumoniwa.services.cognito_idp.errors import (
    AliasExistsException,
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    UnsupportedUserStateException,
    UsernameExistsException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_CHANGE, UNCONFIRMED, User

DAY_S = 86_400.0
INVITE = "Your username is {username} and temporary password is {####}. "
INVITE_WITHOUT = "Your username is {username}. "
"""For those without a password. How AWS words it no source tells."""
SIGNED_UP, CONFIRMED_NOW = "signed up", "confirmed now"
"""Sessions: of one who has signed up, and of one who has confirmed it."""
NO_PASSWORD = "Password is required: passwordless sign-in is not available in this user pool."
"""The words are ours."""
INVALID_SESSION = "Invalid session for the user, session is expired."


def _fresh(call: Call, pool: UserPool, name: str, attributes: dict[str, str], status: str) -> User:
    """A user who is not kept yet. In a pool that knows users by an address, the name given is that address."""
    sub, now = call.new_id(), call.now()
    if pool.username_attributes:
        kind = "phone_number" if name.startswith("+") else "email"
        if kind not in pool.username_attributes or kind == "email" and "@" not in name:
            words = {"email": "an email", "phone_number": "a phone number"}
            either = " or ".join(words[each] for each in sorted(pool.username_attributes))
            raise InvalidParameterException(f"Username should be {'either ' if len(pool.username_attributes) > 1 else ''}{either}.")
        attributes = attributes | schema.checked(pool, [{"Name": kind, "Value": name}], is_new=True)
        name = sub
    elif "email" in pool.aliases and "@" in name:
        raise InvalidParameterException("Username cannot be of email format, since user pool is configured for email alias.")
    schema.check_required(pool, attributes)
    return User(pool=pool.id, name=name, sub=sub, created=now, modified=now, status=status, attributes=attributes)


def _check_free(call: Call, pool: UserPool, user: User, told: str) -> None:
    held = users.find(call, pool, told)
    if held is not None:
        kind = next((name for name in pool.username_attributes if held.attributes.get(name, "").lower() == told.lower()), None)
        if kind is not None:
            raise UsernameExistsException(f"An account with the given {kind} already exists.")
        raise UsernameExistsException("User account already exists" if user.status == MUST_CHANGE else None)
    if pool.username_attributes and (found := users.holder(call, pool, user)) is not None:
        raise UsernameExistsException(f"An account with the given {found[0]} already exists.")


def take_aliases(call: Call, pool: UserPool, user: User, is_forced: bool | None) -> None:
    """Before an address becomes a user's alias: whoever else has it keeps it, or gives it up. Raises AliasExistsException."""
    found = users.holder(call, pool, user)
    if found is None:
        return
    attribute, other = found
    if not is_forced or pool.username_attributes:
        raise AliasExistsException(f"An account with the {attribute.replace('_number', '')} already exists.")
    users.put(call, changed(other, attributes=other.attributes | {users.VERIFIED.get(attribute, attribute): "false"}))


def _with_verified(attributes: dict[str, str], answer: dict[str, Any]) -> dict[str, str]:
    """What a function says of addresses that need no code."""
    proven = {"email": answer.get("autoVerifyEmail"), "phone_number": answer.get("autoVerifyPhone")}
    return attributes | {users.VERIFIED[name]: "true" for name, is_proven in proven.items() if is_proven is True and name in attributes}


async def SignUp(
    call: Call, *, ClientId: str, Username: str, Password: str | None = None, SecretHash: str | None = None,
    UserAttributes: list[dict[str, str]] | None = None, ValidationData: list[dict[str, str]] | None = None,
    ClientMetadata: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    pool, client = clients.found(call, ClientId)
    clients.check_hash(call, client, Username, SecretHash)
    if pool.settings["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]:
        raise NotAuthorizedException("SignUp is not permitted for this user pool")
    attributes = _given(pool, client, UserAttributes)
    if Password:
        users.check_password(pool, Password)
    elif not pool.is_passwordless:
        raise InvalidParameterException(NO_PASSWORD)
    user = _fresh(call, pool, Username, attributes, UNCONFIRMED)
    if not Password:
        choice.check_reachable(pool, user.attributes)
    _check_free(call, pool, user, Username)
    request = {"userAttributes": dict(user.attributes), "validationData": {each["Name"]: each.get("Value", "") for each in ValidationData or ()}}
    answer = await trigger.asked(
        call, pool, "PreSignUp", "PreSignUp_SignUp", user.name, ClientId, request,
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}, ClientMetadata,
    )  # fmt: skip
    is_confirmed = answer.get("autoConfirmUser") is True
    user = changed(user, attributes=_with_verified(user.attributes, answer), status=CONFIRMED if is_confirmed else UNCONFIRMED)

    def keep() -> User:
        # Somebody may have taken the name while the function was asked.
        _check_free(call, pool, user, Username)
        if is_confirmed:
            take_aliases(call, pool, user, False)
        return users.put(call, users.with_password(call, pool, user, Password) if Password else user)

    user = call.atomically(keep)
    reply: dict[str, Any] = {"UserConfirmed": is_confirmed, "UserSub": user.sub}
    if is_confirmed:
        await confirmed(call, pool, user, ClientId, ClientMetadata)
    elif (address := _proven_at(pool, user)) is not None:
        _, reply["CodeDeliveryDetails"] = await codes.send(call, pool, user, "signup", "CustomMessage_SignUp", ClientId, ClientMetadata, address)
    if not is_confirmed and USER_AUTH in client.flows:
        # https://github.com/aws/aws-sdk-js-v3/issues/6724
        reply["Session"] = ticket.issue(call, SIGNED_UP, {"client": client.id, "user": user.name}, client.session_s)
    return reply


def _given(pool: UserPool, client: UserPoolClient | None, told: list[dict[str, str]] | None) -> dict[str, str]:
    attributes = schema.checked(pool, told, is_new=True)
    check_writable(client, attributes)
    return attributes


def check_writable(client: UserPoolClient | None, names: Any) -> None:
    writable = client.settings.get("WriteAttributes") if client is not None else None
    is_own_word = any(name in users.VERIFIED.values() for name in names) if client is not None else False
    if is_own_word or writable is not None and set(names) - set(writable):
        raise NotAuthorizedException("A client attempted to write unauthorized attribute")


def _proven_at(pool: UserPool, user: User) -> str | None:
    """Which address a code is sent to: of two, the number (https://github.com/amazon-archives/amazon-cognito-identity-js/issues/428)."""
    proven = pool.settings.get("AutoVerifiedAttributes") or ()
    return next((name for name in ("phone_number", "email") if name in proven and user.attributes.get(name)), None)


async def confirmed(
    call: Call, pool: UserPool, user: User, client_id: str, metadata: dict[str, str] | None, source: str = "PostConfirmation_ConfirmSignUp"
) -> None:
    await trigger.asked(call, pool, "PostConfirmation", source, user.name, client_id, {"userAttributes": trigger.described(user)}, {}, metadata)


async def ConfirmSignUp(
    call: Call, *, ClientId: str, Username: str, ConfirmationCode: str, SecretHash: str | None = None, ForceAliasCreation: bool | None = None,
    ClientMetadata: dict[str, str] | None = None, Session: str | None = None,
) -> dict:  # fmt: skip
    """Who shows the session of his signing up is given one to sign in with at once: his code proves him."""
    pool, client = clients.found(call, ClientId)
    clients.check_hash(call, client, Username, SecretHash)
    begun = ticket.read(call, SIGNED_UP, Session) if Session is not None else None
    user = users.find(call, pool, Username)
    if Session is not None and (begun is None or begun["client"] != client.id or user is None or begun["user"] != user.name):
        raise NotAuthorizedException(INVALID_SESSION)
    attribute = await _confirm(call, pool, client, Username, ConfirmationCode, ForceAliasCreation, ClientMetadata)
    if Session is None:
        return {}
    ticket.redeem(call, SIGNED_UP, Session)
    return {"Session": ticket.issue(call, CONFIRMED_NOW, begun | {"attribute": attribute}, client.session_s)}


async def confirmed_by_link(call: Call, pool: UserPool, client: UserPoolClient, name: str, code: str) -> None:
    await _confirm(call, pool, client, name, code, False, None)


async def _confirm(
    call: Call, pool: UserPool, client: UserPoolClient, name: str, code: str, is_forced: bool | None, metadata: dict[str, str] | None
) -> str:
    """To which of the user's addresses the code went, that was right."""
    user = users.find(call, pool, name)
    if user is None:
        # With users hidden, a name nobody has answers as a code too old does: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
        raise ExpiredCodeException if client.hides_users else UserNotFoundException("Username/client id combination not found.")
    if user.status == CONFIRMED:
        raise NotAuthorizedException("User cannot be confirmed. Current status is CONFIRMED")
    if user.status != UNCONFIRMED:
        raise NotAuthorizedException(f"User cannot be confirmed. Current status is {user.status}")
    if "signup" not in user.codes:
        raise ExpiredCodeException

    right, sent = codes.redeem(call, user, "signup", code)
    right = changed(right, status=CONFIRMED, attributes=right.attributes | {users.VERIFIED[sent.attribute]: "true"})
    take_aliases(call, pool, right, is_forced)
    await confirmed(call, pool, users.put(call, right), client.id, metadata)
    return sent.attribute


async def ResendConfirmationCode(
    call: Call, *, ClientId: str, Username: str, SecretHash: str | None = None, ClientMetadata: dict[str, str] | None = None
) -> dict:
    pool, client = clients.found(call, ClientId)
    clients.check_hash(call, client, Username, SecretHash)
    user = users.find(call, pool, Username)
    if user is None:
        return {"CodeDeliveryDetails": codes.of_nobody(client, Username)}
    if user.status != UNCONFIRMED:
        raise InvalidParameterException("User is already confirmed.")
    address = _proven_at(pool, user)
    if address is None:
        raise InvalidParameterException("Cannot resend codes. Auto verification not turned on.")
    _, details = await codes.send(call, pool, user, "signup", "CustomMessage_ResendCode", ClientId, ClientMetadata, address)
    return {"CodeDeliveryDetails": details}


async def AdminConfirmSignUp(call: Call, *, UserPoolId: str, Username: str, ClientMetadata: dict[str, str] | None = None) -> dict:
    """Confirms the person, not the address."""
    pool = pools.found(call, UserPoolId)
    user = users.named(call, UserPoolId, Username)
    if user.status != UNCONFIRMED:
        raise NotAuthorizedException(f"User cannot be confirmed. Current status is {user.status}")
    user = call.atomically(lambda: users.put(call, changed(user, status=CONFIRMED, codes={})))
    await confirmed(call, pool, user, "CLIENT_ID_NOT_APPLICABLE", ClientMetadata)
    return {}


async def AdminCreateUser(
    call: Call, *, UserPoolId: str, Username: str, UserAttributes: list[dict[str, str]] | None = None,
    ValidationData: list[dict[str, str]] | None = None, TemporaryPassword: str | None = None, ForceAliasCreation: bool | None = None,
    MessageAction: str | None = None, DesiredDeliveryMediums: list[str] | None = None, ClientMetadata: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    pool = pools.found(call, UserPoolId)
    if MessageAction == "RESEND":
        return await _invited_again(call, pool, Username, TemporaryPassword, ClientMetadata, DesiredDeliveryMediums)
    attributes = schema.checked(pool, UserAttributes, is_new=True)
    if TemporaryPassword:
        users.check_password(pool, TemporaryPassword)
    password = TemporaryPassword or (users.fresh_password(call, pool) if pool.makes_passwords else "")
    if not password and not pool.is_passwordless:
        raise InvalidParameterException(NO_PASSWORD)
    user = _fresh(call, pool, Username, attributes, MUST_CHANGE if password else CONFIRMED)
    if not password:
        choice.check_reachable(pool, user.attributes)
    _check_free(call, pool, user, Username)
    request = {"userAttributes": dict(user.attributes), "validationData": {each["Name"]: each.get("Value", "") for each in ValidationData or ()}}
    answer = await trigger.asked(
        call, pool, "PreSignUp", "PreSignUp_AdminCreateUser", user.name, "CLIENT_ID_NOT_APPLICABLE", request,
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}, ClientMetadata,
    )  # fmt: skip
    user = changed(user, attributes=_with_verified(user.attributes, answer))

    def keep() -> User:
        _check_free(call, pool, user, Username)
        take_aliases(call, pool, user, ForceAliasCreation)
        has_one = bool(password)
        return users.put(call, users.with_password(call, pool, user, password, until=call.now() + _days(pool) * DAY_S) if has_one else user)

    user = call.atomically(keep)
    if MessageAction != "SUPPRESS":
        await _invite(call, pool, user, password, ClientMetadata, DesiredDeliveryMediums)
    return {"User": users.shown(user)}


def _days(pool: UserPool) -> int:
    return pool.password_policy["TemporaryPasswordValidityDays"]


async def _invite(
    call: Call, pool: UserPool, user: User, password: str, metadata: dict[str, str] | None, mediums: list[str] | None
) -> None:
    """By the ways that are named. Where none is, by text message if the pool sends any and the user has a number, else by mail: AWS's default
    is SMS, and its own examples without it are answered by mail."""
    template = pool.settings["AdminCreateUserConfig"].get("InviteMessageTemplate") or {}
    number, address = user.attributes.get("phone_number"), user.attributes.get("email")
    if mediums is None:
        mediums = ["SMS"] if number and pool.settings.get("SmsConfiguration") else ["EMAIL"]
    by_text, by_mail = bool(number) and "SMS" in mediums, bool(address) and "EMAIL" in mediums
    carried = [name for name, is_wanted in (("phone_number", by_text), ("email", by_mail)) if is_wanted and sender.is_there(pool, name)]
    for attribute in carried:
        source = "CustomMessage_AdminCreateUser"
        await sender.carry(call, pool, user, attribute, source, "CLIENT_ID_NOT_APPLICABLE", metadata, password)
    by_text, by_mail = by_text and "phone_number" not in carried, by_mail and "email" not in carried
    if not by_text and not by_mail:
        return
    asked = await trigger.asked(
        call, pool, "CustomMessage", "CustomMessage_AdminCreateUser", user.name, "CLIENT_ID_NOT_APPLICABLE",
        {"userAttributes": trigger.described(user), "codeParameter": codes.PLACE, "usernameParameter": "{username}"},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None}, metadata,
    )  # fmt: skip
    name = next((user.attributes[kind] for kind in pool.username_attributes if user.attributes.get(kind)), user.name)

    def filled(told: Any, own: str | None) -> str:
        return str(told or own or (INVITE if password else INVITE_WITHOUT)).replace("{username}", name).replace(codes.PLACE, password)

    arn = pools.arn_of(call, pool.id)
    if by_text:
        await delivery.text(call, pool.settings, arn, number, filled(asked.get("smsMessage"), template.get("SMSMessage")))
    if by_mail:
        subject = str(asked.get("emailSubject") or template.get("EmailSubject") or "Your temporary password")
        await delivery.mail(call, pool.settings, arn, address, subject, filled(asked.get("emailMessage"), template.get("EmailMessage")))


async def _invited_again(
    call: Call, pool: UserPool, name: str, told: str | None, metadata: dict[str, str] | None, mediums: list[str] | None
) -> dict:
    user = users.named(call, pool.id, name)
    if user.status != MUST_CHANGE:
        raise UnsupportedUserStateException("Resend not possible. User status is not FORCE_CHANGE_PASSWORD")
    if told is not None:
        users.check_password(pool, told)
    password = told or users.fresh_password(call, pool)
    user = users.put(call, users.with_password(call, pool, user, password, until=call.now() + _days(pool) * DAY_S))
    await _invite(call, pool, user, password, metadata, mediums)
    return {"User": users.shown(user)}
