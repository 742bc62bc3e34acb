"""The operations on users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.identity import SHARED, Credential
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.iam import access_key, credential
from kumoniwa.services.iam.entity import (
    User,
    account_created,
    arn_of,
    check_new,
    checked_path,
    drop,
    found,
    global_arn,
    keep,
    named,
    new_id,
    now_s,
    shown_tags,
    tagged,
    untagged,
)
from kumoniwa.services.iam.errors import DeleteConflict
from kumoniwa.services.iam.grant import checked_boundary, shown_boundary

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def shown(call: Call, user: User, *, is_whole: bool = True) -> dict[str, Any]:
    view = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": arn_of(call, user),
        "CreateDate": user.created,
    }
    if is_whole:
        view |= shown_boundary(user.boundary)
        if user.tags:
            view["Tags"] = shown_tags(user.tags)
    return view


def asked_for(call: Call, name: str | None) -> User:
    """The user that is named, or the one who asks. Raises ValidationError if neither is one."""
    if name is None:
        if call.principal.kind != "user":
            raise ValidationError("Must specify userName when calling with non-User credentials")
        name = call.principal.arn.rpartition("/")[2]
    return found(call, User, name)


def root_user(call: Call) -> User:
    """The account's root user as one of those who hold credentials: it has no name, and its id is the account's number."""
    return User(name="", path="/", id=call.account, created=account_created(call))


def holder(call: Call, name: str | None) -> User:
    """Whose credentials a call is about: the user's that is named, or the caller's own, the root user among them.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html"""
    return root_user(call) if name is None and call.principal.kind == "root" else asked_for(call, name)


def privileged_holder(call: Call, name: str | None) -> User:
    """The same where the root user is taken for one in a session of AssumeRoot only.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html"""
    return holder(call, name) if call.principal.is_assumed_root else asked_for(call, name)


def CreateUser(
    call: Call,
    *,
    UserName: str,
    Path: str | None = None,
    PermissionsBoundary: str | None = None,
    Tags: list[dict] | None = None,
) -> dict:
    check_new(call, User, UserName)
    user = User(
        name=UserName, path=checked_path(Path), id=new_id(call, "AIDA"), created=now_s(call), tags=tagged({}, Tags),
        boundary=checked_boundary(call, PermissionsBoundary) if PermissionsBoundary else "",
    )  # fmt: skip
    keep(call, user)
    return {"User": shown(call, user)}


def GetUser(call: Call, *, UserName: str | None = None) -> dict:
    """The root user, who asks for itself, has neither name nor path."""
    if UserName is None and call.principal.kind == "root":
        view = {"UserId": call.account, "Arn": global_arn(call, "root"), "CreateDate": account_created(call)}
        return {"User": view}
    return {"User": shown(call, asked_for(call, UserName))}


def ListUsers(call: Call, *, PathPrefix: str | None = None) -> dict:
    return {
        "Users": [shown(call, user, is_whole=False) for user in named(call.shelf(User).values(), PathPrefix)]
    }


def UpdateUser(
    call: Call, *, UserName: str, NewPath: str | None = None, NewUserName: str | None = None
) -> None:
    """A user who moves keeps everything, the id included; its ARN, and with it every policy that names it, does not follow."""
    old = found(call, User, UserName)
    name = NewUserName or old.name
    if name.lower() != old.name.lower():
        check_new(call, User, name)
    user = changed(old, name=name, path=NewPath or old.path)
    drop(call, old)
    keep(call, user)
    access_key.move(call, old.name, user.name, arn_of(call, user))


def DeleteUser(call: Call, *, UserName: str) -> None:
    user = found(call, User, UserName)
    if user.groups:
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    if access_key.of(call, user.name):
        raise DeleteConflict("Cannot delete entity, must delete access keys first.")
    if user.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if user.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    credential.check_bare(call, user.id)
    drop(call, user)


def PutUserPermissionsBoundary(call: Call, *, UserName: str, PermissionsBoundary: str) -> None:
    keep(call, changed(found(call, User, UserName), boundary=checked_boundary(call, PermissionsBoundary)))


def DeleteUserPermissionsBoundary(call: Call, *, UserName: str) -> None:
    keep(call, changed(found(call, User, UserName), boundary=""))


def TagUser(call: Call, *, UserName: str, Tags: list[dict]) -> None:
    user = found(call, User, UserName)
    keep(call, changed(user, tags=tagged(user.tags, Tags)))


def UntagUser(call: Call, *, UserName: str, TagKeys: list[str]) -> None:
    user = found(call, User, UserName)
    keep(call, changed(user, tags=untagged(user.tags, TagKeys)))


def ListUserTags(call: Call, *, UserName: str) -> dict:
    return {"Tags": shown_tags(found(call, User, UserName).tags)}


# Access keys ---------------------------------------------------------------------------------------


def CreateAccessKey(call: Call, *, UserName: str | None = None) -> dict:
    """The only answer that ever holds the secret."""
    user = holder(call, UserName)
    return {"AccessKey": access_key.made(call, user.name, arn_of(call, user) if user.name else global_arn(call, "root"), user.id)}


def ListAccessKeys(call: Call, *, UserName: str | None = None) -> dict:
    keys = access_key.of(call, holder(call, UserName).name)
    return {"AccessKeyMetadata": [access_key.shown(key) for key in keys]}


def UpdateAccessKey(call: Call, *, AccessKeyId: str, Status: str, UserName: str | None = None) -> None:
    if Status not in ("Active", "Inactive"):
        raise ValidationError("Status must be Active or Inactive.")
    key = access_key.found(call, holder(call, UserName).name, AccessKeyId)
    call.shelf(access_key.AccessKey)[key.id] = changed(key, status=Status)
    credentials = call.home.store.shelf(SHARED, Credential)
    credentials[key.id] = changed(credentials[key.id], is_active=Status == "Active")


def DeleteAccessKey(call: Call, *, AccessKeyId: str, UserName: str | None = None) -> None:
    key = access_key.found(call, holder(call, UserName).name, AccessKeyId)
    del call.shelf(access_key.AccessKey)[key.id]
    credentials = call.home.store.shelf(SHARED, Credential)
    # It stays behind as a key that was issued and is no more: in open mode an unknown key would be the root's.
    credentials[key.id] = changed(credentials[key.id], is_active=False, secret="")
