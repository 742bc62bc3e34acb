"""Restore testing: plans whose points are restored by themselves, validated by whoever likes, and deleted.

https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html
"""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from refusals import refused, refused_code
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, bucket, items, role, table
from test_events_rules import queue, received, rule

HOUR_S, DAY_S = 3_600, 86_400
LATEST = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}
PREFIX = "awsbackup-restore-test-"


@pytest.fixture
def backup(cloud):
    cloud.region()
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    return backup


def plan(backup, name: str = "daily", cron: str = "cron(0 * * * ? *)", choice: dict | None = None, **more) -> str:
    said = {"RestoreTestingPlanName": name, "ScheduleExpression": cron, "RecoveryPointSelection": choice or LATEST, **more}
    return backup.create_restore_testing_plan(RestoreTestingPlan=said)["RestoreTestingPlanArn"]


def select(backup, kind: str = "DynamoDB", name: str = "all", plan: str = "daily", **more) -> None:
    said = {"RestoreTestingSelectionName": name, "IamRoleArn": ROLE, "ProtectedResourceType": kind, **({"ProtectedResourceArns": ["*"]} | more)}
    backup.create_restore_testing_selection(RestoreTestingPlanName=plan, RestoreTestingSelection=said)


def jobs_of(backup, arn: str) -> list[dict]:
    return backup.list_restore_jobs(ByRestoreTestingPlanArn=arn)["RestoreJobs"]


def until_hour(cloud) -> None:
    """The next full hour has come, and jobs that began then have ended."""
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S + 5)


# Plans and selections ---------------------------------------------------------------------------------


def test_plans_are_made_shown_changed_and_deleted(cloud, backup):
    arn = plan(backup, ScheduleExpressionTimezone="Asia/Tokyo")
    assert arn.startswith(f"arn:aws:backup:us-east-1:{ACCOUNT}:restore-testing-plan:daily-")
    shown = backup.get_restore_testing_plan(RestoreTestingPlanName="daily")["RestoreTestingPlan"]
    assert (shown["StartWindowHours"], shown["ScheduleExpressionTimezone"], "LastExecutionTime" in shown) == (24, "Asia/Tokyo", False)
    assert shown["RecoveryPointSelection"] == {**LATEST, "SelectionWindowDays": 30, "ExcludeVaults": []}
    backup.update_restore_testing_plan(
        RestoreTestingPlanName="daily", RestoreTestingPlan={"StartWindowHours": 1, "RecoveryPointSelection": {"SelectionWindowDays": 7}}
    )
    shown = backup.get_restore_testing_plan(RestoreTestingPlanName="daily")["RestoreTestingPlan"]
    assert (shown["StartWindowHours"], shown["RecoveryPointSelection"]["SelectionWindowDays"]) == (1, 7)
    assert (shown["ScheduleExpression"], shown["RecoveryPointSelection"]["IncludeVaults"]) == ("cron(0 * * * ? *)", ["*"])
    backup.tag_resource(ResourceArn=arn, Tags={"a": "b"})
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
    select(backup)
    assert refused_code(backup.delete_restore_testing_plan, RestoreTestingPlanName="daily") == "InvalidRequestException"
    backup.delete_restore_testing_selection(RestoreTestingPlanName="daily", RestoreTestingSelectionName="all")
    backup.delete_restore_testing_plan(RestoreTestingPlanName="daily")
    assert backup.list_restore_testing_plans()["RestoreTestingPlans"] == []
    assert refused_code(backup.get_restore_testing_plan, RestoreTestingPlanName="daily") == "ResourceNotFoundException"


def test_a_request_repeated_with_its_id_makes_one_plan_and_one_selection(cloud, backup):
    said = {"RestoreTestingPlan": {"RestoreTestingPlanName": "p", "ScheduleExpression": "cron(0 5 ? * * *)", "RecoveryPointSelection": LATEST}}
    first = backup.create_restore_testing_plan(**said, CreatorRequestId="r")
    assert backup.create_restore_testing_plan(**said, CreatorRequestId="r")["RestoreTestingPlanArn"] == first["RestoreTestingPlanArn"]
    assert refused_code(backup.create_restore_testing_plan, **said) == "AlreadyExistsException"
    wish = {"RestoreTestingSelectionName": "s", "IamRoleArn": ROLE, "ProtectedResourceType": "S3", "ProtectedResourceArns": ["*"]}
    of_plan = {"RestoreTestingPlanName": "p", "RestoreTestingSelection": wish}
    for _ in range(2):
        backup.create_restore_testing_selection(**of_plan, CreatorRequestId="r")
    assert refused_code(backup.create_restore_testing_selection, **of_plan) == "AlreadyExistsException"
    assert [each["RestoreTestingSelectionName"] for each in backup.list_restore_testing_selections(RestoreTestingPlanName="p")["RestoreTestingSelections"]] == ["s"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"RestoreTestingPlanName": "no-hyphen"}, "InvalidParameterValueException"),
        ({"ScheduleExpression": "rate(1 day)"}, "InvalidParameterValueException"),
        ({"ScheduleExpressionTimezone": "Nowhere"}, "InvalidParameterValueException"),
        ({"StartWindowHours": 169}, "InvalidParameterValueException"),
        ({"RecoveryPointSelection": {**LATEST, "SelectionWindowDays": 366}}, "InvalidParameterValueException"),
        ({"RecoveryPointSelection": {**LATEST, "IncludeVaults": ["vault"]}}, "InvalidParameterValueException"),
        ({"RecoveryPointSelection": {**LATEST, "IncludeVaults": []}}, "MissingParameterValueException"),
        ({"RecoveryPointSelection": {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"]}}, "MissingParameterValueException"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be_are_refused(cloud, backup, wrong, code):
    said = {"RestoreTestingPlanName": "p", "ScheduleExpression": "cron(0 5 ? * * *)", "RecoveryPointSelection": LATEST, **wrong}
    assert refused_code(backup.create_restore_testing_plan, RestoreTestingPlan=said) == code


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ProtectedResourceType": "EBS"}, "NotImplemented"),
        ({"ProtectedResourceType": "Paper"}, "InvalidParameterValueException"),
        ({"ProtectedResourceArns": []}, "MissingParameterValueException"),
        ({"ProtectedResourceArns": ["arn:aws:s3:::b"]}, "InvalidParameterValueException"),
        ({"ProtectedResourceArns": ["*"], "RestoreMetadataOverrides": {"targetTableName": "t"}}, "InvalidParameterValueException"),
        ({"ProtectedResourceArns": ["*"], "ValidationWindowHours": 169}, "InvalidParameterValueException"),
        ({"ProtectedResourceArns": [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"],
          "ProtectedResourceConditions": {"StringEquals": [{"Key": "a", "Value": "b"}]}}, "InvalidParameterValueException"),
    ],
)  # fmt: skip
def test_selections_that_cannot_be_are_refused(cloud, backup, wrong, code):
    plan(backup)
    said = {"RestoreTestingSelectionName": "s", "IamRoleArn": ROLE, "ProtectedResourceType": "DynamoDB", **wrong}
    assert refused_code(backup.create_restore_testing_selection, RestoreTestingPlanName="daily", RestoreTestingSelection=said) == code


def test_a_selection_changes_from_arns_to_conditions_with_the_wildcard(cloud, backup):
    # "If your restore testing selection has specified ARNs and you wish to change it to a wildcard with conditions, the update request must
    # include both the ARN wildcard and the conditions."
    plan(backup)
    select(backup, ProtectedResourceArns=[table(cloud)])
    where = {"RestoreTestingPlanName": "daily", "RestoreTestingSelectionName": "all"}
    conditions = {"ProtectedResourceConditions": {"StringEquals": [{"Key": "a", "Value": "b"}]}}
    assert refused_code(backup.update_restore_testing_selection, **where, RestoreTestingSelection=conditions) == "InvalidParameterValueException"
    backup.update_restore_testing_selection(**where, RestoreTestingSelection={**conditions, "ProtectedResourceArns": ["*"], "ValidationWindowHours": 3})
    shown = backup.get_restore_testing_selection(**where)["RestoreTestingSelection"]
    assert (shown["ProtectedResourceArns"], shown["ValidationWindowHours"], shown["IamRoleArn"]) == (["*"], 3, ROLE)
    assert shown["ProtectedResourceConditions"] == conditions["ProtectedResourceConditions"]


def test_who_makes_the_first_plan_may_make_the_role_of_restore_testing(cloud, backup):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    iam.put_user_policy(
        UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "backup:*", "Resource": "*"}})
    )
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    hers = cloud.client("backup", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    said = {"RestoreTestingPlanName": "p", "ScheduleExpression": "cron(0 5 ? * * *)", "RecoveryPointSelection": LATEST}
    code, text = refused(hers.create_restore_testing_plan, RestoreTestingPlan=said)
    assert code == "AccessDeniedException" and "iam:CreateServiceLinkedRole" in text
    plan(backup)
    hers.create_restore_testing_plan(RestoreTestingPlan=said)
    assert "AWSServiceRoleForBackupRestoreTesting" in [each["RoleName"] for each in iam.list_roles()["Roles"]]


# What tests do ------------------------------------------------------------------------------------------


def test_a_table_is_restored_on_the_plans_schedule_and_deleted_when_the_window_is_over(cloud, backup):
    point = backed_up(cloud, table(cloud, items=7))["RecoveryPointArn"]
    arn = plan(backup)
    select(backup, ValidationWindowHours=2)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    assert (job["Status"], job["RecoveryPointArn"], job["CreatedBy"]) == ("COMPLETED", point, {"RestoreTestingPlanArn": arn})
    name = job["CreatedResourceArn"].rpartition("/")[2]
    assert name.startswith(PREFIX) and len(items(cloud, name)) == 7
    metadata = backup.get_restore_job_metadata(RestoreJobId=job["RestoreJobId"])["Metadata"]
    assert metadata == {"deletionProtection": "false", "encryptionType": "Default", "targetTableName": name}
    backup.update_restore_testing_plan(RestoreTestingPlanName="daily", RestoreTestingPlan={"ScheduleExpression": "cron(0 0 1 1 ? *)"})
    cloud.sleep(2 * HOUR_S - 60)
    assert "DeletionStatus" not in backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])
    cloud.sleep(60)
    assert backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])["DeletionStatus"] == "SUCCESSFUL"
    assert cloud.client("dynamodb").list_tables()["TableNames"] == ["orders"]
    # "Restore testing has a cost per restore test", and the restore has its own.
    assert used(cloud)["backup:restore_test", "orders"] == 1 and ("backup:dynamodb_warm_restore", "orders") in used(cloud)
    assert "LastExecutionTime" in backup.list_restore_testing_plans()["RestoreTestingPlans"][0]
    # "You will see calls to StartRestoreJob in CloudTrail for each job started by restore testing."
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "StartRestoreJob"}]
    (event,) = cloud.client("cloudtrail").lookup_events(LookupAttributes=wanted)["Events"]
    assert "AWSServiceRoleForBackupRestoreTesting" in json.loads(event["CloudTrailEvent"])["userIdentity"]["arn"]


def test_a_bucket_is_restored_and_emptied_by_a_lifecycle_rule(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="k", Body=b"1")
    backed_up(cloud, arn)
    of_plan = plan(backup)
    select(backup, "S3")
    until_hour(cloud)
    (job,) = jobs_of(backup, of_plan)
    assert (job["Status"], job.get("StatusMessage"), job["DeletionStatus"]) == ("COMPLETED", None, "DELETING")
    name = job["CreatedResourceArn"].rpartition(":")[2]
    assert name.startswith(PREFIX) and s3.get_object(Bucket=name, Key="k")["ServerSideEncryption"] == "AES256"
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]["Expiration"] == {"Days": 1}
    backup.delete_restore_testing_selection(RestoreTestingPlanName="daily", RestoreTestingSelectionName="all")
    backup.delete_restore_testing_plan(RestoreTestingPlanName="daily")
    for _ in range(6):
        cloud.sleep(DAY_S)
    assert backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])["DeletionStatus"] == "SUCCESSFUL"
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["papers"]


def test_a_validation_ends_the_window_and_is_for_good(cloud, backup):
    backed_up(cloud, table(cloud))
    arn = plan(backup)
    select(backup, ValidationWindowHours=168)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    id_ = job["RestoreJobId"]
    backup.put_restore_validation_result(RestoreJobId=id_, ValidationStatus="VALIDATING")
    cloud.sleep(60)
    assert "DeletionStatus" not in backup.describe_restore_job(RestoreJobId=id_)
    backup.put_restore_validation_result(RestoreJobId=id_, ValidationStatus="FAILED", ValidationStatusMessage="two rows are missing")
    cloud.sleep(5)
    told = backup.describe_restore_job(RestoreJobId=id_)
    assert (told["ValidationStatus"], told["ValidationStatusMessage"], told["DeletionStatus"]) == ("FAILED", "two rows are missing", "SUCCESSFUL")
    assert refused_code(backup.put_restore_validation_result, RestoreJobId=id_, ValidationStatus="SUCCESSFUL") == "InvalidRequestException"
    point = told["RecoveryPointArn"]
    own = backup.start_restore_job(RecoveryPointArn=point, Metadata={"targetTableName": "mine"}, IamRoleArn=ROLE)["RestoreJobId"]
    cloud.sleep(5)
    assert refused_code(backup.put_restore_validation_result, RestoreJobId=own, ValidationStatus="SUCCESSFUL") == "InvalidRequestException"
    assert refused_code(backup.put_restore_validation_result, RestoreJobId="none", ValidationStatus="SUCCESSFUL") == "ResourceNotFoundException"


def test_a_validation_that_goes_on_for_too_long_has_timed_out(cloud, backup):
    backed_up(cloud, table(cloud))
    arn = plan(backup)
    select(backup, ValidationWindowHours=1)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    backup.put_restore_validation_result(RestoreJobId=job["RestoreJobId"], ValidationStatus="VALIDATING")
    cloud.sleep(HOUR_S)
    told = backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])
    assert (told["ValidationStatus"], told["DeletionStatus"]) == ("TIMED_OUT", "SUCCESSFUL")


def test_the_latest_point_of_the_vaults_and_the_window_is_chosen(cloud, backup):
    backup.create_backup_vault(BackupVaultName="other")
    arn = table(cloud)
    old = backed_up(cloud, arn)["RecoveryPointArn"]
    cloud.sleep(60)
    new = backed_up(cloud, arn)["RecoveryPointArn"]
    cloud.sleep(60)
    elsewhere = backed_up(cloud, arn, vault="other")["RecoveryPointArn"]
    vault = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault"
    chosen = {
        "all": (LATEST, elsewhere), "here": ({**LATEST, "IncludeVaults": [f"{vault}:va*"]}, new),
        "not_there": ({**LATEST, "ExcludeVaults": [f"{vault}:other"]}, new),
        "following": ({**LATEST, "RecoveryPointTypes": ["CONTINUOUS"]}, None),
    }  # fmt: skip
    arns = {name: plan(backup, name, choice=choice) for name, (choice, _) in chosen.items()}
    any_of = plan(backup, "any", choice={**LATEST, "Algorithm": "RANDOM_WITHIN_WINDOW"})
    for name in (*chosen, "any"):
        select(backup, plan=name)
    until_hour(cloud)
    assert {name: [job["RecoveryPointArn"] for job in jobs_of(backup, arns[name])] for name in chosen} == {
        name: [point] if point else [] for name, (_, point) in chosen.items()
    }
    assert jobs_of(backup, any_of)[0]["RecoveryPointArn"] in {old, new, elsewhere}


def test_points_that_are_too_old_are_not_tested(cloud, backup):
    backed_up(cloud, table(cloud))
    arn = plan(backup, cron="cron(0 0 * * ? *)", choice={**LATEST, "SelectionWindowDays": 1}, StartWindowHours=1)
    select(backup)
    Calendar(cloud).move(3)
    cloud.sleep(DAY_S)
    assert jobs_of(backup, arn) == []


def test_resources_are_chosen_by_the_tags_of_their_latest_point(cloud, backup):
    # "The tag conditions on that selection match the tags on the latest recovery point for the resource."
    backed_up(cloud, table(cloud, "one"), RecoveryPointTags={"tier": "gold"})
    backed_up(cloud, table(cloud, "two"), RecoveryPointTags={"tier": "tin"})
    arns = {}
    for name, operator, key in (("gold", "StringEquals", "aws:ResourceTag/tier"), ("rest", "StringNotEquals", "tier")):
        arns[name] = plan(backup, name)
        select(backup, plan=name, ProtectedResourceArns=["*"], ProtectedResourceConditions={operator: [{"Key": key, "Value": "gold"}]})
    until_hour(cloud)
    tested = {name: [job["SourceResourceArn"].rpartition("/")[2] for job in jobs_of(backup, arn)] for name, arn in arns.items()}
    assert tested == {"gold": ["one"], "rest": ["two"]}


def test_a_bucket_that_is_followed_is_restored_as_it_is_now(cloud, backup):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="k", Body=b"1")
    rule_ = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(30 * * * ? *)", "EnableContinuousBackup": True,
             "Lifecycle": {"DeleteAfterDays": 7}}  # fmt: skip
    made = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule_]})["BackupPlanId"]
    backup.create_backup_selection(BackupPlanId=made, BackupSelection={"SelectionName": "s", "IamRoleArn": ROLE, "Resources": [arn]})
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S + 1_860)
    s3.put_object(Bucket="papers", Key="k", Body=b"2")
    of_plan = plan(backup, choice={**LATEST, "RecoveryPointTypes": ["SNAPSHOT", "CONTINUOUS"]})
    select(backup, "S3", ValidationWindowHours=1)
    until_hour(cloud)
    (job,) = jobs_of(backup, of_plan)
    assert job["Status"] == "COMPLETED", job
    assert s3.get_object(Bucket=job["CreatedResourceArn"].rpartition(":")[2], Key="k")["Body"].read() == b"2"


def test_what_is_inferred_is_told_before_and_may_be_said_otherwise(cloud, backup):
    kms = cloud.client("kms")
    point = backed_up(cloud, table(cloud))["RecoveryPointArn"]
    told = backup.get_restore_testing_inferred_metadata(BackupVaultName="vault", RecoveryPointArn=point)["InferredMetadata"]
    assert told.pop("targetTableName").startswith(PREFIX) and told == {"deletionProtection": "false", "encryptionType": "Default"}
    bare = backed_up(cloud, bucket(cloud), BackupOptions={"BackupACLs": "disabled"})["RecoveryPointArn"]
    told = backup.get_restore_testing_inferred_metadata(BackupVaultName="vault", RecoveryPointArn=bare)["InferredMetadata"]
    assert told.pop("destinationBucketName").startswith(PREFIX)
    assert told == {"encrypted": "true", "encryptionType": "SSE-S3", "newBucket": "true", "restoreACLs": "false"}
    key = kms.create_key()["KeyMetadata"]["Arn"]
    arn = plan(backup)
    select(backup, RestoreMetadataOverrides={"EncryptionType": "KMS", "kmsMasterKeyArn": key}, ValidationWindowHours=1)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    name = job["CreatedResourceArn"].rpartition("/")[2]
    assert cloud.client("dynamodb").describe_table(TableName=name)["Table"]["SSEDescription"]["KMSMasterKeyArn"] == key


def test_a_test_that_cannot_be_fails_as_its_job(cloud, backup):
    # "IAM Role cannot be assumed by AWS Backup" is among the failures that the guide names.
    backed_up(cloud, table(cloud))
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    arn = plan(backup)
    select(backup, IamRoleArn=other)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    assert job["Status"] == "FAILED" and "cannot be assumed by AWS Backup" in job["StatusMessage"] and "DeletionStatus" not in job


def test_a_plan_whose_start_is_denied_has_jobs_that_failed(cloud, backup):
    backed_up(cloud, table(cloud))
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "backup:StartRestoreJob", "Resource": "*"}}
    backup.put_backup_vault_access_policy(BackupVaultName="vault", Policy=json.dumps(deny))
    arn = plan(backup)
    select(backup)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    assert job["Status"] == "FAILED" and "explicit deny" in job["StatusMessage"]


def test_a_table_that_cannot_be_deleted_is_told(cloud, backup):
    backed_up(cloud, table(cloud))
    arn = plan(backup)
    select(backup, ValidationWindowHours=1)
    until_hour(cloud)
    (job,) = jobs_of(backup, arn)
    name = job["CreatedResourceArn"].rpartition("/")[2]
    cloud.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=True)
    cloud.sleep(HOUR_S)
    told = backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])
    assert told["DeletionStatus"] == "FAILED" and "deletion protection" in told["DeletionStatusMessage"].lower()


def test_a_rule_hears_which_plan_a_job_is_of(cloud, backup):
    rule(cloud, {"Id": "t", "Arn": queue(cloud)}, pattern=json.dumps({"source": ["aws.backup"], "detail": {"restoreJobId": [{"exists": True}], "status": ["COMPLETED"]}}))
    backed_up(cloud, table(cloud))
    arn = plan(backup)
    select(backup)
    until_hour(cloud)
    (message,) = received(cloud)
    assert json.loads(message["Body"])["detail"]["restoreTestingPlanArn"] == arn


def test_tests_begin_once_whatever_happens(cloud, backup):
    """A kill in the midst begins no job twice, and one in the dark makes up for what was due while its window is open."""
    backed_up(cloud, table(cloud))
    arn = plan(backup)
    select(backup, ValidationWindowHours=100)
    cloud.sleep(HOUR_S - cloud.now() % HOUR_S - 1)
    cloud.kill("us-east-1")
    cloud.sleep(60)
    cloud.region()
    for _ in range(3):
        cloud.restart(kill=True)
    cloud.sleep(30)
    (job,) = jobs_of(backup, arn)
    assert job["Status"] == "COMPLETED"
    cloud.restart(kill=True)
    cloud.sleep(100 * HOUR_S)
    assert backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])["DeletionStatus"] == "SUCCESSFUL"


def test_what_was_due_in_the_dark_is_not_made_up_for_when_its_window_is_over(cloud, backup):
    backed_up(cloud, table(cloud))
    arns = [plan(backup, name, cron="cron(0 12 * * ? *)", StartWindowHours=hours) for name, hours in (("short", 1), ("long", 24))]
    for name in ("short", "long"):
        select(backup, plan=name)
    cloud.sleep((12 * HOUR_S - cloud.now()) % DAY_S - 60)
    cloud.sleep_dark(2 * HOUR_S)
    cloud.sleep(5)
    assert [len(jobs_of(backup, arn)) for arn in arns] == [0, 1]


def test_plans_of_backups_pass_over_what_tests_have_made(cloud, backup):
    backed_up(cloud, table(cloud))
    plan(backup)
    select(backup, ValidationWindowHours=168)
    until_hour(cloud)
    rule_ = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 * * * ? *)"}
    made = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule_]})["BackupPlanId"]
    backup.create_backup_selection(BackupPlanId=made, BackupSelection={"SelectionName": "s", "IamRoleArn": ROLE, "Resources": ["*"]})
    until_hour(cloud)
    assert {each["ResourceName"] for each in backup.list_protected_resources()["Results"]} == {"orders"}
