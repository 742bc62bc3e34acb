"""Workgroups: where queries run, what they may scan, and where their results go. ``primary`` is always there.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-manage-queries-control-costs.html. Recorded words: "WorkGroup is not found."
(https://github.com/ColeMurray/aws-athena-mcp/issues/23), "primary workGroup could not be created"
(https://github.com/hashicorp/terraform-provider-aws/issues/37845), "WorkGroup … is not empty"
(https://github.com/aws-samples/coast-grafana-cost-intelligence-dashboards/issues/9)
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.athena import tag
from kumoniwa.services.athena.errors import invalid

PRIMARY = "primary"
ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_BUILT = {
    "ResultConfiguration", "EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "BytesScannedCutoffPerQuery", "RequesterPaysEnabled",
    "EngineVersion",
}  # fmt: skip


class WorkGroup(Record):
    name: str
    created: float
    state: str = "ENABLED"
    description: str = ""
    configuration: dict[str, Any] = {}
    tags: dict[str, str] = {}

    @property
    def location(self) -> str:
        return self.configuration.get("ResultConfiguration", {}).get("OutputLocation", "")

    @property
    def is_enforced(self) -> bool:
        return bool(self.configuration.get("EnforceWorkGroupConfiguration"))


def _defaults(enforced: bool) -> dict[str, Any]:
    return {"ResultConfiguration": {}, "EnforceWorkGroupConfiguration": enforced, "PublishCloudWatchMetricsEnabled": enforced, "RequesterPaysEnabled": False,
            "EngineVersion": ENGINE}  # fmt: skip


def existing(call: Call, name: str | None) -> WorkGroup:
    """Raises InvalidRequestException."""
    name = name or PRIMARY
    found = call.shelf(WorkGroup).get(name)
    if found is None and name == PRIMARY:
        return WorkGroup(name=PRIMARY, created=0.0, configuration=_defaults(False))
    if found is None:
        raise invalid("WorkGroup is not found.")
    return found


def _checked(said: dict[str, Any], built: set[str], what: str) -> dict[str, Any]:
    for name in said:
        if name not in built:
            raise NotImplementedHere(f"athena:{what}({name})")
    version = said.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
    if version not in ("AUTO", "Athena engine version 3"):
        raise NotImplementedHere(f"athena:{what}(EngineVersion={version})")
    if "EngineVersion" in said:
        said = said | {"EngineVersion": ENGINE | {"SelectedEngineVersion": version}}
    return said


def checked_results(said: dict[str, Any]) -> dict[str, Any]:
    location = said.get("OutputLocation")
    if location is not None and not location.startswith("s3://"):
        raise invalid("outputLocation is not a valid S3 path.")
    if said.get("EncryptionConfiguration", {}).get("EncryptionOption") == "CSE_KMS":
        raise NotImplementedHere("athena: results encrypted by the client (CSE_KMS)")
    return said


def CreateWorkGroup(
    call: Call, *, Name: str, Configuration: dict[str, Any] | None = None, Description: str | None = None, Tags: list[dict[str, str]] | None = None
) -> None:
    if Name == PRIMARY:
        raise invalid("primary workGroup could not be created")
    shelf = call.shelf(WorkGroup)
    if Name in shelf:
        raise invalid("WorkGroup is already created")
    said = _checked(Configuration or {}, _BUILT, "CreateWorkGroup")
    checked_results(said.get("ResultConfiguration", {}))
    shelf[Name] = WorkGroup(name=Name, created=call.now(), description=Description or "", configuration=_defaults(True) | said, tags=tag.checked({}, Tags))


def shown(group: WorkGroup) -> dict[str, Any]:
    return {"Name": group.name, "State": group.state, "Configuration": group.configuration, "Description": group.description, "CreationTime": group.created}


def GetWorkGroup(call: Call, *, WorkGroup: str) -> dict:
    return {"WorkGroup": shown(existing(call, WorkGroup))}


def ListWorkGroups(call: Call, *, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    groups = sorted({PRIMARY, *call.shelf(WorkGroup)})
    page, token = tag.page(groups, MaxResults or 50, NextToken)
    found = [existing(call, name) for name in page]
    return {"WorkGroups": [
        {"Name": each.name, "State": each.state, "Description": each.description, "CreationTime": each.created, "EngineVersion": each.configuration["EngineVersion"]}
        for each in found
    ]} | token  # fmt: skip


def UpdateWorkGroup(
    call: Call, *, WorkGroup: str, Description: str | None = None, ConfigurationUpdates: dict[str, Any] | None = None, State: str | None = None
) -> None:
    group = existing(call, WorkGroup)
    said = _checked(
        ConfigurationUpdates or {}, (_BUILT - {"ResultConfiguration"}) | {"ResultConfigurationUpdates", "RemoveBytesScannedCutoffPerQuery"}, "UpdateWorkGroup"
    )
    configuration = dict(group.configuration)
    for name, value in said.items():
        if name == "ResultConfigurationUpdates":
            configuration["ResultConfiguration"] = checked_results(_updated(configuration.get("ResultConfiguration", {}), value))
        elif name == "RemoveBytesScannedCutoffPerQuery":
            if value:
                configuration.pop("BytesScannedCutoffPerQuery", None)
        else:
            configuration[name] = value
    description = group.description if Description is None else Description
    _put(call, changed(group, description=description, configuration=configuration, state=State or group.state))


def _put(call: Call, group: WorkGroup) -> None:
    call.shelf(WorkGroup)[group.name] = group


def _updated(before: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    gone = {name.removeprefix("Remove") for name, value in said.items() if name.startswith("Remove") and value}
    kept = {name: value for name, value in before.items() if name not in gone}
    return kept | {name: value for name, value in said.items() if not name.startswith("Remove")}


def DeleteWorkGroup(call: Call, *, WorkGroup: str, RecursiveDeleteOption: bool | None = None) -> None:
    """One that holds named queries, prepared statements or executions is deleted with them only if that is asked for."""
    from kumoniwa.services.athena.execution import Execution  # noqa: PLC0415 (what is in a workgroup knows it)
    from kumoniwa.services.athena.named_query import NamedQuery  # noqa: PLC0415
    from kumoniwa.services.athena.prepared_statement import Prepared  # noqa: PLC0415

    group = existing(call, WorkGroup)
    if group.name == PRIMARY:
        raise invalid("primary workGroup could not be deleted")  # our words, after those of CreateWorkGroup
    for kind in (NamedQuery, Prepared, Execution):
        shelf = call.shelf(kind)
        inside = [key for key, each in shelf.items() if each.workgroup == group.name]
        if inside and not RecursiveDeleteOption:
            raise invalid(f"WorkGroup {group.name} is not empty")
        for key in inside:
            del shelf[key]
    del call.shelf(type(group))[group.name]


def ListEngineVersions(call: Call, *, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    return {"EngineVersions": [ENGINE, {"SelectedEngineVersion": "Athena engine version 3", "EffectiveEngineVersion": "Athena engine version 3"}]}
