"""AWS::CodeBuild. A template spells a project as the API does, but for large first letters."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, Call, Name, Reading, ResourceType, Work, p, seen, text, use
from kumoniwa.kernel.errors import AwsError


class ResourceNotFound(AwsError): ...


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {"buildspec" if key == "BuildSpec" else key[0].lower() + key[1:]: _spelled(each) for key, each in value.items()}
    return [_spelled(each) for each in value] if isinstance(value, list) else value


_MEMBERS = (
    "Artifacts", "Cache", "ConcurrentBuildLimit", "Description", "EncryptionKey", "Environment", "LogsConfig", "QueuedTimeoutInMinutes",
    "SecondaryArtifacts", "SecondarySources", "ServiceRole", "Source", "SourceVersion", "Tags", "TimeoutInMinutes",
)  # fmt: skip
_said = {name[0].lower() + name[1:]: use(_spelled, getattr(p, name)) for name in _MEMBERS}


class _OfName(Call):
    """A project is read by a list of names."""

    async def look(self, work: Work) -> dict[str, Any]:
        found = (await super().look(work))["projects"]
        if not found:
            raise ResourceNotFound(f"Project {work.id} does not exist")
        return found[0]


Project = ResourceType(
    name=Name("Name", 255),
    create=Call("codebuild:CreateProject", name=p.Name, **_said),
    id=p.Name,
    read=_OfName("codebuild:BatchGetProjects", names=[ID]),
    update=(Call("codebuild:UpdateProject", name=ID, **_said),),
    delete=Call("codebuild:DeleteProject", name=ID),
    absent="ResourceNotFoundException ResourceNotFound",
    attributes={"Arn": text("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${ID}"), "Id": ID},
    defaults={
        "Description": "", "TimeoutInMinutes": 60, "QueuedTimeoutInMinutes": 480, "ConcurrentBuildLimit": -1, "Tags": [], "SecondarySources": [],
        "SecondaryArtifacts": [], "SourceVersion": "", "Cache": {"Type": "NO_CACHE"},
    },
    drift=(Reading({"Description": seen.description, "ServiceRole": seen.serviceRole}),),
)
