"""Resources as findings name them: by ARNs, with types of the finding format.

https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call

ACCOUNT = "AWS::::Account"
_TYPES = {
    "AWS::ACM::Certificate": "AwsCertificateManagerCertificate", "AWS::ApiGateway::Stage": "AwsApiGatewayStage",
    "AWS::ApiGatewayV2::Stage": "AwsApiGatewayV2Stage", "AWS::AppSync::GraphQLApi": "AwsAppSyncGraphQlApi",
    "AWS::Backup::RecoveryPoint": "AwsBackupRecoveryPoint", "AWS::CloudFormation::Stack": "AwsCloudFormationStack",
    "AWS::CloudFront::Distribution": "AwsCloudFrontDistribution", "AWS::CloudTrail::Trail": "AwsCloudTrailTrail",
    "AWS::CloudWatch::Alarm": "AwsCloudWatchAlarm", "AWS::CodeBuild::Project": "AwsCodeBuildProject", "AWS::DynamoDB::Table": "AwsDynamoDbTable",
    "AWS::ECR::Repository": "AwsEcrRepository", "AWS::Events::EventBus": "AwsEventsEventbus", "AWS::IAM::Group": "AwsIamGroup",
    "AWS::IAM::Policy": "AwsIamPolicy", "AWS::IAM::Role": "AwsIamRole", "AWS::IAM::User": "AwsIamUser", "AWS::KMS::Key": "AwsKmsKey",
    "AWS::Kinesis::Stream": "AwsKinesisStream", "AWS::Lambda::Function": "AwsLambdaFunction", "AWS::S3::Bucket": "AwsS3Bucket",
    "AWS::SNS::Topic": "AwsSnsTopic", "AWS::SQS::Queue": "AwsSqsQueue", "AWS::SecretsManager::Secret": "AwsSecretsManagerSecret",
    "AWS::StepFunctions::StateMachine": "AwsStepFunctionStateMachine", "AWS::WAFv2::RuleGroup": "AwsWafv2RuleGroup",
    "AWS::WAFv2::WebACL": "AwsWafv2WebAcl", ACCOUNT: "AwsAccount",
}  # fmt: skip
"""The types of Config that the format has details for; all else is ``Other``."""
_ARNS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:{}"), "AWS::CodeBuild::Project": ("codebuild", "project/{}"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"), "AWS::ECR::Repository": ("ecr", "repository/{}"),
    "AWS::Events::EventBus": ("events", "event-bus/{}"), "AWS::KMS::Key": ("kms", "key/{}"), "AWS::Kinesis::Stream": ("kinesis", "stream/{}"),
    "AWS::Lambda::Function": ("lambda", "function:{}"),
}  # fmt: skip
"""How ARNs follow from names where Config's ids are names."""


def computed(call: Call, type_: str, id_: str) -> str:
    """The ARN of a resource by its id in Config, as far as it follows from it."""
    if type_ == ACCOUNT:
        return f"{ACCOUNT}:{call.account}"
    if type_ == "AWS::S3::Bucket":
        return f"arn:{call.home.partition}:s3:::{id_}"
    if id_.startswith("arn:") or type_ not in _ARNS:
        return id_
    service, form = _ARNS[type_]
    return call.arn(form.format(id_), service)


def told(call: Call, type_: str, arn: str) -> dict[str, Any]:
    return {"Type": _TYPES.get(type_, "Other"), "Id": arn, "Partition": call.home.partition, "Region": call.region}
