"""Multipart uploads."""

import base64
import hashlib
import os
import zlib

import pytest
from botocore.exceptions import ClientError
from refusals import refused_status

from kumoniwa.wire.checksum import checksum, composite

MEGABYTES_5 = 5 << 20
FIRST, LAST = b"a" * MEGABYTES_5, b"the end"


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    return client


def begin(s3, **more):
    return s3.create_multipart_upload(Bucket="box", Key="k", **more)["UploadId"]


def part(s3, id, number, content, **more):
    return s3.upload_part(Bucket="box", Key="k", UploadId=id, PartNumber=number, Body=content, **more)["ETag"]


def complete(s3, id, *parts, **more):
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return s3.complete_multipart_upload(
        Bucket="box", Key="k", UploadId=id, MultipartUpload={"Parts": listed}, **more
    )


def test_parts_become_one_object(s3):
    id = begin(s3, Metadata={"a": "1"}, ContentType="text/x", Tagging="t=1")
    last, first = part(s3, id, 7, LAST), part(s3, id, 2, FIRST)
    done = complete(s3, id, (2, first), (7, last))
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    got = s3.get_object(Bucket="box", Key="k")
    assert got["Body"].read() == FIRST + LAST
    assert (got["Metadata"], got["ContentType"], got["TagCount"], got["ETag"]) == (
        {"a": "1"},
        "text/x",
        1,
        done["ETag"],
    )
    across = s3.get_object(Bucket="box", Key="k", Range=f"bytes={MEGABYTES_5 - 3}-{MEGABYTES_5 + 2}")
    assert across["Body"].read() == b"aaathe"
    assert refused_status(s3.list_parts, Bucket="box", Key="k", UploadId=id) == (404, "NoSuchUpload")


def test_completing_again_answers_the_same_and_does_nothing(cloud, s3):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html: a client may have to retry.
    id = begin(s3)
    parts = (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST))
    done = complete(s3, id, *parts)
    modified = s3.head_object(Bucket="box", Key="k")["LastModified"]
    cloud.sleep(60)
    again = complete(s3, id, *parts)
    assert [again[name] for name in ("ETag", "Location", "Key")] == [
        done[name] for name in ("ETag", "Location", "Key")
    ]
    assert s3.head_object(Bucket="box", Key="k")["LastModified"] == modified
    with pytest.raises(ClientError, match="NoSuchUpload"):
        complete(s3, id, parts[0])
    s3.put_object(Bucket="box", Key="k", Body=b"another")
    with pytest.raises(ClientError, match="NoSuchUpload"):
        complete(s3, id, *parts)


def test_a_part_of_the_object_is_read_by_its_number(s3):
    id = begin(s3)
    complete(s3, id, (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST)))
    got = s3.get_object(Bucket="box", Key="k", PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"], got["ResponseMetadata"]["HTTPStatusCode"]) == (
        LAST,
        2,
        206,
    )
    assert got["ContentRange"] == f"bytes {MEGABYTES_5}-{MEGABYTES_5 + 6}/{MEGABYTES_5 + 7}"
    assert s3.head_object(Bucket="box", Key="k", PartNumber=1)["ContentLength"] == MEGABYTES_5
    assert refused_status(s3.get_object, Bucket="box", Key="k", PartNumber=3) == (416, "InvalidPartNumber")


def test_the_whole_has_a_checksum_although_nobody_asked(s3):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html: CRC64NVME by default.
    id = begin(s3)
    done = complete(s3, id, (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST, ChecksumAlgorithm="SHA1")))
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (
        checksum("CRC64NVME", FIRST + LAST),
        "FULL_OBJECT",
    )


def test_a_full_object_checksum_is_the_wholes(s3):
    id = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST))
    whole = base64.b64encode(zlib.crc32(FIRST + LAST).to_bytes(4, "big")).decode()
    assert refused_status(complete, s3=s3, id=id, ChecksumCRC32="AAAAAA==") == (400, "MalformedXML")
    with pytest.raises(ClientError, match="BadDigest"):
        complete(s3, id, *parts, ChecksumCRC32="AAAAAA==")
    assert complete(s3, id, *parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")["ChecksumCRC32"] == whole


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA512", "XXHASH3"])
def test_a_composite_checksum_is_one_of_checksums(s3, algorithm):
    # That the newer ones are composite alone is known of no record: nobody could make the whole's of the parts'.
    name = f"Checksum{algorithm}"
    assert refused_status(s3.create_multipart_upload, Bucket="box", Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT") == (
        400, "InvalidRequest",
    )  # fmt: skip
    id = begin(s3, ChecksumAlgorithm=algorithm)
    parts = []
    for number, content in ((1, FIRST), (2, LAST)):
        made = s3.upload_part(
            Bucket="box", Key="k", UploadId=id, PartNumber=number, Body=content, ChecksumAlgorithm=algorithm
        )
        parts.append({"PartNumber": number, "ETag": made["ETag"], name: made[name]})
    bare = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in parts]
    asked = {"Bucket": "box", "Key": "k", "UploadId": id}
    assert refused_status(s3.complete_multipart_upload, **asked, MultipartUpload={"Parts": bare}) == (
        400,
        "InvalidRequest",
    )
    done = s3.complete_multipart_upload(**asked, MultipartUpload={"Parts": parts})
    assert done[name] == composite(algorithm, [each[name] for each in parts])
    assert done["ChecksumType"] == "COMPOSITE"
    whole = s3.get_object_attributes(
        Bucket="box", Key="k", ObjectAttributes=["Checksum", "ObjectParts", "ETag"], MaxParts=1
    )
    # Without the number of parts: localstack's test_complete_multipart_parts_checksum_composite.
    assert whole["Checksum"] == {name: done[name].removesuffix("-2"), "ChecksumType": "COMPOSITE"}
    told = whole["ObjectParts"]
    assert (told["TotalPartsCount"], told["IsTruncated"], told["Parts"][0]["Size"]) == (2, True, MEGABYTES_5)


def test_faults_of_completing_are_told_and_leave_the_upload(s3):
    id = begin(s3)
    small, first, last = part(s3, id, 1, b"small"), part(s3, id, 2, FIRST), part(s3, id, 3, LAST)
    asked = {"Bucket": "box", "Key": "k", "UploadId": id}

    def fault(*parts):
        listed = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        return refused_status(s3.complete_multipart_upload, **asked, MultipartUpload=listed)

    assert fault((1, small), (2, first)) == (400, "EntityTooSmall")
    assert fault((3, last), (2, first)) == (400, "InvalidPartOrder")
    assert fault((2, last), (3, last)) == (400, "InvalidPart")
    assert fault((2, first), (9, last)) == (400, "InvalidPart")
    assert fault() == (400, "MalformedXML")
    assert refused_status(
        s3.complete_multipart_upload,
        Bucket="box",
        Key="k",
        UploadId="none",
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": small}]},
    ) == (404, "NoSuchUpload")
    assert len(s3.list_parts(**asked)["Parts"]) == 3
    complete(s3, id, (2, first), (3, last))
    assert s3.head_object(Bucket="box", Key="k")["ContentLength"] == MEGABYTES_5 + len(LAST)


def test_part_numbers_have_bounds(s3):
    id = begin(s3)
    for number in (0, 10_001):
        assert refused_status(s3.upload_part, Bucket="box", Key="k", UploadId=id, PartNumber=number, Body=b"") == (
            400,
            "InvalidArgument",
        )


def test_a_part_is_replaced_and_its_file_goes(cloud, s3):
    id = begin(s3)
    part(s3, id, 1, FIRST)
    etag = part(s3, id, 1, LAST)
    complete(s3, id, (1, etag))
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == LAST
    assert _files(cloud) == 1


def _files(cloud):
    cloud.sleep(0.01)
    return sum(
        len(names)
        for _, _, names in os.walk(cloud.regions["us-east-1"].store.blobs("000000000000", "s3").folder)
    )


def test_aborting_leaves_nothing(cloud, s3):
    id = begin(s3)
    part(s3, id, 1, FIRST)
    s3.abort_multipart_upload(Bucket="box", Key="k", UploadId=id)
    assert _files(cloud) == 0
    assert refused_status(s3.list_parts, Bucket="box", Key="k", UploadId=id) == (404, "NoSuchUpload")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="box")


@pytest.mark.parametrize("completes", [True, False])
def test_what_has_ended_may_be_aborted_for_another_day(cloud, s3, completes):
    """AWS's SDK for Python aborts in its clean-up what it has completed: boto3's test_s3_multipart. The time:
    https://github.com/beyondstorage/go-storage/issues/963"""
    upload = {"Bucket": "box", "Key": "k", "UploadId": begin(s3)}
    listed = {"Parts": [{"PartNumber": 1, "ETag": part(s3, upload["UploadId"], 1, LAST)}]}
    if completes:
        s3.complete_multipart_upload(MultipartUpload=listed, **upload)
    for _ in range(2):
        s3.abort_multipart_upload(**upload)
    assert ("Contents" in s3.list_objects_v2(Bucket="box")) == completes
    assert refused_status(s3.abort_multipart_upload, **upload | {"Key": "other"}) == (404, "NoSuchUpload")
    cloud.sleep(86_400)
    assert refused_status(s3.abort_multipart_upload, **upload) == (404, "NoSuchUpload")


def test_overwriting_an_object_of_parts_removes_their_files(cloud, s3):
    id = begin(s3)
    complete(s3, id, (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST)))
    assert _files(cloud) == 2
    s3.put_object(Bucket="box", Key="k", Body=b"small")
    assert _files(cloud) == 0


def test_parts_and_uploads_are_listed_in_pages(s3):
    id = begin(s3)
    for number in (1, 2, 3):
        part(s3, id, number, b"x")
    page = s3.list_parts(Bucket="box", Key="k", UploadId=id, MaxParts=2)
    assert (
        [each["PartNumber"] for each in page["Parts"]],
        page["NextPartNumberMarker"],
        page["IsTruncated"],
    ) == ([1, 2], 2, True)
    made = sorted(("k", begin(s3)) for _ in range(2)) + [
        ("z/1", s3.create_multipart_upload(Bucket="box", Key="z/1")["UploadId"])
    ]
    pages = list(
        s3.get_paginator("list_multipart_uploads").paginate(Bucket="box", PaginationConfig={"PageSize": 2})
    )
    assert [
        (each["Key"], each["UploadId"]) for each in sum((page["Uploads"] for page in pages), [])
    ] == sorted([("k", id), *made])
    assert s3.list_multipart_uploads(Bucket="box", Delimiter="/")["CommonPrefixes"] == [{"Prefix": "z/"}]


def test_parts_are_copied_from_objects(s3):
    s3.put_object(Bucket="box", Key="source", Body=FIRST + LAST)
    id = begin(s3)
    source = {"Bucket": "box", "Key": "source"}
    asked = {"Bucket": "box", "Key": "k", "UploadId": id, "CopySource": source}
    first = s3.upload_part_copy(**asked, PartNumber=1, CopySourceRange=f"bytes=0-{MEGABYTES_5 - 1}")[
        "CopyPartResult"
    ]["ETag"]
    second = s3.upload_part_copy(
        **asked, PartNumber=2, CopySourceRange=f"bytes={MEGABYTES_5}-{MEGABYTES_5 + 6}"
    )["CopyPartResult"]["ETag"]
    assert first == f'"{hashlib.md5(FIRST).hexdigest()}"'
    complete(s3, id, (1, first), (2, second))
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == FIRST + LAST
    assert refused_status(s3.upload_part_copy, **asked, PartNumber=1, CopySourceRange="bytes=0-99999999") == (
        404,
        "NoSuchUpload",
    )


def test_a_copy_of_parts_is_whole(s3):
    # CopyObject makes one part of it: its entity tag is an MD5 again.
    id = begin(s3)
    complete(s3, id, (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST)))
    s3.copy_object(Bucket="box", Key="copy", CopySource={"Bucket": "box", "Key": "k"})
    got = s3.get_object(Bucket="box", Key="copy")
    assert got["ETag"] == f'"{hashlib.md5(FIRST + LAST).hexdigest()}"'
    assert got["Body"].read() == FIRST + LAST


def test_encrypted_parts_are_read_across(s3):
    id = begin(s3, ServerSideEncryption="AES256")
    complete(s3, id, (1, part(s3, id, 1, FIRST)), (2, part(s3, id, 2, LAST)))
    got = s3.get_object(Bucket="box", Key="k", Range=f"bytes={MEGABYTES_5 - 5}-{MEGABYTES_5 + 3}")
    assert (got["Body"].read(), got["ServerSideEncryption"], got["ContentLength"]) == (
        b"aaaaathe ",
        "AES256",
        9,
    )


def test_an_upload_survives_its_region(cloud, s3):
    id = begin(s3)
    first = part(s3, id, 1, FIRST)
    cloud.restart(kill=True)
    complete(s3, id, (1, first), (2, part(s3, id, 2, LAST)))
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == FIRST + LAST


def test_what_is_posted_to_a_key_names_an_upload(cloud):
    cloud.client("s3").create_bucket(Bucket="posted")
    claim = "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    status, _, body = cloud.http("POST", "/posted/k?Action=", headers={"authorization": claim, "x-amz-date": "20300101T000000Z"})
    assert status == 405 and b"MethodNotAllowed" in body
