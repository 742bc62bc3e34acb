"""The controls that are judged here: those whose rule AWS Config evaluates here, each with the parameters that Security Hub gives the rule, and
one that Security Hub judges by itself.

All other controls of the two standards are told to be UNAVAILABLE in this region, as AWS tells of a control that a region does not have, and
who asks for one is refused by its name. Parameters are those of the user guide's page for each service's controls
(https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html and so on). A parameter of a password rule that its control does
not look at is switched off, because the rule alone would look at it.
"""

from __future__ import annotations

_ANY_PASSWORD = {
    "RequireUppercaseCharacters": "false", "RequireLowercaseCharacters": "false", "RequireSymbols": "false", "RequireNumbers": "false",
    "MinimumPasswordLength": "", "PasswordReusePrevention": "", "MaxPasswordAge": "",
}  # fmt: skip
_RUNTIMES = (
    "dotnet8,java25,java21,java17,java11,java8.al2,nodejs24.x,nodejs22.x,nodejs20.x,python3.14,python3.13,python3.12,python3.11,python3.10,"
    "ruby3.4,ruby3.3,ruby3.2"
)
_ON_KEYS = "kms:ReEncryptFrom,kms:Decrypt"
_BY_OTHERS = "s3:DeleteBucketPolicy,s3:PutBucketAcl,s3:PutBucketPolicy,s3:PutEncryptionConfiguration,s3:PutObjectAcl"
_OTHER_THAN_KEYS = "AWS_LAMBDA,AWS_IAM,OPENID_CONNECT,AMAZON_COGNITO_USER_POOLS"
_PLAIN = (
    "ACM.2 APIGateway.1 APIGateway.2 APIGateway.3 APIGateway.4 APIGateway.8 APIGateway.9 AppSync.2 Backup.1 CloudFront.1 CloudFront.3 CloudFront.4 "
    "CloudFront.5 CloudFront.6 CloudFront.7 CloudFront.8 CloudFront.9 CloudFront.10 CloudFront.12 CloudTrail.2 CloudTrail.4 CloudTrail.5 CodeBuild.2 "
    "CodeBuild.3 CodeBuild.4 DynamoDB.1 DynamoDB.2 DynamoDB.6 EC2.1 EC2.7 ECR.1 ECR.2 ECR.3 EventBridge.3 IAM.2 IAM.4 IAM.5 IAM.9 KMS.4 Kinesis.1 "
    "Lambda.1 S3.2 S3.3 S3.5 S3.8 S3.9 S3.12 S3.13 SNS.4 SecretsManager.1 SecretsManager.2 StepFunctions.1 WAF.10"
)
CONFIG = "Config.1"
"""Whether AWS Config records what the others need: no rule of Config's could say so."""
JUDGED: dict[str, dict[str, str]] = {
    CONFIG: {},
    **{name: {} for name in _PLAIN.split()},
    "ACM.1": {"daysToExpiration": "30"},
    "AppSync.5": {"AllowedAuthorizationTypes": _OTHER_THAN_KEYS},
    "CloudTrail.1": {"readWriteType": "ALL", "includeManagementEvents": "true"},
    "IAM.1": {"excludePermissionBoundaryPolicy": "true"},
    "IAM.3": {"maxAccessKeyAge": "90"},
    "IAM.7": {
        **_ANY_PASSWORD, "RequireUppercaseCharacters": "true", "RequireLowercaseCharacters": "true", "RequireSymbols": "true", "RequireNumbers": "true",
        "MinimumPasswordLength": "8",
    },
    "IAM.8": {"maxCredentialUsageAge": "90"},
    "IAM.15": {**_ANY_PASSWORD, "MinimumPasswordLength": "14"},
    "IAM.16": {**_ANY_PASSWORD, "PasswordReusePrevention": "24"},
    "IAM.18": {"policyARN": "arn:aws:iam::aws:policy/AWSSupportAccess", "policyUsageType": "ANY"},
    "IAM.21": {"excludePermissionBoundaryPolicy": "true"},
    "IAM.22": {"maxCredentialUsageAge": "45"},
    "IAM.27": {"policyArns": "arn:aws:iam::aws:policy/AWSCloudShellFullAccess"},
    "KMS.1": {"blockedActionsPatterns": _ON_KEYS, "excludePermissionBoundaryPolicy": "true"},
    "KMS.2": {"blockedActionsPatterns": _ON_KEYS},
    "Kinesis.3": {"minimumBackupRetentionPeriod": "168"},
    "Lambda.2": {"runtime": _RUNTIMES, "timeout": "", "memorySize": ""},
    "S3.1": {"IgnorePublicAcls": "true", "BlockPublicPolicy": "true", "BlockPublicAcls": "true", "RestrictPublicBuckets": "true"},
    "S3.6": {"blacklistedActionPattern": _BY_OTHERS},
    "SecretsManager.3": {"unusedForDays": "90"},
    "SecretsManager.4": {"maxDaysSinceRotation": "90"},
}  # fmt: skip
