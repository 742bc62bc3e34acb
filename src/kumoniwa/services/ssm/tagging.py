"""Tags of parameters, documents, automations, OpsItems, maintenance windows and managed nodes.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm.access import KINDS
from kumoniwa.services.ssm.document import Document
from kumoniwa.services.ssm.errors import InvalidResourceId, TooManyTagsError
from kumoniwa.services.ssm.execution import Execution
from kumoniwa.services.ssm.node import Node
from kumoniwa.services.ssm.opsitem import OpsItem
from kumoniwa.services.ssm.parameter import Parameter
from kumoniwa.services.ssm.tag import TAGS_MAX, checked
from kumoniwa.services.ssm.window import Window
from kumoniwa.services.ssm.window_task import Task

_KINDS: dict[str, type[Record]] = {
    "Parameter": Parameter, "Document": Document, "Automation": Execution, "OpsItem": OpsItem, "MaintenanceWindow": Window,
    "ManagedInstance": Node,
}  # fmt: skip


def _tagged(call: Call, kind: str, id_: str) -> tuple[type[Record], str, Any]:
    """The shelf, the key and the record of something that has tags."""
    if kind not in _KINDS:
        raise NotImplementedHere(f"tags of a {kind}")
    key = id_.removeprefix("/") if kind == "Parameter" else id_
    record = call.shelf(_KINDS[kind]).get(key)
    if record is None:
        raise InvalidResourceId
    return _KINDS[kind], key, record


_NAMED = {name: kind for kind, name in KINDS.items()}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    parsed = arns.parse(arn)
    kind, _, id_ = parsed.resource.partition("/") if parsed is not None else ("", "", "")
    if kind == "windowtask":
        # A task has no tags of its own; those of its window say whose it is.
        task = next((each for each in call.shelf(Task).values() if each.id == id_), None)
        kind, id_ = ("maintenancewindow", task.window) if task is not None else ("", "")
    return _tagged(call, _NAMED[kind], id_)[2].tags if kind in _NAMED else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"{KINDS[kind]}/{key}"), each.tags) for kind, record in _KINDS.items() for key, each in call.shelf(record).items()]


def AddTagsToResource(call: Call, *, ResourceType: str, ResourceId: str, Tags: list[dict[str, str]]) -> None:
    kind, key, record = _tagged(call, ResourceType, ResourceId)
    tags = record.tags | checked(Tags)
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsError(f"The Targets parameter includes too many tags: {TAGS_MAX} at most.")
    call.shelf(kind)[key] = changed(record, tags=tags)


def RemoveTagsFromResource(call: Call, *, ResourceType: str, ResourceId: str, TagKeys: list[str]) -> None:
    kind, key, record = _tagged(call, ResourceType, ResourceId)
    call.shelf(kind)[key] = changed(record, tags={name: value for name, value in record.tags.items() if name not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceType: str, ResourceId: str) -> dict:
    _, _, record = _tagged(call, ResourceType, ResourceId)
    return {"TagList": [{"Key": name, "Value": value} for name, value in record.tags.items()]}
