"""The operations of AWS Config. Connectors, recorders of AWS services, proactive evaluation and
resources of third parties are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.config import aggregator as aggregators
from kumoniwa.services.config import organization_pack as organization_packs
from kumoniwa.services.config import organization_rule as organization_rules
from kumoniwa.services.config import pack as packs
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config import remediation as remediations
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config import stored_query as stored_queries
from kumoniwa.services.config.aggregate import (
    BatchGetAggregateResourceConfig,
    DescribeAggregateComplianceByConfigRules,
    DescribeAggregateComplianceByConformancePacks,
    GetAggregateComplianceDetailsByConfigRule,
    GetAggregateConfigRuleComplianceSummary,
    GetAggregateConformancePackComplianceSummary,
    GetAggregateDiscoveredResourceCounts,
    GetAggregateResourceConfig,
    ListAggregateDiscoveredResources,
    SelectAggregateResourceConfig,
)
from kumoniwa.services.config.aggregator import (
    DeleteConfigurationAggregator,
    DescribeConfigurationAggregators,
    DescribeConfigurationAggregatorSourcesStatus,
    PutConfigurationAggregator,
)
from kumoniwa.services.config.authorization import (
    DeleteAggregationAuthorization,
    DeletePendingAggregationRequest,
    DescribeAggregationAuthorizations,
    DescribePendingAggregationRequests,
    PutAggregationAuthorization,
)
from kumoniwa.services.config.channel import (
    DeleteDeliveryChannel,
    DeleteRetentionConfiguration,
    DescribeDeliveryChannels,
    DescribeDeliveryChannelStatus,
    DescribeRetentionConfigurations,
    PutDeliveryChannel,
    PutRetentionConfiguration,
    StartConfigurationRecorder,
)
from kumoniwa.services.config.compliance import (
    DescribeComplianceByConfigRule,
    DescribeComplianceByResource,
    GetComplianceDetailsByConfigRule,
    GetComplianceDetailsByResource,
    GetComplianceSummaryByConfigRule,
    GetComplianceSummaryByResourceType,
)
from kumoniwa.services.config.delivery import DeliverConfigSnapshot
from kumoniwa.services.config.evaluation import (
    DeleteConfigRule,
    DeleteEvaluationResults,
    PutEvaluations,
    StartConfigRulesEvaluation,
)
from kumoniwa.services.config.item import (
    BatchGetResourceConfig,
    GetDiscoveredResourceCounts,
    GetResourceConfigHistory,
    ListDiscoveredResources,
)
from kumoniwa.services.config.organization_pack import (
    DeleteOrganizationConformancePack,
    DescribeOrganizationConformancePacks,
    DescribeOrganizationConformancePackStatuses,
    GetOrganizationConformancePackDetailedStatus,
    PutOrganizationConformancePack,
)
from kumoniwa.services.config.organization_rule import (
    DeleteOrganizationConfigRule,
    DescribeOrganizationConfigRules,
    DescribeOrganizationConfigRuleStatuses,
    GetOrganizationConfigRuleDetailedStatus,
    PutOrganizationConfigRule,
)
from kumoniwa.services.config.pack import (
    DeleteConformancePack,
    DescribeConformancePackCompliance,
    DescribeConformancePacks,
    DescribeConformancePackStatus,
    GetConformancePackComplianceDetails,
    GetConformancePackComplianceSummary,
    ListConformancePackComplianceScores,
    PutConformancePack,
)
from kumoniwa.services.config.query import SelectResourceConfig
from kumoniwa.services.config.recorder import (
    DeleteConfigurationRecorder,
    DescribeConfigurationRecorders,
    DescribeConfigurationRecorderStatus,
    ListConfigurationRecorders,
    PutConfigurationRecorder,
    StopConfigurationRecorder,
)
from kumoniwa.services.config.remediation import (
    DeleteRemediationConfiguration,
    DeleteRemediationExceptions,
    DescribeRemediationConfigurations,
    DescribeRemediationExceptions,
    DescribeRemediationExecutionStatus,
    PutRemediationConfigurations,
    PutRemediationExceptions,
    StartRemediationExecution,
)
from kumoniwa.services.config.rule import (
    DescribeConfigRuleEvaluationStatus,
    DescribeConfigRules,
    PutConfigRule,
)
from kumoniwa.services.config.stored_query import (
    DeleteStoredQuery,
    GetStoredQuery,
    ListStoredQueries,
    PutStoredQuery,
)
from kumoniwa.services.config.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "DeleteStoredQuery", "GetStoredQuery", "ListStoredQueries", "PutStoredQuery",
    "DeleteOrganizationConfigRule", "DescribeOrganizationConfigRuleStatuses", "DescribeOrganizationConfigRules",
    "GetOrganizationConfigRuleDetailedStatus", "PutOrganizationConfigRule",
    "DeleteOrganizationConformancePack", "DescribeOrganizationConformancePackStatuses", "DescribeOrganizationConformancePacks",
    "GetOrganizationConformancePackDetailedStatus", "PutOrganizationConformancePack",
    "BatchGetAggregateResourceConfig", "DescribeAggregateComplianceByConfigRules", "DescribeAggregateComplianceByConformancePacks",
    "GetAggregateComplianceDetailsByConfigRule", "GetAggregateConfigRuleComplianceSummary", "GetAggregateConformancePackComplianceSummary",
    "GetAggregateDiscoveredResourceCounts", "GetAggregateResourceConfig", "ListAggregateDiscoveredResources",
    "SelectAggregateResourceConfig",
    "DeleteConfigurationAggregator", "DescribeConfigurationAggregatorSourcesStatus", "DescribeConfigurationAggregators",
    "PutConfigurationAggregator", "DeleteAggregationAuthorization", "DeletePendingAggregationRequest", "DescribeAggregationAuthorizations",
    "DescribePendingAggregationRequests", "PutAggregationAuthorization",
    "BatchGetResourceConfig", "DeleteConfigRule", "DeleteConfigurationRecorder", "DeleteConformancePack", "DeleteDeliveryChannel",
    "DeleteEvaluationResults",
    "DeleteRemediationConfiguration", "DeleteRemediationExceptions", "DeleteRetentionConfiguration", "DeliverConfigSnapshot",
    "DescribeComplianceByConfigRule", "DescribeComplianceByResource", "DescribeConfigRuleEvaluationStatus", "DescribeConfigRules",
    "DescribeConfigurationRecorderStatus", "DescribeConfigurationRecorders", "DescribeConformancePackCompliance", "DescribeConformancePackStatus",
    "DescribeConformancePacks", "DescribeDeliveryChannelStatus", "DescribeDeliveryChannels",
    "DescribeRemediationConfigurations", "DescribeRemediationExceptions", "DescribeRemediationExecutionStatus", "DescribeRetentionConfigurations",
    "GetComplianceDetailsByConfigRule", "GetComplianceDetailsByResource", "GetComplianceSummaryByConfigRule", "GetComplianceSummaryByResourceType",
    "GetConformancePackComplianceDetails", "GetConformancePackComplianceSummary", "GetDiscoveredResourceCounts", "GetResourceConfigHistory",
    "ListConfigurationRecorders", "ListConformancePackComplianceScores", "ListDiscoveredResources", "ListTagsForResource",
    "PutConfigRule", "PutConfigurationRecorder", "PutConformancePack", "PutDeliveryChannel", "PutEvaluations",
    "PutRemediationConfigurations", "PutRemediationExceptions",
    "PutRetentionConfiguration", "SelectResourceConfig", "StartConfigRulesEvaluation", "StartConfigurationRecorder",
    "StartRemediationExecution", "StopConfigurationRecorder",
    "TagResource", "UntagResource", "all_tags",
]  # fmt: skip

_OF_RULES = frozenset({
    "DeleteConfigRule", "DeleteEvaluationResults", "DescribeComplianceByConfigRule", "DescribeConfigRuleEvaluationStatus", "DescribeConfigRules",
    "GetComplianceDetailsByConfigRule", "PutConfigRule", "StartConfigRulesEvaluation",
})  # fmt: skip
_OF_REMEDIATIONS = frozenset({
    "DeleteRemediationConfiguration", "DescribeRemediationConfigurations", "DescribeRemediationExecutionStatus", "PutRemediationConfigurations",
    "StartRemediationExecution", "DeleteRemediationExceptions", "DescribeRemediationExceptions", "PutRemediationExceptions",
})  # fmt: skip
_OF_PACKS = frozenset({
    "DeleteConformancePack", "DescribeConformancePackCompliance", "GetConformancePackComplianceDetails", "GetConformancePackComplianceSummary",
    "PutConformancePack",
})  # fmt: skip
_OF_RECORDERS = frozenset({
    "DeleteConfigurationRecorder", "DescribeConfigurationRecorderStatus", "DescribeConfigurationRecorders", "PutConfigurationRecorder",
    "StartConfigurationRecorder", "StopConfigurationRecorder",
})  # fmt: skip


_OF_ORGANIZATIONS = (
    ("OrganizationConfigRuleName", organization_rules.OrganizationRule, organization_rules.arn_of, "organization-config-rule/*"),
    ("OrganizationConformancePackName", organization_packs.OrganizationPack, organization_packs.arn_of, "organization-conformance-pack/*"),
)


def _names(params: dict[str, Any], *members: str) -> list[str]:
    """The names that a request says, as texts or lists of texts."""
    said = [params.get(member) for member in members]
    return [each for value in said for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsconfig.html"""
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    if operation in _OF_RULES:
        said = params.get("ConfigRule")
        named = _names(params, "ConfigRuleName", "ConfigRuleNames") or (_names(said, "ConfigRuleName") if isinstance(said, dict) else [])
        found = [call.shelf(rules.Rule).get(name) for name in named]
        linked = rules.linked_service(call)
        unknown = call.arn(f"config-rule/aws-service-rule/{linked}/*" if linked else "config-rule/*")
        return [rules.arn_of(call, each) if each is not None else unknown for each in found] or unknown
    if operation in _OF_REMEDIATIONS:
        listed = params.get("RemediationConfigurations")
        named = _names(params, "ConfigRuleName", "ConfigRuleNames")
        named += [name for each in listed if isinstance(each, dict) for name in _names(each, "ConfigRuleName")] if isinstance(listed, list) else []
        return [
            remediations.arn_of(call, held) if (held := remediations.of(call, name)) is not None else call.arn(f"remediation-configuration/{name}/*")
            for name in named
        ] or call.arn("remediation-configuration/*")
    if operation in _OF_PACKS:
        found = [call.shelf(packs.Pack).get(name) for name in _names(params, "ConformancePackName", "ConformancePackNames")]
        arns = [packs.arn_of(call, each) if each is not None else call.arn("conformance-pack/*") for each in found]
        return arns or call.arn("conformance-pack/*")
    if operation in _OF_RECORDERS:
        said = params.get("ConfigurationRecorder")
        named = _names(params, "ConfigurationRecorderName", "ConfigurationRecorderNames") or (_names(said, "name") if isinstance(said, dict) else [])
        found = [call.shelf(recorders.Recorder).get(name) for name in named]
        arns = [recorders.arn_of(call, each) if each is not None else call.arn("configuration-recorder/*") for each in found]
        return arns or call.arn("configuration-recorder/*")
    if operation == "PutAggregationAuthorization" or operation == "DeleteAggregationAuthorization":
        account, region = params.get("AuthorizedAccountId", "*"), params.get("AuthorizedAwsRegion", "*")
        return call.arn(f"aggregation-authorization/{account}/{region}")
    if isinstance(params.get("ConfigurationAggregatorName"), str):
        aggregator = call.shelf(aggregators.Aggregator).get(params["ConfigurationAggregatorName"])
        return aggregators.arn_of(call, aggregator) if aggregator is not None else call.arn("config-aggregator/*")
    if operation in ("PutStoredQuery", "GetStoredQuery", "DeleteStoredQuery"):
        said = params.get("StoredQuery")
        (name,) = _names(params, "QueryName") or (_names(said, "QueryName") if isinstance(said, dict) else []) or ["*"]
        query = call.shelf(stored_queries.Query).get(name)
        return stored_queries.arn_of(call, query) if query is not None else call.arn(f"stored-query/{name}/*")
    for member, kind, arn_of, pattern in _OF_ORGANIZATIONS:
        if named := _names(params, member, f"{member}s"):
            found = [call.shelf(kind).get(name) for name in named]
            return [arn_of(call, each) if each is not None else call.arn(pattern) for each in found]
    return "*"
