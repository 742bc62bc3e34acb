"""The operations on tags, and what the gate asks about them."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.application_signals import tag
from kumoniwa.services.application_signals.errors import ResourceNotFoundException
from kumoniwa.services.application_signals.objective import Objective, arn_of, named


def _tagged(call: Call, arn: str) -> Objective:
    if ":slo/" not in arn:
        raise ResourceNotFoundException("ServiceLevelObjective", arn, f"Resource {arn} does not exist.")
    return named(call, arn)


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> dict:
    held = _tagged(call, ResourceArn)
    call.shelf(Objective)[held.name] = changed(held, tags=tag.checked(Tags, held.tags))
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict:
    held = _tagged(call, ResourceArn)
    call.shelf(Objective)[held.name] = changed(held, tags={key: value for key, value in held.tags.items() if key not in TagKeys})
    return {}


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(_tagged(call, ResourceArn).tags.items())]}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, name), each.tags) for name, each in call.shelf(Objective).items()]
