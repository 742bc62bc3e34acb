"""Stored queries: expressions of SelectResourceConfig that have a name.

Whether AWS reads an expression before it keeps it no source tells; here it is kept as it is, and read when somebody asks by it.
https://docs.aws.amazon.com/config/latest/APIReference/API_StoredQuery.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import item, recorder
from kumoniwa.services.config.errors import (
    ResourceNotFoundException,
    TooManyTagsException,
    ValidationException,
)

QUERIES_MAX, TAGS_MAX, PAGE = 300, 50, 100
"""https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html"""


class Query(Record):
    """Shelved by its name."""

    name: str
    id: str
    description: str | None = None
    expression: str | None = None
    tags: dict[str, str] = {}


def arn_of(call: Call, query: Query) -> str:
    return call.arn(f"stored-query/{query.name}/{query.id}")


def _existing(call: Call, name: str) -> Query:
    found = call.shelf(Query).get(name)
    if found is None:
        raise ResourceNotFoundException(f"The query {name} does not exist.")
    return found


def PutStoredQuery(call: Call, *, StoredQuery: dict[str, Any], Tags: list[dict[str, str]] | None = None) -> dict:
    """A new one, or another expression for an old one, whose tags stay."""
    said, shelf = StoredQuery, call.shelf(Query)
    held = shelf.get(said["QueryName"])
    for member, value in (("QueryId", held and held.id), ("QueryArn", held and arn_of(call, held))):
        if said.get(member) not in (None, value):
            raise ValidationException(f"The {member} is not that of the query {said['QueryName']}.")
    if held is None and len(shelf) >= QUERIES_MAX:
        raise ValidationException(f"An account has {QUERIES_MAX} stored queries in a region at most.")
    tags = held.tags if held is not None else recorder.tags_said(Tags)
    if len(tags) > TAGS_MAX:
        raise TooManyTagsException(f"A resource can have {TAGS_MAX} tags at most.")
    kept = shelf[said["QueryName"]] = Query(
        name=said["QueryName"], id=held.id if held is not None else f"query-{call.ids.lower(16)}", description=said.get("Description"),
        expression=said.get("Expression"), tags=tags,
    )  # fmt: skip
    return {"QueryArn": arn_of(call, kept)}


def _shown(call: Call, query: Query) -> dict[str, Any]:
    told = {
        "QueryId": query.id, "QueryArn": arn_of(call, query), "QueryName": query.name, "Description": query.description,
        "Expression": query.expression,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def GetStoredQuery(call: Call, *, QueryName: str) -> dict:
    return {"StoredQuery": _shown(call, _existing(call, QueryName))}


def DeleteStoredQuery(call: Call, *, QueryName: str) -> dict:
    del call.shelf(Query)[_existing(call, QueryName).name]
    return {}


def ListStoredQueries(call: Call, *, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    held = call.shelf(Query)
    listed = [{name: value for name, value in _shown(call, held[key]).items() if name != "Expression"} for key in sorted(held)]
    found, token = item.page(listed, MaxResults, NextToken, unasked=PAGE)
    return item.with_token({"StoredQueryMetadata": found}, token, "NextToken")
