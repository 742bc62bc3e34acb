"""AWS::CodePipeline. A template spells a pipeline as the API does, but for large first letters and stores that are a list."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    carries,
    gone_tags,
    p,
    seen,
    use,
)

_DECLARED = "ArtifactStore ArtifactStores ExecutionMode PipelineType RoleArn Stages Triggers Variables"
_WORDS = {"RunOrder": int, "TimeoutInMinutes": int, "Version": str}
"""Members that templates spell as a number or as a text."""


def _spelled(name: str, value: Any) -> Any:
    """What stands under a name in a template, as the API has it. A configuration's keys are the action's own."""
    if name == "Configuration":
        read = json.loads(value) if isinstance(value, str) else value
        return {key: _text(each) for key, each in read.items()}
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _spelled(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spelled("", each) for each in value]
    return _WORDS[name](value) if name in _WORDS else value


def _text(value: Any) -> str:
    """Numbers and truth values of a template are texts of a configuration; what has members is JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _declaration(properties: dict[str, Any], name: str) -> dict[str, Any]:
    said = {key: _spelled(key, properties[key]) for key in _DECLARED.split() if key in properties}
    found = {key[0].lower() + key[1:]: value for key, value in said.items()}
    if "artifactStores" in found:
        found["artifactStores"] = {each["region"]: each["artifactStore"] for each in found["artifactStores"]}
    return {"name": name, **found}


def _tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags]


@carries(f"Name Tags {_DECLARED}")
async def _create(work: Work) -> dict[str, Any]:
    tags = {"tags": _tags(work.properties["Tags"])} if work.properties.get("Tags") else {}
    return await work.ask("codepipeline:CreatePipeline", pipeline=_declaration(work.properties, work.properties["Name"]), **tags)


@carries(f"RestartExecutionOnUpdate {_DECLARED}")
async def _update(work: Work) -> None:
    if work.changed == {"RestartExecutionOnUpdate"}:
        return
    await work.ask("codepipeline:UpdatePipeline", pipeline=_declaration(work.properties, work.id))
    if work.properties.get("RestartExecutionOnUpdate") in (True, "true"):
        await work.ask("codepipeline:StartPipelineExecution", name=work.id)


@carries("DisableInboundStageTransitions")
async def _close(work: Work) -> None:
    """Transitions that the template no longer names are open again."""
    old, new = (
        {each["StageName"]: each["Reason"] for each in said.get("DisableInboundStageTransitions") or ()}
        for said in (work.old, work.properties)
    )
    for stage in [stage for stage in old if stage not in new]:
        await work.ask("codepipeline:EnableStageTransition", pipelineName=work.id, stageName=stage, transitionType="Inbound")
    for stage, reason in new.items():
        if old.get(stage) != reason:
            await work.ask("codepipeline:DisableStageTransition", pipelineName=work.id, stageName=stage, transitionType="Inbound", reason=reason)


_update.handles_absence = _close.handles_absence = True

Pipeline = ResourceType(
    name=Name("Name", 100),
    create=_create,
    id=p.Name,
    read=Call("codepipeline:GetPipeline", name=ID),
    settings=(Setting(_close, _close),),
    update=(
        _update,
        Call("codepipeline:UntagResource", resourceArn=seen.metadata.pipelineArn, tagKeys=gone_tags).when(gone_tags),
        Call("codepipeline:TagResource", resourceArn=seen.metadata.pipelineArn, tags=use(_tags, p.Tags)).when(p.Tags),
    ),
    delete=Call("codepipeline:DeletePipeline", name=ID),
    absent="PipelineNotFoundException",
    attributes={"Arn": seen.metadata.pipelineArn, "Version": use(str, seen.pipeline.version)},
    drift=(Reading({"RoleArn": seen.pipeline.roleArn, "ExecutionMode": seen.pipeline.executionMode, "PipelineType": seen.pipeline.pipelineType}),),
)
