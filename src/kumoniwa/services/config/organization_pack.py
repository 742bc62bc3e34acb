"""Conformance packs of organizations: in each account a pack of its own, which the account cannot change.

https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConformancePack.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.config import organization
from kumoniwa.services.config import pack as packs
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.errors import (
    ConformancePackTemplateValidationException,
    MaxNumberOfOrganizationConformancePacksExceededException,
    NoSuchOrganizationConformancePackException,
    OrganizationConformancePackTemplateValidationException,
)
from kumoniwa.services.config.organization import SERVICE, Wanted
from kumoniwa.services.config.pack import Pack


class OrganizationPack(Wanted):
    """``said`` has the ``template`` and the ``inputs``."""

    @staticmethod
    def name_in(wanted: Wanted) -> str:
        return f"OrgConformsPack-{wanted.id}"

    @staticmethod
    async def make(call: Call, wanted: Wanted, name: str) -> None:
        recorders.must_exist(call, "Configuration recorder is not available to put conformance pack.")
        before = call.shelf(Pack).get(name)
        pack = packs.read(call, before, name, inputs=tuple(wanted.said["inputs"]), created_by=SERVICE)
        await packs.make(call, pack, wanted.said["template"])

    @staticmethod
    def take(call: Call, name: str) -> None:
        if name in call.shelf(Pack):
            packs.drop(call, call.shelf(Pack)[name])


def arn_of(call: Call, wanted: OrganizationPack) -> str:
    return call.arn(f"organization-conformance-pack/{wanted.id}")


def _existing(call: Call, name: str) -> OrganizationPack:
    organization.check_may(call)
    found = call.shelf(OrganizationPack).get(name)
    if found is None:
        raise NoSuchOrganizationConformancePackException(f"There is no organization conformance pack with the name {name}.")
    return found


def _chosen(call: Call, names: list[str] | None) -> list[OrganizationPack]:
    organization.check_may(call)
    held = call.shelf(OrganizationPack)
    return [_existing(call, name) for name in names] if names else [held[name] for name in sorted(held)]


async def PutOrganizationConformancePack(
    call: Call, *, OrganizationConformancePackName: str, TemplateS3Uri: str | None = None, TemplateBody: str | None = None,
    ConformancePackInputParameters: list[dict[str, str]] | None = None, ExcludedAccounts: list[str] | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    """The template is read in the account that puts it, before any account has it."""
    name, inputs, tags = OrganizationConformancePackName, list(ConformancePackInputParameters or ()), recorders.tags_said(Tags)
    await organization.check_may_put(call)
    try:
        text = await packs.template_of(call, TemplateBody, TemplateS3Uri)
        await packs.check(call, packs.read(call, None, name, inputs=tuple(inputs)), text)
    except ConformancePackTemplateValidationException as error:
        raise OrganizationConformancePackTemplateValidationException(error.text) from None
    except AwsError as error:
        if error.code != "InvalidParameterValueException":
            raise
        raise OrganizationConformancePackTemplateValidationException(error.text) from None

    said = {"template": text, "inputs": inputs}
    too_many = MaxNumberOfOrganizationConformancePacksExceededException(f"An organization has {packs.PACKS_MAX} conformance packs at most.")
    keep = partial(organization.put, call, OrganizationPack, name, said, ExcludedAccounts, tags, most=packs.PACKS_MAX, too_many=too_many)
    return {"OrganizationConformancePackArn": arn_of(call, call.atomically(keep))}


def DeleteOrganizationConformancePack(call: Call, *, OrganizationConformancePackName: str) -> None:
    organization.end(call, _existing(call, OrganizationConformancePackName))


def DescribeOrganizationConformancePacks(
    call: Call, *, OrganizationConformancePackNames: list[str] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    listed = [
        {
            "OrganizationConformancePackName": each.name, "OrganizationConformancePackArn": arn_of(call, each),
            "ConformancePackInputParameters": each.said["inputs"], "ExcludedAccounts": list(each.excluded), "LastUpdateTime": each.put,
        }
        for each in _chosen(call, OrganizationConformancePackNames)
    ]  # fmt: skip
    return organization.paged(listed, "OrganizationConformancePacks", Limit, NextToken)


def DescribeOrganizationConformancePackStatuses(
    call: Call, *, OrganizationConformancePackNames: list[str] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    listed = []
    for each in _chosen(call, OrganizationConformancePackNames):
        status, failed = organization.overall(call, each)
        listed.append(organization.told(each, status, failed, OrganizationConformancePackName=each.name, Status=status))
    return organization.paged(listed, "OrganizationConformancePackStatuses", Limit, NextToken)


def GetOrganizationConformancePackDetailedStatus(
    call: Call, *, OrganizationConformancePackName: str, Filters: dict[str, Any] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    held = _existing(call, OrganizationConformancePackName)
    listed = list(organization.detailed(call, held, Filters, "Status", "ConformancePackName", "Status"))
    return organization.paged(listed, "OrganizationConformancePackDetailedStatuses", Limit, NextToken)
