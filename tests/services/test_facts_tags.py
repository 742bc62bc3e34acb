"""What is tagged is told to EventBridge by one mechanism, whatever service keeps it and by whatever operation its tags come and go.

https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-tag-changes.html
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from fact_workshop import ACCOUNT, US, heard, hears
from lambda_workshop import put_role

SOURCE, KIND = "aws.tag", "Tag Change on Resource"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
LISTED = [{"Key": "team", "Value": "shop"}]
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}, "Action": "sts:AssumeRole"}})
MACHINE = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})


def told(events: list[dict]) -> list[tuple]:
    return [(each["resources"][0], each["detail"]["changed-tag-keys"], each["detail"]["tags"], each["detail"]["version"]) for each in events]


def test_tags_that_come_change_and_go_are_told_with_all_that_remain(cloud):
    hears(cloud, SOURCE)
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="orders", tags={"team": "shop", "stage": "test"})["QueueUrl"]
    (made,) = heard(cloud)
    arn = f"arn:aws:sqs:{US}:{ACCOUNT}:orders"
    assert (made["source"], made["detail-type"], made["account"], made["region"], made["resources"]) == (SOURCE, KIND, ACCOUNT, US, [arn])
    assert made["detail"].pop("version-timestamp").isdigit()
    assert made["detail"] == {
        "changed-tag-keys": ["stage", "team"], "service": "sqs", "resource-type": "queue", "version": 1, "tags": {"team": "shop", "stage": "test"},
    }  # fmt: skip
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "live", "team": "shop", "cost": "7"})
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "live"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "none"])
    assert told(heard(cloud)) == [
        (arn, ["cost", "stage"], {"team": "shop", "stage": "live", "cost": "7"}, 2), (arn, ["team"], {"stage": "live", "cost": "7"}, 3),
    ]  # fmt: skip


def code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "handler = print")
    return packed.getvalue()


MAKERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "sns": ("topic", lambda client: client.create_topic(Name="a", Tags=LISTED)),
    "kms": ("key", lambda client: client.create_key(Tags=[{"TagKey": "team", "TagValue": "shop"}])),
    "secretsmanager": ("secret", lambda client: client.create_secret(Name="a", SecretString="x", Tags=LISTED)),
    "ssm": ("parameter", lambda client: client.put_parameter(Name="a", Value="x", Type="String", Tags=LISTED)),
    "logs": ("log-group", lambda client: client.create_log_group(logGroupName="a", tags={"team": "shop"})),
    "kinesis": ("stream", lambda client: client.create_stream(StreamName="a", ShardCount=1, Tags={"team": "shop"})),
    "ecr": ("repository", lambda client: client.create_repository(repositoryName="shop", tags=LISTED)),
    "cloudwatch": ("alarm", lambda client: client.put_metric_alarm(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Tags=LISTED,
    )),
    "dynamodb": ("table", lambda client: client.create_table(
        TableName="shop", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], Tags=LISTED,
    )),
    "lambda": ("function", lambda client: client.create_function(
        FunctionName="a", Runtime="python3.13", Handler="index.handler", Role=ROLE, Code={"ZipFile": code()}, Tags={"team": "shop"},
    )),
    "stepfunctions": ("stateMachine", lambda client: client.create_state_machine(
        name="a", definition=MACHINE, roleArn=ROLE, tags=[{"key": "team", "value": "shop"}],
    )),
    "events": ("event-bus", lambda client: client.create_event_bus(Name="a", Tags=LISTED)),
    "scheduler": ("schedule-group", lambda client: client.create_schedule_group(Name="a", Tags=LISTED)),
    "apigateway": ("restapis", lambda client: client.create_rest_api(name="a", tags={"team": "shop"})),
    "apigatewayv2": ("apis", lambda client: client.create_api(Name="a", ProtocolType="HTTP", Tags={"team": "shop"})),
    "cognito-idp": ("userpool", lambda client: client.create_user_pool(PoolName="a", UserPoolTags={"team": "shop"})),
    "backup": ("backup-vault", lambda client: client.create_backup_vault(BackupVaultName="shop", BackupVaultTags={"team": "shop"})),
    "glue": ("database", lambda client: client.create_database(DatabaseInput={"Name": "a"}, Tags={"team": "shop"})),
    "cloudformation": ("stack", lambda client: client.create_stack(
        StackName="a", TemplateBody='{"Resources": {"W": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}', Tags=LISTED,
    )),
}  # fmt: skip


@pytest.mark.parametrize("service", MAKERS)
def test_whatever_is_made_with_tags_tells_them(cloud, service):
    put_role(cloud, "*", arn=ROLE, trust=TRUST)
    hears(cloud, SOURCE)
    kind, make = MAKERS[service]
    make(cloud.client(service))
    (event,) = heard(cloud)
    detail = event["detail"]
    assert (detail["resource-type"], detail["changed-tag-keys"], detail["tags"], detail["version"]) == (kind, ["team"], {"team": "shop"}, 1)
    assert event["resources"][0].split(":")[2] == detail["service"]


def test_a_bucket_tells_of_its_tags_whoever_set_them(cloud):
    s3, arn = cloud.client("s3"), "arn:aws:s3:::shop"
    s3.create_bucket(Bucket="shop")
    hears(cloud, SOURCE)
    s3.put_bucket_tagging(Bucket="shop", Tagging={"TagSet": LISTED})
    s3.put_object(Bucket="shop", Key="a", Body=b"", Tagging="a=b")
    tagging = cloud.client("resourcegroupstaggingapi")
    tagging.tag_resources(ResourceARNList=[arn], Tags={"stage": "live"})
    s3.delete_bucket_tagging(Bucket="shop")
    events = heard(cloud)
    assert told(events) == [
        (arn, ["team"], {"team": "shop"}, 1), (arn, ["stage"], {"team": "shop", "stage": "live"}, 2), (arn, ["stage", "team"], {}, 3),
    ]  # fmt: skip
    assert {(each["detail"]["service"], each["detail"]["resource-type"]) for each in events} == {("s3", "bucket")}


def test_a_refused_change_tells_nothing(cloud):
    sns = cloud.client("sns")
    arn = sns.create_topic(Name="a", Tags=LISTED)["TopicArn"]
    hears(cloud, SOURCE)
    with pytest.raises(sns.exceptions.ClientError):
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": "y"}])
    sns.create_topic(Name="a", Tags=LISTED)
    assert heard(cloud) == []


def test_a_stack_tags_what_it_makes_and_each_is_told(cloud):
    hears(cloud, SOURCE, detail={"service": ["sqs"]})
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}}}
    cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(template), Tags=LISTED)
    cloud.sleep(5)
    (event,) = heard(cloud)
    assert "team" in event["detail"]["tags"] and event["detail"]["changed-tag-keys"] == sorted(event["detail"]["tags"])


def test_what_changes_while_another_operation_is_under_way_is_told_once(make_cloud):
    cloud = make_cloud(US, "eu-west-1", links="aws-p50")
    kms = cloud.client("kms")
    leading, other = (kms.create_key(MultiRegion=True)["KeyMetadata"] for _ in range(2))
    hears(cloud, SOURCE)
    replicating = cloud.start(kms.replicate_key, KeyId=leading["KeyId"], ReplicaRegion="eu-west-1", Tags=[{"TagKey": "a", "TagValue": "b"}])
    cloud.sleep(0.001)
    kms.tag_resource(KeyId=other["KeyId"], Tags=[{"TagKey": "team", "TagValue": "shop"}])
    assert not replicating.done()
    cloud.wait(replicating)
    assert told(heard(cloud)) == [(other["Arn"], ["team"], {"team": "shop"}, 1)]


def test_a_resource_that_is_made_anew_begins_anew_and_a_kill_loses_no_version(cloud):
    hears(cloud, SOURCE)
    logs = cloud.client("logs")
    for _ in range(2):
        logs.create_log_group(logGroupName="a", tags={"n": "1"})
        cloud.restart(kill=True)
        logs.tag_log_group(logGroupName="a", tags={"n": "2"})
        assert [each[3] for each in told(heard(cloud))] == [1, 2]
        logs.delete_log_group(logGroupName="a")


def test_tags_of_one_account_are_not_told_to_another(cloud):
    hears(cloud, SOURCE)
    cloud.client("sqs", key="111122223333").create_queue(QueueName="theirs", tags={"team": "theirs"})
    assert heard(cloud) == []
