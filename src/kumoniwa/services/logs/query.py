"""Queries of Logs Insights: asked for, run in a process of their own one after the other, and answered for a week.

A query is a record; what it found are pages of rows. One that a region was running when it was killed is run again by its next life.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.insights import plan, reader
from kumoniwa.languages.insights.setting import Setting
from kumoniwa.languages.insights.syntax import Lookup, Malformed, Source, Unbuilt, Unmask
from kumoniwa.languages.insights.syntax import Query as Commands
from kumoniwa.services.logs import encryption, lookup_table
from kumoniwa.services.logs.group import (
    DAY_MS,
    Group,
    InvalidParameterException,
    ResourceNotFoundException,
    name_in,
)
from kumoniwa.services.logs.page import InvalidToken, paged
from kumoniwa.services.logs.policy import LimitExceededException
from kumoniwa.store.rows import Table

PAGES = Table(
    "log_query_page",
    "create table if not exists log_query_page (query text, first integer, count integer, body blob, primary key (query, first)) without rowid",
    added=("of text", "link text"),
)
QUERIES = ("logs", "queries")
KEPT_S = 7 * 86_400
GROUPS_MAX, OPEN_MAX, PREFIXES_MAX = 50, 100, 5
SOURCE_GROUPS_MAX = 10_000
ITEMS_MAX = 10_000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
SCHEDULED, RUNNING, COMPLETE, FAILED, CANCELLED, TIMEOUT = "Scheduled", "Running", "Complete", "Failed", "Cancelled", "Timeout"
OPEN = (SCHEDULED, RUNNING)


class MalformedQueryException(AwsError): ...


class Asked(Record):
    """A query, shelved by its id."""

    id: str
    text: str
    groups: tuple[str, ...]
    start_s: int
    end_s: int
    created_ms: int
    others: tuple[tuple[str, ...], ...] = ()
    """The groups of each source within the query, in order."""
    limit: int | None = None
    who: str = ""
    schedule: str = ""
    """The id of the scheduled query that this is a run of."""
    error: str = ""
    """Why that run could not be asked."""
    is_invalid: bool = False
    """Whether it could not because it was no query."""
    status: str = SCHEDULED
    took_ms: int = 0
    scanned: int = 0
    matched: int = 0
    scanned_bytes: int = 0
    count: int = 0


def all_groups(query: Asked) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sum(query.others, query.groups)))


class Open:
    """The queries that run now."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task] = {}


# Asking -------------------------------------------------------------------------------------------------------


def commands_of(call: Call, text: str) -> Commands:
    """The commands of a query that compiles. Raises what AWS answers."""
    try:
        commands = reader.read(text)
        plan.planned(commands, Setting({}, call.now(), 0, 0, lookup_table.columns(call)))
    except Malformed as error:
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        raise MalformedQueryException(error.text, queryCompileError={"location": location, "message": error.text}) from None
    except Unbuilt as error:
        raise NotImplementedHere(str(error)) from None
    return commands


def names_asked(call: Call, params: dict[str, Any]) -> list[str]:
    """The log groups that StartQuery is to look into, by name. Raises what AWS answers where that is not said in one way."""
    ways = [params.get("logGroupName"), params.get("logGroupNames"), params.get("logGroupIdentifiers")]
    given = [way for way in ways if way]
    source = _source(params.get("queryString") or "")
    if len(given) + (source is not None) != 1:
        raise InvalidParameterException("Exactly one of logGroupName, logGroupNames, logGroupIdentifiers or a SOURCE command must be provided.")
    if source is not None:
        return _sourced(call, source)
    names = [given[0]] if isinstance(given[0], str) else given[0]
    if len(names) > GROUPS_MAX:
        raise InvalidParameterException(f"The number of log groups exceeds the maximum of {GROUPS_MAX}.")
    return list(dict.fromkeys(map(name_in, names)))


def names_told(call: Call, params: dict[str, Any]) -> list[str]:
    """All groups that are looked into, for who asks before the call is checked: none, where it is not said."""
    try:
        return list(dict.fromkeys(sum(names_within(call, params.get("queryString") or ""), names_asked(call, params))))
    except (AwsError, Malformed, Unbuilt):
        return []


def names_within(call: Call, text: str) -> list[list[str]]:
    """The log groups of each source within a query."""
    return [_sourced(call, source) for source in plan.sources_in(reader.read(text))]


def tables_of(text: str) -> list[str]:
    """The tables of reference a query looks up in, and those within it."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, Lookup):
            found.append(node.table)
        elif isinstance(node, tuple):
            for part in node:
                walk(part)

    walk(reader.read(text))
    return found


def _source(text: str) -> Source | None:
    try:
        commands = reader.read(text)
    except (Malformed, Unbuilt):
        return None
    return next((each for each in commands if isinstance(each, Source)), None)


def _sourced(call: Call, source: Source) -> list[str]:
    if [account for account in source.accounts if account != call.account]:
        raise NotImplementedHere("log groups of linked accounts")
    if source.prefixes is None:
        return list(dict.fromkeys(map(name_in, source.names)))
    if len(source.prefixes) > PREFIXES_MAX:
        raise InvalidParameterException(f"SOURCE takes {PREFIXES_MAX} prefixes at most.")
    if source.classes and "STANDARD" not in source.classes:
        return []
    names = sorted(name for name in call.shelf(Group) if name.startswith(source.prefixes))
    if len(names) > SOURCE_GROUPS_MAX:
        raise InvalidParameterException(f"SOURCE selects more than {SOURCE_GROUPS_MAX} log groups.")
    return names


def StartQuery(
    call: Call, *, startTime: int, endTime: int, queryString: str, queryLanguage: str = "CWLI", logGroupName: str | None = None,
    logGroupNames: list[str] | None = None, logGroupIdentifiers: list[str] | None = None, limit: int | None = None,
) -> dict:  # fmt: skip
    if queryLanguage != "CWLI":
        raise NotImplementedHere(f"queries in OpenSearch {queryLanguage}")
    if startTime > endTime:
        raise InvalidParameterException("The start time must not be after the end time.")
    commands = commands_of(call, queryString)
    names = names_asked(
        call,
        {"logGroupName": logGroupName, "logGroupNames": logGroupNames, "logGroupIdentifiers": logGroupIdentifiers, "queryString": queryString},
    )
    others = names_within(call, queryString)
    groups = [_existing(call, name) for name in dict.fromkeys(sum(others, list(names)))]
    _check_times(call, groups, endTime)
    if any(isinstance(each, Unmask) for each in commands):
        for group in groups:
            call.require("logs:Unmask", call.arn(f"log-group:{group.name}:*"))
    shelf = call.shelf(Asked)
    if sum(each.status in OPEN for each in shelf.values()) >= OPEN_MAX:
        raise LimitExceededException(f"Account maximum query concurrency limit of [{OPEN_MAX}] reached.")
    forget(call)
    number = call.new_id()
    shelf[number] = Asked(
        id=number, text=queryString, groups=tuple(names), start_s=startTime, end_s=endTime, created_ms=milliseconds(call.now()), limit=limit,
        who=call.principal.arn, others=tuple(map(tuple, others)),
    )  # fmt: skip
    call.home.wake(QUERIES)
    return {"queryId": number}


def _existing(call: Call, name: str) -> Group:
    group = call.shelf(Group).get(name)
    if group is None:
        raise ResourceNotFoundException(f"Log group '{name}' does not exist for account ID '{call.account}'")
    return group


def _check_times(call: Call, groups: list[Group], end_s: int) -> None:
    """Where no group can have anything of the time that is asked for, AWS says so."""
    now_ms, end_ms = call.now() * 1000, end_s * 1000 + 999
    if groups and all(
        end_ms < group.created_ms or (group.retention_days and end_ms < now_ms - group.retention_days * DAY_MS) for group in groups
    ):
        raise MalformedQueryException(
            "Query's end date and time is either before the log groups creation time or exceeds the log groups log retention settings"
        )


def forget(call: Call) -> None:
    """Drop the queries that were asked more than a week ago."""
    shelf, before_ms = call.shelf(Asked), (call.now() - KEPT_S) * 1000
    for number in [each.id for each in shelf.values() if each.created_ms < before_ms and each.status not in OPEN]:
        del shelf[number]
        call.rows(PAGES).run("delete from log_query_page where query = ?", number)


# Answers ------------------------------------------------------------------------------------------------------


def existing(call: Call, number: str) -> Asked:
    found = call.shelf(Asked).get(number)
    if found is None or found.created_ms < (call.now() - KEPT_S) * 1000:
        raise ResourceNotFoundException(f"Query with id {number} does not exist.")
    return found


def GetQueryResults(call: Call, *, queryId: str, nextToken: str | None = None, maxItems: int | None = None) -> dict:
    query = existing(call, queryId)
    first = _place(query, nextToken)
    rows = _rows(call, query, first, maxItems or ITEMS_MAX)
    reply: dict[str, Any] = {
        "queryLanguage": "CWLI",
        "results": [[{"field": name, "value": value} for name, value in row] for row in rows],
        "statistics": {
            "recordsMatched": float(query.matched),
            "recordsScanned": float(query.scanned),
            "estimatedRecordsSkipped": 0.0,
            "bytesScanned": float(query.scanned_bytes),
            "estimatedBytesSkipped": 0.0,
            "logGroupsScanned": float(len(all_groups(query))),
            "resultCount": float(query.count),
        },
        "status": query.status,
    }
    if first + len(rows) < query.count:
        reply["nextToken"] = f"{queryId}/{first + len(rows)}"
    return reply


def _place(query: Asked, token: str | None) -> int:
    if token is None:
        return 0
    number, _, place = token.partition("/")
    if number != query.id or not place.isdecimal() or int(place) > query.count:
        raise InvalidToken
    return int(place)


def _rows(call: Call, query: Asked, first: int, most: int) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    pages = call.rows(PAGES).all(
        "select first, body, of, link from log_query_page where query = ? and first + count > ? and first < ? order by first",
        query.id, first, first + most,
    )  # fmt: skip
    for start, body, of, link in pages:
        if link is not None:
            body = encryption.opened(call, of, link, body)
        page = msgspec.msgpack.decode(body)
        found += page[max(first - start, 0) : first + most - start]
    return found


def StopQuery(call: Call, *, queryId: str) -> dict:
    query = existing(call, queryId)
    if query.status not in OPEN:
        raise InvalidParameterException(f"Query {queryId} is not running: its status is {query.status}.")
    call.shelf(Asked)[queryId] = changed(query, status=CANCELLED)
    if (task := call.memory(Open).tasks.get(queryId)) is not None:
        task.cancel()
    return {"success": True}


def DescribeQueries(
    call: Call, *, logGroupName: str | None = None, status: str | None = None, maxResults: int | None = None, nextToken: str | None = None,
    queryLanguage: str | None = None,
) -> dict:  # fmt: skip
    """The last one first."""
    found = [
        each
        for each in sorted(call.shelf(Asked).values(), key=lambda each: (each.created_ms, each.id), reverse=True)
        if (logGroupName is None or logGroupName in each.groups) and status in (None, each.status) and queryLanguage in (None, "CWLI")
    ]
    return paged(found, nextToken, maxResults or 1000, _shown, "queries")


def _shown(query: Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "queryLanguage": "CWLI",
        "queryId": query.id,
        "queryString": query.text,
        "status": query.status,
        "createTime": query.created_ms,
        "bytesScanned": float(query.scanned_bytes),
        "userIdentity": query.who,
    }
    if len(query.groups) == 1:
        shown["logGroupName"] = query.groups[0]
    if query.status not in OPEN:
        shown["queryDuration"] = query.took_ms
    return shown


def ListLogGroupsForQuery(call: Call, *, queryId: str, nextToken: str | None = None, maxResults: int | None = None) -> dict:
    names = sorted(existing(call, queryId).groups)
    left = [name for name in names if name > (nextToken or "")]
    chosen = left[: maxResults or 500]
    return {"logGroupIdentifiers": chosen} | ({"nextToken": chosen[-1]} if len(chosen) < len(left) else {})
