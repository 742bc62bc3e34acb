"""Users: who they are, by which names they are found, and their passwords.

A user is found by his name, by his ``sub``, and by whatever the pool takes as an alias. Where a pool makes users by e-mail address, their
name is their ``sub``. Aliases are a shelf of their own, so that two users never share one.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import bill, place, schema, srp
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp.errors import InvalidPasswordException, PasswordHistoryPolicyViolationException, UserNotFoundException
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.provider import IdentityProvider, key_of

UNCONFIRMED, CONFIRMED, MUST_CHANGE, MUST_RESET = "UNCONFIRMED", "CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED"
EXTERNAL = "EXTERNAL_PROVIDER"
IDENTITIES = "identities"
"""The attribute that tells with which providers somebody signs in, in JSON."""
SYMBOLS = frozenset("^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ")
BILLED = ("verifier", "attributes", "status")
"""Who has another of these counts among the users of the month."""
FEDERATED = ("OIDC", "SAML")
VERIFIED = {"email": "email_verified", "phone_number": "phone_number_verified"}


class Code(Record):
    """A code that was sent: what is kept of it, and for how long it opens."""

    digest: bytes
    until: float
    value: str = ""
    """The address it proves."""
    attribute: str = "email"
    """Which of the user's addresses that is."""
    failures: int = 0


class User(Record):
    """Shelved by ``pool/name``."""

    pool: str
    name: str
    sub: str
    created: float
    modified: float
    status: str
    attributes: dict[str, str] = {}
    """Without ``sub``."""
    is_enabled: bool = True
    verifier: bytes = b""
    """What is kept of the password, sealed; empty if there is none."""
    password_until: float = 0.0
    """When a temporary password ends; 0 for one of the user's own."""
    past: bytes = b""
    """Digests of the latest passwords, the newest last, sealed: where the pool's policy forbids to use them again."""
    codes: dict[str, Code] = {}
    """What was sent and not yet used, by what it is for."""
    groups: tuple[str, ...] = ()
    signed_out: float = 0.0
    """No token of an earlier sign-in is good any more."""
    failures: int = 0
    locked_until: float = 0.0
    totp: bytes = b""
    """The seed of an authenticator app, sealed."""
    totp_pending: bytes = b""
    totp_step: int = 0
    """The time step of the last code that opened anything."""
    totp_name: str = ""
    is_totp_enabled: bool = False
    is_totp_preferred: bool = False
    is_sms_enabled: bool = False
    is_sms_preferred: bool = False
    is_email_enabled: bool = False
    is_email_preferred: bool = False
    is_passkey_enabled: bool = False
    """Which second factors the user wants, and whether a passkey shall stand for both."""
    passkeys: tuple[str, ...] = ()
    """Their ids, the oldest first."""
    provider: str = ""
    """The identity provider that he was made for; empty for one of the pool's own."""


class Passkey(Record):
    """A credential on one of a user's devices; shelved by ``pool/id``, so that two users never share one."""

    pool: str
    user: str
    id: str
    """In base 64, as browsers spell it."""
    created: float
    party: str
    """The domain for which it was made."""
    public_key: bytes
    """In COSE."""
    counter: int
    """Of its signatures, as it was last shown."""
    attachment: str
    transports: tuple[str, ...]


class Alias(Record):
    """By what else a user is found; shelved by ``pool/attribute/value``."""

    pool: str
    user: str


class Link(Record):
    """Whom an identity provider's user is; shelved by ``pool/provider/attribute/value``."""

    pool: str
    user: str


def _folded(pool: UserPool, name: str) -> str:
    return name if pool.is_case_sensitive else name.lower()


def _key(pool: UserPool, name: str) -> str:
    return f"{pool.id}/{_folded(pool, name)}"


def passkey_key(pool_id: str, id_: str) -> str:
    return f"{pool_id}/{id_}"


def all_of(call: Call, pool_id: str) -> Iterator[User]:
    return (user for user in call.shelf(User).values() if user.pool == pool_id)


def count(call: Call, pool_id: str) -> int:
    return sum(1 for _ in all_of(call, pool_id))


def _aliases(pool: UserPool, user: User) -> set[str]:
    """The keys by which a user is found beside his name. An address of a pool with aliases counts once it is proven. Whom a provider
    vouches for is found by none: he may have the address of one of the pool's own, who is somebody else."""
    found = {f"{pool.id}/sub/{user.sub}"}
    if user.provider:
        return found
    for name in (*pool.username_attributes, *pool.aliases):
        value = user.attributes.get(name)
        is_good = name in pool.username_attributes or name not in VERIFIED or user.attributes.get(VERIFIED[name]) == "true"
        if value and is_good and (user.status != UNCONFIRMED or name in pool.username_attributes):
            found.add(f"{pool.id}/{name}/{_folded(pool, value)}")
    return found


def find(call: Call, pool: UserPool, name: str) -> User | None:
    held = call.shelf(User).get(_key(pool, name))
    if held is not None:
        return held
    for attribute in ("sub", *pool.username_attributes, *pool.aliases):
        alias = call.shelf(Alias).get(f"{pool.id}/{attribute}/{name if attribute == 'sub' else _folded(pool, name)}")
        if alias is not None:
            return call.shelf(User).get(_key(pool, alias.user))
    return None


def named(call: Call, pool_id: str, name: str) -> User:
    user = find(call, pools.found(call, pool_id), name)
    if user is None:
        raise UserNotFoundException
    return user


def holder(call: Call, pool: UserPool, user: User) -> tuple[str, User] | None:
    """Who has one of a user's aliases already, and which."""
    for key in _aliases(pool, user):
        alias = call.shelf(Alias).get(key)
        if alias is not None and alias.user != user.name:
            return key.split("/")[1], call.shelf(User)[_key(pool, alias.user)]
    return None


def put(call: Call, user: User) -> User:
    """Keep a user, and find him by his aliases of now."""
    pool = pools.found(call, user.pool)
    before = call.shelf(User).get(_key(pool, user.name))
    if before is not None:
        user = changed(user, modified=call.now())
    aliases, shelf = _aliases(pool, user), call.shelf(Alias)
    for key in (_aliases(pool, before) if before is not None else set()) - aliases:
        if key in shelf and shelf[key].user == user.name:
            del shelf[key]
    for key in aliases:
        if key not in shelf or shelf[key].user != user.name:
            shelf[key] = Alias(pool=pool.id, user=user.name)
    call.shelf(User)[_key(pool, user.name)] = user
    if before is None or any(getattr(before, what) != getattr(user, what) for what in BILLED):
        active(call, pool, user)
    return user


def active(call: Call, pool: UserPool, user: User) -> None:
    """Something was done with a user for which he counts among those of the month."""
    provider = call.shelf(IdentityProvider).get(key_of(pool.id, user.provider)) if user.provider else None
    bill.active(call, pool, user.sub, is_federated=provider is not None and provider.kind in FEDERATED)


def drop(call: Call, user: User) -> None:
    pool = pools.found(call, user.pool)
    for key in _aliases(pool, user):
        if key in call.shelf(Alias) and call.shelf(Alias)[key].user == user.name:
            del call.shelf(Alias)[key]
    links = call.shelf(Link)
    for key in [key for key, link in links.items() if (link.pool, link.user) == (pool.id, user.name)]:
        del links[key]
    for id_ in user.passkeys:
        del call.shelf(Passkey)[passkey_key(pool.id, id_)]
    _devices().drop_all(call, user)
    del call.shelf(User)[_key(pool, user.name)]


def _devices() -> Any:
    from kumoniwa.services.cognito_idp import device  # noqa: PLC0415 - they know whose they are

    return device


def shown(user: User, only: list[str] | None = None) -> dict[str, Any]:
    attributes = schema.listed(user.sub, user.attributes)
    return {
        "Username": user.name, "Attributes": [each for each in attributes if only is None or each["Name"] in only],
        "UserCreateDate": user.created, "UserLastModifiedDate": user.modified, "Enabled": user.is_enabled, "UserStatus": user.status,
    }  # fmt: skip


# Passwords -----------------------------------------------------------------------------------------

DIGEST_BYTES = 32


def check_password(pool: UserPool, password: str) -> None:
    policy = pool.password_policy
    rules = (
        (len(password) >= policy["MinimumLength"], "Password not long enough"),
        (not policy["RequireUppercase"] or any(c in string.ascii_uppercase for c in password), "Password must have uppercase characters"),
        (not policy["RequireLowercase"] or any(c in string.ascii_lowercase for c in password), "Password must have lowercase characters"),
        (not policy["RequireNumbers"] or any(c in string.digits for c in password), "Password must have numeric characters"),
        (not policy["RequireSymbols"] or any(c in SYMBOLS for c in password), "Password must have symbol characters"),
    )
    wrong = next((text for is_kept, text in rules if not is_kept), None)
    if wrong is not None:
        raise InvalidPasswordException(f"Password did not conform with policy: {wrong}")


def fresh_password(call: Call, pool: UserPool) -> str:
    """One that keeps to any policy."""
    core = call.ids.lower(max(8, pool.password_policy["MinimumLength"] - 3))
    return f"A{core}7!"


def srp_name(pool: UserPool, user: User) -> str:
    return pool.short_name + user.name


def with_password(call: Call, pool: UserPool, user: User, password: str, *, until: float = 0.0) -> User:
    verifier, past, size = srp.made(srp_name(pool, user), password), b"", pool.password_policy.get("PasswordHistorySize", 0)
    if size:
        past = place.shut(call.home, b"".join([*_past(call, user), _digest(user, password)][-size:]), "past")
    return changed(
        user, verifier=place.shut(call.home, verifier.packed(), "verifier"), past=past, password_until=until, failures=0, locked_until=0.0
    )


def check_unused(call: Call, pool: UserPool, user: User, password: str) -> None:
    """Raises PasswordHistoryPolicyViolationException, whose words are ours.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html
    """
    size = pool.password_policy.get("PasswordHistorySize", 0)
    if size and (has_password(call, pool, user, password) or _digest(user, password) in _past(call, user)[-size:]):
        raise PasswordHistoryPolicyViolationException(f"Password must not be one of the last {size} passwords")


def _digest(user: User, password: str) -> bytes:
    """With one salt for all of a user's passwords, so that many are compared for the price of one."""
    return hashlib.scrypt(password.encode(), salt=user.sub.encode(), n=1 << 12, r=8, p=1, dklen=DIGEST_BYTES)


def _past(call: Call, user: User) -> list[bytes]:
    body = (place.opened(call.home, user.past, "past") or b"") if user.past else b""
    return [body[at : at + DIGEST_BYTES] for at in range(0, len(body), DIGEST_BYTES)]


def verifier_of(call: Call, user: User) -> srp.Verifier | None:
    body = place.opened(call.home, user.verifier, "verifier") if user.verifier else None
    return srp.unpacked(body) if body else None


def has_password(call: Call, pool: UserPool, user: User, password: str) -> bool:
    verifier = verifier_of(call, user)
    return verifier is not None and srp.fits(verifier, srp_name(pool, user), password)
