"""Which statements pin a client of a proxy to its session, as AWS documents it."""

import pytest

from kumoniwa.engines.postgresql_proxy import pinning


@pytest.mark.parametrize(
    "sql",
    [
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html#rds-proxy-pinning.postgres
        "set search_path to x", "SET work_mem = '8MB'", "/* first */ set time zone 'utc'", "-- a word\nreset all", "select 1; set role other",
        "set session characteristics as transaction read only", "prepare p as select 1", "execute p", "deallocate all", "discard all",
        "create temp table t (n int)", "create temporary sequence s", "create or replace temp view v as select 1", "create local temporary table t (n int)",
        "create table pg_temp.t (n int)", "select 1 as n into temp t", "select 1 as n into temporary table t", "declare c cursor with hold for select 1",
        "listen orders", "load 'auto_explain'", "select nextval('s')", "insert into t values (setval('s', 7))", 'select pg_catalog."nextval"(\'s\')',
        "select pg_advisory_lock(1)", "select pg_try_advisory_lock_shared(1)", "select pg_advisory_unlock_all()", "select set_config('x.y', '1', false)",
        "select set_config('x.y', $1, $2)", "/* a /* b */ c */ set x to 1", "(select nextval('s'))", "select 1 -- " + "x" * 16_400,
    ],
)  # fmt: skip
def test_what_outlives_its_transaction_pins(sql):
    assert pinning.reason_of(sql.encode())


@pytest.mark.parametrize(
    "sql",
    [
        "", ";;", "select 1", "update t set n = 1", "begin", "commit", "start transaction isolation level serializable", "set local work_mem = '8MB'",
        "set transaction read only", "set constraints all deferred", "prepare transaction 'x'", "select 'set x to 1; listen y'", "select $$ listen y; $$",
        "select $a$ discard all $$ $a$", 'select "set" from "temp"', "/* set x to 1 */ select 1", "-- listen x\nselect 1", "create table temp_orders (n int)",
        "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)", "select set_config('x.y', '1', true)", "notify orders", "unlisten *",
        "select e'\\'; set x to 1'", "insert into settings (reset, load) values (1, 2)", "select nextval from t", "call a_procedure()",
        "insert into t select 'x' || nextval", "select \x00 1",
    ],
)  # fmt: skip
def test_what_does_not_leaves_the_session_to_others(sql):
    assert pinning.reason_of(sql.encode()) is None


def test_a_digest_says_what_a_statement_was_and_none_of_its_values():
    # As logs of AWS's proxies have it: "set search_path to $1,$2,$3", "set extra_float_digits = $1".
    for sql, told in (
        ("SET search_path TO one,two,'three'", "set search_path to $1,$2,$3"), ("set extra_float_digits = 3", "set extra_float_digits = $1"),
        ("select  nextval('secret')", "select nextval($1)"),
    ):  # fmt: skip
        assert pinning.digest(sql.encode()) == told


@pytest.mark.parametrize("sql", [b"\xff\xfe set", b"'" * 9_999, b"/*" * 9_999, b"$a$" * 5_000, b"set_config(" * 1_000, b"(" * 16_000, b"x /* " * 3_000, b"$a $b$ " * 2_000])
def test_no_statement_is_too_odd_or_takes_long(sql):
    pinning.reason_of(sql)
    pinning.reason_of(sql + b" listen")
    pinning.digest(sql)
