"""Continuous backups of buckets: as they were at any second of their days.

https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, Calendar, bucket, copied, points, restored, role

HOUR_S = 3_600


class Papers:
    """A bucket that a plan follows."""

    def __init__(self, cloud) -> None:
        self.cloud, self.s3, self.backup = cloud, cloud.client("s3"), cloud.client("backup")
        role(cloud)
        self.backup.create_backup_vault(BackupVaultName="vault")
        bucket(cloud)
        self.restores = 0

    def follow(self, **more) -> str:
        """Until the plan's first job has run; answers the ARN of the point."""
        rule = {
            "RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 * * * ? *)", "EnableContinuousBackup": True,
            "Lifecycle": {"DeleteAfterDays": 7}, **more,
        }  # fmt: skip
        plan = self.backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
        said = {"SelectionName": "s", "IamRoleArn": ROLE, "Resources": ["arn:aws:s3:::papers"]}
        self.backup.create_backup_selection(BackupPlanId=plan, BackupSelection=said)
        self.cloud.sleep(HOUR_S + 10)
        (point,) = points(self.cloud)
        return point["RecoveryPointArn"]

    def put(self, key: str, body: str, **more) -> str:
        return self.s3.put_object(Bucket="papers", Key=key, Body=body.encode(), **more)["VersionId"]

    def moment(self) -> str:
        """A second that is over, and nothing happens in the next."""
        self.cloud.sleep(1.5)
        at = datetime.fromtimestamp(int(self.cloud.region().clock.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.cloud.sleep(1.5)
        return at

    def at(self, point: str, moment: str, **more) -> dict[str, str]:
        """What the bucket held then."""
        self.restores += 1
        name = f"restored-{self.restores}"
        job = restored(self.cloud, point, {"DestinationBucketName": name, "NewBucket": "true", "RestoreTime": moment, **more})
        assert job["Status"] == "COMPLETED", job
        found = self.s3.list_objects_v2(Bucket=name).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=name, Key=each["Key"])["Body"].read().decode() for each in found}


@pytest.fixture
def papers(cloud) -> Papers:
    cloud.region()
    return Papers(cloud)


def test_a_bucket_comes_back_as_it_was_at_any_second(cloud, papers):
    papers.put("a", "1")
    point = papers.follow()
    assert point.startswith(f"arn:aws:backup:us-east-1:{ACCOUNT}:recovery-point:continuous:papers-")
    assert points(cloud)[0]["Status"] == "AVAILABLE"
    moments = [papers.moment()]
    papers.put("a", "2")
    version = papers.put("b", "new")
    moments.append(papers.moment())
    papers.s3.delete_object(Bucket="papers", Key="a")
    moments.append(papers.moment())
    cloud.sleep(10)
    papers.s3.delete_object(Bucket="papers", Key="b", VersionId=version)
    cloud.sleep(10)
    moments.append(papers.moment())
    papers.put("a", "3")
    # What was changed just now is looked at before a restore.
    moments.append(papers.moment())
    assert [papers.at(point, moment) for moment in moments] == [{"a": "1"}, {"a": "2", "b": "new"}, {"b": "new"}, {}, {"a": "3"}]
    assert papers.at(point, moments[-1], RestoreLatestVersionsUpTo="all") == {"a": "3"}
    assert len(papers.s3.list_object_versions(Bucket=f"restored-{papers.restores}")["Versions"]) == 3
    cloud.sleep(HOUR_S)
    assert [one["RecoveryPointArn"] for one in points(cloud)] == [point]
    assert [job["RecoveryPointArn"] for job in papers.backup.list_backup_jobs()["BackupJobs"]] == [point] * 2


def test_tags_come_back_as_they_were(cloud, papers):
    point = papers.follow()
    papers.put("a", "1", Tagging="k=old")
    cloud.sleep(10)
    before = papers.moment()
    papers.s3.put_object_tagging(Bucket="papers", Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "new"}]})
    cloud.sleep(10)
    after = papers.moment()
    for moment, value in ((before, "old"), (after, "new")):
        papers.at(point, moment)
        tags = papers.s3.get_object_tagging(Bucket=f"restored-{papers.restores}", Key="a")["TagSet"]
        assert tags == [{"Key": "k", "Value": value}]


def test_a_kill_loses_nothing_of_what_was_followed_or_was_to_be(cloud, papers):
    point = papers.follow()
    papers.put("a", "1")
    cloud.restart(kill=True)
    cloud.sleep(20)
    papers.put("b", "2")
    cloud.sleep(20)
    papers.s3.delete_objects(Bucket="papers", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    moment = datetime.fromtimestamp(int(cloud.now()) - 10, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    cloud.restart(kill=True)
    assert papers.at(point, moment) == {"a": "1", "b": "2"}


def test_a_bucket_that_may_not_be_read_any_more_is_not_followed(cloud, papers):
    papers.put("a", "1")
    first = papers.follow()
    moment = papers.moment()
    iam = cloud.client("iam")
    iam.detach_role_policy(RoleName="AWSBackupDefaultServiceRole", PolicyArn="arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup")
    papers.put("a", "2")
    cloud.sleep(20)
    assert points(cloud)[0]["Status"] == "STOPPED"
    assert papers.at(first, moment) == {"a": "1"}
    iam.attach_role_policy(RoleName="AWSBackupDefaultServiceRole", PolicyArn="arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup")
    cloud.sleep(HOUR_S)
    assert sorted(point["Status"] for point in points(cloud)) == ["AVAILABLE", "STOPPED"]


def test_what_lies_further_back_than_its_days_is_let_go(cloud, papers):
    calendar = Calendar(cloud)
    papers.put("a", "old")
    point = papers.follow()
    moment = papers.moment()
    papers.s3.delete_object(Bucket="papers", Key="a", VersionId=papers.s3.head_object(Bucket="papers", Key="a")["VersionId"])
    papers.put("b", "stays")
    cloud.sleep(20)
    calendar.move(7.1)
    assert refused(
        papers.backup.start_restore_job, RecoveryPointArn=point, IamRoleArn=ROLE, Metadata={"DestinationBucketName": "x", "RestoreTime": moment}
    )[0] == "InvalidParameterValueException"  # fmt: skip
    cloud.sleep(HOUR_S)
    rows = cloud.region().store.rows(ACCOUNT)
    assert [key for (key,) in rows.all("select key from backup_entry")] == ["b"]
    assert rows.one("select count(*) from backup_piece")[0] == 1
    assert papers.at(point, papers.moment()) == {"b": "stays"}
    papers.backup.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=point)
    assert rows.one("select count(*) from backup_entry")[0] == rows.one("select count(*) from backup_piece")[0] == 0


def test_what_is_copied_of_it_stands_by_itself(cloud, papers):
    papers.put("a", "1")
    point = papers.follow()
    papers.backup.create_backup_vault(BackupVaultName="other")
    papers.put("a", "2")
    copy = copied(cloud, point, f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:other")
    assert copy["State"] == "COMPLETED", copy
    (shown,) = points(cloud, "other")
    assert (shown["Status"], ":continuous:" in shown["RecoveryPointArn"]) == ("COMPLETED", False)
    job = restored(cloud, shown["RecoveryPointArn"], {"DestinationBucketName": "fresh", "NewBucket": "true"})
    assert job["Status"] == "COMPLETED", job
    assert papers.s3.get_object(Bucket="fresh", Key="a")["Body"].read() == b"2"


def test_its_time_must_be_named_and_its_days_are_at_most_35(cloud, papers):
    point = papers.follow()
    backup = papers.backup
    said = {"RecoveryPointArn": point, "IamRoleArn": ROLE}
    for metadata in ({}, {"RestoreTime": "2020-01-01T00:00:00Z"}, {"RestoreTime": "2099-01-01T00:00:00Z"}, {"RestoreTime": "now"}):
        code, _ = refused(backup.start_restore_job, **said, Metadata={"DestinationBucketName": "x", **metadata})
        assert code == "InvalidParameterValueException"
    assert refused(backup.update_recovery_point_lifecycle, BackupVaultName="vault", RecoveryPointArn=point, Lifecycle={"DeleteAfterDays": 9})[0] == "InvalidRequestException"
    for lifecycle in ({}, {"DeleteAfterDays": 36}, {"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 100}):
        rule = {"RuleName": "r", "TargetBackupVaultName": "vault", "EnableContinuousBackup": True, "Lifecycle": lifecycle}
        assert refused(backup.create_backup_plan, BackupPlan={"BackupPlanName": "q", "Rules": [rule]})[0] == "InvalidParameterValueException"
