"""Queries of Athena over objects: what they find, what they cost, where their results go, and how they fail."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from athena_workshop import CSV, JSON, ORC, PARQUET, Lake, columnar, packed
from bill_workshop import used
from pyarrow import orc
from refusals import refused, refused_code


@pytest.fixture
def lake(cloud):
    return Lake(cloud).begin()


def logs(lake):
    """The table of the handbook's web logs, as a crawler would have made it."""
    columns = {"timestamp": "timestamp", "ip_address": "string", "request_path": "string", "status_code": "int", "response_size": "bigint"}
    lake.table("web_logs", columns, keys={"year": "string", "month": "string"}, given={"field.delim": ","})
    sizes = 0
    for month, lines in {
        "11": ["2023-11-30 23:00:00,10.0.0.9,/,200,9"],
        "12": [
            "2023-12-01 10:00:00,10.0.0.1,/,200,100", "2023-12-01 10:30:00,10.0.0.1,/a,404,300", "2023-12-01 11:00:00,10.0.0.2,/,500,\\N",
            "2023-12-02 09:00:00,10.0.0.1,/b,200,50",
        ],
    }.items():  # fmt: skip
        size = lake.put(f"web_logs/year=2023/month={month}/a.csv", "\n".join(lines) + "\n")
        sizes += size if month == "12" else 0
        lake.part("web_logs", "2023", month)
    return sizes


PERFORMANCE = """
SELECT DATE(timestamp) AS date, COUNT(*) AS total_requests, COUNT(CASE WHEN status_code >= 400 THEN 1 END) AS error_requests,
       AVG(response_size) AS avg_response_size, APPROX_PERCENTILE(response_size, 0.95) AS p95_response_size
FROM web_logs WHERE year = '2023' AND month = '12' GROUP BY DATE(timestamp) ORDER BY date
"""
SESSIONS = """
WITH user_sessions AS (
    SELECT ip_address, DATE(timestamp) AS date, COUNT(*) AS page_views, COUNT(DISTINCT request_path) AS unique_pages,
           MIN(timestamp) AS session_start, MAX(timestamp) AS session_end
    FROM web_logs WHERE year = '2023' AND month = '12' GROUP BY ip_address, DATE(timestamp)
)
SELECT date, COUNT(*) AS unique_users, AVG(page_views) AS avg_page_views,
       AVG(date_diff('second', session_start, session_end) / 60.0) AS avg_session_duration_minutes
FROM user_sessions GROUP BY date ORDER BY date
"""


def test_the_performance_of_a_site_is_asked_of_one_month(lake):
    size = logs(lake)
    execution = lake.run(PERFORMANCE)
    assert lake.results(execution["QueryExecutionId"]) == [
        ["date", "total_requests", "error_requests", "avg_response_size", "p95_response_size"],
        ["2023-12-01", "3", "2", "200.0", "300"],
        ["2023-12-02", "1", "0", "50.0", "50"],
    ]
    # Only the month that is asked for is read.
    assert execution["Statistics"]["DataScannedInBytes"] == size
    assert (execution["StatementType"], execution["SubstatementType"], execution["WorkGroup"]) == ("DML", "SELECT", "primary")
    assert execution["EngineVersion"] == {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}


def test_the_behaviour_of_users_is_asked_of_their_sessions(lake):
    logs(lake)
    assert lake.rows(SESSIONS) == [["2023-12-01", "2", "1.5", "15.0"], ["2023-12-02", "1", "1.0", "0.0"]]


def test_results_are_a_csv_in_the_output_location_and_tell_their_types(cloud, lake):
    logs(lake)
    execution = lake.run("SELECT ip_address, response_size, '' AS nothing, 'a \"b\", c' AS text FROM web_logs WHERE status_code = 500")
    place = execution["ResultConfiguration"]["OutputLocation"]
    assert place == f"s3://results/out/{execution['QueryExecutionId']}.csv"
    assert lake.get(place.removeprefix("s3://results/")) == '"ip_address","response_size","nothing","text"\n"10.0.0.2",,"","a ""b"", c"\n'
    assert f"out/{execution['QueryExecutionId']}.csv.metadata" in lake.keys("results")
    answer = lake.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert answer["ResultSet"]["Rows"][1]["Data"] == [{"VarCharValue": "10.0.0.2"}, {}, {"VarCharValue": ""}, {"VarCharValue": 'a "b", c'}]
    told = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(each["Name"], each["Type"], each["Precision"], each["CaseSensitive"]) for each in told] == [
        ("ip_address", "varchar", 2147483647, True), ("response_size", "bigint", 19, False), ("nothing", "varchar", 0, True), ("text", "varchar", 8, True),
    ]  # fmt: skip


def test_large_results_come_in_pages(lake):
    number = lake.run("SELECT x FROM UNNEST(sequence(1, 2500)) AS t(x)")["QueryExecutionId"]
    assert lake.results(number) == [["x"], *([str(n)] for n in range(1, 2501))]
    first = lake.athena.get_query_results(QueryExecutionId=number, MaxResults=2)
    assert [row["Data"][0]["VarCharValue"] for row in first["ResultSet"]["Rows"]] == ["x", "1"]
    second = lake.athena.get_query_results(QueryExecutionId=number, MaxResults=2, NextToken=first["NextToken"])
    assert [row["Data"][0]["VarCharValue"] for row in second["ResultSet"]["Rows"]] == ["2", "3"]
    assert refused_code(lake.athena.get_query_results, QueryExecutionId=number, NextToken="x") == "InvalidRequestException"


# Formats ------------------------------------------------------------------------------------------------------------


def test_columnar_files_cost_the_columns_that_are_read(lake):
    body = columnar({"id": list(range(1000)), "text": [f"a long text that takes place {n}" for n in range(1000)]})
    lake.put("events/a.parquet", body)
    lake.table("events", {"id": "bigint", "text": "string"}, PARQUET)
    whole, one, none = (lake.run(text)["Statistics"]["DataScannedInBytes"] for text in (
        "SELECT * FROM events", "SELECT sum(id) FROM events", "SELECT count(*) FROM events"
    ))  # fmt: skip
    assert len(body) > whole > 2 * one > 0 and none == 0
    # A column that nobody asks for further out is not read, though the inner query names it.
    assert lake.run("WITH a AS (SELECT * FROM events) SELECT max(id) FROM a")["Statistics"]["DataScannedInBytes"] == one


def test_json_is_read_by_its_keys(lake):
    lake.put("j/a.json.gz", packed({"Id": 1, "tags": ["a", "b"], "user": {"Name": "ann"}, "m": {"k": 1.5}}, {"id": "2", "other": True}))
    lake.table("j", {"id": "int", "tags": "array<string>", "user": "struct<name:string>", "m": "map<string,double>"}, JSON)
    assert lake.rows("SELECT id, tags, user.name, m['k'], cardinality(tags) FROM j ORDER BY id") == [
        ["1", "[a, b]", "ann", "1.5", "2"], ["2", None, None, None, None],
    ]  # fmt: skip
    lake.put("j/b.json", "no json\n")
    assert lake.fails("SELECT * FROM j").startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")


def test_quoted_values_are_texts_that_must_become_what_the_table_says(lake):
    lake.put("c/a.csv", 'id,name\n"1","a ""b"", c"\n"2",plain\n')
    lake.table("c", {"id": "int", "name": "string"}, CSV, given={"separatorChar": ",", "quoteChar": '"'}, parameters={"skip.header.line.count": "1"})
    assert lake.rows("SELECT * FROM c ORDER BY id") == [["1", 'a "b", c'], ["2", "plain"]]
    lake.put("c/b.csv", 'h\n"x","y"\n')
    assert lake.fails("SELECT * FROM c") == "HIVE_BAD_DATA: Error parsing field value 'x' for field 0: For input string: \"x\""


def test_delimited_text_is_read_leniently(lake):
    lake.put("t/a.txt", b"1|a,b|k:1,l:2|true\nx|||no\n\n2|c||false|more\n" + b"3|\xff||\n")
    given = {"field.delim": "|", "collection.delim": ",", "mapkey.delim": ":"}
    lake.table("t", {"id": "int", "l": "array<string>", "m": "map<string,int>", "b": "boolean"}, given=given)
    assert lake.rows("SELECT id, l, m, b FROM t") == [
        ["1", "[a, b]", "{k=1, l=2}", "true"], [None, "[]", "{}", None], [None, None, None, None], ["2", "[c]", "{}", "false"], ["3", "[\ufffd]", "{}", None],
    ]  # fmt: skip


def test_orc_is_read_by_position(lake):
    out = io.BytesIO()
    orc.write_table(pa.table({"_c0": [1, 2], "_c1": ["a", None]}), out)
    lake.put("o/a.orc", out.getvalue())
    lake.table("o", {"id": "bigint", "name": "string"}, ORC)
    assert lake.rows("SELECT id, name FROM o ORDER BY id") == [["1", "a"], ["2", None]]
    assert lake.rows("SELECT count(*) FROM o") == [["2"]]


@pytest.mark.parametrize("packing", ["uncompressed", "zlib", "snappy", "zstd"])
def test_orc_costs_the_columns_that_are_read(lake, packing):
    out = io.BytesIO()
    rows = {"id": list(range(3000)), "s": [{"a": n, "b": f"the text number {n * 7919 % 3001}"} for n in range(3000)], "last": [1.5] * 3000}
    orc.write_table(pa.table(rows), out, compression=packing)
    lake.put("o/a.orc", out.getvalue())
    lake.table("o", {"id": "bigint", "s": "struct<a:bigint,b:string>", "last": "double"}, ORC)
    whole, first, second, third, none = (lake.run(f"SELECT {what} FROM o")["Statistics"]["DataScannedInBytes"] for what in (
        "*", "sum(id)", "max(s.b)", "sum(last)", "count(*)"
    ))  # fmt: skip
    assert none == 0 and whole == first + second + third and len(out.getvalue()) > whole and second > 3 * first > 0


def test_a_column_of_another_type_than_the_file_has_is_bad_data(lake):
    lake.put("p/a.parquet", columnar({"id": [1]}))
    lake.table("p", {"id": "string"}, PARQUET)
    assert lake.fails("SELECT id FROM p") == (
        "HIVE_BAD_DATA: Field id's type INT64 in parquet file s3://lake/p/a.parquet is incompatible with type varchar defined in table schema"
    )
    assert lake.rows("SELECT count(*) FROM p") == [["1"]]


def test_partitions_may_follow_from_properties(lake):
    for day in ("2030-01-01", "2029-12-31"):
        lake.put(f"pp/{day}/us/a.csv", f"{day}\n")
    lake.table("pp", {"v": "string"}, keys={"day": "string", "where": "string"}, given={"field.delim": ","}, parameters={
        "projection.enabled": "true", "projection.day.type": "date", "projection.day.format": "yyyy-MM-dd", "projection.day.range": "2029-12-01,NOW",
        "projection.where.type": "enum", "projection.where.values": "us,eu", "storage.location.template": "s3://lake/pp/${day}/${where}",
    })  # fmt: skip
    found = lake.run("SELECT v, day, \"where\" FROM pp WHERE day = '2029-12-31'")
    assert lake.results(found["QueryExecutionId"])[1:] == [["2029-12-31", "2029-12-31", "us"]]
    assert found["Statistics"]["DataScannedInBytes"] == 11
    assert lake.rows("SELECT count(*) FROM pp") == [["2"]]


def test_the_condition_of_a_join_chooses_partitions_too(lake):
    size = logs(lake)
    text = "SELECT count(*) FROM (VALUES '2023') v(y) {} JOIN web_logs w ON w.year = v.y AND w.month = '12'"
    for kind in ("", "LEFT"):
        found = lake.run(text.format(kind))
        assert lake.results(found["QueryExecutionId"])[1:] == [["4"]]
        assert found["Statistics"]["DataScannedInBytes"] == size
    # Here every row of the table is kept, whatever its month.
    assert lake.rows(text.format("RIGHT")) == [["5"]]


def test_a_row_tells_the_file_that_it_is_of(lake):
    logs(lake)
    assert lake.rows("SELECT DISTINCT \"$path\" FROM web_logs WHERE month = '11'") == [["s3://lake/web_logs/year=2023/month=11/a.csv"]]
    assert len(lake.rows("SELECT * FROM web_logs LIMIT 1")[0]) == 7
    assert lake.fails("SELECT \"$file_size\" FROM web_logs") == "NOT_SUPPORTED: Kumoniwa does not implement the hidden column $file_size."
    assert lake.fails("SELECT * FROM information_schema.tables") == "NOT_SUPPORTED: Kumoniwa does not implement tables of information_schema."


def test_hidden_and_empty_objects_are_no_data(lake):
    for key in ("h/_SUCCESS", "h/.hidden", "h/deep/a.csv"):
        lake.put(key, "1\n")
    lake.put("h/", b"")
    lake.table("h", {"id": "int"})
    assert lake.rows("SELECT count(*) FROM h") == [["1"]]


def test_encrypted_and_versioned_objects_are_read_as_their_newest_version(lake):
    lake.s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    lake.put("v/a.csv", "1\n")
    lake.put("v/a.csv", "2\n", ServerSideEncryption="aws:kms")
    lake.put("v/gone.csv", "3\n")
    lake.s3.delete_object(Bucket="lake", Key="v/gone.csv")
    lake.table("v", {"id": "int"})
    assert lake.rows("SELECT * FROM v") == [["2"]]


# Failures -----------------------------------------------------------------------------------------------------------


def test_what_a_query_names_must_be_there(lake):
    logs(lake)
    assert lake.fails("SELECT * FROM missing") == "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.missing' does not exist"
    assert lake.fails("SELECT * FROM nowhere.t") == "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"
    assert lake.fails("SELECT\n  nothing FROM web_logs").startswith("COLUMN_NOT_FOUND: line 2:3: Column 'nothing' cannot be resolved")
    assert lake.fails("SELECT PERCENTILE_APPROX(response_size, 0.95) FROM web_logs") == (
        "FUNCTION_NOT_FOUND: line 1:8: Function 'percentile_approx' not registered"
    )
    assert "Invalid EXTRACT field: EPOCH" in lake.fails("SELECT EXTRACT(EPOCH FROM (timestamp - timestamp)) FROM web_logs")
    found = lake.ended(lake.start("SELECT 1 / 0"))["Status"]
    assert (found["State"], found["StateChangeReason"]) == ("FAILED", "DIVISION_BY_ZERO: Division by zero")
    assert found["AthenaError"] == {"ErrorCategory": 2, "ErrorType": 1000, "Retryable": False, "ErrorMessage": "DIVISION_BY_ZERO: Division by zero"}


def test_what_is_no_query_is_not_taken(lake):
    code, text = refused(lake.start, "SELECT a FORM b c")
    assert code == "InvalidRequestException" and text.startswith("line 1:15: mismatched input 'b'")
    assert refused(lake.start, "SELECT 1; SELECT 2")[1].startswith("Only one sql statement is allowed. Got: SELECT 1")
    assert refused_code(lake.start, "MERGE INTO a USING b ON true") == "NotImplemented"
    assert refused(lake.athena.start_query_execution, QueryString="SELECT 1")[1].startswith("No output location provided.")
    assert refused(lake.start, "SELECT 1", ResultConfiguration={"OutputLocation": "s3://none/"})[1] == "Unable to verify/create output bucket none"
    assert refused(lake.start, "SELECT 1", WorkGroup="none")[1] == "WorkGroup is not found."
    assert refused(lake.athena.get_query_execution, QueryExecutionId="x")[1] == "QueryExecution x was not found"
    assert lake.athena.list_query_executions()["QueryExecutionIds"] == []


def test_results_are_there_when_the_query_has_succeeded(lake):
    number = lake.start("SELECT 1")
    assert refused(lake.athena.get_query_results, QueryExecutionId=number)[1].startswith("Query has not yet finished. Current state: ")
    lake.ended(number)
    lake.athena.get_query_results(QueryExecutionId=number)
    number = lake.start("SELECT * FROM missing")
    lake.ended(number)
    assert refused(lake.athena.get_query_results, QueryExecutionId=number)[1] == "Query did not finish successfully. Final query state: FAILED"


def test_parameters_stand_where_they_are_marked(lake):
    logs(lake)
    text = "SELECT request_path FROM web_logs WHERE status_code = ? AND year = ?"
    assert lake.rows(text, ExecutionParameters=["404", "'2023'"]) == [["/a"]]


def test_a_token_starts_one_execution(lake):
    token = "t" * 32
    first = lake.start("SELECT 1", ClientRequestToken=token)
    assert lake.start("SELECT 1", ClientRequestToken=token) == first
    assert refused(lake.start, "SELECT 2", ClientRequestToken=token) == ("InvalidRequestException", "Idempotent parameters do not match")


def test_a_query_is_stopped(lake):
    number = lake.start("SELECT count(*) FROM UNNEST(sequence(1, 20000)) a(x) CROSS JOIN UNNEST(sequence(1, 20000)) b(y) WHERE x * y % 7 = 3")
    while lake.athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Status"]["State"] == "QUEUED":
        lake.cloud.sleep(0.01)
    lake.athena.stop_query_execution(QueryExecutionId=number)
    assert lake.ended(number)["Status"]["State"] == "CANCELLED"
    lake.athena.stop_query_execution(QueryExecutionId=number)
    assert lake.rows("SELECT 1") == [["1"]]


# Who may ------------------------------------------------------------------------------------------------------------


def person(cloud, *statements):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    listed = [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": listed}))
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


OWN = (["s3:*"], ["arn:aws:s3:::results", "arn:aws:s3:::results/*"])


def test_a_query_sees_what_who_asked_may_read(cloud, lake):
    logs(lake)
    ann = Lake(cloud, **person(cloud, (["athena:*", "glue:*"], "*"), OWN))
    assert ann.rows("SELECT 1") == [["1"]]
    assert ann.fails("SELECT * FROM web_logs") == "Permission denied on S3 path: s3://lake/web_logs/year=2023/month=11/"


def test_a_query_asks_the_catalogue_in_the_name_of_who_asked(cloud, lake):
    logs(lake)
    ann = Lake(cloud, **person(cloud, (["athena:*", "s3:*"], "*")))
    reason = ann.fails("SELECT * FROM web_logs")
    assert reason.startswith("Insufficient permissions to execute the query. User: ") and "glue:GetTable" in reason


def test_a_workgroup_is_what_one_may_ask_in(cloud, lake):
    lake.athena.create_work_group(Name="mine")
    ann = Lake(cloud, **person(cloud, (["athena:*"], "arn:aws:athena:us-east-1:000000000000:workgroup/mine"), (["s3:*", "glue:*"], "*")))
    assert refused_code(ann.start, "SELECT 1") == "AccessDeniedException"
    number = ann.start("SELECT 1", WorkGroup="mine")
    assert ann.ended(number)["Status"]["State"] == "SUCCEEDED"
    other = lake.start("SELECT 1")
    assert refused_code(ann.athena.get_query_execution, QueryExecutionId=other) == "AccessDeniedException"


def test_results_are_read_by_who_may_read_the_bucket(cloud, lake):
    number = lake.run("SELECT 1")["QueryExecutionId"]
    ann = Lake(cloud, **person(cloud, (["athena:*"], "*")))
    assert refused_code(ann.athena.get_query_results, QueryExecutionId=number) == "InvalidRequestException"


# What remains ---------------------------------------------------------------------------------------------------------


def test_an_execution_that_a_kill_met_has_failed(cloud, lake):
    done = lake.run("SELECT 1")["QueryExecutionId"]
    number = lake.start("SELECT 1")
    cloud.restart(kill=True)
    assert lake.ended(number)["Status"]["StateChangeReason"].startswith("GENERIC_INTERNAL_ERROR: ")
    assert lake.results(done) == [["_col0"], ["1"]]
    assert lake.rows("SELECT 2") == [["2"]]


def test_what_is_scanned_is_billed_by_the_megabyte_and_ten_at_least(cloud, lake):
    logs(lake)
    lake.run(PERFORMANCE)
    lake.fails("SELECT nothing FROM web_logs")
    lake.run("SELECT 1")
    cloud.sleep(2)
    assert used(cloud)["athena:data_scanned", "primary"] == pytest.approx(10 / (1 << 20))


def test_the_states_of_a_query_are_told_to_the_bus(cloud, lake):
    sqs, events = cloud.client("sqs"), cloud.client("events")
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})["QueueUrl"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.athena"], "detail-type": ["Athena Query State Change"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}])
    number = lake.run("SELECT 1")["QueryExecutionId"]
    cloud.sleep(1)
    told = [json.loads(each["Body"])["detail"] for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert [(each["currentState"], each.get("previousState"), each["sequenceNumber"]) for each in told] == [
        ("QUEUED", None, "1"), ("RUNNING", "QUEUED", "2"), ("SUCCEEDED", "RUNNING", "3"),
    ]  # fmt: skip
    assert {(each["queryExecutionId"], each["workgroupName"], each["statementType"], each["versionId"]) for each in told} == {(number, "primary", "DML", "0")}


def test_a_kill_in_the_midst_leaves_no_files_of_queries(cloud, lake):
    logs(lake)
    number = lake.start("SELECT count(*) FROM web_logs a CROSS JOIN UNNEST(sequence(1, 20000)) b(y) CROSS JOIN UNNEST(sequence(1, 20000)) c(z) WHERE y * z % 7 = 3")
    while lake.athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Statistics"]["DataScannedInBytes"] == 0:
        cloud.sleep(0.01)
    folder = os.path.join(cloud.region("us-east-1").store.folder, "athena-queries")
    assert len(os.listdir(folder)) == 1
    cloud.restart(kill=True)
    assert lake.ended(number)["Status"]["State"] == "FAILED"
    assert not os.path.exists(folder)
    assert lake.rows("SELECT count(*) FROM web_logs") == [["5"]]
    assert os.listdir(folder) == []


def test_a_long_query_is_read_beside_the_region(lake):
    listed = ", ".join(map(str, range(5_000)))
    assert lake.rows(f"SELECT count(*) FROM UNNEST(sequence(1, 10000)) t(x) WHERE x IN ({listed})") == [["4999"]]
    code, text = refused(lake.start, f"SELECT count(*) FROM UNNEST(sequence(1, 10)) t(x) WHERE x IN ({listed}")
    assert code == "InvalidRequestException" and text.startswith("line 1:")


def test_without_the_extra_queries_are_refused_by_name(lake, monkeypatch):
    monkeypatch.setattr("kumoniwa.engines.lake.find_spec", lambda name: None)
    assert refused(lake.start, "SELECT 1") == ("NotImplemented", "Kumoniwa does not implement queries without the extra kumoniwa[lake].")
    assert lake.lines("SHOW TABLES") == []


def test_a_query_that_asks_for_too_much_memory_fails(lake, monkeypatch):
    monkeypatch.setattr("kumoniwa.services.athena.running.MEMORY_MB", 20)
    reason = lake.fails("SELECT array_agg(x) FROM UNNEST(sequence(1, 3000000)) AS t(x)")
    assert reason == "Query exhausted resources at this scale factor"


def test_a_query_that_takes_too_long_ends(lake, monkeypatch):
    monkeypatch.setattr("kumoniwa.services.athena.running.WITHIN_S", 1.5)
    found = lake.ended(lake.start("SELECT count(*) FROM UNNEST(sequence(1, 50000)) a(x) CROSS JOIN UNNEST(sequence(1, 50000)) b(y) WHERE x * y % 7 = 3"))
    assert (found["Status"]["State"], found["Status"]["StateChangeReason"]) == ("FAILED", "Query timeout")


def test_a_process_whose_rest_is_over_is_gone_before_its_region(cloud, lake):
    lake.rows("SELECT 1")
    assert _resting()
    cloud.sleep(61)
    cloud.restart()
    assert not _resting()


def _resting():
    """The processes of queries that this one has begun."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [each for each in children if b"lake_query" in Path(f"/proc/{each}/cmdline").read_bytes()]
