"""Databases of RDS in real regions: their servers die with them, and lose nothing that they said was kept."""

import os
import threading
from pathlib import Path

import pg8000.dbapi
import pytest
from botocore.exceptions import ClientError

from cloud.conftest import eventually

pytestmark = pytest.mark.database

PASSWORD = f"secret99-{os.getpid()}"
"""Another test's server, which has taken the port of one that is down, does not know it."""


def _database(up, *arguments):
    cloud = up(*arguments)
    rds = cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="keeper", MasterUserPassword=PASSWORD,
        AllocatedStorage=20, BackupRetentionPeriod=0,
    )  # fmt: skip
    assert eventually(lambda: _shown(rds)["DBInstanceStatus"] == "available", within_s=60)
    return cloud, rds


def _shown(rds):
    return rds.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"][0]


def _session(port):
    session = pg8000.dbapi.connect(user="keeper", password=PASSWORD, host="127.0.0.1", port=port, database="postgres", timeout=20)
    session.autocommit = True
    return session


def _comes_back(rds):
    """A session, as soon as there is one: at another port, if somebody took the one that was free meanwhile."""
    found = []

    def is_there():
        try:
            found.append(_session(_shown(rds)["Endpoint"]["Port"]))
        except (pg8000.dbapi.Error, OSError):
            return False
        return True

    assert eventually(is_there, within_s=60)
    return found[0]


def _servers(folder):
    """Processes in whose command a server's data folder of this cloud stands."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = place.read_bytes()
        except OSError:
            continue
        if b"postgres" in said and str(folder).encode() in said:
            found.append(place.parent.name)
    return found


@pytest.mark.parametrize("arguments", [(), ("--fsync",)])
def test_a_region_killed_under_writes_has_every_acknowledged_commit(up, tmp_path, arguments):
    cloud, rds = _database(up, "--data", str(tmp_path), *arguments)
    port = _shown(rds)["Endpoint"]["Port"]
    first = _session(port)
    first.cursor().execute("create table orders (writer int, number int)")
    kept: list[tuple[int, int]] = []
    sessions = [_session(port) for _ in range(4)]

    def write(writer):
        cursor = sessions[writer].cursor()
        for number in range(1_000_000):
            try:
                cursor.execute("insert into orders values (%s, %s)", (writer, number))
            except (pg8000.dbapi.Error, OSError):
                return
            kept.append((writer, number))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for each in writers:
        each.start()
    assert eventually(lambda: len(kept) > 200, within_s=60)
    cloud.region("us-east-1", "kill")
    for each in writers:
        each.join()
    assert eventually(lambda: not _servers(tmp_path))
    cloud.region("us-east-1", "restart")
    cursor = _comes_back(rds).cursor()
    cursor.execute("select writer, number from orders")
    found = [tuple(row) for row in cursor.fetchall()]
    assert set(kept) <= set(found) and len(found) == len(set(found)) <= len(kept) + len(writers)


def test_a_cloud_that_ends_leaves_no_server_and_an_emptied_one_no_data(up, tmp_path):
    cloud, rds = _database(up, "--data", str(tmp_path))
    assert _servers(tmp_path) and list(tmp_path.rglob("rds/instances/*"))
    assert cloud.admin("POST", "reset")[0] == 200
    assert eventually(lambda: not _servers(tmp_path))
    assert not list(tmp_path.rglob("rds/instances/*"))
    with pytest.raises(ClientError):
        _shown(rds)
    cloud.stop()
    assert not _servers(tmp_path)
