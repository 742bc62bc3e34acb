"""Groups: which roles their members may take, and which of them goes first.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call, account_of
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import pool as pools
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import (
    AccessDeniedException,
    GroupExistsException,
    ResourceNotFoundException,
)
from kumoniwa.services.cognito_idp.user import User


class Group(Record):
    """Shelved by ``pool/name``."""

    pool: str
    name: str
    created: float
    modified: float
    description: str | None = None
    role: str | None = None
    precedence: int | None = None


def _found(call: Call, pool_id: str, name: str) -> Group:
    pools.found(call, pool_id)
    group = call.shelf(Group).get(f"{pool_id}/{name}")
    if group is None:
        raise ResourceNotFoundException("Group not found.")
    return group


def _shown(group: Group) -> dict[str, Any]:
    told = {
        "GroupName": group.name, "UserPoolId": group.pool, "Description": group.description, "RoleArn": group.role,
        "Precedence": group.precedence, "LastModifiedDate": group.modified, "CreationDate": group.created,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def of_user(call: Call, user: User) -> list[Group]:
    """A user's groups, those that go first before the others."""
    held = [call.shelf(Group)[f"{user.pool}/{name}"] for name in user.groups]
    return sorted(held, key=lambda group: (group.precedence is None, group.precedence or 0))


def _check_role(call: Call, role: str | None) -> None:
    if role is not None:
        if account_of(role, call.account) != call.account:
            raise AccessDeniedException("Cross-account pass role is not allowed.")
        call.require("iam:PassRole", role, **{"iam:PassedToService": "cognito-idp.amazonaws.com"})


def CreateGroup(
    call: Call, *, GroupName: str, UserPoolId: str, Description: str | None = None, RoleArn: str | None = None, Precedence: int | None = None
) -> dict:
    pools.found(call, UserPoolId)
    if f"{UserPoolId}/{GroupName}" in call.shelf(Group):
        raise GroupExistsException
    _check_role(call, RoleArn)
    group = Group(
        pool=UserPoolId, name=GroupName, created=call.now(), modified=call.now(), description=Description, role=RoleArn, precedence=Precedence
    )
    call.shelf(Group)[f"{UserPoolId}/{GroupName}"] = group
    return {"Group": _shown(group)}


def GetGroup(call: Call, *, GroupName: str, UserPoolId: str) -> dict:
    return {"Group": _shown(_found(call, UserPoolId, GroupName))}


def UpdateGroup(
    call: Call, *, GroupName: str, UserPoolId: str, Description: str | None = None, RoleArn: str | None = None, Precedence: int | None = None
) -> dict:
    group = _found(call, UserPoolId, GroupName)
    _check_role(call, RoleArn)
    told = {"description": Description, "role": RoleArn, "precedence": Precedence}
    group = changed(group, modified=call.now(), **{name: value for name, value in told.items() if value is not None})
    call.shelf(Group)[f"{UserPoolId}/{GroupName}"] = group
    return {"Group": _shown(group)}


def ListGroups(call: Call, *, UserPoolId: str) -> dict:
    pools.found(call, UserPoolId)
    return {"Groups": [_shown(group) for group in call.shelf(Group).values() if group.pool == UserPoolId]}


def DeleteGroup(call: Call, *, GroupName: str, UserPoolId: str) -> None:
    _found(call, UserPoolId, GroupName)
    for user in _members(call, UserPoolId, GroupName):
        users.put(call, changed(user, groups=tuple(name for name in user.groups if name != GroupName)))
    del call.shelf(Group)[f"{UserPoolId}/{GroupName}"]


def _members(call: Call, pool_id: str, name: str) -> list[User]:
    return [user for user in users.all_of(call, pool_id) if name in user.groups]


def AdminAddUserToGroup(call: Call, *, UserPoolId: str, Username: str, GroupName: str) -> None:
    _found(call, UserPoolId, GroupName)
    user = users.named(call, UserPoolId, Username)
    if GroupName not in user.groups:
        users.put(call, changed(user, groups=(*user.groups, GroupName)))


def AdminRemoveUserFromGroup(call: Call, *, UserPoolId: str, Username: str, GroupName: str) -> None:
    _found(call, UserPoolId, GroupName)
    user = users.named(call, UserPoolId, Username)
    users.put(call, changed(user, groups=tuple(name for name in user.groups if name != GroupName)))


def AdminListGroupsForUser(call: Call, *, Username: str, UserPoolId: str) -> dict:
    return {"Groups": [_shown(group) for group in of_user(call, users.named(call, UserPoolId, Username))]}


def ListUsersInGroup(call: Call, *, UserPoolId: str, GroupName: str) -> dict:
    _found(call, UserPoolId, GroupName)
    return {"Users": [users.shown(user) for user in _members(call, UserPoolId, GroupName)]}
