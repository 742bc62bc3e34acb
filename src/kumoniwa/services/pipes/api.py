"""The operations of EventBridge Pipes."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.pipes import encryption, life, log
from kumoniwa.services.pipes.errors import (
    ConflictException,
    NotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from kumoniwa.services.pipes.pipe import PIPES_MAX, SERVICE, Pipe, arn_of, check, existing

TAGS_MAX = 50


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgepipes.html"""
    if operation == "ListPipes":
        return "*"
    if "resourceArn" in params:
        return str(params["resourceArn"])
    return call.arn(f"pipe/{params.get('Name', '*')}")


def _answer(call: Call, pipe: Pipe) -> dict[str, Any]:
    return {
        "Arn": arn_of(call, pipe), "Name": pipe.name, "DesiredState": life.desired(pipe), "CurrentState": pipe.state,
        "CreationTime": pipe.created, "LastModifiedTime": pipe.modified,
    }  # fmt: skip


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise ValidationException(f"A pipe has at most {TAGS_MAX} tags.")
    return tags


def CreatePipe(
    call: Call, *, Name: str, Source: str, Target: str, RoleArn: str, Description: str | None = None, DesiredState: str | None = None,
    SourceParameters: dict[str, Any] | None = None, Enrichment: str | None = None, EnrichmentParameters: dict[str, Any] | None = None,
    TargetParameters: dict[str, Any] | None = None, Tags: dict[str, str] | None = None, LogConfiguration: dict[str, Any] | None = None,
    KmsKeyIdentifier: str | None = None,
) -> Any:  # fmt: skip
    """Whether the role may read the source is found out while the pipe is CREATING; then it may become CREATE_FAILED."""
    held = call.shelf(Pipe)
    if Name in held:
        raise ConflictException(f"Pipe {Name} already exists.")
    if len(held) >= PIPES_MAX:
        raise ServiceQuotaExceededException(f"The account has {PIPES_MAX} pipes already.")
    call.require("iam:PassRole", RoleArn, **{"iam:PassedToService": SERVICE})
    pipe = Pipe(
        name=Name, id=call.new_id(), source=Source, target=Target, role=RoleArn, created=call.now(), modified=call.now(),
        desired=DesiredState or "RUNNING", description=Description, source_parameters=SourceParameters or {}, enrichment=Enrichment or "",
        enrichment_parameters=EnrichmentParameters or {}, target_parameters=TargetParameters or {}, tags=_checked_tags(Tags or {}),
        logging=log.read(call, LogConfiguration), key=KmsKeyIdentifier or "",
    )  # fmt: skip
    return _beginning(call, check(call, pipe), "CREATING", is_logged_anew=True)


def _beginning(call: Call, pipe: Pipe, state: str, *, is_logged_anew: bool) -> Any:
    """Keep an open pipe, if its role may use its key, and its logs may go where they are to go."""

    def begin() -> dict[str, Any]:
        return _answer(call, life.begin(call, encryption.closed(call, pipe), state))

    async def let_in() -> dict[str, Any]:
        await log.let_in(call, pipe.logging)
        return await encryption.lock(call, pipe).proving(call, begin) if pipe.key else call.atomically(begin)

    if is_logged_anew and log.must_let_in(pipe.logging):
        return let_in()
    return encryption.lock(call, pipe).proving(call, begin) if pipe.key else begin()


def _laid(held: dict[str, Any], said: dict[str, Any] | None) -> dict[str, Any]:
    """What an update says of parameters: each member is replaced as a whole, those that are not said stay.
    https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_UpdatePipe.html"""
    return {**held, **(said or {})}


def _start_kept(held: Pipe, said: dict[str, Any] | None) -> dict[str, Any]:
    """An update cannot say where a stream is read from: that stays."""
    laid = _laid(held.source_parameters, said)
    kept = {name: held.own[name] for name in ("StartingPosition", "StartingPositionTimestamp") if name in held.own}
    return {name: {**kept, **value} if name.endswith("StreamParameters") else value for name, value in laid.items()}


def UpdatePipe(
    call: Call, *, Name: str, RoleArn: str, Description: str | None = None, DesiredState: str | None = None,
    SourceParameters: dict[str, Any] | None = None, Enrichment: str | None = None, EnrichmentParameters: dict[str, Any] | None = None,
    Target: str | None = None, TargetParameters: dict[str, Any] | None = None, LogConfiguration: dict[str, Any] | None = None,
    KmsKeyIdentifier: str | None = None,
) -> Any:  # fmt: skip
    """An empty key takes the customer's away."""
    held = life.settled(existing(call, Name), "updated")
    held = encryption.opened(call, held)
    call.require("iam:PassRole", RoleArn, **{"iam:PassedToService": SERVICE})
    parameters = held.target_parameters if Target in (None, held.target) else {}
    pipe = changed(
        held, role=RoleArn, description=held.description if Description is None else Description, desired=DesiredState or held.desired,
        source_parameters=_start_kept(held, SourceParameters), enrichment=held.enrichment if Enrichment is None else Enrichment,
        enrichment_parameters=_laid(held.enrichment_parameters, EnrichmentParameters) if Enrichment != "" else {},
        target=Target or held.target, target_parameters=_laid(parameters, TargetParameters), modified=call.now(),
        logging=held.logging if LogConfiguration is None else log.read(call, LogConfiguration),
        key=held.key if KmsKeyIdentifier is None else KmsKeyIdentifier,
    )  # fmt: skip
    return _beginning(call, check(call, pipe), "UPDATING", is_logged_anew=LogConfiguration is not None)


def StartPipe(call: Call, *, Name: str) -> dict:
    """A pipe that runs goes on running."""
    pipe = life.settled(existing(call, Name), "started")
    if pipe.state == "RUNNING":
        return _answer(call, pipe)
    return _answer(call, life.begin(call, changed(pipe, desired="RUNNING", modified=call.now()), "STARTING"))


def StopPipe(call: Call, *, Name: str) -> dict:
    pipe = life.settled(existing(call, Name), "stopped")
    if pipe.state == "STOPPED":
        return _answer(call, pipe)
    return _answer(call, life.begin(call, changed(pipe, desired="STOPPED", modified=call.now()), "STOPPING"))


def DeletePipe(call: Call, *, Name: str) -> dict:
    return _answer(call, life.begin(call, life.settled(existing(call, Name), "deleted"), "DELETING"))


def DescribePipe(call: Call, *, Name: str) -> dict:
    pipe = encryption.opened(call, existing(call, Name))
    told = _answer(call, pipe) | {
        "KmsKeyIdentifier": pipe.key or None,
        "Description": pipe.description, "StateReason": pipe.reason or None, "Source": pipe.source, "SourceParameters": pipe.source_parameters,
        "Enrichment": pipe.enrichment or None, "EnrichmentParameters": pipe.enrichment_parameters or None, "Target": pipe.target,
        "TargetParameters": pipe.target_parameters or None, "RoleArn": pipe.role, "Tags": pipe.tags, "LogConfiguration": pipe.logging or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def ListPipes(
    call: Call, *, NamePrefix: str | None = None, DesiredState: str | None = None, CurrentState: str | None = None,
    SourcePrefix: str | None = None, TargetPrefix: str | None = None,
) -> dict:  # fmt: skip
    found = []
    for name, pipe in sorted(call.shelf(Pipe).items()):
        told = _answer(call, pipe) | {"Source": pipe.source, "Target": pipe.target, **({"Enrichment": pipe.enrichment} if pipe.enrichment else {})}
        if (
            name.startswith(NamePrefix or "") and pipe.source.startswith(SourcePrefix or "") and pipe.target.startswith(TargetPrefix or "")
            and DesiredState in (None, told["DesiredState"]) and CurrentState in (None, told["CurrentState"])
        ):  # fmt: skip
            found.append(told)
    return {"Pipes": found}


# Tags ----------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> Pipe:
    parsed = arns.parse(arn)
    found = call.shelf(Pipe).get(parsed.resource.removeprefix("pipe/")) if parsed is not None else None
    if found is None or arn_of(call, found) != arn:
        raise NotFoundException(f"{arn} does not exist.")
    return found


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags) for each in call.shelf(Pipe).values()]


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    pipe = _tagged(call, resourceArn)
    call.shelf(Pipe)[pipe.name] = changed(pipe, tags=_checked_tags({**pipe.tags, **tags}))


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    pipe = _tagged(call, resourceArn)
    call.shelf(Pipe)[pipe.name] = changed(pipe, tags={key: value for key, value in pipe.tags.items() if key not in tagKeys})


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": _tagged(call, resourceArn).tags}
