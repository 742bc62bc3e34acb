"""What an account has tagged in a region, as the services themselves say it at this moment.

What has no region is told of in one, as recorded: https://github.com/cloud-custodian/cloud-custodian/pull/2729
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import GLOBAL, GLOBAL_SERVICES
from kumoniwa.gate.tags import NAMELESS
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.operation import load
from kumoniwa.services.resourcegroupstaggingapi.errors import InternalServiceException

SERVICE = "resourcegroupstaggingapi"
OF_NO_REGION = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
"""Where a partition's resources without a region are found."""
UNTOLD = (":user/", ":role/")
"""Kinds of IAM that are tagged here but not found:
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html"""


def here(home: Any, account: str) -> dict[str, dict[str, str]]:
    """By ARN, the tags of what lies in this very region."""
    found: dict[str, dict[str, str]] = {}
    owner = principals.root(account, partition=home.partition)
    for name in home.used_services:
        service = load(name)
        if service.all_tags is None or (name in GLOBAL_SERVICES and home.name != GLOBAL):
            continue
        for arn, tags in service.all_tags(home.call(name, account, owner)):
            if tags:
                found[arn] = {key: value or "" for key, value in tags.items()}
    return found


async def everything(call: Call) -> list[tuple[str, dict[str, str]]]:
    """By ARN and in the order of ARNs, what is found in this region. AWS promises no order."""
    found = here(call.home, call.account)
    if call.region == OF_NO_REGION[call.home.partition]:
        try:
            reply = await call.home.exchange(GLOBAL, SERVICE, {"account": call.account})
        except AwsError as error:
            raise InternalServiceException(f"What has no region does not answer: {error.text}")
        found |= reply["tagged"]
    return sorted((arn, tags) for arn, tags in found.items() if not (":iam:" in arn and any(kind in arn for kind in UNTOLD)))


def is_of(arn: str, wanted: str) -> bool:
    """Whether a type filter, ``service`` or ``service:type`` as ARNs spell them, takes what an ARN names."""
    parsed = arns.parse(arn)
    service, _, kind = wanted.partition(":")
    if parsed is None or parsed.service != service:
        return False
    own = parsed.resource.lstrip("/").replace(":", "/").partition("/")
    return not kind or kind == (own[0] if own[1] else NAMELESS.get(service, ""))


def passes(tags: dict[str, str], filters: list[tuple[str, list[str]]]) -> bool:
    """Whether tags have every key that is wanted, with one of its values if any are."""
    return all(key in tags and (not values or tags[key] in values) for key, values in filters)
