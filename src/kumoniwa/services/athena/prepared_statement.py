"""Prepared statements: queries of a workgroup that are run by their names, with values for their marks.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.athena import tag, workgroup
from kumoniwa.services.athena.errors import ResourceNotFoundException, invalid


class Prepared(Record):
    """Shelved by workgroup and name."""

    name: str
    workgroup: str
    query: str
    modified: float
    description: str = ""


def key_of(group: str, name: str) -> str:
    return f"{group}/{name}"


def existing(call: Call, group: str, name: str) -> Prepared:
    found = call.shelf(Prepared).get(key_of(group, name))
    if found is None:
        raise ResourceNotFoundException(f"PreparedStatement {name} was not found in workGroup {group}", ResourceName=name)
    return found


def put(call: Call, group: str, name: str, query: str, description: str = "") -> None:
    shelf, key = call.shelf(Prepared), key_of(group, name)
    if key in shelf:
        raise invalid(f"PreparedStatement {name} already exists in workGroup {group}")  # our words
    shelf[key] = Prepared(name=name, workgroup=group, query=query, modified=call.now(), description=description)


def CreatePreparedStatement(call: Call, *, StatementName: str, WorkGroup: str, QueryStatement: str, Description: str | None = None) -> None:
    put(call, workgroup.existing(call, WorkGroup).name, StatementName, QueryStatement, Description or "")


def _shown(statement: Prepared) -> dict[str, Any]:
    told = {"StatementName": statement.name, "QueryStatement": statement.query, "WorkGroupName": statement.workgroup, "LastModifiedTime": statement.modified}
    return told | ({"Description": statement.description} if statement.description else {})


def GetPreparedStatement(call: Call, *, StatementName: str, WorkGroup: str) -> dict:
    return {"PreparedStatement": _shown(existing(call, workgroup.existing(call, WorkGroup).name, StatementName))}


def BatchGetPreparedStatement(call: Call, *, PreparedStatementNames: list[str], WorkGroup: str) -> dict:
    group, shelf = workgroup.existing(call, WorkGroup).name, call.shelf(Prepared)
    found = [name for name in PreparedStatementNames if key_of(group, name) in shelf]
    missing = [
        {"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": f"PreparedStatement {name} was not found in workGroup {group}"}
        for name in PreparedStatementNames if name not in found
    ]  # fmt: skip
    return {"PreparedStatements": [_shown(shelf[key_of(group, name)]) for name in found], "UnprocessedPreparedStatementNames": missing}


def ListPreparedStatements(call: Call, *, WorkGroup: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    group = workgroup.existing(call, WorkGroup).name
    listed = sorted((each for each in call.shelf(Prepared).values() if each.workgroup == group), key=lambda each: each.name)
    found, token = tag.page(listed, MaxResults or 50, NextToken)
    return {"PreparedStatements": [{"StatementName": each.name, "LastModifiedTime": each.modified} for each in found]} | token


def UpdatePreparedStatement(call: Call, *, StatementName: str, WorkGroup: str, QueryStatement: str, Description: str | None = None) -> None:
    statement = existing(call, workgroup.existing(call, WorkGroup).name, StatementName)
    description = statement.description if Description is None else Description
    call.shelf(Prepared)[key_of(statement.workgroup, statement.name)] = changed(statement, query=QueryStatement, description=description, modified=call.now())


def DeletePreparedStatement(call: Call, *, StatementName: str, WorkGroup: str) -> None:
    statement = existing(call, workgroup.existing(call, WorkGroup).name, StatementName)
    del call.shelf(Prepared)[key_of(statement.workgroup, statement.name)]
