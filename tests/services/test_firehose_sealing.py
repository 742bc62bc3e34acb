"""Firehose: records that wait encrypted under a key of KMS, and files that are written so."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, on_disk


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3", key=ACCOUNT)
    client.create_bucket(Bucket="lake-files")
    return client


@pytest.fixture
def fh(cloud):
    return cloud.client("firehose", key=ACCOUNT)


def stream(cloud, fh, key=None, *more: str, **destination) -> None:
    iam = cloud.client("iam", key=ACCOUNT)
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="hose", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:*", *more], "Resource": "*"}}
    iam.put_role_policy(RoleName="hose", PolicyName="p", PolicyDocument=json.dumps(may))
    configuration = {"RoleARN": role, "BucketARN": "arn:aws:s3:::lake-files", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}}
    sealed = {"DeliveryStreamEncryptionConfigurationInput": {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}} if key else {}
    fh.create_delivery_stream(DeliveryStreamName="hose", ExtendedS3DestinationConfiguration=configuration | destination, **sealed)


def put(fh, text: str = SECRET) -> bool:
    return fh.put_record(DeliveryStreamName="hose", Record={"Data": text.encode()})["Encrypted"]


def files(s3) -> list[dict]:
    return [s3.get_object(Bucket="lake-files", Key=each["Key"]) for each in s3.list_objects_v2(Bucket="lake-files").get("Contents", [])]


def encryption(fh) -> dict:
    return fh.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]["DeliveryStreamEncryptionConfiguration"]


def test_what_waits_is_sealed_and_comes_out_as_it_went_in(cloud, fh, s3, kms, key):
    stream(cloud, fh, key)
    assert encryption(fh) == {"Status": "ENABLED", "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}
    assert put(fh) is True
    assert fh.put_record_batch(DeliveryStreamName="hose", Records=[{"Data": b" more"}])["Encrypted"] is True
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.sleep(70)
    (file,) = files(s3)
    assert file["Body"].read() == f"{SECRET} more".encode()
    fh.delete_delivery_stream(DeliveryStreamName="hose")
    cloud.sleep(1)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_files_are_written_under_the_key_of_the_destination(cloud, fh, s3, kms, key):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    stream(cloud, fh, key, "kms:GenerateDataKey", "kms:Decrypt", EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": other}})
    put(fh)
    cloud.sleep(70)
    (file,) = files(s3)
    assert (file["ServerSideEncryption"], file["SSEKMSKeyId"], file["Body"].read()) == ("aws:kms", other, SECRET.encode())
    assert on_disk(cloud) == []


def test_a_role_without_the_key_writes_no_file(cloud, fh, s3, key):
    stream(cloud, fh, None, EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": key}})
    put(fh)
    cloud.sleep(70)
    assert files(s3) == []


def test_encryption_begins_and_ends_while_records_wait(cloud, fh, s3, key):
    stream(cloud, fh)
    assert (encryption(fh), put(fh, "1")) == ({"Status": "DISABLED"}, False)
    fh.start_delivery_stream_encryption(DeliveryStreamName="hose")
    assert encryption(fh) == {"Status": "ENABLED", "KeyType": "AWS_OWNED_CMK"}
    assert put(fh, f"2 {SECRET}") is True
    fh.start_delivery_stream_encryption(
        DeliveryStreamName="hose", DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}
    )
    assert put(fh, f"3 {SECRET}") is True and on_disk(cloud) == []
    fh.stop_delivery_stream_encryption(DeliveryStreamName="hose")
    assert put(fh, "4") is False
    cloud.restart(kill=True)
    cloud.sleep(70)
    assert files(s3)[0]["Body"].read().decode() == f"12 {SECRET}3 {SECRET}4"


def test_a_disabled_key_stops_puts_and_what_waits_is_delivered_when_it_is_back(cloud, fh, s3, kms, key):
    stream(cloud, fh, key)
    put(fh)
    kms.disable_key(KeyId=key)
    cloud.restart(kill=True)
    assert refused(put, fh=fh) == ("InvalidKMSResourceException", f"{key} is disabled.")
    cloud.sleep(600)
    assert files(s3) == []
    kms.enable_key(KeyId=key)
    cloud.sleep(120)
    assert files(s3)[0]["Body"].read() == SECRET.encode()


def test_who_starts_it_must_be_allowed_to_let_firehose_in(cloud, fh, s3, kms, key):
    stream(cloud, fh)
    alice = User(cloud)
    alice.may("firehose:*", "kms:DescribeKey")
    wanted = {"DeliveryStreamName": "hose", "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}}
    assert refused(alice.client("firehose").start_delivery_stream_encryption, **wanted)[0] == "InvalidKMSResourceException"
    alice.may("firehose:*", "kms:DescribeKey", "kms:CreateGrant")
    alice.client("firehose").start_delivery_stream_encryption(**wanted)
    alice.may("firehose:PutRecord")
    assert put(alice.client("firehose")) is True
    kms.disable_key(KeyId=key)
    assert refused(fh.start_delivery_stream_encryption, **wanted)[0] == "InvalidKMSResourceException"
