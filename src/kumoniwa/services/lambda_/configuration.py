"""What may be configured: the runtimes, limits and texts behind CreateFunction and UpdateFunctionConfiguration."""

from __future__ import annotations

import os
from typing import Any

from kumoniwa.engines.lambda_runtime import runtimes
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.services.lambda_ import durable_config, vpc
from kumoniwa.services.lambda_.destination import ACTIONS, check_role_may, is_fifo
from kumoniwa.services.lambda_.errors import ForeignRole, InvalidParameterValueException
from kumoniwa.services.lambda_.function import Version, text_of_variables
from kumoniwa.services.lambda_.layer import chosen
from kumoniwa.services.lambda_.name import LATEST, arn
from kumoniwa.services.lambda_.sandbox import SERVICE

ACCEPTED = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.15", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "nodejs26.x", "java25",
    "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby4.0", "ruby3.2", "python3.8", "python3.9", "java17.al2023", "java17",
    "nodejs16.x", "dotnet10", "dotnet8", "java8.al2023", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2", "java11.al2023",
)  # fmt: skip
"""Runtimes AWS accepts for new functions, in the order its refusal lists them: as cdk-preflight saw it of layers in September 2026."""

WITHDRAWN = (
    "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "java8",
    "python2.7", "python3.6", "python3.7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "ruby2.5",
    "ruby2.7", "provided",
)  # fmt: skip
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated

VARIABLES_BYTES_MAX = 4096
MEMORY_MB_MAX, TIMEOUT_S_MAX = 10_240, 900
"""The model allows more, which is for others than these functions: as cdk-preflight saw it of AWS (pf-lambda-memory-max, -timeout-max)."""

RESERVED_VARIABLES = frozenset(
    ["_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"]
)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime


def check_runtime(runtime: str) -> None:
    if runtime in WITHDRAWN:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in ACCEPTED:
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(ACCEPTED)}] or be a valid ARN"
        )
    if (refusal := runtimes.refusal_of(runtime)) is not None:
        raise NotImplementedHere(refusal)


def check_role(call: Call, name: str, role: str) -> None:
    """The caller must be allowed to hand the role on, and the role must trust Lambda."""
    is_enforced = call.home.settings.iam == "enforce"
    parsed = arns.parse(role)
    if is_enforced and (parsed is None or parsed.account != call.account):
        raise ForeignRole
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    if not is_enforced:
        return
    try:
        call.assuming(role, SERVICE, "lambda", **{"aws:SourceArn": arn(call, name)})
    except AwsError as error:
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.", hint=error.hint)


def variables_of(environment: dict[str, Any]) -> dict[str, str]:
    variables = environment.get("Variables") or {}
    if reserved := [name for name in variables if name in RESERVED_VARIABLES]:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have provided "
            "contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    # Until 2025 the refusal told the variables themselves; this is as cdk-preflight saw it of AWS in September 2026 (pf-lambda-env-size).
    text = text_of_variables(variables)
    if len(text.encode()) > VARIABLES_BYTES_MAX:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have provided "
            f"exceeded the 4KB limit. Measured size: {len(text.encode())} bytes"
        )
    return variables


def _checked_dead_letter(call: Call, role: str, target: str) -> str:
    """As cdk-preflight saw it of AWS (pf-lambda-dlq-…), which asks for the region first; that of FIFO topics it saw of queues alone."""
    if target:
        named = arns.parse(target) or arns.Arn("", "", "", "", "")
        why = ""
        if named.region != call.region:
            why = "The resource specified by the TargetArn must be in the same region as the Lambda function it's associated with."
        elif named.service not in ("sqs", "sns"):
            why = "The service specified by the TargetArn is not supported for dead letter configuration."
        elif is_fifo(named):
            kind = "SQS queue" if named.service == "sqs" else "SNS topic"
            why = f"FIFO {kind} is not supported for dead letter configuration"
        if why:
            raise InvalidParameterValueException(f"Invalid dead letter queue ARN: {why}")
        action, words = ACTIONS[named.service]
        check_role_may(call, role, action, target, f"The provided execution role does not have permissions to call {words}")
    return target


def _logging(held: Version | None, config: dict[str, str]) -> dict[str, str]:
    """What is not said stays; levels begin as INFO with JSON, and end with it (recorded: TestLoggingConfig)."""
    log_format = config.get("LogFormat") or (held.log_format if held is not None else "Text")
    said = {"log_format": log_format}
    if config.get("LogGroup"):
        if config["LogGroup"].lower().startswith("aws/"):
            # As cdk-preflight saw it of AWS (pf-lambda-loggroup-no-aws-prefix).
            raise InvalidParameterValueException("Log groups starting with AWS/ are reserved for AWS. Update the LogGroup value and try again.")
        said["log_group"] = config["LogGroup"]
    for member, field in (("ApplicationLogLevel", "application_log_level"), ("SystemLogLevel", "system_log_level")):
        level = config.get(member)
        if level and log_format == "Text":
            # As cdk-preflight saw it of AWS (pf-lambda-loglevel-requires-json).
            raise InvalidParameterValueException(
                'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the '
                'LogFormat to "JSON" and try again.'
            )
        before = getattr(held, field) if held is not None else ""
        said[field] = "" if log_format == "Text" else level or before or "INFO"
    return said


def check_snap_start(held: Version | None, said: dict[str, Any]) -> None:
    """Of what a request says and what stays as it is.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes"""

    def counting(name: str, default: Any) -> Any:
        value = said.get(name)
        return value if value is not None else getattr(held, name, default)

    if not counting("snaps_start", False):
        return
    runtime = counting("runtime", "")
    if not runtimes.has_snap_start(runtime):
        # Reported: https://github.com/localstack/localstack/pull/12458.
        raise InvalidParameterValueException(f"{runtime} is not supported for SnapStart enabled functions.")
    if counting("storage_mb", 512) > 512:
        # That it is refused is documented; the words were found nowhere.
        raise InvalidParameterValueException("SnapStart does not support ephemeral storage greater than 512 MB.")
    if not hasattr(os, "pidfd_open"):
        raise NotImplementedHere("SnapStart of Lambda functions on a system other than Linux")


def _check_limits(timeout_s: int | None, memory_mb: int | None) -> None:
    if timeout_s is not None and timeout_s > TIMEOUT_S_MAX:
        raise ValidationException(
            f"1 validation error detected: Value '{timeout_s}' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to "
            f"{TIMEOUT_S_MAX}"
        )
    if memory_mb is not None and memory_mb > MEMORY_MB_MAX:
        raise ValidationException(f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {MEMORY_MB_MAX}")


def settings(
    call: Call,
    name: str,
    *,
    role: str,
    Role: str | None,
    Runtime: str | None,
    Handler: str | None,
    Description: str | None,
    Timeout: int | None,
    MemorySize: int | None,
    Environment: dict[str, Any] | None,
    EphemeralStorage: dict[str, Any] | None,
    DeadLetterConfig: dict[str, Any] | None,
    LoggingConfig: dict[str, Any] | None,
    TracingConfig: dict[str, Any] | None,
    VpcConfig: dict[str, Any] | None,
    SnapStart: dict[str, Any] | None,
    Layers: list[str] | None,
    FileSystemConfigs: list[dict[str, str]] | None,
    DurableConfig: dict[str, Any] | None,
) -> dict[str, Any]:
    """The fields of a ``Version`` that a request sets, checked, but for its VPC, which takes asking EC2. ``role`` is the one that will count."""
    vpc.check(VpcConfig)
    if FileSystemConfigs:
        raise NotImplementedHere("Lambda functions with a file system (lambda FileSystemConfigs)")
    _check_limits(Timeout, MemorySize)
    said: dict[str, Any] = {
        "role": Role,
        "runtime": Runtime,
        "handler": Handler,
        "description": Description,
        "timeout_s": Timeout,
        "memory_mb": MemorySize,
    }
    if Runtime is not None:
        check_runtime(Runtime)
    if Role is not None:
        check_role(call, name, Role)
    if Environment is not None:
        said["variables"] = variables_of(Environment)
    if EphemeralStorage is not None:
        said["storage_mb"] = EphemeralStorage["Size"]
    if SnapStart is not None:
        said["snaps_start"] = SnapStart.get("ApplyOn") == "PublishedVersions"
    check_snap_start(call.shelf(Version).get(f"{name}:{LATEST}"), said)
    if Layers is not None:
        said["layers"] = chosen(call, Layers)
    if DeadLetterConfig is not None:
        said["dead_letter"] = _checked_dead_letter(call, role, DeadLetterConfig.get("TargetArn") or "")
    if TracingConfig is not None and "Mode" in TracingConfig:
        said["is_traced"] = TracingConfig["Mode"] == "Active"
        if said["is_traced"]:
            refusal = "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
            check_role_may(call, role, "xray:PutTraceSegments", "*", refusal)
    held = call.shelf(Version).get(f"{name}:{LATEST}")
    if made_durable := durable_config.settings(held, DurableConfig, said, LoggingConfig):
        said |= made_durable
        LoggingConfig = durable_config.JSON | (LoggingConfig or {})
    if LoggingConfig is not None:
        said |= _logging(held, LoggingConfig)
    return {name: value for name, value in said.items() if value is not None}
