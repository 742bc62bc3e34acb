"""The actions of FIS: what each is aimed at, what it takes, and the faults that it is made of here.

https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html. An action that AWS has and that is not here is refused
by name. Where AWS injects API errors into EC2 and Kinesis alone, every service that lives here may be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.aws import models
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.operation import service_names

MINUTE_S, HALF_DAY_S = 60, 43_200
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")

Asked = dict[str, Any]
"""A fault as the admin door takes it, without its duration."""


class ValidationException(AwsError):
    status = 400


class Parameter(NamedTuple):
    says: str
    is_required: bool = False


class Action(NamedTuple):
    says: str
    target: tuple[str, str] | None
    """Its key in the action, and the resource type."""
    parameters: dict[str, Parameter]
    faults: Callable[[str, dict[str, str], list[str]], list[Asked]]
    """(region, parameters, ARNs) → what is injected."""
    permission: str = ""
    """What the experiment's role must be allowed to do to each target."""


DURATION = Parameter("The duration, from one minute to 12 hours, as ISO 8601.", True)
_SHARE = Parameter("The percentage (1-100) of calls to inject the fault into.")


def seconds(text: str) -> int:
    """``PT5M`` in seconds. Raises ValidationException."""
    found = _DURATION.fullmatch(text)
    length = sum(int(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1))) if found else 0
    if not MINUTE_S <= length <= HALF_DAY_S:
        raise ValidationException(f"The duration {text} must be an ISO 8601 duration between PT1M and PT12H.", hint="For example PT5M.")
    return length


def _percent(params: dict[str, str], name: str) -> float:
    text = params.get(name, "100")
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise ValidationException(f"The value {text} of the parameter {name} must be a number from 1 to 100.")
    return int(text)


def _number(params: dict[str, str], name: str, default: str, most: int) -> int:
    text = params.get(name, default)
    if not text.isdigit() or int(text) > most:
        raise ValidationException(f"The value {text} of the parameter {name} must be a number from 0 to {most}.")
    return int(text)


def _flag(params: dict[str, str], name: str) -> bool:
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ValidationException(f"The value {text} of the parameter {name} must be true or false.")
    return text == "true"


# API errors ----------------------------------------------------------------------------------------


def _aimed(region: str, params: dict[str, str], roles: list[str]) -> Asked:
    service = params["service"]
    if service not in models.service_names():
        raise ValidationException(f"The value {service} of the parameter service is not valid.")
    if service not in service_names():
        raise NotImplementedHere(f"the service {service}, into which FIS would inject errors")
    operations = [name.strip() for name in params["operations"].split(",")]
    known = models.service(service).operation_names
    for name in operations:
        if name not in known:
            raise ValidationException(f"The value {name} of the parameter operations is no operation of {service}.")
    return {"target": {"region": region, "service": service, "operations": operations, "role": roles}, "percent": _percent(params, "percentage")}


def _error_code(service: str, status: int, otherwise: str) -> str:
    """The service's own word for its failure, if its model has one."""
    known = models.service(service).errors.values()
    return next((error.code for error in known if error.status == status), otherwise)


def _internal_error(region: str, params: dict[str, str], roles: list[str]) -> list[Asked]:
    aimed = _aimed(region, params, roles)
    return [{"fault": "service.error", "code": _error_code(params["service"], 500, "InternalError"), **aimed}]


def _unavailable(region: str, params: dict[str, str], roles: list[str]) -> list[Asked]:
    aimed = _aimed(region, params, roles)
    return [{"fault": "service.error", "code": _error_code(params["service"], 503, "ServiceUnavailable"), **aimed}]


def _throttled(region: str, params: dict[str, str], roles: list[str]) -> list[Asked]:
    return [{"fault": "service.throttle", **_aimed(region, params, roles)}]


# Functions -----------------------------------------------------------------------------------------


def _named(arns: list[str]) -> list[str]:
    return [arn.split(":function:")[-1].partition(":")[0] for arn in arns]


def _slow_function(region: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    delay_ms = _number(params, "startupDelayMilliseconds", "2000", 900_000)
    return [
        {
            "fault": "lambda.delay",
            "target": {"region": region, "function": _named(arns)},
            "ms": delay_ms,
            "percent": _percent(params, "invocationPercentage"),
        }
    ]


def _failing_function(region: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    target = {"region": region, "function": _named(arns)}
    return [
        {
            "fault": "lambda.error",
            "target": target,
            "prevent_execution": _flag(params, "preventExecution"),
            "percent": _percent(params, "invocationPercentage"),
        }
    ]


def _answering_function(region: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    status = _number(params, "statusCode", "", 599)
    target = {"region": region, "function": _named(arns)}
    return [{
        "fault": "lambda.http-response", "target": target, "status_code": status, "content_type": params["contentTypeHeader"],
        "prevent_execution": _flag(params, "preventExecution"), "percent": _percent(params, "invocationPercentage"),
    }]  # fmt: skip


# Replication ---------------------------------------------------------------------------------------


def _apart_tables(region: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    """To this region's replicas and from them."""
    tables = [arn.rpartition("/")[2] for arn in arns]
    return [
        {"fault": "replication.pause", "target": {"region": region, "table": tables}},
        {"fault": "replication.pause", "target": {"table": tables, "to": region}},
    ]


def _apart_buckets(region: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    for name in ("destinationBuckets", "prefixes"):
        if name in params:
            raise NotImplementedHere(f"the parameter {name} of aws:s3:bucket-pause-replication")
    buckets = [arn.rpartition(":")[2] for arn in arns]
    return [{"fault": "replication.pause", "target": {"region": region, "bucket": buckets, "to": params["region"]}}]


_API_ERROR = {
    "duration": DURATION,
    "service": Parameter("The target AWS API namespace.", True),
    "percentage": Parameter("The percentage (1-100) of calls to inject the fault into.", True),
    "operations": Parameter("The operations to inject the fault into, separated using commas.", True),
}
_ROLES = ("Roles", "aws:iam:role")
_FUNCTIONS = ("Functions", "aws:lambda:function")
_INVOCATION = {"duration": DURATION, "invocationPercentage": _SHARE}

ACTIONS: dict[str, Action] = {
    "aws:dynamodb:global-table-pause-replication": Action(
        "Pause data replication for the target global table.", ("Tables", "aws:dynamodb:global-table"), {"duration": DURATION},
        _apart_tables, "dynamodb:DescribeTable"
    ),
    "aws:fis:inject-api-internal-error": Action("Cause an internal error for requests from the target role.", _ROLES, _API_ERROR, _internal_error, "fis:InjectApiInternalError"),
    "aws:fis:inject-api-throttle-error": Action("Throttle requests from the target role.", _ROLES, _API_ERROR, _throttled, "fis:InjectApiThrottleError"),
    "aws:fis:inject-api-unavailable-error": Action("Cause an unavailable error for requests from the target role.", _ROLES, _API_ERROR, _unavailable, "fis:InjectApiUnavailableError"),
    "aws:fis:wait": Action("Wait for the specified time duration.", None, {"duration": DURATION}, lambda region, params, arns: []),
    "aws:lambda:invocation-add-delay": Action(
        "Delay the start of a function.", _FUNCTIONS,
        {**_INVOCATION, "startupDelayMilliseconds": Parameter("The delay between the invocation and the start of the function code, in milliseconds.")},
        _slow_function, "lambda:GetFunction",
    ),
    "aws:lambda:invocation-error": Action(
        "Mark a function's invocation as failed.", _FUNCTIONS, {**_INVOCATION, "preventExecution": Parameter("If true, the function is not run.")},
        _failing_function, "lambda:GetFunction",
    ),
    "aws:lambda:invocation-http-integration-response": Action(
        "Replace a function's response to an HTTP integration.", _FUNCTIONS,
        {
            **_INVOCATION, "contentTypeHeader": Parameter("The value of the HTTP content type header.", True),
            "statusCode": Parameter("The HTTP status code, 000-999.", True), "preventExecution": Parameter("If true, the function is not run."),
        },
        _answering_function, "lambda:GetFunction",
    ),
    "aws:s3:bucket-pause-replication": Action(
        "Pause replication of the target bucket.", ("Buckets", "aws:s3:bucket"),
        {
            "duration": DURATION, "region": Parameter("The AWS Region where the destination buckets are located.", True),
            "destinationBuckets": Parameter("A comma-separated list of destination S3 buckets."),
            "prefixes": Parameter("A comma-separated list of prefixes."),
        },
        _apart_buckets, "s3:PauseReplication",
    ),
}  # fmt: skip

ELSEWHERE = frozenset(
    f"aws:{name}"
    for name in ["arc:start-zonal-autoshift", "cloudwatch:assert-alarm-state", "directconnect:virtual-interface-disconnect", "dsql:cluster-connection-failure", "ebs:pause-volume-io", "ebs:volume-io-latency", "ec2:api-insufficient-instance-capacity-error", "ec2:asg-insufficient-instance-capacity-error", "ec2:reboot-instances", "ec2:send-spot-instance-interruptions", "ec2:stop-instances", "ec2:terminate-instances", "ecs:drain-container-instances", "ecs:stop-task", "ecs:task-cpu-stress", "ecs:task-io-stress", "ecs:task-kill-process", "ecs:task-network-blackhole-port", "ecs:task-network-latency", "ecs:task-network-packet-loss", "eks:inject-kubernetes-custom-resource", "eks:pod-cpu-stress", "eks:pod-delete", "eks:pod-io-stress", "eks:pod-memory-stress", "eks:pod-network-blackhole-port", "eks:pod-network-latency", "eks:pod-network-packet-loss", "eks:terminate-nodegroup-instances", "elasticache:replicationgroup-interrupt-az-power", "kinesis:stream-expired-iterator-exception", "kinesis:stream-provisioned-throughput-exception", "memorydb:multi-region-cluster-pause-replication", "network:disrupt-connectivity", "network:disrupt-vpc-endpoint", "network:route-table-disrupt-cross-region-connectivity", "network:transit-gateway-disrupt-cross-region-connectivity", "rds:failover-db-cluster", "rds:reboot-db-instances", "ssm:send-command", "ssm:start-automation-execution"]
)
"""What AWS has and is not here."""

TYPES = {
    "aws:dynamodb:global-table": "An Amazon DynamoDB global table.",
    "aws:iam:role": "An IAM role.",
    "aws:lambda:function": "An AWS Lambda function.",
    "aws:s3:bucket": "An Amazon S3 bucket.",
}


def action(action_id: str) -> Action:
    """The action of that id. Raises ValidationException, NotImplementedHere."""
    if action_id in ELSEWHERE:
        raise NotImplementedHere(f"the FIS action {action_id}")
    if action_id not in ACTIONS:
        raise ValidationException(f"The action ID {action_id} is not valid.", hint=f"There are: {', '.join(ACTIONS)}.")
    return ACTIONS[action_id]


def faults_of(region: str, action_id: str, params: dict[str, str], arns: list[str]) -> list[Asked]:
    """What an action injects, with its duration. Raises ValidationException, NotImplementedHere."""
    known = action(action_id)
    for name in params:
        if name not in known.parameters:
            raise ValidationException(
                f"The parameter {name} is not valid for the action {action_id}.", hint=f"It takes {', '.join(known.parameters)}."
            )
    for name, parameter in known.parameters.items():
        if parameter.is_required and name not in params:
            raise ValidationException(f"The action {action_id} requires the parameter {name}.")
    duration_s = seconds(params["duration"])
    return [{**fault, "duration": duration_s} for fault in known.faults(region, params, arns)]
