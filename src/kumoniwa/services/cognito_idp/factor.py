"""The second factor: an authenticator app, whose seed the user is shown once, or a code in a text message or a mail.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-sms-email-message.html
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from kumoniwa.gate import mfa
from kumoniwa.gate.mfa import MfaDevice
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import passkey, place, ticket, token
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    CodeMismatchException,
    EnableSoftwareTokenMFAException,
    ExpiredCodeException,
    InvalidParameterException,
    LimitExceededException,
    NotAuthorizedException,
    SoftwareTokenMFANotFoundException,
)
from kumoniwa.services.cognito_idp.pool import BOTH_FACTORS, UserPool
from kumoniwa.services.cognito_idp.user import User

if TYPE_CHECKING:
    from kumoniwa.services.cognito_idp.proof import Attempt

TEXT, APP, MAIL, PASSKEY = "SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP", "WEB_AUTHN_MFA"
"""How a user's second factors are called. A passkey is none; it may stand for both."""
ADDRESS = {TEXT: "phone_number", MAIL: "email"}
_FIELDS = {TEXT: "sms", APP: "totp", MAIL: "email"}
SEED_BYTES = 32
SETUP = "setup"
SETUP_S = 180.0
INVALID_SESSION = "Invalid session for the user, session is expired."


def step_shown(call: Call, user: User, sealed: bytes, code: str) -> int | None:
    """The time step in which the app shows ``code``; None for a code that it does not show now."""
    seed = (place.opened(call.home, sealed, "seed") or b"").decode()
    return mfa.accepted(MfaDevice(account=call.account, user_id=user.sub, seed=seed), code, call.now()) if seed else None


def offered(pool: UserPool) -> list[str]:
    """The factors among which a pool's users may choose, as AWS names them."""
    is_offered = {TEXT: pool.has_text_codes, APP: pool.has_software_tokens, MAIL: pool.email_mfa is not None}
    return [kind for kind, is_there in is_offered.items() if is_there]


def _is_wanted(user: User, kind: str) -> bool:
    if kind == APP:
        return bool(user.totp) and user.is_totp_enabled
    return bool(user.attributes.get(ADDRESS[kind])) and (user.is_sms_enabled if kind == TEXT else user.is_email_enabled)


def _preferred(user: User) -> str:
    chosen = {TEXT: user.is_sms_preferred, APP: user.is_totp_preferred, MAIL: user.is_email_preferred}
    return next((kind for kind, is_chosen in chosen.items() if is_chosen), "")


def asked_for(pool: UserPool, user: User) -> list[str]:
    """By which factors somebody may show that it is he; none if he need not, or cannot yet (see ``must_set_up``).

    Who chose nothing, where a factor is demanded, is asked at the address he has.
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html
    """
    if pool.mfa == "OFF":
        return []
    kinds = offered(pool)
    wanted = [kind for kind in kinds if _is_wanted(user, kind)]
    if not wanted and pool.mfa == "ON":
        wanted = [kind for kind in kinds if kind in ADDRESS and user.attributes.get(ADDRESS[kind])]
    preferred = _preferred(user)
    return [preferred] if preferred in wanted else wanted


def must_set_up(pool: UserPool) -> bool:
    """Whether nobody is let in without one, so that who has none must set one up first."""
    return pool.mfa == "ON"


def told(user: User) -> dict[str, Any]:
    wanted = {
        TEXT: user.is_sms_enabled, APP: bool(user.totp) and user.is_totp_enabled, MAIL: user.is_email_enabled, PASSKEY: user.is_passkey_enabled,
    }  # fmt: skip
    kinds = [kind for kind, is_wanted in wanted.items() if is_wanted]
    preferred = _preferred(user)
    return {"UserMFASettingList": kinds, **({"PreferredMfaSetting": preferred} if preferred in kinds else {})} if kinds else {}


async def ask(attempt: Attempt, user: User, kind: str) -> dict[str, str]:
    """What somebody is told who is to show a factor; its code is sent where it needs one."""
    shown = {"USER_ID_FOR_SRP": user.name}
    if kind == APP:
        return shown | ({"FRIENDLY_DEVICE_NAME": user.totp_name} if user.totp_name else {})
    _, sent = await codes.send(
        attempt.call, attempt.pool, user, "mfa", "CustomMessage_Authentication", attempt.client.id, attempt.metadata, ADDRESS[kind]
    )
    return shown | {"CODE_DELIVERY_DELIVERY_MEDIUM": sent["DeliveryMedium"], "CODE_DELIVERY_DESTINATION": sent["Destination"]}


def met(call: Call, user: User, kind: str, code: str) -> User:
    """The user, whose code was right: an address to which it went is proven by it. Raises CodeMismatchException and, for a code of an app that
    was used before, ExpiredCodeException."""
    if kind == APP:
        step = step_shown(call, user, user.totp, code)
        if step is None:
            raise CodeMismatchException("Invalid code received for user")
        if step <= user.totp_step:
            # https://github.com/aws-amplify/amplify-swift: its tests of TOTP wait for the next code, for AWS says this to one that set the app up.
            raise ExpiredCodeException("Your software token has already been used once.")
        return users.put(call, changed(user, totp_step=step))
    return users.put(call, proven_by(call, user, "mfa", code))


def proven_by(call: Call, user: User, what: str, code: str) -> User:
    """The user, whose code for ``what`` was right, with the address to which it went proven. Raises CodeMismatchException."""
    try:
        user, sent = codes.redeem(call, user, what, code)
    except (ExpiredCodeException, LimitExceededException, CodeMismatchException):
        # https://github.com/aws-amplify/amplify-js/issues/11069
        raise CodeMismatchException("Invalid code or auth state for the user.") from None
    if sent.value == user.attributes.get(sent.attribute):
        user = changed(user, attributes=user.attributes | {users.VERIFIED[sent.attribute]: "true"})
    return user


def _setting_up(call: Call, access_token: str | None, session: str | None) -> tuple[UserPool, User, dict[str, Any] | None]:
    """Who sets up an app: one who is signed in, or one whom a pool that demands it has not let in yet."""
    if access_token:
        pool, user, _ = token.bearer(call, access_token)
        return pool, user, None
    if not session:
        raise InvalidParameterException("Either an access token or a session is required.")
    said = ticket.redeem(call, SETUP, session)
    if said is None:
        raise NotAuthorizedException(INVALID_SESSION)
    pool = pools.found(call, said["pool"])
    return pool, users.named(call, pool.id, said["user"]), said


def AssociateSoftwareToken(call: Call, *, AccessToken: str | None = None, Session: str | None = None) -> dict:
    pool, user, said = _setting_up(call, AccessToken, Session)
    if not pool.has_software_tokens:
        raise SoftwareTokenMFANotFoundException("Software Token MFA has not been enabled by the userPool")
    seed = base64.b32encode(os.urandom(SEED_BYTES)).decode().rstrip("=")
    users.put(call, changed(user, totp_pending=place.shut(call.home, seed.encode(), "seed")))
    session = {"Session": ticket.issue(call, SETUP, said, SETUP_S)} if said is not None else {}
    return {"SecretCode": seed, **session}


async def VerifySoftwareToken(
    call: Call, *, UserCode: str, AccessToken: str | None = None, Session: str | None = None, FriendlyDeviceName: str | None = None
) -> dict:
    _, user, said = _setting_up(call, AccessToken, Session)
    sealed = user.totp_pending
    if not sealed:
        raise SoftwareTokenMFANotFoundException
    step = step_shown(call, user, sealed, UserCode)
    if step is None:
        raise EnableSoftwareTokenMFAException
    user = changed(user, totp=sealed, totp_pending=b"", totp_step=step, totp_name=FriendlyDeviceName or "")
    if said is not None:
        user = changed(user, is_totp_enabled=True)
    users.put(call, user)
    session = {"Session": ticket.issue(call, SETUP, {**said, "is_set_up": True}, SETUP_S)} if said is not None else {}
    return {"Status": "SUCCESS", **session}


def _check_passkey(call: Call, pool: UserPool, user: User, said: dict[str, dict[str, Any] | None]) -> None:
    """What somebody needs whose passkey shall stand for both factors. That the pool must have said so is on SetUserMFAPreference's page, in words
    of ours; the other texts are those that https://github.com/dmeiser/kernelworx recorded. The first is said also where another factor is there
    already, and only the request does not name it."""
    if (pool.web_authn or {}).get("FactorConfiguration") != BOTH_FACTORS:
        raise InvalidParameterException("WebAuthn MFA is not enabled for this pool.", hint=f"FactorConfiguration is to be {BOTH_FACTORS}.")
    if not any((each or {}).get("Enabled") for each in said.values()):
        raise InvalidParameterException("WebAuthn MFA requires enabling an additional MFA setting.")
    if not passkey.usable(call, pool, user):
        raise InvalidParameterException("User does not have applicable WebAuthn credentials to enable WebAuthn MFA.")


def _preferring(call: Call, pool: UserPool, user: User, said: dict[str, dict[str, Any] | None], of_passkeys: dict[str, Any] | None) -> dict:
    """What a user wants of each factor. One is preferred at most, and the newest wish holds.

    The text of SMS is reported in https://github.com/aws-amplify/amplify-js/issues/618; that of mails is written after it. What a pool does
    not offer may be wished for all the same, and is not asked: https://github.com/aws-amplify/amplify-js/issues/11260
    """
    if sum(bool((each or {}).get("PreferredMfa")) for each in said.values()) > 1:
        raise InvalidParameterException("Cannot set multiple preferred MFA methods.")
    if of_passkeys is not None:
        if of_passkeys.get("Enabled"):
            _check_passkey(call, pool, user, said)
        user = changed(user, is_passkey_enabled=bool(of_passkeys.get("Enabled")))
    for kind, wish in said.items():
        if wish is None:
            continue
        is_enabled, name = bool(wish.get("Enabled")), _FIELDS[kind]
        if is_enabled and kind == APP and not user.totp:
            raise InvalidParameterException("User has not verified software token mfa")
        if is_enabled and kind in ADDRESS and not user.attributes.get(ADDRESS[kind]):
            raise InvalidParameterException(f"User does not have a {ADDRESS[kind]} set to turn on {'SMS' if kind == TEXT else 'Email'} MFA")
        is_preferred = is_enabled and bool(wish.get("PreferredMfa"))
        if is_preferred:
            user = changed(user, is_totp_preferred=False, is_sms_preferred=False, is_email_preferred=False)
        user = changed(user, **{f"is_{name}_enabled": is_enabled, f"is_{name}_preferred": is_preferred})
    users.put(call, user)
    return {}


def SetUserMFAPreference(
    call: Call, *, AccessToken: str, SMSMfaSettings: dict[str, Any] | None = None, SoftwareTokenMfaSettings: dict[str, Any] | None = None,
    EmailMfaSettings: dict[str, Any] | None = None, WebAuthnMfaSettings: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    pool, user, _ = token.bearer(call, AccessToken)
    return _preferring(call, pool, user, {TEXT: SMSMfaSettings, APP: SoftwareTokenMfaSettings, MAIL: EmailMfaSettings}, WebAuthnMfaSettings)


def AdminSetUserMFAPreference(
    call: Call, *, UserPoolId: str, Username: str, SMSMfaSettings: dict[str, Any] | None = None,
    SoftwareTokenMfaSettings: dict[str, Any] | None = None, EmailMfaSettings: dict[str, Any] | None = None,
    WebAuthnMfaSettings: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    pool, user = pools.found(call, UserPoolId), users.named(call, UserPoolId, Username)
    return _preferring(call, pool, user, {TEXT: SMSMfaSettings, APP: SoftwareTokenMfaSettings, MAIL: EmailMfaSettings}, WebAuthnMfaSettings)
