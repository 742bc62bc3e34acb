"""The operations of AWS WAF. Vendors' rule groups, API keys of token domains, monetization and policies that share rule groups are refused by name."""

from kumoniwa.services.wafv2.access import all_tags, resource_of, tags_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.wafv2.association import (
    AssociateWebACL,
    DisassociateWebACL,
    GetWebACLForResource,
    ListResourcesForWebACL,
)
from kumoniwa.services.wafv2.bill import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.wafv2.ipset import CreateIPSet, DeleteIPSet, GetIPSet, ListIPSets, UpdateIPSet
from kumoniwa.services.wafv2.logging import (
    DeleteLoggingConfiguration,
    GetLoggingConfiguration,
    ListLoggingConfigurations,
    PutLoggingConfiguration,
)
from kumoniwa.services.wafv2.managedrulegroup import (
    DescribeManagedRuleGroup,
    ListAvailableManagedRuleGroups,
    ListAvailableManagedRuleGroupVersions,
)
from kumoniwa.services.wafv2.part import reserved_tag  # noqa: F401 (the gate's hook)
from kumoniwa.services.wafv2.regexpatternset import (
    CreateRegexPatternSet,
    DeleteRegexPatternSet,
    GetRegexPatternSet,
    ListRegexPatternSets,
    UpdateRegexPatternSet,
)
from kumoniwa.services.wafv2.rulegroup import (
    CheckCapacity,
    CreateRuleGroup,
    DeleteRuleGroup,
    GetRuleGroup,
    ListRuleGroups,
    UpdateRuleGroup,
)
from kumoniwa.services.wafv2.sampled import GetRateBasedStatementManagedKeys, GetSampledRequests
from kumoniwa.services.wafv2.tag import ListTagsForResource, TagResource, UntagResource
from kumoniwa.services.wafv2.webacl import (
    CreateWebACL,
    DeleteWebACL,
    GetWebACL,
    ListWebACLs,
    UpdateWebACL,
)

__all__ = [
    "AssociateWebACL", "CheckCapacity", "CreateIPSet", "CreateRegexPatternSet", "CreateRuleGroup", "CreateWebACL", "DeleteIPSet",
    "DeleteLoggingConfiguration", "DeleteRegexPatternSet", "DeleteRuleGroup", "DeleteWebACL", "DescribeManagedRuleGroup", "DisassociateWebACL",
    "GetIPSet", "ListAvailableManagedRuleGroupVersions", "ListAvailableManagedRuleGroups",
    "GetLoggingConfiguration", "GetRateBasedStatementManagedKeys", "GetRegexPatternSet", "GetRuleGroup", "GetSampledRequests", "GetWebACL",
    "GetWebACLForResource", "ListIPSets", "ListLoggingConfigurations", "ListRegexPatternSets", "ListResourcesForWebACL", "ListRuleGroups",
    "ListTagsForResource", "ListWebACLs", "PutLoggingConfiguration", "TagResource", "UntagResource", "UpdateIPSet", "UpdateRegexPatternSet",
    "UpdateRuleGroup", "UpdateWebACL", "all_tags",
]  # fmt: skip
