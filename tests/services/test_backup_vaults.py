"""Vaults of AWS Backup and what locks them: nobody deletes before its date what a locked vault keeps."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, points, role, table

DAY_S = 86_400
VAULT = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:vault"


@pytest.fixture
def backup(cloud):
    cloud.region()
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault", BackupVaultTags={"a": "b"}, CreatorRequestId="token")
    return backup


def test_a_vault_is_made_told_of_and_deleted_when_it_is_empty(cloud, backup):
    shown = backup.describe_backup_vault(BackupVaultName="vault")
    assert (shown["BackupVaultArn"], shown["NumberOfRecoveryPoints"], shown["Locked"], shown["VaultType"]) == (VAULT, 0, False, "BACKUP_VAULT")
    assert cloud.client("kms").describe_key(KeyId="alias/aws/backup")["KeyMetadata"]["Arn"] == shown["EncryptionKeyArn"]
    assert backup.create_backup_vault(BackupVaultName="vault", CreatorRequestId="token")["BackupVaultArn"] == VAULT
    code, text = refused(backup.create_backup_vault, BackupVaultName="vault")
    assert (code, text) == ("AlreadyExistsException", "Backup vault with the same name already exists")
    backed_up(cloud, table(cloud))
    assert backup.describe_backup_vault(BackupVaultName="vault")["NumberOfRecoveryPoints"] == 1
    assert refused(backup.delete_backup_vault, BackupVaultName="vault")[0] == "InvalidRequestException"
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=points(cloud)[0]["RecoveryPointArn"])
    backup.delete_backup_vault(BackupVaultName="vault")
    # https://github.com/aws/aws-sdk-js/issues/2625
    assert refused(backup.describe_backup_vault, BackupVaultName="vault") == ("AccessDeniedException", "Insufficient privileges to perform this action.")


def test_a_vaults_key_is_lent_by_a_grant_that_ends_with_the_vault(cloud, backup):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    backup.create_backup_vault(BackupVaultName="mine", EncryptionKeyArn=key)
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert grant["GranteeServicePrincipal"] == "backup.amazonaws.com"
    assert grant["Constraints"] == {"EncryptionContextSubset": {"aws:backup:backup-vault": VAULT.replace(":vault", ":mine")}}
    backup.delete_backup_vault(BackupVaultName="mine")
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_who_may_not_lend_the_key_or_mount_storage_makes_no_vault(cloud, backup):
    # The words are quoted in many reports: "Creating a backup vault requires backup-storage and KMS permissions."
    iam = cloud.client("iam")
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    iam.create_user(UserName="u")
    made = iam.create_access_key(UserName="u")["AccessKey"]
    user = cloud.client("backup", key=made["AccessKeyId"], secret=made["SecretAccessKey"])
    words = "Insufficient privileges to create a backup vault. Creating a backup vault requires backup-storage and KMS permissions."
    for rights in (["backup:CreateBackupVault"], ["backup:CreateBackupVault", "backup-storage:MountCapsule"]):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": rights, "Resource": "*"}}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
        assert refused(user.create_backup_vault, BackupVaultName="his", EncryptionKeyArn=key) == ("AccessDeniedException", words)
    iam.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/AWSBackupFullAccess")
    # It lets grants be made by way of AWS Backup, for an AWS resource, and bound to a vault: all of which this is.
    assert user.create_backup_vault(BackupVaultName="his", EncryptionKeyArn=key)["BackupVaultName"] == "his"


def test_root_cannot_delete_before_the_date_what_a_vault_locked_for_good_keeps(cloud, backup):
    arn, calendar = table(cloud), Calendar(cloud)
    backup.put_backup_vault_lock_configuration(BackupVaultName="vault", MinRetentionDays=7, MaxRetentionDays=30, ChangeableForDays=3)
    shown = backup.describe_backup_vault(BackupVaultName="vault")
    assert shown["Locked"] and (shown["LockDate"].timestamp() - cloud.now()) == pytest.approx(3 * DAY_S, abs=5)
    for days, state in ((None, "FAILED"), (6, "FAILED"), (31, "FAILED"), (10, "COMPLETED")):
        job = backed_up(cloud, arn, **({"Lifecycle": {"DeleteAfterDays": days}} if days else {}))
        assert job["State"] == state, job
    assert "not within the range specified for the target Backup Vault" in backup.list_backup_jobs(ByState="FAILED")["BackupJobs"][0]["StatusMessage"]
    (point,) = points(cloud)
    named = {"BackupVaultName": "vault", "RecoveryPointArn": point["RecoveryPointArn"]}

    def all_is_refused() -> None:
        assert refused(backup.delete_recovery_point, **named)[0] == "InvalidRequestException"
        assert refused(backup.update_recovery_point_lifecycle, **named, Lifecycle={"DeleteAfterDays": 8})[0] == "InvalidRequestException"
        assert refused(backup.delete_backup_vault, BackupVaultName="vault")[0] == "InvalidRequestException"

    all_is_refused()
    backup.put_backup_vault_lock_configuration(BackupVaultName="vault", MinRetentionDays=5, ChangeableForDays=4)  # its grace is not over
    calendar.move(4.01)
    all_is_refused()
    assert refused(backup.delete_backup_vault_lock_configuration, BackupVaultName="vault")[0] == "InvalidRequestException"
    assert refused(backup.put_backup_vault_lock_configuration, BackupVaultName="vault", MinRetentionDays=1)[0] == "InvalidRequestException"
    cloud.restart(kill=True)
    calendar.move(5)
    all_is_refused()
    calendar.move(1)
    assert points(cloud) == []  # its ten days are over
    backup.delete_backup_vault(BackupVaultName="vault")


def test_a_lock_of_governance_holds_until_who_may_takes_it_away(cloud, backup):
    backup.put_backup_vault_lock_configuration(BackupVaultName="vault", MinRetentionDays=1)
    assert "LockDate" not in backup.describe_backup_vault(BackupVaultName="vault")
    point = backed_up(cloud, table(cloud))["RecoveryPointArn"]
    Calendar(cloud).move(400)
    assert refused(backup.delete_recovery_point, BackupVaultName="vault", RecoveryPointArn=point)[0] == "InvalidRequestException"
    backup.delete_backup_vault_lock_configuration(BackupVaultName="vault")
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point)
    assert points(cloud) == []


@pytest.mark.parametrize(
    "said", [{"MinRetentionDays": 0}, {"MaxRetentionDays": 36_501}, {"ChangeableForDays": 2}, {"MinRetentionDays": 9, "MaxRetentionDays": 8}]
)
def test_a_lock_has_its_bounds(cloud, backup, said):
    assert refused(backup.put_backup_vault_lock_configuration, BackupVaultName="vault", **said)[0] == "InvalidParameterValueException"


def test_a_vaults_policy_denies_even_root(cloud, backup):
    point = backed_up(cloud, table(cloud))["RecoveryPointArn"]
    statement = {"Effect": "Deny", "Principal": "*", "Action": ["backup:DeleteRecoveryPoint", "backup:StartCopyJob"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    backup.put_backup_vault_access_policy(BackupVaultName="vault", Policy=policy)
    assert json.loads(backup.get_backup_vault_access_policy(BackupVaultName="vault")["Policy"]) == json.loads(policy)
    assert refused(backup.delete_recovery_point, BackupVaultName="vault", RecoveryPointArn=point)[0] == "AccessDeniedException"
    backup.delete_backup_vault_access_policy(BackupVaultName="vault")
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point)
    assert refused(backup.get_backup_vault_access_policy, BackupVaultName="vault")[0] == "ResourceNotFoundException"
    assert refused(backup.put_backup_vault_access_policy, BackupVaultName="vault", Policy="{")[0] == "InvalidParameterValueException"


def test_days_bring_points_to_cold_storage_and_to_their_end(cloud, backup):
    point = backed_up(cloud, table(cloud), Lifecycle={"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 91})["RecoveryPointArn"]
    named, calendar = {"BackupVaultName": "vault", "RecoveryPointArn": point}, Calendar(cloud)
    calendar.move(0.99)
    assert backup.describe_recovery_point(**named)["StorageClass"] == "WARM"
    calendar.move(0.02)
    assert backup.describe_recovery_point(**named)["StorageClass"] == "COLD"
    code, _ = refused(backup.update_recovery_point_lifecycle, **named, Lifecycle={"MoveToColdStorageAfterDays": 2, "DeleteAfterDays": 95})
    assert code == "InvalidParameterValueException"
    backup.update_recovery_point_lifecycle(**named, Lifecycle={"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 100})
    calendar.move(98)
    assert len(points(cloud)) == 1
    calendar.move(1)
    assert points(cloud) == []
    code, text = refused(
        backup.start_backup_job, BackupVaultName="vault", ResourceArn=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders", IamRoleArn=ROLE,
        Lifecycle={"MoveToColdStorageAfterDays": 10, "DeleteAfterDays": 99},
    )  # fmt: skip
    assert (code, text) == ("InvalidParameterValueException", "Invalid lifecycle. DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays")


def test_points_vaults_and_plans_bear_tags(cloud, backup):
    dynamodb = cloud.client("dynamodb")
    arn = table(cloud, Tags=[{"Key": "team", "Value": "red"}])
    point = backed_up(cloud, arn, RecoveryPointTags={"kept": "yes"})["RecoveryPointArn"]
    assert backup.list_tags(ResourceArn=point)["Tags"] == {"kept": "yes", "team": "red"}
    for named in (point, VAULT):
        backup.tag_resource(ResourceArn=named, Tags={"x": "1", "y": "2"})
        backup.untag_resource(ResourceArn=named, TagKeyList=["x"])
        assert backup.list_tags(ResourceArn=named)["Tags"].items() >= {"y": "2"}.items()
    with pytest.raises(ClientError):
        backup.list_tags(ResourceArn=VAULT + "x")
    restore = backup.start_restore_job(
        RecoveryPointArn=point, Metadata={"targetTableName": "again"}, IamRoleArn=ROLE, CopySourceTagsToRestoredResource=True
    )["RestoreJobId"]  # fmt: skip
    cloud.sleep(5)
    # AWS's own policy for restores does not let the role tag a table, so neither does ours.
    assert backup.describe_restore_job(RestoreJobId=restore)["Status"] == "FAILED"
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:TagResource", "Resource": "*"}}
    cloud.client("iam").put_role_policy(RoleName="AWSBackupDefaultServiceRole", PolicyName="tags", PolicyDocument=json.dumps(allowed))
    backup.start_restore_job(
        RecoveryPointArn=point, Metadata={"targetTableName": "third"}, IamRoleArn=ROLE, CopySourceTagsToRestoredResource=True
    )  # fmt: skip
    cloud.sleep(5)
    tags = dynamodb.list_tags_of_resource(ResourceArn=arn.replace("orders", "third"))["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"kept": "yes", "team": "red", "y": "2"}
