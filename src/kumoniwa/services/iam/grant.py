"""Inline and attached policies of users, groups and roles: the same twenty-one operations, three by three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.aws import managed_policies
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import parse
from kumoniwa.services.iam.entity import (
    Entity,
    Group,
    Role,
    User,
    check_partition,
    found,
    keep,
    own_role,
    shown_document,
    word,
)
from kumoniwa.services.iam.errors import InvalidInput, LimitExceeded, NoSuchEntity, PolicyNotAttachable
from kumoniwa.services.iam.policy import policy_named

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

ATTACHED_MAX = {User: 10, Group: 10, Role: 20}
"""pf-iam-managed-policy-count of badmintoncryer/cdk-preflight."""
INLINE_CHARACTERS_MAX = {User: 2_048, Group: 5_120, Role: 10_240}
"""For all inline policies of one entity together, white space not counted."""


def _put(call: Call, entity: Any, name: str, document: str) -> None:
    parse(document, "identity", partition=call.home.partition)
    inline = {**entity.inline, name: document}
    limit = INLINE_CHARACTERS_MAX[type(entity)]
    if sum(len("".join(text.split())) for text in inline.values()) > limit:
        raise LimitExceeded(
            f"Maximum policy size of {limit} bytes exceeded for {word(type(entity))} {entity.name}"
        )
    keep(call, changed(entity, inline=inline))


def _inline(entity: Entity, name: str) -> str:
    if name not in entity.inline:
        raise NoSuchEntity(f"The {word(type(entity))} policy with name {name} cannot be found.")
    return entity.inline[name]


def _get(entity: Entity, name: str) -> dict:
    document = _inline(entity, name)
    return {
        f"{type(entity).__name__}Name": entity.name,
        "PolicyName": name,
        "PolicyDocument": shown_document(document),
    }


def _delete(call: Call, entity: Any, name: str) -> None:
    _inline(entity, name)
    keep(
        call, changed(entity, inline={other: text for other, text in entity.inline.items() if other != name})
    )


def _attach(call: Call, entity: Any, arn: str) -> None:
    try:
        policy_named(call, arn)
    except NoSuchEntity as error:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.", hint=error.hint) from None
    if arn.startswith(managed_policies.ROOT_TASKS):
        raise PolicyNotAttachable(f"Cannot attach a root task policy to a {type(entity).__name__}.")
    if arn in entity.attached:
        return
    if len(entity.attached) >= (most := ATTACHED_MAX[type(entity)]):
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPer{type(entity).__name__}: {most}")
    keep(call, changed(entity, attached=(*entity.attached, arn)))


def _detach(call: Call, entity: Any, arn: str) -> None:
    if arn not in entity.attached:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    keep(call, changed(entity, attached=tuple(other for other in entity.attached if other != arn)))


def attached(call: Call, entity: Entity, path_prefix: str | None = None) -> dict:
    policies = [policy_named(call, arn) for arn in entity.attached]
    prefix = path_prefix or "/"
    return {
        "AttachedPolicies": [
            {"PolicyName": policy.name, "PolicyArn": policy.arn}
            for policy in policies
            if policy.path.startswith(prefix)
        ]
    }


def checked_boundary(call: Call, arn: str) -> str:
    """The ARN of a policy that may serve as a permissions boundary."""
    check_partition(call, arn)
    if ":policy/" not in arn:
        # pf-iam-permissions-boundary-policy-arn of badmintoncryer/cdk-preflight.
        raise InvalidInput(f"ARN {arn} is not valid.")
    try:
        policy_named(call, arn)
    except NoSuchEntity as error:
        raise NoSuchEntity(
            f"Scope ARN: {arn} does not exist or is not attachable.", hint=error.hint
        ) from None
    return arn


def shown_boundary(arn: str) -> dict[str, Any]:
    if not arn:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


# Users ---------------------------------------------------------------------------------------------


def PutUserPolicy(call: Call, *, UserName: str, PolicyName: str, PolicyDocument: str) -> None:
    _put(call, found(call, User, UserName), PolicyName, PolicyDocument)


def GetUserPolicy(call: Call, *, UserName: str, PolicyName: str) -> dict:
    return _get(found(call, User, UserName), PolicyName)


def DeleteUserPolicy(call: Call, *, UserName: str, PolicyName: str) -> None:
    _delete(call, found(call, User, UserName), PolicyName)


def ListUserPolicies(call: Call, *, UserName: str) -> dict:
    return {"PolicyNames": sorted(found(call, User, UserName).inline)}


def AttachUserPolicy(call: Call, *, UserName: str, PolicyArn: str) -> None:
    _attach(call, found(call, User, UserName), PolicyArn)


def DetachUserPolicy(call: Call, *, UserName: str, PolicyArn: str) -> None:
    _detach(call, found(call, User, UserName), PolicyArn)


def ListAttachedUserPolicies(call: Call, *, UserName: str, PathPrefix: str | None = None) -> dict:
    return attached(call, found(call, User, UserName), PathPrefix)


# Groups --------------------------------------------------------------------------------------------


def PutGroupPolicy(call: Call, *, GroupName: str, PolicyName: str, PolicyDocument: str) -> None:
    _put(call, found(call, Group, GroupName), PolicyName, PolicyDocument)


def GetGroupPolicy(call: Call, *, GroupName: str, PolicyName: str) -> dict:
    return _get(found(call, Group, GroupName), PolicyName)


def DeleteGroupPolicy(call: Call, *, GroupName: str, PolicyName: str) -> None:
    _delete(call, found(call, Group, GroupName), PolicyName)


def ListGroupPolicies(call: Call, *, GroupName: str) -> dict:
    return {"PolicyNames": sorted(found(call, Group, GroupName).inline)}


def AttachGroupPolicy(call: Call, *, GroupName: str, PolicyArn: str) -> None:
    _attach(call, found(call, Group, GroupName), PolicyArn)


def DetachGroupPolicy(call: Call, *, GroupName: str, PolicyArn: str) -> None:
    _detach(call, found(call, Group, GroupName), PolicyArn)


def ListAttachedGroupPolicies(call: Call, *, GroupName: str, PathPrefix: str | None = None) -> dict:
    return attached(call, found(call, Group, GroupName), PathPrefix)


# Roles ---------------------------------------------------------------------------------------------


def PutRolePolicy(call: Call, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
    _put(call, own_role(call, RoleName), PolicyName, PolicyDocument)


def GetRolePolicy(call: Call, *, RoleName: str, PolicyName: str) -> dict:
    return _get(found(call, Role, RoleName), PolicyName)


def DeleteRolePolicy(call: Call, *, RoleName: str, PolicyName: str) -> None:
    _delete(call, own_role(call, RoleName), PolicyName)


def ListRolePolicies(call: Call, *, RoleName: str) -> dict:
    return {"PolicyNames": sorted(found(call, Role, RoleName).inline)}


def AttachRolePolicy(call: Call, *, RoleName: str, PolicyArn: str) -> None:
    _attach(call, own_role(call, RoleName), PolicyArn)


def DetachRolePolicy(call: Call, *, RoleName: str, PolicyArn: str) -> None:
    _detach(call, own_role(call, RoleName), PolicyArn)


def ListAttachedRolePolicies(call: Call, *, RoleName: str, PathPrefix: str | None = None) -> dict:
    return attached(call, found(call, Role, RoleName), PathPrefix)
