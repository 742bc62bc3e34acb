"""What GuardDuty finds, in the AWS Security Finding Format.

https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html, and a finding of 2025 that was published whole.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.securityhub import asff

_TACTICS = {"Stealth:": "Defense Evasion/", "Recon:": "Discovery/"}
"""What stands between the namespace and GuardDuty's type; nothing before the others of those that are found here."""
_GRADES = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.0, "LOW"))
"""https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html"""
_FIELDS_MAX = 50
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html


def type_of(type_: str) -> str:
    tactic = next((told for prefix, told in _TACTICS.items() if type_.startswith(prefix)), "")
    return f"TTPs/{tactic}{type_.replace('/', '-')}"


def told(said: dict[str, Any], product: str, names: dict[str, Any]) -> dict[str, Any]:
    """``said`` is a finding as GuardDuty's events tell it."""
    service, region = said["service"], said["region"]
    fields: dict[str, str] = {}
    _flatten("aws/guardduty/service", service, fields)
    return {
        "SchemaVersion": asff.SCHEMA_VERSION, "Id": said["arn"], "ProductArn": product, "ProductName": names["ProductName"],
        "CompanyName": names["CompanyName"], "GeneratorId": said["arn"].rpartition("/finding/")[0], "AwsAccountId": said["accountId"],
        "Types": [type_of(said["type"])], "FirstObservedAt": service["eventFirstSeen"], "LastObservedAt": service["eventLastSeen"],
        "CreatedAt": said["createdAt"], "UpdatedAt": said["updatedAt"],
        "Severity": {"Product": said["severity"], "Label": next(label for least, label in _GRADES if said["severity"] >= least)},
        "Title": said["title"][:256], "Description": said["description"][:1024],
        "SourceUrl": f"https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?macros=current&fId={said['id']}",
        "ProductFields": dict(list(fields.items())[:_FIELDS_MAX]), "Resources": _resources(said), "Action": _action(service["action"]),
        "RecordState": "ARCHIVED" if service["archived"] else "ACTIVE", "Sample": bool(service["additionalInfo"].get("sample")),
    }  # fmt: skip


def _flatten(path: str, value: Any, fields: dict[str, str]) -> None:
    """Each part of a finding by its path."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            _flatten(f"{path}/{name}", part, fields)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            _flatten(f"{path}.{number}_", part, fields)
    else:
        fields[path] = str(value).lower() if isinstance(value, bool) else "" if isinstance(value, dict) else str(value)


def _resources(said: dict[str, Any]) -> list[dict[str, Any]]:
    key = said["resource"].get("accessKeyDetails") or {}
    who = {"PrincipalId": key.get("principalId"), "PrincipalType": key.get("userType"), "PrincipalName": key.get("userName")}
    details = {name: value for name, value in who.items() if value}
    found = [{"Type": "AwsIamAccessKey", "Id": f"AWS::IAM::AccessKey:{key.get('accessKeyId', '')}", "Details": {"AwsIamAccessKey": details}}]
    for bucket in said["resource"].get("s3BucketDetails") or ():
        owner = {"AwsS3Bucket": {"OwnerId": bucket["owner"]["id"]}} if bucket.get("owner") else {}
        found.append({"Type": "AwsS3Bucket", "Id": bucket["arn"], **({"Details": owner} if owner else {})})
    return found


def _action(said: dict[str, Any]) -> dict[str, Any]:
    call = said["awsApiCallAction"]
    address = call["remoteIpDetails"].get("ipAddressV4")
    told: dict[str, Any] = {"Api": call["api"], "ServiceName": call["serviceName"], "CallerType": "remoteIp"}
    if address:
        told["RemoteIpDetails"] = {"IpAddressV4": address}
    return {"ActionType": said["actionType"], "AwsApiCallAction": told}
