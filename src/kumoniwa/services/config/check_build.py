"""AWS's rules for stacks, pipelines, projects that build, repositories of images, state machines and event buses.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/codebuild-project-logging-enabled.html and so on.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.config import resource_build
from kumoniwa.services.config.check_service import csv
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Kind
from kumoniwa.services.config.verdict import (
    FINE,
    OUTSIDE,
    Check,
    Given,
    Judged,
    Survey,
    Surveyor,
    Verdict,
    fault,
    verdict,
)

_KINDS: dict[str, Kind] = {kind.type: kind for kind in resource_build.KINDS}

# Stacks and pipelines ------------------------------------------------------------------------------


def _stack_notifies(call: Call, item: Item, given: Given) -> Verdict:
    topics = set(item.configuration.get("notificationARNs") or ())
    wanted = {given[f"snsTopic{n}"] for n in range(1, 6)} - {None}
    return verdict(bool(topics) and (not wanted or bool(topics & wanted)), "The stack tells no topic of its events, or another than the given ones.")


def _deployments(stage: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in stage["actions"] if each["actionTypeId"]["category"] == "Deploy"]


def _deploying(item: Item) -> list[list[dict[str, Any]]]:
    return [found for stage in item.configuration["stages"] if (found := _deployments(stage))]


def _deploys_little(call: Call, item: Item, given: Given) -> Verdict:
    first, *others = _deploying(item) or [[]]
    if len(first) > 1:
        return fault("The first stage that deploys makes more than one deployment.")
    most = given["deploymentLimit"]
    return verdict(most is None or all(len(each) <= most for each in others), f"A stage makes more than {most} deployments.")


def _fans_out_slowly(call: Call, item: Item, given: Given) -> Verdict:
    """The first may reach one region, each other as many times those of all before it as are given."""
    before, factor = 0, given["regionFanoutFactor"] or 3
    for stage in _deploying(item):
        regions = len({each.get("region", call.region) for each in stage})
        if regions > (before * factor or 1):
            return fault("A stage deploys to more regions at once than is given.")
        before += regions
    return FINE


# CodeBuild -----------------------------------------------------------------------------------------


def _artifacts_encrypted(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    every = [said.get("artifacts") or {}, *(said.get("secondaryArtifacts") or ())]
    return verdict(not any(each.get("encryptionDisabled") for each in every), "Artifacts of the project are not encrypted.")


def _is_exempted(item: Item, given: Given) -> bool:
    return item.name in (given["exemptedProjects"] or ())


def _unprivileged(call: Call, item: Item, given: Given) -> Verdict:
    is_so = not item.configuration["environment"].get("privilegedMode") or _is_exempted(item, given)
    return verdict(is_so, "The environment of the project is privileged.")


def _no_plain_credentials(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration["environment"].get("environmentVariables") or ()
    plain = {each["name"] for each in said if each.get("type", "PLAINTEXT") == "PLAINTEXT"}
    return verdict(
        not plain & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, "Variables of the project's environment are credentials in plain text."
    )


def _builds_logged(call: Call, item: Item, given: Given) -> Verdict:
    """In CloudWatch Logs unless that is turned off."""
    logs = item.configuration.get("logsConfig") or {}
    groups, places = logs.get("cloudWatchLogs") or {"status": "ENABLED"}, logs.get("s3Logs") or {"status": "DISABLED"}
    wanted_groups, wanted_buckets = csv(given["cloudWatchGroupNames"]), csv(given["s3BucketNames"])
    in_group = groups["status"] == "ENABLED" and (not wanted_groups or groups.get("groupName") in wanted_groups)
    bucket = places.get("location", "").rpartition(":::")[2].partition("/")[0]
    in_bucket = places["status"] == "ENABLED" and (not wanted_buckets or bucket in wanted_buckets)
    return verdict(in_group or in_bucket, "The project does not log, or elsewhere than is given.")


def _logs_encrypted(call: Call, item: Item, given: Given) -> Verdict:
    places = (item.configuration.get("logsConfig") or {}).get("s3Logs") or {}
    return verdict(not places.get("encryptionDisabled") or _is_exempted(item, given), "The project's logs in S3 are not encrypted.")


# Images, machines, buses ---------------------------------------------------------------------------


def _has_lifecycle(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(item.configuration.get("LifecyclePolicy")), "The repository has no lifecycle policy.")


def _is_immutable(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(str(item.configuration.get("ImageTagMutability")).startswith("IMMUTABLE"), "Tags of the repository can be moved.")


async def _scanned(surveyor: Surveyor, given: Given) -> list[Judged]:
    kind = _KINDS["AWS::ECR::Repository"]
    return [
        Judged(
            kind.type,
            each.id,
            verdict(
                bool((each.configuration.get("ImageScanningConfiguration") or {}).get("ScanOnPush")),
                "Images of the repository are not scanned.",
            ),
        )
        for each in await surveyor.found(kind)
    ]


_LEVELS = ("OFF", "FATAL", "ERROR", "ALL")


def _machine_logged(call: Call, item: Item, given: Given) -> Verdict:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/stepfunctions-controls.html#stepfunctions-1"""
    said = item.configuration.get("LoggingConfiguration") or {}
    level, least = said.get("Level", "OFF"), given["logLevel"] or "FATAL"
    if _LEVELS.index(level) < _LEVELS.index(least):
        return fault(f"The state machine does not log at the level {least}.")
    groups = {(each.get("CloudWatchLogsLogGroup") or {}).get("LogGroupArn", "").removesuffix(":*") for each in said.get("Destinations") or ()}
    wanted = {each.removesuffix(":*") for each in given["cloudWatchLogGroupArns"] or ()}
    return verdict(not wanted or bool(groups & wanted), "The state machine logs into another log group than the given ones.")


def _bus_has_policy(call: Call, item: Item, given: Given) -> Verdict:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/eventbridge-controls.html#eventbridge-3"""
    if item.name == "default":
        return OUTSIDE
    return verdict(bool(item.configuration.get("Policy")), "The event bus has no policy.")


CHECKS: dict[str, Check] = {
    "CLOUDFORMATION_STACK_NOTIFICATION_CHECK": _stack_notifies,
    "CODEPIPELINE_DEPLOYMENT_COUNT_CHECK": _deploys_little,
    "CODEPIPELINE_REGION_FANOUT_CHECK": _fans_out_slowly,
    "CODEBUILD_PROJECT_ARTIFACT_ENCRYPTION": _artifacts_encrypted,
    "CODEBUILD_PROJECT_ENVIRONMENT_PRIVILEGED_CHECK": _unprivileged,
    "CODEBUILD_PROJECT_ENVVAR_AWSCRED_CHECK": _no_plain_credentials,
    "CODEBUILD_PROJECT_LOGGING_ENABLED": _builds_logged,
    "CODEBUILD_PROJECT_S3_LOGS_ENCRYPTED": _logs_encrypted,
    "ECR_PRIVATE_LIFECYCLE_POLICY_CONFIGURED": _has_lifecycle,
    "ECR_PRIVATE_TAG_IMMUTABILITY_ENABLED": _is_immutable,
    "STEP_FUNCTIONS_STATE_MACHINE_LOGGING_ENABLED": _machine_logged,
    "CUSTOM_EVENTBUS_POLICY_ATTACHED": _bus_has_policy,
}

SURVEYS: dict[str, Survey] = {"ECR_PRIVATE_IMAGE_SCANNING_ENABLED": _scanned}
