"""What crawlers find in S3: formats, columns, tables and partitions.

How tables look that AWS's crawlers made is recorded in many repositories; folders are those of
https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html and
https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html.
"""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from glue_crawling import Lake, columns, keys
from pyarrow import orc, parquet

WIDER = "id,name,price,day,cost\n1,pen,1.5,2026-01-02,7\n2,ink,3,2026-01-03,8\n"
CSV = "id,name,price,day\n1,pen,1.5,2026-01-02\n2,ink,3,2026-01-03\n"
COMBINE = json.dumps({"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}})


@pytest.fixture
def lake(cloud) -> Lake:
    return Lake(cloud)


def lines(*rows: dict) -> str:
    return "\n".join(map(json.dumps, rows))


def test_separated_values_with_a_header_are_a_table_as_athena_reads_it(lake):
    lake.store("Sales-2026/a.csv", CSV)
    table = lake.found("Sales-2026/", TablePrefix="raw_")["raw_sales_2026"]
    assert columns(table) == {"id": "bigint", "name": "string", "price": "double", "day": "string"}
    described, said = table["StorageDescriptor"], table["Parameters"]
    assert (described["Location"], described["NumberOfBuckets"], described["Compressed"]) == ("s3://lake-files/Sales-2026/", -1, False)
    assert described["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert described["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": {"field.delim": ","},
    }  # fmt: skip
    assert len(said.pop("CRAWL_RUN_ID")) == 36
    assert said == {
        "CrawlerSchemaDeserializerVersion": "1.0", "CrawlerSchemaSerializerVersion": "1.0", "UPDATED_BY_CRAWLER": "c", "areColumnsQuoted": "false",
        "averageRecordSize": "20", "classification": "csv", "columnsOrdered": "true", "compressionType": "none", "delimiter": ",",
        "objectCount": "1", "recordCount": "2", "sizeKey": str(len(CSV)), "skip.header.line.count": "1", "typeOfData": "file",
    }  # fmt: skip
    assert (table["Owner"], table["TableType"], table["VersionId"]) == ("owner", "EXTERNAL_TABLE", "0")
    assert table["CreatedBy"].endswith(":assumed-role/crawls/AWS-Crawler")


@pytest.mark.parametrize(
    ("body", "delimiter", "expected"),
    [
        ("a|b\nc|d\n", "|", {"col0": "string", "col1": "string"}),
        ("1;x\n2;y\n", ";", {"col0": "bigint", "col1": "string"}),
        ("n\tok\n1.5\ttrue\n\tfalse\n", "\t", {"n": "double", "ok": "boolean"}),
        ('a,b\n"x, y",1\n"z",2\n', ",", {"a": "string", "b": "bigint"}),
        ("a,b,\n1,2,\n3,4,\n", ",", {"a": "bigint", "b": "bigint", "col2": "string"}),
    ],
)
def test_delimiters_and_headers_are_told_by_what_is_there(lake, body, delimiter, expected):
    lake.store("t/a.txt", body)
    table = lake.found("t")["t"]
    assert (columns(table), table["Parameters"]["delimiter"]) == (expected, delimiter)


def test_json_is_read_deep(lake):
    lake.store("events/1.json", lines({"Id": 1, "who": {"name": "ann", "tags": ["x"]}, "n": 5_000_000_000, "ok": True, "x": None},
                                      {"Id": 2.5, "who": {"age": 3}, "n": 1, "ok": "no", "list": [{"a": 1}, {"b": "c"}]}))  # fmt: skip
    table = lake.found("events/")["events"]
    assert columns(table) == {
        "id": "double", "who": "struct<name:string,tags:array<string>,age:int>", "n": "bigint", "ok": "string", "x": "string",
        "list": "array<struct<a:int,b:string>>",
    }  # fmt: skip
    assert table["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {"paths": "Id,list,n,ok,who,x"},
    }  # fmt: skip
    assert table["Parameters"]["recordCount"] == "2"


def test_an_array_of_json_is_one_column_unless_a_classifier_says_what_its_rows_are(lake):
    lake.store("a/1.json", json.dumps([{"id": 1}, {"id": 2}]))
    lake.glue.create_classifier(JsonClassifier={"Name": "rows", "JsonPath": "$[*]"})
    assert columns(lake.found("a/")["a"]) == {"array": "array<struct<id:int>>"}
    lake.glue.update_crawler(Name="c", Classifiers=["rows"])
    assert lake.crawl()["Status"] == "SUCCEEDED"
    table = lake.tables()["a"]
    assert (columns(table), table["Parameters"]["jsonPath"], table["VersionId"]) == ({"id": "int"}, "$[*]", "1")


def test_columns_of_parquet_and_orc_are_those_of_the_file(lake):
    rows = pa.table({
        "i": pa.array([1], pa.int32()), "l": pa.array([1], pa.int64()), "s": ["x"], "d": [date(2026, 1, 1)], "at": pa.array([datetime(2026, 1, 1)], pa.timestamp("ns")),
        "m": pa.array([Decimal("1.50")], pa.decimal128(9, 2)), "list": [["a"]], "r": [{"a": 1.5}], "b": [b"x"],
    })  # fmt: skip
    for kind, write in (("parquet", parquet.write_table), ("orc", orc.write_table)):
        held = io.BytesIO()
        write(rows, held)
        lake.store(f"{kind}_files/1", held.getvalue())
    found = lake.found("parquet_files/", "orc_files/")
    for kind, serde in (("parquet", "parquet.serde.ParquetHiveSerDe"), ("orc", "orc.OrcSerde")):
        table = found[f"{kind}_files"]
        assert columns(table) == {
            "i": "int", "l": "bigint", "s": "string", "d": "date", "at": "timestamp", "m": "decimal(9,2)", "list": "array<string>",
            "r": "struct<a:double>", "b": "binary",
        }  # fmt: skip
        assert table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == f"org.apache.hadoop.hive.ql.io.{serde}"
        assert (table["Parameters"]["classification"], table["Parameters"]["recordCount"]) == (kind, "1")


def test_of_a_large_file_of_columns_only_its_end_is_read(lake):
    held = io.BytesIO()
    parquet.write_table(pa.table({"n": list(range(400_000))}), held, compression="NONE")
    assert len(held.getvalue()) > 2 << 20
    lake.store("big/1", held.getvalue())
    table = lake.found("big/")["big"]
    assert (columns(table), table["Parameters"]["recordCount"]) == ({"n": "bigint"}, "400000")


def test_files_of_columns_need_an_extra_that_is_named_where_it_is_missing(lake, monkeypatch):
    held, found = io.BytesIO(), importlib.util.find_spec
    parquet.write_table(pa.table({"n": [1]}), held)
    lake.store("t/1", held.getvalue())
    lake.make("t/")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "pyarrow" else found(name, *more))
    last = lake.crawl()
    assert last["Status"] == "FAILED" and "kumoniwa[lake]" in last["ErrorMessage"]


def test_packed_files_are_read(lake):
    lake.store("zipped/a.csv.gz", gzip.compress(CSV.encode()))
    lake.store("other/a.json.bz2", bz2.compress(lines({"a": 1}, {"a": 2}).encode()))
    found = lake.found("zipped/", "other/")
    assert [(name, found[name]["Parameters"]["compressionType"], found[name]["StorageDescriptor"]["Compressed"]) for name in sorted(found)] == [
        ("other", "bzip2", True), ("zipped", "gzip", True),
    ]  # fmt: skip
    assert "id" in columns(found["zipped"])


def test_how_much_a_long_file_holds_is_reckoned_from_its_beginning(lake):
    body = "id,name\n" + "".join(f"{number:07d},some name\n" for number in range(150_000))
    lake.store("long/a.csv", body)
    said = lake.found("long/")["long"]["Parameters"]
    assert (said["sizeKey"], int(said["recordCount"])) == (str(len(body)), pytest.approx(150_000, rel=0.02))


# Tables and partitions -----------------------------------------------------------------------------


def test_folders_that_name_their_keys_are_partitions(lake):
    for place in ("year=2019/month=Jan/day=1", "year=2019/month=Jan/day=2", "year=2019/month=Feb/day=1"):
        lake.store(f"sales/{place}/a.json", lines({"a": 1, "b": "x"}))
    table = lake.found("sales/")["sales"]
    assert (keys(table), [each["Type"] for each in table["PartitionKeys"]]) == (["year", "month", "day"], ["string"] * 3)
    assert lake.partitions("sales") == [["2019", "Feb", "1"], ["2019", "Jan", "1"], ["2019", "Jan", "2"]]
    (part, *_) = lake.glue.get_partitions(DatabaseName="lake", TableName="sales", Expression="month = 'Feb'")["Partitions"]
    assert part["StorageDescriptor"]["Location"] == "s3://lake-files/sales/year=2019/month=Feb/day=1/"
    assert (columns(part), part["Parameters"]["objectCount"]) == ({"a": "int", "b": "string"}, "1")


def test_plain_folders_are_partitions_by_number(lake):
    for place in ("table1/partition1", "table1/partition2", "table1/partition3", "table2/partition4", "table2/partition5"):
        lake.store(f"folder1/{place}/file.txt", CSV)
    table = lake.found("folder1/")["folder1"]
    assert keys(table) == ["partition_0", "partition_1"]
    assert lake.partitions("folder1") == [["table1", f"partition{n}"] for n in (1, 2, 3)] + [["table2", f"partition{n}"] for n in (4, 5)]


def test_folders_of_other_schemas_are_tables_of_their_own_unless_they_are_to_be_combined(lake):
    lake.store("table1/year=2017/data1.json", lines({"A": 1, "B": 2}))
    lake.store("table1/year=2018/data2.json", lines({"C": 3, "D": 4}))
    found = lake.found("table1/")
    assert {name: columns(each) for name, each in found.items()} == {"year_2017": {"a": "int", "b": "int"}, "year_2018": {"c": "int", "d": "int"}}
    lake.glue.update_crawler(Name="c", Configuration=COMBINE, SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
    assert lake.crawl()["Status"] == "SUCCEEDED"
    (table,) = lake.tables().values()
    assert (table["Name"], columns(table), keys(table)) == ("table1", {"a": "int", "b": "int", "c": "int", "d": "int"}, ["year"])
    assert lake.metrics() == (1, 0, 2)


def test_the_level_of_tables_can_be_told(lake):
    for place in ("app1/year=2017", "app1/year=2018", "app2/year=2017"):
        lake.store(f"logs/{place}/a.csv", CSV)
    found = lake.found("", Configuration=json.dumps({"Version": 1.0, "Grouping": {"TableLevelConfiguration": 3}}))
    assert {name: keys(each) for name, each in found.items()} == {"app1": ["year"], "app2": ["year"]}


def test_files_of_one_folder_that_differ_are_tables_of_their_own(lake):
    lake.store("mixed/a.csv", CSV)
    lake.store("mixed/b.json", lines({"a": 1}))
    found = lake.found("mixed/")
    assert {name: each["StorageDescriptor"]["Location"] for name, each in found.items()} == {
        "a_csv": "s3://lake-files/mixed/a.csv", "b_json": "s3://lake-files/mixed/b.json",
    }  # fmt: skip


def test_a_bucket_and_a_single_file_are_targets_too(lake):
    lake.store("one.csv", CSV)
    assert set(lake.found("")) == {"lake_files"}
    lake.make("one.csv", name="d", TablePrefix="d_")
    assert lake.crawl("d")["Status"] == "SUCCEEDED"
    assert lake.tables()["d_one_csv"]["StorageDescriptor"]["Location"] == "s3://lake-files/one.csv"


def test_a_folder_whose_name_is_taken_has_a_sum_of_its_place_in_its_name(lake):
    lake.store("a/logs/1.csv", CSV)
    lake.store("b/logs/1.csv", CSV)
    first, second = sorted(lake.found("a/logs/", "b/logs/"))
    assert first == "logs" and second.startswith("logs_") and len(second) == len("logs_") + 32


def test_what_is_excluded_empty_or_beyond_the_sample_is_not_looked_at(lake):
    for key, body in {"t/a.csv": CSV, "t/b.tmp": "?", "t/sub/c.csv": "?", "t/empty.csv": "", "t/": "", "tother/x": "?"}.items():
        lake.store(key, body)
    targets = {"S3Targets": [{"Path": "s3://lake-files/t", "Exclusions": ["*.{tmp,bak}", "sub/**"]}]}
    assert lake.found(Targets=targets)["t"]["Parameters"]["objectCount"] == "1"
    lake.store("t/z.bin", b"\x00\x01")
    lake.glue.update_crawler(Name="c", Targets={"S3Targets": [{**targets["S3Targets"][0], "SampleSize": 1}]})
    assert lake.crawl()["Status"] == "SUCCEEDED"


def test_classifiers_of_ones_own_come_first(lake):
    lake.glue.create_classifier(GrokClassifier={
        "Name": "log", "Classification": "applog", "GrokPattern": "%{TIMESTAMP_ISO8601:at} %{LEVEL:level} %{NUMBER:took:int} %{GREEDYDATA:text}",
        "CustomPatterns": "LEVEL (INFO|WARN)",
    })  # fmt: skip
    lake.glue.create_classifier(CsvClassifier={
        "Name": "plain", "Delimiter": ":", "ContainsHeader": "ABSENT", "Header": ["a", "b"], "Serde": "OpenCSVSerDe", "QuoteSymbol": "'",
    })  # fmt: skip
    lake.store("app/1.log", "2026-01-01T00:00:00Z INFO 12 it, began\n2026-01-01T00:00:01Z WARN 7 oh\n")
    lake.store("pairs/1", "x:1\ny:2\n")
    found = lake.found("app/", "pairs/", Classifiers=["log", "plain"])
    assert columns(found["app"]) == {"at": "string", "level": "string", "took": "int", "text": "string"}
    assert found["app"]["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == "com.amazonaws.glue.serde.GrokSerDe"
    assert found["app"]["Parameters"]["classification"] == "applog"
    assert columns(found["pairs"]) == {"a": "string", "b": "bigint"}
    assert found["pairs"]["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"separatorChar": ":", "quoteChar": "'", "escapeChar": "\\"},
    }  # fmt: skip


def test_a_classifier_takes_white_space_for_part_of_values_unless_it_shall_trim_them(lake):
    lake.store("t/a.csv", "a, b\n1, 2\n3, 4\n")
    said = {"Name": "x", "Delimiter": ",", "ContainsHeader": "PRESENT"}
    lake.glue.create_classifier(CsvClassifier=said)
    assert columns(lake.found("t/", Classifiers=["x"])["t"]) == {"a": "bigint", " b": "string"}
    lake.glue.update_classifier(CsvClassifier={**said, "DisableValueTrimming": False})
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert columns(lake.tables()["t"]) == {"a": "bigint", "b": "bigint"}


@pytest.mark.parametrize("body", [b"Obj\x01avro", b"<a><b/></a>", b"just words", b"\x00\x01\x02", b"PAR1 no such file", b'{"a": '])
def test_what_is_of_no_format_known_here_fails_the_crawl_and_says_where_it_lies(lake, body):
    lake.store("t/odd", body)
    lake.make("t/")
    last = lake.crawl()
    assert last["Status"] == "FAILED" and "s3://lake-files/t/odd cannot be classified." in last["ErrorMessage"]
    assert lake.tables() == {}


# Again ---------------------------------------------------------------------------------------------


def test_a_second_crawl_changes_what_has_changed(lake):
    lake.store("t/d=1/a.csv", CSV)
    lake.store("t/d=2/a.csv", CSV)
    assert lake.found("t/")["t"]["VersionId"] == "0"
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert (lake.tables()["t"]["VersionId"], lake.metrics()) == ("0", (0, 0, 0))
    lake.store("t/d=3/a.csv", WIDER)
    lake.s3.delete_object(Bucket="lake-files", Key="t/d=1/a.csv")
    lake.crawl()
    # Without DELETE_FROM_DATABASE the partition that is gone is only told of.
    assert ("cost" in columns(lake.tables()["t"]), lake.partitions("t"), lake.metrics()) == (True, [["1"], ["2"], ["3"]], (0, 1, 0))
    lake.glue.update_crawler(Name="c", SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
    lake.crawl()
    assert lake.partitions("t") == [["2"], ["3"]]


def test_what_is_logged_only_is_not_changed_but_new_partitions_are_made(lake):
    lake.store("t/d=1/a.csv", CSV)
    lake.found("t/", SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"})
    lake.store("t/d=2/a.csv", WIDER)
    lake.crawl()
    assert ("cost" in columns(lake.tables()["t"]), lake.partitions("t")) == (False, [["1"], ["2"]])
    for key in ("t/d=1/a.csv", "t/d=2/a.csv"):
        lake.s3.delete_object(Bucket="lake-files", Key=key)
    lake.crawl()
    assert "DEPRECATED_BY_CRAWLER" not in lake.tables()["t"]["Parameters"]


def test_tables_that_are_gone_are_marked_or_deleted_and_others_left_alone(lake):
    lake.store("a/1.csv", CSV)
    lake.store("b/1.csv", CSV)
    lake.glue.create_table(DatabaseName="lake", TableInput={"Name": "mine", "StorageDescriptor": {"Location": "s3://lake-files/a/"}})
    lake.found("a/", "b/")
    lake.s3.delete_object(Bucket="lake-files", Key="a/1.csv")
    lake.crawl()
    assert {name: "DEPRECATED_BY_CRAWLER" in each.get("Parameters", {}) for name, each in lake.tables().items()} == {"a": True, "b": False, "mine": False}
    lake.store("a/1.csv", CSV)
    lake.crawl()
    assert "DEPRECATED_BY_CRAWLER" not in lake.tables()["a"]["Parameters"]
    lake.s3.delete_object(Bucket="lake-files", Key="a/1.csv")
    lake.glue.update_crawler(Name="c", SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
    lake.crawl()
    assert (set(lake.tables()), lake.metrics()) == ({"b", "mine"}, (0, 0, 1))


def test_new_columns_can_be_all_that_is_taken_and_partitions_can_look_like_their_table(lake):
    lake.store("t/d=1/a.json", lines({"a": 1, "b": 1, "c": 1, "d": 1}))
    output = {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}, "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}
    said = json.dumps({"Version": 1.0, "CrawlerOutput": output, "CreatePartitionIndex": True})
    table = lake.found("t/", Configuration=said)["t"]
    assert table["Parameters"]["partition_filtering.enabled"] == "true"
    (index,) = lake.glue.get_partition_indexes(DatabaseName="lake", TableName="t")["PartitionIndexDescriptorList"]
    assert (index["IndexName"], [each["Name"] for each in index["Keys"]]) == ("crawler_partition_index", ["d"])
    kept = {name: table[name] for name in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
    kept["StorageDescriptor"]["Columns"][0]["Type"] = "string"
    lake.glue.update_table(DatabaseName="lake", TableInput={**kept, "Description": "ours"})
    lake.store("t/d=1/a.json", lines({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1.5}))
    lake.crawl()
    table = lake.tables()["t"]
    assert (columns(table), table["Description"]) == ({"a": "string", "b": "int", "c": "int", "d": "int", "e": "double"}, "ours")
    (part,) = lake.glue.get_partitions(DatabaseName="lake", TableName="t")["Partitions"]
    assert columns(part) == columns(table)


def test_more_tables_than_are_allowed_fail_the_crawl_and_write_nothing(lake):
    lake.store("t/a.csv", CSV)
    lake.store("t/b.json", lines({"a": 1}))
    lake.make("t/", Configuration=json.dumps({"Version": 1.0, "CrawlerOutput": {"Tables": {"TableThreshold": 1}}}))
    assert lake.crawl()["ErrorMessage"] == (
        "The number of tables detected by crawler: 2 is greater than the table threshold value provided: 1. "
        "Failing crawler without writing to Data Catalog."
    )
    assert lake.tables() == {}


def test_folders_that_are_known_are_not_looked_at_again_where_only_new_ones_shall_be(lake):
    lake.store("t/a/d=1/a.csv", CSV)
    lake.store("t/b/d=1/a.json", lines({"x": 1}))
    log = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    lake.found("t/", SchemaChangePolicy=log, RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    # What would fail the crawl if anybody read it.
    lake.store("t/a/d=1/b.csv", b"\x00\x01")
    lake.store("t/a/d=2/a.csv", CSV)
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert (sorted(lake.tables()), lake.partitions("a"), lake.partitions("b")) == (["a", "b"], [["1"], ["2"]], [["1"]])
    lake.cloud.restart(kill=True)
    lake.store("t/a/d=3/a.csv", CSV)
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert lake.partitions("a") == [["1"], ["2"], ["3"]]


def test_a_document_longer_than_what_is_read_first_is_read_further(lake):
    lake.store("t/a.json", json.dumps([{"id": number, "text": "x" * 100} for number in range(20_000)]))
    assert columns(lake.found("t/")["t"]) == {"array": "array<struct<id:int,text:string>>"}


@pytest.mark.parametrize("body", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900])
def test_what_is_nested_too_deeply_fails_the_crawl(lake, body):
    lake.store("t/a.json", body)
    lake.make("t/")
    assert "cannot be classified." in lake.crawl()["ErrorMessage"]


def test_files_lie_as_deep_as_they_like_up_to_a_limit(lake):
    lake.store("t/" + "a/" * 99 + "x.csv", CSV)
    assert len(keys(lake.found("t/")["t"])) == 99
    lake.store("t/" + "b/" * 400 + "x.csv", CSV)
    assert "lies too deep" in lake.crawl()["ErrorMessage"]


def test_an_exclude_pattern_cannot_hold_the_region_up(lake):
    lake.store("t/" + "a" * 500, CSV)
    lake.make(Targets={"S3Targets": [{"Path": "s3://lake-files/t/", "Exclusions": ["*a" * 30 + "b"]}]})
    assert "takes too long" in lake.crawl()["ErrorMessage"]
