"""Snapshots in another region: the data itself has gone there."""

from __future__ import annotations

import asyncio
import json

import pytest
from database_workshop import Databases, code_of

pytestmark = pytest.mark.database
ACCOUNT = "000000000000"


@pytest.fixture
def here(cloud):
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    databases = Databases(cloud)
    databases.create()
    databases.ask("create table orders as select generate_series(1, 30000) as id, repeat('x', 100) as note")
    databases.rds.create_db_snapshot(DBSnapshotIdentifier="before", DBInstanceIdentifier="orders", Tags=[{"Key": "team", "Value": "blue"}])
    databases.until_snapshot("before")
    databases.until("available")
    return databases


def _there(cloud):
    return Databases(cloud, region="eu-west-1")


def _arn(name="before"):
    return f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:{name}"


def test_a_copy_is_restored_in_another_region_while_that_of_its_source_is_dark(cloud, here):
    there = _there(cloud)
    told = there.rds.copy_db_snapshot(
        SourceDBSnapshotIdentifier=_arn(), TargetDBSnapshotIdentifier="copied", CopyTags=True, SourceRegion="us-east-1"
    )["DBSnapshot"]
    assert (told["Status"], told["DBSnapshotArn"]) == ("creating", f"arn:aws:rds:eu-west-1:{ACCOUNT}:snapshot:copied")
    copied = there.until_snapshot("copied")
    assert (copied["SourceDBSnapshotIdentifier"], copied["TagList"]) == (_arn(), [{"Key": "team", "Value": "blue"}])
    cloud.kill("us-east-1")
    there.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="copied")
    there.until("available", "again")
    assert there.ask("select count(*), min(length(note)) from orders", name="again") == [(30_000, 100)]


def test_a_copy_that_a_kill_or_a_cut_line_interrupts_is_whole_in_the_end(cloud, here):
    there = _there(cloud)
    cut = cloud.fault("link.cut", {"from": "us-east-1", "to": "eu-west-1"})
    assert code_of(there.rds.copy_db_snapshot, SourceDBSnapshotIdentifier=_arn(), TargetDBSnapshotIdentifier="copied") == "ServiceUnavailable"
    cloud.heal(cut)
    there.rds.copy_db_snapshot(SourceDBSnapshotIdentifier=_arn(), TargetDBSnapshotIdentifier="copied")
    for _ in range(20):
        cloud.run(asyncio.sleep(0))
    assert there.until_snapshot("copied", "creating")
    cloud.restart("eu-west-1", kill=True)
    assert there.until_snapshot("copied")["Status"] == "available"
    there.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier="copied")
    there.until("available", "again")
    assert there.ask("select count(*) from orders", name="again") == [(30_000,)]


def test_a_copy_needs_its_source_and_the_right_to_copy_there(cloud, here):
    there = _there(cloud)
    said = {"TargetDBSnapshotIdentifier": "copied"}
    assert code_of(there.rds.copy_db_snapshot, SourceDBSnapshotIdentifier=_arn("nothing"), **said) == "DBSnapshotNotFound"
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "rds:*", "Resource": f"arn:aws:rds:eu-west-1:{ACCOUNT}:*"}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    user = cloud.client("rds", "eu-west-1", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert code_of(user.copy_db_snapshot, SourceDBSnapshotIdentifier=_arn(), **said) == "AccessDenied"


def test_nobody_but_aws_backup_makes_what_is_called_as_its_own(cloud, here):
    assert code_of(here.rds.create_db_snapshot, DBSnapshotIdentifier="awsbackup:job-1", DBInstanceIdentifier="orders") == "InvalidParameterValue"
    assert code_of(here.rds.copy_db_snapshot, SourceDBSnapshotIdentifier="before", TargetDBSnapshotIdentifier="awsbackup:1") == "InvalidParameterValue"
