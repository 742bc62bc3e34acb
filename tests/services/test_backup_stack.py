"""Vaults, plans and selections in stacks."""

from __future__ import annotations

from services.backup_workshop import points
from services.test_cloudformation_stack import settled

PLAN = """
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Vault:
    Type: AWS::Backup::BackupVault
    Properties:
      BackupVaultName: stacked
      BackupVaultTags: {team: red}
      AccessPolicy: {Version: "2012-10-17", Statement: [{Effect: Deny, Principal: "*", Action: backup:DeleteRecoveryPoint, Resource: "*"}]}
      Notifications: {BackupVaultEvents: [BACKUP_JOB_COMPLETED], SNSTopicArn: !Ref Topic}
      LockConfiguration: {MinRetentionDays: 1}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7}
  Papers:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: papers
      ObjectLockEnabled: true
      ObjectLockConfiguration: {ObjectLockEnabled: Enabled, Rule: {DefaultRetention: {Mode: COMPLIANCE, Days: 5}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: backup.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"]
  Plan:
    Type: AWS::Backup::BackupPlan
    Properties:
      BackupPlanTags: {team: red}
      BackupPlan:
        BackupPlanName: hourly
        BackupPlanRule:
          - {RuleName: hourly, TargetBackupVault: !Ref Vault, ScheduleExpression: "cron(0 * * * ? *)", Lifecycle: {DeleteAfterDays: DAYS}}
  Selection:
    Type: AWS::Backup::BackupSelection
    Properties:
      BackupPlanId: !Ref Plan
      BackupSelection: {SelectionName: s, IamRoleArn: !GetAtt Role.Arn, Resources: [!GetAtt Orders.Arn]}
Outputs:
  Vault: {Value: !GetAtt Vault.BackupVaultArn}
  Selection: {Value: !GetAtt Selection.SelectionId}
"""


def test_a_stack_backs_up_what_it_has_and_changes_its_plan_in_place(cloud):
    cloud.region()
    stacks, backup = cloud.client("cloudformation"), cloud.client("backup")
    stacks.create_stack(StackName="s", TemplateBody=PLAN.replace("DAYS", "2"), Capabilities=["CAPABILITY_IAM"])
    made = settled(cloud, "s")
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
    shown = backup.describe_backup_vault(BackupVaultName="stacked")
    assert (shown["Locked"], shown["MinRetentionDays"], backup.list_tags(ResourceArn=outputs["Vault"])["Tags"]["team"]) == (True, 1, "red")
    assert backup.get_backup_vault_notifications(BackupVaultName="stacked")["BackupVaultEvents"] == ["BACKUP_JOB_COMPLETED"]
    continuous = cloud.client("dynamodb").describe_continuous_backups(TableName="orders")["ContinuousBackupsDescription"]
    assert continuous["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 7
    lock = cloud.client("s3").get_object_lock_configuration(Bucket="papers")["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "COMPLIANCE", "Days": 5}
    (plan,) = backup.list_backup_plans()["BackupPlansList"]
    assert backup.list_backup_selections(BackupPlanId=plan["BackupPlanId"])["BackupSelectionsList"][0]["SelectionId"] == outputs["Selection"]
    cloud.sleep(3_605)
    assert [point["ResourceName"] for point in points(cloud, "stacked")] == ["orders"]
    stacks.update_stack(StackName="s", TemplateBody=PLAN.replace("DAYS", "3"), Capabilities=["CAPABILITY_IAM"])
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    (changed,) = backup.list_backup_plans()["BackupPlansList"]
    assert changed["BackupPlanId"] == plan["BackupPlanId"] and changed["VersionId"] != plan["VersionId"]
    # A vault that keeps something is not deleted, and a lock keeps it.
    stacks.delete_stack(StackName="s")
    assert settled(cloud, "s")["StackStatus"] == "DELETE_FAILED"
    assert len(points(cloud, "stacked")) == 1 and backup.list_backup_plans()["BackupPlansList"] == []


TESTED = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: backup.amazonaws.com}, Action: "sts:AssumeRole"}]}
  Plan:
    Type: AWS::Backup::RestoreTestingPlan
    Properties:
      RestoreTestingPlanName: weekly
      ScheduleExpression: cron(0 5 ? * SUN *)
      RecoveryPointSelection: {Algorithm: LATEST_WITHIN_WINDOW, IncludeVaults: ["*"], RecoveryPointTypes: [SNAPSHOT]}
      Tags: [{Key: team, Value: red}]
  Tables:
    Type: AWS::Backup::RestoreTestingSelection
    Properties:
      RestoreTestingPlanName: !Ref Plan
      RestoreTestingSelectionName: tables
      ProtectedResourceType: DynamoDB
      IamRoleArn: !GetAtt Role.Arn
      ProtectedResourceArns: ["*"]
      ValidationWindowHours: HOURS
Outputs:
  Plan: {Value: !GetAtt Plan.RestoreTestingPlanArn}
"""


def test_a_stack_tests_restores_and_takes_its_plan_away(cloud):
    stacks, backup = cloud.client("cloudformation"), cloud.client("backup")
    stacks.create_stack(StackName="s", TemplateBody=TESTED.replace("HOURS", "1"), Capabilities=["CAPABILITY_IAM"])
    assert settled(cloud, "s")["StackStatus"] == "CREATE_COMPLETE"
    [out] = stacks.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]
    assert backup.list_tags(ResourceArn=out["OutputValue"])["Tags"]["team"] == "red"
    stacks.update_stack(StackName="s", TemplateBody=TESTED.replace("HOURS", "8").replace("SUN", "MON"), Capabilities=["CAPABILITY_IAM"])
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    plan = backup.get_restore_testing_plan(RestoreTestingPlanName="weekly")["RestoreTestingPlan"]
    selection = backup.get_restore_testing_selection(RestoreTestingPlanName="weekly", RestoreTestingSelectionName="tables")["RestoreTestingSelection"]
    assert (plan["RestoreTestingPlanArn"], plan["ScheduleExpression"], selection["ValidationWindowHours"]) == (out["OutputValue"], "cron(0 5 ? * MON *)", 8)
    stacks.delete_stack(StackName="s")
    cloud.sleep(5)
    assert backup.list_restore_testing_plans()["RestoreTestingPlans"] == []
