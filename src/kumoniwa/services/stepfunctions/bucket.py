"""Buckets of a distributed Map: where its items are read from and its results are written to, as the state machine's role.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html and …-resultwriter.html
"""

from __future__ import annotations

import csv
import io
import zlib
from typing import Any

import orjson

from kumoniwa.engines import parquet_rows, worker
from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.services.stepfunctions import distributed
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions.encryption import SERVICE
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.services.stepfunctions.task import read_whole

UNPACKED_BYTES_MAX = 256 << 20
_GZIP = 31
_ENDINGS = {"JSON": "json", "JSONL": "jsonl"}
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def check(state: State) -> None:
    """Raises NotImplementedHere for a reader or writer that would not do what it says."""
    reader, writer = state.fields.get("ItemReader"), state.fields.get("ResultWriter")
    if reader is not None:
        action = reader["Resource"].rpartition(":::")[2]
        kind = reader.get("ReaderConfig", {}).get("InputType")
        if action not in ("s3:getObject", "s3:listObjectsV2"):
            raise NotImplementedHere(f"ItemReader of {action} in a Map of Step Functions")
        config = reader.get("ReaderConfig", {})
        if action == "s3:getObject" and kind not in ("JSON", "JSONL", "CSV", "MANIFEST", "PARQUET"):
            raise NotImplementedHere(f"ItemReader of InputType {kind} in a Map of Step Functions")
        if kind == "PARQUET":
            parquet_rows.check_installed()
        manifest = config.get("ManifestType", "S3_INVENTORY")
        if manifest != "S3_INVENTORY" or ("ManifestType" in config and kind not in ("CSV", "MANIFEST")):
            raise NotImplementedHere(f"ItemReader of ManifestType {manifest} and InputType {kind} in a Map of Step Functions")
        if "Transformation" in config:
            raise NotImplementedHere("ItemReader with a Transformation in a Map of Step Functions")
        headers = config.get("CSVHeaders", [])
        if not isinstance(headers, list) or not all(isinstance(name, str) for name in headers):
            raise NotImplementedHere("CSVHeaders that are no list of names in a Map of Step Functions")
        pointer = config.get("ItemsPointer", "")
        if not isinstance(pointer, str) or (pointer and (kind != "JSON" or not pointer.startswith("/"))):
            raise NotImplementedHere(f"ItemsPointer {pointer} of InputType {kind} in a Map of Step Functions")
        if str(config.get("CSVDelimiter", "COMMA")) not in _DELIMITERS:
            raise NotImplementedHere(f"CSVDelimiter {config['CSVDelimiter']} in a Map of Step Functions")
    if writer is not None:
        config = writer.get("WriterConfig", {})
        if config.get("Transformation", "NONE") not in ("NONE", "COMPACT", "FLATTEN"):
            raise NotImplementedHere(f"the Transformation {config['Transformation']} of a ResultWriter in a Map of Step Functions")
        if config.get("OutputType", "JSON") not in _ENDINGS:
            raise NotImplementedHere(f"the OutputType {config['OutputType']} of a ResultWriter in a Map of Step Functions")
        if "Resource" in writer and writer["Resource"].rpartition(":::")[2] != "s3:putObject":
            raise NotImplementedHere("a ResultWriter that does not s3:putObject in a Map of Step Functions")
        if "Resource" not in writer and config.get("OutputType") == "JSONL":
            # How lines stand in a state's output is not published.
            raise NotImplementedHere("the OutputType JSONL of a ResultWriter without a bucket in a Map of Step Functions")


def _failed(error: str, cause: str) -> StateFailure:
    return StateFailure(error, cause, is_told=True)


async def outcome(call: Call, execution: Execution, strand: Strand, state: State) -> Any:
    """The items that were read, or where the results were written. Raises StateFailure."""
    told = strand.parameters
    error = "States.ItemReaderFailed" if told["stage"] == "read" else "States.ResultWriterFailed"
    try:
        speaker = call.assuming(execution.role, SERVICE, execution.name[:64], **{"aws:SourceArn": execution.machine})
        if told["stage"] == "write":
            return await _written(call, execution, speaker, told, state.fields["ResultWriter"].get("WriterConfig", {}))
        reader = state.fields["ItemReader"]
        if reader["Resource"].endswith("listObjectsV2"):
            return await _listed(speaker, told["params"], told["most"])
        body, config = await _got(speaker, **told["params"]), reader["ReaderConfig"]
        if config["InputType"] == "MANIFEST" or "ManifestType" in config:
            return await _inventoried(speaker, body, told["most"])
        if config["InputType"] == "PARQUET":
            return await _columned(body, told["most"])
        return items_in(body, config)
    except AwsError as refusal:
        raise _failed(error, refusal.text)


async def _got(speaker: Call, **params: Any) -> bytes:
    return (await read_whole(await speaker.ask("s3:GetObject", **params), "s3"))["Body"]


async def _columned(body: bytes, most: int | None) -> list[dict[str, Any]]:
    """How AWS tells moments and decimals of a Parquet file is not published: as texts here."""
    try:
        return await parquet_rows.read(body, int(most or 0))
    except worker.WorkFailed as error:
        raise _failed("States.ItemReaderFailed", f"The file cannot be read: {error}") from None
    except worker.WorkTimedOut:
        raise _failed("States.ItemReaderFailed", "The file takes too long to be read") from None


def _unpacked(packed: bytes) -> str:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    text = unpacker.decompress(packed, UNPACKED_BYTES_MAX)
    if not unpacker.eof:
        raise ValueError(f"a list is cut, or has more than {UNPACKED_BYTES_MAX} bytes")
    return text.decode()


async def _inventoried(speaker: Call, manifest: bytes, most: int | None) -> list[dict[str, str]]:
    """The rows of the lists that an inventory's manifest names, under the names that it gives their fields.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html"""
    found: list[dict[str, str]] = []
    try:
        told = orjson.loads(manifest)
        if told["fileFormat"] != "CSV":
            raise NotImplementedHere(f"inventories of the format {told['fileFormat']} in a Map of Step Functions")
        names = [name.strip() for name in told["fileSchema"].split(",")]
        for file in told["files"]:
            if most is not None and len(found) >= most:
                break
            packed = await _got(speaker, Bucket=told["destinationBucket"].removeprefix("arn:aws:s3:::"), Key=file["key"])
            found += [dict(zip(names, row)) for row in csv.reader(io.StringIO(_unpacked(packed)))]
    except (KeyError, TypeError, AttributeError, ValueError, csv.Error, zlib.error) as error:
        raise _failed("States.ItemReaderFailed", f"The manifest cannot be read: {error}")
    return found


async def _listed(speaker: Call, params: dict[str, Any], most: int | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while most is None or len(found) < most:
        page = await speaker.ask("s3:ListObjectsV2", **params, **token)
        found += [
            {"Etag": one["ETag"], "LastModified": int(one["LastModified"]), "Key": one["Key"], "Size": one["Size"],
             "StorageClass": one.get("StorageClass", "STANDARD")}
            for one in page.get("Contents", ())
        ]  # fmt: skip
        if not page.get("NextContinuationToken"):
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    return found


def items_in(body: bytes, config: dict[str, Any]) -> list[Any]:
    """The items of a file, of JSON those to which ItemsPointer leads. Raises StateFailure."""
    try:
        if config["InputType"] == "CSV":
            found: Any = _rows(body.decode("utf-8-sig"), config)
        elif config["InputType"] == "JSONL":
            found = [orjson.loads(line) for line in body.splitlines() if line.strip()]
        else:
            found = _pointed(orjson.loads(body), config.get("ItemsPointer", ""))
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise _failed("States.ItemReaderFailed", f"The file cannot be read: {error}")
    if not isinstance(found, list):
        raise _failed("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
    return found


def _pointed(found: Any, pointer: str) -> Any:
    """Where a JSON pointer leads (RFC 6901). https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html"""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _rows(text: str, config: dict[str, Any]) -> list[dict[str, str]]:
    lines = csv.reader(io.StringIO(text), delimiter=_DELIMITERS[config.get("CSVDelimiter", "COMMA")])
    rows = [row for row in lines if row]
    if config.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
        headers, rows = (rows[0], rows[1:]) if rows else ([], [])
    else:
        headers = config.get("CSVHeaders", [])
    if len(set(headers)) < len(headers):
        raise _failed("States.ItemReaderFailed", "CSV headers cannot contain duplicates.")
    return [dict(zip(headers, row + [""] * (len(headers) - len(row)))) for row in rows]


async def _written(call: Call, execution: Execution, speaker: Call, told: dict[str, Any], config: dict[str, str]) -> dict[str, str]:
    """Every execution in one file for each way in which they ended, and a manifest that names the files."""
    map_run = distributed.find(call, told["map_run"])
    place, prefix = told["params"]["Bucket"], told["params"].get("Prefix", "")
    folder = f"{prefix}/{map_run.arn.rpartition(':')[2]}" if prefix else map_run.arn.rpartition(":")[2]
    files: dict[str, list[Execution]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    lock = encryptions.of_role(call, execution.machine, execution.role, execution.encryption)
    for one in await opening(call, lambda: [executions.opened(each, lock) for each in distributed.results(call, map_run)]):
        files["SUCCEEDED" if one.status == "SUCCEEDED" else "FAILED"].append(one)
    kind = config.get("OutputType", "JSON")
    manifest: dict[str, Any] = {"DestinationBucket": place, "MapRunArn": map_run.arn, "ResultFiles": {}}
    for status, held in files.items():
        manifest["ResultFiles"][status] = []
        if held:
            shown = distributed.transformed(held, config.get("Transformation", "NONE"))
            key = f"{folder}/{status}_0.{_ENDINGS[kind]}"
            body = orjson.dumps(shown) if kind == "JSON" else b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in shown)
            await speaker.ask("s3:PutObject", Bucket=place, Key=key, Body=body)
            manifest["ResultFiles"][status] = [{"Key": key, "Size": len(body)}]
    await speaker.ask("s3:PutObject", Bucket=place, Key=f"{folder}/manifest.json", Body=orjson.dumps(manifest))
    return {"Bucket": place, "Key": f"{folder}/manifest.json"}


def heard(run: Any, strand: Strand, state: State, outcome: Any) -> None:
    """Go on with what was read or written. An ItemsPath says nothing of what an ItemReader reads (recorded:
    test_map_item_reader_base_json_with_items_path)."""
    map_run = distributed.find(run.call, strand.token)
    is_reading = strand.parameters["stage"] == "read"
    try:
        if isinstance(outcome, StateFailure):
            raise outcome
        if is_reading:
            distributed.fill(run, strand, state, outcome, strand.parameters["most"])
        else:
            distributed.ended(run, strand, map_run, outcome)
    except StateFailure as failure:
        distributed.failed(run, strand, map_run, failure)
        run.failed(strand, state, failure)
