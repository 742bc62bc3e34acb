"""Security groups."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import default_network, filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import SECURITY_GROUP, VPC, Endpoint, Interface, SecurityGroup, SecurityRule, Vpc, rules_of
from kumoniwa.services.ec2.permission import by_name, show_permissions

_TEXT = re.compile(r"[0-9A-Za-z_ .:/()#,@\[\]+=&;{}!$*-]{0,255}")
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"""


def show(call: Call, group: SecurityGroup) -> dict[str, Any]:
    held = rules_of(call, group.id)
    shown: dict[str, Any] = {
        "GroupId": group.id, "GroupName": group.name, "Description": group.description, "OwnerId": call.account, "VpcId": group.vpc,
        "SecurityGroupArn": call.arn(f"security-group/{group.id}", "ec2"),
        "IpPermissions": show_permissions([each for each in held if not each.is_egress]),
        "IpPermissionsEgress": show_permissions([each for each in held if each.is_egress]),
    }  # fmt: skip
    return shown | ({"Tags": tag.shown(group.tags)} if group.tags else {})


@may_be_dry
def CreateSecurityGroup(
    call: Call, *, GroupName: str, Description: str, VpcId: str | None = None, TagSpecifications: list[dict] | None = None
) -> dict:
    """One that lets everything out and nothing in."""
    _check_names(GroupName, Description)
    if VpcId:
        existing(call, VPC, VpcId)
    else:
        VpcId = next((each.id for each in call.shelf(Vpc).values() if each.is_default), None)
        if VpcId is None:
            raise Refused("VPCIdNotSpecified", "No default VPC for this user")
    if any(each.vpc == VpcId and each.name == GroupName for each in call.shelf(SecurityGroup).values()):
        raise Refused("InvalidGroup.Duplicate", f"The security group '{GroupName}' already exists for VPC '{VpcId}'")
    id_ = fresh(call, "sg")
    tags = tag.of_new(call, TagSpecifications, SECURITY_GROUP, id_)
    keep(call, SecurityGroup(id=id_, name=GroupName, description=Description, vpc=VpcId, tags=tags))
    keep(call, default_network.anything(call, id_, True, default_network.ANYWHERE))
    return {"GroupId": id_, "Tags": tag.shown(tags), "SecurityGroupArn": call.arn(f"security-group/{id_}")}


def _check_names(name: str, description: str) -> None:
    if name.lower().startswith("sg-"):
        raise InvalidParameterValue(f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.")
    if name == "default":
        raise InvalidParameterValue("Cannot use reserved security group name: default")
    for parameter, text in (("GroupName", name), ("GroupDescription", description)):
        if not text:
            raise MissingParameter(f"The request must contain the parameter {parameter}")
        if len(text) > 255:
            raise InvalidParameterValue(f"Value ({text}) for parameter {parameter} is invalid. Value exceeds 255 characters.")
        if not _TEXT.fullmatch(text):
            reason = "Character sets beyond ASCII are not supported." if not text.isascii() else "Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
            raise InvalidParameterValue(f"Value ({text}) for parameter {parameter} is invalid. {reason}")


def named(call: Call, id_: str | None, name: str | None) -> SecurityGroup:
    """A group by its id, or one of the default VPC by its name."""
    if id_:
        return existing(call, SECURITY_GROUP, id_)
    if name:
        return by_name(call, name)
    raise MissingParameter("The request must contain the parameter groupName or groupId")


@may_be_dry
def DeleteSecurityGroup(call: Call, *, GroupId: str | None = None, GroupName: str | None = None) -> dict:
    group = named(call, GroupId, GroupName)
    if group.name == "default":
        raise Refused("CannotDelete", f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user')
    is_referenced = any(each.peer == group.id and each.group != group.id for each in call.shelf(SecurityRule).values())
    if is_referenced or any(group.id in each.groups for kind in (Interface, Endpoint) for each in call.shelf(kind).values()):
        raise DependencyViolation(f"resource {group.id} has a dependent object")
    for rule in rules_of(call, group.id):
        del call.shelf(SecurityRule)[rule.id]
    del call.shelf(SecurityGroup)[group.id]
    return {"Return": True, "GroupId": group.id}


def _permission_names(prefix: str, member: str) -> dict[str, str]:
    return {
        f"{prefix}ip-permission.cidr": f"{member}.IpRanges.CidrIp", f"{prefix}ip-permission.from-port": f"{member}.FromPort",
        f"{prefix}ip-permission.group-id": f"{member}.UserIdGroupPairs.GroupId", f"{prefix}ip-permission.ipv6-cidr": f"{member}.Ipv6Ranges.CidrIpv6",
        f"{prefix}ip-permission.group-name": f"{member}.UserIdGroupPairs.GroupName",
        f"{prefix}ip-permission.prefix-list-id": f"{member}.PrefixListIds.PrefixListId", f"{prefix}ip-permission.protocol": f"{member}.IpProtocol",
        f"{prefix}ip-permission.to-port": f"{member}.ToPort", f"{prefix}ip-permission.user-id": f"{member}.UserIdGroupPairs.UserId",
    }  # fmt: skip


_NAMES: filters.Names = {
    "description": "Description", "group-id": "GroupId", "group-name": "GroupName", "owner-id": "OwnerId", "vpc-id": "VpcId",
    **_permission_names("", "IpPermissions"), **_permission_names("egress.", "IpPermissionsEgress"),
}  # fmt: skip


@may_be_dry
def DescribeSecurityGroups(
    call: Call, *, GroupIds: list[str] | None = None, GroupNames: list[str] | None = None, Filters: list[dict] | None = None
) -> dict:
    ids = list(GroupIds or ())
    ids += [by_name(call, name).id for name in GroupNames or ()]
    return {"SecurityGroups": described(call, SECURITY_GROUP, ids, Filters, _NAMES, show)}
