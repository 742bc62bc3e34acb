"""The operations of Contributor Insights: which tables and indexes have it, in which mode.

How states follow one another, what is told of each and what is refused was recorded by ack-api-quirks in October 2026 (DDB-TABLE-089 to 097,
DDB-TABLE-341, DDB-TABLE-343).
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import contribution
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.contribution import ALL, Insights
from kumoniwa.services.dynamodb.table import Index, ResourceNotFoundException, Table

SETTLES_S = 2.0
LIST_MAX = 100


def _index(table: Table, name: str | None) -> Index | None:
    """A global index; local ones have no insights of their own."""
    if name is None:
        return None
    found = next((index for index in table.indexes if index.is_global and index.name == name), None)
    if found is None:
        raise ResourceNotFoundException(f"Requested resource not found: Index: {name} not found for table: {table.name}")
    return found


def _status(call: Call, insights: Insights | None) -> str:
    if insights is None:
        return "DISABLED"
    if insights.settled > call.now():
        return "ENABLING" if insights.is_on else "DISABLING"
    return "ENABLED" if insights.is_on else "DISABLED"


def _named(table: Table, index: Index | None) -> dict[str, Any]:
    return {"TableName": table.name} | ({"IndexName": index.name} if index is not None else {})


def UpdateContributorInsights(
    call: Call, *, TableName: str, ContributorInsightsAction: str, IndexName: str | None = None, ContributorInsightsMode: str | None = None
) -> dict:
    """What is so already stays as it is. Another mode keeps the rules that both have, with what they counted."""
    table = tables.described(call, TableName)
    index = _index(table, IndexName)
    for each, what in ((table, "TableStatus"), (index, "IndexStatus")):
        if each is not None and each.active_at > call.now():
            raise ValidationException(
                f"Table or Index is not in a valid state to update Key Access Insights: {what} must be ACTIVE to enable ContributorInsights."
            )
    held = table.insights if index is None else index.insights
    mode, was_on = ContributorInsightsMode or ALL, held is not None and held.is_on
    is_on = ContributorInsightsAction == "ENABLE"
    if is_on == was_on and (not is_on or mode == held.mode):
        told = {"ContributorInsightsMode": held.mode} if held is not None else {}
        return _named(table, index) | {"ContributorInsightsStatus": _status(call, held)} | told
    settled = call.now() + (SETTLES_S if call.home.settings.pace == "real" else 0.0)
    made = Insights(
        mode=mode if is_on else held.mode, is_on=is_on, updated=call.now(), settled=settled,
        made_ms=held.made_ms if was_on else milliseconds(call.now()),
    )  # fmt: skip
    if index is None:
        now = changed(table, insights=made)
    else:
        now = changed(table, indexes=tuple(changed(each, insights=made) if each is index else each for each in table.indexes))
    call.shelf(Table)[table.name] = now
    contribution.follow(call, table, now)
    status = "ENABLING" if is_on else "DISABLING"
    return _named(table, index) | {"ContributorInsightsStatus": status, "ContributorInsightsMode": made.mode}


def DescribeContributorInsights(call: Call, *, TableName: str, IndexName: str | None = None) -> dict:
    table = tables.described(call, TableName)
    index = _index(table, IndexName)
    held = table.insights if index is None else index.insights
    told: dict[str, Any] = _named(table, index) | {"ContributorInsightsStatus": _status(call, held)}
    if held is not None:
        told |= {"LastUpdateDateTime": held.updated, "ContributorInsightsMode": held.mode}
        if told["ContributorInsightsStatus"] == "ENABLED":
            told["ContributorInsightsRuleList"] = [rule.name for rule in contribution.Watch(table, index).rules]
    return told


def ListContributorInsights(call: Call, *, TableName: str | None = None, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    """Those that are not DISABLED, a table before its indexes. AWS's pages may be empty and yet not the last; ours are not."""
    of = [tables.described(call, TableName)] if TableName is not None else [table for _, table in sorted(call.shelf(Table).items())]
    found = []
    for table in of:
        for index, held in [(None, table.insights), *((index, index.insights) for index in table.indexes)]:
            status = _status(call, held)
            if status != "DISABLED":
                found.append(_named(table, index) | {"ContributorInsightsStatus": status, "ContributorInsightsMode": held.mode})
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 16):
        raise ValidationException(f"Invalid Request: Provided nextToken is invalid: {NextToken}")
    start = int(NextToken or 0)
    end = start + (MaxResults or LIST_MAX)
    return {"ContributorInsightsSummaries": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})
