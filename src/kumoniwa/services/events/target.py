"""Targets: where a rule sends its events, with what of them, and what becomes of those that cannot be delivered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.gate import api_destination, execute_api
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages import jsonpath
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import transform
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.rule import Rule, changeable, existing, keep

PLAIN = ("Id", "Arn", "RoleArn", "DeadLetterConfig")
TARGETS_MAX = 5
"""Of one rule (recorded: test_add_exceed_fife_targets_per_rule)."""

OPERATIONS = {
    "sqs": "sqs:SendMessage",
    "lambda": "lambda:Invoke",
    "logs": "logs:PutLogEvents",
    "sns": "sns:Publish",
    "firehose": "firehose:PutRecord",
    "kinesis": "kinesis:PutRecord",
    "states": "stepfunctions:StartExecution",
    "codepipeline": "codepipeline:StartPipelineExecution",
    "ssm": "ssm:StartAutomationExecution",
}
"""What is asked of the service that an ARN names. An event bus is asked for nothing: it is ours."""
NEEDS_ROLE = frozenset({
    "batch", "codebuild", "codepipeline", "ecs", "events", "firehose", "glue", "inspector", "kinesis", "redshift", "sagemaker", "ssm",
    "ssm-incidents", "states",
})  # fmt: skip
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html#eb-target-permissions

NOT_BUILT = frozenset({
    "batch", "codebuild", "ec2", "ecs", "events", "glue", "imagebuilder", "inspector", "redshift", "redshift-serverless", "sagemaker",
    "ssm-incidents",
})  # fmt: skip
"""Services that AWS has as targets besides: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html"""
OF_SERVICES = {
    "AppSyncParameters": ("appsync",), "BatchParameters": ("batch",), "EcsParameters": ("ecs",), "HttpParameters": ("events", "execute-api"),
    "KinesisParameters": ("kinesis",), "RedshiftDataParameters": ("redshift", "redshift-serverless"), "RunCommandParameters": ("ssm", "ec2"),
    "SageMakerPipelineParameters": ("sagemaker",),
}  # fmt: skip
"""Which services' targets take them, as cdk-preflight saw it of AWS (pf-events-target-parameters-mismatch). Those of SQS any target takes."""
ELSEWHERE = ("EcsParameters", "BatchParameters", "RedshiftDataParameters", "SageMakerPipelineParameters")
_QUOTED = re.compile(r"""\[\s*['"]""")
_GRAPH = re.compile(r"endpoints/graphql-api/[a-z0-9]+")
_RUN_BY_SSM = re.compile(r"automation-definition/[^:/]+(:[^:/]+)?|document/[^:/]+")
_LOG_GROUP = re.compile(r"log-group:[^:*]+(:\*)?")


def PutTargets(call: Call, *, Rule: str, Targets: list[dict[str, Any]], EventBusName: str | None = None) -> dict:
    # What can be seen to be wrong is told before the rule is looked up: moto's test_put_targets_error_…
    for target in Targets:
        _check_form(target)
    seen = set()
    for id_ in (target["Id"] for target in Targets):
        if id_ in seen:
            # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-events-target-id-duplicate).
            raise ValidationException(f"Parameter targets is not valid. Reason: More than one target with Id '{id_}' is provided.")
        seen.add(id_)
    rule = changeable(call, Rule, EventBusName)
    bus = buses.existing(call, EventBusName)
    if bus.key:
        call.confided = tuple(_texts([{name: said for name, said in target.items() if name not in PLAIN} for target in Targets]))
    for target in Targets:
        _check(call, target, rule.name)
    targets = {**rule.targets, **{target["Id"]: target for target in Targets}}
    if len(targets) > TARGETS_MAX:
        raise LimitExceededException
    _put(call, rule, targets)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _texts(value: Any) -> Iterator[str]:
    """What the inputs and parameters of targets say."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _put(call: Call, rule: Rule, targets: dict[str, dict[str, Any]]) -> None:
    keep(call, changed(rule, targets=targets), buses.existing(call, rule.bus))


def _check_form(target: dict[str, Any]) -> None:
    arn = arns.parse(target["Arn"])
    if arn is None or not arn.resource:
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    is_fifo = arn.service == "sqs" and arn.resource.endswith(".fifo")
    missing = ""
    if is_fifo and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        missing = "SqsParameters"
    for service, name in (("ecs", "EcsParameters"), ("batch", "BatchParameters")):
        # As cdk-preflight saw it of AWS: pf-events-target-parameters-required.
        if arn.service == service and not target.get(name):
            missing = name
    if arn.service == "ssm" and arn.resource.startswith("document/") and not target.get("RunCommandParameters"):
        missing = "RunCommandParameters"
    if missing:
        raise ValidationException(f"Parameter(s) {missing} must be specified for target: {target['Id']}.")
    for name, services in OF_SERVICES.items():
        if target.get(name) is not None and arn.service not in services:
            raise ValidationException(f"Parameter(s) {name} not supported for target: {target['Id']}.")


def _check(call: Call, target: dict[str, Any], rule: str) -> None:
    id_ = target["Id"]
    _check_kind(call, target, arns.parse(target["Arn"]), rule)
    for name in ELSEWHERE:
        if name in target:
            raise NotImplementedHere(f"{name} of an EventBridge target")
    if target.get("RoleArn"):
        call.require("iam:PassRole", target["RoleArn"], **{"iam:PassedToService": "events.amazonaws.com"})
    _check_input(target, id_)
    if (dead := (target.get("DeadLetterConfig") or {}).get("Arn")) is not None:
        queue = buses.check_dead(dead)
        if queue.region != call.region:
            # That AWS refuses it was measured, its words were not told (pf-events-target-dlq).
            raise ValidationException(f"Parameter {dead} is not valid. Reason: Arn must be in the region {call.region}.")


def _check_kind(call: Call, target: dict[str, Any], arn: arns.Arn, rule: str) -> None:
    if arn.service == "events" and arn.resource.startswith("event-bus/"):
        # It was seen of buses of the same account; others let in whom their policies let in.
        if arn.account == call.account:
            _check_role(target, arn)
        return
    if _is_http(arn):
        _check_http(call, target, arn)
        return
    if arn.service == "appsync":
        _check_graph(call, target, arn)
        return
    if arn.service in NOT_BUILT:
        _check_role(target, arn)
        raise NotImplementedHere(f"{arn.service} as a target of EventBridge")
    if arn.service not in OPERATIONS:
        # The text as CloudFormation told it: localstack's test_cfn_handle_events_rule.
        raise ValidationException(f"{arn.service} is not a supported service for a target.")
    # Nobody may count on a target whose service does not exist here: what is unknown is refused by name.
    service, _, operation = OPERATIONS[arn.service].partition(":")
    call.home.gate.routes.named(service, operation)
    if arn.region != call.region:
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Arn must be in the region {call.region}.")
    if arn.service == "ssm" and not _RUN_BY_SSM.fullmatch(arn.resource):
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.service == "logs" and not _LOG_GROUP.fullmatch(arn.resource):
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    _check_role(target, arn, rule)


def _check_role(target: dict[str, Any], arn: arns.Arn, rule: str = "") -> None:
    """As cdk-preflight saw it of AWS: pf-events-target-role-required."""
    if arn.service in NEEDS_ROLE and not target.get("RoleArn"):
        if arn.service == "kinesis":
            raise ValidationException(f"Rule {rule} does not have RoleArn assigned to invoke target {target['Arn']}.")
        raise ValidationException(f"RoleArn is required for target {target['Arn']}.")


def _is_http(arn: arns.Arn) -> bool:
    return arn.service == "execute-api" or arn.service == "events" and arn.resource.startswith("api-destination/")


def _check_http(call: Call, target: dict[str, Any], arn: arns.Arn) -> None:
    if arn.region != call.region:
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Arn must be in the region {call.region}.")
    if arn.service == "execute-api" and execute_api.place_of(arn) is None:
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.service == "events" and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
    if arn.service == "events" and api_destination.find(call, target["Arn"]) is None:
        raise ResourceNotFoundException(f"An api-destination '{arn.resource.split('/')[1]}' does not exist.")


def _check_graph(call: Call, target: dict[str, Any], arn: arns.Arn) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/target-appsync.html"""
    if arn.region != call.region:
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Arn must be in the region {call.region}.")
    if not _GRAPH.fullmatch(arn.resource):
        raise ValidationException(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
    if not (target.get("AppSyncParameters") or {}).get("GraphQLOperation"):
        raise ValidationException(f"Parameter(s) AppSyncParameters must be specified for target: {target['Id']}.")


def _check_input(target: dict[str, Any], id_: str) -> None:
    """Texts recorded: test_events_inputs."""
    transformer = target.get("InputTransformer")
    if sum(target.get(name) is not None for name in ("Input", "InputPath", "InputTransformer")) > 1:
        raise ValidationException(f"Only one of Input, InputPath, or InputTransformer must be provided for target {id_}.")
    paths = [target["InputPath"]] if target.get("InputPath") is not None else []
    if target.get("Input") is not None:
        try:
            json.loads(target["Input"])
        except (ValueError, RecursionError):
            raise ValidationException(f"JSON syntax error in input for target {id_}.") from None
    if transformer is not None:
        known = transformer.get("InputPathsMap") or {}
        paths += known.values()
        for name in transform.holes(transformer["InputTemplate"]):
            if name not in known and name not in transform.PREDEFINED:
                raise ValidationException(f"InputTemplate for target {id_} contains invalid placeholder {name}.")
            if name == transform.WHOLE and not transformer["InputTemplate"].lstrip().startswith("{"):
                # As cdk-preflight saw it of AWS: pf-events-input-transformer-json-var.
                raise ValidationException(f"InputTemplate for target {id_} contains placeholder {name} valid only for JSON template.")
        if not transform.is_valid(transformer["InputTemplate"]):
            raise ValidationException(f"Invalid InputTemplate for target {id_} : it is no JSON.")
    for path in paths:
        try:
            jsonpath.compiled(path)
            is_path = path.startswith("$") and not _QUOTED.search(path)
        except jsonpath.InvalidPath:
            is_path = False
        if not is_path:
            # As cdk-preflight saw it of AWS: pf-events-input-path-jsonpath. It told the words for an InputPath alone.
            raise ValidationException(f"InputPath for target {id_} is invalid.")


def RemoveTargets(
    call: Call, *, Rule: str, Ids: list[str], EventBusName: str | None = None, Force: bool | None = None
) -> dict:
    rule = changeable(call, Rule, EventBusName, is_forced=bool(Force))
    _put(call, rule, {id_: target for id_, target in rule.targets.items() if id_ not in Ids})
    failed = [
        {"TargetId": id_, "ErrorCode": ResourceNotFoundException.code, "ErrorMessage": f"Rule {Rule} does not have a target with the Id {id_}."}
        for id_ in Ids
        if id_ not in rule.targets
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def ListTargetsByRule(call: Call, *, Rule: str, EventBusName: str | None = None) -> dict:
    """In the order in which they were put (recorded: test_put_multiple_targets_with_same_arn_single_rule)."""
    return {"Targets": list(existing(call, Rule, EventBusName).targets.values())}
