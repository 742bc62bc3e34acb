"""Volumes of EBS in vaults of AWS Backup: snapshots that nobody else deletes, made volumes again here and in other regions.

https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-ebs.html
"""

from __future__ import annotations

import pytest
from refusals import refused, refused_code
from sealed import SECRET, on_disk
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, copied, ended, points, restored, role
from services.volume_workshop import block, held, written

EU = "eu-west-1"
FAR = f"arn:aws:backup:{EU}:{ACCOUNT}:backup-vault:far"


@pytest.fixture
def ec2(cloud):
    for region in ("aws-global", "us-east-1", EU):
        cloud.region(region)
    role(cloud)
    cloud.client("backup").create_backup_vault(BackupVaultName="vault")
    cloud.client("backup", EU).create_backup_vault(BackupVaultName="far")
    return cloud.client("ec2")


def volume(cloud, ec2, **said) -> str:
    """One that holds two blocks; its ARN."""
    first = written(cloud, {0: block(SECRET), 9: block("b")}, **said)
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "blue"}]}]
    id_ = ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=first, VolumeType="gp3", Size=2, TagSpecifications=tags)["VolumeId"]
    cloud.sleep(1)
    ec2.delete_snapshot(SnapshotId=first)
    return f"arn:aws:ec2:us-east-1:{ACCOUNT}:volume/{id_}"


def content(cloud, arn: str, region: str = "us-east-1") -> dict[int, bytes]:
    """What a volume holds, by way of a snapshot."""
    ec2 = cloud.client("ec2", region)
    id_ = ec2.create_snapshot(VolumeId=arn.rpartition("/")[2])["SnapshotId"]
    cloud.sleep(1)
    return held(cloud.client("ebs", region), id_)


def test_a_volume_lies_in_the_vault_and_becomes_a_volume_again(cloud, ec2):
    backup, arn = cloud.client("backup"), volume(cloud, ec2)
    job = backed_up(cloud, arn, RecoveryPointTags={"why": "test"})
    assert (job["State"], job["ResourceType"], job["BackupSizeInBytes"]) == ("COMPLETED", "EBS", 2 << 30), job
    (snapshot,) = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert job["RecoveryPointArn"] == f"arn:aws:ec2:us-east-1::snapshot/{snapshot['SnapshotId']}"
    tags = {each["Key"]: each["Value"] for each in snapshot["Tags"]}
    assert tags["team"] == "blue" and tags["why"] == "test" and tags["aws:backup:source-resource"].startswith("vol-")
    text = (
        "This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs. If you wish to delete this snapshot, please do so "
        "via the Backup console."
    )
    assert refused(ec2.delete_snapshot, SnapshotId=snapshot["SnapshotId"]) == ("InvalidParameterValue", text)
    told = backup.describe_protected_resource(ResourceArn=arn)
    assert (told["ResourceType"], told["ResourceName"]) == ("EBS", arn.rpartition("/")[2])
    ec2.delete_volume(VolumeId=arn.rpartition("/")[2])
    cloud.sleep(1)
    place = {"BackupVaultName": "vault", "RecoveryPointArn": job["RecoveryPointArn"]}
    metadata = backup.get_recovery_point_restore_metadata(**place)["RestoreMetadata"]
    assert (metadata["availabilityZone"], metadata["volumeType"], metadata["encrypted"]) == ("us-east-1b", "gp3", "false")
    again = restored(cloud, job["RecoveryPointArn"], metadata | {"volumeSize": "3"}, CopySourceTagsToRestoredResource=True, ResourceType="EBS")
    assert again["Status"] == "COMPLETED", again
    (made,) = ec2.describe_volumes()["Volumes"]
    assert again["CreatedResourceArn"].endswith(made["VolumeId"]) and (made["Size"], made["AvailabilityZone"]) == (3, "us-east-1b")
    assert {"Key": "team", "Value": "blue"} in made["Tags"]
    assert content(cloud, again["CreatedResourceArn"]) == {0: block(SECRET), 9: block("b")}
    backup.delete_recovery_point(**place)
    assert refused_code(ec2.describe_snapshots, SnapshotIds=[snapshot["SnapshotId"]]) == "InvalidSnapshot.NotFound"


def test_restores_that_make_no_sense_are_refused(cloud, ec2):
    job = backed_up(cloud, volume(cloud, ec2))
    start = {"RecoveryPointArn": job["RecoveryPointArn"], "IamRoleArn": ROLE}
    for metadata in ({}, {"availabilityZone": "us-east-1a", "colour": "red"}, {"availabilityZone": "us-east-1a", "volumeSize": "large"}):
        assert refused_code(cloud.client("backup").start_restore_job, **start, Metadata=metadata) == "InvalidParameterValueException"
    failed = restored(cloud, job["RecoveryPointArn"], {"availabilityZone": "us-east-1z"})
    assert (failed["Status"], failed["StatusMessage"]) == ("FAILED", "The zone 'us-east-1z' does not exist.")


def test_a_plan_backs_up_volumes_by_their_tags_and_lets_them_go(cloud, ec2):
    backup, arn = cloud.client("backup"), volume(cloud, ec2)
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(2 0 * * ? *)", "Lifecycle": {"DeleteAfterDays": 2}}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    tags = [{"ConditionType": "STRINGEQUALS", "ConditionKey": "team", "ConditionValue": "blue"}]
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": "s", "IamRoleArn": ROLE, "ListOfTags": tags})
    cloud.sleep(121)
    (job,) = backup.list_backup_jobs(ByResourceArn=arn)["BackupJobs"]
    assert ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job["BackupJobId"]), "State")["State"] == "COMPLETED"
    (first,) = points(cloud)
    Calendar(cloud).move(days=3)
    cloud.sleep(120)
    assert first["RecoveryPointArn"] not in {point["RecoveryPointArn"] for point in points(cloud)}
    id_ = first["RecoveryPointArn"].rpartition("/")[2]
    assert refused_code(ec2.describe_snapshots, SnapshotIds=[id_]) == "InvalidSnapshot.NotFound"


def test_a_volume_is_made_in_another_region_while_its_own_is_dark(cloud, ec2):
    key = cloud.client("kms", EU).create_key()["KeyMetadata"]["Arn"]
    cloud.client("backup", EU).create_backup_vault(BackupVaultName="keyed", EncryptionKeyArn=key)
    arn = volume(cloud, ec2)
    point = backed_up(cloud, arn)["RecoveryPointArn"]
    ec2.delete_volume(VolumeId=arn.rpartition("/")[2])
    for vault, wanted in ((FAR, None), (FAR.replace(":far", ":keyed"), key)):
        copy = copied(cloud, point, vault)
        assert copy["State"] == "COMPLETED" and copy["DestinationRecoveryPointArn"].startswith(f"arn:aws:ec2:{EU}::snapshot/snap-0"), copy
        (snapshot,) = cloud.client("ec2", EU).describe_snapshots(SnapshotIds=[copy["DestinationRecoveryPointArn"].rpartition("/")[2]])["Snapshots"]
        default = cloud.client("kms", EU).describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
        assert snapshot["Encrypted"] and snapshot["KmsKeyId"] == (wanted or default)
    cloud.kill("us-east-1")
    (there,) = points(cloud, "far", EU)
    assert there["IsEncrypted"] and there["ResourceType"] == "EBS"
    again = restored(cloud, there["RecoveryPointArn"], {"availabilityZone": f"{EU}a", "volumeType": "gp3"}, EU)
    assert again["Status"] == "COMPLETED", again
    assert content(cloud, again["CreatedResourceArn"], EU) == {0: block(SECRET), 9: block("b")}


def test_an_encrypted_volume_stays_so_and_a_disabled_key_restores_nothing(cloud, ec2):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    arn = volume(cloud, ec2, Encrypted=True, KmsKeyArn=key)
    job = backed_up(cloud, arn)
    (point,) = points(cloud)
    assert point["IsEncrypted"] and not on_disk(cloud)
    again = restored(cloud, job["RecoveryPointArn"], {"availabilityZone": "us-east-1a"})
    assert again["Status"] == "COMPLETED", again
    (made,) = ec2.describe_volumes(VolumeIds=[again["CreatedResourceArn"].rpartition("/")[2]])["Volumes"]
    assert made["KmsKeyId"] == key
    kms.disable_key(KeyId=key)
    failed = restored(cloud, job["RecoveryPointArn"], {"availabilityZone": "us-east-1a"})
    assert failed["Status"] == "FAILED" and "could not be restored" in failed["StatusMessage"], failed


@pytest.mark.parametrize("killed", ["us-east-1", EU])
def test_jobs_whose_region_is_killed_make_one_snapshot(cloud, ec2, killed):
    backup, arn = cloud.client("backup"), volume(cloud, ec2)
    job = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    cloud.restart("us-east-1", kill=True)
    done = ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")
    assert done["State"] == "COMPLETED" and len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 1
    copy = backup.start_copy_job(RecoveryPointArn=done["RecoveryPointArn"], SourceBackupVaultName="vault", DestinationBackupVaultArn=FAR, IamRoleArn=ROLE)
    cloud.sleep(0.01)
    cloud.restart(killed, kill=True)
    there = ended(cloud, lambda: backup.describe_copy_job(CopyJobId=copy["CopyJobId"])["CopyJob"], "State")
    assert there["State"] == "COMPLETED", there
    assert len(cloud.client("ec2", EU).describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 1
