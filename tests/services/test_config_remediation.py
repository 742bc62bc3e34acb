"""AWS Config: what a rule finds wrong is made right by an automation of Systems Manager.

https://docs.aws.amazon.com/config/latest/developerguide/remediation.html
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, put_recorder, put_rule, trust, verdicts
from lambda_workshop import allowing, put_user
from refusals import refused

MENDER = f"arn:aws:iam::{ACCOUNT}:role/mender"
READ = "s3-bucket-public-read-prohibited"
CLOSE = "AWS-DisableS3BucketPublicReadWrite"
OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


@pytest.fixture
def config(cloud):
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket", "AWS::SNS::Topic"])
    return cloud.client("config")


def mender(cloud, *actions: str) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="mender", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    if actions:
        iam.put_role_policy(RoleName="mender", PolicyName="mend", PolicyDocument=allowing(*actions))


def remedy(document: str = CLOSE, rule: str = READ, parameter: str = "S3BucketName", **more) -> dict:
    role = {"AutomationAssumeRole": {"StaticValue": {"Values": [MENDER]}}}
    return {"ConfigRuleName": rule, "TargetType": "SSM_DOCUMENT", "TargetId": document,
            "Parameters": {parameter: {"ResourceValue": {"Value": "RESOURCE_ID"}}, **role}, **more}  # fmt: skip


def automatic(**more) -> dict:
    return remedy(Automatic=True, MaximumAutomaticAttempts=3, RetryAttemptSeconds=60, **more)


def open_bucket(cloud, name: str = "open") -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))


def states(config, rule: str = READ) -> dict[str, str]:
    found = config.describe_remediation_execution_status(ConfigRuleName=rule)["RemediationExecutionStatuses"]
    return {each["ResourceKey"]["resourceId"]: each["State"] for each in found}


def block(cloud, name: str = "open") -> set[bool]:
    return set(cloud.client("s3").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())


def test_a_public_bucket_is_closed_by_itself_within_a_minute(cloud, config):
    mender(cloud, "s3:PutBucketPublicAccessBlock")
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    assert config.put_remediation_configurations(RemediationConfigurations=[automatic()])["FailedBatches"] == []
    open_bucket(cloud)
    cloud.sleep(1)
    assert verdicts(config, READ)["open"] == "NON_COMPLIANT"
    cloud.sleep(10)
    assert block(cloud) == {True}
    assert verdicts(config, READ)["open"] == "COMPLIANT"
    (told,) = config.describe_remediation_execution_status(ConfigRuleName=READ)["RemediationExecutionStatuses"]
    assert (told["State"], [(step["Name"], step["State"]) for step in told["StepDetails"]]) == (
        "SUCCEEDED", [("DisableS3BucketPublicReadWrite", "SUCCEEDED")],
    )  # fmt: skip


def test_what_cannot_be_made_right_becomes_an_exception_and_is_left_alone(cloud, config):
    mender(cloud)  # may do nothing
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    config.put_remediation_configurations(RemediationConfigurations=[automatic()])
    open_bucket(cloud)
    cloud.sleep(30)
    assert block(cloud) == {False}
    assert states(config) == {"open": "FAILED"}
    (told,) = config.describe_remediation_execution_status(ConfigRuleName=READ)["RemediationExecutionStatuses"]
    assert "is not authorized to perform: s3:PutBucketPublicAccessBlock" in told["StepDetails"][0]["ErrorMessage"]
    (exception,) = config.describe_remediation_exceptions(ConfigRuleName=READ)["RemediationExceptions"]
    assert (exception["ResourceType"], exception["ResourceId"]) == ("AWS::S3::Bucket", "open")
    begun = len(cloud.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"])
    assert begun == 3
    cloud.client("s3").put_bucket_tagging(Bucket="open", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    cloud.sleep(30)
    assert len(cloud.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]) == begun
    cloud.client("iam").put_role_policy(RoleName="mender", PolicyName="mend", PolicyDocument=allowing("s3:*"))
    config.delete_remediation_exceptions(ConfigRuleName=READ, ResourceKeys=[{"ResourceType": "AWS::S3::Bucket", "ResourceId": "open"}])
    cloud.sleep(10)
    assert (block(cloud), states(config)) == ({True}, {"open": "SUCCEEDED"})


def test_somebody_may_ask_and_it_is_done_as_whoever_asked(cloud, config):
    mender(cloud, "s3:PutBucketPublicAccessBlock")
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    config.put_remediation_configurations(RemediationConfigurations=[remedy()])
    open_bucket(cloud)
    cloud.sleep(20)
    assert (block(cloud), states(config)) == ({False}, {})  # not by itself
    put_user(cloud, "clerk", "AKIAIOSFODNN7CLERK00", "config:StartRemediationExecution")
    clerk = cloud.client("config", key="AKIAIOSFODNN7CLERK00", secret="secret")
    keys = [{"resourceType": "AWS::S3::Bucket", "resourceId": "open"}]
    assert "FailedItems" not in clerk.start_remediation_execution(ConfigRuleName=READ, ResourceKeys=keys)
    cloud.sleep(5)
    # Seen on AWS: whoever asks without rights of Systems Manager's fails before there is an automation, in a step "Initialization".
    (told,) = config.describe_remediation_execution_status(ConfigRuleName=READ)["RemediationExecutionStatuses"]
    assert (told["State"], told["StepDetails"][0]["Name"]) == ("FAILED", "Initialization")
    assert "ssm:StartAutomationExecution" in told["StepDetails"][0]["ErrorMessage"]
    assert cloud.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"] == []
    config.start_remediation_execution(ConfigRuleName=READ, ResourceKeys=keys)
    again = config.start_remediation_execution(ConfigRuleName=READ, ResourceKeys=[*keys, {"resourceType": "AWS::S3::Bucket", "resourceId": "none"}])
    assert [each["resourceId"] for each in again["FailedItems"]] == ["open", "none"]
    assert refused(config.delete_remediation_configuration, ConfigRuleName=READ)[0] == "RemediationInProgressException"
    cloud.sleep(5)
    assert (block(cloud), states(config)) == ({True}, {"open": "SUCCEEDED"})
    config.delete_remediation_configuration(ConfigRuleName=READ)
    assert refused(config.describe_remediation_execution_status, ConfigRuleName=READ)[0] == "NoSuchRemediationConfigurationException"


def test_a_kill_in_the_middle_of_a_remediation_is_outlived(cloud, config):
    mender(cloud, "s3:PutBucketPublicAccessBlock")
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    config.put_remediation_configurations(RemediationConfigurations=[automatic()])
    open_bucket(cloud)
    while not states(config):
        cloud.sleep(0.05)
    cloud.restart(kill=True)
    cloud.sleep(10)
    assert (block(cloud), states(config)) == ({True}, {"open": "SUCCEEDED"})


def test_a_bucket_is_closed_while_aws_global_is_dark(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    put_recorder(cloud, allSupported=True, includeGlobalResourceTypes=True)
    config, s3 = cloud.client("config"), cloud.client("s3")
    mender(cloud, "s3:PutBucketPublicAccessBlock")
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    config.put_remediation_configurations(RemediationConfigurations=[automatic()])
    open_bucket(cloud, "first")
    cloud.sleep(10)
    assert block(cloud, "first") == {True}
    cloud.kill("aws-global")
    cloud.sleep(3_600)  # What has no region is looked for, and is not answered.
    s3.put_public_access_block(Bucket="first", PublicAccessBlockConfiguration=OPEN)
    cloud.sleep(10)
    assert block(cloud, "first") == {True}
    cloud.sleep(110)
    (status,) = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert (status["lastStatus"], status["recording"]) == ("FAILURE", True)
    cloud.region("aws-global")
    cloud.client("iam").create_user(UserName="new")
    cloud.sleep(130)
    (status,) = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert status["lastStatus"] == "SUCCESS"
    assert "new" in [each["resourceName"] for each in config.list_discovered_resources(resourceType="AWS::IAM::User")["resourceIdentifiers"]]


def test_whoever_sets_an_automatic_remediation_makes_its_role(cloud, config):
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    put_user(cloud, "clerk", "AKIAIOSFODNN7CLERK00", "config:PutRemediationConfigurations", "iam:PassRole", "ssm:DescribeDocument")
    mender(cloud)
    clerk = cloud.client("config", key="AKIAIOSFODNN7CLERK00", secret="secret")
    code, text = refused(clerk.put_remediation_configurations, RemediationConfigurations=[automatic()])
    assert code == "InsufficientPermissionsException" and "iam:CreateServiceLinkedRole" in text


def test_a_remediation_is_refused_in_words(cloud, config):
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED")

    def put(**said) -> str:
        return refused(config.put_remediation_configurations, RemediationConfigurations=[said])[0]

    assert put(**remedy(rule="none")) == "NoSuchConfigRuleException"
    assert put(**remedy(document="none")) == "InvalidParameterValueException"
    assert put(**remedy(document="AWS-StopEC2Instance")) == "NotImplemented"
    assert put(**remedy(parameter="Bucket")) == "InvalidParameterValueException"
    bare = remedy(Automatic=True)
    del bare["Parameters"]["AutomationAssumeRole"]
    # "the only valid assumeRole field value is AutomationAssumeRole": API_PutRemediationConfigurations
    assert put(**bare) == "InvalidParameterValueException"
    config.put_remediation_configurations(RemediationConfigurations=[remedy()])
    assert refused(config.delete_config_rule, ConfigRuleName=READ)[0] == "ResourceInUseException"
    (shown,) = config.describe_remediation_configurations(ConfigRuleNames=[READ, "none"])["RemediationConfigurations"]
    assert (shown["TargetId"], shown["Automatic"]) == (CLOSE, False)
    keys = [{"ResourceType": "AWS::S3::Bucket", "ResourceId": "config-files-us-east-1"}]
    cloud.sleep(2)
    failed = config.put_remediation_exceptions(ConfigRuleName=READ, ResourceKeys=keys)["FailedBatches"]
    assert [each["ResourceId"] for each in failed[0]["FailedItems"]] == ["config-files-us-east-1"]  # it complies
    assert refused(config.delete_remediation_exceptions, ConfigRuleName=READ, ResourceKeys=keys)[0] == "NoSuchRemediationExceptionException"
    config.delete_remediation_configuration(ConfigRuleName=READ)
    config.delete_config_rule(ConfigRuleName=READ)
