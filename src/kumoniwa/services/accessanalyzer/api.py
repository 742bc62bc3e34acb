"""The operations of Access Analyzer. Previews, recommendations, internal access and analyzers that services make are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.services.accessanalyzer.analyzer import (
    CreateAnalyzer,
    GetAnalyzer,
    ListAnalyzers,
    ListTagsForResource,
    TagResource,
    UntagResource,
    UpdateAnalyzer,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.accessanalyzer.archive import (
    ApplyArchiveRule,
    CreateArchiveRule,
    DeleteArchiveRule,
    GetArchiveRule,
    ListArchiveRules,
    UpdateArchiveRule,
)
from kumoniwa.services.accessanalyzer.checking import (
    CheckAccessNotGranted,
    CheckNoNewAccess,
    CheckNoPublicAccess,
    ValidatePolicy,
)
from kumoniwa.services.accessanalyzer.external import StartResourceScan
from kumoniwa.services.accessanalyzer.finding import (
    GetFinding,
    GetFindingsStatistics,
    GetFindingV2,
    ListFindings,
    ListFindingsV2,
    UpdateFindings,
)
from kumoniwa.services.accessanalyzer.generation import (
    CancelPolicyGeneration,
    GetGeneratedPolicy,
    ListPolicyGenerations,
    StartPolicyGeneration,
)
from kumoniwa.services.accessanalyzer.keeping import (
    DeleteAnalyzer,
    GetAnalyzedResource,
    ListAnalyzedResources,
)

__all__ = [
    "ApplyArchiveRule", "CancelPolicyGeneration", "CheckAccessNotGranted", "CheckNoNewAccess", "CheckNoPublicAccess", "CreateAnalyzer",
    "CreateArchiveRule", "DeleteAnalyzer", "DeleteArchiveRule", "GetAnalyzedResource", "GetAnalyzer",
    "GetArchiveRule", "GetFinding", "GetFindingV2", "GetFindingsStatistics", "GetGeneratedPolicy", "ListAnalyzedResources", "ListAnalyzers",
    "ListArchiveRules",
    "ListFindings", "ListFindingsV2", "ListPolicyGenerations", "ListTagsForResource", "StartPolicyGeneration", "StartResourceScan",
    "TagResource", "UntagResource", "UpdateAnalyzer",
    "UpdateArchiveRule", "UpdateFindings", "ValidatePolicy", "all_tags",
]  # fmt: skip


TOKENS = {
    name: Token("clientToken")
    for name in ("StartPolicyGeneration", "ApplyArchiveRule", "DeleteAnalyzer", "DeleteArchiveRule", "UpdateArchiveRule", "UpdateFindings")
}
"""Retries "return the result from the original successful request": API_StartPolicyGeneration. Those that make a named thing keep their token
with it, because it is forgotten with it."""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiamaccessanalyzer.html"""
    arn, name = params.get("analyzerArn", params.get("resourceArn")), params.get("analyzerName")
    if isinstance(name, str):
        arn = call.arn(f"analyzer/{name}", "access-analyzer")
    if isinstance(arn, str) and isinstance(params.get("ruleName"), str) and operation != "ApplyArchiveRule":
        return f"{arn}/archive-rule/{params['ruleName']}"
    return arn if isinstance(arn, str) else "*"
