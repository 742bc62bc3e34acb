"""Copies of databases: snapshots that customers take, automated ones, and any second between them."""

import pytest
from database_workshop import Databases, code_of, refusal

pytestmark = pytest.mark.database


@pytest.fixture
def databases(cloud):
    return Databases(cloud)


def _snapshot(databases, name="before", **said):
    databases.rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="orders", **said)
    found = databases.until_snapshot(name)
    databases.until("available")
    return found


def test_a_snapshot_holds_what_was_committed_and_nothing_that_came_later(databases):
    databases.create(DBName="shop", CopyTagsToSnapshot=True, Tags=[{"Key": "team", "Value": "blue"}])
    databases.ask("create table orders as select generate_series(1, 1000) as id", database="shop")
    taken = _snapshot(databases, "Before")
    assert (taken["SnapshotType"], taken["PercentProgress"], taken["TagList"]) == ("manual", 100, [{"Key": "team", "Value": "blue"}])
    databases.ask("delete from orders", database="shop")
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="before")
    again = databases.until("available", "again")
    assert databases.ask("select count(*) from orders", name="again", database="shop") == [(1000,)]
    assert databases.ask("select count(*) from orders", database="shop") == [(0,)]
    assert again["DbiResourceId"] != taken["DbiResourceId"] and again["DBName"] == "shop"


def test_sessions_write_on_while_it_is_taken(databases):
    databases.create()
    databases.ask("create table orders (id int)")
    with databases.session() as session:
        databases.rds.create_db_snapshot(DBSnapshotIdentifier="during", DBInstanceIdentifier="orders")
        number, state = 0, "creating"
        while state == "creating":
            session.ask("insert into orders values (%s)", number)
            number += 1
            databases.cloud.sleep(0.001)
            (state,) = [each["Status"] for each in databases.rds.describe_db_snapshots(DBSnapshotIdentifier="during")["DBSnapshots"]]
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="during")
    databases.until("available", "again")
    ((count, most),) = databases.ask("select count(*), coalesce(max(id), -1) from orders", name="again")
    assert count == most + 1 <= number


def test_a_copy_outlives_what_it_was_copied_from(databases):
    databases.create()
    databases.ask("create table orders as select 7 as id")
    first = _snapshot(databases)
    databases.rds.copy_db_snapshot(SourceDBSnapshotIdentifier="before", TargetDBSnapshotIdentifier="copied")
    copied = databases.until_snapshot("copied")
    assert copied["SourceDBSnapshotIdentifier"] == first["DBSnapshotArn"]
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert databases.rds.delete_db_snapshot(DBSnapshotIdentifier="before")["DBSnapshot"]["Status"] == "deleted"
    assert refusal(databases.rds.describe_db_snapshots, DBSnapshotIdentifier="before")["Code"] == "DBSnapshotNotFound"
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="copied")
    databases.until("available")
    assert databases.ask("select id from orders") == [(7,)]


def test_an_instance_is_backed_up_each_day_and_old_backups_go(databases):
    databases.create(BackupRetentionPeriod=2, PreferredBackupWindow="01:00-01:30")

    def names():
        return [
            each["DBSnapshotIdentifier"]
            for each in databases.rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
            if each["Status"] == "available"
        ]

    while not names():
        databases.cloud.sleep(0.01)
    for _ in range(5):
        databases.cloud.sleep_dark(86_400)
        databases.until("available")
        count = len(names())
        while databases.shown()["DBInstanceStatus"] != "available" or not [
            each for each in databases.rds.describe_events(Duration=60)["Events"] if each["Message"] == "Finished DB instance backup"
        ]:
            databases.cloud.sleep(0.01)
        assert count
    assert names()[-1].startswith("rds:orders-2030-01-06-") and len(names()) == 3
    assert code_of(databases.rds.delete_db_snapshot, DBSnapshotIdentifier=names()[0]) == "InvalidDBSnapshotState"
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert not names()


def test_backups_that_are_turned_off_are_gone(databases):
    databases.create(BackupRetentionPeriod=1)
    _backed_up(databases)
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", BackupRetentionPeriod=0)
    databases.cloud.sleep(1)
    assert databases.rds.describe_db_snapshots()["DBSnapshots"] == []
    assert databases.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == []
    databases.ask("create table orders (id int)")
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", BackupRetentionPeriod=1)
    _backed_up(databases)
    databases.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="again", UseLatestRestorableTime=True
    )
    databases.until("available", "again")
    assert databases.ask("select to_regclass('orders')", name="again") == [("orders",)]


def _backed_up(databases):
    while not databases.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"][0]["RestoreWindow"]:
        databases.cloud.sleep(0.01)
    databases.until("available")


def test_any_second_comes_back_also_where_there_is_less_room(databases):
    databases.create(BackupRetentionPeriod=1, DBInstanceClass="db.m5.large")
    _backed_up(databases)
    databases.ask("create table orders (id int)")
    databases.ask("insert into orders values (1)")
    cloud = databases.cloud
    with cloud.real_time():
        cloud.sleep(0.1)
        before = cloud.now()
        cloud.sleep(0.1)
        databases.ask("delete from orders")
        databases.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="again", RestoreTime=before, DBInstanceClass="db.t3.micro"
        )
    databases.until("available", "again")
    assert databases.ask("select id from orders", name="again") == [(1,)]
    assert [databases.ask("show max_connections", name=name) for name in ("orders", "again")] == [[("901",)], [("112",)]]
    databases.ask("insert into orders values (2)", name="again")
    databases.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="orders", TargetDBInstanceIdentifier="latest", UseLatestRestorableTime=True
    )
    databases.until("available", "latest")
    assert databases.ask("select count(*) from orders", name="latest") == [(0,)]


def test_backups_of_a_database_that_is_gone_stay_if_that_is_wanted_until_their_days_are_over(databases):
    rds, cloud = databases.rds, databases.cloud
    databases.create(BackupRetentionPeriod=1)
    _backed_up(databases)
    databases.ask("create table orders as select 7 as id")
    cloud.sleep(1)
    rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    databases.until_gone()
    (held,) = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    assert (held["Status"], held["DBInstanceIdentifier"], held["RestoreWindow"]["LatestTime"] > held["RestoreWindow"]["EarliestTime"]) == ("retained", "orders", True)
    cloud.restart(kill=True)
    # Another of its name is another.
    databases.create()
    rds.restore_db_instance_to_point_in_time(SourceDbiResourceId=held["DbiResourceId"], TargetDBInstanceIdentifier="again", UseLatestRestorableTime=True)
    databases.until("available", "again")
    assert databases.ask("select id from orders", name="again") == [(7,)]
    said = {"TargetDBInstanceIdentifier": "x", "SourceDBInstanceAutomatedBackupsArn": held["DBInstanceAutomatedBackupsArn"]}
    late = held["RestoreWindow"]["LatestTime"].timestamp() + 60
    assert code_of(rds.restore_db_instance_to_point_in_time, RestoreTime=late, **said) == "InvalidParameterValue"
    (mine,) = [each for each in rds.describe_db_instances()["DBInstances"] if each["DBInstanceIdentifier"] == "again"]
    rds.modify_db_instance(DBInstanceIdentifier="again", BackupRetentionPeriod=1)
    assert code_of(rds.delete_db_instance_automated_backup, DbiResourceId=mine["DbiResourceId"]) == "InvalidDBInstanceAutomatedBackupState"
    for name in ("orders", "again"):
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        databases.until_gone(name)
    cloud.sleep(86_400)
    assert rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == rds.describe_db_snapshots()["DBSnapshots"] == []
    assert code_of(rds.delete_db_instance_automated_backup, DbiResourceId=held["DbiResourceId"]) == "DBInstanceAutomatedBackupNotFound"


def test_times_that_cannot_be_reached_are_refused(databases):
    databases.create(BackupRetentionPeriod=1)
    _backed_up(databases)
    for said, code in (
        ({}, "InvalidParameterCombination"),
        ({"RestoreTime": 1_900_000_000, "UseLatestRestorableTime": True}, "InvalidParameterCombination"),
        ({"RestoreTime": 1_800_000_000}, "InvalidParameterValue"),
        ({"RestoreTime": 1_900_000_000}, "InvalidParameterValue"),
    ):
        asked = {"SourceDBInstanceIdentifier": "orders", "TargetDBInstanceIdentifier": "again"} | said
        assert code_of(databases.rds.restore_db_instance_to_point_in_time, **asked) == code


def test_what_is_not_backed_up_has_no_other_times(databases):
    databases.create()
    told = code_of(
        databases.rds.restore_db_instance_to_point_in_time,
        SourceDBInstanceIdentifier="orders",
        TargetDBInstanceIdentifier="again",
        UseLatestRestorableTime=True,
    )
    assert told == "PointInTimeRestoreNotEnabled"


def test_a_snapshot_that_a_kill_interrupted_is_taken_all_the_same(databases):
    databases.create()
    databases.ask("create table orders as select 7 as id")
    databases.rds.create_db_snapshot(DBSnapshotIdentifier="before", DBInstanceIdentifier="orders")
    databases.cloud.restart(kill=True)
    databases.until_snapshot("before")
    databases.until("available")
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="before")
    databases.until("available", "again")
    assert databases.ask("select id from orders", name="again") == [(7,)]


def test_snapshots_are_refused_as_aws_refuses_them(databases):
    databases.create()
    _snapshot(databases)
    rds = databases.rds
    assert code_of(rds.create_db_snapshot, DBSnapshotIdentifier="before", DBInstanceIdentifier="orders") == "DBSnapshotAlreadyExists"
    assert (
        refusal(rds.create_db_snapshot, DBSnapshotIdentifier="1st", DBInstanceIdentifier="orders")["Message"] == "Invalid snapshot identifier:  1st"
    )
    assert code_of(rds.create_db_snapshot, DBSnapshotIdentifier="one--two", DBInstanceIdentifier="orders") == "InvalidParameterValue"
    assert code_of(rds.create_db_snapshot, DBSnapshotIdentifier="other", DBInstanceIdentifier="nothing") == "DBInstanceNotFound"
    assert code_of(rds.restore_db_instance_from_db_snapshot, DBInstanceIdentifier="again", DBSnapshotIdentifier="nothing") == "DBSnapshotNotFound"
    assert (
        code_of(rds.restore_db_instance_from_db_snapshot, DBInstanceIdentifier="orders", DBSnapshotIdentifier="before") == "DBInstanceAlreadyExists"
    )
    rds.stop_db_instance(DBInstanceIdentifier="orders")
    assert code_of(rds.create_db_snapshot, DBSnapshotIdentifier="other", DBInstanceIdentifier="orders") == "InvalidDBInstanceState"
