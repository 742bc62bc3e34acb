"""Partitions of the Data Catalog: made, found by their values and chosen by expressions."""

from __future__ import annotations

import pytest
from glue_workshop import KEYS, chosen, described, make_table, part
from refusals import refused, refused_code

DAYS = [("2025", "12", "2025-12-31"), ("2026", "01", "2026-01-01"), ("2026", "01", "2026-01-02"), ("2026", "10", "2026-10-01")]


@pytest.fixture
def glue(cloud):
    client = cloud.client("glue")
    client.create_database(DatabaseInput={"Name": "lake"})
    return client


@pytest.fixture
def logs(glue) -> dict[str, str]:
    where = make_table(glue)
    for values in DAYS:
        part(glue, where, *values)
    return where


def of_one_key(glue, type_: str, *values: str) -> dict[str, str]:
    where = make_table(glue, f"of_{type_.partition('(')[0]}", keys=[{"Name": "k", "Type": type_}])
    for value in values:
        part(glue, where, value)
    return where


# Made and found ------------------------------------------------------------------------------------


def test_a_partition_is_shown_as_it_was_made(cloud, glue, logs):
    shown = glue.get_partition(**logs, PartitionValues=list(DAYS[0]))["Partition"]
    assert shown.pop("CreationTime").timestamp() == pytest.approx(cloud.now(), abs=5)
    assert shown == {
        "Values": list(DAYS[0]), "DatabaseName": "lake", "TableName": "logs", "CatalogId": "000000000000",
        "StorageDescriptor": described(
            "s3://lake/logs/2025/12/2025-12-31/", Compressed=False, NumberOfBuckets=0, BucketColumns=[], SortColumns=[], StoredAsSubDirectories=False
        ),
    }  # fmt: skip
    assert refused(glue.get_partition, **logs, PartitionValues=["1", "2", "3"]) == ("EntityNotFoundException", "Cannot find partition.")


def test_a_partition_has_one_value_for_each_key_and_there_is_one_of_each(glue, logs):
    said = {"Values": list(DAYS[0])}
    assert refused(glue.create_partition, **logs, PartitionInput=said) == ("AlreadyExistsException", "Partition already exists.")
    wrong = ("InvalidInputException", "The number of partition keys do not match the number of partition values")
    assert refused(glue.create_partition, **logs, PartitionInput={"Values": ["2026"]}) == wrong
    assert refused(glue.create_partition, **logs, PartitionInput={}) == wrong
    assert refused(glue.batch_create_partition, **logs, PartitionInputList=[{"Values": ["a", "b", "2026-01-01"]}, {"Values": ["2026"]}]) == wrong
    assert len(chosen(glue, logs)) == len(DAYS), "a batch that is refused makes nothing"


def test_batches_tell_what_could_not_be_done(glue, logs):
    new, old = ["2027", "01", "2027-01-01"], list(DAYS[0])
    errors = glue.batch_create_partition(**logs, PartitionInputList=[{"Values": new}, {"Values": old}])["Errors"]
    assert errors == [{"PartitionValues": old, "ErrorDetail": {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "Partition already exists."}}]
    none = ["1", "2", "3"]
    answer = glue.batch_get_partition(**logs, PartitionsToGet=[{"Values": new}, {"Values": none}, {"Values": old}])
    # What is missing is not told: https://github.com/getmoto/moto/pull/2320
    assert ([each["Values"] for each in answer["Partitions"]], answer["UnprocessedKeys"]) == ([new, old], [])
    entries = [{"PartitionValueList": each, "PartitionInput": {"Values": each, "Parameters": {"a": "b"}}} for each in (new, none)]
    errors = glue.batch_update_partition(**logs, Entries=entries)["Errors"]
    missing = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition [1, 2, 3] not found"}
    assert errors == [{"PartitionValueList": none, "ErrorDetail": missing}]
    assert glue.get_partition(**logs, PartitionValues=new)["Partition"]["Parameters"] == {"a": "b"}
    errors = glue.batch_delete_partition(**logs, PartitionsToDelete=[{"Values": new}, {"Values": none}])["Errors"]
    missing = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Cannot find partition."}
    assert errors == [{"PartitionValues": none, "ErrorDetail": missing}]
    assert chosen(glue, logs) == [list(values) for values in DAYS]


def test_a_partition_is_changed_but_not_its_values_and_deleted(glue, logs):
    values = list(DAYS[0])
    glue.update_partition(**logs, PartitionValueList=values, PartitionInput={"Values": values, "Parameters": {"a": "b"}})
    shown = glue.get_partition(**logs, PartitionValues=values)["Partition"]
    assert shown["Parameters"] == {"a": "b"} and "StorageDescriptor" not in shown
    moved = {"Values": ["1", "2", "3"]}
    assert refused_code(glue.update_partition, **logs, PartitionValueList=values, PartitionInput=moved) == "InvalidInputException"
    missing = {"PartitionValueList": ["1", "2", "3"], "PartitionInput": moved}
    assert refused(glue.update_partition, **logs, **missing) == ("EntityNotFoundException", "Partition not found.")
    glue.delete_partition(**logs, PartitionValues=values)
    assert refused_code(glue.delete_partition, **logs, PartitionValues=values) == "EntityNotFoundException"


def test_partitions_come_in_pages_and_in_segments_and_without_columns(glue, logs):
    first = glue.get_partitions(**logs, MaxResults=3)
    rest = glue.get_partitions(**logs, NextToken=first["NextToken"])
    assert [tuple(each["Values"]) for page in (first, rest) for each in page["Partitions"]] == DAYS and "NextToken" not in rest
    assert refused_code(glue.get_partitions, **logs, NextToken="x") == "InvalidInputException"
    parts = [chosen(glue, logs, Segment={"SegmentNumber": number, "TotalSegments": 3}) for number in range(3)]
    assert sorted(tuple(values) for each in parts for values in each) == DAYS
    assert refused_code(glue.get_partitions, **logs, Segment={"SegmentNumber": 3, "TotalSegments": 3}) == "InvalidInputException"
    (one,) = glue.get_partitions(**logs, Expression="year = 2025", ExcludeColumnSchema=True)["Partitions"]
    assert "Columns" not in one["StorageDescriptor"] and one["StorageDescriptor"]["Location"]


def test_a_search_through_many_partitions_takes_many_pages(glue):
    where = make_table(glue, keys=[{"Name": "k", "Type": "int"}])
    for start in range(0, 4_100, 100):
        glue.batch_create_partition(**where, PartitionInputList=[{"Values": [f"{number:05d}"]} for number in range(start, start + 100)])
    first = glue.get_partitions(**where, Expression="k > 4090")
    # AWS, too, answers pages without partitions that have a token: https://github.com/boto/boto3/issues/4504
    assert first["Partitions"] == [] and first["NextToken"]
    assert len(chosen(glue, where, "k > 4090")) == 9


# Expressions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expression", "found"), [
    ("year = 2026", 3), ("year = '2026' and month = '01'", 2), ("YEAR = 2026 AND Month = '10'", 1), ("year in (2025, '2024')", 1),
    ("day between '2026-01-01' and '2026-01-31'", 2), ("day > '2026-01-01' or year < 2026", 3), ("not (year = 2026)", 1), ("NOT year = 2026", 1),
    ("month like '1%'", 2), ("month not like '1_'", 2), ("month not in ('10')", 3), ("year not between 2020 and 2025", 3), ("year <> 2026", 1),
    ("year != 2026", 1), ("year is not null", 4), ("year is null", 0), ("(((year))) = ((2026)) and (month = '10' or month = '01')", 3),
    ("`year` = 2026 and \"month\" = '10'", 1), ("month = 10", 1), ("month = '12' or month = '10' and year = 2026", 2), ("month = '01' and month = '10'", 0),
    ("year >= 2025 and year <= 2025", 1), ("  ", 4), ("month = '01' and day = '2026-01-02'", 1), ("month = 'it''s'", 0),
])  # fmt: skip
def test_an_expression_chooses_partitions(glue, logs, expression, found):
    assert len(chosen(glue, logs, expression)) == found


@pytest.mark.parametrize(("expression", "words"), [
    ("colour = 'red'", "Invalid partition expression!"), ("path = '/'", "Invalid partition expression!"), ("year = 'test'", '"test" is not an integer.'),
    ("year in (2.5)", '"2.5" is not an integer.'), ("year like '2%'", "Integral data type doesn't support operation 'LIKE'"),
    ("day like '2%'", "Date data type doesn't support operation 'LIKE'"), ("day = '2026-13-01'", "2026-13-01 is not a date."),
    ("year IS test' AND not parsable", "Unsupported expression"), ("year =", "Unsupported expression"), ("year", "Unsupported expression"),
    ("2026 = 2026", "Unsupported expression"), ("year = month", "Unsupported expression"), ("(year = 2026", "Unsupported expression"),
    ("year = 2026 and", "Unsupported expression"), ("year ~ 2", "Unsupported expression"), ("not " * 500 + "year = 1", "Unsupported expression"),
    ("(" * 1_000 + "year", "Unsupported expression"), ("year in ()", "Unsupported expression"), ("(year = 2026) = 2026", "Unsupported expression"),
])  # fmt: skip
def test_an_expression_that_is_none_is_refused(glue, logs, expression, words):
    code, text = refused(glue.get_partitions, **logs, Expression=expression)
    assert code == "InvalidInputException" and words in text


def test_values_are_compared_as_what_their_type_makes_of_them(glue):
    # moto's test_partition_filter
    decimals = of_one_key(glue, "decimal(20,2)", "1.2", "2.6", "3e14")
    for expression in ("k = 2.6", "k in (6, '4', 2.6)", "k between 2 and 3e10", "k > 1.5 and k < 3", "k >= 2 and k <> '3e14'", "k = 2.60"):
        assert chosen(glue, decimals, expression) == [["2.6"]]
    times = of_one_key(glue, "timestamp", "2018-10-01 16:00:00", "2018-10-01 16:00:00.000000001", "2018-10-02 00:00:00.5")
    assert chosen(glue, times, "k = '2018-10-01 16:00:00.0'") == [["2018-10-01 16:00:00"]]
    assert chosen(glue, times, "k > '2018-10-01 16:00:00' and k < '2018-10-02 00:00:00'") == [["2018-10-01 16:00:00.000000001"]]
    numbers = of_one_key(glue, "bigint", "9", "10", "0010")
    assert chosen(glue, numbers, "k > 9") == [["0010"], ["10"]] and chosen(glue, numbers, "k = 10") == [["0010"], ["10"]]
    texts = of_one_key(glue, "string", "9", "10", "a\tb", "one", "two%")
    assert chosen(glue, texts, "k > '9'") == [["a\tb"], ["one"], ["two%"]] and chosen(glue, texts, "k like '%n%'") == [["one"]]
    assert chosen(glue, texts, "k = '10'") == [["10"]] and chosen(glue, texts, "k = 9") == [["9"]]


def test_values_that_are_not_of_their_type_are_told(glue):
    mixed = of_one_key(glue, "int", "1", "x")
    assert refused(glue.get_partitions, **mixed, Expression="k = 1") == ("InvalidStateException", '"x" is not an integer.')
    floats = of_one_key(glue, "float", "1.5")
    assert refused(glue.get_partitions, **floats, Expression="k = 1.5") == ("InvalidInputException", "Unknown type : 'float'")


def test_hives_partition_without_a_value_is_null(glue):
    none = of_one_key(glue, "int", "1", "__HIVE_DEFAULT_PARTITION__")
    assert chosen(glue, none, "k is null") == [["__HIVE_DEFAULT_PARTITION__"]]
    assert chosen(glue, none, "k = 1") == [["1"]] and chosen(glue, none, "not k = 1") == []


def test_equal_texts_of_the_first_keys_choose_a_stretch_of_the_order(glue):
    where = make_table(glue, keys=[{"Name": "a", "Type": "string"}, {"Name": "b", "Type": "string"}])
    for values in (("x", "1"), ("x", "2"), ("xy", "1"), ("w", "3"), ("x\ty", "1")):
        part(glue, where, *values)
    assert chosen(glue, where, "a = 'x'") == [["x", "1"], ["x", "2"]]
    assert chosen(glue, where, "a = 'x' and b = '2'") == [["x", "2"]]
    assert chosen(glue, where, "b = '1' and a = 'x'") == [["x", "1"]]
    pages = glue.get_paginator("get_partitions").paginate(**where, Expression="a = 'x'", PaginationConfig={"PageSize": 1})
    assert [each["Values"] for page in pages for each in page["Partitions"]] == [["x", "1"], ["x", "2"]]


def test_keys_are_folded_as_columns_are(glue):
    where = make_table(glue, keys=[{**KEYS[1], "Name": "Month"}])
    part(glue, where, "Jan")
    assert chosen(glue, where, "MONTH = 'Jan'") == [["Jan"]] and chosen(glue, where, "month = 'jan'") == []


# Indexes -------------------------------------------------------------------------------------------


def states(glue, where: dict[str, str]) -> dict[str, str]:
    return {each["IndexName"]: each["IndexStatus"] for each in glue.get_partition_indexes(**where)["PartitionIndexDescriptorList"]}


def of_many_partitions(glue, count: int = 10_000) -> dict[str, str]:
    """So many that an index is not filled within a few calls."""
    where = make_table(glue, keys=[{"Name": "region", "Type": "string"}, {"Name": "hour", "Type": "int"}])
    for start in range(0, count, 100):
        new = [{"Values": [f"r{number:04d}", f"{number % 1000:04d}"]} for number in range(start, start + 100)]
        glue.batch_create_partition(**where, PartitionInputList=new)
    return where


def test_an_index_is_filled_and_then_finds_partitions_by_later_keys(cloud, glue):
    where = of_many_partitions(glue)
    assert glue.get_partitions(**where, Expression="hour = 999")["NextToken"], "without an index all are looked at"
    glue.create_partition_index(**where, PartitionIndex={"IndexName": "by-hour", "Keys": ["Hour"]})
    (shown,) = glue.get_partition_indexes(**where)["PartitionIndexDescriptorList"]
    assert shown == {"IndexName": "by-hour", "Keys": [{"Name": "hour", "Type": "int"}], "IndexStatus": "CREATING"}
    part(glue, where, "new", "999")
    cloud.sleep(1)
    assert states(glue, where) == {"by-hour": "ACTIVE"}
    part(glue, where, "newer", "+999")
    glue.delete_partition(**where, PartitionValues=["r0999", "0999"])
    found = [["new", "999"], ["newer", "+999"], ["r1999", "0999"], ["r2999", "0999"], ["r3999", "0999"], ["r4999", "0999"], ["r5999", "0999"]]
    found += [[f"r{number}999", "0999"] for number in (6, 7, 8, 9)]
    answer = glue.get_partitions(**where, Expression="hour = 999")
    assert [each["Values"] for each in answer["Partitions"]] == found and "NextToken" not in answer
    assert chosen(glue, where, "hour = 999", PaginationConfig={"PageSize": 2}) == found
    assert chosen(glue, where, "hour = 999 and region > 'r4'") == found[-6:]
    assert chosen(glue, where, "region = 'r4999'") == [["r4999", "0999"]]
    glue.delete_partition_index(**where, IndexName="by-hour")
    assert states(glue, where) == {"by-hour": "DELETING"} and chosen(glue, where, "hour = 999") == found
    cloud.sleep(1)
    assert states(glue, where) == {}
    assert cloud.region().store.rows("000000000000").one("select count(*) from glue_partition_entry")[0] == 0


def test_what_is_no_index_is_refused_in_aws_s_words(cloud, glue):
    # https://github.com/floci-io/floci/pull/3551
    where = of_many_partitions(glue, 30_000)

    def create(name: str, *keys: str) -> tuple[str, str]:
        return refused(glue.create_partition_index, **where, PartitionIndex={"IndexName": name, "Keys": list(keys)})

    assert create("a", "colour") == ("InvalidInputException", "IndexKeys not a part of PartitionColumns. Verify the indexKeys : [colour]")
    glue.create_partition_index(**where, PartitionIndex={"IndexName": "a", "Keys": ["region"]})
    busy = "Index a is in CREATING state. Only 1 index can be created or deleted simultaneously per table."
    assert create("b", "hour") == ("ResourceNumberLimitExceededException", busy)
    missing = ("EntityNotFoundException", "Index with the given indexName : a does not exist.")
    assert refused(glue.delete_partition_index, **where, IndexName="a") == missing
    assert refused_code(glue.delete_table, DatabaseName="lake", Name="logs") == "ResourceNotReadyException"
    cloud.sleep(1)
    assert create("a", "hour") == ("AlreadyExistsException", "Partition Index a already exists with the same name.")
    assert create("b", "region") == ("AlreadyExistsException", "Partition Index a already exists with the same keys.")
    for keys in (["region", "hour"], ["hour", "region"]):
        glue.create_partition_index(**where, PartitionIndex={"IndexName": keys[0] + "s", "Keys": keys})
        cloud.sleep(1)
    assert create("d", "hour") == ("ResourceNumberLimitExceededException", "Partition index limit exceeded. Maximum: 3")
    assert refused_code(glue.update_table, DatabaseName="lake", TableInput={"Name": "logs"}) == "InvalidInputException"


def test_an_index_fails_on_values_that_are_not_of_their_type_and_outlives_a_kill(cloud, glue):
    where = of_one_key(glue, "int", "1", "x")
    glue.create_partition_index(**where, PartitionIndex={"IndexName": "a", "Keys": ["k"]})
    cloud.restart(kill=True)
    cloud.sleep(1)
    (shown,) = glue.get_partition_indexes(**where)["PartitionIndexDescriptorList"]
    assert shown["IndexStatus"] == "FAILED"
    assert shown["BackfillErrors"] == [{"Code": "INVALID_PARTITION_TYPE_DATA_ERROR", "Partitions": [{"Values": ["x"]}]}]
    glue.delete_partition(**where, PartitionValues=["x"])
    glue.delete_partition_index(**where, IndexName="a")
    cloud.sleep(1)
    glue.create_partition_index(**where, PartitionIndex={"IndexName": "a", "Keys": ["k"]})
    cloud.sleep(1)
    assert states(glue, where) == {"a": "ACTIVE"} and chosen(glue, where, "k = 1") == [["1"]]
    assert refused_code(glue.create_partition, **where, PartitionInput={"Values": ["y"]}) == "InvalidInputException"


def test_a_new_table_may_have_indexes(glue):
    said = {"Name": "t", "PartitionKeys": KEYS}
    glue.create_table(DatabaseName="lake", TableInput=said, PartitionIndexes=[{"IndexName": "a", "Keys": ["month"]}, {"IndexName": "b", "Keys": ["day"]}])
    where = {"DatabaseName": "lake", "TableName": "t"}
    assert states(glue, where) == {"a": "ACTIVE", "b": "ACTIVE"}
    for values in DAYS:
        part(glue, where, *values)
    assert chosen(glue, where, "day = '2026-10-01'") == [list(DAYS[3])] and chosen(glue, where, "month = '01'") == [list(DAYS[1]), list(DAYS[2])]
