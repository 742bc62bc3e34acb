"""AWS Config: AWS's own rules, each with what complies and what does not.

Each follows the page of its name under https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, Audit
from lambda_workshop import allowing, make

from kumoniwa.aws import config_rules
from kumoniwa.services.config import managed

US = "us-east-1"
GOOD, BAD = "COMPLIANT", "NON_COMPLIANT"
OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
DAY = 86_400


@pytest.fixture
def audit(cloud):
    return Audit(cloud)


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_every_rule_that_is_evaluated_is_one_of_aws(cloud):
    known = config_rules.rules()
    assert set(managed.CHECKS) | set(managed.SURVEYS) <= set(known)
    assert not set(managed.CHECKS) & set(managed.SURVEYS)
    # What judges by items is set off by changes, and what looks around has its time.
    assert all(known[name].is_set_off_by_changes for name in managed.CHECKS)
    assert all(known[name].is_periodic for name in managed.SURVEYS)
    assert len(managed.CHECKS) + len(managed.SURVEYS) == 127


# Buckets -------------------------------------------------------------------------------------------


def test_rules_of_public_buckets(audit):
    s3 = audit.client("s3")
    for name in ("closed", "read-policy", "read-list", "write-policy", "held-back", "narrowed"):
        s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
        if name != "closed":
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)

    def everybody(bucket: str, action: str, **more) -> None:
        allow = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], **more}
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow))

    everybody("read-policy", "s3:Get*")
    everybody("write-policy", "s3:PutObject")
    everybody("held-back", "s3:*")
    everybody("narrowed", "s3:*", Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
    s3.put_bucket_acl(Bucket="read-list", ACL="public-read")
    s3.put_public_access_block(Bucket="held-back", PublicAccessBlockConfiguration={**OPEN, "RestrictPublicBuckets": True})
    fine = dict.fromkeys(("closed", "held-back", "narrowed"), GOOD)
    assert audit.judged("S3_BUCKET_PUBLIC_READ_PROHIBITED") == {**fine, "read-policy": BAD, "read-list": BAD, "write-policy": GOOD}
    assert audit.judged("S3_BUCKET_PUBLIC_WRITE_PROHIBITED") == {**fine, "read-policy": GOOD, "read-list": GOOD, "write-policy": BAD}
    blocked = audit.judged("S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", excludedPublicBuckets="narrowed, read-list")
    assert blocked == {"closed": GOOD, "held-back": BAD, "narrowed": GOOD, "read-list": GOOD, "read-policy": BAD, "write-policy": BAD}
    lists = audit.judged("S3_BUCKET_ACL_PROHIBITED")
    assert {name for name, verdict in lists.items() if verdict == BAD} == {"read-list"}


def test_rules_of_how_buckets_keep_what_they_hold(audit):
    s3, key = audit.client("s3"), audit.client("kms").create_key()["KeyMetadata"]["Arn"]
    for name in ("plain", "aes", "kms", "other"):
        s3.create_bucket(Bucket=f"{name}-bucket")

    def encrypt(bucket: str, **rule) -> None:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]})

    encrypt("aes-bucket", SSEAlgorithm="AES256")
    encrypt("kms-bucket", SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    encrypt("other-bucket", SSEAlgorithm="aws:kms")
    assert set(audit.judged("S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED").values()) == {GOOD}  # every bucket is, since 2023
    assert audit.judged("S3_DEFAULT_ENCRYPTION_KMS") == {"plain-bucket": BAD, "aes-bucket": BAD, "kms-bucket": GOOD, "other-bucket": GOOD}
    assert audit.judged("S3_DEFAULT_ENCRYPTION_KMS", kmsKeyArns=key) == {"plain-bucket": BAD, "aes-bucket": BAD, "kms-bucket": GOOD, "other-bucket": BAD}
    s3.put_bucket_versioning(Bucket="kms-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_versioning(Bucket="aes-bucket", VersioningConfiguration={"Status": "Suspended"})
    assert {name for name, verdict in audit.judged("S3_BUCKET_VERSIONING_ENABLED").items() if verdict == GOOD} == {"kms-bucket"}
    assert set(audit.judged("S3_BUCKET_VERSIONING_ENABLED", isMfaDeleteEnabled="true").values()) == {BAD}

    https = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket="aes-bucket", Policy=policy({**https, "Resource": ["arn:aws:s3:::aes-bucket", "arn:aws:s3:::aes-bucket/*"]}))
    s3.put_bucket_policy(Bucket="kms-bucket", Policy=policy({**https, "Resource": "arn:aws:s3:::kms-bucket/*"}))  # not of the bucket itself
    assert {name for name, verdict in audit.judged("S3_BUCKET_SSL_REQUESTS_ONLY").items() if verdict == GOOD} == {"aes-bucket"}


def test_rules_of_where_buckets_lead(audit):
    s3 = audit.client("s3")
    for name in ("logs-bucket", "full-bucket", "bare-bucket"):
        s3.create_bucket(Bucket=name)
    logs = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs-bucket/*"}
    s3.put_bucket_policy(Bucket="logs-bucket", Policy=policy(logs))
    s3.put_bucket_logging(Bucket="full-bucket", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs-bucket", "TargetPrefix": "p/"}})
    s3.put_bucket_versioning(Bucket="full-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_versioning(Bucket="logs-bucket", VersioningConfiguration={"Status": "Enabled"})
    age = {"ID": "age", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 90}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}
    s3.put_bucket_lifecycle_configuration(Bucket="full-bucket", LifecycleConfiguration={"Rules": [age]})
    s3.create_bucket(Bucket="lock-bucket", ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket="lock-bucket", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
    role = audit.client("iam").create_role(RoleName="copier", AssumeRolePolicyDocument=policy({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}))
    copy = {"Role": role["Role"]["Arn"], "Rules": [{"ID": "c", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": "arn:aws:s3:::logs-bucket"}}]}  # fmt: skip
    s3.put_bucket_replication(Bucket="full-bucket", ReplicationConfiguration=copy)
    queue = audit.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:{US}:{ACCOUNT}:q"
    let = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    audit.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(let)})
    s3.put_bucket_notification_configuration(Bucket="full-bucket", NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    stranger = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "s3:GetBucket*", "Resource": "arn:aws:s3:::bare-bucket"}
    s3.put_bucket_policy(Bucket="bare-bucket", Policy=policy(stranger))

    def good(identifier: str, **parameters: str) -> set[str]:
        return {name for name, verdict in audit.judged(identifier, **parameters).items() if verdict == GOOD}

    assert good("S3_BUCKET_LOGGING_ENABLED") == good("S3_BUCKET_LOGGING_ENABLED", targetBucket="logs-bucket") == {"full-bucket"}
    assert good("S3_BUCKET_LOGGING_ENABLED", targetBucket="logs-bucket", targetPrefix="other") == set()
    assert good("S3_LIFECYCLE_POLICY_CHECK", targetExpirationDays="90", targetTransitionDays="30", targetTransitionStorageClass="GLACIER", targetPrefix="old/") == {"full-bucket"}
    assert good("S3_LIFECYCLE_POLICY_CHECK", targetExpirationDays="91") == set()
    assert audit.judged("S3_VERSION_LIFECYCLE_POLICY_CHECK") == {"full-bucket": GOOD, "logs-bucket": BAD, "lock-bucket": BAD}  # others keep no versions
    assert good("S3_BUCKET_DEFAULT_LOCK_ENABLED") == good("S3_BUCKET_DEFAULT_LOCK_ENABLED", mode="GOVERNANCE") == {"lock-bucket"}
    assert good("S3_BUCKET_DEFAULT_LOCK_ENABLED", mode="COMPLIANCE") == set()
    assert good("S3_BUCKET_REPLICATION_ENABLED") == good("S3_BUCKET_REPLICATION_ENABLED", ReplicationType="SAME-REGION") == {"full-bucket"}
    assert good("S3_BUCKET_REPLICATION_ENABLED", ReplicationType="CROSS-REGION") == set()
    assert good("S3_EVENT_NOTIFICATIONS_ENABLED") == good("S3_EVENT_NOTIFICATIONS_ENABLED", destinationArn=arn, eventTypes="s3:ObjectCreated:*") == {"full-bucket"}
    assert good("S3_EVENT_NOTIFICATIONS_ENABLED", eventTypes="s3:ObjectRemoved:*") == set()
    blacklisted = audit.judged("S3_BUCKET_BLACKLISTED_ACTIONS_PROHIBITED", blacklistedActionPattern="s3:GetBucketAcl,s3:DeleteObject")
    assert {name for name, verdict in blacklisted.items() if verdict == BAD} == {"bare-bucket"}
    s3.put_bucket_tagging(Bucket="full-bucket", Tagging={"TagSet": [{"Key": "CostCenter", "Value": "7"}, {"Key": "team", "Value": "blue"}]})
    audit.cloud.sleep(2)
    assert good("REQUIRED_TAGS", tag1Key="CostCenter") == good("REQUIRED_TAGS", tag1Key="CostCenter", tag2Key="team", tag2Value="red,blue") == {"full-bucket"}
    assert good("REQUIRED_TAGS", tag1Key="team", tag1Value="red") == set()


# Tables, functions, topics, keys, secrets ------------------------------------------------------------


def test_rules_of_tables(audit):
    ddb, key = audit.client("dynamodb"), audit.client("kms").create_key()["KeyMetadata"]["Arn"]
    shape = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    ddb.create_table(TableName="sealed", BillingMode="PAY_PER_REQUEST", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}, **shape)
    ddb.create_table(TableName="plain", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}, **shape)
    ddb.update_continuous_backups(TableName="sealed", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    audit.cloud.sleep(5)
    expected = {"sealed": GOOD, "plain": BAD}
    for identifier in ("DYNAMODB_PITR_ENABLED", "DYNAMODB_TABLE_ENCRYPTED_KMS", "DYNAMODB_TABLE_ENCRYPTION_ENABLED", "DYNAMODB_AUTOSCALING_ENABLED"):
        assert audit.judged(identifier) == expected, identifier
    assert audit.judged("DYNAMODB_TABLE_ENCRYPTED_KMS", kmsKeyArns="arn:aws:kms:us-east-1:1:key/other") == {"sealed": BAD, "plain": BAD}
    scaling = audit.client("application-autoscaling")
    for way in ("Read", "Write"):
        where = {"ServiceNamespace": "dynamodb", "ResourceId": "table/plain", "ScalableDimension": f"dynamodb:table:{way}CapacityUnits"}
        scaling.register_scalable_target(MinCapacity=5, MaxCapacity=50, **where)
        goal = {"TargetValue": 70.0, "PredefinedMetricSpecification": {"PredefinedMetricType": f"DynamoDB{way}CapacityUtilization"}}
        scaling.put_scaling_policy(PolicyName=way, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=goal, **where)
    assert audit.judged("DYNAMODB_AUTOSCALING_ENABLED") == {"sealed": GOOD, "plain": GOOD}
    assert audit.judged("DYNAMODB_AUTOSCALING_ENABLED", minProvisionedReadCapacity="5", targetReadUtilization="70")["plain"] == GOOD
    assert audit.judged("DYNAMODB_AUTOSCALING_ENABLED", maxProvisionedWriteCapacity="51")["plain"] == BAD
    assert audit.judged("DYNAMODB_THROUGHPUT_LIMIT_CHECK") == {ACCOUNT: GOOD}
    assert audit.judged("DYNAMODB_THROUGHPUT_LIMIT_CHECK", accountRCUThresholdPercentage="0") == {ACCOUNT: BAD}


def test_rules_of_what_is_backed_up(audit):
    ddb, s3, backup, iam = (audit.client(name) for name in ("dynamodb", "s3", "backup", "iam"))
    shape = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    ddb.create_table(TableName="kept", Tags=[{"Key": "backup", "Value": "daily"}], **shape)
    ddb.create_table(TableName="bare", **shape)
    s3.create_bucket(Bucket="bare-files")
    role = iam.create_role(RoleName="backup", AssumeRolePolicyDocument=policy({"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="backup", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    backup.create_backup_vault(BackupVaultName="vault")
    audit.cloud.sleep(5)
    assert audit.judged("DYNAMODB_IN_BACKUP_PLAN") == audit.judged("DYNAMODB_RESOURCES_PROTECTED_BY_BACKUP_PLAN") == {"kept": BAD, "bare": BAD}
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 5 * * ? *)", "CopyActions": [{"DestinationBackupVaultArn": f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:far"}]}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    selection = {"SelectionName": "s", "IamRoleArn": role, "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "daily"}]}
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)
    expected = {"kept": GOOD, "bare": BAD}
    assert audit.judged("DYNAMODB_IN_BACKUP_PLAN") == expected
    protected = "DYNAMODB_RESOURCES_PROTECTED_BY_BACKUP_PLAN"
    assert audit.judged(protected) == audit.judged(protected, crossRegionList="eu-west-1", crossAccountList=ACCOUNT) == expected
    assert audit.judged(protected, resourceId="kept") == audit.judged(protected, resourceTags='{"backup": "daily"}') == {"kept": GOOD}
    assert audit.judged(protected, crossRegionList="eu-west-1, ap-northeast-1")["kept"] == BAD
    assert audit.judged(protected, backupVaultLockCheck="True")["kept"] == BAD
    backup.put_backup_vault_lock_configuration(BackupVaultName="vault", MinRetentionDays=7, MaxRetentionDays=30)
    assert audit.judged(protected, backupVaultLockCheck="True", minRetentionDays="7", maxRetentionDays="30")["kept"] == GOOD
    assert audit.judged(protected, minRetentionDays="8")["kept"] == audit.judged(protected, maxRetentionDays="29")["kept"] == BAD
    assert audit.judged("S3_RESOURCES_PROTECTED_BY_BACKUP_PLAN") == {"bare-files": BAD}

    latest = "DYNAMODB_LAST_BACKUP_RECOVERY_POINT_CREATED"
    assert audit.judged(latest) == {"kept": BAD, "bare": BAD}
    job = {"BackupVaultName": "vault", "ResourceArn": f"arn:aws:dynamodb:{US}:{ACCOUNT}:table/kept", "IamRoleArn": role, "Lifecycle": {"DeleteAfterDays": 10}}
    number = backup.start_backup_job(**job)["BackupJobId"]
    audit.cloud.sleep(30)
    assert backup.describe_backup_job(BackupJobId=number)["State"] == "COMPLETED"
    assert audit.judged(latest) == expected
    assert audit.judged("S3_LAST_BACKUP_RECOVERY_POINT_CREATED") == {"bare-files": BAD}
    audit.cloud.sleep(2 * 3_600)
    assert audit.judged(latest, recoveryPointAgeUnit="hours")["kept"] == BAD


def test_rules_of_functions(audit):
    queue = audit.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    dead = f"arn:aws:sqs:{US}:{ACCOUNT}:dead"
    assert queue.endswith("/dead")
    iam = audit.client("iam")
    trusted = policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="function", AssumeRolePolicyDocument=trusted)
    iam.put_role_policy(RoleName="function", PolicyName="p", PolicyDocument=allowing("sqs:SendMessage", "logs:*"))
    role = f"arn:aws:iam::{ACCOUNT}:role/function"
    runtime = make(audit.cloud, name="careful", Role=role, DeadLetterConfig={"TargetArn": dead}, Timeout=9, MemorySize=256)["Runtime"]
    make(audit.cloud, name="careless", Role=role)
    functions = audit.client("lambda")
    functions.put_function_concurrency(FunctionName="careful", ReservedConcurrentExecutions=7)
    functions.add_permission(FunctionName="careless", StatementId="everybody", Action="lambda:InvokeFunction", Principal="*")
    functions.add_permission(FunctionName="careful", StatementId="topic", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    expected = {"careful": GOOD, "careless": BAD}
    for identifier in ("LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", "LAMBDA_DLQ_CHECK", "LAMBDA_CONCURRENCY_CHECK"):
        assert audit.judged(identifier) == expected, identifier
    assert audit.judged("LAMBDA_DLQ_CHECK", dlqArns=f"{dead}x")["careful"] == BAD
    assert audit.judged("LAMBDA_CONCURRENCY_CHECK", ConcurrencyLimitLow="5", ConcurrencyLimitHigh="6")["careful"] == BAD
    assert audit.judged("LAMBDA_FUNCTION_SETTINGS_CHECK", runtime=f"nodejs22.x,{runtime}") == {"careful": BAD, "careless": GOOD}  # 3 s and 128 MB are the defaults
    settings = {"runtime": runtime, "timeout": "9", "memorySize": "256", "role": "function"}
    assert audit.judged("LAMBDA_FUNCTION_SETTINGS_CHECK", **settings) == {"careful": GOOD, "careless": BAD}


def test_rules_of_topics_streams_and_log_groups(audit):
    key = audit.client("kms").create_key()["KeyMetadata"]["Arn"]
    sns, kinesis, logs = audit.client("sns"), audit.client("kinesis"), audit.client("logs")
    sealed, plain = (f"arn:aws:sns:{US}:{ACCOUNT}:{name}" for name in ("sealed", "plain"))
    sns.create_topic(Name="sealed", Attributes={"KmsMasterKeyId": key})
    sns.create_topic(Name="plain")
    for name in ("sealed", "plain"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    audit.cloud.sleep(2)
    kinesis.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId=key)
    logs.create_log_group(logGroupName="forever")
    logs.create_log_group(logGroupName="week")
    logs.put_retention_policy(logGroupName="week", retentionInDays=7)
    audit.cloud.sleep(3)
    assert audit.judged("SNS_ENCRYPTED_KMS") == audit.judged("SNS_ENCRYPTED_KMS", kmsKeyIds=key) == {sealed: GOOD, plain: BAD}
    assert audit.judged("SNS_ENCRYPTED_KMS", kmsKeyIds="arn:aws:kms:us-east-1:1:key/other") == {sealed: BAD, plain: BAD}
    assert audit.judged("SNS_TOPIC_MESSAGE_DELIVERY_NOTIFICATION_ENABLED") == {sealed: BAD, plain: BAD}  # no topic here logs deliveries
    assert audit.judged("KINESIS_STREAM_ENCRYPTED") == {"sealed": GOOD, "plain": BAD}
    assert audit.judged("CW_LOGGROUP_RETENTION_PERIOD_CHECK") == {"forever": GOOD, "week": BAD}
    assert audit.judged("CW_LOGGROUP_RETENTION_PERIOD_CHECK", LogGroupNames="week", MinRetentionTime="5") == {"week": GOOD}
    assert audit.judged("CLOUDWATCH_LOG_GROUP_ENCRYPTED") == {"forever": BAD, "week": BAD}


def test_rules_of_keys_and_secrets(cloud):
    audit = Audit(cloud, "AWS::KMS::Key", "AWS::SecretsManager::Secret")
    kms, secrets = audit.client("kms"), audit.client("secretsmanager")
    turning, still, going = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3))
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=turning)
    kms.schedule_key_deletion(KeyId=going, PendingWindowInDays=7)
    assert audit.judged("CMK_BACKING_KEY_ROTATION_ENABLED") == {turning: GOOD, still: BAD}  # those that can rotate, and stay
    assert audit.judged("KMS_CMK_NOT_SCHEDULED_FOR_DELETION") == {turning: GOOD, still: GOOD, signing: GOOD, going: BAD}
    assert audit.judged("KMS_CMK_NOT_SCHEDULED_FOR_DELETION", kmsKeyIds=f"{turning}, {going}") == {turning: GOOD, going: BAD}

    key = kms.describe_key(KeyId=turning)["KeyMetadata"]["Arn"]
    plain = secrets.create_secret(Name="plain", SecretString="x")["ARN"]
    own = secrets.create_secret(Name="own", SecretString="x", KmsKeyId=key)["ARN"]
    audit.cloud.sleep(2)
    assert audit.judged("SECRETSMANAGER_USING_CMK") == audit.judged("SECRETSMANAGER_USING_CMK", kmsKeyArns=key) == {plain: BAD, own: GOOD}
    assert audit.judged("SECRETSMANAGER_ROTATION_ENABLED_CHECK") == {plain: BAD, own: BAD}
    assert audit.judged("SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK") == {}  # neither rotates
    assert audit.judged("SECRETSMANAGER_SECRET_PERIODIC_ROTATION") == {plain: BAD, own: BAD}
    assert audit.judged("SECRETSMANAGER_SECRET_UNUSED") == {plain: GOOD, own: GOOD}
    audit.cloud.sleep(4 * DAY)
    secrets.get_secret_value(SecretId="own")
    assert audit.judged("SECRETSMANAGER_SECRET_UNUSED", unusedForDays="2") == {plain: BAD, own: GOOD}


# Alarms, APIs, certificates --------------------------------------------------------------------------


def test_rules_of_alarms(audit):
    watch, topic = audit.client("cloudwatch"), f"arn:aws:sns:{US}:{ACCOUNT}:pager"
    audit.client("sns").create_topic(Name="pager")
    loud, quiet = (f"arn:aws:cloudwatch:{US}:{ACCOUNT}:alarm:{name}" for name in ("loud", "quiet"))
    said = {"MetricName": "BucketSizeBytes", "Namespace": "AWS/S3", "Period": 300, "EvaluationPeriods": 1, "Threshold": 9.0, "Statistic": "Average",
            "ComparisonOperator": "GreaterThanThreshold", "Dimensions": [{"Name": "BucketName", "Value": "watched"}]}  # fmt: skip
    watch.put_metric_alarm(AlarmName="loud", AlarmActions=[topic], InsufficientDataActions=[topic], **said)
    watch.put_metric_alarm(AlarmName="quiet", ActionsEnabled=False, **{**said, "MetricName": "Other"})
    for name in ("watched", "unwatched"):
        audit.client("s3").create_bucket(Bucket=name)
    acts = {"alarmActionRequired": "true", "insufficientDataActionRequired": "true", "okActionRequired": "false"}
    assert audit.judged("CLOUDWATCH_ALARM_ACTION_CHECK", **acts) == {loud: GOOD, quiet: BAD}
    assert audit.judged("CLOUDWATCH_ALARM_ACTION_CHECK", **acts, action1=f"{topic}x") == {loud: BAD, quiet: BAD}
    assert audit.judged("CLOUDWATCH_ALARM_ACTION_CHECK", **{**acts, "okActionRequired": "true"})[loud] == BAD
    assert audit.judged("CLOUDWATCH_ALARM_ACTION_ENABLED_CHECK") == {loud: GOOD, quiet: BAD}
    assert audit.judged("CLOUDWATCH_ALARM_SETTINGS_CHECK", metricName="BucketSizeBytes", threshold="9") == {loud: GOOD}
    assert audit.judged("CLOUDWATCH_ALARM_SETTINGS_CHECK", metricName="BucketSizeBytes", statistic="Sum") == {loud: BAD}
    assert audit.judged("CLOUDWATCH_ALARM_RESOURCE_CHECK", resourceType="AWS::S3::Bucket", metricName="BucketSizeBytes") == {"watched": GOOD, "unwatched": BAD}


def test_rules_of_apis(audit):
    gateway = audit.client("apigateway")
    id_ = gateway.create_rest_api(name="api", endpointConfiguration={"types": ["REGIONAL"]})["id"]
    root = gateway.get_resources(restApiId=id_)["items"][0]["id"]
    gateway.put_method(restApiId=id_, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=id_, resourceId=root, httpMethod="GET", type="MOCK")
    certificate = gateway.generate_client_certificate()["clientCertificateId"]
    for name in ("full", "bare"):
        gateway.create_deployment(restApiId=id_, stageName=name)
    operations = [("/tracingEnabled", "true"), ("/clientCertificateId", certificate), ("/cacheClusterEnabled", "true"),
                  ("/cacheClusterSize", "0.5"), ("/*/*/caching/enabled", "true"), ("/*/*/caching/dataEncrypted", "true")]  # fmt: skip
    gateway.update_stage(restApiId=id_, stageName="full", patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in operations])
    full, bare = (f"arn:aws:apigateway:{US}::/restapis/{id_}/stages/{name}" for name in ("full", "bare"))
    for identifier in ("API_GW_XRAY_ENABLED", "API_GW_SSL_ENABLED", "API_GW_CACHE_ENABLED_AND_ENCRYPTED"):
        assert audit.judged(identifier) == {full: GOOD, bare: BAD}, identifier
    assert audit.judged("API_GW_EXECUTION_LOGGING_ENABLED") == {full: BAD, bare: BAD}  # no stage here writes execution logs
    assert audit.judged("API_GW_ENDPOINT_TYPE_CHECK", endpointConfigurationTypes="REGIONAL,PRIVATE") == {id_: GOOD}
    assert audit.judged("API_GW_ENDPOINT_TYPE_CHECK", endpointConfigurationTypes="EDGE") == {id_: BAD}


# Identities ------------------------------------------------------------------------------------------


def test_rules_of_policies(audit):
    iam = audit.client("iam")
    allow = {"Effect": "Allow", "Resource": "*"}
    arns = {
        name: iam.create_policy(PolicyName=name, PolicyDocument=policy({**allow, "Action": action}))["Policy"]["Arn"]
        for name, action in (("admin", "*"), ("service", "sqs:*"), ("narrow", "sqs:SendMessage"), ("keys", ["kms:Decrypt"]))
    }
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}), PermissionsBoundary=arns["admin"])
    audit.cloud.sleep(2)
    assert audit.judged("IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS") == {"admin": BAD, "service": GOOD, "narrow": GOOD, "keys": GOOD}
    assert audit.judged("IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", excludePermissionBoundaryPolicy="true") == {"service": GOOD, "narrow": GOOD, "keys": GOOD}
    assert audit.judged("IAM_POLICY_NO_STATEMENTS_WITH_FULL_ACCESS") == {"admin": BAD, "service": BAD, "narrow": GOOD, "keys": GOOD}
    assert audit.judged("IAM_CUSTOMER_POLICY_BLOCKED_KMS_ACTIONS", blockedActionsPatterns="kms:Decrypt,kms:ReEncrypt*") == {"admin": BAD, "service": GOOD, "narrow": GOOD, "keys": BAD}
    assert audit.judged("IAM_POLICY_IN_USE", policyARN=arns["narrow"]) == {ACCOUNT: BAD}
    iam.attach_role_policy(RoleName="bounded", PolicyArn=arns["narrow"])
    assert audit.judged("IAM_POLICY_IN_USE", policyARN=arns["narrow"]) == {ACCOUNT: GOOD}
    assert audit.judged("IAM_POLICY_IN_USE", policyARN=arns["narrow"], policyUsageType="IAM_USER") == {ACCOUNT: BAD}


def test_rules_of_users_groups_and_roles(audit):
    iam = audit.client("iam")
    for name in ("anna", "bert"):
        iam.create_user(UserName=name)
    for name in ("staff", "empty"):
        iam.create_group(GroupName=name)
    iam.add_user_to_group(UserName="anna", GroupName="staff")
    iam.put_user_policy(UserName="bert", PolicyName="own", PolicyDocument=allowing("kms:*"))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_group_policy(GroupName="staff", PolicyArn=admin)
    trusted = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trusted)
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.attach_role_policy(RoleName="reader", PolicyArn=read_only)
    audit.cloud.sleep(2)
    assert audit.judged("IAM_USER_NO_POLICIES_CHECK") == {"anna": GOOD, "bert": BAD}
    assert audit.judged("IAM_NO_INLINE_POLICY_CHECK") == {"anna": GOOD, "bert": BAD, "staff": GOOD, "empty": GOOD, "reader": GOOD}
    assert audit.judged("IAM_GROUP_HAS_USERS_CHECK") == {"staff": GOOD, "empty": BAD}
    assert audit.judged("IAM_USER_GROUP_MEMBERSHIP_CHECK") == {"anna": GOOD, "bert": BAD}
    assert audit.judged("IAM_USER_GROUP_MEMBERSHIP_CHECK", groupNames="staff, empty") == {"anna": BAD, "bert": BAD}
    held = audit.judged("IAM_POLICY_BLACKLISTED_CHECK", policyArns=admin)
    assert {name for name, verdict in held.items() if verdict == BAD} == {"staff"}
    assert set(audit.judged("IAM_POLICY_BLACKLISTED_CHECK", policyArns=admin, exceptionList="groups:[staff;empty]").values()) == {GOOD}
    assert audit.judged("IAM_ROLE_MANAGED_POLICY_CHECK", managedPolicyArns=read_only) == {"reader": GOOD}
    assert audit.judged("IAM_ROLE_MANAGED_POLICY_CHECK", managedPolicyArns=f"{read_only},{admin}") == {"reader": BAD}
    blocked = audit.judged("IAM_INLINE_POLICY_BLOCKED_KMS_ACTIONS", blockedActionsPatterns="kms:Decrypt")
    assert {name for name, verdict in blocked.items() if verdict == BAD} == {"bert"}


def test_rules_of_credentials(cloud):
    audit = Audit(cloud, "AWS::IAM::User")
    iam = audit.client("iam")
    for name in ("anna", "bert"):
        iam.create_user(UserName=name)
    iam.create_login_profile(UserName="bert", Password="Correct-horse-9")
    iam.create_access_key(UserName="bert")
    audit.cloud.sleep(2)
    assert audit.judged("IAM_USER_MFA_ENABLED") == {"anna": BAD, "bert": BAD}
    assert audit.judged("MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS") == {"bert": BAD}  # the others have no password
    assert audit.judged("ACCESS_KEYS_ROTATED", maxAccessKeyAge="90") == {"anna": GOOD, "bert": GOOD}
    assert audit.judged("IAM_ROOT_ACCESS_KEY_CHECK") == {ACCOUNT: GOOD}
    assert audit.judged("ROOT_ACCOUNT_MFA_ENABLED") == {ACCOUNT: BAD}
    audit.cloud.sleep(5 * DAY)
    assert audit.judged("ACCESS_KEYS_ROTATED", maxAccessKeyAge="4") == {"anna": GOOD, "bert": BAD}
    assert audit.judged("IAM_USER_UNUSED_CREDENTIALS_CHECK", maxCredentialUsageAge="4") == {"anna": GOOD, "bert": BAD}
    assert audit.judged("IAM_USER_UNUSED_CREDENTIALS_CHECK", maxCredentialUsageAge="40") == {"anna": GOOD, "bert": GOOD}


def test_rules_of_trails(audit):
    trails, s3 = audit.client("cloudtrail"), audit.client("s3")
    assert audit.judged("CLOUD_TRAIL_ENABLED") == {ACCOUNT: BAD}
    s3.create_bucket(Bucket="trails")
    let = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject"], "Resource": ["arn:aws:s3:::trails", "arn:aws:s3:::trails/*"]}
    s3.put_bucket_policy(Bucket="trails", Policy=policy(let))
    good = trails.create_trail(Name="good", S3BucketName="trails", IsMultiRegionTrail=True, EnableLogFileValidation=True)["TrailARN"]
    bare = trails.create_trail(Name="bare", S3BucketName="trails")["TrailARN"]
    assert audit.judged("CLOUD_TRAIL_ENABLED") == {ACCOUNT: BAD}  # none records yet
    trails.start_logging(Name="good")
    assert audit.judged("CLOUD_TRAIL_ENABLED") == audit.judged("CLOUD_TRAIL_ENABLED", s3BucketName="trails") == {ACCOUNT: GOOD}
    assert audit.judged("CLOUD_TRAIL_ENABLED", s3BucketName="other") == {ACCOUNT: BAD}
    assert audit.judged("MULTI_REGION_CLOUD_TRAIL_ENABLED", readWriteType="ALL") == {ACCOUNT: GOOD}
    assert audit.judged("CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED") == {good: GOOD, bare: BAD}
    assert audit.judged("CLOUD_TRAIL_ENCRYPTION_ENABLED") == {good: BAD, bare: BAD}
    assert audit.judged("CLOUD_TRAIL_CLOUD_WATCH_LOGS_ENABLED") == {good: BAD, bare: BAD}
    assert audit.judged("CLOUDTRAIL_SECURITY_TRAIL_ENABLED") == {ACCOUNT: BAD}  # without a key
    assert audit.judged("CLOUDTRAIL_S3_DATAEVENTS_ENABLED") == {ACCOUNT: BAD}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
    trails.put_event_selectors(TrailName="good", EventSelectors=[selector])
    assert audit.judged("CLOUDTRAIL_S3_DATAEVENTS_ENABLED") == {ACCOUNT: GOOD}
