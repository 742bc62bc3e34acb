"""Backup plans: what is backed up of itself, when, of what, and what is told of it."""

from __future__ import annotations

import json
from datetime import UTC

import pytest
from refusals import refused
from services.backup_workshop import ACCOUNT, ROLE, Calendar, backed_up, bucket, points, role, table

HOUR_S = 3_600


@pytest.fixture
def backup(cloud):
    cloud.region()
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    return backup


def plan(backup, cron: str = "cron(0 * * * ? *)", name: str = "plan", **more) -> str:
    rule = {"RuleName": "hourly", "TargetBackupVaultName": "vault", "ScheduleExpression": cron, **more}
    return backup.create_backup_plan(BackupPlan={"BackupPlanName": name, "Rules": [rule]})["BackupPlanId"]


def select(backup, plan: str, name: str = "s", **said) -> str:
    return backup.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": name, "IamRoleArn": ROLE, **said})["SelectionId"]


def test_a_rule_backs_up_at_its_times_in_its_time_zone(cloud, backup):
    arn = table(cloud)
    id_ = plan(backup, "cron(30 9 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo", Lifecycle={"DeleteAfterDays": 7}, RecoveryPointTags={"a": "b"})
    select(backup, id_, Resources=[arn])
    cloud.sleep(HOUR_S)
    (point,) = points(cloud)
    assert point["CreationDate"].astimezone(UTC).strftime("%H:%M") == "00:30"
    assert (point["CalculatedLifecycle"]["DeleteAt"] - point["CreationDate"]).days == 7
    assert point["CreatedBy"]["BackupPlanId"] == id_ and point["CreatedBy"]["BackupRuleTimezone"] == "Asia/Tokyo"
    assert backup.list_tags(ResourceArn=point["RecoveryPointArn"])["Tags"] == {"a": "b"}
    assert backup.get_backup_plan(BackupPlanId=id_)["LastExecutionDate"] == point["CreationDate"].replace(microsecond=0)


def test_a_rules_copies_go_to_vaults_of_other_regions(make_cloud):
    cloud = make_cloud()
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    cloud.client("backup", "eu-west-1").create_backup_vault(BackupVaultName="far")
    there = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:far"
    id_ = plan(backup, CopyActions=[{"DestinationBackupVaultArn": there, "Lifecycle": {"DeleteAfterDays": 30}}])
    select(backup, id_, Resources=[table(cloud)])
    cloud.sleep(HOUR_S + 10)
    (copy,) = backup.list_copy_jobs()["CopyJobs"]
    (point,) = points(cloud, "far", "eu-west-1")
    assert copy["State"] == "COMPLETED" and copy["CreatedBy"]["BackupPlanId"] == id_ and copy["CreatedByBackupJobId"]
    assert point["RecoveryPointArn"] == copy["DestinationRecoveryPointArn"] and point["CreatedBy"]["BackupPlanId"] == id_


def test_a_region_that_was_dark_backs_up_once_if_the_start_window_is_open_and_else_the_job_expires(cloud, backup):
    arn, calendar = table(cloud), Calendar(cloud)
    id_ = plan(backup, "cron(0 1 * * ? *)", StartWindowMinutes=60, CompletionWindowMinutes=180)
    select(backup, id_, Resources=[arn])
    cloud.kill("us-east-1")
    cloud.sleep(1.5 * HOUR_S)
    cloud.region()
    cloud.sleep(5)
    assert [job["State"] for job in backup.list_backup_jobs()["BackupJobs"]] == ["COMPLETED"]
    cloud.kill("us-east-1")
    calendar.move(3)  # dark for three days, and back half an hour after its rule's window
    cloud.sleep(HOUR_S)
    cloud.region()
    cloud.sleep(5)
    jobs = backup.list_backup_jobs()["BackupJobs"]
    assert sorted(job["State"] for job in jobs) == ["COMPLETED", "EXPIRED"]
    assert next(job for job in jobs if job["State"] == "EXPIRED")["StatusMessage"] == '"Backup job expired before completion."'


RESOURCES = {
    "orders": {"team": "red", "backup": "daily"}, "carts": {"team": "blue", "backup": "daily"}, "logs": {"team": "red"}, "sessions": {},
}  # fmt: skip
TABLES = "arn:aws:dynamodb:us-east-1:000000000000:table/"
SELECTIONS = {
    "by name": ({"Resources": [TABLES + "orders"]}, {"orders"}),
    "by pattern": ({"Resources": [TABLES + "*"], "NotResources": [TABLES + "log*"]}, {"orders", "carts", "sessions"}),
    "everything": ({"Resources": ["*"]}, {"orders", "carts", "logs", "sessions", "papers"}),
    "by any tag": ({"ListOfTags": [
        {"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "daily"},
        {"ConditionType": "STRINGEQUALS", "ConditionKey": "team", "ConditionValue": "red"}]}, {"orders", "carts", "logs"}),
    "by all conditions": ({"Resources": ["*"], "Conditions": {
        "StringEquals": [{"ConditionKey": "aws:ResourceTag/team", "ConditionValue": "red"}],
        "StringLike": [{"ConditionKey": "aws:ResourceTag/backup", "ConditionValue": "d*"}]}}, {"orders"}),
    "by what is not": ({"Resources": [TABLES + "*"], "Conditions": {
        "StringNotEquals": [{"ConditionKey": "aws:ResourceTag/team", "ConditionValue": "red"}]}}, {"carts", "sessions"}),
    "by name or tag": ({"Resources": [TABLES + "sessions"], "ListOfTags": [
        {"ConditionType": "STRINGEQUALS", "ConditionKey": "team", "ConditionValue": "blue"}]}, {"sessions", "carts"}),
}  # fmt: skip


@pytest.mark.parametrize("how", SELECTIONS)
def test_a_selection_chooses_by_name_and_by_tag(cloud, backup, how):
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html: tags of a list are any of, conditions all of
    for name, tags in RESOURCES.items():
        table(cloud, name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    bucket(cloud)
    said, chosen = SELECTIONS[how]
    id_ = plan(backup)
    shown = backup.get_backup_selection(BackupPlanId=id_, SelectionId=select(backup, id_, **said))["BackupSelection"]
    assert shown["Resources"] == said.get("Resources", [])
    cloud.sleep(HOUR_S + 5)
    assert {point["ResourceName"] for point in points(cloud)} == chosen


def test_a_type_that_is_opted_out_is_chosen_only_by_its_own_arn(cloud, backup):
    arn = bucket(cloud)
    bucket(cloud, "letters")
    backup.update_region_settings(ResourceTypeOptInPreference={"S3": False, "EC2": False})
    preferences = backup.describe_region_settings()["ResourceTypeOptInPreference"]
    assert [kind for kind, is_in in preferences.items() if is_in] == ["DynamoDB", "EBS", "RDS"] and "EC2" in preferences
    # What is not backed up here cannot be opted in.
    assert refused(backup.update_region_settings, ResourceTypeOptInPreference={"EC2": True})[0] == "NotImplemented"
    assert refused(backup.update_region_settings, ResourceTypeOptInPreference={"Nothing": True})[0] == "InvalidParameterValueException"
    id_ = plan(backup)
    select(backup, id_, Resources=["arn:aws:s3:::*", arn])
    cloud.sleep(HOUR_S + 5)
    assert [point["ResourceName"] for point in points(cloud)] == ["papers"]


def test_a_plan_is_changed_in_versions_and_deleted_after_its_selections(cloud, backup):
    id_ = plan(backup)
    first = backup.get_backup_plan(BackupPlanId=id_)
    assert first["BackupPlan"]["Rules"][0].items() >= {"StartWindowMinutes": 480, "CompletionWindowMinutes": 10_080, "ScheduleExpressionTimezone": "Etc/UTC"}.items()
    rule = {"RuleName": "hourly", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 5 ? * * *)"}
    second = backup.update_backup_plan(BackupPlanId=id_, BackupPlan={"BackupPlanName": "other", "Rules": [rule]})
    assert second["VersionId"] != first["VersionId"]
    rules = [backup.get_backup_plan(BackupPlanId=id_, VersionId=each)["BackupPlan"]["Rules"][0] for each in (first["VersionId"], second["VersionId"])]
    assert rules[0]["RuleId"] == rules[1]["RuleId"] and rules[0]["ScheduleExpression"] != rules[1]["ScheduleExpression"]
    assert len(backup.list_backup_plan_versions(BackupPlanId=id_)["BackupPlanVersionsList"]) == 2
    selection = select(backup, id_, Resources=["*"])
    code, text = refused(backup.delete_backup_plan, BackupPlanId=id_)
    assert (code, text) == ("InvalidRequestException", "Related backup plan selections must be deleted prior to backup plan deletion")
    backup.delete_backup_selection(BackupPlanId=id_, SelectionId=selection)
    backup.delete_backup_plan(BackupPlanId=id_)
    assert backup.list_backup_plans()["BackupPlansList"] == []
    assert "DeletionDate" in backup.list_backup_plans(IncludeDeleted=True)["BackupPlansList"][0]
    exported = backup.export_backup_plan_template
    assert refused(exported, BackupPlanId=id_)[0] == "ResourceNotFoundException"


def test_a_template_of_a_plan_makes_the_same_plan(cloud, backup):
    text = backup.export_backup_plan_template(BackupPlanId=plan(backup, Lifecycle={"DeleteAfterDays": 3}))["BackupPlanTemplateJson"]
    made = backup.get_backup_plan_from_json(BackupPlanTemplateJson=text)["BackupPlan"]
    assert made["Rules"][0]["Lifecycle"] == {"DeleteAfterDays": 3} and made["BackupPlanName"] == "plan"
    assert refused(backup.get_backup_plan_from_json, BackupPlanTemplateJson="{")[0] == "InvalidParameterValueException"


WRONG = {
    "schedule": {"ScheduleExpression": "every day"}, "rate": {"ScheduleExpression": "rate(1 day)"}, "zone": {"ScheduleExpressionTimezone": "Mars/Olympus"},
    "start window": {"StartWindowMinutes": 59}, "completion window": {"StartWindowMinutes": 60, "CompletionWindowMinutes": 61},
    "lifecycle": {"Lifecycle": {"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 90}},
    "copy": {"CopyActions": [{"DestinationBackupVaultArn": "arn:aws:s3:::b"}]},
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_rule_is_refused(backup, what):
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", **WRONG[what]}
    assert refused(backup.create_backup_plan, BackupPlan={"BackupPlanName": "p", "Rules": [rule]})[0] == "InvalidParameterValueException"


@pytest.mark.parametrize("more", [
    {"CopyActions": [{"DestinationBackupVaultArn": "arn:aws:backup:us-east-1:111111111111:backup-vault:v"}]},
    {"IndexActions": [{"ResourceTypes": ["S3"]}]},
])  # fmt: skip
def test_what_is_not_done_here_is_refused_by_name(backup, more):
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", **more}
    assert refused(backup.create_backup_plan, BackupPlan={"BackupPlanName": "p", "Rules": [rule]})[0] == "NotImplemented"


# What is told ----------------------------------------------------------------------------------------


def told(cloud, url: str) -> list[dict]:
    sqs, found = cloud.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_what_happens_is_told_as_events(cloud, backup):
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}})})["QueueUrl"]  # fmt: skip
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.backup"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}])
    arn = table(cloud)
    job = backed_up(cloud, arn, Lifecycle={"DeleteAfterDays": 3})
    backup.create_backup_vault(BackupVaultName="other")
    backup.start_copy_job(
        RecoveryPointArn=job["RecoveryPointArn"], SourceBackupVaultName="vault", IamRoleArn=ROLE,
        DestinationBackupVaultArn=f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:other",
    )  # fmt: skip
    cloud.sleep(3)
    backup.start_restore_job(RecoveryPointArn=job["RecoveryPointArn"], Metadata={"targetTableName": "again"}, IamRoleArn=ROLE)
    cloud.sleep(3)
    seen = told(cloud, url)
    by_kind: dict[str, list[dict]] = {}
    for event in sorted(seen, key=lambda event: event["time"]):
        by_kind.setdefault(event["detail-type"], []).append(event)
    states = {kind: [event["detail"].get("state", event["detail"].get("status")) for event in found] for kind, found in by_kind.items()}
    assert sorted(states["Backup Job State Change"]) == ["COMPLETED", "CREATED", "RUNNING"]
    assert sorted(states["Copy Job State Change"]) == ["COMPLETED", "CREATED", "RUNNING"]
    assert sorted(states["Restore Job State Change"]) == ["COMPLETED", "PENDING", "RUNNING"]
    assert states["Recovery Point State Change"] == ["COMPLETED", "COMPLETED"] and states["Backup Vault State Change"] == ["CREATED"]
    done = next(event for event in by_kind["Backup Job State Change"] if event["detail"]["state"] == "COMPLETED")
    assert done["resources"] == [job["RecoveryPointArn"]]
    detail = done["detail"]
    assert (detail["backupJobId"], detail["resourceArn"], detail["resourceType"], detail["percentDone"]) == (job["BackupJobId"], arn, "DynamoDB", 100)
    assert detail["backupSizeInBytes"] == str(job["BackupSizeInBytes"]) and "hint" not in detail
    point = by_kind["Recovery Point State Change"][0]["detail"]
    assert point["lifecycle"] == {"deleteAfterDays": 3} and point["calculatedLifeCycle"]["deleteAt"].endswith("Z")


def test_a_vault_tells_its_topic_if_the_topic_lets_it(cloud, backup):
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}})})["QueueUrl"]  # fmt: skip
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
    backup.put_backup_vault_notifications(BackupVaultName="vault", SNSTopicArn=topic, BackupVaultEvents=["BACKUP_JOB_COMPLETED"])
    arn = table(cloud)
    backed_up(cloud, arn)
    cloud.sleep(5)
    assert told(cloud, url) == []
    statement = {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "SNS:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    job = backed_up(cloud, arn)
    cloud.sleep(5)
    (notice,) = told(cloud, url)
    assert notice["Subject"] == "Notification from AWS Backup"
    assert notice["Message"] == (
        f"An AWS Backup job was completed successfully. Recovery point ARN: {job['RecoveryPointArn']}. Resource ARN : {arn}. BackupJob ID : {job['BackupJobId']}."
    )
    assert {name: value["Value"] for name, value in notice["MessageAttributes"].items()}.items() >= {"EventType": "BACKUP_JOB", "State": "COMPLETED"}.items()
    shown = backup.get_backup_vault_notifications(BackupVaultName="vault")
    assert (shown["SNSTopicArn"], shown["BackupVaultEvents"]) == (topic, ["BACKUP_JOB_COMPLETED"])
    backup.delete_backup_vault_notifications(BackupVaultName="vault")
    backed_up(cloud, arn)
    cloud.sleep(5)
    assert told(cloud, url) == []


def test_resources_of_which_something_is_kept_are_protected(cloud, backup):
    arn = table(cloud)
    assert backup.list_protected_resources()["Results"] == []
    first = backed_up(cloud, arn)
    cloud.sleep(10)
    job = backed_up(cloud, arn)
    (shown,) = backup.list_protected_resources()["Results"]
    assert (shown["ResourceArn"], shown["ResourceType"], shown["LastRecoveryPointArn"]) == (arn, "DynamoDB", job["RecoveryPointArn"])
    listed = backup.list_recovery_points_by_resource(ResourceArn=arn)["RecoveryPoints"]
    assert [point["RecoveryPointArn"] for point in listed] == [job["RecoveryPointArn"], first["RecoveryPointArn"]]
    page = backup.list_recovery_points_by_backup_vault(BackupVaultName="vault", MaxResults=1)
    assert len(page["RecoveryPoints"]) == 1 and page["NextToken"]
    metadata = backup.get_recovery_point_restore_metadata(BackupVaultName="vault", RecoveryPointArn=job["RecoveryPointArn"])["RestoreMetadata"]
    assert metadata == {"originalTableName": "orders", "encryptionType": "Default"}
    assert refused(backup.describe_protected_resource, ResourceArn="arn:aws:s3:::none")[0] == "ResourceNotFoundException"
    assert backup.describe_protected_resource(ResourceArn=arn)["LastBackupTime"] == listed[0]["CreationDate"]
