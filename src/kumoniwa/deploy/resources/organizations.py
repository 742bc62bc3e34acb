"""AWS::Organizations. An account is asked for and awaited. It outlives its stack unless the template wants it deleted, which is to close it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-organizations-account.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    carries,
    either,
    from_json,
    gone_tags,
    made,
    p,
    same,
    seen,
    use,
)
from kumoniwa.deploy.step import Failure

LOOK_S = 0.05
LOOK_S_MAX = 2.0

_tags = (
    Call("organizations:UntagResource", ResourceId=ID, TagKeys=gone_tags).when(gone_tags),
    Call("organizations:TagResource", ResourceId=ID, Tags=p.Tags).when(p.Tags),
)
_tagged = Reading({"Tags": seen.Tags}, Call("organizations:ListTagsForResource", ResourceId=ID))

# The organization ------------------------------------------------------------------------------------


class _WithRoot(Call):
    async def look(self, work: Work) -> dict[str, Any]:
        return {**await super().look(work), **await work.look("organizations:ListRoots")}


@carries("FeatureSet")
async def _keep_features(work: Work) -> None:
    """AWS's handler changes nothing either: all features begin by a handshake with every member."""
    if work.old.get("FeatureSet", "ALL") != work.properties.get("FeatureSet", "ALL"):
        raise Failure("The feature set of an organization is not changed by a stack: use organizations:EnableAllFeatures.")
    await work.ask("organizations:DescribeOrganization")


_organization = seen.Organization
Organization = ResourceType(
    create=Call("organizations:CreateOrganization", "FeatureSet"),
    id=made.Organization.Id,
    read=_WithRoot("organizations:DescribeOrganization"),
    update=(_keep_features,),
    delete=Call("organizations:DeleteOrganization"),
    absent="AWSOrganizationsNotInUseException",
    attributes={
        "Id": ID,
        "Arn": _organization.Arn,
        "ManagementAccountArn": _organization.MasterAccountArn,
        "ManagementAccountId": _organization.MasterAccountId,
        "ManagementAccountEmail": _organization.MasterAccountEmail,
        "RootId": use(lambda roots: roots[0]["Id"] if roots else "", seen.Roots),
    },
    defaults={"FeatureSet": "ALL"},
    drift=(Reading(same("FeatureSet", _organization)),),
)

_unit = seen.OrganizationalUnit
OrganizationalUnit = ResourceType(
    create=Call("organizations:CreateOrganizationalUnit", "Name ParentId Tags"),
    id=made.OrganizationalUnit.Id,
    read=Call("organizations:DescribeOrganizationalUnit", OrganizationalUnitId=ID),
    update=(Call("organizations:UpdateOrganizationalUnit", OrganizationalUnitId=ID, Name=p.Name), *_tags),
    delete=Call("organizations:DeleteOrganizationalUnit", OrganizationalUnitId=ID),
    absent="OrganizationalUnitNotFoundException",
    attributes={"Id": ID, "Arn": _unit.Arn, "Path": _unit.Path},
    drift=(Reading(same("Name", _unit)), _tagged),
)

# Accounts --------------------------------------------------------------------------------------------


@carries("AccountName Email RoleName Tags")
async def _create_account(work: Work) -> dict[str, Any]:
    given = {name: work.properties[name] for name in ("AccountName", "Email", "RoleName", "Tags") if name in work.properties}
    asked = await work.ask("organizations:CreateAccount", **given)
    pause_s = LOOK_S
    while True:
        id_ = asked["CreateAccountStatus"]["Id"]
        status = (await work.look("organizations:DescribeCreateAccountStatus", CreateAccountRequestId=id_))["CreateAccountStatus"]
        if status["State"] == "SUCCEEDED":
            return {"CreateAccountStatus": status}
        if status["State"] == "FAILED":
            raise Failure(f"The account was not created: {status['FailureReason']}")
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


@carries("ParentIds")
async def _move(work: Work) -> None:
    here = (await work.look("organizations:ListParents", ChildId=work.id))["Parents"]
    wanted = work.properties.get("ParentIds") or [(await work.look("organizations:ListRoots"))["Roots"][0]["Id"]]
    if len(wanted) > 1:
        raise Failure("An account has one parent.")
    if here and here[0]["Id"] != wanted[0]:
        where = {"SourceParentId": here[0]["Id"], "DestinationParentId": wanted[0]}
        await work.ask("organizations:MoveAccount", AccountId=work.id, **where)


_account = seen.Account
Account = ResourceType(
    create=_create_account,
    id=made.CreateAccountStatus.AccountId,
    read=Call("organizations:DescribeAccount", AccountId=ID),
    settings=(Setting(_move, _move),),
    update=_tags,
    delete=Call("organizations:CloseAccount", AccountId=ID),
    deletion_policy="Retain",
    absent="AccountNotFoundException AccountAlreadyClosedException",
    attributes={
        "AccountId": ID,
        "Arn": _account.Arn,
        "JoinedMethod": _account.JoinedMethod,
        "JoinedTimestamp": use(str, _account.JoinedTimestamp),
        "State": _account.State,
        "Status": _account.Status,
        "Paths": _account.Paths,
    },
    fixed="AccountName Email RoleName",
    drift=(Reading({"AccountName": _account.Name, "Email": _account.Email}), _tagged),
)

# Policies --------------------------------------------------------------------------------------------


@carries("TargetIds")
async def _attach(work: Work) -> None:
    """Where it hangs, wherever it hung before."""
    listed = await work.look("organizations:ListTargetsForPolicy", PolicyId=work.id)
    held, wanted = [target["TargetId"] for target in listed["Targets"]], work.properties.get("TargetIds") or []
    for place in held:
        if place not in wanted:
            await work.ask("organizations:DetachPolicy", PolicyId=work.id, TargetId=place)
    for place in wanted:
        if place not in held:
            await work.ask("organizations:AttachPolicy", PolicyId=work.id, TargetId=place)


async def _delete_policy(work: Work) -> None:
    listed = await work.look("organizations:ListTargetsForPolicy", PolicyId=work.id)
    for target in listed["Targets"]:
        await work.ask("organizations:DetachPolicy", PolicyId=work.id, TargetId=target["TargetId"])
    await work.ask("organizations:DeletePolicy", PolicyId=work.id)


_policy = seen.Policy.PolicySummary
Policy = ResourceType(
    create=Call("organizations:CreatePolicy", "Name Type Tags", Content=as_json(p.Content), Description=either(p.Description, "")),
    id=made.Policy.PolicySummary.Id,
    read=Call("organizations:DescribePolicy", PolicyId=ID),
    settings=(Setting(_attach, _attach),),
    update=(Call("organizations:UpdatePolicy", "Name Description", PolicyId=ID, Content=as_json(p.Content)), *_tags),
    delete=_delete_policy,
    absent="PolicyNotFoundException",
    attributes={"Id": ID, "Arn": _policy.Arn, "AwsManaged": _policy.AwsManaged},
    defaults={"Description": ""},
    drift=(Reading({**same("Name Description", _policy), "Content": from_json(seen.Policy.Content)}), _tagged),
)

_resource_policy = seen.ResourcePolicy.ResourcePolicySummary
ResourcePolicy = ResourceType(
    create=Call("organizations:PutResourcePolicy", "Tags", Content=as_json(p.Content)),
    id=made.ResourcePolicy.ResourcePolicySummary.Id,
    read=Call("organizations:DescribeResourcePolicy"),
    update=(Call("organizations:PutResourcePolicy", Content=as_json(p.Content)), *_tags),
    delete=Call("organizations:DeleteResourcePolicy"),
    absent="ResourcePolicyNotFoundException",
    attributes={"Id": ID, "Arn": _resource_policy.Arn},
    drift=(Reading({"Content": from_json(seen.ResourcePolicy.Content)}), _tagged),
)
