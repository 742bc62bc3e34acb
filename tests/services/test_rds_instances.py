"""Instances of RDS that are PostgreSQL servers: what comes to be, what is told, what is left."""

import fcntl
import json
import os
import socket
import threading
from pathlib import Path

import pytest
from database_workshop import GONE, PASSWORD, Databases, code_of, refusal

pytestmark = pytest.mark.database


@pytest.fixture
def databases(cloud):
    return Databases(cloud)


def test_an_instance_is_a_server_that_its_master_user_works_in(databases):
    shown = databases.create(DBName="shop")
    assert shown["Endpoint"]["Address"].endswith(".us-east-1.rds.localhost")
    with databases.session(database="shop") as session:
        session.ask("create table orders (id int primary key, what text)")
        session.ask("insert into orders values (1, %s)", "größe")
        assert session.ask("select what, current_user from orders") == [("größe", "keeper")]
        assert session.ask("show server_version")[0][0] == shown["EngineVersion"]


def test_it_is_creating_before_it_is_available_and_has_no_endpoint_then(databases):
    made = databases.rds.create_db_instance(
        DBInstanceIdentifier="Orders",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        MasterUsername="keeper",
        MasterUserPassword=PASSWORD,
        AllocatedStorage=20,
    )["DBInstance"]
    assert (made["DBInstanceStatus"], made["DBInstanceIdentifier"], "Endpoint" in made) == ("creating", "orders", False)
    databases.until("available")


def test_the_master_user_is_none_of_the_servers_owners(databases):
    databases.create()
    with databases.session() as session:
        assert session.ask("select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user") == [(False, True, True)]
        assert session.ask("select pg_has_role('rds_superuser', 'member')") == [(True,)]
        session.ask("create role reader login password 'other-secret'")
        session.ask("create database other owner keeper")
    assert databases.ask("select current_user", user="reader", password="other-secret", database="other") == [("reader",)]


def test_nobody_comes_in_with_another_password_or_as_the_servers_owner(databases):
    databases.create()
    for user, password, code in (("keeper", "wrong-secret", "28P01"), ("nobody", PASSWORD, "28P01"), ("rdsadmin", PASSWORD, "28000")):
        with pytest.raises(Exception) as refused, databases.session(user=user, password=password):
            pass
        assert refused.value.args[0]["C"] == code


def test_who_speaks_plain_is_refused_unless_the_group_says_otherwise(databases):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html: the default since version 15
    family = databases.rds.describe_db_engine_versions()["DBEngineVersions"][0]["DBParameterGroupFamily"]
    databases.rds.create_db_parameter_group(DBParameterGroupName="plain", DBParameterGroupFamily=family, Description="-")
    databases.rds.modify_db_parameter_group(
        DBParameterGroupName="plain", Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}]
    )
    databases.create()
    with pytest.raises(Exception) as refused, databases.session(ssl_context=False):
        pass
    assert refused.value.args[0]["M"] == 'no pg_hba.conf entry for host "127.0.0.1", user "keeper", database "postgres", no encryption'
    databases.create("open", DBParameterGroupName="plain")
    assert databases.ask("select 1", name="open", ssl_context=False) == [(1,)]


def test_names_keep_their_large_letters(databases):
    databases.create(MasterUsername="ShopKeeper", DBName="myShop")
    assert databases.ask("select current_user, current_database()", user="ShopKeeper", database="myShop") == [("ShopKeeper", "myShop")]


def test_each_instance_has_data_and_a_place_of_its_own(databases):
    first, second = databases.create("first"), databases.create("second")
    # Nor is the usual port anybody's: every cloud of this machine would want it, as soon as it is free for a moment.
    assert len({5_432, first["Endpoint"]["Port"], second["Endpoint"]["Port"]}) == 3
    databases.ask("create table mine (id int)", name="first")
    assert databases.ask("select to_regclass('mine')", name="second") == [(None,)]


def test_the_port_that_was_asked_for_is_told_beside_the_one_that_is(databases):
    # Which ports of this machine are free nobody knows; what is told is where it answers.
    shown = databases.create(Port=6_123)
    assert databases.ask("select 1") == [(1,)]
    assert shown["DbInstancePort"] == 0


def test_a_port_that_clients_know_is_waited_for(databases):
    with socket.create_server(("127.0.0.1", 0)) as other:
        told = databases.create(Port=other.getsockname()[1])["Endpoint"]["Port"]
    lowest_by_chance = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert told < lowest_by_chance  # so that nobody gets it unasked while the region is dead
    databases.cloud.kill("us-east-1")
    thief = socket.create_server(("127.0.0.1", told))
    threading.Timer(0.5, thief.close).start()
    region = databases.cloud.region()
    for _ in range(2_000):
        databases.cloud.sleep(0.01)
        if any(server.is_ready for server in region.engines["databases"].by_id.values()):
            break
    assert databases.ask("select 1") == [(1,)] and databases.shown()["Endpoint"]["Port"] == told


def test_what_was_committed_is_there_after_the_region_was_killed(databases):
    cloud = databases.cloud
    databases.create()
    databases.ask("create table orders (id int primary key)")
    with databases.session() as session:
        for number in range(200):
            session.ask("insert into orders values (%s)", number)
        session.ask("begin")
        session.ask("insert into orders values (1000)")
        cloud.restart(kill=True)
        with pytest.raises(GONE):
            session.ask("commit")
    databases.until("available")
    for _ in range(1_000):
        cloud.sleep(0.01)
        if any(each["Message"].startswith("Recovery of the DB instance is complete") for each in databases.rds.describe_events()["Events"]):
            break
    assert databases.ask("select count(*), max(id) from orders") == [(200, 199)]


def _processes(cloud):
    """Those of servers whose data lies in this cloud's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                place = os.readlink(entry / "cwd")
            except OSError:
                continue
            if place.startswith(str(cloud.folder)):
                found.append(entry.name)
    return found


def test_its_server_ends_with_its_region(databases):
    shown = databases.create()
    assert _processes(databases.cloud)
    databases.cloud.kill("us-east-1")
    place = Path(databases.cloud.folder) / "us-east-1" / "000000000000.blobs" / "rds" / "instances" / shown["DbiResourceId"]
    with open(place / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # which each of its processes holds
        assert not _processes(databases.cloud)
    databases.cloud.region()


def test_a_server_that_dies_comes_back_by_itself(databases):
    databases.create()
    databases.ask("create table orders (id int)")
    region = databases.cloud.regions["us-east-1"]
    (server,) = region.engines["databases"].by_id.values()
    first = server.pid
    assert "/dev/shm/" not in Path(f"/proc/{first}/maps").read_text()  # where a dead server's memory would stay
    os.kill(first, 9)
    with databases.cloud.real_time():  # until its end is noticed nothing holds the clock
        for _ in range(1_000):
            databases.cloud.sleep(0.01)
            if server.is_ready and server.pid != first and databases.shown()["Endpoint"]["Port"] == server.port:
                break
    assert databases.ask("select to_regclass('orders')") == [("orders",)]
    told = [each["Message"] for each in databases.rds.describe_events(SourceType="db-instance")["Events"]]
    assert told[1].startswith("Recovery of the DB instance has started") and told[2] == "Recovery of the DB instance is complete."


def test_what_is_asked_while_a_password_is_set_is_done(databases):
    databases.create()
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", MasterUserPassword="another-1")
    assert databases.shown()["DBInstanceStatus"] == "resetting-master-credentials"
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()


def test_deletion_removes_the_server_and_its_data(databases):
    shown = databases.create()
    data = Path(databases.cloud.folder) / "us-east-1" / "000000000000.blobs" / "rds" / "instances"
    assert os.listdir(data) == [shown["DbiResourceId"]]
    deleted = databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)["DBInstance"]
    assert deleted["DBInstanceStatus"] == "deleting"
    databases.until_gone()
    assert os.listdir(data) == [] and not _processes(databases.cloud)
    assert refusal(databases.rds.describe_db_instances, DBInstanceIdentifier="orders") == {
        "Type": "Sender", "Code": "DBInstanceNotFound", "Message": "DBInstance orders not found.",
    }  # fmt: skip


def test_a_final_snapshot_holds_all_that_was_there(databases):
    databases.create()
    databases.ask("create table orders as select 7 as id")
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", FinalDBSnapshotIdentifier="last")
    databases.until_gone()
    databases.until_snapshot("last")
    databases.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="last")
    databases.until("available", "again")
    assert databases.ask("select id from orders", name="again") == [(7,)]


def test_a_deletion_says_what_becomes_of_the_data(databases):
    databases.create()
    for said, code in (
        ({}, "InvalidParameterCombination"), ({"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "last"}, "InvalidParameterCombination"),
        ({"FinalDBSnapshotIdentifier": "-last"}, "InvalidParameterValue"),
    ):  # fmt: skip
        assert code_of(databases.rds.delete_db_instance, DBInstanceIdentifier="orders", **said) == code


def test_a_protected_instance_is_not_deleted(databases):
    databases.create(DeletionProtection=True)
    told = refusal(databases.rds.delete_db_instance, DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    assert told["Message"] == "Cannot delete protected DB Instance, please disable deletion protection and try again."
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", DeletionProtection=False)
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()


def test_one_that_is_stopped_lets_nobody_in_and_goes_on_with_its_data(databases):
    databases.create()
    databases.ask("create table orders (id int)")
    assert databases.rds.stop_db_instance(DBInstanceIdentifier="orders")["DBInstance"]["DBInstanceStatus"] == "stopping"
    databases.until("stopped")
    with pytest.raises(GONE), databases.session():
        pass
    assert code_of(databases.rds.stop_db_instance, DBInstanceIdentifier="orders") == "InvalidDBInstanceState"
    assert code_of(databases.rds.reboot_db_instance, DBInstanceIdentifier="orders") == "InvalidDBInstanceState"
    databases.cloud.restart()
    assert databases.shown()["DBInstanceStatus"] == "stopped"
    databases.rds.start_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    assert databases.ask("select to_regclass('orders')") == [("orders",)]


def test_one_that_is_stopped_starts_after_seven_days(databases):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
    databases.create()
    databases.rds.stop_db_instance(DBInstanceIdentifier="orders")
    databases.until("stopped")
    databases.cloud.sleep_dark(6.99 * 86_400)
    assert databases.shown()["DBInstanceStatus"] == "stopped"
    databases.cloud.sleep(0.02 * 86_400)
    databases.until("available")


def test_a_reboot_ends_sessions(databases):
    databases.create()
    with databases.session() as session:
        databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
        databases.until("available")
        with pytest.raises(GONE):
            session.ask("select 1")
    assert databases.ask("select 1") == [(1,)]


def test_changes_wait_for_the_maintenance_window_unless_they_are_to_be_now(databases):
    databases.create(PreferredMaintenanceWindow="tue:00:30-tue:01:00", PreferredBackupWindow="02:00-02:30")
    changed = databases.rds.modify_db_instance(DBInstanceIdentifier="orders", DBInstanceClass="db.t3.small")["DBInstance"]
    assert (changed["DBInstanceClass"], changed["PendingModifiedValues"]) == ("db.t3.micro", {"DBInstanceClass": "db.t3.small"})
    before = databases.ask("show max_connections")
    databases.cloud.sleep(40 * 60)  # the cloud begins on a Tuesday at midnight
    databases.until("available")
    assert databases.shown()["DBInstanceClass"] == "db.t3.small" and databases.ask("show max_connections") != before
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", AllocatedStorage=40, ApplyImmediately=True)
    assert databases.until("available")["AllocatedStorage"] == 40


def test_a_new_password_is_the_only_one_from_then_on(databases):
    databases.create()
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", MasterUserPassword="another-secret")
    databases.until("available")
    assert databases.ask("select 1", password="another-secret") == [(1,)]
    with pytest.raises(GONE), databases.session():
        pass


def test_a_renamed_instance_is_found_under_its_new_name_alone(databases):
    was = databases.create()
    databases.ask("create table orders (id int)")
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", NewDBInstanceIdentifier="Sales", ApplyImmediately=True)
    databases.until_gone()
    shown = databases.until("available", "sales")
    assert shown["DbiResourceId"] == was["DbiResourceId"] and shown["Endpoint"]["Address"].startswith("sales.")
    assert databases.ask("select to_regclass('orders')", name="sales") == [("orders",)]


def test_the_secret_that_rds_keeps_opens_the_database(databases):
    secrets = databases.cloud.client("secretsmanager")
    databases.rds.create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="keeper", ManageMasterUserPassword=True,
        AllocatedStorage=20,
        BackupRetentionPeriod=0,
    )  # fmt: skip
    shown = databases.until("available")
    arn = shown["MasterUserSecret"]["SecretArn"]
    assert secrets.describe_secret(SecretId=arn)["OwningService"] == "rds"

    def held():
        return json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])

    first = held()
    assert databases.ask("select current_user", user=first["username"], password=first["password"]) == [("keeper",)]
    assert code_of(databases.rds.modify_db_instance, DBInstanceIdentifier="orders", MasterUserPassword=PASSWORD) == "InvalidParameterCombination"
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", RotateMasterUserPassword=True, ApplyImmediately=True)
    databases.until("available")
    assert held() != first and databases.ask("select 1", password=held()["password"]) == [(1,)]
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    databases.cloud.sleep(1)
    assert code_of(secrets.describe_secret, SecretId=arn) == "ResourceNotFoundException"


def test_what_happens_is_told_and_goes_to_the_bus(databases):
    cloud = databases.cloud
    events, sqs = cloud.client("events"), cloud.client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    events.put_rule(Name="databases", EventPattern='{"source": ["aws.rds"]}')
    events.put_targets(Rule="databases", Targets=[{"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:told"}])
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
    databases.create()
    told = databases.rds.describe_events(SourceIdentifier="orders", SourceType="db-instance")["Events"]
    assert [(each["Message"], each["EventCategories"]) for each in told] == [("DB instance created", ["creation"])]
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert (body["detail-type"], body["source"], body["detail"]["EventID"], body["detail"]["SourceIdentifier"]) == (
        "RDS DB Instance Event", "aws.rds", "RDS-EVENT-0005", "orders",
    )  # fmt: skip
    assert body["resources"] == ["arn:aws:rds:us-east-1:000000000000:db:orders"]


def test_cloudwatch_is_told_what_a_server_really_does(databases):
    databases.create()
    with databases.session():
        databases.cloud.sleep(200)
    watch, now = databases.cloud.client("cloudwatch"), databases.cloud.now()
    dimensions = [{"Name": "DBInstanceIdentifier", "Value": "orders"}]

    def most(name):
        points = watch.get_metric_statistics(
            Namespace="AWS/RDS", MetricName=name, Dimensions=dimensions, StartTime=now - 600, EndTime=now, Period=60, Statistics=["Maximum"]
        )["Datapoints"]
        return max(point["Maximum"] for point in points)

    assert most("DatabaseConnections") == 1
    assert 19 << 30 < most("FreeStorageSpace") < 20 << 30


def test_at_aws_pace_a_database_takes_minutes(make_cloud):
    cloud = make_cloud(pace="real")
    databases = Databases(cloud)
    databases.rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        MasterUsername="keeper",
        MasterUserPassword=PASSWORD,
        AllocatedStorage=20,
    )
    cloud.sleep(200)
    assert databases.shown()["DBInstanceStatus"] == "creating"
    cloud.sleep(100)
    databases.until("available")
