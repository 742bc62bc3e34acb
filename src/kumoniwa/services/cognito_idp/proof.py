"""The first proof of who somebody is: his password, or that he knows it.

Somebody with a wrong password too often must wait: https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import place, schema, srp, ticket, trigger
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import UserPoolClient
from kumoniwa.services.cognito_idp.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    PasswordResetRequiredException,
    UserLambdaValidationException,
    UserNotConfirmedException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_RESET, UNCONFIRMED, User

FREE_FAILURES, LOCKED_S_MAX = 5, 900.0


class Attempt(NamedTuple):
    """One who wants to sign in, by the name he gave."""

    call: Call
    pool: UserPool
    client: UserPoolClient
    name: str
    metadata: dict[str, str] | None
    device: str = ""
    """The key of the device on which he says he is."""

    def challenge(self, name: str, user: User | None, shown: dict[str, str], kept: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is to be answered next, and the session that remembers it."""
        body = {
            "client": self.client.id, "name": self.name, "user": user.name if user is not None else None, "challenge": name,
            **({"device": self.device} if self.device else {}), **(kept or {}),
        }  # fmt: skip
        session = ticket.issue(self.call, "challenge", body, self.client.session_s)
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": shown}


def check_standing(user: User) -> None:
    if not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    if user.status == UNCONFIRMED:
        raise UserNotConfirmedException
    if user.status == MUST_RESET:
        raise PasswordResetRequiredException


async def known(attempt: Attempt) -> User | None:
    """The user who is named, after the customer's function has let him try; None for a name nobody has, where that is hidden."""
    call, pool, client = attempt.call, attempt.pool, attempt.client
    user = users.find(call, pool, attempt.name)
    if user is not None or client.hides_users:
        request = {"userAttributes": trigger.described(user) if user is not None else {}, "validationData": attempt.metadata}
        if user is None:
            request["userNotFound"] = True
        await trigger.asked(
            call, pool, "PreAuthentication", "PreAuthentication_Authentication", user.name if user is not None else attempt.name, client.id, request
        )
        # He may have been changed while the function was asked.
        user = users.find(call, pool, attempt.name)
    if user is None and not client.hides_users:
        raise UserNotFoundException
    if user is not None and not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    return user


def _check_lock(call: Call, user: User) -> None:
    if user.locked_until > call.now():
        raise NotAuthorizedException("Password attempts exceeded")


def _failed(call: Call, user: User) -> NotAuthorizedException:
    failures = user.failures + 1
    wait_s = min(LOCKED_S_MAX, 2.0 ** (failures - FREE_FAILURES)) if failures >= FREE_FAILURES else 0.0
    users.put(call, changed(user, failures=failures, locked_until=call.now() + wait_s if wait_s else 0.0))
    return NotAuthorizedException()


def _right(call: Call, user: User) -> User:
    if user.failures:
        user = users.put(call, changed(user, failures=0, locked_until=0.0))
    check_standing(user)
    return user


async def by_password(attempt: Attempt, password: str) -> User:
    """The user, if this is his password. Raises NotAuthorizedException."""
    await migrate(attempt, password)
    return with_password(attempt, await known(attempt), password)


def with_password(attempt: Attempt, user: User | None, password: str) -> User:
    call, pool = attempt.call, attempt.pool
    if user is None:
        raise NotAuthorizedException
    if user.status == MUST_RESET:
        raise PasswordResetRequiredException
    _check_lock(call, user)
    if not users.has_password(call, pool, user, password):
        raise _failed(call, user)
    return _right(call, user)


async def migrate(attempt: Attempt, password: str) -> None:
    """Somebody from elsewhere, as the customer's function vouches for him; nobody if it does not.
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-migrate-user.html"""
    call, pool = attempt.call, attempt.pool
    if users.find(call, pool, attempt.name) is not None or not trigger.function_of(pool, "UserMigration"):
        return
    try:
        answer = await trigger.asked(
            call, pool, "UserMigration", "UserMigration_Authentication", attempt.name, attempt.client.id,
            {"password": password, "validationData": attempt.metadata, "userAttributes": None},
            {"userAttributes": None, "forceAliasCreation": None, "finalUserStatus": None, "messageAction": None, "desiredDeliveryMediums": None},
            attempt.metadata,
        )  # fmt: skip
    except UserLambdaValidationException as error:
        raise NotAuthorizedException(hint=error.text) from None
    attributes = answer.get("userAttributes")
    if not isinstance(attributes, dict) or not attributes:
        return
    given = {name: str(value) for name, value in attributes.items() if name not in ("username", "sub")}
    schema.checked(pool, [{"Name": name, "Value": value} for name, value in given.items()], is_new=True)
    sub, now = call.new_id(), call.now()
    status = MUST_RESET if answer.get("finalUserStatus") == "RESET_REQUIRED" else CONFIRMED
    name = sub if pool.username_attributes else attempt.name
    user = User(pool=pool.id, name=name, sub=sub, created=now, modified=now, status=status, attributes=given)
    if users.find(call, pool, attempt.name) is None:
        users.put(call, users.with_password(call, pool, user, password))


# Without saying the password ---------------------------------------------------------------------------


def by_srp(attempt: Attempt, told: str, user: User | None, kept: dict[str, Any]) -> dict[str, Any]:
    call, pool = attempt.call, attempt.pool
    if user is not None:
        _check_lock(call, user)
    verifier = users.verifier_of(call, user) if user is not None else None
    name = user.name if user is not None else attempt.name
    if verifier is None:
        # Nobody, or nobody with a password: the answer must not tell, and must be the same each time.
        salt = place.digest(call.home, "srp", pool.id, name)[: srp.SALT_BYTES]
        verifier = srp.Verifier(int.from_bytes(salt, "big"), int.from_bytes(place.digest(call.home, "nobody", pool.id, name), "big"))
    return exchanged(attempt, "PASSWORD_VERIFIER", told, user, verifier, {"USERNAME": name, "USER_ID_FOR_SRP": name}, kept)


def exchanged(
    attempt: Attempt, challenge: str, told: str, user: User | None, verifier: srp.Verifier, named: dict[str, str], kept: dict[str, Any]
) -> dict[str, Any]:
    """The server's half of the exchange: a salt, a public value, and a block that is to be signed."""
    try:
        theirs = int(told, 16)
    except ValueError:
        raise InvalidParameterException("SRP_A is not a number") from None
    if not 0 < theirs < srp.GROUP:
        raise InvalidParameterException("SRP_A is out of range")
    secret, ours = srp.begun(verifier)
    state = {**kept, "srp": {"a": told, "b": f"{secret:x}", "B": f"{ours:x}", "verifier": verifier.packed().decode()}}
    shown = {"SALT": f"{verifier.salt:x}", "SRP_B": f"{ours:x}", **named}
    reply = attempt.challenge(challenge, user, shown, state)
    # Some clients show the block and not the session, so that the one stands for the other.
    shown["SECRET_BLOCK"] = base64.b64encode(reply["Session"].encode()).decode()
    return reply


def session_in(block: str) -> str:
    try:
        return base64.b64decode(block, validate=True).decode()
    except (ValueError, binascii.Error):
        return ""


def srp_answered(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> User:
    """The user, if he knows his password. Raises NotAuthorizedException."""
    call = attempt.call
    if user is None:
        raise NotAuthorizedException
    _check_lock(call, user)
    if not user.verifier or not is_shown(said["srp"], users.srp_name(attempt.pool, user), told):
        raise _failed(call, user)
    return _right(call, user)


def is_shown(begun: dict[str, str], who: str, told: dict[str, str]) -> bool:
    """Whether an answer shows that its maker knows the secret which the exchange was begun about."""
    try:
        block = base64.b64decode(told["PASSWORD_CLAIM_SECRET_BLOCK"], validate=True)
        signature = base64.b64decode(told["PASSWORD_CLAIM_SIGNATURE"], validate=True)
        key = srp.key(srp.unpacked(begun["verifier"].encode()), int(begun["b"], 16), int(begun["B"], 16), int(begun["a"], 16))
    except (ValueError, binascii.Error, srp.Refused):
        return False
    return hmac.compare_digest(srp.signature(key, who, block, told["TIMESTAMP"]), signature)
