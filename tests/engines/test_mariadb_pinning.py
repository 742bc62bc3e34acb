"""What statements leave behind in a session of MariaDB, as AWS's proxy judges it."""

import pytest

from kumoniwa.engines.mariadb_proxy.pinning import NOTHING, PREPARED, SETTINGS, STATEMENT_BYTES_MAX, TOO_LONG, digest, effect_of, parted


@pytest.mark.parametrize(
    "sql",
    [
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html#rds-proxy-pinning.mysql
        "lock table t read", "LOCK TABLES t WRITE", "flush tables with read lock", "select get_lock('a', 1)", "set @mine = 1", "set lock_wait_timeout = 1",
        "create temporary table t (n int)", "create or replace temporary table t (n int)", "prepare s from 'select 1'", "execute s", "deallocate prepare s",
        "drop prepare s",
        # Ours: what else stays in the session.
        "select @mine := 1", "select 1 into @mine", "select n, m into @a, @b from t", "handler t open", "xa start 'a'", "set role r",
        "set transaction isolation level serializable", "set time_zone = @mine", "set sql_mode = concat(@@sql_mode, ',ANSI')", "set autocommit = 0, @a = 1",
        "select sql_calc_found_rows 1", "select 1; set autocommit = 0", "use one; select 1", "/*! set @mine = 1 */", "/*!40101 set @mine = 1 */",
        "set global a = 1, b = 2", "set session autocommit = (select 1)", "set names @mine", "set", "set =", "set session",
    ],
)  # fmt: skip
def test_what_stays_in_a_session_pins(sql):
    assert effect_of(sql.encode()).pins is not None


@pytest.mark.parametrize(
    "sql",
    [
        "select 1", "begin", "commit", "insert into t values ('set @a = 1; lock tables')", "select * from t where a = \"get_lock('x', 1)\"", "-- set @a = 1\nselect 1",
        "# lock tables t read\nselect 1", "/* set @a = 1 */ select 1", "select `set` from `lock`", "set global max_connections = 5", "set @@global.a = 1",
        "set password = password('x')", "call p(@a)", "update t set a = 1", "select release_lock('a')", "set statement max_statement_time = 1 for select 1",
        "select 'it''s \\' set @a'", "flush privileges", "insert into t set n = 1", "unlock tables", "select @mine", "", ";;", "'", '"', "`", "/*", "@", "--",
    ],
)  # fmt: skip
def test_what_does_not_is_nothing(sql):
    assert effect_of(sql.encode()) == NOTHING


@pytest.mark.parametrize(
    "sql, sets",
    [
        ("SET NAMES utf8mb4", {"names": "NAMES utf8mb4"}), ("set names 'utf8' collate 'utf8_bin'", {"names": "names 'utf8' collate 'utf8_bin'"}),
        ("set character set latin1", {"names": "character set latin1"}), ("set autocommit=0", {"autocommit": "session autocommit = 0"}),
        ("set @@session.time_zone = '+01:00'", {"time_zone": "session time_zone = '+01:00'"}),
        ("set local `sql_mode` := 'ANSI', wait_timeout = 60", {"sql_mode": "session sql_mode = 'ANSI'", "wait_timeout": "session wait_timeout = 60"}),
        ("set tx_isolation = 'READ-COMMITTED'", {"transaction_isolation": "session tx_isolation = 'READ-COMMITTED'"}),
        ("set session transaction read only", {"transaction_read_only": "session transaction read only"}),
        ("set session transaction isolation level read committed", {"transaction_isolation": "session transaction isolation level read committed"}),
        ("set sql_mode = default", {"sql_mode": "session sql_mode = default"}),
    ],
)  # fmt: skip
def test_what_is_kept_track_of_is_said_to_another_session_as_it_was(sql, sets):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html#rds-proxy-pinning.mysql-tracked-vars
    found = effect_of(sql.encode())
    assert (found.pins, dict(found.sets)) == (None, sets)


def test_databases_are_kept_track_of():
    assert effect_of(b"use `a``b`").database == "a`b" and effect_of(b"USE shop;").database == "shop"
    assert effect_of(b"drop database if exists shop").dropped == "shop" and effect_of(b"drop schema `shop`").dropped == "shop"


@pytest.mark.parametrize(
    "sql, wanted",
    [
        ("select last_insert_id()", "number"), ("select @@identity", "number"), ("select row_count()", "all"), ("select found_rows()", "all"),
        ("show warnings", "all"), ("show errors", "all"), ("select @@warning_count", "all"), ("get diagnostics @a = number", "all"),
        ("update t set n = last_insert_id(n + 1)", ""), ("select 1", ""),
    ],
)  # fmt: skip
def test_what_asks_for_what_the_last_statement_left_is_known(sql, wanted):
    assert effect_of(sql.encode()).wants_last == wanted


def test_a_long_statement_pins_and_reasons_are_told():
    assert effect_of(b"select 1" + b" " * STATEMENT_BYTES_MAX).pins == TOO_LONG
    assert effect_of(b"set @a = 1").pins == SETTINGS and PREPARED.endswith("detected.")


def test_a_digest_says_nothing_of_what_was_said():
    # As MariaDB's users quote it: https://github.com/mariadb-corporation/mariadb-connector-r2dbc/issues/81
    assert digest(b"set autocommit = 1, transaction_isolation='X', session_track_schema = 1") == (
        "SET `autocommit` = ? , `transaction_isolation` = ? , `session_track_schema` = ?"
    )
    assert "secret" not in digest(b"select get_lock('secret', 0x736563), \"secret\"")


def test_an_initialization_query_is_said_statement_by_statement():
    assert parted("set time_zone = '+01:00;'; set names utf8mb4;") == ["set time_zone = '+01:00;'", "set names utf8mb4"]


def test_a_filter_exempts_what_is_set_and_nothing_else():
    exempt = [sql for sql in (b"set @a = 1", b"select 1; set autocommit = 0", b"select 1; use shop", b"create temporary table t (n int)") if effect_of(sql).is_setting]
    assert exempt == [b"set @a = 1", b"select 1; set autocommit = 0"]
