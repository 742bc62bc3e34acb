"""Results, read back from the bucket that they were written to, in the name of who wants them: whoever may not read that bucket gets none.

https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.athena.errors import invalid
from kumoniwa.services.athena.execution import OPEN, SUCCEEDED, Execution, existing
from kumoniwa.services.athena.reading import place_of
from kumoniwa.wire.message import whole

ROWS_MAX = 1_000
PIECE_BYTES = 1 << 20
_CELL = re.compile(rb'(?:"((?:[^"]|"")*)")?([,\n])')


def _ended(call: Call, number: str) -> Execution:
    found = existing(call, number)
    if found.state in OPEN:
        raise invalid(f"Query has not yet finished. Current state: {found.state}")
    if found.state != SUCCEEDED:
        raise invalid(f"Query did not finish successfully. Final query state: {found.state}")
    return found


def _column(said: dict[str, Any]) -> dict[str, Any]:
    is_text = said["type"] == "string"
    return {
        "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": said["name"], "Label": said["name"], "Type": said["type"],
        "Precision": said["precision"], "Scale": said["scale"], "Nullable": "UNKNOWN", "CaseSensitive": said["type"] == "varchar" and not is_text,
    }  # fmt: skip


def _place(token: str | None) -> tuple[int, int]:
    """Where to read on: how many bytes lie before, and how many rows."""
    if token is None:
        return 0, 0
    found = re.fullmatch(r"(\d{1,18})-(\d{1,12})", token)
    if found is None:
        raise invalid("Invalid token")  # our words
    return int(found[1]), int(found[2])


async def GetQueryResults(
    call: Call, *, QueryExecutionId: str, NextToken: str | None = None, MaxResults: int | None = None, QueryResultType: str | None = None
) -> dict:
    """The names of the columns are the first row of the first page, for a query of rows."""
    execution, (offset, before) = _ended(call, QueryExecutionId), _place(NextToken)
    if QueryResultType == "DATA_MANIFEST":
        raise invalid("QueryResultType DATA_MANIFEST is for UNLOAD and managed results")  # our words
    metadata = {"ColumnInfo": [_column(each) for each in execution.columns]}
    reply: dict[str, Any] = {"UpdateCount": max(execution.updated, 0), "ResultSet": {"Rows": [], "ResultSetMetadata": metadata}}
    if not execution.columns or execution.updated >= 0:
        return reply
    total, most = execution.count + execution.header, MaxResults or ROWS_MAX
    rows, offset = await _rows(call, execution, offset, min(most, max(total - before, 0)))
    reply["ResultSet"]["Rows"] = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
    if before + len(rows) < total:
        reply["NextToken"] = f"{offset}-{before + len(rows)}"
    return reply


async def _rows(call: Call, execution: Execution, offset: int, most: int) -> tuple[list[list[str | None]], int]:
    """So many rows from an offset on, and where the next one begins."""
    rows: list[list[str | None]] = []
    held, start, is_over = b"", offset, False
    while len(rows) < most:
        taken, used = _parsed(held, most - len(rows), len(execution.columns), execution.header)
        rows += taken
        start, held = start + used, held[used:]
        if len(rows) >= most or (is_over and not taken):
            break
        if not is_over:
            piece = await _piece(call, execution, start + len(held))
            held, is_over = held + piece, len(piece) < PIECE_BYTES
    return rows, start


async def _piece(call: Call, execution: Execution, start: int) -> bytes:
    bucket, key = place_of(execution.output)
    wanted = f"bytes={start}-{start + PIECE_BYTES - 1}"
    try:
        found = await call.ask("s3:GetObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Key=key, Range=wanted)
    except AwsError as error:
        if error.code == "InvalidRange":
            return b""
        refusal = invalid(f"Could not find results for query {execution.id}" if error.code in ("NoSuchKey", "NoSuchBucket") else
                          "Access denied when reading the query results: the caller needs s3:GetObject on the output location.")  # our words
        refusal.hint = error.text
        raise refusal from None
    return await whole(found["Body"])


def _parsed(text: bytes, most: int, width: int, is_quoted: bool) -> tuple[list[list[str | None]], int]:
    """The rows that are whole, and how many bytes they take."""
    rows: list[list[str | None]] = []
    used = 0
    if not is_quoted:
        while len(rows) < most and (end := text.find(b"\n", used)) >= 0:
            fields: list[str | None] = list(text[used:end].decode().split("\t")) if width > 1 else [text[used:end].decode()]
            # A field of Hive's output holds what stands in its line, tabs and all.
            rows.append(["\t".join(map(str, fields))] if width > 1 else fields)
            used = end + 1
        return rows, used
    row: list[str | None] = []
    at = 0
    while len(rows) < most and (found := _CELL.match(text, at)):
        row.append(None if found[1] is None else found[1].replace(b'""', b'"').decode())
        at = found.end()
        if found[2] == b"\n":
            rows.append(row)
            row, used = [], at
    return rows, used


def GetQueryRuntimeStatistics(call: Call, *, QueryExecutionId: str) -> dict:
    """The times and counts that were measured; of its stages nothing is known."""
    execution = existing(call, QueryExecutionId)
    timeline = {
        "QueryQueueTimeInMillis": execution.queue_ms, "QueryPlanningTimeInMillis": execution.planning_ms, "EngineExecutionTimeInMillis": execution.engine_ms,
        "ServiceProcessingTimeInMillis": execution.service_ms, "TotalExecutionTimeInMillis": execution.total_ms,
    }  # fmt: skip
    return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": {"InputBytes": execution.scanned, "OutputRows": execution.count}}}
