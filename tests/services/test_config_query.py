"""AWS Config: advanced queries.

https://docs.aws.amazon.com/config/latest/developerguide/querying-AWS-resources.html
"""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, put_recorder, put_rule
from refusals import refused

FILES = "config-files-us-east-1"


@pytest.fixture
def config(cloud):
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::DynamoDB::Table"])
    s3, sqs, ddb = cloud.client("s3"), cloud.client("sqs"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="blue-one")
    s3.put_bucket_tagging(Bucket="blue-one", Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    s3.put_bucket_versioning(Bucket="blue-one", VersioningConfiguration={"Status": "Enabled"})
    for name, seconds in (("a", "10"), ("b", "20"), ("c", "20")):
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": seconds})
    ddb.create_table(TableName="table", AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
                     KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}], BillingMode="PAY_PER_REQUEST")  # fmt: skip
    config = cloud.client("config")
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED")
    cloud.sleep(5)
    return config


def rows(config, text: str) -> list[dict]:
    return [json.loads(each) for each in config.select_resource_config(Expression=text)["Results"]]


def test_properties_are_selected_by_conditions(config):
    def names(condition: str) -> list[str]:
        return [each["resourceName"] for each in rows(config, f"SELECT resourceName WHERE {condition} ORDER BY resourceName")]

    assert names("resourceType = 'AWS::S3::Bucket'") == ["blue-one", FILES]
    assert names("supplementaryConfiguration.BucketVersioningConfiguration.status = 'Enabled'") == ["blue-one"]
    assert names("tags.tag = 'team=blue'") == names("tags.key = 'team' AND tags.value = 'blue'") == ["blue-one"]
    assert names("resourceType IN ('AWS::S3::Bucket', 'AWS::SQS::Queue') AND NOT (resourceName LIKE 'config%' OR resourceName = 'a')") == ["b", "blue-one", "c"]
    assert names("configuration.VisibilityTimeout BETWEEN 15 AND 25") == names("configuration.VisibilityTimeout > 10 AND resourceType LIKE 'AWS::SQS::%'") == ["b", "c"]
    assert names("supplementaryConfiguration.PublicAccessBlockConfiguration.blockPublicAcls = true") == ["blue-one", FILES]
    # Conditions on members of a list are met by any of them: "Limitations".
    assert names("configuration.keySchema.attributeName = 'k' AND configuration.keySchema.keyType = 'RANGE'") == ["table"]


def test_a_row_holds_what_was_selected_and_nothing_beside_it(config):
    reply = config.select_resource_config(Expression="SELECT resourceId, configuration.keySchema.attributeName, tags WHERE resourceType = 'AWS::DynamoDB::Table'")
    assert reply["QueryInfo"] == {"SelectFields": [{"Name": "resourceId"}, {"Name": "configuration.keySchema.attributeName"}, {"Name": "tags"}]}
    assert [json.loads(each) for each in reply["Results"]] == [
        {"resourceId": "table", "configuration": {"keySchema": [{"attributeName": "k"}, {"attributeName": "n"}]}, "tags": []}
    ]
    (whole,) = rows(config, "SELECT * WHERE resourceId = 'blue-one'")
    assert (whole["arn"], whole["accountId"], "configuration" in whole) == ("arn:aws:s3:::blue-one", ACCOUNT, False)


def test_results_are_counted_grouped_and_ordered(config):
    assert rows(config, "SELECT COUNT(*), resourceType WHERE accountId = '000000000000' AND resourceType LIKE 'AWS::S%' GROUP BY resourceType ORDER BY COUNT(*) DESC") == [
        {"COUNT(*)": 3, "resourceType": "AWS::SQS::Queue"}, {"COUNT(*)": 2, "resourceType": "AWS::S3::Bucket"},
    ]  # fmt: skip
    totals = rows(config, "SELECT MAX(configuration.VisibilityTimeout), AVG(configuration.VisibilityTimeout), SUM(configuration.VisibilityTimeout) WHERE resourceType = 'AWS::SQS::Queue'")
    assert totals == [{"MAX(configuration.VisibilityTimeout)": 20.0, "AVG(configuration.VisibilityTimeout)": 50 / 3, "SUM(configuration.VisibilityTimeout)": 50.0}]
    ordered = rows(config, "SELECT resourceName WHERE resourceType = 'AWS::SQS::Queue' ORDER BY configuration.VisibilityTimeout DESC, resourceName DESC")
    assert [each["resourceName"] for each in ordered] == ["c", "b", "a"]


def test_what_rules_say_can_be_asked_too(config):
    found = rows(config, "SELECT configuration.complianceType, COUNT(*) WHERE resourceType = 'AWS::Config::ResourceCompliance' GROUP BY configuration.complianceType")
    assert sorted((each["configuration"]["complianceType"], each["COUNT(*)"]) for each in found) == [("COMPLIANT", 1), ("NON_COMPLIANT", 1)]
    (one,) = rows(config, "SELECT configuration.targetResourceId WHERE resourceType = 'AWS::Config::ResourceCompliance' AND configuration.configRuleList.complianceType = 'NON_COMPLIANT'")
    assert one == {"configuration": {"targetResourceId": FILES}}


def test_results_come_in_pages(config):
    text = "SELECT resourceName WHERE resourceType = 'AWS::SQS::Queue' ORDER BY resourceName"
    first = config.select_resource_config(Expression=text, Limit=2)
    second = config.select_resource_config(Expression=text, Limit=2, NextToken=first["NextToken"])
    assert [len(each["Results"]) for each in (first, second)] == [2, 1]
    assert "NextToken" not in second
    assert refused(config.select_resource_config, Expression=text, NextToken="x")[0] == "InvalidNextTokenException"


@pytest.mark.parametrize(
    "text",
    [  # "Limitations" of the page above
        "SELECT", "DROP TABLE x", "SELECT resourceId FROM AWS", "SELECT resourceId FROM AWS::S3::Bucket", "SELECT DISTINCT resourceId", "SELECT resourceId AS x",
        "SELECT resourceId WHERE configuration.x IS NULL", "SELECT resourceId WHERE resourceId LIKE '%x'", "SELECT resourceId WHERE resourceId LIKE 'ab%'",
        "SELECT COUNT(*) GROUP BY resourceType HAVING COUNT(*) > 1", "SELECT resourceId, COUNT(*)", "SELECT LOWER(resourceId)", "SELECT resourceId LIMIT 3",
        "SELECT resourceId; SELECT resourceType", "SELECT resourceId UNION SELECT resourceType", "SELECT a WHERE b = c", "SELECT resourceId WHERE resourceId IN (SELECT arn)",
        "SELECT a WHERE " + "(" * 1_500 + "b = 1" + ")" * 1_500,
    ],
)  # fmt: skip
def test_what_aws_does_not_answer_is_refused(cloud, text):
    assert refused(cloud.client("config").select_resource_config, Expression=text)[0] == "InvalidExpressionException"


def test_a_query_is_stored_changed_and_asked_by(cloud):
    """https://docs.aws.amazon.com/config/latest/APIReference/API_PutStoredQuery.html"""
    config = cloud.client("config")

    put = config.put_stored_query
    arn = put(StoredQuery={"QueryName": "buckets", "Expression": "SELECT resourceId", "Description": "d"}, Tags=[{"Key": "a", "Value": "b"}])["QueryArn"]
    shown = config.get_stored_query(QueryName="buckets")["StoredQuery"]
    assert shown == {"QueryName": "buckets", "Expression": "SELECT resourceId", "Description": "d", "QueryArn": arn, "QueryId": arn.rpartition("/")[2]}
    assert arn.startswith("arn:aws:config:us-east-1:000000000000:stored-query/buckets/query-")
    expression = "SELECT resourceId WHERE resourceType = 'AWS::S3::Bucket'"
    assert put(StoredQuery={"QueryName": "buckets", "Expression": expression, "QueryId": shown["QueryId"]})["QueryArn"] == arn
    assert config.select_resource_config(Expression=config.get_stored_query(QueryName="buckets")["StoredQuery"]["Expression"])["Results"] == []
    assert config.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    assert refused(put, StoredQuery={"QueryName": "buckets", "QueryId": "query-other"})[0] == "ValidationException"
    put(StoredQuery={"QueryName": "another"})
    first = config.list_stored_queries(MaxResults=1)
    (second,) = config.list_stored_queries(MaxResults=1, NextToken=first["NextToken"])["StoredQueryMetadata"]
    assert [each["QueryName"] for each in (*first["StoredQueryMetadata"], second)] == ["another", "buckets"] and "Expression" not in second
    cloud.restart(kill=True)
    config.delete_stored_query(QueryName="buckets")
    for call in (config.get_stored_query, config.delete_stored_query):
        assert refused(call, QueryName="buckets")[0] == "ResourceNotFoundException"
