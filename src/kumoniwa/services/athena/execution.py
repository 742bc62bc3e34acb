"""Executions of queries: asked for, told of for 45 days, and stopped.

Whoever asks is remembered for as long as the query runs, in memory alone: everything it reads and writes is in his name. One that ran when
its region was killed has failed. https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.engines import lake
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.athena import statement as statements
from kumoniwa.languages.athena.failure import Malformed, Unbuilt
from kumoniwa.services.athena import catalog, tag, workgroup
from kumoniwa.services.athena.errors import TooManyRequestsException, invalid, malformed
from kumoniwa.services.athena.workgroup import ENGINE, WorkGroup

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
OPEN = (QUEUED, RUNNING)
EXECUTIONS = ("athena", "executions")
KEPT_S = 45 * 86_400
"""https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html"""
SHORT = 8_192
"""Characters."""
OPEN_MAX = 200
"""https://docs.aws.amazon.com/athena/latest/ug/service-limits.html: 200 active DML queries in the largest regions."""
WRITES = ("create table as", "insert", "unload")


class Execution(Record):
    id: str
    query: str
    kind: str
    type: str
    workgroup: str
    submitted: float
    sub: str = ""
    database: str = ""
    location: str = ""
    """The folder of the results, without an end."""
    output: str = ""
    options: dict[str, Any] = {}
    """Of ResultConfiguration, apart from the location."""
    values: tuple[str, ...] = ()
    reuse: dict[str, Any] = {}
    state: str = QUEUED
    sequence: int = 1
    reason: str = ""
    error: dict[str, Any] = {}
    completed: float = 0.0
    scanned: int = 0
    columns: tuple[dict[str, Any], ...] = ()
    header: bool = False
    """Whether the results begin with the names of the columns."""
    count: int = 0
    """Of rows in the results."""
    updated: int = -1
    """Of rows that were written, -1 where nothing was."""
    manifest: str = ""
    queue_ms: int = 0
    planning_ms: int = 0
    engine_ms: int = 0
    service_ms: int = 0
    total_ms: int = 0


class Open:
    """The executions that are not over: who asked for each, and the task that runs it."""

    def __init__(self) -> None:
        self.asked: dict[str, Call] = {}
        self.tasks: dict[str, asyncio.Task] = {}


def _mismatch() -> AwsError:
    return invalid("Idempotent parameters do not match")


TOKENS = {name: Token("ClientRequestToken", refusal=_mismatch) for name in ("StartQueryExecution", "CreateNamedQuery")}


def read(text: str) -> statements.Statement:
    """The statement of a text, whose query is not read. Raises what AWS answers where it is none."""
    try:
        return statements.read(text)
    except statements.Several:
        raise malformed(f"Only one sql statement is allowed. Got: {text}") from None
    except Malformed as wrong:
        # What Athena expects there it says, too: those words come out of its grammar.
        raise malformed(str(wrong)) from None
    except Unbuilt as unbuilt:
        raise NotImplementedHere(f"athena: {unbuilt}") from None


async def _prove(call: Call, query: str) -> None:
    """See that a query is one. What is long is read by a process of its own, because it would hold the region. Raises what AWS answers."""
    try:
        lake.check_installed()
    except lake.Missing:
        raise NotImplementedHere("queries without the extra kumoniwa[lake]") from None
    if len(query) > SHORT:
        task = lake.Task(text=query, database="", now_s=0.0, folder="", write={"parse": True})
        async with lake.processes(call.home).asking(task) as conversation:
            said = await conversation.hear()
        if said.kind == "failed":
            raise malformed(said.body["text"])
        return
    from kumoniwa.languages.athena import syntax  # noqa: PLC0415 (an extra)

    try:
        syntax.parsed(query)
    except Malformed as wrong:
        raise malformed(str(wrong)) from None


def _results(group: WorkGroup, said: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """The folder that results go to, and how they are written: https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html"""
    of_group = group.configuration.get("ResultConfiguration", {})
    chosen = of_group if group.is_enforced and of_group.get("OutputLocation") else of_group | (said or {})
    location = chosen.get("OutputLocation", "")
    if not location:
        raise invalid("No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.")
    workgroup.checked_results(chosen)
    return location.rstrip("/"), {name: value for name, value in chosen.items() if name != "OutputLocation"}


def _output(location: str, kind: str, number: str, facts: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html"""
    if kind == "create table as":
        return str(facts["properties"].get("external_location") or f"{location}/tables/{number}")
    if kind in ("insert", "unload"):
        return f"{location}/{number}"
    return f"{location}/{number}.{'csv' if kind in ('query', 'execute') else 'txt'}"


async def _verify(call: Call, location: str) -> None:
    """Recorded: "Unable to verify/create output bucket …" (https://github.com/futurice/symptomradar/pull/203)."""
    bucket = location.removeprefix("s3://").partition("/")[0]
    try:
        await call.ask("s3:GetBucketLocation", to_region=region_of_bucket(call.home, bucket), Bucket=bucket)
    except AwsError as error:
        refusal = invalid(f"Unable to verify/create output bucket {bucket}")
        refusal.hint = error.text
        raise refusal from None


async def StartQueryExecution(
    call: Call, *, QueryString: str, ClientRequestToken: str | None = None, QueryExecutionContext: dict[str, str] | None = None,
    ResultConfiguration: dict[str, Any] | None = None, WorkGroup: str | None = None, ExecutionParameters: list[str] | None = None,
    ResultReuseConfiguration: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """Results of earlier queries are never used again, whatever ResultReuseConfiguration says, as AWS may do: the statistics tell."""
    group, context = workgroup.existing(call, WorkGroup), QueryExecutionContext or {}
    if group.state == "DISABLED":
        raise invalid(f"WorkGroup {group.name} is disabled.")  # our words
    catalog.check(context.get("Catalog"))
    statement = read(QueryString)
    if "query" in statement.facts:
        await _prove(call, statement.facts["query"])
    location, options = _results(group, ResultConfiguration)
    if statement.kind == "create table as" and statement.facts["properties"].get("external_location") and group.is_enforced and group.location:
        # Recorded: https://github.com/aws/aws-sdk-pandas/issues/2518
        raise invalid(
            "The Create Table As Select query failed because it was submitted with an 'external_location' property to an Athena Workgroup that enforces "
            "a centralized output location for all queries. Please remove the 'external_location' property and resubmit the query."
        )
    await _verify(call, location)
    shelf = call.shelf(Execution)
    if sum(each.state in OPEN for each in shelf.values()) >= OPEN_MAX:
        raise TooManyRequestsException(
            "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted "
            "by this account. Contact customer support to request a concurrent query limit increase.", Reason="CONCURRENT_QUERY_LIMIT_EXCEEDED"
        )  # fmt: skip
    forget(call)
    number = call.new_id()
    begun = Execution(
        id=number, query=QueryString, kind=statement.kind, type=statement.type, sub=statement.sub, workgroup=group.name, submitted=call.now(),
        database=(context.get("Database") or "").lower(), location=location, output=_output(location, statement.kind, number, statement.facts),
        options=options, values=tuple(ExecutionParameters or ()), reuse=ResultReuseConfiguration or {},
    )  # fmt: skip
    call.memory(Open).asked[number] = call
    call.atomically(lambda: _put(call, begun, ""))
    call.home.wake(EXECUTIONS)
    return {"QueryExecutionId": number}


def _put(call: Call, execution: Execution, before: str) -> None:
    """Keep an execution, and tell of the state it has come to: https://docs.aws.amazon.com/athena/latest/ug/athena-events.html"""
    call.shelf(Execution)[execution.id] = execution
    detail: dict[str, Any] = {"versionId": "0", "currentState": execution.state, **({"previousState": before} if before else {}),
              "statementType": execution.type, "queryExecutionId": execution.id, "workgroupName": execution.workgroup,
              "sequenceNumber": str(execution.sequence)}  # fmt: skip
    if execution.error:
        detail["athenaError"] = {
            "errorCategory": str(float(execution.error["ErrorCategory"])), "errorType": str(float(execution.error["ErrorType"])),
            "errorMessage": execution.error["ErrorMessage"], "retryable": str(execution.error["Retryable"]).lower(),
        }  # fmt: skip
    call.tell("Athena Query State Change", detail)


def advance(call: Call, number: str, state: str, **facts: Any) -> Execution | None:
    """Bring an execution on, unless it is over or forgotten."""
    execution = call.shelf(Execution).get(number)
    if execution is None or execution.state not in OPEN:
        return None
    later = changed(execution, state=state, sequence=execution.sequence + 1, **facts)
    _put(call, later, execution.state)
    return later


def note(call: Call, number: str, **facts: Any) -> None:
    """Change what is known of one that runs."""
    execution = call.shelf(Execution).get(number)
    if execution is not None and execution.state in OPEN:
        call.shelf(Execution)[number] = changed(execution, **facts)


def forget(call: Call) -> None:
    shelf, before = call.shelf(Execution), call.now() - KEPT_S
    for number in [each.id for each in shelf.values() if each.submitted < before and each.state not in OPEN]:
        del shelf[number]


# Telling ------------------------------------------------------------------------------------------------------


def existing(call: Call, number: str) -> Execution:
    found = call.shelf(Execution).get(number)
    if found is None:
        raise invalid(f"QueryExecution {number} was not found")
    return found


def shown(execution: Execution) -> dict[str, Any]:
    status: dict[str, Any] = {"State": execution.state, "SubmissionDateTime": execution.submitted}
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.completed:
        status["CompletionDateTime"] = execution.completed
    if execution.error:
        status["AthenaError"] = execution.error
    statistics: dict[str, Any] = {"DataScannedInBytes": execution.scanned}
    if execution.state != QUEUED:
        statistics |= {"QueryQueueTimeInMillis": execution.queue_ms, "QueryPlanningTimeInMillis": execution.planning_ms}
    if execution.completed:
        statistics |= {
            "EngineExecutionTimeInMillis": execution.engine_ms, "ServiceProcessingTimeInMillis": execution.service_ms,
            "TotalExecutionTimeInMillis": execution.total_ms, "ResultReuseInformation": {"ReusedPreviousResult": False},
        }  # fmt: skip
    if execution.manifest:
        statistics["DataManifestLocation"] = execution.manifest
    told: dict[str, Any] = {
        "QueryExecutionId": execution.id, "Query": execution.query, "StatementType": execution.type,
        "ResultConfiguration": {"OutputLocation": execution.output, **execution.options},
        "ResultReuseConfiguration": execution.reuse or {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": {"Database": execution.database} if execution.database else {},
        "Status": status, "Statistics": statistics, "WorkGroup": execution.workgroup, "EngineVersion": ENGINE,
    }  # fmt: skip
    if execution.sub:
        told["SubstatementType"] = execution.sub
    if execution.values:
        told["ExecutionParameters"] = list(execution.values)
    return told


def GetQueryExecution(call: Call, *, QueryExecutionId: str) -> dict:
    return {"QueryExecution": shown(existing(call, QueryExecutionId))}


def BatchGetQueryExecution(call: Call, *, QueryExecutionIds: list[str]) -> dict:
    shelf = call.shelf(Execution)
    missing = [
        {"QueryExecutionId": each, "ErrorCode": "INVALID_INPUT", "ErrorMessage": f"QueryExecution {each} was not found"}
        for each in QueryExecutionIds if each not in shelf
    ]  # fmt: skip
    return {"QueryExecutions": [shown(shelf[each]) for each in QueryExecutionIds if each in shelf], "UnprocessedQueryExecutionIds": missing}


def ListQueryExecutions(call: Call, *, NextToken: str | None = None, MaxResults: int | None = None, WorkGroup: str | None = None) -> dict:
    """The last one first."""
    group = workgroup.existing(call, WorkGroup)
    listed = [each for each in call.shelf(Execution).values() if each.workgroup == group.name]
    listed.sort(key=lambda each: (-each.submitted, each.id))
    found, token = tag.page([each.id for each in listed], MaxResults or 50, NextToken)
    return {"QueryExecutionIds": found} | token


def StopQueryExecution(call: Call, *, QueryExecutionId: str) -> None:
    """Stopping what is over does nothing."""
    execution = existing(call, QueryExecutionId)
    if execution.state not in OPEN:
        return
    # The words are ours.
    advance(call, QueryExecutionId, CANCELLED, reason="Query cancelled by user", completed=call.now(),
            total_ms=round((call.now() - execution.submitted) * 1000))  # fmt: skip
    held = call.memory(Open)
    held.asked.pop(QueryExecutionId, None)
    if (task := held.tasks.get(QueryExecutionId)) is not None:
        task.cancel()
