"""What tests of AWS Backup share: a role that AWS's own policies give its rights, tables and buckets, and jobs that are waited for."""

from __future__ import annotations

import json
from typing import Any

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}}
POLICIES = ("ForBackup", "ForRestores", "ForS3Backup", "ForS3Restore")
CRON = "cron(0 3 * * ? *)"


def role(cloud, name: str = "AWSBackupDefaultServiceRole", policies: tuple[str, ...] = POLICIES) -> str:
    """A role as AWS's console makes it."""
    iam = cloud.client("iam")
    made = iam.create_role(RoleName=name, Path="/service-role/", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **TRUST}))
    for policy in policies:
        prefix = "" if "S3" in policy else "service-role/"
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{prefix}AWSBackupServiceRolePolicy{policy}")
    return made["Role"]["Arn"]


def table(cloud, name: str = "orders", items: int = 3, region: str = "us-east-1", **more: Any) -> str:
    dynamodb = cloud.client("dynamodb", region)
    made = dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, *more.pop("attributes", ())], **more,
    )  # fmt: skip
    for number in range(items):
        dynamodb.put_item(TableName=name, Item={"id": {"S": f"{number:04}"}, "note": {"S": "n" * 40}})
    return made["TableDescription"]["TableArn"]


def items(cloud, name: str, region: str = "us-east-1") -> set[str]:
    pages = cloud.client("dynamodb", region).get_paginator("scan").paginate(TableName=name)
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def bucket(cloud, name: str = "papers", region: str = "us-east-1") -> str:
    s3 = cloud.client("s3", region)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return f"arn:aws:s3:::{name}"


def backed_up(cloud, resource: str, vault: str = "vault", role: str = ROLE, region: str = "us-east-1", **more: Any) -> dict:
    """The job that backs a resource up, when it has ended."""
    backup = cloud.client("backup", region)
    job = backup.start_backup_job(BackupVaultName=vault, ResourceArn=resource, IamRoleArn=role, **more)["BackupJobId"]
    return ended(cloud, lambda: backup.describe_backup_job(BackupJobId=job), "State")


def copied(cloud, point: str, target: str, vault: str = "vault", region: str = "us-east-1", role: str = ROLE, **more: Any) -> dict:
    backup = cloud.client("backup", region)
    job = backup.start_copy_job(RecoveryPointArn=point, SourceBackupVaultName=vault, DestinationBackupVaultArn=target, IamRoleArn=role, **more)
    return ended(cloud, lambda: backup.describe_copy_job(CopyJobId=job["CopyJobId"])["CopyJob"], "State")


def restored(cloud, point: str, metadata: dict[str, str], region: str = "us-east-1", role: str = ROLE, **more: Any) -> dict:
    backup = cloud.client("backup", region)
    job = backup.start_restore_job(RecoveryPointArn=point, Metadata=metadata, IamRoleArn=role, **more)["RestoreJobId"]
    return ended(cloud, lambda: backup.describe_restore_job(RestoreJobId=job), "Status")


def ended(cloud, look, member: str) -> dict:
    for _ in range(600):
        job = look()
        if job[member] not in ("CREATED", "PENDING", "RUNNING"):
            return job
        cloud.sleep(1)
    raise AssertionError(f"the job has not ended: {job}")


class Calendar:
    """The date of a region, moved on as somebody would who tests what comes in years."""

    def __init__(self, cloud, region: str = "us-east-1") -> None:
        self.cloud, self.region, self.days, self.fault = cloud, region, 0.0, None

    def move(self, days: float) -> None:
        self.days += days
        if self.fault:
            self.cloud.heal(self.fault)
        self.fault = self.cloud.fault("clock.skew", {"region": self.region}, offset=self.days * 86_400)
        self.cloud.sleep(2)


def points(cloud, vault: str = "vault", region: str = "us-east-1") -> list[dict]:
    return cloud.client("backup", region).list_recovery_points_by_backup_vault(BackupVaultName=vault)["RecoveryPoints"]
