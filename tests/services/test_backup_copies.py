"""Copies of recovery points in other vaults and regions, and what is made of them there."""

from __future__ import annotations

import pytest
from services.backup_workshop import ACCOUNT, backed_up, copied, items, points, restored, role, table

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
