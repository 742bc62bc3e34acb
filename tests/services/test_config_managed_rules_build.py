"""AWS Config: AWS's own rules for stacks, pipelines, builds, images, workflows, buses, backups and accounts, each with what complies and what
does not.

Each follows the page of its name under https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, Audit, trust
from pipeline_workshop import Works, action

US = "us-east-1"
GOOD, BAD = "COMPLIANT", "NON_COMPLIANT"


@pytest.fixture
def audit(cloud):
    return Audit(cloud)


def role(audit, service: str) -> str:
    return audit.client("iam").create_role(RoleName=service, AssumeRolePolicyDocument=trust(f"{service}.amazonaws.com"))["Role"]["Arn"]


def test_rules_of_stacks(audit):
    topic = audit.client("sns").create_topic(Name="told")["TopicArn"]
    template = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
    made = audit.client("cloudformation").create_stack
    told = made(StackName="told", TemplateBody=template, NotificationARNs=[topic])["StackId"]
    quiet = made(StackName="quiet", TemplateBody=template)["StackId"]
    audit.cloud.sleep(5)
    assert audit.judged("CLOUDFORMATION_STACK_NOTIFICATION_CHECK") == {told: GOOD, quiet: BAD}
    assert audit.judged("CLOUDFORMATION_STACK_NOTIFICATION_CHECK", snsTopic1=topic) == {told: GOOD, quiet: BAD}
    assert audit.judged("CLOUDFORMATION_STACK_NOTIFICATION_CHECK", snsTopic1=f"{topic}x") == {told: BAD, quiet: BAD}


def test_rules_of_pipelines(audit):
    line = Works(audit.cloud)

    def deploy(name: str, **more) -> dict:
        return action(name, "Deploy", "CloudFormation", takes="Code", ActionMode="CREATE_UPDATE", StackName=name, TemplatePath="Code::t.yml", RoleArn=ROLE, **more)

    ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
    one, two = (("First", deploy("a")), ("Second", deploy("b"), deploy("c"))), (("First", deploy("a"), deploy("b")),)
    for name, stages in (("one", one), ("two", two)):
        line.pipelines.create_pipeline(pipeline=line.declared(*stages, name=name))
    audit.cloud.sleep(5)
    assert audit.judged("CODEPIPELINE_DEPLOYMENT_COUNT_CHECK") == {"one": GOOD, "two": BAD}
    assert audit.judged("CODEPIPELINE_DEPLOYMENT_COUNT_CHECK", deploymentLimit="1") == {"one": BAD, "two": BAD}
    assert audit.judged("CODEPIPELINE_REGION_FANOUT_CHECK") == {"one": GOOD, "two": GOOD}  # all of them deploy here


def test_rules_of_projects_that_build(audit):
    builds, builder = audit.client("codebuild"), role(audit, "codebuild")
    audit.client("s3").create_bucket(Bucket="built")
    environment = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [true]}}\n"}
    artifacts = {"type": "S3", "location": "built", "packaging": "ZIP"}
    key = {"name": "AWS_ACCESS_KEY_ID", "value": "AKIA", "type": "PLAINTEXT"}
    said = {
        "good": {"logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": "g"}}},
        "bad": {
            "artifacts": {**artifacts, "encryptionDisabled": True}, "environment": {**environment, "environmentVariables": [key]},
            "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}},
        },
    }  # fmt: skip
    arns = {
        name: builds.create_project(name=name, serviceRole=builder, source=source, **{"artifacts": artifacts, "environment": environment, **more})["project"]["arn"]
        for name, more in said.items()
    }
    audit.cloud.sleep(3)

    def judged(identifier: str, **parameters: str) -> dict[str, str]:
        found = audit.judged(identifier, **parameters)
        return {name: found[arn] for name, arn in arns.items()}

    for identifier in ("CODEBUILD_PROJECT_ARTIFACT_ENCRYPTION", "CODEBUILD_PROJECT_ENVVAR_AWSCRED_CHECK", "CODEBUILD_PROJECT_LOGGING_ENABLED"):
        assert judged(identifier) == {"good": GOOD, "bad": BAD}, identifier
    assert judged("CODEBUILD_PROJECT_LOGGING_ENABLED", cloudWatchGroupNames="f, g") == {"good": GOOD, "bad": BAD}
    assert judged("CODEBUILD_PROJECT_LOGGING_ENABLED", cloudWatchGroupNames="f") == {"good": BAD, "bad": BAD}
    # No project here may be privileged or log into a bucket.
    assert judged("CODEBUILD_PROJECT_ENVIRONMENT_PRIVILEGED_CHECK") == judged("CODEBUILD_PROJECT_S3_LOGS_ENCRYPTED") == {"good": GOOD, "bad": GOOD}


def test_rules_of_repositories(audit):
    images = audit.client("ecr")
    images.create_repository(repositoryName="good", imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": False})
    images.create_repository(repositoryName="bad")
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}, "action": {"type": "expire"}}
    images.put_lifecycle_policy(repositoryName="good", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    audit.cloud.sleep(3)
    for identifier in ("ECR_PRIVATE_LIFECYCLE_POLICY_CONFIGURED", "ECR_PRIVATE_TAG_IMMUTABILITY_ENABLED"):
        assert audit.judged(identifier) == {"good": GOOD, "bad": BAD}, identifier
    assert audit.judged("ECR_PRIVATE_IMAGE_SCANNING_ENABLED") == {"good": BAD, "bad": BAD}  # nothing here scans images


def test_rules_of_workflows_buses_streams_topics_and_tables(audit):
    states, events = audit.client("stepfunctions"), audit.client("events")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    worker = role(audit, "states")
    audit.client("iam").put_role_policy(RoleName="states", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}))
    audit.client("logs").create_log_group(logGroupName="runs")
    group = f"arn:aws:logs:{US}:{ACCOUNT}:log-group:runs:*"
    logging = {"level": "ERROR", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    told = states.create_state_machine(name="told", definition=definition, roleArn=worker, loggingConfiguration=logging)["stateMachineArn"]
    quiet = states.create_state_machine(name="quiet", definition=definition, roleArn=worker)["stateMachineArn"]
    for name in ("shared", "own"):
        events.create_event_bus(Name=name)
    events.put_permission(EventBusName="shared", Action="events:PutEvents", Principal="111111111111", StatementId="s")
    for name, hours in (("long", 168), ("short", 24)):
        audit.client("kinesis").create_stream(StreamName=name, ShardCount=1)
        audit.cloud.sleep(1)
        if hours != 24:
            audit.client("kinesis").increase_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)
    sns = audit.client("sns")
    closed, public = (sns.create_topic(Name=name)["TopicArn"] for name in ("closed", "public"))
    everybody = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": public}}
    sns.set_topic_attributes(TopicArn=public, AttributeName="Policy", AttributeValue=json.dumps(everybody))
    for name in ("kept", "free"):
        audit.client("dynamodb").create_table(
            TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST", DeletionProtectionEnabled=name == "kept",
        )  # fmt: skip
    audit.cloud.sleep(5)
    machines = {told: GOOD, quiet: BAD}
    assert audit.judged("STEP_FUNCTIONS_STATE_MACHINE_LOGGING_ENABLED") == audit.judged("STEP_FUNCTIONS_STATE_MACHINE_LOGGING_ENABLED", cloudWatchLogGroupArns=group) == machines
    assert audit.judged("STEP_FUNCTIONS_STATE_MACHINE_LOGGING_ENABLED", logLevel="ALL") == {told: BAD, quiet: BAD}
    assert audit.judged("CUSTOM_EVENTBUS_POLICY_ATTACHED") == {"shared": GOOD, "own": BAD}
    assert audit.judged("KINESIS_STREAM_BACKUP_RETENTION_CHECK") == {"long": GOOD, "short": BAD}
    assert audit.judged("KINESIS_STREAM_BACKUP_RETENTION_CHECK", minimumBackupRetentionPeriod="24") == {"long": GOOD, "short": GOOD}
    assert audit.judged("SNS_TOPIC_NO_PUBLIC_ACCESS") == {closed: GOOD, public: BAD}
    assert audit.judged("DYNAMODB_TABLE_DELETION_PROTECTION_ENABLED") == {"kept": GOOD, "free": BAD}


def test_rules_of_plans_vaults_and_recovery_points(audit):
    backup = audit.client("backup")

    def plan(name: str, cron: str, **lifecycle: int) -> str:
        rule = {"RuleName": "r", "TargetBackupVaultName": "guarded", "ScheduleExpression": cron, **({"Lifecycle": lifecycle} if lifecycle else {})}
        return backup.create_backup_plan(BackupPlan={"BackupPlanName": name, "Rules": [rule]})["BackupPlanId"]

    for name in ("guarded", "open", "half"):
        backup.create_backup_vault(BackupVaultName=name)
    actions = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle", "backup:PutBackupVaultAccessPolicy"]
    for name, denied in (("guarded", actions), ("half", actions[:1])):
        deny = {"Effect": "Deny", "Principal": "*", "Action": denied, "Resource": "*"}
        backup.put_backup_vault_access_policy(BackupVaultName=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    daily, weekly = plan("daily", "cron(0 5 ? * * *)"), plan("weekly", "cron(0 5 ? * MON *)")
    short = plan("short", "cron(0 5 ? * * *)", DeleteAfterDays=7)
    audit.cloud.sleep(3)
    assert audit.judged("BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK") == {daily: GOOD, weekly: BAD, short: BAD}
    loose = {"requiredFrequencyValue": "7", "requiredFrequencyUnit": "days", "requiredRetentionDays": "5"}
    assert audit.judged("BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK", **loose) == {daily: GOOD, weekly: GOOD, short: GOOD}
    assert audit.judged("BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED") == {"guarded": GOOD, "open": BAD, "half": BAD}
    audit.client("dynamodb").create_table(
        TableName="kept", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST"
    )
    keeper = role(audit, "backup")
    audit.client("iam").attach_role_policy(RoleName="backup", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup")
    audit.cloud.sleep(1)
    for days in (7, 90):
        backup.start_backup_job(BackupVaultName="open", ResourceArn=f"arn:aws:dynamodb:{US}:{ACCOUNT}:table/kept", IamRoleArn=keeper, Lifecycle={"DeleteAfterDays": days})
    audit.cloud.sleep(60)
    points = backup.list_recovery_points_by_backup_vault(BackupVaultName="open")["RecoveryPoints"]
    assert len(points) == 2
    kept = {each["RecoveryPointArn"]: GOOD if each["Lifecycle"]["DeleteAfterDays"] == 90 else BAD for each in points}
    assert audit.judged("BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK") == kept
    assert set(audit.judged("BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK", requiredRetentionDays="7").values()) == {GOOD}
    assert audit.judged("BACKUP_RECOVERY_POINT_ENCRYPTED") == {each["RecoveryPointArn"]: GOOD if each["IsEncrypted"] else BAD for each in points}


def test_rules_of_accounts(audit):
    assert audit.judged("ACCOUNT_PART_OF_ORGANIZATIONS") == {ACCOUNT: BAD}
    audit.client("organizations").create_organization(FeatureSet="ALL")
    audit.cloud.sleep(1)
    assert audit.judged("ACCOUNT_PART_OF_ORGANIZATIONS") == audit.judged("ACCOUNT_PART_OF_ORGANIZATIONS", MasterAccountId=ACCOUNT) == {ACCOUNT: GOOD}
    assert audit.judged("ACCOUNT_PART_OF_ORGANIZATIONS", MasterAccountId="999999999999") == {ACCOUNT: BAD}
    assert audit.judged("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC") == {ACCOUNT: BAD}
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    audit.client("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)
    assert audit.judged("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC") == {ACCOUNT: BAD}
    assert audit.judged("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", RestrictPublicBuckets="False") == {ACCOUNT: GOOD}
