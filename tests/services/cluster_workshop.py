"""Clusters of Aurora for tests: with an instance that is available, and statements asked of the Data API."""

from __future__ import annotations

import json

from database_workshop import PASSWORD, WITHIN_STEPS, Databases

ENGINE = "aurora-postgresql"


class Clusters(Databases):
    """A client of RDS, and one of the Data API, with what tests say all the time."""

    def __init__(self, cloud, **client) -> None:
        super().__init__(cloud, **client)
        self.data = cloud.client("rds-data", **client)
        self.secret = ""

    def create_cluster(self, name="shop", *, writer="writer", class_="db.r6g.large", **said):
        """A cluster with its writer, and the secret that leads to it."""
        self.rds.create_db_cluster(**{
            "DBClusterIdentifier": name, "Engine": ENGINE, "MasterUsername": "keeper", "MasterUserPassword": PASSWORD, "DatabaseName": "shop",
            "EnableHttpEndpoint": True, **said,
        })  # fmt: skip
        if writer:
            self.rds.create_db_instance(DBInstanceIdentifier=writer, DBInstanceClass=class_, Engine=ENGINE, DBClusterIdentifier=name)
            self.until("available", writer)
        return self.until_cluster("available", name)

    def keep_secret(self, user="keeper", password=PASSWORD, name="shop"):
        made = self.cloud.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"username": user, "password": password}))
        self.secret = made["ARN"]
        return self.secret

    def shown_cluster(self, name="shop"):
        (found,) = self.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        return found

    def until_cluster(self, state, name="shop"):
        for _ in range(WITHIN_STEPS):
            found = self.shown_cluster(name)
            if found["Status"] == state:
                return found
            assert found["Status"] != "failed"
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} is still {found['Status']}")

    def until_cluster_snapshot(self, name, state="available"):
        for _ in range(WITHIN_STEPS):
            (found,) = self.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
            if found["Status"] == state:
                return found
            self.cloud.sleep(0.01)
        raise AssertionError(f"{name} is still {found['Status']}")

    @property
    def place(self):
        """Where a statement of the Data API goes."""
        return {"resourceArn": "arn:aws:rds:us-east-1:000000000000:cluster:shop", "secretArn": self.secret}

    def told(self, sql, *parameters, **more):
        """The whole answer to a statement, by the Data API."""
        said = {**self.place, "database": "shop", "sql": sql, **({"parameters": list(parameters)} if parameters else {}), **more}
        answer = self.data.execute_statement(**said)
        del answer["ResponseMetadata"]
        return answer

    def rows(self, sql, *parameters, **more):
        """Plain rows of a statement's answer."""
        return [tuple(_plain(value) for value in record) for record in self.told(sql, *parameters, **more)["records"]]


def _plain(value):
    return None if value.get("isNull") else next(iter(value.values()))


def given(name, hint=None, **value):
    return {"name": name, "value": value} | ({"typeHint": hint} if hint else {})
