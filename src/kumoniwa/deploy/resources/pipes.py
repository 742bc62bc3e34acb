"""AWS::Pipes."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    either,
    gone_tags,
    p,
    same,
    seen,
    use,
)

_BEGINNING = ("StartingPosition", "StartingPositionTimestamp")


def _without_beginning(parameters: dict[str, Any]) -> dict[str, Any]:
    """What may be said of a source again: where it is read from is said once."""
    return {
        member: {name: value for name, value in said.items() if name not in _BEGINNING} if member.endswith("StreamParameters") else said
        for member, said in parameters.items()
    }


_said = "RoleArn Description DesiredState Enrichment EnrichmentParameters Target TargetParameters LogConfiguration KmsKeyIdentifier"

Pipe = ResourceType(
    name=Name("Name", 64),
    create=Call("pipes:CreatePipe", f"Name Source SourceParameters Tags {_said}"),
    id=p.Name,
    read=Call("pipes:DescribePipe", Name=ID),
    ready={"CurrentState": either(p.DesiredState, "RUNNING")},
    update=(
        Call("pipes:UpdatePipe", _said, Name=ID, SourceParameters=use(_without_beginning, p.SourceParameters)),
        Call("pipes:UntagResource", resourceArn=seen.Arn, tagKeys=gone_tags).when(gone_tags),
        Call("pipes:TagResource", resourceArn=seen.Arn, tags=p.Tags).when(p.Tags),
    ),
    delete=Call("pipes:DeletePipe", Name=ID),
    is_gone_slowly=True,
    absent="NotFoundException",
    attributes={
        "Arn": seen.Arn,
        "CreationTime": seen.CreationTime,
        "CurrentState": seen.CurrentState,
        "LastModifiedTime": seen.LastModifiedTime,
        "StateReason": either(seen.StateReason, ""),
    },
    defaults={
        "Description": "",
        "DesiredState": "RUNNING",
        "Enrichment": "",
        "EnrichmentParameters": {"InputTemplate": ""},
        "TargetParameters": {"InputTemplate": ""},
        "LogConfiguration": {"Level": "OFF"},
        "KmsKeyIdentifier": "",
    },
    drift=(Reading(same("RoleArn Description DesiredState Enrichment Target", seen)),),
)
