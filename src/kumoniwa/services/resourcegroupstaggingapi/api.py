"""The operations of the Resource Groups Tagging API. Compliance with tag policies is refused by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.resourcegroupstaggingapi import page, tagged, tagging
from kumoniwa.services.resourcegroupstaggingapi.errors import InvalidParameterException
from kumoniwa.wire.refusals import refusal

TYPES_MAX = 100
"""https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterException(f"Tag keys that begin with aws: are reserved: {key}")


# Finding -----------------------------------------------------------------------------------------------


async def GetResources(
    call: Call,
    *,
    PaginationToken: str | None = None,
    TagFilters: list[dict[str, Any]] | None = None,
    ResourcesPerPage: int | None = None,
    TagsPerPage: int | None = None,
    ResourceTypeFilters: list[str] | None = None,
    IncludeComplianceDetails: bool | None = None,
    ExcludeCompliantResources: bool | None = None,
    ResourceARNList: list[str] | None = None,
) -> dict:
    """AWS also returns, with no tags, what had some once. That is not remembered here."""
    if IncludeComplianceDetails:
        raise NotImplementedHere(f"{tagged.SERVICE}:GetResources(IncludeComplianceDetails)")
    if ExcludeCompliantResources:
        raise InvalidParameterException("ExcludeCompliantResources can be true only if IncludeComplianceDetails is true.")
    page.check(ResourcesPerPage, TagsPerPage)
    filters = _filters(TagFilters)
    if len(ResourceTypeFilters or ()) > TYPES_MAX:
        raise InvalidParameterException(f"ResourceTypeFilters can have at most {TYPES_MAX} items.")
    if ResourceARNList:
        if TagFilters or ResourceTypeFilters or PaginationToken or ResourcesPerPage is not None or TagsPerPage is not None:
            raise InvalidParameterException("ResourceARNList cannot be specified together with filters or parameters of pages.")
        for arn in ResourceARNList:
            tagging.parsed_arn(arn)
        wanted = set(ResourceARNList)
        shown, token = [each for each in await tagged.everything(call) if each[0] in wanted], ""
    else:
        after = page.begin(call, PaginationToken)
        found = [
            (arn, tags)
            for arn, tags in await tagged.everything(call)
            if tagged.passes(tags, filters)
            and (not ResourceTypeFilters or any(tagged.is_of(arn, each) for each in ResourceTypeFilters))
        ]
        shown, token = page.of_resources(call, found, after, ResourcesPerPage, TagsPerPage)
    listed = [{"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} for arn, tags in shown]
    return {"PaginationToken": token, "ResourceTagMappingList": listed}


def _filters(said: list[dict[str, Any]] | None) -> list[tuple[str, list[str]]]:
    if any("Key" not in each for each in said or ()):
        raise InvalidParameterException("Each of the TagFilters must contain a Key.")
    return [(each["Key"], each.get("Values") or []) for each in said or ()]


async def GetTagKeys(call: Call, *, PaginationToken: str | None = None) -> dict:
    keys, token = page.of_texts(call, {key for _, tags in await tagged.everything(call) for key in tags}, PaginationToken)
    return {"PaginationToken": token, "TagKeys": keys}


async def GetTagValues(call: Call, *, Key: str, PaginationToken: str | None = None) -> dict:
    values, token = page.of_texts(call, {tags[Key] for _, tags in await tagged.everything(call) if Key in tags}, PaginationToken)
    return {"PaginationToken": token, "TagValues": values}


# Changing ----------------------------------------------------------------------------------------------


async def TagResources(call: Call, *, ResourceARNList: list[str], Tags: dict[str, str]) -> dict:
    return await _each(ResourceARNList, lambda arn: tagging.change(call, arn, Tags, []))


async def UntagResources(call: Call, *, ResourceARNList: list[str], TagKeys: list[str]) -> dict:
    return await _each(ResourceARNList, lambda arn: tagging.change(call, arn, {}, TagKeys))


async def _each(arns: list[str], change: Callable[[str], Awaitable[None]]) -> dict:
    """What some resources refuse does not keep the others from being changed."""
    for arn in arns:
        tagging.parsed_arn(arn)
    failed: dict[str, dict[str, Any]] = {}
    for arn in dict.fromkeys(arns):
        try:
            await change(arn)
        except AwsError as error:
            failed[arn] = _failure(arn, error)
    return {"FailedResourcesMap": failed}


def _failure(arn: str, error: AwsError) -> dict[str, Any]:
    """The error as the resource's own service answers it:
    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_FailureInfo.html"""
    said = refusal(models.service(tagging.service_of(arn)), error)
    return {"StatusCode": said.status, "ErrorCode": said.name, "ErrorMessage": said.text}
