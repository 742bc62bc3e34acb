"""Policies of the account: subscription filters, transformers and field indexes for all log groups, or for those whose names begin alike.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html"""

from __future__ import annotations

import json

import pytest
from log_workshop import kinesis, role, said
from refusals import refused_code

FIELDS = '{"Fields": ["path"]}'
TRANSFORM = '[{"parseKeyValue": {"fieldDelimiter": " "}}]'


@pytest.fixture
def logs(cloud):
    made = cloud.client("logs")
    for name in ("app/a", "app/b", "other"):
        made.create_log_group(logGroupName=name)
        made.create_log_stream(logGroupName=name, logStreamName="s")
    return made


def put(cloud, logs, *messages):
    for group in ("app/a", "app/b", "other"):
        now = int(cloud.now() * 1000)
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now + n, "message": each} for n, each in enumerate(messages)])


def policy(logs, kind, document, name="p", **params):
    return logs.put_account_policy(policyName=name, policyType=kind, policyDocument=document, **params)["accountPolicy"]


def asked(cloud, logs, text, *groups):
    number = logs.start_query(logGroupNames=list(groups), startTime=0, endTime=int(cloud.now()) + 5, queryString=text)["queryId"]
    while (found := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
        cloud.sleep(0.05)
    return [{each["field"]: each["value"] for each in row if each["field"] != "@ptr"} for row in found["results"]]


def test_a_subscription_of_the_account_is_of_all_groups_but_those_it_leaves_out(cloud, logs):
    document = json.dumps({"DestinationArn": kinesis(cloud), "RoleArn": role(cloud), "FilterPattern": "big"})
    made = policy(logs, "SUBSCRIPTION_FILTER_POLICY", document, selectionCriteria='LogGroupName NOT IN ["other"]')
    assert made["accountId"] == "000000000000" and made["scope"] == "ALL" and made["policyDocument"] == document
    put(cloud, logs, "a big thing", "a small thing")
    cloud.sleep(60)
    messages = [each for each in said(cloud) if each["messageType"] == "DATA_MESSAGE"]
    assert {each["logGroup"]: [event["message"] for event in each["logEvents"]] for each in messages} == {"app/a": ["a big thing"], "app/b": ["a big thing"]}
    assert {each["policyLevel"] for each in messages} == {"ACCOUNT_LEVEL_POLICY"} and {tuple(each["subscriptionFilters"]) for each in messages} == {("p",)}
    logs.delete_account_policy(policyName="p", policyType="SUBSCRIPTION_FILTER_POLICY")
    put(cloud, logs, "another big thing")
    cloud.sleep(60)
    assert len([each for each in said(cloud) if each["messageType"] == "DATA_MESSAGE"]) == len(messages)


def test_there_is_one_subscription_of_the_account_and_its_destination_is_tried(cloud, logs):
    document = json.dumps({"DestinationArn": kinesis(cloud), "RoleArn": role(cloud)})
    policy(logs, "SUBSCRIPTION_FILTER_POLICY", document)
    assert refused_code(policy, logs=logs, kind="SUBSCRIPTION_FILTER_POLICY", document=document, name="q") == "LimitExceededException"
    gone = document.replace("stream/", "stream/no")
    for wrong in (gone, "{}", "[]", "no json", '{"DestinationArn": 1}', json.dumps(json.loads(document) | {"Distribution": "Even"})):
        assert refused_code(policy, logs=logs, kind="SUBSCRIPTION_FILTER_POLICY", document=wrong) == "InvalidParameterException"
    assert refused_code(policy, logs=logs, kind="SUBSCRIPTION_FILTER_POLICY", document=document, selectionCriteria="LogGroupName IN ['a']") == "InvalidParameterException"
    assert logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"][0]["policyDocument"] == document


def test_a_transformer_of_the_account_is_of_groups_that_have_none(cloud, logs):
    # How a prefix is spelled in selection criteria is documented nowhere that was found.
    policy(logs, "TRANSFORMER_POLICY", TRANSFORM, selectionCriteria='LogGroupNamePrefix = "app/"')
    logs.put_transformer(logGroupIdentifier="app/b", transformerConfig=[{"csv": {"columns": ["all"]}}])
    put(cloud, logs, "path=/a ms=5")
    assert asked(cloud, logs, "filter ispresent(path) | fields path, ms", "app/a", "app/b", "other") == [{"path": "/a", "ms": "5"}]
    assert asked(cloud, logs, "filter ispresent(all) | fields all", "app/a", "app/b", "other") == [{"all": "path=/a ms=5"}]
    assert refused_code(policy, logs=logs, kind="TRANSFORMER_POLICY", document=TRANSFORM, name="q", selectionCriteria='LogGroupNamePrefix = "app/a"') == "InvalidParameterException"
    policy(logs, "TRANSFORMER_POLICY", TRANSFORM, name="q", selectionCriteria='LogGroupNamePrefix = "oth"')
    assert [each["policyName"] for each in logs.describe_account_policies(policyType="TRANSFORMER_POLICY")["accountPolicies"]] == ["p", "q"]
    for wrong in ("{}", "[]", '[{"grok": {}}]', '[{"addKeys": {}}]', '[{"parseJSON": {}}, {"addKeys": {"entries": [{"key": 1, "value": "x"}]}}]', '[{"parseJSON": null}]',
                  '[{"parseJSON": {}}, {"lowerCaseString": {"withKeys": [null]}}]', '["csv"]'):  # fmt: skip
        assert refused_code(policy, logs=logs, kind="TRANSFORMER_POLICY", document=wrong) == "InvalidParameterException"


def test_indexes_of_the_account_are_of_groups_that_have_no_policy_of_their_own(cloud, logs):
    policy(logs, "FIELD_INDEX_POLICY", FIELDS, selectionCriteria='LogGroupNamePrefix = "app/"')
    logs.put_index_policy(logGroupIdentifier="app/b", policyDocument='{"Fields": ["ms"]}')
    cloud.sleep(1)
    put(cloud, logs, '{"path": "/x", "ms": 1}')
    shown = [each for name in ("app/a", "app/b", "other") for each in logs.describe_index_policies(logGroupIdentifiers=[name])["indexPolicies"]]
    assert [(each["source"], each.get("policyName"), each["policyDocument"]) for each in shown] == [("ACCOUNT", "p", FIELDS), ("LOG_GROUP", None, '{"Fields": ["ms"]}')]
    assert [row["@log"] for row in asked(cloud, logs, "filterIndex path = '/x' | fields @log", "app/a", "app/b", "other")] == ["000000000000:app/a"]
    assert [each["logGroupName"] for each in logs.list_log_groups(fieldIndexNames=["path"])["logGroups"]] == ["app/a"]
    assert [each["logGroupName"] for each in logs.list_log_groups(fieldIndexNames=["traceId", "ms"])["logGroups"]] == ["app/b"]
    custom = logs.describe_field_indexes(logGroupIdentifiers=["app/a"], indexCategories=["CUSTOM"])["fieldIndexes"]
    assert [each["fieldIndexName"] for each in custom] == ["path"]
    logs.delete_account_policy(policyName="p", policyType="FIELD_INDEX_POLICY")
    assert logs.describe_index_policies(logGroupIdentifiers=["app/a"])["indexPolicies"] == []


def test_a_policy_outlives_the_region_and_what_is_not_there_is_refused(cloud, logs):
    policy(logs, "FIELD_INDEX_POLICY", FIELDS)
    cloud.restart(kill=True)
    (shown,) = logs.describe_account_policies(policyType="FIELD_INDEX_POLICY", policyName="p")["accountPolicies"]
    assert "selectionCriteria" not in shown and shown["policyType"] == "FIELD_INDEX_POLICY"
    assert refused_code(logs.describe_account_policies, policyType="FIELD_INDEX_POLICY", policyName="q") == "ResourceNotFoundException"
    for describe, of in (
        (logs.describe_account_policies, {"policyType": "FIELD_INDEX_POLICY"}),
        (logs.describe_index_policies, {"logGroupIdentifiers": ["app/a"]}),
        (logs.describe_field_indexes, {"logGroupIdentifiers": ["app/a"]}),
    ):
        assert refused_code(describe, **of, nextToken="that nobody gave") == "InvalidParameterException"
    assert refused_code(logs.delete_account_policy, policyType="FIELD_INDEX_POLICY", policyName="q") == "ResourceNotFoundException"
    assert refused_code(policy, logs=logs, kind="RETENTION_POLICY", document="{}") == "NotImplemented"
    assert refused_code(policy, logs=logs, kind="FIELD_INDEX_POLICY", document=FIELDS, name="aws/p") == "InvalidParameterException"


def test_who_puts_a_policy_needs_the_permission_of_what_it_does(cloud, logs):
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutAccountPolicy", "Resource": "*"}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused_code(policy, logs=theirs, kind="FIELD_INDEX_POLICY", document=FIELDS) == "AccessDeniedException"
