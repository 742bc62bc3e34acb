"""AWS Backup: what is backed up lies in its vault by itself, and can be made again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, bucket, ended, items, points, restored, role, table
from services.customer_keys import allow_customer_keys
from services.secret_workshop import is_on_disk


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


def test_a_role_that_may_not_read_keeps_nothing_and_the_job_says_why(cloud, backup):
    # The words and their order: https://github.com/widdix/aws-cf-templates/pull/633, ministryofjustice/modernisation-platform issue 6152
    arn, iam = table(cloud), cloud.client("iam")
    poor = role(cloud, "poor", ())
    job = backed_up(cloud, arn, role=poor)
    assert job["State"] == "FAILED" and job["MessageCategory"] == "AccessDenied"
    assert job["StatusMessage"].startswith(f"Your backup job failed as AWS Backup does not have permission to describe resource {arn}.")
    for missing, rights in (("ListTagsOfResource", ["DescribeTable"]), ("StartAwsBackupJob", ["DescribeTable", "ListTagsOfResource"])):
        statement = {"Effect": "Allow", "Action": [f"dynamodb:{right}" for right in rights], "Resource": "*"}
        iam.put_role_policy(RoleName="poor", PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
        job = backed_up(cloud, arn, role=poor)
        assert job["StatusMessage"] == (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/poor/AWSBackup-poor is not authorized to perform: dynamodb:{missing} on resource: {arn} "
            f"because no identity-based policy allows the dynamodb:{missing} action"
        )
    job = backed_up(cloud, bucket(cloud), role=poor)
    assert "does not have permission to describe resource arn:aws:s3:::papers" in job["StatusMessage"]
    assert points(cloud) == []


def test_a_role_that_does_not_trust_backup_or_is_not_there_cannot_be_assumed(cloud, backup):
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    job = backed_up(cloud, table(cloud), role=nobody)
    assert (job["State"], job["StatusMessage"]) == ("FAILED", f"IAM Role {nobody} cannot be assumed by AWS Backup")


def test_what_there_is_not_is_refused_or_the_job_fails(cloud, backup):
    start = {"BackupVaultName": "vault", "IamRoleArn": ROLE}
    code, _ = refused(backup.start_backup_job, **{**start, "BackupVaultName": "none"}, ResourceArn="arn:aws:s3:::papers")
    assert code == "ResourceNotFoundException"
    code, _ = refused(backup.start_backup_job, **start, ResourceArn="arn:aws:sqs:us-east-1:000000000000:q")
    assert code == "InvalidParameterValueException"
    code, text = refused(backup.start_backup_job, **start, ResourceArn=f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1")
    assert code == "NotImplemented" and "backups of EC2" in text
    job = backed_up(cloud, f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/none")
    assert job["State"] == "FAILED" and "not found" in job["StatusMessage"]
    cloud.client("s3").create_bucket(Bucket="plain")
    job = backed_up(cloud, "arn:aws:s3:::plain")
    assert job["State"] == "FAILED" and "Versioning must be enabled" in job["StatusMessage"]


def test_what_lies_in_a_vault_is_encrypted_and_shut_when_its_key_is_disabled(cloud, backup):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    backup.create_backup_vault(BackupVaultName="mine", EncryptionKeyArn=key)
    cloud.client("s3").create_bucket(Bucket="papers")
    cloud.client("s3").put_bucket_versioning(Bucket="papers", VersioningConfiguration={"Status": "Enabled"})
    cloud.client("s3").put_object(Bucket="papers", Key="k", Body=b"nobody reads this " * 9, ServerSideEncryption="aws:kms")
    job = backed_up(cloud, "arn:aws:s3:::papers", "mine")
    assert (job["State"], job["EncryptionKeyArn"]) == ("COMPLETED", key)
    assert not is_on_disk(cloud, "nobody reads this")
    kms.disable_key(KeyId=key)
    failed = restored(cloud, job["RecoveryPointArn"], {"DestinationBucketName": "papers"})
    assert (failed["Status"], failed["StatusMessage"]) == ("FAILED", "KMS key is either disabled or pending deletion or access to KMS key is denied")
    assert backed_up(cloud, "arn:aws:s3:::papers", "mine")["State"] == "FAILED"
    kms.enable_key(KeyId=key)
    assert restored(cloud, job["RecoveryPointArn"], {"DestinationBucketName": "papers"})["Status"] == "COMPLETED"


def test_a_job_that_is_killed_begins_again_and_its_point_is_whole(cloud, backup):
    arn = table(cloud, items=1_500)
    job = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    for _ in range(200):
        cloud.run(asyncio.sleep(0))
        if backup.describe_backup_job(BackupJobId=job)["State"] == "RUNNING":
            break
    cloud.restart(kill=True)
    job = ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")
    assert job["State"] == "COMPLETED", job
    restore = backup.start_restore_job(RecoveryPointArn=job["RecoveryPointArn"], Metadata={"targetTableName": "again"}, IamRoleArn=ROLE)["RestoreJobId"]
    for _ in range(200):
        cloud.run(asyncio.sleep(0))
        if backup.describe_restore_job(RestoreJobId=restore)["Status"] == "RUNNING":
            break
    cloud.restart(kill=True)
    job = ended(cloud, lambda: backup.describe_restore_job(RestoreJobId=restore), "Status")
    assert job["Status"] == "COMPLETED", job
    assert len(items(cloud, "again")) == 1_500


def test_a_table_whose_name_is_taken_fails_the_restore_and_stays(cloud, backup):
    job = backed_up(cloud, table(cloud))
    failed = restored(cloud, job["RecoveryPointArn"], {"targetTableName": "orders"})
    assert (failed["Status"], failed["StatusMessage"]) == ("FAILED", "Table already exists: orders")
    assert len(items(cloud, "orders")) == 3


def test_a_point_of_a_table_that_remembers_is_of_one_moment(cloud, backup):
    arn, dynamodb = table(cloud, items=900), cloud.client("dynamodb")
    dynamodb.update_continuous_backups(TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    cloud.sleep(1)
    job = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    while backup.describe_backup_job(BackupJobId=job)["State"] == "CREATED":
        cloud.run(asyncio.sleep(0))
    for number in range(0, 900, 3):
        dynamodb.delete_item(TableName="orders", Key={"id": {"S": f"{number:04}"}})
    job = ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")
    restored(cloud, job["RecoveryPointArn"], {"targetTableName": "again"})
    missing = {f"{number:04}" for number in range(900)} - items(cloud, "again")
    # Whatever the moment was: what had been deleted by then is not there, and nothing that was deleted later is missing.
    assert missing == {f"{number:04}" for number in range(0, 900, 3)[: len(missing)]} and len(missing) < 300


def test_a_job_that_is_stopped_leaves_nothing(cloud, backup):
    arn = table(cloud, items=900)
    job = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    backup.stop_backup_job(BackupJobId=job)
    cloud.sleep(5)
    told = backup.describe_backup_job(BackupJobId=job)
    assert (told["State"], told["StatusMessage"]) == ("ABORTED", '"Backup job was stopped by user."')
    assert points(cloud) == []
    assert refused(backup.stop_backup_job, BackupJobId=job)[0] == "InvalidRequestException"
    folder = Path(cloud.folder) / "us-east-1" / f"{ACCOUNT}.blobs" / "backup"
    assert not [file for file in folder.rglob("*") if file.is_file()]


def test_the_same_token_asks_for_the_same_job(cloud, backup):
    said = {"BackupVaultName": "vault", "ResourceArn": table(cloud), "IamRoleArn": ROLE, "IdempotencyToken": "t"}
    assert backup.start_backup_job(**said)["BackupJobId"] == backup.start_backup_job(**said)["BackupJobId"]
    cloud.sleep(5)
    assert len(backup.list_backup_jobs()["BackupJobs"]) == 1 and len(points(cloud)) == 1


def test_versions_that_are_asked_for_come_back_in_their_order(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket="papers", Key="k", Body=body)
        cloud.sleep(1)
    s3.put_object(Bucket="papers", Key="other", Body=b"o")
    point = backed_up(cloud, arn)["RecoveryPointArn"]
    bucket(cloud, "fresh")
    restored(cloud, point, {"DestinationBucketName": "fresh", "RestoreLatestVersionsUpTo": "2", "ItemsToRestore": '["s3://papers/k"]'})
    bodies = [s3.get_object(Bucket="fresh", Key="k", VersionId=one["VersionId"])["Body"].read() for one in s3.list_object_versions(Bucket="fresh")["Versions"]]
    assert bodies == [b"3", b"2"]
    made = restored(cloud, point, {"DestinationBucketName": "made", "NewBucket": "true", "RestoreLatestVersionsUpTo": "all", "EncryptionType": "SSE-S3"})
    assert made["CreatedResourceArn"] == "arn:aws:s3:::made", made
    assert len(s3.list_object_versions(Bucket="made")["Versions"]) == 4
    assert s3.head_object(Bucket="made", Key="k")["ServerSideEncryption"] == "AES256"
    none = restored(cloud, point, {"DestinationBucketName": "fresh", "ItemsToRestore": '["none/"]'})
    assert (none["Status"], none["StatusMessage"]) == ("COMPLETED", f"There are no objects that match the restore request for {point}.")


def test_objects_that_cannot_be_read_are_told_of_and_the_others_kept(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="open", Body=b"o")
    allow_customer_keys(s3, "papers")
    s3.put_object(Bucket="papers", Key="shut", Body=b"s", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    job = backed_up(cloud, arn)
    assert job["State"] == "COMPLETED" and job["StatusMessage"].startswith("One or more objects failed to be backed up from papers."), job
    s3.delete_object(Bucket="papers", Key="open")
    restored(cloud, job["RecoveryPointArn"], {"DestinationBucketName": "papers"})
    assert s3.get_object(Bucket="papers", Key="open")["Body"].read() == b"o"


def test_a_table_under_a_key_of_kms_is_kept_and_made_again_under_another(cloud, backup):
    kms = cloud.client("kms")
    key, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    arn = table(cloud, items=300, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    job = backed_up(cloud, arn)
    assert job["State"] == "COMPLETED", job
    cloud.client("dynamodb").delete_table(TableName="orders")
    kms.disable_key(KeyId=key)
    made = restored(cloud, job["RecoveryPointArn"], {"targetTableName": "again", "encryptionType": "KMS", "kmsMasterKeyArn": other})
    assert made["Status"] == "COMPLETED", made
    assert cloud.client("dynamodb").describe_table(TableName="again")["Table"]["SSEDescription"]["KMSMasterKeyArn"] == other
    assert len(items(cloud, "again")) == 300
    plain = restored(cloud, job["RecoveryPointArn"], {"targetTableName": "plain"})
    assert plain["Status"] == "COMPLETED" and len(items(cloud, "plain")) == 300
    assert backed_up(cloud, arn.replace("orders", "again"))["State"] == "COMPLETED"
    kms.disable_key(KeyId=other)
    cloud.sleep(600)
    assert backed_up(cloud, arn.replace("orders", "again"))["State"] == "FAILED"


def test_a_second_job_of_a_resource_waits_for_the_first(cloud, backup):
    arn = table(cloud, items=900)
    jobs = [backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"] for _ in range(2)]

    def states() -> list[str]:
        return [job["State"] for job in backup.list_backup_jobs(ByResourceArn=arn)["BackupJobs"]]

    # Of two that were asked for in one moment nobody says which is first; one answer tells of both at one instant.
    while "CREATED" in (seen := states()):
        cloud.run(asyncio.sleep(0))
    assert "COMPLETED" in seen
    for job in jobs:
        assert ended(cloud, lambda job=job: backup.describe_backup_job(BackupJobId=job), "State")["State"] == "COMPLETED"


def test_a_table_that_is_deleted_while_it_is_backed_up_is_not_kept_in_part(cloud, backup):
    arn = table(cloud, items=1_200)
    job = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE)["BackupJobId"]
    while backup.describe_backup_job(BackupJobId=job)["State"] == "CREATED":
        cloud.run(asyncio.sleep(0))
    cloud.client("dynamodb").delete_table(TableName="orders")
    job = ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")
    assert (job["State"], job["StatusMessage"]) == ("FAILED", "Table not found.")
    assert points(cloud) == []


def test_jobs_are_counted_for_cloudwatch_and_forgotten_after_thirty_days(cloud, backup):
    backed_up(cloud, table(cloud))
    cloud.sleep(120)
    wanted = [{"Name": "BackupVaultName", "Value": "vault"}, {"Name": "ResourceType", "Value": "DynamoDB"}]
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Backup", MetricName="NumberOfBackupJobsCompleted", Dimensions=wanted, Statistics=["Sum"], Period=3600,
        StartTime=cloud.now() - 3600, EndTime=cloud.now() + 60,
    )["Datapoints"]  # fmt: skip
    assert sum(point["Sum"] for point in found) == 1
    assert len(backup.list_backup_jobs()["BackupJobs"]) == 1
    Calendar(cloud).move(30.1)
    assert backup.list_backup_jobs()["BackupJobs"] == []
    assert len(points(cloud)) == 1


def test_grants_and_tags_are_kept_unless_that_is_not_wanted_and_put_back_if_it_is(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    for name in ("papers", "fresh"):
        if name == "fresh":
            bucket(cloud, name)
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_object(Bucket="papers", Key="k", Body=b"1", Tagging="a=b", ACL="public-read")
    everybody = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}

    def put_back(point: str, **said) -> tuple[bool, list]:
        job = restored(cloud, point, {"DestinationBucketName": "fresh", **said})
        assert (job["Status"], job.get("StatusMessage")) == ("COMPLETED", None), job
        grants = [grant["Grantee"] for grant in s3.get_object_acl(Bucket="fresh", Key="k")["Grants"]]
        return everybody in grants, s3.get_object_tagging(Bucket="fresh", Key="k")["TagSet"]

    tags = [{"Key": "a", "Value": "b"}]
    point = backed_up(cloud, arn)["RecoveryPointArn"]
    assert put_back(point, RestoreACLs="true") == (True, tags)
    assert put_back(point) == (False, tags)
    bare = backed_up(cloud, arn, BackupOptions={"BackupACLs": "disabled", "BackupObjectTags": "disabled"})["RecoveryPointArn"]
    assert put_back(bare, RestoreACLs="true") == (False, [])
    code, _ = refused(backup.start_backup_job, BackupVaultName="vault", ResourceArn=arn, IamRoleArn=ROLE, BackupOptions={"WindowsVSS": "enabled"})
    assert code == "InvalidParameterValueException"
