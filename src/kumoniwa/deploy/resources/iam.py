"""AWS::IAM."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Action,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    at,
    carries,
    from_json,
    gone_tags,
    made,
    p,
    same,
    seen,
    use,
)
from kumoniwa.deploy.step import delete_calls
from kumoniwa.kernel.errors import AwsError


def _document(found: Any) -> str:
    return as_json(found)._read(None)


def _inline(kind: str) -> Action:
    """The inline policies of a role, user or group: ``Policies: [{PolicyName, PolicyDocument}]``."""

    @carries("Policies")
    async def put(work: Work) -> None:
        wanted = {policy["PolicyName"]: policy for policy in work.properties.get("Policies", ())}
        had = {policy["PolicyName"]: policy for policy in work.old.get("Policies", ())}
        owner = {f"{kind}Name": work.id}
        gone = [{**owner, "PolicyName": name} for name in had if name not in wanted]
        await delete_calls(work, [(f"iam:Delete{kind}Policy", each) for each in gone])
        for name, policy in wanted.items():
            if policy != had.get(name):
                document = _document(policy["PolicyDocument"])
                await work.ask(f"iam:Put{kind}Policy", **owner, PolicyName=name, PolicyDocument=document)

    return put


def _attached(kind: str) -> Action:
    """The managed policies of a role, user or group."""

    @carries("ManagedPolicyArns")
    async def put(work: Work) -> None:
        wanted, had = work.properties.get("ManagedPolicyArns", ()), work.old.get("ManagedPolicyArns", ())
        owner = {f"{kind}Name": work.id}
        gone = [{**owner, "PolicyArn": arn} for arn in had if arn not in wanted]
        await delete_calls(work, [(f"iam:Detach{kind}Policy", each) for each in gone])
        for arn in wanted:
            if arn not in had:
                await work.ask(f"iam:Attach{kind}Policy", **owner, PolicyArn=arn)

    return put


def _policies(kind: str) -> tuple[Setting, Setting]:
    inline, attached = _inline(kind), _attached(kind)
    return Setting(inline, inline), Setting(attached, attached)


def _stripped(kind: str, *more: tuple[str, str, str]) -> Action:
    """Delete a principal after taking from it what the template gave: IAM deletes only bare ones.

    ``more`` are ``(operation, property, parameter)`` for further lists.
    """

    async def delete(work: Work) -> None:
        owner = {f"{kind}Name": work.id}
        calls = [
            (f"iam:Delete{kind}Policy", {**owner, "PolicyName": policy["PolicyName"]})
            for policy in work.properties.get("Policies", ())
        ]
        calls += [
            (f"iam:Detach{kind}Policy", {**owner, "PolicyArn": arn})
            for arn in work.properties.get("ManagedPolicyArns", ())
        ]
        calls += [
            (operation, {**owner, parameter: value})
            for operation, name, parameter in more
            for value in work.properties.get(name, ())
        ]
        calls.append((f"iam:Delete{kind}", owner))
        await delete_calls(work, calls)

    return delete


def _tags(kind: str, **owner: Any) -> tuple[Call, Call]:
    return (
        Call(f"iam:Untag{kind}", **owner, TagKeys=gone_tags).when(gone_tags),
        Call(f"iam:Tag{kind}", **owner, Tags=p.Tags).when(p.Tags),
    )


def _boundary(kind: str) -> Setting:
    @carries("PermissionsBoundary")
    async def put(work: Work) -> None:
        # A creation sends the boundary along; only a change needs a call of its own.
        if work.old:
            boundary = work.properties["PermissionsBoundary"]
            await work.ask(
                f"iam:Put{kind}PermissionsBoundary", **{f"{kind}Name": work.id}, PermissionsBoundary=boundary
            )

    return Setting(put, Call(f"iam:Delete{kind}PermissionsBoundary", **{f"{kind}Name": ID}))


def _arns(found: list[dict[str, Any]]) -> list[str]:
    return [each["PolicyArn"] for each in found]


def _kept(kind: str) -> Reading:
    """The managed policies of a principal."""
    return Reading(
        {"ManagedPolicyArns": use(_arns, seen.AttachedPolicies)},
        Call(f"iam:ListAttached{kind}Policies", **{f"{kind}Name": ID}),
    )


Role = ResourceType(
    name=Name("RoleName", 64),
    create=Call(
        "iam:CreateRole",
        "RoleName Path Description MaxSessionDuration PermissionsBoundary Tags",
        AssumeRolePolicyDocument=as_json(p.AssumeRolePolicyDocument),
    ),
    id=p.RoleName,
    read=Call("iam:GetRole", RoleName=ID),
    settings=(*_policies("Role"), _boundary("Role")),
    update=(
        Call("iam:UpdateAssumeRolePolicy", RoleName=ID, PolicyDocument=as_json(p.AssumeRolePolicyDocument)),
        Call("iam:UpdateRole", "Description MaxSessionDuration", RoleName=ID),
        *_tags("Role", RoleName=ID),
    ),
    delete=_stripped("Role"),
    absent="NoSuchEntity",
    attributes={"Arn": seen.Role.Arn, "RoleId": seen.Role.RoleId},
    defaults={"Description": "", "MaxSessionDuration": 3600},
    drift=(
        Reading(
            {
                **same("Path Description MaxSessionDuration Tags", seen.Role),
                "AssumeRolePolicyDocument": from_json(seen.Role.AssumeRolePolicyDocument),
                "PermissionsBoundary": seen.Role.PermissionsBoundary.PermissionsBoundaryArn,
            }
        ),
        _kept("Role"),
    ),
)



@carries("Groups")
async def _join(work: Work) -> None:
    wanted, had = work.properties.get("Groups", ()), work.old.get("Groups", ())
    gone = [{"UserName": work.id, "GroupName": group} for group in had if group not in wanted]
    await delete_calls(work, [("iam:RemoveUserFromGroup", each) for each in gone])
    for group in wanted:
        if group not in had:
            await work.ask("iam:AddUserToGroup", UserName=work.id, GroupName=group)


User = ResourceType(
    name=Name("UserName", 64),
    create=Call("iam:CreateUser", "UserName Path PermissionsBoundary Tags"),
    id=p.UserName,
    read=Call("iam:GetUser", UserName=ID),
    settings=(
        *_policies("User"),
        _boundary("User"),
        Setting(_join, _join),
        Setting(
            Call(
                "iam:CreateLoginProfile",
                UserName=ID,
                Password=p.LoginProfile.Password,
                PasswordResetRequired=p.LoginProfile.PasswordResetRequired,
            ),
            Call("iam:DeleteLoginProfile", UserName=ID),
        ),
    ),
    update=(Call("iam:UpdateUser", UserName=ID, NewPath=p.Path), *_tags("User", UserName=ID)),
    delete=_stripped("User", ("iam:RemoveUserFromGroup", "Groups", "GroupName")),
    absent="NoSuchEntity",
    attributes={"Arn": seen.User.Arn},
    defaults={"Path": "/"},
    drift=(
        Reading(
            {
                **same("Path Tags", seen.User),
                "PermissionsBoundary": seen.User.PermissionsBoundary.PermissionsBoundaryArn,
            }
        ),
        _kept("User"),
        Reading(
            {"Groups": use(lambda groups: [group["GroupName"] for group in groups], seen.Groups)},
            Call("iam:ListGroupsForUser", UserName=ID),
        ),
    ),
)

Group = ResourceType(
    name=Name("GroupName", 128),
    create=Call("iam:CreateGroup", "GroupName Path"),
    id=p.GroupName,
    read=Call("iam:GetGroup", GroupName=ID),
    settings=_policies("Group"),
    update=(Call("iam:UpdateGroup", GroupName=ID, NewPath=p.Path),),
    delete=_stripped("Group"),
    absent="NoSuchEntity",
    attributes={"Arn": seen.Group.Arn},
    defaults={"Path": "/"},
    drift=(Reading(same("Path", seen.Group)), _kept("Group")),
)

_PRINCIPALS = (("Role", "Roles"), ("User", "Users"), ("Group", "Groups"))


@carries("PolicyName PolicyDocument Roles Users Groups")
async def _put_policy(work: Work) -> dict[str, Any]:
    """Write one inline policy into every principal that the template names, and take it from those it no longer does."""
    name, had_name = work.properties["PolicyName"], work.old.get("PolicyName")
    document = _document(work.properties["PolicyDocument"])
    for kind, members in _PRINCIPALS:
        wanted = work.properties.get(members, [])
        for owner in wanted:
            await work.ask(
                f"iam:Put{kind}Policy", **{f"{kind}Name": owner}, PolicyName=name, PolicyDocument=document
            )
        gone = [owner for owner in work.old.get(members, []) if owner not in wanted or name != had_name]
        calls = [
            (f"iam:Delete{kind}Policy", {f"{kind}Name": owner, "PolicyName": had_name}) for owner in gone
        ]
        await delete_calls(work, calls)
    return {}


_put_policy.handles_absence = True


async def _delete_policy(work: Work) -> None:
    name = work.properties["PolicyName"]
    calls = [
        (f"iam:Delete{kind}Policy", {f"{kind}Name": owner, "PolicyName": name})
        for kind, members in _PRINCIPALS
        for owner in work.properties.get(members, ())
    ]
    await delete_calls(work, calls)


Policy = ResourceType(
    # Recorded as ``stack-fnSe-3OZPF82JL41D``: localstack's test_lambda.py, test_cfn_lambda_dynamodb_source.
    name=Name("Id", 23),
    create=_put_policy,
    id=p.Id,
    update=(_put_policy,),
    delete=_delete_policy,
    absent="NoSuchEntity",
    attributes={"Id": ID},
)


def _single(kind: str) -> ResourceType:
    """One inline policy of one principal: ``AWS::IAM::RolePolicy`` and its like."""
    whose = {f"{kind}Name": at(getattr(p, f"{kind}Name")), "PolicyName": at(p.PolicyName)}
    put = Call(f"iam:Put{kind}Policy", **whose, PolicyDocument=as_json(p.PolicyDocument))
    return ResourceType(
        create=put,
        id=use(lambda name, owner: f"{name}|{owner}", p.PolicyName, getattr(p, f"{kind}Name")),
        update=(put,),
        delete=Call(f"iam:Delete{kind}Policy", **whose),
        absent="NoSuchEntity",
        drift=(
            Reading(
                {"PolicyDocument": from_json(seen.PolicyDocument)}, Call(f"iam:Get{kind}Policy", **whose)
            ),
        ),
    )


RolePolicy, UserPolicy, GroupPolicy = _single("Role"), _single("User"), _single("Group")


@carries("GroupName Users")
async def _put_members(work: Work) -> dict[str, Any]:
    group, wanted, had = work.properties["GroupName"], work.properties["Users"], work.old.get("Users", ())
    had_group = work.old.get("GroupName", group)
    gone = [user for user in had if user not in wanted or had_group != group]
    calls = [("iam:RemoveUserFromGroup", {"GroupName": had_group, "UserName": user}) for user in gone]
    await delete_calls(work, calls)
    for user in wanted:
        if user not in had or had_group != group:
            await work.ask("iam:AddUserToGroup", GroupName=group, UserName=user)
    return {}


async def _drop_members(work: Work) -> None:
    group = work.properties["GroupName"]
    calls = [
        ("iam:RemoveUserFromGroup", {"GroupName": group, "UserName": user})
        for user in work.properties["Users"]
    ]
    await delete_calls(work, calls)


UserToGroupAddition = ResourceType(
    name=Name("Id", 128),
    create=_put_members,
    id=p.Id,
    update=(_put_members,),
    delete=_drop_members,
    absent="NoSuchEntity",
    attributes={"Id": ID},
)


def _attach_to(kind: str, members: str) -> Setting:
    @carries(members)
    async def put(work: Work) -> None:
        wanted, had = work.properties.get(members, ()), work.old.get(members, ())
        gone = [{f"{kind}Name": owner, "PolicyArn": work.id} for owner in had if owner not in wanted]
        await delete_calls(work, [(f"iam:Detach{kind}Policy", each) for each in gone])
        for owner in wanted:
            if owner not in had:
                await work.ask(f"iam:Attach{kind}Policy", **{f"{kind}Name": owner}, PolicyArn=work.id)

    return Setting(put, put)


@carries("PolicyDocument")
async def _new_default_version(work: Work) -> None:
    """A managed policy keeps five versions; the oldest gives way, as CloudFormation does it."""
    versions = (await work.look("iam:ListPolicyVersions", PolicyArn=work.id))["Versions"]
    old = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
    if len(versions) >= 5:
        oldest = min(old, key=lambda version: int(version.removeprefix("v")))
        await work.ask("iam:DeletePolicyVersion", PolicyArn=work.id, VersionId=oldest)
    document = _document(work.properties["PolicyDocument"])
    await work.ask("iam:CreatePolicyVersion", PolicyArn=work.id, PolicyDocument=document, SetAsDefault=True)


async def _delete_managed_policy(work: Work) -> None:
    calls = [
        (f"iam:Detach{kind}Policy", {f"{kind}Name": owner, "PolicyArn": work.id})
        for kind, members in _PRINCIPALS
        for owner in work.properties.get(members, ())
    ]
    try:
        versions = (await work.look("iam:ListPolicyVersions", PolicyArn=work.id))["Versions"]
    except AwsError as error:
        if error.code not in work.entry.absent_codes:
            raise
        versions = []
    calls += [
        ("iam:DeletePolicyVersion", {"PolicyArn": work.id, "VersionId": version["VersionId"]})
        for version in versions
        if not version["IsDefaultVersion"]
    ]
    await delete_calls(work, [*calls, ("iam:DeletePolicy", {"PolicyArn": work.id})])


ManagedPolicy = ResourceType(
    name=Name("ManagedPolicyName", 128),
    create=Call(
        "iam:CreatePolicy",
        "Path Description",
        PolicyName=p.ManagedPolicyName,
        PolicyDocument=as_json(p.PolicyDocument),
    ),
    id=made.Policy.Arn,
    settings=tuple(_attach_to(kind, members) for kind, members in _PRINCIPALS),
    update=(_new_default_version,),
    delete=_delete_managed_policy,
    absent="NoSuchEntity",
    attributes={"PolicyArn": ID, "PolicyId": made.Policy.PolicyId},
)

AccessKey = ResourceType(
    create=Call("iam:CreateAccessKey", "UserName"),
    id=made.AccessKey.AccessKeyId,
    settings=(
        Setting(
            Call("iam:UpdateAccessKey", "Status", UserName=at(p.UserName), AccessKeyId=ID),
            Call("iam:UpdateAccessKey", UserName=at(p.UserName), AccessKeyId=ID, Status="Active"),
        ),
    ),
    # CloudFormation rotates a key by a changed serial number, which is sent nowhere.
    aside="Serial",
    delete=Call("iam:DeleteAccessKey", "UserName", AccessKeyId=ID),
    absent="NoSuchEntity",
    attributes={"SecretAccessKey": made.AccessKey.SecretAccessKey},
)


@carries("Roles")
async def _put_profile_roles(work: Work) -> None:
    wanted, had = work.properties.get("Roles", ()), work.old.get("Roles", ())
    gone = [{"InstanceProfileName": work.id, "RoleName": role} for role in had if role not in wanted]
    await delete_calls(work, [("iam:RemoveRoleFromInstanceProfile", each) for each in gone])
    for role in wanted:
        if role not in had:
            await work.ask("iam:AddRoleToInstanceProfile", InstanceProfileName=work.id, RoleName=role)


InstanceProfile = ResourceType(
    name=Name("InstanceProfileName", 128),
    create=Call("iam:CreateInstanceProfile", "InstanceProfileName Path"),
    id=p.InstanceProfileName,
    read=Call("iam:GetInstanceProfile", InstanceProfileName=ID),
    settings=(Setting(_put_profile_roles),),
    delete=_stripped("InstanceProfile", ("iam:RemoveRoleFromInstanceProfile", "Roles", "RoleName")),
    absent="NoSuchEntity",
    attributes={"Arn": seen.InstanceProfile.Arn},
)

ServiceLinkedRole = ResourceType(
    create=Call("iam:CreateServiceLinkedRole", "AWSServiceName Description CustomSuffix"),
    id=made.Role.RoleName,
    read=Call("iam:GetRole", RoleName=ID),
    update=(Call("iam:UpdateRole", "Description", RoleName=ID),),
    delete=Call("iam:DeleteServiceLinkedRole", RoleName=ID),
    absent="NoSuchEntity",
    attributes={"RoleName": ID},
    drift=(Reading(same("Description", seen.Role)),),
)

ServerCertificate = ResourceType(
    name=Name("ServerCertificateName", 128),
    create=Call("iam:UploadServerCertificate", "ServerCertificateName CertificateBody CertificateChain PrivateKey Path Tags"),
    id=p.ServerCertificateName,
    read=Call("iam:GetServerCertificate", ServerCertificateName=ID),
    update=(
        Call("iam:UpdateServerCertificate", ServerCertificateName=ID, NewPath=p.Path),
        *_tags("ServerCertificate", ServerCertificateName=ID),
    ),
    delete=Call("iam:DeleteServerCertificate", ServerCertificateName=ID),
    absent="NoSuchEntity",
    attributes={"Arn": seen.ServerCertificate.ServerCertificateMetadata.Arn},
    defaults={"Path": "/"},
    drift=(
        Reading({**same("Path", seen.ServerCertificate.ServerCertificateMetadata), **same("CertificateChain Tags", seen.ServerCertificate)}),
    ),
)
