"""AWS's rules for tables, functions, queues, topics, keys, secrets, streams, alarms, APIs, certificates and log groups, and for tags.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/dynamodb-pitr-enabled.html and so on.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy_public import is_public
from kumoniwa.services.config import resource_service
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Found, Kind
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
from kumoniwa.wire import timestamps

_KINDS: dict[str, Kind] = {kind.type: kind for kind in resource_service.KINDS}
DAY_S, HOUR_S = 86_400.0, 3_600.0


def csv(text: str | None) -> list[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


# DynamoDB ------------------------------------------------------------------------------------------


def _restorable(call: Call, item: Item, given: Given) -> Verdict:
    recovery = (item.supplementary.get("ContinuousBackupsDescription") or {}).get("pointInTimeRecoveryDescription") or {}
    return verdict(recovery.get("pointInTimeRecoveryStatus") == "ENABLED", "Point-in-time recovery is not enabled for the table.")


def _table_by_kms(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration.get("ssedescription") or {}
    if said.get("status") not in ("ENABLED", "ENABLING", "UPDATING") or said.get("ssetype") != "KMS":
        return fault("The table is not encrypted with AWS KMS.")
    return verdict(
        not given["kmsKeyArns"] or said.get("kmsmasterKeyArn") in given["kmsKeyArns"],
        "The table is encrypted with another key than the given ones.",
    )


def _table_kept(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(item.configuration.get("deletionProtectionEnabled")), "The table can be deleted.")


def _table_encrypted(call: Call, item: Item, given: Given) -> Verdict:
    status = (item.configuration.get("ssedescription") or {}).get("status")
    return verdict(status in ("ENABLED", "ENABLING", "UPDATING"), "Encryption with AWS KMS is neither enabled nor being enabled for the table.")


_DIMENSIONS = {"Read": "ReadCapacityUnits", "Write": "WriteCapacityUnits"}


async def _tables_scaled(surveyor: Surveyor, given: Given) -> list[Judged]:
    targets = {
        (each["ResourceId"], each["ScalableDimension"]): each
        for each in await surveyor.reader.all("application-autoscaling:DescribeScalableTargets", ServiceNamespace="dynamodb")
    }
    policies = {
        (each["ResourceId"], each["ScalableDimension"]): each.get("TargetTrackingScalingPolicyConfiguration") or {}
        for each in await surveyor.reader.all("application-autoscaling:DescribeScalingPolicies", ServiceNamespace="dynamodb")
    }
    found = await surveyor.found(_KINDS["AWS::DynamoDB::Table"])
    return [Judged("AWS::DynamoDB::Table", each.id, _table_scaled(each, targets, policies, given)) for each in found]


def _table_scaled(table: Found, targets: dict[Any, dict[str, Any]], policies: dict[Any, dict[str, Any]], given: Given) -> Verdict:
    if (table.configuration.get("billingModeSummary") or {}).get("billingMode") == "PAY_PER_REQUEST":
        return FINE
    places = [(f"table/{table.id}", "table")]
    places += [(f"table/{table.id}/index/{each['indexName']}", "index") for each in table.configuration.get("globalSecondaryIndexes") or ()]
    for place, kind in places:
        for what, dimension in _DIMENSIONS.items():
            key = (place, f"dynamodb:{kind}:{dimension}")
            if key not in targets or key not in policies:
                return fault(f"Auto scaling is not enabled for {what.lower()} capacity of {place}.")
            low, high, goal = given[f"minProvisioned{what}Capacity"], given[f"maxProvisioned{what}Capacity"], given[f"target{what}Utilization"]
            is_so = (
                low in (None, targets[key]["MinCapacity"])
                and high in (None, targets[key]["MaxCapacity"])
                and goal in (None, policies[key].get("TargetValue"))
            )
            if not is_so:
                return fault(f"Auto scaling of {what.lower()} capacity of {place} is not as given.")
    return FINE


async def _throughput(surveyor: Surveyor, given: Given) -> list[Judged]:
    limits = await surveyor.reader.ask("dynamodb:DescribeLimits")
    tables = [each.configuration for each in await surveyor.found(_KINDS["AWS::DynamoDB::Table"])]
    throughputs = [each.get("provisionedThroughput") or {} for table in tables for each in (table, *(table.get("globalSecondaryIndexes") or ()))]
    for what, threshold in (("Read", given["accountRCUThresholdPercentage"]), ("Write", given["accountWCUThresholdPercentage"])):
        used = sum(each.get(f"{what.lower()}CapacityUnits", 0) for each in throughputs)
        if used > limits[f"AccountMax{what}CapacityUnits"] * threshold / 100:
            return surveyor.of_account(fault(f"Provisioned {what.lower()} capacity is above {threshold} percent of the limit of the account."))
    return surveyor.of_account(FINE)


# Lambda --------------------------------------------------------------------------------------------


def _function_private(call: Call, item: Item, given: Given) -> Verdict:
    policy = item.supplementary.get("Policy")
    return verdict(not policy or not is_public(policy), "The function's policy allows public access.")


def _function_buried(call: Call, item: Item, given: Given) -> Verdict:
    arn = (item.configuration.get("deadLetterConfig") or {}).get("targetArn")
    if not arn:
        return fault("The function has no dead-letter queue.")
    wanted = csv(given["dlqArns"])
    return verdict(not wanted or arn in wanted, "The function has another dead-letter queue than the given ones.")


def _function_limited(call: Call, item: Item, given: Given) -> Verdict:
    limit = (item.supplementary.get("Concurrency") or {}).get("reservedConcurrentExecutions")
    if limit is None:
        return fault("The function has no limit of concurrent executions.")
    low, high = given["ConcurrencyLimitLow"], given["ConcurrencyLimitHigh"]
    return verdict(
        (low is None or limit >= int(low)) and (high is None or limit <= int(high)),
        "The function's limit of concurrent executions is not as given.",
    )


def _function_set(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    if said.get("packageType") == "Image":
        return OUTSIDE
    role = given["role"]
    differing = [
        name
        for name, is_so in {
            "runtime": said.get("runtime") in given["runtime"], "role": role in (None, said["role"], said["role"].rpartition("/")[2]),
            "timeout": given["timeout"] in (None, said["timeout"]), "memorySize": given["memorySize"] in (None, said["memorySize"]),
        }.items() if not is_so
    ]  # fmt: skip
    return verdict(not differing, f"The function's settings are not as given: {', '.join(differing)}.")


# Topics, keys, secrets -----------------------------------------------------------------------------


def _topic_by_kms(call: Call, item: Item, given: Given) -> Verdict:
    key = item.configuration.get("KmsMasterKeyId")
    if not key:
        return fault("The topic is not encrypted with AWS KMS.")
    wanted = given["kmsKeyIds"] or ()
    return verdict(
        not wanted or key in wanted or any(each.rpartition("/")[2] == key for each in wanted),
        "The topic is encrypted with another key than the given ones.",
    )


def _topic_private(call: Call, item: Item, given: Given) -> Verdict:
    policy = item.configuration.get("Policy")
    return verdict(not policy or not is_public(policy), "The topic's policy allows public access.")


def _topic_feedback(call: Call, item: Item, given: Given) -> Verdict:
    has_role = any(name.endswith("FeedbackRoleArn") and value for name, value in item.configuration.items())
    return verdict(has_role, "The delivery status of messages is not logged.")


async def _keys_rotated(surveyor: Surveyor, given: Given) -> list[Judged]:
    """Keys that cannot rotate by themselves are not looked at."""
    judged = []
    for each in await surveyor.found(_KINDS["AWS::KMS::Key"]):
        said = each.configuration
        is_able = said["keyManager"] == "CUSTOMER" and said.get("keySpec") == "SYMMETRIC_DEFAULT" and said.get("origin") == "AWS_KMS"
        if is_able and said["keyState"] != "PendingDeletion":
            judged.append(
                Judged(
                    "AWS::KMS::Key",
                    each.id,
                    verdict(bool(each.supplementary.get("KeyRotationStatus")), "Automatic rotation is not enabled for the key."),
                )
            )
    return judged


async def _keys_kept(surveyor: Surveyor, given: Given) -> list[Judged]:
    wanted = [each.rpartition("/")[2] for each in csv(given["kmsKeyIds"])]
    found = [
        each
        for each in await surveyor.found(_KINDS["AWS::KMS::Key"])
        if each.configuration["keyManager"] == "CUSTOMER" and (not wanted or each.id in wanted)
    ]
    return [
        Judged("AWS::KMS::Key", each.id, verdict(each.configuration["keyState"] != "PendingDeletion", "The key is scheduled for deletion."))
        for each in found
    ]


def _secret_rotates(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    if not said["RotationEnabled"]:
        return fault("The secret is not scheduled for rotation.")
    days = (said.get("RotationRules") or {}).get("AutomaticallyAfterDays")
    most, most_hours = given["maximumAllowedRotationFrequency"], given["maximumAllowedRotationFrequencyInHours"]
    is_often = days is None or ((most is None or days <= most) and (most_hours is None or days * 24 <= most_hours))
    return verdict(is_often, "The secret is rotated less often than is allowed.")


def _secret_rotated_in_time(call: Call, item: Item, given: Given) -> Verdict:
    if not item.configuration["RotationEnabled"]:
        return OUTSIDE
    return verdict(item.configuration["RotationOccurringAsScheduled"], "The secret was not rotated when it should have been.")


def _secret_by_customer(call: Call, item: Item, given: Given) -> Verdict:
    key = item.configuration.get("KMSKeyId")
    if not key or key.endswith("alias/aws/secretsmanager"):
        return fault("The secret is encrypted with aws/secretsmanager.")
    return verdict(not given["kmsKeyArns"] or key in given["kmsKeyArns"], "The secret is encrypted with another key than the given ones.")


async def _secrets(surveyor: Surveyor) -> list[dict[str, Any]]:
    return await surveyor.reader.all("secretsmanager:ListSecrets")


async def _secrets_rotated(surveyor: Surveyor, given: Given) -> list[Judged]:
    days = given["maxDaysSinceRotation"] or 90
    since = surveyor.call.now() - days * DAY_S
    return [
        Judged(
            "AWS::SecretsManager::Secret",
            each["ARN"],
            verdict(each.get("LastRotatedDate", 0.0) >= since, f"The secret was not rotated in the last {days} days."),
        )
        for each in await _secrets(surveyor)
    ]


async def _secrets_used(surveyor: Surveyor, given: Given) -> list[Judged]:
    days = given["unusedForDays"] or 90
    # The day of the last use is known, and no more of it.
    since = surveyor.call.now() - days * DAY_S - DAY_S
    return [
        Judged(
            "AWS::SecretsManager::Secret", each["ARN"],
            verdict(max(each.get("LastAccessedDate", 0.0), each["CreatedDate"]) >= since, f"The secret was not used in the last {days} days."),
        )
        for each in await _secrets(surveyor)
    ]  # fmt: skip


# Streams, alarms, APIs, certificates, log groups -----------------------------------------------------


def _stream_kept(call: Call, item: Item, given: Given) -> Verdict:
    hours = int(given["minimumBackupRetentionPeriod"] or 168)
    return verdict(item.configuration["RetentionPeriodHours"] >= hours, f"The stream keeps its records for less than {hours} hours.")


def _stream_encrypted(call: Call, item: Item, given: Given) -> Verdict:
    return verdict("StreamEncryption" in item.configuration, "The stream is not encrypted at rest.")


_STATES = {"alarmActionRequired": "alarmActions", "insufficientDataActionRequired": "insufficientDataActions", "okActionRequired": "okactions"}


def _alarm_acts(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    for parameter, member in _STATES.items():
        if given[parameter].lower() == "true" and not said.get(member):
            return fault(f"The alarm has no {member}.")
    wanted = {given[f"action{n}"] for n in range(1, 6)} - {None}
    actions = {each for member in _STATES.values() for each in said.get(member) or ()}
    return verdict(not wanted or bool(wanted & actions), "None of the alarm's actions is a given one.")


def _alarm_enabled(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(item.configuration.get("actionsEnabled", True), "The alarm's actions are not enabled.")


def _alarm_set(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    if said.get("metricName") != given["metricName"]:
        return OUTSIDE
    members = ("threshold", "evaluationPeriods", "period", "comparisonOperator", "statistic")
    differing = [name for name in members if given[name] is not None and said.get(name) != given[name]]
    return verdict(not differing, f"The alarm's settings are not as given: {', '.join(differing)}.")


def _stage_traced(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(item.configuration.get("tracingEnabled")), "X-Ray tracing is not enabled for the stage.")


def _stage_logs(call: Call, item: Item, given: Given) -> Verdict:
    """All methods must log, so that their default must, and each that is set by itself."""
    levels, settings = csv(given["loggingLevel"]), item.configuration.get("methodSettings") or {}
    is_so = "*/*" in settings and all(each.get("loggingLevel") in levels for each in settings.values())
    return verdict(is_so, "Logging is not enabled for all methods of the stage.")


def _stage_caches(call: Call, item: Item, given: Given) -> Verdict:
    settings = item.configuration.get("methodSettings") or {}
    is_so = "*/*" in settings and all(each.get("cachingEnabled") and each.get("cacheDataEncrypted") for each in settings.values())
    return verdict(bool(item.configuration.get("cacheClusterEnabled")) and is_so, "Not all methods of the stage have a cache that is encrypted.")


def _stage_certified(call: Call, item: Item, given: Given) -> Verdict:
    id_ = item.configuration.get("clientCertificateId")
    return verdict(
        bool(id_) and (not given["CertificateIDs"] or id_ in given["CertificateIDs"]),
        "The stage has no client certificate, or another one than is given.",
    )


def _api_kind(call: Call, item: Item, given: Given) -> Verdict:
    kinds = (item.configuration.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
    return verdict(set(kinds) <= set(csv(given["endpointConfigurationTypes"])), f"The API's endpoint is of the type {', '.join(kinds)}.")


def _certificate_lasts(call: Call, item: Item, given: Given) -> Verdict:
    text = item.configuration.get("notAfter")
    if text is None:
        return OUTSIDE
    days = given["daysToExpiration"]
    return verdict(timestamps.parsed(text) - call.now() > days * DAY_S, f"The certificate expires within {days} days.")


def _certificate_long(call: Call, item: Item, given: Given) -> Verdict:
    algorithm = (item.configuration.get("keyAlgorithm") or "").replace("-", "_")
    if not algorithm.startswith("RSA_"):
        return OUTSIDE
    return verdict(int(algorithm.removeprefix("RSA_")) >= 2_048, "The key of the certificate is shorter than 2048 bits.")


async def _groups_encrypted(surveyor: Surveyor, given: Given) -> list[Judged]:
    key = given["KmsKeyId"]
    return [
        Judged(
            "AWS::Logs::LogGroup",
            each["logGroupName"],
            verdict(
                bool(each.get("kmsKeyId")) and key in (None, each["kmsKeyId"]),
                "The log group is not encrypted with AWS KMS, or with another key than the given one.",
            ),
        )
        for each in await surveyor.reader.all("logs:DescribeLogGroups")
    ]


async def _groups_kept(surveyor: Surveyor, given: Given) -> list[Judged]:
    """What never expires is kept long enough."""
    names, days = given["LogGroupNames"], given["MinRetentionTime"] or 365
    return [
        Judged(
            "AWS::Logs::LogGroup",
            each["logGroupName"],
            verdict(each.get("retentionInDays", days) >= days, f"The log group is kept for less than {days} days."),
        )
        for each in await surveyor.reader.all("logs:DescribeLogGroups")
        if not names or each["logGroupName"] in names
    ]


# Tags ----------------------------------------------------------------------------------------------


def _tagged(call: Call, item: Item, given: Given) -> Verdict:
    for n in range(1, 7):
        key, values = given[f"tag{n}Key"], given[f"tag{n}Value"]
        if key is not None and (key not in item.tags or (values and item.tags[key] not in values)):
            return fault(f"The resource lacks the tag {key}, or has another value of it than a given one.")
    return FINE


CHECKS: dict[str, Check] = {
    "DYNAMODB_PITR_ENABLED": _restorable,
    "DYNAMODB_TABLE_ENCRYPTED_KMS": _table_by_kms,
    "DYNAMODB_TABLE_ENCRYPTION_ENABLED": _table_encrypted,
    "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED": _function_private,
    "LAMBDA_DLQ_CHECK": _function_buried,
    "LAMBDA_CONCURRENCY_CHECK": _function_limited,
    "LAMBDA_FUNCTION_SETTINGS_CHECK": _function_set,
    "SNS_ENCRYPTED_KMS": _topic_by_kms,
    "SNS_TOPIC_MESSAGE_DELIVERY_NOTIFICATION_ENABLED": _topic_feedback,
    "SECRETSMANAGER_ROTATION_ENABLED_CHECK": _secret_rotates,
    "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK": _secret_rotated_in_time,
    "SECRETSMANAGER_USING_CMK": _secret_by_customer,
    "SNS_TOPIC_NO_PUBLIC_ACCESS": _topic_private,
    "DYNAMODB_TABLE_DELETION_PROTECTION_ENABLED": _table_kept,
    "KINESIS_STREAM_ENCRYPTED": _stream_encrypted,
    "KINESIS_STREAM_BACKUP_RETENTION_CHECK": _stream_kept,
    "CLOUDWATCH_ALARM_ACTION_CHECK": _alarm_acts,
    "CLOUDWATCH_ALARM_ACTION_ENABLED_CHECK": _alarm_enabled,
    "CLOUDWATCH_ALARM_SETTINGS_CHECK": _alarm_set,
    "API_GW_XRAY_ENABLED": _stage_traced,
    "API_GW_EXECUTION_LOGGING_ENABLED": _stage_logs,
    "API_GW_CACHE_ENABLED_AND_ENCRYPTED": _stage_caches,
    "API_GW_SSL_ENABLED": _stage_certified,
    "API_GW_ENDPOINT_TYPE_CHECK": _api_kind,
    "ACM_CERTIFICATE_EXPIRATION_CHECK": _certificate_lasts,
    "ACM_CERTIFICATE_RSA_CHECK": _certificate_long,
    "REQUIRED_TAGS": _tagged,
}

SURVEYS: dict[str, Survey] = {
    "DYNAMODB_AUTOSCALING_ENABLED": _tables_scaled,
    "DYNAMODB_THROUGHPUT_LIMIT_CHECK": _throughput,
    "CMK_BACKING_KEY_ROTATION_ENABLED": _keys_rotated,
    "KMS_CMK_NOT_SCHEDULED_FOR_DELETION": _keys_kept,
    "SECRETSMANAGER_SECRET_PERIODIC_ROTATION": _secrets_rotated,
    "SECRETSMANAGER_SECRET_UNUSED": _secrets_used,
    "CLOUDWATCH_LOG_GROUP_ENCRYPTED": _groups_encrypted,
    "CW_LOGGROUP_RETENTION_PERIOD_CHECK": _groups_kept,
}
