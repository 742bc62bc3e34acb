"""Bills of databases: instances while they run, storage while it is there, copies beyond as much as there is storage."""

import pytest
from bill_workshop import used
from cluster_workshop import Clusters
from database_workshop import Databases

pytestmark = pytest.mark.database


def _stood(cloud, usage, resource="orders", hours=1.0):
    """How much of it stands in an hour, as a level."""
    before = used(cloud).get((usage, resource), 0.0)
    cloud.sleep_dark(hours * 3_600)
    return (used(cloud).get((usage, resource), 0.0) - before) / hours


def test_an_instance_is_billed_while_it_runs_and_its_storage_while_it_is_there(cloud):
    databases = Databases(cloud)
    databases.create(StorageType="gp3")
    assert _stood(cloud, "rds:db.t3.micro") == pytest.approx(1, rel=0.01)
    assert _stood(cloud, "rds:gp3_storage") == pytest.approx(20, rel=0.01)
    databases.rds.stop_db_instance(DBInstanceIdentifier="orders")
    databases.until("stopped")
    assert _stood(cloud, "rds:db.t3.micro") == 0
    assert _stood(cloud, "rds:gp3_storage") == pytest.approx(20, rel=0.01)
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", FinalDBSnapshotIdentifier="last")
    databases.until_gone()
    cloud.sleep(1)
    assert _stood(cloud, "rds:gp3_storage") == 0
    assert _stood(cloud, "rds:backup_storage", "snapshots") == pytest.approx(20, rel=0.01)


def test_every_class_has_a_price():
    from kumoniwa.aws import prices
    from kumoniwa.services.rds import classes

    assert not [name for name in classes.all_classes() if (f"rds:{name}", "us-east-1") not in prices._table()]


def test_a_cluster_is_billed_for_what_it_holds_and_its_instance_for_what_it_can(cloud):
    clusters = Clusters(cloud)
    clusters.create_cluster()
    assert _stood(cloud, "rds:aurora_db.r6g.large", "writer") == pytest.approx(1, rel=0.01)
    # It is looked at each minute.
    cloud.sleep_and_settle(61)
    assert 0.01 < _stood(cloud, "rds:aurora_storage", "shop") < 1
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", ServerlessV2ScalingConfiguration={"MinCapacity": 1.5, "MaxCapacity": 8})
    clusters.rds.modify_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.serverless", ApplyImmediately=True)
    clusters.until("available", "writer")
    cloud.sleep(1)
    assert _stood(cloud, "rds:aurora_capacity_units", "writer") == pytest.approx(1.5, rel=0.01)
    assert _stood(cloud, "rds:aurora_db.r6g.large", "writer") == 0
    clusters.rds.delete_db_instance(DBInstanceIdentifier="writer")
    clusters.until_gone("writer")
    cloud.sleep(1)
    assert _stood(cloud, "rds:aurora_capacity_units", "writer") == 0
    clusters.rds.delete_db_cluster(DBClusterIdentifier="shop", FinalDBSnapshotIdentifier="last")
    clusters.until_cluster_snapshot("last")
    cloud.sleep(1)
    assert _stood(cloud, "rds:aurora_backup_storage", "snapshots") == pytest.approx(1, rel=0.01)
    assert _stood(cloud, "rds:backup_storage", "snapshots") == 0


def test_the_data_api_is_billed_by_requests_of_thirty_two_kibibytes(cloud):
    clusters = Clusters(cloud)
    clusters.create_cluster()
    clusters.keep_secret()
    arn = clusters.shown_cluster()["DBClusterArn"]
    clusters.rows("select 1")
    assert used(cloud)["rds-data:requests", arn] == 1
    clusters.rows("select repeat('x', 40000)")
    assert used(cloud)["rds-data:requests", arn] == 3
