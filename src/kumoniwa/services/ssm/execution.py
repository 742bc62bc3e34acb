"""Executions of Automation documents: how far each has come, and what may be asked and said of it.

https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-automation.html
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import to_builtins

from kumoniwa.gate.once import Token
from kumoniwa.gate.turns import Turns
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import automation_document
from kumoniwa.languages.automation_document import Document, Step, Unknown, filled, text_of
from kumoniwa.services.ssm import command as commands
from kumoniwa.services.ssm import command_progress, owned, tag, telling
from kumoniwa.services.ssm import document as documents
from kumoniwa.services.ssm.errors import SERVICE, InvalidFilterKey, InvalidFilterValue
from kumoniwa.wire import timestamps

TURNS = Turns("ssm", SERVICE, "ssm_automation_due")
"""Of executions that have not ended."""
KEPT_S = 30 * 86_400.0
"""How long an execution that ended is known. AWS forgets them, too, and does not say when in what we have found."""
ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


class AutomationExecutionNotFoundException(AwsError):
    message = "There is no automation execution information for the requested automation execution ID."


class AutomationDefinitionNotFoundException(AwsError):
    message = "An Automation runbook with the specified name couldn't be found."


class AutomationDefinitionVersionNotFoundException(AwsError):
    message = "An Automation runbook with the specified name and version couldn't be found."


class InvalidAutomationExecutionParametersException(AwsError): ...


class InvalidAutomationStatusUpdateException(AwsError):
    message = "The specified update status operation isn't valid."


class InvalidAutomationSignalException(AwsError):
    message = "The signal isn't valid for the current Automation execution."


class IdempotentParameterMismatch(AwsError):
    message = "Error returned when an idempotent operation is retried and the parameters don't match the original call to the API with the same idempotency token."


TOKENS = {
    name: Token("ClientToken", refusal=IdempotentParameterMismatch)
    for name in ("StartAutomationExecution", "CreateMaintenanceWindow", "RegisterTaskWithMaintenanceWindow")
}


class StepRun(Record):
    """One step as it was run, or is being run."""

    id: str
    name: str
    status: str = "InProgress"
    started: float = 0.0
    ended: float | None = None
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    failure: str = ""
    attempt: int = 1
    deadline: float | None = None
    state: dict[str, Any] = {}
    """What its action has to remember between its turns: decisions, a child, a stack."""


class Execution(Record):
    """Shelved by its id."""

    id: str
    document: str
    version: int
    edition: str
    """Where its content is shelved."""
    parameters: dict[str, Any]
    started: float
    who: dict[str, Any]
    """The principal that began it."""
    role: str = ""
    status: str = "InProgress"
    ended: float | None = None
    step: str = ""
    """The step whose turn it is; empty when there is none any more."""
    runs: tuple[StepRun, ...] = ()
    values: dict[str, Any] = {}
    """The outputs of steps, as later ones name them."""
    outputs: dict[str, Any] = {}
    failure: str = ""
    has_failed: bool = False
    """A critical step failed and those after it were run nevertheless."""
    parent: str = ""
    tags: dict[str, str] = {}

    @property
    def run(self) -> StepRun | None:
        return self.runs[-1] if self.runs and self.runs[-1].name == self.step else None


def existing(call: Call, id_: str) -> Execution:
    found = call.shelf(Execution).get(id_)
    if found is None:
        raise AutomationExecutionNotFoundException
    return found


def definition_of(call: Call, execution: Execution) -> Document:
    return automation_document.read(documents.body_of(call.shelf(documents.Edition)[execution.edition]))


def keep(call: Call, execution: Execution) -> None:
    """Shelve an execution as it has become, and tell which of its steps, and whether it, are in another state."""
    held = call.shelf(Execution).get(execution.id)
    call.shelf(Execution)[execution.id] = execution
    before = [run.status for run in held.runs] if held is not None else []
    # A step that is tried again takes the place of the attempt before, and is in progress as that was.
    changed_ = [run for place, run in enumerate(execution.runs) if before[place : place + 1] != [run.status]]
    # What a step does stands in the document only, which is long to read.
    if changed_ and call.home.is_wanted("ssm", telling.STEP, call.account):
        steps = definition_of(call, execution).steps
        for run in changed_:
            telling.of_step(call, execution, run, steps[run.name].action)
    if held is None or status_of(held) != status_of(execution):
        telling.of_execution(call, execution, status_of(execution))


def values_of(call: Call, execution: Execution) -> dict[str, Any]:
    """Everything that braces may name now."""
    now = timestamps.to_second(call.now())
    return {
        **execution.parameters, **execution.values, "automation:EXECUTION_ID": execution.id, "global:DATE": now[:10], "global:DATE_TIME": now,
        "global:REGION": call.region, "global:ACCOUNT_ID": call.account,
    }  # fmt: skip


# Beginning -----------------------------------------------------------------------------------------


def StartAutomationExecution(
    call: Call, *, DocumentName: str, DocumentVersion: str | None = None, Parameters: dict[str, list[str]] | None = None,
    ClientToken: str | None = None, Mode: str | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    if Mode == "Interactive":
        raise NotImplementedHere("interactive executions of Automation documents")
    made = begin(call, DocumentName, DocumentVersion, Parameters or {}, tags=tag.checked(Tags))
    return {"AutomationExecutionId": made.id}


def begin(call: Call, name: str, version: str | None, said: dict[str, Any], **more: Any) -> Execution:
    try:
        document = documents.existing(call, name)
    except documents.InvalidDocument:
        raise AutomationDefinitionNotFoundException from None
    if document.kind != documents.AUTOMATION:
        raise AutomationDefinitionNotFoundException(f"The document {name} is no Automation runbook.")
    try:
        edition = documents.version_of(call, document, version)
    except documents.InvalidDocumentVersion:
        raise AutomationDefinitionVersionNotFoundException from None
    if document.author == owned.OWNER:
        # Executions refer to what they run; so what is run of AWS's is shelved like any other.
        call.shelf(documents.Edition)[f"{document.id}:{edition.number}"] = edition
    definition = automation_document.read(documents.body_of(edition))
    parameters = _given(definition, said)
    try:
        role = filled(definition.role, parameters) if definition.role else ""
    except Unknown as missing:
        raise InvalidAutomationExecutionParametersException(f"The assumeRole names {missing}, which has no value.") from None
    if role:
        _check_role(call, role)
    made = Execution(
        id=call.new_id(), document=document.name, version=edition.number, edition=f"{document.id}:{edition.number}", parameters=parameters,
        started=call.now(), role=role or "",
        who=to_builtins(call.principal), step=next(iter(definition.steps)), **more,
    )  # fmt: skip
    keep(call, made)
    TURNS.put(call, made.id, call.now())
    return made


def _check_role(call: Call, role: Any) -> None:
    parsed = arns.parse(role) if isinstance(role, str) else None
    if parsed is None or parsed.service != "iam":
        raise InvalidAutomationExecutionParametersException(f"The assumeRole is no ARN of a role: {text_of(role)}.")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    try:
        call.assuming(role, SERVICE, "Automation")
    except AwsError as error:
        raise InvalidAutomationExecutionParametersException(
            f"The defined assume role is unable to be assumed: {role}.", hint=error.hint
        ) from None


def _given(definition: Document, said: dict[str, Any]) -> dict[str, Any]:
    """The value of every parameter, each of its declared type."""
    if unknown := sorted(set(said) - set(definition.parameters)):
        raise InvalidAutomationExecutionParametersException(f"The runbook has no parameter {', '.join(unknown)}.")
    missing = [name for name, declared in definition.parameters.items() if name not in said and "default" not in declared]
    if missing:
        raise InvalidAutomationExecutionParametersException(f"Missing the following required parameters: {', '.join(missing)}.")
    return {
        name: _typed(name, declared, said[name]) if name in said else declared["default"] for name, declared in definition.parameters.items()
    }


def _typed(name: str, declared: dict[str, Any], said: Any) -> Any:
    """Requests spell every value as a list of texts."""
    values = said if isinstance(said, list) else [said]
    kind = declared["type"]
    allowed = [text_of(each) for each in declared.get("allowedValues") or ()]
    for value in values:
        if allowed and text_of(value) not in allowed:
            raise InvalidAutomationExecutionParametersException(f"The value {value} of the parameter {name} is not one of {', '.join(allowed)}.")
    if kind in ("StringList", "MapList") or kind.startswith("List<"):
        return values if kind != "MapList" else [_json(name, each) for each in values]
    if len(values) != 1:
        raise InvalidAutomationExecutionParametersException(f"The parameter {name} takes one value.")
    (value,) = values
    if kind in ("Integer", "Boolean", "StringMap") and isinstance(value, str):
        value = _json(name, value.lower() if kind == "Boolean" else value)
        if not isinstance(value, {"Integer": int, "Boolean": bool, "StringMap": dict}[kind]):
            raise InvalidAutomationExecutionParametersException(f"The value of the parameter {name} is no {kind}.")
    return value


def _json(name: str, text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidAutomationExecutionParametersException(f"The value of the parameter {name} cannot be read: {text}.") from None


# Looking -------------------------------------------------------------------------------------------


def _listed(values: dict[str, Any]) -> dict[str, list[str]]:
    """Values as the API spells them: lists of texts."""
    return {name: [text_of(each) for each in (value if isinstance(value, list) else [value])] for name, value in values.items()}


def _shown(execution: Execution, definition: Document) -> dict[str, Any]:
    """What both the list and the whole say."""
    run, step = execution.run, definition.steps.get(execution.step)
    told: dict[str, Any] = {
        "AutomationExecutionId": execution.id, "DocumentName": execution.document, "DocumentVersion": str(execution.version),
        "AutomationExecutionStatus": status_of(execution), "ExecutionStartTime": execution.started, "ExecutionEndTime": execution.ended,
        "ExecutedBy": execution.who["arn"], "Outputs": _listed(execution.outputs), "Mode": "Auto", "Targets": [],
        "ParentAutomationExecutionId": execution.parent or None, "FailureMessage": execution.failure or None,
        "CurrentStepName": step.name if step and execution.ended is None else None,
        "CurrentAction": step.action if step and execution.ended is None and run is not None else None,
        "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def status_of(execution: Execution) -> str:
    """An execution waits while its step does."""
    run = execution.run
    return "Waiting" if execution.status == "InProgress" and run is not None and run.status == "Waiting" else execution.status


def step_shown(step: Step, run: StepRun | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "StepName": step.name, "Action": step.action, "StepStatus": run.status if run is not None else "Pending", "OnFailure": step.on_failure,
        "MaxAttempts": step.attempts_max, "IsEnd": step.is_end, "IsCritical": step.is_critical,
        "TimeoutSeconds": int(step.timeout_s) if step.timeout_s is not None else None, "NextStep": step.next or None,
    }  # fmt: skip
    if run is not None:
        told |= {
            "StepExecutionId": run.id, "ExecutionStartTime": run.started, "ExecutionEndTime": run.ended, "Outputs": _listed(run.outputs),
            "Inputs": {name: text_of(value) for name, value in run.inputs.items()}, "FailureMessage": run.failure or None,
        }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _steps(execution: Execution, definition: Document) -> list[dict[str, Any]]:
    """Those that ran, in the order in which they did, then those that did not."""
    ran = {run.name for run in execution.runs}
    return [step_shown(definition.steps[run.name], run) for run in execution.runs] + [
        step_shown(step, None) for step in definition.steps.values() if step.name not in ran
    ]


def GetAutomationExecution(call: Call, *, AutomationExecutionId: str) -> dict:
    execution = existing(call, AutomationExecutionId)
    definition = definition_of(call, execution)
    whole = {"StepExecutions": _steps(execution, definition), "StepExecutionsTruncated": False, "Parameters": _listed(execution.parameters)}
    return {"AutomationExecution": _shown(execution, definition) | whole}


_FILTERS = {
    "DocumentNamePrefix": lambda execution, value: execution.document.startswith(value),
    "ExecutionStatus": lambda execution, value: status_of(execution) == value,
    "ExecutionId": lambda execution, value: execution.id == value,
    "ParentExecutionId": lambda execution, value: execution.parent == value,
    "CurrentAction": lambda execution, value: False,
    "AutomationType": lambda execution, value: value == "Local",
    "TagKey": lambda execution, value: value in execution.tags,
}


def DescribeAutomationExecutions(call: Call, *, Filters: list[dict[str, Any]] | None = None) -> dict:
    chosen = sorted(call.shelf(Execution).values(), key=lambda execution: -execution.started)
    for each in Filters or ():
        chosen = [execution for execution in chosen if _fits(call, execution, each["Key"], each["Values"])]
    listed = [_shown(each, definition_of(call, each)) | {"AutomationType": "Local"} for each in chosen]
    return {"AutomationExecutionMetadataList": listed}


def _fits(call: Call, execution: Execution, key: str, values: list[str]) -> bool:
    if key in ("StartTimeBefore", "StartTimeAfter"):
        try:
            at = timestamps.parsed(values[0])
        except (ValueError, AwsError):
            raise InvalidFilterValue(f"The filter value isn't valid: {values[0]}.") from None
        return execution.started <= at if key == "StartTimeBefore" else execution.started >= at
    if key == "CurrentAction":
        step = definition_of(call, execution).steps.get(execution.step)
        return execution.ended is None and step is not None and step.action in values
    if key not in _FILTERS:
        raise InvalidFilterKey(f"The specified key isn't valid: {key}.")
    return any(_FILTERS[key](execution, value) for value in values)


def DescribeAutomationStepExecutions(
    call: Call, *, AutomationExecutionId: str, Filters: list[dict[str, Any]] | None = None, ReverseOrder: bool | None = None
) -> dict:
    execution = existing(call, AutomationExecutionId)
    steps = _steps(execution, definition_of(call, execution))
    members = {"StepExecutionStatus": "StepStatus", "StepExecutionId": "StepExecutionId", "StepName": "StepName", "Action": "Action"}
    for each in Filters or ():
        if each["Key"] not in members:
            raise NotImplementedHere(f"the filter {each['Key']} of steps")
        steps = [step for step in steps if step.get(members[each["Key"]]) in each["Values"]]
    return {"StepExecutions": steps[::-1] if ReverseOrder else steps}


# Saying --------------------------------------------------------------------------------------------


def StopAutomationExecution(call: Call, *, AutomationExecutionId: str, Type: str | None = None) -> None:
    """``Cancel`` ends it here; ``Complete`` lets the step that is under way come to its end first."""
    execution = existing(call, AutomationExecutionId)
    if execution.status in ENDED:
        raise InvalidAutomationStatusUpdateException
    if Type == "Complete":
        keep(call, changed(execution, status="Cancelling"))
        TURNS.put(call, execution.id, call.now())
    else:
        cancel(call, execution)


def cancel(call: Call, execution: Execution) -> Execution:
    """With the command that its step waits for."""
    runs = execution.runs
    if execution.run is not None and execution.run.ended is None:
        command = call.shelf(commands.Command).get(execution.run.state.get("command", ""))
        if command is not None and command.ended is None:
            command_progress.cancel(call, command, list(command.nodes))
        runs = (*runs[:-1], changed(execution.run, status="Cancelled", ended=call.now()))
    return end(call, changed(execution, runs=runs), "Cancelled", "")


def end(call: Call, execution: Execution, status: str, failure: str) -> Execution:
    execution = changed(execution, status=status, failure=failure, ended=call.now())
    keep(call, execution)
    TURNS.drop(call, execution.id)
    if execution.parent in call.shelf(Execution):
        TURNS.put(call, execution.parent, call.now())
    return execution


def SendAutomationSignal(
    call: Call, *, AutomationExecutionId: str, SignalType: str, Payload: dict[str, list[str]] | None = None
) -> None:
    execution = existing(call, AutomationExecutionId)
    if SignalType not in ("Approve", "Reject", "Resume"):
        raise NotImplementedHere(f"the signal {SignalType} of automations")
    run = execution.run
    action = definition_of(call, execution).steps[execution.step].action if run is not None else ""
    wanted = "aws:pause" if SignalType == "Resume" else "aws:approve"
    if run is None or run.status != "Waiting" or action != wanted or execution.status in ENDED:
        raise InvalidAutomationSignalException
    state = dict(run.state)
    if SignalType == "Resume":
        state["is_resumed"] = True
    else:
        who = _approver(call, run.inputs["Approvers"])
        comment = ((Payload or {}).get("Comment") or [""])[0]
        state["decisions"] = {**state.get("decisions", {}), who: {"decision": SignalType, "comment": comment, "at": call.now()}}
    call.shelf(Execution)[execution.id] = changed(execution, runs=(*execution.runs[:-1], changed(run, state=state)))
    TURNS.put(call, execution.id, call.now())


def _approver(call: Call, approvers: list[str]) -> str:
    """Who decides is named as one who may: by an ARN, or a user's name."""
    who = call.principal
    names = {who.arn, who.source_arn, who.arn.rpartition("/")[2] if who.kind == "user" else ""}
    found = next((each for each in approvers if each in names), None)
    if found is None:
        raise InvalidAutomationSignalException(f"{who.arn} is not an approver of this step.")
    return found


def DeleteDocument(
    call: Call, *, Name: str, DocumentVersion: str | None = None, VersionName: str | None = None, Force: bool | None = None
) -> None:
    """What was run stays readable for those who look at its executions."""
    document = documents.changeable(call, Name)
    if DocumentVersion is None and VersionName is None:
        gone, left = document.versions, ()
    else:
        gone = (documents.version_of(call, document, DocumentVersion, VersionName).number,)
        left = tuple(number for number in document.versions if number not in gone)
        if document.default in gone:
            raise documents.InvalidDocumentOperation("Default version of the document can't be deleted.")
    run = {each.edition for each in call.shelf(Execution).values()} | commands.edition_keys(call)
    for key in {f"{document.id}:{number}" for number in gone} - run:
        del call.shelf(documents.Edition)[key]
    if left:
        call.shelf(documents.Document)[document.name] = changed(document, versions=left)
    else:
        del call.shelf(documents.Document)[document.name]


def forget_old(call: Call) -> None:
    """Executions that ended long ago, and what they alone still refer to."""
    for old in [each for each in call.shelf(Execution).values() if each.ended is not None and each.ended < call.now() - KEPT_S]:
        del call.shelf(Execution)[old.id]
        document = call.shelf(documents.Document).get(old.document)
        is_current = document is not None and old.edition in {f"{document.id}:{number}" for number in document.versions}
        if not is_current and not any(each.edition == old.edition for each in call.shelf(Execution).values()):
            call.shelf(documents.Edition).pop(old.edition, None)
