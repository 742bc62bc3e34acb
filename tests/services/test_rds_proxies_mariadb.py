"""Proxies of RDS before a MariaDB: many clients on few sessions of it, and what becomes of both."""

import contextlib
import json
import os
import signal
import threading

import pymysql
import pytest
from database_workshop import PASSWORD, code_of, refusal
from maria_proxy_workshop import TLS, MariaProxies
from mariadb_workshop import GONE
from proxy_workshop import may

pytestmark = pytest.mark.mariadb
FEW, TWO, ONE = ({"MaxConnectionsPercent": each, "MaxIdleConnectionsPercent": each} for each in (10, 2, 1))
"""Of the hundred connections that the databases of these tests take."""


@pytest.fixture
def proxies(cloud):
    made = MariaProxies(cloud)
    made.hundred()
    return made


def _refused(proxies, **said):
    """What the proxy tells whom it does not let in."""
    with pytest.raises(GONE) as refused:
        proxies.connect(**said)
    return refused.value.args


def _error(one, statement, *values):
    with pytest.raises(pymysql.MySQLError) as failed:
        one.ask(statement, *values)
    return failed.value.args


SESSIONS = "select count(*) from information_schema.processlist where user = 'keeper' and id <> connection_id()"


# Multiplexing --------------------------------------------------------------------------------------


def test_a_hundred_clients_work_on_ten_sessions_and_none_fails(proxies):
    proxies.make(pool=FEW)
    proxies.ask("create table counted (client int, step int)")
    address, port, failed, most = proxies.address(), proxies.shown()["Endpoint"]["Port"], [], [0]
    ready, over = threading.Barrier(100, timeout=120), threading.Event()

    def work(client):
        try:
            session = pymysql.connect(user="keeper", password=PASSWORD, host=address, port=3_306, database="shop")
            with session, session.cursor() as cursor:
                ready.wait()  # all are connected before the first begins
                for step in range(3):
                    cursor.execute("insert into counted values (%s, %s)", (client, step))
                    cursor.execute("select count(*) from counted where client = %s", (client,))
                    assert cursor.fetchall()[0][0] == step + 1
                    session.commit()
        except BaseException as error:
            failed.append(repr(error))

    def watch():
        with contextlib.closing(
            pymysql.connect(user="keeper", password=PASSWORD, host="127.0.0.1", port=port, autocommit=True)
        ) as direct, direct.cursor() as cursor:
            while not over.is_set():
                cursor.execute(SESSIONS)
                most[0] = max(most[0], cursor.fetchone()[0])

    workers = [threading.Thread(target=work, args=(client,)) for client in range(100)]

    def all_at_once():
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        proxies.meanwhile(all_at_once)
    finally:
        over.set()
        proxies.meanwhile(watcher.join)
    assert failed == []
    assert 1 <= most[0] <= 10
    assert proxies.ask("select count(*), count(distinct client) from counted") == [(300, 100)]


def test_a_session_is_kept_for_a_transaction_and_no_longer(proxies):
    proxies.make(pool=TWO)
    one, other, third = (proxies.connect() for _ in range(3))
    one.ask("begin")
    held = one.thread()
    other.ask("begin")
    assert other.thread() != held and one.thread() == held
    other.ask("rollback")
    assert third.thread() != held
    one.ask("commit")
    assert {each.thread() for each in (one, other, third)} <= {held, third.thread(), other.thread()}


def test_who_finds_no_session_in_time_is_told_so_and_stays(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html
    proxies.make(pool={**ONE, "ConnectionBorrowTimeout": 0})
    one, other = proxies.connect(), proxies.connect()
    one.ask("begin")
    for _ in range(2):
        assert _error(other, "select 1") == (9501, "Timed-out waiting to acquire database connection")
    one.ask("commit")
    assert other.ask("select 2") == [(2,)]


def test_errors_are_the_databases_and_leave_the_client_as_it_was(proxies):
    proxies.make(pool=ONE)
    proxies.ask("create table counted (n int primary key)")
    one, other = proxies.connect(), proxies.connect()
    assert _error(one, "select * from nothing")[0] == 1146
    one.ask("begin")
    one.ask("insert into counted values (1)")
    assert _error(one, "insert into counted values (1)")[0] == 1062
    one.ask("insert into counted values (2)")  # its transaction goes on
    one.ask("commit")
    assert other.ask("select n from counted") == [(1,), (2,)]


def test_an_error_that_leaves_a_transaction_open_keeps_the_session_with_its_client(proxies):
    proxies.make(pool=TWO)
    proxies.ask("create table counted (n int primary key)")
    proxies.ask("create procedure half() begin start transaction; insert into counted values (1); signal sqlstate '45000'; end")
    one, other = proxies.connect(), proxies.connect()
    assert _error(one, "call half()")[0] == 1644
    assert one.ask("select count(*) from counted") == [(1,)] and other.ask("select count(*) from counted") == [(0,)]
    one.ask("rollback")
    assert one.ask("select count(*) from counted") == [(0,)]


def test_a_client_that_leaves_in_the_midst_of_a_transaction_has_done_nothing(proxies):
    proxies.make(pool=ONE)
    proxies.ask("create table left_behind (n int)")
    one = proxies.connect()
    one.ask("begin")
    one.ask("insert into left_behind values (1)")
    one.session._force_close()
    assert proxies.connect().ask("select count(*) from left_behind") == [(0,)]


def test_a_statement_that_nobody_waits_for_any_more_is_ended(proxies):
    proxies.make(pool=TWO)
    one = proxies.connect()
    one.session._execute_command(3, "select sleep(600)")
    running = "select count(*) from information_schema.processlist where info = 'select sleep(600)'"
    proxies._until(lambda: proxies.ask(running), lambda found: found == [(1,)])
    one.session._force_close()
    proxies._until(lambda: proxies.ask(running), lambda found: found == [(0,)])


def test_results_of_any_size_and_number_come_as_they_are(proxies):
    proxies.make(pool=ONE)
    one, other = proxies.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS), proxies.connect()
    with one.session.cursor() as cursor:
        proxies.meanwhile(lambda: cursor.execute("select 1; select 2, 3; do 0; select 4"))
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    assert [list(each) for each in found] == [[(1,)], [(2, 3)], [], [(4,)]]
    assert [len(row[0]) for row in one.ask("select repeat('x', 3000000) union all select repeat('y', 1)")] == [3_000_000, 1]
    assert len(other.ask("select seq, repeat('z', 300) from seq_1_to_20000")) == 20_000
    assert one.ask("select cast('größe' as char)") == [("größe",)]


# What it keeps track of ------------------------------------------------------------------------------


def test_clients_have_their_own_settings_on_one_session(proxies):
    # The variables that AWS's proxy tracks: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    proxies.make(pool=ONE)
    here, there, plain = proxies.connect(), proxies.connect(charset="latin1"), proxies.connect()
    here.ask("set time_zone = '+09:00', sql_mode = 'ANSI_QUOTES'")
    there.ask("set session transaction isolation level read committed")
    asked = "select @@time_zone, @@sql_mode = 'ANSI_QUOTES', @@character_set_client, @@tx_isolation"
    for _ in range(2):
        assert here.ask(asked) == [("+09:00", 1, "utf8mb4", "REPEATABLE-READ")]
        assert there.ask(asked) == [("+00:00", 0, "latin1", "READ-COMMITTED")]
        assert plain.ask(asked) == [("+00:00", 0, "utf8mb4", "REPEATABLE-READ")]
    assert here.thread() == plain.thread()
    here.ask("set names latin1")
    assert here.ask("select @@character_set_client, @@character_set_results") == [("latin1", "latin1")]
    assert plain.ask("select @@character_set_client") == [("utf8mb4",)]


def test_a_client_uses_another_database_and_others_stay_in_theirs(proxies):
    proxies.make(pool=ONE)
    one, other = proxies.connect(), proxies.connect()
    one.ask("create database aside")
    one.ask("use aside")
    other.session.select_db("shop")
    assert [one.ask("select database()"), other.ask("select database()")] == [[("aside",)], [("shop",)]] * 1
    one.ask("drop database aside")
    assert one.ask("select database()") == [(None,)] and other.ask("select database()") == [("shop",)]
    assert _refused(proxies, database="nothing")[0] in (1044, 1049)


def test_a_client_without_autocommit_holds_its_session_from_the_first_statement_of_a_transaction_to_its_end(proxies):
    proxies.make(pool=TWO)
    proxies.ask("create table counted (n int) engine = InnoDB")
    one, other = proxies.connect(autocommit=False), proxies.connect()
    one.ask("insert into counted values (1)")
    held = one.thread()
    assert other.thread() != held and other.ask("select count(*) from counted") == [(0,)]
    proxies.meanwhile(one.session.commit)
    assert other.ask("select count(*) from counted") == [(1,)] and other.ask("select @@autocommit") == [(1,)]
    assert one.ask("select @@autocommit") == [(0,)]


def test_the_number_inserted_last_is_its_clients_own_on_whatever_session(proxies):
    proxies.make(pool=ONE)
    proxies.ask("create table numbered (n int primary key auto_increment, who varchar(9))")
    one, other = proxies.connect(), proxies.connect()
    one.ask("insert into numbered (who) values ('one')")
    other.ask("insert into numbered (who) values ('other')")
    one_asks = "select last_insert_id()"
    assert other.ask("select @@identity") == [(2,)]
    other.close()
    assert one.ask(one_asks) == [(1,)]


def test_what_only_the_last_session_knows_is_told_by_it_or_refused(proxies):
    proxies.make(pool=ONE)
    proxies.ask("create table counted (n int)")
    one, other = proxies.connect(), proxies.connect()
    one.ask("insert into counted values (1), (2), (3)")
    assert one.ask("select row_count()") == [(3,)]  # the very same, if nobody had it meanwhile
    one.close()
    other.ask("insert into counted values (4)")
    third = proxies.connect()
    third.ask("select 1")
    assert _error(other, "select row_count()")[0] == 1235
    assert other.ask("select 5") == [(5,)]


# Pinning -------------------------------------------------------------------------------------------


def _pinned(proxies):
    """The reasons that the proxy has told, and the statements."""
    proxies.cloud.sleep(5)
    with contextlib.suppress(proxies.cloud.client("logs").exceptions.ResourceNotFoundException):
        told = proxies.cloud.client("logs").filter_log_events(logGroupName="/aws/rds/proxy/pool", filterPattern="pinned")["events"]
        return [each["message"].partition("Reason: ")[2] for each in told]
    return []


CHANGES = (
    ("set @mine = 5", "select @mine", 5), ("set lock_wait_timeout = 77", "select @@lock_wait_timeout", 77),
    ("create temporary table mine as select 1 as n", "select n from mine", 1),
    ("select get_lock('mine', 5)", "select is_used_lock('mine') = connection_id()", 1), ("lock tables shared write", "select count(*) from shared", 0),
    ("prepare mine from 'select 7'", "execute mine", 7), ("select @mine := 6", "select @mine", 6),
    ("select /* " + "x" * 17_000 + " */ 1", "select 1", 1),
)  # fmt: skip


def test_a_client_that_changes_its_session_keeps_it_and_what_it_left_is_gone_with_it(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html#rds-proxy-pinning.mysql
    proxies.make(pool=TWO)
    proxies.ask("create table shared (n int)")
    other = proxies.connect()
    for count, (statement, asked, kept) in enumerate(CHANGES, 1):
        one = proxies.connect()
        one.ask(statement)
        held = one.thread()
        assert other.thread() != held and one.thread() == held
        assert one.ask(asked) == [(kept,)]
        assert len(_pinned(proxies)) == count
        one.close()
        left = "select @mine, @@lock_wait_timeout = @@global.lock_wait_timeout, is_free_lock('mine')"
        proxies._until(lambda: other.ask(left), lambda found: found == [(None, 1, 1)])  # noqa: B023 - at once; as soon as it has been reset


def test_the_log_tells_why_in_awss_words(proxies):
    proxies.make(pool=TWO)
    one = proxies.connect()
    one.ask("set autocommit = 1, tx_isolation = 'READ-COMMITTED', session_track_system_variables = '*'")
    # As a user of AWS quotes it: https://github.com/mariadb-corporation/mariadb-connector-r2dbc/issues/81
    assert _pinned(proxies) == [
        "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query. "
        'Digest: "SET `autocommit` = ? , `tx_isolation` = ? , `session_track_system_variables` = ?".'
    ]


def test_a_session_pinning_filter_exempts_what_is_set(proxies):
    proxies.make(pool={**TWO, "SessionPinningFilters": ["EXCLUDE_VARIABLE_SETS"]})
    (group,) = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"]
    assert group["ConnectionPoolConfig"]["SessionPinningFilters"] == ["EXCLUDE_VARIABLE_SETS"]
    one = proxies.connect()
    one.ask("set lock_wait_timeout = 77")
    one.ask("create temporary table mine as select 1")
    assert len(_pinned(proxies)) == 1
    refused = {"DBProxyName": "pool", "TargetGroupName": "default", "ConnectionPoolConfig": {"SessionPinningFilters": ["OTHER"]}}
    assert code_of(proxies.rds.modify_db_proxy_target_group, **refused) == "InvalidParameterValue"


def test_the_initialization_query_is_said_to_each_session_also_after_it_was_reset(proxies):
    proxies.make(pool={**ONE, "InitQuery": "set lock_wait_timeout = 66; set time_zone = '+02:00'"})
    one = proxies.connect()
    asked = "select @@lock_wait_timeout, @@time_zone, database()"
    assert one.ask(asked) == [(66, "+02:00", "shop")]
    one.ask("set lock_wait_timeout = 77")
    one.close()
    assert proxies.connect().ask(asked) == [(66, "+02:00", "shop")]


# Who comes in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["MYSQL_NATIVE_PASSWORD", "MYSQL_CACHING_SHA2_PASSWORD"])
def test_a_password_is_proven_as_the_proxy_says(proxies, kind):
    proxies.make(auth={"ClientPasswordAuthType": kind})
    assert proxies.connect().ask("select current_user()") == [("keeper@%",)]
    denied = (1045, "Access denied for user 'keeper'@'%' (using password: YES)")
    assert _refused(proxies, password="wrong-secret") == denied
    assert _refused(proxies, password="")[0] == 1045
    assert _refused(proxies, user="nobody") == (1045, "Access denied for user 'nobody'@'%' (using password: YES)")
    assert proxies.connect(ssl_disabled=True).ask("select 1") == [(1,)]


def test_a_proxy_that_requires_tls_lets_nobody_in_who_speaks_plain(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html
    proxies.make(RequireTLS=True)
    assert _refused(proxies, ssl_disabled=True) == (3159, "This RDS Proxy requires TLS connections.")
    one = proxies.connect(ssl=TLS)
    assert one.ask("select 1") == [(1,)] and one.session._sock.version() == "TLSv1.2"  # AWS has no later one for MariaDB


def test_who_may_connect_comes_in_with_a_token_over_tls_and_with_nothing_else(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-iam-setup.html
    shown = proxies.make(auth={"IAMAuth": "REQUIRED"})
    proxy = shown["DBProxyArn"].rpartition(":")[2]
    iam = proxies.cloud.client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    iam.put_user_policy(UserName="visitor", PolicyName="connects", PolicyDocument=may({
        "Effect": "Allow", "Action": "rds-db:connect", "Resource": f"arn:aws:rds-db:us-east-1:000000000000:dbuser:{proxy}/keeper",
    }))  # fmt: skip
    visitor = proxies.cloud.client("rds", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    place = proxies.proxy()["Endpoint"]

    def token(port=3_306):
        return visitor.generate_db_auth_token(DBHostname=place, Port=port, DBUsername="keeper", Region="us-east-1")

    assert proxies.connect(password=token(), ssl=TLS).ask("select current_user()") == [("keeper@%",)]
    for said in ({"password": token(), "ssl_disabled": True}, {"ssl": TLS}, {"password": token(5_432), "ssl": TLS}):
        assert _refused(proxies, **said)[0] == 1045
    late = token()
    proxies.cloud.sleep(901)
    assert _refused(proxies, password=late, ssl=TLS)[0] == 1045


def test_a_secret_that_was_changed_is_read_when_its_old_password_is_refused(proxies):
    arn = proxies.secret()
    proxies.make(secrets=[arn])
    one = proxies.connect()
    proxies.ask("set password = password('another-secret')")
    proxies.secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"username": "keeper", "password": "another-secret"}))
    assert proxies.connect(password="another-secret").ask("select 1") == [(1,)]
    assert _refused(proxies)[0] == 1045
    assert one.ask("select 1") == [(1,)]


def test_a_secret_with_a_password_that_the_database_does_not_know_is_a_failure_of_authentication(proxies):
    proxies.make(secrets=[proxies.secret(password="not-this-one")], target=None)
    proxies.rds.register_db_proxy_targets(DBProxyName="pool", DBInstanceIdentifiers=["orders"])
    assert "Access denied for user 'keeper'" in proxies.until_health("UNAVAILABLE", reason="AUTH_FAILURE")["Description"]


# What becomes of it --------------------------------------------------------------------------------


def test_a_reboot_of_the_database_loses_no_idle_client(proxies):
    proxies.make(pool=FEW)
    clients = [proxies.connect() for _ in range(12)]
    for each in clients:
        each.ask("select 1")
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    assert [each.ask("select 2") for each in clients] == [[(2,)]] * 12
    proxies.until_health("AVAILABLE")


def test_who_was_in_a_transaction_ends_with_the_database(proxies):
    proxies.make(pool=TWO)
    one, idle = proxies.connect(), proxies.connect()
    one.ask("begin")
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    with pytest.raises(GONE):
        one.ask("select 1")
    assert idle.ask("select 1") == [(1,)]


def test_what_a_database_never_read_is_said_to_its_next_life_once(proxies):
    proxies.make(pool=ONE)
    proxies.ask("create table said (n int)")
    one = proxies.connect()
    one.ask("select 1")
    (server,) = proxies.cloud.region().engines["databases"].by_id.values()
    os.kill(server.pid, signal.SIGSTOP)
    one.session._execute_command(3, "insert into said values (1)")
    os.kill(server.pid, signal.SIGKILL)
    proxies.meanwhile(one.session._read_ok_packet)
    assert one.ask("select count(*) from said") == [(1,)]


def test_a_killed_region_takes_its_proxies_along_and_brings_them_back(proxies):
    proxies.make(pool=FEW)
    proxies.ask("create table kept (n int)")
    one = proxies.connect()
    for number in range(20):
        one.ask("insert into kept values (%s)", number)
    address = proxies.address()
    proxies.cloud.kill("us-east-1")
    with pytest.raises(GONE):
        one.at_once("select 1")
    proxies.cloud.region("us-east-1")
    proxies.until_health("AVAILABLE")
    assert proxies.address() == address and proxies.connect().ask("select count(*) from kept") == [(20,)]


def test_a_database_that_is_down_is_told_and_comes_back(proxies):
    proxies.make()
    proxies.rds.stop_db_instance(DBInstanceIdentifier="orders")
    proxies.until("stopped")
    assert proxies.until_health("UNAVAILABLE", reason="UNREACHABLE")["Description"]
    proxies.rds.start_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    proxies.until_health("AVAILABLE")


def test_a_client_that_says_nothing_for_too_long_is_sent_away(proxies):
    proxies.make(IdleClientTimeout=1)
    one = proxies.connect()
    one.session._sock.settimeout(60)
    assert proxies.meanwhile(lambda: one.session._sock.recv(1)) == b""


# Control -------------------------------------------------------------------------------------------


def test_a_proxy_of_this_family_is_told_with_its_defaults_and_stands_before_no_other_engine(proxies):
    shown = proxies.make()
    assert shown["EngineFamily"] == "MYSQL"
    # The default is the model's: UserAuthConfig.
    assert [each["ClientPasswordAuthType"] for each in shown["Auth"]] == ["MYSQL_CACHING_SHA2_PASSWORD"]
    auth = [{"SecretArn": shown["Auth"][0]["SecretArn"], "ClientPasswordAuthType": "POSTGRES_MD5"}]
    said = {"DBProxyName": "other", "EngineFamily": "MYSQL", "RoleArn": shown["RoleArn"], "VpcSubnetIds": proxies.subnets(), "Auth": auth}
    told = refusal(proxies.rds.create_db_proxy, **said)
    assert told["Message"] == "The client password authentication type POSTGRES_MD5 isn't valid for the engine family MYSQL."
    proxies.make("foreign", EngineFamily="POSTGRESQL", target=None, secrets=[shown["Auth"][0]["SecretArn"]])
    told = refusal(proxies.rds.register_db_proxy_targets, DBProxyName="foreign", DBInstanceIdentifiers=["orders"])
    assert told["Message"] == "orders is not of the proxy's engine family POSTGRESQL: mariadb"
