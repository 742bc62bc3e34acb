"""Names that travel on the wire and that botocore's models do not carry (any more).

Sources: Smithy's model of SQS (github.com/aws/api-models-aws, ``aws.protocols#awsQueryError``), and answers of real AWS.
"""

from __future__ import annotations

_SQS = "AWS.SimpleQueueService."

QUERY_CODES: dict[str, dict[str, str]] = {
    "sqs": {
        "BatchEntryIdsNotDistinct": _SQS + "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": _SQS + "BatchRequestTooLong",
        "EmptyBatchRequest": _SQS + "EmptyBatchRequest",
        "InvalidBatchEntryId": _SQS + "InvalidBatchEntryId",
        "InvalidParameterValueException": "InvalidParameterValue",
        "MissingRequiredParameterException": "MissingParameter",
        "KmsAccessDenied": "KMS.AccessDeniedException",
        "KmsDisabled": "KMS.DisabledException",
        "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
        "KmsInvalidState": "KMS.InvalidStateException",
        "KmsNotFound": "KMS.NotFoundException",
        "KmsOptInRequired": "KMS.OptInRequired",
        "KmsThrottled": "KMS.ThrottlingException",
        "MessageNotInflight": _SQS + "MessageNotInflight",
        "PurgeQueueInProgress": _SQS + "PurgeQueueInProgress",
        "QueueDeletedRecently": _SQS + "QueueDeletedRecently",
        "QueueDoesNotExist": _SQS + "NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest": _SQS + "TooManyEntriesInBatchRequest",
        "UnsupportedOperation": _SQS + "UnsupportedOperation",
    },
    # Recorded: localstack's test_exception_serializing_with_no_shape_in_spec.
    "cloudwatch": {"ValidationException": "ValidationError"},
}
"""The codes of the query protocol that query-compatible services still send in ``x-amzn-query-error``."""

# Recorded: localstack's test_non_existent_queue.
QUERY_TEXTS: dict[str, dict[str, str]] = {
    "sqs": {"QueueDoesNotExist": "The specified queue does not exist for this wsdl version."}
}
"""What the query protocol says where JSON says it in other words."""

NAMESPACES: dict[str, str] = {
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01",
    "dynamodb": "com.amazonaws.dynamodb.v20120810",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810",
    "sqs": "com.amazonaws.sqs",
}
"""What stands before ``#`` in ``__type``. All other services send the bare name."""

# Recorded: localstack's test_basic_operations_multiple_protocols.
FRACTIONS = frozenset({"cloudwatch"})
"""Services whose JSON tells every time with a fraction, whole seconds too."""

FRAMEWORK_NAMESPACES: dict[str, str] = {
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01",
    "ValidationException": "com.amazon.coral.validate",
    "SerializationException": "com.amazon.coral.service",
    "UnknownOperationException": "com.amazon.coral.service",
    "UnrecognizedClientException": "com.amazon.coral.service",
    "AccessDeniedException": "com.amazon.coral.service",
    "IncompleteSignatureException": "com.amazon.coral.service",
    "InvalidSignatureException": "com.amazon.coral.service",
    "MissingAuthenticationTokenException": "com.amazon.coral.service",
    "ExpiredTokenException": "com.amazon.coral.service",
}
"""The same for what the framework in front of those services refuses."""

DOCUMENTS: dict[tuple[str, str], str] = {
    ("s3", "ListBuckets"): "ListAllMyBucketsResult",
    ("s3", "ListDirectoryBuckets"): "ListAllMyDirectoryBucketsResult",
    ("s3", "ListObjects"): "ListBucketResult",
    ("s3", "ListObjectsV2"): "ListBucketResult",
    ("s3", "ListObjectVersions"): "ListVersionsResult",
    ("s3", "ListMultipartUploads"): "ListMultipartUploadsResult",
    ("s3", "ListParts"): "ListPartsResult",
    ("s3", "CreateMultipartUpload"): "InitiateMultipartUploadResult",
    ("s3", "CompleteMultipartUpload"): "CompleteMultipartUploadResult",
    ("s3", "DeleteObjects"): "DeleteResult",
    ("s3", "GetBucketAcl"): "AccessControlPolicy",
    ("s3", "GetObjectAcl"): "AccessControlPolicy",
    ("s3", "GetBucketCors"): "CORSConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "LifecycleConfiguration",
    ("s3", "GetBucketLogging"): "BucketLoggingStatus",
    ("s3", "GetBucketNotificationConfiguration"): "NotificationConfiguration",
    ("s3", "GetBucketRequestPayment"): "RequestPaymentConfiguration",
    ("s3", "GetBucketTagging"): "Tagging",
    ("s3", "GetObjectTagging"): "Tagging",
    ("s3", "GetBucketVersioning"): "VersioningConfiguration",
    ("s3", "GetBucketWebsite"): "WebsiteConfiguration",
    ("s3", "GetBucketAccelerateConfiguration"): "AccelerateConfiguration",
    ("s3", "GetObjectAttributes"): "GetObjectAttributesResponse",
    ("s3", "GetBucketLocation"): "LocationConstraint",
}
"""The root elements of XML answers where they are not the output shape's name (S3's API reference shows each)."""

BARE_TEXT = frozenset({("s3", "GetBucketLocation")})
"""Operations whose one member is the text of the root element itself (Smithy's ``s3UnwrappedXmlOutput``)."""

XML_NAMESPACES: dict[str, str] = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
"""Namespaces of answers where the model's metadata does not say one."""

PAYLOAD_TYPES: dict[tuple[str, str], str] = {("lambda", "Invoke"): "application/json"}
"""The Content-Type of answers whose payload is a blob that AWS nevertheless knows the kind of."""

CONSTRAINT_CODES: dict[str, str] = {"cognito-idp": "InvalidParameterException", "logs": "InvalidParameterException"}
"""Services that answer a broken constraint with a code of their own instead of ``ValidationException``.
User pools: https://github.com/amazon-archives/amazon-cognito-identity-js/issues/388, https://github.com/boto/boto3/issues/3581"""


_FORM_NAMESPACES = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}
_FORM_NAMES = {"Actions": "ActionName"}
_NAMED_AFTER_ELEMENT = ("Entries", "Successful", "Failed", "Results")


def name_for_forms(model: dict) -> None:
    """Give a description that was rewritten for JSON the names back under which forms and XML carry its lists and maps.

    SQS's is the one: it still answers clients that speak the query protocol, of which its model says nothing any more. A list
    is called by what one of it is called. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    """
    metadata, shapes = model["metadata"], model.get("shapes", {})
    if "awsQueryCompatible" not in metadata or {"query", "ec2"} & {metadata["protocol"], *metadata.get("protocols", ())}:
        return
    metadata.setdefault("xmlNamespace", _FORM_NAMESPACES.get(metadata["endpointPrefix"], ""))
    for shape in shapes.values():
        for name, member in shape.get("members", {}).items():
            target = shapes[member["shape"]]
            if target.get("flattened"):
                one = _FORM_NAMES.get(name) or (name[:1].upper() + name[1:]).removesuffix("s")
                member["locationName"] = target["member"]["shape"] if name in _NAMED_AFTER_ELEMENT else one
        if shape["type"] == "map" and shape.get("flattened"):
            shape["key"]["locationName"] = "Key" if shape["key"]["shape"] == "TagKey" else "Name"
            shape["value"]["locationName"] = "Value"


# Recorded: localstack's test_put_integration_response_templates.
NULLABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "API Gateway": (("PutIntegrationResponseRequest", "responseTemplates"), ("IntegrationResponse", "responseTemplates")),
}
"""By ``serviceId``: members whose maps are heard and told with their nulls, of which the models say nothing."""


def keep_nulls(model: dict) -> None:
    """Let those members refer to shapes of their own, which are sparse."""
    shapes = model.get("shapes", {})
    for structure, name in NULLABLE.get(model["metadata"].get("serviceId", ""), ()):
        member = shapes[structure]["members"][name]
        shapes[f"Nullable{member['shape']}"] = {**shapes[member["shape"]], "sparse": True}
        member["shape"] = f"Nullable{member['shape']}"
