"""Read replicas: servers that follow another by PostgreSQL's own streaming replication."""

from __future__ import annotations

import os

import pytest
from database_workshop import Databases, code_of, refusal

pytestmark = pytest.mark.database
WITHIN_STEPS = 6_000


@pytest.fixture
def databases(cloud):
    """``orders``, which can have replicas."""
    found = Databases(cloud)
    found.create(BackupRetentionPeriod=1)
    found.ask("create table orders (id int primary key)")
    found.until("available")
    return found


def replicate(databases, name="copy", **said):
    databases.rds.create_db_instance_read_replica(DBInstanceIdentifier=name, SourceDBInstanceIdentifier="orders", **said)
    return databases.until("available", name)


def until(databases, statement, answer, name="copy"):
    """A replica answers what its source does, a while later."""
    with databases.session(name=name) as session, databases.cloud.real_time():
        for _ in range(WITHIN_STEPS):
            if (found := session.ask(statement)) == answer:
                return
            databases.cloud.sleep(0.01)
    raise AssertionError(found)


def events(databases, name):
    return [each["Message"] for each in databases.rds.describe_events(SourceIdentifier=name, SourceType="db-instance")["Events"]]


def test_a_replica_has_what_its_source_has_and_gets_and_takes_no_writes(databases):
    databases.ask("insert into orders values (1)")
    made = databases.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="orders")["DBInstance"]
    assert (made["DBInstanceStatus"], made["ReadReplicaSourceDBInstanceIdentifier"], made["BackupRetentionPeriod"]) == ("creating", "orders", 0)
    copy = databases.until("available", "copy")
    assert copy["StatusInfos"] == [{"StatusType": "read replication", "Normal": True, "Status": "replicating"}]
    assert databases.shown()["ReadReplicaDBInstanceIdentifiers"] == ["copy"]
    assert databases.ask("select * from orders", name="copy") == [(1,)]
    databases.ask("insert into orders values (2)")
    until(databases, "select count(*) from orders", [(2,)])
    with pytest.raises(Exception) as refused:
        databases.ask("insert into orders values (3)", name="copy")
    assert refused.value.args[0]["C"] == "25006"  # read_only_sql_transaction
    assert events(databases, "copy") == ["DB instance created", "Replication for the Read Replica resumed."]


def test_what_cannot_be_replicated_is_refused(databases):
    create = databases.rds.create_db_instance_read_replica
    databases.create("plain")
    said = refusal(create, DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="plain")
    assert said["Code"] == "InvalidDBInstanceState"
    assert said["Message"].startswith("Automated backups are not enabled for this database instance. To enable automated backups, use Modify")
    assert code_of(create, DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="nothing") == "DBInstanceNotFound"
    assert code_of(create, DBInstanceIdentifier="orders", SourceDBInstanceIdentifier="orders") == "DBInstanceAlreadyExists"
    assert code_of(create, DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="orders", DBInstanceClass="db.none") == "InvalidParameterValue"
    assert code_of(databases.rds.promote_read_replica, DBInstanceIdentifier="orders") == "InvalidDBInstanceState"
    replicate(databases)
    assert code_of(create, DBInstanceIdentifier="third", SourceDBInstanceIdentifier="copy") == "NotImplemented"
    for name in ("orders", "copy"):
        assert code_of(databases.rds.stop_db_instance, DBInstanceIdentifier=name) == "InvalidDBInstanceState"
    change = databases.rds.modify_db_instance
    assert code_of(change, DBInstanceIdentifier="orders", BackupRetentionPeriod=0) == "InvalidDBInstanceState"
    assert code_of(change, DBInstanceIdentifier="copy", BackupRetentionPeriod=1) == "NotImplemented"
    assert code_of(change, DBInstanceIdentifier="copy", MasterUserPassword="another-secret") == "InvalidParameterCombination"
    said = refusal(databases.rds.delete_db_instance, DBInstanceIdentifier="copy", FinalDBSnapshotIdentifier="last")
    assert said["Message"] == "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance"


def test_a_source_has_fifteen_replicas_at_most(databases):
    create = databases.rds.create_db_instance_read_replica
    for number in range(15):
        create(DBInstanceIdentifier=f"copy-{number}", SourceDBInstanceIdentifier="orders")
    assert code_of(create, DBInstanceIdentifier="one-more", SourceDBInstanceIdentifier="orders") == "InstanceQuotaExceeded"
    assert len(databases.shown()["ReadReplicaDBInstanceIdentifiers"]) == 15
    for number in range(15):
        databases.rds.delete_db_instance(DBInstanceIdentifier=f"copy-{number}", SkipFinalSnapshot=True)
    for number in range(15):
        databases.until_gone(f"copy-{number}")


def test_a_promoted_replica_is_an_instance_of_its_own(databases):
    replicate(databases)
    databases.ask("insert into orders values (1)")
    until(databases, "select count(*) from orders", [(1,)])
    told = databases.rds.promote_read_replica(DBInstanceIdentifier="copy", BackupRetentionPeriod=3)["DBInstance"]
    assert told["DBInstanceStatus"] == "modifying"
    copy = databases.until("available", "copy")
    assert "ReadReplicaSourceDBInstanceIdentifier" not in copy and "StatusInfos" not in copy and copy["BackupRetentionPeriod"] == 3
    assert databases.shown()["ReadReplicaDBInstanceIdentifiers"] == []
    databases.ask("insert into orders values (2)", name="copy")
    databases.ask("insert into orders values (3)")
    assert databases.ask("select id from orders order by id", name="copy") == [(1,), (2,)]
    # Nothing is kept for it any more, nor for whoever might follow it.
    for name in ("orders", "copy"):
        until(databases, "select count(*) from pg_replication_slots", [(0,)], name)
    databases.rds.modify_db_instance(DBInstanceIdentifier="copy", MasterUserPassword="another-secret", ApplyImmediately=True)
    databases.until("available", "copy")
    assert databases.ask("select 1", name="copy", password="another-secret") == [(1,)]


def test_a_replica_follows_again_after_reboots_and_kills(databases):
    replicate(databases)
    for number, name in enumerate(("orders", "copy")):
        databases.rds.reboot_db_instance(DBInstanceIdentifier=name)
        databases.until("available", name)
        databases.ask("insert into orders values (%s)", number)
        until(databases, "select max(id) from orders", [(number,)])
    databases.cloud.restart(kill=True)
    databases.until_recovered()
    databases.ask_when_up("insert into orders values (7)")
    databases.ask_when_up("select 1", name="copy")
    until(databases, "select max(id) from orders", [(7,)])


@pytest.mark.parametrize("turns", [1, 4, 30])
def test_a_replica_that_a_kill_interrupts_is_made_in_the_end(databases, turns):
    databases.ask("insert into orders select generate_series(1, 5000)")
    databases.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="orders")
    for _ in range(turns):
        databases.cloud.sleep(0.0)
    databases.cloud.restart(kill=True)
    databases.until("available", "copy")
    databases.ask_when_up("insert into orders values (0)")
    until(databases, "select count(*) from orders", [(5_001,)])


def test_a_replica_is_made_in_the_end_though_its_sources_server_is_killed_meanwhile(databases):
    databases.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="orders")
    server = next(iter(databases.cloud.region().engines["databases"].by_id.values()))  # the first
    os.kill(server.pid, 9)
    for _ in range(600):
        if databases.shown("copy")["DBInstanceStatus"] == "available":
            break
        databases.cloud.sleep(1.0)
    databases.ask_when_up("insert into orders values (1)")
    until(databases, "select count(*) from orders", [(1,)])


def test_a_promotion_that_a_kill_interrupts_is_done_in_the_end(databases):
    replicate(databases)
    databases.rds.promote_read_replica(DBInstanceIdentifier="copy")
    databases.cloud.sleep(0.0)
    databases.cloud.restart(kill=True)
    databases.until("available", "copy")
    databases.ask_when_up("insert into orders values (1)", name="copy")


def test_replicas_of_an_instance_that_is_deleted_are_instances_of_their_own(databases):
    replicate(databases)
    databases.ask("insert into orders values (1)")
    until(databases, "select count(*) from orders", [(1,)])
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert "ReadReplicaSourceDBInstanceIdentifier" not in databases.until("available", "copy")
    databases.ask("insert into orders values (2)", name="copy")


def test_a_replica_that_is_deleted_is_kept_nothing_for(databases):
    replicate(databases)
    databases.rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    databases.until_gone("copy")
    assert databases.shown()["ReadReplicaDBInstanceIdentifiers"] == []
    until(databases, "select count(*) from pg_replication_slots", [(0,)], "orders")


def test_a_snapshot_of_a_replica_is_restored_as_an_instance_of_its_own(databases):
    replicate(databases)
    databases.ask("insert into orders values (1)")
    until(databases, "select count(*) from orders", [(1,)])
    databases.rds.create_db_snapshot(DBSnapshotIdentifier="seen", DBInstanceIdentifier="copy")
    databases.until_snapshot("seen")
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="seen")
    databases.until("available", "again")
    databases.ask("insert into orders values (2)", name="again")
    assert databases.ask("select count(*) from orders", name="again") == [(2,)]


def test_a_replica_is_of_another_class_and_group_and_formulas_know_it(databases):
    family = databases.rds.describe_db_engine_versions(Engine="postgres")["DBEngineVersions"][0]["DBParameterGroupFamily"]
    databases.rds.create_db_parameter_group(DBParameterGroupName="told", DBParameterGroupFamily=family, Description="-")
    databases.rds.modify_db_parameter_group(DBParameterGroupName="told", Parameters=[
        {"ParameterName": "max_connections", "ParameterValue": "30", "ApplyMethod": "pending-reboot"},
        {"ParameterName": "work_mem", "ParameterValue": "{1000+TrueIfReplica*1000}", "ApplyMethod": "immediate"},
    ])  # fmt: skip
    copy = replicate(databases, DBParameterGroupName="told", DBInstanceClass="db.t3.small")
    assert (copy["DBInstanceClass"], copy["DBParameterGroups"][0]["DBParameterGroupName"]) == ("db.t3.small", "told")
    assert databases.ask("show work_mem", name="copy") == [("2000kB",)]
    # It has as much room as its source, or could not follow: https://www.postgresql.org/docs/18/hot-standby.html#HOT-STANDBY-ADMIN
    assert databases.ask("show max_connections", name="copy") == databases.ask("show max_connections")
    databases.rds.promote_read_replica(DBInstanceIdentifier="copy")
    databases.until("available", "copy")
    assert databases.ask("show max_connections", name="copy") == [("30",)]
    assert databases.ask("show work_mem", name="copy") == [("1000kB",)]


def test_the_lag_of_a_replica_is_measured(databases):
    replicate(databases)
    databases.ask("insert into orders values (1)")
    until(databases, "select count(*) from orders", [(1,)])
    cloud = databases.cloud
    cloud.sleep_and_settle(130.0)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS", MetricName="ReplicaLag", Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "copy"}], StartTime=cloud.now() - 3_600,
        EndTime=cloud.now() + 60, Period=60, Statistics=["Maximum"],
    )["Datapoints"]  # fmt: skip
    assert found and all(each["Unit"] == "Seconds" and 0.0 <= each["Maximum"] < 600.0 for each in found)
    assert databases.shown("copy")["StatusInfos"][0]["Status"] == "replicating"


def test_engines_without_replicas_are_refused_by_name_and_told_so(databases):
    options = databases.rds.describe_orderable_db_instance_options
    assert options(Engine="postgres", DBInstanceClass="db.t3.micro")["OrderableDBInstanceOptions"][0]["ReadReplicaCapable"] is True
    assert options(Engine="aurora-postgresql", DBInstanceClass="db.r5.large")["OrderableDBInstanceOptions"][0]["ReadReplicaCapable"] is False
