"""Systems Manager: AWS's own Automation documents, which really do what their names say.

https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, trust
from lambda_workshop import allowing, make, put_role, put_user
from node_workshop import Fleet
from refusals import refused

from kumoniwa.services.ssm import owned

MENDER = f"arn:aws:iam::{ACCOUNT}:role/mender"


@pytest.fixture
def ssm(cloud):
    iam = cloud.client("iam")
    iam.create_role(RoleName="mender", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    iam.put_role_policy(RoleName="mender", PolicyName="all", PolicyDocument=allowing("*"))
    return cloud.client("ssm")


def run(cloud, document: str, **parameters: str) -> None:
    """Run a document as the mender; it must succeed."""
    given = {name: [value] for name, value in ({"AutomationAssumeRole": MENDER} | parameters).items()}
    id_ = cloud.client("ssm").start_automation_execution(DocumentName=document, Parameters=given)["AutomationExecutionId"]
    cloud.sleep(2)
    shown = cloud.client("ssm").get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]
    assert shown["AutomationExecutionStatus"] == "Success", shown.get("FailureMessage")


def bucket(cloud, ssm):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="mended")
    closed = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket="mended", PublicAccessBlockConfiguration=dict.fromkeys(closed, False))
    run(cloud, "AWS-DisableS3BucketPublicReadWrite", S3BucketName="mended")
    assert s3.get_public_access_block(Bucket="mended")["PublicAccessBlockConfiguration"] == closed
    run(cloud, "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock", BucketName="mended", BlockPublicAcls="false")
    assert s3.get_public_access_block(Bucket="mended")["PublicAccessBlockConfiguration"] == closed | {"BlockPublicAcls": False}
    run(cloud, "AWS-EnableS3BucketEncryption", BucketName="mended")
    (rule,) = s3.get_bucket_encryption(Bucket="mended")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    run(cloud, "AWS-ConfigureS3BucketVersioning", BucketName="mended", VersioningState="Suspended")
    assert s3.get_bucket_versioning(Bucket="mended")["Status"] == "Suspended"
    return {"AWS-DisableS3BucketPublicReadWrite", "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock", "AWS-EnableS3BucketEncryption", "AWS-ConfigureS3BucketVersioning"}


def keys(cloud, ssm):
    kms, sns, sqs = cloud.client("kms"), cloud.client("sns"), cloud.client("sqs")
    key = kms.create_key()["KeyMetadata"]
    run(cloud, "AWSConfigRemediation-EnableKeyRotation", KeyId=key["KeyId"])
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    topic = sns.create_topic(Name="n")["TopicArn"]
    run(cloud, "AWSConfigRemediation-EncryptSNSTopic", TopicArn=topic, KmsKeyArn=key["Arn"])
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"] == key["Arn"]
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    let = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [let]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    run(cloud, "AWS-PublishSNSNotification", TopicArn=topic, Message="hello")
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=url)["Messages"]] == ["hello"]
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    run(cloud, "AWSConfigRemediation-CancelKeyDeletion", KeyId=key["KeyId"])
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    return {"AWSConfigRemediation-EnableKeyRotation", "AWSConfigRemediation-EncryptSNSTopic", "AWS-PublishSNSNotification", "AWSConfigRemediation-CancelKeyDeletion"}


def others(cloud, ssm):
    ddb, functions, trails, s3 = (cloud.client(name) for name in ("dynamodb", "lambda", "cloudtrail", "s3"))
    ddb.create_table(TableName="table", AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                     BillingMode="PAY_PER_REQUEST")  # fmt: skip
    cloud.sleep(2)
    run(cloud, "AWSConfigRemediation-EnablePITRForDynamoDbTable", TableName="table")
    backups = ddb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    make(cloud, Role=put_role(cloud, "xray:*"))
    run(cloud, "AWSConfigRemediation-ConfigureLambdaFunctionXRayTracing", FunctionName="f")
    assert functions.get_function_configuration(FunctionName="f")["TracingConfig"] == {"Mode": "Active"}
    s3.create_bucket(Bucket="trails")
    let = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject"], "Resource": ["arn:aws:s3:::trails", "arn:aws:s3:::trails/*"]}
    s3.put_bucket_policy(Bucket="trails", Policy=json.dumps({"Version": "2012-10-17", "Statement": [let]}))
    trails.create_trail(Name="trail", S3BucketName="trails")
    run(cloud, "AWSConfigRemediation-EnableCloudTrailLogFileValidation", TrailName="trail")
    assert trails.get_trail(Name="trail")["Trail"]["LogFileValidationEnabled"] is True
    run(cloud, "AWSConfigRemediation-SetIAMPasswordPolicy", MinimumPasswordLength="14", RequireSymbols="true", MaxPasswordAge="90", PasswordReusePrevention="3")
    said = cloud.client("iam").get_account_password_policy()["PasswordPolicy"]
    assert (said["MinimumPasswordLength"], said["RequireSymbols"], said["MaxPasswordAge"]) == (14, True, 90)
    return {"AWSConfigRemediation-EnablePITRForDynamoDbTable", "AWSConfigRemediation-ConfigureLambdaFunctionXRayTracing",
            "AWSConfigRemediation-EnableCloudTrailLogFileValidation", "AWSConfigRemediation-SetIAMPasswordPolicy"}  # fmt: skip


def script(cloud, folder) -> set[str]:
    fleet = Fleet(cloud)
    node = fleet.node()
    id_ = fleet.send(node, Parameters={"commands": ["pwd"], "workingDirectory": [str(folder)]})
    node.work(folder / "node")
    assert fleet.invocation(id_, node)["StandardOutputContent"] == f"{folder}\n"
    return {"AWS-RunShellScript"}


def test_every_document_of_aws_does_what_it_says(cloud, ssm, tmp_path):
    assert bucket(cloud, ssm) | keys(cloud, ssm) | others(cloud, ssm) | script(cloud, tmp_path) == set(owned.documents())


def test_a_document_of_aws_is_shown_and_cannot_be_changed(cloud, ssm):
    name = "AWS-ConfigureS3BucketVersioning"
    shown = ssm.describe_document(Name=name)["Document"]
    assert (shown["Owner"], shown["DocumentType"], shown["DocumentVersion"]) == ("Amazon", "Automation", "1")
    assert {each["Name"]: each.get("DefaultValue") for each in shown["Parameters"]} == {"AutomationAssumeRole": "", "BucketName": None, "VersioningState": "Enabled"}
    assert json.loads(ssm.get_document(Name=name)["Content"])["schemaVersion"] == "0.3"
    assert name in [each["Name"] for each in ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Amazon"]}])["DocumentIdentifiers"]]
    assert ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"] == []
    assert refused(ssm.delete_document, Name=name)[0] == "ValidationException"
    assert refused(ssm.update_document, Name=name, Content="{}", DocumentVersion="$LATEST")[0] == "ValidationException"
    assert refused(ssm.describe_document, Name="AWS-ConfigureAWSPackage")[0] == "NotImplemented"


def test_without_a_role_it_acts_as_whoever_runs_it(cloud, ssm):
    """Its ARN names no account, as policies for AWS's documents have it."""
    cloud.client("s3").create_bucket(Bucket="mended")
    put_user(cloud, "clerk", "AKIAIOSFODNN7CLERK00", "ssm:StartAutomationExecution")
    clerk = cloud.client("ssm", key="AKIAIOSFODNN7CLERK00", secret="secret")
    id_ = clerk.start_automation_execution(DocumentName="AWS-ConfigureS3BucketVersioning", Parameters={"BucketName": ["mended"]})["AutomationExecutionId"]
    cloud.sleep(1)
    shown = ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]
    assert (shown["AutomationExecutionStatus"], "s3:PutBucketVersioning" in shown["FailureMessage"]) == ("Failed", True)
    observed = [each["resource"] for each in cloud.region().gate.authorizer.observed("clerk") if each["action"] == "ssm:StartAutomationExecution"]
    assert observed == ["arn:aws:ssm:us-east-1::automation-definition/AWS-ConfigureS3BucketVersioning:$DEFAULT"]
