"""How executions go on: stage after stage, action after action, each kept before the next begins, so that a region which was killed
goes on where it was.

A turn moves one execution as far as it gets without waiting; when the next turn is due is a row.
"""

from __future__ import annotations

import asyncio
import re
import traceback
from typing import Any

from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.codepipeline import action as actions
from kumoniwa.services.codepipeline.acting import ActionFailed, Actor, Done, Outcome, Waits, failure_of
from kumoniwa.services.codepipeline.declaration import run_order
from kumoniwa.services.codepipeline.execution import (
    OVER,
    TURNS,
    Execution,
    Run,
    declaration_of,
    end,
    keep_run,
    latest,
    of_pipeline,
    stage_of,
    tell_action,
    tell_stage,
    wake_waiting,
)
from kumoniwa.services.codepipeline.pipeline import SERVICE, Pipeline

ASKED_AGAIN_AFTER_S = 1.0
UNREACHABLE = ("RegionUnreachable", "ServiceUnavailable", "InternalFailure", "ThrottlingException", "Throttling")
"""What passes: an action in a region that is dark waits for it until its own time is over."""
_VARIABLE = re.compile(r"#\{([\w@-]+)\.([\w@-]+)\}")


async def run(region: Any) -> None:
    await TURNS.run(region, lambda call: [each.id for each in call.shelf(Execution).values() if each.status not in OVER], _move)


async def _move(call: Call, id_: str) -> None:
    """A defect of ours fails the execution that it meets, and no other."""
    while (execution := call.shelf(Execution).get(id_)) is not None and execution.status not in OVER:
        try:
            if not await _advance(call, execution):
                return
        except Exception:
            traceback.print_exc()
            call.atomically(lambda: end(call, call.shelf(Execution)[id_], "Failed"))


async def _advance(call: Call, execution: Execution) -> bool:
    """One step; answers whether another may follow at once."""
    if not execution.is_inside:
        return call.atomically(lambda: _enter(call, execution))
    stage = stage_of(call, execution)
    due = [each for each in latest(execution, stage["name"]).values() if each.status == "InProgress" and each.due <= call.now()]
    if due:
        await asyncio.gather(*(_act(call, execution, stage, each) for each in due))
        return True
    return call.atomically(lambda: _go_on(call, execution, stage))


# Stages --------------------------------------------------------------------------------------------


def _enter(call: Call, execution: Execution) -> bool:
    """Into the stage, if it is open and free. Waiting, an execution is superseded by a newer one, or keeps its place in the queue."""
    if execution.status == "Stopping":
        end(call, execution, "Stopped")
        return False
    stages = declaration_of(call, execution)["stages"]
    name = stages[execution.stage]["name"]
    pipeline = call.shelf(Pipeline)[execution.pipeline]
    if f"{name} Inbound" in pipeline.closed or execution.stage and f"{stages[execution.stage - 1]['name']} Outbound" in pipeline.closed:
        if execution.mode == "SUPERSEDED":
            _supersede(call, execution, name)
        return False
    if execution.mode != "PARALLEL":
        rivals = [
            each for each in of_pipeline(call, execution.pipeline)
            if each.id != execution.id and each.status not in OVER and stage_of(call, each)["name"] == name
        ]  # fmt: skip
        if execution.mode == "SUPERSEDED" and not _supersede(call, execution, name):
            return False
        if any(each.is_inside for each in rivals):
            return False
        if execution.mode == "QUEUED" and any(each.number < execution.number for each in rivals):
            return False
    call.shelf(Execution)[execution.id] = entered = changed(execution, is_inside=True, updated=call.now())
    tell_stage(call, entered, "STARTED")
    return True


def _supersede(call: Call, execution: Execution, stage: str) -> bool:
    """Of those that wait before a stage the newest stays; answers whether this one does."""
    waiting = [
        each for each in of_pipeline(call, execution.pipeline)
        if each.status == "InProgress" and not each.is_inside and stage_of(call, each)["name"] == stage
    ]  # fmt: skip
    for each in waiting[1:]:
        end(call, each, "Superseded")
    return waiting[0].id == execution.id


def _go_on(call: Call, execution: Execution, stage: dict[str, Any]) -> bool:
    runs = latest(execution, stage["name"])
    pending = [each for each in runs.values() if each.status == "InProgress"]
    if pending:
        TURNS.put(call, execution.id, min(each.due for each in pending))
        return False
    if any(each.status in ("Failed", "Abandoned") for each in runs.values()):
        tell_stage(call, execution, "FAILED")
        end(call, execution, "Stopped" if execution.status == "Stopping" else "Failed")
        return False
    left = [each for each in stage["actions"] if each["name"] not in runs]
    if execution.status == "Stopping" and (left or execution.stage + 1 < len(declaration_of(call, execution)["stages"])):
        tell_stage(call, execution, "STOPPED")
        end(call, execution, "Stopped")
        return False
    if left:
        order = min(run_order(each) for each in left)
        _begin_runs(call, execution, stage, [each for each in left if run_order(each) == order])
        return True
    return _leave(call, execution)


def _leave(call: Call, execution: Execution) -> bool:
    tell_stage(call, execution, "SUCCEEDED")
    if execution.stage + 1 == len(declaration_of(call, execution)["stages"]):
        end(call, execution, "Succeeded")
        return False
    call.shelf(Execution)[execution.id] = changed(execution, stage=execution.stage + 1, is_inside=False, updated=call.now())
    wake_waiting(call, execution.pipeline)
    return True


# Actions -------------------------------------------------------------------------------------------


class Unknown(Exception):
    """A variable has no value."""


def _filled(text: str, execution: Execution) -> str:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html"""
    known = {"codepipeline": {"PipelineExecutionId": execution.id}, "variables": execution.variables, **execution.namespaces}

    def value(found: re.Match[str]) -> str:
        if found[2] not in known.get(found[1], {}):
            raise Unknown(found[0])
        return known[found[1]][found[2]]

    return _VARIABLE.sub(value, text)


def _begin_runs(call: Call, execution: Execution, stage: dict[str, Any], begun: list[dict[str, Any]]) -> None:
    runs = [_begun(call, execution, stage, each) for each in begun]
    call.shelf(Execution)[execution.id] = kept = changed(execution, runs=(*execution.runs, *runs), updated=call.now())
    for action, each in zip(begun, runs):
        tell_action(call, kept, action, changed(each, status="InProgress"))
        if each.status != "InProgress":
            tell_action(call, kept, action, each)


def _begun(call: Call, execution: Execution, stage: dict[str, Any], action: dict[str, Any]) -> Run:
    now, provider = call.now(), action["actionTypeId"]["provider"]
    timeout_s = action["timeoutInMinutes"] * 60.0 if action.get("timeoutInMinutes") else actions.TIMEOUTS_S[provider]
    inputs = [{"name": each["name"], **execution.artifacts[each["name"]]} for each in action["inputArtifacts"] if each["name"] in execution.artifacts]
    begun = Run(
        id=call.new_id(), stage=stage["name"], action=action["name"], started=now, updated=now, due=now, deadline=now + timeout_s,
        token=call.new_id(), configuration=action["configuration"], inputs=tuple(inputs), by=execution.trigger["triggerDetail"],
    )  # fmt: skip
    try:
        return changed(begun, configuration={key: _filled(value, execution) for key, value in action["configuration"].items()})
    except Unknown as missing:
        text = f"The variable {missing} of the action {action['name']} has no value."
        return changed(begun, status="Failed", error={"code": "ConfigurationError", "message": text})


async def _act(call: Call, execution: Execution, stage: dict[str, Any], begun: Run) -> None:
    (action,) = [each for each in stage["actions"] if each["name"] == begun.action]
    type_ = action["actionTypeId"]
    outcome: Outcome | ActionFailed
    try:
        if call.now() >= begun.deadline:
            raise ActionFailed("The action did not end within its time.")
        declaration = declaration_of(call, execution)
        actor = Actor(await _as_whom(call, declaration, action), execution, declaration, action, begun)
        outcome = await actions.ACTIONS[type_["category"], type_["provider"]](actor)
    except ActionFailed as failure:
        outcome = failure
    except AwsError as error:
        outcome = Waits(call.now() + ASKED_AGAIN_AFTER_S) if error.code in UNREACHABLE else failure_of(error)
    call.atomically(lambda: _kept(call, execution.id, begun, action, outcome))


async def _as_whom(call: Call, declaration: dict[str, Any], action: dict[str, Any]) -> Call:
    """The pipeline's role, or the action's own, which the pipeline's assumes."""
    speaker = call.assuming(declaration["roleArn"], SERVICE, f"codepipeline-{declaration['name']}"[:64])
    if not action.get("roleArn"):
        return speaker
    keys = (await speaker.ask("sts:AssumeRole", RoleArn=action["roleArn"], RoleSessionName=f"codepipeline-{declaration['name']}"[:64]))["Credentials"]
    principal, _ = identity.identify(call.home, keys["AccessKeyId"], keys["SessionToken"], "json")
    return call.home.call("codepipeline", call.account, principal)


def _kept(call: Call, id_: str, begun: Run, action: dict[str, Any], outcome: Outcome | ActionFailed) -> None:
    """Write down what an action came to. A signal that came meanwhile is looked at in a turn that follows at once."""
    execution = call.shelf(Execution).get(id_)
    if execution is None or execution.status in OVER:
        return
    (now_is,) = [each for each in execution.runs if each.id == begun.id]
    if isinstance(outcome, Waits):
        due = now_is.due if now_is.state != begun.state else min(outcome.until, now_is.deadline)
        state = {**now_is.state, **outcome.state}
        keep_run(call, execution, changed(now_is, state=state, due=due, external_id=outcome.external_id or now_is.external_id))
        return
    if isinstance(outcome, ActionFailed):
        error = {"code": outcome.code, "message": outcome.text}
        ended = changed(
            now_is, status="Failed", error=error, summary=outcome.text, updated=call.now(), external_id=outcome.external_id or now_is.external_id
        )
    else:
        outputs = tuple({"name": name, **place} for name, place in outcome.artifacts.items())
        ended = changed(
            now_is, status="Succeeded", summary=outcome.summary, updated=call.now(), outputs=outputs, variables=outcome.variables,
            external_id=outcome.external_id or now_is.external_id,
        )  # fmt: skip
        execution = _learned(call, execution, action, outcome)
    execution = keep_run(call, execution, ended)
    tell_action(call, execution, action, ended)


def _learned(call: Call, execution: Execution, action: dict[str, Any], done: Done) -> Execution:
    """What later actions may use of one that succeeded."""
    namespaces = execution.namespaces
    if action.get("namespace"):
        namespaces = {**namespaces, action["namespace"]: done.variables}
    revisions = execution.revisions
    if done.revision:
        revisions = {**revisions, action["name"]: done.revision}
        pipeline = call.shelf(Pipeline)[execution.pipeline]
        call.shelf(Pipeline)[pipeline.name] = changed(pipeline, seen={**pipeline.seen, action["name"]: done.revision["revisionId"]})
    return changed(execution, artifacts={**execution.artifacts, **done.artifacts}, namespaces=namespaces, revisions=revisions)
