"""What AWS refuses of Kinesis, in its words as cdk-preflight saw them in live deployments (rules/kinesis): each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json

import pytest
from refusals import refused

INVALID = "InvalidArgumentException"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
THERE = STREAM.replace("us-east-1", "us-west-2")
NOT_HERE = f"The region specified in the ARN '{THERE}' does not match the endpoint region"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "kinesis:GetRecords", "Resource": STREAM}


def made(count: int | None, mode: str, **more):
    return "create_stream", {"StreamName": "t", "StreamModeDetails": {"StreamMode": mode}} | ({} if count is None else {"ShardCount": count}) | more


def policy(arn: str = STREAM, **changes):
    statement = {name: value for name, value in (STATEMENT | changes).items() if value is not None}
    return "put_resource_policy", {"ResourceARN": arn, "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))}


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        pytest.param(
            ("register_stream_consumer", {"StreamARN": STREAM, "ConsumerName": "c"}), "ResourceInUseException",
            "Consumer c under stream s already exists for account 000000000000.", id="consumer-duplicate-name",
        ),
        pytest.param(("register_stream_consumer", {"StreamARN": THERE, "ConsumerName": "c"}), INVALID, NOT_HERE, id="consumer-stream-region"),
        pytest.param(
            ("start_stream_encryption", {"StreamName": "s", "EncryptionType": "KMS", "KeyId": "arn:aws:kms:us-west-2:000000000000:key/k"}),
            "KMSNotFoundException", "Invalid arn us-west-2", id="encryption-key-region",
        ),
        pytest.param(made(1, "ON_DEMAND"), "ValidationException", "ShardCount is not expected when StreamMode=ON_DEMAND", id="on-demand-shard-count"),
        pytest.param(made(None, "PROVISIONED"), "ValidationException", "ShardCount is expected when StreamMode=PROVISIONED", id="provisioned-shard-count"),
        pytest.param(
            policy(Action="s3:GetObject"), INVALID,
            "Policy validation error: Resource policy contains invalid statement at line 1, column 38: Action field includes AWS services that are "
            "inconsistent with specified vendor",
            id="resource-policy-action",
        ),
        pytest.param(policy(Principal=None), INVALID, "Policy validation error: Missing required field Principal", id="resource-policy-principal"),
        pytest.param(policy(THERE), INVALID, NOT_HERE, id="resource-policy-region"),
        pytest.param(
            policy(Resource=STREAM + "2"), INVALID,
            "Policy validation error: Resource policy contains invalid statement at line 1, column 38: The resource policy's resource must be the same as "
            "the resource ARN.",
            id="resource-policy-resource",
        ),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(cloud, asked, code, text):
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    cloud.sleep(2)
    kinesis.register_stream_consumer(StreamARN=STREAM, ConsumerName="c")
    operation, said = asked
    assert refused(getattr(kinesis, operation), **said) == (code, text)


def test_the_refusal_of_a_policy_tells_where_the_statement_begins(cloud):
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    text = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT, STATEMENT | {"Action": ["kinesis:PutRecord", "sqs:SendMessage"]}]}, indent=2)
    line = text.splitlines().index("    {", 4) + 1
    assert refused(kinesis.put_resource_policy, ResourceARN=STREAM, Policy=text)[1].startswith(
        f"Policy validation error: Resource policy contains invalid statement at line {line}, column 5: Action field"
    )
    kinesis.put_resource_policy(ResourceARN=STREAM, Policy=json.dumps({"Version": "2012-10-17", "Statement": STATEMENT | {"Action": "kinesis:*"}}))
