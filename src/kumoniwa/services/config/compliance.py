"""Compliance: what came out of evaluations, by rule, by resource, and counted.

https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeComplianceByConfigRule.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.config import result
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.errors import InvalidParameterValueException
from kumoniwa.services.config.result import Result
from kumoniwa.services.config.verdict import COMPLIANT, INSUFFICIENT_DATA, NON_COMPLIANT

RULES_CAP, RESOURCES_CAP = 25, 100
"""Up to how many offenders are counted. https://docs.aws.amazon.com/config/latest/APIReference/API_Compliance.html"""


def overall(results: list[Result]) -> str:
    if any(each.compliance == NON_COMPLIANT for each in results):
        return NON_COMPLIANT
    return COMPLIANT if any(each.compliance == COMPLIANT for each in results) else INSUFFICIENT_DATA


def _capped(count: int, cap: int) -> dict[str, Any]:
    return {"CappedCount": min(count, cap), "CapExceeded": count > cap}


def compliance(results: list[Result], cap: int) -> dict[str, Any]:
    kind = overall(results)
    told: dict[str, Any] = {"ComplianceType": kind}
    if kind == NON_COMPLIANT:
        told["ComplianceContributorCount"] = _capped(sum(each.compliance == NON_COMPLIANT for each in results), cap)
    return told


def DescribeComplianceByConfigRule(call: Call, *, ConfigRuleNames: list[str] | None = None, ComplianceTypes: list[str] | None = None) -> dict:
    listed = [
        {"ConfigRuleName": each.name, "Compliance": compliance(result.of_rule(call, each.name), RULES_CAP)}
        for each in rules.chosen(call, ConfigRuleNames)
    ]
    return {"ComplianceByConfigRules": [each for each in listed if not ComplianceTypes or each["Compliance"]["ComplianceType"] in ComplianceTypes]}


def DescribeComplianceByResource(
    call: Call, *, ResourceType: str | None = None, ResourceId: str | None = None, ComplianceTypes: list[str] | None = None
) -> dict:
    if ResourceId is not None and ResourceType is None:
        raise InvalidParameterValueException("A resource type must be specified if a resource ID is specified.")
    grouped: dict[tuple[str, str], list[Result]] = {}
    for each in result.all_of(call):
        if ResourceType in (None, each.type) and ResourceId in (None, each.id):
            grouped.setdefault((each.type, each.id), []).append(each)
    if ResourceType is not None and ResourceId is not None and not grouped:
        grouped[ResourceType, ResourceId] = []
    listed = [
        {"ResourceType": type_, "ResourceId": id_, "Compliance": compliance(results, RULES_CAP)} for (type_, id_), results in grouped.items()
    ]
    return {"ComplianceByResources": [each for each in listed if not ComplianceTypes or each["Compliance"]["ComplianceType"] in ComplianceTypes]}


def shown(each: Result) -> dict[str, Any]:
    qualifier = {"ConfigRuleName": each.rule, "ResourceType": each.type, "ResourceId": each.id, "EvaluationMode": "DETECTIVE"}
    told = {
        "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier, "OrderingTimestamp": each.ordering},
        "ComplianceType": each.compliance, "ResultRecordedTime": each.recorded, "ConfigRuleInvokedTime": each.invoked,
    }  # fmt: skip
    return told | ({"Annotation": each.annotation} if each.annotation else {})


def GetComplianceDetailsByConfigRule(call: Call, *, ConfigRuleName: str, ComplianceTypes: list[str] | None = None) -> dict:
    found = result.of_rule(call, rules.existing(call, ConfigRuleName).name)
    return {"EvaluationResults": [shown(each) for each in found if not ComplianceTypes or each.compliance in ComplianceTypes]}


def GetComplianceDetailsByResource(
    call: Call, *, ResourceType: str | None = None, ResourceId: str | None = None, ComplianceTypes: list[str] | None = None,
    ResourceEvaluationId: str | None = None,
) -> dict:  # fmt: skip
    if ResourceEvaluationId is not None:
        raise NotImplementedHere("proactive evaluation of rules")
    if not ResourceType or not ResourceId:
        raise InvalidParameterValueException("A resource type and a resource ID must be specified.")
    found = result.of_resource(call, ResourceType, ResourceId)
    return {"EvaluationResults": [shown(each) for each in found if not ComplianceTypes or each.compliance in ComplianceTypes]}


def summary(call: Call, kinds: list[str], cap: int) -> dict[str, Any]:
    return {
        "CompliantResourceCount": _capped(kinds.count(COMPLIANT), cap), "NonCompliantResourceCount": _capped(kinds.count(NON_COMPLIANT), cap),
        "ComplianceSummaryTimestamp": call.now(),
    }  # fmt: skip


def GetComplianceSummaryByConfigRule(call: Call) -> dict:
    kinds = [overall(result.of_rule(call, each.name)) for each in rules.chosen(call, None)]
    return {"ComplianceSummary": summary(call, kinds, RULES_CAP)}


def GetComplianceSummaryByResourceType(call: Call, *, ResourceTypes: list[str] | None = None) -> dict:
    """Of each of the types that are asked for, or of all together."""
    grouped: dict[tuple[str, str], list[Result]] = {}
    for each in result.all_of(call):
        grouped.setdefault((each.type, each.id), []).append(each)
    if not ResourceTypes:
        return {
            "ComplianceSummariesByResourceType": [
                {"ComplianceSummary": summary(call, [overall(each) for each in grouped.values()], RESOURCES_CAP)}
            ]
        }
    return {
        "ComplianceSummariesByResourceType": [
            {
                "ResourceType": wanted,
                "ComplianceSummary": summary(
                    call, [overall(each) for (type_, _), each in grouped.items() if type_ == wanted], RESOURCES_CAP
                ),
            }
            for wanted in ResourceTypes
        ]
    }
