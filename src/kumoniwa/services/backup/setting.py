"""What a region or an account has AWS Backup do for which types of resources."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.backup import telling
from kumoniwa.services.backup.errors import InvalidParameterValueException
from kumoniwa.services.backup.job import KINDS
from kumoniwa.wire import timestamps

CROSS_ACCOUNT = "isCrossAccountBackupEnabled"
ELSEWHERE = (
    "Aurora", "Aurora DSQL", "CloudFormation", "DocumentDB", "EC2", "EFS", "EKS", "FSx", "Neptune", "Redshift", "Redshift Serverless",
    "SAP HANA on Amazon EC2", "Storage Gateway", "Timestream", "VirtualMachine",
)  # fmt: skip
"""Types that AWS backs up and we do not: they are opted out for good."""


class Settings(Record):
    """The one record of its shelf, under ``region``."""

    opted_out: tuple[str, ...] = ()


def is_opted_in(call: Call, kind: str) -> bool:
    return kind not in call.shelf(Settings).get("region", Settings()).opted_out


def DescribeRegionSettings(call: Call) -> dict:
    return {
        "ResourceTypeOptInPreference": {kind: kind in KINDS and is_opted_in(call, kind) for kind in sorted((*KINDS, *ELSEWHERE))},
        "ResourceTypeManagementPreference": {"DynamoDB": True},
    }


def UpdateRegionSettings(
    call: Call,
    *,
    ResourceTypeOptInPreference: dict[str, bool] | None = None,
    ResourceTypeManagementPreference: dict[str, bool] | None = None,
) -> None:
    """Tables are always backed up with AWS Backup's advanced features, as new accounts have it."""
    for kind, is_on in (ResourceTypeOptInPreference or {}).items():
        if kind not in KINDS and kind not in ELSEWHERE:
            raise InvalidParameterValueException(f"Unsupported resource type: {kind}")
        if kind in ELSEWHERE and is_on:
            raise NotImplementedHere(f"backup:UpdateRegionSettings(ResourceTypeOptInPreference.{kind}=true)")
    for kind, is_on in (ResourceTypeManagementPreference or {}).items():
        if kind != "DynamoDB" or not is_on:
            raise NotImplementedHere(f"backup:UpdateRegionSettings(ResourceTypeManagementPreference.{kind}={str(is_on).lower()})")
    settings = call.shelf(Settings).get("region", Settings())
    asked = ResourceTypeOptInPreference or {}
    out = tuple(kind for kind in KINDS if not asked.get(kind, kind not in settings.opted_out))
    call.shelf(Settings)["region"] = changed(settings, opted_out=out)
    if asked:
        telling.fact(
            call, "Region Setting State Change", [],
            {"modifiedAt": timestamps.to_millisecond(call.now()), "ResourceTypeOptInPreference": asked, "state": "MODIFIED"},
        )  # fmt: skip


def GetSupportedResourceTypes(call: Call) -> dict:
    """Those that live here, which is fewer than AWS's."""
    return {"ResourceTypes": list(KINDS)}


def DescribeGlobalSettings(call: Call) -> dict:
    return {"GlobalSettings": {CROSS_ACCOUNT: "false"}}


def UpdateGlobalSettings(call: Call, *, GlobalSettings: dict[str, str] | None = None) -> None:
    for name, value in (GlobalSettings or {}).items():
        if value not in ("true", "false"):
            raise InvalidParameterValueException(f"Invalid value for global setting {name}: {value}")
        if name != CROSS_ACCOUNT or value == "true":
            raise NotImplementedHere(f"backup:UpdateGlobalSettings({name}={value})")
