"""Of which type of CloudFormation's a resource is, by its ARN: those that Resource Groups knows and that are kept and tagged here.

https://docs.aws.amazon.com/ARG/latest/userguide/supported-resources.html
"""

from __future__ import annotations

import re

ALL = "AWS::AllSupported"
NAME = re.compile(r"AWS::(AllSupported|[a-zA-Z0-9]+::[a-zA-Z0-9]+)")

_KINDS = {
    "AWS::ApiGateway::RestApi": r"apigateway:[^:]*:[^:]*:/restapis/[^/]+",
    "AWS::ApiGateway::Stage": r"apigateway:[^:]*:[^:]*:/restapis/[^/]+/stages/[^/]+",
    "AWS::AppSync::GraphQLApi": r"appsync:.*:apis/[^/]+",
    "AWS::Backup::BackupPlan": r"backup:.*:backup-plan:.+",
    "AWS::Backup::BackupVault": r"backup:.*:backup-vault:.+",
    "AWS::CertificateManager::Certificate": r"acm:.*:certificate/.+",
    "AWS::CloudFormation::Stack": r"cloudformation:.*:stack/.+",
    "AWS::CloudFront::Distribution": r"cloudfront:.*:distribution/.+",
    "AWS::CloudTrail::Trail": r"cloudtrail:.*:trail/.+",
    "AWS::CloudWatch::Alarm": r"cloudwatch:.*:alarm:.+",
    "AWS::CodeBuild::Project": r"codebuild:.*:project/.+",
    "AWS::CodePipeline::Pipeline": r"codepipeline:[^:]*:[^:]*:[^/:]+",
    "AWS::Cognito::IdentityPool": r"cognito-identity:.*:identitypool/.+",
    "AWS::Cognito::UserPool": r"cognito-idp:.*:userpool/.+",
    "AWS::Config::ConfigRule": r"config:.*:config-rule/.+",
    "AWS::DynamoDB::Table": r"dynamodb:.*:table/[^/]+",
    "AWS::ECR::Repository": r"ecr:.*:repository/.+",
    "AWS::Events::EventBus": r"events:.*:event-bus/.+",
    "AWS::Events::Rule": r"events:.*:rule/.+",
    "AWS::Kinesis::Stream": r"kinesis:.*:stream/[^/]+",
    "AWS::KinesisFirehose::DeliveryStream": r"firehose:.*:deliverystream/.+",
    "AWS::KMS::Key": r"kms:.*:key/.+",
    "AWS::Lambda::Function": r"lambda:.*:function:[^:]+",
    "AWS::Logs::LogGroup": r"logs:.*:log-group:.+",
    "AWS::ResourceGroups::Group": r"resource-groups:.*:group/.+",
    "AWS::Route53::HealthCheck": r"route53:.*:healthcheck/.+",
    "AWS::Route53::HostedZone": r"route53:.*:hostedzone/.+",
    "AWS::S3::Bucket": r"s3:::[^/]+",
    "AWS::SNS::Topic": r"sns:[^:]*:[^:]*:[^:]+",
    "AWS::SQS::Queue": r"sqs:[^:]*:[^:]*:[^:]+",
    "AWS::SSM::Document": r"ssm:.*:document/.+",
    "AWS::SSM::ManagedInstance": r"ssm:.*:managed-instance/.+",
    "AWS::SSM::Parameter": r"ssm:.*:parameter/.+",
    "AWS::SecretsManager::Secret": r"secretsmanager:.*:secret:.+",
    "AWS::StepFunctions::Activity": r"states:.*:activity:.+",
    "AWS::StepFunctions::StateMachine": r"states:.*:stateMachine:.+",
    "AWS::WAFv2::WebACL": r"wafv2:.*/webacl/.+",
}
_SPELLED = {
    "AWS::ApiGateway::RestApi": "apigateway:{region}::/restapis/{id}",
    "AWS::Backup::BackupPlan": "backup:{region}:{account}:backup-plan:{id}",
    "AWS::Backup::BackupVault": "backup:{region}:{account}:backup-vault:{id}",
    "AWS::CloudFront::Distribution": "cloudfront::{account}:distribution/{id}",
    "AWS::CloudTrail::Trail": "cloudtrail:{region}:{account}:trail/{id}",
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{id}",
    "AWS::CodeBuild::Project": "codebuild:{region}:{account}:project/{id}",
    "AWS::CodePipeline::Pipeline": "codepipeline:{region}:{account}:{id}",
    "AWS::Cognito::IdentityPool": "cognito-identity:{region}:{account}:identitypool/{id}",
    "AWS::Cognito::UserPool": "cognito-idp:{region}:{account}:userpool/{id}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{id}",
    "AWS::ECR::Repository": "ecr:{region}:{account}:repository/{id}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{id}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{id}",
    "AWS::Kinesis::Stream": "kinesis:{region}:{account}:stream/{id}",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:{region}:{account}:deliverystream/{id}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{id}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{id}",
    "AWS::Route53::HealthCheck": "route53:::healthcheck/{id}",
    "AWS::Route53::HostedZone": "route53:::hostedzone/{id}",
    "AWS::S3::Bucket": "s3:::{id}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{id}",
    "AWS::SSM::Document": "ssm:{region}:{account}:document/{id}",
    "AWS::SSM::Parameter": "ssm:{region}:{account}:parameter/{id}",
}
"""How the ARN of what a stack made is spelled with its physical id, where that is no ARN itself."""
_PATTERNS = {name: re.compile(f"arn:[^:]+:{pattern}") for name, pattern in _KINDS.items()}


def arn_of(name: str, physical_id: str, partition: str, region: str, account: str) -> str | None:
    """The ARN of what a stack made, if its type is one of a group's and its physical id says enough."""
    if physical_id.startswith("arn:"):
        return physical_id if of(physical_id) == name else None
    if name not in _SPELLED:
        return None
    if name == "AWS::SQS::Queue":
        physical_id = physical_id.rpartition("/")[2]
    elif name == "AWS::Events::Rule":
        physical_id = physical_id.replace("|", "/")
    elif name == "AWS::SSM::Parameter":
        physical_id = physical_id.removeprefix("/")
    return f"arn:{partition}:" + _SPELLED[name].format(region=region, account=account, id=physical_id)


def of(arn: str) -> str | None:
    return next((name for name, pattern in _PATTERNS.items() if pattern.fullmatch(arn)), None)
