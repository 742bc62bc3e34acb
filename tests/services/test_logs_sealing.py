"""CloudWatch Logs: groups whose events are encrypted under a key of KMS."""

from __future__ import annotations

import gzip
import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, allow, on_disk

GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"
LEAVE = {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": GROUP}}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"""
ACTIONS = ("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*")
SHUT = ("InvalidParameterException", f"The specified KMS key does not exist or is not allowed to be used with Arn '{GROUP}'")


@pytest.fixture
def key(kms) -> str:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    allow(kms, arn, "logs.us-east-1.amazonaws.com", *ACTIONS, **LEAVE)
    return arn


@pytest.fixture
def logs(cloud):
    return cloud.client("logs", key=ACCOUNT)


def put(cloud, logs, *messages: str, stream="s") -> None:
    now = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=[{"timestamp": now, "message": each} for each in messages])


def made(logs, key) -> None:
    logs.create_log_group(logGroupName="g", kmsKeyId=key)
    logs.create_log_stream(logGroupName="g", logStreamName="s")


def got(logs) -> list[str]:
    return [each["message"] for each in logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]]


def test_events_come_out_as_they_went_in_and_are_not_on_the_disk(cloud, logs, key):
    made(logs, key)
    put(cloud, logs, f"1 {SECRET}", f'{{"level": "warn", "text": "{SECRET}"}}')
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert got(logs) == [f"1 {SECRET}", f'{{"level": "warn", "text": "{SECRET}"}}']
    assert [each["message"] for each in logs.filter_log_events(logGroupName="g", filterPattern='{$.level = "warn"}')["events"]] == got(logs)[1:]
    fields = logs.get_log_group_fields(logGroupName="g")["logGroupFields"]
    assert {"name": "level", "percent": 50} in fields
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key


def test_a_key_belongs_to_a_group_from_then_on_and_until_it_is_taken(cloud, logs, kms, key):
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(cloud, logs, "plain")
    logs.associate_kms_key(logGroupName="g", kmsKeyId=key)
    put(cloud, logs, f"sealed {SECRET}")
    assert on_disk(cloud) == []
    logs.disassociate_kms_key(resourceIdentifier=GROUP)
    put(cloud, logs, "plain again")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    assert got(logs) == ["plain", f"sealed {SECRET}", "plain again"]
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    assert refused(got, logs=logs) == SHUT
    put(cloud, logs, "plain to the end")


def test_the_key_must_let_the_service_in_for_this_group(cloud, logs, kms, key):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert refused(logs.create_log_group, logGroupName="g", kmsKeyId=other) == SHUT
    assert logs.describe_log_groups()["logGroups"] == []
    assert refused(logs.create_log_group, logGroupName="h", kmsKeyId=key)[0] == "InvalidParameterException", "the key is for g"
    logs.create_log_group(logGroupName="g")
    assert refused(logs.associate_kms_key, logGroupName="g", kmsKeyId=other) == SHUT
    kms.disable_key(KeyId=key)
    assert refused(logs.associate_kms_key, logGroupName="g", kmsKeyId=key) == SHUT
    assert refused(logs.associate_kms_key, logGroupName="g", kmsKeyId=key[:-12] + "000000000000") == SHUT
    assert refused(logs.associate_kms_key, logGroupName="g", kmsKeyId="alias/k")[0] == "InvalidParameterException"


def test_a_disabled_key_stops_reading_and_writing(cloud, logs, kms, key):
    made(logs, key)
    put(cloud, logs, SECRET)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    assert refused(got, logs=logs) == SHUT
    assert refused(logs.filter_log_events, logGroupName="g") == SHUT
    with pytest.raises(logs.exceptions.InvalidParameterException):
        put(cloud, logs, "more")
    kms.enable_key(KeyId=key)
    assert got(logs) == [SECRET]


def test_who_reads_needs_no_leave_for_the_key(cloud, logs, key):
    made(logs, key)
    put(cloud, logs, SECRET)
    alice = User(cloud)
    alice.may("logs:*")
    assert got(alice.client("logs")) == [SECRET]


def test_a_query_reads_what_is_sealed_and_its_results_are(cloud, logs, kms, key):
    made(logs, key)
    put(cloud, logs, f"a {SECRET}", f"b {SECRET}")
    cloud.restart(kill=True)
    now = int(cloud.now())
    asked = {"logGroupName": "g", "startTime": now - 60, "endTime": now + 60}

    def answered(text: str) -> dict:
        number = logs.start_query(queryString=text, **asked)["queryId"]
        for _ in range(600):
            found = logs.get_query_results(queryId=number)
            if found["status"] not in ("Scheduled", "Running"):
                return found
            cloud.sleep(0.1)
        raise AssertionError("the query does not end")

    found = answered("fields @message | filter @message like /a nobody/")
    assert [[each["value"] for each in row if each["field"] == "@message"] for row in found["results"]] == [[f"a {SECRET}"]]
    assert on_disk(cloud) == []
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    assert answered("fields @message")["status"] == "Failed"


def test_what_a_subscription_waits_to_send_is_sealed(cloud, logs, key):
    made(logs, key)
    kinesis, iam = cloud.client("kinesis", key=ACCOUNT), cloud.client("iam", key=ACCOUNT)
    kinesis.create_stream(StreamName="to", ShardCount=1)
    trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"Action":"sts:AssumeRole"}}'
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    may = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"*"}}'
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=may)
    arn = kinesis.describe_stream_summary(StreamName="to")["StreamDescriptionSummary"]["StreamARN"]
    logs.put_subscription_filter(logGroupName="g", filterName="f", filterPattern="", destinationArn=arn, roleArn=role)
    cloud.fault("service.error", {"region": "us-east-1", "service": "kinesis"}, code="InternalFailure")
    put(cloud, logs, SECRET)
    cloud.restart(kill=True)
    cloud.heal()
    cloud.sleep(300)
    place = kinesis.get_shard_iterator(StreamName="to", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    told = [gzip.decompress(record["Data"]) for record in kinesis.get_records(ShardIterator=place)["Records"]]
    assert any(SECRET.encode() in each for each in told)


def test_what_a_detector_learns_of_a_group_lies_under_its_key(cloud, logs, key):
    made(logs, key)
    for n in range(8):
        put(cloud, logs, *[f"user {SECRET} took {k + n} ms" for k in range(4)])
        cloud.sleep(300)
    arn = logs.create_log_anomaly_detector(logGroupArnList=[GROUP], evaluationFrequency="FIVE_MIN")["anomalyDetectorArn"]
    cloud.sleep(1)
    put(cloud, logs, f"what is that {SECRET}")
    cloud.sleep(301)
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert [each["logSamples"][0]["message"] for each in logs.list_anomalies(anomalyDetectorArn=arn)["anomalies"]] == [f"what is that {SECRET}"]


def test_a_detector_may_have_a_key_of_its_own(cloud, logs, kms):
    own = kms.create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="g")
    create = {"logGroupArnList": [GROUP], "kmsKeyId": own}
    assert refused(logs.create_log_anomaly_detector, **create)[0] == "InvalidParameterException"
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/LogsAnomalyDetection-KMS.html
    detectors = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:anomaly-detector:*"}}
    allow(kms, own, "logs.us-east-1.amazonaws.com", *ACTIONS, **detectors)
    arn = logs.create_log_anomaly_detector(**create)["anomalyDetectorArn"]
    assert logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["kmsKeyId"] == own


def test_what_events_are_transformed_to_lies_under_the_key_of_the_group(cloud, logs, key):
    made(logs, key)
    logs.put_transformer(logGroupIdentifier="g", transformerConfig=[{"csv": {"columns": ["who", "what"]}}])
    put(cloud, logs, f"{SECRET},x")
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    number = logs.start_query(logGroupName="g", startTime=0, endTime=int(cloud.now()) + 5, queryString="filter what = 'x' | fields who")["queryId"]
    while (found := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
        cloud.sleep(0.05)
    assert found["results"][0][0] == {"field": "who", "value": SECRET}


def test_what_was_masked_lies_under_the_key_of_the_group(cloud, logs, key):
    made(logs, key)
    named = ["Word"]
    operations = ({"Audit": {"FindingsDestination": {}}}, {"Deidentify": {"MaskConfig": {}}})
    policy = {
        "Statement": [{"DataIdentifier": named, "Operation": each} for each in operations],
        "Configuration": {"CustomDataIdentifier": [{"Name": "Word", "Regex": SECRET[:-3] + "..."}]},
    }
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=json.dumps(policy))
    put(cloud, logs, f"it is {SECRET}")
    cloud.restart(kill=True)
    assert got(logs) == ["it is " + "*" * len(SECRET)]
    events = logs.get_log_events(logGroupName="g", logStreamName="s", unmask=True)["events"]
    assert [each["message"] for each in events] == [f"it is {SECRET}"]
