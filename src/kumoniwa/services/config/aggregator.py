"""Aggregators: views of what Config recorded in other accounts and regions, of named accounts or of all of an organization.

https://docs.aws.amazon.com/config/latest/APIReference/API_PutConfigurationAggregator.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kumoniwa.aws.regions import is_region
from kumoniwa.gate import organization
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import item
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.errors import (
    InvalidParameterValueException,
    InvalidRoleException,
    LimitExceededException,
    NoAvailableOrganizationException,
    NoSuchConfigurationAggregatorException,
    OrganizationAccessDeniedException,
    OrganizationAllFeaturesNotEnabledException,
)
from kumoniwa.services.config.recorder import SERVICE
from kumoniwa.store.rows import Table

AGGREGATORS_MAX = 50
"""https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html"""
SUCCEEDED, OUTDATED, FAILED = "SUCCEEDED", "OUTDATED", "FAILED"
GATHERED = Table(
    "config_gathered",
    """create table if not exists config_gathered (aggregator text, account text, region text, type text, id text, n integer, captured real,
       status text, body blob, primary key (aggregator, type, account, region, id)) without rowid""",
)
GATHERED_RESULTS = Table(
    "config_gathered_result",
    """create table if not exists config_gathered_result (aggregator text, account text, region text, rule text, type text, id text, compliance text,
       annotation text, ordering real, invoked real, recorded real, since real,
       primary key (aggregator, account, region, rule, type, id)) without rowid""",
)


class Aggregator(Record):
    """Shelved by its name."""

    name: str
    id: str
    created: float
    updated: float
    accounts: tuple[str, ...] = ()
    """Those it names; of an organization those that its members were found to be."""
    regions: tuple[str, ...] = ()
    """None where all are meant."""
    organization: str = ""
    role: str = ""
    """By which the organization is asked for its accounts."""
    tags: dict[str, str] = {}
    status: str = ""
    """How that went last; nothing before it was asked."""
    asked: float = 0.0
    error_code: str = ""
    error: str = ""


class Source(Record):
    """An account in a region, as one aggregator knows it; shelved by ``key``."""

    aggregator: str
    account: str
    region: str
    status: str = ""
    updated: float = 0.0
    """When it was read last."""
    error_code: str = ""
    error: str = ""
    epoch: str = ""
    n: int = 0
    """Up to which item it was read; they are numbered from ``epoch`` on."""
    has_asked: bool = False
    rules: dict[str, dict[str, str]] = {}
    """``id``, ``arn`` and ``sum`` of each rule by its name."""
    packs: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.aggregator}/{self.account}/{self.region}"


def arn_of(call: Call, aggregator: Aggregator) -> str:
    return call.arn(f"config-aggregator/{aggregator.id}")


def existing(call: Call, name: str) -> Aggregator:
    found = call.shelf(Aggregator).get(name)
    if found is None:
        raise NoSuchConfigurationAggregatorException(
            "The configuration aggregator does not exist. Check the configuration aggregator name and try again."
        )
    return found


def sources(call: Call, aggregator: Aggregator) -> Iterator[Source]:
    held = call.shelf(Source)
    return (held[key] for key in sorted(held) if held[key].aggregator == aggregator.name)


def forget(call: Call, source: Source) -> None:
    """What was gathered from it."""
    for table in (GATHERED, GATHERED_RESULTS):
        call.rows(table).run(
            f"delete from {table.name} where aggregator = ? and account = ? and region = ?", source.aggregator, source.account, source.region
        )


def drop(call: Call, source: Source) -> None:
    forget(call, source)
    call.shelf(Source).pop(source.key, None)


# Putting -------------------------------------------------------------------------------------------


def _regions(source: dict[str, Any]) -> tuple[str, ...]:
    """Words recorded in getmoto/moto's test_put_configuration_aggregator."""
    named, is_all = source.get("AwsRegions") or (), source.get("AllAwsRegions", False)
    if not named and not is_all:
        raise InvalidParameterValueException("Your request does not specify any regions. Select AWS Config-supported regions and try again.")
    if named and is_all:
        raise InvalidParameterValueException(
            "Your configuration aggregator contains a list of regions and also specifies the use of all regions. You must choose one of these options."
        )
    if unknown := [name for name in named if not is_region(name)]:
        # No source tells AWS's words for regions that there are not.
        raise InvalidParameterValueException(f"The regions {', '.join(unknown)} are not valid.")
    return tuple(sorted(set(named)))


async def _organization(call: Call, source: dict[str, Any]) -> str:
    """The organization that the caller's account may aggregate. Config makes sure that it is trusted there, as the caller."""
    if not source["RoleArn"]:
        raise InvalidRoleException("The role ARN must not be null or empty.")
    found = whole_organization(call)
    call.require("iam:PassRole", source["RoleArn"], **{"iam:PassedToService": SERVICE})
    await check_administration(call, found, SERVICE)
    return found.organization


def whole_organization(call: Call) -> organization.Member:
    """The caller's account in its organization, which must have all features."""
    found = organization.member(call.home, call.account)
    if found is None:
        raise NoAvailableOrganizationException("Organization is no longer available.")
    if not found.has_all_features:
        raise OrganizationAllFeaturesNotEnabledException(
            "AWS Config resource cannot be created because your organization does not have all features enabled."
        )
    return found


async def check_administration(call: Call, found: organization.Member, service: str) -> None:
    """That the caller's account speaks for Config in its organization: the one that manages it lets Config in by that."""
    try:
        if found.management == call.account:
            await call.ask("organizations:EnableAWSServiceAccess", ServicePrincipal=service)
            return
        delegated = await call.ask("organizations:ListDelegatedAdministrators", ServicePrincipal=service)
    except AwsError as error:
        raise OrganizationAccessDeniedException(error.text, hint=error.hint) from None
    if all(each["Id"] != call.account for each in delegated["DelegatedAdministrators"]):
        raise OrganizationAccessDeniedException(
            "You are not a registered delegated administrator for AWS Config.",
            hint=f"In the management account: organizations register-delegated-administrator --service-principal {service}",
        )


async def PutConfigurationAggregator(
    call: Call, *, ConfigurationAggregatorName: str, AccountAggregationSources: list[dict[str, Any]] | None = None,
    OrganizationAggregationSource: dict[str, Any] | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    """What is not said of tags later leaves them as they are. Words recorded in getmoto/moto's test_put_configuration_aggregator."""
    if AccountAggregationSources and OrganizationAggregationSource:
        raise InvalidParameterValueException(
            "The configuration aggregator cannot be created because your request contains both the AccountAggregationSource and the "
            "OrganizationAggregationSource. Include only one aggregation source and try again."
        )
    if not AccountAggregationSources and not OrganizationAggregationSource:
        raise InvalidParameterValueException(
            "The configuration aggregator cannot be created because your request is missing either the AccountAggregationSource or the "
            "OrganizationAggregationSource. Include the appropriate aggregation source and try again."
        )
    source = OrganizationAggregationSource or AccountAggregationSources[0]
    regions, tags = _regions(source), recorders.tags_said(Tags)
    whose = await _organization(call, source) if OrganizationAggregationSource else ""
    accounts = () if whose else tuple(dict.fromkeys(source["AccountIds"]))

    def keep() -> Aggregator:
        held, now = call.shelf(Aggregator).get(ConfigurationAggregatorName), call.now()
        if held is None and len(call.shelf(Aggregator)) >= AGGREGATORS_MAX:
            raise LimitExceededException(f"An account has {AGGREGATORS_MAX} configuration aggregators in a region at most.")
        if held is not None and held.organization and whose and held.organization != whose:
            raise OrganizationAccessDeniedException(
                "The configuration aggregator is associated with a previous AWS Organization and AWS Config cannot aggregate data with current AWS "
                "Organization. Delete this aggregator and create a new one with the current AWS Organization."
            )
        before = held or Aggregator(
            name=ConfigurationAggregatorName, id=f"config-aggregator-{call.ids.lower(8)}", created=now, updated=now, tags=tags
        )
        for each in list(sources(call, before)):
            call.shelf(Source)[each.key] = changed(each, has_asked=False)
        made = changed(
            before,
            accounts=accounts,
            regions=regions,
            organization=whose,
            role=source.get("RoleArn", ""),
            updated=now,
            status="",
            asked=0.0,
        )
        call.shelf(Aggregator)[made.name] = made
        recorders.wake(call)
        return made

    return {"ConfigurationAggregator": shown(call, call.atomically(keep))}


def shown(call: Call, each: Aggregator) -> dict[str, Any]:
    where: dict[str, Any] = {"AwsRegions": list(each.regions)} if each.regions else {"AllAwsRegions": True}
    told = {
        "ConfigurationAggregatorName": each.name, "ConfigurationAggregatorArn": arn_of(call, each), "CreationTime": each.created,
        "LastUpdatedTime": each.updated,
    }  # fmt: skip
    if each.organization:
        return told | {"OrganizationAggregationSource": {"RoleArn": each.role, **where}}
    return told | {"AccountAggregationSources": [{"AccountIds": list(each.accounts), **where}]}


# Looking -------------------------------------------------------------------------------------------


def DescribeConfigurationAggregators(
    call: Call, *, ConfigurationAggregatorNames: list[str] | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict:
    held, names = call.shelf(Aggregator), ConfigurationAggregatorNames or ()
    if any(name not in held for name in names):
        # Recorded in getmoto/moto's test_describe_configuration_aggregators.
        which = "At least one of the configuration aggregators does not exist." if len(names) > 1 else "The configuration aggregator does not exist."
        raise NoSuchConfigurationAggregatorException(f"{which} Check the configuration aggregator name and try again.")
    listed = [shown(call, held[name]) for name in sorted(set(names) or held)]
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"ConfigurationAggregators": found}, token, "NextToken")


def DeleteConfigurationAggregator(call: Call, *, ConfigurationAggregatorName: str) -> None:
    held = existing(call, ConfigurationAggregatorName)
    for each in list(sources(call, held)):
        drop(call, each)
    del call.shelf(Aggregator)[held.name]


def DescribeConfigurationAggregatorSourcesStatus(
    call: Call, *, ConfigurationAggregatorName: str, UpdateStatus: list[str] | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict:
    """SUCCEEDED is a source that could be read when that was tried last, at most a minute ago; OUTDATED one that could be read before and
    does not answer now, of which the last known is shown; FAILED one that never answered, or that does not let itself be read.
    https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationAggregatorSourcesStatus.html"""
    held = existing(call, ConfigurationAggregatorName)
    listed = []
    if held.organization and held.status:
        listed.append(_told("ORGANIZATION", held.organization, call.region, held.status, held.asked, held.error_code, held.error))
    for each in sources(call, held):
        if each.status:
            listed.append(_told("ACCOUNT", each.account, each.region, each.status, each.updated, each.error_code, each.error))
    found, token = item.page([each for each in listed if not UpdateStatus or each["LastUpdateStatus"] in UpdateStatus], Limit, NextToken)
    return item.with_token({"AggregatedSourceStatusList": found}, token, "NextToken")


def _told(kind: str, id_: str, region: str, status: str, at: float, code: str, text: str) -> dict[str, Any]:
    told = {
        "SourceId": id_, "SourceType": kind, "AwsRegion": region, "LastUpdateStatus": status, "LastUpdateTime": at, "LastErrorCode": code,
        "LastErrorMessage": text,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}
