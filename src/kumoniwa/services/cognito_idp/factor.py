"""The second factor: an authenticator app, whose seed the user is shown once.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from __future__ import annotations

import base64
import os
from typing import Any

from kumoniwa.gate import mfa
from kumoniwa.gate.mfa import MfaDevice
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import place, ticket, token
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    EnableSoftwareTokenMFAException,
    InvalidParameterException,
    NotAuthorizedException,
    SoftwareTokenMFANotFoundException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import User

SEED_BYTES = 32
SETUP = "setup"
SETUP_S = 180.0
INVALID_SESSION = "Invalid session for the user, session is expired."


def step_shown(call: Call, user: User, sealed: bytes, code: str) -> int | None:
    """The time step in which the app shows ``code``; None for a code that it does not show now."""
    seed = (place.opened(call.home, sealed, "seed") or b"").decode()
    return mfa.accepted(MfaDevice(account=call.account, user_id=user.sub, seed=seed), code, call.now()) if seed else None


def is_asked_for(pool: UserPool, user: User) -> bool:
    return pool.mfa != "OFF" and bool(user.totp) and user.is_totp_enabled


def must_set_up(pool: UserPool, user: User) -> bool:
    return pool.mfa == "ON" and not (user.totp and user.is_totp_enabled)


def told(user: User) -> dict[str, Any]:
    if not (user.totp and user.is_totp_enabled):
        return {}
    preferred = {"PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"} if user.is_totp_preferred else {}
    return {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], **preferred}


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


def _preferring(call: Call, pool: UserPool, user: User, settings: dict[str, Any] | None, others: dict[str, Any]) -> dict:
    for name, other in others.items():
        if other and (other.get("Enabled") or other.get("PreferredMfa")):
            raise NotImplementedHere(f"{name} of cognito-idp")
    if settings is not None:
        is_enabled = bool(settings.get("Enabled"))
        if is_enabled and not user.totp:
            raise InvalidParameterException("User has not verified software token mfa")
        is_preferred = bool(settings.get("PreferredMfa"))
        users.put(call, changed(user, is_totp_enabled=is_enabled, is_totp_preferred=is_enabled and is_preferred))
    return {}


def SetUserMFAPreference(
    call: Call, *, AccessToken: str, SMSMfaSettings: dict[str, Any] | None = None, SoftwareTokenMfaSettings: dict[str, Any] | None = None,
    EmailMfaSettings: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    pool, user, _ = token.bearer(call, AccessToken)
    others = {"SMSMfaSettings": SMSMfaSettings, "EmailMfaSettings": EmailMfaSettings}
    return _preferring(call, pool, user, SoftwareTokenMfaSettings, others)


def AdminSetUserMFAPreference(
    call: Call, *, UserPoolId: str, Username: str, SMSMfaSettings: dict[str, Any] | None = None,
    SoftwareTokenMfaSettings: dict[str, Any] | None = None, EmailMfaSettings: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    user = users.named(call, UserPoolId, Username)
    others = {"SMSMfaSettings": SMSMfaSettings, "EmailMfaSettings": EmailMfaSettings}
    return _preferring(call, pools.found(call, UserPoolId), user, SoftwareTokenMfaSettings, others)
