"""Objects encrypted with keys that their clients bring (SSE-C).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

import base64
import hashlib
import os
from pathlib import Path

import pytest
from refusals import refused_fully
from services.customer_keys import allow_customer_keys, block

WRONG_MD5 = base64.b64encode(bytes(16)).decode()
KEY, OTHER = b"k" * 32, b"o" * 32
LARGE = b"a secret that is written again and again. " * 200_000


def with_key(key, prefix=""):
    return {prefix + "SSECustomerAlgorithm": "AES256", prefix + "SSECustomerKey": key}


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    allow_customer_keys(client, "box")
    return client


def refused(method, **params) -> tuple[int, str, str]:
    return refused_fully(method, Bucket="box", Key="k", **params)


@pytest.mark.parametrize("content", [b"", b"small and secret", LARGE])
def test_only_the_key_opens_what_it_encrypted(s3, content):
    told = s3.put_object(Bucket="box", Key="k", Body=content, **with_key(KEY))
    md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert (told["SSECustomerAlgorithm"], told["SSECustomerKeyMD5"]) == ("AES256", md5)
    assert told["ETag"] != f'"{hashlib.md5(content).hexdigest()}"'
    got = s3.get_object(Bucket="box", Key="k", **with_key(KEY))
    assert (got["Body"].read(), got["SSECustomerKeyMD5"], got["ETag"]) == (content, md5, told["ETag"])
    if content:
        part = s3.get_object(Bucket="box", Key="k", Range="bytes=3-9", **with_key(KEY))
        assert part["Body"].read() == content[3:10]
    assert refused(s3.get_object)[:2] == (400, "InvalidRequest")
    assert refused(s3.get_object, **with_key(OTHER))[:2] == (403, "AccessDenied")
    # A HEAD answer has no body, so that its status is all that a client is told.
    assert refused(s3.head_object)[0] == 400
    assert refused(s3.head_object, **with_key(OTHER))[0] == 403
    assert s3.head_object(Bucket="box", Key="k", **with_key(KEY))["ContentLength"] == len(content)


def test_a_key_for_an_object_without_one_is_refused(s3):
    s3.put_object(Bucket="box", Key="k", Body=b"plain")
    status, code, text = refused(s3.get_object, **with_key(KEY))
    assert (status, code) == (400, "InvalidRequest") and "not applicable" in text


@pytest.mark.parametrize(
    "given, words",
    [
        ({"SSECustomerAlgorithm": "AES256"}, "an appropriate secret key"),
        ({"SSECustomerKey": KEY}, "a valid encryption algorithm"),
        ({"SSECustomerAlgorithm": "AES128", "SSECustomerKey": KEY}, "Supported value: AES256"),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"short"}, "secret key was invalid"),
        (
            {**with_key(base64.b64encode(KEY).decode()), "SSECustomerKeyMD5": WRONG_MD5},
            "did not match the hash",
        ),
        ({**with_key(KEY), "ServerSideEncryption": "AES256"}, "incompatible with the encryption method"),
    ],
)
def test_a_key_must_be_whole(s3, given, words):
    status, _, text = refused(s3.put_object, Body=b"x", **given)
    assert status == 400 and words in text
    assert "Contents" not in s3.list_objects_v2(Bucket="box")


def test_what_stands_on_disk_is_neither_the_text_nor_the_key(cloud, s3, tmp_path):
    s3.put_object(Bucket="box", Key="k", Body=LARGE, **with_key(KEY))
    s3.put_object(Bucket="box", Key="small", Body=b"small and secret", **with_key(KEY))
    cloud.restart(kill=True)
    assert s3.get_object(Bucket="box", Key="k", **with_key(KEY))["Body"].read() == LARGE
    stored = [file.read_bytes() for file in Path(tmp_path).rglob("*") if file.is_file()]
    assert any(len(content) == len(LARGE) for content in stored)
    for content in stored:
        assert b"written again" not in content and b"small and secret" not in content
        assert KEY not in content and base64.b64encode(KEY) not in content


def test_copies_are_opened_with_one_key_and_closed_with_another(s3):
    s3.put_object(Bucket="box", Key="source", Body=LARGE, **with_key(KEY))
    copied = {"CopySource": "box/source"}
    assert refused(s3.copy_object, **copied)[:2] == (400, "InvalidRequest")
    assert refused(s3.copy_object, **copied, **with_key(OTHER, "CopySource"))[:2] == (403, "AccessDenied")
    told = s3.copy_object(Bucket="box", Key="k", **copied, **with_key(KEY, "CopySource"), **with_key(OTHER))
    assert told["SSECustomerAlgorithm"] == "AES256"
    assert s3.get_object(Bucket="box", Key="k", **with_key(OTHER))["Body"].read() == LARGE
    s3.copy_object(Bucket="box", Key="k", **copied, **with_key(KEY, "CopySource"))
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == LARGE


def test_all_parts_of_an_upload_bring_its_key(s3):
    first, last = os.urandom(5 << 20), b"the end"
    id = s3.create_multipart_upload(Bucket="box", Key="k", **with_key(KEY))["UploadId"]
    part = {"UploadId": id, "PartNumber": 1, "Body": first}
    assert "Subsequent part requests" in refused(s3.upload_part, **part)[2]
    assert "did not match the ones used originally" in refused(s3.upload_part, **part, **with_key(OTHER))[2]
    s3.put_object(Bucket="box", Key="tail", Body=last)
    etags = [s3.upload_part(Bucket="box", Key="k", **part, **with_key(KEY))["ETag"]]
    tail = s3.upload_part_copy(
        Bucket="box", Key="k", UploadId=id, PartNumber=2, CopySource="box/tail", **with_key(KEY)
    )
    etags.append(tail["CopyPartResult"]["ETag"])
    asked = {"Bucket": "box", "Key": "k", "UploadId": id}

    def spelled(key):  # botocore encodes it for other operations, not for this one
        whole = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(key).decode()}
        return {**whole, "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode()}

    assert len(s3.list_parts(**asked, **spelled(KEY))["Parts"]) == len(s3.list_parts(**asked)["Parts"]) == 2
    assert "did not match the ones used originally" in refused(s3.list_parts, UploadId=id, **spelled(OTHER))[2]
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(Bucket="box", Key="k", UploadId=id, MultipartUpload={"Parts": listed})
    assert s3.get_object(Bucket="box", Key="k", **with_key(KEY))["Body"].read() == first + last
    across = s3.get_object(Bucket="box", Key="k", Range=f"bytes={(5 << 20) - 5}-", **with_key(KEY))
    assert across["Body"].read() == first[-5:] + last
    assert refused(s3.get_object)[:2] == (400, "InvalidRequest")


def test_completing_an_upload_with_a_checksum_takes_its_key(s3):
    id = s3.create_multipart_upload(Bucket="box", Key="k", ChecksumAlgorithm="CRC32", **with_key(KEY))["UploadId"]
    part = s3.upload_part(Bucket="box", Key="k", UploadId=id, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32", **with_key(KEY))
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]}
    assert "Subsequent part requests" in refused(s3.complete_multipart_upload, UploadId=id, MultipartUpload=listed)[2]
    s3.complete_multipart_upload(Bucket="box", Key="k", UploadId=id, MultipartUpload=listed, **with_key(KEY))
    assert s3.get_object(Bucket="box", Key="k", **with_key(KEY))["Body"].read() == b"x"


def blocked(s3, bucket="box") -> list[str]:
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return rule["BlockedEncryptionTypes"]["EncryptionType"]


def test_new_buckets_take_no_keys_of_clients(cloud):
    """Since April 2026, but for two regions: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-s3-c-encryption-setting-faq.html"""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="box")
    denied = (403, "AccessDenied", "Access Denied")
    assert blocked(s3) == ["SSE-C"]
    assert refused(s3.put_object, Body=b"x", **with_key(KEY)) == denied
    # A key that is none is not looked at: https://github.com/ministackorg/ministack/pull/1439
    assert refused(s3.put_object, Body=b"x", SSECustomerAlgorithm="AES128", SSECustomerKey=b"short") == denied
    assert refused(s3.create_multipart_upload, **with_key(KEY)) == denied
    s3.put_object(Bucket="box", Key="plain", Body=b"x")
    assert refused(s3.copy_object, CopySource="box/plain", **with_key(KEY)) == denied
    id = s3.create_multipart_upload(Bucket="box", Key="k")["UploadId"]
    assert refused(s3.upload_part, UploadId=id, PartNumber=1, Body=b"x", **with_key(KEY)) == denied
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="box")["Contents"]] == ["plain"]


@pytest.mark.parametrize("region", ["me-south-1", "me-central-1"])
def test_two_regions_still_take_them(cloud, region):
    cloud.region(region)
    s3 = cloud.client("s3", region)
    s3.create_bucket(Bucket="open", CreateBucketConfiguration={"LocationConstraint": region})
    assert blocked(s3, "open") == ["NONE"]
    s3.put_object(Bucket="open", Key="k", Body=b"x", **with_key(KEY))


def test_what_was_written_before_keys_were_blocked_is_read_as_before(s3):
    s3.put_object(Bucket="box", Key="k", Body=b"old", **with_key(KEY))
    block(s3, "box", "SSE-C")
    assert refused(s3.put_object, Body=b"new", **with_key(KEY))[:2] == (403, "AccessDenied")
    assert s3.get_object(Bucket="box", Key="k", **with_key(KEY))["Body"].read() == b"old"
    copied = s3.copy_object(Bucket="box", Key="copy", CopySource="box/k", **with_key(KEY, "CopySource"))
    assert copied["ServerSideEncryption"] == "AES256"


def test_a_rule_that_says_nothing_of_blocked_types_leaves_them(s3):
    """So that Terraform planned the same change for ever: https://github.com/hashicorp/terraform-provider-aws/issues/47320"""
    for said in {}, {"BlockedEncryptionTypes": {"EncryptionType": []}}:
        for before in "NONE", "SSE-C":
            block(s3, "box", before)
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, **said}
            s3.put_bucket_encryption(Bucket="box", ServerSideEncryptionConfiguration={"Rules": [rule]})
            assert blocked(s3) == [before]


def test_types_are_blocked_without_a_word_on_the_algorithm(s3):
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    s3.put_bucket_encryption(Bucket="box", ServerSideEncryptionConfiguration={"Rules": [rule]})
    (told,) = s3.get_bucket_encryption(Bucket="box")["ServerSideEncryptionConfiguration"]["Rules"]
    assert told == rule | {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


def test_a_type_that_cannot_be_blocked_is_refused(s3):
    for types in ["SSE-S3"], ["NONE", "SSE-C"]:
        assert refused_fully(block, s3, "box", *types)[:2] == (400, "MalformedXML")
    assert blocked(s3) == ["NONE"]
