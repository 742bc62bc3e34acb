"""Rules of organizations: in each account a rule that is linked to Config's service for many accounts, which the account cannot change.

https://docs.aws.amazon.com/config/latest/APIReference/API_PutOrganizationConfigRule.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.config import evaluation, organization
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.errors import (
    InvalidParameterValueException,
    MaxNumberOfOrganizationConfigRulesExceededException,
    NoSuchOrganizationConfigRuleException,
)
from kumoniwa.services.config.organization import SERVICE, Wanted
from kumoniwa.services.config.rule import SCHEDULE, Rule

RULES_MAX = 150
"""https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html"""
MANAGED, CUSTOM = "OrganizationManagedRuleMetadata", "OrganizationCustomRuleMetadata"


class OrganizationRule(Wanted):
    """``said`` is one of the metadata, by its name."""

    @staticmethod
    def name_in(wanted: Wanted) -> str:
        return f"OrgConfigRule-{wanted.id}"

    @staticmethod
    async def make(call: Call, wanted: Wanted, name: str) -> None:
        """In one account. Raises what its Config refuses it with."""
        recorders.must_exist(call, "Configuration recorder is not available to put config rule.")
        before = call.shelf(Rule).get(name)
        rule = changed(rules.read(call, _as_rule(wanted.said, name), before), created_by=SERVICE)
        rules.check_room(call, name, 1 if before is None else 0)
        if not rule.is_managed:
            await rules.check_function(call, rule)
        call.atomically(lambda: rules.keep(call, rule))

    @staticmethod
    def take(call: Call, name: str) -> None:
        if name in call.shelf(Rule):
            evaluation.drop_rule(call, call.shelf(Rule)[name])


def _as_rule(said: dict[str, Any], name: str) -> dict[str, Any]:
    ((kind, metadata),) = said.items()
    scope = {
        "ComplianceResourceTypes": metadata.get("ResourceTypesScope"), "ComplianceResourceId": metadata.get("ResourceIdScope"),
        "TagKey": metadata.get("TagKeyScope"), "TagValue": metadata.get("TagValueScope"),
    }  # fmt: skip
    frequency = metadata.get("MaximumExecutionFrequency")
    rule = {
        "ConfigRuleName": name, "Description": metadata.get("Description"), "InputParameters": metadata.get("InputParameters"),
        "Scope": {member: value for member, value in scope.items() if value} or None,
    }  # fmt: skip
    if kind == MANAGED:
        rule |= {"Source": {"Owner": "AWS", "SourceIdentifier": metadata["RuleIdentifier"]}, "MaximumExecutionFrequency": frequency}
    else:
        details = [
            {"EventSource": "aws.config", "MessageType": each} | ({"MaximumExecutionFrequency": frequency} if each == SCHEDULE and frequency else {})
            for each in metadata["OrganizationConfigRuleTriggerTypes"]
        ]
        rule["Source"] = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": metadata["LambdaFunctionArn"], "SourceDetails": details}
    return {member: value for member, value in rule.items() if value is not None}


def arn_of(call: Call, wanted: OrganizationRule) -> str:
    return call.arn(f"organization-config-rule/{wanted.id}")


def _existing(call: Call, name: str) -> OrganizationRule:
    organization.check_may(call)
    found = call.shelf(OrganizationRule).get(name)
    if found is None:
        raise NoSuchOrganizationConfigRuleException(
            f"The OrganizationConfigRule '{name}' provided in the request is invalid. Please check the organization config rule name"
        )
    return found


def _chosen(call: Call, names: list[str] | None) -> list[OrganizationRule]:
    organization.check_may(call)
    held = call.shelf(OrganizationRule)
    return [_existing(call, name) for name in names] if names else [held[name] for name in sorted(held)]


async def PutOrganizationConfigRule(
    call: Call, *, OrganizationConfigRuleName: str, OrganizationManagedRuleMetadata: dict[str, Any] | None = None,
    OrganizationCustomRuleMetadata: dict[str, Any] | None = None, ExcludedAccounts: list[str] | None = None,
    OrganizationCustomPolicyRuleMetadata: dict[str, Any] | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    said = {MANAGED: OrganizationManagedRuleMetadata, CUSTOM: OrganizationCustomRuleMetadata}
    said = {kind: metadata for kind, metadata in said.items() if metadata is not None}
    if OrganizationCustomPolicyRuleMetadata is not None:
        raise NotImplementedHere("custom policy rules in the language of Guard")
    if len(said) != 1:
        raise InvalidParameterValueException(
            "Specify one of OrganizationManagedRuleMetadata, OrganizationCustomRuleMetadata and OrganizationCustomPolicyRuleMetadata."
        )
    tags = recorders.tags_said(Tags)
    rules.read(call, _as_rule(said, OrganizationConfigRuleName), None)
    await organization.check_may_put(call)

    too_many = MaxNumberOfOrganizationConfigRulesExceededException(f"An organization has {RULES_MAX} config rules at most.")
    keep = partial(
        organization.put,
        call,
        OrganizationRule,
        OrganizationConfigRuleName,
        said,
        ExcludedAccounts,
        tags,
        most=RULES_MAX,
        too_many=too_many,
    )
    return {"OrganizationConfigRuleArn": arn_of(call, call.atomically(keep))}


def DeleteOrganizationConfigRule(call: Call, *, OrganizationConfigRuleName: str) -> None:
    organization.end(call, _existing(call, OrganizationConfigRuleName))


def DescribeOrganizationConfigRules(
    call: Call, *, OrganizationConfigRuleNames: list[str] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    listed = [
        {
            "OrganizationConfigRuleName": each.name, "OrganizationConfigRuleArn": arn_of(call, each), "ExcludedAccounts": list(each.excluded),
            "LastUpdateTime": each.put, **each.said,
        }
        for each in _chosen(call, OrganizationConfigRuleNames)
    ]  # fmt: skip
    return organization.paged(listed, "OrganizationConfigRules", Limit, NextToken)


def DescribeOrganizationConfigRuleStatuses(
    call: Call, *, OrganizationConfigRuleNames: list[str] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    listed = []
    for each in _chosen(call, OrganizationConfigRuleNames):
        status, failed = organization.overall(call, each)
        listed.append(organization.told(each, status, failed, OrganizationConfigRuleName=each.name, OrganizationRuleStatus=status))
    return organization.paged(listed, "OrganizationConfigRuleStatuses", Limit, NextToken)


def GetOrganizationConfigRuleDetailedStatus(
    call: Call, *, OrganizationConfigRuleName: str, Filters: dict[str, Any] | None = None, Limit: int | None = None, NextToken: str | None = None
) -> dict:
    held = _existing(call, OrganizationConfigRuleName)
    listed = list(organization.detailed(call, held, Filters, "MemberAccountRuleStatus", "ConfigRuleName", "MemberAccountRuleStatus"))
    return organization.paged(listed, "OrganizationConfigRuleDetailedStatus", Limit, NextToken)
