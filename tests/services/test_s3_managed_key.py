"""S3: objects encrypted under keys of KMS. Refusals as localstack's test_s3_sse_validate_kms_key recorded them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from refusals import refused

ACCOUNT = "111111111111"
SECRET = b"nobody may read this on the disk "
KMS = {"ServerSideEncryption": "aws:kms"}


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3", key=ACCOUNT)
    client.create_bucket(Bucket="box")
    return client


def read(s3, key="o", **more) -> bytes:
    return s3.get_object(Bucket="box", Key=key, **more)["Body"].read()


@pytest.mark.parametrize("size", [0, 1, 33, 100_000, 9_000_000])
def test_an_object_is_what_it_was_and_its_bytes_are_not_on_the_disk(cloud, s3, key, size):
    body = (SECRET * (size // len(SECRET) + 1))[:size]
    put = s3.put_object(Bucket="box", Key="o", Body=body, SSEKMSKeyId=key, **KMS)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    got = s3.get_object(Bucket="box", Key="o")
    assert got["Body"].read() == body and (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", key)
    head = s3.head_object(Bucket="box", Key="o")
    assert (head["ContentLength"], head["SSEKMSKeyId"]) == (size, key)
    if size > 50:
        assert read(s3, Range="bytes=17-49") == body[17:50]
        assert not any(SECRET in path.read_bytes() for path in Path(cloud.folder).rglob("*") if path.is_file())


def test_a_key_that_is_disabled_keeps_its_objects_shut(cloud, s3, kms, key):
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    kms.disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket="box", Key="o") == ("KMS.DisabledException", f"{key} is disabled.")
    assert refused(s3.put_object, Bucket="box", Key="p", SSEKMSKeyId=key, **KMS)[0] == "KMS.DisabledException"
    assert s3.head_object(Bucket="box", Key="o")["SSEKMSKeyId"] == key
    cloud.restart(kill=True)
    kms.enable_key(KeyId=key)
    assert read(s3) == SECRET


def test_a_key_that_is_not_there_is_refused_in_kms_words(s3):
    assert refused(s3.put_object, Bucket="box", Key="o", SSEKMSKeyId="fake-key-id", **KMS) == (
        "KMS.NotFoundException", "Invalid keyId 'fake-key-id'",
    )  # fmt: skip
    assert refused(s3.put_object, Bucket="box", Key="o", SSEKMSKeyId="fake-key-id")[0] == "InvalidArgument"
    assert refused(s3.put_object, Bucket="box", Key="o", ServerSideEncryption="aws:kms:dsse")[0] == "NotImplemented"


def test_without_a_key_awss_own_is_used(s3, kms):
    arn = s3.put_object(Bucket="box", Key="o", Body=SECRET, **KMS)["SSEKMSKeyId"]
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == arn and read(s3) == SECRET


def test_who_reads_needs_the_key_as_well_as_the_object(cloud, s3, key):
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName="alice")
    held = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = cloud.client("s3", key=held["AccessKeyId"], secret=held["SecretAccessKey"])

    def may(*actions):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps(document))

    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    may("s3:*")
    code, text = refused(alice.get_object, Bucket="box", Key="o")
    assert code == "AccessDenied" and f"is not authorized to perform: kms:Decrypt on resource: {key}" in text
    assert "kms:GenerateDataKey" in refused(alice.put_object, Bucket="box", Key="p", SSEKMSKeyId=key, **KMS)[1]
    may("s3:*", "kms:Decrypt")
    assert read(alice) == SECRET


def test_a_key_may_be_used_through_s3_alone(cloud, s3, kms, key):
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    through = {"StringNotEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    only = {"Effect": "Deny", "Principal": "*", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*", "Condition": through}
    document["Statement"].append(only)
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    assert read(s3) == SECRET
    assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256")[0] == "AccessDeniedException"


def test_the_bucket_speaks_for_who_says_nothing(s3, key):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="box", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(Bucket="box")["ServerSideEncryptionConfiguration"]["Rules"] == [rule | {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]
    put = s3.put_object(Bucket="box", Key="o", Body=SECRET)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert s3.get_object(Bucket="box", Key="o")["BucketKeyEnabled"] is True and read(s3) == SECRET
    assert "SSEKMSKeyId" not in s3.put_object(Bucket="box", Key="p", Body=SECRET, ServerSideEncryption="AES256")


def test_a_bucket_key_asks_kms_only_now_and_then(cloud, s3, kms, key):
    for name in "op":
        s3.put_object(Bucket="box", Key=name, Body=SECRET, SSEKMSKeyId=key, BucketKeyEnabled=True, **KMS)
    kms.disable_key(KeyId=key)
    assert read(s3, "o") == read(s3, "p") == SECRET
    cloud.sleep(301)
    assert refused(s3.get_object, Bucket="box", Key="p")[0] == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    cloud.restart(kill=True)
    assert read(s3, "o") == read(s3, "p") == SECRET


def test_an_object_in_parts_is_encrypted_part_by_part(cloud, s3, kms, key):
    begun = s3.create_multipart_upload(Bucket="box", Key="o", SSEKMSKeyId=key, **KMS)
    assert begun["SSEKMSKeyId"] == key
    bodies, asked = [os.urandom(5 << 20), SECRET], {"Bucket": "box", "Key": "o", "UploadId": begun["UploadId"]}
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**asked, PartNumber=n, Body=body)["ETag"]} for n, body in enumerate(bodies, 1)]
    done = s3.complete_multipart_upload(**asked, MultipartUpload={"Parts": parts})
    assert done["SSEKMSKeyId"] == key and read(s3) == b"".join(bodies)
    assert not any(SECRET in path.read_bytes() for path in Path(cloud.folder).rglob("*") if path.is_file())
    kms.disable_key(KeyId=key)
    begun = s3.create_multipart_upload(Bucket="box", Key="p")
    whence = {"CopySource": "box/o", "Bucket": "box", "Key": "p", "PartNumber": 1, "UploadId": begun["UploadId"]}
    assert refused(s3.upload_part_copy, **whence)[0] == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    assert s3.upload_part_copy(**whence)["CopyPartResult"]["ETag"]


def test_a_copy_is_encrypted_as_its_request_says(s3, kms, key):
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert s3.copy_object(Bucket="box", Key="p", CopySource="box/o", SSEKMSKeyId=other, **KMS)["SSEKMSKeyId"] == other
    assert "SSEKMSKeyId" not in s3.copy_object(Bucket="box", Key="q", CopySource="box/o")
    kms.disable_key(KeyId=key)
    assert read(s3, "p") == read(s3, "q") == SECRET
    assert refused(s3.copy_object, Bucket="box", Key="r", CopySource="box/o")[0] == "KMS.DisabledException"


def test_to_be_encrypted_otherwise_is_change_enough_for_a_copy_in_place(s3, key):
    """localstack's test_s3_copy_object_in_place_with_encryption."""
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    assert s3.copy_object(Bucket="box", Key="o", CopySource="box/o")["ServerSideEncryption"] == "AES256"
    assert read(s3) == SECRET
    assert refused(s3.copy_object, Bucket="box", Key="o", CopySource="box/o")[0] == "InvalidRequest"


def test_the_context_of_a_request_belongs_to_the_object(s3, key):
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, SSEKMSEncryptionContext="eyJhIjogIjEifQ==", **KMS)
    assert read(s3) == SECRET
    assert refused(s3.put_object, Bucket="box", Key="o", SSEKMSKeyId=key, SSEKMSEncryptionContext="e30", **KMS)[0] == "InvalidArgument"


def test_who_did_not_sign_reads_nothing_that_a_key_protects(cloud, s3, key):
    s3.put_public_access_block(Bucket="box", PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    open_ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/*"}
    s3.put_bucket_policy(Bucket="box", Policy=json.dumps({"Version": "2012-10-17", "Statement": open_}))
    s3.put_object(Bucket="box", Key="o", Body=SECRET, SSEKMSKeyId=key, **KMS)
    status, _, body = cloud.http("GET", "/box/o")
    assert status == 400 and b"require AWS Signature Version 4" in body
