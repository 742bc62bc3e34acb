"""AWS's rules for an account as a whole: its root, its password policy, its trails, the alarms that watch its buckets.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/cloudtrail-enabled.html and so on.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.config import resource_s3
from kumoniwa.services.config.check_service import HOUR_S, csv
from kumoniwa.services.config.verdict import FINE, Given, Judged, Survey, Surveyor, Verdict, fault, verdict

TRAIL = "AWS::CloudTrail::Trail"

# The root and passwords ------------------------------------------------------------------------------


async def _summary(surveyor: Surveyor) -> dict[str, int]:
    return (await surveyor.reader.ask("iam:GetAccountSummary"))["SummaryMap"]


async def _no_root_key(surveyor: Surveyor, given: Given) -> list[Judged]:
    return surveyor.of_account(verdict(not (await _summary(surveyor))["AccountAccessKeysPresent"], "The root user has an access key."))


async def _root_mfa(surveyor: Surveyor, given: Given) -> list[Judged]:
    return surveyor.of_account(verdict(bool((await _summary(surveyor))["AccountMFAEnabled"]), "The root user needs no MFA to sign in."))


_FLAGS = {"RequireUppercaseCharacters": "RequireUppercaseCharacters", "RequireLowercaseCharacters": "RequireLowercaseCharacters", "RequireSymbols": "RequireSymbols",
          "RequireNumbers": "RequireNumbers"}  # fmt: skip


async def _passwords(surveyor: Surveyor, given: Given) -> list[Judged]:
    reply = await surveyor.reader.ask("iam:GetAccountPasswordPolicy", absent=("NoSuchEntity",))
    if reply is None:
        return surveyor.of_account(fault("The account has the default password policy."))
    said = reply["PasswordPolicy"]
    lacking = [name for name, member in _FLAGS.items() if given[name] and not said.get(member)]
    if given["MinimumPasswordLength"] is not None and said.get("MinimumPasswordLength", 0) < given["MinimumPasswordLength"]:
        lacking.append("MinimumPasswordLength")
    if given["PasswordReusePrevention"] is not None and said.get("PasswordReusePrevention", 0) < given["PasswordReusePrevention"]:
        lacking.append("PasswordReusePrevention")
    age = said.get("MaxPasswordAge", 0)
    if given["MaxPasswordAge"] is not None and not 0 < age <= given["MaxPasswordAge"]:
        lacking.append("MaxPasswordAge")
    return surveyor.of_account(verdict(not lacking, f"The password policy does not meet {', '.join(lacking)}."))


# Trails ----------------------------------------------------------------------------------------------


async def _trails(surveyor: Surveyor) -> list[dict[str, Any]]:
    return (await surveyor.reader.ask("cloudtrail:DescribeTrails"))["trailList"]


async def _is_logging(surveyor: Surveyor, trail: dict[str, Any]) -> bool:
    return (await surveyor.reader.ask("cloudtrail:GetTrailStatus", Name=trail["TrailARN"]))["IsLogging"]


async def _selectors(surveyor: Surveyor, trail: dict[str, Any]) -> dict[str, Any]:
    return await surveyor.reader.ask("cloudtrail:GetEventSelectors", TrailName=trail["TrailARN"])


def _goes_to(trail: dict[str, Any], given: Given) -> bool:
    wanted = {
        "S3BucketName": given["s3BucketName"],
        "SnsTopicARN": given["snsTopicArn"],
        "CloudWatchLogsLogGroupArn": given["cloudWatchLogsLogGroupArn"],
    }
    return all(value in (None, trail.get(member)) for member, value in wanted.items())


async def _trail_enabled(surveyor: Surveyor, given: Given) -> list[Judged]:
    for trail in await _trails(surveyor):
        if _goes_to(trail, given) and await _is_logging(surveyor, trail):
            return surveyor.of_account(FINE)
    return surveyor.of_account(fault("No trail is enabled that is as given."))


def _management(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The basic selectors that record management events."""
    return [each for each in said.get("EventSelectors") or () if each.get("IncludeManagementEvents", True)]


async def _many_regions(surveyor: Surveyor, given: Given) -> list[Judged]:
    wanted_type = given["readWriteType"]
    for trail in await _trails(surveyor):
        if not (trail.get("IsMultiRegionTrail") and _goes_to(trail, given) and await _is_logging(surveyor, trail)):
            continue
        said = await _selectors(surveyor, trail)
        selectors = _management(said)
        if any(each.get("ExcludeManagementEventSources") for each in selectors):
            continue
        if given["includeManagementEvents"] is not None and bool(selectors) != given["includeManagementEvents"]:
            continue
        if wanted_type is None or any(each.get("ReadWriteType", "All").lower() == wanted_type.lower() for each in selectors):
            return surveyor.of_account(FINE)
    return surveyor.of_account(fault("No multi-region trail is as given."))


async def _secure_trail(surveyor: Surveyor, given: Given) -> list[Judged]:
    for trail in await _trails(surveyor):
        is_secure = (
            trail.get("IncludeGlobalServiceEvents")
            and trail.get("IsMultiRegionTrail")
            and trail.get("LogFileValidationEnabled")
            and trail.get("KmsKeyId")
        )
        if is_secure and await _is_logging(surveyor, trail):
            selectors = _management(await _selectors(surveyor, trail))
            if any(each.get("ReadWriteType", "All") == "All" and not each.get("ExcludeManagementEventSources") for each in selectors):
                return surveyor.of_account(FINE)
    return surveyor.of_account(fault("No trail follows all security best practices."))


async def _bucket_events(surveyor: Surveyor, given: Given) -> list[Judged]:
    wanted = csv(given["S3BucketNames"])
    everywhere = f"arn:{surveyor.call.home.partition}:s3"
    for trail in await _trails(surveyor):
        if not await _is_logging(surveyor, trail):
            continue
        values = [
            value for each in (await _selectors(surveyor, trail)).get("EventSelectors") or () for data in each.get("DataResources") or ()
            if data["Type"] == "AWS::S3::Object" for value in data.get("Values") or ()
        ]  # fmt: skip
        is_whole = any(value in (everywhere, f"{everywhere}:::") for value in values)
        if is_whole or (wanted and all(f"{everywhere}:::{name}/" in values for name in wanted)):
            return surveyor.of_account(FINE)
    return surveyor.of_account(fault("No trail records data events of all S3 buckets."))


async def _each_trail(surveyor: Surveyor, holds: Any, otherwise: str) -> list[Judged]:
    judged = []
    for trail in await _trails(surveyor):
        judged.append(Judged(TRAIL, trail["TrailARN"], verdict(await holds(trail), otherwise)))
    return judged


async def _trail_encrypted(surveyor: Surveyor, given: Given) -> list[Judged]:
    async def holds(trail: dict[str, Any]) -> bool:
        return bool(trail.get("KmsKeyId"))

    return await _each_trail(surveyor, holds, "The trail's files are not encrypted with AWS KMS.")


async def _trail_validated(surveyor: Surveyor, given: Given) -> list[Judged]:
    async def holds(trail: dict[str, Any]) -> bool:
        return bool(trail.get("LogFileValidationEnabled"))

    return await _each_trail(surveyor, holds, "Validation of the trail's files is not enabled.")


async def _trail_logged(surveyor: Surveyor, given: Given) -> list[Judged]:
    async def holds(trail: dict[str, Any]) -> bool:
        if not trail.get("CloudWatchLogsLogGroupArn"):
            return False
        hours = given["expectedDeliveryWindowAge"]
        status = await surveyor.reader.ask("cloudtrail:GetTrailStatus", Name=trail["TrailARN"])
        return hours is None or status.get("LatestCloudWatchLogsDeliveryTime", 0.0) >= surveyor.call.now() - hours * HOUR_S

    return await _each_trail(surveyor, holds, "The trail does not send its events to CloudWatch Logs.")


# Alarms ----------------------------------------------------------------------------------------------

_DIMENSIONS = {"AWS::S3::Bucket": "BucketName"}


async def _watched(surveyor: Surveyor, given: Given) -> list[Judged]:
    type_, metric = given["resourceType"], given["metricName"]
    if type_ not in _DIMENSIONS:
        raise NotImplementedHere(f"resources of the type {type_} in CLOUDWATCH_ALARM_RESOURCE_CHECK")
    alarms = (await surveyor.reader.ask("cloudwatch:DescribeAlarms", AlarmTypes=["MetricAlarm"]))["MetricAlarms"]
    watched = {
        each["Value"]
        for alarm in alarms
        if alarm.get("MetricName") == metric
        for each in alarm.get("Dimensions") or ()
        if each["Name"] == _DIMENSIONS[type_]
    }
    found = await surveyor.found(resource_s3.KINDS[0])
    return [Judged(type_, each.id, _is_watched(each.id in watched, metric)) for each in found]


def _is_watched(is_so: bool, metric: str) -> Verdict:
    return verdict(is_so, f"No alarm watches the metric {metric} of the resource.")


async def _in_organization(surveyor: Surveyor, given: Given) -> list[Judged]:
    reply, wanted = (
        await surveyor.reader.ask("organizations:DescribeOrganization", absent=("AWSOrganizationsNotInUseException",)),
        given["MasterAccountId"],
    )
    is_so = reply is not None and wanted in (None, reply["Organization"]["MasterAccountId"])
    return surveyor.of_account(verdict(is_so, "The account is in no organization, or in that of another account than the given one."))


async def _public_access_blocked(surveyor: Surveyor, given: Given) -> list[Judged]:
    """Settings that are not given must be on."""
    reply = (
        await surveyor.reader.ask(
            "s3control:GetPublicAccessBlock", absent=("NoSuchPublicAccessBlockConfiguration",), AccountId=surveyor.call.account
        )
        or {}
    )
    said = reply.get("PublicAccessBlockConfiguration") or {}
    names = ("IgnorePublicAcls", "BlockPublicPolicy", "BlockPublicAcls", "RestrictPublicBuckets")
    missing = [name for name in names if (given[name] or "True").lower() == "true" and not said.get(name)]
    return surveyor.of_account(verdict(not missing, f"The account does not block public access: {', '.join(missing)}."))


SURVEYS: dict[str, Survey] = {
    "ACCOUNT_PART_OF_ORGANIZATIONS": _in_organization,
    "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC": _public_access_blocked,
    "IAM_ROOT_ACCESS_KEY_CHECK": _no_root_key,
    "ROOT_ACCOUNT_MFA_ENABLED": _root_mfa,
    "IAM_PASSWORD_POLICY": _passwords,
    "CLOUD_TRAIL_ENABLED": _trail_enabled,
    "MULTI_REGION_CLOUD_TRAIL_ENABLED": _many_regions,
    "CLOUDTRAIL_SECURITY_TRAIL_ENABLED": _secure_trail,
    "CLOUDTRAIL_S3_DATAEVENTS_ENABLED": _bucket_events,
    "CLOUD_TRAIL_ENCRYPTION_ENABLED": _trail_encrypted,
    "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED": _trail_validated,
    "CLOUD_TRAIL_CLOUD_WATCH_LOGS_ENABLED": _trail_logged,
    "CLOUDWATCH_ALARM_RESOURCE_CHECK": _watched,
}
