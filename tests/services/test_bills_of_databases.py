"""Bills of databases: instances while they run, storage while it is there, copies beyond as much as there is storage."""

import pytest
from bill_workshop import used
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
