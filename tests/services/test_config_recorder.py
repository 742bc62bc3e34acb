"""AWS Config: recorders, delivery channels, and the configuration items that are really taken.

https://docs.aws.amazon.com/config/latest/developerguide/config-item-table.html
"""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from config_workshop import (
    ACCOUNT,
    CONFIG_POLICY,
    FILES,
    ROLE_ARN,
    history,
    part,
    put_recorder,
    trust,
)
from lambda_workshop import TRUST, allowing, make, put_user
from notice_workshop import received, subscribed
from refusals import refused

US, EU = "us-east-1", "eu-west-1"
BUCKET = "AWS::S3::Bucket"


@pytest.fixture
def config(cloud):
    return cloud.client("config")


def statuses(config, type_: str, id_: str) -> list[str]:
    return [each["configurationItemStatus"] for each in history(config, type_, id_)]


def queue_id(name: str) -> str:
    return f"http://127.0.0.1:4566/{ACCOUNT}/{name}"


def listed(config, type_: str) -> list[str]:
    return [each["resourceId"] for each in config.list_discovered_resources(resourceType=type_)["resourceIdentifiers"]]


# Recorders and channels ------------------------------------------------------------------------------


def test_a_recorder_records_what_its_group_says(cloud, config):
    put_recorder(cloud, resourceTypes=["AWS::SQS::Queue"])
    sqs, s3 = cloud.client("sqs"), cloud.client("s3")
    sqs.create_queue(QueueName="a")
    url = queue_id("a")
    cloud.sleep(2)
    assert (listed(config, "AWS::SQS::Queue"), listed(config, BUCKET)) == ([url], [])
    group = {"exclusionByResourceTypes": {"resourceTypes": ["AWS::SQS::Queue"]}, "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"}}
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": ROLE_ARN, "recordingGroup": group})
    s3.create_bucket(Bucket="other")
    sqs.create_queue(QueueName="b")
    cloud.sleep(2)
    assert listed(config, BUCKET) == [f"{FILES}-{US}", "other"]
    assert listed(config, "AWS::SQS::Queue") == [url]
    # Without a group everything but IAM's: API_PutConfigurationRecorder
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": ROLE_ARN})
    cloud.sleep(2)
    counts = {each["resourceType"]: each["count"] for each in config.get_discovered_resource_counts()["resourceCounts"]}
    assert counts == {BUCKET: 2, "AWS::SQS::Queue": 2, "AWS::Events::EventBus": 1, "AWS::IAM::Role": 1}  # the role was seen while it was not excluded
    (shown,) = config.describe_configuration_recorders()["ConfigurationRecorders"]
    assert shown["recordingGroup"]["allSupported"] is True
    assert shown["recordingGroup"]["recordingStrategy"] == {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"}


def test_groups_that_contradict_themselves_are_refused(config):
    # getmoto/moto's test_put_configuration_recorder
    for group in (
        {"allSupported": True, "resourceTypes": [BUCKET]}, {"allSupported": False, "includeGlobalResourceTypes": True, "resourceTypes": [BUCKET]},
        {"allSupported": True, "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"}}, {"includeGlobalResourceTypes": True}, {},
        {"exclusionByResourceTypes": {"resourceTypes": [BUCKET]}}, {"resourceTypes": []},
    ):  # fmt: skip
        said = {"name": "default", "roleARN": ROLE_ARN, "recordingGroup": group}
        assert refused(config.put_configuration_recorder, ConfigurationRecorder=said) == (
            "InvalidRecordingGroupException", "The recording group provided is not valid",
        )  # fmt: skip
    assert refused(config.put_configuration_recorder, ConfigurationRecorder={"name": "a"})[0] == "InvalidRoleException"
    reserved = {"name": "AWSConfigurationRecorderForX", "roleARN": ROLE_ARN}
    assert refused(config.put_configuration_recorder, ConfigurationRecorder=reserved)[0] == "InvalidConfigurationRecorderNameException"
    daily = {"name": "a", "roleARN": ROLE_ARN, "recordingMode": {"recordingFrequency": "DAILY"}}
    assert refused(config.put_configuration_recorder, ConfigurationRecorder=daily)[0] == "NotImplemented"


def test_one_recorder_and_one_channel_in_their_order(cloud, config):
    assert refused(config.put_delivery_channel, DeliveryChannel={"s3BucketName": "b"})[0] == "NoAvailableConfigurationRecorderException"
    put_recorder(cloud)
    other = {"name": "other", "roleARN": ROLE_ARN}
    assert refused(config.put_configuration_recorder, ConfigurationRecorder=other)[0] == "MaxNumberOfConfigurationRecordersExceededException"
    assert refused(config.delete_delivery_channel, DeliveryChannelName="default")[0] == "LastDeliveryChannelDeleteFailedException"
    config.stop_configuration_recorder(ConfigurationRecorderName="default")
    config.delete_delivery_channel(DeliveryChannelName="default")
    assert refused(config.start_configuration_recorder, ConfigurationRecorderName="default")[0] == "NoAvailableDeliveryChannelException"
    config.delete_configuration_recorder(ConfigurationRecorderName="default")
    assert refused(config.stop_configuration_recorder, ConfigurationRecorderName="default") == (
        "NoSuchConfigurationRecorderException", "Cannot find configuration recorder with the specified name 'default'.",
    )  # fmt: skip


def test_the_role_must_be_passed(cloud):
    put_user(cloud, "clerk", "AKIAIOSFODNN7CLERK00", "config:*")
    clerk = cloud.client("config", key="AKIAIOSFODNN7CLERK00", secret="secret")
    code, text = refused(clerk.put_configuration_recorder, ConfigurationRecorder={"name": "a", "roleARN": ROLE_ARN})
    assert (code, "iam:PassRole" in text) == ("AccessDeniedException", True)


def test_a_channel_is_proved_by_writing_to_it(cloud, config):
    iam, s3 = cloud.client("iam"), cloud.client("s3")
    iam.create_role(RoleName="recorder", AssumeRolePolicyDocument=trust("config.amazonaws.com"))
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": ROLE_ARN})
    assert refused(config.put_delivery_channel, DeliveryChannel={"s3BucketName": "none"})[0] == "NoSuchBucketException"
    s3.create_bucket(Bucket="files")
    code, text = refused(config.put_delivery_channel, DeliveryChannel={"s3BucketName": "files", "s3KeyPrefix": "p"})
    assert code == "InsufficientDeliveryPolicyException"
    assert text == "Insufficient delivery policy to s3 bucket: files, unable to write to bucket, provided s3 key prefix is 'p', provided kms key is 'null'."
    # As the role, and where that may not, as the service: https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html
    iam.put_role_policy(RoleName="recorder", PolicyName="write", PolicyDocument=allowing("s3:PutObject", "s3:PutObjectAcl"))
    config.put_delivery_channel(DeliveryChannel={"s3BucketName": "files", "s3KeyPrefix": "p"})
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="files")["Contents"]] == [f"p/AWSLogs/{ACCOUNT}/Config/ConfigWritabilityCheckFile"]
    assert config.describe_delivery_channels()["DeliveryChannels"] == [{"name": "default", "s3BucketName": "files", "s3KeyPrefix": "p"}]
    said = {"s3BucketName": "files", "snsTopicARN": f"arn:aws:sns:{US}:{ACCOUNT}:none"}
    assert refused(config.put_delivery_channel, DeliveryChannel=said)[0] == "InvalidSNSTopicARNException"


def test_a_role_that_may_not_look_is_told_and_nothing_is_made_up(cloud, config):
    put_recorder(cloud)
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.client("iam").detach_role_policy(RoleName="recorder", PolicyArn=CONFIG_POLICY)
    cloud.client("iam").put_role_policy(RoleName="recorder", PolicyName="some", PolicyDocument=allowing("sqs:*"))
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": ROLE_ARN})
    cloud.client("s3").create_bucket(Bucket="unseen")
    cloud.sleep(2)
    (status,) = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert (status["lastStatus"], status["lastErrorCode"]) == ("FAILURE", "AccessDenied")
    assert "unseen" not in listed(config, BUCKET)
    assert len(listed(config, "AWS::SQS::Queue")) == 1
    cloud.client("iam").attach_role_policy(RoleName="recorder", PolicyArn=CONFIG_POLICY)
    cloud.sleep(90)
    (status,) = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert status["lastStatus"] == "SUCCESS"
    assert "unseen" in listed(config, BUCKET)


# Items ---------------------------------------------------------------------------------------------


def test_a_bucket_is_followed_from_its_making_to_its_end(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET])
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket-b")
    cloud.sleep(2)
    s3.put_bucket_versioning(Bucket="bucket-b", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="bucket-b", Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    cloud.sleep(2)
    s3.get_bucket_versioning(Bucket="bucket-b")
    cloud.sleep(2)
    s3.delete_bucket(Bucket="bucket-b")
    cloud.sleep(2)
    items = history(config, BUCKET, "bucket-b")
    assert [each["configurationItemStatus"] for each in items] == ["ResourceDiscovered", "OK", "ResourceDeleted"]
    made, changed, gone = items
    assert made["configuration"]["name"] == "bucket-b"
    assert (made["arn"], made["resourceName"], made["accountId"], made["awsRegion"]) == ("arn:aws:s3:::bucket-b", "bucket-b", ACCOUNT, US)
    assert part(made, "BucketVersioningConfiguration") == {"status": "Off", "isMfaDeleteEnabled": None}
    assert part(changed, "BucketVersioningConfiguration")["status"] == "Enabled"
    assert (changed["tags"], part(changed, "BucketTaggingConfiguration")) == ({"team": "blue"}, {"tagSets": [{"tags": {"team": "blue"}}]})
    assert (gone["configuration"], gone["supplementaryConfiguration"], gone["tags"]) == (None, {}, {})
    states = [int(each["configurationStateId"]) for each in items]
    assert states == [int(each["configurationItemCaptureTime"].timestamp() * 1000) for each in items]
    assert listed(config, BUCKET) == [f"{FILES}-{US}"]
    shown = config.list_discovered_resources(resourceType=BUCKET, includeDeletedResources=True)["resourceIdentifiers"]
    assert [(each["resourceId"], "resourceDeletionTime" in each) for each in shown] == [("bucket-b", True), (f"{FILES}-{US}", False)]
    s3.create_bucket(Bucket="bucket-b")
    cloud.sleep(2)
    assert statuses(config, BUCKET, "bucket-b") == ["ResourceDiscovered", "OK", "ResourceDeleted", "ResourceDiscovered"]
    newest = config.get_resource_config_history(resourceType=BUCKET, resourceId="bucket-b", limit=1)
    assert newest["configurationItems"][0]["configurationItemStatus"] == "ResourceDiscovered"
    assert "nextToken" in newest


def test_every_type_is_recorded_in_the_form_aws_gives_it(cloud, config):
    # https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types
    put_recorder(cloud, allSupported=True, includeGlobalResourceTypes=True)
    ddb, sqs, sns, kms, iam = (cloud.client(name) for name in ("dynamodb", "sqs", "sns", "kms", "iam"))
    ddb.create_table(TableName="table", AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                     BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "a", "Value": "b"}])  # fmt: skip
    iam.create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)
    make(cloud, Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "7"})
    topic = sns.create_topic(Name="n", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    key = kms.create_key(Description="d")["KeyMetadata"]["KeyId"]
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(UserName="u", GroupName="g")
    policy = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:GetObject"))["Policy"]
    iam.attach_user_policy(UserName="u", PolicyArn=policy["Arn"])
    secret = cloud.client("secretsmanager").create_secret(Name="s", SecretString="x")["ARN"]
    cloud.client("kinesis").create_stream(StreamName="k", ShardCount=2)
    cloud.client("cloudwatch").put_metric_alarm(AlarmName="a", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1.0,
                                                ComparisonOperator="GreaterThanThreshold", Statistic="Sum")  # fmt: skip
    api = cloud.client("apigateway").create_rest_api(name="api")["id"]
    cloud.sleep(10)
    counts = {each["resourceType"].removeprefix("AWS::"): each["count"] for each in config.get_discovered_resource_counts()["resourceCounts"]}
    assert counts == {
        "IAM::Role": 2, "ApiGateway::RestApi": 1, "CloudWatch::Alarm": 1, "DynamoDB::Table": 1, "IAM::Group": 1, "IAM::Policy": 1, "IAM::User": 1,
        "KMS::Key": 2, "Kinesis::Stream": 1, "Lambda::Function": 1, "Events::EventBus": 1, "S3::Bucket": 1, "SNS::Topic": 1, "SQS::Queue": 1, "SecretsManager::Secret": 1,
    }  # fmt: skip

    def seen(type_: str, id_: str) -> dict:
        return history(config, f"AWS::{type_}", id_)[-1]

    table = seen("DynamoDB::Table", "table")
    assert table["configuration"]["keySchema"] == [{"attributeName": "k", "keyType": "HASH"}]
    assert (table["configuration"]["tableStatus"], table["tags"]) == ("ACTIVE", {"a": "b"})
    assert part(table, "ContinuousBackupsDescription")["pointInTimeRecoveryDescription"] == {"pointInTimeRecoveryStatus": "DISABLED"}
    function = seen("Lambda::Function", "f")["configuration"]
    assert (function["functionName"], function["state"], function["memorySize"]) == ("f", {"value": "Active"}, 128)
    assert seen("SQS::Queue", queue_id("q"))["configuration"]["VisibilityTimeout"] == 7
    assert (seen("SNS::Topic", topic)["configuration"]["Owner"], seen("SNS::Topic", topic)["tags"]) == (ACCOUNT, {"a": "b"})
    assert seen("KMS::Key", key)["configuration"]["awsaccountId"] == ACCOUNT
    assert part(seen("KMS::Key", key), "KeyRotationStatus") is False
    assert seen("SecretsManager::Secret", secret)["configuration"]["RotationEnabled"] is False
    assert seen("Kinesis::Stream", "k")["configuration"]["ShardCount"] == 2
    alarm = seen("CloudWatch::Alarm", f"arn:aws:cloudwatch:{US}:{ACCOUNT}:alarm:a")["configuration"]
    assert (alarm["okactions"], "stateValue" in alarm) == ([], False)
    assert seen("ApiGateway::RestApi", api)["configuration"]["name"] == "api"
    user_id = iam.get_user(UserName="u")["User"]["UserId"]
    user = seen("IAM::User", user_id)
    assert (user["resourceName"], user["configuration"]["groupList"], user["awsRegion"]) == ("u", ["g"], "global")
    assert {(each["resourceType"], each["resourceName"]) for each in user["relationships"]} == {("AWS::IAM::Policy", "p"), ("AWS::IAM::Group", "g")}
    document = seen("IAM::Policy", policy["PolicyId"])["configuration"]["policyVersionList"][0]["document"]
    assert document.startswith("%7B")


def test_what_changes_without_a_call_is_seen_too(cloud, config):
    put_recorder(cloud, resourceTypes=["AWS::KMS::Key"])
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    cloud.sleep(2)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.sleep(2)
    assert [each["configuration"]["keyState"] for each in history(config, "AWS::KMS::Key", key)] == ["Enabled", "PendingDeletion"]
    cloud.sleep(7 * 86_400 + 7_200)
    assert statuses(config, "AWS::KMS::Key", key)[-1] == "ResourceDeleted"


def test_what_happened_while_the_region_was_dead_is_caught_up_with(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET])
    cloud.sleep(2)
    cloud.client("s3").create_bucket(Bucket="just-before")  # not looked at yet
    cloud.restart(kill=True)
    config = cloud.client("config")
    cloud.sleep(2)
    assert statuses(config, BUCKET, "just-before") == ["ResourceDiscovered"]
    cloud.client("s3").create_bucket(Bucket="after")
    cloud.sleep(2)
    assert statuses(config, BUCKET, "after") == ["ResourceDiscovered"]
    assert statuses(config, BUCKET, f"{FILES}-{US}") == ["ResourceDiscovered"]  # and nothing twice


def test_a_stopped_recorder_records_nothing_and_catches_up_when_it_is_started(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET])
    cloud.sleep(2)
    config.stop_configuration_recorder(ConfigurationRecorderName="default")
    cloud.client("s3").create_bucket(Bucket="bucket-b")
    cloud.sleep(4_000)
    assert "bucket-b" not in listed(config, BUCKET)
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    cloud.sleep(2)
    assert "bucket-b" in listed(config, BUCKET)


def test_each_region_records_its_own(make_cloud):
    cloud = make_cloud(US, EU, "aws-global")
    put_recorder(cloud, US)
    put_recorder(cloud, EU)
    cloud.sleep(2)
    assert listed(cloud.client("config", US), BUCKET) == [f"{FILES}-{US}"]
    assert listed(cloud.client("config", EU), BUCKET) == [f"{FILES}-{EU}"]


def test_resources_are_asked_for_in_words(cloud, config):
    assert refused(config.get_resource_config_history, resourceType=BUCKET, resourceId="none") == (
        "ResourceNotDiscoveredException", "Resource none of resourceType:AWS::S3::Bucket is unknown or has not been discovered",
    )  # fmt: skip
    assert refused(config.list_discovered_resources, resourceType=BUCKET, resourceName="a", resourceIds=["b"]) == (
        "ValidationException", "Both Resource ID and Resource Name cannot be specified in the request",
    )  # fmt: skip
    for token in ("x", base64.urlsafe_b64encode(b"config:-1").decode()):
        assert refused(config.list_discovered_resources, resourceType=BUCKET, nextToken=token)[0] == "InvalidNextTokenException"
    put_recorder(cloud, resourceTypes=[BUCKET])
    for n in range(4):
        cloud.client("s3").create_bucket(Bucket=f"bucket-{n}")
    cloud.sleep(2)
    page = config.list_discovered_resources(resourceType=BUCKET, limit=3)
    rest = config.list_discovered_resources(resourceType=BUCKET, limit=3, nextToken=page["nextToken"])
    assert [len(each["resourceIdentifiers"]) for each in (page, rest)] == [3, 2]
    assert "nextToken" not in rest
    keys = [{"resourceType": BUCKET, "resourceId": name} for name in ("bucket-1", "none")]
    got = config.batch_get_resource_config(resourceKeys=keys)
    assert [each["resourceId"] for each in got["baseConfigurationItems"]] == ["bucket-1"]
    assert got["unprocessedResourceKeys"] == []


# Delivery ------------------------------------------------------------------------------------------


def files(cloud, kind: str) -> dict[str, dict]:
    s3, found = cloud.client("s3"), {}
    for each in s3.list_objects_v2(Bucket=f"{FILES}-{US}").get("Contents", []):
        if f"/{kind}/" in each["Key"]:
            found[each["Key"]] = json.loads(gzip.decompress(s3.get_object(Bucket=f"{FILES}-{US}", Key=each["Key"])["Body"].read()))
    return found


def test_a_snapshot_holds_everything_that_stands(cloud, config):
    assert refused(config.deliver_config_snapshot, deliveryChannelName="default")[0] == "NoSuchDeliveryChannelException"
    put_recorder(cloud, resourceTypes=[BUCKET, "AWS::SQS::Queue"])
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(2)
    id_ = config.deliver_config_snapshot(deliveryChannelName="default")["configSnapshotId"]
    cloud.sleep(1)
    ((key, file),) = files(cloud, "ConfigSnapshot").items()
    # https://docs.aws.amazon.com/config/latest/developerguide/example-configuration-snapshot-notification.html
    assert key == f"AWSLogs/{ACCOUNT}/Config/{US}/2030/1/1/ConfigSnapshot/{ACCOUNT}_Config_{US}_ConfigSnapshot_20300101T000002Z_{id_}.json.gz"
    assert (file["fileVersion"], file["configSnapshotId"]) == ("1.0", id_)
    assert {(each["resourceType"], each["resourceName"]) for each in file["configurationItems"]} == {(BUCKET, f"{FILES}-{US}"), ("AWS::SQS::Queue", "q")}
    (status,) = config.describe_delivery_channel_status()["DeliveryChannelsStatus"]
    assert status["configSnapshotDeliveryInfo"]["lastStatus"] == "Success"


def test_a_snapshot_that_was_answered_is_written_in_spite_of_a_kill(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET])
    cloud.sleep(2)
    id_ = config.deliver_config_snapshot(deliveryChannelName="default")["configSnapshotId"]
    cloud.restart(kill=True)
    cloud.sleep(5)
    ((key, file),) = files(cloud, "ConfigSnapshot").items()
    assert (file["configSnapshotId"], [each["resourceId"] for each in file["configurationItems"]]) == (id_, [f"{FILES}-{US}"])


def test_history_is_written_every_six_hours_a_file_for_each_type(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET, "AWS::SQS::Queue"])
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(6 * 3_600 + 2)
    first = files(cloud, "ConfigHistory")
    assert sorted(key.split("_ConfigHistory_")[1].partition("_")[0] for key in first) == [BUCKET, "AWS::SQS::Queue"]
    cloud.client("sqs").create_queue(QueueName="r")
    cloud.sleep(6 * 3_600)
    (fresh,) = [file for key, file in files(cloud, "ConfigHistory").items() if key not in first]
    assert [each["resourceName"] for each in fresh["configurationItems"]] == ["r"]


def test_a_snapshot_is_written_as_often_as_the_channel_says(cloud, config):
    put_recorder(cloud, resourceTypes=[BUCKET])
    said = {"name": "default", "s3BucketName": f"{FILES}-{US}", "configSnapshotDeliveryProperties": {"deliveryFrequency": "Three_Hours"}}
    config.put_delivery_channel(DeliveryChannel=said)
    cloud.sleep(7 * 3_600)
    assert len(files(cloud, "ConfigSnapshot")) == 2


def test_changes_are_told_to_the_topic_and_on_the_bus(cloud, config):
    topic = cloud.client("sns").create_topic(Name="changes")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    url, _ = subscribed(cloud, topic, "heard")
    put_recorder(cloud, resourceTypes=["AWS::DynamoDB::Table", "AWS::SQS::Queue"], topic=topic)
    events = cloud.client("events")
    bus_url = cloud.client("sqs").create_queue(QueueName="bus")["QueueUrl"]
    arn = f"arn:aws:sqs:{US}:{ACCOUNT}:bus"
    let = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    cloud.client("sqs").set_queue_attributes(QueueUrl=bus_url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [let]})})
    pattern = {"source": ["aws.config"], "detail-type": ["Config Configuration Item Change"], "detail": {"configurationItem": {"resourceName": ["told"]}}}
    events.put_rule(Name="r", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])
    cloud.sleep(2)
    received(cloud, url)
    told = cloud.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    cloud.sleep(2)
    cloud.client("sqs").set_queue_attributes(QueueUrl=told, Attributes={"VisibilityTimeout": "9"})
    cloud.sleep(2)
    notices = [json.loads(message["Body"]) for message in received(cloud, url)]
    assert [each["Subject"] for each in notices] == [
        f"[AWS Config:{US}] AWS::SQS::Queue told Created in Account {ACCOUNT}", f"[AWS Config:{US}] AWS::SQS::Queue told Updated in Account {ACCOUNT}",
    ]  # fmt: skip
    made, changed = (json.loads(each["Message"]) for each in notices)
    assert (made["messageType"], made["configurationItemDiff"]) == ("ConfigurationItemChangeNotification", {"changedProperties": {}, "changeType": "CREATE"})
    diff = changed["configurationItemDiff"]["changedProperties"]
    assert diff["Configuration.VisibilityTimeout"] == {"previousValue": 30, "updatedValue": 9, "changeType": "UPDATE"}
    heard = [json.loads(message["Body"]) for message in received(cloud, bus_url)]
    assert [each["detail"]["configurationItem"]["configurationItemStatus"] for each in heard] == ["ResourceDiscovered", "OK"]
    assert heard[0]["resources"] == [f"arn:aws:sqs:{US}:{ACCOUNT}:told"]
    (status,) = config.describe_delivery_channel_status()["DeliveryChannelsStatus"]
    assert status["configStreamDeliveryInfo"]["lastStatus"] == "Success"


def test_items_are_forgotten_when_their_time_is_over(cloud, config):
    config.put_retention_configuration(RetentionPeriodInDays=30)
    put_recorder(cloud, resourceTypes=["AWS::SQS::Queue"])
    url = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    cloud.sleep(2)
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "9"})
    cloud.sleep(2)
    assert len(history(config, "AWS::SQS::Queue", queue_id("q"))) == 2
    cloud.sleep(32 * 86_400)
    assert len(history(config, "AWS::SQS::Queue", queue_id("q"))) == 1  # how it is now stays known
    assert refused(config.delete_retention_configuration, RetentionConfigurationName="other")[0] == "NoSuchRetentionConfigurationException"


def test_tags(cloud, config):
    put_recorder(cloud)
    (recorder,) = config.describe_configuration_recorders()["ConfigurationRecorders"]
    config.tag_resource(ResourceArn=recorder["arn"], Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    config.untag_resource(ResourceArn=recorder["arn"], TagKeys=["a", "x"])
    assert config.list_tags_for_resource(ResourceArn=recorder["arn"])["Tags"] == [{"Key": "c", "Value": "d"}]
    assert refused(config.tag_resource, ResourceArn="none", Tags=[{"Key": "a", "Value": "b"}]) == ("ResourceNotFoundException", "ResourceArn 'none' does not exist")
