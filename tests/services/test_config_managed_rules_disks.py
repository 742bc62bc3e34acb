"""AWS Config: volumes as they are recorded, and AWS's own rules for volumes and snapshots."""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, Audit, history, trust
from services.volume_workshop import block, written

US, GOOD, BAD = "us-east-1", "COMPLIANT", "NON_COMPLIANT"


@pytest.fixture
def audit(cloud):
    return Audit(cloud)


def test_a_volume_is_recorded_from_its_beginning_to_its_end(audit):
    ec2 = audit.client("ec2")
    id_ = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    audit.cloud.sleep(70)
    ec2.create_tags(Resources=[id_], Tags=[{"Key": "team", "Value": "blue"}])
    audit.cloud.sleep(5)
    ec2.modify_volume(VolumeId=id_, Size=2)
    audit.cloud.sleep(70)
    ec2.delete_volume(VolumeId=id_)
    audit.cloud.sleep(70)
    items = history(audit.config, "AWS::EC2::Volume", id_)
    assert [each["configurationItemStatus"] for each in (items[0], items[-1])] == ["ResourceDiscovered", "ResourceDeleted"]
    last = [each for each in items if each["configuration"]][-1]
    assert last["arn"] == f"arn:aws:ec2:{US}:{ACCOUNT}:volume/{id_}" and last["tags"] == {"team": "blue"}
    assert (last["configuration"]["size"], last["configuration"]["volumeType"], last["configuration"]["encrypted"]) == (2, "gp2", False)


def test_rules_of_encryption_and_of_what_is_public(audit):
    ec2 = audit.client("ec2")
    snapshot = written(audit.cloud, {0: block("a")})
    default, public = "EC2_EBS_ENCRYPTION_BY_DEFAULT", "EBS_SNAPSHOT_PUBLIC_RESTORABLE_CHECK"
    assert audit.judged(default) == {ACCOUNT: BAD} and audit.judged(public) == {ACCOUNT: GOOD}
    ec2.enable_ebs_encryption_by_default()
    ec2.modify_snapshot_attribute(SnapshotId=snapshot, OperationType="add", GroupNames=["all"])
    assert audit.judged(default) == {ACCOUNT: GOOD} and audit.judged(public) == {ACCOUNT: BAD}


def test_rules_of_what_is_backed_up(audit):
    ec2, backup, iam = (audit.client(name) for name in ("ec2", "backup", "iam"))
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": "daily"}]}]
    kept = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=tags)["VolumeId"]
    bare = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    role = iam.create_role(RoleName="backup", AssumeRolePolicyDocument=trust("backup.amazonaws.com"))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="backup", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup")
    backup.create_backup_vault(BackupVaultName="vault")
    audit.cloud.sleep(5)
    protected, latest = "EBS_RESOURCES_PROTECTED_BY_BACKUP_PLAN", "EBS_LAST_BACKUP_RECOVERY_POINT_CREATED"
    assert audit.judged(protected) == audit.judged("EBS_IN_BACKUP_PLAN") == audit.judged(latest) == {kept: BAD, bare: BAD}
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 5 * * ? *)"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    chosen = [{"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "daily"}]
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": "s", "IamRoleArn": role, "ListOfTags": chosen})
    expected = {kept: GOOD, bare: BAD}
    assert audit.judged(protected) == audit.judged("EBS_IN_BACKUP_PLAN") == expected
    assert audit.judged(protected, resourceTags=json.dumps({"backup": "daily"})) == {kept: GOOD}
    arn = f"arn:aws:ec2:{US}:{ACCOUNT}:volume/{kept}"
    number = backup.start_backup_job(BackupVaultName="vault", ResourceArn=arn, IamRoleArn=role)["BackupJobId"]
    audit.cloud.sleep(30)
    assert backup.describe_backup_job(BackupJobId=number)["State"] == "COMPLETED"
    assert audit.judged(latest) == expected
