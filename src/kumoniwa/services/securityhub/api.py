"""The operations of Security Hub CSPM. Members, invitations, organizations, configuration policies, aggregation across regions, connectors and the
second version of the service (OCSF) are refused by name."""

from __future__ import annotations

from kumoniwa.services.securityhub.access import conditions_of, refusal_of, resource_of  # noqa: F401 (hooks of the gate's)
from kumoniwa.services.securityhub.action import CreateActionTarget, DeleteActionTarget, DescribeActionTargets, UpdateActionTarget
from kumoniwa.services.securityhub.automation import (
    BatchDeleteAutomationRules,
    BatchGetAutomationRules,
    BatchUpdateAutomationRules,
    CreateAutomationRule,
    ListAutomationRules,
)
from kumoniwa.services.securityhub.control import (
    BatchGetSecurityControls,
    BatchGetStandardsControlAssociations,
    BatchUpdateStandardsControlAssociations,
    DescribeStandardsControls,
    GetSecurityControlDefinition,
    ListSecurityControlDefinitions,
    ListStandardsControlAssociations,
    UpdateSecurityControl,
    UpdateStandardsControl,
)
from kumoniwa.services.securityhub.enabling import DescribeHub, DisableSecurityHub, EnableSecurityHub, UpdateSecurityHubConfiguration
from kumoniwa.services.securityhub.importing import BatchImportFindings
from kumoniwa.services.securityhub.insight import CreateInsight, DeleteInsight, GetInsightResults, GetInsights, UpdateInsight
from kumoniwa.services.securityhub.listing import GetFindings
from kumoniwa.services.securityhub.product import (
    DescribeProducts,
    DisableImportFindingsForProduct,
    EnableImportFindingsForProduct,
    ListEnabledProductsForImport,
)
from kumoniwa.services.securityhub.standard import BatchDisableStandards, BatchEnableStandards, DescribeStandards, GetEnabledStandards
from kumoniwa.services.securityhub.tag import reserved_tag  # noqa: F401 (the gate's hook)
from kumoniwa.services.securityhub.tagging import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.securityhub.updating import BatchUpdateFindings, GetFindingHistory

__all__ = [
    "BatchDeleteAutomationRules", "BatchDisableStandards", "BatchEnableStandards", "BatchGetAutomationRules", "BatchGetSecurityControls",
    "BatchGetStandardsControlAssociations", "BatchImportFindings", "BatchUpdateAutomationRules", "BatchUpdateFindings",
    "BatchUpdateStandardsControlAssociations", "CreateActionTarget", "CreateAutomationRule", "CreateInsight", "DeleteActionTarget", "DeleteInsight",
    "DescribeActionTargets", "DescribeHub", "DescribeProducts", "DescribeStandards", "DescribeStandardsControls", "DisableImportFindingsForProduct",
    "DisableSecurityHub", "EnableImportFindingsForProduct", "EnableSecurityHub", "GetEnabledStandards", "GetFindingHistory", "GetFindings",
    "GetInsightResults", "GetInsights", "GetSecurityControlDefinition", "ListAutomationRules", "ListEnabledProductsForImport",
    "ListSecurityControlDefinitions", "ListStandardsControlAssociations", "ListTagsForResource", "TagResource", "UntagResource",
    "UpdateActionTarget", "UpdateInsight", "UpdateSecurityControl", "UpdateSecurityHubConfiguration", "UpdateStandardsControl", "all_tags",
]  # fmt: skip
