"""Saved queries: a name, a text and the groups it is for. They are kept, and run by who reads them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.logs.group import InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.logs.page import paged
from kumoniwa.services.logs.policy import LimitExceededException

GROUPS_MAX = 50
"""Seen of AWS by cdk-preflight, with its text: pf-logs-query-definition-log-groups-max."""
DEFINITIONS_MAX = 1_000
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


class Definition(Record):
    """Shelved by its id."""

    id: str
    name: str
    text: str
    modified_ms: int
    groups: tuple[str, ...] = ()
    parameters: tuple[dict[str, str], ...] = ()


def PutQueryDefinition(
    call: Call, *, name: str, queryString: str, queryLanguage: str = "CWLI", queryDefinitionId: str | None = None,
    logGroupNames: list[str] | None = None, clientToken: str | None = None, parameters: list[dict] | None = None,
) -> dict:  # fmt: skip
    if queryLanguage != "CWLI":
        raise NotImplementedHere(f"queries in OpenSearch {queryLanguage}")
    if len(logGroupNames or ()) > GROUPS_MAX:
        raise InvalidParameterException("Too many log groups specified")
    shelf = call.shelf(Definition)
    if queryDefinitionId is not None and queryDefinitionId not in shelf:
        raise ResourceNotFoundException(f"Query definition with id {queryDefinitionId} does not exist.")
    if queryDefinitionId is None and len(shelf) >= DEFINITIONS_MAX:
        raise LimitExceededException
    names = [each["name"] for each in parameters or ()]
    if len(names) != len(set(names)):
        raise InvalidParameterException("The names of query parameters must be unique.")
    number = queryDefinitionId or call.new_id()
    shelf[number] = Definition(
        id=number, name=name, text=queryString, modified_ms=milliseconds(call.now()), groups=tuple(logGroupNames or ()),
        parameters=tuple(parameters or ()),
    )  # fmt: skip
    return {"queryDefinitionId": number}


def DescribeQueryDefinitions(
    call: Call, *, queryLanguage: str | None = None, queryDefinitionNamePrefix: str | None = None, maxResults: int | None = None,
    nextToken: str | None = None,
) -> dict:  # fmt: skip
    found = sorted(
        (each for each in call.shelf(Definition).values() if each.name.startswith(queryDefinitionNamePrefix or "")),
        key=lambda each: (each.name, each.id),
    )
    if queryLanguage not in (None, "CWLI"):
        found = []
    return paged(found, nextToken, maxResults or 1000, _shown, "queryDefinitions")


def _shown(definition: Definition) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "queryLanguage": "CWLI",
        "queryDefinitionId": definition.id,
        "name": definition.name,
        "queryString": definition.text,
        "lastModified": definition.modified_ms,
        "logGroupNames": list(definition.groups),
    }
    return shown | ({"parameters": list(definition.parameters)} if definition.parameters else {})


def DeleteQueryDefinition(call: Call, *, queryDefinitionId: str) -> dict:
    if call.shelf(Definition).pop(queryDefinitionId, None) is None:
        raise ResourceNotFoundException(f"Query definition with id {queryDefinitionId} does not exist.")
    return {"success": True}
