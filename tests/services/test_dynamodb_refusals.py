"""What AWS refuses of DynamoDB's tables, in its words as cdk-preflight saw them in live deployments (rules/dynamodb): each case is named after its rule.
Those of the handler of a stack's tables are in test_cloudformation_global_table.py.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json
from typing import Any

import pytest
from refusals import refused

INVALID = "One or more parameter values were invalid: "
TABLE_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/held"


def key(*names: str, first: str = "HASH", second: str = "RANGE") -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, (first, second, second), strict=False)]


def defined(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def index(name: str, *names: str, projection: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": key(*names), "Projection": projection or {"ProjectionType": "ALL"}}


def table(name: str, text: str, **said):
    whole = {"TableName": "made", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": defined("pk"), "KeySchema": key("pk")}
    return pytest.param("create_table", whole | said, text, id=name)


def wide(size: int) -> dict[str, Any]:
    """A policy whose text has so many bytes."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "dynamodb:GetItem", "Resource": TABLE_ARN, "Sid": ""}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    statement["Sid"] = "s" * (size - len(json.dumps(document, separators=(",", ":"))))
    return {"ResourceArn": TABLE_ARN, "Policy": json.dumps(document, separators=(",", ":"))}


NAMES = sorted(f"a{n}" for n in range(21))
CASES = [
    table(
        "attribute-definitions-usage",
        INVALID + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        AttributeDefinitions=defined("pk", "unused"),
    ),
    table(
        "attribute-type",
        "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value "
        "set: [B, N, S]",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "X"}],
    ),
    table("duplicate-index-name", INVALID + "Duplicate index name: gsi1", GlobalSecondaryIndexes=[index("gsi1", "pk"), index("gsi1", "pk")]),
    table(
        "gsi-count", INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        GlobalSecondaryIndexes=[index(f"gsi{n}", "pk") for n in range(21)],
    ),
    table(
        "gsi-projection-nonkey", INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        GlobalSecondaryIndexes=[index("gsi1", "pk", projection={"ProjectionType": "INCLUDE"})],
    ),
    table(
        "gsi-projection-nonkey-all", INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified",
        GlobalSecondaryIndexes=[index("gsi1", "pk", projection={"ProjectionType": "ALL", "NonKeyAttributes": ["a"]})],
    ),
    table("key-schema-shape-range", "Invalid KeySchema: The first KeySchemaElement is not a HASH key type", KeySchema=key("pk", first="RANGE")),
    table(
        "key-schema-shape-hash", "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        AttributeDefinitions=defined("pk", "sk"), KeySchema=key("pk", "sk", second="HASH"),
    ),
    table(
        "lsi-count", INVALID + "Number of LocalSecondaryIndexes exceeds per-table limit of 5", AttributeDefinitions=defined("pk", "sk"),
        KeySchema=key("pk", "sk"), LocalSecondaryIndexes=[index(f"lsi{n}", "pk", "sk") for n in range(6)],
    ),
    table(
        "lsi-shape-range", INVALID + "Index KeySchema does not have a range key for index: lsi1", AttributeDefinitions=defined("pk", "sk"),
        KeySchema=key("pk", "sk"), LocalSecondaryIndexes=[index("lsi1", "pk")],
    ),
    table(
        "lsi-shape-hash",
        INVALID + "Index KeySchema does not have the same leading hash key as table KeySchema for index: lsi1. index hash key: other, table hash key: pk",
        AttributeDefinitions=defined("pk", "sk", "other"), KeySchema=key("pk", "sk"), LocalSecondaryIndexes=[index("lsi1", "other", "sk")],
    ),
    table(
        "projection-nonkey-limit",
        f"1 validation error detected: Value '[{', '.join(NAMES)}]' at 'globalSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to satisfy "
        "constraint: Member must have length less than or equal to 20",
        GlobalSecondaryIndexes=[index("gsi1", "pk", projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": NAMES})],
    ),
    table(
        "warm-throughput-minimum-read",
        INVALID + "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand",
        WarmThroughput={"ReadUnitsPerSecond": 11_999, "WriteUnitsPerSecond": 3_999},
    ),
    table(
        "warm-throughput-minimum-write",
        INVALID + "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand",
        WarmThroughput={"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 3_999},
    ),
    pytest.param(
        "put_resource_policy", wide(20_481), INVALID + "Maximum policy size of 20480 bytes exceeded", id="resource-policy-size",
    ),
]


@pytest.mark.parametrize(("operation", "said", "text"), CASES)
def test_what_aws_refuses_is_refused_in_its_words(cloud, operation, said, text):
    tables = cloud.client("dynamodb")
    tables.create_table(TableName="held", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=defined("pk"), KeySchema=key("pk"))
    assert refused(getattr(tables, operation), **said) == ("ValidationException", text)
