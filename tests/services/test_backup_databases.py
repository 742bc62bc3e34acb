"""Databases of RDS in vaults of AWS Backup: snapshots that nobody else deletes, and any second of some days.

https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html, restoring-rds.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from database_workshop import Databases, refusal
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, TRUST, Calendar, backed_up, copied, ended, points, restored, role

pytestmark = pytest.mark.database
ARN = f"arn:aws:rds:us-east-1:{ACCOUNT}:db:orders"


@pytest.fixture
def databases(cloud):
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    role(cloud)
    cloud.client("backup").create_backup_vault(BackupVaultName="vault")
    databases = Databases(cloud)
    databases.create(Tags=[{"Key": "team", "Value": "blue"}])
    databases.ask("create table orders as select 7 as id")
    return databases


def _planned(cloud, minutes=(2,), **rule) -> str:
    """A plan that backs up what its selection names at some minutes of the first hour of each day, which has just begun; answers its id."""
    backup = cloud.client("backup")
    rules = [
        {"RuleName": f"r{minute}", "TargetBackupVaultName": "vault", "ScheduleExpression": f"cron({minute} 0 * * ? *)",
         "Lifecycle": {"DeleteAfterDays": 7}, **rule} for minute in minutes
    ]  # fmt: skip
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": rules})["BackupPlanId"]
    tags = [{"ConditionType": "STRINGEQUALS", "ConditionKey": "team", "ConditionValue": "blue"}]
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": "s", "IamRoleArn": ROLE, "ListOfTags": tags})
    return plan


def _until_backed_up(cloud) -> dict:
    """The job of a plan that is due within two minutes, when it has ended."""
    cloud.sleep(121)
    backup = cloud.client("backup")
    job = backup.list_backup_jobs(ByResourceArn=ARN)["BackupJobs"][0]["BackupJobId"]
    return ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")


def test_a_snapshot_lies_in_the_vault_and_becomes_a_database_again(cloud, databases):
    backup = cloud.client("backup")
    job = backed_up(cloud, ARN, RecoveryPointTags={"why": "test"})
    assert (job["State"], job["ResourceType"], job["BackupSizeInBytes"], job["IsEncrypted"]) == ("COMPLETED", "RDS", 20 << 30, False), job
    arn = job["RecoveryPointArn"]
    assert arn == f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:awsbackup:job-{job['BackupJobId'].lower()}"
    (snapshot,) = databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]
    assert (snapshot["DBSnapshotArn"], snapshot["Status"]) == (arn, "available")
    assert snapshot["TagList"] == [{"Key": "team", "Value": "blue"}, {"Key": "why", "Value": "test"}]
    assert refusal(databases.rds.delete_db_snapshot, DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"]) == {
        "Code": "InvalidDBSnapshotState", "Message": "awsbackup snapshots cannot be deleted.", "Type": "Sender",
    }  # fmt: skip
    told = backup.describe_protected_resource(ResourceArn=ARN)
    assert (told["ResourceType"], told["ResourceName"], told["LastRecoveryPointArn"]) == ("RDS", "orders", arn)
    databases.ask("delete from orders")
    metadata = backup.get_recovery_point_restore_metadata(BackupVaultName="vault", RecoveryPointArn=arn)["RestoreMetadata"]
    assert metadata["DBInstanceClass"] == "db.t3.micro" and metadata["Engine"] == "postgres" and metadata["MultiAZ"] == "false"
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    metadata |= {"DBInstanceIdentifier": "again", "DBInstanceClass": "db.t3.small", "Port": ""}
    job = restored(cloud, arn, metadata, CopySourceTagsToRestoredResource=True, ResourceType="RDS")
    assert (job["Status"], job["CreatedResourceArn"]) == ("COMPLETED", ARN.replace("orders", "again")), job
    assert databases.ask("select id from orders", name="again") == [(7,)]
    again = databases.shown("again")
    assert (again["DBInstanceClass"], again["TagList"]) == ("db.t3.small", [{"Key": "team", "Value": "blue"}, {"Key": "why", "Value": "test"}])


def test_a_database_comes_back_as_it_was_the_second_before_a_deletion(cloud, databases):
    backup, rds = cloud.client("backup"), databases.rds
    plan = _planned(cloud, EnableContinuousBackup=True)
    job = _until_backed_up(cloud)
    assert job["State"] == "COMPLETED", job
    id_ = databases.shown()["DbiResourceId"]
    assert job["RecoveryPointArn"].startswith(f"arn:aws:backup:us-east-1:{ACCOUNT}:recovery-point:continuous:{id_.lower()}-")
    (point,) = points(cloud)
    assert (point["RecoveryPointArn"], point["Status"], point["Lifecycle"]) == (job["RecoveryPointArn"], "AVAILABLE", {"DeleteAfterDays": 7})
    shown = databases.until("available")
    assert (shown["BackupRetentionPeriod"], shown["AwsBackupRecoveryPointArn"]) == (7, point["RecoveryPointArn"])
    assert refusal(rds.modify_db_instance, DBInstanceIdentifier="orders", BackupRetentionPeriod=3)["Message"].startswith(
        f"Your RDS instance orders is associated with an AWS Backup resource with id {point['RecoveryPointArn']}."
    )
    databases.ask("insert into orders values (8)")
    start = {"RecoveryPointArn": point["RecoveryPointArn"], "IamRoleArn": ROLE}
    with cloud.real_time():  # a server dates changes by the machine's clock
        cloud.sleep(1.1)
        second = datetime.fromtimestamp(int(cloud.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        cloud.sleep(0.2)
        databases.ask("delete from orders")
        job = backup.start_restore_job(**start, Metadata={"DBInstanceIdentifier": "again", "RestoreTime": second})["RestoreJobId"]
        job = ended(cloud, lambda: backup.describe_restore_job(RestoreJobId=job), "Status")
    assert job["Status"] == "COMPLETED", job
    assert databases.ask("select count(*) from orders", name="again") == [(2,)]
    latest = restored(cloud, point["RecoveryPointArn"], {"DBInstanceIdentifier": "latest", "UseLatestRestorableTime": "true"})
    assert latest["Status"] == "COMPLETED" and databases.ask("select count(*) from orders", name="latest") == [(0,)]
    assert backup.get_backup_plan(BackupPlanId=plan)["BackupPlan"]["Rules"][0]["EnableContinuousBackup"]
    for metadata in ({}, {"RestoreTime": second, "UseLatestRestorableTime": "true"}, {"RestoreTime": "2099-01-01T00:00:00Z"}):
        assert refused(backup.start_restore_job, **start, Metadata={"DBInstanceIdentifier": "x", **metadata})[0] == "InvalidParameterValueException"
    backup.disassociate_recovery_point(BackupVaultName="vault", RecoveryPointArn=point["RecoveryPointArn"])
    shown = databases.shown()
    assert points(cloud) == [] and "AwsBackupRecoveryPointArn" not in shown and shown["BackupRetentionPeriod"] == 7


def test_a_database_that_somebody_deleted_comes_back_from_its_continuous_backup(cloud, databases):
    backup, rds = cloud.client("backup"), databases.rds
    _planned(cloud, EnableContinuousBackup=True)
    point = _until_backed_up(cloud)["RecoveryPointArn"]
    databases.until("available")
    databases.ask("insert into orders values (8)")
    rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"][0]["AwsBackupRecoveryPointArn"] == point
    job = restored(cloud, point, {"DBInstanceIdentifier": "again", "UseLatestRestorableTime": "true"})
    assert job["Status"] == "COMPLETED", job
    assert databases.ask("select count(*) from orders", name="again") == [(2,)]
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point)
    assert points(cloud) == rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"][1:] == []


def test_a_point_ends_when_the_backups_of_a_database_that_is_gone_do(cloud, databases):
    _planned(cloud, EnableContinuousBackup=True, Lifecycle={"DeleteAfterDays": 1})
    _until_backed_up(cloud)
    databases.until("available")
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    assert len(points(cloud)) == 1
    cloud.sleep(86_400)
    assert points(cloud) == databases.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == []


def test_what_is_deleted_of_a_continuous_backup_is_no_more_kept(cloud, databases):
    _planned(cloud, EnableContinuousBackup=True)
    point = _until_backed_up(cloud)["RecoveryPointArn"]
    databases.until("available")
    assert refused(
        cloud.client("backup").start_copy_job, RecoveryPointArn=point, SourceBackupVaultName="vault", IamRoleArn=ROLE,
        DestinationBackupVaultArn=f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:other",
    )[0] == "InvalidRequestException"  # fmt: skip
    cloud.client("backup").delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point)
    shown = databases.until("available")
    assert (shown["BackupRetentionPeriod"], points(cloud)) == (0, [])


def test_a_plan_chooses_databases_by_their_tags_and_copies_them_into_another_region(cloud, databases):
    cloud.region("eu-west-1")
    far = cloud.client("backup", "eu-west-1")
    far.create_backup_vault(BackupVaultName="far")
    there = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:far"
    _planned(cloud, CopyActions=[{"DestinationBackupVaultArn": there, "Lifecycle": {"DeleteAfterDays": 30}}])
    job = _until_backed_up(cloud)
    assert job["State"] == "COMPLETED" and job["CreatedBy"]["BackupRuleName"] == "r2", job
    backup = cloud.client("backup")
    (copy,) = backup.list_copy_jobs()["CopyJobs"]
    copy = ended(cloud, lambda: backup.describe_copy_job(CopyJobId=copy["CopyJobId"])["CopyJob"], "State")
    assert copy["State"] == "COMPLETED", copy
    arn = f"arn:aws:rds:eu-west-1:{ACCOUNT}:snapshot:awsbackup:copyjob-{copy['CopyJobId'].lower()}"
    assert copy["DestinationRecoveryPointArn"] == arn
    (point,) = points(cloud, "far", "eu-west-1")
    assert (point["RecoveryPointArn"], point["Status"], point["BackupSizeInBytes"]) == (arn, "COMPLETED", 20 << 30)
    cloud.kill("us-east-1")
    again = restored(cloud, arn, {"DBInstanceIdentifier": "again"}, "eu-west-1")
    assert again["Status"] == "COMPLETED", again
    assert Databases(cloud, region="eu-west-1").ask("select id from orders", name="again") == [(7,)]


def test_types_that_are_opted_out_are_backed_up_only_by_name(cloud, databases):
    backup = cloud.client("backup")
    backup.update_region_settings(ResourceTypeOptInPreference={"RDS": False})
    assert backup.describe_region_settings()["ResourceTypeOptInPreference"]["RDS"] is False
    plan = _planned(cloud, (2, 4))
    cloud.sleep(121)
    assert backup.list_backup_jobs()["BackupJobs"] == []
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": "t", "IamRoleArn": ROLE, "Resources": [ARN]})
    assert _until_backed_up(cloud)["State"] == "COMPLETED"


def test_points_end_with_their_days_and_with_them_their_snapshots(cloud, databases):
    calendar, backup = Calendar(cloud), cloud.client("backup")
    first = backed_up(cloud, ARN, Lifecycle={"DeleteAfterDays": 1})["RecoveryPointArn"]
    second = backed_up(cloud, ARN)["RecoveryPointArn"]
    calendar.move(1.1)
    assert [point["RecoveryPointArn"] for point in points(cloud)] == [second]
    left = databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]
    assert [each["DBSnapshotArn"] for each in left] == [second] and first != second
    backup.put_backup_vault_lock_configuration(BackupVaultName="vault")
    assert refused(backup.delete_recovery_point, BackupVaultName="vault", RecoveryPointArn=second)[0] == "InvalidRequestException"
    backup.delete_backup_vault_lock_configuration(BackupVaultName="vault")
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=second)
    assert points(cloud) == databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"] == []


def test_a_point_whose_snapshot_its_role_may_not_delete_has_expired(cloud, databases):
    calendar, backup, iam = Calendar(cloud), cloud.client("backup"), cloud.client("iam")
    arn = backed_up(cloud, ARN, Lifecycle={"DeleteAfterDays": 1})["RecoveryPointArn"]
    iam.detach_role_policy(RoleName="AWSBackupDefaultServiceRole", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup")
    calendar.move(1.1)
    (point,) = points(cloud)
    assert point["Status"] == "EXPIRED" and "rds:DeleteDBSnapshot" in point["StatusMessage"], point
    backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=arn)
    assert points(cloud) == []


def test_a_role_needs_what_aws_has_it_need(cloud, databases):
    iam = cloud.client("iam")
    poor = iam.create_role(RoleName="poor", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **TRUST}))["Role"]["Arn"]
    job = backed_up(cloud, ARN, role=poor)
    assert (job["State"], job["MessageCategory"]) == ("FAILED", "AccessDenied")
    assert job["StatusMessage"].startswith(f"Your backup job failed as AWS Backup does not have permission to describe resource {ARN}.")
    look = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "rds:DescribeDBInstances", "Resource": "*"}}
    iam.put_role_policy(RoleName="poor", PolicyName="p", PolicyDocument=json.dumps(look))
    job = backed_up(cloud, ARN, role=poor)
    assert job["State"] == "FAILED" and "is not authorized to perform: rds:CreateDBSnapshot on resource" in job["StatusMessage"], job
    cloud.sleep(1)
    assert points(cloud) == databases.rds.describe_db_snapshots()["DBSnapshots"] == []
    arn = backed_up(cloud, ARN)["RecoveryPointArn"]
    job = restored(cloud, arn, {"DBInstanceIdentifier": "again"}, role=poor)
    assert job["Status"] == "FAILED" and "rds:RestoreDBInstanceFromDBSnapshot" in job["StatusMessage"], job


def test_what_there_is_not_fails_and_what_makes_no_sense_is_refused(cloud, databases):
    backup = cloud.client("backup")
    job = backed_up(cloud, ARN.replace("orders", "nothing"))
    assert (job["State"], job["StatusMessage"]) == ("FAILED", "DBInstance nothing not found.")
    arn = backed_up(cloud, ARN)["RecoveryPointArn"]
    start = {"RecoveryPointArn": arn, "IamRoleArn": ROLE}
    for metadata in ({}, {"DBInstanceIdentifier": "x", "Colour": "red"}, {"DBInstanceIdentifier": "x", "Port": "many"},
                     {"DBInstanceIdentifier": "x", "MultiAZ": "maybe"}, {"DBInstanceIdentifier": "x", "VpcSecurityGroupIds": "sg-1"},
                     {"DBInstanceIdentifier": "x", "RestoreTime": "2030-01-01T00:00:00Z"}):  # fmt: skip
        assert refused(backup.start_restore_job, **start, Metadata=metadata)[0] == "InvalidParameterValueException"
    job = restored(cloud, arn, {"DBInstanceIdentifier": "orders"})
    assert (job["Status"], job["StatusMessage"]) == ("FAILED", "DB instance already exists")
    assert refused(backup.disassociate_recovery_point, BackupVaultName="vault", RecoveryPointArn=arn)[0] == "InvalidRequestException"
    code, text = refused(backup.start_backup_job, BackupVaultName="vault", IamRoleArn=ROLE, ResourceArn=ARN.replace(":db:", ":cluster:"))
    assert code == "NotImplemented" and "clusters of databases" in text


def test_jobs_that_a_kill_interrupts_or_somebody_stops_leave_one_point_or_none(cloud, databases):
    backup = cloud.client("backup")
    start = {"BackupVaultName": "vault", "ResourceArn": ARN, "IamRoleArn": ROLE}
    job = backup.start_backup_job(**start)["BackupJobId"]
    while not databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]:
        cloud.sleep(0.001)
    cloud.restart(kill=True)
    job = ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")
    assert job["State"] == "COMPLETED", job
    restore = backup.start_restore_job(RecoveryPointArn=job["RecoveryPointArn"], IamRoleArn=ROLE, Metadata={"DBInstanceIdentifier": "again"})["RestoreJobId"]
    while backup.describe_restore_job(RestoreJobId=restore)["Status"] == "PENDING":
        cloud.sleep(0.001)
    cloud.restart(kill=True)
    restore = ended(cloud, lambda: backup.describe_restore_job(RestoreJobId=restore), "Status")
    assert restore["Status"] == "COMPLETED", restore
    assert databases.ask("select id from orders", name="again") == [(7,)]
    databases.until("available")
    stopped = backup.start_backup_job(**start)["BackupJobId"]
    while len(databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]) < 2:
        cloud.sleep(0.001)
    backup.stop_backup_job(BackupJobId=stopped)
    for _ in range(600):
        if len(left := databases.rds.describe_db_snapshots(SnapshotType="awsbackup")["DBSnapshots"]) == 1:
            break
        cloud.sleep(1)
    assert [each["DBSnapshotArn"] for each in left] == [point["RecoveryPointArn"] for point in points(cloud)] == [job["RecoveryPointArn"]]


def test_an_unencrypted_copy_in_a_vault_of_the_same_region_stands_by_itself(cloud, databases):
    cloud.client("backup").create_backup_vault(BackupVaultName="other")
    arn = backed_up(cloud, ARN)["RecoveryPointArn"]
    copy = copied(cloud, arn, f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:other")
    assert copy["State"] == "COMPLETED", copy
    cloud.client("backup").delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=arn)
    (point,) = points(cloud, "other")
    assert (point["IsEncrypted"], "EncryptionKeyArn" in point) == (False, False)
    assert restored(cloud, point["RecoveryPointArn"], {"DBInstanceIdentifier": "again"})["Status"] == "COMPLETED"


def test_a_database_is_restored_by_a_test_and_deleted_when_its_window_is_over(cloud, databases):
    backup, rds = cloud.client("backup"), databases.rds
    point = backed_up(cloud, ARN)["RecoveryPointArn"]
    inferred = backup.get_restore_testing_inferred_metadata(BackupVaultName="vault", RecoveryPointArn=point)["InferredMetadata"]
    assert inferred.pop("dbInstanceIdentifier").startswith("awsbackup-restore-test-")
    assert inferred == {"deletionProtection": "false", "multiAz": "false", "publiclyAccessible": "false"}
    latest = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}
    daily = {"RestoreTestingPlanName": "daily", "ScheduleExpression": "cron(2 0 * * ? *)", "RecoveryPointSelection": latest}
    test = backup.create_restore_testing_plan(RestoreTestingPlan=daily)["RestoreTestingPlanArn"]
    every = {"IamRoleArn": ROLE, "ProtectedResourceType": "RDS", "ProtectedResourceArns": ["*"], "ValidationWindowHours": 1}

    def select(**overrides: str) -> None:
        said = {"RestoreTestingSelectionName": "all", **every, "RestoreMetadataOverrides": overrides}
        backup.create_restore_testing_selection(RestoreTestingPlanName="daily", RestoreTestingSelection=said)

    assert refused(select, dbInstanceIdentifier="mine")[0] == "InvalidParameterValueException"
    assert refused(select, domain="d-1")[0] == "NotImplemented"
    select(DBInstanceClass="db.t3.small")
    cloud.sleep(121)
    job = ended(cloud, lambda: backup.list_restore_jobs(ByRestoreTestingPlanArn=test)["RestoreJobs"][0], "Status")
    assert (job["Status"], job["ResourceType"], job["RecoveryPointArn"]) == ("COMPLETED", "RDS", point), job
    name = job["CreatedResourceArn"].rpartition(":")[2]
    made = databases.shown(name)
    assert name.startswith("awsbackup-restore-test-") and [tag["Key"] for tag in made["TagList"]] == ["awsbackup-restore-test"]
    assert made["DBInstanceClass"] == "db.t3.small" and databases.ask("select id from orders", name=name) == [(7,)]
    id_ = job["RestoreJobId"]
    backup.put_restore_validation_result(RestoreJobId=id_, ValidationStatus="SUCCESSFUL")
    for _ in range(3):
        cloud.sleep(61)
    told = backup.describe_restore_job(RestoreJobId=id_)
    assert (told["ValidationStatus"], told["DeletionStatus"]) == ("SUCCESSFUL", "SUCCESSFUL"), told
    assert [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]] == ["orders"]
