"""Firehose makes JSON columns: Parquet and ORC, after a table of Glue's catalog.

What becomes of values of another shape, and in which words AWS refuses them, was probed of it: https://github.com/floci-io/floci/pull/3333,
https://github.com/floci-io/floci/pull/3236.
"""

from __future__ import annotations

import base64
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyarrow import orc, parquet
from refusals import refused
from services.test_cloudformation_stack import settled
from test_firehose import (
    files,
    put,
    s3,  # noqa: F401 (a fixture)
)
from test_firehose import role as hose_role  # noqa: F401 (a fixture)

COLUMNS = {"ticker": "string", "price": "double", "qty": "int", "active": "boolean", "ts": "timestamp"}
OPENX, HIVE = {"OpenXJsonSerDe": {}}, {"HiveJsonSerDe": {}}
WRONG = "DataFormatConversion.MalformedData"


@pytest.fixture
def role(cloud, hose_role) -> str:  # noqa: F811
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["glue:GetTableVersion", "glue:GetTableVersions"], "Resource": "*"}}
    cloud.client("iam").put_role_policy(RoleName="hose", PolicyName="glue", PolicyDocument=json.dumps(may))
    return hose_role


@pytest.fixture
def fh(cloud, s3):  # noqa: F811
    cloud.client("glue").create_database(DatabaseInput={"Name": "lake"})
    return cloud.client("firehose")


def table(cloud, columns: dict[str, str] | None = None, name: str = "events") -> None:
    described = {"Columns": [{"Name": each, "Type": type_} for each, type_ in (columns or COLUMNS).items()]}
    cloud.client("glue").create_table(DatabaseName="lake", TableInput={"Name": name, "StorageDescriptor": described})


def configured(role, reads=OPENX, writes=None, **schema) -> dict[str, Any]:
    return {
        "SchemaConfiguration": {"RoleARN": role, "DatabaseName": "lake", "TableName": "events", **schema},
        "InputFormatConfiguration": {"Deserializer": reads}, "OutputFormatConfiguration": {"Serializer": writes or {"ParquetSerDe": {}}},
    }  # fmt: skip


def destination(role, conversion: dict[str, Any], **more) -> dict[str, Any]:
    return {
        "RoleARN": role, "BucketARN": "arn:aws:s3:::lake-files", "Prefix": "data/", "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60}, "DataFormatConversionConfiguration": conversion, **more,
    }  # fmt: skip


def stream(fh, role, conversion: dict[str, Any], **more) -> None:
    fh.create_delivery_stream(DeliveryStreamName="hose", ExtendedS3DestinationConfiguration=destination(role, conversion, **more))


def made(cloud, s3, kind: str = "parquet") -> list[dict[str, Any]]:  # noqa: F811
    """All rows that lie in the bucket once the time has come."""
    cloud.sleep_and_settle(61)
    found = []
    for key, body in files(s3).items():
        if key.startswith("data/"):
            assert key.endswith(f".{kind}")
            found += (parquet if kind == "parquet" else orc).read_table(io.BytesIO(body)).to_pylist()
    return found


def failed(s3) -> list[dict[str, Any]]:  # noqa: F811
    lines = [body for key, body in files(s3).items() if key.startswith("bad/format-conversion-failed/") and "." not in key]
    return [json.loads(line) for body in lines for line in body.splitlines()]


def whys(s3) -> list[tuple[str, str]]:  # noqa: F811
    return [(line["lastErrorCode"], line["lastErrorMessage"]) for line in failed(s3)]


# Files ---------------------------------------------------------------------------------------------


def test_records_become_a_file_of_columns_and_those_that_cannot_are_put_aside(cloud, fh, s3, role):  # noqa: F811
    table(cloud)
    stream(fh, role, configured(role))
    good = {"Ticker": "AAA", "price": 1.5, "qty": 10, "active": True, "ts": "2026-09-07 12:00:00", "unknown": [1]}
    put(fh, json.dumps(good) + "\n", '{"ticker": "MISSING"}', '{"ticker": "BAD", "price": "oops"}\n', "this is not json", "", "7", '{"qty": 1}{"qty": 2}')
    rows = made(cloud, s3)
    blank = dict.fromkeys(COLUMNS)
    assert rows == [
        {"ticker": "AAA", "price": 1.5, "qty": 10, "active": True, "ts": datetime(2026, 9, 7, 12)}, {**blank, "ticker": "MISSING"},
        {**blank, "qty": 1}, {**blank, "qty": 2},
    ]  # fmt: skip
    one, *others = failed(s3)
    told = {"catalogId": "000000000000", "databaseName": "lake", "tableName": "events", "region": "us-east-1", "versionId": "LATEST", "roleArn": role}
    assert (one["attemptsMade"], one["dataCatalogTable"], base64.b64decode(one["rawData"])) == (1, told, b'{"ticker": "BAD", "price": "oops"}\n')
    assert whys(s3)[0] == (WRONG, 'Data does not match the schema. For input string: "oops"')
    assert others[0]["lastErrorCode"] == "DataFormatConversion.ParseError" and others[0]["lastErrorMessage"].startswith("Encountered malformed JSON.")
    assert whys(s3)[2:] == [
        (WRONG, "The record was empty or contained only whitespace."),
        (WRONG, "The input JSON contained a primitive at the top level. The top level must be an object or array."),
    ]


def test_values_of_another_shape_openx_makes_the_best_of(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {"a": "array<string>", "p": "struct<name:string,age:int>", "m": "map<string,int>", "t": "string", "n": "bigint", "d": "decimal(6,2)", "v": "varchar(3)"})
    stream(fh, role, configured(role))
    put(
        fh, '{"a": "x", "p": ["Bob", 7, 8], "m": {"MixedKey": 1}, "t": [{"MixedKey": 1.5}], "n": "12", "d": 3.145, "v": "abcdef"}',
        '{"p": {"NAME": "Al", "more": 1}, "t": 12, "d": "0.1e2"}', '{"p": 42}', '{"n": 9223372036854775808}', '{"d": 10000}', '{"d": 1e999999999}',
        '["x"]',
    )  # fmt: skip
    first, second, third = made(cloud, s3)
    assert first == {
        "a": ["x"], "p": {"name": "Bob", "age": 7}, "m": [("mixedkey", 1)], "t": '[{"mixedkey":1.5}]', "n": 12, "d": Decimal("3.15"), "v": "abc",
    }  # fmt: skip
    assert (second["p"], second["t"], second["d"]) == ({"name": "Al", "age": None}, "12", Decimal("10.00"))
    assert third == {**dict.fromkeys(first), "a": ["x"]}
    # The doubled blank is AWS's.
    assert whys(s3)[0] == (WRONG, "Data does not match the schema. Data is not JSONObject  but java.lang.Long with value 42")
    assert [code for code, _ in whys(s3)] == [WRONG] * 4


def test_hives_own_deserializer_is_strict_and_reads_the_timestamps_it_is_told(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {"a": "array<string>", "n": "int", "t": "string", "m": "map<string,int>", "ts": "timestamp"})
    formats = ["yyyy-MM-dd'T'HH:mm:ss.SSSZ", "dd/MMM/yyyy hh:mm a", "millis"]
    stream(fh, role, configured(role, {"HiveJsonSerDe": {"TimestampFormats": formats}}))
    put(
        fh, '{"N": 7, "m": {"MixedKey": 1}, "ts": "2026-09-07T12:00:00.5+0200"}', '{"ts": "07/Sep/2026 01:30 PM"}', '{"ts": 1518033528123}',
        '{"a": "x"}', '{"n": "7"}', '{"t": [1]}', '{"ts": "2026-09-07 12:00:00"}',
    )  # fmt: skip
    rows = made(cloud, s3)
    assert (rows[0]["n"], rows[0]["m"]) == (7, [("MixedKey", 1)])
    assert [each["ts"] for each in rows] == [
        datetime(2026, 9, 7, 10, 0, 0, 500_000), datetime(2026, 9, 7, 13, 30), datetime(2018, 2, 7, 19, 58, 48, 123_000),
    ]  # fmt: skip
    assert whys(s3) == [
        (WRONG, "Data does not match the schema. java.io.IOException: Start of Array expected"),
        (WRONG, "Data does not match the schema. Current token (VALUE_STRING) not numeric, can not use numeric value accessors"),
        (WRONG, "One or more fields have incorrect format. Exception when validating field (root)"),
        (WRONG, 'Data does not match the schema. For input string: "2026-09-07 12:00:00"'),
    ]


def test_openx_reads_the_timestamps_that_aws_lists(cloud, fh, s3, role):  # noqa: F811
    # https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
    table(cloud, {"ts": "timestamp", "d": "date"})
    stream(fh, role, configured(role))
    said = ["2017-02-07T15:13:01.39256Z", "2017-2-7 15:13:01.14", 1518033528, 1518033528123, 1518033528.123, "1518033528"]
    put(fh, *(json.dumps({"ts": each}) for each in said), '{"d": "2026-9-7"}', '{"ts": "2026-9-7T12:00:02Z"}', '{"ts": true}')
    rows = made(cloud, s3)
    epoch = datetime(2018, 2, 7, 19, 58, 48)
    assert [each["ts"] for each in rows] == [
        datetime(2017, 2, 7, 15, 13, 1, 392_560), datetime(2017, 2, 7, 15, 13, 1, 140_000), epoch, epoch.replace(microsecond=123_000),
        epoch.replace(microsecond=123_000), epoch, None,
    ]  # fmt: skip
    assert rows[-1]["d"] == date(2026, 9, 7) and len(failed(s3)) == 2


def test_keys_may_be_called_otherwise_and_have_dots(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {"ts": "bigint", "a_b": "int"})
    openx = {"ColumnToJsonKeyMappings": {"ts": "timestamp"}, "ConvertDotsInJsonKeysToUnderscores": True, "CaseInsensitive": False}
    stream(fh, role, configured(role, {"OpenXJsonSerDe": openx}))
    put(fh, '{"timestamp": 1, "a.b": 2}', '{"Timestamp": 1, "ts": 5}')
    assert made(cloud, s3) == [{"ts": 1, "a_b": 2}, {"ts": None, "a_b": None}]


@pytest.mark.parametrize(("said", "compression"), [({}, "SNAPPY"), ({"Compression": "GZIP", "WriterVersion": "V2"}, "GZIP"), ({"Compression": "UNCOMPRESSED", "EnableDictionaryCompression": True}, "UNCOMPRESSED")])
def test_parquet_is_compressed_as_it_is_told(cloud, fh, s3, role, said, compression):  # noqa: F811
    table(cloud)
    stream(fh, role, configured(role, writes={"ParquetSerDe": said}))
    put(fh, *('{"ticker": "AAA"}' for _ in range(100)))
    cloud.sleep_and_settle(61)
    ((_, body),) = files(s3).items()
    column = parquet.ParquetFile(io.BytesIO(body)).metadata.row_group(0).column(0)
    assert column.compression == compression and (column.dictionary_page_offset is not None) == said.get("EnableDictionaryCompression", False)


def test_orc_is_written_too(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {**COLUMNS, "p": "struct<a:array<int>>"})
    stream(fh, role, configured(role, writes={"OrcSerDe": {"Compression": "ZLIB"}}))
    put(fh, '{"ticker": "AAA", "price": 1.5, "ts": 1518033528, "p": {"a": [1, 2]}}')
    (row,) = made(cloud, s3, "orc")
    assert (row["ticker"], row["price"], row["ts"], row["p"]) == ("AAA", 1.5, datetime(2018, 2, 7, 19, 58, 48), {"a": [1, 2]})
    ((_, body),) = files(s3).items()
    assert orc.ORCFile(io.BytesIO(body)).compression == "ZLIB"


def test_partitions_have_files_of_columns_of_their_own(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {"name": "string", "n": "int"})
    query = {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{name: .name}"}
    engine = {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}
    more = {
        "Prefix": "data/name=!{partitionKeyFromQuery:name}/", "DynamicPartitioningConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": [query, engine]}]},
    }  # fmt: skip
    stream(fh, role, configured(role), **more)
    put(fh, '{"name": "a", "n": 1}', '{"name": "b", "n": 2}', '{"name": "a", "n": 3}', '{"name": "c", "n": "x"}')
    assert sorted(each["n"] for each in made(cloud, s3)) == [1, 2, 3] and len(failed(s3)) == 1
    assert {key.split("/")[1] for key in files(s3) if key.startswith("data/")} == {"name=a", "name=b"}


# Schemas -------------------------------------------------------------------------------------------


def test_a_changed_schema_is_followed_unless_a_version_is_named(cloud, fh, s3, role):  # noqa: F811
    table(cloud, {"a": "int"})
    stream(fh, role, configured(role))
    later = {"Name": "events", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}, {"Name": "b", "Type": "int"}]}}
    cloud.client("glue").update_table(DatabaseName="lake", TableInput=later)
    put(fh, '{"a": 1, "b": 2}')
    assert made(cloud, s3) == [{"a": 1, "b": 2}]
    fh.update_destination(
        DeliveryStreamName="hose", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"DataFormatConversionConfiguration": {"SchemaConfiguration": {"RoleARN": role, "DatabaseName": "lake", "TableName": "events", "VersionId": "0"}}},
    )  # fmt: skip
    put(fh, '{"a": 3, "b": 4}')
    assert sorted(made(cloud, s3), key=len) == [{"a": 3}, {"a": 1, "b": 2}]


def test_a_table_that_is_gone_puts_everything_aside_and_one_that_may_not_be_read_waits(cloud, fh, s3, role):  # noqa: F811
    table(cloud)
    stream(fh, role, configured(role))
    iam, glue = cloud.client("iam"), cloud.client("glue")
    iam.put_role_policy(RoleName="hose", PolicyName="glue", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "glue:*", "Resource": "*"}}))
    put(fh, '{"ticker": "AAA"}')
    assert made(cloud, s3) == [] and failed(s3) == []
    iam.delete_role_policy(RoleName="hose", PolicyName="glue")
    iam.put_role_policy(RoleName="hose", PolicyName="glue", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}}))
    assert [each["ticker"] for each in made(cloud, s3)] == ["AAA"]
    glue.delete_table(DatabaseName="lake", Name="events")
    put(fh, '{"ticker": "BBB"}')
    assert len(made(cloud, s3)) == 1
    ((code, text),) = whys(s3)
    assert code == "DataFormatConversion.EntityNotFound" and text.startswith("The specified table/database could not be found.")


def test_a_region_that_is_killed_writes_the_same_file_again(cloud, fh, s3, role):  # noqa: F811
    table(cloud)
    stream(fh, role, configured(role))
    put(fh, '{"ticker": "AAA"}', "no")
    cloud.restart(kill=True)
    assert [each["ticker"] for each in made(cloud, s3)] == ["AAA"] and len(failed(s3)) == 1


# What is refused -----------------------------------------------------------------------------------


def test_what_cannot_be_is_refused_in_aws_s_words(cloud, fh, role):
    table(cloud)

    def why(conversion: dict[str, Any], **more) -> str:
        said = {"DeliveryStreamName": "x", "ExtendedS3DestinationConfiguration": destination(role, conversion, **more)}
        code, text = refused(fh.create_delivery_stream, **said)
        assert code in ("InvalidArgumentException", "NotImplemented")
        return text

    whole = configured(role)
    assert why(whole, CompressionFormat="GZIP").startswith("The S3 destination's compression format must be set to UNCOMPRESSED when")
    assert why(whole, BufferingHints={"SizeInMBs": 5}) == "BufferingHints.SizeInMBs must be at least 64 when data format conversion is enabled."
    for name in ("InputFormatConfiguration", "OutputFormatConfiguration", "SchemaConfiguration"):
        assert why({key: value for key, value in whole.items() if key != name}) == f"{name} must not be null"
    assert why(configured(role, {})) == "Deserializer must not be null"
    assert why(configured(role, OPENX | HIVE)) == "More than one deserializer specified. Only one may be chosen."
    assert why(configured(role, writes={"ParquetSerDe": {}, "OrcSerDe": {}})) == "More than one serializer specified. Only one may be chosen."
    assert why({**whole, "SchemaConfiguration": {"RoleARN": role, "TableName": "events"}}) == "SchemaConfiguration.DatabaseName must not be null or empty"
    assert why(configured(role, {"HiveJsonSerDe": {"TimestampFormats": ["yyyy-GG"]}})).startswith("Illegal pattern component")
    assert why(configured(role, TableName="none")).startswith("The specified table/database could not be found.")
    table(cloud, {"a": "binary"}, "odd")
    assert why(configured(role, TableName="odd")).endswith("types that are not supported by org.openx.data.jsonserde.JsonSerDe")
    table(cloud, {"a": "array<" * 2_000}, "deep")
    assert why(configured(role, TableName="deep")).startswith("The schema is invalid.")
    assert "BloomFilterColumns" in why(configured(role, writes={"OrcSerDe": {"BloomFilterColumns": ["a"]}}))
    cloud.client("iam").delete_role_policy(RoleName="hose", PolicyName="glue")
    assert why(whole).startswith("Access was denied when calling Glue. Please ensure that the role specified in the data format conversion")


def test_conversion_that_is_off_is_kept_and_asks_for_nothing(cloud, fh, s3, role):  # noqa: F811
    stream(fh, role, {"Enabled": False}, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60})
    put(fh, "a")
    cloud.sleep_and_settle(61)
    assert list(files(s3).values()) == [b"a"]
    shown = fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]["Destinations"][0]
    assert shown["ExtendedS3DestinationDescription"]["DataFormatConversionConfiguration"] == {"Enabled": False}


def test_whoever_says_nothing_of_the_buffer_has_the_larger_one(cloud, fh, role):
    table(cloud)
    said = destination(role, configured(role))
    del said["BufferingHints"]
    fh.create_delivery_stream(DeliveryStreamName="hose", ExtendedS3DestinationConfiguration=said)
    shown = fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]["Destinations"][0]
    assert shown["ExtendedS3DestinationDescription"]["BufferingHints"] == {"SizeInMBs": 128, "IntervalInSeconds": 300}
    assert shown["ExtendedS3DestinationDescription"]["DataFormatConversionConfiguration"] == configured(role)


# In a stack ----------------------------------------------------------------------------------------

STACK = """
Resources:
  Database: {Type: AWS::Glue::Database, Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: stacked}}}
  Table:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput: {Name: events, StorageDescriptor: {Columns: [{Name: a, Type: int}]}}
  Stream:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamName: hose
      ExtendedS3DestinationConfiguration:
        RoleARN: ROLE
        BucketARN: "arn:aws:s3:::lake-files"
        Prefix: data/
        BufferingHints: {SizeInMBs: 64, IntervalInSeconds: 60}
        DataFormatConversionConfiguration:
          Enabled: true
          InputFormatConfiguration: {Deserializer: {OpenXJsonSerDe: {}}}
          OutputFormatConfiguration: {Serializer: {ParquetSerDe: {Compression: SNAPPY}}}
          SchemaConfiguration: {RoleARN: ROLE, DatabaseName: !Ref Database, TableName: !Ref Table, Region: !Ref AWS::Region, VersionId: LATEST}
"""


def test_a_stack_makes_a_stream_that_converts(cloud, fh, s3, role):  # noqa: F811
    cloud.client("cloudformation").create_stack(StackName="s", TemplateBody=STACK.replace("ROLE", role))
    assert settled(cloud, "s")["StackStatus"] == "CREATE_COMPLETE"
    put(fh, '{"a": 1}')
    assert made(cloud, s3) == [{"a": 1}]
