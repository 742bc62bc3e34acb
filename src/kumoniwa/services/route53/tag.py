"""Tags of hosted zones and health checks."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.route53 import healthcheck, zone
from kumoniwa.services.route53.errors import InvalidInput

TAGS_MAX = 50


def _tagged(call: Call, kind: str, resource_id: str) -> zone.HostedZone | healthcheck.HealthCheck:
    return zone.find(call, resource_id) if kind == "hostedzone" else healthcheck.find(call, resource_id)


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    kinds = {"hostedzone": zone.HostedZone, "healthcheck": healthcheck.HealthCheck}
    return [
        (f"arn:{call.home.partition}:route53:::{name}/{key}", each.tags)
        for name, kind in kinds.items()
        for key, each in call.shelf(kind).items()
    ]


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidInput(f"Tag key '{key}' is invalid: it must not be empty, and aws: is reserved.")


def ChangeTagsForResource(
    call: Call, *, ResourceType: str, ResourceId: str, AddTags: list[dict] | None = None, RemoveTagKeys: list[str] | None = None
) -> dict:
    found = _tagged(call, ResourceType, ResourceId)
    if not AddTags and not RemoveTagKeys:
        raise InvalidInput("The request must contain tags to add or tag keys to remove.")
    added = {tag.get("Key", ""): tag.get("Value", "") for tag in AddTags or ()}
    for key in added:
        if not key:
            raise reserved_tag("ChangeTagsForResource", key)
    tags = {**{key: value for key, value in found.tags.items() if key not in (RemoveTagKeys or ())}, **added}
    if len(tags) > TAGS_MAX:
        raise InvalidInput(f"A {ResourceType} may have at most {TAGS_MAX} tags.")
    call.shelf(type(found))[found.id] = changed(found, tags=tags)
    return {}


def _shown(kind: str, found: zone.HostedZone | healthcheck.HealthCheck) -> dict:
    tags = [{"Key": key, "Value": value} for key, value in found.tags.items()]
    return {"ResourceType": kind, "ResourceId": found.id, "Tags": tags}


def ListTagsForResource(call: Call, *, ResourceType: str, ResourceId: str) -> dict:
    return {"ResourceTagSet": _shown(ResourceType, _tagged(call, ResourceType, ResourceId))}


def ListTagsForResources(call: Call, *, ResourceType: str, ResourceIds: list[str]) -> dict:
    return {"ResourceTagSets": [_shown(ResourceType, _tagged(call, ResourceType, each)) for each in ResourceIds]}
