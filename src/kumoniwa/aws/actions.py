"""What IAM calls an operation.

Nearly always it is the signing name and the operation's own name. This is the table of the exceptions, from AWS's
Service Authorization Reference (docs.aws.amazon.com/service-authorization). Where the action depends on the parameters
(versions of objects, PartiQL statements, items of a transaction) the service's ``resource_of`` says it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from kumoniwa.aws.models import service

PREFIXES: dict[str, str] = {
    "apigatewaymanagementapi": "execute-api",
    "apigatewayv2": "apigateway",
    "appconfigdata": "appconfig",
    "bedrock-runtime": "bedrock",
    "cloudwatch": "cloudwatch",
    "docdb": "rds",
    "dynamodbstreams": "dynamodb",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "iot-data": "iot",
    "kinesisanalyticsv2": "kinesisanalytics",
    "neptune": "rds",
    "opensearch": "es",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "ses": "ses",
    "sesv2": "ses",
    "stepfunctions": "states",
    "timestream-query": "timestream",
    "timestream-write": "timestream",
}

_S3_BY_ACTION: dict[str, str] = {
    "DeleteObject": "DeleteObjects",
    "GetAccelerateConfiguration": "GetBucketAccelerateConfiguration",
    "GetAnalyticsConfiguration": "GetBucketAnalyticsConfiguration ListBucketAnalyticsConfigurations",
    "GetBucketCORS": "GetBucketCors",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
    "GetBucketPublicAccessBlock": "GetPublicAccessBlock",
    "GetEncryptionConfiguration": "GetBucketEncryption",
    "GetIntelligentTieringConfiguration": "GetBucketIntelligentTieringConfiguration"
    " ListBucketIntelligentTieringConfigurations",
    "GetInventoryConfiguration": "GetBucketInventoryConfiguration ListBucketInventoryConfigurations",
    "GetLifecycleConfiguration": "GetBucketLifecycle GetBucketLifecycleConfiguration",
    "GetMetricsConfiguration": "GetBucketMetricsConfiguration ListBucketMetricsConfigurations",
    "GetObject": "HeadObject SelectObjectContent",
    "GetReplicationConfiguration": "GetBucketReplication",
    "ListAllMyBuckets": "ListBuckets",
    "ListAllMyDirectoryBuckets": "ListDirectoryBuckets",
    "ListBucket": "HeadBucket ListObjects ListObjectsV2",
    "ListBucketMultipartUploads": "ListMultipartUploads",
    "ListBucketVersions": "ListObjectVersions",
    "ListMultipartUploadParts": "ListParts",
    "PutAccelerateConfiguration": "PutBucketAccelerateConfiguration",
    "PutAnalyticsConfiguration": "PutBucketAnalyticsConfiguration DeleteBucketAnalyticsConfiguration",
    "PutBucketCORS": "PutBucketCors DeleteBucketCors",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "PutBucketObjectLockConfiguration": "PutObjectLockConfiguration",
    "PutBucketOwnershipControls": "DeleteBucketOwnershipControls",
    "PutBucketPublicAccessBlock": "PutPublicAccessBlock DeletePublicAccessBlock",
    "PutBucketTagging": "DeleteBucketTagging",
    "PutEncryptionConfiguration": "PutBucketEncryption DeleteBucketEncryption",
    "PutIntelligentTieringConfiguration": "PutBucketIntelligentTieringConfiguration"
    " DeleteBucketIntelligentTieringConfiguration",
    "PutInventoryConfiguration": "PutBucketInventoryConfiguration DeleteBucketInventoryConfiguration",
    "PutLifecycleConfiguration": "PutBucketLifecycle PutBucketLifecycleConfiguration DeleteBucketLifecycle",
    "PutMetricsConfiguration": "PutBucketMetricsConfiguration DeleteBucketMetricsConfiguration",
    "PutObject": "CopyObject CreateMultipartUpload UploadPart UploadPartCopy CompleteMultipartUpload",
    "PutReplicationConfiguration": "PutBucketReplication DeleteBucketReplication",
}

NAMES: dict[str, dict[str, str]] = {
    "s3": {
        operation: action for action, operations in _S3_BY_ACTION.items() for operation in operations.split()
    },
    "s3control": {
        "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
        "DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
    },
    "accessanalyzer": {"GetFindingV2": "GetFinding", "ListFindingsV2": "ListFindings"},
    "apigatewaymanagementapi": {
        "PostToConnection": "ManageConnections",
        "GetConnection": "ManageConnections",
        "DeleteConnection": "ManageConnections",
    },
    "dynamodb": {
        "BatchExecuteStatement": "PartiQLSelect",
        "ExecuteStatement": "PartiQLSelect",
        "ExecuteTransaction": "PartiQLSelect",
        "TransactGetItems": "GetItem",
    },
    "kms": {"ReEncrypt": "ReEncryptFrom"},
    "lambda": {
        "GetLayerVersionByArn": "GetLayerVersion",
        "Invoke": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    },
    "sns": {"PublishBatch": "Publish"},
    "sqs": {
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
}
"""Operations whose IAM action has another name. TransactWriteItems has no action of its own at all: IAM is asked for
PutItem, UpdateItem, DeleteItem and ConditionCheckItem of its items."""

BY_METHOD = frozenset({"apigateway", "apigatewayv2"})
"""Services whose actions are HTTP methods: ``apigateway:PATCH``."""

_VERSION = re.compile(r"_?20\d\d_?\d\d_?\d\d\Z")


@cache
def prefix(service_name: str) -> str:
    """What stands before the colon in the service's actions."""
    return PREFIXES.get(service_name) or service(service_name).signing_name


@cache
def _methods(service_name: str) -> dict[str, str]:
    return {target.operation: target.method for target in service(service_name).targets}


@lru_cache(4096)
def action(service_name: str, operation: str) -> str:
    """The IAM action of an operation: ``action("s3", "ListObjectsV2") == "s3:ListBucket"``."""
    if service_name in BY_METHOD:
        return f"{prefix(service_name)}:{_methods(service_name).get(operation, operation)}"
    name = NAMES.get(service_name, {}).get(operation) or _VERSION.sub("", operation)
    return f"{prefix(service_name)}:{name}"
