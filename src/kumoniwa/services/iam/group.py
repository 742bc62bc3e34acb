"""The operations on groups. Membership is written at the user; a group that changes rewrites its members for the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.record import changed
from kumoniwa.services.iam import user as users
from kumoniwa.services.iam.entity import (
    Group,
    User,
    arn_of,
    check_new,
    checked_path,
    drop,
    found,
    keep,
    members,
    named,
    new_id,
    now_s,
)
from kumoniwa.services.iam.errors import DeleteConflict, LimitExceeded, NoSuchEntity

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

GROUPS_PER_USER_MAX = 10


def shown(call: Call, group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": arn_of(call, group),
        "CreateDate": group.created,
    }


def CreateGroup(call: Call, *, GroupName: str, Path: str | None = None) -> dict:
    check_new(call, Group, GroupName)
    group = Group(name=GroupName, path=checked_path(Path), id=new_id(call, "AGPA"), created=now_s(call))
    keep(call, group)
    return {"Group": shown(call, group)}


def GetGroup(call: Call, *, GroupName: str) -> dict:
    group = found(call, Group, GroupName)
    listed = [users.shown(call, user, is_whole=False) for user in named(members(call, group), None)]
    return {"Group": shown(call, group), "Users": listed}


def ListGroups(call: Call, *, PathPrefix: str | None = None) -> dict:
    return {"Groups": [shown(call, group) for group in named(call.shelf(Group).values(), PathPrefix)]}


def UpdateGroup(
    call: Call, *, GroupName: str, NewPath: str | None = None, NewGroupName: str | None = None
) -> None:
    old = found(call, Group, GroupName)
    name = NewGroupName or old.name
    if name.lower() != old.name.lower():
        check_new(call, Group, name)
    group = changed(old, name=name, path=NewPath or old.path)
    held = members(call, old)
    drop(call, old)
    keep(call, group)
    for user in held:
        keep(call, changed(user, groups=tuple(name if other == old.name else other for other in user.groups)))


def DeleteGroup(call: Call, *, GroupName: str) -> None:
    group = found(call, Group, GroupName)
    if members(call, group):
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    if group.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if group.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    drop(call, group)


def AddUserToGroup(call: Call, *, GroupName: str, UserName: str) -> None:
    group, user = found(call, Group, GroupName), found(call, User, UserName)
    if group.name in user.groups:
        return
    if len(user.groups) >= GROUPS_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER_MAX}")
    keep(call, changed(user, groups=(*user.groups, group.name)))


def RemoveUserFromGroup(call: Call, *, GroupName: str, UserName: str) -> None:
    group, user = found(call, Group, GroupName), found(call, User, UserName)
    if group.name not in user.groups:
        raise NoSuchEntity(f"User {user.name} is not in the group {group.name}.")
    keep(call, changed(user, groups=tuple(name for name in user.groups if name != group.name)))


def ListGroupsForUser(call: Call, *, UserName: str) -> dict:
    user = found(call, User, UserName)
    return {"Groups": [shown(call, found(call, Group, name)) for name in sorted(user.groups)]}
