"""Databases of MariaDB for tests, and sessions in them."""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pymysql
from database_workshop import PASSWORD, WITHIN_STEPS, Databases

from kumoniwa.engines import certificates

GONE = (pymysql.MySQLError, OSError)
"""What a client is told whose server is gone, or does not let it in."""


class MariaDatabases(Databases):
    def asked(self, name="orders", **said):
        """What CreateDBInstance is asked for."""
        whole = {
            "DBInstanceIdentifier": name, "DBInstanceClass": "db.t3.micro", "Engine": "mariadb", "MasterUsername": "keeper", "DBName": "shop",
            "MasterUserPassword": PASSWORD, "AllocatedStorage": 20, "BackupRetentionPeriod": 0, **said,
        }  # fmt: skip
        return {member: value for member, value in whole.items() if value is not None}

    def create(self, name="orders", **said):
        self.rds.create_db_instance(**self.asked(name, **said))
        return self.until("available", name)

    def family(self):
        (found,) = self.rds.describe_db_engine_versions(Engine="mariadb")["DBEngineVersions"]
        return found["DBParameterGroupFamily"]

    def group(self, name, **values):
        """A parameter group that says so."""
        self.rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily=self.family(), Description="-")
        for parameter, value in values.items():
            self.say(name, parameter, value)

    def say(self, group, parameter, value, method="immediate"):
        said = [{"ParameterName": parameter, "ParameterValue": value, "ApplyMethod": method}]
        return self.rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=said)

    def authority(self):
        """The certificate of the cloud's authority."""
        seal = self.cloud.regions["us-east-1"].settings.seal
        return certificates.certificate_of(certificates.authority(seal, time.time()))

    def secret(self, name="orders"):
        arn = self.shown(name)["MasterUserSecret"]["SecretArn"]
        return json.loads(self.cloud.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])

    def until_failed(self, name):
        for _ in range(WITHIN_STEPS):
            if self.shown(name)["DBInstanceStatus"] == "failed":
                return
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} has not failed")

    def until_up(self, statement, rows, **where):
        """Until a server that may not be there yet answers so."""
        for _ in range(WITHIN_STEPS):
            with contextlib.suppress(*GONE):
                if self.ask(statement, **where) == rows:
                    return True
            self.cloud.sleep(0.01)
        raise AssertionError(f"{statement} is not answered {rows}")

    def until_recovered(self):
        self.until("available")
        for _ in range(WITHIN_STEPS):
            self.cloud.sleep(0.01)
            if any(each["Message"].startswith("Recovery of the DB instance is complete") for each in self.rds.describe_events()["Events"]):
                return
        raise AssertionError("it did not recover")

    @contextlib.contextmanager
    def session(self, name="orders", user="keeper", password=PASSWORD, database="shop", **more):
        """A session that commits each statement."""
        port = self.shown(name)["Endpoint"]["Port"]
        said = {"user": user, "password": password, "host": "127.0.0.1", "port": port, "database": database, "autocommit": True, **more}
        with ThreadPoolExecutor(1) as thread:
            session = Session(self.cloud, thread)
            session.session = session.meanwhile(lambda: pymysql.connect(**said))
            try:
                yield session
            finally:
                with contextlib.suppress(*GONE):
                    session.session.close()


class Session:
    """What it asks it waits for beside the cloud, not before it: a server stands still while it is copied, until its region has it go on."""

    def __init__(self, cloud, thread) -> None:
        self.cloud, self.thread = cloud, thread
        self.session = None

    def meanwhile(self, act):
        future = self.thread.submit(act)
        with self.cloud.real_time():
            while not future.done():
                self.cloud.sleep(0.001)
        return future.result()

    def ask(self, statement, *values):
        """The rows of a statement's answer, if it has one."""
        return self.meanwhile(lambda: self._ask(statement, values))

    def _ask(self, statement, values):
        with self.session.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []
