"""Tables to and from S3: exports of a table as it was, and tables made of what lies in a bucket.

Both are AWS calls on S3 by whoever asked for the transfer, made by background work after the answer; one that a kill interrupted
begins again. Exports are AWS's files: items as DynamoDB JSON, compressed, and manifests that name and count them.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html, S3DataImport.Format.html
"""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import json
import math
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dynamodb.value import Item, item_bytes
from kumoniwa.services.dynamodb import adoption, definition, history, period, table_key
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb import write as writes
from kumoniwa.services.dynamodb.backup import TableNotFoundException, recoverable, window
from kumoniwa.services.dynamodb.item import ITEMS
from kumoniwa.services.dynamodb.sealing import Encryption, Seal
from kumoniwa.services.dynamodb.table import ResourceInUseException, Table
from kumoniwa.wire import timestamps
from kumoniwa.wire.message import whole

STEP = 200
_JSON, _BLANK = json.JSONDecoder(), re.compile(r"\s*")
_S3_HOST = re.compile(r"(?:^|\.)s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?(?=\.)")
FILE_BYTES = 64 << 20
KEPT_S = 90 * 86_400
"""How long a transfer is told of: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeExport.html"""
RUNNING, DONE, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"


class ExportNotFoundException(AwsError): ...


class ImportNotFoundException(AwsError): ...


class ExportConflictException(AwsError):
    """Recorded by ack-api-quirks, DDB-EXPORT-009."""

    message = "Export conflict: Duplicate request detected with conflicting parameters"


class Transfer(Record):
    """An export or import. On the shelf under its id."""

    id: str
    is_import: bool
    table: str
    table_id: int
    table_uuid: str
    arn: str
    asked: dict[str, Any]
    """The request's members that are told again."""
    by: Principal
    started: float
    token: str = ""
    at: float = 0.0
    ended: float = 0.0
    status: str = RUNNING
    items: int = 0
    errors: int = 0
    size: int = 0
    imported: int = 0
    failure: tuple[str, str] | None = None
    manifest: str = ""
    encryption: Encryption | None = None
    """Of the table that is exported."""
    requested: dict[str, Any] = {}
    """All that was asked for, to tell whether it is asked for again."""
    period: dict[str, Any] = {}
    """The IncrementalExportSpecification; empty where a whole table is exported."""
    keys: tuple[str, ...] = ()
    """The attributes of the exported table's key."""


class Running:
    """The transfers that run, by id. Not durable: those that do not are started again."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task] = {}


def refuse_while_running(call: Call, table: Table) -> None:
    """The rows of a table stay where they are while it is exported."""
    if any(t.status == RUNNING and t.table_id == table.id for t in call.shelf(Transfer).values()):
        raise ResourceInUseException(f"Attempt to change a resource which is still in use: Table is being exported: {table.name}")


def see(call: Call) -> None:
    """See that every transfer that is not done runs, and forget those nobody may ask about any more."""
    running = call.memory(Running).tasks
    for id_, transfer in list(call.shelf(Transfer).items()):
        if transfer.status == RUNNING and (id_ not in running or running[id_].done()):
            running[id_] = call.home.spawn(_run(call, transfer))
        elif transfer.ended and transfer.ended + KEPT_S < call.now():
            del call.shelf(Transfer)[id_]


def _begin(call: Call, transfer: Transfer) -> None:
    call.shelf(Transfer)[transfer.id] = transfer
    call.home.wake(("dynamodb", "work"))


def _known(call: Call, token: str | None, *, is_import: bool) -> Transfer | None:
    """The transfer that this token has asked for already."""
    if token is None:
        return None
    return next((t for t in call.shelf(Transfer).values() if t.token == token and t.is_import == is_import), None)


async def _run(work: Call, transfer: Transfer) -> None:
    call = Call(work.home, work.account, transfer.by, "dynamodb")
    try:
        done = await (_import(call, transfer) if transfer.is_import else _export(call, transfer))
    except AwsError as error:
        # AWS tells S3's codes with its name before them: S3NoSuchBucket, S3AccessDenied (getmoto/moto, verified tests); and those that S3 has of
        # KMS (KMS.NotFoundException) as KmsNotFoundException: recorded by ack-api-quirks, DDB-EXPORT-011.
        code = error.code.replace("KMS.", "Kms") if error.code.startswith("KMS.") else f"S3{error.code}"
        done = changed(transfer, status=FAILED, failure=(code, error.text))
        if transfer.is_import:
            call.atomically(lambda: _forget_table(call, transfer))
    call.shelf(Transfer)[transfer.id] = changed(done, ended=call.now())


async def _ask(call: Call, operation: str, bucket: str, owner: str | None, **params: Any) -> Any:
    """A call on a bucket, wherever it is."""
    if owner is not None:
        params["ExpectedBucketOwner"] = owner
    try:
        return await call.ask(f"s3:{operation}", Bucket=bucket, **params)
    except AwsError as error:
        there = _S3_HOST.search(str(error.members.get("Endpoint", "")))
        if error.code != "PermanentRedirect" or there is None:
            raise
    return await call.ask(f"s3:{operation}", to_region=there["region"] or "us-east-1", Bucket=bucket, **params)


# Exports -------------------------------------------------------------------------------------------

_TOLD = ["S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseAlgorithm", "S3SseKmsKeyId", "ExportFormat", "ExportType"]


def ExportTableToPointInTime(
    call: Call,
    *,
    TableArn: str,
    S3Bucket: str,
    ExportTime: float | None = None,
    ClientToken: str | None = None,
    S3BucketOwner: str | None = None,
    S3Prefix: str | None = None,
    S3SseAlgorithm: str | None = None,
    S3SseKmsKeyId: str | None = None,
    ExportFormat: str | None = None,
    ExportType: str | None = None,
    IncrementalExportSpecification: dict | None = None,
) -> dict:
    """The table as it was, whatever is written meanwhile, or what became of its items in a period."""
    requested = {name: value for name, value in locals().items() if name not in ("call", "ClientToken") and value is not None}
    asked = {name: value for name, value in requested.items() if name in _TOLD}
    if (known := _known(call, ClientToken, is_import=False)) is not None:
        if known.requested != requested:
            raise ExportConflictException
        return {"ExportDescription": _export_shown(call, known)}
    if S3SseKmsKeyId is not None and S3SseAlgorithm != "KMS":
        # Recorded by ack-api-quirks, DDB-EXPORT-005.
        raise ValidationException("Invalid Request: KMS Key Id is not supported for this encryption type")
    if ExportFormat == "ION":
        raise NotImplementedHere("dynamodb:ExportTableToPointInTime(ION)")
    period.check_kind(ExportType, IncrementalExportSpecification, ExportTime)
    table = tables.held(call, TableArn)
    if table is None:
        raise TableNotFoundException(f"Table not found: {TableArn}")
    meant = period.of(call, table, IncrementalExportSpecification) if IncrementalExportSpecification is not None else {}
    at = meant["ExportToTime"] if meant else _moment(call, table, ExportTime)
    id_ = f"0{milliseconds(call.now())}-{call.ids.hex(8)}"
    transfer = Transfer(
        id=id_, is_import=False, table=table.name, table_id=table.id, table_uuid=table.uuid, asked=asked, by=call.principal,
        arn=call.arn(f"table/{table.name}/export/{id_}", "dynamodb"), started=call.now(), at=at, token=ClientToken or "",
        encryption=table.encryption, requested=requested, period=meant, keys=tuple(name for name in (table.hash_name, table.range_name) if name),
    )  # fmt: skip
    _begin(call, transfer)
    return {"ExportDescription": _export_shown(call, transfer)}


def _moment(call: Call, table: Table, at: float | None) -> float:
    """Refusals recorded by ack-api-quirks, DDB-EXPORT-001."""
    recoverable(call, table)
    earliest, latest = window(call, table)
    if at is None:
        return call.now()
    if not earliest <= at <= call.now():
        raise period.InvalidExportTimeException("Export Time is invalid")
    if at > latest:
        raise period.InvalidExportTimeException("Point in Time Recovery is not available for specified export time")
    return at


def _export_shown(call: Call, transfer: Transfer) -> dict[str, Any]:
    shown = {
        "ExportArn": transfer.arn, "ExportStatus": transfer.status, "StartTime": transfer.started, "TableId": transfer.table_uuid,
        "TableArn": call.arn(f"table/{transfer.table}", "dynamodb"), "ExportFormat": "DYNAMODB_JSON", "ExportType": period.FULL,
        "S3SseAlgorithm": "AES256", **transfer.asked,
        **({"IncrementalExportSpecification": transfer.period} if transfer.period else {"ExportTime": transfer.at}),
    }  # fmt: skip
    if transfer.token:
        shown["ClientToken"] = transfer.token
    if transfer.status == DONE:
        shown |= {"ItemCount": transfer.items, "BilledSizeBytes": transfer.size, "ExportManifest": transfer.manifest}
    return shown | _end_shown(transfer)


def _end_shown(transfer: Transfer) -> dict[str, Any]:
    shown: dict[str, Any] = {"EndTime": transfer.ended} if transfer.ended else {}
    if transfer.failure is not None:
        shown["FailureCode"], shown["FailureMessage"] = transfer.failure
    return shown


def DescribeExport(call: Call, *, ExportArn: str) -> dict:
    transfer = call.shelf(Transfer).get(ExportArn.rpartition("/")[2])
    if transfer is None or transfer.arn != ExportArn:
        raise ExportNotFoundException(f"Export not found: {ExportArn}")
    return {"ExportDescription": _export_shown(call, transfer)}


def ListExports(call: Call, *, TableArn: str | None = None, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    found = _listed(call, TableArn, is_import=False)
    page, token = _page(found, MaxResults, NextToken)
    summaries = [{"ExportArn": t.arn, "ExportStatus": t.status, "ExportType": t.asked.get("ExportType", period.FULL)} for t in page]
    return {"ExportSummaries": summaries} | token


def _listed(call: Call, arn: str | None, *, is_import: bool) -> list[Transfer]:
    name = tables.plain_name(arn) if arn is not None else None
    found = [t for t in call.shelf(Transfer).values() if t.is_import == is_import and name in (None, t.table)]
    return sorted(found, key=lambda transfer: transfer.id, reverse=True)


def _page(found: list[Transfer], count: int | None, token: str | None) -> tuple[list[Transfer], dict[str, str]]:
    rest = [transfer for transfer in found if token is None or transfer.id < token]
    page = rest[: count or 25]
    return page, {"NextToken": page[-1].id} if len(page) < len(rest) else {}


async def _export(call: Call, transfer: Transfer) -> Transfer:
    asked, span = transfer.asked, transfer.period
    bucket, owner = asked["S3Bucket"], asked.get("S3BucketOwner")
    prefix = asked.get("S3Prefix", "").strip("/")
    above = f"{prefix}/AWSDynamoDB" if prefix else "AWSDynamoDB"
    root = f"{above}/{transfer.id}"
    sealing: dict[str, str] = {}
    if asked.get("S3SseAlgorithm") == "KMS":
        sealing = {"ServerSideEncryption": "aws:kms"} | ({"SSEKMSKeyId": asked["S3SseKmsKeyId"]} if "S3SseKmsKeyId" in asked else {})

    async def put(key: str, body: bytes) -> str:
        reply = await _ask(call, "PutObject", bucket, owner, Key=key, Body=body, **sealing)
        return reply.get("ETag", "").strip('"')

    await put(f"{root}/_started", b"")
    files, items, size = [], 0, 0
    async for body, count, bytes_ in _files(call, transfer):
        # What incremental exports tell lies in one folder for all of them.
        key = f"{above if span else root}/data/{call.ids.hex(26)}.json.gz"
        tag = await put(key, body)
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        files.append({"itemCount": count, "md5Checksum": digest, "etag": tag, "dataFileS3Key": key})
        items, size = items + count, size + bytes_
    if span:
        size = max(size, period.BILLED_BYTES_MIN)
    listing = b"".join(orjson.dumps(file) + b"\n" for file in files)
    await put(f"{root}/manifest-files.json", listing)
    if span:
        times = {f"export{name}Time": timestamps.to_millisecond(span[f"Export{name}Time"]) for name in ("From", "To")}
    else:
        times = {"exportTime": timestamps.to_millisecond(transfer.at)}
    summary = {
        "version": "2023-08-01" if span else "2020-06-30", "exportArn": transfer.arn, "startTime": timestamps.to_millisecond(transfer.started),
        "endTime": timestamps.to_millisecond(call.now()), "tableArn": call.arn(f"table/{transfer.table}", "dynamodb"), "tableId": transfer.table_uuid,
        **times,
        "s3Bucket": bucket, "s3Prefix": prefix or None, "s3SseAlgorithm": asked.get("S3SseAlgorithm", "AES256"),
        "s3SseKmsKeyId": asked.get("S3SseKmsKeyId"),
        "manifestFilesS3Key": f"{root}/manifest-files.json", "billedSizeBytes": size, "itemCount": items, "outputFormat": "DYNAMODB_JSON",
        **({"outputView": span["ExportViewType"]} if span else {}), "exportType": period.INCREMENTAL if span else period.FULL,
    }  # fmt: skip
    body = orjson.dumps(summary)
    await put(f"{root}/manifest-summary.json", body)
    for name, content in (("manifest-files.md5", listing), ("manifest-summary.md5", body)):
        await put(f"{root}/{name}", base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()))
    return changed(transfer, status=DONE, items=items, size=size, manifest=f"{root}/manifest-summary.json")


async def _files(call: Call, transfer: Transfer) -> AsyncIterator[tuple[bytes, int, int]]:
    """Compressed files of what is exported (bytes, items, bytes of items): one at least."""
    call.rows(ITEMS)
    seal = await table_key.opened_for_service(call, transfer.encryption) if transfer.encryption is not None else None
    if seal is None and transfer.encryption is not None:
        raise table_key.AccessDeniedException(f"DynamoDB may not use the key {transfer.encryption.data_key.key}.")
    lines = _changes if transfer.period else _items
    after: tuple | None = (b"", b"")
    while after is not None:
        press = zlib.compressobj(6, zlib.DEFLATED, 31)
        parts, count, size, length = [], 0, 0, 0
        while after is not None and length < FILE_BYTES:
            found, after = lines(call, transfer, seal, after)
            for line, bytes_ in found:
                parts.append(press.compress(line))
                size, length, count = size + bytes_, length + len(line), count + 1
            await asyncio.sleep(0)
        yield b"".join([*parts, press.flush()]), count, size


def _items(call: Call, transfer: Transfer, seal: Seal | None, after: tuple[bytes, bytes]) -> tuple[list[tuple[bytes, int]], tuple | None]:
    """The next lines of a file, with the sizes of their items, and where to go on."""
    found, after = history.state(call, transfer.table_id, transfer.at, after, STEP)
    plain = [(body if seal is None else seal.plain_body((pk, sk), body), size) for pk, sk, size, body in found]
    return [(b'{"Item":' + body + b"}\n", size) for body, size in plain], after


def _changes(call: Call, transfer: Transfer, seal: Seal | None, after: tuple[bytes, bytes]) -> tuple[list[tuple[bytes, int]], tuple | None]:
    span, lines = transfer.period, []
    found, after = history.changes(call, transfer.table_id, span["ExportFromTime"], span["ExportToTime"], after, STEP)
    for pk, sk, *images, last in found:
        sizes, bodies = zip(*(image or (0, None) for image in images))
        old, new = bodies if seal is None else (seal.plain_body((pk, sk), body) for body in bodies)
        lines.append((period.line(transfer.keys, old, new, last, span["ExportViewType"]), sum(sizes)))
    return lines, after


# Imports -------------------------------------------------------------------------------------------

_SOURCE = ["S3BucketSource", "InputFormat", "InputFormatOptions", "InputCompressionType", "TableCreationParameters"]
_MAKING = frozenset(
    [
        "TableName",
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "ProvisionedThroughput",
        "OnDemandThroughput",
        "GlobalSecondaryIndexes",
    ]
)


def ImportTable(
    call: Call,
    *,
    S3BucketSource: dict,
    InputFormat: str,
    TableCreationParameters: dict,
    ClientToken: str | None = None,
    InputFormatOptions: dict | None = None,
    InputCompressionType: str | None = None,
) -> dict:
    """A table that did not exist. What cannot be an item of it is counted and left out."""
    asked = {name: value for name, value in locals().items() if name in _SOURCE and value is not None}
    if (known := _known(call, ClientToken, is_import=True)) is not None:
        return {"ImportTableDescription": _import_shown(call, known)}
    for value, refused in ((InputFormat, "ION"), (InputCompressionType, "ZSTD")):
        if value == refused:
            raise NotImplementedHere(f"dynamodb:ImportTable({value})")
    unknown = TableCreationParameters.keys() - _MAKING
    if unknown:
        raise NotImplementedHere(f"dynamodb:ImportTable(TableCreationParameters.{min(unknown)})")
    if InputFormatOptions is not None and InputFormat != "CSV":
        # Seen of AWS by cdk-preflight: pf-dynamodb-import-format-options.
        raise ValidationException(f"Invalid Request: Unsupported InputFormatOptions for the given input format: {InputFormat}.")
    table = definition.made(call, TableCreationParameters)
    if table.name in call.shelf(Table):
        raise ResourceInUseException(f"Table already exists: {table.name}")
    call.shelf(Table)[table.name] = changed(table, active_at=math.inf)
    id_ = f"0{milliseconds(call.now())}-{call.ids.hex(8)}"
    transfer = Transfer(
        id=id_, is_import=True, table=table.name, table_id=table.id, table_uuid=table.uuid, asked=asked, by=call.principal,
        arn=call.arn(f"table/{table.name}/import/{id_}", "dynamodb"), started=call.now(), token=ClientToken or "",
    )  # fmt: skip
    _begin(call, transfer)
    return {"ImportTableDescription": _import_shown(call, transfer)}


def _import_shown(call: Call, transfer: Transfer) -> dict[str, Any]:
    shown = {
        "ImportArn": transfer.arn, "ImportStatus": transfer.status, "StartTime": transfer.started, "TableId": transfer.table_uuid,
        "TableArn": call.arn(f"table/{transfer.table}", "dynamodb"), "InputCompressionType": "NONE",
        "ErrorCount": transfer.errors, "ProcessedItemCount": transfer.items, "ImportedItemCount": transfer.imported,
        "ProcessedSizeBytes": transfer.size, **transfer.asked,
    }  # fmt: skip
    if transfer.token:
        shown["ClientToken"] = transfer.token
    return shown | _end_shown(transfer)


def DescribeImport(call: Call, *, ImportArn: str) -> dict:
    transfer = call.shelf(Transfer).get(ImportArn.rpartition("/")[2])
    if transfer is None or transfer.arn != ImportArn:
        raise ImportNotFoundException(f"Import not found: {ImportArn}")
    return {"ImportTableDescription": _import_shown(call, transfer)}


def ListImports(call: Call, *, TableArn: str | None = None, PageSize: int | None = None, NextToken: str | None = None) -> dict:
    page, token = _page(_listed(call, TableArn, is_import=True), PageSize, NextToken)
    summaries = []
    for t in page:
        summary = {
            "ImportArn": t.arn, "ImportStatus": t.status, "TableArn": call.arn(f"table/{t.table}", "dynamodb"),
            "S3BucketSource": t.asked["S3BucketSource"], "InputFormat": t.asked["InputFormat"], "StartTime": t.started,
        }  # fmt: skip
        summaries.append(summary | ({"EndTime": t.ended} if t.ended else {}))
    return {"ImportSummaryList": summaries} | token


async def _import(call: Call, transfer: Transfer) -> Transfer:
    source = transfer.asked["S3BucketSource"]
    bucket, owner = source["S3Bucket"], source.get("S3BucketOwner")
    items = imported = errors = size = 0
    for key in await _keys(call, bucket, owner, source.get("S3KeyPrefix", "")):
        body = await whole((await _ask(call, "GetObject", bucket, owner, Key=key))["Body"])
        size += len(body)
        entries = list(_entries(transfer, body))
        for start in range(0, len(entries), STEP):
            table = call.shelf(Table)[transfer.table]
            outcomes = [_put(call, table, entry) for entry in entries[start : start + STEP]]
            items, imported = items + len(outcomes), imported + sum(outcomes)
            errors += len(outcomes) - sum(outcomes)
            await asyncio.sleep(0)
    table = call.shelf(Table)[transfer.table]
    call.shelf(Table)[transfer.table] = changed(table, active_at=0.0)
    done = changed(transfer, status=DONE, items=items, imported=imported, errors=errors, size=size)
    if not errors:
        return done
    text = "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more details."
    return changed(done, status=FAILED, failure=("ItemValidationError", text))


async def _keys(call: Call, bucket: str, owner: str | None, prefix: str) -> list[str]:
    found, token = [], {}
    while True:
        page = await _ask(call, "ListObjectsV2", bucket, owner, Prefix=prefix, **token)
        # Folders that consoles make, and what an export writes beside its data, hold no items.
        found += [entry["Key"] for entry in page.get("Contents", ()) if entry["Size"]]
        if not page.get("IsTruncated"):
            return found
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _entries(transfer: Transfer, body: bytes) -> Iterator[Item | None]:
    """The items of a file; None for what is none."""
    try:
        if transfer.asked.get("InputCompressionType") == "GZIP":
            body = zlib.decompress(body, 31)
    except zlib.error:
        yield None
        return
    if transfer.asked["InputFormat"] == "CSV":
        yield from _of_csv(transfer, body.decode("utf-8", "replace"))
        return
    for line in body.splitlines():
        yield from _of_line(line.decode("utf-8", "replace").strip())


def _of_line(text: str) -> Iterator[Item | None]:
    """AWS reads documents that follow one another in a line, too: moto's test_import_table_single_file_with_multiple_items."""
    at = 0
    while at < len(text):
        try:
            entry, at = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield None
            return
        at = _BLANK.match(text, at).end()
        item = entry.get("Item") if isinstance(entry, dict) else None
        yield item if isinstance(item, dict) else None


def _of_csv(transfer: Transfer, text: str) -> Iterator[Item | None]:
    """Key attributes have the types of their definitions, all others are strings."""
    options = transfer.asked.get("InputFormatOptions", {}).get("Csv", {})
    making = transfer.asked["TableCreationParameters"]
    kinds = {d["AttributeName"]: d["AttributeType"] for d in making["AttributeDefinitions"]}
    lines = csv.reader(io.StringIO(text), delimiter=options.get("Delimiter", ","))
    header = options.get("HeaderList") or next(lines, [])
    for line in lines:
        if line:
            yield (
                {name: {kinds.get(name, "S"): value} for name, value in zip(header, line) if value} if len(line) <= len(header) else None
            )


def _put(call: Call, table: Table, entry: Item | None) -> bool:
    """Put one item into a table that is not open yet; answers whether it could be one."""
    if entry is None:
        return False
    try:
        write = writes.put(call, table.name, entry, None, None, None, None)
        write.layout = tables.Layout(table)
        write.place()
        write.judge(call)
        write.size = item_bytes(write.new)
        write.store(call)
    except AwsError:
        return False
    return True


def _forget_table(call: Call, transfer: Transfer) -> None:
    """A table whose import failed as a whole is not there, as on AWS."""
    table = call.shelf(Table).get(transfer.table)
    if table is not None and table.id == transfer.table_id:
        adoption.give_up(call, table)

