"""Config.1, which Security Hub judges by itself: whether AWS Config records, as its own role, all that enabled controls are about.

https://docs.aws.amazon.com/securityhub/latest/userguide/config-controls.html#config-1; the reasons are those of the table in
https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumoniwa.aws import config_rules
from kumoniwa.aws.security_controls import Control
from kumoniwa.kernel.call import Call

_GLOBAL = frozenset({"AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::User"})
_ROLE = "/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
_OFF = "AWS Config isn't enabled with the configuration recorder on."
_CUSTOM = (
    "The AWS Config recorder uses a custom IAM role instead of the AWS Config service-linked role, and the includeConfigServiceLinkedRoleCheck custom "
    "parameter for Config.1 is not set to false."
)
_MISSING = (
    "AWS Config isn't recording all resource types that correspond to enabled Security Hub controls. Turn on recording for the following resources: "
)


def needed(enabled: Iterable[Control]) -> set[str]:
    """The types that rules of these controls judge by what was recorded of them."""
    types = {each.name: each.types for each in config_rules.rules().values()}
    return {type_ for each in enabled for type_ in types.get(each.rule, ()) if not type_.startswith("AWS::::")}


def _unrecorded(group: dict[str, Any], wanted: set[str]) -> set[str]:
    strategy = (group.get("recordingStrategy") or {}).get("useOnly")
    if strategy == "EXCLUSION_BY_RESOURCE_TYPES":
        return wanted & set((group.get("exclusionByResourceTypes") or {}).get("resourceTypes") or ())
    if group.get("allSupported"):
        return set() if group.get("includeGlobalResourceTypes") else wanted & _GLOBAL
    return wanted - set(group.get("resourceTypes") or ())


async def faults(ours: Call, wanted: set[str], *, wants_role: bool) -> list[tuple[str, str]]:
    """Codes and texts of what is wrong with how Config records; nothing if all is well."""
    recorders = (await ours.ask("config:DescribeConfigurationRecorders"))["ConfigurationRecorders"]
    states = (await ours.ask("config:DescribeConfigurationRecorderStatus"))["ConfigurationRecordersStatus"]
    if not recorders or not any(each.get("recording") for each in states):
        return [("CONFIG_RECORDER_DISABLED", _OFF)]
    (recorder, *_), found = recorders, []
    if wants_role and not recorder["roleARN"].endswith(_ROLE):
        found.append(("CONFIG_RECORDER_CUSTOM_ROLE", _CUSTOM))
    if missing := _unrecorded(recorder.get("recordingGroup") or {}, wanted):
        found.append(("CONFIG_RECORDER_MISSING_REQUIRED_RESOURCE_TYPES", f"{_MISSING}{', '.join(sorted(missing))}."))
    return found
