"""What an administrator does with users.

https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import code as codes
from kumoniwa.services.cognito_idp import factor, recovery, schema
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    AliasExistsException,
    InvalidParameterException,
    NotAuthorizedException,
)
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import CONFIRMED, EXTERNAL, MUST_CHANGE, MUST_RESET, UNCONFIRMED, User

NO_CLIENT = "CLIENT_ID_NOT_APPLICABLE"
LISTED_MAX = 60
DAY_S = 86_400.0
_FILTER = re.compile(r'\s*"?([A-Za-z0-9_:]+)"?\s*(\^?=)\s*"((?:\\.|[^"\\])*)"\s*')
SEARCHABLE = frozenset((
    "username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username", "cognito:user_status", "status", "sub",
))  # fmt: skip


def AdminGetUser(call: Call, *, UserPoolId: str, Username: str) -> dict:
    user = users.named(call, UserPoolId, Username)
    told = users.shown(user)
    return {**{name: value for name, value in told.items() if name != "Attributes"}, "UserAttributes": told["Attributes"], **factor.told(user)}


def AdminDeleteUser(call: Call, *, UserPoolId: str, Username: str) -> None:
    users.drop(call, users.named(call, UserPoolId, Username))


def AdminEnableUser(call: Call, *, UserPoolId: str, Username: str) -> dict:
    users.put(call, changed(users.named(call, UserPoolId, Username), is_enabled=True))
    return {}


def AdminDisableUser(call: Call, *, UserPoolId: str, Username: str) -> dict:
    users.put(call, changed(users.named(call, UserPoolId, Username), is_enabled=False))
    return {}


def with_attributes(call: Call, pool: UserPool, user: User, told: list[dict[str, str]]) -> User:
    """The user with other attributes. An address that is another than before has to be proven again, unless it is said to be."""
    given = schema.checked(pool, told, is_new=False)
    attributes = user.attributes | given
    for name, flag in users.VERIFIED.items():
        if name in given and given[name] != user.attributes.get(name) and flag not in given:
            attributes[flag] = "false"
    user = changed(user, attributes=attributes)
    if (found := users.holder(call, pool, user)) is not None:
        raise AliasExistsException(f"An account with the given {found[0]} already exists.")
    return user


def AdminUpdateUserAttributes(
    call: Call, *, UserPoolId: str, Username: str, UserAttributes: list[dict[str, str]], ClientMetadata: dict[str, str] | None = None
) -> dict:
    """``ClientMetadata`` goes to the function that words a code; an administrator's change sends none."""
    user = users.named(call, UserPoolId, Username)
    users.put(call, with_attributes(call, pools.found(call, UserPoolId), user, UserAttributes))
    return {}


def without_attributes(pool: UserPool, user: User, names: list[str]) -> User:
    rules = {rule["Name"]: rule for rule in pool.attributes}
    if unknown := [f"user.{name}: Attribute does not exist in the schema.\n" for name in names if name not in rules]:
        raise InvalidParameterException(f"Invalid user attributes: {''.join(unknown)}")
    for name in names:
        if rules[name]["Required"] or name in pool.username_attributes:
            raise InvalidParameterException(f"Cannot delete attribute {name}: it is required.")
    gone = {*names, *(users.VERIFIED[name] for name in names if name in users.VERIFIED)}
    return changed(user, attributes={name: value for name, value in user.attributes.items() if name not in gone})


def AdminDeleteUserAttributes(call: Call, *, UserPoolId: str, Username: str, UserAttributeNames: list[str]) -> dict:
    user = users.named(call, UserPoolId, Username)
    users.put(call, without_attributes(pools.found(call, UserPoolId), user, UserAttributeNames))
    return {}


def AdminSetUserPassword(call: Call, *, UserPoolId: str, Username: str, Password: str, Permanent: bool = False) -> dict:
    pool, user = pools.found(call, UserPoolId), users.named(call, UserPoolId, Username)
    users.check_password(pool, Password)
    users.check_unused(call, pool, user, Password)
    until = 0.0 if Permanent else call.now() + pool.password_policy["TemporaryPasswordValidityDays"] * DAY_S
    user = changed(user, status=CONFIRMED if Permanent else MUST_CHANGE)
    users.put(call, users.with_password(call, pool, user, Password, until=until))
    return {}


async def AdminResetUserPassword(call: Call, *, UserPoolId: str, Username: str, ClientMetadata: dict[str, str] | None = None) -> dict:
    pool, user = pools.found(call, UserPoolId), users.named(call, UserPoolId, Username)
    if user.status in (UNCONFIRMED, MUST_CHANGE, EXTERNAL):
        raise NotAuthorizedException("User password cannot be reset in the current state.")
    address = recovery.way(pool, user, is_administrator=True)
    user = users.put(call, changed(user, status=MUST_RESET))
    await codes.send(call, pool, user, "password", "CustomMessage_ForgotPassword", NO_CLIENT, ClientMetadata, address)
    return {}


def AdminUserGlobalSignOut(call: Call, *, UserPoolId: str, Username: str) -> dict:
    users.put(call, changed(users.named(call, UserPoolId, Username), signed_out=call.now()))
    return {}


# Found ---------------------------------------------------------------------------------------------


def _filter(text: str) -> Callable[[User], bool]:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html#cognito-user-pools-searching-for-users-using-listusers-api"""
    found = _FILTER.fullmatch(text)
    if found is None:
        raise InvalidParameterException("Error while parsing filter")
    name, relation, wanted = found[1], found[2], re.sub(r"\\(.)", r"\1", found[3])
    if name not in SEARCHABLE:
        raise InvalidParameterException(f"Invalid search attribute: {name}")

    def fits(user: User) -> bool:
        value = {
            "username": user.name, "sub": user.sub, "cognito:user_status": user.status, "status": "Enabled" if user.is_enabled else "Disabled",
        }.get(name, user.attributes.get(name))  # fmt: skip
        return value is not None and (value == wanted if relation == "=" else value.startswith(wanted))

    return fits


def ListUsers(
    call: Call, *, UserPoolId: str, AttributesToGet: list[str] | None = None, Filter: str | None = None
) -> dict:
    pool = pools.found(call, UserPoolId)
    known = {rule["Name"] for rule in pool.attributes}
    strange = next((name for name in AttributesToGet or () if name not in known), None)
    if strange is not None:
        raise InvalidParameterException(f"Invalid user attributes: {strange} is not defined in the schema.")
    is_wanted = _filter(Filter) if Filter else lambda user: True
    found = [user for user in users.all_of(call, UserPoolId) if is_wanted(user)]
    return {"Users": [users.shown(user, AttributesToGet) for user in sorted(found, key=lambda user: (user.created, user.name))]}
