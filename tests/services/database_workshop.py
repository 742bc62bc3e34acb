"""Databases for tests: instances of RDS that are there when asked for, and sessions in them."""

from __future__ import annotations

import contextlib
import os

import pg8000.dbapi
import pytest
from botocore.exceptions import ClientError

PASSWORD = f"secret99-{os.getpid()}"
"""Another test's server, which has taken the port of one that is down, does not know it."""
WITHIN_STEPS = 3_000
GONE = (pg8000.dbapi.Error, OSError)
"""What a client is told whose server is gone, or does not let it in."""


def code_of(call, **params) -> str:
    """The error code that a call is answered."""
    return refusal(call, **params)["Code"]


def refusal(call, **params) -> dict:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]


class Databases:
    """A client of RDS, with what tests say all the time."""

    def __init__(self, cloud, **client) -> None:
        self.cloud, self.rds = cloud, cloud.client("rds", **client)

    def create(self, name="orders", **said):
        """An instance that is available."""
        self.rds.create_db_instance(**{
            "DBInstanceIdentifier": name, "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUsername": "keeper",
            "MasterUserPassword": PASSWORD,
            "AllocatedStorage": 20, "BackupRetentionPeriod": 0, **said,
        })  # fmt: skip
        return self.until("available", name)

    def shown(self, name="orders"):
        (found,) = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return found

    def until(self, state, name="orders"):
        for _ in range(WITHIN_STEPS):
            found = self.shown(name)
            if found["DBInstanceStatus"] == state:
                return found
            assert found["DBInstanceStatus"] != "failed"
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} is still {found['DBInstanceStatus']}")

    def until_recovered(self):
        """After a kill, whatever the instance's state says meanwhile."""
        for _ in range(WITHIN_STEPS):
            if any(each["Message"].startswith("Recovery of the DB instance is complete") for each in self.rds.describe_events()["Events"]):
                return
            self.cloud.sleep(0.01)
        raise AssertionError("the instance still recovers")

    def until_gone(self, name="orders"):
        for _ in range(WITHIN_STEPS):
            if not [each for each in self.rds.describe_db_instances()["DBInstances"] if each["DBInstanceIdentifier"] == name]:
                return
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} is still there")

    def until_snapshot(self, name, state="available"):
        for _ in range(WITHIN_STEPS):
            (found,) = self.rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
            if found["Status"] == state:
                return found
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} is still {found['Status']}")

    @contextlib.contextmanager
    def session(self, name="orders", user="keeper", password=PASSWORD, database="postgres", **more):
        """A session that commits each statement."""
        port = self.shown(name)["Endpoint"]["Port"]
        session = pg8000.dbapi.connect(user=user, password=password, host="127.0.0.1", port=port, database=database, **more)
        session.autocommit = True
        try:
            yield Session(session)
        finally:
            with contextlib.suppress(*GONE):
                session.close()

    def ask(self, statement, *values, **where):
        with self.session(**where) as session:
            return session.ask(statement, *values)


    def ask_when_up(self, statement, *values, **where):
        """The same of a server that may still be on its way, however long that takes."""
        for _ in range(WITHIN_STEPS):
            try:
                return self.ask(statement, *values, **where)
            except GONE:
                with self.cloud.real_time():
                    self.cloud.sleep(0.02)
        raise AssertionError("nobody answers")


class Session:
    def __init__(self, session) -> None:
        self.session = session

    def ask(self, statement, *values):
        """The rows of a statement's answer, if it has one."""
        cursor = self.session.cursor()
        cursor.execute(statement, values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
