"""Copies whose source lies in another region: https://docs.aws.amazon.com/AmazonS3/latest/userguide/copy-object.html"""

from __future__ import annotations

import hashlib
import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused_code
from services.customer_keys import allow_customer_keys

SMALL, LARGE = b"0123456789" * 10, bytes(range(256)) * 40_000


@pytest.fixture
def regions(cloud):
    cloud.region("eu-west-1")
    east, west = cloud.client("s3"), cloud.client("s3", "eu-west-1")
    east.create_bucket(Bucket="near")
    west.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return east, west


def test_a_copy_from_another_region_is_the_object_with_all_that_is_known_of_it(regions):
    east, west = regions
    for key, body in (("small", SMALL), ("large", LARGE)):
        west.put_object(Bucket="far", Key=key, Body=body, Metadata={"of": key}, ContentType="text/x", Tagging="a=1", CacheControl="no-store")
        copied = east.copy_object(Bucket="near", Key=key, CopySource={"Bucket": "far", "Key": key})
        got = east.get_object(Bucket="near", Key=key)
        assert got["Body"].read() == body and got["ETag"] == copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        assert (got["Metadata"], got["ContentType"], got["CacheControl"]) == ({"of": key}, "text/x", "no-store")
        assert east.get_object_tagging(Bucket="near", Key=key)["TagSet"] == [{"Key": "a", "Value": "1"}]
        west.delete_object(Bucket="far", Key=key)
        assert east.get_object(Bucket="near", Key=key)["Body"].read() == body


def test_parts_are_copied_from_another_region_by_their_range(regions):
    east, west = regions
    west.put_object(Bucket="far", Key="k", Body=LARGE)
    upload = east.create_multipart_upload(Bucket="near", Key="k")["UploadId"]
    parts = []
    for number, span in enumerate(("0-5242879", f"5242880-{len(LARGE) - 1}"), 1):
        result = east.upload_part_copy(
            Bucket="near", Key="k", UploadId=upload, PartNumber=number, CopySource="far/k", CopySourceRange=f"bytes={span}"
        )["CopyPartResult"]
        parts.append({"PartNumber": number, "ETag": result["ETag"]})
    east.complete_multipart_upload(Bucket="near", Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert east.get_object(Bucket="near", Key="k")["Body"].read() == LARGE


def test_an_old_version_is_copied_and_named(regions):
    east, west = regions
    west.put_bucket_versioning(Bucket="far", VersioningConfiguration={"Status": "Enabled"})
    old = west.put_object(Bucket="far", Key="k", Body=b"old")["VersionId"]
    west.put_object(Bucket="far", Key="k", Body=b"new")
    copied = east.copy_object(Bucket="near", Key="k", CopySource={"Bucket": "far", "Key": "k", "VersionId": old})
    assert copied["CopySourceVersionId"] == old and east.get_object(Bucket="near", Key="k")["Body"].read() == b"old"


def test_what_is_not_there_or_not_as_wished_is_refused_by_the_region_of_the_source(regions):
    east, west = regions
    west.put_object(Bucket="far", Key="k", Body=SMALL)
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/nothing") == "NoSuchKey"
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="nowhere/k") == "NoSuchBucket"
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/k", CopySourceIfMatch='"0"') == "PreconditionFailed"
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/k", ExpectedSourceBucketOwner="111111111111") == "AccessDenied"


def test_who_may_not_read_the_source_may_not_copy_it(cloud, regions):
    east, west = regions
    west.put_object(Bucket="far", Key="k", Body=SMALL)
    cloud.region("aws-global")
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    hers = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in statements]}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(document))

    allow(("s3:PutObject", "arn:aws:s3:::near/*"))
    assert refused_code(hers.copy_object, Bucket="near", Key="k", CopySource="far/k") == "AccessDenied"
    allow(("s3:PutObject", "arn:aws:s3:::near/*"), ("s3:GetObject", "arn:aws:s3:::far/*"))
    hers.copy_object(Bucket="near", Key="k", CopySource="far/k")
    assert east.get_object(Bucket="near", Key="k")["Body"].read() == SMALL


def test_what_a_key_of_the_other_region_encrypts_is_opened_there_and_encrypted_here(cloud, regions):
    east, west = regions
    kms = cloud.client("kms", "eu-west-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    west.put_object(Bucket="far", Key="k", Body=LARGE, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    copied = east.copy_object(Bucket="near", Key="k", CopySource="far/k")
    assert copied["ServerSideEncryption"] == "AES256" and east.get_object(Bucket="near", Key="k")["Body"].read() == LARGE
    kms.disable_key(KeyId=key)
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/k") == "KMS.DisabledException"


def test_what_the_customers_key_encrypts_needs_it(cloud, regions):
    east, west = regions
    key = b"k" * 32
    allow_customer_keys(west, "far")
    west.put_object(Bucket="far", Key="k", Body=SMALL, SSECustomerAlgorithm="AES256", SSECustomerKey=key)
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/k") == "InvalidRequest"
    east.copy_object(Bucket="near", Key="k", CopySource="far/k", CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=key)
    assert east.get_object(Bucket="near", Key="k")["Body"].read() == SMALL


def test_a_source_in_a_dark_region_leaves_what_was_there(cloud, regions):
    east, west = regions
    east.put_object(Bucket="near", Key="k", Body=b"before")
    west.put_object(Bucket="far", Key="k", Body=LARGE)
    east.copy_object(Bucket="near", Key="first", CopySource="far/k")
    cloud.kill("eu-west-1")
    assert refused_code(east.copy_object, Bucket="near", Key="k", CopySource="far/k") == "ServiceUnavailable"
    assert east.get_object(Bucket="near", Key="k")["Body"].read() == b"before"
    cloud.region("eu-west-1")
    east.copy_object(Bucket="near", Key="k", CopySource="far/k")
    assert east.get_object(Bucket="near", Key="k")["Body"].read() == LARGE


def test_a_source_that_is_replaced_while_it_is_copied_is_not_mixed(cloud, regions):
    east, west = regions
    west.put_object(Bucket="far", Key="k", Body=LARGE)
    east.copy_object(Bucket="near", Key="first", CopySource="far/k")
    cloud.fault("link.delay", {"link": "eu-west-1->us-east-1"}, rtt_add=2_000)
    copying = cloud.start(east.copy_object, Bucket="near", Key="k", CopySource="far/k")
    cloud.sleep(4)
    west.put_object(Bucket="far", Key="k", Body=LARGE[::-1])
    with pytest.raises(ClientError, match="OperationAborted"):
        cloud.wait(copying)


def test_a_large_answer_over_a_link_is_carried_whole(cloud, regions):
    """A stack in one region whose template lies in another: the object is larger than what rows hold."""
    _, west = regions
    template = {"Resources": {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(450)}, "Description": "x" * 1_000}
    body = json.dumps(template, indent=24).encode()
    assert len(body) > 70_000
    west.put_object(Bucket="far", Key="t.json", Body=body)
    summary = cloud.client("cloudformation").validate_template(TemplateURL="https://far.s3.eu-west-1.amazonaws.com/t.json")
    assert summary["Description"] == "x" * 1_000
