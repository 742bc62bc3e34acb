"""Filters of findings, as lists, insights and automation rules write them.

Of one attribute, what is asked for is joined by OR and what is excluded by AND; attributes are joined by AND.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.securityhub import moment
from kumoniwa.services.securityhub.errors import InvalidInputException
from kumoniwa.services.securityhub.finding import COLUMNS

ATTRIBUTES_MAX, VALUES_MAX = 10, 20
"""https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html"""
DAY_S = 86_400.0
_PLAIN = (
    "ProductArn", "AwsAccountId", "Id", "GeneratorId", "Region", "FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt", "Confidence",
    "Criticality", "Title", "Description", "SourceUrl", "ProductFields", "ProductName", "CompanyName", "UserDefinedFields", "VerificationState",
    "WorkflowState", "RecordState", "Sample", "AwsAccountName",
)  # fmt: skip
_EC2, _KEY, _BOX = "Resources.Details.AwsEc2Instance", "Resources.Details.AwsIamAccessKey", "Resources.Details.Container"
PATHS: dict[str, str] = {
    **{name: name for name in _PLAIN},
    "Type": "Types", "RecommendationText": "Remediation.Recommendation.Text", "NoteText": "Note.Text", "NoteUpdatedAt": "Note.UpdatedAt",
    "NoteUpdatedBy": "Note.UpdatedBy", "ComplianceStatus": "Compliance.Status", "ComplianceSecurityControlId": "Compliance.SecurityControlId",
    "ComplianceAssociatedStandardsId": "Compliance.AssociatedStandards.StandardsId", "WorkflowStatus": "Workflow.Status",
    "ComplianceSecurityControlParametersName": "Compliance.SecurityControlParameters.Name",
    "ComplianceSecurityControlParametersValue": "Compliance.SecurityControlParameters.Value",
    **{f"Severity{part}": f"Severity.{part}" for part in ("Product", "Normalized", "Label")},
    **{f"Malware{part}": f"Malware.{part}" for part in ("Name", "Type", "Path", "State")},
    **{f"Process{part}": f"Process.{part}" for part in ("Name", "Path", "Pid", "ParentPid", "LaunchedAt", "TerminatedAt")},
    **{
        f"Network{part}": f"Network.{part}"
        for part in (
            "Direction", "Protocol", "SourceIpV4", "SourceIpV6", "SourcePort", "SourceDomain", "SourceMac", "DestinationIpV4", "DestinationIpV6",
            "DestinationPort", "DestinationDomain",
        )
    },
    **{
        f"ThreatIntelIndicator{part}": f"ThreatIntelIndicators.{part}"
        for part in ("Type", "Value", "Category", "LastObservedAt", "Source", "SourceUrl")
    },
    **{f"Resource{part}": f"Resources.{part}" for part in ("Type", "Id", "Partition", "Region", "Tags", "ApplicationName", "ApplicationArn", "Provider")},
    "ResourceOwnerAccountId": "Resources.Owner.AccountId", "ResourceOwnerOrgId": "Resources.Owner.OrganizationId",
    "ResourceDetailsOther": "Resources.Details.Other",
    **{
        f"ResourceAwsEc2Instance{part}": f"{_EC2}.{part}"
        for part in ("Type", "ImageId", "IpV4Addresses", "IpV6Addresses", "KeyName", "IamInstanceProfileArn", "VpcId", "SubnetId", "LaunchedAt")
    },
    **{f"ResourceAwsS3Bucket{part}": f"Resources.Details.AwsS3Bucket.{part}" for part in ("OwnerId", "OwnerName")},
    **{f"ResourceAwsIamAccessKey{part}": f"{_KEY}.{part}" for part in ("UserName", "PrincipalName", "Status", "CreatedAt")},
    "ResourceAwsIamUserUserName": "Resources.Details.AwsIamUser.UserName",
    "ResourceContainerName": f"{_BOX}.Name", "ResourceContainerImageId": f"{_BOX}.ImageId", "ResourceContainerImageName": f"{_BOX}.ImageName",
    "ResourceContainerLaunchedAt": f"{_BOX}.LaunchedAt",
    **{f"RelatedFindings{part}": f"RelatedFindings.{part}" for part in ("ProductArn", "Id")},
    **{f"FindingProviderFields{part}": f"FindingProviderFields.{part}" for part in ("Confidence", "Criticality", "Types")},
    **{f"FindingProviderFieldsRelatedFindings{part}": f"FindingProviderFields.RelatedFindings.{part}" for part in ("Id", "ProductArn")},
    **{f"FindingProviderFieldsSeverity{part}": f"FindingProviderFields.Severity.{part}" for part in ("Label", "Original")},
    **{f"Vulnerabilities{part}": f"Vulnerabilities.{part}" for part in ("ExploitAvailable", "FixAvailable")},
}  # fmt: skip
"""Where in a finding each attribute of filters stands."""
_IP = frozenset({"NetworkSourceIpV4", "NetworkSourceIpV6", "NetworkDestinationIpV4", "NetworkDestinationIpV6", "ResourceAwsEc2InstanceIpV4Addresses", "ResourceAwsEc2InstanceIpV6Addresses"})  # fmt: skip

Test = Callable[[dict[str, Any]], bool]


def values(finding: Any, path: str) -> list[Any]:
    """Everything that stands at a path, of each member where there is a list on the way."""
    found = [finding]
    for name in path.split("."):
        found = [each[name] for each in found if isinstance(each, dict) and each.get(name) is not None]
        found = [part for each in found for part in (each if isinstance(each, list) else [each])]
    return found


# What one value must be -----------------------------------------------------------------------------

_HOLDS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda value, wanted: value == wanted, "PREFIX": lambda value, wanted: value.startswith(wanted),
    "CONTAINS": lambda value, wanted: wanted in value,
}  # fmt: skip
_DENIED = {"NOT_EQUALS": "EQUALS", "PREFIX_NOT_EQUALS": "PREFIX", "NOT_CONTAINS": "CONTAINS"}
_CLASHES = (("EQUALS", ("NOT_EQUALS", "PREFIX_NOT_EQUALS")), ("CONTAINS", ("NOT_CONTAINS", "NOT_EQUALS", "PREFIX_NOT_EQUALS")))
"""What cannot stand beside each other on one attribute."""


def _compared(name: str, comparisons: list[str | None], is_of_rules: bool) -> None:
    for comparison in comparisons:
        if comparison is None:
            raise InvalidInputException(f"A Comparison must be specified for the filter {name}.")
        if comparison == "CONTAINS_WORD" or (not is_of_rules and comparison in ("CONTAINS", "NOT_CONTAINS")):
            raise InvalidInputException(f"The comparison {comparison} is not supported for the filter {name} here.")
    for one, others in _CLASHES:
        clash = next((other for other in others if one in comparisons and other in comparisons), None)
        if clash is not None:
            raise InvalidInputException(f"The filter {name} cannot have both {one} and {clash} comparisons.")


def _strings(name: str, path: str, filters: list[dict[str, Any]]) -> Test:
    wanted = [(_HOLDS[each["Comparison"]], each.get("Value", "")) for each in filters if each["Comparison"] in _HOLDS]
    unwanted = [(_HOLDS[_DENIED[each["Comparison"]]], each.get("Value", "")) for each in filters if each["Comparison"] in _DENIED]

    def test(finding: dict[str, Any]) -> bool:
        found = [str(each) for each in values(finding, path)]
        return (not wanted or any(holds(value, text) for holds, text in wanted for value in found)) and not any(
            holds(value, text) for holds, text in unwanted for value in found
        )

    return test


def _maps(name: str, path: str, filters: list[dict[str, Any]]) -> Test:
    wanted = [(each.get("Key"), _HOLDS[each["Comparison"]], each.get("Value", "")) for each in filters if each["Comparison"] in _HOLDS]
    unwanted = [(each.get("Key"), _HOLDS[_DENIED[each["Comparison"]]], each.get("Value", "")) for each in filters if each["Comparison"] in _DENIED]

    def test(finding: dict[str, Any]) -> bool:
        found = values(finding, path)
        return (not wanted or any(key in each and holds(str(each[key]), text) for key, holds, text in wanted for each in found)) and not any(
            key in each and holds(str(each[key]), text) for key, holds, text in unwanted for each in found
        )

    return test


_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "Eq": lambda value, wanted: value == wanted, "Gte": lambda value, wanted: value >= wanted, "Lte": lambda value, wanted: value <= wanted,
    "Gt": lambda value, wanted: value > wanted, "Lt": lambda value, wanted: value < wanted,
}  # fmt: skip


def _numbers(name: str, path: str, filters: list[dict[str, Any]]) -> Test:
    if not all(filters):
        raise InvalidInputException(f"A condition must be specified for the filter {name}.")
    return lambda finding: any(
        all(_NUMBERS[word](value, wanted) for word, wanted in each.items()) for each in filters for value in values(finding, path)
    )


def _span(name: str, each: dict[str, Any], now: float) -> tuple[float, float]:
    ranged = each.get("DateRange")
    if ranged is not None:
        if each.keys() & {"Start", "End"} or not {"Value", "Unit"} <= ranged.keys():
            raise InvalidInputException(f"The filter {name} needs either a DateRange with Value and Unit, or Start and End.")
        border = now - ranged["Value"] * DAY_S
        return (float("-inf"), border) if ranged.get("Comparison") == "OLDER_THAN" else (border, float("inf"))
    if not each.keys() & {"Start", "End"}:
        raise InvalidInputException(f"The filter {name} needs either a DateRange with Value and Unit, or Start and End.")
    read = {part: moment.read(each[part]) for part in ("Start", "End") if part in each}
    if None in read.values():
        raise InvalidInputException(f"The filter {name} has a timestamp that is not valid.")
    return read.get("Start", float("-inf")), read.get("End", float("inf"))


def _dates(name: str, path: str, filters: list[dict[str, Any]], now: float) -> Test:
    spans = [_span(name, each, now) for each in filters]
    return lambda finding: any(
        start <= at <= end for start, end in spans for value in values(finding, path) if (at := moment.read(str(value))) is not None
    )


def _networks(name: str, path: str, filters: list[dict[str, Any]]) -> Test:
    try:
        wanted = [ipaddress.ip_network(each["Cidr"], strict=False) for each in filters]
    except (KeyError, ValueError):
        raise InvalidInputException(f"The filter {name} has a CIDR that is not valid.") from None

    def test(finding: dict[str, Any]) -> bool:
        for value in values(finding, path):
            try:
                address = ipaddress.ip_address(str(value))
            except ValueError:
                continue
            if any(address in each for each in wanted):
                return True
        return False

    return test


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [str(value)]


def _keywords(filters: list[dict[str, Any]]) -> Test:
    """Words anywhere in a finding, whatever their case. That they are looked for so is nowhere said."""
    wanted = [each.get("Value", "").lower() for each in filters]
    return lambda finding: any(word in text.lower() for word in wanted for text in _texts(finding))


# All of them ---------------------------------------------------------------------------------------


def _is_of_strings(filters: list[dict[str, Any]]) -> bool:
    return all("Key" not in each and ("Comparison" in each or "Value" in each) for each in filters)


def _test(name: str, filters: list[dict[str, Any]], now: float, is_of_rules: bool) -> Test:
    path = PATHS[name]
    if len(filters) > VALUES_MAX:
        raise InvalidInputException(f"The filter {name} has {VALUES_MAX} values at most.")
    if name in _IP:
        return _networks(name, path, filters)
    if name == "Sample":
        wanted = {each.get("Value", False) for each in filters}
        return lambda finding: finding.get("Sample", False) in wanted
    if name.endswith("At"):
        return _dates(name, path, filters, now)
    if any(each.keys() & _NUMBERS.keys() for each in filters) or name in ("Confidence", "Criticality", "SeverityNormalized"):
        return _numbers(name, path, filters)
    _compared(name, [each.get("Comparison") for each in filters], is_of_rules)
    return (_strings if _is_of_strings(filters) else _maps)(name, path, filters)


class Filter:
    """What findings must be: by ``where``, what their rows must be, and by ``meets``, all of it."""

    def __init__(self, call: Call, said: dict[str, list[dict[str, Any]]] | None, *, is_of_rules: bool = False) -> None:
        said = {name: filters for name, filters in (said or {}).items() if filters}
        if len(said) > ATTRIBUTES_MAX and not is_of_rules:
            raise InvalidInputException(f"Findings can be filtered by {ATTRIBUTES_MAX} attributes at most.")
        now, self.tests, clauses, self.arguments = call.now(), [], [], []
        for name, filters in said.items():
            self.tests.append(_keywords(filters) if name == "Keyword" else _test(name, filters, now, is_of_rules))
            if name in COLUMNS and all(each.get("Comparison") == "EQUALS" for each in filters):
                clauses.append(f"{COLUMNS[name]} in ({','.join('?' * len(filters))})")
                self.arguments += [each.get("Value", "") for each in filters]
        self.where = " and ".join(clauses) or "1"

    def meets(self, finding: dict[str, Any]) -> bool:
        return all(test(finding) for test in self.tests)
