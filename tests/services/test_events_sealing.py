"""EventBridge: buses and archives that are encrypted under a key of KMS.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
"""

from __future__ import annotations

import base64
import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, allow, on_disk

BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
PATTERN = json.dumps({"source": ["app"], "detail": {"never": [{"anything-but": SECRET}]}})


@pytest.fixture
def key(kms) -> str:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    allow(kms, key, "events.amazonaws.com", "kms:DescribeKey")
    allow(
        kms, key, "events.amazonaws.com", "kms:GenerateDataKey", "kms:Decrypt",
        StringEquals={"kms:EncryptionContext:aws:events:event-bus:arn": BUS},
    )  # fmt: skip
    return key


@pytest.fixture
def sqs(cloud):
    sqs = cloud.client("sqs", key=ACCOUNT)
    leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": leave})
    for name in ("q", "dead", "lost"):
        sqs.create_queue(QueueName=name, Attributes={"Policy": policy})
    return sqs


@pytest.fixture
def events(cloud, sqs, key):
    events = cloud.client("events", key=ACCOUNT)
    lost = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:lost"}
    made = events.create_event_bus(Name="b", KmsKeyIdentifier=key, DeadLetterConfig=lost)
    assert (made["KmsKeyIdentifier"], made["DeadLetterConfig"]) == (key, lost)
    return events


def rule(events, name: str = "r", **target) -> None:
    events.put_rule(Name=name, EventBusName="b", EventPattern=PATTERN)
    dead = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
    events.put_targets(Rule=name, EventBusName="b", Targets=[{"Id": "q", "Arn": QUEUE, "DeadLetterConfig": dead, **target}])


def put(events, said: str = SECRET) -> None:
    entry = {"EventBusName": "b", "Source": "app", "DetailType": "t", "Detail": json.dumps({"said": said, "never": "x"})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def taken(sqs, name: str = "q") -> list[dict]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
    for each in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def said(sqs, name: str = "q") -> list[str]:
    return [json.loads(each["Body"])["detail"]["said"] for each in taken(sqs, name)]


def test_what_rules_say_and_what_waits_lie_sealed_and_reach_the_targets_after_a_kill(cloud, events, sqs, key):
    rule(events)
    rule(events, "constant", Input=json.dumps({"detail": {"said": f"always {SECRET}"}}))
    put(events)
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.sleep(1)
    assert sorted(said(sqs)) == [f"always {SECRET}", SECRET]
    assert events.describe_rule(Name="r", EventBusName="b")["EventPattern"] == PATTERN
    assert [each["EventPattern"] for each in events.list_rules(EventBusName="b")["Rules"]] == [PATTERN] * 2
    (target,) = events.list_targets_by_rule(Rule="constant", EventBusName="b")["Targets"]
    assert SECRET in target["Input"] and events.list_rule_names_by_target(TargetArn=QUEUE, EventBusName="b")["RuleNames"] == ["constant", "r"]
    events.tag_resource(ResourceARN=f"arn:aws:events:us-east-1:{ACCOUNT}:rule/b/r", Tags=[{"Key": "a", "Value": "b"}])
    assert on_disk(cloud) == []


def test_what_a_lost_key_keeps_from_the_bus_goes_to_its_own_dead_letter_queue(cloud, events, sqs, kms, key):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    rule(events)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    put(events)
    cloud.sleep(1)
    assert said(sqs) == []
    (message,) = taken(sqs, "lost")
    assert json.loads(message["Body"])["detail"]["said"] == SECRET
    assert "is disabled" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    code, text = refused(events.describe_rule, Name="r", EventBusName="b")
    assert code == "ValidationException" and "is disabled" in text
    kms.enable_key(KeyId=key)
    put(events)
    cloud.sleep(1)
    assert said(sqs) == [SECRET]


def test_what_a_lost_key_keeps_from_a_target_goes_to_the_target_s_dead_letter_queue_as_it_lies(cloud, events, sqs, kms, key):
    topic = cloud.client("sns", key=ACCOUNT).create_topic(Name="t")["TopicArn"]
    rule(events, Arn=topic)
    fault = cloud.fault("service.error", {"service": "sns"}, code="InternalError")
    put(events)
    cloud.sleep(1)
    kms.disable_key(KeyId=key)
    cloud.restart(kill=True)
    cloud.heal(fault)
    cloud.sleep(400)
    (message,) = taken(sqs, "dead")
    told = json.loads(message["Body"])
    assert told["detail-type"] == "Encrypted Events" and message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "KMS_ERROR"
    assert (told["detail"]["event-bus-arn"], told["detail"]["kms-key-arn"]) == (BUS, key)
    payload = base64.b64decode(told["detail"]["encrypted-payload"])
    kms.enable_key(KeyId=key)
    length = int.from_bytes(payload[:2])
    assert kms.decrypt(CiphertextBlob=payload[2 : 2 + length], EncryptionContext={"aws:events:event-bus:arn": BUS})["Plaintext"]


def test_only_the_key_s_policy_lets_eventbridge_use_it_and_for_the_bus_alone(cloud, events, sqs, kms, key):
    assert refused(events.create_event_bus, Name="another", KmsKeyIdentifier=key)[0] == "ValidationException"
    bare = kms.create_key()["KeyMetadata"]["Arn"]
    assert refused(events.create_event_bus, Name="another", KmsKeyIdentifier=bare)[0] == "ValidationException"
    assert refused(events.create_event_bus, Name="another", KmsKeyIdentifier=key[:-4] + "0000")[0] == "ValidationException"
    assert "another" not in [each["Name"] for each in events.list_event_buses()["EventBuses"]]


def test_an_update_encrypts_anew_what_rules_say_and_takes_a_key_away(cloud, events, sqs, kms, key):
    rule(events)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    allow(kms, other, "events.amazonaws.com", "kms:*", StringEquals={"aws:SourceArn": BUS})
    events.update_event_bus(Name="b", KmsKeyIdentifier=other)
    kms.disable_key(KeyId=key)
    cloud.restart(kill=True)
    put(events)
    cloud.sleep(1)
    assert said(sqs) == [SECRET]
    events.update_event_bus(Name="b")
    assert "KmsKeyIdentifier" not in events.describe_event_bus(Name="b")
    kms.disable_key(KeyId=other)
    cloud.restart(kill=True)
    put(events)
    cloud.sleep(1)
    assert said(sqs) == [SECRET]


def test_the_default_bus_takes_a_key_for_its_schedules_and_what_services_tell(cloud, events, sqs, kms):
    default = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    key = kms.create_key()["KeyMetadata"]["Arn"]
    allow(kms, key, "events.amazonaws.com", "kms:*")
    events.update_event_bus(Name="default", KmsKeyIdentifier=key)
    events.put_rule(Name="told", EventPattern='{"source":["aws.ssm"]}')
    events.put_rule(Name="timed", ScheduleExpression="rate(1 minute)")
    for name in ("told", "timed"):
        events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": QUEUE}])
    cloud.client("ssm", key=ACCOUNT).put_parameter(Name="/p", Value="v", Type="String")
    cloud.sleep(61)
    assert sorted(json.loads(each["Body"])["detail-type"] for each in taken(sqs)) == ["Parameter Store Change", "Scheduled Event"]
    assert events.describe_event_bus()["Arn"] == default


def test_an_archive_lies_sealed_and_is_heard_again(cloud, events, sqs, kms, key):
    events.update_event_bus(Name="b")
    events.create_archive(ArchiveName="a", EventSourceArn=BUS, EventPattern=PATTERN.replace("never", "ever"), KmsKeyIdentifier=key)
    shown = events.describe_archive(ArchiveName="a")
    assert (shown["KmsKeyIdentifier"], SECRET in shown["EventPattern"]) == (key, True)
    events.update_archive(ArchiveName="a", EventPattern='{"source":["app"]}')
    begin = cloud.now()
    put(events)
    cloud.sleep(1)
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 1
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    rule(events)
    replay = {"EventSourceArn": shown["ArchiveArn"], "EventStartTime": begin, "EventEndTime": cloud.now() + 1, "Destination": {"Arn": BUS}}
    events.start_replay(ReplayName="one", **replay)
    cloud.sleep(1)
    assert said(sqs) == [SECRET] and events.describe_replay(ReplayName="one")["State"] == "COMPLETED"
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    events.start_replay(ReplayName="two", **replay)
    put(events, "not kept")
    cloud.sleep(1)
    failed = events.describe_replay(ReplayName="two")
    assert failed["State"] == "FAILED" and "is disabled" in failed["StateReason"]
    assert said(sqs) == ["not kept"]
