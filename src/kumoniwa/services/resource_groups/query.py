"""Queries: what a group is of, read from JSON, and asked as whoever wants to know."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.resource_groups import kind
from kumoniwa.services.resource_groups.errors import BadRequestException, ForbiddenException

TAGS, STACK = "TAG_FILTERS_1_0", "CLOUDFORMATION_STACK_1_0"
_MEMBERS = {TAGS: {"ResourceTypeFilters", "TagFilters"}, STACK: {"ResourceTypeFilters", "StackIdentifier"}}
"""https://docs.aws.amazon.com/ARG/latest/APIReference/API_ResourceQuery.html"""
STACK_TAG = "aws:cloudformation:stack-id"
"""CloudFormation marks with it much of what its stacks make, and nobody else may."""


class Read(NamedTuple):
    types: list[str]
    tags: list[dict[str, Any]]
    stack: str


def read(said: dict[str, str]) -> Read:
    """Raises BadRequestException for what is no query."""
    try:
        found = json.loads(said["Query"])
    except ValueError:
        raise BadRequestException("Query not valid: it is not JSON.") from None
    if not isinstance(found, dict) or set(found) - _MEMBERS[said["Type"]]:
        raise BadRequestException(f"Query not valid: it may have {', '.join(sorted(_MEMBERS[said['Type']]))}.")
    types, tags, stack = found.get("ResourceTypeFilters"), found.get("TagFilters", []), found.get("StackIdentifier", "")
    if not isinstance(types, list) or not types or not all(isinstance(each, str) and kind.NAME.fullmatch(each) for each in types):
        raise BadRequestException(f"Query not valid: ResourceTypeFilters must name types of resources, or {kind.ALL}.")
    if not isinstance(tags, list) or not all(_is_filter(each) for each in tags):
        raise BadRequestException("Query not valid: TagFilters must have a Key and a list of Values each.")
    is_stack = isinstance(stack, str) and kind.of(stack) == "AWS::CloudFormation::Stack"
    if said["Type"] == STACK and not is_stack:
        raise BadRequestException("Query not valid: StackIdentifier must be the ARN of a stack.")
    return Read(types, tags, stack)


def _is_filter(found: Any) -> bool:
    if not isinstance(found, dict) or set(found) - {"Key", "Values"} or not isinstance(found.get("Key"), str) or not found["Key"]:
        return False
    values = found.get("Values", [])
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


async def run(call: Call, said: dict[str, str]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What a query finds now, and what keeps it from finding all. Whoever asks needs tag:GetResources, and for a stack
    cloudformation:DescribeStacks and cloudformation:ListStackResources. https://docs.aws.amazon.com/ARG/latest/APIReference/API_ListGroupResources.html"""
    wanted = read(said)
    arns = await _tagged(call, wanted.tags) if said["Type"] == TAGS else []
    if said["Type"] == STACK:
        if problem := await _problem(call, wanted.stack):
            return [], [problem]
        arns = sorted({*await _made(call, wanted.stack), *await _tagged(call, [{"Key": STACK_TAG, "Values": [wanted.stack]}])})
    found = [(arn, kind.of(arn)) for arn in arns]
    takes_all = kind.ALL in wanted.types
    return [{"ResourceArn": arn, "ResourceType": name} for arn, name in found if name and (takes_all or name in wanted.types)], []


async def _asked(call: Call, operation: str, **params: Any) -> dict[str, Any]:
    try:
        return await call.ask(operation, **params)
    except AwsError as error:
        if error.code in ("AccessDenied", "AccessDeniedException"):
            raise ForbiddenException(error.text, hint=error.hint) from None
        raise


async def _tagged(call: Call, filters: list[dict[str, Any]]) -> list[str]:
    arns: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = await _asked(call, "resourcegroupstaggingapi:GetResources", TagFilters=filters, **more)
        arns += [each["ResourceARN"] for each in page["ResourceTagMappingList"]]
        if not page["PaginationToken"]:
            return arns
        more = {"PaginationToken": page["PaginationToken"]}


async def _made(call: Call, stack: str) -> list[str]:
    """What stands of a stack, by ARN, where what CloudFormation tells of it says enough. The rest has the stack's mark."""
    arns: list[str | None] = []
    more: dict[str, str] = {}
    while True:
        page = await _asked(call, "cloudformation:ListStackResources", StackName=stack, **more)
        arns += [
            kind.arn_of(each["ResourceType"], each["PhysicalResourceId"], call.home.partition, call.region, call.account)
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and not each["ResourceStatus"].startswith("DELETE_COMPLETE")
        ]
        if "NextToken" not in page:
            return [arn for arn in arns if arn is not None]
        more = {"NextToken": page["NextToken"]}


async def _problem(call: Call, stack: str) -> dict[str, str] | None:
    """https://docs.aws.amazon.com/ARG/latest/APIReference/API_QueryError.html; the messages are ours."""
    try:
        found = (await _asked(call, "cloudformation:DescribeStacks", StackName=stack))["Stacks"][0]
    except AwsError as error:
        if error.code != "ValidationError":
            raise
        return {"ErrorCode": "CLOUDFORMATION_STACK_NOT_EXISTING", "Message": error.text}
    if found["StackStatus"] == "DELETE_COMPLETE":
        return {"ErrorCode": "CLOUDFORMATION_STACK_INACTIVE", "Message": f"The stack {stack} is in {found['StackStatus']} state"}
    return None
