"""What is asked of executions: to start, to stop, to try again; how they stand, and what was decided."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.codepipeline import pipeline as pipelines
from kumoniwa.services.codepipeline.errors import (
    ActionNotFoundException,
    ApprovalAlreadyCompletedException,
    DuplicatedStopRequestException,
    InvalidApprovalTokenException,
    InvalidJobStateException,
    JobNotFoundException,
    NotLatestPipelineExecutionException,
    PipelineExecutionNotStoppableException,
    PipelineNameInUseException,
    StageNotRetryableException,
    ValidationException,
)
from kumoniwa.services.codepipeline.execution import (
    OVER,
    TURNS,
    Execution,
    Run,
    begin,
    declaration_of,
    end,
    existing,
    keep_run,
    latest,
    of_pipeline,
    stage_of,
    stage_status,
    tell,
    tell_stage,
    wake_waiting,
)
from kumoniwa.services.codepipeline.pipeline import Edition, Pipeline, declared
from kumoniwa.services.codepipeline.source import WATCHED


def CreatePipeline(call: Call, *, pipeline: dict[str, Any], tags: list[dict[str, str]] | None = None) -> dict:
    """A fresh pipeline runs at once."""
    if pipeline["name"] in call.shelf(Pipeline):
        raise PipelineNameInUseException(f"A pipeline with the name '{pipeline['name']}' already exists in account '{call.account}'")
    whole = pipelines.made(call, pipeline, tags)
    held = call.shelf(Pipeline)[pipeline["name"]]
    begin(call, held, "CreatePipeline", call.principal.arn, variables=_variables(whole, None))
    call.after_commit(lambda: call.home.wake(WATCHED))
    shown = [{"key": key, "value": value} for key, value in held.tags.items()]
    return {"pipeline": whole, **({"tags": shown} if shown else {})}


def DeletePipeline(call: Call, *, name: str) -> None:
    """What runs is forgotten with it; a name that does not exist is deleted, too."""
    if name not in call.shelf(Pipeline):
        return
    del call.shelf(Pipeline)[name]
    for key in [key for key in call.shelf(Edition) if key.rpartition(":")[0] == name]:
        del call.shelf(Edition)[key]
    for each in of_pipeline(call, name):
        TURNS.drop(call, each.id)
        del call.shelf(Execution)[each.id]


def EnableStageTransition(call: Call, *, pipelineName: str, stageName: str, transitionType: str) -> None:
    pipelines.open_(call, pipelineName, stageName, transitionType)
    wake_waiting(call, pipelineName)


def DisableStageTransition(call: Call, *, pipelineName: str, stageName: str, transitionType: str, reason: str) -> None:
    pipelines.close(call, pipelineName, stageName, transitionType, reason)


# Starting and stopping -----------------------------------------------------------------------------


def _variables(said: dict[str, Any], given: list[dict[str, str]] | None) -> dict[str, str]:
    known = {each["name"]: each.get("defaultValue") for each in said.get("variables") or ()}
    for each in given or ():
        if each["name"] not in known:
            raise ValidationException(f"Pipeline variable {each['name']} is not declared in the pipeline.")
        known[each["name"]] = each["value"]
    if given is not None and (missing := sorted(name for name, value in known.items() if value is None)):
        raise ValidationException(f"Pipeline variables without a value: {', '.join(missing)}.")
    return {name: value for name, value in known.items() if value is not None}


def StartPipelineExecution(
    call: Call, *, name: str, variables: list[dict[str, str]] | None = None, clientRequestToken: str | None = None,
    sourceRevisions: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    held = pipelines.existing(call, name)
    said = declared(call, name, held.version)
    sources = {}
    for revision in sourceRevisions or ():
        if revision["revisionType"] != "S3_OBJECT_VERSION_ID":
            raise NotImplementedHere(f"source revisions of the type {revision['revisionType']}")
        if revision["actionName"] not in {action["name"] for action in said["stages"][0]["actions"]}:
            raise ValidationException(f"Pipeline '{name}' has no source action {revision['actionName']}.")
        sources[revision["actionName"]] = revision["revisionValue"]
    is_rule = call.principal.arn.endswith("/events")
    made = begin(
        call, held, "CloudWatchEvent" if is_rule else "StartPipelineExecution", call.principal.arn,
        variables=_variables(said, variables or []), sources=sources,
    )  # fmt: skip
    return {"pipelineExecutionId": made.id}


def StopPipelineExecution(call: Call, *, pipelineName: str, pipelineExecutionId: str, abandon: bool | None = None, reason: str | None = None) -> dict:
    """To abandon leaves what actions have begun elsewhere (a build, a stack) to itself."""
    pipelines.existing(call, pipelineName)
    execution = existing(call, pipelineName, pipelineExecutionId)
    if execution.status in OVER:
        raise PipelineExecutionNotStoppableException(
            f"Pipeline execution {pipelineExecutionId} cannot be stopped: its status is {execution.status}."
        )
    if execution.status == "Stopping" and not abandon:
        raise DuplicatedStopRequestException(f"Pipeline execution {pipelineExecutionId} is being stopped already.")
    execution = changed(execution, status="Stopping", stop_reason=reason or "", updated=call.now())
    if abandon:
        runs = tuple(changed(run, status="Abandoned", updated=call.now()) if run.status == "InProgress" else run for run in execution.runs)
        end(call, changed(execution, runs=runs), "Stopped")
    else:
        call.shelf(Execution)[execution.id] = execution
        tell(call, execution, "STOPPING")
        TURNS.put(call, execution.id, call.now())
    return {"pipelineExecutionId": execution.id}


def RetryStageExecution(call: Call, *, pipelineName: str, stageName: str, pipelineExecutionId: str, retryMode: str) -> dict:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_RetryStageExecution.html"""
    held = pipelines.existing(call, pipelineName)
    pipelines.stage_of(declared(call, pipelineName, held.version), pipelineName, stageName)
    execution = existing(call, pipelineName, pipelineExecutionId)
    newer = [each for each in of_pipeline(call, pipelineName) if each.number > execution.number and latest(each, stageName)]
    if newer and execution.mode != "PARALLEL":
        raise NotLatestPipelineExecutionException(f"The execution {pipelineExecutionId} is not the latest of the stage {stageName}.")
    if (
        execution.version != held.version
        or stage_status(call, execution, stageName) not in ("Failed", "Stopped")
        or execution.status not in ("Failed", "Stopped")
    ):
        raise StageNotRetryableException(f"The stage {stageName} has no failed actions, or the pipeline was changed since it failed.")
    runs = tuple(
        changed(run, is_past=True) if run.stage == stageName and (retryMode == "ALL_ACTIONS" or run.status in ("Failed", "Abandoned")) else run
        for run in execution.runs
    )
    execution = changed(execution, runs=runs, status="InProgress", is_inside=True, stop_reason=None, updated=call.now())
    call.shelf(Execution)[execution.id] = execution
    tell(call, execution, "RESUMED")
    tell_stage(call, execution, "RESUMED")
    TURNS.put(call, execution.id, call.now())
    return {"pipelineExecutionId": execution.id}


# Deciding ------------------------------------------------------------------------------------------


def _signal(call: Call, execution: Execution, run: Run, **state: Any) -> None:
    by = call.principal.arn
    keep_run(call, execution, changed(run, state={**run.state, **state}, by=by, due=0.0, updated=call.now()))
    TURNS.put(call, execution.id, call.now())


def PutApprovalResult(
    call: Call, *, pipelineName: str, stageName: str, actionName: str, result: dict[str, str], token: str
) -> dict:
    held = pipelines.existing(call, pipelineName)
    stage = pipelines.stage_of(declared(call, pipelineName, held.version), pipelineName, stageName)
    if actionName not in [action["name"] for action in stage["actions"]]:
        raise ActionNotFoundException(f"The stage '{stageName}' does not have an action with name '{actionName}'")
    for execution in of_pipeline(call, pipelineName):
        for run in execution.runs:
            if run.token == token and (run.stage, run.action) == (stageName, actionName):
                if run.status != "InProgress" or "decision" in run.state:
                    raise ApprovalAlreadyCompletedException("The approval action has already been approved or rejected.")
                _signal(call, execution, run, decision=result)
                return {"approvedAt": call.now()}
    raise InvalidApprovalTokenException("Invalid approval token.")


def _job(call: Call, id_: str) -> tuple[Execution, Run]:
    for execution in call.shelf(Execution).values():
        for run in execution.runs:
            if run.state.get("job") == id_:
                if run.status != "InProgress" or run.state.get("result") is not None:
                    raise InvalidJobStateException(f"Job in invalid state for this operation: {run.status}")
                return execution, run
    raise JobNotFoundException(f"Job {id_} does not exist.")


def PutJobSuccessResult(
    call: Call, *, jobId: str, currentRevision: dict[str, Any] | None = None, continuationToken: str | None = None,
    executionDetails: dict[str, Any] | None = None, outputVariables: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """With a continuation token the function is called again; https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html"""
    if currentRevision is not None:
        raise NotImplementedHere("currentRevision of a job's result (it is for sources)")
    execution, run = _job(call, jobId)
    _signal(call, execution, run, result={
        "continuation": continuationToken or "", "details": executionDetails or {}, "variables": outputVariables or {},
    })  # fmt: skip


def PutJobFailureResult(call: Call, *, jobId: str, failureDetails: dict[str, str]) -> None:
    execution, run = _job(call, jobId)
    _signal(call, execution, run, result={"failure": failureDetails})


# Looking -------------------------------------------------------------------------------------------


def _with(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}


def GetPipelineExecution(call: Call, *, pipelineName: str, pipelineExecutionId: str) -> dict:
    pipelines.existing(call, pipelineName)
    execution = existing(call, pipelineName, pipelineExecutionId)
    revisions = [{key: value for key, value in each.items() if key != "action"} for each in execution.revisions.values()]
    return {"pipelineExecution": {
        "pipelineName": pipelineName, "pipelineVersion": execution.version, "pipelineExecutionId": execution.id, "status": execution.status,
        "artifactRevisions": revisions, "trigger": execution.trigger, "executionMode": execution.mode, "executionType": "STANDARD",
        **_with(variables=[{"name": name, "resolvedValue": value} for name, value in execution.variables.items()], statusSummary=execution.stop_reason),
    }}  # fmt: skip


def ListPipelineExecutions(call: Call, *, pipelineName: str, filter: dict[str, Any] | None = None) -> dict:
    pipelines.existing(call, pipelineName)
    found = of_pipeline(call, pipelineName)
    if (wanted := (filter or {}).get("succeededInStage")) is not None:
        found = [each for each in found if stage_status(call, each, wanted["stageName"]) == "Succeeded"]
    return {"pipelineExecutionSummaries": [_summary(each) for each in found]}


def _summary(execution: Execution) -> dict[str, Any]:
    sources = [
        _with(actionName=each["action"], revisionId=each["revisionId"], revisionSummary=each["revisionSummary"], revisionUrl=each["revisionUrl"])
        for each in execution.revisions.values()
    ]
    stop = {"stopTrigger": {"reason": execution.stop_reason}} if execution.stop_reason else {}
    return {
        "pipelineExecutionId": execution.id, "status": execution.status, "startTime": execution.started, "lastUpdateTime": execution.updated,
        "sourceRevisions": sources, "trigger": execution.trigger, "executionMode": execution.mode, "executionType": "STANDARD", **stop,
    }  # fmt: skip


def GetPipelineState(call: Call, *, name: str) -> dict:
    held = pipelines.existing(call, name)
    executions = of_pipeline(call, name)
    stages = declared(call, name, held.version)["stages"]
    return {
        "pipelineName": name, "pipelineVersion": held.version, "created": held.created, "updated": held.updated,
        "stageStates": [_stage_state(call, held, executions, stage, number) for number, stage in enumerate(stages)],
    }  # fmt: skip


def _stage_state(call: Call, held: Pipeline, executions: list[Execution], stage: dict[str, Any], number: int) -> dict[str, Any]:
    name = stage["name"]
    inside = next((each for each in executions if latest(each, name)), None)
    waiting = [
        {"pipelineExecutionId": each.id, "status": each.status, "type": "STANDARD"}
        for each in executions
        if each.status in ("InProgress", "Stopping") and not each.is_inside and stage_of(call, each)["name"] == name
    ]
    told: dict[str, Any] = {"stageName": name, "actionStates": [_action_state(executions, name, action) for action in stage["actions"]]}
    if number:
        closing = held.closed.get(f"{name} Inbound")
        told["inboundTransitionState"] = {"enabled": True} if closing is None else {
            "enabled": False, "lastChangedBy": closing["by"], "lastChangedAt": closing["at"], "disabledReason": closing["reason"],
        }  # fmt: skip
    if waiting:
        told |= {"inboundExecution": waiting[0], "inboundExecutions": waiting}
    if inside is not None:
        told["latestExecution"] = {"pipelineExecutionId": inside.id, "status": stage_status(call, inside, name), "type": "STANDARD"}
    return told


def _action_state(executions: list[Execution], stage: str, action: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"actionName": action["name"]}
    for execution in executions:
        run = latest(execution, stage).get(action["name"])
        if run is None:
            continue
        told["latestExecution"] = {
            "actionExecutionId": run.id, "status": run.status, "lastStatusChange": run.updated,
            **_with(
                summary=run.summary, token=run.token if run.status == "InProgress" else "", lastUpdatedBy=run.by,
                externalExecutionId=run.external_id, errorDetails=run.error,
            ),
        }  # fmt: skip
        revision = execution.revisions.get(action["name"])
        if revision is not None:
            told["currentRevision"] = {
                "revisionId": revision["revisionId"],
                "revisionChangeId": revision["revisionId"],
                "created": revision["created"],
            }
        break
    return told


def ListActionExecutions(call: Call, *, pipelineName: str, filter: dict[str, Any] | None = None) -> dict:
    pipelines.existing(call, pipelineName)
    filter = filter or {}
    wanted = filter.get("pipelineExecutionId")
    if (newest := filter.get("latestInPipelineExecution")) is not None:
        wanted = newest["pipelineExecutionId"]
    found = [existing(call, pipelineName, wanted)] if wanted is not None else of_pipeline(call, pipelineName)
    runs = [(execution, run) for execution in found for run in reversed(execution.runs)]
    if newest is not None:
        runs = [(execution, run) for execution, run in runs if not run.is_past]
    return {"actionExecutionDetails": [_run_told(call, execution, run) for execution, run in runs]}


def _run_told(call: Call, execution: Execution, run: Run) -> dict[str, Any]:
    stage = pipelines.stage_of(declaration_of(call, execution), execution.pipeline, run.stage)
    (action,) = [each for each in stage["actions"] if each["name"] == run.action]

    def placed(artifacts: tuple[dict[str, str], ...]) -> list[dict[str, Any]]:
        return [{"name": each["name"], "s3location": {"bucket": each["bucket"], "key": each["key"]}} for each in artifacts]

    result = _with(externalExecutionId=run.external_id, externalExecutionSummary=run.summary, errorDetails=run.error)
    return {
        "pipelineExecutionId": execution.id, "actionExecutionId": run.id, "pipelineVersion": execution.version, "stageName": run.stage,
        "actionName": run.action, "startTime": run.started, "lastUpdateTime": run.updated, "status": run.status,
        "input": {
            "actionTypeId": action["actionTypeId"], "configuration": action["configuration"], "resolvedConfiguration": run.configuration,
            "region": action.get("region") or call.region, "inputArtifacts": placed(run.inputs),
            **_with(roleArn=action.get("roleArn"), namespace=action.get("namespace")),
        },
        "output": {"outputArtifacts": placed(run.outputs), "executionResult": result, "outputVariables": run.variables},
        **_with(updatedBy=run.by),
    }  # fmt: skip


