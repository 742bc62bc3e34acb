"""No region answers for another's: an ARN that names something of this name, but elsewhere, names nothing here.

That it names nothing follows from what an ARN is (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html); of which code a
service's refusal is, no record of AWS is at hand but for KMS and Lambda. These are the codes for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

TAGS, TAG = {"a": "b"}, [{"Key": "a", "Value": "b"}]
ACCOUNT = "000000000000"


def table(client) -> str:
    made = client.create_table(
        TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    return made["TableDescription"]["TableArn"]


def stream(client) -> str:
    client.create_stream(StreamName="s", ShardCount=1)
    return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"


def log_group(client) -> str:
    client.create_log_group(logGroupName="g")
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"


def identity(client) -> str:
    client.create_email_identity(EmailIdentity="example.com")
    return f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/example.com"


CASES: list[tuple[str, Callable[[Any], str], str, Callable[[str], dict[str, Any]]]] = [
    ("dynamodb", table, "put_item", lambda arn: {"TableName": arn, "Item": {"id": {"S": "1"}}}),
    ("dynamodb", table, "describe_table", lambda arn: {"TableName": arn}),
    ("dynamodb", table, "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAG}),
    ("dynamodb", table, "create_backup", lambda arn: {"TableName": arn, "BackupName": "backup"}),
    ("kinesis", stream, "put_record", lambda arn: {"StreamARN": arn, "Data": b"d", "PartitionKey": "p"}),
    ("kinesis", stream, "tag_resource", lambda arn: {"ResourceARN": arn, "Tags": TAGS}),
    ("logs", log_group, "describe_log_streams", lambda arn: {"logGroupIdentifier": arn}),
    ("logs", log_group, "tag_resource", lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("events", lambda client: client.put_rule(Name="r", ScheduleExpression="rate(1 day)")["RuleArn"], "tag_resource",
     lambda arn: {"ResourceARN": arn, "Tags": TAG}),
    ("ecr", lambda client: client.create_repository(repositoryName="rr")["repository"]["repositoryArn"], "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAG}),
    ("scheduler", lambda client: client.create_schedule_group(Name="g")["ScheduleGroupArn"], "tag_resource",
     lambda arn: {"ResourceArn": arn, "Tags": TAG}),
    ("appsync", lambda client: client.create_graphql_api(name="x", authenticationType="API_KEY")["graphqlApi"]["arn"], "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("apigateway", lambda client: f"arn:aws:apigateway:us-east-1::/restapis/{client.create_rest_api(name='x')['id']}", "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("apigatewayv2", lambda client: f"arn:aws:apigateway:us-east-1::/apis/{client.create_api(Name='x', ProtocolType='HTTP')['ApiId']}",
     "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAGS}),
    ("sesv2", identity, "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAG}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "make", "method", "asked"), CASES, ids=[f"{case[0]}-{case[2]}" for case in CASES])
def test_an_arn_of_another_region_names_nothing_here(cloud, service, make, method, asked):
    client = cloud.client(service)
    arn = make(client)
    cloud.sleep(30)
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**asked(arn.replace("us-east-1", "us-west-2")))
    assert "NotFound" in refused.value.response["Error"]["Code"]
    getattr(client, method)(**asked(arn))
