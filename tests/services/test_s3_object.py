"""Objects: put, get, ranges, conditions, metadata, checksums, copies."""

import base64
import hashlib
import json
import os
import zlib

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refused_status


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    return client


SMALL, LARGE = b"0123456789" * 10, bytes(range(256)) * 1000
"""One is kept in its row, the other in a file."""


def body(s3, key, **params):
    return s3.get_object(Bucket="box", Key=key, **params)["Body"].read()


@pytest.mark.parametrize("content", [b"", SMALL, b"x" * 65_536, b"x" * 65_537, LARGE, b"y" * 3_000_000])
def test_what_is_put_is_got(s3, content):
    put = s3.put_object(Bucket="box", Key="k", Body=content)
    assert put["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    assert body(s3, "k") == content
    assert s3.head_object(Bucket="box", Key="k")["ContentLength"] == len(content)


@pytest.mark.parametrize(
    "key",
    [
        "a/b",
        "a//b",
        "/lead",
        "tail/",
        "sp ace+plus",
        "ünï/日本",
        "per%cent",
        "..",
        "a/../b",
        "q?x=1&y",
        "#",
        "service/Logs/operation/PutEvents",  # as a call over another protocol is addressed
        "\n",
    ],
)
def test_a_key_is_any_text(s3, key):
    s3.put_object(Bucket="box", Key=key, Body=key.encode())
    assert body(s3, key) == key.encode()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="box")["Contents"]] == [key]


def test_a_key_of_1024_bytes_is_the_longest(s3):
    s3.put_object(Bucket="box", Key="k" * 1024)
    assert refused_status(s3.put_object, Bucket="box", Key="k" * 1025) == (400, "KeyTooLongError")
    assert refused_status(s3.put_object, Bucket="box", Key="ü" * 513) == (400, "KeyTooLongError")


def test_headers_and_metadata_come_back(s3):
    said = {
        "CacheControl": "max-age=60", "ContentDisposition": "attachment", "ContentEncoding": "gzip", "ContentLanguage": "de",
        "ContentType": "text/x", "WebsiteRedirectLocation": "/there", "StorageClass": "STANDARD_IA",
    }  # fmt: skip
    s3.put_object(Bucket="box", Key="k", Body=b"1", Metadata={"Color": "blue", "shape": "round"}, **said)
    for got in (s3.get_object(Bucket="box", Key="k"), s3.head_object(Bucket="box", Key="k")):
        assert {name: got[name] for name in said} == said
        assert got["Metadata"] == {"color": "blue", "shape": "round"}
        assert got["AcceptRanges"] == "bytes"


def test_without_a_type_it_is_an_octet_stream(s3):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html: binary/octet-stream is the default.
    s3.put_object(Bucket="box", Key="k")
    assert s3.head_object(Bucket="box", Key="k")["ContentType"] == "binary/octet-stream"


def test_too_much_metadata_is_refused(s3):
    assert refused_status(s3.put_object, Bucket="box", Key="k", Metadata={"a": "x" * 2048}) == (
        400,
        "MetadataTooLarge",
    )


def test_responses_can_be_dressed_otherwise(s3):
    s3.put_object(Bucket="box", Key="k", ContentType="text/plain")
    got = s3.get_object(
        Bucket="box", Key="k", ResponseContentType="text/html", ResponseCacheControl="no-cache"
    )
    assert (got["ContentType"], got["CacheControl"]) == ("text/html", "no-cache")


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=90-999999999", 90, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_range_is_answered_as_partial_content(s3, content, asked, start, end):
    s3.put_object(Bucket="box", Key="k", Body=content)
    got = s3.get_object(Bucket="box", Key="k", Range=asked)
    wanted = content[start:end]
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    first = content.index(wanted) if start < 0 else start
    assert (
        got["ContentRange"]
        == f"bytes {first if start >= 0 else len(content) + start}-{len(content) - 1 if end is None else end - 1}/{len(content)}"
    )
    assert got["Body"].read() == wanted
    assert s3.head_object(Bucket="box", Key="k", Range=asked)["ContentLength"] == len(wanted)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_is_not_satisfiable(s3, asked):
    s3.put_object(Bucket="box", Key="k", Body=SMALL)
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="box", Key="k", Range=asked)
    error = refused.value.response["Error"]
    assert (error["Code"], error["ActualObjectSize"], error["RangeRequested"]) == (
        "InvalidRange",
        "100",
        asked,
    )


@pytest.mark.parametrize("asked", ["bytes=9-3", "lines=1-2", "bytes=", "bytes=0-1,4-5", "nonsense"])
def test_a_range_that_says_nothing_is_ignored(s3, asked):
    s3.put_object(Bucket="box", Key="k", Body=SMALL)
    got = s3.get_object(Bucket="box", Key="k", Range=asked)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, SMALL)


def test_what_is_not_there_is_told_by_its_name(s3):
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="box", Key="missing")
    assert refused.value.response["Error"] == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "missing",
    }
    assert refused_status(s3.head_object, Bucket="box", Key="missing") == (404, "404")
    assert refused_status(s3.get_object, Bucket="missing", Key="k") == (404, "NoSuchBucket")


def test_deleting_what_is_not_there_succeeds(s3):
    assert s3.delete_object(Bucket="box", Key="missing")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_reads_depend_on_conditions(cloud, s3):
    etag = s3.put_object(Bucket="box", Key="k", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket="box", Key="k")["LastModified"]
    before = modified.replace(year=2029)
    assert body(s3, "k", IfMatch=etag) == b"1"
    assert refused_status(s3.get_object, Bucket="box", Key="k", IfMatch='"other"') == (412, "PreconditionFailed")
    assert refused_status(s3.get_object, Bucket="box", Key="k", IfNoneMatch=etag) == (304, "304")
    assert refused_status(s3.head_object, Bucket="box", Key="k", IfModifiedSince=modified) == (304, "304")
    assert refused_status(s3.get_object, Bucket="box", Key="k", IfUnmodifiedSince=before) == (
        412,
        "PreconditionFailed",
    )
    # A match outweighs the date: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    assert body(s3, "k", IfMatch=etag, IfUnmodifiedSince=before) == b"1"
    assert refused_status(s3.get_object, Bucket="box", Key="k", IfNoneMatch=etag, IfModifiedSince=before) == (
        304,
        "304",
    )


def test_a_304_has_an_entity_tag_and_no_body(cloud, s3):
    etag = s3.put_object(Bucket="box", Key="k", Body=b"1")["ETag"]
    signer = cloud.client("s3", signature_version="s3v4")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "k"})
    status, headers, content = cloud.http(
        "GET", url.removeprefix("http://localhost:4566"), headers={"if-none-match": etag}
    )
    assert (status, headers["ETag"], content) == (304, etag, b"") and "Content-Type" not in headers


def test_writes_depend_on_conditions(s3):
    etag = s3.put_object(Bucket="box", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=b"2", IfNoneMatch="*") == (
        412,
        "PreconditionFailed",
    )
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=b"2", IfMatch='"other"') == (
        412,
        "PreconditionFailed",
    )
    assert refused_status(s3.put_object, Bucket="box", Key="new", Body=b"2", IfMatch=etag) == (404, "NoSuchKey")
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=b"2", IfNoneMatch=etag) == (
        501,
        "NotImplemented",
    )
    assert body(s3, "k") == b"1"
    s3.put_object(Bucket="box", Key="k", Body=b"2", IfMatch=etag)
    assert body(s3, "k") == b"2"


@pytest.mark.parametrize("is_versioned", [False, True])
def test_deletions_depend_on_conditions(s3, is_versioned):
    # Measured: https://github.com/localstack/localstack/issues/13894, https://github.com/ministackorg/ministack/issues/1475
    if is_versioned:
        s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    for tag in ("*", '"other"'):
        assert refused_status(s3.delete_object, Bucket="box", Key="k", IfMatch=tag) == (404, "NoSuchKey")
    put = s3.put_object(Bucket="box", Key="k", Body=b"1")
    assert refused_status(s3.delete_object, Bucket="box", Key="k", IfMatch='"other"') == (412, "PreconditionFailed")
    told = s3.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "k", "ETag": '"other"'}, {"Key": "x", "ETag": "*"}]})
    assert [(error["Key"], error["Code"]) for error in told["Errors"]] == [("k", "PreconditionFailed"), ("x", "NoSuchKey")]
    if is_versioned:
        asked = {"Bucket": "box", "Key": "k", "VersionId": put["VersionId"], "IfMatch": put["ETag"]}
        assert refused_status(s3.delete_object, **asked) == (501, "NotImplemented")
    assert body(s3, "k") == b"1"
    s3.delete_object(Bucket="box", Key="k", IfMatch=put["ETag"])
    assert refused_status(s3.delete_object, Bucket="box", Key="k", IfMatch=put["ETag"]) == (404, "NoSuchKey")
    s3.put_object(Bucket="box", Key="k", Body=b"2")
    s3.delete_object(Bucket="box", Key="k", IfMatch="*")
    assert refused_status(s3.get_object, Bucket="box", Key="k") == (404, "NoSuchKey")


# Proofs of the body ----------------------------------------------------------------------------------


def test_a_wrong_md5_keeps_nothing(s3):
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=LARGE, ContentMD5=wrong) == (400, "BadDigest")
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=b"1", ContentMD5="short") == (
        400,
        "InvalidDigest",
    )
    assert "Contents" not in s3.list_objects_v2(Bucket="box")


@pytest.mark.parametrize(
    "algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128"]
)
def test_every_checksum_is_computed_proven_and_told(s3, algorithm):
    put = s3.put_object(Bucket="box", Key="k", Body=SMALL, ChecksumAlgorithm=algorithm)
    told = s3.head_object(Bucket="box", Key="k", ChecksumMode="ENABLED")
    assert told[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert told["ChecksumType"] == "FULL_OBJECT"
    assert body(s3, "k", ChecksumMode="ENABLED") == SMALL  # botocore proves it once more
    if algorithm == "CRC32":
        assert put["ChecksumCRC32"] == base64.b64encode(zlib.crc32(SMALL).to_bytes(4, "big")).decode()
    wrong = {
        f"Checksum{algorithm}": base64.b64encode(
            bytes(len(base64.b64decode(put[f"Checksum{algorithm}"])))
        ).decode()
    }
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=SMALL, **wrong) == (400, "BadDigest")
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=SMALL, **{f"Checksum{algorithm}": "AA=="}) == (
        400,
        "InvalidRequest",
    )


def test_a_digest_of_md5_may_be_an_objects_checksum(s3):
    # API_PutObject: x-amz-checksum-md5, which is kept and told, as Content-MD5 is not.
    proof = base64.b64encode(hashlib.md5(LARGE).digest()).decode()
    assert s3.put_object(Bucket="box", Key="k", Body=LARGE, ChecksumMD5=proof)["ChecksumMD5"] == proof
    assert s3.head_object(Bucket="box", Key="k", ChecksumMode="ENABLED")["ChecksumMD5"] == proof
    assert refused_status(s3.put_object, Bucket="box", Key="k", Body=SMALL, ChecksumMD5=proof) == (400, "BadDigest")
    s3.copy_object(Bucket="box", Key="c", CopySource="box/k", ChecksumAlgorithm="SHA512")
    whole = base64.b64encode(hashlib.sha512(LARGE).digest()).decode()
    assert s3.head_object(Bucket="box", Key="c", ChecksumMode="ENABLED")["ChecksumSHA512"] == whole


def test_a_body_that_is_not_the_one_an_issued_key_signed_is_refused(cloud, s3):
    iam = cloud.client("iam")
    iam.create_user(UserName="ada")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ada", PolicyName="s3", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    hers = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def swap(request, **_):
        request.body = b"that"

    hers.meta.events.register_first("before-send.s3.PutObject", swap)
    try:
        assert refused_status(hers.put_object, Bucket="box", Key="k", Body=b"this") == (
            400,
            "XAmzContentSHA256Mismatch",
        )
    finally:
        hers.meta.events.unregister("before-send.s3.PutObject", swap)
    assert refused_status(s3.get_object, Bucket="box", Key="k") == (404, "NoSuchKey")


def _chunked(cloud, content, trailers, **more):
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "x-amz-date": "20300101T000000Z",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(content)),
        "content-encoding": "aws-chunked",
        "x-amz-trailer": "x-amz-checksum-crc32",
        **more,
    }  # fmt: skip
    framed = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(content), content, trailers)
    return cloud.http("PUT", "/box/k", headers=headers, body=framed)


def test_a_chunked_body_is_unframed_and_its_trailer_proven(cloud, s3):
    checksum = base64.b64encode(zlib.crc32(SMALL).to_bytes(4, "big"))
    status, headers, _ = _chunked(cloud, SMALL, b"x-amz-checksum-crc32:" + checksum + b"\r\n")
    assert (status, headers["x-amz-checksum-crc32"]) == (200, checksum.decode())
    got = s3.get_object(Bucket="box", Key="k")
    assert got["Body"].read() == SMALL
    assert "ContentEncoding" not in got


def test_a_chunked_body_with_a_wrong_trailer_keeps_nothing(cloud, s3):
    status, _, answer = _chunked(cloud, SMALL, b"x-amz-checksum-crc32:AAAAAA==\r\n")
    assert status == 400 and b"<Code>BadDigest</Code>" in answer
    status, _, answer = _chunked(cloud, SMALL, b"", **{"x-amz-decoded-content-length": "7"})
    assert status == 400 and b"<Code>IncompleteBody</Code>" in answer
    assert refused_status(s3.get_object, Bucket="box", Key="k") == (404, "NoSuchKey")


# Copies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_copy_outlives_its_source(s3, content):
    s3.put_object(
        Bucket="box", Key="k", Body=content, ContentType="text/x", Metadata={"a": "1"}, Tagging="t=1"
    )
    made = s3.copy_object(Bucket="box", Key="copy", CopySource={"Bucket": "box", "Key": "k"})
    assert made["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    s3.delete_object(Bucket="box", Key="k")
    got = s3.get_object(Bucket="box", Key="copy")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"], got["TagCount"]) == (
        content,
        "text/x",
        {"a": "1"},
        1,
    )


def test_a_copy_takes_what_it_is_told(s3):
    s3.put_object(
        Bucket="box", Key="k ü+", Body=SMALL, ContentType="text/x", Metadata={"a": "1"}, Tagging="t=1"
    )
    s3.copy_object(
        Bucket="box", Key="copy", CopySource={"Bucket": "box", "Key": "k ü+"}, MetadataDirective="REPLACE", Metadata={"b": "2"},
        TaggingDirective="REPLACE", Tagging="u=2", ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    got = s3.head_object(Bucket="box", Key="copy", ChecksumMode="ENABLED")
    assert (got["Metadata"], got["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    assert got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(SMALL).digest()).decode()
    assert s3.get_object_tagging(Bucket="box", Key="copy")["TagSet"] == [{"Key": "u", "Value": "2"}]


def test_copies_are_refused_where_aws_refuses_them(s3):
    etag = s3.put_object(Bucket="box", Key="k", Body=SMALL)["ETag"]
    source = {"Bucket": "box", "Key": "k"}
    assert refused_status(s3.copy_object, Bucket="box", Key="k", CopySource=source) == (400, "InvalidRequest")
    assert refused_status(s3.copy_object, Bucket="box", Key="c", CopySource={"Bucket": "box", "Key": "no"}) == (
        404,
        "NoSuchKey",
    )
    assert refused_status(s3.copy_object, Bucket="box", Key="c", CopySource={"Bucket": "none", "Key": "no"}) == (
        404,
        "NoSuchBucket",
    )
    assert refused_status(s3.copy_object, Bucket="box", Key="c", CopySource="nonsense") == (400, "InvalidArgument")
    assert refused_status(s3.copy_object, Bucket="box", Key="c", CopySource=source, CopySourceIfNoneMatch=etag) == (
        412,
        "PreconditionFailed",
    )
    s3.copy_object(
        Bucket="box", Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"now": "yes"}
    )
    assert s3.head_object(Bucket="box", Key="k")["Metadata"] == {"now": "yes"}


# Tags, attributes, many at once ------------------------------------------------------------------------


def test_object_tags_are_kept_and_checked(s3):
    s3.put_object(Bucket="box", Key="k", Tagging="a=1&b=x%20y")
    assert s3.get_object_tagging(Bucket="box", Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "x y"},
    ]
    s3.put_object_tagging(Bucket="box", Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object(Bucket="box", Key="k")["TagCount"] == 1
    many = {"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
    assert refused_status(s3.put_object_tagging, Bucket="box", Key="k", Tagging=many) == (400, "BadRequest")
    # Objects are refused such a tag in other words than buckets are: localstack's test_tagging_validation.
    with pytest.raises(ClientError, match="InvalidTag.*Your TagKey cannot be prefixed with aws:"):
        s3.put_object(Bucket="box", Key="k", Body=b"", Tagging="aws:foo=bar")
    s3.delete_object_tagging(Bucket="box", Key="k")
    assert s3.get_object_tagging(Bucket="box", Key="k")["TagSet"] == []


def test_attributes_are_told_as_asked(s3):
    s3.put_object(Bucket="box", Key="k", Body=SMALL, ChecksumAlgorithm="SHA1")
    told = s3.get_object_attributes(
        Bucket="box", Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert told["ETag"] == hashlib.md5(SMALL).hexdigest()
    assert told["Checksum"] == {
        "ChecksumSHA1": base64.b64encode(hashlib.sha1(SMALL).digest()).decode(),
        "ChecksumType": "FULL_OBJECT",
    }
    assert (told["ObjectSize"], told["StorageClass"]) == (100, "STANDARD")


def test_many_keys_are_deleted_at_once(s3):
    for n in range(3):
        s3.put_object(Bucket="box", Key=str(n))
    told = s3.delete_objects(
        Bucket="box", Delete={"Objects": [{"Key": "0"}, {"Key": "1"}, {"Key": "missing"}]}
    )
    assert [each["Key"] for each in told["Deleted"]] == ["0", "1", "missing"]
    assert "Deleted" not in s3.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "2"}], "Quiet": True})
    assert "Contents" not in s3.list_objects_v2(Bucket="box")
    many = [{"Key": str(n)} for n in range(1001)]
    assert refused_status(s3.delete_objects, Bucket="box", Delete={"Objects": many}) == (400, "MalformedXML")


# Encryption where it is asked for ----------------------------------------------------------------------


def _bytes_at_rest(cloud):
    region = cloud.regions["us-east-1"]
    cloud.run(region.store.journal.settled())
    rows = region.store.rows("000000000000").all("select body from s3_object")
    kept = [row[0] for row in rows if row[0]]
    blobs = region.store.blobs("000000000000", "s3")
    return kept + [blobs.get(name) for name in _names(blobs)]


def _names(blobs):
    return [name for _, _, names in os.walk(blobs.folder) for name in names]


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_an_encrypted_object_is_encrypted_at_rest(cloud, s3, content):
    put = s3.put_object(Bucket="box", Key="k", Body=content, ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert put["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    (kept,) = _bytes_at_rest(cloud)
    assert len(kept) == len(content) and content[:32] not in kept
    got = s3.get_object(Bucket="box", Key="k")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (content, "AES256")
    assert body(s3, "k", Range="bytes=17-50") == content[17:51]
    s3.copy_object(Bucket="box", Key="plain", CopySource={"Bucket": "box", "Key": "k"})
    assert body(s3, "plain") == content


def test_a_buckets_configuration_encrypts_for_those_who_do_not_ask(cloud, s3):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket="box", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.put_object(Bucket="box", Key="k", Body=SMALL)["ServerSideEncryption"] == "AES256"
    assert SMALL not in _bytes_at_rest(cloud)
    assert body(s3, "k") == SMALL


def test_what_nobody_asked_to_encrypt_is_encrypted(cloud, s3):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    rule["BlockedEncryptionTypes"] = {"EncryptionType": ["SSE-C"]}
    assert s3.get_bucket_encryption(Bucket="box")["ServerSideEncryptionConfiguration"] == {"Rules": [rule]}
    for key, content in (("small", SMALL), ("large", LARGE)):
        assert s3.put_object(Bucket="box", Key=key, Body=content)["ServerSideEncryption"] == "AES256"
        assert s3.head_object(Bucket="box", Key=key)["ServerSideEncryption"] == "AES256"
        assert body(s3, key) == content
    upload = s3.create_multipart_upload(Bucket="box", Key="parts")
    part = s3.upload_part(Bucket="box", Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=LARGE)
    done = s3.complete_multipart_upload(
        Bucket="box", Key="parts", UploadId=upload["UploadId"], MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert {each["ServerSideEncryption"] for each in (upload, part, done)} == {"AES256"} and body(s3, "parts") == LARGE
    assert not any(content[:32] in kept for kept in _bytes_at_rest(cloud) for content in (SMALL, LARGE))


def test_a_large_body_is_read_again_in_any_stretch_and_after_it_is_gone_no_more(cloud, s3):
    for _ in range(2):
        s3.put_object(Bucket="box", Key="k", Body=LARGE)
        for _ in range(3):
            assert body(s3, "k") == LARGE
            assert body(s3, "k", Range="bytes=70001-150000") == LARGE[70001:150001]
            cloud.sleep(45)
        s3.delete_object(Bucket="box", Key="k")
        with pytest.raises(s3.exceptions.NoSuchKey):
            s3.get_object(Bucket="box", Key="k")
    s3.put_object(Bucket="box", Key="k", Body=LARGE[::-1])
    cloud.sleep(120)
    assert body(s3, "k") == LARGE[::-1]


def test_more_large_bodies_than_memory_holds_are_read_whole(s3):
    bodies = {str(n): bytes([n]) * (15 << 20) for n in range(6)}
    for key, content in bodies.items():
        s3.put_object(Bucket="box", Key=key, Body=content)
    for _ in range(2):
        assert all(body(s3, key) == content for key, content in bodies.items())


# Anything at all ---------------------------------------------------------------------------------------

text = st.text(max_size=40)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"]),
    path=st.text(alphabet="box/%0123 .?&=-é", max_size=20),
    query=st.sampled_from(["", "uploads", "versions", "acl", "tagging", "delete", "list-type=2", "uploadId=x&partNumber=1", "policy", "cors"]),
    value=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    name=st.sampled_from(["range", "if-match", "x-amz-copy-source", "content-md5", "x-amz-acl", "x-amz-tagging", "if-modified-since",
                          "x-amz-checksum-crc32", "x-amz-storage-class", "x-amz-trailer", "x-amz-grant-read", "x-amz-decoded-content-length",
                          "x-amz-sdk-checksum-algorithm", "x-amz-server-side-encryption", "origin", "expires"]),
    content=st.binary(max_size=60),
)  # fmt: skip
def test_no_request_makes_an_internal_failure(cloud, s3, method, path, query, value, name, content):
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "x-amz-date": "20300101T000000Z",
        name: value,
    }  # fmt: skip
    target = "/" + path.replace("?", "").encode("utf-8").decode("latin-1") + (f"?{query}" if query else "")
    status, _, answer = cloud.http(method, target, headers=headers, body=content)
    assert status < 500 or (status == 501 and (b"NotImplemented" in answer or method == "HEAD")), (
        status,
        answer,
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.sampled_from(["tagging", "versioning", "cors", "acl", "encryption", "ownershipControls", "publicAccessBlock", "policy", "delete", "uploadId=x"]),
    document=st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.text(alphabet="ab<&", max_size=5).map(lambda t: t.replace("&", "&amp;").replace("<", "&lt;")),
            lambda inner: st.builds(
                lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
                st.sampled_from(["Tagging", "TagSet", "Tag", "Key", "Value", "CORSRule", "AllowedMethod", "Status", "Rule", "Delete", "Object",
                                 "AccessControlPolicy", "Grant", "Grantee", "Owner", "AccessControlList", "Part", "PartNumber"]),
                st.lists(inner, max_size=3),
            ),
            max_leaves=8,
        ).map(str.encode),
    ),
)  # fmt: skip
def test_no_document_makes_an_internal_failure(cloud, s3, query, document):
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "x-amz-date": "20300101T000000Z",
        "content-md5": base64.b64encode(hashlib.md5(document).digest()).decode(),
    }  # fmt: skip
    method = "POST" if query in ("delete", "uploadId=x") else "PUT"
    status, _, answer = cloud.http(
        method, f"/box{'/k' if query == 'uploadId=x' else ''}?{query}", headers=headers, body=document
    )
    assert status < 500 or status == 501, answer


def test_a_copy_onto_itself_must_change_something(s3):
    s3.put_object(Bucket="box", Key="k", Body=SMALL)
    onto_itself = {"Bucket": "box", "Key": "k", "CopySource": "box/k"}
    with pytest.raises(ClientError, match="trying to copy an object to itself"):
        s3.copy_object(**onto_itself)
    # Observed on AWS by the test of moto that is called test_copy_object_in_place_with_versioning.
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(ClientError, match="trying to copy an object to itself"):
        s3.copy_object(**onto_itself)
    assert s3.copy_object(**onto_itself | {"CopySource": "box/k?versionId=null"})["VersionId"] != "null"
