"""Copies of MariaDB databases: snapshots that customers take, automated ones, and any second between them."""

import time

import pytest
from database_workshop import code_of
from mariadb_workshop import MariaDatabases

pytestmark = pytest.mark.mariadb


@pytest.fixture
def databases(cloud):
    return MariaDatabases(cloud)


def _snapshot(databases, name="before"):
    databases.rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="orders")
    found = databases.until_snapshot(name)
    databases.until("available")
    return found


def _again(databases, snapshot="before", name="again", **said):
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot, **said)
    return databases.until("available", name)


def _backed_up(databases, name="orders"):
    for _ in range(3_000):
        told = databases.rds.describe_db_instance_automated_backups(DBInstanceIdentifier=name)["DBInstanceAutomatedBackups"]
        if told[0]["RestoreWindow"]:
            databases.until("available", name)
            return
        databases.cloud.sleep(0.01)
    raise AssertionError("it is not backed up")


def test_a_snapshot_holds_what_was_committed_and_nothing_that_came_later(databases):
    databases.create()
    with databases.session() as session:
        session.ask("create table orders (id int primary key) select seq as id from seq_1_to_1000")
        session.ask("create table old (id int) engine = MyISAM select 7 as id")
        session.ask("begin")
        session.ask("insert into orders values (2000)")
        taken = _snapshot(databases)
        session.ask("commit")
        session.ask("delete from orders")
    assert (taken["Engine"], taken["LicenseModel"], taken["Port"]) == ("mariadb", "general-public-license", 3306)
    _again(databases)
    assert databases.ask("select count(*), max(id) from orders", name="again") == [(1_000, 1_000)]
    assert databases.ask("select id from old", name="again") == [(7,)]
    assert databases.ask("check table orders, old", name="again") == [
        ("shop.orders", "check", "status", "OK"), ("shop.old", "check", "status", "OK"),
    ]  # fmt: skip


def test_sessions_write_on_while_it_is_taken_and_it_is_of_one_moment(databases):
    databases.create()
    with databases.session() as session:
        session.ask("create table orders (id int primary key)")
        session.ask("create table moved (id int primary key) engine = Aria")
        databases.rds.create_db_snapshot(DBSnapshotIdentifier="during", DBInstanceIdentifier="orders")
        number, state = 0, "creating"
        while state == "creating":
            session.ask("insert into moved values (%s)", number)
            session.ask("insert into orders values (%s)", number)
            number += 1
            databases.cloud.sleep(0.001)
            (state,) = [each["Status"] for each in databases.rds.describe_db_snapshots(DBSnapshotIdentifier="during")["DBSnapshots"]]
    _again(databases, "during")
    ((count, most),) = databases.ask("select count(*), coalesce(max(id), -1) from orders", name="again")
    ((moved,),) = databases.ask("select count(*) from moved", name="again")
    assert count == most + 1 <= number and moved in (count, count + 1)


def test_a_snapshot_that_a_kill_interrupted_is_taken_all_the_same(databases):
    databases.create()
    databases.ask("create table orders select 7 as id")
    databases.rds.create_db_snapshot(DBSnapshotIdentifier="before", DBInstanceIdentifier="orders")
    databases.cloud.restart(kill=True)
    databases.until_snapshot("before")
    databases.until("available")
    _again(databases)
    assert databases.ask("select id from orders", name="again") == [(7,)]


def test_a_final_snapshot_holds_all_that_was_there(databases):
    databases.create()
    databases.ask("create table orders select 7 as id")
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", FinalDBSnapshotIdentifier="last")
    databases.until_gone()
    databases.until_snapshot("last")
    assert code_of(
        databases.rds.restore_db_instance_from_db_snapshot, DBInstanceIdentifier="again", DBSnapshotIdentifier="last", Engine="postgres"
    ) == "InvalidParameterCombination"  # fmt: skip
    _again(databases, "last")
    assert databases.ask("select id from orders", name="again") == [(7,)]


def test_any_second_comes_back(databases):
    databases.create(BackupRetentionPeriod=1)
    _backed_up(databases)
    cloud = databases.cloud
    cloud.sleep(300)
    with databases.session() as session:
        # Statements are dated by the machine's clock, unless a session says otherwise.
        now = int(time.time())
        session.ask(f"set timestamp = {now - 260}")
        session.ask("create table orders (id int primary key) engine = InnoDB")
        session.ask("insert into orders values (1)")
        session.ask(f"set timestamp = {now - 200}")
        session.ask("begin")
        session.ask("insert into orders values (2)")
        session.ask("insert into orders values (3)")
        session.ask("commit")
        session.ask(f"set timestamp = {now - 100}")
        session.ask("delete from orders")
    for name, ago, rows in (("first", 230, [(1,)]), ("second", 150, [(1,), (2,), (3,)])):
        databases.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier=name, RestoreTime=cloud.now() - ago, BackupRetentionPeriod=0
        )
        databases.until("available", name)
        assert databases.ask("select id from orders order by id", name=name) == rows, name
    databases.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="latest", UseLatestRestorableTime=True, BackupRetentionPeriod=0
    )
    databases.until("available", "latest")
    assert databases.ask("select count(*), @@gtid_slave_pos from orders", name="latest") == [(0, "")]
    databases.ask("insert into orders values (9)", name="latest")
    with databases.session() as session:
        session.ask("flush binary logs")
        session.ask("reset master")  # what was written down is gone, and numbers begin anew
    databases.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="never", UseLatestRestorableTime=True
    )
    databases.until_failed("never")


def test_changes_are_written_down_while_there_are_backups_alone(databases):
    # "An outage occurs if you change from 0 to a nonzero value, or from a nonzero value to 0."
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    databases.create()
    assert databases.ask("select @@log_bin") == [(0,)]
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", BackupRetentionPeriod=1)
    _backed_up(databases)
    assert databases.ask("select @@log_bin, @@log_bin_basename like '%%/mysql-bin-changelog'") == [(1, 1)]
    databases.ask("create table orders select 7 as id")
    databases.cloud.restart(kill=True)  # of what was written down before it, the end is missing
    databases.until_up("insert into orders values (8)", [])
    databases.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="again", UseLatestRestorableTime=True, BackupRetentionPeriod=0
    )
    databases.until("available", "again")
    assert databases.ask("select id from orders order by id", name="again") == [(7,), (8,)]
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", BackupRetentionPeriod=0)
    assert databases.until_up("select @@log_bin", [(0,)])
    databases.cloud.sleep(0.1)
    assert databases.rds.describe_db_snapshots()["DBSnapshots"] == []


def test_old_changes_go_with_old_backups_unless_they_are_wanted(databases):
    databases.create(BackupRetentionPeriod=1, PreferredBackupWindow="01:00-01:30")
    _backed_up(databases)

    def names():
        return [name for name, _ in databases.ask("show binary logs")]

    first = names()
    assert first
    databases.ask("call mysql.rds_set_configuration('binlog retention hours', 24)")
    for _ in range(2):
        databases.cloud.sleep_dark(86_400)
        databases.until_up("select 1", [(1,)])
        for _ in range(1_000):
            told = databases.rds.describe_events(Duration=60)["Events"]
            if any(each["Message"] == "Finished DB instance backup" for each in told):
                break
            databases.cloud.sleep(0.01)
    assert names()[0] == first[0]
    databases.ask("call mysql.rds_set_configuration('binlog retention hours', null)")
    databases.cloud.sleep_dark(86_400)
    databases.until_up("select 1", [(1,)])
    for _ in range(1_000):
        if first[0] not in names():
            return
        databases.cloud.sleep(0.01)
    raise AssertionError(names())


def test_a_copy_is_restored_in_another_region_while_that_of_its_source_is_dark(cloud):
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    here, there = MariaDatabases(cloud), MariaDatabases(cloud, region="eu-west-1")
    here.create()
    here.ask("create table orders select seq as id from seq_1_to_1000")
    arn = _snapshot(here)["DBSnapshotArn"]
    there.rds.copy_db_snapshot(SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="copied")
    there.until_snapshot("copied")
    cloud.kill("us-east-1")
    _again(there, "copied")
    assert there.ask("select count(*) from orders", name="again") == [(1_000,)]
