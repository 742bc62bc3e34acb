"""The VPC that a function is in: what its VpcConfig says, and the network interfaces that Lambda keeps for it.

Lambda makes one interface for each subnet and set of security groups, and all functions that say the same use it; when none does any more it is
deleted. Here an interface and our own record of it are kept in one commit. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from kumoniwa.engines.vpc_network import network
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.lambda_.destination import check_role_may
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import Version, Vpc

SERVICE = "lambda.amazonaws.com"
_NEEDED = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
"""What the role of a function must be allowed in EC2; AWSLambdaVPCAccessExecutionRole allows it."""
IN_USE_S = 0.1
"""How often is looked whether an environment still uses one."""
AGAIN_S = 60.0
"""After how long an interface that could not be deleted is tried again."""


class Interface(Record):
    """Shelved by its subnet and groups."""

    subnet: str
    groups: tuple[str, ...]
    id: str
    address: str

    @property
    def key(self) -> str:
        return key_of(self.subnet, self.groups)


def key_of(subnet: str, groups: Iterable[str]) -> str:
    return " ".join((subnet, *sorted(groups)))


def keys_of(vpc: Vpc) -> list[str]:
    return [key_of(subnet, vpc.groups) for subnet in vpc.subnets]


def itself(call: Call) -> Call:
    """Lambda as it keeps what it needs in the account, which on AWS is the function's role or a service-linked one."""
    return call.by_owner(SERVICE)


def check(config: dict[str, Any] | None) -> None:
    """What is wrong with a VpcConfig whatever there is in EC2."""
    subnets, groups = (bool((config or {}).get(name)) for name in ("SubnetIds", "SecurityGroupIds"))
    if subnets != groups:
        # As cdk-preflight saw it of AWS (pf-lambda-vpc-non-empty).
        raise InvalidParameterValueException("SubnetIds and SecurityIds must coexist or be both empty list.")
    if subnets and config.get("Ipv6AllowedForDualStack"):
        raise NotImplementedHere("IPv6 of Lambda functions in a VPC (lambda VpcConfig.Ipv6AllowedForDualStack)")


async def chosen(call: Call, function: str, role: str, config: dict[str, Any]) -> Vpc | None:
    """What a VpcConfig that was checked names; None if it names nothing. Its interfaces are there."""
    if not config.get("SubnetIds"):
        return None
    why = await asyncio.to_thread(network.refusal)
    if why is not None:
        raise NotImplementedHere(f"Lambda functions in a VPC (lambda VpcConfig) {why}")
    for action in _NEEDED:
        check_role_may(call, role, f"ec2:{action}", "*", f"The provided execution role does not have permissions to call {action} on EC2")
    subnets, groups = (tuple(dict.fromkeys(config[name])) for name in ("SubnetIds", "SecurityGroupIds"))
    told = await _described(call, "Subnets", SubnetIds=list(subnets))
    vpcs = {each["VpcId"] for each in told}
    if len(vpcs) > 1:
        # Ours, after the next one's.
        raise InvalidParameterValueException("Subnets are required to be in the same VPC.")
    if any(each["VpcId"] not in vpcs for each in await _described(call, "SecurityGroups", GroupIds=list(groups))):
        # Reported: https://github.com/smoketurner/serverless-vpc-plugin/issues/765
        raise InvalidParameterValueException("Security Groups are required to be in the same VPC.")
    vpc = Vpc(id=vpcs.pop(), subnets=subnets, groups=groups)
    await connect(call, function, vpc)
    return vpc


async def _described(call: Call, what: str, **params: Any) -> list[dict[str, Any]]:
    """Reported: https://github.com/motdotla/node-lambda/issues/162"""
    try:
        return (await itself(call).ask(f"ec2:Describe{what}", **params))[what]
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise InvalidParameterValueException(
            f"Error occurred while Describe{what}. EC2 Error Code: {error.code}. EC2 Error Message: {error.text}"
        ) from None


async def connect(call: Call, function: str, vpc: Vpc) -> None:
    """Have an interface in each of the subnets, each kept together with what we know of it. Raises InvalidParameterValueException."""
    for subnet in vpc.subnets:
        if key_of(subnet, vpc.groups) in call.shelf(Interface):
            continue
        description = f"AWS Lambda VPC ENI-{function}-{call.new_id()}"
        try:
            made = itself(call).ask_at_once("ec2:CreateNetworkInterface", SubnetId=subnet, Groups=list(vpc.groups), Description=description)
        except AwsError as error:
            raise InvalidParameterValueException(
                f"Error occurred while CreateNetworkInterface. EC2 Error Code: {error.code}. EC2 Error Message: {error.text}"
            ) from None
        told = made["NetworkInterface"]
        held = Interface(subnet=subnet, groups=vpc.groups, id=told["NetworkInterfaceId"], address=told["PrivateIpAddress"])
        call.shelf(Interface)[held.key] = held


def changed_or_gone(call: Call) -> None:
    """Versions are not what they were: interfaces that none uses any more go."""
    if call.shelf(Interface):
        call.after_commit(lambda: call.home.spawn(tidy(call.home, call.account)))


async def tidy(home: Any, account: str) -> None:
    """Delete the interfaces by which no version is connected, as soon as no environment uses them that has still to answer."""
    call = home.call("lambda", account, principals.service(SERVICE, account))
    again_s: float | None = 0.0
    while again_s is not None:
        await asyncio.sleep(again_s)
        again_s = None
        used = {key for version in call.shelf(Version).values() if version.vpc is not None for key in keys_of(version.vpc)}
        for held in [each for each in call.shelf(Interface).values() if each.key not in used]:
            if "lambda" in home.engines and home.engines["lambda"].networks.uses(held.id):
                again_s = again_s or IN_USE_S
                continue
            try:
                itself(call).ask_at_once("ec2:DeleteNetworkInterface", NetworkInterfaceId=held.id)
            except AwsError as error:
                if error.code != "InvalidNetworkInterfaceID.NotFound":
                    again_s = AGAIN_S
                    continue
            call.shelf(Interface).pop(held.key, None)


def conditions(call: Call, config: dict[str, Any]) -> dict[str, Any]:
    """The condition keys of a VpcConfig. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"""
    said = (config.get(name) for name in ("SubnetIds", "SecurityGroupIds"))
    subnets, groups = ([each for each in ids if isinstance(each, str)] if isinstance(ids, list) else [] for ids in said)
    found: dict[str, Any] = {"lambda:subnetids": subnets, "lambda:securitygroupids": groups}
    if subnets:
        try:
            told = itself(call).ask_at_once("ec2:DescribeSubnets", SubnetIds=subnets)["Subnets"]
        except AwsError:
            return found  # the operation says what is wrong with them
        found["lambda:vpcids"] = sorted({each["VpcId"] for each in told})
    return found
