"""The AWS Security Finding Format: what a finding must be to be imported, and what Security Hub makes of its severity.

AWS holds findings against a JSON schema and tells what breaks it in its validator's words. Recorded: "data.Resources should NOT have fewer
than 1 items", "data.Remediation.Recommendation.Text should NOT be longer than 512 characters", "data should have required property
'FindingProviderFields', data should match some schema in anyOf" (issues of aws-samples/aws-securityhub-config-integration and
aquasecurity/kube-bench); the others follow them. What is long enough to be refused is said by
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
"""

from __future__ import annotations

import re
from typing import Any

SCHEMA_VERSION = "2018-10-08"
BYTES_MAX = 240 * 1024
LABELS = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
"""What is the normalized severity of a label: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html"""
PROVIDED = ("Confidence", "Criticality", "RelatedFindings", "Severity", "Types")
"""What providers say in ``FindingProviderFields`` and customers may say otherwise."""
_REQUIRED = ("SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description", "Resources")
_LONGEST = {
    "Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "ProductName": 128, "CompanyName": 128, "SourceUrl": 2048,
    "Remediation.Recommendation.Text": 512, "Note.Text": 512, "Note.UpdatedBy": 512,
}  # fmt: skip
_MOST = {
    "Types": 50, "Resources": 32, "RelatedFindings": 10, "ThreatIntelIndicators": 5, "Malware": 5, "ProductFields": 50, "UserDefinedFields": 50,
    "FindingProviderFields.Types": 50, "FindingProviderFields.RelatedFindings": 10,
}  # fmt: skip
_CHOICES = {
    "SchemaVersion": (SCHEMA_VERSION,), "Severity.Label": tuple(LABELS), "FindingProviderFields.Severity.Label": tuple(LABELS),
    "RecordState": ("ACTIVE", "ARCHIVED"), "Workflow.Status": ("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"),
    "WorkflowState": ("NEW", "ASSIGNED", "IN_PROGRESS", "DEFERRED", "RESOLVED"),
    "VerificationState": ("UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"),
    "Compliance.Status": ("PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"),
}  # fmt: skip
_RATIOS = ("Confidence", "Criticality", "Severity.Normalized", "FindingProviderFields.Confidence", "FindingProviderFields.Criticality")
_TIMES = ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt", "Note.UpdatedAt", "Process.LaunchedAt", "Process.TerminatedAt")
_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)", re.IGNORECASE)


def at(finding: Any, path: str) -> Any:
    """What stands at a path of names, None if nothing does."""
    for name in path.split("."):
        if not isinstance(finding, dict):
            return None
        finding = finding.get(name)
    return finding


def faults(finding: dict[str, Any]) -> list[str]:
    """What is wrong with a finding that somebody wants to import, in AWS's words; nothing if it may come in."""
    found = [f"data should have required property '{name}'" for name in _REQUIRED if finding.get(name) is None]
    provided = finding.get("FindingProviderFields")
    if any(finding.get(name) is None and at(provided, name) is None for name in ("Severity", "Types")):
        found += ["data should have required property 'FindingProviderFields'", "data should match some schema in anyOf"]
    for path, most in _LONGEST.items():
        text = at(finding, path)
        if isinstance(text, str) and not text.strip():
            found.append(f"data.{path} should NOT be shorter than 1 characters")
        elif isinstance(text, str) and len(text) > most:
            found.append(f"data.{path} should NOT be longer than {most} characters")
    for path, most in _MOST.items():
        parts = at(finding, path)
        kind = "properties" if isinstance(parts, dict) else "items"
        if parts is not None and len(parts) > most:
            found.append(f"data.{path} should NOT have more than {most} {kind}")
    if finding.get("Resources") == []:
        found.append("data.Resources should NOT have fewer than 1 items")
    for number, resource in enumerate(finding.get("Resources") or ()):
        found += [f"data.Resources[{number}] should have required property '{name}'" for name in ("Type", "Id") if not resource.get(name)]
    found += [f"data.{path} should be equal to one of the allowed values" for path, choices in _CHOICES.items() if at(finding, path) not in (None, *choices)]
    for path in _RATIOS:
        value = at(finding, path)
        if isinstance(value, int) and not 0 <= value <= 100:
            found.append(f"data.{path} should be {'>= 0' if value < 0 else '<= 100'}")
    for path in _TIMES:
        value = at(finding, path)
        if isinstance(value, str) and not _TIME.fullmatch(value):
            found.append(f'data.{path} should match format "date-time"')
    account = finding.get("AwsAccountId")
    if isinstance(account, str) and not re.fullmatch(r"\d{12}", account):
        found.append('data.AwsAccountId should match pattern "^[0-9]{12}$"')
    for path, needed in (("Severity", {"Label", "Normalized"}), ("FindingProviderFields.Severity", {"Label"})):
        severity = at(finding, path)
        if severity is not None and not needed & severity.keys():
            found.append(f"data.{path} should have required property 'Label'")
    return found


def label(normalized: int) -> str:
    return next(name for name, least in reversed(LABELS.items()) if normalized >= least)


def severity(said: dict[str, Any]) -> dict[str, Any]:
    """A severity with its label and its number: each follows from the other, and the label counts where both are said."""
    normalized = said.get("Normalized")
    if "Label" not in said:
        return {**said, "Label": label(normalized)}
    is_fitting = normalized is not None and label(normalized) == said["Label"]
    return said if is_fitting else {**said, "Normalized": LABELS[said["Label"]]}
