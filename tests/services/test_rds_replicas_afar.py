"""Read replicas in other regions: what is written comes to them over the link, late, or not at all."""

from __future__ import annotations

import json

import pytest
from database_workshop import Databases, code_of
from test_rds_replicas import events, until

pytestmark = pytest.mark.database
ACCOUNT = "000000000000"
SOURCE = f"arn:aws:rds:us-east-1:{ACCOUNT}:db:orders"
COPY = f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:copy"


@pytest.fixture
def here(cloud):
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    databases = Databases(cloud)
    databases.create(BackupRetentionPeriod=1)
    databases.ask("create table orders (id int primary key)")
    databases.until("available")
    return databases


@pytest.fixture
def there(cloud, here):
    found = Databases(cloud, region="eu-west-1")
    found.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier=SOURCE, SourceRegion="us-east-1")
    found.until("available", "copy")
    return found


def test_a_replica_in_another_region_follows_and_knows_its_source_by_its_arn(here, there):
    copy = there.shown("copy")
    assert copy["ReadReplicaSourceDBInstanceIdentifier"] == SOURCE and copy["StatusInfos"][0]["Status"] == "replicating"
    assert here.shown()["ReadReplicaDBInstanceIdentifiers"] == [COPY]
    here.ask("insert into orders select generate_series(1, 50000)")
    until(there, "select count(*) from orders", [(50_000,)])
    assert there.ask("select pg_is_in_recovery()", name="copy") == [(True,)]


def test_what_is_written_comes_as_late_as_the_link_is_slow(cloud, here, there):
    slow = cloud.fault("link.delay", {"from": "us-east-1", "to": "eu-west-1"}, rtt_add=2_000)
    here.ask("insert into orders values (1)")
    began = cloud.now()
    until(there, "select count(*) from orders", [(1,)])
    assert cloud.now() - began > 0.9
    cloud.heal(slow)


def test_nothing_comes_while_the_link_is_cut_and_all_of_it_afterwards(cloud, here, there):
    here.ask("insert into orders values (1)")
    until(there, "select count(*) from orders", [(1,)])
    cut = cloud.fault("link.cut", {"from": "us-east-1", "to": "eu-west-1"})
    here.ask("insert into orders values (2)")
    with cloud.real_time():
        cloud.sleep(1.0)
    assert there.ask("select max(id) from orders", name="copy") == [(1,)]
    (lag_s,) = there.ask("select extract(epoch from now() - pg_last_xact_replay_timestamp())", name="copy")[0]
    assert lag_s > 1.0
    cloud.heal(cut)
    here.ask("insert into orders values (3)")
    until(there, "select max(id) from orders", [(3,)])


def test_a_replica_whose_sources_region_is_dead_is_read_and_promoted(cloud, here, there):
    here.ask("insert into orders values (1)")
    until(there, "select count(*) from orders", [(1,)])
    cloud.kill("us-east-1")
    assert there.ask("select id from orders", name="copy") == [(1,)]
    there.rds.promote_read_replica(DBInstanceIdentifier="copy")
    assert "ReadReplicaSourceDBInstanceIdentifier" not in there.until("available", "copy")
    there.ask("insert into orders values (2)", name="copy")
    # Its source learns of it when it is there again, and keeps nothing for it.
    cloud.region("us-east-1")
    here.until_recovered()
    for _ in range(6_000):
        if not here.shown()["ReadReplicaDBInstanceIdentifiers"]:
            break
        cloud.sleep(1.0)
    assert here.shown()["ReadReplicaDBInstanceIdentifiers"] == []
    here.ask_when_up("insert into orders values (3)")
    until(here, "select count(*) from pg_replication_slots", [(0,)], "orders")
    assert there.ask("select id from orders order by id", name="copy") == [(1,), (2,)]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_replica_follows_again_after_either_region_was_killed(cloud, here, there, region):
    cloud.restart(region, kill=True)
    here.ask_when_up("insert into orders values (1)")
    there.ask_when_up("select 1", name="copy")
    until(there, "select count(*) from orders", [(1,)])


def test_a_replica_of_what_is_deleted_is_terminated_and_can_be_promoted(cloud, here, there):
    here.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    here.until_gone()
    with cloud.real_time():
        for _ in range(6_000):
            (status,) = there.shown("copy")["StatusInfos"]
            if status["Status"] == "terminated":
                break
            cloud.sleep(0.01)
    assert status == {"StatusType": "read replication", "Normal": False, "Status": "terminated"}
    assert events(there, "copy")[-1] == "Replication streaming has been terminated."
    there.rds.promote_read_replica(DBInstanceIdentifier="copy")
    there.until("available", "copy")
    there.ask("insert into orders values (2)", name="copy")


def test_a_replica_is_made_in_the_end_though_its_link_was_cut(cloud, here):
    there = Databases(cloud, region="eu-west-1")
    create = there.rds.create_db_instance_read_replica
    said = {"DBInstanceIdentifier": "copy", "SourceDBInstanceIdentifier": SOURCE}
    cut = cloud.fault("link.cut", {"from": "us-east-1", "to": "eu-west-1"})
    assert code_of(create, **said) == "ServiceUnavailable"
    cloud.heal(cut)
    create(**said)
    cut = cloud.fault("link.cut", {"from": "us-east-1", "to": "eu-west-1"})
    cloud.sleep(200.0)
    assert there.shown("copy")["DBInstanceStatus"] == "creating"
    cloud.heal(cut)
    for _ in range(600):
        if there.shown("copy")["DBInstanceStatus"] == "available":
            break
        cloud.sleep(1.0)
    here.ask("insert into orders values (1)")
    until(there, "select count(*) from orders", [(1,)])


def test_a_copy_in_whose_midst_the_sources_region_is_killed_is_made_again(cloud, here):
    there = Databases(cloud, region="eu-west-1")
    there.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier=SOURCE)
    while "databases" not in cloud.region("eu-west-1").engines or not cloud.region("eu-west-1").engines["databases"].streams:
        cloud.sleep(0.001)
    cloud.restart("us-east-1", kill=True)
    for _ in range(600):
        if there.shown("copy")["DBInstanceStatus"] == "available":
            break
        cloud.sleep(1.0)
    here.ask_when_up("insert into orders values (1)")
    until(there, "select count(*) from orders", [(1,)])


def test_a_replica_needs_its_source_and_the_right_to_replicate_it(cloud, here):
    there = Databases(cloud, region="eu-west-1")
    nothing = SOURCE.replace("orders", "nothing")
    assert code_of(there.rds.create_db_instance_read_replica, DBInstanceIdentifier="copy", SourceDBInstanceIdentifier=nothing) == "DBInstanceNotFound"
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "rds:*", "Resource": f"arn:aws:rds:eu-west-1:{ACCOUNT}:*"}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    user = cloud.client("rds", "eu-west-1", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert code_of(user.create_db_instance_read_replica, DBInstanceIdentifier="copy", SourceDBInstanceIdentifier=SOURCE) == "AccessDenied"
    assert code_of(here.rds.modify_db_instance, DBInstanceIdentifier="nothing", NewDBInstanceIdentifier="x") == "DBInstanceNotFound"
