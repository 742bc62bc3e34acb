"""Which calls CloudTrail takes for management events, by what names it records them, and which calls need no permission."""

from __future__ import annotations

from functools import cache

NO_PERMISSION_NEEDED = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
"""Calls that no policy can refuse: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

DATA_EVENTS = {
    "s3": ("Object", "Objects", "ObjectAcl", "ObjectTagging", "MultipartUpload", "UploadPart", "UploadPartCopy", "ListParts"),
    "dynamodb": ("Item", "Items", "Query", "Scan", "Statement", "ExecuteTransaction"),
    "dynamodbstreams": ("Records", "ShardIterator"),
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/logging-using-cloudtrail-data-api.html
    "rds-data": ("ExecuteStatement", "ExecuteSql", "Transaction"),
    "sqs": ("Message", "MessageBatch", "Visibility", "VisibilityBatch"),
    "lambda": ("Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    "logs": ("PutLogEvents", "GetLogEvents", "FilterLogEvents"),
    "kinesis": ("PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "SubscribeToShard"),
    # https://docs.aws.amazon.com/ebs/latest/userguide/logging-ebs-apis-using-cloudtrail.html
    "ebs": ("SnapshotBlock", "SnapshotBlocks", "ChangedBlocks"),
    "firehose": ("PutRecord", "PutRecordBatch"),
    "sns": ("Publish", "PublishBatch"),
    "events": ("PutEvents",),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html
    "cloudwatch": ("MetricData", "GetMetricStatistics", "ListMetrics", "GetMetricWidgetImage"),
    "ses": ("SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail"),
    "sesv2": ("SendEmail", "SendBulkEmail"),
    # https://docs.aws.amazon.com/xray/latest/devguide/xray-api-cloudtrail.html
    "xray": (
        "PutTraceSegments", "PutTelemetryRecords", "BatchGetTraces", "GetSamplingTargets", "GetSamplingStatisticSummaries", "GetTraceSummaries",
        "GetTraceGraph", "GetServiceGraph", "GetTimeSeriesServiceStatistics",
    ),
}
"""Endings of the operations that are data events, which a trail records only if it is told to."""

_DATED = {
    "20150331": (
        "CreateAlias", "CreateEventSourceMapping", "CreateFunction", "DeleteAlias", "DeleteEventSourceMapping", "DeleteFunction", "GetAlias",
        "GetEventSourceMapping", "ListAliases", "ListEventSourceMappings", "ListFunctions", "ListVersionsByFunction", "PublishVersion",
        "UpdateAlias", "UpdateEventSourceMapping",
    ),
    "20150331v2": (
        "AddPermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "RemovePermission", "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
    ),
    "20160819": ("GetAccountSettings",),
    "20170331": ("ListTags",),
    "20170331v2": ("TagResource", "UntagResource"),
    "20171031": ("DeleteFunctionConcurrency", "PutFunctionConcurrency"),
    "20181031": (
        "AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn", "GetLayerVersionPolicy", "ListLayers",
        "ListLayerVersions", "PublishLayerVersion", "RemoveLayerVersionPermission",
    ),
}  # fmt: skip
EVENT_NAMES = {
    # "The eventName might include date and version information": https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
    "lambda": {operation: operation + date for date, operations in _DATED.items() for operation in operations},
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
    "s3": {
        "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock", "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
        "GetBucketNotificationConfiguration": "GetBucketNotification", "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock", "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
        "PutBucketNotificationConfiguration": "PutBucketNotification", "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
    "s3control": {
        "DeletePublicAccessBlock": "DeleteAccountPublicAccessBlock", "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    },
}  # fmt: skip
"""By service: operations that CloudTrail calls otherwise."""


def event_name(service: str, operation: str) -> str:
    return EVENT_NAMES.get(service, {}).get(operation, operation)


READING = ("Get", "List", "Describe", "Head", "Query", "Scan", "Filter", "Simulate", "Lookup")
CHANGING_NOTHING = {
    "kms": frozenset((
        "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom", "ReEncrypt", "Sign", "Verify", "VerifyMac",
    )),
}  # fmt: skip
"""Operations that CloudTrail takes for reading whatever they are called:
https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html"""


@cache
def is_read_only(service: str, operation: str) -> bool:
    return operation.startswith(READING) or operation in CHANGING_NOTHING.get(service, ())


LISTING_OBJECTS = ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")


@cache
def is_management(service: str, operation: str) -> bool:
    """Whether CloudTrail records the call without being asked to."""
    if service == "s3" and operation in LISTING_OBJECTS:
        return False
    return not operation.endswith(DATA_EVENTS.get(service, ()) or ("\0",))
