"""Changes of tags: what an operation that carries tags made of the tags of its service's resources, told as AWS tells it of all of them.

Nobody else has to say a word: a service that can be tagged says how everything is tagged (``all_tags``), and what differs after an operation is
what it changed. That is looked at only where somebody wants to hear of it (``home.is_wanted``), and costs what the service has to list.
https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-tag-changes.html
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kumoniwa.gate.tags import NAMELESS
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.operation import load
from kumoniwa.store.rows import Table

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route
    from kumoniwa.kernel.operation import Service

SERVICE, KIND = "tag", "Tag Change on Resource"
VERSIONS = Table("tag_version", "create table if not exists tag_version (arn text primary key, version integer) without rowid")
"""How often tags were seen to change. A resource that is made anew begins anew."""


BESIDE = {"s3control": "s3"}
"""Services that tag what another keeps."""


def _tagged(call: Call, service: Service) -> list[tuple[str, Mapping[str, str]]]:
    beside = BESIDE.get(service.name)
    return service.all_tags(call) + (load(beside).all_tags(call) if beside is not None else [])


class Before:
    """How everything of a service was tagged when an operation began."""

    def __init__(self, tags: dict[str, Mapping[str, str]]) -> None:
        self.tags = tags


class Underway:
    """Of the operations that may change tags, those which are not done: what one has told, none of the others tells again."""

    def __init__(self) -> None:
        self.befores: weakref.WeakSet[Before] = weakref.WeakSet()


def before(call: Call, route: Route, params: Mapping[str, Any]) -> Before | None:
    """None if the operation carries no tags, or nobody wants to know."""
    if route.tags and not any(name in params for name in route.tags):
        return None
    if not call.home.is_wanted(SERVICE, KIND, call.account):
        return None
    found = Before(dict(_tagged(call, route.service)))
    call.memory(Underway).befores.add(found)
    return found


def tell(call: Call, service: Service, was: Before) -> None:
    """Tell of each resource whose tags are others than they were."""
    befores = call.memory(Underway).befores
    befores.discard(was)
    for arn, tags in _tagged(call, service):
        held = was.tags.get(arn)
        if tags == (held or {}):
            continue
        for other in befores:
            other.tags[arn] = tags
        _tell(call, arn, held or {}, tags, is_new=held is None)


def _tell(call: Call, arn: str, was: Mapping[str, str], tags: Mapping[str, str], *, is_new: bool) -> None:
    named = arns.parse(arn)
    kind, separator, _ = named.resource.lstrip("/").replace(":", "/").partition("/")
    call.home.tell((SERVICE, KIND, call.account, {
        "resources": [arn],
        "changed-tag-keys": sorted(key for key in {**was, **tags} if was.get(key) != tags.get(key)),
        "service": named.service,
        "resource-type": kind if separator else NAMELESS.get(named.service, kind),
        "version": _counted(call, arn, is_new=is_new),
        # A text of milliseconds: seen in an event of AWS's, of EKS in 2025.
        "version-timestamp": str(milliseconds(call.now())),
        "tags": {key: value or "" for key, value in tags.items()},
    }))  # fmt: skip


def _counted(call: Call, arn: str, *, is_new: bool) -> int:
    rows = call.rows(VERSIONS)
    held = None if is_new else rows.one("select version from tag_version where arn = ?", arn)
    version = held[0] + 1 if held is not None else 1
    rows.run("insert or replace into tag_version values (?, ?)", arn, version)
    return version
