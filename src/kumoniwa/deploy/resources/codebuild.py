"""AWS::CodeBuild. A template spells a project as the API does, but for large first letters."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, Call, Name, Reading, ResourceType, p, seen, text, use


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {"buildspec" if key == "BuildSpec" else key[0].lower() + key[1:]: _spelled(each) for key, each in value.items()}
    return [_spelled(each) for each in value] if isinstance(value, list) else value


_MEMBERS = (
    "Artifacts", "Cache", "ConcurrentBuildLimit", "Description", "EncryptionKey", "Environment", "LogsConfig", "QueuedTimeoutInMinutes",
    "SecondaryArtifacts", "SecondarySources", "ServiceRole", "Source", "SourceVersion", "Tags", "TimeoutInMinutes",
)  # fmt: skip
_said = {name[0].lower() + name[1:]: use(_spelled, getattr(p, name)) for name in _MEMBERS}
_found = use(lambda projects: projects[0] if projects else {}, seen.projects)

Project = ResourceType(
    name=Name("Name", 255),
    create=Call("codebuild:CreateProject", name=p.Name, **_said),
    id=p.Name,
    read=Call("codebuild:BatchGetProjects", names=[ID]),
    update=(Call("codebuild:UpdateProject", name=ID, **_said),),
    delete=Call("codebuild:DeleteProject", name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": text("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${ID}"), "Id": ID},
    defaults={
        "Description": "", "TimeoutInMinutes": 60, "QueuedTimeoutInMinutes": 480, "ConcurrentBuildLimit": -1, "Tags": [], "SecondarySources": [],
        "SecondaryArtifacts": [], "SourceVersion": "", "Cache": {"Type": "NO_CACHE"},
    },
    drift=(Reading({"Description": _found.description, "ServiceRole": _found.serviceRole}),),
)
