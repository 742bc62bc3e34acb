"""Buckets of a distributed Map: where its items are read from and its results are written to, as the state machine's role.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html and …-resultwriter.html
"""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson

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
from kumoniwa.wire import timestamps

_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def check(state: State) -> None:
    """Raises NotImplementedHere for a reader or writer that would not do what it says."""
    reader, writer = state.fields.get("ItemReader"), state.fields.get("ResultWriter")
    if reader is not None:
        action = reader["Resource"].rpartition(":::")[2]
        kind = reader.get("ReaderConfig", {}).get("InputType")
        if action not in ("s3:getObject", "s3:listObjectsV2"):
            raise NotImplementedHere(f"ItemReader of {action} in a Map of Step Functions")
        if action == "s3:getObject" and kind not in ("JSON", "JSONL", "CSV"):
            raise NotImplementedHere(f"ItemReader of InputType {kind} in a Map of Step Functions")
        config = reader.get("ReaderConfig", {})
        headers = config.get("CSVHeaders", [])
        if not isinstance(headers, list) or not all(isinstance(name, str) for name in headers):
            raise NotImplementedHere("CSVHeaders that are no list of names in a Map of Step Functions")
        pointer = config.get("ItemsPointer", "")
        if not isinstance(pointer, str) or (pointer and (kind != "JSON" or not pointer.startswith("/"))):
            raise NotImplementedHere(f"ItemsPointer {pointer} of InputType {kind} in a Map of Step Functions")
        if str(config.get("CSVDelimiter", "COMMA")) not in _DELIMITERS:
            raise NotImplementedHere(f"CSVDelimiter {config['CSVDelimiter']} in a Map of Step Functions")
    if writer is not None:
        if "WriterConfig" in writer:
            raise NotImplementedHere("ResultWriter.WriterConfig in a Map of Step Functions")
        if writer.get("Resource", "").rpartition(":::")[2] != "s3:putObject":
            raise NotImplementedHere("a ResultWriter that does not s3:putObject in a Map of Step Functions")


def _failed(error: str, cause: str) -> StateFailure:
    return StateFailure(error, cause, is_told=True)


async def outcome(call: Call, execution: Execution, strand: Strand, state: State) -> Any:
    """The items that were read, or where the results were written. Raises StateFailure."""
    told = strand.parameters
    error = "States.ItemReaderFailed" if told["stage"] == "read" else "States.ResultWriterFailed"
    try:
        speaker = call.assuming(execution.role, SERVICE, execution.name[:64], **{"aws:SourceArn": execution.machine})
        if told["stage"] == "write":
            return await _written(call, execution, speaker, told)
        reader = state.fields["ItemReader"]
        if reader["Resource"].endswith("listObjectsV2"):
            return await _listed(speaker, told["params"], told["most"])
        found = await speaker.ask("s3:GetObject", **told["params"])
        return items_in((await read_whole(found, "s3"))["Body"], reader["ReaderConfig"])
    except AwsError as refusal:
        raise _failed(error, refusal.text)


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


async def _written(call: Call, execution: Execution, speaker: Call, told: dict[str, Any]) -> dict[str, str]:
    """Every execution in one file for each way in which they ended, and a manifest that names the files."""
    map_run = distributed.find(call, told["map_run"])
    place, prefix = told["params"]["Bucket"], told["params"].get("Prefix", "")
    folder = f"{prefix}/{map_run.arn.rpartition(':')[2]}" if prefix else map_run.arn.rpartition(":")[2]
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    lock = encryptions.of_role(call, execution.machine, execution.role, execution.encryption)
    for one in await opening(call, lambda: [executions.opened(each, lock) for each in distributed.results(call, map_run)]):
        files["SUCCEEDED" if one.status == "SUCCEEDED" else "FAILED"].append(_told(one))
    manifest: dict[str, Any] = {"DestinationBucket": place, "MapRunArn": map_run.arn, "ResultFiles": {}}
    for status, held in files.items():
        manifest["ResultFiles"][status] = []
        if held:
            key, body = f"{folder}/{status}_0.json", orjson.dumps(held)
            await speaker.ask("s3:PutObject", Bucket=place, Key=key, Body=body)
            manifest["ResultFiles"][status] = [{"Key": key, "Size": len(body)}]
    await speaker.ask("s3:PutObject", Bucket=place, Key=f"{folder}/manifest.json", Body=orjson.dumps(manifest))
    return {"Bucket": place, "Key": f"{folder}/manifest.json"}


def _told(one: Execution) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "ExecutionArn": one.arn, "Input": one.input, "InputDetails": {"Included": True}, "Name": one.name, "Output": one.output,
        "OutputDetails": {"Included": True} if one.output is not None else None, "Error": one.error, "Cause": one.cause,
        "RedriveCount": 0, "StartDate": timestamps.to_millisecond(one.started), "StateMachineArn": one.machine, "Status": one.status,
        "StopDate": timestamps.to_millisecond(one.stopped or one.started),
    }  # fmt: skip
    return {name: value for name, value in answer.items() if value is not None}


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
