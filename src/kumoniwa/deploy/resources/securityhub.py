"""AWS::SecurityHub. The controls that a standard has disabled are part of it, and are enabled again when they are no more listed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-securityhub-hub.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, Call, Reading, ResourceType, Work, carries, gone_from, made, p, seen, use

_gone = gone_from("Tags")


def _tagging() -> tuple[Call, Call]:
    return (
        Call("securityhub:UntagResource", ResourceArn=ID, TagKeys=_gone).when(_gone),
        Call("securityhub:TagResource", ResourceArn=ID, Tags=p.Tags).when(p.Tags),
    )


@carries("EnableDefaultStandards ControlFindingGenerator AutoEnableControls Tags")
async def _enable(work: Work) -> dict[str, Any]:
    said = work.properties
    asked = {name: said[name] for name in ("EnableDefaultStandards", "ControlFindingGenerator", "Tags") if name in said}
    await work.ask("securityhub:EnableSecurityHub", **asked)
    if "AutoEnableControls" in said:
        await work.ask("securityhub:UpdateSecurityHubConfiguration", AutoEnableControls=said["AutoEnableControls"])
    return {"Arn": (await work.look("securityhub:DescribeHub"))["HubArn"]}


@carries("ControlFindingGenerator AutoEnableControls EnableDefaultStandards")
async def _configure(work: Work) -> None:
    """``EnableDefaultStandards`` tells how a hub begins; a change of it changes nothing, as the handler's one call on AWS
    (UpdateSecurityHubConfiguration) cannot carry it."""
    asked = {name: work.properties[name] for name in ("ControlFindingGenerator", "AutoEnableControls") if name in work.properties}
    if asked:
        await work.ask("securityhub:UpdateSecurityHubConfiguration", **asked)


Hub = ResourceType(
    create=_enable,
    id=made.Arn,
    read=Call("securityhub:DescribeHub", HubArn=ID),
    update=(_configure, *_tagging()),
    delete=Call("securityhub:DisableSecurityHub"),
    absent="InvalidAccessException",
    attributes={"ARN": ID, "SubscribedAt": seen.SubscribedAt},
    drift=(
        Reading(
            {"AutoEnableControls": seen.AutoEnableControls, "ControlFindingGenerator": seen.ControlFindingGenerator},
            Call("securityhub:DescribeHub", HubArn=ID),
        ),
    ),
)  # fmt: skip


def _disabled(properties: dict[str, Any]) -> dict[str, str]:
    return {each["StandardsControlArn"]: each.get("Reason", "") for each in properties.get("DisabledStandardsControls") or ()}


async def _disable(work: Work, before: dict[str, str]) -> None:
    after = _disabled(work.properties)
    for arn in before.keys() - after.keys():
        await work.ask("securityhub:UpdateStandardsControl", StandardsControlArn=arn, ControlStatus="ENABLED")
    for arn, reason in after.items():
        if before.get(arn) != reason:
            told = {"DisabledReason": reason} if reason else {}
            await work.ask("securityhub:UpdateStandardsControl", StandardsControlArn=arn, ControlStatus="DISABLED", **told)


@carries("StandardsArn DisabledStandardsControls")
async def _subscribe(work: Work) -> dict[str, Any]:
    arn = work.properties["StandardsArn"]
    await work.ask("securityhub:BatchEnableStandards", StandardsSubscriptionRequests=[{"StandardsArn": arn}])
    await _disable(work, {})
    return {"Arn": arn.replace("::standards/", f":{work.pseudo['AWS::AccountId']}:subscription/")}


@carries("DisabledStandardsControls")
async def _change_controls(work: Work) -> None:
    await _disable(work, _disabled(work.old))


Standard = ResourceType(
    create=_subscribe,
    id=made.Arn,
    update=(_change_controls,),
    delete=Call("securityhub:BatchDisableStandards", StandardsSubscriptionArns=[ID]),
    absent="ResourceNotFoundException",
    attributes={"StandardsSubscriptionArn": ID},
)

_INSIGHT = "Name Filters GroupByAttribute"

Insight = ResourceType(
    create=Call("securityhub:CreateInsight", _INSIGHT),
    id=made.InsightArn,
    update=(Call("securityhub:UpdateInsight", _INSIGHT, InsightArn=ID),),
    delete=Call("securityhub:DeleteInsight", InsightArn=ID),
    absent="ResourceNotFoundException",
    attributes={"InsightArn": ID},
)

_rules = seen.Rules


def _of_rule(name: str) -> Any:
    return use(lambda found: found[0].get(name) if found else None, _rules)


AutomationRule = ResourceType(
    create=Call("securityhub:CreateAutomationRule", "RuleName Description RuleOrder RuleStatus IsTerminal Criteria Actions Tags"),
    id=made.RuleArn,
    read=Call("securityhub:BatchGetAutomationRules", AutomationRulesArns=[ID]),
    update=(
        Call(
            "securityhub:BatchUpdateAutomationRules",
            UpdateAutomationRulesRequestItems=[
                {
                    "RuleArn": ID, "RuleName": p.RuleName, "Description": p.Description, "RuleOrder": p.RuleOrder, "RuleStatus": p.RuleStatus,
                    "IsTerminal": p.IsTerminal, "Criteria": p.Criteria, "Actions": p.Actions,
                }
            ],
        ),
        *_tagging(),
    ),
    delete=Call("securityhub:BatchDeleteAutomationRules", AutomationRulesArns=[ID]),
    defaults={"RuleStatus": "ENABLED", "IsTerminal": False},
    attributes={"RuleArn": ID, "CreatedAt": _of_rule("CreatedAt"), "UpdatedAt": _of_rule("UpdatedAt"), "CreatedBy": _of_rule("CreatedBy")},
)  # fmt: skip
