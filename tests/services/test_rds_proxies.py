"""Proxies of RDS before a real database: many clients on few sessions of it, and what becomes of both."""

import contextlib
import os
import socket
import threading
from pathlib import Path

import pg8000.dbapi
import pg8000.native
import pytest
from cluster_workshop import Clusters
from database_workshop import GONE, PASSWORD, code_of
from proxy_workshop import Proxies

pytestmark = pytest.mark.database
FEW = {"MaxConnectionsPercent": 10, "MaxIdleConnectionsPercent": 10}
"""Of the hundred connections that the databases of these tests take."""


@pytest.fixture
def proxies(cloud):
    made = Proxies(cloud)
    family = made.rds.describe_db_engine_versions()["DBEngineVersions"][0]["DBParameterGroupFamily"]
    made.rds.create_db_parameter_group(DBParameterGroupName="hundred", DBParameterGroupFamily=family, Description="-")
    made.rds.modify_db_parameter_group(
        DBParameterGroupName="hundred",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "100", "ApplyMethod": "pending-reboot"}],
    )
    made.create(DBParameterGroupName="hundred")
    return made


def _refused(proxies, **said):
    """What the proxy tells whom it does not let in."""
    with pytest.raises(GONE) as refused:
        proxies.connect(**said)
    return refused.value.args[0]["C"], refused.value.args[0]["M"]


SESSIONS = "select count(*) from pg_stat_activity where usename = 'keeper' and pid <> pg_backend_pid() and backend_type = 'client backend'"


# Multiplexing --------------------------------------------------------------------------------------


def test_a_hundred_clients_work_on_ten_sessions_and_none_fails(proxies):
    proxies.make(pool=FEW)
    proxies.ask("create table counted (client int, step int)")
    address, failed, most = proxies.address(), [], [0]
    ready, over = threading.Barrier(100, timeout=120), threading.Event()

    def work(client):
        try:
            with pg8000.dbapi.connect("keeper", address, "postgres", 5_432, PASSWORD, ssl_context=False) as session:
                ready.wait()  # all are connected before the first begins
                cursor = session.cursor()
                for step in range(3):
                    cursor.execute("insert into counted values (%s, %s)", (client, step))
                    cursor.execute("select count(*) from counted where client = %s", (client,))
                    assert cursor.fetchall()[0][0] == step + 1
                    session.commit()
        except BaseException as error:
            failed.append(repr(error))

    def watch(direct):
        while not over.is_set():
            most[0] = max(most[0], direct.ask(SESSIONS)[0][0])

    workers = [threading.Thread(target=work, args=(client,)) for client in range(100)]

    def all_at_once():
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    with proxies.session() as direct:
        watcher = threading.Thread(target=watch, args=(direct,))
        watcher.start()
        try:
            proxies.meanwhile(all_at_once)
        finally:
            over.set()
            watcher.join()
    assert failed == []
    assert 1 <= most[0] <= 10
    assert proxies.ask("select count(*), count(distinct client) from counted") == [(300, 100)]


def test_a_session_is_kept_for_a_transaction_and_no_longer(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 2, "MaxIdleConnectionsPercent": 2})
    one, other, third = (proxies.connect() for _ in range(3))
    one.ask("begin")
    held = one.pid()
    other.ask("begin")
    assert other.pid() != held and one.pid() == held
    other.ask("rollback")
    assert third.pid() != held
    one.ask("commit")
    assert {each.pid() for each in (one, other, third)} <= {held, third.pid(), other.pid()}


def test_who_finds_no_session_in_time_is_told_so_and_stays(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html
    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1, "ConnectionBorrowTimeout": 0})
    one, other = proxies.connect(), proxies.connect()
    one.ask("begin")
    for statement, values in (("select 1", ()), ("select %s::int", (1,))):  # both protocols
        with pytest.raises(pg8000.dbapi.DatabaseError) as refused:
            other.ask(statement, *values)
        assert (refused.value.args[0]["C"], refused.value.args[0]["M"]) == ("08000", "Timed-out waiting to acquire database connection.")
    one.ask("commit")
    assert other.ask("select %s::int", 2) == [(2,)]


def test_statements_that_were_prepared_go_with_their_client_from_session_to_session(proxies):
    # US patent 11,943,316: what a client prepared is prepared again on the session that it gets.
    proxies.make(pool={"MaxConnectionsPercent": 2, "MaxIdleConnectionsPercent": 2})
    proxies.ask("create table prepared (n int)")
    address = proxies.address()
    one, other = (
        proxies.meanwhile(lambda: pg8000.native.Connection("keeper", address, "postgres", 5_432, PASSWORD, ssl_context=False)) for _ in range(2)
    )
    ours, theirs = one.prepare("select :n::int + 1, pg_backend_pid()"), other.prepare("select :n::int + 2, pg_backend_pid()")
    blocking = proxies.connect()
    seen = set()
    for number in range(6):
        if number == 3:
            blocking.ask("begin")
            blocking.ask("lock table prepared")
        found, same = ours.run(n=number)[0], theirs.run(n=number)[0]
        assert (found[0], same[0]) == (number + 1, number + 2)
        seen |= {found[1], same[1]}
    assert seen
    ours.close()
    again = one.prepare("select :n::int + 3")
    assert again.run(n=1) == [[4]] and theirs.run(n=1)[0][0] == 3
    blocking.ask("rollback")
    for each in (one, other):
        each.close()


def test_a_prepared_statement_whose_table_changed_is_prepared_anew(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1})
    proxies.ask("create table changing as select 1 as a")
    one = pg8000.native.Connection("keeper", proxies.address(), "postgres", 5_432, PASSWORD, ssl_context=False)
    before = one.prepare("select * from changing")
    assert before.run() == [[1]]
    proxies.ask("alter table changing add column b int default 2")
    with pytest.raises(pg8000.native.DatabaseError, match="cached plan must not change result type"):
        before.run()  # as without a proxy
    assert one.prepare("select * from changing").run() == [[1, 2]]
    one.close()


def test_clients_have_their_own_time_zone_on_shared_sessions(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1})
    here, there, plain = (proxies.connect(startup_params=params) for params in ({"TimeZone": "Asia/Tokyo"}, {"TimeZone": "Europe/Paris"}, {}))
    for _ in range(2):
        assert [each.ask("show timezone") for each in (here, there, plain)] == [[("Asia/Tokyo",)], [("Europe/Paris",)], [("UTC",)]]
    assert here.pid() == there.pid() == plain.pid()


def test_rows_are_copied_in_and_out_and_a_failed_copy_leaves_the_client_as_it_was(proxies):
    import io

    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1})
    proxies.ask("create table copied (n int, what text)")
    one, other = proxies.connect(), proxies.connect()
    rows = "".join(f"{number}\t{'x' * 200}\n" for number in range(5_000)).encode()
    proxies.meanwhile(lambda: one.session.cursor().execute("copy copied from stdin", stream=io.BytesIO(rows)))
    assert other.ask("select count(*) from copied") == [(5_000,)]
    out = io.BytesIO()
    proxies.meanwhile(lambda: other.session.cursor().execute("copy copied to stdout", stream=out))
    assert out.getvalue() == rows
    with pytest.raises(pg8000.dbapi.DatabaseError, match="invalid input syntax"):
        proxies.meanwhile(lambda: one.session.cursor().execute("copy copied from stdin", stream=io.BytesIO(b"none\tx\n" + rows)))
    assert one.ask("select count(*) from copied") == [(5_000,)] and one.pid() == other.pid()


def test_errors_of_the_database_are_the_clients(proxies):
    proxies.make()
    one = proxies.connect()
    with pytest.raises(pg8000.dbapi.DatabaseError, match="division by zero"):
        one.ask("select 1 / 0")
    with pytest.raises(pg8000.dbapi.DatabaseError, match="does not exist"):
        one.ask("select * from nothing where n = %s", 1)
    assert one.ask("select %s::text", "größe") == [("größe",)]


def test_a_client_that_leaves_in_the_midst_of_a_transaction_has_done_nothing(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1})
    proxies.ask("create table left_behind (n int)")
    one = proxies.connect()
    one.ask("begin")
    one.ask("insert into left_behind values (1)")
    one.session._usock.shutdown(socket.SHUT_RDWR)
    assert proxies.connect().ask("select count(*) from left_behind") == [(0,)]


# Pinning -------------------------------------------------------------------------------------------


def _figure(proxies, name, **more):
    proxies.cloud.sleep_and_settle(125)
    dimensions = [{"Name": key, "Value": value} for key, value in {"ProxyName": "pool", **more}.items()]
    told = proxies.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS", MetricName=name, Dimensions=dimensions, StartTime=proxies.cloud.now() - 180, EndTime=proxies.cloud.now(), Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]  # fmt: skip
    return max((each["Maximum"] for each in told), default=None)


def test_a_client_that_changes_its_session_keeps_it_and_is_counted_as_pinned(proxies):
    proxies.make(pool=FEW)
    one, other = proxies.connect(), proxies.connect()
    one.ask("set search_path to pg_catalog")
    kept = one.pid()
    assert _figure(proxies, "DatabaseConnectionsCurrentlySessionPinned") == 1
    assert other.pid() != kept and one.pid() == kept
    assert one.ask("show search_path") == [("pg_catalog",)]
    assert other.ask("show search_path") == [('"$user", public',)]
    logs = proxies.cloud.client("logs").filter_log_events(logGroupName="/aws/rds/proxy/pool", filterPattern="pinned")["events"]
    assert len(logs) == 1 and logs[0]["message"].startswith("[WARN] [proxyEndpoint=default] [clientConnection=")
    assert logs[0]["message"].endswith(
        "for the remainder of the session. The proxy can't reuse this connection until the session ends. Reason: SQL changed session settings that the "
        'proxy doesn\'t track. Consider moving session configuration to the proxy\'s initialization query. Digest: "set search_path to $1".'
    )


def test_what_a_pinned_client_left_is_gone_when_another_has_its_session(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1, "InitQuery": "set work_mem to '7MB'"})
    one = proxies.connect()
    one.ask("create temporary table mine (n int)")
    one.ask("set statement_timeout to '99s'")
    kept = one.pid()
    one.close()
    other = proxies.connect()
    assert other.pid() == kept
    assert other.ask("select to_regclass('mine'), current_setting('statement_timeout'), current_setting('work_mem')") == [(None, "0", "7MB")]


def test_a_statement_that_would_pin_does_so_when_it_runs(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 2, "MaxIdleConnectionsPercent": 2})
    proxies.ask("create sequence numbers")
    one = proxies.connect()
    assert one.ask("select nextval(%s)", "numbers") == [(1,)]
    kept = one.pid()
    other = proxies.connect()
    other.ask("begin")
    assert other.pid() != kept
    assert one.ask("select currval('numbers')") == [(1,)]


# What becomes of it --------------------------------------------------------------------------------


def test_a_reboot_of_the_database_loses_no_client_and_statements_wait_for_it(proxies):
    proxies.make(pool=FEW)
    clients = [proxies.connect() for _ in range(12)]
    (before,) = {each.ask("select pg_postmaster_start_time()::text")[0][0] for each in clients}
    found = []

    def ask_all():
        for each in clients:
            cursor = each.session.cursor()
            cursor.execute("select pg_postmaster_start_time()::text")
            found.extend(cursor.fetchall())

    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    while proxies.shown()["DBInstanceStatus"] == "rebooting" and _is_up(proxies):
        with proxies.cloud.real_time():
            proxies.cloud.sleep(0.002)
    proxies.meanwhile(ask_all)
    assert len(found) == 12 and before not in {each[0] for each in found}
    proxies.until("available")
    proxies.until_health("AVAILABLE")
    assert [each.ask("select 1") for each in clients] == [[(1,)]] * 12


def _is_up(proxies):
    data = Path(proxies.cloud.folder) / "us-east-1" / "000000000000.blobs" / "rds" / "instances" / proxies.shown()["DbiResourceId"] / "data"
    return (data / ".s.PGSQL.5432").exists()


def test_who_was_in_a_transaction_ends_with_the_database(proxies):
    proxies.make()
    one, idle = proxies.connect(), proxies.connect()
    one.ask("begin")
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    with pytest.raises(GONE):
        one.ask("select 1")
        one.ask("select 1")
    assert idle.ask("select 1") == [(1,)]


def test_a_database_that_is_down_is_told_and_comes_back(proxies):
    proxies.make()
    proxies.rds.stop_db_instance(DBInstanceIdentifier="orders")
    proxies.until("stopped")
    assert proxies.until_health("UNAVAILABLE", reason="UNREACHABLE")["Description"]
    proxies.rds.start_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    proxies.until_health("AVAILABLE")


def test_a_killed_region_takes_its_proxies_along_and_brings_them_back(proxies):
    proxies.make(pool=FEW)
    proxies.ask("create table kept (n int)")
    one = proxies.connect()
    for number in range(20):
        one.ask("insert into kept values (%s)", number)
    address = proxies.address()
    proxies.cloud.kill("us-east-1")
    with pytest.raises(GONE):
        one.ask("select 1")
    with pytest.raises(OSError), socket.create_connection((address, 5_432), timeout=5):
        pass
    proxies.cloud.region("us-east-1")
    proxies.until_health("AVAILABLE")
    assert proxies.address() == address
    assert proxies.connect().ask("select count(*) from kept") == [(20,)]
    config = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"][0]["ConnectionPoolConfig"]
    assert config["MaxConnectionsPercent"] == 10


def test_a_proxys_process_that_ends_is_begun_again(proxies):
    proxies.make()
    one = proxies.connect()
    os.kill(proxies.process(), 9)
    with pytest.raises(GONE):
        one.ask("select 1")

    def ask():
        with contextlib.suppress(*GONE):
            return proxies.connect().ask("select 1")

    proxies._until(ask, lambda found: found == [(1,)])


def test_a_deleted_proxy_answers_nobody(proxies):
    proxies.make()
    address, one = proxies.address(), proxies.connect()
    assert proxies.rds.delete_db_proxy(DBProxyName="pool")["DBProxy"]["Status"] == "deleting"
    proxies.until_no_proxy()
    with pytest.raises(GONE):
        one.ask("select 1")
    with pytest.raises(OSError), socket.create_connection((address, 5_432), timeout=5):
        pass
    assert proxies.ask(SESSIONS) == [(0,)]


def test_idle_sessions_beyond_their_share_are_closed(proxies):
    proxies.make(pool={"MaxConnectionsPercent": 10, "MaxIdleConnectionsPercent": 0})
    one = proxies.connect()
    one.ask("select 1")
    proxies._until(lambda: proxies.ask(SESSIONS), lambda found: found == [(0,)])
    assert one.ask("select 1") == [(1,)]


def test_a_client_that_says_nothing_for_too_long_is_sent_away(proxies):
    proxies.make(IdleClientTimeout=1)
    one = proxies.connect()
    one.ask("begin")  # in the midst of something nobody is idle
    one.session._usock.settimeout(1.5)
    with pytest.raises(TimeoutError):
        one.session._usock.recv(1)
    one.session._usock.settimeout(20)
    one.ask("commit")
    assert proxies.meanwhile(lambda: one.session._usock.recv(1)) == b""


# Clusters ------------------------------------------------------------------------------------------


def test_a_proxy_stands_before_a_cluster_and_is_told_with_its_instances(cloud):
    # The AWS CLI's example of register-db-proxy-targets has the members of each.
    proxies, clusters = Proxies(cloud), Clusters(cloud)
    shown = clusters.create_cluster()
    proxies.make(target=None)
    said = {"DBProxyName": "pool", "DBClusterIdentifiers": ["shop"]}
    told = proxies.rds.register_db_proxy_targets(**said)["DBProxyTargets"]
    assert [(each["Type"], each["RdsResourceId"], each["TargetHealth"]) for each in told] == [
        ("TRACKED_CLUSTER", "shop", {"State": "REGISTERING"}), ("RDS_INSTANCE", "writer", {"State": "REGISTERING"}),
    ]  # fmt: skip

    def targets():
        return proxies.rds.describe_db_proxy_targets(DBProxyName="pool")["Targets"]

    proxies._until(targets, lambda found: found[1]["TargetHealth"]["State"] == "AVAILABLE")
    assert targets()[0] == {"RdsResourceId": "shop", "Port": shown["Port"], "Type": "TRACKED_CLUSTER"} and targets()[1]["TrackedClusterId"] == "shop"
    one = proxies.connect(database="shop")
    assert one.ask("select current_database()") == [("shop",)]
    member = {"DBProxyName": "pool", "DBInstanceIdentifiers": ["writer"]}
    assert code_of(proxies.rds.deregister_db_proxy_targets, **member) == "InvalidParameterCombination"
    reader = {"DBProxyName": "pool", "DBProxyEndpointName": "reader", "VpcSubnetIds": proxies.subnets(), "TargetRole": "READ_ONLY"}
    assert code_of(proxies.rds.create_db_proxy_endpoint, **reader) == "NotImplemented"
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="writer")
    proxies.until("available", "writer")
    assert one.ask("select 1") == [(1,)]
    proxies.rds.deregister_db_proxy_targets(**said)
    assert targets() == []
