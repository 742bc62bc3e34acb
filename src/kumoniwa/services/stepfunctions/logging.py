"""Execution logs: events of the history as lines of a log group, as far as the state machine's level asks for them.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html; the form of a line was recorded (logs/test_logs).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import orjson

from kumoniwa.gate import log_delivery
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import OPEN, Lock
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions.encryption import SERVICE, Encryption
from kumoniwa.services.stepfunctions.errors import AccessDeniedException, InvalidLoggingConfiguration
from kumoniwa.services.stepfunctions.execution import Event, Execution

LINES_AT_ONCE = 200
AGAIN_S = 60.0
TRIED_MAX = 10
FIRST_STREAM = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions"
FIRST_LINE = "Permissions are set correctly to allow AWS CloudWatch Logs to write into your logs while creating a subscription."
"""Both as readers of such groups see them; localstack's test_log_group_with_multiple_runs, recorded, waits for the stream."""

_GROUP = re.compile(r"arn:[\w-]+:logs:([\w-]+):(\d{12}):log-group:([^:]+):\*\Z")
_DATA = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables", "assignedVariablesDetails"})
_FATAL = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
_ERROR = re.compile(r"FailStateEntered|EvaluationFailed|\w+(?:Failed|TimedOut|Aborted)\Z")


class Lines(NamedTuple):
    """What waits to be written; what is sealed tells whose it is."""

    group: str
    stream: str
    lines: bytes
    machine: str = ""
    role: str = ""
    encryption: Encryption | None = None


_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Lines).decode


def _wrong_with(arn: str) -> str:
    """As cdk-preflight (pf-sfn-logging-destination) and https://github.com/hashicorp/terraform-provider-aws/issues/17682 saw it of AWS."""
    if not arn:
        return "Must set valid CloudWatch Log Group ARN."
    if not _GROUP.match(arn.removesuffix(":*") + ":*"):
        return "Provided ARN is not CloudWatch Logs Log Group ARN."
    return "Log Group ARN must be provided with '*' qualifier."


_RESOURCE = re.compile(r"[0-9A-Za-z.\/\-_:]+")


def read(call: Call, configuration: dict[str, Any] | None, role: str, machine: str) -> dict[str, Any]:
    """A configuration of a machine, which its ARN names, as it is kept, empty if there is none. Raises InvalidLoggingConfiguration,
    AccessDeniedException."""
    level = (configuration or {}).get("level", "OFF")
    if level == "OFF":
        # What is switched off is told as it was written (recorded: test_logging_configuration[OFF-True]).
        return {"level": level, **configuration} if configuration else {}
    destinations = configuration.get("destinations") or []
    if len(destinations) != 1:
        raise InvalidLoggingConfiguration("Invalid Logging Configuration: Must specify exactly one Log Destination.")
    arn = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    if not _GROUP.match(arn):
        raise InvalidLoggingConfiguration(f"Invalid Logging Configuration: {_wrong_with(arn)}")
    if not _RESOURCE.fullmatch(machine):
        # As cdk-preflight saw it of AWS: pf-sfn-logging-name-ascii.
        raise InvalidLoggingConfiguration(
            f"Invalid Logging Configuration: 1 validation error detected: Value '{machine}' at 'resourceId' failed to satisfy constraint: Member must "
            rf"satisfy regular expression pattern: ^{_RESOURCE.pattern}$"
        )
    try:
        call.assuming(role, SERVICE, "stepfunctions").require("logs:CreateLogDelivery", "*")
    except AwsError as error:
        raise AccessDeniedException("The state machine IAM Role is not authorized to access the Log Destination", hint=error.hint)
    return {"level": level, "data": bool(configuration.get("includeExecutionData")), "group": arn}


async def prove(call: Call, kept: dict[str, Any]) -> None:
    """See that the group is there that is to be logged to. Raises InvalidLoggingConfiguration (recorded: test_deleted_log_group).

    No source tells how AWS refuses a group of another region or account; here it is none that could be found."""
    if not acting(kept):
        return
    region, account, group = _GROUP.match(kept["group"]).groups()
    owner = call.by_owner()
    found = (await owner.ask("logs:DescribeLogGroups", logGroupNamePrefix=group))["logGroups"]
    if (region, account) != (call.region, call.account) or group not in [each["logGroupName"] for each in found]:
        raise InvalidLoggingConfiguration("Invalid Logging Configuration: Log Destination not found.")


def acting(kept: dict[str, Any]) -> dict[str, Any]:
    """What an execution logs by; empty if nothing is logged."""
    return kept if "group" in kept else {}


def shown(kept: dict[str, Any]) -> dict[str, Any]:
    if not acting(kept):
        return {"level": "OFF", "includeExecutionData": False, **kept}
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": kept["group"]}}
    return {"level": kept["level"], "includeExecutionData": kept["data"], "destinations": [destination]}


def introduce(call: Call, kept: dict[str, Any], before: dict[str, Any]) -> None:
    """Leave in a group to which logs have not gone ``before`` the stream with which AWS finds out whether it may write there."""
    if acting(kept) and kept["group"] != before.get("group"):
        line = {"timestamp": milliseconds(call.now()), "message": FIRST_LINE}
        OUTBOX.put(call, _encode(Lines(kept["group"], FIRST_STREAM, orjson.dumps([line]))), lane=kept["group"])


def _is_wanted(level: str, type_: str) -> bool:
    return level == "ALL" or type_ in _FATAL or (level == "ERROR" and _ERROR.match(type_) is not None)


def put(call: Call, execution: Execution, first: int, events: list[Event], lock: Lock) -> None:
    """Promise the lines of new events."""
    kept = execution.logging
    lines = []
    for number, event in enumerate(events, first):
        if not _is_wanted(kept["level"], event.type):
            continue
        details = event.details or {}
        if not kept["data"]:
            details = {name: value for name, value in details.items() if name not in _DATA}
        line = {
            "id": str(number), "type": event.type, "details": details, "previous_event_id": str(event.previous),
            "event_timestamp": str(milliseconds(event.at)), "execution_arn": execution.arn, "redrive_count": str(execution.redrives),
        }  # fmt: skip
        lines.append({"timestamp": milliseconds(event.at), "message": orjson.dumps(line).decode()})
    minute = datetime.fromtimestamp(execution.started, UTC).strftime("%Y-%m-%d-%H-%M")
    for at in range(0, len(lines), LINES_AT_ONCE):
        told = Lines(kept["group"], f"states/{execution.machine_name}/{minute}/0", lock.shut(orjson.dumps(lines[at : at + LINES_AT_ONCE])))
        if lock is not OPEN:
            told = told._replace(machine=execution.machine, role=execution.role, encryption=execution.encryption)
        OUTBOX.put(call, _encode(told), lane=execution.arn)


async def _opened(call: Call, told: Lines) -> bytes:
    if told.encryption is None:
        return told.lines
    await encryptions.prove_logging(call, told.machine, told.role, told.encryption)
    lock = encryptions.of_role(call, told.machine, told.role, told.encryption)
    return await opening(call, lambda: lock.open(told.lines))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    """Write lines as AWS's own log delivery does. A group that is gone hears nothing."""
    told = _decode(delivery.body)
    region, _, group = _GROUP.match(told.group).groups()
    writer = call.by_owner()
    try:
        lines = orjson.loads(await _opened(call, told))
        await log_delivery.to_group(writer, region, group, told.stream, lines, delivery.token)
    except AwsError as error:
        is_gone = error.code == "ResourceNotFoundException" or delivery.attempts >= TRIED_MAX
        return None if is_gone else AGAIN_S
    return None


OUTBOX = Outbox("stepfunctions", deliver)
