"""Pipelines: their declarations by version, their tags, and which transitions between stages are closed."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.codepipeline import declaration
from kumoniwa.services.codepipeline.errors import (
    InvalidArnException,
    InvalidStructureException,
    InvalidTagsException,
    LimitExceededException,
    PipelineNotFoundException,
    PipelineVersionNotFoundException,
    ResourceNotFoundException,
    StageNotFoundException,
    TooManyTagsException,
)

SERVICE = "codepipeline.amazonaws.com"
PIPELINES_MAX, TAGS_MAX = 1_000, 50
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
SYSTEM_TAGS = (
    "Not allowed to modify system tags. System tags start with 'aws:'. msg=[Caller is an end user and not allowed to mutate system tags]"
)
"""As moto's test_tag_resource_errors has it."""


class Pipeline(Record):
    """Shelved by its name."""

    name: str
    id: str
    version: int
    created: float
    updated: float
    tags: dict[str, str] = {}
    closed: dict[str, dict[str, Any]] = {}
    """By ``stage Inbound`` and ``stage Outbound``: who closed the transition, when and why."""
    seen: dict[str, str] = {}
    """By source action: the version of the object that was seen last."""
    executions: int = 0
    """How many were ever begun; the next one's number."""


class Edition(Record):
    """One version of a declaration, shelved by ``name:version``."""

    declaration: dict[str, Any]


def existing(call: Call, name: str) -> Pipeline:
    found = call.shelf(Pipeline).get(name)
    if found is None:
        raise PipelineNotFoundException(f"Account '{call.account}' does not have a pipeline with name '{name}'")
    return found


def declared(call: Call, name: str, version: int) -> dict[str, Any]:
    return call.shelf(Edition)[f"{name}:{version}"].declaration


def stage_of(declaration_: dict[str, Any], pipeline: str, name: str) -> dict[str, Any]:
    for stage in declaration_["stages"]:
        if stage["name"] == name:
            return stage
    raise StageNotFoundException(f"Pipeline '{pipeline}' does not have a stage with name '{name}'")


def check(call: Call, said: dict[str, Any]) -> None:
    declaration.check(said, call.region)
    call.require("iam:PassRole", said["roleArn"], **{"iam:PassedToService": SERVICE})
    try:
        call.assuming(said["roleArn"], SERVICE, "CodePipeline")
    except AwsError as error:
        raise InvalidStructureException(
            f"CodePipeline is not authorized to perform AssumeRole on role {said['roleArn']}", hint=error.hint
        ) from None


def keep(call: Call, pipeline: Pipeline, said: dict[str, Any]) -> dict[str, Any]:
    """Shelve a pipeline and its declaration; answers the declaration as it stands."""
    whole = declaration.normal(said, pipeline.version)
    call.shelf(Pipeline)[pipeline.name] = pipeline
    call.shelf(Edition)[f"{pipeline.name}:{pipeline.version}"] = Edition(declaration=whole)
    return whole


def made(call: Call, said: dict[str, Any], tags: list[dict[str, str]] | None) -> dict[str, Any]:
    if len(call.shelf(Pipeline)) >= PIPELINES_MAX:
        raise LimitExceededException(f"The account has {PIPELINES_MAX} pipelines already.")
    check(call, said)
    fresh = Pipeline(
        name=said["name"], id=call.new_id(), version=1, created=call.now(), updated=call.now(),
        tags=checked_tags(call.arn(said["name"]), {}, tags or ()),
    )  # fmt: skip
    return keep(call, fresh, said)


def UpdatePipeline(call: Call, *, pipeline: dict[str, Any]) -> dict:
    """The version that the caller sends is not looked at: the next one is given."""
    held = existing(call, pipeline["name"])
    check(call, pipeline)
    return {"pipeline": keep(call, changed(held, version=held.version + 1, updated=call.now()), pipeline)}


def GetPipeline(call: Call, *, name: str, version: int | None = None) -> dict:
    held = existing(call, name)
    edition = call.shelf(Edition).get(f"{name}:{version if version is not None else held.version}")
    if edition is None:
        raise PipelineVersionNotFoundException(f"Pipeline '{name}' does not have a version {version}")
    metadata = {"pipelineArn": call.arn(name), "created": held.created, "updated": held.updated}
    return {"pipeline": edition.declaration, "metadata": metadata}


def ListPipelines(call: Call) -> dict:
    listed = []
    for name, held in sorted(call.shelf(Pipeline).items()):
        said = declared(call, name, held.version)
        listed.append({
            "name": name, "version": held.version, "pipelineType": said["pipelineType"], "executionMode": said["executionMode"],
            "created": held.created, "updated": held.updated,
        })  # fmt: skip
    return {"pipelines": listed}


# Transitions ---------------------------------------------------------------------------------------


def close(call: Call, name: str, stage: str, direction: str, reason: str) -> None:
    held = existing(call, name)
    stage_of(declared(call, name, held.version), name, stage)
    closing = {"by": call.principal.arn, "at": call.now(), "reason": reason}
    call.shelf(Pipeline)[name] = changed(held, closed={**held.closed, f"{stage} {direction}": closing})


def open_(call: Call, name: str, stage: str, direction: str) -> None:
    held = existing(call, name)
    stage_of(declared(call, name, held.version), name, stage)
    call.shelf(Pipeline)[name] = changed(held, closed={key: each for key, each in held.closed.items() if key != f"{stage} {direction}"})


# Tags ----------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidTagsException(SYSTEM_TAGS)


def checked_tags(arn: str, held: dict[str, str], said: Any) -> dict[str, str]:
    tags = {**held, **{tag["key"]: tag["value"] for tag in said}}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsException(f"Tag limit exceeded for resource [{arn}].")
    return tags


def _tagged(call: Call, arn: str) -> Pipeline:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "codepipeline":
        raise InvalidArnException(f"Invalid resource arn {arn}")
    found = call.shelf(Pipeline).get(parsed.resource)
    if found is None or call.arn(found.name) != arn:
        raise ResourceNotFoundException(f"The account with id '{call.account}' does not include a pipeline with the name '{parsed.resource}'")
    return found


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Stages and actions have none of their own; that they go by their pipeline's is our reading of what AWS says of them to IAM."""
    return _tagged(call, arn.partition("/")[0]).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(each.name), each.tags) for each in call.shelf(Pipeline).values()]


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": [{"key": key, "value": value} for key, value in sorted(_tagged(call, resourceArn).tags.items())]}


def TagResource(call: Call, *, resourceArn: str, tags: list[dict[str, str]]) -> dict:
    held = _tagged(call, resourceArn)
    call.shelf(Pipeline)[held.name] = changed(held, tags=checked_tags(resourceArn, held.tags, tags))
    return {}


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> dict:
    held = _tagged(call, resourceArn)
    call.shelf(Pipeline)[held.name] = changed(held, tags={key: value for key, value in held.tags.items() if key not in tagKeys})
    return {}
