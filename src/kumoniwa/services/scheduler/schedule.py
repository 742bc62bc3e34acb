"""Schedules: when, what is called then, as whom, and what becomes of the schedule when it is over."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.scheduler import universal
from kumoniwa.services.scheduler.encryption import lock
from kumoniwa.services.scheduler.errors import (
    ConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.scheduler.group import DEFAULT, Group, existing
from kumoniwa.store.rows import Table

SERVICE = "scheduler.amazonaws.com"
DUE = Table(
    "scheduler_due",
    """create table if not exists scheduler_due (schedule text primary key, at real, planned real);
    create index if not exists scheduler_due_at on scheduler_due (at)""",
)
"""When each schedule is called next, and which time of its expression that is for."""
WAITING = ("scheduler", "schedules")
AT_ONCE_S = 0.001
"""So little before an instant is looked for what comes after, where the instant itself counts."""
STARTED_S_MAX = 300

OPERATIONS = {
    "sqs": "sqs:SendMessage",
    "lambda": "lambda:Invoke",
    "sns": "sns:Publish",
    "kinesis": "kinesis:PutRecord",
    "states": "stepfunctions:StartExecution",
    "events": "events:PutEvents",
}
"""What a templated target calls: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html"""
NOT_BUILT = frozenset({"codebuild", "codepipeline", "ecs", "firehose", "inspector", "sagemaker"})
"""Services of other templated targets that AWS has."""
PARAMETERS_OF = {"EventBridgeParameters": "events", "KinesisParameters": "kinesis", "SqsParameters": "sqs"}
NEEDS = {"kinesis": "KinesisParameters", "events": "EventBridgeParameters"}
ELSEWHERE = ("EcsParameters", "SageMakerPipelineParameters", "EventBridgePutEventsV2Parameters", "EventBridgePutRawEventsParameters")


class Schedule(Record):
    """Shelved by ``group/name``."""

    name: str
    group: str
    expression: str
    zone: str
    target: dict[str, Any]
    window: dict[str, Any]
    created: float
    modified: float
    starts: float | None = None
    ends: float | None = None
    description: str | None = None
    state: str = "ENABLED"
    after: str = "NONE"
    token: str = ""
    """With which it was made."""
    kms_key: str = ""
    sealed: bytes = b""
    """The target's input, where there is a key of KMS."""

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def times(self) -> schedule_expression.Schedule:
        return schedule_expression.of_scheduler(schedule_expression.in_full(self.expression), ZoneInfo(self.zone))

    @property
    def flexible_s(self) -> float:
        return 60.0 * self.window.get("MaximumWindowInMinutes", 0) if self.window["Mode"] == "FLEXIBLE" else 0.0


def arn_of(call: Call, schedule: Schedule) -> str:
    return call.arn(f"schedule/{schedule.key}")


def _closed(call: Call, schedule: Schedule) -> Schedule:
    """As it may lie on the disk."""
    if not schedule.kms_key:
        return schedule
    target = {name: value for name, value in schedule.target.items() if name != "Input"}
    sealed = lock(call, arn_of(call, schedule), schedule.kms_key).shut(schedule.target.get("Input", "").encode())
    return changed(schedule, target=target, sealed=sealed)


def _opened(call: Call, schedule: Schedule) -> Schedule:
    """As whoever calls may see it."""
    text = lock(call, arn_of(call, schedule), schedule.kms_key).open(schedule.sealed).decode()
    return changed(schedule, target={**schedule.target, "Input": text}, sealed=b"") if text else schedule


def _held(call: Call, name: str, group: str | None) -> Schedule:
    existing(call, group or DEFAULT)
    found = call.shelf(Schedule).get(f"{group or DEFAULT}/{name}")
    if found is None:
        raise ResourceNotFoundException(f"Schedule {name} does not exist.")
    return found


def CreateSchedule(
    call: Call, *, Name: str, ScheduleExpression: str, Target: dict[str, Any], FlexibleTimeWindow: dict[str, Any],
    GroupName: str | None = None, StartDate: float | None = None, EndDate: float | None = None, Description: str | None = None,
    ScheduleExpressionTimezone: str | None = None, State: str | None = None, ClientToken: str | None = None,
    ActionAfterCompletion: str | None = None, KmsKeyArn: str | None = None,
) -> dict:  # fmt: skip
    """A schedule that exists is refused, unless it is the same and came with the same token: then the request is said again."""
    if KmsKeyArn and "Input" in Target:
        call.confided = (Target["Input"],)
    group = existing(call, GroupName or DEFAULT).name
    made = _checked(
        call, Name, group, ScheduleExpression, ScheduleExpressionTimezone, Target, FlexibleTimeWindow, StartDate, EndDate, Description,
        State, ActionAfterCompletion,
    )  # fmt: skip
    made = changed(made, token=ClientToken or "", kms_key=KmsKeyArn or "")

    def create() -> dict:
        held = call.shelf(Schedule).get(made.key)
        if held is None:
            _keep(call, _closed(call, made), made.created - AT_ONCE_S)
        elif not ClientToken or held.token != ClientToken or _seen(call, _opened(call, held)) != _seen(call, made):
            raise ConflictException(f"Schedule {Name} already exists.")
        return {"ScheduleArn": arn_of(call, made)}

    return lock(call, arn_of(call, made), KmsKeyArn).proving(call, create) if KmsKeyArn else create()


def UpdateSchedule(
    call: Call, *, Name: str, ScheduleExpression: str, Target: dict[str, Any], FlexibleTimeWindow: dict[str, Any],
    GroupName: str | None = None, StartDate: float | None = None, EndDate: float | None = None, Description: str | None = None,
    ScheduleExpressionTimezone: str | None = None, State: str | None = None, ClientToken: str | None = None,
    ActionAfterCompletion: str | None = None, KmsKeyArn: str | None = None,
) -> dict:  # fmt: skip
    """What an update leaves out goes back to its default. To say it again does no harm, with a token or without."""
    if KmsKeyArn and "Input" in Target:
        call.confided = (Target["Input"],)
    held = _held(call, Name, GroupName)
    made = _checked(
        call, Name, held.group, ScheduleExpression, ScheduleExpressionTimezone, Target, FlexibleTimeWindow, StartDate, EndDate, Description,
        State, ActionAfterCompletion, held=held,
    )  # fmt: skip
    made = changed(made, kms_key=KmsKeyArn or "")

    def update() -> dict:
        _keep(call, _closed(call, made), call.now())
        return {"ScheduleArn": arn_of(call, made)}

    return lock(call, arn_of(call, made), KmsKeyArn).proving(call, update) if KmsKeyArn else update()


def _checked(
    call: Call, name: str, group: str, expression: str, zone: str | None, target: dict[str, Any], window: dict[str, Any],
    starts: float | None, ends: float | None, description: str | None, state: str | None, after: str | None, *, held: Schedule | None = None,
) -> Schedule:  # fmt: skip
    now = call.now()
    try:
        times = schedule_expression.of_scheduler(schedule_expression.in_full(expression), ZoneInfo(zone or "UTC"))
    except schedule_expression.InvalidExpression:
        raise ValidationException(f"Invalid Schedule Expression {expression}.") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationException(f"Invalid Time Zone {zone}.") from None
    if window["Mode"] == "FLEXIBLE" and "MaximumWindowInMinutes" not in window:
        raise ValidationException("MaximumWindowInMinutes must be specified for a flexible time window.")
    if window["Mode"] == "OFF" and "MaximumWindowInMinutes" in window:
        raise ValidationException("MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.")
    # The text: https://github.com/getmoto/moto/pull/8172, which says that it is for what recurs. Whether AWS holds an update to it that says
    # an old date again is not documented; here it may.
    is_new = held is None or starts != held.starts
    if starts is not None and is_new and starts < now - STARTED_S_MAX and not isinstance(times, schedule_expression.At):
        raise ValidationException("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if starts is not None and ends is not None and ends <= starts:
        raise ValidationException("The StartDate you specify must come before the EndDate.")
    _check_target(call, target)
    return Schedule(
        name=name, group=group, expression=expression, zone=zone or "UTC", target=target, window=window,
        created=held.created if held else now, modified=now, starts=starts, ends=ends, description=description, state=state or "ENABLED",
        after=after or "NONE",
    )  # fmt: skip


def _check_target(call: Call, target: dict[str, Any]) -> None:
    for name in ELSEWHERE:
        if name in target:
            raise NotImplementedHere(f"{name} of a schedule's target")
    _check_operation(call, target)
    dead = arns.parse((target.get("DeadLetterConfig") or {}).get("Arn") or "arn:aws:sqs:::q")
    if dead is None or dead.service != "sqs" or dead.resource.endswith(".fifo"):
        raise ValidationException("The dead-letter queue must be a standard SQS queue.")
    if dead.region not in ("", call.region):
        # That AWS refuses it: https://github.com/aws/aws-cdk/pull/32032. Its words are not known to us; these are after those for targets.
        raise ValidationException(f"The dead-letter queue ARN provided does not match the current region {call.region}.")
    role = target["RoleArn"]
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    if call.home.settings.iam == "enforce":
        try:
            call.assuming(role, SERVICE, "scheduler")
        except AwsError as error:
            raise ValidationException(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", hint=error.hint
            ) from None


def _check_parameters(target: dict[str, Any], arn: arns.Arn) -> None:
    for name, service in PARAMETERS_OF.items():
        if name in target and service != arn.service:
            raise ValidationException(f"Parameters {name} not supported for the target")
    if arn.service == "sqs":
        is_grouped = bool((target.get("SqsParameters") or {}).get("MessageGroupId"))
        if arn.resource.endswith(".fifo") and not is_grouped:
            raise ValidationException("Parameters SqsParameters must be specified")
        if is_grouped and not arn.resource.endswith(".fifo"):
            raise ValidationException("Parameters MessageGroupId not valid for the target")


def _check_operation(call: Call, target: dict[str, Any]) -> None:
    """Nobody may count on a call that no service here answers: it is refused by name. The texts, but those for an ARN and for
    what is missing, were measured by https://github.com/badmintoncryer/cdk-preflight (rules/scheduler)."""
    arn = target["Arn"]
    if universal.is_universal(arn):
        try:
            operation = universal.operation_of(arn)
        except universal.UnknownOperation:
            raise ValidationException(f"Invalid Target Arn {arn}.") from None
        if operation.partition(":")[2].lower().startswith(universal.READS):
            raise ValidationException(f"{arn.rpartition(':')[2]} API is not supported")
        if "Input" not in target:
            raise ValidationException("You must provide an input to set this target for your schedule")
        if not isinstance(_parsed(target["Input"]), dict):
            raise ValidationException("The input of a universal target must be a JSON object.")
    else:
        parsed = arns.parse(arn)
        if parsed is None or not parsed.resource:
            raise ValidationException(f"Provided Arn is not in correct format: {arn}.")
        if parsed.service in NOT_BUILT:
            raise NotImplementedHere(f"{parsed.service} as a templated target of a schedule")
        if parsed.service not in OPERATIONS:
            raise ValidationException(f"{parsed.service} is not a supported service for a target")
        if parsed.region and parsed.region != call.region:
            raise ValidationException(f"The target ARN provided does not match the current region {call.region}.")
        _check_parameters(target, parsed)
        operation = OPERATIONS[parsed.service]
        needed = NEEDS.get(parsed.service)
        if needed is not None and needed not in target:
            raise ValidationException(f"{needed} must be specified for the target {arn}.")
        if parsed.service in ("lambda", "states", "events") and _parsed(target.get("Input", "{}")) is _BROKEN:
            raise ValidationException("JSON syntax error in input for the target")
    service, _, name = operation.partition(":")
    call.home.gate.routes.named(service, name)


_BROKEN = object()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _BROKEN


def _keep(call: Call, schedule: Schedule, instant: float) -> None:
    """Put the schedule on its shelf and plan its first call after ``instant``."""
    call.shelf(Schedule)[schedule.key] = schedule
    plan(call, schedule, instant)


def plan(call: Call, schedule: Schedule, instant: float) -> float | None:
    """Find when the schedule fires next after ``instant``, and keep it. A time that lay in the past when the schedule was made, as an
    ``at`` may, is never reached."""
    rows = call.rows(DUE)
    rows.run("delete from scheduler_due where schedule = ?", schedule.key)
    if schedule.state != "ENABLED":
        return None
    times = schedule.times
    # Neither date counts for what happens once: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    starts, ends = (None, None) if isinstance(times, schedule_expression.At) else (schedule.starts, schedule.ends)
    first = schedule.created if starts is None else starts
    # A rate begins with its start date, or at once: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
    anchored = first - times.every_s if isinstance(times, schedule_expression.Rate) else first
    planned = times.after(max(instant, first - AT_ONCE_S), anchored=anchored)
    if planned is None or (ends is not None and planned > ends):
        return None
    spread = schedule.flexible_s * call.ids.random.random()
    rows.run("insert into scheduler_due (schedule, at, planned) values (?, ?, ?)", schedule.key, planned + spread, planned)
    call.after_commit(lambda: call.home.wake(WAITING))
    return planned


def _seen(call: Call, schedule: Schedule) -> dict[str, Any]:
    """What makes two requests the same."""
    return {name: value for name, value in _shown(call, schedule).items() if name not in ("CreationDate", "LastModificationDate")}


def _shown(call: Call, schedule: Schedule) -> dict[str, Any]:
    shown = {
        "Arn": arn_of(call, schedule),
        "GroupName": schedule.group,
        "Name": schedule.name,
        "ScheduleExpression": schedule.expression,
        "ScheduleExpressionTimezone": schedule.zone,
        "StartDate": schedule.starts,
        "EndDate": schedule.ends,
        "Description": schedule.description,
        "State": schedule.state,
        "Target": {"RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}, **schedule.target},
        "FlexibleTimeWindow": schedule.window,
        "ActionAfterCompletion": schedule.after,
        "KmsKeyArn": schedule.kms_key or None,
        "CreationDate": schedule.created,
        "LastModificationDate": schedule.modified,
    }
    return {name: value for name, value in shown.items() if value is not None}


def GetSchedule(call: Call, *, Name: str, GroupName: str | None = None) -> dict:
    return _shown(call, _opened(call, _held(call, Name, GroupName)))


def ListSchedules(call: Call, *, GroupName: str | None = None, NamePrefix: str | None = None, State: str | None = None) -> dict:
    if GroupName is not None:
        existing(call, GroupName)
    found = [
        schedule
        for _, schedule in sorted(call.shelf(Schedule).items())
        if GroupName in (None, schedule.group) and schedule.name.startswith(NamePrefix or "") and State in (None, schedule.state)
    ]
    names = ("Arn", "GroupName", "Name", "State", "CreationDate", "LastModificationDate")
    listed = []
    for schedule in found:
        shown = _shown(call, schedule)
        listed.append({**{name: shown[name] for name in names}, "Target": {"Arn": schedule.target["Arn"]}})
    return {"Schedules": listed}


def remove(call: Call, schedule: Schedule) -> None:
    del call.shelf(Schedule)[schedule.key]
    call.rows(DUE).run("delete from scheduler_due where schedule = ?", schedule.key)


def DeleteSchedule(call: Call, *, Name: str, GroupName: str | None = None, ClientToken: str | None = None) -> None:
    """To delete again what is gone is refused, with a token or without."""
    remove(call, _held(call, Name, GroupName))


def DeleteScheduleGroup(call: Call, *, Name: str, ClientToken: str | None = None) -> None:
    if Name == DEFAULT:
        raise ValidationException("This operation cannot be performed on schedule group default.")
    existing(call, Name)
    for schedule in [each for each in call.shelf(Schedule).values() if each.group == Name]:
        remove(call, schedule)
    del call.shelf(Group)[Name]
