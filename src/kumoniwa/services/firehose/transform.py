"""What is done to records before they are written: by a function of the customer's, or by what Firehose does itself.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.firehose import partition
from kumoniwa.services.firehose.buffer import Entry
from kumoniwa.services.firehose.stream import Stream, arn_of

RETRIES = 3
INVOKED_BYTES = 1 << 20
DECOMPRESSED_BYTES_MAX = 16 << 20


class Failure(NamedTuple):
    """A record that could not be processed."""

    entry: Entry
    code: str
    text: str
    attempts: int
    function: str


class Processed(NamedTuple):
    entries: list[Entry]
    failures: list[Failure]


def parameters(processor: dict[str, Any]) -> dict[str, str]:
    return {each["ParameterName"]: each["ParameterValue"] for each in processor.get("Parameters") or ()}


async def process(call: Call, stream: Stream, role: Call, entries: list[Entry]) -> Processed:
    """Everything that the stream's processors make of records, in Firehose's order whatever theirs is."""
    processing = stream.destination.get("ProcessingConfiguration") or {}
    kept, failures = list(entries), []
    if processing.get("Enabled"):
        for processor in sorted(processing.get("Processors") or (), key=lambda each: _ORDER.index(each["Type"])):
            kept, failed = await _STEPS[processor["Type"]](call, stream, role, parameters(processor), kept)
            failures += failed
    return Processed(kept, failures)


async def _by_function(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    size_max = int(float(said.get("BufferSizeInMBs", 1)) * INVOKED_BYTES)
    kept, failures, batch, size = [], [], [], 0
    for entry in [*entries, None]:
        if batch and (entry is None or size + len(entry.data) > size_max):
            done, failed = await _invoked(call, stream, role, said, batch)
            kept, failures, batch, size = kept + done, failures + failed, [], 0
        if entry is not None:
            batch.append(entry)
            size += len(entry.data)
    return kept, failures


async def _invoked(call: Call, stream: Stream, role: Call, said: dict[str, str], batch: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    function, attempts = said["LambdaArn"], int(said.get("NumberOfRetries", RETRIES)) + 1
    # Records that were one have its number.
    ids = {f"{entry.seq:044d}{place:012d}": entry for place, entry in enumerate(batch)}
    event = {
        "invocationId": call.new_id(),
        "deliveryStreamArn": arn_of(call, stream),
        "region": call.region,
        "records": [
            {"recordId": id_, "approximateArrivalTimestamp": milliseconds(entry.at), "data": base64.b64encode(entry.data).decode()}
            for id_, entry in ids.items()
        ],
    }
    if stream.source:
        event["sourceKinesisStreamArn"] = stream.source["KinesisStreamARN"]
    code, text = "Lambda.FunctionError", ""
    for _ in range(attempts):
        try:
            reply = await role.ask("lambda:Invoke", FunctionName=function, InvocationType="RequestResponse", Payload=orjson.dumps(event))
        except AwsError as error:
            code, text = "Lambda.InvokeAccessDenied" if "AccessDenied" in error.code else f"Lambda.{error.code}", error.text
            continue
        answer = reply["Payload"] if isinstance(reply["Payload"], bytes) else bytes(reply["Payload"])
        if "FunctionError" in reply:
            code, text = "Lambda.FunctionError", answer.decode(errors="replace")[:1000]
            continue
        return _read(answer, ids, attempts, function)
    return [], [Failure(entry, code, text, attempts, function) for entry in batch]


def _read(answer: bytes, ids: dict[str, Entry], attempts: int, function: str) -> tuple[list[Entry], list[Failure]]:
    try:
        told = {record["recordId"]: record for record in orjson.loads(answer)["records"]}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        wrong = "The function's answer is no object with records, each with recordId, result and data."
        return [], [Failure(entry, "Lambda.JsonProcessingException", wrong, 1, function) for entry in ids.values()]
    kept, failures = [], []
    for id_, entry in ids.items():
        record = told.get(id_)
        if record is None:
            failures.append(Failure(entry, "Lambda.MissingRecordId", "One or more record Ids were not returned by the function.", 1, function))
        elif record.get("result") == "Ok":
            try:
                done = entry._replace(data=base64.b64decode(record["data"], validate=True))
                kept.append(done.with_keys("partitionKeyFromLambda", _keys_of(record)))
            except (ValueError, TypeError, KeyError):
                failures.append(Failure(entry, "Lambda.InvalidData", "The data of a record is not in base64.", 1, function))
        elif record.get("result") != "Dropped":
            failures.append(Failure(entry, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record", 1, function))
    return kept, failures


def _keys_of(record: dict[str, Any]) -> dict[str, str]:
    metadata = record.get("metadata")
    keys = metadata.get("partitionKeys") if isinstance(metadata, dict) else None
    return {name: value for name, value in keys.items() if isinstance(value, str)} if isinstance(keys, dict) else {}


async def _parted(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    kept, failures = [], []
    for entry in entries:
        parts = partition.parted(said, entry)
        if parts is None:
            failures.append(Failure(entry, "DynamicPartitioning.DeAggregationFailed", "The record cannot be parted into records.", 1, ""))
        kept += parts or ()
    return kept, failures


async def _asked(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    found = await partition.asked(said["MetadataExtractionQuery"], entries)
    failures = [unparted(entry) for entry, made in zip(entries, found) if made is None]
    return [made for made in found if made is not None], failures


def unparted(entry: Entry) -> Failure:
    return Failure(entry, "DynamicPartitioning.MetadataExtractionFailed", "The partition keys cannot be found in the record.", 1, "")


async def _delimited(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    delimiter = said.get("Delimiter", "\\n").replace("\\n", "\n").encode()
    return [entry._replace(data=entry.data + delimiter) for entry in entries], []


async def _decompressed(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    kept, failures = [], []
    for entry in entries:
        try:
            unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            data = unpacker.decompress(entry.data, DECOMPRESSED_BYTES_MAX)
            if unpacker.unconsumed_tail:
                raise gzip.BadGzipFile
            kept.append(entry._replace(data=data))
        except (zlib.error, gzip.BadGzipFile):
            failures.append(Failure(entry, "DataDecompression.Failed", "The record is not in GZIP.", 1, ""))
    return kept, failures


async def _messages(call: Call, stream: Stream, role: Call, said: dict[str, str], entries: list[Entry]) -> tuple[list[Entry], list[Failure]]:
    """Only what was logged of what CloudWatch Logs sends, a line each."""
    if said.get("DataMessageExtraction", "").lower() != "true":
        return entries, []
    kept, failures = [], []
    for entry in entries:
        try:
            told = orjson.loads(entry.data)
            if told["messageType"] == "DATA_MESSAGE":
                kept.append(entry._replace(data="".join(f"{event['message']}\n" for event in told["logEvents"]).encode()))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            failures.append(Failure(entry, "DataMessageExtraction.Failed", "The record is not what CloudWatch Logs sends.", 1, ""))
    return kept, failures


_STEPS = {
    "Decompression": _decompressed, "CloudWatchLogProcessing": _messages, "RecordDeAggregation": _parted, "Lambda": _by_function,
    "MetadataExtraction": _asked, "AppendDelimiterToRecord": _delimited,
}  # fmt: skip
# https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html
_ORDER = list(_STEPS)
