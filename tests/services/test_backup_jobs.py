"""AWS Backup: what is backed up lies in its vault by itself, and can be made again."""

from __future__ import annotations

import pytest
from services.backup_workshop import (
    ACCOUNT,
    backed_up,
    bucket,
    items,
    points,
    restored,
    role,
    table,
)


@pytest.fixture
def backup(cloud):
    cloud.region()
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    return backup


def test_a_table_is_made_again_of_a_point_that_does_not_need_it(cloud, backup):
    arn = table(cloud, items=500)
    job = backed_up(cloud, arn)
    assert (job["State"], job["PercentDone"], job["MessageCategory"]) == ("COMPLETED", "100.0", "SUCCESS"), job
    assert job["RecoveryPointArn"].startswith(f"arn:aws:backup:us-east-1:{ACCOUNT}:recovery-point:")
    cloud.client("dynamodb").delete_table(TableName="orders")
    job = restored(cloud, job["RecoveryPointArn"], {"targetTableName": "again"})
    assert (job["Status"], job["CreatedResourceArn"]) == ("COMPLETED", arn.replace("orders", "again")), job
    assert len(items(cloud, "again")) == 500
    summary = cloud.client("dynamodb").describe_table(TableName="again")["Table"]["RestoreSummary"]
    assert (summary["SourceBackupArn"], summary["SourceTableArn"], summary["RestoreInProgress"]) == (points(cloud)[0]["RecoveryPointArn"], arn, False)


def test_a_bucket_comes_back_with_metadata_tags_and_large_bodies(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="a/1", Body=b"first", ContentType="text/plain", Metadata={"by": "me"}, Tagging="k=v")
    s3.put_object(Bucket="papers", Key="a/1", Body=b"second", ContentType="text/plain", Metadata={"by": "you"}, Tagging="k=w")
    large = bytes(range(256)) * 40_000
    s3.put_object(Bucket="papers", Key="b/large", Body=large)
    s3.put_object(Bucket="papers", Key="c", Body=b"gone")
    s3.delete_object(Bucket="papers", Key="c")
    job = backed_up(cloud, arn)
    assert (job["State"], job.get("StatusMessage")) == ("COMPLETED", None), job
    s3.delete_object(Bucket="papers", Key="a/1")
    job = restored(cloud, job["RecoveryPointArn"], {"DestinationBucketName": "papers"})
    assert job["Status"] == "COMPLETED", job
    got = s3.get_object(Bucket="papers", Key="a/1")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"second", "text/plain", {"by": "you"})
    assert s3.get_object_tagging(Bucket="papers", Key="a/1")["TagSet"] == [{"Key": "k", "Value": "w"}]
    assert s3.get_object(Bucket="papers", Key="b/large")["Body"].read() == large
    assert "c" not in [one["Key"] for one in s3.list_objects_v2(Bucket="papers")["Contents"]]
