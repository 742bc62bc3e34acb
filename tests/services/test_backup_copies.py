"""Copies of recovery points in other vaults and regions, and what is made of them there."""

from __future__ import annotations

import asyncio
import json

import pytest
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, bucket, copied, ended, items, points, restored, role, table

THERE = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:far"


@pytest.fixture
def backup(cloud):
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    cloud.client("backup", "eu-west-1").create_backup_vault(BackupVaultName="far")
    return backup


def test_a_table_is_made_in_another_region_while_its_own_is_dark(cloud, backup):
    job = backed_up(cloud, table(cloud, items=1_000))
    copy = copied(cloud, job["RecoveryPointArn"], THERE, Lifecycle={"DeleteAfterDays": 9})
    assert copy["State"] == "COMPLETED", copy
    assert copy["DestinationRecoveryPointArn"].startswith(f"arn:aws:backup:eu-west-1:{ACCOUNT}:recovery-point:")
    cloud.kill("us-east-1")
    (point,) = points(cloud, "far", "eu-west-1")
    assert (point["RecoveryPointArn"], point["SourceBackupVaultArn"]) == (copy["DestinationRecoveryPointArn"], f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:vault")
    assert (point["CalculatedLifecycle"]["DeleteAt"] - point["CreationDate"]).days == 9
    again = restored(cloud, point["RecoveryPointArn"], {"targetTableName": "orders"}, "eu-west-1")
    assert again["CreatedResourceArn"] == f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders", again
    assert len(items(cloud, "orders", "eu-west-1")) == 1_000


def test_a_bucket_is_made_in_another_region(cloud, backup):
    s3 = cloud.client("s3")
    arn = bucket(cloud)
    large = bytes(range(256)) * 30_000
    s3.put_object(Bucket="papers", Key="large", Body=large, ContentType="image/x")
    copy = copied(cloud, backed_up(cloud, arn)["RecoveryPointArn"], THERE)
    assert copy["State"] == "COMPLETED", copy
    cloud.kill("us-east-1")
    bucket(cloud, "spare", "eu-west-1")
    again = restored(cloud, copy["DestinationRecoveryPointArn"], {"DestinationBucketName": "spare"}, "eu-west-1")
    assert again["Status"] == "COMPLETED", again
    got = cloud.client("s3", "eu-west-1").get_object(Bucket="spare", Key="large")
    assert (got["Body"].read(), got["ContentType"]) == (large, "image/x")


def begun(cloud, backup, point: str) -> str:
    """A copy that is under way: its first piece lies in the other region, and the next is on a long way."""
    cloud.fault("link.delay", {"from": "us-east-1", "to": "eu-west-1"}, rtt_add=2_000)
    job = backup.start_copy_job(RecoveryPointArn=point, SourceBackupVaultName="vault", DestinationBackupVaultArn=THERE, IamRoleArn=ROLE)["CopyJobId"]
    while not points(cloud, "far", "eu-west-1"):
        cloud.run(asyncio.sleep(0.05))
    (point,) = points(cloud, "far", "eu-west-1")
    assert point["Status"] == "CREATING"
    return job


def big(cloud, backup) -> str:
    """A point of several pieces."""
    cloud.client("s3").put_object(Bucket="papers", Key="k", Body=bytes(range(256)) * 30_000)
    return backed_up(cloud, "arn:aws:s3:::papers")["RecoveryPointArn"]


@pytest.mark.parametrize("killed", ["us-east-1", "eu-west-1"])
def test_a_copy_whose_region_is_killed_begins_again(cloud, backup, killed):
    bucket(cloud)
    job = begun(cloud, backup, big(cloud, backup))
    cloud.restart(killed, kill=True)
    copy = ended(cloud, lambda: backup.describe_copy_job(CopyJobId=job)["CopyJob"], "State")
    assert copy["State"] == "COMPLETED", copy
    (point,) = points(cloud, "far", "eu-west-1")
    assert (point["Status"], point["BackupSizeInBytes"]) == ("COMPLETED", copy["BackupSizeInBytes"])
    bucket(cloud, "spare", "eu-west-1")
    restored(cloud, point["RecoveryPointArn"], {"DestinationBucketName": "spare"}, "eu-west-1")
    assert cloud.client("s3", "eu-west-1").head_object(Bucket="spare", Key="k")["ContentLength"] == 7_680_000


def test_a_copy_to_a_region_that_stays_dark_fails_and_what_came_of_it_is_forgotten(cloud, backup):
    bucket(cloud)
    job = begun(cloud, backup, big(cloud, backup))
    cloud.kill("eu-west-1")
    copy = ended(cloud, lambda: backup.describe_copy_job(CopyJobId=job)["CopyJob"], "State")
    assert copy["State"] == "FAILED" and "eu-west-1" in copy["StatusMessage"], copy
    cloud.region("eu-west-1")
    assert [point["Status"] for point in points(cloud, "far", "eu-west-1")] == ["CREATING"]
    Calendar(cloud, "eu-west-1").move(1.01)
    assert points(cloud, "far", "eu-west-1") == []


def test_who_may_not_copy_does_not_and_a_vault_may_refuse(cloud, backup):
    point = backed_up(cloud, table(cloud))["RecoveryPointArn"]
    poor = role(cloud, "poor", ())
    copy = copied(cloud, point, THERE, role=poor)
    assert copy["State"] == "FAILED" and "is not authorized to perform: backup:CopyFromBackupVault" in copy["StatusMessage"]
    statement = {"Effect": "Allow", "Action": "backup:CopyFromBackupVault", "Resource": "*"}
    cloud.client("iam").put_role_policy(RoleName="poor", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert "backup:CopyIntoBackupVault" in copied(cloud, point, THERE, role=poor)["StatusMessage"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "backup:CopyIntoBackupVault", "Resource": "*"}
    far = cloud.client("backup", "eu-west-1")
    far.put_backup_vault_access_policy(BackupVaultName="far", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    copy = copied(cloud, point, THERE)
    assert copy["State"] == "FAILED" and "explicit deny" in copy["StatusMessage"]
    far.delete_backup_vault_access_policy(BackupVaultName="far")
    far.put_backup_vault_lock_configuration(BackupVaultName="far", MinRetentionDays=7)
    copy = copied(cloud, point, THERE, Lifecycle={"DeleteAfterDays": 6})
    assert copy["StatusMessage"] == "Copy job failed. The retention specified in the job is not within the range specified for the target Backup Vault."
    assert copied(cloud, point, THERE, Lifecycle={"DeleteAfterDays": 7})["State"] == "COMPLETED"
    assert copied(cloud, point, THERE.replace(":far", ":none"))["State"] == "FAILED"
    code, _ = refused(
        backup.start_copy_job, RecoveryPointArn=point, SourceBackupVaultName="vault", IamRoleArn=ROLE,
        DestinationBackupVaultArn=THERE.replace(ACCOUNT, "111111111111"),
    )  # fmt: skip
    assert code == "NotImplemented"
    assert len(points(cloud, "far", "eu-west-1")) == 1


def test_a_copy_is_encrypted_under_the_key_of_the_vault_it_comes_to(cloud, backup):
    kms = cloud.client("kms", "eu-west-1")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    cloud.client("backup", "eu-west-1").create_backup_vault(BackupVaultName="mine", EncryptionKeyArn=key)
    copy = copied(cloud, backed_up(cloud, table(cloud))["RecoveryPointArn"], THERE.replace(":far", ":mine"))
    (point,) = points(cloud, "mine", "eu-west-1")
    assert point["EncryptionKeyArn"] == key and copy["State"] == "COMPLETED"
    kms.disable_key(KeyId=key)
    failed = restored(cloud, point["RecoveryPointArn"], {"targetTableName": "orders"}, "eu-west-1")
    assert (failed["Status"], failed["StatusMessage"]) == ("FAILED", "KMS key is either disabled or pending deletion or access to KMS key is denied")
    assert cloud.client("dynamodb", "eu-west-1").list_tables()["TableNames"] == []
