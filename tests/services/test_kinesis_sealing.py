"""Kinesis: streams whose records are encrypted under a key of KMS."""

from __future__ import annotations

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, on_disk


@pytest.fixture
def kinesis(cloud, key):
    kinesis = cloud.client("kinesis", key=ACCOUNT)
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=key)
    return kinesis


def got(kinesis) -> list[tuple[str, bytes]]:
    place = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    return [(each["PartitionKey"], each["Data"]) for each in kinesis.get_records(ShardIterator=place)["Records"]]


def test_a_record_comes_out_as_it_went_in_and_is_not_on_the_disk(cloud, kinesis, key):
    put = kinesis.put_record(StreamName="s", PartitionKey=f"p {SECRET}", Data=SECRET.encode())
    assert put["EncryptionType"] == "KMS"
    many = kinesis.put_records(StreamName="s", Records=[{"PartitionKey": f"{n}", "Data": f"{n} {SECRET}".encode()} for n in range(3)])
    assert many["EncryptionType"] == "KMS" and many["FailedRecordCount"] == 0
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert got(kinesis) == [(f"p {SECRET}", SECRET.encode())] + [(f"{n}", f"{n} {SECRET}".encode()) for n in range(3)]
    shown = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]
    assert (shown["EncryptionType"], shown["KeyId"]) == ("KMS", key)


def test_encryption_begins_and_ends_for_what_comes_then(cloud, kinesis, key, kms):
    kinesis.put_record(StreamName="s", PartitionKey="1", Data=b"1")
    kinesis.stop_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=key)
    kinesis.put_record(StreamName="s", PartitionKey="2", Data=b"2")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=other)
    kinesis.put_record(StreamName="s", PartitionKey="3", Data=b"3")
    place = kinesis.get_shard_iterator(StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = kinesis.get_records(ShardIterator=place)["Records"]
    assert [(each["Data"], each.get("EncryptionType")) for each in found] == [(b"1", "KMS"), (b"2", None), (b"3", "KMS")]


def test_a_disabled_key_stops_puts_and_gets(cloud, kinesis, kms, key):
    kinesis.put_record(StreamName="s", PartitionKey="1", Data=b"1")
    kms.disable_key(KeyId=key)
    assert got(kinesis) == [("1", b"1")]  # for as long as data keys are used again
    cloud.sleep(301)
    assert refused(kinesis.put_record, StreamName="s", PartitionKey="1", Data=b"1") == ("KMSDisabledException", f"{key} is disabled.")
    assert refused(kinesis.put_records, StreamName="s", Records=[{"PartitionKey": "1", "Data": b"1"}])[0] == "KMSDisabledException"
    assert refused(got, kinesis=kinesis)[0] == "KMSDisabledException"
    kms.enable_key(KeyId=key)
    assert got(kinesis) == [("1", b"1")]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.sleep(301)
    assert refused(got, kinesis=kinesis)[0] == "KMSInvalidStateException"


def test_keys_that_cannot_encrypt_are_refused(kinesis, kms, key):
    start = kinesis.start_stream_encryption
    assert refused(start, StreamName="s", EncryptionType="KMS", KeyId=key[:-12] + "000000000000")[0] == "KMSNotFoundException"
    kms.disable_key(KeyId=key)
    assert refused(start, StreamName="s", EncryptionType="KMS", KeyId=key)[0] == "KMSDisabledException"
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert refused(start, StreamName="s", EncryptionType="KMS", KeyId=signing)[0] == "InvalidArgumentException"
    start(StreamName="s", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.put_record(StreamName="s", PartitionKey="1", Data=b"1")
    assert got(kinesis) == [("1", b"1")]


def test_a_producer_needs_the_data_key_and_a_consumer_its_opening(cloud, kinesis):
    """https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html"""
    alice = User(cloud)
    alice.may("kinesis:*")
    assert refused(alice.client("kinesis").put_record, StreamName="s", PartitionKey="1", Data=b"1")[0] == "KMSAccessDeniedException"
    alice.may("kinesis:*", "kms:GenerateDataKey")
    alice.client("kinesis").put_record(StreamName="s", PartitionKey="1", Data=b"1")
    assert got(kinesis) == [("1", b"1")]
    bob = User(cloud, "bob")
    bob.may("kinesis:*", "kms:GenerateDataKey")
    assert refused(got, kinesis=bob.client("kinesis"))[0] == "KMSAccessDeniedException"
    bob.may("kinesis:*", "kms:Decrypt")
    assert got(bob.client("kinesis")) == [("1", b"1")]


def test_opening_a_key_counts_no_read_and_no_write_twice(cloud, kinesis):
    kinesis.put_record(StreamName="s", PartitionKey="1", Data=b"1")
    cloud.restart(kill=True)
    for _ in range(5):
        got(kinesis)
    assert refused(got, kinesis=kinesis)[0] == "ProvisionedThroughputExceededException"


def test_who_is_subscribed_is_told_what_was_sealed(cloud, kinesis):
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.put_record(StreamName="s", PartitionKey="1", Data=b"1")
    cloud.restart(kill=True)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    events = kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"}
    )["EventStream"]
    told = [record for event in events for record in event["SubscribeToShardEvent"]["Records"]]
    assert [(each["Data"], each["EncryptionType"]) for each in told] == [(b"1", "KMS")]
