"""Where there is no server of MariaDB, RDS says what is missing and goes on without."""

import pytest
from database_workshop import refusal

from kumoniwa.engines.mariadb import golden


@pytest.fixture
def without(monkeypatch):
    def forget():
        golden.program.cache_clear()
        golden.version.cache_clear()

    monkeypatch.setattr(golden, "PLACES", ())
    monkeypatch.setenv("PATH", "")
    forget()
    yield
    monkeypatch.undo()
    forget()


def test_the_package_that_has_it_is_named(cloud, without):
    rds = cloud.client("rds")
    told = refusal(
        rds.create_db_instance, DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="mariadb", MasterUsername="keeper",
        MasterUserPassword="secret-99", AllocatedStorage=20,
    )  # fmt: skip
    assert told["Code"] == "NotImplemented" and "mariadb-server-core" in told["Message"]
    assert "mariadb" not in {each["Engine"] for each in rds.describe_db_engine_versions()["DBEngineVersions"]}
    assert rds.describe_db_instances()["DBInstances"] == []
