"""Named queries: texts that are kept under a name. https://docs.aws.amazon.com/athena/latest/ug/saved-queries.html"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.athena import tag, workgroup
from kumoniwa.services.athena.errors import invalid

AT_ONCE_MAX = 50


class NamedQuery(Record):
    id: str
    name: str
    database: str
    query: str
    workgroup: str
    created: float
    description: str = ""


def existing(call: Call, number: str) -> NamedQuery:
    found = call.shelf(NamedQuery).get(number)
    if found is None:
        raise invalid(f"NamedQuery {number} is not found")  # our words
    return found


def CreateNamedQuery(
    call: Call, *, Name: str, Database: str, QueryString: str, Description: str | None = None, ClientRequestToken: str | None = None,
    WorkGroup: str | None = None,
) -> dict:  # fmt: skip
    group, number = workgroup.existing(call, WorkGroup), call.new_id()
    call.shelf(NamedQuery)[number] = NamedQuery(
        id=number, name=Name, database=Database, query=QueryString, workgroup=group.name, created=call.now(), description=Description or ""
    )
    return {"NamedQueryId": number}


def _shown(query: NamedQuery) -> dict[str, Any]:
    told = {"Name": query.name, "Database": query.database, "QueryString": query.query, "NamedQueryId": query.id, "WorkGroup": query.workgroup}
    return told | ({"Description": query.description} if query.description else {})


def GetNamedQuery(call: Call, *, NamedQueryId: str) -> dict:
    return {"NamedQuery": _shown(existing(call, NamedQueryId))}


def BatchGetNamedQuery(call: Call, *, NamedQueryIds: list[str]) -> dict:
    shelf = call.shelf(NamedQuery)
    missing = [
        {"NamedQueryId": each, "ErrorCode": "INVALID_INPUT", "ErrorMessage": f"NamedQuery {each} is not found"} for each in NamedQueryIds if each not in shelf
    ]
    return {"NamedQueries": [_shown(shelf[each]) for each in NamedQueryIds if each in shelf], "UnprocessedNamedQueryIds": missing}


def ListNamedQueries(call: Call, *, NextToken: str | None = None, MaxResults: int | None = None, WorkGroup: str | None = None) -> dict:
    group = workgroup.existing(call, WorkGroup)
    listed = sorted((each for each in call.shelf(NamedQuery).values() if each.workgroup == group.name), key=lambda each: (-each.created, each.id))
    found, token = tag.page([each.id for each in listed], MaxResults or AT_ONCE_MAX, NextToken)
    return {"NamedQueryIds": found} | token


def UpdateNamedQuery(call: Call, *, NamedQueryId: str, Name: str, QueryString: str, Description: str | None = None) -> None:
    query = existing(call, NamedQueryId)
    description = query.description if Description is None else Description
    call.shelf(NamedQuery)[query.id] = changed(query, name=Name, query=QueryString, description=description)


def DeleteNamedQuery(call: Call, *, NamedQueryId: str) -> None:
    del call.shelf(NamedQuery)[existing(call, NamedQueryId).id]
