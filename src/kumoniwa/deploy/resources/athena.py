"""AWS::Athena."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, Call, Name, ResourceType, Setting, Work, at, carries, fields, gone_tags, made, p, seen, text, use

_ABSENT = "InvalidRequestException"
_ARN = text("arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/${ID}")
_results = fields("AclConfiguration EncryptionConfiguration ExpectedBucketOwner OutputLocation")
_configuration = fields(
    "BytesScannedCutoffPerQuery EnforceWorkGroupConfiguration EngineVersion PublishCloudWatchMetricsEnabled RequesterPaysEnabled ResultConfiguration",
    EngineVersion=fields("SelectedEngineVersion"), ResultConfiguration=_results,
)  # fmt: skip


def _updates(said: dict[str, Any]) -> dict[str, Any]:
    """What a template no longer says goes away."""
    known = _configuration(said)
    results = known.pop("ResultConfiguration", {})
    gone = {f"Remove{name}": True for name in ("AclConfiguration", "EncryptionConfiguration", "ExpectedBucketOwner", "OutputLocation") if name not in results}
    cutoff = {} if "BytesScannedCutoffPerQuery" in known else {"RemoveBytesScannedCutoffPerQuery": True}
    return known | cutoff | {"ResultConfigurationUpdates": {**results, **gone}}


@carries("RecursiveDeleteOption")
async def _noted(work: Work) -> None:
    """It is read when the workgroup is deleted: until then there is nothing to do."""


_noted.handles_absence = True

WorkGroup = ResourceType(
    name=Name("Name", 128, tells=False),
    create=Call(
        "athena:CreateWorkGroup", "Name Description", Configuration=use(_configuration, p.WorkGroupConfiguration), Tags=p.Tags,
    ),
    id=p.Name,
    settings=(Setting(Call("athena:UpdateWorkGroup", WorkGroup=ID, State=p.State), Call("athena:UpdateWorkGroup", WorkGroup=ID, State="ENABLED")),),
    update=(
        _noted,
        Call("athena:UpdateWorkGroup", WorkGroup=ID, Description=p.Description, ConfigurationUpdates=use(_updates, p.WorkGroupConfiguration)),
        Call("athena:UntagResource", ResourceARN=_ARN, TagKeys=gone_tags).when(gone_tags),
        Call("athena:TagResource", ResourceARN=_ARN, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("athena:DeleteWorkGroup", WorkGroup=ID, RecursiveDeleteOption=at(p.RecursiveDeleteOption)),
    read=Call("athena:GetWorkGroup", WorkGroup=ID),
    absent=_ABSENT,
    attributes={
        "CreationTime": seen.WorkGroup.CreationTime,
        "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion": seen.WorkGroup.Configuration.EngineVersion.EffectiveEngineVersion,
    },
    defaults={"Description": "", "WorkGroupConfiguration": {}},
)

NamedQuery = ResourceType(
    create=Call("athena:CreateNamedQuery", "Name Database QueryString Description WorkGroup"),
    id=made.NamedQueryId,
    delete=Call("athena:DeleteNamedQuery", NamedQueryId=ID),
    read=Call("athena:GetNamedQuery", NamedQueryId=ID),
    absent=_ABSENT,
    attributes={"NamedQueryId": ID},
)

_of_group = {"StatementName": ID, "WorkGroup": at(p.WorkGroup)}
PreparedStatement = ResourceType(
    create=Call("athena:CreatePreparedStatement", "StatementName WorkGroup QueryStatement Description"),
    id=p.StatementName,
    update=(Call("athena:UpdatePreparedStatement", QueryStatement=p.QueryStatement, Description=p.Description, **_of_group),),
    delete=Call("athena:DeletePreparedStatement", **_of_group),
    read=Call("athena:GetPreparedStatement", **_of_group),
    absent="ResourceNotFoundException InvalidRequestException",
)
