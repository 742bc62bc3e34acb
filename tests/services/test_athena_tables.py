"""Statements of Athena about the catalogue, and what its queries write."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from athena_workshop import PARQUET, Lake, columnar
from pyarrow import orc, parquet
from refusals import refused, refused_code


@pytest.fixture
def lake(cloud):
    return Lake(cloud).begin()


# Databases and tables -----------------------------------------------------------------------------------------------

EXTERNAL = r"""
CREATE EXTERNAL TABLE IF NOT EXISTS `db`.`visits` (
  `at` timestamp COMMENT 'when',
  `who` struct<name:string, tags:array<string>>,
  amount decimal(10,2)
)
COMMENT 'all visits'
PARTITIONED BY (`day` string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' COLLECTION ITEMS TERMINATED BY ',' MAP KEYS TERMINATED BY ':'
STORED AS TEXTFILE
LOCATION 's3://lake/visits/'
TBLPROPERTIES ('skip.header.line.count'='1')
"""


def test_a_table_is_made_in_hives_words(lake):
    execution = lake.run(EXTERNAL)
    assert (execution["StatementType"], execution["ResultConfiguration"]["OutputLocation"][-4:]) == ("DDL", ".txt")
    table = lake.glue.get_table(DatabaseName="db", Name="visits")["Table"]
    descriptor = table["StorageDescriptor"]
    assert table["TableType"] == "EXTERNAL_TABLE" and table["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    assert [(each["Name"], each["Type"]) for each in descriptor["Columns"]] == [
        ("at", "timestamp"), ("who", "struct<name:string,tags:array<string>>"), ("amount", "decimal(10,2)"),
    ]  # fmt: skip
    assert descriptor["SerdeInfo"]["Parameters"] == {"field.delim": "\t", "collection.delim": ",", "mapkey.delim": ":", "serialization.format": "\t"}
    assert table["Parameters"] == {"EXTERNAL": "TRUE", "skip.header.line.count": "1", "comment": "all visits"}
    lake.run(EXTERNAL)
    assert "AlreadyExistsException" in lake.fails(EXTERNAL.replace("IF NOT EXISTS", ""))
    assert lake.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"] == []


def test_partitions_are_found_added_and_dropped(lake):
    lake.run(EXTERNAL)
    for day in ("2030-01-01", "2030-01-02"):
        lake.put(f"visits/day={day}/a.tsv", "header\n2030-01-01 10:00:00\tann,x\t1.50\n")
    assert lake.rows("SELECT count(*) FROM visits") == [["0"]]
    lines = lake.lines("MSCK REPAIR TABLE visits")
    assert lines[0].startswith("Partitions not in metastore:\tvisits:day=2030-01-01") and len(lines) == 3
    assert lake.lines("SHOW PARTITIONS visits") == ["day=2030-01-01", "day=2030-01-02"]
    assert lake.rows("SELECT day, who.name, amount FROM visits ORDER BY day") == [["2030-01-01", "ann", "1.50"], ["2030-01-02", "ann", "1.50"]]
    lake.put("elsewhere/a.tsv", "header\n2030-01-03 10:00:00\tbob\t2\n")
    lake.run("ALTER TABLE visits ADD IF NOT EXISTS PARTITION (day='2030-01-03') LOCATION 's3://lake/elsewhere/' PARTITION (day='2030-01-01')")
    assert "Partition already exists" in lake.fails("ALTER TABLE visits ADD PARTITION (day = '2030-01-03')")
    assert lake.rows("SELECT who.name, amount FROM visits WHERE day = '2030-01-03'") == [["bob", "2.00"]]
    lake.run("ALTER TABLE visits PARTITION (day='2030-01-03') RENAME TO PARTITION (day='2030-01-04')")
    lake.run("ALTER TABLE visits DROP PARTITION (day='2030-01-01'), PARTITION (day='2030-01-02')")
    assert lake.lines("SHOW PARTITIONS visits") == ["day=2030-01-04"]
    assert "Partition not found" in lake.fails("ALTER TABLE visits DROP PARTITION (day='2031-01-01')")
    lake.run("ALTER TABLE visits PARTITION (day='2030-01-04') SET LOCATION 's3://lake/visits/day=2030-01-01/'")
    assert lake.rows("SELECT who.name FROM visits") == [["ann"]]


def test_a_table_is_altered_and_shown(lake):
    lake.run(EXTERNAL)
    lake.run("ALTER TABLE visits ADD COLUMNS (more int)")
    lake.run("ALTER TABLE db.visits SET TBLPROPERTIES ('owner'='me')")
    lake.run("ALTER TABLE visits SET LOCATION 's3://lake/other/'")
    assert lake.lines("SHOW COLUMNS IN visits") == ["at", "who", "amount", "more", "day"]
    assert lake.lines("SHOW TABLES") == ["visits"] == lake.lines("SHOW TABLES IN db 'v*'") and lake.lines("SHOW TABLES 'x.*'") == []
    assert lake.lines("SHOW TBLPROPERTIES visits('owner')") == ["me"]
    assert [line.split("\t")[0].strip() for line in lake.lines("DESCRIBE visits")][:5] == ["at", "who", "amount", "more", "day"]
    text = "\n".join(lake.lines("SHOW CREATE TABLE visits"))
    assert text.startswith("CREATE EXTERNAL TABLE `db.visits`(\n  `at` timestamp COMMENT 'when', \n") and "'s3://lake/other/'" in text
    lake.run("ALTER TABLE visits REPLACE COLUMNS (only string)")
    assert lake.lines("SHOW COLUMNS FROM visits FROM db") == ["only", "day"]
    # What SHOW CREATE TABLE says makes the same table again.
    lake.run("\n".join(lake.lines("SHOW CREATE TABLE visits")).replace("db.visits", "again"))
    first, second = (lake.glue.get_table(DatabaseName="db", Name=name)["Table"]["StorageDescriptor"] for name in ("visits", "again"))
    assert first == second


def test_a_table_without_its_type_is_neither_shown_nor_repaired(lake):
    lake.glue.create_table(DatabaseName="db", TableInput={
        "Name": "bare", "PartitionKeys": [{"Name": "p", "Type": "string"}],
        "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://lake/bare/"},
    })  # fmt: skip
    assert lake.fails("MSCK REPAIR TABLE bare") == "FAILED: NullPointerException Name is null"
    assert lake.fails("SHOW CREATE TABLE bare") == "FAILED: NullPointerException Name is null"


def test_databases_come_and_go(lake):
    lake.run("CREATE DATABASE IF NOT EXISTS other COMMENT 'c' LOCATION 's3://lake/other/' WITH DBPROPERTIES ('a'='b')")
    assert lake.lines("SHOW DATABASES") == ["db", "other"] and lake.lines("SHOW SCHEMAS LIKE 'o.*'") == ["other"]
    assert lake.glue.get_database(Name="other")["Database"]["Parameters"] == {"a": "b"}
    lake.run("ALTER DATABASE other SET DBPROPERTIES ('c'='d')")
    assert lake.glue.get_database(Name="other")["Database"]["Parameters"] == {"a": "b", "c": "d"}
    assert lake.fails("CREATE SCHEMA other").endswith("Database other already exists")
    lake.run("CREATE EXTERNAL TABLE other.t (a int) LOCATION 's3://lake/t/'")
    assert "is not empty" in lake.fails("DROP DATABASE other")
    lake.run("DROP DATABASE other CASCADE")
    assert "Database does not exist" in lake.fails("DROP DATABASE other")
    lake.run("DROP DATABASE IF EXISTS other")
    lake.run("DROP TABLE IF EXISTS db.nothing")
    assert "Table not found db.nothing" in lake.fails("DROP TABLE nothing")


def test_what_is_no_statement_is_not_taken(lake):
    assert refused(lake.start, "CREATE EXTERNAL TABLE t (a nothing) LOCATION 's3://lake/t/'")[1] == "line 1:28: mismatched input 'nothing'"
    assert refused_code(lake.start, "ALTER TABLE t") == "InvalidRequestException"
    assert refused_code(lake.start, "OPTIMIZE t REWRITE DATA USING BIN_PACK") == "NotImplemented"
    assert refused_code(lake.start, "CREATE EXTERNAL TABLE t (a int) STORED AS RCFILE LOCATION 's3://lake/t/'") == "NotImplemented"
    assert lake.fails("CREATE EXTERNAL TABLE t (a int)").startswith("FAILED: SemanticException no location was provided")


# Views --------------------------------------------------------------------------------------------------------------



def test_a_view_is_a_query_under_a_name(lake):
    columns = {"n": "int", "word": "string"}
    lake.put("numbers/a.parquet", columnar({"n": pa_int32([1, 2, 3]), "word": ["one", "two", "three"]}))
    lake.table("numbers", columns, PARQUET)
    lake.run("CREATE VIEW odd AS SELECT n, upper(word) AS name FROM numbers WHERE n % 2 = 1")
    assert lake.rows("SELECT name FROM odd ORDER BY n") == [["ONE"], ["THREE"]]
    assert lake.lines("SHOW VIEWS") == ["odd"]
    assert "already exists" in lake.fails("CREATE VIEW odd AS SELECT 1 AS n")
    lake.run("CREATE OR REPLACE VIEW odd AS SELECT n FROM numbers WHERE n = 3")
    assert lake.rows("SELECT * FROM odd") == [["3"]]
    assert lake.lines("SHOW CREATE VIEW odd")[1] == "SELECT n FROM numbers WHERE n = 3"
    assert lake.fails("CREATE VIEW bad AS SELECT missing FROM numbers").startswith("COLUMN_NOT_FOUND: line 1:27: Column 'missing' cannot be resolved")
    assert "Cannot drop a view with DROP TABLE" in lake.fails("DROP TABLE odd")
    lake.run("DROP VIEW odd")
    assert lake.lines("SHOW VIEWS") == []


def pa_int32(values):
    import pyarrow as pa

    return pa.array(values, pa.int32())


# What queries write ---------------------------------------------------------------------------------------------------


def words(lake):
    lake.put("words/a.json", "".join(json.dumps({"id": n, "word": word, "lang": lang}) + "\n" for n, (word, lang) in enumerate(
        [("one", "en"), ("two", "en"), ("eins", "de")], 1
    )))  # fmt: skip
    lake.table("words", {"id": "int", "word": "string", "lang": "string"}, "org.openx.data.jsonserde.JsonSerDe")


def test_a_table_is_made_of_a_query(lake):
    words(lake)
    text = "CREATE TABLE silver WITH (format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['lang'], external_location = 's3://lake/silver/') AS SELECT id, word, lang FROM words"
    execution = lake.run(text)
    number = execution["QueryExecutionId"]
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    table = lake.glue.get_table(DatabaseName="db", Name="silver")["Table"]
    assert table["PartitionKeys"] == [{"Name": "lang", "Type": "string"}] and table["StorageDescriptor"]["Location"] == "s3://lake/silver/"
    keys = lake.keys("lake", "silver/")
    assert {key.split("/")[1] for key in keys} == {"lang=de", "lang=en"}
    body = lake.s3.get_object(Bucket="lake", Key=keys[0])["Body"].read()
    assert parquet.ParquetFile(io.BytesIO(body)).metadata.row_group(0).column(0).compression == "SNAPPY"
    found = lake.run("SELECT word FROM silver WHERE lang = 'de'")
    assert lake.results(found["QueryExecutionId"]) == [["word"], ["eins"]]
    manifest = lake.get(execution["Statistics"]["DataManifestLocation"].removeprefix("s3://results/"))
    assert sorted(manifest.split()) == sorted(f"s3://lake/{key}" for key in keys)
    answer = lake.athena.get_query_results(QueryExecutionId=number)
    assert answer["UpdateCount"] == 3 and answer["ResultSet"]["Rows"] == []
    assert lake.fails(text).startswith("TABLE_ALREADY_EXISTS")
    assert lake.fails(text.replace("TABLE silver", "TABLE other")).startswith("HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: s3://lake/silver/")


@pytest.mark.parametrize("form", ["ORC", "JSON", "TEXTFILE"])
def test_a_table_is_written_in_the_format_that_is_wanted(lake, form):
    words(lake)
    lake.run(f"CREATE TABLE made WITH (format = '{form}') AS SELECT id, word, DATE '2030-01-02' AS day, CAST(id AS double) / 2 AS half FROM words")
    location = lake.glue.get_table(DatabaseName="db", Name="made")["Table"]["StorageDescriptor"]["Location"]
    assert location.startswith("s3://results/out/tables/")
    assert lake.rows("SELECT * FROM made ORDER BY id DESC LIMIT 1") == [["3", "eins", "2030-01-02", "1.5"]]
    if form == "ORC":
        key = location.removeprefix("s3://results/")
        body = lake.s3.get_object(Bucket="results", Key=lake.keys("results", key)[0])["Body"].read()
        assert orc.ORCFile(io.BytesIO(body)).compression == "ZLIB"


def test_the_last_columns_are_what_a_table_is_partitioned_by(lake):
    words(lake)
    assert lake.fails("CREATE TABLE t WITH (partitioned_by = ARRAY['id']) AS SELECT id, word FROM words") == (
        "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order as the table properties: [id]"
    )
    assert lake.fails("CREATE TABLE t AS SELECT id + 1 FROM words").startswith("MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1")
    lake.run("CREATE TABLE t AS SELECT id, word FROM words WITH NO DATA")
    assert lake.rows("SELECT count(*) FROM t") == [["0"]]


def test_rows_are_inserted_into_partitions(lake):
    words(lake)
    lake.run("CREATE TABLE kept WITH (partitioned_by = ARRAY['lang']) AS SELECT id, word, lang FROM words WHERE lang = 'en'")
    execution = lake.run("INSERT INTO kept SELECT id, word, lang FROM words WHERE lang = 'de'")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "INSERT")
    lake.run("INSERT INTO kept (word, lang) VALUES ('uno', 'it')")
    assert lake.lines("SHOW PARTITIONS kept") == ["lang=de", "lang=en", "lang=it"]
    assert lake.rows("SELECT id, word FROM kept ORDER BY lang, id") == [["3", "eins"], ["1", "one"], ["2", "two"], [None, "uno"]]
    assert lake.fails("INSERT INTO kept SELECT word, id, lang FROM words") == (
        "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer, varchar, varchar], Query: [varchar, integer, varchar]"
    )


def test_a_text_that_is_too_long_for_its_column_is_not_inserted(lake):
    lake.run("CREATE EXTERNAL TABLE short (a varchar(3)) STORED AS PARQUET LOCATION 's3://lake/short/'")
    lake.run("INSERT INTO short VALUES 'abc', 'd'")
    # Trino's code and words: LogicalPlanner.noTruncationCast.
    assert lake.fails("INSERT INTO short VALUES 'abcd'") == (
        "INVALID_CAST_ARGUMENT: Cannot truncate non-space characters when casting from varchar(4) to varchar(3) on INSERT"
    )
    assert lake.rows("SELECT a FROM short ORDER BY a") == [["abc"], ["d"]]


def test_rows_are_unloaded(lake):
    words(lake)
    execution = lake.run("UNLOAD (SELECT id, word FROM words ORDER BY id) TO 's3://lake/out/' WITH (format = 'JSON', compression = 'gzip')")
    (key,) = lake.keys("lake", "out/")
    assert key.endswith(".gz")
    lines = gzip.decompress(lake.s3.get_object(Bucket="lake", Key=key)["Body"].read()).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"id": 1, "word": "one"}, {"id": 2, "word": "two"}, {"id": 3, "word": "eins"}]
    assert execution["Statistics"]["DataManifestLocation"].endswith("-manifest.csv")
    assert lake.fails("UNLOAD (SELECT 1 AS a) TO 's3://lake/out/' WITH (format = 'PARQUET')").startswith("HIVE_PATH_ALREADY_EXISTS")


def test_columnar_and_compressed_data_costs_far_less_to_ask(lake):
    """W6.9 of the handbook: the same question of Parquet instead of JSON."""
    rows = [{"id": n, "text": f"a text of some length, the {n}th", "other": "x" * 50, "value": n % 7} for n in range(20_000)]
    lake.put("raw/a.json", "".join(json.dumps(row) + "\n" for row in rows))
    lake.table("raw", {"id": "int", "text": "string", "other": "string", "value": "int"}, "org.openx.data.jsonserde.JsonSerDe")
    lake.run("CREATE TABLE columnar WITH (format = 'PARQUET') AS SELECT * FROM raw")
    before, after = (lake.run(f"SELECT sum(value) FROM {name}") for name in ("raw", "columnar"))
    assert lake.results(before["QueryExecutionId"]) == lake.results(after["QueryExecutionId"])
    assert after["Statistics"]["DataScannedInBytes"] < 0.2 * before["Statistics"]["DataScannedInBytes"]


def test_prepared_statements_are_executed(lake):
    words(lake)
    lake.run("PREPARE by_lang FROM SELECT word FROM words WHERE lang = ? AND id > ?")
    assert lake.rows("EXECUTE by_lang USING 'en', 1") == [["two"]]
    assert lake.fails("EXECUTE none USING 1") == "NOT_FOUND: PreparedStatement none was not found in workGroup primary"
    lake.run("DEALLOCATE PREPARE by_lang")
    assert lake.athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"] == []
