"""AWS::SSM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    as_json,
    at,
    carries,
    gone_from,
    gone_tags,
    made,
    p,
    same,
    seen,
    tag_list,
    use,
)

_gone = gone_from("Tags")
_put = "Type Value AllowedPattern DataType Description Policies Tier"
_what = {"ResourceType": "Parameter", "ResourceId": ID}

Parameter = ResourceType(
    # Recorded: localstack/localstack, test_change_sets.snapshot.json, test_dynamic_update.
    name=Name("Name", 1011, beginning="CFN"),
    create=Call("ssm:PutParameter", f"Name {_put}", Tags=tag_list(p.Tags)),
    id=p.Name,
    read=Call("ssm:GetParameter", Name=ID),
    update=(
        Call("ssm:PutParameter", _put, Name=ID, Overwrite=True),
        Call("ssm:RemoveTagsFromResource", **_what, TagKeys=_gone).when(_gone),
        Call("ssm:AddTagsToResource", **_what, Tags=tag_list(p.Tags)).when(p.Tags),
    ),
    delete=Call("ssm:DeleteParameter", Name=ID),
    absent="ParameterNotFound",
    attributes={"Type": seen.Parameter.Type, "Value": seen.Parameter.Value},
    defaults={"Description": "", "AllowedPattern": "", "Policies": "[]", "DataType": "text", "Tier": "Intelligent-Tiering"},
    drift=(Reading(same("Type Value DataType", seen.Parameter)),),
)

_content = as_json(p.Content)
_update_document = Call(
    "ssm:UpdateDocument", "DocumentFormat TargetType VersionName", Name=ID, Content=_content, DocumentVersion="$LATEST"
)


@carries("Content DocumentFormat TargetType VersionName UpdateMethod")
async def _new_version(work: Work) -> None:
    """A version that a stack makes is the one that counts. How changes are made is no change itself."""
    if work.changed == {"UpdateMethod"}:
        return
    made = await _update_document(work)
    version = made["DocumentDescription"]["DocumentVersion"]
    await work.ask("ssm:UpdateDocumentDefaultVersion", Name=work.id, DocumentVersion=version)


def _replaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """A template says by UpdateMethod whether a change is a version or another document, which is the default."""
    is_version = new.get("UpdateMethod") == "NewVersion"
    return frozenset() if is_version else frozenset(("Content", "DocumentFormat", "TargetType", "VersionName"))


Document = ResourceType(
    name=Name("Name", 128),
    create=Call("ssm:CreateDocument", "Name DocumentType DocumentFormat TargetType VersionName Tags", Content=_content),
    id=p.Name,
    read=Call("ssm:DescribeDocument", Name=ID),
    update=(
        _new_version,
        Call("ssm:RemoveTagsFromResource", ResourceType="Document", ResourceId=ID, TagKeys=gone_tags).when(gone_tags),
        Call("ssm:AddTagsToResource", ResourceType="Document", ResourceId=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("ssm:DeleteDocument", Name=ID),
    absent="InvalidDocument",
    remade_by=_replaces,
    drift=(Reading(same("DocumentType DocumentFormat", seen.Document)),),
)

# Maintenance windows -----------------------------------------------------------------------------------------------

_window = (
    "Name AllowUnassociatedTargets Cutoff Description Duration EndDate Schedule ScheduleOffset ScheduleTimezone StartDate"
)
_of_window = {"ResourceType": "MaintenanceWindow", "ResourceId": ID}

MaintenanceWindow = ResourceType(
    create=Call("ssm:CreateMaintenanceWindow", f"{_window} Tags"),
    id=made.WindowId,
    read=Call("ssm:GetMaintenanceWindow", WindowId=ID),
    update=(
        Call("ssm:UpdateMaintenanceWindow", _window, WindowId=ID),
        Call("ssm:RemoveTagsFromResource", **_of_window, TagKeys=gone_tags).when(gone_tags),
        Call("ssm:AddTagsToResource", **_of_window, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("ssm:DeleteMaintenanceWindow", WindowId=ID),
    absent="DoesNotExistException",
    drift=(Reading(same("Name Schedule Duration Cutoff AllowUnassociatedTargets", seen)),),
)


def _invocation(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A template calls ``MaintenanceWindowLambdaParameters`` what a request calls ``Lambda``."""
    if told is None:
        return None
    return {name.removeprefix("MaintenanceWindow").removesuffix("Parameters"): said for name, said in told.items()}


_task = "CutoffBehavior Description MaxConcurrency MaxErrors Name Priority ServiceRoleArn Targets TaskArn"
_parameters = use(_invocation, p.TaskInvocationParameters)

MaintenanceWindowTask = ResourceType(
    create=Call("ssm:RegisterTaskWithMaintenanceWindow", f"WindowId TaskType {_task}", TaskInvocationParameters=_parameters),
    id=made.WindowTaskId,
    read=Call("ssm:GetMaintenanceWindowTask", WindowId=at(p.WindowId), WindowTaskId=ID),
    update=(
        Call("ssm:UpdateMaintenanceWindowTask", _task, WindowId=at(p.WindowId), WindowTaskId=ID, TaskInvocationParameters=_parameters),
    ),
    delete=Call("ssm:DeregisterTaskFromMaintenanceWindow", WindowId=at(p.WindowId), WindowTaskId=ID),
    absent="DoesNotExistException",
)
