"""AWS::AccessAnalyzer. Archive rules are part of their analyzer, and changed one by one.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-accessanalyzer-analyzer.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Work,
    carries,
    made,
    seen,
    use,
)

_CRITERIA = {"Property": None, "Eq": "eq", "Neq": "neq", "Contains": "contains", "Exists": "exists"}


def _filter(rule: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        each["Property"]: {_CRITERIA[name]: value for name, value in each.items() if _CRITERIA[name]} for each in rule["Filter"]
    }


def _rules(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["RuleName"]: _filter(rule) for rule in properties.get("ArchiveRules") or ()}


def _configuration(properties: dict[str, Any]) -> dict[str, Any] | None:
    held = properties.get("AnalyzerConfiguration")
    if not held:
        return None
    if "InternalAccessConfiguration" in held:
        return {"internalAccess": {}}  # Which the service refuses by name.
    unused = held.get("UnusedAccessConfiguration") or {}
    told: dict[str, Any] = {"unusedAccessAge": unused["UnusedAccessAge"]} if "UnusedAccessAge" in unused else {}
    exclusions = (unused.get("AnalysisRule") or {}).get("Exclusions")
    if exclusions is not None:
        told["analysisRule"] = {
            "exclusions": [
                ({"accountIds": each["AccountIds"]} if each.get("AccountIds") else {})
                | ({"resourceTags": [{tag["Key"]: tag.get("Value", "") for tag in tags} for tags in each["ResourceTags"]]} if each.get("ResourceTags") else {})
                for each in exclusions
            ]
        }  # fmt: skip
    return {"unusedAccess": told}


def _tags(properties: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in properties.get("Tags") or ()}


@carries("AnalyzerName Type ArchiveRules AnalyzerConfiguration Tags")
async def _create(work: Work) -> dict[str, Any]:
    properties = work.properties
    asked: dict[str, Any] = {"analyzerName": properties.get("AnalyzerName") or work.fresh_name(255), "type": properties["Type"]}
    if rules := _rules(properties):
        asked["archiveRules"] = [{"ruleName": name, "filter": criteria} for name, criteria in rules.items()]
    if (configuration := _configuration(properties)) is not None:
        asked["configuration"] = configuration
    if tags := _tags(properties):
        asked["tags"] = tags
    return await work.ask("accessanalyzer:CreateAnalyzer", **asked)


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


_NAME = use(_last, ID)


def _name(work: Work) -> str:
    return _last(work.id)


@carries("ArchiveRules")
async def _update_rules(work: Work) -> None:
    before, after = _rules(work.old), _rules(work.properties)
    for name in before.keys() - after.keys():
        await work.ask("accessanalyzer:DeleteArchiveRule", analyzerName=_name(work), ruleName=name)
    for name, criteria in after.items():
        if name not in before:
            await work.ask("accessanalyzer:CreateArchiveRule", analyzerName=_name(work), ruleName=name, filter=criteria)
        elif before[name] != criteria:
            await work.ask("accessanalyzer:UpdateArchiveRule", analyzerName=_name(work), ruleName=name, filter=criteria)


@carries("AnalyzerConfiguration")
async def _update_configuration(work: Work) -> None:
    await work.ask("accessanalyzer:UpdateAnalyzer", analyzerName=_name(work), configuration=_configuration(work.properties) or {"unusedAccess": {}})


@carries("Tags")
async def _update_tags(work: Work) -> None:
    before, after = _tags(work.old), _tags(work.properties)
    if gone := sorted(before.keys() - after.keys()):
        await work.ask("accessanalyzer:UntagResource", resourceArn=work.id, tagKeys=gone)
    if after:
        await work.ask("accessanalyzer:TagResource", resourceArn=work.id, tags=after)


Analyzer = ResourceType(
    create=_create,
    id=made.arn,
    update=(_update_configuration, _update_rules, _update_tags),
    delete=Call("accessanalyzer:DeleteAnalyzer", analyzerName=_NAME),
    absent="ResourceNotFoundException",
    attributes={"Arn": ID},
    drift=(Reading({"Type": seen.analyzer.type}, Call("accessanalyzer:GetAnalyzer", analyzerName=_NAME)),),
)
