"""Tags of hubs and of automation rules."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.securityhub.automation import Rule
from kumoniwa.services.securityhub.errors import ResourceNotFoundException
from kumoniwa.services.securityhub.hub import Hub
from kumoniwa.services.securityhub.tag import added

_KINDS: dict[str, type[Hub] | type[Rule]] = {"hub": Hub, "automation-rule": Rule}


def _found(call: Call, arn: str) -> tuple[type[Hub] | type[Rule], str]:
    for kind, record in _KINDS.items():
        name = arn.removeprefix(call.arn(f"{kind}/"))
        if name != arn and name in call.shelf(record):
            return record, name
    raise ResourceNotFoundException(f"The resource {arn} does not exist.")


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, name = _found(call, arn)
    return call.shelf(kind)[name].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"{kind}/{name}"), each.tags) for kind, record in _KINDS.items() for name, each in call.shelf(record).items()]


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str]) -> None:
    kind, name = _found(call, ResourceArn)
    held = call.shelf(kind)[name]
    call.shelf(kind)[name] = changed(held, tags=added(held.tags, Tags))


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    kind, name = _found(call, ResourceArn)
    held = call.shelf(kind)[name]
    call.shelf(kind)[name] = changed(held, tags={key: value for key, value in held.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": tags_of(call, ResourceArn)}
