"""Executions: how far each has come through its pipeline's stages, and what may be asked and said of it.

Nothing of a stage is kept but the runs of its actions: where it stands follows from them.
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.codepipeline.errors import PipelineExecutionNotFoundException
from kumoniwa.services.codepipeline.pipeline import SERVICE, Pipeline, declared

TURNS = Turns("codepipeline", SERVICE, "codepipeline_due")
"""Of executions that are not over."""
OVER = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


class Run(Record):
    """One action as it was run, or is being run."""

    id: str
    stage: str
    action: str
    started: float
    updated: float
    deadline: float
    status: str = "InProgress"
    configuration: dict[str, str] = {}
    """With its variables filled in."""
    due: float = 0.0
    state: dict[str, Any] = {}
    """What it has to remember between its turns: a stack, a build, a decision."""
    token: str = ""
    by: str = ""
    summary: str = ""
    external_id: str = ""
    error: dict[str, str] = {}
    variables: dict[str, str] = {}
    inputs: tuple[dict[str, str], ...] = ()
    outputs: tuple[dict[str, str], ...] = ()
    is_past: bool = False
    """It was tried again since, and counts no more."""


class Execution(Record):
    """Shelved by its id."""

    id: str
    pipeline: str
    version: int
    number: int
    mode: str
    started: float
    updated: float
    status: str = "InProgress"
    stage: int = 0
    is_inside: bool = False
    """In the stage; else it waits before it."""
    runs: tuple[Run, ...] = ()
    trigger: dict[str, str] = {}
    variables: dict[str, str] = {}
    revisions: dict[str, dict[str, Any]] = {}
    """By source action."""
    sources: dict[str, str] = {}
    """By source action: the version that the caller wants."""
    artifacts: dict[str, dict[str, str]] = {}
    """By ``name``, and by ``name@region`` where a copy lies: bucket, key, region, revision."""
    namespaces: dict[str, dict[str, str]] = {}
    stop_reason: str | None = None


def existing(call: Call, pipeline: str, id_: str) -> Execution:
    found = call.shelf(Execution).get(id_)
    if found is None or found.pipeline != pipeline:
        raise PipelineExecutionNotFoundException(f"Execution with id {id_} not found for pipeline {pipeline}")
    return found


def of_pipeline(call: Call, name: str) -> list[Execution]:
    """The newest first."""
    return sorted((each for each in call.shelf(Execution).values() if each.pipeline == name), key=lambda each: -each.number)


def declaration_of(call: Call, execution: Execution) -> dict[str, Any]:
    return declared(call, execution.pipeline, execution.version)


def stage_of(call: Call, execution: Execution) -> dict[str, Any]:
    return declaration_of(call, execution)["stages"][execution.stage]


def latest(execution: Execution, stage: str) -> dict[str, Run]:
    """The runs of a stage that count, by action."""
    return {run.action: run for run in execution.runs if run.stage == stage and not run.is_past}


def stage_status(call: Call, execution: Execution, stage: str) -> str | None:
    """None if the execution was never inside."""
    runs = latest(execution, stage)
    if not runs:
        return None
    statuses = {run.status for run in runs.values()}
    if "InProgress" in statuses:
        return "Stopping" if execution.status == "Stopping" else "InProgress"
    if "Failed" in statuses:
        return "Failed"
    if "Abandoned" in statuses or execution.status == "Stopped" and stage == stage_of(call, execution)["name"]:
        return "Stopped"
    (declared_stage,) = [each for each in declaration_of(call, execution)["stages"] if each["name"] == stage]
    return "Succeeded" if len(runs) == len(declared_stage["actions"]) else "InProgress"


# Changing ------------------------------------------------------------------------------------------


def wake_waiting(call: Call, pipeline: str) -> None:
    """Something that executions wait for before a stage may have changed."""
    for each in of_pipeline(call, pipeline):
        if each.status in ("InProgress", "Stopping") and not each.is_inside:
            TURNS.put(call, each.id, call.now())


def begin(call: Call, pipeline: Pipeline, trigger: str, detail: str, **more: Any) -> Execution:
    said = declared(call, pipeline.name, pipeline.version)
    number = pipeline.executions + 1
    execution = Execution(
        id=call.new_id(), pipeline=pipeline.name, version=pipeline.version, number=number, mode=said["executionMode"], started=call.now(),
        updated=call.now(), trigger={"triggerType": trigger, "triggerDetail": detail}, **more,
    )  # fmt: skip
    call.shelf(Pipeline)[pipeline.name] = changed(call.shelf(Pipeline)[pipeline.name], executions=number)
    call.shelf(Execution)[execution.id] = execution
    TURNS.put(call, execution.id, call.now())
    tell(call, execution, "STARTED")
    return execution


def end(call: Call, execution: Execution, status: str) -> None:
    call.shelf(Execution)[execution.id] = ended = changed(execution, status=status, updated=call.now())
    TURNS.drop(call, execution.id)
    tell(call, ended, {"Cancelled": "CANCELED"}.get(status, status.upper()))
    wake_waiting(call, execution.pipeline)


def keep_run(call: Call, execution: Execution, run: Run) -> Execution:
    """Put a run in the place of its former self."""
    runs = tuple(run if each.id == run.id else each for each in execution.runs)
    call.shelf(Execution)[execution.id] = kept = changed(execution, runs=runs, updated=call.now())
    return kept


# Telling: https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html


def _told(execution: Execution, state: str) -> dict[str, Any]:
    return {"pipeline": execution.pipeline, "execution-id": execution.id, "state": state, "version": execution.version}


def tell(call: Call, execution: Execution, state: str) -> None:
    call.tell("CodePipeline Pipeline Execution State Change", _told(execution, state))


def tell_stage(call: Call, execution: Execution, state: str) -> None:
    call.tell("CodePipeline Stage Execution State Change", {**_told(execution, state), "stage": stage_of(call, execution)["name"]})


def tell_action(call: Call, execution: Execution, action: dict[str, Any], run: Run) -> None:
    state = {"InProgress": "STARTED", "Succeeded": "SUCCEEDED", "Failed": "FAILED", "Abandoned": "ABANDONED"}[run.status]
    told = {
        **_told(execution, state), "stage": run.stage, "action": action["name"], "region": action.get("region") or call.region,
        "type": action["actionTypeId"], "action-execution-id": run.id,
    }  # fmt: skip
    call.tell("CodePipeline Action Execution State Change", told)


