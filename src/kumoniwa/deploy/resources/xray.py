"""AWS::XRay."""

from __future__ import annotations

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Work,
    carries,
    gone_tags,
    made,
    p,
    seen,
    text,
    use,
)

_TAGS = (
    Call("xray:UntagResource", ResourceARN=ID, TagKeys=gone_tags).when(gone_tags),
    Call("xray:TagResource", ResourceARN=ID, Tags=p.Tags).when(p.Tags),
)
_HELD_TAGS = Reading({"Tags": seen.Tags}, Call("xray:ListTagsForResource", ResourceARN=ID))

Group = ResourceType(
    create=Call("xray:CreateGroup", "GroupName FilterExpression InsightsConfiguration Tags"),
    id=made.Group.GroupARN,
    read=Call("xray:GetGroup", GroupARN=ID),
    update=(Call("xray:UpdateGroup", "FilterExpression InsightsConfiguration", GroupARN=ID), *_TAGS),
    defaults={"FilterExpression": ""},
    fixed="GroupName",
    delete=Call("xray:DeleteGroup", GroupARN=ID),
    absent="InvalidRequestException",
    attributes={"GroupARN": ID},
    drift=(Reading({"GroupName": seen.Group.GroupName, "FilterExpression": seen.Group.FilterExpression}), _HELD_TAGS),
)


@carries("SamplingRule")
async def _update_rule(work: Work) -> None:
    wanted = {name: value for name, value in work.properties["SamplingRule"].items() if name not in ("RuleName", "RuleARN", "Version")}
    await work.ask("xray:UpdateSamplingRule", SamplingRuleUpdate={"RuleARN": work.id, **wanted})


SamplingRule = ResourceType(
    create=Call("xray:CreateSamplingRule", "SamplingRule Tags"),
    id=made.SamplingRuleRecord.SamplingRule.RuleARN,
    update=(_update_rule, *_TAGS),
    delete=Call("xray:DeleteSamplingRule", RuleARN=ID),
    absent="InvalidRequestException",
    attributes={"RuleARN": ID},
)

ResourcePolicy = ResourceType(
    create=Call("xray:PutResourcePolicy", "PolicyName PolicyDocument BypassPolicyLockoutCheck"),
    id=p.PolicyName,
    update=(Call("xray:PutResourcePolicy", "PolicyDocument BypassPolicyLockoutCheck", PolicyName=ID),),
    delete=Call("xray:DeleteResourcePolicy", PolicyName=ID),
    absent="InvalidRequestException",
)


_RULE = {"Probabilistic": {"DesiredSamplingPercentage": use(float, p.IndexingPercentage)}}

# The resource is the account's own setting, and its id the account.
TransactionSearchConfig = ResourceType(
    create=Call("xray:UpdateTraceSegmentDestination", Destination="CloudWatchLogs"),
    id=text("${AWS::AccountId}"),
    settings=(Setting(Call("xray:UpdateIndexingRule", Name="Default", Rule=_RULE).when(p.IndexingPercentage)),),
    defaults={"IndexingPercentage": 1},
    delete=Call("xray:UpdateTraceSegmentDestination", Destination="XRay"),
    absent="InvalidRequestException",
    attributes={"AccountId": ID},
)
