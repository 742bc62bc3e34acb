"""The Data API: statements for a cluster of Aurora, asked by calls of AWS, and what it answers to them."""

import base64
import json

import pytest
from cluster_workshop import Clusters, given
from database_workshop import PASSWORD, refusal

from kumoniwa.engines.postgresql.session import Gone, Session
from kumoniwa.services.rds_data import access, api

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def shop(lasting_cloud):
    """A cluster that all tests here speak to: none leaves anything behind that another one minds."""
    found = Clusters(lasting_cloud)
    found.create_cluster()
    found.keep_secret()
    return found


def _refused(shop, sql, *parameters, **more):
    said = {**shop.place, "database": "shop", "sql": sql, **({"parameters": list(parameters)} if parameters else {}), **more}
    said = refusal(shop.data.execute_statement, **said)
    return said["Code"], said.get("Message", "")


# Values in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameter, kind, told",
    [
        (given("x", longValue=7), "bigint", {"longValue": 7}),
        (given("x", doubleValue=1.5), "double precision", {"doubleValue": 1.5}),
        (given("x", booleanValue=True), "boolean", {"booleanValue": True}),
        (given("x", stringValue="größe"), "text", {"stringValue": "größe"}),
        (given("x", blobValue=b"\0\xff"), "bytea", {"blobValue": b"\0\xff"}),
        (given("x", "DECIMAL", stringValue="1.50"), "numeric", {"stringValue": "1.50"}),
        (given("x", "JSON", stringValue='{"a":1}'), "jsonb", {"stringValue": '{"a": 1}'}),
        (given("x", "DATE", stringValue="2030-01-02"), "date", {"stringValue": "2030-01-02"}),
        (given("x", "TIME", stringValue="10:11:12.5"), "time without time zone", {"stringValue": "10:11:12.500"}),
        (given("x", "TIMESTAMP", stringValue="2030-01-02 10:11:12"), "timestamp without time zone", {"stringValue": "2030-01-02 10:11:12"}),
        (
            given("x", "UUID", stringValue="0e0d0c0b-0a09-0807-0605-040302010000"),
            "uuid",
            {"stringValue": "0e0d0c0b-0a09-0807-0605-040302010000"},
        ),
    ],
)
def test_a_parameter_is_of_the_type_that_its_value_or_its_hint_says(shop, parameter, kind, told):
    (record,) = shop.told("select :x, pg_typeof(:x)::text", parameter)["records"]
    assert record == [told, {"stringValue": kind}]


def test_a_text_is_no_uuid_without_its_hint(shop):
    # So a program that forgets the hint fails here as it does there.
    code, text = _refused(shop, "select :x = gen_random_uuid()", given("x", stringValue="0e0d0c0b-0a09-0807-0605-040302010000"))
    assert code == "DatabaseErrorException"
    # Recorded of AWS for integers: "operator does not exist: integer = text; Hint: No operator matches …; Position: 36; SQLState: 42883".
    assert text.startswith("ERROR: operator does not exist: text = uuid; Hint: No operator ")
    assert text.endswith("; Position: 11; SQLState: 42883")


def test_a_null_takes_the_type_of_its_place(shop):
    assert shop.rows("select coalesce(:x, 7)", given("x", isNull=True)) == [(7,)]


@pytest.mark.parametrize("array", [{"longValues": [1, 2]}, {"stringValues": []}, {"arrayValues": [{"longValues": [1]}]}])
def test_an_array_is_no_parameter(shop, array):
    # "Array parameters are not supported": https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
    words = "Array parameters are not supported."
    assert _refused(shop, "select :x", given("x", arrayValue=array)) == ("ValidationException", words)


@pytest.mark.parametrize("hint, value", [("DATE", "02.01.2030"), ("TIME", "ten"), ("TIMESTAMP", "2030-01-02T10:11:12Z")])
def test_dates_are_of_the_format_that_the_hint_demands(shop, hint, value):
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api-operations.html
    assert _refused(shop, "select :x", given("x", hint, stringValue=value))[0] == "ValidationException"


def test_names_in_texts_comments_and_casts_are_no_parameters(shop):
    sql = """select ':x', "a:x", :x::text, $$ :x $$, $q$ ':x' $q$, e'\\':x' -- :x
        /* :x /* :x */ :x */ from (select 1 as "a:x") as held"""
    assert shop.rows(sql, given("x", longValue=5)) == [(":x", 1, "5", " :x ", " ':x' ", "':x")]


def test_a_parameter_without_a_value_is_missed_by_the_server(shop):
    words = 'ERROR: bind message supplies 0 parameters, but prepared statement "" requires 1; SQLState: 08P01'
    assert _refused(shop, "select :x") == ("DatabaseErrorException", words)


def test_the_second_bound_of_a_slice_is_taken_for_a_parameter(shop):
    # Recorded of AWS: syntax error at or near "$1"; a proxy's notes on the Data API of Aurora PostgreSQL 17.9
    assert 'syntax error at or near "$1"' in _refused(shop, "select (array[1, 2, 3])[1:2]")[1]


# Values out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression, told",
    [
        ("1::int2", {"longValue": 1}),
        ("1.1::float4", {"doubleValue": 1.1}),
        ("12345678901234567890.5", {"stringValue": "12345678901234567890.5"}),
        ("'a'::char(3)", {"stringValue": "a  "}),
        ("'{\"a\": [1, 2]}'::json", {"stringValue": '{"a": [1, 2]}'}),
        ("'10.0.0.1'::inet", {"stringValue": "10.0.0.1"}),
        # AWS tells instants in UTC and does not say so: '2024-01-15 12:34:56+09' came back as 2024-01-15 03:34:56 (the same notes).
        ("'2024-01-15 12:34:56+09'::timestamptz", {"stringValue": "2024-01-15 03:34:56"}),
        ("'0044-03-15 10:00:00+00 BC'::timestamptz", {"stringValue": "0044-03-15 10:00:00 BC"}),
        ("'12024-01-15 03:34:56+00'::timestamptz", {"stringValue": "12024-01-15 03:34:56"}),
        ("'2024-01-15 12:34:56.123456'::timestamp", {"stringValue": "2024-01-15 12:34:56.123456"}),
        ("array['2024-01-15'::date]", {"arrayValue": {"stringValues": ["2024-01-15"]}}),
        ("array[1.5, 2.0]::numeric[]", {"arrayValue": {"stringValues": ["1.5", "2.0"]}}),
        ("array[true, false]", {"arrayValue": {"booleanValues": [True, False]}}),
        ("null::int", {"isNull": True}),
    ],
)
def test_a_value_is_told_in_the_shape_of_its_type(shop, expression, told):
    assert shop.told(f"select {expression}")["records"] == [[told]]


def test_decimals_and_longs_are_told_as_their_options_say(shop):
    options = {"decimalReturnType": "DOUBLE_OR_LONG", "longReturnType": "STRING"}
    (record,) = shop.told("select 1.5::numeric, 7::numeric, 9::int8", resultSetOptions=options)["records"]
    assert record == [{"doubleValue": 1.5}, {"longValue": 7}, {"stringValue": "9"}]
    (record,) = shop.told("select array[2, 1.5]::numeric[], array[2, 3]::numeric[]", resultSetOptions=options)["records"]
    assert record == [{"arrayValue": {"doubleValues": [2.0, 1.5]}}, {"arrayValue": {"longValues": [2, 3]}}]


@pytest.mark.parametrize(
    "expression, name",
    [
        # Seen of AWS: POINT, INTERVAL, TIMETZ, "CHAR" and regclass.
        ("point(1, 2)", "POINT"), ("'1 day'::interval", "INTERVAL"), ("now()::timetz", "TIMETZ"), ("'a'::\"char\"", '"CHAR"'),
        ("'pg_class'::regclass", "regclass"), ("1::money", "MONEY"),
    ],
)  # fmt: skip
def test_what_no_result_may_hold_is_refused_by_its_name(shop, expression, name):
    assert _refused(shop, f"select {expression}") == ("UnsupportedResultException", f"The result contains the unsupported data type {name}.")
    assert len(shop.rows(f"select ({expression})::text")) == 1


def test_a_type_of_ones_own_that_lists_its_values_is_told_as_text(shop):
    shop.told("create type mood as enum ('glad', 'sad')")
    answer = shop.told("select 'glad'::mood", includeResultMetadata=True)
    assert answer["records"] == [[{"stringValue": "glad"}]]
    assert answer["columnMetadata"][0]["typeName"] == "mood"


def test_arrays_of_arrays_and_dates_that_never_come_are_not_told(shop):
    assert _refused(shop, "select array[[1], [2]]") == ("UnsupportedResultException", "The result contains a multidimensional array.")
    # Recorded of AWS: InternalFailure, with not a word.
    assert _refused(shop, "select 'infinity'::timestamptz")[0] == "InternalFailure"


def test_more_than_a_mebibyte_is_refused_and_the_next_statement_goes_on(shop):
    assert len(shop.rows("select repeat('x', 60000) from generate_series(1, 17)")) == 17
    code = ("UnsupportedResultException", "The result exceeds the size limit 1 MB.")
    assert _refused(shop, "select repeat('x', 60000) from generate_series(1, 18)") == code
    assert shop.rows("select 1") == [(1,)]


def test_columns_are_told_of_where_that_is_asked_for(shop):
    shop.told("create table things (id serial primary key, name varchar(20) not null, price numeric(10, 2), tags text[])")
    shop.told("insert into things (name) values ('tea')")
    assert "columnMetadata" not in shop.told("select * from things")
    told = shop.told("select id, name as label, price, tags, 1 + 1 from things", includeResultMetadata=True)["columnMetadata"]
    shown = [(each["name"], each["typeName"], each["type"], each["tableName"], each["nullable"], each["precision"], each["scale"]) for each in told]
    assert shown == [
        ("id", "serial", 4, "things", 0, 10, 0), ("label", "varchar", 12, "things", 0, 20, 0), ("price", "numeric", 2, "things", 1, 10, 2),
        ("tags", "_text", 2003, "things", 1, 2147483647, 0), ("?column?", "int4", 4, "", 2, 10, 0),
    ]  # fmt: skip
    assert (told[0]["isAutoIncrement"], told[1]["isAutoIncrement"], told[3]["arrayBaseColumnType"]) == (True, False, 12)


def test_records_come_as_json_where_that_is_asked_for(shop):
    answer = shop.told(
        """select 1 as "a b", 'x"y' as text, null as nothing, true as flag, 1.5::float8 as number, '\\x01'::bytea as bytes, array[1, 2] as list""",
        formatRecordsAs="JSON", includeResultMetadata=True,
    )  # fmt: skip
    assert json.loads(answer["formattedRecords"]) == [
        {"a b": 1, "text": 'x"y', "nothing": None, "flag": True, "number": 1.5, "bytes": base64.b64encode(b"\1").decode(), "list": [1, 2]}
    ]
    assert not {"records", "columnMetadata"} & answer.keys()


def test_what_changes_rows_tells_how_many_and_no_records(shop):
    # "generatedFields isn't supported by Aurora PostgreSQL": API_ExecuteStatement.html
    assert shop.told("create table counted (id int)") == {"numberOfRecordsUpdated": 0, "generatedFields": []}
    assert shop.told("insert into counted select generate_series(1, 3)") == {"numberOfRecordsUpdated": 3, "generatedFields": []}
    assert shop.told("update counted set id = 9 where id = 8") == {"numberOfRecordsUpdated": 0, "generatedFields": []}
    assert shop.told("delete from counted where id < 3 returning id") == {"numberOfRecordsUpdated": 0, "records": [[{"longValue": 1}], [{"longValue": 2}]]}
    assert shop.told("select id from counted where id = 99") == {"numberOfRecordsUpdated": 0, "records": []}


# Refusals --------------------------------------------------------------------------------------------


def test_the_servers_words_are_told_with_their_place_and_their_code(shop):
    # Recorded of AWS: 'ERROR: relation "no_such_table_xyz" does not exist; Position: 15; SQLState: 42P01'
    words = 'ERROR: relation "no_such_table_xyz" does not exist; Position: 15; SQLState: 42P01'
    assert _refused(shop, "SELECT * FROM no_such_table_xyz") == ("DatabaseErrorException", words)
    # Of a constraint AWS tells no details: cloud-utils/aurora-data-api#53.
    shop.told("create table unique_ones (id int primary key)")
    shop.told("insert into unique_ones values (1)")
    words = 'ERROR: duplicate key value violates unique constraint "unique_ones_pkey"; SQLState: 23505'
    assert _refused(shop, "insert into unique_ones values (1)") == ("DatabaseErrorException", words)


def test_one_statement_is_asked_at_a_time_and_no_schema(shop):
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.differences.html
    assert _refused(shop, "select 1; select 2") == ("ValidationException", "Multistatements aren't supported.")
    assert _refused(shop, "select 1", schema="public") == ("ValidationException", "The schema parameter isn't supported")
    assert shop.rows("select ';'; -- that was all;") == [(";",)]
    code = refusal(shop.data.execute_sql, dbClusterOrInstanceArn=shop.place["resourceArn"], awsSecretStoreArn=shop.secret, sqlStatements="select 1")
    # Recorded: aws/aws-cli#4086.
    assert (code["Code"], code["Message"]) == ("BadRequestException", "This API is deprecated and not available. Use ExecuteStatement API instead")


def test_a_database_that_nobody_names_is_the_users(shop):
    # aws/aws-cli#8577: ERROR: database "USERNAME" does not exist; SQLState: 3D000
    said = refusal(shop.data.execute_statement, **shop.place, sql="select 1")
    assert (said["Code"], said["Message"]) == ("DatabaseErrorException", 'ERROR: database "keeper" does not exist; SQLState: 3D000')


def test_the_name_of_a_database_says_nothing_else(shop):
    # It would be one more setting of the session: so the protocol of PostgreSQL spells them.
    named = {"sql": "show application_name", "database": "shop\0application_name\0another"}
    assert refusal(shop.data.execute_statement, **shop.place, **named)["Code"] == "BadRequestException"


def test_a_secret_is_needed_that_leads_in(shop):
    secrets = shop.cloud.client("secretsmanager")

    def code(text):
        arn = secrets.create_secret(Name=f"held-{shop.cloud.now()}-{len(text)}", SecretString=text)["ARN"]
        said = refusal(shop.data.execute_statement, resourceArn=shop.place["resourceArn"], secretArn=arn, database="shop", sql="select 1")
        return said["Code"], said["Message"]

    words = 'FATAL: password authentication failed for user "keeper"; SQLState: 28P01'
    assert code(json.dumps({"username": "keeper", "password": "another-password"})) == ("DatabaseErrorException", words)
    assert code("no JSON")[0] == code('{"username": "keeper"}')[0] == "InvalidSecretException"
    missing = "arn:aws:secretsmanager:us-east-1:000000000000:secret:missing-AbCdEf"
    said = refusal(shop.data.execute_statement, resourceArn=shop.place["resourceArn"], secretArn=missing, database="shop", sql="select 1")
    assert said["Code"] == "SecretsErrorException"


def test_only_a_cluster_with_an_endpoint_answers(shop):
    arn = "arn:aws:rds:us-east-1:000000000000:cluster:missing"
    said = refusal(shop.data.execute_statement, resourceArn=arn, secretArn=shop.secret, sql="select 1")
    assert (said["Code"], said["Message"]) == ("HttpEndpointNotEnabledException", f"HttpEndpoint is not enabled for resource {arn}")
    shop.rds.disable_http_endpoint(ResourceArn=shop.place["resourceArn"])
    assert _refused(shop, "select 1")[0] == "HttpEndpointNotEnabledException"
    shop.rds.enable_http_endpoint(ResourceArn=shop.place["resourceArn"])
    assert shop.rows("select 1") == [(1,)]
    instance = "arn:aws:rds:us-east-1:000000000000:db:writer"
    assert refusal(shop.data.execute_statement, resourceArn=instance, secretArn=shop.secret, sql="select 1")["Code"] == "BadRequestException"


def test_a_client_cannot_be_copied_to(shop):
    assert _refused(shop, "copy (select 1) to stdout")[0] == "DatabaseErrorException"
    assert shop.rows("select 1") == [(1,)]


# Batches, and what a call leaves behind --------------------------------------------------------------------


def test_a_batch_does_a_statement_for_each_set_or_for_none(shop):
    shop.told("create table batched (id int primary key, price float8)")

    def batch(*sets, **more):
        return shop.data.batch_execute_statement(
            **shop.place, database="shop", sql="insert into batched values (:id, :price)",
            parameterSets=[[given("id", longValue=id_), given("price", **price)] for id_, price in sets], **more,
        )["updateResults"]  # fmt: skip

    # A client says that a number is whole where it is: the sets are of different types.
    sets = [(1, {"doubleValue": 1.5}), (2, {"longValue": 2}), (3, {"isNull": True})]
    assert batch(*sets) == [{"generatedFields": []}] * 3
    assert shop.rows("select * from batched order by id") == [(1, 1.5), (2, 2.0), (3, None)]
    with pytest.raises(Exception, match="SQLState: 23505"):
        batch((4, {"longValue": 4}), (5, {"doubleValue": 5.5}), (1, {"longValue": 0}))
    assert shop.rows("select count(*) from batched") == [(3,)]
    # aws/aws-sdk-js#2775: without any set nothing is done; with an empty one it is, once.
    ask = shop.data.batch_execute_statement
    assert ask(**shop.place, database="shop", sql="delete from batched where id = 1")["updateResults"] == []
    assert ask(**shop.place, database="shop", sql="delete from batched where id = 1", parameterSets=[[]])["updateResults"] == [{"generatedFields": []}]
    assert shop.rows("select count(*) from batched") == [(2,)]


def test_a_call_leaves_nothing_behind_in_its_session(shop):
    shop.told("set work_mem = '7MB'")
    shop.told("create temporary table held (id int)")
    shop.told("prepare held as select 1")
    assert shop.rows("show work_mem") != [("7MB",)]
    assert "does not exist" in _refused(shop, "select * from held")[1]
    assert "does not exist" in _refused(shop, "execute held")[1]
    shop.told("begin")  # ends with its call
    shop.told("create table begun (id int)")
    assert shop.rows("select count(*) from begun") == [(0,)]


def test_a_session_waits_for_half_a_minute_since_it_was_last_used(shop):
    def pid():
        return shop.rows("select pg_backend_pid()")

    first = pid()
    for _ in range(3):
        shop.cloud.sleep(access.IDLE_S - 10)
        assert pid() == first
    shop.cloud.sleep(access.IDLE_S + 10)
    assert pid() != first


def test_what_a_user_looks_for_first_does_not_change_what_is_told_of_columns(shop):
    shop.told("create type light as enum ('red', 'green')")
    shop.told("create table lamps (id serial, light light)")
    shop.told("create schema own")
    shop.told("create function own.same(oid, oid) returns boolean language plpgsql as $$ begin raise 'never'; end $$")
    shop.told("create operator own.= (function = own.same, leftarg = oid, rightarg = oid)")
    shop.told("alter role keeper set search_path = own, pg_catalog, public")
    try:
        shop.cloud.sleep(access.IDLE_S + 10)  # sessions that are open know nothing of it
        told = shop.told("select id, 'red'::light as light from lamps", includeResultMetadata=True)["columnMetadata"]
        assert [each["typeName"] for each in told] == ["serial", "light"]
    finally:
        shop.told("alter role keeper reset search_path")
        shop.cloud.sleep(access.IDLE_S + 10)


def test_a_statement_is_done_though_its_session_ends_with_it(shop, monkeypatch):
    run = Session.run

    async def ending(self, statement, *more):
        if statement == "discard all":
            raise Gone
        return await run(self, statement, *more)

    shop.told("create table done (id int)")
    monkeypatch.setattr(Session, "run", ending)
    assert shop.told("insert into done values (1)")["numberOfRecordsUpdated"] == 1
    monkeypatch.undo()
    assert shop.rows("select count(*) from done") == [(1,)]


def test_a_statement_is_given_up_in_time_or_goes_on_if_that_is_wanted(shop, monkeypatch):
    shop.told("create table waited (id int)")
    monkeypatch.setattr(api, "STATEMENT_S", 0.2)
    said = refusal(shop.data.execute_statement, **shop.place, database="shop", sql="select pg_sleep(100)::text")
    assert said["Code"] == "StatementTimeoutException"
    sql = "with slept as (select pg_sleep(0.5)) insert into waited select 1 from slept"
    said = refusal(shop.data.execute_statement, **shop.place, database="shop", sql=sql, continueAfterTimeout=True)
    assert said["Code"] == "StatementTimeoutException"
    monkeypatch.undo()
    for _ in range(1_000):
        if shop.rows("select count(*) from waited") == [(1,)]:
            break
        shop.cloud.sleep(0.01)
    assert shop.rows("select count(*) from waited") == [(1,)]
    assert shop.rows("select count(*) from pg_stat_activity where query like 'select pg_sleep(100)%'") == [(0,)]


def test_statements_run_side_by_side(shop):
    slow = [shop.cloud.start(shop.data.execute_statement, **shop.place, database="shop", sql="select pg_sleep(0.2)::text, 1") for _ in range(4)]
    assert [shop.cloud.wait(each)["records"][0][1] for each in slow] == [{"longValue": 1}] * 4


# Transactions ----------------------------------------------------------------------------------------


def _begun(shop):
    return shop.data.begin_transaction(**shop.place, database="shop")["transactionId"]


def test_a_transaction_is_kept_when_it_is_committed_and_undone_when_it_is_rolled_back(shop):
    shop.told("create table kept (id int)")
    first, second = _begun(shop), _begun(shop)
    for id_, transaction in ((1, first), (2, second)):
        shop.told("insert into kept values (:id)", given("id", longValue=id_), transactionId=transaction)
    assert shop.rows("select count(*) from kept") == [(0,)]
    assert shop.data.commit_transaction(**shop.place, transactionId=first)["transactionStatus"] == "Transaction Committed"
    assert shop.data.rollback_transaction(**shop.place, transactionId=second)["transactionStatus"] == "Rollback Complete"
    assert shop.rows("select id from kept") == [(1,)]
    said = refusal(shop.data.commit_transaction, **shop.place, transactionId=first)
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.troubleshooting.html
    why = "One previous call resulted in a termination of your transaction."
    assert (said["Code"], said["Message"]) == ("TransactionNotFoundException", f"Transaction {first} is not found. {why}")
    assert refusal(shop.data.execute_statement, **shop.place, sql="select 1", transactionId="nobody")["Code"] == "TransactionNotFoundException"


def test_a_transaction_that_failed_takes_no_more_and_cannot_be_committed(shop):
    transaction = _begun(shop)
    assert _refused(shop, "selekt", transactionId=transaction)[0] == "DatabaseErrorException"
    # Recorded of AWS.
    words = "ERROR: current transaction is aborted, commands ignored until end of transaction block; SQLState: 25P02"
    assert _refused(shop, "select 1", transactionId=transaction) == ("DatabaseErrorException", words)
    assert shop.data.commit_transaction(**shop.place, transactionId=transaction)["transactionStatus"] == "Rollback Complete"


def test_a_transaction_works_at_one_statement_at_a_time(shop):
    transaction = _begun(shop)
    slow = shop.cloud.start(
        shop.data.execute_statement, **shop.place, database="shop", sql="select pg_sleep(0.3)::text", transactionId=transaction
    )
    for _ in range(1_000):
        if shop.rows("select count(*) from pg_stat_activity where query like 'select pg_sleep(0.3)%'") == [(1,)]:
            break
        shop.cloud.sleep(0.001)
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.differences.html
    assert _refused(shop, "select 1", transactionId=transaction) == ("DatabaseErrorException", "Transaction is still running a query")
    shop.cloud.wait(slow)
    assert shop.rows("select 1", transactionId=transaction) == [(1,)]
    shop.data.rollback_transaction(**shop.place, transactionId=transaction)


def test_cursors_lead_through_what_is_too_much_for_one_answer(shop):
    # What clients do who meet the limit: cloud-utils/aurora-data-api
    transaction = _begun(shop)
    assert _refused(shop, "select repeat('x', 60000) from generate_series(1, 30)", transactionId=transaction)[0] == "UnsupportedResultException"
    shop.told("declare held scroll cursor for select repeat('x', 60000) from generate_series(1, 30)", transactionId=transaction)
    counts = [len(shop.rows("fetch 16 from held", transactionId=transaction)) for _ in range(3)]
    assert counts == [16, 14, 0]
    shop.data.rollback_transaction(**shop.place, transactionId=transaction)


def test_a_transaction_of_which_nothing_is_heard_for_three_minutes_is_undone(shop):
    # https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_BeginTransaction.html
    shop.told("create table heard (id int)")
    transaction = _begun(shop)
    shop.told("insert into heard values (1)", transactionId=transaction)
    for _ in range(3):
        shop.cloud.sleep(170)
        assert shop.rows("select count(*) from heard", transactionId=transaction) == [(1,)]
    shop.cloud.sleep(181)
    code, text = _refused(shop, "select 1", transactionId=transaction)
    assert (code, text) == ("TransactionNotFoundException", f"Transaction {transaction} is not found. Transaction may be expired.")
    assert shop.rows("select count(*) from heard") == [(0,)]


def test_a_transaction_is_another_users_and_another_databases_no_more_than_another_clusters(shop):
    transaction = _begun(shop)
    assert _refused(shop, "select 1", transactionId=transaction, database="postgres")[0] == "BadRequestException"
    shop.told(f"create role reader login password '{PASSWORD}'")
    other = shop.cloud.client("secretsmanager").create_secret(Name="reader", SecretString=json.dumps({"username": "reader", "password": PASSWORD}))
    said = refusal(shop.data.execute_statement, **{**shop.place, "secretArn": other["ARN"]}, sql="select 1", transactionId=transaction)
    assert said["Code"] == "BadRequestException"
    shop.data.rollback_transaction(**shop.place, transactionId=transaction)
