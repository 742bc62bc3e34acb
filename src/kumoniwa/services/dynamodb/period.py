"""The period of an incremental export, and how what happened in it is told.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html, S3DataExport.Output.html. Refusals in AWS's words
as ack-api-quirks recorded them in October 2026 (DDB-EXPORT-001, 003, 004, 019), where nothing else is said.
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.services.dynamodb.backup import recoverable, window
from kumoniwa.services.dynamodb.table import Table
from kumoniwa.wire import timestamps

FULL, INCREMENTAL = "FULL_EXPORT", "INCREMENTAL_EXPORT"
BOTH = "NEW_AND_OLD_IMAGES"
LEAST_S, MOST_S = 15 * 60, 24 * 3_600
BILLED_BYTES_MIN = 10_000_000
"""https://aws.amazon.com/blogs/database/introducing-incremental-export-from-amazon-dynamodb-to-amazon-s3/; recorded: DDB-EXPORT-019."""


class InvalidExportTimeException(AwsError): ...


def check_kind(kind: str | None, specification: dict[str, Any] | None, at: float | None) -> None:
    """Whether the parameters go together. How AWS refuses an ExportTime of an incremental export was not found: those words are ours."""
    if specification is not None and kind is None:
        raise ValidationException("Invalid Request: Export Type expected to be Incremental Export when incremental export specification is provided")
    if specification is not None and kind == FULL:
        raise ValidationException("Invalid Request: When Export Type is Full Export , Incremental Export Specification should not be provided")
    if kind != INCREMENTAL:
        return
    if specification is None:
        raise ValidationException("Invalid Request: Incremental Export Specification expected when export type is set as Incremental Export")
    if "ExportFromTime" not in specification:
        raise ValidationException("Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification")
    if at is not None:
        raise ValidationException("Invalid Request: ExportTime should not be provided when export type is set as Incremental Export")


def of(call: Call, table: Table, specification: dict[str, Any]) -> dict[str, Any]:
    """The specification with what it leaves out, in whole seconds. The words for more than a day are ours, as are those for a start that lies
    before what point-in-time recovery keeps; that its start must come first: https://github.com/apache/airflow/pull/41517"""
    start, end = int(specification["ExportFromTime"]), int(specification.get("ExportToTime", call.now()))
    if start < int(table.created):
        raise InvalidExportTimeException(
            f"Incremental export period from time cannot be less than the table creation time : {timestamps.to_second(start)}"
        )
    if end > call.now():
        raise InvalidExportTimeException(
            f"Incremental export period to time cannot be greater than the current time : {timestamps.to_second(end)}"
        )
    if start >= end:
        raise InvalidExportTimeException("Incremental export period from time should not be greater or equal to incremental export period to time")
    if end - start < LEAST_S:
        raise InvalidExportTimeException("Difference between export period from time and export period to time is less than 15 minutes")
    if end - start > MOST_S:
        raise InvalidExportTimeException("Difference between export period from time and export period to time is greater than 24 hours")
    recoverable(call, table)
    if start < int(window(call, table)[0]):
        raise InvalidExportTimeException("Incremental export period from time cannot be before the earliest restorable time of the table")
    return {"ExportFromTime": float(start), "ExportToTime": float(end), "ExportViewType": specification.get("ExportViewType", BOTH)}


def line(keys: tuple[str, ...], old: bytes | None, new: bytes | None, last: float, view: str) -> bytes:
    """What became of one item, whose images are JSON. That the time is a number of DynamoDB's, which AWS's page shows as a text, is what those
    tell who read such files: https://github.com/pagopa/pn-data-monitoring"""
    image = orjson.loads(new if new is not None else old)
    told: dict[str, Any] = {
        "Metadata": {"WriteTimestampMicros": {"N": str(round(last * 1_000_000))}},
        "Keys": {name: image[name] for name in keys},
    }
    if old is not None and view == BOTH:
        told["OldImage"] = orjson.Fragment(old)
    if new is not None:
        told["NewImage"] = orjson.Fragment(new)
    return orjson.dumps(told) + b"\n"
