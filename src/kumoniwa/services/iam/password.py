"""Passwords of users for the console, and the account's policy for them.

There is no console here to sign in to, but the rules hold: a password that breaks the policy is refused, kept only as a
salted hash, and must be known to be changed. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import RootPassword
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.iam.credential import LoginProfile
from kumoniwa.services.iam.entity import User, account_created, found, now_s
from kumoniwa.services.iam.errors import EntityAlreadyExists, NoSuchEntity
from kumoniwa.services.iam.user import asked_for, privileged_holder

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

DEFAULT_LENGTH_MIN, DEFAULT_CLASSES_MIN = 8, 3
"""What AWS asks of a password where the account has no policy of its own."""
SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
REMEMBERED_MAX = 24
DAY_S = 86_400


class AccessDenied(AwsError):
    status = 403


class InvalidUserType(AwsError):
    status = 400


class PasswordPolicyViolation(AwsError):
    status = 400


class PasswordPolicy(Record):
    """Shelved under one key: an account has one or none."""

    length_min: int = 6
    needs_symbols: bool = False
    needs_numbers: bool = False
    needs_uppercase: bool = False
    needs_lowercase: bool = False
    users_may_change: bool = False
    age_days_max: int = 0
    remembered: int = 0
    is_hard_expiry: bool | None = None


_POLICY = "account"


def policy(call: Call) -> PasswordPolicy | None:
    return call.shelf(PasswordPolicy).get(_POLICY)


def _check(held: PasswordPolicy | None, password: str) -> None:
    """Raise PasswordPolicyViolation."""
    classes = {
        "uppercase letter": any("A" <= c <= "Z" for c in password),
        "lowercase letter": any("a" <= c <= "z" for c in password),
        "number": any("0" <= c <= "9" for c in password),
        "symbol": not SYMBOLS.isdisjoint(password),
    }
    length_min = held.length_min if held is not None else DEFAULT_LENGTH_MIN
    if len(password) < length_min:
        raise PasswordPolicyViolation(f"Password should have a minimum length of {length_min}")
    if held is None:
        if sum(classes.values()) < DEFAULT_CLASSES_MIN:
            raise PasswordPolicyViolation("Password does not conform to the account password policy.")
        return
    needed = (held.needs_uppercase, held.needs_lowercase, held.needs_numbers, held.needs_symbols)
    for (name, is_there), is_needed in zip(classes.items(), needed):
        if is_needed and not is_there:
            raise PasswordPolicyViolation(f"Password should have at least one {name}")


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 12, r=8, p=1)


def _replaced(
    call: Call, profile: LoginProfile, password: str, *, must_reset: bool, is_own: bool
) -> LoginProfile:
    """The profile with another password. Only users are held to passwords they have not had lately; who resets one is not."""
    held = policy(call)
    _check(held, password)
    digest = _hashed(password, profile.salt)
    remembered = held.remembered if held is not None else 0
    if is_own and digest in profile.hashes[:remembered]:
        raise PasswordPolicyViolation(
            "Policy constraint violation with password reuse prevention during password change."
        )
    hashes = (digest, *profile.hashes)[:REMEMBERED_MAX]
    return changed(profile, hashes=hashes, changed_at=now_s(call), must_reset=must_reset)


# Login profiles ------------------------------------------------------------------------------------


def _profile(call: Call, user: User) -> LoginProfile:
    profile = call.shelf(LoginProfile).get(user.id)
    if profile is None:
        raise NoSuchEntity(f"Login Profile for User {user.name} cannot be found.")
    return profile


def root_password(call: Call) -> RootPassword:
    """Whether the account's root user has one. Nobody is told what it is, and here nobody signs in with it."""
    return call.home.store.shelf(SHARED, RootPassword).get(call.account) or RootPassword(created=account_created(call), is_there=True)


def _keep_root_password(call: Call, *, is_there: bool) -> dict:
    """Take the root user's password away, or allow that it is recovered by mail; both in a session of AssumeRoot alone."""
    if root_password(call).is_there == is_there:
        if is_there:
            raise EntityAlreadyExists("Login Profile for the root user already exists.")
        raise NoSuchEntity("Login Profile for the root user cannot be found.")
    held = call.home.store.shelf(SHARED, RootPassword)[call.account] = RootPassword(created=now_s(call), is_there=is_there)
    return _shown_root(held)


def _shown_root(held: RootPassword) -> dict:
    """It has no name, as in GetUser's answer."""
    return {"LoginProfile": {"CreateDate": held.created, "PasswordResetRequired": False}}


def _shown(user: User, profile: LoginProfile) -> dict:
    view = {"UserName": user.name, "CreateDate": profile.created, "PasswordResetRequired": profile.must_reset}
    return {"LoginProfile": view}


def CreateLoginProfile(
    call: Call,
    *,
    Password: str | None = None,
    UserName: str | None = None,
    PasswordResetRequired: bool | None = None,
) -> dict:
    """The root user's is made without a password, so that whoever has the mailbox of the account may set one.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html"""
    user = privileged_holder(call, UserName)
    if not user.name:
        if Password is not None or PasswordResetRequired is not None:
            raise ValidationError("Password must be omitted when calling with an AssumeRoot session")
        return _keep_root_password(call, is_there=True)
    if Password is None:
        raise ValidationError("Must specify password")
    if call.shelf(LoginProfile).get(user.id) is not None:
        raise EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")
    _check(policy(call), Password)
    salt, now = call.ids.random.randbytes(16), now_s(call)
    profile = LoginProfile(
        created=now,
        changed_at=now,
        salt=salt,
        hashes=(_hashed(Password, salt),),
        must_reset=bool(PasswordResetRequired),
    )
    call.shelf(LoginProfile)[user.id] = profile
    return _shown(user, profile)


def GetLoginProfile(call: Call, *, UserName: str | None = None) -> dict:
    user = privileged_holder(call, UserName)
    if not user.name:
        held = root_password(call)
        if not held.is_there:
            raise NoSuchEntity("Login Profile for the root user cannot be found.")
        return _shown_root(held)
    return _shown(user, _profile(call, user))


def UpdateLoginProfile(
    call: Call, *, UserName: str, Password: str | None = None, PasswordResetRequired: bool | None = None
) -> None:
    user = found(call, User, UserName)
    profile = _profile(call, user)
    must_reset = profile.must_reset if PasswordResetRequired is None else PasswordResetRequired
    if Password is None:
        profile = changed(profile, must_reset=must_reset)
    else:
        profile = _replaced(call, profile, Password, must_reset=must_reset, is_own=False)
    call.shelf(LoginProfile)[user.id] = profile


def DeleteLoginProfile(call: Call, *, UserName: str | None = None) -> None:
    user = privileged_holder(call, UserName)
    if not user.name:
        _keep_root_password(call, is_there=False)
        return
    _profile(call, user)
    del call.shelf(LoginProfile)[user.id]


def ChangePassword(call: Call, *, OldPassword: str, NewPassword: str) -> None:
    if call.principal.kind != "user":
        raise InvalidUserType("Only IAM Users can change their own password")
    user = asked_for(call, None)
    profile = _profile(call, user)
    if not hmac.compare_digest(_hashed(OldPassword, profile.salt), profile.hashes[0]):
        raise AccessDenied("The old password was incorrect.")
    held = policy(call)
    if (
        held is not None
        and held.is_hard_expiry
        and 0 < held.age_days_max * DAY_S < call.now() - profile.changed_at
    ):
        raise AccessDenied("The password has expired, and only an administrator can set a new one.")
    call.shelf(LoginProfile)[user.id] = _replaced(call, profile, NewPassword, must_reset=False, is_own=True)


# The account's policy ------------------------------------------------------------------------------


def UpdateAccountPasswordPolicy(
    call: Call, *, MinimumPasswordLength: int | None = None, RequireSymbols: bool = False, RequireNumbers: bool = False,
    RequireUppercaseCharacters: bool = False, RequireLowercaseCharacters: bool = False,
    AllowUsersToChangePassword: bool = False, MaxPasswordAge: int | None = None,
    PasswordReusePrevention: int | None = None, HardExpiry: bool | None = None,
) -> None:  # fmt: skip
    """What is left out goes back to its default: nothing is updated by halves."""
    call.shelf(PasswordPolicy)[_POLICY] = PasswordPolicy(
        length_min=MinimumPasswordLength or 6, needs_symbols=RequireSymbols, needs_numbers=RequireNumbers,
        needs_uppercase=RequireUppercaseCharacters, needs_lowercase=RequireLowercaseCharacters,
        users_may_change=AllowUsersToChangePassword, age_days_max=MaxPasswordAge or 0,
        remembered=PasswordReusePrevention or 0, is_hard_expiry=HardExpiry,
    )  # fmt: skip


def GetAccountPasswordPolicy(call: Call) -> dict:
    held = policy(call)
    if held is None:
        raise NoSuchEntity(f"The Password Policy with domain name {call.account} cannot be found.")
    view = {
        "MinimumPasswordLength": held.length_min,
        "RequireSymbols": held.needs_symbols,
        "RequireNumbers": held.needs_numbers,
        "RequireUppercaseCharacters": held.needs_uppercase,
        "RequireLowercaseCharacters": held.needs_lowercase,
        "AllowUsersToChangePassword": held.users_may_change,
        "ExpirePasswords": held.age_days_max > 0,
    }
    more = {"MaxPasswordAge": held.age_days_max, "PasswordReusePrevention": held.remembered}
    view |= {name: value for name, value in more.items() if value}
    return {
        "PasswordPolicy": view if held.is_hard_expiry is None else {**view, "HardExpiry": held.is_hard_expiry}
    }


def DeleteAccountPasswordPolicy(call: Call) -> None:
    if policy(call) is None:
        raise NoSuchEntity("The account policy with name PasswordPolicy cannot be found.")
    del call.shelf(PasswordPolicy)[_POLICY]
