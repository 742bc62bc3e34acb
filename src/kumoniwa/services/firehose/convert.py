"""Conversion of records to columns: JSON becomes Parquet or ORC after the schema of a table of Glue's catalog.

https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html; what is refused, in which order and in which words, was probed of
AWS: https://github.com/floci-io/floci/pull/3236. Padding and Bloom filters are refused by name.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines import columnar, json_rows, worker
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.languages import joda_format
from kumoniwa.services.firehose.buffer import Entry
from kumoniwa.services.firehose.errors import InvalidArgumentException

UNCONVERTED = "format-conversion-failed"
"""What prefixes call it."""
SIZE_MIB_MIN, SIZE_MIB_UNSAID = 64, 128
_SERDES = {True: "org.openx.data.jsonserde.JsonSerDe", False: "org.apache.hive.hcatalog.data.JsonSerDe"}
_NOT_FOUND = (
    "The specified table/database could not be found. Please ensure that the table/database exists and that the values provided in the schema "
    "configuration are correct, especially with regards to casing."
)
_DENIED = "Access was denied when calling Glue. Please ensure that the role specified in the data format conversion configuration has the necessary permissions."


class NotConverted(AwsError):
    """A schema that cannot be read now, or a conversion that did not come to an end; it is tried again."""

    code = "DataFormatConversion.InternalError"


class Unconverted(NamedTuple):
    entry: Entry
    code: str
    text: str


class Converted(NamedTuple):
    body: bytes
    """A file; empty if there is no row for it."""
    failures: list[Unconverted]


def configuration(destination: dict[str, Any]) -> dict[str, Any] | None:
    """If it is on; unsaid it is."""
    said = destination.get("DataFormatConversionConfiguration")
    return said if said is not None and said.get("Enabled", True) else None


def extension(said: dict[str, Any]) -> str:
    return ".parquet" if "ParquetSerDe" in said["OutputFormatConfiguration"]["Serializer"] else ".orc"


# What may be said ----------------------------------------------------------------------------------


def check(destination: dict[str, Any]) -> None:
    """A destination as it was said, without defaults."""
    said = configuration(destination)
    if said is None:
        return
    if destination.get("CompressionFormat", "UNCOMPRESSED") != "UNCOMPRESSED":
        raise InvalidArgumentException(
            "The S3 destination's compression format must be set to UNCOMPRESSED when data format conversion is enabled. To enable compression within "
            "the converted output format, set the appropriate serialization option in the output format configuration."
        )
    if (destination.get("BufferingHints") or {}).get("SizeInMBs", SIZE_MIB_UNSAID) < SIZE_MIB_MIN:
        raise InvalidArgumentException(f"BufferingHints.SizeInMBs must be at least {SIZE_MIB_MIN} when data format conversion is enabled.")
    for name in ("InputFormatConfiguration", "OutputFormatConfiguration", "SchemaConfiguration"):
        if said.get(name) is None:
            raise InvalidArgumentException(f"{name} must not be null")
    reads = _one(said["InputFormatConfiguration"].get("Deserializer"), "Deserializer")
    writes = _one(said["OutputFormatConfiguration"].get("Serializer"), "Serializer")
    for member, told in (("RoleARN", "RoleArn"), ("DatabaseName", "DatabaseName"), ("TableName", "TableName")):
        if not said["SchemaConfiguration"].get(member):
            raise InvalidArgumentException(f"SchemaConfiguration.{told} must not be null or empty")
    for pattern in reads.get("TimestampFormats") or ():
        try:
            if pattern != "millis":
                joda_format.reader(pattern)
        except joda_format.InvalidPattern as error:
            raise InvalidArgumentException(str(error)) from None
    for name in ("MaxPaddingBytes", "EnablePadding", "BloomFilterColumns"):
        if writes.get(name):
            raise NotImplementedHere(f"{name} of firehose's data format conversion")
    columnar.check_installed()


def _one(said: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    chosen = [each for each in (said or {}).values() if each is not None]
    if not chosen:
        raise InvalidArgumentException(f"{kind} must not be null")
    if len(chosen) > 1:
        raise InvalidArgumentException(f"More than one {kind.lower()} specified. Only one may be chosen.")
    return chosen[0]


async def prove(call: Call, reader: Call, said: dict[str, Any]) -> None:
    """See that the role reads a schema that can be used, as AWS does before it makes the stream. Raises InvalidArgumentException."""
    try:
        _columns(await _table(call, reader, said["SchemaConfiguration"]), _is_openx(said))
    except Schemaless as error:
        raise InvalidArgumentException(error.text) from None
    except NotConverted as error:
        raise InvalidArgumentException(error.text, hint=error.hint) from None


def _is_openx(said: dict[str, Any]) -> bool:
    return "OpenXJsonSerDe" in said["InputFormatConfiguration"]["Deserializer"]


# Schemas -------------------------------------------------------------------------------------------


class Schemaless(Exception):
    """There is no schema by which anything could be converted."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = f"DataFormatConversion.{code}", text


async def _table(call: Call, reader: Call, schema: dict[str, str]) -> dict[str, Any]:
    """The version of the table that is asked for. Raises Schemaless, NotConverted."""
    named = {"DatabaseName": schema["DatabaseName"], "TableName": schema["TableName"]}
    named |= {"CatalogId": schema["CatalogId"]} if "CatalogId" in schema else {}
    region, version = schema.get("Region") or call.region, schema.get("VersionId", "LATEST")
    try:
        if version == "LATEST":
            return (await reader.ask("glue:GetTableVersions", to_region=region, **named, MaxResults=1))["TableVersions"][0]["Table"]
        return (await reader.ask("glue:GetTableVersion", to_region=region, **named, VersionId=version))["TableVersion"]["Table"]
    except AwsError as error:
        if error.code == "EntityNotFoundException":
            raise Schemaless("EntityNotFound", _NOT_FOUND) from None
        raise NotConverted(f"{_DENIED} {error.text}" if "AccessDenied" in error.code else error.text, hint=error.hint) from None


def _columns(table: dict[str, Any], is_openx: bool) -> list[tuple[str, str]]:
    """Raises Schemaless."""
    found = [(each["Name"], each.get("Type", "")) for each in table.get("StorageDescriptor", {}).get("Columns") or ()]
    try:
        if found and json_rows.is_readable(columnar.schema_of(found)):
            return found
    except ValueError:
        pass
    raise Schemaless("InvalidSchema", f"The schema is invalid. One or more columns have types that are not supported by {_SERDES[is_openx]}")


# Converting ----------------------------------------------------------------------------------------


async def converted(call: Call, reader: Call, said: dict[str, Any], groups: list[list[Entry]]) -> list[Converted]:
    """Each group of records as a file, and what of it is in none. Raises NotConverted."""
    try:
        columns = _columns(await _table(call, reader, said["SchemaConfiguration"]), _is_openx(said))
    except Schemaless as error:
        return [Converted(b"", [Unconverted(entry, error.code, error.text) for entry in group]) for group in groups]
    task = columnar.Task(columns, _reading(said), _writing(said), [[entry.data for entry in group] for group in groups])
    try:
        made = await columnar.files(task)
    except (worker.WorkFailed, worker.WorkTimedOut) as error:
        raise NotConverted(str(error)) from None
    return [
        Converted(each.body, [Unconverted(group[place], code, text) for place, code, text in each.failed]) for each, group in zip(made, groups, strict=True)
    ]


def _reading(said: dict[str, Any]) -> columnar.Reading:
    chosen = said["InputFormatConfiguration"]["Deserializer"]
    if not _is_openx(said):
        return columnar.Reading(False, formats=tuple(chosen["HiveJsonSerDe"].get("TimestampFormats") or ()))
    openx = chosen["OpenXJsonSerDe"]
    return columnar.Reading(
        True, openx.get("CaseInsensitive", True), openx.get("ConvertDotsInJsonKeysToUnderscores", False), openx.get("ColumnToJsonKeyMappings") or {}
    )


def _writing(said: dict[str, Any]) -> columnar.Parquet | columnar.Orc:
    chosen = said["OutputFormatConfiguration"]["Serializer"]
    if "ParquetSerDe" in chosen:
        parquet = chosen["ParquetSerDe"]
        return columnar.Parquet(
            compression=parquet.get("Compression", "SNAPPY"), page_bytes=parquet.get("PageSizeBytes", 1 << 20),
            block_bytes=parquet.get("BlockSizeBytes", 256 << 20), has_dictionary=parquet.get("EnableDictionaryCompression", False),
            page_version={"V1": "1.0", "V2": "2.0"}[parquet.get("WriterVersion", "V1")],
        )  # fmt: skip
    orc = chosen["OrcSerDe"]
    return columnar.Orc(
        compression=orc.get("Compression", "SNAPPY"), stripe_bytes=orc.get("StripeSizeBytes", 64 << 20),
        row_index_stride=orc.get("RowIndexStride", 10_000), dictionary_threshold=orc.get("DictionaryKeyThreshold", 0.0),
        version={"V0_11": "0.11", "V0_12": "0.12"}[orc.get("FormatVersion", "V0_12")],
    )  # fmt: skip


def told(call: Call, said: dict[str, Any], failure: Unconverted) -> bytes:
    """https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html; of ``dataCatalogTable`` AWS was seen to tell
    the role."""
    schema = said["SchemaConfiguration"]
    line = {
        "attemptsMade": 1,
        "arrivalTimestamp": milliseconds(failure.entry.at),
        "lastErrorCode": failure.code,
        "lastErrorMessage": failure.text,
        "attemptEndingTimestamp": milliseconds(call.now()),
        "rawData": base64.b64encode(failure.entry.data).decode(),
        "sequenceNumber": f"{failure.entry.seq:056d}",
        "subSequenceNumber": 0,
        "dataCatalogTable": {
            "catalogId": schema.get("CatalogId", call.account), "databaseName": schema["DatabaseName"], "tableName": schema["TableName"],
            "region": schema.get("Region", call.region), "versionId": schema.get("VersionId", "LATEST"), "roleArn": schema["RoleARN"],
        },
    }  # fmt: skip
    return orjson.dumps(line) + b"\n"
