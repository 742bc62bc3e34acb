"""Resources: the tree of an API's paths.

Under one parent each name stands once, and at most one child may be variable.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import restapi
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.restapi import ConflictException, RestApi

RESOURCES_MAX = 300
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""
_PART = re.compile(r"[a-zA-Z0-9._\-:~]+|\{[a-zA-Z0-9._\-:]+\+?\}")

RULES = Rules({"/parentId": Rule("parentId"), "/pathPart": Rule("pathPart")}, is_listed=True)


def found(call: Call, api_id: str, resource_id: str) -> tuple[RestApi, dict[str, Any]]:
    """The API and its resource. AWS blames the resource, even where the API is missing."""
    api = call.shelf(restapi.RestApi).get(api_id)
    resource = api.resources.get(resource_id) if api is not None else None
    if resource is None:
        raise NotFoundException("Invalid Resource identifier specified")
    return api, resource


def is_variable(part: str) -> bool:
    return part.startswith("{")


def check_part(part: str) -> None:
    if not _PART.fullmatch(part or ""):
        raise BadRequestException(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end."
        )


def check_place(api: RestApi, parent: dict[str, Any], part: str, itself: str = "") -> None:
    """Whether ``part`` may stand under ``parent``."""
    check_part(part)
    greedy = parent.get("pathPart", "")
    if greedy.endswith("+}"):
        raise BadRequestException(
            f"Cannot create a child of a resource with a greedy path variable: {greedy}"
        )
    for sibling in api.resources.values():
        if sibling.get("parentId") != parent["id"] or sibling["id"] == itself:
            continue
        if sibling["pathPart"] == part:
            raise ConflictException(f"Another resource with the same parent already has this name: {part}")
        if is_variable(part) and is_variable(sibling["pathPart"]):
            raise BadRequestException(
                f"A sibling ({sibling['pathPart']}) of this resource already has a variable path part -- only one is allowed"
            )


def path_under(parent: dict[str, Any], part: str) -> str:
    return f"{parent['path'].rstrip('/')}/{part}"


def with_child(call: Call, api: RestApi, parent: dict[str, Any], part: str) -> tuple[RestApi, dict[str, Any]]:
    check_place(api, parent, part)
    if len(api.resources) > RESOURCES_MAX:
        raise BadRequestException(
            "Maximum number of resources for this API has been reached. Please contact AWS if you need additional resources."
        )
    made = {
        "id": restapi.short_id(call),
        "parentId": parent["id"],
        "pathPart": part,
        "path": path_under(parent, part),
    }
    return with_resource(api, made), made


def with_resource(api: RestApi, resource: dict[str, Any]) -> RestApi:
    return changed(api, resources={**api.resources, resource["id"]: resource})


def family(api: RestApi, resource_id: str) -> set[str]:
    """A resource and everything below it."""
    kin = {resource_id}
    children: dict[str, list[str]] = {}
    for resource in api.resources.values():
        children.setdefault(resource.get("parentId", ""), []).append(resource["id"])
    waiting = [resource_id]
    while waiting:
        below = children.get(waiting.pop(), [])
        kin.update(below)
        waiting.extend(below)
    return kin


def repathed(api: RestApi) -> RestApi:
    """The API with every path spelled anew from its parents."""
    paths: dict[str, str] = {api.root["id"]: "/"}

    def path(resource: dict[str, Any]) -> str:
        known = paths.get(resource["id"])
        if known is None:
            above = path(api.resources[resource["parentId"]])
            known = paths[resource["id"]] = f"{above.rstrip('/')}/{resource['pathPart']}"
        return known

    return changed(
        api, resources={key: {**resource, "path": path(resource)} for key, resource in api.resources.items()}
    )


def shown(resource: dict[str, Any], embed: list[str] | None) -> dict[str, Any]:
    """A resource; of its methods only the names, unless they are asked for."""
    methods = resource.get("resourceMethods")
    if not methods or "methods" in (embed or ()):
        return resource
    return {**resource, "resourceMethods": {name: {} for name in methods}}


# Operations ------------------------------------------------------------------------------------------


def CreateResource(call: Call, *, restApiId: str, parentId: str, pathPart: str) -> dict:
    api, parent = found(call, restApiId, parentId)
    api, made = with_child(call, api, parent, pathPart)
    restapi.put(call, api)
    return made


def GetResource(call: Call, *, restApiId: str, resourceId: str, embed: list[str] | None = None) -> dict:
    return shown(found(call, restApiId, resourceId)[1], embed)


def GetResources(call: Call, *, restApiId: str, embed: list[str] | None = None) -> dict:
    resources = sorted(
        restapi.find(call, restApiId).resources.values(), key=lambda resource: resource["path"]
    )
    return {"items": [shown(resource, embed) for resource in resources]}


def UpdateResource(
    call: Call, *, restApiId: str, resourceId: str, patchOperations: list[dict] | None = None
) -> dict:
    api, resource = found(call, restApiId, resourceId)
    moved = RULES.applied(resource, patchOperations)
    if "parentId" not in resource:
        for member in ("parentId", "pathPart"):
            if member in moved:
                raise BadRequestException(f"Root resource cannot update its {member}.")
        return resource
    parent = api.resources.get(moved.get("parentId", ""))
    if parent is None:
        raise NotFoundException("Invalid Resource identifier specified")
    if parent["id"] in family(api, resourceId):
        raise BadRequestException("Resources cannot be cyclical.")
    check_place(api, parent, moved.get("pathPart", ""), resourceId)
    api = restapi.put(call, repathed(with_resource(api, moved)))
    return shown(api.resources[resourceId], None)


def DeleteResource(call: Call, *, restApiId: str, resourceId: str) -> None:
    api, resource = found(call, restApiId, resourceId)
    if "parentId" not in resource:
        raise BadRequestException("Root resource cannot be deleted.")
    gone = family(api, resourceId)
    restapi.put(
        call, changed(api, resources={key: held for key, held in api.resources.items() if key not in gone})
    )
