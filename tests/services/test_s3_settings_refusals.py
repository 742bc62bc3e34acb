"""What AWS refuses of buckets' settings, in its words as cdk-preflight saw them in live deployments (rules/s3): each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named. Others stand in the files of their settings.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from refusals import refused

ACCOUNT = "000000000000"
XML = "The XML you provided was not well-formed or did not validate against our published schema"


def lifecycle(id: str, text: str, *rules: dict[str, Any], code: str = "InvalidRequest"):
    whole = [{"ID": f"r{n}", "Status": "Enabled", "Filter": {"Prefix": ""}} | rule for n, rule in enumerate(rules)]
    return pytest.param("put_bucket_lifecycle_configuration", {"Bucket": "box", "LifecycleConfiguration": {"Rules": whole}}, code, text, id=id)


def notification(id: str, text: str, kind: str, arn: str, code: str = "InvalidArgument", **more):
    name = {"Topic": "TopicArn", "Queue": "QueueArn", "LambdaFunction": "LambdaFunctionArn"}[kind]
    said = {f"{kind}Configurations": [{name: arn, "Events": ["s3:ObjectCreated:*"]} | more]}
    return pytest.param("put_bucket_notification_configuration", {"Bucket": "box", "NotificationConfiguration": said}, code, text, id=id)


def policy(id: str, text: str, code: str = "MalformedPolicy", version: str = "2012-10-17", **changes):
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/*"} | changes
    document = {"Version": version, "Statement": [{name: value for name, value in statement.items() if value is not None}]}
    return pytest.param("put_bucket_policy", {"Bucket": "box", "Policy": json.dumps(document)}, code, text, id=id)


def encrypted(**default):
    return {"Bucket": "box", "ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}}


def locked(name: str, **retention):
    lock = {"ObjectLockEnabled": "Enabled"} | ({"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"} | retention}} if retention else {})
    return {"Bucket": name, "ObjectLockConfiguration": lock}


QUEUE, TOPIC = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
CASES = [
    pytest.param(
        "put_bucket_accelerate_configuration", {"Bucket": "a.dotted.box", "AccelerateConfiguration": {"Status": "Enabled"}}, "InvalidRequest",
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names", id="accelerate-dotted-name",
    ),
    pytest.param(
        "create_bucket", {"Bucket": "public", "ACL": "public-read", "ObjectOwnership": "ObjectWriter"}, "InvalidBucketAclWithBlockPublicAccessError",
        "Bucket cannot have public ACLs set with BlockPublicAccess enabled", id="acl-public-blocked",
    ),
    policy("bucket-policy-principal", "Missing required field Principal", Principal=None),
    policy("bucket-policy-version", "The policy must contain a valid version string", version="2013-01-01"),
    pytest.param(
        "put_bucket_encryption", encrypted(SSEAlgorithm="AES256", KMSMasterKeyID="k"), "InvalidArgument",
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", id="encryption-kms-key-with-aes256",
    ),
    lifecycle(
        "lifecycle-date-days-mix",
        "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '(prefix=)'",
        {"Expiration": {"Days": 400}, "Transitions": [{"Date": datetime(2030, 1, 1), "StorageClass": "GLACIER"}]},
    ),
    lifecycle("lifecycle-date-midnight-utc", "'Date' must be at midnight GMT", {"Expiration": {"Date": datetime(2030, 1, 1, 5)}}, code="InvalidArgument"),
    lifecycle(
        "lifecycle-days-order", "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action",
        {"Expiration": {"Days": 30}, "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]}, code="InvalidArgument",
    ),
    lifecycle("lifecycle-delete-marker-exclusive", XML, {"Expiration": {"ExpiredObjectDeleteMarker": True, "Days": 1}}, code="MalformedXML"),
    lifecycle("lifecycle-expiration-positive", "'Days' for Expiration action must be a positive integer", {"Expiration": {"Days": 0}}, code="InvalidArgument"),
    lifecycle(
        "lifecycle-object-size-order", "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        {"Expiration": {"Days": 1}, "Filter": {"And": {"Prefix": "a", "ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 400}}},
    ),
    lifecycle(
        "lifecycle-rule-id-duplicate", "Rule ID must be unique. Found same ID for more than one rule", {"ID": "r", "Expiration": {"Days": 1}},
        {"ID": "r", "Expiration": {"Days": 2}, "Filter": {"Prefix": "b"}}, code="InvalidArgument",
    ),
    lifecycle(
        "lifecycle-tag-key-duplicate", "Duplicate Tag Keys are not allowed.",
        {"Expiration": {"Days": 1}, "Filter": {"And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}}},
    ),
    lifecycle(
        "lifecycle-transition-storage-class-duplicate",
        "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'",
        {"Transitions": [{"Days": 30, "StorageClass": "GLACIER"}, {"Days": 60, "StorageClass": "GLACIER"}]}, code="InvalidArgument",
    ),
    notification(
        "notification-destination-region", "The notification destination service region is not valid for the bucket location constraint", "Queue",
        QUEUE.replace("us-east-1", "us-west-2"),
    ),
    notification(
        "notification-duplicate-filter-type", "Cannot specify more than one prefix rule in a filter.", "Queue", QUEUE,
        Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}, {"Name": "prefix", "Value": "b"}]}},
    ),
    notification(
        "notification-fifo-topic",
        r"The ARN failed to satisfy constraint: Member must satisfy regular expression pattern: ^arn:aws[\p{Alpha}\-]*:sns:[\p{Alnum}\-]+:[\p{Digit}]{12}:"
        r"[\p{Alnum}\-_]{1,256}$",
        "Topic", f"{TOPIC}.fifo",
    ),
    pytest.param(
        "put_object_lock_configuration", locked("box"), "InvalidBucketState",
        "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration", id="objectlock-requires-versioning",
    ),
    pytest.param("put_object_lock_configuration", locked("shut", Days=1, Years=1), "MalformedXML", XML, id="objectlock-retention-days-years-exclusive"),
    pytest.param(
        "put_bucket_versioning", {"Bucket": "shut", "VersioningConfiguration": {"Status": "Suspended"}}, "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.", id="objectlock-versioning-suspended",
    ),
    policy(
        "policy-public-with-block-public-policy",
        f'User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::box" because public policies are '
        "prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        code="AccessDenied", Principal="*",
    ),
]


@pytest.mark.parametrize(("operation", "said", "code", "text"), CASES)
def test_what_aws_refuses_is_refused_in_its_words(cloud, operation, said, code, text):
    s3 = cloud.client("s3")
    for name in ("box", "a.dotted.box"):
        s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket="shut", ObjectLockEnabledForBucket=True)
    assert refused(getattr(s3, operation), **said) == (code, text)
