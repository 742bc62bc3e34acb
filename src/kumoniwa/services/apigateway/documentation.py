"""Documentation: what an API's owner writes about its parts, and snapshots of it that are published with stages.

A part belongs to a place of the API, which need not exist yet. Imports read the parts of the document's extension
``x-amazon-apigateway-documentation``; descriptions elsewhere in a document stay where they are.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway import restapi
from kumoniwa.services.apigateway import stage as stages
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.restapi import ConflictException
from kumoniwa.services.apigateway.stage import Stage

EXTENSION = "x-amazon-apigateway-documentation"


class Part(Record):
    """Shelved by ``api/id``."""

    id: str
    location: dict[str, str]
    properties: str


class DocumentationVersion(Record):
    """Shelved by ``api/version``."""

    document: dict[str, Any]
    """What GetDocumentationVersion answers."""
    parts: list[dict[str, Any]] = []
    """Each part's location and properties on the day the version was made."""


_METHOD = ("path", "method")
_ANSWER = (*_METHOD, "statusCode")
FIELDS: dict[str, tuple[str, ...]] = {
    "API": (), "AUTHORIZER": ("name",), "MODEL": ("name",), "RESOURCE": ("path",), "METHOD": _METHOD,
    "PATH_PARAMETER": (*_METHOD, "name"), "QUERY_PARAMETER": (*_METHOD, "name"), "REQUEST_HEADER": (*_METHOD, "name"),
    "REQUEST_BODY": _METHOD, "RESPONSE": _ANSWER, "RESPONSE_HEADER": (*_ANSWER, "name"), "RESPONSE_BODY": _ANSWER,
}  # fmt: skip
"""Which members tell the place of each kind of part."""
DEFAULTS = {"path": "/", "method": "*", "statusCode": "*"}


def _located(given: dict[str, Any]) -> dict[str, str]:
    """The place with its defaults. Raises BadRequestException."""
    kind = given.get("type")
    if kind not in FIELDS:
        raise BadRequestException(f"Invalid documentation part type specified: {kind}")
    wanted = FIELDS[kind]
    if kind == "API" and any(given.get(member) for member in (*_ANSWER, "name")):
        # As cdk-preflight saw it of AWS (pf-apigw-documentation-part-location); of other kinds it tells nothing.
        raise BadRequestException("[Location type: API cannot have path, method, statusCode or name defined.]")
    for member in given.keys() - {"type", *wanted}:
        if given[member]:
            raise BadRequestException(f"Invalid location: {member} is not valid for type {kind}")
    location = {"type": kind}
    for member in wanted:
        value = given.get(member) or DEFAULTS.get(member)
        if value is None:
            raise BadRequestException(f"Invalid location: {member} is required for type {kind}")
        location[member] = str(value)
    return location


def _properties(text: str | None) -> str:
    try:
        if isinstance(json.loads(text or ""), dict):
            return text or ""
    except (ValueError, RecursionError):
        pass
    raise BadRequestException("Documentation part properties must be a valid JSON object")


RULES = Rules({"/properties": Rule("properties", _properties)}, is_listed=True)
VERSION_RULES = Rules({"/description": Rule("description")}, is_listed=True)


def _shown(part: Part) -> dict[str, Any]:
    return {"id": part.id, "location": part.location, "properties": part.properties}


def of(call: Call, api_id: str) -> list[Part]:
    return [part for key, part in call.shelf(Part).items() if key.startswith(f"{api_id}/")]


def _found(call: Call, api_id: str, part_id: str) -> Part:
    part = call.shelf(Part).get(f"{api_id}/{part_id}")
    if part is None:
        raise NotFoundException("Invalid Documentation part identifier specified")
    return part


def _put(call: Call, api_id: str, location: dict[str, str], properties: str, part_id: str = "") -> Part:
    part = Part(id=part_id or restapi.short_id(call), location=location, properties=properties)
    call.shelf(Part)[f"{api_id}/{part.id}"] = part
    return part


def CreateDocumentationPart(call: Call, *, restApiId: str, location: dict, properties: str) -> dict:
    restapi.find(call, restApiId)
    place, properties = _located(location), _properties(properties)
    if any(part.location == place for part in of(call, restApiId)):
        where = ", ".join(f"{member} '{value}'" for member, value in place.items())
        raise ConflictException(f"Documentation part already exists for the specified location: {where}.")
    return _shown(_put(call, restApiId, place, properties))


def GetDocumentationPart(call: Call, *, restApiId: str, documentationPartId: str) -> dict:
    return _shown(_found(call, restApiId, documentationPartId))


def GetDocumentationParts(
    call: Call,
    *,
    restApiId: str,
    type: str | None = None,
    nameQuery: str | None = None,
    path: str | None = None,
    locationStatus: str | None = None,
) -> dict:
    restapi.find(call, restApiId)
    if locationStatus == "UNDOCUMENTED":
        raise NotImplementedHere("the places without documentation of apigateway APIs")
    parts = [
        part
        for part in of(call, restApiId)
        if type in (None, part.location["type"])
        and (nameQuery or "") in part.location.get("name", "")
        and path in (None, part.location.get("path"))
    ]
    return {"items": [_shown(part) for part in parts]}


def UpdateDocumentationPart(
    call: Call, *, restApiId: str, documentationPartId: str, patchOperations: list[dict] | None = None
) -> dict:
    part = _found(call, restApiId, documentationPartId)
    document = RULES.applied({"properties": part.properties}, patchOperations)
    return _shown(_put(call, restApiId, part.location, document["properties"], part.id))


def DeleteDocumentationPart(call: Call, *, restApiId: str, documentationPartId: str) -> None:
    restapi.find(call, restApiId)
    _found(call, restApiId, documentationPartId)
    del call.shelf(Part)[f"{restApiId}/{documentationPartId}"]


def imported(call: Call, api_id: str, document: dict[str, Any], mode: str) -> list[str]:
    """The ids of the parts that a document's extension has. ``merge`` joins properties, ``overwrite`` replaces all parts."""
    said = document.get(EXTENSION)
    listed = said.get("documentationParts") if isinstance(said, dict) else None
    parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    if mode == "overwrite":
        for part in of(call, api_id):
            del call.shelf(Part)[f"{api_id}/{part.id}"]
    known = {json.dumps(part.location, sort_keys=True): part for part in of(call, api_id)}
    ids = []
    for given in parts:
        place = _located(given.get("location") if isinstance(given.get("location"), dict) else {})
        properties = given.get("properties")
        properties = properties if isinstance(properties, dict) else json.loads(_properties(properties))
        before = known.get(json.dumps(place, sort_keys=True))
        if before is not None:
            properties = json.loads(before.properties) | properties
        ids.append(_put(call, api_id, place, json.dumps(properties), before.id if before is not None else "").id)
    return ids


# Versions ----------------------------------------------------------------------------------------------------


def find_version(call: Call, api_id: str, version: str) -> DocumentationVersion:
    found = call.shelf(DocumentationVersion).get(f"{api_id}/{version}")
    if found is None:
        raise NotFoundException("Invalid Documentation version specified")
    return found


def CreateDocumentationVersion(
    call: Call, *, restApiId: str, documentationVersion: str, stageName: str | None = None, description: str | None = None
) -> dict:
    restapi.find(call, restApiId)
    key = f"{restApiId}/{documentationVersion}"
    if not documentationVersion:
        raise BadRequestException("Documentation version must be non-empty")
    if key in call.shelf(DocumentationVersion):
        raise ConflictException("Documentation version already exists")
    parts = [{"location": part.location, "properties": json.loads(part.properties)} for part in of(call, restApiId)]
    document = {"version": documentationVersion, "createdDate": float(int(call.now()))}
    version = DocumentationVersion(document=document | ({"description": description} if description else {}), parts=parts)
    if stageName:
        stage = stages.found(call, restApiId, stageName)
        document = stage.document | {"documentationVersion": documentationVersion}
        call.shelf(Stage)[stages.key(restApiId, stageName)] = changed(stage, document=document)
    call.shelf(DocumentationVersion)[key] = version
    return version.document


def GetDocumentationVersion(call: Call, *, restApiId: str, documentationVersion: str) -> dict:
    return find_version(call, restApiId, documentationVersion).document


def GetDocumentationVersions(call: Call, *, restApiId: str) -> dict:
    restapi.find(call, restApiId)
    shelf = call.shelf(DocumentationVersion)
    return {"items": [shelf[key].document for key in sorted(shelf) if key.startswith(f"{restApiId}/")]}


def UpdateDocumentationVersion(
    call: Call, *, restApiId: str, documentationVersion: str, patchOperations: list[dict] | None = None
) -> dict:
    version = find_version(call, restApiId, documentationVersion)
    version = changed(version, document=VERSION_RULES.applied(version.document, patchOperations))
    call.shelf(DocumentationVersion)[f"{restApiId}/{documentationVersion}"] = version
    return version.document


def DeleteDocumentationVersion(call: Call, *, restApiId: str, documentationVersion: str) -> None:
    find_version(call, restApiId, documentationVersion)
    del call.shelf(DocumentationVersion)[f"{restApiId}/{documentationVersion}"]
