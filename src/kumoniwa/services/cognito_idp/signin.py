"""Signing in: from the first words to tokens, by way of what a pool still wants to know.

Between two steps lies a session, a ticket of ``ticket`` that holds how far somebody has come. Every way ends in ``_admitted``: a new
password where one is due, the second factor, and then tokens.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import choice, custom, factor, passkey, proof, schema, signup, ticket, token, trigger
from kumoniwa.services.cognito_idp import client as clients
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import device as devices
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.client import UserPoolClient
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    InvalidPasswordException,
    NotAuthorizedException,
    PasswordHistoryPolicyViolationException,
)
from kumoniwa.services.cognito_idp.pool import BY_CODE, BY_PASSKEY, UserPool
from kumoniwa.services.cognito_idp.proof import Attempt
from kumoniwa.services.cognito_idp.user import CONFIRMED, MUST_CHANGE, User

CHALLENGE = "challenge"
FLOWS = {
    "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
    "ADMIN_USER_PASSWORD_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"),
    "ADMIN_NO_SRP_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"),
    "USER_SRP_AUTH": ("ALLOW_USER_SRP_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH"),
    "CUSTOM_AUTH": ("ALLOW_CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH", "CUSTOM_AUTH_FLOW_ONLY"),
    "USER_AUTH": ("ALLOW_USER_AUTH",),
    "REFRESH_TOKEN_AUTH": ("ALLOW_REFRESH_TOKEN_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH", "CUSTOM_AUTH_FLOW_ONLY"),
    "REFRESH_TOKEN": ("ALLOW_REFRESH_TOKEN_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH", "CUSTOM_AUTH_FLOW_ONLY"),
}
"""By flow: what a client must have among its own, in the words of today and of old. Of old, SRP was only forbidden by CUSTOM_AUTH_FLOW_ONLY:
moto verified on AWS that a client with USER_PASSWORD_AUTH signs in by SRP (test_initiate_auth_USER_PASSWORD_AUTH)."""
FOR_ADMINISTRATORS = ("ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")


async def InitiateAuth(
    call: Call, *, ClientId: str, AuthFlow: str, AuthParameters: dict[str, str] | None = None, ClientMetadata: dict[str, str] | None = None,
    UserContextData: dict[str, Any] | None = None, Session: str | None = None,
) -> dict:  # fmt: skip
    """What a client tells of its device (``UserContextData``) is for threat protection, without which it changes nothing on AWS either."""
    if AuthFlow in FOR_ADMINISTRATORS:
        raise InvalidParameterException("Initiate Auth method not supported.")
    pool, client = clients.found(call, ClientId)
    return await _begin(call, pool, client, AuthFlow, AuthParameters or {}, ClientMetadata, Session)


async def AdminInitiateAuth(
    call: Call, *, UserPoolId: str, ClientId: str, AuthFlow: str, AuthParameters: dict[str, str] | None = None,
    ClientMetadata: dict[str, str] | None = None, ContextData: dict[str, Any] | None = None, Session: str | None = None,
) -> dict:  # fmt: skip
    """``ContextData`` is for threat protection, without which it changes nothing on AWS either."""
    if AuthFlow == "USER_PASSWORD_AUTH":
        raise InvalidParameterException("Initiate Auth method not supported.")
    pool, client = clients.found(call, ClientId, UserPoolId)
    return await _begin(call, pool, client, AuthFlow, AuthParameters or {}, ClientMetadata, Session)


def _said(told: dict[str, str], name: str) -> str:
    if not told.get(name):
        raise InvalidParameterException(f"Missing required parameter {name}")
    return told[name]


async def _begin(
    call: Call, pool: UserPool, client: UserPoolClient, flow: str, told: dict[str, str], metadata: dict[str, str] | None,
    session: str | None,
) -> dict[str, Any]:  # fmt: skip
    if flow not in FLOWS:
        raise NotImplementedHere(f"the flow {flow} of cognito-idp")
    if not set(FLOWS[flow]) & set(client.flows):
        text = "Auth flow not enabled for this client" if flow in FOR_ADMINISTRATORS else f"{flow} flow not enabled for this client"
        raise InvalidParameterException(text)
    if flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        return {"AuthenticationResult": await refreshed(call, pool, client, told, metadata)}
    name = _said(told, "USERNAME")
    clients.check_hash(call, client, name, told.get("SECRET_HASH"))
    attempt = Attempt(call, pool, client, name, metadata, told.get("DEVICE_KEY", ""))
    if flow == "USER_SRP_AUTH":
        return proof.by_srp(attempt, _said(told, "SRP_A"), await proof.known(attempt), {})
    if flow == "CUSTOM_AUTH":
        return await _custom(attempt, told)
    if flow == "USER_AUTH":
        return await _chosen(attempt, told, session)
    user = await proof.by_password(attempt, _said(told, "PASSWORD"))
    return await _admitted(attempt, user)


# By choice ---------------------------------------------------------------------------------------------


async def _chosen(attempt: Attempt, told: dict[str, str], session: str | None) -> dict[str, Any]:
    """Whoever prefers a challenge that is there for him is put it, everybody else is told among which he may choose."""
    choice.check_tier(attempt.pool)
    stepping = next((name for name in ("TARGET_ACR_VALUES", "MAX_AGE", "ACCESS_TOKEN") if name in told), None)
    if stepping is not None:
        raise NotImplementedHere(f"step-up authentication ({stepping}) of cognito-idp")
    if session is not None:
        return await _signed_up_now(attempt, session)
    wanted = told.get("PREFERRED_CHALLENGE")
    if wanted == choice.PASSWORD and told.get("PASSWORD"):
        await proof.migrate(attempt, told["PASSWORD"])
    user = await proof.known(attempt)
    if wanted not in choice.available(attempt.call, attempt.pool, user):
        choice.check_not_barred(attempt.call, attempt.pool, user, wanted)
        return choice.offer(attempt, user)
    return await _first(attempt, user, wanted, told)


async def _first(attempt: Attempt, user: User | None, kind: str, told: dict[str, str]) -> dict[str, Any]:
    """The first factor that was chosen, with all that was said of it at once."""
    if kind == choice.PASSWORD:
        return await _admitted(attempt, proof.with_password(attempt, user, _said(told, "PASSWORD")))
    if kind == choice.SRP:
        return proof.by_srp(attempt, _said(told, "SRP_A"), user, {})
    if kind == BY_PASSKEY:
        return passkey.ask(attempt, user)
    return await choice.send(attempt, user, kind)


async def _signed_up_now(attempt: Attempt, session: str) -> dict[str, Any]:
    """"Amazon Cognito assumes the SMS or email message one-time verification password from ConfirmSignUp as the primary authentication factor." It
    "ignores the AuthParameters when you pass a valid session code"; who may not sign in by such a code chooses."""
    said = ticket.redeem(attempt.call, signup.CONFIRMED_NOW, session)
    user = users.find(attempt.call, attempt.pool, said["user"]) if said is not None and said["client"] == attempt.client.id else None
    if user is None:
        raise NotAuthorizedException(signup.INVALID_SESSION)
    proof.check_standing(user)
    if any(BY_CODE.get(kind) == said["attribute"] for kind in choice.available(attempt.call, attempt.pool, user)):
        return await _let_in(attempt, user, "password")
    return choice.offer(attempt, user)


async def refreshed(
    call: Call, pool: UserPool, client: UserPoolClient, told: dict[str, str], metadata: dict[str, str] | None = None
) -> dict[str, Any]:
    """New ID and access tokens of an old sign-in."""
    opened, told_hash = token.opened(call, client, _said(told, "REFRESH_TOKEN")), told.get("SECRET_HASH")
    devices.check_refresh(call, pool, opened.user, opened.device, told.get("DEVICE_KEY"))
    if client.secret:
        # A client may know its user by the name he typed, or by the one in his tokens.
        names = [opened.user.name, opened.user.sub, *(opened.user.attributes.get(name, "") for name in pool.username_attributes)]
        for number, name in enumerate(names):
            try:
                clients.check_hash(call, client, name, told_hash)
                break
            except NotAuthorizedException:
                if number + 1 == len(names):
                    raise
    return await token.issue(call, pool, client, opened.user, opened.sign_in._replace(how="refresh"), metadata, is_new=False, device=opened.device)


async def GetTokensFromRefreshToken(
    call: Call, *, RefreshToken: str, ClientId: str, ClientSecret: str | None = None, ClientMetadata: dict[str, str] | None = None,
    DeviceKey: str | None = None,
) -> dict:  # fmt: skip
    pool, client = clients.found(call, ClientId)
    if not clients.check_secret(call, client, ClientSecret):
        raise NotAuthorizedException(f"Client secret does not match for the client: {ClientId}")
    opened = token.opened(call, client, RefreshToken)
    devices.check_refresh(call, pool, opened.user, opened.device, DeviceKey)
    sign_in = opened.sign_in._replace(how="refresh")
    return {"AuthenticationResult": await token.issue(call, pool, client, opened.user, sign_in, ClientMetadata, is_new=False, device=opened.device)}


# On the way ----------------------------------------------------------------------------------------


async def _admitted(attempt: Attempt, user: User, *, how: str = "password", by_password: bool = True) -> dict[str, Any]:
    """Somebody who has proven who he is: what is still due, or tokens."""
    pool = attempt.pool
    if by_password and user.status == MUST_CHANGE:
        if user.password_until and user.password_until <= attempt.call.now():
            raise NotAuthorizedException("Temporary password has expired and must be reset by an administrator.")
        needed = [rule["Name"] for rule in pool.attributes if rule["Required"] and rule["Name"] != "sub" and rule["Name"] not in user.attributes]
        shown = {
            "USER_ID_FOR_SRP": user.name, "requiredAttributes": json.dumps([f"userAttributes.{name}" for name in needed]),
            "userAttributes": json.dumps(user.attributes),
        }  # fmt: skip
        return attempt.challenge("NEW_PASSWORD_REQUIRED", user, shown)
    device = devices.asked_for(attempt.call, pool, user, attempt.device)
    if device is not None:
        reply = attempt.challenge(devices.SRP_AUTH, user, {}, {"how": how})
        devices.leave_session(attempt.call, user, device.key, attempt.client.id, reply["Session"], attempt.client.session_s)
        return reply
    return await _factors(attempt, user, how)


async def _factors(attempt: Attempt, user: User, how: str) -> dict[str, Any]:
    """What is due of somebody who has shown his password and his device."""
    pool = attempt.pool
    kinds = factor.asked_for(pool, user)
    if len(kinds) > 1:
        return attempt.challenge("SELECT_MFA_TYPE", user, {"USER_ID_FOR_SRP": user.name, "MFAS_CAN_CHOOSE": json.dumps(kinds)}, {"how": how, "kinds": kinds})
    if kinds:
        return await _second(attempt, user, kinds[0], how)
    if factor.must_set_up(pool):
        shown = {"USER_ID_FOR_SRP": user.name, "MFAS_CAN_SETUP": json.dumps(factor.offered(pool))}
        body = {"pool": pool.id, "client": attempt.client.id, "user": user.name, "how": how, "device": attempt.device}
        return {
            "ChallengeName": "MFA_SETUP", "Session": ticket.issue(attempt.call, factor.SETUP, body, factor.SETUP_S), "ChallengeParameters": shown,
        }  # fmt: skip
    return await _let_in(attempt, user, how)


async def _second(attempt: Attempt, user: User, kind: str, how: str) -> dict[str, Any]:
    return attempt.challenge(kind, user, await factor.ask(attempt, user, kind), {"how": how})


async def _let_in(attempt: Attempt, user: User, how: str) -> dict[str, Any]:
    """The last answer: tokens, and a key for the device if he told of none."""
    call, pool, client, device = attempt.call, attempt.pool, attempt.client, attempt.device
    is_new = devices.are_tracked(pool) and not device
    await trigger.signed_in(call, pool, user, client.id, attempt.metadata, on_new=is_new)
    if is_new:
        device = devices.new_key(call)
    elif device and devices.are_tracked(pool):
        devices.used(call, user, device)
    else:
        device = ""
    result = await token.issue(call, pool, client, user, token.begun(call, how), attempt.metadata, device=device)
    fresh = {"NewDeviceMetadata": {"DeviceKey": device, "DeviceGroupKey": devices.group_of(call, user)}} if is_new else {}
    return {"ChallengeParameters": {}, "AuthenticationResult": result | fresh}


async def _custom(attempt: Attempt, told: dict[str, str]) -> dict[str, Any]:
    """The customer's own functions lead; they may ask for a password first."""
    user = users.find(attempt.call, attempt.pool, attempt.name)
    past: list[dict[str, Any]] = []
    if told.get("CHALLENGE_NAME") == "SRP_A":
        past = [{"challengeName": "SRP_A", "challengeResult": True, "challengeMetadata": None}]
    return await _custom_step(attempt, user, past, told.get("SRP_A"))


async def _custom_step(attempt: Attempt, user: User | None, past: list[dict[str, Any]], public: str | None = None) -> dict[str, Any]:
    step = await custom.next_step(attempt, user, past)
    if step == custom.DONE:
        if user is None:
            raise NotAuthorizedException
        proof.check_standing(user)
        # A password that must be changed keeps nobody from signing in without one: aws-samples/amazon-cognito-passwordless-auth, issue 194.
        return await _admitted(attempt, user, by_password=False)
    if step == "PASSWORD_VERIFIER":
        if public is None:
            raise InvalidParameterException("Missing required parameter SRP_A")
        return proof.by_srp(attempt, public, user, {"past": past})
    return await custom.put_to(attempt, user, past, step)


# Answers -------------------------------------------------------------------------------------------


async def RespondToAuthChallenge(
    call: Call, *, ClientId: str, ChallengeName: str, Session: str | None = None, ChallengeResponses: dict[str, str] | None = None,
    ClientMetadata: dict[str, str] | None = None, UserContextData: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """``UserContextData`` is for threat protection, without which it changes nothing on AWS either."""
    pool, client = clients.found(call, ClientId)
    return await _answered(call, pool, client, ChallengeName, Session, ChallengeResponses or {}, ClientMetadata)


async def AdminRespondToAuthChallenge(
    call: Call, *, UserPoolId: str, ClientId: str, ChallengeName: str, Session: str | None = None,
    ChallengeResponses: dict[str, str] | None = None, ClientMetadata: dict[str, str] | None = None, ContextData: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """``ContextData`` is for threat protection, without which it changes nothing on AWS either."""
    pool, client = clients.found(call, ClientId, UserPoolId)
    return await _answered(call, pool, client, ChallengeName, Session, ChallengeResponses or {}, ClientMetadata)


def _is_asked(said: dict[str, Any], challenge: str) -> bool:
    asked = said.get("challenge", "MFA_SETUP")
    return challenge == asked or asked == choice.SELECT and challenge in choice.AT_ONCE


async def _answered(
    call: Call, pool: UserPool, client: UserPoolClient, challenge: str, session: str | None, told: dict[str, str], metadata: dict[str, str] | None
) -> dict[str, Any]:
    answer = _ANSWERS.get(challenge)
    if answer is None:
        raise NotImplementedHere(f"the challenge {challenge} of cognito-idp")
    name = _said(told, "USERNAME")
    clients.check_hash(call, client, name, told.get("SECRET_HASH"))
    kind = factor.SETUP if challenge == "MFA_SETUP" else CHALLENGE
    if challenge in ("PASSWORD_VERIFIER", devices.VERIFIER):
        session = proof.session_in(_said(told, "PASSWORD_CLAIM_SECRET_BLOCK"))
    if challenge == devices.SRP_AUTH and not session:
        session = devices.session_left(call, users.find(call, pool, name), told.get("DEVICE_KEY", ""), client.id)
    said = ticket.redeem(call, kind, session or "")
    if said is None or said["client"] != client.id or not _is_asked(said, challenge):
        raise NotAuthorizedException(signup.INVALID_SESSION)
    device = said.get("device") or (told.get("DEVICE_KEY", "") if challenge == "PASSWORD_VERIFIER" else "")
    attempt = Attempt(call, pool, client, said.get("name", name), metadata, device)
    user = users.find(call, pool, said["user"]) if said["user"] is not None else None
    if said["user"] is not None and user is None:
        raise NotAuthorizedException
    if user is not None and not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    try:
        return await answer(attempt, user, said, told)
    except (CodeMismatchException, ExpiredCodeException, InvalidPasswordException, PasswordHistoryPolicyViolationException):
        # Who mistyped a code types it again: https://github.com/aws-amplify/amplify-swift/issues/2615. How often AWS lets him is not documented.
        # So does who chose a password that is against the policy: AWS's own clients keep the session for it.
        failures = said.get("failures", 0) + 1
        if failures < codes.FAILURES_MAX:
            ticket.give_back(call, kind, session or "", said | {"failures": failures})
        raise


async def _password_proven(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    for name in ("PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP"):
        _said(told, name)
    user = proof.srp_answered(attempt, user, said, told)
    if "past" in said:
        past = [*said["past"], {"challengeName": "PASSWORD_VERIFIER", "challengeResult": True, "challengeMetadata": None}]
        return await _custom_step(attempt, user, past)
    return await _admitted(attempt, user)


async def _device_begun(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    device, public = _device(attempt, user, told), _said(told, "SRP_A")
    shown = {"USERNAME": user.name, "DEVICE_KEY": device.key}
    verifier = devices.verifier_of(attempt.call, device)
    return proof.exchanged(attempt, devices.VERIFIER, public, user, verifier, shown, {"how": said["how"]})


def _device(attempt: Attempt, user: User, told: dict[str, str]) -> devices.Device:
    """The device that was told of first, if this is told of now, and it is remembered still."""
    device = devices.asked_for(attempt.call, attempt.pool, user, attempt.device)
    if device is None or _said(told, "DEVICE_KEY") != device.key:
        raise NotAuthorizedException
    return device


async def _device_proven(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    for name in ("PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP"):
        _said(told, name)
    device = _device(attempt, user, told)
    if not proof.is_shown(said["srp"], devices.who(attempt.call, user, device.key), told):
        raise NotAuthorizedException
    if devices.replaces_factors(attempt.pool):
        return await _let_in(attempt, user, "device")
    return await _factors(attempt, user, "device")


async def _new_password(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    call, pool, password = attempt.call, attempt.pool, _said(told, "NEW_PASSWORD")
    users.check_password(pool, password)
    users.check_unused(call, pool, user, password)
    given = [{"Name": key.removeprefix("userAttributes."), "Value": value} for key, value in told.items() if key.startswith("userAttributes.")]
    attributes = user.attributes | schema.checked(pool, given, is_new=True)
    schema.check_required(pool, attributes)
    user = users.with_password(call, pool, changed(user, attributes=attributes, status=CONFIRMED), password)
    return await _admitted(attempt, users.put(call, user), how="new password")


async def _first_selected(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    return await _first_answered(attempt, user, said, told, _said(told, "ANSWER"))


async def _password_told(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    return await _first_answered(attempt, user, said, told, choice.PASSWORD)


async def _srp_told(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    return await _first_answered(attempt, user, said, told, choice.SRP)


async def _first_answered(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str], kind: str) -> dict[str, Any]:
    if kind not in said["kinds"]:
        # Of the text no record is at hand.
        raise InvalidParameterException(f"The challenge {kind} is not available.", hint=f"One of {', '.join(said['kinds'])}.")
    return await _first(attempt, user, kind, told)


async def _code_met(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    """A code that is the first factor. Nobody else is asked for: a second one and this exclude each other."""
    code = _said(told, f"{said['challenge']}_CODE")
    if user is None:
        raise CodeMismatchException("Invalid code or auth state for the user.")
    user, is_confirmed = choice.met(attempt.call, user, code)
    if is_confirmed:
        signup.take_aliases(attempt.call, attempt.pool, user, False)
    proof.check_standing(users.put(attempt.call, user))
    if is_confirmed:
        await signup.confirmed(attempt.call, attempt.pool, user, attempt.client.id, attempt.metadata)
    return await _let_in(attempt, user, "password")


async def _passkey_shown(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    """A passkey that is the first factor, and the last: where two are asked for it counts for both, unless that has changed meanwhile."""
    call, pool, credential = attempt.call, attempt.pool, _said(told, "CREDENTIAL")
    if BY_PASSKEY not in choice.available(call, pool, user):
        raise NotAuthorizedException
    passkey.check_shown(call, pool, user, said["passkey"], credential)
    proof.check_standing(user)
    return await _let_in(attempt, user, "password")


async def _second_met(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    if said.get("is_first"):
        return await _code_met(attempt, user, said, told)
    kind = said["challenge"]
    user = factor.met(attempt.call, user, kind, _said(told, f"{kind}_CODE"))
    return await _let_in(attempt, user, said["how"])


async def _selected(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    kind = _said(told, "ANSWER")
    if kind not in said["kinds"]:
        raise InvalidParameterException(f"Invalid MFA type {kind}.", hint=f"One of {', '.join(said['kinds'])}.")
    return await _second(attempt, user, kind, said["how"])


async def _set_up(attempt: Attempt, user: User, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    """An app that was shown to work, or an address for mails, to which a code is sent at once."""
    if told.get("EMAIL") and factor.MAIL in factor.offered(attempt.pool):
        given = schema.checked(attempt.pool, [{"Name": "email", "Value": told["EMAIL"]}], is_new=False)
        user = users.put(attempt.call, changed(user, attributes=user.attributes | given, is_email_enabled=True))
        return await _second(attempt, user, factor.MAIL, said["how"])
    if not said.get("is_set_up"):
        raise InvalidParameterException("User has not verified software token mfa")
    return await _let_in(attempt, user, said["how"])


async def _custom_answered(attempt: Attempt, user: User | None, said: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    past = await custom.judged(attempt, user, said, _said(told, "ANSWER"))
    return await _custom_step(attempt, user, past)


_ANSWERS = {
    choice.SELECT: _first_selected, choice.PASSWORD: _password_told, choice.SRP: _srp_told, "SMS_OTP": _code_met, BY_PASSKEY: _passkey_shown,
    "PASSWORD_VERIFIER": _password_proven, devices.SRP_AUTH: _device_begun, devices.VERIFIER: _device_proven,
    "NEW_PASSWORD_REQUIRED": _new_password, "MFA_SETUP": _set_up, "SELECT_MFA_TYPE": _selected, "CUSTOM_CHALLENGE": _custom_answered,
    factor.APP: _second_met, factor.TEXT: _second_met, factor.MAIL: _second_met,
}  # fmt: skip
