"""Dynamic partitioning: keys that a query or a function finds in records, by which records part into files of their own.

https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from kumoniwa.engines import json_query, worker
from kumoniwa.services.firehose.buffer import Entry
from kumoniwa.services.firehose.errors import InvalidArgumentException
from kumoniwa.services.firehose.prefix import partition_keys

ACTIVE_MAX = 500
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html
PARTS_MAX = 500
"""Of one aggregated record."""
SIZE_MIB_MIN, SIZE_MIB_UNSAID = 64, 128
RETRIED_S = 300.0
ENGINE = "JQ-1.6"


def is_on(destination: dict[str, Any]) -> bool:
    return bool((destination.get("DynamicPartitioningConfiguration") or {}).get("Enabled"))


def retried_s(destination: dict[str, Any]) -> float:
    """For how long a file of a partition is tried before its records are put aside."""
    options = destination["DynamicPartitioningConfiguration"].get("RetryOptions") or {}
    return float(options.get("DurationInSeconds", RETRIED_S))


def check(destination: dict[str, Any], processors: dict[str, dict[str, str]]) -> None:
    """Refuse what could not be parted. ``processors`` are parameters by their processor's type."""
    spaces = {key.partition(":")[0] for key in partition_keys(destination.get("Prefix", ""))}
    if not is_on(destination):
        if special := processors.keys() & {"MetadataExtraction", "RecordDeAggregation"}:
            kind = f"class com.amazonaws.services.firehose.internal.model.{min(special)}Processor"
            raise InvalidArgumentException(f"{kind} can only be present when Dynamic Partitioning is enabled.")
        return
    if destination["BufferingHints"]["SizeInMBs"] < SIZE_MIB_MIN:
        raise InvalidArgumentException(f"BufferingHints.SizeInMBs must be at least {SIZE_MIB_MIN} when Dynamic Partitioning is enabled.")
    if not (destination.get("ProcessingConfiguration") or {}).get("Enabled"):
        raise InvalidArgumentException("Processing Configuration is not enabled when DataPartitioning is enabled.")
    if not spaces:
        raise InvalidArgumentException("S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled")
    for space, processor in (("partitionKeyFromQuery", "MetadataExtraction"), ("partitionKeyFromLambda", "Lambda")):
        if space in spaces and processor not in processors:
            raise InvalidArgumentException(f"{processor} processor should be present when S3 Prefix has {space} namespace.")
    if (said := processors.get("MetadataExtraction")) is not None:
        if said.get("JsonParsingEngine", ENGINE) != ENGINE:
            raise InvalidArgumentException(f"JsonParsingEngine must be {ENGINE}.")
        try:
            json_query.check(said.get("MetadataExtractionQuery", ""))
        except json_query.NoQuery as error:
            raise InvalidArgumentException(f"Invalid MetadataExtractionQuery: {error}") from None
    if (said := processors.get("RecordDeAggregation")) is not None:
        _delimiter(said)


def _delimiter(said: dict[str, str]) -> bytes | None:
    """What parts records; None if they are objects one after the other. Raises InvalidArgumentException."""
    kind = said.get("SubRecordType", "")
    if kind == "JSON":
        return None
    try:
        delimiter = base64.b64decode(said.get("Delimiter", ""), validate=True)
    except binascii.Error:
        delimiter = b""
    if kind != "DELIMITED" or not delimiter:
        raise InvalidArgumentException("SubRecordType must be JSON, or DELIMITED with a Delimiter in base64.")
    return delimiter


def parted(said: dict[str, str], entry: Entry) -> list[Entry] | None:
    """The records in an aggregated one; None if it is none."""
    delimiter = _delimiter(said)
    try:
        parts = _objects(entry.data.decode()) if delimiter is None else [part for part in entry.data.split(delimiter) if part]
    except ValueError:
        return None
    return [entry._replace(data=part) for part in parts] if len(parts) <= PARTS_MAX else None


def _objects(text: str) -> list[bytes]:
    decoder, at, found = json.JSONDecoder(), 0, []
    while (rest := text[at:].lstrip()):
        at = len(text) - len(rest)
        value, end = decoder.raw_decode(text, at)
        if not isinstance(value, dict):
            raise ValueError("no object")
        found.append(text[at:end].encode())
        at = end
    return found


async def asked(query: str, entries: list[Entry]) -> list[Entry | None]:
    """Each record with what the query finds in it, None in the place of one in which it finds nothing."""
    try:
        found = await json_query.objects(query, [entry.data for entry in entries])
    except (worker.WorkFailed, worker.WorkTimedOut):
        found = [None] * len(entries)
    return [
        entry.with_keys("partitionKeyFromQuery", keys) if keys is not None else None for entry, keys in zip(entries, found)
    ]


def groups(prefix: str, entries: list[Entry]) -> tuple[dict[tuple[str, ...], list[Entry]], list[Entry], list[Entry]]:
    """Records by the keys that the prefix asks for; those that lack one, and those of too many partitions."""
    wanted = partition_keys(prefix)
    found: dict[tuple[str, ...], list[Entry]] = {}
    without, beyond = [], []
    for entry in entries:
        values = tuple((entry.keys or {}).get(key, "") for key in wanted)
        if not all(values):
            without.append(entry)
        elif values not in found and len(found) >= ACTIVE_MAX:
            beyond.append(entry)
        else:
            found.setdefault(values, []).append(entry)
    return found, without, beyond
