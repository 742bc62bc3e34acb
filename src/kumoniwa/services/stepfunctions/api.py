"""The operations of Step Functions on state machines, activities and tags, and where to find the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import Lock
from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.languages.states_definition import Diagnostic, read
from kumoniwa.languages.states_machine import Machine
from kumoniwa.languages.states_warning import warnings
from kumoniwa.services.stepfunctions import activity, bucket, integration, logging, release
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions.activity import POLLED_S, Activity
from kumoniwa.services.stepfunctions.encryption import Encryption
from kumoniwa.services.stepfunctions.errors import (
    InvalidDefinition,
    MissingRequiredParameter,
    ResourceNotFound,
    StateMachineAlreadyExists,
    TooManyTags,
    ValidationException,
)
from kumoniwa.services.stepfunctions.executing import (
    DescribeExecution,
    DescribeMapRun,
    DescribeStateMachineForExecution,
    GetExecutionHistory,
    ListExecutions,
    ListMapRuns,
    RedriveExecution,
    StartExecution,
    StartSyncExecution,
    StopExecution,
    UpdateMapRun,
)
from kumoniwa.services.stepfunctions.execution import Strand
from kumoniwa.services.stepfunctions.machine import (
    StateMachine,
    arn_of,
    check_name,
    check_role,
    definition_text,
    existing,
    is_defined_by,
    keep_definition,
    parsed_arn,
    shown,
)
from kumoniwa.services.stepfunctions.release import (
    CreateStateMachineAlias,
    DeleteStateMachineAlias,
    DeleteStateMachineVersion,
    DescribeStateMachineAlias,
    ListStateMachineAliases,
    ListStateMachineVersions,
    PublishStateMachineVersion,
    UpdateStateMachineAlias,
)
from kumoniwa.services.stepfunctions.run import Run, moved
from kumoniwa.services.stepfunctions.token import SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess
from kumoniwa.services.stepfunctions.trial import TestState

__all__ = [
    "CreateStateMachineAlias", "DeleteStateMachineAlias", "DeleteStateMachineVersion", "DescribeExecution", "DescribeStateMachineAlias",
    "DescribeStateMachineForExecution", "GetExecutionHistory", "ListExecutions", "ListStateMachineAliases", "ListStateMachineVersions",
    "PublishStateMachineVersion", "SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess", "StartExecution", "StartSyncExecution",
    "DescribeMapRun", "ListMapRuns", "RedriveExecution", "StopExecution", "TestState", "UpdateMapRun", "UpdateStateMachineAlias",
]  # fmt: skip

TAGS_MAX = 50


# What the gate asks ------------------------------------------------------------------------------------


_NAMES = ("stateMachineArn", "executionArn", "activityArn", "resourceArn", "stateMachineVersionArn", "stateMachineAliasArn", "mapRunArn")


TOKENS = {"RedriveExecution": Token("clientToken", of=("executionArn",))}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    for name in _NAMES:
        if isinstance(params.get(name), str):
            return params[name]
    if operation == "CreateStateMachine":
        return arn_of(call, str(params.get("name", "*")))
    if operation == "CreateActivity":
        return call.arn(f"activity:{params.get('name', '*')}", "states")
    if operation.startswith("SendTask"):
        return call.arn("*", "states")
    return "*"


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Versions, aliases and executions have none of their own; that they go by their machine's is our reading of what AWS says to IAM."""
    kind, _, rest = arn.partition(":states:")[2].split(":", 2)[2].partition(":")
    if kind == "activity":
        return _tagged(call, arn)[2].tags
    machine = call.shelf(StateMachine).get(rest.partition(":")[0])
    return machine.tags if machine is not None and kind in ("stateMachine", "execution") else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(each.arn, each.tags) for kind in (StateMachine, Activity) for each in call.shelf(kind).values()]


# State machines ----------------------------------------------------------------------------------------


def _tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    made = {tag.get("key", ""): tag.get("value", "") for tag in tags or ()}
    if len(made) > TAGS_MAX:
        raise TooManyTags(f"Resource has more than {TAGS_MAX} tags")
    return made


def _resources(machine: Machine) -> list[Diagnostic]:
    """Resources that are none of AWS's. Raises NotImplementedHere for what is AWS's and not here."""
    wrong = []
    for flow in machine.flows:
        for state in flow.states.values():
            if state.type == "Map" and state.is_distributed:
                bucket.check(state)
            if state.type == "Task":
                resource = state.fields["Resource"]
                try:
                    integration.of(resource)
                except ValueError:
                    text = integration.UNRECOGNIZED.format(resource)
                    wrong.append(Diagnostic("SCHEMA_VALIDATION_FAILED", text, f"/States/{state.name}/Resource"))
    return wrong


def _examined(text: str, is_express: bool) -> tuple[Machine, list[Diagnostic]]:
    machine, wrong = read(text, is_express=is_express)
    return machine, wrong or _resources(machine)


def _check(text: str, is_express: bool) -> None:
    _, wrong = _examined(text, is_express)
    if wrong:
        raise InvalidDefinition(f"Invalid State Machine Definition: '{', '.join(one.said() for one in wrong)}'")


def CreateStateMachine(
    call: Call, *, name: str, definition: str, roleArn: str, type: str | None = None, loggingConfiguration: dict | None = None,
    tags: list[dict] | None = None, tracingConfiguration: dict | None = None, publish: bool | None = None,
    versionDescription: str | None = None, encryptionConfiguration: dict | None = None,
) -> dict:  # fmt: skip
    """Making the same one again answers the one that is there; another of its name is refused."""
    check_name(name)
    kind = type or "STANDARD"
    if versionDescription is not None and not publish:
        raise ValidationException("Version description can only be set when publish is true")
    encryption = encryptions.read(encryptionConfiguration)
    _check(definition, kind == "EXPRESS")
    arn = arn_of(call, name)
    check_role(call, roleArn, arn)
    logs = logging.read(call, loggingConfiguration, roleArn, arn) if name not in call.shelf(StateMachine) else {}

    def create() -> dict:
        machine = call.shelf(StateMachine).get(name)
        if machine is None:
            machine = StateMachine(
                name=name, arn=arn, kind=kind, definition=keep_definition(call, arn, encryption, definition), role=roleArn, created=call.now(),
                tags=_tags(tags), logging=logs, encryption=encryption,
                is_traced=bool((tracingConfiguration or {}).get("enabled")),
            )  # fmt: skip
            call.shelf(StateMachine)[name] = machine
            logging.introduce(call, machine.logging, {})
        elif (kind, roleArn, encryption) != (machine.kind, machine.role, machine.encryption) or not is_defined_by(call, machine, definition):
            raise StateMachineAlreadyExists(f"State Machine Already Exists: '{arn}'")
        answer = {"stateMachineArn": arn, "creationDate": machine.created}
        if publish:
            answer["stateMachineVersionArn"] = release.publish(call, machine, versionDescription or "").arn
        return answer

    return _proving(call, logs, arn, encryption, create)


def _proving(call: Call, logs: dict[str, Any], arn: str, encryption: Encryption | None, act: Callable[[], dict]) -> Any:
    """What is done, atomically, once the log group and the key that it names were seen to be there; a coroutine if there are any."""

    async def prove() -> dict:
        await logging.prove(call, logs)
        if encryption is None:
            return call.atomically(act)
        return await encryptions.proving(call, encryptions.of_caller(call, arn, encryption), act)

    return act() if encryption is None and not logging.acting(logs) else prove()


def UpdateStateMachine(
    call: Call, *, stateMachineArn: str, definition: str | None = None, roleArn: str | None = None,
    loggingConfiguration: dict | None = None, tracingConfiguration: dict | None = None, publish: bool | None = None,
    versionDescription: str | None = None, encryptionConfiguration: dict | None = None,
) -> dict:  # fmt: skip
    """Executions that run go on by what they began with."""
    machine = existing(call, stateMachineArn)
    if (definition, roleArn, loggingConfiguration, tracingConfiguration, encryptionConfiguration) == (None,) * 5 and not publish:
        raise MissingRequiredParameter
    encryption = machine.encryption if encryptionConfiguration is None else encryptions.read(encryptionConfiguration)
    if versionDescription is not None and not publish:
        raise ValidationException("Version description can only be set when publish is true")
    if definition is not None:
        _check(definition, machine.is_express)
    if roleArn is not None:
        check_role(call, roleArn, machine.arn)
    logs = {} if loggingConfiguration is None else logging.read(call, loggingConfiguration, roleArn or machine.role, machine.arn)
    is_traced = machine.is_traced if tracingConfiguration is None else bool(tracingConfiguration.get("enabled"))

    def update() -> dict:
        machine = existing(call, stateMachineArn)
        kept = _kept_anew(call, machine, encryption, definition)
        after = changed(machine, definition=kept, role=roleArn or machine.role, is_traced=is_traced, encryption=encryption)
        if loggingConfiguration is not None:
            after = changed(after, logging=logs)
        answer: dict[str, Any] = {"updateDate": call.now()}
        if after != machine:
            after = changed(after, revision=call.new_id(), modified=call.now())
            call.shelf(StateMachine)[machine.name] = after
            logging.introduce(call, after.logging, machine.logging)
        if after.revision:
            # Also of one that changed nothing: localstack's test_create_update_state_machine_same_parameters.
            answer["revisionId"] = after.revision
        if publish:
            answer["stateMachineVersionArn"] = release.publish(call, after, versionDescription or "").arn
        return answer

    return _proving(call, logs, machine.arn, None if encryption == machine.encryption else encryption, update)


def _kept_anew(call: Call, machine: StateMachine, encryption: Encryption | None, text: str | None) -> str:
    """The id of a definition after an update, which is kept anew if it, or how it is encrypted, is another."""
    if encryption == machine.encryption and (text is None or is_defined_by(call, machine, text)):
        return machine.definition
    if text is None:
        text = definition_text(call, machine.definition, encryptions.of_caller(call, machine.arn, machine.encryption))
    return keep_definition(call, machine.arn, encryption, text)


def DescribeStateMachine(call: Call, *, stateMachineArn: str, includedData: str | None = None) -> dict:
    name, _, qualifier = parsed_arn(stateMachineArn, "stateMachine").partition(":")
    has_definition = includedData != "METADATA_ONLY"
    if not qualifier:
        machine = existing(call, stateMachineArn)
        answer = shown(call, machine, has_definition=has_definition)
    else:
        which = release.chosen(call, stateMachineArn)
        version = call.shelf(release.Version)[f"{name}:{which.version.rpartition(':')[2]}"]
        held = changed(which.machine, definition=which.definition, role=which.role, revision=version.revision, encryption=which.encryption)
        answer = shown(call, held, has_definition=has_definition)
        machine = which.machine
        answer |= {"stateMachineArn": version.arn, "creationDate": version.created}
        if version.description:
            answer["description"] = version.description
    answer["loggingConfiguration"] = logging.shown(machine.logging)
    return answer


def ListStateMachines(call: Call) -> dict:
    machines = sorted(call.shelf(StateMachine).values(), key=lambda one: one.name)
    return {
        "stateMachines": [
            {"stateMachineArn": one.arn, "name": one.name, "type": one.kind, "creationDate": one.created} for one in machines
        ]
    }


def DeleteStateMachine(call: Call, *, stateMachineArn: str) -> None:
    """Executions that run go on. One that does not exist is deleted already."""
    name = parsed_arn(stateMachineArn, "stateMachine")
    machine = call.shelf(StateMachine).get(name)
    if machine is not None and machine.arn == stateMachineArn:
        release.forget(call, machine)
        del call.shelf(StateMachine)[name]


def ValidateStateMachineDefinition(
    call: Call, *, definition: str, type: str | None = None, severity: str | None = None, maxResults: int | None = None
) -> dict:
    machine, found = _examined(definition, type == "EXPRESS")
    result = "FAIL" if found else "OK"
    if severity == "WARNING":
        found = [*found, *warnings(machine.definition)]
    most = maxResults or 100
    told = []
    for one in found[:most]:
        diagnostic = {"severity": one.severity, "code": one.code, "message": one.message}
        told.append(diagnostic | ({"location": one.location} if one.location is not None else {}))
    return {"result": result, "diagnostics": told, "truncated": len(found) > most}


# Activities --------------------------------------------------------------------------------------------


def CreateActivity(call: Call, *, name: str, tags: list[dict] | None = None, encryptionConfiguration: dict | None = None) -> dict:
    encryption = encryptions.read(encryptionConfiguration)

    def create() -> dict:
        made = activity.made(call, name, _tags(tags), encryption)
        return {"activityArn": made.arn, "creationDate": made.created}

    lock = encryptions.of_worker(call, call.arn(f"activity:{name}", "states"), encryption)
    return create() if encryption is None else encryptions.proving(call, lock, create)


def DescribeActivity(call: Call, *, activityArn: str) -> dict:
    found = activity.named(call, activityArn)
    return activity.shown(found) | {"encryptionConfiguration": encryptions.shown(found.encryption)}


def ListActivities(call: Call) -> dict:
    return {"activities": [activity.shown(one) for one in sorted(call.shelf(Activity).values(), key=lambda one: one.name)]}


def DeleteActivity(call: Call, *, activityArn: str) -> None:
    name = parsed_arn(activityArn, "activity")
    if activity.exists(call, activityArn):
        del call.shelf(Activity)[name]


async def GetActivityTask(call: Call, *, activityArn: str, workerName: str | None = None) -> dict:
    """The task that has waited longest, or nothing after a minute."""
    lock = encryptions.of_worker(call, activityArn, activity.named(call, activityArn).encryption)
    until = call.now() + POLLED_S
    while True:
        task = await opening(call, lambda: _taken(call, activityArn, workerName, lock))
        if task is not None:
            return {"taskToken": task.token, "input": task.input}
        if call.now() >= until:
            return {}
        await call.home.wait(("states", "activity", activityArn), until)


def _taken(call: Call, arn: str, worker: str | None, lock: Lock) -> activity.Task | None:
    while (task := activity.take(call, arn)) is not None:
        is_alive = []

        def start(run: Run, strand: Strand, token: str = task.token, is_alive: list = is_alive) -> None:
            if strand.token == token:
                is_alive.append(True)
                strand.previous = run.event("ActivityStarted", strand.previous, {"workerName": worker} if worker else {})

        moved(call, task.execution, task.strand, start)
        if is_alive:
            return changed(task, input=lock.open_text(task.input))
    return None


# Tags --------------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> tuple[Any, str, Any]:
    for kind in (StateMachine, Activity):
        found = call.shelf(kind).get(arn.rpartition(":")[2])
        if found is not None and found.arn == arn:
            return call.shelf(kind), found.name, found
    raise ResourceNotFound(f"Resource not found: '{arn}'")


def TagResource(call: Call, *, resourceArn: str, tags: list[dict]) -> None:
    shelf, name, found = _tagged(call, resourceArn)
    shelf[name] = changed(found, tags=_tags([{"key": k, "value": v} for k, v in found.tags.items()] + tags))


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    shelf, name, found = _tagged(call, resourceArn)
    shelf[name] = changed(found, tags={key: value for key, value in found.tags.items() if key not in tagKeys})


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    _, _, found = _tagged(call, resourceArn)
    return {"tags": [{"key": key, "value": value} for key, value in found.tags.items()]}
